/* SPDX-License-Identifier: Apache-2.0 */
/* The server on the simulated port: bytes in, journal, bytes out. */
#include "world.h"

#include "shell/metrics.h"

TEST("a decision comes back with its headers, and again by its id")
{
    struct world world;
    struct http http;
    char event[512], path[128];
    world_open(&world, 1, WR_MODE_DURABLE);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 10)),
              200);
    CHECK_HAS(http.body, "\"transaction_id\":\"a\"");
    CHECK_HAS(http.body, "\"outcome\":\"approve\"");
    CHECK(wr_str_eq(http_field(&http, "Weir-Durability"), WR_STR("durable")));
    CHECK(wr_str_eq(http_field(&http, "Content-Type"), WR_STR("application/json")));
    CHECK(http_field(&http, "Weir-Elapsed-Us").n > 0);
    CHECK(http_field(&http, "Weir-Replayed").n == 0);
    char first[2048];
    snprintf(first, sizeof first, "%.*s", WR_FMT(http.body));
    snprintf(path, sizeof path, "/v1/decisions/%.*s",
             WR_FMT(json_member(http.body, "decision_id")));
    CHECK_INT(http_ask(&world, &http, "GET", path, ""), 200);
    CHECK_TEXT(http.body.p, http.body.n, first);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", event), 200);
    CHECK_TEXT(http.body.p, http.body.n, first);
    CHECK(wr_str_eq(http_field(&http, "Weir-Replayed"), WR_STR("true")));
    CHECK_INT(wr_server_sequence(world.server), 1);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions?features=true",
                       world_event(event, "b", 1, 20)),
              200);
    CHECK_HAS(http.body, "\"features\":{");
    http_close(&world, &http);
    world_close(&world);
}

TEST("what is wrong with a request is told with code, place and remedy")
{
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *piece;
    } cases[] = {
        {"POST", "/v1/decisions", "{\"transaction\": {\"id\": tru}}", 400, "\"offset\":"},
        {"POST", "/v1/decisions", "{\"transaction\":{\"id\":\"x\"}}", 422,
         "\"path\":\"transaction"},
        {"POST", "/v1/decisions", "{\"features\":{}}", 422, "\"code\":\"reserved\""},
        {"POST", "/v1/decisions", "", 400, "\"remedy\":"},
        {"GET", "/v1/decisions", "", 405, "\"code\":\"method\""},
        {"PUT", "/v1/labels", "{}", 405, "takes POST"},
        {"GET", "/v1/decisions/zz", "", 404, "decision ids look like"},
        {"GET", "/v1/decisions/0000000000000001-1-1", "", 404, "\"code\":\"not_found\""},
        {"PUT", "/v1/decisions/0000000000000001-1-1", "", 405, "takes GET"},
        {"GET", "/nowhere", "", 404, "there is no /nowhere"},
        {"POST", "/v1/labels", "{\"id\":1}", 422, "\"code\":\"label\""},
        {"POST", "/v1/decisions:batch", "[{},", 400, "the array does not end"},
        {"POST", "/v1/decisions:batch", "[] x", 400, "bytes after the array"},
    };
    struct world world;
    struct http http;
    world_open(&world, 2, WR_MODE_DURABLE);
    http_open(&world, &http);
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        CHECK_INT(http_ask(&world, &http, cases[i].method, cases[i].path, cases[i].body),
                  cases[i].status);
        CHECK_HAS(http.body, cases[i].piece);
        CHECK(wr_str_eq(http_field(&http, "Content-Type"), WR_STR("application/problem+json")));
    }
    char event[512];
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 10)),
              200);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 11)),
              409);
    CHECK_HAS(http.body, "\"code\":\"conflict\"");
    CHECK_INT(wr_server_sequence(world.server), 1);
    sim_send(world.sim, http.client, "GARBAGE\r\n\r\n", 11);
    CHECK(http_wait(&world, &http));
    CHECK_INT(http.status, 400);
    CHECK(wr_str_eq(http_field(&http, "Connection"), WR_STR("close")));
    for (int i = 0; i < 20; i++) {
        wr_server_step(world.server, 100000000);
    }
    CHECK(!sim_is_open(world.sim, http.client));
    http_close(&world, &http);
    world_close(&world);
}

TEST("pipelined requests are answered in order, however the bytes are cut")
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct world world;
        struct http http;
        char event[512], id[32];
        world_open(&world, 30 + seed, seed % 2 == 0 ? WR_MODE_DURABLE : WR_MODE_FAST);
        sim_faults(world.sim)->net_split = seed < 4 ? 900 : 0;
        http_open(&world, &http);
        for (int i = 0; i < 150; i++) {
            snprintf(id, sizeof id, "e%d", i % 100);
            if (i % 10 == 7) {
                http_send(&world, &http, "GET", "/health", "");
            } else {
                http_send(&world, &http, "POST", "/v1/decisions",
                          world_event(event, id, i % 100, 1 + i % 100));
            }
        }
        for (int i = 0; i < 150; i++) {
            CHECK(http_wait(&world, &http));
            CHECK_INT(http.status, 200);
            snprintf(id, sizeof id, "\"transaction_id\":\"e%d\"", i % 100);
            CHECK_HAS(http.body, i % 10 == 7 ? "\"ready\":true" : id);
            CHECK_INT(http_field(&http, "Weir-Replayed").n > 0, i >= 100 && i % 10 != 7);
        }
        CHECK_INT(wr_server_sequence(world.server), 90);
        http_close(&world, &http);
        world_close(&world);
    }
}

TEST("chunked bodies are read, also a byte at a time")
{
    struct world world;
    struct http http;
    char event[512], request[2048];
    world_open(&world, 4, WR_MODE_FAST);
    http_open(&world, &http);
    for (int size = 1; size < 40; size += 13) {
        snprintf(request, sizeof request, "c%d", size);
        world_event(event, request, 1, 5);
        size_t n = (size_t)sprintf(
            request,
            "POST /v1/decisions HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n");
        sim_send(world.sim, http.client, request, n);
        for (size_t at = 0; at < strlen(event); at += (size_t)size) {
            size_t step = WR_MIN((size_t)size, strlen(event) - at);
            n = (size_t)sprintf(request, "%zx\r\n%.*s\r\n", step, (int)step, event + at);
            sim_send(world.sim, http.client, request, n);
            wr_server_step(world.server, 0);
        }
        sim_send(world.sim, http.client, "0\r\n\r\n", 5);
        CHECK(http_wait(&world, &http));
        CHECK_INT(http.status, 200);
    }
    http_close(&world, &http);
    world_close(&world);
}

/* The body in chunks came with its head, so that nothing is read of it in a later turn; trailers of
 * any size. */
TEST("behind a body in chunks that came at once the next request is read from its first byte")
{
    struct world world;
    struct http http;
    char event[512], id[32], request[2048], value[300];
    world_open(&world, 5, WR_MODE_FAST);
    http_open(&world, &http);
    memset(value, 'a', sizeof value);
    for (int trailer = 0; trailer < 270; trailer++) {
        snprintf(id, sizeof id, "t%d", trailer);
        world_event(event, id, 1, 5);
        int n = snprintf(request, sizeof request,
                         "POST /v1/decisions HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked"
                         "\r\n\r\n%zx\r\n%s\r\n0\r\n",
                         strlen(event), event);
        if (trailer > 0) {
            n +=
                snprintf(request + n, sizeof request - (size_t)n, "x:%.*s\r\n", trailer - 1, value);
        }
        n += snprintf(request + n, sizeof request - (size_t)n, "\r\n");
        sim_send(world.sim, http.client, request, (size_t)n);
        snprintf(id, sizeof id, "f%d", trailer);
        http_send(&world, &http, "POST", "/v1/decisions?features", world_event(event, id, 2, 5));
        CHECK(http_wait(&world, &http));
        CHECK_INT(http.status, 200);
        CHECK(http_wait(&world, &http));
        CHECK_INT(http.status, 200);
        CHECK(rig_has(http.body, "\"features\":{"));
        CHECK(rig_has(http.body, id));
    }
    CHECK_INT(wr_server_sequence(world.server), 540);
    http_close(&world, &http);
    world_close(&world);
}

