/* SPDX-License-Identifier: Apache-2.0 */
/* Line by line with an explicit column for each block; recursion is bounded by WR_LIMIT_YAML_DEPTH.
 */
#include "rego/yaml_reader.h"
#include "rego/yaml_text.h"

/* What stands before a node. */
struct properties {
    struct wr_str anchor, tag;
};

/* `least`: the column from which on lines belong to the node. */
static struct wr_yaml *parse_block(struct yaml_reader *r, size_t column, size_t least);
static struct wr_yaml *parse_inline(struct yaml_reader *r, size_t least, bool in_flow);

/* ── anchors, aliases and tags ──────────────────────────────────────────────────────────────── */

static bool is_name(char c)
{
    char lower = (char)(c | ('a' - 'A'));
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool take_name(struct yaml_reader *r, struct wr_str *name)
{
    size_t from = ++r->at;
    while (is_name(wr_yaml_peek(r))) {
        r->at++;
    }
    *name = wr_str_of(r->p + from, r->at - from);
    char c = wr_yaml_peek(r);
    return name->n > 0 && (wr_yaml_ends_word(c) || memchr("?:,]}%@`", c, 8) != NULL);
}

static bool take_properties(struct yaml_reader *r, bool in_flow, struct properties *out)
{
    while (wr_yaml_peek(r) == '&' || wr_yaml_peek(r) == '!') {
        if ((wr_yaml_peek(r) == '&' ? out->anchor : out->tag).n > 0) {
            return wr_yaml_fail(r, "did not find expected node content") != NULL;
        }
        if (wr_yaml_peek(r) == '&') {
            if (!take_name(r, &out->anchor)) {
                return wr_yaml_fail(r, "did not find expected alphabetic or numeric character") !=
                       NULL;
            }
        } else {
            size_t from = r->at;
            while (!wr_yaml_ends_word(wr_yaml_peek(r)) &&
                   !(in_flow && memchr(",]}", wr_yaml_peek(r), 3) != NULL)) {
                r->at++;
            }
            out->tag = wr_str_of(r->p + from, r->at - from);
        }
        wr_yaml_skip_spaces(r);
    }
    return true;
}

/* Properties behind which the line ends: they belong to what stands below. */
static bool take_properties_line(struct yaml_reader *r, struct properties *out)
{
    struct yaml_reader ahead = *r;
    if ((wr_yaml_peek(r) != '&' && wr_yaml_peek(r) != '!') ||
        !take_properties(&ahead, false, out) ||
        !(wr_yaml_at_end(&ahead) || wr_yaml_peek(&ahead) == '#' ||
          wr_yaml_ends_word(wr_yaml_peek(&ahead)))) {
        *out = (struct properties){0};
        return false;
    }
    *r = ahead;
    return true;
}

/* A scalar is what its tag says or refused; tags of an application make it a text. */
static bool put_tag(struct yaml_reader *r, struct wr_str tag, struct wr_yaml *node)
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
        return wr_yaml_fail(r, "!!binary and !!timestamp are not read") != NULL;
    }
    node->plain = wr_str_eq(tag, WR_STR("int")) || wr_str_eq(tag, WR_STR("float")) ||
                  wr_str_eq(tag, WR_STR("bool")) || wr_str_eq(tag, WR_STR("null"));
    struct wr_str is = wr_str_z(wr_yaml_tag(node));
    bool widened = wr_str_eq(tag, WR_STR("float")) && wr_str_eq(is, WR_STR("int"));
    return !node->plain || wr_str_eq(tag, is) || widened ||
           wr_yaml_fail(r, "cannot decode a scalar as its tag says") != NULL;
}

static struct wr_yaml *put_properties(struct yaml_reader *r, const struct properties *p,
                                      struct wr_yaml *node)
{
    if (node == NULL || (p->tag.n > 0 && !put_tag(r, p->tag, node))) {
        return NULL;
    }
    if (p->anchor.n == 0) {
        return node;
    }
    struct yaml_anchor *anchor = WR_NEW(r->arena, struct yaml_anchor);
    if (anchor == NULL) {
        wr_yaml_fail(r, "out of memory");
        r->err = WR_E_MEMORY;
        return NULL;
    }
    if (r->n_anchors++ == WR_LIMIT_YAML_ANCHORS) {
        return wr_yaml_fail(r, "more anchors than WR_LIMIT_YAML_ANCHORS (256)");
    }
    *anchor = (struct yaml_anchor){p->anchor, node, r->anchors};
    r->anchors = anchor;
    return node;
}

