/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of a Rego module as it was written, nothing resolved and nothing rewritten.
 *
 *   module ─ package, imports, rules, comments, annotations
 *   rule   ─ head {ref, args, key, value}, body, else ─▶ rule ─▶ ...
 *   body   ─ expr, expr, ...          expr ─ [not] term | some | every, with modifiers
 *   term   ─ scalar, var, ref, array, object, set, comprehension, call
 *
 * Invariants after a parse:
 *   - All nodes live in the arena of the parse and borrow text from the source, which must outlive
 *     them (strings with escapes are decoded into the arena).
 *   - Every node has a place in the source: row and col count from 1 (col in bytes, as OPA counts),
 *     offset and n are the span of bytes. Nodes that the parser invents (the body `true` of a rule
 *     without one, the value `true`) have the place of what they stand for and `generated` set.
 *   - A ref's first item is a var or any other term but a scalar (for instance an array or a call);
 *     `.name` and `["name"]` are the same string item. A name alone is a var, but `input` and
 * `data` alone are refs of one item, as are names of rules and operators. So a ref has at least two
 *     items, or is ref[input], ref[data], or stands as rule->ref or as the operator of a call.
 *   - A call's first item is its operator, always a ref: `count` is ref[count] and `io.jwt.decode`
 *     is ref[io, "jwt", "decode"]. `set()` is no call but an empty set. Infix operators are
 *     calls of these names, `infix` set: = eq, := assign, == equal, != neq, < lt, <= lte, > gt,
 *     >= gte, + plus, - minus, * mul, / div, % rem, & and, | or, in internal.member_2 (v in c)
 *     and internal.member_3 (k, v in c).
 *   - Wildcards `_` are vars with the names $0, $1, ... counted through the module.
 *   - Objects and sets stand in source order, duplicates included (a later pair wins).
 *   - `height` of every term is at most WR_LIMIT_REGO_DEPTH (chains of operators count), and so is
 *     the nesting of bodies in terms, so walkers may recurse. Chains of `otherwise` and lists of
 *     rules are long: walk these by loops.
 *   - Nodes are not shared: heads of chained and else rules are copies, wildcards in their
 *     arguments renamed.
 *   - Chained bodies `p { a } { b }` are separate rules with one head, the later ones `chained`. */
#ifndef WR_REGO_AST_H
#define WR_REGO_AST_H

#include "base/arena.h"
#include "base/bytes.h"
#include "value/value.h"

#define WR_LIMIT_REGO_DEPTH 256

struct wr_ast_loc {
    uint32_t row, col; /* from 1 */
    uint32_t offset, n;
};

enum wr_ast_kind {
    WR_AST_SCALAR,               /* value: null, boolean, number (text kept) or string */
    WR_AST_VAR,                  /* name */
    WR_AST_REF,                  /* items: head, then operands */
    WR_AST_ARRAY,                /* items */
    WR_AST_OBJECT,               /* items: key, value, key, value, ...; n_items = 2 * pairs */
    WR_AST_SET,                  /* items */
    WR_AST_ARRAY_COMPREHENSION,  /* items: the element; body */
    WR_AST_SET_COMPREHENSION,    /* items: the element; body */
    WR_AST_OBJECT_COMPREHENSION, /* items: key, value; body */
    WR_AST_CALL,                 /* items: operator, then arguments */
};

struct wr_ast_term {
    uint8_t kind;
    bool generated; /* invented by the parser */
    bool infix;     /* call: was written with an operator sign (or `in`) */
    bool parens;    /* was written in parentheses: loc.offset is that of the `(` */
    uint16_t height;
    uint32_t n_items;
    struct wr_ast_loc loc;
    union {
        struct wr_value value;
        struct wr_str name;
        struct wr_ast_term **items;
    };
    struct wr_ast_body *body; /* comprehensions */
    uint32_t tag;             /* 0 after a parse; for the compiler's own use */
};

enum wr_ast_expr_kind {
    WR_AST_TERM,  /* term; a statement f(x) or a = b is a term of kind CALL */
    WR_AST_SOME,  /* some x, y: terms are vars; or some k, v in c: terms[0] is the one call of
                     internal.member_2 or _3 */
    WR_AST_EVERY, /* every key, value in domain { body }; key may be NULL */
};

struct wr_ast_with {
    struct wr_ast_term *target, *value; /* target: ref or var */
    struct wr_ast_loc loc;
};

struct wr_ast_expr {
    uint8_t kind;
    bool negated, generated;
    uint32_t n_terms, n_with;
    uint32_t index; /* place in its body, from 0 */
    struct wr_ast_term *term;
    struct wr_ast_term **terms;
    struct wr_ast_term *key, *value, *domain; /* every */
    struct wr_ast_body *body;                 /* every */
    struct wr_ast_with *with;
    struct wr_ast_loc loc;
    uint32_t tag;
};

