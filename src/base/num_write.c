/* SPDX-License-Identifier: Apache-2.0 */
/* Doubles and floats to decimal text.
 *
 * The shortest digits come from the algorithm Schubfach (R. Giulietti, "The Schubfach way to render
 * doubles", 2020): scale the rounding interval by a power of ten such that it spans at least one
 * and at most ten integers, and pick among the multiples of ten or of one inside it. Products are
 * rounded to odd, so that comparisons with the interval's ends stay exact. Fixed digits are exact
 * integer arithmetic. */
#include "base/big.h"
#include "base/num.h"
#include "base/pow10.h"

struct decimal { /* digits * 10^exponent */
    uint64_t digits;
    int exponent;
};

/* floor(g * factor / 2^128), with the last bit set when anything was cut off. */
static uint64_t round_to_odd(wr_u128 g, uint64_t factor)
{
    uint64_t low_high = (uint64_t)(((wr_u128)(uint64_t)g * factor) >> 64);
    wr_u128 high = (wr_u128)(uint64_t)(g >> 64) * factor + low_high;
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* Shortest decimal in the rounding interval of c * 2^q. `narrow`: the lower neighbour is only half
 * as far away, because c is a power of two. */
static struct decimal shortest(uint64_t c, int q, bool narrow)
{
    uint64_t open = c & 1; /* the interval's ends belong to even c only */
    int k = (q * 1262611 - (narrow ? 524031 : 0)) >> 22; /* floor(log10(interval)) */
    int h = q + wr_pow10_log2(-k) + 1;
    struct wr_pow10 power = wr_pow10(-k);
    wr_u128 g = ((wr_u128)power.hi << 64 | power.lo) + (k > 0 || k < -55); /* rounded up */
    uint64_t low = round_to_odd(g, (4 * c - 2 + narrow) << h) + open;
    uint64_t middle = round_to_odd(g, (4 * c) << h);
    uint64_t high = round_to_odd(g, (4 * c + 2) << h) - open;
    uint64_t s = middle / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        bool below = low <= 40 * tens, above = 40 * tens + 40 <= high;
        if (below != above) {
            return (struct decimal){tens + above, k + 1};
        }
    }
    bool below = low <= 4 * s, above = 4 * s + 4 <= high;
    if (below != above) {
        return (struct decimal){s + above, k};
    }
    uint64_t half = 4 * s + 2;
    bool up = middle > half || (middle == half && (s & 1) != 0);
    return (struct decimal){s + up, k};
}

static struct decimal without_zeros(struct decimal d)
{
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    return d;
}

static unsigned spread(struct decimal d, char *digits, int *exponent10)
{
    d = without_zeros(d);
    unsigned n = 0;
    for (uint64_t rest = d.digits; rest != 0; rest /= 10) {
        n++;
    }
    for (unsigned i = n; i-- > 0;) {
        digits[i] = (char)('0' + d.digits % 10);
        d.digits /= 10;
    }
    *exponent10 = d.exponent + (int)n;
    return n;
}

