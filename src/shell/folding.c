/* SPDX-License-Identifier: Apache-2.0 */
/* The engine from the journal: the newest snapshot that fits, and the rows behind it; or all rows.
 */
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
static wr_err tell_again(struct wr_server *server, struct wr_error *error)
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
    return wr_journal_each(server->journal, first, last, tell_row, server, error);
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
/* The newest snapshot that fits, and the rows behind it; or all rows. */
wr_err wr_folding(struct wr_server *server, struct wr_error *error)
{
    bool restored = false;
    wr_err err = open_engine(server, error);
    err = err != WR_OK ? err : wr_snapshots_restore(server, open_engine, &restored, error);
    err = err == WR_OK && restored ? tell_again(server, error) : err;
    server->n_folded = 0;
    err = err != WR_OK || restored ? err : skip_dropped(server, error);
    if (err == WR_OK) {
        err = wr_journal_each(server->journal, wr_engine_sequence(server->engine) + 1, UINT64_MAX,
                              fold_row, server, error);
    }
    if (err == WR_OK && wr_engine_sequence(server->engine) != wr_journal_last(server->journal)) {
        err = wr_fail(error, WR_E_JOURNAL, "the journal ends at %llu, its rows at %llu",
                      (unsigned long long)wr_journal_last(server->journal),
                      (unsigned long long)wr_engine_sequence(server->engine));
    }
    err = err != WR_OK ? err : wr_beginning_settled(server, error);
    err = err != WR_OK ? err : wr_keep_begin(server, error);
    if (err == WR_OK && (server->n_folded > 0 || restored) &&
        wr_engine_pack_changed(server->engine)) {
        err = note_pack(server, error);
    }
    if (err == WR_OK) {
        wr_engine_catch_up(server->engine);
    }
    return err != WR_OK ? err : wr_challenge_tell_lost(server, error);
}
