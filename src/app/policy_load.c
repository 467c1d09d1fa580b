/* SPDX-License-Identifier: Apache-2.0 */
#include "app/policy_load.h"
#include "app/file.h"
#include "app/yaml_file.h"
#include "value/json_read.h"

#include <stdio.h>

wr_err wr_policy_init(struct wr_policy_files *files, struct wr_arena *arena, struct wr_error *error)
{
    *files = (struct wr_policy_files){
        .sources = WR_NEW_ARRAY(arena, struct wr_rego_source, WR_LIMIT_POLICY_FILES),
        .data = wr_object_from(NULL, 0),
    };
    return files->sources != NULL ? WR_OK : wr_fail(error, WR_E_MEMORY, "no memory");
}

static bool is_yaml(struct wr_str path)
{
    return wr_str_ends(path, WR_STR(".yaml")) || wr_str_ends(path, WR_STR(".yml"));
}

wr_err wr_policy_read_document(struct wr_arena *arena, const char *path, struct wr_value *out,
                               struct wr_error *error)
{
    struct wr_str text;
    wr_err code = wr_file_read(arena, path, WR_LIMIT_JSON_SIZE, &text, error);
    if (code == WR_OK) {
        code = is_yaml(wr_str_z(path)) ? wr_yaml_file_read(arena, text, out, error)
                                       : wr_json_read(arena, text, true, NULL, out, error);
        if (code != WR_OK) {
            wr_error_where(error, path, strlen(path));
        }
    }
    return code;
}

/* b over a: objects are merged key by key; anything else must be equal or stand alone. */
static bool merge(struct wr_arena *arena, const struct wr_value *a, const struct wr_value *b,
                  struct wr_value *out, unsigned depth)
{
    if (a->type != WR_OBJECT || b->type != WR_OBJECT || depth > WR_LIMIT_VALUE_DEPTH) {
        *out = *a;
        return wr_value_eq(a, b);
    }
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, (size_t)a->n + b->n);
    if (pairs == NULL) {
        return false;
    }
    size_t n = a->n;
    if (n != 0) {
        memcpy(pairs, a->pairs, n * sizeof *pairs);
    }
    for (uint32_t i = 0; i < b->n; i++) {
        const struct wr_value *old = wr_object_get(a, &b->pairs[i].key);
        if (old == NULL) {
            pairs[n++] = b->pairs[i];
            continue;
        }
        size_t at = (size_t)((const struct wr_pair *)(const void *)(old - 1) - a->pairs);
        if (!merge(arena, old, &b->pairs[i].value, &pairs[at].value, depth + 1)) {
            return false;
        }
    }
    *out = wr_object_from(pairs, n);
    return true;
}

/* Wraps a document in objects for every folder of a relative path. */
static struct wr_value at_path(struct wr_arena *arena, struct wr_str path, struct wr_value v)
{
    size_t end = path.n;
    while (end > 0 && path.p[end - 1] != '/') {
        end--;
    }
    while (end > 0) {
        size_t stop = end - 1, start = stop; /* the folder's name is [start, stop) */
        while (start > 0 && path.p[start - 1] != '/') {
            start--;
        }
        struct wr_pair *pair = WR_NEW(arena, struct wr_pair);
        if (pair == NULL) {
            return v;
        }
        *pair = (struct wr_pair){wr_string(wr_str_of(path.p + start, stop - start)), v};
        v = wr_object_from(pair, 1);
        end = start;
    }
    return v;
}

static struct wr_str base_name(struct wr_str path)
{
    size_t slash = path.n;
    while (slash > 0 && path.p[slash - 1] != '/') {
        slash--;
    }
    return wr_str_of(path.p + slash, path.n - slash);
}

static bool is_bundle_data(struct wr_str path)
{
    struct wr_str name = base_name(path);
    return wr_str_eq(name, WR_STR("data.json")) || wr_str_eq(name, WR_STR("data.yaml")) ||
           wr_str_eq(name, WR_STR("data.yml"));
}

static wr_err add_file(struct wr_policy_files *files, struct wr_arena *arena, const char *path,
                       struct wr_str relative, bool bundle, struct wr_error *error)
{
    struct wr_str name = wr_str_copy(arena, wr_str_z(path));
    if (name.p == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for %s", path);
    }
    if (wr_str_ends(name, WR_STR(".rego"))) {
        if (files->n == WR_LIMIT_POLICY_FILES) {
            return wr_fail(error, WR_E_LIMIT, "more than %d modules", WR_LIMIT_POLICY_FILES);
        }
        struct wr_rego_source *source = &files->sources[files->n++];
        source->file = name;
        return wr_file_read(arena, path, 1u << 30, &source->text, error);
    }
    bool data = wr_str_ends(name, WR_STR(".json")) || is_yaml(name);
    if (!data || (bundle && !is_bundle_data(relative)) ||
        (!bundle && wr_str_eq(base_name(name), WR_STR("weir.yaml")))) {
        return WR_OK;
    }
    struct wr_value v, merged;
    wr_err code = wr_policy_read_document(arena, path, &v, error);
    if (code != WR_OK) {
        return code;
    }
    v = at_path(arena, relative, v);
    if (wr_arena_failed(arena)) {
        return wr_fail(error, WR_E_MEMORY, "no memory for %s", path);
    }
    if (v.type != WR_OBJECT || !merge(arena, &files->data, &v, &merged, 0)) {
        code = wr_fail(error, WR_E_PACK, "%s",
                       v.type != WR_OBJECT ? "data at the root must be an object"
                                           : "the data conflicts with that of another file");
        wr_error_where(error, path, strlen(path));
        return code;
    }
    files->data = merged;
    return WR_OK;
}

wr_err wr_policy_add(struct wr_policy_files *files, struct wr_arena *arena, const char *path,
                     bool bundle, struct wr_error *error)
{
    if (!wr_file_exists(path)) {
        return wr_fail(error, WR_E_IO, "%s: no such file or directory", path);
    }
    if (!wr_file_is_directory(path)) {
        struct wr_str name = wr_str_z(path);
        if (!wr_str_ends(name, WR_STR(".rego")) && !wr_str_ends(name, WR_STR(".json")) &&
            !is_yaml(name)) {
            return wr_fail(error, WR_E_USAGE,
                           "%s: neither a folder nor .rego, .json, .yaml or .yml", path);
        }
        return add_file(files, arena, path, (struct wr_str){0}, bundle, error);
    }
    struct wr_file_list list;
    wr_err code = wr_file_walk(arena, path, &list, error);
    for (size_t i = 0; i < list.n && code == WR_OK; i++) {
        char full[8192];
        snprintf(full, sizeof full, "%s/%.*s", path, WR_FMT(list.paths[i]));
        code = add_file(files, arena, full, list.paths[i], bundle, error);
    }
    return code;
}