TEST("an answer is a line, whoever asks for it and however often; the row is not")
{
    struct world world;
    struct http http;
    char event[512], first[2048], path[128];
    world_open(&world, 19, WR_MODE_DURABLE);
    http_open(&world, &http);
    world_event(event, "a", 1, 10);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", event), 200);
    snprintf(first, sizeof first, "%.*s", WR_FMT(http.body));
    CHECK_TEXT(http.body.p + http.body.n - 2, 2, "}\n");
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", event), 200); /* from the journal */
    CHECK_TEXT(http.body.p, http.body.n, first);
    snprintf(path, sizeof path, "/v1/decisions/%.*s",
             WR_FMT(json_member(http.body, "decision_id")));
    CHECK_INT(http_ask(&world, &http, "GET", path, ""), 200);
    CHECK_TEXT(http.body.p, http.body.n, first);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", "{}"), 422);
    CHECK_TEXT(http.body.p + http.body.n - 2, 2, "}\n");
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions:batch", event), 200);
    CHECK_HAS(http.body, "},\"meta\":{"); /* in a batch a document is a member */
    http_close(&world, &http);
    world_close(&world);
}

TEST("a batch is answered item by item, as an array or as lines")
{
    struct world world;
    struct http http;
    char a[512], b[512], body[4096];
    world_open(&world, 5, WR_MODE_DURABLE);
    http_open(&world, &http);
    world_event(a, "a", 1, 10);
    world_event(b, "b", 2, 10);
    snprintf(body, sizeof body, "[%s, %s,{\"x\":1},%s]", a, b, a);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions:batch", body), 200);
    CHECK_HAS(http.body, "[{\"decision\":{");
    CHECK_HAS(http.body, "\"item\":2");
    CHECK_HAS(http.body, "\"replayed\":true");
    CHECK_INT(wr_server_sequence(world.server), 2);
    snprintf(body, sizeof body, "%s\n\n%s\nnonsense\n", b, world_event(a, "c", 1, 3));
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions:batch", body), 200);
    CHECK(wr_str_eq(http_field(&http, "Content-Type"), WR_STR("application/x-ndjson")));
    CHECK_HAS(http.body, "\"replayed\":true}}\n{\"decision\"");
    CHECK_HAS(http.body, "\n{\"error\":{");
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions:batch", "[]"), 200);
    CHECK_TEXT(http.body.p, http.body.n, "[]\n");
    CHECK_INT(wr_server_sequence(world.server), 3);
    http_close(&world, &http);
    world_close(&world);
}

TEST("batches among other answers are whole, whatever waits before them")
{
    struct world world;
    struct http http;
    char event[512], id[32], *body = malloc(64 * sizeof event);
    world_open(&world, 9, WR_MODE_FAST);
    http_open(&world, &http);
    for (int round = 0; round < 12; round++) { /* what has left moves the rest of the output */
        for (int i = 0; i < 3; i++) {
            size_t n = 0;
            for (int k = 0; k < 60 - 59 * (round % 2) && (round + i) % 3 != 0; k++) {
                snprintf(id, sizeof id, "e%d.%d.%d", round, i, k);
                n += (size_t)sprintf(body + n, "%s\n", world_event(event, id, k, 1));
            }
            snprintf(id, sizeof id, "one%d.%d", round, i);
            const char *one = world_event(event, id, 1, 1);
            http_send(&world, &http, "POST", n > 0 ? "/v1/decisions:batch" : "/v1/decisions",
                      n > 0 ? body : one);
        }
        for (int i = 0; i < 3; i++) {
            bool is_batch = (round + i) % 3 != 0;
            size_t lines = 0;
            CHECK(http_wait(&world, &http));
            CHECK_INT(http.status, 200);
            for (size_t k = 0; k < http.body.n; k++) {
                lines += http.body.p[k] == '\n';
            }
            snprintf(id, sizeof id, is_batch ? "\"e%d.%d.0\"" : "\"one%d.%d\"", round, i);
            CHECK_HAS(http.body, id);
            CHECK_INT(lines, is_batch && round % 2 == 0 ? 60 : 1);
        }
    }
    free(body);
    http_close(&world, &http);
    world_close(&world);
}

TEST("a batch of a thousand items crosses the engine's batches")
{
    struct world world;
    struct http http;
    char event[512], id[32];
    world_open(&world, 6, WR_MODE_FAST);
    http_open(&world, &http);
    char *body = malloc(1 << 20);
    size_t n = 0;
    for (int i = 0; i < 1000; i++) {
        snprintf(id, sizeof id, "e%d", i % 700);
        n += (size_t)sprintf(body + n, "%s\n", world_event(event, id, i % 7, 1));
    }
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions:batch", body), 200);
    size_t lines = 0;
    for (size_t i = 0; i < http.body.n; i++) {
        lines += http.body.p[i] == '\n';
    }
    CHECK_INT(lines, 1000);
    CHECK(!rig_has(http.body, "\"error\""));
    CHECK_INT(wr_server_sequence(world.server), 700);
    free(body);
    http_close(&world, &http);
    world_close(&world);
}

/* n events as an array, every seventh of which was sent before. */
static char *long_body(int n, bool repeats)
{
    char event[512], id[32], *body = malloc((size_t)n * 512);
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        int k = repeats && i % 7 == 6 ? i - 6 : i;
        snprintf(id, sizeof id, "e%d", k);
        at += (size_t)sprintf(body + at, "%c%s", i == 0 ? '[' : ',',
                              world_event(event, id, k % 50, k + 1));
    }
    body[at++] = ']';
    body[at] = '\0';
    return body;
}

static size_t count_of(struct wr_str text, struct wr_str what)
{
    size_t n = 0, at = 0;
    while ((at = wr_str_find(text, what, at)) != SIZE_MAX) {
        n++;
        at++;
    }
    return n;
}

TEST("the answer of a long batch leaves in pieces, and waits for whoever does not read it")
{
    enum { ITEMS = 4900, KNOWN = ITEMS / 7 };
    struct world world;
    struct http http, other;
    char event[512];
    char *body = long_body(ITEMS, true);
    world_open(&world, 16, WR_MODE_DURABLE);
    http_open(&world, &http);
    http_open(&world, &other);
    http_send(&world, &http, "POST", "/v1/decisions:batch", body);
    for (int i = 0; i < 100; i++) {
        wr_server_step(world.server, 1000000);
    }
    uint64_t decided = wr_server_sequence(world.server);
    CHECK(decided > 256 && decided < ITEMS / 2); /* the client reads nothing */
    CHECK_INT(http_ask(&world, &other, "POST", "/v1/decisions", world_event(event, "other", 99, 1)),
              200);
    for (int i = 0; i < 100; i++) {
        wr_server_step(world.server, 1000000);
    }
    CHECK_INT(wr_server_sequence(world.server), decided + 1);
    CHECK(http_wait(&world, &http));
    CHECK_INT(http.status, 200);
    CHECK(wr_str_eq(http_field(&http, "Transfer-Encoding"), WR_STR("chunked")));
    CHECK_INT(count_of(http.body, WR_STR("{\"decision\":{")), ITEMS);
    CHECK_INT(count_of(http.body, WR_STR("\"replayed\":true}}")), KNOWN);
    CHECK_INT(count_of(http.body, WR_STR("}},{\"decision\"")), ITEMS - 1);
    CHECK_TEXT(http.body.p, 14, "[{\"decision\":{");
    CHECK_TEXT(http.body.p + http.body.n - 4, 4, "}}]\n");
    CHECK_INT(wr_server_sequence(world.server), ITEMS - KNOWN + 1);
    CHECK_INT(http_ask(&world, &http, "GET", "/health", ""), 200); /* the connection goes on */
    free(body);
    http_close(&world, &http);
    http_close(&world, &other);
    world_close(&world);
}

