/* SPDX-License-Identifier: Apache-2.0 */
/* Clauses side by side, as the compiler sees them when it looks for what they share.
 *
 * A lane is a clause with its body in the order of evaluation and a place in it. All before that
 * place is decided: it was compiled for a group of lanes at once, or it is one of the tests that an
 * index answers. */
#ifndef WR_REGO_LANE_H
#define WR_REGO_LANE_H

#include "rego/compile.h"
#include "rego/index.h"

struct wr_lane_test {
    struct wr_test test;
    const struct wr_plan_term *computed; /* source COMPUTED: this term */
    uint64_t shape;
    bool condition; /* ... and whether it holds, not its value */
    uint32_t expr;  /* index into order, or NO_EXPR: the group's value */
};
#define NO_EXPR UINT32_MAX

struct wr_lane {
    const struct wr_plan_clause *clause;
    struct wr_scope scope;
    const uint32_t *order; /* of body->exprs */
    uint32_t n, at;
    bool opaque;     /* compiled as it stands: else chains, arguments with patterns */
    bool cannot_err; /* its body */
    bool known;      /* what it yields: once is enough, if it cannot err */
    bool failed;     /* errors were reported */
    struct wr_lane_test *tests;
    uint32_t n_tests, cap_tests;
};

/* ── compile_test.c ─────────────────────────────────────────────────────────────────────────── */
/* An expression as a test of a term against constants: *source is the term. With TRUE the term may
 * be anything. False: it is none. Works on the clause whose scope is the compiler's. */
bool wr_test_of(const struct compiler *c, const struct wr_plan_expr *e, struct wr_test *test,
                const struct wr_plan_term **source);
/* A term that can be looked up without code: input path, register, field. False: it is computed. */
bool wr_direct_source(struct compiler *c, const struct wr_plan_term *t, struct wr_source *source);

/* ── lane.c ─────────────────────────────────────────────────────────────────────────────────── */
/* Orders a clause's body and binds its arguments; leaves the compiler in its scope. */
bool wr_lane_start(struct compiler *c, struct wr_lane *lane, const struct wr_plan_clause *clause);
/* Takes the tests at the lane's place, and constants that are given names there. */
bool wr_lane_take_tests(struct compiler *c, struct wr_lane *lane);
void wr_lane_enter(struct compiler *c, const struct wr_lane *lane);
void wr_lane_leave(const struct compiler *c, struct wr_lane *lane);
static inline const struct wr_plan_expr *wr_lane_expr(const struct wr_lane *lane, uint32_t i)
{
    return lane->clause->body->exprs[lane->order[i]];
}

/* ── same.c ─────────────────────────────────────────────────────────────────────────────────── */
/* Pairs of variables that stand for each other in two clauses. */
struct wr_same {
    const struct wr_scope *a, *b;
    uint32_t *a_to_b, *b_to_a; /* variable + 1, or 0 */
};
bool wr_same_init(struct wr_arena *arena, struct wr_same *same, const struct wr_scope *a,
                  const struct wr_scope *b);
/* Equal but for the names of variables that are not bound yet; constants are written alike. */
bool wr_same_term(struct wr_same *same, const struct wr_plan_term *a, const struct wr_plan_term *b);
bool wr_same_expr(struct wr_same *same, const struct wr_plan_expr *a, const struct wr_plan_expr *b);
/* The same for what is the same. */
uint64_t wr_shape_of_term(const struct wr_plan_term *t);
uint64_t wr_shape_of_expr(const struct wr_plan_expr *e);

#endif
