/* SPDX-License-Identifier: Apache-2.0 */
/* Which models score a transaction: those of its segments, those that a fallback asks for, and what
 * stands in for a score that is not to be had. Packs whose models all score everything take no part
 * in this. Segments are chosen by the recorded event and its features: a replay chooses alike. */
#include "engine/state.h"

static bool fits(const struct wr_case *c, const struct wr_pack_match *match)
{
    const struct wr_value *found = match->feature != UINT32_MAX
                                       ? &c->features[match->feature]
                                       : wr_path_get(&match->path, &c->document);
    for (uint32_t i = 0; found != NULL && i < match->n_values; i++) {
        if (wr_value_eq(found, &match->values[i])) {
            return true;
        }
    }
    return false;
}

static uint32_t choose(const struct wr_case *c, const struct wr_pack_model *model)
{
    for (uint32_t s = 0; s < model->n_segments; s++) {
        const struct wr_pack_segment *segment = &model->segments[s];
        uint32_t i = 0;
        while (i < segment->n_matches && fits(c, &segment->matches[i])) {
            i++;
        }
        if (i == segment->n_matches) {
            return segment->model;
        }
    }
    return UINT32_MAX;
}

void wr_case_route(const struct wr_binding *binding, struct wr_case *c)
{
    const struct wr_pack *pack = binding->pack;
    bool asked = c->budget != WR_BUDGET_FALLBACK;
    c->wanted = c->lent = 0;
    for (uint32_t m = 0; m < pack->n_models; m++) {
        const struct wr_pack_model *model = &pack->models[m];
        c->model_states[m] = asked ? WR_SCORE_ELSEWHERE : WR_SCORE_SKIPPED;
        c->score_values[m] = wr_undefined();
        if (asked && model->model != NULL && !model->on_demand) {
            c->wanted |= UINT32_C(1) << m;
        }
    }
    for (uint32_t m = 0; m < pack->n_models && asked; m++) {
        if (pack->models[m].model == NULL) {
            uint32_t chosen = choose(c, &pack->models[m]);
            c->model_states[m] = chosen != UINT32_MAX ? WR_SCORE_ROUTED : WR_SCORE_NO_SEGMENT;
            c->model_absent[m] = (uint16_t)(chosen != UINT32_MAX ? chosen : 0);
            c->wanted |= chosen != UINT32_MAX ? UINT32_C(1) << chosen : 0;
        }
    }
}

static bool has_failed(const struct wr_case *c, uint32_t m)
{
    return c->model_states[m] == WR_SCORE_NO_INPUT || c->model_states[m] == WR_SCORE_NOT_FINITE ||
           c->model_states[m] == WR_SCORE_FAILED;
}

void wr_case_ask_fallback(const struct wr_binding *binding, struct wr_case *c, uint32_t m)
{
    const struct wr_pack_model *model = &binding->pack->models[m];
    if (model->fallback == WR_FALLBACK_MODEL && has_failed(c, m)) {
        c->wanted |= UINT32_C(1) << model->fallback_model;
    }
}

static void lend(struct wr_case *c, uint32_t m, const struct wr_value *score)
{
    c->score_values[m] = *score;
    c->lent |= UINT32_C(1) << m;
}

/* Backwards: what a model falls back on comes behind it, and may itself have fallen back. */
void wr_case_lend(const struct wr_binding *binding, struct wr_case *c)
{
    const struct wr_pack *pack = binding->pack;
    for (uint32_t k = pack->n_in_line; k-- > 0;) {
        uint32_t m = pack->in_line[k];
        const struct wr_pack_model *model = &pack->models[m];
        if (!has_failed(c, m)) {
            continue;
        }
        if (model->fallback == WR_FALLBACK_SCORE) {
            lend(c, m, &model->fallback_score);
        } else if (model->fallback == WR_FALLBACK_MODEL &&
                   wr_case_has_score(c, model->fallback_model)) {
            lend(c, m, &c->score_values[model->fallback_model]);
        }
    }
    for (uint32_t m = 0; m < pack->n_models; m++) {
        const struct wr_pack_model *model = &pack->models[m];
        bool routed = c->model_states[m] == WR_SCORE_ROUTED;
        if (routed && wr_case_has_score(c, c->model_absent[m])) {
            lend(c, m, &c->score_values[c->model_absent[m]]);
        } else if ((routed || c->model_states[m] == WR_SCORE_NO_SEGMENT) &&
                   model->fallback == WR_FALLBACK_SCORE) {
            lend(c, m, &model->fallback_score);
        }
    }
}

const char *wr_case_score_absence(const struct wr_case *c, uint32_t m)
{
    static const char *const whys[] = {
        [WR_SCORE_NO_INPUT] = "input_missing",
        [WR_SCORE_NOT_FINITE] = "not_finite",
        [WR_SCORE_FAILED] = "input_out_of_range",
        [WR_SCORE_NO_SEGMENT] = "no_segment",
    };
    uint32_t state = c->model_states[m];
    if (state == WR_SCORE_ROUTED) {
        state = c->model_states[c->model_absent[m]];
    }
    return state < WR_COUNTOF(whys) ? whys[state] : NULL;
}

bool wr_case_tells(const struct wr_binding *binding, const struct wr_case *c, uint32_t m)
{
    return binding->pack->models[m].fallback == WR_FALLBACK_TELL && !wr_case_has_score(c, m) &&
           wr_case_score_absence(c, m) != NULL;
}
