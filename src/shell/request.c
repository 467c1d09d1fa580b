/* SPDX-License-Identifier: Apache-2.0 */
/* One request out of what a connection has sent: head, body, and then it is routed. */
#include "shell/server_in.h"

#include "base/num.h"

/* A deadline of 0, and what is no number, are not heard. */
static int64_t asked_us(const struct wr_h1_head *head)
{
    uint64_t ms = 0;
    struct wr_str value = wr_h1_field(head, WR_STR("weir-deadline-ms"));
    bool heard = value.p != NULL && wr_num_read_u64(value, &ms) && ms < 3600000;
    return heard ? (int64_t)ms * 1000 : 0;
}

struct wr_terms wr_request_terms(const struct wr_h1_head *head)
{
    struct wr_str features = {NULL, 0};
    return (struct wr_terms){
        .deadline_us = asked_us(head),
        .minor = head->minor,
        .keep_alive = head->keep_alive,
        .head_only = head->method == WR_H1_HEAD,
        .want_features = wr_h1_query(head->query, WR_STR("features"), &features) &&
                         !wr_str_eq(features, WR_STR("false")),
    };
}

static void refuse(struct wr_server *server, struct wr_conn *conn, int status, const char *why)
{
    if (conn->in_batch) {
        wr_decide_batch(server); /* earlier answers come first */
    }
    struct wr_http_request request = {.terms = {.minor = 1}, .first_ns = conn->first_ns};
    struct wr_error error = {.offset = WR_NO_OFFSET};
    if (wr_fail(&error, status == 413 ? WR_E_TOO_LARGE : WR_E_HTTP, "%s", why) == WR_OK) {
        return;
    }
    char room[2048];
    struct wr_buf body = wr_buf_fixed(room, sizeof room);
    wr_answer_problem(&body, &error, status, -1);
    struct wr_reply reply = {.status = status,
                             .close = true,
                             .content_type = WR_STR("application/problem+json"),
                             .body = wr_buf_view(&body)};
    server->metrics.errors[error.code]++;
    wr_answer_send(server, conn, &request, &reply);
    conn->closing = conn->lingers = true;
}

static enum wr_h1_result read_chunks(struct wr_conn *conn)
{
    for (;;) {
        struct wr_str data = {NULL, 0};
        size_t used = 0;
        struct wr_str rest = wr_str_of(conn->in + conn->raw_at, conn->in_n - conn->raw_at);
        enum wr_h1_result result = wr_h1_body_read(&conn->body, rest, &data, &used);
        if (data.n > 0) { /* decoded in place: the data never overtakes the chunks */
            memmove(conn->in + conn->body_at + conn->body_n, data.p, data.n);
            conn->body_n += data.n;
        }
        conn->raw_at += used;
        if (result != WR_H1_MORE || used == rest.n) {
            return result;
        }
    }
}

/* Looks for the end of the body; again and again, if what it ends is held. */
static enum wr_h1_result read_body(struct wr_conn *conn)
{
    if (conn->stage == WR_CONN_BODY) {
        return conn->in_n - conn->in_at >= conn->need ? WR_H1_DONE : WR_H1_MORE;
    }
    return read_chunks(conn);
}

static enum wr_h1_result begin_body(struct wr_server *server, struct wr_conn *conn,
                                    const struct wr_h1_head *head, size_t used)
{
    conn->head_ns = server->now_ns;
    if (head->chunked) {
        conn->stage = WR_CONN_CHUNKED;
        conn->body_at = conn->raw_at = conn->in_at + used;
        conn->body_n = 0;
        wr_h1_body_init(&conn->body, head, server->config.body_max);
    } else {
        conn->stage = WR_CONN_BODY;
        conn->need = used + (size_t)head->content_length;
    }
    enum wr_h1_result result = read_body(conn);
    if (result == WR_H1_MORE && head->expect_continue && head->minor > 0) {
        struct wr_slot *slot = wr_conn_slot(conn, conn->first_ns);
        char room[64];
        struct wr_buf buf = wr_buf_fixed(room, sizeof room);
        wr_h1_write_continue(&buf);
        if (slot != NULL) {
            wr_conn_add(server, conn, slot, wr_buf_view(&buf));
        }
    }
    return result;
}

/* Whoever is passed over is refused whatever he asks: what repeats the head of a decision behind
 * one, and came with it, is refused with it. Returns where it ends. */
static size_t take_alike(const struct wr_conn *conn, size_t end, uint32_t *n)
{
    struct wr_h1_head head;
    bool came_at_once = conn->n_arrivals == 1 && !conn->was_held;
    bool are_refused = conn->decides && conn->terms.minor == 1 && !conn->closing;
    while (came_at_once && are_refused && *n < WR_LIMIT_PER_WAKE) {
        struct wr_str rest = wr_str_of(conn->in + end, conn->in_n - end);
        if (!wr_h1_repeats(&conn->pattern, conn->reader.body_max, rest, &head) ||
            rest.n - conn->pattern.n < head.content_length) {
            break;
        }
        end += conn->pattern.n + (size_t)head.content_length;
        ++*n;
    }
    return end;
}

