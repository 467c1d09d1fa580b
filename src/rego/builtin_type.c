/* SPDX-License-Identifier: Apache-2.0 */
/* Comparison, membership, questions about types, casts, and what a policy may ask of its host. */
#include "rego/builtin_family.h"
#include "value/json_write.h"

WR_BUILTIN_FN(wr_b_eq)
{
    (void)call;
    (void)n;
    *out = wr_bool(wr_value_eq(&args[0], &args[1]));
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_neq)
{
    (void)call;
    (void)n;
    *out = wr_bool(!wr_value_eq(&args[0], &args[1]));
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_lt)
{
    (void)call;
    (void)n;
    *out = wr_bool(wr_value_cmp(&args[0], &args[1]) < 0);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_lte)
{
    (void)call;
    (void)n;
    *out = wr_bool(wr_value_cmp(&args[0], &args[1]) <= 0);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_gt)
{
    (void)call;
    (void)n;
    *out = wr_bool(wr_value_cmp(&args[0], &args[1]) > 0);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_gte)
{
    (void)call;
    (void)n;
    *out = wr_bool(wr_value_cmp(&args[0], &args[1]) >= 0);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_member_2)
{
    const struct wr_value *in = &args[1];
    bool found = false;
    (void)n;
    WR_TRY(wr_builtin_charge(call, in->type == WR_ARRAY || in->type == WR_OBJECT ? in->n : 1));
    if (in->type == WR_SET) {
        found = wr_set_has(in, &args[0]);
    } else if (in->type == WR_ARRAY) {
        for (uint32_t i = 0; i < in->n && !found; i++) {
            found = wr_value_eq(&args[0], &in->items[i]);
        }
    } else if (in->type == WR_OBJECT) {
        for (uint32_t i = 0; i < in->n && !found; i++) {
            found = wr_value_eq(&args[0], &in->pairs[i].value);
        }
    }
    *out = wr_bool(found);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_member_3)
{
    const struct wr_value *in = &args[2];
    const struct wr_value *at = NULL;
    (void)call;
    (void)n;
    if (in->type == WR_ARRAY || in->type == WR_OBJECT || in->type == WR_SET) {
        at = wr_value_at(in, &args[0]);
    }
    *out = wr_bool(at != NULL && wr_value_eq(at, &args[1]));
    return WR_OK;
}

/* OPA's is_x functions have no result, rather than false, when the type differs; since 0.60 they
 * give false. */
static wr_err is_type(const struct wr_value *v, enum wr_type type, struct wr_value *out)
{
    *out = wr_bool(v->type == type);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_is_array)
{
    (void)call;
    (void)n;
    return is_type(args, WR_ARRAY, out);
}

WR_BUILTIN_FN(wr_b_is_boolean)
{
    (void)call;
    (void)n;
    return is_type(args, WR_BOOL, out);
}

WR_BUILTIN_FN(wr_b_is_null)
{
    (void)call;
    (void)n;
    return is_type(args, WR_NULL, out);
}

WR_BUILTIN_FN(wr_b_is_number)
{
    (void)call;
    (void)n;
    return is_type(args, WR_NUMBER, out);
}

WR_BUILTIN_FN(wr_b_is_object)
{
    (void)call;
    (void)n;
    return is_type(args, WR_OBJECT, out);
}

WR_BUILTIN_FN(wr_b_is_set)
{
    (void)call;
    (void)n;
    return is_type(args, WR_SET, out);
}

WR_BUILTIN_FN(wr_b_is_string)
{
    (void)call;
    (void)n;
    return is_type(args, WR_STRING, out);
}

WR_BUILTIN_FN(wr_b_type_name)
{
    (void)call;
    (void)n;
    *out = wr_string_z(wr_type_name(args[0]));
    return WR_OK;
}

/* ── casts ──────────────────────────────────────────────────────────────────────────────────── */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Rewrites a number as Go's strconv reads it ("+1", ".5", "5.") to JSON's grammar. */
static bool normal_number(struct wr_str s, struct wr_buf *buf)
{
    size_t i = 0, whole, fraction = 0;
    if (i < s.n && (s.p[i] == '+' || s.p[i] == '-')) {
        if (s.p[i] == '-') {
            wr_buf_char(buf, '-');
        }
        i++;
    }
    size_t first = i;
    while (i < s.n && is_digit(s.p[i])) {
        i++;
    }
    whole = i - first;
    while (first + 1 < i && s.p[first] == '0') {
        first++;
    }
    wr_buf_str(buf, whole == 0 ? WR_STR("0") : wr_str_of(s.p + first, i - first));
    if (i < s.n && s.p[i] == '.') {
        size_t from = i++;
        while (i < s.n && is_digit(s.p[i])) {
            i++;
        }
        fraction = i - from - 1;
        wr_buf_add(buf, s.p + from, fraction == 0 ? 0 : fraction + 1);
    }
    if (whole + fraction == 0) {
        return false;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        size_t from = i++;
        i += i < s.n && (s.p[i] == '+' || s.p[i] == '-') ? 1 : 0;
        size_t digits = i;
        while (i < s.n && is_digit(s.p[i])) {
            i++;
        }
        wr_buf_add(buf, s.p + from, i - from);
        return digits < i && i == s.n;
    }
    return i == s.n;
}

/* What Go's strconv reads as a number, but JSON does not know. */
static bool is_not_finite(struct wr_str s)
{
    static const char *const names[] = {"inf", "infinity", "nan"};
    if (s.n > 0 && (s.p[0] == '+' || s.p[0] == '-')) {
        s = wr_str_of(s.p + 1, s.n - 1);
    }
    for (size_t i = 0; i < WR_COUNTOF(names); i++) {
        size_t k = 0;
        while (k < s.n && names[i][k] != '\0' && (s.p[k] | 0x20) == names[i][k]) {
            k++;
        }
        if (k == s.n && names[i][k] == '\0') {
            return true;
        }
    }
    return false;
}

