/* SPDX-License-Identifier: Apache-2.0 */
/* From the neutral form of a tree ensemble to the layouts TREES and WALK (program.h).
 *
 * Every tree is first put into breadth order, which proves that it is a tree and places the two
 * children of a node side by side. TREES takes it when every comparison is an order in floats and
 * the leaves vote plainly; all else goes to WALK. The choice never changes a result. */
#include "model/forest.h"

#define LIMIT_FAST_DEPTH 40     /* beyond, walking to a fixed depth costs more than branches */
#define LIMIT_DELTA      65534u /* nodes between a node and its children, one spare */
#define LIMIT_FAST_X     32767u /* columns: each has two keys */
#define LIMIT_VOTES      (1u << 26)

struct work {
    struct wr_graph *g;
    struct wr_forest *f;
    uint32_t n; /* columns of x */
    uint32_t rows;
    unsigned type;
    struct wr_walk_node *nodes; /* in breadth order, children by new index */
    uint32_t *roots;            /* by tree, with an end */
    uint32_t *depths;           /* by tree */
    uint32_t *from;             /* where each node stood in the source */
    bool voting;                /* leaves are rows of a table */
};

static bool is_leaf(const struct wr_walk_node *node)
{
    return (node->mode & 0xff) == WR_WALK_LEAF;
}

/* ── breadth order ──────────────────────────────────────────────────────────────────────────── */
static bool check_node(struct work *w, const struct wr_walk_node *node)
{
    const struct wr_forest *f = w->f;
    if (is_leaf(node)) {
        if (node->no > f->n_votes || node->yes > f->n_votes - node->no) {
            wr_graph_fail(w->g, WR_E_MODEL, "a leaf's votes lie out of range");
        }
        return w->g->code == WR_OK;
    }
    if (node->feature >= w->n) {
        wr_graph_fail(w->g, WR_E_MODEL, "a tree asks for column %u of %u", node->feature, w->n);
    } else if (node->yes >= f->n_nodes || node->no >= f->n_nodes) {
        wr_graph_fail(w->g, WR_E_MODEL, "a tree's child lies out of range");
    } else if (node->threshold != node->threshold && (node->mode & 0xff) != WR_WALK_MEMBER) {
        wr_graph_fail(w->g, WR_E_MODEL, "a tree's threshold is not a number");
    }
    return w->g->code == WR_OK;
}

/* Copies tree t behind `n` nodes; `seen` guards against joins and cycles. Children of a level are
 * appended in order, so a node's children are neighbours. */
static uint32_t order_tree(struct work *w, uint32_t t, uint32_t n, uint8_t *seen, uint32_t *from)
{
    const struct wr_forest *f = w->f;
    uint32_t end = n, level_end, depth = 0;
    from[end++] = f->roots[t];
    level_end = end;
    for (uint32_t at = n; at < end; at++) {
        if (at == level_end) {
            depth++;
            level_end = end;
        }
        uint32_t source = from[at];
        if (source >= f->n_nodes || seen[source] != 0) {
            wr_graph_fail(w->g, WR_E_MODEL, "tree %u: a node is reached twice or out of range", t);
            return n;
        }
        seen[source] = 1;
        struct wr_walk_node node = f->nodes[source];
        if (!check_node(w, &node)) {
            return n;
        }
        if (!is_leaf(&node)) {
            if (end + 2 > f->n_nodes) { /* more children than nodes: some node twice */
                wr_graph_fail(w->g, WR_E_MODEL, "tree %u: a node is reached twice", t);
                return n;
            }
            from[end] = node.yes;
            from[end + 1] = node.no;
            node.yes = end++;
            node.no = end++;
        }
        w->nodes[at] = node;
    }
    w->depths[t] = depth;
    return end;
}

