/* SPDX-License-Identifier: Apache-2.0 */
/* From the neutral form of a tree ensemble to the layouts TREES and WALK (program.h).
 *
 * Each tree is put into breadth order, which proves that it is a tree and places the two children
 * of a node side by side: once to survey it, once to write it, so that no more than one tree is
 * held besides what is written. TREES takes the ensemble when every comparison is an order in
 * floats and the leaves vote plainly; all else goes to WALK. The choice never changes a result. */
#include "model/forest.h"
#include "model/forest_fold.h"

#define LIMIT_FAST_DEPTH 40     /* beyond, walking to a fixed depth costs more than branches */
#define LIMIT_DELTA      65534u /* nodes between a node and its children, one spare */
#define LIMIT_FAST_X     32767u /* columns: each has two keys */
#define LIMIT_VOTES      (1u << 26)

struct survey { /* of one tree */
    uint32_t n_nodes, depth, target;
};

struct work {
    struct wr_graph *g;
    struct wr_forest *f;
    struct wr_fold fold; /* what stands between the row and the thresholds */
    uint32_t n;          /* columns of x */
    uint32_t rows;
    unsigned type;
    /* the tree at hand */
    struct wr_forest_tree tree;
    struct wr_walk_node *nodes; /* in breadth order, children by new index */
    uint32_t n_nodes, depth;
    uint32_t *from;
    uint8_t *seen; /* all at once: over all trees */
    uint32_t room;
    /* of all trees */
    struct survey *trees;
    uint64_t n_all, n_leaves, n_votes;
    bool fast, voting; /* voting: leaves are rows of a table */
};

static bool is_leaf(const struct wr_walk_node *node)
{
    return (node->mode & 0xff) == WR_WALK_LEAF;
}

static uint32_t no_memory(struct work *w, uint64_t n)
{
    return wr_graph_fail(w->g, WR_E_MEMORY, "no memory for %llu tree nodes", (unsigned long long)n);
}

/* ── breadth order ──────────────────────────────────────────────────────────────────────────── */
static bool check_leaf(struct work *w, const struct wr_walk_node *node)
{
    if (node->no > w->tree.n_votes || node->yes > w->tree.n_votes - node->no) {
        wr_graph_fail(w->g, WR_E_MODEL, "a leaf's votes lie out of range");
        return false;
    }
    for (uint32_t v = node->yes; v < node->yes + node->no; v++) {
        double weight = w->tree.votes[v].weight;
        if (w->tree.votes[v].target >= w->f->targets || weight - weight != 0) {
            wr_graph_fail(w->g, WR_E_MODEL, "a vote is not finite or for target %u of %u",
                          w->tree.votes[v].target, w->f->targets);
            return false;
        }
    }
    return true;
}

static bool check_node(struct work *w, const struct wr_walk_node *node)
{
    if (is_leaf(node)) {
        return check_leaf(w, node);
    }
    if (node->feature >= w->n) {
        wr_graph_fail(w->g, WR_E_MODEL, "a tree asks for column %u of %u", node->feature, w->n);
    } else if (node->yes >= w->tree.n_nodes || node->no >= w->tree.n_nodes) {
        wr_graph_fail(w->g, WR_E_MODEL, "a tree's child lies out of range");
    } else if (node->threshold != node->threshold && (node->mode & 0xff) != WR_WALK_MEMBER) {
        wr_graph_fail(w->g, WR_E_MODEL, "a tree's threshold is not a number");
    }
    return w->g->code == WR_OK;
}

static bool room_for(struct work *w, uint32_t n)
{
    if (n <= w->room) {
        return true;
    }
    w->room = n + n / 4;
    w->nodes = wr_arena_array(w->g->arena, (size_t)w->room + 1, sizeof *w->nodes, 8);
    w->from = wr_arena_array(w->g->arena, (size_t)w->room + 2, sizeof *w->from, 4);
    w->seen = wr_arena_array(w->g->arena, w->room, 1, 1);
    if (w->nodes == NULL || w->from == NULL || w->seen == NULL) {
        no_memory(w, n);
        return false;
    }
    return true;
}

