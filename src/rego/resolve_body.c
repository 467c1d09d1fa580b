/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies: statements to unifications, `some`, `every`, `with`, and what a negation leaves outside.
 *
 * OPA evaluates nested calls of a negated expression, and references among the arguments of its
 * call, before the negation: `not f(input.x)` is undefined, not true, when input.x is undefined.
 * Calls are taken out before bodies are ordered, references after (wr_plan_expr.before). */
#include "rego/resolve.h"

struct wr_plan_expr *wr_resolve_new_expr(struct resolver *r, enum wr_plan_expr_kind kind,
                                         const struct wr_ast_loc *loc)
{
    struct wr_plan_expr *e = WR_NEW(r->arena, struct wr_plan_expr);
    if (e == NULL) {
        r->no_room = true;
        return NULL;
    }
    e->kind = (uint8_t)kind;
    e->loc = loc;
    return e;
}

void wr_resolve_append(struct resolver *r, struct wr_plan_body *body, struct wr_plan_expr *e)
{
    if (e == NULL) {
        return;
    }
    if (body->n == body->cap) {
        uint32_t cap = body->cap == 0 ? 4 : body->cap * 2;
        struct wr_plan_expr **exprs = WR_NEW_ARRAY(r->arena, struct wr_plan_expr *, cap);
        if (exprs == NULL) {
            r->no_room = true;
            return;
        }
        if (body->n != 0) {
            memcpy(exprs, body->exprs, body->n * sizeof(exprs[0]));
        }
        body->exprs = exprs;
        body->cap = cap;
    }
    body->exprs[body->n++] = e;
}

/* ── with ───────────────────────────────────────────────────────────────────────────────────── */

/* A function that a term names when it stands as the replacement of a function. */
static bool replacement_function(struct resolver *r, const struct wr_ast_term *t,
                                 struct wr_plan_with *w)
{
    uint8_t root;
    uint32_t n, used, var;
    bool blocked;
    if (t->kind != WR_AST_VAR && t->kind != WR_AST_REF) {
        return false;
    }
    const struct wr_ast_term *head = t->kind == WR_AST_REF ? t->items[0] : t;
    if (head->kind != WR_AST_VAR || wr_scope_find(r, head->name, &var, &blocked)) {
        return false;
    }
    struct wr_plan_term *term = wr_resolve_term(r, t);
    const struct wr_value *keys = term == NULL ? NULL : wr_resolve_path(r, term, &root, &n);
    if (keys != NULL && root == WR_PLAN_DATA) {
        struct wr_rule_node *node = wr_tree_walk(r->tree, keys, n, &used);
        if (used == n && node->kind == WR_NODE_FUNCTION) {
            w->by_function = node;
            return true;
        }
        return false;
    }
    if (keys == NULL) {
        w->by_builtin = wr_rego_builtin(r->options, wr_resolve_dotted(r, t));
    }
    return w->by_builtin != NULL;
}

static void check_target(struct resolver *r, struct wr_plan_with *w, const struct wr_value *keys,
                         uint32_t n, const struct wr_ast_loc *loc)
{
    uint32_t used;
    struct wr_rule_node *node = wr_tree_walk(r->tree, keys, n, &used);
    w->path = keys;
    w->n_path = n;
    w->kind = WR_WITH_DATA;
    if (used == n) {
        w->node = node;
        if (node->kind == WR_NODE_FUNCTION) {
            w->kind = WR_WITH_FUNCTION;
        }
    } else if (node->kind != WR_NODE_INNER) {
        wr_resolve_error(r, WR_E_REGO_COMPILE, loc,
                         "with keyword cannot partially replace virtual document(s)");
    }
}

static void resolve_target(struct resolver *r, const struct wr_ast_with *ast,
                           struct wr_plan_with *w)
{
    const struct wr_ast_term *target = ast->target;
    const struct wr_ast_term *head = target->kind == WR_AST_REF ? target->items[0] : target;
    struct wr_plan_term *term = wr_resolve_term(r, target);
    uint8_t root;
    uint32_t n;
    const struct wr_value *keys = term == NULL ? NULL : wr_resolve_path(r, term, &root, &n);
    if (keys != NULL && root == WR_PLAN_INPUT) {
        w->kind = WR_WITH_INPUT;
        w->path = keys;
        w->n_path = n;
        return;
    }
    if (keys != NULL) {
        check_target(r, w, keys, n, &target->loc);
        return;
    }
    w->builtin =
        head->kind == WR_AST_VAR ? wr_rego_builtin(r->options, wr_resolve_dotted(r, target)) : NULL;
    w->kind = WR_WITH_BUILTIN;
    if (w->builtin == NULL) {
        wr_resolve_error(r, WR_E_REGO_TYPE, &target->loc,
                         "with keyword target must reference existing input, data, or a function");
    } else if ((w->builtin->flags &
                (WR_BUILTIN_INTERNAL | WR_BUILTIN_RELATION | WR_BUILTIN_VOID)) != 0) {
        wr_resolve_error(r, WR_E_REGO_COMPILE, &target->loc,
                         "with keyword replacing built-in function: target must not be %s",
                         (w->builtin->flags & WR_BUILTIN_RELATION) != 0 ? "a relation"
                         : (w->builtin->flags & WR_BUILTIN_VOID) != 0   ? "a void function"
                                                                        : "internal");
    }
}

