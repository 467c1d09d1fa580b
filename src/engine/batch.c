/* SPDX-License-Identifier: Apache-2.0 */
/* One batch through the flow. Everything that can fail comes before the first sequence is given:
 * reading, and the reservation of all room that the decisions will need. */
#include "engine/state.h"

enum { PREFETCH = 16 }; /* events whose tapes are fetched ahead; more gains nothing (measured) */

struct batch {
    struct wr_engine *engine;
    const struct wr_request *requests;
    const struct wr_record *records; /* of a replay; else NULL */
    struct wr_answer *answers;
    struct wr_case *cases;
    size_t n;
    struct wr_arena keep; /* values that cases keep from step to step */
    void *score_room;
    struct wr_buf out;
};

/* All but the texts of the error, which are long. */
static void clear(struct wr_answer *answer)
{
    memset(answer, 0, offsetof(struct wr_answer, error));
    answer->error.code = WR_OK;
    answer->error.row = answer->error.col = 0;
    answer->error.offset = WR_NO_OFFSET;
    answer->error.where[0] = answer->error.text[0] = 0;
}

static void refuse(struct batch *batch, size_t i, wr_err err)
{
    batch->cases[i].stage = WR_CASE_REFUSED;
    batch->answers[i].err = err;
    batch->engine->stats.n_refused++;
}

static void refuse_for_memory(struct batch *batch, size_t i)
{
    refuse(batch, i,
           wr_fail(&batch->answers[i].error, WR_E_MEMORY, "no room to decide the request"));
}

bool wr_case_prepare(const struct wr_engine *engine, struct wr_case *c, struct wr_arena *scratch)
{
    const struct wr_binding *binding = engine->binding;
    size_t n_features = binding->plan->n_features, n_models = binding->pack->n_models;
    size_t size = sizeof(struct wr_event) + n_features * sizeof(struct wr_feature_value) +
                  n_features * sizeof(struct wr_value) + binding->n_paths * sizeof(double) +
                  n_models * (sizeof(struct wr_value) + sizeof(uint16_t) + 1);
    if (WR_UNLIKELY(binding->plan->fleet != NULL)) {
        c->others = WR_NEW_ARRAY(scratch, struct wr_fleet_share, binding->plan->fleet->n_features);
        if (c->others == NULL) {
            return false;
        }
    }
    char *at = wr_arena_alloc(scratch, size + 64, 16);
    if (at == NULL) {
        return false;
    }
    c->event = (void *)at;
    at += (sizeof(struct wr_event) + 15) / 16 * 16;
    c->vector = (struct wr_feature_vector){.values = (void *)at};
    at += n_features * sizeof(struct wr_feature_value);
    c->features = (void *)at;
    at += n_features * sizeof(struct wr_value);
    c->score_values = (void *)at;
    at += n_models * sizeof(struct wr_value);
    c->paths = (void *)at;
    at += binding->n_paths * sizeof(double);
    c->model_absent = (void *)at;
    at += n_models * sizeof(uint16_t);
    c->model_states = (void *)at;
    return true;
}

/* ── before anything changes ────────────────────────────────────────────────────────────────── */
static void read_one(struct batch *batch, size_t i, struct wr_arena *scratch)
{
    struct wr_engine *engine = batch->engine;
    const struct wr_request *request = &batch->requests[i];
    struct wr_case *c = &batch->cases[i];
    clear(&batch->answers[i]);
    *c = (struct wr_case){.budget = request->budget,
                          .unrecorded = request->unrecorded,
                          .want_features = request->want_features,
                          .epoch = engine->config.epoch,
                          .node = engine->config.node,
                          .now_us = request->now_us,
                          .body = request->body};
    if (!wr_case_prepare(engine, c, scratch)) {
        refuse_for_memory(batch, i);
        return;
    }
    wr_err err = wr_case_read(engine, c, scratch, &batch->answers[i].error);
    if (err != WR_OK) {
        refuse(batch, i, err);
    } else if (c->event->id.n != 0) {
        wr_seen_prefetch(&engine->seen, c->id_hash);
    }
}

/* One block for all that the live cases of this batch will write and keep. */
static bool reserve(struct batch *batch, struct wr_arena *scratch)
{
    const struct wr_binding *binding = batch->engine->binding;
    size_t n_open = 0, out_size = 0;
    for (size_t i = 0; i < batch->n; i++) {
        if (batch->cases[i].stage == WR_CASE_OPEN) {
            n_open++;
            out_size += binding->case_size + batch->cases[i].event_text.n;
        }
    }
    size_t score_size = wr_case_score_room(binding, batch->n);
    size_t keep_size = n_open * binding->keep_size + 256;
    char *room = wr_arena_alloc(scratch, score_size + keep_size + out_size, 64);
    if (room == NULL) {
        return false;
    }
    batch->score_room = room;
    wr_arena_init_fixed(&batch->keep, room + score_size, keep_size, NULL, 0);
    batch->out = wr_buf_fixed(room + score_size + keep_size, out_size);
    return true;
}

