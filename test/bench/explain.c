/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations of tree ensembles timed: Weir's, and XGBoost's pred_contribs through its C
 * interface. test/bench/explain.py makes the forests, runs it and prints ratios.
 *
 *   bench_explain MODULE MODEL.json XGBOOST.so|-     prints: ENGINE KIND NANOSECONDS MOST APART
 *
 * Rows are distinct. Each figure is the least of three rounds, in nanoseconds of processor time a
 * row; APART is the greatest difference of a contribution or the base from ours. */
#include "base/rng.h"
#include "model/model.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/file.h"

#define ROWS   48u
#define ROUNDS 3

struct bench {
    struct wr_arena arena;
    struct wr_model *model;
    size_t n, output;
    double *rows, *ours; /* n; n + 2 a row */
    float *singles;
    void *scratch;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static bool open_bench(struct bench *b, const char *path)
{
    struct wr_error error = {0};
    struct wr_str wasm;
    struct wr_rng rng;
    wr_arena_init(&b->arena, &wr_heap, (size_t)2 << 30);
    if (wr_file_read(&b->arena, path, WR_LIMIT_MODEL_SOURCE, &wasm, &error) != WR_OK ||
        wr_model_open(&b->arena, wasm, &b->model, &error) != WR_OK) {
        fprintf(stderr, "bench_explain: %s: %s\n", path, error.text);
        return false;
    }
    b->n = wr_model_n_inputs(b->model);
    b->output = wr_model_output_find(b->model, WR_STR("score"));
    b->rows = WR_NEW_ARRAY(&b->arena, double, ROWS * b->n);
    b->singles = WR_NEW_ARRAY(&b->arena, float, ROWS * b->n);
    b->ours = WR_NEW_ARRAY(&b->arena, double, ROWS *(b->n + 2));
    b->scratch = wr_arena_alloc(&b->arena, wr_model_explain_scratch_size(b->model), 64);
    wr_rng_seed(&rng, 20261128);
    for (size_t i = 0; i < ROWS * b->n; i++) {
        b->singles[i] = wr_rng_below(&rng, 20) == 0 ? NAN : (float)(2 * wr_rng_unit(&rng) - 1);
        b->rows[i] = (double)b->singles[i];
    }
    return b->scratch != NULL && b->ours != NULL;
}

static void report(const char *engine, const char *kind, const double *times, double apart)
{
    double least = times[0], most = times[0];
    for (int i = 1; i < ROUNDS; i++) {
        least = fmin(least, times[i]);
        most = fmax(most, times[i]);
    }
    printf("%s %s %.1f %.1f %.3g\n", engine, kind, least, most, apart);
}

static void time_weir(struct bench *b)
{
    double times[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (size_t r = 0; r < ROWS; r++) {
            if (wr_model_explain(b->model, b->rows + r * b->n, b->output, b->ours + r * (b->n + 2),
                                 b->scratch) != WR_OK) {
                abort();
            }
        }
        times[round] = (now() - start) / ROWS;
    }
    report("weir", "one", times, 0);
}

/* ── XGBoost ────────────────────────────────────────────────────────────────────────────────── */
struct xgboost {
    void *booster;
    int (*matrix)(const char *array, const char *config, void **out);
    int (*free_matrix)(void *matrix);
    int (*predict)(void *booster, void *matrix, const char *config, const uint64_t **shape,
                   uint64_t *rank, const float **result);
};

static bool open_xgboost(struct xgboost *x, const char *library, const char *model)
{
    void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    int (*create)(void *const *, uint64_t, void **) = NULL;
    int (*load)(void *, const char *) = NULL;
    int (*set)(void *, const char *, const char *) = NULL;
    if (lib == NULL) {
        fprintf(stderr, "bench_explain: %s\n", dlerror());
        return false;
    }
    *(void **)&create = dlsym(lib, "XGBoosterCreate");
    *(void **)&load = dlsym(lib, "XGBoosterLoadModel");
    *(void **)&set = dlsym(lib, "XGBoosterSetParam");
    *(void **)&x->matrix = dlsym(lib, "XGDMatrixCreateFromDense");
    *(void **)&x->free_matrix = dlsym(lib, "XGDMatrixFree");
    *(void **)&x->predict = dlsym(lib, "XGBoosterPredictFromDMatrix");
    const char *(*why)(void) = NULL;
    *(void **)&why = dlsym(lib, "XGBGetLastError");
    bool open = create != NULL && load != NULL && set != NULL && x->matrix != NULL &&
                x->free_matrix != NULL && x->predict != NULL && why != NULL &&
                create(NULL, 0, &x->booster) == 0 && load(x->booster, model) == 0 &&
                set(x->booster, "nthread", "1") == 0;
    if (!open) {
        fprintf(stderr, "bench_explain: %s: %s\n", library, why != NULL ? why() : "no XGBoost");
    }
    return open;
}

/* Contributions of n rows; the matrix is made before the clock runs. */
static double time_call(struct bench *b, struct xgboost *x, size_t from, size_t n, double *apart)
{
    static const char config[] = "{\"type\":2,\"training\":false,\"iteration_begin\":0,"
                                 "\"iteration_end\":0,\"strict_shape\":false}";
    char array[200];
    void *matrix = NULL;
    const uint64_t *shape;
    uint64_t rank;
    const float *got;
    snprintf(array, sizeof array,
             "{\"data\":[%zu,true],\"shape\":[%zu,%zu],\"typestr\":\"<f4\",\"version\":3}",
             (size_t)(b->singles + from * b->n), n, b->n);
    if (x->matrix(array, "{\"missing\":NaN,\"nthread\":1}", &matrix) != 0) {
        abort();
    }
    double start = now();
    if (x->predict(x->booster, matrix, config, &shape, &rank, &got) != 0) {
        abort();
    }
    double spent = now() - start;
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i <= b->n; i++) {
            double ours = b->ours[(from + r) * (b->n + 2) + i];
            *apart = fmax(*apart, fabs((double)got[r * (b->n + 1) + i] - ours));
        }
    }
    x->free_matrix(matrix);
    return spent;
}

static void time_xgboost(struct bench *b, struct xgboost *x)
{
    static const struct {
        const char *kind;
        size_t n;
    } kinds[] = {{"one", 1}, {"batch", ROWS}};
    for (size_t k = 0; k < 2; k++) {
        double times[ROUNDS] = {0}, apart = 0;
        for (int round = 0; round < ROUNDS; round++) {
            for (size_t from = 0; from < ROWS; from += kinds[k].n) {
                times[round] += time_call(b, x, from, kinds[k].n, &apart) / ROWS;
            }
        }
        report("xgboost", kinds[k].kind, times, apart);
    }
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct xgboost x;
    if (argc != 4 || !open_bench(&b, argv[1])) {
        fprintf(stderr, "usage: bench_explain MODULE MODEL.json XGBOOST.so|-\n");
        return 2;
    }
    time_weir(&b);
    if (strcmp(argv[3], "-") != 0) {
        if (!open_xgboost(&x, argv[3], argv[2])) {
            return 1;
        }
        time_xgboost(&b, &x);
    }
    return 0;
}
