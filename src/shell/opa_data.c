/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of OPA's API, with input: GET and POST /v1/data, POST /v0/data, POST /.
 *
 * The input is what the caller sends, not enriched. */
#include "shell/opa.h"

#include "shell/go_json.h"
#include "value/json_write.h"

struct document {
    struct wr_str segments[WR_LIMIT_OPA_SEGMENTS + 2];
    size_t n;
    struct wr_value input;
    bool has_input, has_path;
};

/* ── input ──────────────────────────────────────────────────────────────────────────────────── */
static bool malformed(struct wr_opa_call *call, const char *prefix, const struct wr_buf *message)
{
    wr_opa_fail(call, 400, "invalid_parameter", "%s malformed input document: %.*s", prefix,
                (int)message->n, message->p);
    return false;
}

/* False when it has answered. */
static bool input_of_get(struct wr_opa_call *call, struct document *d)
{
    struct wr_buf message = wr_buf_in(&call->server->scratch, 256);
    struct wr_str text;
    if (!wr_opa_parameter(call, "input", &text)) {
        return true;
    }
    d->has_input = wr_opa_read_json(call, text, &d->input, &message) &&
                   !wr_go_json_complain_rest(&message, text);
    return d->has_input || malformed(call, "parameter contains", &message);
}

static bool read_body(struct wr_opa_call *call, const char *prefix, struct wr_value *out,
                      bool *is_empty)
{
    struct wr_str body;
    char what[96];
    struct wr_buf words = wr_buf_fixed(what, sizeof what - 1);
    struct wr_buf message = wr_buf_in(&call->server->scratch, 256);
    if (!wr_opa_unpacked(call, prefix, &body)) {
        return false;
    }
    wr_format(&words, "%sbody contains%c", prefix, '\0');
    *out = wr_null();
    if (wr_opa_is_yaml(call)) {
        return wr_opa_read_yaml(call, body, out, &message) || malformed(call, what, &message);
    }
    if (wr_opa_read_json(call, body, out, &message)) {
        return true;
    }
    *is_empty = wr_str_eq(wr_buf_view(&message), WR_STR("EOF"));
    *out = wr_null();
    return *is_empty || malformed(call, what, &message);
}

static bool input_of_post(struct wr_opa_call *call, struct document *d)
{
    struct wr_value body;
    struct wr_buf message = wr_buf_in(&call->server->scratch, 256);
    bool is_empty = false;
    if (!read_body(call, "", &body, &is_empty)) {
        return false;
    }
    if (body.type != WR_OBJECT && body.type != WR_NULL) {
        wr_format(&message, "json: cannot unmarshal %s into Go value of type types.DataRequestV1",
                  wr_opa_go_type(&body));
        return malformed(call, "body contains", &message);
    }
    const struct wr_value *input = wr_opa_member(&body, "input");
    d->has_input = input != NULL && input->type != WR_NULL;
    d->input = d->has_input ? *input : wr_undefined();
    return true;
}

/* ── evaluating ─────────────────────────────────────────────────────────────────────────────── */
struct wr_rego_context wr_opa_context(const struct wr_opa_call *call, const struct wr_value *input)
{
    const struct wr_server *server = call->server;
    struct wr_rego_context context = {
        .input = input,
        .env = server->config.opa.env,
        .strict_builtin_errors = call->strict,
        .fuel = call->opa->beside_decisions ? WR_LIMIT_OPA_FUEL_NODE : 0,
    };
    context.env.now_ns = server->now_us * 1000;
    context.env.seed = (uint64_t)server->now_ns;
    return context;
}

/* False when it has answered with an error. */
static bool evaluate(struct wr_opa_call *call, struct document *d, const char *kind,
                     struct wr_rego_results *results)
{
    struct wr_buf key = wr_buf_in(&call->server->scratch, call->path.n + 64);
    struct wr_error error = {.offset = WR_NO_OFFSET};
    bool hit = false;
    wr_format(&key, "%s::%s%.*s", kind, call->strict ? "strict-builtin-errors::" : "",
              WR_FMT(call->path));
    int64_t t0 = wr_opa_now_ns(call);
    struct wr_rego_query *query =
        d->has_path ? wr_opa_query(call->opa, wr_buf_view(&key), d->segments, d->n, &hit) : NULL;
    int64_t t1 = wr_opa_now_ns(call);
    wr_opa_figure(call, "counter_server_query_cache_hit", hit);
    if (!hit) {
        wr_opa_figure(call, "timer_rego_query_compile_ns", t1 - t0);
        wr_opa_figure(call, "timer_rego_query_parse_ns", 0); /* a path needs no parser */
    }
    if (query == NULL) {
        return true; /* nothing can stand at such a path */
    }
    struct wr_rego_context context = wr_opa_context(call, d->has_input ? &d->input : NULL);
    wr_err err = wr_rego_eval(query, &context, &call->server->scratch, results, &error);
    int64_t t2 = wr_opa_now_ns(call);
    wr_opa_figure(call, "timer_rego_query_eval_ns", t2 - t1);
    wr_opa_figure(call, "timer_server_handler_ns", t2 - call->begun_ns);
    if (err != WR_OK) {
        wr_opa_fail_eval(call, &error);
    }
    return err == WR_OK;
}

