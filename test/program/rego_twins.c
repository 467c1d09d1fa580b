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

static bool is_cut(wr_err err)
{
    return err == WR_E_EVAL_CANCEL || err == WR_E_MEMORY || err == WR_E_LIMIT;
}

bool twins_agree(const struct wr_rego_query *query, const struct wr_value *input, bool strict,
                 struct wr_arena *arena, struct wr_buf *answer, struct wr_buf *why)
{
    wr_err first = twin_run(query, input, strict, false, 0, arena, answer);
    for (int way = 1; way < 4; way++) {
        struct wr_buf other = wr_buf_in(arena, 256);
        wr_err err = twin_run(query, input, strict, (way & 1) != 0, way >> 1, arena, &other);
        if (is_cut(first) || is_cut(err)) {
            continue;
        }
        if (err != first || !wr_str_eq(wr_buf_view(answer), wr_buf_view(&other))) {
            wr_format(why, "indexed, jumps: %.*s\n%s, %s: %.*s\n", (int)answer->n, answer->p,
                      (way & 1) != 0 ? "clause by clause" : "indexed",
                      way >> 1 != 0 ? "switch" : "jumps", (int)other.n, other.p);
            return false;
        }
    }
    return true;
}
