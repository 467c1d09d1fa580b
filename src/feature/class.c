/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/class.h"

#include "feature/exact.h"
#include "feature/instant.h"
#include "feature/large.h"

struct layout {
    struct wr_feature_plan *plan;
    struct wr_feature_class *class;
    uint32_t entity;
    struct wr_error *error;
};

static wr_err too_many(const struct layout *l, const char *what, int limit)
{
    struct wr_str name = l->plan->schema->entities[l->entity].name;
    return wr_fail(l->error, WR_E_LIMIT, "the features of entity %.*s need over %d %s",
                   WR_FMT(name), limit, what);
}

static bool skips_self(const struct wr_feature *f)
{
    bool before_it = f->kind == WR_FEATURE_SECONDS_SINCE_LAST ||
                     f->kind == WR_FEATURE_DELTA_TO_LAST || f->kind == WR_FEATURE_SEEN_BEFORE ||
                     f->kind == WR_FEATURE_FIRST_SEEN || f->kind == WR_FEATURE_DISTANCE ||
                     f->kind == WR_FEATURE_SPEED || f->kind == WR_FEATURE_HOME_DISTANCE;
    return f->delay_ms == 0 && (before_it || !f->include_self);
}

static bool is_series(enum wr_feature_kind kind)
{
    switch (kind) {
    case WR_FEATURE_SUM:
    case WR_FEATURE_AVG:
    case WR_FEATURE_MIN:
    case WR_FEATURE_MAX:
    case WR_FEATURE_VARIANCE:
    case WR_FEATURE_STDDEV:
    case WR_FEATURE_CV:
    case WR_FEATURE_FIRST:
    case WR_FEATURE_LAST:
    case WR_FEATURE_DELTA_TO_LAST:
    case WR_FEATURE_ZSCORE:
        return true;
    default:
        return false;
    }
}

static bool is_spread(enum wr_feature_kind kind)
{
    return kind == WR_FEATURE_VARIANCE || kind == WR_FEATURE_STDDEV || kind == WR_FEATURE_CV ||
           kind == WR_FEATURE_ZSCORE;
}

static bool is_like_now(enum wr_feature_kind kind)
{
    return kind == WR_FEATURE_SAME_AS_NOW || kind == WR_FEATURE_SEEN_BEFORE ||
           kind == WR_FEATURE_FIRST_SEEN;
}

static bool is_set(enum wr_feature_kind kind)
{
    return kind == WR_FEATURE_DISTINCT || kind == WR_FEATURE_LINKS || is_like_now(kind);
}

/* ── what is kept ───────────────────────────────────────────────────────────────────────────── */
static uint32_t mask_of(struct wr_feature_class *c, int8_t bit)
{
    if (bit < 0) {
        return 0;
    }
    if (c->bit_of[bit] < 0) {
        c->bit_of[bit] = (int8_t)c->n_bits++;
    }
    return (uint32_t)1 << c->bit_of[bit];
}

static wr_err column_of(const struct layout *l, uint32_t field, uint8_t *column)
{
    struct wr_feature_class *c = l->class;
    for (*column = 0; *column < c->n_columns; ++*column) {
        if (c->columns[*column].field == field) {
            return WR_OK;
        }
    }
    if (c->n_columns == WR_LIMIT_FEATURE_COLUMNS) {
        return too_many(l, "fields", WR_LIMIT_FEATURE_COLUMNS);
    }
    bool key =
        field >= WR_LIMIT_SCHEMA_FIELDS || l->plan->schema->fields[field].type == WR_FIELD_KEY;
    c->columns[c->n_columns++] = (struct wr_column){.field = field, .key = key};
    return WR_OK;
}

static wr_err counter_lane(const struct layout *l, uint32_t mask, uint8_t *lane)
{
    struct wr_feature_class *c = l->class;
    for (*lane = 0; *lane < c->n_counter_lanes; ++*lane) {
        if (c->counter_lanes[*lane].mask == mask) {
            return WR_OK;
        }
    }
    if (c->n_counter_lanes == WR_LIMIT_FEATURE_LANES) {
        return too_many(l, "counters", WR_LIMIT_FEATURE_LANES);
    }
    c->counter_lanes[c->n_counter_lanes++].mask = mask;
    return WR_OK;
}

