/* SPDX-License-Identifier: Apache-2.0 */
/* See journal.h: opening, appending, recovering. The segments are a sorted list; the last one is a
 * log that is open to append, of the others at most one is open to read. */
#include "shell/journal_in.h"

enum {
    TAIL_CHECKED = 16,    /* rows whose chain is checked at every opening */
    PROBE_SIZE = 1 << 20, /* bytes that must fit before a full disk counts as good again */
    NAME_DIGITS = 16,
    COPY_PIECE = 32 * 1024, /* bytes of rows copied into a new segment at once */
};
#define SEGMENT_MAX_DEFAULT (1024ull * 1024 * 1024)
#define SEGMENT_MAX_LEAST   (16ull * 1024 * 1024)

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

void wr_journal_segment_path(const struct wr_journal *journal, struct wr_segment_ref ref, char *out)
{
    struct wr_buf path = wr_buf_fixed(out, WR_SEGMENT_PATH_MAX);
    wr_format(&path, "%s/journal-%016llx.log%c", journal->directory, (unsigned long long)ref.first,
              0);
}

/* "journal-0123456789abcdef.log" and nothing else. */
static bool parse_name(const char *name, struct wr_segment_ref *ref)
{
    struct wr_str text = wr_str_z(name);
    if (text.n != 8 + NAME_DIGITS + 4 || !wr_str_starts(text, WR_STR("journal-")) ||
        !wr_str_ends(text, WR_STR(".log"))) {
        return false;
    }
    ref->first = 0;
    for (size_t i = 8; i < 8 + NAME_DIGITS; i++) {
        char c = text.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        ref->first = ref->first * 16 + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return ref->first != 0;
}

/* One that has taken the place of an empty one counts once. */
static bool add_segment(struct wr_journal *journal, struct wr_segment_ref ref)
{
    const struct wr_memory *memory = &journal->port->memory;
    if (journal->n_segments == journal->cap_segments) {
        size_t cap = journal->cap_segments * 2 + 16;
        struct wr_segment_ref *grown =
            cap > 2 * WR_LIMIT_SEGMENTS ? NULL : memory->take(memory->context, cap * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        if (journal->segments != NULL) {
            memcpy(grown, journal->segments, journal->n_segments * sizeof *grown);
            memory->give(memory->context, journal->segments, journal->cap_segments * sizeof *grown);
        }
        journal->segments = grown;
        journal->cap_segments = cap;
    }
    size_t at = journal->n_segments;
    for (; at > 0 && journal->segments[at - 1].first > ref.first; at--) {
    }
    if (at > 0 && journal->segments[at - 1].first == ref.first) {
        return true;
    }
    memmove(journal->segments + at + 1, journal->segments + at,
            (journal->n_segments - at) * sizeof ref);
    journal->segments[at] = ref;
    journal->n_segments++;
    return true;
}

struct listing {
    struct wr_journal *journal;
    bool failed;
};

static bool list_one(void *arg, const char *name)
{
    struct listing *listing = arg;
    struct wr_segment_ref ref = {0};
    if (parse_name(name, &ref) && !add_segment(listing->journal, ref)) {
        listing->failed = true;
    }
    return !listing->failed;
}

/* Adds those that the directory has. */
static enum wr_io list_segments(struct wr_journal *journal)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    struct listing listing = {journal, false};
    enum wr_io io = disk->list(disk->context, journal->directory, list_one, &listing);
    return io == WR_IO_OK && listing.failed ? WR_IO_LIMIT : io;
}

/* ── trouble ────────────────────────────────────────────────────────────────────────────────── */
/* After an error of the live segment: what was not committed is gone. */
static wr_err trouble(struct wr_journal *journal, enum wr_io io, const char *what,
                      struct wr_error *error)
{
    journal->last = journal->last_committed;
    journal->state = io == WR_IO_FULL ? WR_JOURNAL_FULL : WR_JOURNAL_BROKEN;
    return wr_fail(error, WR_E_JOURNAL, "%s failed: %s", what, wr_io_text(io));
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

/* ── the table of phrases ───────────────────────────────────────────────────────────────────── */
/* Keeps a copy of it for the segments that begin from now on. */
static enum wr_io keep_phrases(struct wr_journal *journal, struct wr_str table)
{
    const struct wr_memory *memory = &journal->port->memory;
    struct wr_str before = journal->phrases;
    if (wr_str_eq(table, before)) {
        return WR_IO_OK;
    }
    char *copy = table.n != 0 ? memory->take(memory->context, table.n) : NULL;
    if (copy == NULL && table.n != 0) {
        return WR_IO_LIMIT;
    }
    wr_bytes_copy(copy, table.p, table.n);
    journal->phrases = wr_str_of(copy, table.n);
    if (before.n != 0) {
        memory->give(memory->context, (void *)(uintptr_t)before.p, before.n);
    }
    return WR_IO_OK;
}

struct wr_str wr_journal_phrases(const struct wr_journal *journal)
{
    return journal->live.table;
}

/* ── beginning a segment ────────────────────────────────────────────────────────────────────── */
static wr_err not_made(const struct wr_journal *journal, enum wr_io io, struct wr_error *error)
{
    return wr_fail(error, WR_E_STATE, "%s: cannot begin a segment: %s", journal->directory,
                   wr_io_text(io));
}

/* Copies the rows of `from` from an offset on, as they stand there: they were checked when its end
 * was looked for. In small pieces, so that a start touches few pages. `link` gets that of the last.
 */
static enum wr_io copy_rows(struct wr_log *from, uint64_t offset, struct wr_log *to,
                            uint8_t link[32])
{
    struct wr_log_row row;
    enum wr_io io = WR_IO_OK;
    for (; io == WR_IO_OK && wr_log_row_at(from, offset, &row); offset = row.next) {
        memcpy(link, row.link.p, 32);
        io = wr_log_copy(to, &row);
        if (io == WR_IO_OK && to->n_gathered >= COPY_PIECE) {
            io = wr_log_write(to);
        }
    }
    return io;
}

bool wr_journal_must_settle(const struct wr_journal *journal)
{
    return journal->unsettled;
}

static enum wr_io name_segment(struct wr_journal *journal)
{
    char path_new[WR_SEGMENT_PATH_MAX], path[WR_SEGMENT_PATH_MAX];
    struct wr_segment_ref ref = {.first = journal->meta.first};
    wr_journal_new_path(journal, path_new);
    wr_journal_segment_path(journal, ref, path);
    return wr_log_name(&journal->live, path_new, path);
}

static enum wr_io sync_name(struct wr_journal *journal)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    enum wr_io io = disk->sync_directory(disk->context, journal->directory);
    journal->unnamed = journal->unnamed && io != WR_IO_OK;
    return io;
}

static enum wr_io sync_live(struct wr_journal *journal)
{
    enum wr_io io = wr_log_sync(&journal->live);
    return io == WR_IO_OK && journal->unnamed ? sync_name(journal) : io;
}

enum wr_io wr_journal_settle_do(struct wr_journal *journal)
{
    enum wr_io io = name_segment(journal);
    return io != WR_IO_OK ? io : sync_name(journal);
}

static wr_err not_begun(struct wr_journal *journal, enum wr_io io, struct wr_error *error)
{
    wr_log_close(&journal->live);
    journal->state = io == WR_IO_FULL ? WR_JOURNAL_FULL : WR_JOURNAL_BROKEN;
    return not_made(journal, io, error);
}

wr_err wr_journal_settle_end(struct wr_journal *journal, enum wr_io result, struct wr_error *error)
{
    journal->unsettled = false;
    return result == WR_IO_OK ? WR_OK : not_begun(journal, result, error);
}

static enum wr_io create(struct wr_journal *journal)
{
    char path_new[WR_SEGMENT_PATH_MAX];
    int32_t ahead;
    wr_journal_new_path(journal, path_new);
    bool has_ahead = wr_journal_take_ahead(journal, &ahead);
    enum wr_io io = wr_log_create(journal->port, path_new, has_ahead ? &ahead : NULL,
                                  &journal->meta, journal->phrases, &journal->live);
    if (journal->live.port != NULL) {
        wr_log_use_room(&journal->live, &journal->live_room);
    }
    return io;
}

/* Makes the segment that journal->meta describes, with what is doubtful in `from` (may be NULL) and
 * then with its table, and makes it the live one. On an error nothing is live. A segment that goes
 * on from one that is synced is named on the medium by its own first sync: until then it holds
 * nothing that was promised to be there. */
static wr_err begin_segment(struct wr_journal *journal, struct wr_log *from, struct wr_error *error)
{
    struct wr_segment_ref ref = {.first = journal->meta.first};
    bool stay = from != NULL && (journal->phrases_stay || from->synced < from->end);
    enum wr_io io = stay ? keep_phrases(journal, from->table) : WR_IO_OK;
    io = io != WR_IO_OK ? io : create(journal);
    memcpy(journal->link, journal->meta.link, sizeof journal->link);
    if (io == WR_IO_OK && from != NULL) {
        io = copy_rows(from, from->synced, &journal->live, journal->link);
    }
    io = io != WR_IO_OK ? io : wr_log_write(&journal->live);
    if (io == WR_IO_OK) {
        journal->live.lays = journal->lays; /* not while rows are copied, which one sync ends */
        wr_log_lay(&journal->live, 0);      /* so that the first row's sync is short too */
        io = journal->unsettled ? WR_IO_OK
             : journal->unnamed ? name_segment(journal)
                                : wr_journal_settle_do(journal);
    }
    if (io == WR_IO_OK && !add_segment(journal, ref)) {
        io = WR_IO_LIMIT;
    }
    if (io != WR_IO_OK) {
        return not_begun(journal, io, error);
    }
    journal->last = journal->last_committed = journal->live.next - 1;
    journal->live_from = 0;
    return WR_OK;
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
    return begin_segment(journal, NULL, error);
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
    err = err != WR_OK ? err : begin_segment(journal, &before, error);
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

static wr_err open_all(struct wr_journal *journal, struct wr_error *error)
{
    wr_err err = journal->read_only ? WR_OK : make_directory(journal, error);
    err = err != WR_OK ? err : take_lock(journal, error);
    if (err != WR_OK) {
        return err;
    }
    enum wr_io result = list_segments(journal);
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
    return err != WR_OK ? err : check_tail(journal, error);
}

static void set_limits(struct wr_journal *journal, struct wr_journal_options options)
{
    journal->retain_bytes = options.retain_bytes;
    journal->retain_us = options.retain_us;
    journal->epoch_step = WR_MAX(options.epoch_step, 1U);
    journal->read_only = options.read_only;
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
    set_limits(journal, options != NULL ? *options : (struct wr_journal_options){0});
    enum wr_io io = options != NULL ? keep_phrases(journal, options->phrases) : WR_IO_OK;
    wr_err err = io == WR_IO_OK ? open_all(journal, error)
                                : wr_fail(error, WR_E_MEMORY, "no memory for the journal");
    if (err != WR_OK) {
        wr_journal_close(journal, false);
        return err;
    }
    *out = journal;
    return WR_OK;
}

static void drop_marks(const struct wr_port *port, struct wr_segment_ref *ref)
{
    const struct wr_memory *memory = &port->memory;
    if (ref->marks != NULL) {
        memory->give(memory->context, ref->marks, ref->cap_marks * sizeof *ref->marks);
        ref->marks = NULL;
        ref->n_marks = ref->cap_marks = 0;
    }
}

void wr_journal_keep_marks(struct wr_segment_ref *ref, struct wr_log *log)
{
    drop_marks(log->port, ref); /* of an earlier life of the log, when it was the live one */
    ref->marks = log->marks;
    ref->n_marks = log->n_marks;
    ref->cap_marks = log->cap_marks;
    log->marks = NULL;
    log->n_marks = log->cap_marks = 0;
}

void wr_journal_bring_marks(struct wr_segment_ref *ref, struct wr_log *log)
{
    log->marks = ref->marks;
    log->n_marks = ref->n_marks;
    log->cap_marks = ref->cap_marks;
    ref->marks = NULL;
    ref->n_marks = ref->cap_marks = 0;
}

void wr_journal_close_old(struct wr_journal *journal)
{
    if (journal->old_index != SIZE_MAX) {
        wr_journal_keep_marks(&journal->segments[journal->old_index], &journal->old);
        wr_log_keep_room(&journal->old, &journal->old_room);
        wr_log_close(&journal->old);
        journal->old_index = SIZE_MAX;
    }
}

/* What did not fit is gone, and what is there was never in doubt: a write that finds no space is no
 * failed sync. So the log is sealed where its rows end, and nothing of it is written once more. */
static enum wr_io seal_full(struct wr_journal *journal)
{
    enum wr_io io = wr_log_cut(&journal->live);
    io = io != WR_IO_OK ? io : sync_live(journal);
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
        (sync_live(journal) != WR_IO_OK || wr_log_seal(&journal->live) != WR_IO_OK)) {
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
        drop_marks(journal->port, &journal->segments[i]);
    }
    if (journal->segments != NULL) {
        port->memory.give(port->memory.context, journal->segments,
                          journal->cap_segments * sizeof *journal->segments);
    }
    keep_phrases(journal, wr_str_of(NULL, 0));
    wr_log_drop_room(port, &journal->live_room);
    wr_log_drop_room(port, &journal->old_room);
    port->memory.give(port->memory.context, journal, sizeof *journal);
}

struct wr_journal_identity wr_journal_identity(const struct wr_journal *journal)
{
    const struct wr_segment_meta *meta = &journal->meta;
    return (struct wr_journal_identity){meta->node, meta->epoch, {meta->keys[0], meta->keys[1]}};
}

uint64_t wr_journal_first(const struct wr_journal *journal)
{
    return journal->segments[0].first;
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

uint64_t wr_journal_log_size(const struct wr_journal *journal)
{
    return journal->live.end;
}

/* ── appending ──────────────────────────────────────────────────────────────────────────────── */
static wr_err write_gathered(struct wr_journal *journal, const char *what, struct wr_error *error)
{
    wr_log_link(&journal->live, journal->link);
    enum wr_io io = wr_log_write(&journal->live);
    if (io == WR_IO_FULL && wr_journal_give_back(journal)) {
        io = wr_log_write(&journal->live);
    }
    return io == WR_IO_OK ? WR_OK : trouble(journal, io, what, error);
}

wr_err wr_journal_append(struct wr_journal *journal, uint64_t sequence, struct wr_str payload,
                         struct wr_error *error)
{
    if (journal->state != WR_JOURNAL_OK || sequence != journal->last + 1 || payload.n < 4 ||
        payload.n > WR_LIMIT_RECORD_SIZE) {
        return wr_journal_not_open(error);
    }
    enum wr_io io = wr_log_add(&journal->live, payload);
    if (io != WR_IO_OK) {
        return trouble(journal, io, "appending a row", error);
    }
    journal->last = sequence;
    return journal->live.n_gathered < WR_LOG_GATHER
               ? WR_OK
               : write_gathered(journal, "appending rows", error);
}

wr_err wr_journal_commit(struct wr_journal *journal, struct wr_error *error)
{
    if (journal->state != WR_JOURNAL_OK) {
        return wr_journal_not_open(error);
    }
    wr_err err = write_gathered(journal, "writing", error);
    if (err == WR_OK) {
        journal->last_committed = journal->last;
    }
    return err;
}

wr_err wr_journal_sync(struct wr_journal *journal, struct wr_error *error)
{
    if (journal->state != WR_JOURNAL_OK) {
        return wr_journal_not_open(error);
    }
    struct wr_journal_sync sync;
    wr_journal_sync_begin(journal, &sync);
    return wr_journal_sync_end(journal, &sync, wr_journal_sync_do(journal->port, &sync), error);
}

void wr_journal_sync_begin(struct wr_journal *journal, struct wr_journal_sync *sync)
{
    WR_ASSERT(journal->state == WR_JOURNAL_OK);
    *sync = (struct wr_journal_sync){
        .file = journal->live.file, .end = journal->live.end, .last = journal->last_committed};
    sync->directory = journal->unnamed ? journal->directory : NULL;
    wr_journal_take_stale(journal, sync);
}

wr_err wr_journal_sync_end(struct wr_journal *journal, const struct wr_journal_sync *sync,
                           enum wr_io result, struct wr_error *error)
{
    if (journal->state != WR_JOURNAL_OK) {
        return wr_journal_not_open(error);
    }
    if (result != WR_IO_OK) {
        return trouble(journal, result, "syncing", error);
    }
    WR_ASSERT(journal->live.file == sync->file && sync->end >= journal->live.synced);
    journal->live.synced = sync->end;
    journal->unnamed = journal->unnamed && sync->directory == NULL;
    return WR_OK;
}

/* Ends the live segment for good and begins the next. */
static wr_err start_segment(struct wr_journal *journal, struct wr_error *error)
{
    enum wr_io io = sync_live(journal);
    uint64_t from = journal->live_from, end = journal->live.end;
    if (io != WR_IO_OK) {
        return trouble(journal, io, "closing a segment", error);
    }
    wr_journal_keep_marks(&journal->segments[journal->n_segments - 1], &journal->live);
    wr_log_keep_room(&journal->live, &journal->live_room);
    wr_journal_end_file(journal, &journal->live);
    journal->unnamed = true;
    journal->meta.first = journal->last + 1;
    memcpy(journal->meta.link, journal->link, sizeof journal->link);
    wr_err err = begin_segment(journal, NULL, error);
    if (err == WR_OK) {
        wr_journal_leave(journal, journal->n_segments - 2, from, end);
    }
    return err;
}

wr_err wr_journal_tend(struct wr_journal *journal, struct wr_error *error)
{
    if (journal->state != WR_JOURNAL_OK || journal->last != journal->last_committed) {
        return wr_journal_not_open(error);
    }
    uint64_t n = journal->live.end - journal->live.begin;
    return n >= journal->segment_max && journal->last >= journal->meta.first
               ? start_segment(journal, error)
               : WR_OK;
}

uint64_t wr_journal_excess(const struct wr_journal *journal)
{
    uint64_t n = journal->live.end - journal->live.begin;
    return n > journal->segment_max ? n - journal->segment_max : 0;
}

uint64_t wr_journal_unsynced(const struct wr_journal *journal)
{
    return journal->live.end - journal->live.synced;
}

/* Begins the live segment anew, which has no rows. */
static wr_err replace_segment(struct wr_journal *journal, struct wr_error *error)
{
    enum wr_io io = wr_log_close(&journal->live);
    return io == WR_IO_OK ? begin_segment(journal, NULL, error)
                          : trouble(journal, io, "closing a segment", error);
}

wr_err wr_journal_use_phrases(struct wr_journal *journal, struct wr_str table,
                              struct wr_error *error)
{
    if (journal->state != WR_JOURNAL_OK || journal->last != journal->last_committed ||
        journal->unsettled || journal->read_only) {
        return wr_journal_not_open(error);
    }
    if (wr_str_eq(table, journal->live.table)) {
        return WR_OK;
    }
    enum wr_io io = keep_phrases(journal, table);
    if (io != WR_IO_OK) { /* rows that are condensed by it may come */
        return trouble(journal, io, "keeping a table of phrases", error);
    }
    return journal->last >= journal->meta.first ? start_segment(journal, error)
                                                : replace_segment(journal, error);
}

/* ── retention ──────────────────────────────────────────────────────────────────────────────── */
static uint64_t size_of(struct wr_journal *journal, size_t index)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    struct wr_segment_ref *ref = &journal->segments[index];
    char path[WR_SEGMENT_PATH_MAX];
    int32_t file;
    if (index + 1 == journal->n_segments) {
        return journal->live.end;
    }
    wr_journal_segment_path(journal, *ref, path);
    if (ref->size == 0 && disk->open(disk->context, path, WR_DISK_READ, &file) == WR_IO_OK) {
        if (disk->size(disk->context, file, &ref->size) != WR_IO_OK) {
            ref->size = 0;
        }
        disk->close(disk->context, file);
    }
    return ref->size;
}

/* Was the row behind the first segment made that long ago? Then so were all in it. */
static bool is_old(struct wr_journal *journal, int64_t now_us, int64_t age_us)
{
    struct wr_str payload;
    struct wr_record record;
    struct wr_error error;
    return wr_journal_fetch(journal, journal->segments[1].first, &payload, &error) == WR_OK &&
           wr_record_decode(payload, &record, &error) == WR_OK && now_us - record.now_us > age_us;
}

static bool is_dispensable(struct wr_journal *journal, int64_t now_us)
{
    uint64_t bytes = 0;
    int64_t times = journal->segments[1].first - 1 <= journal->floor ? 1 : 2, age_us;
    if (__builtin_mul_overflow(journal->retain_us, times, &age_us)) {
        age_us = INT64_MAX;
    }
    for (size_t i = 0; journal->retain_bytes != 0 && i < journal->n_segments; i++) {
        bytes += size_of(journal, i);
    }
    return bytes / (uint64_t)times > journal->retain_bytes ||
           (journal->retain_us != 0 && is_old(journal, now_us, age_us));
}

void wr_journal_set_floor(struct wr_journal *journal, uint64_t sequence)
{
    journal->floor = sequence;
}

bool wr_journal_prune(struct wr_journal *journal, int64_t now_us)
{
    char path[WR_SEGMENT_PATH_MAX];
    if (journal->state != WR_JOURNAL_OK || journal->n_segments < 2 ||
        !is_dispensable(journal, now_us)) {
        return false;
    }
    wr_journal_close_old(journal);
    wr_journal_segment_path(journal, journal->segments[0], path);
    if (wr_journal_drop_file(journal, path) != WR_IO_OK) {
        return false;
    }
    drop_marks(journal->port, &journal->segments[0]);
    journal->n_segments--;
    memmove(journal->segments, journal->segments + 1,
            journal->n_segments * sizeof *journal->segments);
    return true;
}

/* ── recovering ─────────────────────────────────────────────────────────────────────────────── */
static bool has_room(const struct wr_journal *journal)
{
    static uint8_t zeros[PROBE_SIZE];
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
            drop_marks(journal->port, newest);
            journal->n_segments--;
        }
    }
    return list_segments(journal) == WR_IO_OK && journal->n_segments != 0;
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
    struct wr_error error;
    journal->unnamed = false; /* what is begun now waits for its name */
    journal->state = WR_JOURNAL_OK;
    if (!list_again(journal) || go_on(journal, &error) != WR_OK ||
        check_tail(journal, &error) != WR_OK) {
        journal->state = before;
    }
}
