/* SPDX-License-Identifier: Apache-2.0 */
/* Challengers: scored behind the answers, in entries of their own that change nothing else. */
#include "stumps.h"

#include "engine/state.h"
#include "unit/engine/pieces.h"

#define MAIN "\"main\":" MODEL_A("")
#define TWIN ",\"twin\":" MODEL_A(",\"role\":\"challenger\"")
#define RISE ",\"rise\":" MODEL_B(",\"role\":\"challenger\"")

/* The policy decides by the champion: input.scores.main > 0.5 holds. */
static void open_shadow(struct rig *rig, const char *models)
{
    open_pack(rig, models, "main");
    rig_edit(&rig->files, "risk.rego", "input.scores.fraud > 0.5", "input.scores.main > 0.5");
    rig_start(rig);
}

static struct wr_answer *send(struct rig *rig, int id, const char *more)
{
    char body[512];
    snprintf(body, sizeof body,
             "{\"transaction\":{\"id\":%d,\"time\":1700000000%s},\"user\":{\"id\":%d}}", id, more,
             id % 5);
    return rig_send(rig, body);
}

/* Makes one entry and keeps it. */
static struct wr_answer *shadow_as(struct rig *rig, uint32_t n, enum wr_challenge_why why)
{
    wr_arena_reset(&rig->scratch);
    CHECK_INT(wr_engine_shadow(rig->engine, n, why, RIG_NOW, &rig->scratch, &rig->answer), WR_OK);
    rig_keep(rig, rig->answer.record);
    return &rig->answer;
}

static struct wr_str derived_of(const struct wr_answer *answer)
{
    struct wr_record record = {.derived = WR_STR("")};
    CHECK_INT(wr_record_decode(answer->record, &record, NULL), WR_OK);
    CHECK_INT(record.kind, WR_RECORD_SHADOW);
    return record.derived;
}

#define CHECK_DERIVED(answer, want)                                                                \
    do {                                                                                           \
        struct wr_str derived_ = derived_of(answer);                                               \
        CHECK_TEXT(derived_.p, derived_.n, want);                                                  \
    } while (0)

/* All kept entries again, by another engine: the same bytes, the same digest. */
static void check_replay(struct rig *rig)
{
    uint8_t live[32], again[32], folded[32];
    struct wr_engine *engine = rig_engine(rig), *folder = rig_engine(rig);
    for (size_t i = 0; i < rig->n_records; i++) {
        struct wr_answer answer;
        wr_arena_reset(&rig->scratch);
        CHECK_INT(wr_engine_replay(engine, rig_record(rig, i), &rig->scratch, &answer, NULL),
                  WR_OK);
        CHECK(wr_str_eq(answer.record, rig_record(rig, i)));
        CHECK_INT(wr_engine_fold(folder, rig_record(rig, i), &rig->scratch, NULL), WR_OK);
    }
    CHECK_INT(wr_engine_digest(rig->engine, live), WR_OK);
    CHECK_INT(wr_engine_digest(engine, again), WR_OK);
    CHECK_INT(wr_engine_digest(folder, folded), WR_OK);
    CHECK(memcmp(again, live, 32) == 0);
    CHECK(memcmp(folded, live, 32) == 0);
    CHECK_INT(wr_engine_shadow_pending(engine, UINT64_MAX),
              wr_engine_shadow_pending(rig->engine, UINT64_MAX));
    CHECK_INT(wr_engine_shadow_pending(folder, UINT64_MAX),
              wr_engine_shadow_pending(rig->engine, UINT64_MAX));
    wr_engine_close(engine);
    wr_engine_close(folder);
}

