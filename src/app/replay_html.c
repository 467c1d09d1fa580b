/* SPDX-License-Identifier: Apache-2.0 */
#include "app/html.h"
#include "app/replay.h"

#include <math.h>
#include <stdlib.h>

static void amount(FILE *out, const struct wr_replay_result *result, int64_t units)
{
    uint64_t whole = (uint64_t)llabs(units), unit = (uint64_t)pow(10.0, result->scale);
    if (units < 0) {
        fputc('-', out);
    }
    wr_html_count(out, whole / unit);
    if (result->scale != 0) {
        fprintf(out, ".%0*llu", (int)result->scale, (unsigned long long)(whole % unit));
    }
}

static void figures(FILE *out, const struct wr_replay_result *result)
{
    struct wr_html_figure all[] = {
        {.says = "decisions compared"}, {.says = "the same"},
        {.says = "another outcome"},    {.says = "other reasons"},
        {.says = "another score"},      {.says = "events that do not fit"}};
    uint64_t n[] = {result->n_decisions, result->n_same,   result->n_outcome,
                    result->n_reasons,   result->n_scores, result->n_unread};
    for (size_t i = 0; i < WR_COUNTOF(n); i++) {
        snprintf(all[i].value, sizeof all[i].value, "%llu", (unsigned long long)n[i]);
    }
    wr_html_figures(out, all, result->n_unread != 0 ? 6 : 5);
}

static void outcomes(FILE *out, const struct wr_replay_result *result)
{
    wr_html_heading(out, "Outcomes");
    fputs("<table><tr><th class=\"text\">outcome</th><th>was</th><th>amount</th><th>is</th>"
          "<th>amount</th></tr>\n",
          out);
    for (int i = WR_OUTCOME_APPROVE; i < WR_OUTCOME_COUNT; i++) {
        fprintf(out, "<tr><td>%s</td><td>", wr_outcome_name((enum wr_outcome)i));
        wr_html_count(out, result->was.outcomes[i]);
        fputs("</td><td>", out);
        amount(out, result, result->was.amounts[i]);
        fputs("</td><td>", out);
        wr_html_count(out, result->is.outcomes[i]);
        fputs("</td><td>", out);
        amount(out, result, result->is.amounts[i]);
        fputs("</td></tr>\n", out);
    }
    fputs("</table>\n", out);
}

static void changes(FILE *out, const struct wr_replay_result *result)
{
    wr_html_heading(out, "From what it was (rows) to what it is (columns)");
    fputs("<table><tr><th></th>", out);
    for (int is = WR_OUTCOME_APPROVE; is < WR_OUTCOME_COUNT; is++) {
        fprintf(out, "<th>%s</th>", wr_outcome_name((enum wr_outcome)is));
    }
    fputs("</tr>\n", out);
    for (int was = WR_OUTCOME_APPROVE; was < WR_OUTCOME_COUNT; was++) {
        uint64_t moved = 0;
        for (int is = WR_OUTCOME_APPROVE; is < WR_OUTCOME_COUNT; is++) {
            moved += was != is ? result->changed[was][is] : 0;
        }
        fprintf(out, "<tr><td>%s</td>", wr_outcome_name((enum wr_outcome)was));
        for (int is = WR_OUTCOME_APPROVE; is < WR_OUTCOME_COUNT; is++) {
            fputs(was == is ? "<td class=\"same\">" : "<td>", out);
            wr_html_count(out,
                          was == is ? result->was.outcomes[was] - moved : result->changed[was][is]);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</table>\n", out);
}

static void reasons(FILE *out, const struct wr_replay_result *result)
{
    if (result->n_reason_codes == 0) {
        return;
    }
    wr_html_heading(out, "Reasons");
    fputs("<table><tr><th class=\"text\">code</th><th>gained</th><th>lost</th></tr>\n", out);
    for (size_t i = 0; i < result->n_reason_codes; i++) {
        fputs("<tr><td>", out);
        wr_html_text(out, wr_str_z(result->reasons[i].code));
        fputs("</td><td>", out);
        wr_html_count(out, result->reasons[i].gained);
        fputs("</td><td>", out);
        wr_html_count(out, result->reasons[i].lost);
        fputs("</td></tr>\n", out);
    }
    fputs("</table>\n", out);
}

static void side(FILE *out, const char *name, const struct wr_replay_result *result,
                 const struct wr_replay_side *s)
{
    uint64_t stopped = s->n_fraud_stopped + s->n_genuine_stopped;
    fprintf(out, "<tr><td>%s</td><td>", name);
    wr_html_count(out, s->n_fraud_stopped);
    fprintf(out, "</td><td>%.2f %%</td><td>%.2f %%</td><td>",
            wr_replay_share(s->n_fraud_stopped, result->n_fraud) * 100.0,
            stopped != 0 ? wr_replay_share(s->n_fraud_stopped, stopped) * 100.0 : 0.0);
    amount(out, result, s->fraud_stopped);
    fputs("</td><td>", out);
    wr_html_count(out, s->n_genuine_stopped);
    fputs("</td><td>", out);
    amount(out, result, s->genuine_stopped);
    fputs("</td></tr>\n", out);
}

static void labels(FILE *out, const struct wr_replay_result *result)
{
    if (result->n_fraud == 0) {
        return;
    }
    wr_html_heading(out, "With the labels of the journal (unlabelled counts as genuine)");
    fputs("<table><tr><th></th><th>frauds stopped</th><th>recall</th><th>precision</th>"
          "<th>money saved</th><th>genuine stopped</th><th>amount</th></tr>\n",
          out);
    side(out, "was", result, &result->was);
    side(out, "is", result, &result->is);
    fputs("</table><p class=\"under\">Frauds: ", out);
    wr_html_count(out, result->n_fraud);
    fputs(", amount ", out);
    amount(out, result, result->fraud);
    fputs(". Stopped is any outcome but approve.</p>\n", out);
}

static void examples(FILE *out, const struct wr_replay_result *result)
{
    if (result->n_examples == 0) {
        return;
    }
    wr_html_heading(out, "The first differences");
    fputs("<table><tr><th>entry</th><th class=\"text\">event</th><th class=\"text\">was</th>"
          "<th class=\"text\">is</th><th>amount</th><th class=\"text\">differs in</th></tr>\n",
          out);
    for (size_t i = 0; i < result->n_examples; i++) {
        const struct wr_replay_example *e = &result->examples[i];
        fprintf(out, "<tr><td>%llu</td><td class=\"text\">", (unsigned long long)e->sequence);
        wr_html_text(out, e->id);
        fprintf(out, "</td><td class=\"text\">%s</td><td class=\"text\">%s</td><td>",
                wr_outcome_name(e->was), wr_outcome_name(e->is));
        amount(out, result, e->amount);
        fprintf(out, "</td><td class=\"text\">%s</td></tr>\n", e->what);
    }
    fputs("</table>\n", out);
}

void wr_replay_html(FILE *out, const struct wr_replay_config *config,
                    const struct wr_replay_result *result)
{
    char under[768];
    snprintf(under, sizeof under, "%s, %s; pack %.16s at the end; %llu entries in %.2f s",
             config->file != NULL ? config->file : config->state,
             result->own ? "decided again with the packs of then"
                         : "decided by one pack, with all windows recomputed",
             result->pack, (unsigned long long)result->n_entries, (double)result->wall_ns / 1e9);
    wr_html_open(out, "Replay", under);
    figures(out, result);
    outcomes(out, result);
    changes(out, result);
    reasons(out, result);
    labels(out, result);
    examples(out, result);
    wr_html_close(out);
}
