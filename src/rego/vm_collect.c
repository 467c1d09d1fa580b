/* SPDX-License-Identifier: Apache-2.0 */
/* Accumulators: what comprehensions and partial rules gather before it becomes a value. */
#include "rego/vm.h"

#define SMALL_SET                                                                                  \
    8 /* up to here duplicates are found at once, later when there is need or at the end */

bool wr_vm_collect_new(struct vm *vm, uint32_t kind, struct wr_value *out)
{
    struct vm_collect *collect = WR_NEW(vm->arena, struct vm_collect);
    if (collect == NULL) {
        return false;
    }
    collect->kind = kind;
    *out = (struct wr_value){.type = VM_COLLECT, .text = (const char *)collect};
    return true;
}

static struct vm_collect *collect_of(const struct wr_value *v)
{
    WR_ASSERT(v->type == VM_COLLECT);
    return (struct vm_collect *)(uintptr_t)v->text;
}

/* Room for `more` values. A set sheds its duplicates before it grows. */
static bool make_room(struct vm *vm, struct vm_collect *collect, uint32_t more)
{
    if (collect->n + more <= collect->cap) {
        return true;
    }
    if (collect->kind == WR_COLLECT_SET && collect->n >= 64) {
        collect->n = wr_set_from(collect->items, collect->n).n;
        if (collect->n <= collect->cap / 2) {
            return true;
        }
    }
    uint32_t cap = collect->cap == 0 ? 8 : collect->cap * 2;
    struct wr_value *items =
        cap > UINT32_MAX / 4
            ? NULL
            : wr_arena_alloc(vm->arena, cap * sizeof(items[0]), alignof(struct wr_value));
    if (items == NULL) {
        return false;
    }
    if (collect->n != 0) {
        memcpy(items, collect->items, collect->n * sizeof(items[0]));
    }
    collect->items = items;
    collect->cap = cap;
    return true;
}

wr_err wr_vm_collect_add(struct vm *vm, const struct wr_value *v, struct wr_value item)
{
    struct vm_collect *collect = collect_of(v);
    if (collect->kind == WR_COLLECT_SET && collect->n <= SMALL_SET && item.type <= WR_STRING) {
        for (uint32_t i = 0; i < collect->n; i++) {
            if (wr_vm_equal(&collect->items[i], &item)) {
                return WR_OK;
            }
        }
    }
    if (WR_UNLIKELY(!make_room(vm, collect, 1))) {
        return WR_E_MEMORY;
    }
    collect->items[collect->n++] = item;
    return WR_OK;
}

wr_err wr_vm_collect_put(struct vm *vm, const struct wr_value *v, struct wr_value key,
                         struct wr_value value)
{
    struct vm_collect *collect = collect_of(v);
    if (WR_UNLIKELY(!make_room(vm, collect, 2))) {
        return WR_E_MEMORY;
    }
    collect->items[collect->n++] = key;
    collect->items[collect->n++] = value;
    return WR_OK;
}

wr_err wr_vm_collect_path(struct vm *vm, const struct wr_value *v, const struct wr_value *path,
                          uint32_t n, struct wr_value leaf, bool element)
{
    struct wr_value *items = WR_NEW_ARRAY(vm->arena, struct wr_value, (size_t)n + 3);
    if (items == NULL) {
        return WR_E_MEMORY;
    }
    memcpy(&items[3], path, n * sizeof(items[0]));
    items[0] = wr_array(&items[3], n);
    items[1] = wr_bool(element);
    items[2] = leaf;
    return wr_vm_collect_add(vm, v, wr_array(items, 3));
}

bool wr_vm_collect_ground(struct vm *vm, const struct wr_value *set, struct wr_value *out)
{
    const size_t words = (size_t)set->n / 64 + 1;
    struct vm_collect *collect = wr_arena_alloc(
        vm->arena, sizeof *collect + words * sizeof(uint64_t), alignof(struct vm_collect));
    if (collect == NULL) {
        return false;
    }
    uint64_t *marks = (uint64_t *)(void *)(collect + 1);
    marks[0] = 0; /* there are seldom more */
    for (size_t i = 1; i < words; i++) {
        marks[i] = 0;
    }
    *collect = (struct vm_collect){.kind = WR_COLLECT_GROUND, .ground = set, .marks = marks};
    *out = (struct wr_value){.type = VM_COLLECT, .text = (const char *)collect};
    return true;
}

void wr_vm_collect_mark(const struct wr_value *v, uint32_t rank)
{
    struct vm_collect *collect = collect_of(v);
    uint64_t *word = &collect->marks[rank / 64], bit = UINT64_C(1) << rank % 64;
    collect->n += (*word & bit) == 0;
    *word |= bit;
}

static wr_err marked(struct vm *vm, const struct vm_collect *collect, struct wr_value *out)
{
    const struct wr_value *set = collect->ground;
    uint32_t n = 0;
    if (collect->n == 0) { /* nearly always: few clauses of a set hold */
        *out = (struct wr_value){.type = WR_SET};
        return WR_OK;
    }
    struct wr_value *items =
        wr_arena_alloc(vm->arena, collect->n * sizeof(items[0]), alignof(struct wr_value));
    if (items == NULL) {
        return WR_E_MEMORY;
    }
    for (uint32_t w = 0; n < collect->n; w++) {
        for (uint64_t bits = collect->marks[w]; bits != 0; bits &= bits - 1) {
            items[n++] = set->items[w * 64 + (uint32_t)__builtin_ctzll(bits)];
        }
    }
    *out = (struct wr_value){.type = WR_SET, .n = n, .items = items};
    return WR_OK;
}

