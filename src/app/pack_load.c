/* SPDX-License-Identifier: Apache-2.0 */
#include "app/pack_load.h"
#include "app/file.h"
#include "app/yaml_file.h"
#include "pack/tar.h"
#include "value/json_read.h"
#include "value/json_write.h"

#include <stdio.h>
#include <zlib.h>

static wr_err inflate_all(struct wr_arena *arena, struct wr_str in, struct wr_str *out,
                          struct wr_error *error)
{
    size_t cap = WR_MIN((size_t)WR_LIMIT_PACK_SIZE, in.n * WR_LIMIT_INFLATE_RATIO + 65536);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)in.p, .avail_in = (uInt)in.n};
    if (in.n > UINT32_MAX || inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
        return wr_fail(error, WR_E_PACK, "cannot start to unpack");
    }
    struct wr_buf buf = wr_buf_in(arena, WR_MIN(cap, in.n * 4 + 4096));
    int state = Z_OK;
    while (state == Z_OK && !buf.overflow && buf.n < cap) {
        size_t want = WR_MIN(cap - buf.n, (size_t)1 << 20);
        char *room = wr_buf_reserve(&buf, want);
        if (room == NULL) {
            break;
        }
        stream.next_out = (Bytef *)room;
        stream.avail_out = (uInt)want;
        state = inflate(&stream, Z_NO_FLUSH);
        buf.n += want - stream.avail_out;
    }
    size_t rest = stream.avail_in;
    inflateEnd(&stream);
    if (buf.overflow) {
        return wr_fail(error, WR_E_MEMORY, "the unpacked archive does not fit into memory");
    }
    if (state == Z_OK) { /* the room is full */
        return wr_fail(error, WR_E_LIMIT, "the archive unpacks to more than %zu bytes", cap);
    }
    if (state != Z_STREAM_END || rest != 0) {
        return wr_fail_at(error, WR_E_PACK, in.n - rest, "the gzip stream is %s",
                          state == Z_STREAM_END ? "followed by other bytes" : "broken or cut");
    }
    *out = wr_buf_view(&buf);
    return WR_OK;
}

static wr_err load_archive(struct wr_arena *arena, const char *path, struct wr_pack_file **files,
                           size_t *n, struct wr_error *error)
{
    struct wr_str bytes;
    wr_err code = wr_file_read(arena, path, WR_LIMIT_PACK_SIZE, &bytes, error);
    if (code == WR_OK && bytes.n >= 2 && (uint8_t)bytes.p[0] == 0x1F &&
        (uint8_t)bytes.p[1] == 0x8B) {
        code = inflate_all(arena, bytes, &bytes, error);
    }
    const struct wr_pack_file *read = NULL;
    if (code == WR_OK) {
        code = wr_tar_read(arena, bytes, &read, n, error);
    }
    if (code != WR_OK) {
        return code;
    }
    *files = WR_NEW_ARRAY(arena, struct wr_pack_file, *n);
    if (*files == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the list of files");
    }
    memcpy(*files, read, *n * sizeof **files);
    return WR_OK;
}

static wr_err load_folder(struct wr_arena *arena, const char *path, struct wr_pack_file **files,
                          size_t *n, struct wr_error *error)
{
    struct wr_file_list list;
    wr_err code = wr_file_walk(arena, path, &list, error);
    if (code != WR_OK) {
        return code;
    }
    *files = WR_NEW_ARRAY(arena, struct wr_pack_file, list.n);
    *n = 0;
    for (size_t i = 0; i < list.n && code == WR_OK && *files != NULL; i++) {
        struct wr_buf name = wr_buf_in(arena, strlen(path) + list.paths[i].n + 2);
        wr_format(&name, "%s/%.*s", path, WR_FMT(list.paths[i]));
        wr_buf_char(&name, '\0');
        if (name.overflow) {
            return wr_fail(error, WR_E_MEMORY, "no room for the name of a file");
        }
        struct wr_pack_file *file = &(*files)[(*n)++];
        file->path = list.paths[i];
        code = wr_file_read(arena, name.p, WR_LIMIT_PACK_SIZE, &file->bytes, error);
    }
    return *files == NULL ? wr_fail(error, WR_E_MEMORY, "no room for the list of files") : code;
}

static wr_err from_yaml(struct wr_arena *arena, struct wr_pack_file *file, struct wr_error *error)
{
    struct wr_value v;
    wr_err code = wr_yaml_file_read(arena, file->bytes, &v, error);
    if (code != WR_OK) {
        wr_error_where(error, file->path.p, file->path.n);
        return code;
    }
    struct wr_buf json = wr_buf_in(arena, file->bytes.n * 2 + 64);
    wr_json_write(&json, &v, WR_JSON_COMPACT);
    size_t stem = file->path.n - (wr_str_ends(file->path, WR_STR(".yml")) ? 3 : 4);
    struct wr_buf name = wr_buf_in(arena, stem + 8);
    wr_format(&name, "%.*sjson", (int)stem, file->path.p);
    if (json.overflow || name.overflow) {
        return wr_fail(error, WR_E_MEMORY, "no room for %.*s as JSON", WR_FMT(file->path));
    }
    file->bytes = wr_buf_view(&json);
    file->path = wr_buf_view(&name);
    return WR_OK;
}

