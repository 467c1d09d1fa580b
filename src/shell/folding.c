/* SPDX-License-Identifier: Apache-2.0 */
/* The engine from the journal: the newest snapshot that fits, and the rows behind it; or all rows.
 * A start reads them before it listens. Who listens already reads them in pieces, one a turn, and
 * answers meanwhile that it is not ready:
 *
 *   wr_folding_begin ─▶ engine opened, snapshot restored ─▶ rows, by wr_folding_step ─▶ whole
 *
 * Between two pieces the server has no engine: whoever looks for one finds that nothing can be
 * decided. Only rows come in pieces; a snapshot is read at once. */
#include "shell/server_in.h"

/* ── rows ───────────────────────────────────────────────────────────────────────────────────── */
static wr_err fold_row(void *context, uint64_t sequence, struct wr_str payload,
                       struct wr_error *error)
{
    (void)sequence;
    struct wr_server *server = context;
    wr_err err = wr_engine_fold(server->engine, payload, &server->scratch, error);
    wr_arena_reset(&server->scratch);
    server->n_folded++;
    return err;
}

/* The last rows were made under another pack: the journal says where it changed. */
static wr_err note_pack(struct wr_server *server, struct wr_error *error)
{
    struct wr_answer answer = {0};
    wr_err err =
        wr_engine_activate(server->engine, server->pack, server->now_us, &server->scratch, &answer);
    if (err != WR_OK) {
        return wr_fail(error, err, "the pack cannot take over: %s", answer.error.text);
    }
    err = wr_journal_append(server->journal, answer.sequence, answer.record, error);
    err = err != WR_OK ? err : wr_journal_commit(server->journal, error);
    err = err != WR_OK ? err : wr_journal_sync(server->journal, error);
    wr_arena_reset(&server->scratch);
    wr_server_log(server, "info", "pack_changed", "the pack is another one than before: %.*s",
                  WR_FMT(wr_pack_digest_text(server->pack)));
    return err;
}

/* The first row kept: events may lie that much behind their row. */
static void begin_fleet_at(struct wr_server *server, const struct wr_record *first)
{
    wr_fleet_begin_at(server->fleet, (first->now_us + WR_LIMIT_FUTURE_US) / 1000 + 1);
}

static wr_err tell_row(void *context, uint64_t sequence, struct wr_str payload,
                       struct wr_error *error)
{
    (void)sequence;
    struct wr_server *server = context;
    wr_err err =
        wr_engine_tell(server->engine, payload, server->tell_from_us, &server->scratch, error);
    wr_arena_reset(&server->scratch);
    return err;
}

/* A restored state does not know what it has to tell other nodes: the rows of the windows do. */
static wr_err begin_telling(struct wr_server *server, struct wr_error *error)
{
    struct wr_str payload;
    struct wr_record record;
    struct wr_engine_stats stats;
    uint64_t first = wr_journal_first(server->journal), last = wr_engine_sequence(server->engine);
    if (server->fleet == NULL || last < first) {
        return WR_OK;
    }
    wr_err err = wr_journal_fetch(server->journal, first, &payload, error);
    err = err != WR_OK ? err : wr_record_decode(payload, &record, error);
    if (err != WR_OK) {
        return err;
    }
    if (first > 1) {
        begin_fleet_at(server, &record);
    }
    wr_engine_stats(server->engine, &stats);
    if (stats.watermark_us == INT64_MIN) {
        return WR_OK; /* there was no event */
    }
    int64_t lateness_ms = wr_pack_plan(server->pack)->lateness_ms;
    int64_t from_ms = stats.watermark_us / 1000 - wr_fleet_reach_ms(server->fleet);
    wr_fleet_begin_at(server->fleet, from_ms + 1);
    server->tell_from_us = (from_ms - lateness_ms) * 1000; /* all that may have come behind */
    server->folding.told = (struct wr_folding_rows){first, last};
    return WR_OK;
}

/* When retention has dropped the beginning: the features know nothing before the first row kept. */
static wr_err skip_dropped(struct wr_server *server, struct wr_error *error)
{
    struct wr_str payload;
    struct wr_record record;
    uint64_t first = wr_journal_first(server->journal);
    if (first == 1 || wr_journal_last(server->journal) < first) {
        return first == 1 ? WR_OK : wr_engine_begin(server->engine, first - 1, error);
    }
    wr_err err = wr_journal_fetch(server->journal, first, &payload, error);
    err = err != WR_OK ? err : wr_record_decode(payload, &record, error);
    err = err != WR_OK ? err : wr_engine_begin(server->engine, first - 1, error);
    if (err == WR_OK && server->fleet != NULL) {
        begin_fleet_at(server, &record);
    }
    return err != WR_OK ? err : wr_engine_forget_before(server->engine, record.now_us, error);
}

