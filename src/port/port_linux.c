/* SPDX-License-Identifier: Apache-2.0 */
/* The native port: clock, entropy, threads, memory and signals; net and disk have their own files.
 *
 * Gates are futexes: opening one that nobody waits on is one atomic exchange and no system call.
 * Source: Drepper, "Futexes are tricky", 2011. */
#include "port/linux.h"
#include "port/posix.h"

#include <errno.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    BLOCK_MAPPED = 1 << 18, /* blocks of this size and more are mapped, smaller ones malloc'd */
    BLOCK_HUGE = 1 << 21,   /* and of this size and more on huge pages where there are any: the
                               first touch of 4 KiB costs 12 us, that of 2 MiB about 100 us */
};

static volatile sig_atomic_t stop_signal, reload_signal;
static struct wr_port_linux *stop_native;

static int64_t clock_ns(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t) != 0) {
        return 0;
    }
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t wall_ns(void *context)
{
    (void)context;
    return clock_ns(CLOCK_REALTIME);
}

static int64_t mono_ns(void *context)
{
    (void)context;
    return clock_ns(CLOCK_MONOTONIC);
}

static enum wr_io entropy_fill(void *context, void *bytes, size_t n)
{
    (void)context;
    uint8_t *at = bytes;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno != EINTR) {
            return wr_posix_io(errno);
        }
        if (got > 0) {
            at += got;
            n -= (size_t)got;
        }
    }
    return WR_IO_OK;
}

/* ── threads ────────────────────────────────────────────────────────────────────────────────── */
struct start {
    void (*run)(void *arg);
    void *arg;
};

static void *thread_main(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    start.run(start.arg);
    return NULL;
}

static enum wr_io thread_start(void *context, const char *name, void (*run)(void *arg), void *arg,
                               uintptr_t *thread)
{
    (void)context;
    struct start *start = malloc(sizeof *start);
    if (start == NULL) {
        return WR_IO_LIMIT;
    }
    *start = (struct start){run, arg};
    sigset_t all, before; /* signals are for the loop's thread */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t id;
    int error = pthread_create(&id, NULL, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        free(start);
        return WR_IO_LIMIT;
    }
    pthread_setname_np(id, name);
    *thread = (uintptr_t)id;
    return WR_IO_OK;
}

static void thread_join(void *context, uintptr_t thread)
{
    (void)context;
    pthread_join((pthread_t)thread, NULL);
}

