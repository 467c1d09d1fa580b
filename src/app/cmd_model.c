/* SPDX-License-Identifier: Apache-2.0 */
/* weir model compile|info|score|explain|conform: from a trained model to a wasm module, its scores
 * and their reasons. */
#include "app/commands.h"
#include "app/file.h"
#include "app/filemap.h"
#include "app/modelbeside.h"
#include "app/modelconform.h"
#include "app/modelgolden.h"
#include "app/modelquality.h"
#include "app/modelrow.h"
#include "base/num.h"
#include "model/model.h"

#include <math.h>

#include <stdio.h>
#include <stdlib.h>

#define MODEL_CAP WR_GIB(16)

static struct {
    const char *out, *name, *csv, *inputs, *background, *metadata, *check, *output;
    uint64_t top;
    bool missing_yes, missing_no, no_explain;
    bool pack, no_pack, round_leaves, int8;
} options;

static const struct wr_option table[] = {
    {"out", 'o', WR_OPT_TEXT, "FILE", "compile: where the module goes (SOURCE.wasm)", &options.out},
    {"name", 0, WR_OPT_TEXT, "TEXT", "compile: the model's name in its metadata", &options.name},
    {"inputs", 0, WR_OPT_TEXT, "A,B,...", "compile: names of the inputs, in order",
     &options.inputs},
    {"missing", 0, WR_OPT_FLAG, NULL, "compile: NaN is a value this model was trained with",
     &options.missing_yes},
    {"no-missing", 0, WR_OPT_FLAG, NULL, "compile: NaN must never reach this model",
     &options.missing_no},
    {"background", 0, WR_OPT_TEXT, "ROWS",
     "compile: training rows; gives node covers or reference values to explanations, and quantiles "
     "to the metadata",
     &options.background},
    {"metadata", 0, WR_OPT_TEXT, "FILE",
     "compile: a JSON object that travels in the module (calibration, thresholds, ...)",
     &options.metadata},
    {"check", 0, WR_OPT_TEXT, "ROWS",
     "compile: score these rows and compare with the golden file that follows; no module is "
     "written when one differs",
     &options.check},
    {"pack", 0, WR_OPT_FLAG, NULL,
     "compile: the smallest file; it is unpacked when opened (done anyway over 48 MB)",
     &options.pack},
    {"no-pack", 0, WR_OPT_FLAG, NULL, "compile: a file that is mapped and scored in place",
     &options.no_pack},
    {"round-leaves", 0, WR_OPT_FLAG, NULL,
     "compile: leaf values in 65,536 steps; prints how far scores change", &options.round_leaves},
    {"int8", 0, WR_OPT_FLAG, NULL,
     "compile: weights of networks in 8 bits; prints how far scores change", &options.int8},
    {"no-explain", 0, WR_OPT_FLAG, NULL, "compile: leave out what explanations need",
     &options.no_explain},
    {"csv", 0, WR_OPT_TEXT, "FILE", "score, explain: rows with a header; - is standard input",
     &options.csv},
    {"top", 0, WR_OPT_U64, "K", "explain: only the K greatest contributions of each row",
     &options.top},
    {"output", 0, WR_OPT_TEXT, "NAME", "explain: which output (the score)", &options.output},
};

static size_t split_names(struct wr_arena *arena, const char *text, struct wr_str **names)
{
    size_t n = 1;
    for (const char *p = text; *p != '\0'; p++) {
        n += *p == ',';
    }
    *names = WR_NEW_ARRAY(arena, struct wr_str, n);
    for (size_t i = 0; i < n && *names != NULL; i++) {
        size_t length = strcspn(text, ",");
        (*names)[i] = wr_str_of(text, length);
        text += length + (text[length] == ',');
    }
    return n;
}

/* ── compiling ──────────────────────────────────────────────────────────────────────────────── */
struct compiled {
    struct wr_model_report report;
    struct wr_str source;
    struct wr_model_options how;
    struct wr_buf module;
    struct wr_model *model;
};

