/* SPDX-License-Identifier: Apache-2.0 */
/* BINARY numbers behave as the text that they would print: in order, equality, hash, conversion. */
#include "base/num.h"
#include "base/rng.h"
#include "check.h"
#include "value/json_write.h"
#include "value/number.h"

static struct wr_rng rng;

/* A quotient of small decimals, as policies compute them: no integer, 1e-4 <= |q| < 1e6. */
static struct wr_value random_binary(void)
{
    for (;;) {
        struct wr_value a = wr_decimal((int64_t)wr_rng_below(&rng, 200000) - 100000, 2);
        struct wr_value b = wr_decimal(1 + (int64_t)wr_rng_below(&rng, 5000), 1);
        struct wr_float f = wr_float_div(wr_number_near_float(&a), wr_number_near_float(&b));
        if (f.m != 0 && !wr_float_is_int(f) && f.e > -75 && f.e < -44) {
            return wr_number_binary(f);
        }
    }
}

static struct wr_value text_of(const struct wr_value *v, char room[64])
{
    struct wr_buf buf = wr_buf_fixed(room, 64);
    wr_number_write(&buf, v);
    return wr_number_text(wr_buf_view(&buf));
}

TEST("a binary number equals its text, and hashes and converts as it")
{
    wr_rng_seed(&rng, 1);
    for (int i = 0; i < 20000; i++) {
        char room[64];
        struct wr_value b = random_binary(), t = text_of(&b, room);
        int64_t bi = 0, ti = 0;
        CHECK(wr_value_eq(&b, &t) && wr_value_cmp(&b, &t) == 0 && wr_value_cmp(&t, &b) == 0);
        CHECK(wr_value_hash(&b) == wr_value_hash(&t));
        CHECK(wr_number_to_double(&b) == wr_number_to_double(&t));
        bool fits = wr_number_to_scaled(&b, 2, &bi);
        CHECK(fits == wr_number_to_scaled(&t, 2, &ti) && (!fits || bi == ti));
    }
}

TEST("binary numbers order among all others as their texts do")
{
    wr_rng_seed(&rng, 2);
    for (int i = 0; i < 20000; i++) {
        char room[64], other[64];
        struct wr_value a = random_binary(), at = text_of(&a, room);
        struct wr_value b = wr_rng_below(&rng, 2) == 0
                                ? random_binary()
                                : wr_decimal((int64_t)wr_rng_below(&rng, 2000) - 1000, 1);
        if (wr_rng_below(&rng, 4) == 0) { /* a decimal next to it: its text cut short */
            double d = wr_number_to_double(&a);
            b = wr_decimal((int64_t)(d * 1000.0), 3);
        }
        struct wr_value bt = text_of(&b, other);
        CHECK_INT(wr_value_cmp(&a, &b), wr_value_cmp(&at, &bt));
        CHECK_INT(wr_value_cmp(&b, &a), wr_value_cmp(&bt, &at));
        CHECK_INT(wr_value_cmp(&a, &bt), wr_value_cmp(&at, &bt));
    }
}

TEST("a decimal that rounds to the same binary number but is not its text differs from it")
{
    struct wr_value tenth = wr_decimal(1, 1), three = wr_int(3);
    struct wr_float f = wr_float_mul(wr_number_near_float(&tenth), wr_number_near_float(&three));
    struct wr_value product = wr_number_binary(f), exact = wr_decimal(3, 1);
    char room[64];
    struct wr_value text = text_of(&product, room);
    CHECK(wr_value_eq(&product, &exact) == wr_value_eq(&text, &exact));
    struct wr_value near = wr_number_text(WR_STR("0.30000000000000000000001"));
    CHECK(!wr_value_eq(&near, &exact) && !wr_value_eq(&near, &product));
    CHECK(wr_value_cmp(&product, &near) < 0 && wr_value_cmp(&near, &product) > 0);
}

TEST("sets and objects take binary numbers as their texts")
{
    char room[64];
    wr_rng_seed(&rng, 3);
    struct wr_value b = random_binary(), items[3] = {b, text_of(&b, room), wr_int(1)};
    struct wr_value set = wr_set_from(items, 3);
    CHECK_INT(set.n, 2);
    CHECK(wr_set_has(&set, &b));
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
