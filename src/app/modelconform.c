/* SPDX-License-Identifier: Apache-2.0 */
#include "app/modelconform.h"
#include "app/cli.h"
#include "app/file.h"
#include "app/filemap.h"
#include "app/modelbeside.h"
#include "app/modelgolden.h"
#include "app/onnxcase.h"

#include <stdio.h>
#include <string.h>

#define MODEL_CAP WR_GIB(16)
#define LIST_CAP  ((size_t)16 << 20)
#define PATH_ROOM 1200

static const char model_name[] = "model.onnx";

struct golden { /* one case's */
    char model[PATH_ROOM + 16], rows[PATH_ROOM + 16], scores[PATH_ROOM + 16];
};

static bool is_golden(const char *folder, struct golden *g)
{
    snprintf(g->model, sizeof g->model, "%s/%s", folder, model_name);
    snprintf(g->rows, sizeof g->rows, "%s/rows.csv", folder);
    snprintf(g->scores, sizeof g->scores, "%s/golden.csv", folder);
    return wr_file_exists(g->rows) && wr_file_exists(g->scores);
}

/* Complains by itself. */
static bool check_opened(struct wr_arena *arena, const struct golden *g, struct wr_str source,
                         struct wr_model_beside *beside)
{
    struct wr_error error = {0};
    struct wr_model_options how = {.external = wr_model_take_beside, .external_context = beside};
    struct wr_buf module = wr_buf_in(arena, 65536);
    struct wr_model *model;
    struct wr_model_golden compared;
    wr_err code = wr_model_compile(arena, source, &how, &module, &error);
    code = code == WR_OK ? wr_model_open(arena, wr_buf_view(&module), &model, &error) : code;
    if (code != WR_OK) {
        wr_complain_error(g->model, &error);
        return false;
    }
    return wr_model_golden_check(arena, model, g->rows, g->scores, &compared) == WR_EXIT_OK;
}

static bool run_golden(const struct golden *g)
{
    static struct wr_model_beside beside;
    struct wr_error error = {0};
    struct wr_str source;
    struct wr_arena arena;
    if (wr_file_map(g->model, WR_LIMIT_MODEL_SOURCE, &source, &error) != WR_OK) {
        wr_complain_error(g->model, &error);
        return false;
    }
    beside.source = g->model;
    wr_arena_init(&arena, &wr_heap, MODEL_CAP);
    bool good = check_opened(&arena, g, source, &beside);
    wr_arena_deinit(&arena);
    wr_model_drop_beside(&beside);
    wr_file_unmap(source);
    return good;
}

static bool run_case(const char *folder)
{
    struct golden golden;
    struct wr_onnx_case result;
    if (is_golden(folder, &golden)) {
        return run_golden(&golden);
    }
    wr_onnx_case_run(folder, NULL, NULL, &result);
    if (!result.passed) {
        wr_complain("%s: %s", folder, result.why);
    }
    return result.passed;
}

/* The folder of a path that ends in model.onnx, or false. */
static bool folder_of_case(const char *root, struct wr_str path, char folder[PATH_ROOM])
{
    size_t n = sizeof model_name - 1;
    if (path.n < n || memcmp(path.p + path.n - n, model_name, n) != 0 ||
        (path.n > n && path.p[path.n - n - 1] != '/')) {
        return false;
    }
    bool here = path.n == n;
    int length = snprintf(folder, PATH_ROOM, "%s%s%.*s", root, here ? "" : "/",
                          here ? 0 : (int)(path.n - n - 1), path.p);
    return length > 0 && length < PATH_ROOM;
}

int wr_model_conform(const char *const *folders, size_t n)
{
    unsigned passed = 0, failed = 0;
    for (size_t i = 0; i < n; i++) {
        struct wr_error error = {0};
        struct wr_file_list list;
        struct wr_arena arena;
        char folder[PATH_ROOM];
        wr_arena_init(&arena, &wr_heap, LIST_CAP);
        wr_err code = wr_file_walk(&arena, folders[i], &list, &error);
        for (size_t k = 0; code == WR_OK && k < list.n; k++) {
            if (folder_of_case(folders[i], list.paths[k], folder)) {
                bool good = run_case(folder);
                passed += good;
                failed += !good;
            }
        }
        wr_arena_deinit(&arena);
        if (code != WR_OK) {
            return wr_complain_error(folders[i], &error);
        }
    }
    printf("%u passed, %u failed\n", passed, failed);
    if (passed + failed == 0) {
        return wr_complain("no case below these folders: a case holds model.onnx, with "
                           "test_data_set_0 or with rows.csv and golden.csv");
    }
    return failed == 0 ? WR_EXIT_OK : WR_EXIT_FAILED;
}
