/* SPDX-License-Identifier: Apache-2.0 */
/* Statements and terms. */
#include "rego/fmt_state.h"
#include "rego/lex.h"
#include "rego/print.h"

struct infix {
    const char *name, *sign;
    uint8_t binding; /* as in the grammar: 0 binds most loosely */
};

static const struct infix infixes[] = {
    {"eq", "=", 0},     {"assign", ":=", 0}, {"internal.member_2", "in", 1},
    {"equal", "==", 2}, {"neq", "!=", 2},    {"lt", "<", 2},
    {"lte", "<=", 2},   {"gt", ">", 2},      {"gte", ">=", 2},
    {"or", "|", 3},     {"and", "&", 4},     {"plus", "+", 5},
    {"minus", "-", 5},  {"mul", "*", 6},     {"div", "/", 6},
    {"rem", "%", 6},
};
static const struct infix member_3 = {"internal.member_3", "in", 1};

static const struct infix *infix_of(const struct wr_ast_term *call)
{
    for (size_t i = 0; i < WR_COUNTOF(infixes); i++) {
        if (wr_ast_is_call_of(call, wr_str_z(infixes[i].name))) {
            return &infixes[i];
        }
    }
    return wr_ast_is_call_of(call, wr_str_z(member_3.name)) ? &member_3 : NULL;
}

static void write_term(struct wr_fmt *f, const struct wr_ast_term *t, bool parens);
static void write_term_at(struct wr_fmt *f, const struct wr_ast_term *t, uint32_t row, bool parens);

/* A call that is written with its sign. */
static bool is_infix(const struct wr_ast_term *t)
{
    const struct infix *op = t->kind == WR_AST_CALL ? infix_of(t) : NULL;
    return op != NULL && t->n_items == (op == &member_3 ? 4u : 3u) && op->binding > 0;
}

static bool is_or(const struct wr_ast_term *t)
{
    return is_infix(t) && wr_ast_is_call_of(t, WR_STR("or"));
}

/* In parentheses if it is an operation: where the grammar wants a term. */
static void write_closed(struct wr_fmt *f, const struct wr_ast_term *t, uint32_t row)
{
    bool wrap = is_infix(t) && !(infix_of(t) == &member_3);
    wr_fmt_text(f, wrap ? "(" : "");
    write_term_at(f, t, row, false);
    wr_fmt_text(f, wrap ? ")" : "");
}

/* ── lists ──────────────────────────────────────────────────────────────────────────────────── */

static bool body_has_generated(const struct wr_ast_body *body);

/* Names that a compiler made: OPA does not trust the places of such terms. */
static bool has_generated(const struct wr_ast_term *t)
{
    if (t == NULL || t->kind == WR_AST_SCALAR) {
        return false;
    }
    if (t->kind == WR_AST_VAR) {
        return wr_str_starts(t->name, WR_STR("__local"));
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        if (has_generated(t->items[i])) {
            return true;
        }
    }
    return t->body != NULL && body_has_generated(t->body);
}

static bool expr_has_generated(const struct wr_ast_expr *e)
{
    bool found = has_generated(e->term) || has_generated(e->key) || has_generated(e->value) ||
                 has_generated(e->domain) || (e->body != NULL && body_has_generated(e->body));
    for (uint32_t i = 0; !found && i < e->n_terms; i++) {
        found = has_generated(e->terms[i]);
    }
    for (uint32_t i = 0; !found && i < e->n_with; i++) {
        found = has_generated(e->with[i].target) || has_generated(e->with[i].value);
    }
    return found;
}

static bool body_has_generated(const struct wr_ast_body *body)
{
    for (uint32_t i = 0; i < body->n; i++) {
        if (expr_has_generated(body->exprs[i])) {
            return true;
        }
    }
    return false;
}

static bool breaks_before(const struct wr_fmt *f, struct wr_ast_term *const *terms, uint32_t i,
                          uint32_t width)
{
    return i > 0 && wr_fmt_loc(f, &terms[i]->loc)->row > wr_fmt_loc(f, &terms[i - width]->loc)->row;
}

/* Does any element stand on a later row than the one before it? */
static bool spans_lines(const struct wr_fmt *f, struct wr_ast_term *const *terms, uint32_t n,
                        uint32_t width)
{
    bool breaks = false;
    for (uint32_t i = 0; i < n; i += width) {
        breaks |= breaks_before(f, terms, i, width);
    }
    for (uint32_t i = 0; breaks && i < n; i++) {
        breaks = width == 2 || !has_generated(terms[i]); /* OPA does not look into objects */
    }
    return breaks;
}

