/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that carry their own expectations, in comments of the form
 *
 *   # mode: v1                     syntax of the file; `strict` makes builtin errors errors, `lint`
 *                                  compiles in OPA's strict mode
 *   # data: {"a": 1}               base documents
 *   # input: {"x": 1}              input of what follows
 *   # query: data.test.p           query of what follows
 *   # expect: [1, 2]               its value, or `undefined`: evaluates
 *   # expect bindings: [{"x": 1}]  bindings, in any order
 *   # expect error: text           part of the error, of compilation or evaluation
 *
 * Arguments: the folder with the policies. Each expectation is one check with indexes of clauses,
 * and one without. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rego/rego.h"
#include "value/json_read.h"
#include "value/json_write.h"

static const struct wr_memory memory = CHECK_MEMORY;
static unsigned n_passed, n_failed;
static bool unindexed;

struct golden {
    struct wr_arena arena;
    const char *file;
    struct wr_str text;
    struct wr_value data, input;
    struct wr_str query;
    bool v1, strict, lint;
    char got[8192];
};

static struct wr_value json(struct golden *g, struct wr_str text)
{
    struct wr_value v = wr_undefined();
    struct wr_error error = {0};
    if (wr_json_read(&g->arena, text, false, NULL, &v, &error) != WR_OK) {
        printf("%s: this is no JSON: %.*s\n", g->file, WR_FMT(text));
        n_failed++;
    }
    return v;
}

static void say(struct golden *g, const struct wr_buf *buf)
{
    snprintf(g->got, sizeof(g->got), "%.*s", (int)buf->n, buf->p);
}

/* Value (the last expression's) and bindings of all results; false: an error, in g->got. */
static bool answer(struct golden *g, struct wr_value *value, struct wr_value *bindings)
{
    struct wr_rego_errors errors;
    struct wr_rego_options how = {.v1 = g->v1, .strict = g->lint, .all_keywords = true};
    struct wr_rego_source source = {wr_str_z(g->file), g->text};
    struct wr_rego_program *program;
    struct wr_rego_query *query;
    struct wr_rego_query_options ask = {.capture = true};
    struct wr_buf buf = wr_buf_in(&g->arena, 256);
    wr_rego_errors_init(&errors, &g->arena);
    if (wr_rego_compile(&g->arena, &source, 1, &g->data, &how, &program, &errors) != WR_OK ||
        wr_rego_prepare(program, &g->arena, g->query, &ask, &query, &errors) != WR_OK) {
        wr_rego_errors_write(&buf, &errors);
        say(g, &buf);
        return false;
    }
    struct wr_rego_context context = {.input = &g->input,
                                      .env = {.now_ns = 1},
                                      .strict_builtin_errors = g->strict,
                                      .unindexed = unindexed};
    struct wr_rego_results results;
    struct wr_error error = {0};
    if (wr_rego_eval(query, &context, &g->arena, &results, &error) != WR_OK) {
        wr_rego_eval_error_write(&buf, &error);
        say(g, &buf);
        return false;
    }
    struct wr_value *all = WR_NEW_ARRAY(&g->arena, struct wr_value, results.n);
    for (uint32_t i = 0; i < results.n; i++) {
        all[i] = results.items[i].bindings;
    }
    *bindings = wr_set_from(all, results.n);
    *value =
        results.n > 0 ? results.items[0].values[results.items[0].n_values - 1] : wr_undefined();
    return true;
}

/* As JSON text, so that sets and keys compare as they are printed. */
static void print(struct golden *g, const struct wr_value *v)
{
    struct wr_buf buf = wr_buf_in(&g->arena, 256);
    if (v->type == WR_UNDEFINED) {
        wr_buf_str(&buf, WR_STR("undefined"));
    } else {
        wr_json_write(&buf, v, WR_JSON_COMPACT);
    }
    say(g, &buf);
}

static struct wr_value reread(struct golden *g)
{
    return json(g, wr_str_copy(&g->arena, wr_str_z(g->got)));
}

