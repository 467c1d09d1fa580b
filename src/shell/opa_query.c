/* SPDX-License-Identifier: Apache-2.0 */
/* Queries in Rego over OPA's API: GET and POST /v1/query; /v1/compile, which is refused. */
#include "shell/opa.h"

#include "rego/parse.h"
#include "value/json_write.h"

static const char parsing[] = "error(s) occurred while parsing query";

/* Parses for OPA's order of complaints; false when it has answered. */
static bool parses(struct wr_opa_call *call, struct wr_str text, bool *is_empty)
{
    struct wr_ast_body *body = NULL;
    struct wr_rego_errors errors;
    struct wr_rego_parse_options options = {.v1 = call->opa->v1};
    wr_rego_errors_init(&errors, &call->server->scratch);
    if (wr_rego_parse_body(&call->server->scratch, (struct wr_str){0}, text, &options, &body,
                           &errors) != WR_OK) {
        wr_opa_fail_list(call, 400, "invalid_parameter", parsing, &errors);
        return false;
    }
    *is_empty = body->n == 0;
    return true;
}

/* What compiling it may cost grows faster than the text: false when it has refused it. */
static bool fits(struct wr_opa_call *call, struct wr_str text)
{
    size_t max = call->opa->beside_decisions ? WR_LIMIT_OPA_QUERY_NODE : WR_LIMIT_OPA_QUERY;
    if (text.n > max) {
        wr_opa_fail(call, 413, "invalid_parameter",
                    "the query is larger than %zu bytes (WR_LIMIT_OPA_QUERY): put it into a module",
                    max);
    }
    return text.n <= max;
}

static void write_results(struct wr_buf *json, const struct wr_rego_results *results)
{
    for (uint32_t i = 0; i < results->n; i++) {
        wr_buf_str(json, i == 0 ? WR_STR("\"result\":[") : WR_STR(","));
        wr_rego_write_json(json, &results->items[i].bindings, WR_JSON_HTML_SAFE);
    }
    wr_buf_str(json, results->n > 0 ? WR_STR("]") : WR_STR(""));
}

static void answer(struct wr_opa_call *call, struct wr_str text, const struct wr_value *input,
                   const struct wr_rego_results *results)
{
    struct wr_buf json = wr_buf_in(&call->server->scratch, 1024);
    wr_buf_char(&json, '{');
    if (call->explain != WR_EXPLAIN_OFF) {
        wr_opa_write_explanation(&json, call, text, input);
    }
    if (call->metrics || call->instrument) {
        wr_buf_str(&json, json.n > 1 ? WR_STR(",") : WR_STR(""));
        wr_opa_write_metrics(&json, call);
    }
    wr_buf_str(&json, json.n > 1 && results->n > 0 ? WR_STR(",") : WR_STR(""));
    write_results(&json, results);
    wr_buf_char(&json, '}');
    if (json.overflow) {
        wr_opa_no_room(call);
    } else {
        wr_opa_document(call, 200, wr_buf_view(&json), call->pretty);
    }
}

static void run(struct wr_opa_call *call, struct wr_str text, const struct wr_value *input)
{
    struct wr_arena *scratch = &call->server->scratch;
    struct wr_rego_query_options options = {.capture = true};
    struct wr_rego_query *query = NULL;
    struct wr_rego_results results = {0};
    struct wr_rego_errors errors;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    bool is_empty = false;
    if (!fits(call, text) || !parses(call, text, &is_empty)) {
        return;
    }
    if (is_empty) {
        wr_opa_fail(call, 500, "internal_error", "cannot evaluate empty query");
        return;
    }
    wr_rego_errors_init(&errors, scratch);
    int64_t t0 = wr_opa_now_ns(call);
    if (wr_rego_prepare(call->opa->program, scratch, text, &options, &query, &errors) != WR_OK) {
        wr_opa_fail_list(call, 400, "invalid_parameter", "error(s) occurred while compiling query",
                         &errors);
        return;
    }
    int64_t t1 = wr_opa_now_ns(call);
    struct wr_rego_context context = wr_opa_context(call, input);
    wr_err err = wr_rego_eval(query, &context, scratch, &results, &error);
    int64_t t2 = wr_opa_now_ns(call);
    wr_opa_figure(call, "timer_rego_query_compile_ns", t1 - t0);
    wr_opa_figure(call, "timer_rego_query_eval_ns", t2 - t1);
    if (call->request->head->method == WR_H1_POST) {
        wr_opa_figure(call, "timer_server_handler_ns", t2 - call->begun_ns);
    }
    if (err != WR_OK) {
        wr_opa_fail_eval(call, &error);
    } else {
        answer(call, text, input, &results);
    }
}

void wr_opa_get_query(struct wr_opa_call *call)
{
    struct wr_str text;
    if (wr_opa_parameter(call, "q", &text)) {
        run(call, text, NULL);
    } else {
        wr_opa_fail(call, 400, "invalid_parameter", "missing parameter 'q'");
    }
}

static bool refuse_body(struct wr_opa_call *call, const struct wr_buf *message)
{
    wr_opa_fail(call, 400, "invalid_parameter", "error(s) occurred while decoding request: %.*s",
                (int)message->n, message->p);
    return false;
}

/* {"query": .., "input": ..}; false when it has answered. */
static bool read_request(struct wr_opa_call *call, const char *type, struct wr_str *query,
                         struct wr_value *input)
{
    struct wr_buf message = wr_buf_in(&call->server->scratch, 256);
    struct wr_value body;
    *query = WR_STR("");
    *input = wr_undefined();
    if (!wr_opa_read_json(call, call->request->body, &body, &message)) {
        return refuse_body(call, &message);
    }
    if (body.type != WR_OBJECT && body.type != WR_NULL) {
        wr_format(&message, "json: cannot unmarshal %s into Go value of type types.%s",
                  wr_opa_go_type(&body), type);
        return refuse_body(call, &message);
    }
    const struct wr_value *text = wr_opa_member(&body, "query");
    const struct wr_value *given = wr_opa_member(&body, "input");
    if (text != NULL && text->type != WR_STRING && text->type != WR_NULL) {
        wr_format(&message,
                  "json: cannot unmarshal %s into Go struct field %s.query of type string",
                  wr_opa_go_type(text), type);
        return refuse_body(call, &message);
    }
    *query = text != NULL && text->type == WR_STRING ? wr_text(*text) : *query;
    *input = given != NULL && given->type != WR_NULL ? *given : *input;
    return true;
}

void wr_opa_post_query(struct wr_opa_call *call)
{
    struct wr_str text;
    struct wr_value input;
    if (read_request(call, "QueryRequestV1", &text, &input)) {
        run(call, text, input.type != WR_UNDEFINED ? &input : NULL);
    }
}

/* Partial evaluation is not offered; what is wrong with the request is told as OPA tells it. */
void wr_opa_compile(struct wr_opa_call *call)
{
    struct wr_str text;
    struct wr_value input;
    bool is_empty = false;
    if (!read_request(call, "CompileRequestV1", &text, &input) || !fits(call, text) ||
        !parses(call, text, &is_empty)) {
        return;
    }
    if (is_empty) {
        wr_opa_fail(call, 400, "invalid_parameter", "missing required 'query' value");
    } else {
        wr_opa_fail(call, 501, "internal_error",
                    "partial evaluation (/v1/compile) is not offered: ask /v1/query or /v1/data "
                    "with the whole input");
    }
}
