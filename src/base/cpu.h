/* SPDX-License-Identifier: Apache-2.0 */
/* Which instructions of the processor the core may use beyond the compiler's base line.
 *
 * They only ever replace a portable path that gives the same bits. Asked once: the instruction
 * that tells is slow, above all in virtual machines. The answer is kept in the one variable of the
 * core that changes, which every thread would set to the same value. */
#ifndef WR_CPU_H
#define WR_CPU_H

#include "base/base.h"

#if defined(__x86_64__) && !defined(__wasm__)
#define WR_CPU_X86 1
#endif

enum wr_cpu_feature {
    WR_CPU_SSE42 = 1,
    WR_CPU_SHA = 2,    /* SHA-NI with SSSE3 and SSE4.1 */
    WR_CPU_AVX512 = 4, /* F and BW, with registers that the system keeps */
    WR_CPU_AVX2 = 8,
    WR_CPU_AVX512_MORE = 16, /* and DQ, VL and BMI2 */
    WR_CPU_KNOWN = 1 << 30,
};

unsigned wr_cpu(void);
/* Tests only: leaves `features` as if the processor had no others. */
void wr_cpu_restrict(unsigned features);

#endif
