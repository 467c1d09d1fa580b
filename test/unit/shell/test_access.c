/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, certificates' URIs and scopes: the file, the questions, and the server that obeys. */
#include "world.h"

#include "base/hash.h"
#include "shell/access.h"

static const char *line_of(char room[160], const char *name, const char *scopes, const char *token)
{
    uint8_t digest[32];
    wr_sha256_of(token, strlen(token), digest);
    struct wr_buf buf = wr_buf_fixed(room, 160);
    wr_format(&buf, "%s %s sha256:", name, scopes);
    wr_buf_hex(&buf, digest, sizeof digest);
    wr_format(&buf, "\n%c", 0);
    return room;
}

static wr_err read_text(const char *text, struct wr_access *access, struct wr_error *error)
{
    static char room[1 << 17];
    struct wr_arena arena;
    wr_arena_init_fixed(&arena, room, sizeof room, NULL, 0);
    return wr_access_read(&arena, wr_str_z(text), access, error);
}

TEST("a token has the scopes of its line, and nothing else has any")
{
    char one[160], two[160], text[512];
    struct wr_access access;
    struct wr_error error = {0};
    line_of(one, "shop", "decide,label", "weir_0123456789abcdef");
    line_of(two, "audit", "read", "weir_fedcba9876543210");
    snprintf(text, sizeof text, "# who may ask\n\n%s%sgate decide uri:spiffe://bank/gate\n", one,
             two);
    CHECK_INT(read_text(text, &access, &error), WR_OK);
    CHECK_INT(access.n, 3);
    CHECK_INT(wr_access_token(&access, WR_STR("weir_0123456789abcdef")),
              WR_SCOPE_DECIDE | WR_SCOPE_LABEL);
    CHECK_INT(wr_access_token(&access, WR_STR("weir_fedcba9876543210")), WR_SCOPE_READ);
    CHECK_INT(wr_access_token(&access, WR_STR("weir_0123456789abcdeg")), 0);
    CHECK_INT(wr_access_token(&access, WR_STR("weir_0123456789abcde")), 0);
    CHECK_INT(wr_access_token(&access, WR_STR("")), 0);
    CHECK_INT(wr_access_uri(&access, WR_STR("spiffe://bank/gate")), WR_SCOPE_DECIDE);
    CHECK_INT(wr_access_uri(&access, WR_STR("spiffe://bank/gat")), 0);
    CHECK_INT(wr_access_uri(&access, WR_STR("")), 0);
}

TEST("a broken access file is refused with its line")
{
    static const struct {
        const char *text;
        uint32_t line;
    } cases[] = {
        {"a decide\n", 1},
        {"\na decide,fly uri:x\n", 2},
        {"a decide, uri:x y\n", 1},
        {"a decide sha256:12\n", 1},
        {"a decide md5:12\n", 1},
        {"a decide uri:\n", 1},
        {"a , uri:x\n", 1},
        {"# nobody\n", 0},
        {"", 0},
    };
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        struct wr_access access;
        struct wr_error error = {0};
        CHECK_INT(read_text(cases[i].text, &access, &error), WR_E_CONFIG);
        CHECK_INT(error.row, cases[i].line);
    }
}

static int ask(struct world *world, struct http *http, const char *method, const char *path,
               const char *token)
{
    char event[512], request[1024];
    static int serial;
    snprintf(event, sizeof event, "a%d", serial++);
    char id[32];
    snprintf(id, sizeof id, "%s", event);
    world_event(event, id, 1, 1);
    const char *body = strcmp(method, "POST") == 0 ? event : "";
    int n = snprintf(request, sizeof request,
                     "%s %s HTTP/1.1\r\nHost: w\r\n%s%s%sContent-Length: %zu\r\n\r\n%s", method,
                     path, token != NULL ? "Authorization: Bearer " : "",
                     token != NULL ? token : "", token != NULL ? "\r\n" : "", strlen(body), body);
    sim_send(world->sim, http->client, request, (size_t)n);
    http->no_body = strcmp(method, "HEAD") == 0;
    return http_wait(world, http) ? http->status : 0;
}

