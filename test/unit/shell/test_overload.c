/* SPDX-License-Identifier: Apache-2.0 */
/* More requests than the node can decide in time: what waited too long is refused, the rest is not,
 * and it ends when the queue does. */
#include "world.h"

/* Turns the loop while the clock goes on, and counts answers. */
static void run(struct world *world, struct http *http, int turns, int64_t turn_ns, int n[2])
{
    for (int i = 0; i < turns; i++) {
        wr_server_step(world->server, 0);
        sim_step(world->sim, turn_ns);
        while (http_take(world, http)) {
            CHECK(http->status == 200 || http->status == 503);
            n[http->status == 200]++;
            if (http->status == 503) {
                CHECK(wr_str_eq(http_field(http, "Retry-After"), WR_STR("1")));
                CHECK_HAS(http->body, "\"code\":\"overload\"");
            }
        }
    }
}

static void send_events(struct world *world, struct http *http, int from, int n)
{
    char event[512], id[32];
    for (int i = from; i < from + n; i++) {
        snprintf(id, sizeof id, "e%d", i);
        http_send(world, http, "POST", "/v1/decisions", world_event(event, id, i % 9, 1));
    }
}

/* Clients that send twice what the node can decide, whatever it answers. A decision takes 20 us of
 * simulated time, a refusal 1 us. */
enum {
    CLIENTS = 32,
    LIGHT = CLIENTS, /* one more, who asks little */
    LIGHT_NS = 2000000,
    DECISION_NS = 20000,
    REFUSAL_NS = 1000,
    TURN_NS = 20000,
    AHEAD = 100,
};
struct client {
    struct http http;
    int64_t sent_ns[AHEAD];
    uint32_t n_sent, n_answered, n_good, n_refused;
};
struct tally {
    uint64_t n_good, n_refused;
    int64_t good_ns_max, refused_ns_max;
};

static void take_answers(struct world *world, struct client *client, int64_t now_ns,
                         struct tally *tally)
{
    while (http_take(world, &client->http)) {
        bool good = client->http.status == 200;
        int64_t took = now_ns - client->sent_ns[client->n_answered++ % AHEAD];
        CHECK(good || client->http.status == 503);
        tally->n_good += good;
        tally->n_refused += !good;
        client->n_good += good;
        client->n_refused += !good;
        int64_t *max = good ? &tally->good_ns_max : &tally->refused_ns_max;
        *max = WR_MAX(*max, took);
        client->http.n -= client->http.at; /* keeps the buffer short */
        memmove(client->http.bytes, client->http.bytes + client->http.at, client->http.n);
        client->http.at = 0;
    }
}

static void ask_one(struct world *world, struct client *client, int64_t due)
{
    static int serial;
    if (client->n_sent - client->n_answered < AHEAD) {
        client->sent_ns[client->n_sent++ % AHEAD] = due;
        send_events(world, &client->http, serial++, 1);
    }
}

/* Clients that stand still for so long in each 20 ms, and send then what they have not. */
enum { PAUSE_EVERY_NS = 20000000 };
static int64_t pause_ns;

static struct tally offer(struct world *world, struct client *clients, int64_t rate_ns,
                          int64_t duration_ns)
{
    struct tally tally = {0};
    int64_t now = 0, due = 0, light_due = 0;
    for (int i = 0; i <= LIGHT; i++) {
        clients[i].n_good = clients[i].n_refused = 0;
    }
    while (now < duration_ns) {
        for (; due < now && now % PAUSE_EVERY_NS >= pause_ns; due += rate_ns) {
            ask_one(world, &clients[sim_random(world->sim, CLIENTS)], due);
        }
        for (; light_due < now; light_due += LIGHT_NS) {
            ask_one(world, &clients[LIGHT], light_due);
        }
        uint64_t decided = wr_server_sequence(world->server), refused = tally.n_refused;
        wr_server_step(world->server, 0);
        int64_t took = (int64_t)(wr_server_sequence(world->server) - decided) * DECISION_NS;
        for (int i = 0; i <= LIGHT; i++) {
            take_answers(world, &clients[i], now + took, &tally);
        }
        took += (int64_t)(tally.n_refused - refused) * REFUSAL_NS + TURN_NS;
        sim_step(world->sim, took);
        now += took;
    }
    return tally;
}

