/* SPDX-License-Identifier: Apache-2.0 */
/* sprintf: Go's fmt verbs over Rego values, with fmt's own diagnostics for what does not fit.
 *
 * Integers that fit 64 bits are Go's int, longer ones *big.Int, other numbers float64, strings are
 * strings, and everything else is passed as its Rego text, a string. Widths and precisions are at
 * most 1,000,000, as in Go. */
#include "base/num.h"
#include "rego/bigint.h"
#include "rego/builtin_family.h"
#include "rego/unicode.h"
#include "value/json_write.h"

enum arg_kind { ARG_INT, ARG_BIG, ARG_FLOAT, ARG_STRING };

struct arg {
    enum arg_kind kind;
    int64_t i;
    double f;
    struct wr_str text; /* of ARG_STRING and ARG_BIG */
};

struct state {
    struct wr_builtin_call *call;
    struct wr_buf *out;
    struct wr_str format;
    size_t at;
    const struct wr_value *items;
    size_t n, next;
    bool reordered, good_index;
    /* of the verb at hand */
    bool plus, minus, sharp, space, zero, quote, has_width, has_precision;
    int64_t width, precision;
};

static bool all_digits(struct wr_str s)
{
    size_t i = s.n > 0 && s.p[0] == '-' ? 1 : 0;
    for (size_t k = i; k < s.n; k++) {
        if (s.p[k] < '0' || s.p[k] > '9') {
            return false;
        }
    }
    return i < s.n;
}

static void take_arg(struct state *s, const struct wr_value *v, struct arg *arg)
{
    *arg = (struct arg){.kind = ARG_STRING};
    if (v->type == WR_STRING) {
        arg->text = wr_text(*v);
        return;
    }
    if (v->type == WR_NUMBER) {
        if (wr_number_plain_i64(v, &arg->i)) {
            arg->kind = ARG_INT;
            return;
        }
        if (v->kind == WR_TEXT && all_digits(wr_text(*v))) {
            bool fits = wr_num_read_i64(wr_text(*v), &arg->i);
            arg->kind = fits ? ARG_INT : ARG_BIG;
            arg->text = wr_text(*v);
            return;
        }
        arg->f = wr_number_to_double(v);
        arg->kind = ARG_FLOAT;
        if (arg->f - arg->f == 0.0) {
            return;
        }
        arg->kind = ARG_STRING;
    }
    struct wr_buf buf = wr_buf_in(s->call->arena, 64);
    wr_rego_write(&buf, v);
    arg->text = wr_buf_view(&buf);
}

/* ── padding ────────────────────────────────────────────────────────────────────────────────── */

static void fill(struct state *s, int64_t n, char c)
{
    for (; n > 0; n--) {
        wr_buf_char(s->out, c);
    }
}

static void pad(struct state *s, struct wr_str text, bool zero)
{
    int64_t missing = s->has_width ? s->width - (int64_t)wr_rune_count(text) : 0;
    if (!s->minus) {
        fill(s, missing, zero ? '0' : ' ');
    }
    wr_buf_str(s->out, text);
    if (s->minus) {
        fill(s, missing, ' ');
    }
}

/* ── strings ────────────────────────────────────────────────────────────────────────────────── */

static void hex_digits(struct wr_buf *buf, uint32_t v, unsigned n)
{
    while (n-- > 0) {
        wr_buf_char(buf, "0123456789abcdef"[v >> (4 * n) & 15]);
    }
}

