/* SPDX-License-Identifier: Apache-2.0 */
/* Views of text and a bounded builder.
 *
 * A wr_str borrows bytes: it never owns them, need not end in NUL, and lives as long as the arena
 * or buffer that its maker names. A wr_buf collects bytes in a fixed room or in an arena; past its
 * limit it drops bytes and remembers `overflow`, so that a writer checks once at the end. */
#ifndef WR_BYTES_H
#define WR_BYTES_H

#include "base/arena.h"
#include "base/base.h"

struct wr_str {
    const char *p;
    size_t n;
};

#define WR_STR(literal) ((struct wr_str){(literal), sizeof(literal) - 1})
/* For formats: printf("%.*s", WR_FMT(s)). */
#define WR_FMT(s) (int)(s).n, (s).p

static inline struct wr_str wr_str_of(const char *p, size_t n)
{
    return (struct wr_str){p, n};
}
struct wr_str wr_str_z(const char *zero_terminated);

/* memcmp(a, b, n) == 0 and memcpy without a call for what keys and names mostly are: short. */
static inline bool wr_bytes_eq(const char *a, const char *b, size_t n)
{
    if (n > 16) {
        return memcmp(a, b, n) == 0;
    }
    if (n >= 8) {
        uint64_t a0, a1, b0, b1;
        memcpy(&a0, a, 8), memcpy(&a1, a + n - 8, 8);
        memcpy(&b0, b, 8), memcpy(&b1, b + n - 8, 8);
        return ((a0 ^ b0) | (a1 ^ b1)) == 0;
    }
    if (n >= 4) {
        uint32_t a0, a1, b0, b1;
        memcpy(&a0, a, 4), memcpy(&a1, a + n - 4, 4);
        memcpy(&b0, b, 4), memcpy(&b1, b + n - 4, 4);
        return ((a0 ^ b0) | (a1 ^ b1)) == 0;
    }
    return n == 0 || (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
}

static inline void wr_bytes_copy(char *to, const char *from, size_t n)
{
    if (n > 32) {
        memcpy(to, from, n);
    } else if (n >= 16) {
        char low[16], high[16]; /* both read before one is written, as registers */
        memcpy(low, from, 16), memcpy(high, from + n - 16, 16);
        memcpy(to, low, 16), memcpy(to + n - 16, high, 16);
    } else if (n >= 8) {
        uint64_t low, high;
        memcpy(&low, from, 8), memcpy(&high, from + n - 8, 8);
        memcpy(to, &low, 8), memcpy(to + n - 8, &high, 8);
    } else if (n >= 4) {
        uint32_t low, high;
        memcpy(&low, from, 4), memcpy(&high, from + n - 4, 4);
        memcpy(to, &low, 4), memcpy(to + n - 4, &high, 4);
    } else if (n != 0) {
        to[0] = from[0], to[n / 2] = from[n / 2], to[n - 1] = from[n - 1];
    }
}

static inline bool wr_str_eq(struct wr_str a, struct wr_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
/* <0, 0, >0 by bytes, the shorter first when one is a prefix of the other. */
int wr_str_cmp(struct wr_str a, struct wr_str b);
bool wr_str_starts(struct wr_str s, struct wr_str prefix);
bool wr_str_ends(struct wr_str s, struct wr_str suffix);
/* Index of the first occurrence at or after `from`, or SIZE_MAX. O(n*m) worst case. */
size_t wr_str_find(struct wr_str s, struct wr_str needle, size_t from);
/* Copies into the arena, with a NUL behind; .p is NULL when there is no room. */
struct wr_str wr_str_copy(struct wr_arena *arena, struct wr_str s);

struct wr_buf {
    char *p;
    size_t n, cap;
    struct wr_arena *arena; /* NULL: fixed room */
    bool overflow;
};

struct wr_buf wr_buf_fixed(void *room, size_t cap);
/* Grows by doubling in the arena (old copies stay until the arena is reset). */
struct wr_buf wr_buf_in(struct wr_arena *arena, size_t first_cap);
/* Room for n more bytes at the end, or NULL; the caller then adds to buf->n what it wrote. */
char *wr_buf_reserve(struct wr_buf *buf, size_t n);
/* What does not fit inline. */
void wr_buf_add_slowly(struct wr_buf *buf, const void *bytes, size_t n);

static inline void wr_buf_add(struct wr_buf *buf, const void *bytes, size_t n)
{
    if (WR_LIKELY(!buf->overflow && n - 1 < buf->cap - buf->n)) { /* n is not 0 */
        memcpy(buf->p + buf->n, bytes, n);
        buf->n += n;
    } else {
        wr_buf_add_slowly(buf, bytes, n);
    }
}

static inline void wr_buf_str(struct wr_buf *buf, struct wr_str s)
{
    wr_buf_add(buf, s.p, s.n);
}

static inline void wr_buf_char(struct wr_buf *buf, char c)
{
    wr_buf_add(buf, &c, 1);
}

/* Writes the digits of v, at most 20 and none of 0, so that they end at `end`; where they begin. */
char *wr_digits_before(char *end, uint64_t v);
void wr_buf_u64(struct wr_buf *buf, uint64_t v);
void wr_buf_i64(struct wr_buf *buf, int64_t v);
void wr_buf_hex(struct wr_buf *buf, const void *bytes, size_t n);
static inline struct wr_str wr_buf_view(const struct wr_buf *buf)
{
    return wr_str_of(buf->p, buf->n);
}

/* printf's subset for messages: %s %.*s %c %d %i %u %x %X %ld %lu %lld %llu %zu %zx %p-less, %%,
 * with optional 0 flag and width for integers. Doubles are written by num.h, not here.           */
void wr_vformat(struct wr_buf *buf, const char *format, va_list args);
void wr_format(struct wr_buf *buf, const char *format, ...) WR_PRINTF(2, 3);

/* Little-endian, unaligned. */
uint16_t wr_get16(const void *p);
uint32_t wr_get32(const void *p);
uint64_t wr_get64(const void *p);
void wr_put16(void *p, uint16_t v);
void wr_put32(void *p, uint32_t v);
void wr_put64(void *p, uint64_t v);

/* UTF-8 (RFC 3629: no surrogates, no overlong forms, up to U+10FFFF). */
/* Decodes one code point; returns its length 1..4, or 0 when the bytes are not UTF-8. */
unsigned wr_utf8_decode(const char *p, size_t n, uint32_t *code_point);
/* Writes 1..4 bytes; the code point must be valid. */
unsigned wr_utf8_encode(uint32_t code_point, char out[4]);
/* Offset of the first byte that is not part of valid UTF-8, or n when all is valid. */
size_t wr_utf8_invalid_at(const char *p, size_t n);
/* Number of code points of valid UTF-8. */
size_t wr_utf8_count(const char *p, size_t n);

#endif