TEST("at twice its capacity the node decides nearly as many, says no at once, and to all alike")
{
    struct world world;
    static struct client clients[LIGHT + 1];
    world_open(&world, 300, WR_MODE_FAST);
    for (int i = 0; i <= LIGHT; i++) {
        http_open(&world, &clients[i].http);
    }
    struct tally calm = offer(&world, clients, DECISION_NS * 10 / 7, 1000000000);
    CHECK_INT(calm.n_refused, 0);
    CHECK(calm.n_good > 34000);
    offer(&world, clients, DECISION_NS / 2, 300000000); /* until it shows */
    struct tally load = offer(&world, clients, DECISION_NS / 2, 1000000000);
    CHECK(load.n_good > 45000); /* 0.9 of what could be decided at all */
    CHECK(load.n_refused > 20000);
    CHECK(load.good_ns_max < 12000000); /* two turns, and what they were misjudged by */
    CHECK(load.refused_ns_max < 12000000);
    for (int i = 0; i < CLIENTS; i++) {
        uint32_t n = clients[i].n_good + clients[i].n_refused;
        CHECK(clients[i].n_good > n / 3 && clients[i].n_good < n - n / 3); /* half of them */
    }
    CHECK(clients[LIGHT].n_good > 490 && clients[LIGHT].n_refused == 0);
    struct tally soon = offer(&world, clients, DECISION_NS * 10 / 7, 200000000);
    CHECK_INT(soon.n_refused, 0); /* what was asked too much has been refused already */
    struct tally after = offer(&world, clients, DECISION_NS * 10 / 7, 500000000);
    CHECK_INT(after.n_refused, 0);
    CHECK(after.good_ns_max < 5000000);
    for (int i = 0; i <= LIGHT; i++) {
        http_close(&world, &clients[i].http);
    }
    world_close(&world);
}

TEST("while too much is asked an overload goes on, however often the loop turns when nobody asks")
{
    struct world world;
    static struct client clients[LIGHT + 1];
    world_open(&world, 307, WR_MODE_FAST);
    for (int i = 0; i <= LIGHT; i++) {
        http_open(&world, &clients[i].http);
    }
    pause_ns = 4000000;                                       /* 200 turns beside some 15 */
    offer(&world, clients, DECISION_NS * 10 / 13, 500000000); /* until it shows */
    struct tally load = offer(&world, clients, DECISION_NS * 10 / 13, 2000000000);
    CHECK(load.good_ns_max < 12000000);
    CHECK(load.refused_ns_max < 12000000);
    CHECK(load.n_good > 70000);
    offer(&world, clients, DECISION_NS * 10 / 7, 200000000);
    struct tally after = offer(&world, clients, DECISION_NS * 10 / 7, 500000000);
    CHECK_INT(after.n_refused, 0);
    pause_ns = 0;
    for (int i = 0; i <= LIGHT; i++) {
        http_close(&world, &clients[i].http);
    }
    world_close(&world);
}

TEST("a burst passes")
{
    struct world world;
    struct http http;
    int n[2] = {0, 0};
    world_open(&world, 301, WR_MODE_FAST);
    http_open(&world, &http);
    for (int i = 0; i < 20; i++) {
        send_events(&world, &http, i * 100, 100);
        run(&world, &http, 60, 2000000, n); /* each burst is over after 14 ms */
    }
    CHECK(n[0] == 0 && n[1] == 2000);
    http_close(&world, &http);
    world_close(&world);
}

/* Requests come, and are looked at when they have waited for so long. */
static void keep_waiting(struct world *world, struct http *http, int serial, int64_t ns, int n[2])
{
    send_events(world, http, serial, 8);
    sim_step(world->sim, ns);
    run(world, http, 1, 1000, n);
}

TEST("a connection that asks too much is refused while another one waits little")
{
    struct world world;
    struct http heavy, light;
    int n_heavy[2] = {0, 0}, n_light[2] = {0, 0}, n_sent = 0;
    world_open(&world, 304, WR_MODE_FAST);
    http_open(&world, &heavy);
    http_open(&world, &light);
    for (int i = 0; i < 120; i++) { /* sixteen of a connection are taken in a turn */
        int missing = 100 + n_heavy[0] + n_heavy[1] - n_sent;
        send_events(&world, &heavy, n_sent, missing);
        n_sent += missing;
        send_events(&world, &light, 1000000 + i, 1);
        sim_step(world.sim, 4000000);
        run(&world, &heavy, 1, 0, n_heavy);
        while (http_take(&world, &light)) {
            n_light[light.status == 200]++;
        }
    }
    CHECK(n_heavy[0] > 100);
    CHECK(n_heavy[1] > 500);
    CHECK(n_light[0] == 0 && n_light[1] >= 118);
    CHECK_INT(http_ask(&world, &light, "GET", "/metrics", ""), 200);
    CHECK(strstr(light.body.p, "weir_overloaded_windows_total 0\n") == NULL);
    http_close(&world, &heavy);
    http_close(&world, &light);
    world_close(&world);
}

