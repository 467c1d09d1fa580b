/* SPDX-License-Identifier: Apache-2.0 */
/* Entries once more. Decisions are in batch.c; here are the others. */
#include "engine/state.h"
#include "value/json_read.h"

/* Who wrote an entry is part of its bytes: the engine writes as that one while it repeats it. */
struct author {
    uint64_t node;
    uint32_t epoch;
};

static struct author write_as(struct wr_engine *engine, struct author author)
{
    struct author was = {engine->config.node, engine->config.epoch};
    engine->config.node = author.node;
    engine->config.epoch = author.epoch;
    return was;
}

static wr_err read_label(const struct wr_record *record, struct wr_arena *scratch,
                         struct wr_label *out, struct wr_error *error)
{
    struct wr_value document;
    wr_err err = wr_json_read(scratch, record->event, true, NULL, &document, error);
    const struct wr_value *labels =
        err == WR_OK ? wr_object_get_str(&document, WR_STR("label")) : NULL;
    if (err == WR_OK && (labels == NULL || !wr_is(*labels, WR_OBJECT))) {
        err = wr_fail(error, WR_E_JOURNAL, "entry %llu: it holds no label",
                      (unsigned long long)record->sequence);
    }
    *out = (struct wr_label){.id = record->id};
    for (uint32_t i = 0; err == WR_OK && i < labels->n && out->n < WR_LIMIT_LABELS; i++) {
        const struct wr_value *value = &labels->pairs[i].value;
        out->names[out->n] = wr_text(labels->pairs[i].key);
        out->values[out->n++] = wr_is_true(*value)       ? WR_LABEL_TRUE
                                : wr_is(*value, WR_NULL) ? WR_LABEL_WITHDRAWN
                                                         : WR_LABEL_FALSE;
    }
    return err;
}

wr_err wr_engine_replay_label(struct wr_engine *engine, const struct wr_record *record,
                              struct wr_str anchor, struct wr_arena *scratch,
                              struct wr_answer *answer, struct wr_error *error)
{
    struct wr_label label;
    wr_err err = wr_fold_check_order(engine, record, error);
    err = err != WR_OK ? err : read_label(record, scratch, &label, error);
    if (err != WR_OK) {
        return err;
    }
    struct author self = write_as(engine, (struct author){record->node, record->epoch});
    err = wr_engine_label(engine, &label, anchor, record->now_us, scratch, answer);
    write_as(engine, self);
    return err == WR_OK ? WR_OK : wr_fail(error, err, "%s", answer->error.text);
}

wr_err wr_engine_replay_shadow(struct wr_engine *engine, const struct wr_record *record,
                               struct wr_arena *scratch, struct wr_answer *answer,
                               struct wr_error *error)
{
    struct wr_challenge_cover cover;
    wr_err err = wr_fold_check_order(engine, record, error);
    err = err != WR_OK ? err : wr_challenge_read(record, scratch, &cover, error);
    if (err != WR_OK) {
        return err;
    }
    struct author self = write_as(engine, (struct author){record->node, record->epoch});
    err = wr_challenge_repeat(engine, &cover, record->now_us, scratch, answer);
    write_as(engine, self);
    return err == WR_OK ? WR_OK : wr_fail(error, err, "%s", answer->error.text);
}

wr_err wr_engine_replay_list(struct wr_engine *engine, const struct wr_record *record,
                             struct wr_arena *scratch, struct wr_answer *answer,
                             struct wr_error *error)
{
    struct wr_list_change change;
    wr_err err = wr_fold_check_order(engine, record, error);
    err = err != WR_OK ? err : wr_list_change_of_record(record, scratch, &change, error);
    if (err != WR_OK) {
        return err;
    }
    struct author self = write_as(engine, (struct author){record->node, record->epoch});
    err = wr_engine_list(engine, &change, record->now_us, scratch, answer);
    write_as(engine, self);
    return err == WR_OK ? WR_OK : wr_fail(error, err, "%s", answer->error.text);
}

wr_err wr_engine_replay_activation(struct wr_engine *engine, const struct wr_record *record,
                                   const struct wr_pack *pack, struct wr_arena *scratch,
                                   struct wr_answer *answer, struct wr_error *error)
{
    wr_err err = wr_fold_check_order(engine, record, error);
    if (err != WR_OK) {
        return err;
    }
    if (memcmp(record->pack_digest, pack->digest, 32) != 0) {
        return wr_fail(error, WR_E_PACK, "entry %llu activates another pack",
                       (unsigned long long)record->sequence);
    }
    bool reset = (record->flags & WR_RECORD_RESET) != 0;
    if (!reset && memcmp(pack->state_digest, engine->binding->pack->state_digest, 32) != 0) {
        return wr_fail(error, WR_E_STATE, "entry %llu reads the history anew under another pack",
                       (unsigned long long)record->sequence);
    }
    struct author self = write_as(engine, (struct author){record->node, record->epoch});
    err = wr_engine_swap(engine, pack, reset, record->now_us, scratch, answer);
    write_as(engine, self);
    return err == WR_OK ? WR_OK : wr_fail(error, err, "%s", answer->error.text);
}

wr_err wr_engine_begin(struct wr_engine *engine, uint64_t sequence, struct wr_error *error)
{
    if (engine->sequence != 0) {
        return wr_fail(error, WR_E_STATE, "the engine is at entry %llu already",
                       (unsigned long long)engine->sequence);
    }
    engine->sequence = sequence;
    return WR_OK;
}

wr_err wr_engine_forget_before(struct wr_engine *engine, int64_t now_us, struct wr_error *error)
{
    return wr_engine_reset_features(engine, engine->binding->state_pack, now_us / 1000, error);
}

wr_err wr_engine_pass(struct wr_engine *engine, const struct wr_record *record,
                      struct wr_error *error)
{
    wr_err err = wr_fold_check_order(engine, record, error);
    if (err == WR_OK) {
        engine->sequence = record->sequence;
        engine->last_now_us = record->now_us;
    }
    return err;
}

wr_err wr_engine_replay(struct wr_engine *engine, struct wr_str payload, struct wr_arena *scratch,
                        struct wr_answer *answer, struct wr_error *error)
{
    struct wr_record record;
    wr_err err = wr_record_decode(payload, &record, error);
    if (err != WR_OK) {
        return err;
    }
    switch (record.kind) {
    case WR_RECORD_DECISION:
        return wr_engine_replay_batch(engine, &record, 1, scratch, answer, error);
    case WR_RECORD_LABEL:
        return wr_engine_replay_label(engine, &record, record.anchor, scratch, answer, error);
    case WR_RECORD_SHADOW:
        return wr_engine_replay_shadow(engine, &record, scratch, answer, error);
    case WR_RECORD_LIST:
        return wr_engine_replay_list(engine, &record, scratch, answer, error);
    case WR_RECORD_ACTIVATION:
        break;
    }
    *answer = (struct wr_answer){.err = WR_OK, .sequence = record.sequence};
    return wr_engine_fold(engine, payload, scratch, error);
}
