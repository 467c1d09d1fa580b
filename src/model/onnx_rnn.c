/* SPDX-License-Identifier: Apache-2.0 */
/* ai.onnx's LSTM and GRU, unrolled over a sequence of known length into products and curves.
 *
 * The input's product with W is taken for all steps at once. Supported: forward, reverse and both;
 * layouts 0 and 1; biases, initial states, peepholes. Refused by name: other activations than the
 * default ones, clip, input_forget, lengths that differ from the sequence's. */
#include "model/onnx_rnn.h"

#define CHUNK        200u /* parts of one concatenation */
#define LIMIT_LENGTH (CHUNK * CHUNK)

struct cell {
    struct wr_onnx *o;
    struct wr_graph *g;
    bool gru, before; /* before: linear_before_reset */
    uint32_t gates;   /* 4 or 3 */
    uint32_t length, batch, n, hidden, directions;
    uint32_t x;                           /* [length * batch, n] */
    uint32_t w, r, b, h0, c0, p;          /* as given, or WR_NO_TENSOR */
    uint32_t inputs, recurrent, rb, h, c; /* of the direction at hand */
    uint32_t peep[3];                     /* i, o, f */
};

static uint32_t shaped(struct wr_graph *g, uint32_t x, uint32_t a, uint32_t b)
{
    struct wr_shape shape = {.rank = 2, .dims = {a, b}};
    return x == WR_NO_TENSOR ? x : wr_graph_reshape(g, x, &shape);
}

static uint32_t add(struct wr_graph *g, uint32_t a, uint32_t b)
{
    return wr_graph_zip(g, WR_ZIP_ADD, a, b, WR_F32);
}

static uint32_t mul(struct wr_graph *g, uint32_t a, uint32_t b)
{
    return wr_graph_zip(g, WR_ZIP_MUL, a, b, WR_F32);
}

static uint32_t sigmoid(struct wr_graph *g, uint32_t x)
{
    return wr_graph_map(g, WR_MAP_SIGMOID, x, WR_F32, 0, 0);
}

static uint32_t tangent(struct wr_graph *g, uint32_t x)
{
    return wr_graph_map(g, WR_MAP_TANH, x, WR_F32, 0, 0);
}

/* x times w transposed */
static uint32_t times(struct wr_graph *g, uint32_t x, uint32_t w)
{
    const struct wr_graph_gemm how = {.transpose_b = true, .alpha = 1, .beta = 1};
    return wr_graph_gemm(g, x, w, WR_NO_TENSOR, &how);
}

/* Columns of gate k. */
static uint32_t gate(const struct cell *c, uint32_t x, uint32_t k)
{
    return wr_graph_slice(c->g, x, 1, (int64_t)k * c->hidden, 1, c->hidden);
}

/* Rows of gate k of the recurrent weights. */
static uint32_t gate_rows(const struct cell *c, uint32_t k)
{
    return wr_graph_slice(c->g, c->recurrent, 0, (int64_t)k * c->hidden, 1, c->hidden);
}

static uint32_t direction_of(const struct cell *c, uint32_t x, uint32_t d, uint32_t rows,
                             uint32_t columns)
{
    return x == WR_NO_TENSOR ? x : shaped(c->g, wr_graph_slice(c->g, x, 0, d, 1, 1), rows, columns);
}

/* Gates i, o, f, c. */
static void lstm_step(struct cell *c, uint32_t inputs)
{
    struct wr_graph *g = c->g;
    uint32_t z = add(g, inputs, times(g, c->h, c->recurrent)), part[4];
    for (uint32_t k = 0; k < 4; k++) {
        part[k] = gate(c, z, k);
    }
    if (c->p != WR_NO_TENSOR) {
        part[0] = add(g, part[0], mul(g, c->peep[0], c->c));
        part[2] = add(g, part[2], mul(g, c->peep[2], c->c));
    }
    uint32_t keep = mul(g, sigmoid(g, part[2]), c->c);
    c->c = add(g, keep, mul(g, sigmoid(g, part[0]), tangent(g, part[3])));
    if (c->p != WR_NO_TENSOR) {
        part[1] = add(g, part[1], mul(g, c->peep[1], c->c));
    }
    c->h = mul(g, sigmoid(g, part[1]), tangent(g, c->c));
}