static wr_err open_engine(struct wr_server *server, struct wr_error *error)
{
    struct wr_journal_identity identity = wr_journal_identity(server->journal);
    struct wr_engine_config config = {
        .node = identity.node,
        .epoch = identity.epoch,
        .keys = {identity.keys[0], identity.keys[1]},
        .card_key = server->config.card_key,
        .state_cap = server->config.state_cap,
        .ids_cap = server->config.ids_cap,
    };
    wr_err err = wr_shared_begin(server, &config, error);
    if (err == WR_OK) {
        err = wr_engine_open(&server->port->memory, server->pack, &config, &server->engine, error);
    }
    if (err != WR_OK) {
        wr_shared_end(server);
        server->engine = NULL;
    }
    return err;
}

/* ── folding ────────────────────────────────────────────────────────────────────────────────── */
bool wr_folding_is_under_way(const struct wr_server *server)
{
    return server->folding.is_under_way;
}

void wr_folding_drop(struct wr_server *server)
{
    struct wr_engine *engine = server->engine != NULL ? server->engine : server->folding.engine;
    if (engine != NULL) {
        wr_engine_close(engine);
    }
    server->engine = NULL;
    server->folding = (struct wr_folding){0};
    wr_shared_end(server);
}

static void hide(struct wr_server *server)
{
    server->folding.engine = server->engine;
    server->engine = NULL;
}

static void show(struct wr_server *server)
{
    server->engine = server->folding.engine;
    server->folding.engine = NULL;
}

wr_err wr_folding_begin(struct wr_server *server, struct wr_error *error)
{
    struct wr_folding *folding = &server->folding;
    wr_folding_drop(server);
    folding->is_under_way = true;
    folding->told.next = 1; /* none */
    server->n_folded = 0;
    wr_err err = open_engine(server, error);
    err = err != WR_OK ? err : wr_snapshots_restore(server, open_engine, &folding->restored, error);
    if (err == WR_OK) {
        err = folding->restored ? begin_telling(server, error) : skip_dropped(server, error);
    }
    if (err != WR_OK) {
        wr_folding_drop(server);
        return err;
    }
    folding->folded.next = wr_engine_sequence(server->engine) + 1;
    folding->folded.last = wr_journal_last(server->journal);
    hide(server);
    return WR_OK;
}

static bool has_rows(const struct wr_folding_rows *rows)
{
    return rows->next <= rows->last;
}

/* Reads some of them, at least one piece, up to a time; or all. */
static wr_err read_some(struct wr_server *server, struct wr_folding_rows *rows,
                        wr_err (*each)(void *context, uint64_t sequence, struct wr_str payload,
                                       struct wr_error *error),
                        int64_t end_ns, struct wr_error *error)
{
    const struct wr_port_clock *clock = &server->port->clock;
    wr_err err = WR_OK;
    bool has_time = true;
    while (err == WR_OK && has_rows(rows) && has_time) {
        uint64_t n = end_ns == INT64_MAX ? UINT64_MAX : WR_FOLDING_ROWS;
        n = WR_MIN(n, rows->last - rows->next + 1);
        err = wr_journal_each(server->journal, rows->next, rows->next + n - 1, each, server, error);
        rows->next += n;
        has_time = clock->mono_ns(clock->context) < end_ns;
    }
    return err;
}

/* Behind the last row. */
static wr_err finish(struct wr_server *server, struct wr_error *error)
{
    wr_err err = WR_OK;
    if (wr_engine_sequence(server->engine) != wr_journal_last(server->journal)) {
        err = wr_fail(error, WR_E_JOURNAL, "the journal ends at %llu, its rows at %llu",
                      (unsigned long long)wr_journal_last(server->journal),
                      (unsigned long long)wr_engine_sequence(server->engine));
    }
    err = err != WR_OK ? err : wr_beginning_settled(server, error);
    err = err != WR_OK ? err : wr_keep_begin(server, error);
    if (err == WR_OK && (server->n_folded > 0 || server->folding.restored) &&
        wr_engine_pack_changed(server->engine)) {
        err = note_pack(server, error);
    }
    if (err == WR_OK) {
        wr_engine_catch_up(server->engine);
    }
    return err != WR_OK ? err : wr_challenge_tell_lost(server, error);
}

wr_err wr_folding_step(struct wr_server *server, int64_t end_ns, struct wr_error *error)
{
    struct wr_folding *folding = &server->folding;
    show(server);
    wr_err err = read_some(server, &folding->told, tell_row, end_ns, error);
    if (err == WR_OK && !has_rows(&folding->told)) {
        err = read_some(server, &folding->folded, fold_row, end_ns, error);
    }
    if (err == WR_OK && (has_rows(&folding->told) || has_rows(&folding->folded))) {
        hide(server);
        return WR_OK;
    }
    err = err != WR_OK ? err : finish(server, error);
    folding->is_under_way = false;
    if (err != WR_OK) {
        wr_folding_drop(server);
    }
    return err;
}
