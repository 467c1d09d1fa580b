/* SPDX-License-Identifier: Apache-2.0 */
/* See load.h. One turn: send what is due, wait for answers or for the next due time, take answers.
 * The closed loop puts the next request where an answer has come. */
#include "app/load_in.h"

#include "app/file.h"
#include "port/port_linux.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, HEAD_MAX = 1024, LABEL_MAX = 96, LABELS_MAX = 32, POINT_FIRST_NS = 100000000 };
#define DRAIN_WAIT_NS 10000000000

static volatile sig_atomic_t stopping;

void wr_load_stop(void)
{
    stopping = 1;
}

/* ── clocks ─────────────────────────────────────────────────────────────────────────────────── */
static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* User and system time of a process with all its threads, from /proc; 0 when it is gone. */
static int64_t server_cpu_ns(int64_t pid)
{
    char path[64], line[1024];
    if (pid == 0) {
        return 0;
    }
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *in = fopen(path, "r");
    size_t n = in != NULL ? fread(line, 1, sizeof line - 1, in) : 0;
    if (in != NULL) {
        fclose(in);
    }
    line[n] = '\0';
    const char *at = strrchr(line, ')'); /* the name may hold anything */
    unsigned long long user = 0, system = 0;
    if (at == NULL || sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                             &system) != 2) {
        return 0;
    }
    return (int64_t)((double)(user + system) * 1e9 / (double)sysconf(_SC_CLK_TCK));
}

/* ── counting ───────────────────────────────────────────────────────────────────────────────── */
static struct wr_load_span *span_of(struct wr_load *load, int64_t intended_ns)
{
    return intended_ns < load->run_ns ? &load->result->warm : &load->result->run;
}

static void count_status(struct wr_load_span *span, int status)
{
    size_t i = 0;
    while (i < WR_LIMIT_LOAD_STATUSES - 1 && span->statuses[i].status != status &&
           span->statuses[i].n != 0) {
        i++;
    }
    span->statuses[i].status = status;
    span->statuses[i].n++;
}

/* Outcomes of the decisions in a body, told by their first letter; returns how many. */
static uint32_t count_outcomes(struct wr_load_span *span, struct wr_str body)
{
    static const struct wr_str name = {"\"outcome\":\"", 11};
    uint32_t n = 0;
    const char *at = body.p, *end = body.p + body.n;
    while ((at = memmem(at, (size_t)(end - at), name.p, name.n)) != NULL && at + 12 < end) {
        at += name.n;
        enum wr_outcome outcome = *at == 'a'                   ? WR_OUTCOME_APPROVE
                                  : *at == 'r'                 ? WR_OUTCOME_REVIEW
                                  : *at == 'c'                 ? WR_OUTCOME_CHALLENGE
                                  : *at == 'h'                 ? WR_OUTCOME_HOLD
                                  : *at == 'd' && at[2] == 'c' ? WR_OUTCOME_DECLINE
                                                               : WR_OUTCOME_NONE;
        span->outcomes[outcome]++;
        n++;
    }
    return n;
}

/* Does the answer carry the fresh id of its request? */
static bool answers_it(const struct wr_load *load, const struct wr_load_sent *sent,
                       struct wr_str body)
{
    static const struct wr_str name = {"\"transaction_id\":\"", 18};
    struct wr_str prefix = load->source->id_prefix;
    char digits[WR_LOAD_ID_DIGITS];
    const char *at = memmem(body.p, body.n, name.p, name.n);
    if (at == NULL || (size_t)(body.p + body.n - at) < name.n + prefix.n + sizeof digits) {
        return false;
    }
    wr_load_digits(digits, sent->serial, WR_LOAD_ID_DIGITS);
    return memcmp(at + name.n, prefix.p, prefix.n) == 0 &&
           memcmp(at + name.n + prefix.n, digits, sizeof digits) == 0;
}

static void merge_points(struct wr_load_result *result)
{
    for (size_t i = 0; i < WR_LIMIT_LOAD_POINTS / 2; i++) {
        const struct wr_load_point *a = &result->points[2 * i], *b = &result->points[2 * i + 1];
        result->points[i] = (struct wr_load_point){
            .n = a->n + b->n,
            .refused = a->refused + b->refused,
            .p50_ns = (a->p50_ns + b->p50_ns) / 2,
            .p99_ns = WR_MAX(a->p99_ns, b->p99_ns),
        };
    }
    result->n_points = WR_LIMIT_LOAD_POINTS / 2;
    result->point_ns *= 2;
}

