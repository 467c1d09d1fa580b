/* SPDX-License-Identifier: Apache-2.0 */
#include "app/csv.h"

#include <stdlib.h>

/* Where a row has got to. A quote opens only at the start of a cell, as when the row is split. */
enum place { CELL_START, BARE, QUOTED, CLOSED };

static enum place after(enum place place, char c)
{
    if (place == QUOTED) {
        return c == '"' ? CLOSED : QUOTED;
    }
    if (c == ',') {
        return CELL_START;
    }
    return c == '"' && place != BARE ? QUOTED : BARE; /* behind CLOSED: a doubled quote */
}

/* Reads bytes up to the end of the row; *n counts those that fit, *over tells that not all did. A
 * row over the limit ends with its line, quoted or not: an open quote costs no more than that. */
static enum place read_bytes(struct wr_csv_reader *reader, size_t *n, bool *over)
{
    enum place place = CELL_START;
    for (int c; (c = getc_unlocked(reader->in)) != EOF;) {
        bool mark = (char)c == "\xEF\xBB\xBF"[WR_MIN(*n, (size_t)3)]; /* before a header's quote */
        reader->bytes_read++;
        reader->next_line += c == '\n';
        if (c == '\n' && (place != QUOTED || *over)) {
            break;
        }
        place = reader->line == 1 && mark ? place : after(place, (char)c);
        *over = *n == WR_LIMIT_CSV_ROW;
        if (!*over) {
            reader->row[(*n)++] = (char)c;
        }
    }
    return place;
}

/* Reads one row's bytes into reader->row, quotes and all; line ends inside quotes stay. */
static wr_err read_row(struct wr_csv_reader *reader, size_t *n, bool *end, struct wr_error *error)
{
    uint64_t before = reader->bytes_read;
    bool over = false;
    *n = 0;
    reader->line = reader->next_line;
    enum place place = read_bytes(reader, n, &over);
    unsigned long long line = reader->line;
    if (ferror(reader->in)) {
        return wr_fail(error, WR_E_IO, "line %llu: cannot read", line);
    }
    if (over || place == QUOTED) {
        unsigned long long lines = reader->next_line - reader->line;
        return wr_fail(error, over ? WR_E_LIMIT : WR_E_FIELD,
                       over ? "line %llu: the row is longer than %d bytes (%llu lines passed over)"
                            : "line %llu: a quote is not closed within %d bytes (%llu lines passed "
                              "over)",
                       line, WR_LIMIT_CSV_ROW, WR_MAX(lines, 1ULL));
    }
    *n -= *n != 0 && reader->row[*n - 1] == '\r';
    *end = reader->bytes_read == before;
    return WR_OK;
}

/* Takes one cell at p; unquotes in place. Returns where the cell ended, or NULL. */
static char *take_cell(char *p, const char *limit, struct wr_str *cell)
{
    if (p == limit || *p != '"') {
        char *start = p;
        while (p < limit && *p != ',' && *p != '"') {
            p++;
        }
        *cell = wr_str_of(start, (size_t)(p - start));
        return p < limit && *p == '"' ? NULL : p;
    }
    char *start = ++p, *out = p;
    while (p < limit) {
        if (*p == '"' && p + 1 < limit && p[1] == '"') {
            p++;
        } else if (*p == '"') {
            *cell = wr_str_of(start, (size_t)(out - start));
            p++;
            return p == limit || *p == ',' ? p : NULL;
        }
        *out++ = *p++;
    }
    return NULL;
}

static wr_err split(struct wr_csv_reader *reader, size_t n, struct wr_error *error)
{
    char *p = reader->row, *limit = reader->row + n;
    reader->n_cells = 0;
    for (;;) {
        if (reader->n_cells == WR_LIMIT_CSV_COLUMNS) {
            return wr_fail(error, WR_E_LIMIT, "line %llu: more than %d columns",
                           (unsigned long long)reader->line, WR_LIMIT_CSV_COLUMNS);
        }
        p = take_cell(p, limit, &reader->cells[reader->n_cells]);
        if (p == NULL) {
            return wr_fail(error, WR_E_FIELD, "line %llu, column %zu: a quote is out of place",
                           (unsigned long long)reader->line, reader->n_cells + 1);
        }
        reader->n_cells++;
        if (p == limit) {
            return WR_OK;
        }
        p++; /* the comma */
    }
}

static wr_err read_header(struct wr_csv_reader *reader, struct wr_error *error)
{
    size_t n = 0;
    bool end = false;
    wr_err code = read_row(reader, &n, &end, error);
    if (code == WR_OK && (end || n == 0)) {
        code = wr_fail(error, WR_E_FIELD, "line 1: there is no header row");
    }
    if (code != WR_OK) {
        return code;
    }
    if (n >= 3 && memcmp(reader->row, "\xEF\xBB\xBF", 3) == 0) {
        memmove(reader->row, reader->row + 3, n -= 3);
    }
    code = split(reader, n, error);
    if (code != WR_OK) {
        return code;
    }
    reader->titles = malloc(n + 1);
    if (reader->titles == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the header row");
    }
    memcpy(reader->titles, reader->row, n);
    for (size_t i = 0; i < reader->n_cells; i++) {
        struct wr_str cell = reader->cells[i];
        reader->header[i] = wr_str_of(reader->titles + (cell.p - reader->row), cell.n);
    }
    reader->n_header = reader->n_cells;
    return WR_OK;
}

wr_err wr_csv_open(struct wr_csv_reader *reader, FILE *in, struct wr_error *error)
{
    *reader = (struct wr_csv_reader){.in = in, .next_line = 1, .row = malloc(WR_LIMIT_CSV_ROW)};
    if (reader->row == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for a row");
    }
    return read_header(reader, error);
}

void wr_csv_close(struct wr_csv_reader *reader)
{
    free(reader->row);
    free(reader->titles);
    reader->row = reader->titles = NULL;
}

wr_err wr_csv_next(struct wr_csv_reader *reader, bool *end, struct wr_error *error)
{
    size_t n = 0;
    do { /* blank lines are skipped */
        wr_err code = read_row(reader, &n, end, error);
        if (code != WR_OK || *end) {
            return code;
        }
    } while (n == 0);
    wr_err code = split(reader, n, error);
    if (code == WR_OK && reader->n_cells != reader->n_header) {
        code = wr_fail(error, WR_E_FIELD, "line %llu: %zu cells, the header has %zu",
                       (unsigned long long)reader->line, reader->n_cells, reader->n_header);
    }
    return code;
}

size_t wr_csv_column(const struct wr_csv_reader *reader, struct wr_str title)
{
    for (size_t i = 0; i < reader->n_header; i++) {
        if (wr_str_eq(reader->header[i], title)) {
            return i;
        }
    }
    return SIZE_MAX;
}
