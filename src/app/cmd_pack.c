/* SPDX-License-Identifier: Apache-2.0 */
/* weir pack check|build: is a pack sound, and one file of it. */
#include "app/archive.h"
#include "app/commands.h"
#include "app/engine_open.h"
#include "app/file.h"
#include "app/pack_load.h"

#include <stdio.h>
#include <stdlib.h>

static struct {
    const char *out;
} options = {.out = "pack.tar.gz"};

static const struct wr_option table[] = {
    {"out", 'o', WR_OPT_TEXT, "FILE", "build: where the archive goes (pack.tar.gz)", &options.out},
};

/* What each kind of entity, each feature and each model takes. */
static void print_costs(const struct wr_pack *pack)
{
    char room[4096];
    for (size_t i = 0; i < wr_pack_n_entities(pack); i++) {
        struct wr_buf line = wr_buf_fixed(room, sizeof room);
        wr_pack_entity_cost(pack, i, &line);
        printf("  entity %.*s\n", WR_FMT(wr_buf_view(&line)));
    }
    for (size_t i = 0; i < wr_pack_n_features(pack); i++) {
        struct wr_buf line = wr_buf_fixed(room, sizeof room);
        wr_pack_feature_cost(pack, i, &line);
        printf("  feature %.*s\n", WR_FMT(wr_buf_view(&line)));
    }
    for (size_t i = 0; i < wr_pack_n_models(pack); i++) {
        struct wr_buf line = wr_buf_fixed(room, sizeof room);
        wr_pack_model_cost(pack, i, &line);
        printf("  model %.*s\n", WR_FMT(wr_buf_view(&line)));
    }
}

static int check(struct wr_arena *arena, const char *path)
{
    struct wr_error error = {0};
    struct wr_pack *pack;
    struct wr_pack_options strict = {.check_only = true};
    if (wr_pack_load(arena, path, &strict, &pack, &error) != WR_OK) {
        return wr_complain_error(path, &error);
    }
    printf("%s: sound\n  revision %.*s\n  digest   %.*s\n", path, WR_FMT(wr_pack_revision(pack)),
           WR_FMT(wr_pack_digest_text(pack)));
    printf("  features %zu, models %zu, reason codes %zu\n", wr_pack_n_features(pack),
           wr_pack_n_models(pack), wr_pack_n_reasons(pack));
    print_costs(pack);
    for (size_t i = 0; i < wr_pack_n_warnings(pack); i++) {
        printf("  warning: %.*s\n", WR_FMT(wr_pack_warning(pack, i)));
    }
    return WR_EXIT_OK;
}

static int build(struct wr_arena *arena, const char *path)
{
    struct wr_error error = {0};
    struct wr_pack *pack;
    if (wr_pack_load(arena, path, NULL, &pack, &error) != WR_OK) {
        return wr_complain_error(path, &error);
    }
    size_t n;
    const struct wr_pack_file *files = wr_pack_files(pack, &n);
    size_t size;
    if (wr_archive_write(arena, options.out, files, n, &size, &error) != WR_OK) {
        return wr_complain_error(options.out, &error);
    }
    printf("%s: %zu files, %zu bytes, digest %.*s\n", options.out, n, size,
           WR_FMT(wr_pack_digest_text(pack)));
    return WR_EXIT_OK;
}

static int run(int argc, char **argv)
{
    bool checks = argc == 2 && strcmp(argv[0], "check") == 0;
    bool builds = argc == 2 && strcmp(argv[0], "build") == 0;
    if (!checks && !builds) {
        wr_complain("wants check or build, and a pack; see weir pack --help");
        return WR_EXIT_USAGE;
    }
    struct wr_arena arena;
    wr_arena_init(&arena, &wr_heap, WR_GIB(4));
    int exit_code = checks ? check(&arena, argv[1]) : build(&arena, argv[1]);
    wr_arena_deinit(&arena);
    return exit_code;
}

const struct wr_command wr_command_pack = {
    "pack",
    "Checks a pack, or makes one archive of it",
    "check PACK | build PACK [-o FILE]",
    "A pack is a folder or .tar.gz with policy, features, models and lists; it is an OPA bundle "
    "too.\n"
    "`check` compiles everything and names file, place and reason of what is wrong.\n\n"
    "examples:\n"
    "  weir pack check packs/cards\n"
    "  weir pack build packs/cards -o cards-2026-11.tar.gz\n",
    table,
    WR_COUNTOF(table),
    run,
};
