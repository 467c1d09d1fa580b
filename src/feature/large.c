/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/large.h"

#include "base/hash.h"
#include "feature/plain.h"
#include "feature/tally.h"

/* Records a mark moves over one by one; beyond, all marks are made anew. Tallies would have to be
 * filled again then, which takes longer than to go on. */
enum { STEPS_MAX = 64, STEPS_TALLIED_MAX = 4096 };

/* ── layout ─────────────────────────────────────────────────────────────────────────────────── */
static size_t mark_size(const struct wr_feature_class *class)
{
    return sizeof(struct wr_mark) + class->n_counter_lanes * sizeof(uint64_t) +
           class->n_series_lanes * sizeof(struct wr_total) + class->n_squares * sizeof(wr_u128);
}

static void shape_view(const struct wr_feature_class *class, struct wr_view *view)
{
    const struct wr_series_lane *lane = &class->series_lanes[view->lane];
    size_t in_mark = sizeof(struct wr_large) + sizeof(struct wr_mark) +
                     (view->counts ? 0 : class->n_counter_lanes * sizeof(uint64_t)) +
                     view->lane * (view->counts ? sizeof(uint64_t) : sizeof(struct wr_total));
    size_t end = view->end == WR_NONE8 ? 0 : view->end + 1u;
    view->start_at = (uint16_t)(in_mark + (view->start + 1u) * class->mark_size);
    view->end_at = (uint16_t)(in_mark + end * class->mark_size);
    if (!view->counts && lane->squares) {
        size_t others = (size_t) class->n_series_lanes - view->lane;
        view->squares_at =
            (uint16_t)(others * sizeof(struct wr_total) + lane->rank * sizeof(wr_u128));
    }
}

bool wr_large_shape(struct wr_feature_class *class)
{
    class->n_squares = 0;
    for (unsigned i = 0; i < class->n_series_lanes; i++) {
        class->series_lanes[i].rank = (uint8_t) class->n_squares;
        class->n_squares = (uint16_t)(class->n_squares + class->series_lanes[i].squares);
    }
    size_t tallies = sizeof(struct wr_large) + (class->n_marks + 1u) * mark_size(class) +
                     class->n_extremes * sizeof(int64_t);
    unsigned size = wr_store_size_for(tallies + class->n_tallies * sizeof(struct wr_tally));
    class->tallies_at = (uint16_t)tallies;
    class->large_size = (uint8_t)size;
    class->mark_size = (uint16_t)mark_size(class);
    for (unsigned v = 0; size < WR_STORE_SIZES && v < class->n_views; v++) {
        shape_view(class, &class->views[v]);
    }
    return size < WR_STORE_SIZES;
}

static inline struct wr_tally *tallies_of(const struct wr_feature_class *class,
                                          struct wr_large *large)
{
    return (struct wr_tally *)(void *)((uint8_t *)large + class->tallies_at);
}

void wr_large_init(const struct wr_feature_class *class, struct wr_large *large)
{
    *large = (struct wr_large){.newest = INT64_MIN, .dropped_next = INT64_MIN};
    memset(tallies_of(class, large), 0, class->n_tallies * sizeof(struct wr_tally));
}

void wr_large_deinit(const struct wr_tape *tape)
{
    for (unsigned i = 0; i < tape->class->n_tallies; i++) {
        wr_tally_clear(tape->store, &tallies_of(tape->class, tape->large)[i]);
    }
}

/* Mark -1 is the head. */
static inline struct wr_mark *mark_at(const struct wr_feature_class *class, struct wr_large *large,
                                      int m)
{
    return (struct wr_mark *)(void *)((uint8_t *)(large + 1) + (size_t)(m + 1) * class->mark_size);
}
static inline struct wr_mark *end_of(const struct wr_feature_class *class, struct wr_large *large,
                                     uint8_t end)
{
    return mark_at(class, large, end == WR_NONE8 ? -1 : end);
}
static inline uint64_t *counts_of(struct wr_mark *mark)
{
    return (uint64_t *)(mark + 1);
}
static inline struct wr_total *totals_of(const struct wr_feature_class *class, struct wr_mark *mark)
{
    return (struct wr_total *)(void *)(counts_of(mark) + class->n_counter_lanes);
}
static inline wr_u128_in_8 *squares_of(const struct wr_feature_class *class, struct wr_mark *mark)
{
    return (wr_u128_in_8 *)(void *)(totals_of(class, mark) + class->n_series_lanes);
}
static inline int64_t *extremes_of(const struct wr_feature_class *class, struct wr_large *large)
{
    return (int64_t *)(void *)mark_at(class, large, class->n_marks);
}

