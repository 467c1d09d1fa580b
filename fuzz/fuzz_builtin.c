/* SPDX-License-Identifier: Apache-2.0 */
/* Any builtin on any arguments: the first byte chooses the builtin, the rest is a JSON array of
 * arguments; the second byte turns arrays among them into sets. Properties: only the stated error
 * codes; fuel is never exceeded; a result can be written; the same call answers the same. */
#include "fuzz.h"

#include "rego/builtin.h"
#include "value/json_read.h"
#include "value/json_write.h"

static const struct wr_builtin_env env = {.now_ns = 1700000000000000000, .seed = 1};

static struct wr_value as_set(struct wr_arena *arena, struct wr_value v)
{
    struct wr_value copy = wr_value_copy(arena, v);
    return v.type != WR_ARRAY ? v : wr_set_from((struct wr_value *)(uintptr_t)copy.items, copy.n);
}

static wr_err call_once(struct wr_arena *arena, const struct wr_builtin *builtin,
                        const struct wr_value *args, struct wr_str *text)
{
    uint64_t fuel = 2000000;
    struct wr_error error = {0};
    struct wr_value out = wr_undefined();
    struct wr_builtin_call call = {.self = builtin,
                                   .arena = arena,
                                   .env = &env,
                                   .cache = wr_builtin_cache_new(arena),
                                   .error = &error,
                                   .fuel = &fuel};
    wr_err err = builtin->fn(&call, args, builtin->arity_min, &out);
    demand(err == WR_OK || err == WR_E_EVAL_TYPE || err == WR_E_EVAL_BUILTIN ||
           err == WR_E_EVAL_CANCEL || err == WR_E_MEMORY || err == WR_E_LIMIT);
    struct wr_buf buf = wr_buf_in(arena, 256);
    if (err == WR_OK) {
        wr_rego_write(&buf, &out);
    } else {
        wr_buf_str(&buf, wr_str_z(error.text));
    }
    *text = wr_buf_view(&buf);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr_arena arena;
    struct wr_value args[WR_LIMIT_BUILTIN_ARGS], list;
    struct wr_str first, second;
    if (size < 3) {
        return 0;
    }
    const struct wr_builtin *builtin = wr_builtin_at(data[0] % wr_builtin_count());
    wr_arena_init(&arena, &fuzz_memory, 32u << 20);
    struct wr_str json = wr_str_of((const char *)data + 2, size - 2);
    if (builtin->fn != NULL && wr_json_read(&arena, json, true, NULL, &list, NULL) == WR_OK &&
        list.type == WR_ARRAY && list.n >= builtin->arity_min && list.n > 0) {
        for (uint32_t i = 0; i < builtin->arity_min; i++) {
            bool set = (data[1] >> i & 1) != 0;
            args[i] = set ? as_set(&arena, list.items[i]) : list.items[i];
        }
        wr_err a = call_once(&arena, builtin, args, &first);
        wr_err b = call_once(&arena, builtin, args, &second);
        bool room = a != WR_E_MEMORY && b != WR_E_MEMORY && !wr_arena_failed(&arena);
        demand(!room || (a == b && wr_str_eq(first, second)));
    }
    wr_arena_deinit(&arena);
    return 0;
}
