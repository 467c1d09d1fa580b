/* SPDX-License-Identifier: Apache-2.0 */
/* x_1 <= ... <= x_n the values of the window in order:
 *
 *   median        x_(n+1)/2, or the mean of the two in the middle
 *   percentile    the nearest rank: x_k, k = ceil(p n / 100)
 *   mode          the most frequent, of several the smallest
 *   rate_change   (records / window) / (records of the baseline before it / baseline)
 *   distance      km between the event's place and the place before it
 *   speed         that distance / hours between, at least one tick
 *   home_distance km to the place whose coordinates are the medians of those in the window */
#include "feature/probe.h"

#include "feature/exact.h"
#include "feature/fleet.h"
#include "feature/geo.h"
#include "feature/instant.h"
#include "feature/read.h"

enum { PLACES_LOOKED_AT = 256 /* for home; and for the place before this one */ };

struct probing {
    struct wr_walk *walk;
    const struct wr_tape *tape;
    const struct wr_record *self;
    const struct wr_probe *probe;
    struct wr_feature_value *value;
    int64_t start, end; /* the window is (start, end] */
    int64_t *lists;
};

static void miss(const struct probing *p, enum wr_feature_presence why)
{
    const struct wr_feature *f = &p->walk->plan->features[p->probe->reader.feature];
    wr_feature_read_missing(f, why, p->value);
}

static void put_number(const struct probing *p, double d)
{
    *p->value = (struct wr_feature_value){.form = WR_FORM_DOUBLE, .number = d};
}

static void put_units(const struct probing *p, int64_t units)
{
    const struct wr_reader *r = &p->probe->reader;
    memcpy(p->value, &r->head, sizeof r->head);
    p->value->units = units & r->units_mask;
    p->value->number = wr_ratio(units, wr_pow10(r->scale));
    p->value->value = NULL;
}

/* ── where the window starts ────────────────────────────────────────────────────────────────── */
static int64_t floor_to(int64_t v, int64_t step)
{
    int64_t rest = v % step;
    return v - (rest < 0 ? rest + step : rest);
}

/* The last tick before the window. Monday was three days before 1970 began. */
static int64_t calendar_start(const struct wr_probe *probe, int64_t end, int64_t tick_ms)
{
    int64_t day = WR_MS_PER_D / tick_ms, at = end + probe->offset;
    int64_t start = probe->window_kind == WR_WINDOW_DAY ? floor_to(at, day)
                                                        : floor_to(at + 3 * day, 7 * day) - 3 * day;
    return start - probe->offset - 1;
}

static void find_window(struct probing *p)
{
    const struct wr_probe *probe = p->probe;
    struct wr_cursor cursor;
    p->end = p->self->tick - probe->delay;
    p->start = p->end - probe->age;
    if (probe->window_kind == WR_WINDOW_DAY || probe->window_kind == WR_WINDOW_WEEK) {
        p->start = calendar_start(probe, p->end, p->walk->plan->schema->tick_ms);
    }
    if (probe->since != WR_NONE8) {
        wr_tape_seek(p->tape, p->end, &cursor);
        wr_walk_start(p->walk, &probe->since, 1, NULL, 0);
        wr_walk_pass(p->walk, p->tape, &cursor, p->start);
        const struct wr_count *found = &p->walk->counters[0];
        p->start = found->n != 0 ? found->newest : p->start;
    }
}

/* ── what other nodes add ───────────────────────────────────────────────────────────────────── */
/* False when the feature is of the fleet, nothing is known of the other nodes, and it says so. */
static bool ask_others(const struct probing *p, uint64_t n, struct wr_fleet_share **out)
{
    const struct wr_feature *f = &p->walk->plan->features[p->probe->reader.feature];
    struct wr_fleet_share *share =
        f->fleet && p->walk->others != NULL ? &p->walk->others[f->fleet_at] : NULL;
    *out = NULL;
    if (!f->fleet) {
        return true;
    }
    if (share == NULL || !share->known || share->stale_ms > f->stale_ms) {
        if (!f->own_when_stale) {
            miss(p, WR_FEATURE_STALE);
        }
        return f->own_when_stale;
    }
    share->counted = true;
    share->count_max = n + share->totals.n + share->edge;
    *out = share;
    return true;
}

static void add_to_series(struct wr_series *series, const struct wr_fleet_totals *more)
{
    if (more->n != 0) {
        series->min = series->n == 0 ? more->min : WR_MIN(series->min, more->min);
        series->max = series->n == 0 ? more->max : WR_MAX(series->max, more->max);
        series->n += more->n;
        series->sum += more->sum;
    }
}

