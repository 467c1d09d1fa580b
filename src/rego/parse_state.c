/* SPDX-License-Identifier: Apache-2.0 */
/* The parser's tools: tokens, places, errors, lists, remembered terms. */
#include "rego/parse_state.h"
#include "rego/print.h"

#define FIRST_STACK 64
#define FIRST_MEMO  64

void wr_parse_open(struct wr_parser *p, struct wr_arena *arena, struct wr_str file,
                   struct wr_str text, const struct wr_rego_parse_options *options)
{
    *p = (struct wr_parser){.arena = arena, .file = file, .text = text};
    wr_lex_init(&p->at.lexer, text.n <= WR_LIMIT_REGO_SOURCE ? text : WR_STR(""));
    if (options != NULL) {
        p->v1 = options->v1;
        p->keyword_refs = options->v1;
        p->at.lexer.keywords = options->v1 || options->all_future_keywords
                                   ? (uint8_t)WR_REGO_ALL_KEYWORDS
                                   : options->keywords;
    }
    if (text.n > WR_LIMIT_REGO_SOURCE) {
        wr_parse_die(p, WR_E_LIMIT, "the text is longer than WR_LIMIT_REGO_SOURCE (64 MiB)");
        return;
    }
    wr_parse_scan(p);
}

static void add_comment(struct wr_parser *p, const struct wr_lexeme *lexeme)
{
    if (p->n_comments > 0 && p->comments[p->n_comments - 1].loc.offset >= lexeme->offset) {
        return; /* read before, in another reading */
    }
    if (p->n_comments == p->comments_cap) {
        uint32_t cap = p->comments_cap == 0 ? 16 : p->comments_cap * 2;
        struct wr_ast_comment *grown = WR_NEW_ARRAY(p->arena, struct wr_ast_comment, cap);
        if (grown == NULL) {
            wr_parse_die(p, WR_E_MEMORY, "out of memory");
            return;
        }
        if (p->n_comments > 0) {
            memcpy(grown, p->comments, p->n_comments * sizeof *grown);
        }
        p->comments = grown;
        p->comments_cap = cap;
    }
    uint32_t end = lexeme->end;
    if (end > lexeme->offset && p->text.p[end - 1] == '\r') {
        end--;
    }
    struct wr_str text = wr_str_of(p->text.p + lexeme->offset + 1, end - lexeme->offset - 1);
    p->comments[p->n_comments++] = (struct wr_ast_comment){
        text, {lexeme->row, lexeme->col, lexeme->offset, end - lexeme->offset}};
}

/* In version 1 a word of the language that touches a dot is a name: data.foo.if, not.foo. */
static bool is_part_of_ref(const struct wr_parser *p, enum wr_token before,
                           const struct wr_lexeme *lexeme)
{
    if (!p->keyword_refs || !wr_token_is_keyword(lexeme->token)) {
        return false;
    }
    const char *next = p->text.p + lexeme->end;
    bool dot_follows =
        lexeme->end + 1 < p->text.n && next[0] == '.' && wr_lex_is_name(wr_str_of(next + 1, 1));
    return before == WR_TOK_DOT || dot_follows;
}

static void scan(struct wr_parser *p, bool skip_space)
{
    struct wr_parse_place *at = &p->at;
    enum wr_token before = at->token;
    if (p->dead) {
        at->token = WR_TOK_EOF;
        return;
    }
    if (at->token != WR_TOK_SPACE) {
        at->last_end = at->end;
        at->skipped_newline = false;
    }
    for (;;) {
        struct wr_lexeme lexeme;
        wr_lex_next(&at->lexer, &lexeme);
        at->token = is_part_of_ref(p, before, &lexeme) ? WR_TOK_IDENT : lexeme.token;
        at->row = lexeme.row;
        at->col = lexeme.col;
        at->offset = lexeme.offset;
        at->end = lexeme.end;
        for (uint32_t i = 0; i < lexeme.n_messages; i++) {
            wr_parse_error(p, wr_parse_loc(p), "%s", lexeme.messages[i]);
        }
        if (at->token == WR_TOK_SPACE) {
            at->skipped_newline |= p->text.p[lexeme.offset] == '\n';
            if (!skip_space) {
                return;
            }
        } else if (at->token == WR_TOK_COMMENT) {
            add_comment(p, &lexeme);
        } else {
            at->brackets += at->token == WR_TOK_LBRACE || at->token == WR_TOK_LBRACK ||
                            at->token == WR_TOK_LPAREN;
            return;
        }
        if (p->dead) {
            at->token = WR_TOK_EOF;
            return;
        }
    }
}

