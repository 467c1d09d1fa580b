/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and text against the C library, over chosen and random bit patterns. */
#include "base/num.h"
#include "check.h"

#include <math.h>

static uint64_t seed = 88172645463325252U;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 2685821657736338717U;
}

static double double_of(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static uint64_t bits_of(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static bool reads_like_libc(const char *text)
{
    double d = -1;
    if (!wr_num_read_double(wr_str_z(text), &d) || bits_of(d) != bits_of(strtod(text, NULL))) {
        fprintf(stderr, "%s reads as %.17g, not %.17g\n", text, d, strtod(text, NULL));
        return false;
    }
    return true;
}

static const char *written(double d)
{
    static char room[64];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room - 1);
    wr_num_write_double(&buf, d);
    room[buf.n] = '\0';
    return room;
}

static const char *written_float(float f)
{
    static char room[64];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room - 1);
    wr_num_write_float(&buf, f);
    room[buf.n] = '\0';
    return room;
}

static const char *fixed(double d, unsigned decimals)
{
    static char room[400];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room - 1);
    wr_num_write_fixed(&buf, d, decimals);
    room[buf.n] = '\0';
    return room;
}

TEST("doubles at the edges of the format read as the C library reads them")
{
    static const char *const texts[] = {
        "0",
        "-0",
        "1",
        "-1",
        "0.1",
        "1e22",
        "1e23",
        "8.5e22",
        "9007199254740993",
        "9007199254740992.99999999999999999999999999999",
        "9007199254740993.0000000000000000000001",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "1e309",
        "-1e400",
        "2.2250738585072014e-308",
        "2.2250738585072011e-308",
        "4.9406564584124654e-324",
        "5e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.47032822920623272e-324",
        "3e-324",
        "1e-324",
        "1e-400",
        "0e400",
        "0.000e-999999999999999999999",
        "1e-999999999999999",
        "123456789012345678901234567890",
        "0.000000000000000000000000000000000000000000001",
        "6.631236846766476e-316",
        "3.2378839133029012895883524125015321748630e-319",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124",
        "1.00000000000000011102230246251565404236316680908203126",
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017"
        "977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273"
        "854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704"
        "342711559699508093042880177904174497791.999"};
    for (size_t i = 0; i < WR_COUNTOF(texts); i++) {
        CHECK(reads_like_libc(texts[i]));
    }
}

TEST("what is not a number in JSON's grammar is refused")
{
    static const char *const texts[] = {"",    "-",     "+1",  "01",  "1.",   ".5",  "1e",
                                        "1e+", "0x10",  "1 ",  " 1",  "1.e1", "NaN", "Infinity",
                                        "--1", "1e1.5", "1-1", "-.1", "1E+-1"};
    for (size_t i = 0; i < WR_COUNTOF(texts); i++) {
        double d;
        struct wr_num_text parsed;
        CHECK(!wr_num_read_double(wr_str_z(texts[i]), &d));
        CHECK(!wr_num_parse(wr_str_z(texts[i]), &parsed));
    }
}

TEST("a million random doubles are read from 17 digits and from their shortest text")
{
    int bad = 0;
    for (int i = 0; i < 1000000 && bad < 5; i++) {
        double d = double_of(next());
        if (!isfinite(d)) {
            continue;
        }
        char text[64];
        snprintf(text, sizeof text, "%.17g", d);
        bad += i % 4 == 0 && !reads_like_libc(text);
        double back = 0;
        bad += !wr_num_read_double(wr_str_z(written(d)), &back) || bits_of(back) != bits_of(d);
    }
    CHECK_INT(bad, 0);
}

TEST("the shortest text has no more digits than any that round-trips, and is the closest")
{
    int bad = 0;
    for (int i = 0; i < 200000 && bad < 5; i++) {
        uint64_t bits = next();
        if (i % 4 == 1) {
            bits &= ~(((uint64_t)1 << 52) - 1); /* powers of two: the uneven neighbours */
        } else if (i % 4 == 2) {
            bits &= ((uint64_t)1 << 52) - 1; /* subnormal */
        } else if (i % 4 == 3) {
            bits = bits_of((double)(next() % 100000000) / 100); /* amounts */
        }
        double d = double_of(bits & INT64_MAX);
        if (!isfinite(d) || bits_of(d) == 0) {
            continue;
        }
        char digits[17], text[40];
        int point, precision = 0;
        unsigned n = wr_num_shortest(d, digits, &point);
        do {
            snprintf(text, sizeof text, "%.*e", precision, d);
        } while (bits_of(strtod(text, NULL)) != bits_of(d) && ++precision < 17);
        char ours[48];
        snprintf(ours, sizeof ours, "0.%.*se%d", (int)n, digits, point);
        if ((int)n > precision + 1 || bits_of(strtod(ours, NULL)) != bits_of(d)) {
            fprintf(stderr, "%a: %s against %s\n", d, ours, text);
            bad++;
        }
        /* With as many digits as the C library's shortest, it is the same, the nearest, text. */
        snprintf(ours, sizeof ours, "%.*e", (int)n - 1, d);
        if (bits_of(strtod(ours, NULL)) == bits_of(d)) {
            char plain[32];
            snprintf(plain, sizeof plain, "%c%.*s", ours[0], (int)n - 1, ours + 2);
            bad += memcmp(plain, digits, n) != 0;
        }
    }
    CHECK_INT(bad, 0);
}