TEST("challengers are scored behind the decisions, and an entry tells scores, differences, changes")
{
    struct rig rig;
    open_shadow(&rig, MAIN TWIN RISE);
    struct wr_answer *answer = send(&rig, 1, ",\"amount\":5,\"count\":1");
    CHECK_HAS(answer->document, "\"outcome\":\"review\",\"score\":0.18242552876472473,"
                                "\"scores\":{\"main\":0.18242552876472473},");
    CHECK(!rig_has(answer->record, "twin") && !rig_has(answer->record, "rise"));
    send(&rig, 2, ",\"amount\":500,\"count\":1");
    send(&rig, 3, ",\"amount\":5");
    CHECK_INT(wr_engine_shadow_pending(rig.engine, UINT64_MAX), 3);
    CHECK_INT(wr_engine_shadow_pending(rig.engine, 2), 2);
    answer = shadow_as(&rig, 2, WR_CHALLENGE_SCORED);
    CHECK_INT(answer->sequence, 4);
    static const char first[] =
        "{\"after\":0,\"upto\":2,\"n\":2,\"champions\":{\"rise\":\"main\",\"twin\":\"main\"},"
        "\"scores\":["
        "{\"decision\":1,\"model\":\"rise\",\"score\":-1,\"difference\":-1.1824255287647247},"
        "{\"decision\":1,\"model\":\"twin\",\"score\":0.18242552876472473,\"difference\":0},"
        "{\"decision\":2,\"model\":\"rise\",\"score\":2,\"difference\":1.377540647983551},"
        "{\"decision\":2,\"model\":\"twin\",\"score\":0.622459352016449,\"difference\":0}]}";
    CHECK_DERIVED(answer, first);
    answer = shadow_as(&rig, 9, WR_CHALLENGE_SCORED);
    static const char second[] =
        "{\"after\":2,\"upto\":3,\"n\":1,\"champions\":{\"rise\":\"main\",\"twin\":\"main\"},"
        "\"scores\":["
        "{\"decision\":3,\"model\":\"rise\",\"why\":\"input_missing\"},"
        "{\"decision\":3,\"model\":\"twin\",\"score\":0.18242552876472473,\"difference\":0}]}";
    CHECK_DERIVED(answer, second);
    CHECK_INT(wr_engine_shadow_pending(rig.engine, UINT64_MAX), 0);
    struct wr_challenger_stats stats;
    CHECK(wr_engine_challenger(rig.engine, 0, &stats));
    CHECK(wr_str_eq(stats.name, WR_STR("rise")) && wr_str_eq(stats.champion, WR_STR("main")));
    CHECK_INT(stats.n_scored, 2);
    CHECK_INT(stats.n_unscored, 1);
    CHECK(stats.max_abs > 1.37 && stats.max_abs < 1.38);
    CHECK(!wr_engine_challenger(rig.engine, 2, &stats));
    check_replay(&rig);
    rig_close(&rig);
}

TEST("an entry tells where the outcome would be another with the challenger in place")
{
    struct rig rig;
    open_shadow(&rig,
                MAIN ",\"rise\":"
                     "{\"file\":\"models/b.wasm\",\"inputs\":[\"transaction.count\",\"amount\"],"
                     "\"role\":\"challenger\"}");
    struct wr_answer *answer = send(&rig, 1, ",\"amount\":5,\"count\":1");
    CHECK_INT(answer->outcome, WR_OUTCOME_REVIEW);
    answer = send(&rig, 2, ",\"amount\":500,\"count\":1");
    CHECK_INT(answer->outcome, WR_OUTCOME_HOLD);
    rig_send(&rig, "{\"transaction\":{\"id\":3,\"time\":1700000000,\"amount\":5,\"count\":1},"
                   "\"device\":{\"id\":\"d-1\"}}");
    answer = shadow_as(&rig, 9, WR_CHALLENGE_SCORED);
    CHECK_HAS(derived_of(answer), "\"score\":1.5,\"difference\":1.3175744712352753,"
                                  "\"outcome\":\"hold\",\"was\":\"review\"}");
    CHECK_HAS(derived_of(answer), "\"difference\":0.877540647983551}");
    check_replay(&rig);
    rig_close(&rig);
}

