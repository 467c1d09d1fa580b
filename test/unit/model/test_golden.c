/* SPDX-License-Identifier: Apache-2.0 */
/* Golden models: what ONNX Runtime answers, natively and through the module's own exports.
 *
 * Every model of ../shared/models, and the fixtures beside this file, which cover the case that
 * ../shared is absent. The wasm side runs under Node (test/e2e/model_wasm.mjs); without Node that
 * test says so and passes. */
#include "model/packed_write.h"
#include "onnx_write.h"
#include "same_bits.h"

#define SCORE_ABSOLUTE 1e-5
#define SCORE_RELATIVE 1e-4
#define LEVEL_ROWS     130u
#define LONG_ROWS      60 /* rows of the sequence model: one takes milliseconds */

static const char *const shared_models[] = {
    "credit30k-xgb",   "fraud-iforest",     "fraud-lr-scaler",    "fraud-lr-scaler-zipmap",
    "fraud-mlp-gemm",  "fraud-mlp-sklearn", "fraud-oblivious-gt", "fraud-rf-100",
    "fraud-xgb-100x6", "fraud-xgb-nan",     "fraud-xgb-te5",      "german-onehot-lr",
    "seq-llama-tiny",
};
static const char *const fixtures[] = {"tiny-trees", "tiny-mlp",      "tiny-text",
                                       "tiny-multi", "tiny-prepared", "tiny-svm"};

static char line[1 << 20], wanted[1 << 20];

static void read_row(struct test_model *m, char *text)
{
    for (size_t i = 0; i < wr_model_n_inputs(m->model); i++) {
        if (wr_model_input_at(m->model, i).kind == WR_MODEL_CATEGORY) {
            size_t n = strcspn(text, ",\r\n");
            m->row[i] = wr_model_category(m->model, i, wr_str_of(text, n));
            text += n + 1;
        } else {
            m->row[i] = strtod(text, &text);
            text++;
        }
    }
}

/* A label may differ where the score lies on the cut. */
static bool same(const struct test_model *m, size_t i, double got, double want)
{
    double apart = fabs(got - want);
    if (isnan(want)) {
        return isnan(got);
    }
    if (wr_model_output_at(m->model, i).role == WR_MODEL_LABEL) {
        size_t p = wr_model_output_find(m->model, WR_STR("probability"));
        return apart == 0 || (p != SIZE_MAX && fabs(m->outputs[p] - 0.5) < 1e-5);
    }
    return apart <= SCORE_ABSOLUTE || apart <= SCORE_RELATIVE * fabs(want);
}

/* Scores all rows; every output column against the golden file. Rows and answers go to files for
 * the run under Node when `prefix` is given. */
static void score_rows(struct test_model *m, const char *folder, const char *prefix)
{
    char path[1100];
    unsigned rows = 0, bad = 0;
    size_t n_in = wr_model_n_inputs(m->model), n_out = wr_model_n_outputs(m->model);
    snprintf(path, sizeof path, "%s/rows.csv", folder);
    FILE *in = fopen(path, "r");
    snprintf(path, sizeof path, "%s/golden.csv", folder);
    FILE *golden = fopen(path, "r"), *to_rows = NULL, *to_scores = NULL;
    if (prefix != NULL) {
        snprintf(path, sizeof path, "%s.rows", prefix);
        to_rows = fopen(path, "wb");
        snprintf(path, sizeof path, "%s.scores", prefix);
        to_scores = fopen(path, "wb");
    }
    CHECK(in != NULL && golden != NULL);
    CHECK(fgets(line, sizeof line, in) != NULL && fgets(wanted, sizeof wanted, golden) != NULL);
    double *all = wr_arena_array(&m->arena, LEVEL_ROWS * n_in, 8, 8);
    CHECK(all != NULL);
    unsigned most = strstr(folder, "seq-") != NULL ? LONG_ROWS : UINT32_MAX;
    while (rows < most && fgets(line, sizeof line, in) != NULL &&
           fgets(wanted, sizeof wanted, golden) != NULL) {
        read_row(m, line);
        if (rows < LEVEL_ROWS) {
            memcpy(all + (size_t)rows * n_in, m->row, n_in * 8);
        }
        CHECK(wr_model_score(m->model, m->row, m->outputs, m->scratch) == WR_OK);
        char *text = wanted;
        for (size_t i = 0; i < n_out; i++) {
            double want = strtod(text, &text);
            text++;
            if (!same(m, i, m->outputs[i], want)) {
                if (bad++ < 3) {
                    fprintf(stderr, "%s: row %u, output %zu is %.9g, not %.9g\n", folder, rows, i,
                            m->outputs[i], want);
                }
            }
        }
        if (to_rows != NULL && to_scores != NULL) {
            fwrite(m->row, 8, n_in, to_rows);
            fwrite(m->outputs, 8, n_out, to_scores);
        }
        rows++;
    }
    CHECK_INT(bad, 0);
    CHECK(rows > 0);
    check_levels(m, all, WR_MIN(rows, most == LONG_ROWS ? 5 : LEVEL_ROWS));
    FILE *files[] = {in, golden, to_rows, to_scores};
    for (size_t i = 0; i < 4; i++) {
        if (files[i] != NULL) {
            fclose(files[i]);
        }
    }
}

