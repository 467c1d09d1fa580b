/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: expressions, `some`, `every`, `not`, `with`, and queries made of them. */
#include "rego/parse_state.h"

static struct wr_ast_expr *new_expr(struct wr_parser *p, enum wr_ast_expr_kind kind,
                                    struct wr_ast_loc loc)
{
    struct wr_ast_expr *expr = WR_NEW(p->arena, struct wr_ast_expr);
    if (expr == NULL) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return NULL;
    }
    expr->kind = (uint8_t)kind;
    expr->loc = loc;
    return expr;
}

/* `with target as value`, once. */
static struct wr_ast_with *parse_with(struct wr_parser *p)
{
    struct wr_ast_loc loc = wr_parse_loc(p);
    wr_parse_scan(p);
    if (!wr_parse_is(p, WR_TOK_IDENT)) {
        wr_parse_illegal(p, "expected ident");
        return NULL;
    }
    struct wr_ast_term *target = wr_parse_term(p);
    if (target == NULL) {
        return NULL;
    }
    if (target->kind != WR_AST_REF && target->kind != WR_AST_VAR) {
        wr_parse_illegal(p, "expected with target path");
    }
    if (!wr_parse_is(p, WR_TOK_AS)) {
        wr_parse_illegal(p, "expected as keyword");
        return NULL;
    }
    wr_parse_scan(p);
    struct wr_ast_term *value = wr_parse_infix(p, true);
    struct wr_ast_with *with = value != NULL ? WR_NEW(p->arena, struct wr_ast_with) : NULL;
    if (with != NULL) {
        *with = (struct wr_ast_with){target, value, wr_parse_span(loc, loc.offset, p->at.last_end)};
    }
    return with;
}

/* Adds the with-modifiers that follow; NULL when one is wrong. */
static struct wr_ast_expr *parse_withs(struct wr_parser *p, struct wr_ast_expr *expr)
{
    size_t base = p->n_stack;
    while (wr_parse_is(p, WR_TOK_WITH)) {
        struct wr_ast_with *with = parse_with(p);
        if (with == NULL || !wr_parse_push(p, with)) {
            p->n_stack = base;
            return NULL;
        }
    }
    size_t n = p->n_stack - base;
    if (n == 0) {
        return expr;
    }
    expr->with = WR_NEW_ARRAY(p->arena, struct wr_ast_with, n);
    if (expr->with == NULL) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        expr->with[i] = *(const struct wr_ast_with *)p->stack[base + i];
    }
    expr->n_with = (uint32_t)n;
    p->n_stack = base;
    return expr;
}

/* A call that was made by the operator `in`, with 2 or 3 operands, also when it was written as
 * internal.member_2(..). */
static bool is_member_call(const struct wr_ast_term *t, uint32_t *operands)
{
    bool two = wr_ast_is_call_of(t, WR_STR("internal.member_2"));
    *operands = t->n_items - 1;
    return two || wr_ast_is_call_of(t, WR_STR("internal.member_3"));
}

static bool member_arity_fits(const struct wr_ast_term *t, uint32_t operands)
{
    return operands == (wr_ast_is_call_of(t, WR_STR("internal.member_2")) ? 2u : 3u);
}

/* Reads on with all future keywords, as a trial for a hint. */
struct trial {
    struct wr_parse_place place;
    struct wr_parse_memo *memo;
    uint32_t n_memo, memo_cap;
    uint8_t keywords;
};

static struct trial begin_trial(struct wr_parser *p)
{
    struct trial t = {p->at, p->memo, p->n_memo, p->memo_cap, p->at.lexer.keywords};
    wr_parse_forget(p);
    p->at.lexer.keywords = WR_REGO_ALL_KEYWORDS;
    return t;
}

static void end_trial(struct wr_parser *p, const struct trial *t)
{
    p->at.lexer.keywords = t->keywords;
    p->memo = t->memo;
    p->n_memo = t->n_memo;
    p->memo_cap = t->memo_cap;
    wr_parse_restore(p, &t->place);
}

