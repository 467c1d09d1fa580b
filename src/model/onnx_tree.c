/* SPDX-License-Identifier: Apache-2.0 */
/* ai.onnx.ml's tree ensembles: TreeEnsembleClassifier and -Regressor (1, 3), TreeEnsemble (5).
 *
 * Node ids need not be contiguous and trees may interleave: then nodes are found through a table of
 * (tree, node); where trees follow one another they are read one by one (onnx_stream.c). A binary
 * classifier whose votes all name one class is read as ONNX Runtime reads it, since exporters of
 * scikit-learn and XGBoost rely on it: with class id 0 the sum is the positive class's; likewise
 * two classes with two base values, where it takes the second base value with the first sum and
 * mirrors the result (CatBoost's exports). The one place where the text is followed instead:
 * LOGISTIC and SOFTMAX act on a regressor of one target, and TreeEnsemble's 1 is SOFTMAX, 2
 * LOGISTIC. */
#include "base/hash.h"
#include "model/forest.h"
#include "model/onnx_ml.h"
#include "model/onnx_stream.h"

#define LIMIT_NODES (1u << 26)

struct source { /* the attributes of versions 1 and 3 */
    uint32_t n, n_votes;
    int64_t *trees, *nodes, *features, *modes, *yes, *no, *missing;
    double *values;
    int64_t *vote_trees, *vote_nodes, *vote_targets;
    double *weights, *base;
    uint32_t n_base;
    bool wide;       /* doubles */
    uint32_t *table; /* (tree, node) -> position + 1 */
    uint32_t mask;
};

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
static bool same_length(struct wr_onnx *o, uint32_t n, uint32_t want, const char *name)
{
    if (n != want) {
        wr_graph_fail(o->g, WR_E_MODEL, "%s has %u elements, not %u", name, n, want);
    }
    return o->g->code == WR_OK;
}

static bool ints_of(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                    int64_t **values, uint32_t want)
{
    uint32_t n;
    return wr_onnx_ints(o, node, name, values, &n) && same_length(o, n, want, name);
}

/* `name`, or `name`_as_tensor in double. */
static bool floats_of(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                      double **values, uint32_t *n, bool *wide)
{
    char long_name[64];
    struct wr_buf buf = wr_buf_fixed(long_name, sizeof long_name);
    bool doubles = false;
    wr_format(&buf, "%s_as_tensor", name);
    wr_buf_char(&buf, 0);
    if (!wr_onnx_floats(o, node, name, values, n)) {
        return false;
    }
    if (*n == 0 && !wr_onnx_attr_doubles(o, node, long_name, values, n, &doubles)) {
        return false;
    }
    *wide = *wide || doubles;
    return true;
}

static bool read_nodes(struct wr_onnx *o, const struct wr_onnx_node *node, struct source *s)
{
    uint32_t n;
    if (!wr_onnx_ints(o, node, "nodes_nodeids", &s->nodes, &s->n)) {
        return false;
    }
    if (s->n == 0 || s->n > LIMIT_NODES) {
        wr_graph_fail(o->g, WR_E_MODEL, "%u tree nodes", s->n);
        return false;
    }
    if (!ints_of(o, node, "nodes_treeids", &s->trees, s->n) ||
        !ints_of(o, node, "nodes_featureids", &s->features, s->n) ||
        !ints_of(o, node, "nodes_truenodeids", &s->yes, s->n) ||
        !ints_of(o, node, "nodes_falsenodeids", &s->no, s->n) ||
        !wr_onnx_texts(o, node, "nodes_modes", &s->modes, &n) ||
        !same_length(o, n, s->n, "nodes_modes") ||
        !floats_of(o, node, "nodes_values", &s->values, &n, &s->wide) ||
        !same_length(o, n, s->n, "nodes_values") ||
        !wr_onnx_ints(o, node, "nodes_missing_value_tracks_true", &s->missing, &n)) {
        return false;
    }
    if (n == 0) {
        s->missing = NULL;
        return true;
    }
    return same_length(o, n, s->n, "nodes_missing_value_tracks_true");
}

