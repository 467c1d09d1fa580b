/* SPDX-License-Identifier: Apache-2.0 */
/* weir fmt: formats Rego, with the flags of `opa fmt`. */
#include "app/commands.h"
#include "app/file.h"
#include "app/rego_output.h"
#include "rego/fmt.h"

#include <stdio.h>

static struct {
    bool write, list, fail, v1, to_v1;
} options;

static const struct wr_option table[] = {
    {"write", 'w', WR_OPT_FLAG, NULL, "overwrite the files", &options.write},
    {"list", 'l', WR_OPT_FLAG, NULL, "list the files whose format is not opa fmt's", &options.list},
    {"fail", 0, WR_OPT_FLAG, NULL, "exit 2 when a file is not formatted", &options.fail},
    {"v1-compatible", 0, WR_OPT_FLAG, NULL, "modules are Rego v1", &options.v1},
    {"rego-v1", 0, WR_OPT_FLAG, NULL, "format for both v0 and v1, with import rego.v1",
     &options.to_v1},
};

static bool failed_to_format; /* a file does not parse: exit 2, as OPA */

/* Formats one file; *changed tells whether the text differs. False after a complaint. */
static bool format_file(struct wr_arena *arena, const char *path, bool *changed)
{
    struct wr_error error = {0};
    struct wr_str text, out;
    struct wr_rego_errors errors;
    if (strcmp(path, "-") != 0 && !wr_file_exists(path)) {
        fprintf(stderr, "lstat %s: no such file or directory\n", path);
        return false;
    }
    if (wr_file_read(arena, path, 1u << 28, &text, &error) != WR_OK) {
        wr_complain_error("fmt", &error);
        return false;
    }
    enum wr_rego_style style = options.to_v1 ? WR_FORMAT_TO_V1
                               : options.v1  ? WR_FORMAT_V1
                                             : WR_FORMAT_AS_IT_IS;
    wr_rego_errors_init(&errors, arena);
    if (wr_rego_format_text(arena, wr_str_z(path), text, style, &out, &errors) != WR_OK) {
        fputs("failed to format Rego source file: ", stderr);
        wr_rego_errors_print(arena, &errors, false, stderr);
        failed_to_format = true;
        return false;
    }
    *changed = !wr_str_eq(text, out);
    if (options.list && *changed) {
        puts(path);
    }
    if (options.write && *changed && wr_file_write(path, out, &error) != WR_OK) {
        wr_complain_error(path, &error);
        return false;
    }
    if (!options.write && !options.list && fwrite(out.p, 1, out.n, stdout) != out.n) {
        wr_complain("cannot write to standard output");
        return false;
    }
    return true;
}

static bool format_path(struct wr_arena *arena, const char *path, size_t *n_changed)
{
    struct wr_file_list list;
    struct wr_error error = {0};
    bool changed = false, good = true;
    if (strcmp(path, "-") == 0 || !wr_file_is_directory(path)) {
        good = format_file(arena, path, &changed);
        *n_changed += changed;
        return good;
    }
    if (wr_file_walk(arena, path, &list, &error) != WR_OK) {
        wr_complain_error(path, &error);
        return false;
    }
    for (size_t i = 0; i < list.n; i++) {
        char full[8192];
        if (!wr_str_ends(list.paths[i], WR_STR(".rego"))) {
            continue;
        }
        snprintf(full, sizeof full, "%s/%.*s", path, WR_FMT(list.paths[i]));
        good = format_file(arena, full, &changed) && good;
        *n_changed += changed;
    }
    return good;
}

static int run(int argc, char **argv)
{
    static char standard[] = "-";
    char *only[] = {standard, NULL};
    char **paths = argc != 0 ? argv : only;
    struct wr_arena arena;
    size_t n_changed = 0;
    bool good = true;
    wr_arena_init(&arena, &wr_heap, WR_GIB(8));
    for (size_t i = 0; paths[i] != NULL; i++) {
        good = format_path(&arena, paths[i], &n_changed) && good;
    }
    wr_arena_deinit(&arena);
    if (!good) {
        return failed_to_format ? WR_EXIT_USAGE : WR_EXIT_FAILED;
    }
    if (options.fail && n_changed != 0 && argc != 0) {
        fputs("unexpected diff\n", stderr);
        return WR_EXIT_USAGE;
    }
    return WR_EXIT_OK;
}

const struct wr_command wr_command_fmt = {
    "fmt",
    "Formats Rego modules, as opa fmt does",
    "[OPTIONS] [PATH...]",
    "Prints the formatted text, or writes it back with --write. Without a path it reads standard\n"
    "input. Meaning is kept: a result that would not read as the same rules is refused.\n\n"
    "examples:\n"
    "  weir fmt -w packs/cards\n"
    "  weir fmt --list --fail packs\n"
    "  weir fmt < policy.rego\n",
    table,
    WR_COUNTOF(table),
    run,
};