TEST("documents and states do not depend on challengers, scored or not")
{
    struct rig with, without;
    open_shadow(&with, MAIN TWIN RISE);
    open_shadow(&without, MAIN);
    for (int i = 0; i < 40; i++) {
        char more[64] = "";
        if (i % 4 != 0) {
            snprintf(more, sizeof more, ",\"amount\":%d,\"count\":%d", i * 20, i);
        }
        struct wr_answer *a = send(&with, i, more), *b = send(&without, i, more);
        size_t start = wr_str_find(a->document, WR_STR("\"transaction_id\""), 0);
        size_t end = wr_str_find(a->document, WR_STR("\"pack\""), 0);
        CHECK(wr_str_eq(
            wr_str_of(a->document.p + start, end - start),
            wr_str_of(b->document.p + wr_str_find(b->document, WR_STR("\"transaction_id\""), 0),
                      end - start)));
        CHECK(wr_str_eq(a->features, b->features));
        if (i % 7 == 3) {
            shadow_as(&with, 64, WR_CHALLENGE_SCORED);
        }
    }
    rig_close(&with);
    rig_close(&without);
}

TEST("a challenger out of shadow is before the policy, and its difference is told too")
{
    struct rig rig;
    struct wr_str derived;
    open_shadow(&rig, MAIN ",\"open\":" MODEL_B(",\"role\":\"challenger\",\"shadow\":false"));
    struct wr_answer *answer = send(&rig, 1, ",\"amount\":5,\"count\":1");
    CHECK_HAS(answer->document, "\"scores\":{\"main\":0.18242552876472473,\"open\":-1},");
    derived = derived_of(shadow_as(&rig, 9, WR_CHALLENGE_SCORED));
    CHECK_HAS(derived, "{\"decision\":1,\"model\":\"open\",\"score\":-1,\"difference\":");
    check_replay(&rig);
    rig_close(&rig);
}

TEST("a challenger of a segment's model is scored where that one is")
{
    struct rig rig;
    open_shadow(&rig,
                "\"web\":" MODEL_A("") ",\"pos\":" MODEL_B(
                    "") ",\"main\":{\"segments\":["
                        "{\"when\":{\"transaction.channel\":\"web\"},\"model\":\"web\"},"
                        "{\"model\":\"pos\"}]},\"next\":"
                        "{\"file\":\"models/b.wasm\",\"inputs\":[\"transaction.count\",\"amount\"],"
                        "\"role\":\"challenger\",\"champion\":\"web\"}");
    send(&rig, 1, ",\"amount\":5,\"count\":1");
    struct wr_answer *answer = send(&rig, 2, ",\"amount\":5,\"count\":1,\"channel\":\"web\"");
    CHECK_INT(answer->outcome, WR_OUTCOME_REVIEW);
    answer = shadow_as(&rig, 9, WR_CHALLENGE_SCORED);
    CHECK_DERIVED(answer, "{\"after\":0,\"upto\":2,\"n\":2,\"champions\":{\"next\":\"web\"},"
                          "\"scores\":[{\"decision\":2,\"model\":"
                          "\"next\",\"score\":1.5,\"difference\":1.3175744712352753,"
                          "\"outcome\":\"hold\",\"was\":\"review\"}]}");
    check_replay(&rig);
    rig_close(&rig);
}

TEST("a path that only a model in shadow reads refuses no request")
{
    struct rig rig;
    struct wr_str derived;
    open_shadow(&rig, MAIN RISE);
    struct wr_answer *answer = send(&rig, 1, ",\"amount\":5,\"count\":\"many\"");
    CHECK_INT(answer->err, WR_OK);
    derived = derived_of(shadow_as(&rig, 9, WR_CHALLENGE_SCORED));
    CHECK_HAS(derived, "{\"decision\":1,\"model\":\"rise\",\"why\":\"input_missing\"}");
    struct wr_request request = {.body = WR_STR("{\"transaction\":{\"id\":2,\"time\":1700000000}}"),
                                 .now_us = RIG_NOW,
                                 .budget = WR_BUDGET_FALLBACK};
    rig_decide(&rig, request);
    derived = derived_of(shadow_as(&rig, 9, WR_CHALLENGE_SCORED));
    CHECK_HAS(derived, "{\"decision\":3,\"model\":\"rise\",\"why\":\"deadline\"}");
    check_replay(&rig);
    rig_close(&rig);
}

