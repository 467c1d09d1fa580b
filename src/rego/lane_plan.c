/* SPDX-License-Identifier: Apache-2.0 */
/* What an index over units asks: which tests are worth a dimension, which terms are computed once,
 * which comprehensions are counted together. */
#include "rego/lane.h"

static uint32_t find_source(const struct wr_lane_plan *p, const struct wr_source *source)
{
    uint32_t i = 0;
    while (i < p->n_sources && !wr_same_source(&p->sources[i], source)) {
        i++;
    }
    return i;
}

/* The number of a term to compute: that of the same one in a lane before. */
static uint32_t number_term(struct compiler *c, struct wr_lane_plan *p, struct wr_lane *lane,
                            const struct wr_lane_test *test)
{
    for (uint32_t i = 0; i < p->n_computed; i++) {
        struct wr_arena_mark mark = wr_arena_mark(c->arena);
        struct wr_same same;
        bool ok = p->conditions[i] == test->condition &&
                  wr_same_init(c->arena, &same, &p->owners[i]->scope, &lane->scope) &&
                  wr_same_term(&same, p->computed[i], test->computed);
        wr_arena_rewind(c->arena, mark);
        if (ok) {
            return i;
        }
    }
    if (p->n_computed == WR_LIMIT_REGO_DIMENSIONS) {
        return UINT32_MAX;
    }
    p->computed[p->n_computed] = test->computed;
    p->conditions[p->n_computed] = test->condition;
    p->owners[p->n_computed] = lane;
    return p->n_computed++;
}

static void count_test(struct compiler *c, struct wr_lane_plan *p, struct wr_lane *lane,
                       struct wr_lane_test *test)
{
    if (test->computed != NULL) {
        if (*wr_name_map_get_id(&p->shapes, test->shape) < 2) {
            test->test.source = (struct wr_source){WR_SOURCE_COMPUTED, UINT32_MAX, 0};
            return;
        }
        test->test.source =
            (struct wr_source){WR_SOURCE_COMPUTED, number_term(c, p, lane, test), 0};
    }
    uint32_t at = find_source(p, &test->test.source);
    if (at == p->n_sources && at < 4 * WR_LIMIT_REGO_DIMENSIONS) {
        p->sources[p->n_sources++] = test->test.source;
    }
    if (at < p->n_sources) {
        p->n_tests[at]++;
        p->n_points[at] += wr_test_points(&test->test);
    }
}

/* Whether the program may have the rows of one more dimension; they are counted if so. */
static bool may_have_rows(struct wr_unit *unit, uint64_t n_points, uint32_t n_clauses)
{
    uint64_t bytes = (2 * n_points + 2) * ((n_clauses + 63) / 64) * sizeof(uint64_t);
    if (bytes > WR_LIMIT_REGO_INDEX - unit->index_bytes) {
        return false;
    }
    unit->index_bytes += bytes;
    return true;
}

static void swap_sources(struct wr_lane_plan *p, uint32_t i, uint32_t k)
{
    struct wr_source source = p->sources[i];
    uint32_t n_tests = p->n_tests[i];
    uint64_t n_points = p->n_points[i];
    p->sources[i] = p->sources[k];
    p->n_tests[i] = p->n_tests[k];
    p->n_points[i] = p->n_points[k];
    p->sources[k] = source;
    p->n_tests[k] = n_tests;
    p->n_points[k] = n_points;
}

/* Sources tested often enough, those that need no code first. */
static void keep_sources(struct wr_unit *unit, struct wr_lane_plan *p, uint32_t n_clauses)
{
    uint32_t n = 0;
    for (int computed = 0; computed < 2; computed++) {
        for (uint32_t i = n; i < p->n_sources; i++) {
            bool is_computed = p->sources[i].kind == WR_SOURCE_COMPUTED;
            bool known = !is_computed || p->sources[i].id != UINT32_MAX;
            if (is_computed == (computed != 0) && known && n < WR_LIMIT_REGO_DIMENSIONS &&
                p->n_tests[i] >= (is_computed ? 2 : 3) &&
                may_have_rows(unit, p->n_points[i], n_clauses)) {
                swap_sources(p, i, n++);
            }
        }
    }
    p->n_sources = n;
}

bool wr_is_indexed(const struct wr_lane_plan *p, const struct wr_lane_test *test)
{
    return p->index != NULL && !test->barred && find_source(p, &test->test.source) < p->n_sources;
}

