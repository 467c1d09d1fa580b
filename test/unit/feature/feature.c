/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"
#include "fixture.h"

static const char *const pack =
    "{'event': {'time': {'path': 't', 'unit': 'ms'}, 'amount': {'path': 'amount'},"
    "           'lateness': '10s'},"
    " 'entities': {'card': 'card', 'shop': 'shop'},"
    " 'features': {"
    "  'f0': {'entity': 'card', 'count': true, 'window': '1m'},"
    "  'f1': {'entity': 'card', 'avg': 'amount', 'window': '1m', 'include_self': false},"
    "  'f2': {'entity': 'card', 'avg': 'amount', 'window': '1m', 'include_self': false,"
    "         'missing': 0},"
    "  'f3': {'entity': 'card', 'seconds_since_last': true, 'missing': -1.5},"
    "  'f4': {'entity': 'shop', 'share': 'label.fraud', 'window': '1m', 'delay': '5s'},"
    "  'f5': {'entity': 'card', 'sum': 'amount', 'window': '1m'},"
    "  'f6': {'entity': 'card', 'delta_to_last': 'amount'}}}";

enum { F_COUNT, F_AVG, F_AVG_0, F_SINCE, F_SHARE, F_SUM, F_DELTA, FEATURES };

static struct wr_feature_value values[FEATURES];
static struct wr_feature_vector vector = {.values = values};
static uint64_t sequence;

enum { DISTINCT_EXACT = 8192 };

static struct wr_event event_at(int64_t time_ms, uint64_t card, uint64_t shop, int64_t amount)
{
    struct wr_event event = {.time_ms = time_ms, .has_time = true};
    event.keys[0] =
        (struct wr_event_key){.hash = wr_mix64(card), .check = 1, .present = card != UINT64_MAX};
    event.keys[1] =
        (struct wr_event_key){.hash = wr_mix64(shop), .check = 2, .present = shop != UINT64_MAX};
    event.fields[0] = (struct wr_event_field){.present = amount != INT64_MIN, .units = amount};
    return event;
}

static bool apply(struct fixture *f, int64_t time_ms, uint64_t card, uint64_t shop, int64_t amount)
{
    struct wr_event event = event_at(time_ms, card, shop, amount);
    return wr_feature_update(f->state, &event, 0, ++sequence, &vector);
}

static void check_text(struct fixture *f, int feature, const char *want)
{
    struct wr_value v = wr_feature_to_value(&f->arena, &values[feature]);
    char room[64];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    if (wr_is(v, WR_NUMBER)) {
        wr_number_write(&buf, &v);
    } else {
        wr_buf_str(&buf, wr_str_z(wr_feature_presence_name(
                             (enum wr_feature_presence)values[feature].presence)));
    }
    CHECK_TEXT(buf.p, buf.n, want);
}

TEST("values print as integers, money at its scale, and shortest doubles")
{
    struct fixture f;
    fixture_open(&f, pack, NULL);
    CHECK(apply(&f, 1000, 1, 1, 1050));
    check_text(&f, F_COUNT, "1");
    check_text(&f, F_SUM, "10.50");
    check_text(&f, F_AVG, "no_history");
    check_text(&f, F_AVG_0, "0");
    check_text(&f, F_SINCE, "-1.5");
    check_text(&f, F_SHARE, "0");
    check_text(&f, F_DELTA, "no_history");
    CHECK(apply(&f, 3500, 1, 1, 1000));
    check_text(&f, F_COUNT, "2");
    check_text(&f, F_SUM, "20.50");
    check_text(&f, F_AVG, "10.5");
    check_text(&f, F_SINCE, "2.5");
    check_text(&f, F_DELTA, "-0.50");
    fixture_close(&f);
}

TEST("an event without a key or a field says field_absent")
{
    struct fixture f;
    fixture_open(&f, pack, NULL);
    CHECK(apply(&f, 1000, UINT64_MAX, 1, 1));
    check_text(&f, F_COUNT, "field_absent");
    check_text(&f, F_AVG_0, "0");
    check_text(&f, F_SHARE, "0");
    CHECK(apply(&f, 1000, 1, UINT64_MAX, INT64_MIN));
    check_text(&f, F_DELTA, "field_absent");
    check_text(&f, F_SUM, "0.00");
    check_text(&f, F_SHARE, "field_absent");
    CHECK_INT(wr_feature_stats(f.state).entities, 2);
    fixture_close(&f);
}

