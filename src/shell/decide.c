/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions one at a time: collected over all connections of a turn, decided as one batch.
 *
 * Before the engine sees a request it may be turned away with 503 and nothing has happened. After
 * it, the row goes to the journal and the answer waits in its slot until the row is kept. */
#include "shell/server_in.h"

enum { ANSWER_HEAD_MAX = 512, STEPS_A_MICROSECOND = 100 };

wr_err wr_decide_ready(const struct wr_server *server, struct wr_error *error)
{
    if (wr_folding_is_under_way(server)) {
        return wr_fail(error, WR_E_JOURNAL, "the state is being read from the journal");
    }
    if (server->engine == NULL || server->thread == NULL ||
        wr_journal_thread_state(server->thread) != WR_JOURNAL_OK) {
        return wr_fail(error, WR_E_JOURNAL, "the journal is %s",
                       wr_journal_state_name(server->thread != NULL
                                                 ? wr_journal_thread_state(server->thread)
                                                 : wr_journal_state(server->journal)));
    }
    if (server->n_in_flight >= WR_LIMIT_IN_FLIGHT ||
        wr_journal_thread_room(server->thread) < WR_JOURNAL_ROOM_MIN) {
        return wr_fail(error, WR_E_OVERLOAD, "%u decisions wait for the disk", server->n_in_flight);
    }
    if (wr_journal_thread_n_fetches(server->thread) > WR_LIMIT_FETCHES / 2) {
        return wr_fail(error, WR_E_OVERLOAD, "too many rows are being read back");
    }
    return WR_OK;
}

const char *wr_decide_unrecorded(const struct wr_server *server)
{
    return WR_LIKELY(server->thread != NULL) || server->engine == NULL
               ? NULL
               : wr_journal_state_name(wr_journal_state(server->journal));
}

int64_t wr_decide_now_us(const struct wr_server *server)
{
    return server->config.event_clock ? WR_NOW_IS_EVENT_TIME : server->now_us;
}

/* The deadline counts from the first byte: half of it may pass before explanations are left out,
 * nine tenths before the stated fallback is all that there is time for. A caller may shorten it.
 * What the explanations of this batch will take counts as passed: a step takes some 10 ns. */
enum wr_budget wr_decide_budget(const struct wr_server *server, int64_t asked_us, int64_t first_ns,
                                uint32_t n)
{
    int64_t deadline_us = server->deadline_us;
    if (asked_us != 0) {
        deadline_us = deadline_us == 0 ? asked_us : WR_MIN(deadline_us, asked_us);
    } else if (deadline_us == 0) {
        return WR_BUDGET_FULL;
    }
    int64_t waited_us = (server->now_ns - first_ns) / 1000;
    if (waited_us * 10 >= deadline_us * 9) {
        return WR_BUDGET_FALLBACK;
    }
    uint64_t steps = wr_pack_explain_steps(wr_engine_pack(server->engine));
    waited_us += (int64_t)(steps / STEPS_A_MICROSECOND * n);
    return waited_us * 2 >= deadline_us ? WR_BUDGET_NO_EXPLAIN : WR_BUDGET_FULL;
}

/* A refusal for overload has to be cheap: the same bytes each time. */
static void refuse(struct wr_server *server, struct wr_conn *conn, uint32_t n)
{
#define REFUSAL                                                                                    \
    "{\"type\":\"urn:weir:error:overload\",\"title\":\"the node is at its limit\","                \
    "\"status\":503,\"code\":\"overload\",\"detail\":\"too many requests wait\","                  \
    "\"remedy\":\"retry after the time given\"}\n"
    _Static_assert(sizeof REFUSAL - 1 == 173, "the size in the head");
    static const char text[] =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
        "Content-Length: 173\r\nRetry-After: 1\r\n\r\n" REFUSAL;
#undef REFUSAL
    server->metrics.errors[WR_E_OVERLOAD] += n;
    server->n_refused += n;
    wr_conn_append(server, conn, wr_str_of(text, sizeof text - 1), n);
}

/* False: it has been answered with a refusal. */
static bool admit(struct wr_server *server, struct wr_conn *conn,
                  const struct wr_http_request *request)
{
    struct wr_error error; /* half a kilobyte: written only when there is something to tell */
    bool late = wr_admit_is_late(server, conn, request);
    if (WR_LIKELY(!late && wr_admit_ready(server, &error) == WR_OK)) {
        return true;
    }
    if (conn->in_batch) {
        wr_decide_batch(server); /* earlier answers come first */
    }
    if ((late || error.code == WR_E_OVERLOAD) && request->terms.minor == 1 && !conn->closing) {
        refuse(server, conn, request->n);
        return false;
    }
    if (!late || wr_admit_fail_late(&error) != WR_OK) {
        wr_answer_error(server, conn, request, &error);
    }
    return false;
}

