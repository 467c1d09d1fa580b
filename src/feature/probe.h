/* SPDX-License-Identifier: Apache-2.0 */
/* Features that no running total can serve, each by a walk of its own: kinds that need the records
 * themselves (median, last_n, distance ...) and windows whose start depends on the event (day,
 * week, since). Sums over such windows cost O(log records); kinds that look at each record look at
 * the newest WR_LIMIT_FEATURE_SAMPLE of the window and are flagged when there are more. */
#ifndef WR_FEATURE_PROBE_H
#define WR_FEATURE_PROBE_H

#include "feature/walk.h"

/* Fills the values of the class's probes; as wr_walk_tape otherwise. `lists`: the class's part of
 * walk->lists. */
void wr_probe_tape(struct wr_walk *walk, const struct wr_tape *tape, const struct wr_record *self,
                   const struct wr_walk_bounds *bounds, int64_t *lists,
                   struct wr_feature_value *values);

#endif
