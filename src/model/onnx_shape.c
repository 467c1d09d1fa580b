/* SPDX-License-Identifier: Apache-2.0 */
/* ai.onnx operators that arrange: shapes, slices, casts, constants. Shapes are known while the
 * graph is read, so most of these cost nothing at scoring time. */
#include "model/onnx.h"

#define RANK WR_LIMIT_PROGRAM_RANK

static void out_as(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t x,
                   const struct wr_shape *shape)
{
    wr_onnx_out(o, node, 0, wr_graph_reshape(o->g, x, shape));
}

/* A second name needs a tensor of its own: a view in the same shape. */
static void identity(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0);
    struct wr_shape shape = wr_onnx_tensor(o, x)->shape;
    (void)param;
    if (node->n_outputs > 1 && node->outputs[1].n != 0) {
        wr_graph_fail(o->g, WR_E_MODEL, "the mask output is not supported");
        return;
    }
    out_as(o, node, x, &shape);
}

static void cast(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0);
    int64_t to = wr_onnx_int(o, node, "to", 0);
    unsigned type = wr_onnx_element(o, to), op = WR_MAP_COPY;
    (void)param;
    if (o->g->code != WR_OK || (to == 8) != wr_onnx_tensor(o, x)->text) {
        wr_graph_fail(o->g, WR_E_MODEL, "a cast between texts and numbers is not supported");
        return;
    }
    switch (to) {
    case 2: /* UINT8 */
        op = WR_MAP_U8;
        break;
    case 6: /* INT32 */
        op = WR_MAP_I32;
        break;
    case 9: /* BOOL */
        op = WR_MAP_BOOL;
        break;
    case 10: /* FLOAT16 */
        op = WR_MAP_HALF;
        break;
    case 3: /* INT8, UINT16, INT16, BFLOAT16 */
    case 4:
    case 5:
    case 16:
        wr_graph_fail(o->g, WR_E_MODEL, "a cast to type %lld is not supported", (long long)to);
        return;
    default:
        break;
    }
    bool text = wr_onnx_tensor(o, x)->text;
    uint32_t y = wr_graph_map(o->g, op, x, type, 0, 0);
    if (y != WR_NO_TENSOR) {
        o->g->tensors[y].text = text;
    }
    wr_onnx_out(o, node, 0, y);
}

/* ── new shapes ─────────────────────────────────────────────────────────────────────────────── */
static void reshape(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0), n = 0, count = wr_onnx_tensor(o, x)->count;
    struct wr_shape from = wr_onnx_tensor(o, x)->shape, to = {0};
    const int64_t *dims;
    int64_t open = -1, known = 1;
    bool zeros = wr_onnx_int(o, node, "allowzero", 0) != 0; /* 0 is a size, not "as it was" */
    (void)param;
    if (!wr_onnx_list(o, node, 1, "shape", &dims, &n) || n > RANK) {
        wr_graph_fail(o->g, WR_E_MODEL, "the shape must be constant, of at most %u dimensions",
                      RANK);
        return;
    }
    to.rank = n;
    for (uint32_t d = 0; d < n; d++) {
        int64_t dim = dims[d];
        if (dim == 0 && d < from.rank && !zeros) {
            dim = from.dims[d];
        }
        if (dim == -1 && open < 0) {
            open = d;
            dim = 1;
        } else if (dim < 0 || dim > WR_LIMIT_TENSOR_COUNT) {
            wr_graph_fail(o->g, WR_E_MODEL, "dimension %u of the shape is %lld", d, (long long)dim);
            return;
        }
        to.dims[d] = (uint32_t)dim;
        known = WR_MIN(known * dim, (int64_t)WR_LIMIT_TENSOR_COUNT + 1);
    }
    if (open >= 0 && known == 0) {
        wr_graph_fail(o->g, WR_E_MODEL, "dimension %u is left open beside one of 0",
                      (unsigned)open);
        return;
    }
    if (open >= 0) {
        to.dims[open] = (uint32_t)(count / known);
    }
    out_as(o, node, x, &to);
}

