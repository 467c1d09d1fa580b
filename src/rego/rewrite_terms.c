/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, references and comprehensions within terms, pulled out into statements of their own. */
#include "rego/rewrite_in.h"

static void append_all(struct rewriter *r, struct rewrite_body *to, const struct wr_ast_body *from)
{
    for (uint32_t i = 0; i < from->n; i++) {
        wr_rewrite_append(r, to, from->exprs[i]);
    }
}

/* Head references, keys and values that are not scalars or variables. */
static bool needs_evaluation(const struct wr_ast_term *t)
{
    if (t == NULL || t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR) {
        return false;
    }
    if (t->kind == WR_AST_REF || t->body != NULL) {
        return true;
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        if (needs_evaluation(t->items[i])) {
            return true;
        }
    }
    return false;
}

/* ── calls ──────────────────────────────────────────────────────────────────────────────────── */
static struct wr_ast_body *calls_body(struct rewriter *r, struct wr_ast_body *body);

/* What has to be evaluated before goes into `support`; the term that stands instead. */
static struct wr_ast_term *calls_term(struct rewriter *r, struct wr_ast_term *t,
                                      struct rewrite_body *support)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || r->no_room) {
        return t;
    }
    if (t->body != NULL) {
        struct rewrite_body all = {0}, own = {0};
        for (uint32_t i = 0; i < t->n_items; i++) {
            t->items[i] = calls_term(r, t->items[i], &own);
        }
        append_all(r, &all, t->body);
        for (uint32_t i = 0; i < own.n; i++) {
            wr_rewrite_append(r, &all, own.exprs[i]);
        }
        t->body = calls_body(r, wr_rewrite_finish(r, &all, t->body));
        return t;
    }
    for (uint32_t i = t->kind == WR_AST_CALL; i < t->n_items; i++) {
        t->items[i] = calls_term(r, t->items[i], support);
    }
    if (t->kind == WR_AST_CALL) {
        struct wr_ast_term *output = wr_rewrite_local(r, t);
        wr_rewrite_append(r, support, wr_rewrite_call(r, t, output));
        return output;
    }
    bool plain =
        t->kind != WR_AST_REF || t->items[0]->kind == WR_AST_VAR || t->items[0]->kind == WR_AST_REF;
    if (!plain) { /* [1, 2][i] */
        struct wr_ast_term *var;
        wr_rewrite_append(r, support, wr_rewrite_equal(r, t->items[0], &var));
        t->items[0] = var;
    }
    return t;
}

static void calls_expr(struct rewriter *r, struct wr_ast_expr *e, struct rewrite_body *out)
{
    uint32_t before = out->n;
    for (uint32_t i = 0; i < e->n_with; i++) {
        e->with[i].value = calls_term(r, e->with[i].value, out);
    }
    uint32_t first = out->n;
    if (e->kind == WR_AST_EVERY) {
        if (e->domain->kind == WR_AST_CALL) {
            e->domain = calls_term(r, e->domain, out);
        } else {
            struct wr_ast_term *var;
            wr_rewrite_append(r, out, wr_rewrite_equal(r, e->domain, &var));
            e->domain = var;
        }
        e->body = calls_body(r, e->body);
    } else if (e->term->kind == WR_AST_CALL) { /* the statement's own call stays */
        for (uint32_t i = 1; i < e->term->n_items; i++) {
            e->term->items[i] = calls_term(r, e->term->items[i], out);
        }
    } else {
        e->term = calls_term(r, e->term, out);
    }
    for (uint32_t i = first; i < out->n && e->n_with > 0; i++) {
        out->exprs[i]->with = e->with;
        out->exprs[i]->n_with = e->n_with;
    }
    (void)before;
    wr_rewrite_append(r, out, e);
}

static struct wr_ast_body *calls_body(struct rewriter *r, struct wr_ast_body *body)
{
    struct rewrite_body out = {0};
    for (uint32_t i = 0; body != NULL && i < body->n && !r->no_room; i++) {
        calls_expr(r, body->exprs[i], &out);
    }
    return body != NULL ? wr_rewrite_finish(r, &out, body) : NULL;
}

void wr_rewrite_calls(struct rewriter *r, struct wr_ast_rule *rule)
{
    struct rewrite_body all = {0};
    append_all(r, &all, rule->body);
    for (uint32_t i = 0; i < rule->n_args; i++) {
        rule->args[i] = calls_term(r, rule->args[i], &all);
    }
    if (rule->key != NULL) {
        rule->key = calls_term(r, rule->key, &all);
    }
    if (rule->value != NULL) {
        rule->value = calls_term(r, rule->value, &all);
    }
    rule->body = calls_body(r, wr_rewrite_finish(r, &all, rule->body));
}

/* ── heads of comprehensions, and of rules ──────────────────────────────────────────────────── */
static void comprehensions_body(struct rewriter *r, struct wr_ast_body *body);

static void comprehensions_term(struct rewriter *r, struct wr_ast_term *t)
{
    if (t == NULL || t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || r->no_room) {
        return;
    }
    if (t->body != NULL) {
        struct rewrite_body all = {0};
        append_all(r, &all, t->body);
        for (uint32_t i = 0; i < t->n_items; i++) {
            if (needs_evaluation(t->items[i])) {
                wr_rewrite_append(r, &all, wr_rewrite_equal(r, t->items[i], &t->items[i]));
            }
        }
        t->body = wr_rewrite_finish(r, &all, t->body);
        if (t->body != NULL) {
            comprehensions_body(r, t->body);
        }
        return;
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        comprehensions_term(r, t->items[i]);
    }
}

