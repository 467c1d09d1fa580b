/* SPDX-License-Identifier: Apache-2.0 */
/* See journal.h: work on files that no row waits for, so it is done beside a sync by whoever makes
 * that. Blocks of a file that are given back take 0.6 ms for each 4 MiB where the disk is told of
 * them (docs/decisions.md): a segment of 128 MiB that goes would hold up rows for 20 ms. */
#include "shell/journal_in.h"

#define CUT_STEP (4ull * 1024 * 1024) /* given back at once */

static const char new_name[] = "segment.new"; /* one at a time; a left one is written over */

void wr_journal_new_path(const struct wr_journal *journal, char *out)
{
    struct wr_buf path = wr_buf_fixed(out, WR_SEGMENT_PATH_MAX);
    wr_format(&path, "%s/%s%c", journal->directory, new_name, 0);
}

/* ── files that go ──────────────────────────────────────────────────────────────────────────── */
static void cut(const struct wr_port *port, const struct wr_journal_cut *one)
{
    const struct wr_port_disk *disk = &port->disk;
    if (one->cuts) { /* one that cannot be has more than it needs */
        disk->truncate(disk->context, one->file, one->size);
    }
    if (one->closes) {
        disk->close(disk->context, one->file);
    }
}

static struct wr_journal_cut take_ended(struct wr_journal *journal)
{
    journal->ended.is_open = false;
    return (struct wr_journal_cut){journal->ended.file, journal->ended.size, true, true};
}

void wr_journal_end_file(struct wr_journal *journal, struct wr_log *log)
{
    if (journal->ended.is_open) { /* none was synced since: segments are short here */
        struct wr_journal_cut one = take_ended(journal);
        cut(journal->port, &one);
    }
    journal->ended.is_open = true;
    journal->ended.size = log->end;
    journal->ended.file = wr_log_leave(log);
}

/* The directory, unless it was synced since the file lost its name: one that came back with the
 * power would lead to a part of the rows. */
static const char *unsaid(struct wr_journal *journal)
{
    bool is_said = journal->dropped.is_said;
    journal->dropped.is_said = true;
    return is_said ? NULL : journal->directory;
}

/* The next piece. A file that others have open, or a name of theirs leads to, stays whole: it only
 * is closed. */
static struct wr_journal_cut take_dropped(struct wr_journal *journal)
{
    struct wr_journal_gone *gone = &journal->dropped;
    gone->size -= gone->is_alone ? WR_MIN(gone->size, CUT_STEP) : gone->size;
    gone->is_open = gone->size != 0;
    return (struct wr_journal_cut){gone->file, gone->size, gone->is_alone, !gone->is_open};
}

enum wr_io wr_journal_drop_file(struct wr_journal *journal, const char *path)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    int32_t file;
    uint64_t size = 0;
    if (journal->dropped.is_open ||
        disk->open(disk->context, path, WR_DISK_WRITE, &file) != WR_IO_OK) {
        return disk->remove(disk->context, path);
    }
    enum wr_io io = disk->size(disk->context, file, &size);
    io = io != WR_IO_OK ? io : disk->remove(disk->context, path);
    if (io != WR_IO_OK) {
        disk->close(disk->context, file);
        return io;
    }
    bool is_alone = disk->is_alone != NULL && disk->is_alone(disk->context, file);
    journal->dropped = (struct wr_journal_gone){true, is_alone, false, file, size};
    return WR_IO_OK;
}

/* Of a file whose pieces another thread may be giving back now the handle stays. */
bool wr_journal_give_back(struct wr_journal *journal)
{
    struct wr_journal_gone *gone = &journal->dropped;
    if (!gone->is_open || gone->size == 0) {
        return false;
    }
    struct wr_journal_aside all = {.directory = unsaid(journal), .n_cuts = 1};
    all.cuts[0] = (struct wr_journal_cut){gone->file, 0, gone->is_alone, !gone->is_alone};
    gone->is_open = gone->is_alone;
    gone->size = 0;
    wr_journal_aside_do(journal->port, &all);
    return true;
}

bool wr_journal_is_dropping(const struct wr_journal *journal)
{
    return journal->dropped.is_open;
}

/* ── the file that comes ────────────────────────────────────────────────────────────────────── */
/* It is wanted soon when an eighth of the live segment is left. */
static bool wants_ahead(const struct wr_journal *journal)
{
    uint64_t n = journal->live.end - journal->live.begin;
    return !journal->has_ahead && !journal->no_ahead && journal->state == WR_JOURNAL_OK &&
           n >= journal->segment_max - journal->segment_max / 8;
}

static bool open_ahead(struct wr_journal *journal)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    char path[WR_SEGMENT_PATH_MAX];
    wr_journal_new_path(journal, path);
    journal->has_ahead = disk->open(disk->context, path, WR_DISK_WRITE | WR_DISK_CREATE,
                                    &journal->ahead) == WR_IO_OK;
    journal->no_ahead = !journal->has_ahead;
    return journal->has_ahead;
}

bool wr_journal_take_ahead(struct wr_journal *journal, int32_t *file)
{
    bool has = journal->has_ahead;
    *file = journal->ahead;
    journal->has_ahead = journal->no_ahead = false;
    return has;
}

/* ── beside a sync ──────────────────────────────────────────────────────────────────────────── */
bool wr_journal_has_aside(const struct wr_journal *journal)
{
    return journal->ended.is_open || journal->dropped.is_open || wants_ahead(journal);
}

void wr_journal_aside_begin(struct wr_journal *journal, struct wr_journal_aside *aside)
{
    *aside = (struct wr_journal_aside){0};
    if (journal->ended.is_open) {
        aside->cuts[aside->n_cuts++] = take_ended(journal);
    }
    if (journal->dropped.is_open) {
        aside->directory = unsaid(journal);
        aside->cuts[aside->n_cuts++] = take_dropped(journal);
    }
    if (wants_ahead(journal) && open_ahead(journal)) {
        aside->lays = true;
        aside->ahead = journal->ahead;
        aside->n_ahead = journal->live.begin;
    }
}

void wr_journal_aside_do(const struct wr_port *port, const struct wr_journal_aside *aside)
{
    const struct wr_port_disk *disk = &port->disk;
    if (aside->directory != NULL) {
        (void)disk->sync_directory(disk->context, aside->directory);
    }
    for (uint32_t i = 0; i < aside->n_cuts; i++) {
        cut(port, &aside->cuts[i]);
    }
    /* Not judged: what lacks here is found when the segment begins. */
    if (aside->lays && disk->truncate(disk->context, aside->ahead, 0) == WR_IO_OK &&
        wr_log_lay_front(port, aside->ahead, aside->n_ahead) == WR_IO_OK) {
        (void)disk->sync(disk->context, aside->ahead);
    }
}

void wr_journal_close_aside(struct wr_journal *journal)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    int32_t file;
    if (journal->ended.is_open) {
        struct wr_journal_cut one = take_ended(journal);
        cut(journal->port, &one);
    }
    if (journal->dropped.is_open) { /* it has no name any more: the system gives it back */
        disk->close(disk->context, journal->dropped.file);
        journal->dropped.is_open = false;
    }
    if (wr_journal_take_ahead(journal, &file)) {
        disk->close(disk->context, file);
    }
}
