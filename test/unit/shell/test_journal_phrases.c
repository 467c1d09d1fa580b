/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of the journal with tables of phrases, on the simulated disk: condensed rows are stored
 * and plain ones read; tables change, are damaged, and power is lost on the way. Then the journal's
 * thread, on the real system and inline. */
#include "check.h"
#include "port/port_linux.h"
#include "shell/journal_thread.h"
#include "sim/sim.h"

#include <stdatomic.h>
#include <time.h>

enum { TABLES = 2, PHRASES = 2, DIGITS = 20, ROWS_MAX = 4096 };

static const char *const phrases[TABLES][PHRASES] = {
    {"the words that all rows of the first pack have in common, and many they are;",
     "and those that they end with"},
    {"others, of the second pack, which has a longer text for the same thing than the first had;",
     "and another ending"},
};
static const char first_log[] = "/state/journal-0000000000000001.log";

static struct wr_str table(unsigned which)
{
    static uint8_t rooms[TABLES][512];
    uint8_t *room = rooms[which];
    size_t at = 4 + 4 * PHRASES;
    wr_put32(room, PHRASES);
    for (unsigned i = 0; i < PHRASES; i++) {
        size_t n = strlen(phrases[which][i]);
        wr_put32(room + 4 + 4 * (size_t)i, (uint32_t)n);
        memcpy(room + at, phrases[which][i], n);
        at += n;
    }
    return wr_str_of((const char *)room, at);
}

static unsigned made_by[ROWS_MAX]; /* sequence → which pack's words the row has */

static struct wr_str plain_row(uint64_t sequence)
{
    static char room[1024];
    const char *const *words = phrases[made_by[sequence]];
    int n =
        snprintf(room, sizeof room, "WR\1\1%s%020llu%.*s%s%020llu", words[0],
                 (unsigned long long)sequence, (int)(sequence * 37 % 90),
                 "0123456789abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ01234567"
                 "89abcdefghijklmnopqrstuvwxyz",
                 words[1], (unsigned long long)sequence);
    return wr_str_of(room, (size_t)n);
}

static struct wr_str condensed_row(uint64_t sequence)
{
    static struct wr_condenser condenser;
    static char room[1024];
    const char *const *words = phrases[made_by[sequence]];
    struct wr_str row = plain_row(sequence);
    size_t n0 = strlen(words[0]), n1 = strlen(words[1]);
    const char *end = row.p + row.n - DIGITS;
    condenser.tag = wr_phrases_tag(table(made_by[sequence]));
    wr_condense_begin(&condenser, row.p);
    wr_condense_phrase(&condenser, row.p + 4, n0, 0);
    wr_condense_phrase(&condenser, end - n1, n1, 1);
    wr_condense_again(&condenser, end, DIGITS, row.p + 4 + n0);
    size_t n = wr_condensed_size(&condenser, row.n);
    CHECK(n < row.n && n <= sizeof room);
    wr_condense(&condenser, row.n, room);
    return wr_str_of(room, n);
}

static struct wr_journal *open_with(struct sim *sim, struct wr_str phrases_of, uint64_t segment_max)
{
    struct wr_journal *journal = NULL;
    struct wr_error error = {0};
    struct wr_journal_options options = {.phrases = phrases_of, .segment_max = segment_max};
    wr_err err = wr_journal_open(sim_port(sim), "/state", &options, &journal, &error);
    if (err != WR_OK && !sim_crashed(sim)) {
        fprintf(stderr, "%s\n", error.text);
    }
    return err == WR_OK ? journal : NULL;
}

