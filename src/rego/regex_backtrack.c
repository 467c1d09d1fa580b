/* SPDX-License-Identifier: Apache-2.0 */
/* Backtracking with a memory: a pair of instruction and position that failed once fails always,
 * whatever the groups, so each is tried once. Jobs wait on an explicit stack in order of
 * preference; the first match found is the one to report. See regex.h. */
#include "rego/regex_program.h"

static size_t n_words(const struct wr_regex_run *run)
{
    return ((size_t)run->regex->n * (run->text.n + 1) + 63) / 64;
}

void wr_regex_backtrack_start(struct wr_regex_run *run)
{
    run->visited = NULL;
    run->jobs_cap = 64;
    if (run->text.n >= WR_LIMIT_REGEX_VISITED ||
        run->regex->n * (run->text.n + 1) > WR_LIMIT_REGEX_VISITED) {
        return;
    }
    run->jobs = WR_NEW_ARRAY(run->arena, struct wr_regex_job, run->jobs_cap);
    run->visited = run->jobs == NULL ? NULL : WR_NEW_ARRAY(run->arena, uint64_t, n_words(run));
}

static bool more_jobs(struct wr_regex_run *run, uint32_t n)
{
    struct wr_regex_job *jobs = WR_NEW_ARRAY(run->arena, struct wr_regex_job, run->jobs_cap * 2);
    if (jobs == NULL) {
        return false;
    }
    memcpy(jobs, run->jobs, n * sizeof *jobs);
    run->jobs = jobs;
    run->jobs_cap *= 2;
    return true;
}

/* Marks a pair; false when it was marked before. */
static bool first_visit(struct wr_regex_run *run, uint32_t pc, size_t at)
{
    size_t bit = (size_t)pc * (run->text.n + 1) + at;
    uint64_t mask = (uint64_t)1 << (bit % 64);
    bool first = (run->visited[bit / 64] & mask) == 0;
    run->visited[bit / 64] |= mask;
    run->steps++;
    return first;
}

/* Follows one thread from (pc, at) until it fails or matches, leaving alternatives on the stack. At
 * most one job is added for each pair visited, so room for one is made before each step. */
static bool follow(struct wr_regex_run *run, uint32_t pc, size_t at, uint32_t *n, bool *room)
{
    const struct wr_regex *regex = run->regex;
    while (first_visit(run, pc, at)) {
        const struct wr_regex_inst *inst = &regex->program[pc];
        unsigned len;
        if (*n == run->jobs_cap && !more_jobs(run, *n)) {
            *room = false;
            return false;
        }
        switch ((enum wr_regex_op)inst->op) {
        case WR_RX_OP_MATCH:
            return true;
        case WR_RX_OP_SPLIT:
            if (inst->c != inst->next) {
                run->jobs[(*n)++] = (struct wr_regex_job){inst->c, 0, at};
            }
            break;
        case WR_RX_OP_SAVE:
            if (inst->c < run->n_slots) {
                run->jobs[(*n)++] = (struct wr_regex_job){UINT32_MAX, inst->c, run->slots[inst->c]};
                run->slots[inst->c] = at;
            }
            break;
        case WR_RX_OP_ASSERT:
            if (!wr_regex_holds(run, inst->c, at)) {
                return false;
            }
            break;
        default:
            if (at == run->text.n ||
                !wr_regex_reads(regex, inst, wr_regex_rune(run->text, at, &len))) {
                return false;
            }
            at += len;
            break;
        }
        pc = inst->next;
    }
    return false;
}

static bool match_at(struct wr_regex_run *run, size_t at, bool *room)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < run->n_slots; i++) {
        run->slots[i] = SIZE_MAX;
    }
    run->jobs[n++] = (struct wr_regex_job){0, 0, at};
    while (n > 0 && *room) {
        struct wr_regex_job job = run->jobs[--n];
        if (job.pc == UINT32_MAX) {
            run->slots[job.slot] = job.at;
        } else if (follow(run, job.pc, job.at, &n, room)) {
            return true;
        }
    }
    return false;
}

bool wr_regex_find_backtrack(struct wr_regex_run *run, size_t from, size_t *slots, uint64_t *fuel,
                             bool *found)
{
    const struct wr_regex *regex = run->regex;
    uint64_t before = run->steps;
    unsigned len;
    bool room = true;
    *found = false;
    memset(run->visited, 0, n_words(run) * sizeof *run->visited);
    for (size_t at = from; at <= run->text.n && !*found && room; at += len) {
        len = 1;
        if (regex->anchored && at > 0) {
            break;
        }
        if (regex->prefix.n > 0) {
            at = wr_str_find(run->text, regex->prefix, at);
            if (at == SIZE_MAX) {
                break;
            }
        }
        *found = match_at(run, at, &room);
        if (at < run->text.n) {
            (void)wr_regex_rune(run->text, at, &len);
        }
    }
    uint64_t used = run->steps - before;
    if (fuel != NULL) {
        *found = *found && *fuel >= used;
        *fuel -= WR_MIN(*fuel, used);
    }
    if (*found && run->n_slots != 0) {
        memcpy(slots, run->slots, run->n_slots * sizeof *slots);
    }
    return room;
}