TEST("windows are open on the left and closed on the right, to the millisecond")
{
    struct fixture f;
    fixture_open(&f, pack, NULL);
    CHECK(apply(&f, 0, 1, 1, 100));
    CHECK(apply(&f, 59999, 1, 1, 100));
    check_text(&f, F_COUNT, "2");
    CHECK(apply(&f, 60000, 1, 1, 100));
    check_text(&f, F_COUNT, "2");
    fixture_close(&f);
}

TEST("an event older than the watermark is flagged and leaves no trace")
{
    struct fixture f;
    uint8_t before[32], after[32];
    fixture_open(&f, pack, NULL);
    CHECK_INT(wr_feature_stats(f.state).watermark_ms, INT64_MIN);
    CHECK(apply(&f, 100000, 1, 1, 100));
    CHECK(apply(&f, 90000, 1, 1, 100)); /* exactly at the watermark: in */
    CHECK(!vector.late);
    check_text(&f, F_COUNT, "1");
    wr_feature_digest(f.state, before);
    CHECK(!apply(&f, 89999, 1, 1, 100));
    CHECK(vector.late && vector.place == WR_PLACE_NONE);
    check_text(&f, F_COUNT, "1");
    CHECK(!apply(&f, 20000, 2, 2, 100)); /* one window begins before what is kept */
    check_text(&f, F_SHARE, "evicted");
    check_text(&f, F_COUNT, "1");
    wr_feature_digest(f.state, after);
    CHECK(memcmp(before, after, 32) == 0);
    CHECK_INT(wr_feature_stats(f.state).late, 2);
    CHECK_INT(wr_feature_stats(f.state).watermark_ms, 90000);
    CHECK(apply(&f, 100000, 1, 1, 100));
    check_text(&f, F_COUNT, "3");
    fixture_close(&f);
}

TEST("the oldest record that a late event may need is kept to the last tick")
{
    struct fixture f;
    fixture_open(&f,
                 "{'event': {'time': {'path': 't', 'unit': 's'}, 'amount': {'path': 'amount'},"
                 " 'lateness': '10s'}, 'entities': {'card': 'card'}, 'features': {"
                 " 'f0': {'entity': 'card', 'count': true, 'window': '1m'},"
                 " 'f1': {'entity': 'card', 'sum': 'amount', 'window': '1m'}}}",
                 NULL);
    CHECK(apply(&f, 0, 1, UINT64_MAX, 1));
    for (int i = 1; i <= 40; i++) { /* amounts widen and the tape is written anew on the way */
        CHECK(apply(&f, 69000, 1, UINT64_MAX, (int64_t)1 << i));
    }
    CHECK(apply(&f, 59000, 1, UINT64_MAX, 0)); /* its minute begins just before second 0 */
    check_text(&f, 0, "2");
    check_text(&f, 1, "0.01");
    CHECK(apply(&f, 70000, 1, UINT64_MAX, 0));
    CHECK(apply(&f, 60000, 1, UINT64_MAX, 0));
    check_text(&f, 0, "2");
    fixture_close(&f);
}

TEST("a state that began later says warming until the window lies within")
{
    struct fixture f;
    struct wr_feature_caps caps = {.warming_since_ms = 1000000};
    fixture_open(&f, pack, &caps);
    CHECK(apply(&f, 1059998, 1, 1, 100));
    check_text(&f, F_COUNT, "warming");
    check_text(&f, F_SHARE, "warming");
    CHECK(apply(&f, 1059999, 1, 1, 100)); /* covers 1,000,000 and later */
    check_text(&f, F_COUNT, "2");
    check_text(&f, F_SHARE, "warming");
    CHECK(apply(&f, 1064999, 1, 1, 100));
    check_text(&f, F_SHARE, "0");
    fixture_close(&f);
}

TEST("a label counts from when it is set, may be repeated and withdrawn, and finds its tie")
{
    struct fixture f;
    fixture_open(&f, pack, NULL);
    struct wr_event event = event_at(1000, 1, 1, 100);
    uint64_t places[3];
    for (int i = 0; i < 3; i++) { /* three events of one millisecond */
        CHECK(wr_feature_update(f.state, &event, 0, ++sequence, &vector));
        places[i] = vector.place;
    }
    CHECK(apply(&f, 6000, 2, 1, 100));
    check_text(&f, F_SHARE, "0");
    CHECK_INT(wr_feature_label(f.state, &event, places[1], 0, true), WR_LABEL_CHANGED);
    CHECK_INT(wr_feature_label(f.state, &event, places[1], 0, true), WR_LABEL_SAME);
    CHECK_INT(wr_feature_label(f.state, &event, places[2], 0, false), WR_LABEL_SAME);
    CHECK(apply(&f, 6000, 2, 1, 100));
    check_text(&f, F_SHARE, "0.3333333333333333");
    CHECK_INT(wr_feature_label(f.state, &event, places[0], 0, true), WR_LABEL_CHANGED);
    CHECK_INT(wr_feature_label(f.state, &event, places[1], 0, false), WR_LABEL_CHANGED);
    CHECK(apply(&f, 6000, 2, 1, 100));
    check_text(&f, F_SHARE, "0.3333333333333333");
    CHECK_INT(wr_feature_label(f.state, &event, WR_PLACE_NONE, 0, true), WR_LABEL_EXPIRED);
    CHECK_INT(wr_feature_label(f.state, &event, 3, 0, true), WR_LABEL_EXPIRED);
    CHECK(apply(&f, 1000000, 2, 2, 100));
    CHECK_INT(wr_feature_label(f.state, &event, places[0], 0, true), WR_LABEL_EXPIRED);
    CHECK_INT(wr_feature_stats(f.state).labels_without_effect, 3);
    fixture_close(&f);
}

