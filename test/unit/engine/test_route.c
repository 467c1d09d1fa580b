/* SPDX-License-Identifier: Apache-2.0 */
/* Several models in a pack: which of them scores a transaction, and what stands in for a score. */
#include "stumps.h"

/* One transaction; `more` goes into `transaction`. */
static struct wr_answer *send(struct rig *rig, const char *more)
{
    static int id;
    char body[512];
    snprintf(body, sizeof body,
             "{\"transaction\":{\"id\":\"t%d\",\"time\":1700000000%s},\"user\":{\"id\":1},"
             "\"policy\":{\"echo\":\"missing\"}}",
             id++, more);
    return rig_send(rig, body);
}

static const char *const by_segment = "\"online\":" MODEL_A("") ",\"pos\":" MODEL_B(
    "") ",\"fraud\":{\"segments\":["
        "{\"when\":{\"transaction.channel\":[\"web\",\"app\"],\"transaction.country\":\"CN\"},"
        "\"model\":\"online\"},"
        "{\"when\":{\"transaction.product\":7},\"model\":\"pos\"},"
        "{\"when\":{\"is_big\":true},\"model\":\"pos\"}]}";

TEST("a transaction is scored by the model of the first segment that fits, and by no other")
{
    static const struct {
        const char *more, *scores;
    } cases[] = {
        {",\"amount\":5,\"count\":1,\"channel\":\"web\",\"country\":\"CN\"",
         "\"score\":0.18242552876472473,\"scores\":{\"fraud\":0.18242552876472473,"
         "\"online\":0.18242552876472473},"},
        {",\"amount\":5,\"count\":1,\"channel\":\"app\",\"country\":\"CN\",\"product\":7",
         "\"scores\":{\"fraud\":0.18242552876472473,\"online\":"},
        {",\"amount\":5,\"count\":1,\"channel\":\"web\",\"country\":\"DE\",\"product\":7.0",
         "\"score\":-1,\"scores\":{\"fraud\":-1,\"pos\":-1},"},
        {",\"amount\":5000,\"count\":5", "\"scores\":{\"fraud\":4.5,\"pos\":4.5},"},
        {",\"amount\":5,\"count\":1,\"product\":\"7\"", "\"degraded\":[{\"what\":\"model.fraud\","
                                                        "\"why\":\"no_segment\"}]"},
        {",\"amount\":5,\"product\":7", "\"degraded\":[{\"what\":\"model.pos\","
                                        "\"why\":\"input_missing: transaction.count\"}]"},
    };
    struct rig rig;
    open_pack(&rig, by_segment, "fraud");
    rig_start(&rig);
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        struct wr_answer *answer = send(&rig, cases[i].more);
        CHECK_INT(answer->err, WR_OK);
        CHECK_HAS(answer->document, cases[i].scores);
    }
    rig_close(&rig);
}

TEST("with the time used up no segment is told to be missing")
{
    struct rig rig;
    open_pack(&rig, by_segment, "fraud");
    rig_start(&rig);
    struct wr_request request = {.body =
                                     WR_STR("{\"transaction\":{\"id\":\"a\",\"time\":1700000000}}"),
                                 .now_us = RIG_NOW,
                                 .budget = WR_BUDGET_FALLBACK};
    CHECK_HAS(rig_decide(&rig, request)->document,
              "\"degraded\":[{\"what\":\"budget\",\"why\":\"deadline\"}]");
    rig_close(&rig);
}

TEST("another model stands in for one that lacks an input, and a constant for that one")
{
    struct rig rig;
    open_pack(&rig,
              "\"fraud\":" MODEL_B(",\"fallback\":{\"model\":\"simple\"}") ",\"simple\":" MODEL_A(
                  ",\"fallback\":{\"score\":0.75}"),
              "fraud");
    rig_start(&rig);
    struct wr_answer *answer = send(&rig, ",\"amount\":5,\"count\":1");
    CHECK_HAS(answer->document, "\"score\":-1,\"scores\":{\"fraud\":-1},\"reasons\":[");
    CHECK_HAS(answer->document, "\"degraded\":[]");
    answer = send(&rig, ",\"amount\":500");
    CHECK_HAS(answer->document,
              "\"score\":0.622459352016449,\"scores\":{\"fraud\":0.622459352016449,"
              "\"simple\":0.622459352016449}");
    CHECK_HAS(answer->document,
              "\"degraded\":[{\"what\":\"model.fraud\",\"why\":\"input_missing: "
              "transaction.count\"},{\"what\":\"fallback.fraud\",\"why\":\"model: simple\"}]");
    CHECK_INT(answer->outcome, WR_OUTCOME_HOLD); /* the policy saw the score */
    answer = send(&rig, "");
    CHECK_HAS(answer->document, "\"score\":0.75,\"scores\":{\"fraud\":0.75,\"simple\":0.75}");
    CHECK_HAS(answer->document,
              "{\"what\":\"fallback.fraud\",\"why\":\"model: simple\"},{\"what\":\"model.simple\","
              "\"why\":\"input_missing: transaction.amount\"},{\"what\":\"fallback.simple\","
              "\"why\":\"score\"}]");
    rig_close(&rig);
}

