/* SPDX-License-Identifier: Apache-2.0 */
/* Views, the bounded builder, the message format, little-endian words, UTF-8, and errors. */
#include "base/bytes.h"
#include "base/err.h"
#include "check.h"

static const struct wr_memory memory = CHECK_MEMORY;

TEST("views compare by bytes, the shorter first")
{
    CHECK(wr_str_cmp(WR_STR("a"), WR_STR("b")) < 0);
    CHECK(wr_str_cmp(WR_STR("a"), WR_STR("ab")) < 0);
    CHECK(wr_str_cmp(WR_STR("\xFF"), WR_STR("a")) > 0);
    CHECK(wr_str_cmp((struct wr_str){0}, WR_STR("")) == 0);
    CHECK(wr_str_eq((struct wr_str){0}, WR_STR("")));
    CHECK(!wr_str_eq(WR_STR("ab"), WR_STR("ac")));
    CHECK(wr_str_starts(WR_STR("abc"), WR_STR("ab")) && !wr_str_starts(WR_STR("a"), WR_STR("ab")));
    CHECK(wr_str_starts(WR_STR("ab"), WR_STR("ab")) && wr_str_ends(WR_STR("ab"), WR_STR("ab")));
    CHECK(wr_str_starts(WR_STR("ab"), WR_STR("")) && wr_str_ends(WR_STR(""), WR_STR("")));
    CHECK(wr_str_ends(WR_STR("abc"), WR_STR("bc")) && !wr_str_ends(WR_STR("c"), WR_STR("bc")));
}

TEST("a search finds the first occurrence from where it is told")
{
    CHECK_INT(wr_str_find(WR_STR("abcabc"), WR_STR("bc"), 0), 1);
    CHECK_INT(wr_str_find(WR_STR("abcabc"), WR_STR("bc"), 2), 4);
    CHECK_INT(wr_str_find(WR_STR("abcabc"), WR_STR("bc"), 4), 4);
    CHECK_INT(wr_str_find(WR_STR("abc"), WR_STR("abc"), 0), 0);
    CHECK(wr_str_find(WR_STR("abcabc"), WR_STR("bc"), 5) == SIZE_MAX);
    CHECK(wr_str_find(WR_STR("abc"), WR_STR("abcd"), 0) == SIZE_MAX);
    CHECK_INT(wr_str_find(WR_STR("abc"), WR_STR(""), 3), 3);
    CHECK(wr_str_find(WR_STR("abc"), WR_STR(""), 4) == SIZE_MAX);
}

TEST("a fixed buffer keeps what fits and remembers that more came")
{
    char room[8];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    wr_buf_str(&buf, WR_STR("12345678"));
    CHECK(!buf.overflow);
    wr_buf_char(&buf, '9');
    CHECK(buf.overflow && buf.n == 8);
    wr_buf_char(&buf, '9');
    CHECK_TEXT(buf.p, buf.n, "12345678");
    buf = wr_buf_fixed(room, sizeof room);
    wr_buf_str(&buf, WR_STR("123456789"));
    CHECK(buf.overflow);
    CHECK_TEXT(buf.p, buf.n, "12345678");
    buf = wr_buf_fixed(room, sizeof room);
    CHECK(wr_buf_reserve(&buf, 9) == NULL && buf.overflow);
}

TEST("a buffer in an arena grows until the arena is full")
{
    struct wr_arena arena;
    wr_arena_init(&arena, &memory, 1 << 20);
    struct wr_buf buf = wr_buf_in(&arena, 4);
    for (int i = 0; i < 100000; i++) {
        wr_buf_char(&buf, (char)('a' + i % 26));
    }
    CHECK(!buf.overflow && buf.n == 100000 && buf.p[99999] == (char)('a' + 99999 % 26));
    for (int i = 0; i < 1000000; i++) {
        wr_buf_char(&buf, 'x');
    }
    CHECK(buf.overflow && wr_arena_failed(&arena));
    wr_arena_deinit(&arena);
}

static const char *formatted(const char *format, ...)
{
    static char room[256];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room - 1);
    va_list args;
    va_start(args, format);
    wr_vformat(&buf, format, args);
    va_end(args);
    room[buf.n] = '\0';
    return room;
}

