/* SPDX-License-Identifier: Apache-2.0 */
/* Values: order, equality and hash over hand-picked and random values, objects and sets, numbers.
 */
#include "base/num.h"
#include "check.h"
#include "value/json_read.h"
#include "value/json_write.h"
#include "value/sort.h"

#include <math.h>

static const struct wr_memory memory = CHECK_MEMORY;
static struct wr_arena arena;

static void begin(void)
{
    wr_arena_init(&arena, &memory, (size_t)1 << 28);
}

static void end(void)
{
    wr_arena_deinit(&arena);
}

static struct wr_value number(const char *text)
{
    return wr_number_text(wr_str_z(text));
}

static const char *printed(struct wr_value v)
{
    static char room[512];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room - 1);
    wr_json_write(&buf, &v, WR_JSON_COMPACT);
    room[buf.n] = '\0';
    return room;
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

TEST("numbers print the text they were read from")
{
    static const char *const texts[] = {"0",
                                        "-0",
                                        "-0.0",
                                        "1",
                                        "-1",
                                        "1.50",
                                        "0.00",
                                        "10.000",
                                        "999999999999999999",
                                        "-999999999999999999",
                                        "1000000000000000000",
                                        "0.000000000000000001",
                                        "0.0000000000000000001",
                                        "123456789.012345678",
                                        "1e5",
                                        "1E-5",
                                        "1.0e400",
                                        "9223372036854775807",
                                        "0.10",
                                        "-0.5"};
    for (size_t i = 0; i < WR_COUNTOF(texts); i++) {
        CHECK_STR(printed(number(texts[i])), texts[i]);
    }
    CHECK_INT(number("1.50").kind, WR_DEC);
    CHECK_INT(number("999999999999999999").kind, WR_DEC);
    CHECK_INT(number("1000000000000000000").kind, WR_TEXT);
    CHECK_INT(number("-0").kind, WR_TEXT);
    CHECK_STR(printed(wr_int(INT64_MIN)), "-9223372036854775808");
    CHECK_STR(printed(wr_decimal(-5, 3)), "-0.005");
    CHECK_STR(printed(wr_decimal(INT64_MIN, 18)), "-9.223372036854775808");
}

TEST("numbers are ordered by exact value, across kinds and scales")
{
    static const char *const rising[] = {"-1e400",
                                         "-9223372036854775809",
                                         "-9223372036854775808",
                                         "-1.01",
                                         "-1",
                                         "-0.001",
                                         "0",
                                         "1e-400",
                                         "0.000000000000000001",
                                         "0.1",
                                         "0.100000000000000000000001",
                                         "0.11",
                                         "1",
                                         "1.000000000000000000000001",
                                         "2",
                                         "10",
                                         "9007199254740992",
                                         "9007199254740993",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "123456789012345678901",
                                         "1e400",
                                         "1e401"};
    for (size_t i = 0; i < WR_COUNTOF(rising); i++) {
        for (size_t j = 0; j < WR_COUNTOF(rising); j++) {
            struct wr_value a = number(rising[i]), b = number(rising[j]);
            CHECK_INT(sign(wr_value_cmp(&a, &b)), (i > j) - (i < j));
        }
    }
    static const char *const equal[][2] = {{"1", "1.0"},
                                           {"1", "1e0"},
                                           {"100", "1E2"},
                                           {"0", "-0"},
                                           {"0.5", "5e-1"},
                                           {"0.50", "0.5"},
                                           {"123456789012345678", "123456789012345678.000"},
                                           {"10000000000000000000", "1e19"},
                                           {"0.0000000000000000001", "1e-19"},
                                           {"1e400", "10e399"},
                                           {"0", "0e999999999999"}};
    for (size_t i = 0; i < WR_COUNTOF(equal); i++) {
        struct wr_value a = number(equal[i][0]), b = number(equal[i][1]);
        CHECK(wr_value_eq(&a, &b) && wr_value_cmp(&a, &b) == 0);
        CHECK(wr_value_hash(&a) == wr_value_hash(&b));
    }
    struct wr_value wide = wr_decimal(INT64_MAX, 0), deep = wr_decimal(INT64_MAX, 18);
    CHECK(wr_value_cmp(&wide, &deep) > 0);
}

