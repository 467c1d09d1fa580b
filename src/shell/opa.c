/* SPDX-License-Identifier: Apache-2.0 */
/* OPA's data API on the pack's policy: GET and POST /v1/data/{path}, in OPA's shapes.
 *
 * The input is what the caller sends, not enriched. Prepared queries are kept for the paths that
 * were asked for, until their arena is used up, and then begun anew. What this page of OPA's API
 * offers and this file does not: writing data, explanations, gzip, YAML.
 * Source: openpolicyagent.org, REST API (0.60). */
#include "shell/server_in.h"

#include "rego/rego.h"
#include "shell/crypto.h"
#include "value/json_read.h"
#include "value/json_write.h"

enum {
    QUERIES = 128,
    SEGMENTS = 32,
    PATH_MAX_BYTES = 1024,
    QUERY_ROOM = 8 * 1024 * 1024,
};

struct cached {
    struct wr_str path;
    struct wr_rego_query *query;
};

struct wr_opa_cache {
    struct wr_arena arena;
    struct cached queries[QUERIES];
    uint32_t n;
};

struct opa_call {
    struct wr_value input;
    bool has_input, pretty, metrics, provenance, strict;
    int64_t parse_ns, eval_ns;
    bool hit;
};

/* ── errors in OPA's shape ──────────────────────────────────────────────────────────────────── */
static void send_opa(struct wr_server *server, struct wr_conn *conn,
                     const struct wr_http_request *request, int status, struct wr_str body)
{
    struct wr_reply reply = {
        .status = status,
        .content_type = status == 405 ? WR_STR("") : WR_STR("application/json"),
        .body = body,
    };
    wr_answer_send(server, conn, request, &reply);
}

static void send_invalid(struct wr_server *server, struct wr_conn *conn,
                         const struct wr_http_request *request, const char *what,
                         const struct wr_error *error)
{
    char text[WR_LIMIT_ERROR_TEXT + 128];
    struct wr_buf message = wr_buf_fixed(text, sizeof text);
    wr_format(&message, "%s: %s", what, error->text);
    if (error->offset != WR_NO_OFFSET) {
        wr_format(&message, " at byte %llu", (unsigned long long)error->offset);
    }
    struct wr_buf body = wr_buf_in(&server->scratch, 1024);
    wr_buf_str(&body, WR_STR("{\n  \"code\": \"invalid_parameter\",\n  \"message\": "));
    wr_json_write_string(&body, wr_buf_view(&message), WR_JSON_HTML_SAFE);
    wr_buf_str(&body, WR_STR("\n}\n"));
    send_opa(server, conn, request, 400, wr_buf_view(&body));
}

static void send_failed(struct wr_server *server, struct wr_conn *conn,
                        const struct wr_http_request *request, const struct wr_error *error)
{
    struct wr_buf body = wr_buf_in(&server->scratch, 1024);
    wr_buf_str(&body,
               WR_STR("{\n  \"code\": \"internal_error\",\n  \"message\": \"error(s) occurred "
                      "while evaluating query\",\n  \"errors\": [\n    {\n      \"code\": "));
    wr_json_write_string(&body, wr_str_z(wr_err_name(error->code)), WR_JSON_HTML_SAFE);
    wr_buf_str(&body, WR_STR(",\n      \"message\": "));
    wr_json_write_string(&body, wr_str_z(error->text), WR_JSON_HTML_SAFE);
    wr_buf_str(&body, WR_STR(",\n      \"location\": {\n        \"file\": "));
    wr_json_write_string(&body, wr_str_z(error->where), WR_JSON_HTML_SAFE);
    wr_format(&body, ",\n        \"row\": %u,\n        \"col\": %u\n      }\n    }\n  ]\n}\n",
              error->row, error->col);
    send_opa(server, conn, request, 500, wr_buf_view(&body));
}

/* ── reading the request ────────────────────────────────────────────────────────────────────── */
static bool flag(struct wr_str query, const char *name)
{
    struct wr_str value;
    return wr_h1_query(query, wr_str_z(name), &value) && !wr_str_eq(value, WR_STR("false"));
}

static wr_err read_json(struct wr_server *server, struct wr_str text, struct wr_value *out,
                        struct wr_error *error)
{
    size_t used;
    struct wr_json_limits limits = {.depth_max = WR_LIMIT_REQUEST_DEPTH};
    /* Bytes behind the first document are not looked at, as in OPA. */
    return wr_json_read_prefix(&server->scratch, text, true, &limits, out, &used, error);
}

