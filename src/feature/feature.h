/* SPDX-License-Identifier: Apache-2.0 */
/* Behaviour over time: apply an event, get the vector of its features.
 *
 * State is the fold of journal entries in order of sequence: events (wr_feature_update) and labels
 * (wr_feature_label). Nothing here reads a clock. Per entity there is one tape, the time-ordered
 * record of its recent events, shared by all features; windows slide exactly over it.
 *
 * Watermark = greatest time of any event applied - lateness. An event older than the watermark is
 * late: its vector is computed from what is still held, but it leaves no trace. One inside the
 * bound takes its place by time; among equal times the later sequence comes after. Earlier vectors
 * are never revised.
 *
 * A value that is defined is exact, whatever was given up for lack of room: a window that reaches
 * into history given up, or that could be one of an entity no longer remembered, is `evicted`. */
#ifndef WR_FEATURE_H
#define WR_FEATURE_H

#include "base/hash.h"
#include "feature/plan.h"

enum wr_feature_presence {
    WR_FEATURE_DEFINED = 0,
    WR_FEATURE_NO_HISTORY,   /* nothing in the window */
    WR_FEATURE_WARMING,      /* the window reaches back before the state began to be kept */
    WR_FEATURE_EVICTED,      /* the window reaches into history that was given up */
    WR_FEATURE_STALE,        /* a value of another node is too old */
    WR_FEATURE_FIELD_ABSENT, /* the event lacks the entity's key or the field */
};
const char *wr_feature_presence_name(enum wr_feature_presence presence); /* "no_history" */

enum wr_feature_form {
    WR_FORM_INTEGER, /* units */
    WR_FORM_DECIMAL, /* units / 10^scale, written with `scale` digits (money) */
    WR_FORM_DOUBLE,  /* number */
    WR_FORM_VALUE,   /* value: anything else, filled in by the engine (VALUE, REGO) */
    WR_FORM_LIST,    /* list: `units` numbers of units / 10^scale; good until the next update */
};

struct wr_feature_value {
    uint8_t presence; /* enum wr_feature_presence; the rest holds only when 0 */
    uint8_t form;     /* enum wr_feature_form */
    uint8_t scale;
    bool approximate;
    int64_t units;
    double number; /* the nearest double, but for VALUE and LIST: what a model reads */
    union {
        const struct wr_value *value;
        const int64_t *list;
    };
};

struct wr_fleet_share;

struct wr_feature_vector {
    struct wr_feature_value *values; /* the caller's, [plan->n_features] */
    bool late;
    /* Where the event lies among those of equal time, 16 bits for each kind of entity with labels.
     * To be kept with the decision: wr_feature_label asks for it. WR_PLACE_NONE for late events. */
    uint64_t place;
    /* What other nodes add to the features of the fleet, [plan->fleet->n_features] (fleet.h); NULL:
     * nothing is known of them. Reading a feature fills in count_max. */
    struct wr_fleet_share *others;
};
#define WR_PLACE_NONE UINT64_MAX

struct wr_feature_caps {
    uint32_t entities_max; /* entities held at once; 0 = 2^21 */
    uint64_t bytes_max;    /* bytes of tapes, table and entities; 0 = 512 MiB, at least 4 MiB */
    /* The state began to be kept at this time (milliseconds): windows that reach back before it
     * are `warming`. INT64_MIN: what is not held did not happen. */
    int64_t warming_since_ms;
};

struct wr_feature_stats {
    uint64_t entities, bytes_used, bytes_taken;
    uint64_t events, late, labels, labels_without_effect;
    uint64_t evictions;   /* entities given up by a cap while their history still counted */
    uint64_t forgotten;   /* marks of such entities given up in turn */
    uint64_t sequence;    /* of the last event applied */
    int64_t watermark_ms; /* INT64_MIN before the first event */
};

struct wr_feature_state;

/* An empty state. Takes blocks of 2 MiB from `memory` as it grows, never above caps->bytes_max, and
 * gives all back at close. `caps` NULL: all defaults, not warming. NULL when `memory` has no room
 * for the start. Plan and memory must outlive the state. */
struct wr_feature_state *wr_feature_state_open(const struct wr_feature_plan *plan,
                                               const struct wr_memory *memory,
                                               const struct wr_feature_caps *caps);
void wr_feature_state_close(struct wr_feature_state *state);

/* Applies one event, in the order of the journal, and fills the vector; features of kind VALUE and
 * REGO are left as they are. `conditions`: bit i is whether plan->conditions[i] holds.
 * vector->values NULL: applies without reading, to the same state (restart from the journal), and
 * tells late and place; `vector` NULL: not even those.
 * Returns true when the event was inserted, false when it was late (vector->late).
 * Bound: O(windows x log records) for each of its entities, but for `distinct`, which looks at
 * every record of its window up to a limit; no allocation but from the state's blocks. */
bool wr_feature_update(struct wr_feature_state *state, const struct wr_event *event,
                       uint32_t conditions, uint64_t sequence, struct wr_feature_vector *vector);

/* The vector the event would get, leaving no trace whatever its time. */
void wr_feature_peek(struct wr_feature_state *state, const struct wr_event *event,
                     uint32_t conditions, struct wr_feature_vector *vector);

/* Brings what the next events need towards the cache; changes nothing. Batches of about 16. */
void wr_feature_prefetch(const struct wr_feature_state *state, const struct wr_event *const *events,
                         size_t n);

/* Events applied without reading leave the marks of busy entities (large.h) to the first read,
 * which then takes up to ten times as long. This makes them ahead of it, of up to n entities
 * beginning at number *from, which moves on; true when all have been looked at. After a restart,
 * before the first decision. Changes no value and no digest; about 3 us for each busy entity, 10 ns
 * for each other. */
bool wr_feature_catch_up(struct wr_feature_state *state, uint32_t *from, uint32_t n);

enum wr_label_effect {
    WR_LABEL_CHANGED = 0, /* on the tape of at least one entity */
    WR_LABEL_SAME,        /* it said so already */
    WR_LABEL_EXPIRED,     /* no tape holds the event any more */
};

/* Sets (true) or clears (false, also to withdraw) a label of an event applied before: `event` gives
 * its keys and time, `place` is what its vector said. `label` indexes plan->labels. Without effect
 * on vectors given before. */
enum wr_label_effect wr_feature_label(struct wr_feature_state *state, const struct wr_event *event,
                                      uint64_t place, uint32_t label, bool set);

/* SHA-256 over all that can influence a later vector: equal states have equal digests, whatever
 * their memory layout or the sizes of the batches that led to them. O(state). */
void wr_feature_digest(const struct wr_feature_state *state, uint8_t digest[32]);

struct wr_feature_stats wr_feature_stats(const struct wr_feature_state *state);

/* Records on all tapes that still count. O(state). */
uint64_t wr_feature_records(const struct wr_feature_state *state);

/* The value as it enters input.features; undefined when presence is not 0. */
struct wr_value wr_feature_to_value(struct wr_arena *arena, const struct wr_feature_value *value);

#endif
