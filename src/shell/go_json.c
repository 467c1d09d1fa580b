/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/go_json.h"

enum expect { WANT_VALUE, WANT_VALUE_OR_END, WANT_KEY, WANT_KEY_OR_END, WANT_COLON, WANT_NEXT };

struct scan {
    struct wr_str text;
    size_t at;
    bool in_object[WR_LIMIT_GO_JSON_DEPTH];
    uint32_t depth;
    const char *context; /* of the bad character; NULL: the text ends too early */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(const struct scan *s)
{
    return s->at < s->text.n && s->text.p[s->at] >= '0' && s->text.p[s->at] <= '9';
}

/* The character at hand is wrong here, or there is none. */
static bool bad(struct scan *s, const char *context)
{
    s->context = s->at < s->text.n ? context : NULL;
    return false;
}

static bool scan_escape(struct scan *s)
{
    char c = s->at < s->text.n ? s->text.p[s->at] : 0;
    if (c == 0 || memchr("\"\\/bfnrtu", c, 9) == NULL) {
        return bad(s, "in string escape code");
    }
    s->at++;
    for (int i = 0; c == 'u' && i < 4; i++, s->at++) {
        char h = s->at < s->text.n ? s->text.p[s->at] : 0;
        bool hex = (h >= '0' && h <= '9') || ((h | 0x20) >= 'a' && (h | 0x20) <= 'f');
        if (!hex) {
            return bad(s, "in \\u hexadecimal character escape");
        }
    }
    return true;
}

static bool scan_string(struct scan *s)
{
    for (s->at++; s->at < s->text.n;) {
        char c = s->text.p[s->at];
        if ((unsigned char)c < 0x20) {
            return bad(s, "in string literal");
        }
        s->at++;
        if (c == '"') {
            return true;
        }
        if (c == '\\' && !scan_escape(s)) {
            return false;
        }
    }
    return bad(s, NULL);
}

static bool scan_digits(struct scan *s, const char *context)
{
    if (!is_digit(s)) {
        return bad(s, context);
    }
    while (is_digit(s)) {
        s->at++;
    }
    return true;
}

static bool scan_number(struct scan *s)
{
    s->at += s->text.p[s->at] == '-';
    bool zero = s->at < s->text.n && s->text.p[s->at] == '0';
    if (zero) {
        s->at++;
    } else if (!scan_digits(s, "in numeric literal")) {
        return false;
    }
    if (s->at < s->text.n && s->text.p[s->at] == '.') {
        s->at++;
        if (!scan_digits(s, "after decimal point in numeric literal")) {
            return false;
        }
    }
    if (s->at < s->text.n && (s->text.p[s->at] | 0x20) == 'e') {
        s->at++;
        s->at += s->at < s->text.n && (s->text.p[s->at] == '+' || s->text.p[s->at] == '-');
        return scan_digits(s, "in exponent of numeric literal");
    }
    return true;
}

static bool scan_word(struct scan *s)
{
    static const struct {
        const char *word, *contexts[4];
    } words[] = {
        {"true",
         {"in literal true (expecting 'r')", "in literal true (expecting 'u')",
          "in literal true (expecting 'e')", NULL}},
        {"false",
         {"in literal false (expecting 'a')", "in literal false (expecting 'l')",
          "in literal false (expecting 's')", "in literal false (expecting 'e')"}},
        {"null",
         {"in literal null (expecting 'u')", "in literal null (expecting 'l')",
          "in literal null (expecting 'l')", NULL}},
    };
    for (size_t w = 0; w < WR_COUNTOF(words); w++) {
        if (s->text.p[s->at] != words[w].word[0]) {
            continue;
        }
        s->at++;
        for (size_t i = 1; words[w].word[i] != '\0'; i++, s->at++) {
            if (s->at >= s->text.n || s->text.p[s->at] != words[w].word[i]) {
                return bad(s, words[w].contexts[i - 1]);
            }
        }
        return true;
    }
    return bad(s, "looking for beginning of value");
}

/* Opens a container: what may stand behind the bracket. */
static bool scan_open(struct scan *s, bool object, enum expect *want)
{
    if (s->depth == WR_LIMIT_GO_JSON_DEPTH) {
        return bad(s, "exceeded max depth");
    }
    s->in_object[s->depth++] = object;
    s->at++;
    *want = object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
    return true;
}

static bool scan_value(struct scan *s, enum expect *want)
{
    char c = s->text.p[s->at];
    if (c == '{' || c == '[') {
        return scan_open(s, c == '{', want);
    }
    *want = WANT_NEXT;
    if (c == '"') {
        return scan_string(s);
    }
    return c == '-' || is_digit(s) ? scan_number(s) : scan_word(s);
}

/* Behind a value: a comma or the container's end. */
static bool scan_next(struct scan *s, enum expect *want)
{
    char c = s->text.p[s->at];
    bool object = s->in_object[s->depth - 1];
    if (c != ',' && c != (object ? '}' : ']')) {
        return bad(s, object ? "after object key:value pair" : "after array element");
    }
    s->at++;
    if (c == ',') {
        *want = object ? WANT_KEY : WANT_VALUE;
    } else {
        s->depth--;
    }
    return true;
}

static bool scan_key(struct scan *s, enum expect *want)
{
    if (s->text.p[s->at] == '}' && *want == WANT_KEY_OR_END) {
        s->at++;
        s->depth--;
        *want = WANT_NEXT;
        return true;
    }
    *want = WANT_COLON;
    return s->text.p[s->at] == '"' ? scan_string(s)
                                   : bad(s, "looking for beginning of object key string");
}

static bool scan_step(struct scan *s, enum expect *want)
{
    switch (*want) {
    case WANT_KEY:
    case WANT_KEY_OR_END:
        return scan_key(s, want);
    case WANT_COLON:
        if (s->text.p[s->at] != ':') {
            return bad(s, "after object key");
        }
        s->at++;
        *want = WANT_VALUE;
        return true;
    case WANT_NEXT:
        return scan_next(s, want);
    case WANT_VALUE_OR_END:
        if (s->text.p[s->at] == ']') {
            s->at++;
            s->depth--;
            *want = WANT_NEXT;
            return true;
        }
        return scan_value(s, want);
    case WANT_VALUE:
        return scan_value(s, want);
    }
    return false;
}

static void write_character(struct wr_buf *out, const struct scan *s)
{
    char c = s->text.p[s->at];
    wr_buf_str(out, WR_STR("invalid character '"));
    if (c == '\'' || c == '\\') {
        wr_format(out, "\\%c", c);
    } else if (c == '\n' || c == '\r' || c == '\t') {
        wr_format(out, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    } else if ((unsigned char)c < 0x20 || c == 0x7f) {
        wr_format(out, "\\x%02x", (unsigned char)c);
    } else if ((unsigned char)c >= 0x80) { /* Go shows the byte as if it were Latin-1 */
        char latin[4];
        wr_buf_add(out, latin, wr_utf8_encode((unsigned char)c, latin));
    } else {
        wr_buf_char(out, c);
    }
    wr_format(out, "' %s", s->context);
}

static void skip_space(struct scan *s)
{
    while (s->at < s->text.n && is_space(s->text.p[s->at])) {
        s->at++;
    }
}

/* One document from s->at on; false: s->context and s->at tell what is wrong. *begun: there was
 * something. */
static bool scan_document(struct scan *s, bool *begun)
{
    enum expect want = WANT_VALUE;
    do {
        skip_space(s);
        if (s->at == s->text.n) {
            return bad(s, NULL);
        }
        *begun = true;
        if (!scan_step(s, &want)) {
            return false;
        }
    } while (want != WANT_NEXT || s->depth > 0);
    return true;
}

bool wr_go_json_complain(struct wr_buf *out, struct wr_str text)
{
    struct scan s = {.text = text};
    bool begun = false;
    if (scan_document(&s, &begun)) {
        return false;
    }
    if (s.context != NULL) {
        write_character(out, &s);
    } else {
        wr_buf_str(out, begun ? WR_STR("unexpected EOF") : WR_STR("EOF"));
    }
    return true;
}

bool wr_go_json_complain_rest(struct wr_buf *out, struct wr_str text)
{
    struct scan s = {.text = text};
    bool begun = false;
    if (!scan_document(&s, &begun)) {
        return false;
    }
    skip_space(&s);
    struct scan rest = {.text = wr_str_of(text.p + s.at, text.n - s.at)};
    if (rest.text.n == 0) {
        return false;
    }
    bool good = scan_document(&rest, &begun);
    if (good || rest.context == NULL) { /* Go shows the first token, ours its first character */
        rest.at = 0;
        rest.context = "after top-level value";
        wr_buf_str(out, WR_STR("error: "));
    }
    write_character(out, &rest);
    return true;
}
