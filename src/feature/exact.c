/* SPDX-License-Identifier: Apache-2.0 */
/* Where both sides are below 2^53 they are doubles already and the machine's division is correctly
 * rounded (exact.h). Otherwise schoolbook division, bit by bit, until 55 bits of quotient and a
 * remainder settle the rounding. */
#include "feature/exact.h"

const uint64_t wr_powers10[19] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
};

static int bit_length(wr_u128 v)
{
    uint64_t high = (uint64_t)(v >> 64), low = (uint64_t)v;
    return high != 0 ? 128 - __builtin_clzll(high) : low != 0 ? 64 - __builtin_clzll(low) : 0;
}

/* quotient * 2^exponent, half to even; `more` says that something non-zero was cut off. */
static double assemble(wr_u128 quotient, bool more, int exponent, bool negative)
{
    int cut = bit_length(quotient) - 53;
    WR_ASSERT(cut >= 2);
    wr_u128 rest = quotient & (((wr_u128)1 << cut) - 1), half = (wr_u128)1 << (cut - 1);
    uint64_t mantissa = (uint64_t)(quotient >> cut);
    bool up = rest > half || (rest == half && (more || (mantissa & 1) != 0));
    mantissa += up ? 1 : 0;
    exponent += cut;
    if (mantissa >> 53 != 0) {
        mantissa >>= 1;
        exponent++;
    }
    uint64_t bits = (mantissa & ((UINT64_C(1) << 52) - 1)) |
                    (uint64_t)(exponent + 52 + 1023) << 52 | (uint64_t)negative << 63;
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

double wr_ratio_long(wr_i128 numerator, wr_u128 denominator)
{
    WR_ASSERT(denominator != 0 && denominator >> 126 == 0);
    bool negative = numerator < 0;
    wr_u128 a = negative ? -(wr_u128)numerator : (wr_u128)numerator;
    if (a == 0) {
        return 0;
    }
    wr_u128 quotient = 0, rest = 0;
    int exponent = 0;
    for (int bit = bit_length(a) - 1; bit >= 0 || quotient >> 54 == 0; bit--) {
        rest = rest << 1 | (bit >= 0 ? a >> bit & 1 : 0);
        quotient <<= 1;
        if (rest >= denominator) {
            rest -= denominator;
            quotient |= 1;
        }
        exponent -= bit < 0 ? 1 : 0;
    }
    return assemble(quotient, rest != 0, exponent, negative);
}
