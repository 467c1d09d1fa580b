/* SPDX-License-Identifier: Apache-2.0 */
/* The workbench's steps: shapes, broadcasting and strides, so that an importer speaks of operators.
 */
#include "model/graph.h"
#include "model/kernel_number.h"

#define RANK WR_LIMIT_PROGRAM_RANK

uint32_t wr_graph_map(struct wr_graph *g, unsigned op, uint32_t x, unsigned type, double a,
                      double b)
{
    if (x == WR_NO_TENSOR) {
        return wr_graph_fail(g, WR_E_MODEL, "an input is missing");
    }
    uint32_t params[4];
    wr_graph_put_double(params, a);
    wr_graph_put_double(params + 2, b);
    struct wr_graph_out out = {type, g->tensors[x].shape};
    return wr_graph_step(g, WR_STEP_MAP, op, &out, 1, &x, 1, params, 4);
}

/* The common shape of two, or false. */
static bool broadcast(const struct wr_shape *a, const struct wr_shape *b, struct wr_shape *out)
{
    *out = (struct wr_shape){.rank = WR_MAX(a->rank, b->rank)};
    for (uint32_t i = 0; i < out->rank; i++) {
        uint32_t x = i + a->rank >= out->rank ? a->dims[i + a->rank - out->rank] : 1;
        uint32_t y = i + b->rank >= out->rank ? b->dims[i + b->rank - out->rank] : 1;
        if (x != y && x != 1 && y != 1) {
            return false;
        }
        out->dims[i] = x == 1 ? y : x;
    }
    return true;
}

/* Strides of `shape` seen as `wide`: 0 where it is repeated. */
static void strides_in(const struct wr_shape *shape, const struct wr_shape *wide, int32_t *strides)
{
    uint32_t stride = 1;
    for (uint32_t i = wide->rank; i-- > 0;) {
        bool present = i + shape->rank >= wide->rank;
        uint32_t dim = present ? shape->dims[i + shape->rank - wide->rank] : 1;
        strides[i] = dim == 1 ? 0 : (int32_t)stride;
        stride *= dim;
    }
}

/* Merges neighbouring dimensions that all operands cross in one stride; gives rank >= 1. */
static uint32_t collapse(struct wr_shape *shape, int32_t strides[][RANK], uint32_t n)
{
    uint32_t rank = 0;
    for (uint32_t d = 0; d < shape->rank; d++) {
        if (shape->dims[d] == 1) {
            continue;
        }
        bool joins = rank > 0;
        for (uint32_t k = 0; k < n && joins; k++) {
            joins = strides[k][rank - 1] == strides[k][d] * (int32_t)shape->dims[d];
        }
        if (joins) {
            rank--;
            shape->dims[rank] *= shape->dims[d];
        } else {
            shape->dims[rank] = shape->dims[d];
        }
        for (uint32_t k = 0; k < n; k++) {
            strides[k][rank] = strides[k][d];
        }
        rank++;
    }
    if (rank == 0) {
        shape->dims[0] = 1;
        for (uint32_t k = 0; k < n; k++) {
            strides[k][0] = 0;
        }
        rank = 1;
    }
    shape->rank = rank;
    return rank;
}

/* rank, dims, strides of each operand */
static uint32_t put_strided(uint32_t *params, const struct wr_shape *shape, int32_t strides[][RANK],
                            uint32_t n)
{
    uint32_t at = 0;
    params[at++] = shape->rank;
    for (uint32_t d = 0; d < shape->rank; d++) {
        params[at++] = shape->dims[d];
    }
    for (uint32_t k = 0; k < n; k++) {
        for (uint32_t d = 0; d < shape->rank; d++) {
            params[at++] = (uint32_t)strides[k][d];
        }
    }
    return at;
}

