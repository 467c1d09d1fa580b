/* SPDX-License-Identifier: Apache-2.0 */
/* Reads XGBoost's model.json and model.ubj (schema of versions 1.0 to 3.x): boosters gbtree and
 * dart.
 *
 * A missing value goes where default_left says; a row goes left when x < split_condition, both
 * floats. Sums start from the base score's margin and run over the trees in order, as XGBoost's own
 * predictor does, so that a margin has XGBoost's bits. Refused by name: categorical splits, vector
 * leaves, gblinear, and objectives that are not in the table below. All trees count: where training
 * stopped early, save the booster sliced to its best iteration. */
#include "base/fmath.h"
#include "base/num.h"
#include "model/answer.h"
#include "model/forest.h"
#include "model/source.h"
#include "model/ubjson.h"
#include "value/json_read.h"

static const struct {
    const char *name;
    enum wr_link link;
    bool raw; /* the base score is a probability, the answer stays a margin */
} objectives[] = {
    {"binary:logistic", WR_LINK_LOGIT, false},
    {"reg:logistic", WR_LINK_LOGIT, false},
    {"binary:logitraw", WR_LINK_IDENTITY, true},
    {"reg:squarederror", WR_LINK_IDENTITY, false},
    {"reg:linear", WR_LINK_IDENTITY, false},
    {"reg:squaredlogerror", WR_LINK_IDENTITY, false},
    {"reg:absoluteerror", WR_LINK_IDENTITY, false},
    {"reg:pseudohubererror", WR_LINK_IDENTITY, false},
    {"reg:quantileerror", WR_LINK_IDENTITY, false},
    {"rank:pairwise", WR_LINK_IDENTITY, false},
    {"rank:ndcg", WR_LINK_IDENTITY, false},
    {"rank:map", WR_LINK_IDENTITY, false},
    {"count:poisson", WR_LINK_LOG, false},
    {"reg:gamma", WR_LINK_LOG, false},
    {"reg:tweedie", WR_LINK_LOG, false},
    {"survival:cox", WR_LINK_LOG, false},
    {"survival:aft", WR_LINK_LOG, false},
    {"multi:softprob", WR_LINK_SOFTMAX, false},
    {"multi:softmax", WR_LINK_SOFTMAX, false},
};

struct reader {
    struct wr_graph *g;
    const struct wr_value *learner, *model, *weight_drop;
    uint32_t n_features, targets, n_trees, n_nodes;
    enum wr_link link;
    bool raw_logit;
    struct wr_str objective;
    struct wr_forest forest;
    struct wr_walk_vote *votes;
    uint32_t *roots;
    float *covers; /* NULL when a tree has none */
    double *base;  /* margin by class */
};

/* A member of an object by name and type; fails with its path when it is not there. */
static const struct wr_value *need(struct reader *r, const struct wr_value *object, const char *key,
                                   enum wr_type type, const char *path)
{
    const struct wr_value *v = object == NULL || object->type != WR_OBJECT
                                   ? NULL
                                   : wr_object_get_str(object, wr_str_z(key));
    if (v == NULL || v->type != type) {
        wr_graph_fail(r->g, WR_E_MODEL, "XGBoost: %s.%s is missing or has another type", path, key);
        return NULL;
    }
    return v;
}

/* Numbers of XGBoost's parameters are strings. */
static bool parameter(struct reader *r, const struct wr_value *object, const char *key, double *out)
{
    const struct wr_value *v = need(r, object, key, WR_STRING, "learner_model_param");
    if (v == NULL) {
        return false;
    }
    if (!wr_num_read_double(wr_text(*v), out)) {
        wr_graph_fail(r->g, WR_E_MODEL, "XGBoost: learner_model_param.%s is not one number", key);
        return false;
    }
    return true;
}

static bool read_objective(struct reader *r)
{
    const struct wr_value *o = need(r, r->learner, "objective", WR_OBJECT, "learner");
    const struct wr_value *name = o != NULL ? need(r, o, "name", WR_STRING, "objective") : NULL;
    if (name == NULL) {
        return false;
    }
    r->objective = wr_text(*name);
    for (size_t i = 0; i < WR_COUNTOF(objectives); i++) {
        if (wr_str_eq(r->objective, wr_str_z(objectives[i].name))) {
            r->link = objectives[i].link;
            r->raw_logit = objectives[i].raw;
            return true;
        }
    }
    wr_graph_fail(r->g, WR_E_MODEL, "XGBoost: objective %.*s is not supported",
                  WR_FMT(r->objective));
    return false;
}

