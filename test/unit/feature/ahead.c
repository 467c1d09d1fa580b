/* SPDX-License-Identifier: Apache-2.0 */
/* Catching up changes nothing but when the work is done. */
#include "base/rng.h"
#include "feature/large.h"
#include "feature/state.h"

#include "fixture.h"

enum { EVENTS = 60000, SHOPS = 12, FEATURES_MAX = 16 };

static const char plan[] = "{'event':{'time':{'path':'time','unit':'s'},'lateness':'60s',"
                           "'amount':{'path':'amount','type':'money','scale':2}},"
                           "'entities':{'shop':'shop'},'features':{"
                           "'n':{'entity':'shop','count':true,'window':'1h'},"
                           "'s':{'entity':'shop','sum':'amount','window':'1d','delay':'1h'},"
                           "'v':{'entity':'shop','variance':'amount','window':'7d'},"
                           "'f':{'entity':'shop','first':'amount','window':'1d'},"
                           "'l':{'entity':'shop','seconds_since_last':true,'window':'30d'},"
                           "'x':{'entity':'shop','max':'amount','window':'30d'}}}";

static void draw(struct fixture *f, struct wr_rng *rng, int64_t *now_ms, struct wr_event *event)
{
    uint64_t shop = wr_rng_below(rng, 1 + wr_rng_below(rng, SHOPS));
    *now_ms += (int64_t)wr_rng_below(rng, 120000);
    *event = (struct wr_event){.has_time = true, .has_amount = true};
    event->time_ms = *now_ms - (int64_t)wr_rng_below(rng, 80000); /* a few are late */
    event->amount = 1 + (int64_t)wr_rng_below(rng, 1000);
    event->keys[0] = (struct wr_event_key){wr_mix64(shop), (uint32_t)shop, true};
    for (uint32_t i = 0; i < f->schema->n_fields; i++) {
        event->fields[i].present = true;
        event->fields[i].units = event->amount;
        event->fields[i].hash = wr_mix64((uint64_t)event->amount);
    }
}

static uint32_t n_void(const struct wr_feature_state *state)
{
    uint32_t n = 0;
    for (uint32_t at = 0; at < state->entities.n_rows; at++) {
        const struct wr_row *row = wr_entity_row(&state->entities, at);
        if (row->is_large) {
            const struct wr_large *large = wr_store_look(&state->store, row->ref);
            n += !large->valid;
        }
    }
    return n;
}

TEST("a state that caught up gives the values and the digest of one that did not")
{
    static struct wr_event event;
    struct fixture f, twin;
    struct wr_rng rng;
    int64_t now_ms = INT64_C(1700000000000);
    uint32_t caught_up = 0;
    struct wr_feature_value values[2][FEATURES_MAX];
    fixture_open(&f, plan, NULL);
    fixture_open(&twin, plan, NULL);
    wr_rng_seed(&rng, 5);
    for (uint64_t i = 1; i <= EVENTS; i++) {
        draw(&f, &rng, &now_ms, &event);
        bool reads = i / 500 % 2 == 1; /* folded and read in turns */
        struct wr_feature_vector own = {.values = reads ? values[0] : NULL};
        struct wr_feature_vector other = {.values = reads ? values[1] : NULL};
        if (i % 500 == 0) {
            uint32_t from = 0, before = n_void(f.state);
            while (!wr_feature_catch_up(f.state, &from, 5)) {
            }
            caught_up += before;
            CHECK(n_void(f.state) == 0);
        }
        memset(values, 0, sizeof values);
        CHECK(wr_feature_update(f.state, &event, 0, i, &own) ==
              wr_feature_update(twin.state, &event, 0, i, &other));
        CHECK(memcmp(values[0], values[1], sizeof values[0]) == 0);
    }
    uint8_t digests[2][32];
    wr_feature_digest(f.state, digests[0]);
    wr_feature_digest(twin.state, digests[1]);
    CHECK(memcmp(digests[0], digests[1], 32) == 0);
    CHECK(caught_up > SHOPS);
    fixture_close(&f);
    fixture_close(&twin);
}

TEST("tapes with tallies are left alone")
{
    static struct wr_event event;
    struct fixture f;
    struct wr_rng rng;
    int64_t now_ms = INT64_C(1700000000000);
    fixture_open(&f,
                 "{'event':{'time':{'path':'time','unit':'s'},"
                 "'amount':{'path':'amount','type':'money','scale':2}},'entities':{'shop':'shop'},"
                 "'features':{'d':{'entity':'shop','distinct':'amount','window':'30d'}}}",
                 NULL);
    wr_rng_seed(&rng, 6);
    uint32_t n = 0, from = 0;
    for (uint64_t i = 1; i <= 4000 && n == 0; i++) { /* until one has just become large */
        draw(&f, &rng, &now_ms, &event);
        wr_feature_update(f.state, &event, 0, i, NULL);
        n = n_void(f.state);
    }
    CHECK(n == 1);
    CHECK(wr_feature_catch_up(f.state, &from, UINT32_MAX));
    CHECK(n_void(f.state) == 1);
    fixture_close(&f);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
