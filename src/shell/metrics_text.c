/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics.h: the exposition. Source of the format: prometheus.io, "Exposition formats", text
 * 0.0.4. */
#include "shell/metrics.h"
#include "base/num.h"

/* The bounds of struct wr_timing, in seconds. */
static const char *const bounds_text[WR_TIMING_BOUNDS] = {
    "1e-07",  "2e-07",  "5e-07",  "1e-06", "2e-06", "5e-06", "1e-05", "2e-05", "5e-05",
    "0.0001", "0.0002", "0.0005", "0.001", "0.002", "0.005", "0.01",  "0.02",  "0.05",
    "0.1",    "0.2",    "0.5",    "1",     "2",     "5",     "10",
};
static const char *const stage_names[WR_STAGE_COUNT] = {
    "read", "queue", "decide", "parse", "feature", "model", "policy", "journal", "write", "total"};

static void head(struct wr_buf *buf, const char *name, const char *type, const char *help)
{
    wr_format(buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(struct wr_buf *buf, const char *name, const char *type, const char *help,
                uint64_t value)
{
    head(buf, name, type, help);
    wr_format(buf, "%s %llu\n", name, (unsigned long long)value);
}

static void seconds(struct wr_buf *buf, uint64_t ns)
{
    wr_format(buf, "%llu.%09llu\n", (unsigned long long)(ns / 1000000000),
              (unsigned long long)(ns % 1000000000));
}

static void label_value(struct wr_buf *buf, struct wr_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '"' || c == '\\') {
            wr_buf_char(buf, '\\');
        }
        wr_buf_char(buf, c == '\n' ? ' ' : c);
    }
}

static void decisions(struct wr_buf *buf, const struct wr_metrics *metrics)
{
    head(buf, "weir_decisions_total", "counter", "Decisions by outcome.");
    for (int i = WR_OUTCOME_APPROVE; i < WR_OUTCOME_COUNT; i++) {
        wr_format(buf, "weir_decisions_total{outcome=\"%s\"} %llu\n",
                  wr_outcome_name((enum wr_outcome)i), (unsigned long long)metrics->outcomes[i]);
    }
    static const char *const budgets[] = {"full", "no_explain", "fallback"};
    head(buf, "weir_decision_budget_total", "counter", "Decisions by the time they were given.");
    for (size_t i = 0; i < WR_COUNTOF(budgets); i++) {
        wr_format(buf, "weir_decision_budget_total{budget=\"%s\"} %llu\n", budgets[i],
                  (unsigned long long)metrics->budgets[i]);
    }
    /* All of them, with a zero too: of a counter that first shows as 1 no rate sees the step. */
    head(buf, "weir_errors_total", "counter", "Requests refused, by error code.");
    wr_err code;
    for (size_t i = 0; wr_err_at(i, &code); i++) {
        if ((size_t)code < WR_METRICS_ERRORS) {
            wr_format(buf, "weir_errors_total{code=\"%s\"} %llu\n", wr_err_name(code),
                      (unsigned long long)metrics->errors[code]);
        }
    }
}

/* What was decided, beside the outcome. */
static void business(struct wr_buf *buf, const struct wr_metrics *m)
{
    head(buf, "weir_amount_total", "counter", "Sum of the events' amounts by outcome.");
    for (int i = WR_OUTCOME_APPROVE; i < WR_OUTCOME_COUNT; i++) {
        wr_format(buf, "weir_amount_total{outcome=\"%s\"} %llu.%06llu\n",
                  wr_outcome_name((enum wr_outcome)i),
                  (unsigned long long)(m->amounts[i] / 1000000),
                  (unsigned long long)(m->amounts[i] % 1000000));
    }
    head(buf, "weir_reasons_total", "counter", "Reasons given, the first four of a decision.");
    for (size_t i = 0; i < WR_METRICS_REASON_SLOTS; i++) {
        const struct wr_reason_count *slot = &m->reasons[i];
        if (slot->size != 0) {
            wr_buf_str(buf, WR_STR("weir_reasons_total{reason=\""));
            label_value(buf, wr_str_of(slot->code, slot->size));
            wr_format(buf, "\"} %llu\n", (unsigned long long)slot->n);
        }
    }
    wr_format(buf, "weir_reasons_total{reason=\"other\"} %llu\n",
              (unsigned long long)m->other_reasons);
    static const char *const values[] = {"false", "true", "withdrawn"};
    head(buf, "weir_label_values_total", "counter", "Labels by what they say.");
    for (size_t i = 0; i < WR_COUNTOF(values); i++) {
        wr_format(buf, "weir_label_values_total{value=\"%s\"} %llu\n", values[i],
                  (unsigned long long)m->label_values[i]);
    }
}

