/* SPDX-License-Identifier: Apache-2.0 */
/* Character classes of HTTP/1.1 and comparisons without regard to case. */
#ifndef WR_H1_TEXT_H
#define WR_H1_TEXT_H

#include "base/bytes.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    WR_H1_TOKEN = 1,     /* tchar of RFC 9110, 5.6.2 */
    WR_H1_VALUE = 2,     /* within a field value: visible, space, tab, beyond ASCII */
    WR_H1_LINE = 4,      /* within a request line: visible or space */
    WR_H1_HOST_CHAR = 8, /* of a host name, an address in brackets, or a port */
};

extern const uint8_t wr_h1_class[256];

static inline bool wr_h1_is(char c, unsigned class)
{
    return (wr_h1_class[(uint8_t)c] & class) != 0;
}
/* Index of the first byte in [i, stop) that is not of WR_H1_VALUE or WR_H1_LINE, or stop. */
static inline size_t wr_h1_skip(const char *p, size_t i, size_t stop, unsigned class)
{
#ifdef __SSE2__
    const __m128i control = _mm_set1_epi8(0x1F), del = _mm_set1_epi8(0x7F);
    for (; i + 16 <= stop; i += 16) { /* i may lie behind stop */
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i odd = _mm_cmpeq_epi8(_mm_min_epu8(x, control), x);
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(x, del));
        odd = class == WR_H1_LINE ? _mm_or_si128(odd, x) : odd; /* beyond ASCII: the top bit */
        if (_mm_movemask_epi8(odd) != 0) {
            break; /* the tab is odd too, and allowed in values */
        }
    }
#endif
    while (i < stop && wr_h1_is(p[i], class)) {
        i++;
    }
    return i;
}
/* True when all bytes (perhaps none) are of the class. */
bool wr_h1_all(struct wr_str s, unsigned class);

bool wr_h1_same(struct wr_str a, struct wr_str b); /* equal but for the case of A-Z */
struct wr_str wr_h1_trim(struct wr_str s);         /* without spaces and tabs around it */
/* Takes the next element off a comma-separated list, trimmed; false when the list is used up. */
bool wr_h1_next(struct wr_str *list, struct wr_str *element);
int wr_h1_hex(char c); /* 0..15, or -1 */
/* A field name that is not to stand in a trailer section. */
bool wr_h1_is_framing(struct wr_str name);

#endif
