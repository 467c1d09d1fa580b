/* SPDX-License-Identifier: Apache-2.0 */
/* One append log: the part of the journal that rows are written to.
 *
 *   head, 128 bytes          0  8  "WEIRLOG" and the version, 3
 *                            8  8  node
 *                           16  4  epoch
 *                           20  4  bytes of the table of phrases; 0: none
 *                           24 32  keys
 *                           56  8  sequence of the first row
 *                           64 32  link of the row before
 *                           96 32  SHA-256 of bytes 0 to 95
 *   table, if any            0 32  its SHA-256
 *                           32  .  table of phrases (engine/condense.h), zeros up to a multiple of
 * 8 rows, each               0  4  magic "WRrw" aligned to 8             4  4  bytes of the payload
 *                            8  8  sequence
 *                           16  8  how many bytes of the file were synced when this was written
 *                           24 32  link (record.h), over the payload as it stands here
 *                           56  8  0
 *                           64  .  payload, plain or condensed by the table, zeros up to a multiple
 *                                  of 8
 *   seal                            the head of a row without payload, behind the last row, when
 *                                   all of them were synced: a log that ended well
 *   zeros, if any                   behind a log that is written, or was when its process ended
 *
 * Little-endian. A log of version 2, which has no table, is read as well. Rows are gathered in
 * memory and written with one call. Bytes up to the greatest `synced` of any row have reached the
 * medium; behind them a loss of power may have left anything, so there each row is believed only
 * when its link, made of its payload and the row before, is right; the first that is not ends the
 * log. A log is appended to by the process that made it and never after: a file whose sync has
 * failed, perhaps in another life, may lack on the medium what the system still reads back, so
 * whoever opens the journal begins a new log and copies into it the rows that were not known to be
 * synced.
 *
 * A log whose rows are synced group by group is laid ahead with zeros: to sync what replaces bytes
 * of a file takes half as long as to sync what makes it longer, since the system has no sizes and
 * no blocks to note (docs/decisions.md).
 *
 * An index in memory, one mark per 64 KiB, finds rows. One thread at a time. */
#ifndef WR_LOG_H
#define WR_LOG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "engine/condense.h"
#include "port/port.h"

#define WR_LOG_GATHER (256u * 1024) /* bytes after which gathered rows are written */
#define WR_LOG_LAY    (256u * 1024) /* zeros laid at once, at the most */

/* What the head of a segment says. */
struct wr_segment_meta {
    uint64_t node;
    uint32_t epoch;
    struct wr_hash_key keys[2];
    uint64_t first;   /* sequence of its first row */
    uint8_t link[32]; /* of the row before */
};

struct wr_log_mark {
    uint64_t sequence, offset;
};

/* What rows are gathered, read and expanded in: memory that may serve another log afterwards. */
struct wr_log_room {
    char *gathered; /* rows not written yet */
    char *window;   /* bytes of the file that were read last */
    char *plain;    /* the row that was expanded last */
    size_t cap_gathered, cap_window, cap_plain;
};

struct wr_log {
    const struct wr_port *port; /* NULL: not open */
    int32_t file;
    uint64_t begin;  /* offset of the first row */
    uint64_t end;    /* bytes of whole rows that are written */
    uint64_t synced; /* bytes that have reached the medium */
    uint64_t kept;   /* bytes that the system was asked to keep space for; 0: none yet */
    bool lays;       /* zeros, ahead of its rows */
    uint64_t laid;   /* bytes of the file with its zeros; 0: none are laid yet */
    uint64_t first;  /* sequence of the first row */
    uint64_t next;   /* of the row that would come next, gathered ones counted */
    struct wr_log_room room;
    size_t n_gathered, n_linked; /* bytes of gathered rows, and of those that have their links */
    struct wr_log_mark *marks;
    size_t n_marks, cap_marks;
    uint64_t window_at;
    size_t n_window;
    struct wr_arena front;     /* holds the table and its phrases */
    struct wr_str table;       /* of phrases; empty: none */
    struct wr_phrases phrases; /* views into it */
};

struct wr_log_row {
    uint64_t sequence;
    uint64_t offset, next; /* of this row and the next, in bytes of the file */
    uint64_t synced;
    struct wr_str link, payload; /* views until the next call; the payload as it stands there */
};

/* Where a walk may begin, as somebody knows who vouches for it: a synced row and its link. */
struct wr_row_place {
    uint64_t segment; /* sequence of the first row of its log; 0: not known */
    uint64_t sequence, offset;
    uint8_t link[32];
};

