/* SPDX-License-Identifier: Apache-2.0 */
/* Packs that change while a node runs. */
#include "shell/server_in.h"
#include "next_packs.h"

TEST("a running server changes its pack between decisions, keeps what it knows, and gives packs "
     "back")
{
    struct world world;
    struct next_packs next;
    struct http http;
    char event[512], id[16], policy[256];
    next_open(&world, &next, 41);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/pack:reload", ""), 200);
    CHECK_HAS(http.body, "\"changed\":false");
    CHECK_INT(next.n_out, 0);
    for (int i = 0; i < 8; i++) {
        snprintf(policy, sizeof policy, "package more\n\nnumber := %d\n", i);
        rig_put(&next.files, "more.rego", policy);
        CHECK_INT(http_ask(&world, &http, "POST", "/v1/pack:reload", ""), 200);
        CHECK_HAS(http.body, "\"changed\":true");
        CHECK(next.n_out <= 2);
        snprintf(id, sizeof id, "e%d", i);
        CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions?features",
                           world_event(event, id, 1, 10)),
                  200);
        char count[64];
        snprintf(count, sizeof count, "\"customer_count_1d\":%d", i + 1);
        CHECK_HAS(http.body, count); /* history is kept */
        CHECK_INT(http_ask(&world, &http, "GET", "/v1/data/more/number", ""), 200);
        snprintf(count, sizeof count, "{\"result\":%d}", i);
        CHECK_HAS(http.body, count);
    }
    CHECK_INT(wr_server_sequence(world.server), 16); /* eight activations, eight decisions */
    http_close(&world, &http);
    next_close(&world, &next);
}

TEST("a pack that is broken is told with file and place, and the running one stays")
{
    struct world world;
    struct next_packs next;
    struct http http;
    char event[512];
    next_open(&world, &next, 42);
    http_open(&world, &http);
    rig_put(&next.files, "more.rego", "package more\n\nnumber := := 1\n");
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/pack:reload", ""), 422);
    CHECK_HAS(http.body, "more.rego");
    CHECK_HAS(http.body, "3");
    CHECK_HAS(wr_str_z(world.last_log), "the running pack stays");
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 10)),
              200);
    CHECK_INT(wr_server_sequence(world.server), 1);
    rig_put(&next.files, "more.rego", "package more\n\nnumber := 1\n");
    sim_ask_reload(world.sim); /* a signal does the same */
    for (int i = 0; i < 5; i++) {
        wr_server_step(world.server, 0);
    }
    CHECK_INT(wr_server_sequence(world.server), 2);
    CHECK_HAS(wr_str_z(world.last_log), "from entry 2");
    http_close(&world, &http);
    next_close(&world, &next);
}

TEST("a pack that comes while as many wait for the disk as may is taken over when fewer do")
{
    struct world world;
    struct next_packs next;
    next_open(&world, &next, 44);
    rig_put(&next.files, "more.rego", "package more\n\nnumber := 1\n");
    world.server->n_in_flight += WR_LIMIT_IN_FLIGHT;
    sim_ask_reload(world.sim);
    for (int i = 0; i < 5; i++) {
        wr_server_step(world.server, 0);
    }
    CHECK_INT(next.n_out, 1);
    CHECK_INT(wr_server_sequence(world.server), 0);
    world.server->n_in_flight -= WR_LIMIT_IN_FLIGHT;
    wr_server_step(world.server, 0);
    CHECK_INT(wr_server_sequence(world.server), 1);
    CHECK_HAS(wr_str_z(world.last_log), "from entry 1");
    next_close(&world, &next);
}

TEST("a pack whose entry cannot be made for a minute is refused, and a later one is taken")
{
    struct world world;
    struct next_packs next;
    next_open(&world, &next, 49);
    rig_put(&next.files, "more.rego", "package more\n\nnumber := 1\n");
    for (int life = 0; life < 2; life++) { /* the second waits for a minute of its own */
        world.server->n_in_flight += WR_LIMIT_IN_FLIGHT;
        sim_ask_reload(world.sim);
        wr_server_step(world.server, 0);
        wr_server_step(world.server, 0);
        sim_step(world.sim, WR_DEADLINE_PACK_NS - 1000000);
        wr_server_step(world.server, 0);
        CHECK_INT(next.n_out, 1);
        CHECK_INT(world.server->metrics.n_packs_refused, life);
        sim_step(world.sim, 2 * 1000000);
        wr_server_step(world.server, 0);
        CHECK_INT(next.n_out, 0);
        CHECK_INT(world.server->metrics.n_packs_refused, life + 1);
        CHECK_HAS(wr_str_z(world.last_log), "decisions wait for the disk; the running pack stays");
        world.server->n_in_flight -= WR_LIMIT_IN_FLIGHT;
    }
    sim_ask_reload(world.sim);
    wr_server_step(world.server, 0);
    wr_server_step(world.server, 0);
    CHECK_HAS(wr_str_z(world.last_log), "from entry 1");
    next_close(&world, &next);
}