TEST("the message format prints as printf does")
{
    char want[256];
    snprintf(want, sizeof want, "%d|%i|%u|%x|%5d|%05d|%ld|%lu|%lld|%llu|%zu|%zx|%c|%s|%.*s|%%", -7,
             42, 7U, 0xBEEFU, -42, -42, -1L, ~0UL, INT64_MIN + 0LL, ~0ULL, (size_t)9, (size_t)255,
             'x', "text", 2, "text");
    CHECK_STR(formatted("%d|%i|%u|%x|%5d|%05d|%ld|%lu|%lld|%llu|%zu|%zx|%c|%s|%.*s|%%", -7, 42, 7U,
                        0xBEEFU, -42, -42, -1L, ~0UL, (long long)INT64_MIN, ~0ULL, (size_t)9,
                        (size_t)255, 'x', "text", 2, "text"),
              want);
    CHECK_STR(formatted("%d %s", -2147483647 - 1, (const char *)NULL), "-2147483648 (null)");
    CHECK_STR(formatted("%10d|%s%X|%04X|%d|%s", 5, "", 0xAB09U, 0xCU, 0, ""),
              "         5|AB09|000C|0|");
    CHECK_STR(formatted("%99d|", 1), "                                       1|");
}

TEST("integers and bytes are appended in decimal and in hex")
{
    char room[100];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    wr_buf_u64(&buf, UINT64_MAX);
    wr_buf_char(&buf, ' ');
    wr_buf_i64(&buf, INT64_MIN);
    wr_buf_char(&buf, ' ');
    wr_buf_i64(&buf, -1);
    wr_buf_u64(&buf, 0);
    wr_buf_hex(&buf, "\x01\xFE", 2);
    wr_buf_i64(&buf, 0);
    CHECK_TEXT(room, buf.n, "18446744073709551615 -9223372036854775808 -1001fe0");
}

TEST("digits end where they are told to, none of them a zero in front")
{
    char room[24], want[24], *end = room + sizeof room;
    uint64_t v = 0;
    CHECK(wr_digits_before(end, 0) == end);
    for (unsigned digits = 1; digits <= 20;
         digits++) { /* 1, 12, 123 ... and 1, 10, 100 ... less 1 */
        v = v * 10 + digits % 10;
        uint64_t power = 1;
        for (unsigned i = 1; i < digits; i++) {
            power *= 10;
        }
        const uint64_t values[] = {v, power, power - 1, power + power / 2};
        for (size_t i = 0; i < WR_COUNTOF(values); i++) {
            char *at = wr_digits_before(end, values[i]);
            int n = snprintf(want, sizeof want, "%llu", (unsigned long long)values[i]);
            CHECK_TEXT(at, (size_t)(end - at), values[i] != 0 ? want : "");
            CHECK(values[i] == 0 || end - at == n);
        }
    }
}

TEST("words are little-endian at any address")
{
    uint8_t bytes[9];
    wr_put64(bytes + 1, 0x0102030405060708U);
    CHECK(bytes[1] == 8 && bytes[8] == 1);
    CHECK(wr_get64(bytes + 1) == 0x0102030405060708U);
    CHECK(wr_get32(bytes + 1) == 0x05060708U && wr_get16(bytes + 1) == 0x0708U);
}

TEST("UTF-8 accepts every code point once, and nothing else")
{
    int bad = 0;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        if (c == 0xD800) {
            c = 0xE000;
        }
        char text[4];
        uint32_t back;
        unsigned n = wr_utf8_encode(c, text);
        bad += wr_utf8_decode(text, n, &back) != n || back != c;
        bad += n > 1 && wr_utf8_decode(text, n - 1, &back) != 0;
    }
    CHECK_INT(bad, 0);
    static const char *const wrong[] = {
        "\x80",         "\xC0\x80",         "\xC1\xBF",         "\xE0\x9F\xBF",     "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE",
        "\xC3",         "\xE2\x28\xA1"};
    for (size_t i = 0; i < WR_COUNTOF(wrong); i++) {
        uint32_t c;
        CHECK_INT(wr_utf8_decode(wrong[i], strlen(wrong[i]), &c), 0);
        CHECK_INT(wr_utf8_invalid_at(wrong[i], strlen(wrong[i])), 0);
    }
    uint32_t none;
    CHECK_INT(wr_utf8_decode("a", 0, &none), 0);
    CHECK_INT(wr_utf8_invalid_at("a\xC3\xA9\xFF", 4), 3);
    CHECK_INT(wr_utf8_count("a\xC3\xA9\xF0\x9F\x98\x80", 7), 3);
}

