/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the id store share: what the folder has (id_folder.c), the newest rows in
 * memory (id_run.c), and the gap that is being closed (id_gap.c). Nobody else includes it. */
#ifndef WR_ID_STORE_IN_H
#define WR_ID_STORE_IN_H

#include "shell/id_store.h"
#include "shell/journal.h"

struct wr_id_file {
    struct wr_id_range range;
    bool checked; /* it is of the log that is there */
};

struct wr_id_list { /* a growing array */
    void *items;
    size_t n, cap, item;
};

struct wr_id_run { /* the newest rows: base..last */
    struct wr_id_entry *entries;
    uint32_t n, room;
    uint32_t n_sorted; /* the leading ones, by hash */
    uint64_t base, last;
};

struct wr_id_scan { /* of one log, to close a gap */
    struct wr_log log;
    struct wr_segment_meta meta;
    struct wr_id_range range; /* still to be covered */
    uint64_t offset, next;    /* of the row to come */
    struct wr_id_entry *entries;
    uint32_t n;
};

struct wr_id_store {
    const struct wr_port *port;
    struct wr_id_place place;
    char directory[WR_LIMIT_STATE_PATH + 1];
    uint32_t cap;
    struct wr_id_list files; /* struct wr_id_file, rising */
    struct wr_id_list logs;  /* uint64_t: first rows, rising */
    struct wr_id_bounds bounds;
    struct wr_id_run run;
    struct wr_id_scan scan;
    bool is_scanning, started;
    int64_t retry_ns; /* nothing is closed before */
    struct wr_id_store_stats stats;
};

/* ── store ──────────────────────────────────────────────────────────────────────────────────── */
static inline void *wr_id_store_take(const struct wr_id_store *store, size_t n)
{
    return store->port->memory.take(store->port->memory.context, n);
}

static inline void wr_id_store_give(const struct wr_id_store *store, void *block, size_t n)
{
    if (block != NULL) {
        store->port->memory.give(store->port->memory.context, block, n);
    }
}

/* The last row that files should cover. */
static inline uint64_t wr_id_store_top(const struct wr_id_store *store)
{
    return store->run.base == 0 ? store->bounds.synced : store->run.base - 1;
}

/* False for a while after a file that could not be written, a log that could not be read. */
bool wr_id_store_may_try(const struct wr_id_store *store);
void wr_id_store_put_off(struct wr_id_store *store);

/* ── folder ─────────────────────────────────────────────────────────────────────────────────── */
static inline struct wr_id_file *wr_id_folder_file(const struct wr_id_store *store, size_t i)
{
    return (struct wr_id_file *)store->files.items + i;
}

static inline uint64_t wr_id_folder_log(const struct wr_id_store *store, size_t i)
{
    return ((const uint64_t *)store->logs.items)[i];
}

/* Lists the index files that are there; once. */
void wr_id_folder_list(struct wr_id_store *store);
/* Lists the logs anew; files whose rows are gone go too. */
void wr_id_folder_look(struct wr_id_store *store);
/* How many logs begin at or before a row: the last of them holds it. */
size_t wr_id_folder_logs_until(const struct wr_id_store *store, uint64_t sequence);
/* Opens the log that holds a row; closed it is by wr_log_close, also after a failure. */
bool wr_id_folder_open_log(const struct wr_id_store *store, uint64_t sequence, struct wr_log *log,
                           struct wr_segment_meta *meta);
/* The head of the log that holds a row. */
bool wr_id_folder_read_meta(const struct wr_id_store *store, uint64_t sequence,
                            struct wr_segment_meta *meta);
/* Writes an index file and lists it. Sorts the entries. False: the store is put off. */
bool wr_id_folder_write(struct wr_id_store *store, struct wr_id_range range,
                        const struct wr_segment_meta *meta, struct wr_id_entry *entries,
                        uint32_t n);
/* The newest row with an id of that hash in one file. */
enum wr_id_found wr_id_folder_find(struct wr_id_store *store, struct wr_id_file *file,
                                   uint64_t hash, uint64_t *sequence);
/* Removes an index file, by its place in the list. */
void wr_id_folder_remove(struct wr_id_store *store, size_t i);

/* ── run ────────────────────────────────────────────────────────────────────────────────────── */
/* See wr_id_store_add. */
void wr_id_run_add(struct wr_id_store *store, uint64_t after, uint64_t upto,
                   const struct wr_id_pair *pairs, uint32_t n);
bool wr_id_run_find(struct wr_id_store *store, uint64_t hash, uint64_t *sequence);
/* One file, when rows of the run are to be written now. */
bool wr_id_run_step(struct wr_id_store *store);

/* ── gap ────────────────────────────────────────────────────────────────────────────────────── */
/* Some rows of a log read, or a file of them written. False when there is none to do now. */
bool wr_id_gap_step(struct wr_id_store *store);
/* Leaves off reading; the gap stays. */
void wr_id_gap_end(struct wr_id_store *store);

#endif
