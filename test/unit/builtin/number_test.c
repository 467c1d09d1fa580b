/* SPDX-License-Identifier: Apache-2.0 */
/* The soft float against the x87 unit where there is one, big integers against 128-bit ones. */
#include "check.h"
#include "rego/bigint.h"
#include "rego/number.h"

#include <float.h>

static const struct wr_memory memory = CHECK_MEMORY;
static struct wr_arena arena;
static uint64_t state = 88172645463325252u;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Mantissas of few bits, all ones, powers of two and anything. */
static struct wr_float any_float(void)
{
    uint64_t m = next();
    switch (next() % 4) {
    case 0:
        m = (uint64_t)1 << (next() % 64);
        break;
    case 1:
        m >>= next() % 64;
        break;
    case 2:
        m = ~(uint64_t)0 << (next() % 64);
        break;
    default:
        break;
    }
    struct wr_float f = wr_float_u64(m, next() % 2 != 0);
    f.e += m == 0 ? 0 : (int32_t)(next() % 140) - 70;
    return f;
}

#if LDBL_MANT_DIG == 64 && defined(__x86_64__)
static long double to_x87(struct wr_float f)
{
    long double v = (long double)f.m;
    for (int32_t e = f.e; e > 0; e--) {
        v *= 2;
    }
    for (int32_t e = f.e; e < 0; e++) {
        v /= 2;
    }
    return f.neg ? -v : v;
}

TEST("sums, products and quotients equal those of the x87 unit")
{
    int bad = 0;
    for (int i = 0; i < 200000; i++) {
        struct wr_float a = any_float(), b = any_float();
        long double x = to_x87(a), y = to_x87(b);
        bad += to_x87(wr_float_add(a, b)) != x + y;
        bad += to_x87(wr_float_mul(a, b)) != x * y;
        bad += b.m != 0 && to_x87(wr_float_div(a, b)) != x / y;
    }
    CHECK_INT(bad, 0);
}

TEST("texts are read as the C library reads long doubles")
{
    char text[80];
    int bad = 0;
    for (int i = 0; i < 100000; i++) {
        struct wr_float f;
        int n =
            snprintf(text, sizeof text, "%llu.%llu", (unsigned long long)(next() >> next() % 64),
                     (unsigned long long)(next() >> next() % 64));
        if (next() % 2 != 0) {
            snprintf(text + n, sizeof text - (size_t)n, "e%d", (int)(next() % 60) - 30);
        }
        bad += !wr_float_read(wr_str_z(text), &f) || to_x87(f) != strtold(text, NULL);
    }
    CHECK_INT(bad, 0);
}
#endif

TEST("the shortest text reads back as the same number, and no shorter one does")
{
    int bad = 0;
    for (int i = 0; i < 20000; i++) {
        struct wr_float f = any_float(), again;
        struct wr_str text = wr_float_text(&arena, f);
        /* Below a power of two the neighbours lie closer; Go's digits ignore that, and so do ours.
         */
        bool power = (f.m & (f.m - 1)) == 0 && f.m != 0;
        bad += !wr_float_read(text, &again) || text.n > 90 || (!power && !wr_float_eq(f, again));
        wr_arena_reset(&arena);
    }
    CHECK_INT(bad, 0);
}

TEST("decimals of up to 18 digits survive arithmetic with nothing")
{
    int bad = 0;
    struct wr_value zero = wr_int(0), out;
    for (int i = 0; i < 50000; i++) {
        int64_t m = (int64_t)(next() % 1000000000000000000u) >> next() % 50;
        struct wr_value v = wr_decimal(next() % 2 != 0 ? -m : m, (unsigned)(next() % 10));
        bad += wr_number_add(&arena, &v, &zero, &out) != WR_OK || !wr_value_eq(&v, &out);
        wr_arena_reset(&arena);
    }
    CHECK_INT(bad, 0);
}

static void check_read(const char *text, bool good)
{
    struct wr_float f;
    if (wr_float_read(wr_str_z(text), &f) != good) {
        fprintf(stderr, "%s\n", text);
    }
    CHECK(wr_float_read(wr_str_z(text), &f) == good);
}

TEST("what is no number is not read")
{
    check_read("", false);
    check_read("-", false);
    check_read("1e", false);
    check_read("1e+", false);
    check_read("1.2.3", false);
    check_read("1x", false);
    check_read("1e99999999999", false);
    check_read("0e99999999999", true);
    check_read("00012.500", true);
}

