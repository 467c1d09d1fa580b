/* SPDX-License-Identifier: Apache-2.0 */
/* See id_store.h. */
#include "shell/id_store.h"

#include "engine/record.h"
#include "shell/journal.h"

enum {
    ROWS_A_STEP = 512,
    TAIL_LEAST = 4096, /* ids that are looked through one by one before the run is sorted */
    FIRST_ROOM = 4096,
    PATH = WR_LIMIT_STATE_PATH + 64,
    /* What the work costs, more or less, in nanoseconds: to go through an entry, to take one in or
     * copy it where memory may be new, to read a row. */
    LOOK_NS = 3,
    TAKE_NS = 15,
    ROW_NS = 1500,
    COPIED = 4096, /* entries between two looks */
};
#define RETRY_NS                                                                                   \
    60000000000 /* after a file that could not be written, a log that could not be read */

struct file {
    struct wr_id_range range;
    bool checked; /* it is of the log that is there */
};

struct list { /* a growing array */
    void *items;
    size_t n, cap, item;
};

struct run { /* the newest rows: base..last */
    struct wr_id_entry *entries;
    uint32_t n, room;
    uint32_t n_sorted; /* the leading ones, by hash */
    uint64_t base, last;
};

struct scan { /* of one log, to close a gap */
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
    struct list files; /* struct file, rising */
    struct list logs;  /* uint64_t: first rows, rising */
    struct wr_id_bounds bounds;
    struct run run;
    struct scan scan;
    bool is_scanning, started;
    int64_t retry_ns; /* nothing is closed before */
    struct wr_id_store_stats stats;
};

/* ── memory ─────────────────────────────────────────────────────────────────────────────────── */
static void *take(const struct wr_id_store *store, size_t n)
{
    return store->port->memory.take(store->port->memory.context, n);
}

static void give(const struct wr_id_store *store, void *block, size_t n)
{
    if (block != NULL) {
        store->port->memory.give(store->port->memory.context, block, n);
    }
}

/* The place of one more item, put before the one at `at`; NULL without memory. */
static void *insert(const struct wr_id_store *store, struct list *list, size_t at)
{
    if (list->n == list->cap) {
        size_t cap = list->cap * 2 + 64;
        void *grown = take(store, cap * list->item);
        if (grown == NULL) {
            return NULL;
        }
        if (list->n > 0) {
            memcpy(grown, list->items, list->n * list->item);
        }
        give(store, list->items, list->cap * list->item);
        list->items = grown;
        list->cap = cap;
    }
    char *place = (char *)list->items + at * list->item;
    memmove(place + list->item, place, (list->n - at) * list->item);
    list->n++;
    return place;
}

static void drop(struct list *list, size_t at)
{
    char *place = (char *)list->items + at * list->item;
    memmove(place, place + list->item, (list->n - at - 1) * list->item);
    list->n--;
}

static struct file *file_at(const struct wr_id_store *store, size_t i)
{
    return (struct file *)store->files.items + i;
}

static uint64_t log_at(const struct wr_id_store *store, size_t i)
{
    return ((const uint64_t *)store->logs.items)[i];
}

/* ── what is there ──────────────────────────────────────────────────────────────────────────── */
static bool add_file(struct wr_id_store *store, struct wr_id_range range, bool checked)
{
    size_t at = store->files.n;
    while (at > 0 && file_at(store, at - 1)->range.first > range.first) {
        at--;
    }
    struct file *file = insert(store, &store->files, at);
    if (file != NULL) {
        *file = (struct file){range, checked};
    }
    return file != NULL;
}

static bool list_file(void *arg, const char *name)
{
    struct wr_id_store *store = arg;
    struct wr_id_range range;
    return !wr_id_index_name(name, &range) || add_file(store, range, false);
}

static bool list_log(void *arg, const char *name)
{
    struct wr_id_store *store = arg;
    uint64_t first;
    if (!wr_id_log_name(name, &first)) {
        return true;
    }
    size_t at = store->logs.n;
    while (at > 0 && log_at(store, at - 1) > first) {
        at--;
    }
    uint64_t *place = insert(store, &store->logs, at);
    if (place != NULL) {
        *place = first;
    }
    return place != NULL;
}

/* Lists the logs anew; files whose rows are gone go too. */
static void look_again(struct wr_id_store *store)
{
    const struct wr_port_disk *disk = &store->port->disk;
    store->logs.n = 0;
    (void)disk->list(disk->context, store->directory, list_log, store);
    if (store->logs.n > 0) {
        store->bounds.first = WR_MAX(store->bounds.first, log_at(store, 0));
    }
    while (store->files.n > 0 && file_at(store, 0)->range.last < store->bounds.first) {
        wr_id_index_remove(&store->place, file_at(store, 0)->range);
        drop(&store->files, 0);
    }
}

