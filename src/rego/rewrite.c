/* SPDX-License-Identifier: Apache-2.0 */
#include "rego/rewrite_in.h"

#include "rego/ast_json.h"

/* ── making ─────────────────────────────────────────────────────────────────────────────────── */
static void *checked(struct rewriter *r, void *p)
{
    r->no_room |= p == NULL;
    return p;
}

struct wr_ast_term *wr_rewrite_local(struct rewriter *r, const struct wr_ast_term *at)
{
    struct wr_ast_term *t = checked(r, WR_NEW(r->arena, struct wr_ast_term));
    struct wr_buf name = wr_buf_in(r->arena, 24);
    if (t == NULL) {
        return NULL;
    }
    while (r->next < WR_LIMIT_REWRITE_TAKEN && r->taken[r->next]) {
        r->next++;
    }
    wr_format(&name, "__local%s%u__", r->suffix, r->next++);
    r->no_room |= name.overflow;
    t->kind = WR_AST_VAR;
    t->name = wr_buf_view(&name);
    t->loc = at->loc;
    return t;
}

static struct wr_ast_term *name_term(struct rewriter *r, const char *name,
                                     const struct wr_ast_term *at)
{
    struct wr_ast_term *t = checked(r, WR_NEW(r->arena, struct wr_ast_term));
    if (t != NULL) {
        t->kind = WR_AST_VAR;
        t->name = wr_str_z(name);
        t->loc = at->loc;
    }
    return t;
}

struct wr_ast_term *wr_rewrite_ref(struct rewriter *r, struct wr_ast_term *const *items, uint32_t n,
                                   const struct wr_ast_term *at)
{
    struct wr_ast_term *t = checked(r, WR_NEW(r->arena, struct wr_ast_term));
    struct wr_ast_term **copy = checked(r, WR_NEW_ARRAY(r->arena, struct wr_ast_term *, n));
    if (t == NULL || copy == NULL) {
        return NULL;
    }
    memcpy(copy, items, n * sizeof copy[0]);
    t->kind = WR_AST_REF;
    t->items = copy;
    t->n_items = n;
    t->loc = at->loc;
    return t;
}

static struct wr_ast_expr *made(struct rewriter *r, struct wr_ast_term *term)
{
    struct wr_ast_expr *e = checked(r, WR_NEW(r->arena, struct wr_ast_expr));
    if (e != NULL) {
        e->kind = WR_AST_TERM;
        e->term = term;
        e->loc = term->loc;
        e->tag = WR_AST_MADE;
    }
    return e;
}

struct wr_ast_expr *wr_rewrite_equal(struct rewriter *r, struct wr_ast_term *t,
                                     struct wr_ast_term **var)
{
    struct wr_ast_term *name = name_term(r, "eq", t);
    *var = wr_rewrite_local(r, t);
    if (name == NULL || *var == NULL) {
        return NULL;
    }
    struct wr_ast_term *items[3] = {wr_rewrite_ref(r, &name, 1, t), *var, t};
    struct wr_ast_term *call = wr_rewrite_ref(r, items, 3, t);
    if (call == NULL || r->no_room) {
        return NULL;
    }
    call->kind = WR_AST_CALL;
    return made(r, call);
}

struct wr_ast_expr *wr_rewrite_call(struct rewriter *r, struct wr_ast_term *call,
                                    struct wr_ast_term *output)
{
    struct wr_ast_term **items =
        checked(r, WR_NEW_ARRAY(r->arena, struct wr_ast_term *, call->n_items + 1));
    if (items == NULL || output == NULL) {
        return NULL;
    }
    memcpy(items, call->items, call->n_items * sizeof items[0]);
    items[call->n_items] = output;
    struct wr_ast_term *whole = wr_rewrite_ref(r, items, call->n_items + 1, call);
    if (whole == NULL) {
        return NULL;
    }
    whole->kind = WR_AST_CALL;
    return made(r, whole);
}

bool wr_rewrite_is_eq(const struct wr_ast_expr *e)
{
    return e->kind == WR_AST_TERM && e->term->kind == WR_AST_CALL && e->term->n_items == 3 &&
           wr_ast_is_call_of(e->term, WR_STR("eq"));
}

