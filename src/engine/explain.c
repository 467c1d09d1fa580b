/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons from models: what the inputs of a score did to its margin, told by the pack's codes.
 *
 * Runs under the budget `full` alone, after the outcome is known, so that only the outcomes that
 * the pack names are explained. What an explanation costs is known beforehand and does not depend
 * on the row: all models of a decision share decision.explain_steps, in the order of their names,
 * and what is left out for want of time or steps is told under `degraded`. */
#include "engine/state.h"

/* The code with the greatest sum above zero, or UINT32_MAX; the first of equals. */
static uint32_t greatest(const double *sums, uint32_t n)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        if (sums[i] > (best == UINT32_MAX ? 0 : sums[best])) {
            best = i;
        }
    }
    return best;
}

/* Inputs that share a code are told together. */
static void tell(const struct wr_engine *engine, const struct wr_pack_model *model,
                 const double *contributions, struct wr_verdict *verdict)
{
    const struct wr_pack_explain *explain = model->explain;
    double sums[WR_LIMIT_EXPLAIN_CODES] = {0};
    for (size_t i = 0; i < model->n_inputs; i++) {
        double adverse = explain->low_is_adverse ? -contributions[i] : contributions[i];
        if (explain->code_of[i] != UINT8_MAX) {
            sums[explain->code_of[i]] += adverse;
        }
    }
    for (uint64_t k = 0; k < explain->top; k++) {
        uint32_t best = greatest(sums, explain->n_codes);
        if (best == UINT32_MAX) {
            return;
        }
        sums[best] = 0;
        wr_verdict_reason(engine, verdict,
                          (struct wr_reason){.code = explain->codes[best],
                                             .text = WR_STR(""),
                                             .rule = model->name});
    }
}

static void explain_model(struct wr_engine *engine, struct wr_case *c, uint32_t m, uint64_t *steps,
                          struct wr_verdict *verdict)
{
    const struct wr_binding *binding = engine->binding;
    const struct wr_pack_model *model = &binding->pack->models[m];
    double *row = binding->explained, *contributions = row + model->n_inputs;
    const char *why = NULL;
    if (c->budget == WR_BUDGET_NO_EXPLAIN) {
        why = "deadline";
    } else if (model->explain->steps > *steps) {
        why = "steps";
    } else if (!wr_case_row(c, binding, m, row) ||
               wr_model_explain(model->model, row, model->output, contributions,
                                binding->model_scratch) != WR_OK) {
        why = "input_out_of_range";
    }
    if (why != NULL) {
        wr_verdict_degrade(verdict, "explain", model->name, why, WR_STR(""));
        return;
    }
    *steps -= model->explain->steps;
    tell(engine, model, contributions, verdict);
}

void wr_case_explain(struct wr_engine *engine, struct wr_case *c, struct wr_verdict *verdict)
{
    const struct wr_pack *pack = engine->binding->pack;
    uint64_t steps = pack->policy.explain_steps;
    for (uint32_t m = 0; m < pack->n_models; m++) {
        const struct wr_pack_explain *explain = pack->models[m].explain;
        if (explain != NULL && c->model_states[m] == WR_SCORED &&
            (explain->outcomes >> verdict->outcome & 1) != 0) {
            explain_model(engine, c, m, &steps, verdict);
        }
    }
}
