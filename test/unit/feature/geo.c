/* SPDX-License-Identifier: Apache-2.0 */
/* Distances against libm's long double haversine, and the features made of them. */
#include <math.h>

#include "base/rng.h"
#include "feature/geo.h"
#include "fixture.h"

static long double reference(const struct wr_place *a, const struct wr_place *b)
{
    const long double radian = 3.14159265358979323846264338327950288L / 180;
    long double s = sinl((a->latitude - b->latitude) * radian / 2),
                u = sinl((a->longitude - b->longitude) * radian / 2);
    long double h = s * s + cosl(a->latitude * radian) * cosl(b->latitude * radian) * u * u;
    return 2 * 6371.0088L * asinl(sqrtl(h < 1 ? h : 1));
}

TEST("distances agree with libm's, near and far")
{
    struct wr_rng rng;
    long double worst = 0;
    wr_rng_seed(&rng, 3);
    for (int i = 0; i < 100000; i++) {
        struct wr_place a = {wr_rng_unit(&rng) * 180 - 90, wr_rng_unit(&rng) * 360 - 180}, b = a;
        double reach = i % 2 == 0 ? 360 : 0.01;
        b.latitude += (wr_rng_unit(&rng) - 0.5) * reach / 2;
        b.longitude += (wr_rng_unit(&rng) - 0.5) * reach;
        if (wr_place_is_valid(&b)) {
            long double want = reference(&a, &b);
            long double off =
                fabsl(wr_place_distance(&a, &b) - want) / (want > 1e-6L ? want : 1e-6L);
            /* Near the antipode half an ulp of the haversine is worth more. */
            worst = want < 19000 && off > worst ? off : worst;
        }
    }
    CHECK(worst < 1e-9L);
    struct wr_place pole = {90, 0}, other = {90, 120}, south = {-90, 0};
    CHECK(wr_place_distance(&pole, &other) < 1e-9);
    CHECK(fabs(wr_place_distance(&pole, &south) - 20015.114442) < 1e-3);
}

enum { DISTANCE, HOME, SPEED, N_VALUES };

static struct wr_feature_value values[N_VALUES];

static void pay(struct fixture *f, int64_t ms, double latitude, double longitude, bool located)
{
    struct wr_event event = {.time_ms = ms};
    struct wr_feature_vector vector = {.values = values};
    event.keys[0] = (struct wr_event_key){.hash = 1, .present = true};
    for (uint32_t i = 0; i < f->schema->n_fields; i++) {
        bool lat = wr_str_eq(f->schema->fields[i].path.text, WR_STR("at.lat"));
        event.fields[i] = (struct wr_event_field){
            .present = located, .units = (int64_t)llround((lat ? latitude : longitude) * 1e6)};
    }
    CHECK(wr_feature_update(f->state, &event, 0, 1, &vector));
}

TEST("speed, distance and distance from home follow the places of a card")
{
    struct fixture f;
    fixture_open(&f,
                 "{'event': {'time': {'path': 't', 'unit': 'ms'}}, 'entities': {'card': 'c'},"
                 " 'features': {'a': {'entity': 'card', 'distance': ['at.lat', 'at.lon']},"
                 " 'b': {'entity': 'card', 'home_distance': ['at.lat', 'at.lon']},"
                 " 'c': {'entity': 'card', 'speed': ['at.lat', 'at.lon']}}}",
                 NULL);
    struct wr_place berlin = {52.52, 13.405}, paris = {48.8566, 2.3522};
    double km = wr_place_distance(&berlin, &paris);
    pay(&f, 0, 52.52, 13.405, true);
    CHECK_INT(values[DISTANCE].presence, WR_FEATURE_NO_HISTORY);
    CHECK_INT(values[HOME].presence, WR_FEATURE_NO_HISTORY);
    pay(&f, 3600000, 52.52, 13.405, true);
    CHECK(values[DISTANCE].number == 0 && values[SPEED].number == 0 && values[HOME].number == 0);
    pay(&f, 3600001, 0, 0, false);
    CHECK_INT(values[SPEED].presence, WR_FEATURE_FIELD_ABSENT);
    pay(&f, 2 * 3600000, 48.8566, 2.3522, true); /* over the event without a place */
    CHECK(values[DISTANCE].number == km && values[SPEED].number == km && values[HOME].number == km);
    pay(&f, 2 * 3600000, 52.52, 13.405, true); /* at once: a millisecond is what it took at least */
    CHECK(fabs(values[SPEED].number - km * 3600000) < 1e-3);
    pay(&f, 3 * 3600000, 91, 13.405, true);
    CHECK_INT(values[DISTANCE].presence, WR_FEATURE_FIELD_ABSENT);
    pay(&f, 40 * (int64_t)86400000, 52.52, 13.405, true); /* beyond the 30 days looked back */
    CHECK_INT(values[DISTANCE].presence, WR_FEATURE_NO_HISTORY);
    fixture_close(&f);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