TEST("a policy is told why a score is undefined when its model says so")
{
    struct rig rig;
    open_pack(&rig, "\"fraud\":" MODEL_B(",\"fallback\":\"undefined\""), "fraud");
    rig_start(&rig);
    struct wr_answer *answer = send(&rig, ",\"amount\":5");
    CHECK_HAS(answer->document, "\"scores\":{},");
    CHECK_HAS(answer->document, "{\"code\":\"fraud=input_missing\"");
    CHECK_HAS(answer->record, "\"missing\":{\"broken\":\"undefined\",\"channel\":\"undefined\","
                              "\"fraud\":\"input_missing\",");
    struct wr_record record;
    struct wr_value input;
    CHECK_INT(wr_record_decode(answer->record, &record, NULL), WR_OK);
    CHECK_INT(wr_record_input(&rig.scratch, &record, &input, NULL), WR_OK);
    const struct wr_value *missing = wr_object_get_str(&input, WR_STR("missing"));
    CHECK(missing != NULL && wr_object_get_str(missing, WR_STR("fraud")) != NULL);
    answer = send(&rig, ",\"amount\":5,\"count\":1");
    CHECK(!rig_has(answer->record, "\"fraud\":\"input"));
    rig_close(&rig);
}

TEST("a model by segment passes on the fallbacks of its models and may have one of its own")
{
    struct rig rig;
    open_pack(
        &rig,
        "\"zz\":" MODEL_B(
            ",\"fallback\":{\"score\":9}") ",\"fraud\":{\"segments\":["
                                           "{\"when\":{\"transaction.channel\":\"web\"},\"model\":"
                                           "\"zz\"},"
                                           "{\"when\":{\"transaction.channel\":\"pos\"},\"model\":"
                                           "\"plain\"}],"
                                           "\"fallback\":{\"score\":3}},\"plain\":" MODEL_B(""),
        "fraud");
    rig_start(&rig);
    struct wr_answer *answer = send(&rig, ",\"channel\":\"web\"");
    CHECK_HAS(answer->document, "\"score\":9,\"scores\":{\"fraud\":9,\"zz\":9}");
    CHECK(!rig_has(answer->document, "fallback.fraud"));
    answer = send(&rig, ",\"channel\":\"pos\"");
    CHECK_HAS(answer->document, "\"score\":3,\"scores\":{\"fraud\":3}");
    CHECK_HAS(answer->document, "{\"what\":\"fallback.fraud\",\"why\":\"score\"}");
    answer = send(&rig, ",\"channel\":\"post\"");
    CHECK_HAS(answer->document, "\"score\":3,\"scores\":{\"fraud\":3}");
    CHECK_HAS(answer->document, "\"degraded\":[{\"what\":\"model.fraud\",\"why\":\"no_segment\"},"
                                "{\"what\":\"fallback.fraud\",\"why\":\"score\"}]");
    rig_close(&rig);
}