static wr_err series_lane(const struct layout *l, uint32_t mask, uint8_t column, uint8_t *lane)
{
    struct wr_feature_class *c = l->class;
    for (*lane = 0; *lane < c->n_series_lanes; ++*lane) {
        if (c->series_lanes[*lane].mask == mask && c->series_lanes[*lane].column == column) {
            return WR_OK;
        }
    }
    if (c->n_series_lanes == WR_LIMIT_FEATURE_LANES) {
        return too_many(l, "series", WR_LIMIT_FEATURE_LANES);
    }
    c->series_lanes[c->n_series_lanes++] = (struct wr_series_lane){.mask = mask, .column = column};
    return WR_OK;
}

/* ── gauges: found among those of the group being laid out, which are the last ──────────────── */
static wr_err gauge_of(const struct layout *l, uint8_t *gauges, uint8_t *n, uint8_t from,
                       uint8_t lane, uint8_t *gauge)
{
    for (*gauge = from; *gauge < *n; ++*gauge) {
        if (gauges[*gauge] == lane) {
            return WR_OK;
        }
    }
    if (*n == WR_LIMIT_FEATURE_GAUGES) {
        return too_many(l, "running totals", WR_LIMIT_FEATURE_GAUGES);
    }
    gauges[(*n)++] = lane;
    return WR_OK;
}

static wr_err counter_gauge(const struct layout *l, uint8_t from, uint32_t mask, uint8_t *gauge)
{
    uint8_t lane;
    wr_err err = counter_lane(l, mask, &lane);
    return err == WR_OK ? gauge_of(l, l->class->counters, &l->class->n_counters, from, lane, gauge)
                        : err;
}

static wr_err set_gauge(const struct layout *l, uint8_t from, struct wr_set_lane want,
                        uint8_t *gauge)
{
    struct wr_feature_class *c = l->class;
    for (*gauge = from; *gauge < c->n_sets; ++*gauge) {
        const struct wr_set_lane *set = &c->sets[*gauge];
        if (set->mask == want.mask && set->column == want.column &&
            set->like_now == want.like_now) {
            return WR_OK;
        }
    }
    if (c->n_sets == WR_LIMIT_FEATURE_GAUGES) {
        return too_many(l, "sets", WR_LIMIT_FEATURE_GAUGES);
    }
    c->sets[c->n_sets++] = want;
    return WR_OK;
}

static struct wr_reader reader_of(const struct wr_feature *f, uint32_t feature)
{
    struct wr_reader reader = {.feature = (uint16_t)feature,
                               .kind = (uint8_t)f->kind,
                               .scale = f->scale,
                               .money = f->money,
                               .counter = WR_NONE8,
                               .part = WR_NONE8,
                               .series = WR_NONE8,
                               .set = WR_NONE8,
                               .end = WR_NONE8,
                               .with_self = f->delay_ms == 0 && !skips_self(f),
                               .units_mask = f->money ? -1 : 0,
                               .n_exact = (UINT64_C(1) << 53) / wr_pow10(f->scale),
                               .power = (double)wr_pow10(f->scale)};
    bool integer = f->kind == WR_FEATURE_COUNT, units = f->money && f->kind != WR_FEATURE_AVG;
    struct wr_feature_value head = {.form = integer ? WR_FORM_INTEGER
                                            : units ? WR_FORM_DECIMAL
                                                    : WR_FORM_DOUBLE,
                                    .scale = units ? f->scale : 0};
    memcpy(&reader.head, &head, sizeof reader.head);
    return reader;
}

static wr_err lay_reader(const struct layout *l, const struct wr_group *before, uint32_t feature)
{
    struct wr_feature_class *c = l->class;
    const struct wr_feature *f = &l->plan->features[feature];
    uint32_t mask = mask_of(c, f->where_bit), part = mask | mask_of(c, f->share_bit);
    struct wr_reader reader = reader_of(f, feature);
    uint8_t column = 0, lane;
    wr_err err = f->field != UINT32_MAX ? column_of(l, f->field, &column) : WR_OK;
    if (err == WR_OK && is_series(f->kind)) {
        err = series_lane(l, mask, column, &lane);
        if (err == WR_OK && is_spread(f->kind)) {
            c->series_lanes[lane].squares = true;
        }
        err = err == WR_OK
                  ? gauge_of(l, c->series, &c->n_series, before->series_end, lane, &reader.series)
                  : err;
    } else if (err == WR_OK && is_set(f->kind)) {
        struct wr_set_lane want = {
            .mask = mask, .column = column, .like_now = is_like_now(f->kind)};
        err = set_gauge(l, before->sets_end, want, &reader.set);
    } else if (err == WR_OK) {
        err = counter_gauge(l, before->counters_end, mask, &reader.counter);
        if (err == WR_OK && f->kind == WR_FEATURE_SHARE) {
            err = counter_gauge(l, before->counters_end, part, &reader.part);
        }
    }
    c->readers[c->n_readers++] = reader;
    return err;
}

