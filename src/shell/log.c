/* SPDX-License-Identifier: Apache-2.0 */
/* See log.h. */
#include "shell/log.h"

#include "engine/record.h"

enum {
    ROW_HEAD = 64,
    MARK_EVERY = 1 << 16, /* bytes between two marks of the index */
    WINDOW = 1 << 17,     /* bytes read at once */
    MARKS_FIRST = 256,
    PLAIN_FIRST = 1 << 13, /* bytes for a row that is expanded; it grows */
    GATHER_FIRST = 2 * WR_LOG_GATHER,
    ROOM_MOST = GATHER_FIRST, /* bytes of each block of a room that another log gets */
    LAY_LEAST = 1 << 14,      /* zeros: a short log is laid ahead by its own length */
    LAY_FOR = 1 << 16,        /* bytes of a group: for larger ones zeros cost what they save */
    BLOCK = 1 << 12,          /* of file systems: what is laid ends with one */
};
/* Space is asked for in pieces, once a log is long: allocating it with the rows costs a third more.
 */
#define KEEP_FROM (16ull * 1024 * 1024)
#define KEEP      (4ull * 1024 * 1024)
static const uint8_t row_magic[4] = {'W', 'R', 'r', 'w'};

static uint64_t size_of_row(size_t payload_n)
{
    return ROW_HEAD + (((uint64_t)payload_n + 7) & ~(uint64_t)7);
}

/* ── memory ─────────────────────────────────────────────────────────────────────────────────── */
static bool grow(const struct wr_port *port, void *block, size_t *cap, size_t used, size_t size,
                 size_t least)
{
    const struct wr_memory *memory = &port->memory;
    size_t room = WR_MAX(*cap, least);
    void *before;
    memcpy(&before, block, sizeof before);
    if (*cap >= size) {
        return true;
    }
    while (room < size) {
        room *= 2;
    }
    void *grown = memory->take(memory->context, room);
    if (grown == NULL) {
        return false;
    }
    if (before != NULL) {
        memcpy(grown, before, used);
        memory->give(memory->context, before, *cap);
    }
    memcpy(block, &grown, sizeof grown);
    *cap = room;
    return true;
}

static void give(const struct wr_port *port, void *block, size_t size)
{
    if (block != NULL) {
        port->memory.give(port->memory.context, block, size);
    }
}

/* One block of a room: kept from a log that ends, unless a large row has made it large. */
static void trim(const struct wr_port *port, char **block, size_t *cap)
{
    if (*cap > ROOM_MOST) {
        give(port, *block, *cap);
        *block = NULL;
        *cap = 0;
    }
}

void wr_log_keep_room(struct wr_log *log, struct wr_log_room *room)
{
    const struct wr_port *port = log->port;
    wr_log_drop_room(port, room);
    *room = log->room;
    log->room = (struct wr_log_room){0};
    log->n_gathered = log->n_linked = log->n_window = 0;
    trim(port, &room->gathered, &room->cap_gathered);
    trim(port, &room->window, &room->cap_window);
    trim(port, &room->plain, &room->cap_plain);
}

void wr_log_use_room(struct wr_log *log, struct wr_log_room *room)
{
    WR_ASSERT(log->room.gathered == NULL && log->room.window == NULL && log->room.plain == NULL);
    log->room = *room;
    *room = (struct wr_log_room){0};
}

void wr_log_drop_room(const struct wr_port *port, struct wr_log_room *room)
{
    give(port, room->gathered, room->cap_gathered);
    give(port, room->window, room->cap_window);
    give(port, room->plain, room->cap_plain);
    *room = (struct wr_log_room){0};
}

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

