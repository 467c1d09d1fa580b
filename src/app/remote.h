/* SPDX-License-Identifier: Apache-2.0 */
/* One question after the other to a running service, for the commands that change it. */
#ifndef WR_REMOTE_H
#define WR_REMOTE_H

#include "app/client.h"
#include "base/arena.h"
#include "value/value.h"

#define WR_LIMIT_REMOTE_TOKEN 256 /* bytes */
#define WR_REMOTE_PATIENCE_S  30  /* so long a service may be busy, or its journal, at a time */

struct wr_remote {
    struct wr_client client;
    struct wr_arena arena; /* of the answer in hand */
    char headers[WR_LIMIT_REMOTE_TOKEN + 32];
};

struct wr_remote_answer {
    int status;
    struct wr_value document;
    uint32_t row; /* of a refusal: the entry of the body that it names, from 1; or 0 */
    int64_t item; /* or its number from 0; -1: none */
};

/* token may be NULL. Errors: WR_E_IO, WR_E_USAGE. */
WR_NODISCARD wr_err wr_remote_open(struct wr_remote *remote, const char *address, const char *token,
                                   struct wr_error *error);
void wr_remote_close(struct wr_remote *remote);
/* Asks and waits; a 503 is asked again for WR_REMOTE_PATIENCE_S. The answer lives until the next
 * question. Errors: WR_E_IO, WR_E_HTTP; refusals of the service as WR_E_USAGE with their detail. */
WR_NODISCARD wr_err wr_remote_ask(struct wr_remote *remote, const char *method, struct wr_str path,
                                  struct wr_str body, struct wr_remote_answer *answer,
                                  struct wr_error *error);
/* Appends a name or value for use in a path: all but letters, digits, '-', '.', '_' and '~' as %XX
 * (RFC 3986 2.3). */
void wr_remote_escape(struct wr_buf *out, struct wr_str text);

#endif