void wr_decide_one(struct wr_server *server, struct wr_conn *conn,
                   const struct wr_http_request *request)
{
    if (!admit(server, conn, request)) {
        return;
    }
    if (server->n_pending >= wr_admit_run_most(server)) {
        wr_decide_batch(server);
    }
    struct wr_slot *slot = wr_conn_slot(conn, request->first_ns);
    WR_ASSERT(slot != NULL); /* the loop parses only while a slot is free */
    uint32_t i = server->n_pending++;
    server->pending[i] = (struct wr_pending){
        .conn = conn,
        .slot = slot,
        .first_ns = request->first_ns,
        .read_ns = server->now_ns,
        .minor = request->terms.minor,
        .keep_alive = request->terms.keep_alive,
    };
    server->requests[i] = (struct wr_request){
        .body = request->body,
        .now_us = wr_decide_now_us(server),
        .budget = wr_decide_budget(server, request->terms.deadline_us, request->first_ns, i + 1),
        .want_features = request->terms.want_features,
        .unrecorded = wr_decide_unrecorded(server),
    };
    conn->in_batch = true;
}

void wr_decide_count(struct wr_server *server, const struct wr_answer *answer,
                     enum wr_budget budget)
{
    struct wr_metrics *metrics = &server->metrics;
    if (answer->err != WR_OK) {
        metrics->errors[(size_t)answer->err < WR_METRICS_ERRORS ? answer->err : 0]++;
        return;
    }
    if (answer->replayed) {
        metrics->n_replayed++;
        return;
    }
    metrics->budgets[budget]++;
    metrics->n_stale += answer->stale;
    wr_metrics_decision(metrics, answer);
    server->last_event_us = WR_MAX(server->last_event_us, answer->event_us);
}

/* ── answers ────────────────────────────────────────────────────────────────────────────────── */
static void add_error(struct wr_server *server, const struct wr_pending *pending,
                      const struct wr_error *error)
{
    struct wr_arena_mark mark = wr_arena_mark(&server->scratch);
    struct wr_buf body = wr_buf_in(&server->scratch, 512);
    struct wr_buf all = wr_buf_in(&server->scratch, 1024);
    int status = wr_err_http(error->code);
    wr_answer_problem(&body, error, status, -1);
    wr_buf_char(&body, '\n');
    struct wr_reply reply = {
        .status = status,
        .close = !pending->keep_alive,
        .minor = pending->minor,
        .content_type = WR_STR("application/problem+json"),
        .body = wr_buf_view(&body),
        .retry_after = status == 503,
    };
    wr_answer_write(&all, &reply);
    wr_conn_add(server, pending->conn, pending->slot, wr_buf_view(&all));
    wr_arena_rewind(&server->scratch, mark);
}

/* The head that nearly every decision has. */
static uint32_t write_plain_head(struct wr_buf *buf, const struct wr_server *server, size_t n)
{
    static const char before[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
    static const char elapsed[] = "\r\n" WR_ELAPSED_FIELD WR_ELAPSED_EMPTY "\r\nWeir-Durability: ";
    wr_buf_add(buf, before, sizeof before - 1);
    wr_buf_u64(buf, n);
    uint32_t at = (uint32_t)buf->n + sizeof "\r\n" WR_ELAPSED_FIELD - 1;
    wr_buf_add(buf, elapsed, sizeof elapsed - 1);
    wr_buf_str(buf, server->config.mode == WR_MODE_DURABLE ? WR_STR("durable\r\n\r\n")
                                                           : WR_STR("fast\r\n\r\n"));
    return at;
}

/* The document ends with a line end, which is not part of it: the journal's row has none. */
static void add_document(struct wr_server *server, const struct wr_pending *pending,
                         struct wr_str document, bool replayed)
{
    char *room = wr_conn_room(server, pending->conn, ANSWER_HEAD_MAX + document.n);
    if (room == NULL) {
        return;
    }
    struct wr_buf buf = wr_buf_fixed(room, ANSWER_HEAD_MAX + document.n);
    if (WR_LIKELY(pending->minor == 1 && pending->keep_alive && !replayed &&
                  server->thread != NULL)) {
        pending->slot->elapsed_at = write_plain_head(&buf, server, document.n + 1);
        wr_buf_str(&buf, document);
        wr_buf_char(&buf, '\n');
        pending->slot->n = (uint32_t)buf.n;
        pending->conn->out_n += buf.n;
        return;
    }
    struct wr_reply reply = {
        .status = 200,
        .close = !pending->keep_alive,
        .minor = pending->minor,
        .content_type = WR_STR("application/json"),
        .body_elsewhere = document.n + 1,
        .durability = wr_answer_durability(server),
        .replayed = replayed,
        .elapsed = true,
    };
    pending->slot->elapsed_at = wr_answer_write(&buf, &reply);
    wr_buf_str(&buf, document);
    wr_buf_char(&buf, '\n');
    WR_ASSERT(!buf.overflow);
    pending->slot->n = (uint32_t)buf.n;
    pending->conn->out_n += buf.n;
}

/* The decision that this batch itself has given on a known id. */
static const struct wr_answer *in_this_batch(const struct wr_server *server, uint32_t i)
{
    for (uint32_t j = 0; j < i; j++) {
        const struct wr_answer *earlier = &server->answers[j];
        if (earlier->err == WR_OK && !earlier->replayed &&
            earlier->sequence == server->answers[i].sequence) {
            return earlier;
        }
    }
    return NULL;
}

static void add_replay(struct wr_server *server, uint32_t i)
{
    const struct wr_pending *pending = &server->pending[i];
    bool want_features = server->requests[i].want_features;
    const struct wr_answer *first = in_this_batch(server, i);
    wr_slot_needs(server, pending->slot, server->answers[i].sequence);
    if (first == NULL) {
        wr_gather_replay(server, pending, server->answers[i].sequence, want_features);
    } else if (!want_features) {
        add_document(server, pending, first->document, true);
    } else {
        struct wr_buf projected = wr_buf_in(&server->scratch, first->document.n * 2);
        wr_record_project(&projected, first->document, first->features);
        add_document(server, pending, wr_buf_view(&projected), true);
    }
}

static void add_decision(struct wr_server *server, uint32_t i)
{
    const struct wr_answer *answer = &server->answers[i];
    const struct wr_pending *pending = &server->pending[i];
    if (WR_LIKELY(server->thread != NULL)) {
        pending->slot->handed_ns = server->now_ns;
        wr_slot_needs(server, pending->slot, answer->sequence);
    }
    add_document(server, pending,
                 server->requests[i].want_features ? answer->projected : answer->document, false);
}

static bool finish(struct wr_server *server, uint32_t n)
{
    bool kept = true;
    for (uint32_t i = 0; i < n && kept; i++) {
        const struct wr_answer *answer = &server->answers[i];
        wr_decide_count(server, answer, server->requests[i].budget);
        if (answer->err != WR_OK) {
            add_error(server, &server->pending[i], &answer->error);
        } else if (answer->replayed) {
            add_replay(server, i);
        } else {
            kept = wr_keep(server, answer);
            add_decision(server, i);
        }
    }
    return kept;
}

/* ── the engine, and where its time goes ────────────────────────────────────────────────────── */
static void stage_passed(void *context, enum wr_engine_stage stage)
{
    struct wr_server *server = context;
    int64_t now_ns = server->port->clock.mono_ns(server->port->clock.context);
    server->stage_ns[stage] = now_ns - server->stage_mark_ns;
    server->stage_mark_ns = now_ns;
}

/* Without a journal the first answer to a known id is not to be had. */
static void refuse_repeats(struct wr_server *server, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct wr_answer *answer = &server->answers[i];
        if (answer->err == WR_OK && answer->replayed) {
            answer->replayed = false;
            answer->err = wr_fail(&answer->error, WR_E_JOURNAL,
                                  "the event is known, and its answer cannot be read: the journal "
                                  "is %s",
                                  wr_decide_unrecorded(server));
        }
    }
}

