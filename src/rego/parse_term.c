/* SPDX-License-Identifier: Apache-2.0 */
/* Terms: variables, references, calls, and terms joined by operators. */
#include "rego/parse_state.h"

static struct wr_ast_term *parse_scalar(struct wr_parser *p, struct wr_value value)
{
    struct wr_ast_term *t = wr_parse_new(p, WR_AST_SCALAR, wr_parse_loc(p));
    if (t != NULL) {
        t->value = value;
    }
    return t;
}

struct wr_ast_term *wr_parse_var(struct wr_parser *p)
{
    struct wr_str name = wr_parse_token_text(p);
    if (wr_str_eq(name, WR_STR("_"))) {
        return wr_parse_new_wildcard(p, wr_parse_loc(p));
    }
    struct wr_ast_term *t = wr_parse_new(p, WR_AST_VAR, wr_parse_loc(p));
    if (t != NULL) {
        t->name = name;
    }
    return t;
}

/* ── references and calls ───────────────────────────────────────────────────────────────────── */

bool wr_parse_term_list(struct wr_parser *p, enum wr_token end)
{
    struct wr_str end_text = wr_token_text(end);
    while (!wr_parse_is(p, end)) {
        struct wr_ast_term *t = wr_parse_infix(p, false);
        if (t == NULL || !wr_parse_push(p, t)) {
            return false;
        }
        if (wr_parse_is(p, WR_TOK_COMMA)) {
            wr_parse_scan(p);
        } else if (!wr_parse_is(p, end)) {
            wr_parse_illegal(p, "expected \",\" or \"%.*s\"", WR_FMT(end_text));
            return false;
        }
    }
    return true;
}

static bool is_name(const struct wr_ast_term *t, struct wr_str name)
{
    return t->kind == WR_AST_VAR && wr_str_eq(t->name, name);
}

/* The arguments behind the operator; the `(` is current. */
static struct wr_ast_term *parse_call(struct wr_parser *p, struct wr_ast_term *op)
{
    struct wr_ast_loc loc = op->loc;
    size_t base = p->n_stack;
    bool is_set = op->n_items == 1 && is_name(op->items[0], WR_STR("set"));
    wr_parse_scan(p);
    if (!wr_parse_is(p, WR_TOK_RPAREN) || !is_set) {
        is_set = false;
        if (!wr_parse_push(p, op) || !wr_parse_term_list(p, WR_TOK_RPAREN)) {
            p->n_stack = base;
            return NULL;
        }
    }
    uint32_t end = p->at.end;
    wr_parse_scan_space(p);
    struct wr_ast_term *t =
        wr_parse_new(p, is_set ? WR_AST_SET : WR_AST_CALL, wr_parse_span(loc, loc.offset, end));
    return wr_parse_take_items(p, t, base);
}

/* The items above `base`, which began at `start`, as a reference that ends where the last token
 * did. */
static struct wr_ast_term *finish_ref(struct wr_parser *p, struct wr_ast_loc start, size_t base,
                                      uint32_t end)
{
    struct wr_ast_term *t = wr_parse_new(p, WR_AST_REF, wr_parse_span(start, start.offset, end));
    return wr_parse_take_items(p, t, base);
}

static bool parse_dot(struct wr_parser *p)
{
    wr_parse_scan_space(p);
    if (!wr_parse_is(p, WR_TOK_IDENT)) {
        wr_parse_illegal(p, "expected identifier");
        return false;
    }
    struct wr_ast_term *key = wr_parse_new_string(p, wr_parse_token_text(p), wr_parse_loc(p));
    wr_parse_scan_space(p);
    return key != NULL && wr_parse_push(p, key);
}

static bool parse_index(struct wr_parser *p)
{
    wr_parse_scan(p);
    struct wr_ast_term *key = wr_parse_infix(p, true);
    if (key == NULL) {
        return false;
    }
    if (!wr_parse_is(p, WR_TOK_RBRACK)) {
        wr_parse_illegal(p, "expected [");
        return false;
    }
    wr_parse_scan_space(p);
    return wr_parse_push(p, key);
}

/* The place of a term without the parentheses around it. */
static struct wr_ast_loc inside_parens(const struct wr_parser *p, const struct wr_ast_term *t)
{
    struct wr_ast_loc loc = t->loc;
    while (t->parens && (p->text.p[loc.offset] == '(' || p->text.p[loc.offset] == ' ')) {
        loc.offset++;
        loc.n--;
    }
    return loc;
}

/* One link of a chain: a reference from `head`, or a call of one. *more when a `.` or `[` follows
 * a call. */
