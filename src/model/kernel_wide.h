/* SPDX-License-Identifier: Apache-2.0 */
/* The wide twins (AVX2, AVX-512): many rows of a batch through a tree at once, many columns of a
 * product; and what chooses them.
 *
 * Eight or sixteen rows lie in a vector, one a lane. A tree's upper levels are put into registers
 * (six levels, or four with AVX2), where a permutation finds the node of each lane; only the keys
 * of the rows, and nodes further down, are gathered from memory. Trees follow one another in order,
 * so that each row's sum is the sum of the scalar walk. */
#ifndef WR_KERNEL_WIDE_H
#define WR_KERNEL_WIDE_H

#include "model/kernel.h"

#define WR_WIDE_ROWS     256u /* of a batch: they pay for setting up each tree's registers */
#define WR_WIDE_ROWS_MIN 32u  /* below, rows go one by one */
#define WR_WIDE_LANES    16u  /* rows whose keys lie together, for both widths */
#define WR_WIDE_TABLE    64u  /* nodes of the upper levels: see struct wr_wide_tree */

#define WR_LIMIT_KERNEL_BATCH ((size_t)4 << 20) /* bytes of scratch memory beyond one row's */

#if defined(__x86_64__) && defined(__GNUC__)
#define WR_WIDE 1
#else
#define WR_WIDE 0
#endif

/* Upper levels of one tree. Levels 0 to 3 lie as a heap in elements 0 to 14, level 4 in 16 to 31,
 * level 5 in 32 to 63; the children of a leaf are the leaf. */
struct wr_wide_tree {
    _Alignas(64) int32_t keys[WR_WIDE_TABLE];
    _Alignas(64) int32_t slots[WR_WIDE_TABLE]; /* feature * 16: where the lanes' keys lie */
    _Alignas(64) int32_t left[WR_WIDE_TABLE];  /* number of the left child */
    uint32_t levels;                           /* set up, at most 6 */
};

/* Is there a twin of this level for the step? */
bool wr_wide_takes(const struct wr_step *s, uint32_t kind);
/* Bytes that the keys of a batch take. */
size_t wr_wide_room(const struct wr_step *s);
/* TREES for s->rows rows. */
void wr_wide_trees(const struct wr_step *s);

/* The keys of one group: n columns of `rows` rows (1 to 16) that lie `stride` floats apart; lanes
 * without a row repeat the last one. */
typedef void wr_wide_keys(const float *x, size_t stride, uint32_t n, uint32_t rows, int32_t *keys);
/* One tree for all groups of 16 rows. Adds the leaves' values to `sums`, or, when that is NULL,
 * writes their numbers to `ends`. */
struct wr_wide_batch {
    const int32_t *keys;
    size_t group; /* keys of a group */
    uint32_t n_groups;
    float *sums;
    int32_t *ends;
};
typedef void wr_wide_walk(const struct wr_wide_tree *top, const struct wr_tree_node *nodes,
                          uint32_t depth, const struct wr_wide_batch *batch);
wr_wide_keys wr_wide_keys_avx2, wr_wide_keys_avx512;
wr_wide_walk wr_wide_walk_avx2, wr_wide_walk_avx512;

/* One row of a product: out[j] = sum of a[i * step] * b[i * stride + j] over i in order. */
typedef void wr_wide_row(const float *a, size_t step, const float *b, size_t stride, uint32_t k,
                         uint32_t n, float *out);
wr_wide_row wr_wide_row_avx2, wr_wide_row_avx512;

/* kernel_tree.c: the scalar walk's parts. */
struct wr_forest_view {
    const struct wr_tree_node *nodes;
    const struct wr_tree_root *roots;
    const float *table, *base;
    uint32_t targets, n_trees;
    unsigned aggregate;
    bool voting, base_first;
};
struct wr_forest_view wr_forest_view_of(const struct wr_step *s);
float wr_forest_start(const struct wr_forest_view *f, uint32_t target);
float wr_forest_finish(const struct wr_forest_view *f, uint32_t target, float sum);
void wr_forest_collect(const struct wr_forest_view *f, uint32_t first, uint32_t n,
                       const int32_t *leaves, float *sums);
int32_t wr_tree_key(float x);

#endif
