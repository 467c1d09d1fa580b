/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: bearer tokens and client certificates with scopes.
 *
 * The access file has one principal a line; empty lines and lines from '#' on are skipped:
 *
 *   NAME SCOPES sha256:HEX     a bearer token, known by the SHA-256 of its text
 *   NAME SCOPES uri:URI        a client certificate that names this URI
 *   SCOPES: of decide, label, list, read, drain, admin, joined by commas; admin holds drain
 *   and list
 *
 * With an access file every request but GET /health needs a principal that has the scope. Without
 * one, peers on loopback and Unix sockets may do everything, all others nothing: there are no
 * anonymous decisions from elsewhere. A token is compared by its digest against all that are known,
 * without stopping at the first difference, so that the time tells nothing. */
#ifndef WR_ACCESS_H
#define WR_ACCESS_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "wire/h1.h"

enum wr_scope {
    WR_SCOPE_DECIDE = 1,
    WR_SCOPE_LABEL = 2,
    WR_SCOPE_READ = 4,
    WR_SCOPE_ADMIN = 8,
    WR_SCOPE_DRAIN = 16,
    WR_SCOPE_LIST = 32,
    WR_SCOPE_ALL = 63,
};

#define WR_LIMIT_PRINCIPALS    1024
#define WR_LIMIT_ACCESS_MEMORY ((size_t)4 << 20) /* text and principals */
#define WR_LIMIT_TOKEN         256               /* bytes of a token's text */
#define WR_LIMIT_TOKEN_LEAST   16                /* shorter ones can be guessed */

struct wr_principal {
    struct wr_str name;
    unsigned scopes;
    struct wr_str uri; /* of a certificate; else the digest counts */
    uint8_t digest[32];
};

struct wr_access {
    struct wr_principal *principals;
    uint32_t n;
};

/* Reads an access file; `text` must outlive it. Errors: WR_E_CONFIG naming the line. */
WR_NODISCARD wr_err wr_access_read(struct wr_arena *arena, struct wr_str text,
                                   struct wr_access *out, struct wr_error *error);
/* The scopes of a token's bearer, of a certificate's holder; 0 when nobody knows it. */
unsigned wr_access_token(const struct wr_access *access, struct wr_str token);
unsigned wr_access_uri(const struct wr_access *access, struct wr_str uri);
/* The token of a request's Authorization field; .p is NULL when there is none. */
struct wr_str wr_access_bearer(const struct wr_h1_head *head);
/* What a request needs: one of WR_SCOPE_..., or 0 for what everybody may ask. */
unsigned wr_access_needed(const struct wr_h1_head *head);
/* "decide"; "?" for anything but one scope. */
const char *wr_scope_name(unsigned scope);

#endif
