/* SPDX-License-Identifier: Apache-2.0 */
/* Dimensions of an index, made from tests. */
#include "rego/index.h"

#include "value/sort.h"

struct range { /* of positions, both ends included */
    uint32_t from, to;
};

struct ranges {
    struct range *items;
    uint32_t n;
};

/* ── points ─────────────────────────────────────────────────────────────────────────────────── */

static uint32_t values_of(const struct wr_value *c)
{
    return c->type >= WR_ARRAY && c->type <= WR_SET ? c->n : 0;
}

static const struct wr_value *value_at(const struct wr_value *c, uint32_t i)
{
    return c->type == WR_OBJECT ? &c->pairs[i].value : &c->items[i];
}

uint32_t wr_test_points(const struct wr_test *t)
{
    switch (t->form) {
    case WR_TEST_IN:
        return values_of(&t->value);
    case WR_TEST_PREFIX:
        return 2;
    default:
        return 1;
    }
}

/* The least text above all that begin with t; its last byte is not the largest in UTF-8. */
static bool after_prefix(struct wr_arena *arena, const struct wr_value *t, struct wr_value *out)
{
    char *text = wr_arena_alloc(arena, (size_t)t->n + 1, 1);
    if (text == NULL) {
        return false;
    }
    memcpy(text, t->text, t->n);
    text[t->n - 1] = (char)((unsigned char)text[t->n - 1] + 1);
    *out = wr_string(wr_str_of(text, t->n));
    return true;
}

static bool add_points(struct wr_arena *arena, const struct wr_test *t, struct wr_value *points,
                       uint32_t *n)
{
    if (t->form == WR_TEST_IN) {
        for (uint32_t i = 0; i < values_of(&t->value); i++) {
            points[(*n)++] = *value_at(&t->value, i);
        }
        return true;
    }
    points[(*n)++] = t->form == WR_TEST_TRUE ? wr_bool(false) : t->value;
    return t->form != WR_TEST_PREFIX || after_prefix(arena, &t->value, &points[(*n)++]);
}

/* ── ranges of tests ────────────────────────────────────────────────────────────────────────── */

static void put(struct ranges *r, uint32_t from, uint32_t to)
{
    if (from > to) {
        return;
    }
    if (r->n > 0 && r->items[r->n - 1].to + 1 >= from) {
        r->items[r->n - 1].to = WR_MAX(to, r->items[r->n - 1].to);
    } else {
        r->items[r->n++] = (struct range){from, to};
    }
}

/* Lists may be long and in any order: positions are sorted as a set. */
static bool in_ranges(struct wr_arena *arena, const struct wr_dimension *d,
                      const struct wr_value *c, struct ranges *out)
{
    struct wr_arena_mark mark = wr_arena_mark(arena);
    struct wr_value *positions = WR_NEW_ARRAY(arena, struct wr_value, values_of(c));
    if (positions == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < values_of(c); i++) {
        positions[i] = wr_int(wr_dimension_search(d, value_at(c, i)));
    }
    struct wr_value set = wr_set_from(positions, values_of(c));
    for (uint32_t i = 0; i < set.n; i++) {
        uint32_t at = (uint32_t)set.items[i].i;
        out->items[out->n++] = (struct range){at, at};
    }
    wr_arena_rewind(arena, mark);
    return true;
}

/* Where the test holds, in order; room for wr_test_points(t) + 2. False: no room for more. */
static bool ranges_of(struct wr_arena *arena, const struct wr_dimension *d, const struct wr_test *t,
                      struct ranges *out)
{
    uint32_t last = 2 * d->n_points + 1;
    struct wr_arena_mark mark = wr_arena_mark(arena);
    struct wr_value no = wr_bool(false), end;
    const struct wr_value *value = t->form == WR_TEST_TRUE ? &no : &t->value;
    uint32_t at = t->form == WR_TEST_IN ? 0 : wr_dimension_search(d, value);
    out->n = 0;
    switch (t->form) {
    case WR_TEST_EQ:
        put(out, at, at);
        break;
    case WR_TEST_NEQ:
    case WR_TEST_TRUE:
        put(out, 1, at - 1);
        put(out, at + 1, last);
        break;
    case WR_TEST_LT:
        put(out, 1, at - 1);
        break;
    case WR_TEST_LTE:
        put(out, 1, at);
        break;
    case WR_TEST_GT:
        put(out, at + 1, last);
        break;
    case WR_TEST_GTE:
        put(out, at, last);
        break;
    case WR_TEST_PREFIX:
        if (!after_prefix(arena, value, &end)) {
            return false;
        }
        put(out, at, wr_dimension_search(d, &end) - 1);
        wr_arena_rewind(arena, mark);
        break;
    default:
        return in_ranges(arena, d, &t->value, out);
    }
    return true;
}