/* The margin that a base score stands for. */
static bool margin_of(struct reader *r, struct wr_str text, double *margin)
{
    bool logit = r->link == WR_LINK_LOGIT || r->raw_logit;
    double base;
    if (!wr_num_read_double(text, &base) || base - base != 0 ||
        (logit && !(base > 0 && base < 1)) || (r->link == WR_LINK_LOG && !(base > 0))) {
        wr_graph_fail(r->g, WR_E_MODEL, "XGBoost: base_score does not suit objective %.*s",
                      WR_FMT(r->objective));
        return false;
    }
    base = logit ? -wr_log(1 / base - 1) : r->link == WR_LINK_LOG ? wr_log(base) : base;
    *margin = (double)(float)base;
    return true;
}

/* One number for all classes; from XGBoost 3.1 on a list, "[2E-1,5E-1]", of one or one a class. */
static bool read_bases(struct reader *r, const struct wr_value *p)
{
    const struct wr_value *v = need(r, p, "base_score", WR_STRING, "learner_model_param");
    if (v == NULL) {
        return false;
    }
    r->base = wr_arena_array(r->g->arena, r->targets, sizeof *r->base, 8);
    if (r->base == NULL) {
        wr_graph_fail(r->g, WR_E_MEMORY, "no memory for %u classes", r->targets);
        return false;
    }
    struct wr_str text = wr_text(*v);
    bool more = true;
    uint32_t n = 0;
    if (text.n > 2 && text.p[0] == '[' && text.p[text.n - 1] == ']') {
        text = wr_str_of(text.p + 1, text.n - 2);
    }
    for (; more && n < r->targets; n++) {
        size_t comma = wr_str_find(text, WR_STR(","), 0);
        more = comma != SIZE_MAX;
        if (!margin_of(r, wr_str_of(text.p, more ? comma : text.n), &r->base[n])) {
            return false;
        }
        text = more ? wr_str_of(text.p + comma + 1, text.n - comma - 1) : text;
    }
    if (more || (n != 1 && n != r->targets)) {
        wr_graph_fail(r->g, WR_E_MODEL,
                      "XGBoost: base_score is neither one number nor one for each "
                      "of %u classes",
                      r->targets);
        return false;
    }
    for (; n < r->targets; n++) {
        r->base[n] = r->base[0];
    }
    return true;
}

static bool read_parameters(struct reader *r)
{
    const struct wr_value *p = need(r, r->learner, "learner_model_param", WR_OBJECT, "learner");
    double features, classes;
    if (p == NULL || !parameter(r, p, "num_feature", &features) ||
        !parameter(r, p, "num_class", &classes)) {
        return false;
    }
    if (!(features >= 1 && features <= WR_LIMIT_MODEL_INPUTS) ||
        !(classes >= 0 && classes <= WR_LIMIT_MODEL_OUTPUTS / 2)) {
        wr_graph_fail(r->g, WR_E_LIMIT, "XGBoost: num_feature or num_class is out of range");
        return false;
    }
    r->n_features = (uint32_t)features;
    r->targets = classes >= 2 ? (uint32_t)classes : 1;
    if ((r->targets > 1) != (r->link == WR_LINK_SOFTMAX)) {
        wr_graph_fail(r->g, WR_E_MODEL, "XGBoost: num_class does not suit objective %.*s",
                      WR_FMT(r->objective));
        return false;
    }
    return read_bases(r, p);
}

static bool read_booster(struct reader *r)
{
    const struct wr_value *b = need(r, r->learner, "gradient_booster", WR_OBJECT, "learner");
    const struct wr_value *name =
        b != NULL ? need(r, b, "name", WR_STRING, "gradient_booster") : NULL;
    if (name == NULL) {
        return false;
    }
    if (wr_str_eq(wr_text(*name), WR_STR("dart"))) {
        r->weight_drop = need(r, b, "weight_drop", WR_ARRAY, "gradient_booster");
        b = need(r, b, "gbtree", WR_OBJECT, "gradient_booster");
    } else if (!wr_str_eq(wr_text(*name), WR_STR("gbtree"))) {
        wr_graph_fail(r->g, WR_E_MODEL, "XGBoost: booster %.*s is not supported",
                      WR_FMT(wr_text(*name)));
    }
    if (r->g->code == WR_OK) {
        r->model = need(r, b, "model", WR_OBJECT, "gradient_booster");
    }
    return r->model != NULL;
}

/* ── trees ──────────────────────────────────────────────────────────────────────────────────── */
static bool integer_at(const struct wr_value *array, uint32_t i, int64_t low, int64_t high,
                       int64_t *out)
{
    const struct wr_value *v = &array->items[i];
    if (v->type == WR_BOOL) {
        *out = v->i;
        return true;
    }
    return v->type == WR_NUMBER && wr_number_to_i64(v, out) && *out >= low && *out <= high;
}

struct columns { /* the arrays of one tree, all of n nodes */
    const struct wr_value *left, *right, *feature, *condition, *default_left, *split_type, *cover;
    uint32_t n;
};

