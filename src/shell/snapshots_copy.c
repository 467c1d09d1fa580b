/* SPDX-License-Identifier: Apache-2.0 */
/* See snapshots.h: one snapshot under way, on the loop's side. Its means are taken, the ring is
 * filled, and it is settled or given up. */
#include "shell/snapshots_in.h"

enum { PAUSE_NS = 200000 };

static bool is_threaded(const struct wr_server *server)
{
    return server->port->threads.start != NULL;
}

/* ── the ring ───────────────────────────────────────────────────────────────────────────────── */
static void *claim(void *context, size_t n)
{
    struct wr_snapshots *s = context;
    wr_ring_publish(&s->ring); /* the pieces before are filled */
    return wr_ring_claim(&s->ring, WR_SNAPSHOT_PIECE, (uint32_t)n);
}

/* A quarter is left for what is about to be overwritten. */
static size_t room(void *context)
{
    struct wr_snapshots *s = context;
    wr_ring_rewind(&s->ring); /* few of its pages are used while the writer keeps up */
    uint64_t free = wr_ring_room(&s->ring) / 2, kept = s->ring.size / 4;
    return free > kept ? (size_t)(free - kept) : 0;
}

static void hand_over(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    wr_ring_publish(&s->ring);
    if (s->has_thread) {
        server->port->threads.gate_open(server->port->threads.context, &s->gate);
    } else {
        (void)wr_snapshots_write_some(s);
    }
}

bool wr_snapshots_send_last(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    void *message = wr_ring_claim(&s->ring, WR_SNAPSHOT_END, sizeof s->info);
    if (message != NULL) {
        memcpy(message, &s->info, sizeof s->info);
        s->stage = WR_SNAPSHOT_ENDING;
    }
    hand_over(server);
    return message != NULL;
}

/* The writer sees it at the next piece, and the loop does not wait for that. */
static void give_up(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    if (server->engine != NULL) {
        wr_engine_snapshot_end(server->engine);
    }
    s->stats.n_given_up++;
    s->stage = WR_SNAPSHOT_ENDING;
    atomic_store(&s->dropped, 1);
    hand_over(server);
}

static void join(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    if (s->has_thread) {
        s->has_thread = false;
        server->port->threads.join(server->port->threads.context, s->thread);
    }
    uint32_t kind, n;
    while (wr_ring_peek(&s->ring, &kind, &n) != NULL) { /* it was given up */
        wr_ring_release(&s->ring);
    }
    wr_ring_rewind(&s->ring);
    s->stage = WR_SNAPSHOT_IDLE;
}

/* ── beginning ──────────────────────────────────────────────────────────────────────────────── */
static bool open_ring(struct wr_server *server)
{
    struct wr_ring *ring = &server->snapshots.ring;
    struct wr_engine_stats stats;
    uint64_t size = WR_SNAPSHOT_RING_MIN;
    wr_engine_stats(server->engine, &stats);
    while (size < WR_SNAPSHOT_RING_MAX && size < 2 * (stats.state_bytes + stats.ids_bytes)) {
        size *= 2;
    }
    if (ring->bytes != NULL && ring->size >= size) {
        return true;
    }
    wr_ring_close(ring);
    server->snapshots.ring_is_warm = false;
    server->snapshots.writer.io = WR_IO_LIMIT; /* told when there is no memory */
    return wr_ring_open(ring, &server->port->memory, size);
}

/* Takes the writer, the ring and the thread. False: some could not be had, none is kept. */
static bool take_means(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    const struct wr_port_threads *threads = &server->port->threads;
    struct wr_snapshot_place place = wr_snapshots_place(server);
    if (!open_ring(server)) {
        return false;
    }
    if (!wr_snapshot_writer_open(&s->writer, &place)) {
        wr_snapshot_writer_close(&s->writer);
        return false;
    }
    s->sink = (struct wr_piece_sink){claim, room, s};
    s->gate = (struct wr_gate){0};
    atomic_store(&s->outcome, WR_SNAPSHOT_PENDING);
    atomic_store(&s->dropped, 0);
    atomic_store(&s->warmed, s->ring_is_warm ? 1 : 0);
    s->has_thread =
        is_threaded(server) && threads->start(threads->context, "weir-snapshot", wr_snapshots_run,
                                              server, &s->thread) == WR_IO_OK;
    return true;
}