TEST("what cannot wait is counted and told with its reason, and a replay tells the same")
{
    struct rig rig;
    open_shadow(&rig, MAIN RISE);
    for (int i = 0; i < 1100; i++) {
        send(&rig, i, ",\"amount\":5,\"count\":1");
    }
    CHECK_INT(wr_engine_shadow_pending(rig.engine, UINT64_MAX), 1100);
    struct wr_answer *answer = shadow_as(&rig, 1000, WR_CHALLENGE_SCORED); /* at most one chunk */
    CHECK_HAS(derived_of(answer),
              "{\"after\":0,\"upto\":64,\"n\":64,\"champions\":{\"rise\":\"main\"},\"scores\":[");
    for (int i = 1100; i < 1110; i++) {
        send(&rig, i, ",\"amount\":5,\"count\":1");
    }
    uint64_t n_scored = 64;
    while (wr_engine_shadow_pending(rig.engine, 1023) != 0) {
        uint64_t before = wr_engine_shadow_pending(rig.engine, UINT64_MAX);
        shadow_as(&rig, 64, WR_CHALLENGE_SCORED);
        n_scored += before - wr_engine_shadow_pending(rig.engine, UINT64_MAX);
    }
    CHECK_INT(n_scored, 1023);
    answer = shadow_as(&rig, 64, WR_CHALLENGE_SCORED);
    CHECK_HAS(derived_of(answer), "{\"after\":1023,\"upto\":1100,\"n\":77,\"why\":\"backlog\"}");
    answer = shadow_as(&rig, 64, WR_CHALLENGE_SCORED);
    CHECK_HAS(derived_of(answer), "\"n\":10,\"champions\":{\"rise\":\"main\"},\"scores\":[");
    send(&rig, 2000, ",\"amount\":5,\"count\":1");
    send(&rig, 2001, ",\"amount\":5,\"count\":1");
    answer = shadow_as(&rig, 1, WR_CHALLENGE_STOPPED);
    CHECK_HAS(derived_of(answer), "\"n\":2,\"why\":\"stopped\"}");
    struct wr_engine_stats stats;
    wr_engine_stats(rig.engine, &stats);
    CHECK_INT(stats.n_shadow_dropped[WR_CHALLENGE_BACKLOG], 77);
    CHECK_INT(stats.n_shadow_dropped[WR_CHALLENGE_STOPPED], 2);
    CHECK_INT(stats.n_shadow_dropped[WR_CHALLENGE_SCORED], 1033);
    check_replay(&rig);
    rig_close(&rig);
}

TEST("records of any size wait in the room there is, and come out as they went in")
{
    struct rig rig;
    static char more[9000];
    open_shadow(&rig, MAIN TWIN);
    for (int i = 0; i < 600; i++) {
        size_t n = (size_t)(i * 37 % 8000);
        snprintf(more, sizeof more, ",\"amount\":%d,\"note\":\"%0*d\"", i, (int)n, i);
        char *body = malloc(n + 512);
        snprintf(body, n + 512,
                 "{\"transaction\":{\"id\":%d,\"time\":1700000000%s},"
                 "\"user\":{\"id\":1}}",
                 i, more);
        rig_send(&rig, body);
        free(body);
        if (i > 450 && i % 5 == 4) {
            shadow_as(&rig, 4, WR_CHALLENGE_SCORED);
        }
    }
    while (wr_engine_shadow_pending(rig.engine, UINT64_MAX) != 0) {
        shadow_as(&rig, 64, WR_CHALLENGE_SCORED);
    }
    struct wr_challenger_stats of_twin;
    struct wr_engine_stats stats;
    wr_engine_stats(rig.engine, &stats);
    CHECK(wr_engine_challenger(rig.engine, 0, &of_twin));
    CHECK_INT(of_twin.n_compared + stats.n_shadow_dropped[WR_CHALLENGE_BACKLOG], 600);
    CHECK(stats.n_shadow_dropped[WR_CHALLENGE_BACKLOG] > 20);
    CHECK_INT(stats.n_shadow_dropped[WR_CHALLENGE_MEMORY], 0);
    CHECK(!(of_twin.max_abs > 0));
    check_replay(&rig);
    rig_close(&rig);
}

