/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines to Loki: POST /loki/api/v1/push, JSON, from a thread of its own.
 *
 *   line ─▶ ring of WR_LIMIT_LOG_RING bytes ─▶ batch ─▶ tried WR_LIMIT_LOG_TRIES times ─▶ dropped
 *
 * Whoever logs never waits: a line that finds no room in the ring is dropped and counted. A batch
 * is what has gathered, at most WR_LIMIT_LOG_BATCH lines. It is tried again after a failed
 * connection, a 429 or a 5xx, with pauses that double from 250 ms to 10 s; any other answer means
 * that it would be refused again, and drops it. Lines of a level are a stream; within it times
 * never go back, since Loki may refuse what is older than what it has. */
#ifndef WR_LOG_PUSH_H
#define WR_LOG_PUSH_H

#include "app/cli.h"
#include "base/err.h"
#include "shell/server.h"

#define WR_LIMIT_LOG_RING   (256u * 1024) /* bytes; a power of two */
#define WR_LIMIT_LOG_BATCH  500           /* lines */
#define WR_LIMIT_LOG_TRIES  10            /* of one batch: about 40 s */
#define WR_LIMIT_LOG_LABELS 16
#define WR_LIMIT_LOG_CLOSE  2000 /* ms of trying when it ends, and the attempt under way */

struct wr_log_push_config {
    const char *address; /* "127.0.0.1:3100", "http://127.0.0.1:3100", "unix:PATH" */
    const struct wr_option_list *labels; /* "site=s1"; job=weir and level are added */
    const char *tenant;                  /* X-Scope-OrgID; NULL: none */
};

struct wr_log_push;

/* Starts the thread; dials nothing yet. The config's texts are borrowed. Errors: WR_E_CONFIG,
 * WR_E_MEMORY, WR_E_UNSUPPORTED where there are no threads. */
WR_NODISCARD wr_err wr_log_push_open(const struct wr_log_push_config *config,
                                     struct wr_log_push **out, struct wr_error *error);
/* Hands a line over, without its end. From one thread only; never waits. */
void wr_log_push_line(struct wr_log_push *push, int64_t unix_ns, const char *level,
                      struct wr_str line);
/* From any thread. */
void wr_log_push_stats(struct wr_log_push *push, struct wr_log_stats *out);
/* Sends what is left, for WR_LIMIT_LOG_CLOSE at most, and ends the thread. */
void wr_log_push_close(struct wr_log_push *push);

#endif
