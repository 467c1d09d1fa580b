/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/scan.h"

#include "feature/read.h"

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

/* Views come by rising start, so each lane's totals up to the last one go on from there. */
static void view_counts(const struct scan *s, const struct wr_view *view, struct wr_count *running,
                        unsigned *passed, struct wr_count *out)
{
    unsigned from = s->from[view->start];
    if (view->end != WR_NONE8) {
        *out = (struct wr_count){0};
        fold_count(s, view->lane, from, s->from[view->end], out);
        return;
    }
    fold_count(s, view->lane, from, *passed, running);
    *passed = from;
    *out = *running;
}

static void view_series(const struct scan *s, const struct wr_view *view, struct wr_series *running,
                        unsigned *passed, struct wr_series *out)
{
    const struct wr_series_lane *lane = &s->class->series_lanes[view->lane];
    unsigned from = s->from[view->start];
    if (view->end != WR_NONE8) {
        *out = (struct wr_series){0};
        wr_series_fold(out, s->chunk, lane, from, s->from[view->end]);
        return;
    }
    if (from != *passed) {
        wr_series_fold(running, s->chunk, lane, from, *passed);
        *passed = from;
    }
    *out = *running;
}

static void fill_views(const struct scan *s, struct wr_walk *walk)
{
    const struct wr_feature_class *class = s->class;
    unsigned counts_passed[WR_LIMIT_FEATURE_LANES], series_passed[WR_LIMIT_FEATURE_LANES];
    memset(walk->counters, 0, class->n_counter_lanes * sizeof walk->counters[0]);
    memset(walk->series, 0, class->n_series_lanes * sizeof walk->series[0]);
    for (unsigned i = 0; i < WR_LIMIT_FEATURE_LANES; i++) {
        counts_passed[i] = series_passed[i] = s->at;
    }
    for (unsigned v = 0; v < class->n_views; v++) {
        const struct wr_view *view = &class->views[v];
        unsigned lane = view->lane;
        if (view->counts) {
            view_counts(s, view, &walk->counters[lane], &counts_passed[lane],
                        &walk->views[v].count);
        } else {
            view_series(s, view, &walk->series[lane], &series_passed[lane], &walk->views[v].series);
        }
    }
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
    struct scan s = {.class = tape->class};
    WR_ASSERT(tape->height == 0);
    if (tape->ref != WR_STORE_NO_REF) {
        s.chunk = wr_store_look(tape->store, tape->ref);
        find_marks(&s, self->tick);
        fill_views(&s, walk);
    } else {
        memset(walk->views, 0, s.class->n_views * sizeof walk->views[0]);
    }
    for (unsigned v = 0; v < s.class->n_views; v++) {
        wr_view_add_self(s.class, &s.class->views[v], self, &walk->views[v]);
    }
    wr_feature_read_views(walk, self, bounds, values);
    read_sets(&s, walk, self, bounds, values);
}
