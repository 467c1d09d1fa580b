/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/packs.h"

#include "pack/tar.h"

enum { DIGEST = 64, LINE = DIGEST + 1, PATH = 320, TAR_BLOCK = 512 };

struct store {
    const struct wr_port *port;
    const struct wr_port_disk *disk;
    const char *directory;
    char folder[PATH], path[PATH], fresh[PATH];
    char order[(WR_LIMIT_PACKS_KEPT + 1) * LINE]; /* lines; the newest last */
    size_t n;                                     /* of lines */
};

static void name(const struct store *store, char out[PATH], struct wr_str leaf, const char *end)
{
    struct wr_buf buf = wr_buf_fixed(out, PATH - 1);
    wr_format(&buf, "%s/packs/%.*s%s", store->directory, WR_FMT(leaf), end);
    out[buf.n] = '\0';
}

static struct wr_str line(const struct store *store, size_t i)
{
    return wr_str_of(store->order + i * LINE, DIGEST);
}

static wr_err failed(const struct store *store, enum wr_io io, struct wr_error *error)
{
    return wr_fail(error, WR_E_IO, "%s: %s", store->path, wr_io_text(io));
}

/* ── the order ──────────────────────────────────────────────────────────────────────────────── */
static bool is_digest(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f'))) {
            return false;
        }
    }
    return true;
}

/* A file that is not there or not whole counts as far as it is: what it misses is kept, unlisted.
 */
static void read_order(struct store *store)
{
    int32_t file;
    size_t got = 0;
    name(store, store->path, WR_STR("order"), "");
    if (store->disk->open(store->disk->context, store->path, WR_DISK_READ, &file) != WR_IO_OK) {
        return;
    }
    enum wr_io io = store->disk->read_at(store->disk->context, file, store->order,
                                         WR_LIMIT_PACKS_KEPT * LINE, 0, &got);
    store->disk->close(store->disk->context, file);
    got = io == WR_IO_OK ? got : 0;
    while ((store->n + 1) * LINE <= got && is_digest(line(store, store->n)) &&
           store->order[store->n * LINE + DIGEST] == '\n') {
        store->n++;
    }
}

static void take_line(struct store *store, size_t i)
{
    memmove(store->order + i * LINE, store->order + (i + 1) * LINE, (store->n - i - 1) * LINE);
    store->n--;
}

static void move_to_end(struct store *store, struct wr_str digest)
{
    for (size_t i = 0; i < store->n; i++) {
        if (wr_str_eq(line(store, i), digest)) {
            take_line(store, i);
            break;
        }
    }
    memcpy(store->order + store->n * LINE, digest.p, DIGEST);
    store->order[store->n++ * LINE + DIGEST] = '\n';
}

static uint64_t size_of(struct store *store, size_t i)
{
    int32_t file;
    uint64_t size = 0;
    name(store, store->path, line(store, i), ".tar");
    if (store->disk->open(store->disk->context, store->path, WR_DISK_READ, &file) == WR_IO_OK) {
        if (store->disk->size(store->disk->context, file, &size) != WR_IO_OK) {
            size = 0;
        }
        store->disk->close(store->disk->context, file);
    }
    return size;
}

/* The oldest go until the rest is within its limits. */
static void prune(struct store *store)
{
    uint64_t total = 0;
    for (size_t i = store->n; i > 0; i--) {
        total += size_of(store, i - 1);
        bool too_many = store->n - i >= WR_LIMIT_PACKS_KEPT || total > WR_LIMIT_PACKS_BYTES;
        if (too_many && i < store->n) {
            for (size_t gone = i; gone > 0; gone--) {
                name(store, store->path, line(store, 0), ".tar");
                (void)store->disk->remove(store->disk->context, store->path);
                take_line(store, 0);
            }
            return;
        }
    }
}

/* ── files ──────────────────────────────────────────────────────────────────────────────────── */
/* Whole under its name, or not there. */
static wr_err write_file(struct store *store, struct wr_str leaf, const char *end,
                         struct wr_str bytes, struct wr_error *error)
{
    const struct wr_port_disk *disk = store->disk;
    int32_t file;
    name(store, store->fresh, WR_STR("new"), "");
    name(store, store->path, leaf, end);
    enum wr_io io = disk->open(disk->context, store->fresh, WR_DISK_WRITE | WR_DISK_CREATE, &file);
    if (io != WR_IO_OK) {
        return failed(store, io, error);
    }
    io = disk->truncate(disk->context, file, 0);
    io = io == WR_IO_OK ? disk->write_at(disk->context, file, bytes.p, bytes.n, 0) : io;
    io = io == WR_IO_OK ? disk->sync(disk->context, file) : io;
    enum wr_io closed = disk->close(disk->context, file);
    io = io == WR_IO_OK ? closed : io;
    io = io == WR_IO_OK ? disk->rename(disk->context, store->fresh, store->path) : io;
    if (io != WR_IO_OK) {
        (void)disk->remove(disk->context, store->fresh);
        return failed(store, io, error);
    }
    return WR_OK;
}

static wr_err write_pack(struct store *store, const struct wr_pack *pack, struct wr_error *error)
{
    const struct wr_memory *memory = &store->port->memory;
    size_t n_files, size = 4 * TAR_BLOCK;
    const struct wr_pack_file *files = wr_pack_files(pack, &n_files);
    for (size_t i = 0; i < n_files; i++) { /* a head, or three with a long name; whole blocks */
        size += 5 * TAR_BLOCK + files[i].bytes.n;
    }
    char *room = memory->take(memory->context, size);
    if (room == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room to write the pack as an archive");
    }
    struct wr_buf archive = wr_buf_fixed(room, size);
    wr_err err = wr_tar_write(&archive, files, n_files, error);
    if (err == WR_OK) {
        err = write_file(store, wr_pack_digest_text(pack), ".tar", wr_buf_view(&archive), error);
    }
    memory->give(memory->context, room, size);
    return err;
}

wr_err wr_packs_keep(const struct wr_port *port, const char *state_directory,
                     const struct wr_pack *pack, struct wr_error *error)
{
    struct store store = {.port = port, .disk = &port->disk, .directory = state_directory};
    struct wr_str digest = wr_pack_digest_text(pack);
    WR_ASSERT(digest.n == DIGEST);
    name(&store, store.folder, WR_STR(""), "");
    store.folder[strlen(store.folder) - 1] = '\0'; /* as a directory's path is written */
    memcpy(store.path, store.folder, sizeof store.path);
    bool is_new = port->disk.exists(port->disk.context, store.folder) == WR_IO_ABSENT;
    enum wr_io io = port->disk.make_directory(port->disk.context, store.folder);
    if (io == WR_IO_OK && is_new) {
        io = port->disk.sync_directory(port->disk.context, state_directory);
    }
    if (io != WR_IO_OK) {
        return failed(&store, io, error);
    }
    read_order(&store);
    name(&store, store.path, digest, ".tar");
    bool known = port->disk.exists(port->disk.context, store.path) == WR_IO_OK;
    if (known && store.n > 0 && wr_str_eq(line(&store, store.n - 1), digest)) {
        return WR_OK;
    }
    wr_err err = known ? WR_OK : write_pack(&store, pack, error);
    if (err != WR_OK) {
        return err;
    }
    move_to_end(&store, digest);
    prune(&store);
    err = write_file(&store, WR_STR("order"), "", wr_str_of(store.order, store.n * LINE), error);
    if (err == WR_OK) {
        io = port->disk.sync_directory(port->disk.context, store.folder);
        err = io == WR_IO_OK ? WR_OK : failed(&store, io, error);
    }
    return err;
}
