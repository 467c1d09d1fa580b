/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about an event before it is scored: lists, conditions, windows, derived features;
 * and the document that a policy sees of it. */
#include <math.h>

#include "engine/state.h"

const char *wr_case_absence(uint8_t presence)
{
    switch (presence) {
    case WR_ABSENT_UNDEFINED:
        return "undefined";
    case WR_ABSENT_ERROR:
        return "error";
    default:
        return wr_feature_presence_name((enum wr_feature_presence)presence);
    }
}

/* ── the policy's input ─────────────────────────────────────────────────────────────────────── */
static struct wr_value object(const struct wr_pair *pairs, uint32_t n)
{
    return (struct wr_value){.type = WR_OBJECT, .n = n, .pairs = pairs};
}

static struct wr_pair *new_pairs(struct wr_engine *engine, size_t n)
{
    return wr_arena_alloc(&engine->work, (n + 1) * sizeof(struct wr_pair), alignof(struct wr_pair));
}

/* input.features, in order of names. */
static struct wr_value features_object(struct wr_engine *engine, const struct wr_case *c,
                                       const bool *read)
{
    const struct wr_binding *binding = engine->binding;
    struct wr_pair *pairs = new_pairs(engine, binding->plan->n_features);
    uint32_t n = 0;
    for (uint32_t k = 0; pairs != NULL && k < binding->plan->n_features; k++) {
        uint32_t i = binding->pack->by_name[k];
        const struct wr_value *v = &c->features[i];
        if (read[i] && !wr_is(*v, WR_UNDEFINED)) {
            pairs[n].key = binding->feature_keys[k];
            pairs[n++].value = *v;
        }
    }
    return object(pairs, n);
}

/* input.missing: the features that are not there, and the scores whose model says so, with the
 * reasons; in order of names, of which no two are alike. */
static struct wr_value missing_object(struct wr_engine *engine, const struct wr_case *c,
                                      bool with_scores)
{
    const struct wr_binding *binding = engine->binding;
    const struct wr_pack *pack = binding->pack;
    uint32_t n_features = binding->plan->n_features, m = 0, n = 0;
    uint32_t n_models = with_scores && pack->tells_scores ? pack->n_models : 0;
    struct wr_pair *pairs = new_pairs(engine, (size_t)n_features + n_models);
    for (uint32_t k = 0; pairs != NULL && k <= n_features; k++) {
        uint32_t i = k < n_features ? pack->by_name[k] : UINT32_MAX;
        for (; m < n_models && (i == UINT32_MAX || wr_str_cmp(pack->models[m].name,
                                                              binding->plan->features[i].name) < 0);
             m++) {
            if (wr_case_tells(binding, c, m)) {
                pairs[n].key = wr_string(pack->models[m].name);
                pairs[n++].value = wr_string(wr_str_z(wr_case_score_absence(c, m)));
            }
        }
        if (i != UINT32_MAX && wr_is(c->features[i], WR_UNDEFINED)) {
            pairs[n].key = binding->feature_keys[k];
            pairs[n++].value = wr_string(wr_str_z(wr_case_absence(c->vector.values[i].presence)));
        }
    }
    return object(pairs, n);
}

static struct wr_value lists_object(struct wr_engine *engine, const struct wr_case *c)
{
    const struct wr_pack *pack = engine->binding->pack;
    struct wr_pair *pairs =
        wr_arena_alloc(&engine->work, (pack->n_lists + 1) * sizeof *pairs, alignof(struct wr_pair));
    for (uint32_t i = 0; pairs != NULL && i < pack->n_lists; i++) {
        pairs[i].key = wr_string(pack->lists[i].name);
        pairs[i].value = wr_bool((c->list_hits >> i & 1) != 0);
    }
    return object(pairs, pack->n_lists);
}

static struct wr_value scores_object(struct wr_engine *engine, const struct wr_case *c)
{
    const struct wr_pack *pack = engine->binding->pack;
    struct wr_pair *pairs = new_pairs(engine, pack->n_models);
    uint32_t n = 0;
    for (uint32_t i = 0; pairs != NULL && i < pack->n_models; i++) {
        if (wr_case_has_score(c, i)) {
            pairs[n].key = wr_string(pack->models[i].name);
            pairs[n++].value = c->score_values[i];
        }
    }
    return object(pairs, n);
}

