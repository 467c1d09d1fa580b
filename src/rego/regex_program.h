/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of the regex engine: the tree that the parser makes, the program that the
 * compiler makes of it. Nobody else includes this. */
#ifndef WR_REGEX_PROGRAM_H
#define WR_REGEX_PROGRAM_H

#include "rego/regex.h"

struct wr_regex_range {
    uint32_t lo, hi;
};

struct wr_regex_class {
    struct wr_regex_range *ranges; /* sorted, apart */
    uint32_t n, cap;
    bool negated, fold;
    uint64_t ascii[2]; /* the answer for the first 128 code points, all flags applied */
};

enum wr_regex_node_kind {
    WR_RX_EMPTY,
    WR_RX_RUNE, /* c; fold */
    WR_RX_ANY,
    WR_RX_ANY_NOT_NL,
    WR_RX_CLASS,
    WR_RX_ASSERT, /* c: enum wr_regex_assert */
    WR_RX_GROUP,  /* child; min: number of the capture, 0 for none */
    WR_RX_CAT,    /* child list */
    WR_RX_ALT,    /* child list */
    WR_RX_REPEAT, /* child, min, max (-1: no end), lazy */
};

enum wr_regex_assert {
    WR_RX_LINE_START,
    WR_RX_LINE_END,
    WR_RX_TEXT_START,
    WR_RX_TEXT_END,
    WR_RX_WORD,
    WR_RX_NOT_WORD,
};

struct wr_regex_node {
    uint8_t kind;
    bool fold, lazy;
    uint16_t weight; /* product of nested repeat counts */
    uint32_t c;
    int32_t min, max;
    struct wr_regex_class *class;
    struct wr_regex_node *child, *next;
};

enum wr_regex_op {
    WR_RX_OP_RUNE,
    WR_RX_OP_RUNE_FOLD, /* c is folded */
    WR_RX_OP_ANY,
    WR_RX_OP_ANY_NOT_NL,
    WR_RX_OP_CLASS,
    WR_RX_OP_ASSERT,
    WR_RX_OP_SAVE,  /* c: slot */
    WR_RX_OP_SPLIT, /* to next first, then to c */
    WR_RX_OP_MATCH,
};

struct wr_regex_inst {
    uint8_t op;
    uint32_t next, c;
};

struct wr_regex_name {
    struct wr_str name;
    uint32_t group;
};

struct wr_regex {
    struct wr_regex_inst *program;
    struct wr_regex_class *classes;
    struct wr_regex_name *names;
    uint32_t n, n_classes, n_groups, n_names;
    struct wr_str prefix; /* every match begins with these bytes */
    bool anchored;        /* every match begins at the start of the text */
};

struct wr_regex_tree {
    struct wr_regex_node *root;
    struct wr_regex_name *names;
    uint32_t n_groups, n_names;
};

wr_err wr_regex_parse(struct wr_arena *arena, struct wr_str pattern, struct wr_regex_tree *tree,
                      struct wr_error *error);

/* Classes. Adding reports false when there is no room. */
bool wr_regex_class_add(struct wr_arena *arena, struct wr_regex_class *class, uint32_t lo,
                        uint32_t hi);
/* Adds all that is not in `other`, whose ranges are sorted in place. */
bool wr_regex_class_add_not(struct wr_arena *arena, struct wr_regex_class *class,
                            struct wr_regex_class *other);
void wr_regex_class_finish(struct wr_regex_class *class);
bool wr_regex_class_has(const struct wr_regex_class *class, uint32_t c);

#endif
