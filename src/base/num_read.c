/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal text to the nearest double.
 *
 * Three paths, each exact. Up to 2^53 with an exponent within +-22, one multiplication or division
 * of two exact doubles rounds correctly (Clinger 1990). Otherwise the first 19 digits times a
 * 128-bit power of ten give the value within a known error (the idea of Eisel and Lemire 2021); if
 * no rounding boundary lies within it, the result is known. The rest, about one in a hundred of
 * the texts with more than 19 digits and else nearly none, is compared with the boundary as
 * integers. Digits past the 800th only break ties: a boundary has at most 767. */
#include "base/big.h"
#include "base/num.h"
#include "base/pow10.h"

enum { DIGITS_MAX = 800, FAST_DIGITS = 19 };
#define EXPONENT_MAX 100000000000000000

static const double exact_power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

const uint64_t wr_pow10_u64[20] = {1U,
                                   10U,
                                   100U,
                                   1000U,
                                   10000U,
                                   100000U,
                                   1000000U,
                                   10000000U,
                                   100000000U,
                                   1000000000U,
                                   10000000000U,
                                   100000000000U,
                                   1000000000000U,
                                   10000000000000U,
                                   100000000000000U,
                                   1000000000000000U,
                                   10000000000000000U,
                                   100000000000000000U,
                                   1000000000000000000U,
                                   10000000000000000000U};

static bool is_digit(char c)
{
    return (unsigned)(c - '0') < 10;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && is_digit(*p)) {
        p++;
    }
    return p;
}

/* The text as written, checked against the grammar. */
struct parts {
    bool negative;
    struct wr_str whole, fraction;
    int64_t exponent;
};

static bool split_exponent(const char *p, const char *end, int64_t *exponent)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    if (p == end) {
        return false;
    }
    int64_t value = 0;
    for (; p < end; p++) {
        if (!is_digit(*p)) {
            return false;
        }
        value = WR_MIN(value * 10 + (*p - '0'), (int64_t)EXPONENT_MAX);
    }
    *exponent = negative ? -value : value;
    return true;
}

static bool split(struct wr_str text, struct parts *out)
{
    const char *p = text.p, *end = text.p + text.n;
    *out = (struct parts){.negative = text.n != 0 && *p == '-'};
    p += out->negative;
    const char *stop = skip_digits(p, end);
    if (stop == p || (*p == '0' && stop - p > 1)) {
        return false;
    }
    out->whole = wr_str_of(p, (size_t)(stop - p));
    p = stop;
    if (p < end && *p == '.') {
        stop = skip_digits(++p, end);
        if (stop == p) {
            return false;
        }
        out->fraction = wr_str_of(p, (size_t)(stop - p));
        p = stop;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        return split_exponent(p + 1, end, &out->exponent);
    }
    return p == end;
}

static void strip_front(struct wr_str *s)
{
    while (s->n > 0 && s->p[0] == '0') {
        s->p++;
        s->n--;
    }
}

static void strip_back(struct wr_str *s)
{
    while (s->n > 0 && s->p[s->n - 1] == '0') {
        s->n--;
    }
}

static void normalise(const struct parts *parts, struct wr_num_text *out)
{
    *out = (struct wr_num_text){.negative = parts->negative,
                                .digits = {parts->whole, parts->fraction}};
    strip_front(&out->digits[0]);
    int64_t point = (int64_t)out->digits[0].n;
    if (point == 0) {
        strip_front(&out->digits[1]);
        point = -(int64_t)(parts->fraction.n - out->digits[1].n);
    }
    strip_back(&out->digits[1]);
    if (out->digits[1].n == 0) {
        strip_back(&out->digits[0]);
    }
    if (out->digits[0].n + out->digits[1].n == 0) {
        return;
    }
    int64_t exponent = parts->exponent + point;
    exponent = WR_MIN(exponent, (int64_t)EXPONENT_MAX);
    out->exponent = WR_MAX(exponent, -(int64_t)EXPONENT_MAX);
}

bool wr_num_parse(struct wr_str text, struct wr_num_text *out)
{
    struct parts parts;
    if (!split(text, &parts)) {
        return false;
    }
    normalise(&parts, out);
    return true;
}

