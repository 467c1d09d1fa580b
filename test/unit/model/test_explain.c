/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations against their definition: Shapley values summed over all sets of columns, on random
 * trees written as XGBoost's JSON; and what adds up to the margin. */
#include <math.h>

#include "base/rng.h"
#include "model/explain.h"
#include "model/forest.h"
#include "model/kernel.h"
#include "model_test.h"

enum { COLUMNS_MAX = 12, NODES_MAX = 1100, TREES_MAX = 4 };

struct node {
    int left, right, column, default_left;
    float threshold, value, cover;
};
struct tree {
    struct node nodes[NODES_MAX];
    int n;
};
struct ensemble {
    struct tree trees[TREES_MAX];
    int n_trees, n_columns;
};

/* ── random trees ───────────────────────────────────────────────────────────────────────────── */
static int grow(struct tree *tree, struct wr_rng *rng, int n_columns, int depth, float cover)
{
    int own = tree->n++;
    bool leaf = depth == 0 || cover < 2 || tree->n + 2 > NODES_MAX || wr_rng_below(rng, 8) == 0;
    tree->nodes[own] = (struct node){.left = -1, .right = -1, .cover = cover};
    if (leaf) {
        tree->nodes[own].value = (float)wr_rng_below(rng, 2001) / 1000.0f - 1.0f;
        return own;
    }
    float left = (float)(1 + wr_rng_below(rng, (uint64_t)cover - 1));
    tree->nodes[own].column = (int)wr_rng_below(rng, (uint64_t)n_columns);
    tree->nodes[own].threshold = (float)wr_rng_below(rng, 16) / 4.0f;
    tree->nodes[own].default_left = (int)wr_rng_below(rng, 2);
    int yes = grow(tree, rng, n_columns, depth - 1, left);
    int no = grow(tree, rng, n_columns, depth - 1, cover - left);
    tree->nodes[own].left = yes;
    tree->nodes[own].right = no;
    return own;
}

/* A chain: every node asks for the next column, so that many columns lie on one path. */
static void grow_chain(struct tree *tree, struct wr_rng *rng, int n_columns)
{
    for (int i = 0; i < n_columns; i++) {
        int leaf = 2 * i + 1, next = 2 * i + 2;
        float cover = (float)(4 * (n_columns - i) + 4);
        tree->nodes[2 * i] = (struct node){.left = leaf,
                                           .right = next,
                                           .column = i,
                                           .threshold = (float)wr_rng_below(rng, 16) / 4.0f,
                                           .cover = cover};
        tree->nodes[leaf] = (struct node){-1, -1, 0, 0, 0, (float)i / 8.0f - 1, 4};
    }
    tree->nodes[2 * n_columns] = (struct node){-1, -1, 0, 0, 0, 3, 4};
    tree->n = 2 * n_columns + 1;
}

enum { AS_LEFT, AS_RIGHT, AS_COLUMN, AS_CONDITION, AS_DEFAULT, AS_COVER };
static void list(struct wr_buf *json, const struct tree *tree, const char *key, int what)
{
    wr_format(json, "\"%s\":[", key);
    for (int i = 0; i < tree->n; i++) {
        const struct node *n = &tree->nodes[i];
        double number = what == AS_LEFT      ? n->left
                        : what == AS_RIGHT   ? n->right
                        : what == AS_COLUMN  ? n->column
                        : what == AS_DEFAULT ? n->default_left
                        : what == AS_COVER   ? (double)n->cover
                        : n->left < 0        ? (double)n->value
                                             : (double)n->threshold;
        char text[40];
        snprintf(text, sizeof text, "%s%.9g", i == 0 ? "" : ",", number);
        wr_buf_str(json, wr_str_z(text));
    }
    wr_buf_str(json, WR_STR("],"));
}

