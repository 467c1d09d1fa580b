/* SPDX-License-Identifier: Apache-2.0 */
/* The clauses of one rule together: an index over their tests, and what they begin with alike
 * compiled once.
 *
 *   CLAUSES x                    all clauses are pending; undefined: no index, go on clause by
 * clause
 *   ...                          what a group shares, a loop most often
 *   SELECT x                     pending clauses whose direct tests hold
 *   NEED x | term | NARROW x     for each term that several clauses test: only if one is left
 *   CANDIDATE x                  to the next clause that is left
 *   tests, [entry:] rest, head | CANDIDATE x          each clause
 *
 * Where r[x] is undefined all of these fall through, and clauses are evaluated one after the other,
 * tests included. In sets and partial objects, where order means nothing, clauses without tests
 * that begin alike (but for names) are a group: the common beginning is compiled once, and the
 * clauses behind it are lanes of their own, one level deeper; a clause whose element is known is
 * pending no more once it held (DONE), and the loop ends with the last one. */
#include "rego/lane.h"

#define LEVELS 8 /* of groups in groups; deeper ones are compiled clause by clause */

struct unit { /* what an index decides about */
    struct wr_lane **lanes;
    uint32_t n;
    bool is_value; /* a group that shares a term that is then tested, not an expression */
};

struct level {
    struct wr_rule_state *state;
    uint32_t done;     /* where to go on when no clause is pending any more, or NO_LABEL */
    uint32_t reserved; /* the instruction before the group: CLAUSES if there is an index */
    uint32_t depth;
};

/* What is made of one chunk of units. */
struct plan {
    struct wr_index *index;
    uint32_t number, reg;
    const struct wr_plan_term **computed; /* by id of a source */
    bool *conditions;
    struct wr_lane **owners;
    uint32_t n_computed;
    struct wr_name_map shapes; /* of computed terms: how many tests */
    struct wr_source *sources;
    uint32_t *n_tests; /* by source */
    uint32_t n_sources;
};

static void compile_level(struct compiler *c, struct level *level, struct wr_lane **lanes,
                          uint32_t n);

/* ── units ──────────────────────────────────────────────────────────────────────────────────── */

/* The beginning of a lane that others may share: an expression, or the term that one tests. NULL:
 * it has none. */
static const struct wr_plan_term *shared_term(struct compiler *c, const struct wr_plan_expr *e)
{
    struct wr_test test;
    const struct wr_plan_term *source;
    bool ok = !e->negated && e->kind != WR_PLAN_UNIFY && wr_test_of(c, e, &test, &source) &&
              test.form != WR_TEST_TRUE && test.form != WR_TEST_PREFIX;
    return ok ? source : NULL;
}

static bool can_share(const struct level *level, const struct wr_lane *lane)
{
    if (!level->state->collects || level->depth >= LEVELS || lane->opaque || lane->failed ||
        lane->n_tests > 0 || lane->at >= lane->n || !lane->cannot_err) {
        return false;
    }
    const struct wr_plan_expr *e = wr_lane_expr(lane, lane->at);
    return !e->negated && e->n_with == 0 && e->n_before == 0 && e->kind != WR_PLAN_EVERY;
}

/* True if both begin alike; then `same` pairs their variables. */
static bool begin_alike(struct compiler *c, const struct wr_lane *a, const struct wr_lane *b,
                        bool *is_value, struct wr_same *same)
{
    const struct wr_plan_expr *x = wr_lane_expr(a, a->at), *y = wr_lane_expr(b, b->at);
    wr_lane_enter(c, a);
    const struct wr_plan_term *left = shared_term(c, x);
    wr_lane_enter(c, b);
    const struct wr_plan_term *right = shared_term(c, y);
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
    const struct wr_plan_term *t = shared_term(c, e);
    return t != NULL ? wr_shape_of_term(t) : ~wr_shape_of_expr(e);
}