/* Properties and their node on the same line. */
static struct wr_yaml *parse_marked(struct yaml_reader *r, size_t least, bool in_flow)
{
    struct properties p = {0};
    if (!take_properties(r, in_flow, &p)) {
        return NULL;
    }
    bool more = in_flow ? wr_yaml_next_content(r)
                        : !wr_yaml_at_end(r) && !wr_yaml_ends_word(wr_yaml_peek(r));
    bool none = !more || (in_flow && memchr(",:]}", wr_yaml_peek(r), 4) != NULL) ||
                (wr_yaml_peek(r) == ':' && wr_yaml_ends_word(wr_yaml_peek_at(r, 1)));
    if (!none && wr_yaml_peek(r) == '*') {
        return wr_yaml_fail(r, "did not find expected node content");
    }
    return put_properties(r, &p, none ? wr_yaml_new_empty(r) : parse_inline(r, least, in_flow));
}

static struct wr_yaml *parse_alias(struct yaml_reader *r)
{
    struct wr_str name;
    if (!take_name(r, &name)) {
        return wr_yaml_fail(r, "did not find expected alphabetic or numeric character");
    }
    const struct yaml_anchor *anchor = r->anchors;
    while (anchor != NULL && !wr_str_eq(anchor->name, name)) {
        anchor = anchor->next;
    }
    struct wr_yaml *copy = anchor != NULL ? wr_yaml_new_node(r, WR_YAML_SCALAR) : NULL;
    if (copy == NULL) {
        return wr_yaml_fail(r, "unknown anchor referenced");
    }
    *copy = *anchor->node;
    copy->line = r->line;
    if (copy->size > WR_LIMIT_YAML_ALIASED - r->n_aliased) {
        return wr_yaml_fail(r,
                            "document contains excessive aliasing (WR_LIMIT_YAML_ALIASED, 100000)");
    }
    r->n_aliased += copy->size;
    if (r->depth + copy->height > WR_LIMIT_YAML_DEPTH) {
        return wr_yaml_fail(r, "nested deeper than WR_LIMIT_YAML_DEPTH (32)");
    }
    return copy;
}

/* ── flow collections ───────────────────────────────────────────────────────────────────────── */

static bool parse_flow_pair(struct yaml_reader *r, struct wr_yaml *map)
{
    struct wr_yaml *key = parse_inline(r, 0, true), *value = NULL;
    if (key == NULL || !wr_yaml_next_content(r)) {
        return wr_yaml_fail(r, "did not find expected ',' or '}'") != NULL;
    }
    if (wr_yaml_peek(r) == ':') {
        r->at++;
        if (!wr_yaml_next_content(r)) {
            return wr_yaml_fail(r, "did not find expected node content") != NULL;
        }
        bool none = wr_yaml_peek(r) == ',' || wr_yaml_peek(r) == '}';
        value = none ? wr_yaml_new_empty(r) : parse_inline(r, 0, true);
    } else {
        value = wr_yaml_new_empty(r);
    }
    return wr_yaml_append(r, map, key, (size_t)2 * map->n) &&
           wr_yaml_append(r, map, value, (size_t)2 * map->n + 1) && ++map->n > 0;
}

static struct wr_yaml *parse_flow(struct yaml_reader *r)
{
    bool is_map = wr_yaml_peek(r) == '{';
    char close = is_map ? '}' : ']';
    struct wr_yaml *node = wr_yaml_new_node(r, is_map ? WR_YAML_MAP : WR_YAML_LIST);
    if (node == NULL || r->depth >= WR_LIMIT_YAML_DEPTH) {
        return wr_yaml_fail(r, "nested deeper than WR_LIMIT_YAML_DEPTH (32)");
    }
    r->depth++;
    r->at++;
    for (;;) {
        if (!wr_yaml_next_content(r)) {
            return wr_yaml_fail(r, "did not find expected ',' or closing bracket");
        }
        if (wr_yaml_peek(r) == close) {
            r->at++;
            r->depth--;
            return node;
        }
        if (is_map
                ? !parse_flow_pair(r, node)
                : !wr_yaml_append(r, node, parse_inline(r, 0, true), node->n) || ++node->n == 0) {
            return NULL;
        }
        if (!wr_yaml_next_content(r) || (wr_yaml_peek(r) != ',' && wr_yaml_peek(r) != close)) {
            return wr_yaml_fail(r, "did not find expected ',' or closing bracket");
        }
        if (wr_yaml_peek(r) == ',') {
            r->at++;
        }
    }
}

