/* SPDX-License-Identifier: Apache-2.0 */
/* A simulator of card transactions with three kinds of fraud, as a stream without end.
 *
 * The population and its parameters are those published with the Fraud Detection Handbook (Le
 * Borgne, Siblini, Lebichot, Bontempi, 2021), the algorithm is written anew and works day by day:
 *   customers  at a uniform place on [0,100)^2, mean amount U(5,100), deviation half of it, U(0,4)
 *              transactions a day on average; they use the terminals closer than `radius`
 *   amounts    normal, negative ones redrawn from U(0, 2*mean), rounded to cents
 *   time       normal around noon with 20,000 s, kept within the day
 *   fraud 1    every amount over 220
 *   fraud 2    every day two terminals are compromised: all they see on 28 days
 *   fraud 3    every day three customers' cards leak: on 14 days one of three transactions (which
 * of the three by chance) has five times its amount Later scenarios overwrite earlier ones. The
 * same seed gives the same stream on every build.      */
#ifndef WR_CARDSIM_H
#define WR_CARDSIM_H

#include "base/arena.h"
#include "base/rng.h"

struct wr_card_tx {
    uint64_t id;    /* 0, 1, 2 ... in order of time */
    int64_t time_s; /* since the start of day 0 */
    int64_t cents;  /* amount in minor units */
    uint32_t customer, terminal;
    uint8_t scenario; /* 0: genuine */
};

struct wr_cardsim_config {
    uint64_t seed;
    uint32_t customers, terminals; /* 5,000 and 10,000 in the published set */
    double radius;                 /* 5 */
};

struct wr_cardsim;

/* Lives in the arena (about 3 MB for the published size); NULL when there is no room or a number is
 * out of range (1..1,000,000 customers and terminals, radius 0..100). */
struct wr_cardsim *wr_cardsim_open(struct wr_arena *arena, const struct wr_cardsim_config *config);

/* The next transaction. Never ends unless nobody has a terminal within reach (returns false). */
bool wr_cardsim_next(struct wr_cardsim *sim, struct wr_card_tx *tx);

#endif
