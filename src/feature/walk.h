/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over a tape, from an event backwards, fills all features of one kind of entity. */
#ifndef WR_FEATURE_WALK_H
#define WR_FEATURE_WALK_H

#include "feature/feature.h"
#include "feature/tree.h"

union wr_gauge {
    struct wr_count count;
    struct wr_series series;
};

/* Values of one window that median and the like look at: the newest of them. */
#define WR_LIMIT_FEATURE_SAMPLE 4096

struct wr_walk {
    const struct wr_feature_plan *plan;
    const struct wr_feature_class *class;
    const uint8_t *counter_lanes, *series_lanes; /* gauge -> lane */
    uint8_t n_counters, n_series, n_sets;        /* gauges of the groups that have started */
    bool by_record;                              /* enters every chunk, skips none by its totals */
    struct wr_count counters[WR_LIMIT_FEATURE_GAUGES];
    struct wr_series series[WR_LIMIT_FEATURE_GAUGES];
    struct wr_set *sets; /* as many as any class needs */
    union wr_gauge views[2 * WR_LIMIT_FEATURES];
    int64_t lists[WR_LIMIT_FEATURE_LISTS * WR_LIMIT_SCHEMA_ENTITIES]; /* values that are lists */
    int64_t *sample;               /* [WR_LIMIT_FEATURE_SAMPLE] */
    struct wr_fleet_share *others; /* of the vector at hand; NULL: not known */
};

/* Windows that begin before this tick are `all`: no instant less its longest window is. */
#define WR_TICK_ALL (-(INT64_C(62200000) * 1000000))

/* Windows that begin before these ticks lack history. */
struct wr_walk_bounds {
    int64_t held_since; /* records before it were given up */
    int64_t kept_since; /* the state began then */
};

/* Fills the values of the class's features as of the event `self`, which is not on the tape (yet):
 * behind all records of its tick. */
void wr_walk_tape(struct wr_walk *walk, const struct wr_tape *tape, const struct wr_record *self,
                  const struct wr_walk_bounds *bounds, struct wr_feature_value *values);

/* One range by hand: gauges of these lanes, empty, then all records younger than `tick`. */
void wr_walk_start(struct wr_walk *walk, const uint8_t *counter_lanes, unsigned n_counters,
                   const uint8_t *series_lanes, unsigned n_series);
void wr_walk_pass(struct wr_walk *walk, const struct wr_tape *tape, struct wr_cursor *cursor,
                  int64_t tick);

/* Moves left over one record younger than `tick` and copies it; false when there is none. */
bool wr_walk_back(struct wr_walk *walk, const struct wr_tape *tape, struct wr_cursor *cursor,
                  int64_t tick, struct wr_record *record);

/* What a window that starts behind `start` is, when history lacks there. */
static inline void wr_walk_bound(const struct wr_walk_bounds *bounds, int64_t start,
                                 struct wr_feature_value *value)
{
    if (start + 1 < bounds->held_since) {
        *value = (struct wr_feature_value){.presence = WR_FEATURE_EVICTED};
    } else if (start + 1 < bounds->kept_since && start > WR_TICK_ALL) {
        *value = (struct wr_feature_value){.presence = WR_FEATURE_WARMING};
    }
}

#endif
