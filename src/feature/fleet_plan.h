/* SPDX-License-Identifier: Apache-2.0 */
/* What the features of `scope: fleet` share between nodes.
 *
 * A node counts its own events exactly, on its tapes. Of the events of the other nodes it sees
 * *tiles*: what one node saw of one entity in one slot of time. Features over the same entity
 * whose windows have slots of one length share a *series* of tiles; in a tile there is one
 * *column* for each different (where, share, field).
 *
 *   slot = window / 16, rounded up to whole ticks; slot number = floor(time / slot)
 *
 * A series is named by entity and slot, a column by its texts, so that nodes with different packs
 * share what their packs have in common. */
#ifndef WR_FEATURE_FLEET_PLAN_H
#define WR_FEATURE_FLEET_PLAN_H

#include "feature/plan.h"

#define WR_LIMIT_FLEET_FEATURES   32
#define WR_LIMIT_FLEET_SERIES     8
#define WR_LIMIT_FLEET_COLUMNS    8  /* of one series */
#define WR_FLEET_SLOTS            16 /* of a window, and of a period: one key in Redis */
#define WR_LIMIT_FLEET_PERIODS    8  /* that the windows of one series reach over */
#define WR_DEFAULT_FLEET_STALE_MS 10000

struct wr_fleet_column {
    uint32_t field; /* of the schema, or UINT32_MAX: events are counted */
    int8_t where_bit, share_bit;
    uint32_t tag;
};

struct wr_fleet_series {
    uint32_t entity;
    int64_t slot_ms;
    int64_t near_ms, far_ms; /* the windows lie between these ages */
    uint32_t n_columns;
    struct wr_fleet_column columns[WR_LIMIT_FLEET_COLUMNS];
    uint64_t tag;
};

struct wr_fleet_feature {
    uint32_t feature; /* of the plan */
    uint8_t series, column;
    uint64_t tag; /* of all that its value depends on: names it in records */
};

struct wr_fleet_plan {
    struct wr_fleet_series series[WR_LIMIT_FLEET_SERIES];
    uint32_t n_series;
    struct wr_fleet_feature features[WR_LIMIT_FLEET_FEATURES]; /* in order of the plan */
    uint32_t n_features;
    uint32_t entities;  /* bit i: entity i has a series */
    uint32_t n_columns; /* of the series that has most */
};

/* Fills plan->fleet, which stays NULL when no feature is of the fleet. Errors: WR_E_PACK,
 * WR_E_LIMIT, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_fleet_layout(struct wr_arena *arena, struct wr_feature_plan *plan,
                                    struct wr_error *error);

/* The slot and the period of slots that a time lies in. */
int64_t wr_fleet_slot(const struct wr_fleet_series *series, int64_t time_ms);
int64_t wr_fleet_period(int64_t slot);
/* The periods [*from, *to] that the windows of an event at this time reach over. */
void wr_fleet_periods(const struct wr_fleet_series *series, int64_t time_ms, int64_t *from,
                      int64_t *to);

#endif