static bool order_all(struct work *w)
{
    const struct wr_forest *f = w->f;
    struct wr_arena *arena = w->g->arena;
    uint8_t *seen = wr_arena_array(arena, f->n_nodes, 1, 1);
    uint32_t *from = wr_arena_array(arena, (size_t)f->n_nodes + 2, sizeof *from, 4);
    w->from = from;
    w->nodes = wr_arena_array(arena, (size_t)f->n_nodes + 1, sizeof *w->nodes, 8);
    w->roots = wr_arena_array(arena, (size_t)f->n_trees + 1, sizeof *w->roots, 4);
    w->depths = wr_arena_array(arena, f->n_trees, sizeof *w->depths, 4);
    if (seen == NULL || from == NULL || w->nodes == NULL || w->roots == NULL || w->depths == NULL) {
        wr_graph_fail(w->g, WR_E_MEMORY, "no memory for %u tree nodes", f->n_nodes);
        return false;
    }
    uint32_t n = 0;
    for (uint32_t t = 0; t < f->n_trees && w->g->code == WR_OK; t++) {
        w->roots[t] = n;
        if (n >= f->n_nodes) {
            wr_graph_fail(w->g, WR_E_MODEL, "tree %u: its root belongs to another tree", t);
            return false;
        }
        n = order_tree(w, t, n, seen, from);
    }
    w->roots[f->n_trees] = n;
    return w->g->code == WR_OK;
}

/* ── may the fast walk take it? ─────────────────────────────────────────────────────────────── */
/* One vote a leaf, one target a tree: then the value stands in the leaf itself. */
static bool one_target_each(const struct work *w)
{
    for (uint32_t t = 0; t < w->f->n_trees; t++) {
        uint32_t target = UINT32_MAX;
        for (uint32_t i = w->roots[t]; i < w->roots[t + 1]; i++) {
            const struct wr_walk_node *node = &w->nodes[i];
            if (!is_leaf(node)) {
                continue;
            }
            if (node->no != 1) {
                return false;
            }
            uint32_t vote = w->f->votes[node->yes].target;
            if (target != UINT32_MAX && vote != target) {
                return false;
            }
            target = vote;
        }
    }
    return true;
}

static bool is_fast(struct work *w)
{
    uint64_t leaves = 0;
    if (w->type != WR_F32 || w->n > LIMIT_FAST_X || w->f->targets >= 1u << 24) {
        return false;
    }
    for (uint32_t t = 0; t < w->f->n_trees; t++) {
        if (w->depths[t] > LIMIT_FAST_DEPTH) {
            return false;
        }
        for (uint32_t i = w->roots[t]; i < w->roots[t + 1]; i++) {
            const struct wr_walk_node *node = &w->nodes[i];
            leaves += is_leaf(node);
            bool order = (node->mode & 0xff) <= WR_WALK_GT;
            if (!is_leaf(node) && (!order || (double)(float)node->threshold != node->threshold ||
                                   node->yes - i > LIMIT_DELTA)) {
                return false;
            }
        }
    }
    w->voting = !one_target_each(w);
    /* A table of full rows must not be much larger than the votes it holds. */
    return !w->voting || leaves * w->f->targets <= 4 * (uint64_t)w->f->n_votes + 4096;
}

/* ── TREES ──────────────────────────────────────────────────────────────────────────────────── */
static int32_t key_of(double threshold)
{
    float x = (float)threshold + 0.0f;
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits ^ ((bits >> 31) & INT32_MAX);
}

/* Left is where x < key goes. LEQ t is x < the key after t's; GT and GTE are their opposites. */
static bool yes_is_left(const struct wr_walk_node *node)
{
    unsigned mode = node->mode & 0xff;
    return mode == WR_WALK_LEQ || mode == WR_WALK_LT;
}

static struct wr_tree_node inner_node(const struct work *w, const struct wr_walk_node *node,
                                      uint32_t at)
{
    unsigned mode = node->mode & 0xff;
    bool missing_left = ((node->mode & WR_WALK_MISSING_YES) != 0) == yes_is_left(node);
    return (struct wr_tree_node){
        .key = key_of(node->threshold) + (mode == WR_WALK_LEQ || mode == WR_WALK_GT),
        .feature = (uint16_t)(node->feature + (missing_left ? 0 : w->n)),
        .delta = (uint16_t)(WR_MIN(node->yes, node->no) - at),
    };
}

