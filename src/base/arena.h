/* SPDX-License-Identifier: Apache-2.0 */
/* Bump arenas: all memory of the core comes from one, and goes back whole.
 *
 * An arena is a chain of blocks taken from a source (a table of two functions that the shell, the
 * tests or the wasm host provide) up to a cap in bytes. Allocation moves a pointer; nothing is
 * freed singly. A mark remembers a point, rewinding frees all that came after it. When the cap or
 * the source is exhausted, allocation returns NULL and the arena remembers that it failed: code
 * that builds a large tree may check every pointer and let its caller ask wr_arena_failed once.
 *
 * Four life spans (docs/decisions.md): startup, pack, request, scratch. */
#ifndef WR_ARENA_H
#define WR_ARENA_H

#include "base/base.h"

struct wr_memory { /* where blocks come from; take returns NULL when there is no more */
    void *(*take)(void *context, size_t size);
    void (*give)(void *context, void *block, size_t size);
    void *context;
};

struct wr_memory_need { /* n blocks of a size that will be taken soon; none when n is 0 */
    size_t size;
    unsigned n;
};

struct wr_arena_block;

struct wr_arena {
    uint8_t *at, *end; /* free room in the current block */
    struct wr_arena_block *block;
    const struct wr_memory *memory;
    size_t taken; /* bytes taken from the source, block headers included */
    size_t cap;   /* never take more than this */
    bool failed;
    bool fixed; /* the first block is the caller's and is never given back */
};

struct wr_arena_mark {
    struct wr_arena_block *block;
    uint8_t *at;
};

/* An arena that takes blocks from `memory`, at most `cap` bytes in all. Takes nothing yet. */
void wr_arena_init(struct wr_arena *arena, const struct wr_memory *memory, size_t cap);

/* An arena over the caller's memory; with `memory` not NULL it goes on from there up to `cap`. */
void wr_arena_init_fixed(struct wr_arena *arena, void *room, size_t size,
                         const struct wr_memory *memory, size_t cap);

/* Gives all blocks back; the arena may be initialised again. */
void wr_arena_deinit(struct wr_arena *arena);

/* Forgets all allocations but keeps the first block for the next round; clears `failed`. */
void wr_arena_reset(struct wr_arena *arena);

/* Under the address sanitizer the free room is poisoned, so that what outlives a rewind or reads
 * past an allocation is found though the block is still there. */
#if defined(__SANITIZE_ADDRESS__)
#define WR_ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WR_ARENA_POISON 1
#endif
#endif
#ifndef WR_ARENA_POISON
#define WR_ARENA_POISON 0
#endif

void *wr_arena_alloc_slowly(struct wr_arena *arena, size_t size, size_t align);

/* Uninitialised bytes aligned to `align` (a power of two, at most 64), or NULL. Size 0 gives a
 * valid pointer. */
static inline void *wr_arena_alloc(struct wr_arena *arena, size_t size, size_t align)
{
    size_t skew = (size_t)(-(uintptr_t)arena->at & (align - 1));
    size_t room = (size_t)(arena->end - arena->at);
    if (WR_ARENA_POISON != 0 || WR_UNLIKELY(skew > room || size > room - skew || room == 0)) {
        return wr_arena_alloc_slowly(arena, size, align);
    }
    void *start = arena->at + skew;
    arena->at += skew + size;
    return start;
}
void *wr_arena_zalloc(struct wr_arena *arena, size_t size, size_t align);

/* count * size without overflow, zeroed; NULL when it would overflow or there is no room. */
void *wr_arena_array(struct wr_arena *arena, size_t count, size_t size, size_t align);

struct wr_arena_mark wr_arena_mark(const struct wr_arena *arena);
void wr_arena_rewind(struct wr_arena *arena, struct wr_arena_mark mark);

static inline bool wr_arena_failed(const struct wr_arena *arena)
{
    return arena->failed;
}

#define WR_NEW(arena, type) ((type *)wr_arena_zalloc((arena), sizeof(type), alignof(type)))
#define WR_NEW_ARRAY(arena, type, n)                                                               \
    ((type *)wr_arena_array((arena), (n), sizeof(type), alignof(type)))

#endif
