/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/pack.h"

#include "base/hash.h"
#include "pack/parts.h"
#include "value/json_read.h"
#include "value/json_write.h"

/* ── files ──────────────────────────────────────────────────────────────────────────────────── */
static wr_err fail_file(struct wr_error *error, struct wr_str path, const char *what)
{
    wr_err err = wr_fail(error, WR_E_PACK, "%.*s: %s", WR_FMT(path), what);
    if (error != NULL) {
        wr_error_where(error, path.p, path.n);
    }
    return err;
}

static wr_err take_files(struct wr_pack *pack, const struct wr_pack_file *files, size_t n,
                         struct wr_error *error)
{
    uint64_t size = 0;
    if (n > WR_LIMIT_PACK_FILES) {
        return wr_fail(error, WR_E_LIMIT, "the pack has more than %d files", WR_LIMIT_PACK_FILES);
    }
    pack->files = WR_NEW_ARRAY(pack->arena, struct wr_pack_file, n);
    if (pack->files == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the pack's list of files");
    }
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at > 0 && wr_str_cmp(pack->files[at - 1].path, files[i].path) > 0; at--) {
            pack->files[at] = pack->files[at - 1];
        }
        pack->files[at] = files[i];
        if (at > 0 && wr_str_eq(pack->files[at - 1].path, files[i].path)) {
            return fail_file(error, files[i].path, "the file stands in the pack twice");
        }
        size += files[i].bytes.n;
    }
    pack->n_files = n;
    return size <= WR_LIMIT_PACK_SIZE
               ? WR_OK
               : wr_fail(error, WR_E_LIMIT, "the pack has more than %u bytes", WR_LIMIT_PACK_SIZE);
}

const struct wr_pack_file *wr_pack_find_file(const struct wr_pack *pack, struct wr_str path)
{
    for (size_t i = 0; i < pack->n_files; i++) {
        if (wr_str_eq(pack->files[i].path, path)) {
            return &pack->files[i];
        }
    }
    return NULL;
}

/* Files that no decision depends on. */
static bool is_aside(struct wr_str path)
{
    size_t slash = path.n;
    while (slash > 0 && path.p[slash - 1] != '/') {
        slash--;
    }
    struct wr_str name = wr_str_of(path.p + slash, path.n - slash);
    return wr_str_ends(path, WR_STR("_test.rego")) || wr_str_ends(path, WR_STR(".md")) ||
           wr_str_starts(path, WR_STR("tests/")) || wr_str_starts(name, WR_STR("README")) ||
           wr_str_eq(name, WR_STR(".signatures.json"));
}

static void digest_files(struct wr_pack *pack)
{
    static const char hex[16] = "0123456789abcdef";
    struct wr_sha256 sha;
    wr_sha256_init(&sha);
    for (size_t i = 0; i < pack->n_files; i++) {
        uint8_t length[8];
        if (is_aside(pack->files[i].path)) {
            continue;
        }
        wr_sha256_add(&sha, pack->files[i].path.p, pack->files[i].path.n);
        wr_sha256_add(&sha, "", 1);
        wr_put64(length, pack->files[i].bytes.n);
        wr_sha256_add(&sha, length, sizeof length);
        wr_sha256_add(&sha, pack->files[i].bytes.p, pack->files[i].bytes.n);
    }
    uint8_t v1 = pack->options.rego_v1; /* reads the same modules differently */
    wr_sha256_add(&sha, &v1, 1);
    wr_sha256_end(&sha, pack->digest);
    for (size_t i = 0; i < 32; i++) {
        pack->digest_text[2 * i] = hex[pack->digest[i] >> 4];
        pack->digest_text[2 * i + 1] = hex[pack->digest[i] & 15];
    }
}

static wr_err read_json(struct wr_pack *pack, const struct wr_pack_file *file, struct wr_value *out,
                        struct wr_error *error)
{
    struct wr_error cause = {0};
    wr_err err = wr_json_read(pack->arena, file->bytes, true, NULL, out, &cause);
    if (err == WR_E_MEMORY) {
        return wr_fail(error, err, "%.*s: %s", WR_FMT(file->path), cause.text);
    }
    if (err != WR_OK) {
        wr_fail_at(error, WR_E_PACK, cause.offset, "%.*s: not JSON at byte %llu: %s",
                   WR_FMT(file->path), (unsigned long long)cause.offset, cause.text);
        if (error != NULL) {
            wr_error_where(error, file->path.p, file->path.n);
        }
        return WR_E_PACK;
    }
    return wr_is(*out, WR_OBJECT) ? WR_OK : fail_file(error, file->path, "not a JSON object");
}

