/* SPDX-License-Identifier: Apache-2.0 */
/* The newest rows' ids in memory, until they become an index file. */
#include "shell/id_store_in.h"

enum {
    TAIL_LEAST = 4096, /* ids that are looked through one by one before the run is sorted */
    FIRST_ROOM = 4096,
    /* What the work costs, more or less, in nanoseconds: to go through an entry, to take one in or
     * copy it where memory may be new. */
    LOOK_NS = 3,
    TAKE_NS = 15,
    COPIED = 4096, /* entries between two looks */
};

static void start_run(struct wr_id_store *store, uint64_t base)
{
    store->run.n = store->run.n_sorted = 0;
    store->run.base = base;
    store->run.last = base - 1;
}

static bool make_room(struct wr_id_store *store, uint32_t n)
{
    struct wr_id_run *run = &store->run;
    uint32_t room = WR_MAX(run->room, (uint32_t)FIRST_ROOM);
    while (room < run->n + n) {
        room *= 2;
    }
    if (room == run->room) {
        return true;
    }
    struct wr_id_entry *grown = wr_id_store_take(store, room * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    for (uint32_t at = 0, some; at < run->n; at += some) {
        some = WR_MIN(run->n - at, (uint32_t)COPIED);
        memcpy(grown + at, run->entries + at, some * sizeof *grown);
        wr_breath_count(store->place.breath, some * (uint64_t)TAKE_NS);
    }
    wr_id_store_give(store, run->entries, run->room * sizeof *grown);
    run->entries = grown;
    run->room = room;
    return true;
}

void wr_id_run_add(struct wr_id_store *store, uint64_t after, uint64_t upto,
                   const struct wr_id_pair *pairs, uint32_t n)
{
    struct wr_id_run *run = &store->run;
    if (run->base == 0 || run->last != after) {
        start_run(store, after + 1);
    }
    bool fits = run->n + n <= 2 * store->cap && upto - run->base < UINT32_MAX;
    if (!fits || !make_room(store, n)) { /* it could not be written for long */
        start_run(store, upto + 1);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        run->entries[run->n++] =
            (struct wr_id_entry){pairs[i].hash, (uint32_t)(pairs[i].sequence - run->base)};
    }
    run->last = upto;
    wr_breath_count(store->place.breath, n * (uint64_t)TAKE_NS);
}

/* Puts the entries of rows before `end` in front; returns how many these are. */
static uint32_t part_run(struct wr_breath *breath, struct wr_id_run *run, uint64_t end)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < run->n; i++) {
        if (run->base + run->entries[i].row < end) {
            struct wr_id_entry entry = run->entries[i];
            run->entries[i] = run->entries[n];
            run->entries[n++] = entry;
        }
        wr_breath_count(breath, LOOK_NS);
    }
    return n;
}

/* Writes the rows before `end`, all of one segment; they are synced. */
static bool write_run(struct wr_id_store *store, uint64_t end)
{
    struct wr_id_run *run = &store->run;
    struct wr_segment_meta meta;
    if (!wr_id_folder_read_meta(store, run->base, &meta)) {
        wr_id_store_put_off(store);
        return false;
    }
    uint32_t n = part_run(store->place.breath, run, end);
    run->n_sorted = 0;
    bool good =
        wr_id_folder_write(store, (struct wr_id_range){run->base, end - 1}, &meta, run->entries, n);
    if (!good) {
        start_run(store, run->last + 1); /* read from the log again, later */
        return false;
    }
    store->stats.n_written++;
    uint32_t moved = (uint32_t)(end - run->base);
    for (uint32_t i = n; i < run->n; i++) {
        run->entries[i - n] =
            (struct wr_id_entry){run->entries[i].hash, run->entries[i].row - moved};
        wr_breath_count(store->place.breath, LOOK_NS);
    }
    run->n -= n;
    run->base = end;
    return true;
}

bool wr_id_run_step(struct wr_id_store *store)
{
    struct wr_id_run *run = &store->run;
    if (run->base == 0 || run->last < run->base || !wr_id_store_may_try(store)) {
        return false;
    }
    size_t closed = wr_id_folder_logs_until(store, run->base);
    uint64_t end = closed < store->logs.n ? wr_id_folder_log(store, closed) : UINT64_MAX;
    if (end > run->last + 1) { /* rows come while others are synced: those that are, are enough */
        end = WR_MIN(run->last, store->bounds.synced) + 1;
        end = run->n >= store->cap && end >= run->base + store->cap / 2 ? end : 0;
    }
    return end != 0 && end - 1 <= store->bounds.synced && write_run(store, end);
}

bool wr_id_run_find(struct wr_id_store *store, uint64_t hash, uint64_t *sequence)
{
    struct wr_id_run *run = &store->run;
    if (run->n - run->n_sorted > WR_MAX((uint32_t)TAIL_LEAST, run->n_sorted / 8)) {
        wr_id_sort(store->place.breath, run->entries, run->n);
        run->n_sorted = run->n;
    }
    const struct wr_id_entry *best = wr_id_search(run->entries, run->n_sorted, hash);
    for (uint32_t i = run->n_sorted; i < run->n; i++) {
        const struct wr_id_entry *entry = &run->entries[i];
        if (entry->hash == hash && (best == NULL || entry->row > best->row)) {
            best = entry;
        }
    }
    if (best != NULL) {
        *sequence = run->base + best->row;
    }
    return best != NULL;
}