static void flatten(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0);
    struct wr_shape from = wr_onnx_tensor(o, x)->shape, to = {.rank = 2, .dims = {1, 1}};
    int64_t axis = wr_onnx_int(o, node, "axis", 1);
    (void)param;
    axis = axis < 0 ? axis + from.rank : axis;
    if (axis < 0 || axis > from.rank) {
        wr_graph_fail(o->g, WR_E_MODEL, "the axis lies outside the shape");
        return;
    }
    for (uint32_t d = 0; d < from.rank; d++) {
        to.dims[d >= axis] *= from.dims[d];
    }
    out_as(o, node, x, &to);
}

static void squeeze(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0), n = 0, mask = 0;
    struct wr_shape from = wr_onnx_tensor(o, x)->shape, to = {0};
    const int64_t *axes;
    bool given = wr_onnx_list(o, node, 1, "axes", &axes, &n) && n > 0;
    (void)param;
    for (uint32_t i = 0; given && i < n; i++) {
        mask |= 1u << wr_onnx_axis(o, axes[i], from.rank);
    }
    for (uint32_t d = 0; d < from.rank; d++) {
        bool drop = given ? (mask >> d & 1) != 0 : from.dims[d] == 1;
        if (!drop) {
            to.dims[to.rank++] = from.dims[d];
        } else if (from.dims[d] != 1) {
            wr_graph_fail(o->g, WR_E_MODEL, "dimension %u is not 1", d);
        }
    }
    out_as(o, node, x, &to);
}

static void unsqueeze(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0), n = 0, mask = 0, next = 0;
    struct wr_shape from = wr_onnx_tensor(o, x)->shape, to = {0};
    const int64_t *axes;
    (void)param;
    if (!wr_onnx_list(o, node, 1, "axes", &axes, &n) || n + from.rank > RANK) {
        wr_graph_fail(o->g, WR_E_MODEL, "the axes must be constant, and at most %u dimensions",
                      RANK);
        return;
    }
    to.rank = from.rank + n;
    for (uint32_t i = 0; i < n; i++) {
        mask |= 1u << wr_onnx_axis(o, axes[i], to.rank);
    }
    for (uint32_t d = 0; d < to.rank; d++) {
        bool inserted = (mask >> d & 1) != 0;
        if (!inserted && next == from.rank) {
            wr_graph_fail(o->g, WR_E_MODEL, "an axis is given twice");
            return;
        }
        to.dims[d] = inserted ? 1 : from.dims[next++];
    }
    out_as(o, node, x, &to);
}

static void transpose(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0), n, seen = 0, axes[RANK];
    uint32_t rank = wr_onnx_tensor(o, x)->shape.rank;
    int64_t *given;
    (void)param;
    if (!wr_onnx_ints(o, node, "perm", &given, &n) || (n != 0 && n != rank)) {
        wr_graph_fail(o->g, WR_E_MODEL, "perm does not name each dimension");
        return;
    }
    for (uint32_t d = 0; d < rank; d++) {
        axes[d] = n == 0 ? rank - 1 - d : wr_onnx_axis(o, given[d], rank);
        seen |= 1u << axes[d];
    }
    if (seen != (1u << rank) - 1) {
        wr_graph_fail(o->g, WR_E_MODEL, "perm does not name each dimension once");
        return;
    }
    wr_onnx_out(o, node, 0, wr_graph_transpose(o->g, x, axes));
}

