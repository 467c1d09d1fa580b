/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash, integer mixing, HMAC and CRC-32C. SHA-256 stands in sha256.c. */
#include "base/hash.h"
#include "base/cpu.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word, unsigned rounds)
{
    s->v3 ^= word;
    for (unsigned i = 0; i < rounds; i++) {
        sip_round(s);
    }
    s->v0 ^= word;
}

static inline uint64_t sip_end(struct sip *s, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        sip_round(s);
    }
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

static inline struct sip sip_start(struct wr_hash_key key)
{
    return (struct sip){key.k0 ^ 0x736f6d6570736575U, key.k1 ^ 0x646f72616e646f6dU,
                        key.k0 ^ 0x6c7967656e657261U, key.k1 ^ 0x7465646279746573U};
}

static inline void sip_bytes(struct sip *s, const uint8_t *p, size_t n, unsigned rounds)
{
    uint64_t last = (uint64_t)n << 56;
    for (; n >= 8; n -= 8, p += 8) {
        sip_word(s, wr_get64(p), rounds);
    }
    for (size_t i = 0; i < n; i++) {
        last |= (uint64_t)p[i] << (8 * i);
    }
    sip_word(s, last, rounds);
}

uint64_t wr_siphash13(struct wr_hash_key key, const void *bytes, size_t n)
{
    struct sip s = sip_start(key);
    sip_bytes(&s, bytes, n, 1);
    s.v2 ^= 0xff;
    return sip_end(&s, 3);
}

struct wr_hash128 wr_siphash24_128(struct wr_hash_key key, const void *bytes, size_t n)
{
    struct sip s = sip_start(key);
    s.v1 ^= 0xee;
    sip_bytes(&s, bytes, n, 2);
    s.v2 ^= 0xee;
    struct wr_hash128 hash = {.lo = sip_end(&s, 4)};
    s.v1 ^= 0xdd;
    hash.hi = sip_end(&s, 4);
    return hash;
}

uint64_t wr_mix64(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

enum { HMAC_BLOCK = 64 };

void wr_hmac_sha256(const void *key, size_t key_n, const void *bytes, size_t n, uint8_t mac[32])
{
    uint8_t pad[HMAC_BLOCK] = {0};
    struct wr_sha256 s;
    if (key_n > sizeof pad) {
        wr_sha256_of(key, key_n, pad);
    } else if (key_n != 0) {
        memcpy(pad, key, key_n);
    }
    for (size_t i = 0; i < sizeof pad; i++) {
        pad[i] ^= 0x36;
    }
    wr_sha256_init(&s);
    wr_sha256_add(&s, pad, sizeof pad);
    wr_sha256_add(&s, bytes, n);
    wr_sha256_end(&s, mac);
    for (size_t i = 0; i < sizeof pad; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    wr_sha256_init(&s);
    wr_sha256_add(&s, pad, sizeof pad);
    wr_sha256_add(&s, mac, 32);
    wr_sha256_end(&s, mac);
}

/* The reflected polynomial 0x82f63b78, four bits at a time. */
static const uint32_t crc_nibble[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

static uint32_t crc_portable(uint32_t crc, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ crc_nibble[crc & 15];
        crc = crc >> 4 ^ crc_nibble[crc & 15];
    }
    return crc;
}

#ifdef WR_CPU_X86
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const uint8_t *p,
                                                            size_t n)
{
    uint64_t wide = crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; n > 0; n--, p++) {
        crc = _mm_crc32_u8(crc, *p);
    }
    return crc;
}
#endif

uint32_t wr_crc32c(uint32_t crc, const void *bytes, size_t n)
{
#ifdef WR_CPU_X86
    if ((wr_cpu() & WR_CPU_SSE42) != 0) {
        return ~crc_sse42(~crc, bytes, n);
    }
#endif
    return ~crc_portable(~crc, bytes, n);
}

/* ── sums of large files ────────────────────────────────────────────────────────────────────── */
static uint64_t sum_word(uint64_t lane, uint64_t word)
{
    lane ^= word;
    return (lane << 27 | lane >> 37) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio, odd */
}

uint64_t wr_sum64(struct wr_hash_key key, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint64_t lanes[4] = {key.k0, key.k1, ~key.k0, ~key.k1}, last[4] = {0};
    size_t left = n;
    for (; left >= 32; left -= 32, p += 32) {
        lanes[0] = sum_word(lanes[0], wr_get64(p));
        lanes[1] = sum_word(lanes[1], wr_get64(p + 8));
        lanes[2] = sum_word(lanes[2], wr_get64(p + 16));
        lanes[3] = sum_word(lanes[3], wr_get64(p + 24));
    }
    memcpy(last, p, left);
    uint64_t sum = wr_mix64(n ^ key.k0);
    for (int i = 0; i < 4; i++) {
        sum = sum_word(sum, wr_mix64(sum_word(lanes[i], last[i])));
    }
    return wr_mix64(sum);
}
