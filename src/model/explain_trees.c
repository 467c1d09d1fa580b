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
 * with 4 b points up to d = 8 b; its points and weights are positive, so nothing cancels there.
 *
 * At each point the product P of the factors above a node is carried down and the sum G of value
 * times factors below it is carried up. With y and n for the two sides, a node adds to its column
 *
 *     (o_y - z_y) P (G_y - G_n),   and has   G = t G_passed + (1-t) (z_y G_y + z_n G_n) .
 *
 * Where the column stands on the path already, with factor F = t + (1-t) z, its factor is replaced:
 * G is divided by F (z times z_y, z_n inside), and what was counted above is taken back. If the row
 * failed the column above, the node changes nothing but G, and adds nothing. So each node is
 * entered once: a row costs the number of nodes, not leaves times depth squared. */
#include "model/explain.h"
#include "model/kernel_walk.h"

#define LANES       WR_EXPLAIN_LANES
#define PAIRS       (LANES / 2)
#define BOTH_LEAVES (WR_EXPLAIN_YES_LEAF | WR_EXPLAIN_NO_LEAF)

/* Two points at a time: a processor's smallest vector. Frames, sums and tables lie at multiples of
 * 16 bytes. */
typedef double pair __attribute__((vector_size(16)));

struct level { /* an inner node on the path at hand */
    const struct wr_explain_node *node;
    double share;   /* z of the column of the edge above, so far */
    uint32_t sides; /* done */
    bool passes;    /* o of that column, so far */
    bool yes;       /* the way that the row goes from here */
    bool reached;   /* the row comes here */
};

struct walk {
    const pair *t, *rest, *weights; /* points, 1 - points */
    const double *sets;
    const double *leaf;
    uint32_t width, target;
    const struct wr_explain_node *next;
    struct level *levels;
    pair *frames; /* by level: P, G_y, G_n; `n` pairs each */
    pair *phi;    /* by column: partial sums, PAIRS of them */
    const float *singles;
    const double *doubles; /* x, in one of two types */
    double sum;
};

static inline bool goes_yes(const struct walk *w, const struct wr_explain_node *node)
{
    double x = w->singles != NULL ? (double)w->singles[node->feature] : w->doubles[node->feature];
    return wr_walk_goes_yes(node->flags & WR_EXPLAIN_MODE,
                            (node->flags & WR_EXPLAIN_MISSING_YES) != 0, node->threshold, x,
                            w->sets);
}

static inline pair *frame_of(const struct walk *w, uint32_t at, uint32_t n)
{
    return w->frames + (size_t)at * 3 * n;
}

static inline double take_leaf(struct walk *w, bool reached)
{
    double value = w->leaf[w->target];
    w->leaf += w->width;
    w->sum += reached ? value : 0;
    return value;
}

static inline void open_node(struct walk *w, uint32_t at)
{
    struct level *level = &w->levels[at];
    level->node = w->next++;
    level->sides = 0;
    level->yes = goes_yes(w, level->node);
}

/* Goes down one side of the node at level `at`: state and P of the level below. */
static inline void descend(struct walk *w, uint32_t at, bool yes, uint32_t n)
{
    const struct level *above = &w->levels[at];
    struct level *below = &w->levels[at + 1];
    const pair *p = frame_of(w, at, n), *t = w->t, *rest = w->rest;
    pair *to = frame_of(w, at + 1, n);
    uint32_t up = above->node->flags >> WR_EXPLAIN_UP;
    double share = yes ? above->node->share : 1 - above->node->share;
    bool passes = above->yes == yes;
    double o = passes ? 1 : 0;
    below->reached = above->reached && passes;
    below->passes = passes;
    below->share = share;
    if (up == 0) {
        for (uint32_t q = 0; q < n; q++) {
            to[q] = p[q] * (o * t[q] + share * rest[q]);
        }
        return;
    }
    double before = w->levels[up].share;
    below->share = share * before;
    if (!w->levels[up].passes) {
        below->passes = false;
        for (uint32_t q = 0; q < n; q++) {
            to[q] = p[q] * share;
        }
        return;
    }
    for (uint32_t q = 0; q < n; q++) {
        to[q] = p[q] * (o * t[q] + below->share * rest[q]) / (t[q] + before * rest[q]);
    }
}

/* Both sides are summed: counts for the column, and makes G of the node at level `at`. */
static inline void close_node(struct walk *w, uint32_t at, pair *to, uint32_t n)
{
    const struct level *level = &w->levels[at];
    const struct wr_explain_node *node = level->node;
    const pair *p = frame_of(w, at, n), *t = w->t, *rest = w->rest;
    const pair *yes = p + n, *no = yes + n, *passed = level->yes ? yes : no;
    pair *phi = w->phi + (size_t)node->column * PAIRS;
    double share = node->share;
    uint32_t up = node->flags >> WR_EXPLAIN_UP;
    if (up == 0) {
        double lack = (level->yes ? 1 : 0) - share;
        for (uint32_t q = 0; q < n; q++) {
            pair apart = yes[q] - no[q];
            phi[q % PAIRS] += lack * (p[q] * apart);
            to[q] = t[q] * passed[q] + rest[q] * (no[q] + share * apart);
        }
    } else if (w->levels[up].passes) {
        double before = w->levels[up].share;
        for (uint32_t q = 0; q < n; q++) {
            pair mix = before * (no[q] + share * (yes[q] - no[q]));
            pair undo = 1 / (t[q] + before * rest[q]);
            pair g = (t[q] * passed[q] + rest[q] * mix) * undo;
            phi[q % PAIRS] += p[q] * undo * (passed[q] - mix - (1 - before) * g);
            to[q] = g;
        }
    } else {
        for (uint32_t q = 0; q < n; q++) {
            to[q] = no[q] + share * (yes[q] - no[q]);
        }
    }
}

