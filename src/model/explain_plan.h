/* SPDX-License-Identifier: Apache-2.0 */
/* How the answers of a graph can be explained, found out from its steps alone; the compiler's part
 * of explanations (explain.h has the part that runs). */
#ifndef WR_EXPLAIN_PLAN_H
#define WR_EXPLAIN_PLAN_H

#include "model/explain.h"
#include "model/forest.h"
#include "model/graph.h"

/* Where the number before the link stands: answer's margin = scale * element + shift. */
struct wr_explain_spot {
    uint32_t tensor, element; /* a root tensor */
    double scale, shift;
    const char *unit; /* "log-odds", "log", "score" */
};

/* What an element depends on. */
enum { WR_ON_NOTHING = -1, WR_ON_MANY = -2, WR_ON_SUM = -3 }; /* else: on this one column */

struct wr_explain_plan {
    enum wr_explain_method method;
    const char *why;  /* why not, or why not better */
    const char *unit; /* of the margin, by the last class */
    uint32_t n_classes;
    struct {
        uint32_t output;
        struct wr_explain_spot spot;
    } classes[WR_LIMIT_EXPLAIN_CLASSES];
    struct wr_forest_kept *forest;   /* TREES */
    const int32_t *columns;          /* TREES: by element of its x */
    uint32_t n_nodes, depth, blocks; /* TREES: inner nodes; of the greatest tree */
};

/* Decides. Takes memory from the graph's arena; fails only for want of it. */
void wr_explain_plan(struct wr_graph *g, const struct wr_model_options *options,
                     struct wr_explain_plan *plan);

/* The lattice (explain_depends.c): by root tensor what each element depends on; NULL for constants
 * and for tensors too large to look at (those depend on many). */
const int32_t *const *wr_explain_depends(struct wr_graph *g);

/* Counts nodes, depth and blocks of plan->forest; false when a tree is beyond the limits. */
bool wr_explain_measure(struct wr_graph *g, struct wr_explain_plan *plan);

/* The program without its section, and where the compiler put things. */
struct wr_explain_site {
    const uint8_t *program;
    const bool *live;      /* by step */
    const uint32_t *place; /* by root tensor */
};
/* Makes the section that is to lie at offset `at`; empty when the plan has no method. Errors stick
 * in the graph. */
struct wr_str wr_explain_build(struct wr_graph *g, const struct wr_model_options *options,
                               struct wr_explain_plan *plan, const struct wr_explain_site *site,
                               uint32_t at);

#endif
