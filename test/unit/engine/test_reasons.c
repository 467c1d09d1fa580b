/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons from a model's contributions: which codes, in which language, for which outcomes; what is
 * left out and said; the same in a replay. */
#include "rig.h"

#include "model/model.h"
#include "pack/parts.h"

/* Three stumps over [amount, count, age] with covers: right is +2, +1 and +0.5, left the opposite,
 * and half of the rows went each way, so that a column's contribution is its leaf. */
static const char *const source =
    "{\"learner\":{\"feature_names\":[],\"gradient_booster\":{\"name\":\"gbtree\",\"model\":{"
    "\"tree_info\":[0,0,0],\"trees\":["
    "{\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],\"split_indices\":[0,0,0],"
    "\"split_conditions\":[100,-2,2],\"default_left\":[0,0,0],\"sum_hessian\":[8,4,4]},"
    "{\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],\"split_indices\":[1,0,0],"
    "\"split_conditions\":[3,-1,1],\"default_left\":[0,0,0],\"sum_hessian\":[8,4,4]},"
    "{\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],\"split_indices\":[2,0,0],"
    "\"split_conditions\":[30,-0.5,0.5],\"default_left\":[0,0,0],\"sum_hessian\":[8,4,4]}]}},"
    "\"learner_model_param\":{\"base_score\":\"0.5\",\"num_class\":\"0\",\"num_feature\":\"3\"},"
    "\"objective\":{\"name\":\"binary:logistic\"}},\"version\":[2,0,0]}";

static void put_module(struct rig_files *files, bool explain)
{
    static const struct wr_memory memory = CHECK_MEMORY;
    struct wr_arena arena;
    struct wr_error error = {0};
    wr_arena_init(&arena, &memory, 64 << 20);
    struct wr_buf wasm = wr_buf_in(&arena, 1 << 16);
    struct wr_model_options how = {.no_explain = !explain};
    CHECK_INT(wr_model_compile(&arena, wr_str_z(source), &how, &wasm, &error), WR_OK);
    rig_put_bytes(files, "models/m.wasm", wasm.p, wasm.n);
    wr_arena_deinit(&arena);
}

#define INPUTS "\"inputs\":[\"card.amount\",\"card.count\",\"card.age\"]"
#define CODES                                                                                      \
    "\"reasons\":{\"card.amount\":\"M_AMOUNT\",\"card.count\":\"M_COUNT\",\"card.age\":\"M_AGE\"}"
#define WHENEVER ",\"outcomes\":[\"approve\",\"review\",\"challenge\",\"hold\",\"decline\"]"

/* The pack with the model, explained as told, before the first rig_start. */
static void put_pack(struct rig *rig, const char *explain, const char *decision)
{
    char to[2048];
    memset(rig, 0, sizeof *rig);
    rig_files_open(&rig->files);
    put_module(&rig->files, true);
    snprintf(to, sizeof to,
             "\"models\": {\"fraud\":{\"file\":\"models/m.wasm\"," INPUTS ",\"explain\":{%s}}},\n"
             "  \"decision\": {%s",
             explain, decision);
    rig_edit(&rig->files, "weir.json", "\"decision\": {", to);
    rig_edit(&rig->files, "weir.json", "\"reasons\": {",
             "\"reasons\": {\"M_AMOUNT\": {\"en\": \"Amount raises it.\", \"zh\": \"金额偏高。\"}, "
             "\"M_AGE\": \"Age raises it.\",");
}

static struct wr_answer *send(struct rig *rig, const char *id, const char *card,
                              enum wr_budget budget)
{
    static char body[256];
    snprintf(body, sizeof body,
             "{\"transaction\":{\"id\":\"%s\",\"time\":1700000000},"
             "\"card\":{%s}}",
             id, card);
    return rig_decide(
        rig, (struct wr_request){.body = wr_str_z(body), .now_us = RIG_NOW, .budget = budget});
}

#define HIGH "\"amount\":500,\"count\":9,\"age\":40"
#define LOW  "\"amount\":5,\"count\":1,\"age\":20"

