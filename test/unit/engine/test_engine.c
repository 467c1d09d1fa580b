/* SPDX-License-Identifier: Apache-2.0 */
/* One event at a time: what is refused, what is decided, what the document says. */
#include "rig.h"

#define EVENT(rest) "{\"transaction\":{\"id\":\"t1\",\"time\":1700000000,\"amount\":5.00}" rest "}"

/* ── bad input ──────────────────────────────────────────────────────────────────────────────── */
TEST("bad input is refused with its code and place, and changes nothing")
{
    static const struct {
        const char *body;
        wr_err code;
        const char *where; /* NULL: any */
    } cases[] = {
        {"", WR_E_NEED_MORE, NULL},
        {"{", WR_E_NEED_MORE, NULL},
        {"{\"a\":1,}", WR_E_JSON, NULL},
        {"{} x", WR_E_JSON, NULL},
        {"[]", WR_E_FIELD, NULL},
        {"null", WR_E_FIELD, NULL},
        {"{}", WR_E_FIELD, "transaction.id"},
        {"{\"transaction\":5}", WR_E_FIELD, "transaction.id"},
        {"{\"transaction\":{\"id\":null}}", WR_E_FIELD, "transaction.id"},
        {"{\"transaction\":{\"id\":true}}", WR_E_FIELD, "transaction.id"},
        {"{\"transaction\":{\"id\":\"\"}}", WR_E_FIELD, "transaction.id"},
        {"{\"transaction\":{\"id\":1.5}}", WR_E_FIELD, "transaction.id"},
        {"{\"transaction\":{\"id\":\"t\"}}", WR_E_FIELD, "transaction.time"},
        {"{\"transaction\":{\"id\":\"t\",\"time\":\"now\"}}", WR_E_FIELD, "transaction.time"},
        {"{\"transaction\":{\"id\":\"t\",\"time\":1e300}}", WR_E_FIELD, "transaction.time"},
        {"{\"transaction\":{\"id\":\"t\",\"time\":1700000000,\"amount\":\"5\"}}", WR_E_FIELD,
         "transaction.amount"},
        {"{\"transaction\":{\"id\":\"t\",\"time\":1700000000,\"amount\":5.001}}", WR_E_FIELD,
         "transaction.amount"},
        {"{\"transaction\":{\"id\":\"t\",\"time\":1700000000,\"amount\":1e20}}", WR_E_FIELD,
         "transaction.amount"},
        {EVENT(",\"user\":{\"id\":[]}"), WR_E_FIELD, "user.id"},
        {EVENT(",\"features\":{}"), WR_E_RESERVED, "features"},
        {EVENT(",\"scores\":null"), WR_E_RESERVED, "scores"},
        {EVENT(",\"lists\":1"), WR_E_RESERVED, "lists"},
        {EVENT(",\"missing\":{}"), WR_E_RESERVED, "missing"},
        {"{\"transaction\":{\"id\":\"t\",\"time\":1700000061,\"amount\":5}}", WR_E_FUTURE,
         "transaction.time"},
        {EVENT(",\"x\":{\"4111111111111111\":1}"), WR_E_CARD_NUMBER, "x"},
    };
    static const char *const last_fine =
        "{\"transaction\":{\"id\":\"t\",\"time\":1700000060,\"amount\":5}}";
    struct rig rig;
    uint8_t before[32], after[32];
    rig_open(&rig);
    CHECK_INT(rig_send(&rig, EVENT(",\"user\":{\"id\":\"c\"}"))->err, WR_OK);
    CHECK_INT(wr_engine_digest(rig.engine, before), WR_OK);
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        struct wr_answer *answer = rig_send(&rig, cases[i].body);
        if (answer->err != cases[i].code) {
            fprintf(stderr, "%s: %s %s\n", cases[i].body, wr_err_name(answer->err),
                    answer->error.text);
        }
        CHECK_INT(answer->err, cases[i].code);
        CHECK_INT(answer->error.code, cases[i].code);
        CHECK(answer->record.n == 0 && answer->document.n == 0 && answer->sequence == 0);
        if (cases[i].where != NULL) {
            CHECK_STR(answer->error.where, cases[i].where);
            CHECK(strstr(answer->error.text, cases[i].where) != NULL);
        }
    }
    CHECK_INT(wr_engine_digest(rig.engine, after), WR_OK);
    CHECK(memcmp(before, after, 32) == 0);
    CHECK_INT(wr_engine_sequence(rig.engine), 1);
    CHECK_INT(rig_send(&rig, last_fine)->err, WR_OK); /* 60 s ahead to the second */
    rig_close(&rig);
}

TEST("malformed JSON is told with its byte offset")
{
    struct rig rig;
    rig_open(&rig);
    struct wr_answer *answer = rig_send(&rig, "{\"transaction\":{\"id\":01}}");
    CHECK(wr_err_http(answer->err) == 400);
    CHECK(answer->error.offset == 21 || answer->error.offset == 22);
    rig_close(&rig);
}

TEST("a request that is too large or too deep is refused")
{
    struct rig rig;
    rig_open(&rig);
    char *body = malloc(WR_LIMIT_REQUEST_SIZE + 2);
    memset(body, ' ', WR_LIMIT_REQUEST_SIZE + 1);
    body[WR_LIMIT_REQUEST_SIZE + 1] = 0;
    CHECK_INT(rig_send(&rig, body)->err, WR_E_TOO_LARGE);
    size_t n = 0;
    n += (size_t)sprintf(body, "{\"x\":");
    memset(body + n, '[', WR_LIMIT_REQUEST_DEPTH);
    memset(body + n + WR_LIMIT_REQUEST_DEPTH, ']', WR_LIMIT_REQUEST_DEPTH);
    strcpy(body + n + 2 * (size_t)WR_LIMIT_REQUEST_DEPTH, "}");
    CHECK_INT(rig_send(&rig, body)->err, WR_E_LIMIT);
    free(body);
    rig_close(&rig);
}

