/* SPDX-License-Identifier: Apache-2.0 */
/* The simulation of a program, all threads side by side. See regex.h. */
#include "rego/regex_program.h"
#include "rego/unicode.h"

static bool new_threads(struct wr_arena *arena, struct wr_regex_threads *t, uint32_t n,
                        uint32_t n_slots)
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
    run->stack = WR_NEW_ARRAY(arena, struct wr_regex_todo, (size_t)regex->n * 2 + 2);
    run->slots = WR_NEW_ARRAY(arena, size_t, n_slots + 1);
    run->arena = arena;
    wr_regex_backtrack_start(run);
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

bool wr_regex_holds(const struct wr_regex_run *run, uint32_t kind, size_t at)
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
static void add_thread(struct wr_regex_run *run, struct wr_regex_threads *list, uint32_t pc,
                       size_t at)
{
    uint32_t n = 0;
    run->stack[n++] = (struct wr_regex_todo){pc, 0, 0};
    while (n > 0) {
        struct wr_regex_todo todo = run->stack[--n];
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
                run->stack[n++] = (struct wr_regex_todo){inst->c, 0, 0};
            }
            run->stack[n++] = (struct wr_regex_todo){inst->next, 0, 0};
        } else if (inst->op == WR_RX_OP_SAVE) {
            if (inst->c < run->n_slots) {
                run->stack[n++] = (struct wr_regex_todo){UINT32_MAX, inst->c, run->slots[inst->c]};
                run->slots[inst->c] = at;
            }
            run->stack[n++] = (struct wr_regex_todo){inst->next, 0, 0};
        } else if (inst->op == WR_RX_OP_ASSERT) {
            if (wr_regex_holds(run, inst->c, at)) {
                run->stack[n++] = (struct wr_regex_todo){inst->next, 0, 0};
            }
        } else if (run->n_slots != 0) {
            memcpy(list->slots + (size_t)place * run->n_slots, run->slots,
                   run->n_slots * sizeof(size_t));
        }
    }
}

bool wr_regex_reads(const struct wr_regex *regex, const struct wr_regex_inst *inst, uint32_t c)
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

uint32_t wr_regex_rune(struct wr_str s, size_t at, unsigned *len)
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
    uint32_t c = end ? 0 : wr_regex_rune(run->text, at, &len);
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
        if (!end && wr_regex_reads(regex, inst, c)) {
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

bool wr_regex_find_threads(struct wr_regex_run *run, size_t from, size_t *slots, uint64_t *fuel)
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
        struct wr_regex_threads t = run->now;
        run->now = run->next;
        run->next = t;
        len = 1;
        if (at < run->text.n) {
            (void)wr_regex_rune(run->text, at, &len);
        }
    }
    return found;
}

bool wr_regex_find(struct wr_regex_run *run, size_t from, size_t *slots, uint64_t *fuel)
{
    bool found;
    if (run->visited != NULL && wr_regex_find_backtrack(run, from, slots, fuel, &found)) {
        return found;
    }
    return wr_regex_find_threads(run, from, slots, fuel);
}