/* True if the keys come in ascending order, as those of comprehensions over objects do. */
static bool is_ascending(const struct wr_pair *pairs, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        if (wr_value_cmp(&pairs[i - 1].key, &pairs[i].key) >= 0) {
            return false;
        }
    }
    return true;
}

/* Pairs with one key must have one value; duplicates go. */
static wr_err unique_object(struct vm *vm, struct vm_collect *collect, struct wr_value *out)
{
    uint32_t n = collect->n / 2;
    const struct wr_pair *as_is = (const struct wr_pair *)(const void *)collect->items;
    if (is_ascending(as_is, n)) {
        *out = (struct wr_value){.type = WR_OBJECT, .n = n, .pairs = as_is};
        return WR_OK;
    }
    struct wr_value *entries = WR_NEW_ARRAY(vm->arena, struct wr_value, n);
    if (entries == NULL) {
        return WR_E_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) { /* key and value as an array of two: sorted by both */
        entries[i] = wr_array(&collect->items[2 * i], 2);
    }
    struct wr_value set = wr_set_from(entries, n);
    struct wr_pair *pairs = WR_NEW_ARRAY(vm->arena, struct wr_pair, set.n);
    if (pairs == NULL) {
        return WR_E_MEMORY;
    }
    for (uint32_t i = 0; i < set.n; i++) {
        pairs[i] = (struct wr_pair){set.items[i].items[0], set.items[i].items[1]};
        if (i > 0 && wr_value_eq(&pairs[i].key, &pairs[i - 1].key)) {
            return WR_E_EVAL_CONFLICT;
        }
    }
    *out = (struct wr_value){.type = WR_OBJECT, .n = set.n, .pairs = pairs};
    return WR_OK;
}

/* ── general references ─────────────────────────────────────────────────────────────────────── */

static const struct wr_value *key_at(const struct wr_value *entry, uint32_t depth)
{
    return &entry->items[0].items[depth];
}

/* Entries whose paths end here: one value, or the elements of one set. */
static wr_err finish_leaf(struct vm *vm, const struct wr_value *entries, uint32_t n, uint32_t depth,
                          struct wr_value *out)
{
    bool element = wr_is_true(entries[0].items[1]);
    struct wr_value *leaves = WR_NEW_ARRAY(vm->arena, struct wr_value, n);
    if (leaves == NULL) {
        return WR_E_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (entries[i].items[0].n != depth || wr_is_true(entries[i].items[1]) != element) {
            return WR_E_EVAL_CONFLICT;
        }
        leaves[i] = entries[i].items[2];
    }
    if (element) {
        *out = wr_set_from(leaves, n);
        return WR_OK;
    }
    *out = leaves[0];
    return n == 1 ? WR_OK : WR_E_EVAL_CONFLICT;
}

/* Sorted entries that agree in their first `depth` keys. Depth: WR_LIMIT_REGO_HEAD twice. */
static wr_err finish_paths(struct vm *vm, const struct wr_value *entries, uint32_t n,
                           uint32_t depth, struct wr_value *out)
{
    if (n > 0 && entries[0].items[0].n == depth) {
        return finish_leaf(vm, entries, n, depth, out);
    }
    struct wr_pair *pairs = WR_NEW_ARRAY(vm->arena, struct wr_pair, n);
    uint32_t n_pairs = 0;
    if (pairs == NULL) {
        return WR_E_MEMORY;
    }
    for (uint32_t from = 0; from < n;) {
        uint32_t to = from + 1;
        while (to < n && wr_value_eq(key_at(&entries[from], depth), key_at(&entries[to], depth))) {
            to++;
        }
        struct wr_pair *pair = &pairs[n_pairs++];
        pair->key = *key_at(&entries[from], depth);
        wr_err err = finish_paths(vm, &entries[from], to - from, depth + 1, &pair->value);
        if (err != WR_OK) {
            return err;
        }
        from = to;
    }
    *out = (struct wr_value){.type = WR_OBJECT, .n = n_pairs, .pairs = pairs};
    return WR_OK;
}

wr_err wr_vm_collect_finish(struct vm *vm, const struct wr_value *v, struct wr_value *out)
{
    struct vm_collect *collect = collect_of(v);
    switch (collect->kind) {
    case WR_COLLECT_ARRAY:
        *out = wr_array(collect->items, collect->n);
        return WR_OK;
    case WR_COLLECT_SET:
        *out = wr_set_from(collect->items, collect->n);
        return WR_OK;
    case WR_COLLECT_GROUND:
        return marked(vm, collect, out);
    case WR_COLLECT_SORTED:
        *out = (struct wr_value){.type = WR_OBJECT,
                                 .n = collect->n / 2,
                                 .pairs = (const struct wr_pair *)(const void *)collect->items};
        return WR_OK;
    case WR_COLLECT_OBJECT:
        return unique_object(vm, collect, out);
    default: {
        struct wr_value set = wr_set_from(collect->items, collect->n);
        return finish_paths(vm, set.items, set.n, 0, out);
    }
    }
}
