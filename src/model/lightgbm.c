/* SPDX-License-Identifier: Apache-2.0 */
/* Reads LightGBM's text model (versions v2 to v4): key=value lines, one block a tree.
 *
 * A row goes left when x <= threshold. Thresholds are doubles and rows are floats here: rounding a
 * threshold down to a float leaves every comparison as it is. A missing value goes where
 * decision_type says, or, where training saw none, where 0 goes. Leaf values are summed as floats
 * in the order of the trees (LightGBM sums doubles). Refused by name: categorical splits, zero as
 * missing, linear trees, and objectives that are not in the table below. */
#include "base/num.h"
#include "model/answer.h"
#include "model/forest.h"
#include "model/source.h"

#define LIMIT_LEAVES (1u << 24)

static const struct {
    const char *name;
    enum wr_link link;
} objectives[] = {
    {"binary", WR_LINK_LOGIT},
    {"cross_entropy", WR_LINK_LOGIT},
    {"regression", WR_LINK_IDENTITY},
    {"regression_l1", WR_LINK_IDENTITY},
    {"huber", WR_LINK_IDENTITY},
    {"fair", WR_LINK_IDENTITY},
    {"quantile", WR_LINK_IDENTITY},
    {"mape", WR_LINK_IDENTITY},
    {"lambdarank", WR_LINK_IDENTITY},
    {"rank_xendcg", WR_LINK_IDENTITY},
    {"poisson", WR_LINK_LOG},
    {"gamma", WR_LINK_LOG},
    {"tweedie", WR_LINK_LOG},
    {"multiclass", WR_LINK_SOFTMAX},
    {"multiclassova", WR_LINK_ONE_VS_ALL},
};

struct reader {
    struct wr_graph *g;
    struct wr_str text;
    size_t at; /* of the next line */
    enum wr_link link;
    double sigmoid;
    uint32_t n_features, targets, tree;
    bool average, nan_seen, complete; /* complete: the line "end of trees" was seen */
    struct wr_forest forest;
    struct wr_walk_vote *votes;
    uint32_t *roots;
    float *covers; /* NULL when a tree has none */
    uint32_t n_nodes, n_votes;
};

static bool fail(struct reader *r, const char *what)
{
    if (r->g->code == WR_OK) {
        r->g->offset = r->at;
        wr_graph_fail(r->g, WR_E_MODEL, "LightGBM: tree %u: %s", r->tree, what);
    }
    return false;
}

/* ── lines ──────────────────────────────────────────────────────────────────────────────────── */
/* The next line without its end; false at the end of the text. */
static bool next_line(struct reader *r, struct wr_str *line)
{
    if (r->at >= r->text.n) {
        return false;
    }
    size_t end = wr_str_find(r->text, WR_STR("\n"), r->at);
    end = end == SIZE_MAX ? r->text.n : end;
    *line = wr_str_of(r->text.p + r->at, end - r->at);
    if (line->n > 0 && line->p[line->n - 1] == '\r') {
        line->n--;
    }
    r->at = end + 1;
    return true;
}

/* Is it "key=..."? Then *value is what follows. */
static bool has_key(struct wr_str line, const char *key, struct wr_str *value)
{
    size_t n = strlen(key);
    if (line.n <= n || memcmp(line.p, key, n) != 0 || line.p[n] != '=') {
        return false;
    }
    *value = wr_str_of(line.p + n + 1, line.n - n - 1);
    return true;
}

/* Cuts the next word off a list. */
static bool next_word(struct wr_str *list, struct wr_str *word)
{
    while (list->n > 0 && *list->p == ' ') {
        list->p++;
        list->n--;
    }
    size_t n = 0;
    while (n < list->n && list->p[n] != ' ') {
        n++;
    }
    if (n == 0) {
        return false; /* an absent list has no bytes to point at */
    }
    *word = wr_str_of(list->p, n);
    list->p += n;
    list->n -= n;
    return true;
}

static bool small_number(struct reader *r, struct wr_str text, uint32_t most, uint32_t *out)
{
    uint64_t value;
    if (!wr_num_read_u64(text, &value) || value > most) {
        return fail(r, "a number of the header is malformed or out of range");
    }
    *out = (uint32_t)value;
    return true;
}

