/* SPDX-License-Identifier: Apache-2.0 */
/* weir check: parses and compiles Rego, with the flags and the output of `opa check`. */
#include "app/commands.h"
#include "app/file.h"
#include "app/policy_load.h"
#include "app/rego_output.h"

#include <stdio.h>

static struct {
    const char *format;
    bool bundle, strict, v1;
    struct wr_option_list ignore;
} options = {.format = "pretty"};

static const struct wr_option table[] = {
    {"format", 'f', WR_OPT_TEXT, "pretty|json", "how to print errors (pretty)", &options.format},
    {"bundle", 'b', WR_OPT_FLAG, NULL, "the paths are bundles", &options.bundle},
    {"ignore", 0, WR_OPT_LIST, "PATTERN", "leave out files and folders of this name",
     &options.ignore},
    {"strict", 'S', WR_OPT_FLAG, NULL, "compiler strict mode", &options.strict},
    {"v1-compatible", 0, WR_OPT_FLAG, NULL, "modules are Rego v1", &options.v1},
};

static int check(struct wr_arena *arena, int argc, char **argv)
{
    struct wr_policy_files files;
    struct wr_rego_errors errors;
    struct wr_rego_program *program;
    struct wr_policy_paths paths = {
        .ignore = &options.ignore, .skip_verify = true, .v1 = options.v1};
    wr_policy_paths_take(&paths, argc, argv, options.bundle);
    struct wr_rego_options how = {.v1 = options.v1, .strict = options.strict};
    wr_rego_errors_init(&errors, arena);
    bool json = strcmp(options.format, "json") == 0;
    if (!wr_policy_load(&files, arena, &paths, &errors)) {
        if (json) {
            wr_rego_errors_print(arena, &errors, true, stderr);
        } else {
            wr_rego_errors_print_loading(arena, &errors, stderr);
        }
        return WR_EXIT_FAILED;
    }
    if (wr_rego_compile(arena, files.sources, files.n, &files.data, &how, &program, &errors) ==
        WR_OK) {
        return WR_EXIT_OK;
    }
    if (!json && wr_rego_errors_are_of_parse(&errors)) {
        wr_rego_errors_print_loading(arena, &errors, stderr);
    } else {
        wr_rego_errors_print(arena, &errors, json, stderr);
    }
    return WR_EXIT_FAILED;
}

static int run(int argc, char **argv)
{
    if (argc == 0) {
        wr_complain("wants files or folders");
        return WR_EXIT_USAGE;
    }
    struct wr_arena arena;
    wr_arena_init(&arena, &wr_heap, WR_GIB(8));
    int exit_code = check(&arena, argc, argv);
    wr_arena_deinit(&arena);
    return exit_code;
}

const struct wr_command wr_command_check = {
    "check",
    "Parses and compiles Rego modules, as opa check does",
    "[OPTIONS] PATH...",
    "Prints nothing and exits 0 when all is well, else the errors as OPA words them, on standard\n"
    "error, and 1.\n\n"
    "examples:\n"
    "  weir check packs/cards\n"
    "  weir check --strict -f json policy.rego\n",
    table,
    WR_COUNTOF(table),
    run,
};
