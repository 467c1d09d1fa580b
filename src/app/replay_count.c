/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between a recorded decision and the same decided again. */
#include "app/json_find.h"
#include "app/replay_in.h"
#include "base/num.h"
#include "value/json_read.h"
#include "value/json_write.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS_FIRST = 1024 };

static struct wr_str find(struct wr_str json, const char *path)
{
    size_t at, n;
    return json.n != 0 && wr_json_find(json, path, &at, &n) ? wr_str_of(json.p + at, n)
                                                            : wr_str_of("", 0);
}

/* ── amounts and filters ────────────────────────────────────────────────────────────────────── */
static int64_t amount_of(const struct wr_replay *replay, struct wr_str event)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    double d;
    if (replay->amount_path[0] == '\0' ||
        !wr_num_read_double(find(event, replay->amount_path), &d)) {
        return 0;
    }
    d *= powers[replay->result->scale];
    return fabs(d) < 4.5e15 ? llround(d) : 0;
}

/* A string's bytes, or the text of anything else. */
static struct wr_str bare(struct wr_str json)
{
    bool string = json.n >= 2 && json.p[0] == '"';
    return string ? wr_str_of(json.p + 1, json.n - 2) : json;
}

bool wr_replay_is_wanted(const struct wr_replay *replay, const struct wr_record *record)
{
    const struct wr_replay_config *config = replay->config;
    if (record->sequence < config->first || record->now_us < config->from_us ||
        record->now_us >= config->to_us ||
        (config->outcome != WR_OUTCOME_NONE && record->outcome != config->outcome)) {
        return false;
    }
    for (size_t i = 0; i < config->n_filters; i++) {
        const struct wr_replay_filter *filter = &config->filters[i];
        if (!wr_str_eq(bare(find(record->event, filter->path)), wr_str_z(filter->value))) {
            return false;
        }
    }
    return true;
}

/* ── reasons ────────────────────────────────────────────────────────────────────────────────── */
static struct wr_replay_reason *reason_of(struct wr_replay_result *result, struct wr_str code)
{
    for (size_t i = 0; i < result->n_reason_codes; i++) {
        if (wr_str_eq(wr_str_z(result->reasons[i].code), code)) {
            return &result->reasons[i];
        }
    }
    if (result->n_reason_codes == WR_LIMIT_REPLAY_REASONS ||
        code.n >= sizeof result->reasons[0].code) {
        return NULL;
    }
    struct wr_replay_reason *reason = &result->reasons[result->n_reason_codes++];
    memcpy(reason->code, code.p, code.n);
    return reason;
}

static bool holds_code(const struct wr_value *reasons, struct wr_str code)
{
    for (uint32_t i = 0; reasons->type == WR_ARRAY && i < reasons->n; i++) {
        const struct wr_value *v = wr_object_get_str(&reasons->items[i], WR_STR("code"));
        if (v != NULL && v->type == WR_STRING && wr_str_eq(wr_text(*v), code)) {
            return true;
        }
    }
    return false;
}

static void count_codes(struct wr_replay_result *result, const struct wr_value *in,
                        const struct wr_value *not_in, bool gained)
{
    for (uint32_t i = 0; in->type == WR_ARRAY && i < in->n; i++) {
        const struct wr_value *v = wr_object_get_str(&in->items[i], WR_STR("code"));
        if (v == NULL || v->type != WR_STRING || holds_code(not_in, wr_text(*v))) {
            continue;
        }
        struct wr_replay_reason *reason = reason_of(result, wr_text(*v));
        if (reason != NULL) {
            reason->gained += gained;
            reason->lost += !gained;
        }
    }
}

static void count_reasons(struct wr_replay *replay, struct wr_str was, struct wr_str is)
{
    struct wr_arena_mark mark = wr_arena_mark(&replay->scratch);
    struct wr_value a, b;
    if (wr_json_read(&replay->scratch, was, true, NULL, &a, NULL) == WR_OK &&
        wr_json_read(&replay->scratch, is, true, NULL, &b, NULL) == WR_OK) {
        count_codes(replay->result, &b, &a, true);
        count_codes(replay->result, &a, &b, false);
    }
    wr_arena_rewind(&replay->scratch, mark);
}

/* ── one decision ───────────────────────────────────────────────────────────────────────────── */
/* The document up to the pack's name, which is the same when all that it says is. */
static struct wr_str verdict_of(struct wr_str document)
{
    size_t at = wr_str_find(document, WR_STR(",\"pack\":{"), 0);
    return at == SIZE_MAX ? document : wr_str_of(document.p, at);
}

