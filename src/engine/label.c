/* SPDX-License-Identifier: Apache-2.0 */
/* Labels: what became known about an event later. Each is an entry of its own and acts from its
 * sequence on; a repeat replaces, null withdraws, and unlabelled counts as false. */
#include "engine/state.h"
#include "value/json_read.h"
#include "value/json_write.h"

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
static const struct wr_pack_label *find_label(const struct wr_pack *pack, struct wr_str name)
{
    for (uint32_t i = 0; i < pack->n_labels; i++) {
        if (wr_str_eq(pack->labels[i].name, name)) {
            return &pack->labels[i];
        }
    }
    return NULL;
}

static wr_err refuse(struct wr_error *error, const char *where, const char *what)
{
    wr_err err = wr_fail(error, WR_E_LABEL, "%s: %s", where, what);
    if (error != NULL) {
        wr_error_where(error, where, strlen(where));
    }
    return err;
}

static bool read_value(const struct wr_value *v, enum wr_label_value *out)
{
    int64_t number;
    if (wr_is(*v, WR_NULL)) {
        *out = WR_LABEL_WITHDRAWN;
        return true;
    }
    if (wr_is(*v, WR_BOOL)) {
        *out = v->i != 0 ? WR_LABEL_TRUE : WR_LABEL_FALSE;
        return true;
    }
    if (wr_is(*v, WR_NUMBER) && wr_number_to_i64(v, &number) && (number == 0 || number == 1)) {
        *out = number == 1 ? WR_LABEL_TRUE : WR_LABEL_FALSE;
        return true;
    }
    return false;
}

static wr_err read_values(const struct wr_engine *engine, const struct wr_value *labels,
                          struct wr_label *out, struct wr_error *error)
{
    if (labels == NULL || !wr_is(*labels, WR_OBJECT) || labels->n == 0 ||
        labels->n > WR_LIMIT_LABELS) {
        return refuse(error, "label", "needs an object from label to true, false or null");
    }
    for (uint32_t i = 0; i < labels->n; i++) {
        struct wr_str name = wr_text(labels->pairs[i].key);
        if (find_label(engine->binding->pack, name) == NULL) {
            return wr_fail(error, WR_E_LABEL, "label.%.*s: the pack has no such label",
                           WR_FMT(name));
        }
        if (!read_value(&labels->pairs[i].value, &out->values[i])) {
            return wr_fail(error, WR_E_LABEL, "label.%.*s: needs true, false, 1, 0 or null",
                           WR_FMT(name));
        }
        out->names[i] = name;
    }
    out->n = labels->n;
    return WR_OK;
}

static wr_err read_id(struct wr_arena *arena, const struct wr_value *id, struct wr_label *out,
                      struct wr_error *error)
{
    int64_t number;
    if (id != NULL && wr_is(*id, WR_STRING)) {
        out->id = wr_text(*id);
    } else if (id != NULL && wr_is(*id, WR_NUMBER) && wr_number_to_i64(id, &number)) {
        struct wr_buf text = wr_buf_in(arena, 24);
        wr_buf_i64(&text, number);
        out->id = wr_buf_view(&text);
        if (text.overflow) {
            return wr_fail(error, WR_E_MEMORY, "no room for a label");
        }
    }
    return out->id.n != 0 && out->id.n <= WR_LIMIT_EVENT_ID
               ? WR_OK
               : refuse(error, "id", "needs the event's id, a string or a whole number");
}

static wr_err read_decision(const struct wr_value *id, struct wr_label *out, struct wr_error *error)
{
    return wr_is(*id, WR_STRING) &&
                   wr_decision_id_read(wr_text(*id), &out->node, &out->epoch, &out->sequence) &&
                   out->sequence != 0
               ? WR_OK
               : refuse(error, "decision_id", "needs the id of a decision");
}

