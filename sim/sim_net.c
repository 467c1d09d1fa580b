/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated network: listeners, and connections of two byte queues each. */
#include "sim/sim_in.h"

#include <stdlib.h>

struct queue {
    char *bytes;
    size_t n, cap;
};

struct connection {
    bool used;        /* by either side */
    bool accepted;    /* the server has it */
    bool server_gone; /* closed by the server */
    bool client_gone; /* end of stream after `in` */
    bool reset;
    int listener;
    uint32_t interest;
    uint64_t token, peer;
    struct queue in, out; /* to the server; to the client */
};

struct listener {
    bool used;
    char address[SIM_PATH];
    uint32_t interest;
    uint64_t token;
};

struct sim_net {
    struct sim *sim;
    bool wake;
    struct listener listeners[SIM_LISTENERS];
    struct connection connections[SIM_CONNECTIONS];
};

/* Handles: listeners are 1000 + i, connections i. */
enum { LISTENER_BASE = 1000 };

static void push(struct queue *queue, const void *bytes, size_t n)
{
    if (n == 0) {
        return; /* there may be no bytes yet */
    }
    if (queue->n + n > queue->cap) {
        queue->cap = (queue->n + n) * 2;
        queue->bytes = sim_grow(queue->bytes, queue->cap);
    }
    memcpy(queue->bytes + queue->n, bytes, n);
    queue->n += n;
}

static size_t pull(struct queue *queue, void *bytes, size_t n)
{
    size_t taken = WR_MIN(n, queue->n);
    if (taken > 0) {
        memcpy(bytes, queue->bytes, taken);
        memmove(queue->bytes, queue->bytes + taken, queue->n - taken);
        queue->n -= taken;
    }
    return taken;
}

static void forget(struct connection *connection)
{
    free(connection->in.bytes);
    free(connection->out.bytes);
    memset(connection, 0, sizeof *connection);
}

static struct connection *connection_at(struct sim_net *net, int32_t sock)
{
    WR_ASSERT(sock >= 0 && sock < SIM_CONNECTIONS && net->connections[sock].used);
    return &net->connections[sock];
}

/* ── the server's side ──────────────────────────────────────────────────────────────────────── */
static enum wr_io net_listen(void *context, const char *address, int32_t *listener)
{
    struct sim_net *net = context;
    size_t n = strlen(address);
    if (n >= SIM_PATH) {
        return WR_IO_INVALID;
    }
    for (int i = 0; i < SIM_LISTENERS; i++) {
        struct listener *at = &net->listeners[i];
        if (at->used && strcmp(at->address, address) == 0) {
            return WR_IO_BUSY;
        }
    }
    for (int i = 0; i < SIM_LISTENERS; i++) {
        struct listener *at = &net->listeners[i];
        if (!at->used) {
            at->used = true;
            memcpy(at->address, address, n + 1);
            *listener = LISTENER_BASE + i;
            return WR_IO_OK;
        }
    }
    return WR_IO_LIMIT;
}

static uint16_t net_local_port(void *context, int32_t listener)
{
    (void)context;
    return (uint16_t)listener;
}

static bool waits(const struct connection *connection, int listener)
{
    return connection->used && !connection->accepted && connection->listener == listener;
}

static enum wr_io net_accept(void *context, int32_t listener, int32_t *sock, bool *remote_is_local)
{
    struct sim_net *net = context;
    for (int i = 0; i < SIM_CONNECTIONS; i++) {
        if (waits(&net->connections[i], listener - LISTENER_BASE)) {
            if (sim_chance(net->sim, net->sim->faults.accept_fails)) {
                return WR_IO_LIMIT;
            }
            net->connections[i].accepted = true;
            *sock = i;
            *remote_is_local = !net->sim->faults.peers_are_remote;
            return WR_IO_OK;
        }
    }
    return WR_IO_AGAIN;
}

static uint64_t net_peer(void *context, int32_t sock)
{
    const struct sim_net *net = context;
    return net->connections[sock].peer;
}

static size_t part_of(struct sim *sim, size_t n)
{
    return sim_chance(sim, sim->faults.net_split) ? 1 + sim_random(sim, n) : n;
}

static enum wr_io net_read(void *context, int32_t sock, void *bytes, size_t n, size_t *got)
{
    struct sim_net *net = context;
    struct connection *connection = connection_at(net, sock);
    if (connection->reset || sim_chance(net->sim, net->sim->faults.net_reset)) {
        connection->reset = true;
        return WR_IO_CLOSED;
    }
    size_t ready = WR_MIN(n, connection->in.n);
    if (ready == 0) {
        return connection->client_gone ? WR_IO_CLOSED : WR_IO_AGAIN;
    }
    *got = pull(&connection->in, bytes, part_of(net->sim, ready));
    return WR_IO_OK;
}

static enum wr_io net_write(void *context, int32_t sock, const void *bytes, size_t n, size_t *put)
{
    struct sim_net *net = context;
    struct connection *connection = connection_at(net, sock);
    if (connection->reset || sim_chance(net->sim, net->sim->faults.net_reset)) {
        connection->reset = true;
        return WR_IO_CLOSED;
    }
    size_t window = net->sim->faults.net_window;
    size_t room = window > connection->out.n ? window - connection->out.n : 0;
    if (room == 0 || n == 0) {
        return WR_IO_AGAIN;
    }
    *put = part_of(net->sim, WR_MIN(n, room));
    push(&connection->out, bytes, *put);
    return WR_IO_OK;
}

