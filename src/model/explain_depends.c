/* SPDX-License-Identifier: Apache-2.0 */
/* What each element of each tensor depends on: nothing, one column of the row, a sum of functions
 * of one column each, or many columns together. One pass over the steps. */
#include "model/explain_plan.h"
#include "model/kernel_number.h"

/* Of all tensors, and what may be looked at in all; beyond that: not looked at, so on many. */
#define LIMIT_ELEMENTS (1u << 22)
#define LIMIT_LOOKS    (1u << 26)

struct pass {
    struct wr_graph *g;
    int32_t **of;         /* by root tensor */
    uint64_t left, looks; /* of the limits */
    const struct wr_graph_step *step;
};

static int32_t at(const struct pass *p, uint32_t tensor, uint32_t i)
{
    const struct wr_tensor *t = &p->g->tensors[tensor];
    if (t->constant || p->g->tensors[t->root].constant) {
        return WR_ON_NOTHING;
    }
    return p->of[t->root] == NULL ? WR_ON_MANY : p->of[t->root][i];
}

static uint32_t in(const struct pass *p, uint32_t i)
{
    return p->step->tensors[p->step->n_out + i];
}

static int32_t in_at(const struct pass *p, uint32_t i, uint32_t element)
{
    return at(p, in(p, i), element);
}

/* a + b */
static int32_t added(int32_t a, int32_t b)
{
    if (a == b || b == WR_ON_NOTHING) {
        return a;
    }
    if (a == WR_ON_NOTHING) {
        return b;
    }
    return a == WR_ON_MANY || b == WR_ON_MANY ? WR_ON_MANY : WR_ON_SUM;
}

/* Some function of a. */
static int32_t bent(int32_t a)
{
    return a == WR_ON_SUM ? WR_ON_MANY : a;
}

/* Some function of both. */
static int32_t mixed(int32_t a, int32_t b)
{
    a = bent(a);
    b = bent(b);
    return b == WR_ON_NOTHING || a == b ? a : a == WR_ON_NOTHING ? b : WR_ON_MANY;
}

static void map(const struct pass *p, int32_t *out, uint32_t n)
{
    const struct wr_tensor *to = &p->g->tensors[p->step->tensors[0]];
    unsigned op = p->step->op;
    bool straight = to->type != WR_I64 && (op == WR_MAP_COPY || op == WR_MAP_NEG);
    for (uint32_t i = 0; i < n; i++) {
        int32_t x = in_at(p, 0, i);
        out[i] = straight ? x : bent(x);
    }
}

static int32_t zipped(unsigned op, int32_t a, int32_t b)
{
    switch (op) {
    case WR_ZIP_ADD:
    case WR_ZIP_SUB:
        return added(a, b);
    case WR_ZIP_MUL:
        return a == WR_ON_NOTHING ? b : b == WR_ON_NOTHING ? a : mixed(a, b);
    case WR_ZIP_DIV:
        return b == WR_ON_NOTHING ? a : mixed(a, b);
    default:
        return mixed(a, b);
    }
}

/* ZIP and WHERE: up to three inputs, strided alike. */
static void strided(const struct pass *p, int32_t *out)
{
    const uint32_t *q = p->step->params;
    uint32_t rank = q[0], n = p->step->n_in, i = 0;
    const int32_t *strides[3];
    for (uint32_t k = 0; k < n; k++) {
        strides[k] = (const int32_t *)q + 1 + (size_t)(1 + k) * rank;
    }
    struct wr_odometer o = {.rank = rank, .dims = q + 1, .n = n, .strides = strides};
    bool whole = p->g->tensors[p->step->tensors[0]].type == WR_I64;
    do {
        int32_t a = in_at(p, 0, o.at[0]), b = in_at(p, 1, o.at[1]);
        if (p->step->kind == WR_STEP_ZIP) {
            out[i] = whole ? mixed(a, b) : zipped(p->step->op, a, b);
        } else {
            out[i] = mixed(mixed(a, b), in_at(p, 2, o.at[2]));
        }
        i++;
    } while (wr_odometer_next(&o));
}

