/* SPDX-License-Identifier: Apache-2.0 */
/* Any pattern on any text. Properties: steps stay within 8 * program * (text + 1); asking whether
 * there is a match and asking where it is agree; offsets lie in the text and in order; a match is
 * found again from its own start; threads and backtracking agree. The text begins behind the first
 * line end. */
#include "fuzz.h"

#include "rego/regex_program.h"

static void check_run(struct wr_arena *arena, const struct wr_regex *regex, struct wr_str text)
{
    uint32_t n_slots = 2 * (wr_regex_groups(regex) + 1);
    uint64_t bound = (uint64_t)8 * wr_regex_size(regex) * (text.n + 1);
    size_t *slots = WR_NEW_ARRAY(arena, size_t, n_slots);
    struct wr_regex_run *run = wr_regex_start(arena, regex, text, n_slots);
    struct wr_regex_run *quick = wr_regex_start(arena, regex, text, 0);
    if (run == NULL || quick == NULL || slots == NULL) {
        return;
    }
    bool found = wr_regex_find(run, 0, slots, NULL);
    demand(wr_regex_steps(run) <= bound);
    demand(wr_regex_find(quick, 0, NULL, NULL) == found);
    if (!found) {
        return;
    }
    demand(slots[0] <= slots[1] && slots[1] <= text.n);
    for (uint32_t i = 2; i < n_slots; i += 2) {
        demand((slots[i] == SIZE_MAX) == (slots[i + 1] == SIZE_MAX) || slots[i + 1] == SIZE_MAX);
        demand(slots[i] == SIZE_MAX || slots[i] <= text.n);
    }
    size_t from = slots[0], to = slots[1];
    size_t *other = WR_NEW_ARRAY(arena, size_t, n_slots);
    if (other != NULL && run->visited != NULL) {
        demand(wr_regex_find_threads(run, 0, other, NULL));
        demand(memcmp(slots, other, n_slots * sizeof *slots) == 0);
    }
    demand(wr_regex_find(run, from, slots, NULL) && slots[0] == from && slots[1] == to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr_arena arena;
    struct wr_regex *regex;
    struct wr_error error;
    const char *p = (const char *)data;
    const char *line = size == 0 ? NULL : memchr(p, '\n', size);
    size_t n = line == NULL ? size : (size_t)(line - p);
    struct wr_str text = line == NULL ? wr_str_of("", 0) : wr_str_of(line + 1, size - n - 1);
    wr_arena_init(&arena, &fuzz_memory, 64u << 20);
    wr_err err = wr_regex_compile(&arena, wr_str_of(p, n), &regex, &error);
    demand(err == WR_OK || err == WR_E_EVAL_BUILTIN || err == WR_E_MEMORY);
    if (err == WR_OK && (uint64_t)wr_regex_size(regex) * (text.n + 1) < 20000000) {
        check_run(&arena, regex, text);
    }
    wr_arena_deinit(&arena);
    return 0;
}
