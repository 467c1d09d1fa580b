/* SPDX-License-Identifier: Apache-2.0 */
#include "app/client.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static bool parse_address(const char *address, struct sockaddr_storage *out, socklen_t *n)
{
    memset(out, 0, sizeof *out);
    if (strncmp(address, "unix:", 5) == 0) {
        struct sockaddr_un *un = (struct sockaddr_un *)out;
        un->sun_family = AF_UNIX;
        size_t length = strlen(address + 5);
        if (length == 0 || length >= sizeof un->sun_path) {
            return false;
        }
        memcpy(un->sun_path, address + 5, length + 1);
        *n = sizeof *un;
        return true;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    const char *colon = strrchr(address, ':');
    char host[64];
    uint64_t port;
    if (colon == NULL || (size_t)(colon - address) >= sizeof host ||
        !wr_num_read_u64(wr_str_z(colon + 1), &port) || port == 0 || port > 65535) {
        return false;
    }
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    *n = sizeof *in;
    return inet_pton(AF_INET, host, &in->sin_addr) == 1;
}

wr_err wr_client_dial(const char *address, int64_t wait_ms, int *fd, struct wr_error *error)
{
    struct sockaddr_storage to;
    socklen_t n;
    *fd = -1;
    if (!parse_address(address, &to, &n)) {
        return wr_fail(error, WR_E_USAGE, "%s is not HOST:PORT (numeric) or unix:PATH", address);
    }
    for (int64_t waited = 0;; waited += 10) {
        *fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct timeval patience = {.tv_sec = 5}; /* also bounds connect */
        if (*fd >= 0) {
            setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        }
        if (*fd >= 0 && connect(*fd, (struct sockaddr *)&to, n) == 0) {
            break;
        }
        int cause = errno;
        if (*fd >= 0) {
            close(*fd);
            *fd = -1;
        }
        if (waited >= wait_ms) {
            return wr_fail(error, WR_E_IO, "cannot connect to %s: %s", address, strerror(cause));
        }
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    int on = 1;
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(*fd, F_SETFL, fcntl(*fd, F_GETFL) | O_NONBLOCK);
    return WR_OK;
}

wr_err wr_client_open(struct wr_client *client, const char *address, int64_t wait_ms,
                      struct wr_error *error)
{
    *client = (struct wr_client){.fd = -1};
    wr_err code = wr_client_dial(address, wait_ms, &client->fd, error);
    if (code != WR_OK) {
        return code;
    }
    client->in = malloc(WR_LIMIT_CLIENT_BUFFER);
    client->out = malloc(WR_LIMIT_CLIENT_BUFFER);
    return client->in != NULL && client->out != NULL ? WR_OK
                                                     : wr_fail(error, WR_E_MEMORY, "no memory");
}

void wr_client_close(struct wr_client *client)
{
    if (client->fd >= 0) {
        close(client->fd);
    }
    free(client->in);
    free(client->out);
    *client = (struct wr_client){.fd = -1};
}

bool wr_client_send(struct wr_client *client, const char *method, struct wr_str path,
                    struct wr_str body)
{
    size_t room = WR_LIMIT_CLIENT_BUFFER - client->out_n;
    if (room < path.n + client->headers.n + body.n + 160) {
        return false;
    }
    struct wr_buf buf = wr_buf_fixed(client->out + client->out_n, room);
    wr_format(&buf,
              "%s %.*s HTTP/1.1\r\nHost: weir\r\nContent-Type: application/json\r\n"
              "%.*sContent-Length: %zu\r\n\r\n",
              method, WR_FMT(path), WR_FMT(client->headers), body.n);
    wr_buf_str(&buf, body);
    client->out_n += buf.n;
    return true;
}

bool wr_client_post(struct wr_client *client, struct wr_str path, struct wr_str body)
{
    return wr_client_send(client, "POST", path, body);
}

static wr_err push(struct wr_client *client, struct wr_error *error)
{
    while (client->out_at < client->out_n) {
        ssize_t put = send(client->fd, client->out + client->out_at, client->out_n - client->out_at,
                           MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0 && (errno == EAGAIN)) {
            return WR_OK;
        }
        if (put <= 0) {
            return wr_fail(error, WR_E_IO, "the server closed the connection: %s", strerror(errno));
        }
        client->out_at += (size_t)put;
    }
    client->out_at = client->out_n = 0;
    return WR_OK;
}

/* Finds a header's value in a head whose names the server writes in its own spelling. */
static bool content_length(struct wr_str head, uint64_t *n)
{
    static const struct wr_str name = {"\r\nContent-Length: ", 18};
    size_t at = wr_str_find(head, name, 0);
    if (at == SIZE_MAX) {
        return false;
    }
    size_t start = at + name.n, end = wr_str_find(head, WR_STR("\r\n"), start);
    return end != SIZE_MAX && wr_num_read_u64(wr_str_of(head.p + start, end - start), n);
}

/* Takes one whole answer out of the buffer. */
static wr_err take(struct wr_client *client, struct wr_client_answer *answer, bool *got,
                   struct wr_error *error)
{
    struct wr_str have = wr_str_of(client->in + client->in_at, client->in_n - client->in_at);
    size_t end = wr_str_find(have, WR_STR("\r\n\r\n"), 0);
    uint64_t body_n = 0, status = 0;
    *got = false;
    if (end == SIZE_MAX) {
        return WR_OK;
    }
    struct wr_str head = wr_str_of(have.p, end + 2);
    if (head.n < 12 || !wr_num_read_u64(wr_str_of(head.p + 9, 3), &status)) {
        return wr_fail(error, WR_E_HTTP, "the answer is not HTTP");
    }
    if (!content_length(head, &body_n) && status != 204 && status != 304) {
        return wr_fail(error, WR_E_HTTP, "the answer has no Content-Length");
    }
    if (body_n > WR_LIMIT_CLIENT_BUFFER / 2) {
        return wr_fail(error, WR_E_LIMIT, "the answer is too large");
    }
    if (have.n - (end + 4) < body_n) {
        return WR_OK;
    }
    answer->status = (int)status;
    answer->body = wr_str_of(have.p + end + 4, body_n);
    client->in_at += end + 4 + body_n;
    *got = true;
    return WR_OK;
}

static wr_err pull(struct wr_client *client, struct wr_error *error)
{
    if (client->in_at != 0) {
        memmove(client->in, client->in + client->in_at, client->in_n - client->in_at);
        client->in_n -= client->in_at;
        client->in_at = 0;
    }
    ssize_t got =
        recv(client->fd, client->in + client->in_n, WR_LIMIT_CLIENT_BUFFER - client->in_n, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return WR_OK;
    }
    if (got <= 0) {
        return wr_fail(error, WR_E_IO, "the server closed the connection");
    }
    client->in_n += (size_t)got;
    return WR_OK;
}

wr_err wr_client_answer(struct wr_client *client, int64_t wait_ms, struct wr_client_answer *answer,
                        bool *got, struct wr_error *error)
{
    wr_err code = take(client, answer, got, error);
    while (code == WR_OK && !*got) {
        code = push(client, error);
        struct pollfd poll_fd = {
            .fd = client->fd,
            .events = (short)(POLLIN | (client->out_at < client->out_n ? POLLOUT : 0))};
        int ready = code == WR_OK ? poll(&poll_fd, 1, (int)WR_MIN(wait_ms, 60000)) : 0;
        if (code != WR_OK || ready <= 0) {
            return code;
        }
        if ((poll_fd.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            code = pull(client, error);
            code = code == WR_OK ? take(client, answer, got, error) : code;
        }
    }
    return code;
}
