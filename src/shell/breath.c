/* SPDX-License-Identifier: Apache-2.0 */
/* See breath.h. */
#include "shell/breath.h"

void wr_breath_take(struct wr_breath *breath)
{
    const struct wr_port_threads *threads = breath->threads;
    bool is_urgent = breath->is_urgent != NULL && breath->is_urgent(breath->arg);
    breath->worked_ns = 0;
    if (threads != NULL && !is_urgent) {
        struct wr_gate rest = {0}; /* nobody opens it */
        threads->gate_wait(threads->context, &rest, WR_BREATH_REST_NS);
    }
}
