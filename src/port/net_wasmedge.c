/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets under WasmEdge 0.14.1: IPv4 and IPv6 TCP.
 *
 * poll_oneoff costs 17 us and 1.7 us for each socket, a read that finds nothing as much as one
 * socket's share. So sockets that had data lately are *hot*: poll reports them as readable without
 * asking, until HOT_MISSES reads in a row found nothing; the system is asked when no socket is hot
 * or HOT_NS have passed. A report that turns out wrong is a read that gives WR_IO_AGAIN.
 *
 * Every real poll carries a clock subscription: without one, a socket that has vanished would leave
 * 0.14.1 waiting for ever. There are no signals, no threads and so nothing that needs waking. */
#include "port/posix.h"
#include "port/wasmedge.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <wasi/api.h>

#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))

struct raw_address {
    uint8_t *bytes;
    uint32_t size;
};

IMPORT("sock_open") int32_t raw_open(int32_t family, int32_t type, int32_t *fd);
IMPORT("sock_bind") int32_t raw_bind(int32_t fd, struct raw_address *address, int32_t port);
IMPORT("sock_listen") int32_t raw_listen(int32_t fd, int32_t backlog);
IMPORT("sock_accept") int32_t raw_accept(int32_t fd, int32_t flags, int32_t *sock);
IMPORT("sock_setsockopt")
int32_t raw_setsockopt(int32_t fd, int32_t level, int32_t name, int32_t *value, int32_t size);
IMPORT("sock_getlocaladdr")
int32_t raw_localaddr(int32_t fd, struct raw_address *address, uint32_t *port);
IMPORT("sock_getpeeraddr")
int32_t raw_peeraddr(int32_t fd, struct raw_address *address, uint32_t *port);

enum {
    INET4 = 1,
    INET6 = 2,
    STREAM = 2,
    SOL_SOCKET_LEVEL = 0,
    REUSEADDR = 0,
    BACKLOG = 256,
    STORAGE = 128, /* of an address as the second versions write it: u16 family, then its bytes */
    WATCHED_MAX = WR_LIMIT_WASM_CONNECTIONS + 8,
    HOT_MISSES = 4,
    HOT_NS = 1000000,
};

struct watched {
    int32_t sock;
    uint32_t interest;
    uint64_t token;
    uint32_t heat; /* reads that may still find nothing; 0: not hot */
};

static struct {
    struct watched watched[WATCHED_MAX];
    uint32_t n, n_hot;
    int64_t polled_ns;
} net;

static int64_t mono_ns(void)
{
    __wasi_timestamp_t now = 0;
    return __wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1000, &now) == 0 ? (int64_t)now : 0;
}

static struct watched *find(int32_t sock)
{
    for (uint32_t i = 0; i < net.n; i++) {
        if (net.watched[i].sock == sock) {
            return &net.watched[i];
        }
    }
    return NULL;
}

/* ── addresses ──────────────────────────────────────────────────────────────────────────────── */
struct address {
    uint8_t bytes[16];
    uint32_t size; /* 4 or 16 */
    uint16_t port;
};

static bool read_decimal(const char **text, uint32_t max, uint32_t *out)
{
    const char *p = *text;
    uint32_t value = 0;
    while (*p >= '0' && *p <= '9' && value <= max) {
        value = value * 10 + (uint32_t)(*p++ - '0');
    }
    bool good = p != *text && value <= max;
    *text = p;
    *out = value;
    return good;
}

/* "1.2.3.4:80", ":80" (all of IPv4), "[::]:80" (all of IPv6), "[::1]:80". */
static bool parse_address(const char *text, struct address *out)
{
    uint32_t part = 0;
    memset(out, 0, sizeof *out);
    out->size = 4;
    if (strncmp(text, "[::]", 4) == 0 || strncmp(text, "[::1]", 5) == 0) {
        out->size = 16;
        out->bytes[15] = text[3] == '1';
        text += text[3] == '1' ? 5 : 4;
    } else if (*text != ':') {
        for (int i = 0; i < 4; i++) {
            if ((i > 0 && *text++ != '.') || !read_decimal(&text, 255, &part)) {
                return false;
            }
            out->bytes[i] = (uint8_t)part;
        }
    }
    if (*text++ != ':' || !read_decimal(&text, 65535, &part) || *text != '\0') {
        return false;
    }
    out->port = (uint16_t)part;
    return true;
}

static void no_waiting(int32_t fd)
{
    __wasi_errno_t result = __wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_NONBLOCK);
    (void)result; /* a socket that waits is slow, not wrong */
}

