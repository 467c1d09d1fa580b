/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of a pattern to a tree. One pass, an explicit stack of open groups. */
#include "rego/regex_program.h"
#include "rego/unicode.h"

enum flag { FLAG_FOLD = 1, FLAG_LINES = 2, FLAG_DOT_NL = 4, FLAG_LAZY = 8 };

struct frame {                              /* an open group */
    struct wr_regex_node *alts, **alts_end; /* finished alternatives */
    struct wr_regex_node *cat, **cat_end;   /* the one at hand */
    struct wr_regex_node **last;            /* where the last atom hangs; NULL: none to repeat */
    uint32_t capture;
    uint8_t flags; /* to go back to when it closes */
};

struct parser {
    struct wr_arena *arena;
    struct wr_str s;
    size_t at;
    struct wr_error *error;
    struct frame frames[WR_LIMIT_REGEX_DEPTH + 1];
    uint32_t depth;
    uint8_t flags;
    struct wr_regex_tree *tree;
    uint32_t names_cap;
    size_t repeat_from, repeat_to; /* the last repetition operator, to refuse a second */
};

static wr_err bad(struct parser *p, const char *what, size_t from, size_t to)
{
    return wr_fail(p->error, WR_E_EVAL_BUILTIN, "error parsing regexp: %s: `%.*s`", what,
                   (int)WR_MIN(to - from, 300u), p->s.p + from);
}

static wr_err no_room(struct parser *p)
{
    return wr_fail(p->error, WR_E_MEMORY, "a regular expression needs more memory than is left");
}

static bool more(const struct parser *p)
{
    return p->at < p->s.n;
}

static bool looks_at(const struct parser *p, struct wr_str text)
{
    return wr_str_starts(wr_str_of(p->s.p + p->at, p->s.n - p->at), text);
}

static wr_err next_rune(struct parser *p, uint32_t *c)
{
    unsigned n = wr_utf8_decode(p->s.p + p->at, p->s.n - p->at, c);
    if (n == 0) {
        return wr_fail(p->error, WR_E_EVAL_BUILTIN, "error parsing regexp: invalid UTF-8");
    }
    p->at += n;
    return WR_OK;
}

/* ── nodes ──────────────────────────────────────────────────────────────────────────────────── */

static struct wr_regex_node *new_node(struct parser *p, enum wr_regex_node_kind kind)
{
    struct wr_regex_node *node = WR_NEW(p->arena, struct wr_regex_node);
    if (node != NULL) {
        node->kind = (uint8_t)kind;
        node->weight = 1;
    }
    return node;
}

static void open_frame(struct parser *p, struct frame *f, uint32_t capture)
{
    *f = (struct frame){.capture = capture, .flags = p->flags};
    f->alts_end = &f->alts;
    f->cat_end = &f->cat;
}

static wr_err append(struct parser *p, struct wr_regex_node *node)
{
    struct frame *f = &p->frames[p->depth];
    if (node == NULL) {
        return no_room(p);
    }
    f->last = f->cat_end;
    *f->cat_end = node;
    f->cat_end = &node->next;
    return WR_OK;
}

static wr_err append_rune(struct parser *p, uint32_t c)
{
    struct wr_regex_node *node = new_node(p, WR_RX_RUNE);
    if (node != NULL) {
        node->fold = (p->flags & FLAG_FOLD) != 0;
        node->c = node->fold ? wr_unicode_fold(c) : c;
        node->fold =
            node->fold && (wr_unicode_upper(c) != c || wr_unicode_lower(c) != c || node->c != c);
    }
    return append(p, node);
}

static wr_err append_assert(struct parser *p, enum wr_regex_assert kind)
{
    struct wr_regex_node *node = new_node(p, WR_RX_ASSERT);
    if (node != NULL) {
        node->c = (uint32_t)kind;
    }
    return append(p, node);
}

/* Closes the alternative at hand. */
static wr_err end_alternative(struct parser *p)
{
    struct frame *f = &p->frames[p->depth];
    struct wr_regex_node *cat = new_node(p, f->cat == NULL ? WR_RX_EMPTY : WR_RX_CAT);
    if (cat == NULL) {
        return no_room(p);
    }
    cat->child = f->cat;
    for (struct wr_regex_node *n = f->cat; n != NULL; n = n->next) {
        cat->weight = WR_MAX(cat->weight, n->weight);
    }
    *f->alts_end = cat;
    f->alts_end = &cat->next;
    f->cat = NULL;
    f->cat_end = &f->cat;
    f->last = NULL;
    return WR_OK;
}

