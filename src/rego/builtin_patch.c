/* SPDX-License-Identifier: Apache-2.0 */
/* json.patch: RFC 6902 on any value, sets included, where an element is its own key.
 *
 * Values are immutable: an edit walks down to the place, keeping the containers it passed, and
 * rebuilds them on the way up. A patch that does not apply fails as a whole. */
#include "rego/builtin_family.h"

enum edit { EDIT_ADD, EDIT_REPLACE, EDIT_REMOVE };

struct patch {
    struct wr_value target;
    struct wr_value parents[WR_LIMIT_BUILTIN_DEPTH];
};

static wr_err bad_path(struct wr_builtin_call *call)
{
    return wr_builtin_fail(call, "the path of a patch does not exist");
}

/* A path as an array of segments; text is split at '/', one or more leading ones being ignored. */
static wr_err patch_path(struct wr_builtin_call *call, const struct wr_value *op, const char *name,
                         struct wr_value *out)
{
    const struct wr_value *path = wr_object_get_str(op, wr_str_z(name));
    struct wr_list list = {0};
    if (path == NULL) {
        return wr_builtin_fail(call, "missing '%s' attribute", name);
    }
    if (path->type == WR_ARRAY) {
        *out = *path;
        return wr_builtin_deep(call, path->n);
    }
    if (path->type != WR_STRING) {
        return wr_builtin_fail(call, "the '%s' of a patch must be a string or an array", name);
    }
    struct wr_str s = wr_text(*path);
    size_t at = 0;
    while (at < s.n && s.p[at] == '/') {
        at++;
    }
    for (bool more = s.n > 0; more; more = at++ < s.n) {
        struct wr_buf buf = wr_buf_in(call->arena, 16);
        struct wr_value segment;
        for (; at < s.n && s.p[at] != '/'; at++) {
            bool escape =
                s.p[at] == '~' && at + 1 < s.n && (s.p[at + 1] == '0' || s.p[at + 1] == '1');
            wr_buf_char(&buf, !escape ? s.p[at] : s.p[at + 1] == '1' ? '/' : '~');
            at += escape ? 1 : 0;
        }
        WR_TRY(wr_builtin_text(call, &buf, &segment));
        WR_TRY(wr_list_add(call, &list, segment));
    }
    *out = wr_array(list.items, list.n);
    return wr_builtin_deep(call, (unsigned)WR_MIN(list.n, WR_LIMIT_BUILTIN_DEPTH + 1));
}

/* The index that a segment means in an array of n; "-" is n. False when it is none. */
static bool index_of(const struct wr_value *segment, uint32_t n, uint32_t *out)
{
    int64_t i;
    if (segment->type == WR_NUMBER) {
        if (!wr_number_to_i64(segment, &i)) {
            return false;
        }
    } else if (segment->type == WR_STRING && wr_str_eq(wr_text(*segment), WR_STR("-"))) {
        i = n;
    } else if (segment->type != WR_STRING || segment->n == 0 || segment->n > 9 ||
               (segment->text[0] == '0' && segment->n > 1)) {
        return false;
    } else {
        i = 0;
        for (uint32_t k = 0; k < segment->n; k++) {
            if (segment->text[k] < '0' || segment->text[k] > '9') {
                return false;
            }
            i = i * 10 + (segment->text[k] - '0');
        }
    }
    *out = (uint32_t)i;
    return i >= 0 && i <= n;
}

static const struct wr_value *child_at(const struct wr_value *v, const struct wr_value *segment)
{
    uint32_t i;
    if (v->type == WR_ARRAY) {
        return index_of(segment, v->n, &i) && i < v->n ? &v->items[i] : NULL;
    }
    return v->type == WR_OBJECT || v->type == WR_SET ? wr_value_at(v, segment) : NULL;
}

static wr_err look_up(struct wr_builtin_call *call, const struct wr_value *v,
                      const struct wr_value *path, struct wr_value *out)
{
    for (uint32_t i = 0; i < path->n; i++) {
        v = child_at(v, &path->items[i]);
        if (v == NULL) {
            return bad_path(call);
        }
    }
    *out = *v;
    return WR_OK;
}

static wr_err edit_array(struct wr_builtin_call *call, const struct wr_value *v,
                         const struct wr_value *segment, enum edit edit,
                         const struct wr_value *child, struct wr_value *out)
{
    struct wr_value *items;
    uint32_t at;
    if (!index_of(segment, v->n, &at) || (edit != EDIT_ADD && at >= v->n)) {
        return bad_path(call);
    }
    WR_TRY(wr_builtin_items(call, (size_t)v->n + 1, &items));
    uint32_t skip = edit == EDIT_ADD ? 0 : 1, put = edit == EDIT_REMOVE ? 0 : 1;
    if (at != 0) {
        memcpy(items, v->items, at * sizeof *items);
    }
    if (put != 0) {
        items[at] = *child;
    }
    if (at + skip < v->n) {
        memcpy(items + at + put, v->items + at + skip, (v->n - at - skip) * sizeof *items);
    }
    *out = wr_array(items, v->n + put - skip);
    return WR_OK;
}