/* An element; the first one in parentheses if its `|` would read as the bar of a comprehension,
 * which it does unless a comma follows that cannot belong to `k, v in c`. */
static void write_element(struct wr_fmt *f, enum wr_fmt_form form, struct wr_ast_term *const *terms,
                          uint32_t i, uint32_t n)
{
    uint32_t width = form == WR_FMT_PAIRS ? 2 : 1;
    const struct wr_ast_term *t = terms[i + width - 1];
    uint32_t row = wr_fmt_loc(f, &t->loc)->row;
    bool bar = i == 0 && form != WR_FMT_ARGUMENTS && is_or(t) &&
               (n == width || (n == 2 && width == 1 && is_infix(terms[1])));
    if (width == 2) {
        if (i == 0 && is_or(terms[0])) {
            write_closed(f, terms[0], wr_fmt_loc(f, &terms[0]->loc)->row);
        } else {
            wr_fmt_term(f, terms[i]);
        }
        wr_fmt_text(f, ": ");
    }
    if (bar) {
        write_closed(f, t, row);
    } else {
        wr_fmt_term(f, t);
    }
}

void wr_fmt_list(struct wr_fmt *f, enum wr_fmt_form form, struct wr_ast_term *const *terms,
                 uint32_t n, uint32_t closing_row)
{
    uint32_t width = form == WR_FMT_PAIRS ? 2 : 1;
    bool lines = spans_lines(f, terms, n, width);
    if (lines) {
        f->delay = true;
        wr_fmt_end_line(f);
        f->level++;
        wr_fmt_start_line(f);
    }
    for (uint32_t i = 0; i < n; i += width) {
        if (i > 0 && lines && breaks_before(f, terms, i, width)) {
            wr_fmt_text(f, ",");
            wr_fmt_end_line(f);
            wr_fmt_start_line(f);
        } else if (i > 0) {
            wr_fmt_text(f, ", ");
        }
        write_element(f, form, terms, i, n);
    }
    if (lines) {
        wr_fmt_text(f, ",");
        wr_fmt_end_line(f);
        wr_fmt_comments(f, closing_row);
        f->level--;
        wr_fmt_start_line(f);
    }
}

static void write_collection(struct wr_fmt *f, const struct wr_ast_term *t, char open, char close)
{
    const struct wr_ast_loc *loc = wr_fmt_loc(f, &t->loc);
    wr_buf_char(f->out, open);
    wr_fmt_list(f, t->kind == WR_AST_OBJECT ? WR_FMT_PAIRS : WR_FMT_ELEMENTS, t->items, t->n_items,
                wr_fmt_closing_row(f, loc, NULL, open, close));
    wr_buf_char(f->out, close);
}

/* ── comprehensions ─────────────────────────────────────────────────────────────────────────── */

static bool body_spans_lines(const struct wr_fmt *f, const struct wr_ast_body *body, uint32_t row)
{
    bool breaks = false;
    uint32_t last = row;
    for (uint32_t i = 0; i < body->n; i++) {
        uint32_t here = wr_fmt_loc(f, &body->exprs[i]->loc)->row;
        breaks |= i > 0 && here > last;
        last = here;
    }
    breaks = breaks && !body_has_generated(body);
    return breaks || wr_fmt_loc(f, &body->exprs[0]->loc)->row > row;
}

/* The body behind `|` or `{`, up to but without the closing bracket. */
static void write_inner_body(struct wr_fmt *f, const struct wr_ast_body *body, uint32_t row,
                             uint32_t closing_row)
{
    if (body_spans_lines(f, body, row)) {
        wr_fmt_end_line(f);
        f->level++;
        wr_fmt_body(f, body);
        wr_fmt_comments(f, closing_row);
        f->level--;
        wr_fmt_start_line(f);
        return;
    }
    for (uint32_t i = 0; i < body->n; i++) {
        wr_fmt_text(f, i > 0 ? "; " : " ");
        wr_fmt_expr(f, body->exprs[i]);
    }
    wr_fmt_comments(f, closing_row);
}

