/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a pack's features: what they are called, what they mean, what must be kept for them.
 *
 *   features:
 *     name: {entity: E, KIND: ARGUMENT, window: 7d, delay: 0s, include_self: true,
 *            where: "rego condition", missing: NUMBER}
 *     name: {value: path, missing: NUMBER}   the event's own field: filled in by the engine
 *     name: {rego: data.derive.x}            derived by policy: filled in by the engine
 *
 * A window of length w with delay d at event time t covers (t-d-w, t-d]; docs/features.md tells all
 * kinds and windows. Features stand
 * in the order of their names, as in the pack's JSON; index i of the plan is index i of every
 * vector. Conditions (`where`, and `share` of anything but a label) are Rego texts: the engine
 * evaluates each once per event, in the order of plan->conditions, and hands in one bit per
 * condition. Equal texts share a bit. */
#ifndef WR_FEATURE_PLAN_H
#define WR_FEATURE_PLAN_H

#include "feature/schema.h"

#define WR_LIMIT_FEATURES               256
#define WR_LIMIT_FEATURE_CONDITIONS     16
#define WR_LIMIT_FEATURE_LABELS         4
#define WR_LIMIT_FEATURE_LABEL_ENTITIES 4   /* kinds of entity with features over labels */
#define WR_LIMIT_FEATURE_COLUMNS        8   /* different fields kept for one entity */
#define WR_LIMIT_FEATURE_SPAN_DAYS      366 /* window + delay */
#define WR_LIMIT_FEATURE_LIST           16  /* n of last_n and top_n */
#define WR_LIMIT_FEATURE_LISTS          256 /* all of them together, of one kind of entity */
#define WR_LIMIT_FEATURE_LATENESS_MS    (WR_MS_PER_D)

/* X(symbol, key in the pack, argument) */
#define WR_FEATURE_KINDS(X)                                                                        \
    X(VALUE, "value", PATH)                                                                        \
    X(REGO, "rego", TEXT)                                                                          \
    X(COUNT, "count", TRUE)                                                                        \
    X(SUM, "sum", NUMBER)                                                                          \
    X(AVG, "avg", NUMBER)                                                                          \
    X(MIN, "min", NUMBER)                                                                          \
    X(MAX, "max", NUMBER)                                                                          \
    X(SHARE, "share", CONDITION)                                                                   \
    X(DISTINCT, "distinct", KEY)                                                                   \
    X(SECONDS_SINCE_LAST, "seconds_since_last", TRUE)                                              \
    X(VARIANCE, "variance", NUMBER)                                                                \
    X(STDDEV, "stddev", NUMBER)                                                                    \
    X(CV, "cv", NUMBER)                                                                            \
    X(FIRST, "first", NUMBER)                                                                      \
    X(LAST, "last", NUMBER)                                                                        \
    X(DELTA_TO_LAST, "delta_to_last", NUMBER)                                                      \
    X(ZSCORE, "zscore", NUMBER)                                                                    \
    X(SAME_AS_NOW, "same_as_now", KEY)                                                             \
    X(SEEN_BEFORE, "seen_before", KEY)                                                             \
    X(FIRST_SEEN, "first_seen", KEY)                                                               \
    X(LINKS, "links", ENTITY)                                                                      \
    X(MEDIAN, "median", NUMBER)                                                                    \
    X(PERCENTILE, "percentile", NUMBER)                                                            \
    X(MODE, "mode", NUMBER)                                                                        \
    X(LAST_N, "last_n", NUMBER)                                                                    \
    X(TOP_N, "top_n", NUMBER)                                                                      \
    X(RATE_CHANGE, "rate_change", TRUE)                                                            \
    X(DISTANCE, "distance", PLACE)                                                                 \
    X(SPEED, "speed", PLACE)                                                                       \
    X(HOME_DISTANCE, "home_distance", PLACE)

/* Where a window starts. */
enum wr_window_kind {
    WR_WINDOW_SLIDING, /* window_ms before its end */
    WR_WINDOW_DAY,     /* at the last midnight in the stated offset */
    WR_WINDOW_WEEK,    /* at the last Monday's midnight */
    WR_WINDOW_ALL,     /* with what is known of the entity */
};

