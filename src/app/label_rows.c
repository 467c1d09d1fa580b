/* SPDX-License-Identifier: Apache-2.0 */
#include "app/label_rows.h"

#include "app/csv.h"
#include "app/progress.h"
#include "value/json_write.h"

#include <errno.h>
#include <stdlib.h>

enum { BATCH = 500, BATCH_BYTES = 512 * 1024, COLUMNS_MAX = 16 };

struct job {
    struct wr_remote *remote;
    const struct wr_label_rows *rows;
    struct wr_label_sums *sums;
    struct wr_csv_reader *csv;
    FILE *in;
    struct wr_buf body;
    uint64_t lines[BATCH];
    uint32_t n;
    uint64_t line, n_done;
    size_t id_column, columns[COLUMNS_MAX], n_columns;
    struct wr_progress progress;
    struct wr_error *error;
};

static wr_err fail_at(const struct job *job, wr_err code, const char *what)
{
    return wr_fail(job->error, code, "%s:%llu: %s", job->rows->file, (unsigned long long)job->line,
                   what);
}

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

static wr_err flush(struct job *job)
{
    struct wr_remote_answer answer;
    struct wr_error cause = {.offset = WR_NO_OFFSET};
    if (job->n == 0) {
        return WR_OK;
    }
    wr_buf_char(&job->body, ']');
    wr_err code = wr_remote_ask(job->remote, "POST", WR_STR("/v1/labels"), wr_buf_view(&job->body),
                                &answer, &cause);
    if (code != WR_OK) {
        job->line = job->lines[0];
        return fail_at(job, code, cause.text);
    }
    wr_label_sums_add(job->sums, &answer.document, job->lines, job->rows->file);
    job->sums->line = job->lines[job->n - 1];
    job->n_done += job->n;
    job->n = 0;
    job->body.n = 0;
    wr_progress_step(&job->progress, 0, job->n_done);
    return WR_OK;
}