uint32_t wr_graph_zip(struct wr_graph *g, unsigned op, uint32_t a, uint32_t b, unsigned type)
{
    if (a == WR_NO_TENSOR || b == WR_NO_TENSOR) {
        return wr_graph_fail(g, WR_E_MODEL, "an input is missing");
    }
    struct wr_graph_out out = {.type = type};
    if (!broadcast(&g->tensors[a].shape, &g->tensors[b].shape, &out.shape)) {
        return wr_graph_fail(g, WR_E_MODEL, "the shapes of the two inputs do not fit");
    }
    int32_t strides[2][RANK];
    strides_in(&g->tensors[a].shape, &out.shape, strides[0]);
    strides_in(&g->tensors[b].shape, &out.shape, strides[1]);
    struct wr_shape flat = out.shape;
    collapse(&flat, strides, 2);
    uint32_t params[1 + 3 * RANK], ins[2] = {a, b};
    uint32_t n = put_strided(params, &flat, strides, 2);
    return wr_graph_step(g, WR_STEP_ZIP, op, &out, 1, ins, 2, params, n);
}

uint32_t wr_graph_where(struct wr_graph *g, uint32_t condition, uint32_t a, uint32_t b)
{
    if (condition == WR_NO_TENSOR || a == WR_NO_TENSOR || b == WR_NO_TENSOR) {
        return wr_graph_fail(g, WR_E_MODEL, "an input is missing");
    }
    struct wr_shape sides;
    struct wr_graph_out out = {.type = g->tensors[a].type};
    if (g->tensors[a].type != g->tensors[b].type || g->tensors[condition].type != WR_I64 ||
        !broadcast(&g->tensors[a].shape, &g->tensors[b].shape, &sides) ||
        !broadcast(&sides, &g->tensors[condition].shape, &out.shape)) {
        return wr_graph_fail(g, WR_E_MODEL, "types or shapes of the inputs do not fit");
    }
    int32_t strides[3][RANK];
    strides_in(&g->tensors[condition].shape, &out.shape, strides[0]);
    strides_in(&g->tensors[a].shape, &out.shape, strides[1]);
    strides_in(&g->tensors[b].shape, &out.shape, strides[2]);
    struct wr_shape flat = out.shape;
    collapse(&flat, strides, 3);
    uint32_t params[1 + 4 * RANK], ins[3] = {condition, a, b};
    uint32_t n = put_strided(params, &flat, strides, 3);
    bool text = g->tensors[a].text;
    uint32_t t = wr_graph_step(g, WR_STEP_WHERE, 0, &out, 1, ins, 3, params, n);
    if (t != WR_NO_TENSOR) {
        g->tensors[t].text = text;
    }
    return t;
}

/* ── moving ─────────────────────────────────────────────────────────────────────────────────── */
uint32_t wr_graph_reshape(struct wr_graph *g, uint32_t x, const struct wr_shape *shape)
{
    if (x == WR_NO_TENSOR || g->code != WR_OK) {
        return wr_graph_fail(g, WR_E_MODEL, "an input is missing");
    }
    if (shape->rank > RANK || wr_shape_count(shape) != g->tensors[x].count) {
        return wr_graph_fail(g, WR_E_MODEL, "%u elements cannot take the new shape",
                             g->tensors[x].count);
    }
    if (g->n_tensors >= WR_LIMIT_GRAPH_TENSORS) {
        return wr_graph_fail(g, WR_E_LIMIT, "more than %u tensors", WR_LIMIT_GRAPH_TENSORS);
    }
    struct wr_tensor copy = g->tensors[x];
    copy.shape = *shape;
    if (g->n_tensors == g->tensor_cap) {
        struct wr_tensor *more =
            wr_arena_array(g->arena, 2 * (size_t)g->tensor_cap, sizeof *more, 8);
        if (more == NULL) {
            return wr_graph_fail(g, WR_E_MEMORY, "no memory for tensors");
        }
        memcpy(more, g->tensors, g->n_tensors * sizeof *more);
        g->tensors = more;
        g->tensor_cap *= 2;
    }
    g->tensors[g->n_tensors] = copy; /* keeps the root */
    return g->n_tensors++;
}