static wr_i128 small_bigint(struct wr_bigint b)
{
    wr_u128 v = 0;
    for (uint32_t i = b.n; i-- > 0;) {
        v = v << 32 | b.limbs[i];
    }
    return b.neg ? -(wr_i128)v : (wr_i128)v;
}

static struct wr_bigint bigint_of(int64_t a, int64_t b)
{
    return wr_bigint_mul(&arena, wr_bigint_i64(&arena, a), wr_bigint_i64(&arena, b));
}

TEST("big integers agree with 128-bit ones")
{
    int bad = 0;
    for (int i = 0; i < 100000; i++) {
        int64_t p = (int64_t)next() >> next() % 60, q = (int64_t)next() >> (2 + next() % 60);
        int64_t r = (int64_t)next() >> next() % 64, s = (int64_t)next() >> (2 + next() % 60);
        wr_i128 x = (wr_i128)p * q, y = (wr_i128)r * s;
        struct wr_bigint a = bigint_of(p, q), b = bigint_of(r, s);
        bad += small_bigint(a) != x || small_bigint(wr_bigint_add(&arena, a, b)) != x + y;
        bad += small_bigint(wr_bigint_and(&arena, a, b)) != (x & y);
        bad += small_bigint(wr_bigint_or(&arena, a, b)) != (x | y);
        bad += small_bigint(wr_bigint_xor(&arena, a, b)) != (x ^ y);
        bad += small_bigint(wr_bigint_not(&arena, a)) != ~x;
        bad += small_bigint(wr_bigint_shr(&arena, a, (uint64_t)i % 130)) !=
               (i % 130 > 127 ? (x < 0 ? -1 : 0) : x >> i % 130);
        bad += y != 0 && small_bigint(wr_bigint_rem(&arena, a, b)) != x % y;
        struct wr_str text = wr_bigint_text(&arena, a, 10);
        bad += small_bigint(wr_bigint_read(&arena, text)) != x;
        wr_arena_reset(&arena);
    }
    CHECK_INT(bad, 0);
}

/* Operands for which the first guess of a digit of the quotient is too large. */
static const char *const remainders[][3] = {
    {"170141183420855150474555134919112130560", "39614081257132168796771975169",
     "39614081257132168792477007874"},
    {"2596148429267413814265248164610051", "151115727451828646838273", "151115727451811466969092"},
    {"170141183539697394245951641309428056062", "39614081275578912870481526783", "4294967294"},
    {"170141183460469231731687585182270881792", "39614081257132168796772040703",
     "39614081257132168792477073407"},
    {"340282366802096219691978101041452285952", "79228162505040965556689174528",
     "79228162495817593519834398720"},
    {"64563604257983430656", "20752587082923245568", "2305843009213693952"},
    {"39614081275578912861891592192", "9223372041149743103", "9223372036854775807"},
    {"340282366802096219691978101041452285952", "79228162514264337589248983041",
     "39614081275578912857596624898"},
    {"26959946667150639794367690148386885454438111965138771186367525289985", "36893488143124135937",
     "18399517505688248014"},
    {"13479973330436769028178665524261017707169510495522130801814088450048",
     "170141183420855150474555134923407097856", "27670116127744196608"},
    {"6277101736848182401847257075174000013259517002766543224833",
     "61818643211996099687071250006350495744", "1966845452683254939804984138992189441"},
    {"6277101736848182400996551157871653854583680693990164791295",
     "340282366920938463453796046706250350593", "6552074799555873795820720551865876479"},
    {"13479973333575319900256510817831338806380208407251874506063965323263",
     "170141183500083312988819472512656080896", "352503562812322015209467150335"},
    {"6277101736848182401677115891832373025261609172025389088768",
     "170141183460469231731687303713736622080", "118842243780619878431465668608"},
};

TEST("division corrects its guesses")
{
    for (size_t i = 0; i < sizeof remainders / sizeof remainders[0]; i++) {
        struct wr_bigint a = wr_bigint_read(&arena, wr_str_z(remainders[i][0]));
        struct wr_bigint b = wr_bigint_read(&arena, wr_str_z(remainders[i][1]));
        struct wr_str text = wr_bigint_text(&arena, wr_bigint_rem(&arena, a, b), 10);
        CHECK_TEXT(text.p, text.n, remainders[i][2]);
    }
}

int main(int argc, char **argv)
{
    wr_arena_init(&arena, &memory, 64 << 20);
    return check_main(argc, argv);
}
