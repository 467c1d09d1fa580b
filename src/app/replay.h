/* SPDX-License-Identifier: Apache-2.0 */
/* Decides recorded events once more and compares: with the packs that decided then, which must give
 * the same bytes, or with another one, which is a backtest with all windows recomputed.
 *
 *   entries before `first`      are folded: they build the state, nothing is compared
 *   decisions from there on     are decided again, in batches
 *   labels                      take effect where they did
 *   activations                 swap the pack as they did (own packs), or are passed over
 *
 * Rows come from a state directory or from a file of `weir journal export`, whose rows lack what is
 * secret to the directory: there the documents and what was derived are compared, not whole rows.
 */
#ifndef WR_REPLAY_H
#define WR_REPLAY_H

#include "app/cli.h"
#include "engine/engine.h"

#include <stdio.h>

#define WR_LIMIT_REPLAY_ROWS    (1u << 27) /* decisions that labels can still reach */
#define WR_LIMIT_REPLAY_REASONS 256        /* reason codes told apart */
#define WR_LIMIT_REPLAY_SHOWN   1000
#define WR_LIMIT_REPLAY_PACKS   8 /* in memory at once */
#define WR_LIMIT_REPLAY_FILTERS 16

struct wr_replay_filter { /* of the recorded event: the value at a path, as text */
    char path[128];
    const char *value;
};

struct wr_replay_config {
    const char *state, *file;           /* one of them */
    const struct wr_pack *pack;         /* decides everything; NULL: the packs of then */
    const struct wr_option_list *known; /* packs that the state directory has not kept */
    uint64_t first, last;
    int64_t from_us, to_us; /* of the decision's time, half open */
    struct wr_replay_filter filters[WR_LIMIT_REPLAY_FILTERS];
    size_t n_filters;
    enum wr_outcome outcome;     /* as recorded; WR_OUTCOME_NONE: any */
    const char *label;           /* that means fraud; NULL: any label that is true */
    uint64_t state_cap, ids_cap; /* as the service was given them; 0: the pack's */
    FILE *differences;           /* JSON lines, one a differing decision; may be NULL */
    size_t shown;                /* examples kept for the report */
};

/* One way of deciding, summed up over the decisions compared. Amounts in minor units. "Stopped" is
 * any outcome but approve. */
struct wr_replay_side {
    uint64_t outcomes[WR_OUTCOME_COUNT];
    int64_t amounts[WR_OUTCOME_COUNT];
    uint64_t n_fraud_stopped, n_genuine_stopped, n_fraud_declined, n_genuine_declined;
    int64_t fraud_stopped, genuine_stopped; /* amounts */
};

struct wr_replay_reason {
    char code[65];
    uint64_t gained, lost; /* decisions that have it now and had it not, and the reverse */
};

struct wr_replay_example {
    uint64_t sequence;
    struct wr_str id, was_reasons, is_reasons; /* reasons as JSON */
    enum wr_outcome was, is;
    int64_t amount;
    const char *what; /* the gravest kind of difference: "outcome" ... */
};

struct wr_replay_result {
    uint64_t n_entries, n_folded, n_labels, n_activations, n_refolds;
    uint64_t n_decisions;      /* decided again and compared */
    uint64_t n_skipped;        /* decided again, left out by range or filter */
    uint64_t n_same;           /* the same bytes; under another pack the same in all but its name */
    uint64_t n_late, n_unread; /* unread: events that do not fit the pack */
    uint64_t n_outcome, n_reasons, n_scores, n_features; /* differing, by the gravest kind */
    uint64_t n_labels_differ;                            /* label entries, own packs */
    uint64_t n_shadow, n_shadow_differ;      /* entries of challengers' scores, own packs */
    uint64_t n_shadow_unknown;               /* those that cover folded decisions */
    uint64_t n_list_changes, n_lists_differ; /* the same of changes of lists */
    uint64_t changed[WR_OUTCOME_COUNT][WR_OUTCOME_COUNT];
    int64_t changed_amount[WR_OUTCOME_COUNT][WR_OUTCOME_COUNT];
    double score_moved, score_moved_max; /* sum and greatest of absolute differences */
    uint64_t n_scored;
    struct wr_replay_reason reasons[WR_LIMIT_REPLAY_REASONS];
    size_t n_reason_codes;
    struct wr_replay_side was, is;
    uint64_t n_fraud, n_labelled;
    int64_t fraud, all; /* amounts */
    unsigned scale;     /* digits after the point of amounts */
    struct wr_replay_example *examples;
    size_t n_examples;
    uint64_t sequence;  /* of the last entry */
    uint8_t digest[32]; /* of the state then */
    bool own;           /* with the packs of then */
    char pack[65];      /* digest of the pack at the end */
    int64_t wall_ns, cpu_ns;
};

/* Runs it; examples and texts live in `arena`. Errors: WR_E_STATE, WR_E_JOURNAL and WR_E_JSON with
 * the entry, WR_E_PACK naming the digest of a pack that is nowhere. */
WR_NODISCARD wr_err wr_replay_run(const struct wr_replay_config *config, struct wr_arena *arena,
                                  struct wr_replay_result *result, struct wr_error *error);

/* reports */
void wr_replay_text(FILE *out, const struct wr_replay_config *config,
                    const struct wr_replay_result *result);
void wr_replay_json(FILE *out, const struct wr_replay_result *result);
void wr_replay_html(FILE *out, const struct wr_replay_config *config,
                    const struct wr_replay_result *result);
/* Precision, recall and the like: NaN without what they are shares of. */
double wr_replay_share(uint64_t part, uint64_t whole);

#endif