uint32_t wr_graph_move(struct wr_graph *g, uint32_t x, const struct wr_shape *shape, int64_t offset,
                       const int64_t *strides)
{
    if (x == WR_NO_TENSOR || shape->rank > RANK || wr_shape_count(shape) == WR_NO_COUNT) {
        return wr_graph_fail(g, WR_E_MODEL,
                             "an input is missing or its shape is beyond the limits");
    }
    int64_t low = offset, high = offset, count = g->tensors[x].count;
    int32_t narrow[1][RANK] = {{0}};
    bool empty = wr_shape_count(shape) == 0;
    for (uint32_t d = 0; !empty && d < shape->rank; d++) {
        if (strides[d] > count || strides[d] < -count) {
            return wr_graph_fail(g, WR_E_MODEL, "a stride leaves the tensor");
        }
        int64_t reach = strides[d] * (int64_t)(shape->dims[d] - 1);
        *(reach < 0 ? &low : &high) += reach;
        narrow[0][d] = shape->dims[d] == 1 ? 0 : (int32_t)strides[d];
    }
    if (!empty && (low < 0 || high >= count)) {
        return wr_graph_fail(g, WR_E_MODEL, "a position lies outside the tensor");
    }
    struct wr_graph_out out = {g->tensors[x].type, *shape};
    struct wr_shape flat = *shape;
    collapse(&flat, narrow, 1);
    uint32_t params[2 + 2 * RANK] = {(uint32_t)offset};
    uint32_t n = 1 + put_strided(params + 1, &flat, narrow, 1);
    bool text = g->tensors[x].text;
    uint32_t t = wr_graph_step(g, WR_STEP_MOVE, 0, &out, 1, &x, 1, params, n);
    if (t != WR_NO_TENSOR) {
        g->tensors[t].text = text;
    }
    return t;
}

static void dense_strides(const struct wr_shape *shape, int64_t *strides)
{
    int64_t stride = 1;
    for (uint32_t d = shape->rank; d-- > 0;) {
        strides[d] = stride;
        stride *= shape->dims[d];
    }
}

uint32_t wr_graph_transpose(struct wr_graph *g, uint32_t x, const uint32_t *axes)
{
    if (x == WR_NO_TENSOR) {
        return wr_graph_fail(g, WR_E_MODEL, "an input is missing");
    }
    struct wr_shape from = g->tensors[x].shape, to = from;
    int64_t dense[RANK], strides[RANK];
    dense_strides(&from, dense);
    for (uint32_t d = 0; d < from.rank; d++) {
        to.dims[d] = from.dims[axes[d]];
        strides[d] = dense[axes[d]];
    }
    return wr_graph_move(g, x, &to, 0, strides);
}

uint32_t wr_graph_expand(struct wr_graph *g, uint32_t x, const struct wr_shape *shape)
{
    if (x == WR_NO_TENSOR) {
        return wr_graph_fail(g, WR_E_MODEL, "an input is missing");
    }
    struct wr_shape out;
    int32_t narrow[RANK];
    int64_t strides[RANK];
    if (shape->rank > RANK || !broadcast(&g->tensors[x].shape, shape, &out)) {
        return wr_graph_fail(g, WR_E_MODEL, "the shape does not fit");
    }
    strides_in(&g->tensors[x].shape, &out, narrow);
    for (uint32_t d = 0; d < out.rank; d++) {
        strides[d] = narrow[d];
    }
    return wr_graph_move(g, x, &out, 0, strides);
}

uint32_t wr_graph_slice(struct wr_graph *g, uint32_t x, uint32_t axis, int64_t start, int64_t step,
                        uint32_t n)
{
    if (x == WR_NO_TENSOR || axis >= g->tensors[x].shape.rank) {
        return wr_graph_fail(g, WR_E_MODEL, "an axis lies outside the shape");
    }
    struct wr_shape shape = g->tensors[x].shape;
    int64_t strides[RANK], dim = shape.dims[axis];
    dense_strides(&shape, strides);
    if (n != 0 && (start < 0 || start >= dim || step > dim || step < -dim)) {
        return wr_graph_fail(g, WR_E_MODEL, "a slice leaves the tensor");
    }
    int64_t offset = n == 0 ? 0 : start * strides[axis];
    strides[axis] *= n == 0 ? 0 : step;
    shape.dims[axis] = n;
    return wr_graph_move(g, x, &shape, offset, strides);
}

