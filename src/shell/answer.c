/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: heads, and problem documents (RFC 9457, application/problem+json). */
#include "shell/server_in.h"

#include "value/json_write.h"

static const char elapsed_field[] = WR_ELAPSED_FIELD WR_ELAPSED_EMPTY "\r\n";

const char *wr_answer_durability(const struct wr_server *server)
{
    return wr_decide_unrecorded(server) != NULL ? "none" : wr_server_mode_name(server->config.mode);
}

static void write_field(struct wr_buf *buf, const char *name, const char *value)
{
    wr_h1_write_field(buf, wr_str_z(name), wr_str_z(value));
}

uint32_t wr_answer_write(struct wr_buf *buf, const struct wr_reply *reply)
{
    char room[1280]; /* a location has up to 1024 bytes */
    struct wr_buf fields = wr_buf_fixed(room, sizeof room);
    if (reply->elapsed) {
        wr_buf_add(&fields, elapsed_field, sizeof elapsed_field - 1);
    }
    if (reply->durability != NULL) {
        write_field(&fields, "Weir-Durability", reply->durability);
    }
    if (reply->replayed) {
        write_field(&fields, "Weir-Replayed", "true");
    }
    if (reply->retry_after) {
        write_field(&fields, "Retry-After", "1");
    }
    if (reply->status == 401) {
        write_field(&fields, "WWW-Authenticate", "Bearer realm=\"weir\"");
    }
    if (reply->allow.n > 0) {
        wr_h1_write_field(&fields, WR_STR("Allow"), reply->allow);
    }
    if (reply->location.n > 0) {
        wr_h1_write_field(&fields, WR_STR("Location"), reply->location);
    }
    wr_buf_str(&fields, reply->fields);
    struct wr_h1_reply head = {
        .status = reply->status,
        .minor = reply->minor,
        .keep_alive = !reply->close,
        .content_type = reply->content_type,
        .chunked = reply->chunked,
        .content_length = reply->body.n + reply->body_elsewhere,
        .fields = wr_buf_view(&fields),
    };
    size_t start = buf->n;
    wr_h1_write_head(buf, &head);
    size_t head_end = buf->n;
    wr_buf_str(buf, reply->body);
    if (!reply->elapsed || buf->overflow) {
        return 0;
    }
    struct wr_str written = wr_str_of(buf->p + start, head_end - start);
    size_t at = wr_str_find(written, WR_STR(WR_ELAPSED_FIELD), 0);
    return at == SIZE_MAX ? 0 : (uint32_t)(at + sizeof WR_ELAPSED_FIELD - 1);
}

static void member(struct wr_buf *buf, const char *name, struct wr_str value)
{
    wr_format(buf, ",\"%s\":", name);
    wr_json_write_string(buf, value, WR_JSON_COMPACT);
}

void wr_answer_problem(struct wr_buf *buf, const struct wr_error *error, int status, int64_t item)
{
    const char *name = wr_err_name(error->code);
    wr_format(buf, "{\"type\":\"urn:weir:error:%s\"", name);
    member(buf, "title", wr_str_z(wr_err_text(error->code)));
    wr_format(buf, ",\"status\":%d", status);
    member(buf, "code", wr_str_z(name));
    member(buf, "detail", wr_str_z(error->text));
    if (error->where[0] != '\0') {
        member(buf, "path", wr_str_z(error->where));
    }
    if (error->offset != WR_NO_OFFSET) {
        wr_format(buf, ",\"offset\":%llu", (unsigned long long)error->offset);
    }
    if (error->row != 0) {
        wr_format(buf, ",\"row\":%u,\"column\":%u", error->row, error->col);
    }
    if (item >= 0) {
        wr_format(buf, ",\"item\":%lld", (long long)item);
    }
    member(buf, "remedy", wr_str_z(wr_err_remedy(error->code)));
    wr_buf_char(buf, '}');
}

void wr_answer_send(struct wr_server *server, struct wr_conn *conn,
                    const struct wr_http_request *request, struct wr_reply *reply)
{
    struct wr_slot *slot = wr_conn_slot(conn, request->first_ns);
    WR_ASSERT(slot != NULL && !conn->in_batch);
    reply->minor = request->terms.minor;
    reply->close = reply->close || conn->closing;
    struct wr_arena_mark mark = wr_arena_mark(&server->scratch);
    struct wr_buf buf = wr_buf_in(&server->scratch, reply->body.n + 2048);
    wr_answer_write(&buf, reply);
    if (buf.overflow) {
        conn->broken = true;
    } else if (request->terms.head_only) {
        wr_conn_add(server, conn, slot, wr_str_of(buf.p, buf.n - reply->body.n));
    } else {
        wr_conn_add(server, conn, slot, wr_buf_view(&buf));
    }
    wr_arena_rewind(&server->scratch, mark);
}

void wr_answer_error(struct wr_server *server, struct wr_conn *conn,
                     const struct wr_http_request *request, const struct wr_error *error)
{
    char room[2048];
    struct wr_buf body = wr_buf_fixed(room, sizeof room - 1);
    int status = wr_err_http(error->code);
    wr_answer_problem(&body, error, status, -1);
    if (body.overflow) { /* long paths and texts, escaped: without them */
        struct wr_error brief = {.code = error->code, .offset = error->offset};
        body = wr_buf_fixed(room, sizeof room - 1);
        wr_answer_problem(&body, &brief, status, -1);
    }
    wr_buf_char(&body, '\n');
    struct wr_reply reply = {
        .status = status,
        .content_type = WR_STR("application/problem+json"),
        .body = wr_buf_view(&body),
        .retry_after = status == 503,
        .allow = error->code == WR_E_METHOD ? wr_str_z(error->where) : WR_STR(""),
    };
    server->metrics.errors[(size_t)error->code < WR_METRICS_ERRORS ? error->code : 0]++;
    wr_answer_send(server, conn, request, &reply);
}
