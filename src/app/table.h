/* SPDX-License-Identifier: Apache-2.0 */
/* Tables in boxes of text, as OPA's pretty output draws them: cells to the left, headings in the
 * middle, cells over 30 columns broken between words with the least raggedness. */
#ifndef WR_TABLE_H
#define WR_TABLE_H

#include "base/bytes.h"

#include <stdio.h>

#define WR_LIMIT_TABLE_COLUMNS 64
#define WR_TABLE_WRAP          30 /* columns of a cell before it is broken */

struct wr_table {
    struct wr_arena *arena;
    uint32_t n_columns, n_rows, cap_rows;
    bool has_header;
    struct wr_str header[WR_LIMIT_TABLE_COLUMNS];
    struct wr_str *cells; /* row by row */
};

/* Up to WR_LIMIT_TABLE_COLUMNS columns; more are not shown. */
void wr_table_init(struct wr_table *table, struct wr_arena *arena, uint32_t n_columns);
/* Texts are borrowed. */
void wr_table_header(struct wr_table *table, uint32_t column, struct wr_str text);
/* One cell after the other, row by row. */
void wr_table_cell(struct wr_table *table, uint32_t row, uint32_t column, struct wr_str text);
void wr_table_print(const struct wr_table *table, FILE *out);

#endif
