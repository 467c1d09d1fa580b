/* SPDX-License-Identifier: Apache-2.0 */
/* What journal.c (writing) and journal_read.c share; nobody else includes it. */
#ifndef WR_JOURNAL_IN_H
#define WR_JOURNAL_IN_H

#include "shell/journal.h"
#include "shell/segment.h"

struct wr_journal {
    const struct wr_port *port;
    struct wr_vfs *vfs;
    struct wr_segment live, old;
    struct wr_segment_meta meta; /* of the live segment; epoch and identity of all */
    uint64_t *firsts;            /* of all segments, rising; the last is the live one */
    size_t n_segments, cap_segments;
    size_t old_index; /* segment that `old` has open, or SIZE_MAX */
    uint64_t last, last_committed;
    uint8_t link[32], link_committed[32];
    uint64_t segment_bytes, segment_max;
    enum wr_journal_state state;
    int32_t lock;
    bool locked;
    char directory[WR_LIMIT_STATE_PATH + 1];
};

/* `out` has WR_SEGMENT_PATH_MAX bytes. */
void wr_journal_segment_path(const struct wr_journal *journal, uint64_t first, char *out);
/* Closes the segment that is open to read, if any. */
void wr_journal_close_old(struct wr_journal *journal);
wr_err wr_journal_not_open(struct wr_error *error);

#endif