static void end_point(struct wr_load *load)
{
    struct wr_load_result *result = load->result;
    if (result->n_points == WR_LIMIT_LOAD_POINTS) {
        merge_points(result);
    }
    result->points[result->n_points++] = (struct wr_load_point){
        .n = load->point_n,
        .refused = load->point_refused,
        .p50_ns = wr_histogram_percentile_ns(&load->point, 500000),
        .p99_ns = wr_histogram_percentile_ns(&load->point, 990000),
    };
    load->point_n = load->point_refused = 0;
    wr_histogram_init(&load->point);
    load->point_end_ns += result->point_ns;
}

static void count_point(struct wr_load *load, bool good, uint32_t n_events, uint64_t ns)
{
    while (load->now_ns >= load->point_end_ns) {
        end_point(load);
    }
    if (good) {
        load->point_n += n_events;
        wr_histogram_add(&load->point, ns);
    } else {
        load->point_refused += n_events;
    }
}

static bool put_labels(struct wr_load *load, struct wr_load_conn *conn);
static bool put_next(struct wr_load *load, struct wr_load_conn *conn, int64_t intended_ns);

void wr_load_take(struct wr_load *load, struct wr_load_conn *conn, const struct wr_load_sent *sent,
                  const struct wr_load_answer *answer)
{
    struct wr_load_span *span = span_of(load, sent->intended_ns);
    bool is_run = span == &load->result->run;
    if (answer == NULL) {
        span->n_lost++;
        return;
    }
    uint64_t ns = (uint64_t)WR_MAX(load->now_ns - sent->intended_ns, 0);
    span->n_answered++;
    count_status(span, answer->status);
    if (sent->is_label) {
        span->n_labels += answer->status == 200 ? sent->n_events : 0;
    } else {
        bool good = answer->status == 200;
        if (good) {
            uint32_t outcomes = count_outcomes(span, answer->body);
            span->outcomes[0] += outcomes == 0;
            span->n_decisions += load->config->batch > 1 ? outcomes : 1;
            wr_histogram_add(&span->latency, ns);
            span->n_mismatched += load->config->check && !answers_it(load, sent, answer->body);
        } else if (answer->status == 503) {
            wr_histogram_add(&span->refused, ns);
        }
        if (is_run) {
            count_point(load, good, sent->n_events, ns);
        }
    }
    if (load->gap_ns == 0.0 && load->sending && !answer->closes && !put_labels(load, conn)) {
        put_next(load, conn, load->now_ns);
    }
}

/* ── requests ───────────────────────────────────────────────────────────────────────────────── */
static bool is_over(const struct wr_load *load, int64_t now_ns)
{
    return now_ns >= load->end_ns ||
           (load->config->count != 0 && load->n_events >= load->config->count) ||
           (!load->source->fresh && load->serial >= load->source->n);
}

static void plan_label(struct wr_load *load, const struct wr_load_item *item, uint64_t serial)
{
    if (load->labels == NULL || !item->is_fraud || load->n_labels == WR_LIMIT_LOAD_LABELS) {
        return;
    }
    load->labels[(load->label_first + load->n_labels++) % WR_LIMIT_LOAD_LABELS] =
        (struct wr_load_label){load->now_ns + load->config->label_delay_ms * 1000000, serial};
}

static bool label_is_due(const struct wr_load *load)
{
    return load->n_labels != 0 && load->labels[load->label_first].due_ns <= load->now_ns;
}

