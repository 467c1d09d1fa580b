/* SPDX-License-Identifier: Apache-2.0 */
#include "app/statistics.h"
#include "value/json_write.h"

#include <math.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Between the two nearest samples, as go-metrics has it. */
static double percentile(const int64_t *sorted, uint64_t n, double p)
{
    double position = p * (double)(n + 1);
    if (position < 1) {
        return (double)sorted[0];
    }
    if (position >= (double)n) {
        return (double)sorted[n - 1];
    }
    uint64_t at = (uint64_t)position;
    double low = (double)sorted[at - 1], high = (double)sorted[at];
    return low + (position - floor(position)) * (high - low);
}

void wr_statistics_of(struct wr_statistics *out, int64_t *samples, uint64_t n)
{
    double sum = 0, squares = 0;
    qsort(samples, n, sizeof samples[0], by_size);
    for (uint64_t i = 0; i < n; i++) {
        sum += (double)samples[i];
    }
    double mean = sum / (double)n;
    for (uint64_t i = 0; i < n; i++) {
        squares += ((double)samples[i] - mean) * ((double)samples[i] - mean);
    }
    *out = (struct wr_statistics){{
        {"75%", percentile(samples, n, 0.75)},
        {"90%", percentile(samples, n, 0.9)},
        {"95%", percentile(samples, n, 0.95)},
        {"99%", percentile(samples, n, 0.99)},
        {"99.9%", percentile(samples, n, 0.999)},
        {"99.99%", percentile(samples, n, 0.9999)},
        {"count", (double)n},
        {"max", (double)samples[n - 1]},
        {"mean", mean},
        {"median", percentile(samples, n, 0.5)},
        {"min", (double)samples[0]},
        {"stddev", sqrt(squares / (double)n)},
    }};
}

void wr_statistics_json(struct wr_buf *json, struct wr_arena *arena,
                        const struct wr_statistics *statistics)
{
    for (size_t i = 0; i < WR_STATISTICS; i++) {
        struct wr_value v = wr_number_double(arena, statistics->items[i].value);
        wr_format(json, "%s\"%s\":", i == 0 ? "{" : ",", statistics->items[i].name);
        wr_json_write(json, &v, WR_JSON_HTML_SAFE);
    }
    wr_buf_char(json, '}');
}
