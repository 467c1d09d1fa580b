/* SPDX-License-Identifier: Apache-2.0 */
/* regex.*: the builtins over regex.h, with Go's rules for repeated matches and replacements, and
 * regex.globs_match, the question whether two glob-like expressions have a match in common. */
#include "rego/builtin_family.h"
#include "rego/regex.h"

static wr_err get_regex(struct wr_builtin_call *call, struct wr_str pattern,
                        const struct wr_regex **out)
{
    struct wr_error error = {0};
    struct wr_regex *made;
    *out = wr_builtin_recall(call, WR_CACHED_REGEX, pattern);
    if (*out != NULL) {
        return WR_OK;
    }
    wr_err err = wr_regex_compile(wr_builtin_cache_arena(call), pattern, &made, &error);
    if (err == WR_E_MEMORY) {
        return wr_builtin_no_room(call);
    }
    if (err != WR_OK) {
        return wr_builtin_fail(call, "%s", error.text);
    }
    WR_TRY(wr_builtin_charge(call, (uint64_t)wr_regex_size(made) * 4));
    wr_builtin_remember(call, WR_CACHED_REGEX, pattern, made);
    *out = made;
    return WR_OK;
}

void wr_regex_prepare(struct wr_builtin_call *call, struct wr_str pattern)
{
    const struct wr_regex *ignored;
    (void)get_regex(call, pattern, &ignored);
}

static wr_err start(struct wr_builtin_call *call, const struct wr_regex *regex, struct wr_str text,
                    uint32_t n_slots, struct wr_regex_run **run)
{
    *run = wr_regex_start(call->arena, regex, text, n_slots);
    return *run == NULL ? wr_builtin_no_room(call) : WR_OK;
}

static wr_err find(struct wr_builtin_call *call, struct wr_regex_run *run, size_t from,
                   size_t *slots, bool *found)
{
    *found = wr_regex_find(run, from, slots, call->fuel);
    return wr_builtin_charge(call, 1);
}

/* Whether there is a match at all; scratch memory goes back. */
static wr_err matches(struct wr_builtin_call *call, const struct wr_regex *regex,
                      struct wr_str text, struct wr_value *out)
{
    struct wr_arena_mark mark = wr_arena_mark(call->arena);
    struct wr_regex_run *run;
    bool found;
    WR_TRY(start(call, regex, text, 0, &run));
    WR_TRY(find(call, run, 0, NULL, &found));
    wr_arena_rewind(call->arena, mark);
    *out = wr_bool(found);
    return WR_OK;
}

static wr_err want_strings(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        WR_TRY(wr_builtin_want(call, args, i, WR_STRING));
    }
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_regex_match)
{
    const struct wr_regex *regex;
    WR_TRY(want_strings(call, args, n));
    WR_TRY(get_regex(call, wr_text(args[0]), &regex));
    return matches(call, regex, wr_text(args[1]), out);
}

WR_BUILTIN_FN(wr_b_regex_is_valid)
{
    struct wr_regex *regex;
    struct wr_error error;
    (void)n;
    *out = wr_bool(false);
    if (args[0].type != WR_STRING) {
        return WR_OK;
    }
    struct wr_arena_mark mark = wr_arena_mark(call->arena);
    WR_TRY(wr_builtin_charge(call, args[0].n + 1));
    wr_err err = wr_regex_compile(call->arena, wr_text(args[0]), &regex, &error);
    wr_arena_rewind(call->arena, mark);
    *out = wr_bool(err == WR_OK);
    return err == WR_E_MEMORY ? wr_builtin_no_room(call) : WR_OK;
}

/* ── all matches ────────────────────────────────────────────────────────────────────────────── */

struct matcher { /* successive matches; an empty one right behind another does not count */
    struct wr_regex_run *run;
    struct wr_str text;
    size_t at, last_end;
    size_t *slots;
    bool done;
};

static size_t width_at(struct wr_str text, size_t at)
{
    unsigned len = 0;
    if (at < text.n) {
        (void)wr_rune_at(text, at, &len);
    }
    return len;
}

static wr_err open_matcher(struct wr_builtin_call *call, const struct wr_regex *regex,
                           struct wr_str text, uint32_t n_slots, struct matcher *m)
{
    *m = (struct matcher){.text = text, .last_end = SIZE_MAX};
    m->slots = WR_NEW_ARRAY(call->arena, size_t, n_slots);
    if (m->slots == NULL) {
        return wr_builtin_no_room(call);
    }
    return start(call, regex, text, n_slots, &m->run);
}

