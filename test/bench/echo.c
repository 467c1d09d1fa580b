/* SPDX-License-Identifier: Apache-2.0 */
/* A bare echo: the least that a server in this machine's kernel can do with HTTP requests, and so
 * the ceiling that `./dev bench serve` holds the decision service against.
 *
 *   bench_echo ADDRESS [BYTES [NANOSECONDS]]
 *
 * ADDRESS is 127.0.0.1:PORT or unix:PATH; answers have BYTES bytes (600). One thread,
 * level-triggered epoll, one recv and one send per connection and wake. Of a request it reads the
 * end of the head and Content-Length, nothing else; the answer is constant. With NANOSECONDS it
 * works for so long on each request before it answers: how late the answers of a server come that
 * has to do so much and waits for nothing. Ends with SIGTERM. Loopback only. */
#include "base/bytes.h"
#include "base/num.h"
#include "port/port_linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CONNS = 4096, IN = 64 * 1024, PER_WAKE = 64, ANSWER_MAX = 4096 };

struct conn {
    int fd;
    size_t n, out_at, out_n;
    char in[IN], out[PER_WAKE * ANSWER_MAX];
};

static struct conn *conns[CONNS];
static char answer[ANSWER_MAX];
static size_t answer_n;
static int64_t work_ns;

static int listen_on(const char *address)
{
    int fd, on = 1;
    if (strncmp(address, "unix:", 5) == 0) {
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        size_t n = strlen(address + 5);
        if (n >= sizeof un.sun_path) {
            return -1;
        }
        memcpy(un.sun_path, address + 5, n + 1);
        unlink(un.sun_path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        return bind(fd, (struct sockaddr *)&un, sizeof un) == 0 && listen(fd, 1024) == 0 ? fd : -1;
    }
    const char *colon = strrchr(address, ':');
    uint64_t port = 0;
    if (colon == NULL || !wr_num_read_u64(wr_str_z(colon + 1), &port) || port > 65535) {
        return -1;
    }
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return bind(fd, (struct sockaddr *)&in, sizeof in) == 0 && listen(fd, 1024) == 0 ? fd : -1;
}

static void drop(struct conn *conn)
{
    close(conn->fd);
    conns[conn->fd] = NULL;
    free(conn);
}

/* Length of the first whole request, 0 when there is none. */
static size_t request_end(const char *p, size_t n)
{
    const char *blank = memmem(p, n, "\r\n\r\n", 4);
    const char *length =
        blank != NULL ? memmem(p, (size_t)(blank - p), "Content-Length: ", 16) : NULL;
    size_t body = 0;
    for (length = length != NULL ? length + 16 : NULL; length != NULL && *length >= '0'; length++) {
        body = body * 10 + (size_t)(*length - '0');
    }
    size_t end = blank != NULL ? (size_t)(blank - p) + 4 + body : 0;
    return end <= n ? end : 0;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void work(int64_t ns)
{
    int64_t end = ns > 0 ? now_ns() + ns : 0;
    while (ns > 0 && now_ns() < end) {
    }
}

static bool serve(struct conn *conn)
{
    ssize_t got = recv(conn->fd, conn->in + conn->n, IN - conn->n, 0);
    if (got <= 0) {
        return got < 0 && errno == EAGAIN;
    }
    conn->n += (size_t)got;
    size_t at = 0, end;
    int i;
    for (i = 0; i < PER_WAKE && (end = request_end(conn->in + at, conn->n - at)) != 0; i++) {
        at += end;
        memcpy(conn->out + conn->out_n, answer, answer_n);
        conn->out_n += answer_n;
    }
    memmove(conn->in, conn->in + at, conn->n - at);
    conn->n -= at;
    work(i * work_ns);
    while (conn->out_at < conn->out_n) { /* a client that reads what it asked for never blocks it */
        ssize_t put =
            send(conn->fd, conn->out + conn->out_at, conn->out_n - conn->out_at, MSG_NOSIGNAL);
        if (put < 0 && errno != EAGAIN) {
            return false;
        }
        conn->out_at += put > 0 ? (size_t)put : 0;
    }
    conn->out_at = conn->out_n = 0;
    return true;
}

static void take_connection(int epoll, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), on = 1;
    if (fd < 0) {
        return;
    }
    struct conn *conn = fd < CONNS ? calloc(1, sizeof *conn) : NULL;
    if (conn == NULL) {
        close(fd);
        return;
    }
    conn->fd = fd;
    conns[fd] = conn;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int main(int argc, char **argv)
{
    int listener = argc > 1 ? listen_on(argv[1]) : -1;
    if (listener < 0) {
        fprintf(stderr, "usage: bench_echo 127.0.0.1:PORT|unix:PATH [BYTES [NANOSECONDS]]\n");
        return 2;
    }
    size_t size = argc > 2 ? (size_t)atoi(argv[2]) : 600;
    work_ns = argc > 3 ? atol(argv[3]) : 0;
    size = WR_MIN(WR_MAX(size, (size_t)128), (size_t)ANSWER_MAX - 1);
    static const char form[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                               "Content-Length: %04zu\r\n\r\n";
    size_t head_n = (size_t)snprintf(NULL, 0, form, size);
    snprintf(answer, sizeof answer, form, size - head_n);
    memset(answer + head_n, 'x', size - head_n);
    answer_n = size;
    wr_port_linux_hasten(); /* as the node does */
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int n = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                take_connection(epoll, listener);
            } else if (conns[fd] != NULL && !serve(conns[fd])) {
                drop(conns[fd]);
            }
        }
    }
}
