/* SPDX-License-Identifier: Apache-2.0 */
/* The histogram against sorted values. */
#include "base/histogram.h"
#include "check.h"

static struct wr_histogram h, other;
static uint64_t values[20000];

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

TEST("percentiles are at most a thousandth and a microsecond above the exact ones")
{
    uint64_t seed = 7;
    wr_histogram_init(&h);
    for (size_t i = 0; i < WR_COUNTOF(values); i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        values[i] = (seed >> 20) % ((uint64_t)1000 << (seed % 30));
        wr_histogram_add(&h, values[i]);
    }
    qsort(values, WR_COUNTOF(values), sizeof values[0], by_value);
    static const uint32_t ranks[] = {1, 1000, 250000, 500000, 900000, 990000, 999000, 1000000};
    for (size_t i = 0; i < WR_COUNTOF(ranks); i++) {
        size_t rank = ((size_t)ranks[i] * WR_COUNTOF(values) + 999999) / 1000000;
        uint64_t exact = values[rank - 1], got = wr_histogram_percentile_ns(&h, ranks[i]);
        CHECK(got >= exact && got <= exact + exact / 1024 + 1000);
    }
    CHECK(wr_histogram_percentile_ns(&h, 1000000) == h.max_ns);
}

TEST("the edges of the range are counted and the empty histogram answers 0")
{
    wr_histogram_init(&h);
    CHECK_INT(wr_histogram_percentile_ns(&h, 500000), 0);
    wr_histogram_add(&h, 0);
    CHECK_INT(wr_histogram_percentile_ns(&h, 500000), 0);
    wr_histogram_add(&h, UINT64_MAX / 2);
    CHECK(wr_histogram_percentile_ns(&h, 1000000) == UINT64_MAX / 2);
    CHECK_INT(h.count, 2);
    CHECK_INT(h.min_ns, 0);
}

TEST("the first value beyond the range falls into the last bucket, and none beyond that")
{
    static struct {
        struct wr_histogram h;
        uint32_t behind[8];
    } guarded;
    for (unsigned octave = 29; octave < 54; octave++) {
        for (int step = -1; step <= 1; step++) {
            wr_histogram_init(&guarded.h);
            wr_histogram_add(&guarded.h, (((uint64_t)1 << octave) + (uint64_t)step) * 1000);
            bool beyond = octave > 30 || (octave == 30 && step >= 0);
            CHECK(beyond ? guarded.h.bucket[WR_HISTOGRAM_BUCKETS - 1] == 1
                         : guarded.h.bucket[WR_HISTOGRAM_BUCKETS - 1] <= (step < 0));
            CHECK(!beyond || wr_histogram_count_up_to(&guarded.h, UINT64_MAX) == 0);
            CHECK_INT(guarded.behind[0], 0);
        }
    }
}

TEST("every bucket ends where the next begins")
{
    for (uint64_t us = 1; us < (uint64_t)1 << 30; us += 1 + us / 3000) {
        wr_histogram_init(&h);
        wr_histogram_add(&h, us * 1000);
        wr_histogram_add(&h, us * 1000 * 4); /* so that the maximum does not round down */
        uint64_t end = wr_histogram_percentile_ns(&h, 500000);
        CHECK(end >= us * 1000 && end - us * 1000 < 1000 + us * 1000 / 1024);
        if (us > 20000) {
            us += us / 10; /* the histogram is cleared each round */
        }
    }
}

TEST("merging equals recording all in one, and counts up to a bound are cumulative")
{
    static struct wr_histogram all;
    wr_histogram_init(&h);
    wr_histogram_init(&other);
    wr_histogram_init(&all);
    for (uint64_t i = 1; i <= 5000; i++) {
        wr_histogram_add(i % 2 != 0 ? &h : &other, i * 1000);
        wr_histogram_add(&all, i * 1000);
    }
    wr_histogram_merge(&h, &other);
    CHECK(memcmp(&h, &all, sizeof h) == 0);
    CHECK_INT(wr_histogram_count_up_to(&h, 1000999), 1000);
    CHECK_INT(wr_histogram_count_up_to(&h, 999), 0);
    CHECK_INT(wr_histogram_count_up_to(&h, 5003999), 5000);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
