/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz drivers of models share: a source is refused with a reason, or compiles to a module
 * that opens, packed and unpacked, and scores a row alike in both. */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "model/model.h"

#include <stdlib.h>

#define ROOM       ((size_t)1 << 30)
#define FUZZ_STEPS 10000000u /* of an explanation that is worth its time here */

static void *fuzz_take(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void fuzz_give(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}

static const struct wr_memory fuzz_memory = {fuzz_take, fuzz_give, NULL};

static void demand(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

/* Explains the first outputs of a row in rooms of just the size told; false without memory. */
static inline bool fuzz_explain(struct wr_arena *arena, const struct wr_model *model,
                                const double *row)
{
    double *got = malloc((wr_model_n_inputs(model) + 2) * sizeof *got);
    void *scratch = wr_arena_alloc(arena, wr_model_explain_scratch_size(model), 64);
    bool room = got != NULL && scratch != NULL;
    for (size_t i = 0; room && i < 4 && wr_model_explain_steps(model) < FUZZ_STEPS; i++) {
        wr_err code = wr_model_explain(model, row, i, got, scratch);
        demand(code == WR_OK || code == WR_E_MODEL);
    }
    free(got);
    return room;
}

/* Opens a module and scores one row of small numbers into `outputs` (at most n). */
static inline wr_err fuzz_score(struct wr_arena *arena, struct wr_str wasm, double *outputs,
                                size_t n)
{
    struct wr_error error = {0};
    struct wr_model *model;
    wr_err code = wr_model_open(arena, wasm, &model, &error);
    if (code != WR_OK) {
        demand(error.text[0] != 0);
        return code;
    }
    double *row = WR_NEW_ARRAY(arena, double, wr_model_n_inputs(model));
    double *all = WR_NEW_ARRAY(arena, double, wr_model_n_outputs(model));
    void *scratch = wr_arena_alloc(arena, wr_model_scratch_size(model), 64);
    if (row == NULL || all == NULL || scratch == NULL) {
        return WR_E_MEMORY;
    }
    for (size_t i = 0; i < wr_model_n_inputs(model); i++) {
        row[i] = (double)(i % 7) - 3;
    }
    code = wr_model_score(model, row, all, scratch);
    memcpy(outputs, all, WR_MIN(n, wr_model_n_outputs(model)) * sizeof *all);
    return fuzz_explain(arena, model, row) ? code : WR_E_MEMORY;
}

static inline int fuzz_source(const uint8_t *data, size_t n, enum wr_model_format format)
{
    struct wr_arena arena;
    struct wr_error error = {0};
    double plain[8] = {0}, packed[8] = {0};
    struct wr_model_options how = {.format = format, .packing = WR_MODEL_PACK_NEVER};
    struct wr_str source = wr_str_of((const char *)data, n);
    wr_arena_init(&arena, &fuzz_memory, ROOM);
    struct wr_buf one = wr_buf_in(&arena, 65536), two = wr_buf_in(&arena, 65536);
    wr_err code = wr_model_compile(&arena, source, &how, &one, &error);
    if (code != WR_OK) {
        demand(error.text[0] != 0);
    } else {
        how.packing = WR_MODEL_PACK_ALWAYS;
        wr_err second = wr_model_compile(&arena, source, &how, &two, &error);
        demand(second == WR_OK || second == WR_E_MEMORY);
        code = fuzz_score(&arena, wr_buf_view(&one), plain, 8);
        demand(code == WR_OK || code == WR_E_MODEL || code == WR_E_MEMORY);
        wr_err again = second == WR_OK ? fuzz_score(&arena, wr_buf_view(&two), packed, 8) : second;
        demand(code == again || code == WR_E_MEMORY || again == WR_E_MEMORY);
        for (int i = 0; i < 8 && code == WR_OK && again == WR_OK; i++) {
            demand(memcmp(&plain[i], &packed[i], 8) == 0 || plain[i] != plain[i]);
        }
    }
    wr_arena_deinit(&arena);
    return 0;
}

#endif