static bool read_votes(struct wr_onnx *o, const struct wr_onnx_node *node, struct source *s,
                       const char *const names[4])
{
    uint32_t n;
    if (!wr_onnx_ints(o, node, names[0], &s->vote_trees, &s->n_votes) ||
        !ints_of(o, node, names[1], &s->vote_nodes, s->n_votes) ||
        !ints_of(o, node, names[2], &s->vote_targets, s->n_votes) ||
        !floats_of(o, node, names[3], &s->weights, &n, &s->wide) ||
        !same_length(o, n, s->n_votes, names[3]) ||
        !floats_of(o, node, "base_values", &s->base, &s->n_base, &s->wide)) {
        return false;
    }
    if (s->n_votes == 0) {
        wr_graph_fail(o->g, WR_E_MODEL, "no leaf votes");
    }
    return o->g->code == WR_OK;
}

/* ── finding nodes ──────────────────────────────────────────────────────────────────────────── */
static uint32_t slot(const struct source *s, int64_t tree, int64_t node)
{
    uint64_t hash = wr_mix64((uint64_t)tree * 0x9e3779b97f4a7c15u + (uint64_t)node);
    uint32_t at = (uint32_t)hash & s->mask;
    while (s->table[at] != 0 &&
           (s->trees[s->table[at] - 1] != tree || s->nodes[s->table[at] - 1] != node)) {
        at = (at + 1) & s->mask;
    }
    return at;
}

static bool index_nodes(struct wr_onnx *o, struct source *s)
{
    uint32_t size = 16;
    while (size < 2 * s->n) {
        size *= 2;
    }
    s->table = wr_arena_array(o->g->arena, size, sizeof *s->table, 4);
    s->mask = size - 1;
    if (s->table == NULL) {
        wr_graph_fail(o->g, WR_E_MEMORY, "no memory for %u tree nodes", s->n);
        return false;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t at = slot(s, s->trees[i], s->nodes[i]);
        if (s->table[at] != 0) {
            wr_graph_fail(o->g, WR_E_MODEL, "tree %lld has node %lld twice", (long long)s->trees[i],
                          (long long)s->nodes[i]);
            return false;
        }
        s->table[at] = i + 1;
    }
    return true;
}

/* The position of a node, or UINT32_MAX. */
static uint32_t find(const struct source *s, int64_t tree, int64_t node)
{
    return s->table[slot(s, tree, node)] - 1;
}

static bool mode_of(struct wr_onnx *o, int64_t text, uint32_t *mode)
{
    static const char *const names[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE", "BRANCH_GT",
                                        "BRANCH_EQ",  "BRANCH_NEQ", "MEMBER",     "LEAF"};
    struct wr_str name = o->g->texts[text];
    for (uint32_t i = 0; i < WR_COUNTOF(names); i++) {
        if (i != WR_WALK_MEMBER && wr_str_eq(name, wr_str_z(names[i]))) {
            *mode = i;
            return true;
        }
    }
    wr_graph_fail(o->g, WR_E_MODEL, "the node mode %.*s is unknown", WR_FMT(name));
    return false;
}

/* ── building ───────────────────────────────────────────────────────────────────────────────── */
static bool fill_nodes(struct wr_onnx *o, const struct source *s, struct wr_forest *f,
                       uint8_t *is_child)
{
    for (uint32_t i = 0; i < s->n; i++) {
        struct wr_walk_node *node = &f->nodes[i];
        uint32_t mode;
        if (!mode_of(o, s->modes[i], &mode)) {
            return false;
        }
        *node = (struct wr_walk_node){.mode = mode};
        if (mode == WR_WALK_LEAF) {
            continue;
        }
        node->threshold = s->values[i];
        node->feature = (uint32_t)s->features[i];
        node->yes = find(s, s->trees[i], s->yes[i]);
        node->no = find(s, s->trees[i], s->no[i]);
        if (s->features[i] < 0 || s->features[i] > INT32_MAX || node->yes >= s->n ||
            node->no >= s->n) {
            wr_graph_fail(o->g, WR_E_MODEL, "node %lld of tree %lld: a child or column is unknown",
                          (long long)s->nodes[i], (long long)s->trees[i]);
            return false;
        }
        if (s->missing != NULL && s->missing[i] != 0) {
            node->mode |= WR_WALK_MISSING_YES;
        }
        is_child[node->yes] = is_child[node->no] = 1;
    }
    return true;
}