/* Breadth order put `yes` first; where it belongs to the right, the children change places. */
static void orient(struct work *w)
{
    uint32_t end = w->roots[w->f->n_trees];
    for (uint32_t i = 0; i < end; i++) {
        struct wr_walk_node *node = &w->nodes[i];
        if (!is_leaf(node) && !yes_is_left(node)) {
            struct wr_walk_node swap = w->nodes[node->yes];
            w->nodes[node->yes] = w->nodes[node->no];
            w->nodes[node->no] = swap;
            uint32_t yes = node->yes;
            node->yes = node->no;
            node->no = yes;
        }
    }
}

static int32_t value_bits(double value)
{
    float single = (float)value + 0.0f; /* -0 would be the lowest key */
    int32_t bits;
    memcpy(&bits, &single, sizeof bits);
    return bits;
}

/* Absent votes of a table row: what leaves the aggregate as it is. */
static float absent_vote(unsigned aggregate)
{
    const uint32_t infinity = 0x7f800000u;
    float x;
    memcpy(&x, &infinity, sizeof x);
    return aggregate == WR_MIN_OF ? x : aggregate == WR_MAX_OF ? -x : 0.0f;
}

static void table_row(const struct work *w, const struct wr_walk_node *leaf, float *row)
{
    const struct wr_forest *f = w->f;
    for (uint32_t k = 0; k < f->targets; k++) {
        row[k] = absent_vote(f->aggregate);
    }
    for (uint32_t v = leaf->yes; v < leaf->yes + leaf->no; v++) {
        float *to = &row[f->votes[v].target], value = (float)f->votes[v].weight;
        bool better = f->aggregate == WR_MIN_OF ? value < *to : value > *to;
        *to = f->aggregate <= WR_AVERAGE ? *to + value : better ? value : *to;
    }
}

struct fast {
    uint32_t nodes, trees, table, base;
};

static void fill_fast(struct work *w, struct wr_tree_node *nodes, float *table)
{
    uint32_t rows = 0;
    for (uint32_t i = 0; i < w->roots[w->f->n_trees]; i++) {
        const struct wr_walk_node *node = &w->nodes[i];
        if (!is_leaf(node)) {
            nodes[i] = inner_node(w, node, i);
            continue;
        }
        nodes[i] = (struct wr_tree_node){.feature = (uint16_t)(2 * w->n)};
        if (w->voting) {
            table_row(w, node, table + (size_t)rows * w->f->targets);
            nodes[i].key = (int32_t)rows++;
        } else {
            nodes[i].key = value_bits(w->f->votes[node->yes].weight);
        }
    }
}

static void fill_roots(const struct work *w, struct wr_tree_root *roots)
{
    const struct wr_forest *f = w->f;
    for (uint32_t t = 0; t < f->n_trees; t++) {
        uint32_t first = t / WR_TREE_LANES * WR_TREE_LANES, depth = 0, target = 0;
        for (uint32_t k = first; k < f->n_trees && k < first + WR_TREE_LANES; k++) {
            depth = WR_MAX(depth, w->depths[k]);
        }
        for (uint32_t i = w->roots[t]; !w->voting && i < w->roots[t + 1]; i++) {
            target = is_leaf(&w->nodes[i]) ? f->votes[w->nodes[i].yes].target : target;
        }
        roots[t] = (struct wr_tree_root){w->roots[t], depth | target << 8};
    }
}

static uint32_t count_leaves(const struct work *w)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->roots[w->f->n_trees]; i++) {
        n += is_leaf(&w->nodes[i]);
    }
    return n;
}

