/* SPDX-License-Identifier: Apache-2.0 */
#include "app/load_in.h"

#include "app/client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_FIRST = 64 * 1024, REDIAL_NS = 50000000, DIAL_WAIT_MS = 10000 };
#define WR_LIMIT_LOAD_BUFFERS ((size_t)4 << 30)

static void watch(struct wr_load *load, struct wr_load_conn *conn, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (conn->wants_room ? (uint32_t)EPOLLOUT : 0),
                                .data.ptr = conn};
    epoll_ctl(load->epoll, operation, conn->fd, &event);
}

/* Connects, and shakes hands where it must; on an error there is no socket. */
static wr_err reach(struct wr_load *load, struct wr_load_conn *conn, int64_t wait_ms,
                    struct wr_error *error)
{
    wr_err code = wr_client_dial(load->config->address, wait_ms, &conn->fd, error);
    if (code == WR_OK && load->tls != NULL) {
        code = wr_load_tls_connect(load->tls, conn->fd, &conn->tls, error);
        if (code != WR_OK) {
            close(conn->fd);
            conn->fd = -1;
        }
    }
    return code;
}

static void hang_up(struct wr_load_conn *conn)
{
    if (conn->tls != NULL) {
        wr_load_tls_drop(conn->tls);
        conn->tls = NULL;
    }
    close(conn->fd); /* takes it out of the poll set too */
    conn->fd = -1;
}

static void opened(struct wr_load *load, struct wr_load_conn *conn)
{
    conn->in_at = conn->in_n = conn->out_at = conn->out_n = 0;
    conn->sent_first = conn->n_sent = 0;
    conn->reader = (struct wr_load_reader){0};
    conn->wants_room = conn->heard = false;
    conn->lost_ns = 0;
    load->refill = true;
    load->n_room += load->config->outstanding;
    watch(load, conn, EPOLL_CTL_ADD);
}

wr_err wr_load_conns_open(struct wr_load *load, struct wr_error *error)
{
    const struct wr_load_config *config = load->config;
    size_t n = config->connections;
    load->out_cap = load->request_max * config->outstanding;
    if (config->tls != NULL) {
        wr_err code = wr_load_tls_open(config->tls, &load->tls, error);
        if (code != WR_OK) {
            return code;
        }
    }
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->conns = WR_NEW_ARRAY(&load->arena, struct wr_load_conn, n);
    load->touched = WR_NEW_ARRAY(&load->arena, struct wr_load_conn *, n);
    if (load->epoll < 0 || load->conns == NULL || load->touched == NULL ||
        load->out_cap > WR_LIMIT_LOAD_BUFFERS / n) {
        return wr_fail(error, WR_E_LIMIT, "the buffers of %zu connections would be too large", n);
    }
    for (size_t i = 0; i < n; i++) {
        load->conns[i].fd = -1;
    }
    for (size_t i = 0; i < n; i++) {
        struct wr_load_conn *conn = &load->conns[i];
        conn->in_cap = IN_FIRST;
        conn->in = malloc(conn->in_cap);
        conn->out = wr_arena_alloc(&load->arena, load->out_cap, 1);
        conn->sent = WR_NEW_ARRAY(&load->arena, struct wr_load_sent, config->outstanding);
        if (conn->in == NULL || conn->out == NULL || conn->sent == NULL) {
            return wr_fail(error, WR_E_MEMORY, "no memory for %zu connections", n);
        }
        wr_err code = reach(load, conn, DIAL_WAIT_MS, error);
        if (code != WR_OK) {
            return code;
        }
        conn->is_first = true;
        opened(load, conn);
    }
    return WR_OK;
}

void wr_load_conns_close(struct wr_load *load)
{
    for (size_t i = 0; load->conns != NULL && i < load->config->connections; i++) {
        if (load->conns[i].fd >= 0) {
            hang_up(&load->conns[i]);
        }
        free(load->conns[i].in);
    }
    wr_load_tls_close(load->tls);
    if (load->epoll >= 0) {
        close(load->epoll);
    }
}

/* ── sending ────────────────────────────────────────────────────────────────────────────────── */
bool wr_load_conn_has_room(const struct wr_load *load, const struct wr_load_conn *conn)
{
    return conn->fd >= 0 && conn->n_sent < load->config->outstanding &&
           load->out_cap - conn->out_n >= load->request_max;
}

char *wr_load_conn_room(struct wr_load_conn *conn)
{
    return conn->out + conn->out_n;
}

void wr_load_conn_put(struct wr_load *load, struct wr_load_conn *conn, size_t n,
                      const struct wr_load_sent *sent)
{
    uint32_t cap = (uint32_t)load->config->outstanding;
    uint32_t at = conn->sent_first + conn->n_sent;
    conn->sent[at < cap ? at : at - cap] = *sent;
    conn->n_sent++;
    conn->out_n += n;
    load->n_room--;
    load->n_out++;
    if (!conn->touched) {
        conn->touched = true;
        load->touched[load->n_touched++] = conn;
    }
}

static wr_err flush(struct wr_load *load, struct wr_load_conn *conn, struct wr_error *error)
{
    while (conn->fd >= 0 && conn->out_at < conn->out_n) {
        const char *bytes = conn->out + conn->out_at;
        size_t n = conn->out_n - conn->out_at;
        ssize_t put = conn->tls == NULL ? send(conn->fd, bytes, n, MSG_NOSIGNAL)
                                        : wr_load_tls_send(conn->tls, bytes, n);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0 && errno == EAGAIN) {
            if (!conn->wants_room) {
                conn->wants_room = true;
                watch(load, conn, EPOLL_CTL_MOD);
            }
            return WR_OK;
        }
        if (put < 0) {
            return wr_load_conn_lose(load, conn, error);
        }
        conn->out_at += (size_t)put;
    }
    conn->out_at = conn->out_n = 0;
    if (conn->wants_room && conn->fd >= 0) {
        conn->wants_room = false;
        watch(load, conn, EPOLL_CTL_MOD);
    }
    return WR_OK;
}

