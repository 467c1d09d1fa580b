/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of up to sixteen messages at once, one to a lane of AVX-512. The lanes go through their
 * blocks together; a message that has none left keeps its state. The last one or two blocks of a
 * message, with the padding, lie apart from it. Source: FIPS 180-4, 6.2. */
#include "base/cpu.h"
#include "base/sha256_in.h"

#ifdef WR_CPU_X86
#include <immintrin.h>

#define WIDE __attribute__((target("avx512f,avx512bw")))

struct message {
    const uint8_t *p;
    size_t whole, blocks; /* blocks within p; in all */
    uint8_t tail[128];
};

static void begin(struct message *m, const void *bytes, size_t n)
{
    m->p = bytes;
    m->whole = n / 64;
    m->blocks = m->whole + wr_sha256_tail(bytes, n, m->tail);
}

static const uint8_t *block_of(const struct message *m, size_t i)
{
    return i < m->whole ? m->p + 64 * i : m->tail + (i < m->blocks ? 64 * (i - m->whole) : 0);
}

/* Row i, word j becomes row j, lane i. */
WIDE static inline void transpose(__m512i r[16])
{
    __m512i t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int j = 0; j < 4; j++) { /* r[4 * k + j]: words j, j + 4, j + 8, j + 12 of four rows */
        __m512i even_low = _mm512_shuffle_i32x4(r[j], r[4 + j], 0x88);
        __m512i even_high = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0x88);
        __m512i odd_low = _mm512_shuffle_i32x4(r[j], r[4 + j], 0xdd);
        __m512i odd_high = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0xdd);
        t[j] = _mm512_shuffle_i32x4(even_low, even_high, 0x88);
        t[8 + j] = _mm512_shuffle_i32x4(even_low, even_high, 0xdd);
        t[4 + j] = _mm512_shuffle_i32x4(odd_low, odd_high, 0x88);
        t[12 + j] = _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd);
    }
    for (int i = 0; i < 16; i++) {
        r[i] = t[i];
    }
}

WIDE static inline void load(__m512i w[16], const struct message *messages, size_t i)
{
    const __m512i swap =
        _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
    for (int lane = 0; lane < WR_SHA256_WIDE; lane++) {
        w[lane] = _mm512_loadu_si512(block_of(&messages[lane], i));
        w[lane] = _mm512_shuffle_epi8(w[lane], swap);
    }
    transpose(w);
}

/* Truth tables of _mm512_ternarylogic_epi32, by the bits of its operands in order. */
#define XOR3(a, b, c)     _mm512_ternarylogic_epi32(a, b, c, 0x96)
#define CHOOSE(a, b, c)   _mm512_ternarylogic_epi32(a, b, c, 0xca)
#define MAJORITY(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0xe8)
#define ADD(a, b)         _mm512_add_epi32(a, b)
#define ROTATE(x, bits)   _mm512_ror_epi32(x, bits)

/* s[0..7] are a to h; whoever calls turns them rather than moves them. */
WIDE static inline void wide_round(__m512i s[8], int turn, __m512i word)
{
    __m512i *a = &s[(0 - turn) & 7], *b = &s[(1 - turn) & 7], *c = &s[(2 - turn) & 7];
    __m512i *d = &s[(3 - turn) & 7], *e = &s[(4 - turn) & 7], *f = &s[(5 - turn) & 7];
    __m512i *g = &s[(6 - turn) & 7], *h = &s[(7 - turn) & 7];
    __m512i sum = ADD(ADD(*h, word), CHOOSE(*e, *f, *g));
    sum = ADD(sum, XOR3(ROTATE(*e, 6), ROTATE(*e, 11), ROTATE(*e, 25)));
    *d = ADD(*d, sum);
    sum = ADD(sum, MAJORITY(*a, *b, *c));
    *h = ADD(sum, XOR3(ROTATE(*a, 2), ROTATE(*a, 13), ROTATE(*a, 22)));
}

WIDE static inline __m512i next_word(const __m512i w[16], int i)
{
    __m512i x = w[(i + 1) & 15], y = w[(i + 14) & 15];
    __m512i s0 = XOR3(ROTATE(x, 7), ROTATE(x, 18), _mm512_srli_epi32(x, 3));
    __m512i s1 = XOR3(ROTATE(y, 17), ROTATE(y, 19), _mm512_srli_epi32(y, 10));
    return ADD(ADD(w[i & 15], s0), ADD(w[(i + 9) & 15], s1));
}

WIDE static void compress(__m512i state[8], __m512i w[16], __mmask16 alive)
{
    __m512i s[8];
    for (int i = 0; i < 8; i++) {
        s[i] = state[i];
    }
#pragma GCC unroll 64
    for (int i = 0; i < 64; i++) {
        w[i & 15] = i < 16 ? w[i] : next_word(w, i);
        wide_round(s, i & 7, ADD(w[i & 15], _mm512_set1_epi32((int)wr_sha256_round[i])));
    }
    for (int i = 0; i < 8; i++) {
        state[i] = _mm512_mask_add_epi32(state[i], alive, state[i], s[i]);
    }
}

bool wr_sha256_wide_pays(const size_t *n, size_t count)
{
    size_t most = 0, all = 0;
    for (size_t i = 0; i < count; i++) {
        most = WR_MAX(most, n[i] / 64 + 1);
        all += n[i] / 64 + 1;
    }
    return (wr_cpu() & WR_CPU_AVX512) != 0 && all >= 8 * most;
}

WIDE void wr_sha256_wide(const void *const *bytes, const size_t *n, uint8_t (*digests)[32],
                         size_t count)
{
    struct message messages[WR_SHA256_WIDE];
    uint32_t words[8][WR_SHA256_WIDE], h[8];
    __m512i state[8], w[16];
    size_t blocks = 0;
    for (size_t i = 0; i < WR_SHA256_WIDE; i++) {
        begin(&messages[i], i < count ? bytes[i] : "", i < count ? n[i] : 0);
        blocks = WR_MAX(blocks, messages[i].blocks);
    }
    for (int i = 0; i < 8; i++) {
        state[i] = _mm512_set1_epi32((int)wr_sha256_start[i]);
    }
    for (size_t i = 0; i < blocks; i++) {
        unsigned alive = 0;
        for (unsigned lane = 0; lane < WR_SHA256_WIDE; lane++) {
            alive |= (unsigned)(i < messages[lane].blocks) << lane;
        }
        load(w, messages, i);
        compress(state, w, (__mmask16)alive);
    }
    for (int i = 0; i < 8; i++) {
        _mm512_storeu_si512(words[i], state[i]);
    }
    for (size_t i = 0; i < count; i++) {
        for (int k = 0; k < 8; k++) {
            h[k] = words[k][i];
        }
        wr_sha256_digest(h, digests[i]);
    }
}

#endif
