/* SPDX-License-Identifier: Apache-2.0 */
/* The state is the fold of the journal: a run with late events, repeated ids, labels, changes of
 * lists and a swap of packs is written to a journal on disk; folded again from its beginning, and
 * from a snapshot taken while it went on, it has the digest that was live at every 10,000th
 * sequence. 30,000 entries; with WEIR_TEST_ALL=1 320,000. */
#include "unit/engine/pieces.h"
#include "unit/engine/stream.h"

#include "port/port_linux.h"
#include "shell/journal.h"

#include <unistd.h>

enum { EVERY = 10000, SMALL = 30000, LARGE = 320000, MARKS = LARGE / EVERY + 1, KEPT = 1000 };

struct run {
    struct rig rig;
    struct rig_files files;
    struct wr_pack *pack; /* that takes over after a third */
    struct wr_rng rng;
    struct wr_port port;
    struct wr_journal *journal;
    struct pieces pieces;
    struct wr_piece_sink sink;
    bool begun, done; /* the snapshot */
    uint64_t written, length;
    uint8_t live[MARKS][32];
    uint64_t kinds[8], n_late, n_marks;
};
static struct run run;

/* Writes what the rig has kept since, and takes the digest where one is due. */
static void note(void)
{
    struct rig *rig = &run.rig;
    struct wr_error error = {0};
    uint64_t sequence = wr_engine_sequence(rig->engine);
    if (sequence == run.written) {
        return; /* a repeat */
    }
    struct wr_record record;
    struct wr_str payload = rig_record(rig, rig->n_records - 1);
    CHECK_INT(wr_record_decode(payload, &record, NULL), WR_OK);
    CHECK_INT(record.sequence, sequence);
    CHECK_INT(wr_journal_append(run.journal, sequence, payload, &error), WR_OK);
    run.kinds[record.kind % 8]++;
    run.n_late += record.kind == WR_RECORD_DECISION && (record.flags & WR_RECORD_LATE) != 0;
    run.written = sequence;
    if (sequence % EVERY == 0) {
        CHECK_INT(wr_journal_commit(run.journal, &error), WR_OK);
        CHECK_INT(wr_engine_digest(rig->engine, run.live[sequence / EVERY]), WR_OK);
        run.n_marks++;
    }
    if (rig->n_records == RIG_RECORDS_MAX) { /* the newest stay, to be labelled */
        for (size_t i = 0; i < RIG_RECORDS_MAX - KEPT; i++) {
            free(rig->records[i]);
        }
        memmove(rig->records, rig->records + RIG_RECORDS_MAX - KEPT, KEPT * sizeof *rig->records);
        memmove(rig->record_sizes, rig->record_sizes + RIG_RECORDS_MAX - KEPT,
                KEPT * sizeof *rig->record_sizes);
        rig->n_records = KEPT;
    }
}

static void swap(void)
{
    struct rig *rig = &run.rig;
    wr_arena_reset(&rig->scratch);
    CHECK_INT(wr_engine_activate(rig->engine, run.pack, RIG_NOW, &rig->scratch, &rig->answer),
              WR_OK);
    rig_keep(rig, rig->answer.record);
    note();
}

static void step_snapshot(void)
{
    struct rig *rig = &run.rig;
    if (!run.begun && run.written > run.length / 2) {
        run.sink = sink_of(&run.pieces);
        CHECK_INT(wr_engine_snapshot_begin(rig->engine, &run.sink, &rig->error), WR_OK);
        run.begun = true;
    } else if (run.begun && !run.done &&
               wr_engine_snapshot_step(rig->engine, 1) == WR_SNAPSHOT_DONE) {
        wr_engine_snapshot_end(rig->engine);
        run.done = true;
    }
}

static void live_run(void)
{
    struct rig *rig = &run.rig;
    for (int i = 0; run.written < run.length; i++) {
        char body[512];
        if (i == (int)run.length / 3) {
            swap();
        }
        body_of(body, sizeof body, &run.rng, i);
        rig_decide(rig, (struct wr_request){.body = wr_str_z(body),
                                            .now_us = (RIG_START + (int64_t)i * 40) * 1000000});
        note();
        if (wr_rng_below(&run.rng, 5) == 0) {
            label_one(rig, &run.rng);
            note();
        }
        if (wr_rng_below(&run.rng, 50) == 0) {
            change_list(rig, &run.rng, i);
            note();
        }
        step_snapshot();
    }
}