static wr_err edit_object(struct wr_builtin_call *call, const struct wr_value *v,
                          const struct wr_value *key, enum edit edit, const struct wr_value *child,
                          struct wr_value *out)
{
    struct wr_pair *pairs;
    uint32_t kept = 0;
    if (edit != EDIT_ADD && wr_object_get(v, key) == NULL) {
        return bad_path(call);
    }
    WR_TRY(wr_builtin_pairs(call, (size_t)v->n + 1, &pairs));
    for (uint32_t i = 0; i < v->n; i++) {
        if (!wr_value_eq(&v->pairs[i].key, key)) {
            pairs[kept++] = v->pairs[i];
        }
    }
    if (edit != EDIT_REMOVE) {
        pairs[kept++] = (struct wr_pair){*key, *child};
    }
    *out = wr_object_from(pairs, kept);
    return WR_OK;
}

static wr_err edit_set(struct wr_builtin_call *call, const struct wr_value *v,
                       const struct wr_value *key, enum edit edit, const struct wr_value *child,
                       struct wr_value *out)
{
    struct wr_value *items;
    uint32_t kept = 0;
    if (edit != EDIT_ADD && !wr_set_has(v, key)) {
        return bad_path(call);
    }
    if (edit == EDIT_ADD && !wr_value_eq(key, child)) {
        return wr_builtin_fail(call, "the key of a set must equal the value that is added");
    }
    WR_TRY(wr_builtin_items(call, (size_t)v->n + 1, &items));
    for (uint32_t i = 0; i < v->n; i++) {
        if (!wr_value_eq(&v->items[i], key)) {
            items[kept++] = v->items[i];
        }
    }
    if (edit != EDIT_REMOVE) {
        items[kept++] = *child;
    }
    *out = wr_set_from(items, kept);
    return WR_OK;
}

static wr_err edit_one(struct wr_builtin_call *call, const struct wr_value *v,
                       const struct wr_value *key, enum edit edit, const struct wr_value *child,
                       struct wr_value *out)
{
    switch (v->type) {
    case WR_ARRAY:
        return edit_array(call, v, key, edit, child, out);
    case WR_OBJECT:
        return edit_object(call, v, key, edit, child, out);
    case WR_SET:
        return edit_set(call, v, key, edit, child, out);
    default:
        return bad_path(call);
    }
}

static wr_err apply(struct wr_builtin_call *call, struct patch *p, const struct wr_value *path,
                    enum edit edit, struct wr_value child)
{
    const struct wr_value *at = &p->target;
    if (path->n == 0) {
        p->target = child;
        return edit == EDIT_REMOVE ? bad_path(call) : WR_OK;
    }
    for (uint32_t i = 0; i < path->n; i++) {
        if (i > 0) {
            at = child_at(at, &path->items[i - 1]);
        }
        if (at == NULL) {
            return bad_path(call);
        }
        p->parents[i] = *at;
    }
    for (uint32_t i = path->n; i-- > 0;) {
        struct wr_value made;
        WR_TRY(edit_one(call, &p->parents[i], &path->items[i], edit, &child, &made));
        child = made;
        edit = EDIT_REPLACE;
    }
    p->target = child;
    return WR_OK;
}

static wr_err apply_op(struct wr_builtin_call *call, struct patch *p, const struct wr_value *op)
{
    const struct wr_value *name = wr_object_get_str(op, WR_STR("op"));
    const struct wr_value *given = wr_object_get_str(op, WR_STR("value"));
    struct wr_value path, from, value = wr_null();
    if (name == NULL || name->type != WR_STRING) {
        return wr_builtin_fail(call, "missing 'op' attribute");
    }
    struct wr_str kind = wr_text(*name);
    bool add = wr_str_eq(kind, WR_STR("add")), replace = wr_str_eq(kind, WR_STR("replace"));
    bool move = wr_str_eq(kind, WR_STR("move")), test = wr_str_eq(kind, WR_STR("test"));
    WR_TRY(patch_path(call, op, "path", &path));
    if (wr_str_eq(kind, WR_STR("remove"))) {
        return apply(call, p, &path, EDIT_REMOVE, value);
    }
    if (add || replace || test) {
        if (given == NULL) {
            return wr_builtin_fail(call, "missing 'value' attribute");
        }
        if (!test) {
            return apply(call, p, &path, add ? EDIT_ADD : EDIT_REPLACE, *given);
        }
        WR_TRY(look_up(call, &p->target, &path, &value));
        return wr_value_eq(&value, given) ? WR_OK
                                          : wr_builtin_fail(call, "a test of the patch failed");
    }
    if (!move && !wr_str_eq(kind, WR_STR("copy"))) {
        return wr_builtin_fail(call, "unrecognized op '%.*s'", WR_FMT(kind));
    }
    WR_TRY(patch_path(call, op, "from", &from));
    WR_TRY(look_up(call, &p->target, &from, &value));
    if (move) {
        WR_TRY(apply(call, p, &from, EDIT_REMOVE, wr_null()));
    }
    return apply(call, p, &path, EDIT_ADD, value);
}

WR_BUILTIN_FN(wr_b_json_patch)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 1, WR_ARRAY));
    struct patch *p = WR_NEW(call->arena, struct patch);
    if (p == NULL) {
        return wr_builtin_no_room(call);
    }
    p->target = args[0];
    for (uint32_t i = 0; i < args[1].n; i++) {
        if (args[1].items[i].type != WR_OBJECT) {
            return wr_builtin_element(call, 1, args[1], args[1].items[i], "object");
        }
        WR_TRY(apply_op(call, p, &args[1].items[i]));
    }
    *out = p->target;
    return WR_OK;
}
