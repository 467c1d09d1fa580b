/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the decision of an event id that is remembered no longer, by the journal's index files
 * (id_store.h), on a thread that gives way to all others. The loop tells what it decides, a few
 * hundred ids at a time, and asks; answers come through a ring. The thread begins with the first
 * thing told or asked. Where there are no threads, wr_id_finder_step does its work in pieces. */
#ifndef WR_ID_FINDER_H
#define WR_ID_FINDER_H

#include "shell/id_store.h"

#define WR_LIMIT_ID_TELL 512   /* ids told at once */
#define WR_LIMIT_ID_ASKS 16384 /* ids asked for and not answered */

struct wr_id_finder;

/* `last` is the row behind which everything will be told. NULL without memory. */
struct wr_id_finder *wr_id_finder_open(const struct wr_port *port, const char *directory,
                                       uint64_t node, const struct wr_hash_key keys[2],
                                       uint64_t last);
void wr_id_finder_close(struct wr_id_finder *finder);

/* All ids of the rows behind those told before, up to `upto`; at most WR_LIMIT_ID_TELL. False when
 * there is no room now. */
bool wr_id_finder_tell(struct wr_id_finder *finder, const struct wr_id_bounds *bounds,
                       uint64_t upto, const struct wr_id_pair *pairs, uint32_t n);
/* The rows up to this one will not be told: they are read from the journal. */
void wr_id_finder_skip(struct wr_id_finder *finder, uint64_t upto);
/* False when too many are asked for already. */
bool wr_id_finder_ask(struct wr_id_finder *finder, uint64_t hash, uint64_t ticket);

struct wr_id_found_row {
    uint64_t ticket, sequence; /* 0: there is none */
};
bool wr_id_finder_answer(struct wr_id_finder *finder, struct wr_id_found_row *answer);
/* The last row told, or skipped; 0 before the first telling. */
uint64_t wr_id_finder_told(const struct wr_id_finder *finder);
const struct wr_id_bounds *wr_id_finder_bounds(const struct wr_id_finder *finder); /* as told */
uint64_t wr_id_finder_n_asked(const struct wr_id_finder *finder); /* and not answered */
/* True when wr_id_finder_step has something to do for somebody who waits. */
bool wr_id_finder_waits(const struct wr_id_finder *finder);
void wr_id_finder_step(struct wr_id_finder *finder);

#endif