/* Room for one more item, and what parts it from the one before. */
static wr_err begin_item(struct job *job)
{
    wr_err code = job->n == BATCH || job->body.n > BATCH_BYTES ? flush(job) : WR_OK;
    wr_buf_char(&job->body, job->n == 0 ? '[' : ',');
    job->lines[job->n++] = job->line;
    return code;
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

static wr_err find_columns(struct job *job)
{
    const struct wr_label_rows *rows = job->rows;
    job->id_column = wr_csv_column(job->csv, wr_str_z(rows->id != NULL ? rows->id : "id"));
    if (job->id_column == SIZE_MAX) {
        return fail_at(job, WR_E_USAGE, "there is no column of event ids (--id TITLE)");
    }
    if (rows->column != NULL) {
        job->columns[job->n_columns++] = wr_csv_column(job->csv, wr_str_z(rows->column));
        return job->columns[0] != SIZE_MAX
                   ? WR_OK
                   : fail_at(job, WR_E_USAGE, "there is no column of that label (--column TITLE)");
    }
    for (size_t i = 0; i < job->csv->n_header; i++) {
        if (i != job->id_column && job->n_columns == COLUMNS_MAX) {
            return fail_at(job, WR_E_LIMIT, "too many columns: name one by --column TITLE");
        }
        if (i != job->id_column) {
            job->columns[job->n_columns++] = i;
        }
    }
    return job->n_columns != 0 ? WR_OK : fail_at(job, WR_E_USAGE, "there is no column of a label");
}

static bool has_label(const struct job *job)
{
    bool any = false;
    for (size_t i = 0; i < job->n_columns; i++) {
        any = any || job->csv->cells[job->columns[i]].n != 0;
    }
    return any;
}

static wr_err add_row(struct job *job)
{
    const struct wr_label_rows *rows = job->rows;
    if (!has_label(job)) { /* nothing is known of it */
        return WR_OK;
    }
    wr_err code = begin_item(job);
    wr_buf_str(&job->body, WR_STR("{\"id\":"));
    wr_json_write_string(&job->body, job->csv->cells[job->id_column], WR_JSON_COMPACT);
    wr_buf_str(&job->body, WR_STR(",\"label\":{"));
    bool first = true;
    for (size_t i = 0; i < job->n_columns && code == WR_OK; i++) {
        struct wr_str cell = job->csv->cells[job->columns[i]];
        const char *value = value_of(cell);
        if (cell.n == 0) {
            continue;
        }
        if (value == NULL) {
            return fail_at(job, WR_E_USAGE, "a label is 1, true, 0, false, null or withdrawn");
        }
        wr_buf_str(&job->body, first ? WR_STR("") : WR_STR(","));
        wr_json_write_string(&job->body,
                             rows->label != NULL ? wr_str_z(rows->label)
                                                 : job->csv->header[job->columns[i]],
                             WR_JSON_COMPACT);
        wr_format(&job->body, ":%s", value);
        first = false;
    }
    wr_buf_str(&job->body, WR_STR("}}"));
    return code;
}

static wr_err send_csv(struct job *job)
{
    struct wr_error cause = {.offset = WR_NO_OFFSET};
    job->line = 1;
    wr_err code = wr_csv_open(job->csv, job->in, &cause);
    if (code != WR_OK) {
        return fail_at(job, code, cause.text);
    }
    code = find_columns(job);
    for (bool end = false; code == WR_OK && !end;) {
        code = wr_csv_next(job->csv, &end, &cause);
        job->line = job->csv->line;
        if (code != WR_OK) {
            return fail_at(job, code, cause.text);
        }
        code = end || job->line < job->rows->from ? WR_OK : add_row(job);
    }
    return code == WR_OK ? flush(job) : code;
}

/* ── JSON lines ─────────────────────────────────────────────────────────────────────────────── */
static wr_err send_lines(struct job *job)
{
    char *room = NULL;
    size_t cap = 0;
    ssize_t n;
    wr_err code = WR_OK;
    while (code == WR_OK && (n = getline(&room, &cap, job->in)) > 0) {
        size_t size = (size_t)n;
        job->line++;
        while (size > 0 && strchr(" \t\r\n", room[size - 1]) != NULL) {
            size--;
        }
        if (size == 0 || job->line < job->rows->from) {
            continue;
        }
        if (size > WR_LIMIT_CSV_ROW || memchr(room, '\n', size) != NULL || room[0] != '{') {
            code = fail_at(job, WR_E_USAGE, "wanted an object {\"id\", \"label\"} a line");
            break;
        }
        code = begin_item(job);
        wr_buf_add(&job->body, room, size);
    }
    free(room);
    return code == WR_OK ? flush(job) : code;
}

static bool is_csv(const struct wr_label_rows *rows)
{
    return rows->format != NULL ? strcmp(rows->format, "csv") == 0
                                : wr_str_ends(wr_str_z(rows->file), WR_STR(".csv"));
}

wr_err wr_label_rows_send(struct wr_remote *remote, const struct wr_label_rows *rows,
                          struct wr_label_sums *sums, struct wr_error *error)
{
    size_t room = BATCH_BYTES + (size_t)WR_LIMIT_CSV_ROW * 8;
    bool standard = strcmp(rows->file, "-") == 0;
    struct job *job = calloc(1, sizeof *job);
    struct wr_csv_reader *csv = calloc(1, sizeof *csv);
    char *body = malloc(room);
    FILE *in = standard ? stdin : fopen(rows->file, "rbe");
    wr_err code = WR_OK;
    if (job == NULL || csv == NULL || body == NULL) {
        code = wr_fail(error, WR_E_MEMORY, "no memory for an import");
    } else if (in == NULL) {
        code = wr_fail(error, WR_E_IO, "%s: %s", rows->file, strerror(errno));
    } else {
        *job = (struct job){.remote = remote,
                            .rows = rows,
                            .sums = sums,
                            .csv = csv,
                            .in = in,
                            .body = wr_buf_fixed(body, room),
                            .error = error};
        wr_progress_open(&job->progress, "labels");
        code = is_csv(rows) ? send_csv(job) : send_lines(job);
        wr_progress_close(&job->progress);
        wr_csv_close(csv);
    }
    if (in != NULL && !standard) {
        fclose(in);
    }
    free(body);
    free(csv);
    free(job);
    return code;
}