static uint64_t bits_of(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static uint32_t bits_of_float(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static struct decimal shortest_of(double d)
{
    uint64_t fraction = bits_of(d) & (((uint64_t)1 << 52) - 1);
    int exponent = (int)(bits_of(d) >> 52 & 0x7FF);
    WR_ASSERT(exponent != 0x7FF && (fraction != 0 || exponent != 0));
    if (exponent == 0) {
        return shortest(fraction, -1074, false);
    }
    uint64_t c = fraction | (uint64_t)1 << 52;
    int q = exponent - 1075;
    if (q <= 0 && q > -53 && (c & (((uint64_t)1 << -q) - 1)) == 0) { /* an integer */
        return (struct decimal){c >> -q, 0};
    }
    return shortest(c, q, fraction == 0 && exponent > 1);
}

unsigned wr_num_shortest(double d, char digits[17], int *exponent10)
{
    return spread(shortest_of(d), digits, exponent10);
}

void wr_num_shortest_integer(double d, uint64_t *digits, int *exponent10)
{
    struct decimal found = without_zeros(shortest_of(d));
    *digits = found.digits;
    *exponent10 = found.exponent;
}

unsigned wr_num_shortest_float(float f, char digits[9], int *exponent10)
{
    uint32_t fraction = bits_of_float(f) & 0x7FFFFF;
    int exponent = (int)(bits_of_float(f) >> 23 & 0xFF);
    WR_ASSERT(exponent != 0xFF && (fraction != 0 || exponent != 0));
    if (exponent == 0) {
        return spread(shortest(fraction, -149, false), digits, exponent10);
    }
    return spread(shortest(fraction | 1U << 23, exponent - 150, fraction == 0 && exponent > 1),
                  digits, exponent10);
}

static void add_zeros(struct wr_buf *buf, unsigned n)
{
    for (; n > 0; n--) {
        wr_buf_char(buf, '0');
    }
}

static void write_exponent(struct wr_buf *buf, const char *digits, unsigned n, int exponent)
{
    wr_buf_char(buf, digits[0]);
    if (n > 1) {
        wr_buf_char(buf, '.');
        wr_buf_add(buf, digits + 1, n - 1);
    }
    wr_buf_char(buf, 'e');
    wr_buf_char(buf, exponent > 0 ? '+' : '-');
    wr_buf_u64(buf, (uint64_t)(exponent > 0 ? exponent : -exponent));
}

/* 0.d1...dn * 10^point, plainly for 1e-7 <= value < 1e21. */
static void write_digits(struct wr_buf *buf, const char *digits, unsigned n, int point)
{
    if (point > 21 || point < -6) {
        write_exponent(buf, digits, n, point - 1);
    } else if (point <= 0) {
        wr_buf_add(buf, "0.", 2);
        add_zeros(buf, (unsigned)-point);
        wr_buf_add(buf, digits, n);
    } else if ((unsigned)point >= n) {
        wr_buf_add(buf, digits, n);
        add_zeros(buf, (unsigned)point - n);
    } else {
        wr_buf_add(buf, digits, (unsigned)point);
        wr_buf_char(buf, '.');
        wr_buf_add(buf, digits + point, n - (unsigned)point);
    }
}

/* Writes the sign and what has no digits; true when digits are still to be written. */
static bool write_special(struct wr_buf *buf, bool negative, bool finite, bool nan, bool zero)
{
    if (nan) {
        wr_buf_add(buf, "NaN", 3);
        return false;
    }
    if (negative) {
        wr_buf_char(buf, '-');
    }
    if (!finite) {
        wr_buf_add(buf, "Infinity", 8);
    } else if (zero) {
        wr_buf_char(buf, '0');
    }
    return finite && !zero;
}

static bool write_double_special(struct wr_buf *buf, double d)
{
    uint64_t bits = bits_of(d), magnitude = bits << 1 >> 1;
    const uint64_t infinity = (uint64_t)0x7FF << 52;
    return write_special(buf, bits >> 63 != 0, magnitude<infinity, magnitude> infinity,
                         magnitude == 0);
}

void wr_num_write_digits(struct wr_buf *buf, uint64_t found, int exponent10)
{
    char digits[20];
    int point;
    unsigned n = spread((struct decimal){found, exponent10}, digits, &point);
    write_digits(buf, digits, n, point);
}

void wr_num_write_double(struct wr_buf *buf, double d)
{
    if (write_double_special(buf, d)) {
        struct decimal found = shortest_of(d);
        wr_num_write_digits(buf, found.digits, found.exponent);
    }
}

void wr_num_write_float(struct wr_buf *buf, float f)
{
    uint32_t bits = bits_of_float(f), magnitude = bits << 1 >> 1;
    if (write_special(buf, bits >> 31 != 0, magnitude<0x7F800000, magnitude> 0x7F800000,
                      magnitude == 0)) {
        char digits[9];
        int point;
        unsigned n = wr_num_shortest_float(f, digits, &point);
        write_digits(buf, digits, n, point);
    }
}

/* Text of an integer, at least `least` digits; consumes it. */
static void write_big(struct wr_buf *buf, struct wr_big *big, unsigned decimals)
{
    char text[360];
    size_t at = sizeof text;
    unsigned written = 0;
    while (big->n > 0 || written <= decimals) {
        uint32_t nine = wr_big_div_1e9(big);
        for (int i = 0; i < 9 && (nine != 0 || big->n > 0 || written <= decimals); i++) {
            text[--at] = (char)('0' + nine % 10);
            nine /= 10;
            if (++written == decimals) {
                text[--at] = '.';
            }
        }
    }
    wr_buf_add(buf, text + at, sizeof text - at);
}

void wr_num_write_fixed(struct wr_buf *buf, double d, unsigned decimals)
{
    WR_ASSERT(decimals <= 17);
    uint64_t bits = bits_of(d);
    int exponent = (int)(bits >> 52 & 0x7FF);
    if (exponent == 0x7FF) {
        write_double_special(buf, d);
        return;
    }
    uint64_t m = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)(exponent != 0) << 52;
    int q = WR_MAX(exponent, 1) - 1075;
    struct wr_big big;
    wr_big_set(&big, m);
    wr_big_mul_add(&big, wr_pow10_u64[decimals], 0); /* below 2^110 */
    if (q >= 0) {
        wr_big_shift_left(&big, (unsigned)q);
    } else {
        wr_u128 v = big.n == 0   ? 0
                    : big.n == 1 ? big.limb[0]
                                 : (wr_u128)big.limb[1] << 64 | big.limb[0];
        unsigned shift = (unsigned)-q;
        wr_u128 kept = shift > 127 ? 0 : v >> shift;
        if (shift <= 127) { /* else below one half */
            wr_u128 rest = v & (((wr_u128)1 << shift) - 1), half = (wr_u128)1 << (shift - 1);
            kept += rest > half || (rest == half && (kept & 1) != 0);
        }
        big.limb[0] = (uint64_t)kept;
        big.limb[1] = (uint64_t)(kept >> 64);
        big.n = big.limb[1] != 0 ? 2 : big.limb[0] != 0;
    }
    if (bits >> 63 != 0) {
        wr_buf_char(buf, '-');
    }
    write_big(buf, &big, decimals);
}