static void quote_rune(struct wr_buf *buf, uint32_t c, char quote, bool ascii)
{
    static const char plain[] = "\a\b\f\n\r\t\v";
    char utf8[4];
    const char *at = c != 0 && c < 0x80 ? memchr(plain, (int)c, sizeof plain - 1) : NULL;
    if (at != NULL) {
        wr_buf_char(buf, '\\');
        wr_buf_char(buf, "abfnrtv"[at - plain]);
    } else if (c == (uint32_t)quote || c == '\\') {
        wr_buf_char(buf, '\\');
        wr_buf_char(buf, (char)c);
    } else if (wr_unicode_is_print(c) && (c < 0x80 || !ascii)) {
        wr_buf_add(buf, utf8, wr_utf8_encode(c, utf8));
    } else if (c < 0x80) {
        wr_buf_str(buf, WR_STR("\\x"));
        hex_digits(buf, c, 2);
    } else {
        wr_buf_str(buf, c < 0x10000 ? WR_STR("\\u") : WR_STR("\\U"));
        hex_digits(buf, c, c < 0x10000 ? 4 : 8);
    }
}

static struct wr_str quoted(struct state *s, struct wr_str text)
{
    struct wr_buf buf = wr_buf_in(s->call->arena, text.n + 16);
    unsigned len;
    bool raw = s->sharp;
    for (size_t i = 0; i < text.n && raw; i++) {
        raw = text.p[i] != '`' && ((uint8_t)text.p[i] >= 0x20 || text.p[i] == '\t');
    }
    wr_buf_char(&buf, raw ? '`' : '"');
    for (size_t at = 0; at < text.n; at += len) {
        uint32_t c = wr_rune_at(text, at, &len);
        if (raw) {
            wr_buf_add(&buf, text.p + at, len);
        } else if (c == 0xfffd && len == 1) {
            wr_buf_str(&buf, WR_STR("\\x"));
            hex_digits(&buf, (uint8_t)text.p[at], 2);
        } else {
            quote_rune(&buf, c, '"', s->plus);
        }
    }
    wr_buf_char(&buf, raw ? '`' : '"');
    return wr_buf_view(&buf);
}

static struct wr_str hex_text(struct state *s, struct wr_str text, bool upper)
{
    struct wr_buf buf = wr_buf_in(s->call->arena, text.n * 2 + 16);
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t n = s->has_precision ? WR_MIN(text.n, (size_t)s->precision) : text.n;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && s->space) {
            wr_buf_char(&buf, ' ');
        }
        if (s->sharp && (i == 0 || s->space)) {
            wr_buf_str(&buf, upper ? WR_STR("0X") : WR_STR("0x"));
        }
        wr_buf_char(&buf, digits[(uint8_t)text.p[i] >> 4]);
        wr_buf_char(&buf, digits[(uint8_t)text.p[i] & 15]);
    }
    return wr_buf_view(&buf);
}

static bool put_string(struct state *s, struct wr_str text, uint32_t verb)
{
    struct wr_str cut = text;
    if (s->has_precision) {
        unsigned len;
        size_t at = 0;
        for (int64_t i = 0; i < s->precision && at < text.n; i++, at += len) {
            (void)wr_rune_at(text, at, &len);
        }
        cut.n = at;
    }
    switch (verb) {
    case 'v':
        pad(s, s->quote ? quoted(s, cut) : cut, s->zero);
        return true;
    case 's':
        pad(s, cut, s->zero);
        return true;
    case 'q':
        pad(s, quoted(s, cut), s->zero);
        return true;
    case 'x':
    case 'X':
        pad(s, hex_text(s, text, verb == 'X'), s->zero);
        return true;
    default:
        return false;
    }
}

/* ── integers ───────────────────────────────────────────────────────────────────────────────── */

