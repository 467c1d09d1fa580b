/* SPDX-License-Identifier: Apache-2.0 */
/* Readiness of terms and order of bodies. Walkers recurse to the parser's depth at most. */
#include "rego/safety.h"

bool wr_bindings_init(struct wr_bindings *b, struct wr_arena *arena, uint32_t n_vars,
                      uint64_t *budget)
{
    *b = (struct wr_bindings){.budget = budget, .n_vars = n_vars};
    b->bound = WR_NEW_ARRAY(arena, bool, n_vars);
    b->local = WR_NEW_ARRAY(arena, bool, n_vars);
    b->bound_trail = WR_NEW_ARRAY(arena, uint32_t, n_vars);
    b->local_trail = WR_NEW_ARRAY(arena, uint32_t, n_vars);
    return b->bound != NULL && b->local != NULL && b->bound_trail != NULL && b->local_trail != NULL;
}

void wr_bind(struct wr_bindings *b, uint32_t var)
{
    if (!b->bound[var]) {
        b->bound[var] = true;
        b->bound_trail[b->n_bound++] = var;
    }
}

void wr_unbind(struct wr_bindings *b, uint32_t n_bound)
{
    while (b->n_bound > n_bound) {
        b->bound[b->bound_trail[--b->n_bound]] = false;
    }
}

/* ── local variables ────────────────────────────────────────────────────────────────────────── */

static void mark_term(struct wr_bindings *b, const struct wr_plan_term *t)
{
    if (t == NULL || t->body != NULL) {
        return;
    }
    if (t->kind == WR_PLAN_VAR && !b->local[t->var]) {
        b->local[t->var] = true;
        b->local_trail[b->n_local++] = t->var;
    }
    for (uint32_t i = 0; i < t->n; i++) {
        mark_term(b, t->items[i]);
    }
}

void wr_enter_body(struct wr_bindings *b, const struct wr_plan_body *body)
{
    for (uint32_t i = 0; i < body->n; i++) {
        const struct wr_plan_expr *e = body->exprs[i];
        if (e->kind == WR_PLAN_EVERY) {
            mark_term(b, e->domain);
        } else {
            mark_term(b, e->a);
            mark_term(b, e->b);
        }
        for (uint32_t k = 0; k < e->n_before; k++) {
            mark_term(b, e->before[k]->b);
        }
        for (uint32_t k = 0; k < e->n_with; k++) {
            mark_term(b, e->with[k].value);
        }
    }
}

void wr_leave_body(struct wr_bindings *b, uint32_t n_local)
{
    while (b->n_local > n_local) {
        b->local[b->local_trail[--b->n_local]] = false;
    }
}

/* ── closures ───────────────────────────────────────────────────────────────────────────────── */

typedef void var_visitor(void *context, uint32_t var, const struct wr_ast_loc *loc);

static void visit_body(const struct wr_plan_body *body, var_visitor *visit, void *context);

/* Every variable in a term, those in closures included. */
static void visit_term(const struct wr_plan_term *t, var_visitor *visit, void *context)
{
    if (t == NULL) {
        return;
    }
    if (t->kind == WR_PLAN_VAR) {
        visit(context, t->var, t->loc);
    }
    for (uint32_t i = 0; i < t->n; i++) {
        visit_term(t->items[i], visit, context);
    }
    if (t->body != NULL) {
        visit_body(t->body, visit, context);
    }
}

static void visit_expr(const struct wr_plan_expr *e, var_visitor *visit, void *context)
{
    visit_term(e->a, visit, context);
    visit_term(e->b, visit, context);
    visit_term(e->domain, visit, context);
    if (e->body != NULL) {
        visit_body(e->body, visit, context);
    }
    for (uint32_t i = 0; i < e->n_before; i++) {
        visit_term(e->before[i]->b, visit, context);
    }
    for (uint32_t i = 0; i < e->n_with; i++) {
        visit_term(e->with[i].value, visit, context);
    }
}

static void visit_body(const struct wr_plan_body *body, var_visitor *visit, void *context)
{
    for (uint32_t i = 0; i < body->n; i++) {
        visit_expr(body->exprs[i], visit, context);
    }
}

static bool take_step(struct wr_bindings *b)
{
    if (*b->budget == 0) {
        return false;
    }
    --*b->budget;
    return true;
}

struct closure_check {
    struct wr_bindings *b;
    bool ok;
};

static void check_closed(void *context, uint32_t var, const struct wr_ast_loc *loc)
{
    struct closure_check *check = context;
    (void)loc;
    check->ok = check->ok && take_step(check->b);
    if (check->b->local[var] && !check->b->bound[var]) {
        check->ok = false;
    }
}

/* What a closure takes from the bodies around it must be bound before. */
static bool closure_ready(struct wr_bindings *b, const struct wr_plan_term *t)
{
    struct closure_check check = {b, true};
    visit_term(t, check_closed, &check);
    return check.ok;
}

