/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.3 as a layer over the network of a port: listeners, and connections outwards, whose address
 * begins with "tls:" speak it, all others are left alone. With a file of client authorities every
 * client must show a certificate that one of them has signed.
 *
 * Nothing of OpenSSL is touched before wr_tls_open is called, which is only done when asked for;
 * but its memory has to be counted since before then (tls_memory.h), so that port->net.held_bytes
 * can tell what it holds for a connection. One thread, that of the loop. */
#ifndef WR_TLS_H
#define WR_TLS_H

#include "base/err.h"
#include "port/port.h"

struct wr_tls;

struct wr_tls_config {
    const char *certificate; /* PEM file, the chain behind it; NULL with peer_ca: nobody listens */
    const char *key;         /* PEM file; both are also shown to peers */
    const char *client_ca;   /* PEM file; NULL: clients need no certificate */
    /* For connections outwards. */
    const char *peer_ca; /* PEM file of the authorities that may have signed the peer's certificate;
                            NULL: there are no such connections */
    const char *peer_name; /* that it has to bear; NULL: the address */
};

/* Puts itself in front of port->net. `port` must outlive it. Errors: WR_E_CONFIG naming the file,
 * WR_E_UNSUPPORTED when clients would be listened to and OpenSSL's memory is not counted. */
WR_NODISCARD wr_err wr_tls_open(struct wr_port *port, const struct wr_tls_config *config,
                                struct wr_tls **out, struct wr_error *error);
/* Reads the files again: new connections use them, those that are there go on. On an error nothing
 * has changed. */
WR_NODISCARD wr_err wr_tls_reload(struct wr_tls *tls, const struct wr_tls_config *config,
                                  struct wr_error *error);
/* Gives port->net back; all its connections are closed. */
void wr_tls_close(struct wr_tls *tls);

#endif
