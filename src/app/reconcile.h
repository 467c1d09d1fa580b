/* SPDX-License-Identifier: Apache-2.0 */
/* What several nodes decided, laid side by side: ids that were decided more than once, and what one
 * node that had seen everything would have decided.
 *
 * The journals are merged by the time of decision, so the nodes' clocks must agree to less than
 * what matters. An id that comes again counts once, as one node would have counted it. Events and
 * labels go through one engine with one pack; features of scope fleet and node are the same there,
 * windows over all nodes. */
#ifndef WR_RECONCILE_H
#define WR_RECONCILE_H

#include "engine/engine.h"

#include <stdio.h>

#define WR_LIMIT_RECONCILE_NODES 1024
#define WR_LIMIT_RECONCILE_IDS   (1u << 27)
#define WR_LIMIT_RECONCILE_SHOWN 1000

struct wr_reconcile_node {
    const char *state;
    uint64_t node;
    uint32_t epoch; /* of its last entry: how often it was started */
    uint64_t n_entries, n_decisions, n_labels, n_stale;
    uint64_t outcomes[WR_OUTCOME_COUNT];
    int64_t first_us, last_us;
};

struct wr_reconcile_example {
    struct wr_str id;
    char first[WR_DECISION_ID_MAX],
        second[WR_DECISION_ID_MAX]; /* decision ids; second: of a repeat */
    enum wr_outcome was, is;        /* of a repeat: the second's; else what it would have been */
};

struct wr_reconcile_result {
    struct wr_reconcile_node *nodes;
    size_t n_nodes;
    uint64_t n_decisions, n_with_id;
    uint64_t n_twice_nodes, n_twice_node; /* repeats: on another node; on the same one */
    uint64_t n_twice_differ;              /* with another outcome */
    uint64_t n_compared, n_changed, n_unread;
    uint64_t changed[WR_OUTCOME_COUNT][WR_OUTCOME_COUNT];
    struct wr_reconcile_example *twice, *examples;
    size_t n_twice_shown, n_examples;
    struct wr_str pack; /* digest */
};

/* states: n state directories. pack NULL: the pack of the last entry of the first, as kept beside
 * its journal. Results live in `arena`. Errors: WR_E_STATE, WR_E_JOURNAL, WR_E_PACK, WR_E_LIMIT,
 * WR_E_MEMORY; where = the directory. */
WR_NODISCARD wr_err wr_reconcile_run(const char *const *states, size_t n,
                                     const struct wr_pack *pack, size_t shown,
                                     struct wr_arena *arena, struct wr_reconcile_result *result,
                                     struct wr_error *error);

void wr_reconcile_text(FILE *out, const struct wr_reconcile_result *result);
void wr_reconcile_json(FILE *out, const struct wr_reconcile_result *result);

#endif