static bool join(struct compiler *c, struct unit *unit, struct wr_lane *lane, uint32_t room)
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
static struct unit *make_units(struct compiler *c, const struct level *level,
                               struct wr_lane **lanes, uint32_t n, uint32_t *n_units)
{
    struct unit *units = WR_NEW_ARRAY(c->arena, struct unit, n);
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
            struct unit *unit = &units[*first];
            joined = begin_alike(c, unit->lanes[0], lanes[i], &unit->is_value, &same);
            wr_arena_rewind(c->arena, mark);
            joined = joined && join(c, unit, lanes[i], n);
        }
        if (!joined) {
            if (share && first == NULL &&
                !wr_name_map_put_id(&by_shape, c->arena, shape, *n_units)) {
                c->no_room = true;
            }
            units[(*n_units)++] = (struct unit){&lanes[i], 1, false};
        }
    }
    return units;
}

/* ── tests ──────────────────────────────────────────────────────────────────────────────────── */

static uint32_t find_source(const struct plan *p, const struct wr_source *source)
{
    uint32_t i = 0;
    while (i < p->n_sources && !wr_same_source(&p->sources[i], source)) {
        i++;
    }
    return i;
}

/* The number of a term to compute: that of the same one in a lane before. */
static uint32_t number_term(struct compiler *c, struct plan *p, struct wr_lane *lane,
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

static void count_test(struct compiler *c, struct plan *p, struct wr_lane *lane,
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
    }
}

/* Sources tested often enough, those that need no code first. */
static void keep_sources(struct plan *p)
{
    uint32_t n = 0;
    for (int computed = 0; computed < 2; computed++) {
        for (uint32_t i = n; i < p->n_sources; i++) {
            bool is_computed = p->sources[i].kind == WR_SOURCE_COMPUTED;
            bool known = !is_computed || p->sources[i].id != UINT32_MAX;
            if (is_computed == (computed != 0) && known && n < WR_LIMIT_REGO_DIMENSIONS &&
                p->n_tests[i] >= (is_computed ? 2 : 3)) {
                struct wr_source source = p->sources[i];
                uint32_t count = p->n_tests[i];
                p->sources[i] = p->sources[n];
                p->n_tests[i] = p->n_tests[n];
                p->sources[n] = source;
                p->n_tests[n++] = count;
            }
        }
    }
    p->n_sources = n;
}

static bool is_indexed(const struct plan *p, const struct wr_lane_test *test)
{
    return p->index != NULL && find_source(p, &test->test.source) < p->n_sources;
}

static bool make_plan(struct compiler *c, struct plan *p)
{
    *p = (struct plan){0};
    p->computed = WR_NEW_ARRAY(c->arena, const struct wr_plan_term *, WR_LIMIT_REGO_DIMENSIONS);
    p->conditions = WR_NEW_ARRAY(c->arena, bool, WR_LIMIT_REGO_DIMENSIONS);
    p->owners = WR_NEW_ARRAY(c->arena, struct wr_lane *, WR_LIMIT_REGO_DIMENSIONS);
    p->sources = WR_NEW_ARRAY(c->arena, struct wr_source, 4 * WR_LIMIT_REGO_DIMENSIONS);
    p->n_tests = WR_NEW_ARRAY(c->arena, uint32_t, 4 * WR_LIMIT_REGO_DIMENSIONS);
    return p->computed != NULL && p->conditions != NULL && p->owners != NULL &&
           p->sources != NULL && p->n_tests != NULL;
}

/* The tests of single lanes that are indexed, by unit. */
static bool collect_tests(struct compiler *c, const struct plan *p, const struct unit *units,
                          uint32_t n, struct wr_test **tests, uint32_t *n_tests)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct wr_lane *lane = units[i].lanes[0];
        tests[i] = WR_NEW_ARRAY(c->arena, struct wr_test, lane->n_tests);
        if (tests[i] == NULL) {
            return false;
        }
        for (uint32_t k = 0; units[i].n == 1 && k < lane->n_tests; k++) {
            if (is_indexed(p, &lane->tests[k])) {
                tests[i][n_tests[i]++] = lane->tests[k].test;
            }
        }
    }
    return true;
}