void wr_rewrite_append(struct rewriter *r, struct rewrite_body *body, struct wr_ast_expr *e)
{
    if (e == NULL) {
        r->no_room = true;
        return;
    }
    if (body->n == body->cap) {
        uint32_t cap = WR_MAX(2 * body->cap, 8u);
        struct wr_ast_expr **exprs = checked(r, WR_NEW_ARRAY(r->arena, struct wr_ast_expr *, cap));
        if (exprs == NULL) {
            return;
        }
        if (body->n > 0) {
            memcpy(exprs, body->exprs, body->n * sizeof exprs[0]);
        }
        body->exprs = exprs;
        body->cap = cap;
    }
    e->index = body->n;
    body->exprs[body->n++] = e;
}

struct wr_ast_body *wr_rewrite_finish(struct rewriter *r, const struct rewrite_body *body,
                                      const struct wr_ast_body *from)
{
    struct wr_ast_body *out = checked(r, WR_NEW(r->arena, struct wr_ast_body));
    if (out != NULL) {
        *out = *from;
        out->exprs = body->exprs;
        out->n = body->n;
    }
    return out;
}

/* ── copies ─────────────────────────────────────────────────────────────────────────────────── */
static struct wr_ast_body *copy_body(struct rewriter *r, const struct wr_ast_body *from);

static struct wr_ast_term *copy_term(struct rewriter *r, const struct wr_ast_term *t)
{
    return t != NULL ? checked(r, wr_ast_copy(r->arena, t)) : NULL;
}

static struct wr_ast_expr *copy_expr(struct rewriter *r, const struct wr_ast_expr *from)
{
    struct wr_ast_expr *e = checked(r, WR_NEW(r->arena, struct wr_ast_expr));
    if (e == NULL) {
        return NULL;
    }
    *e = *from;
    e->tag = 0;
    e->term = copy_term(r, from->term);
    e->key = copy_term(r, from->key);
    e->value = copy_term(r, from->value);
    e->domain = copy_term(r, from->domain);
    e->body = from->body != NULL ? copy_body(r, from->body) : NULL;
    e->terms = checked(r, WR_NEW_ARRAY(r->arena, struct wr_ast_term *, from->n_terms + 1));
    e->with = checked(r, WR_NEW_ARRAY(r->arena, struct wr_ast_with, from->n_with + 1));
    for (uint32_t i = 0; i < from->n_terms && e->terms != NULL; i++) {
        e->terms[i] = copy_term(r, from->terms[i]);
    }
    for (uint32_t i = 0; i < from->n_with && e->with != NULL; i++) {
        e->with[i] = from->with[i];
        e->with[i].target = copy_term(r, from->with[i].target);
        e->with[i].value = copy_term(r, from->with[i].value);
    }
    return e;
}

static struct wr_ast_body *copy_body(struct rewriter *r, const struct wr_ast_body *from)
{
    struct rewrite_body body = {0};
    for (uint32_t i = 0; i < from->n; i++) {
        wr_rewrite_append(r, &body, copy_expr(r, from->exprs[i]));
    }
    return wr_rewrite_finish(r, &body, from);
}

static struct wr_ast_rule *copy_rule(struct rewriter *r, const struct wr_ast_rule *from)
{
    struct wr_ast_rule *first = NULL, **link = &first;
    for (; from != NULL; from = from->otherwise) {
        struct wr_ast_rule *rule = checked(r, WR_NEW(r->arena, struct wr_ast_rule));
        if (rule == NULL) {
            return first;
        }
        *rule = *from;
        rule->ref = copy_term(r, from->ref);
        rule->key = copy_term(r, from->key);
        rule->value = copy_term(r, from->value);
        rule->body = copy_body(r, from->body);
        rule->args = checked(r, WR_NEW_ARRAY(r->arena, struct wr_ast_term *, from->n_args + 1));
        for (uint32_t i = 0; i < from->n_args && rule->args != NULL; i++) {
            rule->args[i] = copy_term(r, from->args[i]);
        }
        rule->otherwise = NULL;
        *link = rule;
        link = &rule->otherwise;
    }
    return first;
}

static struct wr_ast_module *copy_module(struct rewriter *r, const struct wr_ast_module *from)
{
    struct wr_ast_module *m = checked(r, WR_NEW(r->arena, struct wr_ast_module));
    if (m == NULL) {
        return NULL;
    }
    *m = *from;
    m->rules = checked(r, WR_NEW_ARRAY(r->arena, struct wr_ast_rule *, from->n_rules));
    for (uint32_t i = 0; i < from->n_rules && m->rules != NULL; i++) {
        m->rules[i] = copy_rule(r, from->rules[i]);
    }
    return m;
}