static void mark(struct wr_log *log, uint64_t sequence, uint64_t offset)
{
    size_t at = log->n_marks; /* a walk from the first row may pass before what was marked first */
    if (at > 0 && offset < log->marks[at - 1].offset) {
        at = offset < log->marks[0].offset ? 0 : marks_until(log, offset);
    }
    if (at > 0 && offset < log->marks[at - 1].offset + MARK_EVERY) {
        return;
    }
    size_t size = log->n_marks * sizeof *log->marks, cap = log->cap_marks * sizeof *log->marks;
    if (grow(log->port, &log->marks, &cap, size, size + sizeof *log->marks,
             MARKS_FIRST * sizeof *log->marks)) {
        log->cap_marks = cap / sizeof *log->marks;
        memmove(log->marks + at + 1, log->marks + at, (log->n_marks - at) * sizeof *log->marks);
        log->marks[at] = (struct wr_log_mark){sequence, offset};
        log->n_marks++;
    } /* without room rows are still found, with a longer walk */
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
enum wr_io wr_log_name(struct wr_log *log, const char *path_new, const char *path)
{
    const struct wr_port_disk *disk = &log->port->disk;
    enum wr_io result = wr_log_write(log);
    result = result != WR_IO_OK ? result : wr_log_sync(log);
    return result != WR_IO_OK ? result : disk->rename(disk->context, path_new, path);
}

int32_t wr_log_leave(struct wr_log *log)
{
    const struct wr_port *port = log->port;
    int32_t file = log->file;
    wr_log_drop_room(port, &log->room);
    give(port, log->marks, log->cap_marks * sizeof *log->marks);
    wr_arena_deinit(&log->front);
    *log = (struct wr_log){0};
    return file;
}

enum wr_io wr_log_close(struct wr_log *log)
{
    const struct wr_port *port = log->port;
    if (port == NULL) {
        return WR_IO_OK;
    }
    if (log->kept != 0 || log->laid > log->end) {
        port->disk.truncate(port->disk.context, log->file, log->end);
    }
    return port->disk.close(port->disk.context, wr_log_leave(log));
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
    if (offset + n > log->end ||
        !grow(log->port, &log->room.window, &log->room.cap_window, 0, want, (size_t)WINDOW)) {
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
        .next = offset + size_of_row(n),
        .synced = wr_get64(p + 16),
    };
    out->payload.n = n;
    return memcmp(p, row_magic, sizeof row_magic) == 0 && n <= WR_LIMIT_RECORD_SIZE &&
           out->next <= limit && out->synced <= offset;
}

bool wr_log_row_at(struct wr_log *log, uint64_t offset, struct wr_log_row *out)
{
    const char *head = bytes_at(log, offset, ROW_HEAD);
    if (head == NULL || !read_row_head(head, offset, log->end, out) || out->payload.n == 0) {
        return false;
    }
    const char *row = bytes_at(log, offset, (size_t)(out->next - offset));
    if (row == NULL) {
        return false;
    }
    out->link = wr_str_of(row + 24, 32);
    out->payload.p = row + ROW_HEAD;
    return true;
}

bool wr_log_next(struct wr_log *log, uint64_t offset, struct wr_log_row *out)
{
    bool found = wr_log_row_at(log, offset, out);
    if (found) {
        mark(log, out->sequence, offset);
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
            out->payload.p = row + ROW_HEAD;
            return true;
        }
        at += size_of_row(out->payload.n);
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
    if (!grow(log->port, &log->room.plain, &log->room.cap_plain, 0, n, PLAIN_FIRST)) {
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
    for (uint64_t at = (gap + 7) & ~(uint64_t)7; at + ROW_HEAD <= log->end; at += 8) {
        const char *bytes = bytes_at(log, at, ROW_HEAD);
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
    const char *bytes = bytes_at(log, at, ROW_HEAD);
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
        mark(log, row.sequence, at);
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

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */
enum wr_io wr_log_add(struct wr_log *log, struct wr_str payload)
{
    size_t size = (size_t)size_of_row(payload.n), at = log->n_gathered;
    if (!grow(log->port, &log->room.gathered, &log->room.cap_gathered, at, at + size,
              GATHER_FIRST)) {
        return WR_IO_LIMIT;
    }
    uint8_t *row = (uint8_t *)log->room.gathered + at;
    memcpy(row, row_magic, sizeof row_magic);
    wr_put32(row + 4, (uint32_t)payload.n);
    wr_put64(row + 8, log->next);
    memset(row + 16, 0, ROW_HEAD - 16);
    memcpy(row + ROW_HEAD, payload.p, payload.n);
    memset(row + ROW_HEAD + payload.n, 0, size - ROW_HEAD - payload.n);
    log->n_gathered += size;
    log->next++;
    return WR_IO_OK;
}

/* Finishes the first of the gathered rows that have no link. */
static void finish_row(struct wr_log *log, const uint8_t link[32])
{
    uint8_t *row = (uint8_t *)log->room.gathered + log->n_linked;
    memcpy(row + 24, link, 32);
    wr_put64(row + 16, log->synced);
    mark(log, wr_get64(row + 8), log->end + log->n_linked);
    log->n_linked += (size_t)size_of_row(wr_get32(row + 4));
}

enum wr_io wr_log_copy(struct wr_log *log, const struct wr_log_row *row)
{
    WR_ASSERT(log->n_linked == log->n_gathered && log->next == row->sequence);
    enum wr_io io = wr_log_add(log, row->payload);
    if (io == WR_IO_OK) {
        finish_row(log, (const uint8_t *)row->link.p);
    }
    return io;
}

void wr_log_link(struct wr_log *log, uint8_t link[32])
{
    enum { TOGETHER = 16 };
    while (log->n_linked < log->n_gathered) { /* digests are made together, links one by one */
        const void *payloads[TOGETHER];
        size_t n[TOGETHER], count = 0, at = log->n_linked;
        uint8_t digests[TOGETHER][32];
        for (; count < TOGETHER && at < log->n_gathered; count++) {
            const uint8_t *row = (const uint8_t *)log->room.gathered + at;
            n[count] = wr_get32(row + 4);
            payloads[count] = row + ROW_HEAD;
            at += (size_t)size_of_row((uint32_t)n[count]);
        }
        wr_sha256_several(payloads, n, digests, count);
        for (size_t i = 0; i < count; i++) {
            const char *row = log->room.gathered + log->n_linked;
            wr_record_link(link, digests[i], wr_get64(row + 8));
            finish_row(log, link);
        }
    }
}

/* Is a log laid ahead for groups of n bytes? */
static bool lays_for(const struct wr_log *log, size_t n)
{
    return log->lays && n <= LAY_FOR;
}

/* Has the system keep space for the n bytes that come and more, in large pieces; a log that is laid
 * ahead has it. */
static void keep_space(struct wr_log *log, size_t n)
{
    const struct wr_port_disk *disk = &log->port->disk;
    if (disk->reserve != NULL && !lays_for(log, n) && log->end >= KEEP_FROM &&
        log->end + n > log->kept) {
        log->kept = log->end + n + KEEP;
        disk->reserve(disk->context, log->file, log->end, n + KEEP);
    }
}

/* A disk without room for zeros may have room for rows. */
void wr_log_lay(struct wr_log *log, size_t n)
{
    static uint8_t zeros[WR_LOG_LAY];
    const struct wr_port_disk *disk = &log->port->disk;
    if (!lays_for(log, n) || log->end < log->laid) {
        return;
    }
    uint64_t most = WR_MIN(WR_MAX(log->end, (uint64_t)LAY_LEAST), (uint64_t)WR_LOG_LAY);
    uint64_t until = (log->end + most) / BLOCK * BLOCK;
    log->lays = disk->write_at(disk->context, log->file, zeros, (size_t)(until - log->end),
                               log->end) == WR_IO_OK;
    log->laid = until;
}

enum wr_io wr_log_write(struct wr_log *log)
{
    const struct wr_port_disk *disk = &log->port->disk;
    WR_ASSERT(log->n_linked == log->n_gathered);
    if (log->n_gathered == 0) {
        return WR_IO_OK;
    }
    size_t n = log->n_gathered;
    keep_space(log, n);
    enum wr_io result = disk->write_at(disk->context, log->file, log->room.gathered, n, log->end);
    if (result == WR_IO_OK) {
        log->end += n;
        log->n_gathered = log->n_linked = 0;
        wr_log_lay(log, n);
    }
    return result;
}

enum wr_io wr_log_cut(struct wr_log *log)
{
    const struct wr_port_disk *disk = &log->port->disk;
    if (log->n_gathered > 0) {
        log->next = wr_get64((const uint8_t *)log->room.gathered + 8);
    }
    log->n_gathered = log->n_linked = 0;
    log->kept = log->laid = 0;
    return disk->truncate(disk->context, log->file, log->end);
}

enum wr_io wr_log_seal(struct wr_log *log)
{
    const struct wr_port_disk *disk = &log->port->disk;
    uint8_t head[ROW_HEAD] = {0};
    memcpy(head, row_magic, sizeof row_magic);
    wr_put64(head + 8, log->next);
    wr_put64(head + 16, log->synced);
    if (log->synced != log->end || log->n_gathered != 0) {
        return WR_IO_OK;
    }
    enum wr_io result = disk->write_at(disk->context, log->file, head, sizeof head, log->end);
    log->end += result == WR_IO_OK ? sizeof head : 0;
    return result;
}

enum wr_io wr_log_sync(struct wr_log *log)
{
    const struct wr_port_disk *disk = &log->port->disk;
    uint64_t written = log->end;
    enum wr_io result = disk->sync(disk->context, log->file);
    if (result == WR_IO_OK) {
        log->synced = written;
    }
    return result;
}
