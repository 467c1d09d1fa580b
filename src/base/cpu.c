/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpu.h"

#ifdef WR_CPU_X86
#include <cpuid.h>

static unsigned ask(void)
{
    unsigned a, b, c, d, found = WR_CPU_KNOWN;
    if (!__get_cpuid(1, &a, &b, &c, &d)) {
        return found;
    }
    bool ssse3 = (c >> 9 & 1) != 0, sse41 = (c >> 19 & 1) != 0;
    found |= (c >> 20 & 1) != 0 ? WR_CPU_SSE42 : 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) != 0 && ssse3 && sse41) {
        found |= WR_CPU_SHA;
    }
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
