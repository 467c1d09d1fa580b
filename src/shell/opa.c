/* SPDX-License-Identifier: Apache-2.0 */
/* OPA's HTTP API: which resource, which method; redirects, refusals, what is counted. */
#include "shell/opa.h"

enum {
    GET = 1u << WR_H1_GET,
    POST = 1u << WR_H1_POST,
    PUT = 1u << WR_H1_PUT,
    PATCH = 1u << WR_H1_PATCH,
    DELETE = 1u << WR_H1_DELETE,
};

struct resource {
    const char *path;
    bool below;       /* stands for what lies below the path, not for the path itself */
    const char *name; /* in metrics */
    unsigned methods;
    void (*answer)(struct wr_opa_call *call);
};

static const struct resource resources[] = {
    {"/v1/data", false, "v1/data", GET | POST, wr_opa_v1_data},
    {"/v1/data", false, "v1/data", PUT, wr_opa_put_data},
    {"/v1/data", false, "v1/data", PATCH, wr_opa_patch_data},
    {"/v1/data", true, "v1/data", GET | POST, wr_opa_v1_data},
    {"/v1/data", true, "v1/data", PUT, wr_opa_put_data},
    {"/v1/data", true, "v1/data", PATCH, wr_opa_patch_data},
    {"/v1/data", true, "v1/data", DELETE, wr_opa_delete_data},
    {"/v0/data", false, "v0/data", POST, wr_opa_v0_data},
    {"/v0/data", true, "v0/data", POST, wr_opa_v0_data},
    {"/v1/policies", false, "v1/policies", GET, wr_opa_policies},
    {"/v1/policies", true, "v1/policies", GET, wr_opa_get_policy},
    {"/v1/policies", true, "v1/policies", PUT, wr_opa_put_policy},
    {"/v1/policies", true, "v1/policies", DELETE, wr_opa_delete_policy},
    {"/v1/query", false, "v1/query", GET, wr_opa_get_query},
    {"/v1/query", false, "v1/query", POST, wr_opa_post_query},
    {"/v1/query", true, "v1/query", 0, NULL},
    {"/v1/compile", false, "v1/compile", POST, wr_opa_compile},
    {"/v1/config", false, "v1/config", GET, wr_opa_config},
    {"/v1/status", false, "v1/status", GET, wr_opa_status},
    {"/health", true, "health", GET, wr_opa_health_rule},
    {"/", false, "index", POST, wr_opa_default},
};

/* Asked of a server without a pack; a pack's server has its own. */
static const struct resource plain_resources[] = {
    {"/health", false, "health", GET, wr_opa_health},
    {"/", false, "index", GET, wr_opa_page},
};

/* The part of the path below the resource, or false. */
static bool match(const struct resource *r, struct wr_str path, struct wr_str *rest)
{
    struct wr_str own = wr_str_z(r->path);
    if (!wr_str_starts(path, own)) {
        return false;
    }
    *rest = wr_str_of(path.p + own.n, path.n - own.n);
    return r->below ? rest->n > 1 && rest->p[0] == '/' : rest->n == 0;
}

/* Doubled and trailing slashes away. */
static struct wr_str clean_path(struct wr_arena *arena, struct wr_str path)
{
    struct wr_buf clean = wr_buf_in(arena, path.n + 1);
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] != '/' || (i + 1 < path.n && path.p[i + 1] != '/')) {
            wr_buf_char(&clean, path.p[i]);
        }
    }
    if (clean.n == 0) {
        wr_buf_char(&clean, '/');
    }
    return wr_buf_view(&clean);
}

/* Whose answers may be packed: told by what the path begins with, as in OPA. */
static bool may_pack(const struct wr_h1_head *head)
{
    bool post = head->method == WR_H1_POST;
    return ((post || head->method == WR_H1_GET) &&
            (wr_str_starts(head->path, WR_STR("/v1/data")) ||
             wr_str_starts(head->path, WR_STR("/v0/data")))) ||
           (post && wr_str_starts(head->path, WR_STR("/v1/compile")));
}

static void redirect(struct wr_opa_call *call, struct wr_str clean)
{
    struct wr_buf target = wr_buf_in(&call->server->scratch, clean.n + 64);
    wr_buf_str(&target, clean);
    if (call->request->head->query.n > 0) {
        wr_format(&target, "?%.*s", WR_FMT(call->request->head->query));
    }
    struct wr_buf body = wr_buf_in(&call->server->scratch, target.n + 64);
    bool doubled = wr_str_find(call->request->head->path, WR_STR("//"), 0) != SIZE_MAX;
    struct wr_reply reply = {.status = 301, .location = wr_buf_view(&target)};
    reply.fields = call->packs ? WR_STR("Vary: Accept-Encoding\r\n") : WR_STR("");
    if (!doubled && call->request->head->method == WR_H1_GET) { /* a trailing slash: with a page */
        wr_buf_str(&body, WR_STR("<a href=\""));
        for (size_t i = 0; i < target.n; i++) {
            char c = target.p[i];
            wr_buf_str(&body, c == '&'   ? WR_STR("&amp;")
                              : c == '<' ? WR_STR("&lt;")
                              : c == '>' ? WR_STR("&gt;")
                              : c == '"' ? WR_STR("&#34;")
                                         : wr_str_of(&c, 1));
        }
        wr_buf_str(&body, WR_STR("\">Moved Permanently</a>.\n\n"));
        reply.content_type = WR_STR("text/html; charset=utf-8");
        reply.body = wr_buf_view(&body);
    }
    wr_answer_send(call->server, call->conn, call->request, &reply);
}

