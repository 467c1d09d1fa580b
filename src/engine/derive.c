/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about an event before it is scored: lists, conditions, windows, derived features.
 */
#include <math.h>

#include "engine/state.h"

/* ── lists ──────────────────────────────────────────────────────────────────────────────────── */
static bool list_hit(const struct wr_list *list, const struct wr_list_table *own,
                     const struct wr_case *c, int64_t at_s)
{
    char room[64];
    const struct wr_value *v = wr_path_get(&list->key, &c->document);
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    if (v == NULL) {
        return false;
    }
    if (wr_is(*v, WR_STRING)) {
        return wr_list_holds(own, list->file, wr_text(*v), at_s);
    }
    if (wr_is(*v, WR_BOOL)) {
        return wr_list_holds(own, list->file, v->i != 0 ? WR_STR("true") : WR_STR("false"), at_s);
    }
    if (wr_is(*v, WR_NUMBER)) {
        wr_number_write(&buf, v);
        return !buf.overflow && wr_list_holds(own, list->file, wr_buf_view(&buf), at_s);
    }
    return false;
}

void wr_case_lists(const struct wr_engine *engine, struct wr_case *c)
{
    const struct wr_binding *binding = engine->binding;
    int64_t ms = c->event->time_ms, at_s = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
    c->list_hits = 0;
    c->fixed_by = UINT32_MAX;
    for (uint32_t i = 0; i < binding->pack->n_lists; i++) {
        if (list_hit(&binding->pack->lists[i], binding->own_lists[i], c, at_s)) {
            c->list_hits |= UINT32_C(1) << i;
        }
    }
    for (uint32_t k = 0; k < binding->n_classed && c->fixed_by == UINT32_MAX; k++) {
        if ((c->list_hits >> binding->classed[k] & 1) != 0) {
            c->fixed_by = binding->classed[k];
        }
    }
}

/* ── conditions ─────────────────────────────────────────────────────────────────────────────── */
void wr_case_conditions(struct wr_engine *engine, struct wr_case *c)
{
    static const struct wr_pack_reads all = {.lists = true}; /* there is nothing else yet */
    const struct wr_rego_query *query = engine->binding->pack->conditions;
    struct wr_rego_results results;
    c->conditions = 0;
    if (query == NULL) {
        return;
    }
    if (wr_case_ask(engine, c, query, WR_INPUT_EVENT, &all, &results) != WR_OK) {
        c->derive_failed = true; /* conditions that cannot be told do not hold */
        return;
    }
    for (uint32_t i = 0; results.n == 1 && i < results.items[0].n_values; i++) {
        c->conditions |= wr_is_true(results.items[0].values[i]) ? UINT32_C(1) << i : 0;
    }
}

/* ── values ─────────────────────────────────────────────────────────────────────────────────── */
/* Fills a feature that the engine computes from a value found; numbers, booleans and short texts
 * are features, everything else is not. */
static void fill(struct wr_case *c, uint32_t i, const struct wr_value *found, uint8_t absence,
                 struct wr_arena *keep)
{
    struct wr_feature_value *out = &c->vector.values[i];
    *out = (struct wr_feature_value){
        .presence = absence, .form = WR_FORM_VALUE, .number = (double)NAN};
    c->features[i] = wr_undefined();
    if (found == NULL || wr_is(*found, WR_UNDEFINED) || wr_is(*found, WR_NULL)) {
        return;
    }
    bool text = wr_is(*found, WR_STRING) || (wr_is(*found, WR_NUMBER) && found->kind == WR_TEXT);
    if ((text && found->n > WR_LIMIT_DERIVED_TEXT) || found->type > WR_STRING) {
        out->presence = WR_ABSENT_ERROR;
        return;
    }
    c->features[i] = *found;
    if (text) {
        struct wr_str copy = wr_str_copy(keep, wr_text(*found));
        c->features[i].text = copy.p;
        WR_ASSERT(copy.p != NULL);
    }
    out->presence = WR_FEATURE_DEFINED;
    out->value = &c->features[i];
    if (wr_is(*found, WR_BOOL)) {
        out->number = (double)found->i;
    } else if (wr_is(*found, WR_NUMBER)) {
        out->number = wr_number_to_double(found);
    }
}

static void fill_or_fall_back(struct wr_case *c, const struct wr_feature *feature, uint32_t i,
                              const struct wr_value *found, uint8_t absence, struct wr_arena *keep)
{
    fill(c, i, found, absence, keep);
    if (c->vector.values[i].presence != WR_FEATURE_DEFINED && feature->has_fallback) {
        fill(c, i, &feature->fallback, absence, keep);
    }
}

void wr_case_windows(struct wr_engine *engine, struct wr_case *c, struct wr_arena *keep)
{
    const struct wr_feature_plan *plan = engine->binding->plan;
    if (WR_UNLIKELY(plan->fleet != NULL)) {
        wr_case_ask_fleet(engine, c);
    }
    wr_feature_update(engine->features, c->event, c->conditions, c->sequence, &c->vector);
    if (WR_UNLIKELY(plan->fleet != NULL)) {
        wr_case_tell_fleet(engine, c);
    }
    for (uint32_t i = 0; i < plan->n_features; i++) {
        const struct wr_feature *feature = &plan->features[i];
        if (feature->kind == WR_FEATURE_VALUE) {
            fill_or_fall_back(c, feature, i, wr_path_get(&feature->path, &c->document),
                              WR_FEATURE_FIELD_ABSENT, keep);
        } else if (feature->kind == WR_FEATURE_REGO) {
            fill(c, i, NULL, WR_ABSENT_UNDEFINED, keep);
        } else {
            c->features[i] = wr_feature_to_value(keep, &c->vector.values[i]);
        }
    }
    WR_ASSERT(!wr_arena_failed(keep));
}

static void take_derived(struct wr_engine *engine, struct wr_case *c,
                         const struct wr_pack_derived *derived, const struct wr_value *values,
                         uint8_t absence, struct wr_arena *keep)
{
    for (uint32_t k = 0; k < derived->n; k++) {
        uint32_t i = derived->features[k];
        fill_or_fall_back(c, &engine->binding->plan->features[i], i,
                          values != NULL ? &values[k] : NULL, absence, keep);
    }
}

/* Asks one package for its features; false when the question failed. */
static bool ask_derived(struct wr_engine *engine, const struct wr_case *c,
                        const struct wr_pack_derived *derived, const struct wr_value **values)
{
    struct wr_rego_results results;
    *values = NULL;
    if (wr_case_ask(engine, c, derived->query, WR_INPUT_DERIVE, &derived->reads, &results) !=
        WR_OK) {
        return false;
    }
    WR_ASSERT(results.n == 1 && results.items[0].n_values == derived->n);
    *values = results.items[0].values;
    return true;
}

void wr_case_derive(struct wr_engine *engine, struct wr_case *c, struct wr_arena *keep)
{
    const struct wr_pack *pack = engine->binding->pack;
    for (uint32_t d = 0; d < pack->n_derived; d++) {
        const struct wr_value *values = NULL;
        /* With the time used up they are not asked for, and count as undefined. */
        bool ask = c->budget != WR_BUDGET_FALLBACK;
        bool failed = ask && !ask_derived(engine, c, &pack->derived[d], &values);
        c->derive_failed = c->derive_failed || failed;
        take_derived(engine, c, &pack->derived[d], values,
                     failed ? WR_ABSENT_ERROR : WR_ABSENT_UNDEFINED, keep);
    }
}
