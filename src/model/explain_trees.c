/* SPDX-License-Identifier: Apache-2.0 */
/* Exact Shapley values of trees, path-dependent: a column that is not known goes both ways, weighed
 * by the covers.
 *
 * For a leaf of value v with the columns j on its path, o_j says whether the row passes all of j's
 * comparisons there and z_j is the product of their shares of the cover. A set of known columns T
 * gives the leaf the weight prod_{T} o_j prod_{not T} z_j, and since a Shapley weight is a Beta
 * integral, k! (d-1-k)! / d! = integral of t^k (1-t)^(d-1-k) over [0,1],
 *
 *     phi_i = v (o_i - z_i) integral of prod_{j != i} (t o_j + (1-t) z_j) dt .
 *
 * The integrand is a polynomial of degree d - 1, so Gauss' rule with 4 points is exact up to d = 8,
 * with 4 b points up to d = 8 b; all terms are positive, so nothing cancels. The products at those
 * points are carried down the tree, the sums over leaves back up, so that each edge is entered
 * once: a row costs the number of nodes, not nodes times depth squared. Where a column comes again
 * on a path its factor is replaced, and the contribution counted at the edge above is taken back.
 */
#include "model/explain.h"
#include "model/kernel_walk.h"

#define LANES WR_EXPLAIN_LANES

struct edge {                           /* one on the path at hand; [0] stands for the root */
    const struct wr_explain_node *node; /* below this edge */
    double share;                       /* z of its column so far */
    uint32_t column, up;
    uint16_t sides;         /* of `node` done */
    bool passes, passes_at; /* o of its column; does the row go through here alone */
    bool reached;           /* the row comes here */
};

struct walk {
    const double *points, *weights, *sets;
    const double *leaf;
    uint32_t width, target;
    const struct wr_explain_node *next;
    struct edge *edges;
    double *frames; /* by edge: product, reciprocal of its factor, sum; `lanes` numbers each */
    double *phi;    /* by column: LANES partial sums */
    const float *singles;
    const double *doubles; /* x, in one of two types */
    double sum;
};

static bool goes_yes(const struct walk *w, const struct wr_explain_node *node)
{
    double x = w->singles != NULL ? (double)w->singles[node->feature] : w->doubles[node->feature];
    return wr_walk_goes_yes(node->flags & WR_EXPLAIN_MODE,
                            (node->flags & WR_EXPLAIN_MISSING_YES) != 0, node->threshold, x,
                            w->sets);
}

/* From edge `above` to one side of its node: the products of edge above + 1. */
static inline void enter(struct walk *w, uint32_t above, bool passes, double share, uint32_t lanes)
{
    const struct wr_explain_node *node = w->edges[above].node;
    struct edge *e = &w->edges[above + 1];
    const double *t = w->points, *from = w->frames + (size_t)above * 3 * lanes;
    double *to = w->frames + ((size_t)above + 1) * 3 * lanes, *reciprocal = to + lanes;
    uint32_t up = node->flags >> WR_EXPLAIN_UP;
    const struct edge *before = &w->edges[up];
    e->up = up;
    e->column = node->column;
    e->reached = w->edges[above].reached && passes;
    e->passes = passes && (up == 0 || before->passes);
    e->share = up == 0 ? share : share * before->share;
    if (up != 0 && !before->passes) { /* the factor (1-t) z gets another z */
        for (uint32_t q = 0; q < lanes; q++) {
            to[q] = from[q] * share;
        }
        return;
    }
    const double *undo = up != 0 ? w->frames + (size_t)up * 3 * lanes + lanes : NULL;
    for (uint32_t q = 0; q < lanes; q++) {
        double missing = (1 - t[q]) * e->share;
        double factor = e->passes ? t[q] + missing : missing;
        double product = undo != NULL ? from[q] * undo[q] : from[q];
        to[q] = product * factor;
        reciprocal[q] = e->passes ? 1 / factor : 0;
    }
}

/* Counts what lies below an edge for its column, and hands the sum up. */
static inline void leave(struct walk *w, uint32_t at, uint32_t lanes)
{
    const struct edge *e = &w->edges[at];
    const double *reciprocal = w->frames + (size_t)at * 3 * lanes + lanes;
    const double *sum = reciprocal + lanes, *t = w->points;
    double *up_sum = w->frames + ((size_t)at - 1) * 3 * lanes + 2 * (size_t)lanes;
    double *phi = w->phi + (size_t)e->column * LANES;
    const struct edge *before = &w->edges[e->up];
    for (uint32_t q = 0; q < lanes; q++) {
        up_sum[q] += sum[q];
    }
    if (e->up == 0) {
        double lack = 1 - e->share;
        for (uint32_t q = 0; q < lanes; q++) {
            double weight = e->passes ? lack * reciprocal[q] : -1 / (1 - t[q]);
            phi[q % LANES] += sum[q] * weight;
        }
    } else if (before->passes) {
        const double *old = w->frames + (size_t)e->up * 3 * lanes + lanes;
        double lack = 1 - e->share, old_lack = 1 - before->share;
        for (uint32_t q = 0; q < lanes; q++) {
            double weight = e->passes ? lack * reciprocal[q] : -1 / (1 - t[q]);
            phi[q % LANES] += sum[q] * (weight - old_lack * old[q]);
        }
    } /* else both weights are -1 / (1-t) */
}