static bool holds(struct golden *g, struct wr_str kind, struct wr_str want)
{
    struct wr_value value, bindings;
    bool ok = answer(g, &value, &bindings);
    if (wr_str_eq(kind, WR_STR("expect error"))) {
        if (ok) {
            print(g, &value);
            return false;
        }
        return wr_str_find(wr_str_z(g->got), want, 0) != SIZE_MAX;
    }
    if (!ok) {
        return false;
    }
    bool list = wr_str_eq(kind, WR_STR("expect bindings"));
    print(g, list ? &bindings : &value);
    if (!list && (value.type == WR_UNDEFINED || wr_str_eq(want, WR_STR("undefined")))) {
        return value.type == WR_UNDEFINED && wr_str_eq(want, WR_STR("undefined"));
    }
    struct wr_value wanted = json(g, want), got = reread(g);
    if (list) {
        wanted = wr_set_from((struct wr_value *)(uintptr_t)wanted.items, wanted.n);
        got = wr_set_from((struct wr_value *)(uintptr_t)got.items, got.n);
    }
    return wr_value_eq(&wanted, &got);
}

static void take(struct golden *g, struct wr_str kind, struct wr_str text, unsigned row)
{
    if (wr_str_eq(kind, WR_STR("mode"))) {
        g->v1 = g->v1 || wr_str_find(text, WR_STR("v1"), 0) != SIZE_MAX;
        g->strict = g->strict || wr_str_find(text, WR_STR("strict"), 0) != SIZE_MAX;
        g->lint = g->lint || wr_str_find(text, WR_STR("lint"), 0) != SIZE_MAX;
    } else if (wr_str_eq(kind, WR_STR("data"))) {
        g->data = json(g, text);
    } else if (wr_str_eq(kind, WR_STR("input"))) {
        g->input = wr_str_eq(text, WR_STR("undefined")) ? wr_undefined() : json(g, text);
    } else if (wr_str_eq(kind, WR_STR("query"))) {
        g->query = text;
    } else if (wr_str_starts(kind, WR_STR("expect"))) {
        bool ok = holds(g, kind, text);
        n_passed += ok;
        n_failed += !ok;
        if (!ok) {
            printf("%s:%u: %.*s: not %.*s\n    but %s\n", g->file, row, WR_FMT(g->query),
                   WR_FMT(text), g->got);
        }
    }
}

static void one_file(const char *folder, const char *name)
{
    static char text[1 << 16];
    char path[512];
    struct golden g = {.file = name, .query = WR_STR("data.test.p")};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    size_t n = f == NULL ? 0 : fread(text, 1, sizeof(text), f);
    if (f != NULL) {
        fclose(f);
    }
    wr_arena_init(&g.arena, &memory, (size_t)1 << 30);
    g.text = wr_str_of(text, n);
    g.data = wr_object_from(NULL, 0);
    unsigned row = 0, before = n_passed + n_failed;
    for (size_t at = 0; at < n; row++) {
        size_t end = wr_str_find(g.text, WR_STR("\n"), at);
        end = end == SIZE_MAX ? n : end;
        struct wr_str line = wr_str_of(text + at, end - at);
        size_t colon = wr_str_find(line, WR_STR(": "), 0);
        if (wr_str_starts(line, WR_STR("# ")) && colon != SIZE_MAX) {
            take(&g, wr_str_of(line.p + 2, colon - 2),
                 wr_str_of(line.p + colon + 2, line.n - colon - 2), row + 1);
        }
        at = end + 1;
    }
    if (before == n_passed + n_failed) {
        printf("%s: expects nothing\n", name);
        n_failed++;
    }
    wr_arena_deinit(&g.arena);
}

static int only_rego(const struct dirent *entry)
{
    return strstr(entry->d_name, ".rego") != NULL;
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    int n = argc == 2 ? scandir(argv[1], &entries, only_rego, alphasort) : -1;
    if (n < 0) {
        fprintf(stderr, "usage: rego_golden FOLDER\n");
        return 2;
    }
    for (int i = 0; i < n; i++) {
        unindexed = false;
        one_file(argv[1], entries[i]->d_name);
        unindexed = true;
        one_file(argv[1], entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    printf("%u passed, %u failed (%d policies)\n", n_passed, n_failed, n);
    return n_failed > 0 || n_passed == 0 ? 1 : 0;
}
