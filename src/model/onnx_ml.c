/* SPDX-License-Identifier: Apache-2.0 */
/* ai.onnx.ml operators but trees and support vectors: linear models, encoders, preparation.
 *
 * Where ONNX Runtime and the ONNX text differ and exporters rely on neither, the text is followed:
 * LOGISTIC and SOFTMAX act on a one-row LinearClassifier, too. */
#include "model/onnx_ml.h"

/* ── transforms and labels ──────────────────────────────────────────────────────────────────── */
enum wr_post wr_onnx_post(struct wr_onnx *o, const struct wr_onnx_node *node)
{
    static const char *const names[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
    struct wr_str name = wr_onnx_text(o, node, "post_transform", "NONE");
    for (unsigned i = 0; i < WR_COUNTOF(names); i++) {
        if (wr_str_eq(name, wr_str_z(names[i]))) {
            return (enum wr_post)i;
        }
    }
    wr_graph_fail(o->g, WR_E_MODEL, "post_transform is unknown");
    return WR_POST_NONE;
}

uint32_t wr_onnx_transform(struct wr_graph *g, uint32_t scores, enum wr_post post)
{
    if (scores == WR_NO_TENSOR || g->code != WR_OK) {
        return WR_NO_TENSOR;
    }
    unsigned type = g->tensors[scores].type;
    switch (post) {
    case WR_POST_SOFTMAX:
        return wr_graph_softmax(g, WR_SOFTMAX, scores, 1);
    case WR_POST_LOGISTIC:
        return wr_graph_map(g, WR_MAP_SIGMOID, scores, type, 0, 0);
    case WR_POST_SOFTMAX_ZERO:
        return wr_graph_softmax(g, WR_SOFTMAX_ZERO, scores, 1);
    case WR_POST_PROBIT:
        return wr_graph_map(g, WR_MAP_PROBIT, scores, type, 0, 0);
    default:
        return scores;
    }
}

uint32_t wr_onnx_classes(struct wr_onnx *o, const struct wr_onnx_node *node, const char *integers)
{
    int64_t *values;
    uint32_t n;
    if (!wr_onnx_ints(o, node, integers, &values, &n)) {
        return WR_NO_TENSOR;
    }
    if (n > 0) {
        return wr_graph_constant_1d(o->g, WR_I64, n, values);
    }
    if (!wr_onnx_texts(o, node, "classlabels_strings", &values, &n) || n == 0) {
        return wr_graph_fail(o->g, WR_E_MODEL, "there are no class labels");
    }
    uint32_t t = wr_graph_constant_1d(o->g, WR_I64, n, values);
    if (t != WR_NO_TENSOR) {
        o->g->tensors[t].text = true;
    }
    return t;
}

uint32_t wr_onnx_matrix_in(struct wr_onnx *o, const struct wr_onnx_node *node)
{
    uint32_t x = wr_onnx_float_in(o, node, 0);
    if (x == WR_NO_TENSOR) {
        return x;
    }
    const struct wr_tensor *t = wr_onnx_tensor(o, x);
    if (t->shape.rank == 1) {
        struct wr_shape shape = {.rank = 2, .dims = {1, t->count}};
        return wr_graph_reshape(o->g, x, &shape);
    }
    if (t->shape.rank != 2) {
        return wr_graph_fail(o->g, WR_E_MODEL, "the input is no matrix");
    }
    return x;
}

uint32_t wr_onnx_single(struct wr_graph *g, uint32_t x)
{
    bool wide = x != WR_NO_TENSOR && g->tensors[x].type == WR_F64;
    return wide ? wr_graph_map(g, WR_MAP_COPY, x, WR_F32, 0, 0) : x;
}

uint32_t wr_onnx_floats_constant(struct wr_graph *g, const double *values,
                                 const struct wr_shape *shape)
{
    void *to;
    uint32_t t = wr_graph_constant(g, WR_F32, shape, &to);
    for (uint32_t i = 0; t != WR_NO_TENSOR && i < g->tensors[t].count; i++) {
        ((float *)to)[i] = (float)values[i];
    }
    return t;
}

/* ── linear ─────────────────────────────────────────────────────────────────────────────────── */
/* x coef^T + intercepts, [rows, targets]; *targets 0: as many as coefficients make. */
static uint32_t linear(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t *targets)
{
    struct wr_graph *g = o->g;
    double *coefficients, *intercepts;
    uint32_t n, n_intercepts, x = wr_onnx_single(g, wr_onnx_matrix_in(o, node));
    if (x == WR_NO_TENSOR || !wr_onnx_floats(o, node, "coefficients", &coefficients, &n) ||
        !wr_onnx_floats(o, node, "intercepts", &intercepts, &n_intercepts)) {
        return WR_NO_TENSOR;
    }
    uint32_t columns = wr_onnx_tensor(o, x)->shape.dims[1];
    *targets = *targets == 0 ? n / columns : *targets;
    if (*targets == 0 || n != (uint64_t)*targets * columns ||
        (n_intercepts != 0 && n_intercepts != *targets)) {
        return wr_graph_fail(g, WR_E_MODEL, "%u coefficients and %u intercepts for %u columns", n,
                             n_intercepts, columns);
    }
    struct wr_shape shape = {.rank = 2, .dims = {*targets, columns}};
    uint32_t b = wr_onnx_floats_constant(g, coefficients, &shape), c = WR_NO_TENSOR;
    if (n_intercepts != 0) {
        shape = (struct wr_shape){.rank = 1, .dims = {*targets}};
        c = wr_onnx_floats_constant(g, intercepts, &shape);
    }
    struct wr_graph_gemm how = {.transpose_b = true, .alpha = 1, .beta = 1};
    return wr_graph_gemm(g, x, b, c, &how);
}

/* [a, b] side by side */
static uint32_t beside(struct wr_graph *g, uint32_t a, uint32_t b)
{
    uint32_t parts[2] = {a, b};
    return a == WR_NO_TENSOR || b == WR_NO_TENSOR ? WR_NO_TENSOR : wr_graph_concat(g, 1, parts, 2);
}

/* A column [rows, 1] as [rows]. */
static uint32_t column(struct wr_graph *g, uint32_t x)
{
    if (x == WR_NO_TENSOR) {
        return x;
    }
    struct wr_shape shape = {.rank = 1, .dims = {g->tensors[x].count}};
    return wr_graph_reshape(g, x, &shape);
}

uint32_t wr_onnx_two_sided(struct wr_graph *g, uint32_t s, enum wr_post post)
{
    if (s == WR_NO_TENSOR) {
        return s;
    }
    unsigned type = g->tensors[s].type;
    uint32_t minus = wr_graph_map(g, WR_MAP_NEG, s, type, 0, 0);
    if (post == WR_POST_LOGISTIC) {
        s = wr_onnx_transform(g, s, post);
        minus = wr_graph_zip(g, WR_ZIP_SUB, wr_graph_scalar(g, type, 1), s, type);
    }
    return beside(g, minus, s);
}

uint32_t wr_onnx_above(struct wr_graph *g, uint32_t s, double cut)
{
    return column(g, s == WR_NO_TENSOR ? s : wr_graph_map(g, WR_MAP_GREATER, s, WR_I64, cut, 0));
}

static void linear_classifier(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    struct wr_graph *g = o->g;
    uint32_t classes = wr_onnx_classes(o, node, "classlabels_ints"), targets = 0;
    enum wr_post post = wr_onnx_post(o, node);
    uint32_t scores = linear(o, node, &targets), label;
    (void)param;
    if (scores == WR_NO_TENSOR || classes == WR_NO_TENSOR) {
        return;
    }
    uint32_t n_classes = wr_onnx_tensor(o, classes)->count;
    if (targets == 1 && n_classes == 2) {
        wr_graph_warn(g, "one row of coefficients s for two classes is read as [-s, s] under "
                         "post_transform; ONNX Runtime 1.21 answers [1 - s, s] without it");
        label = wr_onnx_above(g, scores, 0);
        scores = wr_onnx_two_sided(g, scores, post == WR_POST_SOFTMAX ? WR_POST_NONE : post);
        scores = post == WR_POST_SOFTMAX ? wr_onnx_transform(g, scores, post) : scores;
    } else if (targets == n_classes) {
        label = wr_graph_arg(g, WR_ARG_MAX, scores, 1, false, false);
        scores = wr_onnx_transform(g, scores, post);
    } else {
        wr_graph_fail(g, WR_E_MODEL, "%u rows of coefficients for %u classes", targets, n_classes);
        return;
    }
    wr_onnx_out(o, node, 0, wr_graph_gather(g, classes, 0, label));
    wr_onnx_out(o, node, 1, scores);
}

static void linear_regressor(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    int64_t targets = wr_onnx_int(o, node, "targets", 1);
    (void)param;
    if (targets < 1 || targets > WR_LIMIT_MODEL_OUTPUTS) {
        wr_graph_fail(o->g, WR_E_MODEL, "%lld targets", (long long)targets);
        return;
    }
    uint32_t n = (uint32_t)targets, scores = linear(o, node, &n);
    wr_onnx_out(o, node, 0, wr_onnx_transform(o->g, scores, wr_onnx_post(o, node)));
}

/* ── preparation ────────────────────────────────────────────────────────────────────────────── */
/* One value or one a column, as a constant that broadcasts over the rows. */
static uint32_t per_column(struct wr_onnx *o, const double *values, uint32_t n, uint32_t x)
{
    const struct wr_shape *shape = &wr_onnx_tensor(o, x)->shape;
    uint32_t columns = shape->rank == 0 ? 1 : shape->dims[shape->rank - 1];
    struct wr_shape own = {.rank = 1, .dims = {n}};
    if (n != 1 && n != columns) {
        return wr_graph_fail(o->g, WR_E_MODEL, "%u values for %u columns", n, columns);
    }
    return wr_onnx_floats_constant(o->g, values, &own);
}

static void scaler(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    struct wr_graph *g = o->g;
    double *offset, *scale;
    uint32_t n_offset, n_scale, x = wr_onnx_single(g, wr_onnx_float_in(o, node, 0));
    (void)param;
    if (x == WR_NO_TENSOR || !wr_onnx_floats(o, node, "offset", &offset, &n_offset) ||
        !wr_onnx_floats(o, node, "scale", &scale, &n_scale)) {
        return;
    }
    if (n_offset > 0) {
        x = wr_graph_zip(g, WR_ZIP_SUB, x, per_column(o, offset, n_offset, x), WR_F32);
    }
    if (n_scale > 0 && x != WR_NO_TENSOR) {
        x = wr_graph_zip(g, WR_ZIP_MUL, x, per_column(o, scale, n_scale, x), WR_F32);
    }
    if (n_offset + n_scale == 0) {
        x = wr_graph_reshape(g, x, &wr_onnx_tensor(o, x)->shape);
    }
    wr_onnx_out(o, node, 0, x);
}

static void normalizer(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    static const char *const names[] = {"MAX", "L1", "L2"};
    struct wr_str name = wr_onnx_text(o, node, "norm", "MAX");
    uint32_t x = wr_onnx_matrix_in(o, node);
    unsigned op = 0;
    (void)param;
    while (op < WR_COUNTOF(names) && !wr_str_eq(name, wr_str_z(names[op]))) {
        op++;
    }
    if (x == WR_NO_TENSOR || op == WR_COUNTOF(names)) {
        wr_graph_fail(o->g, WR_E_MODEL, "the norm is not MAX, L1 or L2");
        return;
    }
    struct wr_graph_out out = {WR_F32, wr_onnx_tensor(o, x)->shape};
    wr_onnx_out(o, node, 0,
                wr_graph_step(o->g, WR_STEP_NORMALIZE, op, &out, 1, &x, 1, out.shape.dims, 2));
}

static uint32_t impute(struct wr_onnx *o, uint32_t x, uint32_t fill, double replaced)
{
    struct wr_graph *g = o->g;
    unsigned type = wr_onnx_tensor(o, x)->type;
    uint32_t hit;
    if (fill == WR_NO_TENSOR) {
        return fill;
    }
    if (replaced != replaced) {
        hit = wr_graph_map(g, WR_MAP_ISNAN, x, WR_I64, 0, 0);
        g->missing = true;
    } else {
        hit = wr_graph_zip(g, WR_ZIP_EQ, x, wr_graph_scalar(g, type, replaced), WR_I64);
    }
    return wr_graph_where(g, hit, fill, x);
}

static void imputer(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0), n, fill = WR_NO_TENSOR;
    unsigned type = wr_onnx_tensor(o, x)->type;
    double *values, replaced;
    int64_t *integers;
    (void)param;
    if (type == WR_I64) {
        replaced = (double)wr_onnx_int(o, node, "replaced_value_int64", 0);
        if (wr_onnx_ints(o, node, "imputed_value_int64s", &integers, &n) && n > 0) {
            fill = wr_graph_constant_1d(o->g, WR_I64, n, integers);
        }
    } else {
        replaced = wr_onnx_float(o, node, "replaced_value_float", 0);
        if (wr_onnx_floats(o, node, "imputed_value_floats", &values, &n) && n > 0) {
            fill = per_column(o, values, n, x);
            if (type == WR_F64 && fill != WR_NO_TENSOR) {
                fill = wr_graph_map(o->g, WR_MAP_COPY, fill, WR_F64, 0, 0);
            }
        }
    }
    if (fill == WR_NO_TENSOR || wr_onnx_tensor(o, x)->text) {
        wr_graph_fail(o->g, WR_E_MODEL, "there is nothing to impute with, or the input is a text");
        return;
    }
    wr_onnx_out(o, node, 0, impute(o, x, fill, replaced));
}