TEST("numbers become integers and scaled integers only when they are, exactly")
{
    static const struct {
        const char *text;
        unsigned scale;
        bool fits;
        int64_t want;
    } rows[] = {{"57.16", 2, true, 5716},
                {"57.160", 2, true, 5716},
                {"57.161", 2, false, 0},
                {"5", 2, true, 500},
                {"-0", 0, true, 0},
                {"1e3", 0, true, 1000},
                {"1.5e1", 0, true, 15},
                {"1.5e0", 0, false, 0},
                {"1e-2", 2, true, 1},
                {"1e18", 0, true, 1000000000000000000},
                {"1e19", 0, false, 0},
                {"9223372036854775807", 0, true, INT64_MAX},
                {"9223372036854775808", 0, false, 0},
                {"-9223372036854775808", 0, true, INT64_MIN},
                {"-9223372036854775809", 0, false, 0},
                {"99999999999999999.99", 2, false, 0},
                {"1e400", 0, false, 0},
                {"1e-400", 0, false, 0},
                {"0e400", 0, true, 0},
                {"1", 18, true, 1000000000000000000},
                {"10", 18, false, 0},
                {"0", 30, true, 0}};
    for (size_t i = 0; i < WR_COUNTOF(rows); i++) {
        struct wr_value v = number(rows[i].text);
        int64_t got = 0;
        CHECK(wr_number_to_scaled(&v, rows[i].scale, &got) == rows[i].fits);
        CHECK(!rows[i].fits || got == rows[i].want);
    }
    struct wr_value text = wr_string(WR_STR("1"));
    int64_t out;
    CHECK(!wr_number_to_i64(&text, &out));
}

TEST("numbers become the nearest double, and doubles the shortest number")
{
    begin();
    static const char *const texts[] = {"0.1",
                                        "57.16",
                                        "1e22",
                                        "9007199254740993",
                                        "-0.5",
                                        "123456789012345678",
                                        "0.123456789012345678",
                                        "1e400"};
    for (size_t i = 0; i < WR_COUNTOF(texts); i++) {
        struct wr_value v = number(texts[i]);
        CHECK(wr_number_to_double(&v) == strtod(texts[i], NULL));
    }
    CHECK_STR(printed(wr_number_double(&arena, 0.1)), "0.1");
    CHECK_INT(wr_number_double(&arena, 0.1).kind, WR_DEC);
    CHECK_STR(printed(wr_number_double(&arena, 1e300)), "1e+300");
    CHECK_STR(printed(wr_number_double(&arena, 3.0)), "3");
    CHECK_STR(printed(wr_number_double(&arena, 1e20)), "100000000000000000000");
    CHECK(wr_is(wr_number_double(&arena, (double)NAN), WR_UNDEFINED));
    CHECK(wr_is(wr_number_double(&arena, -HUGE_VAL), WR_UNDEFINED));
    CHECK_STR(printed(wr_number_double(&arena, -0.0)), "-0");
    CHECK_STR(printed(wr_number_double(&arena, -0.00012345678901234567)),
              "-0.00012345678901234567");
    end();
}

TEST("a number is written to the letter into a room of any size, and nothing behind that")
{
    static const char *const texts[] = {"0",
                                        "9",
                                        "10",
                                        "-1",
                                        "0.0",
                                        "0.1",
                                        "-0.01",
                                        "12.50",
                                        "-7.0",
                                        "999999999999999999",
                                        "-999999999999999999",
                                        "0.000000000000000001",
                                        "-0.000000000000000010",
                                        "9.99999999999999999",
                                        "12345678.1234567890"};
    for (size_t t = 0; t < WR_COUNTOF(texts); t++) {
        struct wr_str text = wr_str_z(texts[t]);
        struct wr_value v = wr_number_text(text);
        CHECK_INT(v.kind, WR_DEC);
        for (size_t cap = 0; cap < 80; cap++) {
            char room[128];
            memset(room, 0x55, sizeof room);
            struct wr_buf buf = wr_buf_fixed(room, cap);
            wr_number_write(&buf, &v);
            bool fits = cap >= text.n;
            CHECK_INT(buf.overflow, !fits);
            CHECK(!fits || wr_str_eq(wr_buf_view(&buf), text));
            CHECK_INT(room[cap], 0x55);
        }
    }
    struct wr_value least = wr_int(INT64_MIN);
    char room[64];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    wr_number_write(&buf, &least);
    CHECK_TEXT(buf.p, buf.n, "-9223372036854775808");
}

