/* SPDX-License-Identifier: Apache-2.0 */
/* Whether parts of two clauses are the same but for the names of their variables. */
#include "base/hash.h"
#include "rego/lane.h"

bool wr_same_init(struct wr_arena *arena, struct wr_same *same, const struct wr_scope *a,
                  const struct wr_scope *b)
{
    *same = (struct wr_same){.a = a, .b = b};
    same->a_to_b = WR_NEW_ARRAY(arena, uint32_t, a->bindings.n_vars);
    same->b_to_a = WR_NEW_ARRAY(arena, uint32_t, b->bindings.n_vars);
    return same->a_to_b != NULL && same->b_to_a != NULL;
}

/* Equal and written alike: 1 and 1.0 are equal, but what a policy shows is the text. */
static bool same_constant(const struct wr_value *a, const struct wr_value *b)
{
    if (a->type != b->type || !wr_value_eq(a, b)) {
        return false;
    }
    if (a->type == WR_NUMBER) {
        return a->kind == b->kind && a->scale == b->scale &&
               (a->kind != WR_TEXT || wr_str_eq(wr_text(*a), wr_text(*b)));
    }
    uint32_t n = a->type < WR_ARRAY ? 0 : a->type == WR_OBJECT ? 2 * a->n : a->n;
    for (uint32_t i = 0; i < n; i++) {
        if (!same_constant(&a->items[i], &b->items[i])) { /* depth: WR_LIMIT_VALUE_DEPTH */
            return false;
        }
    }
    return true;
}

/* Wildcards and generated variables are not written where they stand only once. */
static bool has_name(const struct wr_scope *scope, uint32_t var)
{
    return scope->names[var].n > 0 && scope->names[var].p[0] != '$';
}

static bool same_var(struct wr_same *same, uint32_t a, uint32_t b)
{
    bool a_bound = same->a->bindings.bound[a], b_bound = same->b->bindings.bound[b];
    const struct wr_value *x = a_bound ? same->a->var_constant[a] : NULL;
    const struct wr_value *y = b_bound ? same->b->var_constant[b] : NULL;
    if (a_bound != b_bound || (x == NULL) != (y == NULL)) {
        return false;
    }
    if (x != NULL) {
        return same_constant(x, y);
    }
    if (a_bound) {
        return same->a->var_register[a] == same->b->var_register[b];
    }
    if (same->a_to_b[a] == 0 && same->b_to_a[b] == 0) {
        same->a_to_b[a] = b + 1;
        same->b_to_a[b] = a + 1;
        return has_name(same->a, a) == has_name(same->b, b);
    }
    return same->a_to_b[a] == b + 1 && same->b_to_a[b] == a + 1;
}

static bool same_body(struct wr_same *same, const struct wr_plan_body *a,
                      const struct wr_plan_body *b)
{
    if (a == NULL || b == NULL || a->n != b->n) {
        return a == b;
    }
    for (uint32_t i = 0; i < a->n; i++) {
        if (!wr_same_expr(same, a->exprs[i], b->exprs[i])) {
            return false;
        }
    }
    return true;
}

bool wr_same_term(struct wr_same *same, const struct wr_plan_term *a, const struct wr_plan_term *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    if (a->kind != b->kind || a->op != b->op || a->has_extra != b->has_extra || a->n != b->n ||
        a->builtin != b->builtin || a->function != b->function) {
        return false;
    }
    if (a->kind == WR_PLAN_CONST) {
        return same_constant(&a->value, &b->value);
    }
    if (a->kind == WR_PLAN_VAR) {
        return same_var(same, a->var, b->var);
    }
    for (uint32_t i = 0; i < a->n; i++) {
        if (!wr_same_term(same, a->items[i], b->items[i])) {
            return false;
        }
    }
    return same_body(same, a->body, b->body);
}

bool wr_same_expr(struct wr_same *same, const struct wr_plan_expr *a, const struct wr_plan_expr *b)
{
    return a->kind == b->kind && a->negated == b->negated && a->n_with == 0 && b->n_with == 0 &&
           a->n_before == 0 && b->n_before == 0 && wr_same_term(same, a->a, b->a) &&
           wr_same_term(same, a->b, b->b) && wr_same_term(same, a->domain, b->domain) &&
           same_body(same, a->body, b->body);
}

/* ── shapes ─────────────────────────────────────────────────────────────────────────────────── */

static uint64_t mix(uint64_t shape, uint64_t more)
{
    return wr_mix64(shape ^ (more + UINT64_C(0x9E3779B97F4A7C15)));
}

static uint64_t shape_of_body(const struct wr_plan_body *body)
{
    uint64_t shape = body == NULL ? 0 : body->n + 1;
    for (uint32_t i = 0; body != NULL && i < body->n; i++) {
        shape = mix(shape, wr_shape_of_expr(body->exprs[i]));
    }
    return shape;
}

uint64_t wr_shape_of_term(const struct wr_plan_term *t)
{
    if (t == NULL) {
        return 1;
    }
    uint64_t shape = mix(t->kind, (uint64_t)t->op << 32 | t->n);
    shape = t->kind == WR_PLAN_CONST ? mix(shape, wr_value_hash(&t->value)) : shape;
    for (uint32_t i = 0; i < t->n; i++) {
        shape = mix(shape, wr_shape_of_term(t->items[i]));
    }
    return mix(shape, shape_of_body(t->body));
}

uint64_t wr_shape_of_expr(const struct wr_plan_expr *e)
{
    uint64_t shape = mix(e->kind, e->negated);
    shape = mix(shape, wr_shape_of_term(e->a));
    shape = mix(shape, wr_shape_of_term(e->b));
    return mix(mix(shape, wr_shape_of_term(e->domain)), shape_of_body(e->body));
}
