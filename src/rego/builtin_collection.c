/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregates, arrays and sets. */
#include "rego/builtin_family.h"

WR_BUILTIN_FN(wr_b_count)
{
    const unsigned mask = WR_MASK_LIST | WR_MASK(WR_OBJECT) | WR_MASK(WR_STRING);
    (void)n;
    WR_TRY(wr_builtin_want_mask(call, args, 0, mask, "array, object, set, string"));
    if (args[0].type == WR_STRING) {
        WR_TRY(wr_builtin_charge(call, args[0].n / 8 + 1));
        *out = wr_int((int64_t)wr_rune_count(wr_text(args[0])));
        return WR_OK;
    }
    *out = wr_int(args[0].n);
    return WR_OK;
}

/* Folds numbers; integers stay in int64 as long as they fit. */
static wr_err fold(struct wr_builtin_call *call, const struct wr_value *list, bool product,
                   struct wr_value *out)
{
    struct wr_float f, x;
    int64_t i = product ? 1 : 0, r;
    uint32_t k = 0;
    WR_TRY(wr_builtin_want_mask(call, list, 0, WR_MASK_LIST, "array, set"));
    WR_TRY(wr_builtin_charge(call, list->n + 1));
    for (; k < list->n; k++) {
        const struct wr_value *v = &list->items[k];
        if (v->type != WR_NUMBER || v->kind != WR_DEC || v->scale != 0 ||
            (product ? __builtin_mul_overflow(i, v->i, &r) : __builtin_add_overflow(i, v->i, &r))) {
            break;
        }
        i = r;
    }
    f = wr_float_i64(i);
    for (; k < list->n; k++) {
        const struct wr_value *v = &list->items[k];
        if (v->type != WR_NUMBER) {
            return wr_builtin_element(call, 0, *list, *v, "number");
        }
        if (!wr_number_to_float(v, &x)) {
            return wr_builtin_number(call, WR_E_LIMIT);
        }
        f = product ? wr_float_mul(f, x) : wr_float_add(f, x);
        if (!wr_float_fits(f)) {
            return wr_builtin_number(call, WR_E_LIMIT);
        }
    }
    return wr_builtin_number(call, wr_number_from_float(call->arena, f, out));
}

WR_BUILTIN_FN(wr_b_sum)
{
    (void)n;
    return fold(call, args, false, out);
}

WR_BUILTIN_FN(wr_b_product)
{
    (void)n;
    return fold(call, args, true, out);
}

/* Of equal elements, 1 and 1.0, the last one. */
static wr_err extreme(struct wr_builtin_call *call, const struct wr_value *list, int sign,
                      struct wr_value *out)
{
    WR_TRY(wr_builtin_want_mask(call, list, 0, WR_MASK_LIST, "array, set"));
    WR_TRY(wr_builtin_charge(call, list->n + 1));
    *out = wr_undefined();
    for (uint32_t i = 0; i < list->n; i++) {
        if (i == 0 || wr_value_cmp(&list->items[i], out) * sign >= 0) {
            *out = list->items[i];
        }
    }
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_max)
{
    (void)n;
    return extreme(call, args, 1, out);
}

WR_BUILTIN_FN(wr_b_min)
{
    (void)n;
    return extreme(call, args, -1, out);
}

WR_BUILTIN_FN(wr_b_sort)
{
    struct wr_value *items, *scratch;
    (void)n;
    WR_TRY(wr_builtin_want_mask(call, args, 0, WR_MASK_LIST, "array, set"));
    uint32_t count = args[0].n;
    if (args[0].type == WR_SET) {
        *out = wr_array(args[0].items, count);
        return WR_OK;
    }
    WR_TRY(wr_builtin_items(call, count, &items));
    WR_TRY(wr_builtin_items(call, count, &scratch));
    WR_TRY(wr_builtin_charge(call, (uint64_t)count * 16));
    if (count != 0) {
        memcpy(items, args[0].items, count * sizeof *items);
        wr_values_sort(items, scratch, count);
    }
    *out = wr_array(items, count);
    return WR_OK;
}

/* all: every element is true; any: one is. */
static wr_err quantify(struct wr_builtin_call *call, const struct wr_value *list, bool all,
                       struct wr_value *out)
{
    WR_TRY(wr_builtin_want_mask(call, list, 0, WR_MASK_LIST, "array, set"));
    WR_TRY(wr_builtin_charge(call, list->n + 1));
    for (uint32_t i = 0; i < list->n; i++) {
        if (wr_is_true(list->items[i]) != all) {
            *out = wr_bool(!all);
            return WR_OK;
        }
    }
    *out = wr_bool(all);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_all)
{
    (void)n;
    return quantify(call, args, true, out);
}

WR_BUILTIN_FN(wr_b_any)
{
    (void)n;
    return quantify(call, args, false, out);
}

/* ── arrays ─────────────────────────────────────────────────────────────────────────────────── */

