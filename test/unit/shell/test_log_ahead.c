/* SPDX-License-Identifier: Apache-2.0 */
/* Zeros that a journal in mode durable lays ahead of its rows: where they are, that they never
 * stand in the way of a row, and that neither an opening nor a copy takes them for the end. */
#include "app/journal_backup.h"
#include "check.h"
#include "port/port_linux.h"
#include "shell/journal.h"
#include "shell/log.h"
#include "sim/sim.h"

#include <unistd.h>

enum { SEAL = 64, BLOCK = 4096, STEP = 16384 };

static struct wr_str row(uint64_t sequence)
{
    static char text[1024];
    memset(text, (int)('a' + sequence % 26), sizeof text);
    memcpy(text, "WR\1\1", 4);
    return wr_str_of(text, 300 + (size_t)(sequence * 7919 % 700));
}

static struct wr_journal *open_at(const struct wr_port *port, const char *directory, bool lays)
{
    struct wr_journal *journal = NULL;
    struct wr_error error = {0};
    struct wr_journal_options options = {.lays_ahead = lays};
    if (wr_journal_open(port, directory, &options, &journal, &error) != WR_OK) {
        fprintf(stderr, "%s\n", error.text);
    }
    return journal;
}

/* Adds a group of rows and commits it. */
static wr_err add(struct wr_journal *journal, uint64_t n)
{
    struct wr_error error;
    wr_err err = WR_OK;
    for (uint64_t i = 0; i < n && err == WR_OK; i++) {
        uint64_t sequence = wr_journal_last(journal) + 1;
        err = wr_journal_append(journal, sequence, row(sequence), &error);
    }
    return err != WR_OK ? err : wr_journal_commit(journal, &error);
}

static wr_err sync_rows(struct wr_journal *journal)
{
    struct wr_error error;
    return wr_journal_sync(journal, &error);
}

static wr_err same_row(void *context, uint64_t sequence, struct wr_str payload,
                       struct wr_error *error)
{
    uint64_t *next = context;
    (void)error;
    CHECK_INT(sequence, *next);
    CHECK(wr_str_eq(payload, row(sequence)));
    *next = sequence + 1;
    return WR_OK;
}

static void check_rows(struct wr_journal *journal, uint64_t last)
{
    struct wr_error error = {0};
    uint64_t next = 1;
    CHECK_INT(wr_journal_last(journal), last);
    CHECK_INT(wr_journal_each(journal, 1, UINT64_MAX, same_row, &next, &error), WR_OK);
    CHECK_INT(next, last + 1);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_OK);
}

