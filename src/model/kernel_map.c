/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise steps: one operand (MAP), two with broadcasting (ZIP), a choice of two (WHERE). */
#include "base/fmath.h"
#include "model/kernel.h"
#include "model/kernel_number.h"

/* ── one operand ────────────────────────────────────────────────────────────────────────────── */
/* The nearest 16-bit float (IEEE 754 binary16, ties to even), as a double. */
static double to_half(double x)
{
    double a = x < 0 ? -x : x;
    if (!(a < 65520.0)) {
        double infinite = wr_number_infinity();
        return a != a ? x : x < 0 ? -infinite : infinite;
    }
    /* Adding and taking away 2^52 units of the last place rounds to that place. */
    double unit = 0x1p-24;
    while (unit * 2048 <= a && unit < 0x1p10) {
        unit *= 2;
    }
    double shift = unit * 0x1p52;
    double rounded = (a + shift) - shift;
    return x < 0 ? -rounded : rounded;
}

static double probit(double x)
{
    double e = 2 * x - 1, a = 0.147;
    double log = wr_log((1 - e) * (1 + e));
    double half = 2 / (3.14159265358979323846 * a) + 0.5 * log;
    double root = wr_number_sqrt(half * half - log / a) - half;
    double inverse = wr_number_sqrt(root);
    return 1.41421356237309504880 * (e < 0 ? -inverse : inverse);
}

static double softplus(double x)
{
    return x > 0 ? x + wr_log1p(wr_exp(-x)) : wr_log1p(wr_exp(x));
}

