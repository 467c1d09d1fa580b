/* SPDX-License-Identifier: Apache-2.0 */
/* With n records that have the field, x_i its scaled integers, s its scale, S = sum x_i,
 * Q = sum x_i^2:
 *
 *   avg       S / (n 10^s)                              variance  (n Q - S^2) / (n (n-1) 10^2s)
 *   stddev    sqrt(variance)                            cv        stddev / avg
 *   zscore    (x - avg) / stddev                        share     records with the bit / records
 *
 *   same_as_now   records whose key is the event's own      seen_before   1 if there is one, else 0
 *
 * Averages and variances are one correctly rounded division of exact integers; what follows is one
 * IEEE operation each. variance, stddev, cv and zscore need n >= 2, cv an average other than 0,
 * zscore a stddev other than 0. */
#include "feature/read.h"

#include <math.h>

#include "feature/exact.h"

static void put_integer(struct wr_feature_value *value, int64_t n)
{
    *value = (struct wr_feature_value){.form = WR_FORM_INTEGER, .units = n, .number = (double)n};
}

static void put_double(struct wr_feature_value *value, double d)
{
    *value = (struct wr_feature_value){.form = WR_FORM_DOUBLE, .number = d};
}

/* Money keeps its scale; other numbers are the double next to them. */
static void put_units(const struct wr_reader *r, wr_i128 units, struct wr_feature_value *value)
{
    double number = wr_ratio(units, wr_pow10(r->scale));
    bool fits = units <= INT64_MAX && units >= -INT64_MAX;
    if (!r->money || !fits) {
        put_double(value, number);
        return;
    }
    *value = (struct wr_feature_value){
        .form = WR_FORM_DECIMAL, .scale = r->scale, .units = (int64_t)units, .number = number};
}

void wr_feature_read_missing(const struct wr_feature *feature, enum wr_feature_presence why,
                             struct wr_feature_value *value)
{
    int64_t units;
    if (!feature->has_fallback) {
        *value = (struct wr_feature_value){.presence = (uint8_t)why};
    } else if (wr_number_to_i64(&feature->fallback, &units)) {
        put_integer(value, units);
    } else {
        put_double(value, wr_number_to_double(&feature->fallback));
    }
}

/* ── spread ─────────────────────────────────────────────────────────────────────────────────── */
static double average(const struct wr_series *s, unsigned scale)
{
    return wr_ratio(s->sum, (wr_u128)s->n * wr_pow10(scale));
}

/* Sample variance; n >= 2. The exact numerator has over 127 bits only for sums that no currency
 * reaches; then doubles take over, alike on every build. They do so for a number of events that
 * nobody has seen, too: a damaged image may tell of one. */
static double variance(const struct wr_series *s, unsigned scale)
{
    wr_u128 size = s->sum < 0 ? -(wr_u128)s->sum : (wr_u128)s->sum, nq = 0, ss = 0;
    double power = (double)(int64_t)wr_pow10(scale);
    bool exact = !__builtin_mul_overflow((wr_u128)s->squares, (wr_u128)s->n, &nq) &&
                 !__builtin_mul_overflow(size, size, &ss) && nq >> 127 == 0 && s->n >> 62 == 0;
    if (!exact) {
        double mean = wr_ratio(s->sum, s->n);
        double squares = (double)(uint64_t)(s->squares >> 64) * 18446744073709551616.0 +
                         (double)(uint64_t)s->squares;
        double v = (squares - wr_ratio(s->sum, 1) * mean) / (double)(s->n - 1);
        return (v > 0 ? v : 0) / (power * power);
    }
    wr_u128 pairs = (wr_u128)s->n * (s->n - 1), scale2 = (wr_u128)wr_pow10(scale) * wr_pow10(scale);
    wr_u128 above = nq > ss ? nq - ss : 0, denominator;
    if (__builtin_mul_overflow(pairs, scale2, &denominator) || denominator >> 126 != 0) {
        return wr_ratio((wr_i128)above, pairs) / (power * power);
    }
    return wr_ratio((wr_i128)above, denominator);
}

static void read_spread(const struct wr_feature_plan *plan, const struct wr_reader *r,
                        const struct wr_series *s, uint64_t own, struct wr_feature_value *value)
{
    if (r->kind == WR_FEATURE_ZSCORE && own == 0) {
        wr_feature_read_missing(&plan->features[r->feature], WR_FEATURE_FIELD_ABSENT, value);
        return;
    }
    double v = s->n >= 2 ? variance(s, r->scale) : 0, mean = 0, deviation = sqrt(v);
    if (s->n >= 2) {
        mean = average(s, r->scale);
    }
    bool undefined = s->n < 2 || (r->kind == WR_FEATURE_CV && s->sum == 0) ||
                     (r->kind == WR_FEATURE_ZSCORE && v == 0);
    if (undefined) {
        wr_feature_read_missing(&plan->features[r->feature], WR_FEATURE_NO_HISTORY, value);
    } else if (r->kind == WR_FEATURE_VARIANCE) {
        put_double(value, v);
    } else if (r->kind == WR_FEATURE_STDDEV) {
        put_double(value, deviation);
    } else if (r->kind == WR_FEATURE_CV) {
        put_double(value, deviation / mean);
    } else {
        double x = wr_ratio(wr_number_kept(own), wr_pow10(r->scale));
        put_double(value, (x - mean) / deviation);
    }
}

