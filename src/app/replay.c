/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay_in.h"

#include "app/file.h"
#include "port/port_linux.h"
#include "shell/journal.h"

#include <stdlib.h>
#include <time.h>

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* ── the batch ──────────────────────────────────────────────────────────────────────────────── */
static wr_err flush(struct wr_replay *replay, struct wr_error *error)
{
    static struct wr_answer answers[WR_REPLAY_BATCH];
    if (replay->n == 0) {
        return WR_OK;
    }
    wr_err code = wr_engine_replay_batch(replay->engine, replay->records, replay->n,
                                         &replay->scratch, answers, error);
    for (size_t i = 0; i < replay->n && code == WR_OK; i++) {
        if (replay->own_anchors && answers[i].err == WR_OK &&
            !wr_anchors_put(&replay->anchors, replay->records[i].id, answers[i].anchor)) {
            code = wr_fail(error, WR_E_MEMORY, "no memory for what labels need");
        }
        wr_replay_compare(replay, &replay->records[i], replay->payloads[i], &answers[i]);
    }
    replay->n = 0;
    wr_arena_reset(&replay->scratch);
    return code;
}

static wr_err add(struct wr_replay *replay, const struct wr_record *record, struct wr_str payload,
                  struct wr_error *error)
{
    replay->records[replay->n] = *record;
    replay->payloads[replay->n++] = payload;
    if (replay->n < WR_REPLAY_BATCH) {
        return WR_OK;
    }
    wr_err code = flush(replay, error);
    wr_arena_reset(&replay->texts);
    return code;
}

/* ── other entries ──────────────────────────────────────────────────────────────────────────── */
static wr_err take_label(struct wr_replay *replay, const struct wr_record *record,
                         struct wr_str payload, struct wr_error *error)
{
    struct wr_answer answer = {0};
    struct wr_str anchor = record->anchor;
    if (replay->own_anchors) {
        struct wr_str own = wr_anchors_find(&replay->anchors, record->id);
        anchor = own.n != 0 ? own : anchor;
    }
    wr_err code =
        wr_engine_replay_label(replay->engine, record, anchor, &replay->scratch, &answer, error);
    if (code == WR_OK) {
        wr_replay_count_label(replay, record);
        bool comparable = replay->result->own && !replay->is_file;
        replay->result->n_labels_differ += comparable && !wr_str_eq(answer.record, payload);
    }
    return code;
}

/* Scores of challengers: the same from the same records. Under another pack its own challengers are
 * scored, and there is nothing to compare. */
static wr_err take_shadow(struct wr_replay *replay, const struct wr_record *record,
                          struct wr_error *error)
{
    struct wr_answer answer = {0};
    struct wr_record again = {.derived = WR_STR("")};
    wr_err code = wr_engine_replay_shadow(replay->engine, record, &replay->scratch, &answer, error);
    if (code != WR_OK || !replay->result->own) {
        return code;
    }
    if (answer.record.n == 0) {
        replay->result->n_shadow_unknown++;
        return WR_OK;
    }
    code = wr_record_decode(answer.record, &again, error);
    replay->result->n_shadow++;
    replay->result->n_shadow_differ +=
        !wr_str_eq(again.derived, record->derived) || !wr_str_eq(again.document, record->document);
    return code;
}

static wr_err take_list(struct wr_replay *replay, const struct wr_record *record,
                        struct wr_str payload, struct wr_error *error)
{
    struct wr_answer answer = {0};
    wr_err code = wr_engine_replay_list(replay->engine, record, &replay->scratch, &answer, error);
    if (code == WR_OK) {
        bool comparable = replay->result->own && !replay->is_file;
        replay->result->n_list_changes++;
        replay->result->n_lists_differ += comparable && !wr_str_eq(answer.record, payload);
    }
    return code;
}

static wr_err take_activation(struct wr_replay *replay, const struct wr_record *record,
                              struct wr_error *error)
{
    struct wr_answer answer = {0};
    const struct wr_pack *pack;
    replay->result->n_activations++;
    if (!replay->result->own) { /* one pack decides everything */
        return wr_engine_pass(replay->engine, record, error);
    }
    wr_err code = wr_replay_find_pack(replay, record->pack_digest, &pack, error);
    if (code != WR_OK) {
        return code;
    }
    code =
        wr_engine_replay_activation(replay->engine, record, pack, &replay->scratch, &answer, error);
    if (code == WR_E_STATE) {
        replay->refold_at = record->sequence;
    }
    if (code == WR_OK) {
        wr_replay_read_mapping(replay, pack);
    }
    return code;
}

static wr_err open_engine(struct wr_replay *replay, const struct wr_pack *pack,
                          struct wr_error *error)
{
    wr_err code = wr_engine_open(&wr_heap, pack, &replay->engine_config, &replay->engine, error);
    if (code != WR_OK) {
        replay->engine = NULL;
        return code;
    }
    wr_replay_read_mapping(replay, pack);
    if (replay->begins == 1) {
        return WR_OK;
    }
    code = wr_engine_begin(replay->engine, replay->begins - 1, error); /* as the service begins */
    return code == WR_OK ? wr_engine_forget_before(replay->engine, replay->begins_us, error) : code;
}

