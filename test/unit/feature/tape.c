/* SPDX-License-Identifier: Apache-2.0 */
/* Tapes as such: order, totals of every node, dropping, marking, failing for lack of room; and the
 * rounding of exact ratios. */
#include "base/rng.h"
#include "feature/exact.h"
#include "feature/read.h"
#include "feature/tree.h"
#include "fixture.h"

#include <math.h>

__extension__ typedef __float128 quad;
__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 i128;

static struct wr_record scratch[WR_CHUNK_RECORDS_MAX + 1];

struct bench {
    struct fixture f;
    struct wr_store store;
    struct wr_tape tape;
    struct wr_record *want; /* in order */
    uint32_t n;
};

static void bench_open(struct bench *b, uint32_t spans)
{
    memset(b, 0, sizeof *b);
    CHECK_INT(
        fixture_plan(&b->f,
                     "{'entities': {'e': 'id'}, 'features': {"
                     " 'a': {'entity': 'e', 'sum': 'x', 'window': '1d'},"
                     " 'b': {'entity': 'e', 'max': 'y', 'window': '1d', 'where': 'c'},"
                     " 'c': {'entity': 'e', 'share': 'label.fraud', 'window': '1d', 'where': 'c'},"
                     " 'd': {'entity': 'e', 'distinct': 'z', 'window': '1d'}}}"),
        WR_OK);
    CHECK(wr_store_init(&b->store, &b->f.memory, spans));
    b->tape =
        (struct wr_tape){.store = &b->store, .class = &b->f.plan->classes[0], .scratch = scratch};
    b->want = malloc(400000 * sizeof *b->want);
}

static void bench_close(struct bench *b)
{
    free(b->want);
    wr_store_deinit(&b->store);
    wr_arena_deinit(&b->f.arena);
}

static bool same_record(const struct wr_record *a, const struct wr_record *b, unsigned columns)
{
    return a->tick == b->tick && a->bits == b->bits &&
           memcmp(a->columns, b->columns, columns * sizeof a->columns[0]) == 0;
}

static void check_content(const struct bench *b)
{
    struct wr_cursor cursor;
    struct wr_record record;
    uint32_t i = 0, wrong = 0;
    wr_tape_seek(&b->tape, INT64_MIN, &cursor);
    for (; wr_tape_next(&b->tape, &cursor, &record); i++) {
        wrong += i >= b->n || !same_record(&record, &b->want[i], b->tape.class->n_columns);
    }
    CHECK_INT(i, b->n);
    CHECK_INT(wrong, 0);
}

/* Totals of a subtree, gathered record by record; checks those its nodes carry on the way. */
struct totals {
    struct wr_count counts[WR_LIMIT_FEATURE_LANES];
    struct wr_series series[WR_LIMIT_FEATURE_LANES];
    int64_t first;
    uint32_t n;
};

/* `edge`: the subtree is the right end of the tape, where last children need no totals yet. */
static void check_totals(const struct bench *b, uint32_t ref, uint32_t height, bool edge,
                         struct totals *t)
{
    const struct wr_feature_class *class = b->tape.class;
    if (height == 0) {
        struct wr_chunk *chunk = wr_store_at(&b->store, ref);
        CHECK(chunk->n > 0);
        for (uint32_t i = chunk->n; i-- > 0;) {
            struct wr_record record;
            wr_chunk_get(chunk, class, i, &record);
            for (unsigned l = 0; l < class->n_counter_lanes; l++) {
                wr_count_record(&t->counts[l], class->counter_lanes[l].mask, &record);
            }
            for (unsigned l = 0; l < class->n_series_lanes; l++) {
                wr_series_record(&t->series[l], &class->series_lanes[l], &record);
            }
            t->first = record.tick;
            t->n++;
        }
        return;
    }
    struct wr_node *node = wr_store_at(&b->store, ref);
    CHECK(node->n > 0 && node->n <= class->fanout);
    for (uint32_t i = node->n; i-- > 0;) {
        struct wr_child *child = wr_child_at(class, node, i);
        struct totals *below = calloc(1, sizeof *below);
        bool open = edge && i + 1 == node->n;
        check_totals(b, child->ref, height - 1, open, below);
        CHECK_INT(child->first, below->first);
        for (unsigned l = 0; l < class->n_counter_lanes; l++) {
            const struct wr_count *got = &wr_child_counts(child)[l], *want = &below->counts[l];
            CHECK(open || (got->n == want->n && (got->n == 0 || got->newest == want->newest)));
            wr_count_merge(&t->counts[l], want);
        }
        for (unsigned l = 0; l < class->n_series_lanes; l++) {
            const struct wr_series *got = &wr_child_series(class, child)[l];
            const struct wr_series *want = &below->series[l];
            CHECK(open || got->n == want->n);
            CHECK(open || got->n == 0 ||
                  (got->sum == want->sum && got->squares == want->squares &&
                   got->min == want->min && got->max == want->max && got->newest == want->newest &&
                   got->oldest == want->oldest));
            wr_series_merge(&t->series[l], want);
        }
        t->first = below->first;
        t->n += below->n;
        free(below);
    }
}

