/* SPDX-License-Identifier: Apache-2.0 */
/* What is put on lists while running: changes as entries, decisions that see the list as it stands,
 * event time, fold, replay, swaps, and what is refused. */
#include "rig.h"

#include "engine/lists.h"

static const char lists[] =
    "\"lists\": {\"live\": {\"key\": \"device.id\", \"class\": \"block\", \"max\": 6},"
    "\"ips\": {\"key\": \"device.ip\", \"match\": \"cidr\", \"class\": \"block_hard\"},"
    "\"bins\": {\"key\": \"card.bin\", \"match\": \"bin\"},"
    "\"mails\": {\"key\": \"user.mail\", \"match\": \"prefix\"},"
    "\"cards\": {\"key\": \"card.number\", \"match\": \"hash\", \"class\": \"block\"},";

static void lists_open(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    rig_files_open(&rig->files);
    rig_edit(&rig->files, "weir.json", "\"lists\": {", lists);
    rig_start(rig);
}

static wr_err read_change(struct rig *rig, const char *list, enum wr_list_op op, const char *body,
                          struct wr_list_change *out)
{
    const struct wr_list_ask ask = {
        .list = wr_str_z(list), .op = op, .body = wr_str_z(body), .now_us = RIG_NOW};
    wr_arena_reset(&rig->scratch);
    rig->error = (struct wr_error){.offset = WR_NO_OFFSET};
    return wr_list_change_read(rig->engine, &rig->scratch, &ask, out, &rig->error);
}

/* The document, or the error's name. */
static struct wr_str change(struct rig *rig, const char *list, enum wr_list_op op, const char *body)
{
    struct wr_list_change made;
    wr_err err = read_change(rig, list, op, body, &made);
    if (err != WR_OK) {
        return wr_str_z(wr_err_name(err));
    }
    CHECK_INT(wr_engine_list(rig->engine, &made, RIG_NOW, &rig->scratch, &rig->answer), WR_OK);
    rig_keep(rig, rig->answer.record);
    return rig->answer.document;
}

static struct wr_str put(struct rig *rig, const char *list, const char *body)
{
    return change(rig, list, WR_LIST_OP_ADD, body);
}

static struct wr_str take_off(struct rig *rig, const char *list, const char *body)
{
    return change(rig, list, WR_LIST_OP_REMOVE, body);
}

/* Does the list hold an event with this at this second after the start? */
static bool holds(struct rig *rig, const char *list, const char *part, int64_t at)
{
    static unsigned n;
    char body[512], want[64];
    snprintf(body, sizeof body, "{\"transaction\":{\"id\":\"e%u\",\"time\":%lld},%s}", ++n,
             (long long)(RIG_START + at), part);
    struct wr_answer *answer = rig_decide(
        rig, (struct wr_request){.body = wr_str_z(body), .now_us = WR_NOW_IS_EVENT_TIME});
    CHECK_INT(answer->err, WR_OK);
    snprintf(want, sizeof want, "\"%s\":true", list);
    return rig_has(answer->record, want);
}

