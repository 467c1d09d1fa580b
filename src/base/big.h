/* SPDX-License-Identifier: Apache-2.0 */
/* Unsigned integers of up to 4096 bits, for the rare exact cases of reading and writing doubles.
 *
 * Limbs are little-endian and carry no leading zero limb; zero has none. The bounds of the callers
 * (800 digits, exponents of a double) stay below the room, which is asserted, never truncated. */
#ifndef WR_BIG_H
#define WR_BIG_H

#include "base/base.h"

enum { WR_BIG_LIMBS = 64 };

struct wr_big {
    uint32_t n;
    uint64_t limb[WR_BIG_LIMBS];
};

void wr_big_set(struct wr_big *big, uint64_t v);
/* big = big * factor + addend */
void wr_big_mul_add(struct wr_big *big, uint64_t factor, uint64_t addend);
void wr_big_mul_pow5(struct wr_big *big, unsigned power);
void wr_big_shift_left(struct wr_big *big, unsigned bits);
int wr_big_cmp(const struct wr_big *a, const struct wr_big *b); /* -1, 0, 1 */
/* big = big / 10^9; returns the remainder. */
uint32_t wr_big_div_1e9(struct wr_big *big);

#endif
