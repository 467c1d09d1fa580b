/* SPDX-License-Identifier: Apache-2.0 */
/* strings.render_template: Go's text/template over JSON values, and the pieces of template strings.
 *
 * Read: text, comments, trim markers, `if`, `range`, `with`, `else`, `else if`, `end`, variables,
 * field chains, literals, parentheses, pipelines, and the functions and, or, not, len, index,
 * print, println, printf, eq, ne, lt, le, gt, ge. Not read: define, template, block, break,
 * continue, methods. Numbers of the document are text to Go (json.Number): they are true even when
 * they are 0. A field that is absent prints <no value>. */
#include "base/num.h"
#include "rego/builtin_family.h"
#include "value/json_read.h"

#define TEMPLATE_LIMIT_DEPTH 64 /* nested blocks, and parentheses */
#define TEMPLATE_LIMIT_VARS  64
#define TEMPLATE_LIMIT_ARGS  16

enum kind { TEXT, OUT, IF, RANGE, WITH, ELSE, ELSE_IF, END };

struct segment {
    enum kind kind;
    struct wr_str text;
    uint32_t next; /* of a branch: the next branch or the end; of the end: its opening */
};

struct item { /* what an expression gives; .made by the template, not by the document */
    struct wr_value v;
    bool made;
};

struct block {
    uint32_t open;
    struct item dot; /* outside */
    struct item over;
    uint32_t at, n_vars;
    bool skipped; /* a range without elements: its else runs */
};

struct variable {
    struct wr_str name;
    struct item value;
};

struct render {
    struct wr_builtin_call *call;
    struct wr_buf out;
    struct segment *segments;
    uint32_t n, cap;
    struct block blocks[TEMPLATE_LIMIT_DEPTH];
    uint32_t depth;
    struct variable vars[TEMPLATE_LIMIT_VARS];
    uint32_t n_vars;
    struct item dot, root;
    struct wr_str s; /* the action at hand */
    size_t at;
};

static wr_err bad(struct render *r, const char *what)
{
    return wr_builtin_fail(r->call, "template: %s in \"%.*s\"", what, (int)WR_MIN(r->s.n, 100u),
                           r->s.p);
}

