/* SPDX-License-Identifier: Apache-2.0 */
/* Names to full references, declared variables to locals.
 *
 * Of declarations, as of OPA: `some`, the left side of `:=`, arguments, `every`. A name declared
 * anywhere in a body hides rules and imports in all of it. */
#include "rego/rewrite_in.h"

static bool is_call_of(const struct wr_ast_expr *e, const char *name, uint32_t n)
{
    return e->kind == WR_AST_TERM && e->term->kind == WR_AST_CALL && e->term->n_items == n &&
           wr_ast_is_call_of(e->term, wr_str_z(name));
}

/* ── names that are declared ────────────────────────────────────────────────────────────────── */
static void ignore(struct rewriter *r, struct wr_str name)
{
    if (r->n_ignored < WR_LIMIT_REWRITE_NAMES) {
        r->ignored[r->n_ignored++] = name;
    } else {
        r->no_room = true;
    }
}

/* Variables of a pattern: not keys of objects. */
static void ignore_pattern(struct rewriter *r, const struct wr_ast_term *t)
{
    if (t->kind == WR_AST_VAR) {
        ignore(r, t->name);
    } else if (t->kind == WR_AST_ARRAY) {
        for (uint32_t i = 0; i < t->n_items; i++) {
            ignore_pattern(r, t->items[i]);
        }
    } else if (t->kind == WR_AST_OBJECT) {
        for (uint32_t i = 1; i < t->n_items; i += 2) {
            ignore_pattern(r, t->items[i]);
        }
    }
}

static void ignore_declared(struct rewriter *r, const struct wr_ast_body *body)
{
    for (uint32_t i = 0; i < body->n; i++) {
        const struct wr_ast_expr *e = body->exprs[i];
        if (is_call_of(e, "assign", 3)) {
            ignore_pattern(r, e->term->items[1]);
        }
        for (uint32_t k = 0; e->kind == WR_AST_SOME && k < e->n_terms; k++) {
            const struct wr_ast_term *t = e->terms[k];
            if (t->kind != WR_AST_CALL) {
                ignore_pattern(r, t);
            }
            for (uint32_t j = 1; t->kind == WR_AST_CALL && j + 1 < t->n_items; j++) {
                ignore_pattern(r, t->items[j]);
            }
        }
    }
}

/* ── full references ────────────────────────────────────────────────────────────────────────── */
static void resolve_body(struct rewriter *r, struct wr_ast_body *body);

static const struct rewrite_global *find_global(const struct rewriter *r, struct wr_str name)
{
    for (uint32_t i = r->n_ignored; i-- > 0;) {
        if (wr_str_eq(r->ignored[i], name)) {
            return NULL;
        }
    }
    for (uint32_t i = 0; i < r->n_globals; i++) {
        if (wr_str_eq(r->globals[i].name, name)) {
            return &r->globals[i];
        }
    }
    return NULL;
}

/* The items of a reference, its head replaced by the full path. */
static void replace_head(struct rewriter *r, struct wr_ast_term *ref,
                         const struct rewrite_global *global)
{
    uint32_t n = global->n + ref->n_items - 1;
    struct wr_ast_term **items = WR_NEW_ARRAY(r->arena, struct wr_ast_term *, n);
    if (items == NULL) {
        r->no_room = true;
        return;
    }
    memcpy(items, global->path, global->n * sizeof items[0]);
    memcpy(items + global->n, ref->items + 1, (ref->n_items - 1) * sizeof items[0]);
    ref->items = items;
    ref->n_items = n;
}

static void resolve_term(struct rewriter *r, struct wr_ast_term *t)
{
    const struct rewrite_global *global;
    uint32_t first = 0, kept = r->n_ignored;
    if (t->kind == WR_AST_VAR && (global = find_global(r, t->name)) != NULL) {
        struct wr_ast_term *ref = wr_rewrite_ref(r, global->path, global->n, t);
        if (ref != NULL) {
            *t = *ref;
        }
        return;
    }
    if (t->kind == WR_AST_VAR || t->kind == WR_AST_SCALAR) {
        return;
    }
    if (t->kind == WR_AST_REF && t->items[0]->kind == WR_AST_VAR) {
        global = find_global(r, t->items[0]->name);
        first = global != NULL ? global->n : 1;
        if (global != NULL) {
            replace_head(r, t, global);
        }
    }
    if (t->body != NULL) {
        ignore_declared(r, t->body);
    }
    for (uint32_t i = first; i < t->n_items && !r->no_room; i++) {
        resolve_term(r, t->items[i]);
    }
    if (t->body != NULL) {
        resolve_body(r, t->body);
    }
    r->n_ignored = kept;
}

