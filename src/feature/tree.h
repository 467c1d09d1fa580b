/* SPDX-License-Identifier: Apache-2.0 */
/* Tapes: one chunk while small, a tree of chunks when large.
 *
 *   height 0: ref is a chunk.   height h: ref is a node, its children have height h-1.
 *   node:  n | child 0 | child 1 | ...           children in order of time
 *   child: first(8) ref(4) - | a wr_count per counter lane | a wr_series per series lane
 *
 * A child carries the totals of all records below it, so a walk over time skips whatever lies
 * wholly between two stops, and a change costs one path. The last child of every node on the right
 * edge is always entered by such walks, never skipped: its totals are made when it gets a right
 * neighbour, so that appending touches one chunk. Appending fills chunks and nodes to the
 * brim; records inserted late split them in halves; old chunks are dropped whole at the left.
 * `first` is the tick of the oldest record below. */
#ifndef WR_FEATURE_TREE_H
#define WR_FEATURE_TREE_H

#include "feature/gauge.h"

#define WR_LIMIT_TREE_HEIGHT 16

struct wr_large;

struct wr_tape {
    struct wr_store *store;
    const struct wr_feature_class *class;
    struct wr_record *scratch; /* [WR_CHUNK_RECORDS_MAX + 1] */
    uint32_t ref;              /* WR_STORE_NO_REF: empty */
    uint32_t height;
    uint32_t large_ref;     /* of a tree: what it keeps besides (large.h) */
    struct wr_large *large; /* there; NULL at height 0 */
};

struct wr_node {
    uint16_t n;
    uint8_t bytes[14]; /* children follow, 8-aligned */
};
_Static_assert(sizeof(struct wr_node) == 16, "the header of a node is 16 bytes");

struct wr_child {
    int64_t first;
    uint32_t ref, spare;
};

/* A place between two records: all to the right is newer or already walked over. Step 0 is the
 * root's; child `at` of each node is the one the place lies in. */
struct wr_cursor {
    struct {
        struct wr_node *node;
        uint32_t at;
    } path[WR_LIMIT_TREE_HEIGHT];
    struct wr_chunk *chunk; /* NULL: the tape is empty */
    uint32_t i;             /* records of the chunk left of the place */
};

/* Node size, fanout and child size of a class. */
void wr_tree_shape(struct wr_feature_class *class);

static inline struct wr_child *wr_child_at(const struct wr_feature_class *class,
                                           struct wr_node *node, uint32_t i)
{
    return (struct wr_child *)(void *)((uint8_t *)(node + 1) + (size_t)i * class->child_size);
}
static inline struct wr_count *wr_child_counts(struct wr_child *child)
{
    return (struct wr_count *)(void *)(child + 1);
}
static inline struct wr_series *wr_child_series(const struct wr_feature_class *class,
                                                struct wr_child *child)
{
    return (struct wr_series *)(void *)(wr_child_counts(child) + class->n_counter_lanes);
}

/* The place behind all records with tick <= `tick`. */
void wr_tape_seek(const struct wr_tape *tape, int64_t tick, struct wr_cursor *cursor);
/* The place before the first record with this tick. */
void wr_tape_seek_before(const struct wr_tape *tape, int64_t tick, struct wr_cursor *cursor);
/* Moves right over one record and copies it; false at the end of the tape. */
bool wr_tape_next(const struct wr_tape *tape, struct wr_cursor *cursor, struct wr_record *record);

/* From the end of a chunk to the start of the next; false when there is no record to the right. */
bool wr_cursor_settle(const struct wr_tape *tape, struct wr_cursor *cursor);
/* The chunk a cursor lies in, as a reference. The tape must not be empty. */
uint32_t wr_cursor_chunk(const struct wr_tape *tape, const struct wr_cursor *cursor);

/* Number of records with exactly this tick. O(log n + chunks they fill). */
uint32_t wr_tape_ties(const struct wr_tape *tape, int64_t tick);

/* Inserts behind all records of equal tick. Records up to `horizon` may be dropped on the way.
 * False, with nothing changed, when the store has no room. */
WR_NODISCARD bool wr_tape_insert(struct wr_tape *tape, const struct wr_record *record,
                                 int64_t horizon);

/* Sets or clears bits of the record right of the cursor; false when they were so. */
bool wr_tape_mark(const struct wr_tape *tape, struct wr_cursor *cursor, uint32_t mask, bool set);

/* Gives up the oldest chunk; the tick of its newest record. The tape must not be empty. */
int64_t wr_tape_drop_oldest(struct wr_tape *tape);
int64_t wr_tape_newest(const struct wr_tape *tape);
void wr_tape_free(struct wr_tape *tape);

#endif
