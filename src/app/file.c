/* SPDX-License-Identifier: Apache-2.0 */
#include "app/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void *heap_take(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void heap_give(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}

const struct wr_memory wr_heap = {heap_take, heap_give, NULL};

static wr_err fail_io(struct wr_error *error, const char *path, const char *what)
{
    int cause = errno;
    wr_err code = wr_fail(error, WR_E_IO, "cannot %s: %s", what, strerror(cause));
    wr_error_where(error, path, strlen(path));
    return code;
}

static wr_err read_all(struct wr_arena *arena, int fd, const char *path, size_t size_max,
                       struct wr_str *out, struct wr_error *error)
{
    struct stat info;
    size_t guess = fstat(fd, &info) == 0 && info.st_size > 0 ? (size_t)info.st_size + 2 : 65536;
    struct wr_buf buf = wr_buf_in(arena, WR_MIN(guess, size_max + 2));
    for (;;) {
        size_t want = WR_MAX(buf.cap - buf.n, (size_t)1);
        char *room = wr_buf_reserve(&buf, want);
        if (room == NULL) {
            return wr_fail(error, WR_E_MEMORY, "%s does not fit into memory", path);
        }
        ssize_t got = read(fd, room, want);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_io(error, path, "read");
        }
        if (got == 0) {
            break;
        }
        buf.n += (size_t)got;
        if (buf.n > size_max) {
            return wr_fail(error, WR_E_LIMIT, "%s is larger than %zu bytes", path, size_max);
        }
    }
    char *end = wr_buf_reserve(&buf, 1);
    if (end == NULL) {
        return wr_fail(error, WR_E_MEMORY, "%s does not fit into memory", path);
    }
    *end = '\0';
    *out = wr_str_of(buf.p, buf.n);
    return WR_OK;
}

wr_err wr_file_read(struct wr_arena *arena, const char *path, size_t size_max, struct wr_str *out,
                    struct wr_error *error)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail_io(error, path, "open");
    }
    wr_err code = read_all(arena, fd, path, size_max, out, error);
    if (!standard) {
        close(fd);
    }
    return code;
}

static bool write_all(int fd, struct wr_str bytes)
{
    while (bytes.n != 0) {
        ssize_t put = write(fd, bytes.p, bytes.n);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return false;
        }
        bytes = wr_str_of(bytes.p + put, bytes.n - (size_t)put);
    }
    return true;
}

wr_err wr_file_write(const char *path, struct wr_str bytes, struct wr_error *error)
{
    char temporary[4096];
    int n = snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof temporary) {
        return wr_fail(error, WR_E_IO, "the path is too long: %s", path);
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return fail_io(error, path, "create");
    }
    bool good = write_all(fd, bytes) && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    if (!good || rename(temporary, path) != 0) {
        wr_err code = fail_io(error, path, "write");
        unlink(temporary);
        return code;
    }
    return WR_OK;
}

bool wr_file_is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool wr_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

struct walk {
    struct wr_arena *arena;
    struct wr_file_list *out;
    struct wr_error *error;
    char path[4096]; /* the root, then what is below */
    size_t root_n;
};

static wr_err walk_directory(struct walk *walk, size_t n, unsigned depth);

static wr_err walk_entry(struct walk *walk, size_t n, unsigned depth)
{
    struct stat info;
    if (lstat(walk->path, &info) != 0) {
        return fail_io(walk->error, walk->path, "look at");
    }
    if (S_ISDIR(info.st_mode)) {
        return walk_directory(walk, n, depth + 1);
    }
    if (S_ISLNK(info.st_mode) && stat(walk->path, &info) != 0) {
        return fail_io(walk->error, walk->path, "follow");
    }
    if (!S_ISREG(info.st_mode)) {
        return WR_OK;
    }
    if (walk->out->n == WR_LIMIT_FILES) {
        return wr_fail(walk->error, WR_E_LIMIT, "more than %d files", WR_LIMIT_FILES);
    }
    struct wr_str relative = wr_str_of(walk->path + walk->root_n + 1, n - walk->root_n - 1);
    walk->out->paths[walk->out->n++] = wr_str_copy(walk->arena, relative);
    return WR_OK;
}

static wr_err walk_directory(struct walk *walk, size_t n, unsigned depth)
{
    if (depth > WR_LIMIT_FILE_DEPTH) {
        return wr_fail(walk->error, WR_E_LIMIT, "folders nest deeper than %d", WR_LIMIT_FILE_DEPTH);
    }
    DIR *folder = opendir(walk->path);
    if (folder == NULL) {
        return fail_io(walk->error, walk->path, "open");
    }
    wr_err code = WR_OK;
    for (struct dirent *entry; code == WR_OK && (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strncmp(entry->d_name, "..", 2) == 0) {
            continue;
        }
        size_t name_n = strlen(entry->d_name);
        if (n + name_n + 2 > sizeof walk->path) {
            code = wr_fail(walk->error, WR_E_LIMIT, "a path is longer than %zu", sizeof walk->path);
            break;
        }
        walk->path[n] = '/';
        memcpy(walk->path + n + 1, entry->d_name, name_n + 1);
        code = walk_entry(walk, n + 1 + name_n, depth);
        walk->path[n] = '\0';
    }
    closedir(folder);
    return code;
}

static int by_text(const void *a, const void *b)
{
    return wr_str_cmp(*(const struct wr_str *)a, *(const struct wr_str *)b);
}

wr_err wr_file_walk(struct wr_arena *arena, const char *directory, struct wr_file_list *out,
                    struct wr_error *error)
{
    struct walk walk = {.arena = arena, .out = out, .error = error};
    *out = (struct wr_file_list){0}; /* the list's pages are touched as far as there are files */
    out->paths = wr_arena_alloc(arena, WR_LIMIT_FILES * sizeof *out->paths, alignof(struct wr_str));
    walk.root_n = strlen(directory);
    while (walk.root_n > 1 && directory[walk.root_n - 1] == '/') {
        walk.root_n--;
    }
    if (out->paths == NULL || walk.root_n + 1 > sizeof walk.path) {
        return wr_fail(error, WR_E_MEMORY, "no room to list %s", directory);
    }
    memcpy(walk.path, directory, walk.root_n);
    wr_err code = walk_directory(&walk, walk.root_n, 0);
    qsort(out->paths, out->n, sizeof *out->paths, by_text);
    return wr_arena_failed(arena) ? wr_fail(error, WR_E_MEMORY, "no room") : code;
}
