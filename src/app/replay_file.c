/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of `weir journal export` as records: what the export leaves out (anchor, node's keys) is not
 * needed to decide again. */
#include "app/file.h"
#include "app/json_find.h"
#include "app/replay_in.h"
#include "base/num.h"
#include "value/json_read.h"

#include <errno.h>
#include <stdlib.h>

static struct wr_str part(struct wr_str line, const char *name)
{
    size_t at, n;
    return wr_json_find(line, name, &at, &n) ? wr_str_of(line.p + at, n) : wr_str_of("", 0);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_digest(struct wr_str text, uint8_t out[32])
{
    for (size_t i = 0; i < 32; i++) {
        int high = text.n == 66 ? hex_digit(text.p[1 + 2 * i]) : -1;
        int low = text.n == 66 ? hex_digit(text.p[2 + 2 * i]) : -1;
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool read_kind(struct wr_str text, enum wr_record_kind *kind)
{
    static const struct wr_str names[] = {[WR_RECORD_DECISION] = {"\"decision\"", 10},
                                          [WR_RECORD_LABEL] = {"\"label\"", 7},
                                          [WR_RECORD_ACTIVATION] = {"\"activation\"", 12},
                                          [WR_RECORD_SHADOW] = {"\"shadow\"", 8},

                                          [WR_RECORD_LIST] = {"\"list\"", 6}};
    for (size_t i = WR_RECORD_DECISION; i < WR_COUNTOF(names); i++) {
        if (wr_str_eq(text, names[i])) {
            *kind = (enum wr_record_kind)i;
            return true;
        }
    }
    return false;
}

/* Node and epoch stand in the id of the document. */
static void read_author(struct wr_str document, struct wr_record *record)
{
    struct wr_str id = part(document, record->kind == WR_RECORD_LABEL    ? "label_id"
                                      : record->kind == WR_RECORD_SHADOW ? "shadow_id"
                                      : record->kind == WR_RECORD_LIST   ? "change_id"
                                                                         : "decision_id");
    uint64_t sequence;
    if (id.n > 2) {
        (void)wr_decision_id_read(wr_str_of(id.p + 1, id.n - 2), &record->node, &record->epoch,
                                  &sequence);
    }
}

static wr_err read_line(struct wr_replay *replay, struct wr_str line, struct wr_record *record,
                        struct wr_error *error)
{
    struct wr_value document;
    uint64_t number = 0;
    *record = (struct wr_record){.event = part(line, "event"),
                                 .derived = part(line, "derived"),
                                 .document = part(line, "document")};
    wr_err code = wr_json_read(&replay->texts, line, true, NULL, &document, error);
    if (code != WR_OK) {
        return code;
    }
    const struct wr_value *id =
        document.type == WR_OBJECT ? wr_object_get_str(&document, WR_STR("id")) : NULL;
    if (!read_kind(part(line, "kind"), &record->kind) ||
        !wr_num_read_u64(part(line, "sequence"), &record->sequence) ||
        !wr_num_read_i64(part(line, "now_us"), &record->now_us) || id == NULL ||
        id->type != WR_STRING || !read_digest(part(line, "pack"), record->pack_digest)) {
        return wr_fail(error, WR_E_JOURNAL, "this is no row of weir journal export");
    }
    record->id = wr_text(*id);
    read_author(record->document, record);
    if (wr_num_read_u64(part(line, "flags"), &number) && number < 256) {
        record->flags = (uint8_t)number;
    }
    if (wr_num_read_u64(part(line, "budget"), &number) && number <= WR_BUDGET_FALLBACK) {
        record->budget = (enum wr_budget)number;
    }
    struct wr_str outcome = part(record->document, "outcome");
    if (record->kind == WR_RECORD_DECISION &&
        (outcome.n < 2 ||
         !wr_outcome_read(wr_str_of(outcome.p + 1, outcome.n - 2), &record->outcome))) {
        return wr_fail(error, WR_E_JOURNAL, "the row of a decision has no outcome");
    }
    return WR_OK;
}

wr_err wr_replay_file_each(struct wr_replay *replay,
                           wr_err (*each)(struct wr_replay *replay, const struct wr_record *record,
                                          struct wr_str payload, struct wr_error *error),
                           struct wr_error *error)
{
    bool standard = strcmp(replay->config->file, "-") == 0;
    FILE *in = standard ? stdin : fopen(replay->config->file, "rb");
    if (in == NULL) {
        return wr_fail(error, WR_E_IO, "%s: %s", replay->config->file, strerror(errno));
    }
    char *room = NULL;
    size_t cap = 0;
    ssize_t n;
    wr_err code = WR_OK;
    uint64_t line = 0;
    while (code == WR_OK && (n = getline(&room, &cap, in)) > 0) {
        struct wr_record record;
        struct wr_str text = wr_str_copy(&replay->texts, wr_str_of(room, (size_t)n));
        line++;
        code = (size_t)n <= 2 * WR_LIMIT_RECORD_SIZE && text.p != NULL
                   ? read_line(replay, text, &record, error)
                   : wr_fail(error, WR_E_LIMIT, "the line is too long");
        if (code != WR_OK) {
            struct wr_error inner = *error;
            code = wr_fail(error, code, "line %llu: %s", (unsigned long long)line, inner.text);
            break;
        }
        code = each(replay, &record, text, error);
    }
    free(room);
    if (!standard) {
        fclose(in);
    }
    return code;
}