/* ms of `window: all`: more than all time, and less than 2^47 back from any instant. */
#define WR_WINDOW_ALL_MS ((int64_t)1 << 46)

enum wr_feature_kind {
#define WR_FEATURE_KIND_ENUM(symbol, key, argument) WR_FEATURE_##symbol,
    WR_FEATURE_KINDS(WR_FEATURE_KIND_ENUM)
#undef WR_FEATURE_KIND_ENUM
        WR_FEATURE_KIND_COUNT
};

struct wr_feature {
    struct wr_str name;
    enum wr_feature_kind kind;
    struct wr_path path;  /* VALUE: where in the request */
    struct wr_str source; /* REGO: the reference; else empty */
    uint32_t entity;      /* index in schema->entities; UINT32_MAX for VALUE and REGO */
    uint32_t field;       /* index in schema->fields; UINT32_MAX when the kind takes none */
    uint8_t scale;        /* of that field */
    bool money;           /* that field is money: sum, min, max ... print at its scale */
    bool include_self;
    bool has_fallback; /* `missing:` given: stands in for no_history and field_absent */
    /* Bits of `where` and `share`: label i is i, condition i is WR_LIMIT_FEATURE_LABELS + i; or -1
     */
    int8_t where_bit, share_bit;
    /* `since:` a bit as above, or -1: the window starts behind the latest earlier event that has it
     */
    int8_t since_bit;
    uint8_t n;           /* of last_n and top_n */
    uint8_t window_kind; /* enum wr_window_kind */
    uint32_t field2;     /* PLACE: the longitude; `field` is the latitude */
    uint32_t permille;   /* of percentile: 1000 times the percentage */
    int64_t window_ms, delay_ms, baseline_ms;
    int64_t offset_ms; /* of days and weeks, east of Greenwich positive */
    struct wr_value fallback;
    bool fleet;          /* scope: fleet: events of other nodes count too (fleet_plan.h) */
    bool own_when_stale; /* missing: node: without news of them the own ones alone count */
    uint8_t fleet_at;    /* in plan->fleet->features */
    int64_t stale_ms;    /* news of other nodes that are older count as none */
};

struct wr_feature_class; /* what one kind of entity keeps; private */
struct wr_fleet_plan;    /* what nodes share (fleet_plan.h) */

struct wr_feature_plan {
    const struct wr_schema *schema;
    struct wr_feature *features;
    uint32_t n_features;
    struct wr_str conditions[WR_LIMIT_FEATURE_CONDITIONS]; /* Rego texts; bit i is condition i */
    uint32_t n_conditions;
    struct wr_str labels[WR_LIMIT_FEATURE_LABELS]; /* "fraud" for label.fraud */
    uint32_t n_labels;
    struct wr_feature_class *classes; /* one per entity of the schema */
    struct wr_fleet_plan *fleet;      /* NULL: no feature is of scope fleet */
    int64_t lateness_ms;              /* event: {lateness: 60s} */
};

/* Reads `features` of a weir.json (absent: no features). The plan lives in the arena; the schema
 * must outlive it.
 * Errors: WR_E_PACK naming feature and key; WR_E_LIMIT; WR_E_MEMORY. */
WR_NODISCARD wr_err wr_feature_plan_open(struct wr_arena *arena, const struct wr_schema *schema,
                                         const struct wr_value *weir_json,
                                         struct wr_feature_plan **out, struct wr_error *error);

const char *wr_feature_kind_name(enum wr_feature_kind kind);
/* Features that no mark can serve: read by a walk of their own (probe.h). */
bool wr_feature_is_probe(const struct wr_feature *feature);
/* Index of the feature or label of this name, or UINT32_MAX. */
uint32_t wr_feature_find(const struct wr_feature_plan *plan, struct wr_str name);
uint32_t wr_feature_label_find(const struct wr_feature_plan *plan, struct wr_str name);

#endif
