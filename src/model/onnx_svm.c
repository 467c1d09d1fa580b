/* SPDX-License-Identifier: Apache-2.0 */
/* ai.onnx.ml's support vector machines: SVMRegressor (one-class, too) and SVMClassifier.
 *
 * A classifier compares each pair of classes; the pair's sum is a product of the kernel's values
 * with a matrix that holds each vector's coefficient where the pair needs it. The class with most
 * pairs wins. With prob_a and prob_b a pair's sum becomes a probability, and the pairs'
 * probabilities are coupled to one for each class (COUPLE). */
#include "model/onnx_ml.h"

static bool kernel_params(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned *op,
                          double params[3])
{
    static const char *const names[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};
    struct wr_str name = wr_onnx_text(o, node, "kernel_type", "LINEAR");
    double *values;
    uint32_t n;
    if (!wr_onnx_floats(o, node, "kernel_params", &values, &n)) {
        return false;
    }
    for (uint32_t i = 0; i < 3; i++) {
        params[i] = i < n ? values[i] : 0;
    }
    for (*op = 0; *op < WR_COUNTOF(names); (*op)++) {
        if (wr_str_eq(name, wr_str_z(names[*op]))) {
            return true;
        }
    }
    wr_graph_fail(o->g, WR_E_MODEL, "kernel_type %.*s is not supported", WR_FMT(name));
    return false;
}

/* The kernel's value of each row of x and each of n support vectors: [rows, n]. */
static uint32_t support(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t x,
                        const double *vectors, uint32_t n)
{
    struct wr_graph *g = o->g;
    uint32_t rows = wr_onnx_tensor(o, x)->shape.dims[0];
    uint32_t columns = wr_onnx_tensor(o, x)->shape.dims[1];
    struct wr_shape shape = {.rank = 2, .dims = {n, columns}};
    double kernel[3];
    unsigned op;
    if (!kernel_params(o, node, &op, kernel)) {
        return WR_NO_TENSOR;
    }
    uint32_t params[9] = {rows, columns, n};
    uint32_t ins[2] = {x, wr_onnx_floats_constant(g, vectors, &shape)};
    for (unsigned i = 0; i < 3; i++) {
        wr_graph_put_double(params + 3 + 2 * i, kernel[i]);
    }
    struct wr_graph_out out = {WR_F32, {.rank = 2, .dims = {rows, n}}};
    return wr_graph_step(g, WR_STEP_KERNEL, op, &out, 1, ins, 2, params, 9);
}

void wr_onnx_svm_regressor(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    struct wr_graph *g = o->g;
    double *coefficients, *vectors, *rho;
    uint32_t n, n_values, n_rho, x = wr_onnx_single(g, wr_onnx_matrix_in(o, node));
    (void)param;
    if (x == WR_NO_TENSOR || !wr_onnx_floats(o, node, "coefficients", &coefficients, &n) ||
        !wr_onnx_floats(o, node, "support_vectors", &vectors, &n_values) ||
        !wr_onnx_floats(o, node, "rho", &rho, &n_rho)) {
        return;
    }
    uint32_t columns = wr_onnx_tensor(o, x)->shape.dims[1];
    if (n == 0 || n_rho == 0 || (n_values != 0 && n_values != (uint64_t)n * columns) ||
        (n_values == 0 && n != columns)) {
        wr_graph_fail(g, WR_E_MODEL, "%u coefficients and %u support values for %u columns", n,
                      n_values, columns);
        return;
    }
    x = n_values != 0 ? support(o, node, x, vectors, n) : x;
    struct wr_shape shape = {.rank = 2, .dims = {n, 1}};
    struct wr_graph_gemm how = {.alpha = 1, .beta = 1};
    x = wr_graph_gemm(g, x, wr_onnx_floats_constant(g, coefficients, &shape),
                      wr_graph_scalar(g, WR_F32, rho[0]), &how);
    if (wr_onnx_int(o, node, "one_class", 0) != 0 && x != WR_NO_TENSOR) {
        uint32_t above = wr_graph_map(g, WR_MAP_GREATER, x, WR_I64, 0, 0);
        x = wr_graph_where(g, above, wr_graph_scalar(g, WR_F32, 1), wr_graph_scalar(g, WR_F32, -1));
    }
    wr_onnx_out(o, node, 0, wr_onnx_transform(g, x, wr_onnx_post(o, node)));
}

