/* SPDX-License-Identifier: Apache-2.0 */
/* See tls_memory.h. */
#include "shell/tls_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>

enum { BLOCK_HEAD = 8 }; /* of a block in glibc's heap, beside what can be used of it */

static bool is_counted;
static _Thread_local uint64_t n_bytes;

static uint64_t size_of(void *block)
{
    return block != NULL ? malloc_usable_size(block) + BLOCK_HEAD : 0;
}

static void *take(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    void *block = malloc(size);
    n_bytes += size_of(block);
    return block;
}

static void give(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    n_bytes -= size_of(block);
    free(block);
}

/* As realloc, of size 0 as free. */
static void *change(void *block, size_t size, const char *file, int line)
{
    if (size == 0) {
        give(block, file, line);
        return NULL;
    }
    uint64_t before = size_of(block);
    void *changed = realloc(block, size);
    if (changed != NULL) {
        n_bytes += size_of(changed) - before;
    }
    return changed;
}

void wr_tls_memory_count(void)
{
    is_counted = is_counted || CRYPTO_set_mem_functions(take, change, give) == 1;
}

bool wr_tls_memory_is_counted(void)
{
    return is_counted;
}

uint64_t wr_tls_memory(void)
{
    return n_bytes;
}
