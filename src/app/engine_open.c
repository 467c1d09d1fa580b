/* SPDX-License-Identifier: Apache-2.0 */
#include "app/engine_open.h"
#include "app/cli.h"
#include "app/file.h"
#include "app/pack_load.h"
#include "app/starter_pack.h"
#include "value/json_read.h"
#include "value/json_write.h"

#define PACK_CAP WR_GIB(4)

/* Adds `models: {model: {file: ...}}` to the starter pack's weir.json. */
static wr_err add_model(struct wr_arena *arena, struct wr_pack_file *weir_json,
                        struct wr_error *error)
{
    struct wr_value doc;
    wr_err code = wr_json_read(arena, weir_json->bytes, true, NULL, &doc, error);
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, doc.n + 1);
    struct wr_pair *inner = WR_NEW_ARRAY(arena, struct wr_pair, 2);
    if (code != WR_OK || pairs == NULL || inner == NULL) {
        return code != WR_OK ? code : wr_fail(error, WR_E_MEMORY, "no room for the pack");
    }
    inner[0] = (struct wr_pair){wr_string(WR_STR("file")), wr_string(WR_STR("models/model.wasm"))};
    inner[1] = (struct wr_pair){wr_string(WR_STR("model")), wr_object_from(&inner[0], 1)};
    memcpy(pairs, doc.pairs, doc.n * sizeof *pairs);
    pairs[doc.n] = (struct wr_pair){wr_string(WR_STR("models")), wr_object_from(&inner[1], 1)};
    struct wr_value changed = wr_object_from(pairs, doc.n + 1);
    struct wr_buf text = wr_buf_in(arena, weir_json->bytes.n + 128);
    wr_json_write(&text, &changed, WR_JSON_COMPACT);
    weir_json->bytes = wr_buf_view(&text);
    return text.overflow ? wr_fail(error, WR_E_MEMORY, "no room for the pack") : WR_OK;
}

static wr_err open_starter(struct wr_arena *arena, const char *model, struct wr_pack **pack,
                           struct wr_error *error)
{
    size_t n = wr_starter_pack_n;
    struct wr_pack_file *files = WR_NEW_ARRAY(arena, struct wr_pack_file, n + 1);
    if (files == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the starter pack");
    }
    wr_err code = WR_OK;
    for (size_t i = 0; i < n && code == WR_OK; i++) {
        files[i].path = wr_str_z(wr_starter_pack[i].path);
        files[i].bytes = wr_str_of((const char *)wr_starter_pack[i].bytes, wr_starter_pack[i].size);
        code = wr_pack_file_from_yaml(arena, &files[i], error);
        if (code == WR_OK && model != NULL && wr_str_eq(files[i].path, WR_STR("weir.json"))) {
            code = add_model(arena, &files[i], error);
        }
    }
    if (code == WR_OK && model != NULL) {
        files[n].path = WR_STR("models/model.wasm");
        code = wr_file_read(arena, model, WR_LIMIT_PACK_SIZE, &files[n++].bytes, error);
    }
    return code == WR_OK ? wr_pack_open(arena, files, n, NULL, pack, error) : code;
}

/* Into an arena that is empty. */
static wr_err load(struct wr_arena *arena, const char *path, const char *model,
                   struct wr_pack **pack, struct wr_error *error)
{
    wr_err code = path != NULL ? wr_pack_load_with(arena, path, model, NULL, pack, error)
                               : open_starter(arena, model, pack, error);
    if (code != WR_OK) {
        wr_arena_deinit(arena);
    }
    return code;
}

wr_err wr_load_pack(struct wr_arena *arena, const char *path, const char *model,
                    struct wr_pack **pack, struct wr_error *error)
{
    wr_arena_init(arena, &wr_heap, PACK_CAP);
    return load(arena, path, model, pack, error);
}

bool wr_open_pack(struct wr_arena *arena, const char *path, const char *model,
                  struct wr_pack **pack)
{
    return wr_open_pack_in(arena, NULL, 0, path, model, pack);
}

bool wr_open_pack_in(struct wr_arena *arena, void *room, size_t room_n, const char *path,
                     const char *model, struct wr_pack **pack)
{
    struct wr_error error = {0};
    if (model == NULL) {
        model = wr_environment("MODEL_PATH");
    }
    if (room != NULL) {
        wr_arena_init_fixed(arena, room, room_n, &wr_heap, PACK_CAP);
    } else {
        wr_arena_init(arena, &wr_heap, PACK_CAP);
    }
    wr_err code = load(arena, path, model, pack, &error);
    if (code != WR_OK) {
        wr_complain_error(path != NULL ? path : "starter pack", &error);
    }
    return code == WR_OK;
}

bool wr_opened_open(struct wr_opened *opened, const char *path, const char *model)
{
    if (!wr_open_pack(&opened->arena, path, model, &opened->pack)) {
        return false;
    }
    struct wr_error error = {0};
    struct wr_engine_config config = {
        .keys = {{0x7765697220626174, 0x6368206b65792030},
                 {0x7765697220626174, 0x6368206b65792031}},
    };
    if (wr_engine_open(&wr_heap, opened->pack, &config, &opened->engine, &error) != WR_OK) {
        wr_complain_error("engine", &error);
        wr_arena_deinit(&opened->arena);
        return false;
    }
    return true;
}

void wr_opened_close(struct wr_opened *opened)
{
    wr_engine_close(opened->engine);
    wr_arena_deinit(&opened->arena);
}