/* ── values of the window ───────────────────────────────────────────────────────────────────── */
static void read_series(const struct wr_feature_plan *plan, const struct wr_reader *r,
                        const struct wr_series *s, uint64_t own, struct wr_feature_value *value)
{
    if (r->kind == WR_FEATURE_SUM) {
        put_units(r, s->sum, value);
        return;
    }
    if (r->kind == WR_FEATURE_DELTA_TO_LAST && own == 0) {
        wr_feature_read_missing(&plan->features[r->feature], WR_FEATURE_FIELD_ABSENT, value);
        return;
    }
    if (s->n == 0) {
        wr_feature_read_missing(&plan->features[r->feature], WR_FEATURE_NO_HISTORY, value);
        return;
    }
    switch (r->kind) {
    case WR_FEATURE_AVG:
        put_double(value, average(s, r->scale));
        break;
    case WR_FEATURE_MIN:
        put_units(r, s->min, value);
        break;
    case WR_FEATURE_MAX:
        put_units(r, s->max, value);
        break;
    case WR_FEATURE_FIRST:
        put_units(r, s->oldest, value);
        break;
    case WR_FEATURE_LAST:
        put_units(r, s->newest, value);
        break;
    case WR_FEATURE_DELTA_TO_LAST:
        put_units(r, (wr_i128)wr_number_kept(own) - s->newest, value);
        break;
    default:
        WR_UNREACHABLE();
    }
}

void wr_feature_read_set(const struct wr_feature_plan *plan, const struct wr_reader *r,
                         const struct wr_reading *reading, uint64_t own,
                         struct wr_feature_value *value)
{
    if (r->kind != WR_FEATURE_DISTINCT && r->kind != WR_FEATURE_LINKS && own == 0) {
        wr_feature_read_missing(&plan->features[r->feature], WR_FEATURE_FIELD_ABSENT, value);
        return;
    }
    int64_t n = (int64_t)reading->size;
    bool seen = r->kind == WR_FEATURE_SEEN_BEFORE, first = r->kind == WR_FEATURE_FIRST_SEEN;
    put_integer(value, seen ? n != 0 : first ? n == 0 : n);
    value->approximate = reading->approximate && !((seen || first) && n != 0);
}

static bool is_spread(unsigned kind)
{
    return kind == WR_FEATURE_VARIANCE || kind == WR_FEATURE_STDDEV || kind == WR_FEATURE_CV ||
           kind == WR_FEATURE_ZSCORE;
}

void wr_feature_read(const struct wr_feature_plan *plan, const struct wr_feature_class *class,
                     const struct wr_reader *reader, const struct wr_reading *reading,
                     const struct wr_record *self, struct wr_feature_value *value)
{
    if (reader->series != WR_NONE8) {
        uint64_t own = self->columns[class->series_lanes[class->series[reader->series]].column];
        wr_feature_read_series(plan, reader, reading->series, own, value);
    } else if (reader->set != WR_NONE8) {
        wr_feature_read_set(plan, reader, reading, self->columns[class->sets[reader->set].column],
                            value);
    } else {
        wr_feature_read_count(plan, reader, reading, self->tick, value);
    }
}

void wr_feature_read_series(const struct wr_feature_plan *plan, const struct wr_reader *reader,
                            const struct wr_series *series, uint64_t own,
                            struct wr_feature_value *value)
{
    if (is_spread(reader->kind)) {
        read_spread(plan, reader, series, own, value);
    } else {
        read_series(plan, reader, series, own, value);
    }
}

void wr_feature_read_count(const struct wr_feature_plan *plan, const struct wr_reader *reader,
                           const struct wr_reading *reading, int64_t tick,
                           struct wr_feature_value *value)
{
    const struct wr_count *count = reading->count;
    if (reader->kind == WR_FEATURE_COUNT) {
        put_integer(value, (int64_t)count->n);
    } else if (reader->kind == WR_FEATURE_SHARE) {
        put_double(value, count->n == 0 ? 0 : wr_ratio((wr_i128)reading->part->n, count->n));
    } else if (count->n == 0) {
        wr_feature_read_missing(&plan->features[reader->feature], WR_FEATURE_NO_HISTORY, value);
    } else {
        int64_t ms = (tick - count->newest) * plan->schema->tick_ms;
        put_double(value, wr_ratio(ms, 1000));
    }
}

void wr_feature_read_others(const struct wr_walk *walk, const struct wr_record *self,
                            const struct wr_walk_bounds *bounds, struct wr_feature_value *values)
{
    const struct wr_feature_class *class = walk->class;
    for (uint32_t i = 0; i < class->n_others; i++) {
        const struct wr_reader *r = &class->readers[class->others[i]];
        const union wr_gauge *view = &walk->views[r->view];
        struct wr_reading reading = {.count = &view->count,
                                     .part = &walk->views[r->part_view].count,
                                     .series = &view->series};
        wr_feature_read(walk->plan, class, r, &reading, self, &values[r->feature]);
        wr_walk_bound(bounds, self->tick - class->marks[r->start], &values[r->feature]);
    }
}
