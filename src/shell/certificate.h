/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 certificates and certificate requests (RFC 5280, RFC 2986) as values with the fields of
 * Go's x509.Certificate and x509.CertificateRequest in JSON, plus OPA's URIStrings.
 *
 * Reading says nothing about trust: signatures and times are checked in chain.h alone. */
#ifndef WR_CERTIFICATE_H
#define WR_CERTIFICATE_H

#include "shell/key.h"

struct wr_certificate {
    struct wr_der whole, spki;
    enum wr_key_algorithm algorithm;
    struct wr_crypto_key key;
    struct wr_value value;
};

/* Takes the next certificate from *in. False with *fault when it is none. */
bool wr_certificate_read(struct wr_arena *arena, struct wr_der *in, struct wr_certificate *out,
                         const char **fault);
/* A request that fills `in`. */
bool wr_certificate_request(struct wr_arena *arena, struct wr_der in, struct wr_value *out,
                            const char **fault);

/* ── for the files of this module ───────────────────────────────────────────────────────────── */
struct wr_go_object;
/* Extensions: the list itself (content of the SEQUENCE OF), and what Go reads from it. With
 * `of_request`, alternative names alone are read. */
bool wr_certificate_extensions(struct wr_arena *arena, struct wr_der list, bool present,
                               bool of_request, struct wr_go_object *o, const char **fault);
/* A URI as Go's url.URL in JSON; false when it is none. */
bool wr_certificate_uri(struct wr_arena *arena, struct wr_str text, struct wr_value *out);

/* Verifies that the last certificate leads to the first through those between, now. Gives the chain
 * as indexes, the last certificate first; at most n. False when it does not. */
bool wr_certificate_chain(const struct wr_certificate *certificates, size_t n, size_t *chain,
                          size_t *n_chain);

#endif
