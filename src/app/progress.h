/* SPDX-License-Identifier: Apache-2.0 */
/* One line on standard error about long work, when a terminal is attached. */
#ifndef WR_PROGRESS_H
#define WR_PROGRESS_H

#include "base/base.h"

struct wr_progress {
    bool on;
    const char *what;
    int64_t start_ns, shown_ns;
    uint64_t calls;
};

void wr_progress_open(struct wr_progress *progress, const char *what);
/* Cheap: looks at the clock every 1024th call and prints at most five times a second. */
void wr_progress_step(struct wr_progress *progress, uint64_t bytes, uint64_t items);
void wr_progress_close(struct wr_progress *progress);

#endif
