/* SPDX-License-Identifier: Apache-2.0 */
/* Scalers and imputers in front of a tree ensemble, folded into its thresholds.
 *
 * A column that passes only additions, subtractions, products and quotients with constants, and
 * replacements of NaN, reaches the trees as a monotone function of what came in. A comparison of
 * the function's value is then a comparison of the column itself with another threshold, the first
 * float where the answer changes; it is found by halving the floats, so every row takes the way it
 * took. */
#ifndef WR_FOREST_FOLD_H
#define WR_FOREST_FOLD_H

#include "model/graph.h"

#define WR_LIMIT_FOLD_STEPS 8u

struct wr_fold_step {
    uint8_t op;          /* enum wr_zip_op, or WR_ZIP_OPS: NaN becomes the constant */
    bool constant_first; /* of the two operands */
    uint32_t stride;     /* of the constants: 0 or 1 */
    const float *values;
};

struct wr_fold {
    struct wr_fold_step steps[WR_LIMIT_FOLD_STEPS]; /* the last one first */
    uint32_t n_steps;
};

/* The tensor at the beginning of the chain that makes x, or x itself; what lies between goes into
 * *fold. */
uint32_t wr_fold_find(struct wr_graph *g, uint32_t x, struct wr_fold *fold);

/* Rewrites threshold, mode and missing direction of an inner node. */
void wr_fold_node(const struct wr_fold *fold, struct wr_walk_node *node);

#endif
