# SPDX-License-Identifier: Apache-2.0
list(APPEND WEIR_CORE_FILES
  src/rego/annotation.c
  src/rego/ast.c
  src/rego/ast_value.c
  src/rego/lex.c
  src/rego/parse.c
  src/rego/parse_collection.c
  src/rego/parse_expr.c
  src/rego/parse_rule.c
  src/rego/parse_state.c
  src/rego/parse_term.c
  src/rego/print.c
  src/rego/rego_error.c
  src/rego/yaml.c
  src/rego/yaml_value.c
)
