/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "engine/state.h"
#include "feature/image.h"

enum { ENGINE_CAP = 1024 * 1024 };

static wr_err no_room(struct wr_error *error)
{
    return wr_fail(error, WR_E_MEMORY, "no room to open an engine");
}

/* ── opening ────────────────────────────────────────────────────────────────────────────────── */
static struct wr_feature_state *open_features(const struct wr_engine *engine,
                                              const struct wr_pack *pack, int64_t warming_since_ms)
{
    uint64_t entities = WR_MIN(pack->entities_max, (uint64_t)UINT32_MAX);
    struct wr_feature_caps caps = {
        .entities_max = (uint32_t)entities,
        .bytes_max = engine->config.state_cap != 0 ? engine->config.state_cap : pack->bytes_max,
        .warming_since_ms = warming_since_ms,
    };
    return wr_feature_state_open(pack->plan, engine->memory, &caps);
}

static uint64_t ids_cap(const struct wr_engine *engine, const struct wr_pack *pack)
{
    uint64_t cap = engine->config.ids_cap != 0 ? engine->config.ids_cap : pack->ids;
    return WR_MIN(cap, (uint64_t)WR_LIMIT_SEEN_IDS);
}

static wr_err open_parts(struct wr_engine *engine, const struct wr_pack *pack,
                         struct wr_error *error)
{
    wr_err err =
        wr_binding_open(engine->memory, pack, pack, &engine->config, &engine->binding, error);
    if (err != WR_OK) {
        return err;
    }
    engine->features = open_features(engine, pack, INT64_MIN);
    engine->work_room = engine->memory->take(engine->memory->context, WR_LIMIT_ENGINE_WORK);
    bool seen =
        wr_seen_init(&engine->seen, engine->memory, ids_cap(engine, pack), pack->ids_age_us);
    bool shadow = wr_challenge_make_room(&engine->shadow, engine->memory, pack);
    if (engine->features == NULL || engine->work_room == NULL || !seen || !shadow) {
        return no_room(error);
    }
    wr_arena_init_fixed(&engine->work, engine->work_room, WR_LIMIT_ENGINE_WORK, NULL, 0);
    wr_engine_bind_lists(engine);
    return WR_OK;
}

wr_err wr_engine_open(const struct wr_memory *memory, const struct wr_pack *pack,
                      const struct wr_engine_config *config, struct wr_engine **out,
                      struct wr_error *error)
{
    struct wr_arena arena;
    *out = NULL;
    wr_arena_init(&arena, memory, ENGINE_CAP);
    struct wr_engine *engine = WR_NEW(&arena, struct wr_engine);
    if (engine == NULL) {
        wr_arena_deinit(&arena);
        return no_room(error);
    }
    engine->arena = arena;
    engine->memory = memory;
    engine->config = *config;
    engine->seen.memory = memory;
    wr_challenge_init(&engine->shadow);
    wr_lists_open(&engine->lists, memory);
    engine->config.card_key = wr_str_copy(&engine->arena, config->card_key);
    wr_err err =
        engine->config.card_key.p != NULL ? open_parts(engine, pack, error) : no_room(error);
    if (err != WR_OK) {
        wr_engine_close(engine);
        return err;
    }
    *out = engine;
    return WR_OK;
}

void wr_engine_close(struct wr_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    wr_engine_snapshot_end(engine);
    if (engine->restore != NULL) {
        wr_feature_restore_close(engine->restore);
    }
    if (engine->features != NULL) {
        wr_feature_state_close(engine->features);
    }
    wr_arena_deinit(&engine->work);
    if (engine->work_room != NULL) {
        engine->memory->give(engine->memory->context, engine->work_room, WR_LIMIT_ENGINE_WORK);
    }
    wr_seen_deinit(&engine->seen);
    wr_challenge_deinit(&engine->shadow, engine->memory);
    wr_lists_close(&engine->lists);
    if (engine->binding != NULL) {
        wr_binding_close(engine->binding);
    }
    struct wr_arena arena = engine->arena; /* it holds the engine itself */
    wr_arena_deinit(&arena);
}

/* ── packs ──────────────────────────────────────────────────────────────────────────────────── */
wr_err wr_engine_reset_features(struct wr_engine *engine, const struct wr_pack *pack,
                                int64_t warming_since_ms, struct wr_error *error)
{
    struct wr_feature_state *features = open_features(engine, pack, warming_since_ms);
    if (features == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the features of the pack");
    }
    wr_engine_snapshot_end(engine);
    wr_feature_state_close(engine->features);
    engine->features = features;
    if (engine->config.fleet != NULL) {
        wr_fleet_forget(engine->config.fleet);
    }
    return WR_OK;
}

static bool write_activation(struct wr_engine *engine, const struct wr_pack *pack, bool reset,
                             int64_t now_us, struct wr_buf *out)
{
    struct wr_record record = {
        .kind = WR_RECORD_ACTIVATION,
        .sequence = engine->sequence + 1,
        .epoch = engine->config.epoch,
        .node = engine->config.node,
        .now_us = now_us,
        .flags = reset ? WR_RECORD_RESET : 0,
        .id = pack->revision,
    };
    memcpy(record.pack_digest, pack->digest, 32);
    wr_record_encode(out, &record);
    return !out->overflow;
}

