/* SPDX-License-Identifier: Apache-2.0 */
/* Reports as one page that needs nothing else: no script, no font, no picture from elsewhere. */
#ifndef WR_HTML_H
#define WR_HTML_H

#include "base/bytes.h"

#include <stdio.h>

/* Head, style and title; `under` is the line below it. Texts are escaped. */
void wr_html_open(FILE *out, const char *title, const char *under);
void wr_html_close(FILE *out);
void wr_html_text(FILE *out, struct wr_str text); /* escaped */
void wr_html_heading(FILE *out, const char *text);

/* A row of figures, each with what it says beneath. */
struct wr_html_figure {
    char value[48];
    const char *says;
};
void wr_html_figures(FILE *out, const struct wr_html_figure *figures, size_t n);

/* 1234567 as 1,234,567. */
void wr_html_count(FILE *out, uint64_t n);

struct wr_html_series {
    const char *name;
    const double *x, *y;
    size_t n;
};
struct wr_html_tick {
    double at;
    char label[24];
};
struct wr_html_chart {
    const char *title, *x_says, *y_says;
    const struct wr_html_tick *x_ticks;
    size_t n_x_ticks;
    double x_max;
    bool y_is_log; /* else from 0 */
};
/* Lines over a common axis, up to four series. Points with y <= 0 are left out of a log axis. */
void wr_html_chart_write(FILE *out, const struct wr_html_chart *chart,
                         const struct wr_html_series *series, size_t n);

#endif
