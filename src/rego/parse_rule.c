/* SPDX-License-Identifier: Apache-2.0 */
/* Rules: heads of all forms, bodies, chains of bodies and of else.
 *
 * What a head means in v0 depends on what follows it:
 *
 *   p[x] { .. }   p.x { .. }    a set p with the element x
 *   p[x] if .. ,  p.q[x] { .. }   the value true at p[x]
 *   p[x] = v { .. }             an object p with v at x
 *   p contains x ..             a set                                                           */
#include "rego/parse_state.h"

struct wr_ast_rule *wr_parse_new_rule(struct wr_parser *p, struct wr_ast_loc loc)
{
    struct wr_ast_rule *rule = WR_NEW(p->arena, struct wr_ast_rule);
    if (rule == NULL) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return NULL;
    }
    rule->loc = loc;
    rule->head_loc = loc;
    return rule;
}

/* Kind and static path follow from ref, args and key. */
void wr_parse_classify(struct wr_ast_rule *rule)
{
    uint32_t n = 1;
    while (n < rule->ref->n_items && wr_ast_is_string(rule->ref->items[n])) {
        n++;
    }
    rule->n_static = n;
    if (rule->key != NULL) {
        rule->kind = WR_AST_RULE_SET;
    } else if (rule->n_args > 0) {
        rule->kind = WR_AST_RULE_FUNCTION;
    } else {
        rule->kind = n < rule->ref->n_items ? WR_AST_RULE_OBJECT : WR_AST_RULE_COMPLETE;
    }
}

/* The items of a head's term as a reference of its own: name -> ref[name]. */
struct wr_ast_term *wr_parse_as_ref(struct wr_parser *p, struct wr_ast_term *t)
{
    return t->kind == WR_AST_REF ? t : wr_parse_new_items(p, WR_AST_REF, t->loc, &t, 1);
}

/* Drops the last operand: p[x] -> p, the element being x. */
bool wr_parse_make_set(struct wr_parser *p, struct wr_ast_rule *rule)
{
    rule->key = rule->ref->items[1];
    rule->ref = wr_parse_as_ref(p, rule->ref->items[0]);
    return rule->ref != NULL;
}

/* ── heads ──────────────────────────────────────────────────────────────────────────────────── */

/* Name, reference or name(args). False: this is no rule, or an error was added. */
static bool parse_head_name(struct wr_parser *p, struct wr_ast_rule *rule)
{
    struct wr_ast_term *name = wr_parse_var(p);
    struct wr_ast_term *t = name != NULL ? wr_parse_term_rest(p, name, true) : NULL;
    if (t == NULL) {
        wr_parse_illegal(p, "expected rule head name");
        return false;
    }
    if (t->kind == WR_AST_CALL) {
        rule->args = t->items + 1;
        rule->n_args = t->n_items - 1;
        t = t->items[0];
    }
    if (t->kind != WR_AST_VAR && t->kind != WR_AST_REF) {
        return false;
    }
    rule->ref = wr_parse_as_ref(p, t);
    if (rule->ref == NULL) {
        return false;
    }
    if (rule->ref->items[0]->kind != WR_AST_VAR) {
        struct wr_str text = wr_parse_term_text(p, rule->ref);
        if (rule->args != NULL) {
            wr_parse_illegal(p, "rule head ref %.*s invalid", WR_FMT(text));
        }
        return false;
    }
    return true;
}

static void parse_contains(struct wr_parser *p, struct wr_ast_rule *rule, struct wr_str name)
{
    if (rule->args != NULL) {
        wr_parse_illegal(p,
                         "the contains keyword can only be used with multi-value rule definitions "
                         "(e.g., %.*s contains <VALUE> { ... })",
                         WR_FMT(name));
    }
    wr_parse_scan(p);
    rule->with_contains = true;
    rule->key = wr_parse_infix(p, true);
    if (rule->key == NULL) {
        wr_parse_illegal(p, "expected rule key term (e.g., %.*s contains <VALUE> { ... })",
                         WR_FMT(name));
    }
}

