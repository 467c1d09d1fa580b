/* SPDX-License-Identifier: Apache-2.0 */
/* weir test: runs Rego tests, with the flags, the output and the exit codes of `opa test`; and
 * suites of Gatekeeper's gator (warden_suite.h), where a path holds one.
 *
 * Each rule whose name begins with test_ is a test; todo_test_ is told and skipped. Rules of one
 * name are tests of their own: the second is NAME#01. A test passes when its value is true. Exit 0
 * when all pass, 2 when one fails or is skipped, 1 on other errors. */
#include "app/commands.h"
#include "app/eval_env.h"
#include "app/figures.h"
#include "app/file.h"
#include "app/warden_suite.h"
#include "app/policy_load.h"
#include "app/rego_output.h"
#include "app/test_names.h"
#include "rego/trace.h"
#include "value/json_write.h"

#include <stdio.h>
#include <time.h>

static struct {
    const char *format, *run, *explain;
    struct wr_option_list ignore;
    int64_t timeout_ms;
    uint64_t count;
    bool bundle, verbose, v1, zero_on_skipped;
} options = {.format = "pretty", .timeout_ms = 5000, .count = 1};

static const struct wr_option table[] = {
    {"verbose", 'v', WR_OPT_FLAG, NULL, "tell every test", &options.verbose},
    {"run", 'r', WR_OPT_TEXT, "REGEX", "run tests whose path matches", &options.run},
    {"format", 'f', WR_OPT_TEXT, "pretty|json", "how to print (pretty)", &options.format},
    {"explain", 0, WR_OPT_TEXT, "full|notes|fails",
     "with -v: steps of tests that failed (notes and fails)", &options.explain},
    {"bundle", 'b', WR_OPT_FLAG, NULL, "the paths are bundles", &options.bundle},
    {"ignore", 0, WR_OPT_LIST, "PATTERN", "leave out files and folders of this name",
     &options.ignore},
    {"timeout", 0, WR_OPT_DURATION, "5s", "give up a test after this time (5s)",
     &options.timeout_ms},
    {"count", 0, WR_OPT_U64, "N", "run all tests N times, or until one fails (1)", &options.count},
    {"exit-zero-on-skipped", 'z', WR_OPT_FLAG, NULL, "skipped tests are no failure",
     &options.zero_on_skipped},
    {"v1-compatible", 0, WR_OPT_FLAG, NULL, "modules are Rego v1", &options.v1},
};

enum result { PASS, FAIL, SKIPPED, ERROR, N_RESULTS };
static const char *const result_names[] = {"PASS", "FAIL", "SKIPPED", "ERROR"};

struct test {
    struct wr_test_name name;
    enum result result;
    int64_t ns;
    struct wr_rego_errors errors; /* of ERROR */
    bool compiled;                /* ERROR: the query did compile */
    struct wr_buf output;         /* of print */
    struct wr_trace trace;        /* of FAIL, when it is asked for */
};

struct suite {
    struct wr_arena arena, scratch;
    struct wr_rego_program *program;
    const struct wr_str *names; /* of the files */
    const struct wr_value *data;
    struct test *tests;
    size_t n, counts[N_RESULTS];
    volatile int interrupt;
};

/* ── running ────────────────────────────────────────────────────────────────────────────────── */
static void keep_line(void *context, struct wr_str text)
{
    struct test *test = context;
    wr_buf_str(&test->output, text);
    wr_buf_char(&test->output, '\n');
}

/* What led to the failure, from a second run in steps. */
static void trace_one(struct suite *suite, struct test *test, struct wr_rego_context *context)
{
    static const char *const modes[] = {
        [WR_TRACE_FULL] = "full", [WR_TRACE_NOTES] = "notes", [WR_TRACE_FAILS] = "fails"};
    enum wr_trace_filter filter = WR_TRACE_NOTES_AND_FAILS;
    for (enum wr_trace_filter i = 0; i < WR_COUNTOF(modes); i++) {
        filter = options.explain != NULL && strcmp(options.explain, modes[i]) == 0 ? i : filter;
    }
    context->env.print.print = NULL;
    if (wr_rego_trace(&suite->arena, suite->program, suite->names, test->name.rule, suite->data,
                      context, &test->trace)) {
        wr_trace_filter(&test->trace, filter);
    }
}

