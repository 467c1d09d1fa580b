/* SPDX-License-Identifier: Apache-2.0 */
#include "app/modelrow.h"
#include "app/cli.h"
#include "base/num.h"

#include <math.h>
#include <stdlib.h>

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

/* Finds the columns by input name; when no name is known, takes them in order. */
static bool map_columns(struct wr_model_rows *rows)
{
    size_t n = wr_model_n_inputs(rows->model), found = 0;
    for (size_t i = 0; i < n; i++) {
        rows->columns[i] = wr_csv_column(&rows->reader, wr_model_input_at(rows->model, i).name);
        found += rows->columns[i] != SIZE_MAX;
    }
    for (size_t i = 0; i < n && found == 0 && rows->reader.n_header >= n; i++) {
        rows->columns[i] = i;
    }
    for (size_t i = 0; i < n; i++) {
        if (rows->columns[i] == SIZE_MAX) {
            wr_complain("%s: the header has no column %.*s", rows->path,
                        WR_FMT(wr_model_input_at(rows->model, i).name));
            return false;
        }
    }
    return true;
}

int wr_model_rows_open(struct wr_arena *arena, const struct wr_model *model, const char *path,
                       struct wr_model_rows *rows)
{
    struct wr_error error = {0};
    memset(rows, 0, sizeof *rows);
    rows->model = model;
    rows->path = path;
    rows->columns = WR_NEW_ARRAY(arena, size_t, wr_model_n_inputs(model));
    rows->row = WR_NEW_ARRAY(arena, double, wr_model_n_inputs(model));
    rows->in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (rows->in == NULL) {
        return wr_complain("cannot open %s", path);
    }
    if (rows->columns == NULL || rows->row == NULL) {
        return wr_complain("no memory");
    }
    if (wr_csv_open(&rows->reader, rows->in, &error) != WR_OK) {
        return wr_complain_error(path, &error);
    }
    return map_columns(rows) ? WR_EXIT_OK : WR_EXIT_FAILED;
}

int wr_model_rows_next(struct wr_model_rows *rows, bool *end)
{
    struct wr_error error = {0};
    if (wr_csv_next(&rows->reader, end, &error) != WR_OK) {
        return wr_complain_error(rows->path, &error);
    }
    for (size_t i = 0; !*end && i < wr_model_n_inputs(rows->model); i++) {
        struct wr_str cell = rows->reader.cells[rows->columns[i]];
        if (!read_cell(rows->model, i, cell, &rows->row[i])) {
            return wr_complain("line %llu, column %.*s: not a number: %.*s",
                               (unsigned long long)rows->reader.line,
                               WR_FMT(rows->reader.header[rows->columns[i]]), WR_FMT(cell));
        }
    }
    return WR_EXIT_OK;
}

void wr_model_rows_close(struct wr_model_rows *rows)
{
    if (rows->in == NULL) {
        return;
    }
    wr_csv_close(&rows->reader);
    if (rows->in != stdin) {
        fclose(rows->in);
    }
    rows->in = NULL;
}

int wr_model_rows_all(struct wr_arena *arena, const struct wr_model *model, const char *path,
                      size_t most, double **out, size_t *n)
{
    struct wr_model_rows *rows = WR_NEW(arena, struct wr_model_rows);
    size_t width = wr_model_n_inputs(model);
    struct wr_buf bytes = wr_buf_in(arena, 1 << 20);
    bool end = false;
    *n = 0;
    if (rows == NULL) {
        return wr_complain("no memory");
    }
    int exit_code = wr_model_rows_open(arena, model, path, rows);
    while (exit_code == WR_EXIT_OK && (exit_code = wr_model_rows_next(rows, &end)) == WR_EXIT_OK &&
           !end) {
        if (*n == most) {
            exit_code = wr_complain("%s: more than %zu rows", path, most);
            break;
        }
        wr_buf_add(&bytes, (const char *)rows->row, width * sizeof(double));
        ++*n;
    }
    wr_model_rows_close(rows);
    if (exit_code == WR_EXIT_OK && *n == 0) {
        return wr_complain("%s: there are no rows", path);
    }
    *out = wr_arena_array(arena, *n * width + 1, sizeof **out, 8);
    if (exit_code == WR_EXIT_OK && (bytes.overflow || *out == NULL)) {
        return wr_complain("no memory for the rows of %s", path);
    }
    if (exit_code == WR_EXIT_OK) {
        memcpy(*out, bytes.p, bytes.n);
    }
    return exit_code;
}
