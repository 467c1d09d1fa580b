/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol of Redis (RESP2; redis.io, "Redis serialization protocol specification"): a reader
 * that takes one token at a time out of the bytes received, and a writer of commands.
 *
 * The reader keeps nothing: a token is given when it is there whole, as a view into the bytes, so
 * that nothing is ever allocated by a length that the other side has declared. What is longer than
 * the limits is malformed at once, before its bytes have come. */
#ifndef WR_RESP_H
#define WR_RESP_H

#include "base/bytes.h"

#define WR_LIMIT_RESP_LINE  512   /* bytes of a simple string or an error */
#define WR_LIMIT_RESP_BULK  4096  /* bytes of a bulk string */
#define WR_LIMIT_RESP_ITEMS 32768 /* items of an array */

enum wr_resp_kind {
    WR_RESP_MORE, /* the token is not there whole */
    WR_RESP_BAD,  /* these bytes are no token, or one beyond the limits */
    WR_RESP_SIMPLE,
    WR_RESP_ERROR,
    WR_RESP_INTEGER,
    WR_RESP_BULK,
    WR_RESP_NIL,
    WR_RESP_ARRAY, /* its `integer` items follow as tokens of their own */
};

struct wr_resp_token {
    struct wr_str text; /* SIMPLE, ERROR, BULK */
    int64_t integer;    /* INTEGER, ARRAY */
    size_t used;        /* bytes that the token took */
};

/* The token that the bytes begin with; `out` holds for the kinds from SIMPLE on. */
enum wr_resp_kind wr_resp_read(struct wr_str bytes, struct wr_resp_token *out);

/* Appends a command of n arguments. */
void wr_resp_write(struct wr_buf *buf, const struct wr_str *arguments, size_t n);

#endif
