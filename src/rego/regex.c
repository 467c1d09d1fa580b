/* SPDX-License-Identifier: Apache-2.0 */
/* From the tree to a program. See regex.h. */
#include "rego/regex.h"
#include "rego/regex_program.h"

/* ── compiling ──────────────────────────────────────────────────────────────────────────────── */

struct compiler {
    struct wr_arena *arena;
    struct wr_regex *regex;
    uint32_t cap, classes_cap;
    bool full, no_room;
};

static uint32_t emit(struct compiler *c, enum wr_regex_op op, uint32_t arg)
{
    struct wr_regex *r = c->regex;
    if (r->n == WR_LIMIT_REGEX_PROGRAM || c->full || c->no_room) {
        c->full = true;
        return 0;
    }
    if (r->n == c->cap) {
        uint32_t cap = c->cap == 0 ? 64 : c->cap * 2;
        struct wr_regex_inst *program = WR_NEW_ARRAY(c->arena, struct wr_regex_inst, cap);
        if (program == NULL) {
            c->no_room = true;
            return 0;
        }
        if (r->n != 0) {
            memcpy(program, r->program, r->n * sizeof *program);
        }
        r->program = program;
        c->cap = cap;
    }
    r->program[r->n] = (struct wr_regex_inst){(uint8_t)op, r->n + 1, arg};
    return r->n++;
}

static uint32_t add_class(struct compiler *c, const struct wr_regex_class *class)
{
    struct wr_regex *r = c->regex;
    if (r->n_classes == c->classes_cap) {
        uint32_t cap = c->classes_cap == 0 ? 8 : c->classes_cap * 2;
        struct wr_regex_class *classes = WR_NEW_ARRAY(c->arena, struct wr_regex_class, cap);
        if (classes == NULL) {
            c->no_room = true;
            return 0;
        }
        if (r->n_classes != 0) {
            memcpy(classes, r->classes, r->n_classes * sizeof *classes);
        }
        r->classes = classes;
        c->classes_cap = cap;
    }
    r->classes[r->n_classes] = *class;
    return r->n_classes++;
}

static void compile(struct compiler *c, const struct wr_regex_node *node);

/* A fork whose first branch is the next instruction; the caller sets the second. Lazy forks swap
 * their branches when that is known. */
static void set_fork(struct compiler *c, uint32_t fork, uint32_t other, bool lazy)
{
    if (c->full || c->no_room) {
        return;
    }
    struct wr_regex_inst *inst = &c->regex->program[fork];
    inst->c = lazy ? inst->next : other;
    inst->next = lazy ? other : inst->next;
}

static void compile_repeat(struct compiler *c, const struct wr_regex_node *node)
{
    for (int32_t i = 0; i < node->min - (node->max < 0 ? 1 : 0); i++) {
        compile(c, node->child);
    }
    if (node->max < 0) {
        uint32_t first = node->min == 0 ? emit(c, WR_RX_OP_SPLIT, 0) : c->regex->n;
        compile(c, node->child);
        uint32_t back = emit(c, WR_RX_OP_SPLIT, 0);
        uint32_t end = c->regex->n;
        if (!c->full && !c->no_room) {
            c->regex->program[back].next = node->min == 0 ? first + 1 : first;
        }
        set_fork(c, back, end, node->lazy);
        if (node->min == 0) {
            set_fork(c, first, end, node->lazy);
        }
        return;
    }
    uint32_t pending = UINT32_MAX; /* forks to the end, chained through c */
    for (int32_t i = node->min; i < node->max; i++) {
        pending = emit(c, WR_RX_OP_SPLIT, pending);
        compile(c, node->child);
    }
    while (pending != UINT32_MAX && !c->full && !c->no_room) {
        uint32_t fork = pending;
        pending = c->regex->program[fork].c;
        set_fork(c, fork, c->regex->n, node->lazy);
    }
}

static void compile_alternatives(struct compiler *c, const struct wr_regex_node *node)
{
    uint32_t pending = UINT32_MAX; /* jumps to the end, chained through c */
    for (const struct wr_regex_node *n = node->child; n != NULL; n = n->next) {
        uint32_t fork = n->next != NULL ? emit(c, WR_RX_OP_SPLIT, 0) : 0;
        compile(c, n);
        if (n->next != NULL) {
            uint32_t jump = emit(c, WR_RX_OP_SPLIT, pending);
            pending = jump;
            set_fork(c, fork, c->regex->n, false);
        }
    }
    while (pending != UINT32_MAX && !c->full && !c->no_room) {
        struct wr_regex_inst *jump = &c->regex->program[pending];
        pending = jump->c;
        jump->next = jump->c = c->regex->n;
    }
}

