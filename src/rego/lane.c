/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes: a clause's body in order, and the tests that it begins with. */
#include "rego/lane.h"

void wr_lane_enter(struct compiler *c, const struct wr_lane *lane)
{
    c->clause = lane->clause;
    c->bindings = lane->scope.bindings;
    c->var_register = lane->scope.var_register;
    c->var_constant = lane->scope.var_constant;
    c->names = lane->scope.names;
    c->file = lane->clause->module->ast->file;
    wr_set_place(c, &lane->clause->ast->loc);
}

void wr_lane_leave(const struct compiler *c, struct wr_lane *lane)
{
    lane->scope = (struct wr_scope){c->bindings, c->var_register, c->var_constant, c->names};
}

static bool add_test(struct compiler *c, struct wr_lane *lane, struct wr_lane_test test)
{
    if (lane->n_tests == lane->cap_tests) {
        uint32_t cap = lane->cap_tests == 0 ? 4 : 2 * lane->cap_tests;
        struct wr_lane_test *tests = WR_NEW_ARRAY(c->arena, struct wr_lane_test, cap);
        if (tests == NULL) {
            c->no_room = true;
            return false;
        }
        if (lane->n_tests > 0) {
            memcpy(tests, lane->tests, lane->n_tests * sizeof(tests[0]));
        }
        lane->tests = tests;
        lane->cap_tests = cap;
    }
    lane->tests[lane->n_tests++] = test;
    return true;
}

/* Arguments that are variables need no code, constants are tests. False: the clause is opaque. */
static bool take_arguments(struct compiler *c, struct wr_lane *lane)
{
    for (uint32_t i = 0; i < lane->clause->n_args; i++) {
        const struct wr_plan_term *arg = lane->clause->args[i];
        struct wr_lane_test test = {.expr = NO_EXPR};
        if (arg->kind == WR_PLAN_VAR && !c->bindings.bound[arg->var]) {
            wr_bind_register(c, arg->var, i);
        } else if (arg->kind == WR_PLAN_CONST) {
            test.test = (struct wr_test){
                .source = {WR_SOURCE_REGISTER, i, 0}, .form = WR_TEST_EQ, .value = arg->value};
            add_test(c, lane, test);
        } else {
            return false;
        }
    }
    return true;
}

bool wr_lane_start(struct compiler *c, struct wr_lane *lane, const struct wr_plan_clause *clause)
{
    *lane = (struct wr_lane){.clause = clause, .opaque = clause->otherwise != NULL};
    if (lane->opaque) {
        return true;
    }
    if (!wr_start_bindings(c, clause)) {
        return false;
    }
    c->file = clause->module->ast->file;
    if (!take_arguments(c, lane)) {
        lane->opaque = true;
        return true;
    }
    lane->n = clause->body->n;
    lane->order = wr_order_clause(c, clause->body);
    lane->failed = lane->order == NULL;
    lane->cannot_err = wr_cannot_err_body(c, clause->body);
    wr_lane_leave(c, lane);
    return !c->no_room;
}

bool wr_lane_start_inner(struct compiler *c, struct wr_lane *lane, const struct wr_lane *outer,
                         const struct wr_plan_body *body)
{
    struct wr_plan_clause *clause = WR_NEW(c->arena, struct wr_plan_clause);
    if (clause == NULL) {
        return false;
    }
    *clause = *outer->clause;
    clause->body = (struct wr_plan_body *)(uintptr_t)body;
    *lane = (struct wr_lane){.clause = clause, .n = body->n, .cannot_err = true};
    if (!wr_start_bindings(c, clause)) {
        return false;
    }
    for (uint32_t i = 0; i < outer->scope.bindings.n_bound; i++) {
        uint32_t var = outer->scope.bindings.bound_trail[i];
        wr_bind_register(c, var, outer->scope.var_register[var]);
        c->var_constant[var] = outer->scope.var_constant[var];
    }
    lane->order = wr_order_clause(c, body);
    wr_lane_leave(c, lane);
    wr_lane_enter(c, lane);
    bool ok = lane->order != NULL && wr_lane_take_tests(c, lane);
    wr_lane_leave(c, lane);
    return ok;
}

/* `name := constant`: no code, only a name. */
static bool names_constant(struct compiler *c, const struct wr_plan_expr *e)
{
    if (e->kind != WR_PLAN_UNIFY || e->negated || e->n_with > 0) {
        return false;
    }
    const struct wr_plan_term *var = e->a, *other = e->b;
    if (var->kind != WR_PLAN_VAR || c->bindings.bound[var->var]) {
        var = e->b;
        other = e->a;
    }
    const struct wr_value *known = wr_known(c, other);
    if (var->kind != WR_PLAN_VAR || c->bindings.bound[var->var] || known == NULL) {
        return false;
    }
    wr_bind(&c->bindings, var->var);
    c->var_constant[var->var] = known;
    return true;
}

/* A term that can be computed before anything is decided: it binds nothing and raises no error. */
static bool is_computed(struct compiler *c, const struct wr_plan_term *t)
{
    uint32_t before = c->bindings.n_bound;
    bool ok = wr_cannot_err(c, t) && wr_ready(&c->bindings, t) && c->bindings.n_bound == before;
    wr_unbind(&c->bindings, before);
    return ok;
}

bool wr_lane_take_tests(struct compiler *c, struct wr_lane *lane)
{
    for (; lane->at < lane->n && lane->n_tests < WR_LANE_TESTS; lane->at++) {
        const struct wr_plan_expr *e = wr_lane_expr(lane, lane->at);
        struct wr_lane_test test = {.expr = lane->at};
        const struct wr_plan_term *source;
        if (names_constant(c, e)) {
            continue;
        }
        if (!wr_test_of(c, e, &test.test, &source)) {
            break;
        }
        if (!wr_direct_source(c, source, &test.test.source)) {
            if (test.test.negated || test.test.form == WR_TEST_PREFIX ||
                c->bindings.n_vars > WR_LANE_VARS || !is_computed(c, source)) {
                break;
            }
            test.computed = source;
            test.condition = test.test.form == WR_TEST_TRUE;
        } else if (test.test.form == WR_TEST_PREFIX && test.test.source.kind != WR_SOURCE_INPUT) {
            break;
        }
        if (!add_test(c, lane, test)) {
            return false;
        }
    }
    return true;
}