static double clamp01(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static double map_one(unsigned op, double x, double a, double b)
{
    switch (op) {
    case WR_MAP_BOOL:
        return x != 0;
    case WR_MAP_HALF:
        return to_half(x);
    case WR_MAP_NEG:
        return -x;
    case WR_MAP_ABS:
        return x < 0 ? -x : x == 0 ? 0 : x;
    case WR_MAP_SQRT:
        return wr_number_sqrt(x);
    case WR_MAP_EXP:
        return wr_exp(x);
    case WR_MAP_LOG:
        return wr_log(x);
    case WR_MAP_RECIPROCAL:
        return 1 / x;
    case WR_MAP_ERF:
        return wr_erf(x);
    case WR_MAP_RELU:
        return x < 0 ? 0 : x;
    case WR_MAP_LEAKY:
        return x < 0 ? a * x : x;
    case WR_MAP_ELU:
        return x < 0 ? a * wr_expm1(x) : x;
    case WR_MAP_TANH:
        return wr_tanh(x);
    case WR_MAP_SIGMOID:
        return wr_sigmoid(x);
    case WR_MAP_SOFTPLUS:
        return softplus(x);
    case WR_MAP_SOFTSIGN:
        return x / (1 + (x < 0 ? -x : x));
    case WR_MAP_HARD_SIGMOID:
        return clamp01(a * x + b);
    case WR_MAP_FLOOR:
        return wr_number_floor(x);
    case WR_MAP_CEIL:
        return -wr_number_floor(-x);
    case WR_MAP_ROUND:
        return wr_number_round(x);
    case WR_MAP_SIGN:
        return x > 0 ? 1 : x < 0 ? -1 : x;
    case WR_MAP_ISNAN:
        return x != x;
    case WR_MAP_NOT:
        return x == 0;
    case WR_MAP_PROBIT:
        return probit(x);
    case WR_MAP_GREATER:
        return x > a;
    default:
        return x;
    }
}

static int64_t map_integer(unsigned op, int64_t x)
{
    switch (op) {
    case WR_MAP_BOOL:
        return x != 0;
    case WR_MAP_I32:
        return (int64_t)(((uint64_t)x & 0xffffffffu) ^ 0x80000000u) - 0x80000000;
    case WR_MAP_U8:
        return x & 0xff;
    case WR_MAP_NEG:
        return (int64_t)(0 - (uint64_t)x);
    case WR_MAP_ABS:
        return x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
    case WR_MAP_RELU:
        return x < 0 ? 0 : x;
    case WR_MAP_SIGN:
        return (x > 0) - (x < 0);
    case WR_MAP_NOT:
        return x == 0;
    default:
        return x;
    }
}

void wr_kernel_map(const struct wr_step *s)
{
    const void *in = wr_step_in(s, 0);
    void *out = wr_step_out(s, 0);
    uint32_t n = wr_step_count(s, 0);
    unsigned from = wr_step_type(s, 1), to = wr_step_type(s, 0);
    if (from == WR_I64 && to == WR_I64) {
        for (uint32_t i = 0; i < n; i++) {
            ((int64_t *)out)[i] = map_integer(s->op, ((const int64_t *)in)[i]);
        }
        return;
    }
    if (from == WR_F32 && to == WR_F32 && s->op == WR_MAP_RELU) {
        const float *x = in;
        for (uint32_t i = 0; i < n; i++) {
            ((float *)out)[i] = x[i] < 0 ? 0 : x[i];
        }
        return;
    }
    double a = wr_number_param(s->params), b = wr_number_param(s->params + 2);
    for (uint32_t i = 0; i < n; i++) {
        wr_number_store(out, to, i, map_one(s->op, wr_number_load(in, from, i), a, b));
        if (to == WR_I64 && (s->op == WR_MAP_I32 || s->op == WR_MAP_U8)) {
            ((int64_t *)out)[i] = map_integer(s->op, ((int64_t *)out)[i]);
        }
    }
}

/* ── two operands ───────────────────────────────────────────────────────────────────────────── */
static double zip_double(unsigned op, double x, double y)
{
    switch (op) {
    case WR_ZIP_ADD:
        return x + y;
    case WR_ZIP_SUB:
        return x - y;
    case WR_ZIP_MUL:
        return x * y;
    case WR_ZIP_DIV:
        return x / y;
    case WR_ZIP_POW:
        return wr_pow(x, y);
    case WR_ZIP_MAX:
        return x != x ? x : y != y ? y : x > y ? x : y;
    case WR_ZIP_MIN:
        return x != x ? x : y != y ? y : x < y ? x : y;
    case WR_ZIP_EQ:
        return x == y;
    case WR_ZIP_LT:
        return x < y;
    case WR_ZIP_LE:
        return x <= y;
    case WR_ZIP_GT:
        return x > y;
    case WR_ZIP_GE:
        return x >= y;
    case WR_ZIP_AND:
        return x != 0 && y != 0;
    case WR_ZIP_OR:
        return x != 0 || y != 0;
    default:
        return (x != 0) != (y != 0);
    }
}

/* Wraps on overflow; x / 0 is 0. */
static int64_t zip_integer(unsigned op, int64_t x, int64_t y)
{
    uint64_t ux = (uint64_t)x, uy = (uint64_t)y;
    switch (op) {
    case WR_ZIP_ADD:
        return (int64_t)(ux + uy);
    case WR_ZIP_SUB:
        return (int64_t)(ux - uy);
    case WR_ZIP_MUL:
        return (int64_t)(ux * uy);
    case WR_ZIP_DIV:
        return y == 0 ? 0 : y == -1 ? (int64_t)(0 - ux) : x / y;
    case WR_ZIP_POW:
        return wr_number_integer(wr_pow((double)x, (double)y));
    case WR_ZIP_MAX:
        return x > y ? x : y;
    case WR_ZIP_MIN:
        return x < y ? x : y;
    case WR_ZIP_EQ:
        return x == y;
    case WR_ZIP_LT:
        return x < y;
    case WR_ZIP_LE:
        return x <= y;
    case WR_ZIP_GT:
        return x > y;
    case WR_ZIP_GE:
        return x >= y;
    default:
        return (int64_t)zip_double(op, (double)x, (double)y);
    }
}

struct run { /* one pass along the last dimension */
    const void *a, *b;
    void *out;
    unsigned a_type, b_type, out_type, op;
    int32_t a_stride, b_stride;
    uint32_t n;
};

/* Single precision + - * /: the hot case, one loop each. */
static void run_float(const struct run *r, const float *a, const float *b, float *out)
{
    uint32_t n = r->n;
    size_t p = (size_t)r->a_stride, q = (size_t)r->b_stride;
    switch (r->op) {
    case WR_ZIP_ADD:
        for (uint32_t i = 0; i < n; i++) {
            out[i] = a[i * p] + b[i * q];
        }
        break;
    case WR_ZIP_SUB:
        for (uint32_t i = 0; i < n; i++) {
            out[i] = a[i * p] - b[i * q];
        }
        break;
    case WR_ZIP_MUL:
        for (uint32_t i = 0; i < n; i++) {
            out[i] = a[i * p] * b[i * q];
        }
        break;
    case WR_ZIP_DIV:
        for (uint32_t i = 0; i < n; i++) {
            out[i] = a[i * p] / b[i * q];
        }
        break;
    default:
        for (uint32_t i = 0; i < n; i++) {
            out[i] = (float)zip_double(r->op, (double)a[i * p], (double)b[i * q]);
        }
    }
}

static void run_any(const struct run *r, uint32_t a_at, uint32_t b_at, uint32_t out_at)
{
    bool integers = r->a_type == WR_I64 && r->b_type == WR_I64;
    if (r->a_type == WR_F32 && r->b_type == WR_F32 && r->out_type == WR_F32) {
        run_float(r, (const float *)r->a + a_at, (const float *)r->b + b_at,
                  (float *)r->out + out_at);
        return;
    }
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t p = a_at + i * (uint32_t)r->a_stride, q = b_at + i * (uint32_t)r->b_stride;
        if (integers && r->out_type == WR_I64) {
            ((int64_t *)r->out)[out_at + i] =
                zip_integer(r->op, ((const int64_t *)r->a)[p], ((const int64_t *)r->b)[q]);
        } else {
            wr_number_store(r->out, r->out_type, out_at + i,
                            zip_double(r->op, wr_number_load(r->a, r->a_type, p),
                                       wr_number_load(r->b, r->b_type, q)));
        }
    }
}

