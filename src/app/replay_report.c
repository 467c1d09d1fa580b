/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay.h"

#include "value/json_write.h"

#include <math.h>

double wr_replay_share(uint64_t part, uint64_t whole)
{
    return whole != 0 ? (double)part / (double)whole : (double)NAN;
}

static double money(const struct wr_replay_result *result, int64_t units)
{
    return (double)units / pow(10.0, result->scale);
}

/* ── text ───────────────────────────────────────────────────────────────────────────────────── */
static void text_changes(FILE *out, const struct wr_replay_result *result)
{
    for (int was = WR_OUTCOME_APPROVE; was < WR_OUTCOME_COUNT; was++) {
        for (int is = WR_OUTCOME_APPROVE; is < WR_OUTCOME_COUNT; is++) {
            if (was != is && result->changed[was][is] != 0) {
                fprintf(out, "  %s -> %s: %llu decisions, amount %.*f\n",
                        wr_outcome_name((enum wr_outcome)was), wr_outcome_name((enum wr_outcome)is),
                        (unsigned long long)result->changed[was][is], (int)result->scale,
                        money(result, result->changed_amount[was][is]));
            }
        }
    }
    for (size_t i = 0; i < result->n_reason_codes; i++) {
        fprintf(out, "  reason %s: +%llu -%llu\n", result->reasons[i].code,
                (unsigned long long)result->reasons[i].gained,
                (unsigned long long)result->reasons[i].lost);
    }
    if (result->n_scored != 0) {
        fprintf(out, "  scores moved by %.6f on average, by %.6f at most (%llu decisions)\n",
                result->score_moved / (double)result->n_scored, result->score_moved_max,
                (unsigned long long)result->n_scored);
    }
}

static void text_outcomes(FILE *out, const struct wr_replay_result *result)
{
    fprintf(out, "  %-10s %12s %18s %12s %18s\n", "outcome", "was", "amount", "is", "amount");
    for (int i = WR_OUTCOME_APPROVE; i < WR_OUTCOME_COUNT; i++) {
        fprintf(out, "  %-10s %12llu %18.*f %12llu %18.*f\n", wr_outcome_name((enum wr_outcome)i),
                (unsigned long long)result->was.outcomes[i], (int)result->scale,
                money(result, result->was.amounts[i]), (unsigned long long)result->is.outcomes[i],
                (int)result->scale, money(result, result->is.amounts[i]));
    }
}

static void text_side(FILE *out, const char *name, const struct wr_replay_result *result,
                      const struct wr_replay_side *side)
{
    fprintf(out,
            "  %s: stopped %llu of %llu frauds (recall %.4f, precision %.4f), saved %.*f of %.*f; "
            "stopped %llu genuine ones, amount %.*f\n",
            name, (unsigned long long)side->n_fraud_stopped, (unsigned long long)result->n_fraud,
            wr_replay_share(side->n_fraud_stopped, result->n_fraud),
            wr_replay_share(side->n_fraud_stopped, side->n_fraud_stopped + side->n_genuine_stopped),
            (int)result->scale, money(result, side->fraud_stopped), (int)result->scale,
            money(result, result->fraud), (unsigned long long)side->n_genuine_stopped,
            (int)result->scale, money(result, side->genuine_stopped));
}

static void text_examples(FILE *out, const struct wr_replay_result *result)
{
    for (size_t i = 0; i < result->n_examples; i++) {
        const struct wr_replay_example *e = &result->examples[i];
        fprintf(out, "  sequence %llu, %.*s: was %s, is %s (%s), amount %.*f\n",
                (unsigned long long)e->sequence, WR_FMT(e->id), wr_outcome_name(e->was),
                wr_outcome_name(e->is), e->what, (int)result->scale, money(result, e->amount));
    }
}

static void text_notes(FILE *out, const struct wr_replay_result *result)
{
    const struct {
        uint64_t n;
        const char *says;
    } notes[] = {
        {result->n_skipped, "decided again, not compared: outside range or filter"},
        {result->n_folded, "entries before the range were folded"},
        {result->n_late, "of them were late events"},
        {result->n_unread, "events do not fit the pack"},
        {result->n_labels, "labels"},
        {result->n_labels_differ, "labels had another effect"},
        {result->n_shadow, "entries of challengers' scores"},
        {result->n_shadow_differ, "of them differ"},
        {result->n_shadow_unknown, "entries of challengers' scores reach back before the range"},
        {result->n_list_changes, "changes of lists"},
        {result->n_lists_differ, "changes of lists had another effect"},
        {result->n_activations, "activations of packs"},
        {result->n_refolds, "times the history was read anew under another pack"},
    };
    for (size_t i = 0; i < WR_COUNTOF(notes); i++) {
        if (notes[i].n != 0) {
            fprintf(out, "  %llu %s\n", (unsigned long long)notes[i].n, notes[i].says);
        }
    }
}