TEST("a pack that takes no entry is answered while none can be made")
{
    struct world world;
    struct next_packs next;
    struct http http;
    next_open(&world, &next, 45);
    http_open(&world, &http);
    world.server->n_in_flight += WR_LIMIT_IN_FLIGHT;
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/pack:reload", ""), 200);
    CHECK_HAS(http.body, "\"changed\":false");
    rig_put(&next.files, "more.rego", "package more\n\nnumber := := 1\n");
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/pack:reload", ""), 422);
    CHECK_HAS(http.body, "more.rego");
    world.server->n_in_flight -= WR_LIMIT_IN_FLIGHT;
    http_close(&world, &http);
    next_close(&world, &next);
}

/* A node that as many wait for as may, and a caller whose pack waits for that. */
static void open_waiting(struct world *world, struct next_packs *next, struct http *http,
                         uint64_t seed)
{
    next_open(world, next, seed);
    http_open(world, http);
    rig_put(&next->files, "more.rego", "package more\n\nnumber := 1\n");
    world->server->n_in_flight += WR_LIMIT_IN_FLIGHT;
    CHECK_INT(http_ask(world, http, "POST", "/v1/pack:reload", ""), 0);
}

TEST("who asks for a pack while one is loaded is refused, which the log takes for no overload")
{
    struct world world;
    struct next_packs next;
    struct http http, other;
    open_waiting(&world, &next, &http, 50);
    http_open(&world, &other);
    CHECK_INT(http_ask(&world, &other, "POST", "/v1/pack:reload", ""), 503);
    CHECK_HAS(other.body, "a pack is being loaded already");
    sim_step(world.sim, WR_SWEEP_NS);
    wr_server_step(world.server, 0);
    CHECK(strstr(world.last_log, "overload") == NULL);
    world.server->n_in_flight -= WR_LIMIT_IN_FLIGHT;
    CHECK(http_wait(&world, &http) && http.status == 200);
    http_close(&world, &other);
    http_close(&world, &http);
    next_close(&world, &next);
}

TEST("a pack that waits when the node is drained is refused, and the end does not wait for it")
{
    struct world world;
    struct next_packs next;
    struct http http;
    open_waiting(&world, &next, &http, 46);
    CHECK_INT(next.n_out, 1);
    sim_stop(world.sim);
    CHECK(http_wait(&world, &http));
    CHECK_INT(http.status, 503);
    CHECK_HAS(http.body, "decisions wait for the disk");
    CHECK_INT(next.n_out, 0);
    world.server->n_in_flight -= WR_LIMIT_IN_FLIGHT;
    http_close(&world, &http);
    next_close(&world, &next);
}

TEST("a node that is drained loads no pack, and says so")
{
    struct world world;
    struct next_packs next;
    struct http http;
    next_open(&world, &next, 47);
    http_open(&world, &http);
    http_send(&world, &http, "POST", "/v1/pack:reload", "");
    sim_stop(world.sim); /* before it is begun */
    CHECK(http_wait(&world, &http));
    CHECK_INT(http.status, 503);
    CHECK_HAS(http.body, "the node is being drained");
    http_close(&world, &http);
    next_close(&world, &next);
}

TEST("a pack whose entry is not kept is not told to run")
{
    struct world world;
    struct next_packs next;
    struct http http;
    open_waiting(&world, &next, &http, 48);
    world.server->n_in_flight -= WR_LIMIT_IN_FLIGHT;
    sim_faults(world.sim)->sync_fails_at = 1;
    CHECK(!http_wait(&world, &http));
    CHECK_INT(world.server->metrics.n_packs_activated, 1);
    CHECK_INT(world.server->metrics.n_journal_lost, 1);
    http_close(&world, &http);
    next_close(&world, &next);
}

TEST("the journal tells where the pack changed, and folds to the same state")
{
    struct world world;
    struct next_packs next;
    struct http http;
    char event[512], before[256];
    next_open(&world, &next, 43);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 10)),
              200);
    rig_put(&next.files, "more.rego", "package more\n\nnumber := 1\n");
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/pack:reload", ""), 200);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "b", 1, 10)),
              200);
    CHECK_INT(http_ask(&world, &http, "GET", "/v1/state", ""), 200);
    snprintf(before, sizeof before, "%.*s", WR_FMT(http.body));
    http_close(&world, &http);
    world_stop(&world);
    wr_arena_deinit(&world.arena); /* the next life begins with the pack that ran last */
    struct wr_error error = {0};
    wr_arena_init(&world.arena, &world_memory, 256 << 20);
    CHECK(wr_pack_open(&world.arena, next.files.files, next.files.n, NULL, &world.pack, &error) ==
          WR_OK);
    CHECK(world_start(&world));
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "GET", "/v1/state", ""), 200);
    CHECK_HAS(http.body, before);
    http_close(&world, &http);
    next_close(&world, &next);
}

TEST("a server without a source of packs says so")
{
    struct world world;
    struct http http;
    world_open(&world, 44, WR_MODE_DURABLE);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/pack:reload", ""), 404);
    CHECK_INT(http_ask(&world, &http, "GET", "/v1/pack:reload", ""), 405);
    http_close(&world, &http);
    world_close(&world);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
