/* SPDX-License-Identifier: Apache-2.0 */
/* See journal.h: opening a directory, which goes on behind the rows that are there; closing it; and
 * recovering after an error, which is closing what there is and going on again. */
#include "shell/journal_in.h"

enum {
    TAIL_CHECKED = 16,    /* rows whose chain is checked at an opening */
    PROBE_SIZE = 1 << 20, /* bytes that must fit before a full disk counts as good again */
};
#define SEGMENT_MAX_DEFAULT (1024ull * 1024 * 1024)
#define SEGMENT_MAX_LEAST   (16ull * 1024 * 1024)

/* ── the directory ──────────────────────────────────────────────────────────────────────────── */
static wr_err make_directory(struct wr_journal *journal, struct wr_error *error)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    if (disk->exists(disk->context, journal->directory) == WR_IO_OK) {
        return WR_OK;
    }
    enum wr_io result = disk->make_directory(disk->context, journal->directory);
    char parent[WR_SEGMENT_PATH_MAX];
    size_t n = strlen(journal->directory);
    while (n > 0 && journal->directory[n - 1] != '/') {
        n--;
    }
    struct wr_buf path = wr_buf_fixed(parent, sizeof parent);
    wr_buf_add(&path, journal->directory, n > 1 ? n - 1 : n);
    wr_format(&path, n == 0 ? ".%c" : "%c", 0);
    if (result == WR_IO_OK) {
        result = disk->sync_directory(disk->context, parent);
    }
    return result == WR_IO_OK ? WR_OK
                              : wr_fail(error, WR_E_STATE, "state directory %s: %s",
                                        journal->directory, wr_io_text(result));
}

static wr_err take_lock(struct wr_journal *journal, struct wr_error *error)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    char path[WR_SEGMENT_PATH_MAX];
    wr_journal_path(journal, "lock", path);
    enum wr_io result = disk->lock(disk->context, path, &journal->lock);
    if (result == WR_IO_BUSY) {
        return wr_fail(error, WR_E_STATE,
                       "another process owns the state directory %s; stop it, or %s",
                       journal->directory,
                       journal->read_only ? "look at a copy that `weir journal backup` makes of it"
                                          : "give this one a directory of its own");
    }
    journal->locked = result == WR_IO_OK;
    return result == WR_IO_OK ? WR_OK
                              : wr_fail(error, WR_E_STATE, "%s: %s", path, wr_io_text(result));
}

/* ── going on ───────────────────────────────────────────────────────────────────────────────── */
static wr_err make_first(struct wr_journal *journal, struct wr_error *error)
{
    uint8_t random[40];
    const struct wr_port_entropy *entropy = &journal->port->entropy;
    if (entropy->fill(entropy->context, random, sizeof random) != WR_IO_OK) {
        return wr_fail(error, WR_E_STATE, "the system gives no random bytes");
    }
    journal->meta = (struct wr_segment_meta){
        .node = wr_get64(random),
        .epoch = 1,
        .keys = {{wr_get64(random + 8), wr_get64(random + 16)},
                 {wr_get64(random + 24), wr_get64(random + 32)}},
        .first = 1,
    };
    return wr_journal_begin(journal, NULL, error);
}

static wr_err raise_epoch(struct wr_journal *journal, struct wr_error *error)
{
    if (journal->meta.epoch > UINT32_MAX - journal->epoch_step) {
        return wr_fail(error, WR_E_STATE, "the directory has been opened too often");
    }
    journal->meta.epoch += journal->epoch_step;
    return WR_OK;
}

static wr_err find_end(struct wr_journal *journal, struct wr_log *log, struct wr_error *error)
{
    struct wr_journal_identity identity = wr_journal_identity(journal);
    struct wr_row_place place = {0};
    bool known =
        journal->start != NULL && journal->start(journal->start_context, &identity, &place);
    wr_err err = wr_log_scan(log, journal->meta.link, known ? &place : NULL, error);
    journal->vouched = err == WR_OK && log->n_marks > 0 && log->marks[0].sequence > log->first
                           ? place.sequence
                           : 0;
    return err;
}