static int compile_once(struct wr_arena *arena, const char *path, struct compiled *c)
{
    struct wr_error error = {0};
    c->module = wr_buf_in(arena, 65536);
    c->report = (struct wr_model_report){0};
    wr_err code = wr_model_compile(arena, c->source, &c->how, &c->module, &error);
    code = code == WR_OK ? wr_model_open(arena, wr_buf_view(&c->module), &c->model, &error) : code;
    return code == WR_OK ? WR_EXIT_OK : wr_complain_error(path, &error);
}

/* With rows or metadata the model is compiled again: the first time told its columns. */
static int compile_with_knowledge(struct wr_arena *arena, const char *path, struct compiled *c)
{
    struct wr_error error = {0};
    struct wr_str metadata = {0};
    double *rows = NULL;
    int exit_code = WR_EXIT_OK;
    if (options.background != NULL) {
        exit_code = wr_model_rows_all(arena, c->model, options.background,
                                      WR_LIMIT_MODEL_BACKGROUND, &rows, &c->how.n_background);
        c->how.background = rows;
    }
    if (exit_code == WR_EXIT_OK && options.metadata != NULL &&
        wr_file_read(arena, options.metadata, WR_LIMIT_MODEL_QUALITY, &metadata, &error) != WR_OK) {
        return wr_complain_error("--metadata", &error);
    }
    struct wr_buf quality = wr_buf_in(arena, 4096);
    if (exit_code == WR_EXIT_OK) {
        exit_code =
            wr_model_quality(arena, c->model, metadata, rows, c->how.n_background, &quality);
    }
    c->how.quality = wr_buf_view(&quality);
    wr_file_release(c->module.p, c->module.n); /* nothing looks at the first module again */
    return exit_code == WR_EXIT_OK ? compile_once(arena, path, c) : exit_code;
}

static void print_report(const char *path, const struct compiled *c)
{
    const struct wr_model_report *r = &c->report;
    for (struct wr_str left = r->warnings; left.n > 0;) {
        const char *end = memchr(left.p, '\n', left.n);
        size_t n = end != NULL ? (size_t)(end - left.p) : left.n;
        fprintf(stderr, "weir model: warning: %.*s\n", (int)n, left.p);
        left = wr_str_of(left.p + n, left.n - n);
        left = left.n > 0 ? wr_str_of(left.p + 1, left.n - 1) : left;
    }
    printf("%s: %zu bytes from %zu (%.1f %%), %zu inputs, %zu outputs\n", path, c->module.n,
           c->source.n, 100.0 * (double)c->module.n / (double)c->source.n,
           wr_model_n_inputs(c->model), wr_model_n_outputs(c->model));
    printf("weights: %u bytes%s; once opened %zu bytes\n", r->weights, r->packed ? ", packed" : "",
           wr_model_opened_size(c->model));
    if (r->change_rows > 0) {
        printf("rounding: outputs of %u test rows change by at most %.3g\n", r->change_rows,
               r->change);
    }
}

