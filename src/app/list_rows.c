/* SPDX-License-Identifier: Apache-2.0 */
#include "app/list_rows.h"

#include "app/csv.h"
#include "app/progress.h"
#include "value/json_write.h"

#include <errno.h>
#include <stdlib.h>

enum { BATCH = 500, BATCH_BYTES = 512 * 1024, LINE_MAX_BYTES = 4096 };

struct job {
    struct wr_remote *remote;
    const struct wr_list_rows *rows;
    struct wr_list_sums *sums;
    struct wr_csv_reader *csv; /* NULL: a value a line */
    FILE *in;
    size_t columns[5]; /* value, owner, reason, ttl, expires; SIZE_MAX: none */
    struct wr_buf body;
    uint64_t lines[BATCH]; /* of the entries in the body */
    uint32_t n;
    uint64_t line, n_done;
    struct wr_progress progress;
    struct wr_error *error;
};

void wr_list_sums_add(struct wr_list_sums *sums, const struct wr_value *document)
{
    static const char *const names[] = {"added", "replaced", "removed", "absent"};
    uint64_t *const fields[] = {&sums->added, &sums->replaced, &sums->removed, &sums->absent};
    for (size_t i = 0; i < WR_COUNTOF(names); i++) {
        const struct wr_value *v =
            wr_is(*document, WR_OBJECT) ? wr_object_get_str(document, wr_str_z(names[i])) : NULL;
        int64_t n;
        if (v != NULL && wr_is(*v, WR_NUMBER) && wr_number_to_i64(v, &n) && n > 0) {
            *fields[i] += (uint64_t)n;
        }
    }
}

static void add_text(struct wr_buf *out, const char *key, struct wr_str text)
{
    if (text.n != 0) {
        wr_buf_str(out, wr_str_z(key));
        wr_json_write_string(out, text, WR_JSON_COMPACT);
    }
}

void wr_list_entry_write(struct wr_buf *out, struct wr_str value, struct wr_str owner,
                         struct wr_str reason, struct wr_str ttl, struct wr_str expires)
{
    wr_buf_str(out, WR_STR("{\"value\":"));
    wr_json_write_string(out, value, WR_JSON_COMPACT);
    add_text(out, ",\"owner\":", owner);
    add_text(out, ",\"reason\":", reason);
    add_text(out, ",\"ttl\":", ttl);
    add_text(out, ",\"expires\":", expires);
    wr_buf_char(out, '}');
}

/* ── sending ────────────────────────────────────────────────────────────────────────────────── */
static wr_err fail_at(const struct job *job, uint64_t line, wr_err code, const char *what)
{
    return wr_fail(job->error, code, "%s:%llu: %s", job->rows->file, (unsigned long long)line,
                   what);
}

static wr_err flush(struct job *job)
{
    struct wr_remote_answer answer;
    struct wr_error cause = {.offset = WR_NO_OFFSET};
    if (job->n == 0) {
        return WR_OK;
    }
    wr_buf_char(&job->body, ']');
    wr_err code = wr_remote_ask(job->remote, "POST", wr_str_z(job->rows->path),
                                wr_buf_view(&job->body), &answer, &cause);
    if (code != WR_OK) {
        uint32_t at = answer.row > 0 && answer.row <= job->n ? answer.row - 1 : 0;
        return fail_at(job, job->lines[at], code, cause.text);
    }
    wr_list_sums_add(job->sums, &answer.document);
    job->n_done += job->n;
    job->n = 0;
    job->body.n = 0;
    wr_progress_step(&job->progress, 0, job->n_done);
    return WR_OK;
}

