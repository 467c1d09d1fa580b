/* SPDX-License-Identifier: Apache-2.0 */
/* Turns that are planned: who is refused and who is not, and what a hostile client cannot bring
 * about. */
#include "world.h"

#include "shell/server_in.h"

static void ask(struct world *world, struct http *http, int n)
{
    static int serial;
    char event[512], id[32];
    for (int i = 0; i < n; i++) {
        snprintf(id, sizeof id, "a%d", serial++);
        http_send(world, http, "POST", "/v1/decisions", world_event(event, id, i % 9, 1));
    }
}

struct asker {
    struct http http;
    int n_out; /* that are not answered yet */
    int n[2];  /* refused, decided */
};

static void ask_up_to(struct world *world, struct asker *asker, int n)
{
    ask(world, &asker->http, n - asker->n_out);
    asker->n_out = n;
}

static void take(struct world *world, struct asker *asker)
{
    struct http *http = &asker->http;
    while (http_take(world, http)) {
        CHECK(http->status == 200 || http->status == 503);
        asker->n[http->status == 200]++;
        asker->n_out--;
    }
    http->n -= http->at; /* keeps the buffer short */
    memmove(http->bytes, http->bytes + http->at, http->n);
    http->at = 0;
}

static void open_all(struct world *world, struct asker *askers, int n)
{
    memset(askers, 0, (size_t)n * sizeof *askers);
    for (int i = 0; i < n; i++) {
        http_open(world, &askers[i].http);
    }
    for (int i = 0; i < 8; i++) { /* 64 are accepted in a turn */
        wr_server_step(world->server, 0);
    }
}

static void close_all(struct world *world, struct asker *askers, int n)
{
    for (int i = 0; i < n; i++) {
        http_close(world, &askers[i].http);
    }
    world_close(world);
}

static void open_large(struct world *world, uint64_t seed)
{
    world_init(world, seed, WR_MODE_FAST);
    world->config.n_connections_max = 256;
    CHECK(world_start(world));
}

/* A turn of a node of which more was asked than it can decide. */
static void planned_turn(struct world *world)
{
    struct wr_admission *admission = &world->server->admission;
    admission->is_over = true;
    admission->wait.since_ns = world->server->now_ns; /* the window goes on */
    wr_server_step(world->server, 0);
}

/* The first batch of each turn takes 5 ms: the fourth look at the clock is its end. What decisions
 * take is forgotten, so that all are admitted. */
static int n_looks;
static int64_t (*true_ns)(void *context);
static int64_t slow_ns(void *context)
{
    sim_step(context, ++n_looks == 4 ? 5000000 : 0);
    return true_ns(context);
}

static void set_clock(struct world *world, int64_t (*ns)(void *context))
{
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(world->sim);
    true_ns = port->clock.mono_ns;
    port->clock.mono_ns = ns;
}

TEST("whoever has not had his turn comes first in the next, and has waited since he was seen")
{
    struct world world;
    struct asker askers[3];
    struct http *light = &askers[2].http;
    char event[512], batch[600], id[32];
    world_open(&world, 310, WR_MODE_FAST);
    open_all(&world, askers, 3);
    set_clock(&world, slow_ns);
    ask(&world, light, 1);
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < 2; i++) {
            snprintf(id, sizeof id, "b%d.%d", turn, i);
            snprintf(batch, sizeof batch, "[%s]", world_event(event, id, i, 1));
            http_send(&world, &askers[i].http, "POST", "/v1/decisions:batch", batch);
        }
        n_looks = 0;
        world.server->admission.run_1024ths = 0;
        planned_turn(&world);
    }
    CHECK(http_take(&world, light));
    if (light->status != 0) {
        CHECK_INT(light->status, 200);
        CHECK(atoi(http_field(light, "Weir-Elapsed-Us").p) >= 15000);
    }
    close_all(&world, askers, 3);
}

/* A refusal takes 2 us, a decision 20. */
enum { REFUSAL_NS = 2000 };
static const struct wr_server *flooded;
static int64_t flooded_ns(void *context)
{
    return true_ns(context) + (int64_t)flooded->n_refused * REFUSAL_NS +
           (int64_t)flooded->metrics.n_batch_items * 20000;
}

/* A node that so many have connections to, and a clock that goes by what it has done. */
static void open_timed(struct world *world, uint64_t seed, struct asker *askers, int n,
                       int64_t (*ns)(void *context))
{
    open_large(world, seed);
    open_all(world, askers, n);
    flooded = world->server;
    set_clock(world, ns);
}

/* The turn is of the longest, 5 ms: half of it goes to refusals, and what the last connection asks.
 * Who is admitted may have waited for so long that he is refused too, behind it. */
TEST("however many are refused, who asks little is decided, and a turn has a bound")
{
    enum { FLOOD = 200, EACH = 128, MOST = 2500000 / REFUSAL_NS + EACH };
    struct world world;
    static struct asker askers[FLOOD + 1];
    struct asker *light = &askers[FLOOD];
    open_timed(&world, 311, askers, FLOOD + 1, flooded_ns);
    for (int turn = 0; turn < 80; turn++) {
        for (int i = 0; i < FLOOD; i++) {
            ask_up_to(&world, &askers[i], EACH);
        }
        ask_up_to(&world, light, 1);
        uint64_t before = world.server->n_refused;
        planned_turn(&world);
        CHECK(world.server->n_refused - before <= MOST + world.server->admission.budget + EACH);
        for (int i = 0; i <= FLOOD; i++) {
            take(&world, &askers[i]);
        }
        if (turn == 20) {
            light->n[0] = light->n[1] = 0;
        }
    }
    CHECK(light->n[1] >= 50);
    CHECK(light->n[0] <= 5);
    close_all(&world, askers, FLOOD + 1);
}

/* Each asks twice in a millisecond, all together for more than twice what can be decided; every
 * tenth time the machine has stood still for ten, and nobody has been read. */
TEST("after a standstill a turn takes no more than any other")
{
    enum { MANY = 64, LEARNT = 40, PLANNED = 64 * WR_OVERLOAD_CONN_NS / 20000, ASK_NS = 500000 };
    struct world world;
    static struct asker askers[MANY];
    open_timed(&world, 317, askers, MANY, flooded_ns);
    struct sim *sim = world.sim;
    int64_t asked_ns = flooded_ns(sim);
    for (int turn = 0; turn < 120; turn++) {
        sim_step(sim, turn % 10 == 9 ? 10000000 : 1000000);
        int n = (int)((flooded_ns(sim) - asked_ns) / ASK_NS);
        asked_ns += (int64_t)n * ASK_NS;
        for (int i = 0; i < MANY; i++) {
            ask(&world, &askers[i].http, n);
        }
        uint64_t before = wr_server_sequence(world.server);
        planned_turn(&world);
        uint64_t decided = wr_server_sequence(world.server) - before;
        CHECK(turn < LEARNT || (decided > PLANNED / 2 && decided < PLANNED * 5 / 4));
        for (int i = 0; i < MANY; i++) {
            take(&world, &askers[i]);
        }
    }
    close_all(&world, askers, MANY);
}

/* Each has so many requests under way when a planned turn comes; how many decisions it took. */
static uint64_t crowded_turn(struct world *world, struct asker *askers, int n_askers, int each)
{
    uint64_t before = wr_server_sequence(world->server);
    for (int i = 0; i < n_askers; i++) {
        ask_up_to(world, &askers[i], each);
    }
    planned_turn(world);
    for (int i = 0; i < n_askers; i++) {
        take(world, &askers[i]);
    }
    return wr_server_sequence(world->server) - before;
}

static uint64_t count_reads(const struct world *world)
{
    const struct wr_timing *reads = &world->server->metrics.stages[WR_STAGE_READ];
    uint64_t n = 0;
    for (size_t i = 0; i < WR_COUNTOF(reads->n); i++) {
        n += reads->n[i];
    }
    return n;
}

