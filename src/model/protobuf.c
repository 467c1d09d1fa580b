/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf's wire format (protobuf.h). */
#include "model/protobuf.h"

static bool fault(struct wr_protobuf *r, const char *at, const char *what)
{
    if (r->fault == NULL) {
        r->fault = what;
        r->fault_at = (size_t)(at - r->start);
    }
    return false;
}

bool wr_protobuf_varint(struct wr_protobuf *r, uint64_t *value)
{
    const char *from = r->at;
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (r->at == r->end) {
            return fault(r, from, "a number has no end");
        }
        uint8_t byte = (uint8_t)*r->at++;
        if (shift == 63 && byte > 1) {
            return fault(r, from, "a number is longer than 64 bits");
        }
        result |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = result;
            return true;
        }
    }
    return fault(r, from, "a number is longer than 64 bits");
}

bool wr_protobuf_next(struct wr_protobuf *r, struct wr_field *field)
{
    const char *from = r->at;
    uint64_t tag, length;
    if (r->fault != NULL || r->at == r->end || !wr_protobuf_varint(r, &tag)) {
        return false;
    }
    *field = (struct wr_field){.number = (uint32_t)(tag >> 3), .wire = (enum wr_wire)(tag & 7)};
    if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff) {
        return fault(r, from, "a field has an impossible number");
    }
    size_t left;
    switch (tag & 7) {
    case WR_WIRE_VARINT:
        return wr_protobuf_varint(r, &field->value);
    case WR_WIRE_64:
    case WR_WIRE_32:
        length = (tag & 7) == WR_WIRE_64 ? 8 : 4;
        left = (size_t)(r->end - r->at);
        if (left < length) {
            return fault(r, from, "a field ends too late");
        }
        field->value = length == 8 ? wr_get64(r->at) : wr_get32(r->at);
        r->at += length;
        return true;
    case WR_WIRE_BYTES:
        if (!wr_protobuf_varint(r, &length)) {
            return false;
        }
        left = (size_t)(r->end - r->at);
        if (length > left) {
            return fault(r, from, "a field is longer than what is left");
        }
        field->bytes = wr_str_of(r->at, (size_t)length);
        r->at += length;
        return true;
    default:
        return fault(r, from, "a field has an unknown wire type");
    }
}