/* ── running totals over it ─────────────────────────────────────────────────────────────────── */
static void read_totals(const struct probing *p, bool series)
{
    struct wr_walk *walk = p->walk;
    const struct wr_feature_class *class = p->tape->class;
    const struct wr_probe *probe = p->probe;
    const uint8_t counters[2] = {probe->lane, probe->part};
    struct wr_fleet_share *share;
    struct wr_cursor cursor;
    wr_tape_seek(p->tape, p->end, &cursor);
    if (series) {
        wr_walk_start(walk, NULL, 0, &probe->lane, 1);
    } else {
        wr_walk_start(walk, counters, probe->part != WR_NONE8 ? 2 : 1, NULL, 0);
    }
    wr_walk_pass(walk, p->tape, &cursor, p->start);
    if (series) {
        const struct wr_series_lane *lane = &class->series_lanes[probe->lane];
        if (probe->reader.with_self) {
            wr_series_newer(&walk->series[0], lane, p->self);
        }
        if (!ask_others(p, walk->series[0].n, &share)) {
            return;
        }
        if (share != NULL) {
            add_to_series(&walk->series[0], &share->totals);
        }
        wr_feature_read_series(walk->plan, &probe->reader, &walk->series[0],
                               p->self->columns[lane->column], p->value);
        return;
    }
    for (unsigned i = 0; probe->reader.with_self && i < walk->n_counters; i++) {
        wr_count_newer(&walk->counters[i], class->counter_lanes[counters[i]].mask, p->self);
    }
    if (!ask_others(p, walk->counters[0].n, &share)) {
        return;
    }
    if (share != NULL) {
        walk->counters[0].n += share->totals.n;
        walk->counters[1].n += probe->part != WR_NONE8 ? share->totals.part : 0;
    }
    struct wr_reading reading = {.count = &walk->counters[0], .part = &walk->counters[1]};
    wr_feature_read_count(walk->plan, &probe->reader, &reading, p->self->tick, p->value);
}

static void read_rate_change(const struct probing *p)
{
    struct wr_walk *walk = p->walk;
    const struct wr_probe *probe = p->probe;
    struct wr_cursor cursor;
    wr_tape_seek(p->tape, p->end, &cursor);
    wr_walk_start(walk, &probe->lane, 1, NULL, 0);
    wr_walk_pass(walk, p->tape, &cursor, p->start);
    uint64_t n = walk->counters[0].n;
    wr_walk_pass(walk, p->tape, &cursor, p->start - probe->baseline);
    uint64_t before = walk->counters[0].n - n;
    uint32_t mask = probe->set.mask;
    n += probe->reader.with_self && (p->self->bits & mask) == mask ? 1 : 0;
    if (before == 0) {
        miss(p, WR_FEATURE_NO_HISTORY);
        return;
    }
    put_number(p, wr_ratio((wr_i128)n * probe->baseline, (wr_u128)before * (uint64_t)probe->age));
}

static void read_set(const struct probing *p)
{
    struct wr_walk *walk = p->walk;
    const struct wr_set_lane *lane = &p->probe->set;
    struct wr_set *set = &walk->sets[0];
    struct wr_cursor cursor;
    struct wr_record record;
    struct wr_reading reading = {0};
    wr_set_clear(set, lane, p->self);
    if (p->probe->reader.with_self) {
        wr_set_record(set, lane, p->self);
    }
    wr_tape_seek(p->tape, p->end, &cursor);
    wr_walk_start(walk, NULL, 0, NULL, 0);
    while (!wr_set_is_full(set) && wr_walk_back(walk, p->tape, &cursor, p->start, &record)) {
        if (set->records++ < WR_LIMIT_SET_RECORDS) {
            wr_set_record(set, lane, &record);
        }
    }
    reading.size = wr_set_size(set, &reading.approximate);
    wr_feature_read_set(walk->plan, &p->probe->reader, &reading, p->self->columns[lane->column],
                        p->value);
}

/* ── values themselves ──────────────────────────────────────────────────────────────────────── */
static bool take_value(const struct probing *p, const struct wr_record *record, uint8_t column,
                       int64_t *out)
{
    uint32_t mask = p->probe->set.mask;
    uint64_t kept = record->columns[column];
    *out = kept != 0 ? wr_number_kept(kept) : 0;
    return kept != 0 && (record->bits & mask) == mask;
}

