/* SPDX-License-Identifier: Apache-2.0 */
/* ai.onnx operators that compute: elementwise, products, reductions, normalisations. */
#include "model/onnx.h"
#include "model/onnx_rnn.h"

/* ── elementwise ────────────────────────────────────────────────────────────────────────────── */
static void unary(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned op)
{
    uint32_t x = wr_onnx_in(o, node, 0);
    const struct wr_tensor *t = wr_onnx_tensor(o, x);
    bool integer = op == WR_MAP_NEG || op == WR_MAP_ABS || op == WR_MAP_RELU || op == WR_MAP_SIGN ||
                   op == WR_MAP_NOT || op == WR_MAP_COPY;
    if (t->text && op != WR_MAP_COPY) {
        wr_graph_fail(o->g, WR_E_MODEL, "the input is a text");
        return;
    }
    if (t->type == WR_I64 && !integer) {
        wr_graph_fail(o->g, WR_E_MODEL, "the input is an integer");
        return;
    }
    unsigned type = op == WR_MAP_ISNAN || op == WR_MAP_NOT ? WR_I64 : t->type;
    wr_onnx_out(o, node, 0, wr_graph_map(o->g, op, x, type, 0, 0));
}

struct slope {
    double a, b;
};

static void parametric(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned op)
{
    struct slope s = {0, 0};
    if (op == WR_MAP_LEAKY) {
        s.a = wr_onnx_float(o, node, "alpha", (double)0.01f);
    } else if (op == WR_MAP_ELU) {
        s.a = wr_onnx_float(o, node, "alpha", 1);
    } else {
        s.a = wr_onnx_float(o, node, "alpha", (double)0.2f);
        s.b = wr_onnx_float(o, node, "beta", 0.5);
    }
    uint32_t x = wr_onnx_float_in(o, node, 0);
    if (x != WR_NO_TENSOR) {
        wr_onnx_out(o, node, 0, wr_graph_map(o->g, op, x, wr_onnx_tensor(o, x)->type, s.a, s.b));
    }
}

static bool is_comparison(unsigned op)
{
    return op >= WR_ZIP_EQ && op <= WR_ZIP_GE;
}

static uint32_t zip_two(struct wr_onnx *o, unsigned op, uint32_t a, uint32_t b)
{
    const struct wr_tensor *s = wr_onnx_tensor(o, a), *t = wr_onnx_tensor(o, b);
    bool text = s->text || t->text;
    if ((text && (op != WR_ZIP_EQ || s->text != t->text)) ||
        (s->type != t->type && op != WR_ZIP_POW)) {
        return wr_graph_fail(o->g, WR_E_MODEL, "the inputs are of different types");
    }
    unsigned type = is_comparison(op) || op >= WR_ZIP_AND ? WR_I64 : s->type;
    return wr_graph_zip(o->g, op, a, b, type);
}

static void binary(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned op)
{
    if (node->version < 7 && wr_onnx_has(o, node, "axis")) {
        wr_graph_fail(o->g, WR_E_MODEL, "broadcasting along an axis (opset 6) is not supported");
        return;
    }
    wr_onnx_out(o, node, 0, zip_two(o, op, wr_onnx_in(o, node, 0), wr_onnx_in(o, node, 1)));
}

/* Sum, Max, Min, Mean of any number of inputs, from left to right. */
static void variadic(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned op)
{
    bool mean = op == WR_ZIP_OPS;
    uint32_t sum = wr_onnx_in(o, node, 0);
    for (uint32_t i = 1; i < node->n_inputs && sum != WR_NO_TENSOR; i++) {
        sum = zip_two(o, mean ? WR_ZIP_ADD : op, sum, wr_onnx_in(o, node, i));
    }
    if (mean && sum != WR_NO_TENSOR) {
        unsigned type = wr_onnx_tensor(o, sum)->type;
        sum =
            wr_graph_zip(o->g, WR_ZIP_DIV, sum, wr_graph_scalar(o->g, type, node->n_inputs), type);
    }
    if (node->n_inputs == 1) {
        sum = wr_graph_reshape(o->g, sum, &wr_onnx_tensor(o, sum)->shape);
    }
    wr_onnx_out(o, node, 0, sum);
}

