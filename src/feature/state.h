/* SPDX-License-Identifier: Apache-2.0 */
/* The state of all features: private to the floor. */
#ifndef WR_FEATURE_STATE_H
#define WR_FEATURE_STATE_H

#include "feature/dictionary.h"
#include "feature/entity.h"
#include "feature/feature.h"
#include "feature/walk.h"

#define WR_TICK_NONE INT64_MIN

struct wr_feature_state {
    const struct wr_feature_plan *plan;
    const struct wr_memory *memory;
    struct wr_store store;
    struct wr_entities entities;
    uint32_t entities_max, lost_max;
    int64_t newest_tick; /* greatest of all events applied; WR_TICK_NONE before the first */
    int64_t lateness_ticks;
    int64_t kept_since_tick; /* windows that begin before it are warming */
    /* Of each kind of entity, the latest time at which history was given up of one that is not even
     * remembered as lost: an entity that looks new may be that one, and its windows say so. */
    int64_t forgotten[WR_LIMIT_SCHEMA_ENTITIES];
    uint64_t sequence; /* of the last event applied */
    uint64_t n_events, n_late, n_labels, n_labels_idle, n_evictions, n_forgotten;
    struct wr_dictionary *dictionaries[WR_LIMIT_SCHEMA_FIELDS]; /* of key fields; NULL for others */
    struct wr_walk walk;
    uint32_t n_sets; /* room in walk.sets */
    struct wr_record scratch[WR_CHUNK_RECORDS_MAX + 1];
};

/* Records up to this tick count no more for this kind of entity. */
int64_t wr_state_horizon(const struct wr_feature_state *state, uint32_t entity);

static inline int64_t wr_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

static inline int64_t wr_state_tick(const struct wr_feature_state *state,
                                    const struct wr_event *event)
{
    int64_t tick_ms = state->plan->schema->tick_ms;
    return tick_ms == 1 ? event->time_ms : wr_floor_div(event->time_ms, tick_ms);
}

struct wr_tape wr_state_tape(struct wr_feature_state *state, const struct wr_row *row);

#endif
