/* SPDX-License-Identifier: Apache-2.0 */
/* The steps by which OPA flattens a rule: calls inside of terms become statements that bind a
 * generated variable, so do terms of comprehensions and heads that must be evaluated, and, last,
 * references inside of terms. Each step goes over all rules before the next one begins: that gives
 * generated names their numbers. */
#include "rego/check_state.h"

/* ── calls out of terms ─────────────────────────────────────────────────────────────────────── */

static struct wr_ast_term *expand(struct wr_check *c, struct wr_ast_term *t,
                                  struct check_list *support);

static struct wr_ast_term *generated_var(struct wr_check *c, const struct wr_ast_loc *loc)
{
    return wr_check_var(c, wr_check_generate(c), loc);
}

/* `variable = t` among the support; the variable. */
static struct wr_ast_term *bind(struct wr_check *c, struct wr_ast_term *t,
                                struct check_list *support, const struct wr_ast_expr *like)
{
    struct wr_ast_term *var = generated_var(c, &t->loc);
    struct wr_ast_expr *e = wr_check_equation(c, var, t, &t->loc);
    if (like != NULL) {
        e->with = like->with;
        e->n_with = like->n_with;
    }
    wr_check_push(c, support, e);
    return var;
}

static struct wr_ast_term *expand_call(struct wr_check *c, struct wr_ast_term *t,
                                       struct check_list *support)
{
    struct wr_ast_term *call = wr_check_new_items(c, WR_AST_CALL, &t->loc, t->n_items + 1);
    if (call == &c->sink) {
        return call;
    }
    call->items[0] = t->items[0];
    for (uint32_t i = 1; i < t->n_items && !c->stop; i++) {
        call->items[i] = expand(c, t->items[i], support);
    }
    struct wr_ast_term *var = generated_var(c, &t->loc);
    struct wr_ast_expr *e = wr_check_new_expr(c, call, &t->loc);
    call->items[t->n_items] = var;
    e->generated = true;
    wr_check_push(c, support, e);
    return var;
}

static struct wr_ast_term *expand_items(struct wr_check *c, struct wr_ast_term *t,
                                        struct check_list *support)
{
    for (uint32_t i = 0; i < t->n_items && !c->stop; i++) {
        t->items[i] = expand(c, t->items[i], support);
    }
    return t;
}

static struct wr_ast_term *expand_comprehension(struct wr_check *c, struct wr_ast_term *t)
{
    struct check_list support = {0};
    expand_items(c, t, &support);
    wr_check_append(c, &t->body, &support);
    t->body = wr_check_expand_body(c, t->body);
    return t;
}

static struct wr_ast_term *expand(struct wr_check *c, struct wr_ast_term *t,
                                  struct check_list *support)
{
    switch ((enum wr_ast_kind)t->kind) {
    case WR_AST_SCALAR:
    case WR_AST_VAR:
        return t;
    case WR_AST_CALL:
        return expand_call(c, t, support);
    case WR_AST_REF:
        expand_items(c, t, support);
        if (t->items[0]->kind != WR_AST_VAR && t->items[0]->kind != WR_AST_REF &&
            t->items[0]->kind != WR_AST_SCALAR) {
            t->items[0] = bind(c, t->items[0], support, NULL);
        }
        return t;
    case WR_AST_ARRAY:
    case WR_AST_OBJECT:
    case WR_AST_SET:
        return wr_ast_is_ground(t) ? t : expand_items(c, t, support);
    case WR_AST_ARRAY_COMPREHENSION:
    case WR_AST_SET_COMPREHENSION:
    case WR_AST_OBJECT_COMPREHENSION:
        return expand_comprehension(c, t);
    }
    return t;
}

static void push_all(struct wr_check *c, struct check_list *out, const struct check_list *support,
                     const struct wr_ast_expr *like)
{
    for (uint32_t i = 0; i < support->n; i++) {
        struct wr_ast_expr *e = support->items[i];
        if (like->n_with > 0) {
            e->with = like->with;
            e->n_with = like->n_with;
        }
        wr_check_push(c, out, e);
    }
}

static void expand_expr(struct wr_check *c, struct wr_ast_expr *e, struct check_list *out)
{
    struct check_list support = {0};
    for (uint32_t i = 0; i < e->n_with && !c->stop; i++) {
        e->with[i].value = expand(c, e->with[i].value, out);
    }
    if (e->kind == WR_AST_EVERY) {
        if (e->domain->kind == WR_AST_CALL) {
            e->domain = expand(c, e->domain, out);
        } else {
            e->domain = bind(c, e->domain, out, e);
        }
        e->body = wr_check_expand_body(c, e->body);
    } else if (wr_check_is_call(e)) {
        for (uint32_t i = 1; i < e->term->n_items && !c->stop; i++) {
            e->term->items[i] = expand(c, e->term->items[i], &support);
        }
    } else if (e->kind == WR_AST_TERM) {
        e->term = expand(c, e->term, &support);
    }
    push_all(c, out, &support, e);
    wr_check_push(c, out, e);
}