static void write_comprehension(struct wr_fmt *f, const struct wr_ast_term *t)
{
    bool array = t->kind == WR_AST_ARRAY_COMPREHENSION;
    bool object = t->kind == WR_AST_OBJECT_COMPREHENSION;
    char open = array ? '[' : '{', close = array ? ']' : '}';
    const struct wr_ast_loc *loc = wr_fmt_loc(f, &t->loc);
    const struct wr_ast_term *element = t->items[object ? 1 : 0];
    const struct wr_ast_loc *first = wr_fmt_loc(f, &t->items[0]->loc);
    wr_buf_char(f->out, open);
    if (object && first->row > loc->row + 1) {
        wr_fmt_end_line(f);
        wr_fmt_start_line(f);
    }
    if (object) {
        if (is_or(t->items[0])) {
            write_closed(f, t->items[0], first->row);
        } else {
            wr_fmt_term(f, t->items[0]);
        }
        wr_fmt_text(f, ": ");
    }
    if (first->row > loc->row) { /* the value counts as standing where its key does */
        wr_fmt_end_line(f);
        wr_fmt_start_line(f);
    }
    write_closed(f, element, first->row);
    wr_fmt_text(f, " |");
    write_inner_body(f, t->body, first->row, wr_fmt_closing_row(f, loc, NULL, open, close));
    wr_buf_char(f->out, close);
}

/* ── terms ──────────────────────────────────────────────────────────────────────────────────── */

bool wr_fmt_was_dotted(const struct wr_fmt *f, const struct wr_ast_term *item)
{
    const struct wr_str text = f->module->text;
    return f->keyword_refs && item->loc.offset < text.n &&
           wr_lex_is_name(wr_str_of(text.p + item->loc.offset, 1));
}

static bool may_follow_dot(const struct wr_fmt *f, const struct wr_ast_term *item)
{
    if (!wr_ast_is_string(item)) {
        return false;
    }
    struct wr_str name = wr_text(item->value);
    bool word = wr_lex_is_keyword(name) || (f->keywords && wr_lex_is_future_keyword(name));
    return wr_lex_is_name(name) && (!word || wr_fmt_was_dotted(f, item));
}

static void write_quoted(struct wr_fmt *f, struct wr_str s)
{
    static const char hex[] = "0123456789abcdef";
    wr_buf_char(f->out, '"');
    for (size_t i = 0; i < s.n; i++) {
        static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
        char c = s.p[i];
        const char *found = c != '\0' ? memchr(from, c, sizeof from - 1) : NULL;
        if (found != NULL) {
            wr_buf_char(f->out, '\\');
            wr_buf_char(f->out, to[found - from]);
        } else if ((uint8_t)c < 0x20 || c == 0x7f) {
            wr_fmt_text(f, "\\u00");
            wr_buf_char(f->out, hex[(uint8_t)c >> 4]);
            wr_buf_char(f->out, hex[c & 15]);
        } else {
            wr_buf_char(f->out, c);
        }
    }
    wr_buf_char(f->out, '"');
}

static void write_scalar(struct wr_fmt *f, const struct wr_ast_term *t)
{
    if (t->value.type != WR_STRING) {
        wr_rego_print_term(f->out, t);
        return;
    }
    struct wr_str source = wr_str_of(f->module->text.p + t->loc.offset, t->loc.n);
    if (f->forced == NULL && source.n > 0 && source.p[0] == '`') {
        wr_fmt_str(f, source);
    } else {
        write_quoted(f, wr_text(t->value));
    }
}

/* Comments inside a reference wait until it is written. */
void wr_fmt_ref(struct wr_fmt *f, struct wr_ast_term *const *items, uint32_t n)
{
    uint32_t n_comments = f->n_comments;
    f->n_comments = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i == 0) {
            write_closed(f, items[0], wr_fmt_loc(f, &items[0]->loc)->row);
        } else if (may_follow_dot(f, items[i])) {
            wr_fmt_text(f, ".");
            wr_fmt_str(f, wr_text(items[i]->value));
        } else {
            wr_fmt_text(f, "[");
            write_term(f, items[i], false);
            wr_fmt_text(f, "]");
        }
    }
    f->n_comments = n_comments;
}

static void write_call(struct wr_fmt *f, const struct wr_ast_term *t)
{
    wr_rego_print_term(f->out, t->items[0]);
    wr_fmt_text(f, "(");
    wr_fmt_list(f, WR_FMT_ARGUMENTS, t->items + 1, t->n_items - 1, WR_FMT_NO_ROW);
    wr_fmt_text(f, ")");
}