/* Votes by leaf, in the order of the file: count, then place. */
static bool fill_votes(struct wr_onnx *o, const struct source *s, struct wr_forest *f,
                       struct wr_walk_vote *votes, uint32_t *place)
{
    for (uint32_t v = 0; v < s->n_votes; v++) {
        place[v] = find(s, s->vote_trees[v], s->vote_nodes[v]);
        bool leaf = place[v] < s->n && f->nodes[place[v]].mode == WR_WALK_LEAF;
        if (!leaf || s->vote_targets[v] < 0 || s->vote_targets[v] > INT32_MAX) {
            wr_graph_fail(o->g, WR_E_MODEL, "vote %u is for node %lld of tree %lld: no leaf", v,
                          (long long)s->vote_nodes[v], (long long)s->vote_trees[v]);
            return false;
        }
        f->nodes[place[v]].no++;
    }
    uint32_t first = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (f->nodes[i].mode == WR_WALK_LEAF) {
            f->nodes[i].yes = first;
            first += f->nodes[i].no;
            f->nodes[i].no = 0;
        }
    }
    for (uint32_t v = 0; v < s->n_votes; v++) {
        struct wr_walk_node *leaf = &f->nodes[place[v]];
        votes[leaf->yes + leaf->no++] =
            (struct wr_walk_vote){s->weights[v], (uint32_t)s->vote_targets[v], 0};
    }
    f->votes = votes;
    f->n_votes = s->n_votes;
    return true;
}

/* The root of each tree, in the order of the file: the one node that is no node's child. */
static bool fill_roots(struct wr_onnx *o, const struct source *s, struct wr_forest *f,
                       const uint8_t *is_child, uint32_t *roots)
{
    memset(s->table, 0, ((size_t)s->mask + 1) * sizeof *s->table);
    f->roots = roots;
    for (uint32_t i = 0; i < s->n; i++) {
        if (is_child[i] != 0) {
            continue;
        }
        uint32_t at = (uint32_t)wr_mix64((uint64_t)s->trees[i]) & s->mask;
        while (s->table[at] != 0) {
            if (s->trees[s->table[at] - 1] == s->trees[i]) {
                wr_graph_fail(o->g, WR_E_MODEL, "tree %lld has two roots", (long long)s->trees[i]);
                return false;
            }
            at = (at + 1) & s->mask;
        }
        s->table[at] = i + 1;
        roots[f->n_trees++] = i;
    }
    return true;
}

static bool build(struct wr_onnx *o, struct source *s, struct wr_forest *f)
{
    struct wr_arena *arena = o->g->arena;
    *f = (struct wr_forest){.n_nodes = s->n};
    f->nodes = wr_arena_array(arena, s->n, sizeof *f->nodes, 8);
    uint8_t *is_child = wr_arena_array(arena, s->n, 1, 1);
    uint32_t *roots = wr_arena_array(arena, s->n, sizeof *roots, 4);
    uint32_t *place = wr_arena_array(arena, s->n_votes, sizeof *place, 4);
    struct wr_walk_vote *votes = wr_arena_array(arena, s->n_votes, sizeof *votes, 8);
    if (f->nodes == NULL || is_child == NULL || roots == NULL || place == NULL || votes == NULL) {
        wr_graph_fail(o->g, WR_E_MEMORY, "no memory for %u tree nodes", s->n);
        return false;
    }
    if (!index_nodes(o, s) || !fill_nodes(o, s, f, is_child) ||
        !fill_votes(o, s, f, votes, place)) {
        return false;
    }
    return fill_roots(o, s, f, is_child, roots);
}

/* Tree by tree where the file is in that order, else all at once. */
static bool read_ensemble(struct wr_onnx *o, const struct wr_onnx_node *node,
                          const char *const names[4], struct source *s, struct wr_forest *f,
                          struct wr_onnx_votes *votes)
{
    if (wr_onnx_stream(o, node, names, f, votes)) {
        return floats_of(o, node, "base_values", &s->base, &s->n_base, &s->wide);
    }
    if (o->g->code != WR_OK || !read_nodes(o, node, s) || !read_votes(o, node, s, names) ||
        !build(o, s, f)) {
        return false;
    }
    *votes = (struct wr_onnx_votes){s->n_votes, s->vote_targets[0], true, true};
    for (uint32_t v = 0; v < s->n_votes; v++) {
        votes->same_target = votes->same_target && s->vote_targets[v] == votes->first_target;
        votes->positive = votes->positive && s->weights[v] >= 0;
    }
    return true;
}

