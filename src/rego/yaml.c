/* SPDX-License-Identifier: Apache-2.0 */
/* Line by line with an explicit column for each block; recursion is bounded by WR_LIMIT_YAML_DEPTH.
 */
#include "rego/yaml.h"

struct reader {
    struct wr_arena *arena;
    const char *p;
    size_t n, at;
    uint32_t line;
    uint32_t depth;
    struct wr_yaml_error *error;
    wr_err err;
};

static struct wr_yaml *parse_block(struct reader *r, size_t column);
static struct wr_yaml *parse_inline(struct reader *r, size_t indent, bool in_flow);

static struct wr_yaml *fail(struct reader *r, const char *message)
{
    if (r->err == WR_OK) {
        r->err = WR_E_CONFIG;
        *r->error = (struct wr_yaml_error){r->line, message};
    }
    r->at = r->n;
    return NULL;
}

static char peek(const struct reader *r)
{
    return r->at < r->n ? r->p[r->at] : '\n';
}

static char peek_at(const struct reader *r, size_t i)
{
    return r->at + i < r->n ? r->p[r->at + i] : '\n';
}

static bool at_end(const struct reader *r)
{
    return r->at >= r->n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_spaces(struct reader *r)
{
    while (!at_end(r) && is_blank(r->p[r->at])) {
        r->at++;
    }
}

static void skip_line(struct reader *r)
{
    while (!at_end(r) && r->p[r->at] != '\n') {
        r->at++;
    }
    if (!at_end(r)) {
        r->at++;
        r->line++;
    }
}

static size_t column_of(const struct reader *r)
{
    size_t start = r->at;
    while (start > 0 && r->p[start - 1] != '\n') {
        start--;
    }
    return r->at - start;
}

/* From anywhere behind a token: to the next content, over comments and line ends. False at the
 * end. */
static bool next_content(struct reader *r)
{
    for (;;) {
        skip_spaces(r);
        if (at_end(r)) {
            return false;
        }
        if (r->p[r->at] != '\n' && r->p[r->at] != '\r' && r->p[r->at] != '#') {
            return true;
        }
        skip_line(r);
    }
}

static struct wr_yaml *new_node(struct reader *r, enum wr_yaml_kind kind)
{
    struct wr_yaml *node = WR_NEW(r->arena, struct wr_yaml);
    if (node == NULL) {
        fail(r, "out of memory");
        r->err = WR_E_MEMORY;
        return NULL;
    }
    node->kind = (uint8_t)kind;
    node->line = r->line;
    return node;
}

static struct wr_yaml *new_scalar(struct reader *r, struct wr_str text, bool plain)
{
    struct wr_yaml *node = new_node(r, WR_YAML_SCALAR);
    if (node != NULL) {
        node->text = text;
        node->plain = plain;
    }
    return node;
}

/* Appends to a map (two items) or list; doubles the room. */
static bool append(struct reader *r, struct wr_yaml *node, struct wr_yaml *item, size_t n_items)
{
    if (item == NULL) {
        return false;
    }
    if ((n_items & (n_items - 1)) == 0) { /* 0 or a power of two: the room is full */
        size_t cap = n_items == 0 ? 1 : n_items * 2;
        struct wr_yaml **grown = WR_NEW_ARRAY(r->arena, struct wr_yaml *, cap);
        if (grown == NULL) {
            fail(r, "out of memory");
            r->err = WR_E_MEMORY;
            return false;
        }
        if (n_items > 0) {
            memcpy(grown, node->items, n_items * sizeof *grown);
        }
        node->items = grown;
    }
    node->items[n_items] = item;
    return true;
}

/* ── scalars ────────────────────────────────────────────────────────────────────────────────── */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 'a' - 'A';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_code_point(struct reader *r, unsigned digits, struct wr_buf *out)
{
    uint32_t code_point = 0;
    for (unsigned i = 0; i < digits; i++) {
        int digit = hex_value(peek(r));
        if (digit < 0) {
            return false;
        }
        code_point = code_point * 16 + (uint32_t)digit;
        r->at++;
    }
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000)) {
        return false;
    }
    char bytes[4];
    wr_buf_add(out, bytes, wr_utf8_encode(code_point, bytes));
    return true;
}

/* Behind a backslash. */
static bool read_escape(struct reader *r, struct wr_buf *out)
{
    static const char from[] = "0abtnvfre \"/\\", to[] = "\0\a\b\t\n\v\f\r\x1b \"/\\";
    char c = peek(r);
    r->at++;
    if (c == 'x' || c == 'u' || c == 'U') {
        return read_code_point(r, c == 'x' ? 2 : c == 'u' ? 4 : 8, out);
    }
    const char *found = c != '\0' ? memchr(from, c, sizeof from - 1) : NULL;
    if (found == NULL) {
        return false;
    }
    wr_buf_char(out, to[found - from]);
    return true;
}