TEST("segments and fallbacks are the same in batches, one by one, and in a replay")
{
    enum { N = 90 };
    struct rig rig;
    char bodies[N][200];
    struct wr_request requests[N];
    struct wr_answer answers[N];
    static const char *const channels[] = {"web", "pos", "atm", "app"};
    open_pack(&rig,
              "\"online\":" MODEL_A(",\"fallback\":{\"model\":\"pos\"}") ",\"pos\":" MODEL_B(
                  ",\"fallback\":{\"score\":0.5}") ",\"fraud\":{\"fallback\":\"undefined\","
                                                   "\"segments\":[{\"when\":{\"transaction."
                                                   "channel\":[\"web\",\"app\"]},\"model\":"
                                                   "\"online\"},{\"when\":{\"transaction.channel\":"
                                                   "\"pos\"},\"model\":\"pos\"}]}",
              "fraud");
    rig_start(&rig);
    for (int i = 0; i < N; i++) {
        snprintf(bodies[i], sizeof bodies[i],
                 "{\"transaction\":{\"id\":%d,\"time\":1700000000,\"channel\":\"%s\"%s%s},"
                 "\"user\":{\"id\":%d}}",
                 i, channels[i % 4], i % 3 != 0 ? ",\"amount\":250" : "",
                 i % 5 != 0 ? ",\"count\":4" : "", i % 7);
        requests[i] = (struct wr_request){.body = wr_str_z(bodies[i]), .now_us = RIG_NOW};
    }
    CHECK_INT(wr_engine_batch(rig.engine, requests, N, &rig.scratch, answers, NULL), WR_OK);
    struct wr_arena kept = rig.scratch;
    wr_arena_init(&rig.scratch, &rig.memory.source, 64 << 20);
    struct wr_engine *batch = rig.engine, *single = rig_engine(&rig), *again = rig_engine(&rig);
    rig.engine = single;
    bool told = false, scored = false, lent = false;
    for (int i = 0; i < N; i++) {
        struct wr_answer *answer = rig_decide(&rig, requests[i]);
        CHECK(wr_str_eq(answer->record, answers[i].record));
        told = told || rig_has(answer->record, "\"fraud\":\"no_segment\"");
        scored = scored || rig_has(answer->document, "\"score\":4.5");
        lent = lent || rig_has(answer->document, "\"score\":0.5,");
        CHECK_INT(wr_engine_replay(again, answers[i].record, &rig.scratch, &rig.answer, NULL),
                  WR_OK);
        CHECK(wr_str_eq(rig.answer.record, answers[i].record));
    }
    CHECK(told && scored && lent);
    rig.engine = batch;
    wr_engine_close(single);
    wr_engine_close(again);
    wr_arena_deinit(&kept);
    rig_close(&rig);
}

#define TWO(of_fraud, of_other) "\"fraud\":" MODEL_A(of_fraud) ",\"other\":" MODEL_B(of_other)
#define ROUTE(segments)         "\"fraud\":{\"segments\":" segments "},\"other\":" MODEL_B("")

TEST("a pack whose models do not go together is refused, naming the key")
{
    static const struct {
        const char *models, *piece;
    } cases[] = {
        {TWO("", ",\"role\":\"boss\""), "models.other.role: wanted champion or challenger"},
        {TWO("", ",\"shadow\":true"), "models.other.shadow: only a model of `role: challenger`"},
        {TWO("", ",\"champion\":\"fraud\""), "models.other.champion: only a model of"},
        {TWO("", ",\"role\":\"challenger\",\"shadow\":1"), "models.other.shadow: wanted true or"},
        {TWO("", ",\"role\":\"challenger\",\"champion\":\"x\""), "the pack has no model x"},
        {TWO("", ",\"role\":\"challenger\",\"champion\":\"other\""), "is a challenger itself"},
        {TWO("", ",\"role\":\"challenger\",\"fallback\":{\"score\":1}"),
         "models.other.fallback: a challenger has none"},
        {TWO(",\"role\":\"challenger\"", ""), "decision.score: the model fraud is a challenger"},
        {TWO(",\"fallback\":5", ""), "models.fraud.fallback: wanted undefined, {model: NAME}"},
        {TWO(",\"fallback\":{\"score\":\"1\"}", ""),
         "models.fraud.fallback.score: wanted a number"},
        {TWO(",\"fallback\":{\"scores\":1}", ""), "the key \"scores\" is not known"},
        {TWO(",\"fallback\":{\"model\":\"x\"}", ""),
         "models.fraud.fallback: the pack has no model x"},
        {TWO(",\"fallback\":{\"model\":\"fraud\"}", ""), "wanted another model with a file"},
        {TWO(",\"fallback\":{\"model\":\"other\"}", ",\"role\":\"challenger\""),
         "models.fraud.fallback: other is a challenger"},
        {TWO(",\"fallback\":{\"model\":\"other\"}", ",\"fallback\":{\"model\":\"fraud\"}"),
         "models: the fallbacks of the models form a circle"},
        {TWO("", "") ",\"ratio\":" MODEL_A(",\"fallback\":\"undefined\""),
         "models.ratio.fallback: a feature has this name too"},
        {ROUTE("[]"), "models.fraud.segments: wanted a list of 1 to 64"},
        {ROUTE("[{\"model\":\"other\"},{\"model\":\"other\"}]"), "is never reached"},
        {ROUTE("[{\"model\":\"fraud\"}]"), "models.fraud.segments: wanted another model"},
        {ROUTE("[{\"when\":{\"transaction.x\":1}}]"), "models.fraud.model: the key is missing"},
        {ROUTE("[{\"when\":{},\"model\":\"other\"}]"), "when: wanted an object"},
        {ROUTE("[{\"when\":{\"chanel\":1},\"model\":\"other\"}]"),
         "\"chanel\" is neither a feature"},
        {ROUTE("[{\"when\":{\"transaction.is_fraud\":1},\"model\":\"other\"}]"), "is a label"},
        {ROUTE("[{\"when\":{\"transaction.x\":[]},\"model\":\"other\"}]"),
         "when.transaction.x: wanted"},
        {ROUTE("[{\"when\":{\"transaction.x\":{}},\"model\":\"other\"}]"),
         "when.transaction.x: wanted"},
        {"\"fraud\":{\"segments\":[{\"model\":\"other\"}],\"file\":\"models/"
         "a.wasm\"},\"other\":" MODEL_B(""),
         "models.fraud: the key \"file\" is not known"},
        {"\"fraud\":{\"segments\":[{\"model\":\"other\"}],\"fallback\":{\"model\":\"other\"}},"
         "\"other\":" MODEL_B(""),
         "has none but undefined or a score"},
    };
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        struct rig rig;
        open_pack(&rig, cases[i].models, "fraud");
        rig_check_refused(&rig, cases[i].piece);
    }
}