wr_err wr_label_read(const struct wr_engine *engine, struct wr_arena *arena, struct wr_str body,
                     struct wr_label *out, struct wr_error *error)
{
    const struct wr_json_limits limits = {.size_max = WR_LIMIT_REQUEST_SIZE,
                                          .depth_max = WR_LIMIT_REQUEST_DEPTH};
    struct wr_value document;
    *out = (struct wr_label){.n = 0};
    wr_err err = wr_json_read(arena, body, true, &limits, &document, error);
    if (err == WR_OK && !wr_is(document, WR_OBJECT)) {
        err = refuse(error, "label", "the request needs to be {\"id\": ..., \"label\": {...}}");
    }
    for (uint32_t i = 0; err == WR_OK && i < document.n; i++) {
        struct wr_str key = wr_text(document.pairs[i].key);
        if (!wr_str_eq(key, WR_STR("id")) && !wr_str_eq(key, WR_STR("label")) &&
            !wr_str_eq(key, WR_STR("decision_id"))) {
            err = wr_fail(error, WR_E_LABEL, "the key \"%.*s\" is not known", WR_FMT(key));
        }
    }
    if (err != WR_OK) {
        return err;
    }
    const struct wr_value *id = wr_object_get_str(&document, WR_STR("id"));
    const struct wr_value *decision = wr_object_get_str(&document, WR_STR("decision_id"));
    err = decision != NULL ? read_decision(decision, out, error) : WR_OK;
    if (err == WR_OK && (id != NULL || decision == NULL)) {
        err = read_id(arena, id, out, error);
    }
    return err != WR_OK
               ? err
               : read_values(engine, wr_object_get_str(&document, WR_STR("label")), out, error);
}

bool wr_engine_find_event(const struct wr_engine *engine, struct wr_str id, uint64_t *sequence)
{
    const struct wr_seen_entry *entry =
        wr_seen_find(&engine->seen, wr_engine_id_hash(engine, id), INT64_MIN);
    if (entry == NULL) {
        return false;
    }
    *sequence = entry->sequence;
    return true;
}

struct wr_engine_ids wr_engine_ids(const struct wr_engine *engine)
{
    return (struct wr_engine_ids){engine->seen.first, engine->seen.next};
}

void wr_engine_id_at(const struct wr_engine *engine, uint64_t place, uint64_t *hash,
                     uint64_t *sequence)
{
    const struct wr_seen_entry *entry = wr_seen_at(&engine->seen, place);
    *hash = entry->id_hash;
    *sequence = entry->sequence;
}

void wr_engine_ids_need(const struct wr_engine *engine,
                        struct wr_memory_need needs[WR_ENGINE_NEEDS])
{
    _Static_assert((int)WR_ENGINE_NEEDS == (int)WR_SEEN_NEEDS, "they are the same");
    wr_seen_foresee(&engine->seen, needs);
}

/* ── applying ───────────────────────────────────────────────────────────────────────────────── */
enum wr_label_result wr_label_apply(struct wr_engine *engine, const struct wr_label *label,
                                    struct wr_str anchor, struct wr_event *event)
{
    uint64_t place;
    uint32_t conditions;
    if (!wr_anchor_read(engine, anchor, event, &place, &conditions)) {
        return WR_LABEL_IS_UNKNOWN;
    }
    enum wr_label_result best = WR_LABEL_IS_UNUSED;
    for (size_t i = 0; i < label->n; i++) {
        const struct wr_pack_label *known = find_label(engine->binding->pack, label->names[i]);
        if (known == NULL || known->index == UINT32_MAX) {
            continue;
        }
        enum wr_label_effect effect =
            place == WR_PLACE_NONE ? WR_LABEL_EXPIRED
                                   : wr_feature_label(engine->features, event, place, known->index,
                                                      label->values[i] == WR_LABEL_TRUE);
        enum wr_label_result result = effect == WR_LABEL_CHANGED ? WR_LABEL_IS_CHANGED
                                      : effect == WR_LABEL_SAME  ? WR_LABEL_IS_SAME
                                                                 : WR_LABEL_IS_EXPIRED;
        best = WR_MIN(best, result);
    }
    return best;
}

static void write_labels(struct wr_buf *out, const struct wr_label *label)
{
    static const char *const texts[] = {
        [WR_LABEL_FALSE] = "false", [WR_LABEL_TRUE] = "true", [WR_LABEL_WITHDRAWN] = "null"};
    wr_buf_str(out, WR_STR("{\"label\":{"));
    for (size_t i = 0; i < label->n; i++) {
        if (i != 0) {
            wr_buf_char(out, ',');
        }
        wr_json_write_string(out, label->names[i], WR_JSON_COMPACT);
        wr_buf_char(out, ':');
        wr_buf_str(out, wr_str_z(texts[label->values[i]]));
    }
    wr_buf_str(out, WR_STR("}}"));
}

