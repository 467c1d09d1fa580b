/* SPDX-License-Identifier: Apache-2.0 */
#include "app/reconcile.h"

#include "app/anchors.h"
#include "app/file.h"
#include "app/pack_load.h"
#include "app/progress.h"
#include "base/hash.h"
#include "feature/plan.h"
#include "port/port_linux.h"
#include "shell/journal.h"

#include <stdlib.h>

enum { BATCH = 64, ROOM = 4 * 1024 * 1024 };

struct reader { /* one journal, at its next row */
    struct wr_journal *journal;
    uint64_t next; /* sequence; 0: at its end */
    char *row;
    size_t row_cap;
    struct wr_record record;
};

struct known { /* an id that was decided */
    struct wr_hash128 hash;
    uint64_t sequence;
    uint32_t node, epoch;
    uint8_t outcome; /* 0: a free place */
};

struct reconcile {
    struct wr_reconcile_result *result;
    struct wr_arena *arena; /* of the result */
    size_t shown;
    struct reader *readers;
    struct known *known;
    uint64_t n_known, known_cap;
    struct wr_arena pack_arena, scratch, texts;
    bool has_pack_arena;
    struct wr_engine *engine;
    struct wr_anchors anchors;
    bool has_labels; /* some feature reads labels */
    struct wr_record batch[BATCH];
    uint32_t batch_nodes[BATCH];
    size_t n_batch;
    uint64_t sequence; /* of the merged entries */
    struct wr_progress progress;
};

/* ── rows in order of time ──────────────────────────────────────────────────────────────────── */
static wr_err read_next(struct reader *reader, struct wr_error *error)
{
    struct wr_str payload;
    if (reader->next > wr_journal_last(reader->journal)) {
        reader->next = 0;
        return WR_OK;
    }
    wr_err err = wr_journal_fetch(reader->journal, reader->next, &payload, error);
    if (err != WR_OK) {
        return err;
    }
    if (payload.n > reader->row_cap) {
        char *grown = realloc(reader->row, payload.n * 2);
        if (grown == NULL) {
            return wr_fail(error, WR_E_MEMORY, "no memory for a row");
        }
        reader->row = grown;
        reader->row_cap = payload.n * 2;
    }
    memcpy(reader->row, payload.p, payload.n);
    reader->next++;
    return wr_record_decode(wr_str_of(reader->row, payload.n), &reader->record, error);
}

static wr_err open_reader(struct reconcile *r, const struct wr_port *port, size_t i,
                          struct wr_error *error)
{
    const struct wr_journal_options look = {.read_only = true};
    struct wr_reconcile_node *node = &r->result->nodes[i];
    struct reader *reader = &r->readers[i];
    wr_err err = wr_journal_open(port, node->state, &look, &reader->journal, error);
    if (err != WR_OK) {
        reader->journal = NULL;
        return err;
    }
    node->node = wr_journal_identity(reader->journal).node;
    for (size_t k = 0; k < i; k++) {
        if (r->result->nodes[k].node == node->node) {
            return wr_fail(error, WR_E_STATE, "is the journal of the same node as %s",
                           r->result->nodes[k].state);
        }
    }
    reader->next = wr_journal_first(reader->journal);
    return read_next(reader, error);
}

/* The reader whose row comes next; n when all have ended. */
static size_t earliest(const struct reconcile *r)
{
    size_t best = r->result->n_nodes;
    for (size_t i = 0; i < r->result->n_nodes; i++) {
        const struct reader *reader = &r->readers[i];
        if (reader->next != 0 && (best == r->result->n_nodes ||
                                  reader->record.now_us < r->readers[best].record.now_us)) {
            best = i;
        }
    }
    return best;
}

/* ── ids ────────────────────────────────────────────────────────────────────────────────────── */
static struct known *place_of(const struct reconcile *r, struct wr_hash128 hash)
{
    uint64_t at = hash.lo & (r->known_cap - 1);
    while (r->known[at].outcome != 0 &&
           (r->known[at].hash.lo != hash.lo || r->known[at].hash.hi != hash.hi)) {
        at = (at + 1) & (r->known_cap - 1);
    }
    return &r->known[at];
}

