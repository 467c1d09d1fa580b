/* SPDX-License-Identifier: Apache-2.0 */
/* State shared by the steps of the rewriter. */
#ifndef WR_REGO_REWRITE_IN_H
#define WR_REGO_REWRITE_IN_H

#include "rego/ast.h"
#include "rego/builtin.h"
#include "rego/rewrite.h"

#define WR_LIMIT_REWRITE_NAMES 4096 /* declared at one place of a rule */

#define WR_LIMIT_REWRITE_TAKEN 4096 /* numbers of locals that sources may use themselves */

struct rewrite_global {
    struct wr_str name;
    struct wr_ast_term *const *path; /* items of the full reference */
    uint32_t n;
};

struct rewrite_local {
    struct wr_str name, local;
};

struct rewriter {
    struct wr_arena *arena;
    const struct wr_rego_program *program;
    struct wr_ast_module *module;
    uint32_t next;                      /* number of the next local */
    bool taken[WR_LIMIT_REWRITE_TAKEN]; /* in the sources */
    bool no_room;
    struct rewrite_global *globals; /* of the module */
    uint32_t n_globals;
    struct wr_str ignored[WR_LIMIT_REWRITE_NAMES]; /* declared here: no globals */
    uint32_t n_ignored;
    struct rewrite_local locals[WR_LIMIT_REWRITE_NAMES]; /* innermost last */
    uint32_t n_locals;
    const char *suffix;              /* in names of locals: "", or "q" in a query */
    struct wr_rewritten_name *names; /* what declared variables were called */
    uint32_t n_names, cap_names;
};

/* A body that grows; statements are numbered as they come. */
struct rewrite_body {
    struct wr_ast_expr **exprs;
    uint32_t n, cap;
};

/* rewrite.c */
void wr_rewrite_append(struct rewriter *r, struct rewrite_body *body, struct wr_ast_expr *e);
struct wr_ast_body *wr_rewrite_finish(struct rewriter *r, const struct rewrite_body *body,
                                      const struct wr_ast_body *from);
/* A fresh variable where `at` stands. */
struct wr_ast_term *wr_rewrite_local(struct rewriter *r, const struct wr_ast_term *at);
struct wr_ast_term *wr_rewrite_ref(struct rewriter *r, struct wr_ast_term *const *items, uint32_t n,
                                   const struct wr_ast_term *at);
/* `fresh = t`, marked as made; *var is the fresh variable. */
struct wr_ast_expr *wr_rewrite_equal(struct rewriter *r, struct wr_ast_term *t,
                                     struct wr_ast_term **var);
struct wr_ast_expr *wr_rewrite_call(struct rewriter *r, struct wr_ast_term *call,
                                    struct wr_ast_term *output);
bool wr_rewrite_is_eq(const struct wr_ast_expr *e);

/* rewrite_names.c: full references, then locals. */
void wr_rewrite_resolve(struct rewriter *r, struct wr_ast_rule *rule);
void wr_rewrite_locals(struct rewriter *r, struct wr_ast_rule *rule);

/* rewrite_terms.c */
void wr_rewrite_head_refs(struct rewriter *r, struct wr_ast_rule *rule);
void wr_rewrite_calls(struct rewriter *r, struct wr_ast_rule *rule);
void wr_rewrite_comprehensions(struct rewriter *r, struct wr_ast_rule *rule);
void wr_rewrite_heads(struct rewriter *r, struct wr_ast_rule *rule);
void wr_rewrite_dynamics(struct rewriter *r, struct wr_ast_rule *rule);

/* rewrite_order.c */
void wr_rewrite_order(struct rewriter *r, struct wr_ast_rule *rule);

#endif
