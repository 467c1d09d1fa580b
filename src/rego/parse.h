/* SPDX-License-Identifier: Apache-2.0 */
/* Rego text to tree: modules, queries and ground terms, in the syntax of OPA 0.60 (v0, and v1 by
 * option or `import rego.v1`).
 *
 * The caller initialises `errors`; a parse only adds to it. Recursive descent with a depth that is
 * counted and bounded (WR_LIMIT_REGO_DEPTH). Errors come with row and column in OPA's words; the
 * parse stops at the first statement that is wrong, as OPA does. What a tree looks like: ast.h. */
#ifndef WR_REGO_PARSE_H
#define WR_REGO_PARSE_H

#include "rego/ast.h"
#include "rego/rego_error.h"

#define WR_LIMIT_REGO_SOURCE (64u * 1024 * 1024) /* bytes of one module */

enum wr_rego_keyword {
    WR_REGO_IN = 1,
    WR_REGO_EVERY = 2, /* implies WR_REGO_IN */
    WR_REGO_IF = 4,
    WR_REGO_CONTAINS = 8,
    WR_REGO_ALL_KEYWORDS = 15,
};

struct wr_rego_parse_options {
    bool v1;                  /* v1 mode: `if` and `contains` required, all keywords on */
    bool all_future_keywords; /* as if `import future.keywords` stood on top (queries of a REPL) */
    uint8_t keywords;         /* enum wr_rego_keyword: these only (queries in a module's context) */
    bool annotations;         /* read # METADATA blocks, and report errors in them */
};

/* Parses one module. On WR_OK *module is complete; else *errors has at least one entry.
 * `options` may be NULL (v0). Errors: WR_E_REGO_PARSE, WR_E_REGO_COMPILE (v1 checks that OPA words
 * so), WR_E_LIMIT, WR_E_MEMORY. O(n). */
wr_err wr_rego_parse_module(struct wr_arena *arena, struct wr_str file, struct wr_str text,
                            const struct wr_rego_parse_options *options,
                            struct wr_ast_module **module, struct wr_rego_errors *errors);

/* Parses a query: expressions split by `;` or newlines, comments allowed. An empty query is OK and
 * has n = 0. */
wr_err wr_rego_parse_body(struct wr_arena *arena, struct wr_str file, struct wr_str text,
                          const struct wr_rego_parse_options *options, struct wr_ast_body **body,
                          struct wr_rego_errors *errors);

/* Parses one term that fills the text (as in `input_term`, or a policy path like data.a["b"]). */
wr_err wr_rego_parse_term(struct wr_arena *arena, struct wr_str file, struct wr_str text,
                          const struct wr_rego_parse_options *options, struct wr_ast_term **term,
                          struct wr_rego_errors *errors);

/* Parses one ground term into its value. */
wr_err wr_rego_parse_value(struct wr_arena *arena, struct wr_str text, struct wr_value *value,
                           struct wr_rego_errors *errors);

#endif
