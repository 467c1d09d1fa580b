/* SPDX-License-Identifier: Apache-2.0 */
/* What order.c needs of numbers. */
#ifndef WR_NUMBER_H
#define WR_NUMBER_H

#include "value/bigfloat.h"
#include "value/value.h"

/* A BINARY number from the result of arithmetic. `f` must be no integer, with 1e-4 <= |f| < 1e6:
 * what prints without an exponent. */
struct wr_value wr_number_binary(struct wr_float f);
static inline struct wr_float wr_number_binary_float(const struct wr_value *number)
{
    return (struct wr_float){(uint64_t)number->i, (int32_t)number->n, number->scale != 0};
}
/* The 64-bit mantissa nearest to a DEC or BINARY number. */
struct wr_float wr_number_near_float(const struct wr_value *number);

int wr_number_cmp(const struct wr_value *a, const struct wr_value *b); /* exact: -1, 0, 1 */
/* Equal for equal numbers; not mixed. Integers give themselves. */
uint64_t wr_number_hash(const struct wr_value *number);

#endif
