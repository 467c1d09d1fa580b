/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines of connections: who shakes hands, sends, reads or waits too slowly is closed, and who
 * is idle too long. */
#include "shell/server_in.h"

/* Nothing has been read from it or written to it, so its last sign of life is that it was taken:
 * bytes of the handshake that trickle in are none. */
static bool shakes_too_long(const struct wr_server *server, const struct wr_conn *conn)
{
    const struct wr_port_net *net = &server->port->net;
    return server->now_ns - conn->active_ns > WR_DEADLINE_SHAKE_NS && net->shakes_hands != NULL &&
           net->shakes_hands(net->context, conn->sock);
}

static bool is_late(const struct wr_server *server, const struct wr_conn *conn)
{
    int64_t now = server->now_ns;
    if (conn->stage == WR_CONN_LINGER) {
        return now - conn->first_ns > WR_DEADLINE_LINGER_NS;
    }
    if (conn->stalled_ns != 0 && now - conn->stalled_ns > WR_DEADLINE_WRITE_NS) {
        return true;
    }
    if (conn->n_slots > 0 || conn->more || conn->blocked || conn->held) {
        return false; /* it waits for us */
    }
    if (conn->first_ns == 0) {
        return shakes_too_long(server, conn);
    }
    return conn->head_ns != 0 ? now - conn->head_ns > WR_DEADLINE_BODY_NS
                              : now - conn->first_ns > WR_DEADLINE_HEAD_NS;
}

void wr_conn_sweep(struct wr_server *server)
{
    for (uint32_t i = 0; i < server->conns_made; i++) {
        struct wr_conn *conn = server->conns[i];
        if (conn->sock < 0) {
            continue;
        }
        bool idle = conn->first_ns == 0 && conn->n_slots == 0 && conn->out == NULL &&
                    conn->stream == NULL && !conn->more; /* what it asks may be unread (turn.c) */
        if (is_late(server, conn)) {
            server->metrics.n_closed_slow += conn->stage != WR_CONN_LINGER;
            wr_conn_close(server, conn);
        } else if (idle &&
                   (server->draining || server->now_ns - conn->active_ns > WR_DEADLINE_IDLE_NS)) {
            server->metrics.n_closed_idle += !server->draining;
            wr_conn_close(server, conn);
        }
    }
}