TEST("the error table has unique numbers and names, and a text and remedy each")
{
    wr_err a, b;
    size_t n = 0;
    for (; wr_err_at(n, &a); n++) {
        CHECK(wr_err_text(a)[0] != '\0' && wr_err_remedy(a)[0] != '\0');
        CHECK(wr_err_http(a) >= 400 && wr_err_http(a) < 600);
        for (size_t k = 0; k < n; k++) {
            CHECK(wr_err_at(k, &b) && b < a && strcmp(wr_err_name(a), wr_err_name(b)) != 0);
        }
    }
    CHECK(n > 30);
    CHECK_STR(wr_err_name(WR_OK), "ok");
    CHECK_INT(wr_err_http(WR_OK), 200);
}

TEST("an error records its place, and long texts are cut at their limit")
{
    struct wr_error error;
    memset(&error, 0xAA, sizeof error);
    CHECK_INT(wr_fail_at(&error, WR_E_JSON, 17, "%s at %d", "wrong", 17), WR_E_JSON);
    CHECK_STR(error.text, "wrong at 17");
    CHECK_INT(error.offset, 17);
    CHECK_STR(error.where, "");
    wr_error_where(&error, "policy.rego", 6);
    CHECK_STR(error.where, "policy");
    CHECK_INT(wr_fail(NULL, WR_E_LIMIT, "nobody listens"), WR_E_LIMIT);
    CHECK_INT(wr_fail(&error, WR_E_LIMIT,
                      "%99d%99d%99d%99d%99d%99d%99d%99d%99d%99d%99d%99d%99d%99d", 1, 1, 1, 1, 1, 1,
                      1, 1, 1, 1, 1, 1, 1, 1),
              WR_E_LIMIT);
    CHECK_INT(strlen(error.text), WR_LIMIT_ERROR_TEXT - 1);
    CHECK(error.offset == WR_NO_OFFSET);
    char where[300];
    memset(where, 'w', sizeof where);
    wr_error_where(&error, where, sizeof where);
    CHECK_INT(strlen(error.where), WR_LIMIT_ERROR_WHERE - 1);
}

TEST("a byte that may not lead a character leads none, and none ends beyond its bytes")
{
    for (unsigned lead = 0x80; lead <= 0xFF; lead++) {
        uint32_t code_point;
        char bytes[4] = {(char)lead, (char)0xBF, (char)0xBF, (char)0xBF};
        if (lead < 0xC2 || lead > 0xF3) { /* F4 BF is beyond U+10FFFF */
            CHECK_INT(wr_utf8_decode(bytes, 4, &code_point), 0);
        }
        unsigned length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        for (unsigned n = 1; n < length; n++) {
            CHECK_INT(wr_utf8_decode(bytes, n, &code_point), 0);
        }
    }
}

TEST("an error's text is UTF-8 whatever it quotes and wherever it is cut")
{
    struct wr_error error;
    char long_text[WR_LIMIT_ERROR_TEXT + 8];
    CHECK(wr_fail(&error, WR_E_FIELD, "%.*s", 6, "a\xFF\xC3\xA9\xE2\x82") == WR_E_FIELD);
    CHECK_STR(error.text, "a?\xC3\xA9??");
    memset(long_text, 'x', sizeof long_text);
    memcpy(long_text + WR_LIMIT_ERROR_TEXT - 2, "\xC3\xA9", 2); /* cut between the two */
    wr_fail(&error, WR_E_FIELD, "%.*s", (int)sizeof long_text, long_text);
    CHECK_INT(strlen(error.text), WR_LIMIT_ERROR_TEXT - 1);
    CHECK(error.text[WR_LIMIT_ERROR_TEXT - 2] == '?');
    wr_error_where(&error, "\xF0\x9F", 2);
    CHECK_STR(error.where, "??");
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