static bool body_closed(struct wr_bindings *b, const struct wr_plan_body *body)
{
    struct closure_check check = {b, true};
    visit_body(body, check_closed, &check);
    return check.ok;
}

/* ── terms ──────────────────────────────────────────────────────────────────────────────────── */

/* All of n items, in any order that works. */
static bool items_ready(struct wr_bindings *b, struct wr_plan_term *const *items, uint32_t n)
{
    for (;;) {
        uint32_t before = b->n_bound;
        bool all = true;
        for (uint32_t i = 0; i < n; i++) {
            all = wr_ready(b, items[i]) && all;
        }
        if (all) {
            return true;
        }
        if (b->n_bound == before) {
            return false;
        }
    }
}

static bool operand_ready(struct wr_bindings *b, const struct wr_plan_term *t)
{
    if (t->kind == WR_PLAN_VAR) {
        wr_bind(b, t->var);
        return true;
    }
    return t->kind == WR_PLAN_ARRAY || t->kind == WR_PLAN_OBJECT ? wr_ready_pattern(b, t)
                                                                 : wr_ready(b, t);
}

static bool ref_ready(struct wr_bindings *b, const struct wr_plan_term *t)
{
    if (!wr_ready(b, t->items[0])) {
        return false;
    }
    for (uint32_t i = 1; i < t->n; i++) {
        if (!operand_ready(b, t->items[i])) {
            return false;
        }
    }
    return true;
}

static bool term_ready(struct wr_bindings *b, const struct wr_plan_term *t)
{
    if (!take_step(b)) {
        return false;
    }
    switch (t->kind) {
    case WR_PLAN_VAR:
        return b->bound[t->var];
    case WR_PLAN_REF:
        return ref_ready(b, t);
    case WR_PLAN_ARRAY:
    case WR_PLAN_SET:
    case WR_PLAN_OBJECT:
        return items_ready(b, t->items, t->n);
    case WR_PLAN_CALL:
        return items_ready(b, t->items, t->has_extra ? t->n - 1 : t->n) &&
               (!t->has_extra || wr_ready_pattern(b, t->items[t->n - 1]));
    case WR_PLAN_ARRAY_OF:
    case WR_PLAN_SET_OF:
    case WR_PLAN_OBJECT_OF:
        return closure_ready(b, t);
    default:
        return true;
    }
}

bool wr_ready(struct wr_bindings *b, const struct wr_plan_term *t)
{
    uint32_t before = b->n_bound;
    bool ok = term_ready(b, t);
    if (!ok) {
        wr_unbind(b, before);
    }
    return ok;
}

bool wr_would_be_ready(struct wr_bindings *b, const struct wr_plan_term *t)
{
    uint32_t before = b->n_bound;
    bool ok = term_ready(b, t);
    wr_unbind(b, before);
    return ok;
}

bool wr_ready_pattern(struct wr_bindings *b, const struct wr_plan_term *t)
{
    uint32_t before = b->n_bound;
    bool ok = true;
    if (t->kind == WR_PLAN_VAR) {
        wr_bind(b, t->var);
    } else if (t->kind == WR_PLAN_ARRAY || t->kind == WR_PLAN_OBJECT) {
        bool object = t->kind == WR_PLAN_OBJECT;
        for (uint32_t i = 0; i < t->n && ok; i++) {
            ok = object && i % 2 == 0 ? wr_ready(b, t->items[i]) : wr_ready_pattern(b, t->items[i]);
        }
    } else {
        ok = wr_ready(b, t);
    }
    if (!ok) {
        wr_unbind(b, before);
    }
    return ok;
}

/* ── unification ────────────────────────────────────────────────────────────────────────────── */

const struct wr_plan_term *wr_pair_of(const struct wr_plan_term *x, const struct wr_plan_term *y,
                                      uint32_t i)
{
    if (x->kind == WR_PLAN_ARRAY) {
        return y->items[i];
    }
    for (uint32_t k = 0; k < y->n; k += 2) {
        if (wr_value_eq(&x->items[i - 1]->value, &y->items[k]->value)) {
            return y->items[k + 1];
        }
    }
    return NULL;
}

bool wr_pairs(const struct wr_plan_term *x, const struct wr_plan_term *y)
{
    if (x->kind != y->kind || x->n != y->n) {
        return false;
    }
    if (x->kind == WR_PLAN_ARRAY) {
        return true;
    }
    if (x->kind != WR_PLAN_OBJECT) {
        return false;
    }
    for (uint32_t i = 0; i < x->n; i += 2) {
        if (x->items[i]->kind != WR_PLAN_CONST || y->items[i]->kind != WR_PLAN_CONST) {
            return false;
        }
    }
    for (uint32_t i = 1; i < x->n; i += 2) {
        if (wr_pair_of(x, y, i) == NULL || wr_pair_of(y, x, i) == NULL) {
            return false;
        }
    }
    return true;
}

