/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ip.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_v4(struct wr_str text, uint8_t out[4])
{
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        size_t from = at;
        unsigned v = 0;
        for (; at < text.n && is_digit(text.p[at]) && at - from < 3; at++) {
            v = v * 10 + (unsigned)(text.p[at] - '0');
        }
        bool leading_zero = at - from > 1 && text.p[from] == '0';
        if (at == from || v > 255 || leading_zero) {
            return false;
        }
        out[part] = (uint8_t)v;
        bool dot = at < text.n && text.p[at] == '.';
        if (part < 3 && !dot) {
            return false;
        }
        at += part < 3 ? 1 : 0;
    }
    return at == text.n;
}

static int hex_of(char c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One group of up to four hexadecimal digits; how many characters it took, 0 for none. */
static size_t read_group(struct wr_str text, size_t at, unsigned *group)
{
    size_t n = 0;
    *group = 0;
    while (n < 4 && at + n < text.n && hex_of(text.p[at + n]) >= 0) {
        *group = *group << 4 | (unsigned)hex_of(text.p[at + n]);
        n++;
    }
    return n;
}

/* Groups up to the end of the text or "::"; `n` bytes so far. False when it is none of these. */
static bool read_groups(struct wr_str text, size_t *at, uint8_t *bytes, size_t *n)
{
    while (*at < text.n) {
        unsigned group;
        struct wr_str rest = wr_str_of(text.p + *at, text.n - *at);
        if (*n <= 12 && read_v4(rest, bytes + *n)) {
            *n += 4;
            *at = text.n;
            return true;
        }
        size_t taken = read_group(text, *at, &group);
        if (taken == 0 || *n == 16) {
            return false;
        }
        bytes[(*n)++] = (uint8_t)(group >> 8);
        bytes[(*n)++] = (uint8_t)group;
        *at += taken;
        if (*at == text.n || (*at + 1 < text.n && text.p[*at] == ':' && text.p[*at + 1] == ':')) {
            return true;
        }
        if (text.p[*at] != ':' || *at + 1 == text.n) {
            return false;
        }
        ++*at;
    }
    return true;
}

static bool read_v6(struct wr_str text, uint8_t out[16])
{
    uint8_t head[16] = {0}, tail[16] = {0};
    size_t at = 0, n_head = 0, n_tail = 0;
    bool starts_short = text.n >= 2 && text.p[0] == ':' && text.p[1] == ':';
    if (text.n < 2 || (!starts_short && !read_groups(text, &at, head, &n_head))) {
        return false;
    }
    if (at == text.n) {
        memcpy(out, head, 16);
        return n_head == 16;
    }
    at += 2; /* "::" stands for at least one group of zeros */
    if (!read_groups(text, &at, tail, &n_tail) || at != text.n || n_head + n_tail > 14) {
        return false;
    }
    memset(out, 0, 16);
    memcpy(out, head, n_head);
    memcpy(out + 16 - n_tail, tail, n_tail);
    return true;
}

bool wr_ip_read(struct wr_str text, struct wr_ip *out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    *out = (struct wr_ip){.is_v4 = true};
    if (read_v4(text, out->bytes)) {
        return true;
    }
    if (!read_v6(text, out->bytes)) {
        return false;
    }
    out->is_v4 = memcmp(out->bytes, mapped, sizeof mapped) == 0;
    if (out->is_v4) {
        memcpy(out->bytes, out->bytes + 12, 4);
        memset(out->bytes + 4, 0, 12);
    }
    return true;
}

void wr_ip_mask(struct wr_ip *ip, unsigned n_bits)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned keep = n_bits > 8 * i ? WR_MIN(n_bits - 8 * i, 8u) : 0;
        ip->bytes[i] &= (uint8_t)(0xff00 >> keep);
    }
}