/* What one that is passed over asks at once, with a question of another kind in its midst. */
static void ask_around(struct world *world, struct http *http)
{
    ask(world, http, 3);
    http_send(world, http, "GET", "/health", "");
    ask(world, http, 20);
}

TEST("what is refused together is counted one by one, and answered in order")
{
    enum { MANY = 100, ASKED = 24 };
    struct world world;
    static struct asker askers[MANY];
    open_large(&world, 334);
    open_all(&world, askers, MANY);
    crowded_turn(&world, askers, MANY, 1);
    struct wr_server *server = world.server;
    uint64_t n_requests = server->metrics.n_requests, n_reads = count_reads(&world);
    uint64_t n_waits = server->admission.wait.n, n_turned_away = server->admission.n_turned_away;
    uint64_t n_refused = server->n_refused, n_decided = server->metrics.n_batch_items;
    uint64_t n_errors = server->metrics.errors[WR_E_OVERLOAD];
    for (int i = 0; i < MANY; i++) {
        ask_around(&world, &askers[i].http);
    }
    server->admission.turns.turn_ns = 1000000000; /* few are admitted */
    server->admission.turns.decided_1024ths = 1024;
    planned_turn(&world);
    uint64_t n[2] = {0, 0};
    for (int i = 0; i < MANY; i++) {
        struct http *http = &askers[i].http;
        for (int k = 0; http_take(&world, http); k++) {
            CHECK(k == 3 ? http->status == 200 : http->status == 200 || http->status == 503);
            CHECK(rig_has(http->body, "\"ready\":true") == (k == 3));
            n[http->status == 200] += k != 3;
            CHECK(k < ASKED);
        }
    }
    CHECK(n[0] > 0 && n[0] % (ASKED - 1) == 0);
    CHECK_INT(server->n_refused - n_refused, n[0]);
    CHECK_INT(server->metrics.errors[WR_E_OVERLOAD] - n_errors, n[0]);
    CHECK_INT(server->admission.n_turned_away - n_turned_away, n[0]);
    CHECK_INT(server->admission.wait.n - n_waits, server->metrics.n_batch_items - n_decided + n[0]);
    CHECK_INT(server->metrics.n_requests - n_requests, count_reads(&world) - n_reads);
    CHECK(server->metrics.n_requests - n_requests >= n[0] / (ASKED - 1) * ASKED + n[1]);
    close_all(&world, askers, MANY);
}

/* A decision takes 4 ms, as with a large model. */
enum { SLOW_DECISION_NS = 4000000 };
static int64_t slow_decision_ns = SLOW_DECISION_NS;
static int64_t heavy_ns(void *context)
{
    return true_ns(context) + (int64_t)wr_server_sequence(flooded) * slow_decision_ns;
}

TEST("where decisions are slow, a turn takes no more of them than it has time for")
{
    enum { MANY = 64, LEARNT = 20 };
    struct world world;
    static struct asker askers[MANY];
    open_timed(&world, 323, askers, MANY, heavy_ns);
    int n[2] = {0};
    for (int turn = 0; turn < 200; turn++) {
        CHECK(crowded_turn(&world, askers, MANY, 1) <= 2 || turn < LEARNT);
    }
    for (int i = 0; i < MANY; i++) {
        n[0] += askers[i].n[0];
        n[1] += askers[i].n[1];
        CHECK(askers[i].n[1] > 0);
    }
    CHECK(n[0] > n[1]);
    close_all(&world, askers, MANY);
}

TEST("who was to be decided and had no turn has lost nothing by it")
{
    enum { MANY = 100, PASSED_OVER = 5 };
    struct world world;
    static struct asker askers[MANY];
    char event[512], batch[1200];
    open_timed(&world, 332, askers, MANY, heavy_ns);
    int n = snprintf(batch, sizeof batch, "[%s", world_event(event, "p0", 0, 1));
    snprintf(batch + n, sizeof batch - (size_t)n, ",%s]", world_event(event, "p1", 1, 1));
    http_send(&world, &askers[0].http, "POST", "/v1/decisions:batch", batch); /* takes 8 ms */
    askers[0].n_out = 1;
    world.server->admission.turns.turn_ns = 1000000000; /* 64 are admitted */
    world.server->admission.turns.decided_1024ths = 1024;
    for (uint32_t i = 0; i < 2; i++) {
        world.server->conns[i]->n_passed_over = PASSED_OVER;
    }
    CHECK_INT(crowded_turn(&world, askers, MANY, 1), 2);
    CHECK_INT(askers[0].n[1], 1);
    CHECK_INT(askers[1].n_out, 1);
    CHECK_INT(crowded_turn(&world, askers, MANY, 1), 1);
    CHECK_INT(askers[1].n[1], 1);
    close_all(&world, askers, MANY);
}

TEST("where decisions are slow, a turn that is not planned ends when it has taken long enough, too")
{
    enum { MANY = 64, LEARNT = 20 };
    struct world world;
    static struct asker askers[MANY];
    open_timed(&world, 328, askers, MANY, heavy_ns);
    for (int turn = 0; turn < 200; turn++) {
        uint64_t before = wr_server_sequence(world.server);
        for (int i = 0; i < MANY; i++) {
            ask_up_to(&world, &askers[i], 1);
        }
        world.server->admission.is_over = false;
        wr_server_step(world.server, 0);
        for (int i = 0; i < MANY; i++) {
            take(&world, &askers[i]);
        }
        CHECK(turn < LEARNT || wr_server_sequence(world.server) - before <= 3);
    }
    close_all(&world, askers, MANY);
}

TEST("what decisions took while they were quick is soon forgotten")
{
    enum { MANY = 64, LEARNT = 40, BELIEVED = 3 };
    struct world world;
    static struct asker askers[MANY];
    open_large(&world, 324);
    open_all(&world, askers, MANY);
    for (int turn = 0; turn < 100 + LEARNT + 20; turn++) {
        if (turn == 100) { /* until then they took no time at all */
            flooded = world.server;
            set_clock(&world, heavy_ns);
        }
        uint64_t n = crowded_turn(&world, askers, MANY, 1);
        CHECK(turn < 100 + BELIEVED || n <= 8);
        CHECK(turn < 100 + LEARNT || (n >= 1 && n <= 2));
    }
    close_all(&world, askers, MANY);
}

TEST("where decisions are slow, who asks for more has his turn as those have who ask for one")
{
    enum { MANY = 64, TURNS = 1000, MORE = 8, AT_ONCE = 4 };
    struct world world;
    static struct asker askers[MANY];
    open_timed(&world, 331, askers, MANY, heavy_ns);
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < MORE; i++) {
            ask_up_to(&world, &askers[i], AT_ONCE);
        }
        crowded_turn(&world, askers + MORE, MANY - MORE, 1);
        for (int i = 0; i < MORE; i++) {
            take(&world, &askers[i]);
        }
    }
    for (int i = 0; i < MANY; i++) {
        CHECK(askers[i].n[1] >= TURNS / MANY / 2 && askers[i].n[1] <= TURNS / MANY * 3);
    }
    close_all(&world, askers, MANY);
}

TEST("where decisions are slow, each has his turn, however many wait for theirs")
{
    enum { MANY = 200, TURNS = 5 * MANY };
    struct world world;
    static struct asker askers[MANY];
    open_timed(&world, 349, askers, MANY, heavy_ns);
    for (int turn = 0; turn < TURNS; turn++) {
        CHECK(crowded_turn(&world, askers, MANY, 1) <= 2 || turn < 20);
    }
    for (int i = 0; i < MANY; i++) {
        CHECK(askers[i].n[1] >= 3);
    }
    close_all(&world, askers, MANY);
}

