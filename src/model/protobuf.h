/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded reader of protobuf's wire format: fields of one message, one after the other.
 *
 * It never allocates and never recurses: a message inside a field is a view that the caller opens
 * with a reader of its own. Refused: field number 0 or over 2^29 - 1, groups and unknown wire
 * types, varints over 64 bits, lengths beyond the end. Source: protobuf's encoding guide. */
#ifndef WR_PROTOBUF_H
#define WR_PROTOBUF_H

#include "base/bytes.h"

enum wr_wire { WR_WIRE_VARINT = 0, WR_WIRE_64 = 1, WR_WIRE_BYTES = 2, WR_WIRE_32 = 5 };

struct wr_protobuf {
    const char *start; /* of the whole file, for offsets */
    const char *at, *end;
    const char *fault; /* what is wrong, or NULL */
    size_t fault_at;
};

struct wr_field {
    uint32_t number;
    enum wr_wire wire;
    uint64_t value;      /* varint, or 32 or 64 bits */
    struct wr_str bytes; /* of a length-delimited field */
};

static inline struct wr_protobuf wr_protobuf_over(const char *start, struct wr_str message)
{
    const char *from = message.p == NULL ? "" : message.p; /* an absent field is empty */
    return (struct wr_protobuf){start, from, from + message.n, NULL, 0};
}

/* The next field; false at the end of the message or when it is broken (`fault` tells). */
bool wr_protobuf_next(struct wr_protobuf *r, struct wr_field *field);

/* The next varint of a packed list. */
bool wr_protobuf_varint(struct wr_protobuf *r, uint64_t *value);

#endif
