/* SPDX-License-Identifier: Apache-2.0 */
#include "app/warden_suite.h"
#include "app/figures.h"
#include "app/file.h"
#include "app/warden.h"
#include "rego/regex.h"

#include <stdio.h>

#define WR_LIMIT_WARDEN_PATH   4096
#define WR_LIMIT_WARDEN_MEMORY (256u << 20) /* of one test, and of one case */

struct suite {
    struct wr_str path;
    struct wr_regex *wanted; /* NULL: all */
    const struct wr_warden_options *options;
    struct wr_warden_counts *counts;
    struct wr_arena arena, test_arena, case_arena;
};

/* ── finding ────────────────────────────────────────────────────────────────────────────────── */
/* Is it one? A file that says so and cannot be read is an error: its cases would not be missed. */
static wr_err is_suite(struct wr_arena *arena, const char *path, bool *found,
                       struct wr_error *error)
{
    struct wr_str name = wr_str_z(path), text;
    struct wr_kube_objects objects;
    *found = false;
    if (!wr_str_ends(name, WR_STR(".yaml")) && !wr_str_ends(name, WR_STR(".yml"))) {
        return WR_OK;
    }
    struct wr_arena_mark mark = wr_arena_mark(arena);
    wr_err code = WR_OK;
    if (wr_file_read(arena, path, WR_LIMIT_KUBE_FILE, &text, NULL) == WR_OK &&
        wr_str_find(text, WR_STR("test.gatekeeper.sh/v1"), 0) != SIZE_MAX) {
        code = wr_kube_read(arena, path, &objects, error);
        *found = code == WR_OK && objects.n == 1 &&
                 wr_str_eq(objects.items[0].group, WR_STR("test.gatekeeper.sh")) &&
                 wr_str_eq(objects.items[0].kind, WR_STR("Suite"));
    }
    wr_arena_rewind(arena, mark);
    return code;
}

wr_err wr_warden_suites_find(struct wr_arena *arena, const char *path, struct wr_warden_suites *out,
                             struct wr_error *error)
{
    struct wr_file_list list = {0};
    bool found = false;
    *out = (struct wr_warden_suites){0};
    if (!wr_file_is_directory(path)) {
        out->paths = WR_NEW_ARRAY(arena, struct wr_str, 1);
        wr_err code = is_suite(arena, path, &found, error);
        if (out->paths != NULL && found) {
            out->paths[out->n++] = wr_str_z(path);
        }
        return code;
    }
    wr_err code = wr_file_walk(arena, path, &list, error);
    out->paths = code == WR_OK ? WR_NEW_ARRAY(arena, struct wr_str, list.n + 1) : NULL;
    for (size_t i = 0; i < list.n && out->paths != NULL && code == WR_OK; i++) {
        char full[WR_LIMIT_WARDEN_PATH];
        size_t slash = strlen(path) > 0 && path[strlen(path) - 1] == '/' ? 0 : 1;
        snprintf(full, sizeof full, "%s%s%.*s", path, slash != 0 ? "/" : "", WR_FMT(list.paths[i]));
        code = is_suite(arena, full, &found, error);
        if (found) {
            out->paths[out->n++] = wr_str_copy(arena, wr_str_z(full));
        }
    }
    return code;
}

/* ── printing, in gator's words ─────────────────────────────────────────────────────────────── */
static void print_end(const struct suite *s, int depth, bool failed, struct wr_str name,
                      int64_t since)
{
    if (failed || s->options->verbose) {
        printf("%*s--- %s: %.*s\t(%.3fs)\n", 4 * depth, "", failed ? "FAIL" : "PASS", WR_FMT(name),
               (double)(wr_figures_now() - since) / 1e9);
    }
}

static void print_begin(const struct suite *s, int depth, const char *what, struct wr_str name)
{
    if (s->options->verbose) {
        printf("%*s=== %-4s  %.*s\n", 4 * depth, "", what, WR_FMT(name));
    }
}