static void forget(const struct wr_feature_class *class, struct wr_large *large)
{
    int64_t *extremes = extremes_of(class, large);
    for (unsigned x = 0; x < class->n_extremes; x++) {
        extremes[x] = WR_EXTREME_UNKNOWN;
    }
}

/* ── records that come and go ───────────────────────────────────────────────────────────────── */
static inline __attribute__((always_inline)) void add_totals(const struct wr_feature_class *class,
                                                             struct wr_mark *mark,
                                                             const struct wr_record *record,
                                                             bool enters)
{
    uint64_t *counts = counts_of(mark);
    struct wr_total *totals = totals_of(class, mark);
    for (unsigned i = 0; i < class->n_counter_lanes; i++) {
        uint32_t mask = class->counter_lanes[i].mask;
        uint64_t n = (record->bits & mask) == mask ? 1 : 0;
        counts[i] += enters ? n : -n;
    }
    for (unsigned i = 0; i < class->n_series_lanes; i++) {
        const struct wr_series_lane *lane = &class->series_lanes[i];
        uint64_t kept = record->columns[lane->column];
        if ((record->bits & lane->mask) != lane->mask || kept == 0) {
            continue;
        }
        int64_t v = wr_number_kept(kept);
        totals[i].n += enters ? 1 : -UINT64_C(1);
        totals[i].sum += enters ? (wr_u128)(wr_i128)v : -(wr_u128)(wr_i128)v;
        if (lane->squares) {
            wr_u128 squares = (wr_u128)((wr_i128)v * v);
            squares_of(class, mark)[lane->rank] += enters ? squares : -squares;
        }
    }
}

/* What the extreme sees of a record; false when it is not in its lane. */
static bool value_for(const struct wr_feature_class *class, const struct wr_extreme_lane *lane,
                      const struct wr_record *record, int64_t *value)
{
    if (lane->counts) {
        uint32_t mask = class->counter_lanes[lane->lane].mask;
        *value = record->tick;
        return (record->bits & mask) == mask;
    }
    const struct wr_series_lane *series = &class->series_lanes[lane->lane];
    uint64_t kept = record->columns[series->column];
    *value = kept != 0 ? wr_number_kept(kept) : 0;
    return (record->bits & series->mask) == series->mask && kept != 0;
}

static uint64_t count_between(const struct wr_feature_class *class, struct wr_large *large,
                              const struct wr_extreme_lane *lane)
{
    struct wr_mark *end = end_of(class, large, lane->end);
    struct wr_mark *start = mark_at(class, large, lane->start);
    unsigned i = lane->lane;
    return lane->counts ? counts_of(end)[i] - counts_of(start)[i]
                        : totals_of(class, end)[i].n - totals_of(class, start)[i].n;
}

/* A record enters the window of extreme x, whose totals do not have it yet. */
static void extreme_enter(const struct wr_feature_class *class, struct wr_large *large, unsigned x,
                          const struct wr_record *record, bool newest)
{
    const struct wr_extreme_lane *lane = &class->extremes[x];
    int64_t *extreme = &extremes_of(class, large)[x], v;
    if (!value_for(class, lane, record, &v)) {
        return;
    }
    if (count_between(class, large, lane) == 0) {
        *extreme = v;
        return;
    }
    switch (lane->kind) {
    case WR_EXTREME_MIN: /* what is unknown stays so: it is the least */
        *extreme = WR_MIN(*extreme, v);
        break;
    case WR_EXTREME_MAX:
        *extreme = *extreme != WR_EXTREME_UNKNOWN ? WR_MAX(*extreme, v) : *extreme;
        break;
    case WR_EXTREME_FIRST:
        *extreme = newest ? *extreme : WR_EXTREME_UNKNOWN;
        break;
    default: /* LAST: whatever was known gives way to a newer one */
        *extreme = newest ? v : WR_EXTREME_UNKNOWN;
        break;
    }
}

