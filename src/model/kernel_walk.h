/* SPDX-License-Identifier: Apache-2.0 */
/* Which way a row goes at a node of a general tree (struct wr_walk_node). */
#ifndef WR_KERNEL_WALK_H
#define WR_KERNEL_WALK_H

#include "model/program.h"

static inline bool wr_walk_is_member(double x, double set, const double *sets)
{
    uint32_t first = (uint32_t)set;
    uint32_t n = (uint32_t)((set - first) * 4294967296.0);
    for (uint32_t i = 0; i < n; i++) {
        if (sets[first + i] == x) {
            return true;
        }
    }
    return false;
}

static inline bool wr_walk_goes_yes(unsigned mode, bool missing_yes, double threshold, double x,
                                    const double *sets)
{
    if (x != x && missing_yes) {
        return true;
    }
    switch (mode) {
    case WR_WALK_LEQ:
        return x <= threshold;
    case WR_WALK_LT:
        return x < threshold;
    case WR_WALK_GTE:
        return x >= threshold;
    case WR_WALK_GT:
        return x > threshold;
    case WR_WALK_EQ:
        return x == threshold;
    case WR_WALK_NEQ:
        return x != threshold;
    default:
        return wr_walk_is_member(x, threshold, sets);
    }
}

#endif