static bool belongs(const struct layout *l, const struct wr_feature *f, const struct wr_group *g)
{
    return f->entity == l->entity && !wr_feature_is_probe(f) && skips_self(f) == g->skip_self &&
           f->delay_ms == g->delay * l->plan->schema->tick_ms;
}

static wr_err lay_group(const struct layout *l, struct wr_group group)
{
    struct wr_feature_class *c = l->class;
    int64_t tick_ms = l->plan->schema->tick_ms;
    static const struct wr_group nothing;
    const struct wr_group *before = c->n_groups != 0 ? &c->groups[c->n_groups - 1] : &nothing;
    if (c->n_groups == WR_LIMIT_FEATURE_GAUGES) {
        return too_many(l, "different delays", WR_LIMIT_FEATURE_GAUGES);
    }
    c->stops[c->n_stops++] =
        (struct wr_stop){.age = group.delay, .kind = WR_STOP_START, .index = c->n_groups};
    for (uint32_t i = 0; i < l->plan->n_features; i++) {
        const struct wr_feature *f = &l->plan->features[i];
        if (!belongs(l, f, &group)) {
            continue;
        }
        wr_err err = lay_reader(l, before, i);
        if (err != WR_OK) {
            return err;
        }
        int64_t age = (f->delay_ms + f->window_ms) / tick_ms;
        c->retention = WR_MAX(c->retention, age);
        c->stops[c->n_stops++] = (struct wr_stop){
            .age = age, .kind = WR_STOP_READ, .index = (uint16_t)(c->n_readers - 1)};
    }
    group.counters_end = c->n_counters;
    group.series_end = c->n_series;
    group.sets_end = c->n_sets;
    group.readers_end = (uint16_t)c->n_readers;
    c->groups[c->n_groups++] = group;
    return WR_OK;
}

/* The least start after `last`, by (delay, skip_self); false when there is none. */
static bool next_group(const struct layout *l, const struct wr_group *last, struct wr_group *out)
{
    bool found = false;
    for (uint32_t i = 0; i < l->plan->n_features; i++) {
        const struct wr_feature *f = &l->plan->features[i];
        struct wr_group g = {.delay = f->delay_ms / l->plan->schema->tick_ms,
                             .skip_self = skips_self(f)};
        bool after = last == NULL || g.delay > last->delay ||
                     (g.delay == last->delay && g.skip_self && !last->skip_self);
        bool less = !found || g.delay < out->delay ||
                    (g.delay == out->delay && !g.skip_self && out->skip_self);
        if (f->entity == l->entity && !wr_feature_is_probe(f) && after && less) {
            *out = g;
            found = true;
        }
    }
    return found;
}

/* ── probes ─────────────────────────────────────────────────────────────────────────────────── */
static wr_err lay_probe_lanes(const struct layout *l, const struct wr_feature *f,
                              struct wr_probe *probe)
{
    struct wr_feature_class *c = l->class;
    uint32_t mask = mask_of(c, f->where_bit), part = mask | mask_of(c, f->share_bit);
    uint32_t since = mask_of(c, f->since_bit);
    uint8_t column = 0;
    wr_err err = f->field != UINT32_MAX ? column_of(l, f->field, &column) : WR_OK;
    if (err == WR_OK && f->field2 != 0) {
        err = column_of(l, f->field2, &probe->column2);
    }
    probe->set =
        (struct wr_set_lane){.mask = mask, .column = column, .like_now = is_like_now(f->kind)};
    if (err == WR_OK && is_series(f->kind)) {
        err = series_lane(l, mask, column, &probe->lane);
        if (err == WR_OK && is_spread(f->kind)) {
            c->series_lanes[probe->lane].squares = true;
        }
    } else if (err == WR_OK) {
        err = counter_lane(l, mask, &probe->lane);
    }
    if (err == WR_OK && f->kind == WR_FEATURE_SHARE) {
        err = counter_lane(l, part, &probe->part);
    }
    return err == WR_OK && f->since_bit >= 0 ? counter_lane(l, since, &probe->since) : err;
}

