/* SPDX-License-Identifier: Apache-2.0 */
/* How a string is written in YAML: the characters decide which styles may hold it. */
#include "rego/yaml_write.h"

#include "rego/time_layout.h"
#include "rego/yaml.h"

enum { WIDTH = 80, SIMPLE_KEY_MAX = 128 };

static bool is_mark(struct wr_str s)
{
    return s.n >= 3 && memcmp(s.p, "\xEF\xBB\xBF", 3) == 0;
}

static bool is_break(uint32_t c)
{
    return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static bool is_printable(uint32_t c)
{
    return c == '\n' || (c >= 0x20 && c <= 0x7E) || (c >= 0xA0 && c < 0xFEFF) ||
           (c > 0xFEFF && c < 0xFFFE);
}

/* ── what the characters are ────────────────────────────────────────────────────────────────── */

struct looks {
    bool indicators;         /* some would mean something in a plain scalar */
    bool breaks, special;    /* line ends; characters that only escapes can hold */
    bool edge, space_at_end; /* white space at an end */
    bool break_space;        /* a space behind a line end: no quotes can hold it */
    bool space_break;        /* a space before one: only escapes can */
};

static bool ends_word(struct wr_str s, size_t at)
{
    uint32_t c = 0;
    return at >= s.n || wr_utf8_decode(s.p + at, s.n - at, &c) == 0 || c == ' ' || c == '\t' ||
           c == 0 || is_break(c);
}

static bool is_indicator(uint32_t c, bool first, bool after_space, bool word_ends)
{
    if (first) {
        return (c < 0x80 && c != 0 && memchr("#,[]{}&*!|>'\"%@`", (int)c, 16) != NULL) ||
               ((c == '?' || c == ':' || c == '-') && word_ends);
    }
    return (c == ':' && word_ends) || (c == '#' && after_space);
}

static struct looks look_at(struct wr_str s)
{
    struct looks l = {0};
    bool after_space = true, was_space = false, was_break = false;
    l.indicators = s.n >= 3 && (memcmp(s.p, "---", 3) == 0 || memcmp(s.p, "...", 3) == 0);
    for (size_t i = 0, n; i < s.n; i += n) {
        uint32_t c = 0;
        n = WR_MAX(wr_utf8_decode(s.p + i, s.n - i, &c), 1u);
        bool ends = i == 0 || i + n == s.n;
        l.indicators |= is_indicator(c, i == 0, after_space, ends_word(s, i + n));
        l.special |= !is_printable(c);
        l.breaks |= is_break(c);
        l.edge |= ends && (c == ' ' || is_break(c));
        l.space_at_end |= c == ' ' && i + n == s.n;
        l.break_space |= c == ' ' && was_break;
        l.space_break |= is_break(c) && was_space;
        was_space = c == ' ';
        was_break = is_break(c);
        after_space = c == ' ' || c == '\t' || c == 0 || is_break(c);
    }
    return l;
}

bool wr_yaml_is_simple_key(struct wr_str s)
{
    return s.n <= SIMPLE_KEY_MAX && !look_at(s).breaks;
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */

struct line {
    struct wr_buf *buf;
    unsigned indent;
    size_t column;
    bool fold; /* lines that are too long may be broken at a space */
};

static struct line line_of(struct wr_buf *buf, unsigned indent, bool fold)
{
    size_t from = buf->n;
    while (from > 0 && buf->p[from - 1] != '\n') {
        from--;
    }
    return (struct line){buf, indent, wr_utf8_count(buf->p + from, buf->n - from), fold};
}

static void add(struct line *l, const char *p, size_t n)
{
    wr_buf_add(l->buf, p, n);
    l->column += n > 0;
}

static void fill(struct line *l)
{
    for (l->column = 0; l->column < l->indent; l->column++) {
        wr_buf_char(l->buf, ' ');
    }
}

static void new_line(struct line *l)
{
    wr_buf_char(l->buf, '\n');
    fill(l);
}

/* Whether to break the line at the space at s[i]; `inner`: not at the ends of s. */
static bool folds(const struct line *l, struct wr_str s, size_t i, bool was_space, bool inner)
{
    return l->fold && !was_space && l->column > WIDTH && (!inner || (i > 0 && i + 1 < s.n));
}

static void write_plain(struct line *l, struct wr_str s)
{
    bool was_space = false;
    for (size_t i = 0, n; i < s.n; i += n) {
        uint32_t c = 0;
        n = WR_MAX(wr_utf8_decode(s.p + i, s.n - i, &c), 1u);
        if (c == ' ' && folds(l, s, i, was_space, false) && s.p[i + 1] != ' ') {
            new_line(l);
        } else {
            add(l, s.p + i, n);
        }
        was_space = c == ' ';
    }
}

/* Line ends here are those that are not \n: they are written as they are, and indent what follows.
 */
static void write_single(struct line *l, struct wr_str s)
{
    bool was_space = false, was_break = false;
    add(l, "'", 1);
    for (size_t i = 0, n; i < s.n; i += n) {
        uint32_t c = 0;
        n = WR_MAX(wr_utf8_decode(s.p + i, s.n - i, &c), 1u);
        bool space = c == ' ';
        if (space && folds(l, s, i, was_space, true) && s.p[i + 1] != ' ') {
            new_line(l);
        } else if (is_break(c)) {
            wr_buf_add(l->buf, s.p + i, n);
            l->column = 0;
        } else {
            if (was_break && !space) {
                fill(l);
            }
            add(l, "'", c == '\'');
            add(l, s.p + i, n);
        }
        was_space = space;
        was_break = is_break(c);
    }
    add(l, "'", 1);
}

static void write_escape(struct line *l, uint32_t c)
{
    static const char named[] = "\0000\007a\bb\tt\nn\013v\ff\rr\033e\"\"\\\\";
    char room[12];
    struct wr_buf text = wr_buf_fixed(room, sizeof room);
    for (size_t i = 0; i + 1 < sizeof named; i += 2) {
        if (c == (uint8_t)named[i]) {
            wr_format(&text, "\\%c", named[i + 1]);
        }
    }
    if (text.n == 0) {
        unsigned digits = c <= 0xFF ? 2 : c <= 0xFFFF ? 4 : 8;
        const char *name = c == 0x85     ? "N"
                           : c == 0xA0   ? "_"
                           : c == 0x2028 ? "L"
                           : c == 0x2029 ? "P"
                                         : NULL;
        if (name != NULL) {
            wr_format(&text, "\\%s", name);
        } else {
            wr_format(&text, "\\%c", digits == 2 ? 'x' : digits == 4 ? 'u' : 'U');
            while (digits-- > 0) {
                wr_buf_char(&text, "0123456789ABCDEF"[c >> 4 * digits & 15]);
            }
        }
    }
    wr_buf_str(l->buf, wr_buf_view(&text));
    l->column += text.n;
}

/* A text that begins with a byte order mark is escaped as a whole, as OPA's writer does it. */
static void write_double(struct line *l, struct wr_str s)
{
    bool was_space = false, all = is_mark(s);
    add(l, "\"", 1);
    for (size_t i = 0, n; i < s.n; i += n) {
        uint32_t c = 0;
        n = WR_MAX(wr_utf8_decode(s.p + i, s.n - i, &c), 1u);
        bool escape = all || !is_printable(c) || is_break(c) || c == '"' || c == '\\';
        if (escape) {
            write_escape(l, c);
        } else if (c == ' ' && folds(l, s, i, was_space, true)) {
            new_line(l);
            add(l, "\\", s.p[i + 1] == ' ');
        } else {
            add(l, s.p + i, n);
        }
        was_space = c == ' ' && !escape;
    }
    add(l, "\"", 1);
}

/* Where the last code point of s begins; it has one. */
static size_t last_of(struct wr_str s)
{
    size_t i = s.n - 1;
    while (i > 0 && (s.p[i] & 0xC0) == 0x80) {
        i--;
    }
    return i;
}

static bool is_break_at(struct wr_str s, size_t i)
{
    uint32_t c = 0;
    return i < s.n && wr_utf8_decode(s.p + i, s.n - i, &c) > 0 && is_break(c);
}

static void write_literal(struct line *l, struct wr_str s)
{
    size_t last = last_of(s);
    wr_buf_char(l->buf, '|');
    if (s.p[0] == ' ' || is_break_at(s, 0)) {
        wr_buf_char(l->buf, '2');
    }
    if (!is_break_at(s, last)) {
        wr_buf_char(l->buf, '-');
    } else if (last == 0 || is_break_at(s, last_of(wr_str_of(s.p, last)))) {
        wr_buf_char(l->buf, '+');
    }
    wr_buf_char(l->buf, '\n');
    bool was_break = true;
    for (size_t i = 0, n; i < s.n; i += n) {
        uint32_t c = 0;
        n = WR_MAX(wr_utf8_decode(s.p + i, s.n - i, &c), 1u);
        if (was_break && !is_break(c)) {
            fill(l);
        }
        was_break = is_break(c);
        if (c != '\n' || i + n < s.n) { /* the last one also ends the entry */
            wr_buf_add(l->buf, s.p + i, n);
        }
    }
}

/* 1:20 and the like are numbers of base 60 to readers of YAML 1.1. */
static bool is_base_60(struct wr_str s)
{
    size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'), groups = 0;
    if (i == s.n || s.p[i] < '0' || s.p[i] > '9') {
        return false;
    }
    while (i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_')) {
        i++;
    }
    for (; i < s.n && s.p[i] == ':'; groups++) {
        size_t from = ++i;
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9') {
            i++;
        }
        if (i == from || i > from + 2 || (i == from + 2 && s.p[from] > '5')) {
            return false;
        }
    }
    if (i < s.n && s.p[i] == '.') {
        for (i++; i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_');) {
            i++;
        }
    }
    return groups > 0 && i == s.n;
}

/* 2026-11-28, 2026-11-28 9:00:00, 2026-11-28T09:00:00.5+01:00 */
static bool is_time(struct wr_str s)
{
    static const char *const layouts[] = {
        "2006-1-2T15:4:5.999999999Z07:00",
        "2006-1-2t15:4:5.999999999Z07:00",
        "2006-1-2 15:4:5.999999999",
        "2006-1-2",
    };
    size_t year = 0;
    while (year < s.n && s.p[year] >= '0' && s.p[year] <= '9') {
        year++;
    }
    bool is = false;
    for (size_t i = 0; year == 4 && year < s.n && s.p[year] == '-' && i < WR_COUNTOF(layouts);
         i++) {
        int64_t seconds;
        int32_t nanosecond;
        is = is || wr_time_parse(wr_str_z(layouts[i]), s, &seconds, &nanosecond, NULL) == WR_OK;
    }
    return is;
}

/* Whether a reader of YAML 1.1 takes it for no string when it is not quoted. */
static bool reads_otherwise(struct wr_str s)
{
    struct wr_yaml scalar = {.kind = WR_YAML_SCALAR, .plain = true, .text = s};
    return !wr_str_eq(wr_str_z(wr_yaml_tag(&scalar)), WR_STR("str")) || is_base_60(s) || is_time(s);
}

void wr_yaml_write_string(struct wr_buf *buf, struct wr_str s, unsigned indent, bool key)
{
    struct looks looks = look_at(s);
    struct line line = line_of(buf, indent, !key);
    bool escapes = looks.space_break || looks.special;
    if (s.n > 0 && memchr(s.p, '\n', s.n) != NULL) {
        if (!key && !looks.space_at_end && !escapes) {
            write_literal(&line, s);
        } else {
            write_double(&line, s);
        }
        return;
    }
    if (escapes || reads_otherwise(s)) {
        write_double(&line, s);
    } else if (!looks.edge && !looks.breaks && !looks.indicators) {
        write_plain(&line, s);
    } else if (!looks.break_space) {
        write_single(&line, s);
    } else {
        write_double(&line, s);
    }
}
