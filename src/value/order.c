/* SPDX-License-Identifier: Apache-2.0 */
/* The total order of values and the hash that agrees with it.
 *
 * Both walk containers with an explicit stack. A frame of the C stack holds WALK_DEPTH levels;
 * values nested deeper than any reader accepts (a policy may wrap what was read) take further
 * frames, some 30 bytes a level. */
#include "base/hash.h"
#include "value/number.h"
#include "value/value.h"

enum { WALK_DEPTH = 32 };

static size_t child_count(const struct wr_value *v)
{
    return (size_t)v->n * (v->type == WR_OBJECT ? 2 : 1);
}

static int cmp_leaf(const struct wr_value *a, const struct wr_value *b)
{
    switch (a->type) {
    case WR_BOOL:
        return (a->i > b->i) - (a->i < b->i);
    case WR_NUMBER:
        return wr_number_cmp(a, b);
    case WR_STRING:
        return wr_str_cmp(wr_text(*a), wr_text(*b));
    default:
        return 0;
    }
}

struct cmp_frame {
    const struct wr_value *a, *b;
    size_t left;
    int tie; /* decides when all common children are equal */
};

static struct cmp_frame open_frame(const struct wr_value *a, const struct wr_value *b)
{
    size_t n = child_count(a), m = child_count(b);
    return (struct cmp_frame){a->items, b->items, WR_MIN(n, m), (n > m) - (n < m)};
}

static int cmp_containers(const struct wr_value *a, const struct wr_value *b)
{
    struct cmp_frame frames[WALK_DEPTH];
    size_t depth = 0;
    frames[depth++] = open_frame(a, b);
    while (depth > 0) {
        struct cmp_frame *top = &frames[depth - 1];
        if (top->left == 0) {
            if (top->tie != 0) {
                return top->tie;
            }
            depth--;
            continue;
        }
        top->left--;
        const struct wr_value *x = top->a++, *y = top->b++;
        int order = 0;
        if (x->type != y->type) {
            return x->type < y->type ? -1 : 1;
        }
        if (x->type < WR_ARRAY) {
            order = cmp_leaf(x, y);
        } else if (depth < WALK_DEPTH) {
            frames[depth++] = open_frame(x, y);
        } else {
            order = cmp_containers(x, y);
        }
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

int wr_value_cmp(const struct wr_value *a, const struct wr_value *b)
{
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    return a->type < WR_ARRAY ? cmp_leaf(a, b) : cmp_containers(a, b);
}

bool wr_value_eq(const struct wr_value *a, const struct wr_value *b)
{
    if (a->type != b->type || (a->type >= WR_STRING && a->n != b->n)) {
        return false;
    }
    return a->type == WR_STRING ? a->n == 0 || memcmp(a->text, b->text, a->n) == 0
                                : wr_value_cmp(a, b) == 0;
}

static uint64_t hash_one(uint64_t h, const struct wr_value *v)
{
    static const struct wr_hash_key key = {0x77656972206b6579U, 0x76616c7565206b65U};
    uint64_t word = 0;
    switch (v->type) {
    case WR_NUMBER:
        word = wr_number_hash(v);
        break;
    case WR_STRING:
        word = wr_siphash13(key, v->text, v->n);
        break;
    case WR_BOOL:
        word = (uint64_t)v->i;
        break;
    default:
        word = v->type >= WR_ARRAY ? v->n : 0;
        break;
    }
    return wr_mix64((h ^ word) + (v->type + 1) * 0x9e3779b97f4a7c15U);
}

struct hash_frame {
    const struct wr_value *at;
    size_t left;
};

/* In the order in which the values stand, each container with its length: so no two different
 * trees feed the same words. */
static uint64_t hash_children(uint64_t h, const struct wr_value *v)
{
    struct hash_frame frames[WALK_DEPTH] = {{v->items, child_count(v)}};
    size_t depth = 1;
    while (depth > 0) {
        struct hash_frame *top = &frames[depth - 1];
        if (top->left == 0) {
            depth--;
            continue;
        }
        top->left--;
        const struct wr_value *child = top->at++;
        h = hash_one(h, child);
        if (child->type < WR_ARRAY) {
            continue;
        }
        if (depth < WALK_DEPTH) {
            frames[depth++] = (struct hash_frame){child->items, child_count(child)};
        } else {
            h = hash_children(h, child);
        }
    }
    return h;
}

uint64_t wr_value_hash(const struct wr_value *v)
{
    uint64_t h = hash_one(0, v);
    return v->type < WR_ARRAY ? h : hash_children(h, v);
}
