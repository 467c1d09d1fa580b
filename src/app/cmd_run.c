/* SPDX-License-Identifier: Apache-2.0 */
/* weir run --server: OPA's HTTP API alone, with the flags of `opa run`. */
#include "app/commands.h"
#include "app/eval_env.h"
#include "app/file.h"
#include "app/policy_load.h"
#include "app/rego_output.h"
#include "app/serve_log.h"
#include "port/host.h"
#include "shell/server.h"

#include <stdio.h>

#define WR_LIMIT_RUN_BODY (64u * 1024 * 1024)

static struct {
    bool server, bundle, v1;
    struct wr_option_list addresses, set, ignore;
    const char *log_level, *log_format;
} options = {.log_level = "info", .log_format = "json"};

static const struct wr_option table[] = {
    {"server", 's', WR_OPT_FLAG, NULL, "serve OPA's HTTP API", &options.server},
    {"addr", 'a', WR_OPT_LIST, "ADDRESS",
     "127.0.0.1:8181, :8181 or unix:PATH; up to 4 times (:8181)", &options.addresses},
    {"bundle", 'b', WR_OPT_FLAG, NULL, "the paths are bundles; their roots cannot be changed",
     &options.bundle},
    {"ignore", 0, WR_OPT_LIST, "PATTERN", "leave out files and folders of this name",
     &options.ignore},
    {"set", 0, WR_OPT_LIST, "KEY=VALUE", "labels.NAME=VALUE of /v1/config", &options.set},
    {"log-level", 'l', WR_OPT_TEXT, "debug|info|error", "what is logged (info)",
     &options.log_level},
    {"log-format", 0, WR_OPT_TEXT, "json", "how it is logged (json)", &options.log_format},
    {"v1-compatible", 0, WR_OPT_FLAG, NULL, "modules are Rego v1", &options.v1},
};

/* labels.NAME=VALUE; false after a complaint. */
static bool read_labels(struct wr_opa_label *labels, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < options.set.n; i++) {
        struct wr_str text = wr_str_z(options.set.items[i]);
        size_t equals = wr_str_find(text, WR_STR("="), 0);
        if (!wr_str_starts(text, WR_STR("labels.")) || equals == SIZE_MAX) {
            wr_complain("--set %s: only labels.NAME=VALUE is known here", options.set.items[i]);
            return false;
        }
        labels[(*n)++] = (struct wr_opa_label){
            wr_str_of(text.p + 7, equals - 7),
            wr_str_of(text.p + equals + 1, text.n - equals - 1),
        };
    }
    return true;
}

/* localhost:8181 and :8181 as the port takes addresses. */
static const char *address(const char *given, char *room, size_t size)
{
    if (strncmp(given, "http://", 7) == 0) {
        given += 7;
    }
    if (strncmp(given, "unix://", 7) == 0) {
        snprintf(room, size, "unix:%s", given + 7);
    } else if (given[0] == ':') {
        snprintf(room, size, "0.0.0.0%s", given);
    } else if (strncmp(given, "localhost:", 10) == 0) {
        snprintf(room, size, "127.0.0.1%s", given + 9);
    } else {
        snprintf(room, size, "%s", given);
    }
    return room;
}

static int serve(const struct wr_server_config *config)
{
    struct wr_error error = {0};
    struct wr_port port;
    struct wr_server *server;
    enum wr_io io = wr_host_open(&port);
    if (io != WR_IO_OK) {
        return wr_complain("cannot start: %s", wr_io_text(io));
    }
    wr_err code = wr_server_open(&port, NULL, config, &server, &error);
    if (code == WR_OK) {
        code = wr_server_run(server, &error);
        wr_server_close(server);
    }
    wr_host_close();
    if (code != WR_OK) {
        fprintf(stderr, "error: %s\n", error.text);
    }
    return code == WR_OK ? WR_EXIT_OK : WR_EXIT_FAILED;
}

/* Ids as OPA gives them: paths without a leading slash; in a bundle, its name in front. */
static struct wr_opa_source *name_modules(struct wr_arena *arena,
                                          const struct wr_policy_files *files)
{
    struct wr_opa_source *out = WR_NEW_ARRAY(arena, struct wr_opa_source, files->n + 1);
    for (size_t i = 0; out != NULL && i < files->n; i++) {
        struct wr_str id = files->sources[i].file;
        while (id.n > 0 && id.p[0] == '/') {
            id = wr_str_of(id.p + 1, id.n - 1);
        }
        out[i] = (struct wr_opa_source){id, files->sources[i].file, files->sources[i].text};
    }
    size_t at = files->n;
    for (size_t b = files->n_bundles; out != NULL && b-- > 0;) { /* bundles were added last */
        for (size_t k = 0; k < files->bundles[b].n_modules; k++) {
            struct wr_buf id = wr_buf_in(arena, 128);
            at--;
            wr_format(&id, "%s/%.*s", files->bundles[b].path, WR_FMT(out[at].id));
            out[at].id = wr_buf_view(&id);
        }
    }
    return out;
}

