/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal does beside syncs, so that no row waits for it: files that have gone are given
 * back piece by piece, and the next segment's file is made ahead. */
#include "check.h"
#include "port/port_linux.h"
#include "shell/journal_thread.h"
#include "sim/sim.h"

#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20, STEP = 4 * MIB };

/* A disk that counts what it is asked for. */
static struct {
    struct wr_port_disk real;
    atomic_uint opens, closes, truncates, syncs, names, removes;
    atomic_ullong size;          /* the last that a file was cut to */
    atomic_int ahead;            /* the file that is open as "segment.new"; -1: none */
    bool refuses;                /* the next open of that one */
    atomic_bool stuck, is_stuck; /* syncs of that one do not end */
    atomic_bool slow;            /* each takes more than WR_JOURNAL_SYNC_SHORT_NS */
} seen;

static enum wr_io seen_open(void *context, const char *path, uint32_t flags, int32_t *file)
{
    bool is_new = wr_str_ends(wr_str_z(path), WR_STR("/segment.new"));
    seen.opens++;
    if (is_new && seen.refuses) {
        seen.refuses = false;
        return WR_IO_LIMIT;
    }
    enum wr_io io = seen.real.open(context, path, flags, file);
    if (io == WR_IO_OK && is_new) {
        atomic_store(&seen.ahead, *file);
    }
    return io;
}

static enum wr_io seen_close(void *context, int32_t file)
{
    seen.closes++;
    return seen.real.close(context, file);
}

static enum wr_io seen_truncate(void *context, int32_t file, uint64_t size)
{
    seen.truncates++;
    seen.size = size;
    return seen.real.truncate(context, file, size);
}