uint32_t wr_graph_concat(struct wr_graph *g, uint32_t axis, const uint32_t *parts, uint32_t n)
{
    if (n == 0 || n > WR_LIMIT_STEP_OPERANDS - 1 || parts[0] == WR_NO_TENSOR) {
        return wr_graph_fail(g, WR_E_LIMIT, "between 1 and %u inputs, not %u",
                             WR_LIMIT_STEP_OPERANDS - 1, n);
    }
    if (n == 1) {
        return parts[0];
    }
    struct wr_graph_out out = {g->tensors[parts[0]].type, g->tensors[parts[0]].shape};
    uint32_t params[1 + WR_LIMIT_STEP_OPERANDS] = {1}, inner = 1, rank = out.shape.rank;
    for (uint32_t d = 0; d < rank; d++) {
        *(d < axis ? &params[0] : &inner) *= d == axis ? 1 : out.shape.dims[d];
    }
    uint64_t total = 0;
    uint32_t kept[WR_LIMIT_STEP_OPERANDS], n_kept = 0;
    bool text = g->tensors[parts[0]].text;
    for (uint32_t i = 0; i < n; i++) {
        const struct wr_tensor *t = parts[i] == WR_NO_TENSOR ? NULL : &g->tensors[parts[i]];
        bool fits = t != NULL && t->type == out.type && t->shape.rank == rank && t->text == text &&
                    axis < rank;
        for (uint32_t d = 0; fits && d < rank; d++) {
            fits = d == axis || t->shape.dims[d] == out.shape.dims[d];
        }
        if (!fits) {
            return wr_graph_fail(g, WR_E_MODEL, "input %u does not fit the others", i);
        }
        if (t->shape.dims[axis] != 0) {
            params[1 + n_kept] = t->shape.dims[axis] * inner;
            kept[n_kept++] = parts[i];
        }
        total += t->shape.dims[axis];
    }
    if (total > WR_LIMIT_TENSOR_COUNT) {
        return wr_graph_fail(g, WR_E_LIMIT, "more than %u elements", WR_LIMIT_TENSOR_COUNT);
    }
    if (n_kept < 2) { /* the others have no elements */
        return n_kept == 1 ? kept[0] : parts[0];
    }
    out.shape.dims[axis] = (uint32_t)total;
    uint32_t t = wr_graph_step(g, WR_STEP_CONCAT, 0, &out, 1, kept, n_kept, params, 1 + n_kept);
    if (t != WR_NO_TENSOR) {
        g->tensors[t].text = text;
    }
    return t;
}

/* outer, n and inner of an axis */
static void around(const struct wr_shape *shape, uint32_t axis, uint32_t params[3])
{
    params[0] = params[2] = 1;
    params[1] = shape->dims[axis];
    for (uint32_t d = 0; d < shape->rank; d++) {
        if (d != axis) {
            params[d < axis ? 0 : 2] *= shape->dims[d];
        }
    }
}

/* 0, 1, 2 ... up to the size of the axis: everything as it is. */
static bool takes_all(const struct wr_graph *g, uint32_t data, uint32_t axis, uint32_t index)
{
    const int64_t *at = wr_graph_data(g, index);
    uint32_t n = g->tensors[data].shape.dims[axis];
    bool all = at != NULL && g->tensors[index].shape.rank == 1 && g->tensors[index].count == n;
    for (uint32_t i = 0; all && i < n; i++) {
        all = at[i] == i;
    }
    return all && !g->plain;
}

