/* SPDX-License-Identifier: Apache-2.0 */
/* Challengers, scored when the answers have left, and what their scores would have changed.
 *
 *   records that wait ─▶ cases ─▶ score of each challenger ─▶ policy with that score in the
 *                                                            champion's place ─▶ one entry
 *
 * An entry covers the decisions behind the one before it up to `upto`, all of them: those scored,
 * or those left out with the reason. An entry is a function of the decisions' records and of the
 * pack; `upto` and the reason are what a replay takes from it. */
#include "engine/state.h"
#include "value/json_read.h"
#include "value/json_write.h"

enum {
    ITEM_MAX = WR_LIMIT_NAME + 320, /* bytes of one score in an entry */
    ENTRY_MAX = 96 * 1024,          /* of an entry: the ring before the journal takes it at once */
};

static const char *const why_names[WR_CHALLENGE_WHYS] = {
    [WR_CHALLENGE_SCORED] = "scored",   [WR_CHALLENGE_LOST] = "lost",
    [WR_CHALLENGE_BACKLOG] = "backlog", [WR_CHALLENGE_STOPPED] = "stopped",
    [WR_CHALLENGE_MEMORY] = "memory",   [WR_CHALLENGE_PACK_CHANGED] = "pack_changed",
};

const char *wr_challenge_why_name(enum wr_challenge_why why)
{
    WR_ASSERT((unsigned)why < WR_CHALLENGE_WHYS);
    return why_names[why];
}

struct chunk { /* the decisions of one entry */
    struct wr_engine *engine;
    struct wr_case *cases;
    enum wr_outcome *outcomes; /* as decided */
    uint32_t n;
    struct wr_arena *scratch;
    struct wr_buf out;
    uint64_t n_scored;
    bool first;
};

/* ── scoring ────────────────────────────────────────────────────────────────────────────────── */
static bool is_asked(const struct wr_case *c, const struct wr_pack *pack, uint32_t champion)
{
    return pack->models[champion].model == NULL || (c->wanted >> champion & 1) != 0 ||
           wr_case_has_score(c, champion);
}

/* Challengers run where their champion was asked. */
static void ask_challengers(struct chunk *chunk)
{
    const struct wr_pack *pack = chunk->engine->binding->pack;
    for (uint32_t i = 0; i < chunk->n; i++) {
        struct wr_case *c = &chunk->cases[i];
        for (uint32_t m = 0; m < pack->n_models; m++) {
            const struct wr_pack_model *model = &pack->models[m];
            if (!model->is_challenger) {
                continue;
            }
            bool asked = c->budget == WR_BUDGET_FALLBACK || is_asked(c, pack, model->champion);
            c->model_states[m] = WR_SCORE_ELSEWHERE;
            c->wanted = (c->wanted & ~(UINT32_C(1) << m)) | (uint32_t)asked << m;
        }
    }
}

static bool score_challengers(struct chunk *chunk)
{
    const struct wr_binding *binding = chunk->engine->binding;
    void *room = wr_arena_alloc(chunk->scratch, wr_case_score_room(binding, chunk->n), 8);
    if (room == NULL) {
        return false;
    }
    ask_challengers(chunk);
    for (uint32_t m = 0; m < binding->pack->n_models; m++) {
        if (binding->pack->models[m].is_challenger) {
            wr_case_score_one(binding, m, chunk->cases, chunk->n, room, chunk->scratch);
        }
    }
    return !wr_arena_failed(chunk->scratch);
}

/* ── what it would have changed ─────────────────────────────────────────────────────────────── */
static void put_in_place(const struct wr_pack *pack, struct wr_case *c, uint32_t champion,
                         const struct wr_value *score)
{
    c->score_values[champion] = *score;
    c->lent |= UINT32_C(1) << champion;
    for (uint32_t m = 0; m < pack->n_models; m++) {
        if (c->model_states[m] == WR_SCORE_ROUTED && c->model_absent[m] == champion) {
            c->score_values[m] = *score;
            c->lent |= UINT32_C(1) << m;
        }
    }
}

/* The outcome with a challenger in its champion's place. The challenger's own score, when it is not
 * in shadow, stays before the policy. */
