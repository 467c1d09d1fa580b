/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a Rego module or query: a bounded list, in OPA's words and OPA's form.
 *
 *   FILE:ROW: code: message          (ROW:COL when there is no file name)
 *       details, one line each, behind a tab
 *
 *   1 error occurred: ...
 *   N errors occurred:\n...\n...
 *
 * The list keeps the first `limit` errors; one more and it ends with the error "error limit
 * reached" (OPA's compiler does so at ten), which has no place. */
#ifndef WR_REGO_ERROR_H
#define WR_REGO_ERROR_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "rego/ast.h"

#define WR_LIMIT_REGO_ERRORS       10
#define WR_LIMIT_REGO_PARSE_ERRORS 1000 /* of one module: OPA reports them all */

struct wr_rego_error {
    wr_err code; /* WR_E_REGO_*, WR_E_LIMIT, WR_E_MEMORY */
    struct wr_str message;
    struct wr_str file;
    uint32_t row, col;    /* 0: no place */
    struct wr_str *lines; /* details; for a parse error the source line and a line with a caret */
    uint32_t n_lines;
    uint32_t caret;        /* parse errors: index of the caret in the source line (JSON "idx") */
    struct wr_str details; /* type errors: "details" as compact JSON text; n = 0: none */
};

struct wr_rego_errors {
    struct wr_arena *arena; /* all texts live here: modules need not outlive their errors */
    struct wr_rego_error *items;
    uint32_t n, cap;
    uint32_t limit; /* WR_LIMIT_REGO_ERRORS by default; the parser raises it for what it adds */
    bool full;      /* the limit was reached: stop looking for more */
};

void wr_rego_errors_init(struct wr_rego_errors *errors, struct wr_arena *arena);

/* Adds an error with a formatted message (wr_vformat's verbs); `loc` may be NULL. Returns it, for
 * details, or NULL when the list is full. Never fails otherwise: without room for the message the
 * error is WR_E_MEMORY. */
struct wr_rego_error *wr_rego_error_add(struct wr_rego_errors *errors, wr_err code,
                                        struct wr_str file, const struct wr_ast_loc *loc,
                                        const char *format, ...) WR_PRINTF(5, 6);
/* Appends a detail line. */
void wr_rego_error_detail(struct wr_rego_errors *errors, struct wr_rego_error *error,
                          const char *format, ...) WR_PRINTF(3, 4);
/* Makes the source line of a byte offset, or of the last text before it, and a caret below it the
 * details. */
void wr_rego_error_source(struct wr_rego_errors *errors, struct wr_rego_error *error,
                          struct wr_str text, size_t offset);
/* Sorts by file, row and column as OPA does before it reports; stable. */
void wr_rego_errors_sort(struct wr_rego_errors *errors);

/* "rego_parse_error", ... as OPA spells it. */
struct wr_str wr_rego_error_code(const struct wr_rego_error *error);
void wr_rego_error_write(struct wr_buf *buf, const struct wr_rego_error *error);
/* The whole list in the form above; nothing when it is empty. */
void wr_rego_errors_write(struct wr_buf *buf, const struct wr_rego_errors *errors);
/* Copies the first error into a wr_error, the whole list as its text (cut at its limit). */
wr_err wr_rego_errors_to_error(const struct wr_rego_errors *errors, struct wr_error *error);

#endif
