/* SPDX-License-Identifier: Apache-2.0 */
/* See journal.h: how much of the newest segments the system holds in memory. What lies further back
 * than WR_LIMIT_JOURNAL_CACHED is let go piece by piece, each with a sync. The segment before the
 * live one stays open for that until nothing of it is left. */
#include "shell/journal_in.h"

#define PIECE (1ull << 20) /* whole ones, so that no run of pages that the system holds is cut */

void wr_journal_close_left(struct wr_journal *journal)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    if (journal->left.is_open) {
        disk->close(disk->context, journal->left.file);
        journal->left.is_open = false;
    }
}

void wr_journal_leave(struct wr_journal *journal, size_t index, uint64_t from, uint64_t end)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    char path[WR_SEGMENT_PATH_MAX];
    if (disk->uncache == NULL) {
        return;
    }
    if (journal->left.is_open) { /* its end has not been reached: segments are short here */
        uint64_t n = journal->left.end - journal->left.from;
        disk->uncache(disk->context, journal->left.file, journal->left.from, n);
        wr_journal_close_left(journal);
    }
    wr_journal_segment_path(journal, journal->segments[index], path);
    journal->left.from = from;
    journal->left.end = (end + PIECE - 1) & ~(PIECE - 1);
    journal->left.is_open =
        disk->open(disk->context, path, WR_DISK_READ, &journal->left.file) == WR_IO_OK;
}

/* How many whole pieces of n bytes in memory may go, when `all` bytes are. */
static uint64_t excess(uint64_t all, uint64_t n)
{
    uint64_t over = all > WR_LIMIT_JOURNAL_CACHED ? all - WR_LIMIT_JOURNAL_CACHED : 0;
    over = WR_MIN(WR_MIN(over, n), (uint64_t)WR_LIMIT_JOURNAL_UNCACHE_STEP);
    return over & ~(PIECE - 1);
}

void wr_journal_take_stale(struct wr_journal *journal, struct wr_journal_sync *sync)
{
    uint64_t live = journal->live.synced - WR_MIN(journal->live_from, journal->live.synced);
    uint64_t left = 0;
    sync->stale.n = 0;
    if (journal->port->disk.uncache == NULL) {
        return;
    }
    if (journal->left.is_open && journal->left.from >= journal->left.end) {
        wr_journal_close_left(journal); /* the last piece went with the sync before */
    }
    left = journal->left.is_open ? journal->left.end - journal->left.from : 0;
    sync->stale.file = left != 0 ? journal->left.file : journal->live.file;
    sync->stale.from = left != 0 ? journal->left.from : journal->live_from;
    sync->stale.n = excess(left + live, left != 0 ? left : live);
    if (left != 0) {
        journal->left.from += sync->stale.n;
    } else {
        journal->live_from += sync->stale.n;
    }
}

enum wr_io wr_journal_sync_do(const struct wr_port *port, const struct wr_journal_sync *sync)
{
    const struct wr_port_disk *disk = &port->disk;
    if (sync->stale.n != 0) {
        disk->uncache(disk->context, sync->stale.file, sync->stale.from, sync->stale.n);
    }
    enum wr_io io = disk->sync(disk->context, sync->file);
    return io == WR_IO_OK && sync->directory != NULL
               ? disk->sync_directory(disk->context, sync->directory)
               : io;
}
