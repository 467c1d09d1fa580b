/* SPDX-License-Identifier: Apache-2.0 */
/* See tls.h. A connection's SSL stands in a table by the number of its socket; it works on the
 * socket itself, without blocking. Bytes that OpenSSL has decrypted and we have not taken yet are
 * known to no poll set: such sockets are told as readable until they are taken. */
#include "shell/tls.h"
#include "shell/tls_memory.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { TABLE_FIRST = 256 };

struct link {
    SSL *ssl; /* NULL: a plain socket */
    uint64_t token;
    uint32_t interest;
    int64_t held; /* bytes that OpenSSL took and did not give back in calls for it */
    bool is_tls_listener;
    bool shakes_hands; /* accepted, and the handshake is not done */
    bool holds;        /* decrypted bytes wait */
};

struct wr_tls {
    struct wr_port *port;
    struct wr_port_net net; /* what lies below */
    SSL_CTX *context;       /* of listeners; NULL: none */
    SSL_CTX *outwards;      /* of connections outwards; NULL: none */
    const char *peer_name;
    struct link *links; /* by socket */
    size_t n_links;
    size_t n_holding;
};

static struct link *link_of(const struct wr_tls *tls, int32_t sock)
{
    return sock >= 0 && (size_t)sock < tls->n_links ? &tls->links[sock] : NULL;
}

/* The place of a socket in the table, made when needed; NULL without memory. */
static struct link *link_at(struct wr_tls *tls, int32_t sock)
{
    const struct wr_memory *memory = &tls->port->memory;
    size_t n = WR_MAX(tls->n_links, (size_t)TABLE_FIRST);
    while (n <= (size_t)sock) {
        n *= 2;
    }
    if (n > tls->n_links) {
        struct link *grown = memory->take(memory->context, n * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        memset(grown, 0, n * sizeof *grown);
        if (tls->links != NULL) {
            memcpy(grown, tls->links, tls->n_links * sizeof *grown);
            memory->give(memory->context, tls->links, tls->n_links * sizeof *grown);
        }
        tls->links = grown;
        tls->n_links = n;
    }
    return &tls->links[sock];
}

/* Behind whatever may take or give memory for a connection. A handshake is done once: what OpenSSL
 * shakes hands on later (new keys) is none. */
static void take_note(struct link *link, uint64_t before)
{
    link->held += (int64_t)(wr_tls_memory() - before);
    link->shakes_hands = link->shakes_hands && !SSL_is_init_finished(link->ssl);
}

static void set_holding(struct wr_tls *tls, struct link *link, bool holds)
{
    tls->n_holding += (size_t)holds - (size_t)link->holds;
    link->holds = holds;
}

/* ── the table of functions ─────────────────────────────────────────────────────────────────── */
static enum wr_io tls_listen(void *context, const char *address, int32_t *listener)
{
    struct wr_tls *tls = context;
    bool is_tls = strncmp(address, "tls:", 4) == 0;
    if (is_tls && tls->context == NULL) {
        return WR_IO_INVALID;
    }
    enum wr_io result = tls->net.listen(tls->net.context, is_tls ? address + 4 : address, listener);
    if (result != WR_IO_OK || !is_tls) {
        return result;
    }
    struct link *link = link_at(tls, *listener);
    if (link == NULL) {
        tls->net.close(tls->net.context, *listener);
        return WR_IO_LIMIT;
    }
    *link = (struct link){.is_tls_listener = true};
    return WR_IO_OK;
}

static uint16_t tls_local_port(void *context, int32_t listener)
{
    struct wr_tls *tls = context;
    return tls->net.local_port(tls->net.context, listener);
}

static enum wr_io tls_accept(void *context, int32_t listener, int32_t *sock, bool *is_local)
{
    struct wr_tls *tls = context;
    const struct link *from = link_of(tls, listener);
    bool is_tls = from != NULL && from->is_tls_listener;
    enum wr_io result = tls->net.accept(tls->net.context, listener, sock, is_local);
    if (result != WR_IO_OK || !is_tls) {
        return result;
    }
    uint64_t before = wr_tls_memory();
    struct link *link = link_at(tls, *sock);
    SSL *ssl = link != NULL ? SSL_new(tls->context) : NULL;
    if (ssl == NULL || SSL_set_fd(ssl, *sock) != 1) {
        SSL_free(ssl);
        tls->net.close(tls->net.context, *sock);
        return WR_IO_LIMIT;
    }
    SSL_set_accept_state(ssl); /* the first read shakes hands */
    *link = (struct link){.ssl = ssl, .shakes_hands = true};
    take_note(link, before);
    return WR_IO_OK;
}

static uint64_t tls_peer(void *context, int32_t sock)
{
    struct wr_tls *tls = context;
    return tls->net.peer != NULL ? tls->net.peer(tls->net.context, sock) : 0;
}

static size_t tls_held_bytes(void *context, int32_t sock)
{
    const struct link *link = link_of(context, sock);
    return link != NULL && link->held > 0 ? (size_t)link->held : 0;
}

static bool tls_shakes_hands(void *context, int32_t sock)
{
    const struct link *link = link_of(context, sock);
    return link != NULL && link->shakes_hands;
}

/* The name or address that the peer's certificate has to bear. */
static bool expect_peer(const struct wr_tls *tls, SSL *ssl, const char *address)
{
    char host[64];
    const char *colon = strrchr(address, ':');
    size_t n = colon != NULL ? (size_t)(colon - address) : 0;
    if (tls->peer_name != NULL) {
        /* what the macro SSL_set_tlsext_host_name does, but for a cast that clang refuses */
        void *name = (void *)(uintptr_t)tls->peer_name;
        return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name) == 1 &&
               SSL_set1_host(ssl, tls->peer_name) == 1;
    }
    if (n > 2 && address[0] == '[' && address[n - 1] == ']') {
        address++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof host) {
        return false;
    }
    memcpy(host, address, n);
    host[n] = '\0';
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
}