TEST("a long batch of items that cannot be read numbers them through, and ends a connection when "
     "due")
{
    struct world world;
    struct http http;
    char *body = malloc(8192);
    size_t at = 0;
    for (int i = 0; i < 600; i++) {
        at += (size_t)sprintf(body + at, "%c{\"x\":1}", i == 0 ? '[' : ',');
    }
    strcpy(body + at, "]");
    world_open(&world, 18, WR_MODE_FAST);
    http_open(&world, &http);
    char head[128];
    int n = snprintf(head, sizeof head,
                     "POST /v1/decisions:batch HTTP/1.1\r\nHost: w\r\nConnection: close\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     at + 1);
    sim_send(world.sim, http.client, head, (size_t)n);
    sim_send(world.sim, http.client, body, at + 1);
    CHECK(http_wait(&world, &http));
    CHECK_INT(count_of(http.body, WR_STR("{\"error\":{")), 600);
    CHECK_HAS(http.body, "\"item\":599,");
    wr_server_step(world.server, 0);
    CHECK(!sim_is_open(world.sim, http.client));
    free(body);
    http_close(&world, &http);
    world_close(&world);
}

TEST("a disk that fails during a long batch ends its answer: what has left is in the journal")
{
    for (uint64_t fails_at = 1; fails_at <= 6; fails_at++) {
        struct world world;
        struct http http;
        char *body = long_body(2100, fails_at % 2 == 0);
        world_open(&world, 20 + fails_at, WR_MODE_DURABLE);
        world.quiet = true;
        http_open(&world, &http);
        sim_faults(world.sim)->sync_fails_at = fails_at;
        http_send(&world, &http, "POST", "/v1/decisions:batch", body);
        CHECK(!http_wait(&world, &http));
        for (size_t before = SIZE_MAX; before != http.n;) { /* what was sent before the end */
            before = http.n;
            CHECK(!http_take(&world, &http));
        }
        size_t left = count_of(wr_str_of(http.bytes, http.n), WR_STR("{\"decision\":{"));
        CHECK(left < 2100 && (fails_at == 1) == (left == 0));
        CHECK(fails_at > 1 || http.n == 0); /* not even a head before the first rows are kept */
        world_die(&world, true);
        CHECK(world_start(&world));
        CHECK(wr_server_sequence(world.server) >= (fails_at % 2 == 0 ? left - left / 7 : left));
        free(body);
        http_close(&world, &http);
        world_close(&world);
    }
}

TEST("a caller who goes during a long batch takes the rest of it with him")
{
    struct world world;
    struct http http;
    char *body = long_body(4900, true);
    world_open(&world, 17, WR_MODE_FAST);
    http_open(&world, &http);
    http_send(&world, &http, "POST", "/v1/decisions:batch", body);
    for (int i = 0; i < 3; i++) { /* the small pack remembers 1,000 ids */
        wr_server_step(world.server, 1000000);
    }
    sim_reset(world.sim, http.client);
    for (int i = 0; i < 100; i++) {
        wr_server_step(world.server, 1000000);
    }
    CHECK(wr_server_sequence(world.server) > 0 && wr_server_sequence(world.server) < 1000);
    CHECK(!sim_is_open(world.sim, http.client));
    http_close(&world, &http);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions:batch", body), 200);
    CHECK_INT(count_of(http.body, WR_STR("{\"decision\":{")), 4900);
    CHECK_INT(wr_server_sequence(world.server), 4200);
    free(body);
    http_close(&world, &http);
    world_close(&world);
}

TEST("labels find their decision, and say when they have no effect")
{
    struct world world;
    struct http http;
    char event[512];
    world_open(&world, 7, WR_MODE_DURABLE);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 10)),
              200);
    CHECK_INT(
        http_ask(&world, &http, "POST", "/v1/labels", "{\"id\":\"a\",\"label\":{\"fraud\":true}}"),
        200);
    CHECK_HAS(http.body, "\"transaction_id\":\"a\"");
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/labels",
                       "[{\"id\":\"a\",\"label\":{\"fraud\":null}},"
                       "{\"id\":\"zz\",\"label\":{\"fraud\":1}},{\"id\":\"a\"}]"),
              200);
    CHECK_HAS(http.body, "{\"error\":{");
    CHECK_INT(wr_server_sequence(world.server), 4);
    /* On one connection, what comes behind a label sees it. */
    http_send(&world, &http, "POST", "/v1/labels", "{\"id\":\"a\",\"label\":{\"fraud\":true}}");
    http_send(&world, &http, "POST", "/v1/decisions", world_event(event, "b", 1, 10));
    CHECK(http_wait(&world, &http) && http.status == 200);
    CHECK_HAS(http.body, "\"transaction_id\":\"a\"");
    CHECK(http_wait(&world, &http) && http.status == 200);
    CHECK_HAS(json_member(http.body, "decision_id"), "-1-6");
    http_close(&world, &http);
    world_close(&world);
}

static void digest_of(struct world *world, struct http *http, char out[65])
{
    CHECK_INT(http_ask(world, http, "GET", "/v1/state", ""), 200);
    snprintf(out, 65, "%.*s", WR_FMT(json_member(http->body, "digest")));
}

TEST("after a restart the state is the same, and first answers are repeated")
{
    for (int death = 0; death < 3; death++) {
        struct world world;
        struct http http;
        char event[512], id[32], before[65], after[65], first[2048];
        world_open(&world, 80 + (uint64_t)death, WR_MODE_DURABLE);
        http_open(&world, &http);
        for (int i = 0; i < 60; i++) {
            snprintf(id, sizeof id, "e%d", i);
            CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions",
                               world_event(event, id, i % 5, 1 + i)),
                      200);
            if (i == 33) {
                snprintf(first, sizeof first, "%.*s", WR_FMT(http.body));
            }
        }
        CHECK_INT(http_ask(&world, &http, "POST", "/v1/labels",
                           "{\"id\":\"e3\",\"label\":{\"fraud\":true}}"),
                  200);
        digest_of(&world, &http, before);
        http_close(&world, &http);
        if (death == 0) {
            world_stop(&world);
        } else {
            world_die(&world, death == 2);
        }
        CHECK(world_start(&world));
        CHECK_INT(wr_server_n_folded(world.server), 61);
        http_open(&world, &http);
        digest_of(&world, &http, after);
        CHECK_STR(after, before);
        CHECK_INT(
            http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "e33", 33 % 5, 34)),
            200);
        CHECK_TEXT(http.body.p, http.body.n, first);
        CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "n", 1, 1)),
                  200);
        CHECK_HAS(json_member(http.body, "decision_id"), "-2-62");
        http_close(&world, &http);
        world_close(&world);
    }
}