/* What a finished frame stands for. */
static wr_err end_frame(struct parser *p, struct wr_regex_node **out)
{
    struct frame *f = &p->frames[p->depth];
    WR_ASSERT(f->alts_end != NULL);
    wr_err err = end_alternative(p);
    if (err != WR_OK) {
        return err;
    }
    *out = f->alts;
    if (f->alts->next != NULL) {
        *out = new_node(p, WR_RX_ALT);
        if (*out == NULL) {
            return no_room(p);
        }
        (*out)->child = f->alts;
        for (struct wr_regex_node *n = f->alts; n != NULL; n = n->next) {
            (*out)->weight = WR_MAX((*out)->weight, n->weight);
        }
    }
    return WR_OK;
}

/* ── repetition ─────────────────────────────────────────────────────────────────────────────── */

static wr_err repeat(struct parser *p, size_t from, int32_t min, int32_t max)
{
    struct frame *f = &p->frames[p->depth];
    bool lazy = more(p) && p->s.p[p->at] == '?';
    p->at += lazy ? 1 : 0;
    if (p->repeat_to == from && p->repeat_to != 0) {
        return bad(p, "invalid nested repetition operator", p->repeat_from, p->at);
    }
    if (f->last == NULL) {
        return bad(p, "missing argument to repetition operator", from, p->at);
    }
    struct wr_regex_node *child = *f->last, *node = new_node(p, WR_RX_REPEAT);
    if (node == NULL) {
        return no_room(p);
    }
    uint32_t count = (uint32_t)WR_MAX(WR_MAX(min, max), 1);
    if (count * child->weight > WR_LIMIT_REGEX_REPEAT) {
        return bad(p, "invalid repeat count", from, p->at);
    }
    node->weight = (uint16_t)(count * child->weight);
    node->min = min;
    node->max = max;
    node->lazy = lazy != ((p->flags & FLAG_LAZY) != 0);
    node->child = child;
    child->next = NULL;
    *f->last = node;
    f->cat_end = &node->next;
    p->repeat_from = from;
    p->repeat_to = p->at;
    return WR_OK;
}

static bool read_count(struct parser *p, int32_t *out)
{
    size_t from = p->at;
    int32_t v = 0;
    while (more(p) && p->s.p[p->at] >= '0' && p->s.p[p->at] <= '9') {
        v = v > 100000 ? v : v * 10 + (p->s.p[p->at] - '0');
        p->at++;
    }
    bool leading_zero = p->at - from > 1 && p->s.p[from] == '0';
    *out = v;
    return p->at > from && !leading_zero;
}

/* {n}, {n,} or {n,m}; what looks different is an ordinary '{'. */
static wr_err braces(struct parser *p)
{
    size_t from = p->at;
    int32_t min, max;
    p->at++;
    bool good = read_count(p, &min);
    max = min;
    if (good && more(p) && p->s.p[p->at] == ',') {
        p->at++;
        max = -1;
        if (more(p) && p->s.p[p->at] != '}') {
            good = read_count(p, &max);
        }
    }
    if (!good || !more(p) || p->s.p[p->at] != '}') {
        p->at = from + 1;
        return append_rune(p, '{');
    }
    p->at++;
    if (min > WR_LIMIT_REGEX_REPEAT || max > WR_LIMIT_REGEX_REPEAT || (max >= 0 && min > max)) {
        return bad(p, "invalid repeat count", from, p->at);
    }
    return repeat(p, from, min, max);
}

/* ── escapes ────────────────────────────────────────────────────────────────────────────────── */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_escape(struct parser *p, uint32_t *out)
{
    uint32_t v = 0;
    bool braced = more(p) && p->s.p[p->at] == '{';
    p->at += braced ? 1 : 0;
    size_t from = p->at;
    while (more(p) && (braced || p->at < from + 2) && hex_digit(p->s.p[p->at]) >= 0) {
        v = v * 16 + (uint32_t)hex_digit(p->s.p[p->at++]);
        if (v > 0x10ffff) {
            return false;
        }
    }
    *out = v;
    if (!braced) {
        return p->at == from + 2;
    }
    return p->at > from && more(p) && p->s.p[p->at++] == '}';
}

