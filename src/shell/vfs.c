/* SPDX-License-Identifier: Apache-2.0 */
/* See vfs.h. SQLite's types are mutable by contract here; nothing else is shared between files. */
#include "shell/vfs.h"

struct wr_vfs {
    sqlite3_vfs base;
    const struct wr_port *port;
    enum wr_io last_failure;
    char name[32];
};

struct vfs_file {
    sqlite3_file base;
    struct wr_vfs *vfs;
    int32_t file;
    bool is_log;
    bool fresh;           /* made by this opening: its first sync also syncs the directory */
    const char *path;     /* SQLite's own, lives as long as the file */
    char *gathered;       /* is_log: writes that the system has not got yet */
    size_t n_gathered;    /* bytes */
    uint64_t gathered_at; /* their offset */
    uint64_t end;         /* is_log: size with what is gathered */
};

static int fail(struct wr_vfs *vfs, enum wr_io result, int code)
{
    if (result == WR_IO_OK) {
        return SQLITE_OK;
    }
    vfs->last_failure = result;
    return result == WR_IO_FULL ? SQLITE_FULL : code;
}

static struct vfs_file *file_of(sqlite3_file *base)
{
    return (struct vfs_file *)base;
}

static enum wr_io flush(struct vfs_file *file)
{
    if (file->n_gathered == 0) {
        return WR_IO_OK;
    }
    const struct wr_port_disk *disk = &file->vfs->port->disk;
    enum wr_io result = disk->write_at(disk->context, file->file, file->gathered, file->n_gathered,
                                       file->gathered_at);
    file->n_gathered = 0;
    if (result != WR_IO_OK) {
        file->vfs->last_failure = result;
    }
    return result;
}

static enum wr_io sync_directory_of(const struct wr_port_disk *disk, const char *path)
{
    char directory[512];
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] != '/') {
        n--;
    }
    if (n <= 1 || n > sizeof directory) {
        return disk->sync_directory(disk->context, n == 1 ? "/" : ".");
    }
    memcpy(directory, path, n - 1);
    directory[n - 1] = '\0';
    return disk->sync_directory(disk->context, directory);
}

/* ── files ──────────────────────────────────────────────────────────────────────────────────── */
static int file_close(sqlite3_file *base)
{
    struct vfs_file *file = file_of(base);
    const struct wr_port_disk *disk = &file->vfs->port->disk;
    enum wr_io flushed = flush(file);
    sqlite3_free(file->gathered);
    enum wr_io closed = disk->close(disk->context, file->file);
    return fail(file->vfs, flushed != WR_IO_OK ? flushed : closed, SQLITE_IOERR_CLOSE);
}

static int file_read(sqlite3_file *base, void *bytes, int n, sqlite3_int64 offset)
{
    struct vfs_file *file = file_of(base);
    const struct wr_port_disk *disk = &file->vfs->port->disk;
    size_t got = 0;
    enum wr_io result = flush(file);
    if (result == WR_IO_OK) {
        result = disk->read_at(disk->context, file->file, bytes, (size_t)n, (uint64_t)offset, &got);
    }
    if (result != WR_IO_OK) {
        file->vfs->last_failure = result;
        return SQLITE_IOERR_READ;
    }
    if (got < (size_t)n) {
        memset((char *)bytes + got, 0, (size_t)n - got);
        return SQLITE_IOERR_SHORT_READ;
    }
    return SQLITE_OK;
}

static int gather(struct vfs_file *file, const void *bytes, size_t n, uint64_t offset)
{
    const struct wr_port_disk *disk = &file->vfs->port->disk;
    enum wr_io result = WR_IO_OK;
    if (file->n_gathered != 0 &&
        (offset != file->gathered_at + file->n_gathered || file->n_gathered + n > WR_VFS_GATHER)) {
        result = flush(file);
    }
    if (result == WR_IO_OK && n > WR_VFS_GATHER) {
        result = disk->write_at(disk->context, file->file, bytes, n, offset);
    } else if (result == WR_IO_OK) {
        file->gathered_at = file->n_gathered == 0 ? offset : file->gathered_at;
        memcpy(file->gathered + file->n_gathered, bytes, n);
        file->n_gathered += n;
    }
    if (result == WR_IO_OK) {
        file->end = WR_MAX(file->end, offset + n);
    }
    return fail(file->vfs, result, SQLITE_IOERR_WRITE);
}

