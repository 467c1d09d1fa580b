/* SPDX-License-Identifier: Apache-2.0 */
/* For LD_PRELOAD: a disk whose syncs are slow, and a system that cannot accept, as a test says
 * while the program runs. The file named by FAULT_SHIM holds numbers of 64 bits: microseconds that
 * each fdatasync takes longer; the errno that accept4 fails with (0: none), and how often from now
 * on (below 0: always); how often it was called; the errno that fdatasync and fsync fail with. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct shim {
    _Atomic int64_t sync_us, accept_errno, accept_left, n_accepts, sync_errno;
};
static struct shim *shim;

__attribute__((constructor)) static void open_shim(void)
{
    const char *path = getenv("FAULT_SHIM");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map = MAP_FAILED;
    if (fd >= 0) {
        map = mmap(NULL, sizeof *shim, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    shim = map != MAP_FAILED ? map : NULL;
}

static int sync_or_fail(long call, int fd)
{
    int code = shim != NULL ? (int)atomic_load(&shim->sync_errno) : 0;
    if (code != 0) {
        errno = code;
        return -1;
    }
    return (int)syscall(call, fd);
}

int fdatasync(int fd)
{
    int64_t us = shim != NULL ? atomic_load(&shim->sync_us) : 0;
    if (us > 0) {
        nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
    }
    return sync_or_fail(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return sync_or_fail(SYS_fsync, fd);
}

int accept4(int listener, struct sockaddr *restrict address, socklen_t *restrict size, int flags)
{
    if (shim != NULL) {
        atomic_fetch_add(&shim->n_accepts, 1);
        if (atomic_load(&shim->accept_errno) != 0 && atomic_load(&shim->accept_left) != 0) {
            atomic_fetch_sub(&shim->accept_left, 1);
            errno = (int)atomic_load(&shim->accept_errno);
            return -1;
        }
    }
    return (int)syscall(SYS_accept4, listener, address, size, flags);
}
