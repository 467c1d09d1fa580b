/* SPDX-License-Identifier: Apache-2.0 */
/* See log.h: rows by place and sequence, the index that finds them, and where a log ends. */
#include "shell/log_in.h"

#include "engine/record.h"

enum {
    MARK_EVERY = 1 << 16,  /* bytes between two marks of the index */
    WINDOW = 1 << 17,      /* bytes read at once */
    MARKS_FIRST = 16,      /* of a short segment, as each change of packs begins one */
    PLAIN_FIRST = 1 << 13, /* bytes for a row that is expanded; it grows */
};

/* ── the index ──────────────────────────────────────────────────────────────────────────────── */
/* How many marks lie at or before an offset. */
static size_t marks_until(const struct wr_log *log, uint64_t offset)
{
    size_t low = 0, high = log->n_marks;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->marks[middle].offset <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void wr_log_mark_row(struct wr_log *log, uint64_t sequence, uint64_t offset)
{
    size_t at = log->n_marks; /* a walk from the first row may pass before what was marked first */
    if (at > 0 && offset < log->marks[at - 1].offset) {
        at = offset < log->marks[0].offset ? 0 : marks_until(log, offset);
    }
    if (at > 0 && offset < log->marks[at - 1].offset + MARK_EVERY) {
        return;
    }
    size_t size = log->n_marks * sizeof *log->marks, cap = log->cap_marks * sizeof *log->marks;
    if (wr_log_grow(log->port, &log->marks, &cap, size, size + sizeof *log->marks,
                    MARKS_FIRST * sizeof *log->marks)) {
        log->cap_marks = cap / sizeof *log->marks;
        memmove(log->marks + at + 1, log->marks + at, (log->n_marks - at) * sizeof *log->marks);
        log->marks[at] = (struct wr_log_mark){sequence, offset};
        log->n_marks++;
    } /* without room rows are still found, with a longer walk */
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
/* n bytes at an offset, or NULL when the file has not so many. */
static const char *bytes_at(struct wr_log *log, uint64_t offset, size_t n)
{
    const struct wr_port_disk *disk = &log->port->disk;
    if (offset >= log->window_at && offset + n <= log->window_at + log->n_window) {
        return log->room.window + (offset - log->window_at);
    }
    size_t want = WR_MAX(n, (size_t)WINDOW);
    if (offset + n > log->end || !wr_log_grow(log->port, &log->room.window, &log->room.cap_window,
                                              0, want, (size_t)WINDOW)) {
        return NULL;
    }
    want = (size_t)WR_MIN((uint64_t)want, log->end - offset);
    log->n_window = 0;
    log->window_at = offset;
    enum wr_io result =
        disk->read_at(disk->context, log->file, log->room.window, want, offset, &log->n_window);
    return result == WR_IO_OK && log->n_window >= n ? log->room.window : NULL;
}

static bool read_row_head(const char *bytes, uint64_t offset, uint64_t limit,
                          struct wr_log_row *out)
{
    const uint8_t *p = (const uint8_t *)bytes;
    uint32_t n = wr_get32(p + 4);
    *out = (struct wr_log_row){
        .sequence = wr_get64(p + 8),
        .offset = offset,
        .next = offset + wr_log_row_size(n),
        .synced = wr_get64(p + 16),
    };
    out->payload.n = n;
    return memcmp(p, wr_log_row_magic, sizeof wr_log_row_magic) == 0 && n <= WR_LIMIT_RECORD_SIZE &&
           out->next <= limit && out->synced <= offset;
}

bool wr_log_row_at(struct wr_log *log, uint64_t offset, struct wr_log_row *out)
{
    const char *head = bytes_at(log, offset, WR_LOG_ROW_HEAD);
    if (head == NULL || !read_row_head(head, offset, log->end, out) || out->payload.n == 0) {
        return false;
    }
    const char *row = bytes_at(log, offset, (size_t)(out->next - offset));
    if (row == NULL) {
        return false;
    }
    out->link = wr_str_of(row + 24, 32);
    out->payload.p = row + WR_LOG_ROW_HEAD;
    return true;
}

bool wr_log_next(struct wr_log *log, uint64_t offset, struct wr_log_row *out)
{
    bool found = wr_log_row_at(log, offset, out);
    if (found) {
        wr_log_mark_row(log, out->sequence, offset);
    }
    return found;
}

static bool find_gathered(const struct wr_log *log, uint64_t sequence, struct wr_log_row *out)
{
    for (size_t at = 0; at < log->n_gathered;) {
        const char *row = log->room.gathered + at;
        if (!read_row_head(row, log->end + at, UINT64_MAX, out)) {
            return false;
        }
        if (out->sequence == sequence) {
            out->link = wr_str_of(row + 24, 32);
            out->payload.p = row + WR_LOG_ROW_HEAD;
            return true;
        }
        at += wr_log_row_size(out->payload.n);
    }
    return false;
}

bool wr_log_find(struct wr_log *log, uint64_t sequence, struct wr_log_row *out)
{
    size_t low = 0, high = log->n_marks;
    if (sequence < log->first || sequence >= log->next) {
        return false;
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (log->marks[middle].sequence <= sequence) {
            low = middle;
        } else {
            high = middle;
        }
    }
    bool marked = log->n_marks > 0 && log->marks[low].sequence <= sequence;
    uint64_t offset = marked ? log->marks[low].offset : log->begin;
    while (wr_log_next(log, offset, out)) {
        if (out->sequence == sequence) {
            return true;
        }
        offset = out->next;
    }
    return find_gathered(log, sequence, out);
}

wr_err wr_log_plain(struct wr_log *log, const struct wr_log_row *row, struct wr_str *out,
                    struct wr_error *error)
{
    *out = row->payload;
    if (!wr_is_condensed(row->payload)) {
        return WR_OK;
    }
    size_t n = wr_expanded_size(row->payload, WR_LIMIT_RECORD_SIZE);
    wr_err err = WR_OK;
    if (!wr_log_grow(log->port, &log->room.plain, &log->room.cap_plain, 0, n, PLAIN_FIRST)) {
        err = wr_fail(error, WR_E_MEMORY, "no memory for a row");
    }
    err = err != WR_OK ? err : wr_expand(&log->phrases, row->payload, log->room.plain, n, error);
    if (err == WR_E_JOURNAL) {
        err = wr_fail(error, WR_E_JOURNAL,
                      "row %llu: damaged, it does not expand by its segment's table of phrases",
                      (unsigned long long)row->sequence);
    }
    *out = err == WR_OK ? wr_str_of(log->room.plain, n) : (struct wr_str){NULL, 0};
    return err;
}

/* ── the end of a log ───────────────────────────────────────────────────────────────────────── */
/* Rows behind a gap that say the gap was synced: then it is damage, not the end. */
static bool is_damage(struct wr_log *log, uint64_t gap, uint64_t sequence)
{
    struct wr_log_row row;
    for (uint64_t at = (gap + 7) & ~(uint64_t)7; at + WR_LOG_ROW_HEAD <= log->end; at += 8) {
        const char *bytes = bytes_at(log, at, WR_LOG_ROW_HEAD);
        if (bytes != NULL && bytes[0] != 0 && read_row_head(bytes, at, UINT64_MAX, &row) &&
            row.sequence > sequence && row.synced > gap) {
            return true;
        }
    }
    return false;
}

/* Where a log was sealed, all before is synced. */
static bool is_seal(struct wr_log *log, uint64_t at)
{
    struct wr_log_row row;
    const char *bytes = bytes_at(log, at, WR_LOG_ROW_HEAD);
    return bytes != NULL && read_row_head(bytes, at, log->end, &row) && row.payload.n == 0 &&
           row.sequence == log->next && row.synced == at;
}

static bool check_link(uint8_t link[32], const struct wr_log_row *row)
{
    uint8_t digest[32];
    wr_sha256_of(row->payload.p, row->payload.n, digest);
    wr_record_link(link, digest, row->sequence);
    return memcmp(link, row->link.p, 32) == 0;
}

static wr_err damaged(uint64_t sequence, struct wr_error *error)
{
    return wr_fail(error, WR_E_JOURNAL, "row %llu: damaged, and later ones were kept",
                   (unsigned long long)sequence);
}

static bool is_there(struct wr_log *log, const struct wr_row_place *place)
{
    struct wr_log_row row;
    return place != NULL && place->segment == log->first && place->offset >= log->begin &&
           place->offset < log->end && wr_log_row_at(log, place->offset, &row) &&
           row.sequence == place->sequence && memcmp(row.link.p, place->link, 32) == 0;
}

/* Walks from a row over all that look whole; returns where the last of them ends, and in `synced`
 * how much they say is on the medium. */
static uint64_t walk(struct wr_log *log, uint64_t at, uint64_t *synced)
{
    struct wr_log_row row;
    for (; wr_log_row_at(log, at, &row) && row.sequence == log->next; log->next++) {
        wr_log_mark_row(log, row.sequence, at);
        *synced = WR_MAX(*synced, row.synced);
        at = row.next;
    }
    *synced = is_seal(log, at) ? at : *synced;
    return at;
}

wr_err wr_log_scan(struct wr_log *log, const uint8_t before[32], const struct wr_row_place *start,
                   struct wr_error *error)
{
    struct wr_log_row row;
    uint8_t link[32];
    bool known = is_there(log, start);
    uint64_t from = known ? start->offset : log->begin;
    uint64_t synced = known ? from + 1 : log->begin; /* the row at the start is */
    memcpy(link, before, sizeof link);
    log->next = known ? start->sequence : log->first;
    uint64_t doubtful = from, sequence = log->next, end = walk(log, from, &synced);
    if (is_damage(log, end, log->next) || synced > end) {
        return damaged(log->next, error);
    }
    /* What lies behind `synced` has to prove itself; the last mark before it shortens the way. */
    for (size_t i = log->n_marks; i > 0 && doubtful == from; i--) {
        if (log->marks[i - 1].offset < synced) {
            doubtful = log->marks[i - 1].offset;
            sequence = log->marks[i - 1].sequence;
        }
    }
    for (; doubtful < synced && wr_log_row_at(log, doubtful, &row); doubtful = row.next) {
        memcpy(link, row.link.p, sizeof link);
        sequence = row.sequence + 1;
    }
    log->synced = doubtful;
    for (; doubtful < end && wr_log_row_at(log, doubtful, &row); doubtful = row.next) {
        if (!check_link(link, &row)) {
            break;
        }
        sequence = row.sequence + 1;
    }
    if (doubtful != end && is_damage(log, doubtful, sequence)) {
        return damaged(sequence, error);
    }
    log->end = doubtful;
    log->next = sequence;
    while (log->n_marks > 0 && log->marks[log->n_marks - 1].offset >= log->end) {
        log->n_marks--;
    }
    return WR_OK;
}