/* Rows of the pack whose table the journal uses, condensed; without one, plain rows of either. */
static wr_err add(struct wr_journal *journal, uint64_t n, struct wr_error *error)
{
    wr_err err = WR_OK;
    for (uint64_t i = 0; i < n && err == WR_OK; i++) {
        uint64_t sequence = wr_journal_last(journal) + 1;
        struct wr_str used = wr_journal_phrases(journal);
        CHECK(sequence < ROWS_MAX);
        made_by[sequence] = used.n != 0 ? wr_str_eq(used, table(1)) : sequence % TABLES;
        CHECK(used.n == 0 || wr_str_eq(used, table(made_by[sequence])));
        err = wr_journal_append(journal, sequence,
                                used.n != 0 ? condensed_row(sequence) : plain_row(sequence), error);
    }
    return err != WR_OK ? err : wr_journal_commit(journal, error);
}

static wr_err same_row(void *context, uint64_t sequence, struct wr_str payload,
                       struct wr_error *error)
{
    uint64_t *next = context;
    (void)error;
    CHECK_INT(sequence, *next);
    CHECK(wr_str_eq(payload, plain_row(sequence)));
    *next = sequence + 1;
    return WR_OK;
}

static void check_rows(struct wr_journal *journal, uint64_t last)
{
    struct wr_error error = {0};
    struct wr_str payload;
    uint64_t next = 1;
    CHECK_INT(wr_journal_last(journal), last);
    CHECK_INT(wr_journal_each(journal, 1, UINT64_MAX, same_row, &next, &error), WR_OK);
    CHECK_INT(next, last + 1);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_OK);
    for (uint64_t sequence = last; sequence > 7; sequence -= 1 + sequence % 7) {
        CHECK_INT(wr_journal_fetch(journal, sequence, &payload, &error), WR_OK);
        CHECK(wr_str_eq(payload, plain_row(sequence)));
    }
}

static bool uses(const struct wr_journal *journal, unsigned which)
{
    return wr_str_eq(wr_journal_phrases(journal), table(which));
}