/* ── random values ──────────────────────────────────────────────────────────────────────────── */

static uint64_t seed = 99;

static unsigned dice(unsigned sides)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(seed >> 33) % sides;
}

TEST("a double is the value of its shortest text, whatever its bits")
{
    begin();
    for (int i = 0; i < 20000; i++) {
        char text[40], as_value[40];
        struct wr_buf buf = wr_buf_fixed(text, sizeof text), other;
        uint64_t bits =
            ((uint64_t)dice(1u << 31) << 33) ^ ((uint64_t)dice(1u << 31) << 11) ^ dice(4096);
        double d;
        if (i % 2 == 0) { /* near 1, where the kinds meet */
            bits = (bits & ~((uint64_t)0x7FF << 52)) | (uint64_t)(960 + dice(130)) << 52;
        }
        memcpy(&d, &bits, sizeof d);
        if (!isfinite(d)) {
            continue;
        }
        wr_num_write_double(&buf, d);
        struct wr_value v = wr_number_double(&arena, d), same = wr_number_text(wr_buf_view(&buf));
        other = wr_buf_fixed(as_value, sizeof as_value);
        wr_number_write(&other, &v);
        CHECK(wr_str_eq(wr_buf_view(&buf), wr_buf_view(&other)));
        CHECK(v.kind == same.kind && v.scale == same.scale);
        wr_arena_reset(&arena);
    }
    end();
}

/* Digits, a point somewhere among them, few different ones: many pairs are near each other. */
static struct wr_str random_decimal(char room[40], unsigned digits_max)
{
    struct wr_buf buf = wr_buf_fixed(room, 40);
    unsigned n = 1 + dice(digits_max), point = dice(n + 1);
    wr_buf_str(&buf, dice(3) == 0 ? WR_STR("-0") : WR_STR("0"));
    buf.n -= n > point; /* "0" alone stands before a point */
    for (unsigned i = 0; i < n - point; i++) {
        wr_buf_char(&buf, i == 0 ? '1' : "0129"[dice(4)]);
    }
    if (point > 0) {
        wr_buf_char(&buf, '.');
    }
    for (unsigned i = 0; i < point; i++) {
        wr_buf_char(&buf, "0000129"[dice(7)]);
    }
    if (dice(10) == 0) {
        wr_buf_str(&buf, dice(2) == 0 ? WR_STR("e2") : WR_STR("E-1"));
    }
    return wr_buf_view(&buf);
}

TEST("the order of two numbers is that of their digits")
{
    begin();
    unsigned kinds[2] = {0, 0}, equal = 0;
    for (int i = 0; i < 40000; i++) {
        char room[40], other[40];
        struct wr_str x = random_decimal(room, dice(2) == 0 ? 24 : 3);
        struct wr_str y =
            dice(4) == 0 ? wr_str_of(x.p, WR_MAX(x.n, 3) - 2) : random_decimal(other, 24);
        struct wr_num_text as_digits[2];
        if (!wr_num_parse(x, &as_digits[0]) || !wr_num_parse(y, &as_digits[1])) {
            continue; /* cut off behind a sign or a point */
        }
        struct wr_value a = wr_number_text(x), b = wr_number_text(y);
        int order = wr_num_text_cmp(&as_digits[0], &as_digits[1]);
        CHECK_INT(wr_value_cmp(&a, &b), order);
        CHECK_INT(wr_value_cmp(&b, &a), -order);
        kinds[0] += a.kind != b.kind;
        kinds[1] += a.kind == WR_TEXT && b.kind == WR_TEXT;
        equal += order == 0;
    }
    CHECK(kinds[0] > 5000 && kinds[1] > 1000 && equal > 100);
    end();
}

