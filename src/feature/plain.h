/* SPDX-License-Identifier: Apache-2.0 */
/* The plain features of a view (class.h): count, sum, avg, min, max. Nearly all vectors consist of
 * them, so they are read side by side, each by one operation where all its numbers are doubles, and
 * by wr_feature_read else. */
#ifndef WR_FEATURE_PLAIN_H
#define WR_FEATURE_PLAIN_H

#include "feature/read.h"

#define WR_DOUBLES ((int64_t)1 << 53) /* integers up to here are doubles */

struct wr_plain { /* what all views of one reading share */
    const struct wr_walk *walk;
    const struct wr_record *self; /* the event */
    const struct wr_walk_bounds *bounds;
    int64_t least; /* windows that start before it lack history */
    struct wr_feature_value *values;
};

static inline struct wr_plain wr_plain_of(const struct wr_walk *walk, const struct wr_record *self,
                                          const struct wr_walk_bounds *bounds,
                                          struct wr_feature_value *values)
{
    int64_t least = WR_MAX(bounds->held_since, bounds->kept_since);
    return (struct wr_plain){walk, self, bounds, least - 1, values};
}

static inline void wr_plain_put(const struct wr_reader *r, int64_t units, double number,
                                struct wr_feature_value *value)
{
    memcpy(value, &r->head, sizeof r->head);
    value->units = units;
    value->number = number;
    value->value = NULL;
}

static inline void wr_plain_bound(const struct wr_plain *plain, const struct wr_view *view)
{
    const struct wr_feature_class *class = plain->walk->class;
    int64_t start = plain->self->tick - class->marks[view->start];
    if (WR_LIKELY(start >= plain->least)) {
        return;
    }
    for (unsigned kind = 0; kind < WR_PLAIN_KINDS; kind++) {
        if (view->plain[kind] != WR_NO_READER) {
            const struct wr_reader *r = &class->readers[view->plain[kind]];
            wr_walk_bound(plain->bounds, start, &plain->values[r->feature]);
        }
    }
}

static inline void wr_plain_count(const struct wr_plain *plain, const struct wr_view *view,
                                  const struct wr_count *count)
{
    if (view->plain[WR_PLAIN_COUNT] != WR_NO_READER) {
        const struct wr_reader *r = &plain->walk->class->readers[view->plain[WR_PLAIN_COUNT]];
        int64_t n = (int64_t)count->n;
        wr_plain_put(r, n, (double)n, &plain->values[r->feature]);
        wr_plain_bound(plain, view);
    }
}

/* One kind: `units` over `by` times 10^scale, if `doubles`. */
static inline __attribute__((always_inline)) void wr_plain_quotient(const struct wr_plain *plain,
                                                                    const struct wr_view *view,
                                                                    unsigned kind, int64_t units,
                                                                    bool doubles,
                                                                    const struct wr_series *series)
{
    if (view->plain[kind] == WR_NO_READER) {
        return;
    }
    const struct wr_walk *walk = plain->walk;
    const struct wr_reader *r = &walk->class->readers[view->plain[kind]];
    struct wr_feature_value *value = &plain->values[r->feature];
    bool avg = kind == WR_PLAIN_AVG;
    if (WR_LIKELY(doubles && (!avg || series->n - 1 < r->n_exact))) {
        double by = avg ? (double)(int64_t)series->n * r->power : r->power;
        wr_plain_put(r, avg ? 0 : units & r->units_mask, (double)units / by, value);
    } else {
        struct wr_reading reading = {.series = series};
        wr_feature_read(walk->plan, walk->class, r, &reading, plain->self, value);
    }
}

static inline void wr_plain_series(const struct wr_plain *plain, const struct wr_view *view,
                                   const struct wr_series *series)
{
    int64_t sum = (int64_t)series->sum;
    bool doubles = sum == series->sum && sum <= WR_DOUBLES && sum >= -WR_DOUBLES;
    bool any = series->n != 0;
    wr_plain_quotient(plain, view, WR_PLAIN_SUM, sum, doubles, series);
    wr_plain_quotient(plain, view, WR_PLAIN_AVG, sum, doubles, series);
    wr_plain_quotient(plain, view, WR_PLAIN_MIN, series->min, any, series);
    wr_plain_quotient(plain, view, WR_PLAIN_MAX, series->max, any, series);
    wr_plain_bound(plain, view);
}

#endif
