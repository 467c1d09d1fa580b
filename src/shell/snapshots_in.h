/* SPDX-License-Identifier: Apache-2.0 */
/* What snapshots.c (when), snapshots_copy.c (the loop's side of one), snapshots_thread.c (its
 * writing side) and snapshots_restore.c share; nobody else includes it. */
#ifndef WR_SNAPSHOTS_IN_H
#define WR_SNAPSHOTS_IN_H

#include "shell/server_in.h"
#include "shell/snapshots.h"

/* Messages in the ring, from the loop to the writing side. */
enum wr_snapshot_message {
    WR_SNAPSHOT_PIECE = 1, /* bytes of the file */
    WR_SNAPSHOT_END = 2    /* struct wr_snapshot_info: all is there */
};

/* ── snapshots.c ────────────────────────────────────────────────────────────────────────────── */
/* Where the server's snapshots are. */
struct wr_snapshot_place wr_snapshots_place(const struct wr_server *server);

/* ── snapshots_thread.c ─────────────────────────────────────────────────────────────────────── */
/* Writes what waits; false when there will be nothing more. */
bool wr_snapshots_write_some(struct wr_snapshots *s);
/* The thread's life; `arg` is the server. */
void wr_snapshots_run(void *arg);

/* ── snapshots_copy.c ───────────────────────────────────────────────────────────────────────── */
/* IDLE to WARMING, without a thread to COPYING. It stays IDLE, and says so in the log, when means
 * cannot be had. */
void wr_snapshots_begin(struct wr_server *server);
/* Whether the ring is the loop's to fill. */
bool wr_snapshots_is_warmed(const struct wr_snapshots *s);
/* Where nothing else has to go on meanwhile. */
void wr_snapshots_await_warm(struct wr_server *server);
/* WARMING to COPYING; to ENDING, given up, on an error. */
void wr_snapshots_begin_copy(struct wr_server *server);
/* COPYING: one step; to ASKING when all is copied, to ENDING when it had to be given up. */
void wr_snapshots_copy(struct wr_server *server);
/* By its last one: of the first, nobody knows how much it is. */
bool wr_snapshots_is_young(const struct wr_snapshots *s);
/* ASKING to ENDING: the last message. False: the ring is full of pieces, and their writer has to
 * make room first. */
bool wr_snapshots_send_last(struct wr_server *server);
/* ENDING to IDLE once the writing side is through; counts what became of it. */
void wr_snapshots_settle(struct wr_server *server);

#endif
