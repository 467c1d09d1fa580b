/* SPDX-License-Identifier: Apache-2.0 */
#include "app/html.h"
#include "app/load_report.h"

#include <math.h>

enum { CURVE = 121, DECADES = 6 };

static double per(double a, double b)
{
    return b > 0.0 ? a / b : 0.0;
}

static double ms_at(const struct wr_histogram *h, double share)
{
    return (double)wr_histogram_percentile_ns(h, (uint32_t)(share * 1e6)) / 1e6;
}

/* Latency over "nines": x = log10(1 / (1 - p)), as far as the count bears. */
static size_t curve(const struct wr_histogram *h, double *x, double *y)
{
    size_t n = 0;
    double most = fmin(log10(fmax((double)h->count, 1.0)), (double)DECADES);
    for (; n < CURVE; n++) {
        x[n] = (double)n * DECADES / (CURVE - 1);
        if (x[n] > most) {
            break;
        }
        y[n] = ms_at(h, 1.0 - pow(10.0, -x[n]));
    }
    return n;
}

static void percentiles(FILE *out, const struct wr_load_config *config,
                        const struct wr_load_result *result)
{
    static double x[3][CURVE], y[3][CURVE];
    static const struct wr_html_tick ticks[] = {
        {0.0, "0 %"},     {1.0, "90 %"},     {2.0, "99 %"},     {3.0, "99.9 %"},
        {4.0, "99.99 %"}, {5.0, "99.999 %"}, {6.0, "99.9999 %"}};
    struct wr_html_series series[3];
    size_t n = 0;
    const struct {
        const char *name;
        const struct wr_histogram *h;
        bool wanted;
    } all[] = {
        {"latency", &result->run.latency, true},
        {"generator's lateness", &result->run.lateness, config->rate > 0.0},
        {"warm-up", &result->warm.latency, result->warm.n_answered != 0},
    };
    for (size_t i = 0; i < WR_COUNTOF(all); i++) {
        if (all[i].wanted) {
            size_t points = curve(all[i].h, x[n], y[n]);
            series[n] = (struct wr_html_series){all[i].name, x[n], y[n], points};
            n++;
        }
    }
    struct wr_html_chart chart = {
        .title = "Latency by percentile",
        .x_says = "share of requests that were no slower",
        .y_says = "milliseconds",
        .x_ticks = ticks,
        .n_x_ticks = WR_COUNTOF(ticks),
        .x_max = DECADES,
        .y_is_log = true,
    };
    wr_html_chart_write(out, &chart, series, n);
}

static void over_time(FILE *out, const struct wr_load_result *result)
{
    static double x[WR_LIMIT_LOAD_POINTS], rate[WR_LIMIT_LOAD_POINTS],
        refused[WR_LIMIT_LOAD_POINTS], p50[WR_LIMIT_LOAD_POINTS], p99[WR_LIMIT_LOAD_POINTS];
    struct wr_html_tick ticks[6];
    double point_s = (double)result->point_ns / 1e9;
    size_t n = result->n_points;
    for (size_t i = 0; i < n; i++) {
        x[i] = (double)(i + 1) * point_s;
        rate[i] = (double)result->points[i].n / point_s;
        refused[i] = (double)result->points[i].refused / point_s;
        p50[i] = (double)result->points[i].p50_ns / 1e6;
        p99[i] = (double)result->points[i].p99_ns / 1e6;
    }
    struct wr_html_chart chart = {.x_says = "seconds",
                                  .x_ticks = ticks,
                                  .n_x_ticks = WR_COUNTOF(ticks),
                                  .x_max = (double)n * point_s};
    for (size_t i = 0; i < WR_COUNTOF(ticks); i++) {
        ticks[i].at = chart.x_max * (double)i / 5.0;
        snprintf(ticks[i].label, sizeof ticks[i].label, "%.3g", ticks[i].at);
    }
    chart.title = "Throughput over time";
    chart.y_says = "a second";
    struct wr_html_series rates[] = {{"decisions", x, rate, n}, {"refused", x, refused, n}};
    wr_html_chart_write(out, &chart, rates, 2);
    chart.title = "Latency over time";
    chart.y_says = "milliseconds";
    chart.y_is_log = true;
    struct wr_html_series times[] = {{"P50", x, p50, n}, {"P99", x, p99, n}};
    wr_html_chart_write(out, &chart, times, 2);
}

