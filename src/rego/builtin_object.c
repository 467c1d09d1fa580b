/* SPDX-License-Identifier: Apache-2.0 */
/* Objects: get, keys, remove, filter, subset, union, and json.filter and json.remove by paths. */
#include "rego/builtin_family.h"

static struct wr_value object_of(const struct wr_pair *pairs, size_t n)
{
    return (struct wr_value){.type = WR_OBJECT, .n = (uint32_t)n, .pairs = pairs};
}

WR_BUILTIN_FN(wr_b_object_get)
{
    const struct wr_value *at = &args[0];
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_OBJECT));
    if (args[1].type != WR_ARRAY) {
        at = wr_object_get(&args[0], &args[1]);
    } else {
        for (uint32_t i = 0; i < args[1].n && at != NULL; i++) {
            bool inner = at->type == WR_OBJECT || at->type == WR_ARRAY || at->type == WR_SET;
            at = inner ? wr_value_at(at, &args[1].items[i]) : NULL;
        }
    }
    *out = at != NULL ? *at : args[2];
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_object_keys)
{
    struct wr_value *items;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_OBJECT));
    WR_TRY(wr_builtin_items(call, args[0].n, &items));
    for (uint32_t i = 0; i < args[0].n; i++) {
        items[i] = args[0].pairs[i].key;
    }
    *out = (struct wr_value){.type = WR_SET, .n = args[0].n, .items = items};
    return WR_OK;
}

/* The pairs of an object whose keys are (or are not) among the given keys. */
static wr_err pick(struct wr_builtin_call *call, const struct wr_value *args, bool keep,
                   struct wr_value *out)
{
    struct wr_value *items, keys = args[1];
    struct wr_pair *pairs;
    uint32_t kept = 0;
    WR_TRY(wr_builtin_want(call, args, 0, WR_OBJECT));
    WR_TRY(wr_builtin_want_mask(call, args, 1, WR_MASK_LIST | WR_MASK(WR_OBJECT),
                                "object, set, array"));
    if (keys.type == WR_ARRAY) {
        WR_TRY(wr_builtin_items(call, keys.n, &items));
        if (keys.n != 0) {
            memcpy(items, keys.items, keys.n * sizeof *items);
        }
        keys = wr_set_from(items, keys.n);
    }
    WR_TRY(wr_builtin_pairs(call, args[0].n, &pairs));
    for (uint32_t i = 0; i < args[0].n; i++) {
        const struct wr_value *key = &args[0].pairs[i].key;
        bool found =
            keys.type == WR_SET ? wr_set_has(&keys, key) : wr_object_get(&keys, key) != NULL;
        if (found == keep) {
            pairs[kept++] = args[0].pairs[i];
        }
    }
    *out = object_of(pairs, kept);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_object_remove)
{
    (void)n;
    return pick(call, args, false, out);
}

WR_BUILTIN_FN(wr_b_object_filter)
{
    (void)n;
    return pick(call, args, true, out);
}

/* ── subset ─────────────────────────────────────────────────────────────────────────────────── */

static bool array_subset(const struct wr_value *super, const struct wr_value *sub, uint64_t *steps)
{
    for (uint32_t from = 0; from + (uint64_t)sub->n <= super->n; from++) {
        uint32_t i = 0;
        while (i < sub->n && wr_value_eq(&super->items[from + i], &sub->items[i])) {
            i++;
        }
        *steps += i + 1;
        if (i == sub->n) {
            return true;
        }
    }
    return false;
}

static bool set_subset(const struct wr_value *super, const struct wr_value *sub)
{
    for (uint32_t i = 0; i < sub->n; i++) {
        if (!wr_set_has(super, &sub->items[i])) {
            return false;
        }
    }
    return true;
}

static bool array_has_set(const struct wr_value *super, const struct wr_value *sub)
{
    uint32_t unmatched = sub->n;
    for (uint32_t i = 0; i < super->n && unmatched > 0; i++) {
        unmatched -= wr_set_has(sub, &super->items[i]) ? 1 : 0;
    }
    return unmatched == 0;
}