WR_BUILTIN_FN(wr_b_array_concat)
{
    struct wr_value *items;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_ARRAY));
    WR_TRY(wr_builtin_want(call, args, 1, WR_ARRAY));
    size_t a = args[0].n, b = args[1].n;
    if (a == 0 || b == 0) {
        *out = args[a == 0 ? 1 : 0];
        return WR_OK;
    }
    WR_TRY(wr_builtin_items(call, a + b, &items));
    memcpy(items, args[0].items, a * sizeof *items);
    memcpy(items + a, args[1].items, b * sizeof *items);
    *out = wr_array(items, a + b);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_array_flatten)
{
    struct wr_list list = {0};
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_ARRAY));
    for (uint32_t i = 0; i < args[0].n; i++) {
        const struct wr_value *v = &args[0].items[i];
        if (v->type != WR_ARRAY) {
            WR_TRY(wr_list_add(call, &list, *v));
            continue;
        }
        for (uint32_t k = 0; k < v->n; k++) {
            WR_TRY(wr_list_add(call, &list, v->items[k]));
        }
    }
    *out = wr_array(list.items, list.n);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_array_reverse)
{
    struct wr_value *items;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_ARRAY));
    uint32_t count = args[0].n;
    WR_TRY(wr_builtin_items(call, count, &items));
    for (uint32_t i = 0; i < count; i++) {
        items[i] = args[0].items[count - 1 - i];
    }
    *out = wr_array(items, count);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_array_slice)
{
    int64_t from, to;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_ARRAY));
    WR_TRY(wr_builtin_want_int(call, args, 1, &from));
    WR_TRY(wr_builtin_want_int(call, args, 2, &to));
    from = WR_MAX(from, 0);
    to = WR_MIN(to, (int64_t)args[0].n);
    *out = from >= to ? wr_array(NULL, 0) : wr_array(args[0].items + from, (size_t)(to - from));
    return WR_OK;
}

/* ── sets ───────────────────────────────────────────────────────────────────────────────────── */

enum keep { KEEP_LEFT = 1, KEEP_BOTH = 2, KEEP_RIGHT = 4 };

/* Merges two sorted sets and keeps what is in the left alone, in both, in the right alone. */
static wr_err merge(struct wr_builtin_call *call, const struct wr_value *args, unsigned keep,
                    struct wr_value *out)
{
    struct wr_value *items;
    WR_TRY(wr_builtin_want(call, args, 0, WR_SET));
    WR_TRY(wr_builtin_want(call, args, 1, WR_SET));
    const struct wr_value *a = &args[0], *b = &args[1];
    size_t n = (size_t)a->n + b->n;
    if ((a->n == 0 || b->n == 0) && n <= WR_LIMIT_BUILTIN_ITEMS) { /* one is the answer, or {} */
        WR_TRY(wr_builtin_charge(call, n + 1));
        bool whole = (keep & (a->n == 0 ? KEEP_RIGHT : KEEP_LEFT)) != 0;
        *out = whole ? (a->n == 0 ? *b : *a) : (struct wr_value){.type = WR_SET};
        return WR_OK;
    }
    WR_TRY(wr_builtin_items(call, n, &items));
    uint32_t i = 0, k = 0, kept = 0;
    while (i < a->n || k < b->n) {
        int order = i == a->n ? 1 : k == b->n ? -1 : wr_value_cmp(&a->items[i], &b->items[k]);
        unsigned side = order < 0 ? KEEP_LEFT : order == 0 ? KEEP_BOTH : KEEP_RIGHT;
        if ((keep & side) != 0) {
            items[kept++] = order > 0 ? b->items[k] : a->items[i];
        }
        i += order <= 0 ? 1 : 0;
        k += order >= 0 ? 1 : 0;
    }
    *out = (struct wr_value){.type = WR_SET, .n = kept, .items = items};
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_and)
{
    (void)n;
    return merge(call, args, KEEP_BOTH, out);
}

WR_BUILTIN_FN(wr_b_or)
{
    (void)n;
    return merge(call, args, KEEP_LEFT | KEEP_BOTH | KEEP_RIGHT, out);
}

WR_BUILTIN_FN(wr_b_set_diff)
{
    (void)n;
    return merge(call, args, KEEP_LEFT, out);
}

static wr_err want_sets(struct wr_builtin_call *call, const struct wr_value *args, size_t *total)
{
    *total = 0;
    WR_TRY(wr_builtin_want(call, args, 0, WR_SET));
    for (uint32_t i = 0; i < args[0].n; i++) {
        if (args[0].items[i].type != WR_SET) {
            return wr_builtin_element(call, 0, args[0], args[0].items[i], "set");
        }
        *total += args[0].items[i].n;
    }
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_union)
{
    struct wr_value *items;
    size_t total, at = 0;
    (void)n;
    WR_TRY(want_sets(call, args, &total));
    WR_TRY(wr_builtin_items(call, total, &items));
    for (uint32_t i = 0; i < args[0].n; i++) {
        const struct wr_value *set = &args[0].items[i];
        if (set->n != 0) {
            memcpy(items + at, set->items, set->n * sizeof *items);
            at += set->n;
        }
    }
    *out = wr_set_from(items, total);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_intersection)
{
    size_t total;
    (void)n;
    WR_TRY(want_sets(call, args, &total));
    if (args[0].n == 0) {
        *out = (struct wr_value){.type = WR_SET};
        return WR_OK;
    }
    struct wr_value both[2] = {args[0].items[0]};
    for (uint32_t i = 1; i < args[0].n; i++) {
        both[1] = args[0].items[i];
        WR_TRY(merge(call, both, KEEP_BOTH, &both[0]));
    }
    *out = both[0];
    return WR_OK;
}
