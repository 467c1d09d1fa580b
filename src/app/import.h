/* SPDX-License-Identifier: Apache-2.0 */
/* A file read row by row and sent to a running service as JSON arrays, in batches. */
#ifndef WR_IMPORT_H
#define WR_IMPORT_H

#include "app/csv.h"
#include "app/progress.h"
#include "app/remote.h"

#define WR_IMPORT_BATCH 500

/* What one kind of import adds; `context` is its own. */
struct wr_import_kind {
    const char *what; /* for the progress: "labels" */
    const char *path; /* where batches are posted */
    /* Of a CSV: its titles have been read; a row is in the cells. */
    wr_err (*header)(void *context);
    wr_err (*row)(void *context);
    /* Of another file: a line without its end and the blanks before that, never empty. */
    wr_err (*line)(void *context, struct wr_str line);
    /* The service has taken the batch: its answer. */
    void (*took)(void *context, const struct wr_value *answer);
};

struct wr_import {
    const struct wr_import_kind *kind;
    void *context;
    struct wr_remote *remote;
    const char *file; /* "-": standard input */
    struct wr_csv_reader *csv;
    FILE *in;
    struct wr_buf body;
    uint64_t lines[WR_IMPORT_BATCH]; /* of the items in the body */
    uint32_t n;
    uint64_t line, n_done;
    struct wr_progress progress;
    struct wr_error *error;
};

/* Reads all and sends all; `import` holds kind, context, remote, file and error, the rest is made
 * here. `format` is "csv", another, or NULL: by the name's end. Errors: those of the file and of
 * the connection, naming file and line; what was sent before stays. */
WR_NODISCARD wr_err wr_import_run(struct wr_import *import, const char *format);

/* Room in the body for one more item, with what parts it from the one before. */
WR_NODISCARD wr_err wr_import_begin_item(struct wr_import *import);
/* An error at the present line. */
wr_err wr_import_fail(const struct wr_import *import, wr_err code, const char *what);

#endif
