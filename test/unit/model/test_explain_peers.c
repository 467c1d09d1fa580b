/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations of real models: XGBoost's and LightGBM's own contributions, sums on every row,
 * linear models, networks, the module under Node, and hostile bytes. */
#include <math.h>

#include "model/explain.h"
#include "model/module.h"
#include "model_test.h"

#define DATA WEIR_SOURCE "/test/unit/model/data/"
#define ROWS 600 /* of a file at most */

static char line[1 << 20];
static enum wr_model_packing packing; /* of all subjects */

struct subject {
    struct wr_arena arena;
    struct test_model m;
    double *rows; /* the model's columns */
    size_t n, n_in;
    double *got; /* n_in + 2 */
    void *scratch;
};

/* Reads the rows of a CSV with a header into the model's columns, which are in its order. */
static void read_rows(struct subject *s, const char *path)
{
    FILE *in = fopen(path, "r");
    CHECK(in != NULL && fgets(line, sizeof line, in) != NULL);
    while (in != NULL && s->n < ROWS && fgets(line, sizeof line, in) != NULL) {
        char *text = line;
        for (size_t i = 0; i < s->n_in; i++) {
            double *to = &s->rows[s->n * s->n_in + i];
            size_t width = strcspn(text, ",\r\n");
            if (wr_model_input_at(s->m.model, i).kind == WR_MODEL_CATEGORY) {
                *to = wr_model_category(s->m.model, i, wr_str_of(text, width));
            } else {
                *to = strtod(text, NULL);
            }
            text += width + 1;
        }
        s->n++;
    }
    if (in != NULL) {
        fclose(in);
    }
}

/* Compiles a model, reads its rows, and with `background` compiles it again over them. */
static bool open_subject(struct subject *s, const char *model, const char *rows, bool background)
{
    memset(s, 0, sizeof *s);
    wr_arena_init(&s->arena, &test_memory, (size_t)1 << 30);
    struct wr_str source = test_file(&s->arena, model);
    struct wr_model_options how = {.packing = packing};
    bool open = source.p != NULL && test_open(&s->m, source, &how);
    CHECK(open);
    if (!open) {
        fprintf(stderr, "%s: %s\n", model, s->m.error.text);
        return false;
    }
    s->n_in = wr_model_n_inputs(s->m.model);
    s->rows = wr_arena_array(&s->arena, ROWS * s->n_in, 8, 8);
    read_rows(s, rows);
    if (background) {
        how.background = s->rows;
        how.n_background = s->n;
        test_close(&s->m);
        open = test_open(&s->m, source, &how);
        CHECK(open);
    }
    s->got = wr_arena_array(&s->arena, s->n_in + 2, 8, 8);
    s->scratch = wr_arena_alloc(&s->arena, wr_model_explain_scratch_size(s->m.model) + 64, 64);
    return open;
}

static void close_subject(struct subject *s)
{
    test_close(&s->m);
    wr_arena_deinit(&s->arena);
}

