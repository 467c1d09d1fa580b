/* SPDX-License-Identifier: Apache-2.0 */
/* The input of a connection, and when it came. It is read into one buffer, in which requests are
 * parsed in place; it moves or grows only between batches, since requests of the batch are views
 * into it. */
#include "shell/conn_in.h"

enum { READ_AHEAD = 4 * WR_BUFFER_SIZE, READ_LEAST = WR_BUFFER_SIZE / 4 };

void wr_conn_compact(struct wr_server *server, struct wr_conn *conn)
{
    WR_ASSERT(!conn->in_batch);
    if (conn->stage == WR_CONN_CHUNKED) { /* what is decoded leaves a gap */
        size_t end = conn->body_at + conn->body_n;
        memmove(conn->in + end, conn->in + conn->raw_at, conn->in_n - conn->raw_at);
        conn->in_n -= conn->raw_at - end;
        conn->in_base += conn->raw_at - end;
        conn->raw_at = end;
    }
    if (conn->in_at == conn->in_n) {
        wr_conn_drop_in(server, conn);
    } else if (conn->in_at > 0) {
        memmove(conn->in, conn->in + conn->in_at, conn->in_n - conn->in_at);
        conn->in_n -= conn->in_at;
        conn->body_at -= WR_MIN(conn->body_at, conn->in_at);
        conn->raw_at -= WR_MIN(conn->raw_at, conn->in_at);
        conn->in_base += conn->in_at;
        conn->in_at = 0;
    }
}

/* Its body is not there whole, and whoever waits for his turn has no other request before it. */
static bool lacks_the_rest(const struct wr_conn *conn)
{
    return conn->stage == WR_CONN_CHUNKED
               ? conn->raw_at == conn->in_n
               : conn->stage == WR_CONN_BODY && conn->in_n - conn->in_at < conn->need;
}

/* Moving what is left to the front costs as much as it has bytes. With whole requests left that is
 * done when at least as many have gone since; until then the buffer grows. Part of a body is moved
 * once. */
static bool is_worth_moving(const struct wr_conn *conn)
{
    bool is_tight = conn->in_cap - conn->in_n < READ_LEAST;
    return !conn->more || lacks_the_rest(conn) || conn->in_n - conn->in_at <= conn->in_at ||
           (is_tight && conn->in_cap >= 2 * READ_AHEAD);
}

/* Room to read into: what the current request still needs, if that is known, else some more. */
static bool make_room(struct wr_server *server, struct wr_conn *conn)
{
    size_t want = conn->stage == WR_CONN_BODY ? conn->need : conn->in_n + 1;
    want = conn->more ? WR_MAX(want, conn->in_n + READ_LEAST) : want;
    if (conn->in_cap >= want && conn->in_cap > conn->in_n) {
        return true;
    }
    size_t limit = WR_LIMIT_H1_HEAD + (size_t)server->config.body_max * 2 + WR_BUFFER_SIZE;
    want = WR_MAX(want, conn->in_n + 1);
    return want <= limit && wr_conn_grow(server, &conn->in, &conn->in_cap, conn->in_n, want);
}

/* Bytes are about to be added. With no room for another mark they count as if they had come with
 * those before them. */
static void note_arrival(struct wr_conn *conn, int64_t now_ns)
{
    uint32_t n = conn->n_arrivals;
    if (conn->in_at == conn->in_n) {
        n = 0;
    }
    if (n < WR_ARRIVALS && (n == 0 || conn->arrivals[n - 1].ns != now_ns)) {
        conn->arrivals[n++] = (struct wr_arrival){conn->in_base + conn->in_n, now_ns};
    }
    conn->n_arrivals = n;
}

int64_t wr_conn_arrival(struct wr_conn *conn)
{
    if (conn->in_at == conn->in_n) {
        return 0;
    }
    uint32_t passed = 0;
    while (passed + 1 < conn->n_arrivals &&
           conn->arrivals[passed + 1].at <= conn->in_base + conn->in_at) {
        passed++;
    }
    if (passed > 0) {
        conn->n_arrivals -= passed;
        memmove(conn->arrivals, conn->arrivals + passed, conn->n_arrivals * sizeof *conn->arrivals);
    }
    return conn->arrivals[0].ns;
}

int64_t wr_conn_arrival_before(const struct wr_conn *conn, size_t at)
{
    uint32_t i = conn->n_arrivals;
    while (i > 1 && conn->arrivals[i - 1].at >= conn->in_base + at) {
        i--;
    }
    return i > 0 ? conn->arrivals[i - 1].ns : conn->first_ns;
}

bool wr_conn_has_read_ahead(const struct wr_conn *conn)
{
    return conn->in_n - conn->in_at >= READ_AHEAD;
}

void wr_conn_read(struct wr_server *server, struct wr_conn *conn)
{
    const struct wr_port_net *net = &server->port->net;
    bool has_enough = wr_conn_has_read_ahead(conn) && !lacks_the_rest(conn);
    if ((conn->more || conn->held) && has_enough) {
        return; /* first what is there */
    }
    if (conn->stage == WR_CONN_LINGER) {
        conn->in_n = conn->in_at = 0;
    }
    if (is_worth_moving(conn)) {
        wr_conn_compact(server, conn);
    }
    if (!make_room(server, conn)) {
        conn->broken = true;
        return;
    }
    size_t got = 0;
    int64_t came_ns = server->arrived_ns;
    if (conn->told_ns != 0) { /* perhaps some turns ago */
        came_ns = WR_MIN(came_ns, conn->told_ns);
        conn->told_ns = 0;
    }
    enum wr_io result =
        net->read(net->context, conn->sock, conn->in + conn->in_n, conn->in_cap - conn->in_n, &got);
    wr_conn_weigh(server, conn);
    if (result == WR_IO_OK) {
        note_arrival(conn, came_ns);
        conn->first_ns = conn->in_at == conn->in_n ? came_ns : conn->first_ns;
        conn->in_n += got;
        conn->active_ns = server->now_ns;
        server->metrics.bytes_in += got;
        wr_pace_read(server, conn, got);
    } else if (result == WR_IO_CLOSED) {
        conn->eof = true;
    } else if (result != WR_IO_AGAIN) {
        conn->broken = true;
    }
}

bool wr_conn_may_parse(const struct wr_conn *conn)
{
    return !conn->closing && !conn->broken && !conn->blocked && !conn->held &&
           conn->n_slots < WR_LIMIT_SLOTS && conn->out_n - conn->out_at < WR_LIMIT_OUT_BACKLOG;
}
