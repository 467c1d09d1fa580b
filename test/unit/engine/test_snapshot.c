/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots taken while decisions go on: restored, and with the later records folded, the state is
 * the one of a full fold at every sequence. Damaged ones are refused or do no harm. */
#include "pieces.h"
#include "stream.h"

static void digest(struct wr_engine *engine, uint8_t out[32])
{
    CHECK_INT(wr_engine_digest(engine, out), WR_OK);
}

/* ── a stream ───────────────────────────────────────────────────────────────────────────────── */
static void step(struct rig *rig, struct wr_rng *rng, int i)
{
    char body[512];
    body_of(body, sizeof body, rng, i);
    rig_decide(rig, (struct wr_request){.body = wr_str_z(body),
                                        .now_us = (RIG_START + (int64_t)i * 40) * 1000000});
    if (wr_rng_below(rng, 5) == 0 && rig->n_records != 0) {
        label_one(rig, rng);
    }
    if (wr_rng_below(rng, 2) == 0) {
        change_list(rig, rng, i);
    }
}

static void fold_rest(struct rig *rig, struct wr_engine *engine)
{
    for (size_t i = wr_engine_sequence(engine); i < rig->n_records; i++) {
        wr_arena_reset(&rig->scratch);
        CHECK_INT(wr_engine_fold(engine, rig_record(rig, i), &rig->scratch, &rig->error), WR_OK);
    }
}

TEST("a snapshot taken while decisions go on gives the state of a full fold at every sequence")
{
    enum { EVENTS = 600, EVERY = 37 };
    static uint8_t want[RIG_RECORDS_MAX][32];
    struct rig rig;
    struct wr_rng rng;
    struct pieces pieces[EVENTS / EVERY + 1] = {0};
    struct wr_piece_sink sinks[EVENTS / EVERY + 1];
    size_t n = 0;
    bool under_way = false;
    wr_rng_seed(&rng, 7);
    rig_open(&rig);
    for (int i = 0; i < EVENTS; i++) {
        step(&rig, &rng, i);
        if (!under_way && i % EVERY == EVERY - 1) {
            sinks[n] = sink_of(&pieces[n]);
            CHECK_INT(wr_engine_snapshot_begin(rig.engine, &sinks[n], &rig.error), WR_OK);
            under_way = true;
        } else if (under_way && i % 3 == 0 &&
                   wr_engine_snapshot_step(rig.engine, 1) == WR_SNAPSHOT_DONE) {
            wr_engine_snapshot_end(rig.engine);
            under_way = false;
            n++;
        }
    }
    CHECK(n > 5);
    struct wr_engine *full = rig_engine(&rig);
    for (size_t i = 0; i < rig.n_records; i++) {
        wr_arena_reset(&rig.scratch);
        CHECK_INT(wr_engine_fold(full, rig_record(&rig, i), &rig.scratch, &rig.error), WR_OK);
        digest(full, want[i]);
    }
    for (size_t k = 0; k < n; k++) {
        struct wr_engine *engine = rig_engine(&rig);
        CHECK_INT(restore(engine, &pieces[k], &rig.error), WR_OK);
        uint8_t got[32];
        for (size_t i = wr_engine_sequence(engine);; i++) {
            digest(engine, got);
            CHECK(memcmp(got, want[i - 1], 32) == 0);
            if (i == rig.n_records) {
                break;
            }
            wr_arena_reset(&rig.scratch);
            CHECK_INT(wr_engine_fold(engine, rig_record(&rig, i), &rig.scratch, &rig.error), WR_OK);
        }
        struct wr_engine_stats was, is;
        wr_engine_stats(full, &was);
        wr_engine_stats(engine, &is);
        CHECK(was.n_decisions == is.n_decisions && was.n_labels == is.n_labels);
        CHECK(was.n_entities == is.n_entities && was.watermark_us == is.watermark_us);
        CHECK(was.ids_age_us == is.ids_age_us && was.n_ids == is.n_ids);
        wr_engine_close(engine);
        free(pieces[k].bytes);
    }
    wr_engine_close(full);
    free(pieces[n].bytes);
    rig_close(&rig);
}

