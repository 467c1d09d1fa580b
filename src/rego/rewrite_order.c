/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of a body in an order in which what each needs is known: again and again the first
 * that can be evaluated. Simpler than OPA in one respect: variables within comprehensions and
 * `every` are taken for needed when they are bound outside, and for local otherwise. */
#include "rego/rewrite_in.h"

struct names {
    struct wr_str *items;
    uint32_t n, cap;
};

struct order {
    struct rewriter *r;
    struct names known, mentioned; /* bound so far; of the whole body, outside of closures */
};

static bool has(const struct names *names, struct wr_str name)
{
    for (uint32_t i = 0; i < names->n; i++) {
        if (wr_str_eq(names->items[i], name)) {
            return true;
        }
    }
    return false;
}

static void add(struct order *o, struct names *names, struct wr_str name)
{
    if (has(names, name)) {
        return;
    }
    if (names->n == names->cap) {
        uint32_t cap = WR_MAX(2 * names->cap, 16u);
        struct wr_str *items = WR_NEW_ARRAY(o->r->arena, struct wr_str, cap);
        if (items == NULL) {
            o->r->no_room = true;
            return;
        }
        if (names->n > 0) {
            memcpy(items, names->items, names->n * sizeof items[0]);
        }
        names->items = items;
        names->cap = cap;
    }
    names->items[names->n++] = name;
}

static bool is_root(struct wr_str name)
{
    return wr_str_eq(name, WR_STR("input")) || wr_str_eq(name, WR_STR("data"));
}

/* All variables of a term, closures left out or not. */
static void collect(struct order *o, const struct wr_ast_term *t, bool closures, struct names *out)
{
    if (t->kind == WR_AST_VAR) {
        if (!is_root(t->name)) {
            add(o, out, t->name);
        }
        return;
    }
    if (t->kind == WR_AST_SCALAR || (t->body != NULL && !closures)) {
        return;
    }
    for (uint32_t i = t->kind == WR_AST_CALL; i < t->n_items; i++) {
        collect(o, t->items[i], closures, out);
    }
    for (uint32_t i = 0; t->body != NULL && i < t->body->n; i++) {
        if (t->body->exprs[i]->term != NULL) {
            collect(o, t->body->exprs[i]->term, closures, out);
        }
    }
}

static bool all_known(struct order *o, const struct wr_ast_term *t)
{
    struct names vars = {0};
    collect(o, t, false, &vars);
    for (uint32_t i = 0; i < vars.n; i++) {
        if (!has(&o->known, vars.items[i])) {
            return false;
        }
    }
    return true;
}

/* Variables as operands of references are bound by them, once the head is known. */
static void bind_refs(struct order *o, const struct wr_ast_term *t)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || t->body != NULL) {
        return;
    }
    bool ref = t->kind == WR_AST_REF;
    bool ready = ref && (t->items[0]->kind != WR_AST_VAR || is_root(t->items[0]->name) ||
                         has(&o->known, t->items[0]->name));
    for (uint32_t i = ref || t->kind == WR_AST_CALL; i < t->n_items; i++) {
        if (ready && t->items[i]->kind == WR_AST_VAR) {
            add(o, &o->known, t->items[i]->name);
        }
        bind_refs(o, t->items[i]);
    }
}

/* Variables of a pattern, bound when the other side is known. */
static void bind_pattern(struct order *o, const struct wr_ast_term *t)
{
    if (t->kind == WR_AST_VAR && !is_root(t->name)) {
        add(o, &o->known, t->name);
    } else if (t->kind == WR_AST_ARRAY || t->kind == WR_AST_OBJECT) {
        uint32_t step = t->kind == WR_AST_OBJECT ? 2 : 1;
        for (uint32_t i = step - 1; i < t->n_items; i += step) {
            bind_pattern(o, t->items[i]);
        }
    }
}

static void unify(struct order *o, const struct wr_ast_term *a, const struct wr_ast_term *b)
{
    if (all_known(o, a)) {
        bind_pattern(o, b);
    }
    if (all_known(o, b)) {
        bind_pattern(o, a);
    }
    if (a->kind == WR_AST_ARRAY && b->kind == WR_AST_ARRAY && a->n_items == b->n_items) {
        for (uint32_t i = 0; i < a->n_items; i++) {
            unify(o, a->items[i], b->items[i]);
        }
    }
}