/* After the backslash: an escape that stands for one code point. */
static wr_err escape_rune(struct parser *p, size_t from, uint32_t *out)
{
    static const char names[] = "afnrtv", values[] = "\a\f\n\r\t\v";
    uint32_t c;
    if (!more(p)) {
        return wr_fail(p->error, WR_E_EVAL_BUILTIN,
                       "error parsing regexp: trailing backslash at end of expression: ``");
    }
    wr_err err = next_rune(p, &c);
    if (err != WR_OK) {
        return err;
    }
    bool octal_next = more(p) && p->s.p[p->at] >= '0' && p->s.p[p->at] <= '7';
    if (c == '0' || (c >= '1' && c <= '7' && octal_next)) {
        *out = c - '0';
        for (int i = 0; i < 2 && more(p) && p->s.p[p->at] >= '0' && p->s.p[p->at] <= '7'; i++) {
            *out = *out * 8 + (uint32_t)(p->s.p[p->at++] - '0');
        }
        return WR_OK;
    }
    if (c == 'x') {
        return hex_escape(p, out) ? WR_OK : bad(p, "invalid escape sequence", from, p->at);
    }
    const char *named = c < 0x80 ? memchr(names, (int)c, sizeof names - 1) : NULL;
    bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (named == NULL && (c >= 0x80 || alnum)) {
        return bad(p, "invalid escape sequence", from, p->at);
    }
    *out = named != NULL ? (uint32_t)values[named - names] : c;
    return WR_OK;
}

/* ── classes ────────────────────────────────────────────────────────────────────────────────── */

static bool add_text(struct parser *p, struct wr_regex_class *class, const char *pairs, bool negate)
{
    struct wr_regex_class given = {0};
    bool good = true;
    for (; *pairs != '\0' && good; pairs += 2) {
        good = wr_regex_class_add(p->arena, negate ? &given : class, (uint8_t)pairs[0],
                                  (uint8_t)pairs[1]);
    }
    return good && (!negate || wr_regex_class_add_not(p->arena, class, &given));
}

/* \d \s \w and their opposites, at p->at on the letter. */
static bool is_perl_class(char c)
{
    return memchr("dDsSwW", c, 6) != NULL;
}

static bool add_perl(struct parser *p, struct wr_regex_class *class, char c)
{
    const char *pairs = (c | 0x20) == 'd' ? "09" : (c | 0x20) == 's' ? "\t\n\f\r  " : "09AZ__az";
    return add_text(p, class, pairs, c < 'a');
}

/* \pL, \p{Greek}, \P..., \p{^...}; p->at is on the p. */
static wr_err unicode_class(struct parser *p, size_t from, struct wr_regex_class *class)
{
    struct wr_regex_class given = {0};
    bool negate = p->s.p[p->at++] == 'P', any = false;
    struct wr_str name;
    if (!more(p)) {
        return bad(p, "invalid character class range", from, p->at);
    }
    if (p->s.p[p->at] == '{') {
        size_t end = wr_str_find(p->s, WR_STR("}"), p->at);
        if (end == SIZE_MAX) {
            return bad(p, "invalid character class range", from, p->s.n);
        }
        name = wr_str_of(p->s.p + p->at + 1, end - p->at - 1);
        p->at = end + 1;
    } else {
        uint32_t c;
        size_t start = p->at;
        wr_err err = next_rune(p, &c);
        if (err != WR_OK) {
            return err;
        }
        name = wr_str_of(p->s.p + start, p->at - start);
    }
    if (name.n > 0 && name.p[0] == '^') {
        negate = !negate;
        name = wr_str_of(name.p + 1, name.n - 1);
    }
    size_t place = 0;
    uint32_t lo, hi;
    while (wr_unicode_class_range(name, &place, &lo, &hi)) {
        any = true;
        if (!wr_regex_class_add(p->arena, negate ? &given : class, lo, hi)) {
            return no_room(p);
        }
    }
    if (!any) {
        return bad(p, "invalid character class range", from, p->at);
    }
    return !negate || wr_regex_class_add_not(p->arena, class, &given) ? WR_OK : no_room(p);
}

