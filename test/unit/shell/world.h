/* SPDX-License-Identifier: Apache-2.0 */
/* A server in the simulated world, and clients that speak to it. */
#ifndef WORLD_H
#define WORLD_H

#include "unit/engine/rig.h"

#include "shell/server.h"
#include "sim/sim.h"

#define WORLD_STATE "/state"

struct world {
    struct sim *sim;
    struct rig_files files;
    struct wr_arena arena;
    struct wr_pack *pack;
    struct wr_server *server;
    struct wr_server_config config;
    bool quiet;
    char last_log[1024];
};

static const struct wr_memory world_memory = CHECK_MEMORY;

static inline void world_log(void *context, const char *level, const char *event, const char *text)
{
    struct world *world = context;
    snprintf(world->last_log, sizeof world->last_log, "%s %s: %s", level, event, text);
    if (getenv("WORLD_LOG") != NULL) {
        fprintf(stderr, "%s\n", world->last_log);
    }
}

static inline bool world_start(struct world *world)
{
    struct wr_error error = {0};
    wr_err err =
        wr_server_open(sim_port(world->sim), world->pack, &world->config, &world->server, &error);
    if (err != WR_OK) {
        world->server = NULL;
        if (!world->quiet) {
            fprintf(stderr, "%s\n", error.text);
        }
    }
    return err == WR_OK;
}

static inline void world_init(struct world *world, uint64_t seed, enum wr_server_mode mode)
{
    memset(world, 0, sizeof *world);
    world->sim = sim_open(seed);
    rig_files_open(&world->files);
    wr_arena_init(&world->arena, &world_memory, 256 << 20);
    struct wr_error error = {0};
    if (wr_pack_open(&world->arena, world->files.files, world->files.n, NULL, &world->pack,
                     &error) != WR_OK) {
        fprintf(stderr, "%s: %s\n", error.where, error.text);
        exit(1);
    }
    world->config = wr_server_defaults();
    world->config.addresses[world->config.n_addresses++] = "here";
    world->config.state_directory = WORLD_STATE;
    world->config.mode = mode;
    world->config.n_connections_max = 64;
    world->config.version = "test";
    world->config.log = world_log;
    world->config.log_context = world;
}

/* One with another feature, of which a start tells the journal. */
static inline struct wr_pack *world_other_pack(struct world *world)
{
    struct wr_pack *pack = NULL;
    struct wr_error error = {0};
    rig_edit(&world->files, "weir.json", "\"is_big\": {",
             "\"n_again\": {\"entity\": \"customer\", \"count\": true, \"window\": \"1h\"}, "
             "\"is_big\": {");
    CHECK_INT(wr_pack_open(&world->arena, world->files.files, world->files.n, NULL, &pack, &error),
              WR_OK);
    return pack;
}

static inline void world_open(struct world *world, uint64_t seed, enum wr_server_mode mode)
{
    world_init(world, seed, mode);
    CHECK(world_start(world));
    if (world->server == NULL) {
        exit(1);
    }
}

static inline void world_stop(struct world *world)
{
    if (world->server != NULL) {
        wr_server_close(world->server);
        world->server = NULL;
    }
}

static inline void world_close(struct world *world)
{
    world_stop(world);
    wr_arena_deinit(&world->arena);
    rig_files_close(&world->files);
    sim_close(world->sim);
}

/* Nothing more reaches the disk; then power (or only the process) is gone. */
static inline void world_die(struct world *world, bool power_loss)
{
    if (!sim_crashed(world->sim)) {
        sim_faults(world->sim)->crash_at = 1;
    }
    world_stop(world);
    if (power_loss) {
        sim_crash(world->sim);
    } else {
        sim_kill(world->sim);
    }
}

/* ── a client ───────────────────────────────────────────────────────────────────────────────── */
struct http {
    int client;
    char *bytes;
    size_t n, cap, at;
    int status;
    bool no_body; /* the request was HEAD */
    struct wr_str head, body;
};

static inline void http_open(struct world *world, struct http *http)
{
    memset(http, 0, sizeof *http);
    http->client = sim_connect(world->sim, "here");
}

static inline void http_close(struct world *world, struct http *http)
{
    if (http->client >= 0) {
        sim_hang_up(world->sim, http->client);
    }
    free(http->bytes);
    memset(http, 0, sizeof *http);
    http->client = -1;
}

static inline void http_send(struct world *world, struct http *http, const char *method,
                             const char *path, const char *body)
{
    char head[512];
    int n =
        snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: weir\r\nContent-Length: %zu\r\n\r\n",
                 method, path, strlen(body));
    sim_send(world->sim, http->client, head, (size_t)n);
    sim_send(world->sim, http->client, body, strlen(body));
    http->no_body = strcmp(method, "HEAD") == 0;
}

