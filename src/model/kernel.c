/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's entry, and the steps that move, choose and reduce. */
#include "model/kernel.h"
#include "base/fmath.h"
#include "model/kernel_number.h"
#include "model/kernel_block.h"

/* ── moving ─────────────────────────────────────────────────────────────────────────────────── */
static void copy_element(uint8_t *to, const uint8_t *from, uint32_t size)
{
    if (size == 4) {
        memcpy(to, from, 4);
    } else {
        memcpy(to, from, 8);
    }
}

static void move(const struct wr_step *s)
{
    uint32_t rank = s->params[1], size = wr_element_size(wr_step_type(s, 0));
    const uint32_t *dims = s->params + 2;
    const int32_t *strides[1] = {(const int32_t *)dims + rank};
    const uint8_t *from = wr_step_in(s, 0);
    uint8_t *to = wr_step_out(s, 0);
    struct wr_odometer o = {
        .rank = rank, .dims = dims, .n = 1, .strides = strides, .at = {s->params[0]}};
    do {
        copy_element(to, from + (size_t)o.at[0] * size, size);
        to += size;
    } while (wr_odometer_next(&o));
}

static void concat(const struct wr_step *s)
{
    uint32_t size = wr_element_size(wr_step_type(s, 0));
    uint8_t *to = wr_step_out(s, 0);
    for (uint32_t outer = 0; outer < s->params[0]; outer++) {
        for (uint32_t i = 0; i < s->n_in; i++) {
            uint32_t length = s->params[1 + i] * size;
            const uint8_t *from = (const uint8_t *)wr_step_in(s, i) + (size_t)outer * length;
            for (uint32_t k = 0; k < length; k += size) {
                copy_element(to + k, from + k, size);
            }
            to += length;
        }
    }
}

static int gather(const struct wr_step *s)
{
    uint32_t outer = s->params[0], n = s->params[1], inner = s->params[2];
    uint32_t n_index = s->params[3], size = wr_element_size(wr_step_type(s, 0));
    const uint8_t *from = wr_step_in(s, 0);
    const int64_t *index = wr_step_in(s, 1);
    uint8_t *to = wr_step_out(s, 0);
    for (uint32_t o = 0; o < outer; o++) {
        for (uint32_t i = 0; i < n_index; i++) {
            int64_t at = index[i] < 0 ? index[i] + n : index[i];
            if (at < 0 || at >= n) {
                return WR_KERNEL_INDEX;
            }
            memcpy(to, from + ((size_t)o * n + (size_t)at) * inner * size, (size_t)inner * size);
            to += (size_t)inner * size;
        }
    }
    return WR_KERNEL_OK;
}

/* ── reducing ───────────────────────────────────────────────────────────────────────────────── */
static double reduce_start(unsigned op, double first)
{
    switch (op) {
    case WR_REDUCE_MAX:
    case WR_REDUCE_MIN:
        return first;
    case WR_REDUCE_PROD:
        return 1;
    default:
        return 0;
    }
}

static double reduce_join(unsigned op, double sum, double x)
{
    switch (op) {
    case WR_REDUCE_MAX:
        return x != x || sum != sum ? sum + x : x > sum ? x : sum;
    case WR_REDUCE_MIN:
        return x != x || sum != sum ? sum + x : x < sum ? x : sum;
    case WR_REDUCE_PROD:
        return sum * x;
    case WR_REDUCE_L1:
        return sum + (x < 0 ? -x : x);
    case WR_REDUCE_L2:
    case WR_REDUCE_SUM_SQUARE:
        return sum + x * x;
    default:
        return sum + x;
    }
}