static void check_tape(const struct bench *b)
{
    struct totals *all = calloc(1, sizeof *all);
    check_content(b);
    if (b->tape.ref != WR_STORE_NO_REF) {
        check_totals(b, b->tape.ref, b->tape.height, true, all);
    }
    CHECK_INT(all->n, b->n);
    free(all);
}

static struct wr_record random_record(struct wr_rng *rng, int64_t tick)
{
    static const uint64_t sizes[] = {1, 200, 60000, 60000, 60000, (uint64_t)1 << 52};
    struct wr_record r = {.tick = tick, .bits = (uint32_t)wr_rng_below(rng, 4)};
    for (int c = 0; c < 3; c++) {
        bool present = wr_rng_below(rng, 10) != 0;
        uint64_t v = wr_rng_below(rng, sizes[wr_rng_below(rng, WR_COUNTOF(sizes))]);
        r.columns[c] = present ? v + 1 : 0;
    }
    return r;
}

static void insert(struct bench *b, const struct wr_record *record, int64_t horizon)
{
    CHECK(wr_tape_insert(&b->tape, record, horizon));
    uint32_t at = b->n;
    while (at > 0 && b->want[at - 1].tick > record->tick) {
        at--;
    }
    memmove(&b->want[at + 1], &b->want[at], (b->n - at) * sizeof *b->want);
    b->want[at] = *record;
    b->n++;
}

static void drop(struct bench *b)
{
    struct wr_cursor cursor;
    wr_tape_seek(&b->tape, INT64_MIN, &cursor);
    uint32_t n = cursor.chunk->n;
    CHECK_INT(wr_tape_drop_oldest(&b->tape), b->want[n - 1].tick);
    b->n -= n;
    memmove(b->want, b->want + n, b->n * sizeof *b->want);
}

static void mark(struct bench *b, struct wr_rng *rng)
{
    uint32_t i = (uint32_t)wr_rng_below(rng, b->n), first = i;
    struct wr_cursor cursor;
    struct wr_record record;
    while (first > 0 && b->want[first - 1].tick == b->want[i].tick) {
        first--;
    }
    CHECK(wr_tape_ties(&b->tape, b->want[i].tick) >= i - first + 1);
    wr_tape_seek_before(&b->tape, b->want[i].tick, &cursor);
    for (uint32_t k = first; k < i; k++) {
        CHECK(wr_tape_next(&b->tape, &cursor, &record));
    }
    bool set = wr_rng_below(rng, 2) != 0;
    uint32_t bits = set ? b->want[i].bits | 2 : b->want[i].bits & ~2u;
    CHECK(wr_tape_mark(&b->tape, &cursor, 2, set) == (bits != b->want[i].bits));
    b->want[i].bits = bits;
}

TEST("a tape keeps order, content and totals through growth, late records, marks and drops")
{
    uint32_t highest = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct bench b;
        struct wr_rng rng;
        int64_t now = -50000;
        wr_rng_seed(&rng, seed);
        bench_open(&b, 1024);
        for (int i = 0; i < 12000; i++) {
            uint64_t what = wr_rng_below(&rng, 1000);
            now += what < 700 ? (int64_t)wr_rng_below(&rng, 3) : what == 999 ? 100000 : 0;
            int64_t back = what < 100 * seed ? (int64_t)wr_rng_below(&rng, 3000) : 0;
            struct wr_record record = random_record(&rng, now - back);
            insert(&b, &record, INT64_MIN);
            if (wr_rng_below(&rng, 10) == 0) {
                mark(&b, &rng);
            }
            if (wr_rng_below(&rng, i % 4000 < 3000 ? 400 : 5) == 0) {
                drop(&b);
            }
            if (i % 500 == 0) {
                check_tape(&b);
            }
            highest = WR_MAX(highest, b.tape.height);
        }
        while (b.n > 0) {
            drop(&b);
        }
        CHECK_INT(b.tape.ref, WR_STORE_NO_REF);
        CHECK_INT(b.store.used, 0);
        bench_close(&b);
    }
    CHECK(highest >= 3);
}

