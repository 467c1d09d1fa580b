/* SPDX-License-Identifier: Apache-2.0 */
/* A file of values, row by row, put on a list of a running service in batches. */
#ifndef WR_LIST_ROWS_H
#define WR_LIST_ROWS_H

#include "app/remote.h"

struct wr_list_rows {
    const char *file;   /* "-": standard input */
    const char *column; /* CSV: that of the values; NULL: "value", else the first */
    const char *format; /* "csv", "txt"; NULL: by the name's end */
    /* of all entries that do not say otherwise; NULL: none */
    const char *owner, *reason, *ttl, *expires;
    const char *path; /* "/v1/lists/NAME/entries" */
};

struct wr_list_sums {
    uint64_t added, replaced, removed, absent;
};

/* Puts all rows; what was put before an error stays, and *sums tells it. Errors: those of the file
 * and of the service, naming file and row. */
WR_NODISCARD wr_err wr_list_rows_put(struct wr_remote *remote, const struct wr_list_rows *rows,
                                     struct wr_list_sums *sums, struct wr_error *error);

/* Adds up what a change has done. */
void wr_list_sums_add(struct wr_list_sums *sums, const struct wr_value *document);

/* {"value":...,"owner":...}: one entry of a body. Empty texts are left out. */
void wr_list_entry_write(struct wr_buf *out, struct wr_str value, struct wr_str owner,
                         struct wr_str reason, struct wr_str ttl, struct wr_str expires);

#endif
