/* SPDX-License-Identifier: Apache-2.0 */
/* Declared names get unique ones: arguments, `:=`, `some`, `every`. What may not be declared, or
 * not there, is refused here.
 *
 * A scope is a body. An entry says how a name came into it; the innermost entry of a name counts.
 * A name that was only seen is entered too: it cannot be declared any more. */
#include "rego/check_state.h"

enum occurrence { NEW_NAME, ARGUMENT, SEEN, ASSIGNED, DECLARED };

struct entry {
    struct entry *outer; /* of the same name */
    struct entry *next;  /* of the same scope */
    uint32_t var, as, count;
    uint32_t scope;
    uint8_t how;
    const struct wr_ast_loc *loc; /* of the statement; NULL: none */
};

struct locals {
    struct wr_check *c;
    struct entry **top; /* by variable */
    uint32_t n_top;
    struct entry *entries; /* of the current scope, the last one first */
    uint32_t scope;
    uint32_t errors; /* when the rule began */
    const struct wr_ast_loc *statement;
};

/* ── entries ────────────────────────────────────────────────────────────────────────────────── */

static struct entry *top_of(const struct locals *l, uint32_t var)
{
    return var < l->n_top ? l->top[var] : NULL;
}

static enum occurrence occurrence(const struct locals *l, uint32_t var)
{
    const struct entry *e = top_of(l, var);
    return e != NULL && e->scope == l->scope ? (enum occurrence)e->how : NEW_NAME;
}

static struct entry *enter(struct locals *l, uint32_t var, uint32_t as, enum occurrence how)
{
    struct wr_check *c = l->c;
    if (var >= l->n_top) {
        uint32_t n = WR_MAX(var + 1, l->n_top * 2);
        struct entry **top = WR_NEW_ARRAY(c->arena, struct entry *, n);
        if (top == NULL) {
            wr_check_no_room(c);
            return NULL;
        }
        if (l->n_top > 0) {
            memcpy(top, l->top, l->n_top * sizeof(top[0]));
        }
        l->top = top;
        l->n_top = n;
    }
    struct entry *e = WR_NEW(c->arena, struct entry);
    if (e == NULL) {
        wr_check_no_room(c);
        return NULL;
    }
    *e = (struct entry){.outer = l->top[var],
                        .next = l->entries,
                        .var = var,
                        .as = as,
                        .count = 1,
                        .scope = l->scope,
                        .how = (uint8_t)how,
                        .loc = l->statement};
    l->top[var] = l->entries = e;
    if (as != var) {
        c->vars->items[as].shown = c->vars->items[var].name;
    }
    return e;
}

static struct entry *push_scope(struct locals *l)
{
    struct entry *outer = l->entries;
    l->entries = NULL;
    l->scope++;
    return outer;
}

static void pop_scope(struct locals *l, struct entry *outer)
{
    for (struct entry *e = l->entries; e != NULL; e = e->next) {
        l->top[e->var] = e->outer;
    }
    l->entries = outer;
    l->scope--;
}

static void become(struct wr_check *c, struct wr_ast_term *t, uint32_t var)
{
    t->kind = WR_AST_VAR;
    t->n_items = 0;
    t->name = c->vars->items[var].name;
    t->tag = var;
}

/* A new name for a declared one. False with an error at `loc` when it may not be declared. */
static bool declare(struct locals *l, uint32_t var, enum occurrence how,
                    const struct wr_ast_loc *loc, uint32_t *as)
{
    static const char *const done[] = {[ARGUMENT] = "redeclared",
                                       [SEEN] = "referenced above",
                                       [ASSIGNED] = "assigned above",
                                       [DECLARED] = "declared above"};
    enum occurrence before = occurrence(l, var);
    if (before != NEW_NAME) {
        wr_check_error(l->c, WR_E_REGO_COMPILE, loc, "%s %.*s %s",
                       before == ARGUMENT ? "arg" : "var", WR_FMT(l->c->vars->items[var].name),
                       done[before]);
        return false;
    }
    *as = wr_check_generate(l->c);
    return enter(l, var, *as, how) != NULL;
}

/* ── terms ──────────────────────────────────────────────────────────────────────────────────── */

static void rewrite(struct locals *l, struct wr_ast_term *t);
static struct wr_ast_body *rewrite_body(struct locals *l, struct wr_ast_body *body,
                                        const struct check_set *used);