/* The newest values of the window, newest first, up to n_max; `more` when there are others. */
static uint32_t take_values(const struct probing *p, uint32_t n_max, bool *more)
{
    int64_t *sample = p->walk->sample, v;
    struct wr_cursor cursor;
    struct wr_record record;
    uint32_t n = 0, looked_at = 0;
    *more = false;
    if (p->probe->reader.with_self && take_value(p, p->self, p->probe->set.column, &v)) {
        sample[n++] = v;
    }
    wr_tape_seek(p->tape, p->end, &cursor);
    wr_walk_start(p->walk, NULL, 0, NULL, 0);
    while (wr_walk_back(p->walk, p->tape, &cursor, p->start, &record)) {
        if (n == n_max || looked_at++ == WR_LIMIT_SET_RECORDS) {
            *more = true;
            break;
        }
        if (take_value(p, &record, p->probe->set.column, &v)) {
            sample[n++] = v;
        }
    }
    return n;
}

/* Heap sort: no recursion, no bad cases. */
static void sift(int64_t *v, uint32_t at, uint32_t n)
{
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && v[child + 1] > v[child] ? 1 : 0;
        if (v[at] >= v[child]) {
            return;
        }
        int64_t t = v[at];
        v[at] = v[child];
        v[child] = t;
    }
}

static void sort(int64_t *v, uint32_t n)
{
    for (uint32_t i = n / 2; i-- > 0;) {
        sift(v, i, n);
    }
    for (uint32_t end = n; end-- > 1;) {
        int64_t t = v[0];
        v[0] = v[end];
        v[end] = t;
        sift(v, 0, end);
    }
}

static int64_t mode_of(const int64_t *sorted, uint32_t n)
{
    uint32_t best = 0, run = 0;
    int64_t mode = sorted[0];
    for (uint32_t i = 0; i < n; i++) {
        run = i > 0 && sorted[i] == sorted[i - 1] ? run + 1 : 1;
        if (run > best) {
            best = run;
            mode = sorted[i];
        }
    }
    return mode;
}

static void read_order(const struct probing *p)
{
    const int64_t *x = p->walk->sample;
    bool more;
    uint32_t n = take_values(p, WR_LIMIT_FEATURE_SAMPLE, &more);
    if (n == 0) {
        miss(p, WR_FEATURE_NO_HISTORY);
        return;
    }
    sort(p->walk->sample, n);
    if (p->probe->reader.kind == WR_FEATURE_MODE) {
        put_units(p, mode_of(x, n));
    } else if (p->probe->reader.kind == WR_FEATURE_MEDIAN) {
        wr_i128 twice = (wr_i128)x[(n - 1) / 2] + x[n / 2];
        put_number(p, wr_ratio(twice, (wr_u128)2 * wr_pow10(p->probe->reader.scale)));
    } else {
        uint64_t rank = ((uint64_t)p->probe->permille * n + 99999) / 100000;
        put_units(p, x[rank - 1]);
    }
    p->value->approximate = more;
}

static void read_list(const struct probing *p)
{
    bool top = p->probe->reader.kind == WR_FEATURE_TOP_N, more;
    int64_t *sample = p->walk->sample, *out = p->lists + p->probe->list_at;
    uint32_t n = take_values(p, top ? WR_LIMIT_FEATURE_SAMPLE : p->probe->n, &more);
    uint32_t size = WR_MIN(n, (uint32_t)p->probe->n);
    if (n == 0) {
        miss(p, WR_FEATURE_NO_HISTORY);
        return;
    }
    if (top) {
        sort(sample, n);
    }
    for (uint32_t i = 0; i < size; i++) {
        out[i] = top ? sample[n - 1 - i] : sample[i];
    }
    *p->value = (struct wr_feature_value){.form = WR_FORM_LIST,
                                          .scale = p->probe->reader.scale,
                                          .approximate = top && more,
                                          .units = size,
                                          .list = out};
}

/* ── places ─────────────────────────────────────────────────────────────────────────────────── */
static bool take_place(const struct probing *p, const struct wr_record *record,
                       struct wr_place *place)
{
    int64_t latitude, longitude;
    double power = (double)(int64_t)wr_pow10(p->probe->reader.scale);
    if (!take_value(p, record, p->probe->set.column, &latitude) ||
        !take_value(p, record, p->probe->column2, &longitude)) {
        return false;
    }
    *place = (struct wr_place){(double)latitude / power, (double)longitude / power};
    return wr_place_is_valid(place);
}

