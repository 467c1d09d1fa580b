/* SPDX-License-Identifier: Apache-2.0 */
/* What a large tape keeps besides its tree, so that a read costs the same however long it is.
 *
 * A *mark* stands at each age at which some window starts or ends: behind all records with
 * tick <= now - age. It carries the totals of every lane over the records left of it, counted from
 * an arbitrary start, modulo 2^64 and 2^128: a window is its end's totals minus its start's. The
 * head stands behind all records. As time goes on marks move right, over what enters and leaves
 * windows. What sums cannot tell (least, greatest, first, last) is an *extreme*: known until its
 * record leaves, then found again in the tree.
 *
 * Sets are kept as tallies of the values in each window, changed by what enters and leaves it.
 *
 *   piece:  header | head | mark 0 | mark 1 | ... | extremes | tallies
 *   head, mark:  wr_mark | n per counter lane (8) | wr_total per series lane
 *                | sum of squares (16) per series lane that some feature needs them of
 *   extreme:     a value (8), WR_EXTREME_UNKNOWN when it is to be found again
 *
 * Marks and extremes are a cache: they can be forgotten and are made again by one walk. Reads that
 * look back (late events, peeks) walk the tree and leave the marks alone. Tallies are no cache:
 * once one has overflowed it stays so until its window is empty, and its values are then read by a
 * walk. So where a class has any, every update moves the marks, whether it reads or not. The piece
 * is taken when the tape becomes a tree, not at the first read, so that memory does not depend on
 * who reads. */
#ifndef WR_FEATURE_LARGE_H
#define WR_FEATURE_LARGE_H

#include "feature/walk.h"

struct wr_large {
    uint32_t root; /* of the tree */
    uint32_t last; /* its newest chunk */
    uint8_t height;
    bool valid;
    uint8_t spare[6];
    int64_t tick;         /* where the marks stand, when valid */
    int64_t newest;       /* greatest tick on the tape, or greater */
    int64_t dropped_next; /* tick of the newest record of the oldest chunk when last looked at: up
                             to there no horizon drops a chunk. Only saves looking */
};

struct wr_mark {
    int64_t next;   /* tick of the record right of it; INT64_MAX: none */
    uint32_t chunk; /* where it stands; 0: look it up by its tick */
    uint16_t i, at; /* records left of it in the chunk, and their bytes */
};

struct wr_total {
    uint64_t n;
    wr_u128_in_8 sum;
};

/* Of counter lanes a tick, else a number; neither is ever this. */
#define WR_EXTREME_UNKNOWN INT64_MIN

/* Sets class->large_size; false when it would need more than the largest piece. */
bool wr_large_shape(struct wr_feature_class *class);

void wr_large_init(const struct wr_feature_class *class, struct wr_large *large);
/* Gives back what it holds besides its own piece. */
void wr_large_deinit(const struct wr_tape *tape);

/* A record was put on the tape (enters) or is about to change or go from it; `appended` when it
 * comes behind all others. */
void wr_large_change(const struct wr_tape *tape, const struct wr_record *record, bool enters,
                     bool appended);

/* Moves the marks up to an event that will be put on the tape; false when it lies before them. */
bool wr_large_move(struct wr_walk *walk, const struct wr_tape *tape, int64_t tick);

/* Makes void marks as of the newest record, and finds the extremes, as the next read would. Not
 * where there are tallies: those are no cache and must not depend on who reads. */
void wr_large_catch_up(struct wr_walk *walk, const struct wr_tape *tape);

/* Records up to the horizon are about to be dropped: marks that are not behind them are void. */
static inline void wr_large_keep(const struct wr_feature_class *class, struct wr_large *large,
                                 int64_t horizon)
{
    large->valid = large->valid && horizon <= large->tick - class->retention;
}

/* Records of this chunk moved, or it is gone. */
void wr_large_moved(const struct wr_feature_class *class, struct wr_large *large, uint32_t chunk);

/* A tree that was read from an image and whose marks are valid: finds their places again, which are
 * not believed, and compares the tallies with the records of their windows; false when they are of
 * other records. */
bool wr_large_restore(const struct wr_tape *tape);

/* Brings the records that an event at this tick moves the marks over towards the cache. */
void wr_large_prefetch(const struct wr_feature_class *class, const struct wr_store *store,
                       const struct wr_large *large, int64_t tick);

/* As wr_walk_tape, when the event is no older than the tape's records and the marks: else false. */
WR_NODISCARD bool wr_large_read(struct wr_walk *walk, const struct wr_tape *tape,
                                const struct wr_record *self, const struct wr_walk_bounds *bounds,
                                struct wr_feature_value *values);

#endif
