/* SPDX-License-Identifier: Apache-2.0 */
/* Elementary functions from + - * / and bit patterns alone (see fmath.h).
 *
 * Arguments are reduced to a small interval with the constants of ln 2 in two parts; the rest is a
 * Taylor or atanh series, long enough that its tail lies below the last bit. wr_pow carries the
 * logarithm in two doubles (Dekker's error-free sums and products, Numerische Mathematik 18, 1971),
 * since an error of the logarithm is multiplied by the exponent. Not for speed records: a call
 * takes some ten to fifty operations, erf and pow a few hundred. */
#include "base/fmath.h"

#define LN2_HIGH 0x1.62e42feep-1 /* 33 bits: k * LN2_HIGH is exact for |k| < 2^20 */
#define LN2_LOW  0x1.a39ef35793c76p-33
#define LOG2_E   0x1.71547652b82fep+0

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double infinity(void)
{
    return of_bits(0x7ff0000000000000u);
}

static double not_a_number(void)
{
    return of_bits(0x7ff8000000000000u);
}

static double magnitude(double x)
{
    return of_bits(bits_of(x) & 0x7fffffffffffffffu);
}

static bool is_nan(double x)
{
    return (bits_of(x) & 0x7fffffffffffffffu) > 0x7ff0000000000000u;
}

/* x * 2^k with one rounding, for a normal x near 1 and |k| <= 1100. */
static double scale(double x, int k)
{
    int half = k / 2;
    double first = of_bits((uint64_t)(1023 + half) << 52);
    double second = of_bits((uint64_t)(1023 + k - half) << 52);
    return x * first * second;
}

/* ── exponentials ───────────────────────────────────────────────────────────────────────────── */
/* x = k ln 2 + (high - low), |high - low| <= ln 2 / 2. */
static int reduce(double x, double *high, double *low)
{
    double k = x * LOG2_E;
    int n = (int)(k < 0 ? k - 0.5 : k + 0.5);
    *high = x - n * LN2_HIGH;
    *low = n * LN2_LOW;
    return n;
}

/* (exp(r) - 1 - r) / r^2 for |r| <= 0.35: its Taylor series to r^12. */
static double exp_tail(double r)
{
    double q = 1.0 / 87178291200.0;
    q = q * r + 1.0 / 6227020800.0;
    q = q * r + 1.0 / 479001600.0;
    q = q * r + 1.0 / 39916800.0;
    q = q * r + 1.0 / 3628800.0;
    q = q * r + 1.0 / 362880.0;
    q = q * r + 1.0 / 40320.0;
    q = q * r + 1.0 / 5040.0;
    q = q * r + 1.0 / 720.0;
    q = q * r + 1.0 / 120.0;
    q = q * r + 1.0 / 24.0;
    q = q * r + 1.0 / 6.0;
    return q * r + 0.5;
}

double wr_exp(double x)
{
    if (!(x <= 709.782712893384)) { /* also NaN */
        return is_nan(x) ? not_a_number() : infinity();
    }
    if (x < -745.1332191019412) {
        return 0.0;
    }
    double high, low;
    int k = reduce(x, &high, &low);
    double r = high - low;
    return scale(1.0 + (high + (r * r * exp_tail(r) - low)), k);
}

double wr_expm1(double x)
{
    if (!(x <= 709.782712893384)) {
        return is_nan(x) ? not_a_number() : infinity();
    }
    if (x < -40.0) {
        return -1.0;
    }
    double high, low;
    int k = reduce(x, &high, &low);
    double r = high - low;
    /* What rounding high - low lost is added back in the small term. */
    double rest = (high - r) - low;
    double e = r + (r * r * exp_tail(r) + rest);
    if (k == 0) {
        return e;
    }
    if (k > 60) {
        return scale(1.0 + e, k);
    }
    double power = of_bits((uint64_t)(1023 + k) << 52);
    return power * e + (power - 1.0);
}

/* ── logarithms ─────────────────────────────────────────────────────────────────────────────── */
/* x = 2^k * m, sqrt(1/2) <= m < sqrt(2), for finite x > 0, subnormals too. */
static int split(double x, double *m)
{
    int k = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        k = -54;
    }
    uint64_t bits = bits_of(x);
    k += (int)(bits >> 52) - 1023;
    bits = (bits & 0x000fffffffffffffu) | 0x3ff0000000000000u;
    *m = of_bits(bits);
    if (*m > 0x1.6a09e667f3bcdp+0) {
        *m *= 0.5;
        k++;
    }
    return k;
}