static wr_err subset(struct wr_builtin_call *call, const struct wr_value *super,
                     const struct wr_value *sub, unsigned depth, bool *yes)
{
    uint64_t steps = (uint64_t)super->n + sub->n + 1;
    *yes = false;
    WR_TRY(wr_builtin_deep(call, depth));
    if (super->type == WR_SET && sub->type == WR_SET) {
        *yes = set_subset(super, sub);
    } else if (super->type == WR_ARRAY && sub->type == WR_ARRAY) {
        *yes = array_subset(super, sub, &steps);
    } else if (super->type == WR_ARRAY && sub->type == WR_SET && depth == 0) {
        *yes = array_has_set(super, sub);
    } else if (super->type == WR_OBJECT && sub->type == WR_OBJECT) {
        *yes = true;
        for (uint32_t i = 0; i < sub->n && *yes; i++) {
            const struct wr_value *have = wr_object_get(super, &sub->pairs[i].key);
            *yes = have != NULL && wr_value_eq(have, &sub->pairs[i].value);
            if (have != NULL && !*yes) {
                WR_TRY(subset(call, have, &sub->pairs[i].value, depth + 1, yes));
            }
        }
    }
    return wr_builtin_charge(call, steps);
}

WR_BUILTIN_FN(wr_b_object_subset)
{
    bool yes, same = args[0].type == args[1].type && args[0].type >= WR_ARRAY;
    (void)n;
    if (!same && !(args[0].type == WR_ARRAY && args[1].type == WR_SET)) {
        return wr_fail(call->error, WR_E_EVAL_TYPE,
                       "%s: both arguments object.subset must be of the same type or array and set",
                       call->self->name);
    }
    WR_TRY(subset(call, &args[0], &args[1], 0, &yes));
    *out = wr_bool(yes);
    return WR_OK;
}

/* ── union ──────────────────────────────────────────────────────────────────────────────────── */

static wr_err unite(struct wr_builtin_call *call, const struct wr_value *a,
                    const struct wr_value *b, unsigned depth, struct wr_value *out)
{
    struct wr_pair *pairs;
    uint32_t i = 0, k = 0, kept = 0;
    if (a->type != WR_OBJECT || b->type != WR_OBJECT) {
        *out = *b;
        return WR_OK;
    }
    WR_TRY(wr_builtin_deep(call, depth));
    WR_TRY(wr_builtin_pairs(call, (size_t)a->n + b->n, &pairs));
    while (i < a->n || k < b->n) {
        int order = i == a->n   ? 1
                    : k == b->n ? -1
                                : wr_value_cmp(&a->pairs[i].key, &b->pairs[k].key);
        pairs[kept] = order > 0 ? b->pairs[k] : a->pairs[i];
        if (order == 0) {
            WR_TRY(
                unite(call, &a->pairs[i].value, &b->pairs[k].value, depth + 1, &pairs[kept].value));
        }
        kept++;
        i += order <= 0 ? 1 : 0;
        k += order >= 0 ? 1 : 0;
    }
    *out = object_of(pairs, kept);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_object_union)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_OBJECT));
    WR_TRY(wr_builtin_want(call, args, 1, WR_OBJECT));
    return unite(call, &args[0], &args[1], 0, out);
}

WR_BUILTIN_FN(wr_b_object_union_n)
{
    struct wr_value all = object_of(NULL, 0);
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_ARRAY));
    for (uint32_t i = 0; i < args[0].n; i++) {
        if (args[0].items[i].type != WR_OBJECT) {
            return wr_builtin_element(call, 0, args[0], args[0].items[i], "object");
        }
        WR_TRY(unite(call, &all, &args[0].items[i], 0, &all));
    }
    *out = all;
    return WR_OK;
}

/* ── json.filter, json.remove ───────────────────────────────────────────────────────────────── */

/* Paths as sorted arrays of segments: all paths that begin alike are neighbours. */
struct paths {
    const struct wr_value *items;
    uint32_t lo, hi; /* the paths that agree with where we are */
    uint32_t depth;  /* segments passed */
};

static wr_err text_path(struct wr_builtin_call *call, struct wr_str s, struct wr_value *out)
{
    struct wr_list list = {0};
    size_t at = 0;
    while (at < s.n && s.p[at] == '/') {
        at++;
    }
    for (bool more = s.n > 0; more;) {
        struct wr_buf buf = wr_buf_in(call->arena, 16);
        size_t from = at;
        for (; at < s.n && s.p[at] != '/'; at++) {
            bool escape =
                s.p[at] == '~' && at + 1 < s.n && (s.p[at + 1] == '0' || s.p[at + 1] == '1');
            wr_buf_char(&buf, !escape ? s.p[at] : s.p[at + 1] == '1' ? '/' : '~');
            at += escape ? 1 : 0;
        }
        struct wr_value segment;
        WR_TRY(wr_builtin_charge(call, at - from + 1));
        WR_TRY(wr_builtin_text(call, &buf, &segment));
        WR_TRY(wr_list_add(call, &list, segment));
        more = at++ < s.n;
    }
    *out = wr_array(list.items, list.n);
    return WR_OK;
}

