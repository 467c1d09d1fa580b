/* SPDX-License-Identifier: Apache-2.0 */
/* Resolved policies: what the compiler works on, between the tree as written and the bytecode.
 *
 * Every name has become a variable number, `input`, a path below `data`, or a function; `:=`,
 * `some` and `in` have become unifications; chained bodies stand as clauses of one rule. Rules hang
 * in one tree, by package and head:
 *
 *     data ─ risk ─┬─ allow     COMPLETE  clauses: allow { .. }, allow { .. }
 *                  ├─ reasons   SET       clauses
 *                  └─ lib ─ f   FUNCTION  clauses
 *
 * A node of kind PARTIAL (some clause has a head like p[x] or p[x].q) owns all rules below it:
 * their clauses become its own, with the rest of their paths as keys, and it has no children.
 *
 * Nodes of terms and expressions live in the program's arena. Nesting is bounded by the parser
 * (WR_LIMIT_REGO_DEPTH), so walkers may recurse. */
#ifndef WR_REGO_PLAN_H
#define WR_REGO_PLAN_H

#include "rego/ast.h"
#include "rego/builtin.h"
#include "rego/rego.h"

enum wr_plan_kind {
    WR_PLAN_CONST,
    WR_PLAN_VAR,
    WR_PLAN_INPUT, /* the document `input` */
    WR_PLAN_DATA,  /* the document `data` */
    WR_PLAN_REF,   /* items: head, operands */
    WR_PLAN_ARRAY,
    WR_PLAN_OBJECT, /* items: key, value, ... */
    WR_PLAN_SET,
    WR_PLAN_ARRAY_OF, /* comprehensions; items: element, or key and value */
    WR_PLAN_SET_OF,
    WR_PLAN_OBJECT_OF,
    WR_PLAN_CALL, /* items: arguments; `builtin` or `function` */
};

/* Builtins that have instructions of their own. */
enum wr_plan_op {
    WR_OPERATOR_NONE,
    WR_OPERATOR_EQUAL,
    WR_OPERATOR_NEQ,
    WR_OPERATOR_LT,
    WR_OPERATOR_LTE,
    WR_OPERATOR_GT,
    WR_OPERATOR_GTE,
    WR_OPERATOR_PLUS,
    WR_OPERATOR_MINUS,
    WR_OPERATOR_MUL,
    WR_OPERATOR_MEMBER,
    WR_OPERATOR_PRINT,
};

struct wr_plan_body;
struct wr_rule_node;

struct wr_plan_term {
    uint8_t kind;
    uint8_t op;     /* CALL */
    bool has_extra; /* CALL: the last item is to be unified with the result */
    uint32_t n;
    uint32_t var;
    struct wr_value value; /* CONST */
    struct wr_plan_term **items;
    struct wr_plan_body *body;
    const struct wr_builtin *builtin;
    struct wr_rule_node *function;
    const struct wr_ast_loc *loc;
};

enum wr_plan_expr_kind {
    WR_PLAN_TERM,  /* a must be defined and not false */
    WR_PLAN_EQUAL, /* a == b: both known */
    WR_PLAN_UNIFY, /* a = b */
    WR_PLAN_EVERY, /* every a, b in domain { body }; a may be NULL */
};

enum wr_plan_with_kind { WR_WITH_INPUT, WR_WITH_DATA, WR_WITH_FUNCTION, WR_WITH_BUILTIN };

struct wr_plan_with {
    uint8_t kind;
    const struct wr_value *path; /* keys below input or data */
    uint32_t n_path;
    struct wr_rule_node *node; /* DATA: shadowed node, may be NULL. FUNCTION: the one replaced */
    const struct wr_builtin *builtin;
    struct wr_plan_term *value;          /* NULL when replaced by a function */
    struct wr_rule_node *by_function;    /* the replacement ... */
    const struct wr_builtin *by_builtin; /* ... or this */
};

struct wr_plan_expr {
    uint8_t kind;
    bool negated;
    bool hidden; /* made by the resolver: no entry among a query's expressions */
    uint32_t n_with, n_before;
    uint32_t index; /* of the expression as written */
    struct wr_plan_term *a, *b, *domain;
    struct wr_plan_body *body;
    struct wr_plan_with *with;
    struct wr_plan_expr **before; /* negated: what is evaluated outside of the negation */
    const struct wr_ast_loc *loc;
};

