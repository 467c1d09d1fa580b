/* SPDX-License-Identifier: Apache-2.0 */
/* Strings. Indexes and counts are in code points, comparison is by bytes. */
#include "rego/builtin_family.h"
#include "rego/unicode.h"

static wr_err want_strings(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n)
{
    uint64_t size = 1;
    for (uint32_t i = 0; i < n; i++) {
        WR_TRY(wr_builtin_want(call, args, i, WR_STRING));
        size += args[i].n / 8;
    }
    return wr_builtin_charge(call, size);
}

WR_BUILTIN_FN(wr_b_concat)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    WR_TRY(wr_builtin_want_mask(call, args, 1, WR_MASK_LIST, "array, set"));
    struct wr_buf buf = wr_buf_in(call->arena, 64);
    for (uint32_t i = 0; i < args[1].n; i++) {
        if (args[1].items[i].type != WR_STRING) {
            return wr_builtin_element(call, 1, args[1], args[1].items[i], "string");
        }
        wr_buf_str(&buf, i == 0 ? WR_STR("") : wr_text(args[0]));
        wr_buf_str(&buf, wr_text(args[1].items[i]));
        WR_TRY(wr_builtin_check(call, &buf));
    }
    return wr_builtin_text(call, &buf, out);
}

WR_BUILTIN_FN(wr_b_contains)
{
    WR_TRY(want_strings(call, args, n));
    *out = wr_bool(wr_str_find(wr_text(args[0]), wr_text(args[1]), 0) != SIZE_MAX);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_startswith)
{
    WR_TRY(want_strings(call, args, n));
    *out = wr_bool(wr_str_starts(wr_text(args[0]), wr_text(args[1])));
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_endswith)
{
    WR_TRY(want_strings(call, args, n));
    *out = wr_bool(wr_str_ends(wr_text(args[0]), wr_text(args[1])));
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_indexof)
{
    WR_TRY(want_strings(call, args, n));
    struct wr_str base = wr_text(args[0]);
    if (args[1].n == 0) {
        return wr_builtin_fail(call, "empty search character");
    }
    size_t at = wr_str_find(base, wr_text(args[1]), 0);
    *out = wr_int(at == SIZE_MAX ? -1 : (int64_t)wr_rune_count(wr_str_of(base.p, at)));
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_indexof_n)
{
    struct wr_list list = {0};
    unsigned len;
    int64_t index = 0;
    WR_TRY(want_strings(call, args, n));
    struct wr_str base = wr_text(args[0]), search = wr_text(args[1]);
    if (search.n == 0) {
        return wr_builtin_fail(call, "empty search character");
    }
    WR_TRY(wr_builtin_charge(call, base.n));
    for (size_t at = 0; at < base.n; at += len, index++) {
        (void)wr_rune_at(base, at, &len);
        if (wr_str_starts(wr_str_of(base.p + at, base.n - at), search)) {
            WR_TRY(wr_list_add(call, &list, wr_int(index)));
        }
    }
    *out = wr_array(list.items, list.n);
    return WR_OK;
}

static wr_err map_case(struct wr_builtin_call *call, struct wr_str s, uint32_t (*map)(uint32_t),
                       struct wr_value *out)
{
    struct wr_buf buf = wr_buf_in(call->arena, s.n + 8);
    unsigned len;
    char utf8[4];
    for (size_t at = 0; at < s.n; at += len) {
        uint32_t c = wr_rune_at(s, at, &len);
        wr_buf_add(&buf, utf8, wr_utf8_encode(map(c), utf8));
    }
    return wr_builtin_text(call, &buf, out);
}

WR_BUILTIN_FN(wr_b_lower)
{
    WR_TRY(want_strings(call, args, n));
    return map_case(call, wr_text(args[0]), wr_unicode_lower, out);
}

WR_BUILTIN_FN(wr_b_upper)
{
    WR_TRY(want_strings(call, args, n));
    return map_case(call, wr_text(args[0]), wr_unicode_upper, out);
}

