/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/record.h"

#include "base/hash.h"
#include "base/num.h"
#include "value/json_read.h"

enum {
    AT_VERSION = 2,
    AT_KIND = 3,
    AT_SEQUENCE = 4,
    AT_EPOCH = 12,
    AT_NODE = 16,
    AT_NOW = 24,
    AT_EVENT = 32,
    AT_BUDGET = 40,
    AT_FLAGS = 41,
    AT_OUTCOME = 42,
    AT_ZERO = 43,
    AT_DIGEST = 44,
    AT_LENGTHS = 76,
    HEAD_SIZE = WR_RECORD_HEAD,
    VERSION = 1,
    PART_COUNT = 6,
    LENGTH_COUNT = 8,
};

static const char *const outcome_names[WR_OUTCOME_COUNT] = {
    [WR_OUTCOME_NONE] = "none",     [WR_OUTCOME_APPROVE] = "approve",
    [WR_OUTCOME_REVIEW] = "review", [WR_OUTCOME_CHALLENGE] = "challenge",
    [WR_OUTCOME_HOLD] = "hold",     [WR_OUTCOME_DECLINE] = "decline",
};

const char *wr_outcome_name(enum wr_outcome outcome)
{
    WR_ASSERT((unsigned)outcome < WR_OUTCOME_COUNT);
    return outcome_names[outcome];
}

bool wr_outcome_read(struct wr_str text, enum wr_outcome *out)
{
    for (unsigned i = WR_OUTCOME_APPROVE; i < WR_OUTCOME_COUNT; i++) {
        if (wr_str_eq(text, wr_str_z(outcome_names[i]))) {
            *out = (enum wr_outcome)i;
            return true;
        }
    }
    return false;
}

/* ── payload ────────────────────────────────────────────────────────────────────────────────── */
size_t wr_record_size(const struct wr_record *record)
{
    return (size_t)HEAD_SIZE + record->id.n + record->anchor.n + record->event.n +
           record->derived.n + record->document.n + record->fleet.n;
}

void wr_record_encode_head(uint8_t head[WR_RECORD_HEAD], const struct wr_record *record)
{
    const size_t lengths[PART_COUNT] = {record->id.n,      record->anchor.n,   record->event.n,
                                        record->derived.n, record->document.n, record->fleet.n};
    memset(head, 0, HEAD_SIZE);
    head[0] = 'W';
    head[1] = 'R';
    head[AT_VERSION] = VERSION;
    head[AT_KIND] = (uint8_t)record->kind;
    wr_put64(head + AT_SEQUENCE, record->sequence);
    wr_put32(head + AT_EPOCH, record->epoch);
    wr_put64(head + AT_NODE, record->node);
    wr_put64(head + AT_NOW, (uint64_t)record->now_us);
    wr_put64(head + AT_EVENT, (uint64_t)record->event_us);
    head[AT_BUDGET] = (uint8_t)record->budget;
    head[AT_FLAGS] = record->flags;
    head[AT_OUTCOME] = (uint8_t)record->outcome;
    memcpy(head + AT_DIGEST, record->pack_digest, 32);
    for (size_t i = 0; i < PART_COUNT; i++) {
        wr_put32(head + AT_LENGTHS + 4 * i, (uint32_t)lengths[i]);
    }
}

void wr_record_encode(struct wr_buf *buf, const struct wr_record *record)
{
    uint8_t head[HEAD_SIZE];
    wr_record_encode_head(head, record);
    wr_buf_add(buf, head, sizeof head);
    wr_buf_str(buf, record->id);
    wr_buf_str(buf, record->anchor);
    wr_buf_str(buf, record->event);
    wr_buf_str(buf, record->derived);
    wr_buf_str(buf, record->document);
    wr_buf_str(buf, record->fleet);
}

static wr_err not_a_record(struct wr_error *error, size_t offset, const char *what)
{
    return wr_fail_at(error, WR_E_JOURNAL, offset, "not a journal record: %s", what);
}