/* The first entry says which pack there was. */
static wr_err begin(struct wr_replay *replay, const struct wr_record *record,
                    struct wr_error *error)
{
    const struct wr_pack *pack = replay->config->pack;
    replay->begins = replay->rows_first = record->sequence;
    replay->begins_us = record->now_us;
    replay->result->own = pack == NULL;
    replay->own_anchors = replay->is_file || (pack != NULL && memcmp(wr_pack_digest(pack),
                                                                     record->pack_digest, 32) != 0);
    wr_err code =
        pack != NULL ? WR_OK : wr_replay_find_pack(replay, record->pack_digest, &pack, error);
    return code == WR_OK ? open_engine(replay, pack, error) : code;
}

/* ── one entry ──────────────────────────────────────────────────────────────────────────────── */
/* Before the range the state is folded where the recorded anchors hold; else all is decided. */
static bool is_folded(const struct wr_replay *replay, const struct wr_record *record)
{
    return record->sequence < replay->config->first && !replay->own_anchors &&
           record->kind != WR_RECORD_ACTIVATION;
}

/* `payload` and the record's parts live until the batch is flushed. */
static wr_err take(struct wr_replay *replay, const struct wr_record *record, struct wr_str payload,
                   struct wr_error *error)
{
    wr_err code = replay->engine != NULL ? WR_OK : begin(replay, record, error);
    if (code != WR_OK) {
        return code;
    }
    replay->result->n_entries++;
    replay->result->sequence = record->sequence;
    wr_progress_step(&replay->progress, 0, replay->result->n_entries);
    if (is_folded(replay, record)) {
        replay->result->n_folded++;
        code = wr_engine_fold(replay->engine, payload, &replay->scratch, error);
        wr_arena_reset(&replay->scratch);
        wr_arena_reset(&replay->texts);
        return code;
    }
    if (record->kind == WR_RECORD_DECISION) {
        return add(replay, record, payload, error);
    }
    code = flush(replay, error);
    if (code == WR_OK) {
        code = record->kind == WR_RECORD_LABEL    ? take_label(replay, record, payload, error)
               : record->kind == WR_RECORD_SHADOW ? take_shadow(replay, record, error)
               : record->kind == WR_RECORD_LIST   ? take_list(replay, record, payload, error)
                                                  : take_activation(replay, record, error);
    }
    wr_arena_reset(&replay->scratch);
    wr_arena_reset(&replay->texts);
    return code;
}

/* ── rows of a journal ──────────────────────────────────────────────────────────────────────── */
static wr_err take_row(void *context, uint64_t sequence, struct wr_str payload,
                       struct wr_error *error)
{
    struct wr_replay *replay = context;
    struct wr_record record;
    (void)sequence;
    payload = wr_str_copy(&replay->texts, payload); /* the view lives for this call only */
    wr_err code = payload.p != NULL ? wr_record_decode(payload, &record, error)
                                    : wr_fail(error, WR_E_MEMORY, "no memory for a batch of rows");
    return code == WR_OK ? take(replay, &record, payload, error) : code;
}

static wr_err fold_row(void *context, uint64_t sequence, struct wr_str payload,
                       struct wr_error *error)
{
    struct wr_replay *replay = context;
    (void)sequence;
    wr_err code = wr_engine_fold(replay->engine, payload, &replay->scratch, error);
    wr_arena_reset(&replay->scratch);
    return code;
}

/* The service was started again under a pack whose state is another: it read all entries before
 * under that pack, and so does this. */
static wr_err refold(struct wr_replay *replay, struct wr_journal *journal, struct wr_error *error)
{
    uint64_t at = replay->refold_at;
    struct wr_str payload;
    struct wr_record record;
    const struct wr_pack *pack;
    replay->refold_at = 0;
    replay->result->n_refolds++;
    wr_err code = wr_journal_fetch(journal, at, &payload, error);
    code = code == WR_OK ? wr_record_decode(payload, &record, error) : code;
    code = code == WR_OK ? wr_replay_find_pack(replay, record.pack_digest, &pack, error) : code;
    if (code != WR_OK) {
        return code;
    }
    wr_engine_close(replay->engine);
    replay->engine = NULL;
    code = open_engine(replay, pack, error);
    replay->result->n_entries--; /* it comes again */
    replay->result->n_activations--;
    return code == WR_OK ? wr_journal_each(journal, replay->begins, at - 1, fold_row, replay, error)
                         : code;
}

