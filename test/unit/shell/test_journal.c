/* SPDX-License-Identifier: Apache-2.0 */
/* The journal on the simulated disk: rows, chain, segments, failing disks, power loss. */
#include "journal_rig.h"

TEST("a fresh directory costs three syncs, every durable group one, an opening two")
{
    struct sim *sim = sim_open(1);
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(sim, 0);
    uint64_t before = sim_n_syncs(sim);
    CHECK_INT(before, 3);
    CHECK_INT(add(journal, 1, &error), WR_OK);
    CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
    CHECK_INT(sim_n_syncs(sim), before + 1);
    CHECK_INT(add(journal, 1, &error), WR_OK);
    CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
    CHECK_INT(sim_n_syncs(sim), before + 2);
    wr_journal_close(journal, true);
    before = sim_n_syncs(sim);
    journal = open_at(sim, 0);
    CHECK_INT(sim_n_syncs(sim), before + 2);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("rows come back in order with the same bytes after closing, and the epoch rises")
{
    struct sim *sim = sim_open(2);
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(sim, 0);
    struct wr_journal_identity first = wr_journal_identity(journal);
    CHECK_INT(add(journal, 40, &error), WR_OK);
    struct wr_str payload;
    CHECK_INT(wr_journal_fetch(journal, 17, &payload, &error), WR_OK);
    CHECK(wr_str_eq(payload, row(17)));
    CHECK_INT(wr_journal_fetch(journal, 41, &payload, &error), WR_E_NOT_FOUND);
    CHECK_INT(wr_journal_fetch(journal, 0, &payload, &error), WR_E_NOT_FOUND);
    wr_journal_close(journal, true);
    journal = open_at(sim, 0);
    struct wr_journal_identity second = wr_journal_identity(journal);
    CHECK(first.node == second.node && first.keys[0].k0 == second.keys[0].k0);
    CHECK_INT(second.epoch, first.epoch + 1);
    check_rows(journal, 40);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("a row that is not committed yet is found too, and is gone after a kill")
{
    struct sim *sim = sim_open(3);
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(sim, 0);
    CHECK_INT(add(journal, 3, &error), WR_OK);
    CHECK_INT(wr_journal_append(journal, 4, row(4), &error), WR_OK);
    struct wr_str payload;
    CHECK_INT(wr_journal_fetch(journal, 4, &payload, &error), WR_OK);
    CHECK(wr_str_eq(payload, row(4)));
    wr_journal_close(journal, false);
    sim_kill(sim);
    journal = open_at(sim, 0);
    check_rows(journal, 3);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("a second process is refused and told why")
{
    struct sim *sim = sim_open(4);
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(sim, 0), *other = NULL;
    CHECK_INT(wr_journal_open(sim_port(sim), "/state", NULL, &other, &error), WR_E_STATE);
    CHECK(strstr(error.text, "another process owns the state directory /state") != NULL);
    wr_journal_close(journal, true);
    CHECK_INT(wr_journal_open(sim_port(sim), "/state", NULL, &other, &error), WR_OK);
    wr_journal_close(other, true);
    sim_close(sim);
}

TEST("rows out of order, too short or too long are refused")
{
    struct sim *sim = sim_open(5);
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(sim, 0);
    CHECK_INT(wr_journal_append(journal, 2, row(2), &error), WR_E_JOURNAL);
    CHECK_INT(wr_journal_append(journal, 1, WR_STR("WR"), &error), WR_E_JOURNAL);
    CHECK_INT(wr_journal_append(journal, 1, wr_str_of("", (4u << 20) + 1), &error), WR_E_JOURNAL);
    CHECK_INT(wr_journal_append(journal, 1, row(1), &error), WR_OK);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("long segments give way to new ones and all rows stay in reach")
{
    struct sim *sim = sim_open(6);
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(sim, 100000);
    for (int i = 0; i < 30; i++) {
        CHECK_INT(add(journal, 10, &error), WR_OK);
        CHECK_INT(wr_journal_tend(journal, &error), WR_OK);
    }
    CHECK(wr_journal_n_segments(journal) >= 3);
    check_rows(journal, 300);
    struct wr_str payload;
    for (uint64_t sequence = 1; sequence <= 300; sequence += 23) {
        CHECK_INT(wr_journal_fetch(journal, sequence, &payload, &error), WR_OK);
        CHECK(wr_str_eq(payload, row(sequence)));
    }
    wr_journal_close(journal, false);
    sim_kill(sim);
    journal = open_at(sim, 100000);
    check_rows(journal, 300);
    wr_journal_close(journal, true);
    sim_close(sim);
}

/* Memory that counts what it is asked for. */
static struct {
    struct wr_memory real;
    size_t n_large; /* takes of 64 KiB and more */
    size_t held;    /* bytes */
    int refuses_at; /* the n-th take from now, counting from 1; 0: none */
} taken;

static void *count_take(void *context, size_t size)
{
    if (taken.refuses_at != 0 && --taken.refuses_at == 0) {
        return NULL;
    }
    taken.n_large += size >= 65536;
    taken.held += size;
    return taken.real.take(context, size);
}

static void count_give(void *context, void *block, size_t size)
{
    taken.held -= size;
    taken.real.give(context, block, size);
}

static struct wr_port count_memory(struct sim *sim)
{
    struct wr_port port = *sim_port(sim);
    memset(&taken, 0, sizeof taken);
    taken.real = port.memory;
    port.memory.take = count_take;
    port.memory.give = count_give;
    return port;
}

/* Fills segments until there are n. */
static void add_segments(struct wr_journal *journal, uint64_t n)
{
    struct wr_error error = {0};
    struct wr_str payload;
    while (wr_journal_n_segments(journal) < n) {
        CHECK_INT(add(journal, 10, &error), WR_OK);
        CHECK_INT(wr_journal_fetch(journal, wr_journal_last(journal), &payload, &error), WR_OK);
        CHECK_INT(wr_journal_tend(journal, &error), WR_OK);
    }
}

TEST("the memory of a segment's rows serves the next one, and that of a closed one another")
{
    struct sim *sim = sim_open(61);
    struct wr_port port = count_memory(sim);
    struct wr_error error = {0};
    struct wr_journal *journal = NULL;
    struct wr_journal_options options = {.segment_max = 100000};
    CHECK_INT(wr_journal_open(&port, "/state", &options, &journal, &error), WR_OK);
    add_segments(journal, 2);
    CHECK(taken.n_large >= 2); /* rows that are gathered, rows that were read */
    taken.n_large = 0;
    add_segments(journal, 9);
    CHECK_INT(taken.n_large, 0);
    check_rows(journal, wr_journal_last(journal)); /* all closed ones are read, twice */
    CHECK_INT(taken.n_large, 1);
    wr_journal_close(journal, true);
    CHECK_INT(taken.held, 0);
    sim_close(sim);
}

TEST("a short segment takes little memory, however many there are")
{
    enum { FEW = 20, MANY = 220, EACH = 400 };
    struct sim *sim = sim_open(64);
    struct wr_port port = count_memory(sim);
    struct wr_error error = {0};
    struct wr_journal *journal = NULL;
    struct wr_journal_options options = {.segment_max = 10000};
    CHECK_INT(wr_journal_open(&port, "/state", &options, &journal, &error), WR_OK);
    add_segments(journal, FEW);
    size_t before = taken.held;
    add_segments(journal, MANY);
    CHECK(taken.held < before + (MANY - FEW) * (size_t)EACH);
    check_rows(journal, wr_journal_last(journal));
    wr_journal_close(journal, true);
    CHECK_INT(taken.held, 0);
    sim_close(sim);
}

TEST("memory that a large row needed goes with its segment")
{
    static char large[1024 * 1024] = "WR\1\1";
    struct sim *sim = sim_open(62);
    struct wr_port port = count_memory(sim);
    struct wr_error error = {0};
    struct wr_journal *journal = NULL;
    struct wr_str payload;
    struct wr_journal_options options = {.segment_max = 100000};
    CHECK_INT(wr_journal_open(&port, "/state", &options, &journal, &error), WR_OK);
    add_segments(journal, 3);
    size_t before = taken.held;
    CHECK_INT(wr_journal_append(journal, wr_journal_last(journal) + 1,
                                wr_str_of(large, sizeof large), &error),
              WR_OK);
    CHECK_INT(wr_journal_commit(journal, &error), WR_OK);
    CHECK_INT(wr_journal_fetch(journal, wr_journal_last(journal), &payload, &error), WR_OK);
    CHECK(taken.held > before + 2 * sizeof large);
    CHECK_INT(wr_journal_tend(journal, &error), WR_OK);
    add_segments(journal, 5);
    CHECK(taken.held < before + 65536);
    wr_journal_close(journal, true);
    CHECK_INT(taken.held, 0);
    sim_close(sim);
}

static struct {
    struct wr_port_disk real;
    bool refuses;
} opens;

static enum wr_io open_or_refuse(void *context, const char *path, uint32_t flags, int32_t *file)
{
    return opens.refuses ? WR_IO_LIMIT : opens.real.open(context, path, flags, file);
}

TEST("a segment whose file cannot be opened breaks the journal, and no memory is lost over it")
{
    for (int recovers = 0; recovers < 2; recovers++) {
        struct sim *sim = sim_open(63);
        struct wr_port port = count_memory(sim);
        struct wr_error error = {0};
        struct wr_journal *journal = NULL;
        struct wr_journal_options options = {.segment_max = 100000};
        opens.real = port.disk;
        port.disk.open = open_or_refuse;
        CHECK_INT(wr_journal_open(&port, "/state", &options, &journal, &error), WR_OK);
        CHECK_INT(add(journal, 150, &error), WR_OK);
        opens.refuses = true;
        CHECK_INT(wr_journal_tend(journal, &error), WR_E_STATE);
        CHECK_INT(wr_journal_state(journal), WR_JOURNAL_BROKEN);
        opens.refuses = false;
        if (recovers != 0) {
            wr_journal_recover(journal);
            CHECK_INT(wr_journal_state(journal), WR_JOURNAL_OK);
            CHECK_INT(add(journal, 150, &error), WR_OK);
            check_rows(journal, 300);
        }
        wr_journal_close(journal, true);
        CHECK_INT(taken.held, 0);
        sim_close(sim);
    }
}

TEST("an opening without memory for the list of segments says so")
{
    struct sim *sim = sim_open(64);
    struct wr_port port = count_memory(sim);
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(sim, 0);
    wr_journal_close(journal, true);
    taken.refuses_at = 2; /* behind the journal itself */
    CHECK_INT(wr_journal_open(&port, "/state", NULL, &journal, &error), WR_E_STATE);
    CHECK(strstr(error.text, "/state: out of descriptors or memory") != NULL);
    CHECK_INT(taken.held, 0);
    sim_close(sim);
}

TEST("retention drops whole segments from the beginning, and the chain of the rest holds")
{
    struct sim *sim = sim_open(72);
    struct wr_error error = {0};
    struct wr_journal *journal = NULL;
    struct wr_journal_options options = {.segment_max = 50000, .retain_bytes = 200000};
    CHECK_INT(wr_journal_open(sim_port(sim), "/state", &options, &journal, &error), WR_OK);
    for (int i = 0; i < 100; i++) {
        CHECK_INT(add(journal, 10, &error), WR_OK);
        CHECK_INT(wr_journal_tend(journal, &error), WR_OK);
        while (wr_journal_prune(journal, 0)) {
        }
        CHECK(sim_disk_used(sim) < 270000);
    }
    uint64_t first = wr_journal_first(journal), next = first;
    CHECK(first > 500 && first < 1000);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_OK);
    struct wr_str payload;
    CHECK_INT(wr_journal_fetch(journal, first - 1, &payload, &error), WR_E_NOT_FOUND);
    wr_journal_close(journal, true);
    CHECK_INT(wr_journal_open(sim_port(sim), "/state", &options, &journal, &error), WR_OK);
    CHECK_INT(wr_journal_first(journal), first);
    CHECK_INT(wr_journal_each(journal, 1, UINT64_MAX, same_row, &next, &error), WR_OK);
    CHECK_INT(next, 1001);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_OK);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("an opening copies what was not known to be synced, and only that")
{
    struct sim *sim = sim_open(7);
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(sim, 0);
    for (int i = 0; i < 40; i++) {
        CHECK_INT(add(journal, 100, &error), WR_OK);
        CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
    }
    uint64_t size = wr_journal_log_size(journal);
    wr_journal_close(journal, false);
    sim_kill(sim);
    journal = open_at(sim, 0);
    CHECK_INT(wr_journal_n_segments(journal), 2);
    CHECK(wr_journal_log_size(journal) > 50000 && wr_journal_log_size(journal) < size / 10);
    check_rows(journal, 4000);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("a synced row that cannot be read is damage, not the end of the journal")
{
    struct sim *sim = sim_open(71);
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(sim, 0);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(add(journal, 10, &error), WR_OK);
        CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
    }
    wr_journal_close(journal, true);
    CHECK(sim_rot(sim, "/state/journal-0000000000000001.log", 128)); /* the magic of row 1 */
    CHECK_INT(wr_journal_open(sim_port(sim), "/state", NULL, &journal, &error), WR_E_JOURNAL);
    CHECK(strstr(error.text, "row 1: damaged, and later ones were kept") != NULL);
    sim_close(sim);
}

struct told { /* what an opening is told of a synced row */
    struct wr_row_place place;
    int n_asked;
};

static bool tell(void *context, const struct wr_journal_identity *identity,
                 struct wr_row_place *out)
{
    struct told *told = context;
    CHECK(identity->node != 0);
    told->n_asked++;
    *out = told->place;
    return true;
}

static wr_err open_told(struct sim *sim, struct told *told, struct wr_journal **out,
                        struct wr_error *error)
{
    struct wr_journal_options options = {.start = tell, .start_context = told};
    return wr_journal_open(sim_port(sim), "/state", &options, out, error);
}

/* Two hundred synced rows; tells of one of them. */
static void make_told(struct sim *sim, uint64_t sequence, struct told *told)
{
    struct wr_error error = {0};
    struct wr_str payload;
    struct wr_journal *journal = open_at(sim, 0);
    CHECK_INT(add(journal, 100, &error), WR_OK);
    CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
    CHECK_INT(add(journal, 100, &error), WR_OK);
    *told = (struct told){0};
    CHECK_INT(wr_journal_fetch_placed(journal, sequence, &payload, &told->place, &error), WR_OK);
    CHECK(wr_str_eq(payload, row(sequence)));
    wr_journal_close(journal, true);
}

TEST("an opening that is told of a synced row looks for the end from there, and all rows stay")
{
    for (uint64_t sequence = 1; sequence <= 200; sequence += 1 + sequence % 40) {
        struct sim *sim = sim_open(72);
        struct wr_error error = {0};
        struct wr_journal *journal = NULL;
        struct told told;
        make_told(sim, sequence, &told);
        CHECK_INT(open_told(sim, &told, &journal, &error), WR_OK);
        CHECK_INT(told.n_asked, 1);
        check_rows(journal, 200);
        CHECK_INT(add(journal, 10, &error), WR_OK);
        for (uint64_t i = 210; i > 0; i--) { /* the way back fills the index in front */
            struct wr_str payload;
            CHECK_INT(wr_journal_fetch(journal, i, &payload, &error), WR_OK);
            CHECK(wr_str_eq(payload, row(i)));
        }
        check_rows(journal, 210);
        wr_journal_close(journal, true);
        sim_close(sim);
    }
}

TEST("rows before the one it is told of are not read; a wrong place or link is not believed")
{
    struct sim *sim = sim_open(73);
    struct wr_error error = {0};
    struct wr_journal *journal = NULL;
    struct told told;
    make_told(sim, 150, &told);
    CHECK(sim_rot(sim, "/state/journal-0000000000000001.log", 128)); /* the magic of row 1 */
    for (int wrong = 0; wrong < 4; wrong++) {
        struct told other = told;
        other.place.segment += wrong == 0;
        other.place.sequence += wrong == 1;
        other.place.offset += wrong == 2 ? 8 : 0;
        other.place.link[31] ^= wrong == 3;
        CHECK_INT(open_told(sim, &other, &journal, &error), WR_E_JOURNAL);
        CHECK(strstr(error.text, "row 1: damaged") != NULL);
    }
    CHECK_INT(open_told(sim, &told, &journal, &error), WR_OK);
    uint64_t next = 150;
    CHECK_INT(wr_journal_last(journal), 200);
    CHECK_INT(wr_journal_each(journal, 150, UINT64_MAX, same_row, &next, &error), WR_OK);
    CHECK_INT(next, 201);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_E_JOURNAL);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("a failed sync breaks the journal; recovery goes on in a new segment")
{
    struct sim *sim = sim_open(8);
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(sim, 0);
    CHECK_INT(add(journal, 5, &error), WR_OK);
    CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
    CHECK_INT(add(journal, 5, &error), WR_OK);
    sim_faults(sim)->sync_fails_at = 1;
    CHECK_INT(wr_journal_sync(journal, &error), WR_E_JOURNAL);
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_BROKEN);
    CHECK_INT(wr_journal_append(journal, 11, row(11), &error), WR_E_JOURNAL);
    CHECK_INT(wr_journal_sync(journal, &error), WR_E_JOURNAL);
    wr_journal_recover(journal);
    CHECK_INT(wr_journal_state(journal), WR_JOURNAL_OK);
    CHECK_INT(wr_journal_n_segments(journal), 2);
    uint64_t last = wr_journal_last(journal);
    CHECK(last >= 5 && last <= 10);
    CHECK_INT(add(journal, 3, &error), WR_OK);
    CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
    wr_journal_close(journal, false);
    sim_crash(sim);
    journal = open_at(sim, 0);
    check_rows(journal, last + 3);
    wr_journal_close(journal, true);
    sim_close(sim);
}

/* The old segment, the new one's head, its first rows, its name: whichever sync fails, what is
 * synced later must be found by a later opening. A name that was not synced is there all the same.
 */
TEST("a segment whose beginning failed does not hide rows that come after")
{
    for (uint32_t fails_at = 1; fails_at <= 4; fails_at++) {
        struct sim *sim = sim_open(300 + fails_at);
        struct wr_error error = {0};
        struct wr_journal *journal = open_at(sim, 20000);
        CHECK_INT(add(journal, 60, &error), WR_OK);
        CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
        CHECK_INT(add(journal, 40, &error), WR_OK);
        sim_faults(sim)->sync_fails_at = fails_at;
        CHECK_INT(wr_journal_tend(journal, &error) == WR_OK, fails_at > 2);
        CHECK(fails_at <= 2 || wr_journal_sync(journal, &error) != WR_OK);
        CHECK(wr_journal_state(journal) != WR_JOURNAL_OK);
        wr_journal_recover(journal);
        CHECK_INT(wr_journal_state(journal), WR_JOURNAL_OK);
        uint64_t last = wr_journal_last(journal);
        CHECK(last >= 60 && last <= 100);
        CHECK_INT(add(journal, 6, &error), WR_OK);
        CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
        wr_journal_close(journal, false);
        sim_crash(sim);
        journal = open_at(sim, 20000);
        check_rows(journal, last + 6);
        wr_journal_close(journal, true);
        sim_close(sim);
    }
}

TEST("a changed byte of a payload is found by the chain")
{
    struct sim *sim = sim_open(10);
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(sim, 0);
    CHECK_INT(add(journal, 50, &error), WR_OK);
    wr_journal_close(journal, true);
    CHECK(sim_rot(sim, "/state/journal-0000000000000001.log", 3 * 8192 + 5000));
    journal = NULL;
    wr_err err = wr_journal_open(sim_port(sim), "/state", NULL, &journal, &error);
    if (err == WR_OK) {
        err = wr_journal_verify(journal, 1, UINT64_MAX, &error);
        wr_journal_close(journal, false);
    }
    CHECK_INT(err, WR_E_JOURNAL);
    CHECK(strstr(error.text, "row ") != NULL);
    sim_close(sim);
}

/* What a client was told: rows up to `synced` must be there after any power loss. */
static uint64_t run_until_crash(struct sim *sim, uint64_t *told)
{
    struct wr_error error = {0};
    struct wr_journal *journal = NULL;
    struct wr_journal_options options = {.segment_max = 60000,
                                         .lays_ahead = sim_random(sim, 2) == 0};
    uint64_t appended = 0;
    if (wr_journal_open(sim_port(sim), "/state", &options, &journal, &error) != WR_OK) {
        return *told; /* a crash or a failed sync while opening */
    }
    CHECK(wr_journal_last(journal) >= *told);
    if (!sim_crashed(sim)) {
        CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_OK);
    }
    for (int i = 0; i < 12 && !sim_crashed(sim); i++) {
        bool good = add(journal, 1 + sim_random(sim, 9), &error) == WR_OK;
        appended = wr_journal_last(journal);
        if (good && wr_journal_sync(journal, &error) == WR_OK) {
            *told = appended;
        }
        if (wr_journal_has_aside(journal) && sim_random(sim, 2) == 0) {
            struct wr_journal_aside aside;
            wr_journal_aside_begin(journal, &aside);
            wr_journal_aside_do(sim_port(sim), &aside);
        }
        if (wr_journal_tend(journal, &error) != WR_OK && !sim_crashed(sim)) {
            wr_journal_recover(journal);
        }
    }
    bool clean = !sim_crashed(sim) && sim_random(sim, 2) == 0;
    wr_journal_close(journal, clean);
    return appended;
}

TEST("power loss at every operation, also during recovery, loses no synced row")
{
    uint64_t n_crashes = 0;
    uint64_t n_seeds = getenv("WEIR_TEST_ALL") != NULL ? 3000 : 300;
    for (uint64_t seed = 0; seed < n_seeds; seed++) {
        struct sim *sim = sim_open(5000 + seed);
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

TEST("a segment that is settled apart has its name only then; when that fails, nothing is lost")
{
    const struct wr_journal_options apart = {.settles_apart = true};
    struct sim *sim = sim_open(77);
    const struct wr_port_disk *disk = &sim_port(sim)->disk;
    struct wr_error error = {0};
    struct wr_journal *journal = open_at(sim, 0);
    CHECK(!wr_journal_must_settle(journal));
    CHECK_INT(add(journal, 3, &error), WR_OK);
    wr_journal_close(journal, true);
    const char *second = "/state/journal-0000000000000004.log";

    CHECK_INT(wr_journal_open(sim_port(sim), "/state", &apart, &journal, &error), WR_OK);
    CHECK(wr_journal_must_settle(journal));
    check_rows(journal, 3);
    CHECK_INT(disk->exists(disk->context, second), WR_IO_ABSENT);
    sim_faults(sim)->sync_fails_at = 1;
    enum wr_io failed = wr_journal_settle_do(journal);
    CHECK_INT(failed, WR_IO_FAILED);
    CHECK_INT(wr_journal_settle_end(journal, failed, &error), WR_E_STATE);
    wr_journal_close(journal, true);

    CHECK_INT(wr_journal_open(sim_port(sim), "/state", &apart, &journal, &error), WR_OK);
    CHECK_INT(wr_journal_settle_end(journal, wr_journal_settle_do(journal), &error), WR_OK);
    CHECK(!wr_journal_must_settle(journal));
    CHECK_INT(disk->exists(disk->context, second), WR_IO_OK);
    CHECK_INT(add(journal, 2, &error), WR_OK);
    CHECK_INT(wr_journal_sync(journal, &error), WR_OK);
    check_rows(journal, 5);
    wr_journal_close(journal, true);
    sim_close(sim);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
