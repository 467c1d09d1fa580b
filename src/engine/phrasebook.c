/* SPDX-License-Identifier: Apache-2.0 */
/* See phrasebook.h. */
#include "engine/phrasebook.h"

#include "engine/state.h"
#include "value/json_write.h"

enum { ANCHOR_TAIL = 24, ZEROS = 12, TEXTS_FIRST = 4096 };

struct maker {
    const struct wr_pack *pack;
    struct wr_arena *arena;
    struct wr_phrasebook *book;
    struct wr_buf texts;          /* all, one behind the other */
    struct wr_buf lengths, bytes; /* of those that have a number */
    uint32_t n;
    size_t start; /* of the text that is being written */
};

/* ── one phrase ─────────────────────────────────────────────────────────────────────────────── */
static void add(struct maker *m, struct wr_str text)
{
    wr_buf_str(&m->texts, text);
}

static void add_json(struct maker *m, struct wr_str text)
{
    wr_json_write_string(&m->texts, text, WR_JSON_COMPACT);
}

/* Names of features, lists and models need no escape. */
static void add_key(struct maker *m, struct wr_str name)
{
    add(m, WR_STR("\""));
    add(m, name);
    add(m, WR_STR("\":"));
}

/* What was written since the last one is a phrase, if there is room for one. */
static struct wr_phrase take(struct maker *m)
{
    struct wr_str text = wr_str_of(m->texts.p + m->start, m->texts.n - m->start);
    uint8_t length[4];
    m->start = m->texts.n;
    if (text.n < WR_PHRASE_MIN || m->n == WR_LIMIT_PHRASES ||
        4 + m->lengths.n + 4 + m->bytes.n + text.n > WR_LIMIT_PHRASE_TABLE) {
        return (struct wr_phrase){text, WR_NO_PHRASE};
    }
    wr_put32(length, (uint32_t)text.n);
    wr_buf_add(&m->lengths, length, sizeof length);
    wr_buf_str(&m->bytes, text);
    return (struct wr_phrase){text, m->n++};
}

static struct wr_phrase phrase(struct maker *m, struct wr_str text)
{
    add(m, text);
    return take(m);
}

static struct wr_phrase *new_phrases(struct maker *m, size_t n)
{
    return WR_NEW_ARRAY(m->arena, struct wr_phrase, n + 1);
}

static bool make_room(struct maker *m, size_t n_texts)
{
    struct wr_phrasebook *book = m->book;
    const struct wr_pack *pack = m->pack;
    m->texts = wr_buf_in(m->arena, n_texts);
    m->lengths = wr_buf_in(m->arena, 512);
    m->bytes = wr_buf_in(m->arena, 4096);
    book->salts = new_phrases(m, pack->schema->n_entities);
    book->labels = new_phrases(m, pack->plan->n_features);
    book->first_labels = new_phrases(m, pack->plan->n_features);
    book->models = new_phrases(m, pack->n_models);
    book->by_model = new_phrases(m, pack->n_models);
    book->by_list = new_phrases(m, pack->n_lists);
    book->reasons_known = new_phrases(m, pack->n_reasons);
    book->code_n = WR_NEW_ARRAY(m->arena, uint32_t, pack->n_reasons + 1);
    book->list_is = wr_arena_alloc(m->arena, (pack->n_lists + 1) * sizeof *book->list_is,
                                   alignof(struct wr_phrase));
    return !m->texts.overflow && book->salts != NULL && book->labels != NULL &&
           book->first_labels != NULL && book->models != NULL && book->by_model != NULL &&
           book->by_list != NULL && book->reasons_known != NULL && book->code_n != NULL &&
           book->list_is != NULL;
}

/* ── the parts of a row ─────────────────────────────────────────────────────────────────────── */
static void make_head(struct maker *m)
{
    static const char zeros[ZEROS];
    add(m, wr_str_of(zeros, 1));
    add(m, wr_str_of((const char *)m->pack->digest, sizeof m->pack->digest));
    m->book->pack = take(m);
    m->book->zeros = phrase(m, wr_str_of(zeros, sizeof zeros));
}