static void figures(FILE *out, const struct wr_load_config *config,
                    const struct wr_load_result *result)
{
    const struct wr_load_span *run = &result->run;
    double n = (double)run->n_decisions, seconds = (double)run->wall_ns / 1e9;
    struct wr_html_figure all[8] = {
        {.says = "decisions a second"},
        {.says = "P50, ms"},
        {.says = "P99, ms"},
        {.says = "P99.9, ms"},
        {.says = "greatest, ms"},
        {.says = "us of the generator's CPU a decision"},
        {.says = "us of the server's CPU a decision"},
    };
    snprintf(all[0].value, sizeof all[0].value, "%.0f", per(n, seconds));
    static const double shares[] = {0.5, 0.99, 0.999, 1.0};
    for (size_t i = 0; i < WR_COUNTOF(shares); i++) {
        snprintf(all[i + 1].value, sizeof all[0].value, "%.3f", ms_at(&run->latency, shares[i]));
    }
    snprintf(all[5].value, sizeof all[0].value, "%.2f", per((double)run->cpu_ns / 1e3, n));
    snprintf(all[6].value, sizeof all[0].value, "%.2f", per((double)run->server_cpu_ns / 1e3, n));
    wr_html_figures(out, all, config->server_pid != 0 ? 7 : 6);
}

static void row(FILE *out, const char *what, uint64_t n, uint64_t whole)
{
    fprintf(out, "<tr><td>%s</td><td>", what);
    wr_html_count(out, n);
    fprintf(out, "</td><td>%.2f %%</td></tr>\n", per((double)n * 100.0, (double)whole));
}

static void answers(FILE *out, const struct wr_load_result *result)
{
    const struct wr_load_span *run = &result->run;
    wr_html_heading(out, "Answers");
    fputs("<table><tr><th class=\"text\">outcome</th><th>decisions</th><th>share</th></tr>\n", out);
    for (int i = WR_OUTCOME_APPROVE; i < WR_OUTCOME_COUNT; i++) {
        row(out, wr_outcome_name((enum wr_outcome)i), run->outcomes[i], run->n_decisions);
    }
    fputs("</table><p></p><table><tr><th class=\"text\">status</th><th>requests</th>"
          "<th>share</th></tr>\n",
          out);
    for (size_t i = 0; i < WR_LIMIT_LOAD_STATUSES && run->statuses[i].n != 0; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", run->statuses[i].status);
        row(out, name, run->statuses[i].n, run->n_answered);
    }
    row(out, "lost with the connection", run->n_lost, run->n_sent);
    row(out, "no answer at the end", result->n_unanswered, run->n_sent);
    row(out, "due, never sent", result->n_unsent, run->n_sent);
    fputs("</table>\n", out);
}

void wr_load_html(FILE *out, const struct wr_load_config *config,
                  const struct wr_load_result *result)
{
    char under[512], why[256];
    int n = snprintf(under, sizeof under, "%s, %s loop", config->address,
                     config->rate > 0.0 ? "open" : "closed");
    if (config->rate > 0.0) {
        n += snprintf(under + n, sizeof under - (size_t)n, " at %.0f decisions a second",
                      config->rate);
    }
    snprintf(under + n, sizeof under - (size_t)n,
             ", connections %llu, outstanding %llu each, events a request %llu, %.1f s",
             (unsigned long long)config->connections, (unsigned long long)config->outstanding,
             (unsigned long long)config->batch, (double)result->run.wall_ns / 1e9);
    wr_html_open(out, "Weir under load", under);
    if (wr_load_is_saturated(config, result, why, sizeof why)) {
        fputs("<p class=\"beware\">The generator was short of CPU: ", out);
        wr_html_text(out, wr_str_z(why));
        fputs("</p>\n", out);
    }
    figures(out, config, result);
    percentiles(out, config, result);
    over_time(out, result);
    answers(out, result);
    wr_html_close(out);
}
