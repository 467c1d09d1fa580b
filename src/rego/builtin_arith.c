/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic, bits, ranges of numbers, and draws from the query's seed. */
#include "base/hash.h"
#include "rego/bigint.h"
#include "rego/builtin_family.h"

static wr_err want_numbers(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        WR_TRY(wr_builtin_want(call, args, i, WR_NUMBER));
    }
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_plus)
{
    WR_TRY(want_numbers(call, args, n));
    return wr_builtin_number(call, wr_number_add(call->arena, &args[0], &args[1], out));
}

WR_BUILTIN_FN(wr_b_minus)
{
    if (args[0].type == WR_NUMBER && args[1].type == WR_NUMBER) {
        return wr_builtin_number(call, wr_number_sub(call->arena, &args[0], &args[1], out));
    }
    if (args[0].type == WR_SET && args[1].type == WR_SET) {
        return wr_b_set_diff(call, args, n, out);
    }
    WR_TRY(
        wr_builtin_want_mask(call, args, 0, WR_MASK(WR_NUMBER) | WR_MASK(WR_SET), "number, set"));
    return wr_builtin_want(call, args, 1, args[0].type);
}

WR_BUILTIN_FN(wr_b_mul)
{
    WR_TRY(want_numbers(call, args, n));
    return wr_builtin_number(call, wr_number_mul(call->arena, &args[0], &args[1], out));
}

WR_BUILTIN_FN(wr_b_div)
{
    WR_TRY(want_numbers(call, args, n));
    if (wr_number_is_zero(&args[1])) {
        return wr_builtin_fail(call, "divide by zero");
    }
    return wr_builtin_number(call, wr_number_div(call->arena, &args[0], &args[1], out));
}

WR_BUILTIN_FN(wr_b_abs)
{
    WR_TRY(want_numbers(call, args, n));
    return wr_builtin_number(call, wr_number_abs(call->arena, &args[0], out));
}

/* A number from 2^64 on is whole as it is, and told in all its digits, as OPA does. */
static bool is_large(struct wr_builtin_call *call, const struct wr_value *v, struct wr_value *out)
{
    struct wr_float f;
    if (!wr_number_to_float(v, &f) || f.m == 0 || f.e <= 0) {
        return false;
    }
    struct wr_str text = wr_bigint_text(call->arena, wr_bigint_float(call->arena, f), 10);
    if (text.p != NULL) { /* else beyond WR_LIMIT_BIGINT_BITS: rounded digits must do */
        *out = wr_number_text(text);
    }
    return text.p != NULL;
}

WR_BUILTIN_FN(wr_b_ceil)
{
    WR_TRY(want_numbers(call, args, n));
    return is_large(call, &args[0], out)
               ? wr_builtin_charge(call, out->n)
               : wr_builtin_number(call, wr_number_ceil(call->arena, &args[0], out));
}

WR_BUILTIN_FN(wr_b_floor)
{
    WR_TRY(want_numbers(call, args, n));
    return is_large(call, &args[0], out)
               ? wr_builtin_charge(call, out->n)
               : wr_builtin_number(call, wr_number_floor(call->arena, &args[0], out));
}

WR_BUILTIN_FN(wr_b_round)
{
    WR_TRY(want_numbers(call, args, n));
    return is_large(call, &args[0], out)
               ? wr_builtin_charge(call, out->n)
               : wr_builtin_number(call, wr_number_round(call->arena, &args[0], out));
}

/* ── big integers ───────────────────────────────────────────────────────────────────────────── */

/* False when the number is no integer. Integers beyond 64 bits are rounded to 64 bits first, as OPA
 * does. */
static bool to_bigint(struct wr_builtin_call *call, const struct wr_value *v, struct wr_bigint *out)
{
    struct wr_float f;
    if (!wr_number_to_float(v, &f)) {
        *out = (struct wr_bigint){.failed = true};
        return true;
    }
    if (!wr_float_is_int(f)) {
        return false;
    }
    *out = wr_bigint_float(call->arena, f);
    return true;
}

