/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a decision down: the document, the derived part, the record around both. The bytes depend
 * on the case and its verdict alone; the order of keys is fixed; the answer's views point into the
 * record. Room was reserved before the sequence was given (binding->case_size). */
#include "engine/state.h"
#include "value/json_write.h"

/* The hot path's own writers: room was reserved, so nearly all of them are a copy of known length.
 */
static inline void put(struct wr_buf *out, const char *p, size_t n)
{
    if (WR_LIKELY(n <= out->cap - out->n)) {
        wr_bytes_copy(out->p + out->n, p, n);
        out->n += n;
    } else {
        out->overflow = true;
    }
}

static inline void put_str(struct wr_buf *out, struct wr_str s)
{
    put(out, s.p, s.n);
}

#define PUT(out, literal) put((out), (literal), sizeof(literal) - 1)

static void key_string(struct wr_buf *out, struct wr_str key, struct wr_str text)
{
    put_str(out, key);
    wr_json_write_string(out, text, WR_JSON_COMPACT);
}

/* Names of lists and models are plain: nothing in them needs an escape. */
static void write_key(struct wr_buf *out, bool *first, struct wr_str name)
{
    put_str(out, *first ? WR_STR("\"") : WR_STR(",\""));
    put_str(out, name);
    PUT(out, "\":");
    *first = false;
}

static void write_why_absent(struct wr_buf *out, const char *why)
{
    PUT(out, "\"");
    put_str(out, wr_str_z(why));
    PUT(out, "\"");
}

/* The scores whose models say why they are absent, up to a name; returns the next model. */
static uint32_t write_unscored(struct wr_buf *out, const struct wr_binding *binding,
                               const struct wr_case *c, uint32_t m, const struct wr_str *before,
                               bool *first)
{
    const struct wr_pack *pack = binding->pack;
    for (; m < pack->n_models && (before == NULL || wr_str_cmp(pack->models[m].name, *before) < 0);
         m++) {
        if (wr_case_tells(binding, c, m)) {
            write_key(out, first, pack->models[m].name);
            write_why_absent(out, wr_case_score_absence(c, m));
        }
    }
    return m;
}

/* ,"name": of the k-th feature in order of names; the first has no comma. */
static inline void put_label(struct wr_buf *out, const struct wr_binding *binding, uint32_t k,
                             bool first)
{
    struct wr_str label = binding->feature_labels[k];
    put(out, label.p + first, label.n - first);
}

/* {"a":1,"b":true} of the features that are there, in order of names; returns how many are not. */
static uint32_t write_features(struct wr_buf *out, const struct wr_binding *binding,
                               const struct wr_case *c)
{
    uint32_t n = 0, n_features = binding->plan->n_features;
    PUT(out, "{");
    for (uint32_t k = 0; k < n_features; k++) {
        const struct wr_value *v = &c->features[binding->pack->by_name[k]];
        if (wr_is(*v, WR_UNDEFINED)) {
            continue;
        }
        put_label(out, binding, k, n++ == 0);
        if (WR_LIKELY(wr_is(*v, WR_NUMBER))) {
            wr_number_write(out, v);
        } else {
            wr_json_write(out, v, WR_JSON_COMPACT);
        }
    }
    PUT(out, "}");
    return n_features - n;
}

/* The n features that are not there, with the reasons, and the scores that a policy is told to be
 * missing; in order of names. */
static void write_missing(struct wr_buf *out, const struct wr_binding *binding,
                          const struct wr_case *c, uint32_t n)
{
    bool first = true, scores = binding->pack->tells_scores;
    uint32_t m = 0;
    PUT(out, "{");
    for (uint32_t k = 0; n > 0; k++) {
        uint32_t i = binding->pack->by_name[k];
        if (!wr_is(c->features[i], WR_UNDEFINED)) {
            continue;
        }
        if (scores) {
            m = write_unscored(out, binding, c, m, &binding->plan->features[i].name, &first);
        }
        put_label(out, binding, k, first);
        first = false;
        write_why_absent(out, wr_case_absence(c->vector.values[i].presence));
        n--;
    }
    if (scores) {
        write_unscored(out, binding, c, m, NULL, &first);
    }
    PUT(out, "}");
}

static void write_lists(struct wr_buf *out, const struct wr_pack *pack, const struct wr_case *c)
{
    bool first = true;
    PUT(out, "{");
    for (uint32_t i = 0; i < pack->n_lists; i++) {
        write_key(out, &first, pack->lists[i].name);
        put_str(out, (c->list_hits >> i & 1) != 0 ? WR_STR("true") : WR_STR("false"));
    }
    PUT(out, "}");
}

static struct wr_str since(const struct wr_buf *out, size_t start)
{
    return wr_str_of(out->p + start, out->n - start);
}