/* `some x in xs`: `term` was read behind `some`. */
static struct wr_ast_expr *finish_some_in(struct wr_parser *p, struct wr_ast_term *term,
                                          struct wr_ast_loc loc)
{
    uint32_t operands;
    if (!is_member_call(term, &operands)) {
        wr_parse_illegal(p, "expected `x in xs` or `x, y in xs` expression");
        return NULL;
    }
    if (!member_arity_fits(term, operands)) {
        wr_parse_illegal(p, "illegal domain");
        return NULL;
    }
    struct wr_ast_expr *expr = new_expr(p, WR_AST_SOME, loc);
    size_t base = p->n_stack;
    wr_parse_push(p, term);
    if (expr == NULL) {
        return NULL;
    }
    expr->terms = (struct wr_ast_term **)wr_parse_take(p, base, &expr->n_terms);
    return parse_withs(p, expr);
}

/* Would `some ..` be `some .. in ..` if `in` were a keyword? */
static bool some_wants_in(struct wr_parser *p)
{
    struct trial trial = begin_trial(p);
    uint32_t operands;
    struct wr_ast_term *term = wr_parse_infix(p, true);
    bool wants = term != NULL && term->kind == WR_AST_CALL && is_member_call(term, &operands);
    end_trial(p, &trial);
    return wants;
}

static struct wr_ast_expr *parse_some(struct wr_parser *p)
{
    struct wr_ast_loc loc = wr_parse_loc(p);
    struct wr_parse_place some = p->at;
    size_t base = p->n_stack;
    wr_parse_scan(p);
    struct wr_ast_term *term = wr_parse_infix(p, true);
    if (term != NULL && term->kind == WR_AST_CALL) {
        return finish_some_in(p, term, loc);
    }
    p->n_stack = base;
    wr_parse_restore(p, &some);
    wr_parse_scan(p);
    if (some_wants_in(p)) {
        p->at.hint = "`import future.keywords.in` for `some x in xs` expressions";
    }
    for (;;) {
        if (!wr_parse_is(p, WR_TOK_IDENT)) {
            wr_parse_illegal(p, "expected var");
            p->n_stack = base;
            return NULL;
        }
        struct wr_ast_term *var = wr_parse_var(p);
        if (var == NULL || !wr_parse_push(p, var)) {
            return NULL;
        }
        wr_parse_scan(p);
        if (!wr_parse_is(p, WR_TOK_COMMA)) {
            break;
        }
        wr_parse_scan(p);
    }
    struct wr_ast_expr *expr = new_expr(p, WR_AST_SOME, loc);
    if (expr == NULL) {
        return NULL;
    }
    expr->terms = (struct wr_ast_term **)wr_parse_take(p, base, &expr->n_terms);
    return expr;
}

/* Takes key, value and domain apart; false with an error. */
static bool set_every(struct wr_parser *p, struct wr_ast_expr *expr, const struct wr_ast_term *term)
{
    uint32_t operands;
    if (term->kind != WR_AST_CALL || !is_member_call(term, &operands)) {
        wr_parse_illegal(p, "expected `x[, y] in xs { ... }` expression");
        return false;
    }
    if (!member_arity_fits(term, operands)) {
        wr_parse_illegal(p, "illegal domain");
        return false;
    }
    expr->key = operands == 3 ? term->items[1] : NULL;
    expr->value = term->items[operands - 1];
    expr->domain = term->items[operands];
    if (expr->key != NULL && expr->key->kind != WR_AST_VAR) {
        wr_parse_illegal(p, "expected key to be a variable");
        return false;
    }
    if (expr->value->kind != WR_AST_VAR) {
        wr_parse_illegal(p, "expected value to be a variable");
        return false;
    }
    return true;
}

static struct wr_ast_expr *parse_every_inner(struct wr_parser *p)
{
    struct wr_ast_expr *expr = new_expr(p, WR_AST_EVERY, wr_parse_loc(p));
    wr_parse_scan(p);
    struct wr_ast_term *term = wr_parse_infix(p, true);
    if (expr == NULL || term == NULL || !set_every(p, expr, term)) {
        return NULL;
    }
    if (!wr_parse_is(p, WR_TOK_LBRACE)) {
        wr_parse_illegal(p, "missing body");
        return NULL;
    }
    wr_parse_scan(p);
    expr->body = wr_parse_query(p, false, WR_TOK_RBRACE);
    if (expr->body == NULL) {
        return NULL;
    }
    wr_parse_scan(p);
    return parse_withs(p, expr);
}