TEST("another pack takes over at a restart and the journal notes it")
{
    struct world world;
    struct http http;
    char event[512];
    world_open(&world, 9, WR_MODE_DURABLE);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 10)),
              200);
    http_close(&world, &http);
    world_stop(&world);
    struct wr_error error = {0};
    rig_edit(&world.files, "data.json", "3", "4");
    CHECK_INT(
        wr_pack_open(&world.arena, world.files.files, world.files.n, NULL, &world.pack, &error),
        WR_OK);
    CHECK(world_start(&world));
    CHECK_INT(wr_server_sequence(world.server), 2);
    CHECK_HAS(wr_str_z(world.last_log), "ready");
    world_stop(&world);
    CHECK(world_start(&world));
    CHECK_INT(wr_server_sequence(world.server), 2);
    world_close(&world);
}

TEST("a second server on the same directory is refused")
{
    struct world world;
    struct wr_error error = {0};
    struct wr_server *other = NULL;
    world_open(&world, 10, WR_MODE_DURABLE);
    CHECK_INT(wr_server_open(sim_port(world.sim), world.pack, &world.config, &other, &error),
              WR_E_STATE);
    CHECK(strstr(error.text, "another process owns") != NULL);
    world_close(&world);
}

TEST("a failed sync lets no answer leave, and the server recovers")
{
    struct world world;
    struct http http;
    char event[512], first[2048] = "";
    world_open(&world, 11, WR_MODE_DURABLE);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 10)),
              200);
    sim_faults(world.sim)->sync_fails_at = 1;
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "b", 1, 10)), 0);
    CHECK(!sim_is_open(world.sim, http.client));
    http_close(&world, &http);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "GET", "/health?ready", ""), 503);
    CHECK_HAS(http.body, "\"journal\":\"broken\"");
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", event), 503);
    CHECK(wr_str_eq(http_field(&http, "Retry-After"), WR_STR("1")));
    CHECK_HAS(http.body, "\"code\":\"journal\"");
    for (int i = 0; i < 20; i++) {
        wr_server_step(world.server, 100000000);
    }
    CHECK_INT(http_ask(&world, &http, "GET", "/health?ready", ""), 200);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", event), 200);
    snprintf(first, sizeof first, "%.*s", WR_FMT(http.body));
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", event), 200);
    CHECK_TEXT(http.body.p, http.body.n, first);
    CHECK_INT(wr_server_sequence(world.server), 2);
    http_close(&world, &http);
    world_close(&world);
}

TEST("a full disk gives 503 until there is room again")
{
    struct world world;
    struct http http;
    char event[512], id[32];
    world_open(&world, 12, WR_MODE_FAST);
    http_open(&world, &http);
    sim_faults(world.sim)->disk_room = sim_disk_used(world.sim) + 300000;
    int status = 200, i = 0;
    for (; i < 1000 && status == 200; i++) {
        snprintf(id, sizeof id, "e%d", i);
        status = http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, id, i % 9, 1));
    }
    CHECK(i > 10 && i < 1000);
    http_close(&world, &http);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", event), 503);
    CHECK_HAS(http.body, "the journal is full");
    sim_faults(world.sim)->disk_room = UINT64_MAX;
    for (int j = 0; j < 20; j++) {
        wr_server_step(world.server, 100000000);
    }
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", event), 200);
    CHECK_INT(wr_server_sequence(world.server), (uint64_t)i);
    http_close(&world, &http);
    world_close(&world);
}

TEST("without a journal decisions go on if told to, say so, and are forgotten when it is back")
{
    struct world world;
    struct http http;
    char event[512], id[32], batch[1200];
    world_init(&world, 14, WR_MODE_FAST);
    world.config.keeps_deciding = true;
    CHECK(world_start(&world));
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "first", 1, 1)),
              200);
    sim_faults(world.sim)->disk_room = sim_disk_used(world.sim) + 300000;
    int i = 0;
    for (int status = 200; i < 1000 && status == 200; i++) {
        snprintf(id, sizeof id, "e%d", i);
        status = http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, id, i % 9, 1));
    }
    CHECK(i > 10 && i < 1000); /* those in flight are not answered */
    http_close(&world, &http);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "un", 1, 1)),
              200);
    CHECK_HAS(http.body, "\"degraded\":[{\"what\":\"journal\",\"why\":\"full\"}]");
    CHECK_HAS(http.head, "Weir-Durability: none");
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", event), 503);
    CHECK_HAS(http.body, "its answer cannot be read");
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "first", 1, 1)),
              503);
    int n = snprintf(batch, sizeof batch, "[%s,", event);
    snprintf(batch + n, sizeof batch - (size_t)n, "%s]", world_event(event, "two", 2, 1));
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions:batch", batch), 200);
    CHECK_HAS(http.body, "\"durability\":\"none\"");
    CHECK_HAS(http.body, "its answer cannot be read");
    CHECK_INT(http_ask(&world, &http, "GET", "/health?ready", ""), 503);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/labels", "{\"id\":\"first\",\"fraud\":true}"),
              503);
    CHECK_INT(http_ask(&world, &http, "GET", "/metrics", ""), 200);
    CHECK_HAS(http.body, "weir_unrecorded_total 2\n");
    sim_faults(world.sim)->disk_room = UINT64_MAX;
    for (int j = 0; j < 20; j++) {
        wr_server_step(world.server, 100000000);
    }
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "un", 1, 1)),
              200); /* new again */
    CHECK_HAS(http.body, "\"degraded\":[]");
    CHECK_HAS(http.head, "Weir-Durability: fast");
    http_close(&world, &http);
    world_close(&world);
}

TEST("slow heads, slow bodies, silence and unread answers end at their deadlines")
{
    struct world world;
    struct http head, body, idle, unread;
    char event[512];
    world_open(&world, 13, WR_MODE_FAST);
    sim_faults(world.sim)->net_window = 4096;
    http_open(&world, &head);
    http_open(&world, &body);
    http_open(&world, &idle);
    http_open(&world, &unread);
    sim_send(world.sim, head.client, "POST /v1", 8);
    static const char half[] =
        "POST /v1/decisions HTTP/1.1\r\nHost: w\r\nContent-Length: 99\r\n\r\n{";
    sim_send(world.sim, body.client, half, sizeof half - 1);
    for (int i = 0; i < 40; i++) {
        http_send(&world, &unread, "POST", "/v1/decisions", world_event(event, "u", 1, 1));
    }
    int64_t seconds[4] = {0};
    for (int i = 0; i < 400; i++) {
        wr_server_step(world.server, 0);
        sim_step(world.sim, 100000000);
        const struct http *all[] = {&head, &body, &idle, &unread};
        for (int j = 0; j < 4; j++) {
            seconds[j] = sim_is_open(world.sim, all[j]->client) ? i / 10 : seconds[j];
        }
        if (i % 10 == 0 && i < 300) { /* a byte now and then does not help */
            sim_send(world.sim, head.client, "x", 1);
            sim_send(world.sim, body.client, " ", 1);
        }
    }
    CHECK(seconds[0] >= 4 && seconds[0] <= 6);
    CHECK(seconds[1] >= 9 && seconds[1] <= 11);
    CHECK(seconds[2] >= 28 && seconds[2] <= 32);
    CHECK(seconds[3] >= 4 && seconds[3] <= 6);
    http_close(&world, &head);
    http_close(&world, &body);
    http_close(&world, &idle);
    http_close(&world, &unread);
    world_close(&world);
}

