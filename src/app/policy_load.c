/* SPDX-License-Identifier: Apache-2.0 */
#include "app/policy_load.h"
#include "app/file.h"
#include "app/yaml_file.h"
#include "shell/go_json.h"
#include "value/json_read.h"

#include <stdio.h>

#define FILE_SIZE_MAX (1u << 30)

struct loader {
    struct wr_policy_files *files;
    struct wr_arena *arena;
    const struct wr_policy_paths *paths;
    struct wr_rego_errors *errors;
};

static bool is_yaml(struct wr_str path)
{
    return wr_str_ends(path, WR_STR(".yaml")) || wr_str_ends(path, WR_STR(".yml"));
}

static bool complain(struct loader *l, const char *format, ...) WR_PRINTF(2, 3);
static bool complain(struct loader *l, const char *format, ...)
{
    struct wr_buf text = wr_buf_in(l->arena, 256);
    va_list args;
    va_start(args, format);
    wr_vformat(&text, format, args);
    va_end(args);
    wr_rego_error_add(l->errors, WR_E_IO, (struct wr_str){0}, NULL, "%.*s", (int)text.n, text.p);
    return false;
}

/* ── documents ──────────────────────────────────────────────────────────────────────────────── */
static wr_err parse_document(struct wr_arena *arena, struct wr_str name, struct wr_str text,
                             struct wr_value *out, struct wr_error *error)
{
    if (is_yaml(name)) {
        return wr_yaml_read_either(arena, text, out, error);
    }
    wr_err code = wr_json_read(arena, text, true, &wr_json_as_opa, out, error);
    if (code == WR_E_JSON || code == WR_E_NEED_MORE) { /* in OPA's words */
        struct wr_buf words = wr_buf_in(arena, 128);
        if (wr_go_json_complain(&words, text)) {
            return wr_fail(error, code, "%.*s", (int)words.n, words.p);
        }
    }
    return code;
}

wr_err wr_policy_read_document(struct wr_arena *arena, const char *path, struct wr_value *out,
                               struct wr_error *error)
{
    struct wr_str text;
    wr_err code = wr_file_read(arena, path, WR_LIMIT_JSON_SIZE, &text, error);
    return code == WR_OK ? parse_document(arena, wr_str_z(path), text, out, error) : code;
}

wr_err wr_policy_read_input(struct wr_arena *arena, const char *path, struct wr_value *out,
                            struct wr_error *error)
{
    struct wr_str text;
    wr_err code = wr_file_read(arena, path, WR_LIMIT_JSON_SIZE, &text, error);
    if (code != WR_OK || wr_json_read(arena, text, true, &wr_json_as_opa, out, error) == WR_OK) {
        return code;
    }
    return wr_yaml_read_either(arena, text, out, error);
}

/* ── files ──────────────────────────────────────────────────────────────────────────────────── */
static bool add_module(struct loader *l, struct wr_str name, struct wr_str text)
{
    struct wr_policy_files *files = l->files;
    if (files->n == WR_LIMIT_POLICY_FILES) {
        return complain(l, "more than %d modules", WR_LIMIT_POLICY_FILES);
    }
    files->sources[files->n++] = (struct wr_rego_source){name, text};
    return true;
}

static bool add_value(struct loader *l, const char *path, struct wr_value v)
{
    struct wr_value merged;
    if (wr_arena_failed(l->arena)) {
        return complain(l, "%s: no memory", path);
    }
    if (v.type != WR_OBJECT) {
        return complain(l, "%s: document must be of type object", path);
    }
    if (!wr_data_merge(l->arena, &l->files->data, &v, &merged)) {
        return complain(l, "%s: merge error", path);
    }
    l->files->data = merged;
    return true;
}

/* `folders`: path relative to where the data's root is; `prefix`: "a.b", or empty. */
static bool add_file(struct loader *l, const char *path, struct wr_str folders,
                     struct wr_str prefix)
{
    struct wr_str name = wr_str_copy(l->arena, wr_str_z(path)), text;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_value v;
    if (name.p == NULL) {
        return complain(l, "%s: no memory", path);
    }
    if (wr_file_read(l->arena, path, FILE_SIZE_MAX, &text, &error) != WR_OK) {
        return complain(l, "%s", error.text);
    }
    if (wr_str_ends(name, WR_STR(".rego"))) {
        return add_module(l, name, text);
    }
    if (parse_document(l->arena, name, text, &v, &error) != WR_OK) {
        return error.row != 0 ? complain(l, "%s:%u:%u: %s", path, error.row, error.col, error.text)
                              : complain(l, "%s: %s", path, error.text);
    }
    v = wr_data_at(l->arena, folders, v);
    if (prefix.n > 0) { /* a.b as the folders a/b */
        struct wr_buf place = wr_buf_in(l->arena, prefix.n + 2);
        for (size_t i = 0; i < prefix.n; i++) {
            wr_buf_char(&place, prefix.p[i] == '.' ? '/' : prefix.p[i]);
        }
        wr_buf_char(&place, '/');
        v = wr_data_at(l->arena, wr_buf_view(&place), v);
    }
    return add_value(l, path, v);
}

static bool is_known(struct wr_str name)
{
    return wr_str_ends(name, WR_STR(".rego")) || wr_str_ends(name, WR_STR(".json")) ||
           is_yaml(name);
}