TEST("condensed rows take less room and are read plain: open groups, closed segments, restarts")
{
    struct sim *sim = sim_open(1);
    struct wr_error error = {0};
    struct wr_str payload;
    uint64_t before = sim_n_syncs(sim), plain = 0;
    struct wr_journal *journal = open_with(sim, table(0), 4000);
    CHECK_INT(sim_n_syncs(sim), before + 3); /* as without a table */
    uint64_t size = wr_journal_log_size(journal);
    CHECK_INT(size, 128 + 32 + ((table(0).n + 7) & ~(size_t)7));
    CHECK_INT(add(journal, 20, &error), WR_OK);
    for (uint64_t i = 1; i <= 20; i++) {
        plain += plain_row(i).n;
    }
    CHECK(wr_journal_log_size(journal) - size < 20 * 72 + plain * 6 / 10);
    made_by[21] = 0;
    CHECK_INT(wr_journal_append(journal, 21, condensed_row(21), &error), WR_OK);
    CHECK_INT(wr_journal_fetch(journal, 21, &payload, &error), WR_OK); /* not written yet */
    CHECK(wr_str_eq(payload, plain_row(21)));
    CHECK_INT(wr_journal_commit(journal, &error), WR_OK);
    for (int i = 0; i < 10; i++) {
        CHECK_INT(add(journal, 20, &error), WR_OK);
        CHECK_INT(wr_journal_tend(journal, &error), WR_OK);
        CHECK(uses(journal, 0)); /* also the segments that follow */
    }
    CHECK(wr_journal_n_segments(journal) > 4);
    check_rows(journal, 221);
    wr_journal_close(journal, true);
    journal = open_with(sim, table(0), 4000);
    check_rows(journal, 221);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("another table begins a segment, the same one nothing; one without rows is replaced")
{
    struct sim *sim = sim_open(2);
    struct wr_error error = {0};
    struct wr_journal *journal = open_with(sim, table(0), 0);
    CHECK_INT(add(journal, 5, &error), WR_OK);
    uint64_t changes = sim_n_changes(sim);
    CHECK_INT(wr_journal_use_phrases(journal, table(0), &error), WR_OK);
    CHECK_INT(sim_n_changes(sim), changes);
    CHECK_INT(wr_journal_n_segments(journal), 1);
    CHECK_INT(wr_journal_use_phrases(journal, table(1), &error), WR_OK);
    CHECK_INT(wr_journal_n_segments(journal), 2);
    CHECK(uses(journal, 1));
    CHECK_INT(wr_journal_use_phrases(journal, table(0), &error), WR_OK); /* no row came meanwhile */
    CHECK_INT(wr_journal_n_segments(journal), 2);
    CHECK(uses(journal, 0));
    CHECK_INT(wr_journal_use_phrases(journal, table(1), &error), WR_OK);
    CHECK_INT(add(journal, 5, &error), WR_OK);
    check_rows(journal, 10);
    CHECK_INT(wr_journal_use_phrases(journal, wr_str_of("", 0), &error), WR_OK);
    CHECK_INT(wr_journal_phrases(journal).n, 0);
    CHECK_INT(add(journal, 5, &error), WR_OK);
    CHECK_INT(wr_journal_n_segments(journal), 3);
    check_rows(journal, 15);
    made_by[16] = 0;
    CHECK_INT(wr_journal_append(journal, 16, plain_row(16), &error), WR_OK);
    CHECK_INT(wr_journal_use_phrases(journal, table(0), &error), WR_E_JOURNAL); /* in a group */
    wr_journal_close(journal, false);
    sim_crash(sim);
    journal = open_with(sim, table(0), 0);
    check_rows(journal, wr_journal_last(journal));
    CHECK(wr_journal_last(journal) >= 10); /* what the closed segments held */
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("rows that are copied into the next segment keep their bytes and bring their table")
{
    struct sim *sim = sim_open(3);
    struct wr_error error = {0};
    struct wr_journal *journal = open_with(sim, table(0), 0);
    CHECK_INT(add(journal, 30, &error), WR_OK);
    wr_journal_close(journal, false); /* a kill: written, and not synced */
    sim_kill(sim);
    journal = open_with(sim, table(1), 0);
    CHECK(uses(journal, 0));
    check_rows(journal, 30);
    CHECK_INT(add(journal, 5, &error), WR_OK);
    CHECK_INT(wr_journal_use_phrases(journal, table(1), &error), WR_OK);
    CHECK_INT(add(journal, 5, &error), WR_OK);
    check_rows(journal, 40);
    wr_journal_close(journal, true);
    journal = open_with(sim, table(0), 0); /* ended well: there is nothing to copy */
    CHECK(uses(journal, 0));
    CHECK_INT(add(journal, 5, &error), WR_OK);
    CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
    CHECK_INT(add(journal, 5, &error), WR_OK);
    sim_faults(sim)->sync_fails_at = 1; /* of the end of the segment */
    CHECK_INT(wr_journal_use_phrases(journal, table(1), &error), WR_E_JOURNAL);
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_BROKEN);
    wr_journal_recover(journal);
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_OK);
    CHECK(wr_journal_last(journal) >= 45);
    check_rows(journal, wr_journal_last(journal));
    CHECK_INT(add(journal, 5, &error), WR_OK);
    check_rows(journal, wr_journal_last(journal));
    wr_journal_close(journal, true);
    sim_close(sim);
}

/* Makes the head of a log one of version 2, as it was before there were tables. */
static void make_old(struct sim *sim, const char *path)
{
    const struct wr_port_disk *disk = &sim_port(sim)->disk;
    uint8_t head[128];
    size_t got;
    int32_t file;
    CHECK_INT(disk->open(disk->context, path, WR_DISK_WRITE, &file), WR_IO_OK);
    CHECK_INT(disk->read_at(disk->context, file, head, sizeof head, 0, &got), WR_IO_OK);
    CHECK(head[7] == 3 && wr_get32(head + 20) == 0);
    head[7] = 2;
    wr_sha256_of(head, 96, head + 96);
    CHECK_INT(disk->write_at(disk->context, file, head, sizeof head, 0), WR_IO_OK);
    CHECK_INT(disk->sync(disk->context, file), WR_IO_OK);
    disk->close(disk->context, file);
}