static wr_err next_match(struct wr_builtin_call *call, struct matcher *m, bool *found)
{
    *found = false;
    while (!m->done && m->at <= m->text.n) {
        WR_TRY(find(call, m->run, m->at, m->slots, found));
        if (!*found) {
            m->done = true;
            return WR_OK;
        }
        bool accept = true;
        if (m->slots[1] == m->at) {
            size_t width = width_at(m->text, m->at);
            accept = m->slots[0] != m->last_end;
            m->at = width > 0 ? m->at + width : m->text.n + 1;
        } else {
            m->at = m->slots[1];
        }
        m->last_end = m->slots[1];
        if (accept) {
            return WR_OK;
        }
        *found = false;
    }
    return WR_OK;
}

static struct wr_value group_text(const struct matcher *m, uint32_t group)
{
    size_t from = m->slots[2 * group], to = m->slots[2 * group + 1];
    if (from == SIZE_MAX || to == SIZE_MAX) {
        return wr_string(wr_str_of("", 0));
    }
    return wr_string(wr_str_of(m->text.p + from, to - from));
}

WR_BUILTIN_FN(wr_b_regex_find_n)
{
    const struct wr_regex *regex;
    struct matcher m;
    struct wr_list list = {0};
    int64_t count;
    bool found = true;
    (void)n;
    WR_TRY(want_strings(call, args, 2));
    WR_TRY(wr_builtin_want_int(call, args, 2, &count));
    WR_TRY(get_regex(call, wr_text(args[0]), &regex));
    WR_TRY(open_matcher(call, regex, wr_text(args[1]), 2, &m));
    while (found && (count < 0 || list.n < (uint64_t)count)) {
        WR_TRY(next_match(call, &m, &found));
        if (found) {
            WR_TRY(wr_list_add(call, &list, group_text(&m, 0)));
        }
    }
    *out = wr_array(list.items, list.n);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_regex_find_all)
{
    const struct wr_regex *regex;
    struct matcher m;
    struct wr_list list = {0};
    int64_t count;
    bool found = true;
    (void)n;
    WR_TRY(want_strings(call, args, 2));
    WR_TRY(wr_builtin_want_int(call, args, 2, &count));
    WR_TRY(get_regex(call, wr_text(args[0]), &regex));
    uint32_t groups = wr_regex_groups(regex) + 1;
    WR_TRY(open_matcher(call, regex, wr_text(args[1]), 2 * groups, &m));
    while (found && (count < 0 || list.n < (uint64_t)count)) {
        WR_TRY(next_match(call, &m, &found));
        if (found) {
            struct wr_value *texts;
            WR_TRY(wr_builtin_items(call, groups, &texts));
            for (uint32_t i = 0; i < groups; i++) {
                texts[i] = group_text(&m, i);
            }
            WR_TRY(wr_list_add(call, &list, wr_array(texts, groups)));
        }
    }
    *out = wr_array(list.items, list.n);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_regex_split)
{
    const struct wr_regex *regex;
    struct matcher m;
    struct wr_list list = {0};
    size_t from = 0, end = 0;
    bool found = true;
    WR_TRY(want_strings(call, args, n));
    WR_TRY(get_regex(call, wr_text(args[0]), &regex));
    struct wr_str text = wr_text(args[1]);
    if (args[0].n > 0 && text.n == 0) {
        WR_TRY(wr_list_add(call, &list, wr_string(text)));
        found = false;
        end = text.n;
    }
    WR_TRY(open_matcher(call, regex, text, 2, &m));
    while (found) {
        WR_TRY(next_match(call, &m, &found));
        if (found) {
            end = m.slots[0];
            if (m.slots[1] != 0) {
                WR_TRY(wr_list_add(call, &list, wr_string(wr_str_of(text.p + from, end - from))));
            }
            from = m.slots[1];
        }
    }
    if (end != text.n) {
        WR_TRY(wr_list_add(call, &list, wr_string(wr_str_of(text.p + from, text.n - from))));
    }
    *out = wr_array(list.items, list.n);
    return WR_OK;
}

/* ── replacing ──────────────────────────────────────────────────────────────────────────────── */

