/* SPDX-License-Identifier: Apache-2.0 */
/* Opening packs: what a good one says of itself, and what each broken one is told. */
#include "../engine/rig.h"

#include "pack/parts.h"
#include "pack/tar.h"

static const struct wr_memory memory = CHECK_MEMORY;

struct fixture {
    struct rig_files files;
    struct wr_arena arena;
    struct wr_pack *pack;
    struct wr_error error;
};

static void open_fixture(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    rig_files_open(&f->files);
    wr_arena_init(&f->arena, &memory, 64 << 20);
}

static wr_err open_pack(struct fixture *f, const struct wr_pack_options *options)
{
    wr_err err = wr_pack_open(&f->arena, f->files.files, f->files.n, options, &f->pack, &f->error);
    CHECK((err == WR_OK) == (f->pack != NULL));
    CHECK(err == WR_OK || (f->error.code == err && f->error.text[0] != 0));
    return err;
}

static void close_fixture(struct fixture *f)
{
    wr_arena_deinit(&f->arena);
    rig_files_close(&f->files);
}

TEST("a pack tells what it holds")
{
    struct fixture f;
    open_fixture(&f);
    CHECK_INT(open_pack(&f, NULL), WR_OK);
    CHECK(wr_str_eq(wr_pack_revision(f.pack), WR_STR("small-1")));
    CHECK_INT(wr_pack_digest_text(f.pack).n, 64);
    CHECK(wr_pack_deadline_us(f.pack) == 50000);
    CHECK_INT(wr_pack_n_features(f.pack), 11);
    CHECK(wr_str_eq(wr_pack_feature_name(f.pack, 0), WR_STR("amount")));
    CHECK_INT(wr_pack_n_models(f.pack), 0);
    CHECK_INT(wr_pack_n_reasons(f.pack), 2);
    CHECK(wr_str_eq(wr_pack_reason_code(f.pack, 0), WR_STR("AMOUNT_HIGH")));
    struct wr_str code = WR_STR("AMOUNT_HIGH");
    CHECK(
        wr_str_eq(wr_pack_reason_text(f.pack, code, WR_STR("en")), WR_STR("The amount is high.")));
    CHECK(wr_str_eq(wr_pack_reason_text(f.pack, code, WR_STR("zh")), WR_STR("金额过高。")));
    CHECK(wr_str_eq(wr_pack_reason_text(f.pack, WR_STR("NIGHT"), WR_STR("zh")),
                    WR_STR("It is night.")));
    CHECK(wr_pack_reason_text(f.pack, WR_STR("NONE"), WR_STR("en")).n == 0);
    CHECK(wr_pack_program(f.pack) != NULL);
    size_t n;
    CHECK(wr_pack_files(f.pack, &n) != NULL && n == f.files.n);
    close_fixture(&f);
}

TEST("the csv mapping is in order of paths, with types by the schema")
{
    static const struct {
        const char *column, *path;
        enum wr_csv_type type;
    } want[] = {
        {"AMOUNT", "transaction.amount", WR_CSV_NUMBER},
        {"ID", "transaction.id", WR_CSV_STRING},
        {"ONLINE", "transaction.online", WR_CSV_BOOL},
        {"TIME", "transaction.time", WR_CSV_NUMBER},
        {"CUSTOMER", "user.id", WR_CSV_STRING},
    };
    struct fixture f;
    open_fixture(&f);
    CHECK_INT(open_pack(&f, NULL), WR_OK);
    const struct wr_csv *csv = wr_pack_csv(f.pack);
    CHECK(csv != NULL && csv->n_columns == WR_COUNTOF(want));
    for (size_t i = 0; i < WR_COUNTOF(want); i++) {
        CHECK(wr_str_eq(csv->columns[i].column, wr_str_z(want[i].column)));
        CHECK(wr_str_eq(csv->columns[i].path, wr_str_z(want[i].path)));
        CHECK_INT(csv->columns[i].type, want[i].type);
    }
    CHECK(csv->has_label && wr_str_eq(csv->label_column, WR_STR("FRAUD")));
    CHECK(csv->label_delay_us == INT64_C(7) * 86400 * 1000000);
    close_fixture(&f);
}