/* ── segments ───────────────────────────────────────────────────────────────────────────────── */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct wr_str trim(struct wr_str s, bool left, bool right)
{
    while (left && s.n > 0 && is_space(s.p[0])) {
        s = wr_str_of(s.p + 1, s.n - 1);
    }
    while (right && s.n > 0 && is_space(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

static wr_err add_segment(struct render *r, enum kind kind, struct wr_str text)
{
    if (r->n == r->cap) {
        uint32_t cap = r->cap == 0 ? 16 : r->cap * 2;
        struct segment *segments = WR_NEW_ARRAY(r->call->arena, struct segment, cap);
        if (segments == NULL) {
            return wr_builtin_no_room(r->call);
        }
        if (r->n != 0) {
            memcpy(segments, r->segments, r->n * sizeof *segments);
        }
        r->segments = segments;
        r->cap = cap;
    }
    r->segments[r->n++] = (struct segment){kind, text, 0};
    return WR_OK;
}

/* Takes a word off the front when it stands alone there. */
static bool keyword(struct wr_str *s, struct wr_str word)
{
    if (!wr_str_starts(*s, word) || (s->n > word.n && !is_space(s->p[word.n]))) {
        return false;
    }
    *s = trim(wr_str_of(s->p + word.n, s->n - word.n), true, false);
    return true;
}

static wr_err add_action(struct render *r, struct wr_str s)
{
    if (wr_str_starts(s, WR_STR("/*"))) {
        return WR_OK;
    }
    if (keyword(&s, WR_STR("if"))) {
        return add_segment(r, IF, s);
    }
    if (keyword(&s, WR_STR("range"))) {
        return add_segment(r, RANGE, s);
    }
    if (keyword(&s, WR_STR("with"))) {
        return add_segment(r, WITH, s);
    }
    if (keyword(&s, WR_STR("end"))) {
        return add_segment(r, END, s);
    }
    if (keyword(&s, WR_STR("else"))) {
        return keyword(&s, WR_STR("if")) ? add_segment(r, ELSE_IF, s) : add_segment(r, ELSE, s);
    }
    return add_segment(r, OUT, s);
}

/* The end of an action that begins at `at`: "}}" outside of quotes. */
static size_t action_end(struct wr_str s, size_t at)
{
    char quote = '\0';
    for (; at + 1 < s.n; at++) {
        char c = s.p[at];
        if (quote != '\0') {
            at += c == '\\' && quote == '"' ? 1 : 0;
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '`') {
            quote = c;
        } else if (c == '}' && s.p[at + 1] == '}') {
            return at;
        }
    }
    return SIZE_MAX;
}

static wr_err cut_segments(struct render *r, struct wr_str s)
{
    bool trim_left = false;
    for (size_t at = 0; at < s.n;) {
        size_t open = wr_str_find(s, WR_STR("{{"), at);
        size_t text_end = open == SIZE_MAX ? s.n : open;
        bool trim_right =
            open != SIZE_MAX && open + 3 < s.n && s.p[open + 2] == '-' && is_space(s.p[open + 3]);
        struct wr_str text = trim(wr_str_of(s.p + at, text_end - at), trim_left, trim_right);
        WR_TRY(add_segment(r, TEXT, text));
        if (open == SIZE_MAX) {
            return WR_OK;
        }
        size_t from = open + (trim_right ? 3 : 2), close = action_end(s, from);
        r->s = wr_str_of(s.p + open, s.n - open);
        if (close == SIZE_MAX) {
            return bad(r, "unclosed action");
        }
        trim_left = close > from + 1 && s.p[close - 1] == '-' && is_space(s.p[close - 2]);
        WR_TRY(add_action(
            r, trim(wr_str_of(s.p + from, close - from - (trim_left ? 1 : 0)), true, true)));
        at = close + 2;
    }
    return WR_OK;
}

/* Links each branch to the next and the end to its opening. */
static wr_err link_segments(struct render *r)
{
    uint32_t opens[TEMPLATE_LIMIT_DEPTH], lasts[TEMPLATE_LIMIT_DEPTH], depth = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        struct segment *s = &r->segments[i];
        r->s = s->text;
        if (s->kind == IF || s->kind == RANGE || s->kind == WITH) {
            if (depth == TEMPLATE_LIMIT_DEPTH) {
                return bad(r, "blocks nest too deeply");
            }
            opens[depth] = lasts[depth] = i;
            depth++;
        } else if (s->kind == ELSE || s->kind == ELSE_IF || s->kind == END) {
            if (depth == 0 || (s->kind != END && r->segments[lasts[depth - 1]].kind == ELSE)) {
                return bad(r, s->kind == END ? "unexpected end" : "unexpected else");
            }
            r->segments[lasts[depth - 1]].next = i;
            lasts[depth - 1] = i;
            if (s->kind == END) {
                s->next = opens[--depth];
            }
        }
    }
    r->s = WR_STR("");
    return depth == 0 ? WR_OK : bad(r, "unexpected EOF");
}

/* ── values ─────────────────────────────────────────────────────────────────────────────────── */

static wr_err print_value(struct render *r, struct wr_buf *buf, const struct wr_value *v,
                          unsigned depth)
{
    WR_TRY(wr_builtin_deep(r->call, depth));
    WR_TRY(wr_builtin_check(r->call, buf));
    WR_TRY(wr_builtin_charge(r->call, 2));
    switch (v->type) {
    case WR_UNDEFINED:
    case WR_NULL:
        wr_buf_str(buf, depth == 0 ? WR_STR("<no value>") : WR_STR("<nil>"));
        break;
    case WR_BOOL:
        wr_buf_str(buf, v->i != 0 ? WR_STR("true") : WR_STR("false"));
        break;
    case WR_NUMBER:
        wr_number_write(buf, v);
        break;
    case WR_STRING:
        wr_buf_str(buf, wr_text(*v));
        break;
    case WR_OBJECT:
        wr_buf_str(buf, WR_STR("map["));
        for (uint32_t i = 0; i < v->n; i++) {
            wr_buf_add(buf, " ", i > 0 ? 1 : 0);
            WR_TRY(print_value(r, buf, &v->pairs[i].key, depth + 1));
            wr_buf_char(buf, ':');
            WR_TRY(print_value(r, buf, &v->pairs[i].value, depth + 1));
        }
        wr_buf_char(buf, ']');
        break;
    default:
        wr_buf_char(buf, '[');
        for (uint32_t i = 0; i < v->n; i++) {
            wr_buf_add(buf, " ", i > 0 ? 1 : 0);
            WR_TRY(print_value(r, buf, &v->items[i], depth + 1));
        }
        wr_buf_char(buf, ']');
        break;
    }
    return WR_OK;
}

static bool is_true(const struct item *item)
{
    switch (item->v.type) {
    case WR_UNDEFINED:
    case WR_NULL:
        return false;
    case WR_BOOL:
        return item->v.i != 0;
    case WR_NUMBER:
        return !item->made || !wr_number_is_zero(&item->v);
    default:
        return item->v.n > 0;
    }
}

static struct item made(struct wr_value v)
{
    return (struct item){v, true};
}

/* ── expressions ────────────────────────────────────────────────────────────────────────────── */

static wr_err pipeline(struct render *r, unsigned depth, struct item *out);

static char peek(struct render *r)
{
    while (r->at < r->s.n && is_space(r->s.p[r->at])) {
        r->at++;
    }
    return r->at < r->s.n ? r->s.p[r->at] : '\0';
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct wr_str name(struct render *r)
{
    size_t from = r->at;
    while (r->at < r->s.n && is_name(r->s.p[r->at])) {
        r->at++;
    }
    return wr_str_of(r->s.p + from, r->at - from);
}

/* .a.b behind a value. */
static wr_err fields(struct render *r, struct item *item)
{
    while (r->at < r->s.n && r->s.p[r->at] == '.') {
        r->at++;
        struct wr_str key = name(r);
        if (key.n == 0) {
            return bad(r, "bad character");
        }
        bool object = item->v.type == WR_OBJECT;
        if (!object && item->v.type != WR_UNDEFINED && item->v.type != WR_NULL) {
            return bad(r, "can't evaluate a field");
        }
        const struct wr_value *v = object ? wr_object_get_str(&item->v, key) : NULL;
        item->v = v != NULL ? *v : wr_undefined();
        item->made = false;
    }
    return WR_OK;
}

static wr_err string_literal(struct render *r, struct item *out)
{
    char quote = r->s.p[r->at];
    size_t from = r->at++;
    while (r->at < r->s.n && r->s.p[r->at] != quote) {
        r->at += quote == '"' && r->s.p[r->at] == '\\' ? 2 : 1;
    }
    if (r->at >= r->s.n) {
        return bad(r, "unterminated string");
    }
    r->at++;
    if (quote == '`') {
        *out = made(wr_string(wr_str_of(r->s.p + from + 1, r->at - from - 2)));
        return WR_OK;
    }
    struct wr_str text = wr_str_of(r->s.p + from, r->at - from);
    out->made = true;
    return wr_json_read(r->call->arena, text, false, NULL, &out->v, NULL) == WR_OK
               ? WR_OK
               : bad(r, "bad string");
}

static wr_err variable(struct render *r, struct item *out)
{
    r->at++;
    struct wr_str want = name(r);
    if (want.n == 0) {
        *out = r->root;
        return WR_OK;
    }
    for (uint32_t i = r->n_vars; i-- > 0;) {
        if (wr_str_eq(r->vars[i].name, want)) {
            *out = r->vars[i].value;
            return WR_OK;
        }
    }
    return bad(r, "undefined variable");
}

/* A literal, a variable, a field or something in parentheses. */
static wr_err operand(struct render *r, unsigned depth, struct item *out)
{
    char c = peek(r);
    if (c == '"' || c == '`') {
        return string_literal(r, out);
    }
    if (c == '(') {
        r->at++;
        WR_TRY(pipeline(r, depth + 1, out));
        if (peek(r) != ')') {
            return bad(r, "unclosed left paren");
        }
        r->at++;
        return fields(r, out);
    }
    if (c == '$') {
        WR_TRY(variable(r, out));
        return fields(r, out);
    }
    if (c == '.') {
        *out = r->dot;
        if (r->at + 1 < r->s.n && is_name(r->s.p[r->at + 1])) {
            return fields(r, out);
        }
        r->at++;
        return WR_OK;
    }
    size_t from = r->at;
    while (r->at < r->s.n && (is_name(r->s.p[r->at]) || memchr("+-.", r->s.p[r->at], 3) != NULL)) {
        r->at++;
    }
    struct wr_str word = wr_str_of(r->s.p + from, r->at - from);
    if (wr_str_eq(word, WR_STR("true")) || wr_str_eq(word, WR_STR("false"))) {
        *out = made(wr_bool(word.p[0] == 't'));
        return WR_OK;
    }
    if (wr_str_eq(word, WR_STR("nil"))) {
        *out = made(wr_null());
        return WR_OK;
    }
    out->made = true;
    bool good = word.n > 0 && (c == '-' || (c >= '0' && c <= '9')) &&
                wr_json_read(r->call->arena, word, false, NULL, &out->v, NULL) == WR_OK;
    return good ? WR_OK : bad(r, "function not defined or bad character");
}

static wr_err index_into(struct render *r, const struct item *args, uint32_t n, struct item *out)
{
    *out = args[0];
    for (uint32_t i = 1; i < n; i++) {
        bool container = out->v.type >= WR_ARRAY;
        const struct wr_value *v = container ? wr_value_at(&out->v, &args[i].v) : NULL;
        if (v == NULL && out->v.type != WR_OBJECT) {
            return bad(r, "error calling index");
        }
        *out = (struct item){v != NULL ? *v : wr_undefined(), false};
    }
    return WR_OK;
}

static wr_err print_args(struct render *r, const struct item *args, uint32_t n, bool line,
                         struct item *out)
{
    struct wr_buf buf = wr_buf_in(r->call->arena, 64);
    for (uint32_t i = 0; i < n; i++) {
        bool strings = i > 0 && (args[i].v.type == WR_STRING || args[i - 1].v.type == WR_STRING);
        wr_buf_add(&buf, " ", i > 0 && (line || !strings) ? 1 : 0);
        WR_TRY(print_value(r, &buf, &args[i].v, 1));
    }
    wr_buf_add(&buf, "\n", line ? 1 : 0);
    out->made = true;
    return wr_builtin_text(r->call, &buf, &out->v);
}

static wr_err print_format(struct render *r, const struct item *args, uint32_t n, struct item *out)
{
    struct wr_buf buf = wr_buf_in(r->call->arena, 64);
    struct wr_value values[TEMPLATE_LIMIT_ARGS];
    if (n == 0 || args[0].v.type != WR_STRING) {
        return bad(r, "printf wants a format");
    }
    for (uint32_t i = 1; i < n; i++) {
        values[i - 1] = args[i].v.type == WR_UNDEFINED ? wr_null() : args[i].v;
    }
    WR_TRY(wr_sprintf(r->call, &buf, wr_text(args[0].v), values, n - 1));
    out->made = true;
    return wr_builtin_text(r->call, &buf, &out->v);
}

static wr_err compare(struct render *r, struct wr_str word, const struct item *args, uint32_t n,
                      struct item *out)
{
    bool eq = wr_str_eq(word, WR_STR("eq"));
    bool yes = false;
    if (n < 2 || (!eq && n != 2)) {
        return bad(r, "wrong number of arguments");
    }
    for (uint32_t i = 1; eq && i < n; i++) {
        yes = yes || wr_value_eq(&args[0].v, &args[i].v);
    }
    int order = wr_value_cmp(&args[0].v, &args[1].v);
    if (!eq) {
        yes = word.p[0] == 'n'   ? order != 0
              : word.p[0] == 'l' ? (order < 0 || (word.p[1] == 'e' && order == 0))
                                 : (order > 0 || (word.p[1] == 'e' && order == 0));
    }
    *out = made(wr_bool(yes));
    return WR_OK;
}

static bool one_of(struct wr_str word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (wr_str_eq(word, wr_str_z(words[i]))) {
            return true;
        }
    }
    return false;
}

static wr_err apply(struct render *r, struct wr_str word, const struct item *args, uint32_t n,
                    struct item *out)
{
    static const char *const comparisons[] = {"eq", "ne", "lt", "le", "gt", "ge"};
    if (wr_str_eq(word, WR_STR("print")) || wr_str_eq(word, WR_STR("println"))) {
        return print_args(r, args, n, word.n > 5, out);
    }
    if (wr_str_eq(word, WR_STR("printf"))) {
        return print_format(r, args, n, out);
    }
    if (one_of(word, comparisons, WR_COUNTOF(comparisons))) {
        return compare(r, word, args, n, out);
    }
    if (n == 0) {
        return bad(r, "wrong number of arguments");
    }
    if (wr_str_eq(word, WR_STR("not"))) {
        *out = made(wr_bool(!is_true(&args[0])));
        return WR_OK;
    }
    if (wr_str_eq(word, WR_STR("len"))) {
        *out = made(wr_int(args[0].v.type >= WR_STRING ? args[0].v.n : 0));
        return args[0].v.type >= WR_STRING ? WR_OK : bad(r, "error calling len");
    }
    if (wr_str_eq(word, WR_STR("index"))) {
        return index_into(r, args, n, out);
    }
    bool and = wr_str_eq(word, WR_STR("and")); /* and, or: the first that decides, or the last */
    uint32_t i = 0;
    while (i + 1 < n && is_true(&args[i]) == and) {
        i++;
    }
    *out = args[i];
    return WR_OK;
}

/* A function with its arguments or one operand; `piped` is the last argument. */
static wr_err command(struct render *r, unsigned depth, const struct item *piped, struct item *out)
{
    static const char *const functions[] = {"and",   "or",      "not",    "len", "index",
                                            "print", "println", "printf", "eq",  "ne",
                                            "lt",    "le",      "gt",     "ge"};
    struct item args[TEMPLATE_LIMIT_ARGS];
    uint32_t n = 0;
    size_t from = r->at;
    (void)peek(r);
    struct wr_str word = name(r);
    if (!one_of(word, functions, WR_COUNTOF(functions))) {
        r->at = from;
        return piped == NULL ? operand(r, depth, out) : bad(r, "can't give an argument");
    }
    for (char c = peek(r); c != '\0' && c != '|' && c != ')'; c = peek(r)) {
        if (n == TEMPLATE_LIMIT_ARGS - 1) {
            return bad(r, "too many arguments");
        }
        WR_TRY(operand(r, depth, &args[n++]));
    }
    if (piped != NULL) {
        args[n++] = *piped;
    }
    return apply(r, word, args, n, out);
}

static wr_err pipeline(struct render *r, unsigned depth, struct item *out)
{
    struct item value;
    if (depth > TEMPLATE_LIMIT_DEPTH) {
        return bad(r, "parentheses nest too deeply");
    }
    WR_TRY(wr_builtin_charge(r->call, 8));
    WR_TRY(command(r, depth, NULL, &value));
    while (peek(r) == '|') {
        struct item piped = value;
        r->at++;
        WR_TRY(command(r, depth, &piped, &value));
    }
    *out = value;
    return WR_OK;
}

/* Reads "$i, $v :=" at the front; the names are empty where there is none. */
static size_t declaration(struct render *r, struct wr_str names[2], bool *assign)
{
    size_t n = 0, from = r->at;
    while (n < 2 && peek(r) == '$') {
        r->at++;
        names[n++] = name(r);
        if (peek(r) == ',') {
            r->at++;
        }
    }
    bool declares = n > 0 && peek(r) == ':' && r->at + 1 < r->s.n && r->s.p[r->at + 1] == '=';
    *assign = n == 1 && !declares && peek(r) == '=';
    if (!declares && !*assign) {
        r->at = from;
        return 0;
    }
    r->at += declares ? 2 : 1;
    return n;
}

static wr_err set_variable(struct render *r, struct wr_str want, bool assign, struct item value)
{
    for (uint32_t i = r->n_vars; assign && i-- > 0;) {
        if (wr_str_eq(r->vars[i].name, want)) {
            r->vars[i].value = value;
            return WR_OK;
        }
    }
    if (assign || r->n_vars == TEMPLATE_LIMIT_VARS) {
        return bad(r, assign ? "undefined variable" : "too many variables");
    }
    r->vars[r->n_vars++] = (struct variable){want, value};
    return WR_OK;
}

/* An action's expression: its value, and the names it declares. */
static wr_err evaluate(struct render *r, struct wr_str text, struct wr_str names[2], size_t *n,
                       bool *assign, struct item *out)
{
    r->s = text;
    r->at = 0;
    *n = declaration(r, names, assign);
    WR_TRY(pipeline(r, 0, out));
    return peek(r) == '\0' ? WR_OK : bad(r, "unexpected text");
}

/* ── running ────────────────────────────────────────────────────────────────────────────────── */

static uint32_t length(const struct wr_value *v)
{
    return v->type >= WR_ARRAY ? v->n : 0;
}

/* Binds the element at hand of a range. */
static wr_err range_step(struct render *r, struct block *b)
{
    struct wr_str names[2];
    struct item ignored, key, value;
    bool assign;
    size_t n;
    r->n_vars = b->n_vars;
    r->dot = b->dot;
    WR_TRY(evaluate(r, r->segments[b->open].text, names, &n, &assign, &ignored));
    bool object = b->over.v.type == WR_OBJECT;
    key = object ? (struct item){b->over.v.pairs[b->at].key, false} : made(wr_int(b->at));
    value.made = false;
    value.v = object ? b->over.v.pairs[b->at].value : b->over.v.items[b->at];
    if (n == 2) {
        WR_TRY(set_variable(r, names[0], false, key));
    }
    if (n > 0) {
        WR_TRY(set_variable(r, names[n - 1], assign, value));
    }
    r->dot = value;
    return WR_OK;
}

/* Goes to the branch that holds; *pc becomes the segment after its head, or the end itself. */
static wr_err open_block(struct render *r, uint32_t *pc)
{
    struct wr_str names[2];
    struct item value;
    bool assign;
    size_t n;
    uint32_t at = *pc;
    enum kind kind = r->segments[at].kind;
    struct block *b = &r->blocks[r->depth++];
    *b = (struct block){.open = at, .dot = r->dot, .n_vars = r->n_vars};
    WR_TRY(evaluate(r, r->segments[at].text, names, &n, &assign, &value));
    if (kind == RANGE && length(&value.v) > 0) {
        b->over = value;
        *pc = at + 1;
        return range_step(r, b);
    }
    if (kind != RANGE && n == 1) {
        WR_TRY(set_variable(r, names[0], assign, value));
    }
    b->skipped = true;
    if (kind == WITH && is_true(&value)) {
        r->dot = value;
    }
    while (kind == RANGE || !is_true(&value)) {
        at = r->segments[at].next;
        kind = r->segments[at].kind;
        if (kind != ELSE_IF) {
            break;
        }
        WR_TRY(evaluate(r, r->segments[at].text, names, &n, &assign, &value));
    }
    *pc = kind == END ? at : at + 1;
    return WR_OK;
}

static wr_err close_block(struct render *r, uint32_t *pc)
{
    struct block *b = &r->blocks[r->depth - 1];
    if (!b->skipped && ++b->at < length(&b->over.v)) {
        *pc = b->open + 1;
        return range_step(r, b);
    }
    r->dot = b->dot;
    r->n_vars = b->n_vars;
    r->depth--;
    (*pc)++;
    return WR_OK;
}

static wr_err run(struct render *r)
{
    for (uint32_t pc = 0; pc < r->n;) {
        struct segment *s = &r->segments[pc];
        struct wr_str names[2];
        struct item value;
        bool assign;
        size_t n;
        WR_TRY(wr_builtin_charge(r->call, 4 + s->text.n / 8));
        WR_TRY(wr_builtin_check(r->call, &r->out));
        switch (s->kind) {
        case TEXT:
            wr_buf_str(&r->out, s->text);
            pc++;
            break;
        case OUT:
            WR_TRY(evaluate(r, s->text, names, &n, &assign, &value));
            if (n > 0) {
                WR_TRY(set_variable(r, names[0], assign, value));
            } else {
                WR_TRY(print_value(r, &r->out, &value.v, 0));
            }
            pc++;
            break;
        case IF:
        case RANGE:
        case WITH:
            WR_TRY(open_block(r, &pc));
            break;
        case ELSE:
        case ELSE_IF: /* the branch before it ran: to the end */
            while (r->segments[pc].kind != END) {
                pc = r->segments[pc].next;
            }
            break;
        case END:
            WR_TRY(close_block(r, &pc));
            break;
        }
    }
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_render_template)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    WR_TRY(wr_builtin_want(call, args, 1, WR_OBJECT));
    struct render *r = WR_NEW(call->arena, struct render);
    if (r == NULL) {
        return wr_builtin_no_room(call);
    }
    r->call = call;
    r->out = wr_buf_in(call->arena, args[0].n + 64);
    r->dot = r->root = (struct item){args[1], false};
    WR_TRY(wr_builtin_charge(call, args[0].n + 16));
    WR_TRY(cut_segments(r, wr_text(args[0])));
    WR_TRY(link_segments(r));
    WR_TRY(run(r));
    return wr_builtin_text(call, &r->out, out);
}

/* The pieces of a template string: strings, and sets with the value of an expression or nothing. */
WR_BUILTIN_FN(wr_b_template_string)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_ARRAY));
    struct wr_buf buf = wr_buf_in(call->arena, 64);
    for (uint32_t i = 0; i < args[0].n; i++) {
        const struct wr_value *piece = &args[0].items[i];
        if (piece->type == WR_SET && piece->n == 0) {
            wr_buf_str(&buf, WR_STR("<undefined>"));
            continue;
        }
        if (piece->type == WR_SET && piece->n > 1) {
            return wr_builtin_fail(call, "an expression of the template string has several values");
        }
        piece = piece->type == WR_SET ? piece->items : piece;
        WR_TRY(wr_sprintf(call, &buf, WR_STR("%v"), piece, 1));
    }
    return wr_builtin_text(call, &buf, out);
}