uint32_t wr_graph_gather(struct wr_graph *g, uint32_t data, uint32_t axis, uint32_t index)
{
    if (data == WR_NO_TENSOR || index == WR_NO_TENSOR || axis >= g->tensors[data].shape.rank ||
        g->tensors[index].type != WR_I64) {
        return wr_graph_fail(g, WR_E_MODEL, "the axis or the type of the indices is wrong");
    }
    if (takes_all(g, data, axis, index)) {
        struct wr_shape same = g->tensors[data].shape;
        return wr_graph_reshape(g, data, &same);
    }
    const struct wr_tensor *d = &g->tensors[data], *i = &g->tensors[index];
    struct wr_graph_out out = {.type = d->type};
    if (d->shape.rank - 1 + i->shape.rank > RANK) {
        return wr_graph_fail(g, WR_E_LIMIT, "more than %u dimensions", RANK);
    }
    for (uint32_t k = 0; k < d->shape.rank; k++) {
        if (k != axis) {
            out.shape.dims[out.shape.rank++] = d->shape.dims[k];
            continue;
        }
        for (uint32_t m = 0; m < i->shape.rank; m++) {
            out.shape.dims[out.shape.rank++] = i->shape.dims[m];
        }
    }
    uint32_t params[4], ins[2] = {data, index};
    around(&d->shape, axis, params);
    params[3] = i->count;
    bool text = d->text;
    uint32_t t = wr_graph_step(g, WR_STEP_GATHER, 0, &out, 1, ins, 2, params, 4);
    if (t != WR_NO_TENSOR) {
        g->tensors[t].text = text;
    }
    return t;
}

/* ── reducing ───────────────────────────────────────────────────────────────────────────────── */
/* A constant of one value throughout. */
static uint32_t filled(struct wr_graph *g, unsigned type, double value,
                       const struct wr_shape *shape)
{
    uint32_t one = wr_graph_scalar(g, type, value);
    return shape->rank == 0 ? wr_graph_reshape(g, one, shape) : wr_graph_expand(g, one, shape);
}

/* What comes of reducing no elements, where that is defined. */
static uint32_t reduced_nothing(struct wr_graph *g, unsigned op, const struct wr_graph_out *out)
{
    double value = op == WR_REDUCE_PROD ? 1 : 0;
    bool limit = op == WR_REDUCE_MAX || op == WR_REDUCE_MIN;
    if (op == WR_REDUCE_MEAN || (limit && out->type == WR_I64)) {
        return wr_graph_fail(g, WR_E_MODEL, "the mean, least or greatest of no elements is asked");
    }
    if (limit) {
        value = op == WR_REDUCE_MAX ? -wr_number_infinity() : wr_number_infinity();
    }
    return filled(g, out->type, value, &out->shape);
}

uint32_t wr_graph_reduce(struct wr_graph *g, unsigned op, uint32_t x, uint32_t axes, bool keep)
{
    if (x == WR_NO_TENSOR) {
        return wr_graph_fail(g, WR_E_MODEL, "an input is missing");
    }
    const struct wr_tensor *in = &g->tensors[x];
    struct wr_graph_out out = {.type = in->type};
    struct wr_shape sides[2] = {{0}, {0}};
    int32_t strides[2][1][RANK];
    int64_t dense[RANK];
    dense_strides(&in->shape, dense);
    for (uint32_t d = 0; d < in->shape.rank; d++) {
        uint32_t side = axes >> d & 1, rank = sides[side].rank++;
        sides[side].dims[rank] = in->shape.dims[d];
        strides[side][0][rank] = in->shape.dims[d] == 1 ? 0 : (int32_t)dense[d];
        if (side == 0 || keep) {
            out.shape.dims[out.shape.rank++] = side == 0 ? in->shape.dims[d] : 1;
        }
    }
    if (in->count == 0 && wr_shape_count(&out.shape) != 0) {
        return reduced_nothing(g, op, &out);
    }
    collapse(&sides[0], strides[0], 1);
    collapse(&sides[1], strides[1], 1);
    uint32_t params[2 * (1 + 2 * RANK)];
    uint32_t n = put_strided(params, &sides[0], strides[0], 1);
    n += put_strided(params + n, &sides[1], strides[1], 1);
    return wr_graph_step(g, WR_STEP_REDUCE, op, &out, 1, &x, 1, params, n);
}

