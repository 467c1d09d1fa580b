/* SPDX-License-Identifier: Apache-2.0 */
/* See log.h: the life of a log, its memory, and rows that are gathered and written. */
#include "shell/log_in.h"

#include "engine/record.h"

enum {
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

/* ── memory ─────────────────────────────────────────────────────────────────────────────────── */
bool wr_log_grow(const struct wr_port *port, void *block, size_t *cap, size_t used, size_t size,
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

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */
enum wr_io wr_log_add(struct wr_log *log, struct wr_str payload)
{
    size_t size = (size_t)wr_log_row_size(payload.n), at = log->n_gathered;
    if (!wr_log_grow(log->port, &log->room.gathered, &log->room.cap_gathered, at, at + size,
                     GATHER_FIRST)) {
        return WR_IO_LIMIT;
    }
    uint8_t *row = (uint8_t *)log->room.gathered + at;
    memcpy(row, wr_log_row_magic, sizeof wr_log_row_magic);
    wr_put32(row + 4, (uint32_t)payload.n);
    wr_put64(row + 8, log->next);
    memset(row + 16, 0, WR_LOG_ROW_HEAD - 16);
    memcpy(row + WR_LOG_ROW_HEAD, payload.p, payload.n);
    memset(row + WR_LOG_ROW_HEAD + payload.n, 0, size - WR_LOG_ROW_HEAD - payload.n);
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
    wr_log_mark_row(log, wr_get64(row + 8), log->end + log->n_linked);
    log->n_linked += (size_t)wr_log_row_size(wr_get32(row + 4));
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
            payloads[count] = row + WR_LOG_ROW_HEAD;
            at += (size_t)wr_log_row_size((uint32_t)n[count]);
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
    uint8_t head[WR_LOG_ROW_HEAD] = {0};
    memcpy(head, wr_log_row_magic, sizeof wr_log_row_magic);
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
