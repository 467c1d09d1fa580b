/* SPDX-License-Identifier: Apache-2.0 */
#include "app/log_push.h"
#include "app/client.h"
#include "app/file.h"
#include "value/json_write.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LEVELS = 3, ANSWER_MS = 5000, IDLE_MS = 100, PAUSE_FIRST_MS = 250, PAUSE_MOST_MS = 10000 };
#define BATCH_BYTES (128u * 1024)
#define BODY_BYTES  (6u * BATCH_BYTES + 65536) /* every byte of a line may become \u00xx */

static const char *const level_names[LEVELS] = {"info", "warn", "error"};

struct entry { /* in the ring, before the line's bytes */
    int64_t ns;
    uint32_t n, level;
};

struct wr_log_push {
    struct wr_log_push_config config;
    char host[128]; /* what the client dials */
    char headers[160];
    pthread_t thread;
    atomic_bool stopping;
    atomic_uint_least64_t head, tail; /* bytes ever written, ever read */
    atomic_uint_least64_t n_lines, n_pushed, n_dropped, n_failed;
    int64_t last_ns; /* of the loop's side */
    char ring[WR_LIMIT_LOG_RING];
    struct entry entries[WR_LIMIT_LOG_BATCH]; /* of the batch, the thread's side */
    size_t n_entries, n_text;
    char text[BATCH_BYTES];
    char body[BODY_BYTES];
    struct wr_client client;
    bool connected, complained;
    struct timespec deadline; /* of the end */
};