TEST("where decisions are slow, who asks for one has no more than those who ask for many")
{
    enum { MANY = 21, TURNS = 20 * MANY, AT_ONCE = 16 };
    struct world world;
    static struct asker askers[MANY];
    open_timed(&world, 351, askers, MANY, heavy_ns);
    for (int turn = 0; turn < TURNS; turn++) {
        ask_up_to(&world, &askers[0], 1);
        crowded_turn(&world, askers + 1, MANY - 1, AT_ONCE);
        take(&world, &askers[0]);
    }
    for (int i = 0; i < MANY; i++) {
        CHECK(askers[i].n[1] >= 10 && askers[i].n[1] <= 40);
    }
    close_all(&world, askers, MANY);
}

/* Decisions of so long; the first ones ask for one, the others for more. Checks how many a planned
 * turn decides at most. */
static void decide_in_turns(int64_t decision_ns, int n_first, int n_more, int more, uint64_t most)
{
    enum { LEARNT = 40 };
    struct world world;
    static struct asker askers[64];
    slow_decision_ns = decision_ns;
    open_timed(&world, 354, askers, n_first + n_more, heavy_ns);
    for (int turn = 0; turn < 200; turn++) {
        sim_step(world.sim, 300000);
        for (int i = 0; i < n_first; i++) {
            ask_up_to(&world, &askers[i], 1);
        }
        uint64_t n = crowded_turn(&world, askers + n_first, n_more, more);
        CHECK(turn < LEARNT || (n > 0 && n <= most));
        for (int i = 0; i < n_first; i++) {
            take(&world, &askers[i]);
        }
    }
    slow_decision_ns = SLOW_DECISION_NS;
    close_all(&world, askers, n_first + n_more);
}

/* In the first one both may be admitted, if one has asked for little of late. */
TEST("nobody has more of a planned turn than it decides, nor than one where each has one")
{
    decide_in_turns(50000, 0, 2, 64, 2 * 1000000 / 50000);
    decide_in_turns(180000, 10, 54, 4, 64 * WR_OVERLOAD_CONN_NS / 180000 + 1);
}

TEST("where decisions are slow, who asks for many at once has them in many turns")
{
    enum { MANY = 64, LEARNT = 20, AT_ONCE = 16 };
    struct world world;
    static struct asker askers[MANY];
    open_timed(&world, 326, askers, MANY, heavy_ns);
    uint64_t n_all = 0;
    for (int turn = 0; turn < 100; turn++) {
        uint64_t n = crowded_turn(&world, askers, MANY, AT_ONCE);
        CHECK(turn < LEARNT || n <= 2);
        n_all += n;
    }
    CHECK(n_all >= 80);
    close_all(&world, askers, MANY);
}

/* A turn of a node that believes it has time for all. */
static uint64_t calm_turn(struct world *world)
{
    uint64_t before = wr_server_sequence(world->server);
    world->server->admission.is_over = false;
    wr_server_step(world->server, 0);
    return wr_server_sequence(world->server) - before;
}

/* WR_TURN_NS has time for one of them, and no run begins after it. */
TEST("where decisions are slow, no turn has more of them than it has time for")
{
    enum { MANY = 8, LEARNT = 20, AT_ONCE = 16 };
    struct world world;
    static struct asker askers[MANY];
    open_timed(&world, 327, askers, MANY, heavy_ns);
    uint64_t n_all = 0;
    for (int turn = 0; turn < 100; turn++) {
        for (int i = 0; i < MANY; i++) {
            ask_up_to(&world, &askers[i], AT_ONCE);
        }
        uint64_t n = calm_turn(&world);
        CHECK(turn < LEARNT || n <= 4);
        n_all += n;
        for (int i = 0; i < MANY; i++) {
            take(&world, &askers[i]);
        }
    }
    CHECK(n_all >= 100);
    close_all(&world, askers, MANY);
}

TEST("where decisions are slow, the items of one body are decided in many turns")
{
    enum { LEARNT = 40, ITEMS = 40 };
    struct world world;
    static struct asker asker;
    static char body[ITEMS * 600];
    char event[512], id[32];
    size_t n = 0;
    open_timed(&world, 328, &asker, 1, heavy_ns);
    for (int turn = 0; turn < LEARNT; turn++) {
        ask_up_to(&world, &asker, 1);
        calm_turn(&world);
        take(&world, &asker);
    }
    for (int i = 0; i < ITEMS; i++) {
        snprintf(id, sizeof id, "item.%d", i);
        n += (size_t)snprintf(body + n, sizeof body - n, "%c%s", i == 0 ? '[' : ',',
                              world_event(event, id, i, 1));
    }
    snprintf(body + n, sizeof body - n, "]");
    http_send(&world, &asker.http, "POST", "/v1/decisions:batch", body);
    uint64_t n_all = 0;
    for (int turn = 0; turn < 2 * ITEMS; turn++) {
        uint64_t decided = calm_turn(&world);
        CHECK(decided <= 2);
        n_all += decided;
    }
    CHECK_INT(n_all, ITEMS);
    CHECK(http_take(&world, &asker.http));
    CHECK_INT(asker.http.status, 200);
    int found = 0;
    for (size_t at = 0; at + 12 < asker.http.body.n; at++) {
        found += memcmp(asker.http.body.p + at, "{\"decision\":", 12) == 0;
    }
    CHECK_INT(found, ITEMS);
    close_all(&world, &asker, 1);
}

/* How many a turn decides of those that 64 connections ask, once. */
static uint64_t decided_of(struct world *world, struct asker *askers)
{
    uint64_t before = wr_server_sequence(world->server);
    for (int i = 0; i < 64; i++) {
        ask_up_to(world, &askers[i], 1);
    }
    planned_turn(world);
    for (int i = 0; i < 64; i++) {
        take(world, &askers[i]);
    }
    return wr_server_sequence(world->server) - before;
}

TEST("a few decisions that took long do not outweigh many that did not")
{
    enum { MANY = 64, QUICK_NS = 10000, COLD_NS = 15000000, STILL_NS = 19000000 };
    struct world world;
    static struct asker askers[MANY];
    open_large(&world, 325);
    open_all(&world, askers, MANY);
    wr_admit_decided(world.server, 1, COLD_NS);
    for (int i = 0; i < 20; i++) {
        wr_admit_decided(world.server, 64, 64 * QUICK_NS);
        wr_admit_decided(world.server, 1, 20 * QUICK_NS);
    }
    CHECK_INT(decided_of(&world, askers), MANY);
    wr_admit_decided(world.server, 64, 64 * QUICK_NS + STILL_NS);
    CHECK_INT(decided_of(&world, askers), MANY);
    close_all(&world, askers, MANY);
}

/* Asks so many times in a millisecond, at random over all; returns how many were refused. */
static int ask_per_ms(struct world *world, struct asker *askers, int n_askers, double per_ms,
                      int64_t duration_ns)
{
    struct sim *sim = world->sim;
    int64_t end = heavy_ns(sim) + duration_ns;
    int before = 0, after = 0;
    double due = (double)heavy_ns(sim);
    for (int i = 0; i < n_askers; i++) {
        before += askers[i].n[0];
    }
    while (heavy_ns(sim) < end) {
        for (; due < (double)heavy_ns(sim);
             due += 1e6 / per_ms * 2 * (double)sim_random(sim, 1000) / 1000) {
            struct asker *asker = &askers[sim_random(sim, (uint64_t)n_askers)];
            ask_up_to(world, asker, asker->n_out + 1);
        }
        sim_step(sim, 1000);
        wr_server_step(world->server, WR_MAX((int64_t)due - heavy_ns(sim), (int64_t)0));
        for (int i = 0; i < n_askers; i++) {
            take(world, &askers[i]);
        }
    }
    for (int i = 0; i < n_askers; i++) {
        after += askers[i].n[0];
    }
    return after - before;
}