TEST("zeros lie ahead of the rows, as many as there are bytes of rows and at most 256 KiB")
{
    struct sim *sim = sim_open(1);
    struct wr_journal *journal = open_at(sim_port(sim), "/state", true);
    for (int i = 0; i < 400; i++) {
        uint64_t before = sim_disk_used(sim), end = wr_journal_log_size(journal);
        CHECK_INT(add(journal, 3), WR_OK);
        uint64_t used = sim_disk_used(sim), size = wr_journal_log_size(journal);
        CHECK(used % BLOCK == 0 && used > size);
        CHECK(used - size <= WR_MIN(WR_MAX(size, (uint64_t)STEP), (uint64_t)WR_LOG_LAY));
        CHECK(used == before || size >= before); /* only when those before are used up */
        CHECK(size > end);
    }
    CHECK(wr_journal_log_size(journal) > 2 * (uint64_t)WR_LOG_LAY);
    uint64_t size = wr_journal_log_size(journal);
    wr_journal_close(journal, true);
    CHECK_INT(sim_disk_used(sim), size + SEAL); /* what was laid is given back */
    journal = open_at(sim_port(sim), "/state", false);
    CHECK_INT(sim_disk_used(sim), size + SEAL + wr_journal_log_size(journal));
    check_rows(journal, 1200);
    CHECK_INT(add(journal, 3), WR_OK);
    CHECK_INT(sim_disk_used(sim), size + SEAL + wr_journal_log_size(journal)); /* mode fast */
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("none are laid behind a group so large that they would hold three more at the most")
{
    struct sim *sim = sim_open(7);
    struct wr_journal *journal = open_at(sim_port(sim), "/state", true);
    while (wr_journal_log_size(journal) < 2 * (uint64_t)WR_LOG_LAY) {
        uint64_t before = wr_journal_log_size(journal);
        CHECK_INT(add(journal, 150), WR_OK);
        CHECK(wr_journal_log_size(journal) - before > WR_LOG_LAY / 4);
        CHECK_INT(sim_disk_used(sim), wr_journal_log_size(journal));
    }
    CHECK_INT(add(journal, 1), WR_OK);
    CHECK(sim_disk_used(sim) > wr_journal_log_size(journal) + WR_LOG_LAY - BLOCK);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("a segment that ends gives them back, and the next one has its own")
{
    struct sim *sim = sim_open(2);
    struct wr_error error = {0};
    struct wr_journal *journal = NULL;
    struct wr_journal_options options = {.segment_max = 60000, .lays_ahead = true};
    CHECK_INT(wr_journal_open(sim_port(sim), "/state", &options, &journal, &error), WR_OK);
    while (wr_journal_n_segments(journal) < 3) {
        CHECK_INT(add(journal, 5), WR_OK);
        CHECK_INT(wr_journal_tend(journal, &error), WR_OK);
    }
    CHECK_INT(add(journal, 1), WR_OK);
    uint64_t last = wr_journal_last(journal), live = wr_journal_log_size(journal);
    CHECK(sim_disk_used(sim) > 2 * 60000 + live + BLOCK);
    CHECK(sim_disk_used(sim) < 2 * 66000 + live + STEP + BLOCK);
    check_rows(journal, last);
    wr_journal_close(journal, false);
    sim_kill(sim);
    journal = open_at(sim_port(sim), "/state", true);
    check_rows(journal, last);
    wr_journal_close(journal, true);
    sim_close(sim);
}

static enum wr_io stay_long(void *context, int32_t file, uint64_t size)
{
    (void)context, (void)file, (void)size;
    return WR_IO_OK;
}

/* The memory of a process goes when it is killed, and what it has not done it never does. */
static void kill_it(struct sim *sim, struct wr_port *port, struct wr_journal *journal)
{
    port->disk.truncate = stay_long;
    wr_journal_close(journal, false);
    sim_kill(sim);
    *port = *sim_port(sim);
}

TEST("after a kill the zeros are still there, and the opening goes on behind the last row")
{
    struct sim *sim = sim_open(3);
    struct wr_port port = *sim_port(sim);
    struct wr_journal *journal = open_at(&port, "/state", true);
    for (uint64_t life = 1; life <= 5; life++) {
        CHECK_INT(add(journal, 50), WR_OK);
        CHECK_INT(sync_rows(journal), WR_OK);
        CHECK_INT(add(journal, 50), WR_OK);
        uint64_t used = sim_disk_used(sim);
        kill_it(sim, &port, journal);
        CHECK_INT(sim_disk_used(sim), used);
        journal = open_at(&port, "/state", true);
        check_rows(journal, 100 * life);
    }
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("damage before them is told")
{
    struct sim *sim = sim_open(4);
    struct wr_error error = {0};
    struct wr_port port = *sim_port(sim);
    struct wr_journal *journal = open_at(&port, "/state", true), *again = NULL;
    for (int i = 0; i < 3; i++) {
        CHECK_INT(add(journal, 10), WR_OK);
        CHECK_INT(sync_rows(journal), WR_OK);
    }
    kill_it(sim, &port, journal);
    CHECK(sim_rot(sim, "/state/journal-0000000000000001.log", 128)); /* the magic of row 1 */
    CHECK_INT(wr_journal_open(sim_port(sim), "/state", NULL, &again, &error), WR_E_JOURNAL);
    CHECK(strstr(error.text, "row 1: damaged, and later ones were kept") != NULL);
    sim_close(sim);
}

/* How many rows, one at a time, a disk with so much room takes. */
static uint64_t rows_that_fit(uint64_t room, bool lays)
{
    struct sim *sim = sim_open(500 + room);
    struct wr_journal *journal = open_at(sim_port(sim), "/state", lays);
    sim_faults(sim)->disk_room = wr_journal_log_size(journal) + room; /* zeros not counted */
    while (add(journal, 1) == WR_OK) {
    }
    uint64_t last = wr_journal_last(journal);
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_FULL);
    check_rows(journal, last);
    sim_faults(sim)->disk_room = UINT64_MAX;
    wr_journal_recover(journal);
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_OK);
    CHECK_INT(add(journal, 20), WR_OK);
    check_rows(journal, last + 20);
    wr_journal_close(journal, true);
    sim_close(sim);
    return last;
}

TEST("a disk without room for zeros takes as many rows as without them")
{
    for (uint64_t room = 20000; room < 700000; room += 9973) {
        uint64_t n = rows_that_fit(room, false);
        CHECK(n > 10);
        CHECK_INT(rows_that_fit(room, true), n);
    }
}

/* Sixty groups of one row, of whose writes one fails. True: it was one of zeros. */
static bool is_harmless(uint64_t write)
{
    struct sim *sim = sim_open(600 + write);
    struct wr_port port = *sim_port(sim);
    struct wr_journal *journal = open_at(&port, "/state", true);
    sim_faults(sim)->write_fails_at = write;
    wr_err err = WR_OK;
    for (int i = 0; i < 60 && err == WR_OK; i++) {
        err = add(journal, 1);
    }
    CHECK(err == WR_OK || wr_journal_state(journal) == WR_JOURNAL_BROKEN);
    uint64_t last = wr_journal_last(journal);
    kill_it(sim, &port, journal);
    journal = open_at(&port, "/state", true);
    check_rows(journal, last);
    CHECK(err != WR_OK || last == 60);
    wr_journal_close(journal, true);
    sim_close(sim);
    return err == WR_OK;
}

TEST("a write of zeros that fails is no failed row")
{
    int n_harmless = 0;
    for (uint64_t write = 1; write <= 60; write++) {
        n_harmless += is_harmless(write);
    }
    CHECK_INT(n_harmless, 2); /* some 40 KB of rows: zeros behind 16 KB and behind 32 */
}

/* ── a copy beside a journal that grows ─────────────────────────────────────────────────────── */
static struct wr_journal *grows; /* while a copy is read */
static struct wr_port real;

/* Groups behind which zeros are laid. */
static void add_groups(struct wr_journal *journal, int n)
{
    for (int i = 0; i < n; i++) {
        CHECK_INT(add(journal, 50), WR_OK);
        CHECK_INT(sync_rows(journal), WR_OK);
    }
}

/* Rows come after what is read has been read. */
static enum wr_io read_and_grow(void *context, int32_t file, void *bytes, size_t n, uint64_t offset,
                                size_t *got)
{
    enum wr_io result = real.disk.read_at(context, file, bytes, n, offset, got);
    if (wr_journal_last(grows) < 9000) {
        add_groups(grows, 3);
    }
    return result;
}

/* Rows come while it is read: of the zeros behind the last row a page or two are read, then rows of
 * two groups take their place, of which the second says that the first is synced, then the rest. */
static enum wr_io read_torn(void *context, int32_t file, void *bytes, size_t n, uint64_t offset,
                            size_t *got)
{
    uint64_t cut = (wr_journal_log_size(grows) / BLOCK + 2) * BLOCK;
    enum wr_io result = real.disk.read_at(context, file, bytes, n, offset, got);
    if (wr_journal_last(grows) < 3000) {
        add_groups(grows, 2);
    }
    if (result == WR_IO_OK && cut >= offset && cut < offset + *got) {
        size_t at = (size_t)(cut - offset);
        result = real.disk.read_at(context, file, (char *)bytes + at, n - at, cut, got);
        *got += at;
    }
    return result;
}

typedef enum wr_io read_fn(void *context, int32_t file, void *bytes, size_t n, uint64_t offset,
                           size_t *got);

/* A copy read that way is whole, and has rows that came meanwhile. */
static void check_copy(read_fn *read)
{
    char directory[] = "/tmp/weir-ahead-XXXXXX", state[64], copy[64], command[128];
    struct wr_port_linux *native = NULL;
    struct wr_backup_result result;
    struct wr_error error = {0};
    CHECK(mkdtemp(directory) != NULL && wr_port_linux_open(&real, &native) == WR_IO_OK);
    struct wr_port port = real;
    port.disk.read_at = read;
    snprintf(state, sizeof state, "%s/state", directory);
    snprintf(copy, sizeof copy, "%s/copy", directory);
    grows = open_at(&real, state, true);
    add_groups(grows, 28);
    uint64_t before = wr_journal_last(grows);
    wr_err err = wr_journal_backup(&port, state, copy, &result, &error);
    if (err != WR_OK) {
        fprintf(stderr, "%s\n", error.text);
    }
    CHECK_INT(err, WR_OK);
    CHECK(result.first == 1 && result.last > before);
    wr_journal_close(grows, true);
    struct wr_journal *copied = err == WR_OK ? open_at(&real, copy, false) : NULL;
    if (copied != NULL) {
        check_rows(copied, result.last);
        wr_journal_close(copied, true);
    }
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK_INT(system(command), 0);
    wr_port_linux_close(native);
}

TEST("a copy made while rows take the place of zeros has no gap")
{
    check_copy(read_and_grow);
}

TEST("nor has one whose reading they overtake")
{
    check_copy(read_torn);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
