/* SPDX-License-Identifier: Apache-2.0 */
/* What one kind of entity keeps and how its features are read off: private to the floor.
 *
 * A record on a tape holds a time, flag bits (labels, conditions) and the columns that features
 * read. A counter counts records with all bits of a mask; a series gathers one column of them.
 * Counters and series are the class's *lanes*: large tapes keep them summed up by chunk. A *gauge*
 * is a lane gathered from one starting age on: windows that share start and lane share the gauge.
 *
 * Reading walks a tape from the event backwards. Stops, sorted by age, say what happens when the
 * walk has passed all records younger than the stop's age:
 *
 *   age 0          d1        d1+w1=d2     d2+w2
 *   |--------------|############|@@@@@@@@@@@|----   -> older
 *   start group 0  start 1     read w1      read w2
 */
#ifndef WR_FEATURE_CLASS_H
#define WR_FEATURE_CLASS_H

#include "feature/plan.h"

#define WR_LIMIT_FEATURE_LANES  32 /* counters, and series, of one kind of entity */
#define WR_LIMIT_FEATURE_GAUGES 96 /* counters, series and sets of one kind of entity, by start */
#define WR_LIMIT_FEATURE_MARKS  64 /* different starts and ends of windows of one kind of entity */
#define WR_NONE8                0xff

struct wr_column {
    uint32_t field; /* of the schema; from WR_LIMIT_SCHEMA_FIELDS on: the key of that entity */
    bool key; /* a number of the dictionary or 8 bytes of hash; else a scaled number of as few bytes
                 as it needs */
};

struct wr_counter_lane {
    uint32_t mask;
};

struct wr_series_lane {
    uint32_t mask;
    uint8_t column;
    bool squares; /* some feature needs the sum of squares */
    uint8_t rank; /* among those with squares */
};

struct wr_set_lane { /* what needs each record of a window: different keys, or those like now's */
    uint32_t mask;
    uint8_t column;
    bool like_now;
};

/* Groups are sorted by start; gauges of a group are neighbours, so those that are active at any
 * moment of the walk are the first n. */
struct wr_group {
    int64_t delay; /* ticks */
    bool skip_self;
    uint8_t counters_end, series_end, sets_end; /* gauges of this group end before */
    uint16_t readers_end;
};

enum wr_stop_kind { WR_STOP_START, WR_STOP_READ };

struct wr_stop {
    int64_t age; /* ticks */
    uint8_t kind;
    uint16_t index; /* START: group; READ: reader */
};

struct wr_reader { /* all that reading a feature off needs, side by side */
    uint16_t feature;
    uint8_t kind, scale;
    bool money;
    bool with_self;        /* the event itself belongs to the window */
    uint8_t counter, part; /* gauges: records of the window; of `share`, those that have the bit */
    uint8_t series, set;
    uint8_t start, end; /* marks; end WR_NONE8: the window ends at the event */
    uint16_t view, part_view;
    uint8_t tally;      /* of a set */
    uint64_t head;      /* the first 8 bytes of a value that is defined */
    int64_t units_mask; /* 0 when the value carries no units */
    uint64_t n_exact;   /* up to so many records n * 10^scale is a double */
    double power;       /* 10^scale */
};

/* What sums cannot tell: one record of a window, remembered until it leaves the window. */
enum wr_extreme_kind {
    WR_EXTREME_MIN,
    WR_EXTREME_MAX,
    WR_EXTREME_FIRST,
    WR_EXTREME_LAST,
    WR_EXTREME_KINDS
};
struct wr_extreme_lane {
    uint8_t kind, start, end;
    bool counts; /* LAST of a counter lane: the tick; else of a series lane */
    uint8_t lane;
};

/* A set over one window, as large tapes keep it (tally.h). */
struct wr_tally_lane {
    uint32_t mask;
    uint8_t column, start, end;
    uint8_t counter; /* lane that counts the records with all bits of the mask */
};

/* Kinds that are nearly always one operation on the totals of their view. */
enum wr_plain_kind {
    WR_PLAIN_COUNT,
    WR_PLAIN_SUM,
    WR_PLAIN_AVG,
    WR_PLAIN_MIN,
    WR_PLAIN_MAX,
    WR_PLAIN_KINDS
};
#define WR_NO_READER 0xffff

