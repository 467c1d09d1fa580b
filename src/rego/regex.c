/* SPDX-License-Identifier: Apache-2.0 */
/* From the tree to a program, and the simulation of the program. See regex.h. */
#include "rego/regex.h"
#include "rego/regex_program.h"
#include "rego/unicode.h"

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

/* ── matching ───────────────────────────────────────────────────────────────────────────────── */

struct threads { /* a set of instructions in order of preference, each with its slots */
    uint32_t *dense, *sparse;
    size_t *slots; /* by position in dense */
    uint32_t n;
};

struct todo {
    uint32_t pc; /* an instruction to visit, or UINT32_MAX: put back a slot */
    uint32_t slot;
    size_t value;
};

struct wr_regex_run {
    const struct wr_regex *regex;
    struct wr_str text;
    uint32_t n_slots;
    struct threads now, next;
    struct todo *stack;
    size_t *slots; /* at hand while threads are added */
    uint64_t steps;
};

static bool new_threads(struct wr_arena *arena, struct threads *t, uint32_t n, uint32_t n_slots)
{
    t->dense = WR_NEW_ARRAY(arena, uint32_t, n);
    t->sparse = WR_NEW_ARRAY(arena, uint32_t, n);
    t->slots = WR_NEW_ARRAY(arena, size_t, (size_t)n * n_slots + 1);
    return t->dense != NULL && t->sparse != NULL && t->slots != NULL;
}

struct wr_regex_run *wr_regex_start(struct wr_arena *arena, const struct wr_regex *regex,
                                    struct wr_str text, uint32_t n_slots)
{
    struct wr_regex_run *run = WR_NEW(arena, struct wr_regex_run);
    if (run == NULL || !new_threads(arena, &run->now, regex->n, n_slots) ||
        !new_threads(arena, &run->next, regex->n, n_slots)) {
        return NULL;
    }
    run->regex = regex;
    run->text = text;
    run->n_slots = n_slots;
    run->stack = WR_NEW_ARRAY(arena, struct todo, (size_t)regex->n * 2 + 2);
    run->slots = WR_NEW_ARRAY(arena, size_t, n_slots + 1);
    return run->stack != NULL && run->slots != NULL ? run : NULL;
}

uint64_t wr_regex_steps(const struct wr_regex_run *run)
{
    return run->steps;
}