/* `digits`: the magnitude in the base of the verb. */
static void put_digits(struct state *s, struct wr_str digits, bool neg, uint32_t verb)
{
    struct wr_buf buf = wr_buf_in(s->call->arena, digits.n + 16);
    int64_t precision = 0;
    bool is_zero = digits.n == 1 && digits.p[0] == '0';
    if (s->has_precision) {
        precision = s->precision;
        if (precision == 0 && is_zero) {
            fill(s, s->has_width ? s->width : 0, ' ');
            return;
        }
    } else if (s->zero && s->has_width && !s->minus) {
        precision = s->width - (neg || s->plus || s->space ? 1 : 0);
    }
    if (neg || s->plus || s->space) {
        wr_buf_char(&buf, neg ? '-' : s->plus ? '+' : ' ');
    }
    if (verb == 'O') {
        wr_buf_str(&buf, WR_STR("0o"));
    } else if (s->sharp && (verb == 'x' || verb == 'X' || verb == 'b')) {
        wr_buf_char(&buf, '0');
        wr_buf_char(&buf, (char)verb);
    } else if (s->sharp && verb == 'o' && !is_zero && precision <= (int64_t)digits.n) {
        wr_buf_char(&buf, '0');
    }
    for (int64_t i = (int64_t)digits.n; i < precision; i++) {
        wr_buf_char(&buf, '0');
    }
    for (size_t i = 0; i < digits.n; i++) {
        char c = digits.p[i];
        wr_buf_char(&buf, verb == 'X' && c >= 'a' ? (char)(c - 32) : c);
    }
    pad(s, wr_buf_view(&buf), false);
}

static uint32_t base_of(uint32_t verb)
{
    return verb == 'b' ? 2 : verb == 'o' || verb == 'O' ? 8 : verb == 'x' || verb == 'X' ? 16 : 10;
}

static bool put_rune(struct state *s, int64_t i, uint32_t verb)
{
    uint32_t c = i < 0 || i > 0x10ffff || (i >= 0xd800 && i < 0xe000) ? 0xfffd : (uint32_t)i;
    struct wr_buf buf = wr_buf_in(s->call->arena, 32);
    char utf8[4];
    if (verb == 'c') {
        wr_buf_add(&buf, utf8, wr_utf8_encode(c, utf8));
    } else if (verb == 'q') {
        wr_buf_char(&buf, '\'');
        quote_rune(&buf, c, '\'', s->plus);
        wr_buf_char(&buf, '\'');
    } else {
        uint64_t u = (uint64_t)i;
        unsigned n = 4;
        while (n < 16 && u >> (4 * n) != 0) {
            n++;
        }
        wr_buf_str(&buf, WR_STR("U+"));
        while (n-- > 0) {
            wr_buf_char(&buf, "0123456789ABCDEF"[u >> (4 * n) & 15]);
        }
    }
    pad(s, wr_buf_view(&buf), verb == 'U' ? false : s->zero);
    return true;
}

static bool put_int(struct state *s, const struct arg *arg, uint32_t verb)
{
    struct wr_arena *arena = s->call->arena;
    if (verb == 'c' || verb == 'q' || verb == 'U') {
        return arg->kind == ARG_INT && put_rune(s, arg->i, verb);
    }
    bool text_verb = arg->kind == ARG_BIG && verb == 's';
    if (verb == 0 || verb >= 0x80 || (memchr("vdboOxX", (int)verb, 7) == NULL && !text_verb)) {
        return false;
    }
    struct wr_bigint b =
        arg->kind == ARG_INT ? wr_bigint_i64(arena, arg->i) : wr_bigint_read(arena, arg->text);
    bool neg = b.neg;
    b.neg = false;
    struct wr_str digits = wr_bigint_text(arena, b, base_of(verb));
    put_digits(s, digits.p == NULL ? arg->text : digits, neg, verb);
    return true;
}

/* ── floats ─────────────────────────────────────────────────────────────────────────────────── */

static struct wr_float float_of(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    uint64_t m = bits & (((uint64_t)1 << 52) - 1);
    int32_t e = (int32_t)(bits >> 52 & 0x7ff);
    m |= e != 0 ? (uint64_t)1 << 52 : 0;
    struct wr_float f = wr_float_u64(m, bits >> 63 != 0);
    f.e += m != 0 ? (e != 0 ? e : 1) - 1075 : 0;
    return f;
}

static char digit(struct wr_str digits, int64_t i)
{
    return i >= 0 && i < (int64_t)digits.n ? digits.p[i] : '0';
}