static void scores(struct wr_buf *buf, const struct wr_metrics *m)
{
    uint64_t sum = 0;
    head(buf, "weir_score", "histogram", "Scores of decisions.");
    for (unsigned i = 0; i < WR_SCORE_BOUNDS; i++) {
        sum += m->scores[i];
        wr_format(buf, "weir_score_bucket{le=\"%u.%02u\"} %llu\n", (i + 1) * 5 / 100,
                  (i + 1) * 5 % 100, (unsigned long long)sum);
    }
    sum += m->scores[WR_SCORE_BOUNDS];
    wr_format(buf, "weir_score_bucket{le=\"+Inf\"} %llu\nweir_score_count %llu\nweir_score_sum ",
              (unsigned long long)sum, (unsigned long long)sum);
    wr_num_write_double(buf, m->score_sum);
    wr_buf_char(buf, '\n');
}

static void counters(struct wr_buf *buf, const struct wr_metrics *m)
{
    const struct {
        const char *name, *help;
        uint64_t value;
    } all[] = {
        {"weir_http_requests_total", "Requests read.", m->n_requests},
        {"weir_batches_total", "Batches given to the engine.", m->n_batches},
        {"weir_batch_items_total", "Requests in these batches.", m->n_batch_items},
        {"weir_replayed_total", "Known ids answered with the first answer.", m->n_replayed},
        {"weir_late_total", "Decisions on events older than the watermark.", m->n_late},
        {"weir_degraded_total", "Decisions that say what they lacked.", m->n_degraded},
        {"weir_policy_failures_total", "Decisions whose policy failed.", m->n_policy_failed},
        {"weir_labels_total", "Labels taken.", m->n_labels},
        {"weir_opa_requests_total", "Requests on OPA's data API.", m->n_opa},
        {"weir_fetches_total", "Rows read back from the journal.", m->n_fetches},
        {"weir_connections_accepted_total", "Connections taken.", m->n_accepted},
        {"weir_accept_failures_total", "Connections that could not be taken.",
         m->n_accept_failures},
        {"weir_connections_shut_out_total", "Closed at once because their address had its share.",
         m->n_shut_out},
        {"weir_connections_slow_closed_total", "Closed for not keeping a deadline.",
         m->n_closed_slow},
        {"weir_connections_idle_closed_total", "Closed after a long silence.", m->n_closed_idle},
        {"weir_connections_shed_total", "Closed because clients held too much memory together.",
         m->n_shed},
        {"weir_expired_total", "Decisions refused because the caller's own deadline had passed.",
         m->n_expired},
        {"weir_overloaded_windows_total", "Windows of 100 ms in which decisions waited too long.",
         m->n_overloads},
        {"weir_unanswered_total", "Answers withheld because the journal failed.", m->n_unanswered},
        {"weir_packs_activated_total", "Packs taken over while serving.", m->n_packs_activated},
        {"weir_packs_refused_total", "Packs that could not be loaded or taken over.",
         m->n_packs_refused},
        {"weir_clock_steps_total", "Steps of the wall clock that were ignored.", m->n_clock_steps},
        {"weir_unrecorded_total", "Decisions taken without a journal (--keep-deciding).",
         m->n_unrecorded},
        {"weir_journal_failures_total", "Failures of the journal.", m->n_journal_lost},
        {"weir_received_bytes_total", "Bytes read from clients.", m->bytes_in},
        {"weir_sent_bytes_total", "Bytes written to clients.", m->bytes_out},
    };
    for (size_t i = 0; i < WR_COUNTOF(all); i++) {
        one(buf, all[i].name, "counter", all[i].help, all[i].value);
    }
    one(buf, "weir_connections", "gauge", "Open connections.", m->n_connections);
    one(buf, "weir_client_bytes", "gauge",
        "Memory that clients hold: input, answers not sent, TLS.", m->client_bytes);
}