/* How many tests there are of computed terms of each shape. */
static void count_shapes(struct compiler *c, struct plan *p, struct wr_lane *lane)
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
static void plan_index(struct compiler *c, struct plan *p, const struct unit *units, uint32_t n)
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
    keep_sources(p);
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

/* ── code ───────────────────────────────────────────────────────────────────────────────────── */

/* A test of a value in a register, for those who come without an index. */
static void emit_value_test(struct compiler *c, const struct wr_test *t)
{
    static const uint16_t ops[] = {[WR_TEST_EQ] = WR_OP_EQ_CONST, [WR_TEST_NEQ] = WR_OP_NEQ_CONST,
                                   [WR_TEST_LT] = WR_OP_LT_CONST, [WR_TEST_LTE] = WR_OP_LTE_CONST,
                                   [WR_TEST_GT] = WR_OP_GT_CONST, [WR_TEST_GTE] = WR_OP_GTE_CONST};
    uint32_t constant = wr_unit_const(c->unit, t->value);
    if (t->form == WR_TEST_IN) {
        uint32_t list = wr_new_register(c);
        wr_emit(c, WR_OP_CONST, list, 0, 0, constant, NO_LABEL);
        wr_emit(c, WR_OP_MEMBER, 0, t->source.id, list, 0, c->fail);
    } else {
        wr_emit(c, ops[t->form], 0, t->source.id, 0, constant, c->fail);
    }
}

static void emit_test(struct compiler *c, const struct wr_lane *lane,
                      const struct wr_lane_test *test)
{
    if (test->expr == NO_EXPR) {
        emit_value_test(c, &test->test);
    } else {
        wr_compile_expr(c, wr_lane_expr(lane, test->expr));
    }
}

/* Tests in their order; candidates enter behind them, where those without index are repeated. */
static void emit_tests(struct compiler *c, const struct plan *p, const struct wr_lane *lane,
                       uint32_t entry)
{
    uint32_t open = 0, rest = wr_new_label(c);
    for (uint32_t i = 0; i < lane->n_tests; i++) {
        emit_test(c, lane, &lane->tests[i]);
        open += !is_indexed(p, &lane->tests[i]);
    }
    if (p->index == NULL) {
        return;
    }
    if (open > 0) {
        wr_emit(c, WR_OP_JUMP, 0, 0, 0, 0, rest);
    }
    wr_put_label(c, entry);
    for (uint32_t i = 0; open > 0 && i < lane->n_tests; i++) {
        if (!is_indexed(p, &lane->tests[i])) {
            emit_test(c, lane, &lane->tests[i]);
        }
    }
    wr_put_label(c, rest);
}

static void emit_single(struct compiler *c, const struct level *level, const struct plan *p,
                        struct wr_lane *lane, uint32_t number, uint32_t entry)
{
    if (lane->opaque) {
        wr_put_label(c, entry);
        wr_compile_chain(c, level->state, lane->clause);
        return;
    }
    if (lane->failed) {
        return;
    }
    uint32_t skip = wr_new_label(c), n_errors = c->errors->n;
    wr_lane_enter(c, lane);
    c->fail = skip;
    emit_tests(c, p, lane, entry);
    for (uint32_t i = lane->at; i < lane->n; i++) {
        const struct wr_plan_expr *e = wr_lane_expr(lane, i);
        wr_compile_expr(c, e);
        if (c->unsafe) {
            wr_report_unsafe(c, e, NULL);
        }
    }
    if (c->errors->n == n_errors) {
        bool once = wr_yield(c, level->state, lane->clause, WR_NO_REGISTER, skip);
        if (once && p->index != NULL && level->done != NO_LABEL) {
            wr_emit(c, WR_OP_DONE, p->reg, 0, 0, number, level->done);
        }
    }
    wr_put_label(c, skip);
}

