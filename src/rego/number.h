/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on Rego numbers: exact where integers fit 64 bits, else bigfloat.h's rounding.
 *
 * Results are DEC for integers, BINARY where they print without an exponent, else TEXT in the
 * arena. Errors: WR_E_MEMORY;
 * WR_E_LIMIT when an exponent exceeds WR_LIMIT_FLOAT_EXPONENT; division by zero is the caller's to
 * check with wr_number_is_zero. The inline functions are the fast path for small integers. */
#ifndef WR_REGO_NUMBER_H
#define WR_REGO_NUMBER_H

#include "value/bigfloat.h"
#include "value/value.h"

bool wr_number_to_float(const struct wr_value *number, struct wr_float *out);
wr_err wr_number_from_float(struct wr_arena *arena, struct wr_float f, struct wr_value *out);
bool wr_number_is_zero(const struct wr_value *number);
/* An integer written in digits, within int64: what Go's Number.Int accepts. */
bool wr_number_text_i64(const struct wr_value *v, int64_t *out);
static inline bool wr_number_plain_i64(const struct wr_value *v, int64_t *out)
{
    if (WR_LIKELY(v->type == WR_NUMBER && v->kind == WR_DEC)) {
        *out = v->i;
        return v->scale == 0;
    }
    return wr_number_text_i64(v, out);
}

wr_err wr_number_add_slow(struct wr_arena *arena, const struct wr_value *a,
                          const struct wr_value *b, struct wr_value *out);
wr_err wr_number_sub_slow(struct wr_arena *arena, const struct wr_value *a,
                          const struct wr_value *b, struct wr_value *out);
wr_err wr_number_mul_slow(struct wr_arena *arena, const struct wr_value *a,
                          const struct wr_value *b, struct wr_value *out);
/* b must not be zero. */
wr_err wr_number_div(struct wr_arena *arena, const struct wr_value *a, const struct wr_value *b,
                     struct wr_value *out);
wr_err wr_number_abs(struct wr_arena *arena, const struct wr_value *a, struct wr_value *out);
wr_err wr_number_ceil(struct wr_arena *arena, const struct wr_value *a, struct wr_value *out);
wr_err wr_number_floor(struct wr_arena *arena, const struct wr_value *a, struct wr_value *out);
/* Halves go away from zero. */
wr_err wr_number_round(struct wr_arena *arena, const struct wr_value *a, struct wr_value *out);

static inline bool wr_number_both_ints(const struct wr_value *a, const struct wr_value *b)
{
    return ((a->kind | b->kind) == WR_DEC) & ((a->scale | b->scale) == 0);
}
static inline wr_err wr_number_add(struct wr_arena *arena, const struct wr_value *a,
                                   const struct wr_value *b, struct wr_value *out)
{
    int64_t r;
    if (WR_LIKELY(wr_number_both_ints(a, b) && !__builtin_add_overflow(a->i, b->i, &r))) {
        *out = wr_int(r);
        return WR_OK;
    }
    return wr_number_add_slow(arena, a, b, out);
}
static inline wr_err wr_number_sub(struct wr_arena *arena, const struct wr_value *a,
                                   const struct wr_value *b, struct wr_value *out)
{
    int64_t r;
    if (WR_LIKELY(wr_number_both_ints(a, b) && !__builtin_sub_overflow(a->i, b->i, &r))) {
        *out = wr_int(r);
        return WR_OK;
    }
    return wr_number_sub_slow(arena, a, b, out);
}
static inline wr_err wr_number_mul(struct wr_arena *arena, const struct wr_value *a,
                                   const struct wr_value *b, struct wr_value *out)
{
    int64_t r;
    if (WR_LIKELY(wr_number_both_ints(a, b) && !__builtin_mul_overflow(a->i, b->i, &r))) {
        *out = wr_int(r);
        return WR_OK;
    }
    return wr_number_mul_slow(arena, a, b, out);
}

#endif
