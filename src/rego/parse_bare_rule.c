/* SPDX-License-Identifier: Apache-2.0 */
/* Rules without a body: a statement between rules, such as p = 1, is a rule if it can be one. */
#include "rego/builtin.h"
#include "rego/parse_state.h"

/* Sets ref and args from the term on the left; false with an error at `loc`. */
static bool set_target(struct wr_parser *p, struct wr_ast_rule *rule, struct wr_ast_term *t,
                       struct wr_ast_loc loc)
{
    struct wr_ast_term *name = t;
    if (t->kind == WR_AST_CALL && t->items[0]->items[0]->kind == WR_AST_VAR) {
        rule->args = t->items + 1;
        rule->n_args = t->n_items - 1;
        name = t->items[0];
    }
    if (name->kind != WR_AST_VAR && name->kind != WR_AST_REF) {
        wr_parse_error_late(p, loc, "%s cannot be used for rule name", wr_ast_type_name(name));
        return false;
    }
    if (name->kind == WR_AST_REF && name->items[0]->kind != WR_AST_VAR) {
        struct wr_str text = wr_parse_term_text(p, name);
        wr_parse_error_late(p, loc, "invalid rule head: %.*s", WR_FMT(text));
        return false;
    }
    rule->ref = wr_parse_as_ref(p, name);
    return rule->ref != NULL;
}

/* p = v, p := v, p[x] = v, f(x) = v */
static bool rule_of_equation(struct wr_parser *p, struct wr_ast_rule *rule,
                             const struct wr_ast_term *call, struct wr_ast_loc loc)
{
    if (call->n_items < 3) {
        wr_parse_error_late(p, loc, "assignment requires two operands");
        return false;
    }
    rule->value = call->items[2];
    return set_target(p, rule, call->items[1], loc);
}

/* f(x): the value is true, though OPA does not count it as invented. */
static bool rule_of_call(struct wr_parser *p, struct wr_ast_rule *rule, struct wr_ast_term *call,
                         struct wr_ast_loc loc)
{
    const struct wr_ast_term *op = call->items[0];
    struct wr_str name = wr_parse_term_text(p, op);
    const struct wr_builtin *builtin = wr_builtin_find(name);
    if (builtin != NULL && (builtin->flags & WR_BUILTIN_LATER) == 0) {
        wr_parse_error_late(p, loc, "rule name conflicts with built-in function");
        return false;
    }
    if (call->n_items < 2) {
        wr_parse_error_late(p, loc, "rule argument list must take at least one argument");
        return false;
    }
    if (op->items[0]->kind != WR_AST_VAR) {
        wr_parse_error_late(p, loc, "invalid rule head: %.*s", WR_FMT(name));
        return false;
    }
    rule->value = wr_parse_new_true(p, op->loc);
    return rule->value != NULL && set_target(p, rule, call, loc);
}

/* p[x] is a set, a.b.c the value true. */
static bool rule_of_ref(struct wr_parser *p, struct wr_ast_rule *rule, struct wr_ast_term *ref,
                        struct wr_ast_loc loc)
{
    if (ref->n_items == 1) {
        wr_parse_error_late(p, loc, "refs cannot be used for rule head");
        return false;
    }
    if (!set_target(p, rule, ref, loc)) {
        return false;
    }
    if (ref->n_items == 2) {
        return wr_parse_make_set(p, rule);
    }
    rule->value = wr_parse_new_true(p, ref->loc);
    rule->value_generated = true;
    return rule->value != NULL;
}

static bool rule_of_expr(struct wr_parser *p, struct wr_ast_rule *rule,
                         const struct wr_ast_expr *expr)
{
    const char *message = NULL;
    if (expr->n_with > 0) {
        message = "expressions using with keyword cannot be used for rule head";
    } else if (expr->negated) {
        message = "negated expressions cannot be used for rule head";
    } else if (expr->kind == WR_AST_SOME) {
        message = "'some' declarations cannot be used for rule head";
    } else if (expr->kind == WR_AST_EVERY) {
        message = "expression cannot be used for rule head";
    }
    if (message != NULL) {
        wr_parse_error_late(p, expr->loc, "%s", message);
        return false;
    }
    struct wr_ast_term *term = expr->term;
    if (term->kind == WR_AST_REF) {
        return rule_of_ref(p, rule, term, expr->loc);
    }
    if (term->kind != WR_AST_CALL) {
        wr_parse_error_late(p, expr->loc, "%s cannot be used for rule name",
                            wr_ast_type_name(term));
        return false;
    }
    rule->assign = wr_ast_is_call_of(term, WR_STR("assign"));
    if (rule->assign || wr_ast_is_call_of(term, WR_STR("eq"))) {
        return rule_of_equation(p, rule, term, expr->loc);
    }
    return rule_of_call(p, rule, term, expr->loc);
}

struct wr_ast_rule *wr_parse_rule_of_body(struct wr_parser *p, const struct wr_ast_body *body)
{
    struct wr_ast_loc loc = body->exprs[0]->loc;
    if (body->n != 1) {
        wr_parse_error_late(p, loc, "multiple expressions cannot be used for rule head");
        return NULL;
    }
    struct wr_ast_rule *rule = wr_parse_new_rule(p, loc);
    if (rule == NULL || !rule_of_expr(p, rule, body->exprs[0])) {
        return NULL;
    }
    const struct wr_ast_term *term = body->exprs[0]->term;
    bool given = term->kind == WR_AST_CALL && term->n_items == 3 && rule->value == term->items[2];
    rule->body_generated = true;
    rule->body = wr_parse_true_body(p, given ? rule->value->loc : loc); /* as OPA places it */
    if (rule->body == NULL) {
        return NULL;
    }
    wr_parse_classify(rule);
    return rule;
}