static enum wr_outcome outcome_with(struct chunk *chunk, struct wr_case *c, uint32_t challenger)
{
    const struct wr_pack *pack = chunk->engine->binding->pack;
    struct wr_value values[WR_LIMIT_PACK_MODELS];
    uint8_t states[WR_LIMIT_PACK_MODELS];
    uint32_t lent = c->lent;
    memcpy(values, c->score_values, pack->n_models * sizeof *values);
    memcpy(states, c->model_states, pack->n_models);
    put_in_place(pack, c, pack->models[challenger].champion, &values[challenger]);
    for (uint32_t m = 0; m < pack->n_models; m++) {
        if (pack->models[m].is_shadow) {
            c->model_states[m] = WR_SCORE_ELSEWHERE;
        }
    }
    enum wr_outcome outcome = wr_case_outcome(chunk->engine, c);
    memcpy(c->score_values, values, pack->n_models * sizeof *values);
    memcpy(c->model_states, states, pack->n_models);
    c->lent = lent;
    return outcome;
}

/* ── the entry ──────────────────────────────────────────────────────────────────────────────── */
static void write_value(struct wr_buf *out, const char *key, const struct wr_value *v)
{
    wr_format(out, ",\"%s\":", key);
    wr_number_write(out, v);
}

static void write_change(struct chunk *chunk, uint32_t i, uint32_t m,
                         struct wr_challenger_stats *stats)
{
    enum wr_outcome is = outcome_with(chunk, &chunk->cases[i], m), was = chunk->outcomes[i];
    if (is != was) {
        stats->n_changed++;
        wr_format(&chunk->out, ",\"outcome\":\"%s\",\"was\":\"%s\"", wr_outcome_name(is),
                  wr_outcome_name(was));
    }
}

static void write_scored(struct chunk *chunk, uint32_t i, uint32_t m,
                         struct wr_challenger_stats *stats)
{
    struct wr_case *c = &chunk->cases[i];
    uint32_t champion = chunk->engine->binding->pack->models[m].champion;
    stats->n_scored++;
    chunk->n_scored++;
    write_value(&chunk->out, "score", &c->score_values[m]);
    if (wr_case_has_score(c, champion)) {
        double difference = wr_number_to_double(&c->score_values[m]) -
                            wr_number_to_double(&c->score_values[champion]);
        struct wr_value v = wr_number_double(chunk->scratch, difference);
        if (wr_is(v, WR_NUMBER)) {
            write_value(&chunk->out, "difference", &v);
        }
        double size = difference < 0 ? -difference : difference;
        stats->n_compared++;
        stats->sum += difference;
        stats->sum_abs += size;
        stats->max_abs = WR_MAX(stats->max_abs, size);
    }
    write_change(chunk, i, m, stats);
}

static void write_item(struct chunk *chunk, uint32_t i, uint32_t m)
{
    const struct wr_pack_model *model = &chunk->engine->binding->pack->models[m];
    const struct wr_case *c = &chunk->cases[i];
    struct wr_challenger_stats *stats = &chunk->engine->shadow.stats[m];
    enum wr_model_state state = (enum wr_model_state)c->model_states[m];
    if (state == WR_SCORE_ELSEWHERE) {
        return;
    }
    wr_format(&chunk->out, "%s{\"decision\":%llu,\"model\":\"%.*s\"", chunk->first ? "" : ",",
              (unsigned long long)c->sequence, WR_FMT(model->name));
    chunk->first = false;
    if (state == WR_SCORED) {
        write_scored(chunk, i, m, stats);
    } else {
        const char *why = state == WR_SCORE_SKIPPED ? "deadline" : wr_case_score_absence(c, m);
        stats->n_unscored++;
        wr_format(&chunk->out, ",\"why\":\"%s\"", why);
    }
    wr_buf_char(&chunk->out, '}');
}

/* Whom each challenger is compared with. */
static void write_champions(struct chunk *chunk)
{
    const struct wr_pack *pack = chunk->engine->binding->pack;
    const char *before = ",\"champions\":{";
    for (uint32_t m = 0; m < pack->n_models; m++) {
        const struct wr_pack_model *model = &pack->models[m];
        if (model->is_challenger) {
            wr_format(&chunk->out, "%s\"%.*s\":\"%.*s\"", before, WR_FMT(model->name),
                      WR_FMT(pack->models[model->champion].name));
            before = ",";
        }
    }
    wr_buf_str(&chunk->out, before[1] == '\0' ? WR_STR("}") : WR_STR(""));
}