struct wr_ast_body *wr_check_expand_body(struct wr_check *c, struct wr_ast_body *body)
{
    struct check_list out = {0};
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        expand_expr(c, body->exprs[i], &out);
    }
    return wr_check_body(c, &out, &body->loc);
}

void wr_check_expand(struct wr_check *c, struct check_rule *rule)
{
    struct check_list support = {0};
    for (uint32_t i = 0; i < rule->source->n_args; i++) {
        rule->args[i] = expand(c, rule->args[i], &support);
    }
    rule->key = rule->key != NULL ? expand(c, rule->key, &support) : NULL;
    rule->value = rule->value != NULL ? expand(c, rule->value, &support) : NULL;
    wr_check_append(c, &rule->body, &support);
    rule->body = wr_check_expand_body(c, rule->body);
}

/* ── heads ──────────────────────────────────────────────────────────────────────────────────── */

void wr_check_head_refs(struct wr_check *c, struct check_rule *rule)
{
    struct check_list support = {0};
    uint32_t n_package = rule->path->n_items - rule->ref->n_items;
    for (uint32_t i = 1; i < rule->ref->n_items && !c->stop; i++) {
        struct wr_ast_term *item = rule->ref->items[i];
        if (item->kind != WR_AST_VAR && item->kind != WR_AST_SCALAR) {
            item = bind(c, item, &support, NULL);
            rule->ref->items[i] = item;
        }
        rule->path->items[n_package + i] = item;
    }
    wr_check_append(c, &rule->body, &support);
    rule->n_ground = 1;
    while (rule->n_ground < rule->path->n_items &&
           rule->path->items[rule->n_ground]->kind == WR_AST_SCALAR) {
        rule->n_ground++;
    }
}

bool wr_check_requires_eval(const struct wr_ast_term *t)
{
    if (t->kind == WR_AST_REF || t->body != NULL) {
        return true;
    }
    for (uint32_t i = 0; t->kind != WR_AST_SCALAR && t->kind != WR_AST_VAR && i < t->n_items; i++) {
        if (wr_check_requires_eval(t->items[i])) {
            return true;
        }
    }
    return false;
}

void wr_check_refs_in_head(struct wr_check *c, struct check_rule *rule)
{
    struct check_list support = {0};
    if (rule->key != NULL && wr_check_requires_eval(rule->key)) {
        rule->key = bind(c, rule->key, &support, NULL);
    }
    if (rule->value != NULL && wr_check_requires_eval(rule->value)) {
        rule->value = bind(c, rule->value, &support, NULL);
    }
    for (uint32_t i = 0; i < rule->source->n_args; i++) {
        if (wr_check_requires_eval(rule->args[i])) {
            rule->args[i] = bind(c, rule->args[i], &support, NULL);
        }
    }
    wr_check_append(c, &rule->body, &support);
}

/* ── terms of comprehensions ────────────────────────────────────────────────────────────────── */

static void comprehensions_in(struct wr_check *c, struct wr_ast_term *t)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR) {
        return;
    }
    if (t->body != NULL) {
        struct check_list support = {0};
        for (uint32_t i = 0; i < t->n_items; i++) {
            if (wr_check_requires_eval(t->items[i])) {
                t->items[i] = bind(c, t->items[i], &support, NULL);
            }
        }
        wr_check_append(c, &t->body, &support);
        wr_check_comprehensions_of(c, t->body);
        return;
    }
    for (uint32_t i = 0; i < t->n_items && !c->stop; i++) {
        comprehensions_in(c, t->items[i]);
    }
}

void wr_check_comprehensions_of(struct wr_check *c, struct wr_ast_body *body)
{
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        struct wr_ast_expr *e = body->exprs[i];
        if (e->kind == WR_AST_EVERY) {
            comprehensions_in(c, e->domain);
            wr_check_comprehensions_of(c, e->body);
        } else if (e->kind == WR_AST_TERM) {
            comprehensions_in(c, e->term);
        }
        for (uint32_t k = 0; k < e->n_with; k++) {
            comprehensions_in(c, e->with[k].value);
        }
    }
}

