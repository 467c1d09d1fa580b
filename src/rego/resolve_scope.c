/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes: which variables a body declares, and from where on they can be seen. */
#include "rego/resolve.h"

uint32_t wr_resolve_new_var(struct resolver *r, struct wr_str name)
{
    if (r->n_vars >= WR_LIMIT_REGO_VARS) {
        r->too_many = true;
        return 0;
    }
    if (r->n_vars == r->cap_vars) {
        uint32_t cap = r->cap_vars == 0 ? 16 : r->cap_vars * 2;
        struct wr_str *names = WR_NEW_ARRAY(r->arena, struct wr_str, cap);
        if (names == NULL) {
            r->no_room = true;
            return 0;
        }
        if (r->n_vars != 0) {
            memcpy(names, r->names, r->n_vars * sizeof(names[0]));
        }
        r->names = names;
        r->cap_vars = cap;
    }
    r->names[r->n_vars] = name;
    return r->n_vars++;
}

static struct scope_name *find_in(const struct scope *scope, struct wr_str name)
{
    for (struct scope_name *at = scope->names; at != NULL; at = at->next) {
        if (wr_str_eq(at->name, name)) {
            return at;
        }
    }
    return NULL;
}

struct scope_name *wr_scope_add(struct resolver *r, struct wr_str name, enum scope_how how)
{
    struct scope_name *entry = find_in(r->scope, name);
    if (entry != NULL) {
        return entry;
    }
    entry = WR_NEW(r->arena, struct scope_name);
    if (entry == NULL) {
        r->no_room = true;
        return NULL;
    }
    entry->name = name;
    entry->how = (uint8_t)how;
    entry->var = wr_resolve_new_var(r, name);
    entry->next = r->scope->names;
    r->scope->names = entry;
    return entry;
}

/* Declares the variables of a pattern: a var, or arrays and objects of such. */
static void add_pattern(struct resolver *r, const struct wr_ast_term *t, enum scope_how how)
{
    t = wr_as_name(t);
    if (t->kind == WR_AST_VAR && !wr_ast_is_wildcard(t)) {
        wr_scope_add(r, t->name, how);
    } else if (t->kind == WR_AST_ARRAY) {
        for (uint32_t i = 0; i < t->n_items; i++) {
            add_pattern(r, t->items[i], how);
        }
    } else if (t->kind == WR_AST_OBJECT) {
        for (uint32_t i = 1; i < t->n_items; i += 2) {
            add_pattern(r, t->items[i], how);
        }
    }
}

static void add_some(struct resolver *r, const struct wr_ast_expr *e)
{
    for (uint32_t i = 0; i < e->n_terms; i++) {
        const struct wr_ast_term *t = e->terms[i];
        if (t->kind == WR_AST_VAR) {
            add_pattern(r, t, SCOPE_DECLARED);
        } else if (t->kind == WR_AST_CALL) { /* all but the last argument, the collection */
            for (uint32_t k = 1; k + 1 < t->n_items; k++) {
                add_pattern(r, t->items[k], SCOPE_DECLARED);
            }
        }
    }
}

void wr_scope_enter_body(struct resolver *r, struct scope *scope, const struct wr_ast_body *body)
{
    scope->parent = r->scope;
    r->scope = scope;
    for (uint32_t i = 0; i < body->n; i++) {
        const struct wr_ast_expr *e = body->exprs[i];
        if (e->kind == WR_AST_SOME) {
            add_some(r, e);
        } else if (e->kind == WR_AST_TERM && wr_ast_is_call_of(e->term, WR_STR("assign")) &&
                   e->term->n_items == 3) {
            add_pattern(r, e->term->items[1], SCOPE_ASSIGNED);
        }
    }
}

void wr_scope_leave(struct resolver *r, struct scope *scope)
{
    r->scope = scope->parent;
}

void wr_scope_activate(struct resolver *r, struct wr_str name, enum scope_how how)
{
    struct scope_name *entry = find_in(r->scope, name);
    if (entry == NULL) {
        return; /* no room was found for it, and that is reported elsewhere */
    }
    entry->how = (uint8_t)(entry->how == SCOPE_ARGUMENT ? SCOPE_ARGUMENT : how);
    entry->active = true;
}

bool wr_scope_find(struct resolver *r, struct wr_str name, uint32_t *var, bool *blocked)
{
    *blocked = false;
    bool later = false;
    for (struct scope *scope = r->scope; scope != NULL; scope = scope->parent) {
        struct scope_name *entry = find_in(scope, name);
        if (entry != NULL && entry->active) {
            *var = entry->var;
            return true;
        }
        later = later || entry != NULL;
    }
    *blocked = later;
    return false;
}