static struct wr_value random_value(int depth)
{
    static const char *const numbers[] = {"0",
                                          "-0",
                                          "1",
                                          "1.0",
                                          "10e-1",
                                          "2",
                                          "0.5",
                                          "5e-1",
                                          "1e400",
                                          "-1e-400",
                                          "123456789012345678901",
                                          "-3"};
    static const char *const strings[] = {"", "a", "b", "ab", "\xC3\xA9", "aa"};
    unsigned kind = dice(depth > 0 ? 8 : 5), n = dice(4);
    struct wr_value *items = WR_NEW_ARRAY(&arena, struct wr_value, 8);
    switch (kind) {
    case 0:
        return wr_null();
    case 1:
        return wr_bool(dice(2) != 0);
    case 2:
    case 3:
        return number(numbers[dice(WR_COUNTOF(numbers))]);
    case 4:
        return wr_string(wr_str_z(strings[dice(WR_COUNTOF(strings))]));
    default:
        for (unsigned i = 0; i < 2 * n; i++) {
            items[i] = random_value(depth - 1);
        }
        return kind == 5   ? wr_array(items, n)
               : kind == 6 ? wr_object_from((struct wr_pair *)items, n)
                           : wr_set_from(items, n);
    }
}

TEST("the order is total: antisymmetric, transitive, equal to equality, and the hash agrees")
{
    enum { N = 160 };
    static struct wr_value v[N];
    begin();
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < N; i++) {
            v[i] = i % 10 == 9 ? wr_value_copy(&arena, v[i - 1]) : random_value(3);
        }
        int bad = 0;
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < N; j++) {
                int order = sign(wr_value_cmp(&v[i], &v[j]));
                bad += order != -sign(wr_value_cmp(&v[j], &v[i]));
                bad += (order == 0) != wr_value_eq(&v[i], &v[j]);
                bad += order == 0 && wr_value_hash(&v[i]) != wr_value_hash(&v[j]);
                for (int k = j % 7; k < N && order < 0; k += 7) {
                    bad += wr_value_cmp(&v[j], &v[k]) < 0 && wr_value_cmp(&v[i], &v[k]) >= 0;
                }
            }
        }
        CHECK_INT(bad, 0);
    }
    end();
}

TEST("different values seldom share a hash")
{
    enum { N = 20000 };
    static uint64_t hashes[N];
    int equal = 0;
    for (int i = 0; i < N; i++) {
        struct wr_value items[2] = {wr_int(i % 141), wr_int(i / 141)};
        struct wr_value v = i % 2 != 0 ? wr_array(items, 2) : wr_decimal(i, 2);
        hashes[i] = wr_value_hash(&v) % (1U << 20);
    }
    for (int i = 0; i < N; i++) {
        for (int j = i + 1; j < N && j < i + 200; j++) {
            equal += hashes[i] == hashes[j];
        }
    }
    CHECK(equal < 20); /* about 4 are to be expected */
}

TEST("types are ordered as in Rego")
{
    struct wr_value one = wr_int(1);
    struct wr_value rising[] = {wr_undefined(),      wr_null(),
                                wr_bool(false),      wr_bool(true),
                                wr_int(5),           wr_string(WR_STR("")),
                                wr_array(&one, 1),   wr_object_from(NULL, 0),
                                wr_set_from(&one, 1)};
    static const char *const names[] = {"undefined", "null",  "boolean", "boolean", "number",
                                        "string",    "array", "object",  "set"};
    for (size_t i = 0; i < WR_COUNTOF(rising); i++) {
        CHECK_STR(wr_type_name(rising[i]), names[i]);
        for (size_t j = 0; j < WR_COUNTOF(rising); j++) {
            CHECK_INT(sign(wr_value_cmp(&rising[i], &rising[j])), (i > j) - (i < j));
        }
    }
}

