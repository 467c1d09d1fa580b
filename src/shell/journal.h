/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: every entry once, in order of sequence, in a series of files.
 *
 *   <state>/lock                           held while a process owns the directory
 *   <state>/journal-<first sequence>.log   a segment (log.h); sixteen hex digits, so names sort
 *                                          by sequence; the newest is appended to
 *   <state>/segment.new                    a segment that is being made, or was
 *
 * Rows are appended in groups and never changed. Every opening begins a new segment. A sync that
 * failed, be it for want of space or while the journal was `full` already, is never repeated on the
 * file: the journal is `broken` until it is opened anew, which copies what was not known to be
 * synced into a new segment. A write that finds the disk full makes it `full`: the rows of the
 * group are dropped, and a probe tells when there is room again. So does a segment that finds no
 * room to begin, be it at its sync: nobody has heard of it, so its file goes, and the next try is
 * another one.
 *
 * Not here: the files themselves (log.h), threads (journal_thread.h). One thread at a
 * time. */
#ifndef WR_JOURNAL_H
#define WR_JOURNAL_H

#include "base/hash.h"
#include "engine/record.h"
#include "port/port.h"
#include "shell/log.h"

#define WR_LIMIT_STATE_PATH 200 /* bytes of the state directory's path */
#define WR_LIMIT_SEGMENTS   65536

enum wr_journal_state { WR_JOURNAL_OK = 0, WR_JOURNAL_FULL, WR_JOURNAL_BROKEN };
const char *wr_journal_state_name(enum wr_journal_state state); /* "ok", "full", "broken" */

/* Bytes of synced rows that stay in the system's memory, where it can be told so: retries of recent
 * decisions are read from there. A page that the system takes anew costs more than all else that a
 * row does to it, and under a limit of memory they are counted. */
#define WR_LIMIT_JOURNAL_CACHED       (32ull * 1024 * 1024)
#define WR_LIMIT_JOURNAL_UNCACHE_STEP (16ull * 1024 * 1024) /* let go with one sync, at most */

struct wr_journal;

struct wr_journal_identity {
    uint64_t node;              /* made with the directory */
    uint32_t epoch;             /* raised and synced by every opening */
    struct wr_hash_key keys[2]; /* made with the directory; secret */
};

/* Retention drops whole segments from the beginning, never the live one, and none with rows behind
 * the floor (wr_journal_set_floor), as long as this does not take twice the bytes or the age. What
 * is dropped and in no snapshot is no part of the state after the next start: features whose
 * windows reach there count as warming. */
struct wr_journal_options {
    uint64_t segment_max;  /* bytes of a segment's rows; 0 = 1 GiB, or an eighth of retain_bytes */
    uint64_t retain_bytes; /* keep no more than that; 0 = all */
    int64_t retain_us;     /* drop segments whose rows are all older; 0 = never */
    struct wr_str phrases; /* table by which rows of a new segment may be condensed; empty: none.
                              A segment that begins with rows of the one before keeps their table */
    bool phrases_stay;     /* which table is not known yet: that of the segment before, if any */
    uint32_t epoch_step;   /* how far this opening raises the epoch; 0 = 1 */
    bool read_only;        /* writes nothing: no segment, no epoch; there must be a journal */
    bool checks_all;       /* the caller checks the chain of all he reads: opening checks no row */
    bool settles_apart;    /* the caller settles, before anything is appended */
    bool opens_full; /* also without room for a segment: the journal is `full` then, and no row
                        is read or appended before wr_journal_recover has helped */
    bool lays_ahead; /* zeros, ahead of rows (log.h): for who syncs each group of them */
    /* Tells a row that is surely synced, where looking for the end may begin; false: none. NULL:
     * the last segment is walked from its first row. */
    bool (*start)(void *context, const struct wr_journal_identity *identity,
                  struct wr_row_place *out);
    void *start_context;
};

/* Opens or makes the journal of a directory. Errors: WR_E_STATE when the directory cannot be used
 * or is locked, WR_E_JOURNAL when the last rows do not match their chain (not with checks_all). */