/* The median of one column over the places of the window, its newest 256. */
static bool home_of(const struct probing *p, uint8_t column, double *degrees)
{
    int64_t *sample = p->walk->sample;
    struct wr_cursor cursor;
    struct wr_record record;
    struct wr_place place;
    uint32_t n = 0, looked_at = 0;
    wr_tape_seek(p->tape, p->end, &cursor);
    wr_walk_start(p->walk, NULL, 0, NULL, 0);
    while (looked_at++ < WR_LIMIT_FEATURE_SAMPLE && n < PLACES_LOOKED_AT &&
           wr_walk_back(p->walk, p->tape, &cursor, p->start, &record)) {
        if (take_place(p, &record, &place)) {
            (void)take_value(p, &record, column, &sample[n++]);
        }
    }
    if (n == 0) {
        return false;
    }
    sort(sample, n);
    *degrees = wr_ratio((wr_i128)sample[(n - 1) / 2] + sample[n / 2],
                        (wr_u128)2 * wr_pow10(p->probe->reader.scale));
    return true;
}

static bool place_before(const struct probing *p, struct wr_place *place, int64_t *tick)
{
    struct wr_cursor cursor;
    struct wr_record record;
    wr_tape_seek(p->tape, p->end, &cursor);
    wr_walk_start(p->walk, NULL, 0, NULL, 0);
    for (uint32_t i = 0; i < PLACES_LOOKED_AT; i++) {
        if (!wr_walk_back(p->walk, p->tape, &cursor, p->start, &record)) {
            return false;
        }
        if (take_place(p, &record, place)) {
            *tick = record.tick;
            return true;
        }
    }
    return false;
}

static void read_place(const struct probing *p)
{
    uint8_t kind = p->probe->reader.kind;
    struct wr_place own, other;
    struct wr_record self = *p->self;
    int64_t tick = 0;
    self.bits = UINT32_MAX; /* `where` is about the places to compare with */
    if (!take_place(p, &self, &own)) {
        miss(p, WR_FEATURE_FIELD_ABSENT);
        return;
    }
    bool found = kind == WR_FEATURE_HOME_DISTANCE
                     ? home_of(p, p->probe->set.column, &other.latitude) &&
                           home_of(p, p->probe->column2, &other.longitude)
                     : place_before(p, &other, &tick);
    if (!found) {
        miss(p, WR_FEATURE_NO_HISTORY);
        return;
    }
    double km = wr_place_distance(&own, &other);
    int64_t ticks = WR_MAX(p->self->tick - tick, (int64_t)1);
    double hours = (double)(ticks * p->walk->plan->schema->tick_ms) / 3600000.0;
    put_number(p, kind == WR_FEATURE_SPEED ? km / hours : km);
}

static void read_probe(const struct probing *p)
{
    switch (p->probe->reader.kind) {
    case WR_FEATURE_RATE_CHANGE:
        read_rate_change(p);
        break;
    case WR_FEATURE_MEDIAN:
    case WR_FEATURE_PERCENTILE:
    case WR_FEATURE_MODE:
        read_order(p);
        break;
    case WR_FEATURE_LAST_N:
    case WR_FEATURE_TOP_N:
        read_list(p);
        break;
    case WR_FEATURE_DISTANCE:
    case WR_FEATURE_SPEED:
    case WR_FEATURE_HOME_DISTANCE:
        read_place(p);
        break;
    case WR_FEATURE_DISTINCT:
    case WR_FEATURE_LINKS:
    case WR_FEATURE_SAME_AS_NOW:
    case WR_FEATURE_SEEN_BEFORE:
    case WR_FEATURE_FIRST_SEEN:
        read_set(p);
        break;
    case WR_FEATURE_COUNT:
    case WR_FEATURE_SHARE:
    case WR_FEATURE_SECONDS_SINCE_LAST:
        read_totals(p, false);
        break;
    default:
        read_totals(p, true);
        break;
    }
}

void wr_probe_tape(struct wr_walk *walk, const struct wr_tape *tape, const struct wr_record *self,
                   const struct wr_walk_bounds *bounds, int64_t *lists,
                   struct wr_feature_value *values)
{
    const struct wr_feature_class *class = tape->class;
    for (uint32_t i = 0; i < class->n_probes; i++) {
        struct probing p = {.walk = walk,
                            .tape = tape,
                            .self = self,
                            .probe = &class->probes[i],
                            .value = &values[class->probes[i].reader.feature],
                            .lists = lists};
        find_window(&p);
        read_probe(&p);
        wr_walk_bound(bounds, p.start - p.probe->baseline, p.value);
    }
}
