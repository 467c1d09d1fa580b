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

struct wr_value wr_number_text(struct wr_str text)
{
    const struct wr_value as_text = {
        .type = WR_NUMBER, .kind = WR_TEXT, .n = (uint32_t)text.n, .text = text.p};
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

/* Nearly all doubles are a DEC whose text is their plain shortest one; false for the others. */
static bool double_to_dec(double d, struct wr_value *out)
{
    uint64_t bits, digits;
    int exponent;
    memcpy(&bits, &d, sizeof bits);
    if (bits == 0) {
        *out = wr_decimal(0, 0);
        return true;
    }
    if (bits << 1 == 0 || (bits >> 52 & 0x7FF) == 0x7FF) {
        return false;
    }
    wr_num_shortest_integer(d, &digits, &exponent);
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
    *out = wr_decimal(bits >> 63 != 0 ? -(int64_t)digits : (int64_t)digits, (unsigned)-exponent);
    return true;
}

struct wr_value wr_number_double(struct wr_arena *arena, double d)
{
    char room[40];
    struct wr_value v;
    if (WR_LIKELY(double_to_dec(d, &v))) {
        return v;
    }
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    wr_num_write_double(&buf, d);
    WR_ASSERT(!buf.overflow);
    if (room[0] == 'N' || room[buf.n - 1] == 'y') { /* NaN, Infinity */
        return wr_undefined();
    }
    v = wr_number_text(wr_buf_view(&buf));
    if (v.kind == WR_TEXT) {
        struct wr_str copy = wr_str_copy(arena, wr_buf_view(&buf));
        v.text = copy.p;
        return copy.p != NULL ? v : wr_undefined();
    }
    return v;
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

int wr_number_cmp(const struct wr_value *a, const struct wr_value *b)
{
    if (a->kind == WR_DEC && b->kind == WR_DEC) {
        return a->scale == b->scale ? (a->i > b->i) - (a->i < b->i) : cmp_decimal(a, b);
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

/* Writes digits that end at `at`, at least `least` of them, two at a time; returns their start. */
static size_t write_back(char *room, size_t at, uint64_t v, size_t least)
{
    static const char pairs[200] = "000102030405060708091011121314151617181920212223242526272829303"
                                   "13233343536373839404142434445"
                                   "464748495051525354555657585960616263646566676869707172737475767"
                                   "77879808182838485868788899091"
                                   "9293949596979899";
    size_t end = at;
    while (v >= 10) {
        at -= 2;
        memcpy(room + at, pairs + 2 * (v % 100), 2);
        v /= 100;
    }
    if (v != 0) {
        room[--at] = (char)('0' + v);
    }
    at += at < end && room[at] == '0'; /* 100 ended in 00 */
    while (end - at < least) {
        room[--at] = '0';
    }
    return at;
}

void wr_number_write(struct wr_buf *buf, const struct wr_value *number)
{
    WR_ASSERT(number->type == WR_NUMBER);
    if (number->kind != WR_DEC) {
        char text[NUMBER_ROOM];
        wr_buf_str(buf, number->kind == WR_TEXT ? wr_text(*number) : binary_text(number, text));
        return;
    }
    uint64_t rest = magnitude(number->i);
    if (rest < 10 && number->scale == 0 && number->i >= 0) {
        wr_buf_char(buf, (char)('0' + rest));
        return;
    }
    char room[24];
    size_t at = sizeof room, scale = number->scale;
    if (scale > 0) {
        at = write_back(room, at, rest % wr_pow10_u64[scale], scale);
        room[--at] = '.';
        rest /= wr_pow10_u64[scale];
    }
    at = write_back(room, at, rest, 1);
    if (number->i < 0) {
        room[--at] = '-';
    }
    wr_buf_add(buf, room + at, sizeof room - at);
}
