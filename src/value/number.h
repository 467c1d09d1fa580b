/* SPDX-License-Identifier: Apache-2.0 */
/* What order.c needs of numbers. */
#ifndef WR_NUMBER_H
#define WR_NUMBER_H

#include "value/value.h"

int wr_number_cmp(const struct wr_value *a, const struct wr_value *b); /* exact: -1, 0, 1 */
/* Equal for equal numbers; not mixed. Integers give themselves. */
uint64_t wr_number_hash(const struct wr_value *number);

#endif
