/* SPDX-License-Identifier: Apache-2.0 */
/* See journal_backup.h. */
#include "app/journal_backup.h"
#include "app/file.h"
#include "shell/journal.h"

#include <string.h>

enum { COPY_SIZE = 1 << 20, EPOCHS_AHEAD = 1000 };

static wr_err failed(const char *path, enum wr_io io, struct wr_error *error)
{
    return wr_fail(error, WR_E_IO, "%s: %s", path, wr_io_text(io));
}

/* Bytes of a piece up to its last that is not zero. */
static size_t without_zeros(const char *piece, size_t n)
{
    while (n > 0 && piece[n - 1] == 0) {
        n--;
    }
    return n;
}

/* Reads the next piece, up to `size`; `step` gets its bytes up to the last that is not zero. A node
 * may put rows in the place of zeros meanwhile, in rising order: what is read once may have zeros
 * that are no more before rows that came later. What stood before the last row seen stands whole in
 * the second reading. */
static enum wr_io read_piece(const struct wr_port_disk *disk, int32_t in, char *room, uint64_t at,
                             uint64_t size, size_t *got, size_t *step)
{
    size_t n = (size_t)WR_MIN(size - at, (uint64_t)COPY_SIZE), again = 0;
    enum wr_io io = disk->read_at(disk->context, in, room, n, at, got);
    *step = io == WR_IO_OK ? without_zeros(room, *got) : 0;
    if (*step > 0) {
        io = disk->read_at(disk->context, in, room, *step, at, &again);
    }
    if (again < *step) { /* it was cut meanwhile */
        *got = *step = again;
    }
    return io;
}

/* Copies what the file holds now; of one that grows, the part to which it has grown. Zeros at the
 * end of a piece may be those that a log is laid ahead with: they are read once more with the next
 * piece, so that no gap comes before a later row. */
static wr_err copy_file(const struct wr_port_disk *disk, const char *from, const char *to,
                        char *room, struct wr_backup_result *result, struct wr_error *error)
{
    int32_t in, out;
    enum wr_io io = disk->open(disk->context, from, WR_DISK_READ, &in);
    if (io != WR_IO_OK) {
        return failed(from, io, error);
    }
    io = disk->open(disk->context, to, WR_DISK_WRITE | WR_DISK_CREATE | WR_DISK_FRESH, &out);
    if (io != WR_IO_OK) {
        disk->close(disk->context, in);
        return failed(to, io, error);
    }
    size_t got = 0, step = 1;
    uint64_t n = 0, size = 0;
    io = disk->size(disk->context, in, &size);
    for (uint64_t at = 0; io == WR_IO_OK && step > 0 && at < size; at += step) {
        io = read_piece(disk, in, room, at, size, &got, &step);
        if (io == WR_IO_OK && got > 0) {
            io = disk->write_at(disk->context, out, room, got, at);
        }
        step = step == 0 && got == COPY_SIZE ? got : step;
        n = WR_MAX(n, at + got);
    }
    result->n_bytes += n;
    io = io != WR_IO_OK ? io : disk->sync(disk->context, out);
    disk->close(disk->context, in);
    enum wr_io closed = disk->close(disk->context, out);
    result->n_files++;
    return io == WR_IO_OK && closed == WR_IO_OK ? WR_OK : failed(to, io, error);
}

static bool is_snapshot(struct wr_str name)
{
    return wr_str_starts(name, WR_STR("snapshot-")) && wr_str_ends(name, WR_STR(".img"));
}

/* Files of the journal, of the packs that have decided; not the lock, nor what is being made. */
static bool belongs(struct wr_str name)
{
    return (wr_str_starts(name, WR_STR("journal-")) && !wr_str_ends(name, WR_STR(".new"))) ||
           (wr_str_starts(name, WR_STR("packs/")) && !wr_str_eq(name, WR_STR("packs/new")));
}

/* In order of names: by rising sequence, so that what is copied last is newest. Snapshots come
 * before the journal, so that the copy of it holds the rows they stand at; one may have been
 * removed meanwhile. */
static wr_err copy_all(const struct wr_port *port, const char *from, const char *to,
                       struct wr_backup_result *result, struct wr_error *error)
{
    const struct wr_port_disk *disk = &port->disk;
    struct wr_arena arena;
    struct wr_file_list list;
    wr_arena_init(&arena, &wr_heap, (size_t)64 << 20);
    char *room = wr_arena_alloc(&arena, COPY_SIZE, 64);
    wr_err err = room != NULL ? wr_file_walk(&arena, from, &list, error)
                              : wr_fail(error, WR_E_MEMORY, "no room to copy");
    for (size_t k = 0; err == WR_OK && k < 2 * list.n; k++) {
        size_t i = k % list.n;
        bool snapshots = k < list.n;
        char source[1024], target[1024];
        struct wr_buf a = wr_buf_fixed(source, sizeof source),
                      b = wr_buf_fixed(target, sizeof target);
        wr_format(&a, "%s/%.*s%c", from, WR_FMT(list.paths[i]), 0);
        wr_format(&b, "%s/%.*s%c", to, WR_FMT(list.paths[i]), 0);
        if (!a.overflow && !b.overflow &&
            (snapshots ? is_snapshot(list.paths[i]) && wr_file_exists(source)
                       : belongs(list.paths[i]))) {
            err = copy_file(disk, source, target, room, result, error);
        }
    }
    wr_arena_deinit(&arena);
    return err;
}

static wr_err make_place(const struct wr_port_disk *disk, const char *to, struct wr_error *error)
{
    char packs[1024];
    struct wr_buf path = wr_buf_fixed(packs, sizeof packs);
    wr_format(&path, "%s/packs%c", to, 0);
    if (wr_file_exists(to)) {
        return wr_fail(error, WR_E_IO, "%s is there already; name a folder that is not", to);
    }
    enum wr_io io = disk->make_directory(disk->context, to);
    io = io != WR_IO_OK ? io : disk->make_directory(disk->context, packs);
    return io == WR_IO_OK ? WR_OK : failed(to, io, error);
}

wr_err wr_journal_backup(const struct wr_port *port, const char *from, const char *to,
                         struct wr_backup_result *out, struct wr_error *error)
{
    struct wr_journal *journal;
    struct wr_journal_options options = {.epoch_step = EPOCHS_AHEAD};
    *out = (struct wr_backup_result){0};
    wr_err err = make_place(&port->disk, to, error);
    err = err != WR_OK ? err : copy_all(port, from, to, out, error);
    if (err == WR_OK && out->n_files == 0) {
        err = wr_fail(error, WR_E_STATE, "%s holds no journal", from);
    }
    err = err != WR_OK ? err : wr_journal_open(port, to, &options, &journal, error);
    if (err != WR_OK) {
        return err;
    }
    err = wr_journal_verify(journal, 1, UINT64_MAX, error);
    out->first = wr_journal_first(journal);
    out->last = wr_journal_last(journal);
    wr_journal_close(journal, err == WR_OK);
    return err;
}
