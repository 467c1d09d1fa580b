/* SPDX-License-Identifier: Apache-2.0 */
/* The public interface alone: nothing of the core's own headers is used here. */
#include "check.h"
#include "weir/weir.h"

static size_t blocks;

static void *take(void *context, size_t size)
{
    (void)context;
    blocks++;
    return malloc(size);
}

static void give(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    blocks--;
    free(block);
}

static const struct weir_config config = {
    .memory = {take, give, NULL}, .node = 1, .epoch = 1, .secret = {1, 2, 3, 4}};

#define FILE_OF(path, text)                                                                        \
    {                                                                                              \
        path, text, sizeof(text) - 1                                                               \
    }

static const struct weir_file files[] = {
    FILE_OF("weir.json", "{\"event\":{\"id\":\"id\"},\"decision\":{\"package\":\"risk\","
                         "\"outcomes\":{\"deny\":\"decline\",\"allow\":\"approve\"}}}"),
    FILE_OF("risk.rego", "package risk\n"
                         "default allow = false\n"
                         "allow { input.amount <= 100 }\n"
                         "deny { input.amount > 1000 }\n"),
};

static int decide(struct weir *weir, const char *body, struct weir_answer *answer)
{
    return weir_decide(weir, body, strlen(body), 1700000000000000, answer);
}

TEST("a pack is opened, events are decided, records rebuild the state")
{
    struct weir *weir, *other;
    struct weir_answer answer;
    char why[WEIR_ERROR_SIZE] = "", records[3][2048];
    size_t sizes[3];
    uint8_t a[32], b[32];
    static const char *const bodies[] = {"{\"id\":1,\"amount\":50}", "{\"id\":2,\"amount\":500}",
                                         "{\"id\":3,\"amount\":5000}"};
    static const char *const outcomes[] = {"approve", "review", "decline"};
    CHECK(weir_open(files, 2, &config, &weir, why) == 0);
    CHECK_STR(why, "");
    for (size_t i = 0; i < 3; i++) {
        CHECK(decide(weir, bodies[i], &answer) == 0);
        CHECK_STR(answer.outcome, outcomes[i]);
        CHECK(answer.sequence == i + 1 && !answer.replayed);
        CHECK(answer.document_n > 0 && answer.document[0] == '{' && answer.features_n == 2);
        memcpy(records[i], answer.record, answer.record_n);
        sizes[i] = answer.record_n;
    }
    CHECK(decide(weir, bodies[1], &answer) == 0);
    CHECK(answer.replayed && answer.sequence == 2 && answer.record_n == 0);
    CHECK(decide(weir, "{\"id\":2,\"amount\":7}", &answer) != 0);
    CHECK(strstr(answer.why, "another body") != NULL);
    CHECK(decide(weir, "{\"id\":", &answer) != 0);
    CHECK(decide(weir, "{}", &answer) != 0);
    CHECK(strstr(answer.why, "id") != NULL);
    CHECK(weir_digest(weir, a) == 0);
    CHECK(weir_open(files, 2, &config, &other, why) == 0);
    for (size_t i = 0; i < 3; i++) {
        CHECK(weir_fold(other, records[i], sizes[i], why) == 0);
    }
    CHECK(weir_fold(other, records[0], sizes[0], why) != 0);
    CHECK(strstr(why, "does not follow") != NULL);
    CHECK(weir_digest(other, b) == 0);
    CHECK(memcmp(a, b, sizeof a) == 0);
    weir_close(other);
    weir_close(weir);
    CHECK_INT(blocks, 0);
}

TEST("a broken pack is refused with its reason, and nothing is left behind")
{
    static const struct weir_file broken[] = {FILE_OF("weir.json", "{\"x\":1}")};
    struct weir *weir;
    char why[WEIR_ERROR_SIZE];
    CHECK(weir_open(broken, 1, &config, &weir, why) != 0);
    CHECK(weir == NULL);
    CHECK(strstr(why, "weir.json: the key \"x\" is not known") != NULL);
    CHECK(weir_open(broken, 1, &config, &weir, NULL) != 0);
    weir_close(NULL);
    CHECK_INT(blocks, 0);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