void wr_id_store_set_bounds(struct wr_id_store *store, const struct wr_id_bounds *bounds)
{
    const struct wr_port_disk *disk = &store->port->disk;
    bool moved = bounds->segments != store->bounds.segments || bounds->first > store->bounds.first;
    uint64_t first = WR_MAX(bounds->first, store->bounds.first);
    store->bounds = *bounds;
    store->bounds.first = first;
    if (!store->started) {
        store->started = true;
        (void)disk->list(disk->context, store->directory, list_file, store);
        moved = true;
    }
    if (moved) {
        look_again(store);
    }
}

/* How many logs begin at or before a row: the last of them holds it. */
static size_t logs_until(const struct wr_id_store *store, uint64_t sequence)
{
    size_t low = 0, high = store->logs.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log_at(store, middle) <= sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Opens the log that holds a row; closed it is by wr_log_close, also after a failure. */
static bool open_log(const struct wr_id_store *store, uint64_t sequence, struct wr_log *log,
                     struct wr_segment_meta *meta)
{
    char path[PATH];
    size_t n = logs_until(store, sequence);
    *log = (struct wr_log){0};
    if (n == 0) {
        return false;
    }
    struct wr_buf text = wr_buf_fixed(path, sizeof path);
    wr_format(&text, "%s/journal-%016llx.log%c", store->directory,
              (unsigned long long)log_at(store, n - 1), 0);
    return wr_log_open(store->port, path, log, meta) == WR_IO_OK &&
           meta->first == log_at(store, n - 1);
}

static bool read_meta(const struct wr_id_store *store, uint64_t sequence,
                      struct wr_segment_meta *meta)
{
    struct wr_log log;
    bool good = open_log(store, sequence, &log, meta);
    wr_log_close(&log);
    return good;
}

static bool may_try(const struct wr_id_store *store)
{
    const struct wr_port_clock *clock = &store->port->clock;
    return clock->mono_ns(clock->context) >= store->retry_ns;
}

static void put_off(struct wr_id_store *store)
{
    const struct wr_port_clock *clock = &store->port->clock;
    store->retry_ns = clock->mono_ns(clock->context) + RETRY_NS;
    store->stats.n_failed++;
}

static bool write_file(struct wr_id_store *store, struct wr_id_range range,
                       const struct wr_segment_meta *meta, struct wr_id_entry *entries, uint32_t n)
{
    if (wr_id_index_write(&store->place, range, meta, entries, n) == WR_IO_OK &&
        add_file(store, range, true)) {
        return true;
    }
    put_off(store);
    return false;
}

/* ── the run ────────────────────────────────────────────────────────────────────────────────── */
static void start_run(struct wr_id_store *store, uint64_t base)
{
    store->run.n = store->run.n_sorted = 0;
    store->run.base = base;
    store->run.last = base - 1;
}

static bool make_room(struct wr_id_store *store, uint32_t n)
{
    struct run *run = &store->run;
    uint32_t room = WR_MAX(run->room, (uint32_t)FIRST_ROOM);
    while (room < run->n + n) {
        room *= 2;
    }
    if (room == run->room) {
        return true;
    }
    struct wr_id_entry *grown = take(store, room * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    for (uint32_t at = 0, some; at < run->n; at += some) {
        some = WR_MIN(run->n - at, (uint32_t)COPIED);
        memcpy(grown + at, run->entries + at, some * sizeof *grown);
        wr_breath_count(store->place.breath, some * (uint64_t)TAKE_NS);
    }
    give(store, run->entries, run->room * sizeof *grown);
    run->entries = grown;
    run->room = room;
    return true;
}

void wr_id_store_add(struct wr_id_store *store, uint64_t after, uint64_t upto,
                     const struct wr_id_pair *pairs, uint32_t n)
{
    struct run *run = &store->run;
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
static uint32_t part_run(struct wr_breath *breath, struct run *run, uint64_t end)
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
    struct run *run = &store->run;
    struct wr_segment_meta meta;
    if (!read_meta(store, run->base, &meta)) {
        put_off(store);
        return false;
    }
    uint32_t n = part_run(store->place.breath, run, end);
    run->n_sorted = 0;
    bool good = write_file(store, (struct wr_id_range){run->base, end - 1}, &meta, run->entries, n);
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

/* One file, when rows of the run are to be written now. */
static bool step_run(struct wr_id_store *store)
{
    struct run *run = &store->run;
    if (run->base == 0 || run->last < run->base || !may_try(store)) {
        return false;
    }
    size_t closed = logs_until(store, run->base);
    uint64_t end = closed < store->logs.n ? log_at(store, closed) : UINT64_MAX;
    if (end > run->last + 1) { /* rows come while others are synced: those that are, are enough */
        end = WR_MIN(run->last, store->bounds.synced) + 1;
        end = run->n >= store->cap && end >= run->base + store->cap / 2 ? end : 0;
    }
    return end != 0 && end - 1 <= store->bounds.synced && write_run(store, end);
}

static bool find_in_run(struct wr_id_store *store, uint64_t hash, uint64_t *sequence)
{
    struct run *run = &store->run;
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

/* ── gaps ───────────────────────────────────────────────────────────────────────────────────── */
static void end_scan(struct wr_id_store *store)
{
    struct scan *scan = &store->scan;
    wr_log_close(&scan->log);
    give(store, scan->entries, store->cap * sizeof *scan->entries);
    scan->entries = NULL;
    store->is_scanning = false;
}

/* A log could not be read. Retention may have been quicker than we were told: then there is less to
 * read, and that is no failure. */
static bool failed(struct wr_id_store *store)
{
    uint64_t before = store->bounds.first;
    if (store->is_scanning) {
        end_scan(store);
    }
    look_again(store);
    if (store->bounds.first == before) {
        put_off(store);
    }
    return store->bounds.first != before;
}

/* The last row that files should cover. */
static uint64_t top_of(const struct wr_id_store *store)
{
    return store->run.base == 0 ? store->bounds.synced : store->run.base - 1;
}

static bool newest_gap(const struct wr_id_store *store, struct wr_id_range *gap)
{
    uint64_t top = top_of(store);
    for (size_t i = store->files.n; i > 0 && top >= store->bounds.first; i--) {
        struct wr_id_range range = file_at(store, i - 1)->range;
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
    struct scan *scan = &store->scan;
    struct wr_id_range gap;
    if (!store->started || !may_try(store) || !newest_gap(store, &gap) ||
        gap.last > store->bounds.synced) {
        return false;
    }
    *scan = (struct scan){.entries = take(store, store->cap * sizeof *scan->entries)};
    store->is_scanning = true;
    if (scan->entries == NULL || !open_log(store, gap.last, &scan->log, &scan->meta)) {
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
    struct scan *scan = &store->scan;
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
    struct scan *scan = &store->scan;
    for (uint32_t i = 0; i < ROWS_A_STEP; i++) {
        if (scan->next > scan->range.last || scan->n == store->cap) {
            struct wr_id_range range = {scan->range.first, scan->next - 1};
            bool good = write_file(store, range, &scan->meta, scan->entries, scan->n);
            store->stats.n_rebuilt += good;
            scan->n = 0;
            scan->range.first = scan->next;
            if (!good || scan->next > scan->range.last) {
                end_scan(store);
            }
            return true;
        }
        if (!take_row(store)) {
            return failed(store);
        }
    }
    return true;
}

bool wr_id_store_step(struct wr_id_store *store)
{
    if (step_run(store)) {
        return true;
    }
    return store->is_scanning ? step_scan(store) : begin_scan(store);
}

/* ── finding ────────────────────────────────────────────────────────────────────────────────── */
static enum wr_id_found find_in_file(struct wr_id_store *store, struct file *file, uint64_t hash,
                                     uint64_t *sequence)
{
    struct wr_segment_meta meta;
    if (!file->checked && !read_meta(store, file->range.first, &meta)) {
        return WR_ID_DAMAGED;
    }
    enum wr_id_found found =
        wr_id_index_find(&store->place, file->range, file->checked ? NULL : &meta, hash, sequence);
    file->checked = file->checked || found != WR_ID_DAMAGED;
    return found;
}

enum wr_id_answer wr_id_store_find(struct wr_id_store *store, uint64_t hash, uint64_t *sequence)
{
    uint64_t top = top_of(store);
    if (find_in_run(store, hash, sequence)) {
        return WR_ID_IS_FOUND;
    }
    for (size_t i = store->files.n; i > 0; i--) {
        struct file *file = file_at(store, i - 1);
        if (file->range.last < top && may_try(store)) {
            return WR_ID_IS_UNREADY;
        }
        enum wr_id_found found = find_in_file(store, file, hash, sequence);
        if (found == WR_ID_FOUND) {
            return WR_ID_IS_FOUND;
        }
        top = WR_MIN(top, file->range.first - 1);
        if (found == WR_ID_DAMAGED) {
            wr_id_index_remove(&store->place, file->range);
            drop(&store->files, i - 1);
            if (may_try(store)) {
                return WR_ID_IS_UNREADY;
            }
        }
    }
    return top >= store->bounds.first && may_try(store) ? WR_ID_IS_UNREADY : WR_ID_IS_ABSENT;
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
    store->files.item = sizeof(struct file);
    store->logs.item = sizeof(uint64_t);
    store->retry_ns = INT64_MIN;
    store->place = (struct wr_id_place){.port = port,
                                        .directory = store->directory,
                                        .node = node,
                                        .keys = {keys[0], keys[1]},
                                        .room = take(store, WR_ID_ROOM),
                                        .breath = breath};
    if (store->place.room == NULL) {
        give(store, store, sizeof *store);
        return NULL;
    }
    return store;
}

void wr_id_store_close(struct wr_id_store *store)
{
    struct run *run = &store->run;
    if (store->is_scanning) {
        end_scan(store);
    }
    give(store, run->entries, run->room * sizeof *run->entries);
    give(store, store->files.items, store->files.cap * store->files.item);
    give(store, store->logs.items, store->logs.cap * store->logs.item);
    give(store, store->place.room, WR_ID_ROOM);
    give(store, store, sizeof *store);
}

struct wr_id_store_stats wr_id_store_stats(const struct wr_id_store *store)
{
    struct wr_id_store_stats stats = store->stats;
    stats.n_files = store->files.n;
    return stats;
}