TEST("where decisions are slow, an overload ends when less is asked than can be decided")
{
    enum { MANY = 64, DECISION_NS = 1000000 };
    struct world world;
    static struct asker askers[MANY];
    slow_decision_ns = DECISION_NS;
    open_timed(&world, 329, askers, MANY, heavy_ns);
    CHECK(ask_per_ms(&world, askers, MANY, 2.0, 1000000000) > 500);
    CHECK(world.server->admission.is_over);
    ask_per_ms(&world, askers, MANY, 0.7, 500000000); /* until it shows */
    CHECK(!world.server->admission.is_over);
    CHECK_INT(ask_per_ms(&world, askers, MANY, 0.7, 2000000000), 0);
    slow_decision_ns = SLOW_DECISION_NS;
    close_all(&world, askers, MANY);
}

TEST("where each asks little and all together too much, nobody is refused always")
{
    enum { MANY = 128, DECISION_NS = 100000 };
    struct world world;
    static struct asker askers[MANY];
    open_large(&world, 312);
    open_all(&world, askers, MANY);
    for (int turn = 0; turn < 60; turn++) {
        uint64_t before = wr_server_sequence(world.server);
        for (int i = 0; i < MANY; i++) {
            ask_up_to(&world, &askers[i], 1);
        }
        planned_turn(&world);
        for (int i = 0; i < MANY; i++) {
            take(&world, &askers[i]);
        }
        sim_step(world.sim, (int64_t)(wr_server_sequence(world.server) - before) * DECISION_NS);
    }
    for (int i = 0; i < MANY; i++) {
        CHECK(askers[i].n[1] >= 12 && askers[i].n[0] >= 12);
    }
    close_all(&world, askers, MANY);
}

/* Of 64 that always have so many requests under way the first ones have more; what each had decided
 * in 300 turns. */
static void crowd_of_two_kinds(struct asker *askers, int n_first, int first_each, int each)
{
    enum { MANY = 64, LEARNT = 100 };
    struct world world;
    open_timed(&world, 340, askers, MANY, flooded_ns);
    for (int turn = 0; turn < LEARNT + 300; turn++) {
        for (int i = 0; i < n_first; i++) {
            ask_up_to(&world, &askers[i], first_each);
        }
        sim_step(world.sim, 300000);
        crowded_turn(&world, askers + n_first, MANY - n_first, each);
        for (int i = 0; i < MANY; i++) {
            take(&world, &askers[i]);
            askers[i].n[1] = turn < LEARNT ? 0 : askers[i].n[1];
        }
    }
    close_all(&world, askers, MANY);
}

TEST("who asks for many at once has his turn beside many who ask for few")
{
    static struct asker askers[64];
    crowd_of_two_kinds(askers, 1, 100, 2);
    CHECK(askers[0].n[1] >= 1000);
    for (int i = 1; i < 64; i++) {
        CHECK(askers[i].n[1] >= 100);
    }
}

TEST("where those who ask for little are too many by themselves, others have their turn as well")
{
    enum { FIRST = 16 };
    static struct asker askers[64];
    crowd_of_two_kinds(askers, FIRST, 64, 3);
    for (int i = 0; i < 64; i++) {
        CHECK(askers[i].n[1] >= (i < FIRST ? 600 : 300));
    }
}

TEST("who is answered later, and so asks less often, does not come first for it")
{
    enum { FIRST = 4 };
    static struct asker askers[64];
    crowd_of_two_kinds(askers, FIRST, 64, 4);
    int least = askers[FIRST].n[1], most = least;
    for (int i = FIRST; i < 64; i++) {
        least = WR_MIN(least, askers[i].n[1]);
        most = WR_MAX(most, askers[i].n[1]);
    }
    CHECK(least > 0 && most <= 4 * least);
}

/* A refusal takes so long, and nothing else any time. */
static int64_t dear_refusal_ns;
static int64_t dear_refusals_ns(void *context)
{
    return true_ns(context) + (int64_t)flooded->n_refused * dear_refusal_ns;
}

/* So many connections always have so many requests under way, of which a turn of 1 ms decides 64
 * and refuses so many. Returns the most turns for which one of them has no answer. */
static int refuse_in_turns(int n_askers, int each, int n_refused)
{
    enum { MOST = 40, LEARNT = 30 };
    struct world world;
    static struct asker askers[MOST];
    int answered[MOST] = {0}, most = 0;
    open_timed(&world, 346, askers, n_askers, dear_refusals_ns);
    struct wr_server *server = world.server;
    for (int turn = 0; turn < 130; turn++) {
        sim_step(world.sim, 1000000);
        server->admission.turns.turn_ns = 1000000000; /* 64 are admitted */
        server->admission.turns.decided_1024ths = 1024;
        uint64_t before = server->n_refused;
        int n_out[MOST];
        for (int i = 0; i < n_askers; i++) {
            ask_up_to(&world, &askers[i], each);
            n_out[i] = askers[i].n_out;
        }
        planned_turn(&world);
        CHECK(turn < LEARNT || server->n_refused - before == (uint64_t)n_refused);
        for (int i = 0; i < n_askers; i++) {
            take(&world, &askers[i]);
            answered[i] = askers[i].n_out < n_out[i] ? turn : answered[i];
            most = WR_MAX(most, turn < LEARNT ? 0 : turn - answered[i]);
            CHECK(!server->conns[i]->is_passed_over); /* only in the turn that is planned */
        }
    }
    close_all(&world, askers, n_askers);
    return most;
}

/* Of 64 a turn reaches some fifteen, and the others are not read. */
TEST("whoever is left when the node is told to end is answered before it does")
{
    enum { MANY = 64, EACH = 8, LEARNT = 20 };
    struct world world;
    static struct asker askers[MANY];
    dear_refusal_ns = 50000;
    open_timed(&world, 341, askers, MANY, dear_refusals_ns);
    for (int turn = 0; turn <= LEARNT; turn++) {
        if (turn == LEARNT) {
            sim_stop(world.sim);
        }
        world.server->admission.turns.turn_ns = 1000000000; /* 64 are admitted */
        world.server->admission.turns.decided_1024ths = 1024;
        crowded_turn(&world, askers, MANY, EACH);
    }
    int n_unread = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        const struct wr_conn *conn = world.server->conns[i];
        n_unread += conn->more && conn->in_n == conn->in_at;
    }
    CHECK(n_unread > 0);
    for (int turn = 0; turn < 40; turn++) {
        wr_server_step(world.server, 0);
    }
    for (int i = 0; i < MANY; i++) {
        take(&world, &askers[i]);
        CHECK(askers[i].n_out < EACH); /* behind the first answer it is closed */
    }
    close_all(&world, askers, MANY);
}

/* Eight are admitted; of the others five have been refused after 1.2 ms, and the sixth is the last
 * one. */
TEST("refusing ends after five quarters of a turn, and everyone is answered in a few turns")
{
    dear_refusal_ns = 30000;
    CHECK(refuse_in_turns(34, 8, 6 * 8) <= 8);
}

/* Of each 64 are refused at once, which takes 0.32 ms, and as many are left. */
TEST("whoever was not reached by refusing comes before those who were and ask for more")
{
    dear_refusal_ns = 5000;
    CHECK(refuse_in_turns(20, 128, 4 * 64) <= 8);
}

/* It has asked for so many since it was read, two turns ago. */
static void let_ask(struct wr_server *server, uint32_t i, int n, int64_t turn_ns)
{
    struct wr_conn *conn = server->conns[i];
    conn->readable = true;
    conn->request_sixteenths = 400 * 16;
    conn->pace = (int64_t)n * 400 * WR_PACE_NS / (2 * turn_ns);
    conn->read_ns = server->looked_ns - 2 * turn_ns;
    wr_conn_touch(server, conn);
}

/* So many have been read before, and nothing has come since, whatever its pace; 0: no longer. */
static void let_wait(struct wr_conn *conn, int n)
{
    conn->readable = false;
    conn->more = n > 0;
    conn->in_n = (size_t)n * 400;
}

