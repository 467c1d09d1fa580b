/* SPDX-License-Identifier: Apache-2.0 */
#include "app/load_report.h"

#include "value/json_write.h"

static const uint32_t percents[] = {500000, 900000, 990000, 999000, 999900, 1000000};
static const char *const percent_names[] = {"p50", "p90", "p99", "p999", "p9999", "max"};

static double per(double a, double b)
{
    return b > 0.0 ? a / b : 0.0;
}

static double us_at(const struct wr_histogram *h, uint32_t per_million)
{
    return (double)wr_histogram_percentile_ns(h, per_million) / 1e3;
}

/* ── text ───────────────────────────────────────────────────────────────────────────────────── */
static void text_latency(FILE *out, const char *name, const struct wr_histogram *h)
{
    fprintf(out, "  %-11s", name);
    for (size_t i = 0; i < WR_COUNTOF(percents); i++) {
        fprintf(out, " %s %.3f ms%s", percent_names[i], us_at(h, percents[i]) / 1e3,
                i + 1 < WR_COUNTOF(percents) ? "," : "\n");
    }
}

static void text_answers(FILE *out, const struct wr_load_span *run)
{
    fprintf(out, "  outcomes   ");
    for (int i = WR_OUTCOME_APPROVE; i < WR_OUTCOME_COUNT; i++) {
        fprintf(out, " %s %llu,", wr_outcome_name((enum wr_outcome)i),
                (unsigned long long)run->outcomes[i]);
    }
    fprintf(out, " none %llu\n  statuses   ", (unsigned long long)run->outcomes[0]);
    for (size_t i = 0; i < WR_LIMIT_LOAD_STATUSES && run->statuses[i].n != 0; i++) {
        fprintf(out, " %d: %llu", run->statuses[i].status, (unsigned long long)run->statuses[i].n);
    }
    fputc('\n', out);
}

static void text_trouble(FILE *out, const struct wr_load_config *config,
                         const struct wr_load_result *result)
{
    const struct {
        const char *what;
        uint64_t n;
    } all[] = {
        {"requests lost with their connection", result->run.n_lost},
        {"connections closed before their first answer (may one address have so many? see "
         "--per-address of the server)",
         result->n_unheard},
        {"times dialled again", result->n_reconnects},
        {"requests without an answer at the end", result->n_unanswered},
        {"requests due but never sent, since every connection was full", result->n_unsent},
        {"requests sent late, since every connection was full", result->run.n_blocked},
        {"answers to another request", result->run.n_mismatched},
    };
    for (size_t i = 0; i < WR_COUNTOF(all); i++) {
        if (all[i].n != 0) {
            fprintf(out, "  trouble     %s: %llu\n", all[i].what, (unsigned long long)all[i].n);
        }
    }
    char why[256];
    if (wr_load_is_saturated(config, result, why, sizeof why)) {
        fprintf(out, "  beware      the generator was short of CPU: %s\n", why);
    }
}

void wr_load_text(FILE *out, const struct wr_load_config *config,
                  const struct wr_load_result *result)
{
    const struct wr_load_span *run = &result->run, *warm = &result->warm;
    double seconds = (double)run->wall_ns / 1e9, n = (double)run->n_decisions;
    fprintf(out, "%s: %s, connections %llu, outstanding %llu", config->address,
            config->rate > 0.0 ? "open loop" : "closed loop",
            (unsigned long long)config->connections, (unsigned long long)config->outstanding);
    if (config->batch > 1) {
        fprintf(out, ", events a request %llu", (unsigned long long)config->batch);
    }
    if (config->rate > 0.0) {
        fprintf(out, ", %.0f/s asked", config->rate);
    }
    fprintf(out, "\n  decisions   %llu in %.2f s: %.0f/s\n", (unsigned long long)run->n_decisions,
            seconds, per(n, seconds));
    if (warm->n_sent != 0) {
        text_latency(out, "warm-up", &warm->latency);
    }
    text_latency(out, "latency", &run->latency);
    if (run->refused.count != 0) {
        text_latency(out, "refused", &run->refused);
    }
    if (config->rate > 0.0) {
        text_latency(out, "lateness", &run->lateness);
    }
    text_answers(out, run);
    if (run->n_labels != 0) {
        fprintf(out, "  labels      %llu\n", (unsigned long long)run->n_labels);
    }
    fprintf(out, "  generator   %.2f us of CPU a decision, %.0f %% of a core\n",
            per((double)run->cpu_ns / 1e3, n), per((double)run->cpu_ns / 1e7, seconds));
    if (config->server_pid != 0) {
        fprintf(out, "  server      %.2f us of CPU a decision, %.0f %% of a core\n",
                per((double)run->server_cpu_ns / 1e3, n),
                per((double)run->server_cpu_ns / 1e7, seconds));
    }
    text_trouble(out, config, result);
}

