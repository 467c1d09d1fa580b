/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes: keyed SipHash for tables fed by strangers, SHA-256 for what is recorded, HMAC for tokens.
 * Published test vectors are in test/unit/base. */
#ifndef WR_HASH_H
#define WR_HASH_H

#include "base/bytes.h"

struct wr_hash_key {
    uint64_t k0, k1;
};
struct wr_hash128 {
    uint64_t lo, hi;
};

/* SipHash-1-3 with 64-bit output (tables), SipHash-2-4 with 128-bit output (body equality).
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012. */
uint64_t wr_siphash13(struct wr_hash_key key, const void *bytes, size_t n);
struct wr_hash128 wr_siphash24_128(struct wr_hash_key key, const void *bytes, size_t n);

/* SHA-256 (FIPS 180-4), incremental; HMAC-SHA-256 (RFC 2104). */
struct wr_sha256 {
    uint32_t h[8];
    uint64_t n;
    uint8_t block[64];
};
void wr_sha256_init(struct wr_sha256 *s);
void wr_sha256_add(struct wr_sha256 *s, const void *bytes, size_t n);
void wr_sha256_end(struct wr_sha256 *s, uint8_t digest[32]);
void wr_sha256_of(const void *bytes, size_t n, uint8_t digest[32]);
/* The digests of several messages of like sizes: sixteen side by side with AVX-512, two where the
 * processor has SHA instructions, else four, for little more than one costs. */
void wr_sha256_several(const void *const *bytes, const size_t *n, uint8_t (*digests)[32],
                       size_t count);
void wr_hmac_sha256(const void *key, size_t key_n, const void *bytes, size_t n, uint8_t mac[32]);

/* A fast unkeyed 64-bit mix for trusted integers (splitmix64's finaliser). */
uint64_t wr_mix64(uint64_t x);

/* A keyed 64-bit sum for framing of large files, about 16 bytes a nanosecond: four lanes, each of
 * which every word changes for good, so that a change within one word never goes unseen, and any
 * other with a chance of 2^-64. Not a MAC: it tells damage, not malice. */
uint64_t wr_sum64(struct wr_hash_key key, const void *bytes, size_t n);

/* CRC-32C (Castagnoli), for framing of files. Start with 0. */
uint32_t wr_crc32c(uint32_t crc, const void *bytes, size_t n);

#endif