/* Sums run in double, one rounding at the end. */
static void reduce(const struct wr_step *s)
{
    uint32_t rank = s->params[0];
    const uint32_t *dims = s->params + 1, *rest = dims + 2 * rank;
    uint32_t r_rank = rest[0], out = 0;
    const uint32_t *r_dims = rest + 1;
    const int32_t *strides[1] = {(const int32_t *)dims + rank};
    const int32_t *r_strides[1] = {(const int32_t *)r_dims + r_rank};
    const void *in = wr_step_in(s, 0);
    unsigned type = wr_step_type(s, 1);
    struct wr_odometer o = {.rank = rank, .dims = dims, .n = 1, .strides = strides};
    do {
        struct wr_odometer r = {
            .rank = r_rank, .dims = r_dims, .n = 1, .strides = r_strides, .at = {o.at[0]}};
        double sum = reduce_start(s->op, wr_number_load(in, type, o.at[0]));
        uint32_t n = 0;
        do {
            sum = reduce_join(s->op, sum, wr_number_load(in, type, r.at[0]));
            n++;
        } while (wr_odometer_next(&r));
        sum = s->op == WR_REDUCE_MEAN ? sum / n : s->op == WR_REDUCE_L2 ? wr_number_sqrt(sum) : sum;
        wr_number_store(wr_step_out(s, 0), wr_step_type(s, 0), out++, sum);
    } while (wr_odometer_next(&o));
}

static void arg(const struct wr_step *s)
{
    uint32_t n = s->params[1], inner = s->params[2], out = 0;
    const void *in = wr_step_in(s, 0);
    unsigned type = wr_step_type(s, 1);
    for (uint32_t o = 0; o < s->params[0]; o++) {
        for (uint32_t i = 0; i < inner; i++) {
            uint32_t best = 0, at = o * n * inner + i;
            double most = wr_number_load(in, type, at);
            for (uint32_t k = 1; k < n; k++) {
                double x = wr_number_load(in, type, at + k * inner);
                bool better = s->op == WR_ARG_MAX ? x > most : x < most;
                if (better || (s->params[3] != 0 && x == most)) {
                    best = k;
                    most = x;
                }
            }
            ((int64_t *)wr_step_out(s, 0))[out++] = best;
        }
    }
}

struct lane { /* elements `step` apart, from `at` on */
    const void *in;
    void *out;
    unsigned in_type, out_type;
    uint32_t at, n, step;
};

static double lane_in(const struct lane *l, uint32_t k)
{
    return wr_number_load(l->in, l->in_type, l->at + k * l->step);
}

static double lane_round(const struct lane *l, double x)
{
    return l->out_type == WR_F32 ? (double)(float)x : x;
}

static void softmax_lane(unsigned op, const struct lane *l)
{
    double most = lane_in(l, 0), sum = 0;
    for (uint32_t k = 1; k < l->n; k++) {
        double x = lane_in(l, k);
        most = x > most ? x : most;
    }
    double damp = wr_exp(-most);
    for (uint32_t k = 0; k < l->n; k++) {
        double x = lane_in(l, k), e;
        if (op == WR_SOFTMAX_ZERO && x <= 1e-7 && x >= -1e-7) {
            e = lane_round(l, x * damp);
        } else {
            e = lane_round(l, wr_exp(lane_round(l, x - most)));
            sum = lane_round(l, sum + e);
        }
        if (op != WR_SOFTMAX_LOG) {
            wr_number_store(l->out, l->out_type, l->at + k * l->step, e);
        }
    }
    double log = wr_log(sum);
    for (uint32_t k = 0; k < l->n; k++) {
        uint32_t at = l->at + k * l->step;
        double y = op == WR_SOFTMAX_LOG ? lane_in(l, k) - most - log
                                        : wr_number_load(l->out, l->out_type, at) / sum;
        wr_number_store(l->out, l->out_type, at, y);
    }
}

static void softmax(const struct wr_step *s)
{
    uint32_t n = s->params[1], inner = s->params[2];
    struct lane l = {.in = wr_step_in(s, 0),
                     .out = wr_step_out(s, 0),
                     .in_type = wr_step_type(s, 1),
                     .out_type = wr_step_type(s, 0),
                     .n = n,
                     .step = inner};
    for (uint32_t o = 0; o < s->params[0]; o++) {
        for (uint32_t i = 0; i < inner; i++) {
            l.at = o * n * inner + i;
            softmax_lane(s->op, &l);
        }
    }
}

