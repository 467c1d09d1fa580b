/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "engine/seen.h"

static size_t blocks_out, bytes_out, n_takes, n_foreseen;
static long takes_left = -1;
static struct wr_memory_need pool[WR_SEEN_NEEDS]; /* what could be ready */

static void take_foreseen(size_t size)
{
    for (size_t i = 0; i < WR_SEEN_NEEDS; i++) {
        if (pool[i].size == size && pool[i].n > 0) {
            pool[i].n--;
            n_foreseen++;
            return;
        }
    }
}

static void *take(void *context, size_t size)
{
    (void)context;
    if (takes_left == 0) {
        return NULL;
    }
    takes_left -= takes_left > 0;
    blocks_out++;
    n_takes++;
    take_foreseen(size);
    bytes_out += size;
    return malloc(size);
}

static void give(void *context, void *block, size_t size)
{
    (void)context;
    blocks_out--;
    bytes_out -= size;
    free(block);
}

static const struct wr_memory memory = {take, give, NULL};

static uint64_t id_of(uint64_t i)
{
    return wr_mix64(i + 1);
}

static bool add(struct wr_seen *seen, uint64_t i, int64_t now_us)
{
    struct wr_seen_entry entry = {
        .id_hash = id_of(i), .body = {i, ~i}, .sequence = i + 1, .now_us = now_us};
    if (!wr_seen_room(seen, entry.id_hash)) {
        return false;
    }
    wr_seen_add(seen, &entry);
    return true;
}

TEST("the newest ids up to the cap are found, older ones are not")
{
    enum { CAP = 10000, N = 45000 };
    struct wr_seen seen;
    CHECK(wr_seen_init(&seen, &memory, CAP, 1000000));
    for (uint64_t i = 0; i < N; i++) {
        CHECK(add(&seen, i, 0));
        CHECK(wr_seen_count(&seen) == (i < CAP ? i + 1 : CAP));
    }
    for (uint64_t i = 0; i < N; i++) {
        const struct wr_seen_entry *entry = wr_seen_find(&seen, id_of(i), 0);
        CHECK((entry != NULL) == (i >= N - CAP));
        CHECK(entry == NULL || entry->sequence == i + 1);
    }
    CHECK(seen.bytes == bytes_out);
    wr_seen_deinit(&seen);
    CHECK_INT(blocks_out, 0);
    CHECK_INT(bytes_out, 0);
}

TEST("an id older than the age is new again, and its entry leaves later")
{
    struct wr_seen seen;
    int64_t oldest;
    CHECK(wr_seen_init(&seen, &memory, 100, 1000));
    CHECK(!wr_seen_oldest(&seen, &oldest));
    CHECK(add(&seen, 1, 0));
    CHECK(wr_seen_find(&seen, id_of(1), 1000) != NULL);
    CHECK(wr_seen_find(&seen, id_of(1), 1001) == NULL);
    CHECK(wr_seen_oldest(&seen, &oldest) && oldest == 0);
    CHECK(add(&seen, 1, 2000));
    CHECK_INT(wr_seen_count(&seen), 1);
    CHECK(wr_seen_find(&seen, id_of(1), 2001) != NULL);
    wr_seen_deinit(&seen);
}

TEST("a repeated id is found in its newest entry, also when the old one leaves")
{
    struct wr_seen seen;
    CHECK(wr_seen_init(&seen, &memory, 3, INT64_MAX));
    struct wr_seen_entry entry = {.id_hash = 42, .sequence = 1};
    CHECK(wr_seen_room(&seen, 42));
    wr_seen_add(&seen, &entry);
    entry.sequence = 2;
    CHECK(wr_seen_room(&seen, 42));
    wr_seen_add(&seen, &entry);
    CHECK(wr_seen_find(&seen, 42, 0)->sequence == 2);
    CHECK(add(&seen, 7, 0) && add(&seen, 8, 0)); /* the entry of sequence 1 leaves */
    CHECK(wr_seen_find(&seen, 42, 0) != NULL && wr_seen_find(&seen, 42, 0)->sequence == 2);
    CHECK(add(&seen, 9, 0));
    CHECK(wr_seen_find(&seen, 42, 0) == NULL);
    wr_seen_deinit(&seen);
}

TEST("a clock at the ends of its range does no harm")
{
    struct wr_seen seen;
    CHECK(wr_seen_init(&seen, &memory, 10, 1000));
    CHECK(add(&seen, 1, INT64_MIN) && add(&seen, 2, INT64_MAX));
    CHECK(wr_seen_find(&seen, id_of(1), INT64_MAX) == NULL);
    CHECK(wr_seen_find(&seen, id_of(2), INT64_MIN) != NULL);
    wr_seen_deinit(&seen);
}

static void digest(const struct wr_seen *seen, uint8_t out[32])
{
    struct wr_sha256 sha;
    wr_sha256_init(&sha);
    wr_seen_digest(seen, &sha);
    wr_sha256_end(&sha, out);
}