/* ── what names stand for ───────────────────────────────────────────────────────────────────── */
static void add_global(struct rewriter *r, struct wr_str name, struct wr_ast_term *const *path,
                       uint32_t n)
{
    for (uint32_t i = 0; i < r->n_globals; i++) {
        if (wr_str_eq(r->globals[i].name, name)) {
            return;
        }
    }
    r->globals[r->n_globals++] = (struct rewrite_global){name, path, n};
}

static bool same_package(const struct wr_ast_module *a, const struct wr_ast_module *b)
{
    return wr_ast_term_cmp(a->package, b->package) == 0;
}

static void add_rule(struct rewriter *r, const struct wr_ast_module *m,
                     const struct wr_ast_rule *rule)
{
    struct wr_str name = rule->ref->items[0]->name;
    uint32_t n = m->package->n_items;
    struct wr_ast_term **path = checked(r, WR_NEW_ARRAY(r->arena, struct wr_ast_term *, n + 1));
    struct wr_ast_term *last = checked(r, WR_NEW(r->arena, struct wr_ast_term));
    if (path == NULL || last == NULL) {
        return;
    }
    memcpy(path, m->package->items, n * sizeof path[0]);
    last->kind = WR_AST_SCALAR;
    last->value = wr_string(name);
    path[n] = last;
    add_global(r, name, path, n + 1);
}

static void add_import(struct rewriter *r, const struct wr_ast_import *import)
{
    const struct wr_ast_term *path = import->path;
    if (path->kind != WR_AST_REF || path->items[0]->kind != WR_AST_VAR ||
        wr_str_eq(path->items[0]->name, WR_STR("future")) ||
        wr_str_eq(path->items[0]->name, WR_STR("rego"))) {
        return;
    }
    const struct wr_ast_term *last = path->items[path->n_items - 1];
    struct wr_str name = import->alias.n > 0        ? import->alias
                         : last->kind == WR_AST_VAR ? last->name
                                                    : wr_text(last->value);
    if (path->n_items > 1 || import->alias.n > 0) {
        add_global(r, name, path->items, path->n_items);
    }
}

/* Rules of the package in all its modules, and imports. */
static void find_globals(struct rewriter *r, const struct wr_ast_module *m)
{
    uint32_t n = m->n_imports;
    for (uint32_t i = 0; i < wr_rego_module_count(r->program); i++) {
        n += wr_rego_module(r->program, i)->n_rules;
    }
    r->n_globals = 0;
    r->globals = checked(r, WR_NEW_ARRAY(r->arena, struct rewrite_global, n + 1));
    for (uint32_t i = 0; r->globals != NULL && i < wr_rego_module_count(r->program); i++) {
        const struct wr_ast_module *other = wr_rego_module(r->program, i);
        for (uint32_t k = 0; same_package(m, other) && k < other->n_rules; k++) {
            add_rule(r, m, other->rules[k]);
        }
    }
    for (uint32_t i = 0; r->globals != NULL && i < m->n_imports; i++) {
        add_import(r, &m->imports[i]);
    }
}

/* Numbers of locals that a source already speaks of. */
static void find_taken(struct rewriter *r, struct wr_str text)
{
    static const struct wr_str prefix = {"__local", 7};
    for (size_t at = wr_str_find(text, prefix, 0); at != SIZE_MAX;
         at = wr_str_find(text, prefix, at + 1)) {
        uint32_t number = 0, digits = 0;
        size_t i = at + prefix.n;
        for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9' && digits < 6; i++, digits++) {
            number = number * 10 + (uint32_t)(text.p[i] - '0');
        }
        if (digits > 0 && number < WR_LIMIT_REWRITE_TAKEN) {
            r->taken[number] = true;
        }
    }
}