static void check_model(const char *folder, const char *file, const char *prefix,
                        enum wr_model_packing packing)
{
    struct test_model m;
    struct wr_arena source;
    char path[1100];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    wr_arena_init(&source, &test_memory, (size_t)1 << 30);
    struct wr_model_report report = {0};
    bool open = test_open(&m, test_file(&source, path),
                          &(struct wr_model_options){.packing = packing, .report = &report});
    if (packing == WR_MODEL_PACK_NEVER && strstr(file, "onnx") != NULL) {
        struct wr_str bytes = test_file(&source, path);
        /* Small fixtures aside: their files hold less than the kernel's alignment costs. */
        bool shared_model = strstr(folder, "/models/") != NULL;
        CHECK(!shared_model || report.weights <= bytes.n);
        CHECK(m.wasm.n <= report.weights + 64u * 1024);
    }
    if (!open) {
        fprintf(stderr, "%s: %s\n", path, m.error.text);
    }
    CHECK(open);
    if (open) {
        score_rows(&m, folder, prefix);
        if (prefix != NULL) {
            snprintf(path, sizeof path, "%s.wasm", prefix);
            FILE *out = fopen(path, "wb");
            CHECK(out != NULL && fwrite(m.wasm.p, 1, m.wasm.n, out) == m.wasm.n);
            fclose(out);
        }
    }
    test_close(&m);
    wr_arena_deinit(&source);
}