/* h R^T + bias of gate k */
static uint32_t recur(const struct cell *c, uint32_t h, uint32_t k)
{
    uint32_t y = times(c->g, h, gate_rows(c, k));
    return c->rb == WR_NO_TENSOR ? y : add(c->g, y, gate(c, c->rb, k));
}

/* Gates z, r, h. */
static void gru_step(struct cell *c, uint32_t inputs)
{
    struct wr_graph *g = c->g;
    uint32_t z = sigmoid(g, add(g, gate(c, inputs, 0), recur(c, c->h, 0)));
    uint32_t r = sigmoid(g, add(g, gate(c, inputs, 1), recur(c, c->h, 1)));
    uint32_t past = c->before ? mul(g, r, recur(c, c->h, 2)) : recur(c, mul(g, r, c->h), 2);
    uint32_t fresh = tangent(g, add(g, gate(c, inputs, 2), past));
    uint32_t rest = wr_graph_zip(g, WR_ZIP_SUB, wr_graph_scalar(g, WR_F32, 1), z, WR_F32);
    c->h = add(g, mul(g, rest, fresh), mul(g, z, c->h));
}

/* [batch, hidden] of every step, one below the other: [length * batch, hidden]. */
static uint32_t stack(struct cell *c, const uint32_t *steps)
{
    uint32_t chunks[CHUNK], n = 0;
    for (uint32_t at = 0; at < c->length; at += CHUNK) {
        chunks[n++] = wr_graph_concat(c->g, 0, steps + at, WR_MIN(CHUNK, c->length - at));
    }
    return wr_graph_concat(c->g, 0, chunks, n);
}

static uint32_t state_or_zero(const struct cell *c, uint32_t x, uint32_t d)
{
    struct wr_shape shape = {.rank = 2, .dims = {c->batch, c->hidden}};
    return x != WR_NO_TENSOR ? direction_of(c, x, d, c->batch, c->hidden)
                             : wr_graph_expand(c->g, wr_graph_scalar(c->g, WR_F32, 0), &shape);
}

/* Runs direction d; gives all hidden states, [length, 1, batch, hidden]. */
static uint32_t run_direction(struct cell *c, uint32_t d, bool reverse)
{
    struct wr_graph *g = c->g;
    uint32_t wide = c->gates * c->hidden;
    uint32_t *steps = wr_arena_array(g->arena, c->length, sizeof *steps, 4);
    uint32_t w = direction_of(c, c->w, d, wide, c->n);
    uint32_t b = direction_of(c, c->b, d, 2, wide);
    c->recurrent = direction_of(c, c->r, d, wide, c->hidden);
    c->h = state_or_zero(c, c->h0, d);
    c->c = c->gru ? WR_NO_TENSOR : state_or_zero(c, c->c0, d);
    c->inputs = times(g, c->x, w);
    c->rb = WR_NO_TENSOR;
    if (b != WR_NO_TENSOR) {
        c->inputs = add(g, c->inputs, wr_graph_slice(g, b, 0, 0, 1, 1));
        c->rb = wr_graph_slice(g, b, 0, 1, 1, 1);
        c->inputs = c->gru ? c->inputs : add(g, c->inputs, c->rb);
    }
    uint32_t p = direction_of(c, c->p, d, 3, c->hidden);
    for (uint32_t k = 0; k < 3 && p != WR_NO_TENSOR; k++) {
        c->peep[k] = wr_graph_slice(g, p, 0, k, 1, 1);
    }
    for (uint32_t i = 0; steps != NULL && i < c->length && g->code == WR_OK; i++) {
        uint32_t t = reverse ? c->length - 1 - i : i;
        uint32_t inputs = wr_graph_slice(g, c->inputs, 0, (int64_t)t * c->batch, 1, c->batch);
        (c->gru ? gru_step : lstm_step)(c, inputs);
        steps[t] = c->h;
    }
    if (steps == NULL || g->code != WR_OK) {
        return wr_graph_fail(g, WR_E_MEMORY, "no memory for %u steps", c->length);
    }
    struct wr_shape shape = {.rank = 4, .dims = {c->length, 1, c->batch, c->hidden}};
    return wr_graph_reshape(g, stack(c, steps), &shape);
}

