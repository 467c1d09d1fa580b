/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the checks share; nobody else includes this.
 *
 * The checked copy of a module is made of the parser's nodes. A variable's `tag` is its number in
 * its rule (or query): 0 is `input`, 1 is `data`. Generated variables are named __local7__ as in
 * OPA, since messages show them. When memory or steps run out, `stop` is set and builders return a
 * shared node that may be read but leads nowhere: callers need no checks of their own. */
#ifndef WR_CHECK_STATE_H
#define WR_CHECK_STATE_H

#include "rego/check.h"
#include "rego/check_type.h"
#include "rego/name_map.h"

#define VAR_INPUT 0
#define VAR_DATA  1

/* ── lists and sets ─────────────────────────────────────────────────────────────────────────── */

struct check_list {
    void **items;
    uint32_t n, cap;
};

struct check_set { /* of variables */
    uint64_t *words;
    uint32_t n; /* words */
};

/* ── rules ──────────────────────────────────────────────────────────────────────────────────── */

struct check_var {
    struct wr_str name;
    struct wr_str shown; /* what a generated name stands for in the source; n = 0: nothing */
    const struct wr_check_type *type; /* while types are inferred */
};

struct check_vars {
    struct check_var *items;
    uint32_t n, cap;
};

struct check_module;

struct check_slot {                /* what is noted at a variable */
    struct check_user *users;      /* check_safety.c, of the body that is put in order */
    struct check_unknown *unknown; /* check_binds.c, of the equation looked at */
};

struct check_rule {
    const struct wr_ast_rule *source;
    struct check_module *module;
    struct check_vars *vars; /* shared by a chain of else */
    struct wr_ast_term **args;
    struct wr_ast_term *key, *value; /* NULL where the rule has none */
    struct wr_ast_term *ref;         /* of the head: a name, then items */
    struct wr_ast_body *body;
    struct check_rule *otherwise;
    struct wr_ast_term *path; /* data, package, then the head's ref */
    uint32_t n_ground;        /* leading items of the path without variables */
    struct check_list uses;   /* rules it refers to */
    uint8_t mark;
    bool walked;
};

struct check_package { /* names that modules of one package give to rules */
    struct wr_name_map names;
};

struct check_module {
    const struct wr_ast_module *ast;
    struct check_package *package;
    struct wr_name_map imports; /* alias to index */
    bool *import_used;
    struct check_rule **rules;
    uint32_t n_rules;
};

/* A node of the tree of rules or of types, by path. */
struct check_node {
    struct wr_value key;
    struct check_node *parent, *child, *last_child, *sibling;
    struct check_list rules;
    struct check_list modules; /* of this package */
    const struct wr_check_type *type;
    uint32_t n_children;
};

struct check_tree { /* children are found by hash */
    struct check_node *root;
    struct check_node **slots;
    uint32_t n, cap;
};

/* ── the check ──────────────────────────────────────────────────────────────────────────────── */

struct wr_check {
    struct wr_arena *arena; /* of what the check makes for itself, given back at its end */
    struct wr_arena *keep;  /* of trees and types, which queries need */
    const struct wr_rego_options *options;
    struct wr_rego_errors *errors;
    struct wr_check_types types;
    struct check_module *modules; /* in order of their file names */
    uint32_t n_modules;
    struct check_package *packages; /* same length */
    uint32_t n_packages;
    struct wr_name_map package_ids;
    struct check_tree rules, typed;
    struct wr_name_map generated; /* names like __local3__ in the source: not to be given out */
    struct check_list called;     /* builtins, by the tag of an operator's reference - 1 ... */
    struct check_list signatures; /* ... and their types, made when needed */
    struct check_list order;      /* rules, each behind those that it uses */
    const char *suffix;           /* of generated names: "q" in queries */
    uint32_t next_local;
    /* of what is at work: */
    struct wr_str file;
    struct check_module *module;
    struct check_vars *vars;
    struct wr_name_map ids;     /* of variables as written */
    struct wr_name_map ignored; /* names that hide rules and imports, with a count */
    struct check_slot *slots;   /* by variable; empty but while safety is found */
    uint32_t n_slots;
    struct wr_ast_term sink;
    struct wr_ast_body sink_body;
    struct wr_ast_expr sink_expr;
    bool stop;
    bool no_room, too_long;
};

/* check_state.c */
void wr_check_no_room(struct wr_check *c);
/* Takes steps; sets `stop` when they are used up. */
void wr_check_charge(struct wr_check *c, uint64_t steps);
struct wr_rego_error *wr_check_error(struct wr_check *c, wr_err code, const struct wr_ast_loc *loc,
                                     const char *format, ...) WR_PRINTF(4, 5);