TEST("an event id that is too long is refused")
{
    struct rig rig;
    char body[1024], id[400];
    rig_open(&rig);
    memset(id, 'i', sizeof id);
    snprintf(body, sizeof body, "{\"transaction\":{\"id\":\"%.*s\",\"time\":1700000000}}", 128, id);
    CHECK_INT(rig_send(&rig, body)->err, WR_OK);
    snprintf(body, sizeof body, "{\"transaction\":{\"id\":\"%.*s\",\"time\":1700000000}}", 129, id);
    CHECK_INT(rig_send(&rig, body)->err, WR_E_LIMIT);
    rig_close(&rig);
}

/* ── the document ───────────────────────────────────────────────────────────────────────────── */
TEST("the document has its keys in one order and says all that was asked")
{
    struct rig rig;
    char want[1024];
    rig_open(&rig);
    struct wr_answer *answer = rig_send(
        &rig, EVENT(",\"user\":{\"id\":\"c\"},\"policy\":{\"hold\":true,\"reasons\":[\"NIGHT\"]}"));
    CHECK_INT(answer->err, WR_OK);
    snprintf(want, sizeof want,
             "{\"decision_id\":\"5f0c3a91d2e4b687-3-1\",\"transaction_id\":\"t1\","
             "\"outcome\":\"hold\",\"scores\":{},\"reasons\":[{\"code\":\"NIGHT\","
             "\"text\":\"It is night.\"}],\"degraded\":[],\"pack\":{\"revision\":\"small-1\","
             "\"digest\":\"%.*s\"},\"late\":false}",
             WR_FMT(wr_pack_digest_text(rig.pack)));
    CHECK_TEXT(answer->document.p, answer->document.n, want);
    CHECK_INT(answer->outcome, WR_OUTCOME_HOLD);
    CHECK_INT(answer->sequence, 1);
    CHECK(wr_str_eq(answer->transaction_id, WR_STR("t1")));
    CHECK(answer->event_us == RIG_NOW);
    CHECK_INT(answer->n_reasons, 1);
    CHECK(wr_str_eq(answer->reasons[0], WR_STR("NIGHT")));
    CHECK(answer->projected.n == 0);
    rig_close(&rig);
}

TEST("features are always recorded, and only projected on request")
{
    struct rig rig;
    rig_open(&rig);
    struct wr_request request = {.body = WR_STR(EVENT(",\"user\":{\"id\":\"c\"}")),
                                 .now_us = RIG_NOW,
                                 .want_features = true};
    struct wr_answer *answer = rig_decide(&rig, request);
    CHECK_INT(answer->err, WR_OK);
    CHECK_TEXT(answer->features.p, answer->features.n,
               "{\"amount\":5.00,\"customer_avg_7d\":5,\"customer_count_1d\":1,"
               "\"customer_online_1d\":0,\"customer_sum_1d\":5.00,\"is_big\":false,\"ratio\":1}");
    CHECK(answer->projected.n ==
          answer->document.n + answer->features.n + strlen(",\"features\":"));
    CHECK_HAS(answer->projected, "\"late\":false,\"features\":{\"amount\":5.00,");
    CHECK(!rig_has(answer->document, "\"features\""));
    rig_close(&rig);
}

TEST("an event without an id has no transaction id and is never a repeat")
{
    struct rig rig;
    memset(&rig, 0, sizeof rig);
    rig_files_open(&rig.files);
    rig_edit(&rig.files, "weir.json", "\"id\": \"transaction.id\",", "");
    rig_start(&rig);
    for (int i = 1; i <= 2; i++) {
        struct wr_answer *answer = rig_send(&rig, EVENT(""));
        CHECK_INT(answer->err, WR_OK);
        CHECK(!answer->replayed && answer->sequence == (uint64_t)i);
        CHECK_HAS(answer->document, "\"transaction_id\":null,");
    }
    rig_close(&rig);
}

/* ── the lattice ────────────────────────────────────────────────────────────────────────────── */
static const char *const rules[] = {"allow", "review", "challenge", "hold", "deny"};

/* Decides an event whose policy part is given; a new id each time. */
static struct wr_answer *with_policy(struct rig *rig, const char *policy)
{
    static char body[4096];
    static int serial;
    snprintf(body, sizeof body,
             "{\"transaction\":{\"id\":\"p%d\",\"time\":1700000000},\"policy\":{%s}}", ++serial,
             policy);
    return rig_send(rig, body);
}

TEST("of all rules that hold the most severe outcome wins, and none gives the default")
{
    struct rig rig;
    rig_open(&rig);
    for (unsigned set = 0; set < 32; set++) {
        char policy[256] = "";
        size_t n = 0;
        enum wr_outcome want = WR_OUTCOME_REVIEW;
        for (unsigned i = 0; i < 5; i++) {
            bool holds = (set >> i & 1) != 0;
            n += (size_t)snprintf(policy + n, sizeof policy - n, "%s\"%s\":%s", i == 0 ? "" : ",",
                                  rules[i], holds ? "true" : "false");
            want = holds ? (enum wr_outcome)(WR_OUTCOME_APPROVE + (int)i) : want;
        }
        struct wr_answer *answer = with_policy(&rig, policy);
        CHECK_INT(answer->err, WR_OK);
        CHECK_INT(answer->outcome, want);
        char text[64];
        snprintf(text, sizeof text, "\"outcome\":\"%s\"", wr_outcome_name(want));
        CHECK_HAS(answer->document, text);
    }
    rig_close(&rig);
}

