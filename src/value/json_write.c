/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text and Rego text of a value.
 *
 * Containers are walked with an explicit stack; a frame of the C stack holds WALK_DEPTH levels.
 * Control characters are written as OPA writes them: \n, \r, \t by letter, all others by number. */
#include "value/json_write.h"

enum { WALK_DEPTH = 32 };

struct writer {
    struct wr_buf *buf;
    unsigned style; /* of enum wr_json_style, as bits */
    bool rego;
};

enum { PLAIN = 0, ESCAPE = 1, MARKUP = 2, SEPARATOR = 4 };

/* What may need an escape: quote, backslash and control characters always; <, > and & and the lead
 * byte of U+2028 and U+2029 only for HTML. */
static const uint8_t class_of[256] = {
    [0] = 1,   [1] = 1,    [2] = 1,   [3] = 1,   [4] = 1,   [5] = 1,   [6] = 1,  [7] = 1,
    [8] = 1,   [9] = 1,    [10] = 1,  [11] = 1,  [12] = 1,  [13] = 1,  [14] = 1, [15] = 1,
    [16] = 1,  [17] = 1,   [18] = 1,  [19] = 1,  [20] = 1,  [21] = 1,  [22] = 1, [23] = 1,
    [24] = 1,  [25] = 1,   [26] = 1,  [27] = 1,  [28] = 1,  [29] = 1,  [30] = 1, [31] = 1,
    ['"'] = 1, ['\\'] = 1, ['<'] = 2, ['>'] = 2, ['&'] = 2, [0xE2] = 4};

/* wr_buf_reserve with its common case inline. */
static inline char *room_for(struct wr_buf *buf, size_t n)
{
    return WR_LIKELY(!buf->overflow && n <= buf->cap - buf->n) ? buf->p + buf->n
                                                               : wr_buf_reserve(buf, n);
}

static inline void add_char(struct wr_buf *buf, char c)
{
    char *at = room_for(buf, 1);
    if (at != NULL) {
        *at = c;
        buf->n++;
    }
}

static void add_literal(struct wr_buf *buf, const char *text)
{
    wr_buf_add(buf, text, strlen(text));
}

static void add_unicode_escape(struct wr_buf *buf, unsigned code)
{
    uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    add_literal(buf, "\\u");
    wr_buf_hex(buf, bytes, 2);
}

static void add_escape(struct wr_buf *buf, uint8_t c)
{
    static const char letters[] = {'\n', 'n', '\r', 'r', '\t', 't', '"', '"', '\\', '\\'};
    for (size_t i = 0; i < sizeof letters; i += 2) {
        if (c == (uint8_t)letters[i]) {
            wr_buf_char(buf, '\\');
            wr_buf_char(buf, letters[i + 1]);
            return;
        }
    }
    add_unicode_escape(buf, c);
}

static bool is_separator(struct wr_str s, size_t i) /* U+2028 or U+2029 */
{
    return s.n - i >= 3 && (uint8_t)s.p[i + 1] == 0x80 && ((uint8_t)s.p[i + 2] & 0xFE) == 0xA8;
}

/* True for bytes of which none needs an escape: quotes, backslashes and control characters. */
static inline bool is_plain_word(uint64_t x)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    uint64_t quote = x ^ (ones * '"'), slash = x ^ (ones * '\\');
    /* A borrow may tell of one byte too many, never of one too few. */
    return ((((x - ones * 0x20) & ~x) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) &
            tops) == 0;
}

/* False may be wrong: then it is looked at byte by byte. */
static inline bool is_plain(struct wr_str s)
{
    uint64_t x, y;
    if (s.n >= 8) {
        bool plain = true;
        for (size_t at = 0; at + 8 < s.n; at += 8) {
            memcpy(&x, s.p + at, 8);
            plain = plain && is_plain_word(x);
        }
        memcpy(&y, s.p + s.n - 8, 8);
        return plain && is_plain_word(y);
    }
    if (s.n >= 4) {
        uint32_t low, high;
        memcpy(&low, s.p, 4);
        memcpy(&high, s.p + s.n - 4, 4);
        return is_plain_word((uint64_t)high << 32 | low);
    }
    if (s.n == 0) {
        return true;
    }
    const uint8_t few[3] = {(uint8_t)s.p[0], (uint8_t)s.p[s.n / 2], (uint8_t)s.p[s.n - 1]};
    return is_plain_word(UINT64_C(0x2020202020000000) | (uint64_t)few[2] << 16 |
                         (uint64_t)few[1] << 8 | few[0]);
}