/* ── digest ─────────────────────────────────────────────────────────────────────────────────── */
struct entry {
    struct wr_event event;
    int64_t label_of; /* index of the event it labels, or -1 */
    bool set;
};

static void random_journal(struct entry *entries, int n)
{
    struct wr_rng rng;
    int64_t now = 0;
    wr_rng_seed(&rng, 7);
    for (int i = 0; i < n; i++) {
        now += (int64_t)wr_rng_below(&rng, 200);
        int64_t back = wr_rng_below(&rng, 8) == 0 ? (int64_t)wr_rng_below(&rng, 12000) : 0;
        uint64_t card = wr_rng_below(&rng, 300), shop = wr_rng_below(&rng, 4);
        entries[i].event = event_at(now - back, card, shop, (int64_t)wr_rng_below(&rng, 100000));
        entries[i].label_of = i > 0 && wr_rng_below(&rng, 5) == 0
                                  ? i - 1 - (int64_t)wr_rng_below(&rng, WR_MIN(i, 400))
                                  : -1;
        entries[i].set = wr_rng_below(&rng, 3) != 0;
    }
}

/* Applies in batches with prefetch; a batch of 0 has none. Digests at every 5,000th. */
static void fold(const struct entry *entries, int n, int batch, uint32_t cap, uint8_t digests[][32])
{
    static uint64_t places[20000];
    struct fixture f;
    struct wr_feature_caps caps = {.entities_max = cap, .warming_since_ms = INT64_MIN};
    fixture_open(&f, pack, &caps);
    for (int i = 0; i < n; i++) {
        if (batch != 0 && i % batch == 0) {
            const struct wr_event *events[64];
            size_t count = (size_t)WR_MIN(batch, n - i);
            for (size_t k = 0; k < count; k++) {
                events[k] = &entries[i + (int)k].event;
            }
            wr_feature_prefetch(f.state, events, count);
        }
        if (entries[i].label_of >= 0) {
            int64_t of = entries[i].label_of;
            places[i] = WR_PLACE_NONE;
            wr_feature_label(f.state, &entries[of].event, places[of], 0, entries[i].set);
        } else {
            wr_feature_update(f.state, &entries[i].event, 0, (uint64_t)i + 1, &vector);
            places[i] = vector.place;
        }
        if ((i + 1) % 5000 == 0) {
            wr_feature_digest(f.state, digests[i / 5000]);
        }
    }
    fixture_close(&f);
}

TEST("a journal folds to the same digests whatever the batches, and another to others")
{
    enum { N = 20000, POINTS = N / 5000 };
    static struct entry entries[N];
    static const uint32_t caps[] = {0, 100};
    uint8_t one[POINTS][32], other[POINTS][32];
    random_journal(entries, N);
    for (size_t c = 0; c < WR_COUNTOF(caps); c++) {
        fold(entries, N, 0, caps[c], one);
        fold(entries, N, 16, caps[c], other);
        CHECK(memcmp(one, other, sizeof one) == 0);
        fold(entries, N, 64, caps[c], other);
        CHECK(memcmp(one, other, sizeof one) == 0);
        entries[N - 2].event.fields[0].units++;
        entries[N - 2].label_of = -1;
        fold(entries, N, 0, caps[c], other);
        CHECK(memcmp(one, other, sizeof one - 32) == 0);
        CHECK(memcmp(one[POINTS - 1], other[POINTS - 1], 32) != 0);
    }
}