TEST("a rule holds when it is true or a collection that is not empty; other types are odd")
{
    static const struct {
        const char *value;
        enum wr_outcome outcome;
        bool odd;
    } cases[] = {
        {"true", WR_OUTCOME_DECLINE, false},  {"false", WR_OUTCOME_REVIEW, false},
        {"[]", WR_OUTCOME_REVIEW, false},     {"[0]", WR_OUTCOME_DECLINE, false},
        {"{}", WR_OUTCOME_REVIEW, false},     {"{\"a\":1}", WR_OUTCOME_DECLINE, false},
        {"\"yes\"", WR_OUTCOME_REVIEW, true}, {"\"\"", WR_OUTCOME_REVIEW, true},
        {"1", WR_OUTCOME_REVIEW, true},       {"0", WR_OUTCOME_REVIEW, true},
        {"null", WR_OUTCOME_REVIEW, true},
    };
    struct rig rig;
    rig_open(&rig);
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        char policy[64];
        snprintf(policy, sizeof policy, "\"deny\":%s", cases[i].value);
        struct wr_answer *answer = with_policy(&rig, policy);
        CHECK_INT(answer->outcome, cases[i].outcome);
        CHECK(rig_has(answer->document, "\"code\":\"policy_type\"") == cases[i].odd);
        CHECK(!cases[i].odd || rig_has(answer->document, "\"rule\":\"deny\""));
    }
    CHECK_INT(with_policy(&rig, "\"deny\":3,\"hold\":true")->outcome, WR_OUTCOME_HOLD);
    CHECK_INT(with_policy(&rig, "\"deny\":3,\"allow\":true")->outcome, WR_OUTCOME_REVIEW);
    rig_close(&rig);
}

TEST("a policy that fails gives the outcome stated for that, and the event still counts")
{
    struct rig rig;
    rig_open(&rig);
    static const struct {
        const char *policy, *why;
    } cases[] = {
        {"\"fails\":true,\"allow\":true", "eval_conflict_error"},
        {"\"spins\":true,\"allow\":true", "eval_cancel_error"},
    };
    for (uint64_t i = 0; i < WR_COUNTOF(cases); i++) {
        char degraded[128];
        snprintf(degraded, sizeof degraded, "\"degraded\":[{\"what\":\"policy\",\"why\":\"%s\"}]",
                 cases[i].why);
        struct wr_answer *answer = with_policy(&rig, cases[i].policy);
        CHECK_INT(answer->err, WR_OK);
        CHECK_INT(answer->outcome, WR_OUTCOME_HOLD);
        CHECK(answer->policy_failed && answer->sequence == i + 1);
        CHECK_HAS(answer->document, "\"code\":\"policy_error\"");
        CHECK_HAS(answer->document, degraded);
    }
    CHECK_INT(with_policy(&rig, "\"allow\":true")->outcome, WR_OUTCOME_APPROVE);
    struct wr_engine_stats stats;
    wr_engine_stats(rig.engine, &stats);
    CHECK(stats.n_policy_errors == 2 && stats.n_decisions == 3);
    rig_close(&rig);
}

TEST("a policy that needs more memory than an evaluation has fails alike")
{
    struct rig rig;
    memset(&rig, 0, sizeof rig);
    rig_files_open(&rig.files);
    rig_edit(&rig.files, "weir.json", "\"fuel\": 200000", "\"fuel\": 50000000");
    rig_start(&rig);
    struct wr_answer *answer = with_policy(&rig, "\"eats\":true,\"allow\":true");
    CHECK_INT(answer->err, WR_OK);
    CHECK_INT(answer->outcome, WR_OUTCOME_HOLD);
    CHECK_HAS(answer->document, "\"degraded\":[{\"what\":\"policy\",\"why\":\"memory\"}]");
    CHECK_INT(with_policy(&rig, "\"allow\":true")->outcome, WR_OUTCOME_APPROVE);
    rig_close(&rig);
}

/* ── reasons ────────────────────────────────────────────────────────────────────────────────── */
static void check_reasons(struct rig *rig, const char *reasons, const char *want)
{
    char policy[4096], piece[4096];
    snprintf(policy, sizeof policy, "\"reasons\":%s", reasons);
    struct wr_answer *answer = with_policy(rig, policy);
    CHECK_INT(answer->err, WR_OK);
    snprintf(piece, sizeof piece, "\"reasons\":%s,\"degraded\"", want);
    CHECK_HAS(answer->document, piece);
}

