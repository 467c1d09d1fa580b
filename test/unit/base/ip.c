/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses against the C library's inet_pton, written forms and broken ones. */
#include <arpa/inet.h>

#include "base/ip.h"
#include "base/rng.h"
#include "check.h"

static bool agrees(const char *text)
{
    uint8_t v4[4], v6[16];
    struct wr_ip ip;
    bool known = wr_ip_read(wr_str_z(text), &ip);
    bool is_v4 = inet_pton(AF_INET, text, v4) == 1;
    bool is_v6 = inet_pton(AF_INET6, text, v6) == 1;
    if (known != (is_v4 || is_v6)) {
        return false;
    }
    if (!known) {
        return true;
    }
    bool mapped = is_v6 && memcmp(v6, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
    return ip.is_v4 == (is_v4 || mapped) && memcmp(ip.bytes,
                                                   is_v4    ? v4
                                                   : mapped ? v6 + 12
                                                            : v6,
                                                   ip.is_v4 ? 4 : 16) == 0;
}

TEST("addresses are read as the C library reads them")
{
    static const char *const texts[] = {
        "1.2.3.4",
        "255.255.255.255",
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.",
        "::",
        "::1",
        "1::",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        ":1:2",
        "1:2:",
        "::ffff:1.2.3.4",
        "::1.2.3.4",
        "64:ff9b::1.2.3.4",
        "1.2.3.4::",
        "fe80::1%eth0",
        "12345::",
        "g::",
        "",
        ":",
        ":::",
        "2001:DB8::abcd",
        "1:2:3:4:5:6:1.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1::3:4:5:6:7:8:9",
    };
    for (size_t i = 0; i < WR_COUNTOF(texts); i++) {
        CHECK(agrees(texts[i]));
    }
}

TEST("random texts of the letters of addresses are read as the C library reads them")
{
    struct wr_rng rng;
    unsigned wrong = 0;
    wr_rng_seed(&rng, 11);
    for (int i = 0; i < 300000; i++) {
        char text[40];
        size_t n = 1 + wr_rng_below(&rng, 22);
        for (size_t k = 0; k < n; k++) {
            text[k] = "0123a:::..1"[wr_rng_below(&rng, 11)];
        }
        text[n] = 0;
        wrong += !agrees(text);
    }
    CHECK_INT(wrong, 0);
}

TEST("a mask keeps the first bits")
{
    struct wr_ip ip;
    CHECK(wr_ip_read(WR_STR("255.255.255.255"), &ip));
    wr_ip_mask(&ip, 20);
    CHECK(memcmp(ip.bytes, "\xff\xff\xf0\x00", 4) == 0);
    wr_ip_mask(&ip, 0);
    CHECK(memcmp(ip.bytes, "\0\0\0\0", 4) == 0);
    CHECK(wr_ip_read(WR_STR("ffff:ffff:ffff::1"), &ip));
    wr_ip_mask(&ip, 128);
    CHECK(ip.bytes[15] == 1);
    wr_ip_mask(&ip, 47);
    CHECK(ip.bytes[5] == 0xfe && ip.bytes[15] == 0);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