TEST("features that nothing reads are told, in a fixed order")
{
    struct fixture f;
    open_fixture(&f);
    CHECK_INT(open_pack(&f, NULL), WR_OK);
    CHECK_INT(wr_pack_n_warnings(f.pack), 0); /* a rule reads whatever it is told to */
    rig_edit(&f.files, "risk.rego", "{k | input[k]}", "{\"k\"}");
    rig_edit(&f.files, "risk.rego", "input[input.policy.echo][k]", "input.policy[k]");
    CHECK_INT(open_pack(&f, NULL), WR_OK);
    CHECK(wr_pack_n_warnings(f.pack) > 0);
    bool amount = false, count = false;
    for (size_t i = 0; i < wr_pack_n_warnings(f.pack); i++) {
        amount = amount || rig_has(wr_pack_warning(f.pack, i), "reads the feature amount");
        count = count || rig_has(wr_pack_warning(f.pack, i), "customer_count_1d");
    }
    CHECK(amount);
    CHECK(!count); /* the rule too_many reads it */
    close_fixture(&f);
}

static void digest_of(struct fixture *f, uint8_t out[32])
{
    CHECK_INT(open_pack(f, NULL), WR_OK);
    memcpy(out, wr_pack_digest(f->pack), 32);
}

TEST("the digest covers all that changes results and nothing else, in any order of files")
{
    struct fixture f;
    uint8_t first[32], again[32];
    open_fixture(&f);
    digest_of(&f, first);
    rig_put(&f.files, "tests/risk_test.rego", "package risk\ntest_x { true }\n");
    rig_put(&f.files, "README.md", "# hello");
    rig_put(&f.files, ".signatures.json", "{}");
    digest_of(&f, again);
    CHECK(memcmp(first, again, 32) == 0);
    struct wr_pack_file swap = f.files.files[0];
    f.files.files[0] = f.files.files[f.files.n - 1];
    f.files.files[f.files.n - 1] = swap;
    digest_of(&f, again);
    CHECK(memcmp(first, again, 32) == 0);
    rig_edit(&f.files, "data.json", "3", "4");
    digest_of(&f, again);
    CHECK(memcmp(first, again, 32) != 0);
    rig_edit(&f.files, "data.json", "4", "3");
    rig_edit(&f.files, "lists/devices.txt", "d-667", "d-668");
    digest_of(&f, again);
    CHECK(memcmp(first, again, 32) != 0);
    close_fixture(&f);
}

TEST("data files are laid below their folders")
{
    struct fixture f;
    open_fixture(&f);
    rig_put(&f.files, "limits/data.json", "{\"more\": {\"x\": 1}}");
    rig_put(&f.files, "limits/more/data.json", "{\"y\": 2}");
    rig_put(&f.files, "a/b/data.json", "{\"z\": [1]}");
    CHECK_INT(open_pack(&f, NULL), WR_OK);
    struct wr_path path;
    static const char *const paths[] = {"limits.customer_count_1d", "limits.more.x",
                                        "limits.more.y", "a.b.z"};
    for (size_t i = 0; i < WR_COUNTOF(paths); i++) {
        CHECK_INT(wr_path_parse(wr_str_z(paths[i]), &path, NULL), WR_OK);
        CHECK(wr_path_get(&path, &f.pack->data) != NULL);
    }
    rig_put(&f.files, "limits/more/data.json", "{\"x\": 2}");
    CHECK_INT(open_pack(&f, NULL), WR_E_PACK);
    CHECK(strstr(f.error.text, "limits/more/data.json") != NULL);
    CHECK(strstr(f.error.text, "\"x\"") != NULL);
    close_fixture(&f);
}