/* Of what 100 connections ask a turn decides 300. So many have been passed over before and ask for
 * 15 each, the others for so many each, or have been read and ask for so many. The last ones wait
 * for an answer, and ask for nothing. Tells how many of the others and of those are admitted. */
enum { OF_TWO_KINDS = 100, SILENT = 4, DECIDED = 300, BEFORE = 30, BEFORE_EACH = 15 };
static void plan_for_two_kinds(int each, int are_read, int n_admitted[2])
{
    const int64_t turn_ns = (int64_t)OF_TWO_KINDS * WR_OVERLOAD_CONN_NS;
    struct world world;
    static struct asker askers[OF_TWO_KINDS];
    open_large(&world, 347);
    open_all(&world, askers, OF_TWO_KINDS);
    struct wr_server *server = world.server;
    server->admission.turns.turn_ns = turn_ns;
    server->admission.turns.decided_1024ths = (int64_t)DECIDED * 1024;
    for (uint32_t i = 0; i < OF_TWO_KINDS; i++) {
        let_ask(server, i, i < BEFORE ? BEFORE_EACH : each, turn_ns);
        server->conns[i]->n_passed_over = i < BEFORE;
        if (i >= OF_TWO_KINDS - SILENT) {
            let_wait(server->conns[i], 0);
        } else if (i >= BEFORE && are_read > 0) {
            let_wait(server->conns[i], are_read);
        }
    }
    uint32_t n = wr_turn_plan(server), n_out = 0;
    n_admitted[false] = n_admitted[true] = 0;
    for (uint32_t i = 0; i < OF_TWO_KINDS; i++) {
        struct wr_conn *conn = server->conns[i];
        n_admitted[i < BEFORE] += !conn->is_passed_over;
        n_out += conn->is_passed_over;
        CHECK_INT(conn->n_passed_over, (i < BEFORE) + conn->is_passed_over);
        CHECK(!conn->is_passed_over || i < OF_TWO_KINDS - SILENT);
        CHECK(server->touched[i]->is_passed_over == (i < n));
        let_wait(conn, 0);
    }
    CHECK_INT(n, n_out);
    CHECK_INT(server->admission.budget, DECIDED);
    n_admitted[false] -= SILENT;
    close_all(&world, askers, OF_TWO_KINDS);
}

/* A share is 3, so 6 in two turns are little, and 8 are more; of what has been read 3, and 4. */
TEST("who asks for no more than his share comes first, then who has been passed over")
{
    int n_admitted[2];
    plan_for_two_kinds(6, 0, n_admitted);
    CHECK_INT(n_admitted[false], (DECIDED - DECIDED / 16) / 6);
    CHECK_INT(n_admitted[true], 2); /* of a sixteenth, with the last one a little more than that */
    plan_for_two_kinds(8, 0, n_admitted);
    CHECK_INT(n_admitted[false], 0);
    CHECK_INT(n_admitted[true], DECIDED / BEFORE_EACH);
    plan_for_two_kinds(8, 3, n_admitted);
    CHECK_INT(n_admitted[false], OF_TWO_KINDS - SILENT - BEFORE);
    CHECK_INT(n_admitted[true], 7); /* with the last one a little more than is left */
    plan_for_two_kinds(8, 4, n_admitted);
    CHECK_INT(n_admitted[false], 0);
    CHECK_INT(n_admitted[true], DECIDED / BEFORE_EACH);
}

/* A share is one; each of nine has two there, since the turn before was long. Of a budget of ten
 * one is kept, since a sixteenth were none; were they ten, each of all would count as one. */
TEST("where decisions are slow, those who ask for little leave one to the others")
{
    enum { LITTLE = 9, BUDGET = 10 };
    const int64_t turn_ns = (int64_t)OF_TWO_KINDS * WR_OVERLOAD_CONN_NS;
    struct world world;
    static struct asker askers[OF_TWO_KINDS];
    open_large(&world, 352);
    open_all(&world, askers, OF_TWO_KINDS);
    struct wr_server *server = world.server;
    server->admission.run_ns = turn_ns / BUDGET;
    server->admission.run_1024ths = 1024;
    for (uint32_t i = 0; i < OF_TWO_KINDS; i++) {
        let_ask(server, i, i < LITTLE ? 2 : BEFORE_EACH, turn_ns);
    }
    CHECK_INT(wr_turn_plan(server), OF_TWO_KINDS - BUDGET / 2 - 1);
    CHECK_INT(server->admission.budget, BUDGET);
    for (uint32_t i = 0; i < OF_TWO_KINDS; i++) {
        bool in = i < BUDGET / 2 || i == LITTLE;
        CHECK(server->conns[i]->is_passed_over == !in);
    }
    let_ask(server, LITTLE, 2, turn_ns);
    CHECK_INT(wr_turn_plan(server), OF_TWO_KINDS - BUDGET);
    CHECK(server->admission.one_each);
    for (uint32_t i = 0; i < OF_TWO_KINDS; i++) {
        let_wait(server->conns[i], 0);
    }
    close_all(&world, askers, OF_TWO_KINDS);
}

/* Whose requests are not taken in this turn, for whatever reason, keeps nobody from his. */
TEST("a claim has the bound of a turn or of a batch, and who cannot be taken has none")
{
    enum { ITEMS = 250, ASKED = 1000 };
    const int64_t turn_ns = (int64_t)OF_TWO_KINDS * WR_OVERLOAD_CONN_NS;
    struct world world;
    static struct asker askers[OF_TWO_KINDS];
    open_large(&world, 353);
    open_all(&world, askers, OF_TWO_KINDS);
    struct wr_conn **conns = world.server->conns;
    for (uint32_t i = 0; i < OF_TWO_KINDS; i++) {
        let_ask(world.server, i, ASKED, turn_ns);
        conns[i]->n_asked = i == 0 ? ITEMS : 1;
        conns[i]->held = i == 2;
        conns[i]->blocked = i == 3;
        conns[i]->closing = i == 4;
        conns[i]->broken = i == 5;
    }
    CHECK(wr_turn_plan(world.server) > 0);
    for (uint32_t i = 0; i < OF_TWO_KINDS; i++) {
        CHECK_INT(conns[i]->claim.n, i == 0 ? ITEMS : i < 2 || i > 5 ? WR_LIMIT_SLOTS : 0);
        CHECK(conns[i]->claim.n > 0 || !conns[i]->is_passed_over);
        conns[i]->held = conns[i]->blocked = conns[i]->closing = conns[i]->broken = false;
        let_wait(conns[i], 0);
    }
    close_all(&world, askers, OF_TWO_KINDS);
}

/* Of 100 that ask for 15 each 20 are admitted: those that have been passed over more often. */
static void plan_for_passed_over(struct wr_server *server, uint32_t n, uint32_t n_more)
{
    enum { LAST = OF_TWO_KINDS - DECIDED / BEFORE_EACH };
    const int64_t turn_ns = (int64_t)OF_TWO_KINDS * WR_OVERLOAD_CONN_NS;
    server->admission.turns.turn_ns = turn_ns;
    server->admission.turns.decided_1024ths = (int64_t)DECIDED * 1024;
    for (uint32_t i = 0; i < OF_TWO_KINDS; i++) {
        let_ask(server, i, BEFORE_EACH, turn_ns);
        server->conns[i]->n_passed_over = i < LAST ? n : n_more;
    }
    CHECK_INT(wr_turn_plan(server), LAST);
    for (uint32_t i = 0; i < OF_TWO_KINDS; i++) {
        CHECK(server->conns[i]->is_passed_over == (i < LAST) || n == n_more);
        CHECK(server->conns[i]->n_passed_over >= WR_MIN(n, 100000u));
        let_wait(server->conns[i], 0);
    }
}