TEST("event ids that leave while a snapshot is copied are in it, or it is given up")
{
    enum { CAP = 100, FIRST = 150, MORE = 90 };
    struct rig rig;
    struct wr_rng rng;
    struct pieces pieces = {0};
    struct wr_piece_sink sink = sink_of(&pieces);
    wr_rng_seed(&rng, 8);
    rig_open(&rig);
    wr_engine_close(rig.engine);
    rig.config.ids_cap = CAP;
    rig.engine = rig_engine(&rig);
    for (int i = 0; i < FIRST; i++) {
        step(&rig, &rng, i);
    }
    CHECK_INT(wr_engine_snapshot_begin(rig.engine, &sink, &rig.error), WR_OK);
    for (int i = FIRST; i < FIRST + MORE; i++) {
        step(&rig, &rng, i);
    }
    CHECK_INT(wr_engine_snapshot_step(rig.engine, SIZE_MAX), WR_SNAPSHOT_DONE);
    struct wr_engine *engine = rig_engine(&rig);
    CHECK_INT(restore(engine, &pieces, &rig.error), WR_OK);
    fold_rest(&rig, engine);
    uint8_t want[32], got[32];
    digest(rig.engine, want);
    digest(engine, got);
    CHECK(memcmp(want, got, 32) == 0);
    wr_engine_close(engine);
    wr_engine_snapshot_end(rig.engine);
    free(pieces.bytes);
    rig_close(&rig);
}

TEST("a snapshot whose sink is full is given up, and decisions go on")
{
    struct rig rig;
    struct wr_rng rng;
    struct pieces pieces = {0};
    struct wr_piece_sink sink = sink_of(&pieces);
    wr_rng_seed(&rng, 9);
    rig_open(&rig);
    CHECK_INT(wr_engine_snapshot_begin(rig.engine, &sink, &rig.error), WR_E_STATE); /* empty */
    for (int i = 0; i < 50; i++) {
        step(&rig, &rng, i);
    }
    pieces.claims_left = 2;
    CHECK_INT(wr_engine_snapshot_begin(rig.engine, &sink, &rig.error), WR_E_MEMORY);
    pieces.claims_left = SIZE_MAX;
    CHECK_INT(wr_engine_snapshot_begin(rig.engine, &sink, &rig.error), WR_OK);
    CHECK_INT(wr_engine_snapshot_begin(rig.engine, &sink, &rig.error), WR_E_STATE);
    pieces.room = 0;
    CHECK_INT(wr_engine_snapshot_step(rig.engine, SIZE_MAX), WR_SNAPSHOT_MORE);
    pieces.claims_left = 0;
    for (int i = 50; i < 60; i++) {
        step(&rig, &rng, i);
    }
    pieces.room = SIZE_MAX;
    CHECK_INT(wr_engine_snapshot_step(rig.engine, SIZE_MAX), WR_SNAPSHOT_FAILED);
    wr_engine_snapshot_end(rig.engine);
    CHECK_INT(wr_engine_snapshot_step(rig.engine, SIZE_MAX), WR_SNAPSHOT_FAILED);
    free(pieces.bytes);
    rig_close(&rig);
}

/* ── packs ──────────────────────────────────────────────────────────────────────────────────── */
static struct wr_pack *variant(struct rig *rig, struct rig_files *files, const char *path,
                               const char *from, const char *to)
{
    struct wr_pack *pack = NULL;
    rig_files_open(files);
    rig_edit(files, path, from, to);
    CHECK_INT(wr_pack_open(&rig->pack_arena, files->files, files->n, NULL, &pack, &rig->error),
              WR_OK);
    return pack;
}

static struct wr_engine *engine_with(struct rig *rig, const struct wr_pack *pack)
{
    struct wr_engine *engine = NULL;
    CHECK_INT(wr_engine_open(&rig->memory.source, pack, &rig->config, &engine, NULL), WR_OK);
    return engine;
}

TEST("conditions count as they were decided, also under a pack whose rules decide otherwise")
{
    struct rig rig;
    struct rig_files files;
    struct wr_rng rng;
    struct pieces pieces = {0};
    struct wr_piece_sink sink = sink_of(&pieces);
    uint8_t want[32], got[32];
    wr_rng_seed(&rng, 10);
    memset(&rig, 0, sizeof rig);
    rig_files_open(&rig.files);
    rig_edit(&rig.files, "weir.json", "\"input.transaction.online == true\"",
             "\"data.derive.is_big\"");
    rig_start(&rig);
    for (int i = 0; i < 100; i++) {
        step(&rig, &rng, i);
    }
    rig_files_open(&files);
    rig_edit(&files, "weir.json", "\"input.transaction.online == true\"", "\"data.derive.is_big\"");
    rig_edit(&files, "derive.rego", "amount > 100", "amount > 900");
    struct wr_pack *pack = NULL;
    CHECK_INT(wr_pack_open(&rig.pack_arena, files.files, files.n, NULL, &pack, &rig.error), WR_OK);
    wr_arena_reset(&rig.scratch);
    CHECK_INT(wr_engine_activate(rig.engine, pack, RIG_NOW, &rig.scratch, &rig.answer), WR_OK);
    rig_keep(&rig, rig.answer.record);
    for (int i = 100; i < 150; i++) {
        step(&rig, &rng, i);
    }
    CHECK_INT(wr_engine_snapshot_begin(rig.engine, &sink, &rig.error), WR_OK);
    CHECK_INT(wr_engine_snapshot_step(rig.engine, SIZE_MAX), WR_SNAPSHOT_DONE);
    digest(rig.engine, want);
    struct wr_engine *folded = engine_with(&rig, pack), *restored = engine_with(&rig, pack);
    fold_rest(&rig, folded);
    digest(folded, got);
    CHECK(memcmp(want, got, 32) == 0);
    CHECK_INT(restore(restored, &pieces, &rig.error), WR_OK);
    digest(restored, got);
    CHECK(memcmp(want, got, 32) == 0);
    CHECK(!wr_engine_pack_changed(restored));
    wr_engine_close(folded);
    wr_engine_close(restored);
    wr_engine_snapshot_end(rig.engine);
    free(pieces.bytes);
    rig_close(&rig);
    rig_files_close(&files);
}