TEST("a journal of logs of version 2 is read and gone on from, whether it ended well or not")
{
    for (int clean = 0; clean < 2; clean++) {
        struct sim *sim = sim_open(4);
        struct wr_error error = {0};
        struct wr_journal *journal = open_with(sim, wr_str_of("", 0), 0);
        CHECK_INT(add(journal, 20, &error), WR_OK);
        CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
        CHECK_INT(add(journal, 5, &error), WR_OK);
        wr_journal_close(journal, clean);
        make_old(sim, first_log);
        journal = open_with(sim, table(0), 0);
        CHECK_INT(wr_journal_phrases(journal).n != 0, clean);
        check_rows(journal, 25);
        CHECK_INT(wr_journal_use_phrases(journal, table(0), &error), WR_OK);
        CHECK_INT(add(journal, 5, &error), WR_OK);
        check_rows(journal, 30);
        wr_journal_close(journal, true);
        sim_close(sim);
    }
}

TEST("a damaged or strange table is no log, at the opening as when a closed segment is read")
{
    size_t n = table(0).n;
    const uint64_t offsets[] = {20, 128, 128 + 31, 128 + 32, 128 + 32 + n - 1};
    for (size_t i = 0; i < WR_COUNTOF(offsets); i++) {
        struct sim *sim = sim_open(5);
        struct wr_error error = {0};
        struct wr_str payload;
        struct wr_journal *journal = open_with(sim, table(0), 0), *other;
        CHECK_INT(add(journal, 20, &error), WR_OK);
        CHECK_INT(wr_journal_use_phrases(journal, table(1), &error), WR_OK);
        CHECK_INT(add(journal, 20, &error), WR_OK);
        CHECK(sim_rot(sim, first_log, offsets[i]));
        CHECK_INT(wr_journal_fetch(journal, 30, &payload, &error), WR_OK);
        CHECK_INT(wr_journal_fetch(journal, 7, &payload, &error), WR_E_STATE);
        CHECK(payload.n == 0 && strstr(error.text, first_log) != NULL &&
              strstr(error.text, "not a journal, or damaged") != NULL);
        wr_journal_close(journal, true);
        CHECK(sim_rot(sim, "/state/journal-0000000000000015.log", offsets[i]));
        CHECK_INT(wr_journal_open(sim_port(sim), "/state", NULL, &other, &error), WR_E_STATE);
        CHECK(strstr(error.text, "journal-0000000000000015.log: not a journal, or damaged") !=
              NULL);
        sim_close(sim);
    }
    struct sim *sim = sim_open(5);
    struct wr_error error = {0};
    struct wr_journal *journal = NULL;
    const struct wr_journal_options strange = {.phrases = WR_STR("no table at all")};
    CHECK_INT(wr_journal_open(sim_port(sim), "/state", &strange, &journal, &error), WR_E_STATE);
    sim_close(sim);
}

