/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations of an evaluation over OPA's API: lines with ?pretty, else events. */
#include "rego/trace.h"
#include "shell/opa.h"

/* Room in the answer: an explanation is the first thing that makes one large. */
static bool trace(struct wr_opa_call *call, struct wr_str query, const struct wr_value *input,
                  struct wr_trace *out)
{
    const struct wr_opa *opa = call->opa;
    struct wr_arena *scratch = &call->server->scratch;
    struct wr_str *names = WR_NEW_ARRAY(scratch, struct wr_str, opa->code->n_modules + 1);
    struct wr_rego_context context = wr_opa_context(call, input);
    context.fuel = WR_LIMIT_OPA_FUEL_EXPLAIN;
    for (uint32_t i = 0; names != NULL && i < opa->code->n_modules; i++) {
        names[wr_opa_tree_of(opa, i)] = opa->code->modules[i].id;
    }
    return names != NULL &&
           wr_rego_trace(scratch, opa->program, names, query, &opa->documents->root, &context, out);
}

void wr_opa_write_explanation(struct wr_buf *json, struct wr_opa_call *call, struct wr_str query,
                              const struct wr_value *input)
{
    static const enum wr_trace_filter filters[] = {
        [WR_EXPLAIN_FULL] = WR_TRACE_FULL,
        [WR_EXPLAIN_NOTES] = WR_TRACE_NOTES,
        [WR_EXPLAIN_FAILS] = WR_TRACE_FAILS,
        [WR_EXPLAIN_DEBUG] = WR_TRACE_FULL,
    };
    struct wr_trace found;
    wr_buf_str(json, WR_STR("\"explanation\":"));
    if (!trace(call, query, input, &found)) {
        wr_buf_str(json, WR_STR("[]"));
        return;
    }
    wr_trace_filter(&found, filters[call->explain]);
    if (call->pretty) {
        wr_trace_lines_json(json, &found);
    } else {
        wr_trace_json(json, &found);
    }
}