TEST("a decision sees a list as it stands at its sequence, and so does its replay")
{
    struct rig rig;
    lists_open(&rig);
    CHECK(!holds(&rig, "live", "\"device\":{\"id\":\"d1\"}", 0));
    CHECK_HAS(put(&rig, "live", "{\"value\":\"d1\",\"owner\":\"ann\",\"reason\":\"case 7\"}"),
              "\"list\":\"live\",\"version\":2,\"added\":1,\"replaced\":0,\"removed\":0,"
              "\"absent\":0}");
    CHECK(holds(&rig, "live", "\"device\":{\"id\":\"d1\"}", 0));
    CHECK_INT(rig.answer.outcome, WR_OUTCOME_DECLINE);
    CHECK_HAS(rig.answer.document, "\"code\":\"LIST_BLOCK\"");
    CHECK_HAS(put(&rig, "live", "[\"d1\",\"d2\",\"d3\"]"), "\"added\":2,\"replaced\":1");
    CHECK_HAS(take_off(&rig, "live", "[\"d1\",\"d9\"]"), "\"removed\":1,\"absent\":1");
    CHECK(!holds(&rig, "live", "\"device\":{\"id\":\"d1\"}", 0));
    CHECK(holds(&rig, "live", "\"device\":{\"id\":\"d2\"}", 0));
    CHECK_HAS(put(&rig, "live", "5"), "\"added\":1");
    CHECK(holds(&rig, "live", "\"device\":{\"id\":5}", 0));
    CHECK_HAS(change(&rig, "live", WR_LIST_OP_CLEAR, ""), "\"removed\":3,");
    CHECK(!holds(&rig, "live", "\"device\":{\"id\":\"d2\"}", 0));
    CHECK_HAS(take_off(&rig, "live", "\"d2\""), "\"removed\":0,\"absent\":1");
    struct wr_record record;
    CHECK_INT(wr_record_decode(rig_record(&rig, rig.n_records - 1), &record, NULL), WR_OK);
    CHECK(record.kind == WR_RECORD_LIST && (record.flags & WR_RECORD_NO_EFFECT) != 0);
    struct wr_engine_stats stats;
    wr_engine_stats(rig.engine, &stats);
    CHECK(stats.n_list_changes == 6 && stats.n_list_entries == 0);
    rig_check_records(&rig, rig.pack);
    rig_close(&rig);
}

TEST("every kind of match, over HTTP's spelling of values")
{
    struct rig rig;
    lists_open(&rig);
    put(&rig, "ips", "[\"10.0.0.0/8\",\"2001:db8::/32\"]");
    CHECK(holds(&rig, "ips", "\"device\":{\"ip\":\"10.9.9.9\"}", 0));
    CHECK_INT(rig.answer.outcome, WR_OUTCOME_DECLINE);
    CHECK(holds(&rig, "ips", "\"device\":{\"ip\":\"2001:db8::7\"}", 0));
    CHECK(!holds(&rig, "ips", "\"device\":{\"ip\":\"11.0.0.1\"}", 0));
    CHECK(!holds(&rig, "ips", "\"device\":{\"ip\":\"no address\"}", 0));
    put(&rig, "bins", "[\"400000-400999\",\"52\",\"5200\"]");
    CHECK_INT(rig.error.code, WR_E_LIST);
    CHECK_INT(rig.error.row, 2);
    put(&rig, "bins", "[\"400000-400999\",\"5200\"]");
    CHECK(holds(&rig, "bins", "\"card\":{\"bin\":\"400512\"}", 0));
    CHECK(holds(&rig, "bins", "\"card\":{\"bin\":40051234}", 0));
    CHECK(holds(&rig, "bins", "\"card\":{\"bin\":\"520099\"}", 0));
    CHECK(!holds(&rig, "bins", "\"card\":{\"bin\":\"401000\"}", 0));
    CHECK(!holds(&rig, "bins", "\"card\":{\"bin\":\"400\"}", 0));
    put(&rig, "mails", "[\"ann@\",\"b\"]");
    CHECK(holds(&rig, "mails", "\"user\":{\"mail\":\"ann@example.org\"}", 0));
    CHECK(holds(&rig, "mails", "\"user\":{\"mail\":\"bob\"}", 0));
    CHECK(!holds(&rig, "mails", "\"user\":{\"mail\":\"an\"}", 0));
    rig_check_records(&rig, rig.pack);
    rig_close(&rig);
}