struct wr_ast_body {
    struct wr_ast_expr **exprs;
    uint32_t n;
    uint16_t height; /* of its highest term */
    struct wr_ast_loc loc;
};

enum wr_ast_rule_kind {
    WR_AST_RULE_COMPLETE, /* p = v, a.b.c = v: every operand of ref is a string */
    WR_AST_RULE_SET,      /* p contains key, v0 p[key]: ref is p, may have dynamic operands */
    WR_AST_RULE_OBJECT,   /* p[k] = v, a.b[x].c = v: some operand of ref is no string */
    WR_AST_RULE_FUNCTION, /* p(args) = v, a.b.f(args) = v */
};

struct wr_ast_rule {
    uint8_t kind;
    bool is_default;
    bool assign;          /* := in the head, not = */
    bool value_generated; /* the head gave no value: it is `true` */
    bool body_generated;  /* no body was written: it is `true` */
    bool chained;         /* { .. } after another body of the same rule */
    bool one_line_if;     /* `if` with a lone statement, without braces */
    bool with_if, with_contains;
    uint32_t n_args;
    uint32_t n_static; /* leading items of ref that are the name and strings: the rule's path */
    struct wr_ast_term *ref; /* always of kind REF, also with one item (the name, a var) */
    struct wr_ast_term **args;
    struct wr_ast_term *key;   /* SET only: the element */
    struct wr_ast_term *value; /* all but SET */
    struct wr_ast_body *body;
    struct wr_ast_rule *otherwise; /* else: a rule with the same ref and args */
    struct wr_ast_loc loc;         /* of the whole rule; row and col of its head */
    struct wr_ast_loc head_loc;
    uint32_t tag;
};

struct wr_ast_import {
    struct wr_ast_term *path; /* ref, or var for `import input` and `import data` */
    struct wr_str alias;      /* n = 0: none */
    struct wr_ast_loc loc;
};

struct wr_ast_comment {
    struct wr_str text; /* behind the #, up to the end of the line */
    struct wr_ast_loc loc;
};

struct wr_annotation; /* annotation.h */

struct wr_ast_module {
    struct wr_str file, text;
    bool v1;                       /* v1 mode, or import rego.v1 */
    struct wr_ast_term *package;   /* ref: var data, then strings */
    struct wr_ast_loc package_loc; /* of the word `package` and its path */
    struct wr_ast_import *imports; /* future.keywords and rego.v1 included */
    struct wr_ast_rule **rules;
    struct wr_ast_comment *comments;
    struct wr_annotation **annotations;
    uint32_t n_imports, n_rules, n_comments, n_annotations;
};

static inline bool wr_ast_is_string(const struct wr_ast_term *t)
{
    return t->kind == WR_AST_SCALAR && t->value.type == WR_STRING;
}
/* A var that stands for `_`. */
static inline bool wr_ast_is_wildcard(const struct wr_ast_term *t)
{
    return t->kind == WR_AST_VAR && t->name.n > 0 && t->name.p[0] == '$';
}
/* The kind as OPA names it: "var", "ref", "arraycomprehension"; of a scalar its type. */
const char *wr_ast_type_name(const struct wr_ast_term *t);
/* True if the term is a call of the operator with this dotted name ("eq", "internal.member_2"). */
bool wr_ast_is_call_of(const struct wr_ast_term *t, struct wr_str dotted_name);
/* OPA's heads carry a name beside the reference, and a key, where the language had no references in
 * heads: p, p[x] { .. }, p[k] = v { .. }. What prints and formats depends on it. */
bool wr_ast_rule_has_name(const struct wr_ast_rule *rule);
bool wr_ast_rule_has_key(const struct wr_ast_rule *rule);
/* No vars, refs, calls or comprehensions inside. */
bool wr_ast_is_ground(const struct wr_ast_term *t);
/* The value of a term made of scalars, arrays, objects and sets only; undefined for others, for
 * those higher than WR_LIMIT_VALUE_DEPTH, and when the arena is out of room. */
struct wr_value wr_ast_ground_value(struct wr_arena *arena, const struct wr_ast_term *t);

/* Deep copies; NULL when the arena is out of room. */
struct wr_ast_term *wr_ast_copy(struct wr_arena *arena, const struct wr_ast_term *t);

/* OPA's order of terms: by kind (scalars, vars, refs, arrays, objects, sets, comprehensions,
 * calls), then by content; comprehensions with equal heads by their place. */
int wr_ast_term_cmp(const struct wr_ast_term *a, const struct wr_ast_term *b);

/* Same shape and names, places and flags of writing apart (wildcards equal each other). */
bool wr_ast_term_same(const struct wr_ast_term *a, const struct wr_ast_term *b);
bool wr_ast_body_same(const struct wr_ast_body *a, const struct wr_ast_body *b);
bool wr_ast_rule_same(const struct wr_ast_rule *a, const struct wr_ast_rule *b);
bool wr_ast_module_same(const struct wr_ast_module *a, const struct wr_ast_module *b);

#endif
