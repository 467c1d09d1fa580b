/* SPDX-License-Identifier: Apache-2.0 */
/* Terms, calls, matching and unification. */
#include "rego/compile.h"

static uint32_t target(struct compiler *c, uint32_t want)
{
    return want != WR_NO_REGISTER ? want : wr_new_register(c);
}

void wr_compile_items(struct compiler *c, struct wr_plan_term *const *items, uint32_t n,
                      uint32_t first)
{
    bool *done = n <= 1 ? NULL : WR_NEW_ARRAY(c->arena, bool, n);
    if (n > 1 && done == NULL) {
        c->no_room = true;
        return;
    }
    for (uint32_t left = n; left > 0;) {
        uint32_t before = left;
        for (uint32_t i = 0; i < n; i++) {
            if (n == 1 || (!done[i] && wr_would_be_ready(&c->bindings, items[i]))) {
                wr_compile_term(c, items[i], first + i);
                left--;
                if (n > 1) {
                    done[i] = true;
                }
            }
        }
        if (left == before) {
            c->unsafe = true;
            return;
        }
    }
}

static uint32_t collection(struct compiler *c, const struct wr_plan_term *t, uint32_t want)
{
    uint32_t first = wr_new_registers(c, t->n);
    wr_compile_items(c, t->items, t->n, first);
    uint32_t reg = target(c, want);
    wr_set_place(c, t->loc);
    if (t->kind == WR_PLAN_OBJECT) {
        wr_emit(c, WR_OP_OBJECT, reg, first, t->n / 2, 0, NO_LABEL);
    } else {
        wr_emit(c, t->kind == WR_PLAN_SET ? WR_OP_SET : WR_OP_ARRAY, reg, first, t->n, 0, NO_LABEL);
    }
    return reg;
}

/* ── calls ──────────────────────────────────────────────────────────────────────────────────── */

/* What a builtin can compile ahead of its constant arguments: patterns, globs, zones. */
static void prepare(struct compiler *c, const struct wr_plan_term *t)
{
    struct wr_value args[WR_LIMIT_BUILTIN_ARGS];
    struct wr_builtin_env env = {0};
    uint32_t n = WR_MIN(t->n, (uint32_t)WR_LIMIT_BUILTIN_ARGS);
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        bool constant = t->items[i]->kind == WR_PLAN_CONST;
        args[i] = constant ? t->items[i]->value : wr_undefined();
        any = any || constant;
    }
    if (any && c->prepared != NULL &&
        wr_builtin_prepare(c->prepared, &env, t->builtin, args, n) != WR_OK) {
        c->no_room = true;
    }
}

/* print: an argument that is undefined prints as such, and nothing fails. */
static uint32_t print_call(struct compiler *c, const struct wr_plan_term *t, uint32_t want)
{
    uint32_t first = wr_new_registers(c, t->n);
    for (uint32_t i = 0; i < t->n; i++) {
        uint32_t fail = c->fail, n_bound = c->bindings.n_bound;
        uint32_t absent = wr_new_label(c), done = wr_new_label(c);
        c->fail = absent;
        wr_compile_term(c, t->items[i], first + i);
        wr_emit(c, WR_OP_JUMP, 0, 0, 0, 0, done);
        wr_unbind(&c->bindings, n_bound);
        c->fail = fail;
        wr_put_label(c, absent);
        wr_emit(c, WR_OP_CONST, first + i, 0, 0,
                wr_unit_const(c->unit, wr_string(WR_STR("<undefined>"))), NO_LABEL);
        wr_put_label(c, done);
    }
    uint32_t reg = target(c, want);
    wr_set_place(c, t->loc);
    wr_emit(c, WR_OP_BUILTIN, reg, first, t->n, wr_unit_builtin(c->unit, t->builtin), c->fail);
    return reg;
}

