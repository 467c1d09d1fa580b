# SPDX-License-Identifier: Apache-2.0
# The builtin functions of Rego and what they stand on.
list(APPEND WEIR_CORE_FILES
  src/rego/bigint.c
  src/rego/builtin.c
  src/rego/builtin_arith.c
  src/rego/builtin_collection.c
  src/rego/builtin_crypto.c
  src/rego/builtin_encoding.c
  src/rego/builtin_glob.c
  src/rego/builtin_graph.c
  src/rego/builtin_jwt.c
  src/rego/builtin_net.c
  src/rego/builtin_object.c
  src/rego/builtin_patch.c
  src/rego/builtin_regex.c
  src/rego/builtin_schema.c
  src/rego/builtin_sprintf.c
  src/rego/builtin_string.c
  src/rego/builtin_table.c
  src/rego/builtin_template.c
  src/rego/builtin_time.c
  src/rego/builtin_type.c
  src/rego/builtin_unit.c
  src/rego/builtin_yaml.c
  src/rego/digest.c
  src/rego/number.c
  src/rego/regex.c
  src/rego/regex_backtrack.c
  src/rego/regex_class.c
  src/rego/regex_match.c
  src/rego/regex_parse.c
  src/rego/time_layout.c
  src/rego/unicode.c
  src/rego/unicode_case.c
  src/rego/unicode_class.c
  src/rego/zone.c
)