TEST("the codes of the greatest contributions stand among the reasons, with their texts")
{
    struct rig rig;
    put_pack(&rig, CODES WHENEVER ",\"top\":2", "");
    rig_start(&rig);
    struct wr_answer *answer = send(&rig, "a", HIGH, WR_BUDGET_FULL);
    CHECK_HAS(answer->document,
              "{\"code\":\"M_AMOUNT\",\"text\":\"Amount raises it.\",\"rule\":\"fraud\"}");
    CHECK_HAS(answer->document, "{\"code\":\"M_COUNT\",\"text\":\"\",\"rule\":\"fraud\"}");
    CHECK(!rig_has(answer->document, "M_AGE")); /* the third of two */
    CHECK_INT(answer->n_degraded, 0);
    answer = send(&rig, "b", "\"amount\":5,\"count\":1,\"age\":40", WR_BUDGET_FULL);
    CHECK_HAS(answer->document, "M_AGE");
    CHECK(!rig_has(answer->document, "M_AMOUNT")); /* it lowers the score */
    answer = send(&rig, "c", LOW, WR_BUDGET_FULL);
    CHECK(!rig_has(answer->document, "\"M_"));
    rig_close(&rig);
}

TEST("reasons speak the pack's language")
{
    struct rig rig;
    put_pack(&rig, CODES WHENEVER, "\"language\": \"zh\", ");
    rig_start(&rig);
    CHECK_HAS(send(&rig, "a", HIGH, WR_BUDGET_FULL)->document, "\"text\":\"金额偏高。\"");
    rig_close(&rig);
}

TEST("inputs of one code are added up, and a low score may be the adverse one")
{
    struct rig rig;
    put_pack(&rig,
             "\"reasons\":{\"card.amount\":\"M_BOTH\",\"card.count\":\"M_BOTH\","
             "\"card.age\":\"M_AGE\"},\"top\":1" WHENEVER,
             "");
    rig_start(&rig);
    /* +2 - 1 against +0.5; then -2 + 1 against +0.5 */
    CHECK_HAS(send(&rig, "a", "\"amount\":500,\"count\":1,\"age\":40", WR_BUDGET_FULL)->document,
              "M_BOTH");
    CHECK_HAS(send(&rig, "b", "\"amount\":5,\"count\":9,\"age\":40", WR_BUDGET_FULL)->document,
              "M_AGE");
    rig_close(&rig);
    put_pack(&rig, CODES ",\"top\":1,\"adverse\":\"low\"" WHENEVER, "");
    rig_start(&rig);
    CHECK_HAS(send(&rig, "a", LOW, WR_BUDGET_FULL)->document, "M_AMOUNT");
    CHECK(!rig_has(send(&rig, "b", HIGH, WR_BUDGET_FULL)->document, "\"M_"));
    rig_close(&rig);
}

TEST("only the outcomes that the pack names are explained, by default all but approve")
{
    struct rig rig;
    put_pack(&rig, CODES ",\"outcomes\":[\"decline\"]", "");
    rig_start(&rig);
    struct wr_answer *answer = send(&rig, "a", HIGH, WR_BUDGET_FULL);
    CHECK_INT(answer->outcome, WR_OUTCOME_REVIEW);
    CHECK(!rig_has(answer->document, "\"M_"));
    rig_close(&rig);
    put_pack(&rig, CODES, "");
    rig_start(&rig);
    CHECK_HAS(send(&rig, "a", HIGH, WR_BUDGET_FULL)->document, "M_AMOUNT");
    rig_close(&rig);
}

