/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of state directories. */
#include "port/linux.h"
#include "port/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
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

void wr_linux_lock_open(struct wr_port_disk *disk)
{
    disk->lock = lock_take;
    disk->unlock = lock_give;
}
