/* SPDX-License-Identifier: Apache-2.0 */
/* A file of labels, row by row, sent to a running service in batches. */
#ifndef WR_LABEL_ROWS_H
#define WR_LABEL_ROWS_H

#include "app/remote.h"

#define WR_LIMIT_LABEL_ERRORS 20 /* rows told one by one; the others are counted */

struct wr_label_rows {
    const char *file;   /* "-": standard input */
    const char *format; /* "csv", "jsonl"; NULL: by the name's end */
    const char *id;     /* CSV: the column of the event ids; NULL: "id" */
    const char *column; /* CSV: of the label; NULL: every other column is one, by its title */
    const char *label;  /* its name; NULL: the column's title */
    uint64_t from;      /* rows before this line are passed over */
};

struct wr_label_sums {
    uint64_t changed, same, expired, unused, unknown, refused;
    uint64_t line; /* of the last row of the last batch that the service took */
};

/* Sends all rows. Rows that the service refuses are told on standard error and counted; the others
 * of their batch take effect. Errors: those of the file and of the connection, naming file and
 * line; what was sent before stays, and *sums tells how far it went. */
WR_NODISCARD wr_err wr_label_rows_send(struct wr_remote *remote, const struct wr_label_rows *rows,
                                       struct wr_label_sums *sums, struct wr_error *error);

/* Adds up the service's answers to a body of labels. `line` gives the line of an item, or 0. */
void wr_label_sums_add(struct wr_label_sums *sums, const struct wr_value *answers,
                       const uint64_t *lines, const char *file);

#endif