/* 2 atanh(s) / s - 2 as a series in z = s^2 <= 0.0295, to z^11. */
static double atanh_tail(double z)
{
    double q = 2.0 / 23.0;
    for (int n = 21; n >= 3; n -= 2) {
        q = q * z + 2.0 / n;
    }
    return q * z;
}

/* log(1 + f) + k ln 2 with a correction c of f, |f| < 0.42. With s = f / (2 + f):
 * log(1 + f) = f - (f^2/2 - s (f^2/2 + tail)), which cancels less than 2 atanh(s) itself. */
static double log_of(double f, double c, int k)
{
    double s = f / (2.0 + f);
    double half = 0.5 * f * f;
    double small = s * (half + atanh_tail(s * s)) + (k * LN2_LOW + c);
    return k * LN2_HIGH - ((half - small) - f);
}

double wr_log(double x)
{
    if (!(x > 0)) {
        return x == 0 ? -infinity() : not_a_number();
    }
    if (x == infinity()) {
        return x;
    }
    double m;
    int k = split(x, &m);
    return log_of(m - 1.0, 0.0, k);
}

double wr_log1p(double x)
{
    if (!(x > -1.0)) {
        return x == -1.0 ? -infinity() : not_a_number();
    }
    if (x == infinity()) {
        return x;
    }
    if (magnitude(x) < 0x1p-54) {
        return x;
    }
    double m, sum = 1.0 + x;
    int k = split(sum, &m);
    if (k == 0 && magnitude(x) < 0.4) {
        return log_of(x, 0.0, 0);
    }
    /* What 1 + x lost, relative to the sum, is the first-order correction. */
    double lost = x < 1.0 ? x - (sum - 1.0) : 1.0 - (sum - x);
    return log_of(m - 1.0, lost / sum, k);
}

/* ── curves ─────────────────────────────────────────────────────────────────────────────────── */
double wr_tanh(double x)
{
    double a = magnitude(x), t;
    if (is_nan(x)) {
        return not_a_number();
    }
    if (a > 22.0) {
        t = 1.0;
    } else if (a < 0x1p-28) {
        t = a;
    } else if (a < 1.0) {
        double e = wr_expm1(-2.0 * a);
        t = -e / (e + 2.0);
    } else {
        t = 1.0 - 2.0 / (wr_expm1(2.0 * a) + 2.0);
    }
    return bits_of(x) >> 63 != 0 ? -t : t;
}

double wr_sigmoid(double x)
{
    if (x >= 0) {
        return 1.0 / (1.0 + wr_exp(-x));
    }
    double e = wr_exp(x);
    return e / (1.0 + e);
}

/* ── two doubles ────────────────────────────────────────────────────────────────────────────── */
struct pair { /* the unevaluated sum high + low */
    double high, low;
};

static struct pair sum_of(double a, double b)
{
    double s = a + b, t = s - a;
    return (struct pair){s, (a - (s - t)) + (b - t)};
}