/* An operand: in parentheses if they are wanted, or if the text would read as another tree. */
static void write_operand(struct wr_fmt *f, const struct wr_ast_term *t, const struct infix *parent,
                          bool right, bool parens)
{
    const struct infix *child = t->kind == WR_AST_CALL ? infix_of(t) : NULL;
    bool looser = child != NULL && t->n_items == 3 &&
                  (right ? child->binding <= parent->binding : child->binding < parent->binding) &&
                  parent->binding > 0;
    bool is_in = child != NULL && child->sign[0] == 'i';
    if (looser && is_in) { /* `in` never gets any by itself */
        wr_fmt_text(f, "(");
        write_term(f, t, false);
        wr_fmt_text(f, ")");
        return;
    }
    write_term(f, t, parens || looser);
}

/* A call of an operator; `parens` around it, and around its operands if it is `nested`. */
static void write_infix(struct wr_fmt *f, const struct wr_ast_term *t, const struct infix *op,
                        bool parens, bool nested)
{
    bool triple = op == &member_3;
    bool is_in = op->sign[0] == 'i';
    parens = is_in ? triple && nested : parens;
    wr_fmt_text(f, parens ? "(" : "");
    write_operand(f, t->items[1], op, false, nested || is_in);
    if (triple) {
        wr_fmt_text(f, ", ");
        write_operand(f, t->items[2], op, true, true);
    }
    wr_fmt_text(f, " ");
    wr_fmt_text(f, op->sign);
    wr_fmt_text(f, " ");
    write_operand(f, t->items[triple ? 3 : 2], op, true, nested || is_in);
    wr_fmt_text(f, parens ? ")" : "");
}

static void write_call_term(struct wr_fmt *f, const struct wr_ast_term *t, bool parens)
{
    const struct infix *op = infix_of(t);
    if (op != NULL && t->n_items == (op == &member_3 ? 4u : 3u) && op->binding > 0) {
        write_infix(f, t, op, parens, true);
    } else {
        write_call(f, t);
    }
}

static void write_value(struct wr_fmt *f, const struct wr_ast_term *t, bool parens)
{
    switch ((enum wr_ast_kind)t->kind) {
    case WR_AST_SCALAR:
        write_scalar(f, t);
        break;
    case WR_AST_VAR:
        wr_rego_print_term(f->out, t);
        break;
    case WR_AST_REF:
        wr_fmt_ref(f, t->items, t->n_items);
        break;
    case WR_AST_ARRAY:
        write_collection(f, t, '[', ']');
        break;
    case WR_AST_OBJECT:
        write_collection(f, t, '{', '}');
        break;
    case WR_AST_SET:
        if (t->n_items > 0) {
            write_collection(f, t, '{', '}');
        } else {
            wr_fmt_text(f, "set()");
            wr_fmt_comments(f, wr_fmt_closing_row(f, wr_fmt_loc(f, &t->loc), NULL, '(', ')'));
        }
        break;
    case WR_AST_ARRAY_COMPREHENSION:
    case WR_AST_SET_COMPREHENSION:
    case WR_AST_OBJECT_COMPREHENSION:
        write_comprehension(f, t);
        break;
    case WR_AST_CALL:
        write_call_term(f, t, parens);
        break;
    }
}

/* As if the term stood on `row`. */
static void write_term_at(struct wr_fmt *f, const struct wr_ast_term *t, uint32_t row, bool parens)
{
    wr_fmt_comments(f, row);
    if (!f->inside_line) {
        wr_fmt_start_line(f);
    }
    write_value(f, t, parens);
    if (!f->inside_line) {
        wr_fmt_start_line(f);
    }
}

static void write_term(struct wr_fmt *f, const struct wr_ast_term *t, bool parens)
{
    write_term_at(f, t, wr_fmt_loc(f, &t->loc)->row, parens);
}

void wr_fmt_term_at(struct wr_fmt *f, const struct wr_ast_term *t, uint32_t row)
{
    write_term_at(f, t, row, false);
}

void wr_fmt_term(struct wr_fmt *f, const struct wr_ast_term *t)
{
    write_term(f, t, false);
}

/* ── statements ─────────────────────────────────────────────────────────────────────────────── */