static void binarizer(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_float_in(o, node, 0);
    double cut = wr_onnx_float(o, node, "threshold", 0);
    (void)param;
    if (x != WR_NO_TENSOR) {
        wr_onnx_out(o, node, 0,
                    wr_graph_map(o->g, WR_MAP_GREATER, x, wr_onnx_tensor(o, x)->type, cut, 0));
    }
}

static void feature_vectorizer(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t parts[WR_LIMIT_STEP_OPERANDS];
    (void)param;
    if (node->n_inputs >= WR_LIMIT_STEP_OPERANDS) {
        wr_graph_fail(o->g, WR_E_LIMIT, "more than %u inputs", WR_LIMIT_STEP_OPERANDS - 1);
        return;
    }
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        parts[i] = wr_onnx_single(o->g, wr_onnx_float_in(o, node, i));
        if (parts[i] == WR_NO_TENSOR) {
            return;
        }
        const struct wr_tensor *t = wr_onnx_tensor(o, parts[i]);
        if (t->shape.rank == 1) {
            struct wr_shape shape = {.rank = 2, .dims = {1, t->count}};
            parts[i] = wr_graph_reshape(o->g, parts[i], &shape);
        }
    }
    uint32_t x = wr_graph_concat(o->g, 1, parts, node->n_inputs);
    if (x != WR_NO_TENSOR) {
        struct wr_shape shape = wr_onnx_tensor(o, x)->shape;
        wr_onnx_out(o, node, 0, wr_graph_reshape(o->g, x, &shape));
    }
}

