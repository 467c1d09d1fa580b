/* SPDX-License-Identifier: Apache-2.0 */
/* Mapped files (filemap.h). */
#include "app/filemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#ifndef __wasi__
#include <sys/mman.h>
#endif
#include <sys/stat.h>
#include <unistd.h>

#ifdef __wasi__ /* there is no mapping: read */
static void *map(int fd, size_t size)
{
    char *bytes = malloc(size);
    for (size_t at = 0; bytes != NULL && at < size;) {
        ssize_t got = read(fd, bytes + at, size - at);
        if (got <= 0) {
            free(bytes);
            return NULL;
        }
        at += (size_t)got;
    }
    return bytes;
}

void wr_file_unmap(struct wr_str bytes)
{
    free((void *)(uintptr_t)bytes.p);
}

void wr_file_release(const void *bytes, size_t n)
{
    (void)bytes;
    (void)n;
}
#else
static void *map(int fd, size_t size)
{
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    return bytes != MAP_FAILED ? bytes : NULL;
}

void wr_file_unmap(struct wr_str bytes)
{
    if (bytes.n > 0) {
        munmap((void *)(uintptr_t)bytes.p, bytes.n);
    }
}

void wr_file_release(const void *bytes, size_t n)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)bytes + page - 1) / page * page;
    uintptr_t to = ((uintptr_t)bytes + n) / page * page;
    if (from < to) {
        madvise((void *)from, to - from, MADV_DONTNEED); /* a refusal costs memory only */
    }
}
#endif

wr_err wr_file_map(const char *path, size_t size_max, struct wr_str *out, struct wr_error *error)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *out = WR_STR("");
    if (fd < 0 || fstat(fd, &st) != 0) {
        wr_err code = wr_fail(error, WR_E_IO, "cannot open %s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return code;
    }
    bool fits = (uint64_t)st.st_size <= size_max && st.st_size > 0;
    void *bytes = fits ? map(fd, (size_t)st.st_size) : NULL;
    int cause = errno;
    close(fd);
    if ((uint64_t)st.st_size > size_max) {
        return wr_fail(error, WR_E_LIMIT, "%s is larger than %zu bytes", path, size_max);
    }
    if (bytes == NULL && st.st_size > 0) {
        return wr_fail(error, WR_E_IO, "cannot map %s: %s", path, strerror(cause));
    }
    if (st.st_size > 0) {
        *out = wr_str_of(bytes, (size_t)st.st_size);
    }
    return WR_OK;
}
