/* SPDX-License-Identifier: Apache-2.0 */
/* Making types, their order, unions, members, and whether two of them can meet in a value. */
#include "rego/check_type.h"

const struct wr_check_type wr_type_null = {.kind = WR_T_NULL, .depth = 1};
const struct wr_check_type wr_type_boolean = {.kind = WR_T_BOOLEAN, .depth = 1};
const struct wr_check_type wr_type_number = {.kind = WR_T_NUMBER, .depth = 1};
const struct wr_check_type wr_type_string = {.kind = WR_T_STRING, .depth = 1};
const struct wr_check_type wr_type_any = {.kind = WR_T_ANY, .depth = 1};

/* ── making ─────────────────────────────────────────────────────────────────────────────────── */

static bool is_any(const struct wr_check_type *t)
{
    return t != NULL && t->kind == WR_T_ANY;
}

static bool is_anything(const struct wr_check_type *t)
{
    return is_any(t) && t->n == 0;
}

static void note(struct wr_check_type *t, const struct wr_check_type *part)
{
    t->unknown = t->unknown || wr_type_is_unknown(part);
    if (part != NULL && part->depth >= t->depth) {
        t->depth = (uint16_t)(part->depth + 1);
    }
}

static const struct wr_check_type *make(struct wr_check_types *ts, struct wr_check_type t)
{
    t.depth = 1;
    for (uint32_t i = 0; i < t.n; i++) {
        note(&t, t.of[i]);
    }
    if (t.kind == WR_T_SET || t.kind == WR_T_FUNCTION || t.rest != NULL) {
        note(&t, t.rest);
    }
    if (t.kind == WR_T_OBJECT && t.rest != NULL) {
        note(&t, t.key);
    }
    t.unknown = t.unknown && t.kind != WR_T_ANY;
    ts->steps -= WR_MIN(ts->steps, (uint64_t)t.n + 1);
    if (t.depth > WR_LIMIT_REGO_TYPE) {
        return &wr_type_any;
    }
    struct wr_check_type *out = WR_NEW(ts->arena, struct wr_check_type);
    if (out == NULL) {
        ts->no_room = true;
        return &wr_type_any;
    }
    *out = t;
    return out;
}

const struct wr_check_type *wr_type_array(struct wr_check_types *ts,
                                          const struct wr_check_type **of, uint32_t n,
                                          const struct wr_check_type *rest)
{
    return make(ts, (struct wr_check_type){.kind = WR_T_ARRAY, .of = of, .n = n, .rest = rest});
}

/* By insertion where they are few, else by a heap: keys come from objects as written. */
static void sift(struct wr_value *keys, const struct wr_check_type **of, size_t at, size_t n)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n) {
            return;
        }
        if (child + 1 < n && wr_value_cmp(&keys[child], &keys[child + 1]) < 0) {
            child++;
        }
        if (wr_value_cmp(&keys[at], &keys[child]) >= 0) {
            return;
        }
        struct wr_value key = keys[at];
        const struct wr_check_type *value = of[at];
        keys[at] = keys[child], of[at] = of[child];
        keys[child] = key, of[child] = value;
        at = child;
    }
}

static void sort_members(struct wr_value *keys, const struct wr_check_type **of, size_t n)
{
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++) {
        sorted = wr_value_cmp(&keys[i - 1], &keys[i]) <= 0;
    }
    if (sorted) {
        return;
    }
    for (size_t i = n / 2; i-- > 0;) {
        sift(keys, of, i, n);
    }
    for (size_t i = n; i-- > 1;) {
        struct wr_value key = keys[0];
        const struct wr_check_type *value = of[0];
        keys[0] = keys[i], of[0] = of[i];
        keys[i] = key, of[i] = value;
        sift(keys, of, 0, i);
    }
}

const struct wr_check_type *wr_type_object(struct wr_check_types *ts, struct wr_value *keys,
                                           const struct wr_check_type **of, uint32_t n,
                                           const struct wr_check_type *key,
                                           const struct wr_check_type *rest)
{
    sort_members(keys, of, n);
    return make(ts,
                (struct wr_check_type){
                    .kind = WR_T_OBJECT, .of = of, .keys = keys, .n = n, .key = key, .rest = rest});
}

const struct wr_check_type *wr_type_set(struct wr_check_types *ts, const struct wr_check_type *of)
{
    return make(ts, (struct wr_check_type){.kind = WR_T_SET, .rest = of});
}