/* As the service does after a crash: folds what there is, tells what is lost, goes on. */
TEST("a model gets from a record what it got from the event: numbers, booleans, what is missing")
{
    static const char *const inputs[][2] = {{"is_big", "ratio"},
                                            {"customer_avg_7d", "since_last"},
                                            {"customer_sum_1d", "terminal_risk_7d"},
                                            {"amount", "customer_online_1d"},
                                            {"transaction.online", "transaction.amount"}};
    for (size_t i = 0; i < WR_COUNTOF(inputs); i++) {
        struct rig rig;
        char models[512];
        const char *a = inputs[i][0], *b = inputs[i][1];
        snprintf(models, sizeof models,
                 "\"main\":{\"file\":\"models/a.wasm\",\"inputs\":[\"%s\",\"%s\"],\"default\":{"
                 "\"%s\":1e9,\"%s\":2}},\"twin\":{\"file\":\"models/a.wasm\",\"inputs\":[\"%s\","
                 "\"%s\"],\"default\":{\"%s\":1e9,\"%s\":2},\"role\":\"challenger\"}",
                 a, b, a, b, a, b, a, b);
        open_shadow(&rig, models);
        for (int k = 0; k < 40; k++) {
            char more[96];
            snprintf(more, sizeof more, "%s%.0d,\"online\":%s,\"terminal\":\"t%d\"",
                     k % 4 == 0 ? "" : ",\"amount\":", k % 4 == 0 ? 0 : k * k,
                     k % 3 == 0 ? "true" : "false", k % 2);
            CHECK_INT(send(&rig, k, more)->err, WR_OK);
        }
        struct wr_challenger_stats stats;
        shadow_as(&rig, 64, WR_CHALLENGE_SCORED);
        CHECK(wr_engine_challenger(rig.engine, 0, &stats));
        CHECK_INT(stats.n_compared, 40);
        CHECK(!(stats.max_abs > 0));
        check_replay(&rig);
        rig_close(&rig);
    }
}

TEST("after a restart decisions without scores are told to be lost, once")
{
    struct rig rig;
    open_shadow(&rig, MAIN RISE);
    for (int i = 0; i < 7; i++) {
        send(&rig, i, ",\"amount\":5,\"count\":1");
    }
    shadow_as(&rig, 3, WR_CHALLENGE_SCORED);
    struct wr_engine *dead = rig.engine;
    rig.engine = rig_engine(&rig);
    for (size_t i = 0; i < rig.n_records; i++) {
        wr_arena_reset(&rig.scratch);
        CHECK_INT(wr_engine_fold(rig.engine, rig_record(&rig, i), &rig.scratch, NULL), WR_OK);
    }
    wr_engine_close(dead);
    CHECK_INT(wr_engine_shadow_pending(rig.engine, UINT64_MAX), 4);
    struct wr_answer *answer = shadow_as(&rig, 64, WR_CHALLENGE_SCORED);
    CHECK_HAS(derived_of(answer), "{\"after\":3,\"upto\":7,\"n\":4,\"why\":\"lost\"}");
    CHECK_INT(wr_engine_shadow_pending(rig.engine, UINT64_MAX), 0);
    send(&rig, 8, ",\"amount\":5,\"count\":1");
    shadow_as(&rig, 64, WR_CHALLENGE_SCORED);
    check_replay(&rig);
    rig_close(&rig);
}

TEST("a snapshot knows which decisions wait, as a fold does")
{
    struct rig rig;
    struct pieces pieces = {0};
    struct wr_piece_sink sink = sink_of(&pieces);
    open_shadow(&rig, MAIN RISE);
    for (int i = 0; i < 7; i++) {
        send(&rig, i, ",\"amount\":5,\"count\":1");
    }
    shadow_as(&rig, 3, WR_CHALLENGE_SCORED);
    CHECK_INT(wr_engine_snapshot_begin(rig.engine, &sink, &rig.error), WR_OK);
    while (wr_engine_snapshot_step(rig.engine, 1 << 20) == WR_SNAPSHOT_MORE) {
    }
    wr_engine_snapshot_end(rig.engine);
    send(&rig, 8, ",\"amount\":5,\"count\":1");
    struct wr_engine *dead = rig.engine;
    rig.engine = rig_engine(&rig);
    CHECK_INT(restore(rig.engine, &pieces, &rig.error), WR_OK);
    wr_engine_close(dead);
    CHECK_INT(wr_engine_shadow_pending(rig.engine, UINT64_MAX), 4);
    wr_arena_reset(&rig.scratch);
    CHECK_INT(wr_engine_fold(rig.engine, rig_record(&rig, 8), &rig.scratch, NULL), WR_OK);
    struct wr_answer *answer = shadow_as(&rig, 64, WR_CHALLENGE_SCORED);
    CHECK_HAS(derived_of(answer), "{\"after\":3,\"upto\":9,\"n\":5,\"why\":\"lost\"}");
    check_replay(&rig);
    free(pieces.bytes);
    rig_close(&rig);
}