TEST("a condensed row that does not expand is damage that names the row, though the chain is whole")
{
    struct sim *sim = sim_open(6);
    struct wr_error error = {0};
    struct wr_str payload;
    struct wr_journal *journal = open_with(sim, table(0), 0);
    CHECK_INT(add(journal, 3, &error), WR_OK);
    char room[1024];
    struct wr_str row = condensed_row(3);
    for (int how = 0; how < 4; how++) {
        memcpy(room, row.p, row.n);
        room[4] ^= (char)(how == 0);                  /* the size of the plain row */
        room[7] ^= (char)(how == 1 ? 0x40 : 0);       /* more than a row may have */
        room[13] = (char)(how == 2 ? 126 : room[13]); /* a phrase that there is not */
        CHECK_INT(wr_journal_append(journal, 4 + (uint64_t)how,
                                    wr_str_of(room, how == 3 ? 5 : row.n), &error),
                  WR_OK);
    }
    CHECK_INT(wr_journal_commit(journal, &error), WR_OK);
    for (uint64_t sequence = 4; sequence < 8; sequence++) {
        char named[32];
        snprintf(named, sizeof named, "row %d: damaged, it does", (int)sequence);
        CHECK_INT(wr_journal_fetch(journal, sequence, &payload, &error), WR_E_JOURNAL);
        CHECK(payload.n == 0 && strstr(error.text, named) != NULL);
    }
    uint64_t next = 1;
    CHECK_INT(wr_journal_each(journal, 1, UINT64_MAX, same_row, &next, &error), WR_E_JOURNAL);
    CHECK_INT(next, 4);
    CHECK_INT(wr_journal_verify(journal, 1, 3, &error), WR_OK);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_E_JOURNAL);
    CHECK(strstr(error.text, "row 4: damaged, it does") != NULL);
    wr_journal_close(journal, true);
    sim_close(sim);
}

/* Another table in place of a log's, as whole as that was: a phrase says something else. */
static void forge_table(struct sim *sim, const char *path, size_t n)
{
    const struct wr_port_disk *disk = &sim_port(sim)->disk;
    uint8_t front[32 + 512];
    size_t got;
    int32_t file;
    CHECK(n <= 512);
    CHECK_INT(disk->open(disk->context, path, WR_DISK_WRITE, &file), WR_IO_OK);
    CHECK_INT(disk->read_at(disk->context, file, front, 32 + n, 128, &got), WR_IO_OK);
    front[32 + n - 1] ^= 1;
    wr_sha256_of(front + 32, n, front);
    CHECK_INT(disk->write_at(disk->context, file, front, 32 + n, 128), WR_IO_OK);
    CHECK_INT(disk->sync(disk->context, file), WR_IO_OK);
    disk->close(disk->context, file);
}

TEST("a table that was put in the place of a segment's is found by verifying")
{
    struct sim *sim = sim_open(7);
    struct wr_error error = {0};
    struct wr_journal *journal = open_with(sim, table(0), 0);
    CHECK_INT(add(journal, 20, &error), WR_OK);
    CHECK_INT(wr_journal_use_phrases(journal, table(1), &error), WR_OK);
    CHECK_INT(add(journal, 20, &error), WR_OK);
    wr_journal_close(journal, true);
    forge_table(sim, first_log, table(0).n);
    journal = open_with(sim, table(1), 0);
    CHECK_INT(wr_journal_verify(journal, 21, UINT64_MAX, &error), WR_OK);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_E_JOURNAL);
    CHECK(strstr(error.text, "row 1: damaged, it does not expand") != NULL);
    wr_journal_close(journal, true);
    sim_close(sim);
}

/* Rows up to `told` must be there after any power loss; tables come and go meanwhile. */
static void run_until_crash(struct sim *sim, uint64_t *told)
{
    struct wr_error error = {0};
    unsigned wanted = (unsigned)sim_random(sim, TABLES + 1);
    struct wr_journal *journal =
        open_with(sim, wanted < TABLES ? table(wanted) : wr_str_of("", 0), 20000);
    if (journal == NULL) {
        return; /* a crash or a failed sync while opening */
    }
    CHECK(wr_journal_last(journal) >= *told);
    if (!sim_crashed(sim)) {
        check_rows(journal, wr_journal_last(journal));
    }
    for (int i = 0; i < 12 && !sim_crashed(sim); i++) {
        bool good = add(journal, 1 + sim_random(sim, 9), &error) == WR_OK;
        uint64_t appended = wr_journal_last(journal);
        if (good && sim_random(sim, 2) == 0 &&
            wr_journal_use_phrases(journal, table((unsigned)sim_random(sim, TABLES)), &error) ==
                WR_OK &&
            wr_journal_sync(journal, &error) == WR_OK) {
            *told = appended;
        }
        if (wr_journal_tend(journal, &error) != WR_OK && !sim_crashed(sim)) {
            wr_journal_recover(journal);
        }
    }
    wr_journal_close(journal, !sim_crashed(sim) && sim_random(sim, 2) == 0);
}