TEST("random digit strings of all lengths and exponents read as the C library reads them")
{
    int bad = 0;
    for (int i = 0; i < 200000 && bad < 5; i++) {
        char text[900];
        size_t n = 0, digits = next() % 40 + 1;
        if (i % 1000 == 0) {
            digits = 800;
        }
        if (next() % 2 == 0) {
            text[n++] = '-';
        }
        text[n++] = (char)('1' + next() % 9);
        size_t point = next() % (digits + 1);
        for (size_t k = 0; k < digits; k++) {
            if (k == point) {
                text[n++] = '.';
            }
            text[n++] = (char)('0' + (next() % 3 == 0 ? 0 : next() % 10));
        }
        snprintf(text + n, sizeof text - n, "e%d", (int)(next() % 700) - 350);
        bad += !reads_like_libc(text);
    }
    CHECK_INT(bad, 0);
}

TEST("texts exactly on, just below and just above a midpoint round to even, down and up")
{
    int bad = 0;
    for (int i = 0; i < 20000 && bad < 5; i++) {
        double d =
            double_of(next() & ((uint64_t)(i % 2 != 0 ? 0x3FF : 0x7FE) << 52 | 0xFFFFFFFFFFFFF));
        double up = nextafter(d, HUGE_VAL);
        if (!isfinite(up)) {
            continue;
        }
        char text[1600];
        long double middle =
            ((long double)d + (long double)up) / 2; /* 64 bits hold it, but for subnormals */
        int n = snprintf(text, sizeof text, "%.1100Lf", middle);
        bad += !reads_like_libc(text);
        text[n - 1] = '1';
        bad += !reads_like_libc(text);
    }
    CHECK_INT(bad, 0);
}

TEST("floats write their shortest text")
{
    int bad = 0;
    for (int i = 0; i < 300000 && bad < 5; i++) {
        uint32_t bits = (uint32_t)next();
        if (i % 4 == 0) {
            bits &= 0xFF800000;
        } else if (i % 4 == 1) {
            bits &= 0x807FFFFF;
        }
        float f;
        memcpy(&f, &bits, sizeof f);
        if (!isfinite(f) || bits << 1 == 0) {
            continue;
        }
        char digits[9], text[40];
        int point, precision = 0;
        unsigned n = wr_num_shortest_float(f, digits, &point);
        do {
            snprintf(text, sizeof text, "%.*e", precision, (double)f);
        } while (memcmp(&f, &(float){strtof(text, NULL)}, 4) != 0 && ++precision < 9);
        float back = strtof(written_float(f), NULL);
        bad += (int)n > precision + 1 || memcmp(&back, &f, 4) != 0;
    }
    CHECK_INT(bad, 0);
    CHECK_STR(written_float(0.1F), "0.1");
    CHECK_STR(written_float(16777216.0F), "16777216");
    CHECK_STR(written_float(3.4028235e38F), "3.4028235e+38");
}

TEST("doubles are plain from 1e-7 up to 1e21 and in exponent form outside")
{
    CHECK_STR(written(0.0), "0");
    CHECK_STR(written(-0.0), "-0");
    CHECK_STR(written(1e-7), "0.0000001");
    CHECK_STR(written(1.5e-7), "0.00000015");
    CHECK_STR(written(9.5e-8), "9.5e-8");
    CHECK_STR(written(1e20), "100000000000000000000");
    CHECK_STR(written(123456789012345680000.0), "123456789012345680000");
    CHECK_STR(written(1e21), "1e+21");
    CHECK_STR(written(-1.25e300), "-1.25e+300");
    CHECK_STR(written(5e-324), "5e-324");
    CHECK_STR(written(57.16), "57.16");
    CHECK_STR(written((double)NAN), "NaN");
    CHECK_STR(written(-HUGE_VAL), "-Infinity");
}

