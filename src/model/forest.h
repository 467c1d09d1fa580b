/* SPDX-License-Identifier: Apache-2.0 */
/* Tree ensembles between importer and kernel: one neutral form, checked once, stored in the fastest
 * layout that keeps the result. */
#ifndef WR_FOREST_H
#define WR_FOREST_H

#include "model/graph.h"

/* One tree as an importer hands it over: nodes in any order (struct wr_walk_node: children by
 * index, `yes` when the comparison holds, a leaf's votes by first and number). */
struct wr_forest_tree {
    const struct wr_walk_node *nodes;
    uint32_t n_nodes, root;
    const struct wr_walk_vote *votes;
    uint32_t n_votes;
};

/* All trees at once: nodes, roots and votes; or one by one: `tree` is called for 0 .. n_trees - 1
 * in order, and again from 0, and what it gives is valid until its next call. Every tree must be a
 * tree: each node reached once. */
struct wr_forest {
    struct wr_walk_node *nodes;
    uint32_t n_nodes;
    const uint32_t *roots;
    uint32_t n_trees;
    const struct wr_walk_vote *votes;
    uint32_t n_votes;
    bool (*tree)(void *context, uint32_t t, struct wr_forest_tree *out);
    void *context;
    const double *sets; /* members of MEMBER nodes; see struct wr_walk_node */
    uint32_t n_sets;
    uint32_t targets;
    unsigned aggregate; /* enum wr_aggregate */
    const double *base; /* one a target, or NULL */
    bool base_first;    /* sums start from the base */
    /* How much of the training data came to each node (as `nodes`), or NULL if the source does not
     * say: explanations need it. */
    const float *covers;
};

/* What an explanation needs of a forest that was added. */
struct wr_forest_kept {
    uint32_t out, x;                  /* tensors */
    uint32_t n, rows;                 /* of x */
    const struct wr_walk_node *nodes; /* by tree in breadth order, children by index */
    const uint32_t *roots;            /* [n_trees + 1], with an end */
    float *covers;                    /* a node each; NULL: to be counted */
    struct wr_forest forest;          /* votes, sets, base, counts; its nodes and roots are stale */
};

/* Adds the step: x is [rows, n] or [n]; gives [rows, targets] in the type of x (float or
 * double). */
uint32_t wr_forest_add(struct wr_graph *g, struct wr_forest *forest, uint32_t x);

/* Joins single trees whose numbers are added up, with all that is done to each number, into one
 * ensemble (forest_join.c). For a whole graph; scores keep their bits. */
void wr_forest_join(struct wr_graph *g);

#endif