WR_BUILTIN_FN(wr_b_strings_reverse)
{
    unsigned len;
    WR_TRY(want_strings(call, args, n));
    struct wr_str s = wr_text(args[0]);
    char *text = wr_arena_alloc(call->arena, s.n, 1);
    if (text == NULL) {
        return wr_builtin_no_room(call);
    }
    for (size_t at = 0; at < s.n; at += len) {
        (void)wr_rune_at(s, at, &len);
        memcpy(text + s.n - at - len, s.p + at, len);
    }
    *out = wr_string(wr_str_of(text, s.n));
    return WR_OK;
}

/* The byte offset of the index-th code point, at most s.n. */
static size_t offset_of(struct wr_str s, int64_t index)
{
    size_t at = 0;
    unsigned len;
    for (; index > 0 && at < s.n; index--) {
        (void)wr_rune_at(s, at, &len);
        at += len;
    }
    return at;
}

WR_BUILTIN_FN(wr_b_substring)
{
    int64_t from, length;
    (void)n;
    WR_TRY(want_strings(call, args, 1));
    WR_TRY(wr_builtin_want_int(call, args, 1, &from));
    if (from < 0) {
        return wr_builtin_fail(call, "negative offset");
    }
    struct wr_str s = wr_text(args[0]);
    size_t first = offset_of(s, from);
    if (first == s.n) { /* whatever the length is */
        *out = wr_string(WR_STR(""));
        return WR_OK;
    }
    WR_TRY(wr_builtin_want_int(call, args, 2, &length));
    struct wr_str rest = wr_str_of(s.p + first, s.n - first);
    *out = wr_string(length < 0 ? rest : wr_str_of(rest.p, offset_of(rest, length)));
    return WR_OK;
}

/* ── searching and replacing ────────────────────────────────────────────────────────────────── */

static wr_err split(struct wr_builtin_call *call, struct wr_str s, struct wr_str delimiter,
                    struct wr_list *list)
{
    unsigned len;
    size_t at = 0;
    if (delimiter.n == 0) {
        for (; at < s.n; at += len) {
            (void)wr_rune_at(s, at, &len);
            WR_TRY(wr_list_add(call, list, wr_string(wr_str_of(s.p + at, len))));
        }
        return WR_OK;
    }
    for (;;) {
        size_t next = wr_str_find(s, delimiter, at);
        size_t end = next == SIZE_MAX ? s.n : next;
        WR_TRY(wr_list_add(call, list, wr_string(wr_str_of(s.p + at, end - at))));
        if (next == SIZE_MAX) {
            return WR_OK;
        }
        at = next + delimiter.n;
    }
}

WR_BUILTIN_FN(wr_b_split)
{
    struct wr_list list = {0};
    WR_TRY(want_strings(call, args, n));
    WR_TRY(split(call, wr_text(args[0]), wr_text(args[1]), &list));
    *out = wr_array(list.items, list.n);
    return WR_OK;
}

/* The first count parts, or the last -count. */
WR_BUILTIN_FN(wr_b_split_n)
{
    struct wr_list list = {0};
    int64_t count;
    (void)n;
    WR_TRY(want_strings(call, args, 2));
    WR_TRY(wr_builtin_want_int(call, args, 2, &count));
    WR_TRY(split(call, wr_text(args[0]), wr_text(args[1]), &list));
    uint64_t want = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
    size_t kept = (size_t)WR_MIN(want, list.n);
    struct wr_value *first = kept == 0 ? NULL : list.items + (count < 0 ? list.n - kept : 0);
    *out = wr_array(first, kept);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_strings_count)
{
    int64_t found = 0;
    size_t at = 0;
    WR_TRY(want_strings(call, args, n));
    struct wr_str s = wr_text(args[0]), search = wr_text(args[1]);
    if (search.n == 0) {
        *out = wr_int((int64_t)wr_rune_count(s) + 1);
        return WR_OK;
    }
    while ((at = wr_str_find(s, search, at)) != SIZE_MAX) {
        found++;
        at += search.n;
    }
    *out = wr_int(found);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_replace)
{
    size_t at = 0, from = 0;
    WR_TRY(want_strings(call, args, n));
    struct wr_str s = wr_text(args[0]), old = wr_text(args[1]), new = wr_text(args[2]);
    struct wr_buf buf = wr_buf_in(call->arena, s.n + 16);
    if (old.n == 0) { /* before each code point and at the end */
        unsigned len = 0;
        for (; at < s.n; at += len) {
            wr_buf_str(&buf, new);
            (void)wr_rune_at(s, at, &len);
            wr_buf_add(&buf, s.p + at, len);
            WR_TRY(wr_builtin_check(call, &buf));
        }
        wr_buf_str(&buf, new);
        return wr_builtin_text(call, &buf, out);
    }
    while ((at = wr_str_find(s, old, from)) != SIZE_MAX) {
        wr_buf_add(&buf, s.p + from, at - from);
        wr_buf_str(&buf, new);
        from = at + old.n;
        WR_TRY(wr_builtin_check(call, &buf));
    }
    wr_buf_add(&buf, s.p + from, s.n - from);
    return wr_builtin_text(call, &buf, out);
}

