/* SPDX-License-Identifier: Apache-2.0 */
/* See journal_thread.h. Shared between the two threads: the rings, the atomics of `shared`, the
 * gate. All else belongs to the side named. */
#include "shell/journal_thread.h"

#include "shell/ring.h"
#include "shell/sync_thread.h"

#include <stdatomic.h>

#define PRUNE_EVERY_NS 200000000 /* one segment at most each time */
#define HOLD_NS        200000000 /* between the first and the last row that are not synced */
#define SYNC_QUICK_NS  2000000   /* a disk whose syncs take longer may stop a write too */
#define WRITE_LONG_NS  5000000   /* a write that took longer sends the next ones to the thread */
#define AFAR_NS        1000000000
#define OWN_WAIT_NS    1000000 /* until the thread looks again whether the loop has let go */

enum { KIND_APPEND = 1, KIND_FETCH = 2, KIND_REPLY = 3, KIND_PHRASES = 4 };

struct append_head {
    uint64_t sequence;
};
struct fetch_head {
    uint64_t sequence, ticket;
};
enum reply_kind { REPLY_ABSENT, REPLY_FOUND, REPLY_BUSY };
struct reply_head {
    uint64_t sequence, ticket;
    uint64_t kind; /* enum reply_kind */
    struct wr_row_place place;
};
/* Room in the reply ring that rows may not take, so that a short reply always fits. */
#define REPLY_RESERVE ((uint64_t)WR_LIMIT_FETCHES * 2 * (sizeof(struct reply_head) + 8))

struct shared {
    atomic_uint_fast64_t kept, committed, synced;
    atomic_uint_fast64_t n_commits, n_here, n_syncs, n_segments, n_dropped, first, commit_ns,
        sync_ns, sync_ns_max, sync_ns_mean, log_size;
    atomic_uint_fast64_t floor; /* set by the loop */
    atomic_uint state;
    atomic_uint loop_waits; /* 1: wake it on progress */
    atomic_uint stop;
    atomic_uint owner;   /* enum owner: of the journal and of the ring's end */
    atomic_uint wanted;  /* 1: the thread waits for the loop to let go */
    struct wr_gate gate; /* opened by the loop */
};
enum owner { OWNER_NONE, OWNER_THREAD, OWNER_LOOP };

struct wr_journal_thread {
    const struct wr_port *port;
    struct wr_journal *journal; /* the owner's while the thread runs */
    bool durable;
    bool threaded;
    uint32_t n_fetches;    /* loop: asked, and the reply not released */
    bool submitted;        /* loop: something was put in since the last submit */
    int64_t afar_until_ns; /* loop: a write took long, the thread makes them until then */
    uintptr_t id;
    int64_t pruned_at_ns;
    int64_t asked_at_ns; /* owner: the last sync began */
    /* owner: when the first row was committed that the sync under way will keep, and the first
     * that it will not; 0: there is none */
    int64_t covered_ns, fresh_ns;
    int64_t sync_mean_ns;         /* owner: of the last some syncs */
    struct wr_sync_thread *syncs; /* with threads; else NULL */
    struct shared shared;
    struct wr_ring in, out;
};

static int64_t now_ns(const struct wr_journal_thread *thread)
{
    return thread->port->clock.mono_ns(thread->port->clock.context);
}