TEST("an event applied without being read leaves the same state")
{
    enum { N = 5000 };
    static struct entry entries[N];
    struct fixture read, unread;
    uint8_t want[32], got[32];
    random_journal(entries, N);
    fixture_open(&read, pack, NULL);
    fixture_open(&unread, pack, NULL);
    for (int i = 0; i < N; i++) {
        bool in = wr_feature_update(read.state, &entries[i].event, 0, (uint64_t)i + 1, &vector);
        struct wr_feature_vector bare = {.values = NULL};
        bool none = i % 2 == 0;
        CHECK(wr_feature_update(unread.state, &entries[i].event, 0, (uint64_t)i + 1,
                                none ? NULL : &bare) == in);
        CHECK(none || (bare.late == vector.late && bare.place == vector.place));
    }
    wr_feature_digest(read.state, want);
    wr_feature_digest(unread.state, got);
    CHECK(memcmp(want, got, 32) == 0);
    CHECK_INT(wr_feature_stats(unread.state).sequence, N);
    fixture_close(&read);
    fixture_close(&unread);
}

TEST("one label changes the digest, withdrawing it restores it")
{
    struct fixture f;
    uint8_t plain[32], labelled[32];
    struct wr_event event = event_at(1000, 1, 1, 100);
    fixture_open(&f, pack, NULL);
    CHECK(wr_feature_update(f.state, &event, 0, ++sequence, &vector));
    wr_feature_digest(f.state, plain);
    CHECK_INT(wr_feature_label(f.state, &event, vector.place, 0, true), WR_LABEL_CHANGED);
    wr_feature_digest(f.state, labelled);
    CHECK(memcmp(plain, labelled, 32) != 0);
    CHECK_INT(wr_feature_label(f.state, &event, vector.place, 0, false), WR_LABEL_CHANGED);
    wr_feature_digest(f.state, labelled);
    CHECK(memcmp(plain, labelled, 32) == 0);
    fixture_close(&f);
}

TEST("a stream shuffled inside the lateness ends in the windows of the sorted one")
{
    enum { N = 3000 };
    static int64_t times[N];
    struct fixture sorted, shuffled;
    struct wr_feature_value want[FEATURES];
    struct wr_feature_vector other = {.values = want};
    struct wr_rng rng;
    wr_rng_seed(&rng, 3);
    fixture_open(&sorted, pack, NULL);
    fixture_open(&shuffled, pack, NULL);
    for (int i = 0; i < N; i++) {
        times[i] = i * 100;
        CHECK(apply(&sorted, times[i], (uint64_t)i % 3, (uint64_t)i % 2, i));
    }
    for (int i = 0; i + 50 <= N; i += 50) { /* within 5 of the 10 seconds */
        for (int k = 49; k > 0; k--) {
            int with = (int)wr_rng_below(&rng, (uint64_t)k + 1);
            int64_t t = times[i + k];
            times[i + k] = times[i + with];
            times[i + with] = t;
        }
    }
    for (int i = 0; i < N; i++) {
        int64_t k = times[i] / 100;
        CHECK(apply(&shuffled, times[i], (uint64_t)k % 3, (uint64_t)k % 2, k));
    }
    for (uint64_t card = 0; card < 3; card++) {
        struct wr_event event = event_at(N * 100, card, card % 2, 5);
        wr_feature_peek(sorted.state, &event, 0, &other);
        wr_feature_peek(shuffled.state, &event, 0, &vector);
        CHECK(memcmp(want, values, sizeof want) == 0);
    }
    fixture_close(&sorted);
    fixture_close(&shuffled);
}

/* ── memory ─────────────────────────────────────────────────────────────────────────────────── */
struct purse {
    size_t taken, peak, limit;
};

static void *purse_take(void *context, size_t size)
{
    struct purse *purse = context;
    if (purse->taken + size > purse->limit) {
        return NULL;
    }
    purse->taken += size;
    purse->peak = WR_MAX(purse->peak, purse->taken);
    return malloc(size);
}

static void purse_give(void *context, void *block, size_t size)
{
    struct purse *purse = context;
    purse->taken -= size;
    free(block);
}

