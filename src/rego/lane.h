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
    bool barred;      /* not to be indexed */
    uint32_t unit;    /* of the index */
    uint32_t counter; /* register in which a group of comprehensions counts; 0: none */
    bool condition;   /* ... and whether it holds, not its value */
    uint32_t expr;    /* index into order, or NO_EXPR: the group's value */
};
#define NO_EXPR UINT32_MAX

struct wr_lane {
    const struct wr_plan_clause *clause;
    struct wr_scope scope;
    const uint32_t *order; /* of body->exprs */
    uint32_t n, at;
    bool opaque;                 /* compiled as it stands: else chains, arguments with patterns */
    bool cannot_err;             /* its body */
    bool known;                  /* what it yields: once is enough, if it cannot err */
    bool failed;                 /* errors were reported */
    struct wr_lane_test *counts; /* a comprehension's lane: what it counts for */
    struct wr_lane_test *tests;
    uint32_t n_tests, cap_tests;
};

#define WR_LANE_TESTS  64  /* of one clause; what stands behind is evaluated */
#define WR_LANE_VARS   256 /* a clause of more variables is compiled alone */
#define WR_LANE_LEVELS 8   /* of groups in groups; deeper ones are compiled clause by clause */

struct wr_lane_unit { /* what an index decides about */
    struct wr_lane **lanes;
    uint32_t n;
    bool is_value; /* a group that shares a term that is then tested, not an expression */
};

struct wr_level {
    struct wr_rule_state *state;
    uint32_t done;     /* where to go on when no clause is pending any more, or NO_LABEL */
    uint32_t reserved; /* the instruction before the group: CLAUSES if there is an index */
    uint32_t depth;
    uint32_t counting; /* of comprehensions: the register of the clauses that they count for */
};

/* What is made of one chunk of units. */
struct wr_lane_plan {
    struct wr_index *index;
    uint32_t number, reg;
    const struct wr_plan_term **computed; /* by id of a source */
    bool *conditions;
    struct wr_lane **owners;
    uint32_t n_computed;
    struct wr_name_map shapes; /* of computed terms: how many tests */
    struct wr_source *sources;
    uint32_t *n_tests;  /* by source */
    uint64_t *n_points; /* by source, at most */
    uint32_t n_sources;
    struct wr_lane_unit
        *counts; /* groups of comprehensions that are only counted, one a dimension ... */
    uint32_t n_counts;
    uint32_t first_count; /* ... from here on */
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
/* The body of a comprehension inside a lane, as a lane. */
bool wr_lane_start_inner(struct compiler *c, struct wr_lane *lane, const struct wr_lane *outer,
                         const struct wr_plan_body *body);
/* Takes the tests at the lane's place, and constants that are given names there. */
bool wr_lane_take_tests(struct compiler *c, struct wr_lane *lane);
void wr_lane_enter(struct compiler *c, const struct wr_lane *lane);
void wr_lane_leave(const struct compiler *c, struct wr_lane *lane);
static inline const struct wr_plan_expr *wr_lane_expr(const struct wr_lane *lane, uint32_t i)
{
    return lane->clause->body->exprs[lane->order[i]];
}

/* ── lane_units.c ───────────────────────────────────────────────────────────────────────────── */
/* The term that an expression tests, if others may share it; NULL: they may share it whole. */
const struct wr_plan_term *wr_shared_term(struct compiler *c, const struct wr_plan_expr *e);
struct wr_same;
/* True if both begin alike; then `same` pairs their variables. */
bool wr_begin_alike(struct compiler *c, const struct wr_lane *a, const struct wr_lane *b,
                    bool *is_value, struct wr_same *same);
/* Lanes to units: *n units in the order of their first lanes. NULL: no room. */
struct wr_lane_unit *wr_make_units(struct compiler *c, const struct wr_level *level,
                                   struct wr_lane **lanes, uint32_t n, uint32_t *n_units);

/* ── lane_plan.c ────────────────────────────────────────────────────────────────────────────── */
/* Decides whether an index over n units is worth it (p->index), and makes it. False: no room. */
bool wr_plan_units(struct compiler *c, struct wr_lane_plan *p, const struct wr_lane_unit *units,
                   uint32_t n);
bool wr_is_indexed(const struct wr_lane_plan *p, const struct wr_lane_test *test);

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
