/* SPDX-License-Identifier: Apache-2.0 */
#include "app/decider.h"
#include "app/file.h"

#include <stdlib.h>

enum { BATCH = 256 };
#define SCRATCH_CAP WR_GIB(1)

struct wr_decider {
    struct wr_decider_config config;
    struct wr_arena bodies, scratch, times;
    struct wr_request requests[BATCH];
    struct wr_answer answers[BATCH];
    uint64_t lines[BATCH];
    bool frauds[BATCH];
    size_t n;
    int64_t batch_due_us; /* when the first label of the running batch would be due */
    struct wr_labelqueue queue;
    struct wr_anchors anchors;
    uint64_t n_labels;
};

struct wr_decider *wr_decider_open(const struct wr_decider_config *config)
{
    struct wr_decider *decider = calloc(1, sizeof *decider);
    if (decider == NULL) {
        return NULL;
    }
    decider->config = *config;
    decider->batch_due_us = INT64_MAX;
    wr_arena_init(&decider->bodies, &wr_heap, SCRATCH_CAP);
    wr_arena_init(&decider->scratch, &wr_heap, SCRATCH_CAP);
    wr_arena_init(&decider->times, &wr_heap, SCRATCH_CAP);
    return decider;
}

void wr_decider_close(struct wr_decider *decider)
{
    wr_arena_deinit(&decider->bodies);
    wr_arena_deinit(&decider->scratch);
    wr_arena_deinit(&decider->times);
    wr_labelqueue_close(&decider->queue);
    wr_anchors_close(&decider->anchors);
    free(decider);
}

uint64_t wr_decider_labels(const struct wr_decider *decider)
{
    return decider->n_labels;
}

/* What an answer leaves behind for labels to come. */
static wr_err keep(struct wr_decider *decider, size_t i, struct wr_error *error)
{
    const struct wr_answer *answer = &decider->answers[i];
    if (answer->err != WR_OK || answer->replayed) {
        return WR_OK;
    }
    bool good = true;
    if (decider->frauds[i]) {
        good =
            wr_labelqueue_push(&decider->queue, answer->event_us + decider->config.label_delay_us,
                               answer->sequence, answer->transaction_id, answer->anchor);
    }
    if (decider->config.labels_by_id) {
        good = good && wr_anchors_put(&decider->anchors, answer->transaction_id, answer->anchor);
    }
    return good ? WR_OK : wr_fail(error, WR_E_MEMORY, "no memory for labels that wait");
}

wr_err wr_decider_flush(struct wr_decider *decider, struct wr_error *error)
{
    wr_err code = WR_OK;
    if (decider->n != 0) {
        code = wr_engine_batch(decider->config.engine, decider->requests, decider->n,
                               &decider->scratch, decider->answers, error);
    }
    for (size_t i = 0; i < decider->n && code == WR_OK; i++) {
        code = keep(decider, i, error);
        if (code == WR_OK &&
            !decider->config.sink.answer(decider->config.sink.context, decider->lines[i],
                                         &decider->answers[i])) {
            code = wr_fail(error, WR_E_IO, "the output was closed");
        }
    }
    decider->n = 0;
    decider->batch_due_us = INT64_MAX;
    wr_arena_reset(&decider->bodies);
    wr_arena_reset(&decider->scratch);
    return code;
}

static wr_err apply(struct wr_decider *decider, const struct wr_label *label, struct wr_str anchor,
                    int64_t now_us, struct wr_error *error)
{
    struct wr_answer answer;
    wr_err code =
        wr_engine_label(decider->config.engine, label, anchor, now_us, &decider->scratch, &answer);
    if (code != WR_OK && error != NULL) {
        *error = answer.error;
    }
    decider->n_labels += code == WR_OK;
    wr_arena_reset(&decider->scratch);
    return code;
}

/* Applies every label due at or before an event's time. */
static wr_err release(struct wr_decider *decider, int64_t until_us, struct wr_error *error)
{
    wr_err code = WR_OK;
    struct wr_due_label due;
    while (code == WR_OK && wr_labelqueue_due(&decider->queue) <= until_us &&
           wr_labelqueue_pop(&decider->queue, &due)) {
        struct wr_label label = {.id = wr_str_of(due.bytes, due.id_n),
                                 .n = 1,
                                 .names = {decider->config.label_name},
                                 .values = {WR_LABEL_TRUE}};
        code = apply(decider, &label, wr_str_of(due.bytes + due.id_n, due.anchor_n), due.due_us,
                     error);
        free(due.bytes);
    }
    return code;
}

/* Lets labels act that are due before this event; notes when its own will be. */
static wr_err settle_time(struct wr_decider *decider, struct wr_str body, bool fraud,
                          struct wr_error *error)
{
    int64_t due_us = WR_MIN(wr_labelqueue_due(&decider->queue), decider->batch_due_us), event_us;
    if (due_us == INT64_MAX && !fraud) {
        return WR_OK;
    }
    wr_err code =
        wr_engine_event_us(decider->config.engine, &decider->times, body, &event_us, NULL);
    wr_arena_reset(&decider->times);
    if (code != WR_OK) {
        return WR_OK; /* the engine will refuse it and say why */
    }
    if (due_us <= event_us) {
        code = wr_decider_flush(decider, error);
        code = code == WR_OK ? release(decider, event_us, error) : code;
    }
    if (fraud) {
        int64_t own_us = event_us + decider->config.label_delay_us;
        decider->batch_due_us = WR_MIN(decider->batch_due_us, own_us);
    }
    return code;
}

wr_err wr_decider_event(struct wr_decider *decider, uint64_t line, struct wr_str body, bool fraud,
                        struct wr_error *error)
{
    wr_err code = settle_time(decider, body, fraud, error);
    if (code != WR_OK) {
        return code;
    }
    struct wr_str kept = wr_str_copy(&decider->bodies, body);
    if (kept.p == NULL) {
        return wr_fail(error, WR_E_MEMORY, "line %llu does not fit into memory",
                       (unsigned long long)line);
    }
    decider->requests[decider->n] = (struct wr_request){
        .body = kept,
        .now_us = decider->config.now_us,
        .want_features = decider->config.want_features,
    };
    decider->lines[decider->n] = line;
    decider->frauds[decider->n] = fraud;
    return ++decider->n < BATCH ? WR_OK : wr_decider_flush(decider, error);
}

wr_err wr_decider_label(struct wr_decider *decider, struct wr_str body, struct wr_error *error)
{
    struct wr_label label;
    wr_err code = wr_decider_flush(decider, error); /* the event may still be in the batch */
    if (code == WR_OK) {
        code = wr_label_read(decider->config.engine, &decider->bodies, body, &label, error);
    }
    if (code != WR_OK) {
        return code;
    }
    struct wr_engine_stats stats;
    wr_engine_stats(decider->config.engine, &stats);
    struct wr_str anchor = wr_anchors_find(&decider->anchors, label.id);
    return apply(decider, &label, anchor, stats.watermark_us, error);
}
