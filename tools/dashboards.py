#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the Grafana dashboards of deploy/grafana/dashboards from the list below.

    tools/dashboards.py [FOLDER]      deploy/grafana/dashboards when left out

A dashboard is rows of panels; a panel is a title, a form, a unit and questions with their legends.
What every panel of Grafana's JSON repeats stands in `panel` once. A test asks a real Prometheus each
question.
"""
import json
import sys
from pathlib import Path

NODE = '{job=~"$job",site=~"$site",instance=~"$instance"}'
JOB = '{job=~"$job"}'
RATE = "[$__rate_interval]"


def of(metric, more="", scope=NODE):
    return f"{metric}{scope[:-1]}{',' + more if more else ''}}}"


def rate(metric, more=""):
    return f"rate({of(metric, more)}{RATE})"


def quantile(q, stage="total", by="le"):
    return (f"histogram_quantile({q}, sum by ({by}) ("
            + rate("weir_stage_duration_seconds_bucket", f'stage="{stage}"') + "))")


def share(part, whole="weir_decisions_total", by=""):
    by = f" by ({by})" if by else ""
    return f"sum{by} ({rate(part)}) / sum{by} ({rate(whole)})"


LINES, STAT, BARS, TABLE, STACK = "timeseries", "stat", "bargauge", "table", "stack"

FLEET = ("Weir: fleet", "weir-fleet", [
    ("Now", [
        ("Nodes that take decisions", STAT, "short", [(f"sum({of('weir_ready')})", "")]),
        ("Nodes that do not", STAT, "short", [(f"count({of('weir_ready')} == 0) or vector(0)", "")]),
        ("Decisions a second", STAT, "ops", [(f"sum({rate('weir_decisions_total')})", "")]),
        ("P99.9", STAT, "s", [(quantile(0.999), "")]),
        ("Packs a site", STAT, "short", [(f"max({of('job_site:weir_packs:count', scope=JOB)})", "")]),
        ("Journals not ok", STAT, "short",
         [(f"count({of('weir_journal_state', 'state=~%sok%s' % (chr(34), chr(34)))} == 0) or vector(0)", "")]),
    ]),
    ("Service levels", [
        ("Decisions refused, of all asked for (budget 0.01 %)", LINES, "percentunit",
         [(of("job:weir_unavailable:ratio_rate5m", scope=JOB), "5 minutes"),
          (of("job:weir_unavailable:ratio_rate1h", scope=JOB), "1 hour"),
          (of("job:weir_unavailable:ratio_rate3d", scope=JOB), "3 days")]),
        ("Decisions over 50 ms (budget 0.01 %)", LINES, "percentunit",
         [(of("job:weir_slow:ratio_rate5m", scope=JOB), "5 minutes"),
          (of("job:weir_slow:ratio_rate1h", scope=JOB), "1 hour"),
          (of("job:weir_slow:ratio_rate3d", scope=JOB), "3 days")]),
        ("Error budget left, of three days' availability", STAT, "percentunit",
         [(f"1 - {of('job:weir_unavailable:ratio_rate3d', scope=JOB)} / 0.0001", "")]),
        ("Latency", LINES, "s", [(quantile(0.5), "P50"), (quantile(0.99), "P99"),
                                 (quantile(0.999), "P99.9")]),
    ]),
    ("Nodes", [
        ("Decisions a second by node", STACK, "ops",
         [(f"sum by (instance) ({rate('weir_decisions_total')})", "{{instance}}")]),
        ("P99 by node", LINES, "s", [(quantile(0.99, by="instance, le"), "{{instance}}")]),
        ("Refused a second by code", STACK, "ops",
         [(f"sum by (code) ({rate('weir_errors_total')})", "{{code}}")]),
        ("CPUs by node", LINES, "short", [(rate("process_cpu_seconds_total"), "{{instance}}")]),
        ("Memory by node", LINES, "bytes", [(of("process_resident_memory_bytes"), "{{instance}}")]),
        ("Version and pack", TABLE, "short",
         [(f"sum by (site, instance, version, revision, pack) ({of('weir_build_info')})", "")]),
    ]),
])

FLEET[2].append(("Shared over Redis", [
    ("Connected", STAT, "short", [(of("weir_redis_up"), "{{instance}}")]),
    ("Decisions that lacked what others saw", LINES, "percentunit",
     [(f"sum by (instance) ({rate('weir_redis_stale_total')}) / sum by (instance) "
       f"({rate('weir_decisions_total')} and on (instance) {of('weir_redis_up')})", "{{instance}}")]),
    ("Added to decisions: P50, P99", LINES, "s",
     [(f"histogram_quantile({q}, sum by (le) ({rate('weir_redis_wait_seconds_bucket')}))", f"P{q * 100:g}")
      for q in (0.5, 0.99)]),
    ("A fetch: P50, P99", LINES, "s",
     [(f"histogram_quantile({q}, sum by (le) ({rate('weir_redis_fetch_seconds_bucket')}))", f"P{q * 100:g}")
      for q in (0.5, 0.99)]),
    ("Breaker: 0 closed, 1 trying, 2 open", LINES, "short", [(of("weir_redis_breaker"), "{{instance}}")]),
    ("Fetched; late, failed, not asked for", LINES, "ops",
     [(f"sum({rate('weir_redis_' + name + '_total')})", name) for name in
      ("fetches", "fetches_late", "fetches_failed", "fetches_skipped")]),
    ("Tiles written; failed", LINES, "ops",
     [(f"sum({rate('weir_redis_' + name + '_total')})", name) for name in ("writes", "writes_failed")]),
    ("Own tiles that wait", LINES, "short", [(of("weir_redis_queue"), "{{instance}}")]),
    ("Given up: events, entities of others; forged", LINES, "short",
     [(f"sum({of('weir_redis_dropped_events_total')})", "events"),
      (f"sum({of('weir_redis_entities_evicted_total')})", "entities"),
      (f"sum({of('weir_redis_bad_tiles_total')})", "forged")]),
]))

NODES = ("Weir: node", "weir-node", [
    ("Now", [
        ("Ready", STAT, "short", [(of("weir_ready"), "{{instance}}")]),
        ("Up for", STAT, "s", [(of("weir_uptime_seconds"), "{{instance}}")]),
        ("Journal", STAT, "short", [(f"{of('weir_journal_state')} == 1", "{{state}}")]),
        ("Sequence", STAT, "short", [(of("weir_sequence"), "{{instance}}")]),
    ]),
    ("Where the time goes", [
        ("Mean time by stage", STACK, "s",
         [(f"sum by (stage) ({rate('weir_stage_duration_seconds_sum', 'stage!=%stotal%s' % (chr(34), chr(34)))})"
           f" / sum by (stage) ({rate('weir_stage_duration_seconds_count', 'stage!=%stotal%s' % (chr(34), chr(34)))})",
           "{{stage}}")]),
        ("P99 by stage", LINES, "s",
         [("histogram_quantile(0.99, sum by (stage, le) ("
           + rate("weir_stage_duration_seconds_bucket") + "))", "{{stage}}")]),
        ("Decisions a batch", LINES, "short",
         [(f"sum({rate('weir_batch_items_total')}) / sum({rate('weir_batches_total')})", "")]),
        ("Windows of 100 ms that were overloaded", LINES, "ops",
         [(f"sum by (instance) ({rate('weir_overloaded_windows_total')})", "{{instance}}")]),
    ]),
    ("Journal", [
        ("Rows that wait for a sync", LINES, "short",
         [(f"{of('weir_sequence')} - {of('weir_journal_synced')}", "{{instance}}")]),
        ("Mean sync and commit", LINES, "s",
         [(f"{rate('weir_journal_sync_seconds_total')} / {rate('weir_journal_syncs_total')}", "sync"),
          (f"{rate('weir_journal_commit_seconds_total')} / {rate('weir_journal_commits_total')}",
           "commit")]),
        ("Live segment", LINES, "bytes", [(of("weir_journal_log_bytes"), "{{instance}}")]),
        ("Segments; dropped by retention", LINES, "short",
         [(of("weir_journal_segments"), "segments"), (of("weir_journal_dropped_total"), "dropped")]),
        ("Failures of the journal", LINES, "short", [(of("weir_journal_failures_total"), "{{instance}}")]),
        ("Answers withheld", LINES, "short", [(of("weir_unanswered_total"), "{{instance}}")]),
    ]),
    ("State", [
        ("Feature state of its cap", LINES, "percentunit",
         [(f"{of('weir_state_bytes')} / ({of('weir_state_cap_bytes')} > 0)", "{{instance}}")]),
        ("Entities; evicted", LINES, "short", [(of("weir_entities"), "entities"),
                                               (of("weir_entities_evicted_total"), "evicted")]),
        ("Event ids of their cap", LINES, "percentunit",
         [(f"{of('weir_ids')} / {of('weir_ids_cap')}", "{{instance}}")]),
        ("Age of the oldest id", LINES, "s", [(of("weir_ids_age_seconds"), "{{instance}}")]),
        ("Watermark behind now", LINES, "s", [(f"time() - {of('weir_watermark_seconds')}", "{{instance}}")]),
        ("Ignored steps of the clock", LINES, "short", [(of("weir_clock_steps_total"), "{{instance}}")]),
    ]),
    ("Snapshots", [
        ("Age of the newest", LINES, "s", [(of("weir_snapshot_age_seconds"), "{{instance}}")]),
        ("Entries behind it", LINES, "short",
         [(f"{of('weir_sequence')} - {of('weir_snapshot_sequence')}", "{{instance}}")]),
        ("Made, failed, given up", LINES, "short", [(of("weir_snapshots_total"), "{{result}}")]),
        ("Size", LINES, "bytes", [(of("weir_snapshot_bytes"), "{{instance}}")]),
        ("Time it took", LINES, "s", [(of("weir_snapshot_duration_seconds"), "{{instance}}")]),
        ("Folded at the start", STAT, "short", [(of("weir_folded_entries"), "{{instance}}")]),
    ]),
    ("Connections and process", [
        ("Open connections", LINES, "short", [(of("weir_connections"), "{{instance}}")]),
        ("Taken, and closed for being slow or idle", LINES, "ops",
         [(rate("weir_connections_accepted_total"), "taken"),
          (rate("weir_connections_slow_closed_total"), "slow"),
          (rate("weir_connections_idle_closed_total"), "idle"),
          (rate("weir_accept_failures_total"), "could not be taken")]),
        ("Traffic", LINES, "Bps", [(rate("weir_received_bytes_total"), "in"),
                                   (rate("weir_sent_bytes_total"), "out")]),
        ("Requests a second", LINES, "reqps", [(rate("weir_http_requests_total"), "all"),
                                               (rate("weir_opa_requests_total"), "policy questions")]),
        ("Log lines pushed, dropped", LINES, "ops", [(rate("weir_log_pushed_total"), "pushed"),
                                                    (rate("weir_log_dropped_total"), "dropped")]),
        ("CPUs", LINES, "short", [(rate("process_cpu_seconds_total"), "{{instance}}")]),
        ("Resident memory", LINES, "bytes", [(of("process_resident_memory_bytes"), "{{instance}}")]),
    ]),
])

POLICY = ("Weir: policy and models", "weir-policy", [
    ("Outcomes and reasons", [
        ("Outcomes", STACK, "percentunit",
         [(f"sum by (outcome) ({rate('weir_decisions_total')}) / on () group_left"
           f" sum({rate('weir_decisions_total')})", "{{outcome}}")]),
        ("Outcomes, the last five minutes less the day", LINES, "percentunit",
         [(f"{of('job:weir_outcome:share5m', scope=JOB)} - {of('job:weir_outcome:share1d', scope=JOB)}",
           "{{outcome}}")]),
        ("Reasons a second, the ten most given", LINES, "ops",
         [(f"topk(10, sum by (reason) ({rate('weir_reasons_total')}))", "{{reason}}")]),
        ("Reasons of the last hour", BARS, "short",
         [(f"sort_desc(sum by (reason) (increase({of('weir_reasons_total')}[1h])))", "{{reason}}")]),
    ]),
    ("What was missing", [
        ("Degraded", LINES, "percentunit", [(share("weir_degraded_total", by="instance"), "{{instance}}")]),
        ("Time given: full, without explanations, fallback", STACK, "percentunit",
         [(f"sum by (budget) ({rate('weir_decision_budget_total')}) / on () group_left"
           f" sum({rate('weir_decision_budget_total')})", "{{budget}}")]),
        ("Policy failures a second", LINES, "ops",
         [(f"sum by (instance) ({rate('weir_policy_failures_total')})", "{{instance}}")]),
        ("Late events", LINES, "percentunit", [(share("weir_late_total"), "")]),
    ]),
    ("Scores", [
        ("Score, quantiles", LINES, "short",
         [(f"histogram_quantile({q}, sum by (le) ({rate('weir_score_bucket')}))", name)
          for q, name in ((0.5, "median"), (0.9, "P90"), (0.99, "P99"))]),
        ("Mean score", LINES, "short", [(share("weir_score_sum", "weir_score_count"), "now"),
                                        (f"sum(rate({of('weir_score_sum')}[1d])) / "
                                         f"sum(rate({of('weir_score_count')}[1d]))", "the day")]),
        ("Decisions with a score", STAT, "percentunit", [(share("weir_score_count"), "")]),
        ("Scores over 0.5", LINES, "percentunit",
         [(f"1 - sum({rate('weir_score_bucket', 'le=%s0.50%s' % (chr(34), chr(34)))})"
           f" / sum({rate('weir_score_count')})", "")]),
        ("Models' time, P99", LINES, "s", [(quantile(0.99, "model"), "model"),
                                           (quantile(0.99, "policy"), "policy"),
                                           (quantile(0.99, "feature"), "features")]),
    ]),
    ("Challengers in shadow", [
        ("Scored, unscored, a second", LINES, "ops",
         [(f"sum by (model, result) ({rate('weir_challenger_scores_total')})", "{{model}} {{result}}")]),
        ("Decisions that would have another outcome", LINES, "percentunit",
         [(f"sum by (model) ({rate('weir_challenger_outcomes_changed_total')}) / sum by (model) "
           f"({rate('weir_challenger_scores_total')})", "{{model}}")]),
        ("Mean difference to the champion", LINES, "short",
         [(f"sum by (model) ({rate('weir_challenger_difference_sum')}) / sum by (model) "
           f"({rate('weir_challenger_scores_total')})", "{{model}}")]),
    ]),
    ("Packs", [
        ("Packs in use by site", LINES, "short", [(of("job_site:weir_packs:count", scope=JOB), "{{site}}")]),
        ("Changes: taken over, refused", LINES, "short",
         [(f"sum({of('weir_packs_activated_total')})", "taken over"),
          (f"sum({of('weir_packs_refused_total')})", "refused")]),
    ]),
])

BUSINESS = ("Weir: business", "weir-business", [
    ("Today", [
        ("Decisions in 24 hours", STAT, "short", [(f"sum(increase({of('weir_decisions_total')}[24h]))", "")]),
        ("Amount asked for in 24 hours", STAT, "short", [(f"sum(increase({of('weir_amount_total')}[24h]))", "")]),
        ("Approved", STAT, "percentunit",
         [(f"sum(increase({of('weir_decisions_total', 'outcome=%sapprove%s' % (chr(34), chr(34)))}[24h])) / "
           f"sum(increase({of('weir_decisions_total')}[24h]))", "")]),
        ("Amount declined in 24 hours", STAT, "short",
         [(f"sum(increase({of('weir_amount_total', 'outcome=%sdecline%s' % (chr(34), chr(34)))}[24h]))", "")]),
        ("Frauds labelled in 24 hours", STAT, "short",
         [(f"sum(increase({of('weir_label_values_total', 'value=%strue%s' % (chr(34), chr(34)))}[24h]))", "")]),
    ]),
    ("Decisions", [
        ("A second, by outcome", STACK, "ops",
         [(f"sum by (outcome) ({rate('weir_decisions_total')})", "{{outcome}}")]),
        ("Amount a second, by outcome", STACK, "short",
         [(f"sum by (outcome) ({rate('weir_amount_total')})", "{{outcome}}")]),
        ("Mean amount by outcome", LINES, "short",
         [(f"sum by (outcome) ({rate('weir_amount_total')}) / (sum by (outcome) "
           f"({rate('weir_decisions_total')}) > 0)", "{{outcome}}")]),
        ("Work for people: review and hold, an hour", LINES, "short",
         [(f"3600 * sum by (outcome) ({rate('weir_decisions_total', 'outcome=~%sreview|hold%s' % (chr(34), chr(34)))})",
           "{{outcome}}")]),
        ("By site", STACK, "ops", [(f"sum by (site) ({rate('weir_decisions_total')})", "{{site}}")]),
        ("Asked again with a known id", LINES, "ops", [(f"sum({rate('weir_replayed_total')})", "answered"),
                                                      (f"sum({rate('weir_conflicts_total')})",
                                                       "with another body")]),
    ]),
    ("Feedback", [
        ("Labels a second, by what they say", STACK, "ops",
         [(f"sum by (value) ({rate('weir_label_values_total')})", "{{value}}")]),
        ("Labels of events that nobody remembers", LINES, "ops",
         [(f"sum({rate('weir_labels_without_effect_total')})", "")]),
        ("What customers were told, the last hour", BARS, "short",
         [(f"topk(15, sum by (reason) (increase({of('weir_reasons_total')}[1h])))", "{{reason}}")]),
    ]),
])

SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def panel(number, place, title, form, unit, questions):
    targets = [{"datasource": SOURCE, "refId": chr(65 + i), "expr": expr, "legendFormat": legend,
                "instant": form in (STAT, BARS, TABLE), "range": form in (LINES, STACK),
                **({"format": "table"} if form == TABLE else {})}
               for i, (expr, legend) in enumerate(questions)]
    custom = {"drawStyle": "line", "lineWidth": 1, "showPoints": "never",
              "fillOpacity": 40 if form == STACK else 5,
              "stacking": {"mode": "normal" if form == STACK else "none", "group": "A"}}
    made = {"id": number, "title": title, "type": LINES if form == STACK else form,
            "datasource": SOURCE, "gridPos": place, "targets": targets,
            "fieldConfig": {"defaults": {"unit": unit, "min": 0} if form != TABLE else {},
                            "overrides": []}}
    if form in (LINES, STACK):
        made["fieldConfig"]["defaults"]["custom"] = custom
        made["options"] = {"legend": {"displayMode": "list", "placement": "bottom"},
                           "tooltip": {"mode": "multi", "sort": "desc"}}
        if "less the day" in title:
            del made["fieldConfig"]["defaults"]["min"]
    if form in (STAT, BARS):
        made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    return made


def variable(name, label, query):
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE, "query": query,
            "refresh": 2, "multi": True, "includeAll": True, "allValue": ".*", "sort": 1,
            "current": {"text": "All", "value": "$__all"}}


def dashboard(title, uid, rows):
    panels, y, number = [], 0, 0
    for name, contents in rows:
        number += 1
        panels.append({"id": number, "type": "row", "title": name, "collapsed": False, "panels": [],
                       "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}})
        y, x, height = y + 1, 0, 0
        for title_, form, unit, questions in contents:
            w, h = (4, 4) if form == STAT else (24, 7) if form == TABLE else (8, 7)
            if x + w > 24:
                x, y, height = 0, y + height, 0
            number += 1
            panels.append(panel(number, {"h": h, "w": w, "x": x, "y": y}, title_, form, unit, questions))
            x, height = x + w, max(height, h)
        y += height
    return {"uid": uid, "title": title, "tags": ["weir"], "schemaVersion": 39, "version": 1,
            "editable": True, "refresh": "30s", "timezone": "browser", "graphTooltip": 1,
            "time": {"from": "now-3h", "to": "now"}, "annotations": {"list": []},
            "links": [{"type": "dashboards", "tags": ["weir"], "title": "Weir", "asDropdown": False,
                       "includeVars": True, "keepTime": True}],
            "templating": {"list": [
                {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
                variable("job", "Job", "label_values(weir_ready, job)"),
                variable("site", "Site", 'label_values(weir_ready{job=~"$job"}, site)'),
                variable("instance", "Node", 'label_values(weir_ready{job=~"$job",site=~"$site"}, instance)'),
            ]},
            "panels": panels}


def main():
    root = Path(__file__).resolve().parents[1]
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "deploy" / "grafana" / "dashboards"
    folder.mkdir(parents=True, exist_ok=True)
    for title, uid, rows in (FLEET, NODES, POLICY, BUSINESS):
        text = json.dumps(dashboard(title, uid, rows), indent=1, ensure_ascii=False)
        (folder / f"{uid}.json").write_text(text + "\n")


main()