static void histograms(struct wr_buf *buf, const struct wr_metrics *metrics)
{
    head(buf, "weir_stage_duration_seconds", "histogram", "Time of a decision by stage.");
    for (int i = 0; i < WR_STAGE_COUNT; i++) {
        const struct wr_timing *h = &metrics->stages[i];
        uint64_t sum = 0;
        for (size_t j = 0; j < WR_TIMING_BOUNDS; j++) {
            sum += h->n[j];
            wr_format(buf, "weir_stage_duration_seconds_bucket{stage=\"%s\",le=\"%s\"} %llu\n",
                      stage_names[i], bounds_text[j], (unsigned long long)sum);
        }
        sum += h->n[WR_TIMING_BOUNDS];
        wr_format(buf,
                  "weir_stage_duration_seconds_bucket{stage=\"%s\",le=\"+Inf\"} %llu\n"
                  "weir_stage_duration_seconds_count{stage=\"%s\"} %llu\n"
                  "weir_stage_duration_seconds_sum{stage=\"%s\"} ",
                  stage_names[i], (unsigned long long)sum, stage_names[i], (unsigned long long)sum,
                  stage_names[i]);
        seconds(buf, h->sum_ns);
    }
}

static void journal(struct wr_buf *buf, const struct wr_metrics_gauges *g)
{
    const struct wr_journal_stats *j = &g->journal;
    head(buf, "weir_journal_state", "gauge", "1 for the state that the journal is in.");
    for (int i = WR_JOURNAL_OK; i <= WR_JOURNAL_BROKEN; i++) {
        wr_format(buf, "weir_journal_state{state=\"%s\"} %d\n",
                  wr_journal_state_name((enum wr_journal_state)i), (int)g->journal_state == i);
    }
    one(buf, "weir_sequence", "gauge", "Sequence of the last entry.", g->engine.sequence);
    one(buf, "weir_journal_committed", "gauge", "Sequence of the last row in the log.",
        j->committed);
    one(buf, "weir_journal_synced", "gauge", "Sequence of the last row synced.", j->synced);
    one(buf, "weir_journal_commits_total", "counter", "Transactions.", j->n_commits);
    one(buf, "weir_journal_syncs_total", "counter", "Syncs of the log.", j->n_syncs);
    one(buf, "weir_journal_segments", "gauge", "Segments.", j->n_segments);
    one(buf, "weir_journal_dropped_total", "counter", "Segments dropped by retention.",
        j->n_dropped);
    one(buf, "weir_journal_first", "gauge", "Sequence of the first row that is kept.", j->first);
    one(buf, "weir_journal_log_bytes", "gauge", "Size of the live segment.", j->log_size);
    head(buf, "weir_journal_commit_seconds_total", "counter", "Time spent in commits.");
    wr_buf_str(buf, WR_STR("weir_journal_commit_seconds_total "));
    seconds(buf, j->commit_ns);
    head(buf, "weir_journal_sync_seconds_total", "counter", "Time spent in syncs.");
    wr_buf_str(buf, WR_STR("weir_journal_sync_seconds_total "));
    seconds(buf, j->sync_ns);
    head(buf, "weir_journal_sync_seconds_max", "gauge", "The longest sync so far.");
    wr_buf_str(buf, WR_STR("weir_journal_sync_seconds_max "));
    seconds(buf, j->sync_ns_max);
}

static void snapshots(struct wr_buf *buf, const struct wr_metrics_gauges *g)
{
    const struct wr_snapshots_stats *s = &g->snapshots;
    head(buf, "weir_snapshots_total", "counter", "Snapshots of the state, by what became of them.");
    wr_format(buf,
              "weir_snapshots_total{result=\"made\"} %llu\n"
              "weir_snapshots_total{result=\"failed\"} %llu\n"
              "weir_snapshots_total{result=\"given_up\"} %llu\n",
              (unsigned long long)s->n_made, (unsigned long long)s->n_failed,
              (unsigned long long)s->n_given_up);
    one(buf, "weir_snapshot_sequence", "gauge", "Entry that the newest snapshot stands at.",
        s->sequence);
    one(buf, "weir_snapshot_bytes", "gauge", "Size of the newest snapshot.", s->n_bytes);
    head(buf, "weir_snapshot_age_seconds", "gauge", "Time since the newest snapshot was begun.");
    wr_buf_str(buf, WR_STR("weir_snapshot_age_seconds "));
    seconds(buf,
            s->sequence != 0 && g->snapshot_age_us > 0 ? (uint64_t)g->snapshot_age_us * 1000 : 0);
    head(buf, "weir_snapshot_duration_seconds", "gauge", "Time the newest snapshot took.");
    wr_buf_str(buf, WR_STR("weir_snapshot_duration_seconds "));
    seconds(buf, s->took_ns);
    one(buf, "weir_restored_sequence", "gauge",
        "Entry of the snapshot that the state was restored from; 0: from the journal alone.",
        s->restored);
    one(buf, "weir_folded_entries", "gauge", "Entries folded at the start.", g->n_folded);
}