static void resolve_expr(struct rewriter *r, struct wr_ast_expr *e)
{
    for (uint32_t i = 0; i < e->n_with; i++) {
        resolve_term(r, e->with[i].target);
        resolve_term(r, e->with[i].value);
    }
    if (e->kind == WR_AST_TERM) {
        resolve_term(r, e->term);
    }
    for (uint32_t i = 0; e->kind == WR_AST_SOME && i < e->n_terms; i++) {
        if (e->terms[i]->kind == WR_AST_CALL) {
            resolve_term(r, e->terms[i]);
        }
    }
    if (e->kind == WR_AST_EVERY) {
        uint32_t kept = r->n_ignored;
        resolve_term(r, e->domain);
        if (e->key != NULL) {
            ignore_pattern(r, e->key);
        }
        ignore_pattern(r, e->value);
        ignore_declared(r, e->body);
        resolve_body(r, e->body);
        r->n_ignored = kept;
    }
}

static void resolve_body(struct rewriter *r, struct wr_ast_body *body)
{
    for (uint32_t i = 0; i < body->n && !r->no_room; i++) {
        resolve_expr(r, body->exprs[i]);
    }
}

void wr_rewrite_resolve(struct rewriter *r, struct wr_ast_rule *rule)
{
    r->n_ignored = 0;
    for (uint32_t i = 0; i < rule->n_args; i++) {
        ignore_pattern(r, rule->args[i]);
    }
    ignore_declared(r, rule->body);
    for (uint32_t i = 1; i < rule->ref->n_items; i++) {
        resolve_term(r, rule->ref->items[i]);
    }
    if (rule->key != NULL) {
        resolve_term(r, rule->key);
    }
    if (rule->value != NULL) {
        resolve_term(r, rule->value);
    }
    resolve_body(r, rule->body);
}

/* ── locals ─────────────────────────────────────────────────────────────────────────────────── */
static struct wr_ast_body *locals_body(struct rewriter *r, struct wr_ast_body *body);
static void locals_term(struct rewriter *r, struct wr_ast_term *t);

static void keep_name(struct rewriter *r, struct wr_str local, struct wr_str name)
{
    if (r->n_names == r->cap_names) {
        uint32_t cap = WR_MAX(2 * r->cap_names, 32u);
        struct wr_rewritten_name *names = WR_NEW_ARRAY(r->arena, struct wr_rewritten_name, cap);
        if (names == NULL) {
            r->no_room = true;
            return;
        }
        if (r->n_names > 0) {
            memcpy(names, r->names, r->n_names * sizeof names[0]);
        }
        r->names = names;
        r->cap_names = cap;
    }
    r->names[r->n_names++] = (struct wr_rewritten_name){local, name};
}

static struct wr_str declare(struct rewriter *r, const struct wr_ast_term *t)
{
    struct wr_ast_term *local = wr_rewrite_local(r, t);
    if (local == NULL || r->n_locals == WR_LIMIT_REWRITE_NAMES) {
        r->no_room = true;
        return t->name;
    }
    r->locals[r->n_locals++] = (struct rewrite_local){t->name, local->name};
    keep_name(r, local->name, t->name);
    return local->name;
}

static bool find_local(const struct rewriter *r, struct wr_str name, struct wr_str *local)
{
    for (uint32_t i = r->n_locals; i-- > 0;) {
        if (wr_str_eq(r->locals[i].name, name)) {
            *local = r->locals[i].local;
            return true;
        }
    }
    return false;
}

/* The left side of `:=`: what is named there is new. */
static void declare_pattern(struct rewriter *r, struct wr_ast_term *t)
{
    if (t->kind == WR_AST_VAR) {
        t->name = declare(r, t);
    } else if (t->kind == WR_AST_REF && t->n_items == 1) { /* input or data, shadowed */
        struct wr_ast_term *head = t->items[0];
        struct wr_str local = declare(r, head);
        t->kind = WR_AST_VAR;
        t->name = local;
    } else if (t->kind == WR_AST_ARRAY) {
        for (uint32_t i = 0; i < t->n_items; i++) {
            declare_pattern(r, t->items[i]);
        }
    } else if (t->kind == WR_AST_OBJECT) {
        for (uint32_t i = 1; i < t->n_items; i += 2) {
            declare_pattern(r, t->items[i]);
        }
    }
}