static void rewrite_var(struct locals *l, struct wr_ast_term *t)
{
    struct entry *e = top_of(l, t->tag);
    if (t->tag == UINT32_MAX) {
        return;
    }
    if (e == NULL) {
        enter(l, t->tag, t->tag, SEEN);
        return;
    }
    if (e->how != SEEN || e->as != e->var) {
        become(l->c, t, e->as);
    }
    e->count++;
}

static void rewrite_items(struct locals *l, struct wr_ast_term *t)
{
    for (uint32_t i = 0; i < t->n_items && !l->c->stop; i++) {
        rewrite(l, t->items[i]);
    }
}

static bool is_root(const struct wr_ast_term *t)
{
    return t->kind == WR_AST_REF && t->n_items == 1 && t->items[0]->kind == WR_AST_VAR &&
           t->items[0]->tag <= VAR_DATA;
}

static bool names_local(const struct locals *l, const struct wr_ast_term *t)
{
    if (t->kind == WR_AST_VAR) {
        const struct entry *e = top_of(l, t->tag);
        return e != NULL && e->as != e->var;
    }
    for (uint32_t i = 0; t->kind != WR_AST_SCALAR && i < t->n_items; i++) {
        if (names_local(l, t->items[i])) {
            return true;
        }
    }
    return false;
}

static void rewrite_comprehension(struct locals *l, struct wr_ast_term *t)
{
    struct check_set used = {0};
    for (uint32_t i = 0; i < t->n_items; i++) {
        wr_check_vars_of_term(l->c, &used, t->items[i], 0);
    }
    struct entry *outer = push_scope(l);
    t->body = rewrite_body(l, t->body, &used);
    rewrite_items(l, t);
    pop_scope(l, outer);
}

static void rewrite(struct locals *l, struct wr_ast_term *t)
{
    wr_check_charge(l->c, 1);
    switch ((enum wr_ast_kind)t->kind) {
    case WR_AST_SCALAR:
        return;
    case WR_AST_VAR:
        rewrite_var(l, t);
        return;
    case WR_AST_REF:
        if (is_root(t)) {
            struct entry *e = top_of(l, t->items[0]->tag);
            if (e != NULL && e->how != SEEN) {
                become(l->c, t, e->as);
                e->count++;
            }
            return;
        }
        rewrite_items(l, t);
        return;
    case WR_AST_CALL:
        if (names_local(l, t->items[0])) {
            struct wr_str name = wr_check_ref_text(l->c, t->items[0]->items, t->items[0]->n_items);
            wr_check_error(l->c, WR_E_REGO_COMPILE, &t->loc, "called function %.*s shadowed",
                           WR_FMT(name));
        }
        rewrite_items(l, t);
        return;
    case WR_AST_ARRAY:
    case WR_AST_SET:
    case WR_AST_OBJECT:
        if (!wr_ast_is_ground(t)) {
            rewrite_items(l, t);
        }
        return;
    case WR_AST_ARRAY_COMPREHENSION:
    case WR_AST_SET_COMPREHENSION:
    case WR_AST_OBJECT_COMPREHENSION:
        rewrite_comprehension(l, t);
        return;
    }
}

/* ── statements ─────────────────────────────────────────────────────────────────────────────── */

static void rewrite_with(struct locals *l, struct wr_ast_expr *e)
{
    for (uint32_t i = 0; i < e->n_with; i++) {
        rewrite(l, e->with[i].value);
    }
}

static void rewrite_expr(struct locals *l, struct wr_ast_expr *e)
{
    if (wr_check_is_call(e)) {
        rewrite_items(l, e->term);
    } else {
        rewrite(l, e->term);
    }
    rewrite_with(l, e);
}

static void declare_pattern(struct locals *l, struct wr_ast_term *t)
{
    uint32_t as;
    if (t->kind == WR_AST_VAR || is_root(t)) {
        uint32_t var = t->kind == WR_AST_VAR ? t->tag : t->items[0]->tag;
        if (declare(l, var, ASSIGNED, &t->loc, &as)) {
            become(l->c, t, as);
        }
    } else if (t->kind == WR_AST_ARRAY || t->kind == WR_AST_OBJECT) {
        uint32_t step = t->kind == WR_AST_OBJECT ? 2 : 1;
        for (uint32_t i = step - 1; i < t->n_items && !l->c->stop; i += step) {
            declare_pattern(l, t->items[i]);
        }
    } else {
        wr_check_error(l->c, WR_E_REGO_COMPILE, &t->loc, "cannot assign to %s",
                       wr_ast_type_name(t));
    }
}

