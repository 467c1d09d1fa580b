/* SPDX-License-Identifier: Apache-2.0 */
/* See digest.h. A message may come in two parts, as HMAC needs it. */
#include "rego/digest.h"

#include "base/hash.h"

struct message { /* a, then b, then 1000...0 and the length in bits */
    struct wr_str a, b;
};

/* The i-th block of the padded message; false past the last. */
static bool block_at(const struct message *m, size_t i, size_t size, bool little, uint8_t *out)
{
    uint64_t n = (uint64_t)m->a.n + m->b.n;
    size_t length = size == 64 ? 8 : 16;
    uint64_t blocks = (n + 1 + length + size - 1) / size, from = (uint64_t)i * size;
    if (i >= blocks) {
        return false;
    }
    memset(out, 0, size);
    for (size_t k = 0; k < size; k++) {
        uint64_t at = from + k;
        out[k] = at < m->a.n ? (uint8_t)m->a.p[at]
                 : at < n    ? (uint8_t)m->b.p[at - m->a.n]
                 : at == n   ? 0x80
                             : 0;
    }
    if (i + 1 == blocks) {
        for (size_t k = 0; k < 8; k++) {
            size_t shift = little ? 8 * k : 8 * (7 - k);
            out[size - 8 + k] = (uint8_t)(n * 8 >> shift);
        }
    }
    return true;
}

static uint32_t rotl(uint32_t v, unsigned by)
{
    return v << by | v >> (32 - by);
}

static uint64_t rotr64(uint64_t v, unsigned by)
{
    return v >> by | v << (64 - by);
}

/* ── MD5 ────────────────────────────────────────────────────────────────────────────────────── */

