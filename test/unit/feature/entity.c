/* SPDX-License-Identifier: Apache-2.0 */
/* The table of entities against a list: rows found, made and dropped at random while it grows. */
#include "base/hash.h"
#include "base/rng.h"
#include "feature/entity.h"

#include "check.h"

enum { KEYS = 60000, STEPS = 400000 };

static struct wr_event_key key_of(uint64_t i)
{
    /* Few low bits on purpose: long runs, and slots that look alike. */
    uint64_t hash = wr_mix64(i);
    return (struct wr_event_key){(hash & ~UINT64_C(0xffffffff)) | (hash & 0x3ffff), (uint32_t)i,
                                 true};
}

TEST("rows are found, made and dropped while the table doubles in steps")
{
    static uint32_t rows[KEYS];
    struct wr_memory memory = CHECK_MEMORY;
    struct wr_store store;
    struct wr_entities entities;
    struct wr_rng rng;
    uint32_t n = 0, while_moving = 0, largest = 0;
    wr_rng_seed(&rng, 7);
    memset(rows, 0xff, sizeof rows);
    CHECK(wr_store_init(&store, &memory, 1000) && wr_entities_init(&entities, &store, 2 * KEYS));
    for (int step = 0; step < STEPS; step++) {
        uint64_t i = wr_rng_below(&rng, 1 + (uint64_t)step * KEYS / STEPS);
        struct wr_event_key key = key_of(i);
        CHECK(wr_entity_find(&entities, &key) == rows[i]);
        if (rows[i] == WR_ROW_NONE) {
            rows[i] = wr_entity_add(&entities, &key, 0);
            CHECK(rows[i] != WR_ROW_NONE);
            n++;
        } else if (wr_rng_below(&rng, 4) == 0) {
            while_moving += entities.old != NULL;
            wr_entity_drop(&entities, rows[i]);
            rows[i] = WR_ROW_NONE;
            n--;
            CHECK(wr_entity_find(&entities, &key) == WR_ROW_NONE);
        }
        largest = WR_MAX(largest, entities.n_slots);
        CHECK(entities.live.n == n && n < entities.n_slots);
    }
    CHECK(while_moving > 100);
    CHECK(largest >= 65536);
    for (uint64_t i = 0; i < KEYS; i++) {
        struct wr_event_key key = key_of(i);
        CHECK(wr_entity_find(&entities, &key) == rows[i]);
    }
    wr_entities_deinit(&entities);
    wr_store_deinit(&store);
}

/* 16 events, each with 16 entities never seen before. */
TEST("growing clears or moves at most 64 KiB in a batch")
{
    struct wr_memory memory = CHECK_MEMORY;
    struct wr_store store;
    struct wr_entities entities;
    uint64_t most = 0, i = 0;
    CHECK(wr_store_init(&store, &memory, 1000) && wr_entities_init(&entities, &store, 1 << 20));
    for (int batch = 0; batch < 2000; batch++) {
        uint64_t before = entities.growth;
        for (int key = 0; key < 16 * WR_LIMIT_SCHEMA_ENTITIES; key++) {
            struct wr_event_key fresh = {wr_mix64(i), (uint32_t)i, true};
            CHECK(wr_entity_add(&entities, &fresh, 0) == i++);
        }
        most = WR_MAX(most, entities.growth - before);
        CHECK(entities.live.n * 16ull <= entities.n_slots * 11ull); /* and never falls behind */
    }
    CHECK(entities.n_slots == 1 << 20 && entities.growth > (uint64_t)12 << 20);
    CHECK(most > WR_LIMIT_FEATURE_GROWTH / 2 && most <= WR_LIMIT_FEATURE_GROWTH);
    wr_entities_deinit(&entities);
    wr_store_deinit(&store);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
