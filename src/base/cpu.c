/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpu.h"

#ifdef WR_CPU_X86
#include <cpuid.h>

/* Which registers the system keeps for each thread, by the bits of XCR0: 6 those of AVX, E6 those
 * of AVX-512 too. Only asked where there is xgetbv. */
static unsigned kept_registers(void)
{
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static unsigned ask(void)
{
    unsigned a, b, c, d, found = WR_CPU_KNOWN, most = __get_cpuid_max(0, NULL);
    if (most < 1) {
        return found;
    }
    __cpuid(1, a, b, c, d);
    bool ssse3 = (c >> 9 & 1) != 0, sse41 = (c >> 19 & 1) != 0;
    unsigned kept = (c >> 27 & 1) != 0 ? kept_registers() : 0;
    bool wide = (kept & 0xE6) == 0xE6;
    found |= (c >> 20 & 1) != 0 ? WR_CPU_SSE42 : 0;
    if (most < 7) {
        return found;
    }
    __cpuid_count(7, 0, a, b, c, d);
    found |= (b >> 29 & 1) != 0 && ssse3 && sse41 ? WR_CPU_SHA : 0;
    found |= (b >> 16 & b >> 30 & 1) != 0 && wide ? WR_CPU_AVX512 : 0;
    found |= (b >> 5 & 1) != 0 && (kept & 6) == 6 ? WR_CPU_AVX2 : 0;
    const unsigned more = 1U << 8 | 1U << 16 | 1U << 17 | 1U << 30 | 1U << 31;
    found |= (b & more) == more && wide ? WR_CPU_AVX512_MORE : 0;
    return found;
}
#else
static unsigned ask(void)
{
    return WR_CPU_KNOWN;
}
#endif

static unsigned features;

unsigned wr_cpu(void)
{
    unsigned known = __atomic_load_n(&features, __ATOMIC_RELAXED);
    if (WR_UNLIKELY(known == 0)) {
        known = ask();
        __atomic_store_n(&features, known, __ATOMIC_RELAXED);
    }
    return known;
}

void wr_cpu_restrict(unsigned allowed)
{
    __atomic_store_n(&features, (ask() & allowed) | WR_CPU_KNOWN, __ATOMIC_RELAXED);
}