static wr_err add(struct job *job, const struct wr_str fields[5])
{
    if (job->n == BATCH || job->body.n > BATCH_BYTES) {
        wr_err code = flush(job);
        if (code != WR_OK) {
            return code;
        }
    }
    wr_buf_char(&job->body, job->n == 0 ? '[' : ',');
    wr_list_entry_write(&job->body, fields[0], fields[1], fields[2], fields[3], fields[4]);
    job->lines[job->n++] = job->line;
    return job->body.overflow ? fail_at(job, job->line, WR_E_LIMIT, "the row is too long") : WR_OK;
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
static struct wr_str or_z(struct wr_str text, const char *otherwise)
{
    return text.n != 0 || otherwise == NULL ? text : wr_str_z(otherwise);
}

static wr_err add_row(struct job *job)
{
    const struct wr_list_rows *rows = job->rows;
    struct wr_str fields[5];
    for (size_t i = 0; i < 5; i++) {
        fields[i] =
            job->columns[i] != SIZE_MAX ? job->csv->cells[job->columns[i]] : wr_str_of("", 0);
    }
    fields[1] = or_z(fields[1], rows->owner);
    fields[2] = or_z(fields[2], rows->reason);
    if (fields[3].n == 0 && fields[4].n == 0) {
        fields[3] = or_z(fields[3], rows->ttl);
        fields[4] = or_z(fields[4], rows->expires);
    }
    return add(job, fields);
}

static wr_err put_csv(struct job *job)
{
    static const char *const names[5] = {"value", "owner", "reason", "ttl", "expires"};
    struct wr_error cause = {.offset = WR_NO_OFFSET};
    wr_err code = wr_csv_open(job->csv, job->in, &cause);
    if (code != WR_OK) {
        return fail_at(job, 1, code, cause.text);
    }
    for (size_t i = 0; i < 5; i++) {
        job->columns[i] = wr_csv_column(job->csv, wr_str_z(names[i]));
    }
    if (job->rows->column != NULL) {
        job->columns[0] = wr_csv_column(job->csv, wr_str_z(job->rows->column));
        if (job->columns[0] == SIZE_MAX) {
            return fail_at(job, 1, WR_E_USAGE, "there is no column of that name");
        }
    } else if (job->columns[0] == SIZE_MAX) {
        job->columns[0] = 0;
    }
    for (bool end = false; code == WR_OK && !end;) {
        code = wr_csv_next(job->csv, &end, &cause);
        job->line = job->csv->line;
        if (code != WR_OK) {
            return fail_at(job, job->line, code, cause.text);
        }
        code = end ? WR_OK : add_row(job);
    }
    return code == WR_OK ? flush(job) : code;
}

static wr_err put_lines(struct job *job)
{
    const struct wr_list_rows *rows = job->rows;
    char room[LINE_MAX_BYTES];
    wr_err code = WR_OK;
    while (code == WR_OK && fgets(room, sizeof room, job->in) != NULL) {
        size_t n = strlen(room);
        job->line++;
        if (n + 1 == sizeof room && room[n - 1] != '\n') {
            return fail_at(job, job->line, WR_E_LIMIT, "the line is too long");
        }
        while (n > 0 && strchr(" \t\r\n", room[n - 1]) != NULL) {
            n--;
        }
        size_t from = strspn(room, " \t");
        if (from >= n || room[from] == '#') {
            continue;
        }
        const struct wr_str none = wr_str_of("", 0);
        const struct wr_str fields[5] = {wr_str_of(room + from, n - from), or_z(none, rows->owner),
                                         or_z(none, rows->reason), or_z(none, rows->ttl),
                                         or_z(none, rows->expires)};
        code = add(job, fields);
    }
    return code == WR_OK ? flush(job) : code;
}

static bool is_csv(const struct wr_list_rows *rows)
{
    return rows->format != NULL ? strcmp(rows->format, "csv") == 0
                                : wr_str_ends(wr_str_z(rows->file), WR_STR(".csv"));
}

wr_err wr_list_rows_put(struct wr_remote *remote, const struct wr_list_rows *rows,
                        struct wr_list_sums *sums, struct wr_error *error)
{
    size_t room = BATCH_BYTES + (size_t)WR_LIMIT_CSV_ROW * 8;
    bool standard = strcmp(rows->file, "-") == 0;
    struct job *job = calloc(1, sizeof *job);
    char *body = malloc(room);
    struct wr_csv_reader *csv = calloc(1, sizeof *csv);
    FILE *in = standard ? stdin : fopen(rows->file, "rbe");
    wr_err code = WR_OK;
    if (job == NULL || body == NULL || csv == NULL) {
        code = wr_fail(error, WR_E_MEMORY, "no memory for an import");
    } else if (in == NULL) {
        code = wr_fail(error, WR_E_IO, "%s: %s", rows->file, strerror(errno));
    } else {
        *job = (struct job){.remote = remote,
                            .rows = rows,
                            .sums = sums,
                            .in = in,
                            .csv = csv,
                            .body = wr_buf_fixed(body, room),
                            .error = error};
        wr_progress_open(&job->progress, "entries");
        code = is_csv(rows) ? put_csv(job) : put_lines(job);
        wr_progress_close(&job->progress);
        wr_csv_close(csv);
    }
    if (in != NULL && !standard) {
        fclose(in);
    }
    free(csv);
    free(body);
    free(job);
    return code;
}
