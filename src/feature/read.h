/* SPDX-License-Identifier: Apache-2.0 */
/* From totals of a window to the value of a feature. Private to the floor. */
#ifndef WR_FEATURE_READ_H
#define WR_FEATURE_READ_H

#include "feature/walk.h"

struct wr_reading { /* those that the reader's kind needs */
    const struct wr_count *count, *part;
    const struct wr_series *series;
    uint64_t size; /* of a set: its different values, or those like the event's */
    bool approximate;
};

/* Fills one value from the totals of its window; `self` is the event. */
void wr_feature_read(const struct wr_feature_plan *plan, const struct wr_feature_class *class,
                     const struct wr_reader *reader, const struct wr_reading *reading,
                     const struct wr_record *self, struct wr_feature_value *value);

/* The same for a reader without gauges; `own` is the event's value of the column. */
void wr_feature_read_series(const struct wr_feature_plan *plan, const struct wr_reader *reader,
                            const struct wr_series *series, uint64_t own,
                            struct wr_feature_value *value);
void wr_feature_read_set(const struct wr_feature_plan *plan, const struct wr_reader *reader,
                         const struct wr_reading *reading, uint64_t own,
                         struct wr_feature_value *value);
void wr_feature_read_count(const struct wr_feature_plan *plan, const struct wr_reader *reader,
                           const struct wr_reading *reading, int64_t tick,
                           struct wr_feature_value *value);

/* The class's `others`, from walk->views, which hold their windows, the event included. */
void wr_feature_read_others(const struct wr_walk *walk, const struct wr_record *self,
                            const struct wr_walk_bounds *bounds, struct wr_feature_value *values);

/* The event itself enters a view that has it. */
static inline void wr_view_add_self(const struct wr_feature_class *class,
                                    const struct wr_view *view, const struct wr_record *self,
                                    union wr_gauge *gauge)
{
    if (view->with_self && view->counts) {
        wr_count_newer(&gauge->count, class->counter_lanes[view->lane].mask, self);
    } else if (view->with_self) {
        wr_series_newer(&gauge->series, &class->series_lanes[view->lane], self);
    }
}

/* The value of a feature that has none, for this reason: its fallback if it has one. */
void wr_feature_read_missing(const struct wr_feature *feature, enum wr_feature_presence why,
                             struct wr_feature_value *value);

#endif