/* Puts the labels that are due, some at once as an array; false when none is. */
static bool put_labels(struct wr_load *load, struct wr_load_conn *conn)
{
    char body[LABELS_MAX * LABEL_MAX];
    struct wr_buf text = wr_buf_fixed(body, sizeof body);
    struct wr_load_sent sent = {.intended_ns = load->now_ns, .is_label = true};
    if (!label_is_due(load) || !wr_load_conn_has_room(load, conn)) {
        return false;
    }
    for (; label_is_due(load) && sent.n_events < LABELS_MAX; sent.n_events++) {
        wr_format(&text, "%c{\"id\":\"%.*s%012llu\",\"label\":{\"fraud\":true}}",
                  sent.n_events == 0 ? '[' : ',', WR_FMT(load->source->id_prefix),
                  (unsigned long long)load->labels[load->label_first].serial);
        load->label_first = (load->label_first + 1) % WR_LIMIT_LOAD_LABELS;
        load->n_labels--;
    }
    wr_buf_char(&text, ']');
    struct wr_buf buf = wr_buf_fixed(wr_load_conn_room(conn), load->request_max);
    wr_format(&buf,
              "POST %s HTTP/1.1\r\nHost: weir\r\nContent-Type: application/json\r\n%s"
              "Content-Length: %zu\r\n\r\n",
              load->config->label_path, load->config->headers, text.n);
    wr_buf_str(&buf, wr_buf_view(&text));
    wr_load_conn_put(load, conn, buf.n, &sent);
    span_of(load, load->now_ns)->n_sent++;
    return true;
}

/* Head and items of a batch: the head's room is made for its longest form, then it is moved up. */
static size_t write_batch(struct wr_load *load, char *out, int64_t now_ms, uint32_t *n_events)
{
    char head[HEAD_MAX];
    uint64_t n = load->config->batch;
    if (!load->source->fresh) {
        n = WR_MIN(n, load->source->n - load->serial);
    }
    char *body = out + HEAD_MAX, *at = body;
    for (uint64_t i = 0; i < n; i++) {
        plan_label(load, wr_load_source_item(load->source, load->serial), load->serial);
        at += wr_load_source_write(load->source, load->serial++, now_ms, at);
        *at++ = '\n';
    }
    struct wr_buf buf = wr_buf_fixed(head, sizeof head);
    wr_format(&buf,
              "POST %s HTTP/1.1\r\nHost: weir\r\nContent-Type: application/x-ndjson\r\n%s"
              "Content-Length: %zu\r\n\r\n",
              load->config->path, load->config->headers, (size_t)(at - body));
    memmove(out + buf.n, body, (size_t)(at - body));
    memcpy(out, head, buf.n);
    *n_events = (uint32_t)n;
    return buf.n + (size_t)(at - body);
}

/* Puts the next request; false at the end of all, or when there is no room. */
static bool put_next(struct wr_load *load, struct wr_load_conn *conn, int64_t intended_ns)
{
    if (is_over(load, intended_ns) || !wr_load_conn_has_room(load, conn)) {
        return false;
    }
    struct wr_load_sent sent = {.intended_ns = intended_ns, .n_events = 1, .serial = load->serial};
    struct wr_load_span *span = span_of(load, intended_ns);
    int64_t now_ms = (load->now_ns + load->wall_anchor_ns) / 1000000;
    char *out = wr_load_conn_room(conn);
    size_t n;
    if (load->config->batch > 1) {
        n = write_batch(load, out, now_ms, &sent.n_events);
    } else {
        const struct wr_load_item *item = wr_load_source_item(load->source, load->serial);
        sent.is_label = item->is_label;
        plan_label(load, item, load->serial);
        n = wr_load_source_write(load->source, load->serial++, now_ms, out);
    }
    load->n_events += span == &load->result->run ? sent.n_events : 0;
    span->n_sent++;
    span->bytes_out += n;
    wr_load_conn_put(load, conn, n, &sent);
    return true;
}

/* The next connection in turn that has room, or NULL. */
static struct wr_load_conn *next_conn(struct wr_load *load)
{
    size_t n = load->config->connections;
    for (size_t i = 0; i < n && load->n_room > 0; i++) {
        struct wr_load_conn *conn = &load->conns[load->cursor];
        load->cursor = load->cursor + 1 == n ? 0 : load->cursor + 1;
        if (wr_load_conn_has_room(load, conn)) {
            return conn;
        }
    }
    return NULL;
}