/* Binds in a lane what its group's first lane has bound. */
static bool take_over(struct compiler *c, const struct wr_same *same, const struct wr_lane *first,
                      struct wr_lane *lane)
{
    wr_lane_enter(c, lane);
    for (uint32_t a = 0; a < first->scope.bindings.n_vars; a++) {
        uint32_t b = same->a_to_b[a];
        if (b == 0 || !first->scope.bindings.bound[a] || c->bindings.bound[b - 1]) {
            continue;
        }
        wr_bind_register(c, b - 1, first->scope.var_register[a]);
        c->var_constant[b - 1] = first->scope.var_constant[a];
    }
    wr_lane_leave(c, lane);
    return true;
}

static bool start_lane(struct compiler *c, struct wr_lane *lane, uint32_t value)
{
    struct wr_test test;
    const struct wr_plan_term *source;
    wr_lane_enter(c, lane);
    const struct wr_plan_expr *e = wr_lane_expr(lane, lane->at++);
    if (value != WR_NO_REGISTER && wr_test_of(c, e, &test, &source)) {
        test.source = (struct wr_source){WR_SOURCE_REGISTER, value, 0};
        lane->tests = WR_NEW_ARRAY(c->arena, struct wr_lane_test, 4);
        if (lane->tests == NULL) {
            c->no_room = true;
            return false;
        }
        lane->cap_tests = 4;
        lane->tests[lane->n_tests++] = (struct wr_lane_test){.test = test, .expr = NO_EXPR};
    }
    wr_lane_leave(c, lane);
    return true;
}

/* Pairs of variables first: they are found while nothing is bound. */
static struct wr_same *pair_up(struct compiler *c, const struct unit *unit)
{
    struct wr_same *pairs = WR_NEW_ARRAY(c->arena, struct wr_same, unit->n);
    for (uint32_t i = 1; pairs != NULL && i < unit->n; i++) {
        bool is_value;
        bool alike = begin_alike(c, unit->lanes[0], unit->lanes[i], &is_value, &pairs[i]);
        if (!alike) {
            c->no_room = true; /* they were alike before */
            return NULL;
        }
    }
    c->no_room = c->no_room || pairs == NULL;
    return pairs;
}

/* One instruction for each index that n lanes may need. */
static uint32_t reserve(struct compiler *c, uint32_t n)
{
    uint32_t first = c->n_code;
    for (uint32_t i = 0; i < n; i += WR_INDEX_CLAUSES) {
        wr_emit(c, WR_OP_UNDEF, wr_new_register(c), 0, 0, 0, NO_LABEL);
    }
    return first;
}

static void emit_group(struct compiler *c, const struct level *level, const struct unit *unit,
                       uint32_t entry)
{
    struct wr_lane *first = unit->lanes[0];
    struct wr_same *pairs = pair_up(c, unit);
    uint32_t end = wr_new_label(c), value = WR_NO_REGISTER;
    if (pairs == NULL) {
        return;
    }
    wr_put_label(c, entry);
    struct level below = {.state = level->state, .done = end, .depth = level->depth + 1};
    below.reserved = reserve(c, unit->n);
    wr_lane_enter(c, first);
    c->fail = end;
    const struct wr_plan_expr *e = wr_lane_expr(first, first->at);
    if (unit->is_value) {
        wr_set_place(c, e->loc);
        value = wr_compile_term(c, shared_term(c, e), WR_NO_REGISTER);
    } else {
        wr_compile_expr(c, e);
    }
    uint32_t next = c->fail;
    wr_lane_leave(c, first);
    for (uint32_t i = 0; i < unit->n && !c->no_room; i++) {
        if (i > 0) {
            take_over(c, &pairs[i], first, unit->lanes[i]);
        }
        start_lane(c, unit->lanes[i], value);
    }
    compile_level(c, &below, unit->lanes, unit->n);
    if (next != end) {
        wr_emit(c, WR_OP_JUMP, 0, 0, 0, 0, next);
    }
    wr_put_label(c, end);
}

