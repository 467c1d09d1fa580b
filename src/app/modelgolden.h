/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a model against a golden file: 1e-5 absolute or 1e-4 relative, labels equal. */
#ifndef WR_MODELGOLDEN_H
#define WR_MODELGOLDEN_H

#include "base/arena.h"
#include "model/model.h"

#define WR_GOLDEN_ABSOLUTE 1e-5
#define WR_GOLDEN_RELATIVE 1e-4

struct wr_model_golden { /* what was compared */
    size_t rows, numbers;
};

/* Complains about the first difference by itself, with line, output and both numbers, and gives an
 * exit code of cli.h. Columns of the golden file are found by the outputs' names or, where there
 * are as many as outputs, by their place. */
int wr_model_golden_check(struct wr_arena *arena, const struct wr_model *model,
                          const char *rows_path, const char *golden_path,
                          struct wr_model_golden *compared);

#endif