/* A constant list of integers as a shape. */
static bool shape_input(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t i,
                        const char *name, struct wr_shape *shape)
{
    const int64_t *dims;
    uint32_t n = 0;
    if (!wr_onnx_list(o, node, i, name, &dims, &n) || n > RANK) {
        wr_graph_fail(o->g, WR_E_MODEL, "input %u must be constant, of at most %u elements", i,
                      RANK);
        return false;
    }
    shape->rank = n;
    for (uint32_t d = 0; d < n; d++) {
        if (dims[d] < 0 || dims[d] > WR_LIMIT_TENSOR_COUNT) {
            wr_graph_fail(o->g, WR_E_MODEL, "dimension %u of the shape is %lld", d,
                          (long long)dims[d]);
            return false;
        }
        shape->dims[d] = (uint32_t)dims[d];
    }
    return true;
}

static void expand(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    struct wr_shape shape;
    (void)param;
    if (shape_input(o, node, 1, "shape", &shape)) {
        wr_onnx_out(o, node, 0, wr_graph_expand(o->g, wr_onnx_in(o, node, 0), &shape));
    }
}

/* Each dimension repeated: (repeats, dim) pairs, the first with stride 0. */
static void tile(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0);
    struct wr_shape from = wr_onnx_tensor(o, x)->shape, repeats, wide = {0}, to = from;
    int64_t strides[RANK], stride = wr_onnx_tensor(o, x)->count;
    (void)param;
    if (!shape_input(o, node, 1, "repeats", &repeats)) {
        return;
    }
    if (repeats.rank != from.rank || 2 * from.rank > RANK) {
        wr_graph_fail(o->g, WR_E_LIMIT, "repeats %u of %u dimensions; %u are possible",
                      repeats.rank, from.rank, RANK / 2);
        return;
    }
    for (uint32_t d = 0; d < from.rank; d++) {
        stride = from.dims[d] == 0 ? 0 : stride / from.dims[d];
        wide.dims[wide.rank] = repeats.dims[d];
        strides[wide.rank++] = 0;
        wide.dims[wide.rank] = from.dims[d];
        strides[wide.rank++] = stride;
        to.dims[d] = (uint32_t)WR_MIN((uint64_t)from.dims[d] * repeats.dims[d], UINT32_MAX);
    }
    x = wr_graph_move(o->g, x, &wide, 0, strides);
    if (x != WR_NO_TENSOR) {
        out_as(o, node, x, &to);
    }
}

/* ── parts ──────────────────────────────────────────────────────────────────────────────────── */
static void concat(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t parts[WR_LIMIT_STEP_OPERANDS], x = wr_onnx_in(o, node, 0);
    (void)param;
    if (node->n_inputs >= WR_LIMIT_STEP_OPERANDS) {
        wr_graph_fail(o->g, WR_E_LIMIT, "more than %u inputs", WR_LIMIT_STEP_OPERANDS - 1);
        return;
    }
    uint32_t axis = wr_onnx_axis(o, wr_onnx_int(o, node, "axis", 1),
                                 x == WR_NO_TENSOR ? 0 : wr_onnx_tensor(o, x)->shape.rank);
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        parts[i] = wr_onnx_in(o, node, i);
    }
    if (o->g->code != WR_OK) {
        return;
    }
    x = wr_graph_concat(o->g, axis, parts, node->n_inputs);
    if (x != WR_NO_TENSOR) {
        struct wr_shape shape = wr_onnx_tensor(o, x)->shape;
        out_as(o, node, x, &shape);
    }
}

static void gather(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0);
    uint32_t axis =
        wr_onnx_axis(o, wr_onnx_int(o, node, "axis", 0), wr_onnx_tensor(o, x)->shape.rank);
    (void)param;
    if (o->g->code == WR_OK) {
        wr_onnx_out(o, node, 0, wr_graph_gather(o->g, x, axis, wr_onnx_in(o, node, 1)));
    }
}

