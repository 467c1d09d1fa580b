/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers: what their text holds, exactly, and their conversions. */
#include "value/number.h"
#include "base/num.h"
#include "base/pow10.h"

enum {
    DEC_DIGITS = 18,
    I64_DIGITS = 19,
    NUMBER_ROOM = 64,      /* text of a BINARY number, or digits of a DEC one */
    BINARY_SCRATCH = 4096, /* for its digits */
};

static struct wr_value text_number(struct wr_str text)
{
    return (struct wr_value){
        .type = WR_NUMBER, .kind = WR_TEXT, .n = (uint32_t)text.n, .text = text.p};
}

struct wr_value wr_number_text(struct wr_str text)
{
    const struct wr_value as_text = text_number(text);
    bool negative = text.p[0] == '-';
    size_t point = text.n - 1;
    uint64_t mantissa = 0; /* at most 19 digits */
    unsigned digits = 0;
    for (size_t i = negative; i < text.n; i++) {
        unsigned digit = (unsigned)(text.p[i] - '0');
        if (text.p[i] == '.') {
            point = i;
            continue;
        }
        if (digit > 9) {
            return as_text;
        }
        mantissa = mantissa * 10 + digit;
        digits += mantissa != 0;
        if (digits > DEC_DIGITS) {
            return as_text;
        }
    }
    size_t scale = text.n - 1 - point;
    if (scale > DEC_DIGITS || (negative && mantissa == 0)) {
        return as_text;
    }
    return wr_decimal(negative ? -(int64_t)mantissa : (int64_t)mantissa, (unsigned)scale);
}

/* digits * 10^exponent as a DEC with the shortest plain text; false when there is none. */
static bool digits_to_dec(bool negative, uint64_t digits, int exponent, struct wr_value *out)
{
    if (exponent > 0) { /* at most 17 digits each */
        if (exponent > DEC_DIGITS || digits >= wr_pow10_u64[DEC_DIGITS - exponent]) {
            return false;
        }
        digits *= wr_pow10_u64[exponent];
        exponent = 0;
    }
    /* Below 1e-7 the text has an exponent. */
    if (exponent < -DEC_DIGITS || (exponent < -7 && digits < wr_pow10_u64[-exponent - 7])) {
        return false;
    }
    *out = wr_decimal(negative ? -(int64_t)digits : (int64_t)digits, (unsigned)-exponent);
    return true;
}

struct wr_value wr_number_double(struct wr_arena *arena, double d)
{
    char room[40];
    struct wr_value v;
    uint64_t bits, digits;
    int exponent;
    memcpy(&bits, &d, sizeof bits);
    bool negative = bits >> 63 != 0;
    if (bits << 1 == 0) {
        return negative ? text_number(WR_STR("-0")) : wr_decimal(0, 0);
    }
    if ((bits >> 52 & 0x7FF) == 0x7FF) { /* NaN, infinities */
        return wr_undefined();
    }
    wr_num_shortest_integer(d, &digits, &exponent);
    if (digits_to_dec(negative, digits, exponent, &v)) {
        return v;
    }
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    if (negative) {
        wr_buf_char(&buf, '-');
    }
    wr_num_write_digits(&buf, digits, exponent);
    WR_ASSERT(!buf.overflow);
    struct wr_str copy = wr_str_copy(arena, wr_buf_view(&buf));
    return copy.p != NULL ? text_number(copy) : wr_undefined();
}

struct wr_value wr_number_binary(struct wr_float f)
{
    return (struct wr_value){.type = WR_NUMBER,
                             .kind = WR_BINARY,
                             .scale = f.neg,
                             .n = (uint32_t)f.e,
                             .i = (int64_t)f.m};
}

struct wr_float wr_number_near_float(const struct wr_value *number)
{
    if (number->kind == WR_BINARY) {
        return wr_number_binary_float(number);
    }
    WR_ASSERT(number->kind == WR_DEC);
    struct wr_float f = wr_float_i64(number->i);
    return number->scale == 0 ? f
                              : wr_float_div(f, wr_float_u64(wr_pow10_u64[number->scale], false));
}

/* The text of a BINARY number. */
static struct wr_str binary_text(const struct wr_value *v, char room[NUMBER_ROOM])
{
    alignas(16) char scratch[BINARY_SCRATCH];
    struct wr_arena arena;
    wr_arena_init_fixed(&arena, scratch, sizeof scratch, NULL, 0);
    struct wr_str text = wr_float_text(&arena, wr_number_binary_float(v));
    WR_ASSERT(text.p != NULL && text.n <= NUMBER_ROOM);
    memcpy(room, text.p, text.n);
    return wr_str_of(room, text.n);
}

