/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/snapshot.h"

#include "engine/state.h"
#include "feature/image.h"

/* What each holder of state does. `step` is true when all is copied or the copy is void. */
struct holder {
    enum wr_piece_owner owner;
    bool (*begin)(struct wr_engine *engine, const struct wr_piece_sink *sink);
    bool (*step)(struct wr_engine *engine, size_t *budget);
    bool (*failed)(const struct wr_engine *engine);
    void (*end)(struct wr_engine *engine);
    wr_err (*restore)(struct wr_engine *engine, const struct wr_piece *piece,
                      struct wr_error *error);
    wr_err (*restore_end)(struct wr_engine *engine, struct wr_error *error);
};

/* ── the engine's own numbers ───────────────────────────────────────────────────────────────── */
enum { VERSION = 2, AT_LAST_PACK = 40, AT_STATE_PACK = 72, AT_SHADOW = 104, OWN_SIZE = 136 };

static bool own_begin(struct wr_engine *engine, const struct wr_piece_sink *sink)
{
    uint8_t *out = wr_piece_add(sink, WR_PIECE_ENGINE, WR_PIECE_FIRST, VERSION, OWN_SIZE);
    if (out == NULL) {
        return false;
    }
    wr_put64(out, engine->sequence);
    wr_put64(out + 8, (uint64_t)engine->last_now_us);
    wr_put64(out + 16, engine->stats.n_decisions);
    wr_put64(out + 24, engine->stats.n_labels);
    wr_put64(out + 32, engine->stats.n_activations);
    memcpy(out + AT_LAST_PACK, engine->last_digest, 32);
    memcpy(out + AT_STATE_PACK, engine->binding->state_pack->state_digest, 32);
    wr_challenge_save(&engine->shadow, out + AT_SHADOW);
    wr_put64(out + AT_SHADOW + 24, engine->stats.n_shadow_entries);
    return true;
}

static wr_err own_restore(struct wr_engine *engine, const struct wr_piece *piece,
                          struct wr_error *error)
{
    const char *in = piece->bytes.p;
    if (piece->kind != WR_PIECE_FIRST || piece->at != VERSION || piece->bytes.n != OWN_SIZE ||
        engine->sequence != 0 || wr_get64(in) == 0) {
        return wr_fail(error, WR_E_STATE, "the snapshot is of another version");
    }
    if (memcmp(in + AT_STATE_PACK, engine->binding->state_pack->state_digest, 32) != 0) {
        return wr_fail(error, WR_E_STATE, "the snapshot was made with other features");
    }
    engine->sequence = wr_get64(in);
    engine->last_now_us = (int64_t)wr_get64(in + 8);
    engine->stats.n_decisions = wr_get64(in + 16);
    engine->stats.n_labels = wr_get64(in + 24);
    engine->stats.n_activations = wr_get64(in + 32);
    memcpy(engine->last_digest, in + AT_LAST_PACK, 32);
    wr_challenge_restore(&engine->shadow, in + AT_SHADOW);
    engine->stats.n_shadow_entries = wr_get64(in + AT_SHADOW + 24);
    return WR_OK;
}

static wr_err own_restore_end(struct wr_engine *engine, struct wr_error *error)
{
    return engine->sequence != 0 ? WR_OK
                                 : wr_fail(error, WR_E_STATE, "the snapshot has no numbers");
}

/* ── event ids ──────────────────────────────────────────────────────────────────────────────── */
static bool seen_begin(struct wr_engine *engine, const struct wr_piece_sink *sink)
{
    return wr_seen_image_begin(&engine->seen, sink);
}

static bool seen_step(struct wr_engine *engine, size_t *budget)
{
    return wr_seen_image_step(&engine->seen, engine->snapshot.sink, budget);
}

static bool seen_failed(const struct wr_engine *engine)
{
    return wr_seen_image_failed(&engine->seen);
}

static void seen_end(struct wr_engine *engine)
{
    wr_seen_image_end(&engine->seen);
}

static wr_err seen_restore(struct wr_engine *engine, const struct wr_piece *piece,
                           struct wr_error *error)
{
    return wr_seen_restore_piece(&engine->seen, piece, error);
}

static wr_err seen_restore_end(struct wr_engine *engine, struct wr_error *error)
{
    return wr_seen_restore_end(&engine->seen, error);
}

/* ── features ───────────────────────────────────────────────────────────────────────────────── */
static bool features_begin(struct wr_engine *engine, const struct wr_piece_sink *sink)
{
    engine->snapshot.features = wr_feature_image_begin(engine->features, sink);
    return engine->snapshot.features != NULL;
}

static bool features_step(struct wr_engine *engine, size_t *budget)
{
    return wr_feature_image_step(engine->snapshot.features, budget);
}

static bool features_failed(const struct wr_engine *engine)
{
    return wr_feature_image_failed(engine->snapshot.features);
}

static void features_end(struct wr_engine *engine)
{
    if (engine->snapshot.features != NULL) {
        wr_feature_image_end(engine->snapshot.features);
        engine->snapshot.features = NULL;
    }
}