void wr_kernel_zip(const struct wr_step *s)
{
    uint32_t rank = s->params[0];
    const uint32_t *dims = s->params + 1;
    const int32_t *strides[3] = {(const int32_t *)dims + rank, (const int32_t *)dims + 2 * rank};
    struct run r = {
        .a = wr_step_in(s, 0),
        .b = wr_step_in(s, 1),
        .out = wr_step_out(s, 0),
        .a_type = wr_step_type(s, 1),
        .b_type = wr_step_type(s, 2),
        .out_type = wr_step_type(s, 0),
        .op = s->op,
        .a_stride = strides[0][rank - 1],
        .b_stride = strides[1][rank - 1],
        .n = dims[rank - 1],
    };
    if (rank == 1) { /* nearly always */
        run_any(&r, 0, 0, 0);
        return;
    }
    struct wr_odometer o = {.rank = rank - 1, .dims = dims, .n = 2, .strides = strides};
    uint32_t out = 0;
    do {
        run_any(&r, o.at[0], o.at[1], out);
        out += r.n;
    } while (wr_odometer_next(&o));
}

void wr_kernel_where(const struct wr_step *s)
{
    uint32_t rank = s->params[0], out = 0;
    const uint32_t *dims = s->params + 1;
    const int32_t *strides[3] = {(const int32_t *)dims + rank, (const int32_t *)dims + 2 * rank,
                                 (const int32_t *)dims + 3 * rank};
    const int64_t *condition = wr_step_in(s, 0);
    const uint8_t *sides[2] = {wr_step_in(s, 2), wr_step_in(s, 1)};
    uint32_t size = wr_element_size(wr_step_type(s, 0));
    uint8_t *to = wr_step_out(s, 0);
    struct wr_odometer o = {.rank = rank, .dims = dims, .n = 3, .strides = strides};
    do {
        bool yes = condition[o.at[0]] != 0;
        const uint8_t *from = sides[yes] + (size_t)o.at[yes ? 1 : 2] * size;
        memcpy(to + (size_t)out * size, from, size);
        out++;
    } while (wr_odometer_next(&o));
}