static void write_f(struct wr_buf *buf, struct wr_str digits, int32_t e10, int64_t precision)
{
    for (int64_t i = WR_MIN(e10 - 1, 0); i < WR_MAX(e10, 1); i++) {
        if (i >= 0) {
            wr_buf_char(buf, e10 <= 0 ? '0' : digit(digits, i));
        }
    }
    if (precision > 0) {
        wr_buf_char(buf, '.');
        for (int64_t i = 0; i < precision; i++) {
            wr_buf_char(buf, digit(digits, e10 + i));
        }
    }
}

static void write_e(struct wr_buf *buf, struct wr_str digits, int32_t e10, int64_t precision,
                    char letter)
{
    int32_t exponent = digits.n == 0 ? 0 : e10 - 1;
    wr_buf_char(buf, digit(digits, 0));
    if (precision > 0) {
        wr_buf_char(buf, '.');
        for (int64_t i = 1; i <= precision; i++) {
            wr_buf_char(buf, digit(digits, i));
        }
    }
    wr_buf_char(buf, letter);
    wr_buf_char(buf, exponent < 0 ? '-' : '+');
    exponent = exponent < 0 ? -exponent : exponent;
    if (exponent < 10) {
        wr_buf_char(buf, '0');
    }
    wr_buf_i64(buf, exponent);
}

static void write_g(struct state *s, struct wr_buf *buf, double d, char letter)
{
    char shortest[17];
    struct wr_str digits = WR_STR("");
    int e = 0;
    int64_t limit = 6;
    if (s->has_precision) {
        int32_t e10;
        int64_t want = s->precision == 0 ? 1 : WR_MIN(s->precision, 2000);
        digits = wr_float_rounded(s->call->arena, float_of(d), false, (int32_t)want, &e10);
        e = e10;
        limit = want > (int64_t)digits.n && (int64_t)digits.n >= e ? (int64_t)digits.n : want;
    } else if (d < 0 || d > 0) {
        digits = wr_str_of(shortest, wr_num_shortest(d, shortest, &e));
    }
    int64_t exponent = digits.n == 0 ? 0 : e - 1;
    if (exponent < -4 || exponent >= limit) {
        write_e(buf, digits, e, (int64_t)digits.n - 1, letter);
    } else {
        write_f(buf, digits, digits.n == 0 ? 1 : e, WR_MAX((int64_t)digits.n - e, 0));
    }
}

/* The mantissa in base 16 with one digit before the point, the exponent of two in base 10. Digits
 * are as many as it takes, or `precision`, rounded half to even. */
static void write_x(struct state *s, struct wr_buf *buf, double d, bool upper)
{
    uint64_t bits, m;
    memcpy(&bits, &d, sizeof bits);
    int32_t exponent = (int32_t)(bits >> 52 & 0x7ff);
    m = bits & (((uint64_t)1 << 52) - 1);
    m |= exponent != 0 ? (uint64_t)1 << 52 : 0;
    exponent = m == 0 ? 0 : exponent == 0 ? -1022 : exponent - 1023;
    for (; m != 0 && m >> 52 == 0; m <<= 1) {
        exponent--;
    }
    int64_t digits = s->has_precision ? s->precision : 13;
    if (digits < 13) {
        unsigned cut = (unsigned)(52 - 4 * digits);
        uint64_t half = (uint64_t)1 << (cut - 1), rest = m & (2 * half - 1);
        m >>= cut;
        m = (m + (rest > half || (rest == half && (m & 1) != 0))) << cut;
    }
    if (m >> 53 != 0) {
        m >>= 1;
        exponent++;
    }
    while (!s->has_precision && digits > 0 && (m >> (52 - 4 * digits) & 15) == 0) {
        digits--;
    }
    wr_buf_str(buf, upper ? WR_STR("0X") : WR_STR("0x"));
    wr_buf_char(buf, (char)('0' + (m >> 52)));
    wr_buf_str(buf, digits > 0 ? WR_STR(".") : WR_STR(""));
    for (int64_t i = 1; i <= digits; i++) {
        unsigned nibble = i <= 13 ? (unsigned)(m >> (52 - 4 * i) & 15) : 0;
        wr_buf_char(buf, (upper ? "0123456789ABCDEF" : "0123456789abcdef")[nibble]);
    }
    wr_buf_char(buf, upper ? 'P' : 'p');
    wr_buf_char(buf, exponent < 0 ? '-' : '+');
    exponent = exponent < 0 ? -exponent : exponent;
    wr_buf_str(buf, exponent < 10 ? WR_STR("0") : WR_STR(""));
    wr_buf_i64(buf, exponent);
}

