/* SPDX-License-Identifier: Apache-2.0 */
/* What a pack's databases know of addresses, in keys, features, lists, the policy and records. */
#include "rig.h"

static void put_file(struct rig *rig, const char *name)
{
    static char room[1 << 16];
    char path[512];
    snprintf(path, sizeof path, WEIR_SOURCE "/test/data/mmdb/%s", name);
    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        perror(path);
        exit(1);
    }
    size_t n = fread(room, 1, sizeof room, in);
    fclose(in);
    rig_put_bytes(&rig->files, "geo/geo.mmdb", room, n);
}

static void places_open(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    rig_files_open(&rig->files);
    put_file(rig, "geo28.mmdb");
    rig_edit(
        &rig->files, "weir.json", "\"entities\": {",
        "\"places\": {\"country\": {\"file\": \"geo/geo.mmdb\", \"key\": \"device.ip\", \"field\": "
        "\"country.iso_code\"}, \"asn\": {\"file\": \"geo/geo.mmdb\", \"key\": \"device.ip\", "
        "\"field\": \"autonomous_system_number\"}, \"latitude\": {\"file\": \"geo/geo.mmdb\", "
        "\"key\": \"device.ip\", \"field\": \"location.latitude\"}},"
        "\"entities\": {\"network\": \"places.asn\", ");
    rig_edit(
        &rig->files, "weir.json", "\"features\": {",
        "\"features\": {\"of_country\": {\"value\": \"places.country\"}, \"network_count_1d\": "
        "{\"entity\": \"network\", \"count\": true, \"window\": \"1d\"}, "
        "\"countries\": {\"entity\": \"customer\", \"distinct\": \"places.country\", \"window\": "
        "\"1d\"},");
    rig_edit(
        &rig->files, "weir.json", "\"lists\": {",
        "\"lists\": {\"barred\": {\"file\": \"lists/barred.txt\", \"key\": \"places.country\", "
        "\"class\": \"block\"},");
    rig_put(&rig->files, "lists/barred.txt", "BR\n");
    rig_start(rig);
}

static struct wr_answer *send_from(struct rig *rig, const char *ip)
{
    static unsigned n;
    char body[256];
    snprintf(body, sizeof body,
             "{\"transaction\":{\"id\":\"p%u\",\"time\":1700000000,\"amount\":1},"
             "\"user\":{\"id\":\"c\"},\"device\":{\"ip\":\"%s\"}}",
             ++n, ip);
    struct wr_answer *answer = rig_send(rig, body);
    CHECK_INT(answer->err, WR_OK);
    return answer;
}

TEST("an address leads to its country and network, in features, keys, lists and the record")
{
    struct rig rig;
    places_open(&rig);
    struct wr_answer *answer = send_from(&rig, "192.0.2.7");
    CHECK_HAS(answer->features, "\"of_country\":\"DE\"");
    CHECK_HAS(answer->features, "\"network_count_1d\":1");
    CHECK_HAS(answer->record, "\"places\":{\"asn\":64500,\"country\":\"DE\",\"latitude\":51.5}");
    answer = send_from(&rig, "192.0.2.200");
    CHECK_HAS(answer->features, "\"network_count_1d\":2");
    answer = send_from(&rig, "198.51.100.129");
    CHECK_HAS(answer->features, "\"network_count_1d\":1");
    CHECK_HAS(answer->features, "\"countries\":2");
    answer = send_from(&rig, "2001:db8:ffff::1");
    CHECK_HAS(answer->document, "\"code\":\"LIST_BLOCK\"");
    CHECK_INT(answer->outcome, WR_OUTCOME_DECLINE);
    answer = send_from(&rig, "10.0.0.1");
    CHECK_HAS(answer->record, "\"places\":{}");
    CHECK_HAS(answer->record, "\"network_count_1d\":\"field_absent\"");
    answer = send_from(&rig, "no address");
    CHECK_HAS(answer->record, "\"places\":{}");
    rig_close(&rig);
}

TEST("the event is recorded as it came; fold and replay look the addresses up again")
{
    struct rig rig;
    struct wr_record record;
    places_open(&rig);
    static const char *const ips[] = {"192.0.2.7", "203.0.113.7", "2001:db8::1", "1.1.1.1"};
    for (size_t i = 0; i < 12; i++) {
        send_from(&rig, ips[i % 4]);
    }
    CHECK_INT(wr_record_decode(rig_record(&rig, 0), &record, NULL), WR_OK);
    CHECK(!rig_has(record.event, "places") && rig_has(record.derived, "places"));
    struct wr_value input;
    CHECK_INT(wr_record_input(&rig.scratch, &record, &input, NULL), WR_OK);
    CHECK(wr_object_get_str(&input, WR_STR("places")) != NULL); /* what a stock OPA is given */
    rig_check_records(&rig, rig.pack);
    rig_close(&rig);
}

TEST("only the engine may set places, and a repeat is known by what was sent")
{
    struct rig rig;
    places_open(&rig);
    static const char body[] = "{\"transaction\":{\"id\":\"r\",\"time\":1700000000,\"amount\":1},"
                               "\"device\":{\"ip\":\"192.0.2.7\"}}";
    CHECK_INT(rig_send(&rig, body)->err, WR_OK);
    CHECK(rig_send(&rig, body)->replayed);
    CHECK_INT(
        rig_send(&rig, "{\"transaction\":{\"id\":\"s\",\"time\":1700000000},\"places\":{}}")->err,
        WR_E_RESERVED);
    rig_close(&rig);
}

TEST("the database is a part of the pack's digest, and a broken one refuses the pack")
{
    struct rig rig, other;
    places_open(&rig);
    memset(&other, 0, sizeof other);
    rig_files_open(&other.files);
    for (size_t i = 0; i < rig.files.n; i++) {
        char path[128];
        snprintf(path, sizeof path, "%.*s", WR_FMT(rig.files.files[i].path));
        for (size_t k = 0; k < other.files.n; k++) {
            if (wr_str_eq(other.files.files[k].path, rig.files.files[i].path)) {
                other.files.files[k].bytes = rig.files.files[i].bytes;
            }
        }
    }
    rig_put(&other.files, "lists/barred.txt", "BR\n");
    put_file(&other, "geo24.mmdb");
    rig_start(&other);
    CHECK(memcmp(wr_pack_digest(rig.pack), wr_pack_digest(other.pack), 32) != 0);
    rig_close(&other);
    struct wr_pack *pack = NULL;
    rig_put(&rig.files, "geo/geo.mmdb", "nothing");
    CHECK_INT(wr_pack_open(&rig.pack_arena, rig.files.files, rig.files.n, NULL, &pack, &rig.error),
              WR_E_PACK);
    CHECK_HAS(wr_str_z(rig.error.text), "weir.json: places.");
    CHECK_HAS(wr_str_z(rig.error.text), "geo/geo.mmdb");
    rig_close(&rig);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
