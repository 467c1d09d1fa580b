/* SPDX-License-Identifier: Apache-2.0 */
/* The journal on disks that fill up: what stays, what is sealed, what a start finds, and syncs that
 * fail for it. */
#include "journal_rig.h"

/* Leaves the disk some 250 KB and fills them in groups; returns the last row that was committed. */
static uint64_t fill_small(struct sim *sim, struct wr_journal *journal)
{
    struct wr_error error = {0};
    uint64_t last = 0;
    sim_faults(sim)->disk_room = sim_disk_used(sim) + 200000 + sim_random(sim, 100000);
    while (add(journal, 1 + sim_random(sim, 20), &error) == WR_OK) {
        last = wr_journal_last(journal);
    }
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_FULL);
    return last;
}

TEST("a full disk makes it full, loses no committed row, and space brings it back")
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim *sim = sim_open(900 + seed);
        struct wr_error error = {0};
        struct wr_journal *journal = open_at(sim, 0);
        uint64_t last = fill_small(sim, journal);
        CHECK(last > 10);
        wr_journal_recover(journal);
        CHECK_INT(wr_journal_state(journal), WR_JOURNAL_FULL);
        sim_faults(sim)->disk_room = UINT64_MAX;
        wr_journal_recover(journal);
        CHECK_INT(wr_journal_state(journal), WR_JOURNAL_OK);
        check_rows(journal, last);
        CHECK_INT(add(journal, 7, &error), WR_OK);
        check_rows(journal, last + 7);
        wr_journal_close(journal, true);
        sim_close(sim);
    }
}

TEST("a full one is sealed when it is closed, and nothing of it is written once more")
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim *sim = sim_open(950 + seed);
        struct wr_journal *journal = open_at(sim, 0);
        uint64_t last = fill_small(sim, journal);
        wr_journal_close(journal, true);
        uint64_t used = sim_disk_used(sim);
        sim_crash(sim); /* all of it was synced; a seal that was not may be lost */
        sim_faults(sim)->disk_room = UINT64_MAX;
        bool sealed = sim_disk_used(sim) == used;
        journal = open_at(sim, 0);
        CHECK(!sealed || sim_disk_used(sim) == used + 128); /* the head of the next */
        CHECK(wr_journal_last(journal) >= last);
        check_rows(journal, wr_journal_last(journal));
        wr_journal_close(journal, true);
        sim_close(sim);
    }
}

/* Writes until the disk is full; returns the last row that was committed. */
static uint64_t fill(struct wr_journal *journal)
{
    struct wr_error error = {0};
    uint64_t last = wr_journal_last(journal);
    while (add(journal, 1, &error) == WR_OK) {
        last = wr_journal_last(journal);
    }
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_FULL);
    return last;
}

/* As a disk that fills up while its syncs are slow: the one under way fails after the write that
 * found no space. */
TEST("a sync that fails while the disk is full is a failed sync, and what it had is written again")
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct sim *sim = sim_open(2000 + seed);
        struct wr_error error = {0};
        struct wr_journal_sync sync;
        struct wr_journal *journal = open_at(sim, 0);
        CHECK_INT(add(journal, 20, &error), WR_OK);
        CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
        sim_faults(sim)->disk_room = sim_disk_used(sim) + 30000;
        CHECK_INT(add(journal, 10, &error), WR_OK);
        wr_journal_sync_begin(journal, &sync);
        uint64_t last = fill(journal);
        sim_faults(sim)->sync_fails_at = 1;
        enum wr_io io = wr_journal_sync_do(sim_port(sim), &sync);
        CHECK_INT(io, WR_IO_FAILED);
        CHECK_INT(wr_journal_sync_end(journal, &sync, io, &error), WR_E_JOURNAL);
        sim_faults(sim)->disk_room = UINT64_MAX;
        if (seed % 2 == 0) {
            wr_journal_recover(journal);
            CHECK_INT(wr_journal_state(journal), WR_JOURNAL_OK);
            check_rows(journal, last);
        }
        wr_journal_close(journal, true);
        journal = open_at(sim, 0); /* while the system still has it in memory */
        check_rows(journal, last);
        CHECK_INT(add(journal, 3, &error), WR_OK);
        CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
        wr_journal_close(journal, false);
        sim_crash(sim);
        journal = open_at(sim, 0);
        CHECK(journal != NULL);
        if (journal != NULL) {
            check_rows(journal, last + 3);
            wr_journal_close(journal, true);
        }
        sim_close(sim);
    }
}