/* Open loop: all that is due by now, while there is room. */
static void send_due(struct wr_load *load)
{
    struct wr_load_conn *conn = NULL;
    while (label_is_due(load) && (conn = next_conn(load)) != NULL) {
        put_labels(load, conn);
    }
    while (load->sending && load->next_ns <= (double)load->now_ns) {
        int64_t intended_ns = (int64_t)load->next_ns;
        if (is_over(load, intended_ns)) {
            load->sending = false;
            break;
        }
        conn = next_conn(load);
        if (conn == NULL) {
            break;
        }
        put_next(load, conn, intended_ns);
        struct wr_load_span *span = span_of(load, intended_ns);
        if (load->was_full) {
            span->n_blocked++;
        } else {
            wr_histogram_add(&span->lateness, (uint64_t)(load->now_ns - intended_ns));
        }
        load->next_ns -= log(1.0 - wr_rng_unit(&load->rng)) * load->gap_ns;
    }
    load->was_full = load->next_ns <= (double)load->now_ns;
    if (load->was_full && load->sending &&
        load->now_ns >= load->end_ns) { /* the rest was never sent */
        load->result->n_unsent = (uint64_t)(((double)load->end_ns - load->next_ns) / load->gap_ns);
        load->sending = false;
    }
}

static void fill_all(struct wr_load *load)
{
    load->refill = false;
    for (size_t i = 0; i < load->config->connections; i++) {
        while (put_next(load, &load->conns[i], load->now_ns)) {
        }
    }
}

/* ── the run ────────────────────────────────────────────────────────────────────────────────── */
static void mark(struct wr_load *load, struct wr_load_span *span, int64_t since_ns)
{
    int64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
            server = server_cpu_ns(load->config->server_pid);
    if (span != NULL) {
        span->wall_ns = load->now_ns - since_ns;
        span->cpu_ns = cpu - load->cpu_mark_ns;
        span->server_cpu_ns = server - load->server_mark_ns;
    }
    load->cpu_mark_ns = cpu;
    load->server_mark_ns = server;
}

static wr_err wait_and_take(struct wr_load *load, int64_t timeout_ns, struct wr_error *error)
{
    struct epoll_event events[EVENTS];
    struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    int n = epoll_pwait2(load->epoll, events, EVENTS, &timeout, NULL);
    load->now_ns = clock_ns(CLOCK_MONOTONIC);
    wr_err code = WR_OK;
    for (int i = 0; i < n && code == WR_OK; i++) {
        struct wr_load_conn *conn = events[i].data.ptr;
        if ((events[i].events & EPOLLOUT) != 0 && !conn->touched) {
            conn->touched = true;
            load->touched[load->n_touched++] = conn;
        }
        if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && conn->fd >= 0) {
            load->now_ns = clock_ns(CLOCK_MONOTONIC);
            code = wr_load_conn_read(load, conn, error);
        }
    }
    return code;
}

static int64_t patience(const struct wr_load *load)
{
    int64_t until = load->sending ? load->end_ns : load->now_ns + 100000000;
    if (load->gap_ns != 0.0 && load->sending && load->n_room > 0) {
        until = WR_MIN(until, (int64_t)load->next_ns);
    }
    if (load->n_lost_conns != 0 || load->n_labels != 0) {
        until = WR_MIN(until, load->now_ns + 10000000);
    }
    return WR_MIN(WR_MAX(until - load->now_ns, 0), 100000000);
}

static wr_err turn(struct wr_load *load, struct wr_error *error)
{
    wr_err code = WR_OK;
    if (!load->in_run && load->now_ns >= load->run_ns) {
        load->in_run = true;
        mark(load, &load->result->warm, load->start_ns);
    }
    if (load->n_lost_conns != 0) {
        code = wr_load_redial(load, error);
    }
    if (load->gap_ns != 0.0) {
        send_due(load);
    } else if (is_over(load, load->now_ns)) {
        load->sending = false;
    } else if (load->refill) {
        fill_all(load);
    }
    load->sending = load->sending && !stopping;
    code = code == WR_OK ? wr_load_flush(load, error) : code;
    return code == WR_OK ? wait_and_take(load, patience(load), error) : code;
}