/* Gives back what the reservation did not need; it was the last allocation of the scratch arena. */
static void trim(struct batch *batch, struct wr_arena *scratch)
{
    struct wr_arena_mark mark = wr_arena_mark(scratch);
    uint8_t *end = (uint8_t *)batch->out.p + batch->out.n;
    WR_ASSERT(!batch->out.overflow && end <= mark.at);
    mark.at = end;
    wr_arena_rewind(scratch, mark);
}

/* ── from here on nothing can stop a case ───────────────────────────────────────────────────── */
static void recognise(struct batch *batch, size_t i, const struct wr_seen_entry *known)
{
    struct wr_case *c = &batch->cases[i];
    struct wr_answer *answer = &batch->answers[i];
    if (known->body.lo == c->body_hash.lo && known->body.hi == c->body_hash.hi) {
        c->stage = WR_CASE_REPLAYED;
        answer->replayed = true;
        answer->sequence = known->sequence;
        answer->event_us = c->event->time_ms * 1000;
        answer->transaction_id = c->event->id;
        batch->engine->stats.n_replayed++;
        return;
    }
    batch->engine->stats.n_conflicts++;
    refuse(batch, i,
           wr_fail(&answer->error, WR_E_CONFLICT, "%.*s: the event %.*s is known with another body",
                   WR_FMT(batch->engine->binding->schema->id.text), WR_FMT(c->event->id)));
}

static void admit(struct batch *batch, size_t i)
{
    struct wr_engine *engine = batch->engine;
    struct wr_case *c = &batch->cases[i];
    bool has_id = c->event->id.n != 0, asks = has_id && batch->records == NULL;
    const struct wr_seen_entry *known =
        asks ? wr_seen_find(&engine->seen, c->id_hash, c->now_us) : NULL;
    if (known != NULL) {
        recognise(batch, i, known);
        return;
    }
    if (has_id && !wr_seen_room(&engine->seen, c->id_hash)) {
        refuse_for_memory(batch, i);
        return;
    }
    c->stage = WR_CASE_LIVE;
    c->sequence = ++engine->sequence;
    if (has_id) {
        wr_seen_add(&engine->seen, &(struct wr_seen_entry){.id_hash = c->id_hash,
                                                           .body = c->body_hash,
                                                           .sequence = c->sequence,
                                                           .now_us = c->now_us});
    }
    wr_case_lists(engine, c);
    wr_case_conditions(engine, c);
    wr_case_windows(engine, c, &batch->keep);
    wr_case_derive(engine, c, &batch->keep);
}

/* A recorded event that the running pack cannot read keeps its sequence and its id. */
static void pass(struct batch *batch, size_t i)
{
    struct wr_error ignored; /* without room the id is new to whoever asks later */
    wr_err err = wr_fold_remember(batch->engine, &batch->records[i], &ignored);
    batch->engine->stats.n_refused += err == WR_OK;
    batch->engine->last_now_us = batch->records[i].now_us;
    batch->answers[i].sequence = ++batch->engine->sequence;
}

static void admit_all(struct batch *batch)
{
    const struct wr_event *ahead[PREFETCH];
    for (size_t start = 0; start < batch->n; start += PREFETCH) {
        size_t end = WR_MIN(start + PREFETCH, batch->n), n_ahead = 0;
        for (size_t i = start; i < end; i++) {
            if (batch->cases[i].stage == WR_CASE_OPEN) {
                ahead[n_ahead++] = batch->cases[i].event;
            }
        }
        wr_feature_prefetch(batch->engine->features, ahead, n_ahead);
        for (size_t i = start; i < end; i++) {
            if (batch->cases[i].stage == WR_CASE_OPEN) {
                admit(batch, i);
            } else if (batch->records != NULL) {
                pass(batch, i);
            }
        }
    }
}

static struct wr_value main_score(const struct wr_pack *pack, const struct wr_case *c)
{
    uint32_t m = pack->policy.score_model;
    return m != UINT32_MAX && wr_case_has_score(c, m) ? c->score_values[m] : wr_undefined();
}

static void conclude(struct batch *batch, size_t i)
{
    struct wr_engine *engine = batch->engine;
    struct wr_case *c = &batch->cases[i];
    struct wr_answer *answer = &batch->answers[i];
    struct wr_verdict verdict;
    wr_case_decide(engine, c, &verdict);
    wr_case_write(engine, c, &verdict, &batch->out, answer);
    if (WR_UNLIKELY(engine->binding->pack->n_challengers != 0)) {
        wr_challenge_push(&engine->shadow, c->sequence, answer->record);
    }
    answer->late = c->vector.late;
    answer->outcome = verdict.outcome;
    answer->sequence = c->sequence;
    answer->event_us = c->event->time_ms * 1000;
    answer->n_degraded = verdict.n_degraded;
    answer->policy_failed = verdict.policy_failed;
    answer->stale = verdict.stale;
    answer->score = main_score(engine->binding->pack, c);
    answer->amount = c->event->has_amount ? c->event->amount : 0;
    answer->amount_scale = (uint8_t)engine->binding->pack->schema->amount.scale;
    engine->last_now_us = c->now_us;
    memcpy(engine->last_digest, engine->binding->pack->digest, 32);
    engine->stats.n_decisions++;
    engine->stats.n_late += c->vector.late;
    engine->stats.n_policy_errors += verdict.policy_failed;
    engine->stats.n_degraded += verdict.n_degraded != 0;
}

