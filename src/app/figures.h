/* SPDX-License-Identifier: Apache-2.0 */
/* Named figures of a command, sorted by name: what --metrics tells. */
#ifndef WR_FIGURES_H
#define WR_FIGURES_H

#include "base/bytes.h"

#include <stdio.h>

#define WR_LIMIT_FIGURES 16

struct wr_figures {
    struct {
        const char *name;
        int64_t value;
    } items[WR_LIMIT_FIGURES];
    uint32_t n;
};

/* Monotonic nanoseconds. */
int64_t wr_figures_now(void);
/* Adds to the figure of that name. */
void wr_figures_add(struct wr_figures *figures, const char *name, int64_t value);
/* {"name":value,..} */
void wr_figures_json(struct wr_buf *json, const struct wr_figures *figures);
void wr_figures_table(struct wr_arena *arena, const struct wr_figures *figures, FILE *out);

#endif
