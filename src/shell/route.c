/* SPDX-License-Identifier: Apache-2.0 */
/* From method and path to the code that answers. */
#include "shell/server_in.h"
#include "shell/status_page.h"

#include "value/json_write.h"

static void flush_batch(struct wr_server *server, struct wr_conn *conn)
{
    if (conn->in_batch) {
        wr_decide_batch(server); /* answers of this connection leave in order */
    }
}

static void send_json(struct wr_server *server, struct wr_conn *conn,
                      const struct wr_http_request *request, int status, struct wr_str body)
{
    struct wr_reply reply = {
        .status = status,
        .content_type = WR_STR("application/json"),
        .body = body,
        .retry_after = status == 503,
    };
    wr_answer_send(server, conn, request, &reply);
}

/* ── resources ──────────────────────────────────────────────────────────────────────────────── */
static void post_decisions(struct wr_server *server, struct wr_conn *conn,
                           const struct wr_http_request *request)
{
    conn->decides = true;
    wr_decide_one(server, conn, request);
}

static void get_health(struct wr_server *server, struct wr_conn *conn,
                       const struct wr_http_request *request)
{
    struct wr_error error;
    struct wr_str value;
    if (wr_h1_query(request->head->query, WR_STR("bundles"), &value) ||
        wr_h1_query(request->head->query, WR_STR("plugins"), &value)) {
        wr_opa_health_of_node(server, conn, request);
        return;
    }
    bool ready = !server->draining && wr_decide_ready(server, &error) == WR_OK;
    bool asked = wr_h1_query(request->head->query, WR_STR("ready"), &value);
    enum wr_journal_state state = server->thread != NULL ? wr_journal_thread_state(server->thread)
                                                         : wr_journal_state(server->journal);
    char room[512];
    struct wr_buf body = wr_buf_fixed(room, sizeof room);
    wr_format(&body,
              "{\"ready\":%s,\"draining\":%s,\"journal\":\"%s\",\"mode\":\"%s\",\"node\":\"%s\","
              "\"sequence\":%llu,\"version\":",
              ready ? "true" : "false", server->draining ? "true" : "false",
              wr_journal_state_name(state), wr_server_mode_name(server->config.mode),
              server->node_text, (unsigned long long)wr_server_sequence(server));
    wr_json_write_string(&body, wr_str_z(server->config.version), WR_JSON_COMPACT);
    wr_buf_str(&body, WR_STR("}\n"));
    send_json(server, conn, request, asked && !ready ? 503 : 200, wr_buf_view(&body));
}

static void get_metrics(struct wr_server *server, struct wr_conn *conn,
                        const struct wr_http_request *request)
{
    const struct wr_port_process *process = &server->port->process;
    struct wr_metrics_gauges gauges = {
        .durable = server->config.mode == WR_MODE_DURABLE,
        .resident_bytes = process->resident_bytes(process->context),
        .cpu_ns = process->cpu_ns(process->context),
        .uptime_ns = server->now_ns - server->start_ns,
        .version = wr_str_z(server->config.version),
    };
    if (server->pack != NULL) {
        gauges.pack_digest = wr_pack_digest_text(server->pack);
        gauges.pack_revision = wr_pack_revision(server->pack);
        gauges.journal_state = wr_journal_state(server->journal);
    }
    struct wr_error error;
    gauges.ready =
        !server->draining && server->pack != NULL && wr_decide_ready(server, &error) == WR_OK;
    if (server->engine != NULL) {
        wr_engine_stats(server->engine, &gauges.engine);
        gauges.challenged = server->engine;
    }
    if (server->thread != NULL) {
        wr_journal_thread_stats(server->thread, &gauges.journal);
        gauges.journal_state = wr_journal_thread_state(server->thread);
    }
    gauges.snapshots = server->snapshots.stats;
    gauges.snapshot_age_us =
        server->port->clock.wall_ns(server->port->clock.context) / 1000 - gauges.snapshots.begun_us;
    gauges.n_folded = server->n_folded;
    if (server->config.log_stats != NULL) {
        struct wr_log_stats log = {0};
        server->config.log_stats(server->config.log_stats_context, &log);
        gauges.n_log_lines = log.n_lines;
        gauges.n_log_pushed = log.n_pushed;
        gauges.n_log_dropped = log.n_dropped;
        gauges.n_log_failed = log.n_failed;
    }
    server->metrics.n_connections = server->n_conns;
    server->metrics.client_bytes = server->buffers.held;
    struct wr_arena_mark mark = wr_arena_mark(&server->scratch);
    struct wr_buf body = wr_buf_in(&server->scratch, 32768);
    wr_metrics_write(&body, &server->metrics, &gauges);
    wr_shared_metrics(&body, server);
    wr_opa_metrics(&body, server);
    struct wr_reply reply = {
        .status = 200,
        .content_type = WR_STR("text/plain; version=0.0.4; charset=utf-8"),
        .body = wr_buf_view(&body),
    };
    wr_answer_send(server, conn, request, &reply);
    wr_arena_rewind(&server->scratch, mark);
}

