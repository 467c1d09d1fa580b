/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of one list, compact: a million of 16 bytes with their owners and reasons take less
 * than 32 MB.
 *
 *   chunks   records one behind the other, each chunk 64 KiB (the last may be smaller):
 *            16 bits  size of the key, and flags
 *            32 bits  created, seconds since 1970
 *             n bytes key
 *            32 bits  expires, seconds since 1970 (only if it does)
 *            24 bits  note, an owner and a reason told once for all that share them (only if any)
 *            A record that has been replaced or dropped stays until its chunk is the oldest one;
 *            then the chunk's living records move to the end, and it goes.
 *   parts    256 open-addressing tables over the keys' hashes; a slot is 6 bits of hash and the
 *            record's place in units of 2 bytes. Each part grows by itself, an eighth at a time, so
 *            that no change moves more than 1/256 of the slots, and four fifths of them are in use.
 *   spans    BIN only: entries in order of their first number
 *
 * A table may be opened for entries of a file of a pack: they bear no dates and no notes.
 *
 * Time. An entry holds for an event when the event's time is before `expires`. Entries that expired
 * WR_LIST_KEPT_S before the latest change are gone: they are found by nobody, counted in no digest,
 * and dropped a few at a time. Not done here: what entries may be (list_key.h), what a change is.
 */
#ifndef WR_LIST_TABLE_H
#define WR_LIST_TABLE_H

#include "base/hash.h"
#include "base/err.h"
#include "base/piece.h"
#include "feature/list_key.h"

#define WR_LIMIT_LIST_ENTRIES (4u * 1024 * 1024) /* of one list */
#define WR_LIMIT_LIST_SPANS   16384u             /* of one BIN list */
#define WR_LIMIT_LIST_NOTES   262144u            /* pairs of owner and reason of one list */
#define WR_LIMIT_LIST_EDITS   1000u              /* entries in one change */
#define WR_LIMIT_LIST_OWNER   64                 /* bytes */
#define WR_LIMIT_LIST_REASON  256                /* bytes */
#define WR_LIST_KEPT_S        86400

enum {
    WR_LIST_PARTS = 256,
    WR_LIST_CHUNK = 65536,
    WR_LIST_CHUNKS = 2048,
    WR_LIST_LENGTHS = 33 + 129 /* CIDR: bits of IPv4, then of IPv6; PREFIX: bytes */
};

struct wr_list_part {
    uint32_t *slots;
    uint32_t size, n;
};

struct wr_list_note;
struct wr_list_notes { /* pairs of owner and reason, each once; list_note.c */
    const struct wr_memory *memory;
    uint64_t bytes;
    struct wr_list_note **notes; /* by number, from 1; NULL: free */
    uint32_t n, cap;             /* numbers given; places of `notes` */
    uint32_t *slots;             /* by hash: numbers */
    uint32_t size, n_used;
    uint32_t last, free; /* the one asked for last; the first free number */
};

struct wr_list_span {
    uint64_t first, last, last_max; /* last_max: greatest `last` up to here */
    uint32_t place;
};

struct wr_list_cursor { /* a place among the records */
    uint64_t chunk;
    uint32_t at;
};

struct wr_list_image { /* being copied: the records from `next` to `end`, as they were */
    const struct wr_piece_sink *sink; /* NULL: none is */
    uint64_t number;                  /* `at` of its pieces */
    struct wr_list_cursor next, end;
    bool failed;
};

struct wr_list_table {
    const struct wr_memory *memory;
    enum wr_list_match match;
    uint64_t bytes; /* taken from memory */
    uint32_t n;     /* records that are found, the hiding ones among them */
    uint32_t n_hiding;
    int64_t kept_s; /* what expired before that is gone */
    struct wr_list_part parts[WR_LIST_PARTS];
    uint8_t **chunks; /* chunk s is at s % n_chunks */
    uint32_t n_chunks;
    uint64_t first, next; /* chunks in use: [first, next) */
    uint32_t tail_n, tail_cap;
    uint64_t used, dead; /* bytes of records */
    uint8_t *spare;      /* chunks made ahead, linked through their first bytes */
    uint32_t n_spare;
    uint32_t lengths[WR_LIST_LENGTHS]; /* PREFIX, CIDR: entries of each */
    uint64_t present[3];               /* bit l: lengths[l] is not 0 */
    struct wr_list_span *spans;
    uint32_t n_spans, cap_spans;
    struct wr_list_notes notes;
    struct wr_list_image image;
    uint64_t tidied; /* chunks that had been begun at the last tidying */
    uint64_t sweep_chunk;
    uint32_t sweep_at;
};

