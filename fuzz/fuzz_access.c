/* SPDX-License-Identifier: Apache-2.0 */
/* Access files, bearer fields and tokens of any bytes. Properties: a file that is taken names at
 * least one principal, each with a scope; a token whose digest no line holds has no scope; one
 * whose digest the file is made to hold has that line's scopes. The first byte splits the input
 * into a file and a token. */
#include "fuzz.h"

#include "base/hash.h"
#include "shell/access.h"

static void check_file(struct wr_arena *arena, struct wr_str text, struct wr_str token)
{
    struct wr_access access;
    struct wr_error error;
    if (wr_access_read(arena, text, &access, &error) != WR_OK) {
        return;
    }
    demand(access.n > 0);
    for (uint32_t i = 0; i < access.n; i++) {
        demand(access.principals[i].scopes != 0 &&
               (access.principals[i].scopes & ~(unsigned)WR_SCOPE_ALL) == 0);
    }
    demand(wr_access_token(&access, token) == 0); /* a digest is not found by chance */
    wr_access_uri(&access, token);
}

static void check_known(struct wr_arena *arena, struct wr_str token)
{
    uint8_t digest[32];
    char room[160];
    struct wr_access access;
    struct wr_buf line = wr_buf_fixed(room, sizeof room);
    wr_sha256_of(token.p, token.n, digest);
    wr_buf_str(&line, WR_STR("x label sha256:"));
    wr_buf_hex(&line, digest, sizeof digest);
    demand(wr_access_read(arena, wr_buf_view(&line), &access, NULL) == WR_OK);
    bool fits = token.n >= WR_LIMIT_TOKEN_LEAST && token.n <= WR_LIMIT_TOKEN;
    demand(wr_access_token(&access, token) == (fits ? WR_SCOPE_LABEL : 0U));
}

static void check_field(struct wr_str value)
{
    char request[700];
    struct wr_buf buf = wr_buf_fixed(request, sizeof request);
    wr_buf_str(&buf, WR_STR("GET /metrics HTTP/1.1\r\nHost: w\r\nAuthorization: "));
    wr_buf_str(&buf, wr_str_of(value.p, WR_MIN(value.n, (size_t)512)));
    wr_buf_str(&buf, WR_STR("\r\n\r\n"));
    struct wr_h1_reader reader;
    struct wr_h1_head head;
    size_t used;
    wr_h1_init(&reader, 0);
    if (!buf.overflow && wr_h1_read(&reader, wr_buf_view(&buf), &head, &used) == WR_H1_DONE) {
        struct wr_str token = wr_access_bearer(&head);
        demand(token.p == NULL || (token.p > request && token.p + token.n <= request + buf.n));
        demand(wr_access_needed(&head) == WR_SCOPE_READ);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char room[1 << 18];
    struct wr_arena arena;
    if (size == 0) {
        return 0;
    }
    size_t n = WR_MIN((size_t)data[0] * 4, size - 1);
    struct wr_str token = wr_str_of((const char *)data + 1, n);
    struct wr_str text = wr_str_of((const char *)data + 1 + n, size - 1 - n);
    wr_arena_init_fixed(&arena, room, sizeof room, NULL, 0);
    check_file(&arena, text, token);
    wr_arena_init_fixed(&arena, room, sizeof room, NULL, 0);
    check_known(&arena, token);
    check_field(token);
    return 0;
}