/* "s" and, behind it, `end` if that is not 0; false when that needs a closer look. */
static inline bool add_plain(struct wr_buf *buf, struct wr_str s, char end)
{
    if (WR_UNLIKELY(!is_plain(s))) {
        return false;
    }
    size_t n = s.n + 2 + (end != 0);
    char *at = room_for(buf, n);
    if (WR_UNLIKELY(at == NULL)) {
        return false; /* the closer look finds no room either */
    }
    at[0] = '"';
    wr_bytes_copy(at + 1, s.p, s.n);
    at[n - 1] = end;
    at[s.n + 1] = '"';
    buf->n += n;
    return true;
}

void wr_json_write_string(struct wr_buf *buf, struct wr_str s, enum wr_json_style style)
{
    uint8_t special =
        ((unsigned)style & WR_JSON_HTML_SAFE) != 0 ? ESCAPE | MARKUP | SEPARATOR : ESCAPE;
    size_t from = 0;
    if (WR_LIKELY(special == ESCAPE) && add_plain(buf, s, 0)) {
        return;
    }
    wr_buf_char(buf, '"');
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        if (WR_LIKELY((class_of[c] & special) == 0) ||
            (class_of[c] == SEPARATOR && !is_separator(s, i))) {
            continue;
        }
        wr_buf_add(buf, s.p + from, i - from);
        if (class_of[c] == SEPARATOR) {
            i += 2;
            add_unicode_escape(buf, 0x2000 | ((uint8_t)s.p[i] & 0x3F));
        } else {
            add_escape(buf, c);
        }
        from = i + 1;
    }
    if (s.n > from) {
        wr_buf_add(buf, s.p + from, s.n - from);
    }
    wr_buf_char(buf, '"');
}

/* As Go's strconv.Quote, but for characters beyond Latin-1 that Go holds unprintable. */
static void write_rego_string(struct wr_buf *buf, struct wr_str s)
{
    static const char letters[] = "\aa\bb\ff\nn\rr\tt\vv\"\"\\\\";
    wr_buf_char(buf, '"');
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        const char *letter = NULL;
        for (size_t k = 0; k + 1 < sizeof letters; k += 2) {
            letter = (uint8_t)letters[k] == c ? &letters[k + 1] : letter;
        }
        if (letter != NULL) {
            wr_buf_char(buf, '\\');
            wr_buf_char(buf, *letter);
        } else if (c < 0x20 || c == 0x7F) {
            add_literal(buf, "\\x");
            wr_buf_hex(buf, &c, 1);
        } else if (c == 0xC2 && i + 1 < s.n && ((uint8_t)s.p[i + 1] < 0xA1)) {
            add_unicode_escape(buf, (uint8_t)s.p[++i]);
        } else {
            wr_buf_char(buf, (char)c);
        }
    }
    wr_buf_char(buf, '"');
}

static void write_leaf(const struct writer *w, const struct wr_value *v)
{
    switch (v->type) {
    case WR_NULL:
        add_literal(w->buf, "null");
        break;
    case WR_BOOL:
        add_literal(w->buf, v->i != 0 ? "true" : "false");
        break;
    case WR_NUMBER:
        wr_number_write(w->buf, v);
        break;
    case WR_STRING:
        if (w->rego) {
            write_rego_string(w->buf, wr_text(*v));
        } else {
            wr_json_write_string(w->buf, wr_text(*v), (enum wr_json_style)w->style);
        }
        break;
    default:
        break;
    }
}

struct frame {
    const struct wr_value *at;
    uint32_t left; /* elements or pairs */
    uint8_t type;
    bool started;
};

static char bracket(const struct writer *w, uint8_t type, bool closing)
{
    bool square = type == WR_ARRAY || (type == WR_SET && !w->rego);
    return square ? (closing ? ']' : '[') : (closing ? '}' : '{');
}

/* Writes a leaf or an empty container whole; opens any other into `frame` and returns true. */
static bool open_value(const struct writer *w, const struct wr_value *v, struct frame *frame)
{
    if (v->type < WR_ARRAY) {
        write_leaf(w, v);
        return false;
    }
    if (v->n == 0 && v->type == WR_SET && w->rego) {
        add_literal(w->buf, "set()");
        return false;
    }
    add_char(w->buf, bracket(w, v->type, false));
    if (v->n == 0) {
        add_char(w->buf, bracket(w, v->type, true));
        return false;
    }
    *frame = (struct frame){.at = v->items, .left = v->n, .type = v->type};
    return true;
}