static void net_close(void *context, int32_t sock)
{
    struct sim_net *net = context;
    if (sock >= LISTENER_BASE) {
        net->listeners[sock - LISTENER_BASE] = (struct listener){0};
        return;
    }
    struct connection *connection = connection_at(net, sock);
    connection->server_gone = true;
    connection->interest = 0;
}

static enum wr_io net_watch(void *context, int32_t sock, uint32_t interest, uint64_t token)
{
    struct sim_net *net = context;
    if (sock >= LISTENER_BASE) {
        net->listeners[sock - LISTENER_BASE].interest = interest;
        net->listeners[sock - LISTENER_BASE].token = token;
        return WR_IO_OK;
    }
    struct connection *connection = connection_at(net, sock);
    connection->interest = interest;
    connection->token = token;
    return WR_IO_OK;
}

static uint32_t readiness(const struct sim_net *net, const struct connection *connection)
{
    uint32_t ready = 0;
    if (connection->reset) {
        ready = WR_NET_READ | WR_NET_WRITE;
    }
    if (connection->in.n > 0 || connection->client_gone) {
        ready |= WR_NET_READ;
    }
    if (connection->out.n < net->sim->faults.net_window) {
        ready |= WR_NET_WRITE;
    }
    return ready & (connection->interest | (connection->reset ? ready : 0));
}

static size_t poll_listeners(struct sim_net *net, struct wr_net_event *events, size_t cap)
{
    size_t n = 0;
    for (int i = 0; i < SIM_LISTENERS; i++) {
        if (!net->listeners[i].used || (net->listeners[i].interest & WR_NET_READ) == 0) {
            continue;
        }
        for (int j = 0; j < SIM_CONNECTIONS; j++) {
            if (n < cap && waits(&net->connections[j], i)) {
                events[n++] = (struct wr_net_event){net->listeners[i].token, WR_NET_READ};
                break;
            }
        }
    }
    return n;
}

/* With nothing ready, waiting is the passing of simulated time. */
static enum wr_io net_poll(void *context, struct wr_net_event *events, size_t cap,
                           int64_t timeout_ns, size_t *n)
{
    struct sim_net *net = context;
    *n = 0;
    if (net->wake) {
        net->wake = false;
        events[(*n)++] = (struct wr_net_event){0, WR_NET_WAKE};
    }
    *n += poll_listeners(net, events + *n, cap - *n);
    for (int i = 0; i < SIM_CONNECTIONS && *n < cap; i++) {
        struct connection *connection = &net->connections[i];
        if (!connection->used || !connection->accepted || connection->server_gone ||
            connection->interest == 0) {
            continue;
        }
        uint32_t ready = readiness(net, connection);
        if (ready != 0) {
            events[(*n)++] = (struct wr_net_event){connection->token, ready};
        }
    }
    if (*n == 0 && timeout_ns > 0) {
        sim_step(net->sim, timeout_ns);
    }
    return WR_IO_OK;
}

static void net_wake(void *context)
{
    ((struct sim_net *)context)->wake = true;
}

/* ── the clients' side ──────────────────────────────────────────────────────────────────────── */
int sim_connect(struct sim *sim, const char *address)
{
    struct sim_net *net = sim->net;
    for (int i = 0; i < SIM_LISTENERS; i++) {
        if (!net->listeners[i].used || strcmp(net->listeners[i].address, address) != 0) {
            continue;
        }
        for (int j = 0; j < SIM_CONNECTIONS; j++) {
            if (!net->connections[j].used) {
                net->connections[j].used = true;
                net->connections[j].listener = i;
                net->connections[j].peer = sim->faults.peer;
                return j;
            }
        }
    }
    return -1;
}

void sim_send(struct sim *sim, int client, const void *bytes, size_t n)
{
    struct connection *connection = &sim->net->connections[client];
    if (connection->used && !connection->server_gone && !connection->reset) {
        push(&connection->in, bytes, n);
    }
}

size_t sim_receive(struct sim *sim, int client, void *bytes, size_t n)
{
    struct connection *connection = &sim->net->connections[client];
    return connection->used && !connection->reset ? pull(&connection->out, bytes, n) : 0;
}

bool sim_is_open(const struct sim *sim, int client)
{
    const struct connection *connection = &sim->net->connections[client];
    return connection->used && !connection->server_gone && !connection->reset;
}

void sim_hang_up(struct sim *sim, int client)
{
    struct connection *connection = &sim->net->connections[client];
    connection->client_gone = true;
    if (connection->server_gone || !connection->accepted) {
        forget(connection);
    }
}

void sim_reset(struct sim *sim, int client)
{
    struct connection *connection = &sim->net->connections[client];
    connection->reset = true;
    if (connection->server_gone || !connection->accepted) {
        forget(connection);
    }
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
struct sim_net *sim_net_open(struct sim *sim)
{
    struct sim_net *net = sim_grow(NULL, sizeof *net);
    memset(net, 0, sizeof *net);
    net->sim = sim;
    sim->port.net = (struct wr_port_net){
        .listen = net_listen,
        .local_port = net_local_port,
        .accept = net_accept,
        .peer = net_peer,
        .read = net_read,
        .write = net_write,
        .close = net_close,
        .watch = net_watch,
        .poll = net_poll,
        .wake = net_wake,
        .context = net,
    };
    return net;
}

void sim_net_lose_all(struct sim_net *net)
{
    for (int i = 0; i < SIM_CONNECTIONS; i++) {
        forget(&net->connections[i]);
    }
    memset(net->listeners, 0, sizeof net->listeners);
    net->wake = false;
}

void sim_net_close(struct sim_net *net)
{
    sim_net_lose_all(net);
    free(net);
}