TEST("a broken file is refused, naming the file and the reason")
{
    static const struct {
        const char *path, *text, *piece;
    } cases[] = {
        {"weir.json", "{", "weir.json"},
        {"weir.json", "[]", "weir.json: not a JSON object"},
        {"weir.json", "{\"events\":{}}", "weir.json: the key \"events\" is not known"},
        {"weir.json", "{\"decision\":{}}", "weir.json"},
        {"data.json", "{\"a\":}", "data.json: not JSON at byte 5"},
        {"data.json", "[1]", "data.json"},
        {".manifest", "{\"revision\":5}", ".manifest: revision"},
        {".manifest", "{\"rego_version\":2}", ".manifest: rego_version"},
        {"risk.rego", "package risk\ndeny {\n", "risk.rego"},
        {"risk.rego", "package risk\ndeny { x }\n", "risk.rego"},
        {"risk.rego", "package risk\ndeny { rand.intn(\"a\", 2) == 1 }\n", "rand.intn"},
        {"lists/devices.txt", "\xff\xfe\n", "lists/devices.txt:1: the line is not UTF-8"},
        {"lists/vip.csv", "name\nAlice\n", "lists.seen_vip.column"},
        {"lists/vip.csv", "name,customer_id\nAlice\n", "lists/vip.csv:2"},
        {"lists/vip.csv", "name,customer_id\n\"Alice,c-vip\n", "lists/vip.csv:2"},
        {"limits/data.json", "{\"customer_count_1d\":1}", "limits/data.json"},
    };
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        struct fixture f;
        open_fixture(&f);
        rig_put(&f.files, cases[i].path, cases[i].text);
        wr_err err = open_pack(&f, NULL);
        CHECK(err != WR_OK);
        if (strstr(f.error.text, cases[i].piece) == NULL) {
            fprintf(stderr, "%s is not in: %s\n", cases[i].piece, f.error.text);
        }
        CHECK(strstr(f.error.text, cases[i].piece) != NULL);
        if (f.error.where[0] == 0) {
            fprintf(stderr, "no place: %s\n", f.error.text);
        }
        CHECK(f.error.where[0] != 0);
        close_fixture(&f);
    }
}

TEST("a wrong key of weir.json is refused, naming its place")
{
    static const struct {
        const char *from, *to, *piece;
    } cases[] = {
        {"\"id\": \"transaction.id\"", "\"id\": 5", "weir.json"},
        {"\"id\": \"transaction.id\"", "\"id\": \"a..b\"", "weir.json"},
        {"\"avg\": \"transaction.amount\"", "\"average\": \"transaction.amount\"",
         "customer_avg_7d"},
        {"\"entity\": \"terminal\"", "\"entity\": \"shop\"", "terminal_risk_7d"},
        {"\"window\": \"30d\"", "\"window\": \"30x\"", "since_last"},
        {"input.transaction.online == true",
         "input.transaction.online ==", "the condition \"input.transaction.online ==\""},
        {"input.transaction.online == true", "true } evil { true", "the condition"},
        {"data.derive.is_big", "data.derive.is_bag", "features.is_big.rego"},
        {"data.derive.is_big", "derive.is_big", "wanted data.PACKAGE.RULE"},
        {"\"is_big\":", "\"is big\":", "features.is big"},
        {"\"fraud\": {\"path\": \"transaction.is_fraud\"}", "\"fraud\": {\"path\": \"features.x\"}",
         "weir.json: labels.fraud.path"},
        {"\"fraud\": {\"path\": \"transaction.is_fraud\"}", "\"fraud\": {\"paths\": \"x\"}",
         "weir.json: labels.fraud: the key \"paths\""},
        {"\"class\": \"block\"", "\"class\": \"black\"", "weir.json: lists.devices.class"},
        {"\"key\": \"device.id\"", "\"key\": \"\"", "weir.json: lists.devices.key"},
        {"\"key\": \"device.id\"", "\"key\": \"a..b\"", "weir.json: lists.devices.key"},
        {"\"key\": \"device.id\", ", "", "weir.json: lists.devices.key: the key is missing"},
        {"lists/devices.txt", "lists/none.txt", "the pack has no file lists/none.txt"},
        {"\"column\": \"customer_id\"", "\"column\": \"nobody\"", "has no such column"},
        {"\"package\": \"risk\"", "\"package\": \"rusk\"", "package rusk"},
        {"\"deny\": \"decline\"", "\"deny\": \"denied\"", "weir.json: decision.outcomes"},
        {"\"deny\": \"decline\"", "\"deny\": true", "weir.json: decision.outcomes"},
        {"\"default\": \"review\"", "\"default\": \"maybe\"", "weir.json: decision.default"},
        {"\"reasons\": \"reasons\"", "\"reasons\": \"why\"", "package risk has no rule why"},
        {"\"deadline\": \"50ms\"", "\"deadline\": 50", "weir.json: decision.deadline"},
        {"\"deadline\": \"50ms\"", "\"deadline\": \"50 ms\"", "weir.json: decision.deadline"},
        {"\"fuel\": 200000", "\"fuel\": 0", "weir.json: decision.fuel"},
        {"\"fuel\": 200000", "\"score\": \"fraud\"", "the pack has no model fraud"},
        {"\"NIGHT\": \"It is night.\"", "\"NIGHT\": 1", "weir.json: reasons.NIGHT"},
        {"\"NIGHT\": \"It is night.\"", "\"NIGHT\": {\"fr\": \"nuit\"}", "the key \"fr\""},
        {"\"ID\": \"transaction.id\"", "\"ID\": \"scores.x\"", "weir.json: csv.columns.ID.path"},
        {"\"ID\": \"transaction.id\"", "\"ID\": \"transaction.time\"", "two columns"},
        {"\"ID\": \"transaction.id\"", "\"ID\": \"transaction\"", "lies below transaction"},
        {"\"type\": \"bool\"", "\"type\": \"boolean\"", "weir.json: csv.columns.ONLINE.type"},
        {"\"name\": \"fraud\"", "\"name\": \"froud\"", "weir.json: csv.label.name"},
        {"\"ids\": 1000", "\"ids\": 0", "weir.json: limits.ids"},
        {"\"ids\": 1000", "\"idz\": 1", "weir.json: limits: the key \"idz\""},
        {"\"ids_age\": \"24h\"", "\"ids_age\": \"0s\"", "weir.json: limits.ids_age"},
    };
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        struct fixture f;
        open_fixture(&f);
        rig_edit(&f.files, "weir.json", cases[i].from, cases[i].to);
        CHECK(open_pack(&f, NULL) != WR_OK);
        if (strstr(f.error.text, cases[i].piece) == NULL) {
            fprintf(stderr, "%s is not in: %s\n", cases[i].piece, f.error.text);
        }
        CHECK(strstr(f.error.text, cases[i].piece) != NULL);
        close_fixture(&f);
    }
}

