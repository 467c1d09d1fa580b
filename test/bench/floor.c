/* SPDX-License-Identifier: Apache-2.0 */
/* What the system takes for refusals, whoever makes them: a server that reads each connection once
 * a turn, finds requests by their first word, and answers each with the bytes of the node's
 * refusal. Nothing is parsed or kept.
 *
 *   bench_floor PORT MICROSECONDS [NANOSECONDS]
 *
 * Until it is killed. With MICROSECONDS alone it rests for so long between two turns. With
 * NANOSECONDS it decides too, which is to work for so long: as many in a turn of MICROSECONDS as
 * reading and answering leave time for, connections in turns, after it has refused what the others
 * ask; with 0 microseconds all of them. No server whose decisions take that long, and which looks
 * as often, decides more beside its refusals. With `weir load --connect 127.0.0.1:PORT
 * --connections 128 --rate 400000 --server-pid PID`, each on a processor of its own: CPU of a
 * refusal, and how late it comes. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 4096, ROOM = 1 << 20, WORD = 5, EVENTS = 512, ANSWER = 600 };

static const char refusal[] =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
    "Content-Length: 173\r\nRetry-After: 1\r\n\r\n"
    "{\"type\":\"urn:weir:error:overload\",\"title\":\"the node is at its limit\","
    "\"status\":503,\"code\":\"overload\",\"detail\":\"too many requests wait\","
    "\"remedy\":\"retry after the time given\"}\n";
static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           "Content-Length: 528\r\n\r\n";
static char in[ROOM], out[ROOM], decision[ANSWER], tails[CONNECTIONS][WORD - 1];
/* of a turn, in ns: how long it may be, a decision, a visit to a connection (learnt) */
static int64_t turn_ns, each_ns, visit_ns = 10000;
static double asks = 1.0; /* requests of a connection in a turn (learnt) */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void watch(int queue, int sock)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = sock};
    epoll_ctl(queue, EPOLL_CTL_ADD, sock, &event);
}

static int listen_on(int port)
{
    int sock = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return bind(sock, (struct sockaddr *)&at, sizeof at) == 0 && listen(sock, 512) == 0 ? sock : -1;
}

static void accept_all(int queue, int listener)
{
    int sock, on = 1;
    while ((sock = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (sock >= CONNECTIONS) {
            close(sock);
            continue;
        }
        setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        memset(tails[sock], 0, sizeof tails[sock]);
        watch(queue, sock);
    }
}

/* Requests that have come; a word may have been cut by the last reading. */
static size_t read_some(int sock)
{
    size_t n = 0, tail = sizeof tails[sock];
    memcpy(in, tails[sock], tail);
    ssize_t got = recv(sock, in + tail, sizeof in - tail, 0);
    if (got <= 0) {
        close(sock);
        return 0;
    }
    char *end = in + tail + got;
    for (char *at = in; (at = memmem(at, (size_t)(end - at), "POST ", WORD)) != NULL; at += WORD) {
        n++;
    }
    memcpy(tails[sock], end - tail, tail);
    return n;
}

/* All of it, or the connection is closed: what is left out would be counted as lost. */
static bool send_all(int sock, const char *bytes, size_t n)
{
    while (n > 0) {
        struct pollfd writable = {.fd = sock, .events = POLLOUT};
        ssize_t put = send(sock, bytes, n, MSG_NOSIGNAL);
        if (put < 0 && (errno != EAGAIN || poll(&writable, 1, 1000) != 1)) {
            close(sock);
            return false;
        }
        bytes += put > 0 ? put : 0;
        n -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* Answers all that is there, by decisions or by refusals; returns how many. */
static int64_t answer(int sock, bool decides)
{
    size_t n = read_some(sock), size = decides ? sizeof decision : sizeof refusal - 1, at = 0;
    int64_t end_ns = decides ? now_ns() + (int64_t)n * each_ns : 0;
    bool open = true;
    while (decides && now_ns() < end_ns) {
    }
    for (size_t i = 0; i < n && open; i++) {
        memcpy(out + at, decides ? decision : refusal, size);
        at += size;
        if (i + 1 == n || at + size > sizeof out) {
            open = send_all(sock, out, at);
            at = 0;
        }
    }
    asks += n > 0 ? ((double)n - asks) / 64 : 0;
    return (int64_t)n;
}

/* How many connections there is time to decide for. */
static int admit(int n)
{
    double most = (double)(turn_ns - n * visit_ns) / (asks * (double)each_ns);
    return each_ns == 0 ? 0 : turn_ns == 0 || most >= n ? n : most < 0 ? 0 : (int)most + 1;
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* First what is refused, then what is decided while there is time. Connections take turns; who is
 * admitted and not reached is so again. */
static void take_turn(int *socks, int n)
{
    static int next; /* to be decided for */
    int64_t start_ns = now_ns(), took_ns = 0, decided = 0;
    int first = 0, admitted = admit(n), i;
    qsort(socks, (size_t)n, sizeof *socks, by_number);
    while (first < n && socks[first] < next) {
        first++;
    }
    for (i = admitted; i < n; i++) {
        (void)answer(socks[(first + i) % n], false);
    }
    for (i = 0; i < admitted && (turn_ns == 0 || took_ns < turn_ns); i++) {
        decided += answer(socks[(first + i) % n], true);
        took_ns = now_ns() - start_ns;
    }
    if (n > 0) {
        next = socks[(first + i) % n];
        visit_ns += ((now_ns() - start_ns - decided * each_ns) / n - visit_ns) / 16;
    }
}

/* A whole number of at most `most`, or -1. */
static int64_t number(const char *text, int64_t most)
{
    char *end;
    long long v = strtoll(text, &end, 10);
    return *end == 0 && end != text && v >= 0 && v <= most ? v : -1;
}

int main(int argc, char **argv)
{
    bool counted = argc == 3 || argc == 4;
    int64_t port = counted ? number(argv[1], UINT16_MAX) : -1;
    turn_ns = counted ? number(argv[2], 999999) * 1000 : -1; /* usleep takes no more */
    each_ns = argc == 4 ? number(argv[3], 1000000000) : 0;
    if (port < 0 || turn_ns < 0 || each_ns < 0) {
        fprintf(stderr, "usage: bench_floor PORT MICROSECONDS [NANOSECONDS]\n");
        return 2;
    }
    int listener = listen_on((int)port), queue = epoll_create1(0);
    if (listener < 0) {
        perror("bench_floor: cannot listen");
        return 1;
    }
    memset(decision, ' ', sizeof decision);
    memcpy(decision, head, sizeof head - 1);
    watch(queue, listener);
    for (;;) {
        struct epoll_event events[EVENTS];
        int socks[EVENTS], n = 0, ready = epoll_wait(queue, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener) {
                accept_all(queue, listener);
            } else {
                socks[n++] = events[i].data.fd;
            }
        }
        take_turn(socks, n);
        if (each_ns == 0) {
            usleep((useconds_t)(turn_ns / 1000));
        }
    }
}
