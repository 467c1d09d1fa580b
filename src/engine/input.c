/* SPDX-License-Identifier: Apache-2.0 */
/* What a query sees of a case: the request, and beside it features, lists and scores as far as the
 * query reads them. What it asks for by constant keys goes straight into the slots of the
 * evaluation; only a query that takes one of these objects as a whole has it made. */
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

/* ── objects ────────────────────────────────────────────────────────────────────────────────── */
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

/* In the work arena; undefined when there is no room. */
static struct wr_value input_object(struct wr_engine *engine, const struct wr_case *c,
                                    enum wr_input_stage stage, const struct wr_pack_reads *reads)
{
    struct wr_pair extra[5], *pairs;
    uint32_t n_extra = 0, n = 0, next = 0;
    bool whole = !reads->by_slots;
    if (whole && stage != WR_INPUT_EVENT && reads->features) {
        extra[n_extra++] = (struct wr_pair){wr_string(WR_STR("features")),
                                            features_object(engine, c, reads->by_feature)};
    }
    if (stage != WR_INPUT_EVENT && reads->fleet) {
        extra[n_extra++] =
            (struct wr_pair){wr_string(WR_STR("fleet")), wr_case_fleet_object(engine, c)};
    }
    if (whole && reads->lists) {
        extra[n_extra++] = (struct wr_pair){wr_string(WR_STR("lists")), lists_object(engine, c)};
    }
    if (stage != WR_INPUT_EVENT && reads->missing) {
        extra[n_extra++] = (struct wr_pair){wr_string(WR_STR("missing")),
                                            missing_object(engine, c, stage == WR_INPUT_POLICY)};
    }
    if (whole && stage == WR_INPUT_POLICY && reads->scores) {
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

/* ── slots ──────────────────────────────────────────────────────────────────────────────────── */
struct view {
    const struct wr_case *c;
    const struct wr_pack_reads *reads;
    enum wr_input_stage stage;
};

/* What the object leaves out. */
static void fill_slots(const void *context, struct wr_value *slots)
{
    const struct view *view = context;
    const struct wr_case *c = view->c;
    const struct wr_value *features = c->features;
    const struct wr_pack_slot *slot = view->reads->slots, *end = slot + view->reads->n_slots;
    for (; slot < end && slot->part == WR_PART_FEATURE; slot++) { /* they come first */
        slots[slot->slot] = features[slot->index];
    }
    for (; slot < end; slot++) {
        struct wr_value *to = &slots[slot->slot];
        switch (slot->part) {
        case WR_PART_ROOT:
            *to = object(NULL, 0);
            break;
        case WR_PART_FEATURE:
            break;
        case WR_PART_LIST:
            *to = wr_bool((c->list_hits >> slot->index & 1) != 0);
            break;
        case WR_PART_SCORE:
            *to = view->stage == WR_INPUT_POLICY && wr_case_has_score(c, slot->index)
                      ? c->score_values[slot->index]
                      : wr_undefined();
            break;
        }
    }
}

/* ── the question ───────────────────────────────────────────────────────────────────────────── */
wr_err wr_case_ask(struct wr_engine *engine, const struct wr_case *c,
                   const struct wr_rego_query *query, enum wr_input_stage stage,
                   const struct wr_pack_reads *reads, struct wr_rego_results *results)
{
    wr_arena_reset(&engine->work);
    const struct wr_value input = input_object(engine, c, stage, reads);
    const struct view view = {c, reads, stage};
    struct wr_rego_context context = {.input = &input,
                                      .fuel = engine->binding->pack->policy.fuel,
                                      .fill = reads->by_slots ? fill_slots : NULL,
                                      .fill_context = &view};
    if (!wr_mul_i64(c->now_us, 1000, &context.env.now_ns)) {
        context.env.now_ns = c->now_us < 0 ? INT64_MIN : INT64_MAX;
    }
    return wr_is(input, WR_UNDEFINED) ? WR_E_MEMORY
                                      : wr_rego_eval(query, &context, &engine->work, results, NULL);
}