static wr_err features_restore(struct wr_engine *engine, const struct wr_piece *piece,
                               struct wr_error *error)
{
    if (engine->restore == NULL) {
        engine->restore = wr_feature_restore_begin(engine->features);
    }
    return engine->restore != NULL ? wr_feature_restore_piece(engine->restore, piece, error)
                                   : wr_fail(error, WR_E_MEMORY, "no room to restore the features");
}

static wr_err features_restore_end(struct wr_engine *engine, struct wr_error *error)
{
    if (engine->restore == NULL) {
        return wr_fail(error, WR_E_STATE, "the snapshot has no features");
    }
    wr_err err = wr_feature_restore_end(engine->restore, error);
    wr_feature_restore_close(engine->restore);
    engine->restore = NULL;
    return err;
}

/* ── lists ──────────────────────────────────────────────────────────────────────────────────── */
static bool lists_begin(struct wr_engine *engine, const struct wr_piece_sink *sink)
{
    return wr_lists_image_begin(&engine->lists, sink);
}

static bool lists_step(struct wr_engine *engine, size_t *budget)
{
    return wr_lists_image_step(&engine->lists, budget);
}

static bool lists_failed(const struct wr_engine *engine)
{
    return wr_lists_image_failed(&engine->lists);
}

static void lists_end(struct wr_engine *engine)
{
    wr_lists_image_end(&engine->lists);
}

static wr_err lists_restore(struct wr_engine *engine, const struct wr_piece *piece,
                            struct wr_error *error)
{
    return wr_lists_restore(&engine->lists, piece, error);
}

/* Snapshots of nodes whose lists were never changed have no pieces of them. */
static wr_err lists_restore_end(struct wr_engine *engine, struct wr_error *error)
{
    (void)error;
    wr_engine_bind_lists(engine);
    return WR_OK;
}

/* ── all of them ────────────────────────────────────────────────────────────────────────────── */
/* In the order in which they are copied: ids first, which leave on their own. */
static const struct holder holders[] = {
    {WR_PIECE_ENGINE, own_begin, NULL, NULL, NULL, own_restore, own_restore_end},
    {WR_PIECE_SEEN, seen_begin, seen_step, seen_failed, seen_end, seen_restore, seen_restore_end},
    {WR_PIECE_LISTS, lists_begin, lists_step, lists_failed, lists_end, lists_restore,
     lists_restore_end},
    {WR_PIECE_FEATURES, features_begin, features_step, features_failed, features_end,
     features_restore, features_restore_end},
};

wr_err wr_engine_snapshot_begin(struct wr_engine *engine, const struct wr_piece_sink *sink,
                                struct wr_error *error)
{
    if (engine->snapshot.sink != NULL || engine->sequence == 0) {
        return wr_fail(error, WR_E_STATE, "there is a snapshot under way, or nothing to save");
    }
    if (engine->ids_changed) {
        return wr_fail(error, WR_E_STATE,
                       "the limit of event ids was changed: the next snapshot is made after a "
                       "restart");
    }
    engine->snapshot.sink = sink;
    for (size_t i = 0; i < WR_COUNTOF(holders); i++) {
        if (!holders[i].begin(engine, sink)) {
            wr_engine_snapshot_end(engine);
            return wr_fail(error, WR_E_MEMORY, "no room to begin a snapshot");
        }
    }
    return WR_OK;
}

enum wr_snapshot_progress wr_engine_snapshot_step(struct wr_engine *engine, size_t budget)
{
    bool done = engine->snapshot.sink != NULL;
    bool failed = !done;
    for (size_t i = 0; i < WR_COUNTOF(holders) && done && !failed; i++) {
        done = holders[i].step == NULL || holders[i].step(engine, &budget);
        failed = holders[i].failed != NULL && holders[i].failed(engine);
    }
    return failed ? WR_SNAPSHOT_FAILED : done ? WR_SNAPSHOT_DONE : WR_SNAPSHOT_MORE;
}

void wr_engine_snapshot_end(struct wr_engine *engine)
{
    for (size_t i = 0; i < WR_COUNTOF(holders) && engine->snapshot.sink != NULL; i++) {
        if (holders[i].end != NULL) {
            holders[i].end(engine);
        }
    }
    engine->snapshot.sink = NULL;
}

wr_err wr_engine_restore(struct wr_engine *engine, const struct wr_piece *piece,
                         struct wr_error *error)
{
    for (size_t i = 0; i < WR_COUNTOF(holders); i++) {
        if (holders[i].owner == piece->owner) {
            return holders[i].restore(engine, piece, error);
        }
    }
    return wr_fail(error, WR_E_STATE, "the snapshot holds state that this version does not know");
}

wr_err wr_engine_restore_end(struct wr_engine *engine, struct wr_error *error)
{
    wr_err err = WR_OK;
    for (size_t i = 0; i < WR_COUNTOF(holders) && err == WR_OK; i++) {
        err = holders[i].restore_end(engine, error);
    }
    return err;
}