static struct wr_str as_json(struct wr_arena *arena, const struct ensemble *e, bool covers)
{
    struct wr_buf json = wr_buf_in(arena, 65536);
    wr_format(&json,
              "{\"learner\":{\"objective\":{\"name\":\"reg:squarederror\"},"
              "\"learner_model_param\":{\"num_feature\":\"%d\",\"num_class\":\"0\","
              "\"base_score\":\"0.25\"},\"gradient_booster\":{\"name\":\"gbtree\",\"model\":{"
              "\"tree_info\":[",
              e->n_columns);
    for (int t = 0; t < e->n_trees; t++) {
        wr_buf_str(&json, t == 0 ? WR_STR("0") : WR_STR(",0"));
    }
    wr_buf_str(&json, WR_STR("],\"trees\":["));
    for (int t = 0; t < e->n_trees; t++) {
        const struct tree *tree = &e->trees[t];
        wr_buf_str(&json, t == 0 ? WR_STR("{") : WR_STR(",{"));
        list(&json, tree, "left_children", AS_LEFT);
        list(&json, tree, "right_children", AS_RIGHT);
        list(&json, tree, "split_indices", AS_COLUMN);
        list(&json, tree, "split_conditions", AS_CONDITION);
        list(&json, tree, "default_left", AS_DEFAULT);
        if (covers) {
            list(&json, tree, "sum_hessian", AS_COVER);
        }
        wr_buf_str(&json, WR_STR("\"id\":0}"));
    }
    wr_buf_str(&json, WR_STR("]}}}}"));
    return wr_buf_view(&json);
}

/* ── the definition ─────────────────────────────────────────────────────────────────────────── */
/* What is expected of a node's tree when the columns of `set` are known. */
static double expected(const struct tree *tree, int i, const double *row, unsigned set)
{
    const struct node *n = &tree->nodes[i];
    if (n->left < 0) {
        return (double)n->value;
    }
    if ((set >> n->column & 1) != 0) {
        float x = (float)row[n->column];
        bool left = isnan(x) ? n->default_left != 0 : x < n->threshold;
        return expected(tree, left ? n->left : n->right, row, set);
    }
    double left = (double)tree->nodes[n->left].cover, right = (double)tree->nodes[n->right].cover;
    return (left * expected(tree, n->left, row, set) + right * expected(tree, n->right, row, set)) /
           (left + right);
}

static double value_of(const struct ensemble *e, const double *row, unsigned set)
{
    double sum = 0.25;
    for (int t = 0; t < e->n_trees; t++) {
        sum += expected(&e->trees[t], 0, row, set);
    }
    return sum;
}

/* contributions[n], base, margin */
static void shapley(const struct ensemble *e, const double *row, double *out)
{
    static double values[1 << COLUMNS_MAX];
    int n = e->n_columns;
    double weight[COLUMNS_MAX]; /* k! (n-1-k)! / n! */
    for (unsigned set = 0; set < 1u << n; set++) {
        values[set] = value_of(e, row, set);
    }
    for (int k = 0; k < n; k++) {
        weight[k] = exp(lgamma(k + 1) + lgamma(n - k) - lgamma(n + 1));
    }
    for (int i = 0; i < n; i++) {
        out[i] = 0;
        for (unsigned set = 0; set < 1u << n; set++) {
            if ((set >> i & 1) == 0) {
                out[i] += weight[__builtin_popcount(set)] * (values[set | 1u << i] - values[set]);
            }
        }
    }
    out[n] = values[0];
    out[n + 1] = values[(1u << n) - 1];
}

static void random_row(struct wr_rng *rng, int n, double *row)
{
    for (int i = 0; i < n; i++) {
        bool missing = wr_rng_below(rng, 6) == 0;
        row[i] = missing ? (double)NAN : (double)wr_rng_below(rng, 17) / 4 - 0.125;
    }
}

static double adds_up(const double *out, size_t n)
{
    double sum = out[n];
    for (size_t i = 0; i < n; i++) {
        sum += out[i];
    }
    return fabs(sum - out[n + 1]) / fmax(1, fabs(out[n + 1]));
}

