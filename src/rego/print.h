/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical Rego text of a tree, on one line for each rule, as OPA writes it in messages.
 *
 * Operators are written as calls (plus(1, 2)) but for `=` between the sides of a statement. Reading
 * the text of a module again gives the same tree (wr_ast_module_same). For text that people keep,
 * see fmt.h. */
#ifndef WR_REGO_PRINT_H
#define WR_REGO_PRINT_H

#include "rego/ast.h"

void wr_rego_print_term(struct wr_buf *buf, const struct wr_ast_term *term);
void wr_rego_print_expr(struct wr_buf *buf, const struct wr_ast_expr *expr);
void wr_rego_print_body(struct wr_buf *buf, const struct wr_ast_body *body);
/* The head alone: p[x] = v, f(x) := v, p contains x. */
void wr_rego_print_head(struct wr_buf *buf, const struct wr_ast_rule *rule);
void wr_rego_print_rule(struct wr_buf *buf, const struct wr_ast_rule *rule);
void wr_rego_print_module(struct wr_buf *buf, const struct wr_ast_module *module);
/* The items of a reference, data.p["a b"][x]. */
void wr_rego_print_ref(struct wr_buf *buf, struct wr_ast_term *const *items, uint32_t n);

#endif