WR_NODISCARD wr_err wr_journal_open(const struct wr_port *port, const char *directory,
                                    const struct wr_journal_options *options,
                                    struct wr_journal **out, struct wr_error *error);
/* With settles_apart the new segment is not synced and has no name yet, and a start that reads the
 * rows meanwhile does not wait for the disk: `do` makes up for it, also in another thread while
 * rows are only read, and `end` tells the journal. False: there is nothing to settle. Errors:
 * WR_E_STATE, after which the journal is full or broken, and wr_journal_recover may help. */
bool wr_journal_must_settle(const struct wr_journal *journal);
enum wr_io wr_journal_settle_do(struct wr_journal *journal);
WR_NODISCARD wr_err wr_journal_settle_end(struct wr_journal *journal, enum wr_io result,
                                          struct wr_error *error);
/* Without `clean` nothing more is written. */
void wr_journal_close(struct wr_journal *journal, bool clean);

struct wr_journal_identity wr_journal_identity(const struct wr_journal *journal);
/* The first row that is there; 1 while nothing was dropped. */
uint64_t wr_journal_first(const struct wr_journal *journal);
uint64_t wr_journal_last(const struct wr_journal *journal); /* sequence of the last row; 0 = none */
enum wr_journal_state wr_journal_state(const struct wr_journal *journal);
/* Is it for want of space that the journal is not ok: full, or broken by a sync that found none? */
bool wr_journal_lacks_room(const struct wr_journal *journal);
uint64_t wr_journal_n_segments(const struct wr_journal *journal);
uint64_t wr_journal_log_size(const struct wr_journal *journal); /* bytes of the live segment */

/* The table of phrases by which rows that are appended now may be condensed; empty: none. A view
 * until it changes. */
struct wr_str wr_journal_phrases(const struct wr_journal *journal);
/* Between groups: from now on rows are condensed by this table, which is copied; a segment has one.
 * Nothing happens when it is the live segment's; else that one is closed, and the next begins, or
 * takes its place when it has no rows. What comes of errors is as with wr_journal_tend. */
WR_NODISCARD wr_err wr_journal_use_phrases(struct wr_journal *journal, struct wr_str table,
                                           struct wr_error *error);

/* Adds a row, plain or condensed by the table in use, to the open group; `sequence` follows the
 * last. On an error the group is gone, but for rows that were written already, and the state says
 * why. */
WR_NODISCARD wr_err wr_journal_append(struct wr_journal *journal, uint64_t sequence,
                                      struct wr_str payload, struct wr_error *error);
/* Ends the group: its rows survive the death of the process. */
WR_NODISCARD wr_err wr_journal_commit(struct wr_journal *journal, struct wr_error *error);
/* All committed rows survive the loss of power when this returns WR_OK. */
WR_NODISCARD wr_err wr_journal_sync(struct wr_journal *journal, struct wr_error *error);
/* The same in three steps, the second by another thread: begin, do, end with the result. Meanwhile
 * rows may be appended and committed, and no segment begun or closed. */
struct wr_journal_sync {
    int32_t file;
    uint64_t end, last;    /* bytes and sequence that will have been synced */
    const char *directory; /* which is synced too, since it does not surely name the file yet; or
                              NULL. A view of the journal's own */
    struct {
        int32_t file;
        uint64_t from, n; /* what need not stay in memory; n == 0: nothing */
    } stale;
};
void wr_journal_sync_begin(struct wr_journal *journal, struct wr_journal_sync *sync);
/* Lets go of what is stale and syncs the file. */
enum wr_io wr_journal_sync_do(const struct wr_port *port, const struct wr_journal_sync *sync);
WR_NODISCARD wr_err wr_journal_sync_end(struct wr_journal *journal,
                                        const struct wr_journal_sync *sync, enum wr_io result,
                                        struct wr_error *error);
/* What may be done beside a sync, by whoever makes it and after it, since it takes long and no row
 * waits for it: files that have gone are given back piece by piece, one that ended is cut to its
 * rows, and that of the next segment is made, so that it begins with little to sync. Until `do` has
 * ended no segment may begin. */
