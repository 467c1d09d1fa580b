/* SPDX-License-Identifier: Apache-2.0 */
/* Products: matrices (MATMUL) and the kernel functions of support vectors (KERNEL).
 *
 * Each element of a product is summed over k in ascending order, in the type of the output. The
 * inner loop runs over the columns of b, so that vector units may take several columns at once
 * without changing any sum. */
#include "base/fmath.h"
#include "model/kernel.h"
#include "model/kernel_number.h"
#include "model/kernel_wide.h"

struct product {
    uint32_t m, k, n;
    int32_t a_row, a_column, b_row, b_column, c_row, c_column;
    double alpha, beta;
    enum wr_kernel_level level;
};

typedef float quad __attribute__((vector_size(16), aligned(4)));

/* Sixteen columns of one row: sixteen sums, each over k in order, four to a vector register. */
static void float_block(const struct product *p, const float *a, const float *b, float *out)
{
    size_t step = (size_t)p->a_column, stride = (size_t)p->b_row;
    quad s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (uint32_t i = 0; i < p->k; i++) {
        const float x = a[i * step];
        const quad four = {x, x, x, x};
        const quad *row = (const quad *)(const void *)(b + i * stride);
        s0 += four * row[0];
        s1 += four * row[1];
        s2 += four * row[2];
        s3 += four * row[3];
    }
    memcpy(out, &s0, 16);
    memcpy(out + 4, &s1, 16);
    memcpy(out + 8, &s2, 16);
    memcpy(out + 12, &s3, 16);
}

/* One row of floats, b's columns side by side. */
static void float_row(const struct product *p, const float *a, const float *b, float *out)
{
    size_t step = (size_t)p->a_column, stride = (size_t)p->b_row;
    uint32_t j = 0;
#if WR_WIDE
    if (p->level != WR_KERNEL_SCALAR) {
        wr_wide_row *row = p->level == WR_KERNEL_AVX512 ? wr_wide_row_avx512 : wr_wide_row_avx2;
        row(a, step, b, stride, p->k, p->n, out);
        return;
    }
#endif
    for (; j + 16 <= p->n; j += 16) {
        float_block(p, a, b + j, out + j);
    }
    for (; j < p->n; j++) {
        float sum = 0;
        for (uint32_t i = 0; i < p->k; i++) {
            sum += a[i * step] * b[i * stride + j];
        }
        out[j] = sum;
    }
}

static void any_row(const struct product *p, const void *a, uint32_t a_at, const void *b,
                    uint32_t b_at, void *out, uint32_t out_at, unsigned type)
{
    for (uint32_t j = 0; j < p->n; j++) {
        double sum = 0;
        for (uint32_t i = 0; i < p->k; i++) {
            double x = wr_number_load(a, type, a_at + i * (uint32_t)p->a_column);
            double y =
                wr_number_load(b, type, b_at + i * (uint32_t)p->b_row + j * (uint32_t)p->b_column);
            sum = type == WR_F32 ? (double)((float)sum + (float)x * (float)y) : sum + x * y;
        }
        wr_number_store(out, type, out_at + j, sum);
    }
}

/* out = alpha * out + beta * c */
static void finish_row(const struct product *p, void *out, uint32_t out_at, const void *c,
                       uint32_t c_at, unsigned type)
{
    bool plain = p->alpha == 1 && (c == NULL || p->beta == 1);
    if (plain && c == NULL) {
        return;
    }
    if (plain && type == WR_F32) {
        float *to = (float *)out + out_at;
        const float *from = (const float *)c + c_at;
        size_t step = (size_t)p->c_column;
        for (uint32_t j = 0; j < p->n; j++) {
            to[j] += from[j * step];
        }
        return;
    }
    for (uint32_t j = 0; j < p->n; j++) {
        double x = p->alpha * wr_number_load(out, type, out_at + j);
        if (c != NULL) {
            x += p->beta * wr_number_load(c, type, c_at + j * (uint32_t)p->c_column);
        }
        wr_number_store(out, type, out_at + j, x);
    }
}

static void multiply(const struct wr_step *s, const struct product *p, uint32_t a_at, uint32_t b_at,
                     uint32_t out_at)
{
    const void *a = wr_step_in(s, 0), *b = wr_step_in(s, 1);
    const void *c = s->n_in > 2 ? wr_step_in(s, 2) : NULL;
    void *out = wr_step_out(s, 0);
    unsigned type = wr_step_type(s, 0);
    for (uint32_t i = 0; i < p->m; i++) {
        uint32_t at = a_at + i * (uint32_t)p->a_row, to = out_at + i * p->n;
        if (type == WR_F32 && p->b_column == 1) {
            float_row(p, (const float *)a + at, (const float *)b + b_at, (float *)out + to);
        } else {
            any_row(p, a, at, b, b_at, out, to, type);
        }
        finish_row(p, out, to, c, i * (uint32_t)p->c_row, type);
    }
}

