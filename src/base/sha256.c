/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4): a portable path, and one on the SHA instructions of x86 with the same
 * digest; many messages at once in lanes (sha256_lanes.c, sha256_wide.c). */
#include "base/cpu.h"
#include "base/sha256_in.h"

const uint32_t wr_sha256_start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

const uint32_t wr_sha256_round[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* ── portable ───────────────────────────────────────────────────────────────────────────────── */
WR_SHA256_DEFINE(rounds_of_one, uint32_t)

void wr_sha256_portable(uint32_t h[8], const uint8_t *p, size_t blocks)
{
    uint32_t w[16];
    for (; blocks > 0; blocks--, p += 64) {
        for (size_t i = 0; i < 16; i++) {
            w[i] = __builtin_bswap32(wr_get32(p + 4 * i));
        }
        rounds_of_one(h, w);
    }
}

/* ── x86 ────────────────────────────────────────────────────────────────────────────────────── */
#ifdef WR_CPU_X86
#include <immintrin.h>

/* The instructions keep the state as {a, b, e, f} and {c, d, g, h}, high word first. */
struct lanes {
    __m128i abef, cdgh;
};

#define SHA_TARGET __attribute__((target("sha,sse4.1,ssse3")))

SHA_TARGET static inline struct lanes load(const uint32_t h[8])
{
    __m128i low = _mm_loadu_si128((const __m128i *)(const void *)h);
    __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(h + 4));
    low = _mm_shuffle_epi32(low, 0xB1);
    high = _mm_shuffle_epi32(high, 0x1B);
    return (struct lanes){_mm_alignr_epi8(low, high, 8), _mm_blend_epi16(high, low, 0xF0)};
}

SHA_TARGET static inline void store(uint32_t h[8], struct lanes s)
{
    __m128i low = _mm_shuffle_epi32(s.abef, 0x1B), high = _mm_shuffle_epi32(s.cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(low, high, 0xF0));
    _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(high, low, 8));
}

SHA_TARGET static inline void load_block(__m128i w[4], const uint8_t *p)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    for (int i = 0; i < 4; i++) {
        w[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
        w[i] = _mm_shuffle_epi8(w[i], swap);
    }
}

SHA_TARGET static inline void four_rounds(struct lanes *s, __m128i w[4], int i)
{
    __m128i k = _mm_loadu_si128((const __m128i *)(const void *)(wr_sha256_round + 4 * i));
    __m128i word = _mm_add_epi32(w[i % 4], k);
    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, word);
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(word, 0x0E));
    if (i < 12) { /* the words needed four steps from here */
        __m128i middle = _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4);
        __m128i next = _mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]);
        next = _mm_add_epi32(next, middle);
        w[i % 4] = _mm_sha256msg2_epu32(next, w[(i + 3) % 4]);
    }
}

SHA_TARGET static void compress_sha(uint32_t h[8], const uint8_t *p, size_t blocks)
{
    struct lanes s = load(h);
    for (; blocks > 0; blocks--, p += 64) {
        struct lanes before = s;
        __m128i w[4];
        load_block(w, p);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            four_rounds(&s, w, i);
        }
        s.abef = _mm_add_epi32(s.abef, before.abef);
        s.cdgh = _mm_add_epi32(s.cdgh, before.cdgh);
    }
    store(h, s);
}

/* Two messages at once: each instruction waits for the one before it in its own message, and the
 * other message fills that time. */
SHA_TARGET static void compress_sha_two(uint32_t h[2][8], const uint8_t *const p[2], size_t blocks)
{
    struct lanes s = load(h[0]), t = load(h[1]);
    for (size_t n = 0; n < blocks; n++) {
        struct lanes before_s = s, before_t = t;
        __m128i v[4], w[4];
        load_block(v, p[0] + 64 * n);
        load_block(w, p[1] + 64 * n);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            four_rounds(&s, v, i);
            four_rounds(&t, w, i);
        }
        s.abef = _mm_add_epi32(s.abef, before_s.abef);
        s.cdgh = _mm_add_epi32(s.cdgh, before_s.cdgh);
        t.abef = _mm_add_epi32(t.abef, before_t.abef);
        t.cdgh = _mm_add_epi32(t.cdgh, before_t.cdgh);
    }
    store(h[0], s);
    store(h[1], t);
}
#endif

static void compress(uint32_t h[8], const uint8_t *p, size_t blocks)
{
#ifdef WR_CPU_X86
    if ((wr_cpu() & WR_CPU_SHA) != 0) {
        compress_sha(h, p, blocks);
        return;
    }
#endif
    wr_sha256_portable(h, p, blocks);
}