TEST("old records leave as new ones come, and a tape shrinks again")
{
    struct bench b;
    struct wr_rng rng;
    uint64_t peak = 0;
    wr_rng_seed(&rng, 9);
    bench_open(&b, 1024);
    for (int64_t tick = 0; tick < 60000; tick++) { /* 5,000 live, then few */
        int64_t t = tick < 40000 ? tick : 40000 + (tick - 40000) * 1000;
        struct wr_record record = random_record(&rng, t);
        CHECK(wr_tape_insert(&b.tape, &record, t - 5000));
        peak = tick < 40000 ? WR_MAX(peak, b.store.used) : peak;
    }
    CHECK(peak < 5000 * 40);
    CHECK(b.store.used < 4000);
    CHECK_INT(b.tape.height, 0);
    wr_tape_free(&b.tape);
    CHECK_INT(b.store.used, 0);
    bench_close(&b);
}

TEST("an insertion that finds no room changes nothing")
{
    struct bench b;
    struct wr_rng rng;
    int refused = 0;
    wr_rng_seed(&rng, 11);
    bench_open(&b, WR_BLOCK_SPANS);
    for (int i = 0; i < 90000; i++) {
        int64_t tick = 1000 + i / 2 - (int64_t)wr_rng_below(&rng, 500) * (i % 7 == 0);
        struct wr_record record = random_record(&rng, tick);
        if (!wr_tape_insert(&b.tape, &record, INT64_MIN)) {
            refused++;
            if (refused % 50 == 1) {
                check_tape(&b);
            }
            continue;
        }
        uint32_t at = b.n;
        while (at > 0 && b.want[at - 1].tick > record.tick) {
            at--;
        }
        memmove(&b.want[at + 1], &b.want[at], (b.n - at) * sizeof *b.want);
        b.want[at] = record;
        b.n++;
    }
    CHECK(refused > 0);
    check_tape(&b);
    wr_tape_free(&b.tape);
    CHECK_INT(b.store.used, 0);
    bench_close(&b);
}

/* ── ratios ─────────────────────────────────────────────────────────────────────────────────── */
/* Not of events: of a damaged image whose checksums hold. */
TEST("the variance of totals that cannot be is a number all the same")
{
    static const uint64_t counts[] = {2, 1u << 31, 1ull << 62, 1ull << 63, UINT64_MAX};
    struct fixture f = {0};
    CHECK_INT(fixture_plan(&f, "{'entities': {'e': 'id'}, 'features': {"
                               " 'a': {'entity': 'e', 'variance': 'x', 'window': '1d'}}}"),
              WR_OK);
    const struct wr_feature_class *class = &f.plan->classes[0];
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (uint64_t square = 0; square <= 1000; square += 1000) {
            struct wr_series series = {.n = counts[i], .sum = 12345678, .squares = square};
            struct wr_feature_value value;
            wr_feature_read_series(f.plan, &class->readers[0], &series, 1, &value);
            CHECK(value.number >= 0 && isfinite(value.number));
        }
    }
    wr_arena_deinit(&f.arena);
}

TEST("a ratio is the double nearest to it")
{
    struct wr_rng rng;
    int wrong = 0;
    wr_rng_seed(&rng, 1);
    for (int i = 0; i < 200000; i++) {
        i128 a = (i128)(wr_rng_u64(&rng) >> wr_rng_below(&rng, 64));
        u128 b = 1 + (wr_rng_u64(&rng) >> wr_rng_below(&rng, 64));
        a = wr_rng_below(&rng, 2) == 0 ? -a : a;
        wrong += wr_ratio(a, b) != (double)((quad)a / (quad)b);
    }
    CHECK_INT(wrong, 0);
}

TEST("ratios of over 64 bits and halves round to even")
{
    i128 two64 = (i128)1 << 64;
    CHECK(wr_ratio(0, 7) == 0);
    CHECK(wr_ratio(two64 * 3, 3) == 18446744073709551616.0);
    CHECK(wr_ratio(-two64 * 3, (u128)1 << 65) == -1.5);
    CHECK(wr_ratio((((i128)1 << 53) + 1), 1) == 9007199254740992.0);
    CHECK(wr_ratio((((i128)1 << 53) + 3), 1) == 9007199254740996.0);
    CHECK(wr_ratio((((i128)1 << 54) + 2) * 5 + 1, 5) == 18014398509481988.0);
    CHECK(wr_ratio(((i128)1 << 125) - 1, ((u128)1 << 125)) == 1.0);
    CHECK(wr_ratio(1, (u128)1 << 125) == 0x1p-125);
    CHECK(wr_ratio(1, ((u128)1 << 125) - 1) == 0x1p-125);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