static struct wr_port_disk real;

/* What file systems that find a place for bytes only when they are synced, or for bytes that
 * replace others, may answer. */
static enum wr_io sync_or_full(void *context, int32_t file)
{
    enum wr_io io = real.sync(context, file);
    return io == WR_IO_FAILED ? WR_IO_FULL : io;
}

TEST("a sync that finds no space is a failed sync, with zeros ahead of the rows and without")
{
    for (uint64_t seed = 0; seed < 80; seed++) {
        struct sim *sim = sim_open(3000 + seed);
        struct wr_port port = *sim_port(sim);
        struct wr_error error = {0};
        struct wr_journal *journal = NULL;
        struct wr_journal_options options = {.segment_max = 20000, .lays_ahead = seed % 2 == 0};
        bool tends = seed % 4 > 1;
        real = port.disk;
        port.disk.sync = sync_or_full;
        CHECK_INT(wr_journal_open(&port, "/state", &options, &journal, &error), WR_OK);
        CHECK_INT(add(journal, 10, &error), WR_OK);
        CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
        CHECK_INT(add(journal, tends ? 30 : 10, &error), WR_OK);
        uint64_t last = wr_journal_last(journal);
        sim_faults(sim)->disk_room = 1; /* nor is there any for another segment */
        sim_faults(sim)->sync_fails_at = 1;
        wr_err err = tends ? wr_journal_tend(journal, &error) : wr_journal_sync(journal, &error);
        CHECK_INT(err, WR_E_JOURNAL);
        CHECK_INT(wr_journal_state(journal), WR_JOURNAL_BROKEN);
        wr_journal_recover(journal);
        CHECK_INT(wr_journal_state(journal), WR_JOURNAL_FULL); /* what it waits for now */
        uint64_t used = sim_disk_used(sim);
        wr_journal_recover(journal);
        CHECK_INT(wr_journal_state(journal), WR_JOURNAL_FULL);
        CHECK_INT(sim_disk_used(sim), used);
        sim_faults(sim)->disk_room = UINT64_MAX;
        wr_journal_recover(journal);
        CHECK_INT(wr_journal_state(journal), WR_JOURNAL_OK);
        check_rows(journal, last);
        CHECK_INT(add(journal, 3, &error), WR_OK);
        CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
        wr_journal_close(journal, false);
        sim_crash(sim);
        journal = open_at(sim, 0);
        CHECK(journal != NULL);
        if (journal != NULL) {
            check_rows(journal, last + 3);
            wr_journal_close(journal, true);
        }
        sim_close(sim);
    }
}

/* What an opening looks at that finds room: the chain of the last rows. */
TEST("what is damaged is not told as a full disk, once there is room")
{
    struct sim *sim = sim_open(4000);
    struct wr_error error = {0};
    struct wr_journal_options options = {.opens_full = true};
    struct wr_journal *journal = open_at(sim, 0);
    for (int i = 0; i < 30; i++) {
        CHECK_INT(add(journal, 1, &error), WR_OK);
        CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
    }
    uint64_t end = wr_journal_log_size(journal);
    wr_journal_close(journal, true);
    sim_kill(sim);
    CHECK(sim_rot(sim, "/state/journal-0000000000000001.log", end - 2000));
    sim_faults(sim)->disk_room = 1;
    CHECK_INT(wr_journal_open(sim_port(sim), "/state", &options, &journal, &error), WR_OK);
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_FULL);
    CHECK_INT(wr_journal_last(journal), 30);
    wr_journal_recover(journal);
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_FULL);
    sim_faults(sim)->disk_room = UINT64_MAX;
    for (int i = 0; i < 2; i++) {
        wr_journal_recover(journal);
        CHECK_INT(wr_journal_state(journal), WR_JOURNAL_BROKEN);
    }
    wr_journal_close(journal, true);
    CHECK_INT(wr_journal_open(sim_port(sim), "/state", &options, &journal, &error), WR_E_JOURNAL);
    CHECK(strstr(error.text, "row ") != NULL);
    sim_close(sim);
}