static void write_items(struct chunk *chunk)
{
    const struct wr_pack *pack = chunk->engine->binding->pack;
    write_champions(chunk);
    wr_buf_str(&chunk->out, WR_STR(",\"scores\":["));
    for (uint32_t i = 0; i < chunk->n; i++) {
        for (uint32_t m = 0; m < pack->n_models; m++) {
            if (pack->models[m].is_challenger) {
                write_item(chunk, i, m);
            }
        }
    }
    wr_buf_char(&chunk->out, ']');
}

/* Cases of the records up to `upto`. WR_E_NOT_FOUND: a gap is among them. */
static wr_err restore_all(struct chunk *chunk, uint64_t upto, uint32_t n, struct wr_error *error)
{
    struct wr_engine *engine = chunk->engine;
    chunk->cases =
        wr_arena_alloc(chunk->scratch, n * sizeof *chunk->cases, alignof(struct wr_case));
    chunk->outcomes = WR_NEW_ARRAY(chunk->scratch, enum wr_outcome, n);
    if (chunk->cases == NULL || chunk->outcomes == NULL) {
        return WR_E_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct wr_challenge_slot *slot = wr_challenge_slot(&engine->shadow, i);
        struct wr_record record;
        WR_ASSERT(slot->upto <= upto);
        if (slot->size == 0) {
            return WR_E_NOT_FOUND;
        }
        wr_err err = wr_record_decode(wr_challenge_record(&engine->shadow, slot), &record, error);
        err = err != WR_OK
                  ? err
                  : wr_case_restore(engine, &chunk->cases[i], &record, chunk->scratch, error);
        if (err != WR_OK) {
            return err;
        }
        chunk->outcomes[i] = record.outcome;
        chunk->n++;
    }
    return WR_OK;
}

/* Slots up to a sequence, and the decisions in them. */
static uint32_t count_slots(const struct wr_challenge *shadow, uint64_t upto, uint64_t *n_decisions)
{
    uint32_t n = 0;
    *n_decisions = 0;
    while (n < shadow->n_slots && wr_challenge_slot(shadow, n)->upto <= upto) {
        *n_decisions += wr_challenge_slot(shadow, n++)->n;
    }
    return n;
}

static wr_err write_derived(struct chunk *chunk, const struct wr_challenge_cover *cover,
                            struct wr_error *error)
{
    struct wr_engine *engine = chunk->engine;
    uint64_t n_decisions;
    uint32_t n = count_slots(&engine->shadow, cover->upto, &n_decisions);
    wr_err err = WR_OK;
    if (cover->why == WR_CHALLENGE_SCORED) {
        err = restore_all(chunk, cover->upto, n, error);
        err = err == WR_OK && !score_challengers(chunk) ? WR_E_MEMORY : err;
    }
    if (err != WR_OK) {
        return err;
    }
    size_t size = 256 + ((size_t)chunk->n + 1) * engine->binding->pack->n_challengers * ITEM_MAX;
    char *room = wr_arena_alloc(chunk->scratch, size, 1);
    chunk->out = wr_buf_fixed(room, room != NULL ? size : 0);
    wr_format(&chunk->out, "{\"after\":%llu,\"upto\":%llu,\"n\":%llu",
              (unsigned long long)engine->shadow.covered, (unsigned long long)cover->upto,
              (unsigned long long)n_decisions);
    if (cover->why == WR_CHALLENGE_SCORED) {
        write_items(chunk);
    } else {
        wr_format(&chunk->out, ",\"why\":\"%s\"", why_names[cover->why]);
    }
    wr_buf_char(&chunk->out, '}');
    return chunk->out.overflow ? WR_E_MEMORY : WR_OK;
}

