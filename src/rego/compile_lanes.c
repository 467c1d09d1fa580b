/* SPDX-License-Identifier: Apache-2.0 */
/* The clauses of one rule together: an index over their tests, and what they begin with alike
 * compiled once.
 *
 *   CLAUSES x                    all clauses are pending; undefined: there is no index
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

static void compile_level(struct compiler *c, struct wr_level *level, struct wr_lane **lanes,
                          uint32_t n);

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

/* `counts`: what was counted ahead is in a register. */
static void emit_test(struct compiler *c, const struct wr_lane *lane,
                      const struct wr_lane_test *test, bool counts)
{
    if (counts && test->counter != 0) {
        struct wr_test count = test->test;
        count.source = (struct wr_source){WR_SOURCE_REGISTER, test->counter, 0};
        emit_value_test(c, &count);
    } else if (test->expr == NO_EXPR) {
        emit_value_test(c, &test->test);
    } else {
        wr_compile_expr(c, wr_lane_expr(lane, test->expr));
    }
}

/* Tests in their order; candidates enter behind them, where those without index are repeated. */
static void emit_tests(struct compiler *c, const struct wr_lane_plan *p, const struct wr_lane *lane,
                       uint32_t entry)
{
    uint32_t open = 0, rest = wr_new_label(c);
    for (uint32_t i = 0; i < lane->n_tests; i++) {
        emit_test(c, lane, &lane->tests[i], false);
        open += !wr_is_indexed(p, &lane->tests[i]);
    }
    if (p->index == NULL) {
        return;
    }
    if (open > 0) {
        wr_emit(c, WR_OP_JUMP, 0, 0, 0, 0, rest);
    }
    wr_put_label(c, entry);
    for (uint32_t i = 0; open > 0 && i < lane->n_tests; i++) {
        if (!wr_is_indexed(p, &lane->tests[i])) {
            emit_test(c, lane, &lane->tests[i], true);
        }
    }
    wr_put_label(c, rest);
}

static void emit_single(struct compiler *c, const struct wr_level *level,
                        const struct wr_lane_plan *p, struct wr_lane *lane, uint32_t number,
                        uint32_t entry)
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
    if (lane->counts != NULL) {
        wr_emit(c, WR_OP_INCREMENT, lane->counts->counter, level->counting, 0, lane->counts->unit,
                NO_LABEL);
        if (c->fail != skip) {
            wr_emit(c, WR_OP_JUMP, 0, 0, 0, 0, c->fail);
        }
    } else if (c->errors->n == n_errors) {
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
static struct wr_same *pair_up(struct compiler *c, const struct wr_lane_unit *unit)
{
    struct wr_same *pairs = WR_NEW_ARRAY(c->arena, struct wr_same, unit->n);
    for (uint32_t i = 1; pairs != NULL && i < unit->n; i++) {
        bool is_value;
        bool alike = wr_begin_alike(c, unit->lanes[0], unit->lanes[i], &is_value, &pairs[i]);
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

static void emit_group(struct compiler *c, const struct wr_level *level,
                       const struct wr_lane_unit *unit, uint32_t entry)
{
    struct wr_lane *first = unit->lanes[0];
    struct wr_same *pairs = pair_up(c, unit);
    uint32_t end = wr_new_label(c), value = WR_NO_REGISTER;
    if (pairs == NULL) {
        return;
    }
    wr_put_label(c, entry);
    struct wr_level below = {
        .state = level->state, .done = end, .depth = level->depth + 1, .counting = level->counting};
    below.reserved = reserve(c, unit->n);
    wr_lane_enter(c, first);
    c->fail = end;
    const struct wr_plan_expr *e = wr_lane_expr(first, first->at);
    if (unit->is_value) {
        wr_set_place(c, e->loc);
        value = wr_compile_term(c, wr_shared_term(c, e), WR_NO_REGISTER);
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
static void emit_computed(struct compiler *c, const struct wr_lane_plan *p)
{
    for (uint32_t i = p->index->n_direct; i < p->first_count; i++) {
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

/* Counts of groups of comprehensions, if a lane that tests one is still a candidate. */
static void emit_counts(struct compiler *c, const struct wr_lane_plan *p)
{
    struct wr_rule_state state = {.collects = true};
    struct wr_level level = {.state = &state, .done = NO_LABEL};
    for (uint32_t i = 0; i < p->n_counts && !c->no_room; i++) {
        uint32_t next = wr_new_label(c), kept = c->next_register;
        wr_emit(c, WR_OP_NEED, p->reg, 0, 0, p->first_count + i, next);
        wr_emit(c, WR_OP_ZERO, p->counts[i].lanes[0]->counts->counter, 0, 0, p->counts[i].n,
                NO_LABEL);
        wr_emit(c, WR_OP_COUNT, p->reg, 0, 0, p->first_count + i, NO_LABEL);
        level.counting = p->reg;
        emit_group(c, &level, &p->counts[i], wr_new_label(c));
        wr_put_label(c, next);
        c->next_register = kept;
    }
}

static void emit_units(struct compiler *c, const struct wr_level *level,
                       const struct wr_lane_plan *p, struct wr_lane_unit *units, uint32_t n)
{
    uint32_t end = wr_new_label(c);
    if (p->index != NULL) {
        wr_emit(c, WR_OP_SELECT, p->reg, 0, 0, 0, end);
        emit_computed(c, p);
        emit_counts(c, p);
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

static void compile_level(struct compiler *c, struct wr_level *level, struct wr_lane **lanes,
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
    struct wr_lane_unit *units = wr_make_units(c, level, lanes, n, &n_units);
    for (uint32_t from = 0; from < n_units && !c->no_room; from += WR_INDEX_CLAUSES) {
        uint32_t k = from / WR_INDEX_CLAUSES, here = WR_MIN(n_units - from, WR_INDEX_CLAUSES);
        struct wr_lane_plan p;
        if (!wr_plan_units(c, &p, &units[from], here)) {
            return;
        }
        if (p.index != NULL) {
            struct wr_insn *in = &c->code[level->reserved + k];
            in->op = WR_OP_CLAUSES;
            in->d = p.number;
            p.reg = in->a;
        }
        struct wr_level chunk = *level;
        chunk.done = n_units <= WR_INDEX_CLAUSES ? level->done : NO_LABEL;
        emit_units(c, &chunk, &p, &units[from], here);
    }
}

void wr_compile_clauses(struct compiler *c, struct wr_rule_state *state, uint32_t n)
{
    struct wr_lane *lanes = WR_NEW_ARRAY(c->arena, struct wr_lane, n);
    struct wr_lane **list = WR_NEW_ARRAY(c->arena, struct wr_lane *, n);
    struct wr_level level = {.state = state, .done = NO_LABEL};
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
