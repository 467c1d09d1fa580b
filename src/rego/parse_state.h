/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the parser share; nobody else includes this.
 *
 * A parse function returns a node, or NULL with the reason among the errors (or without one: then
 * the text is no such thing, and another reading may be tried from a saved place). A saved place is
 * a copy of struct wr_parse_place; going back also takes back the errors since. To go back often
 * and cheaply, errors are a list that shares its tail.
 *
 * Rego cannot be read left to right without going back: `{a | b}` is a comprehension, `{a | b, c}`
 * a set. Readings inside readings would double the work at each level, so terms that were read
 * while another reading is still possible are remembered by their offset. */
#ifndef WR_REGO_PARSE_STATE_H
#define WR_REGO_PARSE_STATE_H

#include "rego/ast.h"
#include "rego/lex.h"
#include "rego/parse.h"

struct wr_parse_error {
    const struct wr_parse_error *before;
    struct wr_str message;
    struct wr_ast_loc loc;
    wr_err code;
    bool no_details;
};

struct wr_parse_place {
    struct wr_lexer lexer;
    enum wr_token token; /* the current one, not yet taken */
    uint32_t row, col, offset, end;
    uint32_t last_end;    /* end of the token before, white space apart */
    bool skipped_newline; /* between the token before and the current one */
    uint32_t wildcards;   /* given out so far */
    uint32_t brackets;    /* opened so far */
    uint32_t n_errors;
    const struct wr_parse_error *errors; /* the last one first */
    const char *hint;                    /* goes into the next error */
};

struct wr_parse_memo {
    uint32_t offset; /* of the term + 1; 0: free */
    struct wr_ast_term *term;
    struct wr_parse_place *after;
};

struct wr_parser {
    struct wr_arena *arena;
    struct wr_str file, text;
    struct wr_parse_place at;
    uint32_t depth;
    uint32_t speculation; /* readings that may yet be taken back */
    bool v1;
    bool keyword_refs; /* words of the language may stand in references, as since OPA 1.6 */
    bool rego_v1;      /* import rego.v1 was seen */
    bool dead; /* out of memory or beyond a limit: nothing but the end of the text is read */
    const struct wr_parse_error *last_words; /* why */
    struct wr_parse_memo *memo;
    uint32_t n_memo, memo_cap;
    void **stack; /* nodes of lists under construction */
    size_t n_stack, stack_cap;
    struct wr_ast_comment *comments;
    uint32_t n_comments, comments_cap;
};

/* ── reading on ── */
void wr_parse_open(struct wr_parser *p, struct wr_arena *arena, struct wr_str file,
                   struct wr_str text, const struct wr_rego_parse_options *options);
void wr_parse_scan(struct wr_parser *p);       /* the next token but white space */
void wr_parse_scan_space(struct wr_parser *p); /* the next token */
void wr_parse_restore(struct wr_parser *p, const struct wr_parse_place *place);
/* Enters one level of nesting; false (and dead) beyond the limit. Leave by p->depth--. */
bool wr_parse_enter(struct wr_parser *p);
/* Ends the parse for a reason that is not the grammar. */
void wr_parse_die(struct wr_parser *p, wr_err code, const char *message);

static inline bool wr_parse_is(const struct wr_parser *p, enum wr_token token)
{
    return p->at.token == token;
}
struct wr_ast_loc wr_parse_loc(const struct wr_parser *p); /* of the current token */
/* A place that starts as `from` and ends at the byte `end`. */
struct wr_ast_loc wr_parse_span(struct wr_ast_loc from, uint32_t offset, uint32_t end);
struct wr_str wr_parse_token_text(const struct wr_parser *p);

/* ── complaining ── */
void wr_parse_error(struct wr_parser *p, struct wr_ast_loc loc, const char *format, ...)
    WR_PRINTF(3, 4);
/* "unexpected TOKEN token: NOTE"; NOTE may be NULL. */
void wr_parse_illegal(struct wr_parser *p, const char *note, ...) WR_PRINTF(2, 3);
/* An error found when the module was put together: without details. */
void wr_parse_error_late(struct wr_parser *p, struct wr_ast_loc loc, const char *format, ...)
    WR_PRINTF(3, 4);
/* The canonical text of a term for a message. */
struct wr_str wr_parse_term_text(struct wr_parser *p, const struct wr_ast_term *t);