/* A number, or inf: the threshold that only parts missing values from the rest. */
static bool number_of(struct wr_str word, double *out)
{
    static const uint64_t infinity = 0x7ff0000000000000u;
    bool minus = wr_str_eq(word, WR_STR("-inf"));
    if (!minus && !wr_str_eq(word, WR_STR("inf"))) {
        return wr_num_read_double(word, out);
    }
    memcpy(out, &infinity, sizeof *out);
    *out = minus ? -*out : *out;
    return true;
}

/* n numbers of a list into the arena. */
static double *numbers(struct reader *r, struct wr_str list, uint32_t n)
{
    double *out = WR_NEW_ARRAY(r->g->arena, double, n);
    struct wr_str word;
    for (uint32_t i = 0; out != NULL && i < n; i++) {
        if (!next_word(&list, &word) || !number_of(word, &out[i])) {
            fail(r, "a list is too short or holds something that is no number");
            return NULL;
        }
    }
    if (out == NULL) {
        wr_graph_fail(r->g, WR_E_MEMORY, "no memory for a list of %u numbers", n);
    }
    return out;
}

/* ── header ─────────────────────────────────────────────────────────────────────────────────── */
static bool read_objective(struct reader *r, struct wr_str value)
{
    struct wr_str name = {0}, option;
    next_word(&value, &name);
    for (size_t i = 0; i < WR_COUNTOF(objectives); i++) {
        if (!wr_str_eq(name, wr_str_z(objectives[i].name))) {
            continue;
        }
        r->link = objectives[i].link;
        while (next_word(&value, &option)) {
            if (wr_str_eq(option, WR_STR("sqrt"))) {
                return fail(r, "the option sqrt is not supported");
            }
            if (wr_str_starts(option, WR_STR("sigmoid:")) &&
                !wr_num_read_double(wr_str_of(option.p + 8, option.n - 8), &r->sigmoid)) {
                return fail(r, "sigmoid is no number");
            }
        }
        return true;
    }
    r->g->offset = r->at;
    wr_graph_fail(r->g, WR_E_MODEL, "LightGBM: objective %.*s is not supported",
                  WR_FMT(wr_str_of(name.p, WR_MIN(name.n, 60))));
    return false;
}

static void read_names(struct reader *r, struct wr_str list)
{
    struct wr_str *columns = WR_NEW_ARRAY(r->g->arena, struct wr_str, r->n_features), word;
    uint32_t n = 0;
    while (columns != NULL && n < r->n_features && next_word(&list, &word)) {
        columns[n++] = word;
    }
    r->g->columns = columns;
    r->g->n_columns = n;
}

/* Up to the first tree. */
static bool read_header(struct reader *r)
{
    struct wr_str line, value, names = {0};
    bool objective = false;
    size_t before = r->at;
    r->targets = 1;
    r->sigmoid = 1;
    while (r->g->code == WR_OK && next_line(r, &line)) {
        if (has_key(line, "Tree", &value)) {
            r->at = before;
            break;
        }
        if (has_key(line, "num_tree_per_iteration", &value)) {
            small_number(r, value, WR_LIMIT_MODEL_OUTPUTS / 2, &r->targets);
        } else if (has_key(line, "max_feature_idx", &value)) {
            small_number(r, value, WR_LIMIT_MODEL_INPUTS - 1, &r->n_features);
            r->n_features++;
        } else if (has_key(line, "objective", &value)) {
            objective = read_objective(r, value);
        } else if (has_key(line, "feature_names", &value)) {
            names = value;
        }
        r->average = r->average || wr_str_eq(line, WR_STR("average_output"));
        before = r->at;
    }
    if (r->g->code == WR_OK && (!objective || r->n_features == 0 || r->targets == 0)) {
        return fail(r, "the header lacks objective or max_feature_idx");
    }
    bool many = r->link == WR_LINK_SOFTMAX || r->link == WR_LINK_ONE_VS_ALL;
    if (r->g->code == WR_OK && (r->targets > 1) != many) {
        return fail(r, "num_tree_per_iteration does not suit the objective");
    }
    if (r->g->code == WR_OK) {
        read_names(r, names);
    }
    return r->g->code == WR_OK;
}

/* ── trees ──────────────────────────────────────────────────────────────────────────────────── */
struct block { /* the lines of one tree */
    uint32_t n_leaves, n_categorical, linear;
    struct wr_str feature, threshold, decision, left, right, value, inner_cover, leaf_cover;
};