/* Many cards at few shops under a limit; a defined count is exact whatever was given up. */
static void crowd(size_t limit, uint64_t bytes_max)
{
    enum { N = 120000, CARDS = 50000 };
    int64_t *last = malloc(CARDS * sizeof *last);
    struct fixture f;
    struct purse purse = {.limit = limit};
    struct wr_memory memory = {purse_take, purse_give, &purse};
    struct wr_feature_caps caps = {.bytes_max = bytes_max, .warming_since_ms = INT64_MIN};
    struct wr_rng rng;
    int wrong = 0, evicted = 0;
    wr_rng_seed(&rng, 5);
    memset(last, 0xff, CARDS * sizeof *last);
    fixture_open(&f, pack, NULL);
    wr_feature_state_close(f.state);
    f.state = wr_feature_state_open(f.plan, &memory, &caps);
    CHECK(f.state != NULL);
    for (int i = 0; i < N; i++) {
        uint64_t card = wr_rng_below(&rng, CARDS);
        CHECK(apply(&f, i / 2, card, card % 3, i)); /* all within the window of a minute */
        if (values[F_DELTA].presence == WR_FEATURE_DEFINED) {
            wrong += values[F_DELTA].units != i - last[card];
        } else if (values[F_DELTA].presence == WR_FEATURE_NO_HISTORY) {
            wrong += last[card] >= 0;
        } else {
            evicted += values[F_DELTA].presence == WR_FEATURE_EVICTED;
        }
        last[card] = i;
    }
    CHECK_INT(wrong, 0);
    CHECK(evicted > 0);
    CHECK(wr_feature_stats(f.state).evictions > 0);
    CHECK(purse.peak <= WR_MIN((uint64_t)limit, bytes_max + sizeof(struct wr_event) * 64));
    wr_feature_state_close(f.state);
    CHECK_INT(purse.taken, 0);
    f.state = NULL;
    free(last);
    fixture_close(&f);
}

TEST("memory stays below its cap and what was given up is never mistaken for nothing")
{
    crowd(SIZE_MAX, (uint64_t)4 << 20);
}

TEST("a source that runs dry makes history give way, not events")
{
    crowd((size_t)3 << 20, (uint64_t)64 << 20);
}

TEST("a state opens whole or not at all")
{
    struct fixture f;
    int opened = 0;
    CHECK_INT(fixture_plan(&f, pack), WR_OK);
    for (size_t limit = 0; limit < (size_t)1 << 20; limit += 8192) {
        struct purse purse = {.limit = limit};
        struct wr_memory memory = {purse_take, purse_give, &purse};
        struct wr_feature_state *state = wr_feature_state_open(f.plan, &memory, NULL);
        opened += state != NULL;
        wr_feature_state_close(state);
        CHECK_INT(purse.taken, 0);
    }
    CHECK(opened > 0 && opened < 128);
    wr_arena_deinit(&f.arena);
}

TEST("distinct is exact to its stated size and flagged beyond, within 5 percent")
{
    struct fixture f;
    fixture_open(&f,
                 "{'event': {'time': {'path': 't', 'unit': 'ms'}}, 'entities': {'shop': 's'},"
                 " 'features': {'cards': {'entity': 'shop', 'distinct': 'card',"
                 " 'window': '1d'}}}",
                 NULL);
    for (uint64_t i = 1; i <= DISTINCT_EXACT + 10; i++) {
        struct wr_event event = {.time_ms = (int64_t)i};
        event.keys[0] = (struct wr_event_key){.hash = 1, .present = true};
        event.fields[0] = (struct wr_event_field){.present = true, .hash = wr_mix64(i)};
        wr_feature_update(f.state, &event, 0, i, &vector);
        int64_t error = values[0].units - (int64_t)i;
        CHECK(i > DISTINCT_EXACT ? values[0].approximate || error == 0 : !values[0].approximate);
        CHECK(i > DISTINCT_EXACT ? error * 20 < (int64_t)i && -error * 20 < (int64_t)i
                                 : error == 0);
    }
    fixture_close(&f);
}

TEST("distinct over more records than it looks at is flagged")
{
    struct fixture f;
    enum { LOOKED_AT = 32768, STEP = 2048 };
    fixture_open(&f,
                 "{'event': {'time': {'path': 't', 'unit': 'ms'}}, 'entities': {'shop': 's'},"
                 " 'features': {'cards': {'entity': 'shop', 'distinct': 'card',"
                 " 'window': '1d'}, 'd': {'entity': 'shop', 'count': true, 'window': '1d'}}}",
                 NULL);
    for (uint64_t i = 1; i <= LOOKED_AT + 2; i++) {
        struct wr_event event = {.time_ms = (int64_t)i};
        event.keys[0] = (struct wr_event_key){.hash = 1, .present = true};
        event.fields[0] = (struct wr_event_field){.present = i == 1, .hash = 7};
        if (i % STEP == 0 || i > LOOKED_AT) { /* the event itself and those on the tape */
            wr_feature_peek(f.state, &event, 0, &vector);
            CHECK(values[0].approximate == (i > LOOKED_AT + 1));
            CHECK_INT(values[0].units, i > LOOKED_AT + 1 ? 0 : 1);
            CHECK_INT(values[1].units, i);
        }
        CHECK(wr_feature_update(f.state, &event, 0, i, NULL));
    }
    fixture_close(&f);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
