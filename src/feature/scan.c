/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/scan.h"

#include "feature/plain.h"

struct scan {
    const struct wr_feature_class *class;
    const struct wr_chunk *chunk; /* NULL: the tape is empty */
    unsigned at;                  /* records no newer than the event */
    /* from[m]: records that mark m has passed, as if the chunk were a large tape (large.h). */
    unsigned from[WR_LIMIT_FEATURE_MARKS];
};

static void find_marks(struct scan *s, int64_t now)
{
    const struct wr_chunk *chunk = s->chunk;
    unsigned n_bits = s->class->n_bits, stride = wr_stride(chunk), i;
    uint64_t mask = wr_low_bytes(chunk->head);
    i = s->at = wr_chunk_after(chunk, n_bits, now);
    for (unsigned m = 0; m < s->class->n_marks; m++) {
        int64_t limit = now - s->class->marks[m];
        if (limit < chunk->base) { /* so do all further ones */
            memset(&s->from[m], 0, (s->class->n_marks - m) * sizeof s->from[0]);
            return;
        }
        uint64_t offset = (uint64_t)(limit - chunk->base);
        const uint8_t *p = chunk->bytes + (size_t)i * stride;
        while (i > 0 && wr_load(p - stride, mask) >> n_bits > offset) {
            p -= stride;
            i--;
        }
        s->from[m] = i;
    }
}

static void fold_count(const struct scan *s, uint8_t lane, unsigned from, unsigned to,
                       struct wr_count *count)
{
    wr_count_fold(count, s->chunk, s->class->n_bits, s->class->counter_lanes[lane].mask, from, to);
}

/* Totals of a lane up to a start, with the event itself or without: views come by rising start, so
 * they go on from one to the next. Those that end before the event are gathered alone. */
struct running {
    unsigned counts_passed[2 * WR_LIMIT_FEATURE_LANES], series_passed[2 * WR_LIMIT_FEATURE_LANES];
};
enum { ALONE = 2 * WR_LIMIT_FEATURE_LANES }; /* the gauge of those */
_Static_assert((int)ALONE < WR_LIMIT_FEATURE_GAUGES, "room in struct wr_walk");

static unsigned running_of(const struct wr_view *view)
{
    return view->lane * 2u + view->with_self;
}

static void start_running(const struct scan *s, struct wr_walk *walk, const struct wr_record *self,
                          struct running *running)
{
    const struct wr_feature_class *class = s->class;
    for (unsigned i = 0; i < class->n_counter_lanes; i++) { /* one or two: no call for them */
        walk->counters[2 * i] = walk->counters[2 * i + 1] = (struct wr_count){0};
        running->counts_passed[2 * i] = running->counts_passed[2 * i + 1] = s->at;
        wr_count_record(&walk->counters[2 * i + 1], class->counter_lanes[i].mask, self);
    }
    for (unsigned i = 0; i < class->n_series_lanes; i++) {
        walk->series[2 * i] = walk->series[2 * i + 1] = (struct wr_series){0};
        running->series_passed[2 * i] = running->series_passed[2 * i + 1] = s->at;
        wr_series_record(&walk->series[2 * i + 1], &class->series_lanes[i], self);
    }
}

static const struct wr_count *view_counts(const struct scan *s, const struct wr_view *view,
                                          struct wr_walk *walk, struct running *running)
{
    struct wr_count *count = &walk->counters[running_of(view)];
    unsigned from = s->from[view->start], *passed = &running->counts_passed[running_of(view)];
    if (view->end != WR_NONE8) {
        count = &walk->counters[ALONE];
        *count = (struct wr_count){0};
        fold_count(s, view->lane, from, s->from[view->end], count);
    } else if (from != *passed) {
        fold_count(s, view->lane, from, *passed, count);
        *passed = from;
    }
    return count;
}

static const struct wr_series *view_series(const struct scan *s, const struct wr_view *view,
                                           struct wr_walk *walk, struct running *running)
{
    const struct wr_series_lane *lane = &s->class->series_lanes[view->lane];
    struct wr_series *series = &walk->series[running_of(view)];
    unsigned from = s->from[view->start], *passed = &running->series_passed[running_of(view)];
    if (view->end != WR_NONE8) {
        series = &walk->series[ALONE];
        *series = (struct wr_series){0};
        if (from != s->from[view->end]) {
            wr_series_fold(series, s->chunk, lane, from, s->from[view->end]);
        }
    } else if (from != *passed) {
        wr_series_fold(series, s->chunk, lane, from, *passed);
        *passed = from;
    }
    return series;
}

static void read_views(const struct scan *s, struct wr_walk *walk, const struct wr_record *self,
                       const struct wr_walk_bounds *bounds, struct wr_feature_value *values)
{
    const struct wr_feature_class *class = s->class;
    struct wr_plain plain = wr_plain_of(walk, self, bounds, values);
    struct running running;
    start_running(s, walk, self, &running);
    for (unsigned v = 0; v < class->n_views; v++) {
        const struct wr_view *view = &class->views[v];
        union wr_gauge *kept = class->n_others != 0 ? &walk->views[v] : NULL;
        if (view->counts) {
            const struct wr_count *count = view_counts(s, view, walk, &running);
            wr_plain_count(&plain, view, count);
            if (kept != NULL) {
                kept->count = *count;
            }
        } else {
            const struct wr_series *series = view_series(s, view, walk, &running);
            wr_plain_series(&plain, view, series);
            if (kept != NULL) {
                kept->series = *series;
            }
        }
    }
    wr_feature_read_others(walk, self, bounds, values);
}

/* One set after the other, each over the records of its window alone. */
static void read_sets(const struct scan *s, struct wr_walk *walk, const struct wr_record *self,
                      const struct wr_walk_bounds *bounds, struct wr_feature_value *values)
{
    const struct wr_feature_class *class = s->class;
    for (uint32_t i = 0; class->n_sets != 0 && i < class->n_readers; i++) {
        const struct wr_reader *reader = &class->readers[i];
        if (reader->set == WR_NONE8) {
            continue;
        }
        const struct wr_set_lane *lane = &class->sets[reader->set];
        struct wr_set *set = &walk->sets[0];
        wr_set_clear(set, lane, self);
        if (reader->with_self) {
            wr_set_record(set, lane, self);
        }
        if (s->chunk != NULL) {
            unsigned to = reader->end != WR_NONE8 ? s->from[reader->end] : s->at;
            wr_set_fold(set, s->chunk, lane, s->from[reader->start], to);
        }
        struct wr_reading reading = {0};
        reading.size = wr_set_size(set, &reading.approximate);
        wr_feature_read(walk->plan, class, reader, &reading, self, &values[reader->feature]);
        wr_walk_bound(bounds, self->tick - class->marks[reader->start], &values[reader->feature]);
    }
}

void wr_scan_tape(struct wr_walk *walk, const struct wr_tape *tape, const struct wr_record *self,
                  const struct wr_walk_bounds *bounds, struct wr_feature_value *values)
{
    struct scan s;
    WR_ASSERT(tape->height == 0);
    s.class = tape->class;
    if (tape->ref != WR_STORE_NO_REF) {
        s.chunk = wr_store_look(tape->store, tape->ref);
        find_marks(&s, self->tick);
    } else {
        s.chunk = NULL;
        s.at = 0;
        memset(s.from, 0, s.class->n_marks * sizeof s.from[0]);
    }
    read_views(&s, walk, self, bounds, values);
    read_sets(&s, walk, self, bounds, values);
}
