/* SPDX-License-Identifier: Apache-2.0 */
/* Places: what a MaxMind database of the pack knows of an address in the request (docs/pack.md,
 * "places"). */
#include "pack/parts.h"

static wr_err read_names(const struct wr_keys *keys, struct wr_str field, struct wr_place *place)
{
    struct wr_path path;
    if (wr_path_parse(field, &path, NULL) != WR_OK || path.n > WR_LIMIT_MMDB_DEPTH) {
        return wr_keys_fail(keys, "field", "\"%.*s\" is not a path", WR_FMT(field));
    }
    place->n_names = path.n;
    memcpy(place->names, path.names, path.n * sizeof path.names[0]);
    return WR_OK;
}

/* The database of a file: one, however many places are read from it. */
static wr_err find_database(struct wr_pack *pack, const struct wr_keys *keys, struct wr_str path,
                            struct wr_place *place)
{
    struct wr_error cause = {.offset = WR_NO_OFFSET};
    place->file = wr_pack_find_file(pack, path);
    if (place->file == NULL) {
        return wr_keys_fail(keys, "file", "the pack has no file %.*s", WR_FMT(path));
    }
    for (uint32_t i = 0; i < pack->n_places; i++) {
        if (pack->places[i].file == place->file) {
            place->database = pack->places[i].database;
            return WR_OK;
        }
    }
    struct wr_mmdb *database = WR_NEW(pack->arena, struct wr_mmdb);
    if (database == NULL) {
        return wr_fail(keys->error, WR_E_MEMORY, "no room for the pack's places");
    }
    if (wr_mmdb_open(place->file->bytes, database, &cause) != WR_OK) {
        return wr_keys_fail(keys, "file", "%.*s: %s", WR_FMT(path), cause.text);
    }
    place->database = database;
    return WR_OK;
}

static wr_err read_place(struct wr_pack *pack, const struct wr_keys *keys, struct wr_place *place)
{
    static const char *const known[] = {"file", "key", "field", NULL};
    struct wr_str file = {0}, key = {0}, field = {0};
    wr_err err = wr_keys_check(keys, known);
    err = err != WR_OK ? err : wr_keys_text(keys, "file", true, &file);
    err = err != WR_OK ? err : wr_keys_text(keys, "key", true, &key);
    err = err != WR_OK ? err : wr_keys_text(keys, "field", true, &field);
    if (err == WR_OK && wr_path_parse(key, &place->key, NULL) != WR_OK) {
        err = wr_keys_fail(keys, "key", "\"%.*s\" is not a path", WR_FMT(key));
    }
    err = err != WR_OK ? err : read_names(keys, field, place);
    return err != WR_OK ? err : find_database(pack, keys, file, place);
}

wr_err wr_pack_read_places(struct wr_pack *pack, const struct wr_keys *top)
{
    struct wr_keys places;
    bool found;
    wr_err err = wr_keys_enter(top, "places", &places, &found);
    if (err != WR_OK || !found) {
        return err;
    }
    if (places.at->n > WR_LIMIT_PACK_PLACES) {
        return wr_keys_fail(&places, NULL, "more than %d places", WR_LIMIT_PACK_PLACES);
    }
    pack->places = WR_NEW_ARRAY(pack->arena, struct wr_place, places.at->n);
    if (pack->places == NULL) {
        return wr_fail(top->error, WR_E_MEMORY, "no room for the pack's places");
    }
    for (uint32_t i = 0; i < places.at->n && err == WR_OK; i++) {
        struct wr_place *place = &pack->places[i];
        struct wr_keys keys = places;
        keys.name = place->name = wr_text(places.at->pairs[i].key);
        keys.at = &places.at->pairs[i].value;
        err = wr_pack_name_is_plain(place->name)
                  ? read_place(pack, &keys, place)
                  : wr_keys_fail(&keys, NULL, "a name has letters, digits, _ and - only");
        pack->n_places++;
    }
    return err;
}