static wr_err swap(struct wr_engine *engine, const struct wr_pack *pack, bool reset, int64_t now_us,
                   struct wr_error *error)
{
    struct wr_binding *binding;
    const struct wr_pack *state_pack = reset ? pack : engine->binding->state_pack;
    wr_err err =
        wr_binding_open(engine->memory, pack, state_pack, &engine->config, &binding, error);
    if (err != WR_OK) {
        return err;
    }
    wr_engine_snapshot_end(engine);
    uint64_t cap_before = engine->seen.cap;
    int64_t age_before = engine->seen.age_us;
    struct wr_feature_state *features =
        reset ? open_features(engine, pack, now_us / 1000) : engine->features;
    if (features == NULL || !wr_challenge_make_room(&engine->shadow, engine->memory, pack) ||
        !wr_seen_set_limits(&engine->seen, ids_cap(engine, pack), pack->ids_age_us)) {
        if (features != NULL && reset) {
            wr_feature_state_close(features);
        }
        wr_binding_close(binding);
        return wr_fail(error, WR_E_MEMORY, "no room to activate the pack");
    }
    if (reset) {
        wr_feature_state_close(engine->features);
        engine->config.fleet = NULL; /* its tables go with other features */
    }
    wr_binding_close(engine->binding);
    engine->features = features;
    engine->binding = binding;
    engine->ids_changed =
        engine->ids_changed || engine->seen.cap != cap_before || engine->seen.age_us != age_before;
    wr_challenge_lose(&engine->shadow, WR_CHALLENGE_PACK_CHANGED);
    memset(engine->shadow.stats, 0, sizeof engine->shadow.stats);
    wr_engine_bind_lists(engine);
    return WR_OK;
}

wr_err wr_engine_activate(struct wr_engine *engine, const struct wr_pack *pack, int64_t now_us,
                          struct wr_arena *scratch, struct wr_answer *answer)
{
    bool reset = memcmp(pack->state_digest, engine->binding->pack->state_digest, 32) != 0;
    return wr_engine_swap(engine, pack, reset, now_us, scratch, answer);
}

wr_err wr_engine_swap(struct wr_engine *engine, const struct wr_pack *pack, bool reset,
                      int64_t now_us, struct wr_arena *scratch, struct wr_answer *answer)
{
    struct wr_buf out = wr_buf_in(scratch, WR_RECORD_HEAD + pack->revision.n);
    *answer = (struct wr_answer){.err = WR_OK};
    if (!write_activation(engine, pack, reset, now_us, &out)) {
        answer->err = wr_fail(&answer->error, WR_E_MEMORY, "no room to activate the pack");
        return answer->err;
    }
    answer->err = swap(engine, pack, reset, now_us, &answer->error);
    if (answer->err != WR_OK) {
        return answer->err;
    }
    engine->sequence++;
    engine->last_now_us = now_us;
    memcpy(engine->last_digest, pack->digest, 32);
    engine->stats.n_activations++;
    answer->sequence = engine->sequence;
    answer->record = wr_buf_view(&out);
    return WR_OK;
}

const struct wr_pack *wr_engine_pack(const struct wr_engine *engine)
{
    return engine->binding->pack;
}

const struct wr_pack *wr_engine_state_pack(const struct wr_engine *engine)
{
    return engine->binding->state_pack;
}

/* ── asking ─────────────────────────────────────────────────────────────────────────────────── */
uint64_t wr_engine_sequence(const struct wr_engine *engine)
{
    return engine->sequence;
}

wr_err wr_engine_digest(struct wr_engine *engine, uint8_t out[32])
{
    struct wr_sha256 sha;
    uint8_t features[32], number[8];
    wr_feature_digest(engine->features, features);
    wr_sha256_init(&sha);
    wr_sha256_add(&sha, "weir state 1", 12);
    wr_put64(number, engine->sequence);
    wr_sha256_add(&sha, number, sizeof number);
    wr_sha256_add(&sha, features, sizeof features);
    wr_seen_digest(&engine->seen, &sha);
    wr_lists_digest(&engine->lists, &sha);
    wr_sha256_end(&sha, out);
    return WR_OK;
}

void wr_engine_stats(const struct wr_engine *engine, struct wr_engine_stats *out)
{
    struct wr_feature_stats features = wr_feature_stats(engine->features);
    int64_t oldest;
    *out = engine->stats;
    out->sequence = engine->sequence;
    out->n_shadow_pending = engine->shadow.n_decisions;
    memcpy(out->n_shadow_dropped, engine->shadow.dropped, sizeof out->n_shadow_dropped);
    for (uint32_t i = 0; i < engine->lists.n; i++) {
        const struct wr_list_table *table = &engine->lists.all[i]->table;
        out->n_list_entries += table->n - table->n_hiding;
        out->list_bytes += table->bytes;
    }
    out->n_entities = features.entities;
    out->n_evicted = features.evictions;
    out->state_bytes = features.bytes_taken;
    out->state_cap = engine->config.state_cap != 0 ? engine->config.state_cap
                                                   : engine->binding->state_pack->bytes_max;
    out->n_ids = wr_seen_count(&engine->seen);
    out->ids_cap = engine->seen.cap;
    out->ids_bytes = engine->seen.bytes;
    out->ids_age_us =
        wr_seen_oldest(&engine->seen, &oldest) ? WR_MAX(engine->last_now_us - oldest, 0) : 0;
    out->watermark_us =
        features.watermark_ms == INT64_MIN ? INT64_MIN : features.watermark_ms * 1000;
}