/* ── the classifier ─────────────────────────────────────────────────────────────────────────── */
struct machine {
    double *coefficients, *vectors, *rho, *a, *b;
    int64_t *counts; /* support vectors by class */
    uint32_t n_coefficients, n_values, n_rho, n_a, n_b, n_counts;
    uint32_t classes, pairs, n; /* n: support vectors */
};

static bool read_machine(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t columns,
                         struct machine *m)
{
    if (!wr_onnx_floats(o, node, "coefficients", &m->coefficients, &m->n_coefficients) ||
        !wr_onnx_floats(o, node, "support_vectors", &m->vectors, &m->n_values) ||
        !wr_onnx_floats(o, node, "rho", &m->rho, &m->n_rho) ||
        !wr_onnx_floats(o, node, "prob_a", &m->a, &m->n_a) ||
        !wr_onnx_floats(o, node, "prob_b", &m->b, &m->n_b) ||
        !wr_onnx_ints(o, node, "vectors_per_class", &m->counts, &m->n_counts)) {
        return false;
    }
    uint64_t n = 0;
    for (uint32_t i = 0; i < m->n_counts; i++) {
        n += m->counts[i] >= 0 && m->counts[i] <= UINT32_MAX ? (uint64_t)m->counts[i] : UINT32_MAX;
    }
    m->pairs = m->classes * (m->classes - 1) / 2;
    m->n = (uint32_t)WR_MIN(n, UINT32_MAX);
    bool fits = m->n_counts == 0
                    ? m->n_coefficients == (uint64_t)m->classes * columns && m->n_rho >= 1 &&
                          m->n_values == 0
                    : m->n_counts == m->classes && n * columns == m->n_values && n > 0 &&
                          m->n_coefficients == n * (m->classes - 1) && m->n_rho == m->pairs;
    if (!fits || m->classes < 2 || m->classes > 1000 || m->n_a != m->n_b ||
        (m->n_a != 0 && (m->n_a != m->pairs || m->n_counts == 0))) {
        wr_graph_fail(o->g, WR_E_MODEL,
                      "%u coefficients, %u support values and %u rho for %u classes of %u columns",
                      m->n_coefficients, m->n_values, m->n_rho, m->classes, columns);
        return false;
    }
    return true;
}

/* Each vector's coefficient in each pair (i, j), i < j: [n, pairs]. */
static uint32_t pair_matrix(struct wr_graph *g, const struct machine *m)
{
    struct wr_shape shape = {.rank = 2, .dims = {m->n, m->pairs}};
    void *data;
    uint32_t t = wr_graph_constant(g, WR_F32, &shape, &data), first_i = 0, pair = 0;
    float *to = data;
    for (uint32_t i = 0; t != WR_NO_TENSOR && i < m->classes; i++) {
        uint32_t first_j = first_i + (uint32_t)m->counts[i];
        for (uint32_t j = i + 1; j < m->classes; j++, pair++) {
            for (uint32_t v = first_i; v < first_i + (uint32_t)m->counts[i]; v++) {
                to[(size_t)v * m->pairs + pair] =
                    (float)m->coefficients[(size_t)(j - 1) * m->n + v];
            }
            for (uint32_t v = first_j; v < first_j + (uint32_t)m->counts[j]; v++) {
                to[(size_t)v * m->pairs + pair] = (float)m->coefficients[(size_t)i * m->n + v];
            }
            first_j += (uint32_t)m->counts[j];
        }
        first_i += (uint32_t)m->counts[i];
    }
    return t;
}

/* The first of the classes that win most pairs: a pair's sum over 0 is for i, else for j. */
static uint32_t winner(struct wr_graph *g, const struct machine *m, uint32_t sums)
{
    struct wr_shape shape = {.rank = 2, .dims = {m->pairs, m->classes}};
    struct wr_shape row = {.rank = 1, .dims = {m->classes}};
    void *data;
    uint32_t votes = wr_graph_constant(g, WR_F32, &shape, &data), pair = 0;
    for (uint32_t i = 0; votes != WR_NO_TENSOR && i < m->classes; i++) {
        for (uint32_t j = i + 1; j < m->classes; j++, pair++) {
            ((float *)data)[(size_t)pair * m->classes + i] = 1;
            ((float *)data)[(size_t)pair * m->classes + j] = -1;
        }
    }
    uint32_t base = wr_graph_constant(g, WR_F32, &row, &data);
    for (uint32_t j = 0; base != WR_NO_TENSOR && j < m->classes; j++) {
        ((float *)data)[j] = (float)j; /* lost pairs count for j: it is second in j of them */
    }
    struct wr_graph_gemm how = {.alpha = 1, .beta = 1};
    uint32_t won = wr_graph_map(g, WR_MAP_GREATER, sums, WR_F32, 0, 0);
    uint32_t counts = wr_graph_gemm(g, won, votes, base, &how);
    return wr_graph_arg(g, WR_ARG_MAX, counts, 1, false, false);
}

