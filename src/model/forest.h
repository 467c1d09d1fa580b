/* SPDX-License-Identifier: Apache-2.0 */
/* Tree ensembles between importer and kernel: one neutral form, checked once, stored in the fastest
 * layout that keeps the result. */
#ifndef WR_FOREST_H
#define WR_FOREST_H

#include "model/graph.h"

/* Nodes in any order (struct wr_walk_node: children by index, `yes` when the comparison holds, a
 * leaf's votes by first and number). Every tree must be a tree: each node reached once. */
struct wr_forest {
    struct wr_walk_node *nodes;
    uint32_t n_nodes;
    const uint32_t *roots;
    uint32_t n_trees;
    const struct wr_walk_vote *votes;
    uint32_t n_votes;
    const double *sets; /* members of MEMBER nodes; see struct wr_walk_node */
    uint32_t n_sets;
    uint32_t targets;
    unsigned aggregate; /* enum wr_aggregate */
    const double *base; /* one a target, or NULL */
    bool base_first;    /* sums start from the base */
};

/* Adds the step: x is [rows, n] or [n]; gives [rows, targets] in the type of x (float or double).
 * Reorders forest->nodes. */
uint32_t wr_forest_add(struct wr_graph *g, struct wr_forest *forest, uint32_t x);

#endif