const struct wr_check_type *wr_type_function(struct wr_check_types *ts,
                                             const struct wr_check_type **args, uint32_t n,
                                             const struct wr_check_type *result)
{
    return make(ts,
                (struct wr_check_type){.kind = WR_T_FUNCTION, .of = args, .n = n, .rest = result});
}

static const struct wr_check_type *type_of_members(struct wr_check_types *ts,
                                                   const struct wr_value *v)
{
    const struct wr_check_type **of = WR_NEW_ARRAY(ts->arena, const struct wr_check_type *, v->n);
    struct wr_value *keys =
        v->type == WR_OBJECT ? WR_NEW_ARRAY(ts->arena, struct wr_value, v->n) : NULL;
    if (of == NULL || (v->type == WR_OBJECT && keys == NULL)) {
        ts->no_room = true;
        return &wr_type_any;
    }
    for (uint32_t i = 0; i < v->n; i++) {
        of[i] = wr_type_of(ts, v->type == WR_OBJECT ? &v->pairs[i].value : &v->items[i]);
        if (keys != NULL) {
            keys[i] = v->pairs[i].key;
        }
    }
    return keys != NULL ? wr_type_object(ts, keys, of, v->n, NULL, NULL)
                        : wr_type_array(ts, of, v->n, NULL);
}

const struct wr_check_type *wr_type_of(struct wr_check_types *ts, const struct wr_value *v)
{
    switch (v->type) {
    case WR_NULL:
        return &wr_type_null;
    case WR_BOOL:
        return &wr_type_boolean;
    case WR_NUMBER:
        return &wr_type_number;
    case WR_STRING:
        return &wr_type_string;
    default:
        return type_of_members(ts, v);
    }
}

/* ── order ──────────────────────────────────────────────────────────────────────────────────── */

static int cmp_lists(struct wr_check_types *ts, const struct wr_check_type *a,
                     const struct wr_check_type *b)
{
    for (uint32_t i = 0; i < a->n && i < b->n; i++) {
        int order = a->keys != NULL && b->keys != NULL ? wr_value_cmp(&a->keys[i], &b->keys[i]) : 0;
        order = order != 0 ? order : wr_type_cmp(ts, a->of[i], b->of[i]);
        if (order != 0) {
            return order;
        }
    }
    return a->n < b->n ? -1 : a->n > b->n;
}

static int cmp_functions(struct wr_check_types *ts, const struct wr_check_type *a,
                         const struct wr_check_type *b)
{
    int order = a->n < b->n ? -1 : a->n > b->n;
    order = order != 0 ? order : cmp_lists(ts, a, b);
    order = order != 0 ? order : wr_type_cmp(ts, a->rest, b->rest);
    return order != 0 ? order : wr_type_cmp(ts, a->key, b->key);
}

int wr_type_cmp(struct wr_check_types *ts, const struct wr_check_type *a,
                const struct wr_check_type *b)
{
    if (a == b || ts->steps == 0) {
        return 0;
    }
    ts->steps--;
    if (a == NULL || b == NULL || a->kind != b->kind) {
        int x = a == NULL ? -1 : a->kind, y = b == NULL ? -1 : b->kind;
        return x < y ? -1 : x > y;
    }
    switch ((enum wr_type_kind)a->kind) {
    case WR_T_ARRAY:
    case WR_T_OBJECT: {
        if ((a->rest != NULL) != (b->rest != NULL)) {
            return a->rest != NULL ? 1 : -1;
        }
        int order = a->kind == WR_T_OBJECT ? wr_type_cmp(ts, a->key, b->key) : 0;
        order = order != 0 ? order : wr_type_cmp(ts, a->rest, b->rest);
        return order != 0 ? order : cmp_lists(ts, a, b);
    }
    case WR_T_SET:
        return wr_type_cmp(ts, a->rest, b->rest);
    case WR_T_ANY:
        return cmp_lists(ts, a, b);
    case WR_T_FUNCTION:
        return cmp_functions(ts, a, b);
    default:
        return 0;
    }
}

/* ── unions ─────────────────────────────────────────────────────────────────────────────────── */

