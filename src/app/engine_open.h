/* SPDX-License-Identifier: Apache-2.0 */
/* From command-line options to an open engine: load the pack, or the built-in one. */
#ifndef WR_ENGINE_OPEN_H
#define WR_ENGINE_OPEN_H

#include "engine/engine.h"

struct wr_opened {
    struct wr_arena arena; /* the pack's */
    struct wr_pack *pack;
    struct wr_engine *engine;
};

/* Loads a pack; path NULL: the starter pack, with the model at `model` (NULL: none); else as
 * wr_pack_load_with. The arena is opened here and, on an error, closed again. May be called from
 * any thread. */
WR_NODISCARD wr_err wr_load_pack(struct wr_arena *arena, const char *path, const char *model,
                                 struct wr_pack **pack, struct wr_error *error);

/* The same, with MODEL_PATH where `model` is NULL. Complains and returns false. */
bool wr_open_pack(struct wr_arena *arena, const char *path, const char *model,
                  struct wr_pack **pack);

/* The same, into room_n bytes of the caller first (NULL: none), which must stay until the arena is
 * closed. */
bool wr_open_pack_in(struct wr_arena *arena, void *room, size_t room_n, const char *path,
                     const char *model, struct wr_pack **pack);

/* An engine with empty state for batch work: node 0, epoch 0, fixed hash keys, so that two runs
 * over the same events give the same bytes. */
bool wr_opened_open(struct wr_opened *opened, const char *path, const char *model);
void wr_opened_close(struct wr_opened *opened);

#endif