static void check_rows(const struct ensemble *e, struct wr_rng *rng, int rows)
{
    struct test_model m;
    struct wr_arena text;
    wr_arena_init(&text, &test_memory, 1 << 24);
    CHECK(test_open(&m, as_json(&text, e, true), NULL));
    CHECK(wr_model_explanation(m.model, NULL) == WR_MODEL_EXPLAINED_TREES);
    void *scratch = wr_arena_alloc(&m.arena, wr_model_explain_scratch_size(m.model), 64);
    for (int r = 0; r < rows; r++) {
        double got[COLUMNS_MAX + 2], want[COLUMNS_MAX + 2];
        size_t n = (size_t)e->n_columns;
        random_row(rng, e->n_columns, m.row);
        CHECK(wr_model_explain(m.model, m.row, 0, got, scratch) == WR_OK);
        CHECK(wr_model_score(m.model, m.row, m.outputs, m.scratch) == WR_OK);
        shapley(e, m.row, want);
        for (size_t i = 0; i < n + 2; i++) {
            CHECK(fabs(got[i] - want[i]) < 1e-12);
        }
        CHECK(adds_up(got, n) < 1e-12);
        CHECK(fabs(got[n + 1] - m.outputs[0]) < 1e-5);
    }
    test_close(&m);
    wr_arena_deinit(&text);
}

TEST("contributions of trees are the Shapley values of their definition")
{
    static struct ensemble e;
    struct wr_rng rng;
    wr_rng_seed(&rng, 20261128);
    for (int round = 0; round < 60; round++) {
        e.n_columns = 1 + round % 8;
        e.n_trees = 1 + round % TREES_MAX;
        for (int t = 0; t < e.n_trees; t++) {
            e.trees[t].n = 0;
            grow(&e.trees[t], &rng, e.n_columns, 1 + round % 7, 300);
        }
        check_rows(&e, &rng, 12);
    }
}

TEST("more than eight columns on a path take more points of Gauss' rule")
{
    static struct ensemble e;
    struct wr_rng rng;
    wr_rng_seed(&rng, 7);
    for (int n = 7; n <= COLUMNS_MAX; n++) {
        e.n_columns = n;
        e.n_trees = 1;
        grow_chain(&e.trees[0], &rng, n);
        check_rows(&e, &rng, 6);
    }
}

/* Is a chain of n nodes explained? It asks for `columns` different columns in turn. */
static bool chain_explained(int n, int columns, struct wr_str *why)
{
    static struct ensemble e;
    struct test_model m;
    struct wr_arena text;
    e.n_columns = columns;
    e.n_trees = 1;
    for (int i = 0; i < n; i++) {
        e.trees[0].nodes[2 * i] = (struct node){.left = 2 * i + 1,
                                                .right = 2 * i + 2,
                                                .column = i % columns,
                                                .cover = (float)(2 * (n - i) + 1)};
        e.trees[0].nodes[2 * i + 1] = (struct node){-1, -1, 0, 0, 0, 1, 2};
    }
    e.trees[0].nodes[2 * n] = (struct node){-1, -1, 0, 0, 0, 3, 1};
    e.trees[0].n = 2 * n + 1;
    wr_arena_init(&text, &test_memory, 1 << 24);
    CHECK(test_open(&m, as_json(&text, &e, true), NULL));
    bool explained = wr_model_explanation(m.model, why) == WR_MODEL_EXPLAINED_TREES;
    if (explained) {
        double *got = wr_arena_array(&m.arena, (size_t)columns + 2, 8, 8);
        void *scratch = wr_arena_alloc(&m.arena, wr_model_explain_scratch_size(m.model), 64);
        memset(m.row, 0, (size_t)columns * 8);
        CHECK(wr_model_explain(m.model, m.row, 0, got, scratch) == WR_OK);
        CHECK(adds_up(got, (size_t)columns) < 1e-12);
    }
    test_close(&m);
    wr_arena_deinit(&text);
    return explained;
}

TEST("a tree may be 512 deep and ask for 64 columns on a path, and no more, to be explained")
{
    struct wr_str why;
    CHECK(chain_explained(512, 5, &why));
    CHECK(!chain_explained(513, 5, &why));
    CHECK(chain_explained(64, 64, &why));
    CHECK(chain_explained(200, 64, &why));
    CHECK(!chain_explained(65, 65, &why));
}

