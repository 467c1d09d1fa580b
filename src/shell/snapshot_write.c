/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the file of a snapshot. */
#include "shell/snapshot_in.h"

enum { SYNC_EVERY = 4 << 20, CHUNK = 256 << 10 };

static const struct wr_port_disk *disk_of(const struct wr_snapshot_place *place)
{
    return &place->port->disk;
}

bool wr_snapshot_writer_open(struct wr_snapshot_writer *writer,
                             const struct wr_snapshot_place *place)
{
    const struct wr_memory *memory = &place->port->memory;
    const struct wr_port_disk *disk = disk_of(place);
    char path[WR_SNAPSHOT_PATH];
    *writer = (struct wr_snapshot_writer){.place = *place, .io = WR_IO_LIMIT};
    writer->block = memory->take(memory->context, WR_SNAPSHOT_HEAD + WR_SNAPSHOT_BLOCK);
    if (writer->block == NULL) {
        return false;
    }
    wr_snapshot_new_path(place, path);
    writer->io = disk->open(disk->context, path, WR_DISK_WRITE | WR_DISK_CREATE, &writer->file);
    writer->is_open = writer->io == WR_IO_OK;
    if (writer->is_open) {
        writer->io = disk->truncate(disk->context, writer->file, 0);
    }
    return writer->io == WR_IO_OK;
}

/* Whole pieces of SYNC_EVERY, so that no run of pages that the system holds is cut. */
static void uncache(struct wr_snapshot_writer *writer, uint64_t from)
{
    const struct wr_port_disk *disk = disk_of(&writer->place);
    uint64_t end = writer->synced & ~(uint64_t)(SYNC_EVERY - 1);
    from = WR_MAX(from & ~(uint64_t)(SYNC_EVERY - 1), (uint64_t)WR_SNAPSHOT_CACHED);
    if (disk->uncache != NULL && end > from) {
        disk->uncache(disk->context, writer->file, from, end - from);
    }
}

static void sync_some(struct wr_snapshot_writer *writer, uint64_t every)
{
    const struct wr_port_disk *disk = disk_of(&writer->place);
    if (writer->io == WR_IO_OK && writer->n_bytes - writer->synced >= every) {
        uint64_t before = writer->synced;
        writer->io = disk->sync(disk->context, writer->file);
        writer->synced = writer->n_bytes;
        uncache(writer, before);
    }
}

static void open_direct(struct wr_snapshot_writer *writer)
{
    const struct wr_memory *memory = &writer->place.port->memory;
    const struct wr_port_disk *disk = disk_of(&writer->place);
    char path[WR_SNAPSHOT_PATH];
    wr_snapshot_new_path(&writer->place, path);
    writer->chunk_room = memory->take(memory->context, CHUNK + WR_DISK_PAGE);
    if (writer->chunk_room != NULL && disk->open_direct != NULL &&
        disk->open_direct(disk->context, path, &writer->direct) == WR_IO_OK) {
        size_t past = (uintptr_t)writer->chunk_room % WR_DISK_PAGE;
        writer->chunk = writer->chunk_room + (past == 0 ? 0 : WR_DISK_PAGE - past);
        writer->is_direct = true;
    }
}

static void close_direct(struct wr_snapshot_writer *writer)
{
    const struct wr_port_disk *disk = disk_of(&writer->place);
    if (writer->is_direct) {
        writer->is_direct = false;
        (void)disk->close(disk->context, writer->direct);
    }
}

/* The last one is no whole number of pages. And a file system that cannot write past the system's
 * memory may say so at the first write only. */
static void write_chunk(struct wr_snapshot_writer *writer)
{
    const struct wr_port_disk *disk = disk_of(&writer->place);
    uint64_t at = writer->n_bytes - writer->chunk_n;
    size_t n = writer->chunk_n;
    writer->chunk_n = 0;
    if (n == CHUNK && writer->is_direct && writer->io == WR_IO_OK) {
        if (disk->write_at(disk->context, writer->direct, writer->chunk, n, at) == WR_IO_OK) {
            return;
        }
        close_direct(writer);
    }
    if (n > 0 && writer->io == WR_IO_OK) {
        writer->io = disk->write_at(disk->context, writer->file, writer->chunk, n, at);
    }
}

static void write_cached(struct wr_snapshot_writer *writer, const uint8_t *bytes, size_t n)
{
    const struct wr_port_disk *disk = disk_of(&writer->place);
    if (n > 0 && writer->io == WR_IO_OK) {
        writer->io = disk->write_at(disk->context, writer->file, bytes, n, writer->n_bytes);
    }
    writer->n_bytes += n;
}

/* Adds to the file. For each page that it holds the system takes a microsecond, and where it has
 * never held it before, five: past its memory a large file costs half or less. */