static enum wr_opa_explain explain_of(struct wr_opa_call *call)
{
    struct wr_str mode;
    if (!wr_opa_parameter(call, "explain", &mode)) {
        return WR_EXPLAIN_OFF;
    }
    return wr_str_eq(mode, WR_STR("full"))    ? WR_EXPLAIN_FULL
           : wr_str_eq(mode, WR_STR("notes")) ? WR_EXPLAIN_NOTES
           : wr_str_eq(mode, WR_STR("debug")) ? WR_EXPLAIN_DEBUG
                                              : WR_EXPLAIN_OFF;
}

static bool changes(unsigned method)
{
    return (method & (PUT | PATCH | DELETE)) != 0;
}

static void answer(struct wr_opa_call *call, const struct resource *r)
{
    unsigned method = 1u << call->request->head->method;
    call->pretty = wr_opa_flag(call, "pretty");
    call->metrics = wr_opa_flag(call, "metrics");
    call->instrument = wr_opa_flag(call, "instrument");
    call->provenance = wr_opa_flag(call, "provenance");
    call->strict = wr_opa_flag(call, "strict-builtin-errors");
    call->explain = explain_of(call);
    if (changes(method) && !call->opa->writable) {
        wr_opa_fail(call, 403, "unauthorized",
                    "this server's policies and data are read-only: start it with --opa-api write");
        return;
    }
    r->answer(call);
}

/* Which resource; *known tells that the path is one, whatever the method. */
static const struct resource *find(struct wr_opa_call *call, struct wr_str path, bool *known)
{
    unsigned method = 1u << call->request->head->method;
    const struct resource *found = NULL;
    const struct resource *tables[] = {resources, plain_resources};
    size_t sizes[] = {WR_COUNTOF(resources),
                      call->server->pack == NULL ? WR_COUNTOF(plain_resources) : 0};
    for (size_t t = 0; t < WR_COUNTOF(tables); t++) {
        for (size_t i = 0; i < sizes[t] && found == NULL; i++) {
            const struct resource *r = &tables[t][i];
            struct wr_str rest;
            if (match(r, path, &rest)) {
                *known = true;
                call->handler = r->name;
                call->path = rest;
                found = (r->methods & method) != 0 ? r : NULL;
            }
        }
    }
    return found;
}

bool wr_opa_route(struct wr_server *server, struct wr_conn *conn,
                  const struct wr_http_request *request)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_opa_call call = {
        .server = server, .conn = conn, .request = request, .packs = may_pack(request->head)};
    struct wr_arena_mark mark = wr_arena_mark(&server->scratch);
    struct wr_str path = request->head->path, clean = clean_path(&server->scratch, path);
    bool known = false, straight = wr_str_eq(path, clean);
    call.begun_ns = wr_opa_now_ns(&call);
    const struct resource *r = find(&call, clean, &known);
    bool mine = known && clean.n <= WR_LIMIT_OPA_PATH;
    if (mine) {
        server->metrics.n_opa++;
        call.opa = wr_opa_store(server, &error);
    }
    if (mine && call.opa == NULL) {
        wr_answer_error(server, conn, request, &error);
    } else if (mine && !straight) {
        redirect(&call, clean);
    } else if (mine && r == NULL) {
        call.handler = "catchall";
        wr_opa_reply(&call, 405, WR_STR(""), WR_STR(""));
    } else if (mine) {
        answer(&call, r);
    }
    wr_arena_rewind(&server->scratch, mark);
    return mine;
}

void wr_opa_health_of_node(struct wr_server *server, struct wr_conn *conn,
                           const struct wr_http_request *request)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_opa_call call = {
        .server = server, .conn = conn, .request = request, .handler = "health"};
    struct wr_arena_mark mark = wr_arena_mark(&server->scratch);
    call.begun_ns = wr_opa_now_ns(&call);
    call.opa = wr_opa_store(server, &error);
    if (call.opa != NULL) {
        wr_opa_health(&call);
    } else {
        wr_answer_error(server, conn, request, &error);
    }
    wr_arena_rewind(&server->scratch, mark);
}

void wr_opa_not_found(struct wr_server *server, struct wr_conn *conn,
                      const struct wr_http_request *request)
{
    struct wr_reply reply = {.status = 404,
                             .content_type = WR_STR("text/plain; charset=utf-8"),
                             .body = WR_STR("404 page not found\n"),
                             .fields = WR_STR("X-Content-Type-Options: nosniff\r\n")};
    if (may_pack(request->head)) {
        reply.fields = WR_STR("X-Content-Type-Options: nosniff\r\nVary: Accept-Encoding\r\n");
    }
    wr_answer_send(server, conn, request, &reply);
}
