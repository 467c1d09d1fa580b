/* SPDX-License-Identifier: Apache-2.0 */
/* A small seeded generator: the same numbers on every build, for simulation, sketches and tests.
 * Never for secrets. Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators",
 * 2018 (xoshiro256**), seeded through splitmix64. */
#ifndef WR_RNG_H
#define WR_RNG_H

#include "base/base.h"

struct wr_rng {
    uint64_t s[4];
};

void wr_rng_seed(struct wr_rng *rng, uint64_t seed);
uint64_t wr_rng_u64(struct wr_rng *rng);
/* Uniform in [0, 1) with 53 random bits. */
double wr_rng_unit(struct wr_rng *rng);
/* Uniform in [0, n), n > 0, without bias. */
uint64_t wr_rng_below(struct wr_rng *rng, uint64_t n);
/* Normal with mean 0 and deviation 1 (Marsaglia's polar method). */
double wr_rng_normal(struct wr_rng *rng);
/* Poisson with a mean of at most 30 (Knuth's product of uniforms). */
unsigned wr_rng_poisson(struct wr_rng *rng, double mean);

#endif
