/* SPDX-License-Identifier: Apache-2.0 */
/* The module reader: any bytes as a module; and, so that the digest does not stop every change, any
 * bytes as a program, plain or packed, put into a module of our own. Refused with a reason, or
 * opened and scored without a byte read or written outside. */
#include "fuzz_model.h"

#include "model/kernel.h"
#include "model/packed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
/* A program that passes the check is run: without a module around it. */
static void run(struct wr_arena *arena, const uint8_t *program, size_t n)
{
    struct wr_error error = {0};
    struct wr_kernel k;
    if (wr_program_check(arena, program, n, NULL, &error) != WR_OK) {
        demand(error.text[0] != 0);
        return;
    }
    const struct wr_program *p = (const void *)program;
    wr_kernel_open(&k, program, wr_kernel_best());
    double *row = WR_NEW_ARRAY(arena, double, p->n_inputs);
    double *outputs = WR_NEW_ARRAY(arena, double, p->n_outputs);
    uint8_t *scratch = wr_arena_zalloc(arena, k.scratch, 64);
    if (row != NULL && outputs != NULL && scratch != NULL) {
        (void)wr_kernel_score(&k, row, 1, outputs, scratch);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct wr_arena arena;
    double outputs[8];
    wr_arena_init(&arena, &fuzz_memory, ROOM);
    (void)fuzz_score(&arena, wr_str_of((const char *)data, n), outputs, 8);
    size_t size = n & ~(size_t)63;
    uint8_t *bytes = wr_arena_alloc(&arena, size + 64, 64);
    memcpy(bytes, data, size);
    if (size >= sizeof(struct wr_packed) && wr_is_packed(bytes)) {
        uint32_t image_size = ((const struct wr_packed *)(const void *)bytes)->image;
        uint8_t *image = image_size <= 1u << 24 ? wr_arena_zalloc(&arena, image_size, 64) : NULL;
        if (image != NULL && wr_unpack(bytes, size, image) == NULL) {
            run(&arena, image, image_size);
        }
    } else {
        run(&arena, bytes, size);
    }
    wr_arena_deinit(&arena);
    return 0;
}
