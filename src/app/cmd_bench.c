/* SPDX-License-Identifier: Apache-2.0 */
/* weir bench: how long a query takes, with the flags and the output of `opa bench`.
 *
 * The query is prepared once and evaluated for a second; only evaluation is timed, on an input that
 * has been read. Figures of memory that Go counts (B/op, allocs/op) are of the arena here: bytes
 * that an evaluation uses of it, and no allocation. */
#include "app/commands.h"
#include "app/eval_env.h"
#include "app/figures.h"
#include "app/file.h"
#include "app/policy_load.h"
#include "app/rego_output.h"
#include "app/statistics.h"
#include "app/table.h"
#include "value/json_read.h"
#include "value/json_write.h"

#include <stdio.h>
#include <time.h>

#define WR_LIMIT_BENCH_SAMPLES 1000000u
#define BENCH_NS               1000000000

static struct {
    struct wr_option_list data, bundle, imports, ignore;
    const char *input, *format, *package;
    uint64_t count;
    bool stdin_query, stdin_input, fail, benchmem, metrics, v1;
} options = {.format = "pretty", .count = 1, .fail = true, .benchmem = true, .metrics = true};

static const struct wr_option table[] = {
    {"data", 'd', WR_OPT_LIST, "PATH", "a module, a data file, or a folder of them", &options.data},
    {"bundle", 'b', WR_OPT_LIST, "PATH", "a bundle, folder or .tar.gz", &options.bundle},
    {"input", 'i', WR_OPT_TEXT, "FILE", "the input document", &options.input},
    {"stdin-input", 'I', WR_OPT_FLAG, NULL, "read the input document from standard input",
     &options.stdin_input},
    {"stdin", 0, WR_OPT_FLAG, NULL, "read the query from standard input", &options.stdin_query},
    {"format", 'f', WR_OPT_TEXT, "pretty|json|gobench", "how to print (pretty)", &options.format},
    {"count", 0, WR_OPT_U64, "N", "measure N times (1)", &options.count},
    {"package", 0, WR_OPT_TEXT, "NAME", "evaluate as if within this package", &options.package},
    {"import", 0, WR_OPT_LIST, "PATH", "import for the query", &options.imports},
    {"ignore", 0, WR_OPT_LIST, "PATTERN", "leave out files and folders of this name",
     &options.ignore},
    {"fail", 0, WR_OPT_FLAG, NULL, "an undefined result is an error (yes)", &options.fail},
    {"benchmem", 0, WR_OPT_FLAG, NULL, "tell memory (yes)", &options.benchmem},
    {"metrics", 0, WR_OPT_FLAG, NULL, "tell the spread (yes)", &options.metrics},
    {"v1-compatible", 0, WR_OPT_FLAG, NULL, "modules are Rego v1", &options.v1},
};

struct bench {
    struct wr_arena arena, scratch;
    struct wr_value input;
    struct wr_rego_query *query;
    struct wr_rego_errors errors;
    int64_t *samples;
    uint64_t n;
    int64_t total_ns;
    uint64_t bytes;
};

/* False: b->errors. */
static bool prepare(struct bench *b, struct wr_str text)
{
    struct wr_policy_files files;
    struct wr_rego_program *program;
    struct wr_str imports[WR_LIMIT_OPTION_LIST];
    struct wr_policy_paths paths = {.paths = options.data.items,
                                    .n_paths = options.data.n,
                                    .bundles = options.bundle.items,
                                    .n_bundles = options.bundle.n,
                                    .ignore = &options.ignore,
                                    .skip_verify = true,
                                    .v1 = options.v1};
    struct wr_rego_options how = {.v1 = options.v1};
    struct wr_rego_query_options query = {
        .capture = true, .imports = imports, .n_imports = options.imports.n};
    for (size_t i = 0; i < options.imports.n; i++) {
        imports[i] = wr_str_z(options.imports.items[i]);
    }
    if (options.package != NULL) {
        query.package = wr_str_z(options.package);
    }
    return wr_policy_load(&files, &b->arena, &paths, &b->errors) &&
           wr_rego_compile(&b->arena, files.sources, files.n, &files.data, &how, &program,
                           &b->errors) == WR_OK &&
           wr_rego_prepare(program, &b->arena, text, &query, &b->query, &b->errors) == WR_OK;
}

