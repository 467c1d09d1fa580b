/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and timings of the server, and their Prometheus text (version 0.0.4).
 *
 * Timings have fixed bounds 1, 2, 5 times a power of ten from 100 ns to 10 s. Nothing here reads a
 * clock; everything belongs to the loop. */
#ifndef WR_METRICS_H
#define WR_METRICS_H

#include "base/bytes.h"
#include "base/err.h"
#include "engine/engine.h"
#include "shell/journal_thread.h"
#include "shell/snapshots.h"
#include "shell/redis.h"

#define WR_TIMING_BOUNDS  25
#define WR_METRICS_ERRORS 64 /* codes of wr_err below this are counted one by one */

enum wr_stage {
    WR_STAGE_READ,    /* first byte to whole request */
    WR_STAGE_QUEUE,   /* whole request to the start of its batch */
    WR_STAGE_DECIDE,  /* the engine; a batch's time shared out evenly, as in the next four */
    WR_STAGE_PARSE,   /* JSON, card numbers, validation; of one batch in sixteen, as to POLICY */
    WR_STAGE_FEATURE, /* known ids, lists, windows, derived features */
    WR_STAGE_MODEL,
    WR_STAGE_POLICY,  /* with document and record */
    WR_STAGE_JOURNAL, /* handed to the journal until kept */
    WR_STAGE_WRITE,   /* sending, shared out over the answers of a turn; of one turn in sixteen */
    WR_STAGE_TOTAL,   /* first byte to the answer handed to the system */
    WR_STAGE_COUNT,
};

/* A few counters and not base/histogram.h: five of those would take 430 KB of cache for figures
 * that a scrape reduces to these bounds. */
struct wr_timing {
    uint64_t n[WR_TIMING_BOUNDS + 1];
    uint64_t sum_ns;
};
void wr_timing_add(struct wr_timing *timing, int64_t ns, uint64_t times);

/* Reasons are the policy's own words, and might be made of what a request says: so many are counted
 * by their code, the rest together as "other". */
#define WR_LIMIT_METRICS_REASONS 64
#define WR_METRICS_REASON_SLOTS  128 /* a power of two, over the limit */
#define WR_METRICS_REASON_BYTES  48  /* longer codes are "other" */

struct wr_reason_count {
    uint64_t n;
    uint8_t size;
    char code[WR_METRICS_REASON_BYTES];
};

/* Scores in twenty steps from 0 to 1, and what lies above. */
#define WR_SCORE_BOUNDS 20

struct wr_metrics {
    uint64_t outcomes[WR_OUTCOME_COUNT];
    uint64_t amounts[WR_OUTCOME_COUNT]; /* of the events, in millionths; negative ones left out */
    uint64_t scores[WR_SCORE_BOUNDS + 1];
    double score_sum;
    struct wr_reason_count reasons[WR_METRICS_REASON_SLOTS];
    uint64_t n_reasons, other_reasons; /* codes in the table; reasons that found no place */
    uint64_t label_values[3];          /* by enum wr_label_value */
    uint64_t budgets[3];               /* decisions by budget */
    uint64_t errors[WR_METRICS_ERRORS];
    uint64_t n_requests, n_batches, n_batch_items, n_replayed, n_late, n_degraded, n_policy_failed;
    uint64_t waits[WR_REDIS_BOUNDS + 1], wait_ns; /* requests held back for other nodes' tiles */
    uint64_t n_stale;                             /* decisions that lacked news of other nodes */
    uint64_t n_opa, n_labels, n_fetches;
    uint64_t n_accepted, n_accept_failures, n_connections, n_closed_slow, n_closed_idle;
    uint64_t n_shed;        /* closed because clients held too much memory */
    uint64_t client_bytes;  /* that they hold now */
    uint64_t n_expired;     /* refused: the caller's deadline had passed */
    uint64_t n_shut_out;    /* connections of addresses that had their share */
    uint64_t n_overloads;   /* windows in which every decision waited too long */
    uint64_t n_unanswered;  /* answers that never left because their row was not kept */
    uint64_t n_clock_steps; /* wall clock steps over a second, ignored */
    uint64_t n_packs_activated, n_packs_refused;
    uint64_t n_unrecorded;   /* decisions without a journal */
    uint64_t n_journal_lost; /* times the journal failed and the state was folded again */
    uint64_t bytes_in, bytes_out;
    uint64_t n_left; /* decisions whose answers were handed to the system */
    struct wr_timing stages[WR_STAGE_COUNT];
};

/* Counts a decision that was made: outcome, amount, score, reasons and what it lacked. */
void wr_metrics_decision(struct wr_metrics *metrics, const struct wr_answer *answer);

/* What is read when metrics are asked for. */
struct wr_metrics_gauges {
    struct wr_engine_stats engine;
    struct wr_journal_stats journal;
    enum wr_journal_state journal_state;
    struct wr_snapshots_stats snapshots;
    int64_t snapshot_age_us;
    uint64_t n_folded;
    bool durable, ready;
    uint64_t resident_bytes;
    int64_t cpu_ns, uptime_ns;
    const struct wr_engine *challenged; /* its challengers are told; NULL: there is none */
    uint64_t n_log_lines, n_log_pushed, n_log_dropped, n_log_failed;
    struct wr_str version, pack_digest, pack_revision;
};

/* Appends the whole exposition; check buf->overflow. */
void wr_metrics_write(struct wr_buf *buf, const struct wr_metrics *metrics,
                      const struct wr_metrics_gauges *gauges);

#endif
