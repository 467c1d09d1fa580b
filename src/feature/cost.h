/* SPDX-License-Identifier: Apache-2.0 */
/* What features cost before any event has come: from the plan alone. */
#ifndef WR_FEATURE_COST_H
#define WR_FEATURE_COST_H

#include "feature/plan.h"

enum wr_keep_kind {
    WR_KEEP_NONE,     /* VALUE and REGO: nothing is kept */
    WR_KEEP_CONSTANT, /* totals at marks: the same for any number of events */
    WR_KEEP_TALLY,    /* constant, with a table of the window's values for each busy entity */
    WR_KEEP_WALK,     /* grows with the logarithm of the window's events */
    WR_KEEP_RECORDS,  /* looks at each of the window's newest `records_max` events */
};

struct wr_feature_cost {
    enum wr_keep_kind kind;
    uint32_t record_bytes; /* of each event on the tape, as its entity's features share them: what
                              this one needs at least */
    uint32_t large_bytes;  /* of each busy entity (over some 80 events) */
    uint32_t records_max;
    int64_t reach_ms; /* how far back it looks: window + delay + baseline */
};

struct wr_feature_cost wr_feature_cost(const struct wr_feature_plan *plan, uint32_t feature);

/* Bytes of one event on the tapes of an entity, all its features together: times and amounts of
 * usual size, key values with numbers of their own. 0 when no feature reads the entity. */
uint32_t wr_entity_record_bytes(const struct wr_feature_plan *plan, uint32_t entity);
/* How long events are held, and bytes of an entity but for its events. */
int64_t wr_entity_reach_ms(const struct wr_feature_plan *plan, uint32_t entity);
#define WR_ENTITY_BYTES 64 /* row, slots at half load, header of the tape */

#endif