static void complement(struct ranges *r, uint32_t last, struct ranges *out)
{
    uint32_t next = 0;
    out->n = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        if (r->items[i].from > next) {
            put(out, next, r->items[i].from - 1);
        }
        next = r->items[i].to + 1;
    }
    put(out, next, last);
}

static void intersect(const struct ranges *a, const struct ranges *b, struct ranges *out)
{
    out->n = 0;
    for (uint32_t i = 0, k = 0; i < a->n && k < b->n;) {
        const struct range *x = &a->items[i], *y = &b->items[k];
        uint32_t from = WR_MAX(x->from, y->from), to = WR_MIN(x->to, y->to);
        if (from <= to) {
            out->items[out->n++] = (struct range){from, to};
        }
        if (x->to < y->to) {
            i++;
        } else {
            k++;
        }
    }
}

/* ── rows ───────────────────────────────────────────────────────────────────────────────────── */

struct builder {
    struct wr_arena *arena;
    struct wr_index *index;
    struct wr_test *const *tests;
    const uint32_t *n_tests;
    struct ranges held, more, both; /* scratch */
    bool no_room;
};

/* Ranges in which all of a clause's tests of the dimension hold. False: it has none. */
static bool clause_ranges(struct builder *b, const struct wr_dimension *d, uint32_t clause)
{
    uint32_t last = 2 * d->n_points + 1;
    bool any = false;
    for (uint32_t i = 0; i < b->n_tests[clause]; i++) {
        const struct wr_test *t = &b->tests[clause][i];
        if (!wr_same_source(&t->source, &d->source)) {
            continue;
        }
        if (!ranges_of(b->arena, d, t, &b->more)) {
            b->no_room = true;
            return false;
        }
        if (t->negated) {
            complement(&b->more, last, &b->both);
            struct ranges swap = b->more;
            b->more = b->both;
            b->both = swap;
        }
        if (any) {
            intersect(&b->held, &b->more, &b->both);
        }
        struct ranges swap = b->held;
        b->held = any ? b->both : b->more;
        *(any ? &b->both : &b->more) = swap;
        any = true;
    }
    return any;
}

/* A clause's bit is turned where a range begins and behind its end; rows are then summed up. */
static bool make_rows(struct builder *b, struct wr_dimension *d)
{
    uint32_t n_words = b->index->n_words, n_rows = 2 * d->n_points + 2;
    uint64_t *rows = WR_NEW_ARRAY(b->arena, uint64_t, (size_t)n_rows * n_words);
    uint64_t *tested = WR_NEW_ARRAY(b->arena, uint64_t, n_words);
    if (rows == NULL || tested == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < b->index->n_clauses; i++) {
        uint64_t bit = UINT64_C(1) << i % 64;
        if (!clause_ranges(b, d, i)) {
            rows[i / 64] ^= bit;
            continue;
        }
        tested[i / 64] |= bit;
        for (uint32_t k = 0; k < b->held.n; k++) {
            rows[(size_t)b->held.items[k].from * n_words + i / 64] ^= bit;
            if (b->held.items[k].to + 1 < n_rows) {
                rows[((size_t)b->held.items[k].to + 1) * n_words + i / 64] ^= bit;
            }
        }
    }
    for (size_t w = n_words; w < (size_t)n_rows * n_words; w++) {
        rows[w] ^= rows[w - n_words];
    }
    d->rows = rows;
    d->tested = tested;
    return !b->no_room;
}