TEST("without covers in every tree nothing is explained, and a cover below zero is refused")
{
    static struct ensemble e;
    struct test_model m;
    struct wr_arena text;
    struct wr_rng rng;
    struct wr_str why;
    wr_arena_init(&text, &test_memory, 1 << 24);
    wr_rng_seed(&rng, 3);
    e.n_columns = 4;
    e.n_trees = 1;
    e.trees[0].n = 0;
    grow_chain(&e.trees[0], &rng, 4);
    CHECK(test_open(&m, as_json(&text, &e, false), NULL));
    CHECK(wr_model_explanation(m.model, &why) == WR_MODEL_UNEXPLAINED);
    test_close(&m);
    e.trees[0].nodes[1].cover = -1;
    CHECK(!test_open(&m, as_json(&text, &e, true), NULL) && m.error.code == WR_E_MODEL);
    CHECK(strstr(m.error.text, "cover") != NULL);
    test_close(&m);
    wr_arena_deinit(&text);
}

/* ── one-hot columns ────────────────────────────────────────────────────────────────────────── */
/* y = trees(one_hot(a), b, a): the one-hot elements of `a` and `a` itself are one column to the
 * definition. */
enum { KINDS = 3, WIDE = KINDS + 2 };

static double wide_expected(const struct wr_walk_node *nodes, const float *covers,
                            const double *values, uint32_t i, const double *x, unsigned set)
{
    const struct wr_walk_node *n = &nodes[i];
    if (n->mode == WR_WALK_LEAF) {
        return values[i];
    }
    unsigned column = n->feature == KINDS ? 1 : 0;
    if ((set >> column & 1) != 0) {
        return wide_expected(nodes, covers, values, x[n->feature] <= n->threshold ? n->yes : n->no,
                             x, set);
    }
    double yes = (double)covers[n->yes], no = (double)covers[n->no];
    return (yes * wide_expected(nodes, covers, values, n->yes, x, set) +
            no * wide_expected(nodes, covers, values, n->no, x, set)) /
           (yes + no);
}

/* A full tree of depth 4 over the wide row. */
static void grow_wide(struct wr_rng *rng, struct wr_walk_node *nodes, float *covers,
                      struct wr_walk_vote *votes, double *values)
{
    for (uint32_t i = 31; i-- > 0;) {
        covers[i] =
            i >= 15 ? (float)(1 + wr_rng_below(rng, 9)) : covers[2 * i + 1] + covers[2 * i + 2];
        uint32_t feature = (uint32_t)wr_rng_below(rng, WIDE);
        double threshold = feature < KINDS ? 0.5 : (double)wr_rng_below(rng, 3);
        values[i] = (double)(float)(wr_rng_unit(rng) - 0.5);
        votes[i] = (struct wr_walk_vote){values[i], 0, 0};
        nodes[i] =
            i >= 15 ? (struct wr_walk_node){.mode = WR_WALK_LEAF, .yes = i, .no = 1}
                    : (struct wr_walk_node){threshold, feature, WR_WALK_LEQ, 2 * i + 1, 2 * i + 2};
    }
}

/* The program of y in the arena; NULL on an error. */
static const uint8_t *wide_program(struct wr_arena *arena, struct wr_walk_node *nodes,
                                   const float *covers, const struct wr_walk_vote *votes)
{
    static const uint32_t root = 0;
    struct wr_graph *g = WR_NEW(arena, struct wr_graph);
    struct wr_error error = {0};
    struct wr_str program = {0};
    int64_t kinds[KINDS] = {0, 1, 2};
    struct wr_shape two = {.rank = 2, .dims = {1, 2}}, row = {.rank = 2, .dims = {1, KINDS}};
    wr_graph_init(g, arena, &error);
    uint32_t x = wr_graph_input(g, WR_STR("x"), WR_F32, WR_MODEL_NUMBER, &two);
    uint32_t ins[2] = {wr_graph_slice(g, x, 1, 0, 1, 1),
                       wr_graph_constant_1d(g, WR_I64, KINDS, kinds)};
    const struct wr_graph_out out = {WR_F32, row};
    const uint32_t zeros = 1;
    uint32_t parts[3] = {wr_graph_step(g, WR_STEP_ONE_HOT, 0, &out, 1, ins, 2, &zeros, 1),
                         wr_graph_slice(g, x, 1, 1, 1, 1), ins[0]};
    struct wr_forest forest = {.nodes = nodes,
                               .n_nodes = 31,
                               .roots = &root,
                               .n_trees = 1,
                               .votes = votes,
                               .n_votes = 31,
                               .targets = 1,
                               .covers = covers};
    uint32_t wide = wr_graph_concat(g, 1, parts, 3);
    wr_graph_output(g, WR_STR("score"), wr_forest_add(g, &forest, wide), WR_MODEL_SCORE);
    struct wr_model_options options = {0};
    wr_err code = wr_graph_write(g, &options, &program);
    if (code != WR_OK) {
        fprintf(stderr, "%s\n", error.text);
    }
    return code == WR_OK && wr_program_check(arena, (const uint8_t *)program.p, program.n, NULL,
                                             &error) == WR_OK
               ? (const uint8_t *)program.p
               : NULL;
}