static void normalize(const struct wr_step *s)
{
    const void *in = wr_step_in(s, 0);
    unsigned type = wr_step_type(s, 1);
    uint32_t n = s->params[1];
    for (uint32_t row = 0; row < s->params[0]; row++) {
        double norm = s->op == WR_NORMALIZE_MAX ? wr_number_load(in, type, row * n) : 0;
        for (uint32_t i = 0; i < n; i++) {
            double x = wr_number_load(in, type, row * n + i);
            switch (s->op) {
            case WR_NORMALIZE_MAX:
                norm = x > norm ? x : norm;
                break;
            case WR_NORMALIZE_L1:
                norm += x < 0 ? -x : x;
                break;
            default:
                norm += x * x;
            }
        }
        norm = (double)(float)(s->op == WR_NORMALIZE_L2 ? wr_number_sqrt(norm) : norm);
        for (uint32_t i = 0; i < n; i++) {
            double x = wr_number_load(in, type, row * n + i);
            wr_number_store(wr_step_out(s, 0), wr_step_type(s, 0), row * n + i,
                            norm == 0 ? x : x / norm);
        }
    }
}

/* ── choosing ───────────────────────────────────────────────────────────────────────────────── */
/* Where x stands among sorted keys, or n. A NaN key stands last. */
static uint32_t find_double(const void *keys, unsigned type, uint32_t n, double x)
{
    uint32_t low = 0, high = n;
    if (n > 0 && x != x) {
        double last = wr_number_load(keys, type, n - 1);
        return last != last ? n - 1 : n;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (wr_number_load(keys, type, middle) < x) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < n && wr_number_load(keys, type, low) == x ? low : n;
}

static uint32_t find_integer(const int64_t *keys, uint32_t n, int64_t x)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (keys[middle] < x) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < n && keys[low] == x ? low : n;
}

static void lookup(const struct wr_step *s)
{
    const void *in = wr_step_in(s, 0), *keys = wr_step_in(s, 1);
    const uint8_t *values = wr_step_in(s, 2);
    uint8_t *out = wr_step_out(s, 0);
    uint32_t n_keys = wr_step_count(s, 2), size = wr_element_size(wr_step_type(s, 0));
    unsigned type = wr_step_type(s, 1);
    for (uint32_t i = 0; i < wr_step_count(s, 0); i++) {
        uint32_t at = type == WR_I64 ? find_integer(keys, n_keys, ((const int64_t *)in)[i])
                                     : find_double(keys, type, n_keys, wr_number_load(in, type, i));
        copy_element(out + (size_t)i * size, values + (size_t)at * size, size);
    }
}

static int one_hot(const struct wr_step *s)
{
    const void *in = wr_step_in(s, 0);
    const int64_t *categories = wr_step_in(s, 1);
    float *out = wr_step_out(s, 0);
    uint32_t n = wr_step_count(s, 2);
    unsigned type = wr_step_type(s, 1);
    for (uint32_t i = 0; i < wr_step_count(s, 1); i++) {
        int64_t x = type == WR_I64 ? ((const int64_t *)in)[i]
                                   : wr_number_integer(wr_number_load(in, type, i));
        bool known = false;
        for (uint32_t k = 0; k < n; k++) {
            bool same = categories[k] == x;
            known = known || same;
            out[(size_t)i * n + k] = same ? 1.0f : 0.0f;
        }
        if (!known && s->params[0] == 0) {
            return WR_KERNEL_CATEGORY;
        }
    }
    return WR_KERNEL_OK;
}

/* The k largest (smallest) in order, the first of equals first; k passes. */
static void top(const struct wr_step *s)
{
    uint32_t n = s->params[1], inner = s->params[2], k = s->params[3];
    const void *in = wr_step_in(s, 0);
    unsigned type = wr_step_type(s, 0);
    int64_t *indices = wr_step_out(s, 1);
    for (uint32_t lane = 0; lane < s->params[0] * inner; lane++) {
        uint32_t first = lane / inner * n * inner + lane % inner;
        uint32_t to = lane / inner * k * inner + lane % inner;
        int64_t last = -1;
        for (uint32_t r = 0; r < k; r++) {
            int64_t best = -1;
            double most = 0;
            double bound = last < 0 ? 0 : wr_number_load(in, type, first + (uint32_t)last * inner);
            for (uint32_t i = 0; i < n; i++) {
                double x = wr_number_load(in, type, first + i * inner);
                bool beyond = s->op == WR_TOP_LARGEST ? x < bound : x > bound;
                bool left = last < 0 || beyond || (x == bound && i > last);
                bool better = best < 0 || (s->op == WR_TOP_LARGEST ? x > most : x < most);
                if (left && better) {
                    best = i;
                    most = x;
                }
            }
            last = best < 0 ? 0 : best; /* only NaN are left: the first again */
            indices[to + r * inner] = last;
            wr_number_store(wr_step_out(s, 0), type, to + r * inner,
                            wr_number_load(in, type, first + (uint32_t)last * inner));
        }
    }
}