/* Input 0 in the type the comparison needs. */
static uint32_t tree_input(struct wr_onnx *o, const struct wr_onnx_node *node, bool wide)
{
    uint32_t x = wr_onnx_matrix_in(o, node);
    bool widen = wide && x != WR_NO_TENSOR && wr_onnx_tensor(o, x)->type == WR_F32;
    if (widen && o->g->code == WR_OK) {
        return wr_graph_map(o->g, WR_MAP_COPY, x, WR_F64, 0, 0);
    }
    return x;
}

/* One base value for all targets, one each, or none. */
static bool set_base(struct wr_onnx *o, const struct source *s, struct wr_forest *f)
{
    if (s->n_base == 0) {
        return true;
    }
    double *base = wr_arena_array(o->g->arena, f->targets, sizeof *base, 8);
    if (base == NULL || (s->n_base != 1 && s->n_base != f->targets)) {
        wr_graph_fail(o->g, WR_E_MODEL, "%u base values for %u targets", s->n_base, f->targets);
        return false;
    }
    for (uint32_t k = 0; k < f->targets; k++) {
        base[k] = s->base[s->n_base == 1 ? 0 : k];
        if (base[k] - base[k] != 0) {
            wr_graph_fail(o->g, WR_E_MODEL, "a base value is not finite");
            return false;
        }
    }
    f->base = base;
    return true;
}

/* ── the classifier ─────────────────────────────────────────────────────────────────────────── */
struct verdict {
    uint32_t index, scores;
};

/* All votes for one of two classes. */
static struct verdict one_sided(struct wr_onnx *o, struct source *s, struct wr_forest *f,
                                const struct wr_onnx_votes *votes, uint32_t x, enum wr_post post)
{
    struct wr_graph *g = o->g;
    bool positive = votes->positive, first = votes->first_target == 0;
    struct verdict none = {WR_NO_TENSOR, WR_NO_TENSOR};
    double cut = positive ? 0.5 : 0;
    if (first) { /* the sum is that of the positive class */
        f->targets = 1;
        if (s->n_base > 1 || post == WR_POST_PROBIT) {
            wr_graph_fail(g, WR_E_MODEL,
                          "two base values, or PROBIT, for a sum of one class: not supported");
            return none;
        }
        if (!set_base(o, s, f)) {
            return none;
        }
        uint32_t sum = wr_forest_add(g, f, x);
        if (sum == WR_NO_TENSOR) {
            return none;
        }
        unsigned type = wr_onnx_tensor(o, sum)->type;
        uint32_t parts[2] = {wr_graph_zip(g, WR_ZIP_SUB, wr_graph_scalar(g, type, 1), sum, type),
                             sum};
        enum wr_post side = post == WR_POST_LOGISTIC ? post : WR_POST_NONE;
        return (struct verdict){wr_onnx_above(g, sum, cut), positive
                                                                ? wr_graph_concat(g, 1, parts, 2)
                                                                : wr_onnx_two_sided(g, sum, side)};
    }
    if (s->n_base > 1) {
        wr_graph_warn(g, "votes for class 1 alone with a base value each are added up; ONNX "
                         "Runtime 1.21 drops the trees' sum");
    }
    s->n_base = s->n_base == 1 ? 0 : s->n_base; /* ONNX Runtime leaves a single one out */
    if (!set_base(o, s, f)) {
        return none;
    }
    uint32_t scores = wr_forest_add(g, f, x);
    uint32_t second = wr_graph_slice(g, scores, 1, 1, 1, 1);
    return (struct verdict){wr_onnx_above(g, second, cut), wr_onnx_transform(g, scores, post)};
}