/* Pieces of what was derived that the document says once more. */
struct derived {
    struct wr_str features, scores; /* objects */
    struct wr_str score;            /* of the pack's main model; empty when there is none */
};

/* As the policy saw them: the text of input.scores. */
static void write_scores(struct wr_buf *out, const struct wr_pack *pack, const struct wr_case *c,
                         struct derived *spans)
{
    bool first = true;
    size_t start = out->n;
    PUT(out, "{");
    for (uint32_t m = 0; m < pack->n_models; m++) {
        if (wr_case_has_score(c, m)) {
            write_key(out, &first, pack->models[m].name);
            size_t at = out->n;
            wr_number_write(out, &c->score_values[m]);
            spans->score = m == pack->policy.score_model ? since(out, at) : spans->score;
        }
    }
    PUT(out, "}");
    spans->scores = since(out, start);
}

static struct derived write_derived(struct wr_buf *out, const struct wr_binding *binding,
                                    const struct wr_case *c)
{
    struct derived spans = {.score = WR_STR("")};
    PUT(out, "{\"features\":");
    size_t start = out->n;
    uint32_t n_missing = write_features(out, binding, c);
    spans.features = since(out, start);
    if (WR_UNLIKELY(binding->plan->fleet != NULL)) {
        PUT(out, ",\"fleet\":");
        wr_case_fleet_write(out, binding, c);
    }
    PUT(out, ",\"lists\":");
    write_lists(out, binding->pack, c);
    PUT(out, ",\"missing\":");
    write_missing(out, binding, c, n_missing);
    if (WR_UNLIKELY(!wr_is(c->places, WR_UNDEFINED))) {
        PUT(out, ",\"places\":");
        wr_json_write(out, &c->places, WR_JSON_COMPACT);
    }
    PUT(out, ",\"scores\":");
    write_scores(out, binding->pack, c, &spans);
    PUT(out, "}");
    return spans;
}

/* ── the document ───────────────────────────────────────────────────────────────────────────── */
static void write_reason(struct wr_buf *out, const struct wr_reason *reason, struct wr_str *code)
{
    PUT(out, "{\"code\":");
    size_t start = out->n + 1;
    wr_json_write_string(out, reason->code, WR_JSON_COMPACT);
    *code = wr_str_of(out->p + start, out->n - start - 1);
    key_string(out, WR_STR(",\"text\":"), reason->text);
    if (reason->rule.n != 0) {
        key_string(out, WR_STR(",\"rule\":"), reason->rule);
    }
    PUT(out, "}");
}

/* Leaves out the last reasons when all of them are over WR_LIMIT_REASON_BYTES. */
static void write_reasons(struct wr_buf *out, const struct wr_verdict *verdict,
                          struct wr_answer *answer)
{
    size_t start = out->n;
    PUT(out, "[");
    for (uint32_t i = 0; i < verdict->n_reasons; i++) {
        size_t before = out->n;
        struct wr_str code;
        if (i != 0) {
            PUT(out, ",");
        }
        write_reason(out, &verdict->reasons[i], &code);
        if (out->n - start > WR_LIMIT_REASON_BYTES) {
            out->n = before;
            break;
        }
        if (answer->n_reasons < WR_COUNTOF(answer->reasons)) {
            answer->reasons[answer->n_reasons++] = code;
        }
    }
    PUT(out, "]");
}

/* The detail is the name of a model's input: a path may hold any character. */
static void write_why(struct wr_buf *out, const struct wr_degraded *item)
{
    char room[WR_LIMIT_NAME + WR_LIMIT_PACK_PATH];
    struct wr_buf text = wr_buf_fixed(room, sizeof room);
    put_str(&text, wr_str_z(item->why));
    if (item->detail.n != 0) {
        PUT(&text, ": ");
        put_str(&text, item->detail);
    }
    WR_ASSERT(!text.overflow);
    wr_json_write_string(out, wr_buf_view(&text), WR_JSON_COMPACT);
}

static void write_degraded(struct wr_buf *out, const struct wr_verdict *verdict)
{
    PUT(out, "[");
    for (uint32_t i = 0; i < verdict->n_degraded; i++) {
        const struct wr_degraded *item = &verdict->degraded[i];
        put_str(out, i == 0 ? WR_STR("{\"what\":\"") : WR_STR(",{\"what\":\""));
        put_str(out, wr_str_z(item->what));
        if (item->name.n != 0) {
            PUT(out, ".");
            put_str(out, item->name);
        }
        PUT(out, "\",\"why\":");
        write_why(out, item);
        PUT(out, "}");
    }
    PUT(out, "]");
}

