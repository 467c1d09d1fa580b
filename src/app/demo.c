/* SPDX-License-Identifier: Apache-2.0 */
#include "app/demo.h"
#include "value/json_read.h"

#include <stdlib.h>

enum { BAR = 40, TOP_REASONS = 6 };

static void count_reason(struct wr_demo_stats *stats, struct wr_str code)
{
    for (size_t i = 0; i < stats->n_reasons; i++) {
        if (wr_str_eq(wr_str_z(stats->reasons[i].code), code)) {
            stats->reasons[i].n++;
            return;
        }
    }
    if (stats->n_reasons < WR_LIMIT_DEMO_REASONS && code.n < sizeof stats->reasons[0].code) {
        struct wr_demo_reason *reason = &stats->reasons[stats->n_reasons++];
        memcpy(reason->code, code.p, code.n);
        reason->n = 1;
    }
}

void wr_demo_count(struct wr_demo_stats *stats, struct wr_arena *arena, struct wr_str document,
                   bool fraud)
{
    struct wr_value v;
    enum wr_outcome outcome = WR_OUTCOME_NONE;
    if (wr_json_read(arena, document, true, NULL, &v, NULL) != WR_OK || v.type != WR_OBJECT) {
        stats->n_refused++;
        return;
    }
    const struct wr_value *text = wr_object_get_str(&v, WR_STR("outcome"));
    if (text == NULL || text->type != WR_STRING || !wr_outcome_read(wr_text(*text), &outcome)) {
        stats->n_refused++;
        return;
    }
    stats->n_decided++;
    stats->n_since_shown++;
    stats->outcomes[outcome]++;
    bool stopped = outcome != WR_OUTCOME_APPROVE;
    stats->n_fraud += fraud;
    stats->n_fraud_caught += fraud && stopped;
    stats->n_genuine += !fraud;
    stats->n_genuine_stopped += !fraud && stopped;
    const struct wr_value *reasons = wr_object_get_str(&v, WR_STR("reasons"));
    for (uint32_t i = 0; reasons != NULL && reasons->type == WR_ARRAY && i < reasons->n; i++) {
        const struct wr_value *code = wr_object_get_str(&reasons->items[i], WR_STR("code"));
        if (code != NULL && code->type == WR_STRING) {
            count_reason(stats, wr_text(*code));
        }
    }
}

/* 1234567 as 1,234,567, right-aligned in `width`. */
static void add_count(struct wr_buf *buf, uint64_t n, int width)
{
    char digits[32], out[48];
    struct wr_buf text = wr_buf_fixed(digits, sizeof digits);
    wr_buf_u64(&text, n);
    int k = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (i != 0 && (text.n - i) % 3 == 0) {
            out[k++] = ',';
        }
        out[k++] = digits[i];
    }
    for (int pad = k; pad < width; pad++) {
        wr_buf_char(buf, ' ');
    }
    wr_buf_add(buf, out, (size_t)k);
}

static void add_tenths(struct wr_buf *buf, uint64_t part, uint64_t whole)
{
    uint64_t tenths = whole != 0 ? (part * 1000 + whole / 2) / whole : 0;
    wr_format(buf, "%3llu.%llu %%", (unsigned long long)(tenths / 10),
              (unsigned long long)(tenths % 10));
}

static void add_ms(struct wr_buf *buf, const char *name, uint64_t ns)
{
    uint64_t us = ns / 1000;
    wr_format(buf, "%s %llu.%02llu ms   ", name, (unsigned long long)(us / 1000),
              (unsigned long long)(us % 1000 / 10));
}

