/* SPDX-License-Identifier: Apache-2.0 */
#include "app/bundle.h"
#include "app/bundle_sign.h"
#include "app/file.h"
#include "app/pack_load.h"
#include "app/yaml_file.h"
#include "rego/parse.h"
#include "value/json_read.h"

/* ── names ──────────────────────────────────────────────────────────────────────────────────── */
struct wr_str wr_base_name(struct wr_str path)
{
    size_t slash = path.n;
    while (slash > 0 && path.p[slash - 1] != '/') {
        slash--;
    }
    return slash > 0 ? wr_str_of(path.p + slash, path.n - slash) : path;
}

bool wr_bundle_is_data(struct wr_str path)
{
    struct wr_str name = wr_base_name(path);
    return wr_str_eq(name, WR_STR("data.json")) || wr_str_eq(name, WR_STR("data.yaml")) ||
           wr_str_eq(name, WR_STR("data.yml"));
}

/* '*' any run, '?' one character; linear but for one place to come back to. */
static bool fits(struct wr_str name, const char *pattern)
{
    size_t i = 0, star_i = 0;
    const char *p = pattern, *star = NULL;
    while (i < name.n) {
        if (*p == '*') {
            star = ++p;
            star_i = i;
        } else if (*p == name.p[i] || *p == '?') {
            p++;
            i++;
        } else if (star != NULL) {
            p = star;
            i = ++star_i;
        } else {
            return false;
        }
    }
    while (*p == '*') {
        p++;
    }
    return *p == '\0';
}

bool wr_is_ignored(const struct wr_option_list *ignore, struct wr_str path)
{
    for (size_t start = 0; ignore != NULL && ignore->n > 0 && start < path.n;) {
        size_t end = WR_MIN(wr_str_find(path, WR_STR("/"), start), path.n);
        struct wr_str part = wr_str_of(path.p + start, end - start);
        for (size_t i = 0; i < ignore->n; i++) {
            if (fits(part, ignore->items[i])) {
                return true;
            }
        }
        start = end + 1;
    }
    return false;
}

/* ── data ───────────────────────────────────────────────────────────────────────────────────── */
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

bool wr_data_merge(struct wr_arena *arena, const struct wr_value *a, const struct wr_value *b,
                   struct wr_value *out)
{
    return merge(arena, a, b, out, 0);
}

