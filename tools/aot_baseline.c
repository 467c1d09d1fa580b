/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler of WasmEdge 0.14.1 believes that the processor can do: x86-64-v2, which is
 * every x86-64 processor since about 2009.
 *
 * Its --generic-binary chooses the processor "generic", but hands LLVM the features of the machine
 * that it runs on all the same: compiled on a server with AVX-512, the module would end with an
 * illegal instruction on a small node. It asks LLVM by the function below, which is found here
 * first when this is preloaded (tools/aot.sh). */
#include <stdlib.h>
#include <string.h>

char *LLVMGetHostCPUFeatures(void);

/* The caller frees it. */
char *LLVMGetHostCPUFeatures(void)
{
    return strdup("+cx8,+cx16,+fxsr,+mmx,+popcnt,+sahf,+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2");
}
