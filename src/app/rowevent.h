/* SPDX-License-Identifier: Apache-2.0 */
/* A CSV row as a request document, by the pack's mapping. */
#ifndef WR_ROWEVENT_H
#define WR_ROWEVENT_H

#include "app/csv.h"
#include "pack/pack.h"

struct wr_rowevent {
    const struct wr_csv *map;
    const struct wr_csv_reader *reader;
    size_t *columns;     /* of the file, for each mapped column */
    size_t label_column; /* SIZE_MAX: none */
};

/* Finds the mapped columns in the header. Errors: WR_E_FIELD naming a column that the file lacks.
 * Owns: the table, in the arena. */
wr_err wr_rowevent_open(struct wr_rowevent *row, struct wr_arena *arena, const struct wr_csv *map,
                        const struct wr_csv_reader *reader, struct wr_error *error);
/* Appends the running row as JSON. Empty cells are left out. Errors: WR_E_FIELD naming line and
 * column when a cell is not of its type. */
wr_err wr_rowevent_write(const struct wr_rowevent *row, struct wr_buf *buf, struct wr_error *error);
/* Is the row labelled as fraud? An empty cell, and a file without the column, say nothing: false.
 * Errors: WR_E_FIELD when the cell is neither 1, true, 0 nor false. */
wr_err wr_rowevent_label(const struct wr_rowevent *row, bool *fraud, struct wr_error *error);

#endif