struct wr_value wr_data_at(struct wr_arena *arena, struct wr_str path, struct wr_value v)
{
    size_t end = path.n - wr_base_name(path).n;
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

/* ── manifest ───────────────────────────────────────────────────────────────────────────────── */
static wr_err fail(const struct wr_bundle *b, struct wr_error *error, struct wr_str file,
                   const char *why)
{
    return wr_fail(error, WR_E_PACK, "bundle %s: %.*s: %s", b->path, WR_FMT(file), why);
}

/* a lies at or below b, by parts. */
static bool is_below(struct wr_str a, struct wr_str b)
{
    return b.n == 0 || (wr_str_starts(a, b) && (a.n == b.n || a.p[b.n] == '/'));
}

static wr_err read_roots(struct wr_arena *arena, struct wr_bundle *b, struct wr_error *error)
{
    const struct wr_value *roots =
        b->manifest.type == WR_OBJECT ? wr_object_get_str(&b->manifest, WR_STR("roots")) : NULL;
    b->n_roots = roots != NULL && roots->type == WR_ARRAY ? roots->n : 1;
    b->roots = WR_NEW_ARRAY(arena, struct wr_str, b->n_roots);
    if (b->roots == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for %s", b->path);
    }
    if (roots == NULL || roots->type == WR_NULL) {
        b->roots[0] = WR_STR("");
        return WR_OK;
    }
    for (uint32_t i = 0; i < b->n_roots; i++) {
        if (roots->type != WR_ARRAY || roots->items[i].type != WR_STRING) {
            return fail(b, error, WR_STR(".manifest"), "roots: wanted a list of texts");
        }
        struct wr_str root = wr_text(roots->items[i]);
        while (root.n > 0 && root.p[0] == '/') {
            root = wr_str_of(root.p + 1, root.n - 1);
        }
        while (root.n > 0 && root.p[root.n - 1] == '/') {
            root.n--;
        }
        b->roots[i] = root;
        for (uint32_t k = 0; k < i; k++) {
            if (is_below(root, b->roots[k]) || is_below(b->roots[k], root)) {
                return wr_fail(error, WR_E_PACK,
                               "bundle %s: manifest has overlapped roots: '%.*s' and '%.*s'",
                               b->path, WR_FMT(b->roots[k]), WR_FMT(root));
            }
        }
    }
    return WR_OK;
}

static wr_err read_manifest(struct wr_arena *arena, struct wr_bundle *b, struct wr_error *error)
{
    struct wr_error cause = {.offset = WR_NO_OFFSET};
    for (size_t i = 0; i < b->n_files; i++) {
        if (!wr_str_eq(b->files[i].path, WR_STR(".manifest"))) {
            continue;
        }
        if (wr_json_read(arena, b->files[i].bytes, true, NULL, &b->manifest, &cause) != WR_OK) {
            return fail(b, error, b->files[i].path, cause.text);
        }
        if (b->manifest.type != WR_OBJECT) {
            return fail(b, error, b->files[i].path, "not a JSON object");
        }
        const struct wr_value *revision = wr_object_get_str(&b->manifest, WR_STR("revision"));
        b->revision =
            revision != NULL && revision->type == WR_STRING ? wr_text(*revision) : WR_STR("");
    }
    return read_roots(arena, b, error);
}

/* ── what lies outside of the roots ─────────────────────────────────────────────────────────── */
static void write_roots(struct wr_buf *out, const struct wr_bundle *b)
{
    wr_format(out, "bundle %s: manifest roots [", b->path);
    for (size_t i = 0; i < b->n_roots; i++) {
        wr_format(out, "%s%.*s", i > 0 ? " " : "", WR_FMT(b->roots[i]));
    }
    wr_buf_str(out, WR_STR("] do not permit "));
}

static bool permitted(const struct wr_bundle *b, struct wr_str path)
{
    for (size_t i = 0; i < b->n_roots; i++) {
        if (is_below(path, b->roots[i])) {
            return true;
        }
    }
    return false;
}

/* Some root lies below the path. */
static bool leads_to_root(const struct wr_bundle *b, struct wr_str path)
{
    for (size_t i = 0; i < b->n_roots; i++) {
        if (is_below(b->roots[i], path)) {
            return true;
        }
    }
    return false;
}

/* The first document, in order of keys, that no root permits; false when there is none. */
static bool find_stray(const struct wr_bundle *b, const struct wr_value *v, struct wr_buf *path,
                       unsigned depth)
{
    if (permitted(b, wr_buf_view(path))) {
        return false;
    }
    if (v->type != WR_OBJECT || !leads_to_root(b, wr_buf_view(path)) ||
        depth > WR_LIMIT_VALUE_DEPTH) {
        return true;
    }
    size_t n = path->n;
    for (uint32_t i = 0; i < v->n; i++) {
        wr_format(path, "%s%.*s", n > 0 ? "/" : "", WR_FMT(wr_text(v->pairs[i].key)));
        if (find_stray(b, &v->pairs[i].value, path, depth + 1)) {
            return true;
        }
        path->n = n;
    }
    return false;
}

static wr_err check_data(struct wr_arena *arena, const struct wr_bundle *b, struct wr_error *error)
{
    struct wr_buf path = wr_buf_in(arena, 128), text = wr_buf_in(arena, 256);
    if (!find_stray(b, &b->data, &path, 0)) {
        return WR_OK;
    }
    write_roots(&text, b);
    return wr_fail(error, WR_E_PACK,
                   "%.*sdata at path '/%.*s' (hint: check bundle directory structure)", (int)text.n,
                   text.p, (int)path.n, path.p);
}

/* Modules that do not parse are left to the compiler, which tells why. */
static wr_err check_module(struct wr_arena *arena, const struct wr_bundle *b,
                           const struct wr_rego_source *source, bool v1, struct wr_error *error)
{
    struct wr_rego_parse_options options = {.v1 = v1};
    struct wr_ast_module *module = NULL;
    struct wr_rego_errors errors;
    wr_rego_errors_init(&errors, arena);
    if (b->n_roots == 1 && b->roots[0].n == 0) {
        return WR_OK;
    }
    if (wr_rego_parse_module(arena, source->file, source->text, &options, &module, &errors) !=
        WR_OK) {
        return WR_OK;
    }
    struct wr_buf path = wr_buf_in(arena, 128), text = wr_buf_in(arena, 256);
    for (uint32_t i = 1; i < module->package->n_items; i++) {
        struct wr_str part = wr_text(module->package->items[i]->value);
        wr_format(&path, "%s%.*s", i > 1 ? "/" : "", WR_FMT(part));
    }
    if (permitted(b, wr_buf_view(&path))) {
        return WR_OK;
    }
    write_roots(&text, b);
    for (size_t i = 0; i < path.n; i++) {
        path.p[i] = path.p[i] == '/' ? '.' : path.p[i];
    }
    return wr_fail(error, WR_E_PACK, "%.*s'package %.*s' in module '%.*s'", (int)text.n, text.p,
                   (int)path.n, path.p, WR_FMT(source->file));
}

/* ── files ──────────────────────────────────────────────────────────────────────────────────── */
static wr_err add_data(struct wr_arena *arena, struct wr_bundle *b, const struct wr_pack_file *file,
                       struct wr_error *error)
{
    struct wr_error cause = {.offset = WR_NO_OFFSET};
    struct wr_value v, merged;
    bool json = wr_str_ends(file->path, WR_STR(".json"));
    wr_err code = json ? wr_json_read(arena, file->bytes, true, &wr_json_as_opa, &v, &cause)
                       : wr_yaml_read_either(arena, file->bytes, &v, &cause);
    if (code != WR_OK) {
        return fail(b, error, file->path, cause.text);
    }
    v = wr_data_at(arena, file->path, v);
    if (v.type != WR_OBJECT || !wr_data_merge(arena, &b->data, &v, &merged)) {
        return fail(b, error, file->path,
                    v.type != WR_OBJECT ? "data at the root must be an object"
                                        : "the data conflicts with that of another file");
    }
    b->data = merged;
    return WR_OK;
}

/* "folder/risk.rego" of a folder, "/risk.rego" of an archive. */
static struct wr_str shown_name(struct wr_arena *arena, const struct wr_bundle *b,
                                struct wr_str path)
{
    struct wr_buf name = wr_buf_in(arena, strlen(b->path) + path.n + 2);
    struct wr_str folder = wr_str_z(b->archive ? "" : b->path);
    while (folder.n > 1 && folder.p[folder.n - 1] == '/') {
        folder.n--;
    }
    if (wr_str_starts(folder, WR_STR("./"))) {
        folder = wr_str_of(folder.p + 2, folder.n - 2);
    }
    if (wr_str_eq(folder, WR_STR("."))) {
        wr_buf_str(&name, path);
    } else {
        wr_format(&name, "%.*s/%.*s", WR_FMT(folder), WR_FMT(path));
    }
    return wr_buf_view(&name);
}

static wr_err take_files(struct wr_arena *arena, struct wr_bundle *b,
                         const struct wr_bundle_options *options, struct wr_error *error)
{
    size_t n = 0;
    wr_err code = WR_OK;
    b->modules = WR_NEW_ARRAY(arena, struct wr_rego_source, b->n_files);
    if (b->modules == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for %s", b->path);
    }
    for (size_t i = 0; i < b->n_files && code == WR_OK; i++) {
        struct wr_pack_file *file = &b->files[i];
        if (wr_is_ignored(options->ignore, file->path)) {
            continue;
        }
        b->files[n++] = *file;
        if (wr_str_ends(file->path, WR_STR(".rego"))) {
            struct wr_rego_source *source = &b->modules[b->n_modules++];
            *source = (struct wr_rego_source){shown_name(arena, b, file->path), file->bytes};
            code = check_module(arena, b, source, options->v1, error);
        } else if (wr_bundle_is_data(file->path)) {
            code = add_data(arena, b, file, error);
        }
    }
    b->n_files = n;
    return code == WR_OK ? check_data(arena, b, error) : code;
}

wr_err wr_bundle_read(struct wr_arena *arena, const char *path,
                      const struct wr_bundle_options *options, struct wr_bundle *out,
                      struct wr_error *error)
{
    *out = (struct wr_bundle){
        .path = path, .archive = !wr_file_is_directory(path), .data = wr_object_from(NULL, 0)};
    if (!wr_file_exists(path)) {
        return wr_fail(error, WR_E_IO, "stat %s: no such file or directory", path);
    }
    wr_err code = wr_pack_load_raw(arena, path, &out->files, &out->n_files, error);
    if (code == WR_OK && !options->skip_verify) {
        code = wr_bundle_verify(arena, out, options->verifier, error);
    }
    code = code == WR_OK ? read_manifest(arena, out, error) : code;
    return code == WR_OK ? take_files(arena, out, options, error) : code;
}