TEST("a queue of long ago is no reason to refuse")
{
    struct world world;
    struct http http;
    int n[2] = {0, 0};
    world_open(&world, 303, WR_MODE_FAST);
    http_open(&world, &http);
    for (int i = 0; i < 12; i++) {
        keep_waiting(&world, &http, i * 8, 30000000, n);
    }
    CHECK(n[0] > 8); /* the node is overloaded */
    int refused = n[0];
    run(&world, &http, 10, 30000000, n); /* and nobody asks for 300 ms */
    keep_waiting(&world, &http, 1000, 30000000, n);
    CHECK_INT(n[0], refused);
    CHECK_INT(n[0] + n[1], 13 * 8);
    http_close(&world, &http);
    world_close(&world);
}

TEST("a machine that stalls while little is asked leads to no refusals")
{
    struct world world;
    struct http http;
    int n[2] = {0, 0};
    world_open(&world, 306, WR_MODE_FAST);
    http_open(&world, &http);
    for (int i = 0; i < 20; i++) { /* each of two windows has one request, which waits */
        send_events(&world, &http, i * 2, 1);
        sim_step(world.sim, 30000000);
        run(&world, &http, 9, 10000000, n);
        send_events(&world, &http, i * 2 + 1, 1);
        run(&world, &http, 3, 1000000, n);
    }
    CHECK(n[0] == 0 && n[1] == 40);
    http_close(&world, &http);
    world_close(&world);
}

TEST("after a pause of the machine those who waited get the fallback, not a refusal")
{
    struct world world;
    struct http http;
    world_open(&world, 302, WR_MODE_FAST);
    http_open(&world, &http);
    send_events(&world, &http, 0, 80);
    int n[2] = {0, 0};
    run(&world, &http, 2, 1000000, n);
    CHECK_INT(n[1], 32);
    sim_step(world.sim, 60000000);
    run(&world, &http, 40, 1000000, n);
    CHECK_INT(n[1], 80);
    CHECK_INT(http_ask(&world, &http, "GET", "/metrics", ""), 200);
    CHECK_HAS(http.body, "weir_decision_budget_total{budget=\"fallback\"} 48\n");
    http_close(&world, &http);
    world_close(&world);
}

/* The first batch of each turn takes 6 ms: the fourth look at the clock is its end. */
static int n_looks;
static int64_t (*true_ns)(void *context);
static int64_t slow_ns(void *context)
{
    sim_step(context, ++n_looks == 4 ? 6000000 : 0);
    return true_ns(context);
}

TEST("a turn ends when it has taken long enough, and whoever has not had his comes first in the "
     "next")
{
    enum { MANY = 34, EACH = 32 };
    struct world world;
    static struct http https[MANY];
    int n[MANY] = {0}, after_first = 0;
    world_open(&world, 305, WR_MODE_FAST);
    for (int i = 0; i < MANY; i++) {
        http_open(&world, &https[i]);
    }
    wr_server_step(world.server, 0);
    for (int i = 0; i < MANY; i++) {
        send_events(&world, &https[i], i * EACH, EACH);
    }
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(world.sim);
    true_ns = port->clock.mono_ns;
    port->clock.mono_ns = slow_ns;
    for (int turn = 0; turn < 8; turn++) {
        int least = EACH, most = 0;
        n_looks = 0;
        wr_server_step(world.server, 0);
        for (int i = 0; i < MANY; i++) {
            while (http_take(&world, &https[i])) {
                n[i]++;
            }
            least = WR_MIN(least, n[i]);
            most = WR_MAX(most, n[i]);
        }
        after_first = turn == 0 ? n[0] + n[MANY - 1] : after_first;
        CHECK(most - least <= 16); /* nobody has two turns before another has one */
    }
    CHECK_INT(after_first, 16); /* of the first connection; the last has to wait */
    for (int i = 0; i < MANY; i++) {
        CHECK_INT(n[i], EACH);
        http_close(&world, &https[i]);
    }
    world_close(&world);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