/* ── JSON ───────────────────────────────────────────────────────────────────────────────────── */
static void json_latency(FILE *out, const char *name, const struct wr_histogram *h)
{
    fprintf(out, "\"%s\":{\"n\":%llu,\"min\":%.3f,\"mean\":%.3f", name,
            (unsigned long long)h->count, h->count != 0 ? (double)h->min_ns / 1e3 : 0.0,
            per((double)h->sum_ns / 1e3, (double)h->count));
    for (size_t i = 0; i < WR_COUNTOF(percents); i++) {
        fprintf(out, ",\"%s\":%.3f", percent_names[i], us_at(h, percents[i]));
    }
    fputc('}', out);
}

static void json_span(FILE *out, const struct wr_load_span *span)
{
    double n = (double)span->n_decisions, seconds = (double)span->wall_ns / 1e9;
    fprintf(out,
            "\"seconds\":%.6f,\"sent\":%llu,\"answered\":%llu,\"decisions\":%llu,"
            "\"decisions_per_s\":%.1f,\"labels\":%llu,\"lost\":%llu,\"mismatched\":%llu,"
            "\"blocked\":%llu,\"bytes_out\":%llu,\"bytes_in\":%llu,",
            seconds, (unsigned long long)span->n_sent, (unsigned long long)span->n_answered,
            (unsigned long long)span->n_decisions, per(n, seconds),
            (unsigned long long)span->n_labels, (unsigned long long)span->n_lost,
            (unsigned long long)span->n_mismatched, (unsigned long long)span->n_blocked,
            (unsigned long long)span->bytes_out, (unsigned long long)span->bytes_in);
    json_latency(out, "latency_us", &span->latency);
    fputc(',', out);
    json_latency(out, "refused_us", &span->refused);
    fputc(',', out);
    json_latency(out, "lateness_us", &span->lateness);
    fprintf(out, ",\"outcomes\":{\"none\":%llu", (unsigned long long)span->outcomes[0]);
    for (int i = WR_OUTCOME_APPROVE; i < WR_OUTCOME_COUNT; i++) {
        fprintf(out, ",\"%s\":%llu", wr_outcome_name((enum wr_outcome)i),
                (unsigned long long)span->outcomes[i]);
    }
    fputs("},\"statuses\":{", out);
    for (size_t i = 0; i < WR_LIMIT_LOAD_STATUSES && span->statuses[i].n != 0; i++) {
        fprintf(out, "%s\"%d\":%llu", i != 0 ? "," : "", span->statuses[i].status,
                (unsigned long long)span->statuses[i].n);
    }
    fprintf(out, "},\"generator_cpu_us\":%.3f,\"generator_cores\":%.4f",
            per((double)span->cpu_ns / 1e3, n), per((double)span->cpu_ns / 1e9, seconds));
    fprintf(out, ",\"server_cpu_us\":%.3f,\"server_cores\":%.4f",
            per((double)span->server_cpu_ns / 1e3, n),
            per((double)span->server_cpu_ns / 1e9, seconds));
}

void wr_load_json(FILE *out, const struct wr_load_config *config,
                  const struct wr_load_result *result)
{
    char why[256], room[512];
    struct wr_buf address = wr_buf_fixed(room, sizeof room);
    wr_json_write_string(&address, wr_str_z(config->address), WR_JSON_COMPACT);
    fprintf(out,
            "{\"address\":%.*s,\"loop\":\"%s\",\"rate\":%.3f,\"connections\":%llu,"
            "\"outstanding\":%llu,\"batch\":%llu,\"warmup\":{",
            WR_FMT(address), config->rate > 0.0 ? "open" : "closed", config->rate,
            (unsigned long long)config->connections, (unsigned long long)config->outstanding,
            (unsigned long long)config->batch);
    json_span(out, &result->warm);
    fputs("},\"run\":{", out);
    json_span(out, &result->run);
    fprintf(out,
            "},\"unanswered\":%llu,\"unsent\":%llu,\"reconnects\":%llu,\"unheard\":%llu,"
            "\"interrupted\":%s,"
            "\"generator_saturated\":%s,\"point_s\":%.3f,\"points\":[",
            (unsigned long long)result->n_unanswered, (unsigned long long)result->n_unsent,
            (unsigned long long)result->n_reconnects, (unsigned long long)result->n_unheard,
            result->interrupted ? "true" : "false",
            wr_load_is_saturated(config, result, why, sizeof why) ? "true" : "false",
            (double)result->point_ns / 1e9);
    for (size_t i = 0; i < result->n_points; i++) {
        const struct wr_load_point *p = &result->points[i];
        fprintf(out, "%s[%llu,%llu,%.3f,%.3f]", i != 0 ? "," : "", (unsigned long long)p->n,
                (unsigned long long)p->refused, (double)p->p50_ns / 1e3, (double)p->p99_ns / 1e3);
    }
    fputs("]}\n", out);
}
