/* SPDX-License-Identifier: Apache-2.0 */
/* See journal.h: opening, appending, recovering. The segments are a sorted list of first sequences;
 * the last one is open to append, of the others at most one is open to read. */
#include "shell/journal_in.h"

enum {
    TAIL_CHECKED = 16,    /* rows whose chain is checked at every opening */
    PROBE_SIZE = 1 << 20, /* bytes that must fit before a full disk counts as good again */
    NAME_DIGITS = 16,
};
#define SEGMENT_MAX_DEFAULT (1024ull * 1024 * 1024)

const char *wr_journal_state_name(enum wr_journal_state state)
{
    switch (state) {
    case WR_JOURNAL_OK:
        return "ok";
    case WR_JOURNAL_FULL:
        return "full";
    case WR_JOURNAL_BROKEN:
        return "broken";
    }
    return "unknown";
}

/* ── names ──────────────────────────────────────────────────────────────────────────────────── */
static void path_of(const struct wr_journal *journal, const char *name, char *out)
{
    struct wr_buf path = wr_buf_fixed(out, WR_SEGMENT_PATH_MAX);
    wr_format(&path, "%s/%s%c", journal->directory, name, 0);
}

void wr_journal_segment_path(const struct wr_journal *journal, uint64_t first, char *out)
{
    struct wr_buf path = wr_buf_fixed(out, WR_SEGMENT_PATH_MAX);
    wr_format(&path, "%s/journal-%016llx.db%c", journal->directory, (unsigned long long)first, 0);
}

/* "journal-0123456789abcdef.db" and nothing else. */
static bool parse_name(const char *name, uint64_t *first)
{
    struct wr_str text = wr_str_z(name);
    if (text.n != 8 + NAME_DIGITS + 3 || !wr_str_starts(text, WR_STR("journal-")) ||
        !wr_str_ends(text, WR_STR(".db"))) {
        return false;
    }
    *first = 0;
    for (size_t i = 8; i < 8 + NAME_DIGITS; i++) {
        char c = text.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        *first = *first * 16 + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return *first != 0;
}

static bool add_segment(struct wr_journal *journal, uint64_t first)
{
    const struct wr_memory *memory = &journal->port->memory;
    if (journal->n_segments == journal->cap_segments) {
        size_t cap = journal->cap_segments * 2 + 16;
        uint64_t *grown =
            cap > 2 * WR_LIMIT_SEGMENTS ? NULL : memory->take(memory->context, cap * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        if (journal->firsts != NULL) {
            memcpy(grown, journal->firsts, journal->n_segments * sizeof *grown);
            memory->give(memory->context, journal->firsts, journal->cap_segments * sizeof *grown);
        }
        journal->firsts = grown;
        journal->cap_segments = cap;
    }
    size_t at = journal->n_segments++;
    for (; at > 0 && journal->firsts[at - 1] > first; at--) {
        journal->firsts[at] = journal->firsts[at - 1];
    }
    journal->firsts[at] = first;
    return true;
}

struct listing {
    struct wr_journal *journal;
    bool failed;
};

static bool list_one(void *arg, const char *name)
{
    struct listing *listing = arg;
    uint64_t first;
    if (parse_name(name, &first) && !add_segment(listing->journal, first)) {
        listing->failed = true;
    }
    return !listing->failed;
}

/* ── trouble ────────────────────────────────────────────────────────────────────────────────── */
/* After an error of the live segment: the open transaction is gone. */
static wr_err trouble(struct wr_journal *journal, int code, const char *what,
                      struct wr_error *error)
{
    journal->last = journal->last_committed;
    memcpy(journal->link, journal->link_committed, sizeof journal->link);
    enum wr_io io = wr_vfs_take_failure(journal->vfs);
    bool full = code == SQLITE_FULL || (code == SQLITE_IOERR_WRITE && io == WR_IO_FULL);
    journal->state = full ? WR_JOURNAL_FULL : WR_JOURNAL_BROKEN;
    return wr_fail(error, WR_E_JOURNAL, "%s failed: %s", what,
                   full ? "no space left" : sqlite3_errstr(code));
}

wr_err wr_journal_not_open(struct wr_error *error)
{
    return wr_fail(error, WR_E_JOURNAL, "the journal is not open for rows");
}

/* ── opening ────────────────────────────────────────────────────────────────────────────────── */
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
    path_of(journal, "lock", path);
    enum wr_io result = disk->lock(disk->context, path, &journal->lock);
    if (result == WR_IO_BUSY) {
        return wr_fail(error, WR_E_STATE,
                       "another process owns the state directory %s; stop it, or give this one a "
                       "directory of its own",
                       journal->directory);
    }
    journal->locked = result == WR_IO_OK;
    return result == WR_IO_OK ? WR_OK
                              : wr_fail(error, WR_E_STATE, "%s: %s", path, wr_io_text(result));
}

static wr_err create_segment(struct wr_journal *journal, struct wr_error *error)
{
    char path[WR_SEGMENT_PATH_MAX];
    wr_journal_segment_path(journal, journal->meta.first, path);
    wr_err err = wr_segment_create(journal->port, journal->vfs, journal->directory, path,
                                   &journal->meta, error);
    if (err == WR_OK && !add_segment(journal, journal->meta.first)) {
        err = wr_fail(error, WR_E_STATE, "%s: more than %d segments", journal->directory,
                      WR_LIMIT_SEGMENTS);
    }
    return err;
}

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
    return create_segment(journal, error);
}

