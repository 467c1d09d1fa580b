/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of OPA's API: compact or laid out JSON, errors always laid out, gzip when asked for. */
#include "shell/opa.h"

#include "value/json_layout.h"
#include "value/json_write.h"

#include <zlib.h>

/* ── figures ────────────────────────────────────────────────────────────────────────────────── */
int64_t wr_opa_now_ns(const struct wr_opa_call *call)
{
    const struct wr_port_clock *clock = &call->server->port->clock;
    return clock->mono_ns(clock->context);
}

void wr_opa_figure(struct wr_opa_call *call, const char *name, int64_t value)
{
    uint32_t at = call->n_figures;
    while (at > 0 && strcmp(call->figures[at - 1].name, name) > 0) {
        at--;
    }
    if (call->n_figures < WR_OPA_METRICS) {
        memmove(&call->figures[at + 1], &call->figures[at],
                (call->n_figures - at) * sizeof call->figures[0]);
        call->figures[at] = (struct wr_opa_metric){name, value};
        call->n_figures++;
    }
}

void wr_opa_write_metrics(struct wr_buf *json, struct wr_opa_call *call)
{
    wr_buf_str(json, WR_STR("\"metrics\":{"));
    for (uint32_t i = 0; i < call->n_figures; i++) {
        wr_format(json, "%s\"%s\":%lld", i > 0 ? "," : "", call->figures[i].name,
                  (long long)call->figures[i].value);
    }
    wr_buf_char(json, '}');
}

/* Bounds as OPA has them, in nanoseconds. */
static const struct {
    int64_t ns;
    const char *text;
} bounds[WR_OPA_BUCKETS] = {
    {1000, "1e-06"},    {5000, "5e-06"},    {10000, "1e-05"},   {50000, "5e-05"},
    {100000, "0.0001"}, {500000, "0.0005"}, {1000000, "0.001"}, {10000000, "0.01"},
    {100000000, "0.1"}, {1000000000, "1"},
};
static const char *const methods[] = {"get", "head", "post", "put", "patch", "delete", "options"};

static void count(struct wr_opa_call *call, int status)
{
    struct wr_opa *opa = call->opa;
    uint16_t method = (uint16_t)call->request->head->method;
    struct wr_opa_series *series = NULL;
    for (uint32_t i = 0; i < opa->n_series && series == NULL; i++) {
        struct wr_opa_series *s = &opa->series[i];
        if (s->method == method && s->status == status && s->handler == call->handler) {
            series = s;
        }
    }
    if (series == NULL && opa->n_series < WR_LIMIT_OPA_SERIES) {
        series = &opa->series[opa->n_series++];
        *series = (struct wr_opa_series){call->handler, method, (uint16_t)status, {0}, 0};
    }
    int64_t ns = wr_opa_now_ns(call) - call->begun_ns;
    uint32_t bucket = 0;
    while (bucket < WR_OPA_BUCKETS && ns > bounds[bucket].ns) {
        bucket++;
    }
    if (series != NULL) {
        series->n[bucket]++;
        series->sum_ns += (uint64_t)ns;
    }
}

void wr_opa_write_series(struct wr_buf *out, const struct wr_opa *opa)
{
    static const char name[] = "http_request_duration_seconds";
    wr_format(out, "# HELP %s A histogram of duration for requests.\n# TYPE %s histogram\n", name,
              name);
    for (uint32_t i = 0; i < opa->n_series; i++) {
        const struct wr_opa_series *s = &opa->series[i];
        char room[96];
        struct wr_buf labels = wr_buf_fixed(room, sizeof room);
        wr_format(&labels, "code=\"%u\",handler=\"%s\",method=\"%s\"", s->status, s->handler,
                  methods[s->method]);
        uint64_t n = 0;
        for (int b = 0; b <= WR_OPA_BUCKETS; b++) {
            n += s->n[b];
            wr_format(out, "%s_bucket{%.*s,le=\"%s\"} %llu\n", name, (int)labels.n, labels.p,
                      b < WR_OPA_BUCKETS ? bounds[b].text : "+Inf", (unsigned long long)n);
        }
        wr_format(out, "%s_sum{%.*s} %llu.%09llu\n%s_count{%.*s} %llu\n", name, (int)labels.n,
                  labels.p, (unsigned long long)(s->sum_ns / 1000000000),
                  (unsigned long long)(s->sum_ns % 1000000000), name, (int)labels.n, labels.p,
                  (unsigned long long)n);
    }
}

void wr_opa_write_key(struct wr_buf *out, struct wr_str key)
{
    bool name = key.n > 0, digits = key.n > 0;
    for (size_t i = 0; i < key.n; i++) {
        char c = key.p[i];
        bool digit = c >= '0' && c <= '9';
        name &= ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || (digit && i > 0);
        digits &= digit;
    }
    if (name || digits) {
        wr_format(out, name ? ".%.*s" : "[%.*s]", WR_FMT(key));
        return;
    }
    wr_buf_char(out, '[');
    wr_json_write_string(out, key, WR_JSON_COMPACT);
    wr_buf_char(out, ']');
}

void wr_opa_metrics(struct wr_buf *out, const struct wr_server *server)
{
    if (server->opa != NULL) {
        wr_opa_write_series(out, server->opa);
    }
}

/* ── sending ────────────────────────────────────────────────────────────────────────────────── */
static bool accepts_gzip(const struct wr_opa_call *call)
{
    struct wr_str accepts = call->request->head->known[WR_H1_ACCEPT_ENCODING];
    return accepts.p != NULL && wr_h1_lists(accepts, WR_STR("gzip"));
}