static bool add_folder(struct loader *l, const char *path, struct wr_str prefix)
{
    struct wr_file_list list;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_str folder = wr_str_z(path);
    bool good = true;
    if (wr_file_walk(l->arena, path, &list, &error) != WR_OK) {
        return complain(l, "%s", error.text);
    }
    while (folder.n > 1 && folder.p[folder.n - 1] == '/') {
        folder.n--;
    }
    if (wr_str_starts(folder, WR_STR("./")) && folder.n > 2) {
        folder = wr_str_of(folder.p + 2, folder.n - 2);
    }
    for (size_t i = 0; i < list.n; i++) {
        struct wr_str name = list.paths[i];
        bool ours = wr_str_eq(name, WR_STR("weir.yaml")) || wr_str_eq(name, WR_STR("weir.json"));
        char full[8192];
        if (!is_known(name) || ours || wr_is_ignored(l->paths->ignore, name)) {
            continue;
        }
        if (wr_str_eq(folder, WR_STR("."))) {
            snprintf(full, sizeof full, "%.*s", WR_FMT(name));
        } else {
            snprintf(full, sizeof full, "%.*s/%.*s", WR_FMT(folder), WR_FMT(name));
        }
        good = add_file(l, full, name, prefix) && good;
    }
    return good;
}

/* ── bundles ────────────────────────────────────────────────────────────────────────────────── */
static bool add_bundle(struct loader *l, const char *path, struct wr_bundle *bundle)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_bundle_options options = {.ignore = l->paths->ignore,
                                        .verifier = l->paths->verifier,
                                        .skip_verify = l->paths->skip_verify,
                                        .v1 = l->paths->v1};
    if (!wr_file_exists(path)) {
        return complain(l,
                        "loading error: error reading \"%s\": stat %s: no such file or directory",
                        path, path);
    }
    if (wr_bundle_read(l->arena, path, &options, bundle, &error) != WR_OK) {
        return complain(l, "loading error: %s", error.text);
    }
    for (size_t i = 0; i < bundle->n_modules; i++) {
        if (!add_module(l, bundle->modules[i].file, bundle->modules[i].text)) {
            return false;
        }
    }
    return add_value(l, path, bundle->data);
}

/* "a.b:PATH" in its two parts; no prefix when the text in front of the colon is no path of names.
 */
static const char *split_prefix(const char *path, struct wr_str *prefix)
{
    const char *colon = strchr(path, ':');
    *prefix = (struct wr_str){0};
    if (colon == NULL || colon == path || strncmp(path, "file://", 7) == 0) {
        return strncmp(path, "file://", 7) == 0 ? path + 7 : path;
    }
    *prefix = wr_str_of(path, (size_t)(colon - path));
    return colon + 1;
}

static bool add_path(struct loader *l, const char *given)
{
    struct wr_str prefix;
    const char *path = split_prefix(given, &prefix);
    struct wr_str name = wr_str_z(path);
    if (strcmp(path, "-") != 0 && !wr_file_exists(path)) {
        return complain(l, "stat %s: no such file or directory", path);
    }
    if (wr_file_is_directory(path)) {
        return add_folder(l, path, prefix);
    }
    if (wr_str_ends(name, WR_STR(".tar.gz"))) {
        struct wr_bundle bundle;
        return add_bundle(l, path, &bundle);
    }
    if (!is_known(name)) {
        return complain(l, "%s: neither a folder nor .rego, .json, .yaml, .yml or .tar.gz", path);
    }
    return add_file(l, path, (struct wr_str){0}, prefix);
}

static bool is_below(struct wr_str a, struct wr_str b)
{
    return b.n == 0 || (wr_str_starts(a, b) && (a.n == b.n || a.p[b.n] == '/'));
}

static bool share_root(const struct wr_bundle *a, const struct wr_bundle *b)
{
    for (size_t i = 0; i < a->n_roots; i++) {
        for (size_t k = 0; k < b->n_roots; k++) {
            if (is_below(a->roots[i], b->roots[k]) || is_below(b->roots[k], a->roots[i])) {
                return true;
            }
        }
    }
    return false;
}

/* True after a complaint: two bundles must not own one place. */
static bool roots_overlap(struct loader *l)
{
    const struct wr_policy_files *files = l->files;
    for (size_t i = 0; i < files->n_bundles; i++) {
        for (size_t k = 0; k < i; k++) {
            if (share_root(&files->bundles[i], &files->bundles[k])) {
                complain(l, "detected overlapping roots in bundle manifest with: [%s %s]",
                         files->bundles[k].path, files->bundles[i].path);
                return true;
            }
        }
    }
    return false;
}

void wr_policy_paths_take(struct wr_policy_paths *paths, int argc, char **argv, bool bundles)
{
    *(bundles ? &paths->bundles : &paths->paths) = (const char *const *)argv;
    *(bundles ? &paths->n_bundles : &paths->n_paths) = (size_t)argc;
}

bool wr_policy_load(struct wr_policy_files *files, struct wr_arena *arena,
                    const struct wr_policy_paths *paths, struct wr_rego_errors *errors)
{
    struct loader l = {files, arena, paths, errors};
    *files = (struct wr_policy_files){
        .sources = WR_NEW_ARRAY(arena, struct wr_rego_source, WR_LIMIT_POLICY_FILES),
        .data = wr_object_from(NULL, 0),
        .bundles = WR_NEW_ARRAY(arena, struct wr_bundle, paths->n_bundles + 1),
        .n_bundles = paths->n_bundles,
    };
    if (files->sources == NULL || files->bundles == NULL) {
        return complain(&l, "no memory");
    }
    bool good = true;
    for (size_t i = 0; i < paths->n_paths; i++) {
        good = add_path(&l, paths->paths[i]) && good;
    }
    for (size_t i = 0; i < paths->n_bundles; i++) {
        good = add_bundle(&l, paths->bundles[i], &files->bundles[i]) && good;
    }
    return good && !roots_overlap(&l);
}
