/* SPDX-License-Identifier: Apache-2.0 */
/* What POSIX lacks: locks of state directories, space ahead of the end of a file, and a way to say
 * what need not stay in memory (POSIX has that, WASI has not). */
#include "port/linux.h"
#include "port/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* flock belongs to the open file, so it also keeps out a second opening by this process. */
static enum wr_io lock_take(void *context, const char *path, int32_t *lock)
{
    (void)context;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return wr_posix_io(errno);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        enum wr_io result = errno == EWOULDBLOCK ? WR_IO_BUSY : wr_posix_io(errno);
        close(fd);
        return result;
    }
    *lock = fd;
    return WR_IO_OK;
}

static void lock_give(void *context, int32_t lock)
{
    (void)context;
    close(lock);
}

static uint64_t room_of(const struct statvfs *system)
{
    uint64_t blocks = geteuid() == 0 ? system->f_bfree : system->f_bavail; /* some are root's */
    return blocks * system->f_frsize;
}

static uint64_t room(void *context, const char *directory)
{
    (void)context;
    struct statvfs system;
    return statvfs(directory, &system) == 0 ? room_of(&system) : 0;
}

/* Is there surely no room for n bytes from an offset on? A file system that is asked for more than
 * it has may give all of that before it says so and takes it back, and who writes meanwhile finds
 * it full. */
static bool is_too_much(int32_t file, uint64_t offset, uint64_t n)
{
    struct statvfs system;
    struct stat about;
    if (fstatvfs(file, &system) != 0 || fstat(file, &about) != 0 || system.f_blocks == 0) {
        return false; /* not known: some file systems count nothing */
    }
    uint64_t has = (uint64_t)about.st_blocks * 512;
    has -= WR_MIN(has, offset); /* behind what is written */
    return n - WR_MIN(n, has) > room_of(&system);
}

/* fallocate without changing the size: file systems that cannot do it say so, and nothing is lost.
 */
static enum wr_io reserve(void *context, int32_t file, uint64_t offset, uint64_t n)
{
    (void)context;
    int saved = errno, error;
    if (is_too_much(file, offset, n)) {
        errno = saved;
        return WR_IO_FULL;
    }
    do {
        error = fallocate(file, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)n) == 0 ? 0 : errno;
    } while (error == EINTR);
    errno = saved;
    return error == 0 ? WR_IO_OK : wr_posix_io(error);
}

static void uncache(void *context, int32_t file, uint64_t offset, uint64_t n)
{
    (void)context;
    if (n != 0) { /* 0 would mean all behind it */
        (void)posix_fadvise(file, (off_t)offset, (off_t)n, POSIX_FADV_DONTNEED);
    }
}

/* The system gives a lease to write only to who alone has a file open. */
static bool is_alone(void *context, int32_t file)
{
    (void)context;
    struct stat about;
    return fstat(file, &about) == 0 && about.st_nlink == 0 &&
           fcntl(file, F_SETLEASE, F_WRLCK) == 0 && fcntl(file, F_SETLEASE, F_UNLCK) == 0;
}

static enum wr_io open_direct(void *context, const char *path, int32_t *file)
{
    (void)context;
    int fd = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
    *file = fd;
    return fd >= 0 ? WR_IO_OK : wr_posix_io(errno);
}

void wr_linux_disk_open(struct wr_port_disk *disk)
{
    disk->open_direct = open_direct;
    disk->reserve = reserve;
    disk->room = room;
    disk->uncache = uncache;
    disk->is_alone = is_alone;
    disk->lock = lock_take;
    disk->unlock = lock_give;
}