static enum wr_io tls_connect(void *context, const char *address, int32_t *sock)
{
    struct wr_tls *tls = context;
    bool is_tls = strncmp(address, "tls:", 4) == 0;
    if (is_tls && tls->outwards == NULL) {
        return WR_IO_INVALID;
    }
    enum wr_io result = tls->net.connect(tls->net.context, is_tls ? address + 4 : address, sock);
    if (result != WR_IO_OK || !is_tls) {
        return result;
    }
    struct link *link = link_at(tls, *sock);
    SSL *ssl = link != NULL ? SSL_new(tls->outwards) : NULL;
    if (ssl == NULL || SSL_set_fd(ssl, *sock) != 1 || !expect_peer(tls, ssl, address + 4)) {
        SSL_free(ssl);
        ERR_clear_error();
        tls->net.close(tls->net.context, *sock);
        return WR_IO_INVALID;
    }
    SSL_set_connect_state(ssl); /* the first write shakes hands */
    *link = (struct link){.ssl = ssl};
    return WR_IO_OK;
}

static enum wr_io io_of(const SSL *ssl, int result)
{
    int error = SSL_get_error(ssl, result);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return WR_IO_AGAIN;
    }
    return WR_IO_CLOSED; /* an end, a reset, or something that is not TLS */
}

static enum wr_io tls_read(void *context, int32_t sock, void *bytes, size_t n, size_t *got)
{
    struct wr_tls *tls = context;
    struct link *link = link_of(tls, sock);
    if (link == NULL || link->ssl == NULL) {
        return tls->net.read(tls->net.context, sock, bytes, n, got);
    }
    uint64_t before = wr_tls_memory();
    int result = SSL_read_ex(link->ssl, bytes, n, got);
    set_holding(tls, link, result == 1 && SSL_pending(link->ssl) > 0);
    enum wr_io io = result == 1 ? WR_IO_OK : io_of(link->ssl, result);
    take_note(link, before);
    return io;
}

static enum wr_io tls_write(void *context, int32_t sock, const void *bytes, size_t n, size_t *put)
{
    struct wr_tls *tls = context;
    struct link *link = link_of(tls, sock);
    if (link == NULL || link->ssl == NULL) {
        return tls->net.write(tls->net.context, sock, bytes, n, put);
    }
    uint64_t before = wr_tls_memory();
    int result = SSL_write_ex(link->ssl, bytes, n, put);
    enum wr_io io = result == 1 ? WR_IO_OK : io_of(link->ssl, result);
    take_note(link, before);
    return io;
}

