/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays, sets, objects and comprehensions.
 *
 * `|` is both an operator and the bar of a comprehension, and the comprehension goes first: the
 * first element is read without operators, and a bar behind it begins a body. If that body fails at
 * a comma, the bar was an operator after all. */
#include "rego/parse_state.h"

struct opening { /* a bracket and what was behind it */
    struct wr_ast_loc loc;
    enum wr_token close;
    bool may_be_comprehension; /* no comma right behind the bracket */
    size_t base;               /* of the stack */
};

/* Takes the bracket, and a comma that OPA allows behind it for old policies. */
static struct opening open_bracket(struct wr_parser *p, enum wr_token close)
{
    struct opening o = {wr_parse_loc(p), close, true, p->n_stack};
    wr_parse_scan(p);
    return o;
}

static void skip_first_comma(struct wr_parser *p, struct opening *o)
{
    if (wr_parse_is(p, WR_TOK_COMMA)) {
        o->may_be_comprehension = false;
        wr_parse_scan(p);
    }
}

/* The terms above o->base as a node that ends with the current token. */
static struct wr_ast_term *finish(struct wr_parser *p, const struct opening *o,
                                  enum wr_ast_kind kind, struct wr_ast_body *body)
{
    struct wr_ast_term *t = wr_parse_new(p, kind, wr_parse_span(o->loc, o->loc.offset, p->at.end));
    if (t == NULL) {
        p->n_stack = o->base;
        return NULL;
    }
    t->body = body;
    return wr_parse_take_items(p, t, o->base);
}

static struct wr_ast_term *give_up(struct wr_parser *p, const struct opening *o)
{
    p->n_stack = o->base;
    return NULL;
}

/* The body behind the bar, which is current. NULL: it is none, and the place is where it failed. */
static struct wr_ast_body *try_body(struct wr_parser *p, enum wr_token close)
{
    p->speculation++;
    wr_parse_scan(p);
    struct wr_ast_body *body = wr_parse_query(p, false, close);
    p->speculation--;
    return body;
}

/* Elements up to the end when the first has been pushed and a comma or the end is current. */
static bool finish_list(struct wr_parser *p, enum wr_token close)
{
    if (wr_parse_is(p, WR_TOK_COMMA)) {
        wr_parse_scan(p);
    }
    return wr_parse_term_list(p, close);
}

/* Goes on from the first element with operators, then with a list. */
static struct wr_ast_term *finish_elements(struct wr_parser *p, const struct opening *o,
                                           enum wr_ast_kind kind, struct wr_ast_term *first)
{
    struct wr_ast_term *element = wr_parse_infix_from(p, first, false);
    if (element == NULL || !wr_parse_push(p, element)) {
        return give_up(p, o);
    }
    if (!wr_parse_is(p, WR_TOK_COMMA) && !wr_parse_is(p, o->close)) {
        struct wr_str close = wr_token_text(o->close);
        wr_parse_illegal(p, "expected \",\" or \"%.*s\"", WR_FMT(close));
        return give_up(p, o);
    }
    return finish_list(p, o->close) ? finish(p, o, kind, NULL) : give_up(p, o);
}

/* `first | body` or, failing that, elements joined by the operator `|`. The bar is current. */
static struct wr_ast_term *parse_bar(struct wr_parser *p, const struct opening *o,
                                     enum wr_ast_kind comprehension, enum wr_ast_kind list,
                                     struct wr_ast_term *first)
{
    struct wr_parse_place bar = p->at;
    struct wr_ast_body *body = try_body(p, o->close);
    if (body != NULL) {
        wr_parse_push(p, first);
        return finish(p, o, comprehension, body);
    }
    if (!wr_parse_is(p, WR_TOK_COMMA)) {
        return give_up(p, o);
    }
    wr_parse_restore(p, &bar);
    return finish_elements(p, o, list, first);
}

struct wr_ast_term *wr_parse_array(struct wr_parser *p)
{
    struct opening o = open_bracket(p, WR_TOK_RBRACK);
    if (wr_parse_is(p, WR_TOK_RBRACK)) {
        return finish(p, &o, WR_AST_ARRAY, NULL);
    }
    skip_first_comma(p, &o);
    struct wr_ast_term *first = wr_parse_term(p);
    if (first == NULL) {
        return give_up(p, &o);
    }
    if (wr_parse_is(p, WR_TOK_OR) && o.may_be_comprehension) {
        return parse_bar(p, &o, WR_AST_ARRAY_COMPREHENSION, WR_AST_ARRAY, first);
    }
    return finish_elements(p, &o, WR_AST_ARRAY, first);
}

/* ── objects ────────────────────────────────────────────────────────────────────────────────── */