void wr_sha256_init(struct wr_sha256 *s)
{
    memcpy(s->h, wr_sha256_start, sizeof s->h);
    s->n = 0;
}

void wr_sha256_add(struct wr_sha256 *s, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    size_t held = (size_t)(s->n % sizeof s->block);
    s->n += n;
    if (n == 0) {
        return;
    }
    if (held != 0) {
        size_t part = WR_MIN(n, sizeof s->block - held);
        memcpy(s->block + held, p, part);
        p += part;
        n -= part;
        if (held + part < sizeof s->block) {
            return;
        }
        compress(s->h, s->block, 1);
    }
    compress(s->h, p, n / sizeof s->block);
    if (n % sizeof s->block != 0) {
        memcpy(s->block, p + n / sizeof s->block * sizeof s->block, n % sizeof s->block);
    }
}

size_t wr_sha256_tail(const void *bytes, size_t n, uint8_t tail[128])
{
    size_t held = n % 64, blocks = held < 56 ? 1 : 2;
    memset(tail, 0, 128);
    if (held > 0) {
        memcpy(tail, (const uint8_t *)bytes + n - held, held);
    }
    tail[held] = 0x80;
    wr_put64(tail + 64 * blocks - 8, __builtin_bswap64((uint64_t)n * 8));
    return blocks;
}

void wr_sha256_end(struct wr_sha256 *s, uint8_t digest[32])
{
    uint64_t bits = __builtin_bswap64(s->n * 8);
    uint8_t tail[128] = {0x80};
    size_t held = (size_t)(s->n % sizeof s->block);
    size_t pad = (held < 56 ? 56 : 120) - held;
    wr_put64(tail + pad, bits);
    wr_sha256_add(s, tail, pad + 8);
    wr_sha256_digest(s->h, digest);
}

void wr_sha256_of(const void *bytes, size_t n, uint8_t digest[32])
{
    uint32_t h[8];
    uint8_t tail[128];
    memcpy(h, wr_sha256_start, sizeof h);
    compress(h, bytes, n / 64);
    compress(h, tail, wr_sha256_tail(bytes, n, tail));
    wr_sha256_digest(h, digest);
}

/* ── several ────────────────────────────────────────────────────────────────────────────────── */
#ifdef WR_CPU_X86
/* Two at once as far as both have whole blocks. */
static void digest_two(const void *const bytes[2], const size_t n[2], uint8_t digests[2][32])
{
    const uint8_t *const p[2] = {bytes[0], bytes[1]};
    size_t blocks = WR_MIN(n[0], n[1]) / 64;
    uint32_t h[2][8];
    uint8_t tail[128];
    memcpy(h[0], wr_sha256_start, sizeof h[0]);
    memcpy(h[1], wr_sha256_start, sizeof h[1]);
    compress_sha_two(h, p, blocks);
    for (size_t i = 0; i < 2; i++) {
        compress_sha(h[i], p[i] + 64 * blocks, n[i] / 64 - blocks);
        compress_sha(h[i], tail, wr_sha256_tail(p[i], n[i], tail));
        wr_sha256_digest(h[i], digests[i]);
    }
}

static void digest_by_two(const void *const *bytes, const size_t *n, uint8_t (*digests)[32],
                          size_t count)
{
    size_t at = 0;
    for (; at + 2 <= count; at += 2) {
        digest_two(bytes + at, n + at, digests + at);
    }
    if (at < count) {
        wr_sha256_of(bytes[at], n[at], digests[at]);
    }
}
#endif

static void some(const void *const *bytes, const size_t *n, uint8_t (*digests)[32], size_t count)
{
#ifdef WR_CPU_X86
    if (wr_sha256_wide_pays(n, count)) {
        wr_sha256_wide(bytes, n, digests, count);
        return;
    }
    if ((wr_cpu() & WR_CPU_SHA) != 0) {
        digest_by_two(bytes, n, digests, count);
        return;
    }
#endif
    wr_sha256_lanes(bytes, n, digests, count);
}

void wr_sha256_several(const void *const *bytes, const size_t *n, uint8_t (*digests)[32],
                       size_t count)
{
    for (size_t at = 0; at < count; at += WR_SHA256_WIDE) {
        some(bytes + at, n + at, digests + at, WR_MIN(count - at, (size_t)WR_SHA256_WIDE));
    }
}
