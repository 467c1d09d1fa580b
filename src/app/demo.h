/* SPDX-License-Identifier: Apache-2.0 */
/* What the demonstration counts, and how it shows it on one screen. */
#ifndef WR_DEMO_H
#define WR_DEMO_H

#include "base/histogram.h"
#include "engine/record.h"

#define WR_LIMIT_DEMO_REASONS 64

struct wr_demo_reason {
    char code[48];
    uint64_t n;
};

struct wr_demo_stats {
    uint64_t n_sent, n_decided, n_refused, n_labels;
    uint64_t outcomes[WR_OUTCOME_COUNT];
    uint64_t n_fraud, n_fraud_caught, n_genuine, n_genuine_stopped;
    uint64_t n_since_shown;
    int64_t start_ns, shown_ns, now_ns;
    int64_t event_ms, start_ms;  /* of the newest event, of the simulation's first day */
    struct wr_histogram latency; /* from the intended moment of sending to the answer */
    struct wr_demo_reason reasons[WR_LIMIT_DEMO_REASONS];
    size_t n_reasons;
};

/* Takes a decision document: counts outcome and reasons. */
void wr_demo_count(struct wr_demo_stats *stats, struct wr_arena *arena, struct wr_str document,
                   bool fraud);
/* Writes the summary, about twenty lines, without escape sequences. */
void wr_demo_write(struct wr_buf *buf, struct wr_demo_stats *stats, const char *address);

#endif
