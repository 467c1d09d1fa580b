/* SPDX-License-Identifier: Apache-2.0 */
/* Challengers, when the answers have left (engine.h): a bounded piece of work behind each turn.
 *
 * A decision is scored again only when it is kept and its answer was sent. The work of one turn
 * takes decision.shadow_time at most, but for the last entry's overrun, which is foreseen from what
 * a decision took before; an overloaded server leaves it for later. The row of its entry is held
 * back until the next row goes to the journal, or for HELD_NS: a sync begun for it alone would
 * stand before the next answer's. What cannot wait is told in the journal and counted: too many
 * decisions (the engine's bound), the end of the service, a crash (at the next start). */
#include "shell/server_in.h"

enum {
    FIRST_GUESS_NS = 20000, /* of what a decision takes */
    FINISH_NS = 1000000000, /* at the end of the service */
    HELD_NS = 50000000,
};

static int64_t clock_ns(const struct wr_server *server)
{
    return server->port->clock.mono_ns(server->port->clock.context);
}

bool wr_challenge_waits(const struct wr_server *server)
{
    return server->thread != NULL && !server->failed && !wr_admit_is_overloaded(server) &&
           wr_engine_shadow_pending(server->engine, server->kept_seen) > 0 &&
           wr_journal_thread_room(server->thread) >= WR_JOURNAL_ROOM_MIN;
}

/* Behind the entry before it. */
static bool hold(struct wr_server *server, const struct wr_answer *entry)
{
    const struct wr_memory *memory = &server->port->memory;
    if (server->late_row == NULL) {
        server->late_row = memory->take(memory->context, WR_LIMIT_LATE_ROW);
    }
    if (server->late_row == NULL || entry->record.n > WR_LIMIT_LATE_ROW) {
        return wr_keep(server, entry);
    }
    bool kept = wr_keep_late(server);
    memcpy(server->late_row, entry->record.p, entry->record.n);
    server->late_row_n = entry->record.n;
    server->late_row_sequence = entry->sequence;
    server->late_row_ns = server->now_ns;
    return kept;
}

void wr_challenge_release(struct wr_server *server)
{
    if (server->thread != NULL && !server->failed) {
        server->failed = !wr_keep_late(server);
    }
}

/* One entry of at most n decisions; false when it could not be made or kept. */
static bool make_entry(struct wr_server *server, uint32_t n, enum wr_challenge_why why)
{
    struct wr_answer entry = {0};
    uint64_t before = wr_engine_shadow_pending(server->engine, UINT64_MAX);
    int64_t start_ns = clock_ns(server);
    wr_err err = wr_engine_shadow(server->engine, n, why, server->now_us, &server->scratch, &entry);
    uint64_t done = before - wr_engine_shadow_pending(server->engine, UINT64_MAX);
    if (err == WR_OK && done != 0) {
        int64_t each_ns = (clock_ns(server) - start_ns) / (int64_t)done;
        server->shadow_ns = (3 * server->shadow_ns + each_ns) / 4;
        server->failed = !hold(server, &entry) || server->failed;
    }
    wr_arena_reset(&server->scratch);
    return err == WR_OK && !server->failed;
}

void wr_challenge_step(struct wr_server *server)
{
    if (server->late_row_n != 0 && server->now_ns - server->late_row_ns >= HELD_NS) {
        wr_challenge_release(server);
    }
    if (!wr_challenge_waits(server)) {
        return;
    }
    if (server->shadow_ns == 0) {
        server->shadow_ns = FIRST_GUESS_NS;
    }
    int64_t budget_ns = wr_pack_shadow_us(wr_engine_pack(server->engine)) * 1000;
    int64_t end_ns = clock_ns(server) + budget_ns, left_ns = budget_ns;
    bool made = true;
    do { /* at least one: a challenger that takes longer than its time is still scored */
        uint64_t n = wr_engine_shadow_pending(server->engine, server->kept_seen);
        uint64_t fit = (uint64_t)(left_ns / WR_MAX(server->shadow_ns, INT64_C(1)));
        made =
            make_entry(server, (uint32_t)WR_MIN(n, WR_MAX(fit, UINT64_C(1))), WR_CHALLENGE_SCORED);
        left_ns = end_ns - clock_ns(server);
    } while (made && left_ns > server->shadow_ns && wr_challenge_waits(server));
}

void wr_challenge_finish(struct wr_server *server)
{
    if (server->thread == NULL || server->failed) {
        return;
    }
    int64_t end_ns = clock_ns(server) + FINISH_NS;
    bool made = true;
    while (made && wr_engine_shadow_pending(server->engine, UINT64_MAX) > 0) {
        made = make_entry(server, WR_LIMIT_SHADOW_CHUNK / 4,
                          clock_ns(server) < end_ns ? WR_CHALLENGE_SCORED : WR_CHALLENGE_STOPPED);
    }
    wr_challenge_release(server);
}

wr_err wr_challenge_tell_lost(struct wr_server *server, struct wr_error *error)
{
    struct wr_answer entry = {0};
    uint64_t n = wr_engine_shadow_pending(server->engine, UINT64_MAX);
    if (n == 0) {
        return WR_OK;
    }
    wr_err err = wr_engine_shadow(server->engine, 1, WR_CHALLENGE_LOST, server->now_us,
                                  &server->scratch, &entry);
    if (err != WR_OK) {
        return wr_fail(error, err, "%s", entry.error.text);
    }
    err = wr_journal_append(server->journal, entry.sequence, entry.record, error);
    err = err != WR_OK ? err : wr_journal_commit(server->journal, error);
    err = err != WR_OK ? err : wr_journal_sync(server->journal, error);
    wr_arena_reset(&server->scratch);
    wr_server_log(server, "warn", "shadow_lost",
                  "decisions answered whose challengers were not scored: %llu",
                  (unsigned long long)n);
    return err;
}
