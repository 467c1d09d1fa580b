/* SPDX-License-Identifier: Apache-2.0 */
/* The native port: clock, entropy, threads and signals; net, disk and memory have their own files.
 *
 * Gates are futexes: opening one that nobody waits on is one atomic exchange and no system call.
 * Source: Drepper, "Futexes are tricky", 2011. */
#include "port/linux.h"
#include "port/posix.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLICE_NS 100000 /* the shortest that Linux grants */

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
    const char *name;
    void (*run)(void *arg);
    void *arg;
};

static void *thread_main(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    prctl(PR_SET_NAME, start.name); /* from outside it would be a file in /proc to open */
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
    *start = (struct start){name, run, arg};
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
    *thread = (uintptr_t)id;
    return WR_IO_OK;
}

static void thread_join(void *context, uintptr_t thread)
{
    (void)context;
    pthread_join((pthread_t)thread, NULL);
}

/* word: 0 shut, 1 opened, 2 somebody waits. */
void wr_linux_gate_open(struct wr_gate *gate)
{
    if (__atomic_exchange_n(&gate->word, 1, __ATOMIC_SEQ_CST) == 2) {
        syscall(SYS_futex, &gate->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

void wr_linux_gate_wait(struct wr_gate *gate, int64_t timeout_ns)
{
    uint32_t shut = 0;
    if (__atomic_compare_exchange_n(&gate->word, &shut, 2, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST)) {
        struct timespec wait = {timeout_ns / 1000000000, timeout_ns % 1000000000};
        syscall(SYS_futex, &gate->word, FUTEX_WAIT_PRIVATE, 2, &wait, NULL, 0);
    }
    __atomic_store_n(&gate->word, 0, __ATOMIC_SEQ_CST);
}

static void gate_open(void *context, struct wr_gate *gate)
{
    (void)context;
    wr_linux_gate_open(gate);
}

static void gate_wait(void *context, struct wr_gate *gate, int64_t timeout_ns)
{
    (void)context;
    wr_linux_gate_wait(gate, timeout_ns);
}

/* Linux keeps a nice value for each thread. */
static void give_way(void *context, int steps)
{
    (void)context;
    setpriority(PRIO_PROCESS, 0, WR_MIN(getpriority(PRIO_PROCESS, 0) + steps, WR_GIVE_ALL));
}

/* What <linux/sched/types.h> calls sched_attr; it cannot be included beside <sched.h>. */
struct schedule {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice_ns, deadline_ns, period_ns; /* runtime, where a policy has no slice */
};

/* From Linux 6.12 on a thread of the usual policy may ask for slices shorter than the system's (1.4
 * ms and more): its share stays the same, its turns come sooner. Older ones take no notice. Source:
 * the manual of sched_setattr(2); Zijlstra, "sched/eevdf: Allow sched_setattr() to set slice". */
void wr_port_linux_hasten(void)
{
    struct schedule schedule;
    memset(&schedule, 0, sizeof schedule);
    if (syscall(SYS_sched_getattr, 0, &schedule, sizeof schedule, 0) == 0 &&
        (schedule.policy == SCHED_OTHER || schedule.policy == SCHED_BATCH)) {
        schedule.slice_ns = SLICE_NS;
        syscall(SYS_sched_setattr, 0, &schedule, 0);
    }
}

static void hasten(void *context)
{
    (void)context;
    wr_port_linux_hasten();
}

static void yield(void *context)
{
    (void)context;
    sched_yield();
}

/* ── process ─────────────────────────────────────────────────────────────────────── */
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

static void process_started(void *context)
{
    (void)context;
    wr_linux_memory_started();
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
enum wr_io wr_port_linux_open(struct wr_port *port, struct wr_port_linux **native)
{
    struct wr_port_linux *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return WR_IO_LIMIT;
    }
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
    port->threads = (struct wr_port_threads){thread_start, thread_join, gate_open, gate_wait,
                                             give_way,     hasten,      yield,     NULL};
    port->process =
        (struct wr_port_process){process_descriptors,   process_stopping,      process_reload_asked,
                                 process_resident,      process_cpu,           process_started,
                                 wr_linux_memory_touch, wr_linux_memory_ahead, NULL};
    wr_linux_memory_open(&port->memory);
    *native = self;
    return WR_IO_OK;
}

void wr_port_linux_close(struct wr_port_linux *native)
{
    if (stop_native == native) {
        stop_native = NULL;
    }
    wr_linux_net_close(native);
    wr_linux_memory_close();
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
    sigaction(SIGIO, &ignore, NULL);
}
