/* SPDX-License-Identifier: Apache-2.0 */
/* Champions and challengers over a journal: how their scores differ, which outcomes would have been
 * others, and, where the journal holds labels, who tells fraud better.
 *
 *   decision  ── its scores and outcome, remembered until an entry covers it
 *   shadow    ── the challengers' scores of the decisions before: pairs of scores, for good
 *   label     ── by event id, to its decision
 *
 * Nothing is decided again and no pack is needed. */
#ifndef WR_CHALLENGERS_H
#define WR_CHALLENGERS_H

#include "base/arena.h"
#include "base/err.h"
#include "engine/engine.h"

#include <stdio.h>

#define WR_LIMIT_CHALLENGERS     64         /* pairs of challenger and champion */
#define WR_LIMIT_CHALLENGER_ROWS (1u << 24) /* scores of one challenger that are looked at */
#define WR_CHALLENGER_POINTS     9

struct wr_challengers;

struct wr_challenger_side { /* a decision is stopped by any outcome but approve */
    uint64_t fraud_stopped, genuine_stopped, fraud_declined, genuine_declined;
    double auc; /* share of pairs of fraud and other in which the fraud scores higher; NaN: none */
};

struct wr_challenger_report {
    struct wr_str name, champion;
    uint64_t n_scored, n_unscored, n_compared;
    uint64_t n_left_out;                         /* beyond WR_LIMIT_CHALLENGER_ROWS */
    double mean, mean_abs, max_abs, correlation; /* NaN without pairs */
    double quantiles[WR_CHALLENGER_POINTS];      /* of challenger - champion */
    uint64_t n_changed, changed[WR_OUTCOME_COUNT][WR_OUTCOME_COUNT]; /* was, is */
    uint64_t n_labelled, n_fraud;
    struct wr_challenger_side was, is;
};

struct wr_challengers_report {
    uint64_t n_decisions; /* of packs with challengers */
    uint64_t n_uncovered; /* no entry tells of them: they wait, or the process was killed */
    uint64_t n_covered[WR_CHALLENGE_WHYS];
    struct wr_challenger_report *challengers;
    size_t n;
};

extern const double wr_challenger_points[WR_CHALLENGER_POINTS];

/* `label`: the one that means fraud; NULL: any that is true. NULL when there is no memory. */
struct wr_challengers *wr_challengers_open(const char *label);
/* Takes the next entry of the journal. Errors: WR_E_JOURNAL, WR_E_JSON, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_challengers_take(struct wr_challengers *all, struct wr_str payload,
                                        struct wr_error *error);
/* Sums up; the report lives until the close. Errors: WR_E_MEMORY. */
WR_NODISCARD wr_err wr_challengers_sum(struct wr_challengers *all,
                                       struct wr_challengers_report *report,
                                       struct wr_error *error);
void wr_challengers_close(struct wr_challengers *all);

void wr_challengers_text(FILE *out, const struct wr_challengers_report *report);
void wr_challengers_json(FILE *out, const struct wr_challengers_report *report);

#endif
