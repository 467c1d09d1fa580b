/* SPDX-License-Identifier: Apache-2.0 */
/* Binary floating point with a mantissa of 64 bits, as Rego's arithmetic needs it.
 *
 * A number is m * 2^e with the top bit of m set, or zero (m = 0, the sign kept). Every operation
 * rounds once, to nearest, ties to even. There are no infinities and no NaN: a result outside the
 * exponents of WR_LIMIT_FLOAT_EXPONENT is reported by wr_float_fits. Reading decimal text divides
 * or multiplies the exact digits by a power of five held in 128 bits (exact up to 5^55), which
 * gives the results of Go's math/big with precision 64. Writing gives the shortest digits that read
 * back as the same number. No host floating point is involved: the same bits on every machine.
 * Source: Knuth, The Art of Computer Programming 2, 4.2 and 4.3.1. */
#ifndef WR_BIGFLOAT_H
#define WR_BIGFLOAT_H

#include "base/bytes.h"

#define WR_LIMIT_FLOAT_EXPONENT 40000 /* binary; some 12,000 decimal digits */

struct wr_float {
    uint64_t m;
    int32_t e;
    bool neg;
};

static inline struct wr_float wr_float_zero(bool neg)
{
    return (struct wr_float){0, 0, neg};
}
struct wr_float wr_float_u64(uint64_t v, bool neg);
struct wr_float wr_float_i64(int64_t v);
/* From JSON number text of any length; false when the text is no number or the exponent does not
 * fit. */
bool wr_float_read(struct wr_str text, struct wr_float *out);

struct wr_float wr_float_add(struct wr_float a, struct wr_float b);
struct wr_float wr_float_mul(struct wr_float a, struct wr_float b);
/* b must not be zero. */
struct wr_float wr_float_div(struct wr_float a, struct wr_float b);
static inline struct wr_float wr_float_neg(struct wr_float a)
{
    a.neg = !a.neg;
    return a;
}
bool wr_float_eq(struct wr_float a, struct wr_float b);
bool wr_float_less(struct wr_float a, struct wr_float b);
/* Whether the exponent is within the limit. */
bool wr_float_fits(struct wr_float a);
bool wr_float_is_int(struct wr_float a);
/* Truncates toward zero; `exact` tells whether nothing was cut. */
struct wr_float wr_float_trunc(struct wr_float a, bool *exact);
/* False when a is no integer or does not fit. */
bool wr_float_to_i64(struct wr_float a, int64_t *out);

/* The shortest digits: |a| = 0.d1 d2 ... dn * 10^exponent10. Digits lie in the arena; n is 0 when
 * there is no room. a must not be zero. */
struct wr_str wr_float_shortest(struct wr_arena *arena, struct wr_float a, int32_t *exponent10);
/* The exact value of a rounded, ties to even, to `count` significant digits or, with `places`, to
 * `count` digits after the point. Digits without zeros at the end; n is 0 for 0 (.p not NULL). */
struct wr_str wr_float_rounded(struct wr_arena *arena, struct wr_float a, bool places,
                               int32_t count, int32_t *exponent10);
/* Text as Rego prints results: integers plain, others plain for 1e-4 <= |a| < 1e6, else with an
 * exponent of at least two digits ("1.2345675e+06"). .p is NULL when there is no room. */
struct wr_str wr_float_text(struct wr_arena *arena, struct wr_float a);

#endif
