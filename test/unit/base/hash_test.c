/* SPDX-License-Identifier: Apache-2.0 */
/* Published vectors: SipHash (authors' reference, key 00..0f over 00..n-1), SHA-256 (FIPS 180-4),
 * HMAC (RFC 4231), CRC-32C (RFC 3720 B.4); the processor's paths against the portable ones. */
#include "base/cpu.h"
#include "base/hash.h"
#include "check.h"

static const char *hex(const void *bytes, size_t n)
{
    static char room[160];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room - 1);
    wr_buf_hex(&buf, bytes, n);
    room[buf.n] = '\0';
    return room;
}

static const char *sha256_hex(const char *text)
{
    uint8_t digest[32];
    wr_sha256_of(text, strlen(text), digest);
    return hex(digest, sizeof digest);
}

static const struct wr_hash_key counting_key = {0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

TEST("SipHash-2-4 with 128 bits gives the reference vectors")
{
    uint8_t bytes[63];
    for (uint8_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = i;
    }
    struct wr_hash128 h = wr_siphash24_128(counting_key, bytes, 0);
    uint8_t out[16];
    wr_put64(out, h.lo);
    wr_put64(out + 8, h.hi);
    CHECK_STR(hex(out, 16), "a3817f04ba25a8e66df67214c7550293");
    h = wr_siphash24_128(counting_key, bytes, 1);
    wr_put64(out, h.lo);
    wr_put64(out + 8, h.hi);
    CHECK_STR(hex(out, 16), "da87c1d86b99af44347659119b22fc45");
    h = wr_siphash24_128(counting_key, bytes, 8);
    wr_put64(out, h.lo);
    wr_put64(out + 8, h.hi);
    CHECK_STR(hex(out, 16), "3b62a9ba6258f5610f83e264f31497b4");
    h = wr_siphash24_128(counting_key, bytes, 63);
    wr_put64(out, h.lo);
    wr_put64(out + 8, h.hi);
    CHECK_STR(hex(out, 16), "5150d1772f50834a503e069a973fbd7c");
}

TEST("SipHash-1-3 gives the reference vectors")
{
    static const struct {
        size_t n;
        const char *hash;
    } longer[] = {{8, "8e9a298d11959036"}, {16, "668b907d1add4fcc"}, {63, "a8b3bbb76290199d"}};
    uint8_t bytes[63], out[8];
    for (uint8_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = i;
    }
    wr_put64(out, wr_siphash13(counting_key, bytes, 0));
    CHECK_STR(hex(out, 8), "dcc40f055801acab");
    wr_put64(out, wr_siphash13(counting_key, bytes, 1));
    CHECK_STR(hex(out, 8), "93ca577df39bf4c9");
    for (size_t i = 0; i < WR_COUNTOF(longer); i++) {
        wr_put64(out, wr_siphash13(counting_key, bytes, longer[i].n));
        CHECK_STR(hex(out, 8), longer[i].hash);
    }
}

static void check_sha_vectors(void)
{
    CHECK_STR(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK_STR(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK_STR(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    struct wr_sha256 s;
    uint8_t digest[32];
    wr_sha256_init(&s);
    for (int i = 0; i < 1000000; i += 50) {
        wr_sha256_add(&s, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 50);
    }
    wr_sha256_end(&s, digest);
    CHECK_STR(hex(digest, 32), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST("SHA-256 gives the published digests on every path")
{
    check_sha_vectors();
    wr_cpu_restrict(0);
    check_sha_vectors();
    wr_cpu_restrict(~0U);
}

TEST("SHA-256 in pieces of every size equals SHA-256 at once, on both paths")
{
    uint8_t bytes[300], whole[32], pieces[32];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7 + 3);
    }
    int bad = 0;
    for (size_t n = 0; n <= sizeof bytes; n++) {
        wr_cpu_restrict(0);
        wr_sha256_of(bytes, n, whole);
        wr_cpu_restrict(~0U);
        for (size_t step = 1; step < 130; step += 9) {
            struct wr_sha256 s;
            wr_sha256_init(&s);
            for (size_t at = 0; at < n; at += step) {
                wr_sha256_add(&s, bytes + at, WR_MIN(step, n - at));
            }
            wr_sha256_end(&s, pieces);
            bad += memcmp(whole, pieces, 32) != 0;
        }
    }
    CHECK_INT(bad, 0);
}

TEST("SHA-256 of several messages gives the digest of each, on all paths")
{
    enum { MESSAGES = 37, SIZE = 400 };
    static const unsigned paths[] = {0, WR_CPU_SHA, ~0U};
    static uint8_t bytes[MESSAGES][SIZE], one[MESSAGES][32], several[MESSAGES][32];
    const void *all[MESSAGES];
    for (size_t i = 0; i < SIZE; i++) {
        for (size_t j = 0; j < MESSAGES; j++) {
            bytes[j][i] = (uint8_t)(i * (7 + 4 * j) + 3 + j);
            all[j] = bytes[j];
        }
    }
    int bad = 0;
    for (size_t round = 0; round < 1000; round++) {
        size_t n[MESSAGES], count = round % (MESSAGES + 1);
        for (size_t j = 0; j < count; j++) {
            n[j] = (round * (13 + 7 * j) + 64 * j) % (round % 2 == 0 ? SIZE + 1 : 130);
            wr_sha256_of(bytes[j], n[j], one[j]);
        }
        wr_cpu_restrict(paths[round % 3]);
        wr_sha256_several(all, n, several, count);
        wr_cpu_restrict(~0U);
        bad += memcmp(one, several, count * sizeof one[0]) != 0;
    }
    CHECK_INT(bad, 0);
}

TEST("HMAC-SHA-256 gives the digests of RFC 4231")
{
    uint8_t mac[32], key[131];
    memset(key, 0x0b, 20);
    wr_hmac_sha256(key, 20, "Hi There", 8, mac);
    CHECK_STR(hex(mac, 32), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    wr_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);
    CHECK_STR(hex(mac, 32), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    wr_hmac_sha256(key, sizeof key, "Test Using Larger Than Block-Size Key - Hash Key First", 54,
                   mac);
    CHECK_STR(hex(mac, 32), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    for (uint8_t i = 0; i < 65; i++) {
        key[i] = i;
    }
    wr_hmac_sha256(key, 64, "abc", 3, mac); /* a key as long as a block stands as it is */
    CHECK_STR(hex(mac, 32), "6ab541b4869dca71c4ca11d8bb1b02533b789a557583161429292c7404bc21f6");
    wr_hmac_sha256(key, 65, "abc", 3, mac);
    CHECK_STR(hex(mac, 32), "dfbffee4671bad00ed5d1e1999d55ed3b0cc774ac357f9ebf649c1612414fcec");
}

TEST("CRC-32C gives the values of RFC 3720, in one piece or two, on both paths")
{
    uint8_t bytes[32] = {0};
    for (unsigned path = 0; path < 2; path++) {
        wr_cpu_restrict(path == 0 ? 0 : ~0U);
        memset(bytes, 0, sizeof bytes);
        CHECK_INT(wr_crc32c(0, bytes, 32), 0x8a9136aa);
        memset(bytes, 0xff, sizeof bytes);
        CHECK_INT(wr_crc32c(0, bytes, 32), 0x62a8ab43);
        for (uint8_t i = 0; i < 32; i++) {
            bytes[i] = i;
        }
        CHECK_INT(wr_crc32c(0, bytes, 32), 0x46dd794e);
        CHECK_INT(wr_crc32c(0, "123456789", 9), 0xe3069283);
        CHECK_INT(wr_crc32c(wr_crc32c(0, "12345", 5), "6789", 4), 0xe3069283);
        CHECK_INT(wr_crc32c(0, "", 0), 0);
    }
}

TEST("the integer mix gives the first outputs of splitmix64")
{
    CHECK(wr_mix64(0x9e3779b97f4a7c15U) == 0xe220a8397b1dcdafU);
    CHECK(wr_mix64(2 * 0x9e3779b97f4a7c15U) == 0x6e789e6aa1b965f4U);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