static void parse_assigned(struct wr_parser *p, struct wr_ast_rule *rule, struct wr_str name)
{
    struct wr_parse_place place = p->at;
    wr_parse_scan(p);
    rule->assign = true;
    rule->value = wr_parse_infix(p, true);
    if (rule->value != NULL) {
        return;
    }
    wr_parse_restore(p, &place);
    if (rule->n_args > 0) {
        wr_parse_illegal(p, "expected function value term (e.g., %.*s(...) := <VALUE> { ... })",
                         WR_FMT(name));
    } else if (rule->is_default) {
        wr_parse_illegal(p, "expected default rule value term (e.g., default %.*s := <VALUE>)",
                         WR_FMT(name));
    } else {
        wr_parse_illegal(p, "expected rule value term (e.g., %.*s := <VALUE> { ... })",
                         WR_FMT(name));
    }
}

static bool parse_head(struct wr_parser *p, struct wr_ast_rule *rule)
{
    struct wr_ast_loc loc = wr_parse_loc(p);
    if (!parse_head_name(p, rule)) {
        return false;
    }
    if (wr_parse_is(p, WR_TOK_CONTAINS)) {
        parse_contains(p, rule, wr_parse_term_text(p, rule->ref));
    } else if (wr_parse_is(p, WR_TOK_ASSIGN)) {
        parse_assigned(p, rule, wr_parse_term_text(p, rule->ref));
    } else if (wr_parse_is(p, WR_TOK_UNIFY)) {
        wr_parse_scan(p);
        rule->value = wr_parse_infix(p, true);
        if (rule->value == NULL) {
            struct wr_str name = wr_parse_term_text(p, rule->ref);
            wr_parse_illegal(p, "expected rule value term (e.g., %.*s[<nil>] = <VALUE> { ... })",
                             WR_FMT(name));
        }
    }
    rule->head_loc = wr_parse_span(loc, loc.offset, p->at.last_end);
    if (rule->value == NULL && !rule->with_contains &&
        (rule->ref->n_items != 2 || rule->n_args > 0)) {
        rule->value = wr_parse_new_true(p, rule->head_loc);
        rule->value_generated = true;
    }
    return !p->dead;
}

/* ── default rules ──────────────────────────────────────────────────────────────────────────── */

/* Complains of every ref, var or call in the value, closures apart. The depth is that of a term. */
static bool check_default_value(struct wr_parser *p, const struct wr_ast_rule *rule,
                                const struct wr_ast_term *t)
{
    bool fine = true;
    switch ((enum wr_ast_kind)t->kind) {
    case WR_AST_REF:
    case WR_AST_VAR:
    case WR_AST_CALL:
        wr_parse_error(p, rule->loc, "illegal default rule (value cannot contain %s)",
                       wr_ast_type_name(t));
        return false;
    case WR_AST_ARRAY:
    case WR_AST_OBJECT:
    case WR_AST_SET:
        for (uint32_t i = 0; i < t->n_items; i++) {
            fine &= check_default_value(p, rule, t->items[i]);
        }
        return fine;
    case WR_AST_SCALAR:
    case WR_AST_ARRAY_COMPREHENSION:
    case WR_AST_SET_COMPREHENSION:
    case WR_AST_OBJECT_COMPREHENSION:
        break;
    }
    return fine;
}

static bool is_repeated(const struct wr_ast_rule *rule, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++) {
        if (rule->args[k]->kind == WR_AST_VAR &&
            wr_str_eq(rule->args[k]->name, rule->args[i]->name)) {
            return true;
        }
    }
    return false;
}

#define LIMIT_DEFAULT_ARGS 256 /* beyond it, repetition is not looked for */