static void put(struct wr_snapshot_writer *writer, const uint8_t *bytes, size_t n)
{
    uint64_t left = WR_SNAPSHOT_CACHED - WR_MIN(writer->n_bytes, WR_SNAPSHOT_CACHED);
    if (n > left && !writer->is_large) {
        writer->is_large = true;
        open_direct(writer);
    }
    size_t cached = writer->chunk == NULL ? n : (size_t)WR_MIN(left, (uint64_t)n);
    write_cached(writer, bytes, cached);
    for (size_t at = cached; at < n;) {
        size_t some = WR_MIN(n - at, (size_t)CHUNK - writer->chunk_n);
        memcpy(writer->chunk + writer->chunk_n, bytes + at, some);
        writer->chunk_n += some;
        writer->n_bytes += some;
        at += some;
        if (writer->chunk_n == CHUNK) {
            write_chunk(writer);
        }
    }
}

static void flush(struct wr_snapshot_writer *writer)
{
    if (writer->n == 0 || writer->io != WR_IO_OK) {
        return;
    }
    uint64_t sum = wr_snapshot_sum(&writer->place, writer->n_blocks,
                                   writer->block + WR_SNAPSHOT_HEAD, writer->n);
    memcpy(writer->block, wr_snapshot_block_magic, sizeof wr_snapshot_block_magic);
    wr_put32(writer->block + 4, (uint32_t)writer->n);
    wr_put64(writer->block + 8, writer->n_blocks);
    wr_put64(writer->block + 16, sum);
    put(writer, writer->block, WR_SNAPSHOT_HEAD + writer->n);
    writer->n_blocks++;
    writer->sum = wr_snapshot_add_sum(writer->sum, sum);
    writer->n = 0;
    if (!writer->is_direct) {
        sync_some(writer, SYNC_EVERY);
    }
}

void *wr_snapshot_writer_claim(struct wr_snapshot_writer *writer, size_t n)
{
    WR_ASSERT(n <= WR_SNAPSHOT_BLOCK);
    if (writer->n + n > WR_SNAPSHOT_BLOCK) {
        flush(writer);
    }
    if (writer->io != WR_IO_OK) {
        return NULL;
    }
    writer->n += n;
    return writer->block + WR_SNAPSHOT_HEAD + writer->n - n;
}

static void write_tail(struct wr_snapshot_writer *writer, const struct wr_snapshot_info *info)
{
    uint8_t tail[WR_SNAPSHOT_TAIL] = {0};
    memcpy(tail, wr_snapshot_tail_magic, sizeof wr_snapshot_tail_magic);
    wr_put64(tail + 8, info->node);
    wr_put64(tail + 16, info->sequence);
    memcpy(tail + 24, info->place.link, 32);
    memcpy(tail + 56, info->pack_digest, 32);
    memcpy(tail + 88, info->state_digest, 32);
    wr_put64(tail + 120, (uint64_t)info->begun_us);
    wr_put64(tail + 128, writer->n_blocks);
    wr_put64(tail + 136, writer->n_bytes);
    wr_put64(tail + 144, writer->sum);
    wr_put32(tail + 152, info->epoch);
    wr_put64(tail + 160, info->place.segment);
    wr_put64(tail + 168, info->place.offset);
    wr_snapshot_mac(&writer->place, tail, tail + WR_SNAPSHOT_AT_MAC);
    put(writer, tail, sizeof tail);
}

enum wr_io wr_snapshot_writer_finish(struct wr_snapshot_writer *writer,
                                     const struct wr_snapshot_info *info)
{
    const struct wr_port_disk *disk = disk_of(&writer->place);
    char from[WR_SNAPSHOT_PATH], to[WR_SNAPSHOT_PATH];
    flush(writer);
    write_tail(writer, info);
    write_chunk(writer);
    close_direct(writer);
    sync_some(writer, 0);
    if (writer->io != WR_IO_OK) {
        return writer->io;
    }
    writer->is_open = false;
    writer->io = disk->close(disk->context, writer->file);
    wr_snapshot_new_path(&writer->place, from);
    wr_snapshot_path(&writer->place, info->sequence, to);
    writer->io = writer->io != WR_IO_OK ? writer->io : disk->rename(disk->context, from, to);
    if (writer->io == WR_IO_OK) {
        writer->io = disk->sync_directory(disk->context, writer->place.directory);
    }
    return writer->io;
}

void wr_snapshot_writer_close(struct wr_snapshot_writer *writer)
{
    const struct wr_memory *memory = &writer->place.port->memory;
    const struct wr_port_disk *disk = disk_of(&writer->place);
    close_direct(writer);
    if (writer->is_open) {
        char path[WR_SNAPSHOT_PATH];
        wr_snapshot_new_path(&writer->place, path);
        disk->close(disk->context, writer->file);
        disk->remove(disk->context, path);
        writer->is_open = false;
    }
    if (writer->block != NULL) {
        memory->give(memory->context, writer->block, WR_SNAPSHOT_HEAD + WR_SNAPSHOT_BLOCK);
        writer->block = NULL;
    }
    if (writer->chunk_room != NULL) {
        memory->give(memory->context, writer->chunk_room, CHUNK + WR_DISK_PAGE);
        writer->chunk_room = writer->chunk = NULL;
    }
}
