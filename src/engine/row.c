/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a decision down: the head, the event, what was derived, the document. The answer's views
 * point into the record. Room was reserved before the sequence was given (binding->case_size).
 *
 * What the phrasebook of the pack has, and what the row has twice, is noted as it is written: the
 * journal can leave it out (condense.h). A note left out makes a longer row and no wrong one. */
#include "engine/page.h"
#include "engine/state.h"
#include "value/json_write.h"

enum { DIGEST_AT = 43, ZEROS_AT = 96 }; /* of the book's phrases in the head */

/* ── what was derived ───────────────────────────────────────────────────────────────────────── */
static inline void write_value(struct wr_page *page, const struct wr_value *v)
{
    if (WR_LIKELY(wr_is(*v, WR_NUMBER))) {
        wr_number_write(page->out, v);
    } else {
        wr_json_write(page->out, v, WR_JSON_COMPACT);
    }
}

/* {"features":{"a":1,"b":true without the end: those that are there, in order of names; returns how
 * many are not. */
static uint32_t write_features(struct wr_page *page, const struct wr_binding *binding,
                               const struct wr_case *c)
{
    const struct wr_phrase *labels = page->book->labels;
    const struct wr_value *values = c->features;
    const uint32_t *by_name = binding->pack->by_name;
    uint32_t k = 0, n = 0, n_features = binding->plan->n_features;
    while (k < n_features && wr_is(values[by_name[k]], WR_UNDEFINED)) {
        k++;
    }
    if (WR_LIKELY(k == 0)) {
        wr_page_phrase(page, &page->book->features);
    } else {
        wr_page_phrase(page, &page->book->bare);
    }
    if (WR_UNLIKELY(k != 0 && k != n_features)) {
        wr_page_phrase(page, &page->book->first_labels[k]);
    }
    if (k < n_features) {
        write_value(page, &values[by_name[k++]]);
        n++;
    }
    for (; k < n_features; k++) {
        const struct wr_value *v = &values[by_name[k]];
        if (WR_LIKELY(!wr_is(*v, WR_UNDEFINED))) {
            wr_page_phrase(page, &labels[k]);
            write_value(page, v);
            n++;
        }
    }
    return n_features - n;
}

static void write_comma(struct wr_page *page, bool *first)
{
    if (!*first) {
        WR_PAGE_PUT(page, ",");
    }
    *first = false;
}

/* The scores whose models say why they are absent, up to a name; returns the next model. */
static uint32_t write_unscored(struct wr_page *page, const struct wr_binding *binding,
                               const struct wr_case *c, uint32_t m, const struct wr_str *before,
                               bool *first)
{
    const struct wr_pack *pack = binding->pack;
    for (; m < pack->n_models && (before == NULL || wr_str_cmp(pack->models[m].name, *before) < 0);
         m++) {
        if (wr_case_tells(binding, c, m)) {
            write_comma(page, first);
            wr_page_phrase(page, &page->book->models[m]);
            WR_PAGE_PUT(page, "\"");
            wr_page_put(page, wr_str_z(wr_case_score_absence(c, m)));
            WR_PAGE_PUT(page, "\"");
        }
    }
    return m;
}

/* The n features that are not there, with the reasons, and the scores that a policy is told to be
 * missing; in order of names. */
static void write_missing(struct wr_page *page, const struct wr_binding *binding,
                          const struct wr_case *c, uint32_t n)
{
    const struct wr_phrasebook *book = page->book;
    bool first = true, scores = binding->pack->tells_scores;
    uint32_t m = 0;
    for (uint32_t k = 0; n > 0; k++) {
        uint32_t i = binding->pack->by_name[k];
        if (!wr_is(c->features[i], WR_UNDEFINED)) {
            continue;
        }
        if (scores) {
            m = write_unscored(page, binding, c, m, &binding->plan->features[i].name, &first);
        }
        wr_page_phrase(page, first ? &book->first_labels[k] : &book->labels[k]);
        wr_page_phrase(page, wr_phrase_of_absence(book, c->vector.values[i].presence));
        first = false;
        n--;
    }
    if (scores) {
        write_unscored(page, binding, c, m, NULL, &first);
    }
}

static void write_lists(struct wr_page *page, const struct wr_pack *pack, const struct wr_case *c)
{
    bool first = true;
    for (uint32_t i = 0; i < pack->n_lists; i++) {
        write_comma(page, &first);
        wr_page_phrase(page, &page->book->list_is[i][c->list_hits >> i & 1]);
    }
}

/* The first model that has a score, or UINT32_MAX. */
static uint32_t first_scored(const struct wr_pack *pack, const struct wr_case *c)
{
    for (uint32_t m = 0; m < pack->n_models; m++) {
        if (wr_case_has_score(c, m)) {
            return m;
        }
    }
    return UINT32_MAX;
}