static void get_status(struct wr_server *server, struct wr_conn *conn,
                       const struct wr_http_request *request)
{
    struct wr_reply reply = {
        .status = 200,
        .content_type = WR_STR("text/html; charset=utf-8"),
        .body = wr_str_of((const char *)wr_status_page, wr_status_page_n),
    };
    wr_answer_send(server, conn, request, &reply);
}

/* Sequence and digest of all state, answered when that sequence is kept: so that whoever reads the
 * journal can fold to it and compare. */
static void get_state(struct wr_server *server, struct wr_conn *conn,
                      const struct wr_http_request *request)
{
    uint8_t digest[32];
    struct wr_error error = {.offset = WR_NO_OFFSET};
    wr_err err = wr_decide_ready(server, &error);
    if (err == WR_OK && wr_engine_digest(server->engine, digest) != WR_OK) {
        err = wr_fail(&error, WR_E_MEMORY, "no room to take the digest");
    }
    if (err != WR_OK) {
        wr_answer_error(server, conn, request, &error);
        return;
    }
    char room[160];
    struct wr_buf body = wr_buf_fixed(room, sizeof room);
    uint64_t sequence = wr_engine_sequence(server->engine);
    wr_format(&body, "{\"sequence\":%llu,\"digest\":\"", (unsigned long long)sequence);
    wr_buf_hex(&body, digest, sizeof digest);
    wr_buf_str(&body, WR_STR("\"}\n"));
    uint32_t last = conn->n_slots;
    send_json(server, conn, request, 200, wr_buf_view(&body));
    if (conn->n_slots > last) {
        struct wr_slot *slot = &conn->slots[(conn->slot_first + last) % WR_LIMIT_SLOTS];
        wr_slot_needs(server, slot, sequence);
    }
}

static void add_name(struct wr_buf *body, size_t i, struct wr_str name)
{
    if (i > 0) {
        wr_buf_char(body, ',');
    }
    wr_json_write_string(body, name, WR_JSON_COMPACT);
}

static void get_pack(struct wr_server *server, struct wr_conn *conn,
                     const struct wr_http_request *request)
{
    const struct wr_pack *pack = server->pack;
    struct wr_arena_mark mark = wr_arena_mark(&server->scratch);
    struct wr_buf body = wr_buf_in(&server->scratch, 4096);
    wr_buf_str(&body, WR_STR("{\"revision\":"));
    wr_json_write_string(&body, wr_pack_revision(pack), WR_JSON_COMPACT);
    wr_buf_str(&body, WR_STR(",\"digest\":"));
    wr_json_write_string(&body, wr_pack_digest_text(pack), WR_JSON_COMPACT);
    wr_format(&body, ",\"deadline_us\":%lld,\"features\":[", (long long)wr_pack_deadline_us(pack));
    for (size_t i = 0; i < wr_pack_n_features(pack); i++) {
        add_name(&body, i, wr_pack_feature_name(pack, i));
    }
    wr_buf_str(&body, WR_STR("],\"models\":["));
    for (size_t i = 0; i < wr_pack_n_models(pack); i++) {
        add_name(&body, i, wr_pack_model_name(pack, i));
    }
    wr_buf_str(&body, WR_STR("],\"files\":["));
    size_t n_files;
    const struct wr_pack_file *files = wr_pack_files(pack, &n_files);
    for (size_t i = 0; i < n_files; i++) {
        add_name(&body, i, files[i].path);
    }
    wr_buf_str(&body, WR_STR("]}\n"));
    send_json(server, conn, request, 200, wr_buf_view(&body));
    wr_arena_rewind(&server->scratch, mark);
}

