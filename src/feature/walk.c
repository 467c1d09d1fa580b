/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/walk.h"

#include "feature/read.h"

/* ── folding ────────────────────────────────────────────────────────────────────────────────── */
static void fold_records(struct wr_walk *walk, const struct wr_chunk *chunk, unsigned from,
                         unsigned to)
{
    const struct wr_feature_class *class = walk->class;
    for (unsigned g = 0; g < walk->n_counters; g++) {
        wr_count_fold(&walk->counters[g], chunk, class->n_bits,
                      class->counter_lanes[walk->counter_lanes[g]].mask, from, to);
    }
    for (unsigned g = 0; g < walk->n_series; g++) {
        wr_series_fold(&walk->series[g], chunk, &class->series_lanes[walk->series_lanes[g]], from,
                       to);
    }
    for (unsigned g = 0; g < walk->n_sets; g++) {
        wr_set_fold(&walk->sets[g], chunk, &class->sets[g], from, to);
    }
}

static void fold_child(struct wr_walk *walk, struct wr_child *child)
{
    const struct wr_feature_class *class = walk->class;
    for (unsigned g = 0; g < walk->n_counters; g++) {
        wr_count_merge(&walk->counters[g], &wr_child_counts(child)[walk->counter_lanes[g]]);
    }
    for (unsigned g = 0; g < walk->n_series; g++) {
        wr_series_merge(&walk->series[g], &wr_child_series(class, child)[walk->series_lanes[g]]);
    }
}

/* Starts a group. The event itself, at age 0, belongs to those without delay that do not skip it.
 */
static void start_group(struct wr_walk *walk, unsigned index, const struct wr_record *self)
{
    const struct wr_feature_class *class = walk->class;
    const struct wr_group *group = &class->groups[index];
    bool with_self = group->delay == 0 && !group->skip_self;
    for (; walk->n_counters < group->counters_end; walk->n_counters++) {
        struct wr_count *count = &walk->counters[walk->n_counters];
        *count = (struct wr_count){0};
        if (with_self) {
            wr_count_record(count, class->counter_lanes[class->counters[walk->n_counters]].mask,
                            self);
        }
    }
    for (; walk->n_series < group->series_end; walk->n_series++) {
        struct wr_series *series = &walk->series[walk->n_series];
        *series = (struct wr_series){0};
        if (with_self) {
            wr_series_record(series, &class->series_lanes[class->series[walk->n_series]], self);
        }
    }
    for (; walk->n_sets < group->sets_end; walk->n_sets++) {
        wr_set_clear(&walk->sets[walk->n_sets], &class->sets[walk->n_sets], self);
        if (with_self) {
            wr_set_record(&walk->sets[walk->n_sets], &class->sets[walk->n_sets], self);
        }
    }
}

/* ── moving left ────────────────────────────────────────────────────────────────────────────── */
enum { LEAP = 8 }; /* records looked over at once where time allows */

/* Within the chunk, over all records younger than `tick`; true when one that is not remains. */
static bool pass_records(struct wr_walk *walk, struct wr_cursor *cursor, int64_t tick)
{
    const struct wr_chunk *chunk = cursor->chunk;
    unsigned n_bits = walk->class->n_bits, stride = wr_stride(chunk), to = cursor->i, from = to;
    uint64_t mask = wr_low_bytes(chunk->head);
    if (tick < chunk->base) {
        from = 0;
    } else {
        uint64_t offset = (uint64_t)(tick - chunk->base);
        const uint8_t *p = chunk->bytes + (size_t)to * stride;
        const size_t leap = (size_t)LEAP * stride;
        while (from >= LEAP && wr_load(p - leap, mask) >> n_bits > offset) {
            p -= leap;
            from -= LEAP;
        }
        while (from > 0 && wr_load(p - stride, mask) >> n_bits > offset) {
            p -= stride;
            from--;
        }
    }
    if (from < to && walk->n_counters + walk->n_series + walk->n_sets != 0) {
        fold_records(walk, chunk, from, to);
    }
    cursor->i = from;
    return from > 0;
}

/* Sets have no totals: while one is being filled every record is looked at. */
static bool fills_sets(const struct wr_walk *walk)
{
    unsigned g = 0;
    if (walk->by_record) {
        return true;
    }
    while (g < walk->n_sets && wr_set_is_full(&walk->sets[g])) {
        g++;
    }
    return g < walk->n_sets;
}