void wr_replay_text(FILE *out, const struct wr_replay_config *config,
                    const struct wr_replay_result *result)
{
    fprintf(out, "%llu decisions replayed, %llu of them the same%s, %llu differ\n",
            (unsigned long long)result->n_decisions, (unsigned long long)result->n_same,
            config->file == NULL && result->own ? " bytes" : "",
            (unsigned long long)(result->n_decisions - result->n_same));
    text_notes(out, result);
    if (result->n_same != result->n_decisions) {
        fprintf(out,
                "  differing in the outcome %llu, in reasons alone %llu, in scores alone %llu, in "
                "features or else %llu\n",
                (unsigned long long)result->n_outcome, (unsigned long long)result->n_reasons,
                (unsigned long long)result->n_scores, (unsigned long long)result->n_features);
        text_changes(out, result);
        text_outcomes(out, result);
    }
    if (result->n_labelled != 0) {
        text_side(out, "was", result, &result->was);
        text_side(out, "is ", result, &result->is);
    }
    text_examples(out, result);
    fprintf(out, "state at sequence %llu: ", (unsigned long long)result->sequence);
    for (size_t i = 0; i < sizeof result->digest; i++) {
        fprintf(out, "%02x", result->digest[i]);
    }
    double seconds = (double)result->wall_ns / 1e9;
    fprintf(out, "\n%.2f s, %.0f entries a second; %.2f us of CPU an entry\n", seconds,
            (double)result->n_entries / seconds,
            (double)result->cpu_ns / 1e3 / (double)WR_MAX(result->n_entries, (uint64_t)1));
}

/* ── JSON ───────────────────────────────────────────────────────────────────────────────────── */
static void json_share(FILE *out, const char *name, double share)
{
    if (isnan(share)) {
        fprintf(out, "\"%s\":null,", name);
    } else {
        fprintf(out, "\"%s\":%.6f,", name, share);
    }
}

static void json_side(FILE *out, const char *name, const struct wr_replay_result *result,
                      const struct wr_replay_side *side)
{
    fprintf(out, "\"%s\":{\"outcomes\":{", name);
    for (int i = WR_OUTCOME_APPROVE; i < WR_OUTCOME_COUNT; i++) {
        fprintf(out, "%s\"%s\":{\"n\":%llu,\"amount\":%.*f}", i > WR_OUTCOME_APPROVE ? "," : "",
                wr_outcome_name((enum wr_outcome)i), (unsigned long long)side->outcomes[i],
                (int)result->scale, money(result, side->amounts[i]));
    }
    fputs("},", out);
    json_share(out, "recall", wr_replay_share(side->n_fraud_stopped, result->n_fraud));
    json_share(
        out, "precision",
        wr_replay_share(side->n_fraud_stopped, side->n_fraud_stopped + side->n_genuine_stopped));
    fprintf(out,
            "\"fraud_stopped\":%llu,\"fraud_declined\":%llu,\"genuine_stopped\":%llu,"
            "\"genuine_declined\":%llu,\"money_saved\":%.*f,\"genuine_amount_stopped\":%.*f}",
            (unsigned long long)side->n_fraud_stopped, (unsigned long long)side->n_fraud_declined,
            (unsigned long long)side->n_genuine_stopped,
            (unsigned long long)side->n_genuine_declined, (int)result->scale,
            money(result, side->fraud_stopped), (int)result->scale,
            money(result, side->genuine_stopped));
}

static void json_changes(FILE *out, const struct wr_replay_result *result)
{
    const char *comma = "";
    fputs("\"changes\":[", out);
    for (int was = WR_OUTCOME_APPROVE; was < WR_OUTCOME_COUNT; was++) {
        for (int is = WR_OUTCOME_APPROVE; is < WR_OUTCOME_COUNT; is++) {
            if (was != is && result->changed[was][is] != 0) {
                fprintf(out, "%s{\"was\":\"%s\",\"is\":\"%s\",\"n\":%llu,\"amount\":%.*f}", comma,
                        wr_outcome_name((enum wr_outcome)was), wr_outcome_name((enum wr_outcome)is),
                        (unsigned long long)result->changed[was][is], (int)result->scale,
                        money(result, result->changed_amount[was][is]));
                comma = ",";
            }
        }
    }
    fputs("],\"reasons\":{", out);
    for (size_t i = 0; i < result->n_reason_codes; i++) {
        char room[512];
        struct wr_buf code = wr_buf_fixed(room, sizeof room);
        wr_json_write_string(&code, wr_str_z(result->reasons[i].code), WR_JSON_COMPACT);
        fprintf(out, "%s%.*s:{\"gained\":%llu,\"lost\":%llu}", i != 0 ? "," : "", WR_FMT(code),
                (unsigned long long)result->reasons[i].gained,
                (unsigned long long)result->reasons[i].lost);
    }
    fputs("},", out);
}