TEST("without time or steps the explanation is left out, which is said, and nothing else changes")
{
    struct rig rig;
    put_pack(&rig, CODES WHENEVER, "");
    rig_start(&rig);
    struct wr_answer *answer = send(&rig, "a", HIGH, WR_BUDGET_NO_EXPLAIN);
    CHECK_HAS(answer->document, "\"score\":0.97068"); /* sigmoid(3.5) */
    CHECK_HAS(answer->document, "\"degraded\":[{\"what\":\"explain.fraud\",\"why\":\"deadline\"}]");
    CHECK(!rig_has(answer->document, "\"M_"));
    answer = send(&rig, "b", HIGH, WR_BUDGET_FALLBACK);
    CHECK(!rig_has(answer->document, "explain.fraud"));
    rig_close(&rig);
    put_pack(&rig, CODES WHENEVER, "\"explain_steps\": 1, ");
    rig_start(&rig);
    answer = send(&rig, "a", HIGH, WR_BUDGET_FULL);
    CHECK_HAS(answer->document, "{\"what\":\"explain.fraud\",\"why\":\"steps\"}");
    CHECK(!rig_has(answer->document, "\"M_"));
    CHECK_INT(wr_pack_explain_steps(rig.pack), 0);
    bool warned = false;
    for (size_t i = 0; i < wr_pack_n_warnings(rig.pack); i++) {
        warned = warned || rig_has(wr_pack_warning(rig.pack, i), "decision.explain_steps");
    }
    CHECK(warned);
    rig_close(&rig);
}

TEST("where a list or a failed policy fixed the outcome, the model brings no reasons")
{
    struct rig rig;
    put_pack(&rig, CODES WHENEVER, "");
    rig_start(&rig);
    static const char *const more[] = {"},\"device\":{\"id\":\"d-666\"",
                                       "},\"policy\":{\"fails\":true"};
    for (size_t i = 0; i < WR_COUNTOF(more); i++) {
        char card[256];
        snprintf(card, sizeof card, HIGH "%s", more[i]);
        struct wr_answer *answer = send(&rig, i == 0 ? "a" : "b", card, WR_BUDGET_FULL);
        CHECK_INT(answer->outcome, i == 0 ? WR_OUTCOME_DECLINE : WR_OUTCOME_HOLD);
        CHECK_HAS(answer->document, "\"scores\":{\"fraud\":0.97068");
        CHECK(!rig_has(answer->document, "\"M_"));
    }
    rig_close(&rig);
}

TEST("a missing input goes its way through the trees, and is explained as any other")
{
    struct rig rig;
    put_pack(&rig, CODES WHENEVER, "");
    rig_start(&rig);
    CHECK_HAS(send(&rig, "a", "\"amount\":5,\"count\":1", WR_BUDGET_FULL)->document, "M_AGE");
    rig_close(&rig);
}

TEST("a replay gives the same bytes, explained or not")
{
    enum { N = 40 };
    struct rig rig;
    char id[16];
    put_pack(&rig, CODES WHENEVER, "");
    rig_start(&rig);
    char *documents[N];
    for (int i = 0; i < N; i++) {
        char card[96];
        snprintf(id, sizeof id, "e%d", i);
        snprintf(card, sizeof card, "\"amount\":%d,\"count\":%d,\"age\":%d", i * 7 % 200, i % 6,
                 i * 13 % 60);
        struct wr_answer *answer =
            send(&rig, id, card, i % 3 == 0 ? WR_BUDGET_NO_EXPLAIN : WR_BUDGET_FULL);
        documents[i] = strndup(answer->document.p, answer->document.n);
    }
    struct wr_engine *again = rig_engine(&rig);
    for (int i = 0; i < N; i++) {
        struct wr_answer answer;
        struct wr_error error = {0};
        wr_arena_reset(&rig.scratch);
        CHECK_INT(
            wr_engine_replay(again, rig_record(&rig, (size_t)i), &rig.scratch, &answer, &error),
            WR_OK);
        CHECK(wr_str_eq(answer.document, wr_str_z(documents[i])));
        free(documents[i]);
    }
    wr_engine_close(again);
    rig_close(&rig);
}

#define LONG65 "a123456789012345678901234567890123456789012345678901234567890abcd"