static void run_one(struct suite *suite, struct test *test)
{
    struct wr_rego_query *query = NULL;
    struct wr_rego_results results = {0};
    struct wr_rego_query_options how = {.capture = true};
    struct wr_error error = {0};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct wr_rego_context context = {
        .env = wr_eval_env((int64_t)now.tv_sec * 1000000000 + now.tv_nsec),
        .interrupt = &suite->interrupt,
        .fuel = UINT64_MAX,
    };
    context.env.print.print = keep_line;
    context.env.print.context = test;
    test->output = wr_buf_in(&suite->arena, 256);
    wr_rego_errors_init(&test->errors, &suite->arena);
    suite->interrupt = 0;
    wr_stop_after(options.timeout_ms, &suite->interrupt);
    int64_t start = wr_figures_now();
    wr_err code = wr_rego_prepare(suite->program, &suite->arena, test->name.rule, &how, &query,
                                  &test->errors);
    test->compiled = code == WR_OK;
    if (code == WR_OK) {
        code = wr_rego_eval(query, &context, &suite->scratch, &results, &error);
        if (code != WR_OK) {
            wr_rego_errors_of_eval(&test->errors, &suite->arena, &error);
        }
    }
    test->ns = wr_figures_now() - start;
    wr_stop_after(0, &suite->interrupt);
    bool passed = results.n > 0 && wr_is_true(results.items[0].values[0]);
    test->result = code != WR_OK ? ERROR : passed ? PASS : FAIL;
    if (test->result == FAIL && options.verbose) {
        trace_one(suite, test, &context);
    }
    wr_arena_reset(&suite->scratch);
}

static bool wanted(struct suite *suite, struct wr_str path)
{
    struct wr_rego_errors errors;
    struct wr_rego_query *prepared;
    struct wr_rego_results results = {0};
    if (options.run == NULL) {
        return true;
    }
    struct wr_value pair[2] = {wr_string(wr_str_z(options.run)), wr_string(path)};
    struct wr_value input = wr_array(pair, 2);
    struct wr_rego_context context = {.input = &input};
    wr_rego_errors_init(&errors, &suite->scratch);
    bool matches =
        wr_rego_prepare(suite->program, &suite->scratch, WR_STR("regex.match(input[0], input[1])"),
                        NULL, &prepared, &errors) == WR_OK &&
        wr_rego_eval(prepared, &context, &suite->scratch, &results, NULL) == WR_OK &&
        results.n != 0;
    wr_arena_reset(&suite->scratch);
    return matches;
}

/* One entry for each test rule, in order of files. */
static bool collect(struct suite *suite, const struct wr_test_names *names)
{
    suite->tests = WR_NEW_ARRAY(&suite->arena, struct test, names->n);
    for (size_t i = 0; i < names->n && suite->tests != NULL; i++) {
        if (wanted(suite, names->items[i].path)) {
            suite->tests[suite->n++] = (struct test){
                .name = names->items[i], .result = names->items[i].todo ? SKIPPED : PASS};
        }
    }
    return suite->tests != NULL;
}

/* ── pretty ─────────────────────────────────────────────────────────────────────────────────── */
static void print_output(const struct test *test)
{
    size_t n = test->output.n;
    while (n > 0 && test->output.p[n - 1] == '\n') {
        n--;
    }
    fputs("\n  ", stdout);
    for (size_t i = 0; i < n; i++) {
        putchar(test->output.p[i]);
        fputs(test->output.p[i] == '\n' ? "  " : "", stdout);
    }
    fputs("\n\n", stdout);
}

static void print_error(struct suite *suite, const struct test *test)
{
    struct wr_buf text = wr_buf_in(&suite->arena, 256);
    if (test->compiled) {
        wr_rego_error_write(&text, &test->errors.items[0]);
    } else {
        wr_rego_errors_write(&text, &test->errors);
    }
    printf("  %.*s\n", (int)text.n, text.p);
}