/* Makes an empty log under a name that is not its own yet; wr_log_name gives it its own. Rows may
 * be condensed by the table (empty: none), which is copied. `ahead`: NULL, or the file when it is
 * open already, with nothing in it but zeros; it is the log's then. WR_IO_INVALID when the table is
 * none. After an error the log has to be closed all the same. */
enum wr_io wr_log_create(const struct wr_port *port, const char *path_new, const int32_t *ahead,
                         const struct wr_segment_meta *meta, struct wr_str table,
                         struct wr_log *out);
/* Lays zeros where n bytes will stand before the first row: to sync those is quick then. */
enum wr_io wr_log_lay_front(const struct wr_port *port, int32_t file, uint64_t n);
/* Writes and syncs what was added, and renames the file. On the medium it has its name once the
 * directory is synced. */
enum wr_io wr_log_name(struct wr_log *log, const char *path_new, const char *path);
/* Opens a log to read. WR_IO_INVALID when head and table are not whole, or of a version unknown
 * here. */
enum wr_io wr_log_open(const struct wr_port *port, const char *path, struct wr_log *out,
                       struct wr_segment_meta *meta);
/* Walks over the rows and finds the end; log->synced gets the offset up to which rows are surely on
 * the medium, `before` is the link before the first row. The walk begins at `start` when that is
 * not NULL and the row is there, with that link; else at the first row. Errors: WR_E_JOURNAL when
 * rows on the way that had been synced cannot be read. */
WR_NODISCARD wr_err wr_log_scan(struct wr_log *log, const uint8_t before[32],
                                const struct wr_row_place *start, struct wr_error *error);
/* Frees all; what is gathered is dropped, and what was laid or kept ahead is given back. */
enum wr_io wr_log_close(struct wr_log *log);
/* The same but for the file, which is returned: it is the caller's to cut behind the rows and to
 * close. */
int32_t wr_log_leave(struct wr_log *log);

/* Takes the room of a log that is about to be closed, but for what a large row has made large; what
 * was in `room` before is freed. */
void wr_log_keep_room(struct wr_log *log, struct wr_log_room *room);
/* Gives it to a log that was just made or opened; `room` is empty then. */
void wr_log_use_room(struct wr_log *log, struct wr_log_room *room);
/* Frees it. */
void wr_log_drop_room(const struct wr_port *port, struct wr_log_room *room);

/* Gathers a row, plain or condensed by the log's table; its link is made when it is written.
 * WR_IO_LIMIT when there is no memory. */
enum wr_io wr_log_add(struct wr_log *log, struct wr_str payload);
/* Gathers a row of another log as it is, its link too: it has been checked there. */
enum wr_io wr_log_copy(struct wr_log *log, const struct wr_log_row *row);
/* Makes the links of gathered rows, `link` being that before them and then of the last. */
void wr_log_link(struct wr_log *log, uint8_t link[32]);
/* Writes the gathered rows, which are linked. */
enum wr_io wr_log_write(struct wr_log *log);
/* Lays zeros ahead, if the log is one that does so and rows have used up those before: after each
 * write, of n bytes, and at the beginning, after 0. */
void wr_log_lay(struct wr_log *log, size_t n);
enum wr_io wr_log_sync(struct wr_log *log);
/* After a write that found no space: forgets the gathered rows, and cuts off what came of them. */
enum wr_io wr_log_cut(struct wr_log *log);
/* Says behind the last row, without syncing it, that all rows are synced; if they are. */
enum wr_io wr_log_seal(struct wr_log *log);

/* The row at an offset; false at the end. A row that makes no sense ends the log. */
bool wr_log_row_at(struct wr_log *log, uint64_t offset, struct wr_log_row *out);
/* The same on a walk from the first row or from one that was found: fills the index on the way. */
bool wr_log_next(struct wr_log *log, uint64_t offset, struct wr_log_row *out);
/* The row of a sequence, also a gathered one; false when it is not here. */
bool wr_log_find(struct wr_log *log, uint64_t sequence, struct wr_log_row *out);
/* The plain payload of a row; a view until the next call. Errors: WR_E_JOURNAL naming a row that
 * does not expand, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_log_plain(struct wr_log *log, const struct wr_log_row *row,
                                 struct wr_str *out, struct wr_error *error);

#endif
