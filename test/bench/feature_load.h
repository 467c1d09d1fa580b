/* SPDX-License-Identifier: Apache-2.0 */
/* The load of issue 5, shared by the measurements of features: cards at one payment a day,
 * merchants by Zipf's law of exponent 1, a number of windows times count, sum, avg and max for
 * both. */
#ifndef FEATURE_LOAD_H
#define FEATURE_LOAD_H

#include "base/rng.h"
#include "feature/feature.h"
#include "port/port_linux.h"
#include "value/json_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct load_config {
    uint32_t cards, merchants, windows, days;
    bool zipf_cards, milliseconds, distinct;
    uint64_t measured; /* events after the history */
};

/* Draws by a cumulative table with a guide: rank r has weight 1 / (r + 1). */
struct zipf {
    double *upto;
    uint32_t n;
};

struct load {
    struct load_config config;
    struct wr_port port;
    struct wr_port_linux *native;
    struct wr_arena arena;
    struct wr_schema *schema;
    struct wr_feature_plan *plan;
    struct wr_feature_state *state;
    struct wr_feature_vector vector;
    struct wr_event *events; /* [LOAD_EVENTS] */
    struct zipf card_ranks, merchant_ranks;
    struct wr_rng rng;
    int64_t now_us, step_us;
    uint64_t sequence;
};

enum { LOAD_EVENTS = 1024, LOAD_BATCH = 16 };

static inline double load_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline struct zipf zipf_open(uint32_t n)
{
    struct zipf z = {.upto = malloc(n * sizeof *z.upto), .n = n};
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += 1.0 / (i + 1);
        z.upto[i] = sum;
    }
    return z;
}