void wr_check_comprehensions(struct wr_check *c, struct check_rule *rule)
{
    for (uint32_t i = 0; i < rule->source->n_args; i++) {
        comprehensions_in(c, rule->args[i]);
    }
    if (rule->key != NULL) {
        comprehensions_in(c, rule->key);
    }
    if (rule->value != NULL) {
        comprehensions_in(c, rule->value);
    }
    wr_check_comprehensions_of(c, rule->body);
}

/* ── == is = where both sides are known ─────────────────────────────────────────────────────── */

static void equals_in(struct wr_check *c, struct wr_ast_body *body);

static void equals_in_term(struct wr_check *c, struct wr_ast_term *t)
{
    for (uint32_t i = 0;
         t->kind != WR_AST_SCALAR && t->kind != WR_AST_VAR && i < t->n_items && !c->stop; i++) {
        equals_in_term(c, t->items[i]);
    }
    if (t->body != NULL) {
        equals_in(c, t->body);
    }
}

static void equals_in(struct wr_check *c, struct wr_ast_body *body)
{
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        struct wr_ast_expr *e = body->exprs[i];
        if (e->kind == WR_AST_EVERY) {
            equals_in(c, e->body);
            continue;
        }
        if (wr_check_is_call(e) && wr_check_is_op(e->term, "equal") && e->term->n_items == 3) {
            struct wr_ast_term *a = e->term->items[1], *b = e->term->items[2];
            e->term = wr_check_equation(c, a, b, &e->term->loc)->term;
        }
        if (e->term != NULL) {
            equals_in_term(c, e->term);
        }
    }
}

void wr_check_equals(struct wr_check *c, struct check_rule *rule)
{
    equals_in(c, rule->body);
}

/* ── references out of terms ────────────────────────────────────────────────────────────────── */

static struct wr_ast_term *dynamic(struct wr_check *c, const struct wr_ast_expr *e,
                                   struct wr_ast_term *t, struct check_list *out)
{
    switch ((enum wr_ast_kind)t->kind) {
    case WR_AST_REF:
        for (uint32_t i = 1; i < t->n_items && !c->stop; i++) {
            t->items[i] = dynamic(c, e, t->items[i], out);
        }
        return bind(c, t, out, e);
    case WR_AST_ARRAY:
    case WR_AST_OBJECT:
    case WR_AST_SET:
        if (!wr_ast_is_ground(t)) {
            for (uint32_t i = 0; i < t->n_items && !c->stop; i++) {
                t->items[i] = dynamic(c, e, t->items[i], out);
            }
        }
        return t;
    case WR_AST_ARRAY_COMPREHENSION:
    case WR_AST_SET_COMPREHENSION:
    case WR_AST_OBJECT_COMPREHENSION:
        t->body = wr_check_dynamics_of(c, t->body);
        return bind(c, t, out, e);
    default:
        return t;
    }
}

/* The same for a term that stands alone or in an equation: it stays where it is. */
static struct wr_ast_term *dynamic_top(struct wr_check *c, const struct wr_ast_expr *e,
                                       struct wr_ast_term *t, struct check_list *out)
{
    if (t->kind == WR_AST_REF) {
        for (uint32_t i = 1; i < t->n_items && !c->stop; i++) {
            t->items[i] = dynamic(c, e, t->items[i], out);
        }
        return t;
    }
    if (t->body != NULL) {
        t->body = wr_check_dynamics_of(c, t->body);
        return t;
    }
    return dynamic(c, e, t, out);
}

struct wr_ast_body *wr_check_dynamics_of(struct wr_check *c, struct wr_ast_body *body)
{
    struct check_list out = {0};
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        struct wr_ast_expr *e = body->exprs[i];
        if (e->kind == WR_AST_EVERY) {
            e->domain = dynamic(c, e, e->domain, &out);
            e->body = wr_check_dynamics_of(c, e->body);
        } else if (!wr_check_is_call(e)) {
            e->term = e->term != NULL ? dynamic_top(c, e, e->term, &out) : NULL;
        } else {
            bool equation = wr_check_is_op(e->term, "eq");
            for (uint32_t k = 1; k < e->term->n_items && !c->stop; k++) {
                struct wr_ast_term *t = e->term->items[k];
                if (!equation) {
                    e->term->items[k] = dynamic(c, e, t, &out);
                } else if (e->term->n_items == 3) {
                    e->term->items[k] = dynamic_top(c, e, t, &out);
                }
            }
        }
        wr_check_push(c, &out, e);
    }
    return wr_check_body(c, &out, &body->loc);
}

void wr_check_dynamics(struct wr_check *c, struct check_rule *rule)
{
    rule->body = wr_check_dynamics_of(c, rule->body);
}