/* Opens the newest segment to append and finds the end of the journal. */
static wr_err open_live(struct wr_journal *journal, struct wr_error *error)
{
    char path[WR_SEGMENT_PATH_MAX];
    wr_journal_segment_path(journal, journal->firsts[journal->n_segments - 1], path);
    wr_err err = wr_segment_open(&journal->live, journal->vfs, path, true, &journal->meta, error);
    if (err != WR_OK) {
        return err;
    }
    int code = wr_segment_last(&journal->live, &journal->last, journal->link);
    if (code != SQLITE_OK || journal->meta.first != journal->firsts[journal->n_segments - 1]) {
        return wr_fail(error, WR_E_JOURNAL, "%s: the last row cannot be read: %s", path,
                       sqlite3_errstr(code));
    }
    if (journal->last == 0) {
        journal->last = journal->meta.first - 1;
        memcpy(journal->link, journal->meta.link, sizeof journal->link);
    }
    journal->last_committed = journal->last;
    memcpy(journal->link_committed, journal->link, sizeof journal->link);
    journal->segment_bytes = wr_segment_size(&journal->live);
    return WR_OK;
}

static wr_err raise_epoch(struct wr_journal *journal, struct wr_error *error)
{
    if (journal->meta.epoch == UINT32_MAX) {
        return wr_fail(error, WR_E_STATE, "the directory has been opened too often");
    }
    int code = wr_segment_set_epoch(&journal->live, journal->meta.epoch + 1);
    if (code != SQLITE_OK) {
        return trouble(journal, code, "raising the epoch", error);
    }
    journal->meta.epoch++;
    return WR_OK;
}

static wr_err check_tail(struct wr_journal *journal, struct wr_error *error)
{
    uint64_t first = journal->last > TAIL_CHECKED ? journal->last - TAIL_CHECKED + 1 : 1;
    first = WR_MAX(first, journal->meta.first);
    return journal->last < first ? WR_OK : wr_journal_verify(journal, first, journal->last, error);
}

static wr_err open_all(struct wr_journal *journal, struct wr_error *error)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    wr_err err = make_directory(journal, error);
    err = err != WR_OK ? err : take_lock(journal, error);
    if (err != WR_OK) {
        return err;
    }
    if (wr_vfs_open(journal->port, &journal->vfs) != WR_IO_OK) {
        return wr_fail(error, WR_E_STATE, "no memory for the journal");
    }
    struct listing listing = {journal, false};
    enum wr_io result = disk->list(disk->context, journal->directory, list_one, &listing);
    if (result != WR_IO_OK || listing.failed) {
        return wr_fail(error, WR_E_STATE, "state directory %s: %s", journal->directory,
                       wr_io_text(result));
    }
    if (journal->n_segments == 0) { /* made with epoch 1, and synced */
        err = make_first(journal, error);
        return err != WR_OK ? err : open_live(journal, error);
    }
    err = open_live(journal, error);
    err = err != WR_OK ? err : check_tail(journal, error);
    return err != WR_OK ? err : raise_epoch(journal, error);
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
    memcpy(journal->directory, directory, n);
    journal->segment_max =
        options != NULL && options->segment_max != 0 ? options->segment_max : SEGMENT_MAX_DEFAULT;
    wr_err err = open_all(journal, error);
    if (err != WR_OK) {
        wr_journal_close(journal, false);
        return err;
    }
    *out = journal;
    return WR_OK;
}

void wr_journal_close_old(struct wr_journal *journal)
{
    if (journal->old_index != SIZE_MAX) {
        wr_segment_close(&journal->old, false);
        journal->old_index = SIZE_MAX;
    }
}

void wr_journal_close(struct wr_journal *journal, bool clean)
{
    const struct wr_port *port = journal->port;
    if (journal->vfs != NULL) {
        wr_journal_close_old(journal);
        wr_segment_close(&journal->live, clean && journal->state == WR_JOURNAL_OK);
        wr_vfs_close(journal->vfs);
    }
    if (journal->locked) {
        port->disk.unlock(port->disk.context, journal->lock);
    }
    if (journal->firsts != NULL) {
        port->memory.give(port->memory.context, journal->firsts,
                          journal->cap_segments * sizeof *journal->firsts);
    }
    port->memory.give(port->memory.context, journal, sizeof *journal);
}

struct wr_journal_identity wr_journal_identity(const struct wr_journal *journal)
{
    const struct wr_segment_meta *meta = &journal->meta;
    return (struct wr_journal_identity){meta->node, meta->epoch, {meta->keys[0], meta->keys[1]}};
}

uint64_t wr_journal_last(const struct wr_journal *journal)
{
    return journal->last;
}

enum wr_journal_state wr_journal_state(const struct wr_journal *journal)
{
    return journal->state;
}

