/* SPDX-License-Identifier: Apache-2.0 */
/* What other nodes saw: fetched as soon as a request is read, while it waits for a moment and
 * everything else goes on.
 *
 * A request that waits is not taken out of its connection's buffer; when the fetch is done, or the
 * wait is over, it is parsed once more and goes its way with what is known by then. */
#include "shell/server_in.h"
#include "shell/gather_in.h"
#include "shell/split.h"

/* ── tables ─────────────────────────────────────────────────────────────────────────────────── */
wr_err wr_shared_open(struct wr_server *server, struct wr_error *error)
{
    const struct wr_memory *memory = &server->port->memory;
    struct wr_redis_config *config = &server->config.redis;
    if (config->address == NULL) {
        return WR_OK;
    }
    if (server->port->net.connect == NULL) {
        return wr_fail(error, WR_E_CONFIG,
                       "this build cannot reach Redis: its host opens no connections outwards");
    }
    if (server->config.fleet_key.n < WR_LIMIT_FLEET_SECRET_MIN) {
        return wr_fail(error, WR_E_CONFIG, "nodes that share need a key of at least %d bytes",
                       WR_LIMIT_FLEET_SECRET_MIN);
    }
    config->log = server->config.log;
    config->log_context = server->config.log_context;
    server->held =
        memory->take(memory->context, server->config.n_connections_max * sizeof *server->held);
    server->redis = wr_redis_open(server->port, config, server->now_ns);
    return server->held != NULL && server->redis != NULL
               ? WR_OK
               : wr_fail(error, WR_E_MEMORY, "no memory for the client of Redis");
}

void wr_shared_close(struct wr_server *server)
{
    const struct wr_memory *memory = &server->port->memory;
    wr_redis_close(server->redis);
    server->redis = NULL;
    wr_fleet_close(server->fleet);
    server->fleet = NULL;
    if (server->held != NULL) {
        memory->give(memory->context, server->held,
                     server->config.n_connections_max * sizeof *server->held);
    }
}

static struct wr_fleet *open_tables(const struct wr_server *server)
{
    return wr_fleet_open(&server->port->memory, wr_pack_plan(server->pack),
                         wr_journal_identity(server->journal).node, server->config.fleet_key);
}

wr_err wr_shared_begin(struct wr_server *server, struct wr_engine_config *config,
                       struct wr_error *error)
{
    bool wants = wr_pack_shares(server->pack);
    wr_shared_end(server); /* of an engine that could not be restored */
    if (server->redis == NULL) {
        if (wants) {
            wr_server_log(server, "warn", "no_redis",
                          "features of scope fleet know nothing of other nodes without --redis");
        }
        return WR_OK;
    }
    config->fleet_key = wr_fleet_hash_key(server->config.fleet_key);
    if (!wants) {
        return WR_OK;
    }
    server->fleet = config->fleet = open_tables(server);
    return server->fleet != NULL ? WR_OK
                                 : wr_fail(error, WR_E_MEMORY, "no memory for what nodes share");
}

void wr_shared_live(struct wr_server *server)
{
    if (server->fleet != NULL) {
        wr_fleet_live(server->fleet);
        wr_redis_set_fleet(server->redis, server->fleet);
    }
}

void wr_shared_end(struct wr_server *server)
{
    if (server->fleet != NULL) {
        wr_redis_set_fleet(server->redis, NULL);
        wr_fleet_close(server->fleet);
        server->fleet = NULL;
    }
}

/* What the tables hold that is not written goes with them; what flies may arrive, and counts too.
 */
static void count_drops(struct wr_server *server)
{
    struct wr_fleet_stats stats;
    wr_redis_set_fleet(server->redis, NULL);
    wr_fleet_give_up(server->fleet);
    wr_fleet_stats(server->fleet, &stats);
    server->dropped_tiles += stats.n_dropped_tiles;
    server->dropped_events += stats.n_dropped_events;
}

void wr_shared_follow_pack(struct wr_server *server)
{
    bool shares = wr_pack_shares(server->pack);
    bool kept = wr_engine_fleet(server->engine) == server->fleet; /* else it has new features */
    if (server->redis == NULL || (kept && (server->fleet != NULL || !shares))) {
        return;
    }
    if (server->fleet != NULL) {
        count_drops(server);
    }
    wr_shared_end(server);
    if (shares) {
        server->fleet = open_tables(server);
        wr_engine_set_fleet(server->engine, server->fleet);
        wr_shared_live(server);
    }
}