/* Arguments that a function takes; UINT32_MAX when it is not known. */
static uint32_t arity_of(struct order *o, const struct wr_ast_term *operator)
{
    struct wr_buf name = wr_buf_in(o->r->arena, 48);
    for (uint32_t i = 0; i < operator->n_items; i++) {
        const struct wr_ast_term *item = operator->items[i];
        wr_buf_str(&name, i > 0 ? WR_STR(".") : WR_STR(""));
        wr_buf_str(&name, item->kind == WR_AST_VAR ? item->name : wr_text(item->value));
    }
    const struct wr_builtin *builtin = wr_builtin_find(wr_buf_view(&name));
    if (builtin != NULL) {
        return builtin->arity_max;
    }
    for (uint32_t i = 0; i < wr_rego_module_count(o->r->program); i++) {
        const struct wr_ast_module *m = wr_rego_module(o->r->program, i);
        uint32_t n = m->package->n_items;
        for (uint32_t k = 0; k < m->n_rules && operator->n_items == n + 1; k++) {
            const struct wr_ast_rule *rule = m->rules[k];
            const struct wr_ast_term *last = operator->items[n];
            bool same = rule->n_args > 0 && rule->ref->n_items == 1 && wr_ast_is_string(last) &&
                        wr_str_eq(rule->ref->items[0]->name, wr_text(last->value));
            for (uint32_t j = 1; same && j < n; j++) {
                same = wr_ast_term_cmp(m->package->items[j], operator->items[j]) == 0;
            }
            if (same) {
                return rule->n_args;
            }
        }
    }
    return UINT32_MAX;
}

static void bind_call(struct order *o, const struct wr_ast_term *call)
{
    uint32_t arity = arity_of(o, call->items[0]);
    for (uint32_t i = 1; i < call->n_items && i <= arity; i++) {
        if (!all_known(o, call->items[i])) {
            return;
        }
    }
    for (uint32_t i = arity + 1; arity != UINT32_MAX && i < call->n_items; i++) {
        bind_pattern(o, call->items[i]);
    }
}

/* What a statement's closures need of what the rest of the body binds. */
static bool closures_ready(struct order *o, const struct wr_ast_expr *e)
{
    struct names inner = {0}, outer = {0};
    if (e->term != NULL) {
        collect(o, e->term, true, &inner);
        collect(o, e->term, false, &outer);
    }
    for (uint32_t i = 0; e->kind == WR_AST_EVERY && i < e->body->n; i++) {
        if (e->body->exprs[i]->term != NULL) {
            collect(o, e->body->exprs[i]->term, true, &inner);
        }
    }
    for (uint32_t i = 0; i < inner.n; i++) {
        if (!has(&outer, inner.items[i]) && has(&o->mentioned, inner.items[i]) &&
            !has(&o->known, inner.items[i])) {
            return false;
        }
    }
    return true;
}

static bool is_ready(struct order *o, const struct wr_ast_expr *e)
{
    uint32_t kept = o->known.n;
    bool ready = closures_ready(o, e);
    for (uint32_t i = 0; i < e->n_with; i++) {
        ready = ready && all_known(o, e->with[i].value);
    }
    if (ready && e->kind == WR_AST_EVERY) {
        bind_refs(o, e->domain);
        ready = all_known(o, e->domain);
    } else if (ready) {
        if (!e->negated) {
            bind_refs(o, e->term);
            if (wr_rewrite_is_eq(e)) {
                unify(o, e->term->items[1], e->term->items[2]);
            } else if (e->term->kind == WR_AST_CALL) {
                bind_call(o, e->term);
            }
        }
        ready = all_known(o, e->term);
    }
    if (!ready) {
        o->known.n = kept;
    }
    return ready;
}

static struct wr_ast_body *order_body(struct order *o, struct wr_ast_body *body)
{
    struct rewrite_body out = {0};
    bool *taken = WR_NEW_ARRAY(o->r->arena, bool, body->n + 1);
    uint32_t before = UINT32_MAX;
    if (taken == NULL) {
        o->r->no_room = true;
        return body;
    }
    for (uint32_t i = 0; i < body->n; i++) {
        if (body->exprs[i]->term != NULL) {
            collect(o, body->exprs[i]->term, false, &o->mentioned);
        }
    }
    while (out.n < body->n && out.n != before) {
        before = out.n;
        for (uint32_t i = 0; i < body->n; i++) {
            if (!taken[i] && is_ready(o, body->exprs[i])) {
                taken[i] = true;
                wr_rewrite_append(o->r, &out, body->exprs[i]);
            }
        }
    }
    for (uint32_t i = 0; i < body->n; i++) { /* it did compile: our rules are the narrower ones */
        if (!taken[i]) {
            wr_rewrite_append(o->r, &out, body->exprs[i]);
        }
    }
    struct wr_ast_body *whole = wr_rewrite_finish(o->r, &out, body);
    return whole != NULL ? whole : body;
}

void wr_rewrite_order(struct rewriter *r, struct wr_ast_rule *rule)
{
    struct order o = {.r = r};
    for (uint32_t i = 0; i < rule->n_args; i++) {
        bind_pattern(&o, rule->args[i]);
    }
    rule->body = order_body(&o, rule->body);
}