/* One axis of a slice: numpy's rules for start and end. */
static uint32_t slice_axis(struct wr_onnx *o, uint32_t x, uint32_t axis, const int64_t range[3])
{
    int64_t dim = wr_onnx_tensor(o, x)->shape.dims[axis];
    int64_t start = range[0], end = range[1], step = range[2];
    if (step == 0 || step == INT64_MIN) {
        return wr_graph_fail(o->g, WR_E_MODEL, "the step is %lld", (long long)step);
    }
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? dim - 1 : dim;
    start = start < 0 ? WR_MAX(start, -dim - 1) + dim : start;
    end = end < 0 ? WR_MAX(end, -dim - 1) + dim : end;
    start = WR_MIN(WR_MAX(start, low), high);
    end = WR_MIN(WR_MAX(end, low), high);
    int64_t span = step < 0 ? start - end : end - start, size = step < 0 ? -step : step;
    if (span <= 0) {
        return wr_graph_slice(o->g, x, axis, 0, 1, 0);
    }
    int64_t n = (span - 1) / size + 1;
    step = n == 1 ? 1 : step;
    return wr_graph_slice(o->g, x, axis, start, step, (uint32_t)n);
}

static void slice(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0), n = 0, n_ends = 0, n_axes = 0, n_steps = 0;
    uint32_t rank = wr_onnx_tensor(o, x)->shape.rank;
    const int64_t *starts, *ends, *axes = NULL, *steps = NULL;
    (void)param;
    if (!wr_onnx_list(o, node, 1, "starts", &starts, &n) ||
        !wr_onnx_list(o, node, 2, "ends", &ends, &n_ends)) {
        wr_graph_fail(o->g, WR_E_MODEL, "starts and ends must be constant");
        return;
    }
    bool has_axes = wr_onnx_list(o, node, 3, "axes", &axes, &n_axes) && n_axes > 0;
    bool has_steps = wr_onnx_list(o, node, 4, "steps", &steps, &n_steps) && n_steps > 0;
    if (n_ends != n || n > rank || (has_axes && n_axes != n) || (has_steps && n_steps != n)) {
        wr_graph_fail(o->g, WR_E_MODEL, "starts, ends, axes and steps differ in length");
        return;
    }
    struct wr_shape shape = wr_onnx_tensor(o, x)->shape;
    x = wr_graph_reshape(o->g, x, &shape);
    for (uint32_t i = 0; i < n && x != WR_NO_TENSOR && o->g->code == WR_OK; i++) {
        uint32_t axis = has_axes ? wr_onnx_axis(o, axes[i], rank) : i;
        int64_t range[3] = {starts[i], ends[i], has_steps ? steps[i] : 1};
        x = o->g->code == WR_OK ? slice_axis(o, x, axis, range) : WR_NO_TENSOR;
    }
    wr_onnx_out(o, node, 0, x);
}

static void split(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    uint32_t x = wr_onnx_in(o, node, 0), n = 0, parts = node->n_outputs;
    const int64_t *sizes;
    uint32_t axis =
        wr_onnx_axis(o, wr_onnx_int(o, node, "axis", 0), wr_onnx_tensor(o, x)->shape.rank);
    bool given = wr_onnx_list(o, node, 1, "split", &sizes, &n) && n > 0;
    (void)param;
    if (o->g->code != WR_OK || parts == 0 || (given && n != parts)) {
        wr_graph_fail(o->g, WR_E_MODEL, "the sizes do not match the outputs");
        return;
    }
    int64_t dim = wr_onnx_tensor(o, x)->shape.dims[axis], at = 0;
    int64_t each = (dim + parts - 1) / parts;
    for (uint32_t i = 0; i < parts && o->g->code == WR_OK; i++) {
        int64_t size = given ? sizes[i] : WR_MIN(each, dim - at);
        if (size < 0 || size > dim - at) {
            wr_graph_fail(o->g, WR_E_MODEL, "part %u has %lld of %lld", i, (long long)size,
                          (long long)dim);
            return;
        }
        wr_onnx_out(o, node, i, wr_graph_slice(o->g, x, axis, at, 1, (uint32_t)size));
        at += size;
    }
}

