/* SPDX-License-Identifier: Apache-2.0 */
/* weir eval: evaluates a Rego query, with the flags and the output of `opa eval`. */
#include "app/commands.h"
#include "app/eval_env.h"
#include "app/file.h"
#include "app/policy_load.h"
#include "app/rego_output.h"
#include "value/json_read.h"
#include "value/json_write.h"

#include <stdio.h>
#include <time.h>

#define EVAL_CAP WR_GIB(8)

static struct {
    struct wr_option_list data, bundle;
    const char *input, *format, *package;
    struct wr_option_list imports, ignore;
    bool stdin_input, fail, fail_defined, strict, strict_builtins, v1;
} options = {.format = "json"};

static const struct wr_option table[] = {
    {"data", 'd', WR_OPT_LIST, "PATH", "a module, a data file, or a folder of them", &options.data},
    {"bundle", 'b', WR_OPT_LIST, "PATH", "a bundle folder", &options.bundle},
    {"input", 'i', WR_OPT_TEXT, "FILE", "the input document", &options.input},
    {"stdin-input", 'I', WR_OPT_FLAG, NULL, "read the input document from standard input",
     &options.stdin_input},
    {"format", 'f', WR_OPT_TEXT, "json|pretty|values|bindings|raw", "how to print (json)",
     &options.format},
    {"package", 0, WR_OPT_TEXT, "NAME", "evaluate as if within this package", &options.package},
    {"import", 0, WR_OPT_LIST, "PATH", "import for the query", &options.imports},
    {"ignore", 0, WR_OPT_LIST, "PATTERN", "leave out files and folders of this name",
     &options.ignore},
    {"fail", 0, WR_OPT_FLAG, NULL, "exit 1 when the result is undefined", &options.fail},
    {"fail-defined", 0, WR_OPT_FLAG, NULL, "exit 1 when the result is defined",
     &options.fail_defined},
    {"strict", 'S', WR_OPT_FLAG, NULL, "compiler strict mode", &options.strict},
    {"strict-builtin-errors", 0, WR_OPT_FLAG, NULL, "the first failing builtin is an error",
     &options.strict_builtins},
    {"v1-compatible", 0, WR_OPT_FLAG, NULL, "modules are Rego v1", &options.v1},
};

struct session {
    struct wr_arena arena, scratch;
    struct wr_value input;
    struct wr_rego_program *program;
    struct wr_rego_query *query;
    struct wr_rego_results results;
};

static struct wr_value expressions_value(struct session *s, const struct wr_rego_result *result)
{
    struct wr_arena *arena = &s->arena;
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, result->n_values);
    for (uint32_t i = 0; i < result->n_values && items != NULL; i++) {
        struct wr_ast_loc loc = {0};
        struct wr_str text = wr_rego_query_expr(s->query, i, &loc);
        struct wr_pair pairs[] = {
            {wr_string(WR_STR("value")), result->values[i]},
            {wr_string(WR_STR("text")), wr_output_text(arena, text)},
            {wr_string(WR_STR("location")),
             wr_output_location(arena, (struct wr_str){0}, loc.row, loc.col)},
        };
        items[i] = wr_output_object(arena, 3, pairs);
    }
    return wr_array(items, items != NULL ? result->n_values : 0);
}

/* {"result": [{"expressions": [...], "bindings": {...}}]}, or {} when undefined. */
static struct wr_value results_value(struct session *s)
{
    struct wr_arena *arena = &s->arena;
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, s->results.n);
    for (uint32_t i = 0; i < s->results.n && items != NULL; i++) {
        const struct wr_rego_result *result = &s->results.items[i];
        struct wr_pair pairs[] = {
            {wr_string(WR_STR("expressions")), expressions_value(s, result)},
            {wr_string(WR_STR("bindings")), result->bindings},
        };
        items[i] = wr_output_object(arena, result->bindings.n != 0 ? 2 : 1, pairs);
    }
    struct wr_pair top = {wr_string(WR_STR("result")),
                          wr_array(items, items != NULL ? s->results.n : 0)};
    return s->results.n != 0 ? wr_output_object(arena, 1, &top) : wr_object_from(NULL, 0);
}

static void print_raw(struct session *s)
{
    for (uint32_t i = 0; i < s->results.n; i++) {
        const struct wr_rego_result *result = &s->results.items[i];
        for (uint32_t k = 0; k < result->n_values; k++) {
            struct wr_value v = result->values[k];
            struct wr_buf buf = wr_buf_in(&s->arena, 1024);
            if (v.type == WR_STRING) {
                wr_buf_str(&buf, wr_text(v));
            } else {
                wr_json_write(&buf, &v, WR_JSON_COMPACT);
            }
            if (k != 0) {
                putchar(' ');
            }
            fwrite(buf.p, 1, buf.n, stdout);
        }
        putchar('\n');
    }
}

/* One value as pretty JSON; rows of bindings as JSON objects. */
static void print_pretty(struct session *s)
{
    if (s->results.n == 0) {
        puts("undefined");
    }
    for (uint32_t i = 0; i < s->results.n; i++) {
        const struct wr_rego_result *result = &s->results.items[i];
        bool bound = result->bindings.n != 0;
        for (uint32_t k = 0; k < (bound ? 1 : result->n_values); k++) {
            wr_output_json(&s->arena, bound ? &result->bindings : &result->values[k], stdout);
        }
    }
}

