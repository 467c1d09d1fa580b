/* SPDX-License-Identifier: Apache-2.0 */
/* A stable sort in place, for the builders of objects and sets. */
#ifndef WR_SORT_H
#define WR_SORT_H

#include "value/value.h"

/* Sorts n records of `stride` values each (1 or 2) by their first value. O(n) when sorted already,
 * else O(n log n) comparisons and O(n log^2 n) moves; no memory. */
void wr_value_sort(struct wr_value *records, size_t n, size_t stride);

#endif