TEST("elements that come of one column are that one column")
{
    struct wr_rng rng;
    wr_rng_seed(&rng, 99);
    for (int round = 0; round < 20; round++) {
        struct wr_walk_node nodes[31];
        struct wr_walk_vote votes[31];
        float covers[31];
        double values[31], got[4];
        struct wr_arena arena;
        wr_arena_init(&arena, &test_memory, 1 << 24);
        grow_wide(&rng, nodes, covers, votes, values);
        struct wr_walk_node copy[31];
        memcpy(copy, nodes, sizeof copy);
        const uint8_t *program = wide_program(&arena, copy, covers, votes);
        CHECK(program != NULL);
        for (int k = 0; program != NULL && k < 9; k++) {
            const struct wr_program *p = (const void *)program;
            double a = k % 3, b = k / 3, row[2] = {a, b}, x[WIDE] = {a == 0, a == 1, a == 2, b, a};
            uint8_t *scratch = wr_arena_alloc(&arena, p->scratch + 64, 64);
            uint8_t *room =
                wr_arena_alloc(&arena, (size_t)wr_explain_room(p, wr_explain_of(p)), 64);
            CHECK(wr_kernel_explain(program, row, 0, got, scratch, room) == WR_KERNEL_OK);
            double v[4];
            for (unsigned set = 0; set < 4; set++) {
                v[set] = wide_expected(nodes, covers, values, 0, x, set);
            }
            CHECK(fabs(got[0] - ((v[1] - v[0]) + (v[3] - v[2])) / 2) < 1e-12);
            CHECK(fabs(got[1] - ((v[2] - v[0]) + (v[3] - v[1])) / 2) < 1e-12);
            CHECK(fabs(got[2] - v[0]) < 1e-12 && fabs(got[3] - v[3]) < 1e-12);
        }
        wr_arena_deinit(&arena);
    }
}

/* ── votes ──────────────────────────────────────────────────────────────────────────────────── */
enum { TARGETS = 3, TREES = 2, NODES = 31 };
static const double sets[] = {0, 2, 1, 3, 4}; /* two sets: {0, 2} and {1, 3, 4} */

static double set_of(unsigned first, unsigned n)
{
    return first + n / 4294967296.0;
}

static bool goes_yes(const struct wr_walk_node *n, double x)
{
    if (n->mode != WR_WALK_MEMBER) {
        return x <= n->threshold;
    }
    return n->threshold < 2 ? x == 0 || x == 2 : x == 1 || x == 3 || x == 4;
}

/* Two trees of which every leaf votes for three targets; the mean of the trees plus a base, and a
 * softmax behind it. */