static void tls_close(void *context, int32_t sock)
{
    struct wr_tls *tls = context;
    struct link *link = link_of(tls, sock);
    if (link != NULL) {
        set_holding(tls, link, false);
        if (link->ssl != NULL) {
            SSL_shutdown(link->ssl); /* says goodbye; does not wait for an answer */
            ERR_clear_error();
            SSL_free(link->ssl);
        }
        *link = (struct link){0};
    }
    tls->net.close(tls->net.context, sock);
}

static enum wr_io tls_watch(void *context, int32_t sock, uint32_t interest, uint64_t token)
{
    struct wr_tls *tls = context;
    struct link *link = link_of(tls, sock);
    if (link != NULL && link->ssl != NULL) {
        link->token = token;
        link->interest = interest;
    }
    return tls->net.watch(tls->net.context, sock, interest, token);
}

/* Sockets that hold decrypted bytes come first: the poll set does not know of them. */
static size_t take_holding(const struct wr_tls *tls, struct wr_net_event *events, size_t cap)
{
    size_t n = 0, seen = 0;
    for (size_t i = 0; i < tls->n_links && seen < tls->n_holding && n < cap / 2; i++) {
        const struct link *link = &tls->links[i];
        seen += link->holds;
        if (link->holds && (link->interest & WR_NET_READ) != 0) {
            events[n++] = (struct wr_net_event){link->token, WR_NET_READ};
        }
    }
    return n;
}

static enum wr_io tls_poll(void *context, struct wr_net_event *events, size_t cap,
                           int64_t timeout_ns, size_t *n)
{
    struct wr_tls *tls = context;
    size_t first = tls->n_holding > 0 ? take_holding(tls, events, cap) : 0, more = 0;
    enum wr_io result = tls->net.poll(tls->net.context, events + first, cap - first,
                                      first > 0 ? 0 : timeout_ns, &more);
    *n = first + more;
    return result;
}

static void tls_wake(void *context)
{
    struct wr_tls *tls = context;
    tls->net.wake(tls->net.context);
}

static size_t tls_peer_uri(void *context, int32_t sock, char *out, size_t cap)
{
    struct wr_tls *tls = context;
    const struct link *link = link_of(tls, sock);
    X509 *peer = link != NULL && link->ssl != NULL ? SSL_get0_peer_certificate(link->ssl) : NULL;
    GENERAL_NAMES *names =
        peer != NULL ? X509_get_ext_d2i(peer, NID_subject_alt_name, NULL, NULL) : NULL;
    size_t n = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && n == 0; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_URI) {
            const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;
            int size = ASN1_STRING_length(uri);
            if (size > 0 && (size_t)size <= cap) {
                n = (size_t)size;
                memcpy(out, ASN1_STRING_get0_data(uri), n);
            }
        }
    }
    GENERAL_NAMES_free(names);
    return n;
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
static wr_err broken(const char *what, const char *file, struct wr_error *error)
{
    char why[160];
    unsigned long code = ERR_get_error();
    ERR_error_string_n(code, why, sizeof why);
    ERR_clear_error();
    return wr_fail(error, WR_E_CONFIG, "%s %s: %s", what, file, code != 0 ? why : "cannot be used");
}