/* ── building ── */
struct wr_ast_term *wr_parse_new(struct wr_parser *p, enum wr_ast_kind kind, struct wr_ast_loc loc);
struct wr_ast_term *wr_parse_new_true(struct wr_parser *p, struct wr_ast_loc loc);
struct wr_ast_term *wr_parse_new_string(struct wr_parser *p, struct wr_str s,
                                        struct wr_ast_loc loc);
struct wr_ast_term *wr_parse_new_wildcard(struct wr_parser *p, struct wr_ast_loc loc);
/* A term of `kind` with these items. */
struct wr_ast_term *wr_parse_new_items(struct wr_parser *p, enum wr_ast_kind kind,
                                       struct wr_ast_loc loc, struct wr_ast_term *const *items,
                                       size_t n);
bool wr_parse_push(struct wr_parser *p, void *node);
/* Moves the nodes above `base` from the stack into the arena. */
void **wr_parse_take(struct wr_parser *p, size_t base, uint32_t *n);
/* Sets items, n_items and height from the stack above `base`. */
struct wr_ast_term *wr_parse_take_items(struct wr_parser *p, struct wr_ast_term *t, size_t base);
struct wr_ast_body *wr_parse_new_body(struct wr_parser *p, size_t base, struct wr_ast_loc loc);
struct wr_ast_body *wr_parse_true_body(struct wr_parser *p, struct wr_ast_loc loc);

bool wr_parse_recall(struct wr_parser *p, struct wr_ast_term **term);
/* Remembers terms while another reading is possible, and failures always: a failure that is met
 * again is not reported again. */
void wr_parse_remember(struct wr_parser *p, uint32_t offset, struct wr_ast_term *term);
void wr_parse_forget(struct wr_parser *p);

/* ── the grammar ── */
struct wr_ast_term *wr_parse_term(struct wr_parser *p);
/* What may follow the term whose last token is the current one: .name, [index], (arguments). In the
 * head of a rule white space may stand between. */
struct wr_ast_term *wr_parse_term_rest(struct wr_parser *p, struct wr_ast_term *head,
                                       bool skip_space);
/* The number or string that begins here; its last token stays current. */
struct wr_ast_term *wr_parse_number(struct wr_parser *p);
struct wr_ast_term *wr_parse_string(struct wr_parser *p);
struct wr_ast_term *wr_parse_var(struct wr_parser *p); /* does not take the token */
/* Terms with operators; `pairs` allows `k, v in c`. */
struct wr_ast_term *wr_parse_infix(struct wr_parser *p, bool pairs);
/* The same, going on from a term that was read already. */
struct wr_ast_term *wr_parse_infix_from(struct wr_parser *p, struct wr_ast_term *first, bool pairs);
/* A call of the operator `token`, which stood at `at`, up to the last token taken. */
struct wr_ast_term *wr_parse_new_infix(struct wr_parser *p, enum wr_token token,
                                       struct wr_ast_loc at, struct wr_ast_term *const *operands,
                                       size_t n);
struct wr_ast_term *wr_parse_array(struct wr_parser *p);
struct wr_ast_term *wr_parse_braces(struct wr_parser *p);
/* Terms up to the token `end`, which stays current; adds to the stack. */
bool wr_parse_term_list(struct wr_parser *p, enum wr_token end);
struct wr_ast_expr *wr_parse_literal(struct wr_parser *p);
/* Expressions up to the token `end`, which stays current. With `one`, stops after an expression
 * that no `;` follows. */
struct wr_ast_body *wr_parse_query(struct wr_parser *p, bool one, enum wr_token end);

struct wr_ast_rule *wr_parse_new_rule(struct wr_parser *p, struct wr_ast_loc loc);
/* Sets kind and n_static by ref, args and key. */
void wr_parse_classify(struct wr_ast_rule *rule);
/* A name as a reference of one item. */
struct wr_ast_term *wr_parse_as_ref(struct wr_parser *p, struct wr_ast_term *t);
/* Drops the operand of p[x]: the rule is p, its element x. */
bool wr_parse_make_set(struct wr_parser *p, struct wr_ast_rule *rule);
/* Rules from the current token on, with chained bodies; NULL without error: no such rule. Pushes
 * them on the stack. */
bool wr_parse_rules(struct wr_parser *p);
/* A rule without body from a statement like p = 1, or an error at `loc`. */
struct wr_ast_rule *wr_parse_rule_of_body(struct wr_parser *p, const struct wr_ast_body *body);
void wr_parse_check_v1(struct wr_parser *p, const struct wr_ast_rule *rule);

#endif