static inline uint32_t zipf_draw(const struct zipf *z, struct wr_rng *rng)
{
    double at = wr_rng_unit(rng) * z->upto[z->n - 1];
    uint32_t low = 0, high = z->n - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (z->upto[middle] <= at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Spread between a minute and 30 days; six are 1m 10m 1h 1d 7d 30d. */
static inline int64_t load_window_s(uint32_t i, uint32_t n)
{
    static const int64_t six[] = {60, 600, 3600, 86400, 7 * 86400, 30 * 86400};
    if (n <= WR_COUNTOF(six)) {
        return six[WR_COUNTOF(six) - n + i];
    }
    double span = log(30 * 86400.0 / 60);
    return i + 1 == n ? 30 * 86400 : (int64_t)(60 * exp(span * i / (n - 1)));
}

static inline void load_plan(struct load *l)
{
    static const char *const kinds[] = {"\"count\":true", "\"sum\":\"amount\"",
                                        "\"avg\":\"amount\"", "\"max\":\"amount\""};
    size_t cap = 1 << 20;
    char *text = malloc(cap);
    int n = snprintf(text, cap,
                     "{\"event\":{\"time\":{\"path\":\"time\",\"unit\":\"%s\"},\"amount\":"
                     "{\"path\":\"amount\",\"type\":\"money\",\"scale\":2}},\"entities\":"
                     "{\"card\":\"card\",\"shop\":\"shop\"},\"features\":{",
                     l->config.milliseconds ? "ms" : "s");
    for (uint32_t w = 0; w < l->config.windows * 8; w++) {
        n += snprintf(text + n, cap - (size_t)n,
                      "%s\"f%03u\":{\"entity\":\"%s\",%s,\"window\":\"%llds\"}", w > 0 ? "," : "",
                      w, w % 8 < 4 ? "card" : "shop", kinds[w % 4],
                      (long long)load_window_s(w / 8, l->config.windows));
    }
    if (l->config.distinct) {
        n += snprintf(text + n, cap - (size_t)n,
                      ",\"g\":{\"entity\":\"card\",\"distinct\":\"country\",\"window\":\"30d\"},"
                      "\"h\":{\"entity\":\"shop\",\"distinct\":\"country\",\"window\":\"30d\"}");
    }
    snprintf(text + n, cap - (size_t)n, "}}");
    struct wr_value v = {0};
    struct wr_error error = {0};
    wr_err err = wr_json_read(&l->arena, wr_str_z(text), true, NULL, &v, &error);
    err = err == WR_OK ? wr_schema_open(&l->arena, &v, &l->schema, &error) : err;
    err = err == WR_OK ? wr_feature_plan_open(&l->arena, l->schema, &v, &l->plan, &error) : err;
    if (err != WR_OK) {
        fprintf(stderr, "bench: %s\n", error.text);
        exit(1);
    }
    free(text);
    l->vector.values = calloc(l->plan->n_features, sizeof *l->vector.values);
}

static inline struct wr_feature_caps load_caps(void)
{
    return (struct wr_feature_caps){
        .entities_max = 1 << 24, .bytes_max = (uint64_t)8 << 30, .warming_since_ms = INT64_MIN};
}

/* A fresh state and the stream from its start: the same each time. */
static inline void load_restart(struct load *l)
{
    struct wr_feature_caps caps = load_caps();
    wr_feature_state_close(l->state);
    l->state = wr_feature_state_open(l->plan, &l->port.memory, &caps);
    WR_ASSERT(l->state != NULL);
    wr_rng_seed(&l->rng, 1);
    l->now_us = INT64_C(1700000000) * 1000000;
    l->sequence = 0;
}

static inline void load_open(struct load *l, const struct load_config *config)
{
    *l = (struct load){.config = *config};
    WR_ASSERT(wr_port_linux_open(&l->port, &l->native) == WR_IO_OK);
    wr_arena_init(&l->arena, &l->port.memory, (size_t)64 << 20);
    load_plan(l);
    l->events = calloc(LOAD_EVENTS, sizeof *l->events);
    l->merchant_ranks = zipf_open(config->merchants);
    if (config->zipf_cards) {
        l->card_ranks = zipf_open(config->cards);
    }
    l->step_us = (int64_t)86400 * 1000000 / config->cards;
    load_restart(l);
}

static inline void load_event(struct load *l, struct wr_event *event)
{
    uint64_t card = l->config.zipf_cards ? zipf_draw(&l->card_ranks, &l->rng)
                                         : wr_rng_below(&l->rng, l->config.cards);
    uint64_t shop = zipf_draw(&l->merchant_ranks, &l->rng), keys[2] = {card, shop};
    int64_t cents = 1 + (int64_t)(exp(7.5 + 1.2 * wr_rng_normal(&l->rng)));
    l->now_us += l->step_us;
    event->time_ms = l->now_us / 1000;
    event->has_time = event->has_amount = true;
    event->amount = cents;
    for (uint32_t i = 0; i < l->schema->n_entities; i++) {
        uint64_t salted = keys[i] * 2 + i;
        event->keys[i] = (struct wr_event_key){
            wr_mix64(salted), (uint32_t)wr_mix64(salted ^ UINT64_C(0x9e3779b97f4a7c15)), true};
    }
    uint64_t country = wr_rng_below(&l->rng, 1 + wr_rng_below(&l->rng, 200));
    for (uint32_t i = 0; i < l->schema->n_fields; i++) {
        event->fields[i].present = true;
        event->fields[i].units = cents;
        event->fields[i].hash = wr_mix64(country + 1);
    }
}

static inline void load_events(struct load *l, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        load_event(l, &l->events[i]);
    }
}

/* Applies events [0, n) in batches, each prefetched; without reading when `fold`. */
static inline void load_apply(struct load *l, size_t from, size_t n, bool fold)
{
    const struct wr_event *ahead[LOAD_BATCH];
    struct wr_feature_vector *vector = fold ? NULL : &l->vector;
    for (size_t at = from; at < from + n; at += LOAD_BATCH) {
        size_t k = WR_MIN((size_t)LOAD_BATCH, from + n - at);
        for (size_t i = 0; i < k; i++) {
            ahead[i] = &l->events[at + i];
        }
        wr_feature_prefetch(l->state, ahead, k);
        for (size_t i = 0; i < k; i++) {
            wr_feature_update(l->state, ahead[i], 0, ++l->sequence, vector);
        }
    }
}

/* The history; returns the CPU time its fold took, in ns. */
static inline double load_history(struct load *l)
{
    uint64_t n = (uint64_t)l->config.cards * l->config.days;
    double spent = 0;
    for (uint64_t done = 0; done < n; done += LOAD_EVENTS) {
        load_events(l, LOAD_EVENTS);
        double from = load_ns(CLOCK_THREAD_CPUTIME_ID);
        load_apply(l, 0, LOAD_EVENTS, true);
        spent += load_ns(CLOCK_THREAD_CPUTIME_ID) - from;
    }
    return spent;
}

static inline double load_resident_mb(const struct load *l)
{
    return (double)l->port.process.resident_bytes(l->port.process.context) / 1e6;
}

#endif
