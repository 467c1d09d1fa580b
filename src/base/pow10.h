/* SPDX-License-Identifier: Apache-2.0 */
/* 10^k for k in -342..324 as 128-bit integers: hi:lo = floor(10^k / 2^e), with e such that the top
 * bit of hi is set. Exact for 0 <= k <= 55, elsewhere less than one unit too small. */
#ifndef WR_POW10_H
#define WR_POW10_H

#include "base/base.h"

#define WR_POW10_FIRST (-342)
#define WR_POW10_LAST  324

struct wr_pow10 {
    uint64_t hi, lo;
};

extern const struct wr_pow10 wr_pow10_table[WR_POW10_LAST - WR_POW10_FIRST + 1];

static inline struct wr_pow10 wr_pow10(int k)
{
    WR_ASSERT(k >= WR_POW10_FIRST && k <= WR_POW10_LAST);
    return wr_pow10_table[k - WR_POW10_FIRST];
}

/* floor(log2(10^k)), for |k| <= 1233. */
static inline int wr_pow10_log2(int k)
{
    return (k * 1741647) >> 19;
}

/* 10^k as an integer, 0 <= k <= 19. */
extern const uint64_t wr_pow10_u64[20];

#endif
