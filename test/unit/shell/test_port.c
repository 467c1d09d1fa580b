/* SPDX-License-Identifier: Apache-2.0 */
/* The native port against the real system, in a directory of its own. */
#include "check.h"
#include "port/port_linux.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct wr_port port;
static struct wr_port_linux *native;
static char directory[64];

static const char *in_directory(const char *name)
{
    static char paths[4][128];
    static unsigned at;
    char *path = paths[at++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

TEST("files keep what is written and tell what fails")
{
    const struct wr_port_disk *disk = &port.disk;
    int32_t file, other;
    char bytes[32];
    size_t got;
    uint64_t size;
    CHECK_INT(disk->open(disk->context, in_directory("a"), WR_DISK_WRITE, &file), WR_IO_ABSENT);
    CHECK_INT(disk->open(disk->context, in_directory("a"), WR_DISK_WRITE | WR_DISK_CREATE, &file),
              WR_IO_OK);
    CHECK_INT(disk->open(disk->context, in_directory("a"),
                         WR_DISK_WRITE | WR_DISK_CREATE | WR_DISK_FRESH, &other),
              WR_IO_EXISTS);
    CHECK_INT(disk->write_at(disk->context, file, "hello", 5, 3), WR_IO_OK);
    CHECK_INT(disk->sync(disk->context, file), WR_IO_OK);
    CHECK_INT(disk->size(disk->context, file, &size), WR_IO_OK);
    CHECK_INT(size, 8);
    CHECK_INT(disk->read_at(disk->context, file, bytes, sizeof bytes, 2, &got), WR_IO_OK);
    CHECK(got == 6 && memcmp(bytes, "\0hello", 6) == 0);
    CHECK_INT(disk->truncate(disk->context, file, 4), WR_IO_OK);
    CHECK_INT(disk->size(disk->context, file, &size), WR_IO_OK);
    CHECK_INT(size, 4);
    CHECK_INT(disk->close(disk->context, file), WR_IO_OK);
    CHECK_INT(disk->rename(disk->context, in_directory("a"), in_directory("b")), WR_IO_OK);
    CHECK_INT(disk->exists(disk->context, in_directory("a")), WR_IO_ABSENT);
    CHECK_INT(disk->remove(disk->context, in_directory("b")), WR_IO_OK);
    CHECK_INT(disk->sync_directory(disk->context, directory), WR_IO_OK);
    CHECK_INT(disk->make_directory(disk->context, directory), WR_IO_OK);
}

TEST("space kept ahead leaves the size alone, and goes back with a truncation to it")
{
    const struct wr_port_disk *disk = &port.disk;
    struct stat kept, given;
    int32_t file;
    uint64_t size = 0;
    CHECK_INT(disk->open(disk->context, in_directory("s"), WR_DISK_WRITE | WR_DISK_CREATE, &file),
              WR_IO_OK);
    CHECK_INT(disk->write_at(disk->context, file, "hello", 5, 0), WR_IO_OK);
    enum wr_io reserved = disk->reserve(disk->context, file, 5, 1 << 20);
    CHECK_INT(disk->size(disk->context, file, &size), WR_IO_OK);
    CHECK_INT(size, 5);
    CHECK(fstat(file, &kept) == 0);
    CHECK_INT(disk->truncate(disk->context, file, size), WR_IO_OK);
    CHECK(fstat(file, &given) == 0 && given.st_size == 5);
    if (reserved != WR_IO_OK) {
        fprintf(stderr, "test_port: this file system keeps no space ahead\n");
    } else {
        CHECK(kept.st_blocks >= 2048 && given.st_blocks < 64);
    }
    CHECK_INT(disk->close(disk->context, file), WR_IO_OK);
    CHECK_INT(disk->remove(disk->context, in_directory("s")), WR_IO_OK);
}

struct beside { /* somebody who writes while space is asked for */
    int32_t file;
    atomic_bool stop;
    atomic_uint n_written, n_full;
};

static void write_beside(void *arg)
{
    static const uint8_t piece[4096];
    struct beside *b = arg;
    const struct wr_port_disk *disk = &port.disk;
    while (!atomic_load(&b->stop)) {
        enum wr_io io = disk->write_at(disk->context, b->file, piece, sizeof piece, 0);
        b->n_written += io == WR_IO_OK;
        b->n_full += io == WR_IO_FULL;
        disk->truncate(disk->context, b->file, 0);
    }
}

TEST("who asks for more space than there is takes none from who writes meanwhile")
{
    const struct wr_port_disk *disk = &port.disk;
    struct beside beside = {0};
    uintptr_t thread;
    int32_t file;
    CHECK(mkdir(in_directory("small"), 0700) == 0);
    if (mount("tmpfs", in_directory("small"), "tmpfs", 0, "size=4m") != 0) {
        check_left_out = true;
        return;
    }
    CHECK_INT(disk->open(disk->context, in_directory("small/a"), WR_DISK_WRITE | WR_DISK_CREATE,
                         &beside.file),
              WR_IO_OK);
    CHECK_INT(
        disk->open(disk->context, in_directory("small/b"), WR_DISK_WRITE | WR_DISK_CREATE, &file),
        WR_IO_OK);
    CHECK_INT(disk->room(disk->context, in_directory("small")), 4u << 20);
    CHECK_INT(disk->reserve(disk->context, file, 0, 2u << 20), WR_IO_OK);
    CHECK_INT(disk->room(disk->context, in_directory("small")), 2u << 20);
    CHECK_INT(disk->room(disk->context, in_directory("none")), 0);
    CHECK_INT(port.threads.start(port.threads.context, "beside", write_beside, &beside, &thread),
              WR_IO_OK);
    for (int i = 0; i < 1000 || beside.n_written < 100; i++) {
        CHECK_INT(disk->reserve(disk->context, file, 2u << 20, 3u << 20), WR_IO_FULL);
    }
    atomic_store(&beside.stop, true);
    port.threads.join(port.threads.context, thread);
    CHECK_INT(beside.n_full, 0);
    for (int i = 0; i < 2; i++) { /* what it has already it need not find once more */
        CHECK_INT(disk->reserve(disk->context, file, 0, 3u << 20), WR_IO_OK);
    }
    disk->close(disk->context, file);
    disk->close(disk->context, beside.file);
    CHECK(umount(in_directory("small")) == 0);
}

TEST("a file size limit reads as no space")
{
    const struct wr_port_disk *disk = &port.disk;
    struct rlimit before, small;
    int32_t file;
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    small = before;
    small.rlim_cur = 1000;
    CHECK_INT(disk->open(disk->context, in_directory("c"), WR_DISK_WRITE | WR_DISK_CREATE, &file),
              WR_IO_OK);
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK_INT(disk->write_at(disk->context, file, "x", 1, 1000), WR_IO_FULL);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    disk->close(disk->context, file);
    disk->remove(disk->context, in_directory("c"));
}

TEST("one lock excludes another, also in the same process")
{
    const struct wr_port_disk *disk = &port.disk;
    int32_t lock, other;
    CHECK_INT(disk->lock(disk->context, in_directory("lock"), &lock), WR_IO_OK);
    CHECK_INT(disk->lock(disk->context, in_directory("lock"), &other), WR_IO_BUSY);
    disk->unlock(disk->context, lock);
    CHECK_INT(disk->lock(disk->context, in_directory("lock"), &lock), WR_IO_OK);
    disk->unlock(disk->context, lock);
    disk->remove(disk->context, in_directory("lock"));
}

static int connect_to(uint16_t number)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(number)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

TEST("bytes go both ways, and poll tells of connections, data and the end")
{
    const struct wr_port_net *net = &port.net;
    int32_t listener, sock;
    bool local = false;
    struct wr_net_event events[4];
    size_t n;
    char bytes[16];
    CHECK_INT(net->listen(net->context, "127.0.0.1:0", &listener), WR_IO_OK);
    CHECK_INT(net->watch(net->context, listener, WR_NET_READ, 7), WR_IO_OK);
    CHECK_INT(net->accept(net->context, listener, &sock, &local), WR_IO_AGAIN);
    int client = connect_to(net->local_port(net->context, listener));
    CHECK_INT(net->poll(net->context, events, 4, 1000000000, &n), WR_IO_OK);
    CHECK(n == 1 && events[0].token == 7 && events[0].ready == WR_NET_READ);
    CHECK_INT(net->accept(net->context, listener, &sock, &local), WR_IO_OK);
    CHECK(local);
    CHECK_INT(net->watch(net->context, sock, WR_NET_READ, 8), WR_IO_OK);
    CHECK_INT(net->read(net->context, sock, bytes, sizeof bytes, &n), WR_IO_AGAIN);
    CHECK(send(client, "ping", 4, 0) == 4);
    CHECK_INT(net->poll(net->context, events, 4, 1000000000, &n), WR_IO_OK);
    CHECK(n == 1 && events[0].token == 8);
    CHECK_INT(net->read(net->context, sock, bytes, sizeof bytes, &n), WR_IO_OK);
    CHECK_TEXT(bytes, n, "ping");
    CHECK_INT(net->write(net->context, sock, "pong", 4, &n), WR_IO_OK);
    CHECK(recv(client, bytes, sizeof bytes, 0) == 4);
    close(client);
    CHECK_INT(net->poll(net->context, events, 4, 1000000000, &n), WR_IO_OK);
    CHECK_INT(net->read(net->context, sock, bytes, sizeof bytes, &n), WR_IO_CLOSED);
    CHECK_INT(net->watch(net->context, sock, 0, 0), WR_IO_OK);
    net->close(net->context, sock);
    net->close(net->context, listener);
}

TEST("a Unix socket's old file is replaced, a live one is not")
{
    const struct wr_port_net *net = &port.net;
    char address[128];
    int32_t listener, other;
    snprintf(address, sizeof address, "unix:%s/sock", directory);
    CHECK_INT(net->listen(net->context, address, &listener), WR_IO_OK);
    CHECK_INT(net->listen(net->context, address, &other), WR_IO_BUSY);
    net->close(net->context, listener);
    CHECK_INT(net->listen(net->context, address, &listener), WR_IO_OK);
    net->close(net->context, listener);
    port.disk.remove(port.disk.context, in_directory("sock"));
}

TEST("an address is taken once, unless all who listen share it")
{
    const struct wr_port_net *net = &port.net;
    int32_t one, two;
    char address[64];
    CHECK_INT(net->listen(net->context, "127.0.0.1:0", &one), WR_IO_OK);
    snprintf(address, sizeof address, "share:127.0.0.1:%u",
             (unsigned)net->local_port(net->context, one));
    CHECK_INT(net->listen(net->context, address + 6, &two), WR_IO_BUSY);
    CHECK_INT(net->listen(net->context, address, &two), WR_IO_BUSY);
    net->close(net->context, one);
    CHECK_INT(net->listen(net->context, address, &one), WR_IO_OK);
    CHECK_INT(net->listen(net->context, address, &two), WR_IO_OK);
    net->close(net->context, two);
    CHECK_INT(net->listen(net->context, address + 6, &two), WR_IO_BUSY);
    net->close(net->context, one);
}

TEST("addresses that make no sense are refused")
{
    static const char *const wrong[] = {
        "",        "8181",      "localhost:80", "127.0.0.1:", "127.0.0.1:65536",
        "1.2.3:4", "[::1:8181", "127.0.0.1:8x", "unix:",
    };
    int32_t listener;
    for (size_t i = 0; i < WR_COUNTOF(wrong); i++) {
        CHECK_INT(port.net.listen(port.net.context, wrong[i], &listener), WR_IO_INVALID);
    }
}

static struct wr_gate there, back;
static uint64_t seen;

static void thread_run(void *arg)
{
    (void)arg;
    port.threads.gate_wait(port.threads.context, &there, 5000000000);
    seen = 42;
    port.threads.gate_open(port.threads.context, &back);
    port.net.wake(port.net.context);
}

TEST("a thread waits at a gate, and wakes the poll")
{
    uintptr_t thread;
    struct wr_net_event events[4];
    size_t n;
    CHECK_INT(port.threads.start(port.threads.context, "test", thread_run, NULL, &thread),
              WR_IO_OK);
    port.threads.gate_open(port.threads.context, &there);
    CHECK_INT(port.net.poll(port.net.context, events, 4, 5000000000, &n), WR_IO_OK);
    CHECK(n == 1 && events[0].ready == WR_NET_WAKE);
    port.threads.gate_wait(port.threads.context, &back, 5000000000); /* opened before: at once */
    port.threads.join(port.threads.context, thread);
    CHECK_INT(seen, 42);
}

TEST("clocks and entropy move")
{
    int64_t a = port.clock.mono_ns(port.clock.context);
    int64_t b = port.clock.mono_ns(port.clock.context);
    CHECK(b >= a && port.clock.wall_ns(port.clock.context) > 1600000000000000000);
    uint64_t x[2] = {0, 0};
    CHECK_INT(port.entropy.fill(port.entropy.context, x, sizeof x), WR_IO_OK);
    CHECK(x[0] != x[1]);
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK_INT(port.process.n_descriptors(port.process.context),
              WR_MIN(limit.rlim_max, (rlim_t)1000000));
    CHECK(port.process.resident_bytes(port.process.context) > 100000);
}

/* The slice that a thread has asked for; 0 where the system does not tell (before Linux 6.12). */
static uint64_t slice_ns(void)
{
    uint64_t words[16] = {0}; /* struct sched_attr: the slice is its fourth word */
    return syscall(SYS_sched_getattr, 0, words, sizeof words, 0) == 0 ? words[3] : 0;
}

TEST("a thread that hastens is given short slices, and keeps its nice value")
{
    uint64_t before = slice_ns();
    int nice = getpriority(PRIO_PROCESS, 0);
    port.threads.hasten(port.threads.context);
    CHECK(before == 0 || slice_ns() == 100000);
    CHECK_INT(getpriority(PRIO_PROCESS, 0), nice);
}

TEST("somebody who wants a file of which it was asked whether we have it alone ends nobody")
{
    CHECK_INT(raise(SIGIO), 0);
    CHECK_INT(raise(SIGPIPE), 0);
}

TEST("a thread that yields goes on when nobody else wants its processor")
{
    int64_t before = port.clock.mono_ns(port.clock.context);
    port.threads.yield(port.threads.context);
    CHECK(port.clock.mono_ns(port.clock.context) > before);
}

static void give_way_twice(void *arg)
{
    int *nice = arg;
    port.threads.give_way(port.threads.context, 6);
    nice[0] = getpriority(PRIO_PROCESS, 0);
    port.threads.give_way(port.threads.context, WR_GIVE_ALL);
    nice[1] = getpriority(PRIO_PROCESS, 0);
}

TEST("a thread gives way by steps from where it stands, and by no more than there are")
{
    int before = getpriority(PRIO_PROCESS, 0), nice[2] = {0, 0};
    uintptr_t thread;
    CHECK_INT(port.threads.start(port.threads.context, "gives-way", give_way_twice, nice, &thread),
              WR_IO_OK);
    port.threads.join(port.threads.context, thread);
    CHECK_INT(nice[0], WR_MIN(before + 6, 19));
    CHECK_INT(nice[1], 19);
    CHECK_INT(getpriority(PRIO_PROCESS, 0), before); /* it alone */
}

enum { HUGE_BLOCK = 2 << 20, ROOMS = 8 };

/* How many of its 512 small pages are there. */
static unsigned n_resident(void *block)
{
    unsigned char pages[HUGE_BLOCK / 4096] = {0};
    unsigned n = 0;
    CHECK_INT(mincore(block, HUGE_BLOCK, pages), 0);
    for (size_t i = 0; i < sizeof pages; i++) {
        n += pages[i] & 1;
    }
    return n;
}

TEST("blocks by which windows grow are touched before they are taken")
{
    const struct wr_memory *memory = &port.memory;
    void *rooms[ROOMS];
    unsigned n = 0;
    for (int i = 0; i < ROOMS; i++) { /* those of a start are not */
        rooms[i] = memory->take(memory->context, HUGE_BLOCK);
    }
    CHECK_INT(n_resident(rooms[0]), 0);
    for (int i = 0; i < 500 && n != HUGE_BLOCK / 4096; i++) {
        uint8_t *block = memory->take(memory->context, HUGE_BLOCK);
        n = n_resident(block); /* before it is looked into */
        CHECK((uintptr_t)block % HUGE_BLOCK == 0 && block[HUGE_BLOCK - 1] == 0);
        memory->give(memory->context, block, HUGE_BLOCK);
        usleep(10000);
    }
    CHECK_INT(n, HUGE_BLOCK / 4096);
    for (int i = 0; i < ROOMS; i++) {
        memory->give(memory->context, rooms[i], HUGE_BLOCK);
    }
}

/* Whether the mapping that a block lies in has no huge pages, and is to have none; a system that
 * does not tell has none. */
static bool is_small(const void *block)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    bool is_its = false, small = true;
    char line[512];
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        char *end;
        uintptr_t from = strtoull(line, &end, 16);
        if (*end == '-') {
            is_its = (uintptr_t)block >= from && (uintptr_t)block < strtoull(end + 1, NULL, 16);
        } else if (is_its && strncmp(line, "AnonHugePages:", 14) == 0) {
            small = small && strtol(line + 14, NULL, 10) == 0;
        } else if (is_its && strncmp(line, "VmFlags:", 8) == 0) {
            bool has_huge = access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) == 0;
            small = small && (!has_huge || strstr(line, " nh") != NULL);
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return small;
}

static void run_on(const cpu_set_t *processors)
{
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        int tid = atoi(task->d_name);
        CHECK(tid == 0 || sched_setaffinity(tid, sizeof *processors, processors) == 0 ||
              errno == ESRCH); /* it has just ended */
    }
    closedir(tasks);
}

