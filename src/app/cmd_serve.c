/* SPDX-License-Identifier: Apache-2.0 */
/* weir serve: the decision service. */
#include "app/commands.h"
#include "app/engine_open.h"
#include "app/eval_env.h"
#include "app/file.h"
#include "feature/instant.h"
#include "app/log_push.h"
#include "app/serve_log.h"
#include "app/sqlite_behind.h"
#include "port/host.h"
#include "shell/access.h"
#include "shell/server.h"
#include "shell/tls.h"
#include "shell/tls_memory.h"
#include "value/json_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PACK_ROOM ((size_t)7 << 17) /* most packs fit; others take more where this ends */
/* With less, a few clients who do as they should would be closed. */
#define CLIENT_MEMORY_LEAST (UINT64_C(1) << 20)

static struct {
    const char *pack, *model, *state, *mode, *clock, *card_key, *opa_api;
    const char *redis, *redis_user, *redis_password, *redis_ca, *redis_name, *fleet_key;
    const char *loki, *loki_tenant;
    struct wr_option_list loki_labels;
    const char *access, *tls_certificate, *tls_key, *tls_client_ca;
    struct wr_option_list listen;
    bool keep_deciding, sqlite;
    int64_t deadline_ms, retain_ms, redis_wait_ms;
    uint64_t retain_bytes, segment_bytes, snapshot_rows;
    int64_t snapshot_ms;
    uint64_t connections, per_address, client_memory, body, state_cap, ids;
    uint64_t redis_database;
} options = {.redis_wait_ms = 5,
             .state = "weir-state",
             .mode = "durable",
             .clock = "wall",
             .opa_api = "read",
             .snapshot_ms = 300000};

static const struct wr_option table[] = {
    {"pack", 'p', WR_OPT_TEXT, "DIR|FILE", "the pack, a folder or .tar.gz (the starter pack)",
     &options.pack},
    {"opa-api", 0, WR_OPT_TEXT, "read|write",
     "may clients set policies and data beside the pack's (read)", &options.opa_api},
    {"state", 's', WR_OPT_TEXT, "DIR", "state directory: journal, node id (weir-state)",
     &options.state},
    {"listen", 'l', WR_OPT_LIST, "ADDRESS",
     "127.0.0.1:8181, [::1]:8181, unix:PATH, tls:ADDRESS or probe:ADDRESS; up to 4 times",
     &options.listen},
    {"access", 0, WR_OPT_TEXT, "FILE", "who may ask: tokens and certificates (weir token --help)",
     &options.access},
    {"tls-cert", 0, WR_OPT_TEXT, "FILE", "certificate of tls: addresses, PEM, its chain behind it",
     &options.tls_certificate},
    {"tls-key", 0, WR_OPT_TEXT, "FILE", "its key, PEM", &options.tls_key},
    {"tls-client-ca", 0, WR_OPT_TEXT, "FILE",
     "clients must show a certificate signed by one of these, PEM", &options.tls_client_ca},
    {"mode", 0, WR_OPT_TEXT, "durable|fast", "answer after the sync, or after the write (durable)",
     &options.mode},
    {"keep-deciding", 0, WR_OPT_FLAG, NULL,
     "mode fast: go on, without recording, while the journal is full or broken",
     &options.keep_deciding},
    {"sqlite", 0, WR_OPT_FLAG, NULL,
     "closed parts of the journal also as SQLite files, in DIR/sqlite", &options.sqlite},
    {"deadline", 0, WR_OPT_DURATION, "50ms", "never later than this (also DECISION_TIMEOUT)",
     &options.deadline_ms},
    {"model", 'm', WR_OPT_TEXT, "FILE",
     "the model that the pack names and does not hold (also MODEL_PATH)", &options.model},
    {"clock", 0, WR_OPT_TEXT, "wall|events",
     "events: time is event time, to replay old data (wall)", &options.clock},
    {"card-key", 0, WR_OPT_TEXT, "KEY", "tokenise card numbers with this secret",
     &options.card_key},
    {"redis", 0, WR_OPT_TEXT, "ADDRESS",
     "Redis that nodes share (docs/fleet.md): IP:PORT, unix:PATH, tls:IP:PORT", &options.redis},
    {"redis-user", 0, WR_OPT_TEXT, "NAME", "its ACL user", &options.redis_user},
    {"redis-password", 0, WR_OPT_TEXT, "FILE", "file with the password", &options.redis_password},
    {"redis-database", 0, WR_OPT_U64, "N", "number of the database (0)", &options.redis_database},
    {"redis-ca", 0, WR_OPT_TEXT, "FILE", "who may have signed its certificate, PEM (tls:)",
     &options.redis_ca},
    {"redis-name", 0, WR_OPT_TEXT, "NAME", "that its certificate has to bear (the address)",
     &options.redis_name},
    {"redis-wait", 0, WR_OPT_DURATION, "5ms",
     "longest that a decision waits for other nodes' tiles, at most 5ms; 0ms: never (5ms)",
     &options.redis_wait_ms},
    {"fleet-key", 0, WR_OPT_TEXT, "FILE",
     "file with the secret of all nodes, 16 bytes or more: seals what they share",
     &options.fleet_key},
    {"retain-bytes", 0, WR_OPT_U64, "BYTES", "keep at most so much of the journal (all)",
     &options.retain_bytes},
    {"retain-age", 0, WR_OPT_DURATION, "30d", "drop parts of the journal that are older (none)",
     &options.retain_ms},
    {"segment-bytes", 0, WR_OPT_U64, "BYTES",
     "begin a new file of the journal after so many (1 GiB)", &options.segment_bytes},
    {"snapshot-every", 0, WR_OPT_DURATION, "5m",
     "save the state at least that often, and at the end; 0s: never (5m)", &options.snapshot_ms},
    {"snapshot-rows", 0, WR_OPT_U64, "N", "and after so many entries (by the size of the state)",
     &options.snapshot_rows},
    {"loki", 0, WR_OPT_TEXT, "ADDRESS",
     "push log lines to this Loki too: HOST:PORT (numeric) or unix:PATH", &options.loki},
    {"loki-label", 0, WR_OPT_LIST, "NAME=VALUE", "a label of these lines; repeatable",
     &options.loki_labels},
    {"loki-tenant", 0, WR_OPT_TEXT, "NAME", "their X-Scope-OrgID", &options.loki_tenant},
    {"connections", 0, WR_OPT_U64, "N", "at most N connections at once", &options.connections},
    {"per-address", 0, WR_OPT_U64, "N",
     "of these at most N from one address (a tenth, but 64 at least)", &options.per_address},
    {"client-memory", 0, WR_OPT_U64, "BYTES",
     "most memory that all connections hold: input, unsent answers, TLS (256 MiB)",
     &options.client_memory},
    {"body-max", 0, WR_OPT_U64, "BYTES", "largest request body", &options.body},
    {"state-cap", 0, WR_OPT_U64, "BYTES", "most memory for features (the pack's)",
     &options.state_cap},
    {"ids", 0, WR_OPT_U64, "N", "event ids remembered (the pack's)", &options.ids},
};