static struct verdict many_sided(struct wr_onnx *o, struct source *s, struct wr_forest *f,
                                 uint32_t x, enum wr_post post)
{
    struct wr_graph *g = o->g;
    struct verdict v = {WR_NO_TENSOR, WR_NO_TENSOR};
    bool mirrored = f->targets == 2 && s->n_base == 2;
    if (f->targets == 2 && s->n_base == 1) {
        wr_graph_warn(g, "the one base value is added to both classes; ONNX Runtime 1.21 adds it "
                         "otherwise");
    }
    if (!mirrored && !set_base(o, s, f)) {
        return v;
    }
    uint32_t scores = wr_forest_add(g, f, x);
    if (mirrored && scores != WR_NO_TENSOR) { /* ONNX Runtime: s1 = base1 + sum0, s0 = -s1 */
        unsigned type = wr_onnx_tensor(o, scores)->type;
        uint32_t sum = wr_graph_slice(g, scores, 1, 0, 1, 1);
        sum = wr_graph_zip(g, WR_ZIP_ADD, sum, wr_graph_scalar(g, type, s->base[1]), type);
        scores = wr_onnx_two_sided(g, sum, WR_POST_NONE);
    }
    if (f->targets == 2) {
        v.index = wr_onnx_above(g, wr_graph_slice(g, scores, 1, 1, 1, 1), 0);
    } else {
        v.index = wr_graph_arg(g, WR_ARG_MAX, scores, 1, false, false);
    }
    v.scores = wr_onnx_transform(g, scores, post);
    return v;
}

void wr_onnx_tree_classifier(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    static const char *const names[4] = {"class_treeids", "class_nodeids", "class_ids",
                                         "class_weights"};
    struct source s = {0};
    struct wr_forest f;
    uint32_t classes = wr_onnx_classes(o, node, "classlabels_int64s");
    enum wr_post post = wr_onnx_post(o, node);
    (void)param;
    struct wr_onnx_votes votes;
    if (classes == WR_NO_TENSOR || !read_ensemble(o, node, names, &s, &f, &votes)) {
        return;
    }
    f.targets = wr_onnx_tensor(o, classes)->count;
    bool one = f.targets == 2 && votes.same_target && votes.first_target < 2;
    uint32_t x = tree_input(o, node, s.wide);
    struct verdict v = one ? one_sided(o, &s, &f, &votes, x, post) : many_sided(o, &s, &f, x, post);
    if (o->g->code != WR_OK) {
        return;
    }
    wr_onnx_out(o, node, 0, wr_graph_gather(o->g, classes, 0, v.index));
    wr_onnx_out(o, node, 1, wr_onnx_single(o->g, v.scores));
}

/* ── the regressor ──────────────────────────────────────────────────────────────────────────── */
static unsigned aggregate_of(struct wr_onnx *o, struct wr_str name)
{
    static const char *const names[] = {"SUM", "AVERAGE", "MIN", "MAX"};
    for (unsigned i = 0; i < WR_COUNTOF(names); i++) {
        if (wr_str_eq(name, wr_str_z(names[i]))) {
            return i;
        }
    }
    wr_graph_fail(o->g, WR_E_MODEL, "the aggregate function %.*s is unknown", WR_FMT(name));
    return WR_SUM;
}

static bool targets_of(struct wr_onnx *o, const struct wr_onnx_node *node, struct wr_forest *f)
{
    int64_t targets = wr_onnx_int(o, node, "n_targets", 1);
    if (targets < 1 || targets > WR_LIMIT_MODEL_OUTPUTS) {
        wr_graph_fail(o->g, WR_E_MODEL, "%lld targets", (long long)targets);
        return false;
    }
    f->targets = (uint32_t)targets;
    return true;
}

void wr_onnx_tree_regressor(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    static const char *const names[4] = {"target_treeids", "target_nodeids", "target_ids",
                                         "target_weights"};
    struct source s = {0};
    struct wr_forest f;
    enum wr_post post = wr_onnx_post(o, node);
    (void)param;
    struct wr_onnx_votes votes;
    if (!read_ensemble(o, node, names, &s, &f, &votes) || !targets_of(o, node, &f) ||
        !set_base(o, &s, &f)) {
        return;
    }
    if (f.targets == 1 && post != WR_POST_NONE && post != WR_POST_PROBIT) {
        wr_graph_warn(o->g,
                      "post_transform acts on the one target; ONNX Runtime 1.21 leaves it out");
    }
    f.aggregate = aggregate_of(o, wr_onnx_text(o, node, "aggregate_function", "SUM"));
    uint32_t scores = wr_forest_add(o->g, &f, tree_input(o, node, s.wide));
    wr_onnx_out(o, node, 0, wr_onnx_single(o->g, wr_onnx_transform(o->g, scores, post)));
}

