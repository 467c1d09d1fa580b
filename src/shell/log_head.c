/* SPDX-License-Identifier: Apache-2.0 */
/* See log.h: what stands before the rows of a log, the head and the table of phrases. */
#include "shell/log.h"

enum {
    HEAD = 128,
    HEAD_SUMMED = 96,
    AT_TABLE_SIZE = 20,
    SUM = 32,
    VERSION_PLAIN = 2, /* had no table */
    VERSION = 3,
    BLOCK = 1 << 12, /* of file systems */
};
#define FRONT_CAP ((size_t)1 << 20) /* table, phrases, and what the arena wants */

static const uint8_t magic[7] = {'W', 'E', 'I', 'R', 'L', 'O', 'G'};

/* Bytes before the first row. */
static size_t front_size(size_t table_n)
{
    return table_n == 0 ? HEAD : HEAD + SUM + ((table_n + 7) & ~(size_t)7);
}

static void write_head(uint8_t head[HEAD], const struct wr_segment_meta *meta, size_t table_n)
{
    memset(head, 0, HEAD);
    memcpy(head, magic, sizeof magic);
    head[sizeof magic] = VERSION;
    wr_put64(head + 8, meta->node);
    wr_put32(head + 16, meta->epoch);
    wr_put32(head + AT_TABLE_SIZE, (uint32_t)table_n);
    for (int i = 0; i < 2; i++) {
        wr_put64(head + 24 + 16 * i, meta->keys[i].k0);
        wr_put64(head + 32 + 16 * i, meta->keys[i].k1);
    }
    wr_put64(head + 56, meta->first);
    memcpy(head + 64, meta->link, 32);
    wr_sha256_of(head, HEAD_SUMMED, head + HEAD_SUMMED);
}

static bool read_head(const uint8_t head[HEAD], struct wr_segment_meta *meta, size_t *table_n)
{
    uint8_t sum[SUM], version = head[sizeof magic];
    wr_sha256_of(head, HEAD_SUMMED, sum);
    if (memcmp(head, magic, sizeof magic) != 0 ||
        memcmp(sum, head + HEAD_SUMMED, sizeof sum) != 0 ||
        (version != VERSION && version != VERSION_PLAIN)) {
        return false;
    }
    *meta = (struct wr_segment_meta){
        .node = wr_get64(head + 8), .epoch = wr_get32(head + 16), .first = wr_get64(head + 56)};
    for (int i = 0; i < 2; i++) {
        meta->keys[i].k0 = wr_get64(head + 24 + 16 * i);
        meta->keys[i].k1 = wr_get64(head + 32 + 16 * i);
    }
    memcpy(meta->link, head + 64, 32);
    *table_n = version == VERSION ? wr_get32(head + AT_TABLE_SIZE) : 0;
    return meta->first != 0 && *table_n <= WR_LIMIT_PHRASE_TABLE;
}

/* Room for all that stands before the first row, from the log's own memory. */
static uint8_t *take_front(struct wr_log *log, size_t table_n)
{
    wr_arena_init(&log->front, &log->port->memory, FRONT_CAP);
    return wr_arena_alloc(&log->front, front_size(table_n), 8);
}

/* The log's own view of a table that stands in its front. */
static enum wr_io use_table(struct wr_log *log, const uint8_t *front, size_t table_n)
{
    struct wr_error error;
    log->table = wr_str_of((const char *)front + HEAD + SUM, table_n);
    wr_err err = wr_phrases_read(&log->front, log->table, &log->phrases, &error);
    return err == WR_OK ? WR_IO_OK : err == WR_E_MEMORY ? WR_IO_LIMIT : WR_IO_INVALID;
}

