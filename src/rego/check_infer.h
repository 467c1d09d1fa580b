/* SPDX-License-Identifier: Apache-2.0 */
/* State of type inference, shared by check_infer.c (statements and rules) and check_ref.c
 * (references, and types of terms). Types of variables stand in c->vars; those that a comprehension
 * binds are forgotten behind it. */
#ifndef WR_CHECK_INFER_H
#define WR_CHECK_INFER_H

#include "rego/check_state.h"

struct type_error {
    const struct wr_ast_loc *loc;
    struct wr_str file, message;
    struct wr_str lines[4];
    uint32_t n_lines;
    struct wr_str details; /* JSON */
    bool from_unknown; /* some type in it is not known: another error is likely to be the cause */
};

struct infer {
    struct wr_check *c;
    struct check_list errors;   /* struct type_error */
    struct check_list bound;    /* variables and what they were before, to be undone */
    struct check_list closures; /* by tag - 1 of a comprehension: its type */
};

/* check_ref.c */
/* NULL when it is not known. */
const struct wr_check_type *wr_infer_type(struct infer *in, struct wr_ast_term *t);
const struct wr_check_type *wr_infer_ref(struct infer *in, struct wr_ast_term *const *items,
                                         uint32_t n);
/* Gives variables of a term the types that it must have; false when it cannot have this type. With
 * `or` types are added to what is known. */
bool wr_infer_unify(struct infer *in, struct wr_ast_term *t, const struct wr_check_type *type,
                    bool or);
void wr_infer_bind(struct infer *in, uint32_t var, const struct wr_check_type *type);
/* Checks the references in a statement. */
void wr_infer_check_refs(struct infer *in, const struct wr_ast_expr *e);
/* The object of a node of the tree of types. */
const struct wr_check_type *wr_infer_extent(struct infer *in, const struct check_node *node);

/* check_infer.c */
/* A comprehension: its body is checked, its type is remembered. */
const struct wr_check_type *wr_infer_comprehension(struct infer *in, struct wr_ast_term *t);
struct type_error *wr_infer_error(struct infer *in, const struct wr_ast_loc *loc,
                                  const char *format, ...) WR_PRINTF(3, 4);
void wr_infer_detail(struct infer *in, struct type_error *e, const char *format, ...)
    WR_PRINTF(3, 4);

#endif