/* Depth: at most three calls for each level of groups, which the parser bounds. */
static void compile(struct compiler *c, const struct wr_regex_node *node)
{
    if (c->full || c->no_room) {
        return;
    }
    switch ((enum wr_regex_node_kind)node->kind) {
    case WR_RX_EMPTY:
        break;
    case WR_RX_RUNE:
        (void)emit(c, node->fold ? WR_RX_OP_RUNE_FOLD : WR_RX_OP_RUNE, node->c);
        break;
    case WR_RX_ANY:
        (void)emit(c, WR_RX_OP_ANY, 0);
        break;
    case WR_RX_ANY_NOT_NL:
        (void)emit(c, WR_RX_OP_ANY_NOT_NL, 0);
        break;
    case WR_RX_CLASS:
        (void)emit(c, WR_RX_OP_CLASS, add_class(c, node->class));
        break;
    case WR_RX_ASSERT:
        (void)emit(c, WR_RX_OP_ASSERT, node->c);
        break;
    case WR_RX_GROUP:
        if (node->min != 0) {
            (void)emit(c, WR_RX_OP_SAVE, 2 * (uint32_t)node->min);
        }
        compile(c, node->child);
        if (node->min != 0) {
            (void)emit(c, WR_RX_OP_SAVE, 2 * (uint32_t)node->min + 1);
        }
        break;
    case WR_RX_CAT:
        for (const struct wr_regex_node *n = node->child; n != NULL; n = n->next) {
            compile(c, n);
        }
        break;
    case WR_RX_ALT:
        compile_alternatives(c, node);
        break;
    case WR_RX_REPEAT:
        compile_repeat(c, node);
        break;
    }
}

/* The literal bytes that every match begins with, and whether it begins at the text's start. */
static void find_prefix(struct compiler *c)
{
    struct wr_regex *r = c->regex;
    struct wr_buf buf = wr_buf_in(c->arena, 16);
    uint32_t at = 1; /* behind SAVE 0 */
    char utf8[4];
    if (r->program[at].op == WR_RX_OP_ASSERT && r->program[at].c == WR_RX_TEXT_START) {
        r->anchored = true;
        return;
    }
    while (r->program[at].op == WR_RX_OP_RUNE && r->program[at].next == at + 1) {
        wr_buf_add(&buf, utf8, wr_utf8_encode(r->program[at].c, utf8));
        at++;
    }
    if (!buf.overflow) {
        r->prefix = wr_buf_view(&buf);
    }
}

wr_err wr_regex_compile(struct wr_arena *arena, struct wr_str pattern, struct wr_regex **out,
                        struct wr_error *error)
{
    struct wr_regex_tree tree;
    wr_err err = wr_regex_parse(arena, pattern, &tree, error);
    if (err != WR_OK) {
        return err;
    }
    struct compiler c = {.arena = arena, .regex = WR_NEW(arena, struct wr_regex)};
    if (c.regex == NULL) {
        return wr_fail(error, WR_E_MEMORY, "a regular expression needs more memory than is left");
    }
    c.regex->n_groups = tree.n_groups;
    c.regex->names = tree.names;
    c.regex->n_names = tree.n_names;
    (void)emit(&c, WR_RX_OP_SAVE, 0);
    compile(&c, tree.root);
    (void)emit(&c, WR_RX_OP_SAVE, 1);
    (void)emit(&c, WR_RX_OP_MATCH, 0);
    if (c.no_room) {
        return wr_fail(error, WR_E_MEMORY, "a regular expression needs more memory than is left");
    }
    if (c.full) {
        return wr_fail(error, WR_E_EVAL_BUILTIN,
                       "error parsing regexp: expression too large: `%.*s`",
                       (int)WR_MIN(pattern.n, 300u), pattern.p);
    }
    find_prefix(&c);
    *out = c.regex;
    return WR_OK;
}

uint32_t wr_regex_groups(const struct wr_regex *regex)
{
    return regex->n_groups;
}

uint32_t wr_regex_size(const struct wr_regex *regex)
{
    return regex->n;
}

uint32_t wr_regex_group_named(const struct wr_regex *regex, struct wr_str name)
{
    for (uint32_t i = 0; i < regex->n_names; i++) {
        if (wr_str_eq(regex->names[i].name, name)) {
            return regex->names[i].group;
        }
    }
    return 0;
}
