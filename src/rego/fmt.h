/* SPDX-License-Identifier: Apache-2.0 */
/* The house style of Rego: text as `opa fmt` 0.60 lays it out.
 *
 * Tabs, one statement a line, one blank line between rules; line breaks inside collections, blank
 * lines between statements and all comments are kept. Where OPA's formatter would change the
 * meaning (it drops parentheses around some operands, and writes control characters with escapes
 * that Rego does not know), this one keeps it. */
#ifndef WR_REGO_FMT_H
#define WR_REGO_FMT_H

#include "rego/ast.h"
#include "rego/rego_error.h"

#define WR_LIMIT_FORMAT_PASSES 16

enum wr_rego_style {
    WR_FORMAT_AS_IT_IS, /* keywords as the module imports them */
    WR_FORMAT_V1,       /* for v1: keywords without imports, := in heads */
    WR_FORMAT_TO_V1,    /* the same, and `import rego.v1` on top (opa fmt --rego-v1) */
};

/* Appends the module's text. The module must come from a parse: its comments and source are used.
 * Scratch memory comes from the arena. Errors: WR_E_MEMORY. O(n log n). */
wr_err wr_rego_format(struct wr_arena *arena, const struct wr_ast_module *module,
                      enum wr_rego_style style, struct wr_buf *out);

/* Formats text: parses it, and formats what comes out again until nothing changes, since OPA's
 * layout needs a second look at comments in odd places and at `true` in heads. The result has the
 * rules of the source (checked); it is a fixed point but for texts that WR_LIMIT_FORMAT_PASSES do
 * not settle. Errors: those of the parse, in *errors; WR_E_REGO_PARSE when the result would not
 * read as the same rules: keep the source then. */
wr_err wr_rego_format_text(struct wr_arena *arena, struct wr_str file, struct wr_str text,
                           enum wr_rego_style style, struct wr_str *out,
                           struct wr_rego_errors *errors);

#endif
