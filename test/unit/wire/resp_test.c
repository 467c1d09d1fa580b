/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/hash.h"
#include "wire/resp.h"

#define READ(text, token) wr_resp_read(wr_str_of((text), sizeof(text) - 1), (token))

TEST("each kind of token is read, with what it takes")
{
    struct wr_resp_token t;
    CHECK_INT(READ("+OK\r\n+", &t), WR_RESP_SIMPLE);
    CHECK(wr_str_eq(t.text, WR_STR("OK")));
    CHECK_INT(t.used, 5);
    CHECK_INT(READ("-ERR no\r\n", &t), WR_RESP_ERROR);
    CHECK(wr_str_eq(t.text, WR_STR("ERR no")));
    CHECK_INT(READ(":-12\r\n", &t), WR_RESP_INTEGER);
    CHECK_INT(t.integer, -12);
    CHECK_INT(READ("$5\r\na\r\nbc\r\n", &t), WR_RESP_BULK);
    CHECK(wr_str_eq(t.text, WR_STR("a\r\nbc")));
    CHECK_INT(t.used, 11);
    CHECK_INT(READ("$0\r\n\r\n", &t), WR_RESP_BULK);
    CHECK_INT(t.text.n, 0);
    CHECK_INT(READ("$-1\r\n", &t), WR_RESP_NIL);
    CHECK_INT(READ("*-1\r\n", &t), WR_RESP_NIL);
    CHECK_INT(READ("*2\r\n", &t), WR_RESP_ARRAY);
    CHECK_INT(t.integer, 2);
    CHECK_INT(READ("*0\r\n", &t), WR_RESP_ARRAY);
}

TEST("any beginning of a token is the beginning of one, and no more")
{
    static const char *const texts[] = {"+OK\r\n", "-x\r\n", ":7\r\n", "$3\r\nabc\r\n", "*3\r\n"};
    struct wr_resp_token t;
    for (size_t i = 0; i < WR_COUNTOF(texts); i++) {
        for (size_t n = 0; n < strlen(texts[i]); n++) {
            CHECK_INT(wr_resp_read(wr_str_of(texts[i], n), &t), WR_RESP_MORE);
        }
        CHECK(wr_resp_read(wr_str_z(texts[i]), &t) > WR_RESP_BAD);
        CHECK_INT(t.used, strlen(texts[i]));
    }
}

TEST("lengths are believed up to their limits, and refused before their bytes have come")
{
    struct wr_resp_token t;
    CHECK_INT(READ("$4096\r\n", &t), WR_RESP_MORE);
    CHECK_INT(READ("$4097\r\n", &t), WR_RESP_BAD);
    CHECK_INT(READ("$10737418240\r\n", &t), WR_RESP_BAD);
    CHECK_INT(READ("$99999999999999999999\r\n", &t), WR_RESP_BAD);
    CHECK_INT(READ("$-2\r\n", &t), WR_RESP_BAD);
    CHECK_INT(READ("*32768\r\n", &t), WR_RESP_ARRAY);
    CHECK_INT(READ("*32769\r\n", &t), WR_RESP_BAD);
    CHECK_INT(READ("*1000000000\r\n", &t), WR_RESP_BAD);
    char text[WR_LIMIT_RESP_LINE + 8];
    memset(text, 'a', sizeof text);
    text[0] = '+';
    CHECK_INT(wr_resp_read(wr_str_of(text, WR_LIMIT_RESP_LINE + 2), &t), WR_RESP_MORE);
    CHECK_INT(wr_resp_read(wr_str_of(text, WR_LIMIT_RESP_LINE + 3), &t), WR_RESP_BAD);
    memcpy(text + WR_LIMIT_RESP_LINE + 1, "\r\n", 2);
    CHECK_INT(wr_resp_read(wr_str_of(text, WR_LIMIT_RESP_LINE + 3), &t), WR_RESP_SIMPLE);
    memset(text + 1, '1', sizeof text - 1);
    text[0] = ':';
    CHECK_INT(wr_resp_read(wr_str_of(text, 26), &t), WR_RESP_MORE);
    CHECK_INT(wr_resp_read(wr_str_of(text, 27), &t), WR_RESP_BAD);
    CHECK_INT(READ(":00000000000000000000000000000000000001\r\n", &t), WR_RESP_BAD);
}

TEST("what is no RESP2 is refused")
{
    static const char *const texts[] = {
        "HTTP/1.1 400\r\n", "\r\n",  "%1\r\n", "_\r\n",   ":\r\n",          ":1x\r\n",
        ":+1\r\n",          "$\r\n", "$x\r\n", "* 1\r\n", "$3\r\nabcd\r\n", "\x16\x03\x01"};
    struct wr_resp_token t;
    for (size_t i = 0; i < WR_COUNTOF(texts); i++) {
        CHECK_INT(wr_resp_read(wr_str_z(texts[i]), &t), WR_RESP_BAD);
    }
}

TEST("bytes at random end in a token, in none, or in a wish for more, and take no more than there "
     "is")
{
    static const char some[] = "+-:$*\r\n0123456789ab";
    uint64_t x = 1;
    for (int i = 0; i < 200000; i++) {
        char text[24];
        size_t n = 0;
        for (x = wr_mix64(x + 1); n < sizeof text && x != 0; x >>= 3) {
            text[n++] = some[x % (sizeof some - 1)];
        }
        struct wr_resp_token t = {0};
        enum wr_resp_kind kind = wr_resp_read(wr_str_of(text, n), &t);
        CHECK(kind <= WR_RESP_BAD || (t.used > 0 && t.used <= n));
        x = wr_mix64((uint64_t)i);
    }
}

TEST("a command is written as an array of bulk strings")
{
    char room[128];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    const struct wr_str words[] = {WR_STR("SET"), WR_STR("a\r\nb"), WR_STR("")};
    wr_resp_write(&buf, words, 3);
    CHECK(wr_str_eq(wr_buf_view(&buf), WR_STR("*3\r\n$3\r\nSET\r\n$4\r\na\r\nb\r\n$0\r\n\r\n")));
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
