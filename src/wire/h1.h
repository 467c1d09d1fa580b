/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 (RFC 9110, RFC 9112), the server's side: request reader, body reader, response writer.
 * A pure codec: bytes in, views out, no sockets, no copies.
 *
 * The reader is strict, because two readers that understand the same bytes differently are how
 * requests are smuggled: Content-Length together with Transfer-Encoding, a repeated or listed
 * Content-Length, any coding but `chunked`, a bare CR or LF, folded lines, space before a colon,
 * names that are no tokens, and anything but exactly one Host are refused. After a refusal the
 * caller answers once with `status`, closes, and reads no further.
 *
 * Invariants: the verdict does not depend on how the bytes are cut; bytes used never exceed bytes
 * given; the cost is linear in the bytes, also when they trickle in. Not done here: routing, TLS,
 * content codings, HTTP/2. */
#ifndef WR_H1_H
#define WR_H1_H

#include "base/bytes.h"

#define WR_LIMIT_H1_LINE           8192u         /* request line without its CR LF; else 414 */
#define WR_LIMIT_H1_FIELDS_SIZE    (16u * 1024)  /* header section; else 431 */
#define WR_LIMIT_H1_FIELDS         64u           /* header fields; else 431 */
#define WR_LIMIT_H1_BODY           (256u * 1024) /* body, the default of body_max; else 413 */
#define WR_LIMIT_H1_EXTENSIONS     256u          /* chunk extensions of one message; else 400 */
#define WR_LIMIT_H1_TRAILERS       2048u         /* trailer section; else 431 */
#define WR_LIMIT_H1_BLANK_LINES    2u            /* before a request; else 400 */
#define WR_LIMIT_H1_PATTERN        256u          /* bytes of a head that is kept to know it again */
#define WR_LIMIT_H1_PATTERN_FIELDS 12u           /* and its fields */
/* Room for the longest request head, for the caller's buffer. */
#define WR_LIMIT_H1_HEAD                                                                           \
    (2 * WR_LIMIT_H1_BLANK_LINES + WR_LIMIT_H1_LINE + 2 + WR_LIMIT_H1_FIELDS_SIZE)

enum wr_h1_result {
    WR_H1_MORE, /* so far well, more bytes are needed */
    WR_H1_DONE,
    WR_H1_BAD, /* answer `status` and close */
};

enum wr_h1_method {
    WR_H1_GET,
    WR_H1_HEAD,
    WR_H1_POST,
    WR_H1_PUT,
    WR_H1_PATCH,
    WR_H1_DELETE,
    WR_H1_OPTIONS,
};

/* Fields that are found without a search; absent ones have .p == NULL. */
enum wr_h1_known {
    WR_H1_HOST,
    WR_H1_CONTENT_TYPE,
    WR_H1_CONTENT_LENGTH,
    WR_H1_TRANSFER_ENCODING,
    WR_H1_CONNECTION,
    WR_H1_ACCEPT,
    WR_H1_AUTHORIZATION,
    WR_H1_EXPECT,
    WR_H1_IF_NONE_MATCH,
    WR_H1_ACCEPT_ENCODING,
    WR_H1_KNOWN_COUNT,
};

struct wr_h1_field {
    struct wr_str name, value; /* the value without the space around it */
};

/* All views point into the bytes given to wr_h1_read. */
struct wr_h1_head {
    enum wr_h1_method method;
    uint8_t minor; /* of the version: HTTP/1.0 or HTTP/1.1 */
    bool keep_alive, chunked, has_length, expect_continue;
    uint64_t content_length;   /* 0 unless has_length */
    struct wr_str target;      /* as sent */
    struct wr_str path, query; /* path: "/..." or "*", still escaped; query: behind the '?' */
    struct wr_str known[WR_H1_KNOWN_COUNT]; /* the first of several */
    uint32_t n_fields;
    struct wr_h1_field fields[WR_LIMIT_H1_FIELDS];
};

struct wr_h1_span { /* of the bytes from the start of the request */
    uint16_t at, n;
};

/* One per connection; initialised before each request. */
struct wr_h1_reader {
    uint64_t body_max;
    int status;      /* when BAD: 400, 413, 414, 417, 431, 501 or 505 */
    const char *why; /* when BAD: static text, safe to show */
    /* private */
    uint32_t scanned, line, fields_start, blank_lines, n_fields;
    uint8_t stage, method, minor;
    bool has_query;
    struct wr_h1_span target, path, query;
    struct wr_h1_span names[WR_LIMIT_H1_FIELDS], values[WR_LIMIT_H1_FIELDS];
};

/* body_max in bytes; 0 means WR_LIMIT_H1_BODY. */
void wr_h1_init(struct wr_h1_reader *reader, uint64_t body_max);

