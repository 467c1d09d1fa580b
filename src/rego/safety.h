/* SPDX-License-Identifier: Apache-2.0 */
/* Which variables are bound where, and in which order a body can be evaluated.
 *
 * A term is ready when it can be computed from the bound variables; computing it may bind others
 * (operands of references, sides of unifications). The compiler asks the same questions in the same
 * order as it emits code, so that a body that was found ready can always be compiled. Order is
 * OPA's: greedy, in source order, again and again until nothing more is ready. */
#ifndef WR_REGO_SAFETY_H
#define WR_REGO_SAFETY_H

#include "rego/plan.h"

/* Steps that the questions below may take for one program or query: nested terms that wait for each
 * other could otherwise be asked again and again without end. */
#define WR_LIMIT_REGO_SAFETY 100000000u

struct wr_bindings {
    uint64_t *budget; /* at 0 nothing is ready any more */
    bool *bound;      /* by variable */
    bool *local;      /* stands directly in a body around, closures apart */
    uint32_t *bound_trail, *local_trail;
    uint32_t n_bound, n_local;
    uint32_t n_vars;
};

bool wr_bindings_init(struct wr_bindings *b, struct wr_arena *arena, uint32_t n_vars,
                      uint64_t *budget);
void wr_bind(struct wr_bindings *b, uint32_t var);
/* Back to an earlier b->n_bound. */
void wr_unbind(struct wr_bindings *b, uint32_t n_bound);
/* Marks the variables that stand directly in a body as local; undo with wr_leave_body. */
void wr_enter_body(struct wr_bindings *b, const struct wr_plan_body *body);
void wr_leave_body(struct wr_bindings *b, uint32_t n_local);

/* True if ready, and then what it binds is bound; else nothing is changed. */
bool wr_ready(struct wr_bindings *b, const struct wr_plan_term *t);
bool wr_ready_pattern(struct wr_bindings *b, const struct wr_plan_term *t);
bool wr_ready_unify(struct wr_bindings *b, const struct wr_plan_term *x,
                    const struct wr_plan_term *y);
bool wr_ready_expr(struct wr_bindings *b, const struct wr_plan_expr *e);
/* Asks without binding. */
bool wr_would_be_ready(struct wr_bindings *b, const struct wr_plan_term *t);
/* The pair at which x and y, both arrays or both objects, can be unified piece by piece: for
 * item i of x, *other is the item of y (a value, for objects). False: not piece by piece. */
bool wr_pairs(const struct wr_plan_term *x, const struct wr_plan_term *y);
const struct wr_plan_term *wr_pair_of(const struct wr_plan_term *x, const struct wr_plan_term *y,
                                      uint32_t i);
static inline uint32_t wr_pair_first(const struct wr_plan_term *x)
{
    return x->kind == WR_PLAN_OBJECT ? 1 : 0;
}
static inline uint32_t wr_pair_step(const struct wr_plan_term *x)
{
    return x->kind == WR_PLAN_OBJECT ? 2 : 1;
}

/* Order of the expressions of a body (indexes into body->exprs, room for body->n), and which could
 * be placed (all false before). Returns how many: less than body->n means that the rest is unsafe.
 * What the placed ones bind stays bound. */
uint32_t wr_order_body(struct wr_bindings *b, const struct wr_plan_body *body, uint32_t *order,
                       bool *placed);
/* Unbound variables that an expression needs, or of a term (e NULL): calls `report` for each. */
void wr_unsafe_vars(struct wr_bindings *b, const struct wr_plan_expr *e,
                    const struct wr_plan_term *t,
                    void (*report)(void *context, uint32_t var, const struct wr_ast_loc *loc),
                    void *context);

#endif