/* ── manifest ───────────────────────────────────────────────────────────────────────────────── */
static wr_err read_roots(struct wr_pack *pack, const struct wr_pack_file *file,
                         const struct wr_value *roots, struct wr_error *error)
{
    if (roots == NULL || wr_is(*roots, WR_NULL)) {
        return WR_OK;
    }
    struct wr_str *out =
        wr_is(*roots, WR_ARRAY) ? WR_NEW_ARRAY(pack->arena, struct wr_str, roots->n) : NULL;
    for (uint32_t i = 0; out != NULL && i < roots->n; i++) {
        out[i] = wr_is(roots->items[i], WR_STRING) ? wr_text(roots->items[i]) : (struct wr_str){0};
        while (out[i].n > 0 && out[i].p[0] == '/') {
            out[i] = wr_str_of(out[i].p + 1, out[i].n - 1);
        }
        out[i].n -= out[i].n > 0 && out[i].p[out[i].n - 1] == '/';
        if (!wr_is(roots->items[i], WR_STRING)) {
            out = NULL;
        }
    }
    if (out == NULL) {
        return fail_file(error, file->path, "roots: wanted a list of texts");
    }
    pack->roots = out;
    pack->n_roots = roots->n;
    return WR_OK;
}

static wr_err read_manifest(struct wr_pack *pack, struct wr_error *error)
{
    enum { REVISION_MAX = 128 };
    const struct wr_pack_file *file = wr_pack_find_file(pack, WR_STR(".manifest"));
    struct wr_value manifest;
    if (file == NULL) {
        return WR_OK;
    }
    wr_err err = read_json(pack, file, &manifest, error);
    if (err != WR_OK) {
        return err;
    }
    const struct wr_value *revision = wr_object_get_str(&manifest, WR_STR("revision"));
    const struct wr_value *version = wr_object_get_str(&manifest, WR_STR("rego_version"));
    int64_t number = 0;
    if (revision != NULL && (!wr_is(*revision, WR_STRING) || revision->n > REVISION_MAX)) {
        return fail_file(error, file->path, "revision: wanted a text of at most 128 bytes");
    }
    if (version != NULL && (!wr_is(*version, WR_NUMBER) || !wr_number_to_i64(version, &number) ||
                            (number != 0 && number != 1))) {
        return fail_file(error, file->path, "rego_version: wanted 0 or 1");
    }
    pack->revision = revision != NULL ? wr_text(*revision) : WR_STR("");
    pack->options.rego_v1 = version != NULL ? number == 1 : pack->options.rego_v1;
    return read_roots(pack, file, wr_object_get_str(&manifest, WR_STR("roots")), error);
}

/* ── data ───────────────────────────────────────────────────────────────────────────────────── */
enum { FOLDERS_MAX = 32 };

/* Folders of ".../data.json"; SIZE_MAX when the file is another or lies too deep. */
static size_t data_folders(struct wr_str path, struct wr_str folders[FOLDERS_MAX])
{
    size_t n = 0, start = 0;
    for (;;) {
        size_t end = wr_str_find(path, WR_STR("/"), start);
        if (end == SIZE_MAX) {
            struct wr_str name = wr_str_of(path.p + start, path.n - start);
            return wr_str_eq(name, WR_STR("data.json")) ? n : SIZE_MAX;
        }
        if (n == FOLDERS_MAX) {
            return SIZE_MAX;
        }
        folders[n++] = wr_str_of(path.p + start, end - start);
        start = end + 1;
    }
}

/* `object` with `key` set to `v`. */
static struct wr_value with_key(struct wr_arena *arena, const struct wr_value *object,
                                struct wr_str key, struct wr_value v)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, (size_t)object->n + 1);
    if (pairs == NULL) {
        return wr_undefined();
    }
    if (object->n != 0) {
        memcpy(pairs, object->pairs, object->n * sizeof *pairs);
    }
    pairs[object->n] = (struct wr_pair){wr_string(key), v};
    return wr_object_from(pairs, (size_t)object->n + 1);
}