static uint32_t add_fast(struct work *w)
{
    struct wr_graph *g = w->g;
    const struct wr_forest *f = w->f;
    void *nodes, *trees, *table, *base;
    orient(w);
    uint32_t n_table = w->voting ? count_leaves(w) * f->targets : 1;
    uint32_t n_nodes = w->roots[f->n_trees];
    struct wr_shape one = {.rank = 1, .dims = {n_nodes}};
    uint32_t ins[5] = {0};
    /* Each call may move the others: they are filled one after the other. */
    float *rows = wr_arena_array(g->arena, n_table, sizeof *rows, 4);
    ins[1] = wr_graph_constant(g, WR_I64, &one, &nodes);
    if (rows == NULL || ins[1] == WR_NO_TENSOR) {
        return wr_graph_fail(g, WR_E_MEMORY, "no memory for %u leaves", n_table);
    }
    fill_fast(w, nodes, rows);
    one.dims[0] = f->n_trees;
    ins[2] = wr_graph_constant(g, WR_I64, &one, &trees);
    if (ins[2] == WR_NO_TENSOR) {
        return WR_NO_TENSOR;
    }
    fill_roots(w, trees);
    one.dims[0] = n_table;
    ins[3] = wr_graph_constant(g, WR_F32, &one, &table);
    if (ins[3] == WR_NO_TENSOR) {
        return WR_NO_TENSOR;
    }
    memcpy(table, rows, (size_t)n_table * sizeof *rows);
    one.dims[0] = f->targets;
    ins[4] = wr_graph_constant(g, WR_F32, &one, &base);
    if (ins[4] == WR_NO_TENSOR) {
        return WR_NO_TENSOR;
    }
    for (uint32_t k = 0; k < f->targets && f->base != NULL; k++) {
        ((float *)base)[k] = (float)f->base[k];
    }
    return ins[1];
}

/* ── WALK ───────────────────────────────────────────────────────────────────────────────────── */
static uint32_t constant_of(struct wr_graph *g, const void *data, uint64_t bytes)
{
    struct wr_shape shape = {.rank = 1, .dims = {(uint32_t)WR_MAX(bytes / 8, 1)}};
    void *to;
    if (bytes / 8 > WR_LIMIT_TENSOR_COUNT) {
        return wr_graph_fail(g, WR_E_LIMIT, "a tree ensemble over %u numbers",
                             WR_LIMIT_TENSOR_COUNT);
    }
    uint32_t t = wr_graph_constant(g, WR_F64, &shape, &to);
    if (t != WR_NO_TENSOR && bytes > 0) {
        memcpy(to, data, (size_t)bytes);
    }
    return t;
}

static uint32_t add_step(struct work *w, bool fast, uint32_t x)
{
    struct wr_graph *g = w->g;
    const struct wr_forest *f = w->f;
    uint32_t ins[6] = {x}, n_in = fast ? 5 : 6,
             params[7] = {w->rows, w->n, f->targets, f->n_trees, f->aggregate};
    uint32_t *pairs = wr_arena_array(g->arena, 2 * (size_t)f->n_trees, sizeof *pairs, 8);
    double *base = wr_arena_array(g->arena, f->targets, sizeof *base, 8);
    if (pairs == NULL || base == NULL) {
        return wr_graph_fail(g, WR_E_MEMORY, "no memory for %u trees", f->n_trees);
    }
    if (fast) {
        uint32_t first = add_fast(w);
        for (uint32_t i = 1; i < 5; i++) { /* made one after the other */
            ins[i] = first == WR_NO_TENSOR ? WR_NO_TENSOR : first + i - 1;
        }
        params[5] = w->voting;
        params[6] = f->base_first;
    } else {
        for (uint32_t t = 0; t < f->n_trees; t++) {
            pairs[2 * (size_t)t] = w->roots[t];
        }
        for (uint32_t k = 0; k < f->targets && f->base != NULL; k++) {
            base[k] = f->base[k];
        }
        ins[1] = constant_of(g, w->nodes, (uint64_t)w->roots[f->n_trees] * sizeof *w->nodes);
        ins[2] = constant_of(g, pairs, (uint64_t)f->n_trees * 8);
        ins[3] = constant_of(g, f->votes, (uint64_t)f->n_votes * sizeof *f->votes);
        ins[4] = constant_of(g, f->sets, (uint64_t)f->n_sets * sizeof *f->sets);
        ins[5] = constant_of(g, base, (uint64_t)f->targets * sizeof *base);
        params[5] = f->base_first;
    }
    /* The second output is room for keys, or for the sums of a row. */
    struct wr_graph_out outs[2] = {{w->type, {.rank = 2, .dims = {w->rows, f->targets}}},
                                   {fast ? WR_F32 : WR_F64, {.rank = 1, .dims = {f->targets}}}};
    outs[1].shape.dims[0] = fast ? 2 * w->n + 1 : f->targets;
    return wr_graph_step(g, fast ? WR_STEP_TREES : WR_STEP_WALK, 0, outs, 2, ins, n_in, params,
                         fast ? 7 : 6);
}