static bool check_default_args(struct wr_parser *p, const struct wr_ast_rule *rule)
{
    bool fine = true;
    for (uint32_t i = 0; i < rule->n_args; i++) {
        const struct wr_ast_term *arg = rule->args[i];
        if (arg->kind != WR_AST_VAR) {
            wr_parse_error(p, rule->loc, "illegal default rule (arguments cannot contain %s)",
                           wr_ast_type_name(arg));
            fine = false;
        } else if (i < LIMIT_DEFAULT_ARGS && is_repeated(rule, i)) {
            wr_parse_error(p, rule->loc, "illegal default rule (arguments cannot be repeated %.*s)",
                           WR_FMT(arg->name));
            fine = false;
        }
    }
    return fine;
}

static bool finish_default(struct wr_parser *p, struct wr_ast_rule *rule)
{
    if (rule->value == NULL) {
        wr_parse_error(p, rule->loc, "illegal default rule (must have a value)");
        return false;
    }
    if (!check_default_value(p, rule, rule->value) || !check_default_args(p, rule)) {
        return false;
    }
    rule->body = wr_parse_true_body(p, rule->loc);
    rule->loc = wr_parse_span(rule->loc, rule->loc.offset, p->at.last_end);
    wr_parse_classify(rule);
    return rule->body != NULL && wr_parse_push(p, rule);
}

/* ── bodies ─────────────────────────────────────────────────────────────────────────────────── */

/* { .. }: the brace is current. */
static struct wr_ast_body *parse_block(struct wr_parser *p)
{
    wr_parse_scan(p);
    struct wr_ast_body *body = wr_parse_query(p, false, WR_TOK_RBRACE);
    if (body != NULL) {
        wr_parse_scan(p);
    }
    return body;
}

static struct wr_ast_body *one_expr_body(struct wr_parser *p, struct wr_ast_expr *expr)
{
    size_t base = p->n_stack;
    wr_parse_push(p, expr);
    return wr_parse_new_body(p, base, expr->loc);
}

/* Behind `if`: a lone statement, or a block; {x} is a block, not a set, which is always true. */
static struct wr_ast_body *parse_if_body(struct wr_parser *p, struct wr_ast_rule *rule)
{
    struct wr_parse_place place = p->at;
    size_t base = p->n_stack;
    struct wr_ast_expr *expr = wr_parse_literal(p);
    bool is_set = expr != NULL && expr->kind == WR_AST_TERM && expr->term->kind == WR_AST_SET;
    if (expr != NULL && !is_set) {
        rule->one_line_if = true;
        return one_expr_body(p, expr);
    }
    p->n_stack = base;
    wr_parse_restore(p, &place);
    return parse_block(p);
}

/* ── else and chained bodies ────────────────────────────────────────────────────────────────── */

/* A copy of the head of `rule` with fresh wildcards for its arguments. */
static struct wr_ast_rule *copy_head(struct wr_parser *p, const struct wr_ast_rule *rule,
                                     struct wr_ast_loc loc)
{
    struct wr_ast_rule *copy = wr_parse_new_rule(p, loc);
    if (copy == NULL) {
        return NULL;
    }
    copy->kind = rule->kind;
    copy->assign = rule->assign;
    copy->value_generated = rule->value_generated;
    copy->n_static = rule->n_static;
    copy->n_args = rule->n_args;
    copy->ref = wr_ast_copy(p->arena, rule->ref);
    copy->key = rule->key != NULL ? wr_ast_copy(p->arena, rule->key) : NULL;
    copy->value = rule->value != NULL ? wr_ast_copy(p->arena, rule->value) : NULL;
    copy->args = WR_NEW_ARRAY(p->arena, struct wr_ast_term *, rule->n_args);
    for (uint32_t i = 0; copy->args != NULL && i < rule->n_args; i++) {
        copy->args[i] = wr_ast_is_wildcard(rule->args[i])
                            ? wr_parse_new_wildcard(p, rule->args[i]->loc)
                            : wr_ast_copy(p->arena, rule->args[i]);
    }
    if (wr_arena_failed(p->arena)) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return NULL;
    }
    return copy;
}

