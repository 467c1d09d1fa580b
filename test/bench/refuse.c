/* SPDX-License-Identifier: Apache-2.0 */
/* What the loop spends on a request that is decided, and on one that is refused for overload, the
 * whole turn of the server in the simulated world: parsing, decision, journal, answer.
 *
 *   bench_refuse PACK decide|refuse|batch [TURNS [OUTSTANDING]]
 *
 * Each turn brings OUTSTANDING (16) requests on each of eight connections, or with `batch` one
 * with so many events. Prints how many were decided and refused. test/e2e/refusal.py counts
 * instructions of it, and `./dev train` branches. */
#include "app/cardsim.h"
#include "app/file.h"
#include "app/pack_load.h"
#include "app/simevent.h"
#include "shell/server.h"
#include "sim/sim.h"
#include "wire/h1.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 8 };
#define CALM_NS 1000000  /* between two turns */
#define LATE_NS 60000000 /* later than anything may wait */

static struct wr_simevent stream;

static void next_event(struct wr_buf *out)
{
    struct wr_simline line;
    WR_ASSERT(wr_simevent_next(&stream, &line));
    wr_simevent_json(out, &line, stream.start_ms);
}

/* Requests as clients send them: the heads are the same but for the length. */
static void send_body(struct sim *sim, int client, const char *path, const struct wr_buf *body)
{
    char head[256];
    int head_n = snprintf(head, sizeof head,
                          "POST %s HTTP/1.1\r\nHost: weir\r\n"
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                          path, body->n);
    sim_send(sim, client, head, (size_t)head_n);
    sim_send(sim, client, body->p, body->n);
}

static void send_some(struct sim *sim, int client, unsigned long n)
{
    char room[WR_LIMIT_SIM_LINE];
    for (unsigned long i = 0; i < n; i++) {
        struct wr_buf body = wr_buf_fixed(room, sizeof room);
        next_event(&body);
        send_body(sim, client, "/v1/decisions", &body);
    }
}

/* One event a line. */
static void send_batch(struct sim *sim, int client, unsigned long n)
{
    static char room[WR_LIMIT_H1_BODY];
    struct wr_buf body = wr_buf_fixed(room, sizeof room);
    for (unsigned long i = 0; i < n; i++) {
        next_event(&body);
        wr_buf_char(&body, '\n');
    }
    send_body(sim, client, "/v1/decisions:batch", &body);
}

static unsigned long count(const char *bytes, size_t n, const char *status)
{
    unsigned long found = 0;
    const char *at = bytes;
    while ((at = memmem(at, (size_t)(bytes + n - at), status, strlen(status))) != NULL) {
        found++;
        at++;
    }
    return found;
}

static struct wr_server *open_server(struct sim *sim, const char *path)
{
    static struct wr_arena arena;
    struct wr_pack *pack;
    struct wr_error error = {0};
    struct wr_server *server = NULL;
    struct wr_server_config config = wr_server_defaults();
    config.addresses[config.n_addresses++] = "here";
    config.state_directory = "/state";
    config.event_clock = true;
    config.version = "bench";
    wr_arena_init(&arena, &wr_heap, (size_t)1 << 30);
    if (wr_pack_load(&arena, path, NULL, &pack, &error) != WR_OK ||
        wr_server_open(sim_port(sim), pack, &config, &server, &error) != WR_OK) {
        fprintf(stderr, "%s: %s\n", error.where, error.text);
        exit(1);
    }
    return server;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bench_refuse PACK decide|refuse|batch [TURNS [OUTSTANDING]]\n");
        return 2;
    }
    static char answers[1 << 20];
    bool refuses = strcmp(argv[2], "refuse") == 0, batches = strcmp(argv[2], "batch") == 0;
    const char *good = batches ? "\"outcome\":" : "HTTP/1.1 200";
    unsigned long turns = argc > 3 ? strtoul(argv[3], NULL, 10) : 100;
    unsigned long outstanding = argc > 4 ? strtoul(argv[4], NULL, 10) : 16;
    unsigned long n_good = 0, n_refused = 0;
    struct wr_arena population;
    struct wr_cardsim_config people = {1, 5000, 10000, 5.0};
    wr_arena_init(&population, &wr_heap, (size_t)1 << 30);
    wr_simevent_open(&stream, wr_cardsim_open(&population, &people), 1522540800000, 0, 0, 0);
    struct sim *sim = sim_open(1);
    struct wr_server *server = open_server(sim, argv[1]);
    int clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = sim_connect(sim, "here");
    }
    wr_server_step(server, 0);
    for (unsigned long turn = 0; turn < turns; turn++) {
        for (int i = 0; i < CLIENTS; i++) {
            (batches ? send_batch : send_some)(sim, clients[i], outstanding);
        }
        sim_step(sim, refuses ? LATE_NS : CALM_NS);
        wr_server_step(server, 0);
        for (int i = 0; i < CLIENTS; i++) {
            size_t n = sim_receive(sim, clients[i], answers, sizeof answers);
            n_good += count(answers, n, good);
            n_refused += count(answers, n, "HTTP/1.1 503");
        }
    }
    printf("%lu decided, %lu refused\n", n_good, n_refused);
    wr_server_close(server);
    sim_close(sim);
    return 0;
}