TEST("connections beyond the limit wait, and failures to accept are survived")
{
    struct world world;
    struct http https[6];
    world_init(&world, 14, WR_MODE_FAST);
    world.config.n_connections_max = 3;
    CHECK(world_start(&world));
    sim_faults(world.sim)->accept_fails = 500;
    for (int i = 0; i < 6; i++) {
        http_open(&world, &https[i]);
    }
    for (int i = 0; i < 6; i++) {
        CHECK_INT(http_ask(&world, &https[i], "GET", "/health", ""), 200);
        http_close(&world, &https[i]);
    }
    world_close(&world);
}

TEST("an address has its share of the connections, and others theirs")
{
    struct world world;
    struct http https[7];
    world_init(&world, 26, WR_MODE_FAST);
    world.config.n_per_address = 3;
    CHECK(world_start(&world));
    for (int i = 0; i < 7; i++) {
        sim_faults(world.sim)->peer = i < 5 ? 11 : 12;
        http_open(&world, &https[i]);
        if (i == 3 || i == 4) { /* too many of the first address */
            wr_server_step(world.server, 0);
            CHECK(!sim_is_open(world.sim, https[i].client));
        } else {
            CHECK_INT(http_ask(&world, &https[i], "GET", "/health", ""), 200);
        }
    }
    CHECK_INT(http_ask(&world, &https[0], "GET", "/metrics", ""), 200);
    CHECK(wr_str_find(https[0].body, WR_STR("weir_connections_shut_out_total 2\n"), 0) != SIZE_MAX);
    for (int i = 1; i < 5; i++) { /* one goes, one comes */
        http_close(&world, &https[i]);
    }
    sim_faults(world.sim)->peer = 11;
    wr_server_step(world.server, 0);
    http_open(&world, &https[1]);
    CHECK_INT(http_ask(&world, &https[1], "GET", "/health", ""), 200);
    for (int i = 0; i < 7; i++) {
        http_close(&world, &https[i]);
    }
    world_stop(&world);
    world_close(&world);
}

TEST("resets at any byte lose connections, never the server")
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct world world;
        world_open(&world, 1500 + seed, WR_MODE_DURABLE);
        sim_faults(world.sim)->net_reset = 20;
        sim_faults(world.sim)->net_split = 500;
        for (int i = 0; i < 60; i++) {
            struct http http;
            char event[512], id[32];
            http_open(&world, &http);
            snprintf(id, sizeof id, "e%d", i % 40);
            world_event(event, id, i % 40, 1);
            for (int j = 0; j < 5; j++) {
                http_send(&world, &http, "POST", "/v1/decisions", event);
            }
            while (http_wait(&world, &http)) {
                CHECK_INT(http.status, 200);
                if (sim_random(world.sim, 4) == 0) {
                    sim_reset(world.sim, http.client);
                }
            }
            sim_reset(world.sim, http.client);
            wr_server_step(world.server, 1000000);
            http_close(&world, &http);
        }
        CHECK(wr_server_sequence(world.server) <= 40);
        world_close(&world);
    }
}

TEST("OPA's data API answers in OPA's shapes")
{
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *answer;
    } cases[] = {
        {"POST", "/v1/data/risk/allow", "{\"input\":{\"policy\":{\"allow\":true}}}", 200,
         "{\"result\":true}\n"},
        {"POST", "/v1/data/risk/allow", "{\"input\":{}}", 200, "{}\n"},
        {"POST", "/v1/data/limits/customer_count_1d", "{}", 200,
         "{\"result\":3,\"warning\":{\"code\":\"api_usage_warning\",\"message\":\"'input' key "
         "missing from the request\"}}\n"},
        {"POST", "/v1/data/nowhere", "{\"input\":1}trailing", 200, "{}\n"},
        {"GET", "/v1/data/limits", "", 200, "{\"result\":{\"customer_count_1d\":3}}\n"},
        {"GET", "/v1/data/risk/hold?input=%7B%22policy%22%3A%7B%22hold%22%3A%22%3C%22%7D%7D", "",
         200, "{\"result\":\"\\u003c\"}\n"},
        {"GET", "/v1/data/limits?pretty=true", "", 200,
         "{\n  \"result\": {\n    \"customer_count_1d\": 3\n  }\n}\n"},
        {"POST", "/v1/data/risk/allow/", "{}", 301, ""},
        {"POST", "/v1/data//risk", "{}", 301, ""},
        {"POST", "/v1/data/risk%2Fallow", "{\"input\":{\"policy\":{\"allow\":true}}}", 200, "{}\n"},
        {"OPTIONS", "/v1/data/risk", "", 405, ""},
        {"DELETE", "/v1/data/risk", "", 403,
         "{\n  \"code\": \"unauthorized\",\n  \"message\": \"this server's policies and data are "
         "read-only: start it with --opa-api write\"\n}\n"},
        {"POST", "/v1/data/risk", "[1]", 400,
         "{\n  \"code\": \"invalid_parameter\",\n  \"message\": \"body contains malformed input "
         "document: json: cannot unmarshal array into Go value of type types.DataRequestV1\"\n}\n"},
    };
    struct world world;
    struct http http;
    world_open(&world, 16, WR_MODE_FAST);
    http_open(&world, &http);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
            CHECK_INT(http_ask(&world, &http, cases[i].method, cases[i].path, cases[i].body),
                      cases[i].status);
            CHECK_TEXT(http.body.p, http.body.n, cases[i].answer);
        }
    }
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/data/risk/allow/", "{}"), 301);
    CHECK(wr_str_eq(http_field(&http, "Location"), WR_STR("/v1/data/risk/allow")));
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/data/risk/fails",
                       "{\"input\":{\"policy\":{\"fails\":true}}}"),
              500);
    CHECK_HAS(http.body, "\"code\": \"eval_conflict_error\"");
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/data/risk", "{\"input\":"), 400);
    CHECK_HAS(http.body, "body contains malformed input document: ");
    CHECK_INT(wr_server_sequence(world.server), 0);
    http_close(&world, &http);
    world_close(&world);
}

TEST("what may have waited through a long batch gets the fallback, what was waited for does not")
{
    struct world world;
    struct http http;
    char event[512];
    world_init(&world, 61, WR_MODE_DURABLE);
    world.config.deadline_us = 50000;
    CHECK(world_start(&world));
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 10)),
              200);
    wr_server_step(world.server, 0);
    http_send(&world, &http, "POST", "/v1/decisions", world_event(event, "b", 1, 10));
    sim_step(world.sim, 80000000); /* the turn before took so long */
    CHECK(http_wait(&world, &http) && http.status == 200);
    CHECK_HAS(http.body, "\"degraded\":[{");
    for (int i = 0; i < 3; i++) {
        wr_server_step(world.server, 100000000); /* nothing comes for long */
    }
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "c", 1, 10)),
              200);
    CHECK_HAS(http.body, "\"degraded\":[]");
    http_close(&world, &http);
    world_close(&world);
}