static void locals_term(struct rewriter *r, struct wr_ast_term *t)
{
    struct wr_str local;
    if (t->kind == WR_AST_VAR) {
        t->name = find_local(r, t->name, &local) ? local : t->name;
        return;
    }
    if (t->kind == WR_AST_SCALAR) {
        return;
    }
    if (t->body != NULL) { /* its own scope; the body first, as it declares */
        uint32_t kept = r->n_locals;
        t->body = locals_body(r, t->body);
        for (uint32_t i = 0; i < t->n_items; i++) {
            locals_term(r, t->items[i]);
        }
        r->n_locals = kept;
        return;
    }
    for (uint32_t i = t->kind == WR_AST_CALL; i < t->n_items && !r->no_room; i++) {
        locals_term(r, t->items[i]);
    }
}

/* Declares the names from `first` on in their order; `at` is where they stand. */
static void declare_sorted(struct rewriter *r, uint32_t first, const struct wr_ast_term *at)
{
    for (uint32_t i = first; i < r->n_ignored; i++) {
        for (uint32_t k = i; k > first && wr_str_cmp(r->ignored[k - 1], r->ignored[k]) > 0; k--) {
            struct wr_str swap = r->ignored[k];
            r->ignored[k] = r->ignored[k - 1];
            r->ignored[k - 1] = swap;
        }
    }
    for (uint32_t i = first; i < r->n_ignored; i++) {
        bool again = i > first && wr_str_eq(r->ignored[i], r->ignored[i - 1]);
        struct wr_ast_term name = *at;
        name.kind = WR_AST_VAR;
        name.name = r->ignored[i];
        if (!again && !wr_ast_is_wildcard(&name)) {
            declare(r, &name);
        }
    }
    r->n_ignored = first;
}

/* `some x in c` is x = c[fresh]; the fresh name too is declared, as OPA does it. */
static struct wr_ast_expr *some_in(struct rewriter *r, struct wr_ast_expr *e)
{
    struct wr_ast_term *call = e->terms[0], *container = call->items[call->n_items - 1];
    struct wr_ast_term *value = call->items[call->n_items - 2], *ref;
    struct wr_ast_term *key = call->n_items == 4 ? call->items[1] : wr_rewrite_local(r, container);
    struct wr_ast_term *pieces[2] = {container, key}, *unused;
    if (key == NULL) {
        return NULL;
    }
    if (container->kind == WR_AST_REF) {
        ref = wr_rewrite_ref(r, container->items, container->n_items, container);
        struct wr_ast_term **items =
            WR_NEW_ARRAY(r->arena, struct wr_ast_term *, container->n_items + 1);
        if (ref == NULL || items == NULL) {
            r->no_room = true;
            return NULL;
        }
        memcpy(items, container->items, container->n_items * sizeof items[0]);
        items[container->n_items] = key;
        ref->items = items;
        ref->n_items = container->n_items + 1;
    } else {
        ref = wr_rewrite_ref(r, pieces, 2, container);
    }
    uint32_t number = r->next;
    struct wr_ast_expr *eq = ref != NULL ? wr_rewrite_equal(r, ref, &unused) : NULL;
    r->next = number; /* that variable is not used */
    if (eq == NULL) {
        return NULL;
    }
    uint32_t first = r->n_ignored; /* used as a list: names in order, as OPA declares them */
    ignore_pattern(r, key);
    ignore_pattern(r, value);
    declare_sorted(r, first, key);
    locals_term(r, value);
    locals_term(r, ref);
    eq->term->items[1] = value;
    eq->tag = 0;
    eq->loc = e->loc;
    eq->with = e->with;
    eq->n_with = e->n_with;
    return eq;
}

static void locals_every(struct rewriter *r, struct wr_ast_expr *e)
{
    uint32_t kept = r->n_locals;
    locals_term(r, e->domain);
    if (e->key == NULL) {
        e->key = wr_rewrite_local(r, e->domain);
    } else if (!wr_ast_is_wildcard(e->key)) {
        e->key->name = declare(r, e->key);
    }
    if (!wr_ast_is_wildcard(e->value)) {
        e->value->name = declare(r, e->value);
    }
    e->body = locals_body(r, e->body);
    r->n_locals = kept;
}

