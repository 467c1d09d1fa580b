/* SPDX-License-Identifier: Apache-2.0 */
/* What sha256.c and sha256_lanes.c share; nobody else includes it. */
#ifndef WR_SHA256_IN_H
#define WR_SHA256_IN_H

#include "base/hash.h"

extern const uint32_t wr_sha256_start[8], wr_sha256_round[64];

/* What stands behind the last whole block of a message of n bytes: its rest, padding and length. At
 * most 128 bytes; returns one block or two. */
size_t wr_sha256_tail(const void *bytes, size_t n, uint8_t tail[128]);
/* Whole blocks, without instructions that not every processor has. */
void wr_sha256_portable(uint32_t h[8], const uint8_t *p, size_t blocks);
/* wr_sha256_several without such instructions: four messages side by side, one to a lane. */
void wr_sha256_lanes(const void *const *bytes, const size_t *n, uint8_t (*digests)[32],
                     size_t count);

/* The same for at most WR_SHA256_WIDE messages with AVX-512 (sha256_wide.c). A block of all lanes
 * costs about eight of messages two at a time, and as many are needed as the longest message has:
 * does that pay? No, where there is no AVX-512. */
enum { WR_SHA256_WIDE = 16 };
bool wr_sha256_wide_pays(const size_t *n, size_t count);
void wr_sha256_wide(const void *const *bytes, const size_t *n, uint8_t (*digests)[32],
                    size_t count);

static inline void wr_sha256_digest(const uint32_t h[8], uint8_t digest[32])
{
    for (size_t i = 0; i < 8; i++) {
        wr_put32(digest + 4 * i, __builtin_bswap32(h[i]));
    }
}

/* ── rounds ─────────────────────────────────────────────────────────────────────────────────── */
#define WR_SHA256_TURN(x, bits) ((x) >> (bits) | (x) << (32 - (bits)))

/* One round; whoever uses it renames what the standard shifts from word to word. `ab` is a ^ b of
 * the round before and becomes this one's: the majority needs both. */
#define WR_SHA256_ROUND(a, b, c, d, e, f, g, h, word)                                              \
    h += (WR_SHA256_TURN(e, 6) ^ WR_SHA256_TURN(e, 11) ^ WR_SHA256_TURN(e, 25)) +                  \
         (g ^ (e & (f ^ g))) + (word);                                                             \
    d += h;                                                                                        \
    bc = ab, ab = a ^ b;                                                                           \
    h += (WR_SHA256_TURN(a, 2) ^ WR_SHA256_TURN(a, 13) ^ WR_SHA256_TURN(a, 22)) + (b ^ (ab & bc))

/* The word sixteen rounds on takes the place of the one that is used: it stands beside the rounds,
 * whose every step waits for the one before, and fills that time. */
#define WR_SHA256_NEXT(w, j)                                                                       \
    do {                                                                                           \
        x = (w)[((j) + 1) % 16], y = (w)[((j) + 14) % 16];                                         \
        (w)[j] += (WR_SHA256_TURN(x, 7) ^ WR_SHA256_TURN(x, 18) ^ x >> 3) + (w)[((j) + 9) % 16] +  \
                  (WR_SHA256_TURN(y, 17) ^ WR_SHA256_TURN(y, 19) ^ y >> 10);                       \
    } while (0)
#define WR_SHA256_LAST(w, j) ((void)0)

#define WR_SHA256_EIGHT(w, k, at, then)                                                            \
    WR_SHA256_ROUND(a, b, c, d, e, f, g, h, (w)[(at)] + (k)[(at)]);                                \
    then(w, (at));                                                                                 \
    WR_SHA256_ROUND(h, a, b, c, d, e, f, g, (w)[(at) + 1] + (k)[(at) + 1]);                        \
    then(w, (at) + 1);                                                                             \
    WR_SHA256_ROUND(g, h, a, b, c, d, e, f, (w)[(at) + 2] + (k)[(at) + 2]);                        \
    then(w, (at) + 2);                                                                             \
    WR_SHA256_ROUND(f, g, h, a, b, c, d, e, (w)[(at) + 3] + (k)[(at) + 3]);                        \
    then(w, (at) + 3);                                                                             \
    WR_SHA256_ROUND(e, f, g, h, a, b, c, d, (w)[(at) + 4] + (k)[(at) + 4]);                        \
    then(w, (at) + 4);                                                                             \
    WR_SHA256_ROUND(d, e, f, g, h, a, b, c, (w)[(at) + 5] + (k)[(at) + 5]);                        \
    then(w, (at) + 5);                                                                             \
    WR_SHA256_ROUND(c, d, e, f, g, h, a, b, (w)[(at) + 6] + (k)[(at) + 6]);                        \
    then(w, (at) + 6);                                                                             \
    WR_SHA256_ROUND(b, c, d, e, f, g, h, a, (w)[(at) + 7] + (k)[(at) + 7]);                        \
    then(w, (at) + 7)

/* The rounds of one block whose words stand in w, over words or over lanes of words. */
#define WR_SHA256_DEFINE(name, word)                                                               \
    static void name(word state[8], word w[16])                                                    \
    {                                                                                              \
        word a = state[0], b = state[1], c = state[2], d = state[3];                               \
        word e = state[4], f = state[5], g = state[6], h = state[7];                               \
        word ab = b ^ c, bc, x, y;                                                                 \
        const uint32_t *k = wr_sha256_round;                                                       \
        for (size_t i = 0; i < 48; i += 16, k += 16) {                                             \
            WR_SHA256_EIGHT(w, k, 0, WR_SHA256_NEXT);                                              \
            WR_SHA256_EIGHT(w, k, 8, WR_SHA256_NEXT);                                              \
        }                                                                                          \
        WR_SHA256_EIGHT(w, k, 0, WR_SHA256_LAST);                                                  \
        WR_SHA256_EIGHT(w, k, 8, WR_SHA256_LAST);                                                  \
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;                                \
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;                                \
    }

#endif