TEST("who has been passed over for longer comes first, however long that is")
{
    struct world world;
    static struct asker askers[OF_TWO_KINDS];
    open_large(&world, 350);
    open_all(&world, askers, OF_TWO_KINDS);
    plan_for_passed_over(world.server, 14, 15);
    for (uint32_t n = 15; n < 200000; n += n / 7) {
        plan_for_passed_over(world.server, n, n + (n + 7) / 8);
    }
    plan_for_passed_over(world.server, 1000000, 1000000); /* it has an end */
    close_all(&world, askers, OF_TWO_KINDS);
}

/* On his connection a queue stands. */
static bool is_late(struct world *world, bool is_over, int64_t waited_ns)
{
    struct wr_server *server = world->server;
    struct wr_conn conn = {.sock = 1, .wait = {.since_ns = server->now_ns, .holds = 1}};
    struct wr_http_request request = {.n = 1, .whole_ns = server->now_ns - waited_ns};
    server->admission.is_over = is_over;
    server->admission.wait.since_ns = server->now_ns;
    return wr_admit_is_late(server, &conn, &request);
}

TEST("in a planned turn who has waited for more than 20 ms is refused, in others after 10")
{
    struct world world;
    world_open(&world, 345, WR_MODE_FAST);
    sim_step(world.sim, 1000000000);
    wr_server_step(world.server, 0);
    CHECK(!is_late(&world, true, 20000000) && is_late(&world, true, 20000001));
    CHECK(!is_late(&world, false, 10000000) && is_late(&world, false, 10000001));
    world_close(&world);
}

TEST("what a send takes is learnt, but neither from few nor from a standstill")
{
    static struct wr_server server;
    wr_turn_sent(&server, 7, 7 * 1000);
    CHECK_INT(server.admission.send_ns, 0);
    wr_turn_sent(&server, 8, 8 * (WR_OVERLOAD_CONN_NS / WR_OVERLOAD_SENDS + 800));
    CHECK_INT(server.admission.send_ns, WR_OVERLOAD_CONN_NS / WR_OVERLOAD_SENDS + 100);
    wr_turn_sent(&server, 10, 5000000);
    CHECK_INT(server.admission.send_ns, (WR_OVERLOAD_CONN_NS / WR_OVERLOAD_SENDS + 100) * 9 / 8);
    for (int i = 0; i < 100; i++) {
        wr_turn_sent(&server, 64, 0);
    }
    CHECK_INT(server.admission.send_ns, 100);
}

TEST("what a send takes is not learnt from those that send nothing")
{
    enum { MANY = 64, EACH = 8, KNOWN_NS = 5000 };
    struct world world;
    static struct asker askers[MANY];
    open_timed(&world, 343, askers, MANY, flooded_ns);
    for (int turn = 0; turn < 60; turn++) {
        sim_step(world.sim, 1000000);
        crowded_turn(&world, askers, MANY, EACH);
    }
    sim_faults(world.sim)->net_window = 1; /* nobody reads any more */
    world.server->admission.send_ns = KNOWN_NS;
    for (int turn = 0; turn < 20; turn++) {
        uint64_t before = world.server->n_refused;
        for (int i = 0; i < MANY; i++) {
            ask(&world, &askers[i].http, EACH);
        }
        sim_step(world.sim, 1000000);
        planned_turn(&world);
        CHECK(world.server->n_refused > before);
        if (turn == 0) { /* the last byte that there was room for has left */
            world.server->admission.send_ns = KNOWN_NS;
        }
    }
    CHECK_INT(world.server->admission.send_ns, KNOWN_NS);
    close_all(&world, askers, MANY);
}

static int n_yields;
static void count_yield(void *context)
{
    (void)context;
    n_yields++;
}

TEST(
    "a planned turn lets the journal's thread come first before answers leave, a calm one does not")
{
    struct world world;
    struct asker asker;
    open_large(&world, 316);
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(world.sim);
    port->threads.yield = count_yield;
    port->threads.context = &world;
    open_all(&world, &asker, 1);
    ask_up_to(&world, &asker, 1);
    wr_server_step(world.server, 0);
    CHECK_INT(n_yields, 0);
    take(&world, &asker);
    ask_up_to(&world, &asker, 1);
    planned_turn(&world);
    CHECK_INT(n_yields, 1);
    take(&world, &asker);
    CHECK_INT(asker.n[0] + asker.n[1], 2);
    close_all(&world, &asker, 1);
}

/* Two turns in which most are refused, so long after the last time. */
static void refuse_some_more(struct world *world, struct asker *askers, int n, int64_t pause_ns)
{
    uint64_t before = world->server->n_refused;
    sim_step(world->sim, pause_ns);
    for (int turn = 0; turn < 2; turn++) {
        crowded_turn(world, askers, n, 8);
    }
    CHECK(world->server->n_refused > before);
}

/* So long afterwards the last line of the log tells of so many. */
static bool is_told(struct world *world, int64_t pause_ns, uint64_t n)
{
    char line[128];
    sim_step(world->sim, pause_ns);
    wr_server_step(world->server, 0);
    snprintf(line, sizeof line,
             "warn overload: requests refused since it was last told: %llu; of these by their "
             "callers' own deadlines: 0",
             (unsigned long long)n);
    return strcmp(world->last_log, line) == 0;
}

TEST("the log tells of refusals at once, and then once in ten seconds, how many they were")
{
    enum { MANY = 100 };
    struct world world;
    static struct asker askers[MANY];
    open_large(&world, 349);
    open_all(&world, askers, MANY);
    refuse_some_more(&world, askers, MANY, 0);
    CHECK(strstr(world.last_log, "overload") == NULL);
    uint64_t told = world.server->n_refused;
    CHECK(is_told(&world, WR_SWEEP_NS, told));
    refuse_some_more(&world, askers, MANY, WR_SWEEP_NS);
    refuse_some_more(&world, askers, MANY, WR_OVERLOAD_TELL_NS - 3 * WR_SWEEP_NS);
    CHECK(is_told(&world, 0, told));
    CHECK(is_told(&world, 2 * WR_SWEEP_NS, world.server->n_refused - told));
    world.last_log[0] = 0;
    sim_step(world.sim, WR_OVERLOAD_TELL_NS);
    wr_server_step(world.server, 0);
    CHECK_INT(world.last_log[0], 0);
    close_all(&world, askers, MANY);
}

TEST("what is not there whole takes nobody's place")
{
    enum { PARTS = 10 };
    struct world world;
    static struct asker askers[PARTS + 1];
    struct asker *whole = &askers[PARTS];
    static char part[16000] =
        "POST /v1/decisions HTTP/1.1\r\nHost: weir\r\nContent-Length: 200000\r\n\r\n";
    world_open(&world, 313, WR_MODE_FAST);
    open_all(&world, askers, PARTS + 1);
    memset(part + strlen(part), 'x', sizeof part - strlen(part));
    for (int i = 0; i < PARTS; i++) {
        sim_send(world.sim, askers[i].http.client, part, sizeof part);
    }
    wr_server_step(world.server, 0);
    for (int turn = 0; turn < 10; turn++) {
        for (int i = 0; i < PARTS; i++) {
            sim_send(world.sim, askers[i].http.client, "x", 1);
        }
        ask_up_to(&world, whole, 60);
        sim_step(world.sim, 1000000);
        planned_turn(&world);
        take(&world, whole);
    }
    CHECK(whole->n[1] >= 500);
    CHECK_INT(whole->n[0], 0);
    close_all(&world, askers, PARTS + 1);
}

/* Each turn heavy ones ask for more than can be decided, and of others of whom it cannot be told
 * how much they ask, each for 40: they get no more than one of it. */