static void state(struct wr_buf *buf, const struct wr_metrics_gauges *g)
{
    const struct wr_engine_stats *e = &g->engine;
    one(buf, "weir_entities", "gauge", "Entity values with history.", e->n_entities);
    one(buf, "weir_entities_evicted_total", "counter", "Entity values evicted.", e->n_evicted);
    one(buf, "weir_state_bytes", "gauge", "Bytes of feature state.", e->state_bytes);
    one(buf, "weir_state_cap_bytes", "gauge", "Most bytes of feature state.", e->state_cap);
    one(buf, "weir_ids", "gauge", "Event ids remembered.", e->n_ids);
    one(buf, "weir_ids_cap", "gauge", "Most event ids remembered.", e->ids_cap);
    head(buf, "weir_ids_age_seconds", "gauge", "Age of the oldest remembered event id.");
    wr_buf_str(buf, WR_STR("weir_ids_age_seconds "));
    seconds(buf, e->ids_age_us < 0 ? 0 : (uint64_t)e->ids_age_us * 1000);
    head(buf, "weir_watermark_seconds", "gauge", "Event time below which events are late.");
    wr_buf_str(buf, WR_STR("weir_watermark_seconds "));
    seconds(buf, e->watermark_us < 0 ? 0 : (uint64_t)e->watermark_us * 1000);
    one(buf, "weir_conflicts_total", "counter", "Known ids with another body.", e->n_conflicts);
    one(buf, "weir_list_changes_total", "counter", "Changes of lists.", e->n_list_changes);
    one(buf, "weir_list_entries", "gauge", "Entries put on lists while running.",
        e->n_list_entries);
    one(buf, "weir_list_bytes", "gauge", "Memory of these entries.", e->list_bytes);
    one(buf, "weir_labels_without_effect_total", "counter", "Labels of unknown events.",
        e->n_labels_without_effect);
}

/* Decimal text of a double that is finite and not negative. */
static void number(struct wr_buf *buf, double v)
{
    wr_num_write_double(buf, v);
    wr_buf_char(buf, '\n');
}

static void shadow(struct wr_buf *buf, const struct wr_metrics_gauges *g)
{
    const struct wr_engine_stats *e = &g->engine;
    one(buf, "weir_shadow_pending", "gauge", "Decisions whose challengers are to be scored.",
        e->n_shadow_pending);
    one(buf, "weir_shadow_entries_total", "counter", "Entries of challengers' scores.",
        e->n_shadow_entries);
    head(buf, "weir_shadow_decisions_total", "counter",
         "Decisions whose challengers were scored, or why not.");
    for (int why = WR_CHALLENGE_SCORED; why < WR_CHALLENGE_WHYS; why++) {
        wr_format(buf, "weir_shadow_decisions_total{result=\"%s\"} %llu\n",
                  wr_challenge_why_name((enum wr_challenge_why)why),
                  (unsigned long long)e->n_shadow_dropped[why]);
    }
}

enum { CHALLENGER_SCORES, CHALLENGER_CHANGED, CHALLENGER_SUM, CHALLENGER_MAX };

static void challenger(struct wr_buf *buf, const struct wr_challenger_stats *c, int what)
{
    static const char *const names[] = {
        [CHALLENGER_SCORES] = "weir_challenger_scores_total",
        [CHALLENGER_CHANGED] = "weir_challenger_outcomes_changed_total",
        [CHALLENGER_SUM] = "weir_challenger_difference_sum",
        [CHALLENGER_MAX] = "weir_challenger_difference_max",
    };
    char room[256]; /* two names of at most 64 bytes */
    struct wr_buf labels = wr_buf_fixed(room, sizeof room);
    wr_format(&labels, "model=\"%.*s\",champion=\"%.*s\"", WR_FMT(c->name), WR_FMT(c->champion));
    struct wr_str text = wr_buf_view(&labels);
    if (what == CHALLENGER_SCORES) {
        wr_format(buf, "%s{%.*s,result=\"scored\"} %llu\n%s{%.*s,result=\"unscored\"} %llu\n",
                  names[what], WR_FMT(text), (unsigned long long)c->n_scored, names[what],
                  WR_FMT(text), (unsigned long long)c->n_unscored);
        return;
    }
    wr_format(buf, "%s{%.*s} ", names[what], WR_FMT(text));
    number(buf, what == CHALLENGER_CHANGED ? (double)c->n_changed
                : what == CHALLENGER_SUM   ? c->sum_abs
                                           : c->max_abs);
}