static void print_error(int depth, const struct wr_error *error)
{
    printf("%*s", 4 * depth + 4, "");
    if (error->where[0] != '\0') {
        printf("%s: ", error->where);
    }
    if (error->row != 0) {
        printf("%u:%u: ", error->row, error->col);
    }
    puts(error->text);
}

/* ── assertions ─────────────────────────────────────────────────────────────────────────────── */
static wr_err count_matching(struct wr_arena *arena, struct wr_value message,
                             const struct wr_warden_answer *answer, int64_t *n,
                             struct wr_error *error)
{
    struct wr_regex *regex = NULL;
    *n = 0;
    if (message.type == WR_STRING) {
        wr_err code = wr_regex_compile(arena, wr_text(message), &regex, error);
        if (code != WR_OK) {
            return code;
        }
    }
    for (size_t i = 0; i < answer->n; i++) {
        struct wr_regex_run *run =
            regex != NULL ? wr_regex_start(arena, regex, answer->items[i].message, 0) : NULL;
        *n += regex == NULL || (run != NULL && wr_regex_find(run, 0, NULL, NULL));
    }
    return WR_OK;
}

/* Whether n is what `violations` wants; `words` gets what it wants. */
static wr_err judge(struct wr_value violations, int64_t n, bool *holds, struct wr_buf *words,
                    struct wr_error *error)
{
    int64_t exact;
    struct wr_str text = wr_kube_text(violations);
    bool yes = violations.type == WR_UNDEFINED || wr_str_eq(text, WR_STR("yes"));
    if (violations.type == WR_NUMBER && wr_number_to_i64(&violations, &exact) && exact >= 0) {
        *holds = n == exact;
        wr_format(words, "exactly %lld", (long long)exact);
    } else if (yes) {
        *holds = n > 0;
        wr_format(words, "at least 1");
    } else if (wr_str_eq(text, WR_STR("no"))) {
        *holds = n == 0;
        wr_format(words, "none");
    } else {
        return wr_fail(error, WR_E_CONFIG,
                       "assertion.violations, if set, is a number from 0, \"yes\" or \"no\"");
    }
    return WR_OK;
}

static wr_err check_assertion(struct wr_arena *arena, struct wr_value assertion,
                              const struct wr_warden_answer *answer, struct wr_error *error)
{
    char room[64];
    struct wr_buf words = wr_buf_fixed(room, sizeof room), told = wr_buf_in(arena, 256);
    struct wr_value message = WR_KUBE_AT(assertion, "message");
    int64_t n;
    bool holds = false;
    wr_err code = count_matching(arena, message, answer, &n, error);
    if (code == WR_OK) {
        code = judge(WR_KUBE_AT(assertion, "violations"), n, &holds, &words, error);
    }
    if (code != WR_OK || holds) {
        return code;
    }
    for (size_t i = 0; i < answer->n; i++) {
        wr_format(&told, "%s%.*s", i > 0 ? " " : "", WR_FMT(answer->items[i].message));
    }
    bool only = message.type == WR_STRING;
    return wr_fail(error, WR_E_CONFIG,
                   "unexpected number of violations: got %lld violations%s%.*s%s but want %.*s: "
                   "got messages [%.*s]",
                   (long long)n, only ? " containing \"" : "", WR_FMT(wr_kube_text(message)),
                   only ? "\"" : "", (int)words.n, words.p, (int)told.n, told.p);
}

/* ── cases ──────────────────────────────────────────────────────────────────────────────────── */
static bool beside(const struct suite *s, struct wr_str name, char full[WR_LIMIT_WARDEN_PATH])
{
    size_t folder = s->path.n;
    while (folder > 0 && s->path.p[folder - 1] != '/') {
        folder--;
    }
    int n = snprintf(full, WR_LIMIT_WARDEN_PATH, "%.*s%.*s", (int)folder, s->path.p, WR_FMT(name));
    return name.n > 0 && n > 0 && n < WR_LIMIT_WARDEN_PATH;
}