static void rewrite_assignment(struct locals *l, struct wr_ast_expr *e)
{
    if (e->negated) {
        wr_check_error(l->c, WR_E_REGO_COMPILE, &e->loc,
                       "cannot assign vars inside negated expression");
        return;
    }
    if (e->term->n_items != 3) {
        return;
    }
    uint32_t before = l->c->errors->n;
    rewrite(l, e->term->items[2]);
    rewrite_with(l, e);
    declare_pattern(l, e->term->items[1]);
    if (l->c->errors->n == before) {
        e->term->items[0]->items[0]->name = WR_STR("eq");
    }
}

/* some v in xs, as v = xs[k]: all that this binds is declared, in order of names. */
static bool rewrite_some_in(struct locals *l, struct wr_ast_expr *e)
{
    struct wr_check *c = l->c;
    struct wr_ast_term *call = e->terms[0], *of = call->items[call->n_items - 1];
    struct wr_ast_term *value = call->items[call->n_items - 2];
    struct wr_ast_term *key =
        call->n_items == 4 ? call->items[1] : wr_check_var(c, wr_check_generate(c), &e->loc);
    bool is_ref = of->kind == WR_AST_REF;
    uint32_t n = is_ref ? of->n_items : 1;
    struct wr_ast_term *right = wr_check_new_items(c, WR_AST_REF, &of->loc, n + 1);
    struct check_set safe = {0}, declared = {0};
    if (c->stop) {
        return false;
    }
    memcpy(right->items, is_ref ? of->items : &of, n * sizeof(right->items[0]));
    right->items[n] = key;
    struct wr_ast_expr *equation = wr_check_equation(c, value, right, &e->loc);
    e->kind = WR_AST_TERM;
    e->term = equation->term;
    wr_check_vars_of_term(c, &safe, of, 0);
    wr_check_outputs(c, &declared, equation, &safe);
    while (!wr_varset_is_empty(&declared) && !c->stop) {
        uint32_t first = UINT32_MAX, as;
        wr_check_charge(c, c->vars->n);
        for (uint32_t v = 0; v < c->vars->n; v++) {
            if (wr_varset_has(&declared, v) &&
                (first == UINT32_MAX ||
                 wr_str_cmp(c->vars->items[v].name, c->vars->items[first].name) < 0)) {
                first = v;
            }
        }
        wr_varset_remove(&declared, first);
        if (first == UINT32_MAX || !declare(l, first, DECLARED, NULL, &as)) {
            return false; /* OPA's statement has lost its place by now */
        }
    }
    rewrite_expr(l, e);
    return true;
}

/* False: nothing of the statement is left. */
static bool rewrite_some(struct locals *l, struct wr_ast_expr *e)
{
    if (e->n_terms > 0 && e->terms[0]->kind == WR_AST_CALL) {
        return rewrite_some_in(l, e);
    }
    for (uint32_t i = 0; i < e->n_terms && !l->c->stop; i++) {
        uint32_t as;
        const struct wr_ast_term *t = e->terms[i];
        uint32_t var = t->kind == WR_AST_VAR ? t->tag : is_root(t) ? t->items[0]->tag : UINT32_MAX;
        if (var != UINT32_MAX && !declare(l, var, DECLARED, &e->loc, &as)) {
            return false;
        }
    }
    return false;
}

static bool declare_in_every(struct locals *l, struct wr_ast_term *t)
{
    uint32_t as, var = is_root(t) ? t->items[0]->tag : t->tag;
    if (t->kind == WR_AST_VAR && wr_ast_is_wildcard(t)) {
        return true;
    }
    if ((t->kind != WR_AST_VAR && !is_root(t)) || !declare(l, var, DECLARED, NULL, &as)) {
        return false;
    }
    l->entries->loc = NULL;
    become(l->c, t, as);
    return true;
}