static void make_anchor(struct maker *m)
{
    const struct wr_schema *schema = m->pack->schema;
    char tail[ANCHOR_TAIL] = {0};
    memcpy(tail + 12, m->pack->state_digest, 2);
    wr_put16(tail + 14, (uint16_t)schema->n_entities);
    wr_put64(tail + 16, schema->n_entities != 0 ? schema->entities[0].salt : 0);
    for (unsigned i = 0; i < WR_PHRASE_PLACES; i++) {
        wr_put64(tail, i < 4 ? WR_PLACE_NONE << 16 * i : 0);
        m->book->anchors[i] = phrase(m, wr_str_of(tail, sizeof tail));
    }
    for (uint32_t i = 0; i < schema->n_entities; i++) {
        wr_put64(tail, schema->entities[i].salt);
        m->book->salts[i] = phrase(m, wr_str_of(tail, 8));
    }
}

static struct wr_str feature_name(const struct maker *m, uint32_t k)
{
    return m->pack->plan->features[m->pack->by_name[k]].name;
}

static void make_labels(struct maker *m)
{
    uint32_t n = m->pack->plan->n_features;
    add(m, WR_STR("{\"features\":{"));
    if (n != 0) {
        add_key(m, feature_name(m, 0));
    }
    m->book->features = take(m);
    for (uint32_t k = 0; k < n; k++) {
        add(m, WR_STR(","));
        add_key(m, feature_name(m, k));
        m->book->labels[k] = take(m);
    }
}

static void make_calm(struct maker *m)
{
    const struct wr_pack *pack = m->pack;
    m->book->main_model = pack->policy.score_model;
    add(m, WR_STR("},\"lists\":{"));
    for (uint32_t i = 0; i < pack->n_lists; i++) {
        add(m, i == 0 ? WR_STR("") : WR_STR(","));
        add_key(m, pack->lists[i].name);
        add(m, WR_STR("false"));
    }
    add(m, WR_STR("},\"missing\":{},\"scores\":{"));
    if (m->book->main_model != UINT32_MAX) {
        add_key(m, pack->models[m->book->main_model].name);
    }
    m->book->calm = take(m);
}

/* How every document ends. */
static void add_ending(struct maker *m, bool late)
{
    add(m, WR_STR(",\"pack\":{\"revision\":"));
    add_json(m, m->pack->revision);
    add(m, WR_STR(",\"digest\":\""));
    add(m, wr_str_of(m->pack->digest_text, sizeof m->pack->digest_text));
    add(m, late ? WR_STR("\"},\"late\":true}") : WR_STR("\"},\"late\":false}"));
}

static void make_document(struct maker *m)
{
    struct wr_phrasebook *book = m->book;
    book->document = phrase(m, WR_STR("}}{\"decision_id\":\""));
    book->transaction_id = phrase(m, WR_STR("\",\"transaction_id\":"));
    for (unsigned i = WR_OUTCOME_APPROVE; i < WR_OUTCOME_COUNT; i++) {
        for (unsigned scored = 2; scored-- > 0;) {
            add(m, WR_STR(",\"outcome\":\""));
            add(m, wr_str_z(wr_outcome_name((enum wr_outcome)i)));
            add(m, scored != 0 ? WR_STR("\",\"score\":") : WR_STR("\""));
            book->outcomes[i][scored] = take(m);
        }
    }
    add(m, WR_STR(",\"reasons\":[],\"degraded\":[]"));
    add_ending(m, false);
    book->quiet = take(m);
    book->reasons = phrase(m, WR_STR(",\"reasons\":["));
    add(m, WR_STR("],\"degraded\":[]"));
    add_ending(m, false);
    book->closing = take(m);
}

static void make_reasons(struct maker *m)
{
    for (uint32_t i = 0; i < m->pack->n_reasons; i++) {
        const struct wr_pack_reason *reason = &m->pack->reasons[i];
        add(m, WR_STR("{\"code\":"));
        size_t start = m->texts.n;
        add_json(m, reason->code);
        m->book->code_n[i] = (uint32_t)(m->texts.n - start - 2);
        add(m, WR_STR(",\"text\":"));
        add_json(m, m->pack->policy.chinese && reason->zh.n != 0 ? reason->zh : reason->en);
        m->book->reasons_known[i] = take(m);
    }
}

static const uint8_t presences[WR_PHRASE_ABSENCES] = {
    WR_FEATURE_NO_HISTORY,   WR_FEATURE_WARMING,  WR_FEATURE_EVICTED, WR_FEATURE_STALE,
    WR_FEATURE_FIELD_ABSENT, WR_ABSENT_UNDEFINED, WR_ABSENT_ERROR};