void wr_parse_scan(struct wr_parser *p)
{
    scan(p, true);
}

void wr_parse_scan_space(struct wr_parser *p)
{
    scan(p, false);
}

void wr_parse_restore(struct wr_parser *p, const struct wr_parse_place *place)
{
    uint8_t keywords = p->at.lexer.keywords;
    p->at = *place;
    p->at.lexer.keywords = keywords;
    if (p->dead) {
        p->at.token = WR_TOK_EOF;
        p->at.errors = p->last_words;
        p->at.n_errors = 1;
    }
}

bool wr_parse_enter(struct wr_parser *p)
{
    if (p->depth >= WR_LIMIT_REGO_DEPTH) {
        wr_parse_die(p, WR_E_LIMIT, "nested deeper than WR_LIMIT_REGO_DEPTH (256)");
        return false;
    }
    p->depth++;
    return true;
}

void wr_parse_die(struct wr_parser *p, wr_err code, const char *message)
{
    if (p->dead) {
        return;
    }
    struct wr_parse_error *error = WR_NEW(p->arena, struct wr_parse_error);
    p->dead = true;
    p->last_words = error;
    p->at.token = WR_TOK_EOF;
    p->at.errors = error;
    p->at.n_errors = 1;
    if (error != NULL) {
        *error = (struct wr_parse_error){
            .message = wr_str_z(message), .loc = wr_parse_loc(p), .code = code};
    }
}

struct wr_ast_loc wr_parse_loc(const struct wr_parser *p)
{
    return (struct wr_ast_loc){p->at.row, p->at.col, p->at.offset, p->at.end - p->at.offset};
}

struct wr_ast_loc wr_parse_span(struct wr_ast_loc from, uint32_t offset, uint32_t end)
{
    return (struct wr_ast_loc){from.row, from.col, offset, end > offset ? end - offset : 0};
}

struct wr_str wr_parse_token_text(const struct wr_parser *p)
{
    return wr_str_of(p->text.p + p->at.offset, p->at.end - p->at.offset);
}

/* ── complaining ────────────────────────────────────────────────────────────────────────────── */

static void add_error(struct wr_parser *p, struct wr_ast_loc loc, bool no_details,
                      const struct wr_buf *text)
{
    struct wr_parse_error *error = WR_NEW(p->arena, struct wr_parse_error);
    if (error == NULL || text->overflow) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return;
    }
    *error = (struct wr_parse_error){.before = p->at.errors,
                                     .message = wr_buf_view(text),
                                     .loc = loc,
                                     .code = WR_E_REGO_PARSE,
                                     .no_details = no_details};
    p->at.errors = error;
    p->at.n_errors++;
}

static bool may_complain(const struct wr_parser *p)
{
    return !p->dead && p->at.n_errors < WR_LIMIT_REGO_PARSE_ERRORS;
}

static void add_hint(struct wr_parser *p, struct wr_buf *text)
{
    if (p->at.hint != NULL) {
        wr_format(text, " (hint: %s)", p->at.hint);
        p->at.hint = NULL;
    }
}

void wr_parse_error(struct wr_parser *p, struct wr_ast_loc loc, const char *format, ...)
{
    if (!may_complain(p)) {
        return;
    }
    struct wr_buf text = wr_buf_in(p->arena, 64);
    va_list args;
    va_start(args, format);
    wr_vformat(&text, format, args);
    va_end(args);
    add_hint(p, &text);
    add_error(p, loc, false, &text);
}

void wr_parse_error_late(struct wr_parser *p, struct wr_ast_loc loc, const char *format, ...)
{
    if (!may_complain(p)) {
        return;
    }
    struct wr_buf text = wr_buf_in(p->arena, 64);
    va_list args;
    va_start(args, format);
    wr_vformat(&text, format, args);
    va_end(args);
    add_error(p, loc, true, &text);
}

void wr_parse_illegal(struct wr_parser *p, const char *note, ...)
{
    if (!may_complain(p)) {
        return;
    }
    struct wr_buf text = wr_buf_in(p->arena, 64);
    enum wr_token token = p->at.token;
    if (token == WR_TOK_ILLEGAL) {
        wr_buf_str(&text, WR_STR("illegal token"));
    } else {
        struct wr_str name = wr_token_text(token);
        wr_format(&text, "unexpected %.*s %s", WR_FMT(name),
                  wr_token_is_keyword(token) ? "keyword" : "token");
        if (note != NULL) {
            wr_buf_str(&text, WR_STR(": "));
            va_list args;
            va_start(args, note);
            wr_vformat(&text, note, args);
            va_end(args);
        }
    }
    add_hint(p, &text);
    add_error(p, wr_parse_loc(p), false, &text);
}