static bool is_name(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Reads $1, $name, ${1} or ${name} at s[at] = '$'; false when it is none of these. */
static bool template_name(struct wr_str s, size_t at, struct wr_str *name, size_t *end)
{
    bool braced = at + 1 < s.n && s.p[at + 1] == '{';
    size_t from = at + (braced ? 2 : 1), to = from;
    while (to < s.n && is_name(s.p[to])) {
        to++;
    }
    *name = wr_str_of(s.p + from, to - from);
    *end = to + (braced ? 1 : 0);
    return to > from && (!braced || (to < s.n && s.p[to] == '}'));
}

/* SIZE_MAX for a group that does not exist. */
static size_t group_of(const struct wr_regex *regex, struct wr_str name)
{
    size_t group = 0;
    bool number = true;
    for (size_t i = 0; i < name.n && number; i++) {
        number = name.p[i] >= '0' && name.p[i] <= '9' && group < 100000;
        group = group * 10 + (size_t)(name.p[i] - '0');
    }
    if (number && !(name.n > 1 && name.p[0] == '0')) {
        return group <= wr_regex_groups(regex) ? group : SIZE_MAX;
    }
    group = wr_regex_group_named(regex, name);
    return group == 0 ? SIZE_MAX : group;
}

static void expand(struct wr_buf *buf, const struct wr_regex *regex, const struct matcher *m,
                   struct wr_str template)
{
    for (size_t at = 0; at < template.n;) {
        struct wr_str name;
        size_t end;
        if (template.p[at] != '$') {
            wr_buf_char(buf, template.p[at++]);
        } else if (at + 1 < template.n && template.p[at + 1] == '$') {
            wr_buf_char(buf, '$');
            at += 2;
        } else if (!template_name(template, at, &name, &end)) {
            wr_buf_char(buf, '$');
            at++;
        } else {
            size_t group = group_of(regex, name);
            if (group != SIZE_MAX) {
                wr_buf_str(buf, wr_text(group_text(m, (uint32_t)group)));
            }
            at = end;
        }
    }
}

WR_BUILTIN_FN(wr_b_regex_replace)
{
    const struct wr_regex *regex;
    struct matcher m;
    size_t last = 0;
    WR_TRY(want_strings(call, args, n));
    WR_TRY(get_regex(call, wr_text(args[1]), &regex));
    struct wr_str text = wr_text(args[0]);
    struct wr_buf buf = wr_buf_in(call->arena, text.n + 16);
    WR_TRY(open_matcher(call, regex, text, 2 * (wr_regex_groups(regex) + 1), &m));
    for (size_t at = 0; at <= text.n;) {
        bool found;
        WR_TRY(find(call, m.run, at, m.slots, &found));
        if (!found) {
            break;
        }
        size_t from = m.slots[0], to = m.slots[1], width = width_at(text, at);
        wr_buf_add(&buf, text.p + last, from - last);
        if (to > last || from == 0) {
            expand(&buf, regex, &m, wr_text(args[2]));
        }
        WR_TRY(wr_builtin_check(call, &buf));
        last = to;
        at = at + width > to ? at + width : at + 1 > to ? at + 1 : to;
    }
    wr_buf_add(&buf, text.p + last, text.n - last);
    return wr_builtin_text(call, &buf, out);
}

/* ── templates ──────────────────────────────────────────────────────────────────────────────── */

static void quote(struct wr_buf *buf, struct wr_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (memchr("\\.+*?()|[]{}^$", text.p[i], 14) != NULL) {
            wr_buf_char(buf, '\\');
        }
        wr_buf_char(buf, text.p[i]);
    }
}

/* The text between the delimiters is a pattern, the rest is literal. */
static bool template_pattern(struct wr_buf *buf, struct wr_str s, char open, char close)
{
    size_t from = 0;
    unsigned depth = 0;
    wr_buf_char(buf, '^');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == open && depth++ == 0) {
            quote(buf, wr_str_of(s.p + from, i - from));
            wr_buf_char(buf, '(');
            from = i + 1;
        } else if (s.p[i] == close) {
            if (depth == 0) {
                return false;
            }
            if (--depth == 0) {
                wr_buf_add(buf, s.p + from, i - from);
                wr_buf_char(buf, ')');
                from = i + 1;
            }
        }
    }
    quote(buf, wr_str_of(s.p + from, s.n - from));
    wr_buf_char(buf, '$');
    return depth == 0;
}

WR_BUILTIN_FN(wr_b_regex_template_match)
{
    const struct wr_regex *regex;
    WR_TRY(want_strings(call, args, n));
    for (uint32_t i = 2; i < 4; i++) {
        if (args[i].n != 1) {
            return wr_builtin_fail(
                call, "%s delimiter has to be exactly one character long but is: %u long",
                i == 2 ? "start" : "end", args[i].n);
        }
    }
    struct wr_buf buf = wr_buf_in(call->arena, args[0].n * 2 + 16);
    if (!template_pattern(&buf, wr_text(args[0]), args[2].text[0], args[3].text[0])) {
        return wr_builtin_fail(call, "unbalanced braces in \"%.*s\"", (int)WR_MIN(args[0].n, 200u),
                               args[0].text);
    }
    WR_TRY(wr_builtin_check(call, &buf));
    WR_TRY(get_regex(call, wr_buf_view(&buf), &regex));
    return matches(call, regex, wr_text(args[1]), out);
}

/* ── the intersection of two globs ──────────────────────────────────────────────────────────── */

