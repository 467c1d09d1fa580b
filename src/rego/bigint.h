/* SPDX-License-Identifier: Apache-2.0 */
/* Integers of any size up to WR_LIMIT_BIGINT_BITS: sign and magnitude in 32-bit limbs.
 *
 * Enough for bits.*, % and format_int. The bit operations act on the two's complement of infinite
 * width. Results lie in the arena; a result without room or over the limit has .failed set, and
 * every operation on a failed operand fails. Source: Knuth 2, 4.3.1, algorithm D. */
#ifndef WR_BIGINT_H
#define WR_BIGINT_H

#include "value/bigfloat.h"

#define WR_LIMIT_BIGINT_BITS 65536

struct wr_bigint {
    uint32_t *limbs; /* least significant first; none for 0 */
    uint32_t n;
    bool neg, failed;
};

struct wr_bigint wr_bigint_i64(struct wr_arena *arena, int64_t v);
/* The float must be an integer. */
struct wr_bigint wr_bigint_float(struct wr_arena *arena, struct wr_float f);
/* Decimal digits with an optional '-'; fails on anything else. */
struct wr_bigint wr_bigint_read(struct wr_arena *arena, struct wr_str digits);
struct wr_bigint wr_bigint_add(struct wr_arena *arena, struct wr_bigint a, struct wr_bigint b);
struct wr_bigint wr_bigint_mul(struct wr_arena *arena, struct wr_bigint a, struct wr_bigint b);
struct wr_bigint wr_bigint_and(struct wr_arena *arena, struct wr_bigint a, struct wr_bigint b);
struct wr_bigint wr_bigint_or(struct wr_arena *arena, struct wr_bigint a, struct wr_bigint b);
struct wr_bigint wr_bigint_xor(struct wr_arena *arena, struct wr_bigint a, struct wr_bigint b);
struct wr_bigint wr_bigint_not(struct wr_arena *arena, struct wr_bigint a);
struct wr_bigint wr_bigint_shl(struct wr_arena *arena, struct wr_bigint a, uint64_t by);
/* Rounds toward minus infinity. */
struct wr_bigint wr_bigint_shr(struct wr_arena *arena, struct wr_bigint a, uint64_t by);
/* The sign follows the dividend; b must not be 0. */
struct wr_bigint wr_bigint_rem(struct wr_arena *arena, struct wr_bigint a, struct wr_bigint b);
/* Text in base 2 to 16, lower case; .p is NULL when there is no room. */
struct wr_str wr_bigint_text(struct wr_arena *arena, struct wr_bigint a, uint32_t base);

#endif