static uint32_t compare_call(struct compiler *c, const struct wr_plan_term *t, uint32_t want)
{
    static const uint8_t how[] = {
        [WR_OPERATOR_EQUAL] = WR_COMPARE_EQ, [WR_OPERATOR_NEQ] = WR_COMPARE_NEQ,
        [WR_OPERATOR_LT] = WR_COMPARE_LT,    [WR_OPERATOR_LTE] = WR_COMPARE_LTE,
        [WR_OPERATOR_GT] = WR_COMPARE_LT,    [WR_OPERATOR_GTE] = WR_COMPARE_LTE};
    bool swap = t->op == WR_OPERATOR_GT || t->op == WR_OPERATOR_GTE;
    uint32_t first = wr_new_registers(c, 2);
    wr_compile_items(c, t->items, 2, first);
    uint32_t reg = target(c, want);
    wr_emit(c, WR_OP_COMPARE, reg, swap ? first + 1 : first, swap ? first : first + 1, how[t->op],
            NO_LABEL);
    return reg;
}

static uint32_t plain_call(struct compiler *c, const struct wr_plan_term *t, uint32_t n,
                           uint32_t want)
{
    uint32_t first = wr_new_registers(c, n);
    wr_compile_items(c, t->items, n, first);
    uint32_t reg = target(c, want);
    wr_set_place(c, t->loc);
    if (t->function != NULL) {
        wr_emit(c, WR_OP_CALL, reg, first, n, t->function->id, c->fail);
    } else if (t->op >= WR_OPERATOR_PLUS && t->op <= WR_OPERATOR_MUL) {
        enum wr_opcode op = t->op == WR_OPERATOR_PLUS    ? WR_OP_PLUS
                            : t->op == WR_OPERATOR_MINUS ? WR_OP_MINUS
                                                         : WR_OP_TIMES;
        wr_emit(c, op, reg, first, first + 1, wr_unit_builtin(c->unit, t->builtin), c->fail);
    } else {
        prepare(c, t);
        wr_emit(c, WR_OP_BUILTIN, reg, first, n, wr_unit_builtin(c->unit, t->builtin), c->fail);
    }
    return reg;
}

/* A relation's results are an array: a loop over it. */
static uint32_t each_result(struct compiler *c, uint32_t results)
{
    uint32_t iter = wr_new_registers(c, 2), value = wr_new_register(c);
    wr_emit(c, WR_OP_ITER, iter, results, 0, 0, c->fail);
    uint32_t label = wr_new_label(c);
    c->labels[label] = c->n_code;
    wr_emit(c, WR_OP_NEXT, iter, WR_NO_REGISTER, value, 0, c->fail);
    if (c->has_with) {
        wr_emit(c, WR_OP_ENTER, c->context, 0, 0, 0, NO_LABEL);
    }
    c->fail = label;
    return value;
}

uint32_t wr_compile_call(struct compiler *c, const struct wr_plan_term *t, uint32_t want)
{
    if (t->op == WR_OPERATOR_PRINT) {
        return print_call(c, t, want);
    }
    if (t->op >= WR_OPERATOR_EQUAL && t->op <= WR_OPERATOR_GTE) {
        return compare_call(c, t, want);
    }
    bool relation = t->builtin != NULL && (t->builtin->flags & WR_BUILTIN_RELATION) != 0;
    uint32_t n = t->has_extra ? t->n - 1 : t->n;
    uint32_t reg = plain_call(c, t, n, t->has_extra || relation ? WR_NO_REGISTER : want);
    if (relation) {
        reg = each_result(c, reg);
    }
    if (t->has_extra) {
        wr_compile_match(c, t->items[n], reg);
        reg = target(c, want);
        wr_emit(c, WR_OP_CONST, reg, 0, 0, wr_unit_const(c->unit, wr_bool(true)), NO_LABEL);
    } else if (relation && want != WR_NO_REGISTER) {
        wr_emit(c, WR_OP_MOVE, want, reg, 0, 0, NO_LABEL);
        reg = want;
    }
    return reg;
}

/* ── what is known ahead ────────────────────────────────────────────────────────────────────── */

void wr_bind_register(struct compiler *c, uint32_t var, uint32_t reg)
{
    wr_bind(&c->bindings, var);
    c->var_register[var] = (uint16_t)reg;
    c->var_constant[var] = NULL;
}

#define FOLD_FUEL 1000 /* what is dearer is computed when it is needed */