TEST("fixed digits equal the C library's")
{
    static const double values[] = {
        0.5, 1.5,  2.5,    0.125,  0.375,       1e-20, 1e300,     1.7976931348623157e308,
        0.0, -0.0, -2.675, 5e-324, 999.9999999, 1.0,   123456.789};
    int bad = 0;
    char want[400];
    for (size_t i = 0; i < WR_COUNTOF(values); i++) {
        for (unsigned k = 0; k <= 17; k++) {
            snprintf(want, sizeof want, "%.*f", (int)k, values[i]);
            CHECK_STR(fixed(values[i], k), want);
        }
    }
    for (int i = 0; i < 100000; i++) {
        double d = i % 2 != 0 ? double_of(next()) : (double)(int64_t)(next() >> 20) / 1024;
        unsigned k = (unsigned)(next() % 18);
        snprintf(want, sizeof want, "%.*f", (int)k, d);
        bad += isfinite(d) && strcmp(fixed(d, k), want) != 0;
    }
    CHECK_INT(bad, 0);
}

TEST("a mantissa and an exponent give the nearest double")
{
    int bad = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t mantissa = next() >> (next() % 64);
        int exponent = (int)(next() % 700) - 350;
        char text[40];
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)mantissa, exponent);
        bad += bits_of(wr_num_from_decimal(mantissa, exponent)) != bits_of(strtod(text, NULL));
    }
    CHECK_INT(bad, 0);
}

TEST("integers are read within their range and refused beyond it")
{
    int64_t i = 0;
    uint64_t u = 0;
    CHECK(wr_num_read_i64(WR_STR("9223372036854775807"), &i) && i == INT64_MAX);
    CHECK(wr_num_read_i64(WR_STR("-9223372036854775808"), &i) && i == INT64_MIN);
    CHECK(wr_num_read_i64(WR_STR("+7"), &i) && i == 7);
    CHECK(!wr_num_read_i64(WR_STR("9223372036854775808"), &i));
    CHECK(!wr_num_read_i64(WR_STR("-9223372036854775809"), &i));
    CHECK(!wr_num_read_i64(WR_STR("-+1"), &i));
    CHECK(!wr_num_read_i64(WR_STR("-"), &i));
    CHECK(!wr_num_read_i64(WR_STR("+"), &i));
    CHECK(!wr_num_read_i64(WR_STR(""), &i));
    CHECK(!wr_num_read_i64(WR_STR("1x"), &i));
    CHECK(wr_num_read_u64(WR_STR("18446744073709551615"), &u) && u == UINT64_MAX);
    CHECK(!wr_num_read_u64(WR_STR("18446744073709551616"), &u));
    CHECK(!wr_num_read_u64(WR_STR("-1"), &u));
    CHECK(!wr_num_read_u64(WR_STR(""), &u));
    CHECK(!wr_num_read_u64(WR_STR("1+"), &u));
}

TEST("number texts compare by exact value, whatever their size")
{
    static const char *const rising[] = {"-1e400",  "-10",   "-9.99",
                                         "-1e-400", "0",     "1e-400",
                                         "0.1",     "1",     "1.0000000000000000000001",
                                         "10",      "1e400", "1.1e400"};
    for (size_t i = 0; i < WR_COUNTOF(rising); i++) {
        for (size_t j = 0; j < WR_COUNTOF(rising); j++) {
            struct wr_num_text a, b;
            CHECK(wr_num_parse(wr_str_z(rising[i]), &a) && wr_num_parse(wr_str_z(rising[j]), &b));
            CHECK_INT(wr_num_text_cmp(&a, &b), (i > j) - (i < j));
        }
    }
    static const char *const equal[][2] = {
        {"1", "1.0"}, {"100", "1e2"}, {"-0", "0.00e7"}, {"0.001", "1e-3"}, {"120.50", "1205e-1"}};
    for (size_t i = 0; i < WR_COUNTOF(equal); i++) {
        struct wr_num_text a, b;
        CHECK(wr_num_parse(wr_str_z(equal[i][0]), &a) && wr_num_parse(wr_str_z(equal[i][1]), &b));
        CHECK_INT(wr_num_text_cmp(&a, &b), 0);
    }
}

TEST("what stands behind a view is not read into its number")
{
    double d;
    int64_t i;
    uint64_t u;
    CHECK(wr_num_read_double(wr_str_of("123", 2), &d) && d == 12);
    CHECK(wr_num_read_double(wr_str_of("1e5", 1), &d) && d == 1);
    CHECK(wr_num_read_double(wr_str_of("1.25", 3), &d) && d == 1.2);
    CHECK(wr_num_read_double(wr_str_of("1.25", 1), &d) && d == 1);
    CHECK(wr_num_read_double(wr_str_of("2e15", 3), &d) && d == 20);
    CHECK(!wr_num_read_double(wr_str_of("1.5", 2), &d) && !wr_num_read_double(WR_STR(""), &d));
    CHECK(!wr_num_read_double(wr_str_of("-5", 1), &d) &&
          !wr_num_read_double(wr_str_of("1e5", 2), &d));
    CHECK(wr_num_read_i64(wr_str_of("-123", 3), &i) && i == -12);
    CHECK(wr_num_read_u64(wr_str_of("123", 2), &u) && u == 12);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