/* A lane over one window: what readers of the same window and lane share. */
struct wr_view {
    bool counts; /* of a counter lane, else of a series lane */
    bool with_self;
    uint8_t lane, start, end;
    uint16_t plain[WR_PLAIN_KINDS];     /* the first reader of each such kind, or WR_NO_READER */
    uint8_t extremes[WR_EXTREME_KINDS]; /* WR_NONE8: not asked for */
    uint16_t start_at, end_at; /* where a large tape keeps the totals of start and end: bytes */
    uint16_t squares_at;       /* from there to the squares */
};

/* A feature read by a walk of its own (probe.h). */
struct wr_probe {
    struct wr_reader reader; /* without gauges and marks */
    uint8_t lane;            /* counter or series lane, by kind */
    uint8_t part, since;     /* counter lanes, or WR_NONE8 */
    struct wr_set_lane set;  /* of the kinds that look at each record: which, and what column */
    uint8_t column2;         /* of a place: the longitude's */
    uint8_t n;
    uint8_t window_kind;
    uint16_t list_at; /* where its list stands in the walk's room */
    uint32_t permille;
    int64_t age, delay, baseline, offset; /* ticks */
};

struct wr_feature_class {
    bool used;      /* some feature reads this kind of entity */
    bool uses_sets; /* some reader or probe needs a struct wr_set */
    uint8_t n_bits, n_columns, n_counter_lanes, n_series_lanes;
    uint8_t n_groups, n_counters, n_series, n_sets;
    int8_t bit_of[WR_LIMIT_FEATURE_LABELS + WR_LIMIT_FEATURE_CONDITIONS]; /* -1: not kept */
    uint8_t node_size;   /* of this class's trees: index in wr_store_sizes */
    uint16_t child_size; /* bytes of one child in a node, its totals included */
    uint16_t fanout;     /* children of a node */
    uint8_t label_rank;  /* which 16 bits of a place are this class's; WR_NONE8: no labels */
    struct wr_column columns[WR_LIMIT_FEATURE_COLUMNS];
    struct wr_counter_lane counter_lanes[WR_LIMIT_FEATURE_LANES];
    struct wr_series_lane series_lanes[WR_LIMIT_FEATURE_LANES];
    struct wr_set_lane sets[WR_LIMIT_FEATURE_GAUGES]; /* gauge -> what */
    uint8_t counters[WR_LIMIT_FEATURE_GAUGES];        /* gauge -> lane */
    uint8_t series[WR_LIMIT_FEATURE_GAUGES];          /* gauge -> lane */
    struct wr_group groups[WR_LIMIT_FEATURE_GAUGES];
    int64_t marks[WR_LIMIT_FEATURE_MARKS]; /* ages, rising, all over 0 */
    struct wr_extreme_lane extremes[WR_LIMIT_FEATURE_GAUGES];
    uint8_t n_marks, n_extremes;
    uint8_t extremes_from[WR_LIMIT_FEATURE_MARKS + 1]; /* those whose window starts at mark m */
    bool delayed_extremes;                             /* some window with one ends at a mark */
    bool flat; /* marks alone tell all: no sets, and extremes only of windows that end at the event
                */
    struct wr_tally_lane tallies[WR_LIMIT_FEATURE_GAUGES];
    uint8_t n_tallies;
    uint16_t tallies_at; /* where a large tape keeps them: bytes */
    uint16_t n_views;
    struct wr_view *views; /* by start, and so are the extremes */
    uint8_t large_size;    /* of what a large tape keeps besides: index in wr_store_sizes */
    uint16_t mark_size;    /* bytes of a mark with its totals */
    uint16_t n_squares;    /* series lanes with squares */
    struct wr_reader *readers;
    struct wr_stop *stops;
    uint16_t *others; /* readers that are neither of sets nor plain[] of a view */
    uint32_t n_readers, n_stops, n_others;
    struct wr_probe *probes;
    uint32_t n_probes, n_listed;
    int64_t retention; /* ticks: the greatest age any feature reads */
};

/* Lays out plan->classes from plan->features. Errors: WR_E_PACK, WR_E_LIMIT, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_class_layout(struct wr_arena *arena, struct wr_feature_plan *plan,
                                    struct wr_error *error);

#endif
