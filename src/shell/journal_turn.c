/* SPDX-License-Identifier: Apache-2.0 */
/* See journal_thread.h: what whoever owns the journal does with it: takes rows out of the ring,
 * writes them, begins and ends syncs, begins segments, drops old ones. */
#include "shell/journal_thread_in.h"

#define PRUNE_EVERY_NS 200000000 /* one segment at most each time */
/* While one is given back, so long at the most: a second one goes at once, and rows wait for it. On
 * a disk whose syncs are slow less might go than comes. */
#define DROP_WAIT_NS  5000000000
#define HOLD_NS       200000000 /* between the first and the last row that are not synced */
#define SYNC_QUICK_NS 2000000   /* a disk whose syncs take longer may stop a write too */

static void count(atomic_uint_fast64_t *counter, uint64_t n)
{
    /* One writer at a time: a plain addition that readers see whole. */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static bool is_good(const struct wr_journal_thread *thread)
{
    return wr_journal_state(thread->journal) == WR_JOURNAL_OK;
}

void wr_journal_publish(struct wr_journal_thread *thread)
{
    struct wr_journal_shared *shared = &thread->shared;
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
    struct wr_journal_shared *shared = &thread->shared;
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
    int64_t before = wr_journal_now_ns(thread);
    enum wr_io result = wr_journal_sync_do(thread->port, sync);
    end_sync(thread, sync, result, wr_journal_now_ns(thread) - before);
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
    return thread->syncs != NULL && wr_sync_thread_is_syncing(thread->syncs);
}

/* Neither a sync is under way nor what is done beside one: a segment may begin. */
static bool is_at_rest(const struct wr_journal_thread *thread)
{
    return thread->syncs == NULL || wr_sync_thread_is_idle(thread->syncs);
}

/* In mode durable a short sync is made sooner than handed over. */
static bool syncs_here(const struct wr_journal_thread *thread)
{
    return thread->syncs == NULL ||
           (thread->durable && thread->sync_mean_ns < WR_JOURNAL_SYNC_SHORT_NS);
}

/* Some work beside syncs is begun, if there is any and the last is long enough ago. */
static bool begin_aside(struct wr_journal_thread *thread, struct wr_journal_aside *aside)
{
    int64_t now = wr_journal_now_ns(thread);
    *aside = (struct wr_journal_aside){0};
    if (!is_at_rest(thread) || now - thread->aside_at_ns < WR_JOURNAL_SYNC_LEAST_NS ||
        !wr_journal_has_aside(thread->journal)) {
        return false;
    }
    thread->aside_at_ns = now;
    wr_journal_aside_begin(thread->journal, aside);
    return true;
}

/* Begins what another thread ends, or does it here. */
static void sync_some(struct wr_journal_thread *thread)
{
    struct wr_journal_sync sync;
    struct wr_journal_aside aside;
    wr_journal_sync_begin(thread->journal, &sync);
    thread->asked_at_ns = wr_journal_now_ns(thread);
    thread->asked_size = wr_journal_log_size(thread->journal);
    thread->covered_ns = thread->fresh_ns;
    thread->fresh_ns = 0;
    bool has_aside = begin_aside(thread, &aside);
    bool is_long = has_aside || sync.stale.n != 0 || !syncs_here(thread);
    if (thread->syncs != NULL && is_at_rest(thread) && is_long) {
        wr_sync_thread_ask(thread->syncs, &sync, &aside);
        return;
    }
    sync_here(thread, &sync);
    if (has_aside) {
        wr_journal_aside_do(thread->port, &aside);
    }
}

static void commit(struct wr_journal_thread *thread)
{
    struct wr_journal_shared *shared = &thread->shared;
    struct wr_error error;
    int64_t before = wr_journal_now_ns(thread);
    if (wr_journal_commit(thread->journal, &error) != WR_OK) {
        return;
    }
    thread->fresh_ns = thread->fresh_ns != 0 ? thread->fresh_ns : before;
    count(&shared->n_commits, 1);
    count(&shared->commit_ns, (uint64_t)(wr_journal_now_ns(thread) - before));
    atomic_store(&shared->committed, wr_journal_last(thread->journal));
}

/* The journal has begun a segment, which syncs all before it. */
static void note_segment(struct wr_journal_thread *thread)
{
    thread->asked_at_ns = wr_journal_now_ns(thread);
    thread->asked_size = wr_journal_log_size(thread->journal);
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
        } else if (!is_at_rest(thread)) {
            break; /* no segment ends meanwhile */
        } else {
            take_phrases(thread, wr_str_of((const char *)message, n), &n_rows);
        }
        wr_ring_release(&thread->in);
        *worked = true;
    }
    return n_rows;
}

/* In mode fast a segment ends when little of it is not synced, unless it grows too long over that:
 * until it is synced no row can be written. */
static bool syncs_first(const struct wr_journal_thread *thread)
{
    uint64_t excess = wr_journal_excess(thread->journal);
    return !thread->durable && excess != 0 && excess < WR_JOURNAL_EXCESS &&
           wr_journal_unsynced(thread->journal) > WR_JOURNAL_END_UNSYNCED;
}