static wr_err set_up(struct wr_tls *tls, const struct wr_tls_config *config, struct wr_error *error)
{
    static const unsigned char session_id[] = "weir";
    SSL_CTX *context = tls->context;
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_id_context(context, session_id, sizeof session_id - 1);
    if (SSL_CTX_use_certificate_chain_file(context, config->certificate) != 1) {
        return broken("the certificate", config->certificate, error);
    }
    if (SSL_CTX_use_PrivateKey_file(context, config->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return broken("the key", config->key, error);
    }
    if (config->client_ca == NULL) {
        return WR_OK;
    }
    if (SSL_CTX_load_verify_locations(context, config->client_ca, NULL) != 1) {
        return broken("the client authorities", config->client_ca, error);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return WR_OK;
}

static wr_err set_up_outwards(const struct wr_tls *tls, const struct wr_tls_config *config,
                              struct wr_error *error)
{
    SSL_CTX *context = tls->outwards;
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(context, config->peer_ca, NULL) != 1) {
        return broken("the authorities", config->peer_ca, error);
    }
    if (config->certificate != NULL &&
        (SSL_CTX_use_certificate_chain_file(context, config->certificate) != 1 ||
         SSL_CTX_use_PrivateKey_file(context, config->key, SSL_FILETYPE_PEM) != 1)) {
        return broken("the certificate", config->certificate, error);
    }
    return WR_OK;
}

static wr_err make_contexts(struct wr_tls *tls, const struct wr_tls_config *config,
                            struct wr_error *error)
{
    wr_err err = WR_OK;
    if (config->certificate != NULL) {
        tls->context = SSL_CTX_new(TLS_server_method());
        err = tls->context != NULL ? set_up(tls, config, error)
                                   : wr_fail(error, WR_E_MEMORY, "no memory for TLS");
    }
    if (err == WR_OK && config->peer_ca != NULL) {
        tls->outwards = SSL_CTX_new(TLS_client_method());
        err = tls->outwards != NULL ? set_up_outwards(tls, config, error)
                                    : wr_fail(error, WR_E_MEMORY, "no memory for TLS");
    }
    return err;
}

wr_err wr_tls_open(struct wr_port *port, const struct wr_tls_config *config, struct wr_tls **out,
                   struct wr_error *error)
{
    if (config->certificate != NULL && !wr_tls_memory_is_counted()) {
        return wr_fail(
            error, WR_E_UNSUPPORTED,
            "OpenSSL was used before its memory could be counted, so nothing would bound "
            "what it holds for clients: start without the library that uses it first "
            "(LD_PRELOAD), or put a proxy in front");
    }
    struct wr_tls *tls = port->memory.take(port->memory.context, sizeof *tls);
    if (tls == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for TLS");
    }
    *tls = (struct wr_tls){.port = port, .net = port->net, .peer_name = config->peer_name};
    wr_err err = make_contexts(tls, config, error);
    if (err != WR_OK) {
        SSL_CTX_free(tls->context);
        SSL_CTX_free(tls->outwards);
        port->memory.give(port->memory.context, tls, sizeof *tls);
        return err;
    }
    port->net = (struct wr_port_net){
        .listen = tls_listen,
        .local_port = tls_local_port,
        .accept = tls_accept,
        .peer = tls_peer,
        .held_bytes = tls_held_bytes,
        .shakes_hands = tls_shakes_hands,
        .connect = tls->net.connect != NULL ? tls_connect : NULL,
        .read = tls_read,
        .write = tls_write,
        .close = tls_close,
        .watch = tls_watch,
        .poll = tls_poll,
        .peer_uri = tls_peer_uri,
        .wake = tls_wake,
        .context = tls,
    };
    *out = tls;
    return WR_OK;
}

wr_err wr_tls_reload(struct wr_tls *tls, const struct wr_tls_config *config, struct wr_error *error)
{
    struct wr_tls fresh = {.port = tls->port};
    wr_err err = make_contexts(&fresh, config, error);
    if (err == WR_OK) { /* connections hold on to the contexts they were made with */
        SSL_CTX *context = tls->context, *outwards = tls->outwards;
        tls->context = fresh.context;
        tls->outwards = fresh.outwards;
        fresh.context = context;
        fresh.outwards = outwards;
    }
    SSL_CTX_free(fresh.context);
    SSL_CTX_free(fresh.outwards);
    return err;
}

void wr_tls_close(struct wr_tls *tls)
{
    struct wr_port *port = tls->port;
    port->net = tls->net;
    for (size_t i = 0; i < tls->n_links; i++) {
        SSL_free(tls->links[i].ssl);
    }
    if (tls->links != NULL) {
        port->memory.give(port->memory.context, tls->links, tls->n_links * sizeof *tls->links);
    }
    SSL_CTX_free(tls->context);
    SSL_CTX_free(tls->outwards);
    port->memory.give(port->memory.context, tls, sizeof *tls);
}