/* ── running ────────────────────────────────────────────────────────────────────────────────── */
struct wr_step wr_kernel_step_of(const uint8_t *program, uint8_t *scratch, const uint32_t *step)
{
    struct wr_step s = {
        .program = program,
        .scratch = scratch,
        .operands = step + 2,
        .op = step[0] >> 8 & 0xff,
        .n_out = step[0] >> 16 & 0xff,
        .n_in = step[0] >> 24,
    };
    s.params = s.operands + 2 * (size_t)(s.n_out + s.n_in);
    return s;
}

static int run_step(const struct wr_step *s, uint32_t kind)
{
    switch (kind) {
    case WR_STEP_MAP:
        wr_kernel_map(s);
        break;
    case WR_STEP_ZIP:
        wr_kernel_zip(s);
        break;
    case WR_STEP_WHERE:
        wr_kernel_where(s);
        break;
    case WR_STEP_MOVE:
        move(s);
        break;
    case WR_STEP_CONCAT:
        concat(s);
        break;
    case WR_STEP_GATHER:
        return gather(s);
    case WR_STEP_REDUCE:
        reduce(s);
        break;
    case WR_STEP_ARG:
        arg(s);
        break;
    case WR_STEP_SOFTMAX:
        softmax(s);
        break;
    case WR_STEP_MATMUL:
        wr_kernel_matmul(s);
        break;
    case WR_STEP_TREES:
        wr_kernel_trees(s);
        break;
    case WR_STEP_WALK:
        wr_kernel_walk(s);
        break;
    case WR_STEP_NORMALIZE:
        normalize(s);
        break;
    case WR_STEP_LOOKUP:
        lookup(s);
        break;
    case WR_STEP_ONE_HOT:
        return one_hot(s);
    case WR_STEP_COUPLE:
        wr_kernel_couple(s);
        break;
    case WR_STEP_TOP:
        top(s);
        break;
    default:
        wr_kernel_support(s);
    }
    return WR_KERNEL_OK;
}

int wr_kernel_step(const uint8_t *program, uint8_t *scratch, const uint32_t *step)
{
    struct wr_step s = wr_kernel_step_of(program, scratch, step);
    return run_step(&s, step[0] & 0xff);
}

static void take_row(const struct wr_program *p, const uint8_t *program, const double *row,
                     uint8_t *scratch)
{
    const struct wr_program_group *group = (const void *)(program + p->inputs);
    for (uint32_t g = 0; g < p->n_input_groups; g++, group++) {
        uint32_t n = group->meta & WR_PROGRAM_COUNT;
        unsigned type = group->meta >> 28;
        float *floats = (float *)(void *)(scratch + group->ref);
        for (uint32_t i = 0; i < n && type == WR_F32; i++) {
            floats[i] = (float)row[i];
        }
        for (uint32_t i = 0; i < n && type != WR_F32; i++) {
            wr_number_store(scratch + group->ref, type, i, row[i]);
        }
        row += n;
    }
}

static void give_answer(const struct wr_program *p, const uint8_t *program, double *outputs,
                        const uint8_t *scratch)
{
    const struct wr_program_group *group = (const void *)(program + p->outputs);
    for (uint32_t g = 0; g < p->n_output_groups; g++, group++) {
        uint32_t n = group->meta & WR_PROGRAM_COUNT;
        const void *from = (group->ref & WR_PROGRAM_CONST) != 0
                               ? program + (group->ref & ~WR_PROGRAM_CONST)
                               : scratch + group->ref;
        for (uint32_t i = 0; i < n; i++) {
            outputs[i] = wr_number_load(from, group->meta >> 28, i);
        }
        outputs += n;
    }
}