wr_err wr_load_flush(struct wr_load *load, struct wr_error *error)
{
    wr_err code = WR_OK;
    for (size_t i = 0; i < load->n_touched; i++) {
        load->touched[i]->touched = false;
        code = code == WR_OK ? flush(load, load->touched[i], error) : code;
    }
    load->n_touched = 0;
    return code;
}

/* ── receiving ──────────────────────────────────────────────────────────────────────────────── */
static wr_err take_all(struct wr_load *load, struct wr_load_conn *conn, bool *closes,
                       struct wr_error *error)
{
    uint32_t cap = (uint32_t)load->config->outstanding;
    while (conn->in_at < conn->in_n) {
        struct wr_load_answer answer = {0};
        size_t used;
        wr_err code = wr_load_answer_read(&conn->reader, conn->in + conn->in_at,
                                          conn->in_n - conn->in_at, &answer, &used, error);
        if (code != WR_OK || used == 0) {
            return code;
        }
        if (conn->n_sent == 0) {
            return wr_fail(error, WR_E_HTTP, "an answer without a request");
        }
        conn->in_at += used;
        struct wr_load_sent sent = conn->sent[conn->sent_first];
        conn->sent_first = conn->sent_first + 1 == cap ? 0 : conn->sent_first + 1;
        conn->n_sent--;
        load->n_room++;
        load->n_out--;
        *closes = answer.closes;
        conn->heard = true;
        wr_load_take(load, conn, &sent, &answer);
    }
    conn->in_at = conn->in_n = 0;
    return WR_OK;
}

/* Room to receive: moves what is left to the front, then doubles. */
static bool make_room(struct wr_load_conn *conn)
{
    if (conn->in_at != 0) {
        memmove(conn->in, conn->in + conn->in_at, conn->in_n - conn->in_at);
        conn->in_n -= conn->in_at;
        conn->in_at = 0;
    }
    if (conn->in_cap - conn->in_n >= IN_FIRST / 2) {
        return true;
    }
    size_t cap = conn->in_cap * 2;
    char *in = cap <= 2 * (size_t)WR_LIMIT_LOAD_ANSWER ? realloc(conn->in, cap) : NULL;
    if (in == NULL) {
        return false;
    }
    conn->in = in;
    conn->in_cap = cap;
    return true;
}

wr_err wr_load_conn_read(struct wr_load *load, struct wr_load_conn *conn, struct wr_error *error)
{
    if (!make_room(conn)) {
        return wr_fail(error, WR_E_LIMIT, "an answer is larger than %u bytes",
                       WR_LIMIT_LOAD_ANSWER);
    }
    char *room = conn->in + conn->in_n;
    size_t n = conn->in_cap - conn->in_n;
    ssize_t got =
        conn->tls == NULL ? recv(conn->fd, room, n, 0) : wr_load_tls_recv(conn->tls, room, n);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return WR_OK;
    }
    if (got <= 0) {
        return wr_load_conn_lose(load, conn, error);
    }
    conn->in_n += (size_t)got;
    load->result->run.bytes_in += load->in_run ? (uint64_t)got : 0;
    bool closes = false;
    wr_err code = take_all(load, conn, &closes, error);
    if (code == WR_OK && closes) {
        return wr_load_conn_lose(load, conn, error);
    }
    bool more = code == WR_OK && conn->tls != NULL && wr_load_tls_waits(conn->tls);
    return more ? wr_load_conn_read(load, conn, error) : code;
}

/* ── losing and dialling ────────────────────────────────────────────────────────────────────── */
static wr_err dial(struct wr_load *load, struct wr_load_conn *conn, struct wr_error *error)
{
    wr_err code = reach(load, conn, 0, error);
    if (code == WR_OK) {
        load->n_lost_conns--;
        load->result->n_reconnects++;
        opened(load, conn);
        return WR_OK;
    }
    conn->dial_ns = load->now_ns + REDIAL_NS;
    bool patient = load->now_ns - conn->lost_ns < load->config->patience_ms * 1000000;
    return patient ? WR_OK : code;
}

wr_err wr_load_conn_lose(struct wr_load *load, struct wr_load_conn *conn, struct wr_error *error)
{
    uint32_t cap = (uint32_t)load->config->outstanding;
    hang_up(conn);
    load->n_room -= cap - conn->n_sent;
    load->n_out -= conn->n_sent;
    load->n_lost_conns++;
    load->result->n_unheard += conn->is_first && !conn->heard;
    conn->is_first = false;
    conn->lost_ns = load->now_ns;
    for (; conn->n_sent > 0; conn->n_sent--) {
        wr_load_take(load, conn, &conn->sent[conn->sent_first], NULL);
        conn->sent_first = conn->sent_first + 1 == cap ? 0 : conn->sent_first + 1;
    }
    conn->out_at = conn->out_n = 0;
    if (!conn->heard) { /* one that is shut out would be dialled all the time */
        conn->dial_ns = load->now_ns + REDIAL_NS;
        return WR_OK;
    }
    return load->sending ? dial(load, conn, error) : WR_OK;
}

wr_err wr_load_redial(struct wr_load *load, struct wr_error *error)
{
    wr_err code = WR_OK;
    for (size_t i = 0; load->n_lost_conns != 0 && i < load->config->connections; i++) {
        struct wr_load_conn *conn = &load->conns[i];
        if (code == WR_OK && conn->fd < 0 && load->now_ns >= conn->dial_ns) {
            code = dial(load, conn, error);
        }
    }
    return code;
}