TEST("a request that used up its deadline to arrive gets the stated fallback")
{
    struct world world;
    struct http http;
    char event[512], head[256];
    world_open(&world, 20, WR_MODE_DURABLE);
    http_open(&world, &http);
    for (int i = 0; i < 2; i++) {
        world_event(event, i == 0 ? "slow" : "asked", 1, 5);
        int n = snprintf(head, sizeof head,
                         "POST /v1/decisions HTTP/1.1\r\nHost: w\r\n%sContent-Length: %zu\r\n\r\n",
                         i == 0 ? "" : "Weir-Deadline-Ms: 4\r\n", strlen(event));
        sim_send(world.sim, http.client, head, (size_t)n);
        wr_server_step(world.server, 0);
        wr_server_step(world.server, 0);
        sim_step(world.sim, i == 0 ? 60000000 : 10000000);
        wr_server_step(world.server, 0); /* it has not waited for us */
        sim_send(world.sim, http.client, event, strlen(event));
        CHECK(http_wait(&world, &http) && http.status == 200);
        CHECK_HAS(http.body, "\"outcome\":\"challenge\"");
        CHECK(!rig_has(http.body, "\"degraded\":[]"));
    }
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "b", 1, 5)), 200);
    CHECK_HAS(http.body, "\"outcome\":\"approve\"");
    CHECK_INT(http_ask(&world, &http, "GET", "/metrics", ""), 200);
    CHECK_HAS(http.body, "weir_decision_budget_total{budget=\"fallback\"} 2\n");
    http_close(&world, &http);
    world_close(&world);
}

TEST("a refusal leaves behind the answers before it, whatever those wait for")
{
    struct world world;
    struct http http;
    char event[512], text[1024];
    world_open(&world, 22, WR_MODE_DURABLE);
    http_open(&world, &http);
    for (int i = 0; i < 3; i++) { /* the first is decided, then read back */
        wr_server_step(world.server, 0);
        world_event(event, "known", 1, 5);
        http_send(&world, &http, "POST", "/v1/decisions", event);
        int n = snprintf(text, sizeof text,
                         "POST /v1/decisions HTTP/1.1\r\nHost: w\r\nWeir-Deadline-Ms: 4\r\n"
                         "Content-Length: %zu\r\n\r\n%s",
                         strlen(event), event);
        sim_send(world.sim, http.client, text, (size_t)n);
        sim_send(world.sim, http.client, text, (size_t)n);
        sim_step(world.sim, 10000000);
        http_send(&world, &http, "GET", "/health", "");
        for (int k = 0; k < 4; k++) {
            CHECK(http_wait(&world, &http));
            CHECK_INT(http.status, k == 1 || k == 2 ? 503 : 200);
            CHECK_HAS(http.body, k == 0 ? "\"known\"" : k == 3 ? "\"ready\"" : "\"overload\"");
        }
    }
    CHECK_INT(wr_server_sequence(world.server), 1);
    http_close(&world, &http);
    world_close(&world);
}

TEST("a refusal of the last request of a connection tells that it ends")
{
    struct world world;
    struct http http;
    char event[512], text[1024];
    world_open(&world, 23, WR_MODE_DURABLE);
    world_event(event, "last", 1, 5);
    for (int i = 0; i < 3; i++) {
        static const char *const lines[] = {"1.1\r\nConnection: close", "1.0",
                                            "1.0\r\nConnection: keep-alive"};
        int n = snprintf(text, sizeof text,
                         "POST /v1/decisions HTTP/%s\r\nHost: w\r\nWeir-Deadline-Ms: 4\r\n"
                         "Content-Length: %zu\r\n\r\n%s",
                         lines[i], strlen(event), event);
        http_open(&world, &http);
        wr_server_step(world.server, 0);
        sim_send(world.sim, http.client, text, (size_t)n);
        sim_send(world.sim, http.client, text, (size_t)n);
        sim_step(world.sim, 10000000);
        for (int k = 0; k < (i == 2 ? 2 : 1); k++) {
            CHECK(http_wait(&world, &http));
            CHECK_INT(http.status, 503);
            CHECK(wr_str_eq(http_field(&http, "Connection"),
                            i == 2 ? WR_STR("keep-alive") : WR_STR("close")));
        }
        CHECK(!http_wait(&world, &http));
        CHECK(sim_is_open(world.sim, http.client) == (i == 2));
        http_close(&world, &http);
    }
    CHECK_INT(wr_server_sequence(world.server), 0);
    world_close(&world);
}

TEST("a request that waited for longer than its caller does is refused, and counts nowhere")
{
    struct world world;
    struct http http;
    char event[512], text[1024];
    world_open(&world, 21, WR_MODE_DURABLE);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "GET", "/health", ""), 200);
    for (int i = 0; i < 3; i++) {
        static const char *const paths[] = {"", ":batch", ""};
        const char *asked = i < 2 ? "Weir-Deadline-Ms: 4\r\n" : "Weir-Deadline-Ms: 12\r\n";
        world_event(event, "asked", 1, 5);
        int n = snprintf(text, sizeof text,
                         "POST /v1/decisions%s HTTP/1.1\r\nHost: w\r\n%sContent-Length: %zu\r\n"
                         "\r\n%s",
                         paths[i], asked, strlen(event), event);
        wr_server_step(world.server, 0);
        sim_send(world.sim, http.client, text, (size_t)n);
        sim_step(world.sim, 10000000); /* the loop is elsewhere */
        CHECK(http_wait(&world, &http));
        CHECK_INT(http.status, i < 2 ? 503 : 200);
        if (i < 2) {
            CHECK(wr_str_eq(http_field(&http, "Retry-After"), WR_STR("1")));
            CHECK_HAS(http.body, "\"code\":\"overload\"");
        }
        CHECK_INT(wr_server_sequence(world.server), i < 2 ? 0 : 1);
    }
    CHECK_INT(http_ask(&world, &http, "GET", "/metrics", ""), 200);
    CHECK_HAS(http.body, "weir_expired_total 2\n");
    CHECK_HAS(http.body, "weir_errors_total{code=\"overload\"} 2\n");
    sim_step(world.sim, 100000000); /* a sweep */
    wr_server_step(world.server, 0);
    CHECK_HAS(wr_str_z(world.last_log),
              "last told: 2; of these by their callers' own deadlines: 2");
    http_close(&world, &http);
    world_close(&world);
}

TEST("clients that hold too much together lose their connections, the greediest first")
{
    enum { MANY = 40, LIMIT = 4 << 20 };
    struct world world;
    struct http greedy[MANY], modest, good;
    char event[512], id[32], half[512];
    world_init(&world, 22, WR_MODE_FAST);
    world.config.client_memory = LIMIT;
    CHECK(world_start(&world));
    sim_faults(world.sim)->net_window = 4096;
    http_open(&world, &good);
    http_open(&world, &modest); /* keeps a buffer, and is slow: not the worst */
    snprintf(half, sizeof half,
             "POST /v1/decisions HTTP/1.1\r\nHost: w\r\nContent-Length: 99\r\n\r\n{");
    sim_send(world.sim, modest.client, half, strlen(half));
    for (int i = 0; i < MANY; i++) {
        http_open(&world, &greedy[i]);
        for (int j = 0; j < 40; j++) { /* some 20 KB each, and nobody reads */
            http_send(&world, &greedy[i], "GET", "/metrics", "");
        }
    }
    for (int i = 0; i < 60; i++) {
        snprintf(id, sizeof id, "e%d", i);
        sim_faults(world.sim)->net_window = 4096;
        CHECK_INT(http_ask(&world, &good, "POST", "/v1/decisions", world_event(event, id, 1, 5)),
                  200);
        sim_step(world.sim, 10000000);
    }
    int n_open = 0;
    for (int i = 0; i < MANY; i++) {
        n_open += sim_is_open(world.sim, greedy[i].client);
    }
    CHECK(n_open > 0 && n_open <= 8); /* 512 KiB of each */
    CHECK(sim_is_open(world.sim, modest.client));
    CHECK_HAS(wr_str_z(world.last_log), "warn clients_shed: clients held ");
    CHECK_HAS(wr_str_z(world.last_log), " connections closed, those with the most first: ");
    sim_faults(world.sim)->net_window = 1 << 20;
    CHECK_INT(http_ask(&world, &good, "GET", "/metrics", ""), 200);
    size_t at = wr_str_find(good.body, WR_STR("\nweir_client_bytes "), 0);
    CHECK(at != SIZE_MAX);
    long held = strtol(good.body.p + at + 19, NULL, 10);
    CHECK(held > LIMIT / 2 && held <= LIMIT);
    at = wr_str_find(good.body, WR_STR("\nweir_connections_shed_total "), 0);
    CHECK_INT(strtol(good.body.p + at + 29, NULL, 10), MANY - n_open);
    for (int i = 0; i < MANY; i++) {
        http_close(&world, &greedy[i]);
    }
    http_close(&world, &modest);
    http_close(&world, &good);
    world_close(&world);
}