static wr_err run(struct wr_load *load, struct wr_error *error)
{
    wr_err code = WR_OK;
    while (code == WR_OK && load->sending) {
        code = turn(load, error);
    }
    mark(load, &load->result->run, load->in_run ? load->run_ns : load->now_ns);
    int64_t last_ns = load->now_ns;
    while (code == WR_OK && load->n_out != 0 && load->now_ns - last_ns < DRAIN_WAIT_NS) {
        code = wr_load_flush(load, error);
        code = code == WR_OK ? wait_and_take(load, 10000000, error) : code;
    }
    load->result->drain_ns = load->now_ns - last_ns;
    load->result->n_unanswered = load->n_out;
    load->result->interrupted = stopping != 0;
    return code;
}

static wr_err prepare(struct wr_load *load, struct wr_error *error)
{
    const struct wr_load_config *config = load->config;
    size_t label_max = config->label_delay_ms != 0 ? HEAD_MAX + LABELS_MAX * LABEL_MAX : 0;
    load->request_max = config->batch > 1
                            ? HEAD_MAX + config->batch * ((size_t)load->source->n_max + 1)
                            : load->source->n_max;
    load->request_max = WR_MAX(load->request_max, label_max);
    load->gap_ns = config->rate > 0.0 ? (double)config->batch * 1e9 / config->rate : 0.0;
    if (strlen(config->headers) + strlen(config->path) + strlen(config->label_path) >
        HEAD_MAX / 2) {
        return wr_fail(error, WR_E_LIMIT, "paths and headers have %d bytes at most", HEAD_MAX / 2);
    }
    wr_rng_seed(&load->rng, config->seed);
    if (config->label_delay_ms != 0) {
        load->labels = WR_NEW_ARRAY(&load->arena, struct wr_load_label, WR_LIMIT_LOAD_LABELS);
        if (load->labels == NULL) {
            return wr_fail(error, WR_E_MEMORY, "no memory for labels");
        }
    }
    wr_err code = wr_load_conns_open(load, error);
    load->now_ns = load->start_ns = clock_ns(CLOCK_MONOTONIC);
    load->wall_anchor_ns = clock_ns(CLOCK_REALTIME) - load->start_ns;
    load->run_ns = load->start_ns + config->warmup_ms * 1000000;
    load->end_ns = load->run_ns + config->for_ms * 1000000;
    load->next_ns = (double)load->start_ns;
    load->point_end_ns = load->run_ns + load->result->point_ns;
    load->sending = true;
    mark(load, NULL, 0);
    return code;
}

wr_err wr_load_run(const struct wr_load_config *config, const struct wr_load_source *source,
                   struct wr_load_result *result, struct wr_error *error)
{
    struct wr_load *load = calloc(1, sizeof *load);
    if (load == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for the load");
    }
    load->config = config;
    load->source = source;
    load->result = result;
    load->epoll = -1;
    memset(result, 0, sizeof *result);
    result->point_ns = POINT_FIRST_NS;
    struct wr_histogram *all[] = {
        &result->warm.latency, &result->warm.refused, &result->warm.lateness,
        &result->run.latency,  &result->run.refused,  &result->run.lateness,
        &load->point};
    for (size_t i = 0; i < WR_COUNTOF(all); i++) {
        wr_histogram_init(all[i]);
    }
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* the default adds 50 us to every wait */
    wr_port_linux_hasten(); /* what it measures is not its own wait for a processor */
    wr_arena_init(&load->arena, &wr_heap, (size_t)8 << 30);
    wr_err code = prepare(load, error);
    code = code == WR_OK ? run(load, error) : code;
    wr_load_conns_close(load);
    wr_arena_deinit(&load->arena);
    free(load);
    return code;
}

bool wr_load_is_saturated(const struct wr_load_config *config, const struct wr_load_result *result,
                          char *why, size_t cap)
{
    const struct wr_load_span *run = &result->run;
    double share = run->wall_ns > 0 ? (double)run->cpu_ns / (double)run->wall_ns : 0.0;
    double late_ms = (double)wr_histogram_percentile_ns(&run->lateness, 990000) / 1e6;
    if (share > 0.95) {
        snprintf(why, cap, "it used %.0f %% of a core: the rate is its own limit", share * 100.0);
        return true;
    }
    if (config->rate > 0.0 && late_ms > 1.0) {
        snprintf(why, cap, "it sent 1 %% of requests more than %.1f ms late for want of CPU",
                 late_ms);
        return true;
    }
    return false;
}
