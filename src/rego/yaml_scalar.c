/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars: quoted, plain, literal and folded. */
#include "rego/yaml_reader.h"

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

static bool read_code_point(struct yaml_reader *r, unsigned digits, struct wr_buf *out)
{
    uint32_t code_point = 0;
    for (unsigned i = 0; i < digits; i++) {
        int digit = hex_value(wr_yaml_peek(r));
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
static bool read_escape(struct yaml_reader *r, struct wr_buf *out)
{
    static const char from[] = "0abtnvfre \"/\\", to[] = "\0\a\b\t\n\v\f\r\x1b \"/\\";
    char c = wr_yaml_peek(r);
    r->at++;
    if (c == '\n') { /* nothing stands for this line end; those behind it stand for themselves */
        for (r->line++, wr_yaml_skip_spaces(r); !wr_yaml_at_end(r) && wr_yaml_peek(r) == '\n';
             wr_yaml_skip_spaces(r)) {
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
static void fold_quoted(struct yaml_reader *r, struct wr_buf *out, size_t kept)
{
    size_t ends = 0;
    while (out->n > kept && wr_yaml_is_blank(out->p[out->n - 1])) {
        out->n--;
    }
    while (!wr_yaml_at_end(r) && (wr_yaml_is_blank(r->p[r->at]) || r->p[r->at] == '\n')) {
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

struct wr_yaml *wr_yaml_quoted(struct yaml_reader *r)
{
    char quote = wr_yaml_peek(r);
    struct wr_buf out = wr_buf_in(r->arena, 32);
    size_t kept = 0;
    r->at++;
    while (!wr_yaml_at_end(r)) {
        char c = r->p[r->at];
        if (c == '\n') {
            fold_quoted(r, &out, kept);
            continue;
        }
        r->at++;
        if (c == quote && quote == '\'' && !wr_yaml_at_end(r) && r->p[r->at] == '\'') {
            r->at++;
            wr_buf_char(&out, '\'');
        } else if (c == quote) {
            return wr_yaml_new_scalar(r, wr_buf_view(&out), false);
        } else if (c == '\\' && quote == '"') {
            if (!read_escape(r, &out)) {
                return wr_yaml_fail(r, "found unknown escape character");
            }
            kept = out.n;
        } else {
            wr_buf_char(&out, c);
        }
    }
    return wr_yaml_fail(r, "found unexpected end of stream");
}

/* Where a plain scalar ends on this line; trailing blanks excluded. */
static size_t plain_end(const struct yaml_reader *r, bool in_flow)
{
    size_t end = r->at;
    for (size_t i = r->at; i < r->n && r->p[i] != '\n'; i++) {
        char c = r->p[i], next = i + 1 < r->n ? r->p[i + 1] : '\n';
        bool flow_sign = in_flow && (c == ',' || c == ']' || c == '}' || c == '[' || c == '{');
        bool colon = c == ':' && (next == ' ' || next == '\t' || next == '\n' ||
                                  (in_flow && (next == ',' || next == ']' || next == '}')));
        if (flow_sign || colon || (c == '#' && i > r->at && wr_yaml_is_blank(r->p[i - 1]))) {
            break;
        }
        if (!wr_yaml_is_blank(c)) {
            end = i + 1;
        }
    }
    return end;
}

struct wr_yaml *wr_yaml_plain(struct yaml_reader *r, size_t least, bool in_flow)
{
    size_t end = plain_end(r, in_flow);
    struct wr_yaml *node = wr_yaml_new_scalar(r, wr_str_of(r->p + r->at, end - r->at), true);
    struct wr_buf out = wr_buf_in(r->arena, 16);
    if (node == NULL) {
        return NULL;
    }
    wr_buf_str(&out, node->text);
    r->at = end;
    for (;;) {
        struct yaml_reader behind = *r;
        wr_yaml_skip_spaces(r);
        if (wr_yaml_at_end(r) || r->p[r->at] != '\n') {
            *r = behind;
            break;
        }
        uint32_t line = r->line;
        bool more = wr_yaml_next_content(r) && wr_yaml_column(r) >= least && !wr_yaml_at_mark(r);
        size_t next_end = more ? plain_end(r, in_flow) : r->at;
        size_t look = next_end;
        while (look < r->n && wr_yaml_is_blank(r->p[look])) {
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

struct wr_yaml *wr_yaml_block_scalar(struct yaml_reader *r, size_t least)
{
    bool folded = wr_yaml_peek(r) == '>';
    char chomp = 0;
    size_t column = 0, blank = 0;
    struct wr_buf out = wr_buf_in(r->arena, 64);
    struct wr_yaml *node = wr_yaml_new_scalar(r, WR_STR(""), false);
    for (r->at++;
         !wr_yaml_at_end(r) && !wr_yaml_is_blank(wr_yaml_peek(r)) && wr_yaml_peek(r) != '\n';
         r->at++) {
        char c = wr_yaml_peek(r);
        if (c == '-' || c == '+') {
            chomp = c;
        } else if (c >= '1' && c <= '9') {
            column = (least > 0 ? least - 1 : 0) + (size_t)(c - '0');
        } else {
            return wr_yaml_fail(r, "did not find expected comment or line break");
        }
    }
    wr_yaml_skip_line(r);
    bool first = true, deeper_before = false, ended = false;
    while (!wr_yaml_at_end(r)) {
        size_t start = r->at;
        wr_yaml_skip_spaces(r);
        if (wr_yaml_at_end(r) || wr_yaml_peek(r) == '\n') {
            blank++;
            wr_yaml_skip_line(r);
            continue;
        }
        size_t here = r->at - start;
        column = column == 0 ? here : column;
        if (here < column || (first && column < WR_MAX(least, (size_t)1))) {
            r->at = start;
            break;
        }
        size_t text = start + column;
        bool deeper = wr_yaml_is_blank(r->p[text]);
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
        wr_yaml_skip_line(r);
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
