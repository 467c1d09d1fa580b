/* SPDX-License-Identifier: Apache-2.0 */
/* Many events: the same answers and state in batches of any size, by fold and by replay; labels;
 * pack swaps; memory that ends anywhere. */
#include "rig.h"

enum { STREAM_MAX = 400, BODY_MAX = 512 };

struct stream {
    char bodies[STREAM_MAX][BODY_MAX];
    int64_t now_us[STREAM_MAX];
    enum wr_budget budgets[STREAM_MAX];
    size_t n;
};

/* A stream with everything in it: bursts, ties, late and future events, repeats, conflicts, bad
 * requests, lists, failing policies and all budgets. */
static void make_stream(struct stream *stream, uint64_t seed, size_t n)
{
    static const char *const policies[] = {"",
                                           ",\"policy\":{\"deny\":true}",
                                           ",\"policy\":{\"fails\":true}",
                                           ",\"policy\":{\"reasons\":[\"NIGHT\",\"X\"]}",
                                           ",\"device\":{\"id\":\"d-666\"}",
                                           ",\"features\":{}"};
    uint64_t x = seed;
    stream->n = n;
    for (size_t i = 0; i < n; i++) {
        uint64_t r = wr_mix64(x++), s = wr_mix64(r);
        size_t id = r % 10 == 0 && i > 5 ? i - 1 - s % 5 : i; /* repeats and conflicts */
        int64_t at = RIG_START + (int64_t)i * 40 + (int64_t)(s >> 8) % 90 - 60;
        int amount = (int)(wr_mix64(id + seed) % 100000);
        stream->now_us[i] = (RIG_START + (int64_t)i * 40) * 1000000;
        stream->budgets[i] = r % 17 == 0 ? WR_BUDGET_FALLBACK : WR_BUDGET_FULL;
        snprintf(stream->bodies[i], BODY_MAX,
                 "{\"transaction\":{\"id\":\"e%zu\",\"time\":%lld,\"amount\":%d.%02d,"
                 "\"terminal\":\"t%d\",\"channel\":\"%s\",\"online\":%s},\"user\":{\"id\":%d}%s}",
                 id, (long long)(id == i ? at : RIG_START), amount / 100, amount % 100,
                 (int)(r >> 20) % 4, r % 3 == 0 ? "web" : "pos", r % 2 == 0 ? "true" : "false",
                 (int)(r >> 30) % 7, policies[(r >> 40) % 8 < 6 ? (r >> 40) % 8 : 0]);
    }
}

struct outcome_list {
    char *documents[STREAM_MAX];
    wr_err errs[STREAM_MAX];
    bool replayed[STREAM_MAX];
    uint64_t sequences[STREAM_MAX];
};

static void drop(struct outcome_list *list)
{
    for (size_t i = 0; i < STREAM_MAX; i++) {
        free(list->documents[i]);
    }
    free(list);
}

/* Runs the stream in batches of `step`, keeping records (in the rig) and documents. */
static struct outcome_list *run(struct rig *rig, struct wr_engine *engine,
                                const struct stream *stream, size_t step, bool keep)
{
    struct outcome_list *list = calloc(1, sizeof *list);
    struct wr_answer *answers = calloc(step, sizeof *answers);
    struct wr_request *requests = calloc(step, sizeof *requests);
    for (size_t start = 0; start < stream->n; start += step) {
        size_t n = WR_MIN(step, stream->n - start);
        for (size_t i = 0; i < n; i++) {
            requests[i] = (struct wr_request){.body = wr_str_z(stream->bodies[start + i]),
                                              .now_us = stream->now_us[start + i],
                                              .budget = stream->budgets[start + i]};
        }
        wr_arena_reset(&rig->scratch);
        CHECK_INT(wr_engine_batch(engine, requests, n, &rig->scratch, answers, NULL), WR_OK);
        for (size_t i = 0; i < n; i++) {
            list->errs[start + i] = answers[i].err;
            list->replayed[start + i] = answers[i].replayed;
            list->sequences[start + i] = answers[i].sequence;
            char *copy = calloc(1, answers[i].record.n + 1);
            memcpy(copy, answers[i].record.n != 0 ? answers[i].record.p : "", answers[i].record.n);
            list->documents[start + i] = copy;
            if (keep) {
                rig_keep(rig, answers[i].record);
            }
        }
    }
    free(answers);
    free(requests);
    return list;
}

static void digest(struct wr_engine *engine, uint8_t out[32])
{
    CHECK_INT(wr_engine_digest(engine, out), WR_OK);
}