void wr_check_push(struct wr_check *c, struct check_list *list, void *item);
void wr_check_push_in(struct wr_check *c, struct wr_arena *arena, struct check_list *list,
                      void *item);
bool wr_varset_has(const struct check_set *set, uint32_t var);
void wr_varset_add(struct wr_check *c, struct check_set *set, uint32_t var);
void wr_varset_remove(struct check_set *set, uint32_t var);
void wr_varset_join(struct wr_check *c, struct check_set *set, const struct check_set *more);
bool wr_varset_is_empty(const struct check_set *set);
struct check_set wr_varset_copy(struct wr_check *c, const struct check_set *set);
/* Moves *v on to the least member from it on; false: there is none. */
bool wr_varset_from(const struct check_set *set, uint32_t *v);
/* Is each variable of a also in b or `more` (NULL: none)? */
bool wr_varset_within(const struct check_set *a, const struct check_set *b,
                      const struct check_set *more);
/* Keeps what is in `with` and not in `without`; takes out what is in a or b. NULL: none. */
void wr_varset_keep(struct check_set *set, const struct check_set *with,
                    const struct check_set *without);
void wr_varset_take(struct check_set *set, const struct check_set *a, const struct check_set *b);

struct wr_ast_term *wr_check_new(struct wr_check *c, enum wr_ast_kind kind,
                                 const struct wr_ast_loc *loc);
/* A term of kind REF, ARRAY, ... with n items to fill; n_items is 0 when there is no room. */
struct wr_ast_term *wr_check_new_items(struct wr_check *c, enum wr_ast_kind kind,
                                       const struct wr_ast_loc *loc, uint32_t n);
/* The variable `var` as a term. */
struct wr_ast_term *wr_check_var(struct wr_check *c, uint32_t var, const struct wr_ast_loc *loc);
uint32_t wr_check_new_var(struct wr_check *c, struct wr_str name);
/* Room for all variables of the rule; NULL when there is none. */
struct check_slot *wr_check_slots(struct wr_check *c);
uint32_t wr_check_generate(struct wr_check *c); /* a variable with a new name */
bool wr_check_is_generated(struct wr_str name);
struct wr_ast_expr *wr_check_new_expr(struct wr_check *c, struct wr_ast_term *term,
                                      const struct wr_ast_loc *loc);
/* a = b, marked as generated. */
struct wr_ast_expr *wr_check_equation(struct wr_check *c, struct wr_ast_term *a,
                                      struct wr_ast_term *b, const struct wr_ast_loc *loc);
/* A body of the list's expressions. */
struct wr_ast_body *wr_check_body(struct wr_check *c, const struct check_list *exprs,
                                  const struct wr_ast_loc *loc);
void wr_check_append(struct wr_check *c, struct wr_ast_body **body, const struct check_list *exprs);
bool wr_check_is_op(const struct wr_ast_term *t, const char *name);
/* a := b, a = b: calls of two operands. */
bool wr_check_is_call(const struct wr_ast_expr *e);
/* Calls f for each rule, else rules too, in order. */
void wr_check_each_rule(struct wr_check *c, void (*f)(struct wr_check *, struct check_rule *));
/* A reference as the source has it: names given back. */
struct wr_str wr_check_ref_text(struct wr_check *c, struct wr_ast_term *const *items, uint32_t n);
struct wr_ast_term *wr_check_shown(struct wr_check *c, struct wr_ast_term *t);

/* check_tree.c */
struct check_node *wr_check_child(const struct check_tree *tree, const struct check_node *node,
                                  const struct wr_value *key);
struct check_node *wr_check_add_child(struct wr_check *c, struct check_tree *tree,
                                      struct check_node *node, struct wr_value key);
/* The node of a path of constants; NULL if there is none, or some item is no constant. */
struct check_node *wr_check_find(struct wr_check *c, const struct check_tree *tree,
                                 struct wr_ast_term *const *items, uint32_t n);
/* The value of a constant; undefined when it is none. */
struct wr_value wr_check_constant(struct wr_check *c, const struct wr_ast_term *t);

/* check_resolve.c */
void wr_check_open_module(struct wr_check *c, struct check_module *m);
void wr_check_resolve_rules(struct wr_check *c, struct check_module *m);
struct wr_ast_body *wr_check_resolve_query(struct wr_check *c, const struct wr_ast_body *body);
/* Calls f for the variables that a body declares. */
void wr_check_declared(struct wr_check *c, const struct wr_ast_body *body, bool nested,
                       void (*f)(struct wr_check *, void *, const struct wr_ast_term *),
                       void *context);