static int compile(struct wr_arena *arena, const char *source_path, const char *golden)
{
    struct wr_error error = {0};
    struct compiled c = {.how = {.no_explain = options.no_explain,
                                 .packing = options.pack      ? WR_MODEL_PACK_ALWAYS
                                            : options.no_pack ? WR_MODEL_PACK_NEVER
                                                              : WR_MODEL_PACK_AUTO,
                                 .round_leaves = options.round_leaves,
                                 .round_weights = options.int8,
                                 .report = &c.report}};
    struct wr_str *names = NULL;
    static struct wr_model_beside beside;
    beside.source = source_path;
    c.how.external = wr_model_take_beside;
    c.how.external_context = &beside;
    c.how.release = wr_file_release;
    if ((options.check != NULL) != (golden != NULL)) {
        wr_complain("compile wants one source, and with --check ROWS a golden file behind it");
        return WR_EXIT_USAGE;
    }
    c.how.name = wr_str_z(options.name != NULL ? options.name : "");
    if (options.inputs != NULL) {
        c.how.n_input_names = split_names(arena, options.inputs, &names);
        c.how.input_names = names;
    }
    if (options.missing_yes || options.missing_no) {
        c.how.missing = options.missing_yes ? WR_MODEL_MISSING_YES : WR_MODEL_MISSING_NO;
    }
    if (wr_file_map(source_path, WR_LIMIT_MODEL_SOURCE, &c.source, &error) != WR_OK) {
        return wr_complain_error("compile", &error);
    }
    int exit_code = compile_once(arena, source_path, &c);
    if (exit_code == WR_EXIT_OK && (options.background != NULL || options.metadata != NULL)) {
        exit_code = compile_with_knowledge(arena, source_path, &c);
    }
    if (exit_code == WR_EXIT_OK && golden != NULL) {
        struct wr_model_golden compared;
        exit_code = wr_model_golden_check(arena, c.model, options.check, golden, &compared);
        if (exit_code == WR_EXIT_OK) {
            printf("check: %zu rows, %zu numbers within %g, or %g relative\n", compared.rows,
                   compared.numbers, WR_GOLDEN_ABSOLUTE, WR_GOLDEN_RELATIVE);
        }
    }
    if (exit_code != WR_EXIT_OK) {
        return exit_code;
    }
    char out[4096];
    snprintf(out, sizeof out, "%s.wasm", source_path);
    const char *path = options.out != NULL ? options.out : out;
    if (wr_file_write(path, wr_buf_view(&c.module), &error) != WR_OK) {
        return wr_complain_error(path, &error);
    }
    print_report(path, &c);
    return WR_EXIT_OK;
}

/* ── looking ────────────────────────────────────────────────────────────────────────────────── */
static bool open_model(struct wr_arena *arena, const char *path, struct wr_model **model)
{
    struct wr_error error = {0};
    struct wr_str wasm;
    wr_err code = wr_file_map(path, WR_LIMIT_MODEL_SOURCE, &wasm, &error);
    code = code == WR_OK ? wr_model_open(arena, wasm, model, &error) : code;
    if (code != WR_OK) {
        wr_complain_error(path, &error);
    }
    return code == WR_OK;
}

static int info(struct wr_arena *arena, const char *path)
{
    struct wr_model *model;
    if (!open_model(arena, path, &model)) {
        return WR_EXIT_FAILED;
    }
    struct wr_buf json = wr_buf_in(arena, 65536);
    wr_model_info(model, &json);
    printf("%.*s\n", WR_FMT(wr_buf_view(&json)));
    return WR_EXIT_OK;
}

/* A cell of the table on standard output, in quotes where it needs them (RFC 4180). */
static void print_cell(bool first, struct wr_str text)
{
    bool quote = false;
    for (size_t i = 0; i < text.n; i++) {
        quote =
            quote || text.p[i] == ',' || text.p[i] == '"' || text.p[i] == '\n' || text.p[i] == '\r';
    }
    fputs(first ? "" : ",", stdout);
    if (!quote) {
        fwrite(text.p, 1, text.n, stdout);
        return;
    }
    putchar('"');
    for (size_t i = 0; i < text.n; i++) {
        fputs(text.p[i] == '"' ? "\"" : "", stdout);
        putchar(text.p[i]);
    }
    putchar('"');
}

static void print_outputs(const struct wr_model *model, const double *outputs)
{
    char room[64];
    for (size_t i = 0; i < wr_model_n_outputs(model); i++) {
        struct wr_str text = wr_model_label_text(model, i, outputs[i]);
        struct wr_buf buf = wr_buf_fixed(room, sizeof room);
        if (text.n == 0) {
            wr_num_write_double(&buf, outputs[i]);
            text = wr_buf_view(&buf);
        }
        print_cell(i == 0, text);
    }
    putchar('\n');
}

