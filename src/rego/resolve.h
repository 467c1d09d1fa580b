/* SPDX-License-Identifier: Apache-2.0 */
/* State shared by the files of the resolver: names in scope, the clause being resolved.
 *
 * A name is looked up, in this order, among the declared variables of the enclosing scopes (`some`,
 * `:=`, arguments), imports, rules of the package, `input` and `data`; what is left is a free
 * variable of the clause. A name that is declared anywhere in a body hides imports and rules in all
 * of that body, as in OPA, but is itself visible only behind its declaration. */
#ifndef WR_REGO_RESOLVE_H
#define WR_REGO_RESOLVE_H

#include "rego/name_map.h"
#include "rego/plan.h"

#define WR_LIMIT_REGO_VARS 16384 /* variables of one clause */

struct scope {
    struct scope *parent;
    struct wr_name_map names; /* to twice the variable, and 1 once its declaration was passed */
};

struct resolver {
    struct wr_arena *arena;
    const struct wr_rego_options *options;
    struct wr_rego_errors *errors;
    struct wr_rule_tree *tree;
    struct wr_plan_module *module;
    const struct wr_plan_module *modules; /* all of the program */
    uint32_t n_modules;
    const struct wr_ast_rule *rule; /* whose clause this is; NULL in a query */
    struct wr_name_map imports;     /* of the module: alias to index */
    /* of the clause: */
    struct scope *scope;
    struct wr_name_map free_vars;
    struct wr_str *names;
    uint32_t n_vars, cap_vars;
    bool has_with;
    bool no_room;
    bool too_many;
};

/* resolve_scope.c */
/* `input` and `data` stand in the tree as references of one item: patterns take them for names. */
static inline const struct wr_ast_term *wr_as_name(const struct wr_ast_term *t)
{
    return t->kind == WR_AST_REF && t->n_items == 1 ? t->items[0] : t;
}

uint32_t wr_resolve_new_var(struct resolver *r, struct wr_str name);
/* Declares a name in the innermost scope; not yet visible. */
void wr_scope_add(struct resolver *r, struct wr_str name);
/* Declares ahead what a body declares: its `some`s and the left sides of `:=`. */
void wr_scope_enter_body(struct resolver *r, struct scope *scope, const struct wr_ast_body *body);
void wr_scope_leave(struct resolver *r, struct scope *scope);
/* Makes a declared name visible from here on. */
void wr_scope_activate(struct resolver *r, struct wr_str name);
/* A declared variable; false: the name is none. `*blocked` if it will be declared later on. */
bool wr_scope_find(struct resolver *r, struct wr_str name, uint32_t *var, bool *blocked);

/* resolve_term.c */
struct wr_plan_term *wr_resolve_term(struct resolver *r, const struct wr_ast_term *t);
struct wr_plan_term *wr_resolve_new(struct resolver *r, enum wr_plan_kind kind, uint32_t n,
                                    const struct wr_ast_loc *loc);
struct wr_plan_term *wr_resolve_const(struct resolver *r, struct wr_value v,
                                      const struct wr_ast_loc *loc);
struct wr_plan_term *wr_resolve_var(struct resolver *r, uint32_t var, const struct wr_ast_loc *loc);
/* The term that a name alone stands for. */
struct wr_plan_term *wr_resolve_name(struct resolver *r, struct wr_str name,
                                     const struct wr_ast_loc *loc);
/* The keys of a reference below data or input made of constants only; NULL if it is no such. */
const struct wr_value *wr_resolve_path(struct resolver *r, const struct wr_plan_term *t,
                                       uint8_t *root, uint32_t *n);
/* Name of an operator as written, dots included. */
struct wr_str wr_resolve_dotted(struct resolver *r, const struct wr_ast_term *ref);

/* metadata.c: the constant that a call of rego.metadata.rule or .chain stands for. */
bool wr_resolve_metadata(struct resolver *r, struct wr_str name, struct wr_value *out);

/* resolve_body.c */
struct wr_plan_body *wr_resolve_body(struct resolver *r, const struct wr_ast_body *body);
struct wr_plan_expr *wr_resolve_new_expr(struct resolver *r, enum wr_plan_expr_kind kind,
                                         const struct wr_ast_loc *loc);
void wr_resolve_append(struct resolver *r, struct wr_plan_body *body, struct wr_plan_expr *e);

struct wr_rego_error *wr_resolve_error(struct resolver *r, wr_err code,
                                       const struct wr_ast_loc *loc, const char *format, ...)
    WR_PRINTF(4, 5);

#endif