TEST("a pack without weir.json, or with a file twice, is refused")
{
    struct fixture f;
    open_fixture(&f);
    rig_edit(&f.files, "weir.json", "{", "{");
    for (size_t i = 0; i < f.files.n; i++) {
        if (wr_str_eq(f.files.files[i].path, WR_STR("weir.json"))) {
            f.files.files[i].path = WR_STR("other.json");
        }
    }
    CHECK_INT(open_pack(&f, NULL), WR_E_PACK);
    CHECK(strstr(f.error.text, "no weir.json") != NULL);
    f.files.files[0].path = f.files.files[1].path;
    CHECK_INT(open_pack(&f, NULL), WR_E_PACK);
    CHECK(strstr(f.error.text, "twice") != NULL);
    close_fixture(&f);
}

TEST("a pack may do without a policy when it is asked for its other parts only")
{
    struct fixture f;
    open_fixture(&f);
    f.files.n = 0;
    rig_put(&f.files, "weir.json", "{\"event\":{\"id\":\"id\"}}");
    CHECK_INT(open_pack(&f, NULL), WR_E_PACK);
    CHECK(strstr(f.error.text, "weir.json: decision") != NULL);
    CHECK_INT(open_pack(&f, &(struct wr_pack_options){.policy_optional = true}), WR_OK);
    close_fixture(&f);
}

static bool warns(const struct fixture *f, const char *what)
{
    bool found = false;
    for (size_t i = 0; i < wr_pack_n_warnings(f->pack); i++) {
        found = found || rig_has(wr_pack_warning(f->pack, i), what);
    }
    return found;
}

