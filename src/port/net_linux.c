/* SPDX-License-Identifier: Apache-2.0 */
/* The network of the native port: TCP and Unix stream sockets under one level-triggered epoll set.
 *
 * Addresses are numbers, not names: "127.0.0.1:8181", "[::1]:8181", ":8181" (all interfaces of
 * IPv4), "unix:/path"; "share:" in front of a TCP address lets several processes of one user listen
 * there. Nothing here resolves names. Accepted sockets inherit TCP_NODELAY from their
 * listener, which saves a call per connection. */
#include "port/linux.h"
#include "port/posix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 1024, POLL_EVENTS = 256, ACCEPT_TRIES = 16 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static bool parse_port(const char *text, uint16_t *port)
{
    uint32_t value = 0;
    size_t n = 0;
    for (; text[n] >= '0' && text[n] <= '9' && n < 6; n++) {
        value = value * 10 + (uint32_t)(text[n] - '0');
    }
    *port = (uint16_t)value;
    return n > 0 && text[n] == '\0' && value <= 65535;
}

static bool parse_address(const char *text, union address *out, socklen_t *size)
{
    memset(out, 0, sizeof *out);
    if (strncmp(text, "unix:", 5) == 0) {
        size_t n = strlen(text + 5);
        if (n == 0 || n >= sizeof out->local.sun_path) {
            return false;
        }
        out->local.sun_family = AF_UNIX;
        memcpy(out->local.sun_path, text + 5, n + 1);
        *size = sizeof out->local;
        return true;
    }
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2];
    uint16_t port;
    if (colon == NULL || (size_t)(colon - text) >= sizeof host || !parse_port(colon + 1, &port)) {
        return false;
    }
    size_t n = (size_t)(colon - text);
    memcpy(host, text, n);
    host[n] = '\0';
    if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(port);
        *size = sizeof out->v6;
        return inet_pton(AF_INET6, host + 1, &out->v6.sin6_addr) == 1;
    }
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(port);
    *size = sizeof out->v4;
    return n == 0 || inet_pton(AF_INET, host, &out->v4.sin_addr) == 1;
}

/* Removes the socket file of a process that is gone; one that answers is left alone. */
static void clear_old_socket(const union address *address, socklen_t size)
{
    struct stat about;
    if (lstat(address->local.sun_path, &about) != 0 || !S_ISSOCK(about.st_mode)) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        if (connect(fd, &address->any, size) != 0 && errno == ECONNREFUSED) {
            unlink(address->local.sun_path);
        }
        close(fd);
    }
}

static enum wr_io net_listen(void *context, const char *text, int32_t *listener)
{
    (void)context;
    union address address;
    socklen_t size;
    bool shared = strncmp(text, "share:", 6) == 0;
    if (!parse_address(shared ? text + 6 : text, &address, &size)) {
        return WR_IO_INVALID;
    }
    if (address.any.sa_family == AF_UNIX) {
        clear_old_socket(&address, size);
    }
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return wr_posix_io(errno);
    }
    int one = 1;
    if (address.any.sa_family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (shared) {
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
        }
    }
    if (bind(fd, &address.any, size) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        enum wr_io result = wr_posix_io(errno);
        close(fd);
        return result;
    }
    *listener = fd;
    return WR_IO_OK;
}

static uint16_t net_local_port(void *context, int32_t listener)
{
    (void)context;
    union address address;
    socklen_t size = sizeof address;
    if (getsockname(listener, &address.any, &size) != 0) {
        return 0;
    }
    if (address.any.sa_family == AF_INET) {
        return ntohs(address.v4.sin_port);
    }
    return address.any.sa_family == AF_INET6 ? ntohs(address.v6.sin6_port) : 0;
}

static bool is_local(const union address *address)
{
    if (address->any.sa_family == AF_INET) {
        return (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127;
    }
    if (address->any.sa_family == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
    }
    return address->any.sa_family == AF_UNIX;
}

static enum wr_io net_accept(void *context, int32_t listener, int32_t *sock, bool *remote_is_local)
{
    (void)context;
    for (int i = 0; i < ACCEPT_TRIES; i++) {
        union address address = {0};
        socklen_t size = sizeof address;
        int fd = accept4(listener, &address.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            *sock = fd;
            *remote_is_local = is_local(&address);
            return WR_IO_OK;
        }
        /* A peer that gave up while it waited is no error of ours: take the next. */
        if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO && errno != EPERM) {
            return wr_posix_io(errno);
        }
    }
    return WR_IO_AGAIN;
}

static uint64_t net_peer(void *context, int32_t sock)
{
    (void)context;
    union address address = {0};
    socklen_t size = sizeof address;
    uint64_t network = 0;
    if (getpeername(sock, &address.any, &size) != 0) {
        return 0;
    }
    if (address.any.sa_family == AF_INET) {
        return 1ULL << 32 | ntohl(address.v4.sin_addr.s_addr);
    }
    if (address.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr)) {
        return 1ULL << 32 | ntohl(address.v6.sin6_addr.s6_addr32[3]);
    }
    if (address.any.sa_family == AF_INET6) {
        memcpy(&network, address.v6.sin6_addr.s6_addr, sizeof network);
        return network != 0 ? network : 1; /* ::1 and the like */
    }
    return 0;
}

