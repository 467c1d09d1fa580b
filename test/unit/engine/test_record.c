/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "engine/record.h"

#include "base/hash.h"
#include "value/json_write.h"

static const struct wr_memory memory = CHECK_MEMORY;

static struct wr_record example(void)
{
    struct wr_record record = {
        .kind = WR_RECORD_DECISION,
        .sequence = 7,
        .epoch = 3,
        .node = 0x0123456789abcdef,
        .now_us = 1700000000000001,
        .event_us = -5,
        .budget = WR_BUDGET_FALLBACK,
        .flags = WR_RECORD_LATE,
        .outcome = WR_OUTCOME_HOLD,
        .id = WR_STR("t-1"),
        .anchor = WR_STR("anchor"),
        .event = WR_STR("{\"transaction\":{\"id\":\"t-1\"}}"),
        .derived = WR_STR("{\"features\":{\"n\":1},\"lists\":{},\"missing\":{},\"scores\":{}}"),
        .document = WR_STR("{\"outcome\":\"hold\"}"),
    };
    memset(record.pack_digest, 0xa5, 32);
    return record;
}

TEST("a record comes back as it was written")
{
    char room[1024];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    struct wr_record record = example(), got;
    struct wr_error error;
    wr_record_encode(&buf, &record);
    CHECK(!buf.overflow);
    CHECK_INT(buf.n, wr_record_size(&record));
    CHECK_INT(wr_record_decode(wr_buf_view(&buf), &got, &error), WR_OK);
    CHECK_INT(got.kind, record.kind);
    CHECK(got.sequence == 7 && got.epoch == 3 && got.node == record.node);
    CHECK(got.now_us == record.now_us && got.event_us == -5);
    CHECK(got.budget == record.budget && got.flags == record.flags);
    CHECK_INT(got.outcome, WR_OUTCOME_HOLD);
    CHECK(memcmp(got.pack_digest, record.pack_digest, 32) == 0);
    CHECK(wr_str_eq(got.id, record.id) && wr_str_eq(got.anchor, record.anchor));
    CHECK(wr_str_eq(got.event, record.event) && wr_str_eq(got.derived, record.derived));
    CHECK(wr_str_eq(got.document, record.document));
}

TEST("every cut and every changed byte of a record's head is told or harmless")
{
    char room[1024];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    struct wr_record record = example(), got;
    wr_record_encode(&buf, &record);
    for (size_t n = 0; n < buf.n; n++) { /* exact copies, so that a sanitizer sees each step past */
        char *copy = malloc(n + 1);
        memcpy(copy, room, n);
        CHECK(wr_record_decode(wr_str_of(copy, n), &got, NULL) == WR_E_JOURNAL);
        free(copy);
    }
    char *copy = malloc(buf.n);
    for (size_t at = 0; at < WR_RECORD_HEAD; at++) {
        for (int bit = 0; bit < 8; bit++) {
            memcpy(copy, room, buf.n);
            copy[at] = (char)(copy[at] ^ (1 << bit));
            if (wr_record_decode(wr_str_of(copy, buf.n), &got, NULL) == WR_OK) {
                CHECK(got.document.p + got.document.n == copy + buf.n);
            }
        }
    }
    free(copy);
}

TEST("bytes after a record's end are refused")
{
    char room[1024];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    struct wr_record record = example(), got;
    struct wr_error error = {0};
    wr_record_encode(&buf, &record);
    wr_buf_char(&buf, 'x');
    CHECK_INT(wr_record_decode(wr_buf_view(&buf), &got, &error), WR_E_JOURNAL);
    CHECK_INT(error.offset, buf.n - 1);
}

TEST("a record of another version says so")
{
    char room[1024];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    struct wr_record record = example(), got;
    struct wr_error error = {0};
    wr_record_encode(&buf, &record);
    room[2] = 9;
    CHECK_INT(wr_record_decode(wr_buf_view(&buf), &got, &error), WR_E_JOURNAL);
    CHECK(strstr(error.text, "version 9") != NULL);
}