static void extreme_leave(const struct wr_feature_class *class, struct wr_large *large, unsigned x,
                          const struct wr_record *record, bool oldest)
{
    const struct wr_extreme_lane *lane = &class->extremes[x];
    int64_t *extreme = &extremes_of(class, large)[x], v;
    if (!value_for(class, lane, record, &v)) {
        return;
    }
    if (lane->kind == WR_EXTREME_FIRST || (lane->kind == WR_EXTREME_LAST && !oldest)) {
        *extreme = WR_EXTREME_UNKNOWN;
    } else if (lane->kind != WR_EXTREME_LAST && *extreme == v) {
        *extreme =
            WR_EXTREME_UNKNOWN; /* perhaps not the only one of this value: found again then */
    }
}

/* A record enters or leaves the window of tally i, whose totals do not have it, or still do. */
static void tally_change(const struct wr_tape *tape, unsigned i, const struct wr_record *record,
                         bool enters)
{
    const struct wr_tally_lane *lane = &tape->class->tallies[i];
    struct wr_tally *tally = &tallies_of(tape->class, tape->large)[i];
    uint64_t value = record->columns[lane->column];
    if ((record->bits & lane->mask) != lane->mask || value == 0) {
        return;
    }
    if (!enters) {
        wr_tally_remove(tape->store, tally, value);
        return;
    }
    if (tally->overflow) { /* an empty window counts exactly again */
        struct wr_mark *end = end_of(tape->class, tape->large, lane->end);
        struct wr_mark *start = mark_at(tape->class, tape->large, lane->start);
        tally->overflow = counts_of(end)[lane->counter] != counts_of(start)[lane->counter];
    }
    wr_tally_add(tape->store, tally, value);
}

static bool in_window(const struct wr_feature_class *class, int64_t age, uint8_t start, uint8_t end)
{
    return age < class->marks[start] && (end == WR_NONE8 || age >= class->marks[end]);
}

void wr_large_change(const struct wr_tape *tape, const struct wr_record *record, bool enters,
                     bool appended)
{
    const struct wr_feature_class *class = tape->class;
    struct wr_large *large = tape->large;
    large->newest = WR_MAX(large->newest, record->tick);
    if (!large->valid) {
        return;
    }
    int64_t age = large->tick - record->tick; /* of a record the marks have passed: over 0 */
    for (unsigned x = 0; x < class->n_extremes; x++) {
        const struct wr_extreme_lane *lane = &class->extremes[x];
        if (!in_window(class, age, lane->start, lane->end)) {
            continue;
        }
        if (enters) {
            extreme_enter(class, large, x, record, appended);
        } else {
            extreme_leave(class, large, x, record, false);
        }
    }
    for (unsigned i = 0; i < class->n_tallies; i++) {
        if (in_window(class, age, class->tallies[i].start, class->tallies[i].end)) {
            tally_change(tape, i, record, enters);
        }
    }
    add_totals(class, mark_at(class, large, -1), record, enters);
    for (int m = 0; m < class->n_marks; m++) {
        struct wr_mark *mark = mark_at(class, large, m);
        if (age >= class->marks[m]) {
            add_totals(class, mark, record, enters);
        } else {
            mark->next = WR_MIN(mark->next, record->tick);
        }
    }
}

void wr_large_moved(const struct wr_feature_class *class, struct wr_large *large, uint32_t chunk)
{
    for (int m = 0; large->valid && m < class->n_marks; m++) {
        struct wr_mark *mark = mark_at(class, large, m);
        mark->chunk = mark->chunk == chunk ? WR_STORE_NO_REF : mark->chunk;
    }
}

/* ── marks on their way ─────────────────────────────────────────────────────────────────────── */
static void pass_record(const struct wr_tape *tape, int m, const struct wr_record *record)
{
    const struct wr_feature_class *class = tape->class;
    struct wr_large *large = tape->large;
    for (unsigned x = class->extremes_from[m]; x < class->extremes_from[m + 1]; x++) {
        extreme_leave(class, large, x, record, true);
    }
    for (unsigned x = 0; class->delayed_extremes && x < class->n_extremes; x++) {
        if (class->extremes[x].end == m) {
            extreme_enter(class, large, x, record, true);
        }
    }
    for (unsigned i = 0; i < class->n_tallies; i++) {
        if (class->tallies[i].start == m || class->tallies[i].end == m) {
            tally_change(tape, i, record, class->tallies[i].end == m);
        }
    }
    add_totals(class, mark_at(class, large, m), record, true);
}