/* check_locals.c */
void wr_check_locals(struct wr_check *c, struct check_rule *rule); /* with its chain */
struct wr_ast_body *wr_check_query_locals(struct wr_check *c, struct wr_ast_body *body);

/* check_rewrite.c */
void wr_check_head_refs(struct wr_check *c, struct check_rule *rule);
void wr_check_expand(struct wr_check *c, struct check_rule *rule);
void wr_check_comprehensions(struct wr_check *c, struct check_rule *rule);
void wr_check_refs_in_head(struct wr_check *c, struct check_rule *rule);
void wr_check_dynamics(struct wr_check *c, struct check_rule *rule);
void wr_check_equals(struct wr_check *c, struct check_rule *rule);
struct wr_ast_body *wr_check_expand_body(struct wr_check *c, struct wr_ast_body *body);
void wr_check_comprehensions_of(struct wr_check *c, struct wr_ast_body *body);
struct wr_ast_body *wr_check_dynamics_of(struct wr_check *c, struct wr_ast_body *body);
bool wr_check_requires_eval(const struct wr_ast_term *t);

/* check_with.c */
void wr_check_with(struct wr_check *c, struct check_rule *rule);
struct wr_ast_body *wr_check_with_of(struct wr_check *c, struct wr_ast_body *body, bool *failed);

/* check_rules.c */
void wr_check_rule_tree(struct wr_check *c);
void wr_check_conflicts(struct wr_check *c);
void wr_check_graph(struct wr_check *c, struct check_rule *rule);
void wr_check_recursion(struct wr_check *c);

/* check_call.c */
void wr_check_void_calls(struct wr_check *c, struct check_rule *rule);
void wr_check_void_calls_of(struct wr_check *c, const struct wr_ast_body *body);
void wr_check_print(struct wr_check *c, struct check_rule *rule);
struct wr_ast_body *wr_check_print_of(struct wr_check *c, struct wr_ast_body *body,
                                      const struct check_set *safe);
void wr_check_functions(struct wr_check *c, struct check_rule *rule);
void wr_check_functions_of(struct wr_check *c, const struct wr_ast_body *body);
void wr_check_deprecated(struct wr_check *c);
/* Number of arguments; -1: no such function. */
int wr_check_arity(struct wr_check *c, struct wr_ast_term *operator_ref);
/* {"have":[..],"want":{..}} of a call of `name`. */
struct wr_str wr_check_argument_details(struct wr_check *c, struct wr_str name,
                                        const struct wr_check_type *const *have, uint32_t n,
                                        const struct wr_check_type *function, bool result);
/* The builtin that a reference names; NULL when it is none. */
const struct wr_builtin *wr_check_builtin(struct wr_check *c, struct wr_ast_term *ref);
/* Its type; NULL when it is none. */
const struct wr_check_type *wr_check_signature(struct wr_check *c, struct wr_ast_term *ref);

/* check_binds.c */
enum check_vars_flag {
    CHECK_SKIP_REF_HEAD = 1,
    CHECK_SKIP_CALL_HEAD = 2,
    CHECK_SKIP_OBJECT_KEYS = 4,
    CHECK_SKIP_CLOSURES = 8,
    CHECK_SKIP_SETS = 16,
    CHECK_SAFETY = CHECK_SKIP_CALL_HEAD | CHECK_SKIP_CLOSURES,
};
void wr_check_vars_of_term(struct wr_check *c, struct check_set *set, const struct wr_ast_term *t,
                           unsigned flags);
void wr_check_vars_of_expr(struct wr_check *c, struct check_set *set, const struct wr_ast_expr *e,
                           unsigned flags);
void wr_check_vars_of_body(struct wr_check *c, struct check_set *set, const struct wr_ast_body *b,
                           unsigned flags);
/* Adds what evaluating e binds when `safe` is bound. */
void wr_check_outputs(struct wr_check *c, struct check_set *set, const struct wr_ast_expr *e,
                      const struct check_set *safe);

/* check_safety.c */
void wr_check_safe_heads(struct wr_check *c, struct check_rule *rule);
void wr_check_safe_bodies(struct wr_check *c, struct check_rule *rule);
struct wr_ast_body *wr_check_safe_query(struct wr_check *c, struct wr_ast_body *body);

/* check_infer.c */
void wr_check_types(struct wr_check *c);
void wr_check_types_of_query(struct wr_check *c, const struct wr_ast_body *body);

#endif
