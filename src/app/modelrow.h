/* SPDX-License-Identifier: Apache-2.0 */
/* Rows for a model from a CSV: columns are found by the names of its inputs, or taken in order when
 * no name is known. Every function complains by itself and gives an exit code of cli.h. */
#ifndef WR_MODELROW_H
#define WR_MODELROW_H

#include "app/csv.h"
#include "base/arena.h"
#include "model/model.h"

struct wr_model_rows {
    const struct wr_model *model;
    const char *path;
    FILE *in;
    struct wr_csv_reader reader;
    size_t *columns; /* by input */
    double *row;     /* of the last call of next */
};

/* "-" reads standard input. */
int wr_model_rows_open(struct wr_arena *arena, const struct wr_model *model, const char *path,
                       struct wr_model_rows *rows);
/* Fills rows->row; *end is true when there is none left. */
int wr_model_rows_next(struct wr_model_rows *rows, bool *end);
void wr_model_rows_close(struct wr_model_rows *rows);

/* All rows, one behind the other; at most `most`. */
int wr_model_rows_all(struct wr_arena *arena, const struct wr_model *model, const char *path,
                      size_t most, double **out, size_t *n);

#endif