static struct wr_ast_term *parse_link(struct wr_parser *p, struct wr_ast_term *head, bool *more)
{
    size_t base = p->n_stack;
    *more = false;
    if (head->kind == WR_AST_SCALAR || head->kind == WR_AST_REF) {
        wr_parse_error(p, inside_parens(p, head), "illegal ref (head cannot be %s)",
                       wr_ast_type_name(head));
    }
    if (!wr_parse_push(p, head)) {
        return NULL;
    }
    for (;;) {
        uint32_t end = p->at.last_end;
        if (wr_parse_is(p, WR_TOK_DOT) ? !parse_dot(p)
                                       : wr_parse_is(p, WR_TOK_LBRACK) && !parse_index(p)) {
            p->n_stack = base;
            return NULL;
        }
        if (wr_parse_is(p, WR_TOK_DOT) || wr_parse_is(p, WR_TOK_LBRACK)) {
            continue;
        }
        end = p->at.last_end;
        struct wr_ast_term *ref = finish_ref(p, head->loc, base, end);
        if (ref == NULL || !wr_parse_is(p, WR_TOK_LPAREN)) {
            return ref;
        }
        struct wr_ast_term *call = parse_call(p, ref);
        *more = call != NULL && (wr_parse_is(p, WR_TOK_DOT) || wr_parse_is(p, WR_TOK_LBRACK));
        return call;
    }
}

struct wr_ast_term *wr_parse_term_rest(struct wr_parser *p, struct wr_ast_term *head,
                                       bool skip_space)
{
    if (skip_space) {
        wr_parse_scan(p);
    } else {
        wr_parse_scan_space(p);
    }
    struct wr_ast_term *t = head;
    bool more = wr_parse_is(p, WR_TOK_LPAREN) || wr_parse_is(p, WR_TOK_DOT) ||
                wr_parse_is(p, WR_TOK_LBRACK);
    if (!more && (is_name(head, WR_STR("input")) || is_name(head, WR_STR("data")))) {
        t = wr_parse_new_items(p, WR_AST_REF, head->loc, &head, 1);
    }
    while (more && t != NULL) {
        t = parse_link(p, t, &more);
    }
    if (t != NULL && wr_parse_is(p, WR_TOK_SPACE)) {
        wr_parse_scan(p);
    }
    return t;
}

/* ── terms ──────────────────────────────────────────────────────────────────────────────────── */

static struct wr_ast_term *parse_parens(struct wr_parser *p)
{
    uint32_t offset = p->at.offset;
    wr_parse_scan(p);
    struct wr_ast_term *t = wr_parse_infix(p, true);
    if (t == NULL) {
        return NULL;
    }
    if (!wr_parse_is(p, WR_TOK_RPAREN)) {
        wr_parse_error(p, wr_parse_loc(p), "non-terminated expression");
        return NULL;
    }
    t->loc = wr_parse_span(t->loc, offset, p->at.end);
    t->parens = true;
    return t;
}

static struct wr_ast_term *parse_first(struct wr_parser *p)
{
    switch ((int)p->at.token) {
    case WR_TOK_NULL:
        return parse_scalar(p, wr_null());
    case WR_TOK_TRUE:
        return parse_scalar(p, wr_bool(true));
    case WR_TOK_FALSE:
        return parse_scalar(p, wr_bool(false));
    case WR_TOK_SUB:
    case WR_TOK_DOT:
    case WR_TOK_NUMBER:
        return wr_parse_number(p);
    case WR_TOK_STRING:
        return wr_parse_string(p);
    case WR_TOK_IDENT:
    case WR_TOK_CONTAINS: /* a keyword in heads of rules only */
        return wr_parse_var(p);
    case WR_TOK_LBRACK:
        return wr_parse_array(p);
    case WR_TOK_LBRACE:
        return wr_parse_braces(p);
    case WR_TOK_LPAREN:
        return parse_parens(p);
    default:
        wr_parse_illegal(p, NULL);
        return NULL;
    }
}

struct wr_ast_term *wr_parse_term(struct wr_parser *p)
{
    struct wr_ast_term *t = NULL;
    if (wr_parse_recall(p, &t)) {
        return t;
    }
    if (!wr_parse_enter(p)) {
        return NULL;
    }
    uint32_t offset = p->at.offset, brackets = p->at.brackets;
    bool opens = wr_parse_is(p, WR_TOK_LBRACE) || wr_parse_is(p, WR_TOK_LBRACK) ||
                 wr_parse_is(p, WR_TOK_LPAREN);
    t = parse_first(p);
    if (t != NULL) {
        t = wr_parse_term_rest(p, t, false);
    }
    p->depth--;
    if (t == NULL || opens || p->at.brackets != brackets) {
        wr_parse_remember(p, offset, t);
    }
    return t;
}

/* ── operators ──────────────────────────────────────────────────────────────────────────────── */

enum { /* how strongly operators bind */
       BIND_NOT = 0,
       BIND_IN,
       BIND_COMPARE,
       BIND_OR,
       BIND_AND,
       BIND_ADD,
       BIND_MULTIPLY,
};

