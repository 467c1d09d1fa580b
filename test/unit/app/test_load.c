/* SPDX-License-Identifier: Apache-2.0 */
/* What a load sends, how its answers are read, and values found in JSON text. */
#include "check.h"

#include "app/file.h"
#include "app/json_find.h"
#include "app/load_answer.h"
#include "app/load_source.h"
#include "base/rng.h"

static struct wr_str found(const char *json, const char *path)
{
    size_t at, n;
    struct wr_str text = wr_str_z(json);
    return wr_json_find(text, path, &at, &n) ? wr_str_of(json + at, n) : wr_str_of("-", 1);
}

TEST("a value is found by its path, whatever stands before it")
{
    const char *json =
        "{\"a\":{\"x\":\"}\\\"{\"}, \"b\" : [ {\"c\":1}, \"]\" ],\"c\":{\"d\":{\"e\" : "
        "-12.5e3 }, \"f\":null},\"g\":\"t\"}";
    static const struct {
        const char *path, *want;
    } cases[] = {
        {"a", "{\"x\":\"}\\\"{\"}"},
        {"a.x", "\"}\\\"{\""},
        {"b", "[ {\"c\":1}, \"]\" ]"},
        {"c.d.e", "-12.5e3"},
        {"c.f", "null"},
        {"g", "\"t\""},
        {"c.d", "{\"e\" : -12.5e3 }"},
        {"b.c", "-"},
        {"x", "-"},
        {"g.h", "-"},
        {"c.g", "-"},
    };
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        struct wr_str got = found(json, cases[i].path);
        CHECK_TEXT(got.p, got.n, cases[i].want);
    }
    for (size_t n = 0; n < strlen(json); n++) { /* cut short: anything but a look beyond */
        char *cut = malloc(n + 1);
        size_t at, length;
        memcpy(cut, json, n);
        if (wr_json_find(wr_str_of(cut, n), "c.d.e", &at, &length)) {
            CHECK(at + length <= n);
        }
        free(cut);
    }
}

/* ── answers ────────────────────────────────────────────────────────────────────────────────── */
/* Reads a stream that comes `step` bytes at a time; returns all bodies, each with a '|' behind. */
static wr_err read_all(const char *stream, size_t step, char *out, int *last_status)
{
    struct wr_load_reader reader = {0};
    size_t n = strlen(stream), have = 0, at = 0;
    char *room = malloc(n + 1);
    struct wr_error error;
    wr_err code = WR_OK;
    out[0] = '\0';
    while (code == WR_OK && have < n) {
        size_t more = WR_MIN(step, n - have), used = 1;
        memcpy(room + have, stream + have, more);
        have += more;
        while (code == WR_OK && used != 0 && at < have) {
            struct wr_load_answer answer = {0};
            code = wr_load_answer_read(&reader, room + at, have - at, &answer, &used, &error);
            if (code == WR_OK && used != 0) {
                strncat(out, answer.body.p != NULL ? answer.body.p : "", answer.body.n);
                strcat(out, "|");
                *last_status = answer.status;
                at += used;
            }
        }
    }
    free(room);
    return code;
}

TEST("answers are told apart however their bytes come")
{
    const char *stream =
        "HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 5\r\n\r\nhello"
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0a;x=1\r\n0123456789\r\n"
        "0\r\n\r\n"
        "HTTP/1.1 204 No Content\r\n\r\n"
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\ncontent-length:2\r\nConnection: "
        "close\r\n"
        "\r\n{}";
    for (size_t step = 1; step <= strlen(stream); step++) {
        char out[256];
        int status = 0;
        CHECK_INT(read_all(stream, step, out, &status), WR_OK);
        CHECK_STR(out, "hello|abc0123456789||{}|");
        CHECK_INT(status, 503);
    }
}

TEST("what is no answer is said to be none")
{
    static const char *const streams[] = {
        "SMTP ready and waiting here\r\n\r\n",
        "HTTP/1.1 abc\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nno length",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n123456789\r\n",
    };
    char out[256];
    int status;
    for (size_t i = 0; i < WR_COUNTOF(streams); i++) {
        CHECK_INT(read_all(streams[i], 1000, out, &status), WR_E_HTTP);
    }
    CHECK_INT(
        read_all("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", 1000, out, &status),
        WR_E_LIMIT);
}