static wr_err make_room(struct reconcile *r, struct wr_error *error)
{
    if (r->n_known >= WR_LIMIT_RECONCILE_IDS) {
        return wr_fail(error, WR_E_LIMIT, "there are over %u ids", WR_LIMIT_RECONCILE_IDS);
    }
    if (r->n_known * 3 < r->known_cap * 2) {
        return WR_OK;
    }
    struct known *old = r->known;
    uint64_t cap = r->known_cap;
    r->known_cap = cap == 0 ? 65536 : cap * 2;
    r->known = calloc(r->known_cap, sizeof *r->known);
    if (r->known == NULL) {
        r->known = old;
        r->known_cap = cap;
        return wr_fail(error, WR_E_MEMORY, "no memory for the ids");
    }
    for (uint64_t i = 0; i < cap; i++) {
        if (old[i].outcome != 0) {
            *place_of(r, old[i].hash) = old[i];
        }
    }
    free(old);
    return WR_OK;
}

static void write_id(char out[WR_DECISION_ID_MAX], uint64_t node, uint32_t epoch, uint64_t sequence)
{
    size_t n = wr_decision_id_write(out, node, epoch, sequence);
    out[WR_MIN(n, (size_t)WR_DECISION_ID_MAX - 1)] = '\0';
}

static void note_repeat(struct reconcile *r, const struct known *first,
                        const struct wr_record *record, uint32_t node)
{
    struct wr_reconcile_result *result = r->result;
    bool same_node = first->node == node, differs = first->outcome != record->outcome;
    result->n_twice_node += same_node;
    result->n_twice_nodes += !same_node;
    result->n_twice_differ += differs;
    if (result->n_twice_shown < r->shown) {
        struct wr_reconcile_example *e = &result->twice[result->n_twice_shown++];
        e->id = wr_str_copy(r->arena, record->id);
        e->was = (enum wr_outcome)first->outcome;
        e->is = record->outcome;
        write_id(e->first, result->nodes[first->node].node, first->epoch, first->sequence);
        write_id(e->second, record->node, record->epoch, record->sequence);
    }
}

/* *repeats: the id was decided before. */
static wr_err take_id(struct reconcile *r, const struct wr_record *record, uint32_t node,
                      bool *repeats, struct wr_error *error)
{
    static const struct wr_hash_key key = {0x77656972207265, 0x636f6e63696c65};
    *repeats = false;
    wr_err err = record->id.n != 0 ? make_room(r, error) : WR_OK;
    if (err != WR_OK || record->id.n == 0) {
        return err;
    }
    struct known made = {.hash = wr_siphash24_128(key, record->id.p, record->id.n),
                         .sequence = record->sequence,
                         .node = node,
                         .epoch = record->epoch,
                         .outcome = (uint8_t)record->outcome};
    struct known *at = place_of(r, made.hash);
    r->result->n_with_id++;
    *repeats = at->outcome != 0;
    if (*repeats) {
        note_repeat(r, at, record, node);
    } else {
        *at = made;
        r->n_known++;
    }
    return WR_OK;
}

/* ── one node that has seen everything ──────────────────────────────────────────────────────── */
static void compare(struct reconcile *r, const struct wr_record *was, uint32_t node,
                    uint64_t sequence, const struct wr_answer *answer)
{
    struct wr_reconcile_result *result = r->result;
    if (answer->err != WR_OK) {
        result->n_unread++;
        return;
    }
    result->n_compared++;
    result->changed[was->outcome][answer->outcome]++;
    if (was->outcome == answer->outcome) {
        return;
    }
    result->n_changed++;
    if (result->n_examples < r->shown) {
        struct wr_reconcile_example *e = &result->examples[result->n_examples++];
        e->id = wr_str_copy(r->arena, was->id);
        e->was = was->outcome;
        e->is = answer->outcome;
        write_id(e->first, result->nodes[node].node, was->epoch, sequence);
    }
}

static wr_err flush(struct reconcile *r, struct wr_error *error)
{
    struct wr_answer answers[BATCH];
    uint64_t own[BATCH];
    if (r->n_batch == 0) {
        return WR_OK;
    }
    for (size_t i = 0; i < r->n_batch; i++) {
        own[i] = r->batch[i].sequence;
        r->batch[i].sequence = r->sequence + 1 + i;
    }
    wr_err err =
        wr_engine_replay_batch(r->engine, r->batch, r->n_batch, &r->scratch, answers, error);
    for (size_t i = 0; i < r->n_batch && err == WR_OK; i++) {
        compare(r, &r->batch[i], r->batch_nodes[i], own[i], &answers[i]);
        if (answers[i].err == WR_OK && r->batch[i].id.n != 0 && r->has_labels &&
            !wr_anchors_put(&r->anchors, r->batch[i].id, answers[i].anchor)) {
            err = wr_fail(error, WR_E_MEMORY, "no memory for what labels need");
        }
    }
    r->sequence += r->n_batch;
    r->n_batch = 0;
    wr_arena_reset(&r->scratch);
    wr_arena_reset(&r->texts);
    return err;
}

