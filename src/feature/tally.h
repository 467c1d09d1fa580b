/* SPDX-License-Identifier: Apache-2.0 */
/* How often each value of a column occurs in one window of a large tape: exact, up to
 * WR_LIMIT_SET_EXACT different values. Open addressing in pieces of the store: one part that
 * doubles, then eight, so that no growth moves more than 24 KiB. */
#ifndef WR_FEATURE_TALLY_H
#define WR_FEATURE_TALLY_H

#include "feature/store.h"

enum { WR_TALLY_PARTS = 8 };

struct wr_tally {
    uint32_t parts[WR_TALLY_PARTS]; /* pieces; the first n_parts are in use */
    uint32_t n;                     /* different values */
    uint8_t n_parts;                /* 0, 1 or 8 */
    bool overflow;                  /* too many, or no room: it counts nothing any more */
    uint8_t spare[2];
};

/* Counts one more of this value (not 0); one that does not fit makes it overflow. */
void wr_tally_add(struct wr_store *store, struct wr_tally *tally, uint64_t value);
/* One less; it must have been counted. */
void wr_tally_remove(struct wr_store *store, struct wr_tally *tally, uint64_t value);
uint32_t wr_tally_count(const struct wr_store *store, const struct wr_tally *tally, uint64_t value);
/* Calls `each` with every value and its count, in no order. */
void wr_tally_each(const struct wr_store *store, const struct wr_tally *tally,
                   void (*each)(void *context, uint64_t value, uint32_t n), void *context);
/* Are its parts, which may hold anything, a table that counts and probes can end in? */
bool wr_tally_is_sound(const struct wr_store *store, const struct wr_tally *tally);
/* Empties it and gives its pieces back. */
void wr_tally_clear(struct wr_store *store, struct wr_tally *tally);

#endif
