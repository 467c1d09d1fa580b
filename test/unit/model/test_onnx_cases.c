/* SPDX-License-Identifier: Apache-2.0 */
/* Operator cases in the layout of ONNX's backend tests, run as `weir model conform` runs them
 * (src/app/onnxcase.h), and their bits on every level of the kernel and under Node.
 *
 *   conform-onnx                 ../shared/onnx-ml-cases against onnx_cases.txt, which may only
 *                                grow
 *   conform-onnx DIR...          weir model conform DIR... */
#include "app/cli.h"
#include "app/modelconform.h"
#include "app/onnxcase.h"
#include "same_bits.h"

#define LEVEL_ROWS 40 /* a batch that goes through the wide twins */

static FILE *for_node; /* modules, rows and scores to be run there at the end, a line each */
static unsigned n_for_node;

static const char *node_file(unsigned i, const char *end)
{
    static char name[3][64];
    static unsigned turn;
    snprintf(name[++turn % 3], sizeof name[0], "onnx-case-%u.%s", i, end);
    return name[turn % 3];
}

static void leave_for_node(struct test_model *m, const double *rows)
{
    size_t n_in = wr_model_n_inputs(m->model), n_out = wr_model_n_outputs(m->model);
    double *scores = wr_arena_array(&m->arena, LEVEL_ROWS * n_out, 8, 8);
    unsigned i = n_for_node++;
    CHECK(scores != NULL &&
          wr_model_score_batch(m->model, rows, LEVEL_ROWS, scores, m->scratch) == WR_OK);
    test_write(node_file(i, "wasm"), m->wasm.p, m->wasm.n);
    test_write(node_file(i, "rows"), rows, LEVEL_ROWS * n_in * 8);
    test_write(node_file(i, "scores"), scores, LEVEL_ROWS * n_out * 8);
    fprintf(for_node, "%s %s %s\n", node_file(i, "wasm"), node_file(i, "rows"),
            node_file(i, "scores"));
}

static void run_under_node(const char *list)
{
    static const char *const ends[] = {"wasm", "rows", "scores"};
    char command[4096];
    fclose(for_node);
    for_node = NULL;
    snprintf(command, sizeof command, "node %s/test/e2e/model_wasm.mjs --list %s %s", WEIR_SOURCE,
             list, test_scalar_kernel());
    CHECK_INT(system(command), 0);
    for (unsigned i = 0; i < n_for_node; i++) {
        for (size_t e = 0; e < WR_COUNTOF(ends); e++) {
            remove(node_file(i, ends[e]));
        }
    }
    remove(list);
}

/* The rows of the case over and over, enough of them for a batch. */
static void compare_bits(void *context, const struct wr_onnx_scored *scored)
{
    (void)context;
    struct test_model m = {0};
    size_t n_in = wr_model_n_inputs(scored->model);
    wr_arena_init(&m.arena, &test_memory, (size_t)1 << 30);
    m.wasm = wr_buf_in(&m.arena, scored->module.n + 64);
    wr_buf_str(&m.wasm, scored->module);
    CHECK(wr_model_open(&m.arena, wr_buf_view(&m.wasm), &m.model, &m.error) == WR_OK);
    m.scratch = wr_arena_alloc(&m.arena, wr_model_scratch_size(m.model), 64);
    double *all = wr_arena_array(&m.arena, LEVEL_ROWS * n_in, 8, 8);
    CHECK(all != NULL && m.scratch != NULL);
    for (uint32_t row = 0; row < LEVEL_ROWS; row++) {
        memcpy(all + row * n_in, scored->rows + row % scored->n_rows * n_in, n_in * 8);
    }
    check_levels(&m, all, LEVEL_ROWS);
    if (for_node != NULL) {
        leave_for_node(&m, all);
    }
    test_close(&m);
}

/* ── folders and the passing list ───────────────────────────────────────────────────────────── */
static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char list[65536];
static int passed, failed, lost;

static bool listed(const char *name)
{
    char line[300];
    snprintf(line, sizeof line, "\n%s\n", name);
    return strstr(list, line) != NULL;
}

static void run_folder(const char *part)
{
    char folder[1024], name[300], *names[1000];
    size_t n = 0;
    snprintf(folder, sizeof folder, WEIR_SHARED "/onnx-ml-cases/%s", part);
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL && n < 1000;) {
        if (e->d_name[0] != '.') {
            names[n++] = strdup(e->d_name);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        struct wr_onnx_case result;
        snprintf(name, sizeof name, "%.60s/%.200s", part, names[i]);
        snprintf(folder, sizeof folder, WEIR_SHARED "/onnx-ml-cases/%s", name);
        wr_onnx_case_run(folder, compare_bits, NULL, &result);
        passed += result.passed;
        failed += !result.passed;
        if (!result.passed && listed(name)) {
            fprintf(stderr, "%s: %s\n", name, result.why);
            lost++;
        } else if (result.passed && !listed(name)) {
            fprintf(stderr, "passes and is not listed: %s\n", name);
        }
        free(names[i]);
    }
}

/* Rounding of a norm, or of an approximation, below what the text defines. */
static const char *const uncertain[] = {"normalizer_l2", "tree_cls_tri_probit_basen"};

TEST("where we do not answer as ONNX Runtime does, importing warns or refuses")
{
    char folder[1024];
    unsigned n = 0, apart = 0;
    DIR *dir = opendir(WEIR_SHARED "/onnx-ml-cases/quirks");
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.') {
            continue;
        }
        snprintf(folder, sizeof folder, "%s/onnx-ml-cases/quirks/%.200s", WEIR_SHARED, e->d_name);
        struct wr_onnx_case result;
        wr_onnx_case_run(folder, compare_bits, NULL, &result);
        bool good = result.passed, known = result.warned || result.refused;
        for (size_t i = 0; i < WR_COUNTOF(uncertain); i++) {
            known = known || strcmp(uncertain[i], e->d_name) == 0;
        }
        if (!good && !known) {
            fprintf(stderr, "%s: %s, and no warning\n", e->d_name, result.why);
        }
        CHECK(good || known);
        n++;
        apart += !good;
    }
    if (dir != NULL) {
        closedir(dir);
        fprintf(stderr, "quirks: %u of %u answered otherwise than by ONNX Runtime 1.21\n", apart,
                n);
        CHECK(n > 50);
    }
}

TEST("every operator case of the passing list passes, with the same bits on every level and under "
     "Node")
{
    struct wr_arena arena;
    wr_arena_init(&arena, &test_memory, 1 << 20);
    struct wr_str file = test_file(&arena, WEIR_SOURCE "/test/unit/model/onnx_cases.txt");
    CHECK(file.p != NULL && file.n + 2 < sizeof list);
    snprintf(list, sizeof list, "\n%.*s", (int)file.n, file.p);
    wr_arena_deinit(&arena);
    if (!test_exists(WEIR_SHARED "/onnx-ml-cases")) {
        check_skip(WEIR_SHARED "/onnx-ml-cases is absent: no operator case was run");
        return;
    }
    for_node = test_has_node() ? fopen("onnx-cases.list", "w") : NULL;
    run_folder("official");
    run_folder("generated");
    if (for_node != NULL) {
        run_under_node("onnx-cases.list");
    }
    fprintf(stderr, "operator cases: %d of %d pass\n", passed, passed + failed);
    CHECK_INT(lost, 0);
    CHECK(passed > 0);
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        return check_main(argc, argv);
    }
    return wr_model_conform((const char *const *)argv + 1, (size_t)argc - 1);
}
