/* SPDX-License-Identifier: Apache-2.0 */
/* A case as it was before its policy was asked, from its record: the event is read again, and what
 * was derived from it is taken as recorded. Nothing is asked of the state, so that this may happen
 * at any time after. */
#include <math.h>

#include "engine/state.h"
#include "value/json_read.h"

static wr_err no_record(const struct wr_record *record, struct wr_error *error)
{
    return wr_fail(error, WR_E_JOURNAL, "entry %llu: its derived part is not whole",
                   (unsigned long long)record->sequence);
}

/* ── features ───────────────────────────────────────────────────────────────────────────────── */
static uint8_t presence_of(const struct wr_value *why)
{
    static const uint8_t codes[] = {
        WR_FEATURE_NO_HISTORY,   WR_FEATURE_WARMING,  WR_FEATURE_EVICTED, WR_FEATURE_STALE,
        WR_FEATURE_FIELD_ABSENT, WR_ABSENT_UNDEFINED, WR_ABSENT_ERROR};
    for (size_t i = 0; why != NULL && wr_is(*why, WR_STRING) && i < WR_COUNTOF(codes); i++) {
        if (wr_str_eq(wr_text(*why), wr_str_z(wr_case_absence(codes[i])))) {
            return codes[i];
        }
    }
    return WR_FEATURE_FIELD_ABSENT;
}

static double number_of(const struct wr_value *v)
{
    return wr_is(*v, WR_NUMBER) ? wr_number_to_double(v)
           : wr_is(*v, WR_BOOL) ? (double)v->i
                                : (double)NAN;
}

static void restore_features(const struct wr_engine *engine, struct wr_case *c,
                             const struct wr_value *features, const struct wr_value *missing)
{
    const struct wr_feature_plan *plan = engine->binding->plan;
    for (uint32_t i = 0; i < plan->n_features; i++) {
        const struct wr_value *v = wr_object_get_str(features, plan->features[i].name);
        struct wr_feature_value *out = &c->vector.values[i];
        *out = (struct wr_feature_value){.form = WR_FORM_VALUE, .number = (double)NAN};
        c->features[i] = v != NULL ? *v : wr_undefined();
        if (v == NULL) {
            out->presence = presence_of(wr_object_get_str(missing, plan->features[i].name));
        } else {
            out->value = &c->features[i];
            out->number = number_of(v);
        }
    }
}

/* ── scores ─────────────────────────────────────────────────────────────────────────────────── */
static enum wr_model_state state_of(struct wr_str why)
{
    if (wr_str_eq(why, WR_STR("not_finite"))) {
        return WR_SCORE_NOT_FINITE;
    }
    if (wr_str_eq(why, WR_STR("input_out_of_range"))) {
        return WR_SCORE_FAILED;
    }
    return wr_str_eq(why, WR_STR("no_segment")) ? WR_SCORE_NO_SEGMENT : WR_SCORE_NO_INPUT;
}

/* Which models were asked follows from the event; what they gave, from the record. */
static void restore_scores(const struct wr_engine *engine, struct wr_case *c,
                           const struct wr_value *scores, const struct wr_value *missing)
{
    const struct wr_pack *pack = engine->binding->pack;
    wr_case_route(engine->binding, c);
    for (uint32_t m = 0; m < pack->n_models; m++) {
        const struct wr_pack_model *model = &pack->models[m];
        const struct wr_value *score = wr_object_get_str(scores, model->name);
        const struct wr_value *why = wr_object_get_str(missing, model->name);
        if (score != NULL && wr_is(*score, WR_NUMBER)) {
            c->score_values[m] = *score;
            c->lent |= UINT32_C(1) << m;
        } else if (model->fallback == WR_FALLBACK_TELL && why != NULL && wr_is(*why, WR_STRING)) {
            c->model_states[m] = (uint8_t)state_of(wr_text(*why));
        }
    }
}

wr_err wr_case_restore(struct wr_engine *engine, struct wr_case *c, const struct wr_record *record,
                       struct wr_arena *scratch, struct wr_error *error)
{
    static const struct wr_json_limits limits = {.size_max = WR_LIMIT_RECORD_SIZE,
                                                 .depth_max = WR_LIMIT_REQUEST_DEPTH};
    struct wr_value derived;
    *c = (struct wr_case){.stage = WR_CASE_LIVE,
                          .budget = record->budget,
                          .epoch = record->epoch,
                          .node = record->node,
                          .sequence = record->sequence,
                          .now_us = record->now_us};
    if (!wr_case_prepare(engine, c, scratch)) {
        return wr_fail(error, WR_E_MEMORY, "no room to score challengers");
    }
    wr_err err = wr_case_read_record(engine, c, record, scratch, error);
    err =
        err != WR_OK ? err : wr_json_read(scratch, record->derived, true, &limits, &derived, error);
    if (err != WR_OK) {
        return err;
    }
    const struct wr_str names[] = {WR_STR("features"), WR_STR("missing"), WR_STR("scores")};
    const struct wr_value *parts[WR_COUNTOF(names)] = {0};
    for (size_t i = 0; i < WR_COUNTOF(names); i++) {
        parts[i] = wr_is(derived, WR_OBJECT) ? wr_object_get_str(&derived, names[i]) : NULL;
        if (parts[i] == NULL || !wr_is(*parts[i], WR_OBJECT)) {
            return no_record(record, error);
        }
    }
    if (engine->binding->plan->fleet != NULL) {
        wr_fleet_shares_read(engine->binding->plan, record->fleet, c->others);
    }
    wr_case_lists(engine, c);
    wr_case_read_shadow_paths(engine, c);
    restore_features(engine, c, parts[0], parts[1]);
    restore_scores(engine, c, parts[2], parts[1]);
    return WR_OK;
}
