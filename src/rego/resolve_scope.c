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

void wr_scope_add(struct resolver *r, struct wr_str name)
{
    struct wr_name_map *names = &r->scope->names;
    if (wr_name_map_get(names, name) == NULL &&
        !wr_name_map_put(names, r->arena, name, wr_resolve_new_var(r, name) * 2)) {
        r->no_room = true;
    }
}

/* Declares the variables of a pattern: a var, or arrays and objects of such. */
static void add_pattern(struct resolver *r, const struct wr_ast_term *t)
{
    t = wr_as_name(t);
    if (t->kind == WR_AST_VAR && !wr_ast_is_wildcard(t)) {
        wr_scope_add(r, t->name);
    } else if (t->kind == WR_AST_ARRAY) {
        for (uint32_t i = 0; i < t->n_items; i++) {
            add_pattern(r, t->items[i]);
        }
    } else if (t->kind == WR_AST_OBJECT) {
        for (uint32_t i = 1; i < t->n_items; i += 2) {
            add_pattern(r, t->items[i]);
        }
    }
}

static void add_some(struct resolver *r, const struct wr_ast_expr *e)
{
    for (uint32_t i = 0; i < e->n_terms; i++) {
        const struct wr_ast_term *t = e->terms[i];
        if (t->kind == WR_AST_VAR) {
            add_pattern(r, t);
        } else if (t->kind == WR_AST_CALL) { /* all but the last argument, the collection */
            for (uint32_t k = 1; k + 1 < t->n_items; k++) {
                add_pattern(r, t->items[k]);
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
            add_pattern(r, e->term->items[1]);
        }
    }
}

void wr_scope_leave(struct resolver *r, struct scope *scope)
{
    r->scope = scope->parent;
}

void wr_scope_activate(struct resolver *r, struct wr_str name)
{
    uint32_t *entry = wr_name_map_get(&r->scope->names, name);
    if (entry != NULL) { /* else no room was found for it, and that is reported elsewhere */
        *entry |= 1;
    }
}

bool wr_scope_find(struct resolver *r, struct wr_str name, uint32_t *var, bool *blocked)
{
    bool later = false;
    *blocked = false;
    for (const struct scope *scope = r->scope; scope != NULL; scope = scope->parent) {
        const uint32_t *entry = scope->names.n != 0 ? wr_name_map_get(&scope->names, name) : NULL;
        if (entry != NULL && (*entry & 1) != 0) {
            *var = *entry / 2;
            return true;
        }
        later = later || entry != NULL;
    }
    *blocked = later;
    return false;
}
