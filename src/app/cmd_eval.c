/* SPDX-License-Identifier: Apache-2.0 */
/* weir eval: evaluates a Rego query, with the flags and the output of `opa eval`. */
#include "app/commands.h"
#include "app/eval_env.h"
#include "app/eval_output.h"
#include "app/eval_profile.h"
#include "app/file.h"
#include "app/policy_load.h"
#include "app/rego_output.h"
#include "base/num.h"
#include "rego/parse.h"
#include "rego/trace.h"

#include <stdio.h>
#include <time.h>

#define EVAL_CAP       WR_GIB(8)
#define WR_LIMIT_COUNT 10000u /* runs of --count */

static struct {
    struct wr_option_list data, bundle, imports, ignore, profile_sort;
    const char *input, *format, *package, *target, *explain, *profile_limit;
    int64_t timeout_ms;
    uint64_t count, pretty_limit;
    bool stdin_query, stdin_input, profile, fail, fail_defined, strict, strict_builtins, v1,
        metrics, instrument, no_indexing, no_early_exit;
} options = {.format = "json", .target = "rego", .explain = "off", .count = 1, .pretty_limit = 80};

static const struct wr_option table[] = {
    {"data", 'd', WR_OPT_LIST, "PATH", "a module, a data file, or a folder of them", &options.data},
    {"bundle", 'b', WR_OPT_LIST, "PATH", "a bundle, folder or .tar.gz", &options.bundle},
    {"input", 'i', WR_OPT_TEXT, "FILE", "the input document", &options.input},
    {"stdin-input", 'I', WR_OPT_FLAG, NULL, "read the input document from standard input",
     &options.stdin_input},
    {"stdin", 0, WR_OPT_FLAG, NULL, "read the query from standard input", &options.stdin_query},
    {"format", 'f', WR_OPT_TEXT, "json|pretty|values|bindings|raw|discard", "how to print (json)",
     &options.format},
    {"package", 0, WR_OPT_TEXT, "NAME", "evaluate as if within this package", &options.package},
    {"import", 0, WR_OPT_LIST, "PATH", "import for the query", &options.imports},
    {"ignore", 0, WR_OPT_LIST, "PATTERN", "leave out files and folders of this name",
     &options.ignore},
    {"fail", 0, WR_OPT_FLAG, NULL, "exit 1 when the result is undefined", &options.fail},
    {"fail-defined", 0, WR_OPT_FLAG, NULL, "exit 1 when the result is defined",
     &options.fail_defined},
    {"explain", 0, WR_OPT_TEXT, "off|full|notes|fails|debug",
     "tell the evaluation step by step (off)", &options.explain},
    {"metrics", 0, WR_OPT_FLAG, NULL, "tell how long loading, compiling, evaluating took",
     &options.metrics},
    {"instrument", 0, WR_OPT_FLAG, NULL, "as --metrics", &options.instrument},
    {"profile", 0, WR_OPT_FLAG, NULL, "count and time the lines that are evaluated",
     &options.profile},
    {"profile-limit", 0, WR_OPT_TEXT, "N", "show so many lines of --profile (10; 0: all)",
     &options.profile_limit},
    {"profile-sort", 0, WR_OPT_LIST, "KEY",
     "order of --profile: total_time_ns, num_eval, num_redo, num_gen_expr, file, line",
     &options.profile_sort},
    {"count", 0, WR_OPT_U64, "N", "evaluate N times; --metrics tells the spread (1)",
     &options.count},
    {"pretty-limit", 0, WR_OPT_U64, "N", "cut cells of --format pretty (80; 0: never)",
     &options.pretty_limit},
    {"timeout", 0, WR_OPT_DURATION, "10s", "give up after this time", &options.timeout_ms},
    {"strict", 'S', WR_OPT_FLAG, NULL, "compiler strict mode", &options.strict},
    {"strict-builtin-errors", 0, WR_OPT_FLAG, NULL, "the first failing builtin is an error",
     &options.strict_builtins},
    {"v1-compatible", 0, WR_OPT_FLAG, NULL, "modules are Rego v1", &options.v1},
    {"target", 't', WR_OPT_TEXT, "rego", "the only one", &options.target},
    {"disable-indexing", 0, WR_OPT_FLAG, NULL, "taken and without effect: results are the same",
     &options.no_indexing},
    {"disable-early-exit", 0, WR_OPT_FLAG, NULL, "taken and without effect: results are the same",
     &options.no_early_exit},
};

struct session {
    struct wr_arena arena, scratch;
    struct wr_value input;
    struct wr_str text;
    struct wr_rego_program *program;
    struct wr_rego_results results;
    struct wr_rego_errors errors;
    struct wr_figures figures, *runs;
    struct wr_eval_output output;
    struct wr_policy_files files;
    struct wr_trace trace;
    struct wr_profile profile;
    volatile int interrupt;
};