TEST("batches of any size give the same answers, records and state")
{
    static const size_t steps[] = {2, 3, 16, 64, 255};
    struct rig rig;
    struct stream *stream = malloc(sizeof *stream);
    uint8_t want[32], got[32];
    rig_open(&rig);
    make_stream(stream, 1, STREAM_MAX);
    struct outcome_list *one = run(&rig, rig.engine, stream, 1, true);
    digest(rig.engine, want);
    CHECK(rig.n_records > STREAM_MAX / 2 && rig.n_records < STREAM_MAX);
    for (size_t k = 0; k < WR_COUNTOF(steps); k++) {
        struct wr_engine *engine = rig_engine(&rig);
        struct outcome_list *many = run(&rig, engine, stream, steps[k], false);
        size_t at = 0;
        for (size_t i = 0; i < stream->n; i++) {
            CHECK(one->errs[i] == many->errs[i] && one->replayed[i] == many->replayed[i]);
            CHECK(one->sequences[i] == many->sequences[i]);
            if (one->errs[i] == WR_OK && !one->replayed[i]) {
                CHECK(memcmp(many->documents[i], rig.records[at], rig.record_sizes[at]) == 0);
                at++;
            }
        }
        digest(engine, got);
        CHECK(memcmp(want, got, 32) == 0);
        drop(many);
        wr_engine_close(engine);
    }
    drop(one);
    free(stream);
    rig_close(&rig);
}

TEST("at each sequence the fold of the records has the digest of the live engine")
{
    struct rig rig;
    struct stream *stream = malloc(sizeof *stream);
    rig_open(&rig);
    make_stream(stream, 2, 120);
    struct wr_engine *folded = rig_engine(&rig);
    size_t done = 0;
    for (size_t i = 0; i < stream->n; i++) {
        uint8_t live[32], fold[32];
        rig_decide(&rig, (struct wr_request){.body = wr_str_z(stream->bodies[i]),
                                             .now_us = stream->now_us[i],
                                             .budget = stream->budgets[i]});
        for (; done < rig.n_records; done++) {
            wr_arena_reset(&rig.scratch);
            CHECK_INT(wr_engine_fold(folded, rig_record(&rig, done), &rig.scratch, &rig.error),
                      WR_OK);
        }
        digest(rig.engine, live);
        digest(folded, fold);
        CHECK(memcmp(live, fold, 32) == 0);
    }
    CHECK(wr_engine_sequence(folded) == wr_engine_sequence(rig.engine));
    CHECK(!wr_engine_pack_changed(folded));
    wr_engine_close(folded);
    free(stream);
    rig_close(&rig);
}

TEST("a replay of the records gives equal bytes and equal state")
{
    struct rig rig;
    struct stream *stream = malloc(sizeof *stream);
    uint8_t live[32], replayed[32];
    rig_open(&rig);
    make_stream(stream, 3, STREAM_MAX);
    drop(run(&rig, rig.engine, stream, 32, true));
    rig.config.epoch = 99; /* a replay keeps the epochs and nodes of the records */
    rig.config.node = 1;
    struct wr_engine *engine = rig_engine(&rig);
    for (size_t i = 0; i < rig.n_records; i++) {
        wr_arena_reset(&rig.scratch);
        wr_err err =
            wr_engine_replay(engine, rig_record(&rig, i), &rig.scratch, &rig.answer, &rig.error);
        CHECK_INT(err, WR_OK);
        CHECK(wr_str_eq(rig.answer.record, rig_record(&rig, i)));
    }
    digest(rig.engine, live);
    digest(engine, replayed);
    CHECK(memcmp(live, replayed, 32) == 0);
    wr_engine_close(engine);
    free(stream);
    rig_close(&rig);
}

