/* SPDX-License-Identifier: Apache-2.0 */
/* weir inspect: what a bundle holds, with the output of `opa inspect`. */
#include "app/bundle.h"
#include "app/commands.h"
#include "app/file.h"
#include "app/rego_output.h"
#include "app/table.h"
#include "rego/annotation.h"
#include "rego/parse.h"
#include "rego/print.h"
#include "value/json_write.h"

#include <stdio.h>
#include <stdlib.h>

static struct {
    const char *format;
    bool annotations, v1;
} options = {.format = "pretty"};

static const struct wr_option table[] = {
    {"format", 'f', WR_OPT_TEXT, "pretty|json", "how to print (pretty)", &options.format},
    {"annotations", 'a', WR_OPT_FLAG, NULL, "list annotations too", &options.annotations},
    {"v1-compatible", 0, WR_OPT_FLAG, NULL, "modules are Rego v1", &options.v1},
};

struct place { /* a file and what it adds to */
    struct wr_str space, file;
};

struct report {
    struct wr_arena *arena;
    const struct wr_bundle *bundle;
    struct place *places;
    size_t n;
    struct wr_ast_module **modules;
};

static int by_space(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return wr_str_cmp(x->space, y->space);
}

/* data.a.b of the folder a/b. */
static struct wr_str space_of_data(struct wr_arena *arena, struct wr_str path)
{
    struct wr_buf space = wr_buf_in(arena, path.n + 8);
    size_t n = path.n - wr_base_name(path).n;
    wr_buf_str(&space, WR_STR("data"));
    for (size_t at = 0; at < n;) {
        size_t end = wr_str_find(path, WR_STR("/"), at);
        wr_format(&space, ".%.*s", (int)(end - at), path.p + at);
        at = end + 1;
    }
    return wr_buf_view(&space);
}

static struct wr_str shown(struct wr_arena *arena, const struct wr_bundle *b, struct wr_str path)
{
    struct wr_buf name = wr_buf_in(arena, strlen(b->path) + path.n + 2);
    wr_format(&name, "%s/%.*s", b->archive ? "" : b->path, WR_FMT(path));
    return wr_buf_view(&name);
}

/* False after a complaint. */
static bool collect(struct report *r)
{
    const struct wr_bundle *b = r->bundle;
    struct wr_rego_parse_options how = {.v1 = options.v1, .annotations = true};
    struct wr_rego_errors errors;
    wr_rego_errors_init(&errors, r->arena);
    r->places = WR_NEW_ARRAY(r->arena, struct place, b->n_files);
    r->modules = WR_NEW_ARRAY(r->arena, struct wr_ast_module *, b->n_modules + 1);
    if (r->places == NULL || r->modules == NULL) {
        return false;
    }
    for (size_t i = 0; i < b->n_modules; i++) {
        struct wr_buf space = wr_buf_in(r->arena, 64);
        if (wr_rego_parse_module(r->arena, b->modules[i].file, b->modules[i].text, &how,
                                 &r->modules[i], &errors) != WR_OK) {
            fputs("error: ", stderr);
            wr_rego_errors_print(r->arena, &errors, false, stderr);
            return false;
        }
        wr_rego_print_ref(&space, r->modules[i]->package->items, r->modules[i]->package->n_items);
        r->places[r->n++] = (struct place){wr_buf_view(&space), b->modules[i].file};
    }
    for (size_t i = 0; i < b->n_files; i++) {
        if (wr_bundle_is_data(b->files[i].path)) {
            r->places[r->n++] = (struct place){space_of_data(r->arena, b->files[i].path),
                                               shown(r->arena, b, b->files[i].path)};
        }
    }
    qsort(r->places, r->n, sizeof r->places[0], by_space);
    return true;
}

/* ── pretty ─────────────────────────────────────────────────────────────────────────────────── */
static int by_text(const void *a, const void *b)
{
    return wr_str_cmp(*(const struct wr_str *)a, *(const struct wr_str *)b);
}

