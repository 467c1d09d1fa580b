/* SPDX-License-Identifier: Apache-2.0 */
/* Values that a policy computes beside its outcome: which stand in the decision, and what of them
 * does not. */
#include "rig.h"

#include "pack/parts.h"

static void put_pack(struct rig *rig, const char *outputs)
{
    char to[512];
    memset(rig, 0, sizeof *rig);
    rig_files_open(&rig->files);
    snprintf(to, sizeof to, "\"outputs\": %s,\n    \"default\": \"review\"", outputs);
    rig_edit(&rig->files, "weir.json", "\"default\": \"review\"", to);
    rig_edit(&rig->files, "risk.rego", "reasons = input.policy.reasons",
             "offer = input.policy.offer\nlimit = input.policy.limit\n"
             "bands = {b | b := input.policy.bands[_]}\nreasons = input.policy.reasons");
}

static struct wr_answer *ask(struct rig *rig, const char *id, const char *policy)
{
    static char body[16384];
    snprintf(body, sizeof body,
             "{\"transaction\":{\"id\":\"%s\",\"time\":1700000000},\"policy\":{%s}}", id, policy);
    return rig_send(rig, body);
}

TEST("outputs stand in the decision behind the reasons, in the order of the pack")
{
    struct rig rig;
    put_pack(&rig, "[\"offer\",\"limit\",\"bands\"]");
    rig_start(&rig);
    struct wr_answer *answer =
        ask(&rig, "a",
            "\"allow\":true,\"limit\":{\"amount\":1200.50},\"offer\":\"B\\\"\",\"bands\":[2,1,2]");
    CHECK_INT(answer->outcome, WR_OUTCOME_APPROVE);
    CHECK_HAS(answer->document,
              "\"reasons\":[],\"outputs\":{\"offer\":\"B\\\"\",\"limit\":{\"amount\":"
              "1200.50},\"bands\":[1,2]},\"degraded\":[]");
    answer = ask(&rig, "b", "\"allow\":true,\"limit\":null");
    CHECK_HAS(answer->document, "\"outputs\":{\"limit\":null,\"bands\":[]},\"degraded\":[]");
    rig_close(&rig);
}

TEST("where the policy fails or is not asked there are none; without `outputs` no key")
{
    struct rig rig;
    put_pack(&rig, "[\"offer\"]");
    rig_start(&rig);
    CHECK_HAS(ask(&rig, "a", "\"fails\":true,\"offer\":1")->document, "\"outputs\":{},");
    CHECK_HAS(ask(&rig, "b", "\"offer\":1},\"device\":{\"id\":\"d-666\"")->document,
              "\"outputs\":{},");
    rig_close(&rig);
    put_pack(&rig, "[]");
    rig_start(&rig);
    CHECK(!rig_has(ask(&rig, "a", "\"offer\":1")->document, "outputs"));
    rig_close(&rig);
}

TEST("what has no room is left out and told; what comes behind it is not")
{
    struct rig rig;
    char policy[8192];
    put_pack(&rig, "[\"bands\",\"offer\",\"limit\"]");
    rig_start(&rig);
    for (int length = 4000; length < 4100; length++) {
        char id[16];
        snprintf(id, sizeof id, "e%d", length);
        snprintf(policy, sizeof policy, "\"offer\":\"%0*d\",\"limit\":7", length, 0);
        struct wr_answer *answer = ask(&rig, id, policy);
        /* {"bands":[],"offer":"..."} and room for the brace */
        bool fits = 1 + 10 + 1 + 8 + length + 2 <= 4095;
        CHECK_INT(rig_has(answer->document, "{\"what\":\"output.offer\",\"why\":\"too_large\"}"),
                  !fits);
        CHECK_INT(rig_has(answer->document, "\"offer\":\"000"), fits);
        CHECK_INT(rig_has(answer->document, "\"limit\":7}"), !fits || length <= 4063);
    }
    rig_close(&rig);
}

TEST("a wrong list of outputs is refused, naming the key")
{
    static const struct {
        const char *outputs, *piece;
    } cases[] = {
        {"\"offer\"", "decision.outputs: wanted a list of at most 16 rules"},
        {"[1]", "decision.outputs: element 0: wanted a rule's name of 1 to 64 bytes"},
        {"[\"\"]", "element 0: wanted a rule's name"},
        {"[\"offer\",\"offer\"]", "decision.outputs: offer is named twice"},
        {"[\"other\"]", "decision.outputs: package risk has no rule other"},
        {"[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\",\"l\",\"m\",\"n\","
         "\"o\","
         "\"p\",\"q\"]",
         "wanted a list of at most 16 rules"},
    };
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        struct rig rig;
        put_pack(&rig, cases[i].outputs);
        rig_check_refused(&rig, cases[i].piece);
    }
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