TEST("bytes of chance never lead beyond the buffer")
{
    static const char seed[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                               "Content-Length: 4\r\n\r\n4\r\nabcd\r\n0\r\n\r\n";
    struct wr_rng rng;
    wr_rng_seed(&rng, 7);
    for (int round = 0; round < 20000; round++) {
        size_t n = 1 + (size_t)wr_rng_below(&rng, sizeof seed - 1), used;
        char *bytes = malloc(n);
        struct wr_load_reader reader = {0};
        struct wr_load_answer answer = {0};
        struct wr_error error;
        memcpy(bytes, seed, n);
        for (int k = 0; k < 3; k++) {
            bytes[wr_rng_below(&rng, n)] = (char)wr_rng_below(&rng, 256);
        }
        if (wr_load_answer_read(&reader, bytes, n, &answer, &used, &error) == WR_OK && used != 0) {
            CHECK(used <= n);
            CHECK(answer.body.n == 0 ||
                  (answer.body.p >= bytes && answer.body.p + answer.body.n <= bytes + n));
        }
        free(bytes);
    }
}

/* ── sources ────────────────────────────────────────────────────────────────────────────────── */
static const struct wr_load_source_config plain = {
    .prefix = "run",
    .id_path = "transaction.id",
    .time_path = "transaction.time",
    .path = "/v1/decisions",
    .label_path = "/v1/labels",
    .headers = "",
    .seed = 5,
    .customers = 50,
    .terminals = 20,
    .count = 100,
};

static size_t length_said(const char *request)
{
    const char *at = strstr(request, "Content-Length: ");
    return at != NULL ? (size_t)atoi(at + 16) : SIZE_MAX;
}

static int64_t time_of(struct wr_str json)
{
    size_t at, n;
    return wr_json_find(json, "transaction.time", &at, &n) ? atoll(json.p + at) : -1;
}

static void check_request(const struct wr_load_source *source, uint64_t serial, char *out,
                          struct wr_str *body)
{
    uint32_t n = wr_load_source_write(source, serial, 1700000000123, out);
    char id[64];
    out[n] = '\0';
    const char *blank = strstr(out, "\r\n\r\n");
    CHECK(blank != NULL && n <= source->n_max);
    *body = wr_str_z(blank + 4);
    CHECK_INT(length_said(out), body->n);
    snprintf(id, sizeof id, "\"run-%012llu\"", (unsigned long long)serial);
    size_t at, length;
    CHECK(wr_json_find(*body, "transaction.id", &at, &length));
    CHECK_TEXT(body->p + at, length, id);
}

TEST("a simulated pattern repeats with ids of its own and the times asked for")
{
    struct wr_arena arena;
    struct wr_load_source source;
    struct wr_error error = {0};
    wr_arena_init(&arena, &wr_heap, 1 << 26);
    struct wr_load_source_config config = plain;
    CHECK_INT(wr_load_source_open(&source, &arena, &config, &error), WR_OK);
    CHECK_INT(source.n, 100);
    char out[2048];
    struct wr_str body;
    for (uint64_t serial = 0; serial < 250; serial += 7) {
        check_request(&source, serial, out, &body);
        CHECK_INT(time_of(body), 1700000000123);
    }
    config.time = WR_LOAD_TIME_EVENT;
    CHECK_INT(wr_load_source_open(&source, &arena, &config, &error), WR_OK);
    CHECK(source.span_ms > 0 && source.span_ms % 86400000 == 0);
    int64_t before = 0;
    for (uint64_t serial = 0; serial < 300; serial++) {
        check_request(&source, serial, out, &body);
        CHECK(time_of(body) >= before); /* also from one repeat to the next */
        before = time_of(body);
    }
    wr_arena_deinit(&arena);
}

static const char *write_file(const char *text)
{
    static char path[64];
    strcpy(path, "/tmp/weir-load-XXXXXX");
    int fd = mkstemp(path);
    FILE *out = fdopen(fd, "w");
    fputs(text, out);
    fclose(out);
    return path;
}

TEST("lines of a file go once as they stand, labels to their own path")
{
    struct wr_arena arena;
    struct wr_load_source source;
    struct wr_error error = {0};
    struct wr_load_source_config config = plain;
    char out[2048];
    wr_arena_init(&arena, &wr_heap, 1 << 26);
    config.file = write_file("{\"transaction\":{\"id\":\"a\",\"time\":7}}\r\n\n"
                             "{\"id\":\"a\",\"label\":{\"fraud\":true}}\n");
    config.wrap = "input";
    CHECK_INT(wr_load_source_open(&source, &arena, &config, &error), WR_OK);
    CHECK_INT(source.n, 2);
    CHECK(!source.fresh && !source.items[0].is_label && source.items[1].is_label);
    out[wr_load_source_write(&source, 0, 1, out)] = '\0';
    CHECK(strncmp(out, "POST /v1/decisions HTTP/1.1\r\n", 29) == 0);
    CHECK_STR(strstr(out, "\r\n\r\n") + 4,
              "{\"input\":{\"transaction\":{\"id\":\"a\",\"time\":7}}}");
    out[wr_load_source_write(&source, 1, 1, out)] = '\0';
    CHECK(strncmp(out, "POST /v1/labels HTTP/1.1\r\n", 26) == 0);
    CHECK_INT(length_said(out), strlen("{\"id\":\"a\",\"label\":{\"fraud\":true}}"));
    remove(config.file);
    config.file = write_file("{\"transaction\":{\"time\":7}}\n");
    config.fresh = true;
    CHECK_INT(wr_load_source_open(&source, &arena, &config, &error), WR_E_FIELD);
    CHECK(strstr(error.text, "line 1") != NULL && strstr(error.text, "transaction.id") != NULL);
    remove(config.file);
    config.file = write_file("{\"a\":1}\n{\"b\":\n");
    config.fresh = false;
    CHECK(wr_load_source_open(&source, &arena, &config, &error) != WR_OK);
    CHECK(strstr(error.text, "line 2") != NULL);
    remove(config.file);
    wr_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