TEST("card numbers are kept as tokens and stand in no record")
{
    struct rig rig;
    lists_open(&rig);
    CHECK_HAS(put(&rig, "cards", "[\"4111 1111 1111 1111\",\"5555555555554444\"]"), "\"added\":2");
    CHECK(holds(&rig, "cards", "\"card\":{\"number\":\"4111111111111111\"}", 0));
    CHECK(holds(&rig, "cards", "\"card\":{\"number\":5555555555554444}", 0));
    CHECK(!holds(&rig, "cards", "\"card\":{\"number\":\"4012888888881881\"}", 0));
    CHECK_HAS(take_off(&rig, "cards", "4111111111111111"), "\"removed\":1");
    CHECK(!holds(&rig, "cards", "\"card\":{\"number\":\"4111111111111111\"}", 0));
    CHECK_HAS(put(&rig, "live", "\"4111111111111111\""), "\"added\":1"); /* its token, exactly */
    CHECK(holds(&rig, "live", "\"device\":{\"id\":\"4111111111111111\"}", 0));
    for (size_t i = 0; i < rig.n_records; i++) {
        CHECK(!rig_has(rig_record(&rig, i), "4111") && !rig_has(rig_record(&rig, i), "5555"));
    }
    CHECK_HAS(put(&rig, "mails", "\"4111111111111111\""), "card_number");
    CHECK_HAS(put(&rig, "live", "{\"value\":\"x\",\"reason\":\"4111111111111111\"}"),
              "card_number");
    CHECK_HAS(put(&rig, "live", "{\"value\":\"x\",\"owner\":\"4111111111111111\"}"), "card_number");
    CHECK(strstr(rig.error.text, "4111") == NULL);
    rig.config.card_key = WR_STR("");
    struct wr_engine *own = rig.engine;
    rig.engine = rig_engine(&rig);
    CHECK_HAS(put(&rig, "cards", "\"4111111111111111\""), "card_number");
    CHECK_HAS(put(&rig, "live", "\"4111111111111111\""), "card_number");
    CHECK_HAS(put(&rig, "cards", "\"card_00112233445566778899aabbccddeeff\""), "\"added\":1");
    wr_engine_close(rig.engine);
    rig.engine = own;
    rig_close(&rig);
}

TEST("an entry holds for events before it expires, whatever the clock says")
{
    struct rig rig;
    lists_open(&rig);
    put(&rig, "live",
        "[{\"value\":\"d1\",\"ttl\":\"1h\"},"
        "{\"value\":\"d2\",\"expires\":\"2023-11-14T22:13:30Z\"}," /* start + 10 s */
        "{\"value\":\"d3\",\"expires\":null}]");
    CHECK(holds(&rig, "live", "\"device\":{\"id\":\"d1\"}", 3599));
    CHECK(!holds(&rig, "live", "\"device\":{\"id\":\"d1\"}", 3600));
    CHECK(holds(&rig, "live", "\"device\":{\"id\":\"d1\"}", 3598)); /* late: by its own time */
    CHECK(!holds(&rig, "live", "\"device\":{\"id\":\"d2\"}", 3600));
    CHECK(holds(&rig, "live", "\"device\":{\"id\":\"d3\"}", 86400 * 300));
    struct wr_list_change made; /* a change so much later lets go of what expired a day before */
    const struct wr_list_ask ask = {.list = WR_STR("live"),
                                    .op = WR_LIST_OP_ADD,
                                    .body = WR_STR("\"d4\""),
                                    .now_us = RIG_NOW + INT64_C(90001) * 1000000};
    wr_arena_reset(&rig.scratch);
    CHECK_INT(wr_list_change_read(rig.engine, &rig.scratch, &ask, &made, NULL), WR_OK);
    CHECK_INT(wr_engine_list(rig.engine, &made, ask.now_us, &rig.scratch, &rig.answer), WR_OK);
    rig_keep(&rig, rig.answer.record);
    CHECK(!holds(&rig, "live", "\"device\":{\"id\":\"d1\"}", 3599));
    CHECK(holds(&rig, "live", "\"device\":{\"id\":\"d4\"}", 3599));
    struct wr_engine_stats stats;
    wr_engine_stats(rig.engine, &stats);
    CHECK_INT(stats.n_list_entries, 2); /* d3 and d4 */
    rig_check_records(&rig, rig.pack);
    rig_close(&rig);
}

TEST("entries of the pack's file are hidden by removal and shown again by putting them")
{
    struct rig rig;
    lists_open(&rig);
    CHECK(holds(&rig, "devices", "\"device\":{\"id\":\"d-666\"}", 0));
    CHECK_HAS(take_off(&rig, "devices", "{\"value\":\"d-666\",\"reason\":\"mistaken\"}"),
              "\"removed\":1");
    CHECK_HAS(rig_record(&rig, rig.n_records - 1), "\"hides\":true");
    CHECK(!holds(&rig, "devices", "\"device\":{\"id\":\"d-666\"}", 0));
    CHECK_HAS(take_off(&rig, "devices", "\"d-666\""), "\"removed\":0,\"absent\":1");
    CHECK_HAS(put(&rig, "devices", "\"d-666\""), "\"added\":1,\"replaced\":0");
    CHECK(holds(&rig, "devices", "\"device\":{\"id\":\"d-666\"}", 0));
    CHECK(!holds(&rig, "banned", "\"user\":{\"id\":\"x\"}", 0));
    rig_check_records(&rig, rig.pack);
    rig_close(&rig);
}