/* Within its chunk; false when it came to the end of it and more chunks follow. Only lines from the
 * mark on are touched: those the prefetch asked for. */
static bool move_near(const struct wr_tape *tape, struct wr_large *large, int m, int64_t limit)
{
    const struct wr_feature_class *class = tape->class;
    struct wr_mark *mark = mark_at(class, large, m);
    if (mark->chunk == WR_STORE_NO_REF) {
        return false;
    }
    const struct wr_chunk *chunk = wr_store_look(tape->store, mark->chunk);
    unsigned stride = wr_stride(chunk), n_bits = class->n_bits;
    uint64_t mask = wr_low_bytes(chunk->head);
    const uint8_t *end = chunk->bytes + (size_t)chunk->n * stride;
    struct wr_record record;
    for (const uint8_t *p = chunk->bytes + mark->at; p < end; p += stride) {
        uint64_t head = wr_load(p, mask);
        int64_t tick = chunk->base + (int64_t)(head >> n_bits);
        if (tick > limit) {
            mark->next = tick;
            return true;
        }
        wr_chunk_decode(chunk, class, p, head, &record);
        pass_record(tape, m, &record);
        mark->i++;
        mark->at = (uint16_t)(mark->at + stride);
    }
    mark->next = INT64_MAX;
    return mark->chunk == large->last;
}

/* Not at the start of a chunk: a late record may still come in left of it, behind the mark. */
static void stand_at(const struct wr_tape *tape, struct wr_mark *mark,
                     const struct wr_cursor *cursor)
{
    mark->chunk = cursor->i != 0 ? wr_cursor_chunk(tape, cursor) : WR_STORE_NO_REF;
    mark->i = (uint16_t)cursor->i;
    mark->at = cursor->i != 0 ? (uint16_t)(cursor->i * wr_stride(cursor->chunk)) : 0;
}

/* Along the tree, from where it stands: found by the tick of the last move, which may lie behind it
 * in its chunk by now. False when that is too far. */
static bool move_far(const struct wr_tape *tape, struct wr_large *large, int m, int64_t limit)
{
    const struct wr_feature_class *class = tape->class;
    struct wr_mark *mark = mark_at(class, large, m);
    struct wr_cursor cursor;
    struct wr_record record;
    unsigned steps = 0, steps_max = class->n_tallies != 0 ? STEPS_TALLIED_MAX : STEPS_MAX;
    mark->next = INT64_MAX;
    wr_tape_seek(tape, large->tick - class->marks[m], &cursor);
    if (mark->chunk != WR_STORE_NO_REF) {
        WR_ASSERT(wr_cursor_chunk(tape, &cursor) == mark->chunk);
        cursor.i = mark->i;
    }
    while (wr_cursor_settle(tape, &cursor)) {
        wr_chunk_get(cursor.chunk, class, cursor.i, &record);
        if (record.tick > limit) {
            mark->next = record.tick;
            break;
        }
        if (++steps == steps_max) {
            return false;
        }
        pass_record(tape, m, &record);
        cursor.i++;
    }
    stand_at(tape, mark, &cursor);
    return true;
}

/* ── from scratch ───────────────────────────────────────────────────────────────────────────── */
static const uint8_t identity[WR_LIMIT_FEATURE_LANES] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                                         11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                                         22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

static void place_mark(const struct wr_tape *tape, struct wr_mark *mark, int64_t limit)
{
    struct wr_cursor cursor;
    struct wr_record record;
    wr_tape_seek(tape, limit, &cursor);
    stand_at(tape, mark, &cursor);
    mark->next = wr_tape_next(tape, &cursor, &record) ? record.tick : INT64_MAX;
}

/* From the records of its window, if these are not too many: else it overflows. */
static void fill_tally(const struct wr_tape *tape, unsigned i, int64_t tick)
{
    const struct wr_feature_class *class = tape->class;
    const struct wr_tally_lane *lane = &class->tallies[i];
    struct wr_tally *tally = &tallies_of(class, tape->large)[i];
    int64_t end = lane->end == WR_NONE8 ? tick : tick - class->marks[lane->end];
    struct wr_cursor cursor;
    struct wr_record record;
    unsigned steps = 0;
    wr_tally_clear(tape->store, tally);
    wr_tape_seek(tape, tick - class->marks[lane->start], &cursor);
    while (wr_tape_next(tape, &cursor, &record) && record.tick <= end) {
        if (++steps == STEPS_TALLIED_MAX) {
            wr_tally_clear(tape->store, tally);
            tally->overflow = true;
            return;
        }
        uint64_t value = record.columns[lane->column];
        if ((record.bits & lane->mask) == lane->mask && value != 0) {
            wr_tally_add(tape->store, tally, value);
        }
    }
}