/* Trees that are grown for all targets at once; "0" or "1" else. */
static bool has_vector_leaves(const struct wr_value *tree)
{
    const struct wr_value *own = wr_object_get_str(tree, WR_STR("tree_param")), *size = NULL;
    double width;
    if (own != NULL && wr_is(*own, WR_OBJECT)) {
        size = wr_object_get_str(own, WR_STR("size_leaf_vector"));
    }
    return size != NULL && wr_is(*size, WR_STRING) && wr_num_read_double(wr_text(*size), &width) &&
           width > 1;
}

static bool read_columns(struct reader *r, const struct wr_value *tree, struct columns *c)
{
    c->left = need(r, tree, "left_children", WR_ARRAY, "tree");
    c->right = need(r, tree, "right_children", WR_ARRAY, "tree");
    c->feature = need(r, tree, "split_indices", WR_ARRAY, "tree");
    c->condition = need(r, tree, "split_conditions", WR_ARRAY, "tree");
    c->default_left = need(r, tree, "default_left", WR_ARRAY, "tree");
    if (r->g->code != WR_OK) {
        return false;
    }
    if (has_vector_leaves(tree)) {
        wr_graph_fail(r->g, WR_E_MODEL, "XGBoost: vector leaves are not supported");
        return false;
    }
    c->split_type = wr_object_get_str(tree, WR_STR("split_type"));
    c->cover = wr_object_get_str(tree, WR_STR("sum_hessian"));
    c->n = c->left->n;
    if (c->n == 0 || c->right->n != c->n || c->feature->n != c->n || c->condition->n != c->n ||
        c->default_left->n != c->n ||
        (c->split_type != NULL && (c->split_type->type != WR_ARRAY || c->split_type->n != c->n)) ||
        (c->cover != NULL && (c->cover->type != WR_ARRAY || c->cover->n != c->n))) {
        wr_graph_fail(r->g, WR_E_MODEL, "XGBoost: a tree's arrays differ in length");
        return false;
    }
    return true;
}

/* One node behind `first`, its tree's first node; the vote of a leaf has the node's own number. */
static bool read_node(struct reader *r, const struct columns *c, uint32_t i, uint32_t first,
                      uint32_t target, double weight)
{
    struct wr_walk_node *node = &r->forest.nodes[first + i];
    int64_t left, right, feature, default_left, type = 0;
    if (c->condition->items[i].type != WR_NUMBER ||
        !integer_at(c->left, i, -1, (int64_t)c->n - 1, &left) ||
        !integer_at(c->right, i, -1, (int64_t)c->n - 1, &right) ||
        !integer_at(c->default_left, i, 0, 1, &default_left) ||
        !integer_at(c->feature, i, 0, INT32_MAX, &feature) ||
        (c->split_type != NULL && !integer_at(c->split_type, i, 0, 1, &type))) {
        wr_graph_fail(r->g, WR_E_MODEL, "XGBoost: node %u holds a number out of range", i);
        return false;
    }
    if (type != 0) {
        wr_graph_fail(r->g, WR_E_MODEL,
                      "XGBoost: node %u is a categorical split, which is not supported", i);
        return false;
    }
    if (c->cover != NULL && c->cover->items[i].type != WR_NUMBER) {
        wr_graph_fail(r->g, WR_E_MODEL, "XGBoost: the cover of node %u is no number", i);
        return false;
    }
    if (c->cover != NULL && r->covers != NULL) {
        r->covers[first + i] = (float)wr_number_to_double(&c->cover->items[i]);
    } else {
        r->covers = NULL;
    }
    float condition = (float)wr_number_to_double(&c->condition->items[i]);
    if (left < 0) {
        *node = (struct wr_walk_node){.mode = WR_WALK_LEAF, .yes = first + i, .no = 1};
        float value = r->weight_drop != NULL ? condition * (float)weight : condition;
        r->votes[first + i] = (struct wr_walk_vote){(double)value, target, 0};
        return true;
    }
    *node = (struct wr_walk_node){
        .threshold = (double)condition,
        .feature = (uint32_t)feature,
        .mode = WR_WALK_LT | (default_left != 0 ? WR_WALK_MISSING_YES : 0),
        .yes = first + (uint32_t)left,
        .no = first + (uint32_t)WR_MAX(right, 0),
    };
    return true;
}

