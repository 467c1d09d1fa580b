/* SPDX-License-Identifier: Apache-2.0 */
/* What travels in a module about its quality: the team's own metadata (calibration, thresholds ...)
 * and the quantiles of inputs and score over reference rows, against which drift is told. */
#ifndef WR_MODELQUALITY_H
#define WR_MODELQUALITY_H

#include "base/arena.h"
#include "model/model.h"

/* Appends one JSON object: the members of `metadata` (an object's text, or empty), then
 * "reference": {"rows", "quantiles", "inputs": [...], "score": ...} when there are rows and
 * `metadata` brings none of its own. Complains by itself; gives an exit code. */
int wr_model_quality(struct wr_arena *arena, const struct wr_model *model, struct wr_str metadata,
                     const double *rows, size_t n, struct wr_buf *out);

#endif