static void write_rates(struct wr_buf *buf, struct wr_demo_stats *stats)
{
    int64_t last = stats->now_ns - stats->shown_ns, all = stats->now_ns - stats->start_ns;
    uint64_t now_rate = last > 0 ? stats->n_since_shown * 1000000000U / (uint64_t)last : 0;
    uint64_t mean = all > 0 ? (uint64_t)((double)stats->n_decided * 1e9 / (double)all) : 0;
    wr_buf_str(buf, WR_STR("  decisions  "));
    add_count(buf, now_rate, 8);
    wr_buf_str(buf, WR_STR("/s now  "));
    add_count(buf, mean, 8);
    wr_buf_str(buf, WR_STR("/s mean  "));
    add_count(buf, stats->n_decided, 11);
    wr_format(buf, " in all, simulated day %lld\n  latency    ",
              (long long)((stats->event_ms - stats->start_ms) / 86400000));
    add_ms(buf, "P50", wr_histogram_percentile_ns(&stats->latency, 500000));
    add_ms(buf, "P99", wr_histogram_percentile_ns(&stats->latency, 990000));
    add_ms(buf, "P999", wr_histogram_percentile_ns(&stats->latency, 999000));
    wr_buf_str(buf, WR_STR("\n\n"));
}

static void write_outcomes(struct wr_buf *buf, const struct wr_demo_stats *stats)
{
    for (int i = WR_OUTCOME_APPROVE; i < WR_OUTCOME_COUNT; i++) {
        const char *name = wr_outcome_name((enum wr_outcome)i);
        uint64_t n = stats->outcomes[i];
        wr_format(buf, "  %s", name);
        for (size_t pad = strlen(name); pad < 10; pad++) {
            wr_buf_char(buf, ' ');
        }
        add_count(buf, n, 11);
        wr_buf_str(buf, WR_STR("  "));
        add_tenths(buf, n, stats->n_decided);
        wr_buf_str(buf, WR_STR("  "));
        uint64_t length =
            stats->n_decided != 0 ? (n * BAR + stats->n_decided - 1) / stats->n_decided : 0;
        for (uint64_t k = 0; k < length; k++) {
            wr_buf_char(buf, '#');
        }
        wr_buf_char(buf, '\n');
    }
}

static int by_count(const void *a, const void *b)
{
    const struct wr_demo_reason *x = a, *y = b;
    if (x->n != y->n) {
        return x->n > y->n ? -1 : 1;
    }
    return strcmp(x->code, y->code);
}

static void write_reasons(struct wr_buf *buf, struct wr_demo_stats *stats)
{
    qsort(stats->reasons, stats->n_reasons, sizeof *stats->reasons, by_count);
    wr_buf_str(buf, WR_STR("\n  top reasons\n"));
    for (size_t i = 0; i < TOP_REASONS; i++) {
        if (i < stats->n_reasons) {
            add_count(buf, stats->reasons[i].n, 13);
            wr_format(buf, "  %s", stats->reasons[i].code);
        }
        wr_buf_char(buf, '\n');
    }
}

void wr_demo_write(struct wr_buf *buf, struct wr_demo_stats *stats, const char *address)
{
    wr_format(buf, "  Weir at %s: a simulated stream of card transactions\n\n", address);
    write_rates(buf, stats);
    write_outcomes(buf, stats);
    write_reasons(buf, stats);
    wr_buf_str(buf, WR_STR("\n  frauds     "));
    add_count(buf, stats->n_fraud, 8);
    wr_buf_str(buf, WR_STR(" in the stream, "));
    add_tenths(buf, stats->n_fraud_caught, stats->n_fraud);
    wr_buf_str(buf, WR_STR(" caught; of the genuine ones "));
    add_tenths(buf, stats->n_genuine_stopped, stats->n_genuine);
    wr_buf_str(buf, WR_STR(" not approved\n"));
    if (stats->n_refused != 0) {
        wr_format(buf, "  refused    %llu\n", (unsigned long long)stats->n_refused);
    }
    bool plain = strncmp(address, "unix:", 5) != 0;
    wr_format(buf,
              "\n  try  curl -s %s%s%s/v1/decisions -d '{\"transaction\":{\"id\":\"try-1\","
              "\"time\":%lld,\"amount\":2600,\"terminal_id\":\"7\"},\"user\":{\"id\":\"42\"}}'\n",
              plain ? "http://" : "--unix-socket ", plain ? address : address + 5,
              plain ? "" : " http://weir", (long long)stats->event_ms);
}
