/* SPDX-License-Identifier: Apache-2.0 */
/* The hashes that Rego names, beside base/hash.h: MD5 (RFC 1321), SHA-1 and SHA-512/384 (FIPS
 * 180-4), and HMAC (RFC 2104) over any of them. MD5 and SHA-1 are here for compatibility only. */
#ifndef WR_DIGEST_H
#define WR_DIGEST_H

#include "base/bytes.h"

enum wr_digest {
    WR_MD5,
    WR_SHA1,
    WR_SHA256,
    WR_SHA384,
    WR_SHA512,
    WR_SHA224,
    WR_SHA512_224,
    WR_SHA512_256,
};
#define WR_DIGEST_SIZE_MAX 64

size_t wr_digest_size(enum wr_digest digest);
/* Writes wr_digest_size bytes. */
void wr_digest_of(enum wr_digest digest, struct wr_str text, uint8_t *out);
void wr_hmac_of(enum wr_digest digest, struct wr_str key, struct wr_str text, uint8_t *out);

#endif