struct wr_plan_body {
    struct wr_plan_expr **exprs;
    uint32_t n, cap;
};

struct wr_plan_module {
    const struct wr_ast_module *ast;
    const struct wr_value *package; /* strings below data */
    uint32_t n_package;
    struct wr_rule_node *node;
};

/* One clause of a rule, or one link of its else chain. */
struct wr_plan_clause {
    const struct wr_ast_rule *ast;
    struct wr_plan_module *module;
    struct wr_plan_body *body;
    struct wr_plan_term **args;
    struct wr_plan_term **path; /* keys between the owning node and the leaf */
    struct wr_plan_term *key;   /* SET: the element */
    struct wr_plan_term *value;
    struct wr_plan_clause *otherwise;
    struct wr_plan_clause *next; /* of the same node */
    struct wr_str *names;        /* of variables; generated ones are empty */
    uint32_t n_vars, n_args, n_path;
    bool has_with; /* somewhere in it, or in its else chain */
    bool is_default;
};

enum wr_node_kind {
    WR_NODE_INNER,
    WR_NODE_COMPLETE,
    WR_NODE_SET,
    WR_NODE_PARTIAL,
    WR_NODE_FUNCTION,
};

struct wr_rule_node {
    struct wr_value key; /* in the parent; undefined for the root */
    struct wr_rule_node *parent;
    struct wr_rule_node **children; /* sorted by key */
    uint32_t n_children, cap_children;
    uint32_t id; /* from 0, all nodes of a program */
    uint8_t kind;
    bool package;  /* some module has this package */
    bool exported; /* a rule of the package above begins with this name */
    bool hidden;   /* left out when the parent is enumerated (data.system) */
    bool absorbed; /* belongs to a PARTIAL node above */
    uint32_t arity;
    struct wr_plan_clause *clauses, **last;
    struct wr_plan_clause *fallback; /* the default rule */
    uint8_t mark;                    /* recursion check */
};

/* builtin_rego.c: a builtin or function of the host; NULL if there is none. */
const struct wr_builtin *wr_rego_builtin(const struct wr_rego_options *options, struct wr_str name);

/* ── the tree (tree.c) ──────────────────────────────────────────────────────────────────────── */
struct wr_rule_tree {
    struct wr_rule_node *root;
    struct wr_rule_node **nodes; /* by id */
    uint32_t n_nodes, cap_nodes;
};

bool wr_tree_init(struct wr_rule_tree *tree, struct wr_arena *arena);
/* Child by key, or NULL. O(log n). */
struct wr_rule_node *wr_tree_child(const struct wr_rule_node *node, const struct wr_value *key);
/* Child by key, made if absent; NULL without room. */
struct wr_rule_node *wr_tree_add(struct wr_rule_tree *tree, struct wr_arena *arena,
                                 struct wr_rule_node *node, struct wr_value key);
/* "data.risk.allow", with brackets where a key is no plain name. */
void wr_tree_write_path(struct wr_buf *buf, const struct wr_rule_node *node);
struct wr_str wr_tree_path(struct wr_arena *arena, const struct wr_rule_node *node);
/* Deepest node along keys; *used is the number of keys walked. */
struct wr_rule_node *wr_tree_walk(const struct wr_rule_tree *tree, const struct wr_value *keys,
                                  uint32_t n, uint32_t *used);

/* ── resolver (resolve*.c) ──────────────────────────────────────────────────────────────────── */
struct wr_resolve_result {
    struct wr_rule_tree tree;
    struct wr_plan_module *modules;
    uint32_t n_modules;
};
/* Modules to a tree of rules; errors are collected, and what could be resolved is. */
wr_err wr_resolve_modules(struct wr_arena *arena, struct wr_ast_module **modules, uint32_t n,
                          const struct wr_rego_options *options, struct wr_resolve_result *out,
                          struct wr_rego_errors *errors);
/* A query as a clause without head, inside `module` (its package and imports; never NULL). */
wr_err wr_resolve_query(struct wr_arena *arena, struct wr_rule_tree *tree,
                        struct wr_plan_module *module, const struct wr_ast_body *body,
                        const struct wr_rego_options *options, struct wr_plan_clause *out,
                        struct wr_rego_errors *errors);

/* Cycles among rules (graph.c): WR_E_REGO_RECURSION for each rule on one. */
wr_err wr_resolve_recursion(struct wr_arena *arena, const struct wr_rule_tree *tree,
                            struct wr_rego_errors *errors);

#endif