TEST("late events, labels, changes of lists and a swap of packs fold to the digests that were live")
{
    enum { EVENTS = 400, SWAP = 200, EVERY = 10 };
    static uint8_t live[RIG_RECORDS_MAX][32];
    struct rig rig;
    struct rig_files files;
    struct wr_rng rng;
    uint8_t got[32];
    int n_compared = 0, kinds[8] = {0};
    wr_rng_seed(&rng, 14);
    rig_open(&rig);
    struct wr_pack *pack =
        variant(&rig, &files, "weir.json", "\"default\": \"review\"", "\"default\": \"approve\"");
    for (int i = 0; i < EVENTS; i++) {
        if (i == SWAP) {
            wr_arena_reset(&rig.scratch);
            CHECK_INT(wr_engine_activate(rig.engine, pack, RIG_NOW, &rig.scratch, &rig.answer),
                      WR_OK);
            rig_keep(&rig, rig.answer.record);
        }
        step(&rig, &rng, i);
        digest(rig.engine, live[wr_engine_sequence(rig.engine)]);
    }
    struct wr_engine *folded = engine_with(&rig, pack);
    for (size_t i = 0; i < rig.n_records; i++) {
        struct wr_record record;
        static const uint8_t untold[32];
        wr_arena_reset(&rig.scratch);
        CHECK_INT(wr_record_decode(rig_record(&rig, i), &record, NULL), WR_OK);
        kinds[record.kind % 8]++;
        CHECK_INT(wr_engine_fold(folded, rig_record(&rig, i), &rig.scratch, &rig.error), WR_OK);
        if (i % EVERY == 0 || i + 1 == rig.n_records) {
            digest(folded, got);
            bool told = memcmp(live[i + 1], untold, 32) != 0; /* not in the middle of a step */
            CHECK(!told || memcmp(got, live[i + 1], 32) == 0);
            n_compared += told;
        }
    }
    CHECK(n_compared > 20);
    CHECK(kinds[WR_RECORD_LABEL] > 20 && kinds[WR_RECORD_ACTIVATION] == 1);
    CHECK(kinds[WR_RECORD_LIST] > 5);
    wr_engine_close(folded);
    rig_close(&rig);
    rig_files_close(&files);
}

TEST("a change of pack ends a snapshot; other features or limits refuse it")
{
    struct rig rig;
    struct rig_files files, others;
    struct wr_rng rng;
    struct pieces pieces = {0};
    struct wr_piece_sink sink = sink_of(&pieces);
    wr_rng_seed(&rng, 11);
    rig_open(&rig);
    for (int i = 0; i < 40; i++) {
        step(&rig, &rng, i);
    }
    CHECK_INT(wr_engine_snapshot_begin(rig.engine, &sink, &rig.error), WR_OK);
    CHECK_INT(wr_engine_snapshot_step(rig.engine, SIZE_MAX), WR_SNAPSHOT_DONE);
    struct wr_pack *pack =
        variant(&rig, &files, "weir.json", "\"default\": \"review\"", "\"default\": \"approve\"");
    struct wr_pack *other =
        variant(&rig, &others, "weir.json", "\"window\": \"30d\"", "\"window\": \"29d\"");
    struct wr_engine *engine = engine_with(&rig, other);
    CHECK_INT(restore(engine, &pieces, &rig.error), WR_E_STATE);
    CHECK_HAS(wr_str_z(rig.error.text), "other features");
    wr_engine_close(engine);
    rig.config.ids_cap = 77;
    engine = engine_with(&rig, rig.pack);
    CHECK_INT(restore(engine, &pieces, &rig.error), WR_E_STATE);
    CHECK_HAS(wr_str_z(rig.error.text), "another limit of event ids");
    wr_engine_close(engine);
    rig.config.ids_cap = 0;
    rig.config.state_cap = 64 << 20;
    engine = engine_with(&rig, rig.pack);
    CHECK_INT(restore(engine, &pieces, &rig.error), WR_E_STATE);
    CHECK_HAS(wr_str_z(rig.error.text), "another cap");
    wr_engine_close(engine);
    wr_arena_reset(&rig.scratch);
    CHECK_INT(wr_engine_activate(rig.engine, pack, RIG_NOW, &rig.scratch, &rig.answer), WR_OK);
    CHECK_INT(wr_engine_snapshot_step(rig.engine, SIZE_MAX), WR_SNAPSHOT_FAILED);
    free(pieces.bytes);
    rig_close(&rig);
    rig_files_close(&files);
    rig_files_close(&others);
}