static enum wr_eval_format format;

static void print_line(void *context, struct wr_str text)
{
    (void)context;
    fprintf(stderr, "%.*s\n", WR_FMT(text));
}

/* ── the steps ──────────────────────────────────────────────────────────────────────────────── */
static bool imports_keywords(void)
{
    for (size_t i = 0; i < options.imports.n; i++) {
        if (strncmp(options.imports.items[i], "future.keywords", 15) == 0 ||
            strcmp(options.imports.items[i], "rego.v1") == 0) {
            return true;
        }
    }
    return false;
}

/* Modules and data, compiled. False: s->errors. */
static bool load(struct session *s)
{
    struct wr_policy_paths paths = {.paths = options.data.items,
                                    .n_paths = options.data.n,
                                    .bundles = options.bundle.items,
                                    .n_bundles = options.bundle.n,
                                    .ignore = &options.ignore,
                                    .skip_verify = true,
                                    .v1 = options.v1};
    int64_t t0 = wr_figures_now();
    if (!wr_policy_load(&s->files, &s->arena, &paths, &s->errors)) {
        return false;
    }
    int64_t t1 = wr_figures_now();
    struct wr_rego_options how = {
        .v1 = options.v1, .strict = options.strict, .all_keywords = imports_keywords()};
    wr_err code = wr_rego_compile(&s->arena, s->files.sources, s->files.n, &s->files.data, &how,
                                  &s->program, &s->errors);
    if (options.data.n > 0 || options.bundle.n > 0) {
        wr_figures_add(&s->figures,
                       options.data.n > 0 ? "timer_rego_load_files_ns"
                                          : "timer_rego_load_bundles_ns",
                       t1 - t0);
        wr_figures_add(&s->figures, "timer_rego_module_compile_ns", wr_figures_now() - t1);
        wr_figures_add(&s->figures, "timer_rego_module_parse_ns", 0); /* within compiling */
    }
    return code == WR_OK;
}

/* False: s->errors. */
static bool prepare(struct session *s)
{
    struct wr_str imports[WR_LIMIT_OPTION_LIST];
    struct wr_rego_parse_options parse = {.v1 = options.v1,
                                          .all_future_keywords = imports_keywords()};
    struct wr_ast_body *body = NULL;
    struct wr_rego_query *query = NULL;
    struct wr_rego_query_options how = {.capture = true, .imports = imports};
    how.n_imports = 0;
    for (size_t i = 0; i < options.imports.n; i++) {
        if (strncmp(options.imports.items[i], "future.keywords", 15) != 0) {
            imports[how.n_imports++] = wr_str_z(options.imports.items[i]);
        }
    }
    if (options.package != NULL) {
        how.package = wr_str_z(options.package);
    }
    int64_t t0 = wr_figures_now();
    wr_err code =
        wr_rego_parse_body(&s->arena, (struct wr_str){0}, s->text, &parse, &body, &s->errors);
    int64_t t1 = wr_figures_now();
    wr_figures_add(&s->figures, "timer_rego_query_parse_ns", t1 - t0);
    if (code == WR_OK && body->n == 0) {
        wr_rego_error_add(&s->errors, WR_E_REGO_COMPILE, (struct wr_str){0}, NULL,
                          "empty query cannot be compiled");
        code = WR_E_REGO_COMPILE;
    }
    if (code != WR_OK) {
        return false;
    }
    code = wr_rego_prepare(s->program, &s->arena, s->text, &how, &query, &s->errors);
    wr_figures_add(&s->figures, "timer_rego_query_compile_ns", wr_figures_now() - t1);
    s->output.query = query;
    s->output.body = body;
    return code == WR_OK;
}

/* False: s->errors. */
static bool evaluate(struct session *s)
{
    struct timespec now;
    struct wr_error error = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    struct wr_rego_context context = {
        .input = s->input.type != WR_UNDEFINED ? &s->input : NULL,
        .env = wr_eval_env((int64_t)now.tv_sec * 1000000000 + now.tv_nsec),
        .strict_builtin_errors = options.strict_builtins,
        .interrupt = &s->interrupt,
        .fuel = UINT64_MAX,
    };
    context.env.print.print = print_line;
    int64_t t0 = wr_figures_now();
    wr_err code = wr_rego_eval(s->output.query, &context, &s->scratch, &s->results, &error);
    wr_figures_add(&s->figures, "timer_rego_query_eval_ns", wr_figures_now() - t0);
    if (code != WR_OK) {
        wr_rego_errors_of_eval(&s->errors, &s->arena, &error);
        return false;
    }
    s->output.results = &s->results;
    return true;
}