static void print_manifest(const struct report *r)
{
    const struct wr_bundle *b = r->bundle;
    const struct wr_value *metadata =
        b->manifest.type == WR_OBJECT ? wr_object_get_str(&b->manifest, WR_STR("metadata")) : NULL;
    struct wr_table t;
    uint32_t row = 0;
    wr_table_init(&t, r->arena, 2);
    wr_table_header(&t, 0, WR_STR("FIELD"));
    wr_table_header(&t, 1, WR_STR("VALUE"));
    if (b->revision.n > 0) {
        wr_table_cell(&t, row, 0, WR_STR("Revision"));
        wr_table_cell(&t, row++, 1, b->revision);
    }
    qsort(b->roots, b->n_roots, sizeof b->roots[0], by_text);
    for (size_t i = 0; i < b->n_roots && (b->n_roots > 1 || b->roots[0].n > 0); i++) {
        wr_table_cell(&t, row, 0, i == 0 ? WR_STR("Roots") : WR_STR(""));
        wr_table_cell(&t, row++, 1, b->roots[i]);
    }
    if (metadata != NULL) {
        struct wr_buf json = wr_buf_in(r->arena, 128);
        wr_json_write(&json, metadata, WR_JSON_HTML_SAFE);
        wr_table_cell(&t, row, 0, WR_STR("Metadata"));
        wr_table_cell(&t, row++, 1, wr_buf_view(&json));
    }
    if (row > 0) {
        puts("MANIFEST:");
        wr_table_print(&t, stdout);
    }
}

static void print_places(const struct report *r)
{
    struct wr_table t;
    wr_table_init(&t, r->arena, 2);
    wr_table_header(&t, 0, WR_STR("NAMESPACE"));
    wr_table_header(&t, 1, WR_STR("FILE"));
    for (size_t i = 0; i < r->n; i++) {
        bool again = i > 0 && wr_str_eq(r->places[i - 1].space, r->places[i].space);
        wr_table_cell(&t, (uint32_t)i, 0, again ? WR_STR("") : r->places[i].space);
        wr_table_cell(&t, (uint32_t)i, 1, r->places[i].file);
    }
    if (r->n > 0) {
        puts("NAMESPACES:");
        wr_table_print(&t, stdout);
    }
}

static void print_annotation(const struct report *r, const struct wr_ast_module *m,
                             const struct wr_annotation *a)
{
    const struct wr_value *title = wr_object_get_str(&a->value, WR_STR("title"));
    const struct wr_value *text = wr_object_get_str(&a->value, WR_STR("description"));
    struct wr_buf name = wr_buf_in(r->arena, 64), package = wr_buf_in(r->arena, 64);
    wr_rego_print_ref(&package, m->package->items, m->package->n_items);
    struct wr_str own = wr_str_of(package.p + WR_MIN(package.n, (size_t)5),
                                  package.n - WR_MIN(package.n, (size_t)5)); /* behind "data." */
    wr_buf_str(&name, own);
    if (a->rule != NULL) {
        wr_format(&name, ".%.*s", WR_FMT(a->rule->ref->items[0]->name));
    }
    struct wr_str head = title != NULL ? wr_text(*title) : wr_buf_view(&name);
    printf("%.*s\n", WR_FMT(head));
    for (size_t i = 0; i < head.n && i < 80; i++) {
        putchar('=');
    }
    fputs("\n\n", stdout);
    if (text != NULL) {
        printf("%.*s\n\n", WR_FMT(wr_text(*text)));
    }
    printf("Package:  %.*s\n", WR_FMT(own));
    if (a->rule != NULL) {
        printf("Rule:     %.*s\n", WR_FMT(a->rule->ref->items[0]->name));
    }
    uint32_t row = a->rule != NULL ? a->rule->loc.row : m->package_loc.row;
    printf("Location: %.*s:%u\nScope: %.*s\n", WR_FMT(m->file), row, WR_FMT(a->scope));
    printf("%s\n", a->entrypoint ? "Entrypoint: true\n" : "");
}

static void print_pretty(const struct report *r)
{
    print_manifest(r);
    print_places(r);
    bool any = false;
    for (size_t i = 0; options.annotations && i < r->bundle->n_modules; i++) {
        for (uint32_t k = 0; k < r->modules[i]->n_annotations; k++) {
            fputs(any ? "" : "ANNOTATIONS:\n", stdout);
            print_annotation(r, r->modules[i], r->modules[i]->annotations[k]);
            any = true;
        }
    }
}

/* ── JSON ───────────────────────────────────────────────────────────────────────────────────── */
static void write_manifest(struct wr_buf *json, const struct wr_bundle *b)
{
    const struct wr_value *metadata =
        b->manifest.type == WR_OBJECT ? wr_object_get_str(&b->manifest, WR_STR("metadata")) : NULL;
    wr_buf_str(json, WR_STR("\"manifest\":{\"revision\":"));
    wr_json_write_string(json, b->revision, WR_JSON_HTML_SAFE);
    wr_buf_str(json, WR_STR(",\"roots\":["));
    for (size_t i = 0; i < b->n_roots; i++) {
        wr_buf_str(json, i > 0 ? WR_STR(",") : WR_STR(""));
        wr_json_write_string(json, b->roots[i], WR_JSON_HTML_SAFE);
    }
    wr_buf_char(json, ']');
    if (metadata != NULL) {
        wr_buf_str(json, WR_STR(",\"metadata\":"));
        wr_json_write(json, metadata, WR_JSON_HTML_SAFE);
    }
    wr_buf_char(json, '}');
}