TEST("decisions replayed in batches of any size give equal bytes and equal state")
{
    static const size_t steps[] = {1, 2, 7, 64, WR_LIMIT_ENGINE_BATCH};
    struct rig rig;
    struct stream *stream = malloc(sizeof *stream);
    struct wr_answer *answers = calloc(WR_LIMIT_ENGINE_BATCH, sizeof *answers);
    struct wr_record *records = calloc(WR_LIMIT_ENGINE_BATCH, sizeof *records);
    uint8_t live[32], replayed[32];
    rig_open(&rig);
    make_stream(stream, 9, STREAM_MAX);
    drop(run(&rig, rig.engine, stream, 32, true));
    digest(rig.engine, live);
    for (size_t k = 0; k < WR_COUNTOF(steps); k++) {
        struct wr_engine *engine = rig_engine(&rig);
        for (size_t start = 0; start < rig.n_records; start += steps[k]) {
            size_t n = WR_MIN(steps[k], rig.n_records - start);
            wr_arena_reset(&rig.scratch);
            for (size_t i = 0; i < n; i++) {
                CHECK_INT(wr_record_decode(rig_record(&rig, start + i), &records[i], NULL), WR_OK);
            }
            CHECK_INT(wr_engine_replay_batch(engine, records, n, &rig.scratch, answers, NULL),
                      WR_OK);
            for (size_t i = 0; i < n; i++) {
                CHECK(wr_str_eq(answers[i].record, rig_record(&rig, start + i)));
            }
        }
        digest(engine, replayed);
        CHECK(memcmp(live, replayed, 32) == 0);
        wr_engine_close(engine);
    }
    struct wr_engine *engine = rig_engine(&rig);
    CHECK_INT(wr_record_decode(rig_record(&rig, 1), &records[0], NULL), WR_OK);
    CHECK_INT(wr_engine_replay_batch(engine, records, 1, &rig.scratch, answers, &rig.error),
              WR_E_JOURNAL);
    CHECK_INT(wr_engine_sequence(engine), 0);
    wr_engine_close(engine);
    free(answers);
    free(records);
    free(stream);
    rig_close(&rig);
}

TEST("an id that was forgotten and came again is decided again in a replay that remembers more")
{
    static const char *const ids[] = {"a", "b", "c", "a"};
    struct rig rig;
    rig_open(&rig);
    rig.config.ids_cap = 2;
    struct wr_engine *live = rig_engine(&rig);
    for (size_t i = 0; i < WR_COUNTOF(ids); i++) {
        char body[256];
        snprintf(body, sizeof body,
                 "{\"transaction\":{\"id\":\"%s\",\"time\":%lld,\"terminal\":\"x\"}}", ids[i],
                 (long long)RIG_START);
        struct wr_request request = {.body = wr_str_z(body), .now_us = RIG_NOW};
        wr_arena_reset(&rig.scratch);
        CHECK_INT(wr_engine_batch(live, &request, 1, &rig.scratch, &rig.answer, NULL), WR_OK);
        CHECK(!rig.answer.replayed);
        rig_keep(&rig, rig.answer.record);
    }
    CHECK_INT(rig.n_records, 4);
    rig.config.ids_cap = 0;
    struct wr_engine *engine = rig_engine(&rig);
    for (size_t i = 0; i < rig.n_records; i++) {
        wr_arena_reset(&rig.scratch);
        CHECK_INT(wr_engine_replay(engine, rig_record(&rig, i), &rig.scratch, &rig.answer, NULL),
                  WR_OK);
        CHECK(wr_str_eq(rig.answer.record, rig_record(&rig, i)));
    }
    wr_engine_close(live);
    wr_engine_close(engine);
    rig_close(&rig);
}

TEST("an entry that is passed over keeps its sequence and nothing else")
{
    struct rig rig;
    struct wr_record record;
    rig_open(&rig);
    struct stream *stream = malloc(sizeof *stream);
    make_stream(stream, 3, 20);
    drop(run(&rig, rig.engine, stream, 4, true));
    struct wr_engine *engine = rig_engine(&rig);
    CHECK_INT(wr_record_decode(rig_record(&rig, 0), &record, NULL), WR_OK);
    CHECK_INT(wr_engine_pass(engine, &record, &rig.error), WR_OK);
    CHECK_INT(wr_engine_pass(engine, &record, &rig.error), WR_E_JOURNAL);
    CHECK_INT(wr_engine_sequence(engine), 1);
    struct wr_engine_stats stats;
    wr_engine_stats(engine, &stats);
    CHECK(stats.n_entities == 0 && stats.n_ids == 0 && stats.n_decisions == 0);
    CHECK_INT(wr_engine_begin(engine, 7, &rig.error), WR_E_STATE);
    struct wr_engine *late = rig_engine(&rig);
    CHECK_INT(wr_engine_begin(late, 4, &rig.error), WR_OK);
    CHECK_INT(wr_engine_replay(late, rig_record(&rig, 4), &rig.scratch, &rig.answer, &rig.error),
              WR_OK);
    CHECK_INT(rig.answer.sequence, 5);
    wr_engine_close(engine);
    wr_engine_close(late);
    free(stream);
    rig_close(&rig);
}

