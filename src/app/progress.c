/* SPDX-License-Identifier: Apache-2.0 */
#include "app/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int64_t mono_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

void wr_progress_open(struct wr_progress *progress, const char *what)
{
    *progress = (struct wr_progress){.on = isatty(STDERR_FILENO) == 1, .what = what};
    progress->start_ns = progress->shown_ns = mono_ns();
}

void wr_progress_step(struct wr_progress *progress, uint64_t bytes, uint64_t items)
{
    if (!progress->on || ++progress->calls % 1024 != 0) {
        return;
    }
    int64_t now = mono_ns();
    if (now - progress->shown_ns < 200000000) {
        return;
    }
    progress->shown_ns = now;
    double seconds = (double)(now - progress->start_ns) / 1e9;
    fprintf(stderr, "\r%llu %s, %.0f MB, %.0f/s \033[K", (unsigned long long)items, progress->what,
            (double)bytes / 1e6, (double)items / seconds);
}

void wr_progress_close(struct wr_progress *progress)
{
    if (progress->on) {
        fprintf(stderr, "\r\033[K");
    }
}