/* Lists, missing, scores up to the first score, when all are as they mostly are; false when they
 * are not. */
static bool write_calm(struct wr_page *page, const struct wr_binding *binding,
                       const struct wr_case *c, uint32_t n_missing, uint32_t scored)
{
    bool calm = n_missing == 0 && c->list_hits == 0 && scored == page->book->main_model &&
                binding->plan->fleet == NULL && wr_is(c->places, WR_UNDEFINED) &&
                !binding->pack->tells_scores;
    if (WR_LIKELY(calm)) {
        wr_page_phrase(page, &page->book->calm);
    }
    return calm;
}

static void write_restless(struct wr_page *page, const struct wr_binding *binding,
                           const struct wr_case *c, uint32_t n_missing, uint32_t scored)
{
    WR_PAGE_PUT(page, "}");
    if (binding->plan->fleet != NULL) {
        WR_PAGE_PUT(page, ",\"fleet\":");
        wr_case_fleet_write(page->out, binding, c);
    }
    wr_page_phrase(page, &page->book->lists);
    write_lists(page, binding->pack, c);
    wr_page_phrase(page, &page->book->missing);
    write_missing(page, binding, c, n_missing);
    WR_PAGE_PUT(page, "}");
    if (!wr_is(c->places, WR_UNDEFINED)) {
        WR_PAGE_PUT(page, ",\"places\":");
        wr_json_write(page->out, &c->places, WR_JSON_COMPACT);
    }
    wr_page_phrase(page, &page->book->scores);
    if (scored != UINT32_MAX) {
        wr_page_phrase(page, &page->book->models[scored]);
    }
}

/* As the policy saw them: the text of input.scores, from the value of the first one on. */
static struct wr_str write_scores(struct wr_page *page, const struct wr_pack *pack,
                                  const struct wr_case *c, uint32_t first)
{
    struct wr_str score = WR_STR("");
    for (uint32_t m = first; m < pack->n_models; m++) {
        if (!wr_case_has_score(c, m)) {
            continue;
        }
        if (m != first) {
            WR_PAGE_PUT(page, ",");
            wr_page_phrase(page, &page->book->models[m]);
        }
        size_t at = page->out->n;
        wr_number_write(page->out, &c->score_values[m]);
        score = m == pack->policy.score_model ? wr_page_since(page, at) : score;
    }
    return score;
}

/* The derived part but for the braces that end the scores and itself. */
static struct wr_derived write_derived(struct wr_page *page, const struct wr_binding *binding,
                                       const struct wr_case *c)
{
    const struct wr_pack *pack = binding->pack;
    size_t start = page->out->n + sizeof "{\"features\":" - 1;
    uint32_t n_missing = write_features(page, binding, c), scored = first_scored(pack, c);
    size_t n_features = page->out->n - start + 1; /* with the brace that is written next */
    if (!write_calm(page, binding, c, n_missing, scored)) {
        write_restless(page, binding, c, n_missing, scored);
    }
    size_t key_n = scored != UINT32_MAX ? page->book->models[scored].text.n : 0;
    size_t at = page->out->n - key_n - 1; /* of the brace that begins the scores */
    struct wr_derived derived = {.score = write_scores(page, pack, c, scored)};
    derived.features = wr_str_of(page->out->p + start, n_features);
    derived.scores = wr_str_of(page->out->p + at, page->out->n - at + 1);
    return derived;
}

/* ── the record ─────────────────────────────────────────────────────────────────────────────── */
static void write_anchor(struct wr_page *page, const struct wr_engine *engine,
                         const struct wr_case *c)
{
    const struct wr_phrasebook *book = page->book;
    const struct wr_schema *schema = engine->binding->schema;
    char *anchor = wr_buf_reserve(page->out, WR_ANCHOR_MAX);
    WR_ASSERT(anchor != NULL);
    size_t at = page->out->n;
    page->out->n += wr_anchor_write(engine, c, anchor);
    unsigned i = 0;
    while (i < WR_PHRASE_PLACES - 1 && c->vector.place != WR_PLACE_NONE << 16 * i) {
        i++;
    }
    struct wr_str usual = book->anchors[i].text;
    bool is_usual = page->out->n - at >= 8 + usual.n && memcmp(anchor + 8, usual.p, usual.n) == 0;
    if (is_usual) {
        wr_page_known(page, anchor + 8, &book->anchors[i]);
    }
    const char *salt = anchor + WR_ANCHOR_KEYS;
    for (uint32_t k = 0; k < schema->n_entities; k++) {
        if (!c->event->keys[k].present) {
            continue;
        }
        if (!is_usual || salt != anchor + WR_ANCHOR_KEYS) {
            wr_page_known(page, salt, &book->salts[k]);
        }
        salt += WR_ANCHOR_KEY;
    }
}