TEST("what a pack says wrong about explanations is refused, naming the key")
{
    static const struct {
        const char *explain, *piece;
    } cases[] = {
        {"", "explain.reasons: wanted an object from input to reason code"},
        {"\"reasons\":{\"card.amount\":5}", "card.amount: wanted a code of 1 to 64 bytes"},
        {"\"reasons\":{\"card.none\":\"X\"}", "the model has no input card.none"},
        {CODES ",\"top\":9", "top"},
        {CODES ",\"top\":0", "top"},
        {CODES ",\"outcomes\":[\"refuse\"]", "explain.outcomes: element 0 is no outcome"},
        {CODES ",\"outcomes\":[]", "explain.outcomes: wanted a list of outcomes"},
        {CODES ",\"adverse\":\"up\"", "explain.adverse: wanted high or low"},
        {CODES ",\"tops\":1", "tops"},
        {"\"reasons\":{\"card.amount\":\"" LONG65 "\"}", "wanted a code of 1 to 64 bytes"},
    };
    for (size_t i = 0; i <= WR_COUNTOF(cases); i++) {
        struct rig rig;
        bool bare = i == WR_COUNTOF(cases); /* a module without an explanation */
        put_pack(&rig, bare ? CODES : cases[i].explain, "");
        if (bare) {
            put_module(&rig.files, false);
        }
        const char *piece = bare ? "models.fraud.explain: the module holds no explanation: it was "
                                   "compiled with --no-explain"
                                 : cases[i].piece;
        rig_check_refused(&rig, piece);
    }
}

/* A stump over `n` columns, each with a code of its own. */
static wr_err open_wide(int n, const char *steps, struct wr_error *error)
{
    static const struct wr_memory memory = CHECK_MEMORY;
    static char stump[2048], inputs[8192], codes[16384], to[32768];
    struct wr_arena arena;
    struct rig_files files;
    struct wr_pack *pack;
    size_t in = 0, code = 0;
    snprintf(stump, sizeof stump,
             "{\"learner\":{\"gradient_booster\":{\"name\":\"gbtree\",\"model\":{\"tree_info\":[0],"
             "\"trees\":[{\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],"
             "\"split_indices\":[0,0,0],\"split_conditions\":[1,-2,2],\"default_left\":[0,0,0],"
             "\"sum_hessian\":[8,4,4]}]}},\"learner_model_param\":{\"base_score\":\"0.5\","
             "\"num_class\":\"0\",\"num_feature\":\"%d\"},"
             "\"objective\":{\"name\":\"binary:logistic\"}}}",
             n);
    for (int i = 0; i < n; i++) {
        in += (size_t)snprintf(inputs + in, sizeof inputs - in, "%s\"x.f%d\"", i > 0 ? "," : "", i);
        code += (size_t)snprintf(codes + code, sizeof codes - code, "%s\"x.f%d\":\"C%d\"",
                                 i > 0 ? "," : "", i, i);
    }
    wr_arena_init(&arena, &memory, 64 << 20);
    rig_files_open(&files);
    struct wr_buf wasm = wr_buf_in(&arena, 1 << 16);
    CHECK_INT(wr_model_compile(&arena, wr_str_z(stump), NULL, &wasm, error), WR_OK);
    rig_put_bytes(&files, "models/m.wasm", wasm.p, wasm.n);
    snprintf(to, sizeof to,
             "\"models\": {\"fraud\":{\"file\":\"models/m.wasm\",\"inputs\":[%s],\"explain\":{"
             "\"reasons\":{%s}}}},\n  \"decision\": {\"explain_steps\": %s, ",
             inputs, codes, steps);
    rig_edit(&files, "weir.json", "\"decision\": {", to);
    wr_err err = wr_pack_open(&arena, files.files, files.n, NULL, &pack, error);
    wr_arena_deinit(&arena);
    rig_files_close(&files);
    return err;
}

TEST("a model has at most 128 codes, a decision at most a thousand million steps")
{
    struct wr_error error = {0};
    CHECK_INT(open_wide(WR_LIMIT_EXPLAIN_CODES, "1000000000", &error), WR_OK);
    CHECK(open_wide(WR_LIMIT_EXPLAIN_CODES + 1, "1000000000", &error) != WR_OK);
    CHECK(strstr(error.text, "explain.reasons: more than 128 codes") != NULL);
    CHECK(open_wide(2, "1000000001", &error) != WR_OK);
    CHECK(strstr(error.text, "decision.explain_steps") != NULL);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
