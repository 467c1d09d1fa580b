/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/fleet_plan.h"

#include "base/num.h"

struct laying {
    struct wr_arena *arena;
    struct wr_feature_plan *plan;
    struct wr_fleet_plan *fleet;
    struct wr_error *error;
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

int64_t wr_fleet_slot(const struct wr_fleet_series *series, int64_t time_ms)
{
    return floor_div(time_ms, series->slot_ms);
}

int64_t wr_fleet_period(int64_t slot)
{
    return floor_div(slot, WR_FLEET_SLOTS);
}

void wr_fleet_periods(const struct wr_fleet_series *series, int64_t time_ms, int64_t *from,
                      int64_t *to)
{
    *from = wr_fleet_period(wr_fleet_slot(series, time_ms - series->far_ms));
    *to = wr_fleet_period(wr_fleet_slot(series, time_ms - series->near_ms));
}

static wr_err too_many(const struct laying *l, const char *what, int limit)
{
    return wr_fail(l->error, WR_E_LIMIT, "features of scope fleet have over %d %s", limit, what);
}

/* ── names ──────────────────────────────────────────────────────────────────────────────────── */
/* Names must agree between nodes, so their key is no secret. */
static uint64_t tag_of(const struct wr_buf *text)
{
    static const struct wr_hash_key key = {UINT64_C(0x7765697220666c65),
                                           UINT64_C(0x6574207469746c65)};
    return wr_siphash13(key, text->p, text->n);
}

static void add_bit(struct wr_buf *text, const struct wr_feature_plan *plan, int8_t bit)
{
    wr_buf_char(text, '|');
    if (bit >= WR_LIMIT_FEATURE_LABELS) {
        wr_buf_str(text, plan->conditions[bit - WR_LIMIT_FEATURE_LABELS]);
    }
}

static void add_column(struct wr_buf *text, const struct laying *l, const struct wr_feature *f)
{
    add_bit(text, l->plan, f->where_bit);
    add_bit(text, l->plan, f->share_bit);
    if (f->field != UINT32_MAX) {
        const struct wr_field *field = &l->plan->schema->fields[f->field];
        wr_format(text, "|%.*s|%d|%u", WR_FMT(field->path.text), (int)field->type, field->scale);
    }
}

static void add_entity(struct wr_buf *text, const struct wr_entity *entity)
{
    wr_buf_str(text, entity->name);
    for (uint32_t i = 0; i < entity->n_parts; i++) {
        wr_buf_char(text, '|');
        wr_buf_str(text, entity->parts[i].text);
    }
    wr_format(text, "|%u|%u|%u", entity->prefix, entity->cidr4, entity->cidr6);
}

/* ── one feature ────────────────────────────────────────────────────────────────────────────── */
static wr_err find_series(const struct laying *l, const struct wr_feature *f, uint8_t *at)
{
    struct wr_fleet_plan *fleet = l->fleet;
    int64_t tick = l->plan->schema->tick_ms;
    int64_t ticks = (f->window_ms / tick + WR_FLEET_SLOTS - 1) / WR_FLEET_SLOTS;
    int64_t slot_ms = ticks * tick, far_ms = f->delay_ms + f->window_ms;
    for (*at = 0; *at < fleet->n_series; ++*at) {
        struct wr_fleet_series *series = &fleet->series[*at];
        if (series->entity == f->entity && series->slot_ms == slot_ms) {
            series->near_ms = WR_MIN(series->near_ms, f->delay_ms);
            series->far_ms = WR_MAX(series->far_ms, far_ms);
            return WR_OK;
        }
    }
    if (fleet->n_series == WR_LIMIT_FLEET_SERIES) {
        return too_many(l, "lengths of windows", WR_LIMIT_FLEET_SERIES);
    }
    struct wr_buf text = wr_buf_in(l->arena, 256);
    add_entity(&text, &l->plan->schema->entities[f->entity]);
    wr_format(&text, "|%lld", (long long)slot_ms);
    if (text.overflow) {
        return wr_fail(l->error, WR_E_MEMORY, "no room for the features");
    }
    fleet->series[fleet->n_series++] = (struct wr_fleet_series){.entity = f->entity,
                                                                .slot_ms = slot_ms,
                                                                .near_ms = f->delay_ms,
                                                                .far_ms = far_ms,
                                                                .tag = tag_of(&text)};
    fleet->entities |= UINT32_C(1) << f->entity;
    return WR_OK;
}

static wr_err find_column(const struct laying *l, const struct wr_feature *f,
                          struct wr_fleet_series *series, uint8_t *at)
{
    for (*at = 0; *at < series->n_columns; ++*at) {
        const struct wr_fleet_column *column = &series->columns[*at];
        if (column->field == f->field && column->where_bit == f->where_bit &&
            column->share_bit == f->share_bit) {
            return WR_OK;
        }
    }
    if (series->n_columns == WR_LIMIT_FLEET_COLUMNS) {
        return too_many(l, "different aggregates of one window", WR_LIMIT_FLEET_COLUMNS);
    }
    struct wr_buf text = wr_buf_in(l->arena, 256);
    add_column(&text, l, f);
    if (text.overflow) {
        return wr_fail(l->error, WR_E_MEMORY, "no room for the features");
    }
    series->columns[series->n_columns++] = (struct wr_fleet_column){.field = f->field,
                                                                    .where_bit = f->where_bit,
                                                                    .share_bit = f->share_bit,
                                                                    .tag = (uint32_t)tag_of(&text)};
    l->fleet->n_columns = WR_MAX(l->fleet->n_columns, series->n_columns);
    return WR_OK;
}

static wr_err lay_feature(const struct laying *l, uint32_t i)
{
    struct wr_fleet_plan *fleet = l->fleet;
    struct wr_feature *f = &l->plan->features[i];
    if (fleet->n_features == WR_LIMIT_FLEET_FEATURES) {
        return too_many(l, "members", WR_LIMIT_FLEET_FEATURES);
    }
    struct wr_fleet_feature *out = &fleet->features[fleet->n_features];
    *out = (struct wr_fleet_feature){.feature = i};
    wr_err err = find_series(l, f, &out->series);
    err = err == WR_OK ? find_column(l, f, &fleet->series[out->series], &out->column) : err;
    if (err != WR_OK) {
        return err;
    }
    struct wr_buf text = wr_buf_in(l->arena, 256);
    add_entity(&text, &l->plan->schema->entities[f->entity]);
    wr_format(&text, "|%lld|%lld", (long long)f->window_ms, (long long)f->delay_ms);
    add_column(&text, l, f);
    out->tag = tag_of(&text);
    f->fleet_at = (uint8_t)fleet->n_features++;
    return text.overflow ? wr_fail(l->error, WR_E_MEMORY, "no room for the features") : WR_OK;
}

static wr_err check_reach(const struct laying *l)
{
    for (uint32_t i = 0; i < l->fleet->n_series; i++) {
        const struct wr_fleet_series *series = &l->fleet->series[i];
        int64_t slots = (series->far_ms - series->near_ms) / series->slot_ms + 1;
        if (slots / WR_FLEET_SLOTS + 2 > WR_LIMIT_FLEET_PERIODS) {
            return wr_fail(l->error, WR_E_LIMIT,
                           "entity %.*s: delays of features of scope fleet and one window differ "
                           "by over %d windows",
                           WR_FMT(l->plan->schema->entities[series->entity].name),
                           WR_LIMIT_FLEET_PERIODS - 3);
        }
    }
    return WR_OK;
}

wr_err wr_fleet_layout(struct wr_arena *arena, struct wr_feature_plan *plan, struct wr_error *error)
{
    struct laying l = {.arena = arena, .plan = plan, .error = error};
    wr_err err = WR_OK;
    for (uint32_t i = 0; err == WR_OK && i < plan->n_features; i++) {
        if (!plan->features[i].fleet) {
            continue;
        }
        if (l.fleet == NULL) {
            l.fleet = plan->fleet = WR_NEW(arena, struct wr_fleet_plan);
        }
        err = l.fleet != NULL ? lay_feature(&l, i)
                              : wr_fail(error, WR_E_MEMORY, "no room for the features");
    }
    return err == WR_OK && l.fleet != NULL ? check_reach(&l) : err;
}
