/* SPDX-License-Identifier: Apache-2.0 */
/* What all drivers share: memory from the heap, a trap where a property does not hold. */
#ifndef WR_FUZZ_H
#define WR_FUZZ_H

#include "base/arena.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void *fuzz_take(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static inline void fuzz_give(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}

static const struct wr_memory fuzz_memory = {fuzz_take, fuzz_give, NULL};

static inline void demand(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

#endif