int wr_kernel_run_steps(const uint8_t *program, const double *row, uint32_t n, uint8_t *scratch)
{
    const struct wr_program *p = (const void *)program;
    const uint32_t *step = (const void *)(program + p->steps);
    take_row(p, program, row, scratch);
    for (uint32_t i = 0; i < n; i++) {
        int status = wr_kernel_step(program, scratch, step);
        if (status != WR_KERNEL_OK) {
            return status;
        }
        step += step[1];
    }
    return WR_KERNEL_OK;
}

int wr_kernel_run(const uint8_t *program, const double *row, double *outputs, uint8_t *scratch)
{
    struct wr_kernel k = {.program = program, .batch = 1};
    return wr_kernel_score(&k, row, 1, outputs, scratch);
}

/* ── batches ────────────────────────────────────────────────────────────────────────────────── */
/* A step for all rows of a batch: at once where there is a twin for that, else one by one. */
static int run_rows(struct wr_step *s, uint32_t kind)
{
    if (WR_WIDE && s->blocks != NULL) {
        wr_block_trees(s);
        return WR_KERNEL_OK;
    }
    if (s->rows >= WR_WIDE_ROWS_MIN && wr_wide_takes(s, kind)) {
        wr_wide_trees(s);
        return WR_KERNEL_OK;
    }
    for (uint32_t row = 0; row < s->rows; row++, s->scratch += s->stride) {
        int status = run_step(s, kind);
        if (status != WR_KERNEL_OK) {
            return status;
        }
    }
    return WR_KERNEL_OK;
}

static int score_batch(const struct wr_kernel *k, const double *rows, uint32_t n, double *outputs,
                       uint8_t *scratch)
{
    const struct wr_program *p = (const void *)k->program;
    const uint32_t *step = (const void *)(k->program + p->steps);
    for (uint32_t row = 0; row < n; row++) {
        take_row(p, k->program, rows + (size_t)row * p->n_inputs,
                 scratch + (size_t)row * p->scratch);
    }
    for (uint32_t i = 0; i < p->n_steps; i++) {
        struct wr_step s = wr_kernel_step_of(k->program, scratch, step);
        s.level = k->level;
        s.rows = n;
        s.stride = p->scratch;
        s.blocks = k->blocks != NULL ? k->blocks[i] : NULL;
        s.room = scratch + (size_t)k->batch * p->scratch;
        int status = run_rows(&s, step[0] & 0xff);
        if (status != WR_KERNEL_OK) {
            return status;
        }
        step += step[1];
    }
    for (uint32_t row = 0; row < n; row++) {
        give_answer(p, k->program, outputs + (size_t)row * p->n_outputs,
                    scratch + (size_t)row * p->scratch);
    }
    return WR_KERNEL_OK;
}

int wr_kernel_score(const struct wr_kernel *k, const double *rows, size_t n, double *outputs,
                    uint8_t *scratch)
{
    const struct wr_program *p = (const void *)k->program;
    while (n > 0) {
        uint32_t some = n < k->batch ? (uint32_t)n : k->batch;
        int status = score_batch(k, rows, some, outputs, scratch);
        if (status != WR_KERNEL_OK) {
            return status;
        }
        rows += (size_t)some * p->n_inputs;
        outputs += (size_t)some * p->n_outputs;
        n -= some;
    }
    return WR_KERNEL_OK;
}

void wr_kernel_open(struct wr_kernel *k, const uint8_t *program, enum wr_kernel_level level)
{
    const struct wr_program *p = (const void *)program;
    const uint32_t *step = (const void *)(program + p->steps);
    size_t room = 0;
    *k = (struct wr_kernel){.program = program, .level = level, .batch = 1, .scratch = p->scratch};
    for (uint32_t i = 0; i < p->n_steps; i++, step += step[1]) {
        struct wr_step s = wr_kernel_step_of(program, NULL, step);
        s.level = level;
        if (wr_wide_takes(&s, step[0] & 0xff)) {
            size_t own = wr_wide_room(&s);
            room = own > room ? own : room;
        }
    }
    size_t whole = (size_t)p->scratch * WR_WIDE_ROWS + room;
    if (room > 0 && whole <= WR_LIMIT_KERNEL_BATCH) {
        k->batch = WR_WIDE_ROWS;
        k->scratch = whole;
    }
}
