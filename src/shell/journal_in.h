/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the journal share; nobody else includes it. */
#ifndef WR_JOURNAL_IN_H
#define WR_JOURNAL_IN_H

#include "shell/journal.h"
#include "shell/log.h"

#define WR_SEGMENT_PATH_MAX 256

struct wr_segment_ref {
    uint64_t first;
    uint64_t size;             /* bytes; 0: not looked at yet */
    struct wr_log_mark *marks; /* of a closed log while it is not open: its index so far */
    size_t n_marks, cap_marks;
};

struct wr_journal {
    const struct wr_port *port;
    struct wr_log live;              /* the last segment */
    struct wr_segment_meta meta;     /* of it; epoch and identity of all */
    struct wr_segment_ref *segments; /* rising by first */
    size_t n_segments, cap_segments;
    struct wr_log old; /* the closed segment that is open to read */
    struct wr_segment_meta old_meta;
    size_t old_index;                       /* which, or SIZE_MAX */
    struct wr_log_room live_room, old_room; /* of the last that ended, for the next of its kind */
    struct {
        bool is_open;
        int32_t file;
        uint64_t from, end; /* bytes of it that may be in the system's memory */
    } left;                 /* the segment before the live one */
    uint64_t live_from;     /* the same of the live one, up to its end */
    /* The file of the segment that ended, to be cut to its rows; and one without a name, to be cut
     * to nothing. */
    struct wr_journal_gone {
        bool is_open;
        bool is_alone, is_said; /* dropped: nobody misses its bytes; the medium has no name of it */
        int32_t file;
        uint64_t size;
    } ended, dropped;
    bool has_ahead, no_ahead; /* no: it could not be made */
    int32_t ahead; /* the file of the segment to begin, open and empty, under no name of its own */
    uint64_t last, last_committed;
    uint8_t link[32];      /* of the last row that is linked */
    struct wr_str phrases; /* a copy of the table of the live segment, or of the one to begin */
    uint64_t segment_max;
    uint64_t retain_bytes; /* of closed segments and the live one; 0: all */
    int64_t retain_us;     /* 0: for ever */
    uint64_t floor;        /* rows behind it are in no snapshot */
    uint32_t epoch_step;
    bool (*start)(void *context, const struct wr_journal_identity *identity,
                  struct wr_row_place *out);
    void *start_context;
    uint64_t vouched; /* sequence that the last walk began at; 0: at the first row */
    enum wr_journal_state state;
    struct wr_error why; /* the last try to recover did not help */
    int32_t lock;
    bool locked, read_only, checks_all, phrases_stay;
    bool lays;       /* zeros, ahead of rows */
    bool unsettled;  /* the live segment; set before an opening, it stays so */
    bool lacks_room; /* the last error was that there is no space */
    bool unnamed;    /* the directory, on the medium, may not have the live segment's name yet */
    char directory[WR_LIMIT_STATE_PATH + 1];
};

/* ── journal.c ──────────────────────────────────────────────────────────────────────────────── */
/* After an error of the live segment: what was not committed is gone, and the state says why. */
wr_err wr_journal_trouble(struct wr_journal *journal, enum wr_io io, const char *what,
                          struct wr_error *error);
/* After a sync that failed: the state is `broken`. */
wr_err wr_journal_failed_sync(struct wr_journal *journal, enum wr_io io, const char *what,
                              struct wr_error *error);
wr_err wr_journal_not_open(struct wr_error *error);

/* ── journal_segments.c ─────────────────────────────────────────────────────────────────────── */
/* "<state>/<name>", and that of a segment; `out` has WR_SEGMENT_PATH_MAX bytes. */
void wr_journal_path(const struct wr_journal *journal, const char *name, char *out);
void wr_journal_segment_path(const struct wr_journal *journal, struct wr_segment_ref ref,
                             char *out);
/* False: there is no memory, or there are too many. */
bool wr_journal_add_segment(struct wr_journal *journal, struct wr_segment_ref ref);
/* Adds those that the directory has. */
enum wr_io wr_journal_list(struct wr_journal *journal);
/* Keeps the index of a log that is about to be closed, or gives it back to one that was opened. */
void wr_journal_keep_marks(struct wr_segment_ref *ref, struct wr_log *log);
void wr_journal_bring_marks(struct wr_segment_ref *ref, struct wr_log *log);
void wr_journal_drop_marks(const struct wr_port *port, struct wr_segment_ref *ref);

/* ── journal_begin.c ────────────────────────────────────────────────────────────────────────── */
/* Keeps a copy of the table for the segments that begin from now on; an empty one takes no memory.
 */
enum wr_io wr_journal_keep_phrases(struct wr_journal *journal, struct wr_str table);
/* Makes the segment that journal->meta describes, with what is doubtful in `from` (may be NULL) and
 * then with its table, and makes it the live one. On an error nothing is live. */
wr_err wr_journal_begin(struct wr_journal *journal, struct wr_log *from, struct wr_error *error);
/* The live segment, and its name when that is not on the medium yet. */
enum wr_io wr_journal_sync_live(struct wr_journal *journal);

/* ── journal_read.c ─────────────────────────────────────────────────────────────────────────── */
/* Closes the segment that is open to read, if any. */
void wr_journal_close_old(struct wr_journal *journal);

/* ── journal_cache.c ────────────────────────────────────────────────────────────────────────── */
/* A segment is live no longer: of its bytes those from `from` to `end` may be in memory. */
void wr_journal_leave(struct wr_journal *journal, size_t index, uint64_t from, uint64_t end);
/* Fills in what may be let go with this sync. */
void wr_journal_take_stale(struct wr_journal *journal, struct wr_journal_sync *sync);
void wr_journal_close_left(struct wr_journal *journal);

/* ── journal_aside.c ────────────────────────────────────────────────────────────────────────── */
/* "<state>/segment.new"; `out` has WR_SEGMENT_PATH_MAX bytes. */
void wr_journal_new_path(const struct wr_journal *journal, char *out);
/* Closes a log but for its file, which is cut to its rows and closed beside a later sync. */
void wr_journal_end_file(struct wr_journal *journal, struct wr_log *log);
/* Removes a file's name at once, and the file beside later syncs. */
enum wr_io wr_journal_drop_file(struct wr_journal *journal, const char *path);
/* On a full disk: what of a removed file is left. True when there was some. */
bool wr_journal_give_back(struct wr_journal *journal);
/* The file that was made ahead, if one was; it is the caller's then. */
bool wr_journal_take_ahead(struct wr_journal *journal, int32_t *file);
/* All of it, while nobody works beside. */
void wr_journal_close_aside(struct wr_journal *journal);

#endif