TEST("limits can change in the middle, in either direction")
{
    struct wr_seen seen;
    uint8_t before[32], after[32];
    CHECK(wr_seen_init(&seen, &memory, 20000, INT64_MAX));
    for (uint64_t i = 0; i < 30000; i++) {
        CHECK(add(&seen, i, 0));
    }
    digest(&seen, before);
    CHECK(wr_seen_set_limits(&seen, 200000, INT64_MAX));
    digest(&seen, after);
    CHECK(memcmp(before, after, 32) == 0);
    for (uint64_t i = 30000; i < 100000; i++) {
        CHECK(add(&seen, i, 0));
    }
    CHECK_INT(wr_seen_count(&seen), 90000);
    CHECK(wr_seen_set_limits(&seen, 5000, INT64_MAX));
    CHECK_INT(wr_seen_count(&seen), 5000);
    for (uint64_t i = 0; i < 100000; i++) {
        CHECK((wr_seen_find(&seen, id_of(i), 0) != NULL) == (i >= 95000));
    }
    CHECK(add(&seen, 100000, 0));
    wr_seen_deinit(&seen);
    CHECK_INT(blocks_out, 0);
}

TEST("the digest tells contents and order, and not how they came")
{
    struct wr_seen a, b;
    uint8_t da[32], db[32];
    CHECK(wr_seen_init(&a, &memory, 5000, INT64_MAX) && wr_seen_init(&b, &memory, 5000, INT64_MAX));
    for (uint64_t i = 0; i < 12000; i++) {
        CHECK(add(&a, i, 0));
    }
    for (uint64_t i = 7000; i < 12000; i++) {
        CHECK(add(&b, i, 0));
    }
    digest(&a, da);
    digest(&b, db);
    CHECK(memcmp(da, db, 32) == 0);
    CHECK(add(&b, 12000, 0));
    digest(&b, db);
    CHECK(memcmp(da, db, 32) != 0);
    wr_seen_deinit(&a);
    wr_seen_deinit(&b);
}

TEST("when memory ends room says so, and what is there stays whole")
{
    for (long n = 0; n < 300; n += 7) {
        struct wr_seen seen;
        uint64_t added = 0;
        takes_left = n;
        if (wr_seen_init(&seen, &memory, 100000, INT64_MAX)) {
            while (added < 20000 && add(&seen, added, 0)) {
                added++;
            }
            for (uint64_t i = 0; i < added; i++) {
                const struct wr_seen_entry *entry = wr_seen_find(&seen, id_of(i), 0);
                CHECK(entry != NULL && entry->sequence == i + 1);
            }
        }
        takes_left = -1;
        wr_seen_deinit(&seen);
        CHECK_INT(blocks_out, 0);
    }
}

TEST("the parts double one after another, not all at once")
{
    enum { N = 900000, PARTS_AT_ONCE = WR_SEEN_PARTS / 4 };
    struct wr_seen seen;
    CHECK(wr_seen_init(&seen, &memory, N, INT64_MAX));
    for (uint64_t i = 0, end; i < N; i = end) { /* a stretch of a thirty-second of what is there */
        size_t before = n_takes;
        end = WR_MAX(i + i / 32, i + WR_SEEN_CHUNK);
        for (uint64_t k = i; k < end; k++) {
            CHECK(add(&seen, k, 0));
        }
        size_t n_chunks = (size_t)((end - i) / WR_SEEN_CHUNK + 1);
        CHECK(i < N / 2 || n_takes - before <= n_chunks + PARTS_AT_ONCE);
    }
    wr_seen_deinit(&seen);
    CHECK_INT(blocks_out, 0);
}

TEST("most of the blocks that ids take are foreseen, and none when no more ids are kept")
{
    /* Tables are small, and so double soon one after another; and when the ids are many enough, a
     * chunk is left while the last quarter of another is used. */
    enum { N = 42 * WR_SEEN_CHUNK + WR_SEEN_CHUNK * 7 / 8, LOOK = 128 };
    struct wr_seen seen;
    uint8_t before[32], after[32];
    CHECK(wr_seen_init(&seen, &memory, N, INT64_MAX));
    for (uint64_t i = 0; i < 2 * N; i++) {
        if (i == N / 4) {
            n_takes = n_foreseen = 0;
        }
        if (i % LOOK == 0) {
            wr_seen_foresee(&seen, pool);
            CHECK(pool[0].n <= 1 && pool[1].n <= 2);
            CHECK(i <= N + WR_SEEN_CHUNK || pool[0].n + pool[1].n == 0);
        }
        CHECK(add(&seen, i, 0));
        if (i == N + WR_SEEN_CHUNK) {
            CHECK(n_takes > 256 + N / 2 / WR_SEEN_CHUNK && n_foreseen >= n_takes - n_takes / 8);
            n_takes = n_foreseen = 0;
        }
    }
    CHECK(n_takes < 64); /* parts that come to have more by chance */
    digest(&seen, before);
    wr_seen_foresee(&seen, pool);
    digest(&seen, after);
    CHECK(pool[0].n == 0 && pool[1].n == 0 && memcmp(before, after, 32) == 0);
    wr_seen_deinit(&seen);
    CHECK_INT(blocks_out, 0);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
