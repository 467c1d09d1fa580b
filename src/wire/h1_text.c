/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/h1_text.h"

/* T: tchar, H: host character, P: any other visible one. */
#define T      (WR_H1_TOKEN | WR_H1_VALUE | WR_H1_LINE)
#define H      (T | WR_H1_HOST_CHAR)
#define P      (WR_H1_VALUE | WR_H1_LINE)
#define B      (P | WR_H1_HOST_CHAR) /* : [ ] of a port and an address */
#define X      WR_H1_VALUE
#define ROW(v) v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v

const uint8_t wr_h1_class[256] = {
    0,      0,      0,      0,      0,      0,      0,      0,
    0,      X,      0,      0,      0,      0,      0,      0, /* 0x00: the tab */
    0,      0,      0,      0,      0,      0,      0,      0,
    0,      0,      0,      0,      0,      0,      0,      0, /* 0x10 */
    P,      T,      P,      T,      T,      T,      T,      T,
    P,      P,      T,      T,      P,      H,      H,      P, /* 0x20:  !"#$%&'()*+,-./ */
    H,      H,      H,      H,      H,      H,      H,      H,
    H,      H,      B,      P,      P,      P,      P,      P, /* 0x30: 0123456789:;<=>? */
    P,      H,      H,      H,      H,      H,      H,      H,
    H,      H,      H,      H,      H,      H,      H,      H, /* 0x40: @ABCDEFGHIJKLMNO */
    H,      H,      H,      H,      H,      H,      H,      H,
    H,      H,      H,      B,      P,      B,      T,      H, /* 0x50: PQRSTUVWXYZ[\]^_ */
    T,      H,      H,      H,      H,      H,      H,      H,
    H,      H,      H,      H,      H,      H,      H,      H, /* 0x60: `abcdefghijklmno */
    H,      H,      H,      H,      H,      H,      H,      H,
    H,      H,      H,      P,      T,      P,      H,      0, /* 0x70: pqrstuvwxyz{|}~ DEL */
    ROW(X), ROW(X), ROW(X), ROW(X), ROW(X), ROW(X), ROW(X), ROW(X)};

bool wr_h1_all(struct wr_str s, unsigned class)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!wr_h1_is(s.p[i], class)) {
            return false;
        }
    }
    return true;
}

static uint8_t lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : (uint8_t)c;
}

/* ASCII capitals of eight bytes at once: adding to the low seven bits carries into the eighth where
 * a byte is at least 'A', or more than 'Z'. */
static uint64_t lower_eight(uint64_t x)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t low = x & ~tops;
    uint64_t from_a = low + ones * (0x80 - 'A'), past_z = low + ones * (0x7F - 'Z');
    return x | ((~x & (from_a ^ past_z) & tops) >> 2);
}

bool wr_h1_same(struct wr_str a, struct wr_str b)
{
    if (a.n != b.n) {
        return false;
    }
    size_t i = 0;
    for (; a.n - i >= 8; i += 8) {
        uint64_t x, y;
        memcpy(&x, a.p + i, sizeof x);
        memcpy(&y, b.p + i, sizeof y);
        if (x != y && lower_eight(x) != lower_eight(y)) {
            return false;
        }
    }
    for (; i < a.n; i++) {
        if (lower(a.p[i]) != lower(b.p[i])) {
            return false;
        }
    }
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

struct wr_str wr_h1_trim(struct wr_str s)
{
    while (s.n > 0 && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_space(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

bool wr_h1_next(struct wr_str *list, struct wr_str *element)
{
    if (list->p == NULL) {
        return false;
    }
    const char *comma = list->n != 0 ? memchr(list->p, ',', list->n) : NULL;
    size_t n = comma != NULL ? (size_t)(comma - list->p) : list->n;
    *element = wr_h1_trim(wr_str_of(list->p, n));
    *list = comma != NULL ? wr_str_of(comma + 1, list->n - n - 1) : (struct wr_str){0};
    return true;
}

int wr_h1_hex(char c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10
                                                : -1;
}

bool wr_h1_is_framing(struct wr_str name)
{
    return wr_h1_same(name, WR_STR("content-length")) ||
           wr_h1_same(name, WR_STR("transfer-encoding")) || wr_h1_same(name, WR_STR("host"));
}