/* All orders of n items by Heap's algorithm, each handed to `visit`. */
static void permute(int *items, int n, void (*visit)(const int *items, int n))
{
    int counters[8] = {0}, i = 0;
    visit(items, n);
    while (i < n) {
        if (counters[i] >= i) {
            counters[i++] = 0;
            continue;
        }
        int j = i % 2 == 0 ? 0 : counters[i], held = items[j];
        items[j] = items[i];
        items[i] = held;
        visit(items, n);
        counters[i]++;
        i = 0;
    }
}

static void build_both(const int *items, int n)
{
    struct wr_pair pairs[8];
    struct wr_value elements[8];
    for (int i = 0; i < n; i++) {
        pairs[i] = (struct wr_pair){wr_int(items[i] / 2), wr_int(items[i])}; /* keys twice */
        elements[i] = wr_int(items[i] / 2);
    }
    int last[4] = {0};
    for (int i = 0; i < n; i++) {
        last[items[i] / 2] = items[i];
    }
    struct wr_value object = wr_object_from(pairs, (size_t)n);
    struct wr_value set = wr_set_from(elements, (size_t)n);
    CHECK_INT(object.n, (n + 1) / 2);
    CHECK_INT(set.n, (n + 1) / 2);
    for (uint32_t i = 0; i < object.n; i++) {
        CHECK_INT(object.pairs[i].key.i, i);
        CHECK_INT(object.pairs[i].value.i, last[i]);
        CHECK_INT(set.items[i].i, i);
    }
}

TEST("objects and sets come out the same from every order of their members")
{
    for (int n = 0; n <= 7; n++) {
        int items[8] = {0, 1, 2, 3, 4, 5, 6, 7};
        permute(items, n, build_both);
    }
}

TEST("the sort is stable and right at every size around its runs")
{
    for (size_t n = 0; n < 700; n += n < 100 ? 1 : 37) {
        begin();
        struct wr_pair *pairs = WR_NEW_ARRAY(&arena, struct wr_pair, n + 1);
        for (int shape = 0; shape < 5; shape++) {
            for (size_t i = 0; i < n; i++) {
                int64_t key = shape == 0   ? (int64_t)i
                              : shape == 1 ? (int64_t)(n - i)
                              : shape == 2 ? dice(5)
                              : shape == 3 ? dice((unsigned)n)
                                           : (int64_t)(i % 32);
                pairs[i] = (struct wr_pair){wr_int(key), wr_int((int64_t)i)};
            }
            wr_value_sort((struct wr_value *)pairs, n, 2);
            int bad = 0;
            for (size_t i = 1; i < n; i++) {
                int order = wr_value_cmp(&pairs[i - 1].key, &pairs[i].key);
                bad += order > 0 || (order == 0 && pairs[i - 1].value.i > pairs[i].value.i);
            }
            CHECK_INT(bad, 0);
        }
        end();
    }
}

TEST("lookups find every member of short and long objects, arrays and sets, and nothing else")
{
    for (int n = 0; n < 40; n++) {
        struct wr_pair pairs[40];
        struct wr_value elements[40];
        char keys[40][16];
        for (int i = 0; i < n; i++) {
            int length = snprintf(keys[i], sizeof keys[i], "k%d", i);
            pairs[i] = (struct wr_pair){wr_string(wr_str_of(keys[i], (size_t)length)), wr_int(i)};
            elements[i] = wr_decimal(i * 10, 1);
        }
        struct wr_value object = wr_object_from(pairs, (size_t)n);
        struct wr_value set = wr_set_from(elements, (size_t)n),
                        array = wr_array(elements, (size_t)n);
        for (int i = 0; i < n; i++) {
            struct wr_value index = wr_decimal(i * 100, 2);
            const struct wr_value *got = wr_object_get_str(&object, wr_str_z(keys[i]));
            CHECK(got != NULL && got->i == i);
            CHECK(wr_set_has(&set, &index));
            got = wr_value_at(&array, &index);
            CHECK(got == &array.items[i]);
            CHECK(wr_value_at(&set, &index) != NULL);
        }
        struct wr_value missing = wr_string(WR_STR("k")), half = wr_decimal(5, 1);
        struct wr_value beyond = wr_int(n), negative = wr_int(-1);
        CHECK(wr_object_get(&object, &missing) == NULL && wr_object_get(&object, &half) == NULL);
        CHECK(!wr_set_has(&set, &half) && wr_value_at(&array, &half) == NULL);
        CHECK(wr_value_at(&array, &beyond) == NULL && wr_value_at(&array, &negative) == NULL);
        CHECK(wr_value_at(&missing, &missing) == NULL);
        CHECK(wr_object_get_str(&array, WR_STR("k")) == NULL);
    }
}