static void prune(struct wr_journal_thread *thread)
{
    const struct wr_port_clock *clock = &thread->port->clock;
    int64_t now = wr_journal_now_ns(thread);
    if (now - thread->pruned_at_ns < PRUNE_EVERY_NS) {
        return;
    }
    if (wr_journal_is_dropping(thread->journal) && now - thread->dropped_at_ns < DROP_WAIT_NS) {
        return;
    }
    thread->pruned_at_ns = now;
    wr_journal_set_floor(thread->journal, atomic_load(&thread->shared.floor));
    if (wr_journal_prune(thread->journal, clock->wall_ns(clock->context) / 1000)) {
        thread->dropped_at_ns = now;
        count(&thread->shared.n_dropped, 1);
        wr_journal_publish(thread);
    }
}

static void tend(struct wr_journal_thread *thread)
{
    struct wr_error error;
    uint64_t before = wr_journal_n_segments(thread->journal);
    if (!is_good(thread) || !is_at_rest(thread) || syncs_first(thread)) {
        return; /* no segment ends meanwhile */
    }
    if (wr_journal_tend(thread->journal, &error) != WR_OK) {
        wr_journal_publish(thread);
    } else if (wr_journal_n_segments(thread->journal) != before) {
        note_segment(thread);
        wr_journal_publish(thread);
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
           wr_journal_now_ns(thread) - since >= HOLD_NS;
}

/* In mode fast: rows have waited, or there are many: a sync of little holds a processor for a
 * shorter time. In both: something is to be done beside one. */
static bool is_due(const struct wr_journal_thread *thread)
{
    int64_t age = wr_journal_now_ns(thread) - thread->asked_at_ns;
    bool many = wr_journal_log_size(thread->journal) - thread->asked_size >= WR_JOURNAL_SYNC_BYTES;
    if (is_unsynced(thread) && (thread->durable || age >= WR_JOURNAL_SYNC_AGE_NS ||
                                syncs_first(thread) || (age >= WR_JOURNAL_SYNC_LEAST_NS && many))) {
        return true;
    }
    return age >= WR_JOURNAL_SYNC_LEAST_NS && is_at_rest(thread) &&
           wr_journal_has_aside(thread->journal);
}

/* Begins a sync when one is due; true when it did. While another thread is at work beside the last
 * one, only when rows wait for it: then it is made here. */
static bool sync_due(struct wr_journal_thread *thread)
{
    if (!is_good(thread) || is_syncing(thread) || !is_due(thread) ||
        !(is_at_rest(thread) || thread->durable || must_hold(thread))) {
        return false;
    }
    sync_some(thread);
    return true;
}

/* How long there is nothing to do, unless somebody opens the gate. */
static int64_t idle_for(const struct wr_journal_thread *thread)
{
    int64_t age = wr_journal_now_ns(thread) - thread->asked_at_ns;
    if (!is_at_rest(thread)) {
        return WR_JOURNAL_SYNC_AGE_NS; /* its end opens the gate */
    }
    if (is_good(thread) && wr_journal_has_aside(thread->journal)) {
        return WR_MAX(WR_JOURNAL_SYNC_LEAST_NS - age, 1001);
    }
    return is_good(thread) && is_unsynced(thread) ? WR_MAX(WR_JOURNAL_SYNC_AGE_NS - age, 1001)
                                                  : 1000000000;
}

/* One group. Returns how long there is nothing to do, in ns; 0 when there may be more. */
int64_t wr_journal_turn(struct wr_journal_thread *thread)
{
    bool worked = take_sync(thread);
    if (worked) {
        wr_journal_publish(thread); /* answers do not wait for the next group to be written */
    }
    size_t n_rows = must_hold(thread) ? 0 : take(thread, false, &worked);
    if (n_rows > 0) {
        commit(thread);
    }
    if (worked) {
        wr_journal_publish(thread);
        tend(thread); /* before the next sync: while one is under way no segment ends */
    }
    if (sync_due(thread)) {
        worked = true;
        if (!is_syncing(thread)) {
            wr_journal_publish(thread);
        }
    }
    if (worked) {
        return wr_ring_is_empty(&thread->in) ? 1000 : 0;
    }
    prune(thread);
    return idle_for(thread);
}

void wr_journal_turn_last(struct wr_journal_thread *thread)
{
    bool worked = true;
    while (!is_at_rest(thread)) {
        if (!take_sync(thread)) {
            thread->port->threads.gate_wait(thread->port->threads.context, &thread->shared.gate,
                                            WR_JOURNAL_SYNC_AGE_NS);
        }
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
    wr_journal_publish(thread);
}

bool wr_journal_turn_here(struct wr_journal_thread *thread)
{
    bool worked = false, was_synced = !is_unsynced(thread);
    if (!is_good(thread) || must_hold(thread) || thread->sync_mean_ns >= SYNC_QUICK_NS) {
        return false;
    }
    size_t n_rows = take(thread, true, &worked);
    if (n_rows > 0) {
        count(&thread->shared.n_here, 1);
        commit(thread);
    }
    if (worked) { /* also when a row could not be taken: the state tells */
        atomic_store(&thread->shared.loop_waits, 0); /* it is here */
        wr_journal_publish(thread);
    }
    bool syncs = is_due(thread) && is_at_rest(thread);
    return wr_ring_is_empty(&thread->in) && !was_synced && !syncs;
}