TEST("a swapped pack keeps what is on its lists by name and match, and gives it back to others")
{
    struct rig rig;
    struct rig_files files;
    struct wr_pack *without = NULL;
    lists_open(&rig);
    put(&rig, "live", "\"d1\"");
    CHECK(holds(&rig, "live", "\"device\":{\"id\":\"d1\"}", 0));
    rig_files_open(&files);
    CHECK_INT(wr_pack_open(&rig.pack_arena, files.files, files.n, NULL, &without, &rig.error),
              WR_OK);
    wr_arena_reset(&rig.scratch);
    CHECK_INT(wr_engine_activate(rig.engine, without, RIG_NOW, &rig.scratch, &rig.answer), WR_OK);
    rig_keep(&rig, rig.answer.record);
    CHECK(!holds(&rig, "live", "\"device\":{\"id\":\"d1\"}", 0));
    CHECK_HAS(put(&rig, "live", "\"d2\""), "not_found");
    CHECK_INT(wr_engine_activate(rig.engine, rig.pack, RIG_NOW, &rig.scratch, &rig.answer), WR_OK);
    rig_keep(&rig, rig.answer.record);
    CHECK(holds(&rig, "live", "\"device\":{\"id\":\"d1\"}", 0));
    uint8_t live[32], got[32];
    struct wr_engine *folded; /* restarted under the pack that lacks the list */
    CHECK_INT(wr_engine_open(&rig.memory.source, without, &rig.config, &folded, NULL), WR_OK);
    for (size_t i = 0; i < rig.n_records; i++) {
        wr_arena_reset(&rig.scratch);
        CHECK_INT(wr_engine_fold(folded, rig_record(&rig, i), &rig.scratch, &rig.error), WR_OK);
    }
    CHECK_INT(wr_engine_digest(rig.engine, live), WR_OK);
    CHECK_INT(wr_engine_digest(folded, got), WR_OK);
    CHECK(memcmp(live, got, 32) == 0);
    wr_engine_close(folded);
    CHECK_INT(wr_engine_open(&rig.memory.source, rig.pack, &rig.config, &folded, NULL), WR_OK);
    for (size_t i = 0; i < rig.n_records; i++) {
        wr_arena_reset(&rig.scratch);
        CHECK_INT(wr_engine_fold(folded, rig_record(&rig, i), &rig.scratch, &rig.error), WR_OK);
    }
    struct wr_engine *own = rig.engine; /* restarted: what was folded holds */
    rig.engine = folded;
    CHECK(holds(&rig, "live", "\"device\":{\"id\":\"d1\"}", 0));
    rig.engine = own;
    wr_engine_close(folded);
    rig_close(&rig);
    rig_files_close(&files);
}

