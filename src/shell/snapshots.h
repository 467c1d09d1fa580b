/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of a running server: when they are made, by whom, and what a start makes of them.
 *
 *   due ─▶ WARMING   the thread touches the ring's memory: a page that was never touched costs the
 *            │       loop too much
 *            ▼
 *          COPYING   the loop copies WR_LIMIT_SNAPSHOT_STEP bytes between two batches, and what
 *            │       an event is about to change, into a ring; a thread writes the file behind it
 *            ▼
 *          ASKING    all is copied: once the journal's row is synced, its link is asked for
 *            ▼
 *          ENDING    the thread writes the tail, syncs, renames, removes older ones
 *
 * While the last one was no larger than WR_SNAPSHOT_YOUNG, one turn of the loop goes from due to
 * ASKING with steps of WR_LIMIT_SNAPSHOT_YOUNG_STEP: what is decided meanwhile is folded after a
 * kill. WARMING is passed by when the ring was touched for an earlier one.
 *
 * A ring that is full when something must be saved, a change of pack or a failure of the journal
 * ends a snapshot; another one is begun later. Of one that is given up nothing is wanted any more:
 * it stays in ENDING until its thread has seen that, and the loop goes on meanwhile. Where there
 * are no threads the loop writes what it has copied after each batch. The ring is kept from one
 * snapshot to the next. */
#ifndef WR_SNAPSHOTS_H
#define WR_SNAPSHOTS_H

#include "shell/ring.h"
#include "shell/snapshot_file.h"

#include <stdatomic.h>

#define WR_SNAPSHOT_RING_MAX (32u * 1024 * 1024)
#define WR_SNAPSHOT_RING_MIN (1u * 1024 * 1024)
/* Entries between two snapshots: one for so many bytes of the last one; of its first part fewer, so
 * that a young node that is killed starts as quickly as one that ended well. */
#define WR_SNAPSHOT_ROWS_MIN  200u
#define WR_SNAPSHOT_YOUNG     (2u * 1024 * 1024)
#define WR_SNAPSHOT_YOUNG_ROW 4096u
#define WR_SNAPSHOT_ROW_BYTES 128u
#define WR_SNAPSHOT_PACE_NS   1000000 /* between two steps when there is nothing else to do */
#define WR_SNAPSHOT_RETRY_NS  30000000000
/* So long after a start what it folded does not count: the first answers need not share the machine
 * with a snapshot of it. */
#define WR_SNAPSHOT_REST_NS 200000000
#define WR_SNAPSHOT_TICKET  UINT64_MAX /* of the row whose link is asked for */

struct wr_journal_identity;
struct wr_server;

enum wr_snapshot_stage {
    WR_SNAPSHOT_IDLE,
    WR_SNAPSHOT_WARMING,
    WR_SNAPSHOT_COPYING,
    WR_SNAPSHOT_ASKING,
    WR_SNAPSHOT_ENDING
};
enum wr_snapshot_outcome { WR_SNAPSHOT_PENDING, WR_SNAPSHOT_WRITTEN, WR_SNAPSHOT_LOST };

struct wr_snapshots_stats {
    uint64_t n_made, n_failed, n_given_up; /* failed: the disk; given up: the ring, a new pack */
    uint64_t sequence, n_bytes, took_ns;   /* of the newest that is there */
    int64_t begun_us;
    uint64_t restored; /* sequence that the last start or recovery began from; 0 = none */
};

struct wr_snapshots {
    enum wr_snapshot_stage stage;
    bool asked;          /* the link */
    struct wr_ring ring; /* open between snapshots too, but empty; no bytes before the first */
    bool ring_is_warm;   /* the thread's until `warmed` */
    atomic_uint warmed;  /* 1: the ring is the loop's to fill */
    struct wr_gate gate;
    struct wr_piece_sink sink;
    struct wr_snapshot_writer writer; /* the thread's while it runs */
    struct wr_snapshot_info info;
    atomic_uint dropped;          /* 1: given up, and nothing of it is wanted */
    atomic_uint outcome;          /* enum wr_snapshot_outcome, set by the writing side */
    enum wr_io io;                /* why it was lost */
    atomic_uint reserve_is_small; /* 1: it may grow; the writing side's, behind the start */
    uintptr_t thread;
    bool has_thread;
    bool is_last;                        /* the service ends with it */
    uint64_t before;                     /* sequence of the one before the newest; 0 = none */
    int64_t begun_ns, retry_ns, rest_ns; /* the last: until when `folded` counts */
    uint64_t folded;                     /* sequence that the last start or recovery folded up to */
    struct wr_snapshots_stats stats;
};

/* Restores server->engine, just opened, from the newest snapshot that fits pack and journal; says
 * once for each one that does not why. False: none fitted, and the engine is as good as new (opened
 * again by `open` if need be; an error then is fatal). */
WR_NODISCARD wr_err wr_snapshots_restore(struct wr_server *server,
                                         wr_err (*open)(struct wr_server *server,
                                                        struct wr_error *error),
                                         bool *restored, struct wr_error *error);
/* Rows behind this one are in no snapshot that can be relied on. */
uint64_t wr_snapshots_floor(const struct wr_server *server);
/* Once a turn of the loop: begins, copies, ends. */
void wr_snapshots_step(struct wr_server *server);
/* True when the loop should not wait for the network: there is something to copy. */
bool wr_snapshots_busy(const struct wr_server *server);
/* The row that was asked for. */
void wr_snapshots_take_row(struct wr_server *server, const struct wr_row_place *place, bool found);
/* The row of the newest snapshot of this journal, when that says where it lies; as wr_journal_open
 * asks for it, with the files of a server for context. */
struct wr_snapshot_files {
    const struct wr_port *port;
    const char *directory;
};
bool wr_snapshots_start(void *files, const struct wr_journal_identity *identity,
                        struct wr_row_place *out);
/* Gives up the one under way; before the engine or the journal's thread is closed. */
void wr_snapshots_stop(struct wr_server *server);
/* Gives the memory back; nothing is under way any more. */
void wr_snapshots_close(struct wr_server *server);
/* The journal's thread is closed and all is kept: writes the state as it is now, if that is not
 * there already. On a full disk the reserve is given up for it, then the older snapshot. */
void wr_snapshots_last(struct wr_server *server);

#endif
