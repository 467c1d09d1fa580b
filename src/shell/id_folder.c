/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal's folder has: index files, and the logs whose rows they cover. */
#include "shell/id_store_in.h"

enum { PATH = WR_LIMIT_STATE_PATH + 64 };

/* The place of one more item, put before the one at `at`; NULL without memory. */
static void *insert(const struct wr_id_store *store, struct wr_id_list *list, size_t at)
{
    if (list->n == list->cap) {
        size_t cap = list->cap * 2 + 64;
        void *grown = wr_id_store_take(store, cap * list->item);
        if (grown == NULL) {
            return NULL;
        }
        if (list->n > 0) {
            memcpy(grown, list->items, list->n * list->item);
        }
        wr_id_store_give(store, list->items, list->cap * list->item);
        list->items = grown;
        list->cap = cap;
    }
    char *place = (char *)list->items + at * list->item;
    memmove(place + list->item, place, (list->n - at) * list->item);
    list->n++;
    return place;
}

static void drop(struct wr_id_list *list, size_t at)
{
    char *place = (char *)list->items + at * list->item;
    memmove(place, place + list->item, (list->n - at - 1) * list->item);
    list->n--;
}

static bool add_file(struct wr_id_store *store, struct wr_id_range range, bool checked)
{
    size_t at = store->files.n;
    while (at > 0 && wr_id_folder_file(store, at - 1)->range.first > range.first) {
        at--;
    }
    struct wr_id_file *file = insert(store, &store->files, at);
    if (file != NULL) {
        *file = (struct wr_id_file){range, checked};
    }
    return file != NULL;
}

static bool list_file(void *arg, const char *name)
{
    struct wr_id_store *store = arg;
    struct wr_id_range range;
    return !wr_id_index_name(name, &range) || add_file(store, range, false);
}

void wr_id_folder_list(struct wr_id_store *store)
{
    const struct wr_port_disk *disk = &store->port->disk;
    (void)disk->list(disk->context, store->directory, list_file, store);
}

static bool list_log(void *arg, const char *name)
{
    struct wr_id_store *store = arg;
    uint64_t first;
    if (!wr_id_log_name(name, &first)) {
        return true;
    }
    size_t at = store->logs.n;
    while (at > 0 && wr_id_folder_log(store, at - 1) > first) {
        at--;
    }
    uint64_t *place = insert(store, &store->logs, at);
    if (place != NULL) {
        *place = first;
    }
    return place != NULL;
}

void wr_id_folder_remove(struct wr_id_store *store, size_t i)
{
    wr_id_index_remove(&store->place, wr_id_folder_file(store, i)->range);
    drop(&store->files, i);
}

void wr_id_folder_look(struct wr_id_store *store)
{
    const struct wr_port_disk *disk = &store->port->disk;
    store->logs.n = 0;
    (void)disk->list(disk->context, store->directory, list_log, store);
    if (store->logs.n > 0) {
        store->bounds.first = WR_MAX(store->bounds.first, wr_id_folder_log(store, 0));
    }
    while (store->files.n > 0 && wr_id_folder_file(store, 0)->range.last < store->bounds.first) {
        wr_id_folder_remove(store, 0);
    }
}

size_t wr_id_folder_logs_until(const struct wr_id_store *store, uint64_t sequence)
{
    size_t low = 0, high = store->logs.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (wr_id_folder_log(store, middle) <= sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool wr_id_folder_open_log(const struct wr_id_store *store, uint64_t sequence, struct wr_log *log,
                           struct wr_segment_meta *meta)
{
    char path[PATH];
    size_t n = wr_id_folder_logs_until(store, sequence);
    *log = (struct wr_log){0};
    if (n == 0) {
        return false;
    }
    struct wr_buf text = wr_buf_fixed(path, sizeof path);
    wr_format(&text, "%s/journal-%016llx.log%c", store->directory,
              (unsigned long long)wr_id_folder_log(store, n - 1), 0);
    return wr_log_open(store->port, path, log, meta) == WR_IO_OK &&
           meta->first == wr_id_folder_log(store, n - 1);
}

bool wr_id_folder_read_meta(const struct wr_id_store *store, uint64_t sequence,
                            struct wr_segment_meta *meta)
{
    struct wr_log log;
    bool good = wr_id_folder_open_log(store, sequence, &log, meta);
    wr_log_close(&log);
    return good;
}

bool wr_id_folder_write(struct wr_id_store *store, struct wr_id_range range,
                        const struct wr_segment_meta *meta, struct wr_id_entry *entries, uint32_t n)
{
    if (wr_id_index_write(&store->place, range, meta, entries, n) == WR_IO_OK &&
        add_file(store, range, true)) {
        return true;
    }
    wr_id_store_put_off(store);
    return false;
}

enum wr_id_found wr_id_folder_find(struct wr_id_store *store, struct wr_id_file *file,
                                   uint64_t hash, uint64_t *sequence)
{
    struct wr_segment_meta meta;
    if (!file->checked && !wr_id_folder_read_meta(store, file->range.first, &meta)) {
        return WR_ID_DAMAGED;
    }
    enum wr_id_found found =
        wr_id_index_find(&store->place, file->range, file->checked ? NULL : &meta, hash, sequence);
    file->checked = file->checked || found != WR_ID_DAMAGED;
    return found;
}