/* Rows of a file, and those of another directory, are of other keys and pack names. */
static bool is_same(const struct wr_replay *replay, const struct wr_record *record,
                    struct wr_str payload, const struct wr_answer *answer)
{
    const uint8_t *digest = wr_pack_digest(wr_engine_pack(replay->engine));
    bool same_pack = memcmp(record->pack_digest, digest, 32) == 0;
    if (same_pack && !replay->is_file) {
        return wr_str_eq(answer->record, payload);
    }
    if (same_pack) {
        return wr_str_eq(answer->document, record->document) &&
               wr_str_eq(answer->features, find(record->derived, "features"));
    }
    return wr_str_eq(verdict_of(answer->document), verdict_of(record->document));
}

static void move_score(struct wr_replay_result *result, struct wr_str was, struct wr_str is)
{
    double a, b;
    if (wr_num_read_double(was, &a) && wr_num_read_double(is, &b)) {
        result->n_scored++;
        result->score_moved += fabs(a - b);
        result->score_moved_max = fmax(result->score_moved_max, fabs(a - b));
    }
}

static const char *classify(struct wr_replay *replay, const struct wr_record *record,
                            const struct wr_answer *answer)
{
    struct wr_replay_result *result = replay->result;
    struct wr_str was = find(record->document, "reasons"), is = find(answer->document, "reasons");
    bool reasons = !wr_str_eq(was, is);
    if (reasons) {
        count_reasons(replay, was, is);
    }
    was = find(record->document, "score");
    is = find(answer->document, "score");
    bool scores = !wr_str_eq(was, is);
    if (scores) {
        move_score(result, was, is);
    }
    scores =
        scores || !wr_str_eq(find(record->document, "scores"), find(answer->document, "scores"));
    if (record->outcome != answer->outcome) {
        result->n_outcome++;
        return "outcome";
    }
    result->n_reasons += reasons;
    result->n_scores += !reasons && scores;
    result->n_features += !reasons && !scores;
    return reasons ? "reasons" : scores ? "score" : "features";
}

static void keep_example(struct wr_replay *replay, const struct wr_replay_example *example)
{
    struct wr_replay_result *result = replay->result;
    if (result->n_examples < replay->config->shown) {
        struct wr_replay_example *kept = &result->examples[result->n_examples];
        *kept = *example;
        kept->id = wr_str_copy(replay->arena, example->id);
        kept->was_reasons = wr_str_copy(replay->arena, example->was_reasons);
        kept->is_reasons = wr_str_copy(replay->arena, example->is_reasons);
        result->n_examples +=
            kept->id.p != NULL && kept->was_reasons.p != NULL && kept->is_reasons.p != NULL;
    }
}

static void write_difference(const struct wr_replay *replay, const struct wr_record *record,
                             const struct wr_answer *answer, const char *what)
{
    FILE *out = replay->config->differences;
    fprintf(out, "{\"sequence\":%llu,\"differs\":\"%s\",\"was\":%.*s,\"is\":",
            (unsigned long long)record->sequence, what, WR_FMT(record->document));
    fwrite(answer->document.p, 1, answer->document.n, out);
    fputs("}\n", out);
}

static void tell_difference(struct wr_replay *replay, const struct wr_record *record,
                            const struct wr_answer *answer, int64_t amount)
{
    struct wr_replay_result *result = replay->result;
    const char *what = classify(replay, record, answer);
    struct wr_replay_example example = {
        .sequence = record->sequence,
        .id = record->id,
        .was_reasons = find(record->document, "reasons"),
        .is_reasons = find(answer->document, "reasons"),
        .was = record->outcome,
        .is = answer->outcome,
        .amount = amount,
        .what = what,
    };
    result->changed[record->outcome][answer->outcome]++;
    result->changed_amount[record->outcome][answer->outcome] += amount;
    keep_example(replay, &example);
    if (replay->config->differences != NULL) {
        write_difference(replay, record, answer, what);
    }
}

