/* SPDX-License-Identifier: Apache-2.0 */
/* Tree ensembles timed: Weir, compiled if-else code, and the C interfaces of XGBoost and LightGBM
 * where their libraries are given. test/bench/model.py runs it and prints ratios.
 *
 *   bench_model make TREES DEPTH SEED JSON C     a seeded forest of 30 columns as XGBoost JSON and
 * C bench_model time MODULE IFELSE.so XGBOOST.so|- MODEL.json LIGHTGBM.so|- MODEL.txt
 *
 * Rows are distinct, so that no branch is predicted from the row before. Each figure is the least
 * of nine rounds over 4,096 rows, in nanoseconds of processor time a row. */
#include "base/arena.h"
#include "model/model.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS 30u
#define ROWS    4096u
#define BATCH   256u
#define ROUNDS  9
#define SPARSE  0.05 /* share of nodes that are leaves before the last level */

static uint64_t state;

static uint32_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

static float uniform(void) /* -1 .. 1 */
{
    return (float)((double)next() / 2147483648.0 - 1);
}

/* ── the forest ─────────────────────────────────────────────────────────────────────────────── */
struct node {
    int left; /* the right one follows; -1: leaf */
    unsigned feature, missing_left;
    float value;
};

static unsigned grow(struct node *nodes, unsigned depth)
{
    unsigned end = 1, from = 0;
    for (unsigned level = 0; level <= depth; level++) {
        for (unsigned to = end; from < to; from++) {
            bool leaf = level == depth || (level > 1 && next() < SPARSE * 4294967296.0);
            nodes[from] = (struct node){leaf ? -1 : (int)end, next() % COLUMNS, next() & 1,
                                        uniform() * (leaf ? 0.1f : 0.7f)};
            end += leaf ? 0 : 2;
        }
    }
    return end;
}

static void print_column(FILE *out, const char *name, const struct node *nodes, unsigned n,
                         int which)
{
    fprintf(out, "\"%s\":[", name);
    for (unsigned i = 0; i < n; i++) {
        const struct node *p = &nodes[i];
        double v = which == 0   ? p->left
                   : which == 1 ? (p->left < 0 ? -1 : p->left + 1)
                   : which == 2 ? (p->left < 0 ? 0 : p->feature)
                   : which == 3 ? (double)p->value
                   : which == 4 ? p->missing_left
                                : 0;
        fputs(i == 0 ? "" : ",", out);
        fprintf(out, which == 3 || which == 6 ? "%.9e" : "%.9g", v);
    }
    fputs("],", out);
}

static void print_json_tree(FILE *out, const struct node *nodes, unsigned n, unsigned id)
{
    static const char *const names[] = {"left_children",    "right_children", "split_indices",
                                        "split_conditions", "default_left",   "split_type"};
    fprintf(out, "%s{\"id\":%u,", id == 0 ? "" : ",", id);
    for (int k = 0; k < 6; k++) {
        print_column(out, names[k], nodes, n, k);
    }
    fputs("\"parents\":[2147483647", out);
    for (unsigned i = 0; i < n; i++) {
        if (nodes[i].left >= 0) {
            fprintf(out, ",%u,%u", i, i);
        }
    }
    fputs("],", out);
    print_column(out, "base_weights", nodes, n, 6);
    print_column(out, "loss_changes", nodes, n, 6);
    print_column(out, "sum_hessian", nodes, n, 6);
    fputs("\"categories\":[],\"categories_nodes\":[],\"categories_segments\":[],"
          "\"categories_sizes\":[],",
          out);
    fprintf(out,
            "\"tree_param\":{\"num_deleted\":\"0\",\"num_feature\":\"%u\",\"num_nodes\":\"%u\","
            "\"size_leaf_vector\":\"1\"}}",
            COLUMNS, n);
}

static void print_c_node(FILE *out, const struct node *nodes, int at)
{
    const struct node *p = &nodes[at];
    if (p->left < 0) {
        fprintf(out, "s+=%af;", (double)p->value);
        return;
    }
    fprintf(out, p->missing_left ? "if(!(x[%u]>=%af)){" : "if(x[%u]<%af){", p->feature,
            (double)p->value);
    print_c_node(out, nodes, p->left);
    fputs("}else{", out);
    print_c_node(out, nodes, p->left + 1);
    fputs("}", out);
}