/* All of it `count` times, so that figures can be compared; the first results are shown. */
static bool run_all(struct session *s)
{
    bool good = load(s) && prepare(s) && evaluate(s);
    if (options.count > 1) {
        s->runs = WR_NEW_ARRAY(&s->arena, struct wr_figures, options.count);
        s->output.runs = s->runs;
        s->output.n_runs = s->runs != NULL ? options.count : 1;
    }
    for (uint64_t i = 0; i < options.count && s->runs != NULL; i++) {
        s->runs[i] = s->figures;
        if (good && i + 1 < options.count) {
            struct wr_rego_results kept = s->results;
            s->figures = (struct wr_figures){0};
            good = prepare(s) && evaluate(s);
            s->results = kept;
        }
    }
    return good;
}

/* ── explaining ─────────────────────────────────────────────────────────────────────────────── */
static void explain_text(struct wr_buf *text, void *context)
{
    struct session *s = context;
    wr_trace_write(text, &s->trace);
}

static void explain_json(struct wr_buf *json, void *context)
{
    struct session *s = context;
    wr_buf_str(json, WR_STR("\"explanation\":"));
    wr_trace_json(json, &s->trace);
}

/* False: there is no trace. */
static bool trace_query(struct session *s)
{
    struct wr_str *names = WR_NEW_ARRAY(&s->arena, struct wr_str, s->files.n + 1);
    struct wr_rego_context context = {
        .input = s->input.type != WR_UNDEFINED ? &s->input : NULL,
        .env = wr_eval_env(0),
        .strict_builtin_errors = options.strict_builtins,
        .clock = options.profile ? wr_figures_now : NULL,
    };
    for (size_t i = 0; names != NULL && i < s->files.n; i++) {
        names[i] = s->files.sources[i].file;
    }
    return names != NULL && wr_rego_trace(&s->arena, s->program, names, s->text, &s->files.data,
                                          &context, &s->trace);
}

static void explain(struct session *s)
{
    bool notes = strcmp(options.explain, "notes") == 0,
         fails = strcmp(options.explain, "fails") == 0;
    wr_trace_filter(&s->trace, notes ? WR_TRACE_NOTES : fails ? WR_TRACE_FAILS : WR_TRACE_FULL);
    s->output.explain_text = explain_text;
    s->output.explain_json = s->trace.n > 0 ? explain_json : NULL;
}

/* ── profiles ───────────────────────────────────────────────────────────────────────────────── */
static void profile_json(struct wr_buf *json, void *context, bool sorted)
{
    struct session *s = context;
    wr_profile_json(json, &s->profile, sorted);
}

static void profile_table(void *context, FILE *out)
{
    struct session *s = context;
    wr_profile_table(&s->profile, out);
}

/* Criteria come one an option, or several with commas between. False: there is no such. */
static bool read_order(uint32_t criteria[WR_LIMIT_OPTION_LIST], uint32_t *n)
{
    *n = 0;
    for (size_t i = 0; i < options.profile_sort.n; i++) {
        struct wr_str rest = wr_str_z(options.profile_sort.items[i]);
        while (rest.n > 0) {
            size_t end = WR_MIN(wr_str_find(rest, WR_STR(","), 0), rest.n);
            uint32_t criterion = wr_profile_criterion(wr_str_of(rest.p, end));
            if (criterion == WR_PROFILE_CRITERIA || *n == WR_LIMIT_OPTION_LIST) {
                return false;
            }
            criteria[(*n)++] = criterion;
            end += end < rest.n;
            rest = wr_str_of(rest.p + end, rest.n - end);
        }
    }
    return true;
}

static bool read_limit(uint64_t *limit)
{
    const char *text = options.profile_limit;
    *limit = 10;
    if (text == NULL) {
        return true;
    }
    bool negative = text[0] == '-'; /* all, as with OPA */
    bool good = wr_num_read_u64(wr_str_z(text + negative), limit);
    *limit = negative ? 0 : *limit;
    return good;
}

/* Adds the run that has been traced, and traces the others. */
static void profile(struct session *s)
{
    uint32_t criteria[WR_LIMIT_OPTION_LIST], n;
    uint64_t limit;
    wr_profile_init(&s->profile, &s->arena, s->text, options.count);
    for (uint64_t run = 0; run < options.count; run++) {
        if ((run > 0 && !trace_query(s)) || !wr_profile_add(&s->profile, &s->trace, run)) {
            return;
        }
    }
    if (s->profile.n > 0 && read_order(criteria, &n) && read_limit(&limit)) {
        wr_profile_sort(&s->profile, criteria, n, limit);
        s->output.profile_json = profile_json;
        s->output.profile_table = profile_table;
    }
}