/* Place of the first alternative that is not before t. */
static uint32_t place_of(struct wr_check_types *ts, const struct wr_check_type *any,
                         const struct wr_check_type *t)
{
    uint32_t low = 0, high = any->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (wr_type_cmp(ts, any->of[middle], t) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool contains(struct wr_check_types *ts, const struct wr_check_type *any,
                     const struct wr_check_type *t)
{
    if (t != NULL && t->kind == WR_T_FUNCTION) {
        return false;
    }
    uint32_t at = place_of(ts, any, t);
    return any->n == 0 || (at < any->n && wr_type_cmp(ts, any->of[at], t) == 0);
}

/* Both sorted; what both have, once. */
static const struct wr_check_type *merge(struct wr_check_types *ts,
                                         const struct wr_check_type *const *a, uint32_t n,
                                         const struct wr_check_type *const *b, uint32_t m)
{
    const struct wr_check_type **of = WR_NEW_ARRAY(ts->arena, const struct wr_check_type *, n + m);
    uint32_t count = 0;
    if (of == NULL) {
        ts->no_room = true;
        return &wr_type_any;
    }
    for (uint32_t i = 0, k = 0; i < n || k < m;) {
        int order = i == n ? 1 : k == m ? -1 : wr_type_cmp(ts, a[i], b[k]);
        of[count++] = order <= 0 ? a[i] : b[k];
        i += order <= 0;
        k += order >= 0;
    }
    return make(ts, (struct wr_check_type){.kind = WR_T_ANY, .of = of, .n = count});
}

const struct wr_check_type *wr_type_alternatives(struct wr_check_types *ts,
                                                 const struct wr_check_type *one)
{
    return merge(ts, &one, 1, NULL, 0);
}

static const struct wr_check_type *or_functions(struct wr_check_types *ts,
                                                const struct wr_check_type *a,
                                                const struct wr_check_type *b)
{
    if (a->kind != b->kind || a->n != b->n || (a->key != NULL) != (b->key != NULL)) {
        return NULL;
    }
    const struct wr_check_type **of = WR_NEW_ARRAY(ts->arena, const struct wr_check_type *, a->n);
    if (of == NULL) {
        ts->no_room = true;
        return &wr_type_any;
    }
    for (uint32_t i = 0; i < a->n; i++) {
        of[i] = wr_type_or(ts, a->of[i], b->of[i]);
    }
    return wr_type_function(ts, of, a->n, wr_type_or(ts, a->rest, b->rest));
}

const struct wr_check_type *wr_type_or(struct wr_check_types *ts, const struct wr_check_type *a,
                                       const struct wr_check_type *b)
{
    if (a == NULL || b == NULL || a == b) {
        return a == NULL ? b : a;
    }
    if (a->kind == WR_T_FUNCTION || b->kind == WR_T_FUNCTION) {
        return or_functions(ts, a, b);
    }
    if (is_any(a) && is_any(b)) {
        if (a->n == 0 || b->n == 0) {
            return a->n == 0 ? a : b;
        }
        return merge(ts, a->of, a->n, b->of, b->n);
    }
    if (is_any(a) || is_any(b)) {
        const struct wr_check_type *any = is_any(a) ? a : b, *one = is_any(a) ? b : a;
        return contains(ts, any, one) ? any : merge(ts, any->of, any->n, &one, 1);
    }
    return wr_type_cmp(ts, a, b) == 0 ? a : merge(ts, &a, 1, &b, 1);
}

/* ── members ────────────────────────────────────────────────────────────────────────────────── */

static const struct wr_check_type *select_member(struct wr_check_types *ts,
                                                 const struct wr_check_type *t,
                                                 const struct wr_value *key)
{
    uint32_t low = 0, high = t->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (wr_value_cmp(&t->keys[middle], key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < t->n && wr_value_eq(&t->keys[low], key)) {
        return t->of[low];
    }
    if (t->rest == NULL || t->key == NULL) {
        return NULL;
    }
    const struct wr_check_type *have = wr_type_of(ts, key);
    bool fits = is_any(t->key) ? contains(ts, t->key, have) : wr_type_cmp(ts, t->key, have) == 0;
    return fits ? t->rest : NULL;
}

static const struct wr_check_type *select_element(const struct wr_check_type *t,
                                                  const struct wr_value *key)
{
    if (key->type != WR_NUMBER || key->kind != WR_DEC || key->scale != 0 || key->i < 0) {
        return NULL;
    }
    return (uint64_t)key->i < t->n ? t->of[key->i] : t->rest;
}

const struct wr_check_type *wr_type_select(struct wr_check_types *ts, const struct wr_check_type *t,
                                           const struct wr_value *key)
{
    if (t == NULL) {
        return NULL;
    }
    if (t->kind == WR_T_ARRAY) {
        return select_element(t, key);
    }
    if (t->kind == WR_T_OBJECT) {
        return select_member(ts, t, key);
    }
    if (t->kind == WR_T_SET) {
        const struct wr_check_type *have = wr_type_of(ts, key);
        if (wr_type_cmp(ts, t->rest, have) == 0) {
            return t->rest;
        }
        return is_any(t->rest) && contains(ts, t->rest, have) ? have : NULL;
    }
    if (is_anything(t)) {
        return t;
    }
    const struct wr_check_type *out = NULL;
    for (uint32_t i = 0; t->kind == WR_T_ANY && i < t->n; i++) {
        out = wr_type_or(ts, wr_type_select(ts, t->of[i], key), out);
    }
    return out;
}

const struct wr_check_type *wr_type_keys(struct wr_check_types *ts, const struct wr_check_type *t)
{
    const struct wr_check_type *out = NULL;
    if (t == NULL || is_anything(t)) {
        return t;
    }
    switch ((enum wr_type_kind)t->kind) {
    case WR_T_ARRAY:
        return &wr_type_number;
    case WR_T_SET:
        return t->rest;
    case WR_T_OBJECT:
        for (uint32_t i = 0; i < t->n; i++) {
            out = wr_type_or(ts, out, wr_type_of(ts, &t->keys[i]));
        }
        return t->rest != NULL ? wr_type_or(ts, out, t->key) : out;
    case WR_T_ANY:
        for (uint32_t i = 0; i < t->n; i++) {
            out = wr_type_or(ts, wr_type_keys(ts, t->of[i]), out);
        }
        return out;
    default:
        return NULL;
    }
}

const struct wr_check_type *wr_type_values(struct wr_check_types *ts, const struct wr_check_type *t)
{
    const struct wr_check_type *out = NULL;
    if (t == NULL || is_anything(t)) {
        return t;
    }
    switch ((enum wr_type_kind)t->kind) {
    case WR_T_ARRAY:
    case WR_T_OBJECT:
        for (uint32_t i = 0; i < t->n; i++) {
            out = wr_type_or(ts, out, t->of[i]);
        }
        return wr_type_or(ts, out, t->rest);
    case WR_T_SET:
        return t->rest;
    case WR_T_ANY:
        for (uint32_t i = 0; i < t->n; i++) {
            out = wr_type_or(ts, wr_type_values(ts, t->of[i]), out);
        }
        return out;
    default:
        return NULL;
    }
}

/* ── meeting ────────────────────────────────────────────────────────────────────────────────── */

static bool unifies_any(struct wr_check_types *ts, const struct wr_check_type *any,
                        const struct wr_check_type *t)
{
    if (t->kind == WR_T_FUNCTION) {
        return false;
    }
    for (uint32_t i = 0; i < any->n; i++) {
        if (wr_type_unifies(ts, any->of[i], t)) {
            return true;
        }
    }
    return any->n == 0;
}

/* What a has by place or key, b must be able to have. */
static bool unifies_members(struct wr_check_types *ts, const struct wr_check_type *a,
                            const struct wr_check_type *b)
{
    for (uint32_t i = 0; i < a->n; i++) {
        const struct wr_check_type *other = a->kind == WR_T_OBJECT
                                                ? select_member(ts, b, &a->keys[i])
                                            : i < b->n ? b->of[i]
                                                       : b->rest;
        if (!wr_type_unifies(ts, a->of[i], other)) {
            return false;
        }
    }
    return true;
}

static bool unifies_functions(struct wr_check_types *ts, const struct wr_check_type *a,
                              const struct wr_check_type *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (uint32_t i = 0; i < a->n; i++) {
        if (!wr_type_unifies(ts, a->of[i], b->of[i])) {
            return false;
        }
    }
    return true;
}

bool wr_type_unifies(struct wr_check_types *ts, const struct wr_check_type *a,
                     const struct wr_check_type *b)
{
    if (a == NULL || b == NULL) {
        return false;
    }
    if (ts->steps == 0) {
        return true;
    }
    ts->steps--;
    if (is_any(a) || is_any(b)) {
        return (is_any(a) && unifies_any(ts, a, b)) || (is_any(b) && unifies_any(ts, b, a));
    }
    if (a->kind != b->kind) {
        return false;
    }
    switch ((enum wr_type_kind)a->kind) {
    case WR_T_ARRAY:
    case WR_T_OBJECT:
        return unifies_members(ts, a, b) && unifies_members(ts, b, a) &&
               (a->rest == NULL || b->rest == NULL || wr_type_unifies(ts, a->rest, b->rest));
    case WR_T_SET:
        return wr_type_unifies(ts, a->rest, b->rest);
    case WR_T_FUNCTION:
        return unifies_functions(ts, a, b);
    default:
        return true;
    }
}