static int make(char **argv)
{
    unsigned trees = (unsigned)atoi(argv[0]), depth = (unsigned)atoi(argv[1]);
    FILE *json = fopen(argv[3], "w"), *c = fopen(argv[4], "w");
    struct node *nodes = malloc((2ul << depth) * sizeof *nodes);
    if (json == NULL || c == NULL || nodes == NULL) {
        return 1;
    }
    state = strtoull(argv[2], NULL, 10) * 2654435761u + 88172645463325252u;
    fputs("{\"learner\":{\"attributes\":{},\"feature_names\":[],\"feature_types\":[],"
          "\"gradient_booster\":{\"model\":{\"trees\":[",
          json);
    unsigned total = 0;
    for (unsigned t = 0; t < trees; t++) {
        unsigned n = grow(nodes, depth);
        total += n;
        print_json_tree(json, nodes, n, t);
        fprintf(c, "static float t%u(const float*x,float s){", t);
        print_c_node(c, nodes, 0);
        fputs("return s;}\n", c);
    }
    fprintf(json, "],\"gbtree_model_param\":{\"num_parallel_tree\":\"1\",\"num_trees\":\"%u\"},",
            trees);
    fputs("\"iteration_indptr\":[", json);
    for (unsigned t = 0; t <= trees; t++) {
        fprintf(json, t == 0 ? "%u" : ",%u", t);
    }
    fputs("],\"tree_info\":[", json);
    for (unsigned t = 0; t < trees; t++) {
        fputs(t == 0 ? "0" : ",0", json);
    }
    fprintf(json,
            "]},\"name\":\"gbtree\"},\"learner_model_param\":{\"base_score\":\"0\","
            "\"boost_from_average\":\"1\",\"num_class\":\"0\",\"num_feature\":\"%u\","
            "\"num_target\":\"1\"},\"objective\":{\"name\":\"reg:squarederror\","
            "\"reg_loss_param\":{\"scale_pos_weight\":\"1\"}}},\"version\":[2,0,0]}\n",
            COLUMNS);
    fputs("float score(const float*x);\nfloat score(const float*x){float s=0;\n", c);
    for (unsigned t = 0; t < trees; t++) {
        fprintf(c, "s=t%u(x,s);\n", t);
    }
    fputs("return s;}\n", c);
    printf("%u trees, depth %u, %u nodes\n", trees, depth, total);
    return fclose(json) != 0 || fclose(c) != 0;
}

/* ── timing ─────────────────────────────────────────────────────────────────────────────────── */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct bench {
    float rows[ROWS * COLUMNS];
    double wide[ROWS * COLUMNS];
    double got[ROWS], want[ROWS];
};

/* One engine, one kind of call: scores rows [from, from + n) into got. */
struct engine {
    const char *name, *kind;
    uint32_t n; /* rows a call */
    void (*score)(void *context, struct bench *b, uint32_t from, uint32_t n);
    void *context;
    double tolerance;
};

static void time_engine(struct bench *b, const struct engine *e)
{
    double best = 1e300, most = 0, apart = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (uint32_t row = 0; row < ROWS; row += e->n) {
            e->score(e->context, b, row, e->n);
        }
        double each = (now() - start) / ROWS;
        best = each < best ? each : best;
        most = each > most ? each : most;
    }
    for (uint32_t i = 0; i < ROWS; i++) {
        double d = b->got[i] - b->want[i];
        apart = d > apart ? d : -d > apart ? -d : apart;
    }
    printf("%s %s %.1f %.1f %.3g\n", e->name, e->kind, best, most, apart);
    fflush(stdout);
    if (apart > e->tolerance) {
        fprintf(stderr, "bench_model: %s gives other scores (%g apart)\n", e->name, apart);
        exit(1);
    }
}

/* ── engines ────────────────────────────────────────────────────────────────────────────────── */
struct weir {
    struct wr_arena arena;
    struct wr_model *model;
    void *scratch;
};