void wr_kernel_matmul(const struct wr_step *s)
{
    const uint32_t *q = s->params;
    struct product p = {
        .m = q[0],
        .k = q[1],
        .n = q[2],
        .a_row = (int32_t)q[3],
        .a_column = (int32_t)q[4],
        .b_row = (int32_t)q[5],
        .b_column = (int32_t)q[6],
        .c_row = (int32_t)q[7],
        .c_column = (int32_t)q[8],
        .alpha = wr_number_param(q + 9),
        .beta = wr_number_param(q + 11),
        .level = s->level,
    };
    uint32_t rank = q[13], out = 0;
    const uint32_t *dims = q + 14;
    const int32_t *strides[2] = {(const int32_t *)dims + rank, (const int32_t *)dims + 2 * rank};
    struct wr_odometer o = {.rank = rank, .dims = dims, .n = 2, .strides = strides};
    do {
        multiply(s, &p, o.at[0], o.at[1], out);
        out += p.m * p.n;
    } while (wr_odometer_next(&o));
}

/* ── support vectors ────────────────────────────────────────────────────────────────────────── */
static float power_of(float x, double degree)
{
    return (float)wr_pow((double)x, degree);
}

void wr_kernel_support(const struct wr_step *s)
{
    const float *x = wr_step_in(s, 0), *vectors = wr_step_in(s, 1);
    float *out = wr_step_out(s, 0);
    uint32_t rows = s->params[0], n = s->params[1], n_vectors = s->params[2];
    float gamma = (float)wr_number_param(s->params + 3);
    float coef0 = (float)wr_number_param(s->params + 5);
    double degree = wr_number_param(s->params + 7);
    for (uint32_t at = 0; at < rows * n_vectors; at++) {
        const float *a = x + (size_t)(at / n_vectors) * n;
        const float *b = vectors + (size_t)(at % n_vectors) * n;
        float sum = 0;
        for (uint32_t i = 0; i < n; i++) {
            float d = a[i] - b[i];
            sum += s->op == WR_KERNEL_RBF ? d * d : a[i] * b[i];
        }
        switch (s->op) {
        case WR_KERNEL_RBF:
            sum = (float)wr_exp((double)(-gamma * sum));
            break;
        case WR_KERNEL_POLY:
            sum = power_of(gamma * sum + coef0, degree);
            break;
        case WR_KERNEL_SIGMOID:
            sum = (float)wr_tanh((double)(gamma * sum + coef0));
            break;
        default:
            break;
        }
        out[at] = sum;
    }
}

/* Coupling pairwise probabilities: the second method of Wu, Lin and Weng (JMLR 5, 2004), which
 * minimises a quadratic form by turns; it ends when no gradient differs from the others by more
 * than 0.005 / classes, or after 100 rounds. `q` is room for the form's matrix, `qp` for its
 * product. */
static void couple(const float *pairs, uint32_t n, float *p, float *q, float *qp)
{
    float limit = 0.005f / (float)n;
    memset(q, 0, (size_t)n * n * sizeof *q);
    for (uint32_t i = 0, pair = 0; i < n; i++) {
        p[i] = 1.0f / (float)n;
        for (uint32_t j = i + 1; j < n; j++, pair++) {
            float ij = pairs[pair], ji = 1 - ij;
            q[i * n + i] += ji * ji;
            q[j * n + j] += ij * ij;
            q[i * n + j] = q[j * n + i] = -ij * ji;
        }
    }
    for (unsigned round = 0; round < 100; round++) {
        float form = 0, most = 0;
        for (uint32_t t = 0; t < n; t++) {
            qp[t] = 0;
            for (uint32_t j = 0; j < n; j++) {
                qp[t] += q[t * n + j] * p[j];
            }
            form += p[t] * qp[t];
        }
        for (uint32_t t = 0; t < n; t++) {
            float off = qp[t] < form ? form - qp[t] : qp[t] - form;
            most = off > most ? off : most;
        }
        if (most < limit) {
            break;
        }
        for (uint32_t t = 0; t < n; t++) {
            float step = (form - qp[t]) / q[t * n + t], whole = 1 + step;
            p[t] += step;
            form = (form + step * (step * q[t * n + t] + 2 * qp[t])) / whole / whole;
            for (uint32_t j = 0; j < n; j++) {
                qp[j] = (qp[j] + step * q[t * n + j]) / whole;
                p[j] /= whole;
            }
        }
    }
}

void wr_kernel_couple(const struct wr_step *s)
{
    uint32_t n = s->params[1], n_pairs = n * (n - 1) / 2;
    const float *pairs = wr_step_in(s, 0);
    float *p = wr_step_out(s, 0), *room = wr_step_out(s, 1);
    for (uint32_t row = 0; row < s->params[0]; row++, pairs += n_pairs, p += n) {
        couple(pairs, n, p, room, room + (size_t)n * n);
    }
}