/* The head's totals are 0 then, a mark's those of the records right of it, negative. */
static void make_marks(struct wr_walk *walk, const struct wr_tape *tape, struct wr_large *large,
                       int64_t tick)
{
    const struct wr_feature_class *class = tape->class;
    struct wr_cursor cursor;
    memset(mark_at(class, large, -1), 0, class->mark_size);
    wr_walk_start(walk, identity, class->n_counter_lanes, identity, class->n_series_lanes);
    wr_tape_seek(tape, tick, &cursor);
    for (int m = 0; m < class->n_marks; m++) {
        struct wr_mark *mark = mark_at(class, large, m);
        uint64_t *counts = counts_of(mark);
        struct wr_total *totals = totals_of(class, mark);
        wr_walk_pass(walk, tape, &cursor, tick - class->marks[m]);
        for (unsigned i = 0; i < class->n_counter_lanes; i++) {
            counts[i] = -walk->counters[i].n;
        }
        for (unsigned i = 0; i < class->n_series_lanes; i++) {
            const struct wr_series *s = &walk->series[i];
            totals[i] = (struct wr_total){-s->n, -(wr_u128)s->sum};
            if (class->series_lanes[i].squares) {
                squares_of(class, mark)[class->series_lanes[i].rank] = -(wr_u128)s->squares;
            }
        }
        place_mark(tape, mark, tick - class->marks[m]);
    }
    for (unsigned i = 0; i < class->n_tallies; i++) {
        fill_tally(tape, i, tick);
    }
    forget(class, large);
    large->valid = true;
    large->tick = tick;
}

static void move_marks(struct wr_walk *walk, const struct wr_tape *tape, struct wr_large *large,
                       int64_t tick)
{
    const struct wr_feature_class *class = tape->class;
    if (!large->valid) {
        make_marks(walk, tape, large, tick);
        return;
    }
    for (int m = 0; m < class->n_marks; m++) {
        int64_t limit = tick - class->marks[m];
        if (mark_at(class, large, m)->next <= limit && !move_near(tape, large, m, limit) &&
            !move_far(tape, large, m, limit)) {
            make_marks(walk, tape, large, tick);
            return;
        }
    }
    large->tick = tick;
}