TEST("records that do not follow, or are broken, are refused by number and change nothing")
{
    struct rig rig;
    struct stream *stream = malloc(sizeof *stream);
    uint8_t before[32], after[32];
    rig_open(&rig);
    make_stream(stream, 4, 50);
    drop(run(&rig, rig.engine, stream, 8, true));
    struct wr_engine *engine = rig_engine(&rig);
    digest(engine, before);
    CHECK_INT(wr_engine_fold(engine, rig_record(&rig, 1), &rig.scratch, &rig.error), WR_E_JOURNAL);
    CHECK(strstr(rig.error.text, "entry 2 does not follow entry 0") != NULL);
    CHECK_INT(wr_engine_replay(engine, rig_record(&rig, 1), &rig.scratch, &rig.answer, &rig.error),
              WR_E_JOURNAL);
    struct wr_str first = rig_record(&rig, 0);
    for (size_t at = 0; at < first.n; at++) { /* hostile bytes: an error or another record */
        char *copy = malloc(first.n);
        memcpy(copy, first.p, first.n);
        copy[at] = (char)(copy[at] ^ 0x15);
        struct wr_engine *victim = rig_engine(&rig);
        wr_arena_reset(&rig.scratch);
        if (wr_engine_fold(victim, wr_str_of(copy, first.n), &rig.scratch, NULL) != WR_OK) {
            digest(victim, after);
            CHECK(memcmp(before, after, 32) == 0);
        }
        wr_engine_close(victim);
        free(copy);
    }
    wr_engine_close(engine);
    free(stream);
    rig_close(&rig);
}

TEST("mutated bodies are refused or decided, never worse, and the records still fold")
{
    static const char bytes[] = "\"{}[],:0123456789.eE-+\\ntu\xff";
    struct rig rig;
    struct stream *stream = malloc(sizeof *stream);
    uint8_t live[32], got[32];
    uint64_t x = 99;
    rig_open(&rig);
    make_stream(stream, 5, 100);
    struct wr_engine *folded = rig_engine(&rig);
    size_t refused = 0, decided = 0;
    for (int i = 0; i < 20000; i++) {
        size_t n = strlen(stream->bodies[i % 100]), at, edits = 1 + (x = wr_mix64(x)) % 3;
        char *body = malloc(n); /* to the byte, for the sanitizer */
        memcpy(body, stream->bodies[i % 100], n);
        body[strlen("{\"transaction\":{\"id\":\"")] = (char)('A' + i / 100 % 50);
        for (size_t k = 0; k < edits; k++) {
            at = (x = wr_mix64(x)) % n;
            body[at] = bytes[(x >> 32) % (sizeof bytes - 1)];
        }
        wr_arena_reset(&rig.scratch);
        struct wr_request request = {.body = wr_str_of(body, n - (x >> 50) % 3),
                                     .now_us = stream->now_us[i % 100]};
        CHECK_INT(wr_engine_batch(rig.engine, &request, 1, &rig.scratch, &rig.answer, NULL), WR_OK);
        refused += rig.answer.err != WR_OK;
        decided += rig.answer.record.n != 0;
        CHECK((rig.answer.err == WR_OK) == (rig.answer.error.code == WR_OK));
        if (rig.answer.record.n != 0) {
            struct wr_str record = wr_str_copy(&rig.scratch, rig.answer.record);
            CHECK_INT(wr_engine_fold(folded, record, &rig.scratch, &rig.error), WR_OK);
        }
        free(body);
    }
    CHECK(refused > 1000 && decided > 500);
    digest(rig.engine, live);
    digest(folded, got);
    CHECK(memcmp(live, got, 32) == 0);
    wr_engine_close(folded);
    free(stream);
    rig_close(&rig);
}

/* ── labels ─────────────────────────────────────────────────────────────────────────────────── */
static const char *send_label(struct rig *rig, const char *body, struct wr_str anchor)
{
    static char effect[64];
    struct wr_label label;
    wr_arena_reset(&rig->scratch);
    wr_err err = wr_label_read(rig->engine, &rig->scratch, wr_str_z(body), &label, &rig->error);
    if (err != WR_OK) {
        snprintf(effect, sizeof effect, "%s", wr_err_name(err));
        return effect;
    }
    err = wr_engine_label(rig->engine, &label, anchor, RIG_NOW, &rig->scratch, &rig->answer);
    CHECK_INT(err, WR_OK);
    rig_keep(rig, rig->answer.record);
    size_t at = wr_str_find(rig->answer.document, WR_STR("\"effect\":\""), 0) + 10;
    CHECK(at < rig->answer.document.n);
    snprintf(effect, sizeof effect, "%.*s", (int)(rig->answer.document.n - at - 2),
             rig->answer.document.p + at);
    return effect;
}

