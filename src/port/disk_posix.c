/* SPDX-License-Identifier: Apache-2.0 */
/* Files. Nothing is buffered here: a write that returned is in the kernel and
 * survives the death of the process; only a sync makes it survive the loss of power. */
#include "port/posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* rename */
#include <sys/stat.h>
#include <unistd.h>

static enum wr_io file_open(void *context, const char *path, uint32_t flags, int32_t *file)
{
    (void)context;
    int how = O_CLOEXEC;
    how |= (flags & WR_DISK_WRITE) != 0 ? O_RDWR : O_RDONLY;
    how |= (flags & WR_DISK_CREATE) != 0 ? O_CREAT : 0;
    how |= (flags & WR_DISK_FRESH) != 0 ? O_EXCL : 0;
    int fd;
    do {
        fd = open(path, how, 0600);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return wr_posix_io(errno);
    }
    *file = fd;
    return WR_IO_OK;
}

static enum wr_io file_close(void *context, int32_t file)
{
    (void)context;
    return close(file) == 0 || errno == EINTR ? WR_IO_OK : wr_posix_io(errno);
}

static enum wr_io file_read_at(void *context, int32_t file, void *bytes, size_t n, uint64_t offset,
                               size_t *got)
{
    (void)context;
    size_t done = 0;
    while (done < n) {
        ssize_t step = pread(file, (char *)bytes + done, n - done, (off_t)(offset + done));
        if (step == 0) {
            break;
        }
        if (step < 0 && errno != EINTR) {
            return wr_posix_io(errno);
        }
        done += step > 0 ? (size_t)step : 0;
    }
    *got = done;
    return WR_IO_OK;
}

static enum wr_io file_write_at(void *context, int32_t file, const void *bytes, size_t n,
                                uint64_t offset)
{
    (void)context;
    size_t done = 0;
    while (done < n) {
        ssize_t step = pwrite(file, (const char *)bytes + done, n - done, (off_t)(offset + done));
        if (step < 0 && errno != EINTR) {
            return wr_posix_io(errno);
        }
        if (step == 0) {
            return WR_IO_FULL;
        }
        done += step > 0 ? (size_t)step : 0;
    }
    return WR_IO_OK;
}

/* Whatever else a sync fails with, it is one that failed; want of space is told apart. */
static enum wr_io sync_result(int result)
{
    enum wr_io io = result == 0 ? WR_IO_OK : wr_posix_io(errno);
    return io == WR_IO_OK || io == WR_IO_FULL ? io : WR_IO_FAILED;
}

static enum wr_io file_sync(void *context, int32_t file)
{
    (void)context;
    return sync_result(fdatasync(file));
}

static enum wr_io file_truncate(void *context, int32_t file, uint64_t size)
{
    (void)context;
    return ftruncate(file, (off_t)size) == 0 ? WR_IO_OK : wr_posix_io(errno);
}

static enum wr_io file_size(void *context, int32_t file, uint64_t *size)
{
    (void)context;
    struct stat about;
    if (fstat(file, &about) != 0) {
        return wr_posix_io(errno);
    }
    *size = (uint64_t)about.st_size;
    return WR_IO_OK;
}

static enum wr_io path_exists(void *context, const char *path)
{
    (void)context;
    return access(path, F_OK) == 0 ? WR_IO_OK : wr_posix_io(errno);
}

static enum wr_io path_remove(void *context, const char *path)
{
    (void)context;
    return unlink(path) == 0 ? WR_IO_OK : wr_posix_io(errno);
}

static enum wr_io path_rename(void *context, const char *from, const char *to)
{
    (void)context;
    return rename(from, to) == 0 ? WR_IO_OK : wr_posix_io(errno);
}

static enum wr_io directory_make(void *context, const char *path)
{
    (void)context;
    struct stat about;
    if (mkdir(path, 0700) == 0) {
        return WR_IO_OK;
    }
    int error = errno;
    if (error == EEXIST && stat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
        return WR_IO_OK;
    }
    return wr_posix_io(error);
}

static enum wr_io directory_sync(void *context, const char *path)
{
    (void)context;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return wr_posix_io(errno);
    }
    enum wr_io result = sync_result(fsync(fd));
    close(fd);
    return result;
}

static enum wr_io directory_list(void *context, const char *path,
                                 bool (*each)(void *arg, const char *name), void *arg)
{
    (void)context;
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return wr_posix_io(errno);
    }
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            enum wr_io result = errno == 0 ? WR_IO_OK : wr_posix_io(errno);
            closedir(directory);
            return result;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            !each(arg, entry->d_name)) {
            closedir(directory);
            return WR_IO_OK;
        }
    }
}

void wr_posix_disk_open(struct wr_port_disk *disk)
{
    *disk = (struct wr_port_disk){
        .open = file_open,
        .close = file_close,
        .read_at = file_read_at,
        .write_at = file_write_at,
        .sync = file_sync,
        .truncate = file_truncate,
        .size = file_size,
        .exists = path_exists,
        .remove = path_remove,
        .rename = path_rename,
        .make_directory = directory_make,
        .sync_directory = directory_sync,
        .list = directory_list,
    };
}
