/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: caps, marks, alignment, exhaustion. */
#include "base/arena.h"
#include "check.h"

struct counter { /* a memory source that counts, and may refuse */
    size_t taken, given;
    int blocks, refuse_after;
};

static void *take(void *context, size_t size)
{
    struct counter *c = context;
    if (c->refuse_after == c->blocks) {
        return NULL;
    }
    c->blocks++;
    c->taken += size;
    return malloc(size);
}

static void give(void *context, void *block, size_t size)
{
    struct counter *c = context;
    c->given += size;
    free(block);
}

TEST("allocations are aligned, apart, and all given back")
{
    struct counter c = {.refuse_after = -1};
    struct wr_memory memory = {take, give, &c};
    struct wr_arena arena;
    wr_arena_init(&arena, &memory, 1 << 24);
    uint8_t *last = NULL;
    for (size_t i = 1; i < 2000; i++) {
        size_t align = (size_t)1 << (i % 7);
        uint8_t *p = wr_arena_alloc(&arena, i, align);
        CHECK(p != NULL && (uintptr_t)p % align == 0 && p != last);
        memset(p, 0xA5, i);
        last = p;
    }
    CHECK(c.taken == arena.taken && c.blocks > 1);
    wr_arena_deinit(&arena);
    CHECK(c.taken == c.given);
}

TEST("the cap holds, is reported, and what was there stays usable")
{
    struct counter c = {.refuse_after = -1};
    struct wr_memory memory = {take, give, &c};
    struct wr_arena arena;
    wr_arena_init(&arena, &memory, 200000);
    uint8_t *first = wr_arena_alloc(&arena, 1000, 8);
    memset(first, 7, 1000);
    CHECK(wr_arena_alloc(&arena, 200000, 8) == NULL);
    CHECK(wr_arena_failed(&arena));
    CHECK(wr_arena_alloc(&arena, 100000, 8) != NULL);
    CHECK(arena.taken <= 200000 && first[999] == 7);
    wr_arena_reset(&arena);
    CHECK(!wr_arena_failed(&arena));
    wr_arena_deinit(&arena);
    CHECK(c.taken == c.given);
}

TEST("a source that refuses makes the allocation fail, not the program")
{
    struct counter c = {.refuse_after = 1};
    struct wr_memory memory = {take, give, &c};
    struct wr_arena arena;
    wr_arena_init(&arena, &memory, 1 << 30);
    CHECK(wr_arena_alloc(&arena, 100, 8) != NULL);
    CHECK(wr_arena_alloc(&arena, 1 << 20, 8) == NULL);
    CHECK(wr_arena_alloc(&arena, 100, 8) != NULL);
    wr_arena_deinit(&arena);
    CHECK(c.taken == c.given);
}

TEST("sizes that overflow are refused")
{
    static const struct wr_memory memory = CHECK_MEMORY;
    struct wr_arena arena;
    wr_arena_init(&arena, &memory, SIZE_MAX);
    CHECK(wr_arena_alloc(&arena, SIZE_MAX, 1) == NULL);
    CHECK(wr_arena_alloc(&arena, SIZE_MAX / 2, 64) == NULL);
    CHECK(wr_arena_array(&arena, SIZE_MAX / 4, 8, 8) == NULL);
    CHECK(wr_arena_failed(&arena));
    CHECK(wr_arena_alloc(&arena, 0, 1) != NULL);
    wr_arena_deinit(&arena);
}

TEST("rewinding to a mark frees what came after it, over block borders too")
{
    struct counter c = {.refuse_after = -1};
    struct wr_memory memory = {take, give, &c};
    struct wr_arena arena;
    wr_arena_init(&arena, &memory, 1 << 26);
    struct wr_arena_mark empty = wr_arena_mark(&arena);
    uint8_t *kept = wr_arena_alloc(&arena, 10, 1);
    memset(kept, 1, 10);
    struct wr_arena_mark mark = wr_arena_mark(&arena);
    size_t taken = arena.taken;
    for (int round = 0; round < 3; round++) {
        uint8_t *again = wr_arena_alloc(&arena, 16, 1);
        CHECK(again == kept + 10);
        CHECK(wr_arena_alloc(&arena, 1 << 20, 64) != NULL);
        wr_arena_rewind(&arena, mark);
        CHECK(arena.taken == taken && kept[9] == 1);
    }
    wr_arena_rewind(&arena, empty);
    CHECK(wr_arena_alloc(&arena, 10, 1) == kept);
    wr_arena_deinit(&arena);
    CHECK(c.taken == c.given);
}

TEST("an arena over fixed room needs no source, and goes on with one")
{
    static const struct wr_memory memory = CHECK_MEMORY;
    _Alignas(16) uint8_t room[4096];
    struct wr_arena arena;
    wr_arena_init_fixed(&arena, room + 1, sizeof room - 1, NULL, 0); /* not aligned */
    uint8_t *p = wr_arena_zalloc(&arena, 1000, 16);
    CHECK(p > room && p + 1000 <= room + sizeof room && (uintptr_t)p % 16 == 0 && p[999] == 0);
    CHECK(wr_arena_alloc(&arena, 4000, 1) == NULL);
    wr_arena_deinit(&arena);
    wr_arena_init_fixed(&arena, room, sizeof room, &memory, 1 << 20);
    CHECK(wr_arena_alloc(&arena, 8000, 1) != NULL);
    wr_arena_reset(&arena);
    p = wr_arena_alloc(&arena, 8, 8);
    CHECK(p > room && p < room + sizeof room);
    wr_arena_deinit(&arena);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(SANITIZED) || defined(__SANITIZE_ADDRESS__)
int __asan_address_is_poisoned(const volatile void *at);

TEST("the sanitizer sees what outlives a rewind, a reset and the end of an allocation")
{
    static const struct wr_memory memory = CHECK_MEMORY;
    struct wr_arena arena;
    wr_arena_init(&arena, &memory, 1 << 24);
    uint8_t *kept = wr_arena_alloc(&arena, 16, 16);
    struct wr_arena_mark mark = wr_arena_mark(&arena);
    uint8_t *gone = wr_arena_alloc(&arena, 24, 8);
    CHECK(!__asan_address_is_poisoned(gone + 23) && __asan_address_is_poisoned(gone + 24));
    wr_arena_rewind(&arena, mark);
    CHECK(__asan_address_is_poisoned(gone) && !__asan_address_is_poisoned(kept + 15));
    wr_arena_reset(&arena);
    CHECK(__asan_address_is_poisoned(kept));
    wr_arena_deinit(&arena);
}
#endif

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
