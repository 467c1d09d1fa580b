/* SPDX-License-Identifier: Apache-2.0 */
/* How much of the files of a directory the system holds in memory. */
#ifndef RESIDENT_H
#define RESIDENT_H

#include "check.h"
#include "port/port.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct resident {
    const char *directory;
    size_t bytes;
};

static inline bool resident_add(void *arg, const char *name)
{
    struct resident *resident = arg;
    char path[128];
    struct stat about;
    snprintf(path, sizeof path, "%s/%s", resident->directory, name);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &about) == 0 && about.st_size > 0) {
        size_t n = (size_t)about.st_size, pages = (n + 4095) / 4096;
        void *bytes = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
        unsigned char *held = malloc(pages);
        CHECK(bytes != MAP_FAILED && mincore(bytes, n, held) == 0);
        for (size_t i = 0; i < pages; i++) {
            resident->bytes += (held[i] & 1u) != 0 ? 4096 : 0;
        }
        free(held);
        munmap(bytes, n);
    }
    close(fd);
    return true;
}

static inline size_t resident_bytes(const struct wr_port_disk *disk, const char *directory)
{
    struct resident resident = {.directory = directory};
    CHECK_INT(disk->list(disk->context, directory, resident_add, &resident), WR_IO_OK);
    return resident.bytes;
}

/* False where the directory is in a file system that lives in memory, and lets go of nothing; asked
 * of the system itself, in a directory that is empty. */
static inline bool resident_lets_go(const struct wr_port_disk *disk, const char *directory)
{
    static const char bytes[1 << 16] = {1};
    char path[128];
    int32_t file;
    snprintf(path, sizeof path, "%s/probe", directory);
    CHECK_INT(disk->open(disk->context, path, WR_DISK_WRITE | WR_DISK_CREATE, &file), WR_IO_OK);
    CHECK_INT(disk->write_at(disk->context, file, bytes, sizeof bytes, 0), WR_IO_OK);
    CHECK_INT(disk->sync(disk->context, file), WR_IO_OK);
    posix_fadvise(file, 0, sizeof bytes, POSIX_FADV_DONTNEED);
    disk->close(disk->context, file);
    bool gone = resident_bytes(disk, directory) < sizeof bytes;
    CHECK_INT(disk->remove(disk->context, path), WR_IO_OK);
    if (!gone) {
        fprintf(stderr, "this file system lets go of nothing\n");
    }
    return gone;
}

#endif