static wr_err add(struct reconcile *r, const struct reader *reader, uint32_t node,
                  struct wr_error *error)
{
    struct wr_buf text = wr_buf_in(&r->texts, wr_record_size(&reader->record));
    wr_record_encode(&text, &reader->record);
    if (text.overflow) {
        return wr_fail(error, WR_E_MEMORY, "no memory for a batch of rows");
    }
    r->batch_nodes[r->n_batch] = node;
    wr_err err = wr_record_decode(wr_buf_view(&text), &r->batch[r->n_batch++], error);
    return err == WR_OK && r->n_batch == BATCH ? flush(r, error) : err;
}

/* A label, or a change of a list: where a node had it, all have it. */
static wr_err take_change(struct reconcile *r, const struct reader *reader, struct wr_error *error)
{
    struct wr_record record = reader->record;
    struct wr_answer answer = {0};
    wr_err err = flush(r, error);
    if (err != WR_OK) {
        return err;
    }
    record.sequence = r->sequence + 1;
    err = record.kind == WR_RECORD_LABEL
              ? wr_engine_replay_label(r->engine, &record, wr_anchors_find(&r->anchors, record.id),
                                       &r->scratch, &answer, error)
              : wr_engine_replay_list(r->engine, &record, &r->scratch, &answer, error);
    r->sequence += err == WR_OK;
    wr_arena_reset(&r->scratch);
    return err;
}

/* ── all rows ───────────────────────────────────────────────────────────────────────────────── */
static wr_err take(struct reconcile *r, size_t i, struct wr_error *error)
{
    struct wr_reconcile_node *node = &r->result->nodes[i];
    const struct wr_record *record = &r->readers[i].record;
    node->first_us = node->n_entries == 0 ? record->now_us : node->first_us;
    node->last_us = record->now_us;
    node->epoch = record->epoch;
    node->n_entries++;
    wr_progress_step(&r->progress, 0, r->sequence);
    if (record->kind == WR_RECORD_LABEL || record->kind == WR_RECORD_LIST) {
        node->n_labels += record->kind == WR_RECORD_LABEL;
        return take_change(r, &r->readers[i], error);
    }
    if (record->kind != WR_RECORD_DECISION) {
        return WR_OK;
    }
    bool repeats;
    node->n_decisions++;
    node->outcomes[record->outcome]++;
    node->n_stale += (record->flags & WR_RECORD_DEGRADED) != 0 &&
                     wr_str_find(record->document, WR_STR("{\"what\":\"fleet\""), 0) != SIZE_MAX;
    r->result->n_decisions++;
    wr_err err = take_id(r, record, (uint32_t)i, &repeats, error);
    return err == WR_OK && !repeats ? add(r, &r->readers[i], (uint32_t)i, error) : err;
}

static wr_err take_all(struct reconcile *r, struct wr_error *error)
{
    size_t n = r->result->n_nodes;
    for (size_t i = earliest(r); i < n; i = earliest(r)) {
        wr_err err = take(r, i, error);
        err = err != WR_OK ? err : read_next(&r->readers[i], error);
        if (err != WR_OK) {
            wr_error_where(error, r->result->nodes[i].state, strlen(r->result->nodes[i].state));
            return err;
        }
    }
    return flush(r, error);
}