/* Has it read a part of a head? */
static inline bool wr_h1_has_begun(const struct wr_h1_reader *reader)
{
    return reader->scanned != 0;
}

/* Reads a request head. `bytes` are all bytes since the start of the request: at each call those of
 * the call before and more (the buffer may have moved). DONE: *head is filled and *used bytes
 * belong to the head; the body follows. */
enum wr_h1_result wr_h1_read(struct wr_h1_reader *reader, struct wr_str bytes,
                             struct wr_h1_head *head, size_t *used);

/* A head of a connection, kept because clients send the same again, but for the length of the body.
 * Zeroed: none. */
struct wr_h1_pattern {
    uint16_t n, digits_at, digits_n; /* of the head; of the digits of its Content-Length */
    uint8_t n_fields, method, minor;
    bool keep_alive;
    uint8_t known[WR_LIMIT_H1_PATTERN_FIELDS]; /* each field's enum wr_h1_known, or more */
    struct wr_h1_span target, path, query;
    struct wr_h1_span names[WR_LIMIT_H1_PATTERN_FIELDS], values[WR_LIMIT_H1_PATTERN_FIELDS];
    char bytes[WR_LIMIT_H1_PATTERN];
};

/* Keeps what wr_h1_read has found in a head of n bytes, or nothing when it is long, chunked, in
 * absolute form or expects to be asked on. */
void wr_h1_keep(struct wr_h1_pattern *pattern, const char *bytes, size_t n,
                const struct wr_h1_head *head);
/* True when a request begins with the pattern's bytes, the digits of Content-Length aside: its
 * first pattern->n bytes are then a head that wr_h1_read with this body_max takes, and *head is
 * what it would find, but for the views, which are not filled in. False tells nothing. */
bool wr_h1_repeats(const struct wr_h1_pattern *pattern, uint64_t body_max, struct wr_str bytes,
                   struct wr_h1_head *head);
/* Fills in the views of that head. */
void wr_h1_recall(const struct wr_h1_pattern *pattern, const char *bytes, struct wr_h1_head *head);

/* The value of the first field with this name (any case), or .p == NULL. */
struct wr_str wr_h1_field(const struct wr_h1_head *head, struct wr_str name);
/* True when a comma-separated field value lists this token (any case), parameters aside. */
bool wr_h1_lists(struct wr_str value, struct wr_str token);

/* The value of a query parameter, still escaped: true when present (then perhaps empty). */
bool wr_h1_query(struct wr_str query, struct wr_str name, struct wr_str *value);
/* Decodes %XX (and '+' to a space in a query) to `out`, room for s.n bytes; returns the length. */
size_t wr_h1_unescape(struct wr_str s, bool in_query, char *out);

struct wr_h1_body {
    int status; /* when BAD: 400, 413 or 431 */
    const char *why;
    uint64_t received; /* bytes of data so far */
    /* private */
    uint64_t body_max, left;
    uint32_t extensions, trailers;
    uint8_t stage, digits, name_n;
    char name[18];
};

void wr_h1_body_init(struct wr_h1_body *body, const struct wr_h1_head *head, uint64_t body_max);

/* Reads on in a body, of known length or in chunks. One call yields at most one run of data, a view
 * into `bytes`; *used tells how far it went. MORE with *used == bytes.n: feed the next bytes; MORE
 * otherwise: call again. DONE: the body ends behind *used (and *data may hold its last bytes).
 * Trailers are checked and dropped. */
enum wr_h1_result wr_h1_body_read(struct wr_h1_body *body, struct wr_str bytes, struct wr_str *data,
                                  size_t *used);

struct wr_h1_reply {
    int status;
    uint8_t minor;              /* of the request's version */
    bool keep_alive;            /* else Connection: close */
    bool chunked;               /* the body follows in wr_h1_write_chunk, content_length unused */
    struct wr_str content_type; /* empty: no such field */
    uint64_t content_length;
    struct wr_str fields; /* further fields as wr_h1_write_field writes them */
};

/* Appends status line and fields; check buf->overflow. 204 and 304 carry no Content-Length. */
void wr_h1_write_head(struct wr_buf *buf, const struct wr_h1_reply *reply);
/* Appends one field; control characters in the value become spaces. */
void wr_h1_write_field(struct wr_buf *buf, struct wr_str name, struct wr_str value);
/* Appends a chunk; no data ends the body. */
void wr_h1_write_chunk(struct wr_buf *buf, struct wr_str data);
/* Appends the interim answer to Expect: 100-continue. */
void wr_h1_write_continue(struct wr_buf *buf);
/* "Not Found"; "Status" for codes without a phrase here. */
const char *wr_h1_reason(int status);

#endif