/* key: value pairs up to the end, which stays current. */
static bool parse_pairs(struct wr_parser *p)
{
    while (!wr_parse_is(p, WR_TOK_RBRACE)) {
        struct wr_ast_term *key = wr_parse_infix(p, false);
        if (key == NULL || !wr_parse_push(p, key)) {
            return false;
        }
        if (!wr_parse_is(p, WR_TOK_COLON)) {
            wr_parse_illegal(p, "expected \":\"");
            return false;
        }
        wr_parse_scan(p);
        struct wr_ast_term *value = wr_parse_infix(p, false);
        if (value == NULL || !wr_parse_push(p, value)) {
            return false;
        }
        if (wr_parse_is(p, WR_TOK_COMMA)) {
            wr_parse_scan(p);
        } else if (!wr_parse_is(p, WR_TOK_RBRACE)) {
            wr_parse_illegal(p, "expected \",\" or \"}\"");
            return false;
        }
    }
    return true;
}

/* The pairs behind the first, which is on the stack; a comma or the end is current. */
static struct wr_ast_term *finish_pairs(struct wr_parser *p, const struct opening *o)
{
    if (wr_parse_is(p, WR_TOK_COMMA)) {
        wr_parse_scan(p);
    }
    return parse_pairs(p) ? finish(p, o, WR_AST_OBJECT, NULL) : NULL;
}

static struct wr_ast_term *push_pair(struct wr_parser *p, const struct opening *o,
                                     struct wr_ast_term *key, struct wr_ast_term *value)
{
    p->n_stack = o->base;
    return wr_parse_push(p, key) && wr_parse_push(p, value) ? value : NULL;
}

/* An object or object comprehension whose first key was read; the colon is current. */
static struct wr_ast_term *parse_object(struct wr_parser *p, const struct opening *o,
                                        struct wr_ast_term *key)
{
    wr_parse_scan(p);
    struct wr_parse_place start = p->at;
    struct wr_ast_term *value = wr_parse_term(p);
    if (value == NULL) {
        return give_up(p, o);
    }
    bool list_follows = wr_parse_is(p, WR_TOK_RBRACE) || wr_parse_is(p, WR_TOK_COMMA);
    struct wr_parse_place behind = p->at;
    if (o->may_be_comprehension && wr_parse_is(p, WR_TOK_OR)) {
        struct wr_ast_body *body = try_body(p, WR_TOK_RBRACE);
        if (body != NULL) {
            push_pair(p, o, key, value);
            return finish(p, o, WR_AST_OBJECT_COMPREHENSION, body);
        }
        wr_parse_restore(p, &behind);
    } else if (list_follows) {
        push_pair(p, o, key, value);
        struct wr_ast_term *object = finish_pairs(p, o);
        if (object != NULL || !o->may_be_comprehension) {
            return object != NULL ? object : give_up(p, o);
        }
        wr_parse_restore(p, &start); /* OPA's complaint points at the first value */
        wr_parse_illegal(p, "non-terminated object");
        return give_up(p, o);
    }
    value = wr_parse_infix_from(p, value, false);
    if (value == NULL) {
        return give_up(p, o);
    }
    if (!wr_parse_is(p, WR_TOK_RBRACE) && !wr_parse_is(p, WR_TOK_COMMA)) {
        wr_parse_illegal(p, "non-terminated object");
        return give_up(p, o);
    }
    push_pair(p, o, key, value);
    struct wr_ast_term *object = finish_pairs(p, o);
    return object != NULL ? object : give_up(p, o);
}

struct wr_ast_term *wr_parse_braces(struct wr_parser *p)
{
    struct opening o = open_bracket(p, WR_TOK_RBRACE);
    if (wr_parse_is(p, WR_TOK_RBRACE)) {
        return finish(p, &o, WR_AST_OBJECT, NULL);
    }
    skip_first_comma(p, &o);
    struct wr_ast_term *first = wr_parse_term(p);
    if (first == NULL) {
        return give_up(p, &o);
    }
    if (wr_parse_is(p, WR_TOK_OR) && o.may_be_comprehension) {
        return parse_bar(p, &o, WR_AST_SET_COMPREHENSION, WR_AST_SET, first);
    }
    if (!wr_parse_is(p, WR_TOK_COLON)) {
        first = wr_parse_infix_from(p, first, false);
        if (first == NULL) {
            return give_up(p, &o);
        }
    }
    if (wr_parse_is(p, WR_TOK_COLON)) {
        return parse_object(p, &o, first);
    }
    if (!wr_parse_is(p, WR_TOK_RBRACE) && !wr_parse_is(p, WR_TOK_COMMA)) {
        wr_parse_illegal(p, "non-terminated set");
        return give_up(p, &o);
    }
    wr_parse_push(p, first);
    return finish_list(p, WR_TOK_RBRACE) ? finish(p, &o, WR_AST_SET, NULL) : give_up(p, &o);
}