/* Room for the decision's row; without it labels cannot be counted for it. */
static struct wr_replay_row *row_of(struct wr_replay *replay, uint64_t sequence)
{
    uint64_t at = sequence - replay->rows_first;
    if (at >= WR_LIMIT_REPLAY_ROWS) {
        return NULL;
    }
    if (at >= replay->rows_cap) {
        uint64_t cap = WR_MAX(replay->rows_cap, (uint64_t)ROWS_FIRST);
        while (cap <= at) { /* the first row compared may lie far behind the first entry */
            cap *= 2;
        }
        struct wr_replay_row *rows = realloc(replay->rows, cap * sizeof *rows);
        if (rows == NULL) {
            return NULL;
        }
        memset(rows + replay->rows_cap, 0, (cap - replay->rows_cap) * sizeof *rows);
        replay->rows = rows;
        replay->rows_cap = cap;
    }
    return &replay->rows[at];
}

void wr_replay_compare(struct wr_replay *replay, const struct wr_record *record,
                       struct wr_str payload, const struct wr_answer *answer)
{
    struct wr_replay_result *result = replay->result;
    if (!wr_replay_is_wanted(replay, record)) {
        result->n_skipped++;
        return;
    }
    result->n_decisions++;
    result->n_late += (record->flags & WR_RECORD_LATE) != 0;
    if (answer->err != WR_OK) {
        result->n_unread++;
        return;
    }
    int64_t amount = amount_of(replay, record->event);
    result->all += amount;
    result->was.outcomes[record->outcome]++;
    result->is.outcomes[answer->outcome]++;
    result->was.amounts[record->outcome] += amount;
    result->is.amounts[answer->outcome] += amount;
    struct wr_replay_row *row = row_of(replay, record->sequence);
    if (row != NULL) {
        *row =
            (struct wr_replay_row){amount, (uint8_t)record->outcome, (uint8_t)answer->outcome, 0};
    }
    if (is_same(replay, record, payload, answer)) {
        result->n_same++;
    } else {
        tell_difference(replay, record, answer, amount);
    }
}

/* ── labels ─────────────────────────────────────────────────────────────────────────────────── */
static uint8_t label_value(const struct wr_replay *replay, struct wr_str event)
{
    struct wr_arena arena;
    struct wr_value document;
    char room[4096];
    uint8_t value = 0;
    wr_arena_init_fixed(&arena, room, sizeof room, NULL, 0);
    const struct wr_value *labels = NULL;
    if (wr_json_read(&arena, event, true, NULL, &document, NULL) == WR_OK &&
        document.type == WR_OBJECT) {
        labels = wr_object_get_str(&document, WR_STR("label"));
    }
    for (uint32_t i = 0; labels != NULL && labels->type == WR_OBJECT && i < labels->n; i++) {
        const char *name = replay->config->label;
        if (name != NULL && !wr_str_eq(wr_text(labels->pairs[i].key), wr_str_z(name))) {
            continue;
        }
        const struct wr_value *v = &labels->pairs[i].value;
        uint8_t one = v->type != WR_BOOL ? 0 : wr_is_true(*v) ? 1 : 2;
        value = value == 1 || one == 0 ? value : one;
    }
    return value;
}

void wr_replay_count_label(struct wr_replay *replay, const struct wr_record *record)
{
    uint64_t sequence;
    replay->result->n_labels++;
    if (wr_engine_find_event(replay->engine, record->id, &sequence) &&
        sequence >= replay->rows_first && sequence - replay->rows_first < replay->rows_cap) {
        replay->rows[sequence - replay->rows_first].label = label_value(replay, record->event);
    }
}

static void sum_side(struct wr_replay_side *side, uint8_t outcome, bool fraud, int64_t amount)
{
    if (outcome == WR_OUTCOME_APPROVE) {
        return;
    }
    bool declined = outcome == WR_OUTCOME_DECLINE;
    if (fraud) {
        side->n_fraud_stopped++;
        side->n_fraud_declined += declined;
        side->fraud_stopped += amount;
    } else {
        side->n_genuine_stopped++;
        side->n_genuine_declined += declined;
        side->genuine_stopped += amount;
    }
}

void wr_replay_sum_up(struct wr_replay *replay)
{
    struct wr_replay_result *result = replay->result;
    for (uint64_t i = 0; i < replay->rows_cap; i++) {
        const struct wr_replay_row *row = &replay->rows[i];
        if (row->was == 0) {
            continue;
        }
        bool fraud = row->label == 1;
        result->n_labelled += row->label != 0;
        result->n_fraud += fraud;
        result->fraud += fraud ? row->amount : 0;
        sum_side(&result->was, row->was, fraud, row->amount);
        sum_side(&result->is, row->is, fraud, row->amount);
    }
}