/* Sums, differences and products of what is known; NULL when there is none, or an error. */
static const struct wr_value *fold(const struct compiler *c, const struct wr_plan_term *t)
{
    struct wr_value args[2];
    for (uint32_t i = 0; i < 2; i++) {
        const struct wr_value *known = wr_known(c, t->items[i]);
        if (known == NULL || known->type != WR_NUMBER) {
            return NULL;
        }
        args[i] = *known;
    }
    uint64_t fuel = FOLD_FUEL;
    struct wr_builtin_env env = {0};
    struct wr_builtin_call call = {
        .self = t->builtin, .arena = c->arena, .env = &env, .fuel = &fuel};
    struct wr_value *out = WR_NEW(c->arena, struct wr_value);
    if (out == NULL || t->builtin->fn(&call, args, 2, out) != WR_OK || out->type == WR_UNDEFINED) {
        return NULL;
    }
    return out;
}

const struct wr_value *wr_known(const struct compiler *c, const struct wr_plan_term *t)
{
    switch (t->kind) {
    case WR_PLAN_CONST:
        return &t->value;
    case WR_PLAN_VAR:
        return c->bindings.bound[t->var] ? c->var_constant[t->var] : NULL;
    case WR_PLAN_CALL:
        return t->op >= WR_OPERATOR_PLUS && t->op <= WR_OPERATOR_MUL && t->n == 2 ? fold(c, t)
                                                                                  : NULL;
    default:
        return NULL;
    }
}

/* ── terms ──────────────────────────────────────────────────────────────────────────────────── */

static uint32_t constant(struct compiler *c, struct wr_value v, uint32_t want)
{
    uint32_t reg = target(c, want);
    wr_emit(c, WR_OP_CONST, reg, 0, 0, wr_unit_const(c->unit, v), NO_LABEL);
    return reg;
}

static uint32_t variable(struct compiler *c, const struct wr_plan_term *t, uint32_t want)
{
    if (!c->bindings.bound[t->var]) {
        c->unsafe = true;
        return 0;
    }
    if (c->var_constant[t->var] != NULL) {
        return constant(c, *c->var_constant[t->var], want);
    }
    uint32_t reg = c->var_register[t->var];
    if (want == WR_NO_REGISTER || want == reg) {
        return reg;
    }
    wr_emit(c, WR_OP_MOVE, want, reg, 0, 0, NO_LABEL);
    return want;
}

uint32_t wr_compile_term(struct compiler *c, const struct wr_plan_term *t, uint32_t want)
{
    switch (t->kind) {
    case WR_PLAN_CONST:
        return constant(c, t->value, want);
    case WR_PLAN_VAR:
        return variable(c, t, want);
    case WR_PLAN_ARRAY:
    case WR_PLAN_OBJECT:
    case WR_PLAN_SET:
        return collection(c, t, want);
    case WR_PLAN_ARRAY_OF:
    case WR_PLAN_SET_OF:
    case WR_PLAN_OBJECT_OF:
        return wr_compile_comprehension(c, t, want);
    case WR_PLAN_CALL: {
        const struct wr_value *known = wr_known(c, t);
        return known != NULL ? constant(c, *known, want) : wr_compile_call(c, t, want);
    }
    default:
        return wr_compile_ref(c, t, want);
    }
}

/* ── matching ───────────────────────────────────────────────────────────────────────────────── */

static void match_array(struct compiler *c, const struct wr_plan_term *p, uint32_t reg)
{
    wr_emit(c, WR_OP_IS_ARRAY, 0, reg, 0, p->n, c->fail);
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t item = wr_new_register(c);
        wr_emit(c, WR_OP_GET_CONST, item, reg, 0, wr_unit_const(c->unit, wr_int(i)), c->fail);
        wr_compile_match(c, p->items[i], item);
    }
}