struct wr_value wr_case_input(struct wr_engine *engine, const struct wr_case *c,
                              enum wr_input_stage stage, const struct wr_pack_reads *reads)
{
    struct wr_pair extra[5], *pairs;
    uint32_t n_extra = 0, n = 0, next = 0;
    if (stage != WR_INPUT_EVENT && reads->features) {
        extra[n_extra++] = (struct wr_pair){wr_string(WR_STR("features")),
                                            features_object(engine, c, reads->by_feature)};
    }
    if (stage != WR_INPUT_EVENT && reads->fleet) {
        extra[n_extra++] =
            (struct wr_pair){wr_string(WR_STR("fleet")), wr_case_fleet_object(engine, c)};
    }
    if (reads->lists) {
        extra[n_extra++] = (struct wr_pair){wr_string(WR_STR("lists")), lists_object(engine, c)};
    }
    if (stage != WR_INPUT_EVENT && reads->missing) {
        extra[n_extra++] = (struct wr_pair){wr_string(WR_STR("missing")),
                                            missing_object(engine, c, stage == WR_INPUT_POLICY)};
    }
    if (stage == WR_INPUT_POLICY && reads->scores) {
        extra[n_extra++] = (struct wr_pair){wr_string(WR_STR("scores")), scores_object(engine, c)};
    }
    if (n_extra == 0) {
        return c->document;
    }
    pairs = new_pairs(engine, (size_t)c->document.n + n_extra);
    if (pairs == NULL || wr_arena_failed(&engine->work)) {
        return wr_undefined();
    }
    for (uint32_t i = 0; i < c->document.n; i++) { /* both are sorted, and have no key in common */
        struct wr_str key = wr_text(c->document.pairs[i].key);
        while (next < n_extra && wr_str_cmp(wr_text(extra[next].key), key) < 0) {
            pairs[n++] = extra[next++];
        }
        pairs[n++] = c->document.pairs[i];
    }
    while (next < n_extra) {
        pairs[n++] = extra[next++];
    }
    return object(pairs, n);
}

struct wr_rego_context wr_case_rego(const struct wr_engine *engine, const struct wr_case *c,
                                    const struct wr_value *input)
{
    struct wr_rego_context context = {.input = input, .fuel = engine->binding->pack->policy.fuel};
    if (!wr_mul_i64(c->now_us, 1000, &context.env.now_ns)) {
        context.env.now_ns = c->now_us < 0 ? INT64_MIN : INT64_MAX;
    }
    return context;
}

/* ── lists ──────────────────────────────────────────────────────────────────────────────────── */
static bool list_hit(const struct wr_list *list, const struct wr_value *document)
{
    char room[64];
    const struct wr_value *v = wr_path_get(&list->key, document);
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    if (v == NULL) {
        return false;
    }
    if (wr_is(*v, WR_STRING)) {
        return wr_list_has(list, wr_text(*v));
    }
    if (wr_is(*v, WR_BOOL)) {
        return wr_list_has(list, v->i != 0 ? WR_STR("true") : WR_STR("false"));
    }
    if (wr_is(*v, WR_NUMBER)) {
        wr_number_write(&buf, v);
        return !buf.overflow && wr_list_has(list, wr_buf_view(&buf));
    }
    return false;
}

void wr_case_lists(const struct wr_engine *engine, struct wr_case *c)
{
    const struct wr_binding *binding = engine->binding;
    c->list_hits = 0;
    c->fixed_by = UINT32_MAX;
    for (uint32_t i = 0; i < binding->pack->n_lists; i++) {
        if (list_hit(&binding->pack->lists[i], &c->document)) {
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
    wr_arena_reset(&engine->work);
    struct wr_value input = wr_case_input(engine, c, WR_INPUT_EVENT, &all);
    struct wr_rego_context context = wr_case_rego(engine, c, &input);
    if (wr_is(input, WR_UNDEFINED) ||
        wr_rego_eval(query, &context, &engine->work, &results, NULL) != WR_OK) {
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
    wr_arena_reset(&engine->work);
    struct wr_value input = wr_case_input(engine, c, WR_INPUT_DERIVE, &derived->reads);
    struct wr_rego_context context = wr_case_rego(engine, c, &input);
    *values = NULL;
    if (wr_is(input, WR_UNDEFINED) ||
        wr_rego_eval(derived->query, &context, &engine->work, &results, NULL) != WR_OK) {
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
