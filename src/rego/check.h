/* SPDX-License-Identifier: Apache-2.0 */
/* What OPA's compiler refuses, in its order and its words: declarations, conflicts, functions,
 * safety, recursion, types.
 *
 * OPA finds these errors on modules that it rewrites step by step (nested calls become statements
 * of their own, declared names become unique ones), and which error is reported, where, and with
 * what name shows that. The checks here make the same steps on a copy of the tree; nothing of it is
 * kept but what queries need: the tree of rules and their types. The resolver and the compiler then
 * work on modules that are known to be good.
 *
 * Where OPA's order of errors comes from a hash map, the order here is that of the text. */
#ifndef WR_CHECK_H
#define WR_CHECK_H

#include "rego/rego.h"

/* Steps of one check, about one for a node visited: more means a policy made to be slow. */
#define WR_LIMIT_REGO_CHECK 200000000u

struct wr_check; /* lives in the arena of wr_check_modules, read-only for queries */

/* Errors: WR_E_REGO_COMPILE, _TYPE, _UNSAFE, _RECURSION; WR_E_LIMIT, WR_E_MEMORY. */
wr_err wr_check_modules(struct wr_arena *arena, struct wr_ast_module *const *modules, uint32_t n,
                        const struct wr_rego_options *options, struct wr_check **check,
                        struct wr_rego_errors *errors);

/* A query in the context of `module` (its package and imports; no rules). With `capture` the values
 * of expressions are captured as OPA's front ends do, which shows in its errors. */
wr_err wr_check_query(const struct wr_check *check, struct wr_arena *arena,
                      const struct wr_ast_module *module, bool in_package,
                      const struct wr_ast_body *body, bool capture, struct wr_rego_errors *errors);

#endif
