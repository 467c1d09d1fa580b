/* SPDX-License-Identifier: Apache-2.0 */
/* Champions and challengers, as text and as JSON. */
#include "app/challengers.h"

#include "base/num.h"

#include <math.h>

static double share(uint64_t part, uint64_t whole)
{
    return whole != 0 ? (double)part / (double)whole : (double)NAN;
}

/* ── text ───────────────────────────────────────────────────────────────────────────────────── */
static void text_side(FILE *out, const char *name, const struct wr_challenger_report *c,
                      const struct wr_challenger_side *side)
{
    fprintf(out, "    %-10s", name);
    if (!isnan(side->auc)) {
        fprintf(out, " AUC %.4f,", side->auc);
    }
    fprintf(out, " stops %llu of %llu frauds", (unsigned long long)side->fraud_stopped,
            (unsigned long long)c->n_fraud);
    uint64_t stopped = side->fraud_stopped + side->genuine_stopped;
    if (c->n_fraud != 0 && stopped != 0) {
        fprintf(out, " (recall %.3f, precision %.3f)", share(side->fraud_stopped, c->n_fraud),
                share(side->fraud_stopped, stopped));
    }
    fprintf(out, " and %llu others; declines %llu and %llu\n",
            (unsigned long long)side->genuine_stopped, (unsigned long long)side->fraud_declined,
            (unsigned long long)side->genuine_declined);
}

static void text_changes(FILE *out, const struct wr_challenger_report *c)
{
    fprintf(out, "  outcomes: %llu would be others\n", (unsigned long long)c->n_changed);
    for (int was = WR_OUTCOME_APPROVE; was < WR_OUTCOME_COUNT; was++) {
        for (int is = WR_OUTCOME_APPROVE; is < WR_OUTCOME_COUNT; is++) {
            if (was != is && c->changed[was][is] != 0) {
                fprintf(out, "    %llu %s instead of %s\n", (unsigned long long)c->changed[was][is],
                        wr_outcome_name((enum wr_outcome)is),
                        wr_outcome_name((enum wr_outcome)was));
            }
        }
    }
}

static void text_challenger(FILE *out, const struct wr_challenger_report *c)
{
    fprintf(out, "\n%.*s against %.*s: %llu scored, %llu could not be\n", WR_FMT(c->name),
            WR_FMT(c->champion), (unsigned long long)c->n_scored,
            (unsigned long long)c->n_unscored);
    if (c->n_left_out != 0) {
        fprintf(out, "  (%llu more than are looked at are left out)\n",
                (unsigned long long)c->n_left_out);
    }
    if (c->n_compared != 0) {
        fprintf(out,
                "  scores of both for %llu: difference on average %.6g, in size %.6g, at most "
                "%.6g; correlation %.4f\n  quantiles of the difference:",
                (unsigned long long)c->n_compared, c->mean, c->mean_abs, c->max_abs,
                c->correlation);
        for (size_t p = 0; p < WR_CHALLENGER_POINTS; p++) {
            fprintf(out, "%s %g%%: %.4g", p == 0 ? "" : ",", wr_challenger_points[p] * 100,
                    c->quantiles[p]);
        }
        fputc('\n', out);
    }
    text_changes(out, c);
    if (c->n_labelled != 0) {
        fprintf(out, "  %llu have a label, %llu are fraud; what has none counts as genuine\n",
                (unsigned long long)c->n_labelled, (unsigned long long)c->n_fraud);
        text_side(out, "champion", c, &c->was);
        text_side(out, "challenger", c, &c->is);
    }
}

void wr_challengers_text(FILE *out, const struct wr_challengers_report *report)
{
    fprintf(out, "%llu decisions under packs with challengers: %llu of them scored\n",
            (unsigned long long)report->n_decisions,
            (unsigned long long)report->n_covered[WR_CHALLENGE_SCORED]);
    for (int why = WR_CHALLENGE_LOST; why < WR_CHALLENGE_WHYS; why++) {
        if (report->n_covered[why] != 0) {
            fprintf(out, "  %llu not: %s\n", (unsigned long long)report->n_covered[why],
                    wr_challenge_why_name((enum wr_challenge_why)why));
        }
    }
    if (report->n_uncovered != 0) {
        fprintf(out, "  %llu not yet: the next start will tell\n",
                (unsigned long long)report->n_uncovered);
    }
    for (size_t i = 0; i < report->n; i++) {
        text_challenger(out, &report->challengers[i]);
    }
}