/* ── requests that wait ─────────────────────────────────────────────────────────────────────── */
/* Asks for what is not known freshly; the ticket of the last fetch, or 0. */
static uint64_t ask(struct wr_server *server, struct wr_str body)
{
    struct wr_fleet_key keys[WR_LIMIT_FLEET_SERIES];
    struct wr_arena_mark mark = wr_arena_mark(&server->scratch);
    uint64_t ticket = 0;
    uint32_t n = wr_engine_fleet_keys(server->engine, &server->scratch, body,
                                      wr_decide_now_us(server), keys);
    wr_arena_rewind(&server->scratch, mark);
    for (uint32_t i = 0; i < n; i++) {
        if (!wr_fleet_is_fresh(server->fleet, &keys[i], server->now_ns / 1000,
                               WR_SHARED_FRESH_US)) {
            ticket = WR_MAX(ticket, wr_redis_fetch(server->redis, &keys[i], server->now_ns));
        }
    }
    return ticket;
}

static uint64_t ask_for_batch(struct wr_server *server, const struct wr_h1_head *head,
                              struct wr_str text)
{
    struct wr_error ignored;
    struct wr_split split;
    struct wr_str body;
    uint64_t ticket = 0;
    struct wr_http_request request = {.head = head, .body = text};
    wr_split_open(&split, text, wr_gather_wants_lines(&request));
    for (uint32_t i = 0; i < WR_LIMIT_SHARED_ITEMS; i++) {
        if (wr_split_next(&split, &body, &ignored) != WR_OK || body.p == NULL) {
            break;
        }
        ticket = WR_MAX(ticket, ask(server, body));
    }
    return ticket;
}

/* Half of the time that is allowed: the rest is for what comes late, the machine with its wake, or
 * this loop, which lets go between its turns only. While turns are long less is left to wait, down
 * to nothing. */
static int64_t hold_most_ns(const struct wr_server *server)
{
    int64_t wait_ns = server->config.redis.wait_ns;
    return WR_MAX(WR_MIN(wait_ns / 2, wait_ns - 2 * server->turn_ns), (int64_t)0);
}

bool wr_shared_hold(struct wr_server *server, struct wr_conn *conn, const struct wr_h1_head *head,
                    struct wr_str body, int64_t whole_ns)
{
    if (conn->was_held || head->method != WR_H1_POST || server->engine == NULL ||
        !wr_redis_is_up(server->redis) || !wr_route_allows(server, conn, head)) {
        return false;
    }
    uint64_t ticket = 0;
    if (wr_str_eq(head->path, WR_STR("/v1/decisions"))) {
        ticket = ask(server, body);
    } else if (wr_str_eq(head->path, WR_STR("/v1/decisions:batch"))) {
        ticket = ask_for_batch(server, head, body);
    }
    int64_t held_ns = whole_ns + hold_most_ns(server);
    if (ticket == 0 || held_ns <= server->now_ns) {
        return false;
    }
    conn->held = true;
    conn->ticket = ticket;
    conn->hold_ns = server->now_ns;
    conn->held_ns = held_ns;
    server->held[server->n_held++] = conn;
    return true;
}

void wr_shared_release(struct wr_server *server, int64_t turn_ns)
{
    uint64_t done = wr_redis_done(server->redis);
    uint32_t n = 0;
    server->turn_ns = WR_MAX(turn_ns, server->turn_ns - server->turn_ns / 8);
    if (server->n_held == 0) {
        return;
    }
    int64_t now_ns = server->port->clock.mono_ns(server->port->clock.context);
    for (uint32_t i = 0; i < server->n_held; i++) {
        struct wr_conn *conn = server->held[i];
        if (conn->ticket > done && now_ns < conn->held_ns) {
            server->held[n++] = conn;
            continue;
        }
        conn->held = false;
        conn->was_held = true;
        server->metrics.wait_ns += (uint64_t)(now_ns - conn->hold_ns);
        server->metrics.waits[wr_redis_bound(now_ns - conn->hold_ns)]++;
        wr_conn_touch(server, conn);
    }
    server->n_held = n;
}

void wr_shared_forget(struct wr_server *server, const struct wr_conn *conn)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < server->n_held; i++) {
        if (server->held[i] != conn) {
            server->held[n++] = server->held[i];
        }
    }
    server->n_held = n;
}

int64_t wr_shared_sleep_ns(const struct wr_server *server, int64_t most_ns)
{
    int64_t now_ns = server->port->clock.mono_ns(server->port->clock.context);
    uint64_t done = wr_redis_done(server->redis); /* the breaker may have opened in this turn */
    most_ns = WR_MIN(most_ns, wr_redis_sleep_ns(server->redis, now_ns));
    for (uint32_t i = 0; i < server->n_held; i++) {
        int64_t left_ns = server->held[i]->ticket > done ? server->held[i]->held_ns - now_ns : 0;
        most_ns = WR_MIN(most_ns, WR_MAX(left_ns, (int64_t)0));
    }
    return most_ns;
}

/* ── metrics ────────────────────────────────────────────────────────────────────────────────── */
static void one(struct wr_buf *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    wr_format(out, "# HELP weir_redis_%s %s\n# TYPE weir_redis_%s %s\nweir_redis_%s %llu\n", name,
              help, name, type, name, (unsigned long long)value);
}