/* ── folding ────────────────────────────────────────────────────────────────────────────────── */
struct folding {
    struct wr_engine *engine;
    uint64_t n_equal;
};

static wr_err fold_one(void *context, uint64_t sequence, struct wr_str payload,
                       struct wr_error *error)
{
    struct folding *folding = context;
    uint8_t got[32];
    wr_arena_reset(&run.rig.scratch);
    wr_err err = wr_engine_fold(folding->engine, payload, &run.rig.scratch, error);
    if (err == WR_OK && sequence % EVERY == 0) {
        CHECK_INT(wr_engine_digest(folding->engine, got), WR_OK);
        CHECK(memcmp(got, run.live[sequence / EVERY], 32) == 0);
        folding->n_equal += memcmp(got, run.live[sequence / EVERY], 32) == 0;
    }
    return err;
}

static uint64_t fold(struct wr_engine *engine)
{
    struct folding folding = {.engine = engine};
    struct wr_error error = {0};
    CHECK_INT(wr_journal_each(run.journal, wr_engine_sequence(engine) + 1, UINT64_MAX, fold_one,
                              &folding, &error),
              WR_OK);
    CHECK_INT(wr_engine_sequence(engine), run.written);
    wr_engine_close(engine);
    return folding.n_equal;
}

static struct wr_engine *fresh_engine(void)
{
    struct wr_engine *engine = NULL;
    CHECK_INT(wr_engine_open(&run.rig.memory.source, run.pack, &run.rig.config, &engine, NULL),
              WR_OK);
    return engine;
}

TEST("a long run folds to the digests that were live, from the beginning and from a snapshot")
{
    char directory[] = "/tmp/weir-digests-XXXXXX", command[64];
    struct wr_port_linux *native = NULL;
    struct rig *rig = &run.rig;
    const struct wr_journal_options options = {.segment_max = 16 << 20};
    run.length = getenv("WEIR_TEST_ALL") != NULL ? LARGE : SMALL;
    CHECK(mkdtemp(directory) != NULL && wr_port_linux_open(&run.port, &native) == WR_IO_OK);
    wr_rng_seed(&run.rng, 2026);
    rig_open(rig);
    rig_files_open(&run.files);
    rig_edit(&run.files, "weir.json", "\"default\": \"review\"", "\"default\": \"approve\"");
    CHECK_INT(
        wr_pack_open(&rig->pack_arena, run.files.files, run.files.n, NULL, &run.pack, &rig->error),
        WR_OK);
    CHECK_INT(wr_journal_open(&run.port, directory, &options, &run.journal, &rig->error), WR_OK);
    live_run();
    CHECK_INT(wr_journal_commit(run.journal, &rig->error), WR_OK);
    wr_journal_close(run.journal, true);
    CHECK_INT(wr_journal_open(&run.port, directory, &options, &run.journal, &rig->error), WR_OK);
    CHECK_INT(run.n_marks, run.length / EVERY);
    CHECK(run.done && run.n_late > run.length / 300);
    CHECK(run.kinds[WR_RECORD_LABEL] > run.length / 10 && run.kinds[WR_RECORD_ACTIVATION] == 1);
    CHECK(run.kinds[WR_RECORD_LIST] > run.length / 100);
    CHECK_INT(fold(fresh_engine()), run.length / EVERY);
    struct wr_engine *restored = fresh_engine();
    CHECK_INT(restore(restored, &run.pieces, &rig->error), WR_OK);
    uint64_t from = wr_engine_sequence(restored), since = run.length / EVERY - from / EVERY;
    CHECK_INT(fold(restored), since);
    printf(
        "%llu entries: %llu decisions (%llu late), %llu labels, %llu changes of lists, %llu swap; "
        "%llu digests equal from the beginning, %llu from the snapshot behind %llu\n",
        (unsigned long long)run.written, (unsigned long long)run.kinds[WR_RECORD_DECISION],
        (unsigned long long)run.n_late, (unsigned long long)run.kinds[WR_RECORD_LABEL],
        (unsigned long long)run.kinds[WR_RECORD_LIST],
        (unsigned long long)run.kinds[WR_RECORD_ACTIVATION], (unsigned long long)run.n_marks,
        (unsigned long long)since, (unsigned long long)from);
    wr_journal_close(run.journal, false);
    wr_port_linux_close(native);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK_INT(system(command), 0);
    free(run.pieces.bytes);
    rig_close(rig);
    rig_files_close(&run.files);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