static int file_write(sqlite3_file *base, const void *bytes, int n, sqlite3_int64 offset)
{
    struct vfs_file *file = file_of(base);
    if (file->is_log) {
        return gather(file, bytes, (size_t)n, (uint64_t)offset);
    }
    const struct wr_port_disk *disk = &file->vfs->port->disk;
    return fail(file->vfs,
                disk->write_at(disk->context, file->file, bytes, (size_t)n, (uint64_t)offset),
                SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct vfs_file *file = file_of(base);
    const struct wr_port_disk *disk = &file->vfs->port->disk;
    enum wr_io result = flush(file);
    if (result == WR_IO_OK) {
        result = disk->truncate(disk->context, file->file, (uint64_t)size);
    }
    file->end = (uint64_t)size;
    return fail(file->vfs, result, SQLITE_IOERR_TRUNCATE);
}

static int file_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    struct vfs_file *file = file_of(base);
    const struct wr_port_disk *disk = &file->vfs->port->disk;
    enum wr_io result = flush(file);
    if (result == WR_IO_OK) {
        result = disk->sync(disk->context, file->file);
    }
    if (result == WR_IO_OK && file->fresh) {
        result = sync_directory_of(disk, file->path);
        file->fresh = result != WR_IO_OK;
    }
    return fail(file->vfs, result, SQLITE_IOERR_FSYNC);
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    struct vfs_file *file = file_of(base);
    const struct wr_port_disk *disk = &file->vfs->port->disk;
    uint64_t bytes = 0;
    enum wr_io result = flush(file);
    if (result == WR_IO_OK) {
        result = disk->size(disk->context, file->file, &bytes);
    }
    *size = (sqlite3_int64)bytes;
    return fail(file->vfs, result, SQLITE_IOERR_FSTAT);
}

static int file_lock(sqlite3_file *base, int level)
{
    (void)base;
    (void)level;
    return SQLITE_OK;
}

static int file_check_lock(sqlite3_file *base, int *held)
{
    (void)base;
    *held = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int operation, void *arg)
{
    (void)base;
    (void)operation;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *base)
{
    (void)base;
    return 4096;
}

/* A sector that is rewritten in part keeps its other bytes when the power fails: true of disks of
 * this century, and what the simulator grants. */
static int file_characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_lock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

/* ── the layer ──────────────────────────────────────────────────────────────────────────────── */
static int vfs_open(sqlite3_vfs *base, const char *path, sqlite3_file *out, int flags,
                    int *flags_out)
{
    struct wr_vfs *vfs = base->pAppData;
    const struct wr_port_disk *disk = &vfs->port->disk;
    struct vfs_file *file = file_of(out);
    memset(file, 0, sizeof *file);
    if (path == NULL) { /* temporary files: temp_store is memory, so there are none */
        return SQLITE_CANTOPEN;
    }
    file->vfs = vfs;
    file->path = path;
    file->is_log = (flags & SQLITE_OPEN_WAL) != 0;
    uint32_t how = (flags & SQLITE_OPEN_READWRITE) != 0 ? WR_DISK_WRITE : WR_DISK_READ;
    how |= (flags & SQLITE_OPEN_CREATE) != 0 ? WR_DISK_CREATE : 0;
    if ((how & WR_DISK_CREATE) != 0) {
        file->fresh = disk->exists(disk->context, path) == WR_IO_ABSENT;
    }
    if (file->is_log) {
        file->gathered = sqlite3_malloc(WR_VFS_GATHER);
        if (file->gathered == NULL) {
            return SQLITE_NOMEM;
        }
    }
    enum wr_io result = disk->open(disk->context, path, how, &file->file);
    if (result == WR_IO_OK && file->is_log) {
        result = disk->size(disk->context, file->file, &file->end);
    }
    if (result != WR_IO_OK) {
        sqlite3_free(file->gathered);
        return fail(vfs, result, SQLITE_CANTOPEN);
    }
    file->base.pMethods = &file_methods;
    if (flags_out != NULL) {
        *flags_out = flags;
    }
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *base, const char *path, int sync_directory)
{
    struct wr_vfs *vfs = base->pAppData;
    const struct wr_port_disk *disk = &vfs->port->disk;
    enum wr_io result = disk->remove(disk->context, path);
    if (result == WR_IO_ABSENT) {
        return SQLITE_IOERR_DELETE_NOENT;
    }
    if (result == WR_IO_OK && sync_directory != 0) {
        result = sync_directory_of(disk, path);
    }
    return fail(vfs, result, SQLITE_IOERR_DELETE);
}