static wr_err check_head(const uint8_t *head, size_t n, struct wr_error *error)
{
    static const uint8_t flags[] = {
        [WR_RECORD_DECISION] = WR_RECORD_LATE | WR_RECORD_DEGRADED | WR_RECORD_CHALLENGED,
        [WR_RECORD_LABEL] = WR_RECORD_NO_EFFECT,
        [WR_RECORD_ACTIVATION] = WR_RECORD_RESET,
        [WR_RECORD_SHADOW] = 0,
        [WR_RECORD_LIST] = WR_RECORD_NO_EFFECT,
    };
    if (n < HEAD_SIZE) {
        return not_a_record(error, n, "it ends within its head");
    }
    if (head[0] != 'W' || head[1] != 'R') {
        return not_a_record(error, 0, "the magic bytes are missing");
    }
    if (head[AT_VERSION] != VERSION) {
        return wr_fail_at(error, WR_E_JOURNAL, AT_VERSION,
                          "a journal record of version %d, and this program reads version %d",
                          head[AT_VERSION], VERSION);
    }
    if (head[AT_KIND] < WR_RECORD_DECISION || head[AT_KIND] > WR_RECORD_LIST) {
        return not_a_record(error, AT_KIND, "unknown kind");
    }
    if (wr_get64(head + AT_SEQUENCE) == 0) {
        return not_a_record(error, AT_SEQUENCE, "sequence 0");
    }
    if (head[AT_BUDGET] > WR_BUDGET_FALLBACK || (head[AT_FLAGS] & ~flags[head[AT_KIND]]) != 0) {
        return not_a_record(error, AT_BUDGET, "unknown budget or flags");
    }
    bool decision = head[AT_KIND] == WR_RECORD_DECISION;
    if (head[AT_OUTCOME] >= WR_OUTCOME_COUNT || decision != (head[AT_OUTCOME] != 0) ||
        head[AT_ZERO] != 0) {
        return not_a_record(error, AT_OUTCOME, "unknown outcome");
    }
    return WR_OK;
}

wr_err wr_record_decode(struct wr_str payload, struct wr_record *out, struct wr_error *error)
{
    const uint8_t *head = (const uint8_t *)payload.p;
    wr_err err = check_head(head, payload.n, error);
    if (err != WR_OK) {
        return err;
    }
    struct wr_str parts[LENGTH_COUNT];
    size_t at = HEAD_SIZE;
    for (size_t i = 0; i < LENGTH_COUNT; i++) {
        uint32_t n = wr_get32(head + AT_LENGTHS + 4 * i);
        if (n > payload.n - at || (i >= PART_COUNT && n != 0)) {
            return not_a_record(error, (size_t)AT_LENGTHS + 4 * i,
                                "a part is longer than the rest");
        }
        parts[i] = wr_str_of(payload.p + at, n);
        at += n;
    }
    if (at != payload.n) {
        return not_a_record(error, at, "bytes after its end");
    }
    *out = (struct wr_record){
        .kind = (enum wr_record_kind)head[AT_KIND],
        .sequence = wr_get64(head + AT_SEQUENCE),
        .epoch = wr_get32(head + AT_EPOCH),
        .node = wr_get64(head + AT_NODE),
        .now_us = (int64_t)wr_get64(head + AT_NOW),
        .event_us = (int64_t)wr_get64(head + AT_EVENT),
        .budget = (enum wr_budget)head[AT_BUDGET],
        .flags = head[AT_FLAGS],
        .outcome = (enum wr_outcome)head[AT_OUTCOME],
        .id = parts[0],
        .anchor = parts[1],
        .event = parts[2],
        .derived = parts[3],
        .document = parts[4],
        .fleet = parts[5],
    };
    memcpy(out->pack_digest, head + AT_DIGEST, 32);
    return WR_OK;
}

static wr_err read_object(struct wr_arena *arena, struct wr_str text, struct wr_value *out,
                          struct wr_error *error)
{
    wr_err err = wr_json_read(arena, text, true, NULL, out, error);
    if (err == WR_OK && !wr_is(*out, WR_OBJECT)) {
        err = not_a_record(error, 0, "its event is not an object");
    }
    return err;
}