/* The value behind else; the word has been taken. */
static bool parse_else_value(struct wr_parser *p, struct wr_ast_rule *rule)
{
    if (wr_parse_is(p, WR_TOK_LBRACE) || wr_parse_is(p, WR_TOK_IF)) {
        rule->value = wr_parse_new_true(p, rule->loc);
        rule->value_generated = true;
        return rule->value != NULL;
    }
    if (!wr_parse_is(p, WR_TOK_ASSIGN) && !wr_parse_is(p, WR_TOK_UNIFY)) {
        wr_parse_illegal(p, "expected else value term or rule body");
        return false;
    }
    rule->assign = wr_parse_is(p, WR_TOK_ASSIGN);
    wr_parse_scan(p);
    rule->value = wr_parse_infix(p, true);
    rule->head_loc = wr_parse_span(rule->loc, rule->loc.offset, p->at.last_end);
    return rule->value != NULL;
}

static bool parse_else_body(struct wr_parser *p, struct wr_ast_rule *rule)
{
    rule->with_if = wr_parse_is(p, WR_TOK_IF);
    if (!rule->with_if && !wr_parse_is(p, WR_TOK_LBRACE)) {
        rule->body = wr_parse_true_body(p, rule->loc);
        rule->body_generated = true;
        return rule->body != NULL;
    }
    if (rule->with_if) {
        wr_parse_scan(p);
    }
    if (wr_parse_is(p, WR_TOK_LBRACE)) {
        rule->body = parse_block(p);
    } else if (!wr_parse_is(p, WR_TOK_EOF)) {
        struct wr_ast_expr *expr = wr_parse_literal(p);
        rule->one_line_if = true;
        rule->body = expr != NULL ? one_expr_body(p, expr) : NULL;
    } else {
        wr_parse_illegal(p, "rule body expected");
    }
    return rule->body != NULL;
}

/* The chain of else rules; the first `else` is current. */
static bool parse_elses(struct wr_parser *p, struct wr_ast_rule *rule)
{
    const struct wr_ast_rule *head = rule;
    while (wr_parse_is(p, WR_TOK_ELSE)) {
        struct wr_ast_rule *next = copy_head(p, head, wr_parse_loc(p));
        if (next == NULL) {
            return false;
        }
        next->value_generated = false;
        wr_parse_scan(p);
        if (!parse_else_value(p, next) || !parse_else_body(p, next)) {
            return false;
        }
        next->loc = wr_parse_span(next->loc, next->loc.offset, p->at.last_end);
        rule->otherwise = next;
        rule = next;
        if (next->body_generated) {
            break; /* an else without a body is the last */
        }
    }
    return true;
}

static bool may_have_else(struct wr_parser *p, const struct wr_ast_rule *rule, bool keyed)
{
    for (uint32_t i = 1; i < rule->ref->n_items; i++) {
        if (!wr_ast_is_ground(rule->ref->items[i])) {
            wr_parse_error(p, wr_parse_loc(p),
                           "else keyword cannot be used on rules with variables in head");
            return false;
        }
    }
    if (keyed) {
        wr_parse_error(p, wr_parse_loc(p), "else keyword cannot be used on multi-value rules");
    }
    return !keyed;
}

static bool parse_chain(struct wr_parser *p, const struct wr_ast_rule *first)
{
    while (wr_parse_is(p, WR_TOK_LBRACE)) {
        struct wr_ast_loc loc = wr_parse_loc(p);
        if (first->otherwise != NULL) {
            wr_parse_error(p, loc, "expected else keyword");
            return false;
        }
        struct wr_ast_body *body = parse_block(p);
        struct wr_ast_rule *next = body != NULL ? copy_head(p, first, loc) : NULL;
        if (next == NULL) {
            return false;
        }
        next->body = body;
        next->chained = true;
        next->with_if = first->with_if;
        next->with_contains = first->with_contains;
        next->loc = wr_parse_span(loc, loc.offset, p->at.last_end);
        if (!wr_parse_push(p, next)) {
            return false;
        }
    }
    return true;
}