TEST("a check tells what features cost and warns about the costly")
{
    struct fixture f;
    open_fixture(&f);
    rig_edit(&f.files, "weir.json", "\"amount\": {\"value\": \"transaction.amount\"},",
             "\"amount\": {\"value\": \"transaction.amount\"},"
             "\"a_links\": {\"entity\": \"customer\", \"distinct\": \"device.ip\","
             " \"window\": \"7d\"},"
             "\"a_ever\": {\"entity\": \"customer\", \"count\": true, \"window\": \"all\"},"
             "\"a_median\": {\"entity\": \"customer\", \"median\": \"transaction.amount\","
             " \"window\": \"7d\"},");
    CHECK_INT(open_pack(&f, &(struct wr_pack_options){.check_only = true}), WR_OK);
    CHECK(warns(&f, "a_links counts different values of an unbounded key"));
    CHECK(warns(&f, "a_ever has no end"));
    CHECK(warns(&f, "a_median looks at each event of its window, up to 4096"));
    CHECK(warns(&f, "windows may reach further back than memory does"));
    CHECK(!warns(&f, "customer_avg_7d"));
    char room[512];
    struct wr_buf line = wr_buf_fixed(room, sizeof room);
    wr_pack_feature_cost(f.pack, 0, &line); /* features stand in order of names */
    CHECK(rig_has(wr_buf_view(&line), "a_ever: count of customer, all time"));
    line = wr_buf_fixed(room, sizeof room);
    wr_pack_entity_cost(f.pack, 0, &line);
    CHECK(rig_has(wr_buf_view(&line), "held for ever"));
    CHECK_INT(open_pack(&f, NULL), WR_OK);
    CHECK(!warns(&f, "a_ever")); /* only a check tells */
    close_fixture(&f);
}

TEST("a check also compiles the tests of a pack; a decision does not")
{
    struct fixture f;
    open_fixture(&f);
    rig_put(&f.files, "tests/risk_test.rego", "package risk\ntest_x { y }\n");
    CHECK_INT(open_pack(&f, NULL), WR_OK);
    CHECK(open_pack(&f, &(struct wr_pack_options){.check_only = true}) != WR_OK);
    CHECK(strstr(f.error.text, "tests/risk_test.rego") != NULL);
    close_fixture(&f);
}

TEST("a pack may be v1, by option or by its manifest")
{
    struct fixture f;
    open_fixture(&f);
    rig_put(&f.files, "risk.rego",
            "package risk\nimport rego.v1\ndeny if input.policy.deny\nreasons contains \"X\"\n");
    rig_put(&f.files, "derive.rego",
            "package derive\nis_big := true\nratio := 1\nchannel := 2\nbroken := 3\n");
    rig_put(&f.files, "tests/risk_test.rego", "package risk\n");
    CHECK_INT(open_pack(&f, NULL), WR_OK);
    rig_put(&f.files, "risk.rego",
            "package risk\ndeny if input.policy.deny\nreasons contains \"X\"\n");
    CHECK(open_pack(&f, NULL) != WR_OK);
    CHECK_INT(open_pack(&f, &(struct wr_pack_options){.rego_v1 = true}), WR_OK);
    rig_put(&f.files, ".manifest", "{\"revision\":\"x\",\"rego_version\":1}");
    CHECK_INT(open_pack(&f, NULL), WR_OK);
    CHECK(wr_pack_n_warnings(f.pack) > 0); /* outcome rules that this policy lacks */
    close_fixture(&f);
}

TEST("a pack written to an archive and read back has the same digest")
{
    struct fixture f;
    uint8_t first[32];
    open_fixture(&f);
    digest_of(&f, first);
    struct wr_buf archive = wr_buf_in(&f.arena, 4096);
    const struct wr_pack_file *files;
    size_t n;
    CHECK_INT(wr_tar_write(&archive, f.files.files, f.files.n, NULL), WR_OK);
    CHECK_INT(wr_tar_read(&f.arena, wr_buf_view(&archive), &files, &n, NULL), WR_OK);
    CHECK_INT(wr_pack_open(&f.arena, files, n, NULL, &f.pack, &f.error), WR_OK);
    CHECK(memcmp(first, wr_pack_digest(f.pack), 32) == 0);
    close_fixture(&f);
}

TEST("durations have a unit and a bound")
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {{"500us", 500},
                 {"50ms", 50000},
                 {"30s", 30000000},
                 {"10m", 600000000},
                 {"24h", INT64_C(86400000000)},
                 {"7d", INT64_C(604800000000)},
                 {"1w", INT64_C(604800000000)},
                 {"0s", 0}};
    static const char *const wrong[] = {
        "", "s", "5", "5x", "-1s", "1.5s", "5 s", "5S", "10001d", "9999999999999999s", "5ss"};
    int64_t us;
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        CHECK(wr_keys_read_duration(wr_str_z(cases[i].text), &us) && us == cases[i].us);
    }
    for (size_t i = 0; i < WR_COUNTOF(wrong); i++) {
        CHECK(!wr_keys_read_duration(wr_str_z(wrong[i]), &us));
    }
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
