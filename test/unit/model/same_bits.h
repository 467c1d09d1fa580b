/* SPDX-License-Identifier: Apache-2.0 */
/* What has to give the same bits: every level of the kernel natively, the module under Node, and
 * its program in a kernel that was compiled without SIMD. */
#ifndef SAME_BITS_H
#define SAME_BITS_H

#include <math.h>
#include <unistd.h>

#include "model/kernel_block.h"
#include "model/module.h"
#include "model/packed.h"
#include "model_test.h"

/* The program that a module holds, unpacked if need be. */
static inline struct wr_str program_in(struct test_model *m, bool *packed)
{
    struct wr_module module;
    CHECK(wr_module_read(wr_buf_view(&m->wasm), &module, NULL) == WR_OK);
    uint8_t *bytes = wr_arena_alloc(&m->arena, module.program.n, 64);
    memcpy(bytes, module.program.p, module.program.n);
    *packed = wr_is_packed(bytes);
    if (!*packed) {
        return wr_str_of((const char *)bytes, module.program.n);
    }
    uint32_t size = ((const struct wr_packed *)(void *)bytes)->image;
    uint8_t *image = wr_arena_alloc(&m->arena, size, 64);
    CHECK(wr_unpack(bytes, module.program.n, image) == NULL);
    return wr_str_of((const char *)image, size);
}

/* Every level of the kernel, row by row and in batches, gives the scalar walk's bits. `rows` holds
 * n rows. */
static inline void check_levels(struct test_model *m, const double *rows, uint32_t n)
{
    struct wr_kernel k;
    bool packed;
    size_t n_in = wr_model_n_inputs(m->model), n_out = wr_model_n_outputs(m->model);
    const uint8_t *program = (const uint8_t *)program_in(m, &packed).p;
    double *want = wr_arena_array(&m->arena, (size_t)n * n_out, 8, 8);
    double *got = wr_arena_array(&m->arena, (size_t)n * n_out, 8, 8);
    CHECK(program != NULL && want != NULL && got != NULL);
    wr_kernel_open(&k, program, WR_KERNEL_SCALAR);
    uint8_t *scratch = wr_arena_alloc(&m->arena, k.scratch, 64);
    CHECK(wr_kernel_score(&k, rows, n, want, scratch) == WR_KERNEL_OK);
    unsigned best = wr_kernel_best();
    for (unsigned level = 0; level <= best + 1;
         level++) { /* the best one with and without blocks */
        wr_kernel_open(&k, program, (enum wr_kernel_level)WR_MIN(level, best));
        CHECK(level <= best || wr_blocks_make(&k, &m->arena, WR_LIMIT_MODEL_BLOCKS) == WR_OK);
        scratch = wr_arena_alloc(&m->arena, k.scratch, 64);
        static const uint32_t pieces[] = {1, 33, 300};
        for (size_t p = 0; p < WR_COUNTOF(pieces); p++) {
            memset(got, 0x55, (size_t)n * n_out * 8);
            memset(scratch, 0x55, k.scratch);
            for (uint32_t at = 0; at < n; at += pieces[p]) {
                CHECK(wr_kernel_score(&k, rows + at * n_in, WR_MIN(pieces[p], n - at),
                                      got + at * n_out, scratch) == WR_KERNEL_OK);
            }
            for (size_t i = 0; i < (size_t)n * n_out; i++) {
                bool both_nan = isnan(got[i]) && isnan(want[i]);
                if (!both_nan && memcmp(&got[i], &want[i], 8) != 0) {
                    fprintf(stderr, "level %u, pieces of %u: output %zu differs\n", level,
                            pieces[p], i);
                    CHECK(false);
                    return;
                }
            }
        }
    }
}

/* ── under Node ─────────────────────────────────────────────────────────────────────────────── */
static inline bool test_has_node(void)
{
    static int known = -1;
    if (known < 0) {
        known = system("node -e 0 >/dev/null 2>&1") == 0;
    }
    if (known == 0) {
        check_skip("node is absent: the modules' own exports were not run");
    }
    return known != 0;
}

static char test_scalar_name[64]; /* of this process: tests run side by side in one folder */

static inline void test_remove_scalar(void)
{
    remove(test_scalar_name);
}

/* The kernel compiled without SIMD, until the test ends; "" where it cannot be made. */
static inline const char *test_scalar_kernel(void)
{
    static int known = -1;
    if (known < 0) {
        char command[4096];
        snprintf(test_scalar_name, sizeof test_scalar_name, "model-scalar-%d.wasm", (int)getpid());
        snprintf(command, sizeof command, "sh %s/tools/make-kernel-wasm.sh --scalar %s",
                 WEIR_SOURCE, test_scalar_name);
        known = system(command) == 0;
        atexit(test_remove_scalar);
    }
    if (known == 0) {
        check_skip("the scalar wasm kernel cannot be made here: it was not run");
    }
    return known != 0 ? test_scalar_name : "";
}

/* A file in the working folder. */
static inline void test_write(const char *name, const void *bytes, size_t n)
{
    FILE *out = fopen(name, "wb");
    CHECK(out != NULL && fwrite(bytes, 1, n, out) == n);
    if (out != NULL) {
        fclose(out);
    }
}

#endif