static enum wr_io write_front(struct wr_log *log, const struct wr_segment_meta *meta,
                              struct wr_str table)
{
    const struct wr_port_disk *disk = &log->port->disk;
    uint8_t head[HEAD], *front = head;
    if (table.n != 0) {
        front = take_front(log, table.n);
        if (front == NULL) {
            return WR_IO_LIMIT;
        }
        memset(front, 0, (size_t)log->begin);
        wr_sha256_of(table.p, table.n, front + HEAD);
        memcpy(front + HEAD + SUM, table.p, table.n);
        enum wr_io result = use_table(log, front, table.n);
        if (result != WR_IO_OK) {
            return result;
        }
    }
    write_head(front, meta, table.n);
    return disk->write_at(disk->context, log->file, front, (size_t)log->begin, 0);
}

/* Under its name for now, empty. */
static enum wr_io open_new(const struct wr_port *port, const char *path_new, struct wr_log *out)
{
    const struct wr_port_disk *disk = &port->disk;
    enum wr_io result =
        disk->open(disk->context, path_new, WR_DISK_WRITE | WR_DISK_CREATE, &out->file);
    if (result != WR_IO_OK) {
        return result;
    }
    out->port = port;
    return disk->truncate(disk->context, out->file, 0);
}

enum wr_io wr_log_create(const struct wr_port *port, const char *path_new, const int32_t *ahead,
                         const struct wr_segment_meta *meta, struct wr_str table,
                         struct wr_log *out)
{
    *out = (struct wr_log){.first = meta->first, .next = meta->first};
    enum wr_io result = WR_IO_OK;
    if (ahead != NULL) {
        out->port = port;
        out->file = *ahead;
    } else {
        result = open_new(port, path_new, out);
    }
    out->begin = out->end = front_size(table.n);
    if (table.n > WR_LIMIT_PHRASE_TABLE) {
        result = WR_IO_INVALID;
    }
    return result != WR_IO_OK ? result : write_front(out, meta, table);
}

enum wr_io wr_log_lay_front(const struct wr_port *port, int32_t file, uint64_t n)
{
    static const uint8_t zeros[BLOCK];
    const struct wr_port_disk *disk = &port->disk;
    enum wr_io result = WR_IO_OK;
    for (uint64_t at = 0; at < n && result == WR_IO_OK; at += BLOCK) {
        result = disk->write_at(disk->context, file, zeros, BLOCK, at);
    }
    return result;
}

/* The table behind the head, when it is whole. */
static enum wr_io read_table(struct wr_log *log, size_t table_n)
{
    const struct wr_port_disk *disk = &log->port->disk;
    uint8_t sum[SUM], *front = take_front(log, table_n);
    size_t n = front_size(table_n) - HEAD, got = 0;
    if (front == NULL) {
        return WR_IO_LIMIT;
    }
    enum wr_io result = disk->read_at(disk->context, log->file, front + HEAD, n, HEAD, &got);
    if (result != WR_IO_OK) {
        return result;
    }
    if (got == n) {
        wr_sha256_of(front + HEAD + SUM, table_n, sum);
    }
    return got == n && memcmp(sum, front + HEAD, sizeof sum) == 0 ? use_table(log, front, table_n)
                                                                  : WR_IO_INVALID;
}

enum wr_io wr_log_open(const struct wr_port *port, const char *path, struct wr_log *out,
                       struct wr_segment_meta *meta)
{
    const struct wr_port_disk *disk = &port->disk;
    uint8_t head[HEAD];
    size_t got = 0, table_n = 0;
    *out = (struct wr_log){0};
    enum wr_io result = disk->open(disk->context, path, WR_DISK_READ, &out->file);
    if (result != WR_IO_OK) {
        return result;
    }
    out->port = port;
    result = disk->read_at(disk->context, out->file, head, HEAD, 0, &got);
    if (result == WR_IO_OK && (got != HEAD || !read_head(head, meta, &table_n))) {
        result = WR_IO_INVALID;
    }
    if (result == WR_IO_OK) {
        out->begin = front_size(table_n);
        out->first = out->next = meta->first;
        result = disk->size(disk->context, out->file, &out->end);
    }
    return result != WR_IO_OK || table_n == 0 ? result : read_table(out, table_n);
}
