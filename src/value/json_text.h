/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of JSON text: strings and numbers, scanned in any number of steps.
 *
 * A scan starts at the token's first byte with a zeroed state; when the bytes end within the token
 * it says so and goes on later from where it stopped, with the same bytes in front. What it refuses
 * does not depend on where the pieces end. */
#ifndef WR_JSON_TEXT_H
#define WR_JSON_TEXT_H

#include "base/bytes.h"
#include "base/err.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum wr_json_scan { WR_SCAN_DONE, WR_SCAN_MORE, WR_SCAN_BAD };

struct wr_json_token {
    size_t at;        /* scanned up to here; the end when done, the offending byte when bad */
    uint8_t state;    /* of a number */
    bool has_escapes; /* of a string */
    wr_err code;      /* when bad */
    const char *why;  /* when bad: static text */
};

/* Index of the first byte at or after i that does not stand for itself within a string (a quote, a
 * backslash, a control character, anything beyond ASCII), or n. */
static inline size_t wr_json_skip_plain(const char *p, size_t n, size_t i)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);
    for (; n - i >= 16; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash));
        stop = _mm_or_si128(stop, _mm_cmplt_epi8(x, space)); /* signed: from 0x80 as well */
        unsigned mask = (unsigned)_mm_movemask_epi8(stop);
        if (mask != 0) {
            return i + (unsigned)__builtin_ctz(mask);
        }
    }
#endif
    while (i < n && (uint8_t)p[i] >= 0x20 && (uint8_t)p[i] < 0x80 && p[i] != '"' && p[i] != '\\') {
        i++;
    }
    return i;
}

/* p[0] is the opening quote; done is behind the closing one. */
enum wr_json_scan wr_json_scan_string(const char *p, size_t n, struct wr_json_token *token);

/* p[0] is '-' or a digit; done is at the first byte that does not belong. `final`: no bytes follow
 * these n, so that they may end the number. */
enum wr_json_scan wr_json_scan_number(const char *p, size_t n, bool final,
                                      struct wr_json_token *token);

/* Decodes the escapes of a scanned string (without its quotes) to `out`, which has room for n
 * bytes. Returns the decoded length. */
size_t wr_json_unescape(const char *p, size_t n, char *out);

/* True for a scanned number whose magnitude rounds to more than the largest double. */
bool wr_json_is_huge(struct wr_str number);

#endif
