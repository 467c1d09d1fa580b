/* SPDX-License-Identifier: Apache-2.0 */
/* See unicode.h. */
#include "rego/unicode.h"

static uint32_t map_case(const struct wr_unicode_case *runs, size_t n, uint32_t c)
{
    size_t lo = 0, hi = n; /* the last run that opens at or before c */
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (runs[mid].first <= c) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    return (uint32_t)((int32_t)c + runs[lo].delta);
}

uint32_t wr_unicode_upper(uint32_t c)
{
    if (c < 0x80) {
        return c >= 'a' && c <= 'z' ? c - 32 : c;
    }
    return map_case(wr_unicode_upper_runs, wr_unicode_upper_n, c);
}

uint32_t wr_unicode_lower(uint32_t c)
{
    if (c < 0x80) {
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    }
    return map_case(wr_unicode_lower_runs, wr_unicode_lower_n, c);
}

uint32_t wr_unicode_fold(uint32_t c)
{
    if (c < 0x80) {
        return wr_unicode_lower(c);
    }
    return wr_unicode_lower(wr_unicode_upper(wr_unicode_lower(c)));
}

bool wr_unicode_is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

bool wr_unicode_is_print(uint32_t c)
{
    if (c < 0x7f) {
        return c >= 0x20;
    }
    size_t lo = 0, hi = wr_unicode_category_n;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (wr_unicode_category_runs[mid] >> 8 <= c) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    char kind = wr_unicode_category_names[wr_unicode_category_runs[lo] & 0xff][0];
    return kind == 'L' || kind == 'M' || kind == 'N' || kind == 'P' || kind == 'S';
}

/* A category matches by its name or by its first letter; a script by its name. */
static bool run_matches(const char *const *names, uint32_t run, struct wr_str name)
{
    struct wr_str have = wr_str_z(names[run & 0xff]);
    if (names == wr_unicode_category_names && name.n == 1) {
        return have.p[0] == name.p[0];
    }
    return wr_str_eq(have, name);
}

static bool class_range(const uint32_t *runs, size_t n, const char *const *names,
                        struct wr_str name, size_t *at, uint32_t *lo, uint32_t *hi)
{
    while (*at < n && !run_matches(names, runs[*at], name)) {
        (*at)++;
    }
    if (*at == n) {
        return false;
    }
    *lo = runs[*at] >> 8;
    while (*at < n && run_matches(names, runs[*at], name)) {
        (*at)++;
    }
    *hi = *at < n ? (runs[*at] >> 8) - 1 : 0x10ffff;
    return true;
}

bool wr_unicode_class_range(struct wr_str name, size_t *at, uint32_t *lo, uint32_t *hi)
{
    if (name.n == 0) {
        return false;
    }
    if (wr_str_eq(name, WR_STR("Any"))) {
        *lo = 0;
        *hi = 0x10ffff;
        return (*at)++ == 0;
    }
    if (name.n <= 2) {
        return class_range(wr_unicode_category_runs, wr_unicode_category_n,
                           wr_unicode_category_names, name, at, lo, hi);
    }
    return class_range(wr_unicode_script_runs, wr_unicode_script_n, wr_unicode_script_names, name,
                       at, lo, hi);
}