static void clip(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    (void)param;
    uint32_t x = wr_onnx_in(o, node, 0);
    unsigned type = wr_onnx_tensor(o, x)->type;
    uint32_t low = wr_onnx_in(o, node, 1), high = wr_onnx_in(o, node, 2);
    if (low == WR_NO_TENSOR && wr_onnx_has(o, node, "min")) {
        low = wr_graph_scalar(o->g, type, wr_onnx_float(o, node, "min", 0));
    }
    if (high == WR_NO_TENSOR && wr_onnx_has(o, node, "max")) {
        high = wr_graph_scalar(o->g, type, wr_onnx_float(o, node, "max", 0));
    }
    if (low != WR_NO_TENSOR) {
        x = zip_two(o, WR_ZIP_MAX, x, low);
    }
    if (high != WR_NO_TENSOR && x != WR_NO_TENSOR) {
        x = zip_two(o, WR_ZIP_MIN, x, high);
    }
    if (x != WR_NO_TENSOR) {
        x = wr_graph_reshape(o->g, x, &wr_onnx_tensor(o, x)->shape);
    }
    wr_onnx_out(o, node, 0, x);
}

static void where(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    (void)param;
    wr_onnx_out(o, node, 0,
                wr_graph_where(o->g, wr_onnx_in(o, node, 0), wr_onnx_in(o, node, 1),
                               wr_onnx_in(o, node, 2)));
}

static void gelu(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    struct wr_graph *g = o->g;
    uint32_t x = wr_onnx_float_in(o, node, 0);
    (void)param;
    if (x == WR_NO_TENSOR) {
        return;
    }
    unsigned type = wr_onnx_tensor(o, x)->type;
    uint32_t curve, half = wr_graph_scalar(g, type, 0.5), one = wr_graph_scalar(g, type, 1);
    if (wr_str_eq(wr_onnx_text(o, node, "approximate", "none"), WR_STR("tanh"))) {
        /* tanh(sqrt(2 / pi) (x + 0.044715 x^3)) */
        uint32_t square = wr_graph_zip(g, WR_ZIP_MUL, x, x, type);
        uint32_t part =
            wr_graph_zip(g, WR_ZIP_MUL, square, wr_graph_scalar(g, type, 0.044715), type);
        part = wr_graph_zip(g, WR_ZIP_ADD, part, one, type);
        part = wr_graph_zip(g, WR_ZIP_MUL, part, x, type);
        part =
            wr_graph_zip(g, WR_ZIP_MUL, part, wr_graph_scalar(g, type, 0.7978845608028654), type);
        curve = wr_graph_map(g, WR_MAP_TANH, part, type, 0, 0);
    } else {
        uint32_t scaled =
            wr_graph_zip(g, WR_ZIP_MUL, x, wr_graph_scalar(g, type, 0.7071067811865476), type);
        curve = wr_graph_map(g, WR_MAP_ERF, scaled, type, 0, 0);
    }
    uint32_t weight = wr_graph_zip(g, WR_ZIP_ADD, curve, one, type);
    weight = wr_graph_zip(g, WR_ZIP_MUL, weight, half, type);
    wr_onnx_out(o, node, 0, wr_graph_zip(g, WR_ZIP_MUL, weight, x, type));
}

/* ── products ───────────────────────────────────────────────────────────────────────────────── */
static void gemm(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    (void)param;
    struct wr_graph_gemm how = {
        .transpose_a = wr_onnx_int(o, node, "transA", 0) != 0,
        .transpose_b = wr_onnx_int(o, node, "transB", 0) != 0,
        .alpha = wr_onnx_float(o, node, "alpha", 1),
        .beta = wr_onnx_float(o, node, "beta", 1),
    };
    wr_onnx_out(o, node, 0,
                wr_graph_gemm(o->g, wr_onnx_in(o, node, 0), wr_onnx_in(o, node, 1),
                              wr_onnx_in(o, node, 2), &how));
}

static void matmul(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    (void)param;
    wr_onnx_out(o, node, 0, wr_graph_matmul(o->g, wr_onnx_in(o, node, 0), wr_onnx_in(o, node, 1)));
}

/* ── along axes ─────────────────────────────────────────────────────────────────────────────── */
/* Since opset 13 along one axis; before, over all dimensions from the axis on. */
static void softmax(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned op)
{
    uint32_t x = wr_onnx_float_in(o, node, 0);
    if (x == WR_NO_TENSOR) {
        return;
    }
    struct wr_shape shape = wr_onnx_tensor(o, x)->shape;
    uint32_t axis =
        wr_onnx_axis(o, wr_onnx_int(o, node, "axis", node->version >= 13 ? -1 : 1), shape.rank);
    if (o->g->code != WR_OK) {
        return;
    }
    if (node->version >= 13) {
        wr_onnx_out(o, node, 0, wr_graph_softmax(o->g, op, x, axis));
        return;
    }
    struct wr_shape flat = {.rank = 2, .dims = {1, 1}};
    for (uint32_t d = 0; d < shape.rank; d++) {
        flat.dims[d >= axis] *= shape.dims[d];
    }
    x = wr_graph_softmax(o->g, op, wr_graph_reshape(o->g, x, &flat), 1);
    wr_onnx_out(o, node, 0, wr_graph_reshape(o->g, x, &shape));
}