/* NULL: the statement only declared. */
static struct wr_ast_expr *locals_expr(struct rewriter *r, struct wr_ast_expr *e)
{
    bool assigns = is_call_of(e, "assign", 3);
    if (e->kind == WR_AST_SOME && e->n_terms == 1 && e->terms[0]->kind == WR_AST_CALL) {
        return some_in(r, e);
    }
    if (e->kind == WR_AST_SOME) {
        for (uint32_t i = 0; i < e->n_terms; i++) {
            declare(r, e->terms[i]);
        }
        return NULL;
    }
    if (e->kind == WR_AST_EVERY) {
        locals_every(r, e);
    } else if (assigns) {
        locals_term(r, e->term->items[2]);
    } else {
        locals_term(r, e->term);
    }
    for (uint32_t i = 0; i < e->n_with; i++) {
        locals_term(r, e->with[i].value);
    }
    if (assigns) {
        declare_pattern(r, e->term->items[1]);
        e->term->items[0]->items[0]->name = WR_STR("eq");
    }
    return e;
}

static struct wr_ast_body *locals_body(struct rewriter *r, struct wr_ast_body *body)
{
    struct rewrite_body out = {0};
    for (uint32_t i = 0; i < body->n && !r->no_room; i++) {
        struct wr_ast_expr *e = locals_expr(r, body->exprs[i]);
        if (e != NULL) {
            wr_rewrite_append(r, &out, e);
        }
    }
    if (out.n == 0 && body->n > 0) { /* it only declared: true */
        struct wr_ast_expr *e = body->exprs[0];
        struct wr_ast_term *yes = WR_NEW(r->arena, struct wr_ast_term);
        if (yes != NULL) {
            yes->kind = WR_AST_SCALAR;
            yes->value = wr_bool(true);
            e->kind = WR_AST_TERM;
            e->term = yes;
            wr_rewrite_append(r, &out, e);
        }
    }
    return wr_rewrite_finish(r, &out, body);
}

/* Names in arguments, each once. */
static void declare_argument(struct rewriter *r, struct wr_ast_term *t)
{
    struct wr_str local;
    if (t->kind == WR_AST_VAR) {
        t->name = find_local(r, t->name, &local) ? local : declare(r, t);
    } else if (t->kind == WR_AST_ARRAY || t->kind == WR_AST_REF) {
        for (uint32_t i = 0; i < t->n_items; i++) {
            declare_argument(r, t->items[i]);
        }
    } else if (t->kind == WR_AST_OBJECT) {
        for (uint32_t i = 1; i < t->n_items; i += 2) {
            declare_argument(r, t->items[i]);
        }
    }
}

/* Comprehensions in heads are scopes of their own, before the body. */
static void nested_head(struct rewriter *r, struct wr_ast_term *t)
{
    if (t == NULL || t->kind == WR_AST_VAR || t->kind == WR_AST_SCALAR) {
        return;
    }
    if (t->body != NULL) {
        uint32_t kept = r->n_locals;
        r->n_locals = 0;
        locals_term(r, t);
        r->n_locals = kept;
        return;
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        nested_head(r, t->items[i]);
    }
}

static void locals_of_one(struct rewriter *r, struct wr_ast_rule *rule)
{
    for (uint32_t i = 1; i < rule->ref->n_items; i++) {
        nested_head(r, rule->ref->items[i]);
    }
    nested_head(r, rule->key);
    nested_head(r, rule->value);
    rule->body = locals_body(r, rule->body);
    for (uint32_t i = 1; i < rule->ref->n_items; i++) {
        locals_term(r, rule->ref->items[i]);
    }
    if (rule->key != NULL) {
        locals_term(r, rule->key);
    }
    if (rule->value != NULL) {
        locals_term(r, rule->value);
    }
}

void wr_rewrite_locals(struct rewriter *r, struct wr_ast_rule *rule)
{
    r->n_locals = 0;
    for (uint32_t i = 0; i < rule->n_args; i++) {
        declare_argument(r, rule->args[i]);
    }
    uint32_t n_args = r->n_locals;
    for (struct wr_ast_rule *e = rule; e != NULL; e = e->otherwise) {
        for (uint32_t i = 0; i < e->n_args && e != rule; i++) {
            e->args[i] = rule->args[i]; /* an else has the arguments of its rule */
        }
        locals_of_one(r, e);
        r->n_locals = n_args;
    }
}
