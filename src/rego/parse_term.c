/* SPDX-License-Identifier: Apache-2.0 */
/* Terms: scalars, variables, references, calls, and terms joined by operators. */
#include "rego/parse_state.h"

/* ── scalars ────────────────────────────────────────────────────────────────────────────────── */

/* The decimal exponent e of the number 0.d1d2... * 10^e, d1 not 0, and its first digits as a
 * fraction of 10^17; false for zero. */
static bool magnitude(struct wr_str s, int64_t *exponent, uint64_t *digits)
{
    int64_t e = 0, power = 0;
    unsigned n = 0;
    bool point = false, minus = false;
    size_t i = 0;
    *digits = 0;
    for (; i < s.n && s.p[i] != 'e' && s.p[i] != 'E'; i++) {
        char c = s.p[i];
        point |= c == '.';
        if (c < '0' || c > '9') {
            continue;
        }
        if (n > 0 || c != '0') {
            if (n < 17) {
                *digits = *digits * 10 + (uint64_t)(c - '0');
                n++;
            }
            e += !point;
        } else {
            e -= point;
        }
    }
    for (i++; i < s.n; i++) {
        minus |= s.p[i] == '-';
        if (s.p[i] >= '0' && s.p[i] <= '9' && power < INT32_MAX) {
            power = power * 10 + (s.p[i] - '0');
        }
    }
    for (unsigned k = n; k < 17; k++) {
        *digits *= 10;
    }
    *exponent = e + (minus ? -power : power);
    return n > 0;
}

/* OPA refuses numbers of 2^100000 and more, and those below 2^-100001. */
static bool is_out_of_range(struct wr_str number)
{
    int64_t exponent;
    uint64_t digits;
    if (!magnitude(number, &exponent, &digits)) {
        return false;
    }
    const int64_t high = 30103, low = -30103; /* 2^100000 = 0.99900209301438451 * 10^30103 */
    const uint64_t high_digits = 99900209301438451u;
    const uint64_t low_digits = 50049945348668700u; /* 2^-100001 = 0.500499... * 10^-30103 */
    return exponent > high || (exponent == high && digits >= high_digits) || exponent < low ||
           (exponent == low && digits < low_digits);
}

/* JSON's form of number text: 01 is 1, .5 is 0.5. Borrows where it is JSON already. */
static struct wr_str json_number(struct wr_parser *p, struct wr_str text, bool negative)
{
    size_t skip = 0;
    while (skip + 1 < text.n && text.p[skip] == '0' && text.p[skip + 1] >= '0' &&
           text.p[skip + 1] <= '9') {
        skip++;
    }
    struct wr_str body = wr_str_of(text.p + skip, text.n - skip);
    if (!negative && body.p[0] != '.') {
        return body;
    }
    struct wr_buf buf = wr_buf_in(p->arena, body.n + 2);
    if (negative) {
        wr_buf_char(&buf, '-');
    }
    if (body.p[0] == '.') {
        wr_buf_char(&buf, '0');
    }
    wr_buf_str(&buf, body);
    if (buf.overflow) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return WR_STR("0");
    }
    return wr_buf_view(&buf);
}