/* CHECK_STR reads its first argument twice. */
#define CHECK_LABEL(arguments, want)                                                               \
    do {                                                                                           \
        const char *effect = send_label arguments;                                                 \
        CHECK_STR(effect, want);                                                                   \
    } while (0)

/* An event of terminal x, `days` after the start; returns its anchor, for good. */
static struct wr_str terminal_event(struct rig *rig, const char *id, int days)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"transaction\":{\"id\":\"%s\",\"time\":%lld,\"terminal\":\"x\"}}", id,
             (long long)(RIG_START + days * INT64_C(86400)));
    struct wr_answer *answer = rig_decide(
        rig, (struct wr_request){.body = wr_str_z(body), .now_us = WR_NOW_IS_EVENT_TIME});
    CHECK_INT(answer->err, WR_OK);
    struct wr_record record;
    CHECK_INT(wr_record_decode(rig_record(rig, rig->n_records - 1), &record, NULL), WR_OK);
    CHECK(wr_str_eq(record.anchor, answer->anchor));
    return record.anchor;
}

TEST("labels act from their sequence, are replaced, withdrawn, and survive fold and replay")
{
    struct rig rig;
    rig_open(&rig);
    struct wr_str a = terminal_event(&rig, "a", 0);
    struct wr_str b = terminal_event(&rig, "b", 0);
    CHECK_LABEL((&rig, "{\"id\":\"a\",\"label\":{\"fraud\":true}}", a), "changed");
    CHECK_HAS(rig.answer.document, "\"transaction_id\":\"a\"");
    CHECK_LABEL((&rig, "{\"id\":\"a\",\"label\":{\"fraud\":1}}", a), "same");
    terminal_event(&rig, "c", 2); /* sees a and b: one of two is fraud */
    CHECK_HAS(rig.answer.features, "\"terminal_risk_7d\":0.5");
    CHECK_LABEL((&rig, "{\"id\":\"b\",\"label\":{\"fraud\":true}}", b), "changed");
    terminal_event(&rig, "d", 2);
    CHECK_HAS(rig.answer.features, "\"terminal_risk_7d\":1");
    CHECK_LABEL((&rig, "{\"id\":\"b\",\"label\":{\"fraud\":null}}", b), "changed");
    CHECK_LABEL((&rig, "{\"id\":\"a\",\"label\":{\"fraud\":false}}", a), "changed");
    terminal_event(&rig, "e", 2);
    CHECK_HAS(rig.answer.features, "\"terminal_risk_7d\":0");
    CHECK_LABEL((&rig, "{\"id\":\"z\",\"label\":{\"fraud\":true}}", WR_STR("")), "unknown");
    terminal_event(&rig, "f", 300);
    CHECK_LABEL((&rig, "{\"id\":\"a\",\"label\":{\"fraud\":true}}", a), "expired");
    rig_check_records(&rig, rig.pack);
    rig_close(&rig);
}

TEST("a label that features read needs no entry among the labels of the pack")
{
    struct rig rig;
    memset(&rig, 0, sizeof rig);
    rig_files_open(&rig.files);
    rig_edit(&rig.files, "weir.json",
             "\"labels\": {\"fraud\": {\"path\": \"transaction.is_fraud\"}},", "");
    rig_start(&rig);
    struct wr_str a = terminal_event(&rig, "a", 0);
    CHECK_LABEL((&rig, "{\"id\":\"a\",\"label\":{\"fraud\":true}}", a), "changed");
    rig_close(&rig);
}

TEST("a label that no feature reads is kept, without effect")
{
    struct rig rig;
    memset(&rig, 0, sizeof rig);
    rig_files_open(&rig.files);
    rig_edit(&rig.files, "weir.json", "\"labels\": {", "\"labels\": {\"chargeback\": {}, ");
    rig_start(&rig);
    struct wr_str a = terminal_event(&rig, "a", 0);
    CHECK_LABEL((&rig, "{\"id\":\"a\",\"label\":{\"chargeback\":true}}", a), "unused");
    CHECK_INT(wr_engine_sequence(rig.engine), 2);
    CHECK_LABEL((&rig, "{\"id\":\"a\",\"label\":{\"chargeback\":true,\"fraud\":true}}", a),
                "changed");
    struct wr_engine_stats stats;
    wr_engine_stats(rig.engine, &stats);
    CHECK(stats.n_labels == 2 && stats.n_labels_without_effect == 1);
    rig_close(&rig);
}