/* False when it has answered. */
static bool read_input(struct wr_server *server, struct wr_conn *conn,
                       const struct wr_http_request *request, struct opa_call *call)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_value document = wr_null();
    struct wr_str query = request->head->query, text = request->body, value;
    bool is_get = request->head->method == WR_H1_GET;
    const char *what = is_get ? "parameter contains malformed input document"
                              : "body contains malformed input document";
    if (is_get) {
        text = wr_str_of(NULL, 0);
        if (wr_h1_query(query, WR_STR("input"), &value)) {
            char *room = wr_arena_alloc(&server->scratch, value.n, 1);
            text = room == NULL ? text : wr_str_of(room, wr_h1_unescape(value, true, room));
        }
    }
    if (text.n > 0 && read_json(server, text, &document, &error) != WR_OK) {
        send_invalid(server, conn, request, what, &error);
        return false;
    }
    if (is_get) {
        call->input = document;
        call->has_input = text.n > 0;
        return true;
    }
    if (!wr_is(document, WR_OBJECT) && !wr_is(document, WR_NULL)) {
        wr_err err = wr_fail(&error, WR_E_FIELD,
                             "json: cannot unmarshal %s into Go value of type types.DataRequestV1",
                             wr_is(document, WR_BOOL) ? "bool" : wr_type_name(document));
        WR_ASSERT(err != WR_OK);
        send_invalid(server, conn, request, what, &error);
        return false;
    }
    const struct wr_value *input =
        wr_is(document, WR_OBJECT) ? wr_object_get_str(&document, WR_STR("input")) : NULL;
    call->has_input = input != NULL && !wr_is(*input, WR_NULL);
    call->input = call->has_input ? *input : wr_undefined();
    return true;
}

/* The path behind /v1/data in segments, unescaped one by one. */
static bool read_path(struct wr_server *server, struct wr_str path, struct wr_str *segments,
                      size_t *n)
{
    *n = 0;
    while (path.n > 0) {
        path.p++; /* the slash */
        path.n--;
        size_t end = wr_str_find(path, WR_STR("/"), 0);
        struct wr_str part = wr_str_of(path.p, WR_MIN(end, path.n));
        char *room = wr_arena_alloc(&server->scratch, part.n, 1);
        if (*n == SEGMENTS || room == NULL) {
            return false;
        }
        segments[(*n)++] = wr_str_of(room, wr_h1_unescape(part, false, room));
        path = wr_str_of(path.p + part.n, path.n - part.n);
    }
    return true;
}

/* A doubled or trailing slash: where to go instead. */
static bool redirects(struct wr_server *server, struct wr_conn *conn,
                      const struct wr_http_request *request)
{
    struct wr_str path = request->head->path;
    if (wr_str_find(path, WR_STR("//"), 0) == SIZE_MAX && path.p[path.n - 1] != '/') {
        return false;
    }
    char room[PATH_MAX_BYTES];
    struct wr_buf clean = wr_buf_fixed(room, sizeof room);
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] != '/' || (i + 1 < path.n && path.p[i + 1] != '/')) {
            wr_buf_char(&clean, path.p[i]);
        }
    }
    struct wr_reply reply = {.status = 301, .location = wr_buf_view(&clean)};
    wr_answer_send(server, conn, request, &reply);
    return true;
}

/* ── evaluating ─────────────────────────────────────────────────────────────────────────────── */
static struct wr_opa_cache *cache_of(struct wr_server *server)
{
    const struct wr_memory *memory = &server->port->memory;
    if (server->opa == NULL) {
        server->opa = memory->take(memory->context, sizeof *server->opa);
        if (server->opa != NULL) {
            memset(server->opa, 0, sizeof *server->opa);
            wr_arena_init(&server->opa->arena, memory, QUERY_ROOM);
        }
    }
    return server->opa;
}

static struct wr_rego_query *query_of(struct wr_server *server, struct wr_str path,
                                      const struct wr_str *segments, size_t n, bool *hit)
{
    struct wr_opa_cache *cache = cache_of(server);
    for (uint32_t i = 0; cache != NULL && i < cache->n; i++) {
        if (wr_str_eq(cache->queries[i].path, path)) {
            *hit = true;
            return cache->queries[i].query;
        }
    }
    const struct wr_rego_program *program = wr_pack_program(server->pack);
    for (int attempt = 0; attempt < 2 && cache != NULL && program != NULL; attempt++) {
        struct wr_rego_query *query = NULL;
        struct wr_rego_errors errors;
        wr_rego_errors_init(&errors, &server->scratch);
        struct wr_str key = wr_str_copy(&cache->arena, path);
        struct wr_str *kept = WR_NEW_ARRAY(&cache->arena, struct wr_str, n + 1);
        for (size_t i = 0; kept != NULL && i < n; i++) {
            kept[i] = wr_str_copy(&cache->arena, segments[i]);
        }
        if (kept != NULL && !wr_arena_failed(&cache->arena) && cache->n < QUERIES &&
            wr_rego_prepare_path(program, &cache->arena, kept, n, &query, &errors) == WR_OK) {
            cache->queries[cache->n++] = (struct cached){key, query};
            return query;
        }
        cache->n = 0; /* full: begin anew */
        wr_arena_reset(&cache->arena);
    }
    return NULL;
}

