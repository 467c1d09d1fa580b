/* SPDX-License-Identifier: Apache-2.0 */
#include "app/label_rows.h"

#include "app/import.h"
#include "value/json_write.h"

enum { COLUMNS_MAX = 16 };

struct job {
    struct wr_import import;
    const struct wr_label_rows *rows;
    struct wr_label_sums *sums;
    size_t id_column, columns[COLUMNS_MAX], n_columns;
};

/* ── answers ────────────────────────────────────────────────────────────────────────────────── */
static struct wr_str text_at(const struct wr_value *object, const char *key)
{
    const struct wr_value *v =
        wr_is(*object, WR_OBJECT) ? wr_object_get_str(object, wr_str_z(key)) : NULL;
    return v != NULL && wr_is(*v, WR_STRING) ? wr_text(*v) : wr_str_of("", 0);
}

static void refused(struct wr_label_sums *sums, const struct wr_value *problem, uint64_t line,
                    const char *file)
{
    struct wr_str detail = text_at(problem, "detail");
    if (++sums->refused <= WR_LIMIT_LABEL_ERRORS) {
        fprintf(stderr, "%s:%llu: %.*s\n", file, (unsigned long long)line, WR_FMT(detail));
    }
}

void wr_label_sums_add(struct wr_label_sums *sums, const struct wr_value *answers,
                       const uint64_t *lines, const char *file)
{
    static const char *const names[] = {"changed", "same", "expired", "unused", "unknown"};
    uint64_t *const fields[] = {&sums->changed, &sums->same, &sums->expired, &sums->unused,
                                &sums->unknown};
    for (uint32_t i = 0; wr_is(*answers, WR_ARRAY) && i < answers->n; i++) {
        const struct wr_value *item = &answers->items[i];
        const struct wr_value *problem =
            wr_is(*item, WR_OBJECT) ? wr_object_get_str(item, WR_STR("error")) : NULL;
        if (problem != NULL) {
            refused(sums, problem, lines != NULL ? lines[i] : i + 1, file);
        }
        for (size_t k = 0; k < WR_COUNTOF(names); k++) {
            *fields[k] += wr_str_eq(text_at(item, "effect"), wr_str_z(names[k]));
        }
    }
}

static void took(void *context, const struct wr_value *answer)
{
    struct job *job = context;
    wr_label_sums_add(job->sums, answer, job->import.lines, job->rows->file);
    job->sums->line = job->import.lines[job->import.n - 1];
}

/* ── CSV ────────────────────────────────────────────────────────────────────────────────────── */
/* "true", "false" or "null" for a cell; NULL: it is none of them. */
static const char *value_of(struct wr_str cell)
{
    static const struct {
        const char *cell, *value;
    } words[] = {{"1", "true"},      {"true", "true"}, {"0", "false"},
                 {"false", "false"}, {"null", "null"}, {"withdrawn", "null"}};
    for (size_t i = 0; i < WR_COUNTOF(words); i++) {
        if (wr_str_eq(cell, wr_str_z(words[i].cell))) {
            return words[i].value;
        }
    }
    return NULL;
}

static wr_err find_columns(void *context)
{
    struct job *job = context;
    const struct wr_label_rows *rows = job->rows;
    job->id_column = wr_csv_column(job->import.csv, wr_str_z(rows->id != NULL ? rows->id : "id"));
    if (job->id_column == SIZE_MAX) {
        return wr_import_fail(&job->import, WR_E_USAGE,
                              "there is no column of event ids (--id TITLE)");
    }
    if (rows->column != NULL) {
        job->columns[job->n_columns++] = wr_csv_column(job->import.csv, wr_str_z(rows->column));
        return job->columns[0] != SIZE_MAX
                   ? WR_OK
                   : wr_import_fail(&job->import, WR_E_USAGE,
                                    "there is no column of that label (--column TITLE)");
    }
    for (size_t i = 0; i < job->import.csv->n_header; i++) {
        if (i != job->id_column && job->n_columns == COLUMNS_MAX) {
            return wr_import_fail(&job->import, WR_E_LIMIT,
                                  "too many columns: name one by --column TITLE");
        }
        if (i != job->id_column) {
            job->columns[job->n_columns++] = i;
        }
    }
    return job->n_columns != 0
               ? WR_OK
               : wr_import_fail(&job->import, WR_E_USAGE, "there is no column of a label");
}

static bool has_label(const struct job *job)
{
    bool any = false;
    for (size_t i = 0; i < job->n_columns; i++) {
        any = any || job->import.csv->cells[job->columns[i]].n != 0;
    }
    return any;
}

static wr_err add_row(void *context)
{
    struct job *job = context;
    struct wr_buf *body = &job->import.body;
    const struct wr_label_rows *rows = job->rows;
    if (job->import.line < rows->from || !has_label(job)) { /* done before, or nothing is known */
        return WR_OK;
    }
    wr_err code = wr_import_begin_item(&job->import);
    wr_buf_str(body, WR_STR("{\"id\":"));
    wr_json_write_string(body, job->import.csv->cells[job->id_column], WR_JSON_COMPACT);
    wr_buf_str(body, WR_STR(",\"label\":{"));
    bool first = true;
    for (size_t i = 0; i < job->n_columns && code == WR_OK; i++) {
        struct wr_str cell = job->import.csv->cells[job->columns[i]];
        const char *value = value_of(cell);
        if (cell.n == 0) {
            continue;
        }
        if (value == NULL) {
            return wr_import_fail(&job->import, WR_E_USAGE,
                                  "a label is 1, true, 0, false, null or withdrawn");
        }
        wr_buf_str(body, first ? WR_STR("") : WR_STR(","));
        wr_json_write_string(body,
                             rows->label != NULL ? wr_str_z(rows->label)
                                                 : job->import.csv->header[job->columns[i]],
                             WR_JSON_COMPACT);
        wr_format(body, ":%s", value);
        first = false;
    }
    wr_buf_str(body, WR_STR("}}"));
    return code;
}

/* ── JSON lines ─────────────────────────────────────────────────────────────────────────────── */
static wr_err add_line(void *context, struct wr_str line)
{
    struct job *job = context;
    if (job->import.line < job->rows->from) {
        return WR_OK;
    }
    if (line.p[0] != '{') {
        return wr_import_fail(&job->import, WR_E_USAGE,
                              "wanted an object {\"id\", \"label\"} a line");
    }
    wr_err code = wr_import_begin_item(&job->import);
    wr_buf_str(&job->import.body, line);
    return code;
}

wr_err wr_label_rows_send(struct wr_remote *remote, const struct wr_label_rows *rows,
                          struct wr_label_sums *sums, struct wr_error *error)
{
    static const struct wr_import_kind kind = {"labels", "/v1/labels", find_columns,
                                               add_row,  add_line,     took};
    struct job job = {.rows = rows, .sums = sums};
    job.import = (struct wr_import){
        .kind = &kind, .context = &job, .remote = remote, .file = rows->file, .error = error};
    return wr_import_run(&job.import, rows->format);
}