/* A line end within quotes: one becomes a space, n become n - 1 line ends. */
static void fold_quoted(struct reader *r, struct wr_buf *out)
{
    size_t ends = 0;
    while (out->n > 0 && is_blank(out->p[out->n - 1])) {
        out->n--;
    }
    while (!at_end(r) && (is_blank(r->p[r->at]) || r->p[r->at] == '\n')) {
        if (r->p[r->at] == '\n') {
            ends++;
            r->line++;
        }
        r->at++;
    }
    if (ends == 1) {
        wr_buf_char(out, ' ');
    }
    for (size_t i = 1; i < ends; i++) {
        wr_buf_char(out, '\n');
    }
}

static struct wr_yaml *parse_quoted(struct reader *r)
{
    char quote = peek(r);
    struct wr_buf out = wr_buf_in(r->arena, 32);
    r->at++;
    while (!at_end(r)) {
        char c = r->p[r->at];
        if (c == '\n') {
            fold_quoted(r, &out);
            continue;
        }
        r->at++;
        if (c == quote && quote == '\'' && !at_end(r) && r->p[r->at] == '\'') {
            r->at++;
            wr_buf_char(&out, '\'');
        } else if (c == quote) {
            return new_scalar(r, wr_buf_view(&out), false);
        } else if (c == '\\' && quote == '"') {
            if (!read_escape(r, &out)) {
                return fail(r, "found unknown escape character");
            }
        } else {
            wr_buf_char(&out, c);
        }
    }
    return fail(r, "found unexpected end of stream");
}

/* Where a plain scalar ends on this line; trailing blanks excluded. */
static size_t plain_end(const struct reader *r, bool in_flow)
{
    size_t end = r->at;
    for (size_t i = r->at; i < r->n && r->p[i] != '\n' && r->p[i] != '\r'; i++) {
        char c = r->p[i], next = i + 1 < r->n ? r->p[i + 1] : '\n';
        bool flow_sign = in_flow && (c == ',' || c == ']' || c == '}' || c == '[' || c == '{');
        bool colon = c == ':' && (next == ' ' || next == '\t' || next == '\n' || next == '\r' ||
                                  (in_flow && (next == ',' || next == ']' || next == '}')));
        if (flow_sign || colon || (c == '#' && i > r->at && is_blank(r->p[i - 1]))) {
            break;
        }
        if (!is_blank(c)) {
            end = i + 1;
        }
    }
    return end;
}

/* A plain scalar; in blocks it goes on over lines that are indented deeper than `indent`. */
static struct wr_yaml *parse_plain(struct reader *r, size_t indent, bool in_flow)
{
    size_t end = plain_end(r, in_flow);
    struct wr_yaml *node = new_scalar(r, wr_str_of(r->p + r->at, end - r->at), true);
    struct wr_buf out = wr_buf_in(r->arena, 16);
    if (node == NULL) {
        return NULL;
    }
    wr_buf_str(&out, node->text);
    r->at = end;
    for (;;) {
        struct reader behind = *r;
        skip_spaces(r);
        if (at_end(r) || r->p[r->at] == '#' || (r->p[r->at] != '\n' && r->p[r->at] != '\r')) {
            *r = behind;
            break;
        }
        uint32_t line = r->line;
        bool more = next_content(r) && column_of(r) > indent && r->err == WR_OK;
        size_t next_end = more ? plain_end(r, in_flow) : r->at;
        size_t look = next_end;
        while (look < r->n && is_blank(r->p[look])) {
            look++;
        }
        if (next_end == r->at || (look < r->n && r->p[look] == ':')) {
            *r = behind;
            break;
        }
        wr_buf_char(&out, r->line - line > 1 ? '\n' : ' ');
        wr_buf_add(&out, r->p + r->at, next_end - r->at);
        r->at = next_end;
    }
    node->text = wr_buf_view(&out);
    return node;
}

