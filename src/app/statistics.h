/* SPDX-License-Identifier: Apache-2.0 */
/* Spread of a sample, with the names and the percentiles of OPA's histograms. */
#ifndef WR_STATISTICS_H
#define WR_STATISTICS_H

#include "base/bytes.h"

#define WR_STATISTICS 12

struct wr_statistics {
    struct {
        const char *name; /* "75%" ... "stddev", sorted */
        double value;
    } items[WR_STATISTICS];
};

/* Appends {"75%":..,..}. */
void wr_statistics_json(struct wr_buf *json, struct wr_arena *arena,
                        const struct wr_statistics *statistics);

/* Sorts the samples, of which there is at least one. */
void wr_statistics_of(struct wr_statistics *out, int64_t *samples, uint64_t n);

#endif