static wr_err unite(struct wr_pack *pack, const struct wr_pack_file *file,
                    const struct wr_value *old, struct wr_value *document, struct wr_error *error)
{
    for (uint32_t i = 0; i < old->n; i++) {
        struct wr_str key = wr_text(old->pairs[i].key);
        if (wr_object_get_str(document, key) != NULL) {
            wr_fail(error, WR_E_PACK, "%.*s: the key \"%.*s\" is given by another file too",
                    WR_FMT(file->path), WR_FMT(key));
            if (error != NULL) {
                wr_error_where(error, file->path.p, file->path.n);
            }
            return WR_E_PACK;
        }
        *document = with_key(pack->arena, document, key, old->pairs[i].value);
        if (wr_is(*document, WR_UNDEFINED)) {
            return wr_fail(error, WR_E_MEMORY, "%.*s: no room", WR_FMT(file->path));
        }
    }
    return WR_OK;
}

/* Puts a document below its folders; what is there already and the document must not overlap. */
static wr_err place_data(struct wr_pack *pack, const struct wr_pack_file *file,
                         const struct wr_str *folders, size_t n, struct wr_error *error)
{
    struct wr_value levels[FOLDERS_MAX + 1], document;
    wr_err err = read_json(pack, file, &document, error);
    if (err != WR_OK) {
        return err;
    }
    levels[0] = pack->data;
    for (size_t i = 0; i < n; i++) {
        const struct wr_value *below = wr_object_get_str(&levels[i], folders[i]);
        levels[i + 1] = below != NULL ? *below : wr_object_from(NULL, 0);
        if (!wr_is(levels[i + 1], WR_OBJECT)) {
            return fail_file(error, file->path, "another file gives a value to its folder");
        }
    }
    err = unite(pack, file, &levels[n], &document, error);
    for (size_t i = n; i-- > 0 && err == WR_OK;) {
        document = with_key(pack->arena, &levels[i], folders[i], document);
        err = wr_is(document, WR_OBJECT)
                  ? WR_OK
                  : wr_fail(error, WR_E_MEMORY, "%.*s: no room", WR_FMT(file->path));
    }
    pack->data = document;
    return err;
}

static wr_err read_data(struct wr_pack *pack, struct wr_error *error)
{
    wr_err err = WR_OK;
    pack->data = wr_object_from(NULL, 0);
    for (size_t depth = 0; depth <= FOLDERS_MAX; depth++) { /* the root first, then what is below */
        for (size_t i = 0; i < pack->n_files && err == WR_OK; i++) {
            struct wr_str folders[FOLDERS_MAX];
            if (!is_aside(pack->files[i].path) &&
                data_folders(pack->files[i].path, folders) == depth) {
                err = place_data(pack, &pack->files[i], folders, depth, error);
            }
        }
    }
    return err;
}

/* ── weir.json ──────────────────────────────────────────────────────────────────────────────── */
static wr_err sort_features(struct wr_pack *pack, struct wr_error *error)
{
    const struct wr_feature_plan *plan = pack->plan;
    pack->by_name = WR_NEW_ARRAY(pack->arena, uint32_t, plan->n_features);
    if (pack->by_name == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the pack's features");
    }
    for (uint32_t i = 0; i < plan->n_features; i++) {
        uint32_t at = i;
        struct wr_str name = plan->features[i].name;
        for (; at > 0 && wr_str_cmp(plan->features[pack->by_name[at - 1]].name, name) > 0; at--) {
            pack->by_name[at] = pack->by_name[at - 1];
        }
        pack->by_name[at] = i;
        if (!wr_pack_name_is_plain(name)) {
            return wr_fail(error, WR_E_PACK,
                           "weir.json: features.%.*s: a name has letters, digits, _ and - only",
                           WR_FMT(name));
        }
    }
    return WR_OK;
}

/* What the feature state depends on: packs that agree here can take it over from one another. */
static wr_err digest_state_parts(struct wr_pack *pack, struct wr_error *error)
{
    static const char *const parts[] = {"event", "entities", "fields", "features", "limits"};
    struct wr_buf text = wr_buf_in(pack->arena, 4096);
    for (size_t i = 0; i < WR_COUNTOF(parts); i++) {
        const struct wr_value *part = wr_object_get_str(&pack->weir, wr_str_z(parts[i]));
        wr_buf_str(&text, wr_str_z(parts[i]));
        if (part != NULL) {
            wr_json_write(&text, part, WR_JSON_COMPACT);
        }
    }
    const struct wr_value *places = wr_object_get_str(&pack->weir, WR_STR("places"));
    if (places != NULL) { /* keys and fields may be read from them */
        wr_buf_str(&text, WR_STR("places"));
        wr_json_write(&text, places, WR_JSON_COMPACT);
    }
    wr_sha256_of(text.p, text.n, pack->state_digest);
    return text.overflow ? wr_fail(error, WR_E_MEMORY, "no room for weir.json") : WR_OK;
}