/* The flag #: a point always, and of %g and %x as many significant digits as the precision says, or
 * six. text[0] is the sign. */
static struct wr_str with_point(struct state *s, struct wr_str text, uint32_t verb)
{
    struct wr_buf buf = wr_buf_in(s->call->arena, text.n + 16);
    bool hex = verb == 'x' || verb == 'X', point = false, seen = false;
    int64_t missing = 0;
    size_t end = 1;
    if (verb == 'g' || verb == 'G' || verb == 'v' || verb == 'x') {
        missing = s->has_precision ? s->precision : 6;
    }
    for (; end < text.n; end++) {
        char c = text.p[end];
        if (c == 'p' || c == 'P' || (!hex && (c == 'e' || c == 'E'))) {
            break;
        }
        point = point || c == '.';
        seen = seen || (c != '0' && c != '.');
        missing -= seen && c != '.';
    }
    missing -= !point && end == 2 && text.p[1] == '0';
    wr_buf_add(&buf, text.p, end);
    wr_buf_str(&buf, point ? WR_STR("") : WR_STR("."));
    for (; missing > 0; missing--) {
        wr_buf_char(&buf, '0');
    }
    wr_buf_str(&buf, wr_str_of(text.p + end, text.n - end));
    return wr_buf_view(&buf);
}

static bool put_float(struct state *s, double d, uint32_t verb)
{
    struct wr_buf buf = wr_buf_in(s->call->arena, 32);
    struct wr_float f = float_of(d);
    int64_t precision = s->has_precision ? s->precision : 6;
    int32_t e10;
    wr_buf_char(&buf, f.neg ? '-' : s->plus ? '+' : ' ');
    if (verb == 'f' || verb == 'F') {
        struct wr_str digits = wr_float_rounded(s->call->arena, f, true, (int32_t)precision, &e10);
        write_f(&buf, digits, digits.n == 0 ? 1 : e10, precision);
    } else if (verb == 'e' || verb == 'E') {
        struct wr_str digits =
            wr_float_rounded(s->call->arena, f, false, (int32_t)precision + 1, &e10);
        write_e(&buf, digits, e10, precision, (char)verb);
    } else if (verb == 'g' || verb == 'G' || verb == 'v') {
        write_g(s, &buf, d, verb == 'G' ? 'E' : 'e');
    } else if (verb == 'x' || verb == 'X') {
        write_x(s, &buf, d, verb == 'X');
    } else if (verb == 'b') {
        bool normal = f.m == 0 || f.e >= -1085;
        wr_buf_u64(&buf, f.m >> (normal ? 11 : -1074 - f.e));
        wr_buf_char(&buf, 'p');
        wr_buf_i64(&buf, f.m == 0 || !normal ? -1074 : f.e + 11);
    } else {
        return false;
    }
    struct wr_str text = wr_buf_view(&buf);
    if (s->sharp && verb != 'b' && !buf.overflow) {
        text = with_point(s, text, verb);
    }
    if (!f.neg && !s->plus && !s->space) {
        text = wr_str_of(text.p + 1, text.n - 1);
    } else if (s->zero && s->has_width && !s->minus && s->width > (int64_t)text.n) {
        wr_buf_char(s->out, text.p[0]);
        fill(s, s->width - (int64_t)text.n, '0');
        wr_buf_add(s->out, text.p + 1, text.n - 1);
        return true;
    }
    pad(s, text, s->zero);
    return true;
}

