/* SPDX-License-Identifier: Apache-2.0 */
/* See bigfloat.h. */
#include "value/bigfloat.h"

static unsigned leading_zeros128(wr_u128 v)
{
    uint64_t hi = (uint64_t)(v >> 64);
    return hi != 0 ? (unsigned)__builtin_clzll(hi) : 64 + (unsigned)__builtin_clzll((uint64_t)v);
}

/* v * 2^e, and a little more when `sticky`, rounded to 64 bits. */
static struct wr_float round128(bool neg, wr_u128 v, int32_t e, bool sticky)
{
    if (v == 0) {
        return wr_float_zero(neg);
    }
    unsigned shift = leading_zeros128(v);
    v <<= shift;
    uint64_t hi = (uint64_t)(v >> 64), lo = (uint64_t)v;
    const uint64_t half = (uint64_t)1 << 63;
    e = e - (int32_t)shift + 64;
    if (lo > half || (lo == half && (sticky || (hi & 1) != 0))) {
        hi++;
        if (hi == 0) {
            hi = half;
            e++;
        }
    }
    return (struct wr_float){hi, e, neg};
}

struct wr_float wr_float_u64(uint64_t v, bool neg)
{
    if (v == 0) {
        return wr_float_zero(neg);
    }
    int shift = __builtin_clzll(v);
    return (struct wr_float){v << shift, -shift, neg};
}

struct wr_float wr_float_i64(int64_t v)
{
    return v < 0 ? wr_float_u64(-(uint64_t)v, true) : wr_float_u64((uint64_t)v, false);
}

struct wr_float wr_float_mul(struct wr_float a, struct wr_float b)
{
    bool neg = a.neg != b.neg;
    if (a.m == 0 || b.m == 0) {
        return wr_float_zero(neg);
    }
    return round128(neg, (wr_u128)a.m * b.m, a.e + b.e, false);
}

/* (hi * 2^64) / d for hi < d and the top bit of d set, by two steps with halves of 32 bits where
 * the processor has no such division. */
static uint64_t divide_step(uint64_t hi, uint64_t d, uint64_t *rest)
{
#if defined(__x86_64__) && !defined(WR_FLOAT_PORTABLE)
    uint64_t quotient;
    __asm__("divq %[d]" : "=a"(quotient), "=d"(*rest) : [d] "r"(d), "a"(0), "d"(hi) : "cc");
    return quotient;
#else
    uint64_t dh = d >> 32, dl = (uint32_t)d, q = 0;
    for (int half = 0; half < 2; half++) {
        uint64_t digit = hi / dh, r = hi % dh;
        while (digit >> 32 != 0 || digit * dl > r << 32) {
            digit--;
            r += dh;
            if (r >> 32 != 0) {
                break;
            }
        }
        hi = (hi << 32) - digit * d; /* modulo 2^64: the true rest fits */
        q = q << 32 | digit;
    }
    *rest = hi;
    return q;
#endif
}

struct wr_float wr_float_div(struct wr_float a, struct wr_float b)
{
    bool neg = a.neg != b.neg;
    WR_ASSERT(b.m != 0);
    if (a.m == 0) {
        return wr_float_zero(neg);
    }
    uint64_t rest = a.m >= b.m ? a.m - b.m : a.m, whole = a.m >= b.m ? 1 : 0;
    uint64_t high = divide_step(rest, b.m, &rest), left = b.m - rest;
    uint64_t low = rest >= left ? (uint64_t)1 << 63 : 0; /* all that rounding asks of the rest */
    wr_u128 q = (wr_u128)whole << 127 | (wr_u128)high << 63 | low >> 1;
    return round128(neg, q, a.e - b.e - 127, rest != 0 && rest != left);
}