static bool takes(const struct wr_plan_with *w, uint32_t n)
{
    return w->by_function != NULL ? w->by_function->arity == n
                                  : w->by_builtin->arity_min <= n && n <= w->by_builtin->arity_max;
}

/* A replacement must take the arguments of what it replaces. */
static bool same_arity(const struct wr_plan_with *w)
{
    if (w->kind == WR_WITH_BUILTIN && w->builtin == NULL) {
        return true; /* reported already */
    }
    return w->kind == WR_WITH_FUNCTION
               ? takes(w, w->node->arity)
               : takes(w, w->builtin->arity_min) && takes(w, w->builtin->arity_max);
}

static void resolve_with(struct resolver *r, const struct wr_ast_expr *ast, struct wr_plan_expr *e)
{
    e->n_with = ast->n_with;
    if (ast->n_with == 0) {
        return;
    }
    r->has_with = true;
    e->with = WR_NEW_ARRAY(r->arena, struct wr_plan_with, ast->n_with);
    if (e->with == NULL) {
        r->no_room = true;
        e->n_with = 0;
        return;
    }
    for (uint32_t i = 0; i < ast->n_with; i++) {
        struct wr_plan_with *w = &e->with[i];
        resolve_target(r, &ast->with[i], w);
        bool function = w->kind == WR_WITH_FUNCTION || w->kind == WR_WITH_BUILTIN;
        if (!function || !replacement_function(r, ast->with[i].value, w)) {
            w->value = wr_resolve_term(r, ast->with[i].value);
        } else if (!same_arity(w)) {
            wr_resolve_error(r, WR_E_REGO_TYPE, &ast->with[i].loc,
                             "with keyword: replacement function must take as many arguments");
        }
    }
}

/* ── negation ───────────────────────────────────────────────────────────────────────────────── */

static struct wr_plan_expr *bind_ahead(struct resolver *r, struct wr_plan_expr *e,
                                       struct wr_plan_term **at)
{
    struct wr_plan_expr *ahead = wr_resolve_new_expr(r, WR_PLAN_UNIFY, (*at)->loc);
    if (ahead == NULL) {
        return NULL;
    }
    ahead->hidden = true;
    ahead->with = e->with;
    ahead->n_with = e->n_with;
    ahead->b = *at;
    uint32_t var = wr_resolve_new_var(r, (struct wr_str){0});
    ahead->a = wr_resolve_var(r, var, (*at)->loc);
    *at = wr_resolve_var(r, var, ahead->b->loc);
    return ahead->a == NULL || *at == NULL ? NULL : ahead;
}

/* Takes calls below a term out of the negated expression. */
static void take_out_calls(struct resolver *r, struct wr_plan_body *body, struct wr_plan_expr *e,
                           struct wr_plan_term **at)
{
    struct wr_plan_term *t = *at;
    if (t == NULL || t->kind >= WR_PLAN_ARRAY_OF) {
        if (t != NULL && t->kind == WR_PLAN_CALL) {
            wr_resolve_append(r, body, bind_ahead(r, e, at));
        }
        return;
    }
    for (uint32_t i = 0; i < t->n; i++) {
        take_out_calls(r, body, e, &t->items[i]);
    }
}

/* Takes references (at any depth of arrays and operands) out, behind the ordering. */
static void take_out_refs(struct resolver *r, struct wr_plan_body *before, struct wr_plan_expr *e,
                          struct wr_plan_term **at)
{
    struct wr_plan_term *t = *at;
    if (t == NULL) {
        return;
    }
    if (t->kind == WR_PLAN_REF || t->kind == WR_PLAN_INPUT || t->kind == WR_PLAN_DATA) {
        wr_resolve_append(r, before, bind_ahead(r, e, at));
    } else if (t->kind == WR_PLAN_ARRAY || t->kind == WR_PLAN_SET || t->kind == WR_PLAN_OBJECT) {
        for (uint32_t i = 0; i < t->n; i++) {
            take_out_refs(r, before, e, &t->items[i]);
        }
    }
}

