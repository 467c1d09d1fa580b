/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP/1.1 client on one connection, for the demonstration and for load: requests are
 * written ahead (pipelined), answers come back in order. */
#ifndef WR_CLIENT_H
#define WR_CLIENT_H

#include "base/bytes.h"
#include "base/err.h"

#define WR_LIMIT_CLIENT_BUFFER (4u * 1024 * 1024)

struct wr_client {
    int fd;
    struct wr_str headers; /* lines with their ends that go with every request; set after opening */
    char *in, *out;
    size_t in_at, in_n, out_at, out_n;
};

struct wr_client_answer {
    int status;
    struct wr_str body; /* valid until the next call */
};

/* A connected socket that does not block, to "127.0.0.1:8181" or "unix:PATH"; tries again for
 * `wait_ms` while nobody listens. */
wr_err wr_client_dial(const char *address, int64_t wait_ms, int *fd, struct wr_error *error);

/* Connects to "127.0.0.1:8181" or "unix:PATH", trying again for `wait_ms` while nobody listens. */
wr_err wr_client_open(struct wr_client *client, const char *address, int64_t wait_ms,
                      struct wr_error *error);
void wr_client_close(struct wr_client *client);

/* Queues a request of any method. False when the buffer is full: read answers first. */
bool wr_client_send(struct wr_client *client, const char *method, struct wr_str path,
                    struct wr_str body);
/* Queues a POST. False when the buffer is full: read answers first. */
bool wr_client_post(struct wr_client *client, struct wr_str path, struct wr_str body);
/* Sends what is queued and takes the next answer, waiting at most wait_ms for it (0: only looks).
 * *got is false when there is none yet. Errors: WR_E_IO, WR_E_HTTP. */
wr_err wr_client_answer(struct wr_client *client, int64_t wait_ms, struct wr_client_answer *answer,
                        bool *got, struct wr_error *error);

#endif
