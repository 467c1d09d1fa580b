/* SPDX-License-Identifier: Apache-2.0 */
/* OPA's own conformance cases, judged as their README says.
 *
 *   opa_cases LIST [--update] [--all] [--show TEXT]
 *
 * LIST names the cases that pass, one `set/category/index` a line. A listed case that fails is a
 * failure of the test. --update adds what passes and never takes anything away; --all also counts
 * cases that OPA 0.60 itself does not pass; --show prints the failures whose name or category
 * contains TEXT. The cases are not part of this tree: without them the test is skipped. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "check.h"
#include "rego/parse.h"
#include "rego/rego.h"
#include "shell/crypto.h"
#include "value/json_read.h"
#include "value/json_write.h"

#define CASES      WEIR_SHARED "/opa-cases"
#define MAX_LISTED 8192

static struct {
    const char *list, *show;
    bool update, all;
} options;

static char *listed[MAX_LISTED];
static bool listed_seen[MAX_LISTED];
static unsigned n_listed;
static FILE *adding;
static unsigned total, passed, lost;

static const struct wr_memory memory = CHECK_MEMORY;

/* ── host functions that some cases name ────────────────────────────────────────────────────── */

static wr_err test_sleep(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                         struct wr_value *out)
{
    (void)call, (void)args, (void)n;
    *out = wr_null();
    return WR_OK;
}

static wr_err custom_plus_one(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                              struct wr_value *out)
{
    int64_t i = 0;
    (void)call, (void)n;
    if (!wr_number_to_i64(&args[0], &i)) {
        return WR_OK;
    }
    *out = wr_int(i + 1);
    return WR_OK;
}

static wr_err custom_impure(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                            struct wr_value *out)
{
    (void)call, (void)args, (void)n;
    *out = wr_string(WR_STR("foo"));
    return WR_OK;
}

static wr_err custom_hundred(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                             struct wr_value *out)
{
    (void)call, (void)args, (void)n;
    *out = wr_int(100);
    return WR_OK;
}

/* The cases ask for addresses, which are their own, and for this host. */
static wr_err lookup_ip_addr(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                             struct wr_value *out)
{
    struct wr_value *item = WR_NEW_ARRAY(call->arena, struct wr_value, 1);
    (void)n;
    if (item == NULL) {
        return WR_E_MEMORY;
    }
    *item =
        wr_str_eq(wr_text(args[0]), WR_STR("localhost")) ? wr_string(WR_STR("127.0.0.1")) : args[0];
    *out = wr_set_from(item, 1);
    return WR_OK;
}

static const struct wr_builtin host_functions[] = {
    {.name = "net.lookup_ip_addr",
     .types = "(string) => set[string]",
     .arity_min = 1,
     .arity_max = 1,
     .fn = lookup_ip_addr,
     .flags = WR_BUILTIN_NONDET},
    {.name = "test.sleep",
     .types = "(any) => any",
     .arity_min = 1,
     .arity_max = 1,
     .fn = test_sleep},
    {.name = "custom_builtin_test",
     .types = "(any) => any",
     .arity_min = 1,
     .arity_max = 1,
     .fn = custom_plus_one},
    {.name = "custom_builtin_test_impure",
     .types = "() => any",
     .fn = custom_impure,
     .flags = WR_BUILTIN_NONDET},
    {.name = "custom_builtin_test_memoization",
     .types = "() => any",
     .fn = custom_hundred,
     .flags = WR_BUILTIN_NONDET},
};

static bool load_zone(void *context, struct wr_arena *arena, struct wr_str name,
                      struct wr_str *tzif)
{
    char path[256];
    (void)context;
    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%.*s", WR_FMT(name));
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return false;
    }
    char *room = wr_arena_alloc(arena, 1 << 16, 1);
    size_t n = room == NULL ? 0 : fread(room, 1, 1 << 16, f);
    fclose(f);
    *tzif = wr_str_of(room, n);
    return n > 0;
}

/* ── one case ───────────────────────────────────────────────────────────────────────────────── */

struct outcome {
    bool is_error;
    char error[4096];
    const char *code;
    struct wr_value results; /* array of binding objects, as JSON */
};