static void count(atomic_uint_least64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* ── the ring ───────────────────────────────────────────────────────────────────────────────── */
static void copy_in(struct wr_log_push *push, uint64_t at, const void *bytes, size_t n)
{
    size_t start = at % WR_LIMIT_LOG_RING, first = WR_MIN(n, WR_LIMIT_LOG_RING - start);
    memcpy(push->ring + start, bytes, first);
    memcpy(push->ring, (const char *)bytes + first, n - first);
}

static void copy_out(const struct wr_log_push *push, uint64_t at, void *bytes, size_t n)
{
    size_t start = at % WR_LIMIT_LOG_RING, first = WR_MIN(n, WR_LIMIT_LOG_RING - start);
    memcpy(bytes, push->ring + start, first);
    memcpy((char *)bytes + first, push->ring, n - first);
}

void wr_log_push_line(struct wr_log_push *push, int64_t unix_ns, const char *level,
                      struct wr_str line)
{
    uint64_t head = atomic_load_explicit(&push->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&push->tail, memory_order_acquire);
    struct entry entry = {.ns = WR_MAX(unix_ns, push->last_ns + 1), .n = (uint32_t)line.n};
    count(&push->n_lines, 1);
    if (line.n > BATCH_BYTES || sizeof entry + line.n > WR_LIMIT_LOG_RING - (head - tail)) {
        count(&push->n_dropped, 1);
        return;
    }
    while (entry.level < LEVELS - 1 && strcmp(level_names[entry.level], level) != 0) {
        entry.level++;
    }
    push->last_ns = entry.ns;
    copy_in(push, head, &entry, sizeof entry);
    copy_in(push, head + sizeof entry, line.p, line.n);
    atomic_store_explicit(&push->head, head + sizeof entry + line.n, memory_order_release);
}

/* Moves what has gathered into the batch. */
static void gather(struct wr_log_push *push)
{
    uint64_t head = atomic_load_explicit(&push->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&push->tail, memory_order_relaxed);
    while (tail < head && push->n_entries < WR_LIMIT_LOG_BATCH) {
        struct entry *entry = &push->entries[push->n_entries];
        copy_out(push, tail, entry, sizeof *entry);
        if (entry->n > BATCH_BYTES - push->n_text) {
            break;
        }
        copy_out(push, tail + sizeof *entry, push->text + push->n_text, entry->n);
        push->n_text += entry->n;
        push->n_entries++;
        tail += sizeof *entry + entry->n;
    }
    atomic_store_explicit(&push->tail, tail, memory_order_release);
}

/* ── the body ───────────────────────────────────────────────────────────────────────────────── */
static void write_labels(struct wr_buf *body, const struct wr_log_push *push, uint32_t level)
{
    const struct wr_option_list *labels = push->config.labels;
    wr_format(body, "{\"stream\":{\"job\":\"weir\",\"level\":\"%s\"", level_names[level]);
    for (size_t i = 0; i < labels->n; i++) {
        const char *equals = strchr(labels->items[i], '=');
        wr_buf_char(body, ',');
        wr_json_write_string(body, wr_str_of(labels->items[i], (size_t)(equals - labels->items[i])),
                             WR_JSON_COMPACT);
        wr_buf_char(body, ':');
        wr_json_write_string(body, wr_str_z(equals + 1), WR_JSON_COMPACT);
    }
    wr_buf_str(body, WR_STR("},\"values\":["));
}

static struct wr_str write_body(struct wr_log_push *push)
{
    struct wr_buf body = wr_buf_fixed(push->body, sizeof push->body);
    bool first_stream = true;
    wr_buf_str(&body, WR_STR("{\"streams\":["));
    for (uint32_t level = 0; level < LEVELS; level++) {
        const char *text = push->text;
        bool first = true;
        for (size_t i = 0; i < push->n_entries; text += push->entries[i++].n) {
            const struct entry *entry = &push->entries[i];
            if (entry->level != level) {
                continue;
            }
            if (first) {
                wr_buf_str(&body, first_stream ? WR_STR("") : WR_STR(","));
                write_labels(&body, push, level);
            }
            wr_format(&body, "%s[\"%lld\",", first ? "" : ",", (long long)entry->ns);
            wr_json_write_string(&body, wr_str_of(text, entry->n), WR_JSON_COMPACT);
            wr_buf_char(&body, ']');
            first = first_stream = false;
        }
        wr_buf_str(&body, first ? WR_STR("") : WR_STR("]}"));
    }
    wr_buf_str(&body, WR_STR("]}"));
    return wr_buf_view(&body);
}

/* ── sending ────────────────────────────────────────────────────────────────────────────────── */

/* A line of its own on standard output, once a trouble: it must not go the way that has failed. */
static void complain(struct wr_log_push *push, const char *level, const char *text)
{
    struct timespec now;
    struct tm utc;
    char when[32], room[768];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    struct wr_buf line = wr_buf_fixed(room, sizeof room - 1);
    wr_format(&line,
              "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"event\":\"log_push\",\"text\":", when,
              now.tv_nsec / 1000000, level);
    wr_json_write_string(&line, wr_str_z(text), WR_JSON_COMPACT);
    wr_buf_str(&line, WR_STR("}\n"));
    fwrite(line.p, 1, line.n, stdout);
    fflush(stdout);
    push->complained = strcmp(level, "warn") == 0;
}

enum verdict { TAKEN, AGAIN, REFUSED };

static enum verdict judge(int status)
{
    bool again = status == 429 || status >= 500;
    return status >= 200 && status < 300 ? TAKEN : again ? AGAIN : REFUSED;
}

static enum verdict post(struct wr_log_push *push, struct wr_str body, struct wr_error *error)
{
    struct wr_client_answer answer = {0};
    bool got = false;
    wr_err err = WR_OK;
    if (!push->connected) {
        err = wr_client_open(&push->client, push->host, 0, error);
        push->client.headers = wr_str_z(push->headers);
    }
    push->connected = err == WR_OK;
    if (err == WR_OK && !wr_client_post(&push->client, WR_STR("/loki/api/v1/push"), body)) {
        err = wr_fail(error, WR_E_LIMIT, "the batch does not fit");
    }
    err = err == WR_OK ? wr_client_answer(&push->client, ANSWER_MS, &answer, &got, error) : err;
    if (err == WR_OK && !got) {
        err = wr_fail(error, WR_E_IO, "no answer within %d ms", ANSWER_MS);
    }
    if (err == WR_OK && judge(answer.status) != TAKEN) {
        size_t n = WR_MIN(answer.body.n, (size_t)200);
        wr_fail(error, WR_E_HTTP, "status %d: %.*s", answer.status, (int)n, answer.body.p);
    }
    enum verdict verdict = err == WR_OK ? judge(answer.status) : AGAIN;
    if (verdict != TAKEN) {
        count(&push->n_failed, 1);
        wr_client_close(&push->client);
        push->connected = false;
    }
    return verdict;
}

static bool is_over(struct wr_log_push *push)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return atomic_load(&push->stopping) && now.tv_sec >= push->deadline.tv_sec;
}

/* False when the time of the end has come. */
static bool pause_for(struct wr_log_push *push, int64_t ms)
{
    for (; ms > 0 && !is_over(push); ms -= IDLE_MS) {
        nanosleep(&(struct timespec){.tv_nsec = IDLE_MS * 1000000L}, NULL);
    }
    return !is_over(push);
}