static enum wr_io net_listen(void *context, const char *text, int32_t *listener)
{
    (void)context;
    struct address address;
    int32_t fd = -1, one = 1;
    if (!parse_address(text, &address)) {
        return WR_IO_INVALID;
    }
    int error = raw_open(address.size == 4 ? INET4 : INET6, STREAM, &fd);
    if (error != 0) {
        return wr_posix_io(error);
    }
    raw_setsockopt(fd, SOL_SOCKET_LEVEL, REUSEADDR, &one, sizeof one);
    struct raw_address raw = {address.bytes, address.size};
    error = raw_bind(fd, &raw, address.port);
    error = error != 0 ? error : raw_listen(fd, BACKLOG);
    if (error != 0) {
        close(fd);
        return wr_posix_io(error);
    }
    no_waiting(fd); /* accept until there is no more */
    *listener = fd;
    return WR_IO_OK;
}

enum wr_io wr_wasmedge_hold_port(uint16_t number, int32_t *sock)
{
    uint8_t loopback[4] = {127, 0, 0, 1};
    struct raw_address raw = {loopback, sizeof loopback};
    int error = raw_open(INET4, STREAM, sock);
    if (error != 0) {
        return wr_posix_io(error);
    }
    error = raw_bind(*sock, &raw, number);
    error = error != 0 ? error : raw_listen(*sock, 1);
    if (error != 0) {
        close(*sock);
        return wr_posix_io(error);
    }
    return WR_IO_OK;
}

static uint16_t net_local_port(void *context, int32_t listener)
{
    (void)context;
    uint8_t room[STORAGE] = {0};
    struct raw_address raw = {room, sizeof room};
    uint32_t port = 0;
    return raw_localaddr(listener, &raw, &port) == 0 ? (uint16_t)port : 0;
}

static uint64_t net_peer(void *context, int32_t sock)
{
    (void)context;
    uint8_t room[STORAGE] = {0};
    struct raw_address raw = {room, sizeof room};
    uint32_t port = 0;
    uint64_t address = 0;
    if (raw_peeraddr(sock, &raw, &port) != 0 || (room[0] != INET4 && room[0] != INET6)) {
        return 0;
    }
    memcpy(&address, room + 2, room[0] == INET4 ? 4 : 8);
    return room[0] == INET4 ? 1ULL << 32 | address : address != 0 ? address : 1;
}

static bool peer_is_local(int32_t sock)
{
    uint8_t room[STORAGE] = {0};
    struct raw_address raw = {room, sizeof room};
    uint32_t port = 0;
    if (raw_peeraddr(sock, &raw, &port) != 0) {
        return false;
    }
    static const uint8_t loopback6[16] = {[15] = 1};
    return room[0] == INET4 ? room[2] == 127
                            : room[0] == INET6 && memcmp(room + 2, loopback6, 16) == 0;
}

/* ── connections ────────────────────────────────────────────────────────────────────────────── */
static enum wr_io net_accept(void *context, int32_t listener, int32_t *sock, bool *remote_is_local)
{
    (void)context;
    int32_t fd = -1;
    int error = raw_accept(listener, 0, &fd);
    if (error != 0) {
        return wr_posix_io(error);
    }
    no_waiting(fd); /* the flag of accept would go to the listener */
    *sock = fd;
    *remote_is_local = peer_is_local(fd);
    return WR_IO_OK;
}

static void cool(struct watched *watched)
{
    if (watched->heat > 0 && --watched->heat == 0) {
        net.n_hot--;
    }
}

static void heat(struct watched *watched)
{
    net.n_hot += watched->heat == 0;
    watched->heat = HOT_MISSES;
}

static enum wr_io net_read(void *context, int32_t sock, void *bytes, size_t n, size_t *got)
{
    (void)context;
    __wasi_iovec_t room = {bytes, n};
    __wasi_size_t step = 0;
    __wasi_roflags_t flags;
    struct watched *watched = find(sock);
    __wasi_errno_t error = __wasi_sock_recv(sock, &room, 1, 0, &step, &flags);
    if (error != 0) {
        if (watched != NULL) {
            cool(watched);
        }
        return wr_posix_io(error);
    }
    if (watched != NULL && step > 0) {
        heat(watched);
    }
    *got = step;
    return step == 0 ? WR_IO_CLOSED : WR_IO_OK;
}

static enum wr_io net_write(void *context, int32_t sock, const void *bytes, size_t n, size_t *put)
{
    (void)context;
    __wasi_ciovec_t data = {bytes, n};
    __wasi_size_t step = 0;
    __wasi_errno_t error = __wasi_sock_send(sock, &data, 1, 0, &step);
    if (error != 0) {
        return wr_posix_io(error);
    }
    *put = step;
    return step == 0 ? WR_IO_AGAIN : WR_IO_OK;
}