static void json_examples(FILE *out, const struct wr_replay_result *result)
{
    fputs("\"examples\":[", out);
    for (size_t i = 0; i < result->n_examples; i++) {
        const struct wr_replay_example *e = &result->examples[i];
        char room[8192];
        struct wr_buf id = wr_buf_fixed(room, sizeof room);
        wr_json_write_string(&id, wr_str_of(e->id.p, WR_MIN(e->id.n, sizeof room / 8)),
                             WR_JSON_COMPACT);
        fprintf(out,
                "%s{\"sequence\":%llu,\"id\":%.*s,\"differs\":\"%s\",\"was\":\"%s\",\"is\":\"%s\","
                "\"amount\":%.*f,\"was_reasons\":%.*s,\"is_reasons\":%.*s}",
                i != 0 ? "," : "", (unsigned long long)e->sequence, WR_FMT(id), e->what,
                wr_outcome_name(e->was), wr_outcome_name(e->is), (int)result->scale,
                money(result, e->amount), WR_FMT(e->was_reasons), WR_FMT(e->is_reasons));
    }
    fputs("],", out);
}

void wr_replay_json(FILE *out, const struct wr_replay_result *result)
{
    fprintf(out,
            "{\"decisions\":%llu,\"same\":%llu,\"differ\":%llu,\"skipped\":%llu,\"unread\":%llu,"
            "\"late\":%llu,\"entries\":%llu,\"folded\":%llu,\"labels\":%llu,"
            "\"labels_differ\":%llu,\"lists\":%llu,\"lists_differ\":%llu,\"activations\":%llu,"
            "\"refolds\":%llu,\"own_packs\":%s,"
            "\"differ_by\":{\"outcome\":%llu,\"reasons\":%llu,\"score\":%llu,\"features\":%llu},",
            (unsigned long long)result->n_decisions, (unsigned long long)result->n_same,
            (unsigned long long)(result->n_decisions - result->n_same),
            (unsigned long long)result->n_skipped, (unsigned long long)result->n_unread,
            (unsigned long long)result->n_late, (unsigned long long)result->n_entries,
            (unsigned long long)result->n_folded, (unsigned long long)result->n_labels,
            (unsigned long long)result->n_labels_differ, (unsigned long long)result->n_list_changes,
            (unsigned long long)result->n_lists_differ, (unsigned long long)result->n_activations,
            (unsigned long long)result->n_refolds, result->own ? "true" : "false",
            (unsigned long long)result->n_outcome, (unsigned long long)result->n_reasons,
            (unsigned long long)result->n_scores, (unsigned long long)result->n_features);
    fprintf(out, "\"shadow\":{\"entries\":%llu,\"differ\":%llu,\"unknown\":%llu},",
            (unsigned long long)result->n_shadow, (unsigned long long)result->n_shadow_differ,
            (unsigned long long)result->n_shadow_unknown);
    json_changes(out, result);
    fprintf(out,
            "\"scores\":{\"moved\":%llu,\"mean\":%.9f,\"max\":%.9f},\"labelled\":%llu,"
            "\"frauds\":%llu,\"fraud_amount\":%.*f,\"amount\":%.*f,",
            (unsigned long long)result->n_scored,
            result->n_scored != 0 ? result->score_moved / (double)result->n_scored : 0.0,
            result->score_moved_max, (unsigned long long)result->n_labelled,
            (unsigned long long)result->n_fraud, (int)result->scale, money(result, result->fraud),
            (int)result->scale, money(result, result->all));
    json_side(out, "was", result, &result->was);
    fputc(',', out);
    json_side(out, "is", result, &result->is);
    fputc(',', out);
    json_examples(out, result);
    fprintf(out, "\"sequence\":%llu,\"state\":\"", (unsigned long long)result->sequence);
    for (size_t i = 0; i < sizeof result->digest; i++) {
        fprintf(out, "%02x", result->digest[i]);
    }
    fprintf(out, "\",\"pack\":\"%s\",\"seconds\":%.3f,\"cpu_us_per_entry\":%.3f}\n", result->pack,
            (double)result->wall_ns / 1e9,
            (double)result->cpu_ns / 1e3 / (double)WR_MAX(result->n_entries, (uint64_t)1));
}