/* The next tree's lines; false when there is none, or on an error. */
static bool next_block(struct reader *r, struct block *b)
{
    struct wr_str line, value;
    *b = (struct block){0};
    if (!next_line(r, &line) || !has_key(line, "Tree", &value)) {
        return false;
    }
    size_t before = r->at;
    while (next_line(r, &line) && !has_key(line, "Tree", &value)) {
        if (wr_str_eq(line, WR_STR("end of trees"))) {
            r->complete = true;
            break;
        }
        if (has_key(line, "num_leaves", &value)) {
            small_number(r, value, LIMIT_LEAVES, &b->n_leaves);
        } else if (has_key(line, "num_cat", &value)) {
            small_number(r, value, UINT32_MAX, &b->n_categorical);
        } else if (has_key(line, "is_linear", &value)) {
            small_number(r, value, 1, &b->linear);
        }
        const struct {
            const char *key;
            struct wr_str *to;
        } lists[] = {{"split_feature", &b->feature},      {"threshold", &b->threshold},
                     {"decision_type", &b->decision},     {"left_child", &b->left},
                     {"right_child", &b->right},          {"leaf_value", &b->value},
                     {"internal_count", &b->inner_cover}, {"leaf_count", &b->leaf_cover}};
        for (size_t i = 0; i < WR_COUNTOF(lists); i++) {
            if (has_key(line, lists[i].key, &value)) {
                *lists[i].to = value;
            }
        }
        before = r->at;
    }
    r->at = before;
    if (r->g->code == WR_OK && b->n_leaves == 0) {
        return fail(r, "num_leaves is missing");
    }
    if (r->g->code == WR_OK && (b->n_categorical != 0 || b->linear != 0)) {
        return fail(r, "categorical splits and linear trees are not supported");
    }
    return r->g->code == WR_OK;
}

/* The greatest float that is not above t: x <= t holds for the same floats x. */
static double round_down(double t)
{
    float f = (float)t;
    uint32_t bits;
    if ((double)f > t) {
        memcpy(&bits, &f, sizeof bits);
        bits = f > 0 ? bits - 1 : f == 0 ? 0x80000001u : bits + 1;
        memcpy(&f, &bits, sizeof f);
    }
    return (double)f;
}

static bool child(struct reader *r, double number, uint32_t inner, uint32_t leaves, uint32_t first,
                  uint32_t *out)
{
    if (!(number >= -(double)leaves && number < inner) || number != (double)(int32_t)number) {
        return fail(r, "a child lies out of range");
    }
    int32_t i = (int32_t)number;
    *out = first + (i >= 0 ? (uint32_t)i : inner + (uint32_t)(-1 - i));
    return true;
}

/* Row counts of inner nodes, then of leaves. */
static void read_covers(struct reader *r, const struct block *b)
{
    uint32_t leaves = b->n_leaves, inner = leaves - 1;
    if (r->covers == NULL || (inner > 0 && (b->inner_cover.n == 0 || b->leaf_cover.n == 0))) {
        r->covers = NULL;
        return;
    }
    double *of_inner = numbers(r, b->inner_cover, inner);
    double *of_leaves = inner > 0 ? numbers(r, b->leaf_cover, leaves) : NULL;
    for (uint32_t i = 0; of_inner != NULL && i < inner; i++) {
        r->covers[r->n_nodes + i] = (float)of_inner[i];
    }
    for (uint32_t i = 0; of_leaves != NULL && i < leaves; i++) {
        r->covers[r->n_nodes + inner + i] = (float)of_leaves[i];
    }
}