TEST("power loss at every operation, also while tables change, loses no synced row")
{
    uint64_t n_crashes = 0;
    uint64_t n_seeds = getenv("WEIR_TEST_ALL") != NULL ? 3000 : 200;
    for (uint64_t seed = 0; seed < n_seeds; seed++) {
        struct sim *sim = sim_open(9000 + seed);
        uint64_t told = 0;
        for (int life = 0; life < 6; life++) {
            sim_faults(sim)->crash_at = 1 + sim_random(sim, life == 0 ? seed % 60 + 1 : 40);
            if (sim_random(sim, 4) == 0) {
                sim_faults(sim)->sync_fails_at = 1 + sim_random(sim, 12);
            }
            run_until_crash(sim, &told);
            n_crashes += sim_crashed(sim);
            sim_crash(sim);
        }
        struct wr_journal *journal = open_with(sim, table(0), 20000);
        CHECK(journal != NULL && wr_journal_last(journal) >= told);
        if (journal != NULL) {
            check_rows(journal, wr_journal_last(journal));
            wr_journal_close(journal, true);
        }
        sim_close(sim);
    }
    CHECK(n_crashes > 600);
}

/* ── the journal's thread ───────────────────────────────────────────────────────────────────── */
static struct {
    enum wr_io (*sync)(void *context, int32_t file);
    atomic_int blocked, n;
} slow;

static enum wr_io slow_sync(void *context, int32_t file)
{
    atomic_fetch_add(&slow.n, 1);
    while (atomic_load(&slow.blocked) != 0) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return slow.sync(context, file);
}

static void append(struct wr_journal_thread *thread, uint64_t first, uint64_t n, unsigned which)
{
    for (uint64_t sequence = first; sequence < first + n; sequence++) {
        made_by[sequence] = which;
        CHECK(wr_journal_thread_append(thread, sequence, condensed_row(sequence)));
    }
    wr_journal_thread_submit(thread);
}

