/* SPDX-License-Identifier: Apache-2.0 */
#include "app/kube.h"
#include "app/file.h"
#include "app/yaml_file.h"
#include "value/json_read.h"

struct wr_value wr_kube_at(struct wr_value value, const char *const *path, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct wr_value *next =
            value.type == WR_OBJECT ? wr_object_get_str(&value, wr_str_z(path[i])) : NULL;
        if (next == NULL) {
            return wr_undefined();
        }
        value = *next;
    }
    return value;
}

struct wr_str wr_kube_text(struct wr_value value)
{
    return value.type == WR_STRING ? wr_text(value) : (struct wr_str){"", 0};
}

struct wr_value wr_kube_new(struct wr_arena *arena, const struct wr_pair *pairs, size_t n)
{
    struct wr_pair *kept = WR_NEW_ARRAY(arena, struct wr_pair, n + 1);
    size_t n_kept = 0;
    for (size_t i = 0; i < n && kept != NULL; i++) {
        if (pairs[i].value.type != WR_UNDEFINED) {
            kept[n_kept++] = pairs[i];
        }
    }
    return kept != NULL ? wr_object_from(kept, n_kept) : wr_undefined();
}

wr_err wr_kube_object_of(struct wr_value value, struct wr_kube_object *out, struct wr_error *error)
{
    struct wr_str api = wr_kube_text(WR_KUBE_AT(value, "apiVersion"));
    size_t slash = wr_str_find(api, WR_STR("/"), 0);
    *out = (struct wr_kube_object){
        .value = value,
        .group = slash == SIZE_MAX ? WR_STR("") : wr_str_of(api.p, slash),
        .version = slash == SIZE_MAX ? api : wr_str_of(api.p + slash + 1, api.n - slash - 1),
        .kind = wr_kube_text(WR_KUBE_AT(value, "kind")),
        .name = wr_kube_text(WR_KUBE_AT(value, "metadata", "name")),
        .space = wr_kube_text(WR_KUBE_AT(value, "metadata", "namespace")),
    };
    if (out->version.n == 0 || out->kind.n == 0) {
        return wr_fail(error, WR_E_CONFIG, "this is no Kubernetes object: it wants %s",
                       out->kind.n == 0 ? "a kind" : "an apiVersion");
    }
    return WR_OK;
}

/* The next document of a stream: text up to a line that begins with "---". */
static bool next_document(struct wr_str text, size_t *at, uint32_t *row, struct wr_str *document)
{
    size_t start = *at, i = *at;
    if (start >= text.n) {
        return false;
    }
    while (i < text.n) {
        size_t end = wr_str_find(text, WR_STR("\n"), i);
        size_t line_end = end == SIZE_MAX ? text.n : end;
        struct wr_str line = wr_str_of(text.p + i, line_end - i);
        i = line_end < text.n ? line_end + 1 : text.n;
        (*row)++;
        if (wr_str_starts(line, WR_STR("---")) &&
            (line.n == 3 || line.p[3] == ' ' || line.p[3] == '\r')) {
            *document = wr_str_of(text.p + start, (size_t)(line.p - text.p) - start);
            *at = i;
            return true;
        }
    }
    *document = wr_str_of(text.p + start, text.n - start);
    *at = text.n;
    return true;
}

static wr_err add_document(struct wr_arena *arena, struct wr_str text, bool yaml,
                           struct wr_kube_object *items, size_t *n, struct wr_error *error)
{
    struct wr_value value;
    wr_err code = yaml ? wr_yaml_manifest_read(arena, text, &value, error)
                       : wr_json_read(arena, text, true, NULL, &value, error);
    if (code != WR_OK || value.type == WR_NULL) {
        return code;
    }
    if (*n == WR_LIMIT_KUBE_OBJECTS) {
        return wr_fail(error, WR_E_LIMIT, "more than %d objects", WR_LIMIT_KUBE_OBJECTS);
    }
    code = wr_kube_object_of(value, &items[*n], error);
    *n += code == WR_OK;
    return code;
}

wr_err wr_kube_read(struct wr_arena *arena, const char *path, struct wr_kube_objects *out,
                    struct wr_error *error)
{
    struct wr_str text, name = wr_str_z(path), document;
    struct wr_kube_object *items =
        WR_NEW_ARRAY(arena, struct wr_kube_object, WR_LIMIT_KUBE_OBJECTS);
    *out = (struct wr_kube_objects){.items = items};
    wr_err code = wr_file_read(arena, path, WR_LIMIT_KUBE_FILE, &text, error);
    if (code != WR_OK || items == NULL) {
        return code != WR_OK ? code : wr_fail(error, WR_E_MEMORY, "no memory for the objects");
    }
    if (wr_str_ends(name, WR_STR(".json"))) {
        code = add_document(arena, text, false, items, &out->n, error);
    } else {
        size_t at = 0;
        uint32_t row = 0, first = 0;
        while (code == WR_OK && next_document(text, &at, &row, &document)) {
            code = add_document(arena, document, true, items, &out->n, error);
            if (code != WR_OK && error != NULL && error->row != 0) {
                error->row += first;
            }
            first = row;
        }
    }
    if (code != WR_OK) {
        wr_error_where(error, path, name.n);
    }
    return code;
}