static void moved(const struct pass *p, int32_t *out)
{
    const uint32_t *q = p->step->params;
    uint32_t rank = q[1], i = 0;
    const int32_t *strides[1] = {(const int32_t *)q + 2 + rank};
    struct wr_odometer o = {.rank = rank, .dims = q + 2, .n = 1, .strides = strides, .at = {q[0]}};
    do {
        out[i++] = in_at(p, 0, o.at[0]);
    } while (wr_odometer_next(&o));
}

static void joined(const struct pass *p, int32_t *out)
{
    const uint32_t *q = p->step->params;
    for (uint32_t outer = 0; outer < q[0]; outer++) {
        for (uint32_t k = 0; k < p->step->n_in; k++) {
            for (uint32_t i = 0; i < q[1 + k]; i++) {
                *out++ = in_at(p, k, outer * q[1 + k] + i);
            }
        }
    }
}

static void gathered(const struct pass *p, int32_t *out)
{
    const uint32_t *q = p->step->params; /* outer, n, inner, n_index */
    const int64_t *index = wr_graph_data(p->g, in(p, 1));
    bool table = p->g->tensors[in(p, 0)].constant;
    for (uint32_t o = 0; o < q[0]; o++) {
        for (uint32_t i = 0; i < q[3]; i++) {
            int64_t k = index == NULL ? 0 : index[i] < 0 ? index[i] + q[1] : index[i];
            for (uint32_t e = 0; e < q[2]; e++) {
                bool known = index != NULL && k >= 0 && k < q[1];
                *out++ = known   ? in_at(p, 0, (o * q[1] + (uint32_t)k) * q[2] + e)
                         : table ? bent(in_at(p, 1, i))
                                 : WR_ON_MANY;
            }
        }
    }
}

static void reduced(const struct pass *p, int32_t *out)
{
    const uint32_t *q = p->step->params, *dims = q + 1, *rest = dims + 2 * (size_t)q[0];
    const int32_t *strides[1] = {(const int32_t *)dims + q[0]};
    const int32_t *r_strides[1] = {(const int32_t *)rest + 1 + rest[0]};
    struct wr_odometer o = {.rank = q[0], .dims = dims, .n = 1, .strides = strides};
    bool sums = p->step->op == WR_REDUCE_SUM || p->step->op == WR_REDUCE_MEAN;
    do {
        struct wr_odometer r = {
            .rank = rest[0], .dims = rest + 1, .n = 1, .strides = r_strides, .at = {o.at[0]}};
        *out = WR_ON_NOTHING;
        do {
            int32_t x = in_at(p, 0, r.at[0]);
            *out = sums ? added(*out, x) : mixed(*out, x);
        } while (wr_odometer_next(&r));
        out++;
    } while (wr_odometer_next(&o));
}

/* One cell of a product: the sum over k of a[k] b[k]. */
static int32_t product(const struct pass *p, uint32_t a, uint32_t b)
{
    const uint32_t *q = p->step->params;
    int32_t sum = WR_ON_NOTHING;
    for (uint32_t k = 0; k < q[1] && sum != WR_ON_MANY; k++) {
        sum = added(sum, zipped(WR_ZIP_MUL, in_at(p, 0, a + k * q[4]), in_at(p, 1, b + k * q[5])));
    }
    return sum;
}

static void multiplied(const struct pass *p, int32_t *out)
{
    const uint32_t *q = p->step->params; /* m, k, n, strides by row and column of a, b, c, ... */
    static const uint32_t one[1] = {1};
    static const int32_t zero[1] = {0};
    uint32_t rank = q[13];
    const int32_t *strides[2] = {(const int32_t *)q + 14 + rank,
                                 (const int32_t *)q + 14 + 2 * (size_t)rank};
    const int32_t *none[2] = {zero, zero};
    struct wr_odometer o = {.rank = rank > 0 ? rank : 1,
                            .dims = rank > 0 ? q + 14 : one,
                            .n = 2,
                            .strides = rank > 0 ? strides : none};
    do {
        for (uint32_t m = 0; m < q[0]; m++) {
            for (uint32_t n = 0; n < q[2]; n++) {
                int32_t c = p->step->n_in > 2 ? in_at(p, 2, m * q[7] + n * q[8]) : WR_ON_NOTHING;
                *out++ = added(product(p, o.at[0] + m * q[3], o.at[1] + n * q[6]), c);
            }
        }
    } while (wr_odometer_next(&o));
}