static void write_places(struct wr_buf *json, const struct report *r)
{
    for (size_t i = 0; i < r->n; i++) {
        bool again = i > 0 && wr_str_eq(r->places[i - 1].space, r->places[i].space);
        if (!again) {
            wr_buf_str(json, i == 0 ? WR_STR(",\"namespaces\":{") : WR_STR("],"));
            wr_json_write_string(json, r->places[i].space, WR_JSON_HTML_SAFE);
        }
        wr_buf_str(json, again ? WR_STR(",") : WR_STR(":["));
        wr_json_write_string(json, r->places[i].file, WR_JSON_HTML_SAFE);
    }
    wr_buf_str(json, r->n > 0 ? WR_STR("]}") : WR_STR(""));
}

static void write_annotations(struct wr_buf *json, const struct report *r)
{
    bool any = false;
    for (size_t i = 0; i < r->bundle->n_modules; i++) {
        for (uint32_t k = 0; k < r->modules[i]->n_annotations; k++) {
            wr_buf_str(json, any ? WR_STR(",") : WR_STR(",\"annotations\":["));
            wr_json_write(json, &r->modules[i]->annotations[k]->json, WR_JSON_HTML_SAFE);
            any = true;
        }
    }
    wr_buf_str(json, any ? WR_STR("]") : WR_STR(""));
}

static void print_json(const struct report *r)
{
    struct wr_buf json = wr_buf_in(r->arena, 4096);
    wr_buf_char(&json, '{');
    write_manifest(&json, r->bundle);
    wr_buf_str(&json, WR_STR(",\"signatures_config\":"));
    bool is_signed = false;
    for (size_t i = 0; i < r->bundle->n_files; i++) {
        if (wr_str_eq(r->bundle->files[i].path, WR_STR(".signatures.json"))) {
            wr_buf_str(&json, r->bundle->files[i].bytes);
            is_signed = true;
        }
    }
    wr_buf_str(&json, is_signed ? WR_STR("") : WR_STR("{}"));
    write_places(&json, r);
    if (options.annotations) {
        write_annotations(&json, r);
    }
    wr_buf_char(&json, '}');
    wr_output_json(r->arena, &json, stdout);
}

static int inspect(struct wr_arena *arena, const char *path)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_bundle bundle;
    struct wr_bundle_options how = {.skip_verify = true, .v1 = options.v1};
    struct report r = {.arena = arena, .bundle = &bundle};
    if (!wr_file_exists(path)) {
        fprintf(stderr, "error: error reading \"%s\": stat %s: no such file or directory\n", path,
                path);
        return WR_EXIT_FAILED;
    }
    if (wr_bundle_read(arena, path, &how, &bundle, &error) != WR_OK) {
        fprintf(stderr, "error: %s\n", error.text);
        return WR_EXIT_FAILED;
    }
    if (!collect(&r)) {
        return WR_EXIT_FAILED;
    }
    if (strcmp(options.format, "json") == 0) {
        print_json(&r);
    } else {
        print_pretty(&r);
    }
    return WR_EXIT_OK;
}

static int run(int argc, char **argv)
{
    bool known = strcmp(options.format, "json") == 0 || strcmp(options.format, "pretty") == 0;
    if (argc != 1 || !known) {
        wr_complain(known ? "wants exactly one bundle or path" : "--format wants pretty or json");
        return WR_EXIT_USAGE;
    }
    struct wr_arena arena;
    wr_arena_init(&arena, &wr_heap, WR_GIB(4));
    int exit_code = inspect(&arena, argv[0]);
    wr_arena_deinit(&arena);
    return exit_code;
}

const struct wr_command wr_command_inspect = {
    "inspect",
    "Tells what an OPA bundle holds",
    "[OPTIONS] BUNDLE",
    "Manifest, packages and data with their files, annotations; signatures are not verified "
    "here.\n\n"
    "examples:\n"
    "  weir inspect packs/cards\n"
    "  weir inspect -a -f json packs/cards\n",
    table,
    WR_COUNTOF(table),
    run,
};