struct wr_float wr_float_add(struct wr_float a, struct wr_float b)
{
    if (a.m == 0 || b.m == 0) {
        if (a.m == 0 && b.m == 0) {
            return wr_float_zero(a.neg && b.neg);
        }
        return a.m == 0 ? b : a;
    }
    if (a.e < b.e || (a.e == b.e && a.m < b.m)) {
        struct wr_float t = a;
        a = b;
        b = t;
    }
    wr_u128 x = (wr_u128)a.m << 62, y = (wr_u128)b.m << 62;
    int64_t distance = (int64_t)a.e - b.e;
    bool sticky = distance > 126 || (y & (((wr_u128)1 << distance) - 1)) != 0;
    y = distance > 126 ? 0 : y >> distance;
    if (a.neg == b.neg) {
        return round128(a.neg, x + y, a.e - 62, sticky);
    }
    x = x - y - (sticky ? 1 : 0);
    return x == 0 ? wr_float_zero(false) : round128(a.neg, x, a.e - 62, sticky);
}

bool wr_float_eq(struct wr_float a, struct wr_float b)
{
    return a.m == b.m && (a.m == 0 || (a.e == b.e && a.neg == b.neg));
}

bool wr_float_less(struct wr_float a, struct wr_float b)
{
    int a_sign = a.m == 0 ? 0 : a.neg ? -1 : 1, b_sign = b.m == 0 ? 0 : b.neg ? -1 : 1;
    if (a_sign != b_sign || a_sign == 0) {
        return a_sign < b_sign;
    }
    bool smaller = a.e != b.e ? a.e < b.e : a.m < b.m;
    return a_sign > 0 ? smaller : !smaller && !wr_float_eq(a, b);
}

bool wr_float_fits(struct wr_float a)
{
    return a.m == 0 || (a.e >= -WR_LIMIT_FLOAT_EXPONENT && a.e <= WR_LIMIT_FLOAT_EXPONENT);
}

bool wr_float_is_int(struct wr_float a)
{
    if (a.m == 0 || a.e >= 0) {
        return true;
    }
    return a.e > -64 && (a.m & (((uint64_t)1 << -a.e) - 1)) == 0;
}

struct wr_float wr_float_trunc(struct wr_float a, bool *exact)
{
    *exact = wr_float_is_int(a);
    if (*exact) {
        return a;
    }
    if (a.e <= -64) {
        return wr_float_zero(false);
    }
    a.m &= ~(((uint64_t)1 << -a.e) - 1);
    return a;
}

