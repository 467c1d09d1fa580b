/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.3 under the connections of a load, over OpenSSL. */
#ifndef WR_LOAD_TLS_H
#define WR_LOAD_TLS_H

#include "base/bytes.h"
#include "base/err.h"

#include <sys/types.h>

#define WR_LOAD_TLS_WAIT_MS 5000 /* for a handshake */

struct wr_load_tls;      /* what all connections share */
struct wr_load_tls_conn; /* one of them */

struct wr_load_tls_config {
    const char *ca;         /* PEM of whom to trust; NULL: the system's */
    const char *cert, *key; /* the client's own, PEM; NULL: none */
    const char *host;       /* numeric address that the server's certificate must name */
};

/* Errors: WR_E_CONFIG naming the file that cannot be used, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_load_tls_open(const struct wr_load_tls_config *config,
                                     struct wr_load_tls **out, struct wr_error *error);
void wr_load_tls_close(struct wr_load_tls *tls);

/* Shakes hands on a connected socket. Errors: WR_E_IO saying why. */
WR_NODISCARD wr_err wr_load_tls_connect(struct wr_load_tls *tls, int fd,
                                        struct wr_load_tls_conn **out, struct wr_error *error);
void wr_load_tls_drop(struct wr_load_tls_conn *conn);

/* As send and recv on a socket that does not block: bytes moved, 0 at the end of the stream, or -1
 * with errno EAGAIN or another. */
ssize_t wr_load_tls_send(struct wr_load_tls_conn *conn, const void *bytes, size_t n);
ssize_t wr_load_tls_recv(struct wr_load_tls_conn *conn, void *bytes, size_t n);
/* Bytes that have been decrypted and wait: the socket tells nothing of them. */
bool wr_load_tls_waits(struct wr_load_tls_conn *conn);

#endif