static void write_head(struct wr_buf *out, const struct wr_case *c)
{
    char id[WR_DECISION_ID_MAX];
    size_t n = wr_decision_id_write(id, c->node, c->epoch, c->sequence);
    PUT(out, "{\"decision_id\":\"");
    put(out, id, n);
    PUT(out, "\",\"transaction_id\":");
    if (c->event->id.n != 0) {
        wr_json_write_string(out, c->event->id, WR_JSON_COMPACT);
    } else {
        PUT(out, "null");
    }
}

/* ,"approximate":["a","b"]: features whose value is an estimate; left out when there is none. */
static void write_approximate(struct wr_buf *out, const struct wr_binding *binding,
                              const struct wr_case *c)
{
    bool first = true;
    for (uint32_t k = 0; k < binding->plan->n_features; k++) {
        uint32_t i = binding->pack->by_name[k];
        const struct wr_feature_value *value = &c->vector.values[i];
        if (value->presence == WR_FEATURE_DEFINED && value->approximate) {
            key_string(out, first ? WR_STR(",\"approximate\":[") : WR_STR(","),
                       binding->plan->features[i].name);
            first = false;
        }
    }
    if (!first) {
        PUT(out, "]");
    }
}

static void write_document(struct wr_buf *out, const struct wr_binding *binding,
                           const struct wr_case *c, const struct wr_verdict *verdict,
                           const struct derived *derived, struct wr_answer *answer)
{
    const struct wr_pack *pack = binding->pack;
    write_head(out, c);
    PUT(out, ",\"outcome\":\"");
    put_str(out, wr_str_z(wr_outcome_name(verdict->outcome)));
    PUT(out, "\"");
    if (derived->score.n != 0) {
        PUT(out, ",\"score\":");
        put_str(out, derived->score);
    }
    PUT(out, ",\"scores\":");
    put_str(out, derived->scores);
    PUT(out, ",\"reasons\":");
    write_reasons(out, verdict, answer);
    if (pack->policy.n_outputs != 0) {
        PUT(out, ",\"outputs\":");
        put_str(out, verdict->outputs);
    }
    PUT(out, ",\"degraded\":");
    write_degraded(out, verdict);
    write_approximate(out, binding, c);
    put_str(out, binding->ending);
    put_str(out, c->vector.late ? WR_STR("true}") : WR_STR("false}"));
}

/* ── the record ─────────────────────────────────────────────────────────────────────────────── */

void wr_case_write(struct wr_engine *engine, const struct wr_case *c,
                   const struct wr_verdict *verdict, struct wr_buf *out, struct wr_answer *answer)
{
    const struct wr_binding *binding = engine->binding;
    size_t start = out->n, at;
    char *head = wr_buf_reserve(out, WR_RECORD_HEAD);
    WR_ASSERT(head != NULL);
    out->n += WR_RECORD_HEAD;
    struct wr_record record = {
        .kind = WR_RECORD_DECISION,
        .sequence = c->sequence,
        .epoch = c->epoch,
        .node = c->node,
        .now_us = c->now_us,
        .event_us = c->event->time_ms * 1000,
        .budget = c->budget,
        .flags = (uint8_t)((c->vector.late ? WR_RECORD_LATE : 0) |
                           (verdict->n_degraded != 0 ? WR_RECORD_DEGRADED : 0) |
                           (binding->pack->n_challengers != 0 ? WR_RECORD_CHALLENGED : 0)),
        .outcome = verdict->outcome,
    };
    memcpy(record.pack_digest, binding->pack->digest, 32);
    at = out->n;
    put_str(out, c->event->id);
    record.id = since(out, at);
    at = out->n;
    char *anchor = wr_buf_reserve(out, WR_ANCHOR_MAX);
    WR_ASSERT(anchor != NULL);
    out->n += wr_anchor_write(engine, c, anchor);
    record.anchor = since(out, at);
    at = out->n;
    put_str(out, c->event_text);
    record.event = since(out, at);
    at = out->n;
    const struct derived derived = write_derived(out, binding, c);
    answer->features = derived.features;
    record.derived = since(out, at);
    at = out->n;
    write_document(out, binding, c, verdict, &derived, answer);
    record.document = since(out, at);
    if (WR_UNLIKELY(c->others != NULL)) {
        char *shares =
            wr_buf_reserve(out, (size_t)binding->plan->fleet->n_features * WR_FLEET_SHARE_SIZE);
        WR_ASSERT(shares != NULL);
        record.fleet = wr_str_of(shares, wr_fleet_shares_write(binding->plan, c->others, shares));
        out->n += record.fleet.n;
    }
    wr_record_encode_head((uint8_t *)head, &record);
    answer->record = since(out, start);
    answer->transaction_id = record.id;
    answer->anchor = record.anchor;
    answer->document = record.document;
    if (c->want_features) {
        at = out->n;
        wr_record_project(out, record.document, answer->features);
        answer->projected = since(out, at);
    }
}