static void *take(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void give(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}

static bool open_weir(struct weir *w, const char *path)
{
    static const struct wr_memory memory = {take, give, NULL};
    struct wr_error error = {0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    wr_arena_init(&w->arena, &memory, (size_t)4 << 30);
    if (fd < 0 || fstat(fd, &st) != 0) {
        return false;
    }
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED || wr_model_open(&w->arena, wr_str_of(bytes, (size_t)st.st_size),
                                             &w->model, &error) != WR_OK) {
        fprintf(stderr, "bench_model: %s: %s\n", path, error.text);
        return false;
    }
    w->scratch = wr_arena_alloc(&w->arena, wr_model_scratch_size(w->model), 64);
    return w->scratch != NULL;
}

static void score_weir(void *context, struct bench *b, uint32_t from, uint32_t n)
{
    struct weir *w = context;
    wr_err code = n == 1 ? wr_model_score(w->model, b->wide + (size_t)from * COLUMNS, b->got + from,
                                          w->scratch)
                         : wr_model_score_batch(w->model, b->wide + (size_t)from * COLUMNS, n,
                                                b->got + from, w->scratch);
    if (code != WR_OK) {
        abort();
    }
}

typedef float ifelse_score(const float *x);

static void score_ifelse(void *context, struct bench *b, uint32_t from, uint32_t n)
{
    ifelse_score *score = *(ifelse_score **)context;
    for (uint32_t i = from; i < from + n; i++) {
        b->got[i] = (double)score(b->rows + (size_t)i * COLUMNS);
    }
}

/* XGBoost's C interface: prediction from a dense array in place, one thread. */
struct xgboost {
    void *booster;
    int (*predict)(void *booster, const char *array, const char *config, void *proxy,
                   const uint64_t **shape, uint64_t *rank, const float **result);
    void *proxy;
};

static bool open_xgboost(struct xgboost *x, const char *library, const char *model)
{
    void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (lib == NULL) {
        fprintf(stderr, "bench_model: %s\n", dlerror());
        return false;
    }
    int (*create)(void *const *, uint64_t, void **) = NULL;
    int (*load)(void *, const char *) = NULL;
    int (*set)(void *, const char *, const char *) = NULL;
    int (*proxy)(void **) = NULL;
    *(void **)&create = dlsym(lib, "XGBoosterCreate");
    *(void **)&load = dlsym(lib, "XGBoosterLoadModel");
    *(void **)&set = dlsym(lib, "XGBoosterSetParam");
    *(void **)&proxy = dlsym(lib, "XGProxyDMatrixCreate");
    *(void **)&x->predict = dlsym(lib, "XGBoosterPredictFromDense");
    return create != NULL && load != NULL && set != NULL && proxy != NULL && x->predict != NULL &&
           create(NULL, 0, &x->booster) == 0 && load(x->booster, model) == 0 &&
           set(x->booster, "nthread", "1") == 0 && proxy(&x->proxy) == 0;
}

static void score_xgboost(void *context, struct bench *b, uint32_t from, uint32_t n)
{
    static const char config[] =
        "{\"type\":1,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
        "\"strict_shape\":false,\"missing\":NaN,\"cache_id\":0}";
    struct xgboost *x = context;
    char array[200];
    const uint64_t *shape;
    uint64_t rank;
    const float *result;
    snprintf(array, sizeof array,
             "{\"data\":[%zu,true],\"shape\":[%u,%u],\"typestr\":\"<f4\",\"version\":3}",
             (size_t)(b->rows + (size_t)from * COLUMNS), n, COLUMNS);
    if (x->predict(x->booster, array, config, x->proxy, &shape, &rank, &result) != 0) {
        abort();
    }
    for (uint32_t i = 0; i < n; i++) {
        b->got[from + i] = (double)result[i];
    }
}

/* LightGBM's C interface: the fast single row, and a matrix; one thread. */
struct lightgbm {
    void *booster, *fast;
    int (*one)(void *fast, const void *row, int64_t *n, double *out);
    int (*many)(void *booster, const void *rows, int type, int32_t n, int32_t columns,
                int row_major, int kind, int start, int iterations, const char *params,
                int64_t *out_n, double *out);
};

static bool open_lightgbm(struct lightgbm *l, const char *library, const char *model)
{
    void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    int (*load)(const char *, int *, void **) = NULL;
    int (*init)(void *, int, int, int, int, int32_t, const char *, void **) = NULL;
    int trees;
    if (lib == NULL) {
        fprintf(stderr, "bench_model: %s\n", dlerror());
        return false;
    }
    *(void **)&load = dlsym(lib, "LGBM_BoosterCreateFromModelfile");
    *(void **)&init = dlsym(lib, "LGBM_BoosterPredictForMatSingleRowFastInit");
    *(void **)&l->one = dlsym(lib, "LGBM_BoosterPredictForMatSingleRowFast");
    *(void **)&l->many = dlsym(lib, "LGBM_BoosterPredictForMat");
    return load != NULL && init != NULL && l->one != NULL && l->many != NULL &&
           load(model, &trees, &l->booster) == 0 &&
           init(l->booster, 1, 0, -1, 0, COLUMNS, "num_threads=1", &l->fast) == 0;
}

static void score_lightgbm(void *context, struct bench *b, uint32_t from, uint32_t n)
{
    struct lightgbm *l = context;
    const float *rows = b->rows + (size_t)from * COLUMNS;
    int64_t out;
    int bad = n == 1 ? l->one(l->fast, rows, &out, b->got + from)
                     : l->many(l->booster, rows, 0, (int32_t)n, COLUMNS, 1, 1, 0, -1,
                               "num_threads=1", &out, b->got + from);
    if (bad != 0) {
        abort();
    }
}

static int measure(char **argv)
{
    static struct bench b;
    struct weir weir = {0};
    struct xgboost xgboost = {0};
    struct lightgbm lightgbm = {0};
    ifelse_score *ifelse = NULL;
    void *code = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    state = 0x9e3779b97f4a7c15u;
    for (uint32_t i = 0; i < ROWS * COLUMNS; i++) {
        b.rows[i] = uniform();
        b.wide[i] = (double)b.rows[i];
    }
    if (code == NULL || !open_weir(&weir, argv[0])) {
        return 1;
    }
    *(void **)&ifelse = dlsym(code, "score");
    score_ifelse(&ifelse, &b, 0, ROWS);
    memcpy(b.want, b.got, sizeof b.want);
    const struct engine own[] = {
        {"weir", "one", 1, score_weir, &weir, 0},
        {"ifelse", "one", 1, score_ifelse, &ifelse, 0},
        {"weir", "batch", BATCH, score_weir, &weir, 0},
        {"ifelse", "batch", BATCH, score_ifelse, &ifelse, 0},
    };
    for (size_t i = 0; i < WR_COUNTOF(own); i++) {
        time_engine(&b, &own[i]);
    }
    if (strcmp(argv[2], "-") != 0 && open_xgboost(&xgboost, argv[2], argv[3])) {
        time_engine(&b, &(struct engine){"xgboost", "one", 1, score_xgboost, &xgboost, 1e-5});
        time_engine(&b, &(struct engine){"xgboost", "batch", BATCH, score_xgboost, &xgboost, 1e-5});
    }
    if (strcmp(argv[4], "-") != 0 && open_lightgbm(&lightgbm, argv[4], argv[5])) {
        time_engine(&b, &(struct engine){"lightgbm", "one", 1, score_lightgbm, &lightgbm, 1e-3});
        time_engine(&b,
                    &(struct engine){"lightgbm", "batch", BATCH, score_lightgbm, &lightgbm, 1e-3});
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "make") == 0) {
        return make(argv + 2);
    }
    if (argc == 8 && strcmp(argv[1], "time") == 0) {
        return measure(argv + 2);
    }
    fputs("usage: bench_model make TREES DEPTH SEED JSON C\n"
          "       bench_model time MODULE IFELSE.so XGBOOST.so|- MODEL.json LIGHTGBM.so|- "
          "MODEL.txt\n",
          stderr);
    return 2;
}
