/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpu.h"

#ifdef WR_CPU_X86
#include <cpuid.h>

/* Does the system keep the registers of AVX-512 for each thread? Only asked where there is xgetbv.
 */
static bool keeps_wide_registers(void)
{
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 0xE6) == 0xE6;
}

static unsigned ask(void)
{
    unsigned a, b, c, d, found = WR_CPU_KNOWN;
    if (!__get_cpuid(1, &a, &b, &c, &d)) {
        return found;
    }
    bool ssse3 = (c >> 9 & 1) != 0, sse41 = (c >> 19 & 1) != 0;
    bool wide = (c >> 27 & 1) != 0 && keeps_wide_registers();
    found |= (c >> 20 & 1) != 0 ? WR_CPU_SSE42 : 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        return found;
    }
    found |= (b >> 29 & 1) != 0 && ssse3 && sse41 ? WR_CPU_SHA : 0;
    found |= (b >> 16 & b >> 30 & 1) != 0 && wide ? WR_CPU_AVX512 : 0;
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