/* Every output depends on everything that comes in. */
static void all(const struct pass *p, int32_t *out, uint32_t n)
{
    int32_t sum = WR_ON_NOTHING;
    for (uint32_t k = 0; k < p->step->n_in && sum != WR_ON_MANY; k++) {
        uint32_t count = p->g->tensors[in(p, k)].count;
        for (uint32_t i = 0; i < count && sum != WR_ON_MANY; i++) {
            sum = mixed(sum, in_at(p, k, i));
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        out[i] = sum;
    }
}

/* How many elements a step makes the pass look at, at most. */
static uint64_t cost_of(const struct pass *p, uint32_t n)
{
    uint64_t cost = n;
    for (uint32_t k = 0; k < p->step->n_in; k++) {
        cost += p->g->tensors[in(p, k)].count;
    }
    return p->step->kind == WR_STEP_MATMUL ? cost + (uint64_t)n * p->step->params[1] : cost;
}

static void look(struct pass *p, int32_t *out, uint32_t n)
{
    uint64_t cost = cost_of(p, n);
    if (cost > p->looks) {
        for (uint32_t i = 0; i < n; i++) {
            out[i] = WR_ON_MANY;
        }
        return;
    }
    p->looks -= cost;
    switch (p->step->kind) {
    case WR_STEP_MAP:
        map(p, out, n);
        break;
    case WR_STEP_ZIP:
    case WR_STEP_WHERE:
        strided(p, out);
        break;
    case WR_STEP_MOVE:
        moved(p, out);
        break;
    case WR_STEP_CONCAT:
        joined(p, out);
        break;
    case WR_STEP_GATHER:
        gathered(p, out);
        break;
    case WR_STEP_REDUCE:
        reduced(p, out);
        break;
    case WR_STEP_MATMUL:
        multiplied(p, out);
        break;
    case WR_STEP_LOOKUP:
    case WR_STEP_ONE_HOT:
        for (uint32_t i = 0, each = n / p->g->tensors[in(p, 0)].count; i < n; i++) {
            out[i] = bent(in_at(p, 0, i / each));
        }
        break;
    default:
        all(p, out, n);
    }
}

/* Room for what the elements of a tensor depend on; NULL when there are too many. */
static int32_t *room_for(struct pass *p, uint32_t tensor)
{
    uint32_t n = p->g->tensors[tensor].count;
    if (n > p->left) {
        return NULL;
    }
    p->left -= n;
    p->of[tensor] = WR_NEW_ARRAY(p->g->arena, int32_t, n);
    return p->of[tensor];
}

const int32_t *const *wr_explain_depends(struct wr_graph *g)
{
    struct pass p = {.g = g, .left = LIMIT_ELEMENTS, .looks = LIMIT_LOOKS};
    int32_t column = 0;
    p.of = WR_NEW_ARRAY(g->arena, int32_t *, g->n_tensors + 1);
    if (p.of == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to look for explanations");
        return NULL;
    }
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        uint32_t tensor = g->inputs[i].tensor, n = g->tensors[tensor].count;
        int32_t *to = room_for(&p, tensor);
        for (uint32_t k = 0; k < n; k++, column++) {
            if (to != NULL) {
                to[k] = column;
            }
        }
    }
    for (uint32_t i = 0; i < g->n_steps; i++) {
        p.step = &g->steps[i];
        for (uint32_t k = 0; k < p.step->n_out; k++) {
            uint32_t tensor = p.step->tensors[k];
            int32_t *to = room_for(&p, tensor);
            for (uint32_t e = 0; to != NULL && k > 0 && e < g->tensors[tensor].count; e++) {
                to[e] = WR_ON_MANY; /* keys, indices: margins do not come from them */
            }
            if (to != NULL && k == 0) {
                look(&p, to, g->tensors[tensor].count);
            }
        }
    }
    return (const int32_t *const *)p.of;
}