bool wr_float_to_i64(struct wr_float a, int64_t *out)
{
    if (a.m == 0) {
        *out = 0;
        return true;
    }
    if (!wr_float_is_int(a) || a.e > 0) {
        return false;
    }
    uint64_t v = a.e <= -64 ? 0 : a.m >> -a.e;
    if (v > (uint64_t)INT64_MAX + (a.neg ? 1 : 0)) {
        return false;
    }
    *out = a.neg ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */

struct wide { /* m * 2^e with 128 bits, top bit set */
    wr_u128 m;
    int64_t e;
};

static struct wide wide_norm(wr_u128 m, int64_t e)
{
    unsigned shift = leading_zeros128(m);
    return (struct wide){m << shift, e - shift};
}

/* The product rounded to 128 bits, ties to even. */
static struct wide wide_mul(struct wide a, struct wide b)
{
    uint64_t ah = (uint64_t)(a.m >> 64), al = (uint64_t)a.m;
    uint64_t bh = (uint64_t)(b.m >> 64), bl = (uint64_t)b.m;
    wr_u128 ll = (wr_u128)al * bl, lh = (wr_u128)al * bh, hl = (wr_u128)ah * bl;
    wr_u128 middle = (ll >> 64) + (uint64_t)lh + (uint64_t)hl;
    wr_u128 low = (middle << 64) | (uint64_t)ll;
    wr_u128 high = (wr_u128)ah * bh + (lh >> 64) + (hl >> 64) + (middle >> 64);
    int64_t e = a.e + b.e + 128;
    if ((high >> 127) == 0) {
        high = (high << 1) | (low >> 127);
        low <<= 1;
        e--;
    }
    const wr_u128 half = (wr_u128)1 << 127;
    if (low > half || (low == half && (high & 1) != 0)) {
        high++;
        if (high == 0) {
            high = half;
            e++;
        }
    }
    return (struct wide){high, e};
}

static struct wide wide_pow5(uint64_t n)
{
    struct wide power = wide_norm(1, 0), square = wide_norm(5, 0);
    for (; n != 0; n >>= 1) {
        if ((n & 1) != 0) {
            power = wide_mul(power, square);
        }
        square = wide_mul(square, square);
    }
    return power;
}

/* a / b to 66 bits and a sticky bit, one bit a step. */
static struct wr_float wide_div(bool neg, struct wide a, struct wide b, bool sticky)
{
    wr_u128 rest = a.m, quotient = 0;
    bool carry = false; /* the 129th bit of rest */
    for (int i = 0; i < 67; i++) {
        quotient <<= 1;
        if (carry || rest >= b.m) {
            rest -= b.m;
            quotient |= 1;
        }
        carry = (rest >> 127) != 0;
        rest <<= 1;
    }
    return round128(neg, quotient, (int32_t)(a.e - b.e - 66), sticky || rest != 0 || carry);
}

static struct wr_float wide_product(bool neg, struct wide a, struct wide b, bool sticky)
{
    wr_u128 al = (uint64_t)a.m, ah = a.m >> 64, bl = (uint64_t)b.m, bh = b.m >> 64;
    wr_u128 ll = al * bl, lh = al * bh, hl = ah * bl;
    wr_u128 middle = (ll >> 64) + (uint64_t)lh + (uint64_t)hl;
    wr_u128 high = ah * bh + (lh >> 64) + (hl >> 64) + (middle >> 64);
    sticky = sticky || (uint64_t)middle != 0 || (uint64_t)ll != 0;
    return round128(neg, high, (int32_t)(a.e + b.e + 128), sticky);
}

struct decimal_text { /* the digits of a number text, gathered into 128 bits */
    bool neg, sticky;
    wr_u128 m;
    int64_t e10; /* the number is m * 2^e2 * 10^e10 */
    int64_t e2;
};

/* Adds a digit; past 128 bits it keeps the top bits of the exact product. */
static void take_digit(struct decimal_text *t, unsigned digit)
{
    const wr_u128 safe = ((wr_u128)1 << 124) - 1;
    if (t->e2 == 0 && t->m <= safe / 10) {
        t->m = t->m * 10 + digit;
        return;
    }
    t->sticky = t->sticky || digit != 0;
    t->e10++;
}

static bool read_exponent(struct wr_str s, size_t *at, int64_t *exponent)
{
    size_t i = *at + 1;
    bool neg = false;
    if (i < s.n && (s.p[i] == '+' || s.p[i] == '-')) {
        neg = s.p[i] == '-';
        i++;
    }
    size_t first = i;
    int64_t v = 0;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
        v = v > 100000000 ? v : v * 10 + (s.p[i] - '0');
    }
    *exponent += neg ? -v : v;
    *at = i;
    return i > first;
}

static bool read_decimal(struct wr_str s, struct decimal_text *t)
{
    size_t i = 0, n_digits = 0;
    *t = (struct decimal_text){0};
    if (i < s.n && (s.p[i] == '-' || s.p[i] == '+')) {
        t->neg = s.p[i] == '-';
        i++;
    }
    bool point = false;
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9') {
            n_digits++;
            take_digit(t, (unsigned)(c - '0'));
            t->e10 -= point ? 1 : 0;
        } else {
            break;
        }
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E') && !read_exponent(s, &i, &t->e10)) {
        return false;
    }
    return n_digits != 0 && i == s.n;
}