static wr_err write_record(const struct wr_engine *engine, const struct chunk *chunk,
                           int64_t now_us, struct wr_answer *answer)
{
    char id[WR_DECISION_ID_MAX], document[WR_DECISION_ID_MAX + 64];
    size_t n =
        wr_decision_id_write(id, engine->config.node, engine->config.epoch, engine->sequence + 1);
    struct wr_buf text = wr_buf_fixed(document, sizeof document);
    wr_format(&text, "{\"shadow_id\":\"%.*s\",\"scored\":%llu}", (int)n, id,
              (unsigned long long)chunk->n_scored);
    struct wr_record record = {
        .kind = WR_RECORD_SHADOW,
        .sequence = engine->sequence + 1,
        .epoch = engine->config.epoch,
        .node = engine->config.node,
        .now_us = now_us,
        .derived = wr_buf_view(&chunk->out),
        .document = wr_buf_view(&text),
    };
    WR_ASSERT(!text.overflow);
    memcpy(record.pack_digest, engine->binding->pack->digest, 32);
    struct wr_buf out = wr_buf_in(chunk->scratch, wr_record_size(&record));
    wr_record_encode(&out, &record);
    answer->record = wr_buf_view(&out);
    return out.overflow ? WR_E_MEMORY : WR_OK;
}

static wr_err make_entry(struct wr_engine *engine, const struct wr_challenge_cover *cover,
                         int64_t now_us, struct wr_arena *scratch, struct wr_answer *answer)
{
    struct chunk chunk = {.engine = engine, .scratch = scratch, .first = true};
    *answer = (struct wr_answer){.err = WR_OK};
    wr_err err = write_derived(&chunk, cover, &answer->error);
    err = err != WR_OK ? err : write_record(engine, &chunk, now_us, answer);
    return err;
}

static void finish(struct wr_engine *engine, const struct wr_challenge_cover *cover, int64_t now_us,
                   struct wr_answer *answer)
{
    uint64_t n_decisions;
    count_slots(&engine->shadow, cover->upto, &n_decisions);
    wr_challenge_cover(&engine->shadow, cover->upto);
    engine->shadow.dropped[cover->why] += n_decisions; /* [SCORED]: those that were scored */
    engine->stats.n_shadow_entries++;
    engine->last_now_us = now_us;
    memcpy(engine->last_digest, engine->binding->pack->digest, 32);
    answer->sequence = ++engine->sequence;
}

/* ── callers ────────────────────────────────────────────────────────────────────────────────── */
uint64_t wr_engine_shadow_pending(const struct wr_engine *engine, uint64_t upto)
{
    uint64_t n = engine->shadow.n_decisions;
    if (n != 0 && wr_challenge_slot(&engine->shadow, engine->shadow.n_slots - 1)->upto > upto) {
        count_slots(&engine->shadow, upto, &n);
    }
    return n;
}

wr_err wr_engine_shadow(struct wr_engine *engine, uint32_t n_max, enum wr_challenge_why why,
                        int64_t now_us, struct wr_arena *scratch, struct wr_answer *answer)
{
    const struct wr_challenge *shadow = &engine->shadow;
    WR_ASSERT(shadow->n_slots != 0);
    const struct wr_challenge_slot *head = wr_challenge_slot(shadow, 0);
    struct wr_challenge_cover cover = {.why = why, .upto = head->upto};
    if (why != WR_CHALLENGE_SCORED) {
        cover.upto = wr_challenge_slot(shadow, shadow->n_slots - 1)->upto;
    } else if (head->size == 0) {
        cover.why = head->why;
    }
    uint32_t n_scores = WR_MAX(engine->binding->pack->n_challengers, 1u);
    n_max = WR_MIN(n_max, WR_MIN(WR_LIMIT_SHADOW_CHUNK, (uint32_t)ENTRY_MAX / ITEM_MAX / n_scores));
    for (uint32_t i = 1; cover.why == WR_CHALLENGE_SCORED && i < n_max && i < shadow->n_slots &&
                         wr_challenge_slot(shadow, i)->size != 0;
         i++) {
        cover.upto = wr_challenge_slot(shadow, i)->upto;
    }
    struct wr_arena_mark mark = wr_arena_mark(scratch);
    wr_err err = make_entry(engine, &cover, now_us, scratch, answer);
    if (err != WR_OK && cover.why == WR_CHALLENGE_SCORED) { /* told, not silent */
        wr_arena_rewind(scratch, mark);
        cover.why = WR_CHALLENGE_MEMORY;
        err = make_entry(engine, &cover, now_us, scratch, answer);
    }
    if (err != WR_OK) {
        answer->err = wr_fail(&answer->error, WR_E_MEMORY, "no room to score challengers");
        return answer->err;
    }
    finish(engine, &cover, now_us, answer);
    return WR_OK;
}