static bool pairs_ready(struct wr_bindings *b, const struct wr_plan_term *x,
                        const struct wr_plan_term *y)
{
    for (;;) {
        uint32_t before = b->n_bound;
        bool all = true;
        for (uint32_t i = wr_pair_first(x); i < x->n; i += wr_pair_step(x)) {
            all = wr_ready_unify(b, x->items[i], wr_pair_of(x, y, i)) && all;
        }
        if (all) {
            return true;
        }
        if (b->n_bound == before) {
            return false;
        }
    }
}

bool wr_ready_unify(struct wr_bindings *b, const struct wr_plan_term *x,
                    const struct wr_plan_term *y)
{
    uint32_t before = b->n_bound;
    if (wr_pairs(x, y)) {
        if (pairs_ready(b, x, y)) {
            return true;
        }
        wr_unbind(b, before);
        return false;
    }
    if (wr_ready(b, x) && wr_ready_pattern(b, y)) {
        return true;
    }
    wr_unbind(b, before);
    if (wr_ready(b, y) && wr_ready_pattern(b, x)) {
        return true;
    }
    wr_unbind(b, before);
    return false;
}

/* ── expressions ────────────────────────────────────────────────────────────────────────────── */

static bool plain_ready(struct wr_bindings *b, const struct wr_plan_expr *e)
{
    switch (e->kind) {
    case WR_PLAN_UNIFY:
        return wr_ready_unify(b, e->a, e->b);
    case WR_PLAN_EQUAL: {
        struct wr_plan_term *sides[2] = {e->a, e->b};
        return items_ready(b, sides, 2);
    }
    case WR_PLAN_EVERY:
        return wr_ready(b, e->domain) && body_closed(b, e->body);
    default:
        return wr_ready(b, e->a);
    }
}

/* A negation binds nothing: all that it mentions must be bound. */
static bool negated_ready(struct wr_bindings *b, const struct wr_plan_expr *e)
{
    uint32_t start = b->n_bound;
    bool ok = true;
    for (uint32_t i = 0; i < e->n_before && ok; i++) {
        uint32_t before = b->n_bound;
        ok = wr_ready(b, e->before[i]->b) && b->n_bound == before;
        wr_bind(b, e->before[i]->a->var);
    }
    uint32_t before = b->n_bound;
    ok = ok && plain_ready(b, e) && b->n_bound == before;
    wr_unbind(b, start);
    return ok;
}

bool wr_ready_expr(struct wr_bindings *b, const struct wr_plan_expr *e)
{
    uint32_t start = b->n_bound;
    bool ok = true;
    for (uint32_t i = 0; i < e->n_with && ok; i++) {
        ok = e->with[i].value == NULL || wr_ready(b, e->with[i].value);
    }
    ok = ok && (e->negated ? negated_ready(b, e) : plain_ready(b, e));
    if (!ok) {
        wr_unbind(b, start);
    }
    return ok;
}

uint32_t wr_order_body(struct wr_bindings *b, const struct wr_plan_body *body, uint32_t *order,
                       bool *placed)
{
    uint32_t n = 0, before;
    do {
        before = n;
        for (uint32_t i = 0; i < body->n; i++) {
            if (!placed[i] && wr_ready_expr(b, body->exprs[i])) {
                placed[i] = true;
                order[n++] = i;
            }
        }
    } while (n > before && n < body->n);
    return n;
}

/* ── what is missing ────────────────────────────────────────────────────────────────────────── */

struct unsafe_scan {
    struct wr_bindings *b;
    var_visitor *report;
    void *context;
};

static void scan_closure(void *context, uint32_t var, const struct wr_ast_loc *loc)
{
    struct unsafe_scan *scan = context;
    if (scan->b->local[var] && !scan->b->bound[var]) {
        scan->report(scan->context, var, loc);
    }
}

static void scan_term(struct unsafe_scan *scan, const struct wr_plan_term *t)
{
    if (t == NULL) {
        return;
    }
    if (t->body != NULL) {
        visit_term(t, scan_closure, scan);
        return;
    }
    if (t->kind == WR_PLAN_VAR && !scan->b->bound[t->var]) {
        scan->report(scan->context, t->var, t->loc);
    }
    for (uint32_t i = 0; i < t->n; i++) {
        scan_term(scan, t->items[i]);
    }
}

void wr_unsafe_vars(struct wr_bindings *b, const struct wr_plan_expr *e,
                    const struct wr_plan_term *t, var_visitor *report, void *context)
{
    struct unsafe_scan scan = {b, report, context};
    scan_term(&scan, t);
    if (e == NULL) {
        return;
    }
    for (uint32_t i = 0; i < e->n_before; i++) {
        scan_term(&scan, e->before[i]->b);
        wr_bind(b, e->before[i]->a->var);
    }
    if (e->kind == WR_PLAN_EVERY) {
        scan_term(&scan, e->domain);
        visit_body(e->body, scan_closure, &scan);
    } else {
        scan_term(&scan, e->a);
        scan_term(&scan, e->b);
    }
    for (uint32_t i = 0; i < e->n_with; i++) {
        scan_term(&scan, e->with[i].value);
    }
}