static enum wr_io seen_sync(void *context, int32_t file)
{
    seen.syncs++;
    while (atomic_load(&seen.stuck) && file == atomic_load(&seen.ahead)) {
        atomic_store(&seen.is_stuck, true);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    if (atomic_load(&seen.slow)) {
        nanosleep(&(struct timespec){0, 2 * WR_JOURNAL_SYNC_SHORT_NS}, NULL);
    }
    return seen.real.sync(context, file);
}

static enum wr_io seen_sync_directory(void *context, const char *path)
{
    seen.names++;
    return seen.real.sync_directory(context, path);
}

static enum wr_io seen_remove(void *context, const char *path)
{
    seen.removes++;
    return seen.real.remove(context, path);
}

static void look(struct wr_port *port)
{
    memset(&seen, 0, sizeof seen);
    atomic_store(&seen.ahead, -1);
    seen.real = port->disk;
    port->disk.open = seen_open;
    port->disk.close = seen_close;
    port->disk.truncate = seen_truncate;
    port->disk.sync = seen_sync;
    port->disk.sync_directory = seen_sync_directory;
    port->disk.remove = seen_remove;
}

static void forget(void)
{
    seen.opens = seen.closes = seen.truncates = seen.syncs = seen.names = seen.removes = 0;
}

static struct wr_str row(uint64_t sequence, size_t n)
{
    static char text[64 * 1024];
    memset(text, (int)('a' + sequence % 26), sizeof text);
    memcpy(text, "WR\1\1", 4);
    return wr_str_of(text, n);
}

static void add(struct wr_journal *journal, uint64_t n, size_t size)
{
    struct wr_error error = {0};
    for (uint64_t i = 0; i < n; i++) {
        uint64_t sequence = wr_journal_last(journal) + 1;
        CHECK_INT(wr_journal_append(journal, sequence, row(sequence, size), &error), WR_OK);
    }
    CHECK_INT(wr_journal_commit(journal, &error), WR_OK);
}

static struct wr_journal *open_at(const struct wr_port *port, struct wr_journal_options options)
{
    struct wr_journal *journal = NULL;
    struct wr_error error = {0};
    CHECK_INT(wr_journal_open(port, "/state", &options, &journal, &error), WR_OK);
    return journal;
}

static bool do_aside(const struct wr_port *port, struct wr_journal *journal)
{
    struct wr_journal_aside aside;
    bool has = wr_journal_has_aside(journal);
    wr_journal_aside_begin(journal, &aside);
    wr_journal_aside_do(port, &aside);
    return has;
}

TEST("between two segments rows wait for two syncs and a name, and for no file to come or go")
{
    struct sim *sim = sim_open(1);
    struct wr_port port = *sim_port(sim);
    struct wr_error error = {0};
    look(&port);
    struct wr_journal *journal = open_at(&port, (struct wr_journal_options){.segment_max = 80000});
    add(journal, 60, 1000);
    CHECK(!wr_journal_has_aside(journal));
    add(journal, 10, 1000);
    forget();
    CHECK(do_aside(&port, journal)); /* seven eighths: the next file is made */
    CHECK_INT(seen.opens, 1);
    CHECK_INT(seen.syncs, 1);
    CHECK(!wr_journal_has_aside(journal));
    add(journal, 10, 1000);
    forget();
    CHECK_INT(wr_journal_tend(journal, &error), WR_OK);
    CHECK_INT(wr_journal_n_segments(journal), 2);
    CHECK_INT(seen.syncs, 2);
    CHECK_INT(seen.opens + seen.closes + seen.truncates + seen.names + seen.removes, 0);
    CHECK_INT(wr_journal_sync(journal, &error), WR_OK); /* the name comes with the first rows */
    CHECK_INT(seen.names, 1);
    CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
    CHECK_INT(seen.names, 1);
    CHECK(do_aside(&port, journal)); /* the old one is cut and closed */
    CHECK_INT(seen.truncates, 1);
    CHECK_INT(seen.closes, 1);
    CHECK(!wr_journal_has_aside(journal));
    wr_journal_close(journal, false);
    sim_crash(sim);
    journal = open_at(&port, (struct wr_journal_options){.segment_max = 80000});
    CHECK_INT(wr_journal_last(journal), 80);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_OK);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("a file that cannot be made ahead is made when its segment begins, and is tried once")
{
    struct sim *sim = sim_open(2);
    struct wr_port port = *sim_port(sim);
    struct wr_error error = {0};
    look(&port);
    struct wr_journal *journal = open_at(&port, (struct wr_journal_options){.segment_max = 80000});
    add(journal, 80, 1000);
    seen.refuses = true;
    CHECK(do_aside(&port, journal));
    CHECK(!wr_journal_has_aside(journal));
    CHECK_INT(wr_journal_tend(journal, &error), WR_OK);
    CHECK_INT(wr_journal_n_segments(journal), 2);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("a segment that retention drops has no name any more, and is given back 4 MiB at a time")
{
    struct sim *sim = sim_open(3);
    struct wr_port port = *sim_port(sim);
    struct wr_error error = {0};
    look(&port);
    struct wr_journal *journal = open_at(
        &port, (struct wr_journal_options){.segment_max = 9 * MIB, .retain_bytes = 10 * MIB});
    const char *first = "/state/journal-0000000000000001.log";
    add(journal, 160, 60000);
    CHECK_INT(wr_journal_tend(journal, &error), WR_OK);
    CHECK(do_aside(&port, journal));
    add(journal, 160, 60000);
    uint64_t used = sim_disk_used(sim);
    forget();
    CHECK(wr_journal_prune(journal, 0));
    CHECK_INT(port.disk.exists(port.disk.context, first), WR_IO_ABSENT);
    CHECK_INT(seen.removes, 1);
    CHECK_INT(seen.truncates, 0);
    uint64_t size = 160 * (60000 + 64) + 128, n = 0;
    while (wr_journal_has_aside(journal)) {
        forget();
        do_aside(&port, journal);
        n += size != 0;
        if (size != 0) {
            size -= WR_MIN(size, (uint64_t)STEP);
            CHECK_INT(seen.size, seen.opens != 0 ? 0 : size); /* once, the next file is made too */
            CHECK_INT(seen.closes, size == 0);
        }
    }
    CHECK_INT(n, 3);
    CHECK(sim_disk_used(sim) + 9 * MIB < used);
    wr_journal_close(journal, true);
    sim_close(sim);
}

static const char first_path[] = "/state/journal-0000000000000001.log";

/* A journal that has just dropped its first segment, of 9.6 MB, and has a second as long. */
static struct wr_journal *open_dropped(const struct wr_port *port)
{
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(
        port, (struct wr_journal_options){.segment_max = 9 * MIB, .retain_bytes = 10 * MIB});
    add(journal, 160, 60000);
    CHECK_INT(wr_journal_tend(journal, &error), WR_OK);
    CHECK(do_aside(port, journal));
    add(journal, 160, 60000);
    CHECK(wr_journal_prune(journal, 0));
    return journal;
}

TEST("on a full disk rows get what a dropped segment still holds")
{
    struct sim *sim = sim_open(5);
    const struct wr_port *port = sim_port(sim);
    struct wr_journal *journal = open_dropped(port);
    sim_faults(sim)->disk_room = sim_disk_used(sim);
    add(journal, 150, 60000);
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_OK);
    while (wr_journal_has_aside(journal)) {
        do_aside(port, journal);
    }
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("a journal that found no room to go on recovers at once with what a dropped segment holds")
{
    struct sim *sim = sim_open(6);
    struct wr_error error = {0};
    struct wr_journal *journal = open_dropped(sim_port(sim));
    sim_faults(sim)->disk_room = sim_disk_used(sim);
    CHECK_INT(wr_journal_tend(journal, &error), WR_E_STATE);
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_FULL);
    wr_journal_recover(journal);
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_OK);
    add(journal, 1, 1000);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_OK);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("a dropped segment whose name comes back with the power is whole")
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim *sim = sim_open(seed);
        const struct wr_port_disk *disk = &sim_port(sim)->disk;
        struct wr_journal *journal = open_dropped(sim_port(sim));
        int32_t file;
        uint64_t size = 160 * (60000 + 64) + 128, got = size;
        if (seed % 2 == 0) {
            CHECK(do_aside(sim_port(sim), journal));
        } else { /* all at once, for a full disk */
            sim_faults(sim)->disk_room = sim_disk_used(sim);
            add(journal, 1, 60000);
        }
        wr_journal_close(journal, false);
        sim_crash(sim);
        if (disk->open(disk->context, first_path, WR_DISK_READ, &file) == WR_IO_OK) {
            disk->size(disk->context, file, &got);
        }
        CHECK_INT(got, size);
        sim_close(sim);
    }
}