static void add_pair(struct wr_pair *pairs, size_t *n, const char *key, struct wr_value value)
{
    pairs[(*n)++] = (struct wr_pair){wr_string(wr_str_z(key)), value};
}

static struct wr_value metrics_of(struct wr_arena *arena, const struct opa_call *call)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, 4);
    size_t n = 0;
    if (pairs == NULL) {
        return wr_null();
    }
    add_pair(pairs, &n, "counter_server_query_cache_hit", wr_int(call->hit));
    add_pair(pairs, &n, "timer_rego_input_parse_ns", wr_int(call->parse_ns));
    add_pair(pairs, &n, "timer_rego_query_eval_ns", wr_int(call->eval_ns));
    add_pair(pairs, &n, "timer_server_handler_ns", wr_int(call->parse_ns + call->eval_ns));
    return wr_object_from(pairs, n);
}

static void send_result(struct wr_server *server, struct wr_conn *conn,
                        const struct wr_http_request *request, const struct opa_call *call,
                        const struct wr_rego_results *results)
{
    struct wr_pair pairs[4], provenance[1], warning[2];
    size_t n = 0, m = 0;
    if (call->metrics) {
        add_pair(pairs, &n, "metrics", metrics_of(&server->scratch, call));
    }
    if (call->provenance) {
        provenance[0] = (struct wr_pair){wr_string(WR_STR("version")),
                                         wr_string(wr_str_z(server->config.version))};
        add_pair(pairs, &n, "provenance", wr_object_from(provenance, 1));
    }
    if (results->n > 0) {
        add_pair(pairs, &n, "result", results->items[0].value);
    }
    if (!call->has_input && request->head->method == WR_H1_POST) {
        add_pair(warning, &m, "code", wr_string(WR_STR("api_usage_warning")));
        add_pair(warning, &m, "message", wr_string(WR_STR("'input' key missing from the request")));
        add_pair(pairs, &n, "warning", wr_object_from(warning, m));
    }
    struct wr_value answer = wr_object_from(pairs, n);
    struct wr_buf body = wr_buf_in(&server->scratch, 1024);
    wr_json_write(&body, &answer, call->pretty ? WR_JSON_PRETTY : WR_JSON_HTML_SAFE);
    if (body.n == 0 || body.p[body.n - 1] != '\n') {
        wr_buf_char(&body, '\n');
    }
    send_opa(server, conn, request, 200, wr_buf_view(&body));
}

static void evaluate(struct wr_server *server, struct wr_conn *conn,
                     const struct wr_http_request *request, struct opa_call *call)
{
    const struct wr_port_clock *clock = &server->port->clock;
    struct wr_str path = request->head->path, segments[SEGMENTS];
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_rego_results results = {0};
    size_t n;
    path = wr_str_of(path.p + 8, path.n - 8); /* behind /v1/data */
    struct wr_rego_query *query = read_path(server, path, segments, &n)
                                      ? query_of(server, path, segments, n, &call->hit)
                                      : NULL;
    if (query != NULL) {
        int64_t before = clock->mono_ns(clock->context);
        struct wr_rego_context context = {
            .input = call->has_input ? &call->input : NULL,
            .env = {.now_ns = server->now_us * 1000,
                    .seed = (uint64_t)server->now_ns,
                    .crypto = wr_crypto_table()},
            .strict_builtin_errors = call->strict,
        };
        if (wr_rego_eval(query, &context, &server->scratch, &results, &error) != WR_OK) {
            send_failed(server, conn, request, &error);
            return;
        }
        call->eval_ns = clock->mono_ns(clock->context) - before;
    }
    send_result(server, conn, request, call, &results);
}

void wr_opa_data(struct wr_server *server, struct wr_conn *conn,
                 const struct wr_http_request *request)
{
    const struct wr_h1_head *head = request->head;
    struct opa_call call = {
        .pretty = flag(head->query, "pretty"),
        .metrics = flag(head->query, "metrics") || flag(head->query, "instrument"),
        .provenance = flag(head->query, "provenance"),
        .strict = flag(head->query, "strict-builtin-errors"),
    };
    const struct wr_port_clock *clock = &server->port->clock;
    int64_t before = clock->mono_ns(clock->context);
    struct wr_arena_mark mark = wr_arena_mark(&server->scratch);
    server->metrics.n_opa++;
    if (head->method != WR_H1_GET && head->method != WR_H1_POST) {
        send_opa(server, conn, request, 405, WR_STR(""));
    } else if (!redirects(server, conn, request) && read_input(server, conn, request, &call)) {
        call.parse_ns = clock->mono_ns(clock->context) - before;
        evaluate(server, conn, request, &call);
    }
    wr_arena_rewind(&server->scratch, mark);
}

void wr_opa_free(struct wr_server *server)
{
    if (server->opa != NULL) {
        wr_arena_deinit(&server->opa->arena);
        server->port->memory.give(server->port->memory.context, server->opa, sizeof *server->opa);
        server->opa = NULL;
    }
}