/* ── blocks ─────────────────────────────────────────────────────────────────────────────────── */

/* A node that begins on this line and is no block mapping or sequence. */
static struct wr_yaml *parse_inline(struct yaml_reader *r, size_t least, bool in_flow)
{
    char c = wr_yaml_peek(r);
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
        return wr_yaml_quoted(r);
    case '|':
    case '>':
        return in_flow ? wr_yaml_fail(r, "found character that cannot start any token")
                       : wr_yaml_block_scalar(r, least);
    case '@':
    case '`':
    case '%':
    case ']':
    case '}':
    case ',':
        return wr_yaml_fail(r, "found character that cannot start any token");
    case '?':
    case '-':
    case ':':
        if (wr_yaml_ends_word(wr_yaml_peek_at(r, 1))) {
            return wr_yaml_fail(r, "block sequence or complex key is not allowed in this context");
        }
        break;
    default:
        break;
    }
    return wr_yaml_plain(r, least, in_flow);
}

/* After `key:` or `-`: what stands on the line, or the deeper block below, or nothing. */
static struct wr_yaml *parse_child(struct yaml_reader *r, size_t column, bool of_map)
{
    uint32_t line = r->line;
    struct properties p = {0};
    struct wr_yaml *node;
    wr_yaml_skip_spaces(r);
    take_properties_line(r, &p);
    if (!wr_yaml_next_content(r)) {
        return put_properties(r, &p, wr_yaml_new_empty(r));
    }
    if (r->line == line) {
        return of_map ? parse_inline(r, column + 1, false)
                      : parse_block(r, wr_yaml_column(r), column + 1);
    }
    size_t here = wr_yaml_column(r);
    bool list_of_map = of_map && here == column && wr_yaml_peek(r) == '-' &&
                       wr_yaml_ends_word(wr_yaml_peek_at(r, 1));
    node = here > column || list_of_map ? parse_block(r, here, column + 1) : wr_yaml_new_empty(r);
    return put_properties(r, &p, node);
}

/* Is the next content one more entry of the block at `column`? Deeper content is an error. */
static bool goes_on(struct yaml_reader *r, size_t column, uint32_t line)
{
    if (r->err != WR_OK || !wr_yaml_next_content(r) || wr_yaml_at_mark(r)) {
        return false;
    }
    size_t here = wr_yaml_column(r);
    if (wr_yaml_peek(r) == ':' && wr_yaml_ends_word(wr_yaml_peek_at(r, 1))) {
        wr_yaml_fail(r, "mapping values are not allowed in this context");
        return false;
    }
    if (r->line == line || here > column) {
        wr_yaml_fail(r, "did not find expected key or line end");
        return false;
    }
    return here == column;
}

static struct wr_yaml *parse_list(struct yaml_reader *r, size_t column)
{
    struct wr_yaml *list = wr_yaml_new_node(r, WR_YAML_LIST);
    while (list != NULL) {
        if (wr_yaml_peek(r) != '-' || !wr_yaml_ends_word(wr_yaml_peek_at(r, 1))) {
            break; /* a key of the mapping that holds this list at the same column */
        }
        r->at++;
        struct wr_yaml *item = parse_child(r, column, false);
        if (!wr_yaml_append(r, list, item, list->n)) {
            return NULL;
        }
        list->n++;
        if (!goes_on(r, column, item->line == r->line ? r->line : 0)) {
            break;
        }
    }
    return r->err == WR_OK ? list : NULL;
}

static bool at_sign(const struct yaml_reader *r, char sign)
{
    return wr_yaml_peek(r) == sign && wr_yaml_ends_word(wr_yaml_peek_at(r, 1));
}

/* Behind "? ": a key of any length, and behind the ":" below it its value. */
static struct wr_yaml *parse_explicit(struct yaml_reader *r, size_t column, struct wr_yaml **key)
{
    r->at++;
    *key = parse_child(r, column, false);
    if (*key != NULL && (*key)->kind != WR_YAML_SCALAR) {
        return wr_yaml_fail(r, "invalid map key");
    }
    if (*key == NULL || !wr_yaml_next_content(r) || wr_yaml_column(r) != column ||
        !at_sign(r, ':')) {
        return *key == NULL ? NULL : wr_yaml_new_empty(r);
    }
    r->at++;
    wr_yaml_skip_spaces(r);
    return parse_child(r, column, wr_yaml_at_end(r) || wr_yaml_ends_word(wr_yaml_peek(r)));
}