/* Keeps the processor busy until a block comes that was touched before. */
static uint8_t *take_touched(const struct wr_memory *memory)
{
    const struct wr_port_clock *clock = &port.clock;
    int64_t end = clock->mono_ns(clock->context) + 10000000000;
    for (;;) {
        uint8_t *block = memory->take(memory->context, HUGE_BLOCK);
        if (n_resident(block) == HUGE_BLOCK / 4096 || clock->mono_ns(clock->context) > end) {
            return block;
        }
        memory->give(memory->context, block, HUGE_BLOCK);
        for (volatile int i = 0; i < 1000000; i++) {
        }
    }
}

TEST("where others want the processor, blocks are touched by small pages")
{
    enum { N = 8 };
    const struct wr_memory *memory = &port.memory;
    cpu_set_t all, one;
    uint8_t *blocks[N];
    CHECK_INT(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    run_on(&one);
    for (int i = 0; i < N; i++) { /* the first ones do not know it yet */
        blocks[i] = take_touched(memory);
    }
    run_on(&all);
    CHECK_INT(n_resident(blocks[N - 1]), HUGE_BLOCK / 4096);
    CHECK(is_small(blocks[N - 1]));
    for (int i = 0; i < N; i++) {
        memory->give(memory->context, blocks[i], HUGE_BLOCK);
    }
}

static uint64_t resident(void)
{
    return port.process.resident_bytes(port.process.context);
}

TEST("smaller blocks that are asked for are touched before they are taken")
{
    enum { SIZE = 640 << 10, N_PAGES = SIZE / 4096 };
    const struct wr_memory *memory = &port.memory;
    unsigned char pages[N_PAGES];
    unsigned n = 0;
    for (int i = 0; i < 500 && n != N_PAGES; i++) {
        port.process.ahead(port.process.context, SIZE, 1);
        usleep(10000);
        uint8_t *block = memory->take(memory->context, SIZE);
        CHECK_INT(mincore(block, SIZE, pages), 0); /* before it is looked into */
        n = 0;
        for (size_t k = 0; k < N_PAGES; k++) {
            n += pages[k] & 1;
        }
        CHECK(block[0] == 0 && block[SIZE - 1] == 0);
        memory->give(memory->context, block, SIZE);
    }
    CHECK_INT(n, N_PAGES);
}

TEST("few blocks are touched for who asks, and those that nobody takes go back")
{
    enum { SIZE = HUGE_BLOCK - 4096, ASKED = 100, KEPT = 4 };
    enum {
        OTHER = 3 * HUGE_BLOCK
    }; /* what the thread may have touched for windows, and a little */
    uint64_t before = resident(), most = 0, now = before;
    port.process.ahead(port.process.context, SIZE, ASKED);
    for (int i = 0; i < 2000 && (most < before + KEPT * SIZE || now > before + OTHER); i++) {
        usleep(10000);
        now = resident();
        most = WR_MAX(most, now);
    }
    CHECK(most >= before + KEPT * SIZE && most < before + KEPT * SIZE + OTHER);
    CHECK(now <= before + OTHER);
}

TEST("after the start, blocks that come and go leave the heap as it is")
{
    enum { N = 64, SIZE = 64 * 1024 };
    const struct wr_memory *memory = &port.memory;
    void *blocks[N];
    port.process.started(port.process.context);
    const void *end = sbrk(0);
    for (int i = 0; i < N; i++) {
        blocks[i] = memory->take(memory->context, SIZE);
        CHECK(blocks[i] != NULL);
    }
    CHECK(sbrk(0) == end);
    for (int i = 0; i < N; i++) {
        memory->give(memory->context, blocks[i], SIZE);
    }
}

int main(int argc, char **argv)
{
    snprintf(directory, sizeof directory, "./port-XXXXXX");
    if (mkdtemp(directory) == NULL || wr_port_linux_open(&port, &native) != WR_IO_OK) {
        return 1;
    }
    wr_port_linux_catch_signals(native);
    int result = check_main(argc, argv);
    wr_port_linux_close(native);
    rmdir(directory);
    return result;
}