TEST("who reads a dropped segment, or has a name of his own for it, has it whole")
{
    struct wr_port port;
    struct wr_port_linux *native = NULL;
    CHECK_INT(wr_port_linux_open(&port, &native), WR_IO_OK);
    for (int how = 0; how < 3; how++) { /* neither, reads, has a name */
        char directory[] = "/tmp/weir-aside-XXXXXX", path[128], own[128], command[64];
        struct wr_error error = {0};
        uint64_t size = 0;
        int32_t file = -1;
        CHECK(mkdtemp(directory) != NULL);
        snprintf(path, sizeof path, "%s/journal-0000000000000001.log", directory);
        snprintf(own, sizeof own, "%s/own", directory);
        look(&port);
        struct wr_journal_options options = {.segment_max = 9 * MIB, .retain_bytes = 10 * MIB};
        struct wr_journal *journal = NULL;
        CHECK_INT(wr_journal_open(&port, directory, &options, &journal, &error), WR_OK);
        add(journal, 160, 60000);
        CHECK_INT(wr_journal_tend(journal, &error), WR_OK);
        wr_journal_close(journal, true); /* and what it holds itself */
        CHECK_INT(wr_journal_open(&port, directory, &options, &journal, &error), WR_OK);
        add(journal, 160, 60000);
        if (how == 1) {
            CHECK_INT(port.disk.open(port.disk.context, path, WR_DISK_READ, &file), WR_IO_OK);
        } else if (how == 2) {
            CHECK(link(path, own) == 0);
        }
        while (wr_journal_prune(journal, 0)) {
        }
        CHECK_INT(port.disk.exists(port.disk.context, path), WR_IO_ABSENT);
        while (wr_journal_has_aside(journal)) {
            do_aside(&port, journal);
        }
        if (how == 2) {
            CHECK_INT(port.disk.open(port.disk.context, own, WR_DISK_READ, &file), WR_IO_OK);
        }
        if (how != 0) {
            CHECK_INT(port.disk.size(port.disk.context, file, &size), WR_IO_OK);
            CHECK_INT(size, 160 * (60000 + 64) + 128);
            port.disk.close(port.disk.context, file);
        }
        wr_journal_close(journal, false);
        port.disk = seen.real;
        snprintf(command, sizeof command, "rm -r %s", directory);
        CHECK(system(command) == 0);
    }
    wr_port_linux_close(native);
}

static void append_one(struct wr_journal_thread *thread, uint64_t sequence)
{
    CHECK(wr_journal_thread_append(thread, sequence, row(sequence, 1000)));
    wr_journal_thread_submit(thread);
}

