/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator against the published figures of the Handbook's set (183 days, 5,000 customers):
 * 0.837 % frauds, scenarios 6.6 / 61.8 / 31.5 %, 9,586 transactions a day, mean amount 53.63. */
#include "app/simevent.h"
#include "check.h"

#include <math.h>

static const struct wr_memory memory = CHECK_MEMORY;

static struct wr_cardsim *open_sim(struct wr_arena *arena, uint64_t seed)
{
    struct wr_cardsim_config config = {seed, 5000, 10000, 5.0};
    wr_arena_init(arena, &memory, (size_t)1 << 30);
    return wr_cardsim_open(arena, &config);
}

TEST("the stream has the published shares, sizes and hours")
{
    enum { DAYS = 120, SKIP = 30 };
    struct wr_arena arena;
    struct wr_cardsim *sim = open_sim(&arena, 11);
    struct wr_card_tx tx;
    double n = 0, fraud = 0, cents = 0, noon = 0, by_scenario[4] = {0};
    while (wr_cardsim_next(sim, &tx) && tx.time_s < DAYS * 86400LL) {
        if (tx.time_s < SKIP * 86400LL) {
            continue;
        }
        n++;
        cents += (double)tx.cents;
        fraud += tx.scenario != 0;
        by_scenario[tx.scenario]++;
        int64_t hour = tx.time_s % 86400 / 3600;
        noon += hour >= 9 && hour < 15;
    }
    CHECK(fabs(n / (DAYS - SKIP) - 9586.0) < 300.0);
    CHECK(fabs(cents / n / 100.0 - 53.6) < 1.5);
    CHECK(fabs(fraud / n - 0.0093) < 0.0012); /* the warm months lie above the mean of all */
    CHECK(fabs(by_scenario[1] / fraud - 0.066) < 0.025);
    CHECK(fabs(by_scenario[2] / fraud - 0.618) < 0.08);
    CHECK(fabs(by_scenario[3] / fraud - 0.315) < 0.08);
    CHECK(fabs(noon / n - 0.42) <
          0.03); /* normal around noon, deviation 20,000 s, cut to the day */
    wr_arena_deinit(&arena);
}

TEST("ids are contiguous, times never fall, one seed gives one stream")
{
    struct wr_arena a, b;
    struct wr_cardsim *x = open_sim(&a, 5), *y = open_sim(&b, 5);
    struct wr_card_tx tx, twin, last = {0};
    for (uint64_t i = 0; i < 50000; i++) {
        CHECK(wr_cardsim_next(x, &tx) && wr_cardsim_next(y, &twin));
        CHECK(memcmp(&tx, &twin, sizeof tx) == 0);
        CHECK(tx.id == i && tx.time_s >= last.time_s && tx.cents >= 0);
        last = tx;
    }
    wr_arena_deinit(&a);
    wr_arena_deinit(&b);
}

TEST("a fraud's label comes after its delay and before later events")
{
    static struct wr_simevent stream;
    struct wr_arena arena;
    struct wr_cardsim *sim = open_sim(&arena, 2);
    wr_simevent_open(&stream, sim, 0, 86400000, 6, 0);
    struct wr_simline line;
    int64_t now_s = 0;
    uint64_t frauds = 0, labels = 0;
    while (wr_simevent_next(&stream, &line)) {
        if (line.is_label) {
            CHECK(line.tx.scenario != 0);
            CHECK(line.tx.time_s + 86400 >= now_s);
            labels++;
        } else {
            CHECK(labels == 0 || line.tx.time_s >= 86400);
            now_s = line.tx.time_s;
            frauds += line.tx.scenario != 0;
        }
    }
    CHECK(labels > 50 && labels < frauds);
    wr_arena_deinit(&arena);
}

TEST("numbers out of range are refused")
{
    struct wr_arena arena;
    wr_arena_init(&arena, &memory, 1 << 26);
    struct wr_cardsim_config bad[] = {{1, 0, 10, 5.0},
                                      {1, 10, 0, 5.0},
                                      {1, 1000001, 10, 5.0},
                                      {1, 10, 10, -1.0},
                                      {1, 10, 10, NAN}};
    for (size_t i = 0; i < WR_COUNTOF(bad); i++) {
        CHECK(wr_cardsim_open(&arena, &bad[i]) == NULL);
    }
    struct wr_cardsim_config lonely = {1, 10, 1, 0.0};
    struct wr_card_tx tx;
    struct wr_cardsim *sim = wr_cardsim_open(&arena, &lonely);
    CHECK(sim != NULL && !wr_cardsim_next(sim, &tx));
    wr_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
