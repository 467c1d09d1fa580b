/* SPDX-License-Identifier: Apache-2.0 */
/* Models in the flow: inputs from features and paths, missing values, defaults, scores that are no
 * numbers, and what a decision says of them. */
#include "stumps.h"

static void open_models(struct rig *rig, enum wr_model_missing missing, const char *leaf,
                        const char *models)
{
    memset(rig, 0, sizeof *rig);
    rig_files_open(&rig->files);
    compile_model(&rig->files, "models/m.wasm", leaf,
                  strcmp(leaf, "1") == 0 ? "binary:logistic" : "reg:squarederror", missing);
    add_models(&rig->files, models);
    rig_start(rig);
}

#define FRAUD                                                                                      \
    "\"fraud\":{\"file\":\"models/m.wasm\",\"inputs\":[\"transaction.amount\","                    \
    "\"customer_count_1d\"]}"

static struct wr_answer *send(struct rig *rig, const char *id, const char *amount, const char *user)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"transaction\":{\"id\":\"%s\",\"time\":1700000000%s%s},\"user\":{%s}}", id,
             amount[0] != 0 ? ",\"amount\":" : "", amount, user);
    return rig_send(rig, body);
}

TEST("a score stands in the document, in the record and before the policy")
{
    struct rig rig;
    open_models(&rig, WR_MODEL_MISSING_NO, "1", FRAUD);
    struct wr_answer *answer = send(&rig, "a", "5", "\"id\":1");
    CHECK_HAS(answer->document, "\"outcome\":\"review\",\"score\":0.18242"); /* sigmoid(-1.5) */
    CHECK_HAS(answer->document, "\"scores\":{\"fraud\":0.18242");
    CHECK_HAS(answer->record, "\"scores\":{\"fraud\":0.18242");
    answer = send(&rig, "b", "500", "\"id\":1");
    CHECK_INT(answer->outcome, WR_OUTCOME_HOLD); /* sigmoid(0.5) > 0.5 */
    CHECK_HAS(answer->document, "\"score\":0.62245");
    rig_close(&rig);
}

TEST("an input that is absent leaves the model out, and the decision says which")
{
    struct rig rig;
    open_models(&rig, WR_MODEL_MISSING_NO, "1", FRAUD);
    struct wr_answer *answer = send(&rig, "a", "", "\"id\":1");
    CHECK_INT(answer->err, WR_OK);
    CHECK_HAS(answer->document, "\"outcome\":\"review\",\"scores\":{},\"reasons\":[],\"degraded\":"
                                "[{\"what\":\"model.fraud\",\"why\":\"input_missing: "
                                "transaction.amount\"}]");
    answer = send(&rig, "b", "5", "");
    CHECK_HAS(answer->document, "\"why\":\"input_missing: customer_count_1d\"");
    CHECK_INT(answer->n_degraded, 1);
    rig_close(&rig);
}

TEST("the name of an absent input may hold any character")
{
    struct rig rig;
    open_models(&rig, WR_MODEL_MISSING_NO, "1",
                "\"fraud\":{\"file\":\"models/m.wasm\",\"inputs\":[\"a.\\\"\\n\",\"a.b\"]}");
    CHECK_HAS(send(&rig, "a", "", "")->document, "\"why\":\"input_missing: a.\\\"\\n\"}]");
    rig_close(&rig);
}

TEST("a default of the pack stands in, unless the model takes missing values itself")
{
    struct rig rig;
    static const char *const models =
        "\"fraud\":{\"file\":\"models/m.wasm\",\"inputs\":[\"transaction.amount\","
        "\"customer_count_1d\"],\"default\":{\"customer_count_1d\":1,\"transaction.amount\":7}}";
    open_models(&rig, WR_MODEL_MISSING_NO, "1", models);
    CHECK_HAS(send(&rig, "a", "", "\"id\":1")->document, "\"score\":0.18242");
    rig_close(&rig);
    open_models(&rig, WR_MODEL_MISSING_YES, "1", models);
    struct wr_answer *answer = send(&rig, "a", "", "\"id\":1"); /* NaN goes right: sigmoid(0.5) */
    CHECK_HAS(answer->document, "\"score\":0.62245");
    CHECK_HAS(answer->document, "\"degraded\":[]");
    rig_close(&rig);
}