TEST("the policy's input is the event and the derived part side by side, sorted")
{
    char room[256];
    struct wr_arena arena;
    struct wr_record record = example();
    struct wr_value input;
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    wr_arena_init(&arena, &memory, 1 << 20);
    CHECK_INT(wr_record_input(&arena, &record, &input, NULL), WR_OK);
    wr_json_write(&buf, &input, WR_JSON_COMPACT);
    CHECK_TEXT(buf.p, buf.n,
               "{\"features\":{\"n\":1},\"lists\":{},\"missing\":{},\"scores\":{},"
               "\"transaction\":{\"id\":\"t-1\"}}");
    record.derived = WR_STR("[]");
    CHECK_INT(wr_record_input(&arena, &record, &input, NULL), WR_E_JOURNAL);
    wr_arena_deinit(&arena);
}

TEST("the chain's link is the hash of the last link, the payload's digest and the sequence")
{
    uint8_t link[32] = {0}, digest[32], want[32], all[72] = {0};
    wr_sha256_of("payload", 7, digest);
    memcpy(all + 32, digest, 32);
    all[64] = 1;
    wr_sha256_of(all, sizeof all, want);
    wr_record_link(link, digest, 1);
    CHECK(memcmp(link, want, 32) == 0);
    wr_record_link(link, digest, 2);
    CHECK(memcmp(link, want, 32) != 0);
}

TEST("decision ids are written and read back")
{
    char id[WR_DECISION_ID_MAX];
    uint64_t node, sequence;
    uint32_t epoch;
    size_t n = wr_decision_id_write(id, 0x5f0c3a91d2e4b687, 3, 1842);
    CHECK_TEXT(id, n, "5f0c3a91d2e4b687-3-1842");
    CHECK(wr_decision_id_read(wr_str_of(id, n), &node, &epoch, &sequence));
    CHECK(node == 0x5f0c3a91d2e4b687 && epoch == 3 && sequence == 1842);
    n = wr_decision_id_write(id, 0, 0, 1);
    CHECK_TEXT(id, n, "0000000000000000-0-1");
    CHECK(wr_decision_id_read(wr_str_of(id, n), &node, &epoch, &sequence));
    CHECK(node == 0 && epoch == 0 && sequence == 1);
    n = wr_decision_id_write(id, UINT64_MAX, UINT32_MAX, UINT64_MAX);
    CHECK(wr_decision_id_read(wr_str_of(id, n), &node, &epoch, &sequence));
    CHECK(node == UINT64_MAX && epoch == UINT32_MAX && sequence == UINT64_MAX);
}

TEST("what is not exactly a decision id is refused")
{
    static const char *const texts[] = {
        "",
        "5f0c3a91d2e4b687",
        "5f0c3a91d2e4b687-3",
        "5f0c3a91d2e4b687-3-",
        "5f0c3a91d2e4b687--1",
        "5f0c3a91d2e4b687-03-1",
        "5f0c3a91d2e4b687-3-01",
        "5f0c3a91d2e4b687-3-+1",
        "5f0c3a91d2e4b687-3--1",
        "5F0C3A91D2E4B687-3-1",
        "5f0c3a91d2e4b68g-3-1",
        "5f0c3a91d2e4b687-4294967296-1",
        "5f0c3a91d2e4b687-3-18446744073709551616",
        "5f0c3a91d2e4b687-3-1 ",
        "5f0c3a91d2e4b687-3-1-1",
        "5f0c3a91d2e4b6870-3-1",
    };
    uint64_t node, sequence;
    uint32_t epoch;
    for (size_t i = 0; i < WR_COUNTOF(texts); i++) {
        CHECK(!wr_decision_id_read(wr_str_z(texts[i]), &node, &epoch, &sequence));
    }
}

TEST("outcomes have names, and only these")
{
    enum wr_outcome outcome;
    for (int i = WR_OUTCOME_APPROVE; i < WR_OUTCOME_COUNT; i++) {
        CHECK(wr_outcome_read(wr_str_z(wr_outcome_name((enum wr_outcome)i)), &outcome));
        CHECK_INT(outcome, i);
    }
    CHECK(!wr_outcome_read(WR_STR("none"), &outcome));
    CHECK(!wr_outcome_read(WR_STR("Approve"), &outcome));
}

TEST("a document is projected with its features before the closing brace")
{
    char room[128];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    wr_record_project(&buf, WR_STR("{\"late\":false}"), WR_STR("{\"n\":1}"));
    CHECK_TEXT(buf.p, buf.n, "{\"late\":false,\"features\":{\"n\":1}}");
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