wr_err wr_decide_run(struct wr_server *server, uint32_t n, int64_t before_ns,
                     struct wr_error *error)
{
    const struct wr_port_clock *clock = &server->port->clock;
    struct wr_timing *stages = server->metrics.stages;
    const struct wr_engine_probe probe = {stage_passed, server};
    bool sampled = server->n_runs++ % WR_SAMPLE == 0;
    if (sampled) {
        server->stage_mark_ns = before_ns;
        memset(server->stage_ns, 0, sizeof server->stage_ns);
        wr_engine_set_probe(server->engine, &probe);
    }
    if (WR_UNLIKELY(server->fleet != NULL)) {
        wr_engine_set_fleet_now(server->engine, before_ns / 1000);
    }
    wr_err err = wr_engine_batch(server->engine, server->requests, n, &server->scratch,
                                 server->answers, error);
    if (sampled) {
        wr_engine_set_probe(server->engine, NULL);
        for (int i = 0; i < WR_ENGINE_STAGES; i++) {
            wr_timing_add(&stages[WR_STAGE_PARSE + i], server->stage_ns[i] / n, n);
        }
    }
    if (WR_UNLIKELY(server->thread == NULL) && err == WR_OK) {
        refuse_repeats(server, n);
    }
    server->now_ns = clock->mono_ns(clock->context);
    wr_timing_add(&stages[WR_STAGE_DECIDE], (server->now_ns - before_ns) / n, n);
    wr_admit_decided(server, n, server->now_ns - before_ns);
    return err;
}

void wr_decide_batch(struct wr_server *server)
{
    uint32_t n = server->n_pending;
    if (n == 0) {
        return;
    }
    const struct wr_port_clock *clock = &server->port->clock;
    struct wr_metrics *metrics = &server->metrics;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    int64_t before = clock->mono_ns(clock->context);
    wr_err err = wr_decide_run(server, n, before, &error);
    for (uint32_t i = 0; i < n; i++) {
        wr_timing_add(&metrics->stages[WR_STAGE_QUEUE], before - server->pending[i].read_ns, 1);
        server->pending[i].conn->in_batch = false;
    }
    metrics->n_batches++;
    metrics->n_batch_items += n;
    if (err != WR_OK || !finish(server, n)) {
        wr_server_log(server, "error", "batch_lost", "%s",
                      err != WR_OK ? error.text : "the journal has failed");
        server->failed = true; /* no answer of it may leave */
    }
    server->n_pending = 0;
    wr_arena_reset(&server->scratch);
}