TEST("a score that is not finite is absent, never printed")
{
    struct rig rig;
    open_models(&rig, WR_MODEL_MISSING_NO, "3e38", FRAUD);
    struct wr_answer *answer = NULL;
    static const char *const ids[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        answer = send(&rig, ids[i], "500", "\"id\":1");
    }
    CHECK_HAS(answer->document, "\"scores\":{},");
    CHECK_HAS(answer->document, "{\"what\":\"model.fraud\",\"why\":\"not_finite\"}");
    CHECK(!rig_has(answer->record, "nfinity") && !rig_has(answer->record, "NaN"));
    rig_close(&rig);
}

TEST("an input of the wrong type is refused, naming its path")
{
    struct rig rig;
    memset(&rig, 0, sizeof rig);
    rig_files_open(&rig.files);
    compile_model(&rig.files, "models/m.wasm", "1", "binary:logistic", WR_MODEL_MISSING_NO);
    add_models(&rig.files, "\"fraud\":{\"file\":\"models/m.wasm\",\"inputs\":[\"card.age\","
                           "\"is_big\"]}");
    rig_start(&rig);
    for (size_t i = 0; i < wr_pack_n_warnings(rig.pack); i++) { /* the model reads it */
        CHECK(!rig_has(wr_pack_warning(rig.pack, i), "feature is_big"));
    }
    static const char *const values[] = {"\"5\"", "[]", "{}"};
    for (size_t i = 0; i < WR_COUNTOF(values); i++) {
        char body[256];
        snprintf(body, sizeof body,
                 "{\"transaction\":{\"id\":\"a\",\"time\":1700000000},\"card\":{\"age\":%s}}",
                 values[i]);
        struct wr_answer *answer = rig_send(&rig, body);
        CHECK_INT(answer->err, WR_E_FIELD);
        CHECK_STR(answer->error.where, "card.age");
    }
    CHECK_INT(wr_engine_sequence(rig.engine), 0);
    struct wr_answer *answer = rig_send(&rig, "{\"transaction\":{\"id\":\"a\",\"time\":1700000000},"
                                              "\"card\":{\"age\":true}}");
    CHECK_HAS(answer->document, "\"score\":0.18242"); /* booleans are 0 and 1 */
    rig_close(&rig);
}

TEST("several models each have their score; the decision's is the one named")
{
    struct rig rig;
    memset(&rig, 0, sizeof rig);
    rig_files_open(&rig.files);
    compile_model(&rig.files, "models/a.wasm", "1", "binary:logistic", WR_MODEL_MISSING_NO);
    compile_model(&rig.files, "models/b.wasm", "2", "reg:squarederror", WR_MODEL_MISSING_NO);
    add_models(&rig.files,
               "\"fraud\":{\"file\":\"models/a.wasm\",\"inputs\":[\"transaction.amount\","
               "\"transaction.count\"]},\"other\":{\"file\":\"models/b.wasm\",\"inputs\":["
               "\"customer_count_1d\",\"amount\"],\"output\":\"score\"}");
    rig_edit(&rig.files, "weir.json", "\"reasons\": \"reasons\"",
             "\"reasons\": \"reasons\", \"score\": \"other\"");
    rig_start(&rig);
    struct wr_answer *answer = rig_send(
        &rig, "{\"transaction\":{\"id\":\"a\",\"time\":1700000000,\"amount\":500,\"count\":9},"
              "\"user\":{\"id\":1}}");
    CHECK_HAS(answer->document, "\"score\":1.5,\"scores\":{\"fraud\":0.81757");
    CHECK_HAS(answer->document, ",\"other\":1.5}");
    rig_close(&rig);
}

TEST("with the time used up no model runs")
{
    struct rig rig;
    open_models(&rig, WR_MODEL_MISSING_NO, "1", FRAUD);
    struct wr_request request = {.body =
                                     WR_STR("{\"transaction\":{\"id\":\"a\",\"time\":1700000000}}"),
                                 .now_us = RIG_NOW,
                                 .budget = WR_BUDGET_FALLBACK};
    CHECK_HAS(rig_decide(&rig, request)->document,
              "\"scores\":{},\"reasons\":[{\"code\":\"deadline\"");
    rig_close(&rig);
}

#define LONG16 "0123456789abcdef"
#define LONG64 LONG16 LONG16 LONG16 LONG16
#define LONG   LONG64 LONG64 LONG64 LONG64