TEST("reasons come as codes, objects or a table, sorted, each once, with the pack's texts")
{
    struct rig rig;
    rig_open(&rig);
    check_reasons(&rig, "[]", "[]");
    check_reasons(&rig, "[\"NIGHT\",\"AMOUNT_HIGH\",\"NIGHT\"]",
                  "[{\"code\":\"AMOUNT_HIGH\",\"text\":\"The amount is high.\"},"
                  "{\"code\":\"NIGHT\",\"text\":\"It is night.\"}]");
    check_reasons(&rig, "[\"UNKNOWN\"]", "[{\"code\":\"UNKNOWN\",\"text\":\"\"}]");
    check_reasons(&rig,
                  "[{\"code\":\"NIGHT\",\"rule\":\"r2\"},{\"code\":\"NIGHT\",\"rule\":\"r1\"}]",
                  "[{\"code\":\"NIGHT\",\"text\":\"It is night.\",\"rule\":\"r1\"},"
                  "{\"code\":\"NIGHT\",\"text\":\"It is night.\",\"rule\":\"r2\"}]");
    check_reasons(&rig, "[{\"code\":\"NIGHT\",\"text\":\"own\"}]",
                  "[{\"code\":\"NIGHT\",\"text\":\"own\"}]");
    check_reasons(
        &rig, "{\"B\":\"b\",\"NIGHT\":true}",
        "[{\"code\":\"B\",\"text\":\"b\"},{\"code\":\"NIGHT\",\"text\":\"It is night.\"}]");
    check_reasons(&rig, "\"NIGHT\"", "[{\"code\":\"NIGHT\",\"text\":\"It is night.\"}]");
    check_reasons(&rig, "[\"a\\\"\\n\"]", "[{\"code\":\"a\\\"\\n\",\"text\":\"\"}]");
    rig_close(&rig);
}

/* The codes of the reasons that an event of one customer gets. */
static void check_seen(struct rig *rig, const char *echo, const char *want)
{
    char body[256], codes[1024] = "";
    size_t n = 0, at = 0;
    snprintf(body, sizeof body,
             "{\"transaction\":{\"id\":\"%s\",\"time\":1700000000},\"user\":{\"id\":\"%s\","
             "\"friend\":\"c-vip\"},\"policy\":{\"echo\":\"%s\"}}",
             echo, echo, echo);
    struct wr_str document = rig_send(rig, body)->document;
    while ((at = wr_str_find(document, WR_STR("\"code\":\""), at)) != SIZE_MAX) {
        at += strlen("\"code\":\"");
        size_t end = wr_str_find(document, WR_STR("\""), at);
        n += (size_t)snprintf(codes + n, sizeof codes - n, "%s%.*s", n == 0 ? "" : " ",
                              (int)(end - at), document.p + at);
    }
    CHECK_STR(codes, want);
}

TEST("the policy sees the request with features, lists, missing and scores, and nothing else")
{
    struct rig rig;
    rig_open(&rig);
    check_seen(&rig, "input", "features lists missing policy scores transaction user");
    check_seen(&rig, "features",
               "customer_count_1d=1 customer_online_1d=0 customer_sum_1d=0 is_big=false");
    check_seen(&rig, "lists", "banned=false devices=false seen_vip=true vip=false");
    check_seen(&rig, "missing",
               "amount=field_absent broken=undefined channel=undefined "
               "customer_avg_7d=no_history ratio=undefined since_last=no_history "
               "terminal_risk_7d=field_absent");
    check_seen(&rig, "scores", "");
    check_seen(&rig, "user", "friend=c-vip id=user");
    rig_close(&rig);
}

TEST("reasons of a wrong type are left out and the decision says so")
{
    static const char *const cases[] = {"5",      "[1]",       "[{\"text\":\"x\"}]",
                                        "[\"\"]", "{\"A\":1}", "[[]]"};
    struct rig rig;
    rig_open(&rig);
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        char policy[128];
        snprintf(policy, sizeof policy, "\"reasons\":%s", cases[i]);
        CHECK_HAS(with_policy(&rig, policy)->document,
                  "\"reasons\":[],\"degraded\":[{\"what\":\"reasons\",\"why\":\"type\"}]");
    }
    rig_close(&rig);
}

TEST("reasons are bounded in number and in bytes")
{
    struct rig rig;
    char policy[3800];
    rig_open(&rig);
    size_t n = (size_t)sprintf(policy, "\"reasons\":[");
    for (int i = 99; i >= 0; i--) {
        n += (size_t)sprintf(policy + n, "\"C%02d\"%s", i, i == 0 ? "]" : ",");
    }
    struct wr_answer *answer = with_policy(&rig, policy);
    char all[3000];
    size_t m = 0;
    for (int i = 0; i < 32; i++) { /* in order, each once */
        m +=
            (size_t)sprintf(all + m, "%s{\"code\":\"C%02d\",\"text\":\"\"}", i == 0 ? "[" : ",", i);
    }
    strcpy(all + m, "]");
    CHECK_HAS(answer->document, all);
    CHECK_HAS(answer->document, "\"C00\"");
    CHECK_HAS(answer->document, "\"C31\"");
    CHECK(!rig_has(answer->document, "\"C32\""));
    CHECK_INT(answer->n_reasons, 4);
    n = (size_t)sprintf(policy, "\"reasons\":[{\"code\":\"LONG\",\"text\":\"");
    memset(policy + n, '\x7f', 3000);
    strcpy(policy + n + 3000, "\"}]");
    answer = with_policy(&rig, policy);
    CHECK_INT(answer->err, WR_OK);
    CHECK_HAS(answer->document, "\"code\":\"LONG\"");
    CHECK(answer->document.n < 2000);
    rig_close(&rig);
}

/* Appends n control characters, each six bytes of JSON. */
static size_t add_wide(char *out, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        at += (size_t)sprintf(out + at, "\\u0001");
    }
    return at;
}