/* ── the next pack: the same path, read again ───────────────────────────────────────────────── */
struct served_pack {
    struct wr_arena arena;
    struct wr_pack *pack;
};

static wr_err load_again(void *context, struct wr_loaded_pack *out, struct wr_error *error)
{
    (void)context;
    struct served_pack *next = malloc(sizeof *next);
    if (next == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for another pack");
    }
    wr_err err = wr_load_pack(&next->arena, options.pack, options.model, &next->pack, error);
    if (err != WR_OK) {
        free(next);
        return err;
    }
    *out = (struct wr_loaded_pack){next->pack, next};
    return WR_OK;
}

static void give_back(void *context, struct wr_loaded_pack *loaded)
{
    (void)context;
    struct served_pack *pack = loaded->owner;
    wr_arena_deinit(&pack->arena);
    free(pack);
}

static bool read_timeout(void)
{
    const char *text = wr_environment("DECISION_TIMEOUT");
    if (text != NULL && options.deadline_ms == 0 &&
        !wr_duration_read(wr_str_z(text), &options.deadline_ms)) {
        wr_complain("DECISION_TIMEOUT=%s is not a duration such as 50ms", text);
        return false;
    }
    return true;
}

static bool set_client_memory(struct wr_server_config *config)
{
    if (options.client_memory == 0) {
        return true;
    }
    if (options.client_memory < CLIENT_MEMORY_LEAST) {
        wr_complain("--client-memory %llu is too little: give %llu bytes or more",
                    (unsigned long long)options.client_memory,
                    (unsigned long long)CLIENT_MEMORY_LEAST);
        return false;
    }
    config->client_memory = options.client_memory;
    return true;
}

