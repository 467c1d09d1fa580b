/* SPDX-License-Identifier: Apache-2.0 */
/* Running totals over records: counts, series of one column, sets of different keys.
 *
 * All are gathered from newer records to older ones. Sums and squares are exact: numbers are below
 * 2^52 and a tape has under 2^32 records, so 128 bits hold them. A set is exact up to
 * WR_LIMIT_SET_EXACT different keys; beyond, it keeps the keys whose hash lies below a threshold
 * that halves whenever they would be too many, and estimates (adaptive sampling: Flajolet, "On
 * adaptive sampling", 1990; standard error about 1.2 / sqrt(WR_LIMIT_SET_EXACT / 2) = 2 %). The
 * estimate depends on the set of keys only, not on their order. A set looks at no more than the
 * newest WR_LIMIT_SET_RECORDS records, so that no event is long work; when there are more in
 * the window, it is flagged too, and what it says is of those. */
#ifndef WR_FEATURE_GAUGE_H
#define WR_FEATURE_GAUGE_H

#include "feature/chunk.h"

#define WR_LIMIT_SET_EXACT   8192
#define WR_LIMIT_SET_RECORDS 32768
#define WR_SET_SLOTS         16384

typedef wr_i128 wr_i128_in_8 __attribute__((aligned(8)));
typedef wr_u128 wr_u128_in_8 __attribute__((aligned(8)));

struct wr_count {
    uint64_t n;
    int64_t newest; /* tick; holds when n > 0 */
};

struct wr_series { /* of records that have the column; all but n and sums hold when n > 0 */
    uint64_t n;
    wr_i128_in_8 sum;
    wr_u128_in_8 squares;             /* 0 unless the lane wants them */
    int64_t min, max, newest, oldest; /* newest and oldest are values */
};

struct wr_set { /* of a lane that is like_now: values[0] is now's key, n counts its like */
    uint32_t n, mask, halvings, records;
    uint64_t values[WR_LIMIT_SET_EXACT];
    uint16_t slots[WR_SET_SLOTS]; /* index in values + 1; 0 = free; the first mask + 1 are in use */
};

/* Adds the records [from, to) of a chunk, all older than what is there. `mask`: all bits wanted. */
void wr_count_fold(struct wr_count *count, const struct wr_chunk *chunk, unsigned n_bits,
                   uint32_t mask, unsigned from, unsigned to);
void wr_series_fold(struct wr_series *series, const struct wr_chunk *chunk,
                    const struct wr_series_lane *lane, unsigned from, unsigned to);
void wr_set_fold(struct wr_set *set, const struct wr_chunk *chunk, const struct wr_set_lane *lane,
                 unsigned from, unsigned to);

/* Adds one record that is older than what is there. */
void wr_count_record(struct wr_count *count, uint32_t mask, const struct wr_record *record);
void wr_series_record(struct wr_series *series, const struct wr_series_lane *lane,
                      const struct wr_record *record);
void wr_set_record(struct wr_set *set, const struct wr_set_lane *lane,
                   const struct wr_record *record);

/* Adds one record that is newer than what is there. */
void wr_count_newer(struct wr_count *count, uint32_t mask, const struct wr_record *record);
void wr_series_newer(struct wr_series *series, const struct wr_series_lane *lane,
                     const struct wr_record *record);

/* Adds totals of records that are all older than what is there. */
void wr_count_merge(struct wr_count *count, const struct wr_count *older);
void wr_series_merge(struct wr_series *series, const struct wr_series *older);

void wr_set_clear(struct wr_set *set, const struct wr_set_lane *lane, const struct wr_record *self);
static inline bool wr_set_is_full(const struct wr_set *set)
{
    return set->records > WR_LIMIT_SET_RECORDS;
}
uint64_t wr_set_size(const struct wr_set *set, bool *approximate);

#endif
