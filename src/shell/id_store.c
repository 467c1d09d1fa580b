/* SPDX-License-Identifier: Apache-2.0 */
/* See id_store.h. */
#include "shell/id_store_in.h"

#define RETRY_NS                                                                                   \
    60000000000 /* after a file that could not be written, a log that could not be read */

/* ── use ────────────────────────────────────────────────────────────────────────────────────── */
bool wr_id_store_may_try(const struct wr_id_store *store)
{
    const struct wr_port_clock *clock = &store->port->clock;
    return clock->mono_ns(clock->context) >= store->retry_ns;
}

void wr_id_store_put_off(struct wr_id_store *store)
{
    const struct wr_port_clock *clock = &store->port->clock;
    store->retry_ns = clock->mono_ns(clock->context) + RETRY_NS;
    store->stats.n_failed++;
}

void wr_id_store_set_bounds(struct wr_id_store *store, const struct wr_id_bounds *bounds)
{
    bool moved = bounds->segments != store->bounds.segments || bounds->first > store->bounds.first;
    uint64_t first = WR_MAX(bounds->first, store->bounds.first);
    store->bounds = *bounds;
    store->bounds.first = first;
    if (!store->started) {
        store->started = true;
        wr_id_folder_list(store);
        moved = true;
    }
    if (moved) {
        wr_id_folder_look(store);
    }
}

void wr_id_store_add(struct wr_id_store *store, uint64_t after, uint64_t upto,
                     const struct wr_id_pair *pairs, uint32_t n)
{
    wr_id_run_add(store, after, upto, pairs, n);
}

bool wr_id_store_step(struct wr_id_store *store)
{
    return wr_id_run_step(store) || wr_id_gap_step(store);
}

enum wr_id_answer wr_id_store_find(struct wr_id_store *store, uint64_t hash, uint64_t *sequence)
{
    uint64_t top = wr_id_store_top(store);
    if (wr_id_run_find(store, hash, sequence)) {
        return WR_ID_IS_FOUND;
    }
    for (size_t i = store->files.n; i > 0; i--) {
        struct wr_id_file *file = wr_id_folder_file(store, i - 1);
        if (file->range.last < top && wr_id_store_may_try(store)) {
            return WR_ID_IS_UNREADY;
        }
        enum wr_id_found found = wr_id_folder_find(store, file, hash, sequence);
        if (found == WR_ID_FOUND) {
            return WR_ID_IS_FOUND;
        }
        top = WR_MIN(top, file->range.first - 1);
        if (found == WR_ID_DAMAGED) {
            wr_id_folder_remove(store, i - 1);
            if (wr_id_store_may_try(store)) {
                return WR_ID_IS_UNREADY;
            }
        }
    }
    return top >= store->bounds.first && wr_id_store_may_try(store) ? WR_ID_IS_UNREADY
                                                                    : WR_ID_IS_ABSENT;
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
struct wr_id_store *wr_id_store_open(const struct wr_port *port, const char *directory,
                                     uint64_t node, const struct wr_hash_key keys[2], uint32_t cap,
                                     struct wr_breath *breath)
{
    struct wr_id_store *store = port->memory.take(port->memory.context, sizeof *store);
    size_t n = strlen(directory);
    while (n > 1 && directory[n - 1] == '/') {
        n--;
    }
    WR_ASSERT(n <= WR_LIMIT_STATE_PATH && cap > 0 && cap <= WR_LIMIT_ID_ENTRIES);
    if (store == NULL) {
        return NULL;
    }
    memset(store, 0, sizeof *store);
    store->port = port;
    store->cap = cap;
    memcpy(store->directory, directory, n);
    store->files.item = sizeof(struct wr_id_file);
    store->logs.item = sizeof(uint64_t);
    store->retry_ns = INT64_MIN;
    store->place = (struct wr_id_place){.port = port,
                                        .directory = store->directory,
                                        .node = node,
                                        .keys = {keys[0], keys[1]},
                                        .room = wr_id_store_take(store, WR_ID_ROOM),
                                        .breath = breath};
    if (store->place.room == NULL) {
        wr_id_store_give(store, store, sizeof *store);
        return NULL;
    }
    return store;
}

void wr_id_store_close(struct wr_id_store *store)
{
    struct wr_id_run *run = &store->run;
    if (store->is_scanning) {
        wr_id_gap_end(store);
    }
    wr_id_store_give(store, run->entries, run->room * sizeof *run->entries);
    wr_id_store_give(store, store->files.items, store->files.cap * store->files.item);
    wr_id_store_give(store, store->logs.items, store->logs.cap * store->logs.item);
    wr_id_store_give(store, store->place.room, WR_ID_ROOM);
    wr_id_store_give(store, store, sizeof *store);
}

struct wr_id_store_stats wr_id_store_stats(const struct wr_id_store *store)
{
    struct wr_id_store_stats stats = store->stats;
    stats.n_files = store->files.n;
    return stats;
}