TEST("the widest decision fits the room that was reserved for it")
{
    struct rig rig;
    char *body = malloc(1 << 20);
    size_t n = 0;
    memset(&rig, 0, sizeof rig);
    rig_files_open(&rig.files);
    rig_put(&rig.files, ".manifest",
            "{\"revision\":\"\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\"}");
    rig_start(&rig);
    n += (size_t)sprintf(body + n, "{\"transaction\":{\"id\":\"");
    n = add_wide(body, n, 128);
    n += (size_t)sprintf(body + n, "\",\"time\":1700000000,\"channel\":\"");
    n = add_wide(body, n, 256);
    n += (size_t)sprintf(body + n, "\"},\"policy\":{\"breaks_derive\":true,\"reasons\":[5");
    for (int i = 0; i < 40; i++) {
        n += (size_t)sprintf(body + n, ",{\"code\":\"%d", i);
        n = add_wide(body, n, 64);
        n += (size_t)sprintf(body + n, "\",\"rule\":\"");
        n = add_wide(body, n, 70);
        n += (size_t)sprintf(body + n, "\",\"text\":\"");
        n = add_wide(body, n, 300);
        n += (size_t)sprintf(body + n, "\"}");
    }
    n += (size_t)sprintf(body + n, "]}}");
    CHECK(n < WR_LIMIT_REQUEST_SIZE);
    struct wr_request request = {
        .body = wr_str_of(body, n), .now_us = RIG_NOW, .want_features = true};
    struct wr_answer *answer = rig_decide(&rig, request);
    CHECK_INT(answer->err, WR_OK);
    CHECK(answer->n_reasons >= 1 && answer->document.n < 16384);
    CHECK(answer->projected.n > answer->document.n);
    free(body);
    rig_close(&rig);
}

/* ── lists ──────────────────────────────────────────────────────────────────────────────────── */
TEST("the first list class that hits fixes the outcome: block_hard, override, block, then policy")
{
    static const struct {
        const char *body;
        enum wr_outcome outcome;
        const char *piece;
    } cases[] = {
        {"\"device\":{\"id\":\"d-1\"}", WR_OUTCOME_REVIEW, "\"reasons\":[]"},
        {"\"device\":{\"id\":\"d-666\"}", WR_OUTCOME_DECLINE,
         "{\"code\":\"LIST_BLOCK\",\"text\":\"The event is on a list of what is declined.\","
         "\"rule\":\"devices\"}"},
        {"\"device\":{\"id\":\"d-667\"}", WR_OUTCOME_DECLINE, "\"LIST_BLOCK\""},
        {"\"device\":{\"id\":\"D-666\"}", WR_OUTCOME_REVIEW, "\"reasons\":[]"},
        {"\"device\":{\"id\":\"# devices that were used for fraud\"}", WR_OUTCOME_REVIEW,
         "\"reasons\":[]"},
        {"\"user\":{\"id\":\"c-vip\"}", WR_OUTCOME_APPROVE, "\"LIST_OVERRIDE\""},
        {"\"user\":{\"id\":\"c-vip2\"}", WR_OUTCOME_APPROVE, "\"LIST_OVERRIDE\""},
        {"\"user\":{\"id\":\"customer_id\"}", WR_OUTCOME_REVIEW, "\"reasons\":[]"},
        {"\"user\":{\"id\":\"c-vip\"},\"device\":{\"id\":\"d-666\"}", WR_OUTCOME_APPROVE,
         "\"LIST_OVERRIDE\""},
        {"\"user\":{\"id\":\"d-666\"},\"device\":{\"id\":\"d-666\"}", WR_OUTCOME_DECLINE,
         "\"LIST_BLOCK_HARD\""},
        {"\"user\":{\"friend\":\"c-vip\"}", WR_OUTCOME_REVIEW, "\"reasons\":[]"},
        {"\"user\":{\"id\":\"c-vip\"},\"policy\":{\"deny\":true}", WR_OUTCOME_APPROVE,
         "\"LIST_OVERRIDE\""},
        {"\"device\":{\"id\":\"d-666\"},\"policy\":{\"allow\":true}", WR_OUTCOME_DECLINE,
         "\"LIST_BLOCK\""},
    };
    struct rig rig;
    rig_open(&rig);
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        char body[512];
        snprintf(body, sizeof body, "{\"transaction\":{\"id\":\"l%zu\",\"time\":1700000000},%s}", i,
                 cases[i].body);
        struct wr_answer *answer = rig_send(&rig, body);
        CHECK_INT(answer->err, WR_OK);
        CHECK_INT(answer->outcome, cases[i].outcome);
        CHECK_HAS(answer->document, cases[i].piece);
    }
    struct wr_answer *answer = rig_send(
        &rig,
        "{\"transaction\":{\"id\":\"t\",\"time\":1700000000},\"user\":{\"friend\":\"c-vip\"}}");
    CHECK_HAS(answer->record, "\"lists\":{\"banned\":false,\"devices\":false,\"seen_vip\":true,"
                              "\"vip\":false}");
    rig_close(&rig);
}

