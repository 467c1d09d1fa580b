/* SPDX-License-Identifier: Apache-2.0 */
/* Where there are no threads, whoever collects standard output pushes log lines. */
#include "app/log_push.h"

wr_err wr_log_push_open(const struct wr_log_push_config *config, struct wr_log_push **out,
                        struct wr_error *error)
{
    (void)config;
    *out = NULL;
    return wr_fail(error, WR_E_UNSUPPORTED,
                   "this build has no thread to push log lines: collect standard output");
}

void wr_log_push_line(struct wr_log_push *push, int64_t unix_ns, const char *level,
                      struct wr_str line)
{
    (void)push, (void)unix_ns, (void)level, (void)line;
}

void wr_log_push_stats(struct wr_log_push *push, struct wr_log_stats *out)
{
    (void)push, (void)out;
}

void wr_log_push_close(struct wr_log_push *push)
{
    (void)push;
}
