/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/der.h"

bool wr_der_next(struct wr_der *in, uint8_t *tag, struct wr_der *body, struct wr_der *whole)
{
    if (in->n < 2 || (in->p[0] & 0x1f) == 0x1f) {
        return false;
    }
    size_t head = 2, n = in->p[1];
    if (n >= 0x80) {
        size_t bytes = n & 0x7f;
        if (bytes == 0 || bytes > 4 || in->n < 2 + bytes) {
            return false;
        }
        n = 0;
        for (size_t i = 0; i < bytes; i++) {
            n = n << 8 | in->p[2 + i];
        }
        if (n < 0x80 || n >> (8 * (bytes - 1)) == 0) {
            return false; /* a shorter form would have done */
        }
        head += bytes;
    }
    if (n > in->n - head) {
        return false;
    }
    *tag = in->p[0];
    *body = (struct wr_der){in->p + head, n};
    if (whole != NULL) {
        *whole = (struct wr_der){in->p, head + n};
    }
    in->p += head + n;
    in->n -= head + n;
    return true;
}

bool wr_der_take(struct wr_der *in, uint8_t tag, struct wr_der *body)
{
    uint8_t found;
    struct wr_der rest = *in;
    if (!wr_der_next(&rest, &found, body, NULL) || found != tag) {
        return false;
    }
    *in = rest;
    return true;
}

bool wr_der_maybe(struct wr_der *in, uint8_t tag, struct wr_der *body, bool *ok)
{
    if (in->n == 0 || in->p[0] != tag) {
        return false;
    }
    if (!wr_der_take(in, tag, body)) {
        *ok = false;
        return false;
    }
    return true;
}

bool wr_der_take_whole(struct wr_der *in, uint8_t tag, struct wr_der *whole)
{
    uint8_t found;
    struct wr_der rest = *in, body;
    if (!wr_der_next(&rest, &found, &body, whole) || found != tag) {
        return false;
    }
    *in = rest;
    return true;
}

bool wr_der_take_integer(struct wr_der *in, struct wr_der *body)
{
    struct wr_der rest = *in;
    if (!wr_der_take(&rest, WR_DER_INTEGER, body) || body->n == 0) {
        return false;
    }
    if (body->n > 1 &&
        ((body->p[0] == 0 && body->p[1] < 0x80) || (body->p[0] == 0xff && body->p[1] >= 0x80))) {
        return false; /* not minimal */
    }
    *in = rest;
    return true;
}

bool wr_der_take_small(struct wr_der *in, int32_t *value)
{
    struct wr_der body, rest = *in;
    if (!wr_der_take_integer(&rest, &body) || body.n > 4 || body.p[0] >= 0x80) {
        return false;
    }
    uint32_t v = 0;
    for (size_t i = 0; i < body.n; i++) {
        v = v << 8 | body.p[i];
    }
    *value = (int32_t)v;
    *in = rest;
    return true;
}

bool wr_der_take_boolean(struct wr_der *in, bool *value)
{
    struct wr_der body, rest = *in;
    if (!wr_der_take(&rest, WR_DER_BOOLEAN, &body) || body.n != 1 ||
        (body.p[0] != 0 && body.p[0] != 0xff)) {
        return false;
    }
    *value = body.p[0] != 0;
    *in = rest;
    return true;
}

bool wr_der_take_bits(struct wr_der *in, bool whole_bytes, struct wr_der *bytes)
{
    struct wr_der body, rest = *in;
    if (!wr_der_take(&rest, WR_DER_BITS, &body) || body.n == 0 || body.p[0] > 7 ||
        (whole_bytes && body.p[0] != 0) || (body.n == 1 && body.p[0] != 0) ||
        (body.p[body.n - 1] & ((1u << body.p[0]) - 1) && body.n > 1)) {
        return false;
    }
    *bytes = (struct wr_der){body.p + 1, body.n - 1};
    *in = rest;
    return true;
}

bool wr_der_oid_arc(struct wr_der oid, size_t *at, unsigned *index, uint32_t *arc, bool *ok)
{
    size_t i = *at;
    uint64_t v = 0;
    if (i >= oid.n) {
        *ok = *ok && oid.n > 0;
        return false;
    }
    if (oid.p[i] == 0x80) {
        *ok = false; /* a leading zero */
        return false;
    }
    do {
        if (i >= oid.n || v >> 24 != 0) {
            *ok = false;
            return false;
        }
        v = v << 7 | (oid.p[i] & 0x7f);
    } while (oid.p[i++] & 0x80);
    if (*index == 0) { /* two arcs in one: this one first, the bytes once more for the second */
        *arc = v < 80 ? (uint32_t)(v / 40) : 2;
        *index = 1;
        return true;
    }
    *arc = *index > 1 ? (uint32_t)v : (uint32_t)(v < 80 ? v % 40 : v - 80);
    *index += 1;
    *at = i;
    return true;
}

bool wr_der_oid_valid(struct wr_der oid)
{
    size_t at = 0;
    unsigned index = 0;
    uint32_t arc;
    bool ok = true;
    while (wr_der_oid_arc(oid, &at, &index, &arc, &ok)) {
    }
    return ok;
}

bool wr_der_is(struct wr_der d, const char *bytes, size_t n)
{
    return d.n == n && memcmp(d.p, bytes, n) == 0;
}