struct token { /* one place: any character, or a set of ranges; perhaps repeated */
    uint32_t lo[16], hi[16];
    uint8_t n;
    bool star;
};

struct tokens {
    struct token *items;
    uint32_t n;
};

static wr_err token_set(struct wr_builtin_call *call, struct wr_str s, size_t *at, struct token *t)
{
    unsigned len;
    for ((*at)++;; t->n++) {
        if (*at >= s.n || t->n == 16) {
            return wr_builtin_fail(call, "input:%.*s, pos:%zu, the set is not closed or too long",
                                   (int)WR_MIN(s.n, 200u), s.p, *at);
        }
        if (s.p[*at] == ']') {
            (*at)++;
            return WR_OK;
        }
        *at += s.p[*at] == '\\' && *at + 1 < s.n ? 1 : 0;
        t->lo[t->n] = t->hi[t->n] = wr_rune_at(s, *at, &len);
        *at += len;
        if (*at + 1 < s.n && s.p[*at] == '-' && s.p[*at + 1] != ']') {
            t->hi[t->n] = wr_rune_at(s, *at + 1, &len);
            *at += 1 + len;
        }
    }
}

/* Reads letters, `.`, sets, and the repetitions `*` and `+`; x+ becomes x x*. */
static wr_err read_tokens(struct wr_builtin_call *call, struct wr_str s, struct tokens *out)
{
    unsigned len;
    out->items = WR_NEW_ARRAY(call->arena, struct token, s.n + 1);
    out->n = 0;
    if (out->items == NULL) {
        return wr_builtin_no_room(call);
    }
    for (size_t at = 0; at < s.n;) {
        struct token *t = &out->items[out->n];
        char c = s.p[at];
        if (c == '*' || c == '+') {
            if (out->n == 0 || t[-1].star) {
                return wr_builtin_fail(
                    call, "input:%.*s, pos:%zu, flag '%c' must be preceded by a non-flag",
                    (int)WR_MIN(s.n, 200u), s.p, at, (int)c);
            }
            if (c == '+') {
                *t = t[-1];
                out->n++;
                t++;
            }
            t[-1].star = true;
            at++;
            continue;
        }
        *t = (struct token){.n = 1};
        if (c == '[') {
            t->n = 0;
            WR_TRY(token_set(call, s, &at, t));
        } else if (c == '.') {
            t->hi[0] = 0x10ffff;
            at++;
        } else {
            at += c == '\\' && at + 1 < s.n ? 1 : 0;
            t->lo[0] = t->hi[0] = wr_rune_at(s, at, &len);
            at += len;
        }
        out->n++;
    }
    return WR_OK;
}

static bool tokens_meet(const struct token *a, const struct token *b)
{
    for (uint32_t i = 0; i < a->n; i++) {
        for (uint32_t k = 0; k < b->n; k++) {
            if (a->lo[i] <= b->hi[k] && b->lo[k] <= a->hi[i]) {
                return true;
            }
        }
    }
    return false;
}

/* Reachability in the product of the two automata, row by row: a state is the pair of places
 * reached; both move on a common character, either skips a repeated token. */
WR_BUILTIN_FN(wr_b_regex_globs_match)
{
    struct tokens a, b;
    WR_TRY(want_strings(call, args, n));
    WR_TRY(read_tokens(call, wr_text(args[0]), &a));
    WR_TRY(read_tokens(call, wr_text(args[1]), &b));
    uint64_t states = ((uint64_t)a.n + 1) * (b.n + 1);
    WR_TRY(wr_builtin_charge(call, states * 2));
    if (states > WR_LIMIT_BUILTIN_ITEMS) {
        return wr_builtin_too_large(call);
    }
    bool *reached = WR_NEW_ARRAY(call->arena, bool, (size_t)states);
    if (reached == NULL) {
        return wr_builtin_no_room(call);
    }
    reached[0] = true;
    for (uint32_t i = 0; i <= a.n; i++) {
        for (uint32_t k = 0; k <= b.n; k++) {
            bool *row = reached + (size_t)i * (b.n + 1), *below = row + b.n + 1;
            if (!row[k]) {
                continue;
            }
            const struct token *x = i < a.n ? &a.items[i] : NULL, *y = k < b.n ? &b.items[k] : NULL;
            bool meet = x != NULL && y != NULL && tokens_meet(x, y);
            if (x != NULL && (x->star || (meet && y->star))) {
                below[k] = true; /* x skipped, or read while y stays */
            }
            if (y != NULL && (y->star || (meet && x->star))) {
                row[k + 1] = true;
            }
            if (meet) {
                below[k + 1] = true;
            }
        }
    }
    *out = wr_bool(reached[states - 1]);
    return WR_OK;
}
