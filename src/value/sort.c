/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of a few records are sorted by insertion, then merged in place by symmetric decomposition:
 * find by halving how much of the upper run belongs below the middle, rotate it there, and merge
 * the two halves likewise (Kim and Kutzner, "Stable minimum storage merging by symmetric
 * comparisons", 2004). The halves wait on an explicit stack; each is at most half as long as the
 * one before it, so their number is bounded by the logarithm of n. */
#include "value/sort.h"

enum { RUN = 16, PENDING_MAX = 2 * 64 };

struct records {
    struct wr_value *v;
    size_t stride;
};

static const struct wr_value *key(const struct records *r, size_t i)
{
    return &r->v[i * r->stride];
}

static bool less(const struct records *r, size_t i, size_t j)
{
    return wr_value_cmp(key(r, i), key(r, j)) < 0;
}

/* Takes record `from` out and puts it in at `to`, shifting those between. */
static void move(const struct records *r, size_t from, size_t to)
{
    struct wr_value held[2];
    size_t size = r->stride * sizeof held[0];
    struct wr_value *source = r->v + from * r->stride, *target = r->v + to * r->stride;
    memcpy(held, source, size);
    if (to < from) {
        memmove(target + r->stride, target, (from - to) * size);
    } else {
        memmove(source, source + r->stride, (to - from) * size);
    }
    memcpy(target, held, size);
}

static void insertion_sort(const struct records *r, size_t low, size_t high)
{
    for (size_t i = low + 1; i < high; i++) {
        size_t to = i;
        while (to > low && less(r, i, to - 1)) {
            to--;
        }
        if (to != i) {
            move(r, i, to);
        }
    }
}

static void reverse(const struct records *r, size_t low, size_t high)
{
    size_t size = r->stride * sizeof r->v[0];
    for (; low + 1 < high; low++, high--) {
        struct wr_value held[2];
        memcpy(held, r->v + low * r->stride, size);
        memcpy(r->v + low * r->stride, r->v + (high - 1) * r->stride, size);
        memcpy(r->v + (high - 1) * r->stride, held, size);
    }
}

static void rotate(const struct records *r, size_t low, size_t middle, size_t high)
{
    if (low < middle && middle < high) {
        reverse(r, low, middle);
        reverse(r, middle, high);
        reverse(r, low, high);
    }
}

struct span { /* two sorted runs: [low, middle) and [middle, high) */
    size_t low, middle, high;
};

/* Merges a run of one record with the other run. */
static void merge_single(const struct records *r, struct span s)
{
    bool first = s.middle - s.low == 1;
    size_t single = first ? s.low : s.middle;
    size_t low = first ? s.middle : s.low, high = first ? s.high : s.middle;
    while (low < high) { /* equal records: the earlier run's stay in front */
        size_t half = low + (high - low) / 2;
        bool beyond = first ? less(r, half, single) : !less(r, single, half);
        if (beyond) {
            low = half + 1;
        } else {
            high = half;
        }
    }
    move(r, single, first ? low - 1 : low);
}

/* Brings to each half of the span what belongs there; the halves are then spans of their own. */
static void part(const struct records *r, struct span s, struct span *lower, struct span *upper)
{
    size_t half = s.low + (s.high - s.low) / 2, sum = half + s.middle;
    size_t start = s.middle > half ? sum - s.high : s.low;
    size_t stop = s.middle > half ? half : s.middle;
    while (start < stop) {
        size_t c = start + (stop - start) / 2;
        if (!less(r, sum - 1 - c, c)) {
            start = c + 1;
        } else {
            stop = c;
        }
    }
    size_t end = sum - start;
    rotate(r, start, s.middle, end);
    *lower = (struct span){s.low, start, half};
    *upper = (struct span){half, end, s.high};
}

static void merge(const struct records *r, struct span whole)
{
    struct span pending[PENDING_MAX];
    size_t n = 0;
    pending[n++] = whole;
    while (n > 0) {
        struct span s = pending[--n];
        if (s.low >= s.middle || s.middle >= s.high || !less(r, s.middle, s.middle - 1)) {
            continue;
        }
        if (s.middle - s.low == 1 || s.high - s.middle == 1) {
            merge_single(r, s);
            continue;
        }
        WR_ASSERT(n + 2 <= PENDING_MAX);
        part(r, s, &pending[n], &pending[n + 1]);
        n += 2;
    }
}

static bool is_sorted(const struct records *r, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (less(r, i, i - 1)) {
            return false;
        }
    }
    return true;
}

void wr_value_sort(struct wr_value *records, size_t n, size_t stride)
{
    WR_ASSERT(stride == 1 || stride == 2);
    struct records r = {records, stride};
    if (n < 2 || (n > RUN && is_sorted(&r, n))) {
        return;
    }
    for (size_t low = 0; low < n; low += RUN) {
        insertion_sort(&r, low, WR_MIN(low + RUN, n));
    }
    for (size_t run = RUN; run < n; run *= 2) {
        for (size_t low = 0; low + run < n; low += 2 * run) {
            merge(&r, (struct span){low, low + run, WR_MIN(low + 2 * run, n)});
        }
    }
}
