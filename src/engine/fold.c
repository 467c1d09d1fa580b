/* SPDX-License-Identifier: Apache-2.0 */
/* The state from the journal: each record applied as it was, without scoring. */
#include "engine/state.h"
#include "value/json_read.h"

wr_err wr_fold_check_order(const struct wr_engine *engine, const struct wr_record *record,
                           struct wr_error *error)
{
    if (record->sequence != engine->sequence + 1) {
        return wr_fail(error, WR_E_JOURNAL, "entry %llu does not follow entry %llu",
                       (unsigned long long)record->sequence, (unsigned long long)engine->sequence);
    }
    return WR_OK;
}

static wr_err unfit(const struct wr_record *record, const char *what, struct wr_error *error)
{
    return wr_fail(error, WR_E_JOURNAL, "entry %llu: %s", (unsigned long long)record->sequence,
                   what);
}

static bool of_running_pack(const struct wr_engine *engine, const struct wr_record *record)
{
    return memcmp(record->pack_digest, engine->binding->pack->digest, 32) == 0;
}

/* ── decisions ──────────────────────────────────────────────────────────────────────────────── */
wr_err wr_fold_remember(struct wr_engine *engine, const struct wr_record *record,
                        struct wr_error *error)
{
    struct wr_seen_entry entry = {.sequence = record->sequence, .now_us = record->now_us};
    if (record->id.n == 0) {
        return WR_OK;
    }
    entry.id_hash = wr_engine_id_hash(engine, record->id);
    entry.body = wr_siphash24_128(engine->config.keys[1], record->event.p, record->event.n);
    if (!wr_seen_room(&engine->seen, entry.id_hash)) {
        return wr_fail(error, WR_E_MEMORY, "no room for the event ids of the journal");
    }
    wr_seen_add(&engine->seen, &entry);
    return WR_OK;
}

/* Conditions were decided once and stand in the anchor: a pack with the same features has taken
 * them over as they were, whatever its own rules would say. Under other features they are decided
 * anew. */
static wr_err find_conditions(struct wr_engine *engine, struct wr_case *c,
                              const struct wr_record *record, struct wr_arena *scratch,
                              struct wr_error *error)
{
    struct wr_event *event = wr_arena_alloc(scratch, sizeof *event, alignof(struct wr_event));
    uint64_t place;
    if (event == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room to fold the journal");
    }
    bool own = of_running_pack(engine, record);
    if ((own || wr_anchor_is_alike(engine, record->anchor)) &&
        wr_anchor_read(engine, record->anchor, event, &place, &c->conditions) &&
        event->time_ms == c->event->time_ms) {
        return WR_OK;
    }
    if (own) {
        return unfit(record, "its anchor does not go with its event", error);
    }
    wr_case_lists(engine, c);
    wr_case_conditions(engine, c);
    return WR_OK;
}

static wr_err fold_decision(struct wr_engine *engine, const struct wr_record *record,
                            struct wr_arena *scratch, struct wr_error *error)
{
    struct wr_case c = {.now_us = record->now_us, .sequence = record->sequence};
    bool own = of_running_pack(engine, record);
    if (!wr_case_prepare(engine, &c, scratch)) {
        return wr_fail(error, WR_E_MEMORY, "no room to fold the journal");
    }
    wr_err err = wr_case_read_event(engine, &c, record, scratch, error);
    if (err == WR_E_FIELD && !own) { /* it does not fit the running pack: only its id counts */
        return wr_fold_remember(engine, record, error);
    }
    err = err != WR_OK ? err : find_conditions(engine, &c, record, scratch, error);
    err = err != WR_OK ? err : wr_fold_remember(engine, record, error);
    if (err != WR_OK) {
        return err;
    }
    c.vector.values = NULL; /* applied, not read */
    wr_feature_update(engine->features, c.event, c.conditions, c.sequence, &c.vector);
    if (engine->config.fleet != NULL) {
        wr_case_tell_fleet(engine, &c);
    }
    bool was_late = (record->flags & WR_RECORD_LATE) != 0;
    return own && c.vector.late != was_late
               ? unfit(record, "it was late and is not, or the reverse", error)
               : WR_OK;
}

/* ── labels ─────────────────────────────────────────────────────────────────────────────────── */
static wr_err read_labels(const struct wr_record *record, struct wr_arena *scratch,
                          struct wr_value *out, struct wr_error *error)
{
    struct wr_value document;
    wr_err err = wr_json_read(scratch, record->event, true, NULL, &document, error);
    const struct wr_value *labels =
        err == WR_OK ? wr_object_get_str(&document, WR_STR("label")) : NULL;
    if (err == WR_OK && (labels == NULL || !wr_is(*labels, WR_OBJECT))) {
        err = unfit(record, "it holds no label", error);
    }
    if (err == WR_OK) {
        *out = *labels;
    }
    return err;
}

