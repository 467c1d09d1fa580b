/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics.h: counting. */
#include "shell/metrics.h"

static const uint64_t bounds_ns[WR_TIMING_BOUNDS] = {
    100,        200,        500,        1000,        2000,      5000,      10000,
    20000,      50000,      100000,     200000,      500000,    1000000,   2000000,
    5000000,    10000000,   20000000,   50000000,    100000000, 200000000, 500000000,
    1000000000, 2000000000, 5000000000, 10000000000,
};

/* By the place of a value's leading bit: the bound that the least such value falls under. */
static const uint8_t first_bound[64] = {
    0,  0,  0,  0,  0,  0,  0,  1,  2,  3,  4,  5,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
    14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 23, 24, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25,
    25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25,
};

void wr_timing_add(struct wr_timing *timing, int64_t ns, uint64_t times)
{
    uint64_t value = ns < 0 ? 0 : (uint64_t)ns;
    size_t i = first_bound[63 - __builtin_clzll(value | 1)];
    while (i < WR_TIMING_BOUNDS && value > bounds_ns[i]) {
        i++;
    }
    timing->n[i] += times;
    timing->sum_ns += value * times;
}

/* ── counting decisions ─────────────────────────────────────────────────────────────────────── */
static void count_amount(struct wr_metrics *metrics, const struct wr_answer *answer)
{
    uint64_t amount = answer->amount > 0 ? (uint64_t)answer->amount : 0;
    for (unsigned scale = answer->amount_scale; scale < 6; scale++) {
        amount *= 10;
    }
    for (unsigned scale = answer->amount_scale; scale > 6; scale--) {
        amount /= 10;
    }
    metrics->amounts[answer->outcome] += amount;
}

/* The nearest double or one next to it, with a fraction of the work of the exact one: of a
 * histogram that is enough. Scores are decimals, or small ones in text: 0.00012345678901234567. */
static double about(const struct wr_value *score)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                  1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    if (score->kind == WR_DEC && score->scale < WR_COUNTOF(tens)) {
        return (double)score->i / tens[score->scale];
    }
    struct wr_str text = score->kind == WR_TEXT ? wr_text(*score) : wr_str_of("", 0);
    uint64_t digits = 0;
    size_t n = 0;
    bool plain = text.n > 2 && text.p[0] == '0' && text.p[1] == '.';
    for (size_t i = 2; i < text.n && plain; i++) {
        unsigned digit = (unsigned)(uint8_t)text.p[i] - '0';
        plain = digit < 10;
        digits = n < 18 ? digits * 10 + digit : digits;
        n += n < 18;
    }
    return plain ? (double)digits / tens[n] : wr_number_to_double(score);
}

static void count_score(struct wr_metrics *metrics, const struct wr_value *score)
{
    double d = about(score);
    size_t i = !(d > 0) ? 0 : d > 1 ? WR_SCORE_BOUNDS : (size_t)(d * WR_SCORE_BOUNDS);
    if (i > 0 && i <= WR_SCORE_BOUNDS && d <= (double)i / WR_SCORE_BOUNDS) {
        i--; /* a bound belongs to what lies below it */
    }
    metrics->scores[i]++;
    metrics->score_sum += d;
}

static void count_reason(struct wr_metrics *metrics, struct wr_str code)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < WR_MIN(code.n, (size_t)WR_METRICS_REASON_BYTES); i++) {
        hash = (hash ^ (uint8_t)code.p[i]) * 16777619U;
    }
    bool fits =
        code.n != 0 && code.n <= WR_METRICS_REASON_BYTES && !wr_str_eq(code, WR_STR("other"));
    for (size_t i = hash; fits; i++) {
        struct wr_reason_count *slot = &metrics->reasons[i % WR_METRICS_REASON_SLOTS];
        if (slot->size == code.n && memcmp(slot->code, code.p, code.n) == 0) {
            slot->n++;
            return;
        }
        if (slot->size == 0) {
            if (metrics->n_reasons == WR_LIMIT_METRICS_REASONS) {
                break;
            }
            memcpy(slot->code, code.p, code.n);
            slot->size = (uint8_t)code.n;
            slot->n = 1;
            metrics->n_reasons++;
            return;
        }
    }
    metrics->other_reasons++;
}

void wr_metrics_decision(struct wr_metrics *metrics, const struct wr_answer *answer)
{
    metrics->outcomes[answer->outcome]++;
    metrics->n_late += answer->late;
    metrics->n_degraded += answer->n_degraded > 0;
    metrics->n_policy_failed += answer->policy_failed;
    count_amount(metrics, answer);
    if (answer->score.type == WR_NUMBER) {
        count_score(metrics, &answer->score);
    }
    for (uint32_t i = 0; i < answer->n_reasons; i++) {
        count_reason(metrics, answer->reasons[i]);
    }
}
