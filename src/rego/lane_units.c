/* SPDX-License-Identifier: Apache-2.0 */
/* Which lanes begin alike: these become one unit, compiled together. */
#include "rego/lane.h"

/* The beginning of a lane that others may share: an expression, or the term that one tests. NULL:
 * it has none. */
const struct wr_plan_term *wr_shared_term(struct compiler *c, const struct wr_plan_expr *e)
{
    struct wr_test test;
    const struct wr_plan_term *source;
    bool ok = !e->negated && e->kind != WR_PLAN_UNIFY && wr_test_of(c, e, &test, &source) &&
              test.form != WR_TEST_TRUE && test.form != WR_TEST_PREFIX;
    return ok ? source : NULL;
}

static bool can_share(const struct wr_level *level, const struct wr_lane *lane)
{
    if (!level->state->collects || level->depth >= WR_LANE_LEVELS || lane->opaque || lane->failed ||
        lane->n_tests > 0 || lane->at >= lane->n || !lane->cannot_err ||
        lane->scope.bindings.n_vars > WR_LANE_VARS) {
        return false;
    }
    const struct wr_plan_expr *e = wr_lane_expr(lane, lane->at);
    return !e->negated && e->n_with == 0 && e->n_before == 0 && e->kind != WR_PLAN_EVERY;
}

/* True if both begin alike; then `same` pairs their variables. */
bool wr_begin_alike(struct compiler *c, const struct wr_lane *a, const struct wr_lane *b,
                    bool *is_value, struct wr_same *same)
{
    const struct wr_plan_expr *x = wr_lane_expr(a, a->at), *y = wr_lane_expr(b, b->at);
    wr_lane_enter(c, a);
    const struct wr_plan_term *left = wr_shared_term(c, x);
    wr_lane_enter(c, b);
    const struct wr_plan_term *right = wr_shared_term(c, y);
    *is_value = left != NULL;
    if (!wr_same_init(c->arena, same, &a->scope, &b->scope)) {
        c->no_room = true;
        return false;
    }
    return left != NULL && right != NULL   ? wr_same_term(same, left, right)
           : left == NULL && right == NULL ? wr_same_expr(same, x, y)
                                           : false;
}

static uint64_t shape_of(struct compiler *c, const struct wr_lane *lane)
{
    wr_lane_enter(c, lane);
    const struct wr_plan_expr *e = wr_lane_expr(lane, lane->at);
    const struct wr_plan_term *t = wr_shared_term(c, e);
    return t != NULL ? wr_shape_of_term(t) : ~wr_shape_of_expr(e);
}

static bool join(struct compiler *c, struct wr_lane_unit *unit, struct wr_lane *lane, uint32_t room)
{
    if (unit->n == 1) { /* the first one's own place so far */
        struct wr_lane **lanes = WR_NEW_ARRAY(c->arena, struct wr_lane *, room);
        if (lanes == NULL) {
            c->no_room = true;
            return false;
        }
        lanes[0] = unit->lanes[0];
        unit->lanes = lanes;
    }
    unit->lanes[unit->n++] = lane;
    return true;
}

/* Lanes to units: *n units in the order of their first lanes. */
struct wr_lane_unit *wr_make_units(struct compiler *c, const struct wr_level *level,
                                   struct wr_lane **lanes, uint32_t n, uint32_t *n_units)
{
    struct wr_lane_unit *units = WR_NEW_ARRAY(c->arena, struct wr_lane_unit, n);
    struct wr_name_map by_shape = {0};
    *n_units = 0;
    if (units == NULL) {
        c->no_room = true;
        return NULL;
    }
    for (uint32_t i = 0; i < n && !c->no_room; i++) {
        bool share = can_share(level, lanes[i]), joined = false;
        uint64_t shape = share ? shape_of(c, lanes[i]) : 0;
        const uint32_t *first = share ? wr_name_map_get_id(&by_shape, shape) : NULL;
        if (first != NULL) {
            struct wr_arena_mark mark = wr_arena_mark(c->arena);
            struct wr_same same;
            struct wr_lane_unit *unit = &units[*first];
            joined = wr_begin_alike(c, unit->lanes[0], lanes[i], &unit->is_value, &same);
            wr_arena_rewind(c->arena, mark);
            joined = joined && join(c, unit, lanes[i], n);
        }
        if (!joined) {
            if (share && first == NULL &&
                !wr_name_map_put_id(&by_shape, c->arena, shape, *n_units)) {
                c->no_room = true;
            }
            units[(*n_units)++] = (struct wr_lane_unit){&lanes[i], 1, false};
        }
    }
    return units;
}