static void break_line(const struct writer *w, size_t level)
{
    if ((w->style & WR_JSON_PRETTY) == 0) {
        return;
    }
    add_char(w->buf, '\n');
    for (; level > 0; level--) {
        add_literal(w->buf, "  ");
    }
}

static void write_tree(const struct writer *w, const struct wr_value *v, size_t level);

/* A key that is not a string: its compact text goes behind the end, is quoted from there, and the
 * quoted text moved to where it belongs. */
static void write_key_as_text(const struct writer *w, const struct wr_value *key)
{
    struct writer plain = {.buf = w->buf};
    size_t start = w->buf->n;
    write_tree(&plain, key, 0);
    size_t stop = w->buf->n;
    struct wr_str text = wr_str_of(w->buf->p + start, stop - start);
    wr_json_write_string(w->buf, text, (enum wr_json_style)w->style);
    memmove(w->buf->p + start, w->buf->p + stop, w->buf->n - stop);
    w->buf->n -= stop - start;
}

static void write_key(const struct writer *w, const struct wr_value *key)
{
    if (key->type == WR_STRING) {
        write_leaf(w, key);
    } else if (w->rego) {
        write_tree(w, key, 0);
    } else if (!w->buf->overflow) {
        write_key_as_text(w, key);
    }
    add_char(w->buf, ':');
    if (w->rego || (w->style & WR_JSON_PRETTY) != 0) {
        add_char(w->buf, ' ');
    }
}

static void write_tree(const struct writer *w, const struct wr_value *v, size_t level)
{
    struct frame frames[WALK_DEPTH];
    size_t depth = open_value(w, v, &frames[0]);
    while (depth > 0) {
        struct frame *top = &frames[depth - 1];
        if (top->left == 0) {
            depth--;
            break_line(w, level + depth);
            add_char(w->buf, bracket(w, top->type, true));
            continue;
        }
        if (top->started) {
            add_char(w->buf, ',');
            if (w->rego) {
                add_char(w->buf, ' ');
            }
        }
        top->started = true;
        top->left--;
        break_line(w, level + depth);
        if (top->type == WR_OBJECT) {
            write_key(w, top->at++);
        }
        const struct wr_value *child = top->at++;
        if (depth < WALK_DEPTH) {
            depth += open_value(w, child, &frames[depth]);
        } else {
            write_tree(w, child, level + depth);
        }
    }
}

/* ── compact ────────────────────────────────────────────────────────────────────────────────── */
/* What requests and records are written with: the same text as write_tree, with fewer questions. */
static void compact_key(struct wr_buf *buf, const struct wr_value *key)
{
    if (WR_UNLIKELY(key->type != WR_STRING || !add_plain(buf, wr_text(*key), ':'))) {
        struct writer w = {.buf = buf};
        write_key(&w, key);
    }
}

static void compact_leaf(struct wr_buf *buf, const struct wr_value *v)
{
    if (v->type == WR_NUMBER) {
        wr_number_write(buf, v);
    } else if (v->type != WR_STRING || !add_plain(buf, wr_text(*v), 0)) {
        struct writer w = {.buf = buf};
        write_leaf(&w, v);
    }
}

static void write_compact(struct wr_buf *buf, const struct wr_value *v)
{
    struct frame frames[WALK_DEPTH], *top = frames;
    for (;;) {
        if (v->type < WR_ARRAY) {
            compact_leaf(buf, v);
        } else if (v->n != 0 && top < frames + WALK_DEPTH) {
            *top++ = (struct frame){.at = v->items, .left = v->n, .type = v->type};
            add_char(buf, v->type == WR_OBJECT ? '{' : '[');
        } else {
            struct writer w = {.buf = buf};
            write_tree(&w, v, 0);
        }
        while (top != frames && top[-1].left == 0) {
            add_char(buf, (--top)->type == WR_OBJECT ? '}' : ']');
        }
        if (top == frames) {
            return;
        }
        if (top[-1].started) {
            add_char(buf, ',');
        }
        top[-1].started = true;
        top[-1].left--;
        if (top[-1].type == WR_OBJECT) {
            compact_key(buf, top[-1].at++);
        }
        v = top[-1].at++;
    }
}

void wr_json_write(struct wr_buf *buf, const struct wr_value *v, enum wr_json_style style)
{
    struct writer w = {.buf = buf, .style = style};
    if (style == WR_JSON_COMPACT) {
        write_compact(buf, v);
    } else {
        write_tree(&w, v, 0);
    }
}

void wr_rego_write(struct wr_buf *buf, const struct wr_value *v)
{
    struct writer w = {.buf = buf, .rego = true};
    write_tree(&w, v, 0);
}
