/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the known ids share. Nobody else includes it. */
#ifndef WR_SEEN_IN_H
#define WR_SEEN_IN_H

#include "engine/seen.h"

/* The entry at a place whose chunk is there. */
static inline struct wr_seen_entry *wr_seen_entry_at(const struct wr_seen *seen, uint64_t place)
{
    struct wr_seen_entry *chunk = seen->chunks[place / WR_SEEN_CHUNK % seen->n_chunks];
    return &chunk[place % WR_SEEN_CHUNK];
}

/* A larger table for a part, for `n` ids at least. False (unchanged) when there is no memory. */
bool wr_seen_grow(struct wr_seen *seen, struct wr_seen_part *part, uint64_t n);
/* Adds an id after wr_seen_room; nothing leaves. */
void wr_seen_insert(struct wr_seen *seen, const struct wr_seen_entry *entry);

#endif