/* Finds the end of the journal, whether its last segment ended well or not, and begins a new
 * segment there: rows up to the last sync that is known of stay where they are, what comes after is
 * written once more. */
static wr_err go_on(struct wr_journal *journal, struct wr_error *error)
{
    char path[WR_SEGMENT_PATH_MAX];
    struct wr_log before;
    struct wr_segment_ref newest = journal->segments[journal->n_segments - 1];
    uint64_t first = newest.first;
    wr_journal_segment_path(journal, newest, path);
    enum wr_io io = wr_log_open(journal->port, path, &before, &journal->meta);
    wr_err err = WR_OK;
    if (io != WR_IO_OK || journal->meta.first != first) {
        err = wr_fail(error, WR_E_STATE, "%s: not a journal, or damaged: %s", path, wr_io_text(io));
    }
    const struct wr_segment_meta meta = journal->meta;
    err = err != WR_OK ? err : find_end(journal, &before, error);
    if (err == WR_OK && journal->read_only) {
        journal->live = before;
        journal->last = journal->last_committed = before.next - 1;
        return WR_OK;
    }
    err = err != WR_OK ? err : raise_epoch(journal, error);
    struct wr_log_row row = {.sequence = before.next};
    if (err == WR_OK) {
        wr_log_row_at(&before, before.synced, &row);
        journal->meta.first = before.synced < before.end ? row.sequence : before.next;
    }
    if (err == WR_OK && journal->meta.first > first) {
        if (wr_log_find(&before, journal->meta.first - 1, &row)) {
            memcpy(journal->meta.link, row.link.p, sizeof journal->meta.link);
        } else {
            err = wr_fail(error, WR_E_JOURNAL, "%s: row %llu cannot be read", path,
                          (unsigned long long)journal->meta.first - 1);
        }
    }
    if (err == WR_OK) {
        journal->last = journal->last_committed = before.next - 1; /* also if none can begin */
        err = wr_journal_begin(journal, &before, error);
    }
    if (err == WR_OK && journal->meta.first > first) { /* what was read of it serves again */
        wr_journal_leave(journal, journal->n_segments - 2, 0, before.end);
        before.next = journal->meta.first;
        journal->old = before;
        journal->old_meta = meta;
        journal->old_index = journal->n_segments - 2;
        return WR_OK;
    }
    wr_log_close(&before);
    return err;
}

/* Rows of the new segment were checked when the end was looked for. */
static wr_err check_tail(struct wr_journal *journal, struct wr_error *error)
{
    uint64_t first = journal->last > TAIL_CHECKED ? journal->last - TAIL_CHECKED + 1 : 1;
    uint64_t last = journal->read_only ? journal->last : journal->meta.first - 1;
    first = WR_MAX(first, WR_MAX(journal->segments[0].first, journal->vouched + 1));
    return last < first ? WR_OK : wr_journal_verify(journal, first, last, error);
}

/* ── opening ────────────────────────────────────────────────────────────────────────────────── */
static wr_err open_all(struct wr_journal *journal, bool opens_full, struct wr_error *error)
{
    wr_err err = journal->read_only ? WR_OK : make_directory(journal, error);
    err = err != WR_OK ? err : take_lock(journal, error);
    if (err != WR_OK) {
        return err;
    }
    enum wr_io result = wr_journal_list(journal);
    if (result != WR_IO_OK) {
        return wr_fail(error, WR_E_STATE, "state directory %s: %s", journal->directory,
                       wr_io_text(result));
    }
    if (journal->n_segments == 0) {
        return journal->read_only
                   ? wr_fail(error, WR_E_STATE, "%s holds no journal", journal->directory)
                   : make_first(journal, error);
    }
    err = go_on(journal, error);
    if (err != WR_OK && journal->state == WR_JOURNAL_FULL && opens_full) {
        journal->unsettled = false; /* recovering settles */
        return WR_OK;
    }
    return err != WR_OK || journal->checks_all ? err : check_tail(journal, error);
}

