/* SPDX-License-Identifier: Apache-2.0 */
#include "app/reconcile.h"
#include "value/json_write.h"

#include <time.h>

enum { INSTANT_MAX = 32 };

static const char *instant(int64_t us, char room[INSTANT_MAX])
{
    time_t s = (time_t)(us / 1000000);
    struct tm tm;
    gmtime_r(&s, &tm);
    strftime(room, INSTANT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return room;
}

/* Quoted, so that no id can end a line or move a terminal's cursor. */
static void json_text(FILE *out, struct wr_str text)
{
    char room[4096];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    wr_json_write_string(&buf, text, WR_JSON_COMPACT);
    fprintf(out, "%.*s", WR_FMT(buf.overflow ? WR_STR("\"\"") : wr_buf_view(&buf)));
}

/* ── text ───────────────────────────────────────────────────────────────────────────────────── */
static void text_nodes(FILE *out, const struct wr_reconcile_result *result)
{
    char from[INSTANT_MAX], to[INSTANT_MAX];
    for (size_t i = 0; i < result->n_nodes; i++) {
        const struct wr_reconcile_node *node = &result->nodes[i];
        fprintf(out, "  node %016llx, started %u times: %llu decisions",
                (unsigned long long)node->node, node->epoch, (unsigned long long)node->n_decisions);
        for (int o = WR_OUTCOME_APPROVE; o < WR_OUTCOME_COUNT; o++) {
            if (node->outcomes[o] != 0) {
                fprintf(out, ", %llu %s", (unsigned long long)node->outcomes[o],
                        wr_outcome_name((enum wr_outcome)o));
            }
        }
        if (node->n_entries != 0) {
            fprintf(out, "; %llu labels, %llu lacked news; %s to %s",
                    (unsigned long long)node->n_labels, (unsigned long long)node->n_stale,
                    instant(node->first_us, from), instant(node->last_us, to));
        }
        fprintf(out, "\n    %s\n", node->state);
    }
}

static void text_changes(FILE *out, const struct wr_reconcile_result *result)
{
    double share = result->n_compared != 0
                       ? 100.0 * (double)result->n_changed / (double)result->n_compared
                       : 0;
    fprintf(out, "windows over all nodes would have changed %llu of %llu decisions (%.3f %%)\n",
            (unsigned long long)result->n_changed, (unsigned long long)result->n_compared, share);
    for (int was = WR_OUTCOME_APPROVE; was < WR_OUTCOME_COUNT; was++) {
        for (int is = WR_OUTCOME_APPROVE; is < WR_OUTCOME_COUNT; is++) {
            if (was != is && result->changed[was][is] != 0) {
                fprintf(out, "  %s -> %s: %llu\n", wr_outcome_name((enum wr_outcome)was),
                        wr_outcome_name((enum wr_outcome)is),
                        (unsigned long long)result->changed[was][is]);
            }
        }
    }
    for (size_t i = 0; i < result->n_examples; i++) {
        const struct wr_reconcile_example *e = &result->examples[i];
        fprintf(out, "  %s, ", e->first);
        json_text(out, e->id);
        fprintf(out, ": %s would have been %s\n", wr_outcome_name(e->was), wr_outcome_name(e->is));
    }
    if (result->n_unread != 0) {
        fprintf(out, "%llu events do not fit the pack\n", (unsigned long long)result->n_unread);
    }
}

void wr_reconcile_text(FILE *out, const struct wr_reconcile_result *result)
{
    fprintf(out, "%zu nodes, %llu decisions, pack %.*s\n", result->n_nodes,
            (unsigned long long)result->n_decisions, WR_FMT(result->pack));
    text_nodes(out, result);
    fprintf(out,
            "ids decided twice: %llu on two nodes, %llu on one node; %llu with another outcome\n",
            (unsigned long long)result->n_twice_nodes, (unsigned long long)result->n_twice_node,
            (unsigned long long)result->n_twice_differ);
    for (size_t i = 0; i < result->n_twice_shown; i++) {
        const struct wr_reconcile_example *e = &result->twice[i];
        fputs("  ", out);
        json_text(out, e->id);
        fprintf(out, ": %s %s, then %s %s\n", e->first, wr_outcome_name(e->was), e->second,
                wr_outcome_name(e->is));
    }
    text_changes(out, result);
}

/* ── JSON ───────────────────────────────────────────────────────────────────────────────────── */
static void json_nodes(FILE *out, const struct wr_reconcile_result *result)
{
    for (size_t i = 0; i < result->n_nodes; i++) {
        const struct wr_reconcile_node *node = &result->nodes[i];
        fprintf(out, "%s{\"state\":", i > 0 ? "," : "");
        json_text(out, wr_str_z(node->state));
        fprintf(out,
                ",\"node\":\"%016llx\",\"epoch\":%u,\"entries\":%llu,\"decisions\":%llu,"
                "\"labels\":%llu,\"lacked_news\":%llu,\"first_us\":%lld,\"last_us\":%lld,"
                "\"outcomes\":{",
                (unsigned long long)node->node, node->epoch, (unsigned long long)node->n_entries,
                (unsigned long long)node->n_decisions, (unsigned long long)node->n_labels,
                (unsigned long long)node->n_stale, (long long)node->first_us,
                (long long)node->last_us);
        for (int o = WR_OUTCOME_APPROVE; o < WR_OUTCOME_COUNT; o++) {
            fprintf(out, "%s\"%s\":%llu", o > WR_OUTCOME_APPROVE ? "," : "",
                    wr_outcome_name((enum wr_outcome)o), (unsigned long long)node->outcomes[o]);
        }
        fputs("}}", out);
    }
}

static void json_changes(FILE *out, const struct wr_reconcile_result *result)
{
    bool first = true;
    fprintf(out, "\"changed\":{\"compared\":%llu,\"changed\":%llu,\"unread\":%llu,\"by\":[",
            (unsigned long long)result->n_compared, (unsigned long long)result->n_changed,
            (unsigned long long)result->n_unread);
    for (int was = WR_OUTCOME_APPROVE; was < WR_OUTCOME_COUNT; was++) {
        for (int is = WR_OUTCOME_APPROVE; is < WR_OUTCOME_COUNT; is++) {
            if (was != is && result->changed[was][is] != 0) {
                fprintf(out, "%s{\"was\":\"%s\",\"is\":\"%s\",\"n\":%llu}", first ? "" : ",",
                        wr_outcome_name((enum wr_outcome)was), wr_outcome_name((enum wr_outcome)is),
                        (unsigned long long)result->changed[was][is]);
                first = false;
            }
        }
    }
    fputs("],\"examples\":[", out);
    for (size_t i = 0; i < result->n_examples; i++) {
        const struct wr_reconcile_example *e = &result->examples[i];
        fprintf(out, "%s{\"decision_id\":\"%s\",\"transaction_id\":", i > 0 ? "," : "", e->first);
        json_text(out, e->id);
        fprintf(out, ",\"was\":\"%s\",\"is\":\"%s\"}", wr_outcome_name(e->was),
                wr_outcome_name(e->is));
    }
    fputs("]}", out);
}

void wr_reconcile_json(FILE *out, const struct wr_reconcile_result *result)
{
    fprintf(out, "{\"decisions\":%llu,\"with_id\":%llu,\"pack\":\"%.*s\",\"nodes\":[",
            (unsigned long long)result->n_decisions, (unsigned long long)result->n_with_id,
            WR_FMT(result->pack));
    json_nodes(out, result);
    fprintf(out, "],\"twice\":{\"two_nodes\":%llu,\"one_node\":%llu,\"differ\":%llu,\"examples\":[",
            (unsigned long long)result->n_twice_nodes, (unsigned long long)result->n_twice_node,
            (unsigned long long)result->n_twice_differ);
    for (size_t i = 0; i < result->n_twice_shown; i++) {
        const struct wr_reconcile_example *e = &result->twice[i];
        fprintf(out, "%s{\"transaction_id\":", i > 0 ? "," : "");
        json_text(out, e->id);
        fprintf(out,
                ",\"first\":\"%s\",\"first_outcome\":\"%s\",\"second\":\"%s\","
                "\"second_outcome\":\"%s\"}",
                e->first, wr_outcome_name(e->was), e->second, wr_outcome_name(e->is));
    }
    fputs("]},", out);
    json_changes(out, result);
    fputs("}\n", out);
}