uint32_t wr_graph_arg(struct wr_graph *g, unsigned op, uint32_t x, uint32_t axis, bool keep,
                      bool last)
{
    if (x == WR_NO_TENSOR || axis >= g->tensors[x].shape.rank) {
        return wr_graph_fail(g, WR_E_MODEL, "the axis lies outside the shape");
    }
    struct wr_graph_out out = {.type = WR_I64};
    const struct wr_shape *shape = &g->tensors[x].shape;
    for (uint32_t d = 0; d < shape->rank; d++) {
        if (d != axis || keep) {
            out.shape.dims[out.shape.rank++] = d == axis ? 1 : shape->dims[d];
        }
    }
    uint32_t params[4];
    around(shape, axis, params);
    params[3] = last;
    return wr_graph_step(g, WR_STEP_ARG, op, &out, 1, &x, 1, params, 4);
}

uint32_t wr_graph_softmax(struct wr_graph *g, unsigned op, uint32_t x, uint32_t axis)
{
    if (x == WR_NO_TENSOR || axis >= g->tensors[x].shape.rank || g->tensors[x].type == WR_I64) {
        return wr_graph_fail(g, WR_E_MODEL, "the axis lies outside the shape, or an integer input");
    }
    struct wr_graph_out out = {g->tensors[x].type, g->tensors[x].shape};
    uint32_t params[3];
    around(&out.shape, axis, params);
    return wr_graph_step(g, WR_STEP_SOFTMAX, op, &out, 1, &x, 1, params, 3);
}

/* ── products ───────────────────────────────────────────────────────────────────────────────── */
/* A constant right side is stored with its columns side by side, which the kernel reads fastest. */
static uint32_t columns_together(struct wr_graph *g, uint32_t b, bool *transpose)
{
    if (*transpose && g->tensors[b].constant) {
        uint32_t axes[2] = {1, 0};
        *transpose = false;
        g->tensors[b].spare = g->tensors[b].once && g->tensors[b].root == b;
        return wr_graph_transpose(g, b, axes);
    }
    return b;
}

/* A sum over no elements: 0, or beta c. */
static uint32_t product_of_nothing(struct wr_graph *g, const struct wr_graph_out *out, uint32_t c,
                                   double beta)
{
    if (c == WR_NO_TENSOR) {
        return filled(g, out->type, 0, &out->shape);
    }
    c = wr_graph_zip(g, WR_ZIP_MUL, c, wr_graph_scalar(g, out->type, beta), out->type);
    return wr_graph_expand(g, c, &out->shape);
}

uint32_t wr_graph_gemm(struct wr_graph *g, uint32_t a, uint32_t b, uint32_t c,
                       const struct wr_graph_gemm *how)
{
    if (a == WR_NO_TENSOR || b == WR_NO_TENSOR || g->tensors[a].shape.rank != 2 ||
        g->tensors[b].shape.rank != 2 || g->tensors[a].type != g->tensors[b].type ||
        g->tensors[a].type == WR_I64) {
        return wr_graph_fail(g, WR_E_MODEL, "takes two matrices of one float type");
    }
    bool transpose_b = how->transpose_b;
    b = columns_together(g, b, &transpose_b);
    if (b == WR_NO_TENSOR) {
        return b;
    }
    const uint32_t *da = g->tensors[a].shape.dims, *db = g->tensors[b].shape.dims;
    uint32_t m = da[how->transpose_a], k = da[!how->transpose_a];
    uint32_t n = db[!transpose_b], kb = db[transpose_b];
    struct wr_graph_out out = {g->tensors[a].type, {.rank = 2, .dims = {m, n}}};
    if (k != kb) {
        return wr_graph_fail(g, WR_E_MODEL, "%u columns meet %u rows", k, kb);
    }
    int32_t c_strides[RANK] = {0};
    if (c != WR_NO_TENSOR) {
        struct wr_shape both;
        if (g->tensors[c].type != out.type || !broadcast(&g->tensors[c].shape, &out.shape, &both) ||
            both.rank != 2 || both.dims[0] != m || both.dims[1] != n) {
            return wr_graph_fail(g, WR_E_MODEL, "the third input does not fit %u x %u", m, n);
        }
        strides_in(&g->tensors[c].shape, &out.shape, c_strides);
    }
    if (k == 0) {
        return product_of_nothing(g, &out, c, how->beta);
    }
    uint32_t params[14] = {m,
                           k,
                           n,
                           how->transpose_a ? 1 : k,
                           how->transpose_a ? m : 1,
                           transpose_b ? 1 : n,
                           transpose_b ? k : 1,
                           (uint32_t)c_strides[0],
                           (uint32_t)c_strides[1]};
    wr_graph_put_double(params + 9, how->alpha);
    wr_graph_put_double(params + 11, how->beta);
    params[13] = 0;
    uint32_t ins[3] = {a, b, c};
    return wr_graph_step(g, WR_STEP_MATMUL, 0, &out, 1, ins, c == WR_NO_TENSOR ? 2 : 3, params, 14);
}

