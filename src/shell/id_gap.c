/* SPDX-License-Identifier: Apache-2.0 */
/* Closing gaps between index files: rows of the logs are read, the newest first. */
#include "shell/id_store_in.h"

#include "engine/record.h"

enum {
    ROWS_A_STEP = 512,
    ROW_NS = 1500, /* what it costs to read one, more or less */
};

void wr_id_gap_end(struct wr_id_store *store)
{
    struct wr_id_scan *scan = &store->scan;
    wr_log_close(&scan->log);
    wr_id_store_give(store, scan->entries, store->cap * sizeof *scan->entries);
    scan->entries = NULL;
    store->is_scanning = false;
}

/* A log could not be read. Retention may have been quicker than we were told: then there is less to
 * read, and that is no failure. */
static bool failed(struct wr_id_store *store)
{
    uint64_t before = store->bounds.first;
    if (store->is_scanning) {
        wr_id_gap_end(store);
    }
    wr_id_folder_look(store);
    if (store->bounds.first == before) {
        wr_id_store_put_off(store);
    }
    return store->bounds.first != before;
}

static bool newest_gap(const struct wr_id_store *store, struct wr_id_range *gap)
{
    uint64_t top = wr_id_store_top(store);
    for (size_t i = store->files.n; i > 0 && top >= store->bounds.first; i--) {
        struct wr_id_range range = wr_id_folder_file(store, i - 1)->range;
        if (range.last < top) {
            *gap = (struct wr_id_range){range.last + 1, top};
            return true;
        }
        top = WR_MIN(top, range.first - 1);
    }
    *gap = (struct wr_id_range){store->bounds.first, top};
    return top >= store->bounds.first;
}

/* The part of the newest gap that lies in one log. False when there is nothing to do. */
static bool begin_scan(struct wr_id_store *store)
{
    struct wr_id_scan *scan = &store->scan;
    struct wr_id_range gap;
    if (!store->started || !wr_id_store_may_try(store) || !newest_gap(store, &gap) ||
        gap.last > store->bounds.synced) {
        return false;
    }
    *scan =
        (struct wr_id_scan){.entries = wr_id_store_take(store, store->cap * sizeof *scan->entries)};
    store->is_scanning = true;
    if (scan->entries == NULL || !wr_id_folder_open_log(store, gap.last, &scan->log, &scan->meta)) {
        return failed(store);
    }
    scan->range = (struct wr_id_range){WR_MAX(gap.first, scan->meta.first), gap.last};
    scan->offset = scan->log.begin;
    scan->next = scan->meta.first;
    return true;
}

/* Takes one row; false when it is not the one that should come. */
static bool take_row(struct wr_id_store *store)
{
    struct wr_id_scan *scan = &store->scan;
    struct wr_log_row row;
    struct wr_str payload;
    struct wr_record record;
    struct wr_error error;
    if (!wr_log_row_at(&scan->log, scan->offset, &row) || row.sequence != scan->next) {
        return false;
    }
    scan->offset = row.next;
    scan->next++;
    wr_breath_count(store->place.breath, ROW_NS);
    if (row.sequence >= scan->range.first) {
        if (wr_log_plain(&scan->log, &row, &payload, &error) != WR_OK ||
            wr_record_decode(payload, &record, &error) != WR_OK) {
            return false;
        }
        if (record.kind == WR_RECORD_DECISION && record.id.n != 0) {
            scan->entries[scan->n++] =
                (struct wr_id_entry){wr_siphash13(store->place.keys[0], record.id.p, record.id.n),
                                     (uint32_t)(row.sequence - scan->range.first)};
        }
    }
    return true;
}

static bool step_scan(struct wr_id_store *store)
{
    struct wr_id_scan *scan = &store->scan;
    for (uint32_t i = 0; i < ROWS_A_STEP; i++) {
        if (scan->next > scan->range.last || scan->n == store->cap) {
            struct wr_id_range range = {scan->range.first, scan->next - 1};
            bool good = wr_id_folder_write(store, range, &scan->meta, scan->entries, scan->n);
            store->stats.n_rebuilt += good;
            scan->n = 0;
            scan->range.first = scan->next;
            if (!good || scan->next > scan->range.last) {
                wr_id_gap_end(store);
            }
            return true;
        }
        if (!take_row(store)) {
            return failed(store);
        }
    }
    return true;
}

bool wr_id_gap_step(struct wr_id_store *store)
{
    return store->is_scanning ? step_scan(store) : begin_scan(store);
}
