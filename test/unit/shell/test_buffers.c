/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of buffers, and what is given back. */
#include "check.h"
#include "shell/buffers.h"

enum { MANY = 3000 };

static size_t n_bytes; /* taken from the system and not given back */
static size_t n_takes; /* of the system */

static void *take(void *context, size_t size)
{
    (void)context;
    n_bytes += size;
    n_takes++;
    return malloc(size);
}

static void give(void *context, void *block, size_t size)
{
    (void)context;
    n_bytes -= size;
    free(block);
}

static const struct wr_memory memory = {take, give, NULL};

static void hold(struct wr_buffers *buffers, size_t n, size_t size)
{
    static char *held[MANY];
    for (size_t i = 0; i < n; i++) {
        held[i] = wr_buffers_take(buffers, size);
        CHECK(held[i] != NULL);
        held[i][0] = held[i][size - 1] = 'x';
    }
    for (size_t i = 0; i < n; i++) {
        wr_buffers_give(buffers, held[i], size);
    }
}

TEST("a buffer is used again for its size alone, and closing gives all back")
{
    struct wr_buffers buffers;
    wr_buffers_open(&buffers, &memory);
    char *first = wr_buffers_take(&buffers, WR_BUFFER_SIZE);
    wr_buffers_give(&buffers, first, WR_BUFFER_SIZE);
    wr_buffers_give(&buffers, NULL, 0);
    char *larger = wr_buffers_take(&buffers, 2 * WR_BUFFER_SIZE);
    CHECK(larger != first && wr_buffers_take(&buffers, WR_BUFFER_SIZE) == first);
    CHECK_INT(n_bytes, 3 * WR_BUFFER_SIZE);
    wr_buffers_give(&buffers, first, WR_BUFFER_SIZE);
    wr_buffers_give(&buffers, larger, 2 * WR_BUFFER_SIZE);
    CHECK_INT(buffers.bytes, 3 * WR_BUFFER_SIZE);
    hold(&buffers, 2, (size_t)WR_BUFFER_SIZE << WR_BUFFER_CLASSES); /* too large to be kept */
    CHECK_INT(n_bytes, 3 * WR_BUFFER_SIZE);
    wr_buffers_close(&buffers);
    CHECK_INT(n_bytes, 0);
}

TEST("after a backlog the memory falls to a bound, and what is in use stays")
{
    struct wr_buffers buffers;
    wr_buffers_open(&buffers, &memory);
    hold(&buffers, MANY, WR_BUFFER_SIZE);
    CHECK(n_bytes == WR_LIMIT_BUFFERS && buffers.bytes == n_bytes);
    wr_buffers_trim(&buffers); /* they were all in use since the last one */
    CHECK_INT(n_bytes, WR_LIMIT_BUFFERS);
    hold(&buffers, 400, WR_BUFFER_SIZE);
    wr_buffers_trim(&buffers);
    CHECK_INT(n_bytes, 400 * WR_BUFFER_SIZE);
    hold(&buffers, 40, WR_BUFFER_SIZE);
    wr_buffers_trim(&buffers);
    CHECK_INT(n_bytes, WR_BUFFERS_IDLE);
    wr_buffers_trim(&buffers);
    wr_buffers_trim(&buffers);
    CHECK_INT(n_bytes, WR_BUFFERS_IDLE);
    wr_buffers_close(&buffers);
    CHECK_INT(n_bytes, 0);
}

/* A batch's gathering: its parts in one block, its body in one more. Each is past the size from
 * which glibc maps a block of its own once a server runs. */
static void gather(struct wr_buffers *buffers, size_t body)
{
    struct wr_arena arena;
    char *room = wr_buffers_take(buffers, WR_BUFFER_SIZE);
    wr_arena_init_fixed(&arena, room, WR_BUFFER_SIZE, &buffers->counted, WR_LIMIT_BUFFERS);
    CHECK(wr_arena_zalloc(&arena, 50000, 8) != NULL);
    CHECK(wr_arena_zalloc(&arena, body, 8) != NULL);
    CHECK(buffers->held >= WR_BUFFER_SIZE + arena.taken);
    wr_arena_deinit(&arena);
    wr_buffers_give(buffers, room, WR_BUFFER_SIZE);
    CHECK_INT(buffers->held, 0);
}

TEST("what is gathered takes from the system once, not for every gathering")
{
    struct wr_buffers buffers;
    wr_buffers_open(&buffers, &memory);
    gather(&buffers, 130000);
    size_t first = n_takes;
    for (size_t i = 0; i < 1000; i++) {
        gather(&buffers, 100000 + i * 30);
    }
    CHECK_INT(n_takes, first);
    wr_buffers_trim(&buffers);
    CHECK(n_bytes == buffers.bytes && n_bytes <= WR_BUFFERS_IDLE);
    gather(&buffers, (size_t)WR_BUFFER_SIZE << WR_BUFFER_CLASSES); /* too large to be kept */
    CHECK(n_takes == first + 1 && n_bytes == buffers.bytes);
    wr_buffers_close(&buffers);
    CHECK_INT(n_bytes, 0);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