/* Errors of the schema and the features name a key; this says in which file. */
static void name_weir(wr_err err, struct wr_error *error)
{
    struct wr_str file = WR_STR("weir.json");
    if (err == WR_OK || error == NULL || wr_str_starts(wr_str_z(error->text), file)) {
        return;
    }
    struct wr_error cause = *error;
    struct wr_str key = wr_str_z(cause.where);
    bool told = key.n == 0 || wr_str_find(wr_str_z(cause.text), key, 0) != SIZE_MAX;
    wr_fail(error, err, "weir.json: %.*s%s%s", WR_FMT(told ? WR_STR("") : key), told ? "" : ": ",
            cause.text);
    wr_error_where(error, file.p, file.n);
}

static wr_err read_weir(struct wr_pack *pack, struct wr_error *error)
{
    static const char *const known[] = {"event",  "entities", "fields",   "labels",  "features",
                                        "lists",  "models",   "decision", "reasons", "csv",
                                        "limits", "places",   NULL};
    const struct wr_pack_file *file = wr_pack_find_file(pack, WR_STR("weir.json"));
    if (file == NULL) {
        return wr_fail(error, WR_E_PACK,
                       "the pack has no weir.json (or weir.yaml); an archive keeps it when made by "
                       "weir pack build or weir build --bundle");
    }
    wr_err err = read_json(pack, file, &pack->weir, error);
    if (err != WR_OK) {
        return err;
    }
    struct wr_keys top = {.file = "weir.json", .place = "", .at = &pack->weir, .error = error};
    err = wr_keys_check(&top, known);
    err = err != WR_OK ? err : wr_schema_open(pack->arena, &pack->weir, &pack->schema, error);
    err = err != WR_OK
              ? err
              : wr_feature_plan_open(pack->arena, pack->schema, &pack->weir, &pack->plan, error);
    name_weir(err, error);
    err = err != WR_OK ? err : sort_features(pack, error);
    err = err != WR_OK ? err : digest_state_parts(pack, error);
    err = err != WR_OK ? err : wr_pack_read_lists(pack, &top);
    err = err != WR_OK ? err : wr_pack_read_places(pack, &top);
    err = err != WR_OK ? err : wr_pack_read_labels(pack, &top);
    err = err != WR_OK ? err : wr_pack_read_models(pack, &top);
    err = err != WR_OK ? err : wr_pack_read_mapping(pack, &top);
    return err != WR_OK ? err : wr_pack_read_decision(pack, &top);
}

wr_err wr_pack_open(struct wr_arena *arena, const struct wr_pack_file *files, size_t n_files,
                    const struct wr_pack_options *options, struct wr_pack **out,
                    struct wr_error *error)
{
    *out = NULL;
    struct wr_pack *pack = WR_NEW(arena, struct wr_pack);
    if (pack == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for a pack");
    }
    pack->arena = arena;
    pack->revision = WR_STR("");
    pack->options = options != NULL ? *options : (struct wr_pack_options){0};
    wr_err err = take_files(pack, files, n_files, error);
    err = err != WR_OK ? err : read_manifest(pack, error);
    err = err != WR_OK ? err : read_data(pack, error);
    err = err != WR_OK ? err : read_weir(pack, error);
    err = err != WR_OK ? err : wr_pack_compile(pack, error);
    if (err == WR_OK && wr_arena_failed(arena)) {
        err = wr_fail(error, WR_E_MEMORY, "no room for the pack");
    }
    if (err == WR_OK) {
        digest_files(pack);
        *out = pack;
    }
    return err;
}