static struct wr_journal_stats stats_when(struct wr_journal_thread *thread, uint64_t committed)
{
    struct wr_journal_stats stats = {0};
    for (int i = 0; i < 5000; i++) {
        wr_journal_thread_stats(thread, &stats);
        if (stats.committed >= committed) {
            break;
        }
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    CHECK(stats.committed >= committed);
    return stats;
}

static void check_reply(struct wr_journal_thread *thread, uint64_t sequence)
{
    struct wr_journal_reply reply;
    CHECK(wr_journal_thread_fetch(thread, sequence, 7));
    wr_journal_thread_submit(thread);
    for (int i = 0; i < 5000 && !wr_journal_thread_reply(thread, &reply); i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    CHECK(wr_journal_thread_reply(thread, &reply) && reply.found);
    CHECK(wr_str_eq(reply.payload, plain_row(sequence)));
    wr_journal_thread_release(thread);
}

/* A clock that stands still but for what it is told: a busy machine passes no time. */
static atomic_llong told_ns = 1000000000;

static int64_t told_time(void *context)
{
    (void)context;
    return atomic_load(&told_ns);
}

/* Rows by one table while a sync is under way, then another table and its rows: these wait. */
static void change_beside_sync(struct wr_journal_thread *thread, bool durable)
{
    int before = atomic_load(&slow.n);
    append(thread, 1, 20, 0);
    (void)stats_when(thread, 20);
    if (!durable) {
        atomic_fetch_add(&told_ns, WR_JOURNAL_SYNC_AGE_NS);
        while (atomic_load(&slow.n) == before) { /* it begins */
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        }
    }
    append(thread, 21, 10, 0);
    CHECK(wr_journal_thread_use_phrases(thread, table(1)));
    append(thread, 31, 10, 1);
    CHECK(wr_journal_thread_use_phrases(thread, table(1))); /* nothing comes of that */
    append(thread, 41, 10, 1);
    struct wr_journal_stats stats = stats_when(thread, 30);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    wr_journal_thread_stats(thread, &stats);
    CHECK_INT(stats.committed, 30);
    CHECK_INT(stats.n_segments, 1);
    atomic_store(&slow.blocked, 0);
    stats = stats_when(thread, 50);
    CHECK_INT(stats.n_segments, 2);
    CHECK(stats.synced >= 30); /* with the end of its segment */
    check_reply(thread, 9);
    check_reply(thread, 42);
}

TEST("a thread condenses rows and takes tables in order; no segment ends while a sync is under way")
{
    for (int durable = 0; durable < 2; durable++) {
        struct wr_port port;
        struct wr_port_linux *native = NULL;
        struct wr_error error = {0};
        struct wr_journal *journal;
        struct wr_journal_thread *thread;
        const struct wr_journal_options options = {.phrases = table(0)};
        char directory[] = "/tmp/weir-journal-XXXXXX", command[64];
        CHECK(mkdtemp(directory) != NULL && wr_port_linux_open(&port, &native) == WR_IO_OK);
        slow.sync = port.disk.sync;
        port.disk.sync = slow_sync;
        port.clock.mono_ns = told_time;
        CHECK_INT(wr_journal_open(&port, directory, &options, &journal, &error), WR_OK);
        CHECK_INT(wr_journal_thread_open(&port, journal, durable, &thread, &error), WR_OK);
        atomic_store(&slow.blocked, 1);
        change_beside_sync(thread, durable);
        wr_journal_thread_close(thread);
        check_rows(journal, 50);
        CHECK(wr_journal_log_size(journal) < 128 + 32 + table(1).n + 8 + 20 * (64 + 130));
        wr_journal_close(journal, true);
        CHECK_INT(wr_journal_open(&port, directory, NULL, &journal, &error), WR_OK);
        check_rows(journal, 50);
        wr_journal_close(journal, true);
        wr_port_linux_close(native);
        snprintf(command, sizeof command, "rm -r %s", directory);
        CHECK(system(command) == 0);
    }
}

TEST("inline, rows before a new table are kept and those behind are lost when it cannot begin")
{
    struct sim *sim = sim_open(11);
    struct wr_error error = {0};
    struct wr_journal *journal = open_with(sim, table(0), 0);
    struct wr_journal_thread *thread;
    CHECK_INT(wr_journal_thread_open(sim_port(sim), journal, true, &thread, &error), WR_OK);
    append(thread, 1, 5, 0);
    CHECK(wr_journal_thread_use_phrases(thread, table(1)));
    append(thread, 6, 5, 1);
    wr_journal_thread_step(thread); /* all of it in one */
    CHECK_INT(wr_journal_thread_kept(thread), 10);
    CHECK_INT(wr_journal_n_segments(journal), 2);
    append(thread, 11, 5, 1);
    CHECK(wr_journal_thread_use_phrases(thread, table(0)));
    append(thread, 16, 5, 0);
    sim_faults(sim)->sync_fails_at = 2; /* the new segment, the old one having ended well */
    wr_journal_thread_step(thread);
    CHECK_INT(wr_journal_thread_state(thread), WR_JOURNAL_BROKEN);
    CHECK_INT(wr_journal_thread_kept(thread), 10); /* the promise is not given though it is kept */
    append(thread, 21, 5, 0);
    wr_journal_thread_step(thread);
    wr_journal_thread_close(thread);
    wr_journal_recover(journal);
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_OK);
    check_rows(journal, 15);
    wr_journal_close(journal, true);
    sim_close(sim);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