/* ── reading the node ───────────────────────────────────────────────────────────────────────── */
static bool refuse_options(struct cell *c, const struct wr_onnx_node *node)
{
    static const char *const names[] = {"clip", "input_forget"};
    struct wr_onnx *o = c->o;
    for (size_t i = 0; i < WR_COUNTOF(names); i++) {
        if (wr_onnx_has(o, node, names[i]) && (i == 0 || wr_onnx_int(o, node, names[i], 0) != 0)) {
            wr_graph_fail(c->g, WR_E_MODEL, "%s is not supported", names[i]);
        }
    }
    int64_t *texts;
    uint32_t n, kinds = c->gru ? 2 : 3;
    if (!wr_onnx_texts(o, node, "activations", &texts, &n)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct wr_str want = i % kinds == 0 ? WR_STR("Sigmoid") : WR_STR("Tanh");
        if (!wr_str_eq(c->g->texts[texts[i]], want)) {
            wr_graph_fail(c->g, WR_E_MODEL, "the activation %.*s is not supported here",
                          WR_FMT(c->g->texts[texts[i]]));
        }
    }
    uint32_t lengths = wr_onnx_in(o, node, 4);
    const int64_t *length = wr_graph_data(c->g, lengths);
    for (uint32_t i = 0; lengths != WR_NO_TENSOR && i < wr_onnx_tensor(o, lengths)->count; i++) {
        if (length == NULL || wr_onnx_tensor(o, lengths)->type != WR_I64 ||
            length[i] != c->length) {
            wr_graph_fail(c->g, WR_E_MODEL, "sequence lengths that differ are not supported");
            break;
        }
    }
    return c->g->code == WR_OK;
}

/* An optional input of [directions, ...] with `count` elements each. */
static uint32_t weights(struct cell *c, const struct wr_onnx_node *node, uint32_t i, uint64_t count)
{
    uint32_t t = wr_onnx_in(c->o, node, i);
    if (t == WR_NO_TENSOR) {
        return t;
    }
    const struct wr_tensor *w = wr_onnx_tensor(c->o, t);
    struct wr_shape flat = {.rank = 2, .dims = {c->directions, w->count / c->directions}};
    if (w->type != WR_F32 || w->count != count * c->directions) {
        return wr_graph_fail(c->g, WR_E_MODEL, "input %u has %u elements, not %llu floats", i,
                             w->count, (unsigned long long)(count * c->directions));
    }
    return wr_graph_reshape(c->g, t, &flat);
}

/* A state: [directions, batch, hidden], or with layout 1 [batch, directions, hidden]. */
static uint32_t state(struct cell *c, const struct wr_onnx_node *node, uint32_t i, bool swapped)
{
    static const uint32_t axes[3] = {1, 0, 2};
    uint32_t t = wr_onnx_in(c->o, node, i);
    if (t != WR_NO_TENSOR && swapped && wr_onnx_tensor(c->o, t)->shape.rank == 3) {
        t = wr_graph_transpose(c->g, t, axes);
    }
    if (t == WR_NO_TENSOR) {
        return t;
    }
    const struct wr_tensor *s = wr_onnx_tensor(c->o, t);
    struct wr_shape flat = {.rank = 2, .dims = {c->directions, c->batch * c->hidden}};
    if (s->type != WR_F32 || s->count != (uint64_t)c->directions * c->batch * c->hidden) {
        return wr_graph_fail(c->g, WR_E_MODEL, "input %u is no state of this cell", i);
    }
    return wr_graph_reshape(c->g, t, &flat);
}