/* ── budgets ────────────────────────────────────────────────────────────────────────────────── */
TEST("with the time used up the fallback stands, degraded, and the event counts in the windows")
{
    struct rig rig;
    rig_open(&rig);
    struct wr_request request = {
        .body = WR_STR(EVENT(",\"user\":{\"id\":\"c\"},\"policy\":{\"deny\":true}")),
        .now_us = RIG_NOW,
        .budget = WR_BUDGET_FALLBACK};
    struct wr_answer *answer = rig_decide(&rig, request);
    CHECK_INT(answer->outcome, WR_OUTCOME_CHALLENGE);
    CHECK_HAS(answer->document, "\"degraded\":[{\"what\":\"budget\",\"why\":\"deadline\"}]");
    CHECK_HAS(answer->document, "\"code\":\"deadline\"");
    CHECK_HAS(answer->features, "\"customer_count_1d\":1");
    answer = rig_send(&rig, "{\"transaction\":{\"id\":\"t2\",\"time\":1700000000,\"amount\":1},"
                            "\"user\":{\"id\":\"c\"}}");
    CHECK_HAS(answer->features, "\"customer_count_1d\":2");
    request.body = WR_STR("{\"transaction\":{\"id\":\"t3\",\"time\":1700000000},"
                          "\"device\":{\"id\":\"d-666\"}}");
    CHECK_INT(rig_decide(&rig, request)->outcome, WR_OUTCOME_DECLINE);
    request.body = WR_STR("{\"transaction\":{\"id\":\"t4\",\"time\":1700000000},"
                          "\"policy\":{\"deny\":true}}");
    request.budget = WR_BUDGET_NO_EXPLAIN;
    CHECK_INT(rig_decide(&rig, request)->outcome, WR_OUTCOME_DECLINE);
    rig_close(&rig);
}

/* ── missing, late, labels in requests ──────────────────────────────────────────────────────── */
TEST("lists are features too, and an estimate is named in the answer")
{
    struct rig rig;
    char body[256];
    enum { EXACT = 4096 }; /* records that a median looks at */
    memset(&rig, 0, sizeof rig);
    rig_files_open(&rig.files);
    rig_edit(&rig.files, "weir.json", "\"amount\": {\"value\": \"transaction.amount\"},",
             "\"amount\": {\"value\": \"transaction.amount\"},"
             "\"last_three\": {\"entity\": \"customer\", \"last_n\": \"transaction.amount\","
             " \"n\": 3, \"window\": \"1d\"},"
             "\"median\": {\"entity\": \"customer\", \"median\": \"transaction.amount\","
             " \"window\": \"1d\"},");
    rig_start(&rig);
    struct wr_answer *answer = NULL;
    for (int i = 1; i <= EXACT + 1; i++) {
        snprintf(body, sizeof body,
                 "{\"transaction\":{\"id\":\"m%d\",\"time\":1700000000,\"amount\":%d},"
                 "\"user\":{\"id\":\"c\"}}",
                 i, i);
        answer = rig_send(&rig, body);
        CHECK_INT(answer->err, WR_OK);
        CHECK(rig_has(answer->document, "\"approximate\":[\"median\"]") == (i > EXACT));
    }
    CHECK_HAS(answer->features, "\"last_three\":[4097.00,4096.00,4095.00]");
    CHECK_HAS(answer->features, "\"median\":2049.5");
    rig_close(&rig);
}

TEST("an undefined feature is absent and named in missing with its reason")
{
    struct rig rig;
    rig_open(&rig);
    struct wr_answer *answer =
        rig_send(&rig, "{\"transaction\":{\"id\":\"t1\",\"time\":1700000000,\"terminal\":\"x\"},"
                       "\"user\":{\"id\":\"c\"},\"policy\":{\"breaks_derive\":true}}");
    CHECK_INT(answer->err, WR_OK);
    CHECK_HAS(answer->record, "\"amount\":\"field_absent\"");
    CHECK_HAS(answer->record, "\"broken\":\"error\"");
    CHECK_HAS(answer->record, "\"since_last\":\"no_history\"");
    CHECK_HAS(answer->features, "\"terminal_risk_7d\":0"); /* a share of nothing is 0 */
    CHECK_HAS(answer->document, "{\"what\":\"derive\",\"why\":\"policy_error\"}");
    answer = rig_send(&rig, "{\"transaction\":{\"id\":\"t2\",\"time\":1700000000}}");
    CHECK_HAS(answer->record, "\"channel\":\"undefined\"");
    CHECK_HAS(answer->record, "\"customer_count_1d\":\"field_absent\"");
    CHECK_HAS(answer->record, "\"is_big\":false");
    rig_close(&rig);
}

TEST("a derived feature that is no number, boolean or short text is absent")
{
    static const char *const values[] = {"[1]", "{}"};
    struct rig rig;
    rig_open(&rig);
    for (size_t i = 0; i < WR_COUNTOF(values); i++) {
        char body[256];
        snprintf(body, sizeof body,
                 "{\"transaction\":{\"id\":\"t%zu\",\"time\":1700000000,\"channel\":%s}}", i,
                 values[i]);
        CHECK_HAS(rig_send(&rig, body)->record, "\"channel\":\"error\"");
    }
    char body[600], text[400];
    memset(text, 'x', sizeof text);
    snprintf(body, sizeof body,
             "{\"transaction\":{\"id\":\"a\",\"time\":1700000000,\"channel\":\"%.*s\"}}", 256,
             text);
    CHECK_HAS(rig_send(&rig, body)->features, "\"channel\":\"xxxx");
    snprintf(body, sizeof body,
             "{\"transaction\":{\"id\":\"b\",\"time\":1700000000,\"channel\":\"%.*s\"}}", 257,
             text);
    CHECK_HAS(rig_send(&rig, body)->record, "\"channel\":\"error\"");
    rig_close(&rig);
}

