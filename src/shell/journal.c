/* SPDX-License-Identifier: Apache-2.0 */
/* See journal.h: rows are appended, committed, synced. The segments are a sorted list; the last one
 * is a log that is open to append, of the others at most one is open to read. */
#include "shell/journal_in.h"

/* ── what it is ─────────────────────────────────────────────────────────────────────────────── */
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

bool wr_journal_lacks_room(const struct wr_journal *journal)
{
    return journal->state != WR_JOURNAL_OK && journal->lacks_room;
}

uint64_t wr_journal_n_segments(const struct wr_journal *journal)
{
    return journal->n_segments;
}

uint64_t wr_journal_log_size(const struct wr_journal *journal)
{
    return journal->live.end;
}

/* ── trouble ────────────────────────────────────────────────────────────────────────────────── */
/* After an error of the live segment: what was not committed is gone. */
wr_err wr_journal_trouble(struct wr_journal *journal, enum wr_io io, const char *what,
                          struct wr_error *error)
{
    journal->last = journal->last_committed;
    journal->lacks_room = io == WR_IO_FULL;
    journal->state = io == WR_IO_FULL ? WR_JOURNAL_FULL : WR_JOURNAL_BROKEN;
    return wr_fail(error, WR_E_JOURNAL, "%s failed: %s", what, wr_io_text(io));
}

/* Whatever it failed for, and also after a write that found no space: what the log had is not known
 * to be on the medium, so it may not be sealed. */
wr_err wr_journal_failed_sync(struct wr_journal *journal, enum wr_io io, const char *what,
                              struct wr_error *error)
{
    wr_err err = wr_journal_trouble(journal, io, what, error);
    journal->state = WR_JOURNAL_BROKEN;
    return err;
}

wr_err wr_journal_not_open(struct wr_error *error)
{
    return wr_fail(error, WR_E_JOURNAL, "the journal is not open for rows");
}

/* ── appending ──────────────────────────────────────────────────────────────────────────────── */
static wr_err write_gathered(struct wr_journal *journal, const char *what, struct wr_error *error)
{
    wr_log_link(&journal->live, journal->link);
    enum wr_io io = wr_log_write(&journal->live);
    if (io == WR_IO_FULL && wr_journal_give_back(journal)) {
        io = wr_log_write(&journal->live);
    }
    return io == WR_IO_OK ? WR_OK : wr_journal_trouble(journal, io, what, error);
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
        return wr_journal_trouble(journal, io, "appending a row", error);
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

/* ── syncing ────────────────────────────────────────────────────────────────────────────────── */
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
    if (result != WR_IO_OK) {
        return wr_journal_failed_sync(journal, result, "syncing", error);
    }
    if (journal->state != WR_JOURNAL_OK) {
        return wr_journal_not_open(error);
    }
    WR_ASSERT(journal->live.file == sync->file && sync->end >= journal->live.synced);
    journal->live.synced = sync->end;
    journal->unnamed = journal->unnamed && sync->directory == NULL;
    return WR_OK;
}

uint64_t wr_journal_unsynced(const struct wr_journal *journal)
{
    return journal->live.end - journal->live.synced;
}