/* Native against golden, then the module under Node against native, to the bit. */
static void check_packed(const char *folder, const char *name, const char *file,
                         enum wr_model_packing packing)
{
    char path[1024], prefix[256], command[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(prefix, sizeof prefix, "model-%s-%s", name, file);
    check_model(path, file, prefix, packing);
    if (test_has_node()) {
        snprintf(command, sizeof command,
                 "node %s/test/e2e/model_wasm.mjs %s.wasm %s.rows %s.scores %s", WEIR_SOURCE,
                 prefix, prefix, prefix, test_scalar_kernel());
        CHECK_INT(system(command), 0);
    }
    static const char *const ends[] = {"wasm", "rows", "scores"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s.%s", prefix, ends[i]);
        remove(path);
    }
}

static void check_both(const char *folder, const char *name, const char *file)
{
    check_packed(folder, name, file, WR_MODEL_PACK_NEVER);
}

TEST("the fixtures score as their own libraries score them, and the module under Node to the bit")
{
    for (size_t i = 0; i < WR_COUNTOF(fixtures); i++) {
        check_both(WEIR_SOURCE "/test/unit/model/data", fixtures[i], "model.onnx");
    }
    check_both(WEIR_SOURCE "/test/unit/model/data", "tiny-xgb", "model.json");
    check_both(WEIR_SOURCE "/test/unit/model/data", "tiny-xgb", "model.ubj");
    check_both(WEIR_SOURCE "/test/unit/model/data", "tiny-lgbm", "model.txt");
}

TEST("all golden ONNX models score as ONNX Runtime scores them, and under Node to the bit")
{
    if (!test_exists(WEIR_SHARED "/models")) {
        check_skip(WEIR_SHARED "/models is absent: golden models were not scored");
        return;
    }
    for (size_t i = 0; i < WR_COUNTOF(shared_models); i++) {
        check_both(WEIR_SHARED "/models", shared_models[i], "model.onnx");
    }
}

TEST("XGBoost's own JSON and UBJSON score as its ONNX export does, and under Node to the bit")
{
    for (size_t i = 0; i < WR_COUNTOF(shared_models); i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/models/%s/model.json", WEIR_SHARED, shared_models[i]);
        if (test_exists(path)) {
            check_both(WEIR_SHARED "/models", shared_models[i], "model.json");
        }
        snprintf(path, sizeof path, "%s/models/%s/model.ubj", WEIR_SHARED, shared_models[i]);
        if (test_exists(path)) {
            check_both(WEIR_SHARED "/models", shared_models[i], "model.ubj");
        }
    }
}

/* Rows on and beside thresholds, with NaN and infinities among them. */
static double awkward(uint32_t i)
{
    static const double odd[] = {0.0, -0.0, 1e30, -1e30, (double)INFINITY, -(double)INFINITY};
    uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    return x % 11 == 0  ? (double)NAN
           : x % 7 == 0 ? odd[x / 7 % 6]
                        : (double)(int64_t)(x >> 40 & 255) / 16 - 8 + (double)(x % 3) * 1e-7;
}

static void check_plain(const char *path)
{
    static const uint32_t n = 4000;
    struct wr_arena arena;
    struct test_model best, plain;
    wr_arena_init(&arena, &test_memory, (size_t)1 << 30);
    struct wr_str file = test_file(&arena, path);
    CHECK(test_open(&best, file, NULL));
    CHECK(test_open(&plain, file, &(struct wr_model_options){.plain = true}));
    size_t n_in = wr_model_n_inputs(best.model), n_out = wr_model_n_outputs(best.model);
    for (uint32_t row = 0; row < n; row++) {
        for (size_t i = 0; i < n_in; i++) {
            bool category = wr_model_input_at(best.model, i).kind == WR_MODEL_CATEGORY;
            best.row[i] =
                category ? (double)(row % 4) - 1 : awkward(row * (uint32_t)n_in + (uint32_t)i);
            plain.row[i] = best.row[i];
        }
        CHECK(wr_model_score(best.model, best.row, best.outputs, best.scratch) == WR_OK);
        CHECK(wr_model_score(plain.model, plain.row, plain.outputs, plain.scratch) == WR_OK);
        for (size_t i = 0; i < n_out; i++) {
            bool both_nan = isnan(best.outputs[i]) && isnan(plain.outputs[i]);
            CHECK(both_nan || memcmp(&best.outputs[i], &plain.outputs[i], 8) == 0);
        }
    }
    test_close(&plain);
    test_close(&best);
    wr_arena_deinit(&arena);
}

/* Values at which a comparison behind Imputer, Scaler and Div of tiny-prepared turns, and the
 * floats next to them (tools/model_fixtures.py has the numbers). */
static void check_turns(const char *path)
{
    static const float offset[] = {0.1f, -0.3f, 0.7f, 1e-3f}, scale[] = {0.9f, -1.7f, 3.1f, 0.33f};
    struct wr_arena arena;
    struct test_model best, plain;
    wr_arena_init(&arena, &test_memory, (size_t)1 << 30);
    struct wr_str file = test_file(&arena, path);
    CHECK(test_open(&best, file, NULL));
    CHECK(test_open(&plain, file, &(struct wr_model_options){.plain = true}));
    for (int turn = -8; turn <= 8; turn++) {
        for (int ulps = -6; ulps <= 6; ulps++) {
            for (int i = 0; i < 4; i++) {
                float x = (float)turn / 4 * 1.3f / scale[i] + offset[i];
                for (int k = 0; k < abs(ulps); k++) {
                    x = nextafterf(x, ulps < 0 ? -HUGE_VALF : HUGE_VALF);
                }
                best.row[i] = plain.row[i] = (double)x;
            }
            CHECK(wr_model_score(best.model, best.row, best.outputs, best.scratch) == WR_OK);
            CHECK(wr_model_score(plain.model, plain.row, plain.outputs, plain.scratch) == WR_OK);
            CHECK(memcmp(best.outputs, plain.outputs, 3 * sizeof *best.outputs) == 0);
        }
    }
    test_close(&plain);
    test_close(&best);
    wr_arena_deinit(&arena);
}

/* Steps of a compiled model, as its information tells. */
static unsigned steps_of(const char *path, bool plain)
{
    struct wr_arena arena;
    struct test_model m;
    wr_arena_init(&arena, &test_memory, (size_t)1 << 30);
    CHECK(test_open(&m, test_file(&arena, path), &(struct wr_model_options){.plain = plain}));
    struct wr_buf json = wr_buf_in(&m.arena, 65536);
    wr_model_info(m.model, &json);
    wr_buf_char(&json, 0);
    const char *steps = strstr(json.p, "\"steps\":");
    CHECK(steps != NULL);
    unsigned n = steps != NULL ? (unsigned)atoi(steps + 8) : 0;
    test_close(&m);
    wr_arena_deinit(&arena);
    return n;
}

TEST("every optimisation leaves the bits of the plain translation")
{
    char path[1024];
    for (size_t i = 0; i < WR_COUNTOF(fixtures); i++) {
        snprintf(path, sizeof path, "%s/test/unit/model/data/%s/model.onnx", WEIR_SOURCE,
                 fixtures[i]);
        check_plain(path);
    }
    /* Imputer, scaler and division are gone: they stand in the thresholds. */
    snprintf(path, sizeof path, "%s/test/unit/model/data/tiny-prepared/model.onnx", WEIR_SOURCE);
    CHECK_INT(steps_of(path, true), steps_of(path, false) + 5);
    check_turns(path);
    if (test_exists(WEIR_SHARED "/models")) { /* its hundred trees become one ensemble */
        check_plain(WEIR_SHARED "/models/fraud-iforest/model.onnx");
        CHECK_INT(steps_of(WEIR_SHARED "/models/fraud-iforest/model.onnx", false), 10);
    }
}

static void check_packing(const char *path)
{
    struct wr_arena arena;
    struct test_model plain, small;
    bool packed;
    wr_arena_init(&arena, &test_memory, (size_t)1 << 30);
    struct wr_str file = test_file(&arena, path);
    CHECK(test_open(&plain, file, NULL));
    CHECK(test_open(&small, file, &(struct wr_model_options){.packing = WR_MODEL_PACK_ALWAYS}));
    struct wr_str want = program_in(&plain, &packed);
    CHECK(!packed);
    struct wr_str got = program_in(&small, &packed);
    CHECK(packed && small.wasm.n < plain.wasm.n);
    CHECK(wr_str_eq(want, got));
    test_close(&small);
    test_close(&plain);
    wr_arena_deinit(&arena);
}

TEST("a packed module holds the same program, smaller, and runs under Node")
{
    static const char *const shared[] = {"fraud-rf-100", "fraud-xgb-nan", "fraud-oblivious-gt",
                                         "fraud-iforest"};
    char path[1024];
    snprintf(path, sizeof path, "%s/test/unit/model/data/tiny-prepared/model.onnx", WEIR_SOURCE);
    check_packing(path);
    check_packed(WEIR_SOURCE "/test/unit/model/data", "tiny-prepared", "model.onnx",
                 WR_MODEL_PACK_ALWAYS);
    /* With an explanation behind the program. */
    check_packed(WEIR_SOURCE "/test/unit/model/data", "tiny-xgb", "model.json",
                 WR_MODEL_PACK_ALWAYS);
    for (size_t i = 0; i < WR_COUNTOF(shared) && test_exists(WEIR_SHARED "/models"); i++) {
        snprintf(path, sizeof path, "%s/models/%s/model.onnx", WEIR_SHARED, shared[i]);
        check_packing(path);
        check_packed(WEIR_SHARED "/models", shared[i], "model.onnx", WR_MODEL_PACK_ALWAYS);
    }
}

static void check_rounding(const char *path, struct wr_model_options options)
{
    struct wr_arena arena;
    struct test_model exact, rounded;
    struct wr_model_report report = {0};
    wr_arena_init(&arena, &test_memory, (size_t)1 << 30);
    struct wr_str file = test_file(&arena, path);
    options.report = &report;
    options.packing = WR_MODEL_PACK_ALWAYS;
    CHECK(test_open(&exact, file, &(struct wr_model_options){.packing = WR_MODEL_PACK_ALWAYS}));
    CHECK(test_open(&rounded, file, &options));
    CHECK(report.packed && report.change_rows > 0);
    CHECK(report.change > 0 && report.change < 0.5);
    CHECK(rounded.wasm.n < exact.wasm.n);
    test_close(&rounded);
    test_close(&exact);
    wr_arena_deinit(&arena);
}

TEST("rounding makes a module smaller and tells what it changes")
{
    char path[1024];
    if (test_exists(WEIR_SHARED "/models")) {
        snprintf(path, sizeof path, "%s/models/fraud-mlp-gemm/model.onnx", WEIR_SHARED);
        check_rounding(path, (struct wr_model_options){.round_weights = true});
        snprintf(path, sizeof path, "%s/models/seq-llama-tiny/model.onnx", WEIR_SHARED);
        check_rounding(path, (struct wr_model_options){.round_weights = true});
    }
}

static bool give_weights(void *context, struct wr_str location, struct wr_str *bytes)
{
    *bytes = *(const struct wr_str *)context;
    return wr_str_eq(location, WR_STR("weights.bin"));
}

/* Where the first weight lies that --int8 would round; 0: there is none. */
static uint32_t first_weight(const uint8_t *program)
{
    const struct wr_program *p = (const void *)program;
    const uint32_t *step = (const void *)(program + p->steps);
    for (uint32_t i = 0; i < p->n_steps; i++, step += step[1]) {
        const uint32_t *b = step + 2 + 2 * 2, *params = b + 2 * ((step[0] >> 24) - 1);
        if ((step[0] & 0xff) == WR_STEP_MATMUL && (b[0] & WR_PROGRAM_CONST) != 0 &&
            b[1] >> 28 == WR_F32 && params[6] == 1 && (b[1] & WR_PROGRAM_COUNT) >= 256) {
            return b[0] & ~WR_PROGRAM_CONST;
        }
    }
    return 0;
}

TEST("a folded weight that is NaN or infinite is found before rounding; packing leaves it as it is")
{
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    if (!test_exists(WEIR_SHARED "/models")) {
        check_skip("../shared/models is absent, and smaller products are not rounded");
        return;
    }
    for (size_t i = 0; i < WR_COUNTOF(odd); i++) {
        struct wr_arena arena;
        struct test_model m;
        bool packed;
        wr_arena_init(&arena, &test_memory, 64 << 20);
        struct wr_str source = test_file(&arena, WEIR_SHARED "/models/fraud-mlp-gemm/model.onnx");
        CHECK(test_open(&m, source, NULL));
        struct wr_str program = program_in(&m, &packed);
        uint8_t *bytes = (uint8_t *)(uintptr_t)program.p;
        uint32_t at = first_weight(bytes);
        CHECK(at != 0 && wr_program_is_finite(bytes, false) && wr_program_is_finite(bytes, true));
        memcpy(bytes + at, &odd[i], sizeof odd[i]);
        CHECK(!wr_program_is_finite(bytes, false) && wr_program_is_finite(bytes, true));
        struct wr_buf out = wr_buf_in(&m.arena, program.n);
        CHECK(!wr_program_pack(&m.arena, program, &out) || out.n < program.n);
        test_close(&m);
        wr_arena_deinit(&arena);
    }
}

static void put_matrix(struct wr_arena *arena, struct wr_buf *graph, const char *name, float x,
                       const uint64_t dims[2])
{
    struct wr_buf tensor = wr_buf_in(arena, 4096);
    struct wr_buf raw = wr_buf_in(arena, 4096);
    for (uint64_t i = 0; i < dims[0] * dims[1]; i++) {
        wr_buf_add(&raw, &x, sizeof x);
    }
    put_number(&tensor, 1, dims[0]);
    put_number(&tensor, 1, dims[1]);
    put_number(&tensor, 2, 1);
    put_bytes(&tensor, 8, wr_str_z(name));
    put_bytes(&tensor, 9, wr_buf_view(&raw));
    put_bytes(graph, 5, wr_buf_view(&tensor));
}

TEST("weights that folding makes NaN or infinite are refused with --int8 and when explained, by "
     "name")
{
    static const struct {
        float weight; /* of which the logarithm is taken */
        const char *rounded, *explained;
    } cases[] = {{2, "", ""}, {-2, "--int8", "--no-explain"}, {0, "--int8", "--no-explain"}};
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        struct wr_arena arena;
        struct test_model m;
        struct wr_model_options how = {.no_explain = true};
        wr_arena_init(&arena, &test_memory, 1 << 24);
        struct wr_buf before = wr_buf_in(&arena, 8192);
        put_matrix(&arena, &before, "w", cases[i].weight, (const uint64_t[]){3, 200});
        put_matrix(&arena, &before, "v", 0.5f, (const uint64_t[]){200, 3});
        struct wr_str file =
            onnx_model(&arena, "Log|w|u;MatMul|x,u|a;MatMul|a,v|y", 1, wr_buf_view(&before));
        CHECK(test_open(&m, file, &how));
        test_close(&m);
        CHECK(test_open(&m, file, NULL) == (cases[i].explained[0] == 0));
        CHECK(strstr(m.error.text, cases[i].explained) != NULL);
        test_close(&m);
        how.round_weights = true;
        CHECK(test_open(&m, file, &how) == (cases[i].rounded[0] == 0));
        CHECK(strstr(m.error.text, cases[i].rounded) != NULL);
        test_close(&m);
        wr_arena_deinit(&arena);
    }
}

