/* SPDX-License-Identifier: Apache-2.0 */
#include "app/modelgolden.h"
#include "app/cli.h"
#include "app/modelrow.h"
#include "base/num.h"

#include <math.h>

/* A number of the golden file: the column of the output's name, else the one at its place. */
static bool golden_number(const struct wr_csv_reader *golden, const struct wr_model *model,
                          size_t output, double *want)
{
    size_t column = wr_csv_column(golden, wr_model_output_at(model, output).name);
    column = column == SIZE_MAX && golden->n_header == wr_model_n_outputs(model) ? output : column;
    if (column == SIZE_MAX) {
        return false;
    }
    struct wr_str cell = golden->cells[column];
    if (wr_str_eq(cell, WR_STR("nan"))) {
        *want = (double)NAN;
        return true;
    }
    return wr_num_read_double(cell, want);
}

static bool agrees(double got, double want)
{
    double apart = fabs(got - want);
    return apart <= WR_GOLDEN_ABSOLUTE || apart <= WR_GOLDEN_RELATIVE * fabs(want) ||
           (isnan(got) && isnan(want));
}

/* A row against its line of the golden file; labels may be texts. */
static int check_row(const struct wr_model_rows *rows, const struct wr_csv_reader *golden,
                     const double *outputs, size_t *compared)
{
    const struct wr_model *model = rows->model;
    for (size_t i = 0; i < wr_model_n_outputs(model); i++) {
        struct wr_str name = wr_model_output_at(model, i).name;
        struct wr_str text = wr_model_label_text(model, i, outputs[i]);
        size_t column = wr_csv_column(golden, name);
        double want = 0;
        bool same = text.n != 0 && column != SIZE_MAX && wr_str_eq(golden->cells[column], text);
        bool known = (text.n != 0 && column != SIZE_MAX) || golden_number(golden, model, i, &want);
        *compared += known;
        if (known && !same && (text.n != 0 || !agrees(outputs[i], want))) {
            return wr_complain("%s, line %llu: %.*s is %.9g here, but %.9g in the golden file",
                               rows->path, (unsigned long long)golden->line, WR_FMT(name),
                               outputs[i], want);
        }
    }
    return WR_EXIT_OK;
}

static int check_rows(struct wr_model_rows *rows, struct wr_csv_reader *golden,
                      const char *golden_path, double *outputs, void *scratch,
                      struct wr_model_golden *compared)
{
    struct wr_error error = {0};
    bool end = false, golden_end = false;
    *compared = (struct wr_model_golden){0};
    for (;; compared->rows++) {
        int exit_code = wr_model_rows_next(rows, &end);
        if (exit_code != WR_EXIT_OK) {
            return exit_code;
        }
        if (wr_csv_next(golden, &golden_end, &error) != WR_OK) {
            return wr_complain_error(golden_path, &error);
        }
        if (end || golden_end) {
            break;
        }
        if (wr_model_score(rows->model, rows->row, outputs, scratch) != WR_OK) {
            return wr_complain("%s, line %llu: the row cannot be scored", rows->path,
                               (unsigned long long)rows->reader.line);
        }
        exit_code = check_row(rows, golden, outputs, &compared->numbers);
        if (exit_code != WR_EXIT_OK) {
            return exit_code;
        }
    }
    if (end != golden_end) {
        return wr_complain("%s has more rows than %s", end ? golden_path : rows->path,
                           end ? rows->path : golden_path);
    }
    if (compared->numbers == 0) {
        return wr_complain("%s has no row, or no column with the name of an output, such as %.*s",
                           golden_path, WR_FMT(wr_model_output_at(rows->model, 0).name));
    }
    return WR_EXIT_OK;
}

int wr_model_golden_check(struct wr_arena *arena, const struct wr_model *model,
                          const char *rows_path, const char *golden_path,
                          struct wr_model_golden *compared)
{
    struct wr_error error = {0};
    struct wr_model_rows *rows = WR_NEW(arena, struct wr_model_rows);
    struct wr_csv_reader *golden = WR_NEW(arena, struct wr_csv_reader);
    double *outputs = WR_NEW_ARRAY(arena, double, wr_model_n_outputs(model));
    void *scratch = wr_arena_zalloc(arena, wr_model_scratch_size(model) + 64, 64);
    if (rows == NULL || golden == NULL || outputs == NULL || scratch == NULL) {
        return wr_complain("no memory");
    }
    FILE *in = fopen(golden_path, "r");
    if (in == NULL) {
        return wr_complain("cannot open %s", golden_path);
    }
    int exit_code = wr_model_rows_open(arena, model, rows_path, rows);
    if (exit_code == WR_EXIT_OK) {
        exit_code = wr_csv_open(golden, in, &error) == WR_OK
                        ? check_rows(rows, golden, golden_path, outputs, scratch, compared)
                        : wr_complain_error(golden_path, &error);
        wr_csv_close(golden);
    }
    wr_model_rows_close(rows);
    fclose(in);
    return exit_code;
}