/* ── encoders ───────────────────────────────────────────────────────────────────────────────── */
static void one_hot(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0), n;
    const struct wr_tensor *t = wr_onnx_tensor(o, x);
    int64_t *values;
    bool text = t->text;
    struct wr_graph_out out = {WR_F32, t->shape};
    (void)param;
    bool good = text ? wr_onnx_texts(o, node, "cats_strings", &values, &n)
                     : wr_onnx_ints(o, node, "cats_int64s", &values, &n);
    if (!good || n == 0 || out.shape.rank == WR_LIMIT_PROGRAM_RANK) {
        wr_graph_fail(o->g, WR_E_MODEL, "there are no categories of the input's type");
        return;
    }
    out.shape.dims[out.shape.rank++] = n;
    uint32_t zeros = wr_onnx_int(o, node, "zeros", 1) != 0;
    uint32_t ins[2] = {x, wr_graph_constant_1d(o->g, WR_I64, n, values)};
    wr_onnx_out(o, node, 0, wr_graph_step(o->g, WR_STEP_ONE_HOT, 0, &out, 1, ins, 2, &zeros, 1));
}

struct column_list { /* keys or values of an encoder, with the default behind */
    uint32_t n, tensor;
    bool floats, text;
    double *doubles;
    int64_t *integers;
};