static bool once(struct bench *b, const struct wr_rego_context *context, bool *defined)
{
    struct wr_rego_results results = {0};
    struct wr_error error = {0};
    wr_err code = wr_rego_eval(b->query, context, &b->scratch, &results, &error);
    *defined = results.n > 0;
    if (code != WR_OK) {
        wr_rego_errors_of_eval(&b->errors, &b->arena, &error);
    }
    return code == WR_OK;
}

/* False: b->errors. */
static bool measure(struct bench *b)
{
    struct timespec now;
    bool defined;
    clock_gettime(CLOCK_REALTIME, &now);
    struct wr_rego_context context = {
        .input = b->input.type != WR_UNDEFINED ? &b->input : NULL,
        .env = wr_eval_env((int64_t)now.tv_sec * 1000000000 + now.tv_nsec),
    };
    if (!once(b, &context, &defined)) {
        return false;
    }
    if (options.fail && !defined) {
        wr_rego_error_add(&b->errors, WR_E_IO, (struct wr_str){0}, NULL, "undefined result");
        return false;
    }
    b->bytes = b->scratch.taken;
    b->n = 0;
    b->total_ns = 0;
    int64_t start = wr_figures_now(), end = start;
    for (; end - start < BENCH_NS && b->n < WR_LIMIT_BENCH_SAMPLES; b->n++) {
        wr_arena_reset(&b->scratch);
        int64_t before = wr_figures_now();
        if (!once(b, &context, &defined)) {
            return false;
        }
        end = wr_figures_now();
        b->samples[b->n] = end - before;
        b->total_ns += end - before;
    }
    wr_arena_reset(&b->scratch);
    return true;
}

/* ── printing ───────────────────────────────────────────────────────────────────────────────── */
static const char prefix[] = "histogram_timer_rego_query_eval_ns_";

static void print_json(struct bench *b, const struct wr_statistics *s)
{
    struct wr_buf json = wr_buf_in(&b->arena, 2048);
    wr_format(&json,
              "{\"N\":%llu,\"T\":%lld,\"Bytes\":0,\"MemAllocs\":0,\"MemBytes\":%llu,"
              "\"Extra\":{",
              (unsigned long long)b->n, (long long)b->total_ns,
              (unsigned long long)(b->bytes * b->n));
    for (size_t i = 0; options.metrics && i < WR_STATISTICS; i++) {
        wr_format(&json, "%s\"%s%s\":", i > 0 ? "," : "", prefix, s->items[i].name);
        struct wr_value v = wr_number_double(&b->arena, s->items[i].value);
        wr_json_write(&json, &v, WR_JSON_COMPACT);
    }
    wr_buf_str(&json, WR_STR("}}"));
    wr_output_json(&b->arena, &json, stdout);
}

/* Figures to the right, as OPA has them. */
static void print_pretty(struct bench *b, const struct wr_statistics *s)
{
    struct {
        char name[64];
        long long value;
    } rows[WR_STATISTICS + 4];
    size_t n = 0, widths[2] = {0, 10};
    snprintf(rows[n].name, sizeof rows[n].name, "samples");
    rows[n++].value = (long long)b->n;
    snprintf(rows[n].name, sizeof rows[n].name, "ns/op");
    rows[n++].value = b->n > 0 ? b->total_ns / (long long)b->n : 0;
    if (options.benchmem) {
        snprintf(rows[n].name, sizeof rows[n].name, "B/op");
        rows[n++].value = (long long)b->bytes;
        snprintf(rows[n].name, sizeof rows[n].name, "allocs/op");
        rows[n++].value = 0;
    }
    for (size_t i = 0; options.metrics && i < WR_STATISTICS; i++) {
        snprintf(rows[n].name, sizeof rows[n].name, "%s%s", prefix, s->items[i].name);
        rows[n++].value = (long long)s->items[i].value;
    }
    for (size_t i = 0; i < n; i++) {
        widths[0] = WR_MAX(widths[0], strlen(rows[i].name));
    }
    for (size_t i = 0; i < n + 2; i++) {
        if (i == 0 || i == n + 1) {
            printf("+%.*s+%.*s+\n", (int)widths[0] + 2,
                   "----------------------------------------------------------------------",
                   (int)widths[1] + 2, "------------------------------");
        } else {
            printf("| %-*s | %*lld |\n", (int)widths[0], rows[i - 1].name, (int)widths[1],
                   rows[i - 1].value);
        }
    }
}