static const uint32_t md5_k[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

static void md5(const struct message *m, uint8_t *out)
{
    static const uint8_t shifts[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t h[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    uint8_t block[64];
    for (size_t b = 0; block_at(m, b, 64, true, block); b++) {
        uint32_t v[4] = {h[0], h[1], h[2], h[3]};
        for (unsigned i = 0; i < 64; i++) {
            uint32_t f, g;
            if (i < 16) {
                f = (v[1] & v[2]) | (~v[1] & v[3]);
                g = i;
            } else if (i < 32) {
                f = (v[3] & v[1]) | (~v[3] & v[2]);
                g = (5 * i + 1) % 16;
            } else if (i < 48) {
                f = v[1] ^ v[2] ^ v[3];
                g = (3 * i + 5) % 16;
            } else {
                f = v[2] ^ (v[1] | ~v[3]);
                g = 7 * i % 16;
            }
            f += v[0] + md5_k[i] + wr_get32(block + 4 * g);
            v[0] = v[3];
            v[3] = v[2];
            v[2] = v[1];
            v[1] += rotl(f, shifts[i / 16][i % 4]);
        }
        for (int i = 0; i < 4; i++) {
            h[i] += v[i];
        }
    }
    for (int i = 0; i < 4; i++) {
        wr_put32(out + 4 * i, h[i]);
    }
}

/* ── SHA-1 ──────────────────────────────────────────────────────────────────────────────────── */

static void sha1_block(uint32_t h[5], const uint8_t *block)
{
    uint32_t w[80], v[5] = {h[0], h[1], h[2], h[3], h[4]};
    for (int i = 0; i < 80; i++) {
        w[i] = i < 16 ? __builtin_bswap32(wr_get32(block + 4 * i))
                      : rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        uint32_t f = i < 20   ? (v[1] & v[2]) | (~v[1] & v[3])
                     : i < 40 ? v[1] ^ v[2] ^ v[3]
                     : i < 60 ? (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])
                              : v[1] ^ v[2] ^ v[3];
        static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
        uint32_t t = rotl(v[0], 5) + f + v[4] + k[i / 20] + w[i];
        v[4] = v[3];
        v[3] = v[2];
        v[2] = rotl(v[1], 30);
        v[1] = v[0];
        v[0] = t;
    }
    for (int i = 0; i < 5; i++) {
        h[i] += v[i];
    }
}

static void sha1(const struct message *m, uint8_t *out)
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint8_t block[64];
    for (size_t b = 0; block_at(m, b, 64, false, block); b++) {
        sha1_block(h, block);
    }
    for (int i = 0; i < 5; i++) {
        wr_put32(out + 4 * i, __builtin_bswap32(h[i]));
    }
}

/* ── SHA-512 and its shorter forms
 * ───────────────────────────────────────────────────────────────────────── */

static const uint64_t sha512_k[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static void sha512_block(uint64_t h[8], const uint8_t *block)
{
    uint64_t w[80], v[8];
    memcpy(v, h, sizeof v);
    for (int i = 0; i < 80; i++) {
        if (i < 16) {
            w[i] = __builtin_bswap64(wr_get64(block + 8 * i));
        } else {
            uint64_t x = w[i - 15], y = w[i - 2];
            w[i] = w[i - 16] + (rotr64(x, 1) ^ rotr64(x, 8) ^ x >> 7) + w[i - 7] +
                   (rotr64(y, 19) ^ rotr64(y, 61) ^ y >> 6);
        }
        uint64_t s1 = rotr64(v[4], 14) ^ rotr64(v[4], 18) ^ rotr64(v[4], 41);
        uint64_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha512_k[i] + w[i];
        uint64_t s0 = rotr64(v[0], 28) ^ rotr64(v[0], 34) ^ rotr64(v[0], 39);
        uint64_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) {
        h[i] += v[i];
    }
}

enum long_form { LONG_512, LONG_384, LONG_512_224, LONG_512_256 };

static void sha512(const struct message *m, enum long_form form, uint8_t *out)
{
    static const uint8_t sizes[] = {64, 48, 28, 32};
    static const uint64_t start[][8] = {
        {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
         0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179},
        {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
         0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4},
        {0x8c3d37c819544da2, 0x73e1996689dcd4d6, 0x1dfab7ae32ff9c82, 0x679dd514582f9fcf,
         0x0f6d2b697bd44da8, 0x77e36f7304c48942, 0x3f9d85a86a1d36c8, 0x1112e6ad91d692a1},
        {0x22312194fc2bf72c, 0x9f555fa3c84c64c2, 0x2393b86b6f53b151, 0x963877195940eabd,
         0x96283ee2a88effe3, 0xbe5e1e2553863992, 0x2b0199fc2c85b8aa, 0x0eb72ddc81c52ca2}};
    uint64_t h[8];
    uint8_t block[128];
    memcpy(h, start[form], sizeof h);
    for (size_t b = 0; block_at(m, b, 128, false, block); b++) {
        sha512_block(h, block);
    }
    uint8_t all[64];
    for (int i = 0; i < 8; i++) {
        wr_put64(all + 8 * i, __builtin_bswap64(h[i]));
    }
    memcpy(out, all, sizes[form]);
}

/* ── all ────────────────────────────────────────────────────────────────────────────────────── */

size_t wr_digest_size(enum wr_digest digest)
{
    static const uint8_t sizes[] = {16, 20, 32, 48, 64, 28, 28, 32};
    return sizes[digest];
}

/* SHA-256 from another start, cut. */
static void sha224(const struct message *m, uint8_t *out)
{
    static const uint32_t start[8] = {0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939,
                                      0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4};
    struct wr_sha256 state;
    uint8_t all[32];
    wr_sha256_init(&state);
    memcpy(state.h, start, sizeof start);
    wr_sha256_add(&state, m->a.p, m->a.n);
    wr_sha256_add(&state, m->b.p, m->b.n);
    wr_sha256_end(&state, all);
    memcpy(out, all, 28);
}

static void digest_of(enum wr_digest digest, const struct message *m, uint8_t *out)
{
    struct wr_sha256 state;
    switch (digest) {
    case WR_MD5:
        md5(m, out);
        break;
    case WR_SHA1:
        sha1(m, out);
        break;
    case WR_SHA256:
        wr_sha256_init(&state);
        wr_sha256_add(&state, m->a.p, m->a.n);
        wr_sha256_add(&state, m->b.p, m->b.n);
        wr_sha256_end(&state, out);
        break;
    case WR_SHA384:
        sha512(m, LONG_384, out);
        break;
    case WR_SHA512:
        sha512(m, LONG_512, out);
        break;
    case WR_SHA512_224:
        sha512(m, LONG_512_224, out);
        break;
    case WR_SHA512_256:
        sha512(m, LONG_512_256, out);
        break;
    case WR_SHA224:
        sha224(m, out);
        break;
    }
}

void wr_digest_of(enum wr_digest digest, struct wr_str text, uint8_t *out)
{
    struct message m = {text, WR_STR("")};
    digest_of(digest, &m, out);
}

void wr_hmac_of(enum wr_digest digest, struct wr_str key, struct wr_str text, uint8_t *out)
{
    bool is_long = digest >= WR_SHA384 && digest != WR_SHA224;
    size_t block = is_long ? 128 : 64;
    uint8_t pad[128] = {0}, inner[WR_DIGEST_SIZE_MAX];
    if (key.n > block) {
        wr_digest_of(digest, key, pad);
    } else {
        memcpy(pad, key.p, key.n);
    }
    for (size_t i = 0; i < block; i++) {
        pad[i] ^= 0x36;
    }
    struct message m = {wr_str_of((const char *)pad, block), text};
    digest_of(digest, &m, inner);
    for (size_t i = 0; i < block; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    m.b = wr_str_of((const char *)inner, wr_digest_size(digest));
    digest_of(digest, &m, out);
}
