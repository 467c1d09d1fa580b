/* SPDX-License-Identifier: Apache-2.0 */
/* Which clauses of a rule can hold, asked once for all of them instead of clause by clause.
 *
 * A clause's leading conditions that compare something with constants are its tests. Tests of one
 * thing, over all clauses, make a dimension: the constants sorted are its points, and they cut all
 * values (Rego's order is total) into positions
 *
 *     0           1          2        3          4     ...   2n + 1
 *     undefined   < p[0]     p[0]     between    p[1]  ...   > p[n-1]
 *
 * with one row of bits each: the clauses whose tests hold there. Equality, order, membership in a
 * constant collection and prefixes of texts are all ranges of positions. To evaluate is to find
 * each value's position (dimension.c) and to intersect the rows; what is left are the candidates,
 * entered behind their tests.
 *
 * What is tested is an input path, a register (an argument, what a loop has bound), a field of one,
 * or a term that several clauses share and that is then computed once (a dimension with a register
 * of its own). Rows take (2n + 2) * clauses / 8 bytes, those of a program WR_LIMIT_REGO_INDEX at
 * most; a rule of more than WR_INDEX_CLAUSES clauses has several indexes, one after the other. */
#ifndef WR_REGO_INDEX_H
#define WR_REGO_INDEX_H

#include "value/value.h"

#define WR_INDEX_CLAUSES 1024 /* of one index */
#define WR_INDEX_MIN     4    /* clauses from which on an index is made */
#define WR_INDEX_COUNTS  8    /* groups of comprehensions that are counted together */

enum wr_source_kind {
    WR_SOURCE_INPUT,    /* path `id` */
    WR_SOURCE_REGISTER, /* `id` */
    WR_SOURCE_FIELD,    /* constant `key` of register `id` */
    WR_SOURCE_COMPUTED, /* by code between SELECT and CANDIDATE, term `id` */
};

struct wr_source {
    uint8_t kind;
    uint32_t id, key;
};

enum wr_test_form {
    WR_TEST_EQ,
    WR_TEST_NEQ,
    WR_TEST_LT,
    WR_TEST_LTE,
    WR_TEST_GT,
    WR_TEST_GTE,
    WR_TEST_IN,     /* an element, or a value, of a constant collection */
    WR_TEST_PREFIX, /* a text that begins with a constant one; no text: the builtin says what */
    WR_TEST_TRUE,   /* defined and not false */
};

struct wr_test {
    struct wr_source source;
    uint8_t form;
    bool negated; /* holds where the test does not, undefined included */
    struct wr_value value;
};

enum wr_point_kind { WR_POINTS_MIXED, WR_POINTS_INT, WR_POINTS_TEXT };

struct wr_dimension {
    struct wr_source source;
    uint8_t points_kind;
    bool prefix; /* some test is a prefix: only texts can be decided here */
    uint32_t n_points;
    const struct wr_value *points;
    uint32_t shared;        /* TEXT: bytes that all points begin with */
    const uint64_t *keys;   /* INT: the points; TEXT: their next 8 bytes, in order as numbers */
    const uint32_t *starts; /* INT, TEXT: by bucket (dimension.c), the points before it */
    const uint64_t *rows;
    const uint64_t *tested; /* clauses that have a test here */
};

struct wr_index {
    uint32_t n_clauses, n_words, n_dimensions;
    uint32_t n_direct; /* the first ones; the others are computed */
    bool prefix;       /* of a direct one */
    struct wr_dimension *dimensions;
    uint32_t *entries; /* by clause: its instruction behind the tests */
};

/* Points that the test adds to its dimension, at most. */
uint32_t wr_test_points(const struct wr_test *t);

/* Makes dimensions for tests[i] of clause i (n_tests[i] of them), all of sources that stand in
 * `sources`, in that order. There
 * is room for WR_INDEX_COUNTS more. False: no room. */
bool wr_index_build(struct wr_arena *arena, struct wr_index *index, const struct wr_source *sources,
                    uint32_t n_sources, struct wr_test *const *tests, const uint32_t *n_tests,
                    uint32_t n_clauses);

/* Readies the sorted points for wr_dimension_position. False: no room. */
bool wr_dimension_prepare(struct wr_arena *arena, struct wr_dimension *d);

/* The same as wr_dimension_position for what is defined, by halving alone. */
uint32_t wr_dimension_search(const struct wr_dimension *d, const struct wr_value *v);

/* The position of a value, in 0 .. 2 * n_points + 1. */
uint32_t wr_dimension_position(const struct wr_dimension *d, const struct wr_value *v);

static inline const uint64_t *wr_dimension_row(const struct wr_dimension *d, uint32_t n_words,
                                               const struct wr_value *v)
{
    return d->rows + (size_t)wr_dimension_position(d, v) * n_words;
}

static inline bool wr_same_source(const struct wr_source *a, const struct wr_source *b)
{
    return a->kind == b->kind && a->id == b->id && a->key == b->key;
}

#endif