static bool is_yaml_of_ours(struct wr_str path)
{
    size_t slash = path.n;
    while (slash > 0 && path.p[slash - 1] != '/') {
        slash--;
    }
    struct wr_str name = wr_str_of(path.p + slash, path.n - slash);
    return (slash == 0 &&
            (wr_str_eq(name, WR_STR("weir.yaml")) || wr_str_eq(name, WR_STR("weir.yml")))) ||
           wr_str_eq(name, WR_STR("data.yaml")) || wr_str_eq(name, WR_STR("data.yml"));
}

wr_err wr_pack_file_from_yaml(struct wr_arena *arena, struct wr_pack_file *file,
                              struct wr_error *error)
{
    return is_yaml_of_ours(file->path) ? from_yaml(arena, file, error) : WR_OK;
}

wr_err wr_pack_load_raw(struct wr_arena *arena, const char *path, struct wr_pack_file **files,
                        size_t *n, struct wr_error *error)
{
    *n = 0;
    wr_err code = wr_file_is_directory(path) ? load_folder(arena, path, files, n, error)
                                             : load_archive(arena, path, files, n, error);
    if (code != WR_OK && error->where[0] == '\0') {
        wr_error_where(error, path, strlen(path));
    }
    return code;
}

/* The core reads weir.json and says so; here it is known that the file is weir.yaml. */
static void name_as_written(char *text)
{
    while ((text = strstr(text, "weir.json")) != NULL) {
        memcpy(text, "weir.yaml", strlen("weir.yaml"));
    }
}

static const struct wr_pack_file *find(const struct wr_pack_file *files, size_t n,
                                       struct wr_str path)
{
    for (size_t i = 0; i < n; i++) {
        if (wr_str_eq(files[i].path, path)) {
            return &files[i];
        }
    }
    return NULL;
}

/* The first model's file that weir.json names and nothing holds; empty when there is none. */
static struct wr_str missing_model(struct wr_arena *arena, const struct wr_pack_file *files,
                                   size_t n)
{
    const struct wr_pack_file *weir_json = find(files, n, WR_STR("weir.json"));
    struct wr_value doc;
    if (weir_json == NULL ||
        wr_json_read(arena, weir_json->bytes, true, NULL, &doc, NULL) != WR_OK) {
        return WR_STR(""); /* wr_pack_open says what is wrong */
    }
    const struct wr_value *models =
        doc.type == WR_OBJECT ? wr_object_get_str(&doc, WR_STR("models")) : NULL;
    for (uint32_t i = 0; models != NULL && models->type == WR_OBJECT && i < models->n; i++) {
        const struct wr_value *one = &models->pairs[i].value;
        const struct wr_value *file =
            one->type == WR_OBJECT ? wr_object_get_str(one, WR_STR("file")) : NULL;
        if (file != NULL && file->type == WR_STRING && find(files, n, wr_text(*file)) == NULL) {
            return wr_text(*file);
        }
    }
    return WR_STR("");
}

static wr_err add_model(struct wr_arena *arena, const char *model, struct wr_pack_file **files,
                        size_t *n, struct wr_error *error)
{
    struct wr_str path = missing_model(arena, *files, *n);
    struct wr_pack_file *more = WR_NEW_ARRAY(arena, struct wr_pack_file, *n + 1);
    if (path.n == 0 || more == NULL) {
        return path.n == 0 ? WR_OK : wr_fail(error, WR_E_MEMORY, "no room for the model");
    }
    memcpy(more, *files, *n * sizeof *more);
    more[*n].path = path;
    *files = more;
    return wr_file_read(arena, model, WR_LIMIT_PACK_SIZE, &more[(*n)++].bytes, error);
}

wr_err wr_pack_load(struct wr_arena *arena, const char *path, const struct wr_pack_options *options,
                    struct wr_pack **pack, struct wr_error *error)
{
    return wr_pack_load_with(arena, path, NULL, options, pack, error);
}

wr_err wr_pack_load_with(struct wr_arena *arena, const char *path, const char *model,
                         const struct wr_pack_options *options, struct wr_pack **pack,
                         struct wr_error *error)
{
    struct wr_pack_file *files = NULL;
    size_t n = 0;
    bool yaml = false;
    wr_err code = wr_pack_load_raw(arena, path, &files, &n, error);
    for (size_t i = 0; i < n && code == WR_OK; i++) {
        yaml = yaml || wr_str_eq(files[i].path, WR_STR("weir.yaml"));
        code = wr_pack_file_from_yaml(arena, &files[i], error);
    }
    if (code == WR_OK && model != NULL && n > 0) {
        code = add_model(arena, model, &files, &n, error);
    }
    code = code == WR_OK ? wr_pack_open(arena, files, n, options, pack, error) : code;
    if (code != WR_OK && yaml) {
        name_as_written(error->text);
        name_as_written(error->where);
    }
    return code;
}