/* [:alpha:] and the like; false when there is none here. */
static bool posix_class(struct parser *p, struct wr_regex_class *class, wr_err *err)
{
    static const struct {
        const char *name, *pairs;
    } table[] = {{"alnum", "09AZaz"},
                 {"alpha", "AZaz"},
                 {"ascii", "\x01\x7f"},
                 {"blank", "\t\t  "},
                 {"cntrl", "\x01\x1f\x7f\x7f"},
                 {"digit", "09"},
                 {"graph", "!~"},
                 {"lower", "az"},
                 {"print", " ~"},
                 {"punct", "!/:@[`{~"},
                 {"space", "\t\r  "},
                 {"upper", "AZ"},
                 {"word", "09AZ__az"},
                 {"xdigit", "09AFaf"}};
    size_t from = p->at, end = wr_str_find(p->s, WR_STR(":]"), p->at + 2);
    *err = WR_OK;
    if (!looks_at(p, WR_STR("[:")) || end == SIZE_MAX) {
        return false;
    }
    bool negate = p->s.p[p->at + 2] == '^';
    size_t name_at = p->at + (negate ? 3 : 2);
    p->at = end + 2;
    for (size_t i = 0; i < WR_COUNTOF(table) && name_at <= end; i++) {
        if (wr_str_eq(wr_str_z(table[i].name), wr_str_of(p->s.p + name_at, end - name_at))) {
            struct wr_regex_class given = {0};
            bool nul = table[i].pairs[0] == '\x01'; /* these begin at NUL */
            bool good = add_text(p, &given, table[i].pairs, false) &&
                        (!nul || wr_regex_class_add(p->arena, &given, 0, 0));
            for (uint32_t k = 0; k < given.n && good && !negate; k++) {
                good = wr_regex_class_add(p->arena, class, given.ranges[k].lo, given.ranges[k].hi);
            }
            if (!good || (negate && !wr_regex_class_add_not(p->arena, class, &given))) {
                *err = no_room(p);
            }
            return true;
        }
    }
    *err = bad(p, "invalid character class range", from, p->at);
    return true;
}

static wr_err class_rune(struct parser *p, size_t open, uint32_t *c)
{
    size_t from = p->at;
    if (!more(p)) {
        return bad(p, "missing closing ]", open, p->s.n);
    }
    if (p->s.p[p->at] == '\\') {
        p->at++;
        return escape_rune(p, from, c);
    }
    return next_rune(p, c);
}

/* One item between the brackets. */
static wr_err class_item(struct parser *p, size_t open, bool first, struct wr_regex_class *class)
{
    size_t from = p->at;
    uint32_t lo, hi;
    wr_err err;
    if (p->s.p[p->at] == '-' && !first && p->at + 1 < p->s.n && p->s.p[p->at + 1] != ']') {
        size_t save = p->at++;
        err = next_rune(p, &lo);
        return err != WR_OK ? err : bad(p, "invalid character class range", save, p->at);
    }
    if (posix_class(p, class, &err)) {
        return err;
    }
    if (p->s.p[p->at] == '\\' && p->at + 1 < p->s.n) {
        char c = p->s.p[p->at + 1];
        if (c == 'p' || c == 'P') {
            p->at++;
            return unicode_class(p, from, class);
        }
        if (is_perl_class(c)) {
            p->at += 2;
            return add_perl(p, class, c) ? WR_OK : no_room(p);
        }
    }
    err = class_rune(p, open, &lo);
    if (err != WR_OK) {
        return err;
    }
    hi = lo;
    if (p->at + 1 < p->s.n && p->s.p[p->at] == '-' && p->s.p[p->at + 1] != ']') {
        p->at++;
        err = class_rune(p, open, &hi);
        if (err != WR_OK) {
            return err;
        }
        if (hi < lo) {
            return bad(p, "invalid character class range", from, p->at);
        }
    }
    return wr_regex_class_add(p->arena, class, lo, hi) ? WR_OK : no_room(p);
}

static wr_err append_class(struct parser *p, struct wr_regex_class *class)
{
    struct wr_regex_node *node = new_node(p, WR_RX_CLASS);
    class->fold = (p->flags & FLAG_FOLD) != 0;
    wr_regex_class_finish(class);
    if (node != NULL) {
        node->class = class;
    }
    return append(p, node);
}

static wr_err brackets(struct parser *p)
{
    size_t open = p->at++;
    struct wr_regex_class *class = WR_NEW(p->arena, struct wr_regex_class);
    if (class == NULL) {
        return no_room(p);
    }
    if (more(p) && p->s.p[p->at] == '^') {
        class->negated = true;
        p->at++;
    }
    for (bool first = true; first || !more(p) || p->s.p[p->at] != ']'; first = false) {
        if (!more(p)) {
            return bad(p, "missing closing ]", open, p->s.n);
        }
        wr_err err = class_item(p, open, first, class);
        if (err != WR_OK) {
            return err;
        }
    }
    p->at++;
    return append_class(p, class);
}