static bool encoder_list(struct wr_onnx *o, const struct wr_onnx_node *node, const char *prefix,
                         struct column_list *l)
{
    char name[32];
    static const char *const kinds[] = {"strings", "int64s", "floats"};
    for (unsigned i = 0; i < 3; i++) {
        struct wr_buf buf = wr_buf_fixed(name, sizeof name);
        wr_format(&buf, "%s_%s", prefix, kinds[i]);
        wr_buf_char(&buf, 0);
        *l = (struct column_list){.text = i == 0, .floats = i == 2, .tensor = WR_NO_TENSOR};
        bool good = i == 0   ? wr_onnx_texts(o, node, name, &l->integers, &l->n)
                    : i == 1 ? wr_onnx_ints(o, node, name, &l->integers, &l->n)
                             : wr_onnx_floats(o, node, name, &l->doubles, &l->n);
        if (!good) {
            return false;
        }
        if (l->n > 0) {
            return true;
        }
    }
    struct wr_buf buf = wr_buf_fixed(name, sizeof name);
    wr_format(&buf, "%s_tensor", prefix);
    wr_buf_char(&buf, 0);
    l->tensor = wr_onnx_attr_tensor(o, node, name);
    if (l->tensor == WR_NO_TENSOR) {
        return false;
    }
    l->n = wr_onnx_tensor(o, l->tensor)->count;
    l->text = wr_onnx_tensor(o, l->tensor)->text;
    return true;
}