/* ── constants ──────────────────────────────────────────────────────────────────────────────── */
static void constant(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    struct wr_graph *g = o->g;
    struct wr_shape scalar = {0};
    uint32_t t = WR_NO_TENSOR, n = 0;
    int64_t *integers;
    double *doubles;
    (void)param;
    if (wr_onnx_has(o, node, "value")) {
        t = wr_onnx_attr_tensor(o, node, "value");
    } else if (wr_onnx_has(o, node, "value_float")) {
        t = wr_graph_reshape(
            g, wr_graph_scalar(g, WR_F32, wr_onnx_float(o, node, "value_float", 0)), &scalar);
    } else if (wr_onnx_has(o, node, "value_int")) {
        integers = &(int64_t){wr_onnx_int(o, node, "value_int", 0)};
        t = wr_graph_reshape(g, wr_graph_constant_1d(g, WR_I64, 1, integers), &scalar);
    } else if (wr_onnx_has(o, node, "value_ints") &&
               wr_onnx_ints(o, node, "value_ints", &integers, &n)) {
        t = wr_graph_constant_1d(g, WR_I64, n, integers);
    } else if (wr_onnx_has(o, node, "value_floats") &&
               wr_onnx_floats(o, node, "value_floats", &doubles, &n)) {
        t = wr_graph_map(g, WR_MAP_COPY, wr_graph_constant_1d(g, WR_F64, n, doubles), WR_F32, 0, 0);
    } else {
        wr_graph_fail(g, WR_E_MODEL, "the kind of value is not supported");
    }
    wr_onnx_out(o, node, 0, t);
}

static void constant_of_shape(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    struct wr_shape shape;
    uint32_t value = wr_onnx_attr_tensor(o, node, "value");
    (void)param;
    if (!shape_input(o, node, 0, "shape", &shape)) {
        return;
    }
    if (value == WR_NO_TENSOR && o->g->code == WR_OK) {
        value = wr_graph_scalar(o->g, WR_F32, 0);
    }
    wr_onnx_out(o, node, 0, wr_graph_expand(o->g, value, &shape));
}

static void shape_of(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param)
{
    const struct wr_shape *shape = &wr_onnx_tensor(o, wr_onnx_in(o, node, 0))->shape;
    int64_t dims[RANK], rank = shape->rank;
    int64_t start = wr_onnx_int(o, node, "start", 0), end = wr_onnx_int(o, node, "end", rank);
    (void)param;
    start = start < 0 ? WR_MAX(start + rank, 0) : WR_MIN(start, rank);
    end = end < 0 ? WR_MAX(end + rank, 0) : WR_MIN(end, rank);
    end = WR_MAX(start, end);
    for (int64_t d = start; d < end; d++) {
        dims[d - start] = shape->dims[d];
    }
    wr_onnx_out(o, node, 0, wr_graph_constant_1d(o->g, WR_I64, (uint32_t)(end - start), dims));
}

const struct wr_onnx_op wr_onnx_shape_ops[] = {
    {"Cast", 1, 1, 6, cast, 0},           {"Concat", 1, 255, 1, concat, 0},
    {"Constant", 0, 0, 1, constant, 0},   {"ConstantOfShape", 1, 1, 9, constant_of_shape, 0},
    {"Dropout", 1, 3, 7, identity, 0},    {"Expand", 2, 2, 8, expand, 0},
    {"Flatten", 1, 1, 1, flatten, 0},     {"Gather", 2, 2, 1, gather, 0},
    {"Identity", 1, 1, 1, identity, 0},   {"Reshape", 1, 2, 1, reshape, 0},
    {"Shape", 1, 1, 1, shape_of, 0},      {"Slice", 1, 5, 1, slice, 0},
    {"Split", 1, 2, 1, split, 0},         {"Squeeze", 1, 2, 1, squeeze, 0},
    {"Tile", 2, 2, 6, tile, 0},           {"Transpose", 1, 1, 1, transpose, 0},
    {"Unsqueeze", 1, 2, 1, unsqueeze, 0}, {NULL, 0, 0, 0, NULL, 0},
};
