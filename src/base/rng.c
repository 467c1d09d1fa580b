/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"
#include "base/fmath.h"

#include <math.h>

static uint64_t rotate(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

void wr_rng_seed(struct wr_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9E3779B97F4A7C15U;
        uint64_t z = seed;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
        z = (z ^ z >> 27) * 0x94D049BB133111EBU;
        rng->s[i] = z ^ z >> 31;
    }
}

uint64_t wr_rng_u64(struct wr_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double wr_rng_unit(struct wr_rng *rng)
{
    return (double)(wr_rng_u64(rng) >> 11) * 0x1p-53;
}

uint64_t wr_rng_below(struct wr_rng *rng, uint64_t n)
{
    WR_ASSERT(n > 0);
    uint64_t limit = UINT64_MAX - UINT64_MAX % n; /* the tail would favour small numbers */
    uint64_t x = wr_rng_u64(rng);
    while (x >= limit) {
        x = wr_rng_u64(rng);
    }
    return x % n;
}

double wr_rng_normal(struct wr_rng *rng)
{
    for (;;) {
        double u = 2.0 * wr_rng_unit(rng) - 1.0, v = 2.0 * wr_rng_unit(rng) - 1.0;
        double r = u * u + v * v;
        if (r > 0.0 && r < 1.0) {
            return u * sqrt(-2.0 * wr_log(r) / r);
        }
    }
}

unsigned wr_rng_poisson(struct wr_rng *rng, double mean)
{
    WR_ASSERT(mean >= 0.0 && mean <= 30.0);
    double floor = wr_exp(-mean), product = wr_rng_unit(rng);
    unsigned n = 0;
    while (product > floor) {
        product *= wr_rng_unit(rng);
        n++;
    }
    return n;
}
