/* SPDX-License-Identifier: Apache-2.0 */
/* Scores: one row per live case and model, handed to the model together. A model is left out of a
 * decision when an input is absent that it cannot do without; the decision says so. */
#include <math.h>

#include "engine/state.h"

enum { ROWS_MAX = 64 }; /* rows in one call of a model: bounds the room that wide models need */

/* The number of an input, or NaN when it is absent. */
static double input_number(const struct wr_case *c, const struct wr_pack_input *input,
                           uint32_t *path)
{
    if (input->feature == UINT32_MAX) {
        return c->paths[(*path)++];
    }
    const struct wr_feature_value *value = &c->vector.values[input->feature];
    if (value->presence != WR_FEATURE_DEFINED) {
        return (double)NAN;
    }
    const struct wr_value *v = &c->features[input->feature];
    if (input->category) {
        return wr_is(*v, WR_STRING) ? wr_model_category(input->model, input->index, wr_text(*v))
                                    : (double)NAN;
    }
    return value->number;
}

bool wr_case_row(struct wr_case *c, const struct wr_binding *binding, uint32_t m, double *row)
{
    const struct wr_pack_model *model = &binding->pack->models[m];
    uint32_t path = binding->first_path[m];
    for (size_t i = 0; i < model->n_inputs; i++) {
        const struct wr_pack_input *input = &model->inputs[i];
        row[i] = input_number(c, input, &path);
        if (!isnan(row[i]) || model->takes_missing) {
            continue;
        }
        if (!input->has_default) {
            c->model_states[m] = WR_SCORE_NO_INPUT;
            c->model_absent[m] = (uint16_t)i;
            return false;
        }
        row[i] = input->fallback;
    }
    return true;
}

static void take_score(struct wr_case *c, uint32_t m, double score, struct wr_arena *keep)
{
    bool finite = isfinite(score);
    c->model_states[m] = finite ? WR_SCORED : WR_SCORE_NOT_FINITE;
    c->score_values[m] = finite ? wr_number_double(keep, score) : wr_undefined();
}

struct rows {
    struct wr_case **of; /* [n] */
    double *rows, *outputs;
    size_t n;
};

static void score_rows(const struct wr_pack_model *model, uint32_t m, void *model_scratch,
                       const struct rows *rows, struct wr_arena *keep)
{
    if (rows->n != 0 && wr_model_score_batch(model->model, rows->rows, rows->n, rows->outputs,
                                             model_scratch) == WR_OK) {
        for (size_t k = 0; k < rows->n; k++) {
            take_score(rows->of[k], m, rows->outputs[k * model->n_outputs + model->output], keep);
        }
        return;
    }
    for (size_t k = 0; k < rows->n; k++) { /* one row cannot be scored: find out which */
        wr_err err = wr_model_score(model->model, rows->rows + k * model->n_inputs, rows->outputs,
                                    model_scratch);
        if (err == WR_OK) {
            take_score(rows->of[k], m, rows->outputs[model->output], keep);
        } else {
            rows->of[k]->model_states[m] = WR_SCORE_FAILED;
        }
    }
}

size_t wr_case_score_room(const struct wr_binding *binding, size_t n)
{
    return WR_MIN(n, (size_t)ROWS_MAX) * sizeof(double) *
           (1 + binding->n_inputs_max + binding->n_outputs_max);
}

/* All live cases of one model, at most ROWS_MAX at a time. */
static void score_model(const struct wr_binding *binding, uint32_t m, struct wr_case *cases,
                        size_t n, struct rows *rows, struct wr_arena *keep)
{
    const struct wr_pack_model *model = &binding->pack->models[m];
    const uint32_t always = binding->pack->every_model ? UINT32_MAX : 0;
    rows->n = 0;
    for (size_t k = 0; k < n; k++) {
        struct wr_case *c = &cases[k];
        if (c->stage != WR_CASE_LIVE || ((c->wanted | always) >> m & 1) == 0) {
            continue;
        }
        c->model_states[m] = WR_SCORE_SKIPPED;
        if (c->budget != WR_BUDGET_FALLBACK &&
            wr_case_row(c, binding, m, rows->rows + rows->n * model->n_inputs)) {
            rows->of[rows->n++] = c;
        }
        if (rows->n == ROWS_MAX) {
            score_rows(model, m, binding->model_scratch, rows, keep);
            rows->n = 0;
        }
    }
    score_rows(model, m, binding->model_scratch, rows, keep);
}

/* Models by segment and fallbacks: each case has its own models. */
static void score_some(const struct wr_binding *binding, struct wr_case *cases, size_t n,
                       struct rows *rows, struct wr_arena *keep)
{
    const struct wr_pack *pack = binding->pack;
    for (size_t i = 0; i < n; i++) {
        if (cases[i].stage == WR_CASE_LIVE) {
            wr_case_route(binding, &cases[i]);
        }
    }
    for (uint32_t k = 0; k < pack->n_in_line; k++) {
        score_model(binding, pack->in_line[k], cases, n, rows, keep);
        for (size_t i = 0; i < n; i++) {
            if (cases[i].stage == WR_CASE_LIVE) {
                wr_case_ask_fallback(binding, &cases[i], pack->in_line[k]);
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (cases[i].stage == WR_CASE_LIVE) {
            wr_case_lend(binding, &cases[i]);
        }
    }
}

static struct rows rows_in(const struct wr_binding *binding, size_t n, void *room)
{
    size_t n_rows = WR_MIN(n, (size_t)ROWS_MAX);
    struct rows rows = {.of = room,
                        .rows = (double *)(void *)((char *)room + n_rows * sizeof(double))};
    rows.outputs = rows.rows + n_rows * binding->n_inputs_max;
    return rows;
}

void wr_case_score_one(const struct wr_binding *binding, uint32_t m, struct wr_case *cases,
                       size_t n, void *room, struct wr_arena *keep)
{
    struct rows rows = rows_in(binding, n, room);
    score_model(binding, m, cases, n, &rows, keep);
}

void wr_case_score(struct wr_engine *engine, struct wr_case *cases, size_t n, void *room,
                   struct wr_arena *keep)
{
    const struct wr_binding *binding = engine->binding;
    struct rows rows = rows_in(binding, n, room);
    if (WR_LIKELY(binding->pack->every_model)) {
        for (uint32_t m = 0; m < binding->pack->n_models; m++) {
            score_model(binding, m, cases, n, &rows, keep);
        }
    } else {
        score_some(binding, cases, n, &rows, keep);
    }
    WR_ASSERT(!wr_arena_failed(keep));
}
