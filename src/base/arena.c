/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#if WR_ARENA_POISON
void __asan_poison_memory_region(const volatile void *at, size_t size);
void __asan_unpoison_memory_region(const volatile void *at, size_t size);
static void poison(const void *at, size_t size)
{
    __asan_poison_memory_region(at, size);
}
static void unpoison(const void *at, size_t size)
{
    __asan_unpoison_memory_region(at, size);
}
#else
static void poison(const void *at, size_t size)
{
    (void)at;
    (void)size;
}
static void unpoison(const void *at, size_t size)
{
    (void)at;
    (void)size;
}
#endif

struct wr_arena_block {
    struct wr_arena_block *previous;
    size_t size; /* the whole block, this header included */
    bool borrowed;
};

enum { BLOCK_MIN = 64 * 1024, ALIGN_MAX = 64 };

static uint8_t *block_start(struct wr_arena_block *block)
{
    return (uint8_t *)block + sizeof *block;
}

static void enter(struct wr_arena *arena, struct wr_arena_block *block, uint8_t *at)
{
    arena->block = block;
    arena->at = at;
    arena->end = block != NULL ? (uint8_t *)block + block->size : at;
    if (at != NULL) {
        poison(at, (size_t)(arena->end - at));
    }
}

void wr_arena_init(struct wr_arena *arena, const struct wr_memory *memory, size_t cap)
{
    *arena = (struct wr_arena){.memory = memory, .cap = cap};
}

void wr_arena_init_fixed(struct wr_arena *arena, void *room, size_t size,
                         const struct wr_memory *memory, size_t cap)
{
    wr_arena_init(arena, memory, cap);
    size_t skew = (size_t)(-(uintptr_t)room & (alignof(max_align_t) - 1));
    WR_ASSERT(size >= skew + sizeof(struct wr_arena_block));
    struct wr_arena_block *block = (struct wr_arena_block *)(void *)((uint8_t *)room + skew);
    *block = (struct wr_arena_block){.size = size - skew, .borrowed = true};
    arena->fixed = true;
    enter(arena, block, block_start(block));
}

static void drop_blocks_after(struct wr_arena *arena, struct wr_arena_block *keep)
{
    while (arena->block != keep) {
        struct wr_arena_block *block = arena->block;
        WR_ASSERT(block != NULL && !block->borrowed);
        arena->block = block->previous;
        arena->taken -= block->size;
        unpoison(block, block->size);
        arena->memory->give(arena->memory->context, block, block->size);
    }
}

void wr_arena_deinit(struct wr_arena *arena)
{
    struct wr_arena_block *first = arena->block;
    while (first != NULL && !first->borrowed) {
        first = first->previous;
    }
    drop_blocks_after(arena, first);
    if (first != NULL) {
        unpoison(first, first->size);
    }
    *arena = (struct wr_arena){0};
}

void wr_arena_reset(struct wr_arena *arena)
{
    arena->failed = false;
    if (arena->block == NULL) {
        return;
    }
    struct wr_arena_block *first = arena->block;
    while (first->previous != NULL) {
        first = first->previous;
    }
    drop_blocks_after(arena, first);
    enter(arena, first, block_start(first));
}

static bool add_block(struct wr_arena *arena, size_t size)
{
    size_t room = arena->cap - WR_MIN(arena->cap, arena->taken);
    size_t need = size + sizeof(struct wr_arena_block) + ALIGN_MAX;
    if (arena->memory == NULL || size > SIZE_MAX / 4 || need > room) {
        return false;
    }
    size_t grown = WR_MAX(need, WR_MAX((size_t)BLOCK_MIN, arena->taken / 2));
    grown = WR_MIN(grown, room);
    struct wr_arena_block *block = arena->memory->take(arena->memory->context, grown);
    if (block == NULL) {
        return false;
    }
    *block = (struct wr_arena_block){.previous = arena->block, .size = grown};
    arena->taken += grown;
    enter(arena, block, block_start(block));
    return true;
}

void *wr_arena_alloc_slowly(struct wr_arena *arena, size_t size, size_t align)
{
    WR_ASSERT(align != 0 && (align & (align - 1)) == 0 && align <= ALIGN_MAX);
    for (int round = 0; round < 2; round++) {
        size_t skew = (size_t)(-(uintptr_t)arena->at & (align - 1));
        size_t room = (size_t)(arena->end - arena->at);
        if (arena->at != NULL && skew <= room && size <= room - skew) {
            void *start = arena->at + skew;
            arena->at += skew + size;
            unpoison(start, size);
            return start;
        }
        if (round == 0 && !add_block(arena, size)) {
            break;
        }
    }
    arena->failed = true;
    return NULL;
}

void *wr_arena_zalloc(struct wr_arena *arena, size_t size, size_t align)
{
    void *start = wr_arena_alloc(arena, size, align);
    return start != NULL ? memset(start, 0, size) : NULL;
}

void *wr_arena_array(struct wr_arena *arena, size_t count, size_t size, size_t align)
{
    if (size != 0 && count > SIZE_MAX / size) {
        arena->failed = true;
        return NULL;
    }
    return wr_arena_zalloc(arena, count * size, align);
}

struct wr_arena_mark wr_arena_mark(const struct wr_arena *arena)
{
    return (struct wr_arena_mark){.block = arena->block, .at = arena->at};
}

void wr_arena_rewind(struct wr_arena *arena, struct wr_arena_mark mark)
{
    if (mark.block == NULL) { /* marked before the first block was taken */
        wr_arena_reset(arena);
        return;
    }
    drop_blocks_after(arena, mark.block);
    enter(arena, mark.block, mark.at);
}
