/* SPDX-License-Identifier: Apache-2.0 */
/* How much a connection asks, and how fast it comes: told by the bytes of what it has asked so far,
 * without reading what it asks next. */
#include "shell/server_in.h"

enum { REQUEST_LEAST = 64 };

#define FADES_NS  ((int64_t)1 << 25) /* of a pace a half is left after so long */
#define PACE_MOST ((int64_t)1 << 34) /* times WR_PACE_NS is less than 2^63 */

/* Of each connection for itself: what one sends should not change what the others count. */
void wr_pace_measure(struct wr_conn *conn, size_t bytes)
{
    if (conn->n_asked == 0) {
        return;
    }
    bytes = WR_MIN(bytes / conn->n_asked, (size_t)1 << 20);
    int64_t sixteenths = WR_MAX((int64_t)bytes * 16, (int64_t)1), usual = conn->request_sixteenths;
    usual = usual > 0 ? usual : sixteenths;
    conn->request_sixteenths = usual + (WR_MIN(sixteenths, 4 * usual) - usual) / 16;
}

/* What was before fades with time, not with reads: what comes in one piece and what comes in many
 * is the same pace. */
void wr_pace_read(const struct wr_server *server, struct wr_conn *conn, size_t n)
{
    int64_t since_ns = WR_MIN(server->now_ns - conn->read_ns, (int64_t)WR_PACE_NS);
    int64_t come = (int64_t)WR_MIN(n, (size_t)1 << 24);
    int64_t pace = (conn->pace * FADES_NS + come * WR_PACE_NS) / (FADES_NS + since_ns);
    conn->pace = WR_MIN(pace, PACE_MOST);
    conn->read_ns = server->now_ns;
}

static size_t requests_in(const struct wr_conn *conn, size_t bytes)
{
    size_t each = WR_MAX((size_t)conn->request_sixteenths / 16, (size_t)REQUEST_LEAST);
    return (bytes + each / 2) / each;
}

bool wr_pace_is_known(const struct wr_conn *conn)
{
    return conn->request_sixteenths > 0 && conn->stage != WR_CONN_CHUNKED;
}

/* Requests that are read, by their bytes, but for one that is not there whole; a new connection is
 * read before it is planned for. */
size_t wr_pace_there(const struct wr_conn *conn)
{
    size_t bytes = conn->in_n - conn->in_at;
    if (bytes > 0 && (conn->more || conn->was_held)) {
        return wr_pace_is_known(conn) ? WR_MAX(requests_in(conn, bytes), (size_t)1) : 1;
    }
    return bytes > 0 && !conn->readable && conn->request_sixteenths == 0;
}

/* Requests that come in so long, by the connection's pace, with the one that they complete. */
size_t wr_pace_coming(const struct wr_conn *conn, int64_t ns)
{
    int64_t within = WR_MAX(WR_MIN(ns, (int64_t)WR_PACE_NS), (int64_t)0);
    size_t come = (size_t)(conn->pace * within / WR_PACE_NS), there = conn->in_n - conn->in_at;
    size_t lacks = conn->stage == WR_CONN_BODY && conn->need > there ? conn->need - there : 0;
    if (!wr_pace_is_known(conn) || come < lacks) {
        return 0;
    }
    return requests_in(conn, come - lacks) + (lacks > 0 ? requests_in(conn, conn->need) : 0);
}