static bool is_word(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool holds(const struct wr_regex_run *run, uint32_t kind, size_t at)
{
    struct wr_str s = run->text;
    bool before = at > 0 && is_word((uint8_t)s.p[at - 1]);
    bool after = at < s.n && is_word((uint8_t)s.p[at]);
    switch ((enum wr_regex_assert)kind) {
    case WR_RX_LINE_START:
        return at == 0 || s.p[at - 1] == '\n';
    case WR_RX_LINE_END:
        return at == s.n || s.p[at] == '\n';
    case WR_RX_TEXT_START:
        return at == 0;
    case WR_RX_TEXT_END:
        return at == s.n;
    case WR_RX_WORD:
        return before != after;
    case WR_RX_NOT_WORD:
        return before == after;
    }
    return false;
}

/* Adds the thread at pc and all that it reaches without reading, each instruction once. */
static void add_thread(struct wr_regex_run *run, struct threads *list, uint32_t pc, size_t at)
{
    uint32_t n = 0;
    run->stack[n++] = (struct todo){pc, 0, 0};
    while (n > 0) {
        struct todo todo = run->stack[--n];
        if (todo.pc == UINT32_MAX) {
            run->slots[todo.slot] = todo.value;
            continue;
        }
        run->steps++;
        pc = todo.pc;
        if (list->sparse[pc] < list->n && list->dense[list->sparse[pc]] == pc) {
            continue;
        }
        uint32_t place = list->n++;
        list->dense[place] = pc;
        list->sparse[pc] = place;
        const struct wr_regex_inst *inst = &run->regex->program[pc];
        if (inst->op == WR_RX_OP_SPLIT) {
            if (inst->c != inst->next) {
                run->stack[n++] = (struct todo){inst->c, 0, 0};
            }
            run->stack[n++] = (struct todo){inst->next, 0, 0};
        } else if (inst->op == WR_RX_OP_SAVE) {
            if (inst->c < run->n_slots) {
                run->stack[n++] = (struct todo){UINT32_MAX, inst->c, run->slots[inst->c]};
                run->slots[inst->c] = at;
            }
            run->stack[n++] = (struct todo){inst->next, 0, 0};
        } else if (inst->op == WR_RX_OP_ASSERT) {
            if (holds(run, inst->c, at)) {
                run->stack[n++] = (struct todo){inst->next, 0, 0};
            }
        } else if (run->n_slots != 0) {
            memcpy(list->slots + (size_t)place * run->n_slots, run->slots,
                   run->n_slots * sizeof(size_t));
        }
    }
}

static bool reads(const struct wr_regex *regex, const struct wr_regex_inst *inst, uint32_t c)
{
    switch ((enum wr_regex_op)inst->op) {
    case WR_RX_OP_RUNE:
        return inst->c == c;
    case WR_RX_OP_RUNE_FOLD:
        return inst->c == wr_unicode_fold(c);
    case WR_RX_OP_ANY:
        return true;
    case WR_RX_OP_ANY_NOT_NL:
        return c != '\n';
    case WR_RX_OP_CLASS:
        return wr_regex_class_has(&regex->classes[inst->c], c);
    default:
        return false;
    }
}

static uint32_t rune_at(struct wr_str s, size_t at, unsigned *len)
{
    uint32_t c = (uint8_t)s.p[at];
    *len = 1;
    if (c >= 0x80) {
        unsigned n = wr_utf8_decode(s.p + at, s.n - at, &c);
        *len = n == 0 ? 1 : n;
        return n == 0 ? 0xfffd : c;
    }
    return c;
}

/* Moves all threads over the code point at `at`; true when one of them has matched before it. */
static bool step(struct wr_regex_run *run, size_t at, size_t *matched)
{
    const struct wr_regex *regex = run->regex;
    unsigned len = 0;
    bool end = at == run->text.n;
    uint32_t c = end ? 0 : rune_at(run->text, at, &len);
    run->next.n = 0;
    for (uint32_t i = 0; i < run->now.n; i++) {
        const struct wr_regex_inst *inst = &regex->program[run->now.dense[i]];
        size_t *slots = run->now.slots + (size_t)i * run->n_slots;
        run->steps++;
        if (inst->op == WR_RX_OP_MATCH) {
            if (run->n_slots != 0) {
                memcpy(matched, slots, run->n_slots * sizeof *slots);
            }
            return true;
        }
        if (!end && reads(regex, inst, c)) {
            if (run->n_slots != 0) {
                memcpy(run->slots, slots, run->n_slots * sizeof *slots);
            }
            add_thread(run, &run->next, inst->next, at + len);
        }
    }
    return false;
}

static void start_thread(struct wr_regex_run *run, size_t at)
{
    for (uint32_t i = 0; i < run->n_slots; i++) {
        run->slots[i] = SIZE_MAX;
    }
    add_thread(run, &run->now, 0, at);
}

bool wr_regex_find(struct wr_regex_run *run, size_t from, size_t *slots, uint64_t *fuel)
{
    const struct wr_regex *regex = run->regex;
    bool found = false;
    unsigned len;
    run->now.n = 0;
    for (size_t at = from; at <= run->text.n; at += len) {
        uint64_t before = run->steps;
        if (run->now.n == 0) {
            if (found || (regex->anchored && at > 0)) {
                break;
            }
            if (regex->prefix.n > 0) {
                size_t next = wr_str_find(run->text, regex->prefix, at);
                if (next == SIZE_MAX) {
                    break;
                }
                at = next;
            }
        }
        if (!found) {
            start_thread(run, at);
        }
        found = step(run, at, slots) || found;
        if (fuel != NULL) {
            uint64_t used = run->steps - before;
            if (*fuel < used) {
                *fuel = 0;
                return false;
            }
            *fuel -= used;
        }
        if (found && run->n_slots == 0) {
            return true;
        }
        struct threads t = run->now;
        run->now = run->next;
        run->next = t;
        len = 1;
        if (at < run->text.n) {
            (void)rune_at(run->text, at, &len);
        }
    }
    return found;
}
