/* SPDX-License-Identifier: Apache-2.0 */
/* The rings, the journal's thread on the real system, and the same steps inline in the simulator.
 */
#include "check.h"
#include "port/port_linux.h"
#include "shell/journal_thread.h"
#include "shell/ring.h"
#include "sim/sim.h"
#include "unit/shell/resident.h"

#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static const struct wr_memory memory = CHECK_MEMORY;

static struct wr_str row(char room[600], uint64_t sequence)
{
    size_t n = 8 + (size_t)(sequence * 31 % 500);
    memcpy(room, "WR\1\1", 4);
    for (size_t i = 4; i < n; i++) {
        room[i] = (char)(sequence + i);
    }
    return wr_str_of(room, n);
}

TEST("messages of any size pass a small ring in order, and a full ring says so")
{
    struct wr_ring ring;
    CHECK(wr_ring_open(&ring, &memory, 256));
    uint32_t written = 0, taken = 0, kind, n;
    uint64_t random = 1;
    CHECK(wr_ring_claim(&ring, 1, 300) == NULL);
    CHECK(wr_ring_peek(&ring, &kind, &n) == NULL);
    while (taken < 5000) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t size = (uint32_t)(random >> 60) * 7 + 4;
        if ((random >> 45) % 2 == 0) {
            wr_ring_rewind(&ring);
        }
        uint32_t *room = (random >> 33) % 2 == 0 ? wr_ring_claim(&ring, 2, size) : NULL;
        if (room != NULL) {
            *room = written++;
            if ((random >> 40) % 3 == 0) {
                wr_ring_publish(&ring);
            }
        }
        const uint32_t *message = wr_ring_peek(&ring, &kind, &n);
        if (message != NULL && (random >> 50) % 2 == 0) {
            CHECK(*message == taken && kind == 2 && n >= 4);
            taken++;
            wr_ring_release(&ring);
        } else if (message == NULL) {
            wr_ring_publish(&ring);
        }
    }
    wr_ring_close(&ring);
}

TEST("a ring that is rewound has room for a message as large as itself, and loses none")
{
    struct wr_ring ring;
    uint32_t kind, n;
    CHECK(wr_ring_open(&ring, &memory, 256));
    char *room = wr_ring_claim(&ring, 1, 100);
    memset(room, 'a', 100);
    wr_ring_rewind(&ring); /* claimed, not published: stays */
    wr_ring_publish(&ring);
    wr_ring_rewind(&ring); /* published, not taken: stays */
    const char *message = wr_ring_peek(&ring, &kind, &n);
    CHECK(message != NULL && kind == 1 && n == 100 && message[99] == 'a');
    wr_ring_release(&ring);
    CHECK(wr_ring_claim(&ring, 1, 248) == NULL); /* it would have to begin in the middle */
    wr_ring_rewind(&ring);
    room = wr_ring_claim(&ring, 2, 248);
    CHECK(room != NULL);
    memset(room, 'b', 248);
    wr_ring_publish(&ring);
    message = wr_ring_peek(&ring, &kind, &n);
    CHECK(message != NULL && kind == 2 && n == 248 && message[247] == 'b');
    wr_ring_release(&ring);
    CHECK(wr_ring_is_empty(&ring));
    wr_ring_close(&ring);
}

enum { PASSED = 300000, PASSED_SIZE = 60 };

static void fill_ring(void *arg)
{
    struct wr_ring *ring = arg;
    for (uint32_t i = 0; i < PASSED;) {
        wr_ring_rewind(ring);
        uint32_t *room = wr_ring_claim(ring, 1, PASSED_SIZE);
        if (room != NULL) {
            for (size_t k = 0; k < PASSED_SIZE / 4; k++) {
                room[k] = i;
            }
            i++;
            wr_ring_publish(ring);
        } else {
            sched_yield(); /* the other may wait for this processor */
        }
    }
}

