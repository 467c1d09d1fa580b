/* SPDX-License-Identifier: Apache-2.0 */
#include "app/list_rows.h"

#include "app/import.h"
#include "value/json_write.h"

enum { LINE_MAX_BYTES = 4096 };

struct job {
    struct wr_import import;
    const struct wr_list_rows *rows;
    struct wr_list_sums *sums;
    size_t columns[5]; /* value, owner, reason, ttl, expires; SIZE_MAX: none */
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

static void took(void *context, const struct wr_value *answer)
{
    const struct job *job = context;
    wr_list_sums_add(job->sums, answer);
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
static wr_err add(struct job *job, const struct wr_str fields[5])
{
    wr_err code = wr_import_begin_item(&job->import);
    if (code != WR_OK) {
        return code;
    }
    wr_list_entry_write(&job->import.body, fields[0], fields[1], fields[2], fields[3], fields[4]);
    return job->import.body.overflow
               ? wr_import_fail(&job->import, WR_E_LIMIT, "the row is too long")
               : WR_OK;
}

static struct wr_str or_z(struct wr_str text, const char *otherwise)
{
    return text.n != 0 || otherwise == NULL ? text : wr_str_z(otherwise);
}

static wr_err add_row(void *context)
{
    struct job *job = context;
    const struct wr_list_rows *rows = job->rows;
    struct wr_str fields[5];
    for (size_t i = 0; i < 5; i++) {
        fields[i] = job->columns[i] != SIZE_MAX ? job->import.csv->cells[job->columns[i]]
                                                : wr_str_of("", 0);
    }
    fields[1] = or_z(fields[1], rows->owner);
    fields[2] = or_z(fields[2], rows->reason);
    if (fields[3].n == 0 && fields[4].n == 0) {
        fields[3] = or_z(fields[3], rows->ttl);
        fields[4] = or_z(fields[4], rows->expires);
    }
    return add(job, fields);
}

static wr_err find_columns(void *context)
{
    static const char *const names[5] = {"value", "owner", "reason", "ttl", "expires"};
    struct job *job = context;
    const struct wr_csv_reader *csv = job->import.csv;
    for (size_t i = 0; i < 5; i++) {
        job->columns[i] = wr_csv_column(csv, wr_str_z(names[i]));
    }
    if (job->rows->column != NULL) {
        job->columns[0] = wr_csv_column(csv, wr_str_z(job->rows->column));
        if (job->columns[0] == SIZE_MAX) {
            return wr_import_fail(&job->import, WR_E_USAGE, "there is no column of that name");
        }
    } else if (job->columns[0] == SIZE_MAX) {
        job->columns[0] = 0;
    }
    return WR_OK;
}

static wr_err add_line(void *context, struct wr_str line)
{
    struct job *job = context;
    const struct wr_list_rows *rows = job->rows;
    if (line.n >= LINE_MAX_BYTES) {
        return wr_import_fail(&job->import, WR_E_LIMIT, "the line is too long");
    }
    while (line.p[0] == ' ' || line.p[0] == '\t') { /* its last byte is no blank */
        line = wr_str_of(line.p + 1, line.n - 1);
    }
    if (line.p[0] == '#') {
        return WR_OK;
    }
    const struct wr_str none = wr_str_of("", 0);
    const struct wr_str fields[5] = {line, or_z(none, rows->owner), or_z(none, rows->reason),
                                     or_z(none, rows->ttl), or_z(none, rows->expires)};
    return add(job, fields);
}

wr_err wr_list_rows_put(struct wr_remote *remote, const struct wr_list_rows *rows,
                        struct wr_list_sums *sums, struct wr_error *error)
{
    const struct wr_import_kind kind = {"entries", rows->path, find_columns,
                                        add_row,   add_line,   took};
    struct job job = {.rows = rows, .sums = sums};
    job.import = (struct wr_import){
        .kind = &kind, .context = &job, .remote = remote, .file = rows->file, .error = error};
    return wr_import_run(&job.import, rows->format);
}
