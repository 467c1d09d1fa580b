/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/snapshots.h"

#include "shell/server_in.h"

enum { KIND_PIECE = 1, KIND_END = 2 };
enum { WAIT_NS = 100000000, PAUSE_NS = 200000, PAGE = 4096 };
/* Steps by which the writer gives way: a tenth of a loop's weight is left to it. With next to none
 * it could not follow a node that is asked for more than it can decide. */
#define GIVE_WAY 10

static struct wr_snapshot_place place_of(const struct wr_server *server)
{
    struct wr_journal_identity identity = wr_journal_identity(server->journal);
    return (struct wr_snapshot_place){.port = server->port,
                                      .directory = server->config.state_directory,
                                      .keys = {identity.keys[0], identity.keys[1]},
                                      .ahead = wr_beginning_ahead(server)};
}

static bool is_threaded(const struct wr_server *server)
{
    return server->port->threads.start != NULL;
}

/* ── the writing side ───────────────────────────────────────────────────────────────────────── */
static void conclude(struct wr_snapshots *s, const struct wr_snapshot_info *info)
{
    enum wr_io io = s->writer.io;
    if (info != NULL) {
        io = wr_snapshot_writer_finish(&s->writer, info);
    }
    if (info != NULL && io == WR_IO_OK) {
        wr_snapshot_prune(&s->writer.place, WR_SNAPSHOTS_KEPT);
        const struct wr_snapshot_place *place = &s->writer.place;
        if (!s->is_last && !wr_reserve_is_there(place->port, place->directory)) {
            (void)wr_reserve_keep(place->port, place->directory);
        }
    }
    wr_snapshot_writer_close(&s->writer);
    s->io = io;
    atomic_store(&s->outcome,
                 info != NULL && io == WR_IO_OK ? WR_SNAPSHOT_WRITTEN : WR_SNAPSHOT_LOST);
}

/* Writes what waits; false when there will be nothing more. */
static bool write_some(struct wr_snapshots *s)
{
    uint32_t kind, n;
    const void *message;
    while ((message = wr_ring_peek(&s->ring, &kind, &n)) != NULL) {
        struct wr_snapshot_info info;
        if (atomic_load(&s->dropped) != 0) {
            break;
        }
        if (kind == KIND_PIECE) {
            void *out = wr_snapshot_writer_claim(&s->writer, n);
            if (out != NULL) { /* after a failure the rest is dropped */
                memcpy(out, message, n);
            }
        } else {
            memcpy(&info, message, sizeof info);
        }
        wr_ring_release(&s->ring);
        if (kind != KIND_PIECE) {
            conclude(s, s->writer.io == WR_IO_OK ? &info : NULL);
            return false;
        }
    }
    if (atomic_load(&s->dropped) != 0) {
        conclude(s, NULL);
        return false;
    }
    return true;
}

/* The first touch of a page can cost microseconds, and huge pages come whole. */
static void warm(struct wr_snapshots *s)
{
    volatile uint8_t *bytes = s->ring.bytes;
    for (uint64_t i = 0; i < s->ring.size && !s->ring_is_warm; i += PAGE) {
        if (atomic_load(&s->dropped) != 0) {
            return; /* who stops it waits for this thread */
        }
        bytes[i] = 0;
    }
    s->ring_is_warm = true;
    atomic_store(&s->warmed, 1);
}

static void run(void *arg)
{
    struct wr_server *server = arg;
    struct wr_snapshots *s = &server->snapshots;
    const struct wr_port_threads *threads = &server->port->threads;
    if (threads->give_way != NULL) {
        threads->give_way(threads->context, GIVE_WAY);
    }
    warm(s);
    while (write_some(s)) {
        threads->gate_wait(threads->context, &s->gate, WAIT_NS);
    }
}

/* ── the loop's side ────────────────────────────────────────────────────────────────────────── */
static void *claim(void *context, size_t n)
{
    struct wr_snapshots *s = context;
    wr_ring_publish(&s->ring); /* the pieces before are filled */
    return wr_ring_claim(&s->ring, KIND_PIECE, (uint32_t)n);
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
        (void)write_some(s);
    }
}