static inline struct wr_str http_field(const struct http *http, const char *name)
{
    char line[128];
    snprintf(line, sizeof line, "\r\n%s:", name);
    size_t at = wr_str_find(http->head, wr_str_z(line), 0);
    if (at == SIZE_MAX) {
        return wr_str_of("", 0);
    }
    at += strlen(line);
    while (http->head.p[at] == ' ') {
        at++;
    }
    size_t end = wr_str_find(http->head, WR_STR("\r\n"), at);
    return wr_str_of(http->head.p + at, end - at);
}

/* A body in chunks, put together in place once the last is there: its bytes as sent, or 0. */
static inline size_t http_dechunk(char *raw, size_t n, size_t *n_body)
{
    size_t at = 0;
    *n_body = 0;
    for (;;) {
        const char *line_end = memchr(raw + at, '\n', n - at);
        size_t size = line_end != NULL ? strtoul(raw + at, NULL, 16) : 0;
        size_t data = line_end != NULL ? (size_t)(line_end - raw) + 1 : n;
        if (n - data < size + 2) {
            return 0;
        }
        at = data + size + 2;
        if (size == 0) {
            break;
        }
    }
    size_t from = 0, size;
    char *rest;
    while ((size = strtoul(raw + from, &rest, 16)) != 0) {
        memmove(raw + *n_body, rest + 2, size);
        *n_body += size;
        from = (size_t)(rest + 2 - raw) + size + 2;
    }
    return at;
}

/* Takes the next whole answer out of what has come; false when there is none. */
static inline bool http_take(struct world *world, struct http *http)
{
    if (http->cap - http->n < 65536) {
        http->cap = http->cap * 2 + 131072;
        http->bytes = realloc(http->bytes, http->cap);
    }
    http->n += sim_receive(world->sim, http->client, http->bytes + http->n, http->cap - http->n);
    struct wr_str rest = wr_str_of(http->bytes + http->at, http->n - http->at);
    size_t end = wr_str_find(rest, WR_STR("\r\n\r\n"), 0);
    if (end == SIZE_MAX) {
        return false;
    }
    http->head = wr_str_of(rest.p, end + 2);
    CHECK(wr_str_starts(http->head, WR_STR("HTTP/1.")));
    http->status = atoi(rest.p + 9);
    struct wr_str length = http_field(http, "Content-Length");
    size_t n = length.n > 0 && !http->no_body ? (size_t)atoll(length.p) : 0, n_body = n;
    if (http_field(http, "Transfer-Encoding").n > 0) {
        n = http_dechunk(http->bytes + http->at + end + 4, rest.n - (end + 4), &n_body);
        if (n == 0) {
            return false;
        }
    }
    if (rest.n - (end + 4) < n) {
        return false;
    }
    http->body = wr_str_of(rest.p + end + 4, n_body);
    http->at += end + 4 + n;
    return true;
}

/* Turns the loop until an answer is there, the connection is gone, or nothing happens for long. */
static inline bool http_wait(struct world *world, struct http *http)
{
    for (int i = 0; i < 400; i++) {
        if (http_take(world, http)) {
            return true;
        }
        if (sim_crashed(world->sim) || !sim_is_open(world->sim, http->client) ||
            !wr_server_step(world->server, 1000000)) {
            return http_take(world, http);
        }
    }
    return false;
}

static inline int http_ask(struct world *world, struct http *http, const char *method,
                           const char *path, const char *body)
{
    http_send(world, http, method, path, body);
    return http_wait(world, http) ? http->status : 0;
}

/* An event of the small pack: allowed, on one of a few customers. */
static inline const char *world_event(char room[512], const char *id, int customer, double amount)
{
    snprintf(room, 512,
             "{\"transaction\":{\"id\":\"%s\",\"time\":%lld,\"amount\":%.2f,\"online\":true,"
             "\"terminal\":\"t%d\"},\"user\":{\"id\":\"c%d\"},\"policy\":{\"allow\":true}}",
             id, (long long)RIG_START, amount, customer % 3, customer);
    return room;
}

/* The value of a string member, without unescaping. */
static inline struct wr_str json_member(struct wr_str json, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    size_t at = wr_str_find(json, wr_str_z(key), 0);
    if (at == SIZE_MAX) {
        return wr_str_of("", 0);
    }
    at += strlen(key);
    size_t end = wr_str_find(json, WR_STR("\""), at);
    return wr_str_of(json.p + at, end - at);
}

#endif