static void note(struct work *w, uint32_t x)
{
    uint32_t end = w->roots[w->f->n_trees];
    w->g->n_trees += w->f->n_trees;
    w->g->n_tree_nodes += end;
    for (uint32_t i = 0; i < end; i++) {
        const struct wr_walk_node *node = &w->nodes[i];
        if (is_leaf(node)) {
            continue;
        }
        w->g->missing = w->g->missing || (node->mode & WR_WALK_MISSING_YES) != 0;
        if (w->rows == 1 && (node->mode & 0xff) != WR_WALK_MEMBER) {
            wr_graph_sample(w->g, x, node->feature, node->threshold);
        }
    }
}

/* Copies what an explanation will need, before the nodes change places. */
static bool keep(struct work *w, uint32_t x)
{
    struct wr_graph *g = w->g;
    uint32_t n = w->roots[w->f->n_trees];
    if (w->f->covers == NULL && !g->keep_forests) {
        return true;
    }
    struct wr_forest_kept *kept = wr_graph_grown(g, g->kept, g->n_kept, &g->kept_cap, sizeof *kept);
    struct wr_walk_node *nodes = wr_arena_array(g->arena, n, sizeof *nodes, 8);
    float *covers = w->f->covers != NULL ? wr_arena_array(g->arena, n, sizeof *covers, 4) : NULL;
    if (kept == NULL || nodes == NULL || (covers == NULL && w->f->covers != NULL)) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to keep %u tree nodes for explanations", n);
        return false;
    }
    memcpy(nodes, w->nodes, n * sizeof *nodes);
    for (uint32_t i = 0; covers != NULL && i < n; i++) {
        covers[i] = w->f->covers[w->from[i]];
    }
    g->kept = kept;
    kept[g->n_kept++] = (struct wr_forest_kept){.out = WR_NO_TENSOR,
                                                .x = x,
                                                .n = w->n,
                                                .rows = w->rows,
                                                .nodes = nodes,
                                                .roots = w->roots,
                                                .covers = covers,
                                                .forest = *w->f};
    return true;
}

uint32_t wr_forest_add(struct wr_graph *g, struct wr_forest *forest, uint32_t x)
{
    if (x == WR_NO_TENSOR || g->code != WR_OK || g->tensors[x].type == WR_I64 ||
        g->tensors[x].shape.rank > 2) {
        return wr_graph_fail(g, WR_E_MODEL, "takes a matrix of floats or doubles");
    }
    const struct wr_tensor *t = &g->tensors[x];
    struct work w = {.g = g, .f = forest, .type = t->type, .rows = 1, .n = t->count};
    if (t->shape.rank == 2) {
        w.rows = t->shape.dims[0];
        w.n = t->shape.dims[1];
    }
    if (forest->n_trees == 0 || forest->targets == 0 || forest->targets > WR_LIMIT_MODEL_OUTPUTS ||
        forest->n_votes > LIMIT_VOTES) {
        return wr_graph_fail(g, WR_E_MODEL, "%u trees with %u votes for %u targets",
                             forest->n_trees, forest->n_votes, forest->targets);
    }
    for (uint32_t v = 0; v < forest->n_votes; v++) {
        double weight = forest->votes[v].weight;
        if (forest->votes[v].target >= forest->targets || weight - weight != 0) {
            return wr_graph_fail(g, WR_E_MODEL, "vote %u is not finite or for target %u of %u", v,
                                 forest->votes[v].target, forest->targets);
        }
    }
    if (!order_all(&w)) {
        return WR_NO_TENSOR;
    }
    note(&w, x);
    uint32_t n_kept = g->n_kept;
    if (!keep(&w, x)) {
        return WR_NO_TENSOR;
    }
    uint32_t out = add_step(&w, is_fast(&w), x);
    if (g->n_kept > n_kept) {
        g->kept[n_kept].out = out;
    }
    return out;
}
