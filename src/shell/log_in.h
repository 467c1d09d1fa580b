/* SPDX-License-Identifier: Apache-2.0 */
/* What log.c (writing) and log_read.c share; nobody else includes it. */
#ifndef WR_LOG_IN_H
#define WR_LOG_IN_H

#include "shell/log.h"

enum { WR_LOG_ROW_HEAD = 64 }; /* bytes */

static const uint8_t wr_log_row_magic[4] = {'W', 'R', 'r', 'w'};

static inline uint64_t wr_log_row_size(size_t payload_n)
{
    return WR_LOG_ROW_HEAD + (((uint64_t)payload_n + 7) & ~(uint64_t)7);
}

/* Makes a block of *cap bytes, whose pointer `block` points to, hold `size`: by doubling, from
 * `least` on; the first `used` bytes are kept. False, and nothing has changed: there is no memory.
 */
bool wr_log_grow(const struct wr_port *port, void *block, size_t *cap, size_t used, size_t size,
                 size_t least);
/* Notes where a row stands, unless one near by is noted. */
void wr_log_mark_row(struct wr_log *log, uint64_t sequence, uint64_t offset);

#endif