TEST("malformed labels are refused, naming what is wrong")
{
    static const struct {
        const char *body, *code, *piece;
    } cases[] = {
        {"{", "need_more", ""},
        {"[]", "label", "label"},
        {"{}", "label", "id"},
        {"{\"id\":\"a\"}", "label", "label"},
        {"{\"id\":\"a\",\"label\":{}}", "label", "label"},
        {"{\"id\":\"a\",\"label\":true}", "label", "label"},
        {"{\"id\":true,\"label\":{\"fraud\":true}}", "label", "id"},
        {"{\"id\":\"\",\"label\":{\"fraud\":true}}", "label", "id"},
        {"{\"id\":\"a\",\"label\":{\"froud\":true}}", "label", "label.froud"},
        {"{\"id\":\"a\",\"label\":{\"fraud\":2}}", "label", "label.fraud"},
        {"{\"id\":\"a\",\"label\":{\"fraud\":\"yes\"}}", "label", "label.fraud"},
        {"{\"id\":\"a\",\"label\":{\"fraud\":true},\"x\":1}", "label", "\"x\""},
    };
    struct rig rig;
    rig_open(&rig);
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        CHECK_LABEL((&rig, cases[i].body, WR_STR("")), cases[i].code);
        CHECK(strstr(rig.error.text, cases[i].piece) != NULL);
    }
    CHECK_INT(wr_engine_sequence(rig.engine), 0);
    rig_close(&rig);
}

TEST("hostile anchors are not understood, and do no harm")
{
    struct rig rig;
    rig_open(&rig);
    struct wr_str a = terminal_event(&rig, "a", 0);
    const char *body = "{\"id\":\"a\",\"label\":{\"fraud\":true}}";
    for (size_t n = 0; n < a.n; n++) {
        char *copy = malloc(n + 1);
        memcpy(copy, a.p, n);
        CHECK_LABEL((&rig, body, wr_str_of(copy, n)), "unknown");
        free(copy);
    }
    for (size_t at = 0; at < a.n; at++) {
        char *copy = malloc(a.n);
        memcpy(copy, a.p, a.n);
        copy[at] = (char)(copy[at] ^ 0xff);
        const char *effect = send_label(&rig, body, wr_str_of(copy, a.n));
        CHECK(at != 7 || strcmp(effect, "unknown") == 0); /* a time out of all range */
        free(copy);
    }
    rig_close(&rig);
}

/* ── packs ──────────────────────────────────────────────────────────────────────────────────── */
static struct wr_pack *open_variant(struct rig *rig, struct rig_files *files, const char *from,
                                    const char *to)
{
    struct wr_pack *pack = NULL;
    rig_files_open(files);
    rig_edit(files, "weir.json", from, to);
    CHECK_INT(wr_pack_open(&rig->pack_arena, files->files, files->n, NULL, &pack, &rig->error),
              WR_OK);
    return pack;
}

#define OF_C(id)                                                                                   \
    "{\"transaction\":{\"id\":\"" id "\",\"time\":1700000000,\"amount\":1},"                       \
    "\"user\":{\"id\":\"c\"}}"

