/* SPDX-License-Identifier: Apache-2.0 */
/* See journal.h: the list of segments, sorted by their first sequences. It grows at its end, and at
 * its beginning retention drops what need not be kept. */
#include "shell/journal_in.h"

enum { NAME_DIGITS = 16 };

/* ── names ──────────────────────────────────────────────────────────────────────────────────── */
void wr_journal_path(const struct wr_journal *journal, const char *name, char *out)
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

/* ── the list ───────────────────────────────────────────────────────────────────────────────── */
/* One that has taken the place of an empty one counts once. */
bool wr_journal_add_segment(struct wr_journal *journal, struct wr_segment_ref ref)
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
    if (parse_name(name, &ref) && !wr_journal_add_segment(listing->journal, ref)) {
        listing->failed = true;
    }
    return !listing->failed;
}

/* Adds those that the directory has. */
enum wr_io wr_journal_list(struct wr_journal *journal)
{
    const struct wr_port_disk *disk = &journal->port->disk;
    struct listing listing = {journal, false};
    enum wr_io io = disk->list(disk->context, journal->directory, list_one, &listing);
    return io == WR_IO_OK && listing.failed ? WR_IO_LIMIT : io;
}

/* ── their indexes ──────────────────────────────────────────────────────────────────────────── */
void wr_journal_drop_marks(const struct wr_port *port, struct wr_segment_ref *ref)
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
    wr_journal_drop_marks(log->port, ref); /* of the log's earlier life, when it was the live one */
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
    wr_journal_drop_marks(journal->port, &journal->segments[0]);
    journal->n_segments--;
    memmove(journal->segments, journal->segments + 1,
            journal->n_segments * sizeof *journal->segments);
    return true;
}