enum { HEAVY = 20, ODD = 20, ODD_LEARNT = 19, ODD_TURNS = 60, ODD_EACH = 40 };
static void crowd(struct world *world, struct asker *heavy, struct asker *odd, int turn)
{
    for (int i = 0; i < HEAVY; i++) {
        ask_up_to(world, &heavy[i], 64);
    }
    sim_step(world->sim, 1000000);
    planned_turn(world);
    for (int i = 0; i < HEAVY; i++) {
        take(world, &heavy[i]);
    }
    for (int i = 0; i < ODD; i++) {
        take(world, &odd[i]);
    }
    for (int i = 0; turn == ODD_LEARNT && i < HEAVY; i++) {
        heavy[i].n[0] = heavy[i].n[1] = 0;
    }
    for (int i = 0; turn == ODD_LEARNT && i < ODD; i++) {
        odd[i].n[0] = odd[i].n[1] = 0;
    }
}

static int sum_decided(const struct asker *askers, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++) {
        sum += askers[i].n[1];
    }
    return sum;
}

TEST("behind a body in chunks nobody has many requests decided as one")
{
    struct world world;
    static struct asker askers[HEAVY + ODD];
    struct asker *odd = askers + HEAVY;
    char event[512], part[1024];
    int n_event = (int)strlen(world_event(event, "c0", 1, 1));
    int n_part = snprintf(part, sizeof part,
                          "POST /v1/decisions HTTP/1.1\r\nHost: weir\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n%x\r\n%.*s",
                          n_event, n_event - 1, event); /* but for the last brace */
    open_timed(&world, 318, askers, HEAVY + ODD, flooded_ns);
    for (int turn = 0; turn < ODD_TURNS; turn++) {
        for (int i = 0; i < ODD; i++) {
            if (odd[i].n_out <= 1) { /* of the last turn only the one in chunks is left */
                sim_send(world.sim, odd[i].http.client, "}\r\n0\r\n\r\n", turn == 0 ? 0 : 8);
                ask_up_to(&world, &odd[i], ODD_EACH);
                sim_send(world.sim, odd[i].http.client, part, (size_t)n_part);
                odd[i].n_out++;
            }
        }
        crowd(&world, askers, odd, turn);
    }
    CHECK(sum_decided(odd, ODD) > 0);
    CHECK(sum_decided(odd, ODD) < sum_decided(askers, HEAVY) * 3 / 2);
    close_all(&world, askers, HEAVY + ODD);
}

TEST("whoever connects anew for each turn has no more decided in it than one")
{
    enum { ANEW = 6 }; /* the world has 512 sockets */
    struct world world;
    static struct asker askers[HEAVY + ODD];
    struct asker *odd = askers + HEAVY;
    open_timed(&world, 319, askers, HEAVY + ODD, flooded_ns);
    for (int turn = 0; turn < ODD_TURNS; turn++) {
        for (int i = 0; i < ANEW; i++) {
            http_close(&world, &odd[i].http);
            http_open(&world, &odd[i].http);
            odd[i].n_out = 0;
            ask_up_to(&world, &odd[i], ODD_EACH);
        }
        crowd(&world, askers, odd, turn);
    }
    CHECK_INT(sum_decided(odd, ANEW), ANEW * (ODD_TURNS - ODD_LEARNT - 1));
    close_all(&world, askers, HEAVY + ODD);
}

TEST("who asks for little is decided, however large his requests are")
{
    struct world world;
    static struct asker askers[HEAVY + ODD];
    struct asker *odd = askers + HEAVY;
    static char event[8192];
    open_timed(&world, 320, askers, HEAVY + ODD, flooded_ns);
    for (int turn = 0; turn < ODD_TURNS; turn++) {
        char id[32];
        snprintf(id, sizeof id, "l%d", turn);
        world_event(event, id, 1, 1);
        memset(event + strlen(event), ' ', sizeof event - 1 - strlen(event));
        http_send(&world, &odd->http, "POST", "/v1/decisions", event);
        crowd(&world, askers, odd, turn);
        memset(event, 0, sizeof event);
    }
    CHECK_INT(odd->n[1], ODD_TURNS - ODD_LEARNT - 1);
    CHECK_INT(odd->n[0], 0);
    close_all(&world, askers, HEAVY + ODD);
}

static void write_batch(char *batch, size_t cap, int n_items, int serial)
{
    char event[512], id[32];
    size_t n = 0;
    for (int i = 0; i < n_items; i++) {
        snprintf(id, sizeof id, "m%d.%d", serial, i);
        n += (size_t)snprintf(batch + n, cap - n, "%c%s", i == 0 ? '[' : ',',
                              world_event(event, id, i % 9, 1));
    }
    memcpy(batch + n, "]", 2);
}

TEST("a batch counts as many as it has items")
{
    struct world world;
    static struct asker askers[HEAVY + ODD];
    struct asker *odd = askers + HEAVY;
    static char batch[ODD_EACH * 512 + 2];
    open_timed(&world, 321, askers, HEAVY + ODD, flooded_ns);
    for (int turn = 0; turn < ODD_TURNS; turn++) {
        for (int i = 0; i < ODD; i++) {
            write_batch(batch, sizeof batch, ODD_EACH, turn * ODD + i);
            http_send(&world, &odd[i].http, "POST", "/v1/decisions:batch", batch);
        }
        crowd(&world, askers, odd, turn);
    }
    CHECK(sum_decided(odd, ODD) > 0);
    CHECK(sum_decided(odd, ODD) * ODD_EACH < sum_decided(askers, HEAVY) * 3 / 2);
    close_all(&world, askers, HEAVY + ODD);
}

TEST("batches one behind another count as many as they have items")
{
    enum { ITEMS = 250, AT_ONCE = 20, LARGE = 2 };
    struct world world;
    static struct asker askers[HEAVY + ODD];
    struct asker *odd = askers + HEAVY;
    static char batch[ITEMS * 512 + 2];
    open_timed(&world, 330, askers, HEAVY + ODD, flooded_ns);
    for (int turn = 0, serial = 0; turn < ODD_TURNS; turn++) {
        for (int i = 0; i < LARGE * AT_ONCE; i++) {
            if (odd[i % LARGE].n_out < AT_ONCE) {
                write_batch(batch, sizeof batch, ITEMS, serial++);
                http_send(&world, &odd[i % LARGE].http, "POST", "/v1/decisions:batch", batch);
                odd[i % LARGE].n_out++;
            }
        }
        crowd(&world, askers, odd, turn);
    }
    CHECK(sum_decided(odd, LARGE) > 0);
    CHECK(sum_decided(odd, LARGE) * ITEMS < sum_decided(askers, HEAVY) * 3 / 2);
    close_all(&world, askers, HEAVY + ODD);
}

TEST("where decisions are slow, of batches one behind another a turn takes no more than it has "
     "time for")
{
    enum { ITEMS = 2, AT_ONCE = 12, TURNS = AT_ONCE * (ITEMS + 1) };
    struct world world;
    struct asker asker;
    static char batch[ITEMS * 512 + 2];
    open_timed(&world, 333, &asker, 1, heavy_ns);
    for (int i = 0; i < AT_ONCE; i++) {
        write_batch(batch, sizeof batch, ITEMS, i);
        http_send(&world, &asker.http, "POST", "/v1/decisions:batch", batch);
    }
    asker.n_out = AT_ONCE;
    for (int turn = 0; turn < TURNS; turn++) {
        CHECK(calm_turn(&world) <= ITEMS);
        take(&world, &asker);
    }
    CHECK_INT(asker.n[1], AT_ONCE);
    close_all(&world, &asker, 1);
}