static void reduce(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned op)
{
    uint32_t x = wr_onnx_in(o, node, 0), mask = 0, n = 0;
    const struct wr_tensor *t = wr_onnx_tensor(o, x);
    const int64_t *axes;
    bool given = wr_onnx_list(o, node, 1, "axes", &axes, &n);
    bool keep = wr_onnx_int(o, node, "keepdims", 1) != 0;
    uint32_t rank = t->shape.rank;
    given = given && n > 0;
    for (uint32_t i = 0; given && i < n; i++) {
        mask |= 1u << wr_onnx_axis(o, axes[i], rank);
    }
    if (o->g->code != WR_OK || t->text) {
        wr_graph_fail(o->g, WR_E_MODEL, "the input is a text");
        return;
    }
    if (!given && wr_onnx_int(o, node, "noop_with_empty_axes", 0) != 0) {
        wr_onnx_out(o, node, 0, wr_graph_reshape(o->g, x, &t->shape));
        return;
    }
    mask = given ? mask : (1u << rank) - 1;
    wr_onnx_out(o, node, 0, wr_graph_reduce(o->g, op, x, mask, keep));
}

static void arg(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned op)
{
    uint32_t x = wr_onnx_in(o, node, 0);
    uint32_t axis =
        wr_onnx_axis(o, wr_onnx_int(o, node, "axis", 0), wr_onnx_tensor(o, x)->shape.rank);
    bool keep = wr_onnx_int(o, node, "keepdims", 1) != 0;
    bool last = wr_onnx_int(o, node, "select_last_index", 0) != 0;
    if (o->g->code == WR_OK) {
        wr_onnx_out(o, node, 0, wr_graph_arg(o->g, op, x, axis, keep, last));
    }
}

static void top_k(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0), n;
    const int64_t *list;
    int64_t k = wr_onnx_int(o, node, "k", -1);
    (void)param;
    if (k < 0 && wr_onnx_list(o, node, 1, "k", &list, &n) && n > 0) {
        k = list[0];
    }
    struct wr_shape shape = wr_onnx_tensor(o, x)->shape;
    uint32_t axis = wr_onnx_axis(o, wr_onnx_int(o, node, "axis", -1), shape.rank);
    if (o->g->code != WR_OK || k < 0 || k > shape.dims[axis] || wr_onnx_tensor(o, x)->text) {
        wr_graph_fail(o->g, WR_E_MODEL, "k is not a constant within the axis");
        return;
    }
    uint32_t params[4] = {1, shape.dims[axis], 1, (uint32_t)k};
    for (uint32_t d = 0; d < shape.rank; d++) {
        if (d != axis) {
            params[d < axis ? 0 : 2] *= shape.dims[d];
        }
    }
    shape.dims[axis] = (uint32_t)k;
    struct wr_graph_out outs[2] = {{wr_onnx_tensor(o, x)->type, shape}, {WR_I64, shape}};
    unsigned op = wr_onnx_int(o, node, "largest", 1) != 0 ? WR_TOP_LARGEST : WR_TOP_SMALLEST;
    uint32_t t = wr_graph_step(o->g, WR_STEP_TOP, op, outs, 2, &x, 1, params, 4);
    if (t != WR_NO_TENSOR) {
        wr_onnx_out(o, node, 0, t);
        wr_onnx_out(o, node, 1, t + 1);
    }
}

/* ── normalisations ─────────────────────────────────────────────────────────────────────────── */
/* (x - mean) / sqrt(variance + epsilon) * scale + bias; the parameters fold when constant. */
struct standard {
    uint32_t x, mean, variance, scale, bias;
    double epsilon;
};