/* The first `fold` entries are folded, the others replayed: how many entries of scores it told.
 * Those that it tells are the same bytes. */
static size_t count_told(struct rig *rig, size_t fold)
{
    struct wr_engine *engine = rig_engine(rig);
    size_t n_told = 0;
    for (size_t i = 0; i < rig->n_records; i++) {
        struct wr_answer answer;
        wr_arena_reset(&rig->scratch);
        if (i < fold) {
            CHECK_INT(wr_engine_fold(engine, rig_record(rig, i), &rig->scratch, NULL), WR_OK);
            continue;
        }
        CHECK_INT(wr_engine_replay(engine, rig_record(rig, i), &rig->scratch, &answer, NULL),
                  WR_OK);
        CHECK(answer.record.n == 0 || wr_str_eq(answer.record, rig_record(rig, i)));
        CHECK(answer.record.n != 0 || fold > 0);
        n_told += answer.record.n != 0;
    }
    CHECK_INT(wr_engine_shadow_pending(engine, UINT64_MAX), 0);
    CHECK_INT(wr_engine_sequence(engine), rig->n_records);
    wr_engine_close(engine);
    return n_told;
}

TEST("a replay that folds its beginning says nothing of entries it cannot tell")
{
    struct rig rig;
    open_shadow(&rig, MAIN RISE);
    for (int i = 0; i < 10; i++) {
        send(&rig, i, ",\"amount\":5,\"count\":1");
    }
    for (int i = 0; i < 4; i++) {
        shadow_as(&rig, 3, WR_CHALLENGE_SCORED);
    }
    for (size_t fold = 0; fold <= rig.n_records; fold++) {
        size_t n_left = rig.n_records - fold, n_told = count_told(&rig, fold);
        CHECK(fold > 0 || n_told == n_left);
        CHECK(n_told + 4 >= n_left); /* of decisions it tells all */
    }
    rig_close(&rig);
}

/* What was 700 decisions of a gap is records for a replay that has folded those before, and then
 * there is no room for the next ones, which were records. */
TEST("a replay that folds its beginning may have gaps where there were none, and tells the rest")
{
    struct rig rig;
    open_shadow(&rig, MAIN RISE);
    for (int i = 0; i < 1723; i++) {
        send(&rig, i, ",\"amount\":5,\"count\":1");
    }
    for (int i = 0; i < 10; i++) {
        shadow_as(&rig, 64, WR_CHALLENGE_SCORED);
    }
    for (int i = 1723; i < 2323; i++) {
        send(&rig, i, ",\"amount\":5,\"count\":1");
    }
    while (wr_engine_shadow_pending(rig.engine, UINT64_MAX) != 0) {
        shadow_as(&rig, 50, WR_CHALLENGE_SCORED);
    }
    send(&rig, 3000, ",\"amount\":5,\"count\":1");
    shadow_as(&rig, 64, WR_CHALLENGE_SCORED);
    size_t n_decided = 1723 + 600 + 1, fold = 600;
    size_t n_told = count_told(&rig, fold);
    CHECK(n_told > n_decided - fold && n_told < rig.n_records - fold);
    CHECK_INT(count_told(&rig, 0), rig.n_records);
    rig_close(&rig);
}