TEST("another policy over the same features keeps all history and is told in the journal")
{
    struct rig rig;
    struct rig_files files;
    uint8_t live[32], got[32];
    rig_open(&rig);
    CHECK_INT(rig_send(&rig, OF_C("a"))->outcome, WR_OUTCOME_REVIEW);
    struct wr_pack *pack =
        open_variant(&rig, &files, "\"default\": \"review\"", "\"default\": \"approve\"");
    wr_arena_reset(&rig.scratch);
    CHECK_INT(wr_engine_activate(rig.engine, pack, RIG_NOW, &rig.scratch, &rig.answer), WR_OK);
    rig_keep(&rig, rig.answer.record);
    CHECK_INT(rig.answer.sequence, 2);
    CHECK(wr_engine_pack(rig.engine) == pack);
    struct wr_engine_stats stats;
    wr_engine_stats(rig.engine, &stats);
    CHECK(stats.n_activations == 1 && stats.n_decisions == 1 && stats.sequence == 2);
    CHECK(stats.n_entities > 0 && stats.n_ids == 1 && stats.watermark_us < RIG_NOW);
    struct wr_answer *answer = rig_send(&rig, OF_C("b"));
    CHECK_INT(answer->outcome, WR_OUTCOME_APPROVE);
    CHECK_HAS(answer->features, "\"customer_count_1d\":2");
    CHECK_INT(answer->sequence, 3);
    digest(rig.engine, live);
    struct wr_engine *folded = NULL; /* a restart: the new pack from the beginning */
    CHECK_INT(wr_engine_open(&rig.memory.source, pack, &rig.config, &folded, NULL), WR_OK);
    for (size_t i = 0; i < rig.n_records; i++) {
        CHECK_INT(wr_engine_fold(folded, rig_record(&rig, i), &rig.scratch, &rig.error), WR_OK);
        CHECK(wr_engine_pack_changed(folded) == (i == 0));
    }
    digest(folded, got);
    CHECK(memcmp(live, got, 32) == 0);
    wr_engine_close(folded);
    rig_close(&rig);
    rig_files_close(&files);
}

TEST("other features start empty and warming, and a fold does the same")
{
    struct rig rig;
    struct rig_files files;
    uint8_t live[32], got[32];
    rig_open(&rig);
    rig_send(&rig, "{\"transaction\":{\"id\":\"a\",\"time\":1700000000,\"amount\":1},"
                   "\"user\":{\"id\":\"c\"}}");
    struct wr_pack *pack =
        open_variant(&rig, &files, "\"customer_sum_1d\": {\"entity\": \"customer\", \"sum\"",
                     "\"customer_sum_1d\": {\"entity\": \"customer\", \"max\"");
    CHECK_INT(wr_engine_activate(rig.engine, pack, RIG_NOW, &rig.scratch, &rig.answer), WR_OK);
    rig_keep(&rig, rig.answer.record);
    struct wr_answer *answer =
        rig_send(&rig, "{\"transaction\":{\"id\":\"b\",\"time\":1700000000,\"amount\":1},"
                       "\"user\":{\"id\":\"c\"}}");
    CHECK_HAS(answer->record, "\"customer_count_1d\":\"warming\"");
    digest(rig.engine, live);
    struct wr_engine *folded = NULL;
    CHECK_INT(wr_engine_open(&rig.memory.source, pack, &rig.config, &folded, NULL), WR_OK);
    for (size_t i = 0; i < rig.n_records; i++) {
        CHECK_INT(wr_engine_fold(folded, rig_record(&rig, i), &rig.scratch, &rig.error), WR_OK);
    }
    digest(folded, got);
    CHECK(memcmp(live, got, 32) == 0);
    wr_engine_close(folded);
    rig_close(&rig);
    rig_files_close(&files);
}

TEST("a journal of another pack is read again under the running one")
{
    struct rig rig;
    struct rig_files files;
    rig_open(&rig);
    rig_send(&rig, "{\"transaction\":{\"id\":\"a\",\"time\":1700000000},\"user\":{\"id\":\"c\"}}");
    rig_send(&rig, "{\"transaction\":{\"id\":\"b\",\"time\":1700000000,\"amount\":1},"
                   "\"user\":{\"id\":\"c\"}}");
    struct wr_pack *pack = open_variant(&rig, &files, "\"required\": false", "\"required\": true");
    struct wr_engine *engine = NULL;
    CHECK_INT(wr_engine_open(&rig.memory.source, pack, &rig.config, &engine, NULL), WR_OK);
    for (size_t i = 0; i < rig.n_records; i++) {
        CHECK_INT(wr_engine_fold(engine, rig_record(&rig, i), &rig.scratch, &rig.error), WR_OK);
    }
    CHECK(wr_engine_pack_changed(engine));
    struct wr_engine *old = rig.engine;
    rig.engine = engine;
    CHECK_INT(wr_engine_activate(engine, pack, RIG_NOW, &rig.scratch, &rig.answer), WR_OK);
    CHECK(!wr_engine_pack_changed(engine));
    struct wr_answer *answer =
        rig_send(&rig, "{\"transaction\":{\"id\":\"c\",\"time\":1700000000,\"amount\":1},"
                       "\"user\":{\"id\":\"c\"}}");
    CHECK_HAS(answer->features, "\"customer_count_1d\":2"); /* a lacks the amount: only its id */
    answer = rig_send(&rig, "{\"transaction\":{\"id\":\"a\",\"time\":1700000000,\"amount\":1}}");
    CHECK_INT(answer->err, WR_E_CONFLICT);
    rig.engine = old;
    wr_engine_close(engine);
    rig_close(&rig);
    rig_files_close(&files);
}

