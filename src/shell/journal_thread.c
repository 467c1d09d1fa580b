/* SPDX-License-Identifier: Apache-2.0 */
/* See journal_thread.h: who writes when, and the loop's side. */
#include "shell/journal_thread_in.h"

#define WRITE_LONG_NS 5000000 /* a write that took longer sends the next ones to the thread */
#define AFAR_NS       1000000000
#define OWN_WAIT_NS   1000000 /* until the thread looks again whether the loop has let go */
/* Steps by which the thread gives way to others in mode durable, where each group that it writes is
 * a sync: while the loop and its callers are at work the group grows, and fewer syncs, each of some
 * 50 us of a processor, are made for the same rows. A quarter of the weight of the loop stays. */
#define GIVE_WAY 6

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
    if (thread->durable && threads->give_way != NULL) {
        threads->give_way(threads->context, GIVE_WAY);
    }
    while (atomic_load(&thread->shared.stop) == 0) {
        own_as_thread(thread);
        int64_t idle_ns = wr_journal_turn(thread);
        disown(thread);
        if (idle_ns > 1000) {
            threads->gate_wait(threads->context, &thread->shared.gate, idle_ns);
        }
    }
    own_as_thread(thread);
    wr_journal_turn_last(thread);
}

/* A small group of mode fast is written by the loop itself, when the thread is at rest and the disk
 * is quick: to wake the thread and be woken by it costs more than the write, and its answers leave
 * in the same turn. False when rows, or other messages, are left for the thread. */
static bool write_here(struct wr_journal_thread *thread)
{
    uint64_t waiting = thread->in.size - wr_ring_room(&thread->in);
    int64_t before = wr_journal_now_ns(thread);
    if (thread->durable || waiting > WR_JOURNAL_HERE_BYTES || before < thread->afar_until_ns ||
        !own(thread, OWNER_LOOP)) {
        return false;
    }
    bool done = wr_journal_turn_here(thread);
    disown(thread);
    if (wr_journal_now_ns(thread) - before > WRITE_LONG_NS) {
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
    thread->asked_at_ns = wr_journal_now_ns(thread);
    thread->sync_mean_ns = WR_JOURNAL_SYNC_SHORT_NS;
    atomic_store(&thread->shared.committed, wr_journal_last(journal));
    atomic_store(&thread->shared.synced, wr_journal_last(journal));
    atomic_store(&thread->shared.floor, UINT64_MAX);
    wr_journal_publish(thread);
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
        wr_journal_turn_last(thread);
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
    wr_journal_turn(thread);
    wr_ring_rewind(&thread->in);
}

void wr_journal_thread_stats(const struct wr_journal_thread *thread, struct wr_journal_stats *out)
{
    const struct wr_journal_shared *shared = &thread->shared;
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
