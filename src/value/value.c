/* SPDX-License-Identifier: Apache-2.0 */
/* Building containers, looking into them, copying. Order and hash stand in order.c, numbers in
 * number.c. */
#include "value/value.h"
#include "value/sort.h"

enum {
    SCAN_MAX = 8,   /* up to here a scan is faster than halving */
    WALK_DEPTH = 32 /* levels kept in one frame of the C stack; deeper values take another frame */
};

const char *wr_type_name(struct wr_value v)
{
    static const char *const names[] = {"undefined", "null",  "boolean", "number",
                                        "string",    "array", "object",  "set"};
    WR_ASSERT(v.type < WR_COUNTOF(names));
    return names[v.type];
}

struct wr_value wr_object_from(struct wr_pair *pairs, size_t n)
{
    WR_ASSERT(n <= UINT32_MAX);
    wr_value_sort((struct wr_value *)pairs, n, 2);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && wr_value_eq(&pairs[kept - 1].key, &pairs[i].key)) {
            kept--;
        }
        pairs[kept++] = pairs[i];
    }
    return (struct wr_value){.type = WR_OBJECT, .n = (uint32_t)kept, .pairs = pairs};
}

struct wr_value wr_set_from(struct wr_value *items, size_t n)
{
    WR_ASSERT(n <= UINT32_MAX);
    wr_value_sort(items, n, 1);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || !wr_value_eq(&items[kept - 1], &items[i])) {
            items[kept++] = items[i];
        }
    }
    return (struct wr_value){.type = WR_SET, .n = (uint32_t)kept, .items = items};
}

/* ── looking up ─────────────────────────────────────────────────────────────────────────────── */

/* Index of the key among n sorted ones that lie `stride` values apart, or SIZE_MAX. */
static size_t search(const struct wr_value *keys, size_t n, size_t stride,
                     const struct wr_value *key)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = wr_value_cmp(&keys[middle * stride], key);
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return SIZE_MAX;
}

/* Not inline: the scan needs no frame then. */
static __attribute__((noinline)) const struct wr_value *halve(const struct wr_value *object,
                                                              struct wr_str key)
{
    struct wr_value wanted = wr_string(key);
    size_t i = search(object->items, object->n, 2, &wanted);
    return i != SIZE_MAX ? &object->pairs[i].value : NULL;
}

const struct wr_value *wr_object_get_str(const struct wr_value *object, struct wr_str key)
{
    if (object->type != WR_OBJECT || key.n > UINT32_MAX) {
        return NULL;
    }
    const struct wr_pair *pairs = object->pairs;
    if (object->n > SCAN_MAX) {
        return halve(object, key);
    }
    for (uint32_t i = 0; i < object->n; i++) {
        const struct wr_value *at = &pairs[i].key;
        if (at->n == key.n && at->type == WR_STRING && wr_bytes_eq(at->text, key.p, key.n)) {
            return &pairs[i].value;
        }
    }
    return NULL;
}

const struct wr_value *wr_object_get(const struct wr_value *object, const struct wr_value *key)
{
    if (object->type != WR_OBJECT) {
        return NULL;
    }
    if (key->type == WR_STRING) {
        return wr_object_get_str(object, wr_text(*key));
    }
    size_t i = search(object->items, object->n, 2, key);
    return i != SIZE_MAX ? &object->pairs[i].value : NULL;
}

static const struct wr_value *find_in_set(const struct wr_value *set,
                                          const struct wr_value *element)
{
    size_t i = set->type == WR_SET ? search(set->items, set->n, 1, element) : SIZE_MAX;
    return i != SIZE_MAX ? &set->items[i] : NULL;
}

bool wr_set_has(const struct wr_value *set, const struct wr_value *element)
{
    return find_in_set(set, element) != NULL;
}

const struct wr_value *wr_value_at(const struct wr_value *v, const struct wr_value *key)
{
    int64_t i;
    switch (v->type) {
    case WR_OBJECT:
        return wr_object_get(v, key);
    case WR_SET:
        return find_in_set(v, key);
    case WR_ARRAY:
        if (wr_number_to_i64(key, &i) && i >= 0 && i < (int64_t)v->n) {
            return &v->items[i];
        }
        return NULL;
    default:
        return NULL;
    }
}

/* ── copying ────────────────────────────────────────────────────────────────────────────────── */

struct copy_frame {
    struct wr_value *at;
    size_t left;
};

static bool copy_text(struct wr_arena *arena, struct wr_value *v)
{
    struct wr_str copy = wr_str_copy(arena, wr_text(*v));
    v->text = copy.p;
    return copy.p != NULL;
}

/* Moves the children of a container into the arena; `frame` then lists them, still to be copied. */
static bool copy_children(struct wr_arena *arena, struct wr_value *v, struct copy_frame *frame)
{
    size_t count = (size_t)v->n * (v->type == WR_OBJECT ? 2 : 1);
    struct wr_value *children = NULL;
    if (count != 0) {
        children = wr_arena_alloc(arena, count * sizeof *children, alignof(struct wr_value));
        if (children == NULL) {
            return false;
        }
        memcpy(children, v->items, count * sizeof *children);
    }
    v->items = children;
    *frame = (struct copy_frame){children, count};
    return true;
}

static bool copy_in_place(struct wr_arena *arena, struct wr_value *root)
{
    struct copy_frame frames[WALK_DEPTH] = {{root, 1}};
    size_t depth = 1;
    while (depth > 0) {
        struct copy_frame *top = &frames[depth - 1];
        if (top->left == 0) {
            depth--;
            continue;
        }
        top->left--;
        struct wr_value *v = top->at++;
        bool done = true;
        if (v->type == WR_STRING || (v->type == WR_NUMBER && v->kind == WR_TEXT)) {
            done = copy_text(arena, v);
        } else if (v->type >= WR_ARRAY && depth < WALK_DEPTH) {
            done = copy_children(arena, v, &frames[depth++]);
        } else if (v->type >= WR_ARRAY) {
            done = copy_in_place(arena, v);
        }
        if (!done) {
            return false;
        }
    }
    return true;
}

struct wr_value wr_value_copy(struct wr_arena *arena, struct wr_value v)
{
    return copy_in_place(arena, &v) ? v : wr_undefined();
}