static wr_err fold_label(struct wr_engine *engine, const struct wr_record *record,
                         struct wr_arena *scratch, struct wr_error *error)
{
    struct wr_value labels;
    struct wr_label label = {.id = record->id};
    wr_err err = read_labels(record, scratch, &labels, error);
    if (err != WR_OK) {
        return err;
    }
    for (uint32_t i = 0; i < labels.n && label.n < WR_LIMIT_LABELS; i++) {
        label.names[label.n] = wr_text(labels.pairs[i].key);
        label.values[label.n++] =
            wr_is_true(labels.pairs[i].value) ? WR_LABEL_TRUE : WR_LABEL_FALSE;
    }
    struct wr_event *event = wr_arena_alloc(scratch, sizeof *event, alignof(struct wr_event));
    if (event == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room to fold the journal");
    }
    wr_label_apply(engine, &label, record->anchor, event);
    return WR_OK;
}

/* ── all kinds ──────────────────────────────────────────────────────────────────────────────── */
static wr_err fold_activation(struct wr_engine *engine, const struct wr_record *record,
                              struct wr_error *error)
{
    if ((record->flags & WR_RECORD_RESET) == 0) {
        return WR_OK;
    }
    return wr_engine_reset_features(engine, engine->binding->state_pack, record->now_us / 1000,
                                    error);
}

static wr_err fold_shadow(struct wr_engine *engine, const struct wr_record *record,
                          struct wr_arena *scratch, struct wr_error *error)
{
    struct wr_challenge_cover cover;
    wr_err err = wr_challenge_read(record, scratch, &cover, error);
    if (err == WR_OK) {
        wr_challenge_fold(&engine->shadow, cover.upto, cover.n);
    }
    return err;
}

static wr_err fold_list(struct wr_engine *engine, const struct wr_record *record,
                        struct wr_arena *scratch, struct wr_error *error)
{
    struct wr_list_change change;
    struct wr_list_counts counts;
    wr_err err = wr_list_change_of_record(record, scratch, &change, error);
    if (err == WR_OK) {
        err = wr_lists_apply(&engine->lists, &change, record->sequence, record->now_us, &counts,
                             error);
        wr_engine_bind_lists(engine);
    }
    return err;
}

wr_err wr_engine_fold(struct wr_engine *engine, struct wr_str payload, struct wr_arena *scratch,
                      struct wr_error *error)
{
    struct wr_record record;
    wr_err err = wr_record_decode(payload, &record, error);
    err = err != WR_OK ? err : wr_fold_check_order(engine, &record, error);
    if (err != WR_OK) {
        return err;
    }
    switch (record.kind) {
    case WR_RECORD_DECISION:
        err = fold_decision(engine, &record, scratch, error);
        engine->stats.n_decisions += err == WR_OK;
        if (err == WR_OK && (record.flags & WR_RECORD_CHALLENGED) != 0) {
            wr_challenge_push(&engine->shadow, record.sequence, WR_STR(""));
        }
        break;
    case WR_RECORD_LABEL:
        err = fold_label(engine, &record, scratch, error);
        engine->stats.n_labels += err == WR_OK;
        break;
    case WR_RECORD_ACTIVATION:
        err = fold_activation(engine, &record, error);
        engine->stats.n_activations += err == WR_OK;
        break;
    case WR_RECORD_SHADOW:
        err = fold_shadow(engine, &record, scratch, error);
        engine->stats.n_shadow_entries += err == WR_OK;
        break;
    case WR_RECORD_LIST:
        err = fold_list(engine, &record, scratch, error);
        engine->stats.n_list_changes += err == WR_OK;
        break;
    }
    if (err == WR_OK) {
        engine->sequence = record.sequence;
        engine->last_now_us = record.now_us;
        memcpy(engine->last_digest, record.pack_digest, 32);
    }
    return err;
}

wr_err wr_engine_tell(struct wr_engine *engine, struct wr_str payload, int64_t from_us,
                      struct wr_arena *scratch, struct wr_error *error)
{
    struct wr_record record;
    wr_err err = wr_record_decode(payload, &record, error);
    if (err == WR_OK && record.kind == WR_RECORD_ACTIVATION &&
        (record.flags & WR_RECORD_RESET) != 0) {
        wr_fleet_forget(engine->config.fleet);
    }
    if (err != WR_OK || record.kind != WR_RECORD_DECISION || record.event_us < from_us ||
        (record.flags & WR_RECORD_LATE) != 0) {
        return err;
    }
    struct wr_case c = {.now_us = record.now_us, .sequence = record.sequence};
    if (!wr_case_prepare(engine, &c, scratch)) {
        return wr_fail(error, WR_E_MEMORY, "no room to fold the journal");
    }
    err = wr_case_read_record(engine, &c, &record, scratch, error);
    if (err == WR_E_FIELD && !of_running_pack(engine, &record)) {
        return WR_OK;
    }
    err = err != WR_OK ? err : find_conditions(engine, &c, &record, scratch, error);
    if (err == WR_OK) {
        wr_case_tell_fleet(engine, &c);
    }
    return err;
}

void wr_engine_catch_up(struct wr_engine *engine)
{
    uint32_t from = 0;
    while (!wr_feature_catch_up(engine->features, &from, UINT32_MAX)) {
    }
}

bool wr_engine_pack_changed(const struct wr_engine *engine)
{
    return engine->sequence != 0 &&
           memcmp(engine->last_digest, engine->binding->pack->digest, 32) != 0;
}
