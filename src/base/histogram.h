/* SPDX-License-Identifier: Apache-2.0 */
/* A latency histogram of fixed size: 1 us to 1000 s with a relative error below 1/1024.
 *
 * Values are in nanoseconds. Buckets are linear within each power of two (the scheme of Gil Tene's
 * HdrHistogram): the first 2048 microseconds one by one, then 1024 buckets an octave. What lies
 * below 1 us counts as 0 us, what lies above the range as its end; the exact minimum, maximum and
 * sum are kept beside. Recording is O(1) and never allocates; one writer, no locks. */
#ifndef WR_HISTOGRAM_H
#define WR_HISTOGRAM_H

#include "base/base.h"

enum {
    WR_HISTOGRAM_STEPS = 1024, /* buckets an octave */
    WR_HISTOGRAM_OCTAVES = 20, /* 2^11 us up to 2^30 us, about 1074 s */
    WR_HISTOGRAM_BUCKETS = WR_HISTOGRAM_STEPS * (WR_HISTOGRAM_OCTAVES + 1),
};

struct wr_histogram {
    uint64_t count, sum_ns, min_ns, max_ns; /* min_ns: UINT64_MAX while count is 0 */
    uint32_t bucket[WR_HISTOGRAM_BUCKETS];  /* saturating */
};

void wr_histogram_init(struct wr_histogram *h);
void wr_histogram_add(struct wr_histogram *h, uint64_t ns);
/* Adds all that `other` has counted. */
void wr_histogram_merge(struct wr_histogram *h, const struct wr_histogram *other);

/* The least value such that at least `per_million` of a million recorded values are no greater,
 * rounded up to the end of its bucket, at most the maximum; 0 when nothing is recorded. 500000 is
 * the median, 999000 the P99.9, 1000000 the maximum. O(buckets). */
uint64_t wr_histogram_percentile_ns(const struct wr_histogram *h, uint32_t per_million);

/* How many recorded values fell into buckets that end at or below `ns`: for the cumulative buckets
 * of a metric. O(buckets). */
uint64_t wr_histogram_count_up_to(const struct wr_histogram *h, uint64_t ns);

#endif
