/* SPDX-License-Identifier: Apache-2.0 */
/* TLS as a layer over the native port's network: what a connection counts with, and what OpenSSL
 * really holds for it. What TLS says to whom is in test/e2e/secure.py. */
#include "check.h"
#include "port/port_linux.h"
#include "shell/tls.h"
#include "shell/tls_memory.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECORD = 16000, KIB = 1024 };

static struct wr_port port;
static char certificate[64], key[64]; /* of the node, and of its clients */

/* ── a node and a client ────────────────────────────────────────────────────────────────────── */
static bool make_files(const char *folder)
{
    snprintf(certificate, sizeof certificate, "%s/crt", folder);
    snprintf(key, sizeof key, "%s/key", folder);
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *made = X509_new();
    X509_NAME *name = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"w", -1, -1, 0);
    X509_set_issuer_name(made, name);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -60);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, pair);
    bool is_made =
        X509_set_version(made, X509_VERSION_3) == 1 && X509_sign(made, pair, EVP_sha256()) > 0;
    FILE *file = fopen(certificate, "w");
    is_made = is_made && file != NULL && PEM_write_X509(file, made) == 1 && fclose(file) == 0;
    file = fopen(key, "w");
    is_made = is_made && file != NULL &&
              PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL) == 1 && fclose(file) == 0;
    X509_free(made);
    EVP_PKEY_free(pair);
    return is_made;
}

struct pair { /* both ends of a connection */
    int32_t sock;
    int fd;
    SSL *ssl; /* the client's; NULL: it does not speak TLS */
};

static size_t held(const struct pair *pair)
{
    return port.net.held_bytes(port.net.context, pair->sock);
}

static bool shakes(const struct pair *pair)
{
    return port.net.shakes_hands(port.net.context, pair->sock);
}

static int dial(int32_t listener)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons(port.net.local_port(port.net.context, listener));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void take_up(struct pair *pair, int32_t listener, SSL_CTX *context)
{
    *pair = (struct pair){.fd = dial(listener)};
    if (context != NULL) {
        pair->ssl = SSL_new(context);
        SSL_set_fd(pair->ssl, pair->fd);
        SSL_set_connect_state(pair->ssl);
    }
    bool is_local;
    CHECK_INT(port.net.accept(port.net.context, listener, &pair->sock, &is_local), WR_IO_OK);
}

static enum wr_io node_reads(struct pair *pair)
{
    char bytes[2 * RECORD];
    size_t got;
    return port.net.read(port.net.context, pair->sock, bytes, sizeof bytes, &got);
}

static void shake_hands(struct pair *pair)
{
    for (int i = 0; i < 1000 && SSL_do_handshake(pair->ssl) != 1; i++) {
        CHECK(shakes(pair));
        CHECK_INT(node_reads(pair), WR_IO_AGAIN);
    }
    CHECK(SSL_is_init_finished(pair->ssl) &&
          shakes(pair)); /* the node has its last bytes to read */
    CHECK_INT(node_reads(pair), WR_IO_AGAIN);
    CHECK(!shakes(pair));
}

/* A record of the client: all but its last bytes, or the rest of it. */
static void send_record(struct pair *pair, bool is_rest)
{
    static char bytes[2 * RECORD];
    static ssize_t n;
    enum { REST = 10 };
    if (is_rest) {
        CHECK_INT(send(pair->fd, bytes + n - REST, REST, MSG_NOSIGNAL), REST);
        return;
    }
    int aside[2];
    size_t put;
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, aside), 0);
    SSL_set_fd(pair->ssl, aside[0]);
    CHECK_INT(SSL_write_ex(pair->ssl, bytes, RECORD, &put), 1);
    n = read(aside[1], bytes, sizeof bytes);
    CHECK(n > RECORD && send(pair->fd, bytes, (size_t)n - REST, MSG_NOSIGNAL) == n - REST);
    close(aside[0]);
    close(aside[1]);
}

static void write_until_stuck(struct pair *pair)
{
    static char bytes[1 << 16];
    enum wr_io io = WR_IO_OK;
    for (int i = 0; i < 10000 && io == WR_IO_OK; i++) {
        size_t put;
        io = port.net.write(port.net.context, pair->sock, bytes, sizeof bytes, &put);
    }
    CHECK_INT(io, WR_IO_AGAIN);
}

static void hang_up(struct pair *pair)
{
    SSL_free(pair->ssl);
    close(pair->fd);
    port.net.close(port.net.context, pair->sock);
}