static void print_head(const struct test *test)
{
    printf("%.*s: %s", WR_FMT(test->name.path), result_names[test->result]);
    if (test->result != SKIPPED) {
        char room[32];
        struct wr_buf duration = wr_buf_fixed(room, sizeof room);
        wr_output_duration(&duration, test->ns);
        printf(" (%.*s)", (int)duration.n, duration.p);
    }
    putchar('\n');
}

static void print_test(struct suite *suite, const struct test *test)
{
    print_head(test);
    if (test->output.n > 0) {
        print_output(test);
    }
    if (test->result == ERROR) {
        print_error(suite, test);
    }
}

static void print_line(void)
{
    puts("--------------------------------------------------------------------------------");
}

static void print_trace(struct suite *suite, const struct test *test)
{
    struct wr_buf text = wr_buf_in(&suite->arena, 4096);
    wr_trace_write(&text, &test->trace);
    print_head(test);
    putchar('\n');
    for (size_t i = 0; i < text.n; i++) {
        fputs(i == 0 || text.p[i - 1] == '\n' ? "  " : "", stdout);
        putchar(text.p[i]);
    }
    if (test->trace.cut != NULL) {
        printf("  (the trace ends early: %s)\n", test->trace.cut);
    }
    putchar('\n');
}

static void print_failures(struct suite *suite)
{
    puts("FAILURES");
    print_line();
    for (size_t i = 0; i < suite->n; i++) {
        if (suite->tests[i].result == FAIL) {
            print_trace(suite, &suite->tests[i]);
        }
    }
    puts("SUMMARY");
    print_line();
}

static void print_pretty(struct suite *suite)
{
    if (options.verbose && suite->counts[FAIL] > 0) {
        print_failures(suite);
    }
    struct wr_str file = {0};
    bool told = false;
    for (size_t i = 0; i < suite->n; i++) {
        const struct test *test = &suite->tests[i];
        if (!options.verbose && test->result == PASS) {
            continue;
        }
        if (!told || !wr_str_eq(file, test->name.file)) {
            printf("%s%.*s:\n", told ? "\n" : "", WR_FMT(test->name.file));
            file = test->name.file;
            told = true;
        }
        print_test(suite, test);
    }
    if (told) {
        print_line();
    }
    for (int r = 0; r < N_RESULTS; r++) {
        if (suite->counts[r] != 0) {
            printf("%s: %zu/%zu\n", result_names[r], suite->counts[r], suite->n);
        }
    }
}

/* ── JSON ───────────────────────────────────────────────────────────────────────────────────── */
static void write_base64(struct wr_buf *out, struct wr_str text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < text.n; i += 3) {
        size_t left = text.n - i;
        uint32_t v = (uint32_t)(uint8_t)text.p[i] << 16;
        v |= left > 1 ? (uint32_t)(uint8_t)text.p[i + 1] << 8 : 0;
        v |= left > 2 ? (uint32_t)(uint8_t)text.p[i + 2] : 0;
        wr_buf_char(out, digits[v >> 18]);
        wr_buf_char(out, digits[v >> 12 & 63]);
        wr_buf_char(out, left > 1 ? digits[v >> 6 & 63] : '=');
        wr_buf_char(out, left > 2 ? digits[v & 63] : '=');
    }
}

static void write_error(struct wr_buf *json, const struct wr_rego_error *e)
{
    wr_buf_str(json, WR_STR("{\"code\":"));
    wr_json_write_string(json, wr_rego_error_code(e), WR_JSON_HTML_SAFE);
    wr_buf_str(json, WR_STR(",\"message\":"));
    wr_json_write_string(json, e->message, WR_JSON_HTML_SAFE);
    if (e->row != 0) {
        wr_buf_str(json, WR_STR(",\"location\":"));
        wr_output_location(json, e->file, e->row, e->col);
    }
    wr_buf_char(json, '}');
}

static void write_errors(struct wr_buf *json, const struct test *test)
{
    wr_buf_str(json, WR_STR(",\"error\":"));
    if (test->compiled) {
        write_error(json, &test->errors.items[0]);
        return;
    }
    for (uint32_t i = 0; i < test->errors.n; i++) {
        wr_buf_str(json, i == 0 ? WR_STR("[") : WR_STR(","));
        write_error(json, &test->errors.items[i]);
    }
    wr_buf_char(json, ']');
}