static int load_and_serve(struct wr_arena *arena, int argc, char **argv)
{
    static char rooms[WR_LIMIT_ADDRESSES][256];
    struct wr_opa_label labels[WR_LIMIT_OPTION_LIST];
    struct wr_server_config config = wr_server_defaults();
    struct wr_policy_files files;
    struct wr_rego_errors errors;
    if (!read_labels(labels, &config.opa.n_labels)) {
        return WR_EXIT_USAGE;
    }
    struct wr_policy_paths paths = {.ignore = &options.ignore, .v1 = options.v1};
    wr_policy_paths_take(&paths, argc, argv, options.bundle);
    wr_rego_errors_init(&errors, arena);
    if (!wr_policy_load(&files, arena, &paths, &errors)) {
        wr_rego_errors_print(arena, &errors, false, stderr);
        return WR_EXIT_FAILED;
    }
    struct wr_opa_source *modules = name_modules(arena, &files);
    struct wr_opa_bundle *bundles = WR_NEW_ARRAY(arena, struct wr_opa_bundle, files.n_bundles + 1);
    for (size_t i = 0; i < files.n_bundles && bundles != NULL; i++) {
        bundles[i] =
            (struct wr_opa_bundle){wr_str_z(files.bundles[i].path), files.bundles[i].revision,
                                   files.bundles[i].roots, files.bundles[i].n_roots};
    }
    config.opa = (struct wr_opa_config){
        .writable = true,
        .v1 = options.v1,
        .modules = modules,
        .n_modules = modules != NULL ? files.n : 0,
        .data = files.data,
        .bundles = bundles,
        .n_bundles = bundles != NULL ? files.n_bundles : 0,
        .labels = labels,
        .n_labels = config.opa.n_labels,
        .env = wr_eval_env(0),
    };
    if (options.addresses.n == 0) {
        options.addresses.items[options.addresses.n++] = ":8181";
    }
    for (size_t i = 0; i < options.addresses.n && i < WR_LIMIT_ADDRESSES; i++) {
        config.addresses[config.n_addresses++] =
            address(options.addresses.items[i], rooms[i], sizeof rooms[i]);
    }
    config.body_max = WR_LIMIT_RUN_BODY;
    config.version = WEIR_VERSION;
    config.log = wr_serve_log;
    config.log_context = (void *)(uintptr_t)options.log_level;
    return serve(&config);
}

static int run(int argc, char **argv)
{
    if (!options.server) {
        wr_complain("wants --server: there is no shell of questions here; see weir eval");
        return WR_EXIT_USAGE;
    }
    if (options.addresses.n > WR_LIMIT_ADDRESSES || strcmp(options.log_format, "json") != 0) {
        wr_complain(options.addresses.n > WR_LIMIT_ADDRESSES ? "--addr may be given 4 times"
                                                             : "--log-format knows json only");
        return WR_EXIT_USAGE;
    }
    struct wr_arena arena;
    wr_arena_init(&arena, &wr_heap, WR_GIB(8));
    int exit_code = load_and_serve(&arena, argc, argv);
    wr_arena_deinit(&arena);
    return exit_code;
}

const struct wr_command wr_command_run_server = {
    "run",
    "Serves OPA's HTTP API, without a pack and without decisions",
    "--server [OPTIONS] [PATH...]",
    "Policies and data come from the paths, from bundles and from clients: GET, POST, PUT, PATCH\n"
    "and DELETE /v1/data, /v0/data, /v1/policies, /v1/query, /health, /metrics, /v1/config. For\n"
    "decisions with a journal see weir serve, which offers the same API beside them.\n\n"
    "examples:\n"
    "  weir run --server policy.rego data.json\n"
    "  weir run --server --addr 127.0.0.1:8181 --bundle packs/cards\n"
    "  curl -s localhost:8181/v1/data/risk -d '{\"input\": {}}'\n",
    table,
    WR_COUNTOF(table),
    run,
};
