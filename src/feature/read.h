/* SPDX-License-Identifier: Apache-2.0 */
/* From the totals of a window to the value of a feature: the formulas. */
#ifndef WR_FEATURE_READ_H
#define WR_FEATURE_READ_H

#include "feature/walk.h"

/* The value of one feature, from gauges that hold exactly its window. */
void wr_feature_read(const struct wr_walk *walk, const struct wr_reader *reader,
                     const struct wr_record *self, struct wr_feature_value *value);

/* Sets a missing value, or the feature's stated fallback in its place. */
void wr_feature_read_missing(const struct wr_feature *feature, enum wr_feature_presence why,
                             struct wr_feature_value *value);

#endif
