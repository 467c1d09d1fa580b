/* SPDX-License-Identifier: Apache-2.0 */
/* weir model compile|info|score: from a trained model to a wasm module, and its scores. */
#include "app/commands.h"
#include "app/csv.h"
#include "app/file.h"
#include "base/num.h"
#include "model/model.h"

#include <math.h>

#include <stdio.h>
#include <stdlib.h>

#define MODEL_CAP WR_GIB(16)

static struct {
    const char *out, *name, *csv, *inputs;
    bool missing_yes, missing_no;
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
    {"csv", 0, WR_OPT_TEXT, "FILE", "score: rows with a header; - is standard input", &options.csv},
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

static int compile(struct wr_arena *arena, const char *source_path)
{
    struct wr_error error = {0};
    struct wr_str source;
    struct wr_model_options how = {0};
    struct wr_str *names = NULL;
    how.name = wr_str_z(options.name != NULL ? options.name : "");
    if (options.inputs != NULL) {
        how.n_input_names = split_names(arena, options.inputs, &names);
        how.input_names = names;
    }
    if (options.missing_yes || options.missing_no) {
        how.missing = options.missing_yes ? WR_MODEL_MISSING_YES : WR_MODEL_MISSING_NO;
    }
    if (wr_file_read(arena, source_path, WR_LIMIT_MODEL_SOURCE, &source, &error) != WR_OK) {
        return wr_complain_error("compile", &error);
    }
    struct wr_buf module = wr_buf_in(arena, source.n / 2 + 65536);
    struct wr_model *model;
    wr_err code = wr_model_compile(arena, source, &how, &module, &error);
    code = code == WR_OK ? wr_model_open(arena, wr_buf_view(&module), &model, &error) : code;
    if (code != WR_OK) {
        return wr_complain_error(source_path, &error);
    }
    char out[4096];
    snprintf(out, sizeof out, "%s.wasm", source_path);
    const char *path = options.out != NULL ? options.out : out;
    if (wr_file_write(path, wr_buf_view(&module), &error) != WR_OK) {
        return wr_complain_error(path, &error);
    }
    printf("%s: %zu bytes from %zu (%.1f %%), %zu inputs, %zu outputs\n", path, module.n, source.n,
           100.0 * (double)module.n / (double)source.n, wr_model_n_inputs(model),
           wr_model_n_outputs(model));
    return WR_EXIT_OK;
}

static bool open_model(struct wr_arena *arena, const char *path, struct wr_model **model)
{
    struct wr_error error = {0};
    struct wr_str wasm;
    wr_err code = wr_file_read(arena, path, WR_LIMIT_MODEL_SOURCE, &wasm, &error);
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

static bool read_cell(const struct wr_model *model, size_t input, struct wr_str cell, double *out)
{
    if (wr_model_input_at(model, input).kind == WR_MODEL_CATEGORY) {
        *out = wr_model_category(model, input, cell);
        return true;
    }
    if (cell.n == 0 || wr_str_eq(cell, WR_STR("nan")) || wr_str_eq(cell, WR_STR("NaN"))) {
        *out = (double)NAN;
        return true;
    }
    return wr_num_read_double(cell, out);
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
        printf("%s%.*s", i != 0 ? "," : "", WR_FMT(text));
    }
    putchar('\n');
}

/* Finds the columns by input name; when no name is known, takes them in order. */
static bool map_columns(const struct wr_model *model, const struct wr_csv_reader *reader,
                        size_t *columns)
{
    size_t n = wr_model_n_inputs(model), found = 0;
    for (size_t i = 0; i < n; i++) {
        columns[i] = wr_csv_column(reader, wr_model_input_at(model, i).name);
        found += columns[i] != SIZE_MAX;
    }
    for (size_t i = 0; i < n && found == 0 && reader->n_header >= n; i++) {
        columns[i] = i;
    }
    for (size_t i = 0; i < n; i++) {
        if (columns[i] == SIZE_MAX) {
            wr_complain("the header has no column %.*s", WR_FMT(wr_model_input_at(model, i).name));
            return false;
        }
    }
    return true;
}

static int score_rows(struct wr_arena *arena, const struct wr_model *model, FILE *in)
{
    static struct wr_csv_reader reader;
    struct wr_error error = {0};
    size_t n = wr_model_n_inputs(model);
    size_t *columns = WR_NEW_ARRAY(arena, size_t, n);
    double *row = WR_NEW_ARRAY(arena, double, n);
    double *outputs = WR_NEW_ARRAY(arena, double, wr_model_n_outputs(model));
    void *scratch = wr_arena_zalloc(arena, wr_model_scratch_size(model) + 64, 64);
    if (columns == NULL || row == NULL || outputs == NULL || scratch == NULL) {
        return wr_complain("no memory");
    }
    wr_err code = wr_csv_open(&reader, in, &error);
    if (code != WR_OK || !map_columns(model, &reader, columns)) {
        return code != WR_OK ? wr_complain_error(options.csv, &error) : WR_EXIT_FAILED;
    }
    for (size_t i = 0; i < wr_model_n_outputs(model); i++) {
        printf("%s%.*s", i != 0 ? "," : "", WR_FMT(wr_model_output_at(model, i).name));
    }
    putchar('\n');
    for (bool end = false; (code = wr_csv_next(&reader, &end, &error)) == WR_OK && !end;) {
        for (size_t i = 0; i < n; i++) {
            if (!read_cell(model, i, reader.cells[columns[i]], &row[i])) {
                return wr_complain(
                    "line %llu, column %.*s: not a number: %.*s", (unsigned long long)reader.line,
                    WR_FMT(reader.header[columns[i]]), WR_FMT(reader.cells[columns[i]]));
            }
        }
        if (wr_model_score(model, row, outputs, scratch) != WR_OK) {
            return wr_complain("line %llu: the row cannot be scored",
                               (unsigned long long)reader.line);
        }
        print_outputs(model, outputs);
    }
    wr_csv_close(&reader);
    return code == WR_OK ? WR_EXIT_OK : wr_complain_error(options.csv, &error);
}

static int score(struct wr_arena *arena, const char *path)
{
    struct wr_model *model;
    if (options.csv == NULL) {
        wr_complain("score wants --csv FILE (or --csv -)");
        return WR_EXIT_USAGE;
    }
    FILE *in = strcmp(options.csv, "-") == 0 ? stdin : fopen(options.csv, "r");
    if (in == NULL) {
        return wr_complain("cannot open %s", options.csv);
    }
    int exit_code = open_model(arena, path, &model) ? score_rows(arena, model, in) : WR_EXIT_FAILED;
    if (in != stdin) {
        fclose(in);
    }
    return exit_code;
}

static int run(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct wr_arena *arena, const char *path);
    } verbs[] = {{"compile", compile}, {"info", info}, {"score", score}};
    for (size_t i = 0; argc == 2 && i < WR_COUNTOF(verbs); i++) {
        if (strcmp(argv[0], verbs[i].name) == 0) {
            struct wr_arena arena;
            wr_arena_init(&arena, &wr_heap, MODEL_CAP);
            int exit_code = verbs[i].run(&arena, argv[1]);
            wr_arena_deinit(&arena);
            return exit_code;
        }
    }
    wr_complain("wants compile, info or score, and one file; see weir model --help");
    return WR_EXIT_USAGE;
}

const struct wr_command wr_command_model = {
    "model",
    "Compiles trained models to wasm modules, shows and scores them",
    "compile SOURCE | info MODULE | score MODULE --csv ROWS",
    "SOURCE is ONNX or XGBoost JSON. The module is a program (any WebAssembly runtime can call "
    "its\n"
    "exports) and a container (Weir reads the weights from it and runs them natively, to the same\n"
    "bits). An operator that is not supported is refused, naming operator, node and offset.\n\n"
    "examples:\n"
    "  weir model compile risk-model.onnx -o risk-model.wasm\n"
    "  weir model info risk-model.wasm\n"
    "  weir model score risk-model.wasm --csv rows.csv > scores.csv\n",
    table,
    WR_COUNTOF(table),
    run,
};