/* word: 0 shut, 1 opened, 2 somebody waits. */
static void gate_open(void *context, struct wr_gate *gate)
{
    (void)context;
    if (__atomic_exchange_n(&gate->word, 1, __ATOMIC_SEQ_CST) == 2) {
        syscall(SYS_futex, &gate->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static void gate_wait(void *context, struct wr_gate *gate, int64_t timeout_ns)
{
    (void)context;
    uint32_t shut = 0;
    if (__atomic_compare_exchange_n(&gate->word, &shut, 2, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST)) {
        struct timespec wait = {timeout_ns / 1000000000, timeout_ns % 1000000000};
        syscall(SYS_futex, &gate->word, FUTEX_WAIT_PRIVATE, 2, &wait, NULL, 0);
    }
    __atomic_store_n(&gate->word, 0, __ATOMIC_SEQ_CST);
}

/* Linux keeps a nice value for each thread. */
static void give_way(void *context)
{
    (void)context;
    setpriority(PRIO_PROCESS, 0, 19);
}

/* ── process and memory ─────────────────────────────────────────────────────────────────────── */
static bool process_stopping(void *context)
{
    (void)context;
    return stop_signal != 0;
}

static bool process_reload_asked(void *context)
{
    (void)context;
    bool asked = reload_signal != 0;
    reload_signal = 0; /* before the pack is read: one that comes now is not lost */
    return asked;
}

/* Asks for all that the hard limit grants: the usual soft limit of 1024 is for select(2). */
static uint32_t process_descriptors(void *context)
{
    (void)context;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit wanted = {limit.rlim_max, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &wanted) == 0) {
            limit = wanted;
        }
    }
    return (uint32_t)WR_MIN(limit.rlim_cur, (rlim_t)1000000);
}

static uint64_t process_resident(void *context)
{
    (void)context;
    unsigned long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    int n = fscanf(file, "%lu %lu", &total, &resident);
    fclose(file);
    return n == 2 ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static int64_t process_cpu(void *context)
{
    (void)context;
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

#define SMALL_PAGE ((size_t)4096)
#define HUGE_PAGE  ((size_t)2 << 20)
/* The first so many blocks that could be huge begin on small pages: a start touches little of each,
 * and a huge page of memory that a virtual machine has never touched takes 5 ms. */
#define ROOMS 8

static size_t begins_small(size_t size)
{
    static uint32_t n;
    bool is_room = size >= HUGE_PAGE && __atomic_fetch_add(&n, 1, __ATOMIC_RELAXED) < ROOMS;
    return is_room ? HUGE_PAGE : 0;
}

static void *memory_take(void *context, size_t size)
{
    (void)context;
    if (size < BLOCK_MAPPED) {
        return malloc(size);
    }
    size = (size + SMALL_PAGE - 1) / SMALL_PAGE * SMALL_PAGE;
    size_t more = size >= HUGE_PAGE ? HUGE_PAGE : 0; /* to align it, so that pages are huge */
    uint8_t *block = mmap(NULL, size + more, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED) {
        return NULL;
    }
    if (more == 0) {
        if (size >= BLOCK_HUGE) {
            madvise(block, size, MADV_HUGEPAGE);
        }
        return block;
    }
    size_t before = (HUGE_PAGE - (uintptr_t)block % HUGE_PAGE) % HUGE_PAGE, after = more - before;
    if (before != 0) {
        munmap(block, before);
    }
    if (after != 0) {
        munmap(block + before + size, after);
    }
    size_t small = begins_small(size);
    madvise(block + before + small, size - small, MADV_HUGEPAGE); /* a refusal costs speed only */
    return block + before;
}

static void memory_give(void *context, void *block, size_t size)
{
    (void)context;
    if (size < BLOCK_MAPPED) {
        free(block);
    } else {
        munmap(block, size);
    }
}

/* A server's memory should stay as it is. By itself glibc raises the size from which blocks are
 * mapped after each large one that is freed, gives each thread a heap of its own, where what
 * another frees stays, and hands the end of the heap back only to ask for it again, page by page.
 */
static void steady_heap(void)
{
    mallopt(M_MMAP_THRESHOLD, BLOCK_MAPPED);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
    mallopt(M_TOP_PAD, 1 << 18);
    mallopt(M_ARENA_MAX, 2);
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
enum wr_io wr_port_linux_open(struct wr_port *port, struct wr_port_linux **native)
{
    struct wr_port_linux *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return WR_IO_LIMIT;
    }
    steady_heap();
    memset(port, 0, sizeof *port);
    enum wr_io result = wr_linux_net_open(self, &port->net);
    if (result != WR_IO_OK) {
        free(self);
        return result;
    }
    wr_posix_disk_open(&port->disk);
    wr_linux_disk_open(&port->disk);
    port->clock = (struct wr_port_clock){wall_ns, mono_ns, NULL};
    port->entropy = (struct wr_port_entropy){entropy_fill, NULL};
    port->threads =
        (struct wr_port_threads){thread_start, thread_join, gate_open, gate_wait, give_way, NULL};
    port->process =
        (struct wr_port_process){process_descriptors, process_stopping, process_reload_asked,
                                 process_resident,    process_cpu,      NULL};
    port->memory = (struct wr_memory){memory_take, memory_give, NULL};
    *native = self;
    return WR_IO_OK;
}

void wr_port_linux_close(struct wr_port_linux *native)
{
    if (stop_native == native) {
        stop_native = NULL;
    }
    wr_linux_net_close(native);
    free(native);
}

/* The loop may be waiting in poll. A full counter means that a wake is pending anyway. */
static void wake_loop(void)
{
    if (stop_native != NULL) {
        int before = errno;
        uint64_t one = 1;
        ssize_t written = write(stop_native->wake_fd, &one, sizeof one);
        (void)written;
        errno = before;
    }
}

static void on_stop(int number)
{
    stop_signal = number;
    wake_loop();
}

static void on_reload(int number)
{
    reload_signal = number;
    wake_loop();
}

void wr_port_linux_catch_signals(struct wr_port_linux *native)
{
    stop_native = native;
    struct sigaction stop = {.sa_handler = on_stop}, reload = {.sa_handler = on_reload};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&stop.sa_mask);
    sigemptyset(&reload.sa_mask);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGHUP, &reload, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
}