/* The last message. False: the ring is full of pieces, and their writer has to make room first. */
static bool send_last(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    void *message = wr_ring_claim(&s->ring, KIND_END, sizeof s->info);
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
    struct wr_snapshot_place place = place_of(server);
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
    s->has_thread = is_threaded(server) && threads->start(threads->context, "weir-snapshot", run,
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

static void begin_copy(struct wr_server *server)
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

static void begin(struct wr_server *server)
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
        begin_copy(server);
    }
}

static bool is_warmed(const struct wr_snapshots *s)
{
    return !s->has_thread || atomic_load(&s->warmed) != 0;
}

/* Where nothing else has to go on meanwhile. */
static void await_warm(struct wr_server *server)
{
    const struct wr_port_threads *threads = &server->port->threads;
    struct wr_gate pause = {0};
    while (!is_warmed(&server->snapshots)) {
        threads->gate_wait(threads->context, &pause, PAUSE_NS);
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

/* ── when ───────────────────────────────────────────────────────────────────────────────────── */
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

static void settle(struct wr_server *server)
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

/* By its last one: of the first, nobody knows how much it is. */
static bool is_young(const struct wr_snapshots *s)
{
    return s->stats.n_bytes != 0 && s->stats.n_bytes <= WR_SNAPSHOT_YOUNG;
}

static void copy(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    enum wr_snapshot_progress progress = wr_engine_snapshot_step(
        server->engine, is_young(s) ? WR_LIMIT_SNAPSHOT_YOUNG_STEP : WR_LIMIT_SNAPSHOT_STEP);
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

static void step_stage(struct wr_server *server)
{
    struct wr_snapshots *s = &server->snapshots;
    switch (s->stage) {
    case WR_SNAPSHOT_IDLE:
        if (!server->draining && is_due(server)) {
            begin(server);
        }
        break;
    case WR_SNAPSHOT_WARMING:
        if (is_warmed(s)) {
            begin_copy(server);
        }
        break;
    case WR_SNAPSHOT_COPYING:
        copy(server);
        break;
    case WR_SNAPSHOT_ASKING:
        if (!s->asked && wr_journal_thread_synced(server->thread) >= s->info.sequence) {
            s->asked =
                wr_journal_thread_fetch(server->thread, s->info.sequence, WR_SNAPSHOT_TICKET);
        }
        break;
    case WR_SNAPSHOT_ENDING:
        settle(server);
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
    } while (s->stage != before && is_young(s));
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
    if (!found || !send_last(server)) {
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
    begin(server);
    if (s->stage == WR_SNAPSHOT_IDLE) {
        return s->writer.io;
    }
    if (s->stage == WR_SNAPSHOT_WARMING) {
        await_warm(server);
        begin_copy(server);
    }
    while (s->stage == WR_SNAPSHOT_COPYING) {
        copy(server);
    }
    if (s->stage != WR_SNAPSHOT_ASKING ||
        wr_journal_fetch_placed(server->journal, s->info.sequence, &payload, &s->info.place,
                                &error) != WR_OK) {
        wr_snapshots_stop(server);
        return WR_IO_FAILED;
    }
    while (!send_last(server)) {
    }
    if (s->has_thread) {
        server->port->threads.join(server->port->threads.context, s->thread);
        s->has_thread = false;
    }
    settle(server);
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
    place = place_of(server);
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

/* ── restoring ──────────────────────────────────────────────────────────────────────────────── */
/* Does it belong to this journal and this pack? */
static wr_err check_fits(struct wr_server *server, const struct wr_snapshot_info *info,
                         struct wr_error *error)
{
    uint8_t link[32];
    uint64_t first = wr_journal_first(server->journal), last = wr_journal_last(server->journal);
    if (info->sequence > last) {
        return wr_fail(error, WR_E_STATE, "it stands at entry %llu, and the journal ends at %llu",
                       (unsigned long long)info->sequence, (unsigned long long)last);
    }
    if (info->sequence + 1 < first) {
        return wr_fail(error, WR_E_PACK, "it stands at entry %llu, and the journal begins at %llu",
                       (unsigned long long)info->sequence, (unsigned long long)first);
    }
    if (memcmp(wr_pack_state_digest(server->pack), info->state_digest, 32) != 0) {
        return wr_fail(error, WR_E_PACK, "it was made with other features");
    }
    wr_err err = wr_journal_link(server->journal, info->sequence, link, error);
    return err == WR_OK && memcmp(link, info->place.link, sizeof link) != 0
               ? wr_fail(error, WR_E_STATE, "its row is another one in this journal")
               : err;
}

static void note(struct wr_server *server, const struct wr_snapshot_info *info, int64_t before_ns)
{
    struct wr_snapshots *s = &server->snapshots;
    const struct wr_port_clock *clock = &server->port->clock;
    s->stats.sequence = s->stats.restored = info->sequence;
    s->stats.n_bytes = info->n_bytes;
    s->stats.begun_us = info->begun_us;
    wr_server_log(server, "info", "restored", "the state at entry %llu, %llu bytes in %lld us",
                  (unsigned long long)info->sequence, (unsigned long long)info->n_bytes,
                  (long long)((clock->mono_ns(clock->context) - before_ns) / 1000));
}

bool wr_snapshots_start(void *files, const struct wr_journal_identity *identity,
                        struct wr_row_place *out)
{
    const struct wr_snapshot_files *of = files;
    struct wr_snapshot_place place = {.port = of->port,
                                      .directory = of->directory,
                                      .keys = {identity->keys[0], identity->keys[1]}};
    struct wr_snapshot_info info;
    struct wr_error error;
    uint64_t sequences[WR_LIMIT_SNAPSHOTS];
    if (wr_snapshot_list(&place, sequences) == 0 ||
        wr_snapshot_look(&place, sequences[0], &info, &error) != WR_OK) {
        return false;
    }
    *out = info.place;
    return out->segment != 0;
}

/* Tries one; on an error the engine has to be opened again if it was `touched`. */
static wr_err restore_one(struct wr_server *server, const struct wr_snapshot_place *place,
                          uint64_t sequence, bool *touched, struct wr_error *why)
{
    const struct wr_port_clock *clock = &server->port->clock;
    int64_t before_ns = clock->mono_ns(clock->context);
    struct wr_snapshot_info info;
    wr_err err = wr_snapshot_look(place, sequence, &info, why);
    err = err != WR_OK ? err : check_fits(server, &info, why);
    *touched = err == WR_OK;
    err = err != WR_OK ? err : wr_snapshot_load(place, &info, server->engine, why);
    if (err == WR_OK) {
        note(server, &info, before_ns);
    }
    return err;
}

/* Damaged, or not of this journal: it will never fit again, and must not pass for a good one. */
static void refuse(struct wr_server *server, const struct wr_snapshot_place *place,
                   uint64_t sequence, wr_err err, const char *why, bool is_last)
{
    bool gone = err == WR_E_STATE && wr_snapshot_remove(place, sequence) == WR_IO_OK;
    wr_server_log(server, "warn", "snapshot_refused",
                  "the snapshot at entry %llu: %s; %s is used instead%s",
                  (unsigned long long)sequence, why,
                  is_last ? "the journal alone" : "an older one or the journal",
                  gone ? "; it has been removed" : "");
}

wr_err wr_snapshots_restore(struct wr_server *server,
                            wr_err (*open)(struct wr_server *server, struct wr_error *error),
                            bool *restored, struct wr_error *error)
{
    struct wr_snapshots *s = &server->snapshots;
    struct wr_snapshot_place place = place_of(server);
    uint64_t sequences[WR_LIMIT_SNAPSHOTS];
    size_t n = server->config.snapshot_every_ns != 0 ? wr_snapshot_list(&place, sequences) : 0;
    *restored = false;
    s->stats.restored = s->stats.sequence = s->before = 0;
    s->begun_ns = server->now_ns;
    s->rest_ns = server->now_ns + WR_SNAPSHOT_REST_NS;
    s->folded = wr_journal_last(server->journal);
    for (size_t i = 0; i < n && !*restored; i++) {
        struct wr_error why = {.offset = WR_NO_OFFSET};
        bool touched;
        wr_err err = restore_one(server, &place, sequences[i], &touched, &why);
        if (err == WR_OK) {
            *restored = true;
            s->before = i + 1 < n ? sequences[i + 1] : 0;
            continue;
        }
        refuse(server, &place, sequences[i], err, why.text, i + 1 == n);
        if (touched) {
            wr_engine_close(server->engine);
            server->engine = NULL;
            err = open(server, error);
            if (err != WR_OK) {
                return err;
            }
        }
    }
    return WR_OK;
}
