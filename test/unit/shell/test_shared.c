/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait for what other nodes saw, on a clock that the test turns: how long they are
 * held when Redis answers, is silent or goes, and while the loop itself is slow. */
#include "shell/server_in.h"
#include "world.h"

#include <math.h>

enum { US = 1000, MS = 1000000, NEVER = -1, FLYING = 64 };

static struct shared_world {
    struct world world;
    struct wr_port port; /* the simulated one, which also connects outwards */
    int32_t listener;
    int redis;         /* the far end of the node's connection; -1: none */
    int64_t answer_ns; /* so long Redis takes for a fetch; NEVER */
    struct {
        int64_t due_ns;
        const char *text;
    } replies[FLYING]; /* oldest first: none overtakes another */
    uint32_t n_replies;
    int64_t slow_ns; /* what a read of the node takes of its turn */
    size_t n_read;   /* bytes, also from Redis */
} w;

static int64_t now_ns(void)
{
    return w.port.clock.mono_ns(w.port.clock.context);
}

/* ── a Redis that the test plays ────────────────────────────────────────────────────────────── */
static enum wr_io connect_out(void *context, const char *address, int32_t *sock)
{
    bool is_local;
    w.redis = sim_connect(w.world.sim, address);
    return w.port.net.accept(context, w.listener, sock, &is_local);
}

static enum wr_io read_slowly(void *context, int32_t sock, void *bytes, size_t n, size_t *got)
{
    sim_step(w.world.sim, w.slow_ns);
    enum wr_io result = sim_port(w.world.sim)->net.read(context, sock, bytes, n, got);
    w.n_read += result == WR_IO_OK ? *got : 0;
    return result;
}

static void take_command(struct wr_str rest)
{
    bool fetch = wr_str_starts(rest, WR_STR("HGETALL"));
    const char *text = fetch                                        ? "*0\r\n"
                       : wr_str_starts(rest, WR_STR("PING"))        ? "+PONG\r\n"
                       : wr_str_starts(rest, WR_STR("HSET\r\n"))    ? ":0\r\n"
                       : wr_str_starts(rest, WR_STR("PEXPIRE\r\n")) ? ":1\r\n"
                                                                    : NULL;
    if (text != NULL) {
        CHECK(w.n_replies < FLYING);
        w.replies[w.n_replies % FLYING].text = text;
        w.replies[w.n_replies++ % FLYING].due_ns = !fetch                 ? now_ns()
                                                   : w.answer_ns != NEVER ? now_ns() + w.answer_ns
                                                                          : INT64_MAX;
    }
}

static void play_redis(void)
{
    static char bytes[1 << 16];
    size_t n = w.redis >= 0 ? sim_receive(w.world.sim, w.redis, bytes, sizeof bytes) : 0;
    for (size_t at = 0; at < n; at++) {
        take_command(wr_str_of(bytes + at, n - at));
    }
    while (w.n_replies > 0 && w.replies[0].due_ns <= now_ns()) {
        sim_send(w.world.sim, w.redis, w.replies[0].text, strlen(w.replies[0].text));
        memmove(w.replies, w.replies + 1, --w.n_replies * sizeof w.replies[0]);
    }
}

/* A turn, which sleeps until the node or Redis has something to do. */
static void turn(void)
{
    play_redis();
    int64_t due_ns = w.n_replies > 0 ? w.replies[0].due_ns - now_ns() : INT64_MAX;
    wr_server_step(w.world.server, WR_MIN(due_ns, (int64_t)100 * MS));
    play_redis();
}

/* ── the node ───────────────────────────────────────────────────────────────────────────────── */
static void open_node(int64_t wait_ns)
{
    struct wr_error error = {0};
    memset(&w, 0, sizeof w);
    w.redis = -1;
    world_init(&w.world, 1, WR_MODE_FAST);
    rig_edit(&w.world.files, "weir.json", "\"is_big\": {",
             "\"fleet_n\": {\"entity\": \"customer\", \"count\": true, \"window\": \"1h\", "
             "\"scope\": \"fleet\"}, \"is_big\": {");
    CHECK_INT(wr_pack_open(&w.world.arena, w.world.files.files, w.world.files.n, NULL,
                           &w.world.pack, &error),
              WR_OK);
    w.port = *sim_port(w.world.sim);
    w.port.net.connect = connect_out;
    w.port.net.read = read_slowly;
    CHECK_INT(w.port.net.listen(w.port.net.context, "redis", &w.listener), WR_IO_OK);
    w.world.config.redis.address = "redis";
    w.world.config.redis.wait_ns = wait_ns;
    w.world.config.fleet_key = WR_STR("between the nodes");
    CHECK_INT(wr_server_open(&w.port, w.world.pack, &w.world.config, &w.world.server, &error),
              WR_OK);
    for (int i = 0; i < 10; i++) {
        turn();
    }
}

static void close_node(void)
{
    world_close(&w.world);
}