static void finish_request(struct wr_server *server, struct wr_conn *conn,
                           const struct wr_h1_head *head, size_t head_n)
{
    struct wr_http_request request = {.terms = conn->terms, .n = 1, .first_ns = conn->first_ns};
    size_t end;
    if (conn->stage == WR_CONN_CHUNKED) {
        request.body = wr_str_of(conn->in + conn->body_at, conn->body_n);
        end = conn->raw_at;
    } else {
        request.body = wr_str_of(conn->in + conn->in_at + head_n, conn->need - head_n);
        end = conn->in_at + conn->need;
    }
    if (!head->keep_alive || server->draining) {
        conn->closing = true;
    }
    end = conn->is_passed_over ? take_alike(conn, end, &request.n) : end;
    size_t bytes = end - conn->in_at;
    conn->in_at = end;
    request.whole_ns = conn->was_held ? server->now_ns : wr_conn_arrival_before(conn, end);
    conn->was_held = false;
    conn->stage = WR_CONN_HEAD;
    server->metrics.n_requests += request.n;
    wr_timing_add(&server->metrics.stages[WR_STAGE_READ], server->now_ns - conn->first_ns,
                  request.n);
    conn->first_ns = wr_conn_arrival(conn);
    conn->head_ns = 0;
    conn->n_asked = request.n;
    if (conn->decides) {
        wr_decide_one(server, conn, &request);
    } else {
        request.head = head;
        wr_route(server, conn, &request);
    }
    wr_pace_measure(conn, bytes);
}

/* A request that is there whole may wait for what other nodes saw; it stays in the buffer then. */
static bool holds(struct wr_server *server, struct wr_conn *conn, const struct wr_h1_head *head,
                  size_t head_n)
{
    bool chunked = conn->stage == WR_CONN_CHUNKED;
    struct wr_str body = chunked ? wr_str_of(conn->in + conn->body_at, conn->body_n)
                                 : wr_str_of(conn->in + conn->in_at + head_n, conn->need - head_n);
    size_t end = chunked ? conn->raw_at : conn->in_at + conn->need;
    return wr_shared_hold(server, conn, head, body, wr_conn_arrival_before(conn, end));
}

/* What repeats the head of a decision is one: it is not routed again, and so not taken apart. */
static enum wr_h1_result read_head(struct wr_server *server, struct wr_conn *conn,
                                   struct wr_str bytes, struct wr_h1_head *head, size_t *used)
{
    if (!wr_h1_has_begun(&conn->reader) &&
        wr_h1_repeats(&conn->pattern, conn->reader.body_max, bytes, head)) {
        *used = conn->pattern.n;
        if (!conn->decides || server->fleet != NULL) {
            wr_h1_recall(&conn->pattern, bytes.p, head);
        }
        return WR_H1_DONE;
    }
    enum wr_h1_result result = wr_h1_read(&conn->reader, bytes, head, used);
    if (result == WR_H1_DONE) {
        WR_ASSERT(*used > 0); /* or it would be nobody's head that is routed */
        wr_h1_keep(&conn->pattern, bytes.p, *used, head);
        wr_h1_init(&conn->reader, server->config.body_max); /* for the next */
        conn->terms = wr_request_terms(head);
        conn->decides = false;
    }
    return result;
}

bool wr_request_take(struct wr_server *server, struct wr_conn *conn)
{
    struct wr_h1_head head;
    if (conn->in_at == conn->in_n) {
        return false;
    }
    struct wr_str bytes = wr_str_of(conn->in + conn->in_at, conn->in_n - conn->in_at);
    enum wr_h1_result result = WR_H1_DONE;
    if (conn->stage != WR_CONN_HEAD) {
        result = read_body(conn);
    }
    size_t used = 0;
    if (result == WR_H1_DONE) { /* a head that was parsed in an earlier turn is parsed once more */
        result = read_head(server, conn, bytes, &head, &used);
        if (result == WR_H1_BAD) {
            refuse(server, conn, conn->reader.status, conn->reader.why);
            return false;
        }
        if (result == WR_H1_DONE && conn->stage == WR_CONN_HEAD) {
            result = begin_body(server, conn, &head, used);
        }
    }
    if (result == WR_H1_BAD) {
        refuse(server, conn, conn->body.status, conn->body.why);
    } else if (result == WR_H1_DONE && WR_UNLIKELY(server->fleet != NULL) &&
               !conn->is_passed_over && holds(server, conn, &head, used)) {
        return false;
    } else if (result == WR_H1_DONE) {
        finish_request(server, conn, &head, used);
    } else if (conn->eof) {
        conn->closing = true; /* the rest will never come */
    }
    return result == WR_H1_DONE;
}