static void match_object(struct compiler *c, const struct wr_plan_term *p, uint32_t reg)
{
    wr_emit(c, WR_OP_IS_OBJECT, 0, reg, 0, p->n / 2, c->fail);
    for (uint32_t i = 0; i < p->n; i += 2) {
        uint32_t item = wr_new_register(c);
        if (p->items[i]->kind == WR_PLAN_CONST) {
            wr_emit(c, WR_OP_GET_CONST, item, reg, 0, wr_unit_const(c->unit, p->items[i]->value),
                    c->fail);
        } else {
            uint32_t key = wr_compile_term(c, p->items[i], WR_NO_REGISTER);
            wr_emit(c, WR_OP_GET, item, reg, key, 0, c->fail);
        }
        wr_compile_match(c, p->items[i + 1], item);
    }
}

void wr_compile_match(struct compiler *c, const struct wr_plan_term *pattern, uint32_t reg)
{
    const struct wr_value *known = wr_known(c, pattern);
    wr_set_place(c, pattern->loc);
    if (pattern->kind == WR_PLAN_VAR && !c->bindings.bound[pattern->var]) {
        wr_bind_register(c, pattern->var, reg);
    } else if (known != NULL) {
        wr_emit(c, WR_OP_EQ_CONST, 0, reg, 0, wr_unit_const(c->unit, *known), c->fail);
    } else if (pattern->kind == WR_PLAN_ARRAY) {
        match_array(c, pattern, reg);
    } else if (pattern->kind == WR_PLAN_OBJECT) {
        match_object(c, pattern, reg);
    } else {
        uint32_t other = wr_compile_term(c, pattern, WR_NO_REGISTER);
        wr_emit(c, WR_OP_EQ, 0, reg, other, 0, c->fail);
    }
}

/* ── unification ────────────────────────────────────────────────────────────────────────────── */

static bool would_unify(struct compiler *c, const struct wr_plan_term *x,
                        const struct wr_plan_term *y)
{
    uint32_t before = c->bindings.n_bound;
    bool ok = wr_ready_unify(&c->bindings, x, y);
    wr_unbind(&c->bindings, before);
    return ok;
}

static void unify_pairs(struct compiler *c, const struct wr_plan_term *x,
                        const struct wr_plan_term *y)
{
    bool *done = WR_NEW_ARRAY(c->arena, bool, x->n + 1);
    uint32_t left = x->n / wr_pair_step(x), before;
    if (done == NULL) {
        c->no_room = true;
        return;
    }
    do {
        before = left;
        for (uint32_t i = wr_pair_first(x); i < x->n; i += wr_pair_step(x)) {
            const struct wr_plan_term *other = wr_pair_of(x, y, i);
            if (!done[i] && would_unify(c, x->items[i], other)) {
                wr_compile_unify(c, x->items[i], other);
                done[i] = true;
                left--;
            }
        }
    } while (left > 0 && left < before);
    c->unsafe = c->unsafe || left > 0;
}

/* True if x can be computed and y then matched. */
static bool one_way(struct compiler *c, const struct wr_plan_term *x, const struct wr_plan_term *y)
{
    uint32_t before = c->bindings.n_bound;
    bool ok = wr_ready(&c->bindings, x) && wr_ready_pattern(&c->bindings, y);
    wr_unbind(&c->bindings, before);
    return ok;
}

void wr_compile_unify(struct compiler *c, const struct wr_plan_term *x,
                      const struct wr_plan_term *y)
{
    if (wr_pairs(x, y)) {
        unify_pairs(c, x, y);
        return;
    }
    bool binds = y->kind == WR_PLAN_VAR && !c->bindings.bound[y->var];
    if ((wr_known(c, x) != NULL && !binds) || !one_way(c, x, y)) {
        const struct wr_plan_term *swap = x; /* constants are cheapest as patterns */
        x = y;
        y = swap;
        if (!one_way(c, x, y)) {
            swap = x;
            x = y;
            y = swap;
        }
    }
    if (!one_way(c, x, y)) {
        c->unsafe = true;
        return;
    }
    const struct wr_value *known = wr_known(c, x);
    if (known != NULL && y->kind == WR_PLAN_VAR && !c->bindings.bound[y->var]) {
        wr_bind(&c->bindings, y->var);
        c->var_constant[y->var] = known;
        return;
    }
    uint32_t reg = wr_compile_term(c, x, WR_NO_REGISTER);
    wr_compile_match(c, y, reg);
}
