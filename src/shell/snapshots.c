/* SPDX-License-Identifier: Apache-2.0 */
/* See snapshots.h: when a snapshot is made, and from which stage it goes to which. */
#include "shell/snapshots_in.h"

struct wr_snapshot_place wr_snapshots_place(const struct wr_server *server)
{
    struct wr_journal_identity identity = wr_journal_identity(server->journal);
    return (struct wr_snapshot_place){.port = server->port,
                                      .directory = server->config.state_directory,
                                      .keys = {identity.keys[0], identity.keys[1]},
                                      .ahead = wr_beginning_ahead(server)};
}

/* What it costs to write a snapshot, in entries: writing takes no more than a stated part of what
 * decisions take, and a start folds no more than that. */
static uint64_t rows_between(uint64_t snapshot_bytes)
{
    uint64_t young = WR_MIN(snapshot_bytes, (uint64_t)WR_SNAPSHOT_YOUNG);
    uint64_t rows =
        young / WR_SNAPSHOT_YOUNG_ROW + (snapshot_bytes - young) / WR_SNAPSHOT_ROW_BYTES;
    return WR_MAX(rows, (uint64_t)WR_SNAPSHOT_ROWS_MIN);
}

static bool is_due(const struct wr_server *server)
{
    const struct wr_snapshots *s = &server->snapshots;
    uint64_t last = WR_MAX(s->stats.sequence, s->stats.restored);
    last = server->now_ns < s->rest_ns ? WR_MAX(last, s->folded) : last;
    uint64_t rows = wr_engine_sequence(server->engine) - last;
    uint64_t every = server->config.snapshot_rows;
    if (every == 0) {
        every = rows_between(s->stats.n_bytes);
    }
    return rows != 0 && server->now_ns >= s->retry_ns &&
           (rows >= every || server->now_ns - s->begun_ns >= server->config.snapshot_every_ns);
}

static void step_stage(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    switch (s->stage) {
    case WR_SNAPSHOT_IDLE:
        if (!server->draining && is_due(server)) {
            wr_snapshots_begin(server);
        }
        break;
    case WR_SNAPSHOT_WARMING:
        if (wr_snapshots_is_warmed(s)) {
            wr_snapshots_begin_copy(server);
        }
        break;
    case WR_SNAPSHOT_COPYING:
        wr_snapshots_copy(server);
        break;
    case WR_SNAPSHOT_ASKING:
        if (!s->asked && wr_journal_thread_synced(server->thread) >= s->info.sequence) {
            s->asked =
                wr_journal_thread_fetch(server->thread, s->info.sequence, WR_SNAPSHOT_TICKET);
        }
        break;
    case WR_SNAPSHOT_ENDING:
        wr_snapshots_settle(server);
        break;
    }
}

/* A small state goes through its stages in one turn: what is decided between them is folded by the
 * start after a kill. Of a large one, a turn does a stage. */
void wr_snapshots_step(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    if (server->config.snapshot_every_ns == 0 || server->thread == NULL || server->engine == NULL) {
        return;
    }
    enum wr_snapshot_stage before;
    do {
        before = s->stage;
        step_stage(server);
    } while (s->stage != before && wr_snapshots_is_young(s));
}

void wr_snapshots_take_row(struct wr_server *server, const struct wr_row_place *place, bool found)
{
    struct wr_snapshots *s = &server->snapshots;
    if (s->stage != WR_SNAPSHOT_ASKING || !s->asked) {
        return; /* of one that was given up */
    }
    if (found) {
        s->info.place = *place;
    }
    if (!found || !wr_snapshots_send_last(server)) {
        s->asked = false; /* again in the next turn, which does not wait for the writer either */
    }
}

bool wr_snapshots_busy(const struct wr_server *server)
{
    return server->snapshots.stage == WR_SNAPSHOT_COPYING;
}

/* Nothing else has to go on meanwhile. Returns why it could not be written. */
static enum wr_io write_last(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_str payload;
    wr_snapshots_begin(server);
    if (s->stage == WR_SNAPSHOT_IDLE) {
        return s->writer.io;
    }
    if (s->stage == WR_SNAPSHOT_WARMING) {
        wr_snapshots_await_warm(server);
        wr_snapshots_begin_copy(server);
    }
    while (s->stage == WR_SNAPSHOT_COPYING) {
        wr_snapshots_copy(server);
    }
    if (s->stage != WR_SNAPSHOT_ASKING ||
        wr_journal_fetch_placed(server->journal, s->info.sequence, &payload, &s->info.place,
                                &error) != WR_OK) {
        wr_snapshots_stop(server);
        return WR_IO_FAILED;
    }
    while (!wr_snapshots_send_last(server)) {
    }
    if (s->has_thread) {
        server->port->threads.join(server->port->threads.context, s->thread);
        s->has_thread = false;
    }
    wr_snapshots_settle(server);
    return s->io;
}

void wr_snapshots_last(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    struct wr_snapshot_place place;
    uint64_t last = WR_MAX(s->stats.sequence, s->stats.restored);
    if (server->config.snapshot_every_ns == 0 || server->engine == NULL ||
        wr_journal_state(server->journal) != WR_JOURNAL_OK ||
        wr_engine_sequence(server->engine) != wr_journal_last(server->journal) ||
        wr_engine_sequence(server->engine) == last) {
        return;
    }
    place = wr_snapshots_place(server);
    s->is_last = true;
    enum wr_io io = write_last(server);
    if (io == WR_IO_FULL && wr_reserve_give(place.port, place.directory)) {
        io = write_last(server);
    }
    if (io == WR_IO_FULL) { /* the newest one is whole, and the journal goes on from there */
        wr_snapshot_prune(&place, 1);
        (void)write_last(server);
    }
}

void wr_snapshots_close(struct wr_server *server)
{
    wr_ring_close(&server->snapshots.ring);
}

uint64_t wr_snapshots_floor(const struct wr_server *server)
{
    const struct wr_snapshots *s = &server->snapshots;
    return server->config.snapshot_every_ns == 0 ? UINT64_MAX
           : s->before != 0                      ? s->before
                                                 : s->stats.sequence;
}