/* Behind `|` or `>`: keeps or folds lines; `-` drops the last line end, `+` keeps all. */
static struct wr_yaml *parse_block_scalar(struct reader *r, size_t indent)
{
    bool folded = peek(r) == '>';
    char chomp = 0;
    size_t column = 0, blank = 0;
    struct wr_buf out = wr_buf_in(r->arena, 64);
    struct wr_yaml *node = new_scalar(r, WR_STR(""), false);
    for (r->at++; !at_end(r) && !is_blank(peek(r)) && peek(r) != '\n' && peek(r) != '\r'; r->at++) {
        char c = peek(r);
        if (c == '-' || c == '+') {
            chomp = c;
        } else if (c >= '1' && c <= '9') {
            column = indent + (size_t)(c - '0');
        } else {
            return fail(r, "did not find expected comment or line break");
        }
    }
    skip_line(r);
    bool first = true, deeper_before = false;
    while (!at_end(r)) {
        size_t start = r->at;
        skip_spaces(r);
        if (at_end(r) || peek(r) == '\n') {
            blank++;
            skip_line(r);
            continue;
        }
        size_t here = r->at - start;
        column = column == 0 ? here : column;
        if (here < column || (first && column <= indent && indent != SIZE_MAX)) {
            r->at = start;
            break;
        }
        size_t text = start + column;
        bool deeper = is_blank(r->p[text]);
        if (!first) {
            bool fold = folded && !deeper && !deeper_before;
            wr_buf_str(&out, !fold ? WR_STR("\n") : blank == 0 ? WR_STR(" ") : WR_STR(""));
        }
        for (; blank > 0; blank--) {
            wr_buf_char(&out, '\n');
        }
        size_t end = text;
        while (end < r->n && r->p[end] != '\n') {
            end++;
        }
        wr_buf_add(&out, r->p + text, end - text);
        r->at = end;
        skip_line(r);
        first = false;
        deeper_before = deeper;
    }
    if (!first && chomp != '-') {
        wr_buf_char(&out, '\n');
    }
    for (; chomp == '+' && blank > 0; blank--) {
        wr_buf_char(&out, '\n');
    }
    if (node != NULL) {
        node->text = wr_buf_view(&out);
    }
    return node;
}

/* ── flow collections ───────────────────────────────────────────────────────────────────────── */

static struct wr_yaml *empty_scalar(struct reader *r)
{
    return new_scalar(r, WR_STR(""), true);
}

static bool parse_flow_pair(struct reader *r, struct wr_yaml *map)
{
    struct wr_yaml *key = parse_inline(r, 0, true), *value = NULL;
    if (key == NULL || !next_content(r)) {
        return fail(r, "did not find expected ',' or '}'") != NULL;
    }
    if (peek(r) == ':') {
        r->at++;
        if (!next_content(r)) {
            return fail(r, "did not find expected node content") != NULL;
        }
        bool none = peek(r) == ',' || peek(r) == '}';
        value = none ? empty_scalar(r) : parse_inline(r, 0, true);
    } else {
        value = empty_scalar(r);
    }
    return append(r, map, key, (size_t)2 * map->n) &&
           append(r, map, value, (size_t)2 * map->n + 1) && ++map->n > 0;
}

static struct wr_yaml *parse_flow(struct reader *r)
{
    bool is_map = peek(r) == '{';
    char close = is_map ? '}' : ']';
    struct wr_yaml *node = new_node(r, is_map ? WR_YAML_MAP : WR_YAML_LIST);
    if (node == NULL || r->depth >= WR_LIMIT_YAML_DEPTH) {
        return fail(r, "nested deeper than WR_LIMIT_YAML_DEPTH (32)");
    }
    r->depth++;
    r->at++;
    for (;;) {
        if (!next_content(r)) {
            return fail(r, "did not find expected ',' or closing bracket");
        }
        if (peek(r) == close) {
            r->at++;
            r->depth--;
            return node;
        }
        if (is_map ? !parse_flow_pair(r, node)
                   : !append(r, node, parse_inline(r, 0, true), node->n) || ++node->n == 0) {
            return NULL;
        }
        if (!next_content(r) || (peek(r) != ',' && peek(r) != close)) {
            return fail(r, "did not find expected ',' or closing bracket");
        }
        if (peek(r) == ',') {
            r->at++;
        }
    }
}

/* ── blocks ─────────────────────────────────────────────────────────────────────────────────── */

static bool ends_word(char c)
{
    return is_blank(c) || c == '\n' || c == '\r';
}

/* A node that begins on this line and is no block mapping or sequence. */
static struct wr_yaml *parse_inline(struct reader *r, size_t indent, bool in_flow)
{
    char c = peek(r);
    switch (c) {
    case '{':
    case '[':
        return parse_flow(r);
    case '"':
    case '\'':
        return parse_quoted(r);
    case '|':
    case '>':
        return in_flow ? fail(r, "found character that cannot start any token")
                       : parse_block_scalar(r, indent);
    case '&':
    case '*':
    case '!':
        return fail(r, "anchors, aliases and tags are not read in annotations");
    case '@':
    case '`':
    case '%':
    case ']':
    case '}':
    case ',':
        return fail(r, "found character that cannot start any token");
    case '?':
    case '-':
    case ':':
        if (ends_word(peek_at(r, 1))) {
            return fail(r, "block sequence or complex key is not allowed in this context");
        }
        break;
    default:
        break;
    }
    return parse_plain(r, indent, in_flow);
}