static bool make_points(struct builder *b, struct wr_dimension *d)
{
    uint32_t n = 0, room = 0;
    for (uint32_t i = 0; i < b->index->n_clauses; i++) {
        for (uint32_t k = 0; k < b->n_tests[i]; k++) {
            const struct wr_test *t = &b->tests[i][k];
            room += wr_same_source(&t->source, &d->source) ? wr_test_points(t) : 0;
        }
    }
    struct wr_value *points = WR_NEW_ARRAY(b->arena, struct wr_value, room);
    if (points == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < b->index->n_clauses; i++) {
        for (uint32_t k = 0; k < b->n_tests[i]; k++) {
            const struct wr_test *t = &b->tests[i][k];
            if (!wr_same_source(&t->source, &d->source)) {
                continue;
            }
            d->prefix = d->prefix || t->form == WR_TEST_PREFIX;
            if (!add_points(b->arena, t, points, &n)) {
                return false;
            }
        }
    }
    struct wr_value set = wr_set_from(points, n);
    d->points = set.items;
    d->n_points = set.n;
    return wr_dimension_prepare(b->arena, d);
}

static bool make_scratch(struct builder *b)
{
    struct ranges *all[3] = {&b->held, &b->more, &b->both};
    uint32_t n = 8;
    for (uint32_t i = 0; i < b->index->n_clauses; i++) {
        uint32_t sum = 8;
        for (uint32_t k = 0; k < b->n_tests[i]; k++) {
            sum += wr_test_points(&b->tests[i][k]) + 2;
        }
        n = WR_MAX(n, sum);
    }
    for (int i = 0; i < 3; i++) {
        *all[i] = (struct ranges){WR_NEW_ARRAY(b->arena, struct range, n), 0};
        if (all[i]->items == NULL) {
            return false;
        }
    }
    return true;
}

static uint32_t bits_left(const uint64_t *bits, const uint64_t *covered, uint32_t n_words)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w < n_words; w++) {
        for (uint64_t left = bits[w] & ~covered[w]; left != 0; left &= left - 1) {
            n++;
        }
    }
    return n;
}

/* Direct dimensions in an order in which few of them can rule out every clause: first the one that
 * most clauses test, then the one that most of the others test, and so on. */
static void order_direct(struct wr_index *index)
{
    uint64_t covered[WR_INDEX_CLAUSES / 64] = {0};
    for (uint32_t i = 0; i < index->n_direct; i++) {
        uint32_t best = i, most = 0;
        for (uint32_t k = i; k < index->n_direct; k++) {
            uint32_t n = bits_left(index->dimensions[k].tested, covered, index->n_words);
            best = n > most ? k : best;
            most = WR_MAX(n, most);
        }
        if (most == 0) {
            return;
        }
        struct wr_dimension swap = index->dimensions[i];
        index->dimensions[i] = index->dimensions[best];
        index->dimensions[best] = swap;
        for (uint32_t w = 0; w < index->n_words; w++) {
            covered[w] |= index->dimensions[i].tested[w];
        }
    }
}

bool wr_index_build(struct wr_arena *arena, struct wr_index *index, const struct wr_source *sources,
                    uint32_t n_sources, struct wr_test *const *tests, const uint32_t *n_tests,
                    uint32_t n_clauses)
{
    struct builder b = {.arena = arena, .index = index, .tests = tests, .n_tests = n_tests};
    *index = (struct wr_index){.n_clauses = n_clauses, .n_words = (n_clauses + 63) / 64};
    index->dimensions =
        WR_NEW_ARRAY(arena, struct wr_dimension, (size_t)n_sources + WR_INDEX_COUNTS);
    index->entries = WR_NEW_ARRAY(arena, uint32_t, n_clauses);
    if (index->dimensions == NULL || index->entries == NULL || !make_scratch(&b)) {
        return false;
    }
    for (uint32_t i = 0; i < n_sources; i++) {
        struct wr_dimension *d = &index->dimensions[index->n_dimensions++];
        d->source = sources[i];
        if (!make_points(&b, d) || !make_rows(&b, d)) {
            return false;
        }
        if (d->source.kind != WR_SOURCE_COMPUTED) {
            index->n_direct = i + 1;
            index->prefix = index->prefix || d->prefix;
        }
    }
    order_direct(index);
    return true;
}