static wr_err from_bigint(struct wr_builtin_call *call, struct wr_bigint b, struct wr_value *out)
{
    struct wr_str text = wr_bigint_text(call->arena, b, 10);
    if (text.p == NULL) {
        return wr_arena_failed(call->arena)
                   ? wr_builtin_no_room(call)
                   : wr_builtin_fail(call, "an integer is beyond WR_LIMIT_BIGINT_BITS (%d bits)",
                                     WR_LIMIT_BIGINT_BITS);
    }
    WR_TRY(wr_builtin_charge(call, text.n));
    *out = wr_number_text(text);
    return WR_OK;
}

static wr_err want_bigint(struct wr_builtin_call *call, const struct wr_value *args, uint32_t i,
                          struct wr_bigint *out)
{
    if (args[i].type != WR_NUMBER) {
        return wr_builtin_operand(call, i, "must be integer but got %s", wr_type_name(args[i]));
    }
    if (!to_bigint(call, &args[i], out)) {
        return wr_builtin_operand(call, i, "must be integer number but got floating-point number");
    }
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_rem)
{
    struct wr_bigint a, b;
    WR_TRY(want_numbers(call, args, n));
    if (wr_number_both_ints(&args[0], &args[1]) && args[1].i != 0) {
        *out = wr_int(args[1].i == -1 ? 0 : args[0].i % args[1].i);
        return WR_OK;
    }
    if (!to_bigint(call, &args[0], &a) || !to_bigint(call, &args[1], &b)) {
        return wr_builtin_fail(call, "modulo on floating-point number");
    }
    bool none = b.n == 0 || (b.n > 1 && b.limbs[0] == 0 && b.limbs[1] == 0);
    if (!b.failed && none) { /* OPA looks at the low 64 bits: 2^64 and 1e400 count as 0 */
        return wr_builtin_fail(call, "modulo by zero");
    }
    return from_bigint(call, wr_bigint_rem(call->arena, a, b), out);
}

static wr_err bitwise(struct wr_builtin_call *call, const struct wr_value *args,
                      struct wr_value *out, char op)
{
    struct wr_bigint a, b;
    WR_TRY(want_bigint(call, args, 0, &a));
    WR_TRY(want_bigint(call, args, 1, &b));
    struct wr_bigint r = op == '&'   ? wr_bigint_and(call->arena, a, b)
                         : op == '|' ? wr_bigint_or(call->arena, a, b)
                                     : wr_bigint_xor(call->arena, a, b);
    return from_bigint(call, r, out);
}

WR_BUILTIN_FN(wr_b_bits_and)
{
    (void)n;
    return bitwise(call, args, out, '&');
}

WR_BUILTIN_FN(wr_b_bits_or)
{
    (void)n;
    return bitwise(call, args, out, '|');
}

WR_BUILTIN_FN(wr_b_bits_xor)
{
    (void)n;
    return bitwise(call, args, out, '^');
}

WR_BUILTIN_FN(wr_b_bits_negate)
{
    struct wr_bigint a;
    (void)n;
    WR_TRY(want_bigint(call, args, 0, &a));
    return from_bigint(call, wr_bigint_not(call->arena, a), out);
}

/* How far to shift: a whole number, however it is written; of a large one the low 64 bits, as in
 * OPA. */
static wr_err want_distance(struct wr_builtin_call *call, const struct wr_value *v, uint64_t *by)
{
    struct wr_float f;
    if (!wr_number_to_float(v, &f) || !wr_float_is_int(f)) {
        return wr_builtin_operand(call, 1, "must be integer number but got floating-point number");
    }
    if (f.neg && f.m != 0) {
        return wr_builtin_operand(call, 1,
                                  "must be an unsigned integer number but got a negative integer");
    }
    *by = f.m == 0 || f.e >= 64 ? 0 : f.e >= 0 ? f.m << f.e : f.m >> -f.e;
    return WR_OK;
}

static wr_err shift(struct wr_builtin_call *call, const struct wr_value *args, struct wr_value *out,
                    bool left)
{
    struct wr_bigint a;
    uint64_t by = 0;
    WR_TRY(want_bigint(call, args, 0, &a));
    WR_TRY(wr_builtin_want(call, args, 1, WR_NUMBER));
    WR_TRY(want_distance(call, &args[1], &by));
    return from_bigint(
        call, left ? wr_bigint_shl(call->arena, a, by) : wr_bigint_shr(call->arena, a, by), out);
}

WR_BUILTIN_FN(wr_b_bits_lsh)
{
    (void)n;
    return shift(call, args, out, true);
}

