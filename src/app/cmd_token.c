/* SPDX-License-Identifier: Apache-2.0 */
/* weir token: a new bearer token, and the line by which the service knows it. */
#include "app/commands.h"
#include "base/hash.h"
#include "shell/access.h"

#include <stdio.h>
#include <sys/random.h>

static bool make_token(char token[48])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t random[40]; /* six bits of each: 240 in all */
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return false;
    }
    memcpy(token, "weir_", 5);
    for (size_t i = 0; i < sizeof random; i++) {
        token[5 + i] = letters[random[i] & 63];
    }
    token[5 + sizeof random] = '\0';
    return true;
}

static int run(int argc, char **argv)
{
    char token[48], line[256];
    uint8_t digest[32];
    if (argc != 2) {
        wr_complain("wants a name and scopes; see weir token --help");
        return WR_EXIT_USAGE;
    }
    if (!make_token(token)) {
        return wr_complain("the system gives no random bytes");
    }
    wr_sha256_of(token, strlen(token), digest);
    struct wr_buf buf = wr_buf_fixed(line, sizeof line);
    wr_format(&buf, "%s %s sha256:", argv[0], argv[1]);
    wr_buf_hex(&buf, digest, sizeof digest);
    struct wr_error error = {0};
    struct wr_access access;
    char room[1 << 17];
    struct wr_arena arena;
    wr_arena_init_fixed(&arena, room, sizeof room, NULL, 0);
    if (buf.overflow || wr_access_read(&arena, wr_buf_view(&buf), &access, &error) != WR_OK) {
        wr_complain("%s", buf.overflow ? "the name is too long" : error.text);
        return WR_EXIT_USAGE;
    }
    fprintf(stderr, "%s\n", token);
    printf("%.*s\n", WR_FMT(wr_buf_view(&buf)));
    return fflush(stdout) == 0 ? WR_EXIT_OK : WR_EXIT_FAILED;
}

const struct wr_command wr_command_token = {
    "token",
    "Makes a bearer token, and the line of the access file that knows it",
    "NAME SCOPES",
    "The token goes to standard error, for its owner; the line, which holds its digest only, to\n"
    "standard output, for the access file of `weir serve --access FILE`. A line is NAME SCOPES\n"
    "sha256:HEX, or NAME SCOPES uri:URI for a client certificate that names the URI. Scopes, "
    "joined\n"
    "by commas:\n"
    "  decide  POST /v1/decisions, /v1/decisions:batch, questions to policies\n"
    "  label   POST /v1/labels\n"
    "  list    changes of lists below /v1/lists\n"
    "  read    GET of decisions, packs, state, metrics, policies and data\n"
    "  drain   GET or POST /drain: a container's preStop may end this node, and do no more\n"
    "  admin   all else: drain, reload, changes of policies and data\n"
    "GET /health needs none. Without an access file only peers on loopback and Unix sockets may "
    "ask.\n\n"
    "examples:\n"
    "  weir token shop decide,label >>access.txt\n"
    "  curl -H \"Authorization: Bearer $TOKEN\" localhost:8181/v1/decisions -d @event.json\n",
    NULL,
    0,
    run,
};