TEST("another pack takes over: what waited for the old challengers is told")
{
    struct rig rig;
    struct wr_str derived;
    open_shadow(&rig, MAIN RISE);
    send(&rig, 1, ",\"amount\":5,\"count\":1");
    struct wr_engine *again = rig_engine(&rig);
    wr_arena_reset(&rig.scratch);
    CHECK_INT(wr_engine_activate(rig.engine, rig.pack, RIG_NOW, &rig.scratch, &rig.answer), WR_OK);
    rig_keep(&rig, rig.answer.record);
    derived = derived_of(shadow_as(&rig, 64, WR_CHALLENGE_SCORED));
    CHECK_HAS(derived, "{\"after\":0,\"upto\":1,\"n\":1,\"why\":\"pack_changed\"}");
    for (size_t i = 0; i < rig.n_records; i++) {
        struct wr_record record;
        struct wr_answer answer;
        wr_arena_reset(&rig.scratch);
        CHECK_INT(wr_record_decode(rig_record(&rig, i), &record, NULL), WR_OK);
        wr_err err =
            record.kind == WR_RECORD_ACTIVATION
                ? wr_engine_replay_activation(again, &record, rig.pack, &rig.scratch, &answer, NULL)
                : wr_engine_replay(again, rig_record(&rig, i), &rig.scratch, &answer, NULL);
        CHECK_INT(err, WR_OK);
        CHECK(wr_str_eq(answer.record, rig_record(&rig, i)));
    }
    wr_engine_close(again);
    rig_close(&rig);
}

TEST("without memory decisions are left out and told, or nothing has changed")
{
    struct rig rig;
    open_shadow(&rig, MAIN RISE);
    for (int i = 0; i < 20; i++) {
        send(&rig, i, ",\"amount\":5,\"count\":1");
    }
    static char room[64 * 1024];
    struct wr_arena small;
    wr_arena_init_fixed(&small, room, 4096, NULL, 0);
    CHECK_INT(wr_engine_shadow(rig.engine, 20, WR_CHALLENGE_SCORED, RIG_NOW, &small, &rig.answer),
              WR_OK);
    CHECK_HAS(derived_of(&rig.answer), "{\"after\":0,\"upto\":20,\"n\":20,\"why\":\"memory\"}");
    rig_keep(&rig, rig.answer.record);
    send(&rig, 21, ",\"amount\":5,\"count\":1");
    wr_arena_init_fixed(&small, room, 128, NULL, 0);
    CHECK_INT(wr_engine_shadow(rig.engine, 20, WR_CHALLENGE_SCORED, RIG_NOW, &small, &rig.answer),
              WR_E_MEMORY);
    CHECK_INT(wr_engine_shadow_pending(rig.engine, UINT64_MAX), 1);
    CHECK_INT(wr_engine_sequence(rig.engine), 22);
    shadow_as(&rig, 20, WR_CHALLENGE_SCORED);
    check_replay(&rig);
    rig_close(&rig);
}

TEST("entries that do not say what they cover are refused")
{
    static const char *const broken[] = {"",
                                         "{}",
                                         "[]",
                                         "{\"upto\":1}",
                                         "{\"upto\":5,\"n\":1}",
                                         "{\"upto\":-1,\"n\":1}",
                                         "{\"upto\":1,\"n\":\"1\"}",
                                         "{\"upto\":1,\"n\":1,\"why\":\"idle\"}",
                                         "{\"upto\":1,\"n\":1,\"why\":7}",
                                         "{\"upto\":1e400,\"n\":1}"};
    struct rig rig;
    open_shadow(&rig, MAIN RISE);
    struct wr_record record = {.kind = WR_RECORD_SHADOW, .sequence = 1, .document = WR_STR("{}")};
    for (size_t i = 0; i < WR_COUNTOF(broken); i++) {
        record.derived = wr_str_z(broken[i]);
        wr_arena_reset(&rig.scratch);
        CHECK(wr_engine_replay_shadow(rig.engine, &record, &rig.scratch, &rig.answer, NULL) !=
              WR_OK);
        struct wr_buf bytes = wr_buf_in(&rig.scratch, 512);
        wr_record_encode(&bytes, &record);
        CHECK(wr_engine_fold(rig.engine, wr_buf_view(&bytes), &rig.scratch, NULL) != WR_OK);
        CHECK_INT(wr_engine_sequence(rig.engine), 0);
    }
    rig_close(&rig);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
