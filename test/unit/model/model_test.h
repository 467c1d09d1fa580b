/* SPDX-License-Identifier: Apache-2.0 */
/* What the model tests share: files, arenas, a compiled model with room to score. */
#ifndef MODEL_TEST_H
#define MODEL_TEST_H

#include <dirent.h>
#include <sys/stat.h>

#include "check.h"
#include "model/model.h"

static const struct wr_memory test_memory = CHECK_MEMORY;

static inline bool test_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* The whole file, aligned to 64, in the arena; .p is NULL when it cannot be read. */
static inline struct wr_str test_file(struct wr_arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    struct wr_str bytes = {0};
    if (file == NULL) {
        return bytes;
    }
    fseek(file, 0, SEEK_END);
    size_t n = (size_t)ftell(file);
    rewind(file);
    char *p = wr_arena_alloc(arena, n + 1, 64);
    if (p != NULL && fread(p, 1, n, file) == n) {
        p[n] = 0;
        bytes = wr_str_of(p, n);
    }
    fclose(file);
    return bytes;
}

struct test_model {
    struct wr_arena arena;
    struct wr_error error;
    struct wr_buf wasm;
    struct wr_model *model;
    double *row, *outputs;
    void *scratch;
};

/* Compiles and opens; false (with m->error set) when either refuses. Give back with test_close. */
static inline bool test_open(struct test_model *m, struct wr_str source,
                             const struct wr_model_options *options)
{
    memset(m, 0, sizeof *m);
    wr_arena_init(&m->arena, &test_memory, (size_t)2 << 30);
    m->wasm = wr_buf_in(&m->arena, 65536);
    if (wr_model_compile(&m->arena, source, options, &m->wasm, &m->error) != WR_OK ||
        wr_model_open(&m->arena, wr_buf_view(&m->wasm), &m->model, &m->error) != WR_OK) {
        return false;
    }
    m->row = wr_arena_array(&m->arena, wr_model_n_inputs(m->model), 8, 8);
    m->outputs = wr_arena_array(&m->arena, wr_model_n_outputs(m->model), 8, 8);
    m->scratch = wr_arena_alloc(&m->arena, wr_model_scratch_size(m->model), 64);
    return m->row != NULL && m->outputs != NULL && m->scratch != NULL;
}

static inline void test_close(struct test_model *m)
{
    wr_arena_deinit(&m->arena);
}

#endif
