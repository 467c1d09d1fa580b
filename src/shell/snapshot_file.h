/* SPDX-License-Identifier: Apache-2.0 */
/* Files of snapshots: <state>/snapshot-<sequence>.img, sixteen hex digits, the two newest.
 *
 *   blocks     0  4  "WRsn"
 *              4  4  n, bytes of the content; at most 256 KiB
 *              8  8  number of the block, from 0
 *             16  8  sum of the content (wr_sum64 under the node's key and the number)
 *             24  n  content: whole pieces (base/piece.h)
 *   tail       0  8  "WEIRIMG" and the version, 1
 *   256 bytes  8  8  node
 *             16  8  sequence that the state stands at
 *             24 32  link of that row of the journal
 *             56 32  digest of the pack that ran
 *             88 32  digest of what its features depend on
 *            120  8  when it was begun, microseconds since 1970
 *            128  8  number of blocks
 *            136  8  bytes of all blocks
 *            144  8  sum over the sums of the blocks
 *            152  4  epoch
 *            156  4  0
 *            160  8  sequence of the first row of the journal's segment that holds the row; 0: not
 *                    known
 *            168  8  offset of the row in that segment
 *            176 48  0
 *            224 32  HMAC-SHA-256 of bytes 0 to 223 under the node's keys
 *
 * Little-endian. A snapshot is written to snapshot.new, synced every 4 MiB and at the end,
 * renamed, and its directory synced: it is there whole or not at all. It is written only when the
 * journal's row of its sequence is synced, and used only when the journal holds that row, with that
 * link. */
#ifndef WR_SNAPSHOT_FILE_H
#define WR_SNAPSHOT_FILE_H

#include "base/err.h"
#include "base/hash.h"
#include "engine/snapshot.h"
#include "port/port.h"
#include "shell/log.h"

#define WR_SNAPSHOT_VERSION 1
#define WR_SNAPSHOT_BLOCK   (256u * 1024)
#define WR_SNAPSHOT_TAIL    256
#define WR_SNAPSHOTS_KEPT   2
#define WR_LIMIT_SNAPSHOTS  16 /* looked at in one directory */
/* The first bytes of a file that stay in the system's memory, for a start soon after; what comes
 * behind them is written past it, where that can be, or let go. */
#define WR_SNAPSHOT_CACHED (16ull * 1024 * 1024)

struct wr_snapshot_info {
    uint64_t node, sequence;
    uint32_t epoch;
    struct wr_row_place place; /* of that row: a start looks from there for the journal's end */
    uint8_t pack_digest[32], state_digest[32];
    int64_t begun_us;
    uint64_t n_blocks, n_bytes, sum; /* filled in by the writer */
};

/* The file of a small snapshot in memory, as somebody read it who had the time; what is in it is
 * checked when it is used. */
#define WR_SNAPSHOT_AHEAD (4u * 1024 * 1024) /* larger ones are read as they are used */
struct wr_snapshot_ahead {
    uint64_t sequence; /* 0: none */
    uint8_t *bytes;
    size_t n;
};

/* Names in a state directory. */
struct wr_snapshot_place {
    const struct wr_port *port;
    const char *directory;
    struct wr_hash_key keys[2];
    const struct wr_snapshot_ahead *ahead; /* or NULL */
};

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */
struct wr_snapshot_writer {
    struct wr_snapshot_place place;
    uint8_t *block; /* head and content */
    size_t n;       /* bytes of content */
    int32_t file;
    bool is_open;
    enum wr_io io; /* the first thing that failed */
    uint64_t n_blocks, n_bytes, sum, synced;
    bool is_large;  /* it has come past WR_SNAPSHOT_CACHED */
    bool is_direct; /* a second handle is open, for what comes behind that */
    int32_t direct;
    uint8_t *chunk_room, *chunk; /* the latter, in the former, begins at a page; NULL: all goes */
    size_t chunk_n;              /* through the first handle; the file's last bytes, not written */
};

/* False, with io saying why, when it cannot be begun; close in any case. */
WR_NODISCARD bool wr_snapshot_writer_open(struct wr_snapshot_writer *writer,
                                          const struct wr_snapshot_place *place);
/* Room for one more piece of n bytes, head counted; NULL after a failure. */
void *wr_snapshot_writer_claim(struct wr_snapshot_writer *writer, size_t n);
/* Writes what is left and the tail, syncs, renames. */
enum wr_io wr_snapshot_writer_finish(struct wr_snapshot_writer *writer,
                                     const struct wr_snapshot_info *info);
/* Without a finish before, nothing is left of it. */
void wr_snapshot_writer_close(struct wr_snapshot_writer *writer);

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
/* Sequences of the snapshots that are there, the newest first; returns how many. */
size_t wr_snapshot_list(const struct wr_snapshot_place *place,
                        uint64_t sequences[WR_LIMIT_SNAPSHOTS]);
/* Reads and checks the tail. Errors: WR_E_STATE saying what is damaged, WR_E_IO. */
WR_NODISCARD wr_err wr_snapshot_look(const struct wr_snapshot_place *place, uint64_t sequence,
                                     struct wr_snapshot_info *info, struct wr_error *error);
/* Reads the newest into memory, unless it is too large or cannot be read: none then. */
void wr_snapshot_read_ahead(const struct wr_snapshot_place *place, struct wr_snapshot_ahead *out);
void wr_snapshot_drop_ahead(const struct wr_port *port, struct wr_snapshot_ahead *ahead);
/* Reads and checks all of it, and restores the engine from it; NULL: only checks. After an error
 * the engine can only be closed. Errors: also WR_E_PACK when it is whole and does not fit the
 * engine's pack or caps, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_snapshot_load(const struct wr_snapshot_place *place,
                                     const struct wr_snapshot_info *info, struct wr_engine *engine,
                                     struct wr_error *error);
enum wr_io wr_snapshot_remove(const struct wr_snapshot_place *place, uint64_t sequence);
/* Removes all but the newest `keep`. */
void wr_snapshot_prune(const struct wr_snapshot_place *place, size_t keep);

#endif
