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
    disk->truncate(disk->context, one->file,
                   one->size); /* one that cannot has more than it needs */
    if (one->closes) {
        disk->close(disk->context, one->file);
    }
}

void wr_journal_end_file(struct wr_journal *journal, struct wr_log *log)
{
    if (journal->ended.is_open) { /* none was synced since: segments are short here */
        cut(journal->port,
            &(struct wr_journal_cut){journal->ended.file, journal->ended.size, true});
    }
    journal->ended.is_open = true;
    journal->ended.size = log->end;
    journal->ended.file = wr_log_leave(log);
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
    journal->dropped.is_open = true;
    journal->dropped.file = file;
    journal->dropped.size = size;
    return WR_IO_OK;
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
        journal->ended.is_open = false;
        aside->cuts[aside->n_cuts++] =
            (struct wr_journal_cut){journal->ended.file, journal->ended.size, true};
    }
    if (journal->dropped.is_open) {
        journal->dropped.size -= WR_MIN(journal->dropped.size, CUT_STEP);
        journal->dropped.is_open = journal->dropped.size != 0;
        aside->cuts[aside->n_cuts++] = (struct wr_journal_cut){
            journal->dropped.file, journal->dropped.size, journal->dropped.size == 0};
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
        cut(journal->port,
            &(struct wr_journal_cut){journal->ended.file, journal->ended.size, true});
    }
    if (journal->dropped.is_open) { /* it has no name any more: the system gives it back */
        disk->close(disk->context, journal->dropped.file);
    }
    if (wr_journal_take_ahead(journal, &file)) {
        disk->close(disk->context, file);
    }
    journal->ended.is_open = journal->dropped.is_open = false;
}
