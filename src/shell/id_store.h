/* SPDX-License-Identifier: Apache-2.0 */
/* All index files of a journal (id_index.h), and the ids of its newest rows in memory: an event's
 * id, however old, leads to its decision.
 *
 *   rows  first ──────────────────────────────────────────────── synced
 *         [ file ][ file ]   gap   [ file ][     run, in memory      ]
 *
 * What the loop has decided is added to the run; when its segment is closed, or when it is full,
 * the run becomes a file. A gap (rows before the start of the process, a file that was removed or
 * is damaged) is closed by reading the log, the newest first. Files go when their rows have gone.
 *
 * Everything is done in steps of bounded work, for a thread of its own or between two batches.
 * Memory: WR_LIMIT_ID_ENTRIES for the run, and as much while a gap is being closed. One thread at
 * a time; the log that is written to is read here up to what is synced. */
#ifndef WR_ID_STORE_H
#define WR_ID_STORE_H

#include "shell/id_index.h"

struct wr_id_store;

struct wr_id_pair {
    uint64_t hash, sequence;
};

/* cap: entries of a file and of the run, at most WR_LIMIT_ID_ENTRIES. `breath` is the caller's; all
 * work is counted there. NULL without memory. */
struct wr_id_store *wr_id_store_open(const struct wr_port *port, const char *directory,
                                     uint64_t node, const struct wr_hash_key keys[2], uint32_t cap,
                                     struct wr_breath *breath);
void wr_id_store_close(struct wr_id_store *store);

/* The first row that is kept, the last that is synced, and a number that changes when a segment is
 * begun or dropped. */
struct wr_id_bounds {
    uint64_t first, synced, segments;
};
void wr_id_store_set_bounds(struct wr_id_store *store, const struct wr_id_bounds *bounds);

/* All ids of the rows after+1..upto, in order. When they do not follow what was added last, that
 * is dropped, and becomes a gap. */
void wr_id_store_add(struct wr_id_store *store, uint64_t after, uint64_t upto,
                     const struct wr_id_pair *pairs, uint32_t n);

/* The newest row with an id of that hash; UNREADY: a gap has to be closed first, by steps. What
 * cannot be read is as good as absent. */
enum wr_id_answer { WR_ID_IS_ABSENT, WR_ID_IS_FOUND, WR_ID_IS_UNREADY };
enum wr_id_answer wr_id_store_find(struct wr_id_store *store, uint64_t hash, uint64_t *sequence);

/* One piece of work: a file written, or some rows read. False when there is none to do now. */
bool wr_id_store_step(struct wr_id_store *store);

struct wr_id_store_stats {
    uint64_t n_files, n_written, n_rebuilt, n_failed; /* written: of the run; rebuilt: of logs */
};
struct wr_id_store_stats wr_id_store_stats(const struct wr_id_store *store);

#endif