static uint64_t magnitude(int64_t i)
{
    return i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
}

/* The digits of any number, taken apart; those of DEC and BINARY go to `room`. */
static void take_apart(const struct wr_value *v, char room[NUMBER_ROOM], struct wr_num_text *out)
{
    if (v->kind != WR_DEC) {
        struct wr_str text = v->kind == WR_TEXT ? wr_text(*v) : binary_text(v, room);
        bool is_number = wr_num_parse(text, out);
        WR_ASSERT(is_number);
        return;
    }
    size_t n = 0;
    for (uint64_t rest = magnitude(v->i); rest != 0; rest /= 10) {
        room[I64_DIGITS - n++] = (char)('0' + rest % 10);
    }
    *out = (struct wr_num_text){.negative = v->i < 0,
                                .digits = {wr_str_of(room + I64_DIGITS + 1 - n, n)},
                                .exponent = (int64_t)n - v->scale};
    while (out->digits[0].n > 0 && out->digits[0].p[out->digits[0].n - 1] == '0') {
        out->digits[0].n--;
    }
    if (n == 0) {
        out->exponent = 0;
    }
}

static int cmp_decimal(const struct wr_value *a, const struct wr_value *b)
{
    wr_i128 x = a->i, y = b->i;
    if (a->scale < b->scale) {
        x *= (wr_i128)wr_pow10_u64[b->scale - a->scale];
    } else {
        y *= (wr_i128)wr_pow10_u64[a->scale - b->scale];
    }
    return (x > y) - (x < y);
}

/* Of the characters of a number only the letter of an exponent has bit 6. */
static bool has_exponent(struct wr_str text)
{
    uint64_t all = 0, word;
    size_t at = 0;
    for (; at + sizeof word <= text.n; at += sizeof word) {
        memcpy(&word, text.p + at, sizeof word);
        all |= word;
    }
    for (; at < text.n; at++) {
        all |= (uint8_t)text.p[at];
    }
    return (all & UINT64_C(0x4040404040404040)) != 0;
}

/* A plain text, cut to as many digits as the decimal has: that tells nearly always. False when it
 * is not plain or has too many. */
static bool cmp_text(struct wr_str text, const struct wr_value *decimal, int *order)
{
    bool negative = text.p[0] == '-';
    size_t at = negative ? 1 : 0, digits = decimal->scale;
    int64_t m = 0;
    if (has_exponent(text)) {
        return false;
    }
    for (; at < text.n && text.p[at] != '.'; at++, digits++) {
        if (digits == DEC_DIGITS) {
            return false;
        }
        m = m * 10 + (text.p[at] - '0');
    }
    at++;
    for (unsigned i = 0; i < decimal->scale; i++, at++) {
        m = m * 10 + (at < text.n ? text.p[at] - '0' : 0);
    }
    m = negative ? -m : m;
    *order = (m > decimal->i) - (m < decimal->i);
    for (; *order == 0 && at < text.n; at++) {
        *order = text.p[at] == '0' ? 0 : negative ? -1 : 1;
    }
    return true;
}

int wr_number_cmp(const struct wr_value *a, const struct wr_value *b)
{
    int order;
    if (a->kind == WR_DEC && b->kind == WR_DEC) {
        return a->scale == b->scale ? (a->i > b->i) - (a->i < b->i) : cmp_decimal(a, b);
    }
    if (a->kind == WR_TEXT && b->kind == WR_DEC && cmp_text(wr_text(*a), b, &order)) {
        return order;
    }
    if (a->kind == WR_DEC && b->kind == WR_TEXT && cmp_text(wr_text(*b), a, &order)) {
        return -order;
    }
    if (a->kind != WR_TEXT && b->kind != WR_TEXT) {
        /* Rounding keeps order: only numbers that round to the same need their digits. */
        struct wr_float f = wr_number_near_float(a), g = wr_number_near_float(b);
        if (!wr_float_eq(f, g)) {
            return wr_float_less(f, g) ? -1 : 1;
        }
        if (a->kind == b->kind) {
            return 0;
        }
    }
    char a_room[NUMBER_ROOM], b_room[NUMBER_ROOM];
    struct wr_num_text x, y;
    take_apart(a, a_room, &x);
    take_apart(b, b_room, &y);
    return wr_num_text_cmp(&x, &y);
}