static struct wr_value field(const struct wr_value *object, const char *name)
{
    const struct wr_value *v = wr_object_get_str(object, wr_str_z(name));
    return v != NULL ? *v : wr_undefined();
}

static void set_error(struct outcome *o, const char *code, const struct wr_buf *text)
{
    o->is_error = true;
    o->code = code;
    snprintf(o->error, sizeof(o->error), "%.*s", (int)text->n, text->p);
}

static void set_errors(struct outcome *o, struct wr_arena *arena,
                       const struct wr_rego_errors *errors)
{
    struct wr_buf buf = wr_buf_in(arena, 256);
    wr_rego_errors_write(&buf, errors);
    set_error(o, errors->n > 0 ? wr_err_name(errors->items[0].code) : "none", &buf);
}

/* Sets to arrays, keys to text: through JSON and back. */
static struct wr_value as_json(struct wr_arena *arena, const struct wr_value *v)
{
    struct wr_buf buf = wr_buf_in(arena, 256);
    struct wr_value out = wr_undefined();
    wr_json_write(&buf, v, WR_JSON_COMPACT);
    wr_json_read(arena, wr_buf_view(&buf), false, NULL, &out, NULL);
    return out;
}

static bool input_of(struct wr_arena *arena, const struct wr_value *c, struct wr_value *input)
{
    struct wr_value term = field(c, "input_term");
    struct wr_rego_errors errors;
    *input = field(c, "input");
    if (term.type != WR_STRING) {
        return true;
    }
    wr_rego_errors_init(&errors, arena);
    return wr_rego_parse_value(arena, wr_text(term), input, &errors) == WR_OK;
}

static void run(struct wr_arena *arena, const struct wr_value *c, bool v1, struct outcome *o)
{
    struct wr_value modules = field(c, "modules"), data = field(c, "data"), input;
    struct wr_rego_source sources[64];
    char names[64][32];
    struct wr_rego_errors errors;
    wr_rego_errors_init(&errors, arena);
    uint32_t n = modules.type == WR_ARRAY ? modules.n : 0;
    for (uint32_t i = 0; i < n && i < 64; i++) {
        snprintf(names[i], sizeof(names[i]), "test-%u.rego", i);
        sources[i] = (struct wr_rego_source){wr_str_z(names[i]), wr_text(modules.items[i])};
    }
    struct wr_rego_options how = {.v1 = v1,
                                  .allow_network = true,
                                  .all_keywords = v1,
                                  .extra = host_functions,
                                  .n_extra = WR_COUNTOF(host_functions)};
    struct wr_rego_program *program;
    struct wr_rego_query *query;
    if (data.type != WR_OBJECT) {
        data = wr_object_from(NULL, 0);
    }
    if (wr_rego_compile(arena, sources, n, &data, &how, &program, &errors) != WR_OK ||
        wr_rego_prepare(program, arena, wr_text(field(c, "query")), NULL, &query, &errors) !=
            WR_OK ||
        !input_of(arena, c, &input)) {
        set_errors(o, arena, &errors);
        return;
    }
    struct wr_rego_context context = {
        .input = &input,
        .env = {.now_ns = (int64_t)time(NULL) * 1000000000,
                .seed = 7,
                .zones = {load_zone, NULL},
                .crypto = wr_crypto_table()},
        .strict_builtin_errors = wr_is_true(field(c, "strict_error")),
    };
    struct wr_rego_results results;
    struct wr_error error = {0};
    if (wr_rego_eval(query, &context, arena, &results, &error) != WR_OK) {
        struct wr_buf buf = wr_buf_in(arena, 256);
        wr_rego_eval_error_write(&buf, &error);
        set_error(o, wr_err_name(error.code), &buf);
        return;
    }
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, results.n);
    for (uint32_t i = 0; i < results.n; i++) {
        items[i] = as_json(arena, &results.items[i].bindings);
    }
    o->results = wr_array(items, results.n);
}

/* ── judging ────────────────────────────────────────────────────────────────────────────────── */

static int by_order(const void *a, const void *b)
{
    return wr_value_cmp(a, b);
}