struct wr_list_entry {
    struct wr_str key;
    uint32_t created_s, expires_s; /* expires_s 0: never */
    bool hides;                    /* takes out the pack's entry with this key */
    bool drops;                    /* it is to be dropped, and wants no room */
    struct wr_str owner, reason;
};

/* Takes nothing yet. */
void wr_list_table_open(struct wr_list_table *table, const struct wr_memory *memory,
                        enum wr_list_match match);
void wr_list_table_close(struct wr_list_table *table);

/* Slots for about so many entries at once, so that they need not grow. False without memory. */
WR_NODISCARD bool wr_list_table_expect(struct wr_list_table *table, uint32_t n);
/* Makes sure that these entries can be put without fail: at most WR_LIMIT_LIST_EDITS. All of them
 * must be put then, but those that drop. False when there is no memory; nothing has changed then.
 * O(n), and a share of the slots. */
WR_NODISCARD bool wr_list_table_room(struct wr_list_table *table,
                                     const struct wr_list_entry *entries, size_t n);
/* Adds or replaces, after wr_list_table_room; true when there was such an entry. A replaced one
 * keeps the date it was created. Views are copied. */
bool wr_list_table_put(struct wr_list_table *table, const struct wr_list_entry *entry);
/* True when there was such an entry. */
bool wr_list_table_drop(struct wr_list_table *table, struct wr_str key);
/* Entries that expired more than WR_LIST_KEPT_S before now_s are gone from now on; looks at `n`
 * records to free them. */
void wr_list_table_age(struct wr_list_table *table, int64_t now_s, uint32_t n);

/* The end of a change: gives room back while more than a quarter of it is dead, by moving what
 * lives in a chunk or two, and in twice as many as were begun since. */
void wr_list_table_tidy(struct wr_list_table *table);

/* The entry of a key; views last until the next change. */
bool wr_list_table_find(const struct wr_list_table *table, struct wr_str key,
                        struct wr_list_entry *out);
/* Does a list hold this text for an event at that second? `own` are the entries that were set while
 * running, `file` those of the pack, which own entries with their keys override; either may be
 * NULL. They are of one match. */
bool wr_list_holds(const struct wr_list_table *own, const struct wr_list_table *file,
                   struct wr_str text, int64_t at_s);

/* Walks the records from a cursor, {0, 0} at first, in the order they were last written; false at
 * the end. Between two calls the table may change: what is not changed meanwhile is told once. */
bool wr_list_table_next(const struct wr_list_table *table, struct wr_list_cursor *cursor,
                        struct wr_list_entry *out);
/* The same for whatever order of changes has led to the same entries. O(n). */
void wr_list_table_digest(const struct wr_list_table *table, struct wr_sha256 *sha);

/* ── an image of the entries (list_image.c) ─────────────────────────────────────────────────── */
/* Begins to copy the entries as they are now, in pieces of this owner with `number` as their place;
 * what a change is about to bury is copied first. A table that is cleared before all is copied, and
 * a sink without room, make the image void. */
void wr_list_image_begin(struct wr_list_table *table, const struct wr_piece_sink *sink,
                         uint64_t number);
/* Copies about *budget bytes and takes them off it; true when all is copied. */
bool wr_list_image_step(struct wr_list_table *table, size_t *budget);
void wr_list_image_end(struct wr_list_table *table);
/* Puts the entries of a piece. Errors: WR_E_STATE when they are none, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_list_image_restore(struct wr_list_table *table, struct wr_str bytes,
                                          struct wr_error *error);

#endif