/* ── JSON ───────────────────────────────────────────────────────────────────────────────────── */
static void number(FILE *out, double v)
{
    char room[64];
    struct wr_buf text = wr_buf_fixed(room, sizeof room);
    if (isfinite(v)) {
        wr_num_write_double(&text, v);
    } else {
        wr_buf_str(&text, WR_STR("null"));
    }
    fwrite(text.p, 1, text.n, out);
}

static void member(FILE *out, const char *key, double v)
{
    fprintf(out, ",\"%s\":", key);
    number(out, v);
}

static void json_side(FILE *out, const char *name, const struct wr_challenger_report *c,
                      const struct wr_challenger_side *side)
{
    uint64_t stopped = side->fraud_stopped + side->genuine_stopped;
    fprintf(out,
            ",\"%s\":{\"fraud_stopped\":%llu,\"genuine_stopped\":%llu,\"fraud_declined\":%llu,"
            "\"genuine_declined\":%llu",
            name, (unsigned long long)side->fraud_stopped,
            (unsigned long long)side->genuine_stopped, (unsigned long long)side->fraud_declined,
            (unsigned long long)side->genuine_declined);
    member(out, "auc", side->auc);
    member(out, "recall", share(side->fraud_stopped, c->n_fraud));
    member(out, "precision", share(side->fraud_stopped, stopped));
    fputc('}', out);
}

static void json_changes(FILE *out, const struct wr_challenger_report *c)
{
    bool first = true;
    fprintf(out, ",\"changed\":%llu,\"changes\":[", (unsigned long long)c->n_changed);
    for (int was = WR_OUTCOME_APPROVE; was < WR_OUTCOME_COUNT; was++) {
        for (int is = WR_OUTCOME_APPROVE; is < WR_OUTCOME_COUNT; is++) {
            if (was != is && c->changed[was][is] != 0) {
                fprintf(out, "%s{\"was\":\"%s\",\"is\":\"%s\",\"n\":%llu}", first ? "" : ",",
                        wr_outcome_name((enum wr_outcome)was), wr_outcome_name((enum wr_outcome)is),
                        (unsigned long long)c->changed[was][is]);
                first = false;
            }
        }
    }
    fputc(']', out);
}

static void json_challenger(FILE *out, const struct wr_challenger_report *c)
{
    fprintf(out,
            "{\"model\":\"%.*s\",\"champion\":\"%.*s\",\"scored\":%llu,\"unscored\":%llu,"
            "\"compared\":%llu,\"left_out\":%llu,\"difference\":{\"mean\":",
            WR_FMT(c->name), WR_FMT(c->champion), (unsigned long long)c->n_scored,
            (unsigned long long)c->n_unscored, (unsigned long long)c->n_compared,
            (unsigned long long)c->n_left_out);
    number(out, c->mean);
    member(out, "mean_abs", c->mean_abs);
    member(out, "max_abs", c->max_abs);
    fputs(",\"quantiles\":[", out);
    for (size_t p = 0; p < WR_CHALLENGER_POINTS; p++) {
        fputs(p == 0 ? "[" : ",[", out);
        number(out, wr_challenger_points[p]);
        fputc(',', out);
        number(out, c->quantiles[p]);
        fputc(']', out);
    }
    fputs("]}", out);
    member(out, "correlation", c->correlation);
    json_changes(out, c);
    fprintf(out, ",\"labelled\":%llu,\"frauds\":%llu", (unsigned long long)c->n_labelled,
            (unsigned long long)c->n_fraud);
    json_side(out, "as_champion", c, &c->was);
    json_side(out, "as_challenger", c, &c->is);
    fputc('}', out);
}

void wr_challengers_json(FILE *out, const struct wr_challengers_report *report)
{
    fprintf(out, "{\"decisions\":%llu,\"uncovered\":%llu", (unsigned long long)report->n_decisions,
            (unsigned long long)report->n_uncovered);
    for (int why = WR_CHALLENGE_SCORED; why < WR_CHALLENGE_WHYS; why++) {
        fprintf(out, ",\"%s\":%llu", wr_challenge_why_name((enum wr_challenge_why)why),
                (unsigned long long)report->n_covered[why]);
    }
    fputs(",\"challengers\":[", out);
    for (size_t i = 0; i < report->n; i++) {
        fputs(i == 0 ? "" : ",", out);
        json_challenger(out, &report->challengers[i]);
    }
    fputs("]}\n", out);
}