static const uint8_t *voting_program(struct wr_arena *arena, struct wr_walk_node *nodes,
                                     const float *covers, const struct wr_walk_vote *votes,
                                     const double *base)
{
    static const uint32_t roots[TREES] = {0, NODES};
    struct wr_graph *g = WR_NEW(arena, struct wr_graph);
    struct wr_error error = {0};
    struct wr_str program = {0};
    struct wr_shape row = {.rank = 2, .dims = {1, WIDE}};
    wr_graph_init(g, arena, &error);
    uint32_t x = wr_graph_input(g, WR_STR("x"), WR_F32, WR_MODEL_NUMBER, &row);
    struct wr_forest forest = {.nodes = nodes,
                               .n_nodes = TREES * NODES,
                               .roots = roots,
                               .n_trees = TREES,
                               .votes = votes,
                               .n_votes = TREES * NODES * TARGETS,
                               .targets = TARGETS,
                               .aggregate = WR_AVERAGE,
                               .base = base,
                               .sets = sets,
                               .n_sets = WR_COUNTOF(sets),
                               .covers = covers};
    uint32_t margins = wr_forest_add(g, &forest, x);
    wr_graph_output(g, WR_STR("p"), wr_graph_softmax(g, WR_SOFTMAX, margins, 1),
                    WR_MODEL_PROBABILITY);
    struct wr_model_options options = {0};
    wr_err code = wr_graph_write(g, &options, &program);
    CHECK_INT(code, WR_OK);
    return code == WR_OK ? (const uint8_t *)program.p : NULL;
}

static double voted(const struct wr_walk_node *nodes, const float *covers,
                    const struct wr_walk_vote *votes, uint32_t i, unsigned target, const double *x,
                    unsigned set)
{
    const struct wr_walk_node *n = &nodes[i];
    if (n->mode == WR_WALK_LEAF) {
        return votes[n->yes + target].weight;
    }
    if ((set >> n->feature & 1) != 0) {
        return voted(nodes, covers, votes, goes_yes(n, x[n->feature]) ? n->yes : n->no, target, x,
                     set);
    }
    double yes = (double)covers[n->yes], no = (double)covers[n->no];
    return (yes * voted(nodes, covers, votes, n->yes, target, x, set) +
            no * voted(nodes, covers, votes, n->no, target, x, set)) /
           (yes + no);
}

static double voted_value(const struct wr_walk_node *nodes, const float *covers,
                          const struct wr_walk_vote *votes, const double *base, unsigned target,
                          const double *x, unsigned set)
{
    double sum = 0;
    for (uint32_t t = 0; t < TREES; t++) {
        sum += voted(nodes, covers, votes, t * NODES, target, x, set);
    }
    return sum / TREES + base[target];
}

static void grow_voting(struct wr_rng *rng, struct wr_walk_node *nodes, float *covers,
                        struct wr_walk_vote *votes)
{
    for (uint32_t i = TREES * NODES; i-- > 0;) {
        uint32_t own = i % NODES, first = i - own, yes = first + 2 * own + 1;
        bool leaf = own >= 15;
        covers[i] = leaf ? (float)(1 + wr_rng_below(rng, 9)) : covers[yes] + covers[yes + 1];
        nodes[i] =
            leaf ? (struct wr_walk_node){.mode = WR_WALK_LEAF, .yes = i * TARGETS, .no = TARGETS}
                 : (struct wr_walk_node){(double)wr_rng_below(rng, 4),
                                         (uint32_t)wr_rng_below(rng, WIDE), WR_WALK_LEQ, yes,
                                         yes + 1};
        if (!leaf && wr_rng_below(rng, 3) == 0) {
            nodes[i].mode = WR_WALK_MEMBER;
            nodes[i].threshold = wr_rng_below(rng, 2) == 0 ? set_of(0, 2) : set_of(2, 3);
        }
        for (uint32_t k = 0; k < TARGETS; k++) {
            double weight = (double)(float)(wr_rng_unit(rng) - 0.5);
            votes[i * TARGETS + k] = (struct wr_walk_vote){weight, k, 0};
        }
    }
}

