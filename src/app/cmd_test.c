/* SPDX-License-Identifier: Apache-2.0 */
/* weir test: runs Rego tests, with the flags, the output and the exit codes of `opa test`.
 *
 * A test is a rule whose name begins with test_; todo_test_ is told and skipped. It passes when its
 * value is defined and not false. Exit 0 when all pass, 2 when one fails, 1 on other errors. */
#include "app/commands.h"
#include "app/eval_env.h"
#include "app/file.h"
#include "app/policy_load.h"
#include "app/rego_output.h"

#include <stdio.h>
#include <time.h>

static struct {
    const char *format, *run;
    bool bundle, verbose, v1;
    struct wr_option_list ignore;
} options = {.format = "pretty"};

static const struct wr_option table[] = {
    {"verbose", 'v', WR_OPT_FLAG, NULL, "tell every test", &options.verbose},
    {"run", 'r', WR_OPT_TEXT, "REGEX", "run tests whose path matches", &options.run},
    {"format", 'f', WR_OPT_TEXT, "pretty|json", "how to print (pretty)", &options.format},
    {"bundle", 'b', WR_OPT_FLAG, NULL, "the paths are bundles", &options.bundle},
    {"ignore", 0, WR_OPT_LIST, "PATTERN", "leave out files and folders of this name",
     &options.ignore},
    {"v1-compatible", 0, WR_OPT_FLAG, NULL, "modules are Rego v1", &options.v1},
};

enum result { PASS, FAIL, SKIPPED, ERROR, N_RESULTS };
static const char *const result_names[] = {"PASS", "FAIL", "SKIPPED", "ERROR"};

struct test {
    struct wr_rego_rule_info rule;
    enum result result;
    int64_t ns;
    struct wr_str message; /* of an error */
};

struct suite {
    struct wr_arena arena, scratch;
    struct wr_rego_program *program;
    struct test *tests;
    size_t n, counts[N_RESULTS];
};

static bool starts(struct wr_str s, const char *prefix)
{
    return wr_str_starts(s, wr_str_z(prefix));
}

static int64_t mono_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* The rule's path as segments: "data.a.b.test_x" without `data`. */
static size_t split_path(struct wr_str path, struct wr_str *segments, size_t cap)
{
    size_t n = 0;
    for (size_t at = 5; at <= path.n && n < cap;) {
        size_t dot = wr_str_find(path, WR_STR("."), at);
        size_t end = dot == SIZE_MAX ? path.n : dot;
        segments[n++] = wr_str_of(path.p + at, end - at);
        at = end + 1;
    }
    return n;
}

static void run_one(struct suite *suite, struct test *test)
{
    struct wr_str segments[WR_LIMIT_REGO_HEAD];
    struct wr_rego_errors errors;
    struct wr_rego_query *query;
    struct wr_rego_results results = {0};
    struct wr_error error = {0};
    size_t n = split_path(test->rule.path, segments, WR_COUNTOF(segments));
    wr_rego_errors_init(&errors, &suite->arena);
    wr_err code = wr_rego_prepare_path(suite->program, &suite->arena, segments, n, &query, &errors);
    int64_t start = mono_ns();
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct wr_rego_context context = {.env = wr_eval_env(now.tv_sec * 1000000000LL + now.tv_nsec)};
    if (code == WR_OK) {
        code = wr_rego_eval(query, &context, &suite->scratch, &results, &error);
    }
    test->ns = mono_ns() - start;
    if (code != WR_OK) {
        struct wr_buf text = wr_buf_in(&suite->arena, 256);
        wr_rego_eval_error_write(&text, &error);
        test->message = wr_buf_view(&text);
        test->result = ERROR;
    } else {
        test->result = results.n != 0 && !wr_is_false(results.items[0].value) ? PASS : FAIL;
    }
    wr_arena_reset(&suite->scratch);
}

static bool wanted(struct suite *suite, struct wr_str path)
{
    if (options.run == NULL) {
        return true;
    }
    struct wr_rego_errors errors;
    struct wr_rego_query *prepared;
    struct wr_rego_results results = {0};
    struct wr_value pair[2] = {wr_string(wr_str_z(options.run)), wr_string(path)};
    struct wr_value input = wr_array(pair, 2);
    struct wr_rego_context context = {.input = &input};
    wr_rego_errors_init(&errors, &suite->scratch);
    return wr_rego_prepare(suite->program, &suite->scratch,
                           WR_STR("regex.match(input[0], input[1])"), NULL, &prepared,
                           &errors) == WR_OK &&
           wr_rego_eval(prepared, &context, &suite->scratch, &results, NULL) == WR_OK &&
           results.n != 0;
}

/* One entry for each name of a file: clauses of one test rule are one test. */
static bool collect(struct suite *suite)
{
    uint32_t n = wr_rego_rule_count(suite->program);
    suite->tests = WR_NEW_ARRAY(&suite->arena, struct test, n);
    for (uint32_t i = 0; i < n && suite->tests != NULL; i++) {
        struct wr_rego_rule_info rule = wr_rego_rule_at(suite->program, i);
        bool todo = starts(rule.name, "todo_test_");
        if ((!todo && !starts(rule.name, "test_")) || !wanted(suite, rule.path)) {
            continue;
        }
        bool known = false;
        for (size_t k = 0; k < suite->n; k++) {
            known |= wr_str_eq(suite->tests[k].rule.path, rule.path);
        }
        if (!known) {
            suite->tests[suite->n++] = (struct test){.rule = rule, .result = todo ? SKIPPED : PASS};
        }
        wr_arena_reset(&suite->scratch);
    }
    return suite->tests != NULL;
}