static void write_test(struct wr_buf *json, const struct test *test)
{
    wr_buf_str(json, WR_STR("{\"location\":"));
    wr_output_location(json, test->name.file, test->name.row, test->name.col);
    wr_buf_str(json, WR_STR(",\"package\":"));
    wr_json_write_string(json, test->name.package, WR_JSON_HTML_SAFE);
    wr_buf_str(json, WR_STR(",\"name\":"));
    wr_json_write_string(json, test->name.name, WR_JSON_HTML_SAFE);
    if (test->result == ERROR) {
        write_errors(json, test);
    } else if (test->result != PASS) {
        wr_format(json, ",\"%s\":true", test->result == FAIL ? "fail" : "skip");
    }
    wr_format(json, ",\"duration\":%lld", (long long)test->ns);
    if (test->trace.n > 0) {
        wr_buf_str(json, WR_STR(",\"trace\":"));
        wr_trace_json(json, &test->trace);
    }
    if (test->output.n > 0) {
        wr_buf_str(json, WR_STR(",\"output\":\""));
        write_base64(json, wr_buf_view(&test->output));
        wr_buf_char(json, '"');
    }
    wr_buf_char(json, '}');
}

static void print_json(struct suite *suite)
{
    struct wr_buf json = wr_buf_in(&suite->arena, 65536);
    wr_buf_char(&json, '[');
    for (size_t i = 0; i < suite->n; i++) {
        wr_buf_str(&json, i > 0 ? WR_STR(",") : WR_STR(""));
        write_test(&json, &suite->tests[i]);
    }
    wr_buf_char(&json, ']');
    wr_output_json(&suite->arena, &json, stdout);
}

/* ── the command ────────────────────────────────────────────────────────────────────────────── */
static int run_suite(struct suite *suite)
{
    memset(suite->counts, 0, sizeof suite->counts);
    for (size_t i = 0; i < suite->n; i++) {
        if (!suite->tests[i].name.todo) {
            run_one(suite, &suite->tests[i]);
        }
        suite->counts[suite->tests[i].result]++;
    }
    if (strcmp(options.format, "json") == 0) {
        print_json(suite);
    } else {
        print_pretty(suite);
    }
    if (wr_arena_failed(&suite->arena)) {
        return wr_complain("the report does not fit into memory");
    }
    size_t bad = suite->counts[FAIL] + suite->counts[ERROR];
    bad += options.zero_on_skipped ? 0 : suite->counts[SKIPPED];
    return bad == 0 ? WR_EXIT_OK : WR_EXIT_USAGE;
}

static int test_all(struct suite *suite, int argc, char **argv)
{
    struct wr_policy_files files;
    struct wr_rego_errors errors;
    struct wr_test_names names;
    struct wr_policy_paths paths = {
        .ignore = &options.ignore, .skip_verify = true, .v1 = options.v1};
    wr_policy_paths_take(&paths, argc, argv, options.bundle);
    struct wr_rego_options how = {.v1 = options.v1};
    wr_rego_errors_init(&errors, &suite->arena);
    if (!wr_policy_load(&files, &suite->arena, &paths, &errors)) {
        wr_rego_errors_print_loading(&suite->arena, &errors, stderr);
        return WR_EXIT_FAILED;
    }
    if (!wr_test_names_collect(&names, &suite->arena, &files, options.v1, &errors) ||
        wr_rego_compile(&suite->arena, files.sources, files.n, &files.data, &how, &suite->program,
                        &errors) != WR_OK) {
        if (wr_rego_errors_are_of_parse(&errors)) {
            wr_rego_errors_print_loading(&suite->arena, &errors, stderr);
        } else {
            wr_rego_errors_print(&suite->arena, &errors, false, stderr);
        }
        return WR_EXIT_FAILED;
    }
    struct wr_str *texts = WR_NEW_ARRAY(&suite->arena, struct wr_str, files.n + 1);
    if (texts == NULL || !collect(suite, &names)) {
        return wr_complain("no memory");
    }
    for (size_t i = 0; i < files.n; i++) {
        texts[i] = files.sources[i].file;
    }
    suite->names = texts;
    suite->data = &files.data;
    int exit_code = WR_EXIT_OK;
    for (uint64_t i = 0; i < options.count && exit_code == WR_EXIT_OK; i++) {
        exit_code = run_suite(suite);
    }
    return exit_code;
}

