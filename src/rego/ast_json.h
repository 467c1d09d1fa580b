/* SPDX-License-Identifier: Apache-2.0 */
/* Trees as JSON, in the shape that OPA gives them: `opa parse --format json`, /v1/policies.
 *
 *   term   {"type": "var", "value": "x"}; collections and comprehensions nest in "value"
 *   expr   {"index": 0, "terms": term, or [operator, argument ...]}
 *   rule   {"body": [expr ...], "head": {"name", "args", "key", "value", "assign", "ref"}, "else"}
 *   module {"package", "imports", "annotations", "rules", "comments"}                            */
#ifndef WR_REGO_AST_JSON_H
#define WR_REGO_AST_JSON_H

#include "rego/ast.h"

/* In `tag` of a statement: made by the compiler, which its JSON tells. */
#define WR_AST_MADE 1

enum wr_ast_json_parts {
    WR_AST_JSON_COMMENTS = 1,
    WR_AST_JSON_LOCATIONS = 2,
};

/* Appends compact JSON; check buf->overflow. Scratch memory for sorting comes from the arena. O(n
 * log n); nesting is bounded by WR_LIMIT_REGO_DEPTH. */
void wr_rego_module_json(struct wr_buf *json, struct wr_arena *arena,
                         const struct wr_ast_module *module, unsigned parts);
void wr_rego_term_json(struct wr_buf *json, struct wr_arena *arena, const struct wr_ast_term *term);
void wr_rego_expr_json(struct wr_buf *json, struct wr_arena *arena, const struct wr_ast_expr *expr);
void wr_rego_rule_json(struct wr_buf *json, struct wr_arena *arena, const struct wr_ast_rule *rule);
void wr_rego_body_json(struct wr_buf *json, struct wr_arena *arena, const struct wr_ast_body *body);

#endif