static void write_some(struct wr_fmt *f, const struct wr_ast_expr *expr)
{
    uint32_t row = wr_fmt_loc(f, &expr->loc)->row;
    wr_fmt_text(f, "some ");
    for (uint32_t i = 0; i < expr->n_terms; i++) {
        const struct wr_ast_term *t = expr->terms[i];
        uint32_t here = wr_fmt_loc(f, &t->loc)->row;
        if (t->kind == WR_AST_CALL) {
            write_infix(f, t, infix_of(t), false, false);
            continue;
        }
        if (here > row) {
            wr_fmt_end_line(f);
            wr_fmt_start_line(f);
            wr_fmt_text(f, "\t");
            row = here;
        } else if (i > 0) {
            wr_fmt_text(f, " ");
        }
        wr_fmt_term(f, t);
        wr_fmt_text(f, i + 1 < expr->n_terms ? "," : "");
    }
}

static void write_every(struct wr_fmt *f, const struct wr_ast_expr *expr)
{
    uint32_t row = wr_fmt_loc(f, &expr->loc)->row;
    wr_fmt_text(f, "every ");
    if (expr->key != NULL) {
        wr_fmt_term(f, expr->key);
        wr_fmt_text(f, ", ");
    }
    wr_fmt_term(f, expr->value);
    wr_fmt_text(f, " in ");
    wr_fmt_term(f, expr->domain);
    wr_fmt_text(f, " {");
    write_inner_body(f, expr->body, row, WR_FMT_NO_ROW);
    if (expr->body->n == 1 && wr_fmt_loc(f, &expr->body->exprs[0]->loc)->row == row) {
        wr_fmt_text(f, " ");
    }
    wr_fmt_text(f, "}");
}

/* A statement that is a call: operators without parentheses. OPA writes plus(1, 2, x) as x = 1 + 2,
 * which is another tree; here it stays a call. */
static void write_call_statement(struct wr_fmt *f, const struct wr_ast_term *t)
{
    const struct infix *op = infix_of(t);
    bool triple = op == &member_3;
    if (op != NULL && t->n_items == (triple ? 4u : 3u)) {
        write_infix(f, t, op, false, false);
    } else {
        write_call(f, t);
    }
}

static void write_withs(struct wr_fmt *f, const struct wr_ast_expr *expr)
{
    bool indented = false;
    for (uint32_t i = 0; i < expr->n_with; i++) {
        uint32_t row = wr_fmt_loc(f, &expr->with[i].loc)->row;
        bool same_line = i == 0 || row == wr_fmt_loc(f, &expr->with[i - 1].loc)->row;
        if (!same_line) {
            f->level += !indented;
            indented = true;
            wr_fmt_end_line(f);
            wr_fmt_start_line(f);
        }
        wr_fmt_comments(f, row);
        wr_fmt_text(f, same_line ? " with " : "with ");
        wr_fmt_term(f, expr->with[i].target);
        wr_fmt_text(f, " as ");
        wr_fmt_term(f, expr->with[i].value);
    }
    f->level -= indented;
}

void wr_fmt_expr(struct wr_fmt *f, const struct wr_ast_expr *expr)
{
    wr_fmt_comments(f, wr_fmt_loc(f, &expr->loc)->row);
    if (!f->inside_line) {
        wr_fmt_start_line(f);
    }
    wr_fmt_text(f, expr->negated ? "not " : "");
    if (expr->kind == WR_AST_SOME) {
        write_some(f, expr);
    } else if (expr->kind == WR_AST_EVERY) {
        write_every(f, expr);
    } else if (expr->term->kind == WR_AST_CALL) {
        write_call_statement(f, expr->term);
    } else {
        wr_fmt_term(f, expr->term);
    }
    write_withs(f, expr);
}

void wr_fmt_body(struct wr_fmt *f, const struct wr_ast_body *body)
{
    wr_fmt_comments(f, wr_fmt_loc(f, &body->exprs[0]->loc)->row);
    for (uint32_t i = 0; i < body->n; i++) {
        const struct wr_ast_loc *loc = wr_fmt_loc(f, &body->exprs[i]->loc);
        if (i > 0) {
            const struct wr_ast_loc *before = wr_fmt_loc(f, &body->exprs[i - 1]->loc);
            uint32_t last_row = before->row;
            for (uint32_t k = 0; k < before->n; k++) {
                last_row += f->module->text.p[before->offset + k] == '\n';
            }
            if (loc->row > last_row + 1) {
                wr_fmt_blank_line(f);
            }
        }
        wr_fmt_start_line(f);
        wr_fmt_expr(f, body->exprs[i]);
        wr_fmt_end_line(f);
    }
}