TEST("tensors in a file of their own are those of the one file")
{
    struct wr_arena arena;
    struct test_model one, two;
    wr_arena_init(&arena, &test_memory, (size_t)1 << 30);
    struct wr_str whole =
        test_file(&arena, WEIR_SOURCE "/test/unit/model/data/tiny-mlp/model.onnx");
    struct wr_str split =
        test_file(&arena, WEIR_SOURCE "/test/unit/model/data/tiny-external/model.onnx");
    struct wr_str weights =
        test_file(&arena, WEIR_SOURCE "/test/unit/model/data/tiny-external/weights.bin");
    struct wr_model_options how = {.external = give_weights, .external_context = &weights};
    CHECK(test_open(&one, whole, NULL));
    CHECK(test_open(&two, split, &how));
    CHECK(memcmp(wr_model_digest(one.model), wr_model_digest(two.model), 32) == 0);
    test_close(&two);
    weights.n--; /* the last tensor ends behind the end */
    CHECK(!test_open(&two, split, &how) && strstr(two.error.text, "behind the end") != NULL);
    test_close(&two);
    CHECK(!test_open(&two, split, NULL) && strstr(two.error.text, "weights.bin") != NULL);
    test_close(&two);
    test_close(&one);
    wr_arena_deinit(&arena);
}

