#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints src/base/pow10.c: the powers of ten as normalised 128-bit integers, rounded down.

    python3 tools/pow10_table.py > src/base/pow10.c

Entry k holds floor(10^k / 2^e) with e such that the result has exactly 128 bits; entries 0..55
are exact, since 5^55 < 2^128.
"""

FIRST, LAST = -342, 324


def entry(k):
    if k >= 0:
        p = 10**k
        shift = p.bit_length() - 128
        return p >> shift if shift >= 0 else p << -shift
    p = 10**-k
    shift = p.bit_length() + 127
    q = (1 << shift) // p
    return q >> (q.bit_length() - 128)


def main():
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Powers of ten for reading and writing doubles; made by tools/pow10_table.py. */")
    print('#include "base/pow10.h"\n')
    print("const struct wr_pow10 wr_pow10_table[WR_POW10_LAST - WR_POW10_FIRST + 1] = {")
    for k in range(FIRST, LAST + 1):
        v = entry(k)
        assert v.bit_length() == 128
        print("    {0x%016xU, 0x%016xU}, /* 1e%d */" % (v >> 64, v & (2**64 - 1), k))
    print("};")


main()