static void drain(struct wr_server *server, struct wr_conn *conn,
                  const struct wr_http_request *request)
{
    send_json(server, conn, request, 202, WR_STR("{\"draining\":true}\n"));
    wr_server_stop(server);
}

/* ── the table ──────────────────────────────────────────────────────────────────────────────── */
enum { GETS = 1U << WR_H1_GET | 1U << WR_H1_HEAD, POSTS = 1U << WR_H1_POST };

struct route {
    const char *path;
    unsigned methods; /* bits by enum wr_h1_method */
    void (*answer)(struct wr_server *server, struct wr_conn *conn,
                   const struct wr_http_request *request);
};

static const struct route routes[] = {
    {"/v1/decisions", POSTS, post_decisions},
    {"/v1/decisions:batch", POSTS, wr_gather_batch},
    {"/v1/labels", POSTS, wr_gather_labels},
    {"/health", GETS, get_health},
    {"/metrics", GETS, get_metrics},
    {"/status", GETS, get_status},
    {"/v1/state", GETS, get_state},
    {"/v1/pack", GETS, get_pack},
    {"/v1/pack:reload", POSTS, wr_reload_post},
    /* GET too: it is all that a container's preStop.httpGet can send, where no signal arrives */
    {"/drain", POSTS | 1U << WR_H1_GET, drain},
};

static bool takes(unsigned methods, enum wr_h1_method method)
{
    return (methods >> method & 1U) != 0;
}

static const char *allowed(unsigned methods)
{
    return methods == GETS ? "GET, HEAD" : methods == POSTS ? "POST" : "GET, POST";
}

static void refuse(struct wr_server *server, struct wr_conn *conn,
                   const struct wr_http_request *request, const char *allow)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_str path = request->head->path;
    path.n = WR_MIN(path.n, (size_t)100);
    wr_err err = allow != NULL ? wr_fail(&error, WR_E_METHOD, "%.*s takes %s", WR_FMT(path), allow)
                               : wr_fail(&error, WR_E_NOT_FOUND, "there is no %.*s", WR_FMT(path));
    if (err == WR_E_METHOD) {
        wr_error_where(&error, allow, strlen(allow));
    }
    wr_answer_error(server, conn, request, &error);
}

/* A server without a pack: OPA's API and the metrics. */
static void route_plain(struct wr_server *server, struct wr_conn *conn,
                        const struct wr_http_request *request)
{
    if (wr_str_eq(request->head->path, WR_STR("/metrics")) && takes(GETS, request->head->method)) {
        get_metrics(server, conn, request);
    } else if (!wr_opa_route(server, conn, request)) {
        wr_opa_not_found(server, conn, request);
    }
}

/* ── who may ────────────────────────────────────────────────────────────────────────────────── */
static unsigned granted(struct wr_server *server, struct wr_conn *conn,
                        const struct wr_h1_head *head)
{
    const struct wr_port_net *net = &server->port->net;
    if (server->access.n == 0) { /* a server of policies alone decides nothing by itself, as OPA */
        return conn->is_local || server->pack == NULL ? WR_SCOPE_ALL : 0;
    }
    if (!conn->cert_is_read && net->peer_uri != NULL) {
        char uri[256];
        size_t n = net->peer_uri(net->context, conn->sock, uri, sizeof uri);
        conn->cert_scopes = (uint8_t)wr_access_uri(&server->access, wr_str_of(uri, n));
        conn->cert_is_read = true;
    }
    struct wr_str token = wr_access_bearer(head);
    return conn->cert_scopes | (token.p != NULL ? wr_access_token(&server->access, token) : 0);
}