/* What is told of the steps: counts first, as an explanation may leave steps out. */
static void tell_steps(struct session *s)
{
    bool explains = strcmp(options.explain, "off") != 0;
    if (s->output.query == NULL || !(explains || options.profile) || !trace_query(s)) {
        return;
    }
    s->output.context = s;
    if (s->trace.cut != NULL) {
        fprintf(stderr, "weir eval: the %s ends early: %s\n", explains ? "explanation" : "profile",
                s->trace.cut);
    }
    if (options.profile) {
        profile(s);
    }
    if (explains) {
        explain(s);
    }
}

/* ── the command ────────────────────────────────────────────────────────────────────────────── */
static bool read_input(struct session *s)
{
    const char *input = options.stdin_input ? "-" : options.input;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    s->input = wr_undefined();
    if (input == NULL) {
        return true;
    }
    if (strcmp(input, "-") != 0 && !wr_file_exists(input)) {
        fprintf(stderr, "open %s: no such file or directory\n", input);
        return false;
    }
    if (wr_policy_read_input(&s->arena, input, &s->input, &error) != WR_OK) {
        fprintf(stderr, "unable to parse input: %s\n", error.text);
        return false;
    }
    return true;
}

static bool read_query(struct session *s, const char *argument)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    if (!options.stdin_query) {
        s->text = wr_str_z(argument);
        return true;
    }
    if (wr_file_read(&s->arena, "-", WR_LIMIT_REGO_SOURCE, &s->text, &error) != WR_OK) {
        wr_complain_error("standard input", &error);
        return false;
    }
    while (s->text.n > 0 && s->text.p[s->text.n - 1] == '\n') {
        s->text.n--;
    }
    return true;
}

static int eval_query(struct session *s, const char *argument)
{
    wr_rego_errors_init(&s->errors, &s->arena);
    if (!read_input(s) || !read_query(s, argument)) {
        return WR_EXIT_USAGE;
    }
    s->output.arena = &s->arena;
    s->output.text = s->text;
    s->output.pretty_limit = options.pretty_limit;
    wr_stop_after(options.timeout_ms, &s->interrupt);
    bool good = run_all(s);
    if (!good) {
        s->output.errors = &s->errors;
        s->output.results = NULL;
    }
    tell_steps(s);
    bool measured = options.metrics || options.instrument || options.profile;
    s->output.figures = measured ? &s->figures : NULL;
    if (!wr_eval_print(&s->output, format, stdout)) {
        wr_complain("the result does not fit into memory");
        return WR_EXIT_USAGE;
    }
    if (!good) {
        return WR_EXIT_USAGE;
    }
    bool defined = s->results.n != 0;
    return (options.fail && !defined) || (options.fail_defined && defined) ? WR_EXIT_FAILED
                                                                           : WR_EXIT_OK;
}

static bool is_explain_mode(const char *mode)
{
    static const char *const modes[] = {"off", "full", "notes", "fails", "debug"};
    for (size_t i = 0; i < WR_COUNTOF(modes); i++) {
        if (strcmp(mode, modes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_options(int argc)
{
    uint32_t criteria[WR_LIMIT_OPTION_LIST], n;
    uint64_t limit;
    options.profile |= options.profile_limit != NULL || options.profile_sort.n > 0;
    if (!wr_eval_format_read(options.format, &format)) {
        wr_complain("--format wants json, pretty, values, bindings, raw or discard");
    } else if (format == WR_EVAL_SOURCE) {
        wr_complain("--format source is for partial evaluation, which is not offered");
    } else if (!is_explain_mode(options.explain)) {
        wr_complain("--explain wants off, full, notes, fails or debug");
    } else if (!read_limit(&limit)) {
        wr_complain("--profile-limit wants a number of lines, 0 for all");
    } else if (!read_order(criteria, &n)) {
        wr_complain("--profile-sort wants total_time_ns, num_eval, num_redo, num_gen_expr, file or "
                    "line");
    } else if (strcmp(options.target, "rego") != 0) {
        wr_complain("--target %s is not offered: rego is", options.target);
    } else if (options.count == 0 || options.count > WR_LIMIT_COUNT) {
        wr_complain("--count wants 1 to %u", WR_LIMIT_COUNT);
    } else if (argc > 1 || (argc == 1 && options.stdin_query)) {
        wr_complain("wants one query: as an argument or by --stdin");
    } else if (argc == 0 && !options.stdin_query) {
        wr_complain("wants a query, or --stdin");
    } else {
        return true;
    }
    return false;
}

static int run(int argc, char **argv)
{
    if (!check_options(argc)) {
        return WR_EXIT_USAGE;
    }
    static struct session session;
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
    "  echo '{\"x\": 3}' | weir eval -I -f pretty 'y := input.x * 2'\n"
    "  weir eval --profile -d packs/starter -i event.json -f pretty data.risk\n"
    "  weir eval --fail -b packs/cards --metrics -f pretty data.risk.allow\n",
    table,
    WR_COUNTOF(table),
    run,
};