/* References inside of a term, the term itself apart. */
static void take_out_inner(struct resolver *r, struct wr_plan_body *before, struct wr_plan_expr *e,
                           struct wr_plan_term *t)
{
    if (t == NULL || (t->kind != WR_PLAN_REF && t->kind != WR_PLAN_ARRAY &&
                      t->kind != WR_PLAN_SET && t->kind != WR_PLAN_OBJECT)) {
        return;
    }
    for (uint32_t i = t->kind == WR_PLAN_REF ? 1 : 0; i < t->n; i++) {
        take_out_refs(r, before, e, &t->items[i]);
    }
}

static void take_out(struct resolver *r, struct wr_plan_body *body, struct wr_plan_expr *e)
{
    struct wr_plan_body before = {0};
    if (e->kind == WR_PLAN_EVERY) {
        take_out_calls(r, body, e, &e->domain);
        take_out_refs(r, &before, e, &e->domain);
    } else if (e->kind == WR_PLAN_TERM && e->a != NULL && e->a->kind == WR_PLAN_CALL) {
        for (uint32_t i = 0; i < e->a->n; i++) {
            take_out_calls(r, body, e, &e->a->items[i]);
            take_out_refs(r, &before, e, &e->a->items[i]);
        }
    } else {
        for (int side = 0; side < 2; side++) {
            struct wr_plan_term **at = side == 0 ? &e->a : &e->b;
            if (*at != NULL) {
                take_out_calls(r, body, e, at);
                take_out_inner(r, &before, e, *at);
            }
        }
    }
    e->before = before.exprs;
    e->n_before = before.n;
}

/* ── statements ─────────────────────────────────────────────────────────────────────────────── */

static void activate_pattern(struct resolver *r, const struct wr_ast_term *t)
{
    t = wr_as_name(t);
    if (t->kind == WR_AST_VAR && !wr_ast_is_wildcard(t)) {
        wr_scope_activate(r, t->name);
    } else if (t->kind == WR_AST_ARRAY) {
        for (uint32_t i = 0; i < t->n_items; i++) {
            activate_pattern(r, t->items[i]);
        }
    } else if (t->kind == WR_AST_OBJECT) {
        for (uint32_t i = 1; i < t->n_items; i += 2) {
            activate_pattern(r, t->items[i]);
        }
    }
}

static bool is_pattern(const struct wr_ast_term *t)
{
    t = wr_as_name(t);
    bool ok = t->kind == WR_AST_VAR || t->kind == WR_AST_SCALAR;
    if (t->kind == WR_AST_ARRAY || t->kind == WR_AST_OBJECT) {
        ok = true;
        for (uint32_t i = t->kind == WR_AST_OBJECT ? 1 : 0; i < t->n_items && ok;
             i += t->kind == WR_AST_OBJECT ? 2 : 1) {
            ok = is_pattern(t->items[i]);
        }
    }
    return ok;
}

static struct wr_plan_expr *resolve_assign(struct resolver *r, const struct wr_ast_term *call)
{
    struct wr_plan_expr *e = wr_resolve_new_expr(r, WR_PLAN_UNIFY, &call->loc);
    if (e == NULL) {
        return NULL;
    }
    const struct wr_ast_term *target = call->items[1];
    e->b = wr_resolve_term(r, call->items[2]);
    if (!is_pattern(target) || target->kind == WR_AST_SCALAR) {
        const char *what = target->kind == WR_AST_CALL     ? "call"
                           : target->kind == WR_AST_REF    ? "ref"
                           : target->kind == WR_AST_SCALAR ? wr_type_name(target->value)
                                                           : "this term";
        wr_resolve_error(r, WR_E_REGO_COMPILE, &call->loc, "cannot assign to %s", what);
        return NULL;
    }
    activate_pattern(r, target);
    e->a = wr_resolve_term(r, target);
    return e;
}