static wr_err backslash(struct parser *p)
{
    size_t from = p->at++;
    char c = more(p) ? p->s.p[p->at] : '\0';
    static const char letters[] = "AzbB";
    static const enum wr_regex_assert asserts[] = {WR_RX_TEXT_START, WR_RX_TEXT_END, WR_RX_WORD,
                                                   WR_RX_NOT_WORD};
    const char *letter = c != '\0' ? memchr(letters, c, 4) : NULL;
    if (letter != NULL) {
        p->at++;
        return append_assert(p, asserts[letter - letters]);
    }
    if (c == 'Q') {
        wr_err err = WR_OK;
        p->at++;
        while (err == WR_OK && more(p) && !looks_at(p, WR_STR("\\E"))) {
            uint32_t rune;
            err = next_rune(p, &rune);
            err = err == WR_OK ? append_rune(p, rune) : err;
        }
        p->at += more(p) ? 2 : 0;
        return err;
    }
    if (c == 'p' || c == 'P' || (c != '\0' && is_perl_class(c))) {
        struct wr_regex_class *class = WR_NEW(p->arena, struct wr_regex_class);
        if (class == NULL) {
            return no_room(p);
        }
        if (c == 'p' || c == 'P') {
            wr_err err = unicode_class(p, from, class);
            return err == WR_OK ? append_class(p, class) : err;
        }
        p->at++;
        return add_perl(p, class, c) ? append_class(p, class) : no_room(p);
    }
    uint32_t rune;
    wr_err err = escape_rune(p, from, &rune);
    return err == WR_OK ? append_rune(p, rune) : err;
}

