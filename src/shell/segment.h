/* SPDX-License-Identifier: Apache-2.0 */
/* One file of the journal: an SQLite database in WAL mode with its statements prepared.
 *
 * A segment is made under another name, synced and then renamed, so that it is there whole or not
 * at all: two syncs, of the file and of its directory. It is opened either to append (one such) or
 * to read (a closed one, which has no log any more).
 *
 * A log that is not empty when a segment is opened may hold pages whose sync has failed in another
 * life: the system reads them back, the medium lacks them. A checkpoint from such a log would write
 * pages that no log can repeat after a crash. So the log is first written once more, to a new file
 * that is synced and takes its name, and only then moved into the segment. */
#ifndef WR_SEGMENT_H
#define WR_SEGMENT_H

#include "base/err.h"
#include "base/hash.h"
#include "port/port.h"
#include "shell/vfs.h"

#define WR_SEGMENT_VERSION  1
#define WR_SEGMENT_PATH_MAX 256

struct wr_segment_meta {
    uint64_t node;
    uint32_t epoch;
    struct wr_hash_key keys[2];
    uint64_t first;   /* sequence of its first row */
    uint8_t link[32]; /* of the row before */
};

struct wr_segment {
    sqlite3 *db;
    struct wr_vfs *vfs;
    sqlite3_stmt *begin, *commit, *rollback, *insert, *fetch, *range, *epoch;
    bool in_transaction;
};

/* Makes an empty segment, durably. */
WR_NODISCARD wr_err wr_segment_create(const struct wr_port *port, struct wr_vfs *vfs,
                                      const char *directory, const char *path,
                                      const struct wr_segment_meta *meta, struct wr_error *error);
WR_NODISCARD wr_err wr_segment_open(struct wr_segment *segment, struct wr_vfs *vfs,
                                    const char *path, bool to_append, struct wr_segment_meta *meta,
                                    struct wr_error *error);
/* `clean`: moves the log into the file and removes it; false when that failed. */
bool wr_segment_close(struct wr_segment *segment, bool clean);

/* These return SQLite's code. An error in a transaction has rolled it back. */
WR_NODISCARD int wr_segment_insert(struct wr_segment *segment, uint64_t sequence, uint32_t kind,
                                   const uint8_t link[32], struct wr_str payload);
WR_NODISCARD int wr_segment_commit(struct wr_segment *segment);
WR_NODISCARD int wr_segment_checkpoint(struct wr_segment *segment);
/* Writes the epoch and syncs it. */
WR_NODISCARD int wr_segment_set_epoch(struct wr_segment *segment, uint32_t epoch);
/* The last row; sequence 0 when there is none. */
WR_NODISCARD int wr_segment_last(struct wr_segment *segment, uint64_t *sequence, uint8_t link[32]);
/* A row; views live until the next call. SQLITE_ROW, or SQLITE_DONE when there is no such row. */
WR_NODISCARD int wr_segment_fetch(struct wr_segment *segment, uint64_t sequence,
                                  struct wr_str *payload, struct wr_str *link);
/* Rows first..last in order: first call with restart, then step by step. As fetch. */
WR_NODISCARD int wr_segment_next(struct wr_segment *segment, bool restart, uint64_t first,
                                 uint64_t last, uint64_t *sequence, struct wr_str *payload,
                                 struct wr_str *link);
uint64_t wr_segment_size(struct wr_segment *segment); /* bytes of its pages */

#endif