/* After `key:` or `-`: what stands on the line, or the deeper block below, or nothing. */
static struct wr_yaml *parse_child(struct reader *r, size_t column, bool of_map)
{
    uint32_t line = r->line;
    if (!next_content(r)) {
        return empty_scalar(r);
    }
    if (r->line == line) {
        return of_map ? parse_inline(r, column, false) : parse_block(r, column_of(r));
    }
    size_t here = column_of(r);
    bool list_of_map = of_map && here == column && peek(r) == '-' && ends_word(peek_at(r, 1));
    if (here > column || list_of_map) {
        return parse_block(r, here);
    }
    return empty_scalar(r);
}

/* Is the next content one more entry of the block at `column`? Deeper content is an error. */
static bool goes_on(struct reader *r, size_t column, uint32_t line)
{
    if (r->err != WR_OK || !next_content(r)) {
        return false;
    }
    size_t here = column_of(r);
    if (peek(r) == ':' && ends_word(peek_at(r, 1))) {
        fail(r, "mapping values are not allowed in this context");
        return false;
    }
    if (r->line == line || here > column) {
        fail(r, "did not find expected key or line end");
        return false;
    }
    return here == column;
}

static struct wr_yaml *parse_list(struct reader *r, size_t column)
{
    struct wr_yaml *list = new_node(r, WR_YAML_LIST);
    while (list != NULL) {
        if (peek(r) != '-' || !ends_word(peek_at(r, 1))) {
            break; /* a key of the mapping that holds this list at the same column */
        }
        r->at++;
        struct wr_yaml *item = parse_child(r, column, false);
        if (!append(r, list, item, list->n)) {
            return NULL;
        }
        list->n++;
        if (!goes_on(r, column, item->line == r->line ? r->line : 0)) {
            break;
        }
    }
    return r->err == WR_OK ? list : NULL;
}

static struct wr_yaml *parse_map(struct reader *r, size_t column, struct wr_yaml *key)
{
    struct wr_yaml *map = new_node(r, WR_YAML_MAP);
    while (map != NULL) {
        skip_spaces(r);
        if (peek(r) != ':' || !ends_word(peek_at(r, 1))) {
            r->line++; /* it is missed on the next line */
            return fail(r, "could not find expected ':'");
        }
        r->at++;
        uint32_t line = r->line;
        struct wr_yaml *value = parse_child(r, column, true);
        if (!append(r, map, key, (size_t)2 * map->n) ||
            !append(r, map, value, (size_t)2 * map->n + 1)) {
            return NULL;
        }
        map->n++;
        bool same_line = r->line == line && value->kind != WR_YAML_MAP;
        if (!goes_on(r, column, same_line ? line : 0)) {
            break;
        }
        if (peek(r) == '-' && ends_word(peek_at(r, 1))) {
            return fail(r, "did not find expected key");
        }
        key = peek(r) == '"' || peek(r) == '\'' ? parse_quoted(r) : parse_inline(r, column, false);
        if (key == NULL || key->kind != WR_YAML_SCALAR) {
            return fail(r, "did not find expected key");
        }
    }
    return r->err == WR_OK ? map : NULL;
}

/* The node whose first character is at `column` of this line. */
static struct wr_yaml *parse_block(struct reader *r, size_t column)
{
    if (r->depth >= WR_LIMIT_YAML_DEPTH) {
        return fail(r, "nested deeper than WR_LIMIT_YAML_DEPTH (32)");
    }
    r->depth++;
    struct wr_yaml *node;
    if (peek(r) == '-' && ends_word(peek_at(r, 1))) {
        node = parse_list(r, column);
    } else {
        uint32_t line = r->line;
        node = parse_inline(r, column == 0 ? SIZE_MAX : column - 1, false);
        struct reader behind = *r;
        skip_spaces(r);
        if (node != NULL && node->kind == WR_YAML_SCALAR && r->line == line && peek(r) == ':' &&
            ends_word(peek_at(r, 1)) && !at_end(r)) {
            node = parse_map(r, column, node);
        } else {
            *r = behind;
        }
    }
    r->depth--;
    return node;
}

wr_err wr_yaml_read(struct wr_arena *arena, struct wr_str text, struct wr_yaml **out,
                    struct wr_yaml_error *error)
{
    struct reader r = {.arena = arena, .p = text.p, .n = text.n, .line = 1, .error = error};
    *error = (struct wr_yaml_error){0};
    if (text.n >= 3 && memcmp(text.p, "---", 3) == 0 && (text.n == 3 || ends_word(text.p[3]))) {
        r.at = 3;
    }
    struct wr_yaml *node = next_content(&r) ? parse_block(&r, column_of(&r)) : empty_scalar(&r);
    if (node != NULL && r.err == WR_OK && next_content(&r)) {
        fail(&r, "did not find expected <document start>");
    }
    *out = node;
    return r.err;
}