static void set_limits(struct wr_journal *journal, struct wr_journal_options options)
{
    journal->retain_bytes = options.retain_bytes;
    journal->retain_us = options.retain_us;
    journal->epoch_step = WR_MAX(options.epoch_step, 1U);
    journal->read_only = options.read_only;
    journal->checks_all = options.checks_all;
    journal->phrases_stay = options.phrases_stay;
    journal->lays = options.lays_ahead;
    journal->unsettled = options.settles_apart && !options.read_only;
    journal->start = options.start;
    journal->start_context = options.start_context;
    journal->segment_max = options.segment_max;
    if (options.segment_max == 0) {
        uint64_t eighth = WR_MAX(options.retain_bytes / 8, SEGMENT_MAX_LEAST);
        journal->segment_max =
            options.retain_bytes != 0 ? WR_MIN(eighth, SEGMENT_MAX_DEFAULT) : SEGMENT_MAX_DEFAULT;
    }
}

wr_err wr_journal_open(const struct wr_port *port, const char *directory,
                       const struct wr_journal_options *options, struct wr_journal **out,
                       struct wr_error *error)
{
    size_t n = strlen(directory);
    while (n > 1 && directory[n - 1] == '/') {
        n--;
    }
    if (n == 0 || n > WR_LIMIT_STATE_PATH) {
        return wr_fail(error, WR_E_STATE, "the state directory's path has %zu bytes; 1 to %d do", n,
                       WR_LIMIT_STATE_PATH);
    }
    struct wr_journal *journal = port->memory.take(port->memory.context, sizeof *journal);
    if (journal == NULL) {
        return wr_fail(error, WR_E_STATE, "no memory for the journal");
    }
    memset(journal, 0, sizeof *journal);
    journal->port = port;
    journal->old_index = SIZE_MAX;
    journal->floor = UINT64_MAX;
    memcpy(journal->directory, directory, n);
    const struct wr_journal_options none = {0}, *asked = options != NULL ? options : &none;
    set_limits(journal, *asked);
    enum wr_io io = wr_journal_keep_phrases(journal, asked->phrases);
    wr_err err = io == WR_IO_OK ? open_all(journal, asked->opens_full, error)
                                : wr_fail(error, WR_E_MEMORY, "no memory for the journal");
    if (err != WR_OK) {
        wr_journal_close(journal, false);
        return err;
    }
    *out = journal;
    return WR_OK;
}

/* ── closing ────────────────────────────────────────────────────────────────────────────────── */
/* What did not fit is gone, and what is there was never in doubt: a write that finds no space is no
 * failed sync. So the log is sealed where its rows end, and nothing of it is written once more. */
static enum wr_io seal_full(struct wr_journal *journal)
{
    enum wr_io io = wr_log_cut(&journal->live);
    io = io != WR_IO_OK ? io : wr_journal_sync_live(journal);
    return io != WR_IO_OK ? io : wr_log_seal(&journal->live);
}

void wr_journal_close(struct wr_journal *journal, bool clean)
{
    const struct wr_port *port = journal->port;
    wr_journal_close_old(journal);
    wr_journal_close_left(journal);
    wr_journal_close_aside(journal);
    clean = clean && !journal->read_only && !journal->unsettled;
    if (clean && journal->state == WR_JOURNAL_OK && journal->live.port != NULL &&
        (wr_journal_sync_live(journal) != WR_IO_OK || wr_log_seal(&journal->live) != WR_IO_OK)) {
        journal->state = WR_JOURNAL_BROKEN; /* nobody is told: the next opening copies it */
    }
    if (clean && journal->state == WR_JOURNAL_FULL && journal->live.port != NULL) {
        (void)seal_full(journal); /* without it the next opening copies a part */
    }
    wr_log_close(&journal->live);
    if (journal->locked) {
        port->disk.unlock(port->disk.context, journal->lock);
    }
    for (size_t i = 0; i < journal->n_segments; i++) {
        wr_journal_drop_marks(journal->port, &journal->segments[i]);
    }
    if (journal->segments != NULL) {
        port->memory.give(port->memory.context, journal->segments,
                          journal->cap_segments * sizeof *journal->segments);
    }
    wr_journal_keep_phrases(journal, wr_str_of(NULL, 0));
    wr_log_drop_room(port, &journal->live_room);
    wr_log_drop_room(port, &journal->old_room);
    port->memory.give(port->memory.context, journal, sizeof *journal);
}