void wr_large_prefetch(const struct wr_feature_class *class, const struct wr_store *store,
                       const struct wr_large *large, int64_t tick)
{
    const uint8_t *mark = (const uint8_t *)(large + 1);
    for (int m = 0; large->valid && m < class->n_marks; m++) {
        struct wr_mark at;
        mark += class->mark_size;
        memcpy(&at, mark, sizeof at);
        if (at.next <= tick - class->marks[m] && at.chunk != WR_STORE_NO_REF) {
            const struct wr_chunk *chunk = wr_store_look(store, at.chunk);
            __builtin_prefetch(chunk);
            __builtin_prefetch(chunk->bytes + at.at);
        }
    }
    const struct wr_chunk *last = wr_store_look(store, large->last);
    __builtin_prefetch(last, 1);
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
/* The records of the extreme's window, gathered: along the tree, but for windows that end at the
 * event and lie in the last chunk alone. */
static void gather_window(struct wr_walk *walk, const struct wr_tape *tape,
                          const struct wr_extreme_lane *lane)
{
    const struct wr_feature_class *class = tape->class;
    struct wr_large *large = tape->large;
    const struct wr_mark *start = mark_at(class, large, lane->start);
    int64_t end = lane->end == WR_NONE8 ? large->tick : large->tick - class->marks[lane->end];
    struct wr_cursor cursor;
    wr_walk_start(walk, &lane->lane, lane->counts ? 1 : 0, &lane->lane, lane->counts ? 0 : 1);
    if (lane->end != WR_NONE8 || start->chunk != large->last) {
        wr_tape_seek(tape, end, &cursor);
        wr_walk_pass(walk, tape, &cursor, large->tick - class->marks[lane->start]);
        return;
    }
    const struct wr_chunk *chunk = wr_store_look(tape->store, start->chunk);
    if (lane->counts) {
        wr_count_fold(&walk->counters[0], chunk, class->n_bits,
                      class->counter_lanes[lane->lane].mask, start->i, chunk->n);
    } else {
        wr_series_fold(&walk->series[0], chunk, &class->series_lanes[lane->lane], start->i,
                       chunk->n);
    }
}

static int64_t search_extreme(struct wr_walk *walk, const struct wr_tape *tape, unsigned x)
{
    const struct wr_extreme_lane *lane = &tape->class->extremes[x];
    gather_window(walk, tape, lane);
    const struct wr_series *s = &walk->series[0];
    switch (lane->kind) {
    case WR_EXTREME_MIN:
        return s->min;
    case WR_EXTREME_MAX:
        return s->max;
    case WR_EXTREME_FIRST:
        return s->oldest;
    default:
        return lane->counts ? walk->counters[0].newest : s->newest;
    }
}

static inline int64_t find_extreme(struct wr_walk *walk, const struct wr_tape *tape, unsigned x)
{
    int64_t *extreme = &extremes_of(tape->class, tape->large)[x];
    if (*extreme == WR_EXTREME_UNKNOWN) {
        *extreme = search_extreme(walk, tape, x);
    }
    return *extreme;
}

void wr_large_catch_up(struct wr_walk *walk, const struct wr_tape *tape)
{
    const struct wr_feature_class *class = tape->class;
    struct wr_large *large = tape->large;
    if (large->valid || class->n_tallies != 0) {
        return;
    }
    make_marks(walk, tape, large, large->newest);
    for (unsigned x = 0; x < class->n_extremes; x++) {
        const struct wr_extreme_lane *lane = &class->extremes[x];
        if (count_between(class, large, lane) != 0) {
            find_extreme(walk, tape, x);
        }
    }
}

static inline void *total_at(struct wr_large *large, uint16_t at)
{
    return (uint8_t *)large + at;
}

static void view_series(struct wr_walk *walk, const struct wr_tape *tape,
                        const struct wr_view *view, struct wr_series *series)
{
    const struct wr_total *end = total_at(tape->large, view->end_at);
    const struct wr_total *start = total_at(tape->large, view->start_at);
    series->n = end->n - start->n;
    series->sum = (wr_i128)(end->sum - start->sum);
    series->squares = 0;
    if (view->squares_at != 0) {
        const wr_u128_in_8 *end_squares =
            total_at(tape->large, (uint16_t)(view->end_at + view->squares_at));
        const wr_u128_in_8 *start_squares =
            total_at(tape->large, (uint16_t)(view->start_at + view->squares_at));
        series->squares = *end_squares - *start_squares;
    }
    if (series->n == 0) {
        return;
    }
    int64_t *const into[WR_EXTREME_KINDS] = {&series->min, &series->max, &series->oldest,
                                             &series->newest};
    for (unsigned kind = 0; kind < WR_EXTREME_KINDS; kind++) {
        if (view->extremes[kind] != WR_NONE8) {
            *into[kind] = find_extreme(walk, tape, view->extremes[kind]);
        }
    }
}

static void view_count(struct wr_walk *walk, const struct wr_tape *tape, const struct wr_view *view,
                       struct wr_count *count)
{
    uint8_t newest = view->extremes[WR_EXTREME_LAST];
    const uint64_t *end = total_at(tape->large, view->end_at);
    const uint64_t *start = total_at(tape->large, view->start_at);
    count->n = *end - *start;
    if (newest != WR_NONE8 && count->n != 0) {
        count->newest = find_extreme(walk, tape, newest);
    }
}

/* ── sets ───────────────────────────────────────────────────────────────────────────────────── */
static bool overflows(const struct wr_feature_class *class, struct wr_large *large)
{
    unsigned i = 0;
    while (i < class->n_tallies && !tallies_of(class, large)[i].overflow) {
        i++;
    }
    return i < class->n_tallies;
}

static void read_sets(const struct wr_walk *walk, const struct wr_tape *tape,
                      const struct wr_record *self, const struct wr_walk_bounds *bounds,
                      struct wr_feature_value *values)
{
    const struct wr_feature_class *class = tape->class;
    for (uint32_t i = 0; i < class->n_readers; i++) {
        const struct wr_reader *reader = &class->readers[i];
        if (reader->set == WR_NONE8) {
            continue;
        }
        const struct wr_set_lane *lane = &class->sets[reader->set];
        const struct wr_tally *tally = &tallies_of(class, tape->large)[reader->tally];
        uint64_t own = self->columns[lane->column];
        bool adds = reader->with_self && own != 0 && (self->bits & lane->mask) == lane->mask;
        uint32_t like = lane->like_now || adds ? wr_tally_count(tape->store, tally, own) : 0;
        struct wr_reading reading = {0};
        reading.size = lane->like_now ? like + adds : tally->n + (adds && like == 0 ? 1u : 0u);
        wr_feature_read(walk->plan, class, reader, &reading, self, &values[reader->feature]);
        wr_walk_bound(bounds, self->tick - class->marks[reader->start], &values[reader->feature]);
    }
}

bool wr_large_move(struct wr_walk *walk, const struct wr_tape *tape, int64_t tick)
{
    struct wr_large *large = tape->large;
    if (large == NULL || tick < large->newest || (large->valid && tick < large->tick)) {
        return false;
    }
    move_marks(walk, tape, large, tick);
    return true;
}

bool wr_large_read(struct wr_walk *walk, const struct wr_tape *tape, const struct wr_record *self,
                   const struct wr_walk_bounds *bounds, struct wr_feature_value *values)
{
    const struct wr_feature_class *class = tape->class;
    if (!wr_large_move(walk, tape, self->tick) || overflows(class, tape->large)) {
        return false;
    }
    struct wr_plain plain = wr_plain_of(walk, self, bounds, values);
    for (unsigned v = 0; v < class->n_views; v++) {
        const struct wr_view *view = &class->views[v];
        union wr_gauge *gauge = &walk->views[v];
        if (view->counts) {
            view_count(walk, tape, view, &gauge->count);
            wr_view_add_self(class, view, self, gauge);
            wr_plain_count(&plain, view, &gauge->count);
        } else {
            view_series(walk, tape, view, &gauge->series);
            wr_view_add_self(class, view, self, gauge);
            wr_plain_series(&plain, view, &gauge->series);
        }
    }
    wr_feature_read_others(walk, self, bounds, values);
    if (class->n_sets != 0) {
        read_sets(walk, tape, self, bounds, values);
    }
    return true;
}

/* ── from an image ──────────────────────────────────────────────────────────────────────────── */
struct tallied { /* how many values, and a sum that tells them apart */
    uint64_t n, sum;
};

static void add_value(void *context, uint64_t value, uint32_t n)
{
    struct tallied *tallied = context;
    tallied->n += n;
    tallied->sum += n * wr_mix64(value);
}

/* The records of a tally's window, where the marks stand. */
static struct tallied tally_again(const struct wr_tape *tape, const struct wr_tally_lane *lane)
{
    int64_t tick = tape->large->tick;
    int64_t end = lane->end == WR_NONE8 ? tick : tick - tape->class->marks[lane->end];
    struct tallied found = {0, 0};
    struct wr_cursor cursor;
    struct wr_record record;
    wr_tape_seek(tape, tick - tape->class->marks[lane->start], &cursor);
    while (wr_tape_next(tape, &cursor, &record) && record.tick <= end) {
        uint64_t value = record.columns[lane->column];
        if ((record.bits & lane->mask) == lane->mask && value != 0) {
            add_value(&found, value, 1);
        }
    }
    return found;
}

bool wr_large_restore(const struct wr_tape *tape)
{
    const struct wr_feature_class *class = tape->class;
    struct wr_large *large = tape->large;
    for (int m = 0; m < class->n_marks; m++) {
        place_mark(tape, mark_at(class, large, m), large->tick - class->marks[m]);
    }
    for (unsigned i = 0; i < class->n_tallies; i++) {
        const struct wr_tally *tally = &tallies_of(class, large)[i];
        struct tallied kept = {0, 0}, found;
        if (tally->overflow) {
            continue;
        }
        wr_tally_each(tape->store, tally, add_value, &kept);
        found = tally_again(tape, &class->tallies[i]);
        if (kept.n != found.n || kept.sum != found.sum) {
            return false;
        }
    }
    return true;
}