TEST("a late event is decided, marked late and leaves no trace in the windows")
{
    struct rig rig;
    rig_open(&rig);
    rig_send(&rig, EVENT(",\"user\":{\"id\":\"c\"}"));
    struct wr_answer *answer =
        rig_send(&rig, "{\"transaction\":{\"id\":\"t2\",\"time\":1699999939,\"amount\":7},"
                       "\"user\":{\"id\":\"c\"}}");
    CHECK_INT(answer->err, WR_OK);
    CHECK(answer->late);
    CHECK_HAS(answer->document, "\"late\":true}");
    answer = rig_send(&rig, "{\"transaction\":{\"id\":\"t3\",\"time\":1699999941,\"amount\":7},"
                            "\"user\":{\"id\":\"c\"}}");
    CHECK(!answer->late);
    answer = rig_send(&rig, "{\"transaction\":{\"id\":\"t4\",\"time\":1700000000,\"amount\":7},"
                            "\"user\":{\"id\":\"c\"}}");
    CHECK_HAS(answer->features, "\"customer_count_1d\":3");
    struct wr_engine_stats stats;
    wr_engine_stats(rig.engine, &stats);
    CHECK_INT(stats.n_late, 1);
    rig_close(&rig);
}

TEST(
    "a label in a request enters neither the policy's input nor the record nor the body's identity")
{
    struct rig rig;
    rig_open(&rig);
    struct wr_answer *answer =
        rig_send(&rig, "{\"transaction\":{\"id\":\"t1\",\"time\":1700000000,\"is_fraud\":true}}");
    CHECK_INT(answer->err, WR_OK);
    CHECK(!rig_has(answer->record, "is_fraud"));
    CHECK_HAS(answer->record, "{\"transaction\":{\"id\":\"t1\",\"time\":1700000000}}");
    answer = rig_send(&rig, "{\"transaction\":{\"id\":\"t1\",\"time\":1700000000}}");
    CHECK(answer->err == WR_OK && answer->replayed);
    rig_close(&rig);
}

TEST("a card number is a token before anything sees it, and refused without a key")
{
    struct rig rig;
    rig_open(&rig);
    struct wr_answer *answer = rig_send(&rig, EVENT(",\"pan\":\"4111111111111111\""));
    CHECK_INT(answer->err, WR_OK);
    CHECK(!rig_has(answer->record, "4111"));
    CHECK_HAS(answer->record, "\"pan\":\"card_");
    struct wr_engine *engine;
    struct wr_engine_config config = rig_config;
    config.card_key = WR_STR("");
    CHECK_INT(wr_engine_open(&rig.memory.source, rig.pack, &config, &engine, NULL), WR_OK);
    struct wr_engine *with_key = rig.engine;
    rig.engine = engine;
    answer = rig_send(&rig, EVENT(",\"pan\":\"4111111111111111\""));
    CHECK_INT(answer->err, WR_E_CARD_NUMBER);
    CHECK_STR(answer->error.where, "pan");
    CHECK(wr_engine_sequence(engine) == 0);
    rig.engine = with_key;
    wr_engine_close(engine);
    rig_close(&rig);
}

/* ── idempotency ────────────────────────────────────────────────────────────────────────────── */
TEST("a known id with the same body is replayed, with another it is a conflict; nothing counts "
     "twice")
{
    struct rig rig;
    uint8_t before[32], after[32];
    rig_open(&rig);
    const char *body = EVENT(",\"user\":{\"id\":\"c\"}");
    CHECK_INT(rig_send(&rig, body)->sequence, 1);
    CHECK_INT(wr_engine_digest(rig.engine, before), WR_OK);
    struct wr_answer *answer = rig_send(&rig, body);
    CHECK(answer->err == WR_OK && answer->replayed && answer->sequence == 1);
    CHECK(answer->record.n == 0 && answer->document.n == 0);
    answer = rig_send(&rig, " { \"user\" : {\"id\":\"c\"}, \"transaction\":{\"amount\":5.00,"
                            "\"id\":\"t1\",\"time\":1700000000} } ");
    CHECK(answer->err == WR_OK && answer->replayed && answer->sequence == 1);
    answer = rig_send(&rig, EVENT(",\"user\":{\"id\":\"d\"}"));
    CHECK_INT(answer->err, WR_E_CONFLICT);
    CHECK(wr_err_http(answer->err) == 409);
    CHECK_INT(wr_engine_digest(rig.engine, after), WR_OK);
    CHECK(memcmp(before, after, 32) == 0);
    uint64_t sequence = 0;
    CHECK(wr_engine_find_event(rig.engine, WR_STR("t1"), &sequence) && sequence == 1);
    CHECK(!wr_engine_find_event(rig.engine, WR_STR("t2"), &sequence));
    struct wr_engine_stats stats;
    wr_engine_stats(rig.engine, &stats);
    CHECK(stats.n_replayed == 2 && stats.n_conflicts == 1 && stats.n_ids == 1);
    rig_close(&rig);
}