TEST("malformed entries are refused, naming the entry, and nothing changes")
{
    static const struct {
        const char *list, *body, *code, *piece;
    } cases[] = {
        {"none", "\"x\"", "not_found", "no list of that name"},
        {"live", "", "need_more", ""},
        {"live", "[\"a\",]", "json", ""},
        {"live", "true", "list", "entry 1: value"},
        {"live", "[\"a\",null]", "list", "entry 2: value"},
        {"live", "[\"a\",[]]", "list", "entry 2: value"},
        {"live", "\"\"", "list", "empty"},
        {"live", "{\"value\":\"a\",\"colour\":1}", "list", "no other key"},
        {"live", "{\"value\":\"a\",\"ttl\":60}", "list", "ttl"},
        {"live", "{\"value\":\"a\",\"ttl\":\"0s\"}", "list", "ttl"},
        {"live", "{\"value\":\"a\",\"ttl\":\"1h\",\"expires\":null}", "list", "expires"},
        {"live", "{\"value\":\"a\",\"expires\":\"tomorrow\"}", "list", "expires"},
        {"live", "{\"value\":\"a\",\"expires\":\"2020-01-01T00:00:00Z\"}", "list", "past"},
        {"live", "{\"value\":\"a\",\"expires\":\"9999-01-01T00:00:00Z\"}", "list", "far"},
        {"live", "{\"value\":\"a\",\"owner\":7}", "list", "owner"},
        {"live", "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\"]", "limit", "more than 6 entries"},
        {"ips", "[\"10.0.0.0/8\",\"10.0.0.1/8\"]", "list", "entry 2: value"},
        {"cards", "\"x\"", "list", "card_"},
    };
    struct rig rig;
    lists_open(&rig);
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        CHECK_HAS(put(&rig, cases[i].list, cases[i].body), cases[i].code);
        CHECK_HAS(wr_str_z(rig.error.text), cases[i].piece);
    }
    CHECK_HAS(take_off(&rig, "live", "{\"value\":\"a\",\"ttl\":\"1h\"}"), "list");
    char long_reason[400];
    snprintf(long_reason, sizeof long_reason, "{\"value\":\"a\",\"reason\":\"%0257d\"}", 0);
    CHECK_HAS(put(&rig, "live", long_reason), "list");
    char *many = malloc(8192);
    strcpy(many, "[0");
    for (int i = 0; i < 1000; i++) {
        strcat(many + i * 2, ",0");
    }
    strcat(many, "]");
    CHECK_HAS(put(&rig, "live", many), "limit");
    free(many);
    CHECK_INT(wr_engine_sequence(rig.engine), 0);
    rig_close(&rig);
}

TEST("hostile records of changes are refused or folded, never worse")
{
    struct rig rig;
    lists_open(&rig);
    put(&rig, "ips", "[{\"value\":\"10.0.0.0/8\",\"ttl\":\"1h\",\"owner\":\"a\"},\"::1\"]");
    struct wr_str first = rig_record(&rig, 0);
    for (size_t at = 0; at < first.n; at++) {
        for (int k = 0; k < 3; k++) {
            static const uint8_t flips[] = {0x15, 0x01, 0xff};
            char *copy = malloc(first.n);
            memcpy(copy, first.p, first.n);
            copy[at] = (char)(copy[at] ^ flips[k]);
            struct wr_engine *victim = rig_engine(&rig);
            wr_arena_reset(&rig.scratch);
            wr_err err = wr_engine_fold(victim, wr_str_of(copy, first.n), &rig.scratch, &rig.error);
            CHECK(err == WR_OK || wr_engine_sequence(victim) == 0);
            wr_engine_close(victim);
            free(copy);
        }
    }
    rig_close(&rig);
}

TEST("memory that ends anywhere refuses a change, which has changed nothing then")
{
    struct rig rig;
    size_t refused = 0;
    lists_open(&rig);
    for (long left = 0; left < 40; left++) {
        uint8_t before[32], after[32];
        struct wr_list_change made;
        struct wr_engine *engine = rig_engine(&rig), *own = rig.engine;
        rig.engine = engine;
        CHECK_INT(read_change(&rig, "bins", WR_LIST_OP_ADD,
                              "[{\"value\":\"4000\",\"owner\":\"a\"},\"4001\",\"4002\"]", &made),
                  WR_OK);
        CHECK_INT(wr_engine_digest(engine, before), WR_OK);
        rig.memory.takes_left = left;
        wr_err err = wr_engine_list(engine, &made, RIG_NOW, &rig.scratch, &rig.answer);
        rig.memory.takes_left = -1;
        CHECK_INT(wr_engine_digest(engine, after), WR_OK);
        CHECK((err == WR_OK) == (memcmp(before, after, 32) != 0));
        CHECK(err == WR_OK || err == WR_E_MEMORY);
        CHECK_INT(wr_engine_sequence(engine), err == WR_OK);
        refused += err != WR_OK;
        wr_engine_close(engine);
        rig.engine = own;
    }
    CHECK(refused > 3 && refused < 40);
    rig_close(&rig);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