uint64_t wr_number_hash(const struct wr_value *number)
{
    int64_t i;
    if (wr_number_to_i64(number, &i)) {
        return (uint64_t)i;
    }
    double d = wr_number_to_double(number); /* equal numbers are equal doubles */
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits << 1 == 0 ? 1 : ~bits; /* underflown: either zero */
}

static bool scale_text(const struct wr_num_text *text, unsigned scale, int64_t *out)
{
    size_t n = text->digits[0].n + text->digits[1].n;
    if (n == 0) {
        *out = 0;
        return true;
    }
    int64_t whole = text->exponent + (int64_t)scale; /* digits before the point */
    if (whole < (int64_t)n || whole > I64_DIGITS) {
        return false;
    }
    uint64_t value = 0;
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < text->digits[i].n; k++) {
            value = value * 10 + (uint64_t)(text->digits[i].p[k] - '0');
        }
    }
    value *= wr_pow10_u64[whole - (int64_t)n]; /* below 10^19 */
    if (value > (uint64_t)INT64_MAX + text->negative) {
        return false;
    }
    *out = text->negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

bool wr_number_to_scaled(const struct wr_value *number, unsigned scale, int64_t *out)
{
    if (number->type != WR_NUMBER) {
        return false;
    }
    if (number->kind != WR_DEC) {
        char room[NUMBER_ROOM];
        struct wr_num_text text;
        take_apart(number, room, &text);
        return scale_text(&text, scale, out);
    }
    if (number->scale <= scale) {
        unsigned more = scale - number->scale;
        if (number->i == 0) {
            *out = 0;
            return true;
        }
        return more <= DEC_DIGITS &&
               !__builtin_mul_overflow(number->i, (int64_t)wr_pow10_u64[more], out);
    }
    int64_t unit = (int64_t)wr_pow10_u64[number->scale - scale];
    *out = number->i / unit;
    return number->i % unit == 0;
}

bool wr_number_to_i64(const struct wr_value *number, int64_t *out)
{
    return wr_number_to_scaled(number, 0, out);
}

double wr_number_to_double(const struct wr_value *number)
{
    WR_ASSERT(number->type == WR_NUMBER);
    double d = 0;
    if (number->kind != WR_DEC) {
        char room[NUMBER_ROOM];
        struct wr_str text = number->kind == WR_TEXT ? wr_text(*number) : binary_text(number, room);
        bool is_number = wr_num_read_double(text, &d);
        WR_ASSERT(is_number);
        return d;
    }
    d = wr_num_from_decimal(magnitude(number->i), -(int)number->scale);
    return number->i < 0 ? -d : d;
}

enum { DEC_ROOM = 24 }; /* digits of a DEC number, at most 19 with the zero before its point */

/* The n digits with a sign and with a point before the last `scale` of them. Copies of fixed size
 * need no call: what lies behind the digits is copied too, and written over by what comes next.
 * Returns the size. */
static size_t place_digits(char to[2 * DEC_ROOM], bool negative, const char *digits, size_t n,
                           size_t scale)
{
    size_t whole = n - scale;
    to[0] = '-';
    to += negative;
    memcpy(to, digits, DEC_ROOM);
    if (scale > 0) {
        to[whole] = '.';
        memcpy(to + whole + 1, digits + whole, DEC_ROOM);
    }
    return negative + n + (scale > 0);
}

void wr_number_write(struct wr_buf *buf, const struct wr_value *number)
{
    WR_ASSERT(number->type == WR_NUMBER);
    if (number->kind != WR_DEC) {
        char text[NUMBER_ROOM];
        wr_buf_str(buf, number->kind == WR_TEXT ? wr_text(*number) : binary_text(number, text));
        return;
    }
    uint64_t digits = magnitude(number->i);
    size_t scale = number->scale;
    if (digits < 10 && scale == 0 && number->i >= 0) {
        wr_buf_char(buf, (char)('0' + digits));
        return;
    }
    char room[2 * DEC_ROOM], *const end = room + DEC_ROOM, *at = wr_digits_before(end, digits);
    while (at >= end - scale) {
        *--at = '0';
    }
    memset(end, 0, DEC_ROOM);
    char text[2 * DEC_ROOM];
    if (WR_LIKELY(!buf->overflow && buf->cap - buf->n >= sizeof text)) {
        buf->n += place_digits(buf->p + buf->n, number->i < 0, at, (size_t)(end - at), scale);
    } else {
        wr_buf_add(buf, text, place_digits(text, number->i < 0, at, (size_t)(end - at), scale));
    }
}
