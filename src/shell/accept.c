/* SPDX-License-Identifier: Apache-2.0 */
/* New connections: taken while there are places, and descriptors, for them and their address has
 * not its share. */
#include "shell/server_in.h"

enum { ACCEPTS_PER_TURN = 64 };

static void listen_again(struct wr_server *server, bool listening)
{
    const struct wr_port_net *net = &server->port->net;
    if (server->listening == listening) {
        return;
    }
    for (uint32_t i = 0; i < server->config.n_addresses; i++) {
        net->watch(net->context, server->listeners[i], listening ? WR_NET_READ : 0, i + 1);
    }
    server->listening = listening;
    server->n_conns_shut = server->n_conns;
    server->shut_ns = server->now_ns;
}

/* One has closed: its place, and its descriptor, are free. Or it was for want of something else. */
void wr_accept_when_possible(struct wr_server *server)
{
    bool has_place = server->n_conns < server->config.n_connections_max;
    if (!server->listening && !server->draining && has_place &&
        (server->n_conns < server->n_conns_shut ||
         server->now_ns - server->shut_ns >= WR_ACCEPT_PAUSE_NS)) {
        listen_again(server, true);
    }
}

/* Whether the address of a new connection has its share already. While there are fewer connections
 * than one address may have, nobody is counted. */
static bool has_its_share(struct wr_server *server, const struct wr_conn *conn)
{
    const struct wr_port_net *net = &server->port->net;
    uint32_t share = server->config.n_per_address, n = 0;
    uint64_t peer = net->peer != NULL ? net->peer(net->context, conn->sock) : 0;
    if (share == 0) {
        share = WR_MAX(server->config.n_connections_max / 10, WR_ADDRESS_LEAST);
    }
    if (peer != 0 && server->n_conns > share) {
        for (uint32_t i = 0; i < server->conns_made; i++) {
            n += server->peers[i] == peer;
        }
    }
    server->peers[conn->index] = n < share ? peer : 0;
    return n >= share;
}

void wr_accept_some(struct wr_server *server, uint32_t listener)
{
    const struct wr_port_net *net = &server->port->net;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        if (server->n_conns == server->config.n_connections_max) {
            listen_again(server, false); /* until one has closed; the kernel keeps the others */
            return;
        }
        int32_t sock;
        bool is_local = false;
        enum wr_io result =
            net->accept(net->context, server->listeners[listener], &sock, &is_local);
        if (result == WR_IO_AGAIN) {
            return;
        }
        if (result != WR_IO_OK) {
            server->metrics.n_accept_failures++;
            listen_again(server, false); /* for a moment, or until one has closed */
            return;
        }
        struct wr_conn *conn = wr_conn_open(server, sock, is_local);
        if (conn == NULL) {
            net->close(net->context, sock);
            server->metrics.n_accept_failures++;
            return;
        }
        conn->is_probe = wr_address_is_probe(server->config.addresses[listener]);
        if (!conn->is_probe && has_its_share(server, conn)) {
            server->metrics.n_shut_out++;
            wr_conn_close(server, conn);
            continue;
        }
        server->metrics.n_accepted++;
        wr_conn_touch(server, conn);
        wr_conn_read(server, conn); /* the request is often there already */
    }
}