static bool read_tree(struct reader *r, const struct wr_value *tree, uint32_t t, uint32_t *first)
{
    const struct wr_value *info = need(r, r->model, "tree_info", WR_ARRAY, "model");
    struct columns c;
    int64_t target = 0;
    double weight = 1;
    if (info == NULL || !read_columns(r, tree, &c)) {
        return false;
    }
    if (t >= info->n || !integer_at(info, t, 0, (int64_t)r->targets - 1, &target)) {
        wr_graph_fail(r->g, WR_E_MODEL, "XGBoost: tree_info[%u] is not one of %u classes", t,
                      r->targets);
        return false;
    }
    if (r->weight_drop != NULL) {
        if (t >= r->weight_drop->n || r->weight_drop->items[t].type != WR_NUMBER) {
            wr_graph_fail(r->g, WR_E_MODEL, "XGBoost: weight_drop[%u] is missing", t);
            return false;
        }
        weight = wr_number_to_double(&r->weight_drop->items[t]);
    }
    r->roots[t] = *first;
    for (uint32_t i = 0; i < c.n; i++) {
        if (!read_node(r, &c, i, *first, (uint32_t)target, weight)) {
            return false;
        }
    }
    *first += c.n;
    return true;
}

static bool read_trees(struct reader *r)
{
    const struct wr_value *trees = need(r, r->model, "trees", WR_ARRAY, "model");
    uint64_t total = 0;
    if (trees == NULL) {
        return false;
    }
    for (uint32_t t = 0; t < trees->n; t++) {
        const struct wr_value *left = need(r, &trees->items[t], "left_children", WR_ARRAY, "tree");
        total += left != NULL ? left->n : 0;
    }
    if (r->g->code != WR_OK || trees->n == 0 || total > WR_LIMIT_TENSOR_COUNT) {
        wr_graph_fail(r->g, WR_E_LIMIT, "XGBoost: %u trees with %llu nodes", trees->n,
                      (unsigned long long)total);
        return false;
    }
    struct wr_arena *arena = r->g->arena;
    r->forest.nodes = wr_arena_array(arena, (size_t)total, sizeof *r->forest.nodes, 8);
    r->votes = wr_arena_array(arena, (size_t)total, sizeof *r->votes, 8);
    r->roots = wr_arena_array(arena, trees->n, sizeof *r->roots, 4);
    r->covers = wr_arena_array(arena, (size_t)total, sizeof *r->covers, 4);
    if (r->forest.nodes == NULL || r->votes == NULL || r->roots == NULL || r->covers == NULL) {
        wr_graph_fail(r->g, WR_E_MEMORY, "no memory for %llu nodes", (unsigned long long)total);
        return false;
    }
    uint32_t first = 0;
    for (uint32_t t = 0; t < trees->n; t++) {
        if (!read_tree(r, &trees->items[t], t, &first)) {
            return false;
        }
    }
    r->forest.n_nodes = first;
    r->forest.n_votes = first;
    r->forest.n_trees = trees->n;
    r->forest.votes = r->votes;
    r->forest.roots = r->roots;
    r->forest.covers = r->covers;
    return true;
}

static void name_columns(struct reader *r)
{
    const struct wr_value *names = wr_object_get_str(r->learner, WR_STR("feature_names"));
    if (names == NULL || names->type != WR_ARRAY || names->n != r->n_features) {
        return;
    }
    struct wr_str *columns = WR_NEW_ARRAY(r->g->arena, struct wr_str, names->n);
    for (uint32_t i = 0; columns != NULL && i < names->n; i++) {
        columns[i] = names->items[i].type == WR_STRING ? wr_text(names->items[i]) : WR_STR("");
    }
    r->g->columns = columns;
    r->g->n_columns = columns != NULL ? names->n : 0;
}

static void read_root(struct wr_graph *g, const struct wr_value *root)
{
    struct reader r = {.g = g};
    r.learner = need(&r, root, "learner", WR_OBJECT, "model");
    if (r.learner == NULL || !read_objective(&r) || !read_parameters(&r) || !read_booster(&r) ||
        !read_trees(&r)) {
        return;
    }
    r.forest.targets = r.targets;
    r.forest.base = r.base;
    r.forest.base_first = true;
    struct wr_shape shape = {.rank = 2, .dims = {1, r.n_features}};
    uint32_t x = wr_graph_input(g, WR_STR("f"), WR_F32, WR_MODEL_NUMBER, &shape);
    name_columns(&r);
    g->missing = true;
    wr_answer_add(g, wr_forest_add(g, &r.forest, x), r.link);
}

void wr_source_xgboost(struct wr_graph *g, struct wr_str bytes, bool binary)
{
    struct wr_value root;
    g->source = binary ? WR_STR("xgboost-ubjson") : WR_STR("xgboost-json");
    g->producer = WR_STR("XGBoost");
    g->code = binary ? wr_ubjson_read(g->arena, bytes, &root, g->error)
                     : wr_json_read(g->arena, bytes, true, NULL, &root, g->error);
    if (g->code == WR_OK) {
        read_root(g, &root);
    }
}