/* Terms that several lanes test, each computed if one of these lanes is still a candidate. */
static void emit_computed(struct compiler *c, const struct plan *p)
{
    for (uint32_t i = p->index->n_direct; i < p->index->n_dimensions; i++) {
        uint32_t id = p->index->dimensions[i].source.id, next = wr_new_label(c);
        uint32_t kept = c->next_register, absent = wr_new_label(c), value = wr_new_register(c);
        wr_emit(c, WR_OP_NEED, p->reg, 0, 0, i, next);
        wr_lane_enter(c, p->owners[id]);
        c->fail = absent;
        wr_emit(c, WR_OP_UNDEF, value, 0, 0, 0, NO_LABEL);
        if (p->conditions[id]) {
            wr_compile_condition(c, p->computed[id]);
            wr_emit(c, WR_OP_CONST, value, 0, 0, wr_unit_const(c->unit, wr_bool(true)), NO_LABEL);
        } else {
            wr_compile_term(c, p->computed[id], value);
        }
        wr_put_label(c, absent);
        wr_emit(c, WR_OP_NARROW, p->reg, value, 0, i, NO_LABEL);
        wr_put_label(c, next);
        c->next_register = kept;
    }
}

static void emit_units(struct compiler *c, const struct level *level, const struct plan *p,
                       struct unit *units, uint32_t n)
{
    uint32_t end = wr_new_label(c);
    if (p->index != NULL) {
        wr_emit(c, WR_OP_SELECT, p->reg, 0, 0, 0, end);
        emit_computed(c, p);
        wr_emit(c, WR_OP_CANDIDATE, p->reg, 0, 0, 0, end);
    }
    uint32_t kept = c->next_register;
    for (uint32_t i = 0; i < n && !c->no_room; i++) {
        uint32_t entry = wr_new_label(c);
        if (units[i].n == 1) {
            emit_single(c, level, p, units[i].lanes[0], i, entry);
        } else {
            emit_group(c, level, &units[i], entry);
        }
        c->next_register = kept;
        if (p->index != NULL) {
            p->index->entries[i] = entry;
            wr_emit(c, WR_OP_CANDIDATE, p->reg, 0, 0, 0, end);
        }
    }
    wr_put_label(c, end);
}

static void compile_level(struct compiler *c, struct level *level, struct wr_lane **lanes,
                          uint32_t n)
{
    for (uint32_t i = 0; i < n && !c->no_room; i++) {
        if (!lanes[i]->opaque && !lanes[i]->failed) {
            wr_lane_enter(c, lanes[i]);
            wr_lane_take_tests(c, lanes[i]);
            wr_lane_leave(c, lanes[i]);
        }
    }
    uint32_t n_units;
    struct unit *units = make_units(c, level, lanes, n, &n_units);
    for (uint32_t from = 0; from < n_units && !c->no_room; from += WR_INDEX_CLAUSES) {
        uint32_t k = from / WR_INDEX_CLAUSES, here = WR_MIN(n_units - from, WR_INDEX_CLAUSES);
        struct plan p;
        if (!make_plan(c, &p)) {
            c->no_room = true;
            return;
        }
        plan_index(c, &p, &units[from], here);
        if (p.index != NULL) {
            struct wr_insn *in = &c->code[level->reserved + k];
            in->op = WR_OP_CLAUSES;
            in->d = p.number;
            p.reg = in->a;
        }
        struct level chunk = *level;
        chunk.done = n_units <= WR_INDEX_CLAUSES ? level->done : NO_LABEL;
        emit_units(c, &chunk, &p, &units[from], here);
    }
}

void wr_compile_clauses(struct compiler *c, struct wr_rule_state *state, uint32_t n)
{
    struct wr_lane *lanes = WR_NEW_ARRAY(c->arena, struct wr_lane, n);
    struct wr_lane **list = WR_NEW_ARRAY(c->arena, struct wr_lane *, n);
    struct level level = {.state = state, .done = NO_LABEL};
    uint32_t i = 0;
    if (lanes == NULL || list == NULL) {
        c->no_room = true;
        return;
    }
    for (const struct wr_plan_clause *clause = state->node->clauses; clause != NULL;
         clause = clause->next, i++) {
        list[i] = &lanes[i];
        if (!wr_lane_start(c, list[i], clause)) {
            c->no_room = true;
            return;
        }
    }
    level.reserved = reserve(c, n);
    compile_level(c, &level, list, n);
}
