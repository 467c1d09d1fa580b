/* SPDX-License-Identifier: Apache-2.0 */
/* Small tapes: one pass over the only chunk, newest to oldest, for all windows of a class. */
#ifndef WR_FEATURE_SCAN_H
#define WR_FEATURE_SCAN_H

#include "feature/walk.h"

/* As wr_walk_tape, for a tape of at most one chunk. */
void wr_scan_tape(struct wr_walk *walk, const struct wr_tape *tape, const struct wr_record *self,
                  const struct wr_walk_bounds *bounds, struct wr_feature_value *values);

#endif