static wr_err read_inventory(struct suite *s, struct wr_value list, struct wr_kube_object *items,
                             size_t *n, struct wr_error *error)
{
    char full[WR_LIMIT_WARDEN_PATH];
    for (uint32_t i = 0; list.type == WR_ARRAY && i < list.n; i++) {
        struct wr_kube_objects objects;
        if (!beside(s, wr_kube_text(list.items[i]), full)) {
            return wr_fail(error, WR_E_CONFIG, "inventory wants paths");
        }
        wr_err code = wr_kube_read(&s->case_arena, full, &objects, error);
        if (code != WR_OK) {
            return code;
        }
        if (*n + objects.n > WR_LIMIT_KUBE_OBJECTS) {
            return wr_fail(error, WR_E_LIMIT, "more than %d objects in an inventory",
                           WR_LIMIT_KUBE_OBJECTS);
        }
        memcpy(items + *n, objects.items, objects.n * sizeof items[0]);
        *n += objects.n;
    }
    return WR_OK;
}

static wr_err run_case(struct suite *s, struct wr_warden *warden, struct wr_value one,
                       struct wr_error *error)
{
    struct wr_value assertions = WR_KUBE_AT(one, "assertions");
    struct wr_kube_object *inventory =
        WR_NEW_ARRAY(&s->case_arena, struct wr_kube_object, WR_LIMIT_KUBE_OBJECTS);
    struct wr_kube_objects objects;
    struct wr_warden_answer answer;
    char full[WR_LIMIT_WARDEN_PATH];
    size_t n_inventory = 0;
    if (inventory == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for a case");
    }
    if (!beside(s, wr_kube_text(WR_KUBE_AT(one, "object")), full)) {
        return wr_fail(error, WR_E_CONFIG, "a case must define object");
    }
    if (assertions.type != WR_ARRAY || assertions.n == 0) {
        return wr_fail(error, WR_E_CONFIG, "a case's assertions must be non-empty");
    }
    wr_err code = wr_kube_read(&s->case_arena, full, &objects, error);
    if (code == WR_OK && objects.n != 1) {
        code = wr_fail(error, WR_E_CONFIG, "%s defines %zu objects, a case reviews one", full,
                       objects.n);
    }
    if (code == WR_OK) {
        code = read_inventory(s, WR_KUBE_AT(one, "inventory"), inventory, &n_inventory, error);
    }
    if (code == WR_OK) {
        code = wr_warden_review(warden, &s->case_arena, &objects.items[0], inventory, n_inventory,
                                &answer, error);
    }
    for (uint32_t i = 0; i < assertions.n && code == WR_OK; i++) {
        code = check_assertion(&s->case_arena, assertions.items[i], &answer, error);
    }
    return code;
}

static bool selected(struct suite *s, struct wr_str test, struct wr_str name)
{
    char room[1024];
    struct wr_buf both = wr_buf_fixed(room, sizeof room);
    if (s->wanted == NULL) {
        return true;
    }
    wr_format(&both, "%.*s//%.*s", WR_FMT(test), WR_FMT(name));
    struct wr_regex_run *run = wr_regex_start(&s->case_arena, s->wanted, wr_buf_view(&both), 0);
    return run != NULL && wr_regex_find(run, 0, NULL, NULL);
}

/* True when it failed. */
static bool tell_case(struct suite *s, struct wr_warden *warden, struct wr_str test,
                      struct wr_value one)
{
    struct wr_str name = wr_kube_text(WR_KUBE_AT(one, "name"));
    struct wr_error error = {.offset = WR_NO_OFFSET};
    int64_t start = wr_figures_now();
    wr_arena_reset(&s->case_arena);
    if (wr_is_true(WR_KUBE_AT(one, "skip")) || !selected(s, test, name)) {
        print_begin(s, 1, "SKIP", name);
        s->counts->skipped++;
        return false;
    }
    print_begin(s, 1, "RUN", name);
    bool failed = run_case(s, warden, one, &error) != WR_OK;
    print_end(s, 1, failed, name, start);
    if (failed) {
        print_error(1, &error);
    }
    s->counts->failed += failed;
    s->counts->passed += !failed;
    return failed;
}