static bool rewrite_every(struct locals *l, struct wr_ast_expr *e)
{
    struct check_set used = {0};
    rewrite(l, e->domain);
    struct entry *outer = push_scope(l);
    bool fine = true;
    if (e->key != NULL) {
        fine = declare_in_every(l, e->key);
    } else {
        e->key = wr_check_var(l->c, wr_check_generate(l->c), &e->loc);
    }
    if (fine && declare_in_every(l, e->value)) {
        e->body = rewrite_body(l, e->body, &used);
        rewrite_with(l, e);
    } else {
        fine = false;
    }
    pop_scope(l, outer);
    return fine;
}

/* ── bodies ─────────────────────────────────────────────────────────────────────────────────── */

/* The names of a scope that nothing uses, in order of their new names. */
static void check_unused(struct locals *l, const struct wr_ast_body *body,
                         const struct check_set *used, enum occurrence how)
{
    struct wr_check *c = l->c;
    struct wr_str last = {0};
    while (!c->stop) {
        struct entry *first = NULL;
        for (struct entry *e = l->entries; e != NULL; e = e->next) {
            struct wr_str shown = c->vars->items[e->var].name, name = c->vars->items[e->as].name;
            if (e->how == how && e->count <= 1 && !wr_varset_has(used, e->var) &&
                !wr_check_is_generated(shown) && (how != ASSIGNED || shown.p[0] != '$') &&
                (last.n == 0 || wr_str_cmp(name, last) > 0) &&
                (first == NULL || wr_str_cmp(name, c->vars->items[first->as].name) < 0)) {
                first = e;
            }
        }
        if (first == NULL) {
            return;
        }
        last = c->vars->items[first->as].name;
        wr_check_error(c, WR_E_REGO_COMPILE, first->loc != NULL ? first->loc : &body->exprs[0]->loc,
                       "%s var %.*s unused", how == ASSIGNED ? "assigned" : "declared",
                       WR_FMT(c->vars->items[first->var].name));
    }
}

static bool rewrite_statement(struct locals *l, struct wr_ast_expr *e)
{
    l->statement = &e->loc;
    if (e->kind == WR_AST_SOME) {
        return rewrite_some(l, e);
    }
    if (e->kind == WR_AST_EVERY) {
        return rewrite_every(l, e);
    }
    if (wr_check_is_call(e) && wr_check_is_op(e->term, "assign")) {
        rewrite_assignment(l, e);
    } else {
        rewrite_expr(l, e);
    }
    return true;
}

static struct wr_ast_body *rewrite_body(struct locals *l, struct wr_ast_body *body,
                                        const struct check_set *used)
{
    struct wr_check *c = l->c;
    struct check_list kept = {0};
    const struct wr_ast_loc *statement = l->statement;
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        if (rewrite_statement(l, body->exprs[i])) {
            wr_check_push(c, &kept, body->exprs[i]);
        }
    }
    l->statement = statement;
    if (kept.n == 0) {
        struct wr_ast_loc nowhere = {0};
        struct wr_ast_term *t = wr_check_new(c, WR_AST_SCALAR, &nowhere);
        t->value = wr_bool(true);
        wr_check_push(c, &kept, wr_check_new_expr(c, t, &nowhere));
    }
    if (c->options->strict && c->errors->n == l->errors) {
        check_unused(l, body, used, ASSIGNED);
    }
    if (c->errors->n == l->errors) {
        check_unused(l, body, used, DECLARED);
    }
    return wr_check_body(c, &kept, &body->loc);
}

/* ── rules ──────────────────────────────────────────────────────────────────────────────────── */

static void rewrite_argument(struct locals *l, struct wr_ast_term *t)
{
    struct wr_check *c = l->c;
    if (t->kind == WR_AST_VAR) {
        struct entry *e = top_of(l, t->tag);
        if (e != NULL) {
            e->count++;
        } else {
            e = enter(l, t->tag, wr_check_generate(c), ARGUMENT);
        }
        if (e != NULL) {
            become(c, t, e->as);
        }
    } else if (t->kind == WR_AST_CALL) {
        wr_check_error(c, WR_E_REGO_COMPILE, &t->loc, "rule arguments cannot contain calls");
    } else if (t->kind == WR_AST_ARRAY || t->kind == WR_AST_OBJECT || t->kind == WR_AST_REF) {
        uint32_t step = t->kind == WR_AST_OBJECT ? 2 : 1;
        for (uint32_t i = step - 1; i < t->n_items && !c->stop; i += step) {
            rewrite_argument(l, t->items[i]);
        }
    }
}

