/* SPDX-License-Identifier: Apache-2.0 */
#include "app/load_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>

struct wr_load_tls {
    SSL_CTX *context;
    const char *host;
};

static SSL *ssl_of(struct wr_load_tls_conn *conn)
{
    return (SSL *)conn;
}

/* OpenSSL's oldest complaint, which is the cause. */
static const char *cause(void)
{
    unsigned long code = ERR_get_error();
    const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return text != NULL ? text : "the peer gave up";
}

static wr_err load_files(SSL_CTX *context, const struct wr_load_tls_config *config,
                         struct wr_error *error)
{
    bool trusts = config->ca != NULL ? SSL_CTX_load_verify_file(context, config->ca) == 1
                                     : SSL_CTX_set_default_verify_paths(context) == 1;
    if (!trusts) {
        return wr_fail(error, WR_E_CONFIG, "%s: %s", config->ca != NULL ? config->ca : "trust",
                       cause());
    }
    if (config->cert != NULL && SSL_CTX_use_certificate_chain_file(context, config->cert) != 1) {
        return wr_fail(error, WR_E_CONFIG, "%s: %s", config->cert, cause());
    }
    if (config->key != NULL &&
        SSL_CTX_use_PrivateKey_file(context, config->key, SSL_FILETYPE_PEM) != 1) {
        return wr_fail(error, WR_E_CONFIG, "%s: %s", config->key, cause());
    }
    return WR_OK;
}

wr_err wr_load_tls_open(const struct wr_load_tls_config *config, struct wr_load_tls **out,
                        struct wr_error *error)
{
    struct wr_load_tls *tls = calloc(1, sizeof *tls);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (tls == NULL || context == NULL) {
        free(tls);
        SSL_CTX_free(context);
        return wr_fail(error, WR_E_MEMORY, "no memory for TLS");
    }
    tls->context = context;
    tls->host = config->host;
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    wr_err code = load_files(context, config, error);
    if (code != WR_OK) {
        wr_load_tls_close(tls);
        return code;
    }
    *out = tls;
    return WR_OK;
}

void wr_load_tls_close(struct wr_load_tls *tls)
{
    if (tls != NULL) {
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

/* One step of the handshake has said what it waits for. */
static bool wait_for(int fd, int what)
{
    struct pollfd poll_fd = {.fd = fd, .events = what == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN};
    return (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) &&
           poll(&poll_fd, 1, WR_LOAD_TLS_WAIT_MS) > 0;
}

wr_err wr_load_tls_connect(struct wr_load_tls *tls, int fd, struct wr_load_tls_conn **out,
                           struct wr_error *error)
{
    SSL *ssl = SSL_new(tls->context);
    int result = 0;
    ERR_clear_error();
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 ||
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), tls->host) != 1) {
        SSL_free(ssl);
        return wr_fail(error, WR_E_IO, "TLS with %s: %s", tls->host, cause());
    }
    while ((result = SSL_connect(ssl)) != 1 && wait_for(fd, SSL_get_error(ssl, result))) {
    }
    if (result != 1) {
        long verified = SSL_get_verify_result(ssl);
        wr_err code =
            wr_fail(error, WR_E_IO, "TLS with %s: %s", tls->host,
                    verified != X509_V_OK ? X509_verify_cert_error_string(verified) : cause());
        ERR_clear_error();
        SSL_free(ssl);
        return code;
    }
    *out = (struct wr_load_tls_conn *)ssl;
    return WR_OK;
}

void wr_load_tls_drop(struct wr_load_tls_conn *conn)
{
    SSL_free(ssl_of(conn));
}

static ssize_t tell(struct wr_load_tls_conn *conn, int result)
{
    if (result > 0) {
        return result;
    }
    int what = SSL_get_error(ssl_of(conn), result);
    if (what == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }
    errno = what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

ssize_t wr_load_tls_send(struct wr_load_tls_conn *conn, const void *bytes, size_t n)
{
    ERR_clear_error();
    return tell(conn, SSL_write(ssl_of(conn), bytes, (int)WR_MIN(n, (size_t)1 << 30)));
}

ssize_t wr_load_tls_recv(struct wr_load_tls_conn *conn, void *bytes, size_t n)
{
    ERR_clear_error();
    return tell(conn, SSL_read(ssl_of(conn), bytes, (int)WR_MIN(n, (size_t)1 << 30)));
}

bool wr_load_tls_waits(struct wr_load_tls_conn *conn)
{
    return SSL_pending(ssl_of(conn)) > 0;
}