static void write_document(struct wr_buf *out, const struct wr_engine *engine,
                           const struct wr_label *label, enum wr_label_result result)
{
    static const char *const texts[] = {
        [WR_LABEL_IS_CHANGED] = "changed", [WR_LABEL_IS_SAME] = "same",
        [WR_LABEL_IS_EXPIRED] = "expired", [WR_LABEL_IS_UNUSED] = "unused",
        [WR_LABEL_IS_UNKNOWN] = "unknown",
    };
    char id[WR_DECISION_ID_MAX];
    size_t n =
        wr_decision_id_write(id, engine->config.node, engine->config.epoch, engine->sequence);
    wr_buf_str(out, WR_STR("{\"label_id\":\""));
    wr_buf_add(out, id, n);
    wr_buf_str(out, WR_STR("\",\"transaction_id\":"));
    wr_json_write_string(out, label->id, WR_JSON_COMPACT);
    wr_buf_str(out, WR_STR(",\"effect\":\""));
    wr_buf_str(out, wr_str_z(texts[result]));
    wr_buf_str(out, WR_STR("\"}"));
}

static struct wr_str since(const struct wr_buf *out, size_t start)
{
    return wr_str_of(out->p + start, out->n - start);
}

static void write_entry(struct wr_engine *engine, const struct wr_label *label,
                        struct wr_record *record, enum wr_label_result result, struct wr_buf *out,
                        struct wr_answer *answer)
{
    size_t start = out->n, at;
    char *head = wr_buf_reserve(out, WR_RECORD_HEAD);
    WR_ASSERT(head != NULL);
    out->n += WR_RECORD_HEAD;
    at = out->n;
    wr_buf_str(out, label->id);
    record->id = since(out, at);
    at = out->n;
    wr_buf_str(out, record->anchor);
    record->anchor = since(out, at);
    at = out->n;
    write_labels(out, label);
    record->event = since(out, at);
    at = out->n;
    write_document(out, engine, label, result);
    record->document = since(out, at);
    WR_ASSERT(!out->overflow);
    wr_record_encode_head((uint8_t *)head, record);
    answer->record = since(out, start);
    answer->document = record->document;
    answer->transaction_id = record->id;
    answer->sequence = record->sequence;
    answer->event_us = record->event_us;
}

wr_err wr_engine_label(struct wr_engine *engine, const struct wr_label *label, struct wr_str anchor,
                       int64_t now_us, struct wr_arena *scratch, struct wr_answer *answer)
{
    *answer = (struct wr_answer){.err = WR_OK};
    size_t size = WR_RECORD_HEAD + 7 * label->id.n + anchor.n + 256;
    for (size_t i = 0; i < label->n; i++) {
        size += 6 * label->names[i].n + 16;
    }
    char *room = wr_arena_alloc(scratch, size, 1);
    struct wr_event *event = wr_arena_alloc(scratch, sizeof *event, alignof(struct wr_event));
    if (room == NULL || event == NULL || anchor.n > WR_ANCHOR_MAX) {
        answer->err = wr_fail(&answer->error, WR_E_MEMORY, "no room for a label");
        return answer->err;
    }
    struct wr_buf out = wr_buf_fixed(room, size);
    event->time_ms = 0;
    engine->sequence++;
    enum wr_label_result result = wr_label_apply(engine, label, anchor, event);
    bool effect = result == WR_LABEL_IS_CHANGED || result == WR_LABEL_IS_SAME;
    struct wr_record record = {
        .kind = WR_RECORD_LABEL,
        .sequence = engine->sequence,
        .epoch = engine->config.epoch,
        .node = engine->config.node,
        .now_us = now_us,
        .event_us = result != WR_LABEL_IS_UNKNOWN ? event->time_ms * 1000 : 0,
        .flags = effect ? 0 : WR_RECORD_NO_EFFECT,
        .anchor = anchor,
    };
    memcpy(record.pack_digest, engine->binding->pack->digest, 32);
    write_entry(engine, label, &record, result, &out, answer);
    engine->last_now_us = now_us;
    memcpy(engine->last_digest, record.pack_digest, 32);
    engine->stats.n_labels++;
    engine->stats.n_labels_without_effect += !effect;
    return WR_OK;
}