/* ── version 5 ──────────────────────────────────────────────────────────────────────────────── */
struct modern {
    uint32_t n, n_leaves, n_sets, next_set; /* next_set: where the next MEMBER node's set begins */
    int64_t *features, *yes, *no, *yes_leaf, *no_leaf, *missing, *targets, *roots;
    double *modes, *splits, *weights, *sets;
    uint32_t n_roots;
    bool wide;
};

static bool read_modern(struct wr_onnx *o, const struct wr_onnx_node *node, struct modern *m)
{
    uint32_t n;
    bool ignored;
    if (!wr_onnx_ints(o, node, "nodes_featureids", &m->features, &m->n) ||
        !ints_of(o, node, "nodes_truenodeids", &m->yes, m->n) ||
        !ints_of(o, node, "nodes_falsenodeids", &m->no, m->n) ||
        !ints_of(o, node, "nodes_trueleafs", &m->yes_leaf, m->n) ||
        !ints_of(o, node, "nodes_falseleafs", &m->no_leaf, m->n) ||
        !wr_onnx_ints(o, node, "nodes_missing_value_tracks_true", &m->missing, &n) ||
        !wr_onnx_ints(o, node, "leaf_targetids", &m->targets, &m->n_leaves) ||
        !wr_onnx_ints(o, node, "tree_roots", &m->roots, &m->n_roots)) {
        return false;
    }
    m->missing = n == m->n && n > 0 ? m->missing : NULL;
    if (m->n == 0 || m->n > LIMIT_NODES / 3 || m->n_roots == 0 || m->n_leaves == 0) {
        wr_graph_fail(o->g, WR_E_MODEL, "%u nodes, %u leaves, %u roots", m->n, m->n_leaves,
                      m->n_roots);
        return false;
    }
    return wr_onnx_attr_doubles(o, node, "nodes_modes", &m->modes, &n, &ignored) &&
           same_length(o, n, m->n, "nodes_modes") &&
           wr_onnx_attr_doubles(o, node, "nodes_splits", &m->splits, &n, &m->wide) &&
           same_length(o, n, m->n, "nodes_splits") &&
           wr_onnx_attr_doubles(o, node, "leaf_weights", &m->weights, &n, &ignored) &&
           same_length(o, n, m->n_leaves, "leaf_weights") &&
           wr_onnx_attr_doubles(o, node, "membership_values", &m->sets, &m->n_sets, &ignored);
}

/* A child is an inner node, or a leaf of its own for each edge that leads to one. */
static bool child_of(struct wr_onnx *o, const struct modern *m, struct wr_forest *f, uint32_t own,
                     int64_t index, int64_t leaf)
{
    if (index < 0 || index >= (leaf != 0 ? m->n_leaves : m->n)) {
        wr_graph_fail(o->g, WR_E_MODEL, "a child lies out of range");
        return false;
    }
    if (leaf != 0) {
        f->nodes[own] =
            (struct wr_walk_node){.mode = WR_WALK_LEAF, .yes = (uint32_t)index, .no = 1};
    }
    return true;
}

/* Sets are separated by NaN, in the order of the MEMBER nodes. */
static double take_set(struct wr_onnx *o, struct modern *m)
{
    uint32_t first = m->next_set, end = first;
    while (end < m->n_sets && m->sets[end] == m->sets[end]) {
        end++;
    }
    if (first >= m->n_sets || m->n_sets > WR_LIMIT_WALK_SETS) {
        wr_graph_fail(o->g, WR_E_MODEL, "a MEMBER node has no set, or more than %u members",
                      WR_LIMIT_WALK_SETS);
        return 0;
    }
    m->next_set = end + 1;
    return first + (end - first) / 4294967296.0;
}

