/* SPDX-License-Identifier: Apache-2.0 */
/* See split.h. */
#include "shell/split.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip(struct wr_str *s, size_t n)
{
    s->p += n;
    s->n -= n;
}

static void skip_space(struct wr_str *s)
{
    while (s->n > 0 && is_space(s->p[0])) {
        skip(s, 1);
    }
}

static struct wr_str trim(struct wr_str s)
{
    skip_space(&s);
    while (s.n > 0 && is_space(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

void wr_split_open(struct wr_split *split, struct wr_str body, bool lines)
{
    *split = (struct wr_split){.rest = body, .start = body.p, .first = true};
    if (lines) {
        return;
    }
    skip_space(&split->rest);
    if (split->rest.n > 0 && split->rest.p[0] == '[') {
        skip(&split->rest, 1);
        split->is_array = true;
    }
}

static wr_err next_line(struct wr_split *split, struct wr_str *item)
{
    while (split->rest.n > 0) {
        const char *end = memchr(split->rest.p, '\n', split->rest.n);
        size_t n = end != NULL ? (size_t)(end - split->rest.p) : split->rest.n;
        *item = trim(wr_str_of(split->rest.p, n));
        skip(&split->rest, n + (end != NULL));
        if (item->n > 0) {
            return WR_OK;
        }
    }
    *item = wr_str_of(NULL, 0);
    return WR_OK;
}

/* Bytes up to the ',' or ']' that ends an element; all when neither comes. */
static size_t element_size(struct wr_str s)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0) {
                return i;
            }
            depth--;
        } else if (c == ',' && depth == 0) {
            return i;
        }
    }
    return s.n;
}

static wr_err bad(const struct wr_split *split, const char *what, struct wr_error *error)
{
    return wr_fail_at(error, WR_E_JSON, (uint64_t)(split->rest.p - split->start), "%s", what);
}

wr_err wr_split_next(struct wr_split *split, struct wr_str *item, struct wr_error *error)
{
    *item = wr_str_of(NULL, 0);
    if (!split->is_array) {
        return next_line(split, item);
    }
    skip_space(&split->rest);
    if (split->rest.n > 0 && split->rest.p[0] == ']' && split->first) {
        skip(&split->rest, 1); /* an empty array */
        skip_space(&split->rest);
        split->ended = true;
    }
    if (split->ended) {
        return split->rest.n == 0 ? WR_OK : bad(split, "bytes after the array", error);
    }
    size_t n = element_size(split->rest);
    if (n == split->rest.n) {
        skip(&split->rest, n);
        return bad(split, "the array does not end", error);
    }
    *item = trim(wr_str_of(split->rest.p, n));
    if (item->n == 0) {
        return bad(split, "an element is missing", error);
    }
    if (split->rest.p[n] == '}') {
        skip(&split->rest, n);
        return bad(split, "'}' without '{'", error);
    }
    split->ended = split->rest.p[n] == ']';
    split->first = false;
    skip(&split->rest, n + 1);
    return WR_OK;
}
