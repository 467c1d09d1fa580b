/* SPDX-License-Identifier: Apache-2.0 */
/* Exact integers to the nearest double: the one place where features are rounded. */
#ifndef WR_FEATURE_EXACT_H
#define WR_FEATURE_EXACT_H

#include "base/base.h"

/* numerator / denominator to nearest, ties to even; denominator at least 1 and below 2^126. */
double wr_ratio_long(wr_i128 numerator, wr_u128 denominator);
static inline double wr_ratio(wr_i128 numerator, wr_u128 denominator)
{
    const uint64_t exact = UINT64_C(1) << 53; /* both are doubles: the division rounds once */
    int64_t low = (int64_t)numerator;
    if (low == numerator && (uint64_t)low + exact <= 2 * exact && denominator <= exact) {
        return (double)(int64_t)numerator / (double)(int64_t)denominator;
    }
    return wr_ratio_long(numerator, denominator);
}

/* 10^n, n 0..18. */
extern const uint64_t wr_powers10[19];
static inline uint64_t wr_pow10(unsigned n)
{
    WR_ASSERT(n <= 18);
    return wr_powers10[n];
}

#endif
