/* SPDX-License-Identifier: Apache-2.0 */
/* The port for WASI under WasmEdge: clocks, entropy, memory; no threads, no signals. Sockets are in
 * net_wasmedge.c, files in disk_posix.c.
 *
 * A lock must die with its owner, and WASI has no locks on files: a state directory is held by
 * listening on a loopback port that is computed from the identity of its lock file, whatever path
 * leads there. That keeps out a second process of the same network name space, which a pod is; over
 * pods, Kubernetes has to (ReadWriteOncePod). */
#include "port/host.h"
#include "port/posix.h"
#include "port/wasmedge.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

/* The ports lie below those that systems give to connections (from 32768) and Kubernetes to
 * services (from 30000). */
enum { LOCK_PORT_FIRST = 20000, LOCK_PORTS = 8000, ENTROPY_STEP = 256, PAGE = 65536 };

/* ── clock ──────────────────────────────────────────────────────────────────────────────────── */
static int64_t clock_ns(__wasi_clockid_t id)
{
    __wasi_timestamp_t now = 0;
    return __wasi_clock_time_get(id, 1, &now) == 0 ? (int64_t)now : 0;
}

static int64_t wall_ns(void *context)
{
    (void)context;
    return clock_ns(__WASI_CLOCKID_REALTIME);
}

static int64_t mono_ns(void *context)
{
    (void)context;
    return clock_ns(__WASI_CLOCKID_MONOTONIC);
}

/* ── entropy, process, memory ───────────────────────────────────────────────────────────────── */
static enum wr_io entropy_fill(void *context, void *bytes, size_t n)
{
    (void)context;
    for (size_t at = 0; at < n; at += ENTROPY_STEP) {
        if (getentropy((char *)bytes + at, WR_MIN(n - at, (size_t)ENTROPY_STEP)) != 0) {
            return WR_IO_FAILED;
        }
    }
    return WR_IO_OK;
}

static uint32_t process_descriptors(void *context)
{
    (void)context;
    return 0; /* not known: connections have their own limit */
}

static bool process_no_signal(void *context)
{
    (void)context;
    return false; /* POST /drain and POST /v1/pack:reload instead */
}

static uint64_t process_resident(void *context)
{
    (void)context;
    return (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
}

static int64_t process_cpu(void *context)
{
    (void)context;
    return clock_ns(__WASI_CLOCKID_PROCESS_CPUTIME_ID);
}

static void *memory_take(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void memory_give(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}

/* ── locks ──────────────────────────────────────────────────────────────────────────────────── */
static enum wr_io lock_take(void *context, const char *path, int32_t *lock)
{
    (void)context;
    struct stat file;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &file) != 0) {
        enum wr_io io = wr_posix_io(errno);
        if (fd >= 0) {
            close(fd);
        }
        return io;
    }
    close(fd);
    const uint64_t identity[2] = {(uint64_t)file.st_dev, (uint64_t)file.st_ino};
    uint64_t hash = wr_siphash13((struct wr_hash_key){0, 0}, identity, sizeof identity);
    return wr_wasmedge_hold_port((uint16_t)(LOCK_PORT_FIRST + hash % LOCK_PORTS), lock);
}

static void lock_give(void *context, int32_t lock)
{
    (void)context;
    close(lock);
}

/* ── the host ───────────────────────────────────────────────────────────────────────────────── */
enum wr_io wr_host_open(struct wr_port *port)
{
    memset(port, 0, sizeof *port);
    wr_wasmedge_net_open(&port->net);
    wr_posix_disk_open(&port->disk);
    port->disk.lock = lock_take;
    port->disk.unlock = lock_give;
    port->clock = (struct wr_port_clock){wall_ns, mono_ns, NULL};
    port->entropy = (struct wr_port_entropy){entropy_fill, NULL};
    port->process = (struct wr_port_process){process_descriptors,
                                             process_no_signal,
                                             process_no_signal,
                                             process_resident,
                                             process_cpu,
                                             NULL,
                                             NULL,
                                             NULL,
                                             NULL};
    port->memory = (struct wr_memory){memory_take, memory_give, NULL};
    return WR_IO_OK;
}

void wr_host_close(void)
{
}

uint32_t wr_host_connections_max(void)
{
    return WR_LIMIT_WASM_CONNECTIONS;
}

const char *wr_host_address(void)
{
    return ":8181"; /* the pod's own network; from outside by a Service only */
}