static void send_batch(struct wr_log_push *push)
{
    struct wr_str body = write_body(push);
    struct wr_error error = {0};
    enum verdict verdict = AGAIN;
    int64_t pause_ms = PAUSE_FIRST_MS;
    for (int i = 0; i < WR_LIMIT_LOG_TRIES && verdict == AGAIN; i++) {
        if (i > 0 && !pause_for(push, pause_ms)) {
            break;
        }
        pause_ms = i > 0 ? WR_MIN(pause_ms * 2, (int64_t)PAUSE_MOST_MS) : pause_ms;
        verdict = post(push, body, &error);
        if (verdict != TAKEN && !push->complained) {
            complain(push, "warn", error.text);
        }
    }
    if (verdict == TAKEN && push->complained) {
        complain(push, "info", "lines are taken again");
    }
    count(verdict == TAKEN ? &push->n_pushed : &push->n_dropped, push->n_entries);
    push->n_entries = push->n_text = 0;
}

static void *run(void *context)
{
    struct wr_log_push *push = context;
    for (bool more = true; more;) {
        bool stopping = atomic_load(&push->stopping); /* before the look: nothing is missed */
        gather(push);
        if (push->n_entries > 0) {
            send_batch(push);
        } else if (stopping) {
            break;
        }
        more = pause_for(push, push->n_entries == 0 && !stopping ? IDLE_MS : 0);
    }
    return NULL;
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
static wr_err take_config(struct wr_log_push *push, struct wr_error *error)
{
    const struct wr_option_list *labels = push->config.labels;
    const char *address = push->config.address;
    size_t n = strlen(address);
    if (strncmp(address, "https://", 8) == 0) {
        return wr_fail(
            error, WR_E_CONFIG,
            "%s: log lines are pushed in the clear; put Alloy or a proxy that speaks TLS "
            "beside the node",
            address);
    }
    address += strncmp(address, "http://", 7) == 0 ? 7 : 0;
    n = strlen(address);
    n -= n > 0 && address[n - 1] == '/' && strncmp(address, "unix:", 5) != 0;
    if (n == 0 || n >= sizeof push->host) {
        return wr_fail(error, WR_E_CONFIG, "wants HOST:PORT (numeric) or unix:PATH");
    }
    memcpy(push->host, address, n);
    if (labels->n > WR_LIMIT_LOG_LABELS) {
        return wr_fail(error, WR_E_CONFIG, "at most %d labels", WR_LIMIT_LOG_LABELS);
    }
    for (size_t i = 0; i < labels->n; i++) {
        const char *equals = strchr(labels->items[i], '=');
        if (equals == NULL || equals == labels->items[i] || strlen(labels->items[i]) > 200) {
            return wr_fail(error, WR_E_CONFIG, "%s is not NAME=VALUE", labels->items[i]);
        }
    }
    const char *tenant = push->config.tenant;
    if (tenant != NULL && (strlen(tenant) > 100 || strpbrk(tenant, "\r\n") != NULL)) {
        return wr_fail(error, WR_E_CONFIG, "the tenant is no name");
    }
    if (tenant != NULL) {
        snprintf(push->headers, sizeof push->headers, "X-Scope-OrgID: %s\r\n", tenant);
    }
    return WR_OK;
}

wr_err wr_log_push_open(const struct wr_log_push_config *config, struct wr_log_push **out,
                        struct wr_error *error)
{
    struct wr_log_push *push = calloc(1, sizeof *push);
    *out = NULL;
    if (push == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for log lines");
    }
    push->config = *config;
    wr_err err = take_config(push, error);
    if (err == WR_OK && pthread_create(&push->thread, NULL, run, push) != 0) {
        err = wr_fail(error, WR_E_IO, "cannot start the thread that pushes log lines");
    }
    if (err != WR_OK) {
        free(push);
        return err;
    }
    *out = push;
    return WR_OK;
}

void wr_log_push_stats(struct wr_log_push *push, struct wr_log_stats *out)
{
    *out = (struct wr_log_stats){
        .n_lines = atomic_load_explicit(&push->n_lines, memory_order_relaxed),
        .n_pushed = atomic_load_explicit(&push->n_pushed, memory_order_relaxed),
        .n_dropped = atomic_load_explicit(&push->n_dropped, memory_order_relaxed),
        .n_failed = atomic_load_explicit(&push->n_failed, memory_order_relaxed),
    };
}

void wr_log_push_close(struct wr_log_push *push)
{
    clock_gettime(CLOCK_MONOTONIC, &push->deadline);
    push->deadline.tv_sec += WR_LIMIT_LOG_CLOSE / 1000;
    atomic_store(&push->stopping, true);
    pthread_join(push->thread, NULL);
    if (push->connected) {
        wr_client_close(&push->client);
    }
    free(push);
}