static inline void take_leaf(struct walk *w, uint32_t at, uint32_t lanes)
{
    double value = w->leaf[w->target];
    double *frame = w->frames + (size_t)at * 3 * lanes;
    w->leaf += w->width;
    w->sum += w->edges[at].reached ? value : 0;
    for (uint32_t q = 0; q < lanes; q++) {
        frame[2 * lanes + q] = value * frame[q];
    }
}

static inline void open_node(struct walk *w, uint32_t at, uint32_t lanes)
{
    struct edge *e = &w->edges[at];
    double *sum = w->frames + (size_t)at * 3 * lanes + 2 * (size_t)lanes;
    e->node = w->next++;
    e->sides = 0;
    e->passes_at = goes_yes(w, e->node);
    for (uint32_t q = 0; q < lanes; q++) {
        sum[q] = 0;
    }
}

/* A tree of at least one inner node. */
static inline void walk_tree(struct walk *w, uint32_t lanes)
{
    uint32_t at = 0;
    for (uint32_t q = 0; q < lanes; q++) {
        w->frames[q] = w->weights[q];
    }
    w->edges[0] = (struct edge){.reached = true};
    open_node(w, 0, lanes);
    for (;;) {
        struct edge *e = &w->edges[at];
        if (e->sides == 2) {
            if (at == 0) {
                return;
            }
            leave(w, at, lanes);
            at--;
            continue;
        }
        bool yes = e->sides++ == 0;
        double share = (double)e->node->yes / ((double)e->node->yes + (double)e->node->no);
        bool leaf = (e->node->flags & (yes ? WR_EXPLAIN_YES_LEAF : WR_EXPLAIN_NO_LEAF)) != 0;
        enter(w, at, e->passes_at == yes, yes ? share : 1 - share, lanes);
        at++;
        if (leaf) {
            take_leaf(w, at, lanes);
            leave(w, at, lanes);
            at--;
        } else {
            open_node(w, at, lanes);
        }
    }
}

void wr_kernel_explain_trees(const uint8_t *program, const struct wr_explain *e, const void *x,
                             uint32_t target, double *out, uint8_t *room)
{
    const struct wr_program *p = (const void *)program;
    const struct wr_explain_tree *tree = (const void *)(program + e->trees);
    const struct wr_explain_node *node = (const void *)(program + e->nodes);
    const double *leaf = (const void *)(program + e->leaves);
    bool single = e->x_meta >> 28 == WR_F32;
    size_t row = ((size_t)p->n_inputs * 8 + 63) & ~(size_t)63;
    struct walk w = {
        .sets = (const void *)(program + e->sets),
        .width = e->width,
        .target = e->width > 1 ? target : 0,
        .phi = (double *)(void *)room,
        .edges = (struct edge *)(void *)(room + LANES * row),
        .singles = single ? x : NULL,
        .doubles = single ? NULL : x,
    };
    w.frames = (double *)(void *)((uint8_t *)w.edges + ((size_t)e->depth + 2) * 64);
    for (size_t i = 0; i < (size_t)p->n_inputs * LANES; i++) {
        w.phi[i] = 0;
    }
    for (uint32_t t = 0; t < e->n_trees; t++, tree++) {
        uint32_t blocks = tree->blocks_target & 0xff;
        w.next = node;
        w.leaf = leaf;
        node += tree->n_nodes;
        leaf += ((size_t)tree->n_nodes + 1) * e->width;
        if (e->width == 1 && tree->blocks_target >> 8 != target) {
            continue;
        }
        if (tree->n_nodes == 0) {
            w.sum += w.leaf[w.target];
            continue;
        }
        w.points = (const double *)(const void *)(program + e->points) +
                   LANES * (size_t)blocks * (blocks - 1);
        w.weights = w.points + LANES * (size_t)blocks;
        if (blocks == 1) {
            walk_tree(&w, LANES); /* a constant: the loops over points unroll */
        } else {
            walk_tree(&w, LANES * blocks);
        }
    }
    for (uint32_t i = 0; i < p->n_inputs; i++) {
        const double *phi = w.phi + (size_t)i * LANES;
        out[i] = (phi[0] + phi[1]) + (phi[2] + phi[3]);
    }
    out[p->n_inputs + 1] = w.sum;
}
