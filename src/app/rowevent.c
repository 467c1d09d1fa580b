/* SPDX-License-Identifier: Apache-2.0 */
#include "app/rowevent.h"
#include "base/num.h"
#include "value/json_write.h"

wr_err wr_rowevent_open(struct wr_rowevent *row, struct wr_arena *arena, const struct wr_csv *map,
                        const struct wr_csv_reader *reader, struct wr_error *error)
{
    *row = (struct wr_rowevent){.map = map, .reader = reader, .label_column = SIZE_MAX};
    row->columns = WR_NEW_ARRAY(arena, size_t, map->n_columns);
    if (row->columns == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the column map");
    }
    for (size_t i = 0; i < map->n_columns; i++) {
        row->columns[i] = wr_csv_column(reader, map->columns[i].column);
        if (row->columns[i] == SIZE_MAX) {
            return wr_fail(error, WR_E_FIELD,
                           "line 1: the pack maps column %.*s, which is not there",
                           WR_FMT(map->columns[i].column));
        }
    }
    if (map->has_label) {
        row->label_column = wr_csv_column(reader, map->label_column);
    }
    return WR_OK;
}

static bool is_json_number(struct wr_str s)
{
    double d;
    return wr_num_read_double(s, &d);
}

static wr_err write_number(const struct wr_csv_column *column, struct wr_str cell,
                           struct wr_buf *buf)
{
    if (column->times == 0) {
        wr_buf_str(buf, cell);
        return is_json_number(cell) ? WR_OK : WR_E_FIELD;
    }
    int64_t n;
    if (!wr_num_read_i64(cell, &n) || !wr_mul_i64(n, column->times, &n) ||
        !wr_add_i64(n, column->plus, &n)) {
        return WR_E_FIELD;
    }
    wr_buf_i64(buf, n);
    return WR_OK;
}

static bool is_yes(struct wr_str cell)
{
    return wr_str_eq(cell, WR_STR("1")) || wr_str_eq(cell, WR_STR("true"));
}

static bool is_no(struct wr_str cell)
{
    return wr_str_eq(cell, WR_STR("0")) || wr_str_eq(cell, WR_STR("false"));
}

static wr_err write_cell(const struct wr_csv_column *column, struct wr_str cell, struct wr_buf *buf)
{
    switch (column->type) {
    case WR_CSV_STRING:
        wr_json_write_string(buf, cell, WR_JSON_COMPACT);
        return wr_utf8_invalid_at(cell.p, cell.n) == cell.n ? WR_OK : WR_E_UTF8;
    case WR_CSV_NUMBER:
        return write_number(column, cell, buf);
    case WR_CSV_BOOL:
        wr_buf_str(buf, is_yes(cell) ? WR_STR("true") : WR_STR("false"));
        return is_yes(cell) || is_no(cell) ? WR_OK : WR_E_FIELD;
    }
    WR_UNREACHABLE();
}

/* Length of the part of two paths that is the same whole segments, dots included. */
static size_t shared_prefix(struct wr_str a, struct wr_str b)
{
    size_t shared = 0;
    for (size_t i = 0; i < a.n && i < b.n && a.p[i] == b.p[i]; i++) {
        if (a.p[i] == '.') {
            shared = i + 1;
        }
    }
    return shared;
}

static size_t count_dots(struct wr_str path)
{
    size_t n = 0;
    for (size_t i = 0; i < path.n; i++) {
        n += path.p[i] == '.';
    }
    return n;
}

/* Closes the objects that `from` is in and `to` is not, opens those of `to`, writes the key. */
static void walk_to(struct wr_buf *buf, struct wr_str from, struct wr_str to)
{
    size_t shared = shared_prefix(from, to);
    size_t up = count_dots(from) - count_dots(wr_str_of(to.p, shared));
    for (size_t i = 0; i < up; i++) {
        wr_buf_char(buf, '}');
    }
    wr_buf_char(buf, from.n == 0 ? '{' : ',');
    size_t start = shared;
    for (size_t i = shared; i <= to.n; i++) {
        if (i == to.n || to.p[i] == '.') {
            wr_json_write_string(buf, wr_str_of(to.p + start, i - start), WR_JSON_COMPACT);
            wr_buf_char(buf, ':');
            if (i < to.n) {
                wr_buf_char(buf, '{');
            }
            start = i + 1;
        }
    }
}

static wr_err fail_cell(const struct wr_rowevent *row, wr_err code, struct wr_str title,
                        struct wr_str cell, struct wr_error *error)
{
    return wr_fail(error, code, "line %llu, column %.*s: not of its type: %.*s",
                   (unsigned long long)row->reader->line, WR_FMT(title),
                   (int)WR_MIN(cell.n, (size_t)60), cell.p);
}

wr_err wr_rowevent_write(const struct wr_rowevent *row, struct wr_buf *buf, struct wr_error *error)
{
    struct wr_str at = {0};
    for (size_t i = 0; i < row->map->n_columns; i++) {
        const struct wr_csv_column *column = &row->map->columns[i];
        struct wr_str cell = row->reader->cells[row->columns[i]];
        if (cell.n == 0) {
            continue;
        }
        walk_to(buf, at, column->path);
        at = column->path;
        wr_err code = write_cell(column, cell, buf);
        if (code != WR_OK) {
            return fail_cell(row, code, column->column, cell, error);
        }
    }
    if (at.n == 0) {
        wr_buf_char(buf, '{');
    }
    for (size_t i = 0; i < count_dots(at) + 1; i++) {
        wr_buf_char(buf, '}');
    }
    return buf->overflow ? wr_fail(error, WR_E_MEMORY, "line %llu: no room for the document",
                                   (unsigned long long)row->reader->line)
                         : WR_OK;
}

wr_err wr_rowevent_label(const struct wr_rowevent *row, bool *fraud, struct wr_error *error)
{
    *fraud = false;
    if (row->label_column == SIZE_MAX || row->reader->cells[row->label_column].n == 0) {
        return WR_OK;
    }
    struct wr_str cell = row->reader->cells[row->label_column];
    *fraud = is_yes(cell);
    return *fraud || is_no(cell) ? WR_OK
                                 : fail_cell(row, WR_E_FIELD, row->map->label_column, cell, error);
}
