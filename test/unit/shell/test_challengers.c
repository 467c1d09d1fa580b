/* SPDX-License-Identifier: Apache-2.0 */
/* Challengers in a running server: behind the answers, within bounds, and never silently lost. */
#include "world.h"

#include "unit/engine/stumps.h"

#define MAIN "\"main\":" MODEL_A("")
#define NEXT ",\"next\":" MODEL_A(",\"role\":\"challenger\"")

static void shadow_init(struct world *world, uint64_t seed, enum wr_server_mode mode,
                        const char *models)
{
    struct wr_error error = {0};
    world_init(world, seed, mode);
    put_models(&world->files, models, "main");
    wr_err err =
        wr_pack_open(&world->arena, world->files.files, world->files.n, NULL, &world->pack, &error);
    if (err != WR_OK) {
        fprintf(stderr, "%s: %s\n", error.where, error.text);
        exit(1);
    }
}

/* ── what a port sees of a server ───────────────────────────────────────────────────────────── */
/* Sequences at the moments at which bytes leave; a clock that moves whenever it is read. */
static struct spy {
    struct wr_port port;
    struct world *world;
    enum wr_io (*write)(void *context, int32_t sock, const void *bytes, size_t n, size_t *done);
    int64_t (*mono_ns)(void *context);
    int64_t tick_ns;
    uint64_t sequences[64];
    size_t n;
} spy;

static enum wr_io spy_write(void *context, int32_t sock, const void *bytes, size_t n, size_t *done)
{
    if (spy.n < WR_COUNTOF(spy.sequences)) {
        spy.sequences[spy.n++] = wr_server_sequence(spy.world->server);
    }
    return spy.write(context, sock, bytes, n, done);
}

static int64_t spy_mono_ns(void *context)
{
    sim_step(spy.world->sim, spy.tick_ns);
    return spy.mono_ns(context);
}

static void spy_start(struct world *world)
{
    spy = (struct spy){.port = *sim_port(world->sim), .world = world};
    spy.write = spy.port.net.write;
    spy.mono_ns = spy.port.clock.mono_ns;
    spy.port.net.write = spy_write;
    spy.port.clock.mono_ns = spy_mono_ns;
    CHECK_INT(wr_server_open(&spy.port, world->pack, &world->config, &world->server, NULL), WR_OK);
}

static void settle(struct world *world)
{
    for (int i = 0; i < 100; i++) {
        wr_server_step(world->server, 1000000);
    }
}

TEST("answers leave before their challengers are scored, in both modes")
{
    for (int mode = 0; mode < 2; mode++) {
        struct world world;
        struct http http;
        char event[512], id[32];
        shadow_init(&world, 5 + (uint64_t)mode, mode == 0 ? WR_MODE_DURABLE : WR_MODE_FAST,
                    MAIN NEXT);
        spy_start(&world);
        http_open(&world, &http);
        CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 10)),
                  200);
        CHECK_INT(spy.n, 1);
        CHECK_INT(spy.sequences[0], 1); /* the answer left, and nothing was scored yet */
        settle(&world);
        CHECK_INT(wr_server_sequence(world.server), 2);
        for (int i = 0; i < 30; i++) {
            snprintf(id, sizeof id, "b%d", i);
            http_send(&world, &http, "POST", "/v1/decisions", world_event(event, id, 1, 10));
        }
        size_t before = spy.n;
        for (int i = 0; i < 30; i++) {
            CHECK(http_wait(&world, &http) && http.status == 200);
            CHECK_HAS(http.body, "\"scores\":{\"main\":");
            CHECK(!rig_has(http.body, "next"));
        }
        CHECK(spy.n > before);
        /* 2 entries, the decisions of the first turn, and no scores before its answers are out. */
        CHECK(spy.sequences[before] > 2 && spy.sequences[before] <= 32);
        settle(&world);
        CHECK_INT(http_ask(&world, &http, "GET", "/metrics", ""), 200);
        CHECK_HAS(http.body, "weir_shadow_pending 0\n");
        CHECK_HAS(http.body, "weir_shadow_decisions_total{result=\"scored\"} 31\n");
        CHECK_HAS(http.body, "weir_challenger_scores_total{model=\"next\",champion=\"main\","
                             "result=\"scored\"} 31\n");
        CHECK_HAS(http.body, "weir_challenger_outcomes_changed_total{model=\"next\","
                             "champion=\"main\"} 0\n");
        CHECK_HAS(http.body,
                  "weir_challenger_difference_max{model=\"next\",champion=\"main\"} 0\n");
        http_close(&world, &http);
        world_close(&world);
    }
}