static size_t digit_count(const struct wr_num_text *t)
{
    return t->digits[0].n + t->digits[1].n;
}

static unsigned digit_at(const struct wr_num_text *t, size_t i)
{
    char c = i < t->digits[0].n ? t->digits[0].p[i] : t->digits[1].p[i - t->digits[0].n];
    return (unsigned)(c - '0');
}

static int cmp_magnitude(const struct wr_num_text *a, const struct wr_num_text *b)
{
    size_t a_n = digit_count(a), b_n = digit_count(b);
    if (a_n == 0 || b_n == 0) {
        return (a_n != 0) - (b_n != 0);
    }
    if (a->exponent != b->exponent) {
        return a->exponent < b->exponent ? -1 : 1;
    }
    for (size_t i = 0; i < a_n && i < b_n; i++) {
        unsigned x = digit_at(a, i), y = digit_at(b, i);
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return (a_n > b_n) - (a_n < b_n);
}

int wr_num_text_cmp(const struct wr_num_text *a, const struct wr_num_text *b)
{
    bool a_negative = a->negative && digit_count(a) != 0;
    bool b_negative = b->negative && digit_count(b) != 0;
    if (a_negative != b_negative) {
        return a_negative ? -1 : 1;
    }
    int order = cmp_magnitude(a, b);
    return a_negative ? -order : order;
}

/* The value as first digits and what is known of the rest. */
struct estimate {
    uint64_t mantissa; /* of the first digits, at most FAST_DIGITS */
    int exponent;      /* value is mantissa * 10^exponent, */
    bool exact;        /* or, when not exact, below (mantissa + 1) * 10^exponent */
    const struct wr_num_text *text;
};

static unsigned abs_int(int v)
{
    return v < 0 ? 0U - (unsigned)v : (unsigned)v;
}

/* Compares the value with the midpoint between m * 2^q and (m + 1) * 2^q. */
static int cmp_midpoint(const struct wr_num_text *text, uint64_t m, int q)
{
    struct wr_big value, middle;
    size_t count = WR_MIN(digit_count(text), (size_t)DIGITS_MAX);
    wr_big_set(&value, 0);
    for (size_t i = 0; i < count;) {
        uint64_t chunk = 0;
        size_t stop = WR_MIN(i + 18, count);
        uint64_t factor = wr_pow10_u64[stop - i];
        for (; i < stop; i++) {
            chunk = chunk * 10 + digit_at(text, i);
        }
        wr_big_mul_add(&value, factor, chunk);
    }
    int exponent = (int)(text->exponent - (int64_t)count); /* value * 10^exponent */
    wr_big_set(&middle, 2 * m + 1);                        /* middle * 2^(q - 1) */
    wr_big_mul_pow5(exponent >= 0 ? &value : &middle, abs_int(exponent));
    int shift = exponent - (q - 1);
    wr_big_shift_left(shift >= 0 ? &value : &middle, abs_int(shift));
    int order = wr_big_cmp(&value, &middle);
    return order == 0 && digit_count(text) > count ? 1 : order;
}

static double compose(uint64_t m, int q) /* m * 2^q, m <= 2^53, q >= -1074 */
{
    if (m >> 53 != 0) {
        m >>= 1;
        q++;
    }
    uint64_t bits = m;
    if (m >> 52 != 0) {
        bits = q + 1075 >= 2047 ? (uint64_t)2047 << 52
                                : (uint64_t)(q + 1075) << 52 | (m & (((uint64_t)1 << 52) - 1));
    }
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static double round_estimate(const struct estimate *e)
{
    if (e->exponent > 309) {
        return compose((uint64_t)1 << 52, 1000);
    }
    if (e->exponent < WR_POW10_FIRST) {
        return 0;
    }
    struct wr_pow10 power = wr_pow10(e->exponent);
    int left = __builtin_clzll(e->mantissa);
    uint64_t w = e->mantissa << left;
    /* The value lies in [x, x + error) * 2^base. */
    wr_u128 x = (wr_u128)w * power.hi + (((wr_u128)w * power.lo) >> 64);
    wr_u128 error = 2;
    if (!e->exact) {
        error += (((wr_u128)power.hi << 64 | power.lo) >> (64 - left)) + 1;
    }
    int base = wr_pow10_log2(e->exponent) - 63 - left;
    int top = (uint64_t)(x >> 127) != 0 ? 127 : 126;
    int shift = top - 52;
    if (base + shift < -1074) {
        shift = -1074 - base;
    }
    if (shift > 128) {
        return 0;
    }
    uint64_t m = shift == 128 ? 0 : (uint64_t)(x >> shift);
    wr_u128 rest = shift == 128 ? x : x & (((wr_u128)1 << shift) - 1);
    wr_u128 half = (wr_u128)1 << (shift - 1);
    int order = rest > half ? 1 : -1;
    if (rest <= half && rest + error > half) {
        order = cmp_midpoint(e->text, m, base + shift);
    }
    m += order > 0 || (order == 0 && (m & 1) != 0);
    return compose(m, base + shift);
}

static double exact_product(uint64_t mantissa, int exponent)
{
    double d = (double)(int64_t)mantissa;
    return exponent < 0 ? d / exact_power[-exponent] : d * exact_power[exponent];
}

static bool is_simple(uint64_t mantissa, int64_t exponent)
{
    return mantissa <= (uint64_t)1 << 53 && exponent >= -22 && exponent <= 22;
}

static double read_long(const struct wr_num_text *text)
{
    if (digit_count(text) == 0 || text->exponent <= -324) {
        return 0;
    }
    if (text->exponent > 309) {
        return compose((uint64_t)1 << 52, 1000);
    }
    struct estimate e = {.text = text};
    size_t count = WR_MIN(digit_count(text), (size_t)FAST_DIGITS);
    for (size_t i = 0; i < count; i++) {
        e.mantissa = e.mantissa * 10 + digit_at(text, i);
    }
    e.exponent = (int)(text->exponent - (int64_t)count);
    e.exact = count == digit_count(text);
    return round_estimate(&e);
}

static uint64_t add_digits(uint64_t mantissa, struct wr_str digits)
{
    for (size_t i = 0; i < digits.n; i++) {
        mantissa = mantissa * 10 + (uint64_t)(digits.p[i] - '0');
    }
    return mantissa;
}

bool wr_num_read_double(struct wr_str text, double *out)
{
    struct parts parts;
    if (!split(text, &parts)) {
        return false;
    }
    double d;
    int64_t exponent = parts.exponent - (int64_t)parts.fraction.n;
    size_t count = parts.whole.n + parts.fraction.n;
    uint64_t mantissa = 0;
    if (count <= FAST_DIGITS) {
        mantissa = add_digits(add_digits(0, parts.whole), parts.fraction);
    }
    if (count <= FAST_DIGITS && is_simple(mantissa, exponent)) {
        d = exact_product(mantissa, (int)exponent);
    } else {
        struct wr_num_text digits;
        normalise(&parts, &digits);
        d = read_long(&digits);
    }
    *out = parts.negative ? -d : d;
    return true;
}

double wr_num_from_decimal(uint64_t mantissa, int exponent10)
{
    if (is_simple(mantissa, exponent10)) {
        return exact_product(mantissa, exponent10);
    }
    char room[20];
    size_t at = sizeof room;
    for (uint64_t rest = mantissa; rest != 0; rest /= 10) {
        room[--at] = (char)('0' + rest % 10);
    }
    struct wr_num_text text = {.digits = {wr_str_of(room + at, sizeof room - at)}};
    text.exponent = (int64_t)exponent10 + (int64_t)text.digits[0].n;
    strip_back(&text.digits[0]);
    return read_long(&text);
}

bool wr_num_read_u64(struct wr_str text, uint64_t *out)
{
    size_t i = text.n > 1 && text.p[0] == '+';
    uint64_t value = 0;
    if (text.n == 0) {
        return false;
    }
    for (; i < text.n; i++) {
        if (!is_digit(text.p[i]) || __builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.p[i] - '0'), &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

bool wr_num_read_i64(struct wr_str text, int64_t *out)
{
    bool negative = text.n > 1 && text.p[0] == '-';
    uint64_t magnitude;
    struct wr_str digits = negative ? wr_str_of(text.p + 1, text.n - 1) : text;
    if ((negative && digits.p[0] == '+') || !wr_num_read_u64(digits, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}
