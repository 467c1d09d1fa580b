/* SPDX-License-Identifier: Apache-2.0 */
/* Space on the disk that is kept for the end: <state>/reserve, without content.
 *
 * On a full disk a service that ends has to seal its journal (64 bytes) and wants to save its
 * state, so that the next start need not read the journal: then the reserve is given up, and what
 * needs space has it. It is made again at the next start and, when it is missing, after a snapshot.
 * A start on a full disk, as after a kill there, gives it up too, and makes the least of it again:
 * the rest is for rows. A disk that has not WR_RESERVE_SIZE to give gives a quarter of it, or a
 * sixteenth, until behind a snapshot there is room for it and as much again: a reserve that grows
 * into the last room would make the journal full. Where files cannot be given space ahead there is
 * none. Whoever else writes to the same disk may be quicker.
 */
#ifndef WR_RESERVE_H
#define WR_RESERVE_H

#include "port/port.h"

#define WR_RESERVE_SIZE  (16u * 1024 * 1024)
#define WR_RESERVE_LEAST (1u * 1024 * 1024)

/* Makes it, or makes sure that it is there, of WR_RESERVE_LEAST bytes or four or sixteen times as
 * many, and no more than `most`; returns its bytes. Not on the loop: it may take a while. A smaller
 * one is let go for the larger one's sake: not beside a disk that fills up. */
uint64_t wr_reserve_keep(const struct wr_port *port, const char *directory, uint64_t most);
/* May a smaller one grow to WR_RESERVE_SIZE, and leave room for rows? As far as the file system
 * tells: it knows of no quota. */
bool wr_reserve_may_grow(const struct wr_port *port, const char *directory);
bool wr_reserve_is_there(const struct wr_port *port, const char *directory);
/* False: there was none. */
bool wr_reserve_give(const struct wr_port *port, const char *directory);

#endif