static enum wr_io net_connect(void *context, const char *text, int32_t *sock)
{
    (void)context;
    union address address;
    socklen_t size;
    int one = 1, patience_ms = 1000; /* unanswered bytes end a connection after that */
    if (!parse_address(text, &address, &size)) {
        return WR_IO_INVALID;
    }
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return wr_posix_io(errno);
    }
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (address.any.sa_family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
    }
    if (connect(fd, &address.any, size) != 0 && errno != EINPROGRESS) {
        enum wr_io result = wr_posix_io(errno);
        close(fd);
        return result == WR_IO_OK ? WR_IO_FAILED : result;
    }
    *sock = fd;
    return WR_IO_OK;
}

static enum wr_io net_read(void *context, int32_t sock, void *bytes, size_t n, size_t *got)
{
    (void)context;
    ssize_t step = recv(sock, bytes, n, 0);
    if (step < 0) {
        return wr_posix_io(errno);
    }
    *got = (size_t)step;
    return step == 0 ? WR_IO_CLOSED : WR_IO_OK;
}

static enum wr_io net_write(void *context, int32_t sock, const void *bytes, size_t n, size_t *put)
{
    (void)context;
    ssize_t step = send(sock, bytes, n, MSG_NOSIGNAL);
    if (step < 0) {
        return wr_posix_io(errno);
    }
    *put = (size_t)step;
    return WR_IO_OK;
}

static void net_close(void *context, int32_t sock)
{
    (void)context;
    close(sock);
}

static enum wr_io net_watch(void *context, int32_t sock, uint32_t interest, uint64_t token)
{
    struct wr_port_linux *native = context;
    struct epoll_event event = {.data.u64 = token};
    event.events = ((interest & WR_NET_READ) != 0 ? (uint32_t)EPOLLIN : 0) |
                   ((interest & WR_NET_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0);
    if (interest == 0) {
        epoll_ctl(native->poll_fd, EPOLL_CTL_DEL, sock, &event);
        return WR_IO_OK;
    }
    if (epoll_ctl(native->poll_fd, EPOLL_CTL_MOD, sock, &event) == 0) {
        return WR_IO_OK;
    }
    if (errno == ENOENT && epoll_ctl(native->poll_fd, EPOLL_CTL_ADD, sock, &event) == 0) {
        return WR_IO_OK;
    }
    return wr_posix_io(errno);
}

static uint32_t ready_of(uint32_t events)
{
    uint32_t ready = 0;
    ready |= (events & EPOLLIN) != 0 ? WR_NET_READ : 0;
    ready |= (events & EPOLLOUT) != 0 ? WR_NET_WRITE : 0;
    ready |= (events & (EPOLLERR | EPOLLHUP)) != 0 ? WR_NET_READ | WR_NET_WRITE : 0;
    return ready;
}

/* To the nanosecond since Linux 5.11. Older kernels do not know the call, and filters of calls that
 * were written for them forbid it: then to the millisecond, never too early. */
static int wait_for_events(struct wr_port_linux *native, struct epoll_event *raw, size_t cap,
                           int64_t timeout_ns)
{
    int n = (int)WR_MIN(cap, (size_t)POLL_EVENTS);
    timeout_ns = WR_MAX(WR_MIN(timeout_ns, (int64_t)60000000000), (int64_t)0);
    if (!native->is_coarse) {
        struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
        int got = epoll_pwait2(native->poll_fd, raw, n, &timeout, NULL);
        if (got >= 0 || (errno != ENOSYS && errno != EPERM)) {
            return got;
        }
        native->is_coarse = true;
    }
    return epoll_wait(native->poll_fd, raw, n, (int)((timeout_ns + 999999) / 1000000));
}

static enum wr_io net_poll(void *context, struct wr_net_event *events, size_t cap,
                           int64_t timeout_ns, size_t *n)
{
    struct wr_port_linux *native = context;
    struct epoll_event raw[POLL_EVENTS];
    int got = wait_for_events(native, raw, cap, timeout_ns);
    if (got < 0 && errno != EINTR) {
        return wr_posix_io(errno);
    }
    *n = 0;
    for (int i = 0; i < got; i++) {
        if (raw[i].data.u64 == 0) {
            uint64_t count;
            if (read(native->wake_fd, &count, sizeof count) > 0) {
                events[(*n)++] = (struct wr_net_event){0, WR_NET_WAKE};
            }
            continue;
        }
        events[(*n)++] = (struct wr_net_event){raw[i].data.u64, ready_of(raw[i].events)};
    }
    return WR_IO_OK;
}

static void net_wake(void *context)
{
    struct wr_port_linux *native = context;
    uint64_t one = 1;
    if (write(native->wake_fd, &one, sizeof one) < 0) {
        return; /* the counter is full: a wake is pending already */
    }
}

enum wr_io wr_linux_net_open(struct wr_port_linux *native, struct wr_port_net *net)
{
    *net = (struct wr_port_net){
        .listen = net_listen,
        .local_port = net_local_port,
        .accept = net_accept,
        .peer = net_peer,
        .connect = net_connect,
        .read = net_read,
        .write = net_write,
        .close = net_close,
        .watch = net_watch,
        .poll = net_poll,
        .wake = net_wake,
        .context = native,
    };
    native->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    native->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};
    if (native->poll_fd < 0 || native->wake_fd < 0 ||
        epoll_ctl(native->poll_fd, EPOLL_CTL_ADD, native->wake_fd, &event) != 0) {
        enum wr_io result = wr_posix_io(errno);
        wr_linux_net_close(native);
        return result;
    }
    return WR_IO_OK;
}

void wr_linux_net_close(struct wr_port_linux *native)
{
    if (native->poll_fd >= 0) {
        close(native->poll_fd);
    }
    if (native->wake_fd >= 0) {
        close(native->wake_fd);
    }
}