static wr_err lay_probe(const struct layout *l, uint32_t feature)
{
    struct wr_feature_class *c = l->class;
    const struct wr_feature *f = &l->plan->features[feature];
    int64_t tick_ms = l->plan->schema->tick_ms;
    struct wr_probe *probe = &c->probes[c->n_probes++];
    *probe = (struct wr_probe){.reader = reader_of(f, feature),
                               .part = WR_NONE8,
                               .since = WR_NONE8,
                               .n = f->n,
                               .window_kind = f->window_kind,
                               .list_at = (uint16_t)c->n_listed,
                               .permille = f->permille,
                               .age = f->window_ms / tick_ms,
                               .delay = f->delay_ms / tick_ms,
                               .baseline = f->baseline_ms / tick_ms,
                               .offset = f->offset_ms / tick_ms};
    c->n_listed += f->n;
    c->uses_sets = c->uses_sets || is_set(f->kind);
    c->retention = WR_MAX(c->retention, probe->age + probe->delay + probe->baseline);
    if (c->n_listed > WR_LIMIT_FEATURE_LISTS) {
        return too_many(l, "values in lists", WR_LIMIT_FEATURE_LISTS);
    }
    return lay_probe_lanes(l, f, probe);
}

static wr_err lay_probes(const struct layout *l)
{
    wr_err err = WR_OK;
    for (uint32_t i = 0; err == WR_OK && i < l->plan->n_features; i++) {
        const struct wr_feature *f = &l->plan->features[i];
        if (f->entity == l->entity && wr_feature_is_probe(f)) {
            err = lay_probe(l, i);
        }
    }
    return err;
}

/* By age; at one age reads come first, which only saves work. Insertion sort: few stops. */
static void sort_stops(struct wr_stop *stops, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        struct wr_stop stop = stops[i];
        uint32_t at = i;
        while (at > 0 && (stops[at - 1].age > stop.age ||
                          (stops[at - 1].age == stop.age && stops[at - 1].kind < stop.kind))) {
            stops[at] = stops[at - 1];
            at--;
        }
        stops[at] = stop;
    }
}

/* ── marks of large tapes ───────────────────────────────────────────────────────────────────── */
/* The mark at this age, which comes in rising order of ages. */
static wr_err mark_for(const struct layout *l, int64_t age, uint8_t *mark)
{
    struct wr_feature_class *c = l->class;
    for (*mark = 0; *mark < c->n_marks; ++*mark) {
        if (c->marks[*mark] == age) {
            return WR_OK;
        }
    }
    if (c->n_marks == WR_LIMIT_FEATURE_MARKS) {
        return too_many(l, "different windows", WR_LIMIT_FEATURE_MARKS);
    }
    c->marks[c->n_marks++] = age;
    return WR_OK;
}

static bool extreme_kind(unsigned kind, uint8_t *extreme)
{
    switch (kind) {
    case WR_FEATURE_MIN:
        *extreme = WR_EXTREME_MIN;
        return true;
    case WR_FEATURE_MAX:
        *extreme = WR_EXTREME_MAX;
        return true;
    case WR_FEATURE_FIRST:
        *extreme = WR_EXTREME_FIRST;
        return true;
    case WR_FEATURE_LAST:
    case WR_FEATURE_DELTA_TO_LAST:
    case WR_FEATURE_SECONDS_SINCE_LAST:
        *extreme = WR_EXTREME_LAST;
        return true;
    default:
        return false;
    }
}

static wr_err lay_extreme(const struct layout *l, struct wr_view *view, uint8_t kind)
{
    struct wr_feature_class *c = l->class;
    struct wr_extreme_lane want = {kind, view->start, view->end, view->counts, view->lane};
    uint8_t *at = &view->extremes[kind];
    for (*at = 0; *at < c->n_extremes; ++*at) {
        if (memcmp(&c->extremes[*at], &want, sizeof want) == 0) {
            return WR_OK;
        }
    }
    if (c->n_extremes == WR_LIMIT_FEATURE_GAUGES) {
        return too_many(l, "running extremes", WR_LIMIT_FEATURE_GAUGES);
    }
    c->delayed_extremes = c->delayed_extremes || view->end != WR_NONE8;
    c->extremes[c->n_extremes++] = want;
    return WR_OK;
}

