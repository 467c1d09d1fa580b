/* SPDX-License-Identifier: Apache-2.0 */
/* glob.match: a glob becomes a regular expression over the whole text.
 *
 *   *      any characters but delimiters     [abc] [a-z]   one of these
 *   **     any characters                    [!abc]        none of these
 *   ?      one character, no delimiter       {a,b}         a or b
 *   \x     x itself
 *
 * Without delimiters (null) `*` means any characters; an empty list of delimiters means ["."]. */
#include "rego/builtin_family.h"
#include "rego/regex.h"

struct glob {
    struct wr_buf *buf;
    struct wr_str delimiters; /* as the inside of a negated class; empty: none */
};

static void literal(struct wr_buf *buf, struct wr_str rune)
{
    if (rune.n == 1 && memchr("\\.+*?()|[]{}^$-", rune.p[0], 15) != NULL) {
        wr_buf_char(buf, '\\');
    }
    wr_buf_str(buf, rune);
}

static void not_delimiter(struct glob *g)
{
    if (g->delimiters.n == 0) {
        wr_buf_char(g->buf, '.');
        return;
    }
    wr_buf_str(g->buf, WR_STR("[^"));
    wr_buf_str(g->buf, g->delimiters);
    wr_buf_char(g->buf, ']');
}

static bool brackets(struct glob *g, struct wr_str s, size_t *at)
{
    unsigned len;
    size_t i = *at + 1, first;
    wr_buf_char(g->buf, '[');
    if (i < s.n && s.p[i] == '!') {
        wr_buf_char(g->buf, '^');
        i++;
    }
    for (first = i; i < s.n && (s.p[i] != ']' || i == first); i += len) {
        bool range = s.p[i] == '-' && i > first && i + 1 < s.n && s.p[i + 1] != ']';
        i += s.p[i] == '\\' && i + 1 < s.n ? 1 : 0;
        (void)wr_rune_at(s, i, &len);
        if (range) {
            wr_buf_char(g->buf, '-');
        } else {
            literal(g->buf, wr_str_of(s.p + i, len));
        }
    }
    wr_buf_char(g->buf, ']');
    *at = i + 1;
    return i < s.n;
}

static bool translate(struct glob *g, struct wr_str s)
{
    unsigned len, depth = 0;
    wr_buf_str(g->buf, WR_STR("(?s)\\A"));
    for (size_t at = 0; at < s.n;) {
        char c = s.p[at];
        if (c == '*') {
            bool super = at + 1 < s.n && s.p[at + 1] == '*';
            super ? wr_buf_char(g->buf, '.') : not_delimiter(g);
            wr_buf_char(g->buf, '*');
            at += super ? 2 : 1;
        } else if (c == '?') {
            not_delimiter(g);
            at++;
        } else if (c == '[') {
            if (!brackets(g, s, &at)) {
                return false;
            }
        } else if (c == '{' || (depth > 0 && (c == '}' || c == ','))) {
            wr_buf_str(g->buf, c == '{' ? WR_STR("(?:") : c == '}' ? WR_STR(")") : WR_STR("|"));
            depth = c == '{' ? depth + 1 : c == '}' ? depth - 1 : depth;
            at++;
        } else {
            at += c == '\\' && at + 1 < s.n ? 1 : 0;
            (void)wr_rune_at(s, at, &len);
            literal(g->buf, wr_str_of(s.p + at, len));
            at += len;
        }
    }
    wr_buf_str(g->buf, WR_STR("\\z"));
    return depth == 0;
}

static wr_err read_delimiters(struct wr_builtin_call *call, struct wr_value v, struct wr_buf *buf)
{
    if (v.type == WR_ARRAY && v.n == 0) {
        wr_buf_str(buf, WR_STR("\\."));
    }
    for (uint32_t i = 0; v.type == WR_ARRAY && i < v.n; i++) {
        const struct wr_value *d = &v.items[i];
        unsigned len = 0;
        if (d->type != WR_STRING) {
            return wr_builtin_element(call, 1, v, *d, "string");
        }
        if (d->n > 0) {
            (void)wr_rune_at(wr_text(*d), 0, &len);
        }
        if (d->n == 0 || len != d->n) {
            return wr_builtin_element(call, 1, v, *d, "rune");
        }
        literal(buf, wr_text(*d));
    }
    return WR_OK;
}

static wr_err get_glob(struct wr_builtin_call *call, struct wr_str pattern,
                       struct wr_value delimiters, const struct wr_regex **out)
{
    struct wr_regex *made;
    struct wr_error error = {0};
    struct wr_buf key = wr_buf_in(call->arena, pattern.n + 32);
    WR_TRY(read_delimiters(call, delimiters, &key));
    size_t delimiters_n = key.n;
    wr_buf_char(&key, '\0');
    wr_buf_str(&key, pattern);
    WR_TRY(wr_builtin_check(call, &key));
    *out = wr_builtin_recall(call, WR_CACHED_GLOB, wr_buf_view(&key));
    if (*out != NULL) {
        return WR_OK;
    }
    struct wr_buf buf = wr_buf_in(call->arena, pattern.n * 2 + 32);
    struct glob g = {&buf, wr_str_of(key.p, delimiters_n)};
    if (!translate(&g, pattern)) {
        return wr_builtin_fail(call, "could not read the glob \"%.*s\"",
                               (int)WR_MIN(pattern.n, 200u), pattern.p);
    }
    WR_TRY(wr_builtin_check(call, &buf));
    wr_err err = wr_regex_compile(wr_builtin_cache_arena(call), wr_buf_view(&buf), &made, &error);
    if (err == WR_E_MEMORY) {
        return wr_builtin_no_room(call);
    }
    if (err != WR_OK) {
        return wr_builtin_fail(call, "could not read the glob \"%.*s\"",
                               (int)WR_MIN(pattern.n, 200u), pattern.p);
    }
    WR_TRY(wr_builtin_charge(call, (uint64_t)wr_regex_size(made) * 4));
    wr_builtin_remember(call, WR_CACHED_GLOB, wr_buf_view(&key), made);
    *out = made;
    return WR_OK;
}

void wr_glob_prepare(struct wr_builtin_call *call, struct wr_value pattern,
                     struct wr_value delimiters)
{
    const struct wr_regex *ignored;
    (void)get_glob(call, wr_text(pattern), delimiters, &ignored);
}

WR_BUILTIN_FN(wr_b_glob_match)
{
    const struct wr_regex *regex;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    if (args[1].type != WR_NULL) {
        WR_TRY(wr_builtin_want(call, args, 1, WR_ARRAY));
    }
    WR_TRY(wr_builtin_want(call, args, 2, WR_STRING));
    WR_TRY(get_glob(call, wr_text(args[0]), args[1], &regex));
    struct wr_arena_mark mark = wr_arena_mark(call->arena);
    struct wr_regex_run *run = wr_regex_start(call->arena, regex, wr_text(args[2]), 0);
    if (run == NULL) {
        return wr_builtin_no_room(call);
    }
    *out = wr_bool(wr_regex_find(run, 0, NULL, call->fuel));
    wr_arena_rewind(call->arena, mark);
    return wr_builtin_charge(call, 1);
}

WR_BUILTIN_FN(wr_b_glob_quote_meta)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    struct wr_buf buf = wr_buf_in(call->arena, args[0].n + 8);
    for (uint32_t i = 0; i < args[0].n; i++) {
        if (memchr("*?\\[]{}", args[0].text[i], 7) != NULL) {
            wr_buf_char(&buf, '\\');
        }
        wr_buf_char(&buf, args[0].text[i]);
    }
    return wr_builtin_text(call, &buf, out);
}
