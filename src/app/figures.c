/* SPDX-License-Identifier: Apache-2.0 */
#include "app/figures.h"
#include "app/table.h"

#include <time.h>

int64_t wr_figures_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void wr_figures_add(struct wr_figures *figures, const char *name, int64_t value)
{
    uint32_t at = 0;
    while (at < figures->n && strcmp(figures->items[at].name, name) < 0) {
        at++;
    }
    if (at < figures->n && strcmp(figures->items[at].name, name) == 0) {
        figures->items[at].value += value;
        return;
    }
    WR_ASSERT(figures->n < WR_LIMIT_FIGURES);
    memmove(&figures->items[at + 1], &figures->items[at],
            (figures->n - at) * sizeof figures->items[0]);
    figures->items[at].name = name;
    figures->items[at].value = value;
    figures->n++;
}

void wr_figures_json(struct wr_buf *json, const struct wr_figures *figures)
{
    wr_buf_char(json, '{');
    for (uint32_t i = 0; i < figures->n; i++) {
        wr_format(json, "%s\"%s\":%lld", i > 0 ? "," : "", figures->items[i].name,
                  (long long)figures->items[i].value);
    }
    wr_buf_char(json, '}');
}

void wr_figures_table(struct wr_arena *arena, const struct wr_figures *figures, FILE *out)
{
    struct wr_table table;
    wr_table_init(&table, arena, 2);
    wr_table_header(&table, 0, WR_STR("METRIC"));
    wr_table_header(&table, 1, WR_STR("VALUE"));
    for (uint32_t i = 0; i < figures->n; i++) {
        struct wr_buf text = wr_buf_in(arena, 24);
        wr_buf_i64(&text, figures->items[i].value);
        wr_table_cell(&table, i, 0, wr_str_z(figures->items[i].name));
        wr_table_cell(&table, i, 1, wr_buf_view(&text));
    }
    wr_table_print(&table, out);
}