static struct wr_ast_expr *parse_every(struct wr_parser *p)
{
    if (!wr_parse_enter(p)) {
        return NULL;
    }
    struct wr_ast_expr *expr = parse_every_inner(p);
    p->depth--;
    return expr;
}

/* a, a = b, a := b */
static struct wr_ast_expr *parse_plain(struct wr_parser *p, struct wr_ast_loc loc)
{
    struct wr_ast_term *term = wr_parse_infix(p, true);
    if (term == NULL) {
        return NULL;
    }
    if (wr_parse_is(p, WR_TOK_UNIFY) || wr_parse_is(p, WR_TOK_ASSIGN)) {
        enum wr_token token = p->at.token;
        struct wr_ast_loc at = wr_parse_loc(p);
        wr_parse_scan(p);
        struct wr_ast_term *rhs = wr_parse_infix(p, true);
        if (rhs == NULL) {
            return NULL;
        }
        struct wr_ast_term *operands[] = {term, rhs};
        term = wr_parse_new_infix(p, token, at, operands, 2);
    }
    struct wr_ast_expr *expr = term != NULL ? new_expr(p, WR_AST_TERM, loc) : NULL;
    if (expr != NULL) {
        expr->term = term;
    }
    return expr;
}

/* A lone name `every` may be a statement whose keyword was not imported. */
static void hint_at_every(struct wr_parser *p, const struct wr_parse_place *start)
{
    struct wr_parse_place behind = p->at;
    wr_parse_restore(p, start);
    struct trial trial = begin_trial(p);
    bool wants = parse_every(p) != NULL;
    end_trial(p, &trial);
    wr_parse_restore(p, &behind);
    if (wants) {
        p->at.hint = "`import future.keywords.every` for `every x in xs { ... }` expressions";
    }
}

static struct wr_ast_expr *parse_expr(struct wr_parser *p, struct wr_ast_loc loc, bool negated)
{
    struct wr_parse_place start = p->at;
    struct wr_ast_expr *expr = parse_plain(p, loc);
    if (expr == NULL) {
        return NULL;
    }
    expr->negated = negated;
    if (wr_parse_is(p, WR_TOK_WITH) && parse_withs(p, expr) == NULL) {
        return NULL;
    }
    if (expr->term->kind == WR_AST_VAR && wr_str_eq(expr->term->name, WR_STR("every"))) {
        hint_at_every(p, &start);
    }
    return expr;
}

struct wr_ast_expr *wr_parse_literal(struct wr_parser *p)
{
    struct wr_ast_loc loc = wr_parse_loc(p);
    struct wr_ast_expr *expr;
    bool negated = wr_parse_is(p, WR_TOK_NOT);
    if (negated) {
        wr_parse_scan(p);
    }
    if (wr_parse_is(p, WR_TOK_SOME) || wr_parse_is(p, WR_TOK_EVERY)) {
        bool some = wr_parse_is(p, WR_TOK_SOME);
        if (negated) {
            wr_parse_illegal(p, "illegal negation of '%s'", some ? "some" : "every");
            return NULL;
        }
        expr = some ? parse_some(p) : parse_every(p);
    } else {
        expr = parse_expr(p, loc, negated);
    }
    if (expr != NULL) {
        expr->loc = wr_parse_span(loc, loc.offset, p->at.last_end);
    }
    return expr;
}

struct wr_ast_body *wr_parse_query(struct wr_parser *p, bool one, enum wr_token end)
{
    struct wr_ast_loc start = wr_parse_loc(p);
    struct wr_str end_text = wr_token_text(end);
    size_t base = p->n_stack;
    if (wr_parse_is(p, end)) {
        wr_parse_error(p, start, "found empty body");
        return NULL;
    }
    for (;;) {
        struct wr_ast_expr *expr = wr_parse_literal(p);
        if (expr == NULL || !wr_parse_push(p, expr)) {
            break;
        }
        if (wr_parse_is(p, WR_TOK_SEMICOLON)) {
            wr_parse_scan(p);
            continue;
        }
        if (wr_parse_is(p, end) || one) {
            return wr_parse_new_body(p, base, wr_parse_span(start, start.offset, p->at.last_end));
        }
        if (!p->at.skipped_newline) {
            if (p->at.n_errors == 0) {
                wr_parse_illegal(p, "expected \\n or ; or %.*s", WR_FMT(end_text));
            }
            break;
        }
    }
    p->n_stack = base;
    return NULL;
}
