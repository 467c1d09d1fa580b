/* SPDX-License-Identifier: Apache-2.0 */
/* Modules as OPA's compiler leaves them: names resolved to full references, declared variables
 * renamed __local0__, __local1__ ..., nested calls and dynamic terms pulled out into statements of
 * their own, == as =, bodies in an order in which they can be evaluated.
 *
 * Nothing here is needed to evaluate: the compiler has its own form (plan.h). This one is what
 * /v1/policies shows. Steps and numbering of locals are those of OPA 0.60, over all modules in
 * order of their ids. */
#ifndef WR_REGO_REWRITE_H
#define WR_REGO_REWRITE_H

#include "rego/rego.h"

/* A rewritten copy of every module of a program, in the arena; NULL without room. names[i] is what
 * modules are ordered by. O(size of all modules), but for bodies, which are ordered in O(n^2). */
struct wr_ast_module **wr_rego_rewrite(struct wr_arena *arena,
                                       const struct wr_rego_program *program,
                                       const struct wr_str *names, uint32_t n);

struct wr_rewritten_name {
    struct wr_str local, name; /* "__local3__" was x */
};

struct wr_rewritten {
    struct wr_ast_module **modules;
    uint32_t n_modules;
    struct wr_ast_body *query; /* locals __localq0__ ... */
    struct wr_rewritten_name *names;
    uint32_t n_names;
};

/* Modules and a query, with what declared variables were called. False without room. */
bool wr_rego_rewrite_query(struct wr_arena *arena, const struct wr_rego_program *program,
                           const struct wr_str *names, uint32_t n, const struct wr_ast_body *query,
                           struct wr_rewritten *out);

#endif