struct wr_journal_cut {
    int32_t file;
    uint64_t size;
    bool cuts, closes;
};
struct wr_journal_aside {
    const char *directory; /* synced before; or NULL. A view of the journal's own */
    struct wr_journal_cut cuts[2];
    uint32_t n_cuts;
    bool lays;
    int32_t ahead; /* when it lays: zeros, so many bytes of them */
    uint64_t n_ahead;
};
bool wr_journal_has_aside(const struct wr_journal *journal); /* is there any of it to be done? */
void wr_journal_aside_begin(struct wr_journal *journal, struct wr_journal_aside *aside);
void wr_journal_aside_do(const struct wr_port *port, const struct wr_journal_aside *aside);
/* Between groups: starts a new segment after a long one. Syncs what of that is not synced. */
WR_NODISCARD wr_err wr_journal_tend(struct wr_journal *journal, struct wr_error *error);
/* Bytes by which the live segment is longer than it should be, and of it those not synced yet. */
uint64_t wr_journal_excess(const struct wr_journal *journal);
uint64_t wr_journal_unsynced(const struct wr_journal *journal);
/* Rows behind this one are in no snapshot: retention spares them. At first there are none such. */
void wr_journal_set_floor(struct wr_journal *journal, uint64_t sequence);
/* Is the last one that was dropped still being given back, beside syncs? */
bool wr_journal_is_dropping(const struct wr_journal *journal);
/* Drops at most one segment that need not be kept; true when it did. now_us is the wall clock. */
bool wr_journal_prune(struct wr_journal *journal, int64_t now_us);
/* When full: looks whether there is room first. Opens the last segment anew, begins a new one
 * behind it, raises the epoch. The state tells whether it helped; if not it is full when what lacks
 * is room, else broken, also one that was the other before. Which of the rows that were not
 * acknowledged are still there is not known before: the owner of the engine folds again.
 */
void wr_journal_recover(struct wr_journal *journal);
/* After one that did not help, though there was room to try: why. */
const char *wr_journal_why(const struct wr_journal *journal);

/* The plain payload of a row, also of one in the open group. The view lives until the next call.
 * Errors: WR_E_NOT_FOUND, WR_E_JOURNAL. */
WR_NODISCARD wr_err wr_journal_fetch(struct wr_journal *journal, uint64_t sequence,
                                     struct wr_str *payload, struct wr_error *error);

/* The same with the row's place and link. */
WR_NODISCARD wr_err wr_journal_fetch_placed(struct wr_journal *journal, uint64_t sequence,
                                            struct wr_str *payload, struct wr_row_place *place,
                                            struct wr_error *error);
/* The link of a row, which tells it and all before it; also of the row before the first one that is
 * there. Errors as above. */
WR_NODISCARD wr_err wr_journal_link(struct wr_journal *journal, uint64_t sequence, uint8_t link[32],
                                    struct wr_error *error);

/* Calls `each` for the rows from `first` on, in order, until it fails or `last` is passed. */
WR_NODISCARD wr_err wr_journal_each(struct wr_journal *journal, uint64_t first, uint64_t last,
                                    wr_err (*each)(void *context, uint64_t sequence,
                                                   struct wr_str payload, struct wr_error *error),
                                    void *context, struct wr_error *error);

/* Checks the chain of rows first..last against their payloads, as they are stored, and the link
 * before; and that condensed ones expand by the table of their segment. Errors: WR_E_JOURNAL naming
 * the first row that does not, WR_E_STATE, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_journal_verify(struct wr_journal *journal, uint64_t first, uint64_t last,
                                      struct wr_error *error);
/* Calls `each` as wr_journal_each does, of rows that have passed that check, up to the first one
 * that does not. */
WR_NODISCARD wr_err wr_journal_each_verified(
    struct wr_journal *journal, uint64_t first, uint64_t last,
    wr_err (*each)(void *context, uint64_t sequence, struct wr_str payload, struct wr_error *error),
    void *context, struct wr_error *error);

#endif