static bool modern_node(struct wr_onnx *o, struct modern *m, struct wr_forest *f, uint32_t i)
{
    double mode = m->modes[i];
    uint32_t yes_leaf = m->n + 2 * i, no_leaf = yes_leaf + 1;
    if (!(mode >= 0 && mode <= WR_WALK_MEMBER) || m->features[i] < 0 ||
        m->features[i] > INT32_MAX) {
        wr_graph_fail(o->g, WR_E_MODEL, "node %u: mode or column is unknown", i);
        return false;
    }
    if (!child_of(o, m, f, yes_leaf, m->yes[i], m->yes_leaf[i]) ||
        !child_of(o, m, f, no_leaf, m->no[i], m->no_leaf[i])) {
        return false;
    }
    f->nodes[i] = (struct wr_walk_node){
        .threshold = mode == WR_WALK_MEMBER ? take_set(o, m) : m->splits[i],
        .feature = (uint32_t)m->features[i],
        .mode =
            (uint32_t)mode | (m->missing != NULL && m->missing[i] != 0 ? WR_WALK_MISSING_YES : 0),
        .yes = m->yes_leaf[i] != 0 ? yes_leaf : (uint32_t)m->yes[i],
        .no = m->no_leaf[i] != 0 ? no_leaf : (uint32_t)m->no[i],
    };
    return o->g->code == WR_OK;
}

static bool build_modern(struct wr_onnx *o, struct modern *m, struct wr_forest *f)
{
    struct wr_arena *arena = o->g->arena;
    *f = (struct wr_forest){.n_nodes = 3 * m->n};
    f->nodes = wr_arena_array(arena, f->n_nodes, sizeof *f->nodes, 8);
    struct wr_walk_vote *votes = wr_arena_array(arena, m->n_leaves, sizeof *votes, 8);
    uint32_t *roots = wr_arena_array(arena, m->n_roots, sizeof *roots, 4);
    if (f->nodes == NULL || votes == NULL || roots == NULL) {
        wr_graph_fail(o->g, WR_E_MEMORY, "no memory for %u tree nodes", f->n_nodes);
        return false;
    }
    for (uint32_t i = 0; i < m->n; i++) {
        if (!modern_node(o, m, f, i)) {
            return false;
        }
    }
    for (uint32_t v = 0; v < m->n_leaves; v++) {
        uint32_t target =
            m->targets[v] >= 0 && m->targets[v] <= INT32_MAX ? (uint32_t)m->targets[v] : UINT32_MAX;
        votes[v] = (struct wr_walk_vote){m->weights[v], target, 0};
    }
    for (uint32_t t = 0; t < m->n_roots; t++) {
        roots[t] = m->roots[t] >= 0 && m->roots[t] < m->n ? (uint32_t)m->roots[t] : UINT32_MAX;
    }
    f->votes = votes;
    f->n_votes = m->n_leaves;
    f->roots = roots;
    f->n_trees = m->n_roots;
    f->sets = m->sets;
    f->n_sets = m->n_sets;
    return true;
}

void wr_onnx_tree_ensemble(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    static const unsigned aggregates[] = {WR_AVERAGE, WR_SUM, WR_MIN_OF, WR_MAX_OF};
    struct modern m = {0};
    struct wr_forest f;
    int64_t aggregate = wr_onnx_int(o, node, "aggregate_function", 1);
    int64_t post = wr_onnx_int(o, node, "post_transform", 0);
    (void)param;
    if (aggregate < 0 || aggregate > 3 || post < 0 || post > WR_POST_PROBIT) {
        wr_graph_fail(o->g, WR_E_MODEL, "aggregate_function or post_transform is unknown");
        return;
    }
    if (!read_modern(o, node, &m) || !build_modern(o, &m, &f) || !targets_of(o, node, &f)) {
        return;
    }
    if (post == WR_POST_SOFTMAX || post == WR_POST_LOGISTIC) {
        wr_graph_warn(o->g, "post_transform 1 is SOFTMAX and 2 is LOGISTIC, as the text has it; "
                            "ONNX Runtime 1.21 takes them the other way round");
    }
    f.aggregate = aggregates[aggregate];
    uint32_t scores = wr_forest_add(o->g, &f, tree_input(o, node, m.wide));
    wr_onnx_out(o, node, 0, wr_onnx_transform(o->g, scores, (enum wr_post)post));
}