/* [-] [.] digits: the sign and the point may stand apart, as OPA has it. */
static struct wr_ast_term *parse_number(struct wr_parser *p)
{
    struct wr_ast_loc loc = wr_parse_loc(p);
    bool negative = false, point = false;
    if (wr_parse_is(p, WR_TOK_SUB)) {
        negative = true;
        wr_parse_scan(p);
        if (!wr_parse_is(p, WR_TOK_NUMBER) && !wr_parse_is(p, WR_TOK_DOT)) {
            wr_parse_illegal(p, "expected number");
            return NULL;
        }
    }
    if (wr_parse_is(p, WR_TOK_DOT)) {
        point = true;
        wr_parse_scan(p);
        if (!wr_parse_is(p, WR_TOK_NUMBER)) {
            wr_parse_illegal(p, "expected number");
            return NULL;
        }
    }
    struct wr_str text = wr_parse_token_text(p);
    if ((!point || negative) && text.n > 1 && text.p[0] == '0' && text.p[1] == '0') {
        wr_parse_illegal(p, "expected number");
        return NULL;
    }
    if (point) {
        struct wr_buf dotted = wr_buf_in(p->arena, text.n + 1);
        wr_buf_char(&dotted, '.');
        wr_buf_str(&dotted, text);
        text = dotted.overflow ? WR_STR("0") : wr_buf_view(&dotted);
        if (wr_str_find(text, WR_STR("."), 1) != SIZE_MAX) {
            wr_parse_illegal(p, "invalid float");
            return NULL;
        }
    }
    if (is_out_of_range(text)) {
        wr_parse_error(p, wr_parse_loc(p), "number too big");
        return NULL;
    }
    struct wr_ast_term *t =
        wr_parse_new(p, WR_AST_SCALAR, wr_parse_span(loc, loc.offset, p->at.end));
    if (t != NULL) {
        t->value = wr_number_text(json_number(p, text, negative));
    }
    return t;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 'a' - 'A';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits at s.p[at], or -1. */
static int32_t hex4(struct wr_str s, size_t at)
{
    int32_t unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = at + i < s.n ? hex_digit(s.p[at + i]) : -1;
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

/* Decodes \uXXXX at s.p[*at], the digits' offset; lone surrogates become U+FFFD. */
static bool decode_unicode(struct wr_str s, size_t *at, struct wr_buf *out)
{
    int32_t unit = hex4(s, *at);
    if (unit < 0) {
        return false;
    }
    *at += 4;
    uint32_t code_point = (uint32_t)unit;
    if (unit >= 0xD800 && unit < 0xE000) {
        code_point = 0xFFFD;
        int32_t low = unit < 0xDC00 && *at + 1 < s.n && s.p[*at] == '\\' && s.p[*at + 1] == 'u'
                          ? hex4(s, *at + 2)
                          : -1;
        if (low >= 0xDC00 && low < 0xE000) {
            code_point = 0x10000 + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
            *at += 6;
        }
    }
    char bytes[4];
    wr_buf_add(out, bytes, wr_utf8_encode(code_point, bytes));
    return true;
}

/* The text between the quotes, without its escapes. */
static bool unescape(struct wr_str s, struct wr_buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    for (size_t i = 0; i < s.n;) {
        char c = s.p[i++];
        if ((uint8_t)c < 0x20 || c == '"') {
            return false;
        }
        if (c != '\\') {
            wr_buf_char(out, c);
            continue;
        }
        if (i == s.n) {
            return false;
        }
        c = s.p[i++];
        if (c == 'u') {
            if (!decode_unicode(s, &i, out)) {
                return false;
            }
            continue;
        }
        const char *found = memchr(from, c, sizeof from - 1);
        if (found == NULL) {
            return false;
        }
        wr_buf_char(out, to[found - from]);
    }
    return true;
}

static bool is_plain(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] < 0x20 || s.p[i] == '"' || s.p[i] == '\\') {
            return false;
        }
    }
    return true;
}

static struct wr_ast_term *parse_string(struct wr_parser *p)
{
    struct wr_str text = wr_parse_token_text(p);
    struct wr_ast_loc loc = wr_parse_loc(p);
    if (text.n < 2) {
        return NULL;
    }
    struct wr_str inner = wr_str_of(text.p + 1, text.n - 2);
    if (text.p[0] == '`' || is_plain(inner)) {
        return wr_parse_new_string(p, inner, loc);
    }
    struct wr_buf out = wr_buf_in(p->arena, inner.n);
    if (!unescape(inner, &out)) {
        wr_parse_error(p, loc, "illegal string literal: %.*s", WR_FMT(text));
        return NULL;
    }
    if (out.overflow) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return NULL;
    }
    return wr_parse_new_string(p, wr_buf_view(&out), loc);
}

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
                       wr_parse_type_name(head));
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
        return parse_number(p);
    case WR_TOK_STRING:
        return parse_string(p);
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