static void print_go(struct bench *b, const struct wr_statistics *s)
{
    printf("BenchmarkOPAEval\t%8llu\t%10lld ns/op", (unsigned long long)b->n,
           b->n > 0 ? (long long)b->total_ns / (long long)b->n : 0LL);
    for (size_t i = 0; options.metrics && i < WR_STATISTICS; i++) {
        printf("\t%10.0f %s%s", s->items[i].value, prefix, s->items[i].name);
    }
    if (options.benchmem) {
        printf("\t%8llu B/op\t%8d allocs/op", (unsigned long long)b->bytes, 0);
    }
    putchar('\n');
}

static int report(struct bench *b)
{
    struct wr_statistics statistics;
    wr_statistics_of(&statistics, b->samples, b->n);
    if (strcmp(options.format, "json") == 0) {
        print_json(b, &statistics);
    } else if (strcmp(options.format, "gobench") == 0) {
        print_go(b, &statistics);
    } else {
        print_pretty(b, &statistics);
    }
    return WR_EXIT_OK;
}

static int bench(struct bench *b, const char *argument)
{
    const char *input = options.stdin_input ? "-" : options.input;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_str text = wr_str_z(argument != NULL ? argument : "");
    wr_rego_errors_init(&b->errors, &b->arena);
    b->input = wr_undefined();
    b->samples = WR_NEW_ARRAY(&b->arena, int64_t, WR_LIMIT_BENCH_SAMPLES);
    if (b->samples == NULL ||
        (input != NULL && wr_policy_read_input(&b->arena, input, &b->input, &error) != WR_OK) ||
        (options.stdin_query &&
         wr_file_read(&b->arena, "-", WR_LIMIT_JSON_SIZE, &text, &error) != WR_OK)) {
        fprintf(stderr, "%s\n", error.text);
        return WR_EXIT_FAILED;
    }
    int exit_code = WR_EXIT_OK;
    for (uint64_t i = 0; i < options.count && exit_code == WR_EXIT_OK; i++) {
        if ((i == 0 && !prepare(b, text)) || !measure(b)) {
            wr_rego_errors_print(&b->arena, &b->errors, strcmp(options.format, "json") == 0,
                                 stdout);
            return WR_EXIT_FAILED;
        }
        exit_code = report(b);
    }
    return exit_code;
}

static int run(int argc, char **argv)
{
    bool known = strcmp(options.format, "pretty") == 0 || strcmp(options.format, "json") == 0 ||
                 strcmp(options.format, "gobench") == 0;
    if (!known || argc != (options.stdin_query ? 0 : 1)) {
        wr_complain(known ? "wants one query: as an argument or by --stdin"
                          : "--format wants pretty, json or gobench");
        return WR_EXIT_USAGE;
    }
    static struct bench b;
    wr_arena_init(&b.arena, &wr_heap, WR_GIB(8));
    wr_arena_init(&b.scratch, &wr_heap, WR_GIB(8));
    int exit_code = bench(&b, argv[0]);
    wr_arena_deinit(&b.scratch);
    wr_arena_deinit(&b.arena);
    return exit_code;
}

const struct wr_command wr_command_bench = {
    "bench",
    "Measures a Rego query, as opa bench does",
    "[OPTIONS] QUERY",
    "The query is prepared once and evaluated for a second; reading input is not timed.\n\n"
    "examples:\n"
    "  weir bench -d packs/starter -i event.json data.risk\n"
    "  weir bench -b packs/cards -f json 'data.thresholds'\n",
    table,
    WR_COUNTOF(table),
    run,
};
