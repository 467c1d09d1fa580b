/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of buffers, and what is given back. */
#include "check.h"
#include "shell/buffers.h"

enum { MANY = 3000 };

static size_t n_bytes; /* taken from the system and not given back */

static void *take(void *context, size_t size)
{
    (void)context;
    n_bytes += size;
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

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
