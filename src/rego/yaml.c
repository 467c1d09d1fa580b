/* SPDX-License-Identifier: Apache-2.0 */
/* Line by line with an explicit column for each block; recursion is bounded by WR_LIMIT_YAML_DEPTH.
 */
#include "rego/yaml.h"
#include "rego/yaml_text.h"

struct reader {
    struct wr_arena *arena;
    const char *p;
    size_t n, at;
    uint32_t line;
    uint32_t depth;
    uint32_t n_anchors, n_aliased;
    const struct anchor *anchors; /* the last one first */
    struct wr_yaml_error *error;
    wr_err err;
};

struct anchor {
    struct wr_str name;
    const struct wr_yaml *node;
    const struct anchor *next;
};

/* What stands before a node. */
struct properties {
    struct wr_str anchor, tag;
};

/* `least`: the column from which on lines belong to the node. */
static struct wr_yaml *parse_block(struct reader *r, size_t column, size_t least);
static struct wr_yaml *parse_inline(struct reader *r, size_t least, bool in_flow);

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

static bool ends_word(char c)
{
    return is_blank(c) || c == '\n';
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
        if (r->p[r->at] != '\n' && r->p[r->at] != '#') {
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
    node->size = 1;
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

static struct wr_yaml *empty_scalar(struct reader *r)
{
    return new_scalar(r, WR_STR(""), true);
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
    node->size += item->size;
    node->height = WR_MAX(node->height, item->height + 1);
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

static void add_code_point(struct wr_buf *out, uint32_t code_point)
{
    char bytes[4];
    wr_buf_add(out, bytes, wr_utf8_encode(code_point, bytes));
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
    add_code_point(out, code_point);
    return true;
}

/* Behind a backslash. */
static bool read_escape(struct reader *r, struct wr_buf *out)
{
    static const char from[] = "0abtnvfre \"/\\", to[] = "\0\a\b\t\n\v\f\r\x1b \"/\\";
    char c = peek(r);
    r->at++;
    if (c == '\n') { /* nothing stands for this line end; those behind it stand for themselves */
        for (r->line++, skip_spaces(r); !at_end(r) && peek(r) == '\n'; skip_spaces(r)) {
            wr_buf_char(out, '\n');
            r->line++;
            r->at++;
        }
        return true;
    }
    uint32_t wide = c == 'N' ? 0x85 : c == '_' ? 0xA0 : c == 'L' ? 0x2028 : c == 'P' ? 0x2029 : 0;
    if (wide != 0) {
        add_code_point(out, wide);
        return true;
    }
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

/* A line end within quotes: one becomes a space, n become n - 1 line ends. Blanks before it go, but
 * for what was written as an escape, up to `kept`. */
static void fold_quoted(struct reader *r, struct wr_buf *out, size_t kept)
{
    size_t ends = 0;
    while (out->n > kept && is_blank(out->p[out->n - 1])) {
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
    size_t kept = 0;
    r->at++;
    while (!at_end(r)) {
        char c = r->p[r->at];
        if (c == '\n') {
            fold_quoted(r, &out, kept);
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
            kept = out.n;
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
    for (size_t i = r->at; i < r->n && r->p[i] != '\n'; i++) {
        char c = r->p[i], next = i + 1 < r->n ? r->p[i + 1] : '\n';
        bool flow_sign = in_flow && (c == ',' || c == ']' || c == '}' || c == '[' || c == '{');
        bool colon = c == ':' && (next == ' ' || next == '\t' || next == '\n' ||
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

/* --- or ... at the start of a line */
static bool at_document_mark(const struct reader *r)
{
    return (r->at == 0 || r->p[r->at - 1] == '\n') && r->at + 3 <= r->n &&
           (memcmp(r->p + r->at, "---", 3) == 0 || memcmp(r->p + r->at, "...", 3) == 0) &&
           ends_word(peek_at(r, 3));
}

/* A plain scalar; in blocks it goes on over lines from column `least` on. */
static struct wr_yaml *parse_plain(struct reader *r, size_t least, bool in_flow)
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
        if (at_end(r) || r->p[r->at] != '\n') {
            *r = behind;
            break;
        }
        uint32_t line = r->line;
        bool more = next_content(r) && column_of(r) >= least && !at_document_mark(r);
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
static struct wr_yaml *parse_block_scalar(struct reader *r, size_t least)
{
    bool folded = peek(r) == '>';
    char chomp = 0;
    size_t column = 0, blank = 0;
    struct wr_buf out = wr_buf_in(r->arena, 64);
    struct wr_yaml *node = new_scalar(r, WR_STR(""), false);
    for (r->at++; !at_end(r) && !is_blank(peek(r)) && peek(r) != '\n'; r->at++) {
        char c = peek(r);
        if (c == '-' || c == '+') {
            chomp = c;
        } else if (c >= '1' && c <= '9') {
            column = (least > 0 ? least - 1 : 0) + (size_t)(c - '0');
        } else {
            return fail(r, "did not find expected comment or line break");
        }
    }
    skip_line(r);
    bool first = true, deeper_before = false, ended = false;
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
        if (here < column || (first && column < WR_MAX(least, (size_t)1))) {
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
        ended = end < r->n;
        skip_line(r);
        first = false;
        deeper_before = deeper;
    }
    if (ended && chomp != '-') { /* the last line of the text may have no end */
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

/* ── anchors, aliases and tags ──────────────────────────────────────────────────────────────── */

static bool is_name(char c)
{
    char lower = (char)(c | ('a' - 'A'));
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool take_name(struct reader *r, struct wr_str *name)
{
    size_t from = ++r->at;
    while (is_name(peek(r))) {
        r->at++;
    }
    *name = wr_str_of(r->p + from, r->at - from);
    char c = peek(r);
    return name->n > 0 && (ends_word(c) || memchr("?:,]}%@`", c, 8) != NULL);
}

static bool take_properties(struct reader *r, bool in_flow, struct properties *out)
{
    while (peek(r) == '&' || peek(r) == '!') {
        if ((peek(r) == '&' ? out->anchor : out->tag).n > 0) {
            return fail(r, "did not find expected node content") != NULL;
        }
        if (peek(r) == '&') {
            if (!take_name(r, &out->anchor)) {
                return fail(r, "did not find expected alphabetic or numeric character") != NULL;
            }
        } else {
            size_t from = r->at;
            while (!ends_word(peek(r)) && !(in_flow && memchr(",]}", peek(r), 3) != NULL)) {
                r->at++;
            }
            out->tag = wr_str_of(r->p + from, r->at - from);
        }
        skip_spaces(r);
    }
    return true;
}

/* Properties behind which the line ends: they belong to what stands below. */
static bool take_properties_line(struct reader *r, struct properties *out)
{
    struct reader ahead = *r;
    if ((peek(r) != '&' && peek(r) != '!') || !take_properties(&ahead, false, out) ||
        !(at_end(&ahead) || peek(&ahead) == '#' || ends_word(peek(&ahead)))) {
        *out = (struct properties){0};
        return false;
    }
    *r = ahead;
    return true;
}

/* A scalar is what its tag says or refused; tags of an application make it a text. */
static bool put_tag(struct reader *r, struct wr_str tag, struct wr_yaml *node)
{
    static const char core[] = "tag:yaml.org,2002:";
    if (node->kind != WR_YAML_SCALAR) {
        return true;
    }
    if (wr_str_starts(tag, WR_STR("!<")) && tag.p[tag.n - 1] == '>') {
        tag = wr_str_of(tag.p + 2, tag.n - 3);
    }
    if (wr_str_starts(tag, WR_STR("!!"))) {
        tag = wr_str_of(tag.p + 2, tag.n - 2);
    } else if (wr_str_starts(tag, WR_STR(core))) {
        tag = wr_str_of(tag.p + sizeof core - 1, tag.n - (sizeof core - 1));
    } else {
        tag = WR_STR("str");
    }
    if (wr_str_eq(tag, WR_STR("binary")) || wr_str_eq(tag, WR_STR("timestamp"))) {
        return fail(r, "!!binary and !!timestamp are not read") != NULL;
    }
    node->plain = wr_str_eq(tag, WR_STR("int")) || wr_str_eq(tag, WR_STR("float")) ||
                  wr_str_eq(tag, WR_STR("bool")) || wr_str_eq(tag, WR_STR("null"));
    struct wr_str is = wr_str_z(wr_yaml_tag(node));
    bool widened = wr_str_eq(tag, WR_STR("float")) && wr_str_eq(is, WR_STR("int"));
    return !node->plain || wr_str_eq(tag, is) || widened ||
           fail(r, "cannot decode a scalar as its tag says") != NULL;
}

static struct wr_yaml *put_properties(struct reader *r, const struct properties *p,
                                      struct wr_yaml *node)
{
    if (node == NULL || (p->tag.n > 0 && !put_tag(r, p->tag, node))) {
        return NULL;
    }
    if (p->anchor.n == 0) {
        return node;
    }
    struct anchor *anchor = WR_NEW(r->arena, struct anchor);
    if (anchor == NULL) {
        fail(r, "out of memory");
        r->err = WR_E_MEMORY;
        return NULL;
    }
    if (r->n_anchors++ == WR_LIMIT_YAML_ANCHORS) {
        return fail(r, "more anchors than WR_LIMIT_YAML_ANCHORS (256)");
    }
    *anchor = (struct anchor){p->anchor, node, r->anchors};
    r->anchors = anchor;
    return node;
}

/* Properties and their node on the same line. */
static struct wr_yaml *parse_marked(struct reader *r, size_t least, bool in_flow)
{
    struct properties p = {0};
    if (!take_properties(r, in_flow, &p)) {
        return NULL;
    }
    bool more = in_flow ? next_content(r) : !at_end(r) && !ends_word(peek(r));
    bool none = !more || (in_flow && memchr(",:]}", peek(r), 4) != NULL) ||
                (peek(r) == ':' && ends_word(peek_at(r, 1)));
    if (!none && peek(r) == '*') {
        return fail(r, "did not find expected node content");
    }
    return put_properties(r, &p, none ? empty_scalar(r) : parse_inline(r, least, in_flow));
}

static struct wr_yaml *parse_alias(struct reader *r)
{
    struct wr_str name;
    if (!take_name(r, &name)) {
        return fail(r, "did not find expected alphabetic or numeric character");
    }
    const struct anchor *anchor = r->anchors;
    while (anchor != NULL && !wr_str_eq(anchor->name, name)) {
        anchor = anchor->next;
    }
    struct wr_yaml *copy = anchor != NULL ? new_node(r, WR_YAML_SCALAR) : NULL;
    if (copy == NULL) {
        return fail(r, "unknown anchor referenced");
    }
    *copy = *anchor->node;
    copy->line = r->line;
    if (copy->size > WR_LIMIT_YAML_ALIASED - r->n_aliased) {
        return fail(r, "document contains excessive aliasing (WR_LIMIT_YAML_ALIASED, 100000)");
    }
    r->n_aliased += copy->size;
    if (r->depth + copy->height > WR_LIMIT_YAML_DEPTH) {
        return fail(r, "nested deeper than WR_LIMIT_YAML_DEPTH (32)");
    }
    return copy;
}

/* ── flow collections ───────────────────────────────────────────────────────────────────────── */

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

/* A node that begins on this line and is no block mapping or sequence. */
static struct wr_yaml *parse_inline(struct reader *r, size_t least, bool in_flow)
{
    char c = peek(r);
    switch (c) {
    case '&':
    case '!':
        return parse_marked(r, least, in_flow);
    case '*':
        return parse_alias(r);
    case '{':
    case '[':
        return parse_flow(r);
    case '"':
    case '\'':
        return parse_quoted(r);
    case '|':
    case '>':
        return in_flow ? fail(r, "found character that cannot start any token")
                       : parse_block_scalar(r, least);
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
    return parse_plain(r, least, in_flow);
}

/* After `key:` or `-`: what stands on the line, or the deeper block below, or nothing. */
static struct wr_yaml *parse_child(struct reader *r, size_t column, bool of_map)
{
    uint32_t line = r->line;
    struct properties p = {0};
    struct wr_yaml *node;
    skip_spaces(r);
    take_properties_line(r, &p);
    if (!next_content(r)) {
        return put_properties(r, &p, empty_scalar(r));
    }
    if (r->line == line) {
        return of_map ? parse_inline(r, column + 1, false)
                      : parse_block(r, column_of(r), column + 1);
    }
    size_t here = column_of(r);
    bool list_of_map = of_map && here == column && peek(r) == '-' && ends_word(peek_at(r, 1));
    node = here > column || list_of_map ? parse_block(r, here, column + 1) : empty_scalar(r);
    return put_properties(r, &p, node);
}

/* Is the next content one more entry of the block at `column`? Deeper content is an error. */
static bool goes_on(struct reader *r, size_t column, uint32_t line)
{
    if (r->err != WR_OK || !next_content(r) || at_document_mark(r)) {
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

static bool at_sign(const struct reader *r, char sign)
{
    return peek(r) == sign && ends_word(peek_at(r, 1));
}

/* Behind "? ": a key of any length, and behind the ":" below it its value. */
static struct wr_yaml *parse_explicit(struct reader *r, size_t column, struct wr_yaml **key)
{
    r->at++;
    *key = parse_child(r, column, false);
    if (*key != NULL && (*key)->kind != WR_YAML_SCALAR) {
        return fail(r, "invalid map key");
    }
    if (*key == NULL || !next_content(r) || column_of(r) != column || !at_sign(r, ':')) {
        return *key == NULL ? NULL : empty_scalar(r);
    }
    r->at++;
    skip_spaces(r);
    return parse_child(r, column, at_end(r) || ends_word(peek(r)));
}

/* Behind a key that stands on one line with its ":". */
static struct wr_yaml *parse_value(struct reader *r, size_t column)
{
    skip_spaces(r);
    if (!at_sign(r, ':')) {
        r->line++; /* it is missed on the next line */
        return fail(r, "could not find expected ':'");
    }
    r->at++;
    return parse_child(r, column, true);
}

/* From the first key on, which is read already, or from its "?" (NULL). */
static struct wr_yaml *parse_map(struct reader *r, size_t column, struct wr_yaml *key)
{
    struct wr_yaml *map = new_node(r, WR_YAML_MAP);
    while (map != NULL) {
        uint32_t line = r->line;
        struct wr_yaml *value =
            key == NULL ? parse_explicit(r, column, &key) : parse_value(r, column);
        if (value == NULL || !append(r, map, key, (size_t)2 * map->n) ||
            !append(r, map, value, (size_t)2 * map->n + 1)) {
            return NULL;
        }
        map->n++;
        bool same_line = r->line == line && value->kind != WR_YAML_MAP;
        if (!goes_on(r, column, same_line ? line : 0)) {
            break;
        }
        if (at_sign(r, '-')) {
            return fail(r, "did not find expected key");
        }
        key = at_sign(r, '?') ? NULL : parse_inline(r, column + 1, false);
        if (r->err != WR_OK || (key != NULL && key->kind != WR_YAML_SCALAR)) {
            return fail(r, "did not find expected key");
        }
    }
    return r->err == WR_OK ? map : NULL;
}

/* The node whose first character is at `column` of this line. */
static struct wr_yaml *parse_block(struct reader *r, size_t column, size_t least)
{
    struct properties p = {0};
    if (r->depth >= WR_LIMIT_YAML_DEPTH) {
        return fail(r, "nested deeper than WR_LIMIT_YAML_DEPTH (32)");
    }
    r->depth++;
    struct wr_yaml *node;
    if (take_properties_line(r, &p)) {
        bool more = next_content(r) && column_of(r) >= least;
        node = more ? parse_block(r, column_of(r), least) : empty_scalar(r);
        node = put_properties(r, &p, node);
    } else if (at_sign(r, '-')) {
        node = parse_list(r, column);
    } else if (at_sign(r, '?')) {
        node = parse_map(r, column, NULL);
    } else {
        uint32_t line = r->line;
        node = parse_inline(r, least, false);
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
    struct reader r = {.arena = arena, .error = error};
    *out = NULL;
    *error = (struct wr_yaml_error){0};
    if (!wr_yaml_text(arena, text, &text)) {
        fail(&r, "control characters are not allowed");
        return r.err;
    }
    if (text.p == NULL && wr_arena_failed(arena)) {
        return WR_E_MEMORY;
    }
    r.p = text.p;
    r.n = text.n;
    r.line = 1;
    if (text.n >= 3 && memcmp(text.p, "---", 3) == 0 && (text.n == 3 || ends_word(text.p[3]))) {
        r.at = 3;
    }
    struct wr_yaml *node = next_content(&r) ? parse_block(&r, column_of(&r), 0) : empty_scalar(&r);
    if (node != NULL && r.err == WR_OK && next_content(&r) && !at_document_mark(&r)) {
        fail(&r, "did not find expected <document start>");
    }
    *out = node;
    return r.err;
}