static double metric(const char *name)
{
    struct http http;
    char line[64];
    http_open(&w.world, &http);
    CHECK_INT(http_ask(&w.world, &http, "GET", "/metrics", ""), 200);
    snprintf(line, sizeof line, "\nweir_redis_%s ", name);
    size_t at = wr_str_find(http.body, wr_str_z(line), 0);
    CHECK(at != SIZE_MAX);
    double value = at != SIZE_MAX ? atof(http.body.p + at + strlen(line)) : 0;
    http_close(&w.world, &http);
    return value;
}

static void send_event(struct http *http, int customer)
{
    static int serial;
    char id[32], event[512];
    snprintf(id, sizeof id, "e%d", serial++);
    http_open(&w.world, http);
    http_send(&w.world, http, "POST", "/v1/decisions", world_event(event, id, customer, 1));
}

/* How long an event of a customer takes to be answered, in us. */
static int64_t ask(int customer)
{
    struct http http;
    int64_t began = now_ns();
    bool there = false;
    send_event(&http, customer);
    for (int i = 0; i < 1000 && !there; i++) {
        turn();
        there = http_take(&w.world, &http);
    }
    CHECK(there);
    CHECK_INT(http.status, 200);
    http_close(&w.world, &http);
    return (now_ns() - began) / US;
}

/* ── tests ──────────────────────────────────────────────────────────────────────────────────── */
TEST("a request waits until Redis has answered, and no longer")
{
    open_node(5 * MS);
    w.answer_ns = 700 * US;
    for (int i = 0; i < 50; i++) {
        CHECK_INT(ask(i), 700);
    }
    CHECK_INT((int64_t)metric("wait_seconds_count"), 50);
    CHECK(fabs(metric("wait_seconds_sum") - 50 * 0.0007) < 1e-9);
    CHECK_INT((int64_t)metric("stale_total"), 0);
    close_node();
}

TEST("for half of the time that is allowed at most, to the nanosecond")
{
    static const int waits_us[] = {5000, 4000, 1000, 250, 0};
    for (size_t i = 0; i < WR_COUNTOF(waits_us); i++) {
        open_node((int64_t)waits_us[i] * US);
        w.answer_ns = NEVER;
        CHECK_INT(ask(1), waits_us[i] / 2);
        CHECK(fabs(metric("wait_seconds_sum") - waits_us[i] * 0.5e-6) < 1e-12);
        CHECK_INT((int64_t)metric("stale_total"), 1);
        close_node();
    }
}

TEST("a body in chunks is held whole, whatever is sent behind it meanwhile")
{
    struct http http;
    char event[512], head[256];
    const char *end = "\r\n0\r\n\r\n";
    open_node(5 * MS);
    w.answer_ns = MS;
    http_open(&w.world, &http);
    for (int i = 0; i < 2; i++) {
        snprintf(head, sizeof head, "c%d", i);
        world_event(event, head, i + 1, 1);
        int n = snprintf(head, sizeof head,
                         "POST /v1/decisions HTTP/1.1\r\nHost: weir\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
                         strlen(event));
        sim_send(w.world.sim, http.client, head, (size_t)n);
        turn();
        sim_send(w.world.sim, http.client, event, strlen(event));
        turn();
        sim_send(w.world.sim, http.client, end, strlen(end));
        turn();
        CHECK_INT(w.world.server->n_held, 1);
        http_send(&w.world, &http, "GET", "/v1/decisions/absent", "");
        for (int status = 200; status != 0; status = status == 200 ? 404 : 0) {
            bool there = false;
            for (int k = 0; k < 100 && !there; k++) {
                turn();
                there = http_take(&w.world, &http);
            }
            CHECK(there);
            CHECK_INT(http.status, status);
        }
    }
    http_close(&w.world, &http);
    close_node();
}

TEST("what is refused does not wait, and asks for nothing")
{
    struct http http;
    open_node(5 * MS);
    w.answer_ns = NEVER;
    http_open(&w.world, &http);
    turn();
    w.world.server->conns[0]->is_passed_over = true;
    char event[512];
    http_send(&w.world, &http, "POST", "/v1/decisions", world_event(event, "r1", 1, 1));
    turn();
    CHECK(http_take(&w.world, &http));
    CHECK_INT(http.status, 503);
    CHECK_INT((int64_t)metric("fetches_total"), 0);
    http_close(&w.world, &http);
    close_node();
}

TEST("when the breaker opens all are let go in the turn that sees it")
{
    struct http http[30];
    open_node(5 * MS);
    w.answer_ns = NEVER;
    for (int i = 0; i < 30; i++) {
        send_event(&http[i], i);
    }
    turn();
    CHECK_INT((int64_t)metric("held"), 30);
    int64_t before_ns = now_ns();
    sim_reset(w.world.sim, w.redis);
    turn();
    for (int i = 0; i < 30; i++) {
        CHECK(http_take(&w.world, &http[i]));
        http_close(&w.world, &http[i]);
    }
    CHECK_INT(now_ns() - before_ns, 0);
    CHECK_INT((int64_t)metric("up"), 0);
    close_node();
}