/* ── rules with a body ──────────────────────────────────────────────────────────────────────── */

/* Gives the head its v0 meaning now that it is known what follows. *keyed: an element or an object
 * key in brackets was given. */
static bool settle_head(struct wr_parser *p, struct wr_ast_rule *rule, bool *keyed)
{
    *keyed = rule->key != NULL;
    if (rule->with_contains || rule->ref->n_items != 2) {
        return true;
    }
    if (rule->with_if) {
        if (rule->value == NULL) {
            rule->value = wr_parse_new_true(p, rule->head_loc);
            rule->value_generated = true;
        }
        return true;
    }
    if (rule->n_args > 0) {
        return true;
    }
    *keyed = true;
    return rule->value != NULL || wr_parse_make_set(p, rule);
}

/* The body behind the head. False without an error: there is none. */
static bool parse_rule_body(struct wr_parser *p, struct wr_ast_rule *rule, bool *is_last)
{
    *is_last = false;
    if (rule->with_if) {
        wr_parse_scan(p);
        rule->body = parse_if_body(p, rule);
    } else if (wr_parse_is(p, WR_TOK_LBRACE)) {
        rule->body = parse_block(p);
    } else if (rule->with_contains) {
        rule->body = wr_parse_true_body(p, rule->loc);
        rule->body_generated = true;
        *is_last = true;
    }
    return rule->body != NULL;
}

bool wr_parse_rules(struct wr_parser *p)
{
    struct wr_ast_rule *rule = wr_parse_new_rule(p, wr_parse_loc(p));
    if (rule == NULL) {
        return false;
    }
    if (wr_parse_is(p, WR_TOK_DEFAULT)) {
        wr_parse_scan(p);
        rule->is_default = true;
    }
    if (!wr_parse_is(p, WR_TOK_IDENT) || !parse_head(p, rule)) {
        return false;
    }
    if (rule->is_default) {
        return finish_default(p, rule);
    }
    bool keyed, is_last;
    rule->with_if = wr_parse_is(p, WR_TOK_IF);
    if (!settle_head(p, rule, &keyed) || !parse_rule_body(p, rule, &is_last)) {
        return false;
    }
    if (rule->with_contains && rule->key == NULL) {
        return true; /* the error is known */
    }
    wr_parse_classify(rule);
    if (wr_parse_is(p, WR_TOK_ELSE) && !is_last &&
        (!may_have_else(p, rule, keyed) || !parse_elses(p, rule))) {
        return false;
    }
    rule->loc = wr_parse_span(rule->loc, rule->loc.offset, p->at.last_end);
    return wr_parse_push(p, rule) && (is_last || parse_chain(p, rule));
}

/* ── v1 ─────────────────────────────────────────────────────────────────────────────────────── */

void wr_parse_check_v1(struct wr_parser *p, const struct wr_ast_rule *rule)
{
    for (const struct wr_ast_rule *r = rule; r != NULL; r = r->otherwise) {
        const char *what = r->n_args > 0 ? "function" : "rule";
        if (r->body_generated && r->value_generated) {
            wr_parse_error_late(p, r->loc, "%s must have value assignment and/or body declaration",
                                what);
        }
        if (!r->body_generated && !r->with_if && !r->is_default) {
            wr_parse_error_late(p, r->loc, "`if` keyword is required before %s body", what);
        }
        if (r->kind == WR_AST_RULE_SET && !r->with_contains) {
            wr_parse_error_late(p, r->loc, "`contains` keyword is required for partial set rules");
        }
    }
}
