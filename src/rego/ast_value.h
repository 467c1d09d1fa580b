/* SPDX-License-Identifier: Apache-2.0 */
/* Trees as JSON values in OPA's form: what `opa parse --format json`, rego.parse_module and the
 * policy API answer. */
#ifndef WR_REGO_AST_VALUE_H
#define WR_REGO_AST_VALUE_H

#include "rego/ast.h"

/* {"package": .., "imports": [..], "annotations": [..], "rules": [..], "comments": [..]}, empty
 * lists left out. The value lives in the arena and borrows from the module.
 * Errors: WR_E_LIMIT when terms nest too deep for a value, WR_E_MEMORY. */
wr_err wr_ast_module_value(struct wr_arena *arena, const struct wr_ast_module *module,
                           struct wr_value *out);
wr_err wr_ast_body_value(struct wr_arena *arena, const struct wr_ast_body *body,
                         struct wr_value *out);
wr_err wr_ast_term_value(struct wr_arena *arena, const struct wr_ast_term *term,
                         struct wr_value *out);

#endif