/* some k, v in c: c[k] = v */
static struct wr_plan_expr *resolve_some_in(struct resolver *r, const struct wr_ast_term *call)
{
    struct wr_plan_expr *e = wr_resolve_new_expr(r, WR_PLAN_UNIFY, &call->loc);
    bool with_key = call->n_items == 4;
    if (e == NULL) {
        return NULL;
    }
    struct wr_plan_term *collection = wr_resolve_term(r, call->items[call->n_items - 1]);
    const struct wr_ast_term *value = call->items[call->n_items - 2];
    const struct wr_ast_term *key = with_key ? call->items[1] : NULL;
    if (with_key) {
        activate_pattern(r, key);
    }
    activate_pattern(r, value);
    struct wr_plan_term *k =
        with_key ? wr_resolve_term(r, key)
                 : wr_resolve_var(r, wr_resolve_new_var(r, (struct wr_str){0}), &call->loc);
    e->b = wr_resolve_term(r, value);
    if (collection == NULL) {
        return NULL;
    }
    bool flatten = collection->kind == WR_PLAN_REF;
    uint32_t n = flatten ? collection->n : 1;
    e->a = wr_resolve_new(r, WR_PLAN_REF, n + 1, &call->loc);
    if (e->a == NULL) {
        return NULL;
    }
    memcpy(e->a->items, flatten ? collection->items : &collection, n * sizeof(e->a->items[0]));
    e->a->items[n] = k;
    return e;
}

static struct wr_plan_expr *resolve_some(struct resolver *r, const struct wr_ast_expr *ast)
{
    if (ast->n_terms == 1 && ast->terms[0]->kind == WR_AST_CALL) {
        return resolve_some_in(r, ast->terms[0]);
    }
    for (uint32_t i = 0; i < ast->n_terms; i++) {
        activate_pattern(r, ast->terms[i]);
    }
    return NULL;
}

static struct wr_plan_expr *resolve_every(struct resolver *r, const struct wr_ast_expr *ast)
{
    struct wr_plan_expr *e = wr_resolve_new_expr(r, WR_PLAN_EVERY, &ast->loc);
    if (e == NULL) {
        return NULL;
    }
    e->domain = wr_resolve_term(r, ast->domain);
    struct scope outer = {.parent = r->scope}, inner = {0};
    r->scope = &outer;
    const struct wr_ast_term *sides[2] = {ast->key, ast->value};
    for (int i = 0; i < 2; i++) {
        if (sides[i] != NULL && sides[i]->kind == WR_AST_VAR && !wr_ast_is_wildcard(sides[i])) {
            wr_scope_add(r, sides[i]->name);
            wr_scope_activate(r, sides[i]->name);
        }
        struct wr_plan_term *side = sides[i] == NULL ? NULL : wr_resolve_term(r, sides[i]);
        *(i == 0 ? &e->a : &e->b) = side;
    }
    wr_scope_enter_body(r, &inner, ast->body);
    e->body = wr_resolve_body(r, ast->body);
    wr_scope_leave(r, &inner);
    wr_scope_leave(r, &outer);
    return e;
}

static struct wr_plan_expr *resolve_term_expr(struct resolver *r, const struct wr_ast_expr *ast)
{
    const struct wr_ast_term *t = ast->term;
    bool pair = t->kind == WR_AST_CALL && t->n_items == 3;
    if (pair && wr_ast_is_call_of(t, WR_STR("assign"))) {
        return resolve_assign(r, t);
    }
    bool unify = pair && wr_ast_is_call_of(t, WR_STR("eq"));
    bool equal = pair && wr_ast_is_call_of(t, WR_STR("equal"));
    struct wr_plan_expr *e = wr_resolve_new_expr(r,
                                                 unify   ? WR_PLAN_UNIFY
                                                 : equal ? WR_PLAN_EQUAL
                                                         : WR_PLAN_TERM,
                                                 &ast->loc);
    if (e == NULL) {
        return NULL;
    }
    if (unify || equal) {
        e->a = wr_resolve_term(r, t->items[1]);
        e->b = wr_resolve_term(r, t->items[2]);
    } else {
        e->a = wr_resolve_term(r, t);
    }
    return e;
}

static struct wr_plan_expr *resolve_expr(struct resolver *r, const struct wr_ast_expr *ast)
{
    switch (ast->kind) {
    case WR_AST_SOME:
        return resolve_some(r, ast);
    case WR_AST_EVERY:
        return resolve_every(r, ast);
    default:
        return resolve_term_expr(r, ast);
    }
}

struct wr_plan_body *wr_resolve_body(struct resolver *r, const struct wr_ast_body *ast)
{
    struct wr_plan_body *body = WR_NEW(r->arena, struct wr_plan_body);
    if (body == NULL) {
        r->no_room = true;
        return NULL;
    }
    for (uint32_t i = 0; i < ast->n && !r->no_room; i++) {
        struct wr_plan_expr *e = resolve_expr(r, ast->exprs[i]);
        if (e == NULL) {
            continue;
        }
        e->index = i;
        e->negated = ast->exprs[i]->negated;
        resolve_with(r, ast->exprs[i], e);
        if (e->negated) {
            take_out(r, body, e);
        }
        wr_resolve_append(r, body, e);
    }
    return body;
}