/* ── the run ────────────────────────────────────────────────────────────────────────────────── */
/* The pack of the last entry of the first journal that has one. */
static wr_err find_pack(struct reconcile *r, const struct wr_pack **pack, struct wr_error *error)
{
    struct wr_str payload;
    struct wr_record record;
    char hex[65], path[512];
    size_t i = 0;
    while (i < r->result->n_nodes && r->readers[i].next == 0) {
        i++;
    }
    if (i == r->result->n_nodes) {
        return wr_fail(error, WR_E_NOT_FOUND, "the journals are empty");
    }
    wr_err err = wr_journal_fetch(r->readers[i].journal, wr_journal_last(r->readers[i].journal),
                                  &payload, error);
    err = err != WR_OK ? err : wr_record_decode(payload, &record, error);
    if (err != WR_OK) {
        return err;
    }
    struct wr_buf text = wr_buf_fixed(hex, sizeof hex - 1);
    wr_buf_hex(&text, record.pack_digest, 32);
    hex[64] = '\0';
    snprintf(path, sizeof path, "%s/packs/%s.tar", r->result->nodes[i].state, hex);
    if (!wr_file_exists(path)) {
        return wr_fail(error, WR_E_PACK,
                       "the pack %s decided, and is not kept with the journal: give it by --pack",
                       hex);
    }
    struct wr_pack *loaded;
    wr_arena_init(&r->pack_arena, &wr_heap, (size_t)1 << 30);
    r->has_pack_arena = true;
    err = wr_pack_load(&r->pack_arena, path, NULL, &loaded, error);
    *pack = loaded;
    return err;
}

static wr_err run(struct reconcile *r, const struct wr_port *port, const struct wr_pack *pack,
                  struct wr_error *error)
{
    wr_err err = WR_OK;
    for (size_t i = 0; i < r->result->n_nodes && err == WR_OK; i++) {
        err = open_reader(r, port, i, error);
        if (err != WR_OK) {
            wr_error_where(error, r->result->nodes[i].state, strlen(r->result->nodes[i].state));
        }
    }
    err = err == WR_OK && pack == NULL ? find_pack(r, &pack, error) : err;
    if (err != WR_OK) {
        return err;
    }
    r->has_labels = wr_pack_plan(pack)->n_labels != 0;
    r->result->pack = wr_str_copy(r->arena, wr_pack_digest_text(pack));
    struct wr_engine_config config = {.keys = {{0x77656972, 0x66}, {0x77656972, 0x67}},
                                      .fleet_is_here = true};
    err = wr_engine_open(&wr_heap, pack, &config, &r->engine, error);
    if (err != WR_OK) {
        r->engine = NULL;
        return err;
    }
    return take_all(r, error);
}

static void close_all(struct reconcile *r)
{
    for (size_t i = 0; r->readers != NULL && i < r->result->n_nodes; i++) {
        if (r->readers[i].journal != NULL) {
            wr_journal_close(r->readers[i].journal, false);
        }
        free(r->readers[i].row);
    }
    if (r->engine != NULL) {
        wr_engine_close(r->engine);
    }
    if (r->has_pack_arena) {
        wr_arena_deinit(&r->pack_arena);
    }
    wr_anchors_close(&r->anchors);
    wr_arena_deinit(&r->scratch);
    wr_arena_deinit(&r->texts);
    free(r->readers);
    free(r->known);
}

wr_err wr_reconcile_run(const char *const *states, size_t n, const struct wr_pack *pack,
                        size_t shown, struct wr_arena *arena, struct wr_reconcile_result *result,
                        struct wr_error *error)
{
    static char scratch_room[ROOM], text_room[ROOM]; /* batches fit: nothing is taken anew */
    struct wr_port port;
    struct wr_port_linux *native;
    struct reconcile r = {.result = result, .arena = arena, .shown = shown};
    *result = (struct wr_reconcile_result){.n_nodes = n};
    result->nodes = WR_NEW_ARRAY(arena, struct wr_reconcile_node, n);
    result->twice = WR_NEW_ARRAY(arena, struct wr_reconcile_example, shown + 1);
    result->examples = WR_NEW_ARRAY(arena, struct wr_reconcile_example, shown + 1);
    r.readers = calloc(n, sizeof *r.readers);
    enum wr_io io = wr_port_linux_open(&port, &native);
    if (io != WR_IO_OK || r.readers == NULL || result->nodes == NULL || result->twice == NULL ||
        result->examples == NULL) {
        free(r.readers);
        return wr_fail(error, WR_E_MEMORY, "no memory to reconcile journals");
    }
    for (size_t i = 0; i < n; i++) {
        result->nodes[i].state = states[i];
    }
    wr_arena_init_fixed(&r.scratch, scratch_room, ROOM, &wr_heap, (size_t)1 << 30);
    wr_arena_init_fixed(&r.texts, text_room, ROOM, &wr_heap, (size_t)1 << 30);
    wr_progress_open(&r.progress, "entries");
    wr_err err = run(&r, &port, pack, error);
    wr_progress_close(&r.progress);
    close_all(&r);
    wr_port_linux_close(native);
    return err;
}
