/* SPDX-License-Identifier: Apache-2.0 */
/* State of the compiler while it emits one function.
 *
 * Registers are handed out in order and given back only at the end of a clause or of a nested
 * block: what a loop has bound stays where it is until the loop is left. Jumps carry the number of
 * a label until the function is closed. `fail` is the label of the innermost loop: where an
 * expression goes on that does not hold. */
#ifndef WR_REGO_COMPILE_H
#define WR_REGO_COMPILE_H

#include "rego/code.h"
#include "rego/safety.h"

#define NO_LABEL UINT32_MAX

/* What the compiler knows within one clause. */
struct wr_scope {
    struct wr_bindings bindings;
    uint16_t *var_register;
    const struct wr_value **var_constant; /* of a variable bound to one: it has no register */
    const struct wr_str *names;
};

struct compiler {
    struct wr_arena *arena;
    struct wr_unit *unit;
    const struct wr_rule_tree *tree;
    struct wr_rego_errors *errors;
    struct wr_builtin_cache *prepared;
    /* of the function: */
    struct wr_insn *code;
    struct wr_place *places;
    uint32_t n_code, cap_code;
    uint32_t *labels; /* where each stands */
    uint32_t n_labels, cap_labels;
    uint32_t next_register, n_registers;
    uint32_t first_index; /* of the unit's: those from here on are this function's */
    uint32_t fail;
    uint32_t context; /* register of the current context */
    bool has_with;
    bool too_large;
    bool no_room;
    bool unsafe;
    uint64_t budget; /* of safety questions */
    struct wr_place place;
    struct wr_str file;
    /* of the clause: */
    struct wr_bindings bindings;
    uint16_t *var_register;
    const struct wr_value **var_constant; /* of a variable bound to one: it has no register */
    const struct wr_str *names;
    const struct wr_plan_clause *clause;
    const struct wr_ast_loc *head_loc; /* of the rule, while its head is compiled; else NULL */
};

/* Of the rule that is being compiled. */
struct wr_rule_state {
    struct wr_rule_node *node;
    uint32_t result, end;
    bool collects;  /* SET, PARTIAL */
    bool early;     /* all values are one constant */
    bool with_keys; /* PARTIAL: single keys, no paths */
    bool open;      /* SET: not all elements are known ahead */
};

/* compile.c */
/* A clause with its else chain, one after the other. */
void wr_compile_chain(struct compiler *c, struct wr_rule_state *s,
                      const struct wr_plan_clause *clause);
/* What a clause yields, behind its body; `found`, if it is a register, gets its value. True: the
 * same each time, and nothing else can come of the clause. */
bool wr_yield(struct compiler *c, struct wr_rule_state *s, const struct wr_plan_clause *clause,
              uint32_t found, uint32_t skip);

/* compile_lanes.c */
/* All n clauses of the rule. */
void wr_compile_clauses(struct compiler *c, struct wr_rule_state *state, uint32_t n);

/* compile_emit.c */
void wr_emit_start(struct compiler *c, bool has_with, uint32_t n_args);
bool wr_emit_finish(struct compiler *c, struct wr_function *f);
uint32_t wr_emit(struct compiler *c, enum wr_opcode op, uint32_t a, uint32_t b, uint32_t d_c,
                 uint32_t d, uint32_t label);
uint32_t wr_new_label(struct compiler *c);
/* The label stands here; code that is jumped to enters the current context anew. */
void wr_put_label(struct compiler *c, uint32_t label);
uint32_t wr_new_register(struct compiler *c);
uint32_t wr_new_registers(struct compiler *c, uint32_t n);
void wr_set_place(struct compiler *c, const struct wr_ast_loc *loc);
struct wr_rego_error *wr_compile_error(struct compiler *c, wr_err code,
                                       const struct wr_ast_loc *loc, const char *format, ...)
    WR_PRINTF(4, 5);

/* compile_term.c: code that computes a term; the register of the result, `want` if that is one. */
uint32_t wr_compile_term(struct compiler *c, const struct wr_plan_term *t, uint32_t want);
/* Each of n terms into the registers from `first` on, in an order that works. */
void wr_compile_items(struct compiler *c, struct wr_plan_term *const *items, uint32_t n,
                      uint32_t first);
/* Code that holds only if the value in a register fits the pattern; binds what is free in it. */
void wr_compile_match(struct compiler *c, const struct wr_plan_term *pattern, uint32_t reg);
void wr_compile_unify(struct compiler *c, const struct wr_plan_term *x,
                      const struct wr_plan_term *y);
uint32_t wr_compile_call(struct compiler *c, const struct wr_plan_term *t, uint32_t want);

/* Binds a variable to a register. */
void wr_bind_register(struct compiler *c, uint32_t var, uint32_t reg);
/* The value of a term that is known now: a constant, or a variable bound to one; else NULL. */
const struct wr_value *wr_known(const struct compiler *c, const struct wr_plan_term *t);

/* compile_ref.c */
/* Number of the path of a reference below input whose operands are all known. */
uint32_t wr_input_path(struct compiler *c, const struct wr_plan_term *t);
uint32_t wr_compile_ref(struct compiler *c, const struct wr_plan_term *t, uint32_t want);

/* compile_body.c */
void wr_compile_body(struct compiler *c, const struct wr_plan_body *body);
void wr_compile_expr(struct compiler *c, const struct wr_plan_expr *e);
/* The order in which to evaluate a body, cheap tests first; its variables are marked local. NULL:
 * some are unsafe, which is reported, or there is no room. */
uint32_t *wr_order_clause(struct compiler *c, const struct wr_plan_body *body);
bool wr_cannot_err(const struct compiler *c, const struct wr_plan_term *t);
/* True if evaluating the body raises no error and nobody sees how often it is done. */
bool wr_cannot_err_body(const struct compiler *c, const struct wr_plan_body *body);
/* With `value` not NULL the statement is not tested but its value captured. */
void wr_compile_condition(struct compiler *c, const struct wr_plan_term *t);
uint32_t wr_compile_comprehension(struct compiler *c, const struct wr_plan_term *t, uint32_t want);
void wr_report_unsafe(struct compiler *c, const struct wr_plan_expr *e,
                      const struct wr_plan_term *t);
/* Enters the contexts of `with`; returns the context to go back to with wr_leave_with. */
uint32_t wr_enter_with(struct compiler *c, const struct wr_plan_expr *e);
void wr_leave_with(struct compiler *c, uint32_t before);
bool wr_start_bindings(struct compiler *c, const struct wr_plan_clause *clause);

#endif