/* The results as a set, each bound array sorted first if so wanted. */
static struct wr_value as_set(struct wr_arena *arena, const struct wr_value *list, bool sort)
{
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, list->n);
    for (uint32_t i = 0; i < list->n; i++) {
        items[i] = wr_value_copy(arena, list->items[i]);
        for (uint32_t k = 0; sort && items[i].type == WR_OBJECT && k < items[i].n; k++) {
            struct wr_value v = items[i].pairs[k].value;
            if (v.type == WR_ARRAY && v.n > 0) {
                qsort((void *)(uintptr_t)v.items, v.n, sizeof(v), by_order);
            }
        }
    }
    return wr_set_from(items, list->n);
}

static bool judge(struct wr_arena *arena, const char *set, const struct wr_value *c,
                  const struct outcome *o)
{
    struct wr_value error = field(c, "want_error"), code = field(c, "want_error_code");
    struct wr_value want = field(c, "want_result"), defined = field(c, "want_defined");
    if (error.type == WR_STRING || code.type == WR_STRING) {
        if (!o->is_error) {
            return false;
        }
        if (code.type == WR_STRING && !wr_str_eq(wr_text(code), wr_str_z(o->code))) {
            return false;
        }
        if (error.type == WR_STRING && strcmp(set, "plan") == 0) {
            return strstr(o->error, "eval_conflict_error") != NULL;
        }
        return error.type != WR_STRING ||
               wr_str_find(wr_str_z(o->error), wr_text(error), 0) != SIZE_MAX;
    }
    if (o->is_error) {
        return false;
    }
    if (defined.type == WR_BOOL) {
        return wr_is_true(defined) == (o->results.n > 0);
    }
    if (want.type != WR_ARRAY) {
        return o->results.n == 0;
    }
    bool sort = wr_is_true(field(c, "sort_bindings"));
    struct wr_value a = as_set(arena, &want, sort), b = as_set(arena, &o->results, sort);
    return wr_value_eq(&a, &b);
}

static void show(struct wr_arena *arena, const char *name, const struct wr_value *c,
                 const struct outcome *o)
{
    struct wr_value want = field(c, "want_result"), modules = field(c, "modules");
    struct wr_buf buf = wr_buf_in(arena, 1024);
    wr_json_write(&buf, &want, WR_JSON_COMPACT);
    wr_buf_str(&buf, WR_STR("\n   got "));
    if (o->is_error) {
        wr_buf_str(&buf, wr_str_z(o->error));
    } else {
        wr_json_write(&buf, &o->results, WR_JSON_COMPACT);
    }
    struct wr_value note = field(c, "note"), query = field(c, "query"), e = field(c, "want_error");
    printf("── %s %.*s\n   query %.*s%s%.*s\n  want %.*s\n", name, WR_FMT(wr_text(note)),
           WR_FMT(wr_text(query)), e.type == WR_STRING ? "   error " : "",
           e.type == WR_STRING ? (int)e.n : 0, e.type == WR_STRING ? e.text : "",
           (int)WR_MIN(buf.n, 1200), buf.p);
    for (uint32_t i = 0; modules.type == WR_ARRAY && i < modules.n; i++) {
        printf("%.*s\n", (int)WR_MIN(modules.items[i].n, 900), modules.items[i].text);
    }
}

/* ── files and the list ─────────────────────────────────────────────────────────────────────── */

static bool is_listed(const char *name)
{
    for (unsigned i = 0; i < n_listed; i++) {
        if (strcmp(listed[i], name) == 0) {
            listed_seen[i] = true;
            return true;
        }
    }
    return false;
}

static void read_list(void)
{
    char line[256];
    FILE *f = fopen(options.list, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL && n_listed < MAX_LISTED) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] != 0 && line[0] != '#') {
            listed[n_listed++] = strdup(line);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
}