TEST("where a leaf votes for several targets, each class has its own contributions and base")
{
    static const double base[TARGETS] = {0.25, -0.5, 1};
    struct wr_rng rng;
    wr_rng_seed(&rng, 5);
    for (int round = 0; round < 12; round++) {
        struct wr_walk_node nodes[TREES * NODES], copy[TREES * NODES];
        struct wr_walk_vote votes[TREES * NODES * TARGETS];
        float covers[TREES * NODES];
        double got[WIDE + 2], x[WIDE];
        struct wr_arena arena;
        wr_arena_init(&arena, &test_memory, 1 << 24);
        grow_voting(&rng, nodes, covers, votes);
        memcpy(copy, nodes, sizeof copy);
        const uint8_t *program = voting_program(&arena, copy, covers, votes, base);
        const struct wr_program *p = (const void *)program;
        uint8_t *scratch = wr_arena_alloc(&arena, p->scratch + 64, 64);
        uint8_t *room = wr_arena_alloc(&arena, (size_t)wr_explain_room(p, wr_explain_of(p)), 64);
        for (uint32_t k = 0; k < 4 * TARGETS; k++) {
            for (int i = 0; i < WIDE; i++) {
                x[i] = (double)wr_rng_below(&rng, 5);
            }
            CHECK(wr_kernel_explain(program, x, k % TARGETS, got, scratch, room) == WR_KERNEL_OK);
            for (unsigned i = 0; i < WIDE; i++) {
                double want = 0;
                for (unsigned set = 0; set < 1u << WIDE; set++) {
                    int size = __builtin_popcount(set);
                    double weight = exp(lgamma(size + 1) + lgamma(WIDE - size) - lgamma(WIDE + 1));
                    bool in = (set >> i & 1) != 0;
                    want += in ? 0
                               : weight *
                                     (voted_value(nodes, covers, votes, base, k % TARGETS, x,
                                                  set | 1u << i) -
                                      voted_value(nodes, covers, votes, base, k % TARGETS, x, set));
                }
                CHECK(fabs(got[i] - want) < 1e-12);
            }
            CHECK(fabs(got[WIDE] - voted_value(nodes, covers, votes, base, k % TARGETS, x, 0)) <
                  1e-12);
            CHECK(adds_up(got, WIDE) < 1e-12);
        }
        wr_arena_deinit(&arena);
    }
}

TEST("the first 256 outputs can be explained, a sum as the sum it is")
{
    enum { WIDTH = 300 };
    struct wr_arena arena;
    struct wr_error error = {0};
    struct wr_str bytes = {0};
    struct wr_shape row = {.rank = 2, .dims = {1, WIDTH}};
    struct wr_model_options options = {0};
    static double x[WIDTH], got[WIDTH + 2];
    wr_arena_init(&arena, &test_memory, 1 << 26);
    struct wr_graph *g = WR_NEW(&arena, struct wr_graph);
    wr_graph_init(g, &arena, &error);
    uint32_t in = wr_graph_input(g, WR_STR("x"), WR_F32, WR_MODEL_NUMBER, &row);
    uint32_t total = wr_graph_reduce(g, WR_REDUCE_SUM, in, 2, true); /* y[i] = sum - 3 x[i] */
    uint32_t three = wr_graph_zip(g, WR_ZIP_MUL, in, wr_graph_scalar(g, WR_F32, 3), WR_F32);
    wr_graph_output(g, WR_STR("y"), wr_graph_zip(g, WR_ZIP_SUB, total, three, WR_F32),
                    WR_MODEL_SCORE);
    CHECK_INT(wr_graph_write(g, &options, &bytes), WR_OK);
    const uint8_t *program = (const uint8_t *)bytes.p;
    const struct wr_program *p = (const void *)program;
    CHECK_INT(wr_program_check(&arena, program, bytes.n, NULL, &error), WR_OK);
    CHECK(p->explain != 0 && wr_explain_of(p)->method == WR_EXPLAIN_LINEAR);
    CHECK_INT(wr_explain_of(p)->n_classes, WR_LIMIT_EXPLAIN_CLASSES);
    uint8_t *scratch = wr_arena_alloc(&arena, p->scratch + 64, 64);
    uint8_t *room = wr_arena_alloc(&arena, p->explain_room, 64);
    for (int i = 0; i < WIDTH; i++) {
        x[i] = i % 5;
    }
    CHECK_INT(wr_kernel_explain(program, x, 255, got, scratch, room), WR_KERNEL_OK);
    for (int i = 0; i < WIDTH; i++) {
        CHECK(got[i] == (i == 255 ? -2 * x[i] : x[i]));
    }
    CHECK(got[WIDTH] == 0 && adds_up(got, WIDTH) == 0);
    CHECK_INT(wr_kernel_explain(program, x, 256, got, scratch, room), WR_KERNEL_NO_EXPLANATION);
    wr_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