static bool take_tree(struct work *w, uint32_t t)
{
    const struct wr_forest *f = w->f;
    if (f->tree == NULL) {
        w->tree = (struct wr_forest_tree){f->nodes, f->n_nodes, f->roots[t], f->votes, f->n_votes};
    } else if (!f->tree(f->context, t, &w->tree)) {
        return false;
    }
    if (!room_for(w, w->tree.n_nodes)) {
        return false;
    }
    if (f->tree != NULL || t == 0) {
        memset(w->seen, 0, w->tree.n_nodes);
    }
    return true;
}

/* Left is where x < key goes. LEQ t is x < the key after t's; GT and GTE are their opposites. */
static bool yes_is_left(const struct wr_walk_node *node)
{
    unsigned mode = node->mode & 0xff;
    return mode == WR_WALK_LEQ || mode == WR_WALK_LT;
}

/* Puts tree t into w->nodes; `seen` guards against joins and cycles. Children of a level are
 * appended in order, so a node's children are neighbours, the left one first. */
static bool order(struct work *w, uint32_t t)
{
    uint32_t end = 0, level_end = 1;
    if (!take_tree(w, t)) {
        return false;
    }
    w->depth = 0;
    w->from[end++] = w->tree.root;
    for (uint32_t at = 0; at < end; at++) {
        if (at == level_end) {
            w->depth++;
            level_end = end;
        }
        uint32_t source = w->from[at];
        if (source >= w->tree.n_nodes || w->seen[source] != 0) {
            wr_graph_fail(w->g, WR_E_MODEL, "tree %u: a node is reached twice or out of range", t);
            return false;
        }
        w->seen[source] = 1;
        struct wr_walk_node node = w->tree.nodes[source];
        if (!check_node(w, &node)) {
            return false;
        }
        if (!is_leaf(&node)) {
            if (end + 2 > w->tree.n_nodes) { /* more children than nodes: some node twice */
                wr_graph_fail(w->g, WR_E_MODEL, "tree %u: a node is reached twice", t);
                return false;
            }
            wr_fold_node(&w->fold, &node);
            uint32_t side = yes_is_left(&node) ? 0 : 1;
            w->from[end + side] = node.yes;
            w->from[end + 1 - side] = node.no;
            node.yes = end + side;
            node.no = end + 1 - side;
            end += 2;
        }
        w->nodes[at] = node;
    }
    w->n_nodes = end;
    return true;
}

/* ── may the fast walk take it? ─────────────────────────────────────────────────────────────── */
/* One vote a leaf, one target a tree: then the value stands in the leaf itself. */
static bool one_target(const struct work *w, uint32_t *target)
{
    *target = UINT32_MAX;
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        const struct wr_walk_node *node = &w->nodes[i];
        if (is_leaf(node)) {
            if (node->no != 1) {
                return false;
            }
            uint32_t vote = w->tree.votes[node->yes].target;
            if (*target != UINT32_MAX && vote != *target) {
                return false;
            }
            *target = vote;
        }
    }
    return true;
}

static bool is_fast(const struct work *w)
{
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        const struct wr_walk_node *node = &w->nodes[i];
        bool ordered = (node->mode & 0xff) <= WR_WALK_GT;
        if (!is_leaf(node) && (!ordered || (double)(float)node->threshold != node->threshold ||
                               WR_MIN(node->yes, node->no) - i > LIMIT_DELTA)) {
            return false;
        }
    }
    return w->depth <= LIMIT_FAST_DEPTH;
}

static void note(struct work *w, uint32_t x)
{
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        const struct wr_walk_node *node = &w->nodes[i];
        if (is_leaf(node)) {
            w->n_leaves++;
            w->n_votes += node->no;
            continue;
        }
        w->g->missing = w->g->missing || (node->mode & WR_WALK_MISSING_YES) != 0;
        if (w->rows == 1 && (node->mode & 0xff) != WR_WALK_MEMBER) {
            wr_graph_sample(w->g, x, node->feature, node->threshold);
        }
    }
}

