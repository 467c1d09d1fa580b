/* SPDX-License-Identifier: Apache-2.0 */
/* What the system takes for refusals, whoever makes them: a server that reads each connection once
 * in a while, finds requests by their first word, and answers each with the bytes of the node's
 * refusal. Nothing is parsed, decided or kept.
 *
 *   bench_floor PORT MICROSECONDS
 *
 * Until it is killed. With `weir load --connect 127.0.0.1:PORT --connections 128 --rate 400000
 * --server-pid PID`, each on a processor of its own: CPU of a refusal, and how late it comes. */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 4096, ROOM = 1 << 20, WORD = 5 };

static const char refusal[] =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
    "Content-Length: 173\r\nRetry-After: 1\r\n\r\n"
    "{\"type\":\"urn:weir:error:overload\",\"title\":\"the node is at its limit\","
    "\"status\":503,\"code\":\"overload\",\"detail\":\"too many requests wait\","
    "\"remedy\":\"retry after the time given\"}\n";
static char in[ROOM], out[ROOM], tails[CONNECTIONS][WORD - 1];

static void watch(int poll, int sock)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = sock};
    epoll_ctl(poll, EPOLL_CTL_ADD, sock, &event);
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

static void accept_all(int poll, int listener)
{
    int sock, on = 1;
    while ((sock = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0 && sock < CONNECTIONS) {
        setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        memset(tails[sock], 0, sizeof tails[sock]);
        watch(poll, sock);
    }
}

/* Answers all that is there; a word may have been cut by the last reading. */
static void answer(int sock)
{
    size_t n = 0, tail = sizeof tails[sock], each = sizeof refusal - 1;
    memcpy(in, tails[sock], tail);
    ssize_t got = recv(sock, in + tail, sizeof in - tail, 0);
    if (got <= 0) {
        close(sock);
        return;
    }
    char *end = in + tail + got;
    for (char *at = in; (at = memmem(at, (size_t)(end - at), "POST ", WORD)) != NULL; at += WORD) {
        n++;
    }
    memcpy(tails[sock], end - tail, tail);
    n = n < sizeof out / each ? n : sizeof out / each;
    if (n > 0 && send(sock, out, n * each, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        close(sock);
    }
}

int main(int argc, char **argv)
{
    int listener = argc == 3 ? listen_on(atoi(argv[1])) : -1, poll = epoll_create1(0);
    if (listener < 0) {
        fprintf(stderr, "usage: bench_floor PORT MICROSECONDS\n");
        return 2;
    }
    for (size_t i = 0, each = sizeof refusal - 1; i < sizeof out / each; i++) {
        memcpy(out + i * each, refusal, each);
    }
    watch(poll, listener);
    for (;;) {
        struct epoll_event events[512];
        int n = epoll_wait(poll, events, 512, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener) {
                accept_all(poll, listener);
            } else {
                answer(events[i].data.fd);
            }
        }
        usleep((useconds_t)atoi(argv[2]));
    }
}