static void wait_ms(int ms)
{
    nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

TEST("durable rows are kept while a file ahead is not synced for long, and no segment begins "
     "meanwhile")
{
    struct wr_port port;
    struct wr_port_linux *native = NULL;
    struct wr_error error = {0};
    struct wr_journal *journal;
    struct wr_journal_thread *thread;
    struct wr_journal_stats stats = {0};
    struct wr_journal_options options = {.segment_max = 50000};
    char directory[] = "/tmp/weir-aside-XXXXXX", command[64];
    CHECK(mkdtemp(directory) != NULL);
    CHECK_INT(wr_port_linux_open(&port, &native), WR_IO_OK);
    look(&port);
    CHECK_INT(wr_journal_open(&port, directory, &options, &journal, &error), WR_OK);
    CHECK_INT(wr_journal_thread_open(&port, journal, true, &thread, &error), WR_OK);
    atomic_store(&seen.ahead, -1);
    atomic_store(&seen.stuck, true);
    atomic_store(&seen.slow, true); /* so that short ones are not all that is made here */
    uint64_t last = 0;
    for (int i = 0; i < 5000 && !atomic_load(&seen.is_stuck); i++) {
        if (last < 46) { /* between seven eighths and all of a segment */
            append_one(thread, ++last);
        }
        wait_ms(1);
    }
    CHECK(atomic_load(&seen.is_stuck));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20; i++) {
            append_one(thread, ++last);
        }
        for (int i = 0; i < 2000 && wr_journal_thread_kept(thread) != last; i++) {
            wait_ms(1);
        }
        CHECK_INT(wr_journal_thread_kept(thread), last);
    }
    wr_journal_thread_stats(thread, &stats);
    CHECK_INT(stats.n_segments, 1);
    atomic_store(&seen.stuck, false);
    for (int i = 0; i < 5000 && stats.n_segments != 2; i++) {
        if (wr_journal_thread_kept(thread) == last) { /* a segment begins behind a group */
            append_one(thread, ++last);
        }
        wait_ms(1);
        wr_journal_thread_stats(thread, &stats);
    }
    CHECK_INT(stats.n_segments, 2);
    wr_journal_thread_close(thread);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_OK);
    CHECK_INT(wr_journal_last(journal), last);
    wr_journal_close(journal, true);
    wr_port_linux_close(native);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK(system(command) == 0);
}

/* One group of n rows of 60 KB, then the thread's work. Returns how many segments there are. */
static uint64_t step(struct wr_journal_thread *thread, uint64_t *last, int n)
{
    struct wr_journal_stats stats;
    for (int i = 0; i < n; i++) {
        ++*last;
        CHECK(wr_journal_thread_append(thread, *last, row(*last, 60000)));
    }
    wr_journal_thread_submit(thread);
    wr_journal_thread_step(thread);
    wr_journal_thread_stats(thread, &stats);
    return stats.n_segments;
}

TEST("a fast segment ends when little of it is not synced, or when it has grown too long")
{
    struct sim *sim = sim_open(4);
    struct wr_error error = {0};
    struct wr_journal_thread *thread;
    struct wr_journal *journal =
        open_at(sim_port(sim), (struct wr_journal_options){.segment_max = 50000});
    CHECK_INT(wr_journal_thread_open(sim_port(sim), journal, false, &thread, &error), WR_OK);
    uint64_t last = 0;
    CHECK_INT(step(thread, &last, 2), 1); /* it is synced first */
    CHECK_INT(step(thread, &last, 1), 2);
    uint64_t size = 0, before = last;
    while (step(thread, &last, 2) == 2 && last < before + 1000) {
        size = wr_journal_log_size(journal);
    }
    CHECK(size > WR_JOURNAL_EXCESS && size < WR_JOURNAL_EXCESS + 300000);
    CHECK(wr_journal_log_size(journal) < 1000);
    wr_journal_thread_close(thread);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_OK);
    wr_journal_close(journal, true);
    sim_close(sim);
}

/* Steps of a thread with six segments of which it may keep three: a row each, `pause_ns` apart.
 * Returns how many segments went while the one before was given back. */
static uint32_t drop_some(uint64_t seed, int64_t pause_ns)
{
    struct sim *sim = sim_open(seed);
    struct wr_port port = *sim_port(sim);
    struct wr_error error = {0};
    struct wr_journal_thread *thread;
    struct wr_journal_stats stats = {0};
    look(&port);
    struct wr_journal *journal = open_at(
        &port, (struct wr_journal_options){.segment_max = 9 * MIB, .retain_bytes = 30 * MIB});
    CHECK_INT(wr_journal_thread_open(&port, journal, false, &thread, &error), WR_OK);
    wr_journal_thread_set_floor(thread, 0); /* twice as much is kept */
    uint64_t last = 0;
    while (step(thread, &last, 1) < 6) {
        sim_step(sim, 10000000);
    }
    wr_journal_thread_set_floor(thread, UINT64_MAX);
    forget();
    uint32_t n_at_once = 0;
    for (int i = 0; i < 40; i++) {
        bool was_dropping = wr_journal_is_dropping(journal);
        uint32_t before = seen.removes;
        step(thread, &last, 1);
        n_at_once += was_dropping && seen.removes != before;
        sim_step(sim, pause_ns);
    }
    wr_journal_thread_stats(thread, &stats);
    CHECK(stats.n_dropped >= 2 && seen.removes == stats.n_dropped);
    wr_journal_thread_close(thread);
    wr_journal_close(journal, true);
    sim_close(sim);
    return n_at_once;
}

TEST("segments that may go are given back one after the other, unless that takes too long")
{
    CHECK_INT(drop_some(9, 250000000), 0);
    CHECK(drop_some(10, 6000000000) > 0);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