static void describe(struct wr_server *server)
{
    struct wr_journal_identity identity = wr_journal_identity(server->journal);
    struct wr_snapshot_info *info = &server->snapshots.info;
    const struct wr_port_clock *clock = &server->port->clock;
    *info = (struct wr_snapshot_info){.node = identity.node,
                                      .epoch = identity.epoch,
                                      .sequence = wr_engine_sequence(server->engine),
                                      .begun_us = clock->wall_ns(clock->context) / 1000};
    memcpy(info->pack_digest, wr_pack_digest(wr_engine_pack(server->engine)), 32);
    memcpy(info->state_digest, wr_pack_state_digest(wr_engine_pack(server->engine)), 32);
}

void wr_snapshots_begin_copy(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    describe(server);
    s->stage = WR_SNAPSHOT_COPYING;
    if (wr_engine_snapshot_begin(server->engine, &s->sink, &error) != WR_OK) {
        wr_server_log(server, "warn", "snapshot_failed", "%s", error.text);
        give_up(server);
    }
}

void wr_snapshots_begin(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    s->retry_ns = server->now_ns + WR_SNAPSHOT_RETRY_NS;
    if (!take_means(server)) {
        s->stats.n_failed++;
        wr_server_log(server, "warn", "snapshot_failed", "a snapshot cannot be begun: %s",
                      wr_io_text(s->writer.io));
        return;
    }
    s->begun_ns = server->now_ns;
    s->asked = false;
    s->stage = WR_SNAPSHOT_WARMING;
    if (!s->has_thread) {
        wr_snapshots_begin_copy(server);
    }
}

bool wr_snapshots_is_warmed(const struct wr_snapshots *s)
{
    return !s->has_thread || atomic_load(&s->warmed) != 0;
}

void wr_snapshots_await_warm(struct wr_server *server)
{
    const struct wr_port_threads *threads = &server->port->threads;
    struct wr_gate pause = {0};
    while (!wr_snapshots_is_warmed(&server->snapshots)) {
        threads->gate_wait(threads->context, &pause, PAUSE_NS);
    }
}

/* ── going on ───────────────────────────────────────────────────────────────────────────────── */
bool wr_snapshots_is_young(const struct wr_snapshots *s)
{
    return s->stats.n_bytes != 0 && s->stats.n_bytes <= WR_SNAPSHOT_YOUNG;
}

void wr_snapshots_copy(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    enum wr_snapshot_progress progress = wr_engine_snapshot_step(
        server->engine,
        wr_snapshots_is_young(s) ? WR_LIMIT_SNAPSHOT_YOUNG_STEP : WR_LIMIT_SNAPSHOT_STEP);
    hand_over(server);
    if (atomic_load(&s->outcome) != WR_SNAPSHOT_PENDING) {
        return; /* cannot be: the writer ends last */
    }
    if (progress == WR_SNAPSHOT_FAILED) {
        wr_server_log(server, "info", "snapshot_given_up",
                      "the snapshot at entry %llu was given up: its writer could not follow, or "
                      "the pack changed",
                      (unsigned long long)s->info.sequence);
        give_up(server);
    } else if (progress == WR_SNAPSHOT_DONE) {
        wr_engine_snapshot_end(server->engine);
        s->stage = WR_SNAPSHOT_ASKING;
    }
}

/* ── ending ─────────────────────────────────────────────────────────────────────────────────── */
void wr_snapshots_settle(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    unsigned outcome = atomic_load(&s->outcome);
    if (outcome == WR_SNAPSHOT_PENDING) {
        return;
    }
    enum wr_io io = s->io;
    uint64_t n_bytes = s->writer.n_bytes;
    join(server);
    if (atomic_load(&s->dropped) != 0) {
        return;
    }
    if (outcome == WR_SNAPSHOT_LOST) {
        s->stats.n_failed++;
        wr_server_log(server, "warn", "snapshot_failed", "a snapshot could not be written: %s",
                      wr_io_text(io));
        return;
    }
    s->before = s->stats.sequence;
    s->stats.n_made++;
    s->stats.sequence = s->info.sequence;
    s->stats.n_bytes = n_bytes;
    s->stats.begun_us = s->info.begun_us;
    s->stats.took_ns = (uint64_t)(server->now_ns - s->begun_ns);
    s->retry_ns = server->now_ns;
    if (server->thread != NULL) {
        wr_journal_thread_set_floor(server->thread, wr_snapshots_floor(server));
    }
}

void wr_snapshots_stop(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    if (s->stage == WR_SNAPSHOT_IDLE) {
        return;
    }
    if (s->stage != WR_SNAPSHOT_ENDING) {
        give_up(server);
    }
    join(server);
}