static void comprehensions_body(struct rewriter *r, struct wr_ast_body *body)
{
    for (uint32_t i = 0; i < body->n; i++) {
        struct wr_ast_expr *e = body->exprs[i];
        comprehensions_term(r, e->term);
        comprehensions_term(r, e->domain);
        if (e->kind == WR_AST_EVERY) {
            comprehensions_body(r, e->body);
        }
    }
}

void wr_rewrite_comprehensions(struct rewriter *r, struct wr_ast_rule *rule)
{
    comprehensions_term(r, rule->key);
    comprehensions_term(r, rule->value);
    comprehensions_body(r, rule->body);
}

static void pull_out(struct rewriter *r, struct wr_ast_term **t, struct rewrite_body *body)
{
    if (needs_evaluation(*t)) {
        wr_rewrite_append(r, body, wr_rewrite_equal(r, *t, t));
    }
}

void wr_rewrite_head_refs(struct rewriter *r, struct wr_ast_rule *rule)
{
    struct rewrite_body all = {0};
    append_all(r, &all, rule->body);
    for (uint32_t i = 1; i < rule->ref->n_items; i++) {
        uint8_t kind = rule->ref->items[i]->kind;
        if (kind != WR_AST_VAR && kind != WR_AST_SCALAR) {
            wr_rewrite_append(r, &all,
                              wr_rewrite_equal(r, rule->ref->items[i], &rule->ref->items[i]));
        }
    }
    rule->body = wr_rewrite_finish(r, &all, rule->body);
}

void wr_rewrite_heads(struct rewriter *r, struct wr_ast_rule *rule)
{
    struct rewrite_body all = {0};
    append_all(r, &all, rule->body);
    if (rule->key != NULL) {
        pull_out(r, &rule->key, &all);
    }
    if (rule->value != NULL) {
        pull_out(r, &rule->value, &all);
    }
    for (uint32_t i = 0; i < rule->n_args; i++) {
        pull_out(r, &rule->args[i], &all);
    }
    rule->body = wr_rewrite_finish(r, &all, rule->body);
}

/* ── references and comprehensions as operands; == as = ─────────────────────────────────────── */
static struct wr_ast_body *dynamics_body(struct rewriter *r, struct wr_ast_body *body);

static struct wr_ast_term *replaced(struct rewriter *r, const struct wr_ast_expr *of,
                                    struct wr_ast_term *t, struct rewrite_body *out)
{
    struct wr_ast_term *var = t;
    struct wr_ast_expr *e = wr_rewrite_equal(r, t, &var);
    if (e != NULL) {
        e->with = of->with;
        e->n_with = of->n_with;
    }
    wr_rewrite_append(r, out, e);
    return var;
}

static struct wr_ast_term *dynamics_one(struct rewriter *r, const struct wr_ast_expr *of,
                                        struct wr_ast_term *t, struct rewrite_body *out)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || r->no_room) {
        return t;
    }
    if (t->body != NULL) {
        t->body = dynamics_body(r, t->body);
        return replaced(r, of, t, out);
    }
    bool ref = t->kind == WR_AST_REF;
    for (uint32_t i = ref; i < t->n_items; i++) {
        t->items[i] = dynamics_one(r, of, t->items[i], out);
    }
    return ref ? replaced(r, of, t, out) : t;
}

static struct wr_ast_term *dynamics_term(struct rewriter *r, const struct wr_ast_expr *of,
                                         struct wr_ast_term *t, struct rewrite_body *out)
{
    if (t->kind == WR_AST_REF) {
        for (uint32_t i = 1; i < t->n_items; i++) {
            t->items[i] = dynamics_one(r, of, t->items[i], out);
        }
        return t;
    }
    if (t->body != NULL) {
        t->body = dynamics_body(r, t->body);
        return t;
    }
    return dynamics_one(r, of, t, out);
}

static void dynamics_expr(struct rewriter *r, struct wr_ast_expr *e, struct rewrite_body *out)
{
    struct wr_ast_term *t = e->term;
    if (e->kind == WR_AST_EVERY) {
        e->domain = dynamics_one(r, e, e->domain, out);
        e->body = dynamics_body(r, e->body);
    } else if (t->kind != WR_AST_CALL) {
        e->term = dynamics_term(r, e, t, out);
    } else {
        if (t->n_items == 3 && r->suffix[0] == 0 && wr_ast_is_call_of(t, WR_STR("equal"))) {
            t->items[0]->items[0]->name = WR_STR("eq");
        }
        bool eq = wr_rewrite_is_eq(e);
        for (uint32_t i = 1; i < t->n_items; i++) {
            t->items[i] =
                eq ? dynamics_term(r, e, t->items[i], out) : dynamics_one(r, e, t->items[i], out);
        }
    }
    wr_rewrite_append(r, out, e);
}

static struct wr_ast_body *dynamics_body(struct rewriter *r, struct wr_ast_body *body)
{
    struct rewrite_body out = {0};
    for (uint32_t i = 0; i < body->n && !r->no_room; i++) {
        dynamics_expr(r, body->exprs[i], &out);
    }
    struct wr_ast_body *whole = wr_rewrite_finish(r, &out, body);
    return whole != NULL ? whole : body;
}

void wr_rewrite_dynamics(struct rewriter *r, struct wr_ast_rule *rule)
{
    rule->body = dynamics_body(r, rule->body);
}