/* ── answers ────────────────────────────────────────────────────────────────────────────────── */
static void write_provenance(struct wr_buf *json, const struct wr_opa_call *call)
{
    const struct wr_opa *opa = call->opa;
    wr_buf_str(json, WR_STR("\"provenance\":{\"version\":"));
    wr_json_write_string(json, wr_str_z(call->server->config.version), WR_JSON_HTML_SAFE);
    wr_buf_str(json, WR_STR(",\"build_commit\":\"\",\"build_timestamp\":\"\","
                            "\"build_hostname\":\"\""));
    for (size_t i = 0; i < opa->n_bundles; i++) {
        wr_buf_str(json, i == 0 ? WR_STR(",\"bundles\":{") : WR_STR(","));
        wr_json_write_string(json, opa->bundles[i].name, WR_JSON_HTML_SAFE);
        wr_buf_str(json, WR_STR(":{\"revision\":"));
        wr_json_write_string(json, opa->bundles[i].revision, WR_JSON_HTML_SAFE);
        wr_buf_char(json, '}');
    }
    wr_buf_str(json, opa->n_bundles > 0 ? WR_STR("}}") : WR_STR("}"));
}

static void comma(struct wr_buf *json)
{
    if (json->n > 1) {
        wr_buf_char(json, ',');
    }
}

static void answer(struct wr_opa_call *call, const struct document *d,
                   const struct wr_rego_results *results)
{
    struct wr_buf json = wr_buf_in(&call->server->scratch, 1024);
    wr_buf_char(&json, '{');
    if (call->provenance) {
        write_provenance(&json, call);
    }
    if (call->explain != WR_EXPLAIN_OFF && (results->n > 0 || call->explain == WR_EXPLAIN_FULL)) {
        comma(&json);
        struct wr_buf query = wr_buf_in(&call->server->scratch, 256);
        wr_buf_str(&query, WR_STR("data"));
        for (size_t i = 0; i < d->n; i++) {
            wr_buf_char(&query, '[');
            wr_json_write_string(&query, d->segments[i], WR_JSON_COMPACT);
            wr_buf_char(&query, ']');
        }
        wr_opa_write_explanation(&json, call, wr_buf_view(&query), d->has_input ? &d->input : NULL);
    }
    if (call->metrics || call->instrument) {
        comma(&json);
        wr_opa_write_metrics(&json, call);
    }
    if (results->n > 0) {
        comma(&json);
        wr_buf_str(&json, WR_STR("\"result\":"));
        wr_rego_write_json(&json, &results->items[0].value, WR_JSON_HTML_SAFE);
    }
    if (!d->has_input && call->request->head->method == WR_H1_POST) {
        comma(&json);
        wr_buf_str(&json, WR_STR("\"warning\":{\"code\":\"api_usage_warning\",\"message\":"
                                 "\"'input' key missing from the request\"}"));
    }
    wr_buf_char(&json, '}');
    if (json.overflow) {
        wr_opa_no_room(call);
    } else {
        wr_opa_document(call, 200, wr_buf_view(&json), call->pretty);
    }
}

void wr_opa_v1_data(struct wr_opa_call *call)
{
    struct document d = {0};
    struct wr_rego_results results = {0};
    bool is_get = call->request->head->method == WR_H1_GET;
    int64_t before = wr_opa_now_ns(call);
    d.has_path = wr_opa_segments(call, call->path, d.segments, &d.n);
    if (!(is_get ? input_of_get(call, &d) : input_of_post(call, &d))) {
        return;
    }
    wr_opa_figure(call, "timer_rego_input_parse_ns", wr_opa_now_ns(call) - before);
    if (evaluate(call, &d, is_get ? "v1DataGet" : "v1DataPost", &results)) {
        answer(call, &d, &results);
    }
}

/* The bare document, or 404 when it is undefined. */
static void bare(struct wr_opa_call *call, struct document *d)
{
    struct wr_rego_results results = {0};
    bool is_empty = false;
    if (!read_body(call, "unexpected parse error for input: ", &d->input, &is_empty)) {
        return;
    }
    d->has_input = !is_empty;
    if (!evaluate(call, d, "v0QueryPath", &results)) {
        return;
    }
    struct wr_buf json = wr_buf_in(&call->server->scratch, 1024);
    if (results.n > 0) {
        wr_rego_write_json(&json, &results.items[0].value, WR_JSON_HTML_SAFE);
        if (json.overflow) {
            wr_opa_no_room(call);
        } else {
            wr_opa_document(call, 200, wr_buf_view(&json), call->pretty);
        }
        return;
    }
    bool has_rule = wr_rego_has_rule(call->opa->program, d->segments, d->n);
    wr_buf_str(&json, WR_STR("data"));
    for (size_t i = 0; i < d->n; i++) {
        wr_opa_write_key(&json, d->segments[i]);
    }
    wr_opa_fail(call, 404, "undefined_document", "document %s: %.*s",
                has_rule ? "undefined" : "missing", (int)json.n, json.p);
}

void wr_opa_v0_data(struct wr_opa_call *call)
{
    struct document d = {0};
    d.has_path = wr_opa_segments(call, call->path, d.segments, &d.n);
    bare(call, &d);
}

void wr_opa_default(struct wr_opa_call *call)
{
    struct document d = {.segments = {WR_STR("system"), WR_STR("main")}, .n = 2, .has_path = true};
    call->path = WR_STR("/system/main");
    bare(call, &d);
}