static wr_err number_of_text(struct wr_builtin_call *call, struct wr_str s, struct wr_value *out)
{
    struct wr_buf buf = wr_buf_in(call->arena, s.n + 2);
    struct wr_float f;
    WR_TRY(wr_builtin_charge(call, s.n + 1));
    bool good = normal_number(s, &buf);
    if (is_not_finite(s)) {
        return wr_builtin_operand(call, 0, "must be valid number");
    }
    if (buf.overflow) {
        return wr_builtin_no_room(call);
    }
    if (!good) {
        return wr_builtin_fail(call, "strconv.ParseFloat: parsing \"%.*s\": invalid syntax",
                               (int)WR_MIN(s.n, 200), s.p);
    }
    if (!wr_float_read(wr_buf_view(&buf), &f) || (f.m != 0 && f.e + 64 > 1024)) {
        return wr_builtin_fail(call, "strconv.ParseFloat: parsing \"%.*s\": value out of range",
                               (int)WR_MIN(s.n, 200), s.p);
    }
    *out = wr_number_text(wr_buf_view(&buf));
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_to_number)
{
    const unsigned mask =
        WR_MASK(WR_NULL) | WR_MASK(WR_BOOL) | WR_MASK(WR_NUMBER) | WR_MASK(WR_STRING);
    (void)n;
    WR_TRY(wr_builtin_want_mask(call, args, 0, mask, "null, boolean, number, string"));
    if (args[0].type == WR_STRING) {
        return number_of_text(call, wr_text(args[0]), out);
    }
    *out = args[0].type == WR_NUMBER ? args[0] : wr_int(wr_is_true(args[0]) ? 1 : 0);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_cast_array)
{
    (void)n;
    WR_TRY(wr_builtin_want_mask(call, args, 0, WR_MASK_LIST, "array, set"));
    *out = wr_array(args[0].items, args[0].n);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_cast_set)
{
    struct wr_value *items;
    (void)n;
    WR_TRY(wr_builtin_want_mask(call, args, 0, WR_MASK_LIST, "array, set"));
    if (args[0].type == WR_SET) {
        *out = args[0];
        return WR_OK;
    }
    WR_TRY(wr_builtin_items(call, args[0].n, &items));
    if (args[0].n != 0) {
        memcpy(items, args[0].items, args[0].n * sizeof *items);
    }
    *out = wr_set_from(items, args[0].n);
    return WR_OK;
}

static wr_err cast(struct wr_builtin_call *call, const struct wr_value *args, enum wr_type type,
                   struct wr_value *out)
{
    WR_TRY(wr_builtin_want(call, args, 0, type));
    *out = args[0];
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_cast_boolean)
{
    (void)n;
    return cast(call, args, WR_BOOL, out);
}

WR_BUILTIN_FN(wr_b_cast_null)
{
    (void)n;
    return cast(call, args, WR_NULL, out);
}

WR_BUILTIN_FN(wr_b_cast_object)
{
    (void)n;
    return cast(call, args, WR_OBJECT, out);
}

WR_BUILTIN_FN(wr_b_cast_string)
{
    (void)n;
    return cast(call, args, WR_STRING, out);
}

/* ── the host ───────────────────────────────────────────────────────────────────────────────── */

WR_BUILTIN_FN(wr_b_opa_runtime)
{
    (void)call;
    (void)args;
    (void)n;
    *out = call->env->runtime != NULL ? *call->env->runtime : wr_object_from(NULL, 0);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_trace)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    *out = wr_bool(true);
    return WR_OK;
}

static void print_one(struct wr_buf *buf, const struct wr_value *v)
{
    if (v->type == WR_STRING) {
        wr_buf_str(buf, wr_text(*v));
    } else if (v->type == WR_UNDEFINED) {
        wr_buf_str(buf, WR_STR("<undefined>"));
    } else {
        wr_rego_write(buf, v);
    }
}

static wr_err print_line(struct wr_builtin_call *call, struct wr_buf *buf, struct wr_value *out)
{
    *out = wr_bool(true);
    WR_TRY(wr_builtin_check(call, buf));
    WR_TRY(wr_builtin_charge(call, buf->n + 1));
    if (call->env->print.print != NULL) {
        call->env->print.print(call->env->print.context, wr_buf_view(buf));
    }
    return WR_OK;
}

/* Here alone arguments may be undefined: they print as <undefined>. */
WR_BUILTIN_FN(wr_b_print)
{
    struct wr_buf buf = wr_buf_in(call->arena, 128);
    for (uint32_t i = 0; i < n; i++) {
        if (i != 0) {
            wr_buf_char(&buf, ' ');
        }
        print_one(&buf, &args[i]);
    }
    return print_line(call, &buf, out);
}

/* An array of sets, each with the values of one argument; an empty set stands for undefined. Only
 * the first combination is printed: the compiler binds each argument to one value. */
WR_BUILTIN_FN(wr_b_internal_print)
{
    struct wr_buf buf = wr_buf_in(call->arena, 128);
    struct wr_value undefined = wr_undefined();
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_ARRAY));
    for (uint32_t i = 0; i < args[0].n; i++) {
        WR_TRY(wr_builtin_want(call, args[0].items, i, WR_SET));
        if (i != 0) {
            wr_buf_char(&buf, ' ');
        }
        print_one(&buf, args[0].items[i].n == 0 ? &undefined : args[0].items[i].items);
    }
    return print_line(call, &buf, out);
}