/* Behind a key that stands on one line with its ":". */
static struct wr_yaml *parse_value(struct yaml_reader *r, size_t column)
{
    wr_yaml_skip_spaces(r);
    if (!at_sign(r, ':')) {
        r->line++; /* it is missed on the next line */
        return wr_yaml_fail(r, "could not find expected ':'");
    }
    r->at++;
    return parse_child(r, column, true);
}

/* From the first key on, which is read already, or from its "?" (NULL). */
static struct wr_yaml *parse_map(struct yaml_reader *r, size_t column, struct wr_yaml *key)
{
    struct wr_yaml *map = wr_yaml_new_node(r, WR_YAML_MAP);
    while (map != NULL) {
        uint32_t line = r->line;
        struct wr_yaml *value =
            key == NULL ? parse_explicit(r, column, &key) : parse_value(r, column);
        if (value == NULL || !wr_yaml_append(r, map, key, (size_t)2 * map->n) ||
            !wr_yaml_append(r, map, value, (size_t)2 * map->n + 1)) {
            return NULL;
        }
        map->n++;
        bool same_line = r->line == line && value->kind != WR_YAML_MAP;
        if (!goes_on(r, column, same_line ? line : 0)) {
            break;
        }
        if (at_sign(r, '-')) {
            return wr_yaml_fail(r, "did not find expected key");
        }
        key = at_sign(r, '?') ? NULL : parse_inline(r, column + 1, false);
        if (r->err != WR_OK || (key != NULL && key->kind != WR_YAML_SCALAR)) {
            return wr_yaml_fail(r, "did not find expected key");
        }
    }
    return r->err == WR_OK ? map : NULL;
}

/* The node whose first character is at `column` of this line. */
static struct wr_yaml *parse_block(struct yaml_reader *r, size_t column, size_t least)
{
    struct properties p = {0};
    if (r->depth >= WR_LIMIT_YAML_DEPTH) {
        return wr_yaml_fail(r, "nested deeper than WR_LIMIT_YAML_DEPTH (32)");
    }
    r->depth++;
    struct wr_yaml *node;
    if (take_properties_line(r, &p)) {
        bool more = wr_yaml_next_content(r) && wr_yaml_column(r) >= least;
        node = more ? parse_block(r, wr_yaml_column(r), least) : wr_yaml_new_empty(r);
        node = put_properties(r, &p, node);
    } else if (at_sign(r, '-')) {
        node = parse_list(r, column);
    } else if (at_sign(r, '?')) {
        node = parse_map(r, column, NULL);
    } else {
        uint32_t line = r->line;
        node = parse_inline(r, least, false);
        struct yaml_reader behind = *r;
        wr_yaml_skip_spaces(r);
        if (node != NULL && node->kind == WR_YAML_SCALAR && r->line == line &&
            wr_yaml_peek(r) == ':' && wr_yaml_ends_word(wr_yaml_peek_at(r, 1)) &&
            !wr_yaml_at_end(r)) {
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
    struct yaml_reader r = {.arena = arena, .error = error};
    *out = NULL;
    *error = (struct wr_yaml_error){0};
    if (!wr_yaml_text(arena, text, &text)) {
        wr_yaml_fail(&r, "control characters are not allowed");
        return r.err;
    }
    if (text.p == NULL && wr_arena_failed(arena)) {
        return WR_E_MEMORY;
    }
    r.p = text.p;
    r.n = text.n;
    r.line = 1;
    if (text.n >= 3 && memcmp(text.p, "---", 3) == 0 &&
        (text.n == 3 || wr_yaml_ends_word(text.p[3]))) {
        r.at = 3;
    }
    struct wr_yaml *node =
        wr_yaml_next_content(&r) ? parse_block(&r, wr_yaml_column(&r), 0) : wr_yaml_new_empty(&r);
    if (node != NULL && r.err == WR_OK && wr_yaml_next_content(&r) && !wr_yaml_at_mark(&r)) {
        wr_yaml_fail(&r, "did not find expected <document start>");
    }
    *out = node;
    return r.err;
}
