/* SPDX-License-Identifier: Apache-2.0 */
/* A node of which twice is asked what it can decide, whole, in the simulated world. Calls of the
 * system, decisions and refusals take the time that they take on a slow machine; requests come as a
 * Poisson process over 64 connections, also while the node is busy. What it answers counts from
 * there, when it is sent. */
#include "world.h"

#include "base/rng.h"
#include "shell/server_in.h"

#include <math.h>

enum {
    CONNECTIONS = 64,
    CALL_NS = 6000,       /* one read, or one write */
    LONG_CALL_NS = 10000, /* on a slower one */
    TURN_NS = 10000,
    DECISION_NS = 12000,
    REFUSAL_NS = 1500,
    CAPACITY = 50000, /* a second: what planned turns leave room for */
    MANY = 1 << 17,
};
#define SECOND_NS 1000000000.0

struct line { /* when the requests of a connection came that are not answered yet */
    int64_t ns[4096];
    uint32_t first, end;
};

struct waits { /* of answers, in ns */
    int64_t ns[MANY];
    uint32_t n;
};

/* One at a time: the port's functions know no other context than the simulation's. */
static struct saturation {
    struct world world;
    struct http https[CONNECTIONS];
    struct line lines[CONNECTIONS];
    struct waits decided, refused;
    struct wr_rng rng;
    double due_ns, gap_ns; /* of the next request; between two in the mean */
    int64_t spent_ns;      /* on calls, turns and standstills */
    int64_t call_ns, stands_ns, stand_due_ns;
    int next;
    struct wr_port_net net; /* the simulation's own */
    int64_t (*mono_ns)(void *context);
} s;

static int64_t now_ns(void *context)
{
    const struct wr_server *server = s.world.server;
    return s.mono_ns(context) + s.spent_ns + (int64_t)server->n_refused * REFUSAL_NS +
           (int64_t)server->metrics.n_batch_items * DECISION_NS;
}

static int64_t now(void)
{
    return now_ns(s.world.sim);
}

static void let_requests_come(void)
{
    while (s.due_ns <= (double)now()) {
        struct line *line = &s.lines[s.next];
        char event[512], id[32];
        static int n;
        snprintf(id, sizeof id, "s%d", n);
        http_send(&s.world, &s.https[s.next], "POST", "/v1/decisions",
                  world_event(event, id, n++, 1));
        WR_ASSERT(line->end - line->first < WR_COUNTOF(line->ns));
        line->ns[line->end++ % WR_COUNTOF(line->ns)] = (int64_t)s.due_ns;
        s.next = (s.next + 1) % CONNECTIONS;
        s.due_ns -= log(1.0 - wr_rng_unit(&s.rng)) * s.gap_ns;
    }
}

static enum wr_io read_slowly(void *context, int32_t sock, void *bytes, size_t n, size_t *got)
{
    let_requests_come();
    s.spent_ns += s.call_ns;
    return s.net.read(context, sock, bytes, n, got);
}

static enum wr_io write_slowly(void *context, int32_t sock, const void *bytes, size_t n,
                               size_t *put)
{
    s.spent_ns += s.call_ns;
    if (s.stands_ns != 0 && now() > s.stand_due_ns) {
        s.stand_due_ns += (int64_t)(SECOND_NS * (0.25 + 0.1 * wr_rng_unit(&s.rng)));
        s.spent_ns += s.stands_ns;
    }
    enum wr_io result = s.net.write(context, sock, bytes, n, put);
    const char *at = bytes, *end = at + (result == WR_IO_OK ? *put : 0);
    for (; (at = memmem(at, (size_t)(end - at), "HTTP/1.1 ", 9)) != NULL; at += 9) {
        struct line *line = &s.lines[sock];
        struct waits *waits = at[9] == '2' ? &s.decided : &s.refused;
        WR_ASSERT(line->first != line->end && waits->n < MANY);
        waits->ns[waits->n++] = now() - line->ns[line->first++ % WR_COUNTOF(line->ns)];
    }
    return result;
}

