/* SPDX-License-Identifier: Apache-2.0 */
/* The module reader: any bytes as a module; and, so that the digest does not stop every change, any
 * bytes as a program, plain or packed, put into a module of our own. Refused with a reason, or
 * opened and scored without a byte read or written outside. */
#include "fuzz_model.h"

#include "model/module.h"
#include "model/packed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct wr_arena arena;
    struct wr_error error = {0};
    double outputs[8];
    wr_arena_init(&arena, &fuzz_memory, ROOM);
    fuzz_score(&arena, wr_str_of((const char *)data, n), outputs, 8);
    size_t size = n & ~(size_t)63;
    uint8_t *program = wr_arena_alloc(&arena, size + 64, 64);
    struct wr_buf module = wr_buf_in(&arena, size + 131072);
    if (size >= 256) {
        memcpy(program, data, size);
        const struct wr_packed *packed = (const void *)program;
        bool plain = !wr_is_packed(program); /* the writer trusts what it is given */
        if (plain || (packed->plain <= size - 128 && packed->plain % 4 == 0)) {
            if (wr_module_write(wr_str_of((const char *)program, size), &module, &error) == WR_OK) {
                fuzz_score(&arena, wr_buf_view(&module), outputs, 8);
            }
        }
    }
    wr_arena_deinit(&arena);
    return 0;
}
