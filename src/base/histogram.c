/* SPDX-License-Identifier: Apache-2.0 */
#include "base/histogram.h"

enum { STEP_BITS = 10 };
_Static_assert(1 << STEP_BITS == WR_HISTOGRAM_STEPS, "steps are a power of two");

/* Microseconds below 2 * STEPS are their own index; from there, the octave and the ten bits behind
 * the leading one. */
static size_t index_of(uint64_t ns)
{
    uint64_t us = ns / 1000;
    if (us < 2 * WR_HISTOGRAM_STEPS) {
        return (size_t)us;
    }
    unsigned octave = 63 - STEP_BITS - (unsigned)__builtin_clzll(us); /* 1 from 2048 us */
    if (octave >= WR_HISTOGRAM_OCTAVES) {
        return WR_HISTOGRAM_BUCKETS - 1;
    }
    return ((size_t)octave << STEP_BITS) + (size_t)(us >> octave);
}

/* The greatest value that falls into the bucket. */
static uint64_t end_of(size_t i)
{
    if (i < 2 * WR_HISTOGRAM_STEPS) {
        return (uint64_t)i * 1000 + 999;
    }
    unsigned octave = (unsigned)(i >> STEP_BITS) - 1;
    uint64_t step = (i & (WR_HISTOGRAM_STEPS - 1)) + WR_HISTOGRAM_STEPS;
    return ((step + 1) << octave) * 1000 - 1;
}

void wr_histogram_init(struct wr_histogram *h)
{
    memset(h, 0, sizeof *h);
    h->min_ns = UINT64_MAX;
}

static uint32_t saturating(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

void wr_histogram_add(struct wr_histogram *h, uint64_t ns)
{
    uint32_t *bucket = &h->bucket[index_of(ns)];
    *bucket = saturating(*bucket, 1);
    h->count++;
    h->sum_ns += ns;
    h->min_ns = WR_MIN(h->min_ns, ns);
    h->max_ns = WR_MAX(h->max_ns, ns);
}

void wr_histogram_merge(struct wr_histogram *h, const struct wr_histogram *other)
{
    for (size_t i = 0; i < WR_HISTOGRAM_BUCKETS; i++) {
        h->bucket[i] = saturating(h->bucket[i], other->bucket[i]);
    }
    h->count += other->count;
    h->sum_ns += other->sum_ns;
    h->min_ns = WR_MIN(h->min_ns, other->min_ns);
    h->max_ns = WR_MAX(h->max_ns, other->max_ns);
}

uint64_t wr_histogram_percentile_ns(const struct wr_histogram *h, uint32_t per_million)
{
    WR_ASSERT(per_million <= 1000000);
    if (h->count == 0) {
        return 0;
    }
    uint64_t total = 0, seen = 0;
    for (size_t i = 0; i < WR_HISTOGRAM_BUCKETS; i++) {
        total += h->bucket[i];
    }
    /* ceil(total * per_million / 10^6), at least 1; total is below 2^47 */
    uint64_t wanted =
        total / 1000000 * per_million + (total % 1000000 * per_million + 999999) / 1000000;
    wanted = WR_MAX(wanted, (uint64_t)1);
    for (size_t i = 0; i < WR_HISTOGRAM_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen >= wanted) {
            return i == WR_HISTOGRAM_BUCKETS - 1 ? h->max_ns : WR_MIN(end_of(i), h->max_ns);
        }
    }
    return h->max_ns;
}

uint64_t wr_histogram_count_up_to(const struct wr_histogram *h, uint64_t ns)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < WR_HISTOGRAM_BUCKETS - 1 && end_of(i) <= ns; i++) {
        seen += h->bucket[i];
    }
    return seen;
}