/* The view of this reader's window over a lane, made if need be. */
static wr_err view_of(const struct layout *l, const struct wr_reader *reader, bool counts,
                      uint8_t lane, uint16_t *at)
{
    struct wr_feature_class *c = l->class;
    for (*at = 0; *at < c->n_views; ++*at) {
        const struct wr_view *v = &c->views[*at];
        if (v->counts == counts && v->lane == lane && v->start == reader->start &&
            v->end == reader->end && v->with_self == reader->with_self) {
            break;
        }
    }
    struct wr_view *view = &c->views[*at];
    if (*at == c->n_views) {
        *view = (struct wr_view){.counts = counts,
                                 .with_self = reader->with_self,
                                 .lane = lane,
                                 .start = reader->start,
                                 .end = reader->end};
        memset(view->extremes, WR_NONE8, sizeof view->extremes);
        memset(view->plain, 0xff, sizeof view->plain);
        c->n_views++;
    }
    uint8_t kind;
    return extreme_kind(reader->kind, &kind) ? lay_extreme(l, view, kind) : WR_OK;
}

static wr_err lay_tally(const struct layout *l, struct wr_reader *reader)
{
    struct wr_feature_class *c = l->class;
    const struct wr_set_lane *set = &c->sets[reader->set];
    struct wr_tally_lane want = {set->mask, set->column, reader->start, reader->end, 0};
    wr_err err = counter_lane(l, set->mask, &want.counter);
    for (reader->tally = 0; err == WR_OK && reader->tally < c->n_tallies; reader->tally++) {
        if (memcmp(&c->tallies[reader->tally], &want, sizeof want) == 0) {
            return WR_OK;
        }
    }
    if (err == WR_OK && c->n_tallies == WR_LIMIT_FEATURE_GAUGES) {
        return too_many(l, "sets", WR_LIMIT_FEATURE_GAUGES);
    }
    if (err == WR_OK) {
        c->tallies[c->n_tallies++] = want;
    }
    return err;
}

static wr_err lay_views(const struct layout *l, struct wr_reader *reader)
{
    struct wr_feature_class *c = l->class;
    if (reader->set != WR_NONE8) {
        return lay_tally(l, reader);
    }
    if (reader->series != WR_NONE8) {
        return view_of(l, reader, false, c->series[reader->series], &reader->view);
    }
    wr_err err = view_of(l, reader, true, c->counters[reader->counter], &reader->view);
    if (err == WR_OK && reader->part != WR_NONE8) {
        err = view_of(l, reader, true, c->counters[reader->part], &reader->part_view);
    }
    return err;
}

static unsigned plain_kind(unsigned kind)
{
    switch (kind) {
    case WR_FEATURE_COUNT:
        return WR_PLAIN_COUNT;
    case WR_FEATURE_SUM:
        return WR_PLAIN_SUM;
    case WR_FEATURE_AVG:
        return WR_PLAIN_AVG;
    case WR_FEATURE_MIN:
        return WR_PLAIN_MIN;
    case WR_FEATURE_MAX:
        return WR_PLAIN_MAX;
    default:
        return WR_PLAIN_KINDS;
    }
}

/* A view reads its plain features itself; a second one of the same kind is among the others. */
static void share_out_readers(struct wr_feature_class *c)
{
    for (uint32_t i = 0; i < c->n_readers; i++) {
        const struct wr_reader *reader = &c->readers[i];
        unsigned kind = plain_kind(reader->kind);
        if (reader->set != WR_NONE8) {
            continue;
        }
        uint16_t *plain = kind != WR_PLAIN_KINDS ? &c->views[reader->view].plain[kind] : NULL;
        if (plain != NULL && *plain == WR_NO_READER) {
            *plain = (uint16_t)i;
        } else {
            c->others[c->n_others++] = (uint16_t)i;
        }
    }
}