bool wr_float_read(struct wr_str text, struct wr_float *out)
{
    struct decimal_text t;
    if (!read_decimal(text, &t)) {
        return false;
    }
    if (t.m == 0) {
        *out = wr_float_zero(t.neg);
        return true;
    }
    if (t.e10 > WR_LIMIT_FLOAT_EXPONENT || t.e10 < -WR_LIMIT_FLOAT_EXPONENT) {
        return false;
    }
    struct wide m = wide_norm(t.m, t.e10);
    if (t.e10 == 0) {
        *out = round128(t.neg, t.m, 0, t.sticky);
    } else if (t.e10 < 0) {
        *out = wide_div(t.neg, m, wide_pow5((uint64_t)-t.e10), t.sticky);
    } else {
        *out = wide_product(t.neg, m, wide_pow5((uint64_t)t.e10), t.sticky);
    }
    return wr_float_fits(*out);
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */

struct digits { /* 0.d1 d2 ... dn * 10^e */
    char *d;
    int32_t n, e;
};

static void limbs_mul(uint32_t *limbs, size_t *n, uint32_t by)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < *n; i++) {
        carry += (uint64_t)limbs[i] * by;
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        limbs[(*n)++] = (uint32_t)carry;
    }
}

static uint32_t limbs_div(uint32_t *limbs, size_t *n, uint32_t by)
{
    uint64_t rest = 0;
    for (size_t i = *n; i-- > 0;) {
        rest = (rest << 32) | limbs[i];
        limbs[i] = (uint32_t)(rest / by);
        rest %= by;
    }
    while (*n > 0 && limbs[*n - 1] == 0) {
        (*n)--;
    }
    return (uint32_t)rest;
}

/* The exact decimal digits of m * 2^e, without zeros at the end. */
static bool exact_digits(struct wr_arena *arena, wr_u128 m, int32_t e, struct digits *out)
{
    size_t bits = 160 + (size_t)(e < 0 ? -e * (int64_t)7 / 3 + 3 : e);
    size_t n = 0, cap = bits / 32 + 8;
    uint32_t *limbs = WR_NEW_ARRAY(arena, uint32_t, cap);
    char *d = wr_arena_alloc(arena, cap * 10 + 16, 1);
    if (limbs == NULL || d == NULL) {
        return false;
    }
    for (; m != 0; m >>= 32) {
        limbs[n++] = (uint32_t)m;
    }
    for (int32_t left = e < 0 ? -e : e; left > 0;) {
        int32_t step = WR_MIN(left, 13); /* 5^13 and 2^13 fit 32 bits */
        uint32_t by = 1;
        for (int32_t i = 0; i < step; i++) {
            by *= e < 0 ? 5 : 2;
        }
        limbs_mul(limbs, &n, by);
        left -= step;
    }
    size_t at = cap * 10 + 16;
    while (n > 0) {
        uint32_t group = limbs_div(limbs, &n, 1000000000);
        for (int i = 0; i < 9; i++) {
            d[--at] = (char)('0' + group % 10);
            group /= 10;
        }
    }
    size_t end = cap * 10 + 16;
    while (at < end && d[at] == '0') {
        at++;
    }
    out->e = (int32_t)(end - at) + (e < 0 ? e : 0);
    while (end > at && d[end - 1] == '0') {
        end--;
    }
    *out = (struct digits){d + at, (int32_t)(end - at), out->e};
    return true;
}

static char digit_at(const struct digits *d, int32_t i)
{
    return i < d->n ? d->d[i] : '0';
}

static void cut(struct digits *d, int32_t n)
{
    while (n > 0 && d->d[n - 1] == '0') {
        n--;
    }
    d->n = n;
}

static void cut_up(struct digits *d, int32_t n)
{
    while (n > 0 && d->d[n - 1] == '9') {
        n--;
    }
    if (n == 0) {
        d->d[0] = '1';
        d->n = 1;
        d->e++;
        return;
    }
    d->d[n - 1]++;
    d->n = n;
}

/* To nearest; exactly half goes to the even digit. */
static void cut_near(struct digits *d, int32_t n)
{
    bool up = false;
    if (n < d->n) {
        up = d->d[n] > '5' ||
             (d->d[n] == '5' && (n + 1 < d->n || (n > 0 && (d->d[n - 1] & 1) != 0)));
    }
    if (up) {
        cut_up(d, n);
    } else {
        cut(d, WR_MIN(n, d->n));
    }
}

/* Cuts the exact digits at the first place where the cut still lies between the neighbours'
 * midpoints, which are given by their exact digits. */
