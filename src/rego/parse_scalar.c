/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and strings: from what the lexer found to values. Numbers keep their text, in JSON's form
 * and within the range that OPA allows; strings lose their escapes. */
#include "rego/parse_state.h"

/* The decimal exponent e of the number 0.d1d2... * 10^e, d1 not 0, and its first digits as a
 * fraction of 10^17; false for zero. */
static bool magnitude(struct wr_str s, int64_t *exponent, uint64_t *digits)
{
    int64_t e = 0, power = 0;
    unsigned n = 0;
    bool point = false, minus = false;
    size_t i = 0;
    *digits = 0;
    for (; i < s.n && s.p[i] != 'e' && s.p[i] != 'E'; i++) {
        char c = s.p[i];
        point |= c == '.';
        if (c < '0' || c > '9') {
            continue;
        }
        if (n > 0 || c != '0') {
            if (n < 17) {
                *digits = *digits * 10 + (uint64_t)(c - '0');
                n++;
            }
            e += !point;
        } else {
            e -= point;
        }
    }
    for (i++; i < s.n; i++) {
        minus |= s.p[i] == '-';
        if (s.p[i] >= '0' && s.p[i] <= '9' && power < INT32_MAX) {
            power = power * 10 + (s.p[i] - '0');
        }
    }
    for (unsigned k = n; k < 17; k++) {
        *digits *= 10;
    }
    *exponent = e + (minus ? -power : power);
    return n > 0;
}

/* OPA refuses numbers of 2^100000 and more, and those below 2^-100001. */
static bool is_out_of_range(struct wr_str number)
{
    int64_t exponent;
    uint64_t digits;
    if (!magnitude(number, &exponent, &digits)) {
        return false;
    }
    const int64_t high = 30103, low = -30103; /* 2^100000 = 0.99900209301438451 * 10^30103 */
    const uint64_t high_digits = 99900209301438451u;
    const uint64_t low_digits = 50049945348668700u; /* 2^-100001 = 0.500499... * 10^-30103 */
    return exponent > high || (exponent == high && digits >= high_digits) || exponent < low ||
           (exponent == low && digits < low_digits);
}

/* JSON's form of number text: 01 is 1, .5 is 0.5. Borrows where it is JSON already. */
static struct wr_str json_number(struct wr_parser *p, struct wr_str text, bool negative)
{
    size_t skip = 0;
    while (skip + 1 < text.n && text.p[skip] == '0' && text.p[skip + 1] >= '0' &&
           text.p[skip + 1] <= '9') {
        skip++;
    }
    struct wr_str body = wr_str_of(text.p + skip, text.n - skip);
    if (!negative && body.p[0] != '.') {
        return body;
    }
    struct wr_buf buf = wr_buf_in(p->arena, body.n + 2);
    if (negative) {
        wr_buf_char(&buf, '-');
    }
    if (body.p[0] == '.') {
        wr_buf_char(&buf, '0');
    }
    wr_buf_str(&buf, body);
    if (buf.overflow) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return WR_STR("0");
    }
    return wr_buf_view(&buf);
}