static void client_metrics(struct wr_buf *out, const struct wr_redis_stats *r)
{
    one(out, "up", "gauge", "1 when connected and the breaker closed.",
        r->state == WR_REDIS_CLOSED);
    one(out, "breaker", "gauge", "0 closed, 1 trying, 2 open.",
        r->state == WR_REDIS_CLOSED      ? 0
        : r->state == WR_REDIS_HALF_OPEN ? 1
                                         : 2);
    one(out, "breaker_opened_total", "counter", "Times the breaker has opened.", r->n_openings);
    one(out, "connects_total", "counter", "Connections tried.", r->n_connects);
    one(out, "fetches_total", "counter", "Keys asked for.", r->n_fetches);
    one(out, "fetches_skipped_total", "counter", "Keys not asked for: too many, or no connection.",
        r->n_unfetched);
    one(out, "fetches_late_total", "counter", "Fetches that took longer than 5 ms.", r->n_late);
    one(out, "fetches_failed_total", "counter", "Fetches that failed.", r->n_failed);
    one(out, "writes_total", "counter", "Tiles written.", r->n_writes);
    one(out, "writes_failed_total", "counter", "Tiles whose writing failed; written again.",
        r->n_write_failures);
    one(out, "errors_total", "counter", "Error replies.", r->n_errors);
    one(out, "malformed_total", "counter", "Replies that were none.", r->n_malformed);
    one(out, "settling", "gauge", "1 until own tiles are written once more after a reconnection.",
        r->settling);
    one(out, "in_flight", "gauge", "Commands without an answer.", r->n_flying);
    one(out, "received_bytes_total", "counter", "Bytes read.", r->bytes_in);
    one(out, "sent_bytes_total", "counter", "Bytes written.", r->bytes_out);
}

static void histogram(struct wr_buf *out, const char *name, const char *help,
                      const uint64_t *counts, uint64_t sum_ns)
{
    static const char *const bounds[WR_REDIS_BOUNDS] = {
        "0.0001", "0.0002", "0.0005", "0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1"};
    uint64_t n = 0;
    wr_format(out, "# HELP weir_redis_%s %s\n# TYPE weir_redis_%s histogram\n", name, help, name);
    for (size_t i = 0; i < WR_REDIS_BOUNDS; i++) {
        n += counts[i];
        wr_format(out, "weir_redis_%s_bucket{le=\"%s\"} %llu\n", name, bounds[i],
                  (unsigned long long)n);
    }
    n += counts[WR_REDIS_BOUNDS];
    wr_format(out,
              "weir_redis_%s_bucket{le=\"+Inf\"} %llu\nweir_redis_%s_count %llu\n"
              "weir_redis_%s_sum %llu.%09llu\n",
              name, (unsigned long long)n, name, (unsigned long long)n, name,
              (unsigned long long)(sum_ns / 1000000000), (unsigned long long)(sum_ns % 1000000000));
}

void wr_shared_metrics(struct wr_buf *out, const struct wr_server *server)
{
    struct wr_redis_stats redis;
    struct wr_fleet_stats fleet = {0};
    if (server->redis == NULL) {
        return;
    }
    wr_redis_stats(server->redis, &redis);
    client_metrics(out, &redis);
    histogram(out, "fetch_seconds", "Time from asking to the tiles.", redis.latency,
              redis.latency_ns);
    histogram(out, "wait_seconds", "Time that requests were held back for it.",
              server->metrics.waits, server->metrics.wait_ns);
    if (server->fleet != NULL) {
        wr_fleet_stats(server->fleet, &fleet);
    }
    wr_format(out,
              "# HELP weir_redis_hold_seconds How long a request may be held at most: less when "
              "turns of the loop are long.\n# TYPE weir_redis_hold_seconds gauge\n"
              "weir_redis_hold_seconds 0.%09lld\n",
              (long long)hold_most_ns(server));
    one(out, "held", "gauge", "Requests that wait for a fetch.", server->n_held);
    one(out, "tiles", "gauge", "Own tiles held.", fleet.n_own);
    one(out, "queue", "gauge", "Own tiles that wait to be written.", fleet.n_queued);
    one(out, "dropped_tiles_total", "counter", "Own tiles given up before they were written.",
        server->dropped_tiles + fleet.n_dropped_tiles);
    one(out, "dropped_events_total", "counter", "Events that other nodes will never see.",
        server->dropped_events + fleet.n_dropped_events);
    one(out, "entities", "gauge", "Entities of which others' tiles are held.", fleet.n_entities);
    one(out, "entities_evicted_total", "counter", "Entities given up for lack of room.",
        fleet.n_evicted);
    one(out, "bad_tiles_total", "counter", "Values found that no node of this fleet wrote.",
        fleet.n_bad_tiles);
    one(out, "memory_bytes", "gauge", "Room of the tables.", fleet.bytes);
    one(out, "stale_total", "counter", "Decisions that lacked what other nodes saw.",
        server->metrics.n_stale);
}