static bool new_plan(struct compiler *c, struct wr_lane_plan *p)
{
    *p = (struct wr_lane_plan){0};
    p->computed = WR_NEW_ARRAY(c->arena, const struct wr_plan_term *, WR_LIMIT_REGO_DIMENSIONS);
    p->conditions = WR_NEW_ARRAY(c->arena, bool, WR_LIMIT_REGO_DIMENSIONS);
    p->owners = WR_NEW_ARRAY(c->arena, struct wr_lane *, WR_LIMIT_REGO_DIMENSIONS);
    p->sources = WR_NEW_ARRAY(c->arena, struct wr_source, 4 * WR_LIMIT_REGO_DIMENSIONS);
    p->n_tests = WR_NEW_ARRAY(c->arena, uint32_t, 4 * WR_LIMIT_REGO_DIMENSIONS);
    p->n_points = WR_NEW_ARRAY(c->arena, uint64_t, 4 * WR_LIMIT_REGO_DIMENSIONS);
    return p->computed != NULL && p->conditions != NULL && p->owners != NULL &&
           p->sources != NULL && p->n_tests != NULL && p->n_points != NULL;
}

/* A prefix of what is no text may be an error: what stands behind a prefix that is not indexed must
 * not decide before it. */
static void bar_tests(const struct wr_lane_plan *p, struct wr_lane *lane)
{
    bool barred = false;
    for (uint32_t i = 0; i < lane->n_tests; i++) {
        struct wr_lane_test *test = &lane->tests[i];
        test->barred = barred;
        barred = barred || (test->test.form == WR_TEST_PREFIX && !wr_is_indexed(p, test));
    }
}

/* The tests of single lanes that are indexed, by unit. */
static bool collect_tests(struct compiler *c, const struct wr_lane_plan *p,
                          const struct wr_lane_unit *units, uint32_t n, struct wr_test **tests,
                          uint32_t *n_tests)
{
    for (uint32_t i = 0; i < n; i++) {
        struct wr_lane *lane = units[i].lanes[0];
        bar_tests(p, lane);
        tests[i] = WR_NEW_ARRAY(c->arena, struct wr_test, lane->n_tests);
        if (tests[i] == NULL) {
            return false;
        }
        for (uint32_t k = 0; units[i].n == 1 && k < lane->n_tests; k++) {
            if (wr_is_indexed(p, &lane->tests[k])) {
                tests[i][n_tests[i]++] = lane->tests[k].test;
            }
        }
    }
    return true;
}

/* How many tests there are of computed terms of each shape. */
static void count_shapes(struct compiler *c, struct wr_lane_plan *p, struct wr_lane *lane)
{
    for (uint32_t k = 0; k < lane->n_tests; k++) {
        struct wr_lane_test *test = &lane->tests[k];
        if (test->computed == NULL) {
            continue;
        }
        test->shape = wr_shape_of_term(test->computed) + test->condition;
        uint32_t *known = wr_name_map_get_id(&p->shapes, test->shape);
        if (known != NULL) {
            ++*known;
        } else if (!wr_name_map_put_id(&p->shapes, c->arena, test->shape, 1)) {
            c->no_room = true;
        }
    }
}

/* Decides whether an index is worth it, and makes it. */
static void plan_index(struct compiler *c, struct wr_lane_plan *p, const struct wr_lane_unit *units,
                       uint32_t n)
{
    if (n < WR_INDEX_MIN) {
        return;
    }
    uint32_t n_tested = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (units[i].n == 1) {
            count_shapes(c, p, units[i].lanes[0]);
        }
    }
    if (c->no_room) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct wr_lane *lane = units[i].lanes[0];
        for (uint32_t k = 0; units[i].n == 1 && k < lane->n_tests; k++) {
            count_test(c, p, lane, &lane->tests[k]);
        }
        n_tested += units[i].n == 1 && lane->n_tests > 0;
    }
    keep_sources(c->unit, p, n);
    if (n_tested < WR_INDEX_MIN - 1 || p->n_sources == 0) {
        return;
    }
    struct wr_test **tests = WR_NEW_ARRAY(c->arena, struct wr_test *, n);
    uint32_t *n_tests = WR_NEW_ARRAY(c->arena, uint32_t, n);
    p->index = wr_unit_index(c->unit, &p->number);
    if (tests == NULL || n_tests == NULL || p->index == NULL ||
        !collect_tests(c, p, units, n, tests, n_tests) ||
        !wr_index_build(c->arena, p->index, p->sources, p->n_sources, tests, n_tests, n)) {
        c->no_room = true;
    }
}

/* ── counting ───────────────────────────────────────────────────────────────────────────────── */

/* An array comprehension of a test that counts it; NULL: the test is of another kind. */
static const struct wr_plan_term *counted(const struct wr_lane_plan *p,
                                          const struct wr_lane_test *test)
{
    const struct wr_plan_term *t = test->computed;
    if (t == NULL || test->barred || test->condition || wr_is_indexed(p, test) ||
        t->kind != WR_PLAN_CALL || t->n != 1 || t->items[0]->kind != WR_PLAN_ARRAY_OF) {
        return NULL;
    }
    const struct wr_plan_term *array = t->items[0];
    bool plain = array->n == 1 &&
                 (array->items[0]->kind == WR_PLAN_VAR || array->items[0]->kind == WR_PLAN_CONST);
    return plain && strcmp(t->builtin->name, "count") == 0 ? array : NULL;
}