enum { BELOW = 300 << 10, MORE = 100 << 10 };
static size_t below; /* of each connection, at its next call */

static size_t held_below(void *context, int32_t sock)
{
    (void)context;
    return sock >= 0 ? below : 0;
}

static long metric(struct world *world, struct http *http, const char *name)
{
    CHECK_INT(http_ask(world, http, "GET", "/metrics", ""), 200);
    size_t at = wr_str_find(http->body, wr_str_z(name), 0);
    CHECK(at != SIZE_MAX);
    return at != SIZE_MAX ? strtol(http->body.p + at + strlen(name), NULL, 10) : -1;
}

TEST(
    "what the network holds for a connection counts while it is open, and is bounded with the rest")
{
    enum { MANY = 4 };
    struct world world;
    struct http clients[MANY], last;
    world_init(&world, 23, WR_MODE_FAST);
    world.config.client_memory = 1 << 20;
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(world.sim);
    port->net.held_bytes = held_below;
    below = BELOW;
    CHECK(world_start(&world));
    for (long i = 0; i < 3; i++) {
        http_open(&world, &clients[i]);
        long held = metric(&world, &clients[i], "\nweir_client_bytes ");
        CHECK(held >= (i + 1) * BELOW && held < (i + 2) * BELOW);
    }
    CHECK_INT(metric(&world, &clients[2], "\nweir_connections_shed_total "), 0);
    below = BELOW + MORE; /* with the next request */
    metric(&world, &clients[2], "\nweir_client_bytes ");
    below = BELOW;
    CHECK(metric(&world, &clients[1], "\nweir_client_bytes ") >= 3 * BELOW + MORE);
    metric(&world, &clients[2], "\nweir_client_bytes ");
    http_close(&world, &clients[0]);
    sim_step(world.sim, 10000000);
    wr_server_step(world.server, 0);
    long held = metric(&world, &clients[2], "\nweir_client_bytes ");
    CHECK(held >= 2 * BELOW && held < 3 * BELOW);
    http_open(&world, &clients[0]);
    http_open(&world, &clients[3]); /* one too many, though none has sent a byte */
    for (int i = 0; i < 4; i++) {
        wr_server_step(world.server, 0);
        sim_step(world.sim, 10000000);
    }
    int n_open = 0;
    for (int i = 0; i < MANY; i++) {
        n_open += sim_is_open(world.sim, clients[i].client);
        http_close(&world, &clients[i]);
    }
    CHECK_INT(n_open, 2); /* an eighth is free again */
    CHECK_HAS(wr_str_z(world.last_log), "warn clients_shed: clients held ");
    CHECK_HAS(wr_str_z(world.last_log), " connections closed, those with the most first: ");
    wr_server_step(world.server, 0);
    http_open(&world, &last);
    CHECK_INT(metric(&world, &last, "\nweir_connections_shed_total "), 2);
    http_close(&world, &last);
    world_close(&world);
}

static struct wr_port_net simulated; /* what is below them: */

static enum wr_io read_and_hold_less(void *context, int32_t sock, void *bytes, size_t n,
                                     size_t *got)
{
    below = BELOW;
    return simulated.read(context, sock, bytes, n, got);
}

static enum wr_io write_and_hold_more(void *context, int32_t sock, const void *bytes, size_t n,
                                      size_t *put)
{
    below = BELOW + MORE;
    return simulated.write(context, sock, bytes, n, put);
}

TEST("what the network holds for a connection counts as it is after a read and after a write")
{
    struct world world;
    struct http one, other;
    world_init(&world, 24, WR_MODE_FAST);
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(world.sim);
    simulated = port->net;
    port->net.held_bytes = held_below;
    port->net.read = read_and_hold_less;
    port->net.write = write_and_hold_more;
    CHECK(world_start(&world));
    http_open(&world, &one);
    http_open(&world, &other);
    metric(&world, &one, "\nweir_client_bytes ");
    for (int i = 0; i < 3; i++) { /* the other's answer has left; this one is being written */
        long held = metric(&world, i % 2 == 0 ? &other : &one, "\nweir_client_bytes ");
        CHECK(held >= 2 * BELOW + MORE && held < 2 * BELOW + 2 * MORE);
    }
    http_close(&world, &one);
    http_close(&world, &other);
    world_close(&world);
}

TEST("clients that hold little each are closed too where they hold too much together")
{
    enum { MANY = 100, LITTLE = 12 << 10, LIMIT = 1 << 20 };
    struct world world;
    static struct http clients[MANY];
    world_init(&world, 25, WR_MODE_FAST);
    world.config.client_memory = LIMIT;
    world.config.n_connections_max = 256;
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(world.sim);
    port->net.held_bytes = held_below;
    below = LITTLE; /* as an idle connection with TLS: less than a buffer of ours */
    CHECK(world_start(&world));
    for (int i = 0; i < MANY; i++) {
        http_open(&world, &clients[i]);
    }
    for (int i = 0; i < 20; i++) {
        wr_server_step(world.server, 0);
        sim_step(world.sim, 10000000);
    }
    int n_open = 0;
    for (int i = 0; i < MANY; i++) {
        n_open += sim_is_open(world.sim, clients[i].client);
    }
    CHECK(n_open * LITTLE <= LIMIT && n_open * LITTLE > LIMIT - LIMIT / 4);
    for (int i = 0; i < MANY; i++) {
        http_close(&world, &clients[i]);
    }
    world_close(&world);
}

TEST("who holds much and has not said a word is closed before who is sending a request")
{
    enum { MANY = 5, LIMIT = 1 << 20 };
    struct world world;
    struct http honest, mute[MANY];
    world_init(&world, 26, WR_MODE_FAST);
    world.config.client_memory = LIMIT;
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(world.sim);
    port->net.held_bytes = held_below;
    below = 12 << 10;
    CHECK(world_start(&world));
    http_open(&world, &honest);
    sim_send(world.sim, honest.client, "POST /v1/", 9);
    for (int i = 0; i < 3; i++) {
        wr_server_step(world.server, 0);
    }
    below = 220 << 10;
    for (int i = 0; i < MANY; i++) {
        http_open(&world, &mute[i]);
    }
    for (int i = 0; i < 4; i++) {
        wr_server_step(world.server, 0);
        sim_step(world.sim, 10000000);
    }
    CHECK_HAS(wr_str_z(world.last_log), "warn clients_shed: clients held ");
    CHECK_HAS(wr_str_z(world.last_log), " connections closed, those with the most first: ");
    CHECK(sim_is_open(world.sim, honest.client));
    for (int i = 0; i < MANY; i++) {
        http_close(&world, &mute[i]);
    }
    http_close(&world, &honest);
    world_close(&world);
}