/* 1 - 1 / (1 + exp(-(a sum + b))), kept off 0 and 1, coupled over the pairs. */
static uint32_t probabilities(struct wr_graph *g, const struct machine *m, uint32_t sums)
{
    struct wr_shape row = {.rank = 1, .dims = {m->pairs}};
    uint32_t one = wr_graph_scalar(g, WR_F32, 1);
    uint32_t x = wr_graph_zip(g, WR_ZIP_MUL, sums, wr_onnx_floats_constant(g, m->a, &row), WR_F32);
    x = wr_graph_zip(g, WR_ZIP_ADD, x, wr_onnx_floats_constant(g, m->b, &row), WR_F32);
    x = wr_graph_zip(g, WR_ZIP_SUB, one, wr_graph_map(g, WR_MAP_SIGMOID, x, WR_F32, 0, 0), WR_F32);
    x = wr_graph_zip(g, WR_ZIP_MAX, x, wr_graph_scalar(g, WR_F32, 1e-7), WR_F32);
    x = wr_graph_zip(g, WR_ZIP_MIN, x, wr_graph_scalar(g, WR_F32, 1 - 1e-7), WR_F32);
    if (x == WR_NO_TENSOR) {
        return x;
    }
    uint32_t rows = g->tensors[x].shape.dims[0], params[2] = {rows, m->classes};
    /* The second output is room for a matrix and a vector over the classes. */
    struct wr_graph_out outs[2] = {{WR_F32, {.rank = 2, .dims = {rows, m->classes}}},
                                   {WR_F32, {.rank = 1, .dims = {m->classes * (m->classes + 1)}}}};
    return wr_graph_step(g, WR_STEP_COUPLE, 0, outs, 2, &x, 1, params, 2);
}

void wr_onnx_svm_classifier(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    struct wr_graph *g = o->g;
    struct machine m = {0};
    uint32_t classes = wr_onnx_classes(o, node, "classlabels_ints"), label;
    uint32_t x = wr_onnx_single(g, wr_onnx_matrix_in(o, node));
    enum wr_post post = wr_onnx_post(o, node);
    (void)param;
    if (x == WR_NO_TENSOR || classes == WR_NO_TENSOR) {
        return;
    }
    m.classes = wr_onnx_tensor(o, classes)->count;
    if (!read_machine(o, node, wr_onnx_tensor(o, x)->shape.dims[1], &m)) {
        return;
    }
    struct wr_graph_gemm how = {.alpha = 1, .beta = 1};
    if (m.n_counts == 0) { /* linear: a row of coefficients a class */
        struct wr_shape shape = {.rank = 2,
                                 .dims = {m.classes, wr_onnx_tensor(o, x)->shape.dims[1]}};
        how.transpose_b = true;
        x = wr_graph_gemm(g, x, wr_onnx_floats_constant(g, m.coefficients, &shape),
                          wr_graph_scalar(g, WR_F32, m.rho[0]), &how);
        label = wr_graph_arg(g, WR_ARG_MAX, x, 1, false, false);
        if (m.classes == 2) {
            wr_graph_warn(g,
                          "the class of the greater score is the label; ONNX Runtime answers the "
                          "second whenever a score is above 0");
        }
    } else {
        struct wr_shape row = {.rank = 1, .dims = {m.pairs}};
        x = support(o, node, x, m.vectors, m.n);
        x = wr_graph_gemm(g, x, pair_matrix(g, &m), wr_onnx_floats_constant(g, m.rho, &row), &how);
        label = winner(g, &m, x);
        if (m.pairs == 1 && m.n_a == 0 && post == WR_POST_SOFTMAX) {
            wr_graph_warn(g, "SOFTMAX acts on [-s, s]; ONNX Runtime answers [1 - s, s]");
        }
        x = m.n_a != 0     ? probabilities(g, &m, x)
            : m.pairs == 1 ? wr_onnx_two_sided(g, x, WR_POST_NONE)
                           : x;
    }
    wr_onnx_out(o, node, 0, wr_graph_gather(g, classes, 0, label));
    wr_onnx_out(o, node, 1, wr_onnx_transform(g, x, post));
}