/* ── memory ─────────────────────────────────────────────────────────────────────────────────── */
TEST("opening fails cleanly at whichever block the memory ends")
{
    struct rig rig;
    rig_open(&rig);
    bool opened = false;
    for (long n = 0; n < 2000 && !opened; n++) {
        struct wr_arena arena;
        struct wr_pack *pack = NULL;
        struct wr_engine *engine = NULL;
        struct wr_error error = {0};
        size_t before = rig.memory.blocks;
        rig.memory.takes_left = n;
        wr_arena_init(&arena, &rig.memory.source, 256 << 20);
        wr_err err = wr_pack_open(&arena, rig.files.files, rig.files.n, NULL, &pack, &error);
        if (err == WR_OK) {
            err = wr_engine_open(&rig.memory.source, pack, &rig.config, &engine, &error);
        }
        rig.memory.takes_left = -1;
        opened = err == WR_OK;
        CHECK(opened || (err == WR_E_MEMORY && error.code == err && error.text[0] != 0));
        CHECK(opened || engine == NULL);
        wr_engine_close(engine);
        wr_arena_deinit(&arena);
        CHECK_INT(rig.memory.blocks, before);
    }
    CHECK(opened);
    rig_close(&rig);
}

TEST("when scratch memory ends requests are refused, nothing has changed, and a retry decides")
{
    struct rig rig;
    struct stream *stream = malloc(sizeof *stream);
    rig_open(&rig);
    make_stream(stream, 7, 64);
    struct wr_engine *reference = rig_engine(&rig);
    for (size_t cap = 0; cap < 400000; cap += 7919) {
        struct wr_arena scratch;
        struct wr_answer answers[64];
        struct wr_request requests[64];
        struct wr_engine *engine = rig_engine(&rig);
        wr_arena_init(&scratch, &rig.memory.source, cap);
        for (size_t i = 0; i < 64; i++) {
            requests[i] = (struct wr_request){.body = wr_str_z(stream->bodies[i]),
                                              .now_us = stream->now_us[i]};
        }
        CHECK_INT(wr_engine_batch(engine, requests, 64, &scratch, answers, NULL), WR_OK);
        uint64_t decided = 0;
        for (size_t i = 0; i < 64; i++) {
            decided += answers[i].err == WR_OK && !answers[i].replayed;
            CHECK(answers[i].err != WR_OK || answers[i].replayed || answers[i].record.n != 0);
        }
        CHECK(wr_engine_sequence(engine) == decided);
        if (decided == 0) {
            uint8_t empty[32], got[32];
            digest(reference, empty);
            digest(engine, got);
            CHECK(memcmp(empty, got, 32) == 0);
        }
        wr_arena_deinit(&scratch);
        wr_engine_close(engine);
    }
    wr_engine_close(reference);
    free(stream);
    rig_close(&rig);
}

TEST("when the engine's own memory ends the stream goes on or is refused, and folds the same")
{
    struct rig rig;
    struct stream *stream = malloc(sizeof *stream);
    rig_open(&rig);
    make_stream(stream, 8, 200);
    for (long n = 0; n < 40; n++) {
        struct wr_engine *engine = rig_engine(&rig), *folded = rig_engine(&rig);
        uint8_t live[32], got[32];
        size_t first = rig.n_records;
        wr_arena_reset(&rig.scratch);
        CHECK(wr_arena_alloc(&rig.scratch, 1, 1) != NULL);
        rig.memory.takes_left = n;
        drop(run(&rig, engine, stream, 1, true));
        rig.memory.takes_left = -1;
        for (size_t i = first; i < rig.n_records; i++) {
            wr_arena_reset(&rig.scratch);
            CHECK_INT(wr_engine_fold(folded, rig_record(&rig, i), &rig.scratch, NULL), WR_OK);
        }
        digest(engine, live);
        digest(folded, got);
        CHECK(wr_engine_sequence(engine) == wr_engine_sequence(folded));
        if (n > 20) { /* below that even the tapes' first block was refused: events were given up */
            CHECK(memcmp(live, got, 32) == 0);
        }
        while (rig.n_records > first) {
            free(rig.records[--rig.n_records]);
        }
        wr_engine_close(engine);
        wr_engine_close(folded);
    }
    free(stream);
    rig_close(&rig);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
