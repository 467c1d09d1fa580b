/* SPDX-License-Identifier: Apache-2.0 */
/* Where a value stands among the points of a dimension.
 *
 * Thresholds of a policy spread over magnitudes, and texts over first letters: points of one kind
 * are kept in buckets, numbers by their length in bits, texts by the first byte behind the prefix
 * that all share. What is asked is then often decided by its bucket, and seldom by more than a few
 * steps of halving. */
#include "rego/index.h"

#define INT_BUCKETS  65  /* negative, then 0 to 63 bits */
#define TEXT_BUCKETS 257 /* at its end, then by byte */

/* 1 + 2i before point i, 2 + 2i on it. */
static uint32_t position(uint32_t i, bool on)
{
    return 1 + 2 * i + on;
}

/* ── preparing ──────────────────────────────────────────────────────────────────────────────── */

/* The next eight bytes of t from `from` on, in order as numbers; zeros behind the end. */
static uint64_t head_of(struct wr_str t, uint32_t from)
{
    uint64_t head = 0;
    if (t.n >= from + (size_t)8) {
        memcpy(&head, t.p + from, 8);
        return __builtin_bswap64(head);
    }
    for (size_t i = from, shift = 56; i < t.n; i++, shift -= 8) {
        head |= (uint64_t)(unsigned char)t.p[i] << shift;
    }
    return head;
}

static uint32_t int_bucket(int64_t v)
{
    return v < 0 ? 0 : v == 0 ? 1 : 65 - (uint32_t)__builtin_clzll((uint64_t)v);
}

static uint32_t text_bucket(struct wr_str t, uint32_t shared)
{
    return t.n <= shared ? 0 : 1 + (unsigned char)t.p[shared];
}

static bool is_int(const struct wr_value *v)
{
    return v->type == WR_NUMBER && v->kind == WR_DEC && v->scale == 0;
}

/* Bytes that all texts begin with: those of the first and the last in order. */
static uint32_t shared_bytes(const struct wr_dimension *d)
{
    struct wr_str a = wr_text(d->points[0]), b = wr_text(d->points[d->n_points - 1]);
    uint32_t n = 0;
    while (n < a.n && n < b.n && a.p[n] == b.p[n]) {
        n++;
    }
    return n;
}

/* starts[k]: points in buckets before k. */
static uint32_t *count_starts(struct wr_arena *arena, const struct wr_dimension *d, uint32_t n)
{
    uint32_t *starts = WR_NEW_ARRAY(arena, uint32_t, (size_t)n + 1);
    for (uint32_t i = 0, k = 0; starts != NULL && k <= n; k++) {
        while (i < d->n_points && (d->points_kind == WR_POINTS_INT
                                       ? int_bucket(d->points[i].i)
                                       : text_bucket(wr_text(d->points[i]), d->shared)) < k) {
            i++;
        }
        starts[k] = i;
    }
    return starts;
}

bool wr_dimension_prepare(struct wr_arena *arena, struct wr_dimension *d)
{
    bool ints = d->n_points > 0, texts = d->n_points > 0;
    for (uint32_t i = 0; i < d->n_points; i++) {
        ints = ints && is_int(&d->points[i]);
        texts = texts && d->points[i].type == WR_STRING;
    }
    d->points_kind = ints ? WR_POINTS_INT : texts ? WR_POINTS_TEXT : WR_POINTS_MIXED;
    if (!ints && !texts) {
        return true;
    }
    uint64_t *keys = WR_NEW_ARRAY(arena, uint64_t, d->n_points);
    d->shared = texts ? shared_bytes(d) : 0;
    d->starts = count_starts(arena, d, ints ? INT_BUCKETS : TEXT_BUCKETS);
    if (keys == NULL || d->starts == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < d->n_points; i++) {
        keys[i] = ints ? (uint64_t)d->points[i].i : head_of(wr_text(d->points[i]), d->shared);
    }
    d->keys = keys;
    return true;
}

/* ── searching ──────────────────────────────────────────────────────────────────────────────── */

static uint32_t among_ints(const struct wr_dimension *d, int64_t v, bool fraction)
{
    uint32_t bucket = int_bucket(v), base = d->starts[bucket], n = d->starts[bucket + 1] - base;
    while (n > 0) { /* points before base are <= v, those from base + n on are not */
        uint32_t half = (n + 1) / 2;
        base += (int64_t)d->keys[base + half - 1] <= v ? half : 0;
        n -= half;
    }
    return base > 0 && (int64_t)d->keys[base - 1] == v && !fraction ? position(base - 1, true)
                                                                    : position(base, false);
}

uint32_t wr_dimension_search(const struct wr_dimension *d, const struct wr_value *v)
{
    uint32_t low = 0, high = d->n_points;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = wr_value_cmp(&d->points[middle], v);
        if (order == 0) {
            return position(middle, true);
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return position(low, false);
}

static uint32_t among_texts(const struct wr_dimension *d, struct wr_str v)
{
    if (d->shared > 0) {
        int order = wr_str_cmp(wr_str_of(v.p, WR_MIN(v.n, d->shared)),
                               wr_str_of(d->points[0].text, d->shared));
        if (order != 0) {
            return order < 0 ? 1 : position(d->n_points, false);
        }
    }
    uint64_t head = head_of(v, d->shared);
    uint32_t bucket = text_bucket(v, d->shared);
    uint32_t base = d->starts[bucket], high = d->starts[bucket + 1], n = high - base;
    while (n > 0) { /* points before base have lesser heads */
        uint32_t half = (n + 1) / 2;
        base += d->keys[base + half - 1] < head ? half : 0;
        n -= half;
    }
    while (base < high) { /* among those with this head */
        uint32_t middle = base + (high - base) / 2;
        int order = d->keys[middle] != head ? 1 : wr_str_cmp(wr_text(d->points[middle]), v);
        if (order == 0) {
            return position(middle, true);
        }
        if (order < 0) {
            base = middle + 1;
        } else {
            high = middle;
        }
    }
    return position(base, false);
}

uint32_t wr_dimension_position(const struct wr_dimension *d, const struct wr_value *v)
{
    static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    if (v->type == WR_UNDEFINED) {
        return 0;
    }
    if (d->points_kind == WR_POINTS_INT) {
        if (v->type != WR_NUMBER) {
            return v->type < WR_NUMBER ? 1 : position(d->n_points, false);
        }
        if (v->kind == WR_DEC && v->scale == 0) { /* without the division */
            return among_ints(d, v->i, false);
        }
        if (v->kind == WR_DEC && v->scale < WR_COUNTOF(powers)) {
            int64_t whole = v->i / powers[v->scale], rest = v->i % powers[v->scale];
            return among_ints(d, whole - (rest < 0), rest != 0);
        }
    } else if (d->points_kind == WR_POINTS_TEXT) {
        return v->type != WR_STRING ? v->type < WR_STRING ? 1 : position(d->n_points, false)
                                    : among_texts(d, wr_text(*v));
    }
    return wr_dimension_search(d, v);
}