static bool make_config(struct wr_server_config *config)
{
    *config = wr_server_defaults();
    bool durable = strcmp(options.mode, "durable") == 0, wall = strcmp(options.clock, "wall") == 0;
    if (!durable && strcmp(options.mode, "fast") != 0) {
        wr_complain("--mode wants durable or fast, not %s", options.mode);
        return false;
    }
    if (durable && options.keep_deciding) {
        wr_complain("--keep-deciding goes with --mode fast: durable promises that all is recorded");
        return false;
    }
    if (!wall && strcmp(options.clock, "events") != 0) {
        wr_complain("--clock wants wall or events, not %s", options.clock);
        return false;
    }
    bool writes = strcmp(options.opa_api, "write") == 0;
    if (!writes && strcmp(options.opa_api, "read") != 0) {
        wr_complain("--opa-api wants read or write, not %s", options.opa_api);
        return false;
    }
    if (options.listen.n > WR_LIMIT_ADDRESSES) {
        wr_complain("--listen may be given %d times", WR_LIMIT_ADDRESSES);
        return false;
    }
    if (options.listen.n == 0) {
        options.listen.items[options.listen.n++] = wr_host_address();
    }
    for (size_t i = 0; i < options.listen.n; i++) {
        config->addresses[config->n_addresses++] = options.listen.items[i];
    }
    config->mode = durable ? WR_MODE_DURABLE : WR_MODE_FAST;
    config->keeps_deciding = options.keep_deciding;
    config->event_clock = !wall;
    config->state_directory = options.state;
    config->deadline_us = options.deadline_ms * 1000;
    config->card_key = wr_str_z(options.card_key != NULL ? options.card_key : "");
    config->packs = (struct wr_pack_source){load_again, give_back, NULL};
    config->version = WEIR_VERSION;
    config->log = wr_serve_log;
    config->opa = (struct wr_opa_config){.writable = writes, .env = wr_eval_env(0)};
    config->retain_bytes = options.retain_bytes;
    config->segment_max = options.segment_bytes;
    config->retain_us = options.retain_ms * 1000;
    config->snapshot_every_ns = options.snapshot_ms * 1000000;
    config->snapshot_rows = options.snapshot_rows;
    config->state_cap = options.state_cap;
    config->ids_cap = options.ids;
    if (options.connections != 0) {
        config->n_connections_max = (uint32_t)WR_MIN(options.connections, 1000000U);
    }
    config->n_per_address = (uint32_t)WR_MIN(options.per_address, 1000000U);
    if (wr_host_connections_max() != 0) {
        config->n_connections_max = WR_MIN(config->n_connections_max, wr_host_connections_max());
    }
    if (options.body != 0) {
        config->body_max = (uint32_t)WR_MIN(options.body, 1U << 30);
    }
    return set_client_memory(config);
}

/* ── running ────────────────────────────────────────────────────────────────────────────────── */
static struct wr_tls_config tls_files(void)
{
    return (struct wr_tls_config){.certificate = options.tls_certificate,
                                  .key = options.tls_key,
                                  .client_ca = options.tls_client_ca,
                                  .peer_ca = options.redis_ca,
                                  .peer_name = options.redis_name};
}

/* The layer for tls: addresses; NULL when there are none. */
static wr_err open_tls(struct wr_port *port, struct wr_tls **out, struct wr_error *error)
{
    bool wanted = options.tls_certificate != NULL || options.tls_key != NULL;
    *out = NULL;
    wanted = wanted || options.redis_ca != NULL;
    for (size_t i = 0; i < options.listen.n; i++) {
        const char *address = options.listen.items[i];
        address += strncmp(address, "probe:", 6) == 0 ? 6 : 0;
        wanted = wanted || strncmp(address, "tls:", 4) == 0;
    }
    if (!wanted) {
        return WR_OK;
    }
    const struct wr_tls_config config = tls_files();
    bool serves = config.certificate != NULL && config.key != NULL;
    bool only_redis = config.certificate == NULL && config.key == NULL && config.peer_ca != NULL;
    for (size_t i = 0; i < options.listen.n; i++) {
        only_redis = only_redis && strncmp(options.listen.items[i], "tls:", 4) != 0;
    }
    if (!serves && !only_redis) {
        return wr_fail(error, WR_E_CONFIG, "tls: addresses need --tls-cert and --tls-key");
    }
    return wr_tls_open(port, &config, out, error);
}