TEST("a pack whose model does not open or does not fit is refused, naming file and key")
{
    static const struct {
        const char *models, *piece;
    } cases[] = {
        {"\"fraud\":{\"file\":\"models/none.wasm\"}", "the pack has no file models/none.wasm"},
        {"\"fraud\":{}", "weir.json: models.fraud.file: the key is missing"},
        {"\"fraud\":{\"file\":\"risk.rego\"}", "risk.rego: "},
        {"\"fraud\":{\"file\":\"models/m.wasm\",\"inputs\":[\"amount\"]}",
         "weir.json: models.fraud.inputs: wanted a list of 2 names"},
        {"\"fraud\":{\"file\":\"models/m.wasm\",\"inputs\":[\"amount\",\"a." LONG "\"]}",
         "weir.json: models.fraud.inputs: a name is longer than 255 bytes"},
        {"\"fraud\":{\"file\":\"models/m.wasm\",\"inputs\":[\"amount\",\"amounts\"]}",
         "\"amounts\" is neither a feature nor a path"},
        {"\"fraud\":{\"file\":\"models/m.wasm\",\"inputs\":[\"amount\",\"transaction.is_fraud\"]}",
         "is a label: no model may read it"},
        {"\"fraud\":{\"file\":\"models/m.wasm\",\"inputs\":[\"amount\",\"ratio\"],"
         "\"default\":{\"x\":1}}",
         "weir.json: models.fraud.default: the model has no input x"},
        {"\"fraud\":{\"file\":\"models/m.wasm\",\"inputs\":[\"amount\",\"ratio\"],"
         "\"output\":\"x\"}",
         "weir.json: models.fraud.output: the model has no output \"x\""},
        {"\"fr aud\":{\"file\":\"models/m.wasm\"}", "models.fr aud: a name has letters"},
    };
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        struct rig rig;
        memset(&rig, 0, sizeof rig);
        rig_files_open(&rig.files);
        compile_model(&rig.files, "models/m.wasm", "1", "binary:logistic", WR_MODEL_MISSING_NO);
        add_models(&rig.files, cases[i].models);
        rig_check_refused(&rig, cases[i].piece);
    }
}

TEST("scores are the same in batches and one by one, and in a replay")
{
    enum { N = 100 };
    struct rig rig;
    char bodies[N][160];
    struct wr_request requests[N];
    struct wr_answer answers[N];
    open_models(&rig, WR_MODEL_MISSING_NO, "1", FRAUD);
    for (int i = 0; i < N; i++) {
        int n = i % 9 == 0 ? 0 : i * 37 % 300;
        snprintf(bodies[i], sizeof bodies[i],
                 "{\"transaction\":{\"id\":%d,\"channel\":\"a text to "
                 "keep\",\"time\":1700000000%s%.0d},\"user\":{\"id\":%d}}",
                 i, n == 0 ? "" : ",\"amount\":", n, i % 11);
        if (i % 3 != 1) {
            bodies[i][0] = '['; /* two of three are refused, and take no room */
        }
        requests[i] = (struct wr_request){.body = wr_str_z(bodies[i]), .now_us = RIG_NOW};
    }
    CHECK_INT(wr_engine_batch(rig.engine, requests, N, &rig.scratch, answers, NULL), WR_OK);
    struct wr_arena kept = rig.scratch; /* answers stay there */
    wr_arena_init(&rig.scratch, &rig.memory.source, 64 << 20);
    struct wr_engine *batch = rig.engine, *single = rig_engine(&rig), *again = rig_engine(&rig);
    rig.engine = single;
    for (int i = 0; i < N; i++) {
        struct wr_answer *answer = rig_decide(&rig, requests[i]);
        CHECK(wr_str_eq(answer->record, answers[i].record));
        if (answers[i].record.n == 0) {
            CHECK(i % 3 != 1 && answer->err == answers[i].err);
            continue;
        }
        CHECK_HAS(answer->record, "\"scores\":{");
        CHECK_INT(wr_engine_replay(again, answers[i].record, &rig.scratch, &rig.answer, NULL),
                  WR_OK);
        CHECK(wr_str_eq(rig.answer.record, answers[i].record));
    }
    rig.engine = batch;
    wr_engine_close(single);
    wr_engine_close(again);
    wr_arena_deinit(&kept);
    rig_close(&rig);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