static double lack(const struct subject *s)
{
    double sum = s->got[s->n_in];
    for (size_t i = 0; i < s->n_in; i++) {
        sum += s->got[i];
    }
    double margin = s->got[s->n_in + 1];
    return fabs(sum - margin) / fmax(1, fabs(margin));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* ── peers ──────────────────────────────────────────────────────────────────────────────────── */
/* Every number of a file of contributions, the bias last, within 1e-5 of ours. */
static void check_contribs(struct subject *s, const char *path, size_t output)
{
    FILE *in = fopen(path, "r");
    size_t row = 0;
    double worst = 0;
    CHECK(in != NULL);
    while (in != NULL && fgets(line, sizeof line, in) != NULL && row < s->n) {
        char *text = line;
        CHECK(wr_model_explain(s->m.model, s->rows + row * s->n_in, output, s->got, s->scratch) ==
              WR_OK);
        for (size_t i = 0; i <= s->n_in; i++) {
            double want = strtod(text, &text);
            text++;
            worst = fmax(worst, fabs(s->got[i] - want));
        }
        CHECK(lack(s) < 1e-12);
        row++;
    }
    if (!(worst < 1e-5)) {
        fprintf(stderr, "%s: %g apart\n", path, worst);
    }
    CHECK(worst < 1e-5);
    CHECK(row >= 40);
    if (in != NULL) {
        fclose(in);
    }
}

static void check_peer(const char *name, const char *file, size_t classes)
{
    char model[600], rows[600], contribs[640];
    struct subject s;
    snprintf(model, sizeof model, DATA "explain/%s/%s", name, file);
    snprintf(rows, sizeof rows, DATA "explain/%s/rows.csv", name);
    if (open_subject(&s, model, rows, false)) {
        for (size_t k = 0; k < classes; k++) {
            size_t output = classes == 1 ? wr_model_output_find(s.m.model, WR_STR("score")) : 1 + k;
            snprintf(contribs, sizeof contribs, DATA "explain/%s/contribs-%zu.csv", name, k);
            check_contribs(&s, contribs, output);
        }
    }
    close_subject(&s);
}

TEST("contributions are those of XGBoost's pred_contribs and LightGBM's pred_contrib")
{
    check_peer("xgb-logit", "model.ubj", 1);
    check_peer("xgb-square", "model.ubj", 1);
    check_peer("xgb-softmax", "model.ubj", 3);
    check_peer("xgb-dart", "model.ubj", 1);
    check_peer("lgbm-logit", "model.txt", 1);
}

static const char *const native[] = {"credit30k-xgb", "fraud-xgb-100x6", "fraud-xgb-nan"};

TEST("every golden model with a model.json agrees with XGBoost's pred_contribs")
{
    if (!test_exists(WEIR_SHARED "/models")) {
        check_skip(WEIR_SHARED "/models is absent: golden models were not explained");
        return;
    }
    for (size_t i = 0; i < WR_COUNTOF(native); i++) {
        char model[600], rows[600], contribs[640];
        struct subject s;
        snprintf(model, sizeof model, WEIR_SHARED "/models/%s/model.json", native[i]);
        snprintf(rows, sizeof rows, WEIR_SHARED "/models/%s/rows.csv", native[i]);
        snprintf(contribs, sizeof contribs, DATA "explain/shared-%s/contribs-0.csv", native[i]);
        if (open_subject(&s, model, rows, false)) {
            check_contribs(&s, contribs, wr_model_output_find(s.m.model, WR_STR("score")));
        }
        close_subject(&s);
    }
}

/* ── sums ───────────────────────────────────────────────────────────────────────────────────── */
/* On every row base and contributions make the margin, and the margin makes the score. */
static void check_sums(struct subject *s, bool link)
{
    size_t output = wr_model_output_find(s->m.model, WR_STR("score"));
    double worst = 0, apart = 0;
    for (size_t r = 0; r < s->n; r++) {
        const double *row = s->rows + r * s->n_in;
        CHECK(wr_model_explain(s->m.model, row, output, s->got, s->scratch) == WR_OK);
        CHECK(wr_model_score(s->m.model, row, s->m.outputs, s->m.scratch) == WR_OK);
        double margin = s->got[s->n_in + 1];
        worst = fmax(worst, lack(s));
        apart = fmax(apart, fabs((link ? sigmoid(margin) : margin) - s->m.outputs[output]));
    }
    CHECK(worst < 1e-9);
    CHECK(apart < 1e-5);
    CHECK(s->n >= 500);
}

TEST("sums make score less base to 1e-9 on every row of every golden tree model with covers")
{
    static const struct {
        const char *name, *file;
        bool background, link;
    } models[] = {
        {"credit30k-xgb", "model.json", false, true},
        {"fraud-xgb-100x6", "model.json", false, true},
        {"fraud-xgb-nan", "model.json", false, true},
        {"credit30k-xgb", "model.onnx", true, true},
        {"fraud-xgb-100x6", "model.onnx", true, true},
        {"fraud-xgb-nan", "model.onnx", true, true},
        {"fraud-xgb-te5", "model.onnx", true, true},
        {"fraud-oblivious-gt", "model.onnx", true, true},
        {"fraud-rf-100", "model.onnx", true, false},
    };
    for (size_t i = 0; i < WR_COUNTOF(models) && test_exists(WEIR_SHARED "/models"); i++) {
        char model[600], rows[600];
        struct subject s;
        snprintf(model, sizeof model, WEIR_SHARED "/models/%s/%s", models[i].name, models[i].file);
        snprintf(rows, sizeof rows, WEIR_SHARED "/models/%s/rows.csv", models[i].name);
        if (open_subject(&s, model, rows, models[i].background)) {
            CHECK(wr_model_explanation(s.m.model, NULL) == WR_MODEL_EXPLAINED_TREES);
            check_sums(&s, models[i].link);
        }
        close_subject(&s);
    }
}

TEST("covers counted over a background make the background's mean margin the base")
{
    if (!test_exists(WEIR_SHARED "/models")) {
        return;
    }
    struct subject s;
    if (open_subject(&s, WEIR_SHARED "/models/fraud-xgb-nan/model.onnx",
                     WEIR_SHARED "/models/fraud-xgb-nan/rows.csv", true)) {
        double mean = 0;
        for (size_t r = 0; r < s.n; r++) {
            CHECK(wr_model_explain(s.m.model, s.rows + r * s.n_in, 2, s.got, s.scratch) == WR_OK);
            mean += s.got[s.n_in + 1] / (double)s.n;
        }
        CHECK(fabs(mean - s.got[s.n_in]) < 1e-9);
    }
    close_subject(&s);
}

/* ── linear models and networks ─────────────────────────────────────────────────────────────── */
TEST("of a linear model, a column's contribution depends on that column alone, and they add up")
{
    static const char *const names[] = {"fraud-lr-scaler", "german-onehot-lr"};
    for (size_t i = 0; i < WR_COUNTOF(names) && test_exists(WEIR_SHARED "/models"); i++) {
        char model[600], rows[600];
        struct subject s;
        snprintf(model, sizeof model, WEIR_SHARED "/models/%s/model.onnx", names[i]);
        snprintf(rows, sizeof rows, WEIR_SHARED "/models/%s/rows.csv", names[i]);
        if (!open_subject(&s, model, rows, i == 1)) {
            continue;
        }
        CHECK(wr_model_explanation(s.m.model, NULL) == WR_MODEL_EXPLAINED_LINEAR);
        double *row = wr_arena_array(&s.arena, s.n_in, 8, 8), first[64];
        for (size_t r = 0; r + 1 < s.n; r++) {
            const double *a = s.rows + r * s.n_in, *b = a + s.n_in;
            size_t column = r % s.n_in;
            CHECK(wr_model_explain(s.m.model, a, 2, s.got, s.scratch) == WR_OK);
            CHECK(wr_model_score(s.m.model, a, s.m.outputs, s.m.scratch) == WR_OK);
            CHECK(lack(&s) < 2e-5);
            CHECK(fabs(sigmoid(s.got[s.n_in + 1]) - s.m.outputs[2]) < 1e-5);
            memcpy(first, s.got, s.n_in * 8);
            memcpy(row, b, s.n_in * 8); /* another row, but for one column */
            row[column] = a[column];
            CHECK(wr_model_explain(s.m.model, row, 2, s.got, s.scratch) == WR_OK);
            CHECK(fabs(first[column] - s.got[column]) < 2e-5);
        }
        close_subject(&s);
    }
}

static double margin_of(struct subject *s, const double *row)
{
    CHECK(wr_model_score(s->m.model, row, s->m.outputs, s->m.scratch) == WR_OK);
    double p = s->m.outputs[wr_model_output_find(s->m.model, WR_STR("score"))];
    return log(p / (1 - p));
}

TEST("of a network, a contribution is what the margin loses with the column at its median")
{
    if (!test_exists(WEIR_SHARED "/models")) {
        return;
    }
    struct subject s;
    if (open_subject(&s, WEIR_SHARED "/models/fraud-mlp-sklearn/model.onnx",
                     WEIR_SHARED "/models/fraud-mlp-sklearn/rows.csv", true)) {
        size_t output = wr_model_output_find(s.m.model, WR_STR("score")), checked = 0;
        double *row = wr_arena_array(&s.arena, s.n_in, 8, 8);
        CHECK(wr_model_explanation(s.m.model, NULL) == WR_MODEL_EXPLAINED_OCCLUSION);
        for (size_t column = 0; column < s.n_in; column++) {
            double median = 0; /* the value that has half of the others at most before it */
            for (size_t r = 0; r < s.n; r++) {
                size_t below = 0, equal = 0;
                double x = s.rows[r * s.n_in + column];
                for (size_t k = 0; k < s.n; k++) {
                    below += s.rows[k * s.n_in + column] < x;
                    equal += s.rows[k * s.n_in + column] == x;
                }
                median = below <= (s.n - 1) / 2 && (s.n - 1) / 2 < below + equal ? x : median;
            }
            for (size_t r = 0; r < 40; r++) {
                memcpy(row, s.rows + r * s.n_in, s.n_in * 8);
                double with = margin_of(&s, row);
                CHECK(wr_model_explain(s.m.model, row, output, s.got, s.scratch) == WR_OK);
                row[column] = median;
                double without = margin_of(&s, row);
                if (fabs(with) < 7 && fabs(without) < 7) { /* else the probability is too coarse */
                    CHECK(fabs(s.got[column] - (with - without)) < 1e-3);
                    checked++;
                }
            }
        }
        CHECK(checked > 100);
    }
    close_subject(&s);
}

TEST("what cannot be explained says why, and how it could be")
{
    struct wr_arena arena;
    struct test_model m;
    wr_arena_init(&arena, &test_memory, 1 << 24);
    struct wr_str why, file = test_file(&arena, DATA "tiny-trees/model.onnx");
    CHECK(test_open(&m, file, NULL));
    CHECK(wr_model_explanation(m.model, &why) == WR_MODEL_UNEXPLAINED);
    CHECK(wr_str_find(why, WR_STR("--background"), 0) != SIZE_MAX);
    CHECK(wr_model_explain(m.model, m.row, 0, m.row, m.scratch) == WR_E_MODEL);
    CHECK(wr_model_explain_steps(m.model) == 0);
    test_close(&m);
    struct wr_model_options how = {.no_explain = true};
    CHECK(test_open(&m, test_file(&arena, DATA "explain/xgb-logit/model.ubj"), &how));
    CHECK(wr_model_explanation(m.model, &why) == WR_MODEL_UNEXPLAINED);
    CHECK(wr_str_find(why, WR_STR("--no-explain"), 0) != SIZE_MAX);
    test_close(&m);
    double nothing[8] = {0};
    how = (struct wr_model_options){.background = nothing,
                                    .n_background = WR_LIMIT_MODEL_BACKGROUND + 1};
    CHECK(!test_open(&m, file, &how) && m.error.code == WR_E_LIMIT);
    test_close(&m);
    how = (struct wr_model_options){.quality = WR_STR("[1]")};
    CHECK(!test_open(&m, file, &how) && m.error.code == WR_E_MODEL);
    test_close(&m);
    how.quality = WR_STR("{\"a\":");
    CHECK(!test_open(&m, file, &how) && m.error.code == WR_E_NEED_MORE);
    test_close(&m);
    how.quality.n = WR_LIMIT_MODEL_QUALITY + 1; /* the size alone is looked at */
    CHECK(!test_open(&m, file, &how) && m.error.code == WR_E_LIMIT);
    test_close(&m);
    wr_arena_deinit(&arena);
}

/* ── the module ─────────────────────────────────────────────────────────────────────────────── */
static void write_doubles(const char *path, const double *p, size_t n)
{
    FILE *out = fopen(path, "wb");
    CHECK(out != NULL && fwrite(p, 8, n, out) == n && fclose(out) == 0);
}

static void check_module(const char *model, const char *rows, bool background)
{
    char command[2048];
    struct subject s;
    if (open_subject(&s, model, rows, background)) {
        size_t output = wr_model_output_find(s.m.model, WR_STR("score")), n = WR_MIN(s.n, 30);
        double *all = wr_arena_array(&s.arena, n * (s.n_in + 2), 8, 8);
        for (size_t r = 0; r < n; r++) {
            CHECK(wr_model_explain(s.m.model, s.rows + r * s.n_in, output, all + r * (s.n_in + 2),
                                   s.scratch) == WR_OK);
        }
        write_doubles("explain.rows", s.rows, n * s.n_in);
        write_doubles("explain.numbers", all, n * (s.n_in + 2));
        FILE *out = fopen("explain.wasm", "wb");
        CHECK(out != NULL && fwrite(s.m.wasm.p, 1, s.m.wasm.n, out) == s.m.wasm.n);
        fclose(out);
        snprintf(command, sizeof command,
                 "node %s/test/e2e/explain_wasm.mjs explain.wasm %zu explain.rows explain.numbers",
                 WEIR_SOURCE, output);
        CHECK_INT(system(command), 0);
        remove("explain.rows");
        remove("explain.numbers");
        remove("explain.wasm");
    }
    close_subject(&s);
}

TEST("the module's own explain gives the native bits under Node")
{
    if (system("node -e 0 >/dev/null 2>&1") != 0) {
        check_skip("node is absent: the modules' own exports were not run");
        return;
    }
    check_module(DATA "explain/xgb-logit/model.ubj", DATA "explain/xgb-logit/rows.csv", false);
    check_module(DATA "explain/xgb-softmax/model.ubj", DATA "explain/xgb-softmax/rows.csv", false);
    check_module(DATA "explain/lgbm-logit/model.txt", DATA "explain/lgbm-logit/rows.csv", false);
    packing = WR_MODEL_PACK_ALWAYS;
    check_module(DATA "explain/xgb-logit/model.ubj", DATA "explain/xgb-logit/rows.csv", false);
    check_module(DATA "tiny-mlp/model.onnx", DATA "tiny-mlp/rows.csv", true);
    packing = WR_MODEL_PACK_AUTO;
    if (test_exists(WEIR_SHARED "/models")) {
        check_module(WEIR_SHARED "/models/fraud-rf-100/model.onnx",
                     WEIR_SHARED "/models/fraud-rf-100/rows.csv", true);
        check_module(WEIR_SHARED "/models/german-onehot-lr/model.onnx",
                     WEIR_SHARED "/models/german-onehot-lr/rows.csv", false);
        check_module(WEIR_SHARED "/models/fraud-mlp-gemm/model.onnx",
                     WEIR_SHARED "/models/fraud-mlp-gemm/rows.csv", true);
        check_module(WEIR_SHARED "/models/fraud-iforest/model.onnx",
                     WEIR_SHARED "/models/fraud-iforest/rows.csv", true);
    }
}

/* ── hostile bytes ──────────────────────────────────────────────────────────────────────────── */
static uint64_t state = 88172645463325252u;
static uint32_t next(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % below;
}

static const char *const covered[] = {DATA "explain/xgb-logit/model.ubj",
                                      DATA "explain/xgb-softmax/model.ubj",
                                      DATA "explain/lgbm-logit/model.txt"};

/* Compiles with rows as background where the columns are as many; explains when it can. */
static void survives(struct wr_str source, const double *rows, size_t n)
{
    struct test_model m;
    struct wr_model_options how = {.background = rows, .n_background = n};
    if (test_open(&m, source, &how) && wr_model_n_inputs(m.model) == 8) {
        double *got = wr_arena_array(&m.arena, 16, 8, 8);
        void *scratch = wr_arena_alloc(&m.arena, wr_model_explain_scratch_size(m.model) + 64, 64);
        wr_err code = wr_model_explain(m.model, rows, 0, got, scratch);
        CHECK(code == WR_OK || code == WR_E_MODEL);
    }
    test_close(&m);
}

TEST("files with covers, cut short or changed, are refused or explained")
{
    static double rows[4 * 32000];
    for (size_t s = 0; s < WR_COUNTOF(covered); s++) {
        struct wr_arena arena;
        wr_arena_init(&arena, &test_memory, 1 << 26);
        struct wr_str file = test_file(&arena, covered[s]);
        CHECK(file.n > 1000);
        for (size_t n = 0; n < file.n; n += n < 200 || n + 100 > file.n ? 1 : 311) {
            char *cut = malloc(n + 1);
            memcpy(cut, file.p, n);
            survives(wr_str_of(cut, n), rows, 0);
            free(cut);
        }
        char *bytes = malloc(file.n);
        for (unsigned round = 0; round < 300; round++) {
            memcpy(bytes, file.p, file.n);
            bytes[next((uint32_t)file.n)] = (char)next(256);
            survives(wr_str_of(bytes, file.n), rows, round % 2 * 4);
        }
        free(bytes);
        wr_arena_deinit(&arena);
    }
}

/* Reads a file of the corpus twice: for its columns, then with three rows as background. */
static bool explains_file(const char *path)
{
    struct wr_arena arena;
    struct test_model m;
    bool explained = false;
    wr_arena_init(&arena, &test_memory, 1 << 26);
    struct wr_str file = test_file(&arena, path);
    size_t n = file.p != NULL && test_open(&m, file, NULL) ? wr_model_n_inputs(m.model) : 0;
    if (file.p != NULL) {
        test_close(&m);
    }
    double *rows = wr_arena_array(&arena, 3 * n + 2, 8, 8);
    for (size_t i = 0; i < 3 * n; i++) {
        rows[i] = i % 5 == 0 ? (double)NAN : (double)(i % 7) - 3;
    }
    struct wr_model_options how = {.background = rows, .n_background = 3};
    if (n > 0 && test_open(&m, file, &how)) {
        void *scratch = wr_arena_alloc(&m.arena, wr_model_explain_scratch_size(m.model) + 64, 64);
        double *got = wr_arena_array(&m.arena, n + 2, 8, 8);
        for (size_t k = 0; k < wr_model_n_outputs(m.model) && k < 8; k++) {
            wr_err code = wr_model_explain(m.model, rows, k, got, scratch);
            CHECK(code == WR_OK || code == WR_E_MODEL);
        }
        explained = wr_model_explanation(m.model, NULL) != WR_MODEL_UNEXPLAINED;
    }
    if (n > 0) {
        test_close(&m);
    }
    wr_arena_deinit(&arena);
    return explained;
}

TEST("every file of the ONNX corpus, with rows as background, is refused or explained")
{
    char path[1024], row[1024], name[200];
    unsigned n = 0, explained = 0;
    FILE *manifest = fopen(WEIR_SHARED "/corpora/onnx/MANIFEST.tsv", "r");
    if (manifest == NULL) {
        check_skip(WEIR_SHARED "/corpora/onnx is absent: its files were not read");
        return;
    }
    while (fgets(row, sizeof row, manifest) != NULL) {
        if (sscanf(row, "%199[^\t]", name) == 1) {
            snprintf(path, sizeof path, WEIR_SHARED "/corpora/onnx/%s", name);
            explained += explains_file(path);
            n++;
        }
    }
    CHECK(n > 30 && explained > 0);
    fclose(manifest);
}

/* Changes one word of a program's explanation; what passes the check is run in rooms of exactly the
 * size told. */
static bool run_changed(struct wr_arena *arena, struct wr_str original)
{
    struct wr_error error = {0};
    uint8_t *program = aligned_alloc(64, original.n);
    memcpy(program, original.p, original.n);
    const struct wr_program *p = (void *)program;
    uint32_t length = next(2) == 0 ? sizeof(struct wr_explain) : p->size - p->explain;
    uint32_t at = p->explain + (next(length) & ~3u), old = wr_get32(program + at);
    const uint32_t values[] = {old + 1, old - 1,    old ^ 1u << next(32),
                               0,       UINT32_MAX, next(1 << 16)};
    wr_put32(program + at, values[next(6)]);
    bool passes = wr_program_check(arena, program, original.n, NULL, &error) == WR_OK;
    CHECK(passes || error.text[0] != 0);
    if (passes) {
        const struct wr_explain *e = wr_explain_of(p);
        double *row = calloc(p->n_inputs, 8), *out = malloc(((size_t)p->n_inputs + 2) * 8);
        uint8_t *scratch = aligned_alloc(64, (p->scratch + 63u) & ~63u);
        uint8_t *room = aligned_alloc(64, (size_t)(wr_explain_room(p, e) + 63) & ~(size_t)63);
        for (uint32_t k = 0; k < p->n_outputs; k++) {
            wr_kernel_explain(program, row, k, out, scratch, room);
        }
        free(row);
        free(out);
        free(scratch);
        free(room);
    }
    free(program);
    return passes;
}

TEST("a changed explanation is refused by the check, or runs within its memory")
{
    unsigned passed = 0;
    for (size_t s = 0; s < 4; s++) {
        struct subject subject;
        struct wr_module module;
        bool trees = s < 3;
        if (!open_subject(&subject, trees ? covered[s] : DATA "tiny-mlp/model.onnx",
                          trees ? DATA "explain/xgb-logit/rows.csv" : DATA "tiny-mlp/rows.csv",
                          !trees)) {
            continue;
        }
        CHECK(wr_module_read(wr_buf_view(&subject.m.wasm), &module, NULL) == WR_OK);
        for (unsigned round = 0; round < 2000; round++) {
            struct wr_arena_mark mark = wr_arena_mark(&subject.arena);
            passed += run_changed(&subject.arena, module.program);
            wr_arena_rewind(&subject.arena, mark);
        }
        close_subject(&subject);
    }
    CHECK(passed > 500);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
