/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4): a portable path, and one on the SHA instructions of x86 with the same
 * digest. */
#include "base/cpu.h"
#include "base/hash.h"

static const uint32_t round_constant[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* ── portable ───────────────────────────────────────────────────────────────────────────────── */
/* Four messages side by side, one to a lane: what a build without SHA instructions has instead. */
typedef uint32_t lanes4 __attribute__((vector_size(16)));

#define ROTATE(x, bits) ((x) >> (bits) | (x) << (32 - (bits)))
/* One round; whoever uses it renames what the standard shifts from word to word. */
#define ROUND(a, b, c, d, e, f, g, h, word)                                                        \
    h += (ROTATE(e, 6) ^ ROTATE(e, 11) ^ ROTATE(e, 25)) + ((e & f) ^ (~e & g)) + (word);           \
    d += h;                                                                                        \
    h += (ROTATE(a, 2) ^ ROTATE(a, 13) ^ ROTATE(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))

/* The rounds of one block whose sixteen words stand in w, over words or over lanes. */
#define DEFINE_ROUNDS(name, word)                                                                  \
    static void name(word state[8], word w[64])                                                    \
    {                                                                                              \
        word a = state[0], b = state[1], c = state[2], d = state[3];                               \
        word e = state[4], f = state[5], g = state[6], h = state[7];                               \
        for (int i = 16; i < 64; i++) {                                                            \
            word s0 = ROTATE(w[i - 15], 7) ^ ROTATE(w[i - 15], 18) ^ w[i - 15] >> 3;               \
            word s1 = ROTATE(w[i - 2], 17) ^ ROTATE(w[i - 2], 19) ^ w[i - 2] >> 10;                \
            w[i] = w[i - 16] + s0 + w[i - 7] + s1;                                                 \
        }                                                                                          \
        for (int i = 0; i < 64; i += 8) {                                                          \
            const uint32_t *k = round_constant + i;                                                \
            ROUND(a, b, c, d, e, f, g, h, w[i] + k[0]);                                            \
            ROUND(h, a, b, c, d, e, f, g, w[i + 1] + k[1]);                                        \
            ROUND(g, h, a, b, c, d, e, f, w[i + 2] + k[2]);                                        \
            ROUND(f, g, h, a, b, c, d, e, w[i + 3] + k[3]);                                        \
            ROUND(e, f, g, h, a, b, c, d, w[i + 4] + k[4]);                                        \
            ROUND(d, e, f, g, h, a, b, c, w[i + 5] + k[5]);                                        \
            ROUND(c, d, e, f, g, h, a, b, w[i + 6] + k[6]);                                        \
            ROUND(b, c, d, e, f, g, h, a, w[i + 7] + k[7]);                                        \
        }                                                                                          \
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;                                \
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;                                \
    }

DEFINE_ROUNDS(rounds_of_one, uint32_t)
DEFINE_ROUNDS(rounds_of_four, lanes4)

static void compress_portable(uint32_t h[8], const uint8_t *p, size_t blocks)
{
    uint32_t w[64];
    for (; blocks > 0; blocks--, p += 64) {
        for (size_t i = 0; i < 16; i++) {
            w[i] = __builtin_bswap32(wr_get32(p + 4 * i));
        }
        rounds_of_one(h, w);
    }
}

static void compress_four(lanes4 state[8], const uint8_t *const p[4], size_t blocks)
{
    lanes4 w[64];
    for (size_t at = 0; at < 64 * blocks; at += 64) {
        for (size_t i = 0; i < 16; i++) {
            for (int lane = 0; lane < 4; lane++) {
                w[i][lane] = __builtin_bswap32(wr_get32(p[lane] + at + 4 * i));
            }
        }
        rounds_of_four(state, w);
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
    __m128i k = _mm_loadu_si128((const __m128i *)(const void *)(round_constant + 4 * i));
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
    compress_portable(h, p, blocks);
}

void wr_sha256_init(struct wr_sha256 *s)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(s->h, start, sizeof start);
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

void wr_sha256_end(struct wr_sha256 *s, uint8_t digest[32])
{
    uint64_t bits = __builtin_bswap64(s->n * 8);
    uint8_t tail[128] = {0x80};
    size_t held = (size_t)(s->n % sizeof s->block);
    size_t pad = (held < 56 ? 56 : 120) - held;
    wr_put64(tail + pad, bits);
    wr_sha256_add(s, tail, pad + 8);
    for (int i = 0; i < 8; i++) {
        wr_put32(digest + 4 * i, __builtin_bswap32(s->h[i]));
    }
}

void wr_sha256_of(const void *bytes, size_t n, uint8_t digest[32])
{
    struct wr_sha256 s;
    wr_sha256_init(&s);
    wr_sha256_add(&s, bytes, n);
    wr_sha256_end(&s, digest);
}

/* ── several ────────────────────────────────────────────────────────────────────────────────── */
static bool has_sha(void)
{
#ifdef WR_CPU_X86
    return (wr_cpu() & WR_CPU_SHA) != 0;
#else
    return false;
#endif
}

/* Whole blocks of `lanes` messages, as many as the shortest has. */
static void begin_together(struct wr_sha256 *sha, const void *const *bytes, size_t lanes,
                           size_t blocks)
{
#ifdef WR_CPU_X86
    if (lanes == 2) {
        const uint8_t *const p[2] = {bytes[0], bytes[1]};
        uint32_t h[2][8];
        memcpy(h[0], sha[0].h, sizeof h[0]);
        memcpy(h[1], sha[1].h, sizeof h[1]);
        compress_sha_two(h, p, blocks);
        memcpy(sha[0].h, h[0], sizeof h[0]);
        memcpy(sha[1].h, h[1], sizeof h[1]);
    }
#endif
    if (lanes == 4) {
        const uint8_t *const p[4] = {bytes[0], bytes[1], bytes[2], bytes[3]};
        lanes4 state[8];
        for (int i = 0; i < 8; i++) {
            state[i] = (lanes4){sha[0].h[i], sha[1].h[i], sha[2].h[i], sha[3].h[i]};
        }
        compress_four(state, p, blocks);
        for (int i = 0; i < 8; i++) {
            for (int lane = 0; lane < 4; lane++) {
                sha[lane].h[i] = state[i][lane];
            }
        }
    }
    for (size_t i = 0; i < lanes; i++) {
        sha[i].n = blocks * 64;
    }
}

void wr_sha256_several(const void *const *bytes, const size_t *n, uint8_t (*digests)[32],
                       size_t count)
{
    size_t width = has_sha() ? 2 : 4;
    struct wr_sha256 sha[4];
    for (size_t at = 0; at < count; at += width) {
        size_t lanes = WR_MIN(width, count - at), shortest = SIZE_MAX;
        for (size_t i = 0; i < lanes; i++) {
            wr_sha256_init(&sha[i]);
            shortest = WR_MIN(shortest, n[at + i] / 64);
        }
        if (lanes == width && shortest > 0) {
            begin_together(sha, bytes + at, lanes, shortest);
        }
        for (size_t i = 0; i < lanes; i++) {
            size_t done = (size_t)sha[i].n;
            wr_sha256_add(&sha[i], (const uint8_t *)bytes[at + i] + done, n[at + i] - done);
            wr_sha256_end(&sha[i], digests[at + i]);
        }
    }
}