static void count(atomic_uint_fast64_t *counter, uint64_t n)
{
    /* One writer at a time: a plain addition that readers see whole. */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* ── the thread's side ──────────────────────────────────────────────────────────────────────── */
static bool is_good(const struct wr_journal_thread *thread)
{
    return wr_journal_state(thread->journal) == WR_JOURNAL_OK;
}

static void publish(struct wr_journal_thread *thread)
{
    struct shared *shared = &thread->shared;
    atomic_store_explicit(&shared->n_segments, wr_journal_n_segments(thread->journal),
                          memory_order_relaxed);
    atomic_store_explicit(&shared->first, wr_journal_first(thread->journal), memory_order_relaxed);
    atomic_store_explicit(&shared->log_size, wr_journal_log_size(thread->journal),
                          memory_order_relaxed);
    uint64_t kept =
        thread->durable ? atomic_load(&shared->synced) : atomic_load(&shared->committed);
    atomic_store(&shared->state, (unsigned)wr_journal_state(thread->journal));
    atomic_store(&shared->kept, kept);
    if (thread->threaded && atomic_exchange(&shared->loop_waits, 0) == 1) {
        thread->port->net.wake(thread->port->net.context);
    }
}

static void reply(struct wr_journal_thread *thread, const struct fetch_head *asked)
{
    struct wr_error error;
    struct wr_str payload = {NULL, 0};
    struct reply_head head = {asked->sequence, asked->ticket, REPLY_ABSENT, {0}};
    wr_ring_rewind(&thread->out);
    if (is_good(thread) && wr_journal_fetch_placed(thread->journal, asked->sequence, &payload,
                                                   &head.place, &error) == WR_OK) {
        bool fits = wr_ring_room(&thread->out) >= 2 * payload.n + REPLY_RESERVE;
        head.kind = fits ? REPLY_FOUND : REPLY_BUSY;
    }
    payload.n = head.kind == REPLY_FOUND ? payload.n : 0;
    uint8_t *room = wr_ring_claim(&thread->out, KIND_REPLY, (uint32_t)(sizeof head + payload.n));
    WR_ASSERT(room != NULL); /* the reserve holds a short reply to every fetch */
    memcpy(room, &head, sizeof head);
    if (payload.n > 0) {
        memcpy(room + sizeof head, payload.p, payload.n);
    }
    wr_ring_publish(&thread->out);
}

static void count_sync(struct wr_journal_thread *thread, int64_t took_ns)
{
    struct shared *shared = &thread->shared;
    uint64_t took = (uint64_t)took_ns;
    count(&shared->n_syncs, 1);
    count(&shared->sync_ns, took);
    if (took > atomic_load_explicit(&shared->sync_ns_max, memory_order_relaxed)) {
        atomic_store_explicit(&shared->sync_ns_max, took, memory_order_relaxed);
    }
}

static void end_sync(struct wr_journal_thread *thread, const struct wr_journal_sync *sync,
                     enum wr_io result, int64_t took_ns)
{
    struct wr_error error;
    thread->sync_mean_ns += (took_ns - thread->sync_mean_ns) / 8;
    atomic_store_explicit(&thread->shared.sync_ns_mean, (uint64_t)thread->sync_mean_ns,
                          memory_order_relaxed);
    if (wr_journal_sync_end(thread->journal, sync, result, &error) == WR_OK) {
        thread->covered_ns = 0;
        count_sync(thread, took_ns);
        atomic_store(&thread->shared.synced, sync->last);
    }
}

static void sync_here(struct wr_journal_thread *thread, const struct wr_journal_sync *sync)
{
    int64_t before = now_ns(thread);
    enum wr_io result = wr_journal_sync_do(thread->port, sync);
    end_sync(thread, sync, result, now_ns(thread) - before);
}

/* True when a sync that another thread made has ended. */
static bool take_sync(struct wr_journal_thread *thread)
{
    struct wr_journal_sync sync;
    enum wr_io result;
    int64_t took_ns;
    if (thread->syncs == NULL || !wr_sync_thread_take(thread->syncs, &sync, &result, &took_ns)) {
        return false;
    }
    end_sync(thread, &sync, result, took_ns);
    return true;
}

static bool is_syncing(const struct wr_journal_thread *thread)
{
    return thread->syncs != NULL && !wr_sync_thread_is_idle(thread->syncs);
}

/* Begins what another thread ends, or does it here: a short sync is made sooner than handed over.
 */
static void sync_some(struct wr_journal_thread *thread)
{
    struct wr_journal_sync sync;
    wr_journal_sync_begin(thread->journal, &sync);
    thread->asked_at_ns = now_ns(thread);
    thread->covered_ns = thread->fresh_ns;
    thread->fresh_ns = 0;
    if (thread->syncs == NULL ||
        (thread->durable && sync.stale.n == 0 && thread->sync_mean_ns < WR_JOURNAL_SYNC_SHORT_NS)) {
        sync_here(thread, &sync);
    } else {
        wr_sync_thread_ask(thread->syncs, &sync);
    }
}

static void commit(struct wr_journal_thread *thread)
{
    struct shared *shared = &thread->shared;
    struct wr_error error;
    int64_t before = now_ns(thread);
    if (wr_journal_commit(thread->journal, &error) != WR_OK) {
        return;
    }
    thread->fresh_ns = thread->fresh_ns != 0 ? thread->fresh_ns : before;
    count(&shared->n_commits, 1);
    count(&shared->commit_ns, (uint64_t)(now_ns(thread) - before));
    atomic_store(&shared->committed, wr_journal_last(thread->journal));
}

/* The journal has begun a segment, which syncs all before it. */
static void note_segment(struct wr_journal_thread *thread)
{
    thread->asked_at_ns = now_ns(thread);
    thread->covered_ns = thread->fresh_ns = 0;
    atomic_store(&thread->shared.synced, atomic_load(&thread->shared.committed));
}

/* What comes behind is condensed by another table. */
static void take_phrases(struct wr_journal_thread *thread, struct wr_str table, size_t *n_rows)
{
    struct wr_error error;
    uint64_t before = wr_journal_n_segments(thread->journal);
    if (*n_rows > 0) {
        commit(thread);
        *n_rows = 0;
    }
    if (is_good(thread) && wr_journal_use_phrases(thread->journal, table, &error) == WR_OK &&
        wr_journal_n_segments(thread->journal) != before) {
        note_segment(thread);
    }
}

static void take_row(struct wr_journal_thread *thread, const uint8_t *message, uint32_t n,
                     size_t *n_rows)
{
    struct append_head head;
    struct wr_error error;
    memcpy(&head, message, sizeof head);
    struct wr_str payload = wr_str_of((const char *)message + sizeof head, n - sizeof head);
    if (is_good(thread) &&
        wr_journal_append(thread->journal, head.sequence, payload, &error) == WR_OK) {
        ++*n_rows;
    }
}

static void take_fetch(struct wr_journal_thread *thread, const uint8_t *message)
{
    struct fetch_head head;
    memcpy(&head, message, sizeof head);
    reply(thread, &head);
}

/* Puts what waits into the open transaction, rows only or all. Returns the number of rows; `worked`
 * tells whether anything was taken. After an error rows are dropped. */
static size_t take(struct wr_journal_thread *thread, bool rows_only, bool *worked)
{
    size_t n_rows = 0;
    uint32_t kind, n;
    const uint8_t *message;
    while (n_rows < WR_LIMIT_COMMIT_ROWS &&
           (message = wr_ring_peek(&thread->in, &kind, &n)) != NULL &&
           (kind == KIND_APPEND || !rows_only)) {
        if (kind == KIND_APPEND) {
            take_row(thread, message, n, &n_rows);
        } else if (kind == KIND_FETCH) {
            take_fetch(thread, message);
        } else if (is_syncing(thread)) {
            break; /* no segment ends meanwhile */
        } else {
            take_phrases(thread, wr_str_of((const char *)message, n), &n_rows);
        }
        wr_ring_release(&thread->in);
        *worked = true;
    }
    return n_rows;
}

static void prune(struct wr_journal_thread *thread)
{
    const struct wr_port_clock *clock = &thread->port->clock;
    int64_t now = now_ns(thread);
    if (now - thread->pruned_at_ns < PRUNE_EVERY_NS) {
        return;
    }
    thread->pruned_at_ns = now;
    wr_journal_set_floor(thread->journal, atomic_load(&thread->shared.floor));
    if (wr_journal_prune(thread->journal, clock->wall_ns(clock->context) / 1000)) {
        count(&thread->shared.n_dropped, 1);
        publish(thread);
    }
}

static void tend(struct wr_journal_thread *thread)
{
    struct wr_error error;
    uint64_t before = wr_journal_n_segments(thread->journal);
    if (!is_good(thread) || is_syncing(thread)) {
        return; /* no segment ends meanwhile */
    }
    if (wr_journal_tend(thread->journal, &error) != WR_OK) {
        publish(thread);
    } else if (wr_journal_n_segments(thread->journal) != before) {
        note_segment(thread);
        publish(thread);
    }
    prune(thread);
}

static bool is_unsynced(const struct wr_journal_thread *thread)
{
    return atomic_load(&thread->shared.synced) < atomic_load(&thread->shared.committed);
}

/* In mode fast a slow sync may not make more be lost with the power than was promised: what is not
 * synced was answered within HOLD_NS. Syncs of up to half of that are waited for by nobody, since
 * a row is kept by the end of the next one at the latest. */
static bool must_hold(const struct wr_journal_thread *thread)
{
    int64_t since = thread->covered_ns != 0 ? thread->covered_ns : thread->fresh_ns;
    return !thread->durable && thread->syncs != NULL && is_good(thread) && since != 0 &&
           now_ns(thread) - since >= HOLD_NS;
}

/* Begins a sync when one is due; true when it did. */
static bool sync_due(struct wr_journal_thread *thread)
{
    int64_t age = now_ns(thread) - thread->asked_at_ns;
    if (!is_good(thread) || !is_unsynced(thread) || is_syncing(thread) ||
        (!thread->durable && age < WR_JOURNAL_SYNC_AGE_NS)) {
        return false;
    }
    sync_some(thread);
    return true;
}

/* How long there is nothing to do, unless somebody opens the gate. */
static int64_t idle_for(const struct wr_journal_thread *thread)
{
    int64_t age = now_ns(thread) - thread->asked_at_ns;
    if (is_syncing(thread)) {
        return WR_JOURNAL_SYNC_AGE_NS; /* its end opens the gate */
    }
    return is_good(thread) && is_unsynced(thread) ? WR_MAX(WR_JOURNAL_SYNC_AGE_NS - age, 1001)
                                                  : 1000000000;
}

/* One group. Returns how long there is nothing to do, in ns; 0 when there may be more. */
static int64_t turn(struct wr_journal_thread *thread)
{
    bool worked = take_sync(thread);
    if (worked) {
        publish(thread); /* answers do not wait for the next group to be written */
    }
    size_t n_rows = must_hold(thread) ? 0 : take(thread, false, &worked);
    if (n_rows > 0) {
        commit(thread);
    }
    if (worked) {
        publish(thread);
        tend(thread); /* before the next sync: while one is under way no segment ends */
    }
    if (sync_due(thread)) {
        worked = true;
        if (!is_syncing(thread)) {
            publish(thread);
        }
    }
    if (worked) {
        return wr_ring_is_empty(&thread->in) ? 1000 : 0;
    }
    prune(thread);
    return idle_for(thread);
}

static void finish(struct wr_journal_thread *thread)
{
    bool worked = true;
    while (is_syncing(thread) && !take_sync(thread)) {
        thread->port->threads.gate_wait(thread->port->threads.context, &thread->shared.gate,
                                        WR_JOURNAL_SYNC_AGE_NS);
    }
    while (worked && !wr_ring_is_empty(&thread->in)) {
        worked = false;
        if (take(thread, false, &worked) > 0) {
            commit(thread);
        }
    }
    if (is_good(thread) && is_unsynced(thread)) {
        struct wr_journal_sync sync;
        wr_journal_sync_begin(thread->journal, &sync);
        sync_here(thread, &sync);
    }
    publish(thread);
}

/* ── who writes ─────────────────────────────────────────────────────────────────────────────── */
static bool own(struct wr_journal_thread *thread, enum owner owner)
{
    unsigned none = OWNER_NONE;
    return atomic_compare_exchange_strong(&thread->shared.owner, &none, owner);
}

static void own_as_thread(struct wr_journal_thread *thread)
{
    const struct wr_port_threads *threads = &thread->port->threads;
    while (!own(thread, OWNER_THREAD)) {
        atomic_store(&thread->shared.wanted, 1);
        threads->gate_wait(threads->context, &thread->shared.gate, OWN_WAIT_NS);
    }
}

static void disown(struct wr_journal_thread *thread)
{
    atomic_store(&thread->shared.owner, OWNER_NONE);
}

static void run(void *arg)
{
    struct wr_journal_thread *thread = arg;
    const struct wr_port_threads *threads = &thread->port->threads;
    if (threads->hasten != NULL) {
        threads->hasten(threads->context);
    }
    while (atomic_load(&thread->shared.stop) == 0) {
        own_as_thread(thread);
        int64_t idle_ns = turn(thread);
        disown(thread);
        if (idle_ns > 1000) {
            threads->gate_wait(threads->context, &thread->shared.gate, idle_ns);
        }
    }
    own_as_thread(thread);
    finish(thread);
}

/* A small group of mode fast is written by the loop itself, when the thread is at rest and the disk
 * is quick: to wake the thread and be woken by it costs more than the write, and its answers leave
 * in the same turn. False when rows, or other messages, are left for the thread. */
static bool write_here(struct wr_journal_thread *thread)
{
    uint64_t waiting = thread->in.size - wr_ring_room(&thread->in);
    int64_t before = now_ns(thread);
    if (thread->durable || waiting > WR_JOURNAL_HERE_BYTES || before < thread->afar_until_ns ||
        !own(thread, OWNER_LOOP)) {
        return false;
    }
    bool worked = false, was_synced = !is_unsynced(thread);
    bool quick = is_good(thread) && !must_hold(thread) && thread->sync_mean_ns < SYNC_QUICK_NS;
    if (quick && take(thread, true, &worked) > 0) {
        atomic_store(&thread->shared.loop_waits, 0); /* it is here */
        count(&thread->shared.n_here, 1);
        commit(thread);
        publish(thread);
    }
    bool done = quick && wr_ring_is_empty(&thread->in) && !was_synced; /* else a sync is due soon */
    disown(thread);
    if (now_ns(thread) - before > WRITE_LONG_NS) {
        thread->afar_until_ns = before + AFAR_NS;
    }
    return done && atomic_exchange(&thread->shared.wanted, 0) == 0;
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
wr_err wr_journal_thread_open(const struct wr_port *port, struct wr_journal *journal, bool durable,
                              struct wr_journal_thread **out, struct wr_error *error)
{
    struct wr_journal_thread *thread = port->memory.take(port->memory.context, sizeof *thread);
    if (thread == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for the journal's thread");
    }
    memset(thread, 0, sizeof *thread);
    thread->port = port;
    thread->journal = journal;
    thread->durable = durable;
    thread->threaded = port->threads.start != NULL;
    thread->asked_at_ns = now_ns(thread);
    thread->sync_mean_ns = WR_JOURNAL_SYNC_SHORT_NS;
    atomic_store(&thread->shared.committed, wr_journal_last(journal));
    atomic_store(&thread->shared.synced, wr_journal_last(journal));
    atomic_store(&thread->shared.floor, UINT64_MAX);
    publish(thread);
    uint64_t in_size = thread->threaded ? WR_JOURNAL_RING : WR_JOURNAL_RING_INLINE;
    bool good = wr_ring_open(&thread->in, &port->memory, in_size) &&
                wr_ring_open(&thread->out, &port->memory, WR_JOURNAL_REPLY_RING);
    if (good && thread->threaded) {
        good = wr_sync_thread_open(port, &thread->shared.gate, &thread->syncs, error) == WR_OK;
    }
    if (good && thread->threaded) {
        good = port->threads.start(port->threads.context, "weir-journal", run, thread,
                                   &thread->id) == WR_IO_OK;
    }
    if (!good) {
        thread->threaded = false;
        wr_journal_thread_close(thread);
        return wr_fail(error, WR_E_MEMORY, "no memory for the journal's thread");
    }
    *out = thread;
    return WR_OK;
}

void wr_journal_thread_close(struct wr_journal_thread *thread)
{
    const struct wr_port *port = thread->port;
    if (thread->threaded) {
        wr_ring_publish(&thread->in);
        atomic_store(&thread->shared.stop, 1);
        port->threads.gate_open(port->threads.context, &thread->shared.gate);
        port->threads.join(port->threads.context, thread->id);
    } else if (thread->out.bytes != NULL) {
        wr_ring_publish(&thread->in);
        finish(thread);
    }
    if (thread->syncs != NULL) {
        wr_sync_thread_close(thread->syncs);
    }
    wr_ring_close(&thread->in);
    wr_ring_close(&thread->out);
    port->memory.give(port->memory.context, thread, sizeof *thread);
}

/* ── the loop's side ────────────────────────────────────────────────────────────────────────── */
uint64_t wr_journal_thread_room(struct wr_journal_thread *thread)
{
    return wr_ring_room(&thread->in) / 2;
}

bool wr_journal_thread_append(struct wr_journal_thread *thread, uint64_t sequence,
                              struct wr_str payload)
{
    struct append_head head = {sequence};
    uint8_t *room = wr_ring_claim(&thread->in, KIND_APPEND, (uint32_t)(sizeof head + payload.n));
    if (room == NULL) {
        return false;
    }
    memcpy(room, &head, sizeof head);
    memcpy(room + sizeof head, payload.p, payload.n);
    thread->submitted = true;
    return true;
}

bool wr_journal_thread_use_phrases(struct wr_journal_thread *thread, struct wr_str table)
{
    char *room = wr_ring_claim(&thread->in, KIND_PHRASES, (uint32_t)table.n);
    if (room == NULL) {
        return false;
    }
    wr_bytes_copy(room, table.p, table.n);
    thread->submitted = true;
    return true;
}

bool wr_journal_thread_fetch(struct wr_journal_thread *thread, uint64_t sequence, uint64_t ticket)
{
    struct fetch_head head = {sequence, ticket};
    if (thread->n_fetches == WR_LIMIT_FETCHES) {
        return false;
    }
    uint8_t *room = wr_ring_claim(&thread->in, KIND_FETCH, sizeof head);
    if (room == NULL) {
        return false;
    }
    memcpy(room, &head, sizeof head);
    thread->submitted = true;
    thread->n_fetches++;
    return true;
}

uint32_t wr_journal_thread_n_fetches(const struct wr_journal_thread *thread)
{
    return thread->n_fetches;
}

void wr_journal_thread_submit(struct wr_journal_thread *thread)
{
    if (!thread->submitted) {
        return;
    }
    thread->submitted = false;
    wr_ring_publish(&thread->in);
    if (thread->threaded && !write_here(thread)) {
        thread->port->threads.gate_open(thread->port->threads.context, &thread->shared.gate);
    }
}

uint64_t wr_journal_thread_kept(const struct wr_journal_thread *thread)
{
    return atomic_load(&thread->shared.kept);
}

uint64_t wr_journal_thread_synced(const struct wr_journal_thread *thread)
{
    return atomic_load(&thread->shared.synced);
}

int64_t wr_journal_thread_sync_ns(const struct wr_journal_thread *thread)
{
    return (int64_t)atomic_load_explicit(&thread->shared.sync_ns_mean, memory_order_relaxed);
}

void wr_journal_thread_set_floor(struct wr_journal_thread *thread, uint64_t sequence)
{
    atomic_store(&thread->shared.floor, sequence);
}

enum wr_journal_state wr_journal_thread_state(const struct wr_journal_thread *thread)
{
    return (enum wr_journal_state)atomic_load(&thread->shared.state);
}

bool wr_journal_thread_reply(struct wr_journal_thread *thread, struct wr_journal_reply *reply_out)
{
    uint32_t kind, n;
    const uint8_t *message = wr_ring_peek(&thread->out, &kind, &n);
    if (message == NULL) {
        return false;
    }
    struct reply_head head;
    memcpy(&head, message, sizeof head);
    *reply_out = (struct wr_journal_reply){
        .ticket = head.ticket,
        .sequence = head.sequence,
        .found = head.kind == REPLY_FOUND,
        .busy = head.kind == REPLY_BUSY,
        .payload = wr_str_of((const char *)message + sizeof head, n - sizeof head),
        .place = head.place,
    };
    return true;
}

void wr_journal_thread_release(struct wr_journal_thread *thread)
{
    wr_ring_release(&thread->out);
    thread->n_fetches--;
}

bool wr_journal_thread_will_wait(struct wr_journal_thread *thread, uint64_t kept_seen)
{
    atomic_store(&thread->shared.loop_waits, 1);
    if (atomic_load(&thread->shared.kept) != kept_seen || !wr_ring_is_empty(&thread->out)) {
        atomic_store(&thread->shared.loop_waits, 0);
        return false;
    }
    return true;
}

void wr_journal_thread_step(struct wr_journal_thread *thread)
{
    WR_ASSERT(!thread->threaded);
    turn(thread);
    wr_ring_rewind(&thread->in);
}

void wr_journal_thread_stats(const struct wr_journal_thread *thread, struct wr_journal_stats *out)
{
    const struct shared *shared = &thread->shared;
    *out = (struct wr_journal_stats){
        .n_commits = atomic_load(&shared->n_commits),
        .n_here = atomic_load(&shared->n_here),
        .n_syncs = atomic_load(&shared->n_syncs),
        .n_segments = atomic_load(&shared->n_segments),
        .n_dropped = atomic_load(&shared->n_dropped),
        .first = atomic_load(&shared->first),
        .commit_ns = atomic_load(&shared->commit_ns),
        .sync_ns = atomic_load(&shared->sync_ns),
        .sync_ns_max = atomic_load(&shared->sync_ns_max),
        .committed = atomic_load(&shared->committed),
        .synced = atomic_load(&shared->synced),
        .log_size = atomic_load(&shared->log_size),
    };
}
