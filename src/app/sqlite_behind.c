/* SPDX-License-Identifier: Apache-2.0 */
/* See sqlite_behind.h. */
#include "app/sqlite_behind.h"

#include "app/file.h"
#include "app/journal_export.h"
#include "shell/journal.h"
#include "shell/log.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_DIGITS = 16, PATH_MAX_BYTES = WR_LIMIT_STATE_PATH + 64 };
#define PASS_EVERY_NS  5000000000
#define RETRY_AFTER_NS 60000000000

/* Sequences of the first rows of the logs, and of the files that were made of some; sorted. */
struct found {
    uint64_t *logs, *files;
    size_t n_logs, n_files, cap;
};

struct pass {
    const struct wr_port *port;
    const char *directory;
    const atomic_bool *stop;
    struct found found;
};

static bool stops(const struct pass *pass)
{
    return pass->stop != NULL && atomic_load(pass->stop);
}

static wr_err failed(const char *path, enum wr_io io, struct wr_error *error)
{
    return wr_fail(error, WR_E_IO, "%s: %s", path, wr_io_text(io));
}

/* ── what is there ──────────────────────────────────────────────────────────────────────────── */
/* "journal-0123456789abcdef" and the ending. */
static bool read_name(const char *name, const char *ending, uint64_t *first)
{
    struct wr_str text = wr_str_z(name);
    if (text.n != 8 + NAME_DIGITS + strlen(ending) || !wr_str_starts(text, WR_STR("journal-")) ||
        !wr_str_ends(text, wr_str_z(ending))) {
        return false;
    }
    *first = 0;
    for (size_t i = 8; i < 8 + NAME_DIGITS; i++) {
        char c = text.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        *first = *first * 16 + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return *first != 0;
}

static bool add_log(void *arg, const char *name)
{
    struct found *found = arg;
    uint64_t first;
    if (found->n_logs < WR_LIMIT_SEGMENTS && read_name(name, ".log", &first)) {
        found->logs[found->n_logs++] = first;
    }
    return true;
}

static bool add_file(void *arg, const char *name)
{
    struct found *found = arg;
    uint64_t first;
    if (found->n_files < WR_LIMIT_SEGMENTS && read_name(name, ".db", &first)) {
        found->files[found->n_files++] = first;
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static bool has(const uint64_t *sorted, size_t n, uint64_t value)
{
    return n != 0 && bsearch(&value, sorted, n, sizeof value, by_value) != NULL;
}

static void path_of(const struct pass *pass, const char *name, char out[PATH_MAX_BYTES])
{
    struct wr_buf path = wr_buf_fixed(out, PATH_MAX_BYTES);
    wr_format(&path, "%s/%s%c", pass->directory, name, 0);
    WR_ASSERT(!path.overflow);
}

static void path_of_first(const struct pass *pass, const char *format, uint64_t first,
                          char out[PATH_MAX_BYTES])
{
    char name[64];
    struct wr_buf buf = wr_buf_fixed(name, sizeof name);
    wr_format(&buf, "%sjournal-%016llx.%s%c", format[0] == 'd' ? "sqlite/" : "",
              (unsigned long long)first, format, 0);
    path_of(pass, name, out);
}

static wr_err look(struct pass *pass, struct wr_error *error)
{
    const struct wr_port_disk *disk = &pass->port->disk;
    struct found *found = &pass->found;
    char path[PATH_MAX_BYTES];
    path_of(pass, "sqlite", path);
    enum wr_io io = disk->make_directory(disk->context, path);
    io = io != WR_IO_OK ? io : disk->list(disk->context, path, add_file, found);
    if (io != WR_IO_OK) {
        return failed(path, io, error);
    }
    io = disk->list(disk->context, pass->directory, add_log, found);
    if (io != WR_IO_OK) {
        return failed(pass->directory, io, error);
    }
    qsort(found->logs, found->n_logs, sizeof *found->logs, by_value);
    qsort(found->files, found->n_files, sizeof *found->files, by_value);
    return WR_OK;
}

/* ── making one ─────────────────────────────────────────────────────────────────────────────── */
/* Rows up to that of the next log, which may repeat some: those were not known to be synced. */
static wr_err copy_rows(const struct pass *pass, struct wr_log *log, uint64_t next,
                        struct wr_journal_export *export, struct wr_error *error)
{
    struct wr_log_row row;
    struct wr_str payload;
    uint64_t offset = log->begin;
    wr_err err = WR_OK;
    for (; err == WR_OK && !stops(pass) && wr_log_row_at(log, offset, &row); offset = row.next) {
        if (row.sequence >= next) {
            break;
        }
        err = wr_log_plain(log, &row, &payload, error);
        err = err != WR_OK ? err : wr_journal_export_row(export, row.sequence, payload, error);
    }
    return err;
}

static wr_err fill(const struct pass *pass, const char *from, const char *to, uint64_t next,
                   struct wr_error *error)
{
    struct wr_arena arena;
    struct wr_log log;
    struct wr_segment_meta meta;
    struct wr_journal_export *export = NULL;
    struct wr_error ignored;
    enum wr_io io = wr_log_open(pass->port, from, &log, &meta);
    if (io != WR_IO_OK) {
        return failed(from, io, error);
    }
    wr_arena_init(&arena, &wr_heap, (size_t)64 << 20);
    wr_err err = wr_log_scan(&log, meta.link, NULL, error);
    err = err != WR_OK ? err : wr_journal_export_open(&arena, "sqlite", to, &export, error);
    err = err != WR_OK ? err : copy_rows(pass, &log, next, export, error);
    if (export != NULL) {
        bool whole = err == WR_OK && !stops(pass);
        wr_err closed = wr_journal_export_close(export, whole, err == WR_OK ? error : &ignored);
        err = err != WR_OK ? err : closed;
    }
    wr_log_close(&log);
    wr_arena_deinit(&arena);
    return err;
}

static enum wr_io sync_path(const struct wr_port_disk *disk, const char *path)
{
    int32_t file;
    enum wr_io io = disk->open(disk->context, path, WR_DISK_WRITE, &file);
    if (io != WR_IO_OK) {
        return io;
    }
    io = disk->sync(disk->context, file);
    enum wr_io closed = disk->close(disk->context, file);
    return io != WR_IO_OK ? io : closed;
}

/* Whatever is left of one that was not finished, its rollback journal included. */
static void clear_new(const struct pass *pass)
{
    static const char *const names[] = {"sqlite/new.db", "sqlite/new.db-journal",
                                        "sqlite/new.db-wal", "sqlite/new.db-shm"};
    const struct wr_port_disk *disk = &pass->port->disk;
    char path[PATH_MAX_BYTES];
    for (size_t i = 0; i < WR_COUNTOF(names); i++) {
        path_of(pass, names[i], path);
        disk->remove(disk->context, path);
    }
}

static wr_err make(const struct pass *pass, uint64_t first, uint64_t next, struct wr_error *error)
{
    const struct wr_port_disk *disk = &pass->port->disk;
    char from[PATH_MAX_BYTES], new[PATH_MAX_BYTES], to[PATH_MAX_BYTES], folder[PATH_MAX_BYTES];
    path_of_first(pass, "log", first, from);
    path_of_first(pass, "db", first, to);
    path_of(pass, "sqlite/new.db", new);
    path_of(pass, "sqlite", folder);
    clear_new(pass);
    wr_err err = fill(pass, from, new, next, error);
    if (err != WR_OK || stops(pass)) {
        clear_new(pass);
        return err;
    }
    enum wr_io io = sync_path(disk, new);
    io = io != WR_IO_OK ? io : disk->rename(disk->context, new, to);
    io = io != WR_IO_OK ? io : disk->sync_directory(disk->context, folder);
    return io == WR_IO_OK ? WR_OK : failed(to, io, error);
}

static wr_err run_pass(struct pass *pass, struct wr_error *error)
{
    const struct wr_port_disk *disk = &pass->port->disk;
    struct found *found = &pass->found;
    char path[PATH_MAX_BYTES];
    wr_err err = look(pass, error);
    for (size_t i = 0; err == WR_OK && i < found->n_files; i++) {
        if (!has(found->logs, found->n_logs, found->files[i])) {
            path_of_first(pass, "db", found->files[i], path);
            enum wr_io io = disk->remove(disk->context, path);
            err = io == WR_IO_OK ? WR_OK : failed(path, io, error);
        }
    }
    for (size_t i = 0; err == WR_OK && !stops(pass) && i + 1 < found->n_logs; i++) {
        if (!has(found->files, found->n_files, found->logs[i])) {
            err = make(pass, found->logs[i], found->logs[i + 1], error);
        }
    }
    return err;
}

wr_err wr_sqlite_behind_pass(const struct wr_port *port, const char *directory,
                             const atomic_bool *stop, struct wr_error *error)
{
    struct pass pass = {.port = port, .directory = directory, .stop = stop};
    pass.found.logs = malloc(WR_LIMIT_SEGMENTS * sizeof(uint64_t));
    pass.found.files = malloc(WR_LIMIT_SEGMENTS * sizeof(uint64_t));
    wr_err err = pass.found.logs != NULL && pass.found.files != NULL
                     ? run_pass(&pass, error)
                     : wr_fail(error, WR_E_MEMORY, "no memory for the files of the journal");
    free(pass.found.logs);
    free(pass.found.files);
    return err;
}

/* ── the thread ─────────────────────────────────────────────────────────────────────────────── */
struct wr_sqlite_behind {
    const struct wr_port *port;
    char directory[WR_LIMIT_STATE_PATH + 1];
    void (*failed)(void *context, const struct wr_error *error);
    void *context;
    uintptr_t id;
    atomic_bool stop;
    struct wr_gate gate;
};

static void run(void *arg)
{
    struct wr_sqlite_behind *behind = arg;
    const struct wr_port_threads *threads = &behind->port->threads;
    if (threads->give_way != NULL) {
        threads->give_way(threads->context, WR_GIVE_ALL);
    }
    while (!atomic_load(&behind->stop)) {
        struct wr_error error = {.offset = WR_NO_OFFSET};
        int64_t wait_ns = PASS_EVERY_NS;
        if (wr_sqlite_behind_pass(behind->port, behind->directory, &behind->stop, &error) !=
            WR_OK) {
            behind->failed(behind->context, &error);
            wait_ns = RETRY_AFTER_NS;
        }
        threads->gate_wait(threads->context, &behind->gate, wait_ns);
    }
}

wr_err wr_sqlite_behind_open(const struct wr_port *port, const char *directory,
                             void (*hears)(void *context, const struct wr_error *error),
                             void *context, struct wr_sqlite_behind **out, struct wr_error *error)
{
    *out = NULL;
    if (port->threads.start == NULL) {
        return wr_fail(error, WR_E_UNSUPPORTED,
                       "SQLite files are made by a thread, and here are "
                       "none");
    }
    struct wr_sqlite_behind *behind = calloc(1, sizeof *behind);
    if (behind == NULL || strlen(directory) >= sizeof behind->directory) {
        free(behind);
        return wr_fail(error, WR_E_MEMORY, "no memory for the thread that makes SQLite files");
    }
    behind->port = port;
    behind->failed = hears;
    behind->context = context;
    memcpy(behind->directory, directory, strlen(directory) + 1);
    if (port->threads.start(port->threads.context, "weir-sqlite", run, behind, &behind->id) !=
        WR_IO_OK) {
        free(behind);
        return wr_fail(error, WR_E_MEMORY, "no thread to make SQLite files");
    }
    *out = behind;
    return WR_OK;
}

void wr_sqlite_behind_close(struct wr_sqlite_behind *behind)
{
    const struct wr_port_threads *threads = &behind->port->threads;
    atomic_store(&behind->stop, true);
    threads->gate_open(threads->context, &behind->gate);
    threads->join(threads->context, behind->id);
    free(behind);
}