static wr_err read_paths(struct wr_builtin_call *call, const struct wr_value *args,
                         struct paths *out)
{
    struct wr_value *items;
    const struct wr_value *from = &args[1];
    WR_TRY(wr_builtin_want_mask(call, args, 1, WR_MASK_LIST, "set, array"));
    WR_TRY(wr_builtin_items(call, from->n, &items));
    for (uint32_t i = 0; i < from->n; i++) {
        if (from->items[i].type == WR_ARRAY) {
            items[i] = from->items[i];
        } else if (from->items[i].type == WR_STRING) {
            WR_TRY(text_path(call, wr_text(from->items[i]), &items[i]));
        } else {
            return wr_builtin_operand(call, 1,
                                      "must be one of {set, array} containing string paths or "
                                      "array of path segments but got %s",
                                      wr_type_name(from->items[i]));
        }
    }
    struct wr_value sorted = wr_set_from(items, from->n);
    uint32_t empty = sorted.n > 0 && sorted.items[0].n == 0 ? 1 : 0;
    *out = (struct paths){sorted.items, empty, sorted.n, 0};
    return WR_OK;
}

/* The paths that go on with this key; none when lo == hi. */
static struct paths paths_into(const struct paths *p, const struct wr_value *key)
{
    struct paths r = {p->items, p->lo, p->hi, p->depth + 1};
    uint32_t hi = p->hi;
    while (r.lo < hi) {
        uint32_t mid = r.lo + (hi - r.lo) / 2;
        if (wr_value_cmp(&p->items[mid].items[p->depth], key) < 0) {
            r.lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    uint32_t lo = r.lo;
    hi = p->hi;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (wr_value_cmp(&p->items[mid].items[p->depth], key) <= 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    r.hi = lo;
    return r;
}

static bool path_ends(const struct paths *p)
{
    return p->lo < p->hi && p->items[p->lo].n == p->depth;
}

/* Elements of arrays are named by their index as a string, elements of sets by themselves. */
static struct wr_value child_key(const struct wr_value *v, uint32_t i, char text[16])
{
    if (v->type == WR_OBJECT) {
        return v->pairs[i].key;
    }
    if (v->type == WR_SET) {
        return v->items[i];
    }
    struct wr_buf buf = wr_buf_fixed(text, 16);
    wr_buf_u64(&buf, i);
    return wr_string(wr_buf_view(&buf));
}

/* Keeps what the paths name (filter) or what they do not name (remove). */
static wr_err prune(struct wr_builtin_call *call, const struct wr_value *v, const struct paths *p,
                    bool filter, struct wr_value *out)
{
    struct wr_pair *pairs = NULL;
    struct wr_value *items = NULL;
    uint32_t kept = 0;
    *out = *v;
    if (v->type < WR_ARRAY) {
        return WR_OK;
    }
    WR_TRY(wr_builtin_deep(call, p->depth));
    WR_TRY(v->type == WR_OBJECT ? wr_builtin_pairs(call, v->n, &pairs)
                                : wr_builtin_items(call, v->n, &items));
    for (uint32_t i = 0; i < v->n; i++) {
        char text[16];
        struct wr_value key = child_key(v, i, text), child;
        struct paths into = paths_into(p, &key);
        bool named = into.lo < into.hi, ends = path_ends(&into);
        if (filter ? !named : ends) {
            continue;
        }
        child = v->type == WR_OBJECT ? v->pairs[i].value : v->items[i];
        if (named && !ends) {
            struct wr_value before = child;
            WR_TRY(prune(call, &before, &into, filter, &child));
        }
        if (v->type == WR_OBJECT) {
            pairs[kept++] = (struct wr_pair){key, child};
        } else {
            items[kept++] = child;
        }
    }
    *out = v->type == WR_OBJECT  ? object_of(pairs, kept)
           : v->type == WR_ARRAY ? wr_array(items, kept)
                                 : wr_set_from(items, kept);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_json_filter)
{
    struct paths paths;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_OBJECT));
    WR_TRY(read_paths(call, args, &paths));
    return prune(call, &args[0], &paths, true, out);
}

WR_BUILTIN_FN(wr_b_json_remove)
{
    struct paths paths;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_OBJECT));
    WR_TRY(read_paths(call, args, &paths));
    return prune(call, &args[0], &paths, false, out);
}
