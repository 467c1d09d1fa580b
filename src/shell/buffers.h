/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers of the loop's thread, kept by size for reuse: what connections read into and write from,
 * and the blocks of what is gathered. Taking and giving cost no call of the system.
 *
 * At most WR_LIMIT_BUFFERS bytes are kept. Those of a backlog are given back when it is over: of
 * what is kept beyond WR_BUFFERS_IDLE, wr_buffers_trim gives back what nobody has taken since the
 * trim before. */
#ifndef WR_BUFFERS_H
#define WR_BUFFERS_H

#include "base/arena.h"

#define WR_BUFFER_SIZE    (16u * 1024)        /* the least; all are that times a power of two */
#define WR_BUFFER_CLASSES 6                   /* sizes 16 KiB to 512 KiB are kept for reuse */
#define WR_LIMIT_BUFFERS  (32u * 1024 * 1024) /* bytes of buffers kept */
#define WR_BUFFERS_IDLE   (4u * 1024 * 1024)  /* bytes that stay when nothing needs them */

struct wr_buffers {
    const struct wr_memory *memory;
    struct wr_memory counted;          /* blocks of any size, each in a buffer that fits it */
    uint64_t held;                     /* bytes taken and not given back, and counted */
    char *kept[WR_BUFFER_CLASSES];     /* linked through their first bytes */
    uint32_t n[WR_BUFFER_CLASSES];     /* how many, */
    uint32_t least[WR_BUFFER_CLASSES]; /* at least since the last trim */
    uint64_t bytes;
};

/* It has to stay where it is: `counted` knows the place. */
void wr_buffers_open(struct wr_buffers *buffers, const struct wr_memory *memory);
void wr_buffers_close(struct wr_buffers *buffers);

/* `size` is WR_BUFFER_SIZE times a power of two, or larger than those that are kept. NULL when
 * there is no memory. */
char *wr_buffers_take(struct wr_buffers *buffers, size_t size);
/* `buffer` may be NULL. */
void wr_buffers_give(struct wr_buffers *buffers, char *buffer, size_t size);
void wr_buffers_trim(struct wr_buffers *buffers);
/* Bytes that others hold for a client count as held too: they were `before` and are `now`. */
void wr_buffers_count(struct wr_buffers *buffers, size_t before, size_t now);

#endif
