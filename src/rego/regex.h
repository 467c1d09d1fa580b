/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions in RE2's syntax, matched in linear time.
 *
 * A pattern becomes a program of at most WR_LIMIT_REGEX_PROGRAM instructions. A match simulates all
 * threads of the program side by side, or, where text and program are short, backtracks without
 * ever trying the same instruction at the same position twice. Either way
 * steps <= 4 * program * (text + 1). There are no backreferences and no look-around.
 * Matches are leftmost, and among these the one that backtracking would find first (Perl's rule).
 * `.` and classes are of code points; a byte that is not UTF-8 counts as U+FFFD. Errors of the
 * pattern are worded as Go's regexp words them. Sources: Thompson 1968; Pike's capturing variant
 * as described in Cox, "Regular Expression Matching: the Virtual Machine Approach", 2009. */
#ifndef WR_REGEX_H
#define WR_REGEX_H

#include "base/bytes.h"
#include "base/err.h"

#define WR_LIMIT_REGEX_PROGRAM 20000 /* instructions */
#define WR_LIMIT_REGEX_DEPTH   200   /* nested groups */
#define WR_LIMIT_REGEX_REPEAT  1000  /* in {n,m}, and the product of nested ones */
#define WR_LIMIT_REGEX_GROUPS  1000

struct wr_regex;

/* Compiles into the arena. WR_E_EVAL_BUILTIN with Go's text when the pattern is not valid;
 * WR_E_MEMORY. */
wr_err wr_regex_compile(struct wr_arena *arena, struct wr_str pattern, struct wr_regex **out,
                        struct wr_error *error);
/* Capturing groups without the whole match. */
uint32_t wr_regex_groups(const struct wr_regex *regex);
/* The number of a named group, or 0. */
uint32_t wr_regex_group_named(const struct wr_regex *regex, struct wr_str name);
/* Instructions of the program; for fuel and for tests. */
uint32_t wr_regex_size(const struct wr_regex *regex);

/* A matcher over one text; lives in the arena and may be asked any number of times. */
struct wr_regex_run;
struct wr_regex_run *wr_regex_start(struct wr_arena *arena, const struct wr_regex *regex,
                                    struct wr_str text, uint32_t n_slots);

/* Searches at or after `from`. slots[2 * i] and [2 * i + 1] get the offsets of group i (0: the
 * whole match), SIZE_MAX where it took no part; n_slots given at start may be 0 (does it match at
 * all), 2, or 2 * (groups + 1). `fuel` is counted down by steps; when it runs out the answer is
 * false, with *fuel 0; NULL: no bound. */
bool wr_regex_find(struct wr_regex_run *run, size_t from, size_t *slots, uint64_t *fuel);
/* Steps taken by all searches of this run. */
uint64_t wr_regex_steps(const struct wr_regex_run *run);

#endif