/* At each place the first key, in order, that matches there is replaced; no text is replaced twice.
 * An empty key matches where no other does. */
WR_BUILTIN_FN(wr_b_replace_n)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_OBJECT));
    for (uint32_t i = 0; i < args[0].n; i++) {
        if (args[0].pairs[i].key.type != WR_STRING) {
            return wr_builtin_operand(call, 0, "non-string key found in pattern object");
        }
        if (args[0].pairs[i].value.type != WR_STRING) {
            return wr_builtin_operand(call, 0, "non-string value found in pattern object");
        }
    }
    WR_TRY(wr_builtin_want(call, args, 1, WR_STRING));
    struct wr_str s = wr_text(args[1]);
    struct wr_buf buf = wr_buf_in(call->arena, s.n + 16);
    bool after_empty = false;
    for (size_t at = 0; at <= s.n;) {
        struct wr_str rest = wr_str_of(s.p + at, s.n - at);
        uint32_t i = 0;
        WR_TRY(wr_builtin_charge(call, args[0].n / 4 + 1));
        while (i < args[0].n && !wr_str_starts(rest, wr_text(args[0].pairs[i].key))) {
            i++;
        }
        size_t size = i < args[0].n ? args[0].pairs[i].key.n : 0;
        if (i < args[0].n && !(size == 0 && after_empty)) {
            wr_buf_str(&buf, wr_text(args[0].pairs[i].value));
            after_empty = size == 0;
            at += size;
            if (size != 0) {
                WR_TRY(wr_builtin_check(call, &buf));
                continue;
            }
        }
        wr_buf_add(&buf, rest.p, rest.n == 0 ? 0 : 1);
        after_empty = false;
        at++;
        WR_TRY(wr_builtin_check(call, &buf));
    }
    return wr_builtin_text(call, &buf, out);
}

/* ── prefixes and suffixes ──────────────────────────────────────────────────────────────────── */

static wr_err string_list(struct wr_builtin_call *call, const struct wr_value *args, uint32_t i,
                          const struct wr_value **items, uint32_t *n)
{
    WR_TRY(wr_builtin_want_mask(call, args, i, WR_MASK_LIST | WR_MASK(WR_STRING),
                                "string, set, array"));
    if (args[i].type == WR_STRING) {
        *items = &args[i];
        *n = 1;
        return WR_OK;
    }
    for (uint32_t k = 0; k < args[i].n; k++) {
        if (args[i].items[k].type != WR_STRING) {
            return wr_builtin_element(call, i, args[i], args[i].items[k], "string");
        }
    }
    *items = args[i].items;
    *n = args[i].n;
    return WR_OK;
}