/* To the right end of the chunk before the cursor's, skipping whole children that are younger than
 * `tick` by their totals; false when the tape begins here. */
static bool previous_chunk(struct wr_walk *walk, const struct wr_tape *tape,
                           struct wr_cursor *cursor, int64_t tick)
{
    uint32_t step = tape->height;
    while (step > 0) {
        struct wr_node *node = cursor->path[step - 1].node;
        uint32_t at = cursor->path[step - 1].at;
        if (at == 0) {
            step--;
            continue;
        }
        cursor->path[step - 1].at = --at;
        struct wr_child *child = wr_child_at(walk->class, node, at);
        if (child->first > tick && !fills_sets(walk)) {
            fold_child(walk, child);
        } else if (step == tape->height) {
            cursor->chunk = wr_store_at(tape->store, child->ref);
            cursor->i = cursor->chunk->n;
            return true;
        } else {
            cursor->path[step].node = wr_store_at(tape->store, child->ref);
            cursor->path[step].at = cursor->path[step].node->n;
            step++;
        }
    }
    return false;
}

/* Over all records younger than `tick`. */
void wr_walk_pass(struct wr_walk *walk, const struct wr_tape *tape, struct wr_cursor *cursor,
                  int64_t tick)
{
    while (cursor->chunk != NULL && !pass_records(walk, cursor, tick)) {
        if (!previous_chunk(walk, tape, cursor, tick)) {
            cursor->chunk = NULL; /* the tape has no older record */
        }
    }
}

void wr_walk_start(struct wr_walk *walk, const uint8_t *counter_lanes, unsigned n_counters,
                   const uint8_t *series_lanes, unsigned n_series)
{
    walk->counter_lanes = counter_lanes;
    walk->series_lanes = series_lanes;
    walk->n_counters = (uint8_t)n_counters;
    walk->n_series = (uint8_t)n_series;
    walk->n_sets = 0;
    walk->by_record = false;
    memset(walk->counters, 0, n_counters * sizeof walk->counters[0]);
    memset(walk->series, 0, n_series * sizeof walk->series[0]);
}

bool wr_walk_back(struct wr_walk *walk, const struct wr_tape *tape, struct wr_cursor *cursor,
                  int64_t tick, struct wr_record *record)
{
    walk->by_record = true;
    while (cursor->chunk != NULL && cursor->i == 0) {
        if (!previous_chunk(walk, tape, cursor, tick)) {
            cursor->chunk = NULL;
        }
    }
    if (cursor->chunk == NULL) {
        return false;
    }
    wr_chunk_get(cursor->chunk, tape->class, --cursor->i, record);
    return record->tick > tick;
}

/* The gauges of a reader as its window ends. */
static void read_gauges(const struct wr_walk *walk, const struct wr_reader *reader,
                        const struct wr_record *self, struct wr_feature_value *value)
{
    struct wr_reading reading = {
        .count = reader->counter != WR_NONE8 ? &walk->counters[reader->counter] : NULL,
        .part = reader->part != WR_NONE8 ? &walk->counters[reader->part] : NULL,
        .series = reader->series != WR_NONE8 ? &walk->series[reader->series] : NULL,
    };
    if (reader->set != WR_NONE8) {
        reading.size = wr_set_size(&walk->sets[reader->set], &reading.approximate);
    }
    wr_feature_read(walk->plan, walk->class, reader, &reading, self, value);
}

void wr_walk_tape(struct wr_walk *walk, const struct wr_tape *tape, const struct wr_record *self,
                  const struct wr_walk_bounds *bounds, struct wr_feature_value *values)
{
    const struct wr_feature_class *class = walk->class;
    struct wr_cursor cursor;
    wr_walk_start(walk, class->counters, 0, class->series, 0);
    int64_t passed = -1;
    wr_tape_seek(tape, self->tick, &cursor);
    for (uint32_t i = 0; i < class->n_stops; i++) {
        const struct wr_stop *stop = &class->stops[i];
        if (stop->age != passed) { /* many features share a window */
            wr_walk_pass(walk, tape, &cursor, self->tick - stop->age);
            passed = stop->age;
        }
        if (stop->kind == WR_STOP_START) {
            start_group(walk, stop->index, self);
        } else {
            const struct wr_reader *reader = &class->readers[stop->index];
            struct wr_feature_value *value = &values[reader->feature];
            read_gauges(walk, reader, self, value);
            wr_walk_bound(bounds, self->tick - stop->age, value);
        }
    }
}
