/* SPDX-License-Identifier: Apache-2.0 */
/* Exact integers to the nearest double: the one place where features are rounded. */
#ifndef WR_FEATURE_EXACT_H
#define WR_FEATURE_EXACT_H

#include "base/base.h"

/* numerator / denominator to nearest, ties to even; denominator at least 1 and below 2^126. */
double wr_ratio(wr_i128 numerator, wr_u128 denominator);

/* 10^n, n 0..18. */
uint64_t wr_pow10(unsigned n);

#endif
