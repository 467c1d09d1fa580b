/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations against their definition: Shapley values summed over all sets of columns, on random
 * trees written as XGBoost's JSON; and what adds up to the margin. */
#include <math.h>

#include "base/rng.h"
#include "model_test.h"

enum { COLUMNS_MAX = 12, NODES_MAX = 512, TREES_MAX = 4 };

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

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