static bool pack(struct wr_arena *arena, struct wr_str in, struct wr_str *out)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)in.p, .avail_in = (uInt)in.n};
    if (in.n > UINT32_MAX / 2 || deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED,
                                              16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return false;
    }
    size_t cap = deflateBound(&stream, (uLong)in.n) + 32;
    char *room = wr_arena_alloc(arena, cap, 1);
    stream.next_out = (Bytef *)room;
    stream.avail_out = (uInt)cap;
    bool good = room != NULL && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    *out = wr_str_of(room, cap - stream.avail_out);
    deflateEnd(&stream);
    return good;
}

void wr_opa_reply(struct wr_opa_call *call, int status, struct wr_str type, struct wr_str body)
{
    struct wr_reply reply = {.status = status, .content_type = type, .body = body};
    if (call->packs && accepts_gzip(call) && body.n >= WR_OPA_GZIP_MIN &&
        pack(&call->server->scratch, body, &reply.body)) {
        reply.fields = WR_STR("Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n");
    } else if (call->packs) {
        reply.fields = WR_STR("Vary: Accept-Encoding\r\n");
    } else if (wr_str_starts(type, WR_STR("text/plain")) && status == 404) {
        reply.fields = WR_STR("X-Content-Type-Options: nosniff\r\n");
    }
    count(call, status);
    wr_answer_send(call->server, call->conn, call->request, &reply);
}

void wr_opa_document(struct wr_opa_call *call, int status, struct wr_str json, bool pretty)
{
    struct wr_buf out = wr_buf_in(&call->server->scratch, json.n * (pretty ? 2 : 1) + 64);
    if (pretty) {
        wr_json_lay_out(&out, json);
    } else {
        wr_buf_str(&out, json);
    }
    wr_buf_char(&out, '\n');
    if (out.overflow) {
        wr_opa_no_room(call);
        return;
    }
    wr_opa_reply(call, status, WR_STR("application/json"), wr_buf_view(&out));
}

/* ── errors ─────────────────────────────────────────────────────────────────────────────────── */
void wr_opa_no_room(struct wr_opa_call *call)
{
    wr_opa_reply(call, 500, WR_STR("application/json"),
                 WR_STR("{\n  \"code\": \"internal_error\",\n  \"message\": \"no room for this "
                        "request: send a smaller one\"\n}\n"));
}

static void member(struct wr_buf *json, const char *name, struct wr_str text)
{
    wr_format(json, "\"%s\":", name);
    wr_json_write_string(json, text, WR_JSON_HTML_SAFE);
}

static void begin_error(struct wr_buf *json, const char *code, struct wr_str message)
{
    wr_buf_char(json, '{');
    member(json, "code", wr_str_z(code));
    wr_buf_char(json, ',');
    member(json, "message", message);
}

static void place(struct wr_buf *json, struct wr_str file, uint32_t row, uint32_t col)
{
    wr_buf_str(json, WR_STR(",\"location\":{"));
    member(json, "file", file);
    wr_format(json, ",\"row\":%u,\"col\":%u}", row, col);
}

void wr_opa_fail(struct wr_opa_call *call, int status, const char *code, const char *format, ...)
{
    struct wr_arena *arena = &call->server->scratch;
    struct wr_buf text = wr_buf_in(arena, 256), json = wr_buf_in(arena, 512);
    va_list args;
    va_start(args, format);
    wr_vformat(&text, format, args);
    va_end(args);
    begin_error(&json, code, wr_buf_view(&text));
    wr_buf_char(&json, '}');
    wr_opa_document(call, status, wr_buf_view(&json), true);
}

static void write_one(struct wr_buf *json, const struct wr_rego_error *e)
{
    begin_error(json, wr_rego_error_code(e).p, e->message);
    place(json, e->file, e->row, e->col);
    if (e->code == WR_E_REGO_PARSE && e->n_lines > 0) {
        wr_buf_str(json, WR_STR(",\"details\":{"));
        member(json, "line", e->lines[0]);
        wr_format(json, ",\"idx\":%u}", e->caret);
    } else if (e->details.n > 0) {
        wr_format(json, ",\"details\":%.*s", WR_FMT(e->details));
    }
    wr_buf_char(json, '}');
}

void wr_opa_fail_list(struct wr_opa_call *call, int status, const char *code, const char *message,
                      const struct wr_rego_errors *errors)
{
    struct wr_buf json = wr_buf_in(&call->server->scratch, 1024);
    begin_error(&json, code, wr_str_z(message));
    wr_buf_str(&json, WR_STR(",\"errors\":["));
    for (uint32_t i = 0; i < errors->n; i++) {
        wr_buf_str(&json, i > 0 ? WR_STR(",") : WR_STR(""));
        write_one(&json, &errors->items[i]);
    }
    wr_buf_str(&json, WR_STR("]}"));
    wr_opa_document(call, status, wr_buf_view(&json), true);
}

void wr_opa_fail_eval(struct wr_opa_call *call, const struct wr_error *error)
{
    struct wr_buf json = wr_buf_in(&call->server->scratch, 1024);
    begin_error(&json, "internal_error", WR_STR("error(s) occurred while evaluating query"));
    wr_buf_str(&json, WR_STR(",\"errors\":["));
    begin_error(&json, wr_err_name(error->code), wr_str_z(error->text));
    place(&json, wr_str_z(error->where), error->row, error->col);
    wr_buf_str(&json, WR_STR("}]}"));
    wr_opa_document(call, 500, wr_buf_view(&json), true);
}