/* ── damage ─────────────────────────────────────────────────────────────────────────────────── */
/* No checksum here (that is the file's): what is let in must be safe to go on with. */
TEST("mutated pieces are refused, or give a state that can be used")
{
    enum { ROUNDS = 1500 };
    struct rig rig;
    struct wr_rng rng;
    struct pieces pieces = {0};
    struct wr_piece_sink sink = sink_of(&pieces);
    int refused = 0;
    wr_rng_seed(&rng, 12);
    rig_open(&rig);
    rig.config.state_cap = 4 << 20;
    wr_engine_close(rig.engine);
    rig.engine = rig_engine(&rig);
    for (int i = 0; i < 500; i++) {
        step(&rig, &rng, i);
    }
    CHECK_INT(wr_engine_snapshot_begin(rig.engine, &sink, &rig.error), WR_OK);
    CHECK_INT(wr_engine_snapshot_step(rig.engine, SIZE_MAX), WR_SNAPSHOT_DONE);
    wr_engine_snapshot_end(rig.engine);
    size_t n = pieces.n, n_records = rig.n_records;
    for (int i = 500; i < 530; i++) {
        step(&rig, &rng, i);
    }
    char *whole = malloc(n);
    memcpy(whole, pieces.bytes, n);
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(pieces.bytes, whole, n);
        pieces.n = wr_rng_below(&rng, 20) == 0 ? wr_rng_below(&rng, n) : n;
        for (uint64_t k = 0; k <= wr_rng_below(&rng, 3); k++) {
            size_t at = wr_rng_below(&rng, wr_rng_below(&rng, 2) == 0 ? 4096 : n);
            pieces.bytes[at] =
                (char)(wr_rng_below(&rng, 2) == 0 ? pieces.bytes[at] ^ (1 << wr_rng_below(&rng, 8))
                                                  : (int)wr_rng_below(&rng, 256));
        }
        struct wr_engine *engine = rig_engine(&rig);
        if (restore(engine, &pieces, &rig.error) != WR_OK) {
            refused++;
        } else if (wr_engine_sequence(engine) == n_records) {
            for (size_t i = n_records; i < rig.n_records; i++) {
                wr_arena_reset(&rig.scratch);
                if (wr_engine_fold(engine, rig_record(&rig, i), &rig.scratch, &rig.error)) {
                    break;
                }
            }
            uint8_t got[32];
            digest(engine, got);
        }
        wr_engine_close(engine);
    }
    CHECK(refused > ROUNDS / 10);
    free(whole);
    free(pieces.bytes);
    rig_close(&rig);
}

TEST("restoring fails cleanly at whichever block the memory ends")
{
    struct rig rig;
    struct wr_rng rng;
    struct pieces pieces = {0};
    struct wr_piece_sink sink = sink_of(&pieces);
    wr_rng_seed(&rng, 13);
    rig_open(&rig);
    for (int i = 0; i < 60; i++) {
        step(&rig, &rng, i);
    }
    CHECK_INT(wr_engine_snapshot_begin(rig.engine, &sink, &rig.error), WR_OK);
    CHECK_INT(wr_engine_snapshot_step(rig.engine, SIZE_MAX), WR_SNAPSHOT_DONE);
    wr_engine_snapshot_end(rig.engine);
    size_t blocks = rig.memory.blocks;
    wr_err err = WR_E_MEMORY;
    long takes = 0;
    for (; err == WR_E_MEMORY && takes < 1000; takes++) {
        struct wr_engine *engine = rig_engine(&rig);
        rig.memory.takes_left = takes;
        err = restore(engine, &pieces, &rig.error);
        rig.memory.takes_left = -1;
        wr_engine_close(engine);
        CHECK_INT(rig.memory.blocks, blocks);
    }
    CHECK_INT(err, WR_OK);
    CHECK(takes > 5);
    free(pieces.bytes);
    rig_close(&rig);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
