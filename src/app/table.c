/* SPDX-License-Identifier: Apache-2.0 */
#include "app/table.h"

#define LINES_MAX 512 /* of one cell; what is more is not shown */
#define WORDS_MAX 2048

struct lines {
    struct wr_str items[LINES_MAX];
    uint32_t n;
};

void wr_table_init(struct wr_table *table, struct wr_arena *arena, uint32_t n_columns)
{
    *table = (struct wr_table){.arena = arena,
                               .n_columns = WR_MIN(n_columns, (uint32_t)WR_LIMIT_TABLE_COLUMNS)};
}

void wr_table_header(struct wr_table *table, uint32_t column, struct wr_str text)
{
    if (column < table->n_columns) {
        table->header[column] = text;
        table->has_header = true;
    }
}

void wr_table_cell(struct wr_table *table, uint32_t row, uint32_t column, struct wr_str text)
{
    if (row >= table->cap_rows) {
        uint32_t cap = WR_MAX(row + 1, 2 * table->cap_rows);
        struct wr_str *cells =
            WR_NEW_ARRAY(table->arena, struct wr_str, (size_t)cap * table->n_columns);
        if (cells == NULL) {
            return;
        }
        if (table->n_rows > 0) {
            memcpy(cells, table->cells, (size_t)table->n_rows * table->n_columns * sizeof cells[0]);
        }
        table->cells = cells;
        table->cap_rows = cap;
    }
    table->n_rows = WR_MAX(table->n_rows, row + 1);
    if (column < table->n_columns) {
        table->cells[(size_t)row * table->n_columns + column] = text;
    }
}

/* ── breaking cells ─────────────────────────────────────────────────────────────────────────── */
static size_t width_of(struct wr_str s)
{
    return wr_utf8_count(s.p, s.n);
}

static void add_line(struct lines *lines, struct wr_str text)
{
    if (lines->n < LINES_MAX) {
        lines->items[lines->n++] = text;
    }
}

/* Words from i to before j stand on one line: the text between their ends. */
static struct wr_str span(const struct wr_str *words, size_t i, size_t j)
{
    const char *end = words[j - 1].p + words[j - 1].n;
    return wr_str_of(words[i].p, (size_t)(end - words[i].p));
}

/* Least sum of squares of what is left free on all lines but the last; a line too long costs much.
 * Words are split at single blanks. */
static void break_line(struct lines *lines, struct wr_str text)
{
    enum { PENALTY = 100000 };
    static struct wr_str words[WORDS_MAX];
    static uint64_t cost[WORDS_MAX];
    static uint32_t next[WORDS_MAX];
    size_t n = 0, limit = WR_TABLE_WRAP;
    for (size_t start = 0; start <= text.n && n < WORDS_MAX;) {
        size_t end = WR_MIN(wr_str_find(text, WR_STR(" "), start), text.n);
        words[n++] = wr_str_of(text.p + start, end - start);
        limit = WR_MAX(limit, width_of(words[n - 1]));
        start = end + 1;
    }
    for (size_t i = n; i-- > 0;) {
        cost[i] = UINT64_MAX;
        if (width_of(span(words, i, n)) <= limit) {
            cost[i] = 0;
            next[i] = (uint32_t)n;
            continue;
        }
        for (size_t j = i + 1; j < n; j++) {
            size_t width = width_of(span(words, i, j));
            if (width > limit && j > i + 1) {
                break; /* longer ones only cost more */
            }
            uint64_t free = limit > width ? limit - width : width - limit;
            uint64_t c = free * free + cost[j] + (width > limit ? PENALTY : 0);
            if (c < cost[i]) {
                cost[i] = c;
                next[i] = (uint32_t)j;
            }
        }
    }
    for (size_t i = 0; i < n; i = next[i]) {
        add_line(lines, span(words, i, next[i]));
    }
}

/* Lines of a cell: its own, each broken when it is too long. */
static void break_cell(struct lines *lines, struct wr_str text)
{
    lines->n = 0;
    if (wr_str_find(text, WR_STR("\n"), 0) == SIZE_MAX && width_of(text) <= WR_TABLE_WRAP) {
        add_line(lines, text);
        return;
    }
    for (size_t start = 0; start <= text.n;) {
        size_t end = WR_MIN(wr_str_find(text, WR_STR("\n"), start), text.n);
        break_line(lines, wr_str_of(text.p + start, end - start));
        start = end + 1;
    }
}

/* ── printing ───────────────────────────────────────────────────────────────────────────────── */
static void rule(FILE *out, const size_t *widths, uint32_t n)
{
    for (uint32_t c = 0; c < n; c++) {
        fputc('+', out);
        for (size_t i = 0; i < widths[c] + 2; i++) {
            fputc('-', out);
        }
    }
    fputs("+\n", out);
}

static void pad(FILE *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fputc(' ', out);
    }
}

static void print_header(const struct wr_table *t, FILE *out, const size_t *widths)
{
    rule(out, widths, t->n_columns);
    if (!t->has_header) {
        return;
    }
    for (uint32_t c = 0; c < t->n_columns; c++) {
        size_t free = widths[c] - width_of(t->header[c]);
        fputs("| ", out);
        pad(out, free / 2);
        fwrite(t->header[c].p, 1, t->header[c].n, out);
        pad(out, free - free / 2 + 1);
    }
    fputs("|\n", out);
    rule(out, widths, t->n_columns);
}

static void print_row(const struct wr_table *t, uint32_t row, FILE *out, const size_t *widths)
{
    static struct lines lines;
    uint32_t height = 1;
    for (uint32_t line = 0; line < height; line++) {
        for (uint32_t c = 0; c < t->n_columns; c++) {
            break_cell(&lines, t->cells[(size_t)row * t->n_columns + c]);
            height = WR_MAX(height, lines.n);
            struct wr_str text = line < lines.n ? lines.items[line] : WR_STR("");
            fputs("| ", out);
            fwrite(text.p, 1, text.n, out);
            pad(out, widths[c] - width_of(text) + 1);
        }
        fputs("|\n", out);
    }
}

void wr_table_print(const struct wr_table *t, FILE *out)
{
    static struct lines lines;
    size_t widths[WR_LIMIT_TABLE_COLUMNS] = {0};
    for (uint32_t c = 0; c < t->n_columns; c++) {
        widths[c] = width_of(t->header[c]);
        for (uint32_t r = 0; r < t->n_rows; r++) {
            struct wr_str text = t->cells[(size_t)r * t->n_columns + c];
            break_cell(&lines, text);
            if (lines.n > 1 && width_of(text) > WR_TABLE_WRAP) {
                widths[c] = WR_MAX(widths[c], (size_t)WR_TABLE_WRAP);
            }
            for (uint32_t i = 0; i < lines.n; i++) {
                widths[c] = WR_MAX(widths[c], width_of(lines.items[i]));
            }
        }
    }
    print_header(t, out, widths);
    for (uint32_t r = 0; r < t->n_rows; r++) {
        print_row(t, r, out, widths);
    }
    rule(out, widths, t->n_columns);
}
