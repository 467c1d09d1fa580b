/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's own thread: rows go in through one ring, fetched rows come out through another.
 *
 * The thread takes whatever waits (at most WR_LIMIT_COMMIT_ROWS rows), makes one transaction of it,
 * commits, and publishes how far rows are kept. Syncs are made by a thread of their own
 * (sync_thread.h), one at a time, but for short ones of mode durable. In mode durable the next
 * begins as soon as the last has ended and rows wait: that is group commit, with a group as large
 * as the disk is slow, and the next group is linked and written while one is synced. In mode fast a
 * sync begins when 50 ms have passed since the last began and rows wait, or 10 ms and 256 KiB of
 * rows, and no answer waits for it; only when rows would be unsynced for 200 ms, of the 250 that
 * are promised, do the next ones wait. A sync of up to 100 ms is waited for by nobody.
 *
 * In mode fast the loop writes small groups itself while the thread is at rest (wr_journal_thread_
 * submit); the journal belongs to one of them at a time.
 *
 * After an error everything that still waits is dropped and `kept` stays where it is. The loop then
 * closes the thread, recovers the journal, folds, and opens a new one. Where the port has no
 * threads, wr_journal_thread_step does the same work inline. */
#ifndef WR_JOURNAL_THREAD_H
#define WR_JOURNAL_THREAD_H

#include "engine/condense.h"
#include "shell/journal.h"

#define WR_JOURNAL_HERE_BYTES  (16u * 1024) /* of rows that the loop writes itself */
#define WR_LIMIT_COMMIT_ROWS   1000
#define WR_JOURNAL_RING        (16u * 1024 * 1024)
#define WR_JOURNAL_RING_INLINE (8u * 1024 * 1024) /* without a thread: emptied at every step */
/* Less, and no decision is taken for now. A whole batch of rows fits, so that the loop never waits
 * for the disk while others ask what needs none. */
#define WR_JOURNAL_ROOM_MIN      (1024u * 1024)
#define WR_JOURNAL_REPLY_RING    (16u * 1024 * 1024) /* holds a row of WR_LIMIT_RECORD_SIZE */
#define WR_LIMIT_FETCHES         65536               /* rows asked for and not taken yet */
#define WR_JOURNAL_SYNC_AGE_NS   50000000
#define WR_JOURNAL_SYNC_BYTES    (256u * 1024)
#define WR_JOURNAL_SYNC_LEAST_NS 10000000
/* In mode fast a segment ends when no more bytes of it than that are not synced, or when it has
 * grown so far beyond its size. */
#define WR_JOURNAL_END_UNSYNCED (64u * 1024)
#define WR_JOURNAL_EXCESS       (8u * 1024 * 1024)
/* In mode durable syncs that take less than this, on average, are made by the journal's thread: to
 * hand them over, and the smaller groups that follow from it, would cost more than is won. */
#define WR_JOURNAL_SYNC_SHORT_NS 1000000

struct wr_journal_thread;

/* Starts the thread; until it is closed the journal is its own. Errors: WR_E_MEMORY, WR_E_STATE. */
WR_NODISCARD wr_err wr_journal_thread_open(const struct wr_port *port, struct wr_journal *journal,
                                           bool durable, struct wr_journal_thread **out,
                                           struct wr_error *error);
/* Finishes what waits, syncs, and ends the thread. */
void wr_journal_thread_close(struct wr_journal_thread *thread);

/* ── the loop's side ────────────────────────────────────────────────────────────────────────── */
/* Bytes that certainly fit. */
uint64_t wr_journal_thread_room(struct wr_journal_thread *thread);
/* Copies a row in as it is to be kept: plain, or condensed by the table of phrases that was told
 * last, or, before any was told, by wr_journal_phrases at the opening. False when there is no room
 * now. */
bool wr_journal_thread_append(struct wr_journal_thread *thread, uint64_t sequence,
                              struct wr_str payload);
/* Rows that are appended from now on are cut by this table, which is copied: the rows before are
 * committed, and wr_journal_use_phrases follows. False when there is no room now. */
bool wr_journal_thread_use_phrases(struct wr_journal_thread *thread, struct wr_str table);
/* Asks for a row; the reply carries the ticket. False when there is no room now, or when
 * WR_LIMIT_FETCHES replies have not been taken. */
bool wr_journal_thread_fetch(struct wr_journal_thread *thread, uint64_t sequence, uint64_t ticket);
uint32_t wr_journal_thread_n_fetches(const struct wr_journal_thread *thread);
/* Hands over what was appended and asked since the last call. */
void wr_journal_thread_submit(struct wr_journal_thread *thread);

/* Rows up to this sequence are kept as the mode promises: their answers may leave. */
uint64_t wr_journal_thread_kept(const struct wr_journal_thread *thread);
/* The greatest sequence that survives a loss of power. */
uint64_t wr_journal_thread_synced(const struct wr_journal_thread *thread);
/* What the last syncs took, on average; 0 before the first. */
int64_t wr_journal_thread_sync_ns(const struct wr_journal_thread *thread);
/* Rows behind this one are in no snapshot (wr_journal_set_floor). */
void wr_journal_thread_set_floor(struct wr_journal_thread *thread, uint64_t sequence);
enum wr_journal_state wr_journal_thread_state(const struct wr_journal_thread *thread);

struct wr_journal_reply {
    uint64_t ticket, sequence;
    bool found;
    bool busy;             /* there was no room for the row: ask again */
    struct wr_str payload; /* until wr_journal_thread_release */
    struct wr_row_place place;
};
bool wr_journal_thread_reply(struct wr_journal_thread *thread, struct wr_journal_reply *reply);
void wr_journal_thread_release(struct wr_journal_thread *thread);

/* Says that the loop is about to wait: the next progress wakes it. False when there is progress
 * since `kept` that it has not seen, or a reply: then it must not wait. */
bool wr_journal_thread_will_wait(struct wr_journal_thread *thread, uint64_t kept_seen);
/* Without threads: does what the thread would do now. */
void wr_journal_thread_step(struct wr_journal_thread *thread);

struct wr_journal_stats {
    uint64_t n_commits, n_syncs, n_segments;
    uint64_t n_here;             /* of the commits, those that the loop made itself */
    uint64_t n_dropped;          /* segments, by retention */
    uint64_t first;              /* sequence of the first row that is there */
    uint64_t commit_ns, sync_ns; /* sums */
    uint64_t sync_ns_max;
    uint64_t committed, synced; /* sequences */
    uint64_t log_size;          /* bytes of the live segment */
};
void wr_journal_thread_stats(const struct wr_journal_thread *thread, struct wr_journal_stats *out);

#endif