/* ── the format ─────────────────────────────────────────────────────────────────────────────── */

static const char *go_type(const struct arg *arg)
{
    static const char *const names[] = {"int", "*big.Int", "float64", "string"};
    return names[arg->kind];
}

static bool put_arg(struct state *s, const struct arg *arg, uint32_t verb)
{
    switch (arg->kind) {
    case ARG_INT:
    case ARG_BIG:
        return put_int(s, arg, verb);
    case ARG_FLOAT:
        return put_float(s, arg->f, verb);
    default:
        return put_string(s, arg->text, verb);
    }
}

static void put_verb_rune(struct state *s, uint32_t verb)
{
    char utf8[4];
    wr_buf_str(s->out, WR_STR("%!"));
    wr_buf_add(s->out, utf8, wr_utf8_encode(verb, utf8));
}

/* A long integer tells of itself, without flags and width. */
static void put_named(struct state *s, const struct arg *arg)
{
    wr_buf_str(s->out, wr_str_z(arg->kind == ARG_BIG ? "big.Int" : go_type(arg)));
    wr_buf_char(s->out, '=');
    if (arg->kind == ARG_BIG) {
        wr_buf_str(s->out, arg->text);
    } else {
        (void)put_arg(s, arg, 'v');
    }
}

static bool read_number(struct state *s, int64_t *out)
{
    size_t from = s->at;
    int64_t v = 0;
    while (s->at < s->format.n && s->format.p[s->at] >= '0' && s->format.p[s->at] <= '9') {
        v = v > 1000000 ? v : v * 10 + (s->format.p[s->at] - '0');
        s->at++;
    }
    *out = v;
    return s->at > from && v <= 1000000;
}

/* "[3]" chooses the argument; anything else in brackets is a bad index. */
static bool read_index(struct state *s)
{
    if (s->at >= s->format.n || s->format.p[s->at] != '[') {
        return false;
    }
    int64_t index;
    size_t close = s->at;
    s->reordered = true;
    while (close < s->format.n && s->format.p[close] != ']') {
        close++;
    }
    s->at++;
    bool number = close < s->format.n && read_number(s, &index) && s->at == close;
    if (number && index >= 1 && (size_t)index <= s->n) {
        s->next = (size_t)index - 1;
    } else {
        s->good_index = false;
    }
    s->at = close < s->format.n ? close + 1 : s->at;
    return s->good_index;
}

static bool star(struct state *s, int64_t *out)
{
    struct arg arg = {.kind = ARG_STRING};
    s->at++;
    if (s->next < s->n) {
        take_arg(s, &s->items[s->next++], &arg);
    }
    *out = arg.i;
    return arg.kind == ARG_INT && arg.i >= -1000000 && arg.i <= 1000000;
}

static void read_flags(struct state *s)
{
    s->plus = s->minus = s->sharp = s->space = s->zero = s->quote = false;
    s->has_width = s->has_precision = false;
    for (; s->at < s->format.n; s->at++) {
        switch (s->format.p[s->at]) {
        case '#':
            s->sharp = true;
            break;
        case '0':
            s->zero = !s->minus;
            break;
        case '+':
            s->plus = true;
            break;
        case '-':
            s->minus = true;
            s->zero = false;
            break;
        case ' ':
            s->space = true;
            break;
        default:
            return;
        }
    }
}