static bool read_tree(struct reader *r, const struct block *b)
{
    uint32_t leaves = b->n_leaves, inner = leaves - 1, first = r->n_nodes;
    double *feature = numbers(r, b->feature, inner), *threshold = numbers(r, b->threshold, inner);
    double *decision = numbers(r, b->decision, inner), *left = numbers(r, b->left, inner);
    double *right = numbers(r, b->right, inner), *value = numbers(r, b->value, leaves);
    read_covers(r, b);
    if (r->g->code != WR_OK) {
        return false;
    }
    for (uint32_t i = 0; i < inner; i++) {
        struct wr_walk_node *node = &r->forest.nodes[first + i];
        if (!(feature[i] >= 0 && feature[i] < r->n_features) ||
            !(decision[i] >= 0 && decision[i] < 256)) {
            return fail(r, "a feature or decision_type is out of range");
        }
        unsigned type = (unsigned)decision[i], missing = type >> 2 & 3;
        if ((type & 1) != 0 || missing == 1 || missing == 3) {
            return fail(r, "categorical splits and zero as missing are not supported");
        }
        bool yes = missing == 2 ? (type & 2) != 0 : threshold[i] >= 0;
        r->nan_seen = r->nan_seen || missing == 2;
        *node = (struct wr_walk_node){.threshold = round_down(threshold[i]),
                                      .feature = (uint32_t)feature[i],
                                      .mode = WR_WALK_LEQ | (yes ? WR_WALK_MISSING_YES : 0)};
        if (!child(r, left[i], inner, leaves, first, &node->yes) ||
            !child(r, right[i], inner, leaves, first, &node->no)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < leaves; i++) {
        r->forest.nodes[first + inner + i] =
            (struct wr_walk_node){.mode = WR_WALK_LEAF, .yes = r->n_votes, .no = 1};
        r->votes[r->n_votes++] =
            (struct wr_walk_vote){(double)(float)value[i], r->tree % r->targets, 0};
    }
    r->roots[r->tree] = first;
    r->n_nodes += inner + leaves;
    return true;
}

static bool read_trees(struct reader *r)
{
    struct wr_arena *arena = r->g->arena;
    struct block b;
    uint64_t leaves = 0;
    uint32_t n = 0;
    size_t start = r->at;
    for (; next_block(r, &b); n++) {
        leaves += b.n_leaves;
        if (leaves > LIMIT_LEAVES || leaves > r->text.n) { /* each takes a byte at least */
            return fail(r, "more leaves than can be");
        }
        r->tree++;
    }
    r->at = start;
    r->tree = 0;
    if (r->g->code != WR_OK || n == 0 || !r->complete) {
        return fail(r, "there are no trees, or no line \"end of trees\": the file is cut short");
    }
    r->forest.nodes = wr_arena_array(arena, 2 * (size_t)leaves, sizeof *r->forest.nodes, 8);
    r->votes = wr_arena_array(arena, (size_t)leaves, sizeof *r->votes, 8);
    r->roots = wr_arena_array(arena, n, sizeof *r->roots, 4);
    r->covers = wr_arena_array(arena, 2 * (size_t)leaves, sizeof *r->covers, 4);
    if (r->forest.nodes == NULL || r->votes == NULL || r->roots == NULL || r->covers == NULL) {
        wr_graph_fail(r->g, WR_E_MEMORY, "no memory for %llu leaves", (unsigned long long)leaves);
        return false;
    }
    for (; next_block(r, &b); r->tree++) {
        if (!read_tree(r, &b)) {
            return false;
        }
    }
    r->forest.n_nodes = r->n_nodes;
    r->forest.n_votes = r->n_votes;
    r->forest.n_trees = n;
    r->forest.votes = r->votes;
    r->forest.roots = r->roots;
    r->forest.covers = r->covers;
    r->forest.targets = r->targets;
    return r->g->code == WR_OK;
}

void wr_source_lightgbm(struct wr_graph *g, struct wr_str text)
{
    struct reader *r = WR_NEW(g->arena, struct reader);
    if (r == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to read a model");
        return;
    }
    r->g = g;
    r->text = text;
    g->source = WR_STR("lightgbm-text");
    g->producer = WR_STR("LightGBM");
    if (!read_header(r) || !read_trees(r)) {
        return;
    }
    struct wr_shape shape = {.rank = 2, .dims = {1, r->n_features}};
    uint32_t x = wr_graph_input(g, WR_STR("f"), WR_F32, WR_MODEL_NUMBER, &shape);
    uint32_t margin = wr_forest_add(g, &r->forest, x);
    bool scaled = (r->link == WR_LINK_LOGIT || r->link == WR_LINK_ONE_VS_ALL) && r->sigmoid != 1;
    g->missing = r->nan_seen;
    if (r->average) {
        uint32_t rounds = wr_graph_scalar(g, WR_F32, (double)(r->forest.n_trees / r->targets));
        margin = wr_graph_zip(g, WR_ZIP_DIV, margin, rounds, WR_F32);
    }
    if (scaled) {
        margin =
            wr_graph_zip(g, WR_ZIP_MUL, margin, wr_graph_scalar(g, WR_F32, r->sigmoid), WR_F32);
    }
    wr_answer_add(g, margin, r->link);
}