static void make_absences(struct maker *m)
{
    for (unsigned i = 0; i < WR_PHRASE_ABSENCES; i++) {
        add(m, WR_STR("\""));
        add(m, wr_str_z(wr_case_absence(presences[i])));
        add(m, WR_STR("\""));
        m->book->absences[i] = take(m);
    }
}

const struct wr_phrase *wr_phrase_of_absence(const struct wr_phrasebook *book, uint8_t presence)
{
    unsigned i = 0;
    while (presences[i] != presence) {
        i++;
        WR_ASSERT(i < WR_PHRASE_ABSENCES);
    }
    return &book->absences[i];
}

static struct wr_phrase by(struct maker *m, struct wr_str name)
{
    add(m, WR_STR(",\"rule\":"));
    add_json(m, name);
    add(m, WR_STR("}"));
    return take(m);
}

/* What few rows have. */
static void make_rest(struct maker *m)
{
    struct wr_phrasebook *book = m->book;
    book->bare = phrase(m, WR_STR("{\"features\":{"));
    book->lists = phrase(m, WR_STR(",\"lists\":{"));
    book->missing = phrase(m, WR_STR("},\"missing\":{"));
    book->scores = phrase(m, WR_STR(",\"scores\":{"));
    book->degraded = phrase(m, WR_STR(",\"degraded\":["));
    for (unsigned late = 0; late < 2; late++) {
        add_ending(m, late != 0);
        book->endings[late] = take(m);
    }
    make_absences(m);
    for (uint32_t i = 0; i < m->pack->n_models; i++) {
        add_key(m, m->pack->models[i].name);
        book->models[i] = take(m);
        book->by_model[i] = by(m, m->pack->models[i].name);
    }
    for (uint32_t i = 0; i < m->pack->n_lists; i++) {
        for (unsigned holds = 0; holds < 2; holds++) {
            add_key(m, m->pack->lists[i].name);
            add(m, holds != 0 ? WR_STR("true") : WR_STR("false"));
            book->list_is[i][holds] = take(m);
        }
        book->by_list[i] = by(m, m->pack->lists[i].name);
    }
    for (uint32_t k = 0; k < m->pack->plan->n_features; k++) {
        add_key(m, feature_name(m, k));
        book->first_labels[k] = take(m);
    }
}

/* ── the table ──────────────────────────────────────────────────────────────────────────────── */
static struct wr_str make_table(struct maker *m)
{
    struct wr_buf table = wr_buf_in(m->arena, 4 + m->lengths.n + m->bytes.n);
    uint8_t n[4];
    wr_put32(n, m->n);
    wr_buf_add(&table, n, sizeof n);
    wr_buf_str(&table, wr_buf_view(&m->lengths));
    wr_buf_str(&table, wr_buf_view(&m->bytes));
    m->texts.overflow = m->texts.overflow || table.overflow;
    return wr_buf_view(&table);
}

static bool make(struct maker *m, size_t n_texts)
{
    memset(m->book, 0, sizeof *m->book);
    m->n = 0;
    m->start = 0;
    if (!make_room(m, n_texts)) {
        return false;
    }
    make_head(m);
    make_labels(m);
    make_calm(m);
    make_anchor(m);
    make_document(m);
    make_reasons(m);
    make_rest(m);
    m->book->table = make_table(m);
    return !m->texts.overflow && !m->lengths.overflow && !m->bytes.overflow;
}

/* Twice, so that all texts lie in one block of the size that they need. */
wr_err wr_phrasebook_make(struct wr_arena *arena, const struct wr_pack *pack,
                          struct wr_phrasebook *book, struct wr_error *error)
{
    struct maker m = {.pack = pack, .arena = arena, .book = book};
    struct wr_arena_mark mark = wr_arena_mark(arena);
    bool made = make(&m, TEXTS_FIRST);
    if (made) {
        size_t n_texts = m.texts.n;
        wr_arena_rewind(arena, mark);
        made = make(&m, n_texts + WR_PHRASE_SLACK);
        WR_ASSERT(!made || m.texts.cap == n_texts + WR_PHRASE_SLACK);
    }
    return made ? WR_OK : wr_fail(error, WR_E_MEMORY, "no room for the phrases of the pack");
}

wr_err wr_pack_phrases(struct wr_arena *arena, const struct wr_pack *pack, struct wr_str *table,
                       struct wr_error *error)
{
    struct wr_phrasebook book;
    wr_err err = wr_phrasebook_make(arena, pack, &book, error);
    *table = err == WR_OK ? book.table : wr_str_of("", 0);
    return err;
}