/* One document for each result, as OPA prints them. */
static void print_each(struct session *s, bool bindings)
{
    for (uint32_t i = 0; i < s->results.n; i++) {
        const struct wr_rego_result *result = &s->results.items[i];
        struct wr_value values = wr_array(result->values, result->n_values);
        wr_output_json(&s->arena, bindings ? &result->bindings : &values, stdout);
    }
}

static void print_results(struct session *s)
{
    if (strcmp(options.format, "raw") == 0) {
        print_raw(s);
    } else if (strcmp(options.format, "pretty") == 0) {
        print_pretty(s);
    } else if (strcmp(options.format, "values") == 0 || strcmp(options.format, "bindings") == 0) {
        print_each(s, options.format[0] == 'b');
    } else {
        struct wr_value v = results_value(s);
        wr_output_json(&s->arena, &v, stdout);
    }
}

static int print_errors(struct session *s, const struct wr_rego_errors *errors)
{
    bool json = strcmp(options.format, "json") == 0;
    wr_rego_errors_print(&s->arena, errors, json, json ? stdout : stderr);
    return WR_EXIT_USAGE;
}

static wr_err load(struct session *s, struct wr_error *error)
{
    const char *input = options.stdin_input ? "-" : options.input;
    s->input = wr_undefined();
    return input != NULL ? wr_policy_read_document(&s->arena, input, &s->input, error) : WR_OK;
}

static int evaluate(struct session *s)
{
    struct timespec now;
    struct wr_error error = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    struct wr_rego_context context = {
        .input = s->input.type != WR_UNDEFINED ? &s->input : NULL,
        .env = wr_eval_env(now.tv_sec * 1000000000LL + now.tv_nsec),
        .strict_builtin_errors = options.strict_builtins,
    };
    wr_err code = wr_rego_eval(s->query, &context, &s->scratch, &s->results, &error);
    if (code != WR_OK) {
        struct wr_rego_errors errors;
        wr_rego_errors_of_eval(&errors, &s->arena, &error);
        return print_errors(s, &errors);
    }
    print_results(s);
    if (wr_arena_failed(&s->arena)) {
        wr_complain("the result does not fit into memory");
        return WR_EXIT_USAGE;
    }
    bool defined = s->results.n != 0;
    return (options.fail && !defined) || (options.fail_defined && defined) ? WR_EXIT_FAILED
                                                                           : WR_EXIT_OK;
}

static int eval_query(struct session *s, const char *text)
{
    struct wr_error error = {0};
    struct wr_policy_files files;
    struct wr_rego_errors errors;
    struct wr_str imports[WR_LIMIT_OPTION_LIST];
    if (load(s, &error) != WR_OK) {
        wr_complain_error("loading", &error);
        return WR_EXIT_USAGE;
    }
    struct wr_policy_paths paths = {options.data.items,
                                    options.data.n,
                                    options.bundle.items,
                                    options.bundle.n,
                                    &options.ignore,
                                    NULL,
                                    false,
                                    options.v1};
    struct wr_rego_options how = {.v1 = options.v1, .strict = options.strict};
    wr_rego_errors_init(&errors, &s->arena);
    if (!wr_policy_load(&files, &s->arena, &paths, &errors) ||
        wr_rego_compile(&s->arena, files.sources, files.n, &files.data, &how, &s->program,
                        &errors) != WR_OK) {
        return print_errors(s, &errors);
    }
    for (size_t i = 0; i < options.imports.n; i++) {
        imports[i] = wr_str_z(options.imports.items[i]);
    }
    struct wr_rego_query_options query = {
        .capture = true, .imports = imports, .n_imports = options.imports.n};
    if (options.package != NULL) {
        query.package = wr_str_z(options.package);
    }
    if (wr_rego_prepare(s->program, &s->arena, wr_str_z(text), &query, &s->query, &errors) !=
        WR_OK) {
        return print_errors(s, &errors);
    }
    return evaluate(s);
}

static int run(int argc, char **argv)
{
    static const char *const formats[] = {"json", "pretty", "values", "bindings", "raw"};
    bool known = false;
    for (size_t i = 0; i < WR_COUNTOF(formats); i++) {
        known |= strcmp(options.format, formats[i]) == 0;
    }
    if (argc != 1 || !known) {
        wr_complain(known ? "wants one query"
                          : "--format wants json, pretty, values, bindings or raw");
        return WR_EXIT_USAGE;
    }
    struct session session = {0};
    wr_arena_init(&session.arena, &wr_heap, EVAL_CAP);
    wr_arena_init(&session.scratch, &wr_heap, EVAL_CAP);
    int exit_code = eval_query(&session, argv[0]);
    wr_arena_deinit(&session.scratch);
    wr_arena_deinit(&session.arena);
    return exit_code;
}

const struct wr_command wr_command_eval = {
    "eval",
    "Evaluates a Rego query, as opa eval does",
    "[OPTIONS] QUERY",
    "Flags and output are those of `opa eval`; exit code 2 for errors, 1 for --fail.\n\n"
    "examples:\n"
    "  weir eval -d packs/starter -i event.json data.risk\n"
    "  weir eval -f raw '1 + 2'\n"
    "  echo '{\"x\": 3}' | weir eval -I -f pretty 'y := input.x * 2'\n",
    table,
    WR_COUNTOF(table),
    run,
};