static uint32_t standardise(struct wr_graph *g, const struct standard *s)
{
    if (s->x == WR_NO_TENSOR || g->code != WR_OK) {
        return WR_NO_TENSOR;
    }
    unsigned type = g->tensors[s->x].type;
    uint32_t e =
        wr_graph_zip(g, WR_ZIP_ADD, s->variance, wr_graph_scalar(g, type, s->epsilon), type);
    uint32_t root = wr_graph_map(g, WR_MAP_SQRT, e, type, 0, 0);
    uint32_t y = wr_graph_zip(g, WR_ZIP_SUB, s->x, s->mean, type);
    y = wr_graph_zip(g, WR_ZIP_DIV, y, root, type);
    y = s->scale != WR_NO_TENSOR ? wr_graph_zip(g, WR_ZIP_MUL, y, s->scale, type) : y;
    return s->bias != WR_NO_TENSOR ? wr_graph_zip(g, WR_ZIP_ADD, y, s->bias, type) : y;
}

/* Parameters have one element a channel: dimension 1. */
static uint32_t by_channel(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t i,
                           uint32_t rank)
{
    uint32_t t = wr_onnx_in(o, node, i);
    struct wr_shape shape = {.rank = rank};
    for (uint32_t d = 0; d < rank; d++) {
        shape.dims[d] = d == 1 ? wr_onnx_tensor(o, t)->count : 1;
    }
    return wr_graph_reshape(o->g, t, &shape);
}

static void batch_normalization(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0), rank = wr_onnx_tensor(o, x)->shape.rank;
    (void)param;
    for (uint32_t i = 1; i < 5; i++) {
        if (wr_onnx_in(o, node, i) == WR_NO_TENSOR) {
            wr_graph_fail(o->g, WR_E_MODEL, "input %u is missing", i);
            return;
        }
    }
    if (rank < 2 || wr_onnx_int(o, node, "training_mode", 0) != 0) {
        wr_graph_fail(o->g, WR_E_MODEL, "takes channels in dimension 1, and no training mode");
        return;
    }
    struct standard s = {.x = x,
                         .scale = by_channel(o, node, 1, rank),
                         .bias = by_channel(o, node, 2, rank),
                         .mean = by_channel(o, node, 3, rank),
                         .variance = by_channel(o, node, 4, rank),
                         .epsilon = wr_onnx_float(o, node, "epsilon", (double)1e-5f)};
    wr_onnx_out(o, node, 0, standardise(o->g, &s));
}

static void layer_normalization(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    struct wr_graph *g = o->g;
    uint32_t x = wr_onnx_float_in(o, node, 0);
    (void)param;
    if (x == WR_NO_TENSOR) {
        return;
    }
    unsigned type = wr_onnx_tensor(o, x)->type;
    uint32_t rank = wr_onnx_tensor(o, x)->shape.rank;
    uint32_t axis = wr_onnx_axis(o, wr_onnx_int(o, node, "axis", -1), rank);
    uint32_t axes = ((1u << rank) - 1) & ~((1u << axis) - 1);
    uint32_t mean = wr_graph_reduce(g, WR_REDUCE_MEAN, x, axes, true);
    uint32_t off = wr_graph_zip(g, WR_ZIP_SUB, x, mean, type);
    uint32_t square = wr_graph_zip(g, WR_ZIP_MUL, off, off, type);
    struct standard s = {.x = x,
                         .mean = mean,
                         .variance = wr_graph_reduce(g, WR_REDUCE_MEAN, square, axes, true),
                         .scale = wr_onnx_in(o, node, 1),
                         .bias = wr_onnx_in(o, node, 2),
                         .epsilon = wr_onnx_float(o, node, "epsilon", (double)1e-5f)};
    wr_onnx_out(o, node, 0, standardise(g, &s));
    wr_onnx_out(o, node, 1, mean);
    if (node->n_outputs > 2 && node->outputs[2].n != 0 && g->code == WR_OK) {
        uint32_t e = wr_graph_scalar(g, type, s.epsilon);
        uint32_t root = wr_graph_zip(g, WR_ZIP_ADD, s.variance, e, type);
        root = wr_graph_map(g, WR_MAP_SQRT, root, type, 0, 0);
        wr_onnx_out(o, node, 2, wr_graph_map(g, WR_MAP_RECIPROCAL, root, type, 0, 0));
    }
}

