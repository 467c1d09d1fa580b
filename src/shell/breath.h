/* SPDX-License-Identifier: Apache-2.0 */
/* Rests of a thread that works in the background.
 *
 * However much a thread gives way, once it runs it keeps its processor until the system looks
 * again, up to a tick later, 1 to 10 ms; and the server's loop, where it shares the processor,
 * stands still for as long. So the thread counts its work, by estimates rather than by a clock, and
 * after each fifth of a millisecond it sleeps for a moment: whoever can run then does so at once.
 */
#ifndef WR_BREATH_H
#define WR_BREATH_H

#include "port/port.h"

#define WR_BREATH_WORK_NS 200000
#define WR_BREATH_REST_NS 50000

struct wr_breath {
    const struct wr_port_threads *threads; /* NULL: all is one thread, and it never rests */
    bool (*is_urgent)(void *arg);          /* somebody waits for this work; NULL: never */
    void *arg;
    uint64_t worked_ns; /* since the last rest */
};

/* Rests, unless it is urgent. */
void wr_breath_take(struct wr_breath *breath);

/* That much work was done. For innermost loops. */
static inline void wr_breath_count(struct wr_breath *breath, uint64_t ns)
{
    breath->worked_ns += ns;
    if (WR_UNLIKELY(breath->worked_ns >= WR_BREATH_WORK_NS)) {
        wr_breath_take(breath);
    }
}

#endif
