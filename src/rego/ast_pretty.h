/* SPDX-License-Identifier: Apache-2.0 */
/* Trees as indented lines, one node a line: what `opa parse` prints for people. */
#ifndef WR_REGO_AST_PRETTY_H
#define WR_REGO_AST_PRETTY_H

#include "rego/ast.h"

void wr_rego_module_pretty(struct wr_buf *out, const struct wr_ast_module *module);

#endif