/* The comprehensions that this chunk's lanes count, as lanes of their own. */
static struct wr_lane **count_lanes(struct compiler *c, const struct wr_lane_plan *p,
                                    const struct wr_lane_unit *units, uint32_t n, uint32_t *n_lanes)
{
    uint32_t room = 0;
    for (uint32_t i = 0; i < n; i++) {
        room += units[i].n == 1 ? units[i].lanes[0]->n_tests : 0;
    }
    struct wr_lane **list = WR_NEW_ARRAY(c->arena, struct wr_lane *, room);
    *n_lanes = 0;
    for (uint32_t i = 0; list != NULL && i < n; i++) {
        struct wr_lane *lane = units[i].lanes[0];
        for (uint32_t k = 0; units[i].n == 1 && k < lane->n_tests; k++) {
            const struct wr_plan_term *array = counted(p, &lane->tests[k]);
            if (array == NULL) {
                continue;
            }
            struct wr_lane *inner = WR_NEW(c->arena, struct wr_lane);
            if (inner == NULL || !wr_lane_start_inner(c, inner, lane, array->body)) {
                return NULL;
            }
            inner->counts = &lane->tests[k];
            inner->counts->unit = i;
            list[(*n_lanes)++] = inner;
        }
    }
    return list;
}

/* True if no element at all does not do for a count's test. */
static bool fails_at_zero(const struct wr_test *t)
{
    struct wr_value zero = wr_int(0);
    int order = wr_value_cmp(&zero, &t->value);
    switch (t->form) {
    case WR_TEST_EQ:
        return order != 0;
    case WR_TEST_NEQ:
        return order == 0;
    case WR_TEST_LT:
        return order >= 0;
    case WR_TEST_LTE:
        return order > 0;
    case WR_TEST_GT:
        return order <= 0;
    case WR_TEST_GTE:
        return order < 0;
    default:
        return false;
    }
}

/* A dimension for the lanes whose counts a group makes, without points: NEED asks it, and COUNT,
 * whose row are the lanes that may hold when nothing has been counted. */
static bool add_counts(struct compiler *c, struct wr_lane_plan *p, struct wr_lane_unit *group)
{
    uint64_t *tested = WR_NEW_ARRAY(c->arena, uint64_t, p->index->n_words);
    uint64_t *at_zero = WR_NEW_ARRAY(c->arena, uint64_t, p->index->n_words);
    if (tested == NULL || at_zero == NULL) {
        return false;
    }
    memset(at_zero, 0xFF, p->index->n_words * sizeof(at_zero[0]));
    for (uint32_t i = 0; i < group->n; i++) {
        struct wr_lane_test *test = group->lanes[i]->counts;
        uint64_t bit = UINT64_C(1) << test->unit % 64;
        tested[test->unit / 64] |= bit;
        at_zero[test->unit / 64] &= fails_at_zero(&test->test) ? ~bit : UINT64_MAX;
        test->counter = wr_new_register(c);
    }
    p->index->dimensions[p->index->n_dimensions++] = (struct wr_dimension){
        .source = {WR_SOURCE_COMPUTED, 0, 0}, .tested = tested, .rows = at_zero};
    p->counts[p->n_counts++] = *group;
    return true;
}

/* Groups of comprehensions that begin alike: one loop counts for all of them. */
static bool plan_counts(struct compiler *c, struct wr_lane_plan *p,
                        const struct wr_lane_unit *units, uint32_t n)
{
    struct wr_rule_state state = {.collects = true};
    struct wr_level level = {.state = &state, .done = NO_LABEL};
    uint32_t n_lanes, n_groups;
    struct wr_lane **lanes = count_lanes(c, p, units, n, &n_lanes);
    p->counts = WR_NEW_ARRAY(c->arena, struct wr_lane_unit, WR_INDEX_COUNTS);
    if (lanes == NULL || p->counts == NULL) {
        return false;
    }
    p->first_count = p->index->n_dimensions;
    struct wr_lane_unit *groups = wr_make_units(c, &level, lanes, n_lanes, &n_groups);
    for (uint32_t i = 0; groups != NULL && i < n_groups; i++) {
        if (groups[i].n >= WR_INDEX_MIN && p->n_counts < WR_INDEX_COUNTS &&
            !add_counts(c, p, &groups[i])) {
            return false;
        }
    }
    return groups != NULL;
}

bool wr_plan_units(struct compiler *c, struct wr_lane_plan *p, const struct wr_lane_unit *units,
                   uint32_t n)
{
    if (!new_plan(c, p)) {
        c->no_room = true;
        return false;
    }
    plan_index(c, p, units, n);
    if (p->index != NULL && !c->no_room && !plan_counts(c, p, units, n)) {
        c->no_room = true;
    }
    return !c->no_room;
}