static wr_err take_journal(struct wr_replay *replay, struct wr_journal *journal,
                           struct wr_error *error)
{
    struct wr_journal_identity identity = wr_journal_identity(journal);
    uint64_t last = WR_MIN(replay->config->last, wr_journal_last(journal)), from = 1;
    replay->engine_config.node = identity.node;
    replay->engine_config.epoch = identity.epoch;
    replay->engine_config.keys[0] = identity.keys[0];
    replay->engine_config.keys[1] = identity.keys[1];
    for (;;) {
        wr_err code = wr_journal_each(journal, from, last, take_row, replay, error);
        if (code != WR_E_STATE || replay->refold_at == 0) {
            return code;
        }
        from = replay->refold_at;
        code = refold(replay, journal, error);
        if (code != WR_OK) {
            return code;
        }
    }
}

static wr_err run_journal(struct wr_replay *replay, struct wr_error *error)
{
    struct wr_port port;
    struct wr_port_linux *native;
    struct wr_journal *journal;
    const struct wr_journal_options look = {.read_only = true};
    enum wr_io io = wr_port_linux_open(&port, &native);
    if (io != WR_IO_OK) {
        return wr_fail(error, WR_E_IO, "cannot start: %s", wr_io_text(io));
    }
    wr_err code = wr_journal_open(&port, replay->config->state, &look, &journal, error);
    if (code == WR_OK) {
        code = take_journal(replay, journal, error);
        code = code == WR_OK ? flush(replay, error) : code;
        wr_journal_close(journal, true);
    }
    wr_port_linux_close(native);
    return code;
}

/* ── rows of a file ─────────────────────────────────────────────────────────────────────────── */
static wr_err take_line(struct wr_replay *replay, const struct wr_record *record,
                        struct wr_str line, struct wr_error *error)
{
    if (record->sequence > replay->config->last) { /* what was read of it is let go */
        wr_err flushed = flush(replay, error);
        wr_arena_reset(&replay->texts);
        return flushed;
    }
    wr_err code = take(replay, record, line, error);
    if (code == WR_E_STATE && replay->refold_at != 0) {
        return wr_fail(error, code,
                       "entry %llu: the service read its history anew under another pack there, "
                       "which only its state directory can repeat",
                       (unsigned long long)record->sequence);
    }
    return code;
}

static wr_err run_file(struct wr_replay *replay, struct wr_error *error)
{
    replay->engine_config.keys[0] = (struct wr_hash_key){0x7765697265707279, 1};
    replay->engine_config.keys[1] = (struct wr_hash_key){0x7765697265707279, 2};
    wr_err code = wr_replay_file_each(replay, take_line, error);
    return code == WR_OK ? flush(replay, error) : code;
}

/* ── the run ────────────────────────────────────────────────────────────────────────────────── */
enum { ROOM = 4 * 1024 * 1024 };

static wr_err finish(struct wr_replay *replay, struct wr_error *error)
{
    struct wr_replay_result *result = replay->result;
    if (replay->engine == NULL) {
        return wr_fail(error, WR_E_NOT_FOUND, "there are no entries to replay");
    }
    struct wr_str hex = wr_pack_digest_text(wr_engine_pack(replay->engine));
    memcpy(result->pack, hex.p, WR_MIN(hex.n, sizeof result->pack - 1));
    wr_replay_sum_up(replay);
    return wr_engine_digest(replay->engine, result->digest) == WR_OK
               ? WR_OK
               : wr_fail(error, WR_E_MEMORY, "no room for the digest of the state");
}

static void close_all(struct wr_replay *replay)
{
    if (replay->engine != NULL) {
        wr_engine_close(replay->engine);
    }
    wr_replay_close_packs(replay);
    wr_anchors_close(&replay->anchors);
    wr_arena_deinit(&replay->scratch);
    wr_arena_deinit(&replay->texts);
    free(replay->rows);
    free(replay);
}

wr_err wr_replay_run(const struct wr_replay_config *config, struct wr_arena *arena,
                     struct wr_replay_result *result, struct wr_error *error)
{
    static char scratch_room[ROOM], text_room[ROOM]; /* batches fit: nothing is taken anew */
    struct wr_replay *replay = calloc(1, sizeof *replay);
    int64_t wall = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    memset(result, 0, sizeof *result);
    if (replay == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for a replay");
    }
    result->examples = WR_NEW_ARRAY(arena, struct wr_replay_example, config->shown + 1);
    replay->config = config;
    replay->result = result;
    replay->arena = arena;
    replay->is_file = config->file != NULL;
    replay->engine_config.state_cap = config->state_cap;
    replay->engine_config.ids_cap = config->ids_cap;
    wr_arena_init_fixed(&replay->scratch, scratch_room, ROOM, &wr_heap, (size_t)1 << 30);
    wr_arena_init_fixed(&replay->texts, text_room, ROOM, &wr_heap, (size_t)1 << 30);
    wr_progress_open(&replay->progress, "entries");
    wr_err code = result->examples == NULL ? wr_fail(error, WR_E_MEMORY, "no memory for a replay")
                  : config->file != NULL   ? run_file(replay, error)
                                           : run_journal(replay, error);
    wr_progress_close(&replay->progress);
    code = code == WR_OK ? finish(replay, error) : code;
    result->wall_ns = clock_ns(CLOCK_MONOTONIC) - wall;
    result->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    close_all(replay);
    return code;
}