TEST("one turn scores as many as its time allows, and the loop goes on with decisions between")
{
    struct world world;
    struct http http;
    char event[512], id[32];
    shadow_init(&world, 7, WR_MODE_FAST, MAIN NEXT);
    spy_start(&world);
    http_open(&world, &http);
    wr_server_step(world.server, 0);
    spy.tick_ns = 300000; /* each look at the clock takes longer than decision.shadow_time */
    for (int i = 0; i < 12; i++) {
        snprintf(id, sizeof id, "b%d", i);
        http_send(&world, &http, "POST", "/v1/decisions", world_event(event, id, 1, 10));
    }
    uint64_t n_decided = 0, n_entries = 0, turns = 0;
    while (n_decided < 12 && turns++ < 100) {
        uint64_t before = wr_server_sequence(world.server), taken = n_decided;
        wr_server_step(world.server, 1000000);
        while (http_take(&world, &http)) {
            n_decided++;
        }
        uint64_t made = wr_server_sequence(world.server) - before - (n_decided - taken);
        CHECK(made <= 1); /* an entry a turn */
        n_entries += made;
    }
    CHECK_INT(n_decided, 12);
    settle(&world);
    CHECK(wr_server_sequence(world.server) > 12 + n_entries);
    spy.tick_ns = 0;
    CHECK_INT(http_ask(&world, &http, "GET", "/metrics", ""), 200);
    CHECK_HAS(http.body, "weir_shadow_decisions_total{result=\"scored\"} 12\n");
    http_close(&world, &http);
    world_close(&world);
}

TEST("a service that ends scores what waits; one that is killed tells at its start what was lost")
{
    for (int death = 0; death < 2; death++) {
        struct world world;
        struct http http;
        char event[512], id[32];
        shadow_init(&world, 11 + (uint64_t)death, WR_MODE_DURABLE, MAIN NEXT);
        spy_start(&world);
        http_open(&world, &http);
        wr_server_step(world.server, 0);
        spy.tick_ns = death == 0 ? 300000 : 0; /* much waits: an entry of one decision a turn */
        for (int i = 0; i < 3; i++) {
            snprintf(id, sizeof id, "a%d", i);
            CHECK_INT(
                http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, id, 1, 10)),
                200);
        }
        uint64_t last = wr_server_sequence(world.server);
        if (death == 0) {
            for (int i = 0; i < 12; i++) {
                snprintf(id, sizeof id, "b%d", i);
                http_send(&world, &http, "POST", "/v1/decisions", world_event(event, id, 1, 10));
            }
            for (int i = 0; i < 12; i++) {
                CHECK(http_wait(&world, &http) && http.status == 200);
            }
            http_close(&world, &http);
            sim_stop(world.sim);
            for (int i = 0; i < 300 && wr_server_step(world.server, 100000000); i++) {
            }
            last = wr_server_sequence(world.server);
            world_stop(&world);
        } else {
            world_die(&world, false); /* the last entry was not handed to the disk yet */
            http_close(&world, &http);
        }
        CHECK(world_start(&world));
        http_open(&world, &http);
        CHECK_INT(http_ask(&world, &http, "GET", "/metrics", ""), 200);
        CHECK_INT(wr_server_sequence(world.server), last);
        CHECK_HAS(http.body, death == 0 ? "weir_shadow_decisions_total{result=\"lost\"} 0\n"
                                        : "weir_shadow_decisions_total{result=\"lost\"} 1\n");
        CHECK(death == 0 || strstr(world.last_log, "ready") != NULL);
        http_close(&world, &http);
        world_stop(&world);
        CHECK(world_start(&world)); /* told once */
        CHECK_INT(wr_server_sequence(world.server), last);
        world_close(&world);
    }
}

TEST("a server whose pack has no challengers writes no such entries and tells no such metrics")
{
    struct world world;
    struct http http;
    char event[512];
    shadow_init(&world, 13, WR_MODE_DURABLE, MAIN);
    CHECK(world_start(&world));
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 10)),
              200);
    settle(&world);
    CHECK_INT(wr_server_sequence(world.server), 1);
    CHECK_INT(http_ask(&world, &http, "GET", "/metrics", ""), 200);
    CHECK(!rig_has(http.body, "weir_shadow") && !rig_has(http.body, "weir_challenger"));
    http_close(&world, &http);
    world_close(&world);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