/* The head is a gap of folded decisions: what an entry said of them cannot be told again. */
static bool was_folded(const struct wr_challenge *shadow, const struct wr_challenge_cover *cover)
{
    const struct wr_challenge_slot *head =
        shadow->n_slots != 0 ? wr_challenge_slot(shadow, 0) : NULL;
    return head != NULL && head->size == 0 && head->why == WR_CHALLENGE_LOST &&
           cover->why != WR_CHALLENGE_LOST;
}

/* Where decisions were folded the queue was not as full as when the entry was written: what was a
 * gap then may be records, and a gap may reach further. */
static bool fits_otherwise(const struct wr_challenge *shadow,
                           const struct wr_challenge_cover *cover)
{
    uint64_t n_decisions;
    count_slots(shadow, cover->upto, &n_decisions);
    return shadow->has_folded && n_decisions != cover->n;
}

wr_err wr_challenge_repeat(struct wr_engine *engine, const struct wr_challenge_cover *cover,
                           int64_t now_us, struct wr_arena *scratch, struct wr_answer *answer)
{
    wr_err err = WR_E_NOT_FOUND;
    if (was_folded(&engine->shadow, cover) || fits_otherwise(&engine->shadow, cover)) {
        wr_challenge_fold(&engine->shadow, cover->upto, cover->n);
    } else {
        err = make_entry(engine, cover, now_us, scratch, answer);
    }
    if (err == WR_E_NOT_FOUND) {
        *answer = (struct wr_answer){.record = WR_STR("")};
    } else if (err != WR_OK) {
        answer->err = wr_fail(&answer->error, err, "no room to score challengers again");
        return answer->err;
    }
    finish(engine, cover, now_us, answer);
    return WR_OK;
}

static wr_err read_why(const struct wr_value *why, enum wr_challenge_why *out)
{
    *out = WR_CHALLENGE_SCORED;
    for (unsigned i = WR_CHALLENGE_LOST; why != NULL && i < WR_CHALLENGE_WHYS; i++) {
        if (wr_is(*why, WR_STRING) && wr_str_eq(wr_text(*why), wr_str_z(why_names[i]))) {
            *out = (enum wr_challenge_why)i;
        }
    }
    return why == NULL || *out != WR_CHALLENGE_SCORED ? WR_OK : WR_E_JOURNAL;
}

wr_err wr_challenge_read(const struct wr_record *record, struct wr_arena *scratch,
                         struct wr_challenge_cover *out, struct wr_error *error)
{
    static const struct wr_json_limits limits = {.size_max = WR_LIMIT_RECORD_SIZE,
                                                 .depth_max = WR_LIMIT_REQUEST_DEPTH};
    struct wr_value derived;
    int64_t upto, n;
    wr_err err = wr_json_read(scratch, record->derived, true, &limits, &derived, error);
    if (err != WR_OK) {
        return err;
    }
    const struct wr_value *parts[3] = {0};
    static const char *const names[] = {"upto", "n", "why"};
    for (size_t i = 0; i < WR_COUNTOF(names) && wr_is(derived, WR_OBJECT); i++) {
        parts[i] = wr_object_get_str(&derived, wr_str_z(names[i]));
    }
    if (parts[0] == NULL || parts[1] == NULL || !wr_is(*parts[0], WR_NUMBER) ||
        !wr_is(*parts[1], WR_NUMBER) || !wr_number_to_i64(parts[0], &upto) ||
        !wr_number_to_i64(parts[1], &n) || upto < 0 || n < 0 ||
        (uint64_t)upto >= record->sequence || read_why(parts[2], &out->why) != WR_OK) {
        return wr_fail(error, WR_E_JOURNAL, "entry %llu: it does not say what it covers",
                       (unsigned long long)record->sequence);
    }
    out->upto = (uint64_t)upto;
    out->n = (uint64_t)n;
    return WR_OK;
}

bool wr_engine_challenger(const struct wr_engine *engine, size_t i, struct wr_challenger_stats *out)
{
    const struct wr_pack *pack = engine->binding->pack;
    for (uint32_t m = 0; m < pack->n_models; m++) {
        const struct wr_pack_model *model = &pack->models[m];
        if (model->is_challenger && i-- == 0) {
            *out = engine->shadow.stats[m];
            out->name = model->name;
            out->champion = pack->models[model->champion].name;
            return true;
        }
    }
    return false;
}