TEST("an id twice in one batch is decided once")
{
    struct rig rig;
    rig_open(&rig);
    const struct wr_str bodies[] = {
        WR_STR(EVENT(",\"user\":{\"id\":\"c\"}")),
        WR_STR("{\"transaction\":{\"id\":\"t2\",\"time\":1700000000},\"user\":{\"id\":\"c\"}}"),
        WR_STR(EVENT(",\"user\":{\"id\":\"c\"}")),
        WR_STR(EVENT(",\"user\":{\"id\":\"other\"}")),
        WR_STR("{}"),
    };
    struct wr_request requests[WR_COUNTOF(bodies)];
    struct wr_answer answers[WR_COUNTOF(bodies)];
    for (size_t i = 0; i < WR_COUNTOF(bodies); i++) {
        requests[i] = (struct wr_request){.body = bodies[i], .now_us = RIG_NOW};
    }
    CHECK_INT(
        wr_engine_batch(rig.engine, requests, WR_COUNTOF(bodies), &rig.scratch, answers, NULL),
        WR_OK);
    CHECK(answers[0].err == WR_OK && !answers[0].replayed && answers[0].sequence == 1);
    CHECK(answers[1].err == WR_OK && answers[1].sequence == 2);
    CHECK(answers[2].err == WR_OK && answers[2].replayed && answers[2].sequence == 1);
    CHECK_INT(answers[3].err, WR_E_CONFLICT);
    CHECK_INT(answers[4].err, WR_E_FIELD);
    CHECK_HAS(answers[1].features, "\"customer_count_1d\":2");
    CHECK_INT(wr_engine_sequence(rig.engine), 2);
    rig_close(&rig);
}

TEST("beyond its age or the cap an id is new")
{
    struct rig rig;
    rig_open(&rig);
    struct wr_request request = {.body = WR_STR(EVENT("")), .now_us = RIG_NOW};
    CHECK_INT(rig_decide(&rig, request)->sequence, 1);
    request.now_us = RIG_NOW + INT64_C(86400000000);
    CHECK(rig_decide(&rig, request)->replayed);
    request.now_us++;
    CHECK_INT(rig_decide(&rig, request)->sequence, 2);
    for (int i = 0; i < 1000; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"transaction\":{\"id\":%d,\"time\":1700000000}}", i);
        CHECK_INT(rig_send(&rig, body)->err, WR_OK);
    }
    CHECK_INT(rig_send(&rig, EVENT(""))->sequence, 1003);
    struct wr_engine_stats stats;
    wr_engine_stats(rig.engine, &stats);
    CHECK(stats.n_ids == 1000 && stats.ids_cap == 1000);
    rig_close(&rig);
}

TEST("a batch over the limit is refused whole")
{
    struct rig rig;
    rig_open(&rig);
    CHECK_INT(wr_engine_batch(rig.engine, NULL, WR_LIMIT_ENGINE_BATCH + 1, &rig.scratch, NULL,
                              &rig.error),
              WR_E_LIMIT);
    CHECK_INT(wr_engine_batch(rig.engine, NULL, 0, &rig.scratch, NULL, &rig.error), WR_OK);
    rig_close(&rig);
}

TEST("the time of an event is told without deciding it")
{
    struct rig rig;
    int64_t event_us = 0;
    rig_open(&rig);
    CHECK_INT(wr_engine_event_us(rig.engine, &rig.scratch, WR_STR(EVENT("")), &event_us, NULL),
              WR_OK);
    CHECK(event_us == RIG_NOW);
    CHECK_INT(wr_engine_event_us(rig.engine, &rig.scratch, WR_STR("{}"), &event_us, &rig.error),
              WR_E_FIELD);
    CHECK_INT(wr_engine_sequence(rig.engine), 0);
    rig_close(&rig);
}

TEST("without a mapped time an event happens when it arrives")
{
    struct rig rig;
    memset(&rig, 0, sizeof rig);
    rig_files_open(&rig.files);
    rig_edit(&rig.files, "weir.json",
             "\"time\": {\"path\": \"transaction.time\", \"unit\": \"s\"},", "");
    rig_start(&rig);
    struct wr_engine_stats stats;
    wr_engine_stats(rig.engine, &stats);
    CHECK(stats.watermark_us == INT64_MIN && stats.ids_age_us == 0);
    struct wr_request request = {.body = WR_STR("{\"transaction\":{\"id\":1}}"), .now_us = -1};
    CHECK(rig_decide(&rig, request)->event_us == -1000); /* cut off towards minus infinity */
    request = (struct wr_request){.body = WR_STR("{\"transaction\":{\"id\":2}}"),
                                  .now_us = RIG_NOW + 1999};
    CHECK(rig_decide(&rig, request)->event_us == RIG_NOW + 1000);
    wr_engine_stats(rig.engine, &stats);
    CHECK(stats.watermark_us == RIG_NOW + 1000 - 60000000);
    CHECK(stats.ids_age_us == 0); /* the first id is older than a day and has left */
    request.body = WR_STR("{\"transaction\":{\"id\":3}}");
    request.now_us = WR_NOW_IS_EVENT_TIME;
    CHECK_INT(rig_decide(&rig, request)->err, WR_E_FIELD);
    int64_t event_us;
    CHECK_INT(wr_engine_event_us(rig.engine, &rig.scratch, request.body, &event_us, NULL),
              WR_E_FIELD);
    rig_close(&rig);
}

TEST("a reader over old data runs on event time")
{
    struct rig rig;
    rig_open(&rig);
    struct wr_request request = {.body = WR_STR("{\"transaction\":{\"id\":1,\"time\":99}}"),
                                 .now_us = WR_NOW_IS_EVENT_TIME};
    struct wr_answer *answer = rig_decide(&rig, request);
    struct wr_record record;
    CHECK_INT(answer->err, WR_OK);
    CHECK_INT(wr_record_decode(answer->record, &record, NULL), WR_OK);
    CHECK(record.now_us == 99000000 && record.event_us == 99000000);
    CHECK(wr_str_eq(record.id, WR_STR("1")));
    rig_close(&rig);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