TEST("one thread fills and rewinds a ring while another empties it")
{
    struct wr_port port;
    struct wr_port_linux *native;
    struct wr_ring ring;
    uintptr_t id;
    uint32_t kind, n, wrong = 0;
    CHECK(wr_port_linux_open(&port, &native) == WR_IO_OK && wr_ring_open(&ring, &memory, 512));
    CHECK(port.threads.start(port.threads.context, "fill", fill_ring, &ring, &id) == WR_IO_OK);
    for (uint32_t i = 0; i < PASSED;) {
        const uint32_t *message = wr_ring_peek(&ring, &kind, &n);
        if (message != NULL) {
            wrong += n != PASSED_SIZE || message[0] != i || message[PASSED_SIZE / 4 - 1] != i;
            wr_ring_release(&ring);
            i++;
        } else {
            sched_yield();
        }
    }
    port.threads.join(port.threads.context, id);
    CHECK_INT(wrong, 0);
    wr_ring_close(&ring);
    wr_port_linux_close(native);
}

static void wait_for(struct wr_journal_thread *thread, uint64_t kept)
{
    for (int i = 0; i < 20000 && wr_journal_thread_kept(thread) < kept; i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    CHECK_INT(wr_journal_thread_kept(thread), kept);
}

static bool next_reply(struct wr_journal_thread *thread, struct wr_journal_reply *reply)
{
    for (int i = 0; i < 20000; i++) {
        if (wr_journal_thread_reply(thread, reply)) {
            return true;
        }
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return false;
}

static void exercise(const struct wr_port *port, const char *directory, bool durable)
{
    struct wr_error error = {0};
    struct wr_journal *journal;
    struct wr_journal_thread *thread;
    char room[600];
    CHECK_INT(wr_journal_open(port, directory, NULL, &journal, &error), WR_OK);
    uint64_t last = wr_journal_last(journal);
    CHECK_INT(wr_journal_thread_open(port, journal, durable, &thread, &error), WR_OK);
    for (uint64_t i = 1; i <= 3000; i++) {
        while (!wr_journal_thread_append(thread, last + i, row(room, last + i))) {
            wr_journal_thread_submit(thread);
        }
        if (i % 50 == 0) {
            CHECK(wr_journal_thread_fetch(thread, last + i, i));
            CHECK(wr_journal_thread_fetch(thread, last + i + 1000000, i));
            wr_journal_thread_submit(thread);
            struct wr_journal_reply reply;
            CHECK(next_reply(thread, &reply));
            CHECK(reply.found && reply.ticket == i);
            CHECK(wr_str_eq(reply.payload, row(room, last + i)));
            wr_journal_thread_release(thread);
            CHECK(next_reply(thread, &reply));
            CHECK(!reply.found);
            wr_journal_thread_release(thread);
        }
    }
    wr_journal_thread_submit(thread);
    wait_for(thread, last + 3000);
    CHECK_INT(wr_journal_thread_state(thread), WR_JOURNAL_OK);
    struct wr_journal_stats stats;
    wr_journal_thread_stats(thread, &stats);
    CHECK(stats.n_commits > 0 && stats.committed == last + 3000);
    wr_journal_thread_close(thread);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_OK);
    wr_journal_close(journal, true);
}

TEST("the native thread keeps rows in both modes and finds rows it has just been given")
{
    struct wr_port port;
    struct wr_port_linux *native = NULL;
    char directory[] = "/tmp/weir-journal-XXXXXX", command[64];
    CHECK(mkdtemp(directory) != NULL);
    CHECK_INT(wr_port_linux_open(&port, &native), WR_IO_OK);
    exercise(&port, directory, false);
    exercise(&port, directory, true);
    wr_port_linux_close(native);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK(system(command) == 0);
}

static enum wr_io quick_sync(void *context, int32_t file)
{
    (void)context;
    (void)file;
    return WR_IO_OK;
}

static void (*gate_wait)(void *context, struct wr_gate *gate, int64_t timeout_ns);

/* A thread that has nothing to do is woken by others, never by its own looking after things. */
static void sleep_well(void *context, struct wr_gate *gate, int64_t timeout_ns)
{
    gate_wait(context, gate, timeout_ns < 1000000000 ? timeout_ns : timeout_ns * 3600);
}

/* Nobody asks: the thread sees to it. */
static void wait_until_synced(struct wr_journal_thread *thread, uint64_t last)
{
    for (int i = 0; i < 5000 && wr_journal_thread_synced(thread) < last; i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    CHECK_INT(wr_journal_thread_synced(thread), last);
}

/* Rows in groups of every size, small ones first to last, with fetches between. Returns how many
 * groups were kept when they had been handed over. */
static uint64_t bring_groups(const struct wr_port *port, const char *directory, bool durable,
                             struct wr_journal_stats *stats)
{
    enum { GROUPS = 3000 };
    struct wr_error error = {0};
    struct wr_journal *journal;
    struct wr_journal_thread *thread;
    struct wr_journal_reply reply;
    char room[600];
    CHECK_INT(wr_journal_open(port, directory, NULL, &journal, &error), WR_OK);
    uint64_t last = wr_journal_last(journal), at_once = 0, groups_from = last;
    CHECK_INT(wr_journal_thread_open(port, journal, durable, &thread, &error), WR_OK);
    for (uint64_t i = 0; i < GROUPS; i++) {
        uint64_t n = i % 100 == 99 ? 200 : 1 + i % 7;
        for (uint64_t k = 0; k < n; k++) {
            last++;
            CHECK(wr_journal_thread_append(thread, last, row(room, last)));
        }
        bool fetches = i % 10 == 0;
        CHECK(!fetches || wr_journal_thread_fetch(thread, last, i));
        wr_journal_thread_submit(thread);
        at_once += wr_journal_thread_kept(thread) == last;
        if (fetches) {
            CHECK(next_reply(thread, &reply) && reply.found && reply.ticket == i);
            CHECK(wr_str_eq(reply.payload, row(room, last)));
            wr_journal_thread_release(thread);
        }
        if (i % 50 == 0) {
            wait_for(thread, last);
        }
    }
    wait_for(thread, last);
    wait_until_synced(thread, last);
    for (int i = 0; i < 5; i++) { /* one group, brought while the thread is at rest */
        nanosleep(&(struct timespec){0, 20000000}, NULL);
        last++;
        CHECK(wr_journal_thread_append(thread, last, row(room, last)));
        wr_journal_thread_submit(thread);
        wait_until_synced(thread, last);
    }
    wr_journal_thread_stats(thread, stats);
    CHECK(stats->committed == last && wr_journal_thread_state(thread) == WR_JOURNAL_OK);
    wr_journal_thread_close(thread);
    CHECK_INT(wr_journal_verify(journal, groups_from + 1, UINT64_MAX, &error), WR_OK);
    wr_journal_close(journal, true);
    return at_once;
}

TEST("in mode fast small groups are written by whoever brings them, and synced by the thread")
{
    struct wr_port port;
    struct wr_port_linux *native = NULL;
    struct wr_journal_stats stats;
    char directory[] = "/tmp/weir-journal-XXXXXX", command[64];
    CHECK(mkdtemp(directory) != NULL);
    CHECK_INT(wr_port_linux_open(&port, &native), WR_IO_OK);
    port.disk.sync = quick_sync;
    gate_wait = port.threads.gate_wait;
    port.threads.gate_wait = sleep_well;
    uint64_t at_once = bring_groups(&port, directory, false, &stats);
    CHECK(at_once > 500 && stats.n_here >= at_once / 2 && stats.n_here < stats.n_commits);
    CHECK(stats.n_syncs >= 1);
    bring_groups(&port, directory, true, &stats);
    CHECK_INT(stats.n_here, 0);
    wr_port_linux_close(native);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK(system(command) == 0);
}

static void *scarce_take(void *context, size_t size)
{
    (void)context;
    return size < 2 * WR_LOG_GATHER ? malloc(size) : NULL;
}

static void scarce_give(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}

TEST("a row that whoever brings it cannot take is told at once")
{
    struct wr_port port;
    struct wr_port_linux *native = NULL;
    struct wr_error error = {0};
    struct wr_journal *journal;
    struct wr_journal_thread *thread;
    char directory[] = "/tmp/weir-journal-XXXXXX", command[64], room[600];
    CHECK(mkdtemp(directory) != NULL);
    CHECK_INT(wr_port_linux_open(&port, &native), WR_IO_OK);
    struct wr_port rich = port;
    port.memory = (struct wr_memory){scarce_take, scarce_give, NULL};
    CHECK_INT(wr_journal_open(&port, directory, NULL, &journal, &error), WR_OK);
    CHECK_INT(wr_journal_thread_open(&rich, journal, false, &thread, &error), WR_OK);
    nanosleep(&(struct timespec){0, 5000000}, NULL); /* the thread is at rest */
    CHECK(wr_journal_thread_append(thread, 1, row(room, 1)));
    wr_journal_thread_submit(thread); /* and nothing after it */
    for (int i = 0; i < 2000 && wr_journal_thread_state(thread) == WR_JOURNAL_OK; i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    CHECK_INT(wr_journal_thread_state(thread), WR_JOURNAL_BROKEN);
    CHECK_INT(wr_journal_thread_kept(thread), 0);
    wr_journal_thread_close(thread);
    wr_journal_close(journal, false);
    wr_port_linux_close(native);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK(system(command) == 0);
}

/* A disk that syncs when it is told to. */
static struct {
    enum wr_io (*sync)(void *context, int32_t file);
    atomic_int blocked, fails, n, passed; /* the n-th syncs up to `passed` are never blocked */
    atomic_int failed,
        n_again; /* a file whose sync failed, and how many came after that; 0: none */
} slow;

static enum wr_io slow_sync(void *context, int32_t file)
{
    int n = atomic_fetch_add(&slow.n, 1) + 1;
    while (atomic_load(&slow.blocked) != 0 && n > atomic_load(&slow.passed)) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    atomic_fetch_add(&slow.n_again, file == atomic_load(&slow.failed));
    if (atomic_load(&slow.fails) != 0) {
        atomic_store(&slow.failed, file);
        return WR_IO_FAILED;
    }
    return slow.sync(context, file);
}

static void append_one(struct wr_journal_thread *thread, uint64_t sequence)
{
    char room[600];
    CHECK(wr_journal_thread_append(thread, sequence, row(room, sequence)));
    wr_journal_thread_submit(thread);
}

/* A clock that stands still but for what it is told: a busy machine passes no time. */
static atomic_llong told_ns = 1000000000;

static int64_t told_time(void *context)
{
    (void)context;
    return atomic_load(&told_ns);
}

static void pass(int64_t ns)
{
    atomic_fetch_add(&told_ns, ns);
}

TEST("fast rows do not wait for a slow sync, but for one that keeps too many unsynced")
{
    struct wr_port port;
    struct wr_port_linux *native = NULL;
    struct wr_error error = {0};
    struct wr_journal *journal;
    struct wr_journal_thread *thread;
    struct wr_journal_stats stats;
    char directory[] = "/tmp/weir-journal-XXXXXX", command[64];
    CHECK(mkdtemp(directory) != NULL);
    CHECK_INT(wr_port_linux_open(&port, &native), WR_IO_OK);
    slow.sync = port.disk.sync;
    port.disk.sync = slow_sync;
    port.clock.mono_ns = told_time;
    CHECK_INT(wr_journal_open(&port, directory, NULL, &journal, &error), WR_OK);
    CHECK_INT(wr_journal_thread_open(&port, journal, false, &thread, &error), WR_OK);
    int before = atomic_load(&slow.n);
    atomic_store(&slow.blocked, 1);
    append_one(thread, 1);
    wait_for(thread, 1);
    pass(WR_JOURNAL_SYNC_AGE_NS);
    while (atomic_load(&slow.n) == before) { /* it begins */
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    append_one(thread, 2);
    wait_for(thread, 2);
    pass(250000000);
    append_one(thread, 3);
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    CHECK_INT(wr_journal_thread_kept(thread), 2);
    uint64_t last = 3;
    for (; last < 3 * WR_LIMIT_COMMIT_ROWS; last++) { /* several groups wait */
        append_one(thread, last + 1);
    }
    atomic_store(&slow.passed, before + 1);
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    CHECK_INT(wr_journal_thread_kept(thread), 2); /* row 2 is not synced, and old by now */
    atomic_store(&slow.passed, before + 2);
    wait_for(thread, last); /* all of them: none is unsynced that was kept before */
    wr_journal_thread_stats(thread, &stats);
    CHECK_INT(stats.synced, 2);
    atomic_store(&slow.blocked, 0);
    while (stats.synced != last) {
        pass(WR_JOURNAL_SYNC_AGE_NS);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        wr_journal_thread_stats(thread, &stats);
    }
    atomic_store(&slow.fails, 1);
    append_one(thread, last + 1);
    for (int i = 0; i < 5000 && wr_journal_thread_state(thread) == WR_JOURNAL_OK; i++) {
        pass(1000000);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    CHECK_INT(wr_journal_thread_state(thread), WR_JOURNAL_BROKEN);
    wr_journal_thread_close(thread);
    wr_journal_close(journal, false);
    CHECK_INT(atomic_load(&slow.n_again), 0);
    atomic_store(&slow.fails, 0);
    atomic_store(&slow.failed, 0);
    wr_port_linux_close(native);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK(system(command) == 0);
}

TEST("durable rows are written while a sync is under way, then kept; no segment ends meanwhile")
{
    struct wr_port port;
    struct wr_port_linux *native = NULL;
    struct wr_error error = {0};
    struct wr_journal *journal;
    struct wr_journal_thread *thread;
    struct wr_journal_stats stats = {0};
    char room[600];
    struct wr_journal_options options = {.segment_max = 128 + 64 + row(room, 1).n + 8};
    char directory[] = "/tmp/weir-journal-XXXXXX", command[64];
    CHECK(mkdtemp(directory) != NULL);
    CHECK_INT(wr_port_linux_open(&port, &native), WR_IO_OK);
    slow.sync = port.disk.sync;
    port.disk.sync = slow_sync;
    CHECK_INT(wr_journal_open(&port, directory, &options, &journal, &error), WR_OK);
    CHECK_INT(wr_journal_thread_open(&port, journal, true, &thread, &error), WR_OK);
    int before = atomic_load(&slow.n);
    atomic_store(&slow.blocked, 1);
    append_one(thread, 1);
    while (atomic_load(&slow.n) == before) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    append_one(thread, 2);
    append_one(thread, 3);
    for (int i = 0; i < 5000 && stats.committed != 3; i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        wr_journal_thread_stats(thread, &stats);
    }
    CHECK_INT(stats.committed, 3);
    CHECK_INT(wr_journal_thread_kept(thread), 0);
    CHECK_INT(atomic_load(&slow.n), before + 1); /* though the segment is full */
    CHECK_INT(stats.n_segments, 1);
    atomic_store(&slow.blocked, 0);
    wait_for(thread, 3);
    for (int i = 0; i < 5000 && stats.n_segments != 2; i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        wr_journal_thread_stats(thread, &stats);
    }
    CHECK_INT(stats.n_segments, 2);
    atomic_store(&slow.fails, 1);
    append_one(thread, 4);
    for (int i = 0; i < 5000 && wr_journal_thread_state(thread) == WR_JOURNAL_OK; i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    CHECK_INT(wr_journal_thread_state(thread), WR_JOURNAL_BROKEN);
    CHECK_INT(wr_journal_thread_kept(thread), 3);
    wr_journal_thread_close(thread);
    wr_journal_close(journal, false);
    CHECK_INT(atomic_load(&slow.n_again), 0);
    atomic_store(&slow.fails, 0);
    atomic_store(&slow.failed, 0);
    wr_port_linux_close(native);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK(system(command) == 0);
}

TEST("of the files that the journal has synced the system holds no more than is said in memory")
{
    enum { ROW = 1 << 18, ROWS = 480, TOGETHER = 16 };
    static char bytes[ROW] = "WR\1\1";
    const struct wr_journal_options options = {.segment_max = 40 << 20};
    struct wr_port port;
    struct wr_port_linux *native = NULL;
    struct wr_error error = {0};
    struct wr_journal *journal;
    struct wr_journal_thread *thread;
    char directory[] = "weir-journal-XXXXXX", command[64]; /* /tmp may be in memory */
    CHECK(mkdtemp(directory) != NULL);
    CHECK_INT(wr_port_linux_open(&port, &native), WR_IO_OK);
    bool can = resident_lets_go(&port.disk, directory);
    CHECK_INT(wr_journal_open(&port, directory, &options, &journal, &error), WR_OK);
    CHECK_INT(wr_journal_thread_open(&port, journal, true, &thread, &error), WR_OK);
    size_t most = 0;
    for (uint64_t i = 1; i <= ROWS; i++) {
        CHECK(wr_journal_thread_append(thread, i, wr_str_of(bytes, ROW)));
        if (i % TOGETHER == 0) {
            wr_journal_thread_submit(thread);
            wait_for(thread, i);
            most = WR_MAX(most, resident_bytes(&port.disk, directory));
        }
    }
    struct wr_journal_stats stats;
    wr_journal_thread_stats(thread, &stats);
    CHECK(stats.n_segments >= 3);
    if (can) {
        size_t least = WR_LIMIT_JOURNAL_CACHED / 2;
        CHECK(most > least && most < WR_LIMIT_JOURNAL_CACHED + 4 * TOGETHER * ROW);
    }
    wr_journal_thread_close(thread);
    wr_journal_close(journal, true);
    wr_port_linux_close(native);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK(system(command) == 0);
}

TEST("inline, fast rows are kept at the commit and synced when 50 ms have passed")
{
    struct sim *sim = sim_open(1);
    struct wr_error error = {0};
    struct wr_journal *journal;
    struct wr_journal_thread *thread;
    struct wr_journal_stats stats;
    char room[600];
    CHECK_INT(wr_journal_open(sim_port(sim), "/s", NULL, &journal, &error), WR_OK);
    CHECK_INT(wr_journal_thread_open(sim_port(sim), journal, false, &thread, &error), WR_OK);
    CHECK(wr_journal_thread_append(thread, 1, row(room, 1)));
    wr_journal_thread_submit(thread);
    CHECK(wr_journal_thread_will_wait(thread, 0));
    wr_journal_thread_step(thread);
    CHECK(!wr_journal_thread_will_wait(thread, 0));
    CHECK_INT(wr_journal_thread_kept(thread), 1);
    wr_journal_thread_stats(thread, &stats);
    CHECK(stats.committed == 1 && stats.synced == 0);
    sim_step(sim, WR_JOURNAL_SYNC_AGE_NS);
    wr_journal_thread_step(thread);
    wr_journal_thread_stats(thread, &stats);
    CHECK_INT(stats.synced, 1);
    wr_journal_thread_close(thread);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("inline, many fast rows are synced sooner, but not more often than every 10 ms")
{
    enum { ROWS = 1000 }; /* some 300 bytes each */
    struct sim *sim = sim_open(1);
    struct wr_error error = {0};
    struct wr_journal *journal;
    struct wr_journal_thread *thread;
    char room[600];
    CHECK_INT(wr_journal_open(sim_port(sim), "/s", NULL, &journal, &error), WR_OK);
    CHECK_INT(wr_journal_thread_open(sim_port(sim), journal, false, &thread, &error), WR_OK);
    for (uint64_t i = 1; i <= ROWS; i++) {
        CHECK(wr_journal_thread_append(thread, i, row(room, i)));
    }
    wr_journal_thread_submit(thread);
    wr_journal_thread_step(thread);
    CHECK(wr_journal_log_size(journal) > WR_JOURNAL_SYNC_BYTES);
    CHECK_INT(wr_journal_thread_synced(thread), 0);
    sim_step(sim, WR_JOURNAL_SYNC_LEAST_NS);
    wr_journal_thread_step(thread);
    CHECK_INT(wr_journal_thread_synced(thread), ROWS);
    CHECK(wr_journal_thread_append(thread, ROWS + 1, row(room, ROWS + 1)));
    wr_journal_thread_submit(thread);
    wr_journal_thread_step(thread);
    sim_step(sim, 2 * WR_JOURNAL_SYNC_LEAST_NS);
    wr_journal_thread_step(thread);
    CHECK_INT(wr_journal_thread_synced(thread), ROWS); /* one row has time */
    wr_journal_thread_close(thread);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("inline, as many rows are fetched at once as are allowed, and each has its reply")
{
    struct sim *sim = sim_open(3);
    struct wr_error error = {0};
    struct wr_journal *journal;
    struct wr_journal_thread *thread;
    struct wr_journal_reply reply;
    char room[600];
    uint64_t n_found = 0, n_busy = 0, n = 0;
    CHECK_INT(wr_journal_open(sim_port(sim), "/s", NULL, &journal, &error), WR_OK);
    CHECK_INT(wr_journal_thread_open(sim_port(sim), journal, true, &thread, &error), WR_OK);
    CHECK(wr_journal_thread_append(thread, 1, row(room, 15)));
    for (uint64_t i = 0; i < WR_LIMIT_FETCHES; i++) {
        CHECK(wr_journal_thread_fetch(thread, 1, i));
    }
    CHECK(!wr_journal_thread_fetch(thread, 1, 0));
    wr_journal_thread_submit(thread);
    wr_journal_thread_step(thread);
    for (; wr_journal_thread_reply(thread, &reply); n++) {
        CHECK(reply.ticket == n && reply.found != reply.busy);
        CHECK(!reply.found || wr_str_eq(reply.payload, row(room, 15)));
        n_found += reply.found;
        n_busy += reply.busy;
        wr_journal_thread_release(thread);
    }
    CHECK_INT(n, WR_LIMIT_FETCHES);
    CHECK(n_found > 1000 && n_busy > 1000); /* rows leave room for all that have to ask again */
    CHECK(wr_journal_thread_fetch(thread, 1, 0));
    wr_journal_thread_close(thread);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("inline, durable rows are not kept when their sync fails")
{
    struct sim *sim = sim_open(2);
    struct wr_error error = {0};
    struct wr_journal *journal;
    struct wr_journal_thread *thread;
    char room[600];
    CHECK_INT(wr_journal_open(sim_port(sim), "/s", NULL, &journal, &error), WR_OK);
    CHECK_INT(wr_journal_thread_open(sim_port(sim), journal, true, &thread, &error), WR_OK);
    CHECK(wr_journal_thread_append(thread, 1, row(room, 1)));
    wr_journal_thread_submit(thread);
    wr_journal_thread_step(thread);
    CHECK_INT(wr_journal_thread_kept(thread), 1);
    sim_faults(sim)->sync_fails_at = 1;
    CHECK(wr_journal_thread_append(thread, 2, row(room, 2)));
    CHECK(wr_journal_thread_append(thread, 3, row(room, 3)));
    wr_journal_thread_submit(thread);
    wr_journal_thread_step(thread);
    CHECK_INT(wr_journal_thread_kept(thread), 1);
    CHECK_INT(wr_journal_thread_state(thread), WR_JOURNAL_BROKEN);
    CHECK(wr_journal_thread_append(thread, 4, row(room, 4)));
    wr_journal_thread_submit(thread);
    wr_journal_thread_step(thread);
    CHECK_INT(wr_journal_thread_kept(thread), 1);
    wr_journal_thread_close(thread);
    wr_journal_close(journal, false);
    sim_close(sim);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