/* The list as a constant, with one more element when `with` is not NULL. */
static uint32_t list_constant(struct wr_onnx *o, const struct column_list *l,
                              const struct column_list *with)
{
    struct wr_graph *g = o->g;
    unsigned type = l->tensor != WR_NO_TENSOR ? g->tensors[l->tensor].type
                    : l->floats               ? WR_F32
                                              : WR_I64;
    struct wr_shape shape = {.rank = 1, .dims = {l->n + (with != NULL)}};
    uint32_t size = wr_element_size(type);
    void *to;
    uint32_t t = wr_graph_constant(g, type, &shape, &to);
    if (t == WR_NO_TENSOR) {
        return t;
    }
    for (uint32_t i = 0; i < shape.dims[0]; i++) {
        const struct column_list *from = i < l->n ? l : with;
        uint32_t k = i < l->n ? i : 0;
        uint8_t *at = (uint8_t *)to + (size_t)i * size;
        if (from->tensor != WR_NO_TENSOR) {
            memcpy(at, (const uint8_t *)wr_graph_data(g, from->tensor) + (size_t)k * size, size);
        } else if (type == WR_I64) {
            memcpy(at, &from->integers[k], 8);
        } else if (type == WR_F32) {
            float x = (float)from->doubles[k];
            memcpy(at, &x, 4);
        } else {
            memcpy(at, &from->doubles[k], 8);
        }
    }
    g->tensors[t].text = l->text;
    return t;
}