/* [n] as [1, n] on the left or [n, 1] on the right. */
static uint32_t as_matrix(struct wr_graph *g, uint32_t x, bool left)
{
    const struct wr_tensor *t = &g->tensors[x];
    if (t->shape.rank != 1) {
        return x;
    }
    struct wr_shape shape = {.rank = 2, .dims = {1, 1}};
    shape.dims[left] = t->count;
    return wr_graph_reshape(g, x, &shape);
}

static struct wr_shape batch_of(const struct wr_shape *shape)
{
    struct wr_shape batch = *shape;
    batch.rank -= 2;
    return batch;
}

uint32_t wr_graph_matmul(struct wr_graph *g, uint32_t a, uint32_t b)
{
    if (a == WR_NO_TENSOR || b == WR_NO_TENSOR || g->tensors[a].shape.rank == 0 ||
        g->tensors[b].shape.rank == 0 || g->tensors[a].type != g->tensors[b].type ||
        g->tensors[a].type == WR_I64) {
        return wr_graph_fail(g, WR_E_MODEL, "takes two tensors of one float type");
    }
    bool vector_a = g->tensors[a].shape.rank == 1, vector_b = g->tensors[b].shape.rank == 1;
    a = as_matrix(g, a, true);
    b = as_matrix(g, b, false);
    if (a == WR_NO_TENSOR || b == WR_NO_TENSOR) {
        return WR_NO_TENSOR;
    }
    struct wr_shape sa = g->tensors[a].shape, sb = g->tensors[b].shape;
    struct wr_shape batch, ba = batch_of(&sa), bb = batch_of(&sb);
    uint32_t m = sa.dims[sa.rank - 2], k = sa.dims[sa.rank - 1], n = sb.dims[sb.rank - 1];
    if (sb.dims[sb.rank - 2] != k || !broadcast(&ba, &bb, &batch)) {
        return wr_graph_fail(g, WR_E_MODEL, "%u columns meet %u rows", k, sb.dims[sb.rank - 2]);
    }
    int32_t strides[2][RANK];
    strides_in(&ba, &batch, strides[0]);
    strides_in(&bb, &batch, strides[1]);
    struct wr_graph_out out = {g->tensors[a].type, batch};
    for (uint32_t d = 0; d < batch.rank; d++) {
        strides[0][d] *= (int32_t)(m * k);
        strides[1][d] *= (int32_t)(k * n);
    }
    collapse(&batch, strides, 2);
    uint32_t params[14 + 3 * RANK] = {m, k, n, k, 1, n, 1};
    wr_graph_put_double(params + 9, 1);
    uint32_t n_params = 13 + put_strided(params + 13, &batch, strides, 2);
    if (!vector_a || vector_b) {
        out.shape.dims[out.shape.rank++] = m;
    }
    if (!vector_b) {
        out.shape.dims[out.shape.rank++] = n;
    }
    if (vector_a && vector_b) {
        out.shape.rank--;
    }
    if (k == 0) {
        return product_of_nothing(g, &out, WR_NO_TENSOR, 0);
    }
    uint32_t ins[2] = {a, b};
    return wr_graph_step(g, WR_STEP_MATMUL, 0, &out, 1, ins, 2, params, n_params);
}