/* The first pass: sizes, depths, and which layout fits. */
static bool survey(struct work *w, uint32_t x)
{
    const struct wr_forest *f = w->f;
    w->trees = wr_arena_array(w->g->arena, f->n_trees, sizeof *w->trees, 4);
    if (w->trees == NULL) {
        no_memory(w, f->n_trees);
        return false;
    }
    w->fast = w->type == WR_F32 && w->n <= LIMIT_FAST_X && f->targets < 1u << 24;
    for (uint32_t t = 0; t < f->n_trees; t++) {
        struct survey *s = &w->trees[t];
        if (!order(w, t)) {
            return false;
        }
        s->n_nodes = w->n_nodes;
        s->depth = w->depth;
        w->n_all += w->n_nodes;
        w->voting = !one_target(w, &s->target) || w->voting;
        w->fast = w->fast && is_fast(w);
        note(w, x);
    }
    if (w->n_all > WR_LIMIT_TENSOR_COUNT || w->n_votes > LIMIT_VOTES) {
        wr_graph_fail(w->g, WR_E_LIMIT, "%llu tree nodes and %llu votes: at most %u and %u",
                      (unsigned long long)w->n_all, (unsigned long long)w->n_votes,
                      WR_LIMIT_TENSOR_COUNT, LIMIT_VOTES);
        return false;
    }
    w->g->n_trees += f->n_trees;
    w->g->n_tree_nodes += (uint32_t)w->n_all;
    /* A table of full rows must not be much larger than the votes it holds. */
    w->fast = w->fast && (!w->voting || w->n_leaves * f->targets <= 4 * w->n_votes + 4096);
    return true;
}

/* ── TREES ──────────────────────────────────────────────────────────────────────────────────── */
static int32_t key_of(double threshold)
{
    float x = (float)threshold + 0.0f;
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits ^ ((bits >> 31) & INT32_MAX);
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
        const struct wr_walk_vote *vote = &w->tree.votes[v];
        float *to = &row[vote->target], value = (float)vote->weight;
        bool better = f->aggregate == WR_MIN_OF ? value < *to : value > *to;
        *to = f->aggregate <= WR_AVERAGE ? *to + value : better ? value : *to;
    }
}

/* The tree at hand behind `done` nodes; *rows counts those of the table. */
static void write_fast(struct work *w, struct wr_tree_node *nodes, float *table, uint32_t *rows)
{
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        const struct wr_walk_node *node = &w->nodes[i];
        if (!is_leaf(node)) {
            nodes[i] = inner_node(w, node, i);
            continue;
        }
        nodes[i] = (struct wr_tree_node){.feature = (uint16_t)(2 * w->n)};
        if (w->voting) {
            table_row(w, node, table + (size_t)*rows * w->f->targets);
            nodes[i].key = (int32_t)(*rows)++;
        } else {
            nodes[i].key = value_bits(w->tree.votes[node->yes].weight);
        }
    }
}

static void write_roots(const struct work *w, struct wr_tree_root *roots)
{
    uint32_t n_trees = w->f->n_trees, done = 0;
    for (uint32_t t = 0; t < n_trees; t++) {
        uint32_t first = t / WR_TREE_LANES * WR_TREE_LANES, depth = 0;
        for (uint32_t k = first; k < n_trees && k < first + WR_TREE_LANES; k++) {
            depth = WR_MAX(depth, w->trees[k].depth);
        }
        roots[t] = (struct wr_tree_root){done, depth | (w->voting ? 0 : w->trees[t].target << 8)};
        done += w->trees[t].n_nodes;
    }
}

static uint32_t constant_of(struct wr_graph *g, unsigned type, uint64_t n)
{
    struct wr_shape shape = {.rank = 1, .dims = {(uint32_t)WR_MAX(n, 1)}};
    void *ignored;
    if (n > WR_LIMIT_TENSOR_COUNT) {
        return wr_graph_fail(g, WR_E_LIMIT, "a tree ensemble over %u numbers",
                             WR_LIMIT_TENSOR_COUNT);
    }
    return wr_graph_constant(g, type, &shape, &ignored);
}

