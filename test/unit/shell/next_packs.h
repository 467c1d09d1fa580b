/* SPDX-License-Identifier: Apache-2.0 */
/* Packs that a node is given while it runs, made of files that a test changes. */
#ifndef NEXT_PACKS_H
#define NEXT_PACKS_H

#include "world.h"

struct next_packs {
    struct rig_files files;
    uint32_t n_out; /* handed over and not given back */
};

static inline wr_err next_load(void *context, struct wr_loaded_pack *out, struct wr_error *error)
{
    struct next_packs *next = context;
    struct wr_arena *arena = malloc(sizeof *arena);
    struct wr_pack *pack;
    wr_arena_init(arena, &world_memory, 256 << 20);
    wr_err err = wr_pack_open(arena, next->files.files, next->files.n, NULL, &pack, error);
    if (err != WR_OK) {
        wr_arena_deinit(arena);
        free(arena);
        return err;
    }
    *out = (struct wr_loaded_pack){pack, arena};
    next->n_out++;
    return WR_OK;
}

static inline void next_give(void *context, struct wr_loaded_pack *loaded)
{
    struct next_packs *next = context;
    next->n_out--;
    wr_arena_deinit(loaded->owner);
    free(loaded->owner);
}

static inline void next_open(struct world *world, struct next_packs *next, uint64_t seed)
{
    memset(next, 0, sizeof *next);
    rig_files_open(&next->files);
    world_init(world, seed, WR_MODE_DURABLE);
    world->config.packs = (struct wr_pack_source){next_load, next_give, next};
    CHECK(world_start(world));
}

static inline void next_close(struct world *world, struct next_packs *next)
{
    world_close(world);
    CHECK_INT(next->n_out, 0);
    rig_files_close(&next->files);
}

#endif