const struct wr_onnx_op wr_onnx_math_ops[] = {
    {"Abs", 1, 1, 1, unary, WR_MAP_ABS},
    {"Add", 2, 2, 1, binary, WR_ZIP_ADD},
    {"And", 2, 2, 1, binary, WR_ZIP_AND},
    {"ArgMax", 1, 1, 1, arg, WR_ARG_MAX},
    {"ArgMin", 1, 1, 1, arg, WR_ARG_MIN},
    {"BatchNormalization", 5, 5, 7, batch_normalization, 0},
    {"Ceil", 1, 1, 1, unary, WR_MAP_CEIL},
    {"Clip", 1, 3, 1, clip, 0},
    {"Div", 2, 2, 1, binary, WR_ZIP_DIV},
    {"Elu", 1, 1, 1, parametric, WR_MAP_ELU},
    {"Equal", 2, 2, 1, binary, WR_ZIP_EQ},
    {"Erf", 1, 1, 9, unary, WR_MAP_ERF},
    {"Exp", 1, 1, 1, unary, WR_MAP_EXP},
    {"Floor", 1, 1, 1, unary, WR_MAP_FLOOR},
    {"GRU", 3, 6, 7, wr_onnx_recurrent, 1},
    {"Gelu", 1, 1, 20, gelu, 0},
    {"Gemm", 2, 3, 1, gemm, 0},
    {"Greater", 2, 2, 1, binary, WR_ZIP_GT},
    {"GreaterOrEqual", 2, 2, 12, binary, WR_ZIP_GE},
    {"HardSigmoid", 1, 1, 1, parametric, WR_MAP_HARD_SIGMOID},
    {"IsNaN", 1, 1, 9, unary, WR_MAP_ISNAN},
    {"LSTM", 3, 8, 7, wr_onnx_recurrent, 0},
    {"LayerNormalization", 2, 3, 17, layer_normalization, 0},
    {"LeakyRelu", 1, 1, 1, parametric, WR_MAP_LEAKY},
    {"Less", 2, 2, 1, binary, WR_ZIP_LT},
    {"LessOrEqual", 2, 2, 12, binary, WR_ZIP_LE},
    {"Log", 1, 1, 1, unary, WR_MAP_LOG},
    {"LogSoftmax", 1, 1, 1, softmax, WR_SOFTMAX_LOG},
    {"MatMul", 2, 2, 1, matmul, 0},
    {"Max", 1, 255, 1, variadic, WR_ZIP_MAX},
    {"Mean", 1, 255, 1, variadic, WR_ZIP_OPS},
    {"Min", 1, 255, 1, variadic, WR_ZIP_MIN},
    {"Mul", 2, 2, 1, binary, WR_ZIP_MUL},
    {"Neg", 1, 1, 1, unary, WR_MAP_NEG},
    {"Not", 1, 1, 1, unary, WR_MAP_NOT},
    {"Or", 2, 2, 1, binary, WR_ZIP_OR},
    {"Pow", 2, 2, 1, binary, WR_ZIP_POW},
    {"Reciprocal", 1, 1, 1, unary, WR_MAP_RECIPROCAL},
    {"ReduceL1", 1, 2, 1, reduce, WR_REDUCE_L1},
    {"ReduceL2", 1, 2, 1, reduce, WR_REDUCE_L2},
    {"ReduceMax", 1, 2, 1, reduce, WR_REDUCE_MAX},
    {"ReduceMean", 1, 2, 1, reduce, WR_REDUCE_MEAN},
    {"ReduceMin", 1, 2, 1, reduce, WR_REDUCE_MIN},
    {"ReduceProd", 1, 2, 1, reduce, WR_REDUCE_PROD},
    {"ReduceSum", 1, 2, 1, reduce, WR_REDUCE_SUM},
    {"ReduceSumSquare", 1, 2, 1, reduce, WR_REDUCE_SUM_SQUARE},
    {"Relu", 1, 1, 1, unary, WR_MAP_RELU},
    {"Round", 1, 1, 11, unary, WR_MAP_ROUND},
    {"Sigmoid", 1, 1, 1, unary, WR_MAP_SIGMOID},
    {"Sign", 1, 1, 9, unary, WR_MAP_SIGN},
    {"Softmax", 1, 1, 1, softmax, WR_SOFTMAX},
    {"Softplus", 1, 1, 1, unary, WR_MAP_SOFTPLUS},
    {"Softsign", 1, 1, 1, unary, WR_MAP_SOFTSIGN},
    {"Sqrt", 1, 1, 1, unary, WR_MAP_SQRT},
    {"Sub", 2, 2, 1, binary, WR_ZIP_SUB},
    {"Sum", 1, 255, 1, variadic, WR_ZIP_ADD},
    {"Tanh", 1, 1, 1, unary, WR_MAP_TANH},
    {"TopK", 1, 2, 1, top_k, 0},
    {"Where", 3, 3, 9, where, 0},
    {"Xor", 2, 2, 1, binary, WR_ZIP_XOR},
    {NULL, 0, 0, 0, NULL, 0},
};