/* Comprehensions of a head have scopes of their own. */
static void rewrite_nested(struct wr_check *c, struct wr_ast_term *t)
{
    if (t == NULL || t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR) {
        return;
    }
    if (t->body != NULL) {
        struct locals l = {.c = c, .errors = c->errors->n};
        rewrite_comprehension(&l, t);
        return;
    }
    for (uint32_t i = 0; i < t->n_items && !c->stop; i++) {
        rewrite_nested(c, t->items[i]);
    }
}

/* Names of the head that the body declares. */
static void rewrite_head(const struct locals *l, struct wr_ast_term *t)
{
    if (t == NULL || t->kind == WR_AST_SCALAR) {
        return;
    }
    if (t->kind == WR_AST_VAR) {
        const struct entry *e = top_of(l, t->tag);
        if (e != NULL && e->as != t->tag) {
            become(l->c, t, e->as);
        }
        return;
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        rewrite_head(l, t->items[i]);
    }
    for (uint32_t i = 0; t->body != NULL && i < t->body->n; i++) {
        if (t->body->exprs[i]->term != NULL) {
            rewrite_head(l, t->body->exprs[i]->term);
        }
    }
}

static void rewrite_rule(struct locals *l, struct check_rule *r, struct check_set *unused)
{
    struct wr_check *c = l->c;
    struct check_set used = {0}, value = {0};
    for (uint32_t i = 0; i < r->source->n_args; i++) {
        rewrite_nested(c, r->args[i]);
    }
    rewrite_nested(c, r->key);
    rewrite_nested(c, r->value);
    for (uint32_t i = 1; i < r->ref->n_items; i++) {
        wr_check_vars_of_term(c, &used, r->ref->items[i], 0);
    }
    if (r->key != NULL) {
        wr_check_vars_of_term(c, &used, r->key, 0);
    }
    if (r->value != NULL) {
        wr_check_vars_of_term(c, &value, r->value, 0);
        wr_varset_join(c, &used, &value);
    }
    l->errors = c->errors->n;
    r->body = rewrite_body(l, r->body, &used);
    for (uint32_t i = 0; i < r->source->n_args; i++) {
        rewrite_head(l, r->args[i]);
    }
    for (uint32_t i = 1; i < r->ref->n_items; i++) {
        rewrite_head(l, r->ref->items[i]);
    }
    rewrite_head(l, r->key);
    rewrite_head(l, r->value);
    for (struct entry *e = l->entries; e != NULL; e = e->next) {
        if (e->how == ARGUMENT && (e->count > 1 || wr_varset_has(&value, e->var))) {
            wr_varset_remove(unused, e->var);
        }
    }
}

static void check_unused_args(struct wr_check *c, const struct check_rule *rule,
                              const struct check_set *unused)
{
    for (uint32_t v = 0; v < c->vars->n && !c->stop; v++) {
        struct wr_str name = c->vars->items[v].name;
        if (wr_varset_has(unused, v) && name.p[0] != '$') {
            wr_check_error(c, WR_E_REGO_COMPILE, &rule->source->head_loc,
                           "unused argument %.*s. (hint: use _ (wildcard variable) instead)",
                           WR_FMT(name));
        }
    }
}

void wr_check_locals(struct wr_check *c, struct check_rule *rule)
{
    struct locals l = {.c = c, .errors = c->errors->n};
    struct check_set unused = {0};
    for (uint32_t i = 0; c->options->strict && i < rule->source->n_args; i++) {
        wr_check_vars_of_term(c, &unused, rule->args[i], 0);
    }
    for (uint32_t i = 0; i < rule->source->n_args; i++) {
        rewrite_argument(&l, rule->args[i]);
    }
    struct entry *args = l.entries;
    for (struct check_rule *r = rule; r != NULL && !c->stop; r = r->otherwise) {
        for (struct entry *e = l.entries; e != args; e = e->next) { /* the branch before */
            l.top[e->var] = e->outer;
        }
        l.entries = args;
        rewrite_rule(&l, r, &unused);
    }
    if (c->options->strict) {
        check_unused_args(c, rule, &unused);
    }
}

struct wr_ast_body *wr_check_query_locals(struct wr_check *c, struct wr_ast_body *body)
{
    struct locals l = {.c = c, .errors = c->errors->n};
    struct check_set used = {0};
    return rewrite_body(&l, body, &used);
}
