/* SPDX-License-Identifier: Apache-2.0 */
/* A forest laid out anew for one row at a time with AVX-512.
 *
 * The last four levels of a tree are blocks of fifteen nodes, whose keys fill a line of the cache.
 * All of a block are compared at once, each with its own column's key, which a permutation takes
 * from registers that hold the whole row; the answers say which of the sixteen ways out the row
 * takes. The levels above are compared for sixteen trees at once, a lane each. So a tree is walked
 * in some twenty instructions, and three lines of memory are all that a row's way decides.
 *
 * What does not fit (more than 64 columns, trees deeper than 8, too much memory) goes the scalar
 * way. The bits are the same: the same comparisons, and leaves are added in the order of the trees.
 */
#ifndef WR_KERNEL_BLOCK_H
#define WR_KERNEL_BLOCK_H

#include "base/arena.h"
#include "model/kernel_wide.h"

#define WR_BLOCK_NODES        16u /* of a block, the last being none; its ways out */
#define WR_BLOCK_DEPTH        4u
#define WR_BLOCK_COLUMNS      64u
#define WR_LIMIT_MODEL_BLOCKS ((size_t)16 << 20) /* bytes of all blocks of a model */

/* Sixteen trees of one depth. */
struct wr_block_group {
    uint32_t top;   /* levels above the blocks, at most 4: each tree has 1 << top blocks */
    uint32_t upper; /* the first line of the levels above: a line is one node of sixteen trees */
    uint32_t lower; /* the first block */
};

/* Arrays of WR_BLOCK_NODES a line or block. A row goes right where its key is not below the node's.
 */
struct wr_blocks {
    const int32_t *upper_keys, *keys;
    const uint8_t *upper_columns, *columns; /* bit 5: NaN is above all (up to 32 columns) */
    const int32_t *leaves;                  /* keys of leaf nodes by way out */
    const struct wr_block_group *groups;
    size_t size; /* bytes of all of these */
};

/* Bytes of the blocks of an opened kernel. */
size_t wr_blocks_size(const struct wr_kernel *k);

/* Makes blocks of what forests of an opened kernel can have them, up to `most` bytes in all: many
 * steps may share the nodes of one forest. The kernel keeps them. Where the level is not AVX-512
 * nothing is done. Errors: WR_E_MEMORY. */
WR_NODISCARD wr_err wr_blocks_make(struct wr_kernel *k, struct wr_arena *arena, size_t most);

/* TREES for s->rows rows of a step that has blocks. */
void wr_block_trees(const struct wr_step *s);

#endif