TEST("while turns are long less is held, down to nothing, and never is more added than allowed")
{
    for (int64_t slow_us = 0; slow_us <= 6000; slow_us += 500) {
        open_node(5 * MS);
        w.answer_ns = 20 * MS;
        w.slow_ns = slow_us * US;
        for (int i = 0; i < 4; i++) {
            (void)ask(i);
        }
        double before = metric("wait_seconds_sum"), held = metric("wait_seconds_count");
        CHECK(metric("hold_seconds") <= WR_MAX(0.005 - 1e-6 * 1.9 * (double)slow_us, 0));
        (void)ask(9);
        CHECK(metric("wait_seconds_sum") - before <= 0.005);
        bool is_held = metric("wait_seconds_count") > held;
        CHECK(slow_us == 0 ? is_held : slow_us < 2500 || !is_held);
        close_node();
    }
}

TEST("turns that are short again give the time back")
{
    open_node(5 * MS);
    w.answer_ns = 20 * MS;
    w.slow_ns = 6 * MS;
    (void)ask(1);
    CHECK(metric("hold_seconds") == 0);
    w.slow_ns = 0;
    for (int i = 0; i < 40; i++) {
        turn();
    }
    CHECK_INT((int64_t)(metric("hold_seconds") * 1e6 + 0.5), 2500);
    close_node();
}

TEST("what is sent behind a request that waits is read ahead to the bound, and answered")
{
    enum { EVENTS = 900 };
    struct http http;
    int n = 0;
    open_node(5 * MS);
    w.answer_ns = 1 * MS;
    send_event(&http, 1);
    for (int i = 1; i < EVENTS; i++) {
        char id[32], event[512];
        snprintf(id, sizeof id, "behind%d", i);
        http_send(&w.world, &http, "POST", "/v1/decisions", world_event(event, id, 1, 1));
    }
    size_t before = w.n_read;
    wr_server_step(w.world.server, 0); /* it waits for Redis from here */
    for (int i = 0; i < 50; i++) {
        wr_server_step(w.world.server, 0);
    }
    CHECK(w.n_read - before >= 4 * WR_BUFFER_SIZE);
    CHECK(w.n_read - before <= 6 * WR_BUFFER_SIZE);
    for (int i = 0; i < 100000 && n < EVENTS; i++) {
        turn();
        n += http_take(&w.world, &http);
    }
    CHECK_INT(n, EVENTS);
    http_close(&w.world, &http);
    close_node();
}

static int64_t slow_clock_ns(void *context)
{
    sim_step(context, 6 * MS);
    return sim_port(context)->clock.mono_ns(context);
}

/* Starts the node again, on a full disk if it has to wait for room; returns its tiles. */
static double tiles_after_start(bool waits)
{
    struct wr_error error = {0};
    struct sim *sim = w.world.sim;
    world_stop(&w.world);
    sim_faults(sim)->disk_room = waits ? 1 : UINT64_MAX;
    CHECK_INT(wr_server_open(&w.port, w.world.pack, &w.world.config, &w.world.server, &error),
              WR_OK);
    sim_faults(sim)->disk_room = UINT64_MAX;
    CHECK((wr_journal_state(w.world.server->journal) == WR_JOURNAL_FULL) == waits);
    w.port.clock.mono_ns = slow_clock_ns; /* a piece a turn */
    int n_turns = 0;
    for (; w.world.server->thread == NULL && n_turns < 1000; n_turns++) {
        wr_server_step(w.world.server, MS);
        CHECK((w.world.server->thread == NULL) == (w.world.server->engine == NULL));
    }
    CHECK(!waits || n_turns > 2);
    CHECK_INT(w.world.server->snapshots.stats.restored, waits ? 400 : 0);
    w.port.clock.mono_ns = sim_port(sim)->clock.mono_ns;
    return metric("tiles");
}

TEST("a node that reads its rows in pieces has as much to tell as one that reads them at once")
{
    struct http http;
    open_node(100 * MS);
    http_open(&w.world, &http);
    for (int i = 0; i < 400; i++) {
        char id[32], event[512];
        snprintf(id, sizeof id, "t%d", i);
        http_send(&w.world, &http, "POST", "/v1/decisions", world_event(event, id, i, 1));
        for (int n = 0; n < 10 && !http_take(&w.world, &http); n++) {
            turn();
        }
    }
    http_close(&w.world, &http);
    CHECK_INT(wr_server_sequence(w.world.server), 400);
    CHECK(tiles_after_start(false) >= 400);
    w.world.config.snapshot_every_ns = 1000000 * INT64_C(1000000);
    w.world.server->config.snapshot_every_ns = w.world.config.snapshot_every_ns;
    CHECK(tiles_after_start(true) >= 400);
    close_node();
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