static void open_node(struct wr_tls **tls, int32_t *secure, int32_t *plain)
{
    struct wr_tls_config config = {
        .certificate = certificate, .key = key, .client_ca = certificate};
    struct wr_error error;
    CHECK_INT(wr_tls_open(&port, &config, tls, &error), WR_OK);
    CHECK_INT(port.net.listen(port.net.context, "tls:127.0.0.1:0", secure), WR_IO_OK);
    CHECK_INT(port.net.listen(port.net.context, "127.0.0.1:0", plain), WR_IO_OK);
}

static void close_node(struct wr_tls *tls, int32_t secure, int32_t plain)
{
    port.net.close(port.net.context, secure);
    port.net.close(port.net.context, plain);
    wr_tls_close(tls);
    CHECK(port.net.held_bytes == NULL);   /* below, nothing is held, */
    CHECK(port.net.shakes_hands == NULL); /* and a connection is made when it is accepted */
}

TEST("what OpenSSL holds for a connection is told as it rises and falls")
{
    enum { RECORD_ROOM = 16 * KIB };
    struct wr_tls *tls;
    int32_t secure, plain;
    struct pair pair;
    open_node(&tls, &secure, &plain);
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    CHECK_INT(SSL_CTX_use_certificate_chain_file(client, certificate), 1);
    CHECK_INT(SSL_CTX_use_PrivateKey_file(client, key, SSL_FILETYPE_PEM), 1);
    take_up(&pair, plain, NULL);
    CHECK_INT(held(&pair), 0);
    CHECK(!shakes(&pair));
    hang_up(&pair);
    for (int i = 0; i < 3; i++) { /* of the first, it holds something for all */
        take_up(&pair, secure, client);
        size_t made = held(&pair);
        shake_hands(&pair);
        size_t idle = held(&pair);
        send_record(&pair, false);
        CHECK_INT(node_reads(&pair), WR_IO_AGAIN);
        size_t half = held(&pair);
        write_until_stuck(&pair);
        size_t both = held(&pair);
        send_record(&pair, true);
        CHECK_INT(node_reads(&pair), WR_IO_OK);
        size_t after = held(&pair);
        if (getenv("TLS_TELL") != NULL) {
            printf(
                "tls: %zu made, %zu idle, %zu half a record read, %zu and one stuck, %zu after\n",
                made, idle, half, both, after);
        }
        CHECK(made > 4 * KIB && idle > made && (i == 0 || idle < 32 * KIB));
        CHECK(half >= idle + RECORD_ROOM && both >= half + RECORD_ROOM);
        CHECK(after >= idle + RECORD_ROOM && after < half + KIB);
        hang_up(&pair);
    }
    close_node(tls, secure, plain);
    SSL_CTX_free(client);
}

/* A record of 100 bytes, which begins a hello of the greatest length that OpenSSL takes. */
TEST("a hello that says it will be long is told with all that is held for it")
{
    uint8_t record[105] = {22, 3, 1, 0, 100, 1, 131396 >> 16, 131396 >> 8 & 255, 131396 & 255};
    struct wr_tls *tls;
    int32_t secure, plain;
    struct pair pair;
    open_node(&tls, &secure, &plain);
    uint64_t before = wr_tls_memory();
    take_up(&pair, secure, NULL);
    CHECK_INT(send(pair.fd, record, sizeof record, MSG_NOSIGNAL), sizeof record);
    CHECK_INT(node_reads(&pair), WR_IO_AGAIN);
    CHECK(held(&pair) > 128 * KIB && held(&pair) < 256 * KIB);
    CHECK_INT(held(&pair), wr_tls_memory() - before);
    CHECK(shakes(&pair));
    hang_up(&pair);
    CHECK_INT(wr_tls_memory(), before); /* nothing stays that no connection counts with */
    close_node(tls, secure, plain);
}

int main(int argc, char **argv)
{
    struct wr_port_linux *native;
    char folder[] = "/tmp/weir-tls-XXXXXX";
    wr_tls_memory_count();
    if (!wr_tls_memory_is_counted() || mkdtemp(folder) == NULL || !make_files(folder) ||
        wr_port_linux_open(&port, &native) != WR_IO_OK) {
        fprintf(stderr, "tls: cannot be set up\n");
        return 1;
    }
    int code = check_main(argc, argv);
    wr_port_linux_close(native);
    remove(certificate);
    remove(key);
    rmdir(folder);
    return code;
}