/* With its head it fits 128 KiB just so: what is before it has to go. */
static void leave_half_a_body(size_t part)
{
    enum { BODY = 128 * 1024 - 100 };
    struct world world;
    struct http http;
    static char event[BODY], bytes[BODY + 200];
    open_large(&world, 342);
    http_open(&world, &http);
    wr_server_step(world.server, 0);
    ask(&world, &http, 1); /* what is behind it does not begin the buffer */
    memset(event, ' ', sizeof event);
    event[strlen(world_event(event, "h", 1, 1))] = ' ';
    int n = snprintf(bytes, sizeof bytes,
                     "POST /v1/decisions HTTP/1.1\r\nHost: weir\r\n"
                     "Content-Length: %d\r\n\r\n%.*s",
                     BODY, BODY, event);
    sim_send(world.sim, http.client, bytes, part);
    for (int turn = 0; turn < 4; turn++) {
        wr_server_step(world.server, 0);
    }
    CHECK(http_take(&world, &http));
    struct wr_conn *conn = world.server->conns[0];
    CHECK(conn->stage == WR_CONN_BODY && conn->in_n - conn->in_at == part);
    conn->more = true; /* as it is left */
    sim_send(world.sim, http.client, bytes + part, (size_t)n - part);
    planned_turn(&world);
    CHECK_INT(http_take(&world, &http) ? http.status : 0, 200);
    http_close(&world, &http);
    world_close(&world);
}

TEST("whoever is left with half a body is read whole when it is his turn")
{
    leave_half_a_body(10000); /* less than its first buffer, */
    leave_half_a_body(80000); /* and more than is read ahead */
}

TEST("whoever is left with what he has sent is not closed for being slow")
{
    struct world world;
    struct http http;
    world_open(&world, 355, WR_MODE_FAST);
    http_open(&world, &http);
    wr_server_step(world.server, 0);
    sim_send(world.sim, http.client, "POST", 4);
    wr_server_step(world.server, 0);
    struct wr_conn *conn = world.server->conns[0];
    world.server->now_ns += 2 * WR_DEADLINE_HEAD_NS;
    conn->more = true; /* as it is left */
    wr_conn_sweep(world.server);
    CHECK(conn->sock >= 0);
    conn->more = false;
    wr_conn_sweep(world.server);
    CHECK(conn->sock < 0);
    http_close(&world, &http);
    world_close(&world);
}

TEST("who waits for an answer and has sent part of a request takes no place")
{
    enum { PARTS = 100 };
    struct world world;
    static struct asker askers[PARTS];
    open_large(&world, 322);
    open_all(&world, askers, PARTS);
    for (int i = 0; i < PARTS; i++) {
        ask_up_to(&world, &askers[i], 1);
        sim_send(world.sim, askers[i].http.client, "POST", 4);
    }
    wr_server_step(world.server, 0);
    struct wr_server *server = world.server;
    server->admission.turns.turn_ns = 1000000000; /* 64 are admitted */
    server->admission.turns.decided_1024ths = 1024;
    for (uint32_t i = 0; i < PARTS; i++) {
        CHECK_INT((int64_t)(server->conns[i]->in_n - server->conns[i]->in_at), 4);
        wr_conn_touch(server, server->conns[i]);
    }
    CHECK_INT(wr_turn_plan(server), 0);
    CHECK(!server->admission.is_crowded && !server->admission.one_each);
    close_all(&world, askers, PARTS);
}

static int64_t planned_ns(struct wr_server *server, int64_t send_ns)
{
    server->admission.send_ns = send_ns;
    wr_turn_plan(server);
    return server->admission.planned_ns;
}

TEST("a turn has the time of four sends for each, 29 us at least, and takes 1 ms to 5")
{
    enum { MANY = 100, FEW = 34 };
    struct world world;
    static struct asker askers[MANY];
    open_large(&world, 348);
    open_all(&world, askers, MANY);
    struct wr_server *server = world.server;
    for (uint32_t i = 0; i < MANY; i++) {
        wr_conn_touch(server, server->conns[i]);
        CHECK(i + 1 != FEW || planned_ns(server, 7250) == 1000000);
    }
    CHECK_INT(planned_ns(server, 7250), 2900000);
    CHECK_INT(planned_ns(server, 10000), 4000000);
    CHECK_INT(planned_ns(server, 20000), 5000000);
    close_all(&world, askers, MANY);
}

TEST("one huge request does not change what a request is taken to have")
{
    struct wr_conn conn = {.n_asked = 1};
    for (int i = 0; i < 100; i++) {
        wr_pace_measure(&conn, 400);
    }
    CHECK_INT(conn.request_sixteenths / 16, 400);
    wr_pace_measure(&conn, 1 << 20);
    CHECK(conn.request_sixteenths / 16 < 500);
}

TEST("a pace is what comes in a time, in one piece or in many, and has a bound")
{
    static struct wr_server server;
    struct wr_conn pieces = {0}, whole = {0};
    for (int ms = 0; ms < 2000; ms++) { /* in each tenth of a second 16,000 bytes */
        server.now_ns += 1000000;
        if (ms % 100 < 8) {
            wr_pace_read(&server, &pieces, 2000);
        }
        if (ms % 100 == 7) {
            wr_pace_read(&server, &whole, 16000);
        }
    }
    int64_t mean = (int64_t)16000 * WR_PACE_NS / 100000000;
    CHECK(whole.pace > mean / 2 && whole.pace < mean * 3 / 2);
    CHECK(pieces.pace > mean / 2 && pieces.pace < mean * 4);
    for (int i = 0; i < 100000; i++) {
        wr_pace_read(&server, &whole, SIZE_MAX);
    }
    CHECK(whole.pace > mean && whole.pace < INT64_MAX / WR_PACE_NS);
}

TEST("turns of long ago are no sign that too much is asked")
{
    struct world world;
    struct http http;
    world_open(&world, 315, WR_MODE_FAST);
    http_open(&world, &http);
    wr_server_step(world.server, 0);
    struct wr_admission *admission = &world.server->admission;
    admission->is_over = true;
    admission->n_turned_away = 1000000;
    admission->n_late = WR_OVERLOAD_LATE_N + 1;
    admission->wait.since_ns = world.server->now_ns;
    sim_step(world.sim, 300000000);
    ask(&world, &http, 1);
    wr_server_step(world.server, 0);
    CHECK(!admission->is_over);
    http_close(&world, &http);
    world_close(&world);
}

TEST("a burst long after an overload is no part of it")
{
    enum { MANY = 128, EACH = 2 };
    struct world world;
    static struct asker askers[MANY];
    open_large(&world, 327);
    open_all(&world, askers, MANY);
    world.server->admission.turns.turn_ns = 1000000000; /* a planned turn admits 64 */
    world.server->admission.turns.decided_1024ths = 1024;
    crowded_turn(&world, askers, MANY / 2, 1);
    CHECK(world.server->admission.is_over);
    sim_step(world.sim, 300000000);
    wr_server_step(world.server, 0);
    for (int i = 0; i < MANY; i++) {
        ask_up_to(&world, &askers[i], EACH);
    }
    for (int turn = 0; turn < 10; turn++) {
        wr_server_step(world.server, 0);
    }
    for (int i = 0; i < MANY; i++) {
        take(&world, &askers[i]);
        CHECK_INT(askers[i].n[0], 0);
        CHECK_INT(askers[i].n[1], i < MANY / 2 ? 1 + EACH : EACH);
    }
    close_all(&world, askers, MANY);
}

TEST("in the midst of a turn nothing is sent once the turn has failed")
{
    struct world world;
    struct http http;
    char bytes[16];
    world_open(&world, 316, WR_MODE_FAST);
    http_open(&world, &http);
    wr_server_step(world.server, 0);
    struct wr_server *server = world.server;
    struct wr_conn *conn = server->conns[0];
    memcpy(wr_conn_room(server, conn, 4), "half", 4);
    conn->out_n += 4;
    server->failed = true;
    wr_conn_send(server, conn);
    CHECK_INT((int64_t)sim_receive(world.sim, http.client, bytes, sizeof bytes), 0);
    server->failed = false;
    wr_conn_send(server, conn);
    CHECK_INT((int64_t)sim_receive(world.sim, http.client, bytes, sizeof bytes), 4);
    http_close(&world, &http);
    world_close(&world);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
