/* SPDX-License-Identifier: Apache-2.0 */
/* What the drivers of builtins share: calls by name. */
#ifndef WR_FUZZ_CALL_H
#define WR_FUZZ_CALL_H

#include "fuzz.h"

#include "rego/builtin.h"
#include "value/json_read.h"
#include "value/json_write.h"

/* A builtin's answer; undefined when it has none. *cut is set when fuel, memory or a limit was the
 * reason: then nothing can be said about it. */
static inline struct wr_value fuzz_call(struct wr_arena *arena, const char *name,
                                        const struct wr_value *args, uint32_t n, bool *cut)
{
    static const struct wr_builtin_env env = {.now_ns = 1700000000000000000, .seed = 1};
    uint64_t fuel = 3000000;
    struct wr_error error = {0};
    struct wr_value out = wr_undefined();
    const struct wr_builtin *builtin = wr_builtin_find(wr_str_z(name));
    struct wr_builtin_call call = {.self = builtin,
                                   .arena = arena,
                                   .env = &env,
                                   .cache = wr_builtin_cache_new(arena),
                                   .error = &error,
                                   .fuel = &fuel};
    demand(builtin != NULL);
    wr_err err = builtin->fn(&call, args, n, &out);
    demand(err == WR_OK || err == WR_E_EVAL_TYPE || err == WR_E_EVAL_BUILTIN ||
           err == WR_E_EVAL_CANCEL || err == WR_E_MEMORY || err == WR_E_LIMIT);
    *cut = *cut || err == WR_E_EVAL_CANCEL || err == WR_E_MEMORY || err == WR_E_LIMIT ||
           wr_arena_failed(arena);
    return err == WR_OK ? out : wr_undefined();
}

static inline bool fuzz_same(const struct wr_value *a, const struct wr_value *b)
{
    return a->type == b->type && (a->type == WR_UNDEFINED || wr_value_eq(a, b));
}

#endif
