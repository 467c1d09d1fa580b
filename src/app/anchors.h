/* SPDX-License-Identifier: Apache-2.0 */
/* Anchors of decided events by event id, for a batch reader that has no journal to ask.
 *
 * Bounded: it remembers the last WR_LIMIT_ANCHORS events; a label for an older one has no effect,
 * as for an id that a journal no longer holds. */
#ifndef WR_ANCHORS_H
#define WR_ANCHORS_H

#include "base/bytes.h"

#define WR_LIMIT_ANCHORS (1u << 21)

struct wr_anchor_entry {
    char *bytes; /* id, then anchor */
    uint32_t id_n, anchor_n, next;
};

struct wr_anchors {
    struct wr_anchor_entry *entries; /* a ring */
    uint32_t *heads;                 /* by hash of the id: index + 1 of the newest entry */
    uint64_t n;                      /* put so far */
};

/* Copies both. False when there is no memory. */
bool wr_anchors_put(struct wr_anchors *anchors, struct wr_str id, struct wr_str anchor);
/* The anchor of the newest event with that id, or an empty view. */
struct wr_str wr_anchors_find(const struct wr_anchors *anchors, struct wr_str id);
void wr_anchors_close(struct wr_anchors *anchors);

#endif
