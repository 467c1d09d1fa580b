/* SPDX-License-Identifier: Apache-2.0 */
#include "program/rego_twins.h"

#include "rego/vm.h"
#include "value/json_write.h"

#define FUEL 2000000

wr_err wr_vm_run_goto(struct vm *vm);
wr_err wr_vm_run_switch(struct vm *vm);

static int chosen_machine;

wr_err wr_vm_run(struct vm *vm)
{
    return chosen_machine == 1 ? wr_vm_run_switch(vm) : wr_vm_run_goto(vm);
}

wr_err twin_run(const struct wr_rego_query *query, const struct wr_value *input, bool strict,
                bool unindexed, int machine, struct wr_arena *scratch, struct wr_buf *out)
{
    struct wr_rego_context context = {.input = input,
                                      .env = {.now_ns = 1},
                                      .fuel = FUEL,
                                      .strict_builtin_errors = strict,
                                      .unindexed = unindexed};
    struct wr_rego_results results;
    struct wr_error error = {0};
    chosen_machine = machine;
    wr_err err = wr_rego_eval(query, &context, scratch, &results, &error);
    if (err != WR_OK) {
        wr_rego_eval_error_write(out, &error);
    } else if (results.n == 0) {
        wr_buf_str(out, WR_STR("undefined"));
    } else {
        wr_rego_write(out, &results.items[0].value);
    }
    return err;
}

/* ── less of the input ──────────────────────────────────────────────────────────────────────── */

static struct wr_value put(struct wr_arena *arena, struct wr_value in, const struct wr_str *path,
                           uint32_t n, struct wr_value v)
{
    if (n == 0) {
        return v;
    }
    struct wr_value key = wr_string(path[0]);
    uint32_t n_pairs = in.type == WR_OBJECT ? in.n : 0;
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, (size_t)n_pairs + 1);
    if (pairs == NULL) {
        return in;
    }
    if (n_pairs > 0) {
        memcpy(pairs, in.pairs, n_pairs * sizeof *pairs);
    }
    const struct wr_value *below = n_pairs > 0 ? wr_object_get(&in, &key) : NULL;
    pairs[n_pairs] = (struct wr_pair){
        key, put(arena, below != NULL ? *below : wr_undefined(), path + 1, n - 1, v)};
    return wr_object_from(pairs, (size_t)n_pairs + 1);
}

/* Only what stands at the paths. */
static struct wr_value cut_down(struct wr_arena *arena, const struct wr_rego_query *query,
                                const struct wr_value *input)
{
    const struct wr_rego_input_path *paths;
    struct wr_value out = wr_object_from(NULL, 0);
    uint32_t n;
    if (wr_rego_input_paths(query->program, query, arena, &paths, &n) != WR_OK) {
        return *input; /* no room */
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct wr_value *at = input;
        for (uint32_t k = 0; k < paths[i].n && at != NULL; k++) {
            at = wr_object_get_str(at, paths[i].items[k]);
        }
        out = at != NULL ? put(arena, out, paths[i].items, paths[i].n, *at) : out;
    }
    return out;
}

/* ── all ways ───────────────────────────────────────────────────────────────────────────────── */

static bool is_cut(wr_err err)
{
    return err == WR_E_EVAL_CANCEL || err == WR_E_MEMORY || err == WR_E_LIMIT;
}

bool twins_agree(const struct wr_rego_query *query, const struct wr_value *input, bool strict,
                 struct wr_arena *arena, struct wr_buf *answer, struct wr_buf *why)
{
    static const char *const ways[] = {"indexed, jumps", "clause by clause, jumps",
                                       "indexed, switch", "clause by clause, switch",
                                       "only the paths read"};
    struct wr_value less = cut_down(arena, query, input);
    wr_err first = twin_run(query, input, strict, false, 0, arena, answer);
    for (int way = 1; way < 5; way++) {
        struct wr_buf other = wr_buf_in(arena, 256);
        wr_err err = way < 4
                         ? twin_run(query, input, strict, (way & 1) != 0, way >> 1, arena, &other)
                         : twin_run(query, &less, strict, false, 0, arena, &other);
        if (is_cut(first) || is_cut(err) || wr_arena_failed(arena)) {
            continue;
        }
        if (err != first || !wr_str_eq(wr_buf_view(answer), wr_buf_view(&other))) {
            wr_format(why, "%s: %.*s\n%s: %.*s\n", ways[0], (int)answer->n, answer->p, ways[way],
                      (int)other.n, other.p);
            return false;
        }
    }
    return true;
}