static void print_header(const struct wr_model *model)
{
    for (size_t i = 0; i < wr_model_n_outputs(model); i++) {
        print_cell(i == 0, wr_model_output_at(model, i).name);
    }
    putchar('\n');
}

static int score_rows(struct wr_arena *arena, struct wr_model_rows *rows)
{
    const struct wr_model *model = rows->model;
    double *outputs = WR_NEW_ARRAY(arena, double, wr_model_n_outputs(model));
    void *scratch = wr_arena_zalloc(arena, wr_model_scratch_size(model) + 64, 64);
    bool end = false;
    int exit_code;
    if (outputs == NULL || scratch == NULL) {
        return wr_complain("no memory");
    }
    print_header(model);
    while ((exit_code = wr_model_rows_next(rows, &end)) == WR_EXIT_OK && !end) {
        if (wr_model_score(model, rows->row, outputs, scratch) != WR_OK) {
            return wr_complain("line %llu: the row cannot be scored",
                               (unsigned long long)rows->reader.line);
        }
        print_outputs(model, outputs);
    }
    return exit_code;
}

/* ── explaining ─────────────────────────────────────────────────────────────────────────────── */
static void print_number(double x)
{
    char room[64];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    wr_num_write_double(&buf, x);
    printf(",%.*s", WR_FMT(wr_buf_view(&buf)));
}

/* Where the greatest contribution that is not yet told stands; it is set to zero by the caller. */
static size_t greatest(const double *contributions, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        best = fabs(contributions[i]) > fabs(contributions[best]) ? i : best;
    }
    return best;
}

static void print_contributions(const struct wr_model_rows *rows, size_t number, double *got)
{
    size_t n = wr_model_n_inputs(rows->model);
    if (options.top == 0) {
        printf("%zu", number);
        print_number(got[n]);
        print_number(got[n + 1]);
        for (size_t i = 0; i < n; i++) {
            print_number(got[i]);
        }
        putchar('\n');
        return;
    }
    for (size_t rank = 1; rank <= options.top && rank <= n; rank++) {
        size_t best = greatest(got, n);
        if (got[best] == 0) {
            return;
        }
        printf("%zu,%zu", number, rank);
        print_cell(false, wr_model_input_at(rows->model, best).name);
        print_cell(false, rows->reader.cells[rows->columns[best]]);
        print_number(got[best]);
        putchar('\n');
        got[best] = 0;
    }
}

static int explain_rows(struct wr_arena *arena, struct wr_model_rows *rows, size_t output)
{
    const struct wr_model *model = rows->model;
    size_t n = wr_model_n_inputs(model), number = 0;
    double *got = WR_NEW_ARRAY(arena, double, n + 2);
    void *scratch = wr_arena_zalloc(arena, wr_model_explain_scratch_size(model) + 64, 64);
    bool end = false;
    int exit_code;
    if (got == NULL || scratch == NULL) {
        return wr_complain("no memory");
    }
    printf(options.top != 0 ? "row,rank,input,value,contribution" : "row,base,margin");
    for (size_t i = 0; options.top == 0 && i < n; i++) {
        print_cell(false, wr_model_input_at(model, i).name);
    }
    putchar('\n');
    while ((exit_code = wr_model_rows_next(rows, &end)) == WR_EXIT_OK && !end) {
        if (wr_model_explain(model, rows->row, output, got, scratch) != WR_OK) {
            return wr_complain("line %llu: the row cannot be scored",
                               (unsigned long long)rows->reader.line);
        }
        print_contributions(rows, ++number, got);
    }
    return exit_code;
}

