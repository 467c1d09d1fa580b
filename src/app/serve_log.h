/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines of a server: one JSON object a line on standard output. */
#ifndef WR_SERVE_LOG_H
#define WR_SERVE_LOG_H

struct wr_log_push;

/* For wr_server_config.log; the context is the least level that is written ("error", "info" or
 * "debug"), or NULL for all. From one thread at a time. */
void wr_serve_log(void *context, const char *level, const char *event, const char *text);
/* From now on every line also goes to `push`; NULL: no more. */
void wr_serve_log_also(struct wr_log_push *push);

#endif