static void challengers(struct wr_buf *buf, const struct wr_engine *engine)
{
    static const struct {
        const char *name, *type, *help;
    } kinds[] = {
        [CHALLENGER_SCORES] = {"weir_challenger_scores_total", "counter",
                               "Scores of challengers under this pack."},
        [CHALLENGER_CHANGED] = {"weir_challenger_outcomes_changed_total", "counter",
                                "Decisions that would have another outcome."},
        [CHALLENGER_SUM] = {"weir_challenger_difference_sum", "counter",
                            "Sum of |challenger - champion|."},
        [CHALLENGER_MAX] = {"weir_challenger_difference_max", "gauge",
                            "Greatest |challenger - champion|."},
    };
    struct wr_challenger_stats stats;
    for (int what = 0; what < (int)WR_COUNTOF(kinds); what++) {
        head(buf, kinds[what].name, kinds[what].type, kinds[what].help);
        for (size_t i = 0; wr_engine_challenger(engine, i, &stats); i++) {
            challenger(buf, &stats, what);
        }
    }
}

static void logs(struct wr_buf *buf, const struct wr_metrics_gauges *g)
{
    one(buf, "weir_log_lines_total", "counter", "Log lines handed over to be pushed.",
        g->n_log_lines);
    one(buf, "weir_log_pushed_total", "counter", "Log lines that were taken.", g->n_log_pushed);
    one(buf, "weir_log_dropped_total", "counter", "Log lines dropped: no room, or refused.",
        g->n_log_dropped);
    one(buf, "weir_log_push_failures_total", "counter", "Attempts to push that failed.",
        g->n_log_failed);
}

void wr_metrics_write(struct wr_buf *buf, const struct wr_metrics *metrics,
                      const struct wr_metrics_gauges *g)
{
    decisions(buf, metrics);
    business(buf, metrics);
    scores(buf, metrics);
    counters(buf, metrics);
    histograms(buf, metrics);
    journal(buf, g);
    snapshots(buf, g);
    state(buf, g);
    struct wr_challenger_stats any;
    bool challenged = g->challenged != NULL && wr_engine_challenger(g->challenged, 0, &any);
    if (challenged || g->engine.n_shadow_entries != 0) {
        shadow(buf, g);
    }
    if (challenged) {
        challengers(buf, g->challenged);
    }
    logs(buf, g);
    one(buf, "weir_ready", "gauge", "1 when decisions are taken.", g->ready);
    one(buf, "weir_mode_durable", "gauge", "1 when answers wait for the sync.", g->durable);
    head(buf, "weir_build_info", "gauge", "Version and pack.");
    wr_buf_str(buf, WR_STR("weir_build_info{version=\""));
    label_value(buf, g->version);
    wr_buf_str(buf, WR_STR("\",pack=\""));
    label_value(buf, g->pack_digest);
    wr_buf_str(buf, WR_STR("\",revision=\""));
    label_value(buf, g->pack_revision);
    wr_buf_str(buf, WR_STR("\"} 1\n"));
    one(buf, "process_resident_memory_bytes", "gauge", "Resident memory.", g->resident_bytes);
    head(buf, "process_cpu_seconds_total", "counter", "CPU time of all threads.");
    wr_buf_str(buf, WR_STR("process_cpu_seconds_total "));
    seconds(buf, g->cpu_ns < 0 ? 0 : (uint64_t)g->cpu_ns);
    head(buf, "weir_uptime_seconds", "gauge", "Time since start.");
    wr_buf_str(buf, WR_STR("weir_uptime_seconds "));
    seconds(buf, g->uptime_ns < 0 ? 0 : (uint64_t)g->uptime_ns);
}
