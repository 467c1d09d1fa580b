/* SPDX-License-Identifier: Apache-2.0 */
#include "app/json_find.h"

static size_t skip_space(struct wr_str s, size_t i)
{
    while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\n' || s.p[i] == '\r')) {
        i++;
    }
    return i;
}

static size_t skip_string(struct wr_str s, size_t i)
{
    for (i++; i < s.n && s.p[i] != '"'; i++) {
        i += s.p[i] == '\\';
    }
    return i + 1;
}

/* The end of the value that starts at i. */
static size_t skip_value(struct wr_str s, size_t i)
{
    size_t depth = 0;
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (c == '"') {
            i = skip_string(s, i) - 1;
        } else if (c == '{' || c == '[') {
            depth++;
            continue;
        } else if (c == '}' || c == ']') {
            if (depth == 0) {
                return i;
            }
            depth--;
        } else if (depth == 0 && c == ',') {
            return i;
        } else {
            continue; /* part of a number or a word */
        }
        if (depth == 0 && c != ',' && c != ':') {
            return i + 1;
        }
    }
    return i;
}

/* Offset of the value of a member of the object at i, or SIZE_MAX. */
static size_t find_member(struct wr_str s, size_t i, struct wr_str name)
{
    i = skip_space(s, i);
    if (i >= s.n || s.p[i] != '{') {
        return SIZE_MAX;
    }
    i = skip_space(s, i + 1);
    while (i < s.n && s.p[i] == '"') {
        size_t end = skip_string(s, i);
        struct wr_str key = wr_str_of(s.p + i + 1, end - i - 2);
        i = skip_space(s, skip_space(s, end) + 1);
        if (wr_str_eq(key, name)) {
            return i;
        }
        i = skip_space(s, skip_value(s, i));
        i = skip_space(s, i + (i < s.n && s.p[i] == ','));
    }
    return SIZE_MAX;
}

bool wr_json_find(struct wr_str json, const char *path, size_t *at, size_t *n)
{
    struct wr_str rest = wr_str_z(path);
    size_t i = 0;
    while (rest.n != 0) {
        size_t dot = wr_str_find(rest, WR_STR("."), 0);
        struct wr_str name = wr_str_of(rest.p, dot == SIZE_MAX ? rest.n : dot);
        i = find_member(json, i, name);
        if (i == SIZE_MAX) {
            return false;
        }
        rest = dot == SIZE_MAX ? wr_str_of(NULL, 0) : wr_str_of(rest.p + dot + 1, rest.n - dot - 1);
    }
    size_t end = skip_value(json, i);
    while (end > i && (json.p[end - 1] == ' ' || json.p[end - 1] == '\n' ||
                       json.p[end - 1] == '\r' || json.p[end - 1] == '\t')) {
        end--;
    }
    *at = i;
    *n = end - i;
    return end > i;
}