static int explain(struct wr_arena *arena, struct wr_model_rows *rows)
{
    const struct wr_model *model = rows->model;
    const char *name = options.output != NULL ? options.output : "score";
    size_t output = wr_model_output_find(model, wr_str_z(name));
    struct wr_str why;
    if (output == SIZE_MAX) {
        return wr_complain("the model has no output %s", name);
    }
    if (wr_model_explanation(model, &why) == WR_MODEL_UNEXPLAINED) {
        return wr_complain("this module holds no explanation: %.*s", WR_FMT(why));
    }
    return explain_rows(arena, rows, output);
}

static int with_rows(struct wr_arena *arena, const char *path,
                     int (*use)(struct wr_arena *arena, struct wr_model_rows *rows))
{
    struct wr_model *model;
    struct wr_model_rows *rows = WR_NEW(arena, struct wr_model_rows);
    if (options.csv == NULL) {
        wr_complain("score and explain want --csv FILE (or --csv -)");
        return WR_EXIT_USAGE;
    }
    if (rows == NULL || !open_model(arena, path, &model)) {
        return WR_EXIT_FAILED;
    }
    int exit_code = wr_model_rows_open(arena, model, options.csv, rows);
    exit_code = exit_code == WR_EXIT_OK ? use(arena, rows) : exit_code;
    wr_model_rows_close(rows);
    return exit_code;
}

static int run_verb(struct wr_arena *arena, int argc, char **argv)
{
    const char *verb = argc > 0 ? argv[0] : "";
    if (strcmp(verb, "compile") == 0 && (argc == 2 || argc == 3)) {
        return compile(arena, argv[1], argc == 3 ? argv[2] : NULL);
    }
    if (strcmp(verb, "info") == 0 && argc == 2) {
        return info(arena, argv[1]);
    }
    if (strcmp(verb, "score") == 0 && argc == 2) {
        return with_rows(arena, argv[1], score_rows);
    }
    if (strcmp(verb, "explain") == 0 && argc == 2) {
        return with_rows(arena, argv[1], explain);
    }
    if (strcmp(verb, "conform") == 0 && argc >= 2) {
        return wr_model_conform((const char *const *)argv + 1, (size_t)argc - 1);
    }
    wr_complain("wants compile, info, score or explain, and one file, or conform and folders; see "
                "weir model --help");
    return WR_EXIT_USAGE;
}

static int run(int argc, char **argv)
{
    struct wr_arena arena;
    wr_arena_init(&arena, &wr_heap, MODEL_CAP);
    int exit_code = run_verb(&arena, argc, argv);
    wr_arena_deinit(&arena);
    return exit_code;
}

const struct wr_command wr_command_model = {
    "model",
    "Compiles trained models to wasm modules; shows, scores and explains them",
    "compile SOURCE [--check ROWS GOLDEN] | info MODULE | score|explain MODULE --csv ROWS | "
    "conform FOLDER...",
    "SOURCE is ONNX, XGBoost JSON or UBJSON, or LightGBM text. The module is a program (any\n"
    "WebAssembly runtime can call its exports) and a container (Weir reads the weights from it "
    "and\n"
    "runs them natively, to the same bits). An operator that is not supported is refused, naming\n"
    "operator, node and offset.\n\n"
    "explain prints what each input did to the margin (log-odds for a classifier): exact Shapley\n"
    "values for trees, exact differences for linear models, occlusion for networks. Trees from "
    "ONNX\n"
    "and networks need --background at compile time.\n\n"
    "conform runs every case below the folders: an operator case as ONNX's backend tests are laid\n"
    "out (model.onnx, test_data_set_0), or a model with rows.csv and golden.csv.\n\n"
    "examples:\n"
    "  weir model compile risk-model.onnx -o risk-model.wasm --background train.csv\n"
    "  weir model compile risk-model.onnx --check rows.csv golden.csv\n"
    "  weir model info risk-model.wasm\n"
    "  weir model score risk-model.wasm --csv rows.csv > scores.csv\n"
    "  weir model explain risk-model.wasm --csv rows.csv --top 3\n"
    "  weir model conform cases\n",
    table,
    WR_COUNTOF(table),
    run,
};
