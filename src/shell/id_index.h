/* SPDX-License-Identifier: Apache-2.0 */
/* An index file: which event ids were decided in some rows of the journal, and where.
 *
 *   ids-<first>-<last>.idx    covers the rows first..last, all of one segment; sixteen hex digits
 *
 *   head, 4096 bytes     0  8  "WEIRIDS" and the version, 1
 *                        8  8  node
 *                       16  8  first row covered
 *                       24  8  last row covered
 *                       32  4  entries
 *                       36  4  epoch of the log that the rows lie in
 *                       40  8  sequence of that log's first row
 *                       48 32  link before that log's first row
 *                       80  8  sum of bytes 0 to 79 under the node's keys (wr_sum64)
 *   blocks of 4096       0  8  sum of bytes 8 to 4095 under the node's keys
 *                        8  4  number of the block, from 0
 *                       12  4  entries in it: 340, in the last block what is left
 *                       16  .  entries: hash of the id (8), row less first (4)
 *
 * Little-endian. Entries rise by hash, then by row. Hashes are keyed and so spread evenly: a search
 * begins at the block where the hash should lie and walks from there, two or three blocks in all.
 *
 * The file is derived from the log and is never synced: whatever of it is not right is found by the
 * sums when it is read, and the file is made again. Source: docs/formats.md. */
#ifndef WR_ID_INDEX_H
#define WR_ID_INDEX_H

#include "shell/breath.h"
#include "shell/log.h"

#define WR_LIMIT_ID_ENTRIES (1u << 19) /* gathered in memory, 8 MiB, before they become a file */
/* Of one index file: as much again may have come while it could not be written. */
#define WR_LIMIT_ID_FILE (2 * WR_LIMIT_ID_ENTRIES)
#define WR_ID_ROOM       (64u * 1024)

struct wr_id_entry {
    uint64_t hash;
    uint32_t row; /* less the first row */
};

struct wr_id_range { /* of rows, both included */
    uint64_t first, last;
};

/* Where index files lie, and whose they are. */
struct wr_id_place {
    const struct wr_port *port;
    const char *directory; /* at most WR_LIMIT_STATE_PATH bytes */
    uint64_t node;
    struct wr_hash_key keys[2];
    void *room;               /* WR_ID_ROOM bytes to work in, aligned to 8 */
    struct wr_breath *breath; /* of whoever writes */
};

/* Is this the name of an index file? Then what it covers. */
bool wr_id_index_name(const char *name, struct wr_id_range *range);
/* Is it that of a log of the journal? Then its first row. */
bool wr_id_log_name(const char *name, uint64_t *first);
void wr_id_index_remove(const struct wr_id_place *place, struct wr_id_range range);

/* Sorts the entries, at most WR_LIMIT_ID_FILE, and writes the file, whole or not at all. `meta` is
 * the head of the log. The disk's errors. */
enum wr_io wr_id_index_write(const struct wr_id_place *place, struct wr_id_range range,
                             const struct wr_segment_meta *meta, struct wr_id_entry *entries,
                             uint32_t n);

enum wr_id_found {
    WR_ID_ABSENT,
    WR_ID_FOUND,
    WR_ID_DAMAGED /* the file is not there, not whole, or not of this log: make it again */
};
/* The newest row with an id of that hash. `meta` as above; NULL: the log is known to be the one. */
enum wr_id_found wr_id_index_find(const struct wr_id_place *place, struct wr_id_range range,
                                  const struct wr_segment_meta *meta, uint64_t hash,
                                  uint64_t *sequence);

/* By hash, then by row, in place. O(n) for hashes that are spread evenly, never above O(n^1.5). */
void wr_id_sort(struct wr_breath *breath, struct wr_id_entry *entries, uint32_t n);
/* The newest of sorted entries with that hash, or NULL. */
const struct wr_id_entry *wr_id_search(const struct wr_id_entry *entries, uint32_t n,
                                       uint64_t hash);

#endif
