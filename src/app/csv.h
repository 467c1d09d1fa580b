/* SPDX-License-Identifier: Apache-2.0 */
/* CSV (RFC 4180) with a header row, one row at a time from a stream, and rows as JSON events.
 *
 * Quoted cells, doubled quotes, CR LF or LF, a byte order mark before the header. Refused with the
 * line number: a row with another number of cells than the header, a quote inside a bare cell, a
 * row over WR_LIMIT_CSV_ROW bytes. */
#ifndef WR_CSV_H
#define WR_CSV_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdio.h>

#define WR_LIMIT_CSV_ROW     (256 * 1024)
#define WR_LIMIT_CSV_COLUMNS 8192

struct wr_csv_reader {
    FILE *in;
    uint64_t line;                             /* of the row last read, from 1 */
    uint64_t next_line;                        /* where the next row starts */
    struct wr_str cells[WR_LIMIT_CSV_COLUMNS]; /* of the row last read; valid until the next */
    size_t n_cells;
    struct wr_str header[WR_LIMIT_CSV_COLUMNS];
    size_t n_header;
    uint64_t bytes_read;
    char *row;    /* room for one row */
    char *titles; /* the header's bytes */
};

/* Reads the header row. Room comes from the heap; close gives it back. */
wr_err wr_csv_open(struct wr_csv_reader *reader, FILE *in, struct wr_error *error);
void wr_csv_close(struct wr_csv_reader *reader);
/* *end is true when there is no further row. A broken row is an error; the next call goes on behind
 * it. */
wr_err wr_csv_next(struct wr_csv_reader *reader, bool *end, struct wr_error *error);
/* Index of a column by its title, or SIZE_MAX. */
size_t wr_csv_column(const struct wr_csv_reader *reader, struct wr_str title);

#endif