wr_err wr_record_input(struct wr_arena *arena, const struct wr_record *record,
                       struct wr_value *input, struct wr_error *error)
{
    struct wr_value event, derived;
    wr_err err = read_object(arena, record->event, &event, error);
    if (err == WR_OK) {
        err = read_object(arena, record->derived, &derived, error);
    }
    if (err != WR_OK) {
        return err;
    }
    size_t n = (size_t)event.n + derived.n;
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, n + 1);
    if (pairs == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the input of a record");
    }
    if (event.n != 0) {
        memcpy(pairs, event.pairs, event.n * sizeof *pairs);
    }
    if (derived.n != 0) {
        memcpy(pairs + event.n, derived.pairs, derived.n * sizeof *pairs);
    }
    *input = wr_object_from(pairs, n);
    return WR_OK;
}

void wr_record_link(uint8_t link[32], const uint8_t payload_digest[32], uint64_t sequence)
{
    uint8_t text[72];
    memcpy(text, link, 32);
    memcpy(text + 32, payload_digest, 32);
    wr_put64(text + 64, sequence);
    wr_sha256_of(text, sizeof text, link);
}

/* ── decision ids ───────────────────────────────────────────────────────────────────────────── */
/* Eight hex digits of a number, the first one lowest. */
static uint64_t hex_digits(uint32_t v)
{
    uint64_t x = v;
    x = (x >> 16 | x << 32) &
        UINT64_C(0x0000ffff0000ffff); /* the halves, then bytes, then digits */
    x = (x >> 8 | x << 16) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x >> 4 | x << 8) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    uint64_t letters = (x + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    return x + UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
}

static char *write_decimal(char *out, uint64_t v)
{
    char room[20], *end = room + sizeof room;
    char *first = v != 0 ? wr_digits_before(end, v) : end;
    size_t n = (size_t)(end - first);
    WR_ASSERT(n <= sizeof room);
    out[0] = '-';
    out[1] = '0';
    wr_bytes_copy(out + 1, first, n);
    return out + 1 + (n != 0 ? n : 1);
}

size_t wr_decision_id_write(char out[WR_DECISION_ID_MAX], uint64_t node, uint32_t epoch,
                            uint64_t sequence)
{
    wr_put64(out, hex_digits((uint32_t)(node >> 32)));
    wr_put64(out + 8, hex_digits((uint32_t)node));
    char *end = write_decimal(write_decimal(out + 16, epoch), sequence);
    WR_ASSERT(end - out <= WR_DECISION_ID_MAX); /* 16 + 1 + 10 + 1 + 20 */
    return (size_t)(end - out);
}

static bool read_hex(struct wr_str text, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        unsigned digit;
        if (c >= '0' && c <= '9') {
            digit = (unsigned)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (unsigned)(c - 'a') + 10;
        } else {
            return false;
        }
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

static bool read_plain(struct wr_str text, uint64_t *out)
{
    if (text.n == 0 || (text.n > 1 && text.p[0] == '0') || text.p[0] == '+' || text.p[0] == '-') {
        return false;
    }
    return wr_num_read_u64(text, out);
}

bool wr_decision_id_read(struct wr_str text, uint64_t *node, uint32_t *epoch, uint64_t *sequence)
{
    enum { NODE_DIGITS = 16 };
    if (text.n > WR_DECISION_ID_MAX || text.n < NODE_DIGITS + 4 || text.p[NODE_DIGITS] != '-' ||
        !read_hex(wr_str_of(text.p, NODE_DIGITS), node)) {
        return false;
    }
    size_t dash = wr_str_find(text, WR_STR("-"), NODE_DIGITS + 1);
    uint64_t wide_epoch;
    if (dash == SIZE_MAX ||
        !read_plain(wr_str_of(text.p + NODE_DIGITS + 1, dash - NODE_DIGITS - 1), &wide_epoch) ||
        wide_epoch > UINT32_MAX ||
        !read_plain(wr_str_of(text.p + dash + 1, text.n - dash - 1), sequence)) {
        return false;
    }
    *epoch = (uint32_t)wide_epoch;
    return true;
}

void wr_record_project(struct wr_buf *buf, struct wr_str document, struct wr_str features)
{
    WR_ASSERT(document.n >= 2 && document.p[document.n - 1] == '}');
    wr_buf_add(buf, document.p, document.n - 1);
    wr_buf_str(buf, WR_STR(",\"features\":"));
    wr_buf_str(buf, features);
    wr_buf_char(buf, '}');
}