static void net_close(void *context, int32_t sock)
{
    (void)context;
    close(sock);
}

/* ── polling ────────────────────────────────────────────────────────────────────────────────── */
static enum wr_io net_watch(void *context, int32_t sock, uint32_t interest, uint64_t token)
{
    (void)context;
    struct watched *watched = find(sock);
    if (interest == 0) {
        if (watched != NULL) {
            net.n_hot -= watched->heat > 0;
            *watched = net.watched[--net.n];
        }
        return WR_IO_OK;
    }
    if (watched == NULL) {
        if (net.n == WATCHED_MAX) {
            return WR_IO_LIMIT;
        }
        watched = &net.watched[net.n++];
        *watched = (struct watched){.sock = sock};
    }
    watched->interest = interest;
    watched->token = token;
    if ((interest & WR_NET_READ) == 0 && watched->heat > 0) {
        watched->heat = 0;
        net.n_hot--;
    }
    return WR_IO_OK;
}

static size_t report_hot(struct wr_net_event *events, size_t cap)
{
    size_t n = 0;
    for (uint32_t i = 0; i < net.n && n < cap; i++) {
        if (net.watched[i].heat > 0) {
            events[n++] = (struct wr_net_event){net.watched[i].token, WR_NET_READ};
        }
    }
    return n;
}

static void subscribe(__wasi_subscription_t *out, uint8_t kind, int32_t sock, uint32_t i)
{
    *out = (__wasi_subscription_t){.userdata = i + 1};
    out->u.tag = kind;
    out->u.u.fd_read.file_descriptor = sock;
}

static uint32_t subscribe_all(__wasi_subscription_t *out, int64_t timeout_ns)
{
    uint32_t n = 1;
    out[0] = (__wasi_subscription_t){.userdata = 0};
    out[0].u.tag = __WASI_EVENTTYPE_CLOCK;
    out[0].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
    out[0].u.u.clock.timeout = (__wasi_timestamp_t)timeout_ns;
    out[0].u.u.clock.precision = 1000;
    for (uint32_t i = 0; i < net.n; i++) {
        const struct watched *watched = &net.watched[i];
        if ((watched->interest & WR_NET_READ) != 0) {
            subscribe(&out[n++], __WASI_EVENTTYPE_FD_READ, watched->sock, i);
        }
        if ((watched->interest & WR_NET_WRITE) != 0) {
            subscribe(&out[n++], __WASI_EVENTTYPE_FD_WRITE, watched->sock, i);
        }
    }
    return n;
}

/* An error or a hang-up shows as both: the next read or write tells. */
static uint32_t ready_of(const __wasi_event_t *event)
{
    bool hung_up = (event->fd_readwrite.flags & __WASI_EVENTRWFLAGS_FD_READWRITE_HANGUP) != 0;
    if (event->error != 0 || hung_up) {
        return WR_NET_READ | WR_NET_WRITE;
    }
    return event->type == __WASI_EVENTTYPE_FD_READ ? WR_NET_READ : WR_NET_WRITE;
}

static enum wr_io net_poll(void *context, struct wr_net_event *events, size_t cap,
                           int64_t timeout_ns, size_t *n)
{
    (void)context;
    static __wasi_subscription_t subscriptions[1 + 2 * WATCHED_MAX];
    static __wasi_event_t raw[1 + 2 * WATCHED_MAX];
    int64_t now_ns = net.n_hot > 0 ? mono_ns() : 0;
    if (net.n_hot > 0 && now_ns - net.polled_ns < HOT_NS) {
        *n = report_hot(events, cap);
        return WR_IO_OK;
    }
    uint32_t asked = subscribe_all(subscriptions, net.n_hot > 0 ? 0 : WR_MAX(timeout_ns, 0));
    __wasi_size_t got = 0;
    __wasi_errno_t error = __wasi_poll_oneoff(subscriptions, raw, asked, &got);
    net.polled_ns = mono_ns();
    *n = 0;
    if (error != 0 && error != EINTR) {
        return wr_posix_io(error);
    }
    for (__wasi_size_t i = 0; i < got && *n < cap; i++) {
        if (raw[i].userdata != 0 && raw[i].userdata <= net.n && raw[i].error != EINTR) {
            events[(*n)++] =
                (struct wr_net_event){net.watched[raw[i].userdata - 1].token, ready_of(&raw[i])};
        }
    }
    return WR_IO_OK;
}

static void net_wake(void *context)
{
    (void)context; /* there is nobody else who could be waiting */
}

void wr_wasmedge_net_open(struct wr_port_net *out)
{
    *out = (struct wr_port_net){
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
    };
}