static void one_case(const char *set, const char *category, uint32_t index,
                     const struct wr_value *c, unsigned *n, unsigned *ok)
{
    char name[256];
    struct wr_arena arena;
    struct outcome o = {0};
    snprintf(name, sizeof(name), "%s/%s/%u", set, category, index);
    bool counts = options.all || wr_is_true(field(c, "opa060"));
    bool known = is_listed(name);
    if (!counts && !known) {
        return;
    }
    wr_arena_init(&arena, &memory, 512u << 20);
    run(&arena, c, strcmp(set, "v1") == 0, &o);
    bool pass = judge(&arena, set, c, &o);
    *n += 1;
    *ok += pass;
    if (pass && !known && adding != NULL) {
        fprintf(adding, "%s\n", name);
    }
    if (!pass && known) {
        lost++;
        printf("LOST: %s\n", name);
        show(&arena, name, c, &o);
    } else if (!pass && options.show != NULL && strstr(name, options.show) != NULL) {
        show(&arena, name, c, &o);
    }
    wr_arena_deinit(&arena);
}

static char *read_all(const char *path, size_t *n)
{
    gzFile f = gzopen(path, "rb");
    size_t cap = 1 << 20;
    char *text = malloc(cap);
    int got;
    *n = 0;
    while (f != NULL && text != NULL && (got = gzread(f, text + *n, (unsigned)(cap - *n))) > 0) {
        *n += (size_t)got;
        if (*n == cap) {
            cap *= 2;
            text = realloc(text, cap);
        }
    }
    if (f != NULL) {
        gzclose(f);
    }
    return text;
}

static void one_file(const char *set, const char *file)
{
    char path[512], category[128];
    size_t n_text;
    struct wr_arena arena;
    struct wr_value doc;
    struct wr_error error = {0};
    snprintf(path, sizeof(path), CASES "/%s/%s", set, file);
    snprintf(category, sizeof(category), "%.*s", (int)strcspn(file, "."), file);
    char *text = read_all(path, &n_text);
    wr_arena_init(&arena, &memory, (size_t)1 << 30);
    if (wr_json_read(&arena, wr_str_of(text, n_text), false, NULL, &doc, &error) != WR_OK) {
        printf("%s: %s\n", path, error.text);
        lost++;
    } else {
        struct wr_value cases = field(&doc, "cases");
        unsigned n = 0, ok = 0;
        for (uint32_t i = 0; i < cases.n; i++) {
            one_case(set, category, i, &cases.items[i], &n, &ok);
        }
        if (ok != n) {
            printf("%s/%s: %u of %u\n", set, category, ok, n);
        }
        total += n;
        passed += ok;
    }
    wr_arena_deinit(&arena);
    free(text);
}

static int only_json(const struct dirent *entry)
{
    return strstr(entry->d_name, ".json") != NULL;
}

static bool one_set(const char *set)
{
    struct dirent **entries;
    char path[512];
    snprintf(path, sizeof(path), CASES "/%s", set);
    int n = scandir(path, &entries, only_json, alphasort);
    if (n < 0) {
        return false;
    }
    unsigned before = passed, before_total = total;
    for (int i = 0; i < n; i++) {
        one_file(set, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    printf("%s: %u of %u pass\n", set, passed - before, total - before_total);
    return true;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--update") == 0) {
            options.update = true;
        } else if (strcmp(argv[i], "--all") == 0) {
            options.all = true;
        } else if (strcmp(argv[i], "--show") == 0 && i + 1 < argc) {
            options.show = argv[++i];
        } else {
            options.list = argv[i];
        }
    }
    if (options.list == NULL) {
        fprintf(stderr, "usage: opa_cases LIST [--update] [--all] [--show TEXT]\n");
        return 2;
    }
    read_list();
    if (options.update) {
        adding = fopen(options.list, "a");
    }
    if (!one_set("v0") || !one_set("v1") || !one_set("plan")) {
        printf("skipped: there are no cases at %s\n", CASES);
        return 77;
    }
    for (unsigned i = 0; i < n_listed; i++) {
        if (!listed_seen[i]) {
            printf("LOST: %s is no case any more\n", listed[i]);
            lost++;
        }
        free(listed[i]);
    }
    if (adding != NULL) {
        fclose(adding);
    }
    printf("%u passed, %u failed of %u (%.1f %%); %u listed, %u of these lost\n", passed,
           total - passed, total, 100.0 * passed / (total > 0 ? total : 1), n_listed, lost);
    return lost > 0 ? 1 : 0;
}