static void write_fleet(struct wr_page *page, const struct wr_binding *binding,
                        const struct wr_case *c)
{
    char *shares =
        wr_buf_reserve(page->out, (size_t)binding->plan->fleet->n_features * WR_FLEET_SHARE_SIZE);
    WR_ASSERT(shares != NULL);
    page->out->n += wr_fleet_shares_write(binding->plan, c->others, shares);
}

/* The head is known last: its literal bytes, which the condenser has taken already, are put right.
 * Nobody keeps a row that would not get shorter, or has no room in the case's own. */
static void condense(struct wr_page *page, const struct wr_record *record, size_t room,
                     struct wr_answer *answer)
{
    struct wr_condenser *c = page->condenser;
    const char *head = answer->record.p;
    size_t n_row = answer->record.n, n = wr_condensed_size(c, n_row);
    size_t behind = DIGEST_AT + page->book->pack.text.n;
    size_t n_behind = (record->fleet.n == 0 ? ZEROS_AT : WR_RECORD_HEAD) - behind;
    if (n >= n_row || (size_t)(page->out->p + page->out->n - page->row) + n > room) {
        return;
    }
    char *out = wr_buf_reserve(page->out, n);
    WR_ASSERT(out != NULL);
    memcpy(c->literals, head, DIGEST_AT);
    memcpy(c->literals + DIGEST_AT, head + behind, n_behind);
    wr_condense(c, n_row, out);
    page->out->n += n;
    answer->condensed = wr_str_of(out, n);
}

/* All but the head. */
static void write_parts(struct wr_page *page, const struct wr_engine *engine,
                        const struct wr_case *c, const struct wr_verdict *verdict,
                        struct wr_record *record, struct wr_answer *answer)
{
    struct wr_buf *out = page->out;
    size_t at = out->n;
    wr_page_put(page, c->event->id);
    record->id = wr_page_since(page, at);
    at = out->n;
    write_anchor(page, engine, c);
    record->anchor = wr_page_since(page, at);
    at = out->n;
    wr_page_put(page, c->event_text);
    record->event = wr_page_since(page, at);
    at = out->n;
    const struct wr_derived derived = write_derived(page, engine->binding, c);
    wr_page_phrase(page, &page->book->document); /* }} and the beginning of the document */
    const size_t document_at = (size_t)(derived.scores.p + derived.scores.n + 1 - out->p);
    record->derived = wr_str_of(out->p + at, document_at - at);
    wr_page_document(page, engine->binding, c, verdict, &derived, answer);
    record->document = wr_page_since(page, document_at);
    if (WR_UNLIKELY(c->others != NULL)) {
        at = out->n;
        write_fleet(page, engine->binding, c);
        record->fleet = wr_page_since(page, at);
    }
    answer->features = derived.features;
}

static char *begin_head(struct wr_page *page, const struct wr_case *c)
{
    char *head = wr_buf_reserve(page->out, WR_RECORD_HEAD);
    WR_ASSERT(head != NULL);
    page->out->n += WR_RECORD_HEAD;
    wr_condense_begin(page->condenser, head);
    if (WR_UNLIKELY(c->recorded)) { /* it is compared and not kept */
        wr_condense_stop(page->condenser);
    }
    wr_page_known(page, head + DIGEST_AT, &page->book->pack);
    if (WR_LIKELY(c->others == NULL)) {
        wr_page_known(page, head + ZEROS_AT, &page->book->zeros);
    }
    return head;
}

void wr_case_write(struct wr_engine *engine, const struct wr_case *c,
                   const struct wr_verdict *verdict, struct wr_buf *out, struct wr_answer *answer)
{
    const struct wr_binding *binding = engine->binding;
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
    struct wr_page page = {.out = out,
                           .row = out->p + out->n,
                           .condenser = binding->condenser,
                           .book = &binding->book};
    char *head = begin_head(&page, c);
    write_parts(&page, engine, c, verdict, &record, answer);
    wr_record_encode_head((uint8_t *)head, &record);
    answer->record = wr_str_of(head, wr_record_size(&record));
    answer->transaction_id = record.id;
    answer->anchor = record.anchor;
    answer->document = record.document;
    if (c->want_features) {
        size_t at = out->n;
        wr_record_project(out, record.document, answer->features);
        answer->projected = wr_page_since(&page, at);
    }
    condense(&page, &record, binding->case_size + c->event_text.n, answer);
}