static int vfs_access(sqlite3_vfs *base, const char *path, int flags, int *yes)
{
    (void)flags;
    struct wr_vfs *vfs = base->pAppData;
    const struct wr_port_disk *disk = &vfs->port->disk;
    *yes = disk->exists(disk->context, path) == WR_IO_OK;
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *base, const char *path, int room, char *out)
{
    (void)base;
    size_t n = strlen(path);
    if (n + 1 > (size_t)room) {
        return SQLITE_CANTOPEN;
    }
    memcpy(out, path, n + 1);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *base, int n, char *out)
{
    struct wr_vfs *vfs = base->pAppData;
    const struct wr_port_entropy *entropy = &vfs->port->entropy;
    return entropy->fill(entropy->context, out, (size_t)n) == WR_IO_OK ? n : 0;
}

static int vfs_sleep(sqlite3_vfs *base, int us)
{
    (void)base;
    return us; /* nobody else holds a lock: there is nothing to wait for */
}

static int vfs_time_ms(sqlite3_vfs *base, sqlite3_int64 *julian_ms)
{
    struct wr_vfs *vfs = base->pAppData;
    const struct wr_port_clock *clock = &vfs->port->clock;
    *julian_ms = clock->wall_ns(clock->context) / 1000000 + 210866760000000;
    return SQLITE_OK;
}

static int vfs_time(sqlite3_vfs *base, double *julian)
{
    sqlite3_int64 ms;
    int code = vfs_time_ms(base, &ms);
    *julian = (double)ms / 86400000.0;
    return code;
}

static int vfs_last_error(sqlite3_vfs *base, int n, char *text)
{
    (void)base;
    (void)n;
    (void)text;
    return 0;
}

enum wr_io wr_vfs_open(const struct wr_port *port, struct wr_vfs **out)
{
    struct wr_vfs *vfs = port->memory.take(port->memory.context, sizeof *vfs);
    if (vfs == NULL) {
        return WR_IO_LIMIT;
    }
    memset(vfs, 0, sizeof *vfs);
    struct wr_buf name = wr_buf_fixed(vfs->name, sizeof vfs->name);
    wr_format(&name, "weir-%llx%c", (unsigned long long)(uintptr_t)vfs, 0);
    vfs->port = port;
    vfs->base = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(struct vfs_file),
        .mxPathname = 512,
        .zName = vfs->name,
        .pAppData = vfs,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_time_ms,
    };
    /* The default layer is where SQLite's own generator gets its seed; start it anew from here, so
     * that in the simulator a run depends on nothing but its seed. */
    sqlite3_randomness(0, NULL);
    if (sqlite3_vfs_register(&vfs->base, 1) != SQLITE_OK) {
        port->memory.give(port->memory.context, vfs, sizeof *vfs);
        return WR_IO_LIMIT;
    }
    *out = vfs;
    return WR_IO_OK;
}

const char *wr_vfs_name(const struct wr_vfs *vfs)
{
    return vfs->name;
}

const struct wr_port *wr_vfs_port(const struct wr_vfs *vfs)
{
    return vfs->port;
}

void wr_vfs_close(struct wr_vfs *vfs)
{
    sqlite3_vfs_unregister(&vfs->base);
    vfs->port->memory.give(vfs->port->memory.context, vfs, sizeof *vfs);
}

enum wr_io wr_vfs_take_failure(struct wr_vfs *vfs)
{
    enum wr_io failure = vfs->last_failure;
    vfs->last_failure = WR_IO_OK;
    return failure;
}

/* ── the log of a connection ────────────────────────────────────────────────────────────────── */
static struct vfs_file *log_of(sqlite3 *db)
{
    sqlite3_file *file = NULL;
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK ||
        file == NULL || file->pMethods != &file_methods) {
        return NULL;
    }
    return file_of(file);
}

enum wr_io wr_vfs_log_flush(sqlite3 *db)
{
    struct vfs_file *log = log_of(db);
    return log == NULL ? WR_IO_OK : flush(log);
}

enum wr_io wr_vfs_log_sync(sqlite3 *db)
{
    struct vfs_file *log = log_of(db);
    if (log == NULL) {
        return WR_IO_OK;
    }
    return file_sync(&log->base, 0) == SQLITE_OK ? WR_IO_OK : log->vfs->last_failure;
}

uint64_t wr_vfs_log_size(sqlite3 *db)
{
    struct vfs_file *log = log_of(db);
    return log == NULL ? 0 : log->end;
}