/* Stops are sorted by age, so marks come out sorted too, and views by their start. */
static wr_err lay_marks(const struct layout *l)
{
    struct wr_feature_class *c = l->class;
    uint8_t delays[WR_LIMIT_FEATURE_GAUGES];
    wr_err err = WR_OK;
    for (uint32_t i = 0; err == WR_OK && i < c->n_stops; i++) {
        const struct wr_stop *stop = &c->stops[i];
        uint8_t mark = WR_NONE8;
        err = stop->age != 0 ? mark_for(l, stop->age, &mark) : WR_OK;
        if (stop->kind == WR_STOP_START) {
            delays[stop->index] = mark;
        } else {
            c->readers[stop->index].start = mark;
        }
    }
    for (uint32_t i = 0, group = 0; i < c->n_readers; i++) {
        while (c->groups[group].readers_end <= i) {
            group++;
        }
        c->readers[i].end = delays[group];
    }
    for (uint32_t i = 0; err == WR_OK && i < c->n_stops; i++) {
        if (c->stops[i].kind == WR_STOP_READ) {
            err = lay_views(l, &c->readers[c->stops[i].index]);
        }
    }
    if (err == WR_OK) {
        share_out_readers(c);
    }
    for (unsigned m = 0, x = 0; m <= c->n_marks; m++) {
        while (x < c->n_extremes && c->extremes[x].start < m) {
            x++;
        }
        c->extremes_from[m] = (uint8_t)x;
    }
    if (err == WR_OK && !wr_large_shape(c)) {
        return too_many(l, "bytes of running totals", 32768);
    }
    return err;
}

static wr_err lay_class(struct wr_arena *arena, struct layout *l, uint32_t *n_label_classes)
{
    struct wr_feature_class *c = l->class;
    memset(c->bit_of, -1, sizeof c->bit_of);
    c->label_rank = WR_NONE8;
    c->readers = WR_NEW_ARRAY(arena, struct wr_reader, l->plan->n_features);
    c->stops = WR_NEW_ARRAY(arena, struct wr_stop, (size_t)l->plan->n_features * 2);
    c->probes = WR_NEW_ARRAY(arena, struct wr_probe, l->plan->n_features);
    c->views = WR_NEW_ARRAY(arena, struct wr_view, (size_t)l->plan->n_features * 2);
    c->others = WR_NEW_ARRAY(arena, uint16_t, l->plan->n_features);
    if (c->readers == NULL || c->stops == NULL || c->views == NULL || c->probes == NULL ||
        c->others == NULL) {
        return wr_fail(l->error, WR_E_MEMORY, "no room for the features");
    }
    struct wr_group group = {0};
    const struct wr_group *last = NULL;
    while (next_group(l, last, &group)) {
        wr_err err = lay_group(l, group);
        if (err != WR_OK) {
            return err;
        }
        last = &c->groups[c->n_groups - 1];
    }
    sort_stops(c->stops, c->n_stops);
    wr_err err = lay_probes(l);
    c->used = c->n_readers + c->n_probes != 0;
    c->uses_sets = c->uses_sets || c->n_sets != 0;
    err = err == WR_OK ? lay_marks(l) : err;
    if (err != WR_OK) {
        return err;
    }
    wr_tree_shape(c);
    for (uint32_t i = 0; i < l->plan->n_labels && c->label_rank == WR_NONE8; i++) {
        if (c->bit_of[i] >= 0) {
            c->label_rank = (uint8_t)(*n_label_classes)++;
        }
    }
    return *n_label_classes <= WR_LIMIT_FEATURE_LABEL_ENTITIES
               ? WR_OK
               : wr_fail(l->error, WR_E_LIMIT, "over %d kinds of entity have features over labels",
                         WR_LIMIT_FEATURE_LABEL_ENTITIES);
}

wr_err wr_class_layout(struct wr_arena *arena, struct wr_feature_plan *plan, struct wr_error *error)
{
    uint32_t n = plan->schema->n_entities, n_label_classes = 0;
    plan->classes = WR_NEW_ARRAY(arena, struct wr_feature_class, n);
    if (plan->classes == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the features");
    }
    for (uint32_t i = 0; i < n; i++) {
        struct layout l = {.plan = plan, .class = &plan->classes[i], .entity = i, .error = error};
        wr_err err = lay_class(arena, &l, &n_label_classes);
        if (err != WR_OK) {
            return err;
        }
    }
    return WR_OK;
}
