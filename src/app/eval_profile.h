/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles: what each line of a policy costs, counted from the steps of an explanation, in the
 * shapes of `opa eval --profile`.
 *
 * A step is a statement that is begun (eval) or gone back into (redo). Its time is that until the
 * next step: of the evaluator that explains, which is not the one that decides. */
#ifndef WR_EVAL_PROFILE_H
#define WR_EVAL_PROFILE_H

#include "rego/trace.h"

#include <stdio.h>

#define WR_PROFILE_BUCKETS  1024u
#define WR_PROFILE_CRITERIA 6u

struct wr_profile_line {
    struct wr_str file, text; /* a line of the query has no file, but the statement's text */
    uint32_t row, col;        /* of the statement that came first */
    uint64_t n_eval, n_redo, n_expr;
    uint64_t *seen; /* a bit for each place in a body that a statement of the line has */
    uint32_t n_seen;
    int64_t total_ns, *ns; /* of all runs; of each */
    uint32_t next;         /* in its bucket, plus one */
};

struct wr_profile {
    struct wr_arena *arena;
    struct wr_str query;
    struct wr_profile_line *lines;
    uint32_t n, cap, n_shown;
    uint64_t n_runs;
    uint32_t buckets[WR_PROFILE_BUCKETS];
};

/* `query` is borrowed, as are the files of traces. */
void wr_profile_init(struct wr_profile *profile, struct wr_arena *arena, struct wr_str query,
                     uint64_t n_runs);
/* Adds the steps of a run, 0 to n_runs - 1; counts are those of run 0. Steps need their times
 * (wr_rego_context.clock). False without room. */
bool wr_profile_add(struct wr_profile *profile, const struct wr_trace *trace, uint64_t run);

/* Where a name of an order stands in the list of them; WR_PROFILE_CRITERIA: nowhere. */
uint32_t wr_profile_criterion(struct wr_str name);
/* Sorts by criteria, each from large to small (n = 0: by all), and shows only the first `limit`
 * (0: all). */
void wr_profile_sort(struct wr_profile *profile, const uint32_t *criteria, uint32_t n,
                     uint64_t limit);

/* Appends "profile":[..], or "aggregated_profile" of several runs; nothing when there is no line.
 * `sorted`: members in the order of a map of Go. */
void wr_profile_json(struct wr_buf *json, const struct wr_profile *profile, bool sorted);
void wr_profile_table(const struct wr_profile *profile, FILE *out);

#endif