TEST("every resource wants its scope")
{
    static const char *const tokens[] = {NULL,
                                         "weir_of_nobody_at_all",
                                         "weir_decides_decides",
                                         "weir_labels_labels_l",
                                         "weir_reads_reads_read",
                                         "weir_admins_admins_a"};
    static const struct {
        const char *method, *path;
        int who; /* index of the token that may */
    } cases[] = {
        {"POST", "/v1/decisions", 2},   {"POST", "/v1/decisions:batch", 2},
        {"POST", "/v1/data/risk", 2},   {"POST", "/v1/labels", 3},
        {"GET", "/v1/pack", 4},         {"GET", "/metrics", 4},
        {"GET", "/v1/state", 4},        {"GET", "/v1/decisions/0-1-1", 4},
        {"GET", "/v1/data/risk", 4},    {"POST", "/v1/pack:reload", 5},
        {"DELETE", "/v1/decisions", 5}, {"POST", "/v1/nothing", 5},
    };
    struct world world;
    char text[1024] = "", line[160];
    static const char *const scopes[] = {"decide", "label", "read", "admin"};
    for (int i = 0; i < 4; i++) {
        strcat(text, line_of(line, "x", scopes[i], tokens[2 + i]));
    }
    world_init(&world, 400, WR_MODE_FAST);
    world.config.access = wr_str_z(text);
    CHECK(world_start(&world));
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        for (int t = 0; t < 6; t++) {
            struct http http;
            http_open(&world, &http);
            int status = ask(&world, &http, cases[i].method, cases[i].path, tokens[t]);
            if (t == cases[i].who) {
                CHECK(status != 401 && status != 403 && status != 0);
            } else {
                CHECK_INT(status, t < 2 ? 401 : 403);
                CHECK_HAS(http.body, t < 2 ? "unknown_caller" : "\"scope\"");
                CHECK(wr_str_eq(http_field(&http, "WWW-Authenticate"),
                                t < 2 ? WR_STR("Bearer realm=\"weir\"") : WR_STR("")));
            }
            http_close(&world, &http);
        }
    }
    CHECK_INT(wr_server_sequence(world.server), 2); /* one decision, one in a batch */
    struct http http;
    http_open(&world, &http);
    CHECK_INT(ask(&world, &http, "GET", "/health", NULL), 200);
    http_close(&world, &http);
    world_close(&world);
}

/* Heads of one size, one behind another on one connection: what was found of one is not taken for
 * what stands in the next. */
TEST("on one connection each head is asked anew, but for those that are the same")
{
    static const struct {
        const char *path, *token;
        int status;
        bool features;
    } asks[] = {
        {"/v1/decisions?features", "weir_decides_decides", 200, true},
        {"/v1/decisions?features", "weir_decides_decides", 200, true},
        {"/v1/decisions?features", "weir_decides_decideS", 401, false},
        {"/v1/decisions?features", "weir_decides_decideS", 401, false},
        {"/v1/decisions?features", "weir_decides_decides", 200, true},
        {"/v1/decisions?featureS", "weir_decides_decides", 200, false},
        {"/v1/decisions?featureS", "weir_decides_decides", 200, false},
        {"/v1/decisionS?features", "weir_decides_decides", 403, false},
        {"/v1/decisions?features", "weir_labels_labels_l", 403, false},
        {"/v1/decisions?features", "weir_decides_decides", 200, true},
    };
    struct world world;
    struct http http;
    char text[1024] = "", line[160];
    strcat(text, line_of(line, "x", "decide", "weir_decides_decides"));
    strcat(text, line_of(line, "y", "label", "weir_labels_labels_l"));
    world_init(&world, 402, WR_MODE_FAST);
    world.config.access = wr_str_z(text);
    CHECK(world_start(&world));
    http_open(&world, &http);
    for (size_t i = 0; i < WR_COUNTOF(asks); i++) {
        CHECK_INT(ask(&world, &http, "POST", asks[i].path, asks[i].token), asks[i].status);
        CHECK(rig_has(http.body, "\"features\":{") == asks[i].features);
    }
    CHECK_INT(wr_server_sequence(world.server), 6);
    http_close(&world, &http);
    world_close(&world);
}

/* What is left of another's head is nobody's: behind a body in chunks that came whole the reader
 * begins anew, and never tells that a head was read before one was. */