TEST("decision.shadow_time is a duration of 1us to 100ms")
{
    static const struct {
        const char *text;
        int64_t us; /* 0: refused */
    } cases[] = {{"\"1us\"", 1}, {"\"100ms\"", 100000}, {"\"2ms\"", 2000},
                 {"\"0ms\"", 0}, {"\"101ms\"", 0},      {"5", 0}};
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        struct rig rig;
        static const struct wr_memory memory = CHECK_MEMORY;
        char to[96];
        open_pack(&rig, "\"fraud\":" MODEL_A(""), "fraud");
        snprintf(to, sizeof to, "\"deadline\": \"50ms\", \"shadow_time\": %s", cases[i].text);
        rig_edit(&rig.files, "weir.json", "\"deadline\": \"50ms\"", to);
        wr_arena_init(&rig.pack_arena, &memory, 64 << 20);
        wr_err err = wr_pack_open(&rig.pack_arena, rig.files.files, rig.files.n, NULL, &rig.pack,
                                  &rig.error);
        CHECK_INT(err, cases[i].us != 0 ? WR_OK : WR_E_PACK);
        if (err == WR_OK) {
            CHECK_INT(wr_pack_shadow_us(rig.pack), cases[i].us);
        } else {
            CHECK(strstr(rig.error.text, "decision.shadow_time: wanted") != NULL);
        }
        wr_arena_deinit(&rig.pack_arena);
        rig_files_close(&rig.files);
    }
}

TEST("a policy that reads the score of a model in shadow is refused, and may read it out of it")
{
    for (int shadow = 0; shadow < 2; shadow++) {
        struct rig rig;
        static const struct wr_memory memory = CHECK_MEMORY;
        char models[512];
        snprintf(
            models, sizeof models,
            "\"main\":" MODEL_B("") ",\"fraud\":" MODEL_A(",\"role\":\"challenger\",\"shadow\":%s"),
            shadow ? "true" : "false");
        open_pack(&rig, models, "main");
        rig_edit(&rig.files, "risk.rego", "{k | input[k]}", "{\"x\"}"); /* reads all there is */
        rig_edit(&rig.files, "risk.rego", "v := input[input.policy.echo][k]",
                 "v := input.policy[k]");
        wr_arena_init(&rig.pack_arena, &memory, 64 << 20);
        wr_err err = wr_pack_open(&rig.pack_arena, rig.files.files, rig.files.n, NULL, &rig.pack,
                                  &rig.error);
        CHECK_INT(err, shadow ? WR_E_PACK : WR_OK);
        CHECK(!shadow || strstr(rig.error.text, "models.fraud.shadow: package risk reads "
                                                "input.scores.fraud") != NULL);
        wr_arena_deinit(&rig.pack_arena);
        rig_files_close(&rig.files);
    }
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