/* ── tests ──────────────────────────────────────────────────────────────────────────────────── */
static wr_err open_test(struct suite *s, struct wr_value test, struct wr_warden **warden,
                        bool *invalid, struct wr_error *error)
{
    char template[WR_LIMIT_WARDEN_PATH], constraint[WR_LIMIT_WARDEN_PATH];
    if (!beside(s, wr_kube_text(WR_KUBE_AT(test, "template")), template) ||
        !beside(s, wr_kube_text(WR_KUBE_AT(test, "constraint")), constraint)) {
        return wr_fail(error, WR_E_CONFIG, "a test wants a template and a constraint");
    }
    return wr_warden_open(&s->test_arena, template, constraint, warden, invalid, error);
}

/* True when it failed. */
static bool run_test(struct suite *s, struct wr_value test)
{
    struct wr_str name = wr_kube_text(WR_KUBE_AT(test, "name"));
    struct wr_value cases = WR_KUBE_AT(test, "cases");
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_warden *warden;
    bool invalid, wants_invalid = wr_is_true(WR_KUBE_AT(test, "invalid"));
    int64_t start = wr_figures_now();
    wr_arena_reset(&s->case_arena);
    if (wr_is_true(WR_KUBE_AT(test, "skip")) || (wants_invalid && !selected(s, name, WR_STR("")))) {
        print_begin(s, 0, "SKIP", name);
        s->counts->skipped++;
        return false;
    }
    print_begin(s, 0, "RUN", name);
    wr_arena_reset(&s->test_arena);
    bool opened = open_test(s, test, &warden, &invalid, &error) == WR_OK;
    bool failed = wants_invalid ? opened || !invalid : !opened;
    if (wants_invalid && opened) {
        wr_fail(&error, WR_E_CONFIG, "the constraint is valid, and must not be");
    }
    if (failed || wants_invalid) {
        s->counts->failed += failed;
        s->counts->passed += !failed;
        print_end(s, 0, failed, name, start);
        if (failed) {
            print_error(0, &error);
        }
        return failed;
    }
    for (uint32_t i = 0; cases.type == WR_ARRAY && i < cases.n; i++) {
        failed = tell_case(s, warden, name, cases.items[i]) || failed;
    }
    print_end(s, 0, failed, name, start);
    return failed;
}

static wr_err run_suite(struct suite *s, struct wr_error *error)
{
    char full[WR_LIMIT_WARDEN_PATH];
    struct wr_kube_objects objects;
    int64_t start = wr_figures_now();
    bool failed = false;
    snprintf(full, sizeof full, "%.*s", WR_FMT(s->path));
    wr_err code = wr_kube_read(&s->arena, full, &objects, error);
    if (code == WR_OK && s->options->run != NULL) {
        code = wr_regex_compile(&s->arena, wr_str_z(s->options->run), &s->wanted, error);
    }
    if (code != WR_OK) {
        return code;
    }
    struct wr_value suite = objects.items[0].value, tests = WR_KUBE_AT(suite, "tests");
    bool skip = wr_is_true(WR_KUBE_AT(suite, "skip"));
    for (uint32_t i = 0; !skip && tests.type == WR_ARRAY && i < tests.n; i++) {
        failed = run_test(s, tests.items[i]) || failed;
    }
    printf("%s\t%s\t%.3fs\n", failed ? "FAIL" : "ok", full,
           (double)(wr_figures_now() - start) / 1e9);
    return WR_OK;
}

wr_err wr_warden_suite_run(struct wr_str path, const struct wr_warden_options *options,
                           struct wr_warden_counts *counts, struct wr_error *error)
{
    struct suite s = {.path = path, .options = options, .counts = counts};
    wr_arena_init(&s.arena, &wr_heap, WR_LIMIT_WARDEN_MEMORY);
    wr_arena_init(&s.test_arena, &wr_heap, WR_LIMIT_WARDEN_MEMORY);
    wr_arena_init(&s.case_arena, &wr_heap, WR_LIMIT_WARDEN_MEMORY);
    wr_err code = run_suite(&s, error);
    wr_arena_deinit(&s.case_arena);
    wr_arena_deinit(&s.test_arena);
    wr_arena_deinit(&s.arena);
    return code;
}
