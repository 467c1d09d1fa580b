/* SPDX-License-Identifier: Apache-2.0 */
/* OPA's /health, /v1/config and /v1/status. */
#include "shell/opa.h"

#include "value/json_write.h"

static void send_health(struct wr_opa_call *call, const char *format, const char *what,
                        const char *why)
{
    struct wr_buf text = wr_buf_in(&call->server->scratch, 256);
    struct wr_buf json = wr_buf_in(&call->server->scratch, 256);
    if (format == NULL) {
        wr_opa_document(call, 200, WR_STR("{}"), false);
        return;
    }
    wr_buf_str(&text, wr_str_z(format));
    wr_buf_str(&text, wr_str_z(what));
    wr_buf_str(&text, wr_str_z(why));
    wr_buf_str(&json, WR_STR("{\"error\":"));
    wr_json_write_string(&json, wr_buf_view(&text), WR_JSON_HTML_SAFE);
    wr_buf_char(&json, '}');
    wr_opa_document(call, 500, wr_buf_view(&json), false);
}

/* Bundles and plugins are up when the server is: packs and bundles are loaded before it listens. */
void wr_opa_health(struct wr_opa_call *call)
{
    const struct wr_server *server = call->server;
    struct wr_error error;
    bool ready =
        !server->draining && (server->pack == NULL || wr_decide_ready(server, &error) == WR_OK);
    send_health(call, ready ? NULL : "one or more plugins are not up", "", "");
}

/* data.system.health.<path> must be true. */
void wr_opa_health_rule(struct wr_opa_call *call)
{
    struct wr_arena *scratch = &call->server->scratch;
    struct wr_str segments[WR_LIMIT_OPA_SEGMENTS + 2] = {WR_STR("system"), WR_STR("health")};
    struct wr_buf name = wr_buf_in(scratch, 128), key = wr_buf_in(scratch, 128);
    struct wr_rego_results results = {0};
    struct wr_error error = {.offset = WR_NO_OFFSET};
    size_t n = 0;
    bool hit;
    bool has_path = wr_opa_segments(call, call->path, segments + 2, &n);
    wr_buf_str(&name, WR_STR("data.system.health"));
    for (size_t i = 2; i < n + 2; i++) {
        wr_opa_write_key(&name, segments[i]);
    }
    wr_buf_char(&name, '\0');
    wr_format(&key, "health::%.*s", WR_FMT(call->path));
    struct wr_rego_query *query =
        has_path ? wr_opa_query(call->opa, wr_buf_view(&key), segments, n + 2, &hit) : NULL;
    struct wr_pair pairs[] = {
        {wr_string(WR_STR("plugin_state")), wr_object_from(NULL, 0)},
        {wr_string(WR_STR("plugins_ready")), wr_bool(!call->server->draining)},
    };
    struct wr_value input = wr_object_from(pairs, 2);
    struct wr_rego_context context = wr_opa_context(call, &input);
    if (query != NULL && wr_rego_eval(query, &context, scratch, &results, &error) != WR_OK) {
        struct wr_buf text = wr_buf_in(scratch, 256);
        wr_rego_eval_error_write(&text, &error);
        wr_buf_char(&text, '\0');
        send_health(call, text.p, "", "");
    } else if (results.n == 0) {
        send_health(call, "health check (", name.p, ") was undefined");
    } else if (wr_is_true(results.items[0].value)) {
        send_health(call, NULL, "", "");
    } else {
        send_health(call, "health check (", name.p, ") returned unexpected value");
    }
}

void wr_opa_config(struct wr_opa_call *call)
{
    const struct wr_server_config *config = &call->server->config;
    struct wr_arena *scratch = &call->server->scratch;
    struct wr_buf json = wr_buf_in(scratch, 512);
    size_t n = config->opa.n_labels;
    struct wr_pair *labels = WR_NEW_ARRAY(scratch, struct wr_pair, n + 2);
    if (labels == NULL) {
        wr_opa_no_room(call);
        return;
    }
    labels[0] = (struct wr_pair){wr_string(WR_STR("id")), wr_string(wr_str_z(call->opa->id))};
    labels[1] =
        (struct wr_pair){wr_string(WR_STR("version")), wr_string(wr_str_z(config->version))};
    for (size_t i = 0; i < n; i++) {
        labels[i + 2] = (struct wr_pair){wr_string(config->opa.labels[i].name),
                                         wr_string(config->opa.labels[i].value)};
    }
    struct wr_value all = wr_object_from(labels, n + 2);
    wr_buf_str(&json, WR_STR("{\"result\":{\"default_authorization_decision\":"
                             "\"/system/authz/allow\",\"default_decision\":\"/system/main\","
                             "\"labels\":"));
    wr_json_write(&json, &all, WR_JSON_HTML_SAFE);
    wr_buf_str(&json, WR_STR("}}"));
    wr_opa_document(call, 200, wr_buf_view(&json), call->pretty);
}

void wr_opa_status(struct wr_opa_call *call)
{
    wr_opa_fail(call, 500, "internal_error", "status plugin not enabled");
}

/* A form that posts to /v1/query; nothing is loaded from elsewhere. */
void wr_opa_page(struct wr_opa_call *call)
{
    static const char text[] =
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>Rego queries</title>\n"
        "<form id=\"ask\">\n<p><label>Query<br><textarea id=\"query\" rows=\"6\" cols=\"60\">"
        "x = data</textarea></label>\n<p><label>Input (JSON)<br><textarea id=\"input\" rows=\"6\" "
        "cols=\"60\"></textarea></label>\n<p><button>Evaluate</button>\n</form>\n"
        "<pre id=\"result\"></pre>\n<script>\n"
        "const at = id => document.getElementById(id);\n"
        "at('ask').onsubmit = async event => {\n  event.preventDefault();\n  try {\n"
        "    const ask = {query: at('query').value};\n"
        "    if (at('input').value !== '') ask.input = JSON.parse(at('input').value);\n"
        "    const answer = await fetch('/v1/query', {method: 'POST', body: "
        "JSON.stringify(ask)});\n"
        "    at('result').textContent = JSON.stringify(await answer.json(), null, 2);\n"
        "  } catch (error) {\n    at('result').textContent = error;\n  }\n};\n</script>\n";
    wr_opa_reply(call, 200, WR_STR("text/html; charset=utf-8"), wr_str_of(text, sizeof text - 1));
}