bool wr_route_allows(struct wr_server *server, struct wr_conn *conn, const struct wr_h1_head *head)
{
    unsigned needed = wr_access_needed(head);
    return needed == 0 || (server->access.n == 0 && conn->is_local) ||
           (granted(server, conn, head) & needed) != 0;
}

static bool may(struct wr_server *server, struct wr_conn *conn,
                const struct wr_http_request *request)
{
    unsigned needed = wr_access_needed(request->head);
    if (needed == 0 || (server->access.n == 0 && conn->is_local)) {
        return true;
    }
    unsigned has = granted(server, conn, request->head);
    if ((has & needed) != 0) {
        return true;
    }
    struct wr_error error = {.offset = WR_NO_OFFSET};
    flush_batch(server, conn);
    if (wr_fail(&error, has == 0 ? WR_E_UNKNOWN_CALLER : WR_E_SCOPE, "this needs the scope %s",
                wr_scope_name(needed)) != WR_OK) {
        wr_answer_error(server, conn, request, &error);
    }
    return false;
}

/* ── probes ─────────────────────────────────────────────────────────────────────────────────── */
bool wr_address_is_probe(const char *address)
{
    return strncmp(address, "probe:", 6) == 0;
}

/* What a cluster asks of a node has no credentials: probes and preStop of a kubelet, a scrape. They
 * get an address of their own, which the network guards, so that the others stay closed and no
 * token has to stand in a pod's specification. */
static void route_probe(struct wr_server *server, struct wr_conn *conn,
                        const struct wr_http_request *request)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    const struct wr_h1_head *head = request->head;
    bool reads = takes(GETS, head->method);
    if (reads && wr_str_eq(head->path, WR_STR("/health"))) {
        get_health(server, conn, request);
    } else if (reads && wr_str_eq(head->path, WR_STR("/metrics"))) {
        get_metrics(server, conn, request);
    } else if (reads && wr_str_eq(head->path, WR_STR("/status"))) {
        get_status(server, conn, request);
    } else if (takes(POSTS | 1U << WR_H1_GET, head->method) &&
               wr_str_eq(head->path, WR_STR("/drain"))) {
        drain(server, conn, request);
    } else if (wr_fail(&error, WR_E_SCOPE,
                       "this address answers GET /health, /metrics, /status and /drain alone") !=
               WR_OK) {
        wr_answer_error(server, conn, request, &error);
    }
}

void wr_route(struct wr_server *server, struct wr_conn *conn, const struct wr_http_request *request)
{
    const struct wr_h1_head *head = request->head;
    const char *allow = NULL;
    if (conn->is_probe) {
        route_probe(server, conn, request);
        return;
    }
    if (!may(server, conn, request)) {
        return;
    }
    if (server->pack == NULL) {
        route_plain(server, conn, request);
        return;
    }
    for (size_t i = 0; i < WR_COUNTOF(routes); i++) {
        if (!wr_str_eq(head->path, wr_str_z(routes[i].path))) {
            continue;
        }
        if (takes(routes[i].methods, head->method)) {
            if (routes[i].answer != post_decisions) {
                flush_batch(server, conn);
            }
            routes[i].answer(server, conn, request);
            return;
        }
        allow = allowed(routes[i].methods);
    }
    flush_batch(server, conn);
    if (wr_lists_route(server, conn, request)) {
        return;
    }
    static const struct wr_str by_id = {"/v1/decisions/", 14};
    if (wr_str_starts(head->path, by_id)) {
        struct wr_str id = wr_str_of(head->path.p + by_id.n, head->path.n - by_id.n);
        if (head->method == WR_H1_GET) {
            wr_gather_decision(server, conn, request, id);
            return;
        }
        allow = "GET";
    } else if (wr_opa_route(server, conn, request)) {
        return;
    }
    refuse(server, conn, request, allow);
}