/* ── asking ─────────────────────────────────────────────────────────────────────────────────── */
void wr_pack_warn(struct wr_pack *pack, const char *format, ...)
{
    if (pack->n_warnings == pack->warnings_cap) {
        size_t cap = pack->warnings_cap * 2 + 8;
        struct wr_str *warnings = WR_NEW_ARRAY(pack->arena, struct wr_str, cap);
        if (warnings == NULL) {
            return; /* the arena has failed: opening ends with WR_E_MEMORY */
        }
        if (pack->n_warnings != 0) {
            memcpy(warnings, pack->warnings, pack->n_warnings * sizeof *warnings);
        }
        pack->warnings = warnings;
        pack->warnings_cap = cap;
    }
    struct wr_buf text = wr_buf_in(pack->arena, 128);
    va_list args;
    va_start(args, format);
    wr_vformat(&text, format, args);
    va_end(args);
    pack->warnings[pack->n_warnings++] = wr_buf_view(&text);
}

bool wr_pack_name_is_plain(struct wr_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-') {
            return false;
        }
    }
    return name.n > 0 && name.n <= WR_LIMIT_NAME;
}

struct wr_str wr_pack_revision(const struct wr_pack *pack)
{
    return pack->revision;
}

const uint8_t *wr_pack_digest(const struct wr_pack *pack)
{
    return pack->digest;
}

const uint8_t *wr_pack_state_digest(const struct wr_pack *pack)
{
    return pack->state_digest;
}

struct wr_str wr_pack_digest_text(const struct wr_pack *pack)
{
    return wr_str_of(pack->digest_text, sizeof pack->digest_text);
}

bool wr_pack_events_have_time(const struct wr_pack *pack)
{
    return pack->schema->has_time && pack->schema->time_required;
}

const struct wr_feature_plan *wr_pack_plan(const struct wr_pack *pack)
{
    return pack->plan;
}

bool wr_pack_shares(const struct wr_pack *pack)
{
    return pack->plan->fleet != NULL;
}

int64_t wr_pack_deadline_us(const struct wr_pack *pack)
{
    return pack->policy.deadline_us;
}

int64_t wr_pack_shadow_us(const struct wr_pack *pack)
{
    return pack->policy.shadow_us;
}

size_t wr_pack_n_warnings(const struct wr_pack *pack)
{
    return pack->n_warnings;
}

struct wr_str wr_pack_warning(const struct wr_pack *pack, size_t i)
{
    WR_ASSERT(i < pack->n_warnings);
    return pack->warnings[i];
}

size_t wr_pack_n_entities(const struct wr_pack *pack)
{
    return pack->schema->n_entities;
}

size_t wr_pack_n_features(const struct wr_pack *pack)
{
    return pack->plan->n_features;
}

struct wr_str wr_pack_feature_name(const struct wr_pack *pack, size_t i)
{
    WR_ASSERT(i < pack->plan->n_features);
    return pack->plan->features[i].name;
}

size_t wr_pack_n_models(const struct wr_pack *pack)
{
    return pack->n_models;
}

struct wr_str wr_pack_model_name(const struct wr_pack *pack, size_t i)
{
    WR_ASSERT(i < pack->n_models);
    return pack->models[i].name;
}

size_t wr_pack_n_reasons(const struct wr_pack *pack)
{
    return pack->n_reasons;
}

struct wr_str wr_pack_reason_code(const struct wr_pack *pack, size_t i)
{
    WR_ASSERT(i < pack->n_reasons);
    return pack->reasons[i].code;
}

struct wr_str wr_pack_reason_text(const struct wr_pack *pack, struct wr_str code,
                                  struct wr_str language)
{
    const struct wr_pack_reason *reason = wr_pack_find_reason(pack, code);
    if (reason == NULL) {
        return WR_STR("");
    }
    return wr_str_eq(language, WR_STR("zh")) && reason->zh.n != 0 ? reason->zh : reason->en;
}

const struct wr_csv *wr_pack_csv(const struct wr_pack *pack)
{
    return pack->has_csv ? &pack->csv : NULL;
}

const struct wr_str *wr_pack_roots(const struct wr_pack *pack, size_t *n)
{
    static const struct wr_str all[] = {{"", 0}};
    *n = pack->roots != NULL ? pack->n_roots : 1;
    return pack->roots != NULL ? pack->roots : all;
}

struct wr_value wr_pack_data(const struct wr_pack *pack)
{
    return pack->data;
}

bool wr_pack_is_v1(const struct wr_pack *pack)
{
    return pack->options.rego_v1;
}

const struct wr_rego_program *wr_pack_program(const struct wr_pack *pack)
{
    return pack->program;
}

const struct wr_pack_file *wr_pack_files(const struct wr_pack *pack, size_t *n)
{
    *n = pack->n_files;
    return pack->files;
}