/* ── suites of gator ────────────────────────────────────────────────────────────────────────── */

/* Runs the suites that the paths hold and leaves the other paths, *argc of them, in argv. */
static int run_suites(struct suite *suite, int *argc, char **argv)
{
    struct wr_warden_options how = {.run = options.run, .verbose = options.verbose};
    struct wr_warden_counts counts = {0};
    struct wr_error error = {.offset = WR_NO_OFFSET};
    int left = 0;
    for (int i = 0; i < *argc; i++) {
        struct wr_warden_suites found;
        wr_err code = wr_warden_suites_find(&suite->arena, argv[i], &found, &error);
        for (size_t k = 0; k < found.n && code == WR_OK; k++) {
            code = wr_warden_suite_run(found.paths[k], &how, &counts, &error);
        }
        if (code != WR_OK) {
            return wr_complain_error(argv[i], &error);
        }
        if (found.n == 0) {
            argv[left++] = argv[i];
        }
    }
    if (left < *argc) {
        puts(counts.failed == 0 ? "PASS" : "FAIL");
        printf("%zu passed, %zu failed, %zu skipped\n", counts.passed, counts.failed,
               counts.skipped);
    }
    *argc = left;
    return counts.failed == 0 ? WR_EXIT_OK : WR_EXIT_USAGE;
}

static int run(int argc, char **argv)
{
    static struct suite suite;
    if (argc == 0 ||
        (strcmp(options.format, "pretty") != 0 && strcmp(options.format, "json") != 0)) {
        wr_complain(argc == 0 ? "wants files or folders" : "--format wants pretty or json");
        return WR_EXIT_FAILED;
    }
    static const char *const modes[] = {"full", "notes", "fails", "debug"};
    bool known = options.explain == NULL;
    for (size_t i = 0; i < WR_COUNTOF(modes); i++) {
        known = known || strcmp(options.explain, modes[i]) == 0;
    }
    if (!known) {
        wr_complain("--explain wants full, notes or fails");
        return WR_EXIT_FAILED;
    }
    options.verbose = options.verbose || options.explain != NULL;
    wr_arena_init(&suite.arena, &wr_heap, WR_GIB(8));
    wr_arena_init(&suite.scratch, &wr_heap, WR_GIB(8));
    int exit_code = options.bundle ? WR_EXIT_OK : run_suites(&suite, &argc, argv);
    if (exit_code != WR_EXIT_FAILED && argc > 0) {
        int rego = test_all(&suite, argc, argv);
        exit_code = rego != WR_EXIT_OK ? rego : exit_code;
    }
    wr_arena_deinit(&suite.scratch);
    wr_arena_deinit(&suite.arena);
    return exit_code;
}

const struct wr_command wr_command_test = {
    "test",
    "Runs Rego tests, as opa test does, and suites of Gatekeeper's gator",
    "[OPTIONS] PATH...",
    "Tests are rules named test_...; todo_test_... are skipped. Exit codes: 0 all passed, 2 one\n"
    "failed or was skipped, 1 other errors.\n\n"
    "A suite.yaml of Gatekeeper (test.gatekeeper.sh, kind Suite), or a folder that holds some, is\n"
    "run as gator verify runs it; --run then matches TEST//CASE. Skipped cases are no failure.\n\n"
    "examples:\n"
    "  weir test packs/cards\n"
    "  weir test -v --run velocity packs/cards\n"
    "  weir test -v --explain full --run night packs/cards\n"
    "  weir test -f json packs/cards\n"
    "  weir test deploy/gatekeeper\n"
    "  weir test -v --run digest deploy/gatekeeper/suite.yaml\n",
    table,
    WR_COUNTOF(table),
    run,
};