TEST("an object whose keys are of many types finds them all")
{
    struct wr_value list[1] = {wr_null()};
    struct wr_pair pairs[] = {{wr_string(WR_STR("1")), wr_int(1)},
                              {wr_int(1), wr_int(2)},
                              {wr_bool(true), wr_int(3)},
                              {wr_array(list, 1), wr_int(4)},
                              {wr_null(), wr_int(5)}};
    struct wr_value object = wr_object_from(pairs, WR_COUNTOF(pairs));
    struct wr_value one = wr_number_text(WR_STR("1.0")), array = wr_array(list, 1);
    CHECK_INT(wr_object_get(&object, &one)->i, 2);
    CHECK_INT(wr_object_get(&object, &array)->i, 4);
    CHECK_INT(wr_object_get_str(&object, WR_STR("1"))->i, 1);
}

static struct wr_value nested(int depth)
{
    struct wr_value v = wr_string(WR_STR("core"));
    for (int i = 0; i < depth; i++) {
        struct wr_value *box = WR_NEW_ARRAY(&arena, struct wr_value, 2);
        box[0] = i % 3 == 2 ? wr_string(WR_STR("k")) : v;
        box[1] = v;
        v = i % 3 == 0   ? wr_array(box, 1)
            : i % 3 == 1 ? wr_set_from(box, 1)
                         : wr_object_from((struct wr_pair *)box, 1);
    }
    return v;
}

TEST("values nested deeper than readers admit are still ordered, hashed, copied and written")
{
    begin();
    for (int depth = 0; depth < 500; depth += depth < 70 ? 1 : 43) {
        struct wr_value a = nested(depth), b = wr_value_copy(&arena, a);
        CHECK(wr_value_eq(&a, &b) && wr_value_hash(&a) == wr_value_hash(&b));
        struct wr_buf x = wr_buf_in(&arena, 64), y = wr_buf_in(&arena, 64);
        wr_json_write(&x, &a, WR_JSON_PRETTY);
        wr_json_write(&y, &b, WR_JSON_PRETTY);
        CHECK(wr_str_eq(wr_buf_view(&x), wr_buf_view(&y)) && x.n > (size_t)depth);
        struct wr_value c = nested(depth + 3);
        CHECK(wr_value_cmp(&a, &c) != 0 && wr_value_hash(&a) != wr_value_hash(&c));
    }
    end();
}

TEST("a copy shares nothing with its source, and fails cleanly without room")
{
    begin();
    char text[] = "{\"a\":[\"x\",1e5,{\"b\":null}],\"c\":-0}";
    struct wr_value v;
    CHECK_INT(wr_json_read(&arena, wr_str_z(text), true, NULL, &v, NULL), WR_OK);
    struct wr_value copy = wr_value_copy(&arena, v);
    memset(text, 'z', sizeof text - 1);
    CHECK_STR(printed(copy), "{\"a\":[\"x\",1e5,{\"b\":null}],\"c\":-0}");
    uint8_t room[512];
    for (size_t cap = 64; cap < sizeof room; cap += 8) {
        struct wr_arena small;
        wr_arena_init_fixed(&small, room, cap, NULL, 0);
        struct wr_value second = wr_value_copy(&small, copy);
        CHECK(wr_is(second, WR_UNDEFINED) == wr_arena_failed(&small));
        CHECK(wr_is(second, WR_UNDEFINED) || wr_value_eq(&second, &copy));
    }
    end();
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