static int binding(enum wr_token token)
{
    switch ((int)token) {
    case WR_TOK_IN:
        return BIND_IN;
    case WR_TOK_EQUAL:
    case WR_TOK_NEQ:
    case WR_TOK_LT:
    case WR_TOK_GT:
    case WR_TOK_LTE:
    case WR_TOK_GTE:
        return BIND_COMPARE;
    case WR_TOK_OR:
        return BIND_OR;
    case WR_TOK_AND:
        return BIND_AND;
    case WR_TOK_ADD:
    case WR_TOK_SUB:
        return BIND_ADD;
    case WR_TOK_MUL:
    case WR_TOK_QUO:
    case WR_TOK_REM:
        return BIND_MULTIPLY;
    default:
        return BIND_NOT;
    }
}

/* The operator at `loc` as a reference: its name, or internal.member_N for `in`. */
static struct wr_ast_term *operator_ref(struct wr_parser *p, enum wr_token token,
                                        struct wr_ast_loc loc, bool with_key)
{
    size_t base = p->n_stack;
    struct wr_ast_term *name = wr_parse_new(p, WR_AST_VAR, loc);
    if (name == NULL) {
        return NULL;
    }
    name->name = token == WR_TOK_IN ? WR_STR("internal") : wr_token_text(token);
    wr_parse_push(p, name);
    if (token == WR_TOK_IN) {
        struct wr_str member = with_key ? WR_STR("member_3") : WR_STR("member_2");
        struct wr_ast_term *key = wr_parse_new_string(p, member, loc);
        if (key == NULL) {
            p->n_stack = base;
            return NULL;
        }
        wr_parse_push(p, key);
    }
    return wr_parse_take_items(p, wr_parse_new(p, WR_AST_REF, loc), base);
}

struct wr_ast_term *wr_parse_new_infix(struct wr_parser *p, enum wr_token token,
                                       struct wr_ast_loc at, struct wr_ast_term *const *operands,
                                       size_t n)
{
    struct wr_ast_term *op = operator_ref(p, token, at, n == 3);
    if (op == NULL) {
        return NULL;
    }
    struct wr_ast_loc first = operands[0]->loc;
    struct wr_ast_term *items[4] = {op};
    memcpy(items + 1, operands, n * sizeof *operands);
    struct wr_ast_term *call = wr_parse_new_items(
        p, WR_AST_CALL, wr_parse_span(first, first.offset, p->at.last_end), items, n + 1);
    if (call != NULL) {
        call->infix = true;
    }
    return call;
}

/* Joins `lhs` (or the next term) with what follows by operators that bind within these bounds. When
 * an operand is missing, the error is known and only weaker operators are looked for. */
static struct wr_ast_term *climb(struct wr_parser *p, struct wr_ast_term *lhs, int weakest,
                                 int strongest)
{
    if (lhs == NULL) {
        lhs = wr_parse_term(p);
    }
    while (lhs != NULL) {
        enum wr_token token = p->at.token;
        int bind = binding(token);
        if (bind < weakest || bind > strongest || bind == BIND_NOT) {
            return lhs;
        }
        struct wr_ast_loc at = wr_parse_loc(p);
        wr_parse_scan(p);
        struct wr_ast_term *rhs =
            bind == BIND_MULTIPLY ? wr_parse_term(p) : climb(p, NULL, bind + 1, BIND_MULTIPLY);
        if (rhs == NULL) {
            strongest = bind - 1;
            continue;
        }
        struct wr_ast_term *operands[] = {lhs, rhs};
        lhs = wr_parse_new_infix(p, token, at, operands, 2);
    }
    return NULL;
}

/* `, v in c` behind the key; NULL and nothing taken when it is something else. */
static struct wr_ast_term *try_pair(struct wr_parser *p, struct wr_ast_term *key)
{
    struct wr_parse_place place = p->at;
    size_t base = p->n_stack;
    wr_parse_scan(p);
    struct wr_ast_term *value = climb(p, NULL, BIND_COMPARE, BIND_MULTIPLY);
    if (value != NULL && wr_parse_is(p, WR_TOK_IN)) {
        struct wr_ast_loc at = wr_parse_loc(p);
        wr_parse_scan(p);
        struct wr_ast_term *in = climb(p, NULL, BIND_COMPARE, BIND_MULTIPLY);
        if (in != NULL) {
            struct wr_ast_term *operands[] = {key, value, in};
            return wr_parse_new_infix(p, WR_TOK_IN, at, operands, 3);
        }
    }
    p->n_stack = base;
    wr_parse_restore(p, &place);
    return NULL;
}

struct wr_ast_term *wr_parse_infix_from(struct wr_parser *p, struct wr_ast_term *first, bool pairs)
{
    struct wr_ast_term *lhs = climb(p, first, BIND_COMPARE, BIND_MULTIPLY);
    if (lhs != NULL && pairs && wr_parse_is(p, WR_TOK_COMMA)) {
        struct wr_ast_term *pair = try_pair(p, lhs);
        if (pair == NULL) {
            return lhs;
        }
        lhs = pair;
    }
    return lhs == NULL ? NULL : climb(p, lhs, BIND_IN, BIND_IN);
}

struct wr_ast_term *wr_parse_infix(struct wr_parser *p, bool pairs)
{
    return wr_parse_infix_from(p, NULL, pairs);
}