static void shorten(struct digits *d, const struct digits *lower, const struct digits *upper,
                    bool inclusive)
{
    for (int32_t i = 0; i < d->n; i++) {
        char m = d->d[i], l = digit_at(lower, i), u = digit_at(upper, i);
        bool down_ok = l != m || (inclusive && i + 1 == lower->n);
        bool up_ok = m != u && (inclusive || m + 1 < u || i + 1 < upper->n);
        if (down_ok && up_ok) {
            cut_near(d, i + 1);
            return;
        }
        if (down_ok) {
            cut(d, i + 1);
            return;
        }
        if (up_ok) {
            cut_up(d, i + 1);
            return;
        }
    }
}

struct wr_str wr_float_shortest(struct wr_arena *arena, struct wr_float a, int32_t *exponent10)
{
    struct digits d, lower, upper;
    wr_u128 twice = (wr_u128)a.m << 1;
    WR_ASSERT(a.m != 0);
    if (!exact_digits(arena, twice, a.e - 1, &d) ||
        !exact_digits(arena, twice - 1, a.e - 1, &lower) ||
        !exact_digits(arena, twice + 1, a.e - 1, &upper)) {
        return wr_str_of(NULL, 0);
    }
    shorten(&d, &lower, &upper, (a.m & 1) == 0);
    *exponent10 = d.e;
    return wr_str_of(d.d, (size_t)d.n);
}

struct wr_str wr_float_rounded(struct wr_arena *arena, struct wr_float a, bool places,
                               int32_t count, int32_t *exponent10)
{
    struct digits d;
    *exponent10 = 0;
    if (a.m == 0) {
        return wr_str_of("", 0);
    }
    if (!exact_digits(arena, a.m, a.e, &d)) {
        return wr_str_of(NULL, 0);
    }
    count = places ? d.e + count : count;
    if (count < 0) {
        d.n = 0;
    } else {
        cut_near(&d, count);
    }
    *exponent10 = d.e;
    return wr_str_of(d.d, (size_t)d.n);
}

static void write_plain(struct wr_buf *buf, struct wr_str digits, int32_t e)
{
    if (e <= 0) {
        wr_buf_str(buf, WR_STR("0."));
        for (int32_t i = e; i < 0; i++) {
            wr_buf_char(buf, '0');
        }
        wr_buf_str(buf, digits);
        return;
    }
    size_t whole = WR_MIN((size_t)e, digits.n);
    wr_buf_add(buf, digits.p, whole);
    for (size_t i = whole; i < (size_t)e; i++) {
        wr_buf_char(buf, '0');
    }
    if (whole < digits.n) {
        wr_buf_char(buf, '.');
        wr_buf_add(buf, digits.p + whole, digits.n - whole);
    }
}

static void write_exponent(struct wr_buf *buf, struct wr_str digits, int32_t e)
{
    int32_t exponent = e - 1;
    wr_buf_char(buf, digits.p[0]);
    if (digits.n > 1) {
        wr_buf_char(buf, '.');
        wr_buf_add(buf, digits.p + 1, digits.n - 1);
    }
    wr_buf_str(buf, exponent < 0 ? WR_STR("e-") : WR_STR("e+"));
    exponent = exponent < 0 ? -exponent : exponent;
    if (exponent < 10) {
        wr_buf_char(buf, '0');
    }
    wr_buf_u64(buf, (uint64_t)exponent);
}

struct wr_str wr_float_text(struct wr_arena *arena, struct wr_float a)
{
    int32_t e = 0;
    struct wr_buf buf = wr_buf_in(arena, 32);
    if (a.neg) {
        wr_buf_char(&buf, '-');
    }
    if (a.m == 0) {
        wr_buf_char(&buf, '0');
    } else {
        struct wr_str digits = wr_float_shortest(arena, a, &e);
        if (digits.n == 0) {
            return wr_str_of(NULL, 0);
        }
        if (wr_float_is_int(a) || (e - 1 >= -4 && e - 1 < 6)) {
            write_plain(&buf, digits, e);
        } else {
            write_exponent(&buf, digits, e);
        }
    }
    return buf.overflow ? wr_str_of(NULL, 0) : wr_buf_view(&buf);
}
