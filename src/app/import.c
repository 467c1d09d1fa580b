/* SPDX-License-Identifier: Apache-2.0 */
#include "app/import.h"

#include <errno.h>
#include <stdlib.h>

enum { BATCH_BYTES = 512 * 1024, BODY_ROOM = BATCH_BYTES + WR_LIMIT_CSV_ROW * 8 };

wr_err wr_import_fail(const struct wr_import *import, wr_err code, const char *what)
{
    return wr_fail(import->error, code, "%s:%llu: %s", import->file,
                   (unsigned long long)import->line, what);
}

/* ── sending ────────────────────────────────────────────────────────────────────────────────── */
static wr_err flush(struct wr_import *import)
{
    struct wr_remote_answer answer;
    struct wr_error cause = {.offset = WR_NO_OFFSET};
    if (import->n == 0) {
        return WR_OK;
    }
    wr_buf_char(&import->body, ']');
    wr_err code = wr_remote_ask(import->remote, "POST", wr_str_z(import->kind->path),
                                wr_buf_view(&import->body), &answer, &cause);
    if (code != WR_OK) {
        bool named = answer.row > 0 && answer.row <= import->n;
        import->line = import->lines[named ? answer.row - 1 : 0];
        return wr_import_fail(import, code, cause.text);
    }
    import->kind->took(import->context, &answer.document);
    import->n_done += import->n;
    import->n = 0;
    import->body.n = 0;
    wr_progress_step(&import->progress, 0, import->n_done);
    return WR_OK;
}

wr_err wr_import_begin_item(struct wr_import *import)
{
    bool full = import->n == WR_IMPORT_BATCH || import->body.n > BATCH_BYTES;
    wr_err code = full ? flush(import) : WR_OK;
    if (code == WR_OK) {
        wr_buf_char(&import->body, import->n == 0 ? '[' : ',');
        import->lines[import->n++] = import->line;
    }
    return code;
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
static wr_err read_csv(struct wr_import *import)
{
    struct wr_error cause = {.offset = WR_NO_OFFSET};
    import->line = 1;
    wr_err code = wr_csv_open(import->csv, import->in, &cause);
    if (code != WR_OK) {
        return wr_import_fail(import, code, cause.text);
    }
    code = import->kind->header(import->context);
    for (bool end = false; code == WR_OK && !end;) {
        code = wr_csv_next(import->csv, &end, &cause);
        import->line = import->csv->line;
        if (code != WR_OK) {
            return wr_import_fail(import, code, cause.text);
        }
        code = end ? WR_OK : import->kind->row(import->context);
    }
    return code;
}

static wr_err read_lines(struct wr_import *import)
{
    char *room = NULL;
    size_t cap = 0;
    ssize_t n;
    wr_err code = WR_OK;
    while (code == WR_OK && (n = getline(&room, &cap, import->in)) > 0) {
        size_t size = (size_t)n;
        import->line++;
        while (size > 0 && strchr(" \t\r\n", room[size - 1]) != NULL) {
            size--;
        }
        if (size > WR_LIMIT_CSV_ROW) {
            code = wr_import_fail(import, WR_E_LIMIT, "the line is too long");
        } else if (size > 0) {
            code = import->kind->line(import->context, wr_str_of(room, size));
        }
    }
    free(room);
    return code;
}

static wr_err read_and_send(struct wr_import *import, bool is_csv)
{
    wr_progress_open(&import->progress, import->kind->what);
    wr_err code = is_csv ? read_csv(import) : read_lines(import);
    code = code == WR_OK ? flush(import) : code;
    wr_progress_close(&import->progress);
    wr_csv_close(import->csv);
    return code;
}

wr_err wr_import_run(struct wr_import *import, const char *format)
{
    bool standard = strcmp(import->file, "-") == 0;
    bool is_csv = format != NULL ? strcmp(format, "csv") == 0
                                 : wr_str_ends(wr_str_z(import->file), WR_STR(".csv"));
    char *body = malloc(BODY_ROOM);
    import->csv = calloc(1, sizeof *import->csv);
    import->in = standard ? stdin : fopen(import->file, "rbe");
    wr_err code = WR_OK;
    if (import->csv == NULL || body == NULL) {
        code = wr_fail(import->error, WR_E_MEMORY, "no memory for an import");
    } else if (import->in == NULL) {
        code = wr_fail(import->error, WR_E_IO, "%s: %s", import->file, strerror(errno));
    } else {
        import->body = wr_buf_fixed(body, BODY_ROOM);
        code = read_and_send(import, is_csv);
    }
    if (import->in != NULL && !standard) {
        fclose(import->in);
    }
    free(import->csv);
    free(body);
    return code;
}
