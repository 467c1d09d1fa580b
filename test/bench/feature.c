/* SPDX-License-Identifier: Apache-2.0 */
/* The measurements of issue 5 over windows at scale. Run through `./dev bench feature`.
 *
 *   bench_feature scale   [key=value ...]   median, tails, intrinsic tail of three identical runs
 *   bench_feature count   [key=value ...]   under callgrind: instructions of each event
 *   bench_feature hot     n=5000000         one merchant with n live events
 *   bench_feature silence n=5000000         the first event after a month without any
 *   bench_feature restart [key=value ...]   a snapshot written beside events, and read again
 *
 * Keys: cards merchants windows days events zipf ms distinct n runs. Wall time of batches of 16;
 * the elementwise minimum of identical runs leaves out what the machine does in between. */
#include "feature_load.h"
#include "feature_restart.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS
#endif

struct options {
    struct load_config load;
    uint64_t n;
    uint32_t runs;
};

static void read_option(struct options *o, const char *text)
{
    const char *equals = strchr(text, '=');
    uint64_t v = equals != NULL ? strtoull(equals + 1, NULL, 10) : 0;
    size_t n = equals != NULL ? (size_t)(equals - text) : 0;
    struct wr_str key = wr_str_of(text, n);
    const struct {
        const char *name;
        void *into;
        size_t size;
    } keys[] = {
        {"cards", &o->load.cards, 4},       {"merchants", &o->load.merchants, 4},
        {"windows", &o->load.windows, 4},   {"days", &o->load.days, 4},
        {"zipf", &o->load.zipf_cards, 1},   {"ms", &o->load.milliseconds, 1},
        {"distinct", &o->load.distinct, 1}, {"n", &o->n, 8},
        {"events", &o->load.measured, 8},   {"runs", &o->runs, 4},
    };
    for (size_t i = 0; i < WR_COUNTOF(keys); i++) {
        if (wr_str_eq(key, wr_str_z(keys[i].name))) {
            memcpy(keys[i].into, &v, keys[i].size); /* little-endian */
            return;
        }
    }
    fprintf(stderr, "bench_feature: what is \"%s\"?\n", text);
    exit(2);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static void print_tail(const char *name, float *ns, size_t n)
{
    qsort(ns, n, sizeof *ns, by_size);
    printf(" %s_p50=%.0f %s_p99=%.0f %s_p99.9=%.0f %s_max=%.0f", name, (double)ns[n / 2], name,
           (double)ns[n * 99 / 100], name, (double)ns[n * 999 / 1000], name, (double)ns[n - 1]);
}

/* ── scale ──────────────────────────────────────────────────────────────────────────────────── */
/* Times each batch, whose events were made just before, as a server's were just parsed; keeps the
 * least per batch over the runs in `least`. */
static double measure(struct load *l, float *ns, float *least, bool first)
{
    double total = 0;
    for (size_t at = 0; at < l->config.measured / LOAD_BATCH; at++) {
        load_events(l, LOAD_BATCH);
        double from = load_ns(CLOCK_MONOTONIC);
        load_apply(l, 0, LOAD_BATCH, false);
        double spent = (load_ns(CLOCK_MONOTONIC) - from) / LOAD_BATCH;
        ns[at] = (float)spent;
        least[at] = first || ns[at] < least[at] ? ns[at] : least[at];
        total += spent * LOAD_BATCH;
    }
    return total / (double)l->config.measured;
}

static void scale(const struct options *o)
{
    struct load l;
    load_open(&l, &o->load);
    size_t n = o->load.measured / LOAD_BATCH;
    float *ns = malloc(n * sizeof *ns), *least = malloc(n * sizeof *least);
    double before = load_resident_mb(&l), history = (double)o->load.cards * o->load.days;
    double fold = 0, caught_up = 0, mean = 0, preloaded = 0;
    for (uint32_t run = 0; run < o->runs; run++) {
        load_restart(&l);
        fold = load_history(&l);
        double from = load_ns(CLOCK_THREAD_CPUTIME_ID);
        uint32_t row = 0;
        while (!wr_feature_catch_up(l.state, &row, 4096)) {
        }
        caught_up = load_ns(CLOCK_THREAD_CPUTIME_ID) - from;
        preloaded = load_resident_mb(&l);
        mean = measure(&l, ns, least, run == 0);
    }
    struct wr_feature_stats stats = wr_feature_stats(l.state);
    printf("cards=%u windows=%u %s %s%s:", o->load.cards, o->load.windows,
           o->load.zipf_cards ? "zipf" : "uniform", o->load.milliseconds ? "ms" : "s",
           o->load.distinct ? " distinct" : "");
    printf(" catch_up_ms=%.1f mean=%.0f", caught_up / 1e6, mean);
    print_tail("raw", ns, n);
    print_tail("least", least, n);
    printf(" fold_M/s=%.2f preloaded_MB=%.0f after_MB=%.0f (start %.0f) used_MB=%.0f taken_MB=%.0f "
           "entities=%llu bytes_per_entity=%.0f bytes_per_card=%.0f\n",
           history * 1e3 / fold, preloaded, load_resident_mb(&l), before,
           (double)stats.bytes_used / 1e6, (double)stats.bytes_taken / 1e6,
           (unsigned long long)stats.entities, (double)stats.bytes_used / (double)stats.entities,
           (double)stats.bytes_used / (double)o->load.cards);
    wr_feature_state_close(l.state);
}

/* ── instruction counts ─────────────────────────────────────────────────────────────────────── */
static void count(const struct options *o)
{
    struct load l;
    load_open(&l, &o->load);
    load_history(&l);
    for (uint64_t done = 0; done < o->load.cards; done += LOAD_EVENTS) { /* a day to warm up */
        load_events(&l, LOAD_EVENTS);
        load_apply(&l, 0, LOAD_EVENTS, false);
    }
    for (uint64_t done = 0; done < o->load.measured; done += LOAD_EVENTS) {
        load_events(&l, LOAD_EVENTS);
        for (size_t i = 0; i < LOAD_EVENTS && done + i < o->load.measured; i++) {
            CALLGRIND_START_INSTRUMENTATION;
            CALLGRIND_ZERO_STATS;
            wr_feature_update(l.state, &l.events[i], 0, ++l.sequence, &l.vector);
            CALLGRIND_DUMP_STATS;
        }
    }
    wr_feature_state_close(l.state);
}

/* ── one hot merchant ───────────────────────────────────────────────────────────────────────── */
static void fill_hot(struct load *l, uint64_t n)
{
    l->step_us = WR_MAX(INT64_C(29) * 86400 * 1000000 / (int64_t)n, 1);
    for (uint64_t done = 0; done < n; done += LOAD_EVENTS) {
        load_events(l, LOAD_EVENTS);
        load_apply(l, 0, LOAD_EVENTS, true);
    }
}

static struct load_config hot_config(const struct options *o)
{
    struct load_config config = o->load;
    config.merchants = 1;
    config.cards = 1;
    return config;
}

static void hot(const struct options *o)
{
    struct load l;
    struct load_config config = hot_config(o);
    load_open(&l, &config);
    fill_hot(&l, o->n);
    for (uint32_t i = 0; i < l.config.measured / LOAD_EVENTS + 1; i++) { /* warm */
        load_events(&l, LOAD_EVENTS);
        load_apply(&l, 0, LOAD_EVENTS, false);
    }
    size_t n = o->load.measured / LOAD_BATCH;
    float *ns = malloc(n * sizeof *ns), *least = malloc(n * sizeof *least);
    double mean = measure(&l, ns, least, true);
    printf("hot: both entities have %llu live events: mean=%.0f", (unsigned long long)o->n, mean);
    print_tail("raw", ns, n);
    struct wr_feature_stats stats = wr_feature_stats(l.state);
    printf(" bytes_per_event=%.2f\n", (double)stats.bytes_used / (double)o->n / 2);
    wr_feature_state_close(l.state);
}

/* ── the return after a month ───────────────────────────────────────────────────────────────── */
static void silence(const struct options *o)
{
    struct load l;
    struct load_config config = hot_config(o);
    double worst = 0, first = 0, worst_after = 0;
    load_open(&l, &config);
    for (uint32_t run = 0; run < o->runs; run++) {
        double least = 1e18, after = 0;
        load_restart(&l);
        fill_hot(&l, o->n);
        l.now_us += INT64_C(31) * 86400 * 1000000;
        load_events(&l, LOAD_EVENTS);
        for (size_t i = 0; i < LOAD_EVENTS; i++) {
            double from = load_ns(CLOCK_MONOTONIC);
            wr_feature_update(l.state, &l.events[i], 0, ++l.sequence, &l.vector);
            double spent = load_ns(CLOCK_MONOTONIC) - from;
            least = i == 0 ? spent : least;
            after = i > 0 && spent > after ? spent : after;
        }
        first = run == 0 || least < first ? least : first;
        worst = least > worst ? least : worst;
        worst_after = run == 0 || after < worst_after ? after : worst_after;
    }
    printf(
        "silence: %llu events, then 31 days: first event, both entities: least=%.1f us worst=%.1f "
        "us; worst of the 1,023 after, least of runs=%.1f us\n",
        (unsigned long long)o->n, first / 1e3, worst / 1e3, worst_after / 1e3);
    wr_feature_state_close(l.state);
}

static void from_snapshot(const struct options *o)
{
    struct load l;
    load_open(&l, &o->load);
    restart(&l, o->runs);
    wr_feature_state_close(l.state);
}

int main(int argc, char **argv)
{
    struct options o = {
        .load = {1000000, 100000, 6, 30, false, false, false, 1 << 20}, .n = 1000000, .runs = 3};
    const struct {
        const char *name;
        void (*run)(const struct options *);
    } modes[] = {{"scale", scale},
                 {"count", count},
                 {"hot", hot},
                 {"silence", silence},
                 {"restart", from_snapshot}};
    for (int i = 2; i < argc; i++) {
        read_option(&o, argv[i]);
    }
    for (size_t i = 0; argc > 1 && i < WR_COUNTOF(modes); i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run(&o);
            return 0;
        }
    }
    fprintf(stderr, "usage: bench_feature scale|count|hot|silence|restart [key=value ...]\n");
    return 2;
}
