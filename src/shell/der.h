/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of DER (ITU-T X.690): a cursor over borrowed bytes.
 *
 * Only definite, minimal lengths and tags of one byte; nothing here recurses. A failed read leaves
 * the cursor where it was. */
#ifndef WR_DER_H
#define WR_DER_H

#include "base/bytes.h"

enum wr_der_tag {
    WR_DER_BOOLEAN = 0x01,
    WR_DER_INTEGER = 0x02,
    WR_DER_BITS = 0x03,
    WR_DER_OCTETS = 0x04,
    WR_DER_NULL = 0x05,
    WR_DER_OID = 0x06,
    WR_DER_UTF8 = 0x0c,
    WR_DER_NUMERIC = 0x12,
    WR_DER_PRINTABLE = 0x13,
    WR_DER_T61 = 0x14,
    WR_DER_IA5 = 0x16,
    WR_DER_UTC_TIME = 0x17,
    WR_DER_TIME = 0x18,
    WR_DER_BMP = 0x1e,
    WR_DER_SEQUENCE = 0x30,
    WR_DER_SET = 0x31,
};
#define WR_DER_CONTEXT(n)      (0x80 | (n)) /* primitive */
#define WR_DER_CONTEXT_TREE(n) (0xa0 | (n)) /* constructed */

struct wr_der {
    const uint8_t *p;
    size_t n;
};

static inline struct wr_der wr_der_of(struct wr_str s)
{
    return (struct wr_der){(const uint8_t *)s.p, s.n};
}
static inline struct wr_str wr_der_str(struct wr_der d)
{
    return wr_str_of((const char *)d.p, d.n);
}

/* The next element: its tag, its content, and (whole not NULL) the element with its head. */
bool wr_der_next(struct wr_der *in, uint8_t *tag, struct wr_der *body, struct wr_der *whole);
/* The next element must have this tag. */
bool wr_der_take(struct wr_der *in, uint8_t tag, struct wr_der *body);
/* Whether the next element has this tag; only then is it taken. False in *ok when it is broken. */
bool wr_der_maybe(struct wr_der *in, uint8_t tag, struct wr_der *body, bool *ok);
/* The next element must have this tag; the cursor moves behind it, *whole has its head too. */
bool wr_der_take_whole(struct wr_der *in, uint8_t tag, struct wr_der *whole);

/* Minimal two's complement; the bytes as they are. */
bool wr_der_take_integer(struct wr_der *in, struct wr_der *body);
/* The same, from 0 to INT32_MAX. */
bool wr_der_take_small(struct wr_der *in, int32_t *value);
bool wr_der_take_boolean(struct wr_der *in, bool *value);
/* A bit string's bytes, unused bits zero; with `whole_bytes`, there must be none unused. */
bool wr_der_take_bits(struct wr_der *in, bool whole_bytes, struct wr_der *bytes);

/* Walks the arcs of an object identifier's content: *at starts at 0; false at the end, or, with *ok
 * false, when the content is no identifier (each arc below 2^31). The first byte gives two arcs. */
bool wr_der_oid_arc(struct wr_der oid, size_t *at, unsigned *index, uint32_t *arc, bool *ok);
bool wr_der_oid_valid(struct wr_der oid);
/* Whether the content is exactly these bytes. */
bool wr_der_is(struct wr_der d, const char *bytes, size_t n);
#define WR_DER_IS(d, literal) wr_der_is((d), (literal), sizeof(literal) - 1)

#endif