/* A node of two leaves, by far the most frequent: what open, sum and close come to. */
static inline void take_pair(struct walk *w, uint32_t at, pair *to, uint32_t n)
{
    const struct level *level = &w->levels[at];
    const struct wr_explain_node *node = w->next++;
    const pair *p = frame_of(w, at, n), *t = w->t, *rest = w->rest;
    pair *phi = w->phi + (size_t)node->column * PAIRS;
    uint32_t up = node->flags >> WR_EXPLAIN_UP;
    bool goes = goes_yes(w, node);
    double yes = take_leaf(w, level->reached && goes), no = take_leaf(w, level->reached && !goes);
    double passed = goes ? yes : no, mix = no + node->share * (yes - no);
    if (up == 0) {
        double lack = passed - mix;
        for (uint32_t q = 0; q < n; q++) {
            phi[q % PAIRS] += lack * p[q];
            to[q] = passed * t[q] + mix * rest[q];
        }
    } else if (w->levels[up].passes) {
        double before = w->levels[up].share;
        double lack = passed - before * mix, part = before * mix, left = 1 - before;
        for (uint32_t q = 0; q < n; q++) {
            pair undo = 1 / (t[q] + before * rest[q]);
            pair g = (passed * t[q] + part * rest[q]) * undo;
            phi[q % PAIRS] += p[q] * undo * (lack - left * g);
            to[q] = g;
        }
    } else {
        for (uint32_t q = 0; q < n; q++) {
            to[q] = (pair){mix, mix};
        }
    }
}

/* Sums the sides of the node at level `at`; false when one is to be walked first, from the level
 * below. */
static inline bool sum_sides(struct walk *w, uint32_t at, uint32_t n)
{
    struct level *level = &w->levels[at];
    pair *sum = frame_of(w, at, n) + n * (size_t)(1 + level->sides);
    for (; level->sides < 2; sum += n) {
        bool yes = level->sides++ == 0;
        if ((level->node->flags & (yes ? WR_EXPLAIN_YES_LEAF : WR_EXPLAIN_NO_LEAF)) == 0) {
            descend(w, at, yes, n);
            if ((w->next->flags & BOTH_LEAVES) != BOTH_LEAVES) {
                open_node(w, at + 1);
                return false;
            }
            take_pair(w, at + 1, sum, n);
            continue;
        }
        double value = take_leaf(w, level->reached && level->yes == yes);
        for (uint32_t q = 0; q < n; q++) {
            sum[q] = (pair){value, value};
        }
    }
    return true;
}

/* A tree of at least one inner node; n pairs of points. */
static inline void walk_tree(struct walk *w, uint32_t n)
{
    uint32_t at = 0;
    for (uint32_t q = 0; q < n; q++) {
        w->frames[q] = w->weights[q];
    }
    w->levels[0].reached = true;
    open_node(w, 0);
    for (;;) {
        if (!sum_sides(w, at, n)) {
            at++;
        } else if (at > 0) {
            pair *above = frame_of(w, at - 1, n);
            close_node(w, at, above + n * (size_t)w->levels[at - 1].sides, n);
            at--;
        } else { /* nothing stands above: its sum is not needed, but its column is */
            close_node(w, 0, frame_of(w, 1, n), n);
            return;
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
        .phi = (pair *)(void *)room,
        .levels = (struct level *)(void *)(room + LANES * row),
        .singles = single ? x : NULL,
        .doubles = single ? NULL : x,
    };
    w.frames = (pair *)(void *)((uint8_t *)w.levels + ((size_t)e->depth + 2) * 64);
    for (size_t i = 0; i < (size_t)p->n_inputs * PAIRS; i++) {
        w.phi[i] = (pair){0, 0};
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
        w.t = (const pair *)(const void *)(program + e->points + 8 * wr_explain_points(blocks - 1));
        w.rest = w.t + PAIRS * (size_t)blocks;
        w.weights = w.rest + PAIRS * (size_t)blocks;
        if (blocks == 1) {
            walk_tree(&w, PAIRS); /* a constant: the loops over points unroll */
        } else {
            walk_tree(&w, PAIRS * blocks);
        }
    }
    for (uint32_t i = 0; i < p->n_inputs; i++) {
        const pair *phi = w.phi + (size_t)i * PAIRS;
        pair sum = phi[0] + phi[1];
        out[i] = sum[0] + sum[1];
    }
    out[p->n_inputs + 1] = w.sum;
}
