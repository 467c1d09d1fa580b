/* SPDX-License-Identifier: Apache-2.0 */
/* See number.h. */
#include "rego/number.h"

#include "base/num.h"
#include "value/number.h"

bool wr_number_to_float(const struct wr_value *number, struct wr_float *out)
{
    if (number->kind == WR_TEXT) {
        return wr_float_read(wr_text(*number), out);
    }
    *out = wr_number_near_float(number);
    return true;
}

/* Whether |f| is printed without an exponent: 1e-4 <= |f| < 1e6. */
static bool is_plain(struct wr_float f)
{
    const struct wr_float low = {0xd1b71758e219652cu, -77, false}; /* just below is good enough */
    f.neg = false;
    return wr_float_less(low, f) && wr_float_less(f, wr_float_u64(1000000, false));
}

wr_err wr_number_from_float(struct wr_arena *arena, struct wr_float f, struct wr_value *out)
{
    int64_t i;
    if (!wr_float_fits(f)) {
        return WR_E_LIMIT;
    }
    if (!(f.m == 0 && f.neg) && wr_float_to_i64(f, &i)) {
        *out = wr_int(i);
        return WR_OK;
    }
    if (is_plain(f) && !wr_float_is_int(f)) {
        *out = wr_number_binary(f);
        return WR_OK;
    }
    struct wr_str text = wr_float_text(arena, f);
    if (text.p == NULL) {
        return WR_E_MEMORY;
    }
    *out = wr_number_text(text);
    return WR_OK;
}

bool wr_number_text_i64(const struct wr_value *v, int64_t *out)
{
    return v->type == WR_NUMBER && v->kind == WR_TEXT && wr_num_read_i64(wr_text(*v), out);
}

bool wr_number_is_zero(const struct wr_value *number)
{
    struct wr_float f;
    if (number->kind != WR_TEXT) {
        return number->i == 0; /* BINARY is never zero */
    }
    return wr_float_read(wr_text(*number), &f) && f.m == 0;
}

wr_err wr_number_add_slow(struct wr_arena *arena, const struct wr_value *a,
                          const struct wr_value *b, struct wr_value *out)
{
    struct wr_float x, y;
    if (!wr_number_to_float(a, &x) || !wr_number_to_float(b, &y)) {
        return WR_E_LIMIT;
    }
    return wr_number_from_float(arena, wr_float_add(x, y), out);
}

wr_err wr_number_sub_slow(struct wr_arena *arena, const struct wr_value *a,
                          const struct wr_value *b, struct wr_value *out)
{
    struct wr_float x, y;
    if (!wr_number_to_float(a, &x) || !wr_number_to_float(b, &y)) {
        return WR_E_LIMIT;
    }
    return wr_number_from_float(arena, wr_float_add(x, wr_float_neg(y)), out);
}

wr_err wr_number_mul_slow(struct wr_arena *arena, const struct wr_value *a,
                          const struct wr_value *b, struct wr_value *out)
{
    struct wr_float x, y;
    if (!wr_number_to_float(a, &x) || !wr_number_to_float(b, &y)) {
        return WR_E_LIMIT;
    }
    return wr_number_from_float(arena, wr_float_mul(x, y), out);
}

wr_err wr_number_div(struct wr_arena *arena, const struct wr_value *a, const struct wr_value *b,
                     struct wr_value *out)
{
    struct wr_float x, y;
    if (wr_number_both_ints(a, b) && b->i != 0 && b->i != -1 && a->i % b->i == 0) {
        *out = wr_int(a->i / b->i);
        return WR_OK;
    }
    if (!wr_number_to_float(a, &x) || !wr_number_to_float(b, &y)) {
        return WR_E_LIMIT;
    }
    WR_ASSERT(y.m != 0);
    return wr_number_from_float(arena, wr_float_div(x, y), out);
}

wr_err wr_number_abs(struct wr_arena *arena, const struct wr_value *a, struct wr_value *out)
{
    struct wr_float x;
    if (!wr_number_to_float(a, &x)) {
        return WR_E_LIMIT;
    }
    x.neg = false;
    return wr_number_from_float(arena, x, out);
}

/* The integer part, and one more away from zero when something was cut and `up` has its sign. */
static wr_err to_whole(struct wr_arena *arena, struct wr_float x, bool up, bool up_neg,
                       struct wr_value *out)
{
    bool exact, neg = x.neg;
    struct wr_float whole = wr_float_trunc(x, &exact);
    if (!exact && up && neg == up_neg) {
        whole = wr_float_add(whole, wr_float_u64(1, neg));
    }
    if (whole.m == 0) {
        whole.neg = false;
    }
    return wr_number_from_float(arena, whole, out);
}

wr_err wr_number_ceil(struct wr_arena *arena, const struct wr_value *a, struct wr_value *out)
{
    struct wr_float x;
    return wr_number_to_float(a, &x) ? to_whole(arena, x, true, false, out) : WR_E_LIMIT;
}

wr_err wr_number_floor(struct wr_arena *arena, const struct wr_value *a, struct wr_value *out)
{
    struct wr_float x;
    return wr_number_to_float(a, &x) ? to_whole(arena, x, true, true, out) : WR_E_LIMIT;
}

wr_err wr_number_round(struct wr_arena *arena, const struct wr_value *a, struct wr_value *out)
{
    struct wr_float x;
    if (!wr_number_to_float(a, &x)) {
        return WR_E_LIMIT;
    }
    struct wr_float half = {(uint64_t)1 << 63, -64, x.neg};
    return to_whole(arena, wr_float_add(x, half), false, false, out);
}
