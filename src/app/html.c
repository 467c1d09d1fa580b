/* SPDX-License-Identifier: Apache-2.0 */
#include "app/html.h"

#include <math.h>

static const char style[] =
    ":root{--ink:#1b2733;--dim:#5c6b7a;--line:#d8dee5;--back:#fff;--a:#1668b8;--b:#c0392b;"
    "--c:#1e8449;--d:#8e5ea2}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--dim:#93a1af;--line:#36424e;"
    "--back:#161c22;--a:#62aef0;--b:#f0806f;--c:#62c98b;--d:#c79fd9}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);"
    "max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.6rem;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .6rem}"
    "p.under{color:var(--dim);margin:.2rem 0 1.4rem}"
    ".figures{display:flex;flex-wrap:wrap;gap:1.2rem 2.4rem}"
    ".figures b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}"
    ".figures span{color:var(--dim)}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "th,td{padding:.25rem .9rem .25rem 0;text-align:right;border-bottom:1px solid var(--line)}"
    "th{color:var(--dim);font-weight:500}"
    "th:first-child,td:first-child,td.text,th.text{text-align:left}"
    "td.same{color:var(--dim)}"
    "svg{width:100%;height:auto;font:12px system-ui,sans-serif}"
    "svg text{fill:var(--dim)}svg .grid{stroke:var(--line)}"
    ".beware{border-left:4px solid var(--b);padding-left:.8rem}";
static const char *const colours[] = {"var(--a)", "var(--b)", "var(--c)", "var(--d)"};

enum { WIDTH = 900, HEIGHT = 300, LEFT = 70, RIGHT = 40, TOP = 30, BOTTOM = 45 };

void wr_html_text(FILE *out, struct wr_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        switch (text.p[i]) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(text.p[i], out);
        }
    }
}

void wr_html_open(FILE *out, const char *title, const char *under)
{
    fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>",
          out);
    wr_html_text(out, wr_str_z(title));
    fprintf(out, "</title><style>%s</style></head>\n<body><h1>", style);
    wr_html_text(out, wr_str_z(title));
    fputs("</h1><p class=\"under\">", out);
    wr_html_text(out, wr_str_z(under));
    fputs("</p>\n", out);
}

void wr_html_close(FILE *out)
{
    fputs("</body></html>\n", out);
}

void wr_html_heading(FILE *out, const char *text)
{
    fputs("<h2>", out);
    wr_html_text(out, wr_str_z(text));
    fputs("</h2>\n", out);
}

void wr_html_figures(FILE *out, const struct wr_html_figure *figures, size_t n)
{
    fputs("<div class=\"figures\">", out);
    for (size_t i = 0; i < n; i++) {
        fputs("<div><b>", out);
        wr_html_text(out, wr_str_z(figures[i].value));
        fputs("</b><span>", out);
        wr_html_text(out, wr_str_z(figures[i].says));
        fputs("</span></div>", out);
    }
    fputs("</div>\n", out);
}

void wr_html_count(FILE *out, uint64_t n)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    for (int i = 0; i < length; i++) {
        if (i != 0 && (length - i) % 3 == 0) {
            fputc(',', out);
        }
        fputc(digits[i], out);
    }
}

/* ── charts ─────────────────────────────────────────────────────────────────────────────────── */
struct axis {
    double low, high;
    bool is_log;
};

static double place_x(const struct wr_html_chart *chart, double x)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * (chart->x_max > 0.0 ? x / chart->x_max : 0.0);
}

static double place_y(const struct axis *axis, double y)
{
    double part = axis->is_log ? (log10(y) - axis->low) / (axis->high - axis->low) : y / axis->high;
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * part;
}

/* The least 1, 2 or 5 times a power of ten that is not below. */
static double round_up(double v)
{
    double power = pow(10.0, floor(log10(v)));
    double steps[] = {1.0, 2.0, 5.0, 10.0};
    for (size_t i = 0; i < WR_COUNTOF(steps); i++) {
        if (steps[i] * power >= v) {
            return steps[i] * power;
        }
    }
    return 10.0 * power;
}

static struct axis fit(const struct wr_html_chart *chart, const struct wr_html_series *series,
                       size_t n)
{
    double low = (double)INFINITY, high = 0.0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < series[i].n; k++) {
            double y = series[i].y[k];
            if (y > 0.0) {
                low = fmin(low, y);
                high = fmax(high, y);
            }
        }
    }
    if (!(high > 0.0)) {
        return (struct axis){chart->y_is_log ? -1.0 : 0.0, 1.0, chart->y_is_log};
    }
    if (!chart->y_is_log) {
        return (struct axis){0.0, round_up(high), false};
    }
    double from = floor(log10(low)), to = ceil(log10(high));
    return (struct axis){from, to > from ? to : from + 1.0, true};
}

static void grid_line(FILE *out, double y, double value)
{
    fprintf(out,
            "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
            "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>",
            LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y + 4.0, value);
}

static void write_axes(FILE *out, const struct wr_html_chart *chart, const struct axis *axis)
{
    if (axis->is_log) {
        for (double decade = axis->low; decade <= axis->high; decade += 1.0) {
            grid_line(out, place_y(axis, pow(10.0, decade)), pow(10.0, decade));
        }
    } else {
        for (int i = 0; i <= 5; i++) {
            double value = axis->high * i / 5.0;
            grid_line(out, place_y(axis, value), value);
        }
    }
    for (size_t i = 0; i < chart->n_x_ticks; i++) {
        double x = place_x(chart, chart->x_ticks[i].at);
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>", x,
                HEIGHT - BOTTOM + 18, chart->x_ticks[i].label);
    }
    fprintf(out,
            "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>"
            "<text x=\"%d\" y=\"16\">%s</text>",
            (WIDTH + LEFT) / 2, HEIGHT - 6, chart->x_says, LEFT, chart->y_says);
}

void wr_html_chart_write(FILE *out, const struct wr_html_chart *chart,
                         const struct wr_html_series *series, size_t n)
{
    struct axis axis = fit(chart, series, n);
    wr_html_heading(out, chart->title);
    fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">", WIDTH, HEIGHT,
            chart->title);
    write_axes(out, chart, &axis);
    for (size_t i = 0; i < n; i++) {
        const char *colour = colours[i % WR_COUNTOF(colours)];
        fprintf(out, "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"%s\" points=\"", colour);
        for (size_t k = 0; k < series[i].n; k++) {
            if (series[i].y[k] > 0.0 || !axis.is_log) {
                fprintf(out, "%.1f,%.1f ", place_x(chart, series[i].x[k]),
                        place_y(&axis, series[i].y[k]));
            }
        }
        fprintf(out, "\"/><text x=\"%d\" y=\"16\" style=\"fill:%s\">%s</text>",
                WIDTH - RIGHT - 150 * (int)(n - i), colour, series[i].name);
    }
    fputs("</svg>\n", out);
}