/* ── recovering ─────────────────────────────────────────────────────────────────────────────── */
/* Some file systems find a place for bytes when they are synced, and not before. */
static bool has_room(const struct wr_journal *journal)
{
    static uint8_t zeros[PROBE_SIZE];
    const struct wr_port_disk *disk = &journal->port->disk;
    char path[WR_SEGMENT_PATH_MAX];
    wr_journal_path(journal, "probe", path);
    int32_t file;
    if (disk->open(disk->context, path, WR_DISK_WRITE | WR_DISK_CREATE, &file) != WR_IO_OK) {
        return false;
    }
    bool fits = disk->write_at(disk->context, file, zeros, PROBE_SIZE, 0) == WR_IO_OK &&
                disk->sync(disk->context, file) == WR_IO_OK;
    bool closed = disk->close(disk->context, file) == WR_IO_OK;
    bool removed = disk->remove(disk->context, path) == WR_IO_OK;
    return fits && closed && removed;
}

/* A beginning that failed may have left its segment behind, under its name (the directory could not
 * be synced), or none where one was noted. One that is left is gone on from, as after a restart:
 * beside a segment that began earlier it would hide the end of that one. */
static bool list_again(struct wr_journal *journal)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    char path[WR_SEGMENT_PATH_MAX];
    if (journal->n_segments != 0) {
        struct wr_segment_ref *newest = &journal->segments[journal->n_segments - 1];
        wr_journal_segment_path(journal, *newest, path);
        if (disk->exists(disk->context, path) == WR_IO_ABSENT) {
            wr_journal_drop_marks(journal->port, newest);
            journal->n_segments--;
        }
    }
    return wr_journal_list(journal) == WR_IO_OK;
}

/* Behind the segments that are there. There is none when the very first did not get its name: it is
 * begun again, as the same node. */
static wr_err go_on_again(struct wr_journal *journal, struct wr_error *error)
{
    bool is_first = journal->n_segments == 0 && journal->last == 0 && journal->meta.first == 1;
    if (is_first) {
        return wr_journal_begin(journal, NULL, error);
    }
    return journal->n_segments != 0 ? go_on(journal, error) : wr_journal_not_open(error);
}

void wr_journal_recover(struct wr_journal *journal)
{
    enum wr_journal_state before = journal->state;
    if (before == WR_JOURNAL_OK) {
        return;
    }
    wr_journal_close_aside(journal); /* no sync comes that would: its bytes may be what is wanted */
    if (before == WR_JOURNAL_FULL && !has_room(journal)) {
        return;
    }
    wr_journal_close_old(journal);
    if (before == WR_JOURNAL_FULL && journal->live.port != NULL) {
        (void)seal_full(journal);
    }
    wr_log_close(&journal->live);
    struct wr_error *why = &journal->why;
    *why = (struct wr_error){0};
    journal->unnamed = false; /* what is begun now waits for its name */
    journal->lacks_room = false;
    journal->state = WR_JOURNAL_OK;
    if (!list_again(journal) || go_on_again(journal, why) != WR_OK ||
        check_tail(journal, why) != WR_OK) {
        /* Full is what lacks room, whatever it was before: the next try looks for it first. */
        journal->state = journal->state == WR_JOURNAL_FULL ? WR_JOURNAL_FULL : WR_JOURNAL_BROKEN;
    }
}

const char *wr_journal_why(const struct wr_journal *journal)
{
    return journal->why.text[0] != '\0' ? journal->why.text : "its directory cannot be listed";
}