static wr_err any_match(struct wr_builtin_call *call, const struct wr_value *args,
                        bool (*matches)(struct wr_str, struct wr_str), struct wr_value *out)
{
    const struct wr_value *search = NULL, *base = NULL;
    uint32_t n_search = 0, n_base = 0;
    bool found = false;
    WR_TRY(string_list(call, args, 0, &search, &n_search));
    WR_TRY(string_list(call, args, 1, &base, &n_base));
    WR_TRY(wr_builtin_charge(call, (uint64_t)n_search * n_base + 1));
    for (uint32_t i = 0; i < n_search && !found; i++) {
        for (uint32_t k = 0; k < n_base && !found; k++) {
            found = matches(wr_text(search[i]), wr_text(base[k]));
        }
    }
    *out = wr_bool(found);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_any_prefix_match)
{
    (void)n;
    return any_match(call, args, wr_str_starts, out);
}

WR_BUILTIN_FN(wr_b_any_suffix_match)
{
    (void)n;
    return any_match(call, args, wr_str_ends, out);
}

/* ── trimming ───────────────────────────────────────────────────────────────────────────────── */

static bool in_cutset(struct wr_str cutset, uint32_t c)
{
    unsigned len;
    for (size_t at = 0; at < cutset.n; at += len) {
        if (wr_rune_at(cutset, at, &len) == c) {
            return true;
        }
    }
    return false;
}

/* A NULL cutset stands for white space. */
static bool is_cut(const struct wr_str *cutset, uint32_t c)
{
    return cutset == NULL ? wr_unicode_is_space(c) : in_cutset(*cutset, c);
}

static struct wr_str trim_left(struct wr_str s, const struct wr_str *cutset)
{
    unsigned len;
    while (s.n > 0 && is_cut(cutset, wr_rune_at(s, 0, &len))) {
        s = wr_str_of(s.p + len, s.n - len);
    }
    return s;
}

/* The start of the code point that ends the text. */
static size_t last_rune(struct wr_str s)
{
    for (size_t back = WR_MIN(s.n, 4u); back > 1; back--) {
        unsigned len;
        if (wr_rune_at(s, s.n - back, &len) != 0 && len == back) {
            return s.n - back;
        }
    }
    return s.n - 1;
}

static struct wr_str trim_right(struct wr_str s, const struct wr_str *cutset)
{
    unsigned len;
    while (s.n > 0) {
        size_t at = last_rune(s);
        if (!is_cut(cutset, wr_rune_at(s, at, &len))) {
            break;
        }
        s.n = at;
    }
    return s;
}

static wr_err trim(struct wr_builtin_call *call, const struct wr_value *args, bool left, bool right,
                   struct wr_value *out)
{
    WR_TRY(want_strings(call, args, 2));
    struct wr_str s = wr_text(args[0]), cutset = wr_text(args[1]);
    WR_TRY(wr_builtin_charge(call, (uint64_t)(s.n / 16 + 1) * (cutset.n + 1)));
    s = left ? trim_left(s, &cutset) : s;
    s = right ? trim_right(s, &cutset) : s;
    *out = wr_string(s);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_trim)
{
    (void)n;
    return trim(call, args, true, true, out);
}

WR_BUILTIN_FN(wr_b_trim_left)
{
    (void)n;
    return trim(call, args, true, false, out);
}

WR_BUILTIN_FN(wr_b_trim_right)
{
    (void)n;
    return trim(call, args, false, true, out);
}

WR_BUILTIN_FN(wr_b_trim_prefix)
{
    WR_TRY(want_strings(call, args, n));
    struct wr_str s = wr_text(args[0]);
    size_t cut = wr_str_starts(s, wr_text(args[1])) ? args[1].n : 0;
    *out = wr_string(wr_str_of(s.p + cut, s.n - cut));
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_trim_suffix)
{
    WR_TRY(want_strings(call, args, n));
    struct wr_str s = wr_text(args[0]);
    size_t cut = wr_str_ends(s, wr_text(args[1])) ? args[1].n : 0;
    *out = wr_string(wr_str_of(s.p, s.n - cut));
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_trim_space)
{
    WR_TRY(want_strings(call, args, n));
    *out = wr_string(trim_right(trim_left(wr_text(args[0]), NULL), NULL));
    return WR_OK;
}
