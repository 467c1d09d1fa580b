/* SPDX-License-Identifier: Apache-2.0 */
/* What journal_thread.c (who writes, the loop's side) and journal_turn.c (what the writer does)
 * share; nobody else includes it. Shared between the two threads: the rings, the atomics of
 * `shared`, the gate. All else belongs to the side named; the owner is whichever of them writes. */
#ifndef WR_JOURNAL_THREAD_IN_H
#define WR_JOURNAL_THREAD_IN_H

#include "shell/journal_thread.h"

#include "shell/ring.h"
#include "shell/sync_thread.h"

#include <stdatomic.h>

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

struct wr_journal_shared {
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
    int64_t pruned_at_ns, dropped_at_ns;
    int64_t aside_at_ns; /* owner: work beside a sync began last */
    int64_t asked_at_ns; /* owner: the last sync began, with so many bytes in the log */
    uint64_t asked_size;
    /* owner: when the first row was committed that the sync under way will keep, and the first
     * that it will not; 0: there is none */
    int64_t covered_ns, fresh_ns;
    int64_t sync_mean_ns;         /* owner: of the last some syncs */
    struct wr_sync_thread *syncs; /* with threads; else NULL */
    struct wr_journal_shared shared;
    struct wr_ring in, out;
};

static inline int64_t wr_journal_now_ns(const struct wr_journal_thread *thread)
{
    return thread->port->clock.mono_ns(thread->port->clock.context);
}

/* Tells the loop how far rows are kept, and wakes it when it waits for that. */
void wr_journal_publish(struct wr_journal_thread *thread);
/* One group, and what is due beside it. Returns how long there is nothing to do, in ns; 0 when
 * there may be more. */
int64_t wr_journal_turn(struct wr_journal_thread *thread);
/* Rows alone, by the loop, if the disk is quick. False when something is left for the thread. */
bool wr_journal_turn_here(struct wr_journal_thread *thread);
/* All that waits, and a sync. */
void wr_journal_turn_last(struct wr_journal_thread *thread);

#endif
