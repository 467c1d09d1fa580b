/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator: many connections, one thread, one epoll loop, nothing allocated per request.
 *
 *   open loop    requests arrive as a Poisson process at a rate, whatever the server does. Latency
 *                counts from the moment a request was meant to be sent, so that waiting for room
 *                counts too (no coordinated omission).
 *   closed loop  every connection keeps N requests outstanding; latency counts from the sending.
 *
 * What the generator itself costs and how late it sent are measured beside: a generator that is
 * short of CPU shows as lateness, not as a slow server. */
#ifndef WR_LOAD_H
#define WR_LOAD_H

#include "app/load_source.h"
#include "app/load_tls.h"
#include "base/histogram.h"
#include "engine/record.h"

#define WR_LIMIT_LOAD_CONNECTIONS 10000
#define WR_LIMIT_LOAD_OUTSTANDING 1024 /* requests of one connection */
#define WR_LIMIT_LOAD_BATCH       10000
#define WR_LIMIT_LOAD_POINTS      600 /* of the curve over time; beyond it two become one */
#define WR_LIMIT_LOAD_STATUSES    16
#define WR_LIMIT_LOAD_ANSWER      (64u * 1024 * 1024)

struct wr_load_config {
    const char *address;                      /* without tls: */
    const struct wr_load_tls_config *tls;     /* NULL: in the clear */
    double rate;                              /* decisions a second, open loop; 0: closed loop */
    uint64_t connections, outstanding, batch; /* batch 1: one event a request */
    int64_t warmup_ms, for_ms;
    uint64_t count;         /* events of the measured stretch at most; 0: no such bound */
    int64_t label_delay_ms; /* 0: no labels; else a fraud's label follows that long after it */
    int64_t patience_ms;    /* lost connections are dialled again for so long; then it fails */
    uint64_t seed;
    int64_t server_pid;                      /* 0: its CPU is not read */
    const char *path, *label_path, *headers; /* as of the source */
    bool check;                              /* answers must carry the ids of their requests */
};

struct wr_load_status {
    int status;
    uint64_t n;
};

/* One measured stretch; a request belongs to the one in which it was meant to be sent. */
struct wr_load_span {
    struct wr_histogram latency;  /* of requests with status 200 */
    struct wr_histogram refused;  /* of those with 503 */
    struct wr_histogram lateness; /* from the intended to the real sending while there was room */
    uint64_t n_sent, n_answered, n_labels; /* requests */
    uint64_t n_decisions;                  /* events answered with 200 */
    uint64_t outcomes[WR_OUTCOME_COUNT];   /* [0]: 200 without an outcome */
    struct wr_load_status statuses[WR_LIMIT_LOAD_STATUSES];
    uint64_t n_lost;       /* the connection broke before the answer */
    uint64_t n_mismatched; /* the answer is to another request */
    uint64_t n_blocked;    /* sent late because every connection was full */
    uint64_t bytes_out, bytes_in;
    int64_t wall_ns, cpu_ns, server_cpu_ns;
};

struct wr_load_point { /* of the curve over time */
    uint64_t n, refused, p50_ns, p99_ns;
};

struct wr_load_result {
    struct wr_load_span warm, run;
    struct wr_load_point points[WR_LIMIT_LOAD_POINTS];
    size_t n_points;
    int64_t point_ns;
    uint64_t n_unanswered, n_reconnects;
    uint64_t n_unheard; /* of the connections first dialled: ended before any answer */
    uint64_t n_unsent;  /* open loop: were due, and never found room */
    int64_t drain_ns;   /* how long the last answers took after the last sending */
    bool interrupted;
};

/* Runs it. `result` is a large struct: not for the stack. Errors: WR_E_IO when the server cannot be
 * reached (for longer than the patience), WR_E_HTTP when it does not speak HTTP, WR_E_LIMIT. */
WR_NODISCARD wr_err wr_load_run(const struct wr_load_config *config,
                                const struct wr_load_source *source, struct wr_load_result *result,
                                struct wr_error *error);
/* Ends the sending early, from a signal's handler. */
void wr_load_stop(void);

/* True when the figures are the generator's and not the server's: why, in words, to `why`. */
bool wr_load_is_saturated(const struct wr_load_config *config, const struct wr_load_result *result,
                          char *why, size_t cap);

#endif