/* [-] [.] digits: the sign and the point may stand apart, as OPA has it. */
struct wr_ast_term *wr_parse_number(struct wr_parser *p)
{
    struct wr_ast_loc loc = wr_parse_loc(p);
    bool negative = false, point = false;
    if (wr_parse_is(p, WR_TOK_SUB)) {
        negative = true;
        wr_parse_scan(p);
        if (!wr_parse_is(p, WR_TOK_NUMBER) && !wr_parse_is(p, WR_TOK_DOT)) {
            wr_parse_illegal(p, "expected number");
            return NULL;
        }
    }
    if (wr_parse_is(p, WR_TOK_DOT)) {
        point = true;
        wr_parse_scan(p);
        if (!wr_parse_is(p, WR_TOK_NUMBER)) {
            wr_parse_illegal(p, "expected number");
            return NULL;
        }
    }
    struct wr_str text = wr_parse_token_text(p);
    if ((!point || negative) && text.n > 1 && text.p[0] == '0' && text.p[1] == '0') {
        wr_parse_illegal(p, "expected number");
        return NULL;
    }
    if (point) {
        struct wr_buf dotted = wr_buf_in(p->arena, text.n + 1);
        wr_buf_char(&dotted, '.');
        wr_buf_str(&dotted, text);
        text = dotted.overflow ? WR_STR("0") : wr_buf_view(&dotted);
        if (wr_str_find(text, WR_STR("."), 1) != SIZE_MAX) {
            wr_parse_illegal(p, "invalid float");
            return NULL;
        }
    }
    if (is_out_of_range(text)) {
        wr_parse_error(p, wr_parse_loc(p), "number too big");
        return NULL;
    }
    struct wr_ast_term *t =
        wr_parse_new(p, WR_AST_SCALAR, wr_parse_span(loc, loc.offset, p->at.end));
    if (t != NULL) {
        t->value = wr_number_text(json_number(p, text, negative));
    }
    return t;
}

/* ── strings ────────────────────────────────────────────────────────────────────────────────── */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 'a' - 'A';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits at s.p[at], or -1. */
static int32_t hex4(struct wr_str s, size_t at)
{
    int32_t unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = at + i < s.n ? hex_digit(s.p[at + i]) : -1;
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

/* Decodes a \u escape whose four digits begin at s.p[*at]; lone surrogates become U+FFFD. */
static bool decode_unicode(struct wr_str s, size_t *at, struct wr_buf *out)
{
    int32_t unit = hex4(s, *at);
    if (unit < 0) {
        return false;
    }
    *at += 4;
    uint32_t code_point = (uint32_t)unit;
    if (unit >= 0xD800 && unit < 0xE000) {
        code_point = 0xFFFD;
        int32_t low = unit < 0xDC00 && *at + 1 < s.n && s.p[*at] == '\\' && s.p[*at + 1] == 'u'
                          ? hex4(s, *at + 2)
                          : -1;
        if (low >= 0xDC00 && low < 0xE000) {
            code_point = 0x10000 + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
            *at += 6;
        }
    }
    char bytes[4];
    wr_buf_add(out, bytes, wr_utf8_encode(code_point, bytes));
    return true;
}

/* The text between the quotes, without its escapes. */
static bool unescape(struct wr_str s, struct wr_buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    for (size_t i = 0; i < s.n;) {
        char c = s.p[i++];
        if ((uint8_t)c < 0x20 || c == '"') {
            return false;
        }
        if (c != '\\') {
            wr_buf_char(out, c);
            continue;
        }
        if (i == s.n) {
            return false;
        }
        c = s.p[i++];
        if (c == 'u') {
            if (!decode_unicode(s, &i, out)) {
                return false;
            }
            continue;
        }
        const char *found = memchr(from, c, sizeof from - 1);
        if (found == NULL) {
            return false;
        }
        wr_buf_char(out, to[found - from]);
    }
    return true;
}

static bool is_plain(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] < 0x20 || s.p[i] == '"' || s.p[i] == '\\') {
            return false;
        }
    }
    return true;
}

struct wr_ast_term *wr_parse_string(struct wr_parser *p)
{
    struct wr_str text = wr_parse_token_text(p);
    struct wr_ast_loc loc = wr_parse_loc(p);
    if (text.n < 2) {
        return NULL;
    }
    struct wr_str inner = wr_str_of(text.p + 1, text.n - 2);
    if (text.p[0] == '`' || is_plain(inner)) {
        return wr_parse_new_string(p, inner, loc);
    }
    struct wr_buf out = wr_buf_in(p->arena, inner.n);
    if (!unescape(inner, &out)) {
        wr_parse_error(p, loc, "illegal string literal: %.*s", WR_FMT(text));
        return NULL;
    }
    if (out.overflow) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return NULL;
    }
    return wr_parse_new_string(p, wr_buf_view(&out), loc);
}