static bool read_cell(struct cell *c, const struct wr_onnx_node *node, bool swapped)
{
    static const uint32_t axes[3] = {1, 0, 2};
    uint32_t x = wr_onnx_in(c->o, node, 0);
    int64_t hidden = wr_onnx_int(c->o, node, "hidden_size", 0);
    const struct wr_tensor *t = wr_onnx_tensor(c->o, x);
    if (t->shape.rank != 3 || t->type != WR_F32 || hidden < 1 || hidden > 65536) {
        wr_graph_fail(c->g, WR_E_MODEL,
                      "takes a float sequence [length, batch, n] and hidden_size");
        return false;
    }
    x = swapped ? wr_graph_transpose(c->g, x, axes) : x;
    if (x == WR_NO_TENSOR) {
        return false;
    }
    const struct wr_shape *shape = &wr_onnx_tensor(c->o, x)->shape;
    c->length = shape->dims[0];
    c->batch = shape->dims[1];
    c->n = shape->dims[2];
    c->hidden = (uint32_t)hidden;
    if (c->length > LIMIT_LENGTH || !refuse_options(c, node)) {
        wr_graph_fail(c->g, WR_E_LIMIT, "a sequence of more than %u steps", LIMIT_LENGTH);
        return false;
    }
    uint64_t wide = (uint64_t)c->gates * c->hidden;
    c->x = shaped(c->g, x, c->length * c->batch, c->n);
    c->w = weights(c, node, 1, wide * c->n);
    c->r = weights(c, node, 2, wide * c->hidden);
    c->b = weights(c, node, 3, 2 * wide);
    c->h0 = state(c, node, 5, swapped);
    c->c0 = c->gru ? WR_NO_TENSOR : state(c, node, 6, swapped);
    c->p = c->gru ? WR_NO_TENSOR : weights(c, node, 7, 3 * (uint64_t)c->hidden);
    return c->g->code == WR_OK;
}

/* ── the operators ──────────────────────────────────────────────────────────────────────────── */
void wr_onnx_recurrent(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned gru)
{
    static const uint32_t y_axes[4] = {2, 0, 1, 3}, h_axes[3] = {1, 0, 2};
    struct wr_graph *g = o->g;
    struct cell c = {.o = o, .g = g, .gru = gru != 0, .gates = gru != 0 ? 3 : 4};
    struct wr_str direction = wr_onnx_text(o, node, "direction", "forward");
    bool swapped = wr_onnx_int(o, node, "layout", 0) != 0;
    bool reverse = wr_str_eq(direction, WR_STR("reverse"));
    uint32_t all[2], last[2], cells[2];
    c.before = wr_onnx_int(o, node, "linear_before_reset", 0) != 0;
    c.directions = wr_str_eq(direction, WR_STR("bidirectional")) ? 2 : 1;
    if (!read_cell(&c, node, swapped)) {
        return;
    }
    struct wr_shape shape = {.rank = 3, .dims = {1, c.batch, c.hidden}};
    for (uint32_t d = 0; d < c.directions; d++) {
        all[d] = run_direction(&c, d, reverse || d == 1);
        last[d] = g->code == WR_OK ? wr_graph_reshape(g, c.h, &shape) : WR_NO_TENSOR;
        cells[d] = g->code == WR_OK && !c.gru ? wr_graph_reshape(g, c.c, &shape) : WR_NO_TENSOR;
    }
    uint32_t y = wr_graph_concat(g, 1, all, c.directions);
    uint32_t h = wr_graph_concat(g, 0, last, c.directions);
    uint32_t s = c.gru ? WR_NO_TENSOR : wr_graph_concat(g, 0, cells, c.directions);
    if (swapped && g->code == WR_OK) {
        y = wr_graph_transpose(g, y, y_axes);
        h = wr_graph_transpose(g, h, h_axes);
        s = c.gru ? s : wr_graph_transpose(g, s, h_axes);
    }
    wr_onnx_out(o, node, 0, y);
    wr_onnx_out(o, node, 1, h);
    if (!c.gru) {
        wr_onnx_out(o, node, 2, s);
    }
}