static struct wr_str replaced(struct wr_arena *arena, struct wr_str text, const char *from,
                              const char *to)
{
    size_t at = wr_str_find(text, wr_str_z(from), 0), behind = at + strlen(from);
    struct wr_buf out = wr_buf_in(arena, text.n + strlen(to));
    CHECK(at != SIZE_MAX);
    wr_buf_add(&out, text.p, at);
    wr_buf_str(&out, wr_str_z(to));
    wr_buf_add(&out, text.p + behind, text.n - behind);
    return wr_buf_view(&out);
}

TEST("XGBoost 3.1's base score for each class is added to the margin of that class")
{
    struct wr_arena arena;
    struct test_model none, each;
    wr_arena_init(&arena, &test_memory, (size_t)1 << 30);
    struct wr_str text = test_file(&arena, WEIR_SOURCE "/test/unit/model/data/tiny-xgb/model.json");
    text = replaced(&arena, text, "binary:logistic", "multi:softprob");
    text = replaced(&arena, text, "\"num_class\":\"0\"", "\"num_class\":\"3\"");
    text = replaced(&arena, text, "[0,0,0,0,0,0,0,0,0,0]", "[0,1,2,0,1,2,0,1,2,0]");
    CHECK(test_open(&none, replaced(&arena, text, "\"5E-1\"", "\"0\""), NULL));
    CHECK(test_open(&each, replaced(&arena, text, "\"5E-1\"", "\"[-1E-1,2E-1,7E-1]\""), NULL));
    CHECK_INT(wr_model_n_outputs(each.model), 4);
    for (size_t i = 0; i < 4; i++) {
        none.row[i] = each.row[i] = (double)i / 2 - 1;
    }
    CHECK(wr_model_score(none.model, none.row, none.outputs, none.scratch) == WR_OK);
    CHECK(wr_model_score(each.model, each.row, each.outputs, each.scratch) == WR_OK);
    const double *p = none.outputs + 1, *q = each.outputs + 1;
    CHECK(fabs(log(q[1] / q[0]) - log(p[1] / p[0]) - 0.3) < 1e-5);
    CHECK(fabs(log(q[2] / q[0]) - log(p[2] / p[0]) - 0.8) < 1e-5);
    test_close(&each);
    test_close(&none);
    CHECK(!test_open(&each, replaced(&arena, text, "\"5E-1\"", "\"[1E-1,2E-1]\""), NULL));
    CHECK(strstr(each.error.text, "base_score") != NULL);
    test_close(&each);
    wr_arena_deinit(&arena);
}