WR_BUILTIN_FN(wr_b_bits_rsh)
{
    (void)n;
    return shift(call, args, out, false);
}

WR_BUILTIN_FN(wr_b_format_int)
{
    struct wr_float f;
    int64_t base = 0;
    bool exact;
    WR_TRY(want_numbers(call, args, n));
    if (!wr_number_plain_i64(&args[1], &base) ||
        (base != 2 && base != 8 && base != 10 && base != 16)) {
        return wr_builtin_operand(call, 1, "must be one of {2, 8, 10, 16}");
    }
    if (!wr_number_to_float(&args[0], &f)) {
        return wr_builtin_number(call, WR_E_LIMIT);
    }
    struct wr_bigint whole = wr_bigint_float(call->arena, wr_float_trunc(f, &exact));
    struct wr_str text = wr_bigint_text(call->arena, whole, (uint32_t)base);
    if (text.p == NULL) {
        return from_bigint(call, whole, out);
    }
    WR_TRY(wr_builtin_charge(call, text.n));
    *out = wr_string(text);
    return WR_OK;
}

/* ── ranges and draws ───────────────────────────────────────────────────────────────────────── */

/* An integer operand of a range; beyond int64 there is nothing to enumerate. */
static wr_err want_bound(struct wr_builtin_call *call, const struct wr_value *args, uint32_t i,
                         int64_t *out)
{
    struct wr_bigint ignored;
    if (args[i].type == WR_NUMBER && wr_number_to_i64(&args[i], out)) {
        return WR_OK;
    }
    WR_TRY(want_bigint(call, args, i, &ignored));
    return wr_builtin_fail(call, "operand %u is outside the 64-bit integers", i + 1);
}

static wr_err range(struct wr_builtin_call *call, int64_t from, int64_t to, uint64_t step,
                    struct wr_value *out)
{
    uint64_t distance = from <= to ? (uint64_t)to - (uint64_t)from : (uint64_t)from - (uint64_t)to;
    uint64_t count = distance / step;
    struct wr_value *items;
    if (count >= WR_LIMIT_BUILTIN_ITEMS) {
        return wr_builtin_too_large(call);
    }
    WR_TRY(wr_builtin_items(call, (size_t)count + 1, &items));
    for (uint64_t i = 0; i <= count; i++) {
        uint64_t at = from <= to ? (uint64_t)from + i * step : (uint64_t)from - i * step;
        items[i] = wr_int((int64_t)at);
    }
    *out = wr_array(items, (size_t)count + 1);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_numbers_range)
{
    int64_t from, to;
    (void)n;
    WR_TRY(want_bound(call, args, 0, &from));
    WR_TRY(want_bound(call, args, 1, &to));
    return range(call, from, to, 1, out);
}

/* A step beyond int64 is as good as the largest. */
static wr_err want_step(struct wr_builtin_call *call, const struct wr_value *args, int64_t *out)
{
    struct wr_bigint big;
    WR_TRY(want_bigint(call, args, 2, &big));
    if (!wr_number_to_i64(&args[2], out)) {
        *out = big.failed || !big.neg ? INT64_MAX : -1;
    }
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_numbers_range_step)
{
    int64_t from, to, step;
    (void)n;
    WR_TRY(want_bound(call, args, 0, &from));
    WR_TRY(want_bound(call, args, 1, &to));
    WR_TRY(want_step(call, args, &step));
    if (step <= 0) {
        return wr_builtin_fail(call, call->v1 ? "step must be a positive integer"
                                              : "step must be a positive number above zero");
    }
    return range(call, from, to, (uint64_t)step, out);
}

WR_BUILTIN_FN(wr_b_rand_intn)
{
    int64_t bound;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    WR_TRY(wr_builtin_want_int(call, args, 1, &bound));
    uint64_t below = bound < 0 ? 0 - (uint64_t)bound : (uint64_t)bound;
    if (below == 0) {
        *out = wr_int(0);
        return WR_OK;
    }
    struct wr_hash_key key = {call->env->seed, below};
    struct wr_str text = wr_text(args[0]);
    uint64_t draw = wr_siphash13(key, text.p, text.n);
    *out = wr_int((int64_t)(((wr_u128)draw * below) >> 64));
    return WR_OK;
}