/* ── groups ─────────────────────────────────────────────────────────────────────────────────── */

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* (?P<name>; p->at is on the name. */
static wr_err group_name(struct parser *p, size_t from)
{
    struct wr_regex_tree *tree = p->tree;
    size_t start = p->at, end = wr_str_find(p->s, WR_STR(">"), p->at);
    if (end == SIZE_MAX) {
        return bad(p, "invalid named capture", from, p->s.n);
    }
    struct wr_str name = wr_str_of(p->s.p + start, end - start);
    bool good = name.n > 0;
    for (size_t i = 0; i < name.n; i++) {
        good = good && is_word(name.p[i]);
    }
    if (!good) {
        return bad(p, "invalid named capture", from, end + 1);
    }
    for (uint32_t i = 0; i < tree->n_names; i++) {
        if (wr_str_eq(tree->names[i].name, name)) {
            return bad(p, "duplicate capture group name", start, end);
        }
    }
    if (tree->n_names == p->names_cap) {
        uint32_t cap = p->names_cap == 0 ? 4 : p->names_cap * 2;
        struct wr_regex_name *names = WR_NEW_ARRAY(p->arena, struct wr_regex_name, cap);
        if (names == NULL) {
            return no_room(p);
        }
        if (tree->n_names != 0) {
            memcpy(names, tree->names, tree->n_names * sizeof *names);
        }
        tree->names = names;
        p->names_cap = cap;
    }
    struct wr_str copy = wr_str_copy(p->arena, name);
    if (copy.p == NULL) {
        return no_room(p);
    }
    tree->names[tree->n_names++] = (struct wr_regex_name){copy, tree->n_groups};
    p->at = end + 1;
    return WR_OK;
}

static wr_err open_group(struct parser *p, uint32_t capture)
{
    if (p->depth == WR_LIMIT_REGEX_DEPTH) {
        return bad(p, "expression nests too deeply", 0, p->s.n);
    }
    p->depth++;
    open_frame(p, &p->frames[p->depth], capture);
    return WR_OK;
}

static wr_err open_capture(struct parser *p)
{
    if (p->tree->n_groups == WR_LIMIT_REGEX_GROUPS) {
        return bad(p, "expression too large", 0, p->s.n);
    }
    return open_group(p, ++p->tree->n_groups);
}

/* (?flags) and (?flags:, p->at behind the '?'. */
static wr_err group_flags(struct parser *p, size_t from)
{
    uint8_t flags = p->flags;
    bool minus = false, any = false;
    while (more(p)) {
        char c = p->s.p[p->at++];
        uint8_t flag = c == 'i'   ? FLAG_FOLD
                       : c == 'm' ? FLAG_LINES
                       : c == 's' ? FLAG_DOT_NL
                       : c == 'U' ? FLAG_LAZY
                                  : 0;
        if (flag != 0) {
            flags = (uint8_t)(minus ? flags & ~flag : flags | flag);
            any = true;
        } else if (c == '-' && !minus) {
            minus = true;
            any = false;
        } else if ((c == ':' || c == ')') && (!minus || any)) {
            wr_err err = c == ':' ? open_group(p, 0) : WR_OK;
            p->flags = flags;
            return err;
        } else {
            break;
        }
    }
    return bad(p, more(p) ? "invalid or unsupported Perl syntax" : "missing closing )",
               more(p) ? from : 0, more(p) ? p->at : p->s.n);
}

static wr_err parenthesis(struct parser *p)
{
    size_t from = p->at++;
    if (!more(p) || p->s.p[p->at] != '?') {
        return open_capture(p);
    }
    p->at++;
    if (looks_at(p, WR_STR("P<")) ||
        (looks_at(p, WR_STR("<")) && !looks_at(p, WR_STR("<=")) && !looks_at(p, WR_STR("<!")))) {
        p->at += p->s.p[p->at] == 'P' ? 2 : 1;
        wr_err err = open_capture(p);
        return err == WR_OK ? group_name(p, from) : err;
    }
    return group_flags(p, from);
}

static wr_err close_group(struct parser *p)
{
    struct wr_regex_node *inner;
    if (p->depth == 0) {
        return bad(p, "unexpected )", 0, p->s.n);
    }
    p->at++;
    wr_err err = end_frame(p, &inner);
    if (err != WR_OK) {
        return err;
    }
    struct wr_regex_node *group = new_node(p, WR_RX_GROUP);
    if (group == NULL) {
        return no_room(p);
    }
    group->child = inner;
    group->weight = inner->weight;
    group->min = (int32_t)p->frames[p->depth].capture;
    p->flags = p->frames[p->depth].flags;
    p->depth--;
    return append(p, group);
}

/* ── the loop ───────────────────────────────────────────────────────────────────────────────── */

static wr_err parse_one(struct parser *p)
{
    uint32_t c;
    size_t from = p->at;
    bool lines = (p->flags & FLAG_LINES) != 0;
    switch (p->s.p[p->at]) {
    case '(':
        return parenthesis(p);
    case ')':
        return close_group(p);
    case '|':
        p->at++;
        return end_alternative(p);
    case '[':
        return brackets(p);
    case '\\':
        return backslash(p);
    case '{':
        return braces(p);
    case '*':
        p->at++;
        return repeat(p, from, 0, -1);
    case '+':
        p->at++;
        return repeat(p, from, 1, -1);
    case '?':
        p->at++;
        return repeat(p, from, 0, 1);
    case '^':
        p->at++;
        return append_assert(p, lines ? WR_RX_LINE_START : WR_RX_TEXT_START);
    case '$':
        p->at++;
        return append_assert(p, lines ? WR_RX_LINE_END : WR_RX_TEXT_END);
    case '.':
        p->at++;
        return append(p, new_node(p, (p->flags & FLAG_DOT_NL) != 0 ? WR_RX_ANY : WR_RX_ANY_NOT_NL));
    default: {
        wr_err err = next_rune(p, &c);
        return err == WR_OK ? append_rune(p, c) : err;
    }
    }
}

wr_err wr_regex_parse(struct wr_arena *arena, struct wr_str pattern, struct wr_regex_tree *tree,
                      struct wr_error *error)
{
    struct parser *p = WR_NEW(arena, struct parser);
    *tree = (struct wr_regex_tree){0};
    if (p == NULL) {
        return wr_fail(error, WR_E_MEMORY, "a regular expression needs more memory than is left");
    }
    p->arena = arena;
    p->s = pattern;
    p->error = error;
    p->tree = tree;
    open_frame(p, &p->frames[0], 0);
    while (more(p)) {
        wr_err err = parse_one(p);
        if (err != WR_OK) {
            return err;
        }
    }
    if (p->depth != 0) {
        return bad(p, "missing closing )", 0, p->s.n);
    }
    return end_frame(p, &tree->root);
}