/* Where a constant made earlier lies now; valid until the next one is made. */
static void *bytes_of(struct work *w, uint32_t tensor)
{
    return w->g->constants + w->g->tensors[tensor].at;
}

static uint32_t add_fast(struct work *w, uint32_t x)
{
    struct wr_graph *g = w->g;
    const struct wr_forest *f = w->f;
    uint64_t n_table = w->voting ? w->n_leaves * f->targets : 1;
    uint32_t ins[5] = {x, constant_of(g, WR_I64, w->n_all), constant_of(g, WR_I64, f->n_trees),
                       constant_of(g, WR_F32, n_table), constant_of(g, WR_F32, f->targets)};
    if (g->code != WR_OK) {
        return WR_NO_TENSOR;
    }
    struct wr_tree_node *nodes = bytes_of(w, ins[1]);
    float *base = bytes_of(w, ins[4]);
    write_roots(w, bytes_of(w, ins[2]));
    for (uint32_t t = 0, rows = 0; t < f->n_trees; nodes += w->trees[t++].n_nodes) {
        if (!order(w, t)) {
            return WR_NO_TENSOR;
        }
        write_fast(w, nodes, bytes_of(w, ins[3]), &rows);
    }
    for (uint32_t k = 0; k < f->targets && f->base != NULL; k++) {
        base[k] = (float)f->base[k];
    }
    /* The second output is room for keys. */
    const struct wr_graph_out outs[2] = {{w->type, {.rank = 2, .dims = {w->rows, f->targets}}},
                                         {WR_F32, {.rank = 1, .dims = {2 * w->n + 1}}}};
    const uint32_t params[7] = {w->rows,      w->n,      f->targets,   f->n_trees,
                                f->aggregate, w->voting, f->base_first};
    return wr_graph_step(g, WR_STEP_TREES, 0, outs, 2, ins, 5, params, 7);
}

/* ── WALK ───────────────────────────────────────────────────────────────────────────────────── */
/* The tree at hand behind `done` nodes and `voted` votes. */
static uint32_t write_walk(struct work *w, struct wr_walk_node *nodes, uint32_t done,
                           struct wr_walk_vote *votes, uint32_t voted)
{
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        struct wr_walk_node node = w->nodes[i];
        if (is_leaf(&node)) {
            memcpy(votes + voted, w->tree.votes + node.yes, node.no * sizeof *votes);
            node.yes = voted;
            voted += node.no;
        } else {
            node.yes += done;
            node.no += done;
        }
        nodes[done + i] = node;
    }
    return voted;
}

static uint32_t add_walk(struct work *w, uint32_t x)
{
    struct wr_graph *g = w->g;
    const struct wr_forest *f = w->f;
    uint32_t ins[6] = {x,
                       constant_of(g, WR_F64, w->n_all * sizeof(struct wr_walk_node) / 8),
                       constant_of(g, WR_F64, f->n_trees),
                       constant_of(g, WR_F64, w->n_votes * sizeof(struct wr_walk_vote) / 8),
                       constant_of(g, WR_F64, f->n_sets),
                       constant_of(g, WR_F64, f->targets)};
    if (g->code != WR_OK) {
        return WR_NO_TENSOR;
    }
    uint32_t *pairs = bytes_of(w, ins[2]);
    for (uint32_t t = 0, done = 0, voted = 0; t < f->n_trees; done += w->trees[t++].n_nodes) {
        if (!order(w, t)) {
            return WR_NO_TENSOR;
        }
        pairs[2 * (size_t)t] = done;
        voted = write_walk(w, bytes_of(w, ins[1]), done, bytes_of(w, ins[3]), voted);
    }
    if (f->n_sets > 0) {
        memcpy(bytes_of(w, ins[4]), f->sets, f->n_sets * sizeof *f->sets);
    }
    if (f->base != NULL) {
        memcpy(bytes_of(w, ins[5]), f->base, f->targets * sizeof *f->base);
    }
    /* The second output is room for the sums of a row. */
    const struct wr_graph_out outs[2] = {{w->type, {.rank = 2, .dims = {w->rows, f->targets}}},
                                         {WR_F64, {.rank = 1, .dims = {f->targets}}}};
    const uint32_t params[6] = {w->rows, w->n, f->targets, f->n_trees, f->aggregate, f->base_first};
    return wr_graph_step(g, WR_STEP_WALK, 0, outs, 2, ins, 6, params, 6);
}