uint64_t wr_journal_n_segments(const struct wr_journal *journal)
{
    return journal->n_segments;
}

uint64_t wr_journal_wal_size(const struct wr_journal *journal)
{
    return journal->live.db == NULL ? 0 : wr_vfs_log_size(journal->live.db);
}

/* ── appending ──────────────────────────────────────────────────────────────────────────────── */
wr_err wr_journal_append(struct wr_journal *journal, uint64_t sequence, struct wr_str payload,
                         struct wr_error *error)
{
    if (journal->state != WR_JOURNAL_OK || sequence != journal->last + 1 || payload.n < 4 ||
        payload.n > WR_LIMIT_RECORD_SIZE) {
        return wr_journal_not_open(error);
    }
    uint8_t digest[32];
    wr_sha256_of(payload.p, payload.n, digest);
    wr_record_link(journal->link, digest, sequence);
    uint32_t kind = (uint8_t)payload.p[3];
    int code = wr_segment_insert(&journal->live, sequence, kind, journal->link, payload);
    if (code != SQLITE_OK) {
        return trouble(journal, code, "appending a row", error);
    }
    journal->last = sequence;
    journal->segment_bytes += payload.n;
    return WR_OK;
}

wr_err wr_journal_commit(struct wr_journal *journal, struct wr_error *error)
{
    if (journal->state != WR_JOURNAL_OK) {
        return wr_journal_not_open(error);
    }
    int code = wr_segment_commit(&journal->live);
    if (code != SQLITE_OK) {
        return trouble(journal, code, "committing", error);
    }
    journal->last_committed = journal->last;
    memcpy(journal->link_committed, journal->link, sizeof journal->link);
    return WR_OK;
}

wr_err wr_journal_sync(struct wr_journal *journal, struct wr_error *error)
{
    if (journal->state != WR_JOURNAL_OK) {
        return wr_journal_not_open(error);
    }
    if (wr_vfs_log_sync(journal->live.db) != WR_IO_OK) {
        return trouble(journal, SQLITE_IOERR_FSYNC, "syncing", error);
    }
    return WR_OK;
}

/* Closes the live segment for good and begins the next. */
static wr_err start_segment(struct wr_journal *journal, struct wr_error *error)
{
    if (!wr_segment_close(&journal->live, true)) {
        return trouble(journal, SQLITE_IOERR, "closing a segment", error);
    }
    journal->meta.first = journal->last + 1;
    memcpy(journal->meta.link, journal->link, sizeof journal->link);
    wr_err err = create_segment(journal, error);
    err = err != WR_OK ? err : open_live(journal, error);
    if (err != WR_OK) {
        journal->state =
            wr_vfs_take_failure(journal->vfs) == WR_IO_FULL ? WR_JOURNAL_FULL : WR_JOURNAL_BROKEN;
    }
    return err;
}

wr_err wr_journal_tend(struct wr_journal *journal, struct wr_error *error)
{
    if (journal->state != WR_JOURNAL_OK || journal->live.in_transaction) {
        return wr_journal_not_open(error);
    }
    if (journal->segment_bytes >= journal->segment_max && journal->last >= journal->meta.first) {
        return start_segment(journal, error);
    }
    if (wr_vfs_log_size(journal->live.db) <= WR_LIMIT_WAL_SIZE) {
        return WR_OK;
    }
    int code = wr_segment_checkpoint(&journal->live);
    return code == SQLITE_OK ? WR_OK : trouble(journal, code, "checkpointing", error);
}

/* ── recovering ─────────────────────────────────────────────────────────────────────────────── */
static bool has_room(const struct wr_journal *journal)
{
    static const uint8_t zeros[PROBE_SIZE];
    const struct wr_port_disk *disk = &journal->port->disk;
    char path[WR_SEGMENT_PATH_MAX];
    path_of(journal, "probe", path);
    int32_t file;
    if (disk->open(disk->context, path, WR_DISK_WRITE | WR_DISK_CREATE, &file) != WR_IO_OK) {
        return false;
    }
    bool fits = disk->write_at(disk->context, file, zeros, PROBE_SIZE, 0) == WR_IO_OK;
    bool closed = disk->close(disk->context, file) == WR_IO_OK;
    bool removed = disk->remove(disk->context, path) == WR_IO_OK;
    return fits && closed && removed;
}

void wr_journal_recover(struct wr_journal *journal)
{
    enum wr_journal_state before = journal->state;
    if (before == WR_JOURNAL_OK || (before == WR_JOURNAL_FULL && !has_room(journal))) {
        return;
    }
    wr_journal_close_old(journal);
    wr_segment_close(&journal->live, false);
    struct wr_error error;
    journal->state = WR_JOURNAL_OK;
    bool good = open_live(journal, &error) == WR_OK && check_tail(journal, &error) == WR_OK;
    if (good && before == WR_JOURNAL_BROKEN && journal->last >= journal->meta.first) {
        good = start_segment(journal, &error) == WR_OK;
    }
    if (!good || raise_epoch(journal, &error) != WR_OK) {
        journal->state = before;
    }
}