static struct pair product_of(double a, double b)
{
    double p = a * b, ta = a * 134217729.0, tb = b * 134217729.0;
    double ah = ta - (ta - a), al = a - ah, bh = tb - (tb - b), bl = b - bh;
    return (struct pair){p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

static struct pair pair_add(struct pair a, struct pair b)
{
    struct pair s = sum_of(a.high, b.high);
    return sum_of(s.high, s.low + (a.low + b.low));
}

static struct pair pair_mul(struct pair a, struct pair b)
{
    struct pair p = product_of(a.high, b.high);
    return sum_of(p.high, p.low + (a.high * b.low + a.low * b.high));
}

static struct pair pair_div(struct pair a, struct pair b)
{
    double q = a.high / b.high;
    struct pair p = product_of(q, b.high);
    double rest = ((a.high - p.high) - p.low) + a.low - q * b.low;
    return sum_of(q, rest / b.high);
}

/* log(x) to about 100 bits for finite x > 0. */
static struct pair log_pair(double x)
{
    double m;
    int k = split(x, &m);
    struct pair f = {m - 1.0, 0.0};
    struct pair s = pair_div(f, sum_of(2.0, f.high));
    struct pair z = pair_mul(s, s);
    struct pair q = {0.0, 0.0};
    for (int n = 35; n >= 1; n -= 2) {
        q = pair_add(pair_mul(q, z), pair_div((struct pair){2.0, 0.0}, (struct pair){n, 0.0}));
    }
    struct pair ln2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
    return pair_add(pair_mul((struct pair){k, 0.0}, ln2), pair_mul(q, s));
}

/* ── error function ─────────────────────────────────────────────────────────────────────────── */
/* exp(-x^2), the square in two parts. */
static double gauss(double x)
{
    struct pair square = product_of(x, x);
    return wr_exp(-square.high) * (1.0 - square.low);
}

double wr_erf(double x)
{
    double a = magnitude(x), y;
    if (is_nan(x)) {
        return not_a_number();
    }
    if (a >= 6.0) {
        y = 1.0;
    } else if (a < 3.0) {
        /* 2/sqrt(pi) sum of (-1)^n x^(2n+1) / (n! (2n+1)); two doubles outlast the cancellation. */
        struct pair minus = product_of(-a, a), power = {a, 0.0}, sum = {a, 0.0};
        for (int n = 1; n <= 80 && magnitude(power.high) > sum.high * 0x1p-60; n++) {
            power = pair_div(pair_mul(power, minus), (struct pair){n, 0.0});
            sum = pair_add(sum, pair_div(power, (struct pair){2 * n + 1, 0.0}));
        }
        y = pair_mul(sum, (struct pair){0x1.20dd750429b6dp+0, 0x1.1ae3a914fed8p-56}).high;
    } else {
        double fraction = 1.0; /* Laplace's continued fraction of erfc, from its far end */
        for (int n = 60; n >= 1; n--) {
            fraction = 1.0 + n / (2.0 * a * a) / fraction;
        }
        y = 1.0 - gauss(a) / (a * 0x1.c5bf891b4ef6bp+0 * fraction);
    }
    return bits_of(x) >> 63 != 0 ? -y : y;
}

/* ── powers ─────────────────────────────────────────────────────────────────────────────────── */
/* 0: y is no integer; 1: odd; 2: even. */
static int parity(double y)
{
    double a = magnitude(y);
    if (a >= 0x1p53) {
        return 2;
    }
    int64_t i = (int64_t)a;
    if ((double)i != a) {
        return 0;
    }
    return (i & 1) != 0 ? 1 : 2;
}

/* x or y is zero, infinite, or 1: the corner cases of C17 F.10.4.4. */
static double pow_corner(double x, double y, double sign)
{
    double a = magnitude(x);
    if (magnitude(y) == infinity()) {
        if (a == 1.0) {
            return 1.0;
        }
        return (a > 1.0) == (y > 0) ? infinity() : 0.0;
    }
    if (a == 1.0) {
        return sign;
    }
    return sign * ((a == 0) == (y > 0) ? 0.0 : infinity());
}

double wr_pow(double x, double y)
{
    if (y == 0 || x == 1.0) {
        return 1.0;
    }
    if (is_nan(x) || is_nan(y)) {
        return not_a_number();
    }
    double a = magnitude(x);
    int odd = parity(y);
    double sign = bits_of(x) >> 63 != 0 && odd == 1 ? -1.0 : 1.0;
    if (a == 0 || a == 1.0 || a == infinity() || magnitude(y) == infinity()) {
        return x == -1.0 && odd == 0 && magnitude(y) != infinity() ? not_a_number()
                                                                   : pow_corner(x, y, sign);
    }
    if (x < 0 && odd == 0) {
        return not_a_number();
    }
    struct pair log = log_pair(a);
    if (magnitude(y) > 0x1p70) { /* beyond any finite result; keeps the products finite */
        return sign * ((log.high > 0) == (y > 0) ? infinity() : 0.0);
    }
    struct pair power = pair_mul(log, (struct pair){y, 0.0});
    if (power.high > 710.0) {
        return sign * infinity();
    }
    if (power.high < -746.0) {
        return sign * 0.0;
    }
    double high, low;
    int k = reduce(power.high, &high, &low);
    low -= power.low;
    double r = high - low;
    return sign * scale(1.0 + (high + (r * r * exp_tail(r) - low)), k);
}