/* ── all steps ──────────────────────────────────────────────────────────────────────────────── */
static void order_by_name(uint32_t *order, const struct wr_str *names, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = i;
        for (; at > 0 && wr_str_cmp(names[order[at - 1]], names[i]) > 0; at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
}

/* A step over all rules of all modules, one else after the other. */
static void each_rule(struct rewriter *r, struct wr_ast_module **modules, const uint32_t *order,
                      uint32_t n, void (*step)(struct rewriter *r, struct wr_ast_rule *rule))
{
    for (uint32_t i = 0; i < n; i++) {
        struct wr_ast_module *m = modules[order[i]];
        for (uint32_t k = 0; k < m->n_rules && !r->no_room; k++) {
            for (struct wr_ast_rule *rule = m->rules[k]; rule != NULL; rule = rule->otherwise) {
                step(r, rule);
            }
        }
    }
}

static struct rewriter *new_rewriter(struct wr_arena *arena, const struct wr_rego_program *program)
{
    struct rewriter *r = WR_NEW(arena, struct rewriter);
    if (r != NULL) {
        r->arena = arena;
        r->program = program;
        r->suffix = "";
    }
    return r;
}

static struct wr_ast_module **rewrite_modules(struct rewriter *r, const struct wr_str *names,
                                              uint32_t n)
{
    struct wr_ast_module **modules = WR_NEW_ARRAY(r->arena, struct wr_ast_module *, n + 1);
    uint32_t *order = WR_NEW_ARRAY(r->arena, uint32_t, n + 1);
    if (modules == NULL || order == NULL) {
        return NULL;
    }
    order_by_name(order, names, n);
    for (uint32_t i = 0; i < n && !r->no_room; i++) {
        modules[i] = copy_module(r, wr_rego_module(r->program, i));
        find_taken(r, wr_rego_module(r->program, i)->text);
    }
    for (uint32_t i = 0; i < n && !r->no_room; i++) {
        find_globals(r, modules[order[i]]);
        for (uint32_t k = 0; k < modules[order[i]]->n_rules && !r->no_room; k++) {
            for (struct wr_ast_rule *e = modules[order[i]]->rules[k]; e != NULL; e = e->otherwise) {
                wr_rewrite_resolve(r, e);
            }
        }
        modules[order[i]]->n_imports = 0;
        modules[order[i]]->n_annotations = 0;
    }
    if (!r->no_room) {
        each_rule(r, modules, order, n, wr_rewrite_head_refs);
    }
    for (uint32_t i = 0; i < n && !r->no_room; i++) { /* an else shares the arguments' names */
        for (uint32_t k = 0; k < modules[order[i]]->n_rules; k++) {
            wr_rewrite_locals(r, modules[order[i]]->rules[k]);
        }
    }
    if (!r->no_room) {
        each_rule(r, modules, order, n, wr_rewrite_calls);
        each_rule(r, modules, order, n, wr_rewrite_comprehensions);
        each_rule(r, modules, order, n, wr_rewrite_heads);
        each_rule(r, modules, order, n, wr_rewrite_order);
        each_rule(r, modules, order, n, wr_rewrite_dynamics);
    }
    return r->no_room || wr_arena_failed(r->arena) ? NULL : modules;
}

struct wr_ast_module **wr_rego_rewrite(struct wr_arena *arena,
                                       const struct wr_rego_program *program,
                                       const struct wr_str *names, uint32_t n)
{
    struct rewriter *r = new_rewriter(arena, program);
    return r != NULL ? rewrite_modules(r, names, n) : NULL;
}

/* The steps of a rule's body, in a rule made for it. */
static struct wr_ast_body *rewrite_query(struct rewriter *r, const struct wr_ast_body *query)
{
    static const struct wr_ast_loc nowhere;
    struct wr_ast_rule *rule = checked(r, WR_NEW(r->arena, struct wr_ast_rule));
    struct wr_ast_term at = {.kind = WR_AST_VAR, .loc = nowhere};
    struct wr_ast_term *name = name_term(r, "query", &at);
    if (rule == NULL || name == NULL) {
        return NULL;
    }
    rule->ref = wr_rewrite_ref(r, &name, 1, &at);
    rule->body = copy_body(r, query);
    if (rule->ref == NULL || rule->body == NULL || r->no_room) {
        return NULL;
    }
    r->suffix = "q";
    r->next = 0;
    r->n_globals = 0;
    memset(r->taken, 0, sizeof r->taken);
    wr_rewrite_resolve(r, rule);
    wr_rewrite_locals(r, rule);
    wr_rewrite_calls(r, rule);
    wr_rewrite_comprehensions(r, rule);
    wr_rewrite_order(r, rule);
    wr_rewrite_dynamics(r, rule);
    return r->no_room || wr_arena_failed(r->arena) ? NULL : rule->body;
}

bool wr_rego_rewrite_query(struct wr_arena *arena, const struct wr_rego_program *program,
                           const struct wr_str *names, uint32_t n, const struct wr_ast_body *query,
                           struct wr_rewritten *out)
{
    struct rewriter *r = new_rewriter(arena, program);
    *out = (struct wr_rewritten){.n_modules = n};
    if (r == NULL) {
        return false;
    }
    out->modules = rewrite_modules(r, names, n);
    out->query = out->modules != NULL ? rewrite_query(r, query) : NULL;
    out->names = r->names;
    out->n_names = r->n_names;
    return out->query != NULL;
}