void wr_engine_set_probe(struct wr_engine *engine, const struct wr_engine_probe *probe)
{
    engine->probe = probe;
}

static void passed(const struct wr_engine *engine, enum wr_engine_stage stage)
{
    if (engine->probe != NULL) {
        engine->probe->passed(engine->probe->context, stage);
    }
}

static void decide_all(struct batch *batch)
{
    passed(batch->engine, WR_ENGINE_PARSE);
    admit_all(batch);
    passed(batch->engine, WR_ENGINE_FEATURE);
    wr_case_score(batch->engine, batch->cases, batch->n, batch->score_room, &batch->keep);
    passed(batch->engine, WR_ENGINE_MODEL);
    for (size_t i = 0; i < batch->n; i++) {
        if (batch->cases[i].stage == WR_CASE_LIVE) {
            conclude(batch, i);
        }
    }
    passed(batch->engine, WR_ENGINE_POLICY);
}

static void refuse_all(struct wr_engine *engine, struct wr_answer *answers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        clear(&answers[i]);
        answers[i].err = wr_fail(&answers[i].error, WR_E_MEMORY, "no room to decide the request");
        engine->stats.n_refused++;
    }
}

wr_err wr_engine_batch(struct wr_engine *engine, const struct wr_request *requests, size_t n,
                       struct wr_arena *scratch, struct wr_answer *answers, struct wr_error *error)
{
    struct batch batch = {.engine = engine, .requests = requests, .answers = answers, .n = n};
    if (n > WR_LIMIT_ENGINE_BATCH) {
        return wr_fail(error, WR_E_LIMIT, "a batch has at most %d requests", WR_LIMIT_ENGINE_BATCH);
    }
    batch.cases = wr_arena_alloc(scratch, n * sizeof *batch.cases, alignof(struct wr_case));
    if (batch.cases == NULL) {
        refuse_all(engine, answers, n);
        return WR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        read_one(&batch, i, scratch);
    }
    if (reserve(&batch, scratch)) {
        decide_all(&batch);
        trim(&batch, scratch);
        return WR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        if (batch.cases[i].stage == WR_CASE_OPEN) {
            refuse_for_memory(&batch, i);
        }
    }
    return WR_OK;
}

/* ── again ──────────────────────────────────────────────────────────────────────────────────── */
static wr_err read_recorded(struct batch *batch, size_t i, struct wr_arena *scratch,
                            struct wr_error *error)
{
    struct wr_engine *engine = batch->engine;
    const struct wr_record *record = &batch->records[i];
    struct wr_case *c = &batch->cases[i];
    clear(&batch->answers[i]);
    *c = (struct wr_case){.budget = record->budget,
                          .epoch = record->epoch,
                          .node = record->node,
                          .now_us = record->now_us,
                          .recorded = true,
                          .fleet = record->fleet};
    if (record->kind != WR_RECORD_DECISION || record->sequence != engine->sequence + 1 + i) {
        return wr_fail(error, WR_E_JOURNAL, "entry %llu is no decision that follows entry %llu",
                       (unsigned long long)record->sequence,
                       (unsigned long long)(engine->sequence + i));
    }
    if (!wr_case_prepare(engine, c, scratch)) {
        return wr_fail(error, WR_E_MEMORY, "no room to replay a record");
    }
    wr_err err = wr_case_read_record(engine, c, record, scratch, &batch->answers[i].error);
    if (err != WR_OK) {
        c->stage = WR_CASE_REFUSED;
        batch->answers[i].err = err;
    } else if (c->event->id.n != 0) {
        wr_seen_prefetch(&engine->seen, c->id_hash);
    }
    return err == WR_E_MEMORY ? wr_fail(error, err, "no room to replay a record") : WR_OK;
}

wr_err wr_engine_replay_batch(struct wr_engine *engine, const struct wr_record *records, size_t n,
                              struct wr_arena *scratch, struct wr_answer *answers,
                              struct wr_error *error)
{
    struct batch batch = {.engine = engine, .records = records, .answers = answers, .n = n};
    if (n > WR_LIMIT_ENGINE_BATCH) {
        return wr_fail(error, WR_E_LIMIT, "a batch has at most %d records", WR_LIMIT_ENGINE_BATCH);
    }
    batch.cases = wr_arena_alloc(scratch, n * sizeof *batch.cases, alignof(struct wr_case));
    wr_err err = batch.cases != NULL ? WR_OK : WR_E_MEMORY;
    for (size_t i = 0; i < n && err == WR_OK; i++) {
        err = read_recorded(&batch, i, scratch, error);
        if (err != WR_OK) {
            return err;
        }
    }
    if (err != WR_OK || !reserve(&batch, scratch)) {
        return wr_fail(error, WR_E_MEMORY, "no room to replay records");
    }
    decide_all(&batch);
    trim(&batch, scratch);
    return WR_OK;
}
