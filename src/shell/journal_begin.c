/* SPDX-License-Identifier: Apache-2.0 */
/* See journal.h: how a segment begins, with the table of phrases that its rows are condensed by and
 * the rows of the one before that were not known to be synced. */
#include "shell/journal_in.h"

enum { COPY_PIECE = 32 * 1024 /* bytes of rows copied into a new segment at once */ };

/* ── the table of phrases ───────────────────────────────────────────────────────────────────── */
/* Keeps a copy of it for the segments that begin from now on. */
enum wr_io wr_journal_keep_phrases(struct wr_journal *journal, struct wr_str table)
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

/* ── its name ───────────────────────────────────────────────────────────────────────────────── */
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

enum wr_io wr_journal_sync_live(struct wr_journal *journal)
{
    enum wr_io io = wr_log_sync(&journal->live);
    return io == WR_IO_OK && journal->unnamed ? sync_name(journal) : io;
}

bool wr_journal_must_settle(const struct wr_journal *journal)
{
    return journal->unsettled;
}

enum wr_io wr_journal_settle_do(struct wr_journal *journal)
{
    enum wr_io io = name_segment(journal);
    return io != WR_IO_OK ? io : sync_name(journal);
}

static wr_err not_made(const struct wr_journal *journal, enum wr_io io, struct wr_error *error)
{
    return wr_fail(error, WR_E_STATE, "%s: cannot begin a segment: %s", journal->directory,
                   wr_io_text(io));
}

/* What has no name of its own yet is given up, and takes no room from others meanwhile: nobody has
 * heard of its rows, which are still where they were copied from. The next try is another file, so
 * that no sync that failed is tried again. */
static wr_err not_begun(struct wr_journal *journal, enum wr_io io, struct wr_error *error)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    char path_new[WR_SEGMENT_PATH_MAX];
    wr_journal_new_path(journal, path_new);
    wr_log_close(&journal->live);
    (void)disk->remove(disk->context, path_new);
    journal->lacks_room = io == WR_IO_FULL;
    journal->state = io == WR_IO_FULL ? WR_JOURNAL_FULL : WR_JOURNAL_BROKEN;
    return not_made(journal, io, error);
}

wr_err wr_journal_settle_end(struct wr_journal *journal, enum wr_io result, struct wr_error *error)
{
    journal->unsettled = false;
    return result == WR_IO_OK ? WR_OK : not_begun(journal, result, error);
}

/* ── its first rows ─────────────────────────────────────────────────────────────────────────── */
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

/* The front and the rows. */
static enum wr_io fill(struct wr_journal *journal, struct wr_log *from)
{
    enum wr_io io = create(journal);
    memcpy(journal->link, journal->meta.link, sizeof journal->link);
    if (io == WR_IO_OK && from != NULL) {
        io = copy_rows(from, from->synced, &journal->live, journal->link);
    }
    return io != WR_IO_OK ? io : wr_log_write(&journal->live);
}

/* Makes the segment that journal->meta describes, with what is doubtful in `from` (may be NULL) and
 * then with its table, and makes it the live one. On an error nothing is live. A segment that goes
 * on from one that is synced is named on the medium by its own first sync: until then it holds
 * nothing that was promised to be there. */
wr_err wr_journal_begin(struct wr_journal *journal, struct wr_log *from, struct wr_error *error)
{
    struct wr_segment_ref ref = {.first = journal->meta.first};
    bool stay = from != NULL && (journal->phrases_stay || from->synced < from->end);
    enum wr_io io = stay ? wr_journal_keep_phrases(journal, from->table) : WR_IO_OK;
    io = io != WR_IO_OK ? io : fill(journal, from);
    if (io == WR_IO_OK) {
        journal->live.lays = journal->lays; /* not while rows are copied, which one sync ends */
        wr_log_lay(&journal->live, 0);      /* so that the first row's sync is short too */
        io = journal->unsettled ? WR_IO_OK
             : journal->unnamed ? name_segment(journal)
                                : wr_journal_settle_do(journal);
    }
    if (io == WR_IO_OK && !wr_journal_add_segment(journal, ref)) {
        io = WR_IO_LIMIT;
    }
    if (io != WR_IO_OK) {
        return not_begun(journal, io, error);
    }
    journal->last = journal->last_committed = journal->live.next - 1;
    journal->live_from = 0;
    return WR_OK;
}

/* ── behind another ─────────────────────────────────────────────────────────────────────────── */
/* Ends the live segment for good and begins the next. */
static wr_err start_segment(struct wr_journal *journal, struct wr_error *error)
{
    enum wr_io io = wr_journal_sync_live(journal);
    uint64_t from = journal->live_from, end = journal->live.end;
    if (io != WR_IO_OK) {
        return wr_journal_failed_sync(journal, io, "closing a segment", error);
    }
    wr_journal_keep_marks(&journal->segments[journal->n_segments - 1], &journal->live);
    wr_log_keep_room(&journal->live, &journal->live_room);
    wr_journal_end_file(journal, &journal->live);
    journal->unnamed = true;
    journal->meta.first = journal->last + 1;
    memcpy(journal->meta.link, journal->link, sizeof journal->link);
    wr_err err = wr_journal_begin(journal, NULL, error);
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

/* Begins the live segment anew, which has no rows. */
static wr_err replace_segment(struct wr_journal *journal, struct wr_error *error)
{
    enum wr_io io = wr_log_close(&journal->live);
    return io == WR_IO_OK ? wr_journal_begin(journal, NULL, error)
                          : wr_journal_trouble(journal, io, "closing a segment", error);
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
    enum wr_io io = wr_journal_keep_phrases(journal, table);
    if (io != WR_IO_OK) { /* rows that are condensed by it may come */
        return wr_journal_trouble(journal, io, "keeping a table of phrases", error);
    }
    return journal->last >= journal->meta.first ? start_segment(journal, error)
                                                : replace_segment(journal, error);
}