/* A layer that shakes hands, as that of TLS: what comes meanwhile is its own. */
static bool shaking[SIM_CONNECTIONS];

static bool shakes_hands(void *context, int32_t sock)
{
    (void)context;
    return shaking[sock];
}

static enum wr_io read_unless_shaking(void *context, int32_t sock, void *bytes, size_t n,
                                      size_t *got)
{
    enum wr_io io = simulated.read(context, sock, bytes, n, got);
    return io == WR_IO_OK && shaking[sock] ? WR_IO_AGAIN : io;
}

TEST("a handshake ends at its deadline, whatever trickles in; who is done in time has its 30 s")
{
    enum { MUTE, TRICKLE, LATE, IDLE, N };
    struct world world;
    struct http clients[N], last;
    world_init(&world, 27, WR_MODE_FAST);
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(world.sim);
    simulated = port->net;
    port->net.shakes_hands = shakes_hands;
    port->net.read = read_unless_shaking;
    CHECK(world_start(&world));
    for (int i = 0; i < N; i++) {
        http_open(&world, &clients[i]);
        shaking[clients[i].client] = true;
    }
    int64_t open_ms[N] = {0};
    for (int i = 0; i < 400; i++) {
        wr_server_step(world.server, 0);
        sim_step(world.sim, 100000000);
        for (int j = 0; j < N; j++) {
            open_ms[j] = sim_is_open(world.sim, clients[j].client) ? i * 100 : open_ms[j];
        }
        sim_send(world.sim, clients[TRICKLE].client, "x", 1);
        if (i == 45) {
            shaking[clients[LATE].client] = shaking[clients[IDLE].client] = false;
        } else if (i == 80) {
            CHECK_INT(http_ask(&world, &clients[LATE], "GET", "/health", ""), 200);
        }
    }
    CHECK(open_ms[MUTE] >= 4800 && open_ms[MUTE] <= 5300);
    CHECK(open_ms[TRICKLE] >= 4800 && open_ms[TRICKLE] <= 5300);
    CHECK(open_ms[LATE] >= 37500); /* 30 s behind its request */
    CHECK(open_ms[IDLE] >= 29500 && open_ms[IDLE] <= 30500);
    memset(shaking, 0, sizeof shaking);
    http_open(&world, &last);
    CHECK_INT(metric(&world, &last, "\nweir_connections_slow_closed_total "), 2);
    CHECK_INT(metric(&world, &last, "\nweir_connections_idle_closed_total "), 2);
    http_close(&world, &last);
    for (int i = 0; i < N; i++) {
        http_close(&world, &clients[i]);
    }
    world_close(&world);
}

TEST("a timing falls under the least bound that holds it")
{
    static const int64_t bounds[] = {
        100,        200,        500,        1000,        2000,      5000,      10000,
        20000,      50000,      100000,     200000,      500000,    1000000,   2000000,
        5000000,    10000000,   20000000,   50000000,    100000000, 200000000, 500000000,
        1000000000, 2000000000, 5000000000, 10000000000,
    };
    _Static_assert(WR_COUNTOF(bounds) == WR_TIMING_BOUNDS, "all of them");
    for (size_t i = 0; i < WR_TIMING_BOUNDS; i++) {
        for (int64_t off = -1; off <= 1; off++) {
            struct wr_timing timing = {.sum_ns = 0};
            wr_timing_add(&timing, bounds[i] + off, 3);
            CHECK_INT(timing.n[i + (off > 0)], 3);
            CHECK_INT(timing.sum_ns, 3 * (bounds[i] + off));
        }
    }
    struct wr_timing timing = {.sum_ns = 0};
    wr_timing_add(&timing, -5, 1);
    wr_timing_add(&timing, 0, 1);
    wr_timing_add(&timing, INT64_MAX / 2, 1);
    CHECK_INT(timing.n[0], 2);
    CHECK_INT(timing.n[WR_TIMING_BOUNDS], 1);
}

TEST("metrics, pack and health tell what they should")
{
    struct world world;
    struct http http;
    char event[512];
    world_open(&world, 17, WR_MODE_DURABLE);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 10)),
              200);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", "{}"), 422);
    CHECK_INT(http_ask(&world, &http, "GET", "/metrics", ""), 200);
    CHECK_HAS(http.body, "weir_decisions_total{outcome=\"approve\"} 1\n");
    CHECK_HAS(http.body, "weir_errors_total{code=\"field\"} 1\n");
    static const char *const stages[] = {"read",  "queue",  "decide",  "parse", "feature",
                                         "model", "policy", "journal", "write", "total"};
    for (size_t i = 0; i < WR_COUNTOF(stages); i++) {
        char none[128];
        snprintf(none, sizeof none, "weir_stage_duration_seconds_count{stage=\"%s\"} 0\n",
                 stages[i]);
        CHECK(wr_str_find(http.body, wr_str_z(none), 0) == SIZE_MAX);
        none[strlen(none) - 3] = '\0'; /* it is there, with another number */
        CHECK(wr_str_find(http.body, wr_str_z(none), 0) != SIZE_MAX);
    }
    CHECK_HAS(http.body, "weir_journal_state{state=\"ok\"} 1\n");
    CHECK_HAS(http.body, "weir_sequence 1\n");
    CHECK_HAS(http.body, "weir_journal_synced 1\n");
    CHECK_INT(http_ask(&world, &http, "GET", "/v1/pack", ""), 200);
    CHECK_HAS(http.body, "\"customer_count_1d\"");
    CHECK_INT(http_ask(&world, &http, "HEAD", "/health", ""), 200);
    CHECK_INT(http_ask(&world, &http, "GET", "/health", ""), 200);
    http_close(&world, &http);
    world_close(&world);
}

TEST("a drain answers what is in flight and ends")
{
    struct world world;
    struct http http, other;
    char event[512];
    world_open(&world, 18, WR_MODE_DURABLE);
    http_open(&world, &http);
    http_open(&world, &other);
    wr_server_step(world.server, 0);
    http_send(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 10));
    http_send(&world, &http, "POST", "/drain", "");
    CHECK(http_wait(&world, &http) && http.status == 200);
    CHECK(http_wait(&world, &http) && http.status == 202);
    bool goes_on = true;
    for (int i = 0; i < 300 && goes_on; i++) {
        goes_on = wr_server_step(world.server, 100000000);
    }
    CHECK(!goes_on);
    CHECK(sim_connect(world.sim, "here") < 0);
    http_close(&world, &http);
    http_close(&world, &other);
    world_close(&world);
}

TEST("a termination signal drains too, and a step of the wall clock is ignored")
{
    struct world world;
    struct http http;
    char event[512];
    world_open(&world, 19, WR_MODE_DURABLE);
    http_open(&world, &http);
    wr_server_step(world.server, 0);
    sim_wall_jump(world.sim, 86400ll * 1000000000);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "a", 1, 10)),
              200);
    CHECK_HAS(wr_str_z(world.last_log), "the wall clock stepped by 86400000 ms");
    sim_stop(world.sim);
    wr_server_step(world.server, 0);
    CHECK(strcmp(world.last_log, "info draining: connections that are open: 1") == 0);
    http_close(&world, &http);
    bool goes_on = true;
    for (int i = 0; i < 300 && goes_on; i++) {
        goes_on = wr_server_step(world.server, 100000000);
    }
    CHECK(!goes_on);
    world_close(&world);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