/* What an unknown key becomes: default_string, default_int64, default_float or default_tensor. */
static struct column_list default_of(struct wr_onnx *o, const struct wr_onnx_node *node,
                                     const struct column_list *values, double *room,
                                     int64_t *integer)
{
    struct column_list l = {.n = 1, .tensor = WR_NO_TENSOR, .doubles = room, .integers = integer};
    uint32_t given = values->tensor != WR_NO_TENSOR ? wr_onnx_attr_tensor(o, node, "default_tensor")
                                                    : WR_NO_TENSOR;
    if (given != WR_NO_TENSOR && wr_onnx_tensor(o, given)->count > 0 &&
        wr_onnx_tensor(o, given)->type == wr_onnx_tensor(o, values->tensor)->type) {
        l.tensor = given;
    }
    *integer = values->text
                   ? wr_graph_text(o->g, wr_onnx_text(o, node, "default_string", "_Unused"))
                   : wr_onnx_int(o, node, "default_int64", -1);
    *room = wr_onnx_float(o, node, "default_float", -0.0);
    return l;
}

/* Before version 4 a NaN key matches nothing. */
static void drop_nan_keys(struct column_list *keys, struct column_list *values)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < keys->n; i++) {
        if (keys->doubles[i] == keys->doubles[i]) {
            keys->doubles[kept] = keys->doubles[i];
            if (values->floats) {
                values->doubles[kept] = values->doubles[i];
            } else {
                values->integers[kept] = values->integers[i];
            }
            kept++;
        }
    }
    keys->n = values->n = kept;
}

/* Version 1: classes_strings, from text to index or from index to text. */
static bool first_version(struct wr_onnx *o, const struct wr_onnx_node *node, bool text,
                          struct column_list *keys, struct column_list *values)
{
    struct column_list texts = {.text = true, .tensor = WR_NO_TENSOR};
    struct column_list indices = {.tensor = WR_NO_TENSOR};
    if (!wr_onnx_texts(o, node, "classes_strings", &texts.integers, &texts.n) || texts.n == 0) {
        return false;
    }
    indices.n = texts.n;
    indices.integers = WR_NEW_ARRAY(o->g->arena, int64_t, texts.n);
    for (uint32_t i = 0; indices.integers != NULL && i < texts.n; i++) {
        indices.integers[i] = i;
    }
    *keys = text ? texts : indices;
    *values = text ? indices : texts;
    return indices.integers != NULL;
}

static void label_encoder(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0);
    struct column_list keys, values, missing;
    double number;
    int64_t integer;
    bool text = wr_onnx_tensor(o, x)->text;
    (void)param;
    bool good = node->version == 1 ? first_version(o, node, text, &keys, &values)
                                   : encoder_list(o, node, "keys", &keys) &&
                                         encoder_list(o, node, "values", &values);
    if (!good || keys.n != values.n || keys.text != text) {
        wr_graph_fail(o->g, WR_E_MODEL, "keys and values are missing or do not fit");
        return;
    }
    if (node->version < 4 && keys.floats && keys.tensor == WR_NO_TENSOR &&
        values.tensor == WR_NO_TENSOR) {
        drop_nan_keys(&keys, &values);
    }
    missing = default_of(o, node, &values, &number, &integer);
    if (keys.n == 0) {
        wr_graph_fail(o->g, WR_E_MODEL, "there are no keys");
        return;
    }
    uint32_t key = list_constant(o, &keys, NULL), value = list_constant(o, &values, &missing);
    if (key == WR_NO_TENSOR || value == WR_NO_TENSOR) {
        return;
    }
    unsigned type = wr_onnx_tensor(o, key)->type;
    if (wr_onnx_tensor(o, x)->type != type) {
        x = wr_graph_map(o->g, WR_MAP_COPY, x, type, 0, 0);
    }
    wr_onnx_out(o, node, 0, wr_graph_lookup(o->g, x, key, value));
}