TEST("a batch gives the bits of single rows")
{
    struct wr_arena source;
    struct test_model m;
    wr_arena_init(&source, &test_memory, (size_t)1 << 30);
    bool open = test_open(
        &m, test_file(&source, WEIR_SOURCE "/test/unit/model/data/tiny-trees/model.onnx"), NULL);
    CHECK(open);
    if (open) {
        size_t n_in = wr_model_n_inputs(m.model), n_out = wr_model_n_outputs(m.model);
        double rows[50 * 8], batch[50 * 4];
        CHECK(n_in <= 8 && n_out <= 4);
        for (size_t i = 0; i < 50 * n_in; i++) {
            rows[i] = (double)((i * 7919) % 101) / 25 - 2;
        }
        CHECK(wr_model_score_batch(m.model, rows, 50, batch, m.scratch) == WR_OK);
        for (size_t r = 0; r < 50; r++) {
            CHECK(wr_model_score(m.model, rows + r * n_in, m.outputs, m.scratch) == WR_OK);
            CHECK(memcmp(m.outputs, batch + r * n_out, n_out * 8) == 0);
        }
    }
    test_close(&m);
    wr_arena_deinit(&source);
}

TEST("outputs are found by name and by what they are")
{
    struct wr_arena source;
    struct test_model m;
    wr_arena_init(&source, &test_memory, (size_t)1 << 30);
    struct wr_str file =
        test_file(&source, WEIR_SOURCE "/test/unit/model/data/tiny-xgb/model.json");
    CHECK(test_open(&m, file, NULL));
    CHECK_INT(wr_model_output_find(m.model, WR_STR("label")), 0);
    CHECK_INT(wr_model_output_find(m.model, WR_STR("probability")), 2);
    CHECK_INT(wr_model_output_find(m.model, WR_STR("score")), 2);
    CHECK_INT(wr_model_output_find(m.model, WR_STR("probabilities[0]")), 1);
    CHECK(wr_model_output_find(m.model, WR_STR("nothing")) == SIZE_MAX);
    CHECK(wr_model_handles_missing(m.model));
    test_close(&m);
    struct wr_str names[] = {WR_STR("a"), WR_STR("b"), WR_STR("c"), WR_STR("d")};
    struct wr_model_options options = {.name = WR_STR("mine"),
                                       .input_names = names,
                                       .n_input_names = 4,
                                       .missing = WR_MODEL_MISSING_NO};
    CHECK(test_open(&m, file, &options));
    CHECK(wr_str_eq(wr_model_name(m.model), WR_STR("mine")));
    CHECK(wr_str_eq(wr_model_input_at(m.model, 3).name, WR_STR("d")));
    CHECK(!wr_model_handles_missing(m.model));
    test_close(&m);
    options.n_input_names = 3;
    CHECK(!test_open(&m, file, &options));
    test_close(&m);
    wr_arena_deinit(&source);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