TEST("a segment that does not fit takes none of the room that is waited for")
{
    struct sim *sim = sim_open(4100);
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(sim, 0);
    CHECK_INT(add(journal, 200, &error), WR_OK);
    uint64_t used = sim_disk_used(sim);
    sim_faults(sim)->disk_room = used + 50000; /* less than what has to be written again */
    sim_faults(sim)->sync_fails_at = 1;
    CHECK_INT(wr_journal_sync(journal, &error), WR_E_JOURNAL);
    for (int i = 0; i < 2; i++) {
        wr_journal_recover(journal);
        CHECK_INT(wr_journal_state(journal), WR_JOURNAL_FULL);
        CHECK_INT(sim_disk_used(sim), used);
    }
    wr_journal_close(journal, true);
    struct wr_journal_options options = {.opens_full = true};
    CHECK_INT(wr_journal_open(sim_port(sim), "/state", &options, &journal, &error), WR_OK);
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_FULL);
    CHECK_INT(sim_disk_used(sim), used);
    sim_faults(sim)->disk_room = UINT64_MAX;
    wr_journal_recover(journal);
    check_rows(journal, 200);
    wr_journal_close(journal, true);
    sim_close(sim);
}

/* Rows in groups, syncs that end some groups later, and space that comes and goes. `told` gets the
 * last row that was synced. False: an opening found damage. */
static bool run_until_crash(struct sim *sim, const struct wr_port *port, uint64_t *told)
{
    struct wr_error error = {0};
    struct wr_journal *journal = NULL;
    struct wr_journal_sync sync;
    struct wr_journal_options options = {.segment_max = 60000,
                                         .lays_ahead = sim_random(sim, 2) == 0};
    bool is_syncing = false;
    wr_err err = wr_journal_open(port, "/state", &options, &journal, &error);
    if (err != WR_OK) {
        return sim_crashed(sim) || err == WR_E_STATE; /* no room, or a sync failed */
    }
    CHECK(wr_journal_last(journal) >= *told);
    for (int i = 0; i < 30 && !sim_crashed(sim); i++) {
        uint64_t room = sim_disk_used(sim) + sim_random(sim, 30000);
        sim_faults(sim)->disk_room = sim_random(sim, 3) == 0 ? UINT64_MAX : room;
        if (wr_journal_state(journal) == WR_JOURNAL_OK) {
            (void)add(journal, 1 + sim_random(sim, 9), &error);
        }
        if (is_syncing && sim_random(sim, 2) == 0) {
            is_syncing = false;
            enum wr_io io = wr_journal_sync_do(port, &sync);
            if (wr_journal_sync_end(journal, &sync, io, &error) == WR_OK) {
                *told = sync.last;
            }
        }
        if (!is_syncing && wr_journal_state(journal) == WR_JOURNAL_OK) {
            if (wr_journal_tend(journal, &error) == WR_OK && sim_random(sim, 2) == 0) {
                wr_journal_sync_begin(journal, &sync);
                is_syncing = true;
            }
        } else if (!is_syncing) {
            wr_journal_recover(journal);
        }
    }
    bool is_clean = !is_syncing && !sim_crashed(sim) && sim_random(sim, 2) == 0;
    wr_journal_close(journal, is_clean);
    return true;
}

TEST("power loss at every operation on a disk that fills up, with failing syncs, loses no synced "
     "row")
{
    uint64_t n_crashes = 0;
    uint64_t n_seeds = getenv("WEIR_TEST_ALL") != NULL ? 3000 : 300;
    for (uint64_t seed = 0; seed < n_seeds; seed++) {
        struct sim *sim = sim_open(7000 + seed);
        struct wr_port port = *sim_port(sim);
        uint64_t told = 0;
        real = port.disk;
        port.disk.sync = sync_or_full;
        for (int life = 0; life < 6; life++) {
            sim_faults(sim)->crash_at = 1 + sim_random(sim, life == 0 ? seed % 60 + 1 : 60);
            if (sim_random(sim, 2) == 0) {
                sim_faults(sim)->sync_fails_at = 1 + sim_random(sim, 8);
            }
            if (sim_random(sim, 4) == 0) {
                sim_faults(sim)->disk_room = sim_disk_used(sim) + sim_random(sim, 1000);
            }
            CHECK(run_until_crash(sim, &port, &told));
            n_crashes += sim_crashed(sim);
            if (sim_random(sim, 3) == 0) {
                sim_kill(sim);
            } else {
                sim_crash(sim);
            }
        }
        struct wr_journal *journal = open_at(sim, 60000);
        CHECK(journal != NULL && wr_journal_last(journal) >= told);
        if (journal != NULL) {
            check_rows(journal, wr_journal_last(journal));
            wr_journal_close(journal, true);
        }
        sim_close(sim);
    }
    CHECK(n_crashes > 1000);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