struct wr_str wr_parse_term_text(struct wr_parser *p, const struct wr_ast_term *t)
{
    struct wr_buf text = wr_buf_in(p->arena, 64);
    wr_rego_print_term(&text, t);
    return wr_buf_view(&text);
}

/* ── building ───────────────────────────────────────────────────────────────────────────────── */

struct wr_ast_term *wr_parse_new(struct wr_parser *p, enum wr_ast_kind kind, struct wr_ast_loc loc)
{
    struct wr_ast_term *t = WR_NEW(p->arena, struct wr_ast_term);
    if (t == NULL) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return NULL;
    }
    t->kind = (uint8_t)kind;
    t->height = 1;
    t->loc = loc;
    return t;
}

struct wr_ast_term *wr_parse_new_true(struct wr_parser *p, struct wr_ast_loc loc)
{
    struct wr_ast_term *t = wr_parse_new(p, WR_AST_SCALAR, loc);
    if (t != NULL) {
        t->value = wr_bool(true);
        t->generated = true;
    }
    return t;
}

struct wr_ast_term *wr_parse_new_string(struct wr_parser *p, struct wr_str s, struct wr_ast_loc loc)
{
    struct wr_ast_term *t = wr_parse_new(p, WR_AST_SCALAR, loc);
    if (t != NULL) {
        t->value = wr_string(s);
    }
    return t;
}

struct wr_ast_term *wr_parse_new_wildcard(struct wr_parser *p, struct wr_ast_loc loc)
{
    struct wr_ast_term *t = wr_parse_new(p, WR_AST_VAR, loc);
    struct wr_buf name = wr_buf_in(p->arena, 12);
    wr_buf_char(&name, '$');
    wr_buf_u64(&name, p->at.wildcards++);
    if (t == NULL || name.overflow) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return NULL;
    }
    t->name = wr_buf_view(&name);
    return t;
}

static void raise_height(struct wr_parser *p, struct wr_ast_term *t, uint32_t child)
{
    if (child + 1 > WR_LIMIT_REGO_DEPTH) {
        wr_parse_die(p, WR_E_LIMIT, "nested deeper than WR_LIMIT_REGO_DEPTH (256)");
    } else if (child + 1 > t->height) {
        t->height = (uint16_t)(child + 1);
    }
}

struct wr_ast_term *wr_parse_take_items(struct wr_parser *p, struct wr_ast_term *t, size_t base)
{
    uint32_t n = 0;
    struct wr_ast_term **items = (struct wr_ast_term **)wr_parse_take(p, base, &n);
    if (t == NULL || p->dead) {
        return NULL;
    }
    t->items = items;
    t->n_items = n;
    for (uint32_t i = 0; i < n; i++) {
        raise_height(p, t, items[i]->height);
    }
    if (t->body != NULL) {
        raise_height(p, t, t->body->height);
    }
    return p->dead ? NULL : t;
}

struct wr_ast_term *wr_parse_new_items(struct wr_parser *p, enum wr_ast_kind kind,
                                       struct wr_ast_loc loc, struct wr_ast_term *const *items,
                                       size_t n)
{
    size_t base = p->n_stack;
    for (size_t i = 0; i < n; i++) {
        wr_parse_push(p, items[i]);
    }
    return wr_parse_take_items(p, wr_parse_new(p, kind, loc), base);
}

bool wr_parse_push(struct wr_parser *p, void *node)
{
    if (p->n_stack == p->stack_cap) {
        size_t cap = p->stack_cap == 0 ? FIRST_STACK : p->stack_cap * 2;
        void **grown = WR_NEW_ARRAY(p->arena, void *, cap);
        if (grown == NULL) {
            wr_parse_die(p, WR_E_MEMORY, "out of memory");
            return false;
        }
        if (p->n_stack > 0) {
            memcpy(grown, p->stack, p->n_stack * sizeof *grown);
        }
        p->stack = grown;
        p->stack_cap = cap;
    }
    p->stack[p->n_stack++] = node;
    return true;
}

void **wr_parse_take(struct wr_parser *p, size_t base, uint32_t *n)
{
    size_t count = p->n_stack - base;
    void **nodes = WR_NEW_ARRAY(p->arena, void *, count);
    p->n_stack = base;
    if (nodes == NULL) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return NULL;
    }
    if (count > 0) {
        memcpy(nodes, p->stack + base, count * sizeof *nodes);
    }
    *n = (uint32_t)count;
    return nodes;
}