static void category_mapper(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0);
    bool text = wr_onnx_tensor(o, x)->text;
    struct column_list texts = {.text = true, .tensor = WR_NO_TENSOR};
    struct column_list integers = {.tensor = WR_NO_TENSOR};
    struct column_list last = {.n = 1, .tensor = WR_NO_TENSOR};
    (void)param;
    if (!wr_onnx_texts(o, node, "cats_strings", &texts.integers, &texts.n) ||
        !wr_onnx_ints(o, node, "cats_int64s", &integers.integers, &integers.n) || texts.n == 0 ||
        texts.n != integers.n || wr_onnx_tensor(o, x)->type != WR_I64) {
        wr_graph_fail(o->g, WR_E_MODEL, "cats_strings and cats_int64s do not fit");
        return;
    }
    int64_t other = text ? wr_onnx_int(o, node, "default_int64", -1)
                         : wr_graph_text(o->g, wr_onnx_text(o, node, "default_string", "_Unused"));
    last.integers = &other;
    uint32_t key = list_constant(o, text ? &texts : &integers, NULL);
    uint32_t value = list_constant(o, text ? &integers : &texts, &last);
    if (key != WR_NO_TENSOR && value != WR_NO_TENSOR) {
        wr_onnx_out(o, node, 0, wr_graph_lookup(o->g, x, key, value));
    }
}

/* ── plumbing ───────────────────────────────────────────────────────────────────────────────── */
/* Columns by index, in the last dimension; the indices count through flat. */
static void array_feature_extractor(struct wr_onnx *o, const struct wr_onnx_node *node,
                                    unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0), index = wr_onnx_in(o, node, 1);
    const struct wr_tensor *t = wr_onnx_tensor(o, x), *i = wr_onnx_tensor(o, index);
    struct wr_shape flat = {.rank = 1, .dims = {i->count}},
                    wide = {.rank = 2, .dims = {1, t->count}};
    uint32_t rank = t->shape.rank;
    (void)param;
    index = wr_graph_reshape(o->g, index, &flat);
    x = rank <= 1 ? wr_graph_reshape(o->g, x, &wide) : x;
    if (x != WR_NO_TENSOR && index != WR_NO_TENSOR) {
        wr_onnx_out(o, node, 0, wr_graph_gather(o->g, x, rank <= 1 ? 1 : rank - 1, index));
    }
}

/* A sequence of maps is given as the plain probabilities it is made of. */
static void zip_map(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0);
    struct wr_shape shape = wr_onnx_tensor(o, x)->shape;
    (void)param;
    wr_onnx_out(o, node, 0, wr_graph_reshape(o->g, x, &shape));
}

const struct wr_onnx_op wr_onnx_ml_ops[] = {
    {"ArrayFeatureExtractor", 2, 2, 1, array_feature_extractor, 0},
    {"Binarizer", 1, 1, 1, binarizer, 0},
    {"CategoryMapper", 1, 1, 1, category_mapper, 0},
    {"FeatureVectorizer", 1, 255, 1, feature_vectorizer, 0},
    {"Imputer", 1, 1, 1, imputer, 0},
    {"LabelEncoder", 1, 1, 1, label_encoder, 0},
    {"LinearClassifier", 1, 1, 1, linear_classifier, 0},
    {"LinearRegressor", 1, 1, 1, linear_regressor, 0},
    {"Normalizer", 1, 1, 1, normalizer, 0},
    {"OneHotEncoder", 1, 1, 1, one_hot, 0},
    {"SVMClassifier", 1, 1, 1, wr_onnx_svm_classifier, 0},
    {"SVMRegressor", 1, 1, 1, wr_onnx_svm_regressor, 0},
    {"Scaler", 1, 1, 1, scaler, 0},
    {"TreeEnsemble", 1, 1, 5, wr_onnx_tree_ensemble, 0},
    {"TreeEnsembleClassifier", 1, 1, 1, wr_onnx_tree_classifier, 0},
    {"TreeEnsembleRegressor", 1, 1, 1, wr_onnx_tree_regressor, 0},
    {"ZipMap", 1, 1, 1, zip_map, 0},
    {NULL, 0, 0, 0, NULL, 0},
};