/* What a file holds, without the line end behind it. */
static wr_err read_secret(struct wr_arena *arena, const char *path, struct wr_str *out,
                          struct wr_error *error)
{
    if (path == NULL) {
        return WR_OK;
    }
    wr_err err = wr_file_read(arena, path, 4096, out, error);
    while (err == WR_OK && out->n > 0 &&
           (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r')) {
        out->n--;
    }
    return err;
}

static wr_err set_redis(struct wr_arena *arena, struct wr_server_config *config,
                        struct wr_error *error)
{
    struct wr_redis_config *redis = &config->redis;
    redis->address = options.redis;
    redis->user = wr_str_z(options.redis_user != NULL ? options.redis_user : "");
    redis->database = (uint32_t)WR_MIN(options.redis_database, (uint64_t)UINT32_MAX);
    redis->wait_ns = options.redis_wait_ms * 1000000;
    bool is_tls = options.redis != NULL && strncmp(options.redis, "tls:", 4) == 0;
    if (options.redis != NULL && options.fleet_key == NULL) {
        return wr_fail(error, WR_E_CONFIG, "--redis needs --fleet-key, the same on all nodes");
    }
    if (is_tls != (options.redis_ca != NULL)) {
        return wr_fail(error, WR_E_CONFIG, "--redis tls:IP:PORT and --redis-ca go together");
    }
    wr_err err = read_secret(arena, options.redis_password, &redis->password, error);
    return err != WR_OK ? err : read_secret(arena, options.fleet_key, &config->fleet_key, error);
}

/* ── log lines ──────────────────────────────────────────────────────────────────────────────── */
static void log_stats(void *context, struct wr_log_stats *out)
{
    wr_log_push_stats(context, out);
}

/* NULL when nobody asked for it. */
static wr_err open_log(struct wr_server_config *config, struct wr_log_push **out,
                       struct wr_error *error)
{
    struct wr_log_push_config push = {options.loki, &options.loki_labels, options.loki_tenant};
    *out = NULL;
    if (options.loki == NULL) {
        return WR_OK;
    }
    wr_err err = wr_log_push_open(&push, out, error);
    if (err == WR_OK) {
        wr_serve_log_also(*out);
        config->log_stats = log_stats;
        config->log_stats_context = *out;
    }
    return err;
}

static void close_log(struct wr_log_push *push)
{
    if (push != NULL) {
        wr_serve_log_also(NULL);
        wr_log_push_close(push);
    }
}

/* From a thread of its own: lines of the log are the loop's. */
static void tell_no_sqlite(void *context, const struct wr_error *error)
{
    (void)context;
    wr_complain("--sqlite: %s", error->text);
}

static wr_err serve_on(struct wr_port *port, const struct wr_pack *pack,
                       const struct wr_server_config *config, struct wr_error *error)
{
    struct wr_server *server;
    struct wr_sqlite_behind *behind = NULL;
    wr_err err = wr_server_open(port, pack, config, &server, error);
    if (err != WR_OK) {
        return err;
    }
    if (options.sqlite) {
        err = wr_sqlite_behind_open(port, options.state, tell_no_sqlite, NULL, &behind, error);
    }
    err = err != WR_OK ? err : wr_server_run(server, error);
    if (behind != NULL) {
        wr_sqlite_behind_close(behind);
    }
    wr_server_close(server);
    return err;
}

static wr_err read_access(struct wr_arena *arena, struct wr_str *text, struct wr_error *error)
{
    if (options.access == NULL) {
        return WR_OK;
    }
    wr_err err = wr_file_read(arena, options.access, (size_t)1 << 20, text, error);
    if (err == WR_OK && text->n == 0) {
        err = wr_fail(error, WR_E_CONFIG, "it names no principal");
    }
    if (err != WR_OK) {
        wr_error_where(error, options.access, strlen(options.access));
    }
    return err;
}

/* After SIGHUP. The access file is looked through before new certificates are taken: all or
 * nothing. */
static wr_err read_credentials(void *context, struct wr_arena *arena, struct wr_str *text,
                               struct wr_error *error)
{
    const struct wr_tls_config config = tls_files();
    struct wr_access access;
    wr_err err = read_access(arena, text, error);
    if (err == WR_OK && text->n != 0) {
        err = wr_access_read(arena, *text, &access, error);
    }
    return err != WR_OK || context == NULL ? err : wr_tls_reload(context, &config, error);
}

static int serve(struct wr_port *port, const struct wr_pack *pack, struct wr_server_config *config)
{
    struct wr_error error = {0};
    struct wr_arena arena;
    struct wr_tls *tls = NULL;
    struct wr_log_push *push = NULL;
    wr_arena_init(&arena, &wr_heap, (size_t)4 << 20);
    const char *what = options.state;
    wr_err code = WR_OK;
    code = read_access(&arena, &config->access, &error);
    what = code == WR_OK ? what : options.access;
    if (code == WR_OK) {
        code = set_redis(&arena, config, &error);
        what = code == WR_OK ? what : "redis";
    }
    if (code == WR_OK) {
        code = open_tls(port, &tls, &error);
        what = code == WR_OK ? what : "tls";
    }
    config->credentials = (struct wr_credentials){read_credentials, tls};
    if (code == WR_OK) {
        code = open_log(config, &push, &error);
        what = code == WR_OK ? what : "--loki";
    }
    if (code == WR_OK) {
        code = serve_on(port, pack, config, &error);
    } else if (config->begun != NULL) {
        wr_server_close(config->begun);
    }
    close_log(push);
    if (tls != NULL) {
        wr_tls_close(tls);
    }
    wr_arena_deinit(&arena);
    return code == WR_OK ? WR_EXIT_OK : wr_complain_journal(what, &error);
}

/* The journal is opened while the pack is read, into room that is touched ahead of it. */
static int read_and_serve(struct wr_port *port, struct wr_server_config *config)
{
    struct wr_arena arena;
    struct wr_pack *pack;
    int exit_code = WR_EXIT_FAILED;
    struct wr_server_room room = {port->memory.take(port->memory.context, PACK_ROOM), PACK_ROOM};
    config->begun = wr_server_begin(port, config, room);
    if (wr_open_pack_in(&arena, room.bytes, room.n, options.pack, options.model, &pack)) {
        exit_code = serve(port, pack, config);
        wr_arena_deinit(&arena);
    } else if (config->begun != NULL) {
        wr_server_close(config->begun);
    }
    if (room.bytes != NULL) {
        port->memory.give(port->memory.context, room.bytes, room.n);
    }
    return exit_code;
}

static int run(int argc, char **argv)
{
    (void)argv;
    struct wr_server_config config;
    struct wr_port port;
    if (argc != 0) {
        wr_complain("takes no arguments; see weir serve --help");
        return WR_EXIT_USAGE;
    }
    if (options.model == NULL) {
        options.model = wr_environment("MODEL_PATH");
    }
    if (!read_timeout() || !make_config(&config)) {
        return WR_EXIT_USAGE;
    }
    wr_tls_memory_count(); /* before anything of OpenSSL is used, a policy's calls included */
    enum wr_io io = wr_host_open(&port);
    if (io != WR_IO_OK) {
        return wr_complain("cannot start: %s", wr_io_text(io));
    }
    int exit_code = read_and_serve(&port, &config);
    wr_host_close();
    return exit_code;
}

const struct wr_command wr_command_serve = {
    "serve",
    "Serves decisions over HTTP, every answer journalled",
    "[OPTIONS]",
    "POST /v1/decisions, /v1/decisions:batch, /v1/labels, /v1/data/PATH (as OPA), GET\n"
    "/v1/decisions/ID, /health, /metrics, /v1/pack, POST /v1/pack:reload, /drain. Stops on "
    "SIGTERM\n"
    "or SIGINT after answering what is in flight. SIGHUP or POST /v1/pack:reload reads the pack\n"
    "again and changes over between two decisions; a broken pack is told and the running one "
    "stays.\n"
    "One process owns a state directory. At a probe: address anybody may ask GET /health, "
    "/metrics,\n"
    "/status (a page for people) and /drain, and nothing else.\n\n"
    "examples:\n"
    "  weir serve --pack packs/cards --state /var/lib/weir\n"
    "  weir serve --mode fast --listen unix:/run/weir.sock --listen 127.0.0.1:8181\n"
    "  weir serve --pack packs/cards --opa-api write\n"
    "  weir serve --pack packs/cards --listen 127.0.0.1:8181 --listen probe:0.0.0.0:8182\n"
    "  weir serve --access access.txt --listen tls:0.0.0.0:8443 --tls-cert weir.crt --tls-key "
    "weir.key\n"
    "  weir serve --pack packs/fleet --redis 127.0.0.1:6379 --fleet-key fleet.key\n"
    "  weir serve --loki 127.0.0.1:3100 --loki-label site=s1 --loki-label node=a\n"
    "  curl -s localhost:8181/v1/decisions -d @event.json\n"
    "  curl -s -X POST localhost:8181/v1/pack:reload\n",
    table,
    WR_COUNTOF(table),
    run,
};
