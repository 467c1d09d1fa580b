/* SPDX-License-Identifier: Apache-2.0 */
/* weir parse: the tree of a module, with the output of `opa parse`. */
#include "app/commands.h"
#include "app/file.h"
#include "app/rego_output.h"
#include "rego/ast_json.h"
#include "rego/ast_pretty.h"
#include "rego/parse.h"

#include <stdio.h>

static struct {
    const char *format, *include;
    bool v1;
} options = {.format = "pretty", .include = ""};

static const struct wr_option table[] = {
    {"format", 'f', WR_OPT_TEXT, "pretty|json", "how to print (pretty)", &options.format},
    {"json-include", 0, WR_OPT_TEXT, "PARTS", "locations, -comments: parts of the JSON form",
     &options.include},
    {"v1-compatible", 0, WR_OPT_FLAG, NULL, "the module is Rego v1", &options.v1},
};

static unsigned parts(void)
{
    unsigned out = WR_AST_JSON_COMMENTS;
    struct wr_str text = wr_str_z(options.include);
    for (size_t at = 0; at < text.n;) {
        size_t end = WR_MIN(wr_str_find(text, WR_STR(","), at), text.n);
        struct wr_str part = wr_str_of(text.p + at, end - at);
        bool off = part.n > 0 && part.p[0] == '-';
        unsigned bit = wr_str_ends(part, WR_STR("locations"))  ? WR_AST_JSON_LOCATIONS
                       : wr_str_ends(part, WR_STR("comments")) ? WR_AST_JSON_COMMENTS
                                                               : 0;
        out = off ? out & ~bit : out | bit;
        at = end + 1;
    }
    return out;
}

static int parse(struct wr_arena *arena, const char *path)
{
    struct wr_rego_parse_options how = {.v1 = options.v1, .annotations = true};
    struct wr_ast_module *module = NULL;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_rego_errors errors;
    struct wr_str text;
    wr_rego_errors_init(&errors, arena);
    if (!wr_file_exists(path)) {
        wr_rego_error_add(&errors, WR_E_IO, (struct wr_str){0}, NULL,
                          "open %s: no such file or directory", path);
    } else if (wr_file_read(arena, path, WR_LIMIT_REGO_SOURCE, &text, &error) != WR_OK) {
        wr_rego_error_add(&errors, WR_E_IO, (struct wr_str){0}, NULL, "%s", error.text);
    } else {
        wr_err code = wr_rego_parse_module(arena, wr_str_z(path), text, &how, &module, &errors);
        WR_ASSERT(code == WR_OK || errors.n > 0);
    }
    if (errors.n > 0) {
        wr_rego_errors_print(arena, &errors, true, stderr);
        return WR_EXIT_FAILED;
    }
    struct wr_buf out = wr_buf_in(arena, 65536);
    if (strcmp(options.format, "json") == 0) {
        wr_rego_module_json(&out, arena, module, parts());
        wr_output_json(arena, &out, stdout);
    } else {
        wr_rego_module_pretty(&out, module);
        fwrite(out.p, 1, out.n, stdout);
    }
    return out.overflow ? wr_complain("the tree does not fit into memory") : WR_EXIT_OK;
}

static int run(int argc, char **argv)
{
    bool known = strcmp(options.format, "json") == 0 || strcmp(options.format, "pretty") == 0;
    if (argc != 1 || !known) {
        wr_complain(known ? "wants one file" : "--format wants pretty or json");
        return WR_EXIT_USAGE;
    }
    struct wr_arena arena;
    wr_arena_init(&arena, &wr_heap, WR_GIB(4));
    int exit_code = parse(&arena, argv[0]);
    wr_arena_deinit(&arena);
    return exit_code;
}

const struct wr_command wr_command_parse = {
    "parse",
    "Prints the tree of a Rego module, as opa parse does",
    "[OPTIONS] FILE",
    "The JSON form is that of OPA's /v1/policies before compilation.\n\n"
    "examples:\n"
    "  weir parse packs/cards/risk.rego\n"
    "  weir parse -f json --json-include=-comments packs/cards/risk.rego\n",
    table,
    WR_COUNTOF(table),
    run,
};