static uint32_t height_or_0(const struct wr_ast_term *t)
{
    return t != NULL ? t->height : 0;
}

static uint32_t expr_height(const struct wr_ast_expr *e)
{
    uint32_t height = height_or_0(e->term);
    height = WR_MAX(height, height_or_0(e->key));
    height = WR_MAX(height, height_or_0(e->value));
    height = WR_MAX(height, height_or_0(e->domain));
    for (uint32_t i = 0; i < e->n_terms; i++) {
        height = WR_MAX(height, e->terms[i]->height);
    }
    for (uint32_t i = 0; i < e->n_with; i++) {
        height = WR_MAX(height, e->with[i].target->height);
        height = WR_MAX(height, e->with[i].value->height);
    }
    return e->body != NULL ? WR_MAX(height, (uint32_t)e->body->height + 1) : height;
}

struct wr_ast_body *wr_parse_new_body(struct wr_parser *p, size_t base, struct wr_ast_loc loc)
{
    struct wr_ast_body *body = WR_NEW(p->arena, struct wr_ast_body);
    uint32_t n = 0;
    struct wr_ast_expr **exprs = (struct wr_ast_expr **)wr_parse_take(p, base, &n);
    if (body == NULL || exprs == NULL) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return NULL;
    }
    *body = (struct wr_ast_body){.exprs = exprs, .n = n, .loc = loc};
    for (uint32_t i = 0; i < n; i++) {
        exprs[i]->index = i;
        body->height = (uint16_t)WR_MAX(body->height, expr_height(exprs[i]));
    }
    return body;
}

struct wr_ast_body *wr_parse_true_body(struct wr_parser *p, struct wr_ast_loc loc)
{
    struct wr_ast_expr *expr = WR_NEW(p->arena, struct wr_ast_expr);
    struct wr_ast_term *yes = wr_parse_new_true(p, loc);
    if (expr == NULL || yes == NULL) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return NULL;
    }
    expr->term = yes;
    expr->generated = true;
    expr->loc = loc;
    size_t base = p->n_stack;
    wr_parse_push(p, expr);
    return wr_parse_new_body(p, base, loc);
}

/* ── remembered terms ───────────────────────────────────────────────────────────────────────── */

static struct wr_parse_memo *memo_slot(struct wr_parse_memo *memo, uint32_t cap, uint32_t key)
{
    uint32_t i = key * 2654435761u & (cap - 1);
    while (memo[i].offset != 0 && memo[i].offset != key) {
        i = (i + 1) & (cap - 1);
    }
    return &memo[i];
}

bool wr_parse_recall(struct wr_parser *p, struct wr_ast_term **term)
{
    if (p->n_memo == 0) {
        return false;
    }
    const struct wr_parse_memo *slot = memo_slot(p->memo, p->memo_cap, p->at.offset + 1);
    if (slot->offset == 0) {
        return false;
    }
    wr_parse_restore(p, slot->after);
    *term = slot->term;
    return true;
}

static bool memo_grow(struct wr_parser *p)
{
    if (2 * p->n_memo < p->memo_cap) {
        return true;
    }
    uint32_t cap = p->memo_cap == 0 ? FIRST_MEMO : p->memo_cap * 2;
    struct wr_parse_memo *grown = WR_NEW_ARRAY(p->arena, struct wr_parse_memo, cap);
    if (grown == NULL) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return false;
    }
    for (uint32_t i = 0; i < p->memo_cap; i++) {
        if (p->memo[i].offset != 0) {
            *memo_slot(grown, cap, p->memo[i].offset) = p->memo[i];
        }
    }
    p->memo = grown;
    p->memo_cap = cap;
    return true;
}

void wr_parse_remember(struct wr_parser *p, uint32_t offset, struct wr_ast_term *term)
{
    if ((p->speculation == 0 && term != NULL) || p->dead || !memo_grow(p)) {
        return;
    }
    struct wr_parse_memo *slot = memo_slot(p->memo, p->memo_cap, offset + 1);
    struct wr_parse_place *after = WR_NEW(p->arena, struct wr_parse_place);
    if (after == NULL) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return;
    }
    *after = p->at;
    p->n_memo += slot->offset == 0;
    *slot = (struct wr_parse_memo){offset + 1, term, after};
}

void wr_parse_forget(struct wr_parser *p)
{
    p->memo = NULL; /* a cleared table would be as large as the largest statement needed */
    p->memo_cap = 0;
    p->n_memo = 0;
}