static void open_saturation(int64_t call_ns, int64_t stands_ns)
{
    memset(&s, 0, sizeof s);
    world_init(&s.world, 329, WR_MODE_FAST);
    s.world.config.n_connections_max = 256;
    CHECK(world_start(&s.world));
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(s.world.sim);
    s.net = port->net;
    s.mono_ns = port->clock.mono_ns;
    port->clock.mono_ns = now_ns;
    port->net.read = read_slowly;
    port->net.write = write_slowly;
    wr_rng_seed(&s.rng, 329);
    s.due_ns = INFINITY;
    for (int i = 0; i < CONNECTIONS; i++) {
        http_open(&s.world, &s.https[i]);
    }
    for (int i = 0; i < 4; i++) {
        wr_server_step(s.world.server, 0);
    }
    s.call_ns = call_ns;
    s.stands_ns = stands_ns;
    s.stand_due_ns = now();
}

static void close_saturation(void)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        http_close(&s.world, &s.https[i]);
    }
    world_close(&s.world);
}

/* So many times CAPACITY is asked for so long; what was answered in it is kept. */
static void ask_for(double times, double seconds)
{
    int64_t end = now() + (int64_t)(seconds * SECOND_NS);
    s.decided.n = s.refused.n = 0;
    s.gap_ns = SECOND_NS / (CAPACITY * times);
    s.due_ns = isinf(s.due_ns) ? (double)now() : s.due_ns;
    while (now() < end) {
        if (s.world.server->n_touched == 0 && s.due_ns > (double)now()) {
            sim_step(s.world.sim, (int64_t)(s.due_ns - (double)now()) + 1);
        }
        let_requests_come();
        wr_server_step(s.world.server, 0);
        s.spent_ns += TURN_NS;
        for (int i = 0; i < CONNECTIONS; i++) { /* they are counted where they are written */
            struct http *http = &s.https[i];
            while (http_take(&s.world, http)) {
            }
            http->n -= http->at;
            memmove(http->bytes, http->bytes + http->at, http->n);
            http->at = 0;
        }
    }
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double p99_ms(struct waits *waits)
{
    qsort(waits->ns, waits->n, sizeof *waits->ns, by_size);
    return waits->n == 0 ? 0.0 : (double)waits->ns[waits->n * 99 / 100] / 1e6;
}

/* A planned turn is 64 times 29 us; who is refused has waited for one, who is decided for two. */
TEST("of twice the capacity all of it is decided, and nobody waits for more than two turns")
{
    open_saturation(CALL_NS, 0);
    ask_for(2.0, 0.5);
    ask_for(2.0, 0.6);
    CHECK(s.decided.n >= 0.95 * 0.6 * CAPACITY);
    CHECK(s.refused.n >= 0.6 * 0.6 * CAPACITY);
    CHECK(p99_ms(&s.refused) <= 2.5);
    CHECK(p99_ms(&s.decided) <= 5.0);
    ask_for(0.7, 0.3); /* the overload ends */
    ask_for(0.7, 0.3);
    CHECK_INT(s.refused.n, 0);
    CHECK(p99_ms(&s.decided) <= 1.0);
    close_saturation();
}

TEST("where the machine stands still for 5 ms three times a second, answers are late by no more")
{
    open_saturation(CALL_NS, 5000000);
    ask_for(2.0, 0.5);
    ask_for(2.0, 0.9);
    CHECK(s.decided.n >= 0.9 * 0.9 * CAPACITY);
    CHECK(p99_ms(&s.refused) <= 5.0 + 2.5);
    CHECK(p99_ms(&s.decided) <= 5.0 + 5.0);
    close_saturation();
}

/* A turn is 64 times four sends, and a visit takes two of them: a half is left for decisions. */
TEST("where visits are dear turns are longer, and four fifths are decided")
{
    open_saturation(LONG_CALL_NS, 0);
    ask_for(2.0, 0.5);
    ask_for(2.0, 0.6);
    CHECK(s.decided.n >= 0.8 * 0.6 * CAPACITY);
    CHECK(p99_ms(&s.refused) <= 3.2);
    CHECK(p99_ms(&s.decided) <= 6.5);
    close_saturation();
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
