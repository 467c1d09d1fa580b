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

/* ── matching ───────────────────────────────────────────────────────────────────────────────── */

struct wr_regex_threads { /* a set of instructions in order of preference, each with its slots */
    uint32_t *dense, *sparse;
    size_t *slots; /* by position in dense */
    uint32_t n;
};

struct wr_regex_todo {
    uint32_t pc; /* an instruction to visit, or UINT32_MAX: put back a slot */
    uint32_t slot;
    size_t value;
};

struct wr_regex_job { /* of the backtracker: a place to try, or a slot to put back */
    uint32_t pc;      /* UINT32_MAX: put back */
    uint32_t slot;
    size_t at; /* in the text, or the value of the slot */
};

struct wr_regex_run {
    const struct wr_regex *regex;
    struct wr_str text;
    uint32_t n_slots;
    struct wr_regex_threads now, next;
    struct wr_regex_todo *stack;
    size_t *slots; /* at hand while threads are added */
    uint64_t steps;
    struct wr_regex_job *jobs; /* of the backtracker; visited is NULL when it does not serve */
    uint64_t *visited;
    uint32_t jobs_cap;
    struct wr_arena *arena;
};

bool wr_regex_holds(const struct wr_regex_run *run, uint32_t kind, size_t at);
bool wr_regex_reads(const struct wr_regex *regex, const struct wr_regex_inst *inst, uint32_t c);
uint32_t wr_regex_rune(struct wr_str s, size_t at, unsigned *len);

/* Two ways to the same answer, with the contract of wr_regex_find. */
bool wr_regex_find_threads(struct wr_regex_run *run, size_t from, size_t *slots, uint64_t *fuel);
/* Backtracking that never tries a pair of instruction and position twice: for short texts, where
 * WR_LIMIT_REGEX_VISITED bits hold all pairs. False when it has no room, and then says nothing. */
#define WR_LIMIT_REGEX_VISITED 32768
void wr_regex_backtrack_start(struct wr_regex_run *run);
bool wr_regex_find_backtrack(struct wr_regex_run *run, size_t from, size_t *slots, uint64_t *fuel,
                             bool *found);

/* Classes. Adding reports false when there is no room. */
bool wr_regex_class_add(struct wr_arena *arena, struct wr_regex_class *class, uint32_t lo,
                        uint32_t hi);
/* Adds all that is not in `other`, whose ranges are sorted in place. */
bool wr_regex_class_add_not(struct wr_arena *arena, struct wr_regex_class *class,
                            struct wr_regex_class *other);
void wr_regex_class_finish(struct wr_regex_class *class);
bool wr_regex_class_has(const struct wr_regex_class *class, uint32_t c);

#endif