static void read_width(struct state *s)
{
    bool indexed = read_index(s);
    if (s->at < s->format.n && s->format.p[s->at] == '*') {
        s->has_width = star(s, &s->width);
        if (!s->has_width) {
            wr_buf_str(s->out, WR_STR("%!(BADWIDTH)"));
        } else if (s->width < 0) {
            s->width = -s->width;
            s->minus = true;
            s->zero = false;
        }
        indexed = false;
    } else {
        s->has_width = read_number(s, &s->width);
        if (indexed && s->has_width) {
            s->good_index = false;
        }
    }
    if (s->at < s->format.n && s->format.p[s->at] == '.') {
        s->at++;
        if (indexed) {
            s->good_index = false;
        }
        indexed = read_index(s);
        if (s->at < s->format.n && s->format.p[s->at] == '*') {
            s->has_precision = star(s, &s->precision) && s->precision >= 0;
            if (!s->has_precision) {
                wr_buf_str(s->out, WR_STR("%!(BADPREC)"));
            }
            indexed = false;
        } else {
            (void)read_number(s, &s->precision);
            s->has_precision = s->precision <= 1000000;
        }
    }
    if (!indexed) {
        (void)read_index(s);
    }
}

static void put_directive(struct state *s)
{
    struct arg arg;
    unsigned len;
    s->good_index = true;
    read_flags(s);
    read_width(s);
    if (s->at >= s->format.n) {
        wr_buf_str(s->out, WR_STR("%!(NOVERB)"));
        return;
    }
    uint32_t verb = wr_rune_at(s->format, s->at, &len);
    s->at += len;
    if (verb == '%') {
        wr_buf_char(s->out, '%');
    } else if (!s->good_index) {
        put_verb_rune(s, verb);
        wr_buf_str(s->out, WR_STR("(BADINDEX)"));
    } else if (s->next >= s->n) {
        put_verb_rune(s, verb);
        wr_buf_str(s->out, WR_STR("(MISSING)"));
    } else {
        take_arg(s, &s->items[s->next++], &arg);
        if (verb == 'v') { /* # asks for Go's syntax, + for names of fields */
            s->quote = s->sharp;
            s->sharp = false;
            s->plus = s->plus && arg.kind == ARG_BIG;
        }
        if (verb == 'T') {
            pad(s, wr_str_z(go_type(&arg)), s->zero);
        } else if (!put_arg(s, &arg, verb)) {
            put_verb_rune(s, verb);
            wr_buf_char(s->out, '(');
            put_named(s, &arg);
            wr_buf_char(s->out, ')');
        }
    }
}

wr_err wr_sprintf(struct wr_builtin_call *call, struct wr_buf *buf, struct wr_str format,
                  const struct wr_value *items, size_t n)
{
    struct state s = {.call = call, .out = buf, .format = format, .items = items, .n = n};
    while (s.at < format.n) {
        const char *percent = memchr(format.p + s.at, '%', format.n - s.at);
        size_t end = percent == NULL ? format.n : (size_t)(percent - format.p);
        wr_buf_add(buf, format.p + s.at, end - s.at);
        s.at = end + 1;
        if (percent != NULL) {
            size_t before = buf->n;
            put_directive(&s);
            WR_TRY(wr_builtin_charge(call, (buf->n - before) / 8 + 8));
        }
        WR_TRY(wr_builtin_check(call, buf));
    }
    if (!s.reordered && s.next < n) {
        struct arg arg;
        s.plus = s.minus = s.sharp = s.space = s.zero = s.quote = false;
        s.has_width = s.has_precision = false;
        wr_buf_str(buf, WR_STR("%!(EXTRA "));
        for (size_t i = s.next; i < n; i++) {
            wr_buf_str(buf, i == s.next ? WR_STR("") : WR_STR(", "));
            take_arg(&s, &items[i], &arg);
            wr_buf_str(buf, wr_str_z(go_type(&arg)));
            wr_buf_char(buf, '=');
            (void)put_arg(&s, &arg, 'v');
        }
        wr_buf_char(buf, ')');
    }
    return wr_builtin_check(call, buf);
}

WR_BUILTIN_FN(wr_b_sprintf)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    WR_TRY(wr_builtin_want(call, args, 1, WR_ARRAY));
    struct wr_buf buf = wr_buf_in(call->arena, args[0].n + 32);
    WR_TRY(wr_sprintf(call, &buf, wr_text(args[0]), args[1].items, args[1].n));
    return wr_builtin_text(call, &buf, out);
}