/* Sets and equality have no threshold to move. */
static bool all_ordered(struct work *w)
{
    for (uint32_t t = 0; t < w->f->n_trees; t++) {
        if (!take_tree(w, t)) {
            return false;
        }
        for (uint32_t i = 0; i < w->tree.n_nodes; i++) {
            const struct wr_walk_node *node = &w->tree.nodes[i];
            if (!is_leaf(node) && (node->feature >= w->n || (node->mode & 0xff) > WR_WALK_GT)) {
                return false;
            }
        }
        if (w->f->tree == NULL) {
            return true;
        }
    }
    return true;
}

/* Copies what an explanation will need, as the general walk would have it. */
static bool keep(struct work *w, uint32_t x)
{
    struct wr_graph *g = w->g;
    const struct wr_forest *f = w->f;
    struct wr_forest_kept *kept = wr_graph_grown(g, g->kept, g->n_kept, &g->kept_cap, sizeof *kept);
    struct wr_walk_node *nodes = wr_arena_array(g->arena, (size_t)w->n_all, sizeof *nodes, 8);
    struct wr_walk_vote *votes = wr_arena_array(g->arena, (size_t)w->n_votes, sizeof *votes, 8);
    uint32_t *roots = wr_arena_array(g->arena, (size_t)f->n_trees + 1, sizeof *roots, 4);
    float *covers =
        f->covers != NULL ? wr_arena_array(g->arena, (size_t)w->n_all, sizeof *covers, 4) : NULL;
    if (kept == NULL || nodes == NULL || votes == NULL || roots == NULL ||
        (covers == NULL && f->covers != NULL)) {
        no_memory(w, w->n_all);
        return false;
    }
    for (uint32_t t = 0, done = 0, voted = 0; t < f->n_trees; done += w->trees[t++].n_nodes) {
        if (!order(w, t)) {
            return false;
        }
        roots[t] = done;
        roots[t + 1] = done + w->n_nodes;
        voted = write_walk(w, nodes, done, votes, voted);
        for (uint32_t i = 0; covers != NULL && i < w->n_nodes; i++) {
            covers[done + i] = f->covers[w->from[i]];
        }
    }
    g->kept = kept;
    kept += g->n_kept++;
    *kept = (struct wr_forest_kept){.out = WR_NO_TENSOR,
                                    .x = x,
                                    .n = w->n,
                                    .rows = w->rows,
                                    .nodes = nodes,
                                    .roots = roots,
                                    .covers = covers,
                                    .forest = *f};
    kept->forest.votes = votes;
    kept->forest.n_votes = (uint32_t)w->n_votes;
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
    uint32_t source = w.rows == 1 ? wr_fold_find(g, x, &w.fold) : x;
    if (w.fold.n_steps > 0 && all_ordered(&w)) {
        x = source;
    } else {
        w.fold.n_steps = 0;
    }
    if (g->code != WR_OK || !survey(&w, x)) {
        return WR_NO_TENSOR;
    }
    bool keeps = forest->covers != NULL || g->keep_forests;
    if (keeps && !keep(&w, x)) {
        return WR_NO_TENSOR;
    }
    uint32_t out = w.fast ? add_fast(&w, x) : add_walk(&w, x);
    if (keeps) {
        g->kept[g->n_kept - 1].out = out;
    }
    return out;
}
