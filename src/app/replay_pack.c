/* SPDX-License-Identifier: Apache-2.0 */
#include "app/file.h"
#include "app/pack_load.h"
#include "app/replay_in.h"
#include "value/json_read.h"

#include <stdlib.h>

static bool has_digest(const struct wr_pack *pack, const uint8_t digest[32])
{
    return memcmp(wr_pack_digest(pack), digest, 32) == 0;
}

/* A place for one more pack: the longest unused one goes, never one that the engine refers to. */
static struct wr_replay_pack *place(struct wr_replay *replay)
{
    if (replay->n_packs < WR_LIMIT_REPLAY_PACKS) {
        return &replay->packs[replay->n_packs++];
    }
    struct wr_replay_pack *oldest = NULL;
    for (size_t i = 0; i < replay->n_packs; i++) {
        struct wr_replay_pack *held = &replay->packs[i];
        bool in_use =
            replay->engine != NULL && (held->pack == wr_engine_pack(replay->engine) ||
                                       held->pack == wr_engine_state_pack(replay->engine));
        if (!in_use && (oldest == NULL || held->used < oldest->used)) {
            oldest = held;
        }
    }
    WR_ASSERT(oldest != NULL); /* the engine refers to two at most */
    wr_arena_deinit(&oldest->arena);
    oldest->pack = NULL;
    return oldest;
}

static wr_err load(struct wr_replay *replay, const char *path, const uint8_t digest[32],
                   const struct wr_pack **pack, struct wr_error *error)
{
    struct wr_replay_pack loaded = {.used = ++replay->clock};
    wr_arena_init(&loaded.arena, &wr_heap, (size_t)1 << 30);
    wr_err code = wr_pack_load(&loaded.arena, path, NULL, &loaded.pack, error);
    if (code != WR_OK || !has_digest(loaded.pack, digest)) {
        wr_arena_deinit(&loaded.arena);
        return code;
    }
    struct wr_replay_pack *held = place(replay);
    *held = loaded;
    *pack = held->pack;
    return WR_OK;
}

wr_err wr_replay_find_pack(struct wr_replay *replay, const uint8_t digest[32],
                           const struct wr_pack **pack, struct wr_error *error)
{
    const struct wr_replay_config *config = replay->config;
    *pack = NULL;
    for (size_t i = 0; i < replay->n_packs; i++) {
        if (has_digest(replay->packs[i].pack, digest)) {
            replay->packs[i].used = ++replay->clock;
            *pack = replay->packs[i].pack;
            return WR_OK;
        }
    }
    char hex[65], path[512];
    struct wr_buf text = wr_buf_fixed(hex, sizeof hex - 1);
    wr_buf_hex(&text, digest, 32);
    hex[64] = '\0';
    if (config->state != NULL) {
        snprintf(path, sizeof path, "%s/packs/%s.tar", config->state, hex);
        wr_err code = wr_file_exists(path) ? load(replay, path, digest, pack, error) : WR_OK;
        if (code != WR_OK || *pack != NULL) {
            return code;
        }
    }
    for (size_t i = 0; config->known != NULL && i < config->known->n; i++) {
        wr_err code = load(replay, config->known->items[i], digest, pack, error);
        if (code != WR_OK || *pack != NULL) {
            return code;
        }
    }
    return wr_fail(error, WR_E_PACK,
                   "the pack %s decided, and is neither kept with the journal nor given (--known "
                   "PACK)",
                   hex);
}

/* event.amount of weir.json is a path, or {path, type, scale}. */
static void take_amount(struct wr_replay *replay, const struct wr_value *amount)
{
    const struct wr_value *path = amount, *scale = NULL;
    if (amount->type == WR_OBJECT) {
        path = wr_object_get_str(amount, WR_STR("path"));
        scale = wr_object_get_str(amount, WR_STR("scale"));
    }
    if (path != NULL && path->type == WR_STRING) {
        struct wr_str text = wr_text(*path);
        snprintf(replay->amount_path, sizeof replay->amount_path, "%.*s", WR_FMT(text));
    }
    int64_t digits = 0;
    if (scale != NULL && scale->type == WR_NUMBER && wr_number_to_i64(scale, &digits) &&
        digits >= 0 && digits <= 9) {
        replay->result->scale = (unsigned)digits;
    }
}

void wr_replay_read_mapping(struct wr_replay *replay, const struct wr_pack *pack)
{
    struct wr_arena arena;
    struct wr_value document;
    size_t n;
    const struct wr_pack_file *files = wr_pack_files(pack, &n);
    wr_arena_init(&arena, &wr_heap, 1 << 26);
    for (size_t i = 0; i < n; i++) {
        if (wr_str_eq(files[i].path, WR_STR("weir.json")) &&
            wr_json_read(&arena, files[i].bytes, true, NULL, &document, NULL) == WR_OK &&
            document.type == WR_OBJECT) {
            const struct wr_value *event = wr_object_get_str(&document, WR_STR("event"));
            const struct wr_value *amount = event != NULL && event->type == WR_OBJECT
                                                ? wr_object_get_str(event, WR_STR("amount"))
                                                : NULL;
            if (amount != NULL) {
                take_amount(replay, amount);
            }
        }
    }
    wr_arena_deinit(&arena);
}

void wr_replay_close_packs(struct wr_replay *replay)
{
    for (size_t i = 0; i < replay->n_packs; i++) {
        wr_arena_deinit(&replay->packs[i].arena);
    }
    replay->n_packs = 0;
}