/* ── lookup ─────────────────────────────────────────────────────────────────────────────────── */
static bool key_before(const void *keys, unsigned type, uint32_t a, uint32_t b)
{
    if (type == WR_I64) {
        return ((const int64_t *)keys)[a] < ((const int64_t *)keys)[b];
    }
    double x = wr_number_load(keys, type, a), y = wr_number_load(keys, type, b);
    return x < y || (x == x && y != y);
}

/* Indices of keys in order, the first of equals first: merge sort, bottom up. */
static uint32_t *sorted_order(struct wr_graph *g, const void *keys, unsigned type, uint32_t n)
{
    uint32_t *order = wr_arena_array(g->arena, n, sizeof *order, 4);
    uint32_t *other = wr_arena_array(g->arena, n, sizeof *other, 4);
    if (order == NULL || other == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to sort %u keys", n);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        order[i] = i;
    }
    for (uint32_t width = 1; width < n; width *= 2) {
        for (uint32_t from = 0; from < n; from += 2 * width) {
            uint32_t i = from, middle = WR_MIN(from + width, n), j = middle;
            uint32_t end = WR_MIN(from + 2 * width, n);
            for (uint32_t to = from; to < end; to++) {
                bool right = i == middle || (j < end && key_before(keys, type, order[j], order[i]));
                other[to] = right ? order[j++] : order[i++];
            }
        }
        uint32_t *swap = order;
        order = other;
        other = swap;
    }
    return order;
}

uint32_t wr_graph_lookup(struct wr_graph *g, uint32_t x, uint32_t keys, uint32_t values)
{
    const void *from = wr_graph_data(g, keys), *what = wr_graph_data(g, values);
    if (x == WR_NO_TENSOR || from == NULL || what == NULL || g->tensors[keys].count == 0 ||
        g->tensors[keys].type != g->tensors[x].type ||
        g->tensors[values].count != g->tensors[keys].count + 1) {
        return wr_graph_fail(g, WR_E_MODEL, "keys, values and input do not fit");
    }
    uint32_t n = g->tensors[keys].count;
    unsigned key_type = g->tensors[keys].type, type = g->tensors[values].type;
    uint32_t *order = sorted_order(g, from, key_type, n);
    uint32_t size = wr_element_size(type), key_size = wr_element_size(key_type);
    uint8_t *k = wr_arena_alloc(g->arena, (size_t)n * 8, 8);
    uint8_t *v = wr_arena_alloc(g->arena, ((size_t)n + 1) * 8, 8);
    if (order == NULL || k == NULL || v == NULL) {
        return wr_graph_fail(g, WR_E_MEMORY, "no memory for %u keys", n);
    }
    for (uint32_t i = 0; i < n; i++) {
        memcpy(k + (size_t)i * key_size, (const uint8_t *)from + (size_t)order[i] * key_size,
               key_size);
        memcpy(v + (size_t)i * size, (const uint8_t *)what + (size_t)order[i] * size, size);
    }
    memcpy(v + (size_t)n * size, (const uint8_t *)what + (size_t)n * size, size);
    struct wr_graph_out out = {type, g->tensors[x].shape};
    bool text = g->tensors[values].text;
    uint32_t ins[3] = {x, wr_graph_constant_1d(g, key_type, n, k),
                       wr_graph_constant_1d(g, type, n + 1, v)};
    uint32_t t = wr_graph_step(g, WR_STEP_LOOKUP, 0, &out, 1, ins, 3, NULL, 0);
    if (t != WR_NO_TENSOR) {
        g->tensors[t].text = text;
    }
    return t;
}
