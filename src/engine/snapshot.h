/* SPDX-License-Identifier: Apache-2.0 */
/* The whole state of an engine as pieces (base/piece.h), and from pieces again.
 *
 * A snapshot is begun between two entries and holds the state behind the first of them, however
 * long it takes to copy: each step copies a bounded number of bytes, and what an entry is about to
 * change goes to the snapshot first. Restored, and with the entries since then folded, it is the
 * state that a fold of all entries gives, bit for bit. Decisions never wait for it: a snapshot
 * whose sink has no room for what is about to change is given up, and another one begun later.
 *
 * Holders of state are a table in snapshot.c: the engine itself, the event ids, the features. A new
 * one takes a number in base/piece.h and gets a row there. */
#ifndef WR_SNAPSHOT_H
#define WR_SNAPSHOT_H

#include "base/piece.h"
#include "engine/engine.h"

#define WR_LIMIT_SNAPSHOT_STEP       (128u * 1024)  /* bytes copied between two batches */
#define WR_LIMIT_SNAPSHOT_YOUNG_STEP (1024u * 1024) /* of a state that is small; some 0.1 ms */

enum wr_snapshot_progress { WR_SNAPSHOT_MORE, WR_SNAPSHOT_DONE, WR_SNAPSHOT_FAILED };

/* Begins a snapshot of the state behind entry wr_engine_sequence. `sink` must outlive it. At once
 * goes to it what is small: 16 bytes for each 64 KiB of state, 4 for each 2,048 entities, the
 * numbers. Errors: WR_E_STATE when there is one already, or when the state is not what a fold under
 * the running pack would give (its limit of event ids changed since the start); WR_E_MEMORY, also
 * when the sink has no room. */
WR_NODISCARD wr_err wr_engine_snapshot_begin(struct wr_engine *engine,
                                             const struct wr_piece_sink *sink,
                                             struct wr_error *error);
/* Copies about `budget` bytes, whole spans of 64 KiB. */
enum wr_snapshot_progress wr_engine_snapshot_step(struct wr_engine *engine, size_t budget);
/* Ends it in any case; also done by a change of pack, after which a step says FAILED. */
void wr_engine_snapshot_end(struct wr_engine *engine);

/* Restoring, into an engine just opened with the pack, caps and keys that the state is to go on
 * with: pieces in their order, then the end. After an error the engine can only be closed. Errors:
 * WR_E_STATE naming what does not fit, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_engine_restore(struct wr_engine *engine, const struct wr_piece *piece,
                                      struct wr_error *error);
WR_NODISCARD wr_err wr_engine_restore_end(struct wr_engine *engine, struct wr_error *error);

#endif
