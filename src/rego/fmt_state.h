/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the formatter share; nobody else includes this.
 *
 * Comments are woven in by rows: before a node is written, all comments of earlier rows are written
 * on lines of their own, and one of the same row is kept for the end of the line. */
#ifndef WR_REGO_FMT_STATE_H
#define WR_REGO_FMT_STATE_H

#include "rego/fmt.h"

#define WR_FMT_NO_ROW UINT32_MAX /* "nowhere": all comments stay for later */

struct wr_fmt {
    struct wr_buf *out;
    struct wr_arena *arena;
    const struct wr_ast_module *module;
    const struct wr_ast_comment **comments; /* those left, in order */
    uint32_t n_comments;
    const struct wr_ast_comment *pending[2]; /* for the end of the line */
    uint32_t level;
    bool inside_line;
    bool delay; /* keep the pending comment over the next line end */
    bool keywords, contains, if_, v1, keyword_refs;
    bool ref_heads;                  /* some head has more than two items: write all with dots */
    const struct wr_ast_loc *forced; /* stands for the place of every node, as where OPA forgot
                                        theirs; or NULL */
    bool failed;
};

void wr_fmt_text(struct wr_fmt *f, const char *text);
void wr_fmt_str(struct wr_fmt *f, struct wr_str text);
void wr_fmt_start_line(struct wr_fmt *f);
void wr_fmt_end_line(struct wr_fmt *f);
void wr_fmt_blank_line(struct wr_fmt *f);
/* Writes the comments of rows before `row`; keeps that of `row` for the end of the line. */
void wr_fmt_comments(struct wr_fmt *f, uint32_t row);

static inline const struct wr_ast_loc *wr_fmt_loc(const struct wr_fmt *f,
                                                  const struct wr_ast_loc *loc)
{
    return f->forced != NULL ? f->forced : loc;
}
/* The row of the bracket that closes the first `open` of a node's text, behind the first pair of
 * skip[0] and skip[1] if `skip` is not NULL; WR_FMT_NO_ROW when there is none. Brackets in strings
 * count, as in OPA. */
uint32_t wr_fmt_closing_row(const struct wr_fmt *f, const struct wr_ast_loc *loc, const char *skip,
                            char open, char close);

void wr_fmt_term(struct wr_fmt *f, const struct wr_ast_term *t);
/* As if it stood on `row`. */
void wr_fmt_term_at(struct wr_fmt *f, const struct wr_ast_term *t, uint32_t row);
void wr_fmt_expr(struct wr_fmt *f, const struct wr_ast_expr *expr);
void wr_fmt_body(struct wr_fmt *f, const struct wr_ast_body *body);
enum wr_fmt_form { WR_FMT_ARGUMENTS, WR_FMT_ELEMENTS, WR_FMT_PAIRS };

/* Terms with commas, on lines as in the source; pairs have colons. */
void wr_fmt_list(struct wr_fmt *f, enum wr_fmt_form form, struct wr_ast_term *const *terms,
                 uint32_t n, uint32_t closing_row);
/* A reference with dots where they can stand. */
/* True for an item written behind a dot in version 1, where words of the language may stand there.
 */
bool wr_fmt_was_dotted(const struct wr_fmt *f, const struct wr_ast_term *item);
void wr_fmt_ref(struct wr_fmt *f, struct wr_ast_term *const *items, uint32_t n);

#endif