static void print_duration(int64_t ns)
{
    if (ns < 1000000) {
        printf(" (%lld.%03lldµs)", (long long)(ns / 1000), (long long)(ns % 1000));
    } else {
        printf(" (%lld.%06lldms)", (long long)(ns / 1000000), (long long)(ns % 1000000));
    }
}

static void print_pretty(const struct suite *suite)
{
    struct wr_str file = {0};
    bool told = false;
    for (size_t i = 0; i < suite->n; i++) {
        const struct test *test = &suite->tests[i];
        if (!options.verbose && test->result == PASS) {
            continue;
        }
        if (!told || !wr_str_eq(file, test->rule.file)) {
            printf("%s%.*s:\n", told ? "\n" : "", WR_FMT(test->rule.file));
            file = test->rule.file;
            told = true;
        }
        printf("%.*s: %s", WR_FMT(test->rule.path), result_names[test->result]);
        if (test->result != SKIPPED) {
            print_duration(test->ns);
        }
        printf("\n");
        if (test->message.n != 0) {
            printf("  %.*s\n", WR_FMT(test->message));
        }
    }
    if (told) {
        puts("--------------------------------------------------------------------------------");
    }
    for (int r = 0; r < N_RESULTS; r++) {
        if (suite->counts[r] != 0) {
            printf("%s: %zu/%zu\n", result_names[r], suite->counts[r], suite->n);
        }
    }
}

static void print_json(struct suite *suite)
{
    struct wr_arena *arena = &suite->arena;
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, suite->n);
    for (size_t i = 0; i < suite->n && items != NULL; i++) {
        const struct test *test = &suite->tests[i];
        struct wr_str package =
            wr_str_of(test->rule.path.p, test->rule.path.n - test->rule.name.n - 1);
        struct wr_pair pairs[6] = {
            {wr_string(WR_STR("location")),
             wr_output_location(arena, test->rule.file, test->rule.row, test->rule.col)},
            {wr_string(WR_STR("package")), wr_string(package)},
            {wr_string(WR_STR("name")), wr_string(test->rule.name)},
            {wr_string(WR_STR("duration")), wr_int(test->result == SKIPPED ? 0 : test->ns)},
        };
        size_t n = 4;
        if (test->result == FAIL || test->result == SKIPPED) {
            pairs[n++] = (struct wr_pair){
                wr_string(test->result == FAIL ? WR_STR("fail") : WR_STR("skip")), wr_bool(true)};
        } else if (test->result == ERROR) {
            pairs[n++] = (struct wr_pair){wr_string(WR_STR("error")), wr_string(test->message)};
        }
        items[i] = wr_output_object(arena, n, pairs);
    }
    struct wr_value all = wr_array(items, items != NULL ? suite->n : 0);
    wr_output_json(arena, &all, stdout);
}

static int test_all(struct suite *suite, int argc, char **argv)
{
    struct wr_policy_files files;
    struct wr_rego_errors errors;
    struct wr_policy_paths paths = {.ignore = &options.ignore, .v1 = options.v1};
    if (options.bundle) {
        paths.bundles = (const char *const *)argv;
        paths.n_bundles = (size_t)argc;
    } else {
        paths.paths = (const char *const *)argv;
        paths.n_paths = (size_t)argc;
    }
    struct wr_rego_options how = {.v1 = options.v1};
    wr_rego_errors_init(&errors, &suite->arena);
    if (!wr_policy_load(&files, &suite->arena, &paths, &errors) ||
        wr_rego_compile(&suite->arena, files.sources, files.n, &files.data, &how, &suite->program,
                        &errors) != WR_OK) {
        wr_rego_errors_print(&suite->arena, &errors, false, stderr);
        return WR_EXIT_FAILED;
    }
    if (!collect(suite)) {
        return wr_complain("no memory");
    }
    for (size_t i = 0; i < suite->n; i++) {
        if (suite->tests[i].result != SKIPPED) {
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
    return suite->counts[FAIL] + suite->counts[ERROR] == 0 ? WR_EXIT_OK : WR_EXIT_USAGE;
}

static int run(int argc, char **argv)
{
    static struct suite suite;
    if (argc == 0) {
        wr_complain("wants files or folders");
        return WR_EXIT_FAILED;
    }
    wr_arena_init(&suite.arena, &wr_heap, WR_GIB(8));
    wr_arena_init(&suite.scratch, &wr_heap, WR_GIB(8));
    int exit_code = test_all(&suite, argc, argv);
    wr_arena_deinit(&suite.scratch);
    wr_arena_deinit(&suite.arena);
    return exit_code;
}

const struct wr_command wr_command_test = {
    "test",
    "Runs Rego tests, as opa test does",
    "[OPTIONS] PATH...",
    "Tests are rules named test_...; todo_test_... are skipped. Exit codes: 0 all passed, 2 one\n"
    "failed, 1 other errors.\n\n"
    "examples:\n"
    "  weir test packs/cards\n"
    "  weir test -v --run velocity packs/cards\n",
    table,
    WR_COUNTOF(table),
    run,
};