TEST("nobody is taken for another that asked before")
{
    struct world world;
    struct http with, without;
    char text[512] = "", line[160], event[512], request[1024];
    strcat(text, line_of(line, "x", "decide", "weir_decides_decides"));
    world_init(&world, 404, WR_MODE_FAST);
    world.config.access = wr_str_z(text);
    CHECK(world_start(&world));
    http_open(&world, &with);
    http_open(&world, &without);
    static const char chunked[] = "POST /v1/decisions HTTP/1.1\r\nHost: w\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    sim_send(world.sim, without.client, chunked, sizeof chunked - 1);
    CHECK(http_wait(&world, &without));
    CHECK_INT(without.status, 401);
    int n = snprintf(request, sizeof request,
                     "POST /v1/decisions HTTP/1.1\r\nHost: w\r\n"
                     "Authorization: Bearer weir_decides_decides\r\nContent-Length: %zu\r\n\r\n%s",
                     strlen(world_event(event, "first", 1, 5)), event);
    sim_send(world.sim, with.client, request, (size_t)n);
    n = snprintf(request, sizeof request, "%s\r\n", world_event(event, "other", 1, 5));
    sim_send(world.sim, without.client, request, (size_t)n); /* no head at all, in the same turn */
    CHECK(http_wait(&world, &with));
    CHECK_INT(with.status, 200);
    CHECK(http_wait(&world, &without));
    CHECK_INT(without.status, 400);
    CHECK_INT(wr_server_sequence(world.server), 1);
    http_close(&world, &with);
    http_close(&world, &without);
    world_close(&world);
}

static wr_err give_line(void *context, struct wr_arena *arena, struct wr_str *access,
                        struct wr_error *error)
{
    (void)error;
    *access = wr_str_copy(arena, wr_str_z(context));
    return WR_OK;
}

TEST("a right that is taken away is gone on connections that are open, too")
{
    struct world world;
    struct http http;
    char text[256], line[160];
    line_of(text, "x", "decide", "weir_decides_decides");
    world_init(&world, 403, WR_MODE_FAST);
    world.config.access = wr_str_z(text);
    world.config.credentials = (struct wr_credentials){give_line, line};
    CHECK(world_start(&world));
    http_open(&world, &http);
    for (int i = 0; i < 6; i++) { /* by turns it has the right, and has it not */
        static const char *const scopes[] = {"decide", "label"};
        line_of(line, "x", scopes[i % 2], "weir_decides_decides");
        sim_ask_reload(world.sim);
        wr_server_step(world.server, 0);
        for (int k = 0; k < 3; k++) {
            CHECK_INT(ask(&world, &http, "POST", "/v1/decisions", "weir_decides_decides"),
                      i % 2 == 0 ? 200 : 403);
        }
    }
    http_close(&world, &http);
    world_close(&world);
}

TEST("who may drain may do nothing else; a node ends by GET as by POST, by nothing else")
{
    static const char *const tokens[] = {"weir_decides_decides", "weir_drains_drains_d",
                                         "weir_admins_admins_a"};
    static const char *const scopes[] = {"decide,label,read", "drain", "admin"};
    static const char *const methods[] = {"HEAD", "PUT", "GET", "POST"};
    char text[1024] = "", line[160];
    for (int i = 0; i < 3; i++) {
        strcat(text, line_of(line, "x", scopes[i], tokens[i]));
    }
    for (int m = 0; m < 4; m++) {
        for (int t = 0; t < 3; t++) {
            struct world world;
            struct http http;
            world_init(&world, 410, WR_MODE_FAST);
            world.config.access = wr_str_z(text);
            CHECK(world_start(&world));
            http_open(&world, &http);
            CHECK_INT(ask(&world, &http, "GET", "/metrics", tokens[1]), 403);
            int status = ask(&world, &http, methods[m], "/drain", tokens[t]);
            CHECK_INT(status, t == 0 ? 403 : m < 2 ? 405 : 202);
            if (status == 405) {
                CHECK(wr_str_eq(http_field(&http, "Allow"), WR_STR("GET, POST")));
            }
            bool goes_on = true;
            for (int i = 0; i < 300 && goes_on && status == 202; i++) {
                goes_on = wr_server_step(world.server, 100000000);
            }
            CHECK(goes_on == (status != 202));
            http_close(&world, &http);
            world_close(&world);
        }
    }
}

TEST("without an access file strangers may do nothing, neighbours everything")
{
    struct world world;
    struct http http;
    world_open(&world, 401, WR_MODE_FAST);
    http_open(&world, &http);
    CHECK_INT(ask(&world, &http, "POST", "/v1/decisions", NULL), 200);
    http_close(&world, &http);
    sim_faults(world.sim)->peers_are_remote = true;
    http_open(&world, &http);
    CHECK_INT(ask(&world, &http, "POST", "/v1/decisions", NULL), 401);
    CHECK_INT(ask(&world, &http, "GET", "/metrics", NULL), 401);
    CHECK_INT(ask(&world, &http, "GET", "/health", NULL), 200);
    CHECK_INT(wr_server_sequence(world.server), 1);
    http_close(&world, &http);
    world_close(&world);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
