/* SPDX-License-Identifier: Apache-2.0 */
/* The digest of a state: SHA-256 over the watermark and, in order of last use, one hash for each
 * entity whose history still counts. What counts no more, where things lie in memory and what has
 * been swept do not enter. */
#include "base/hash.h"
#include "feature/state.h"

/* Two lanes of a 64-bit mix: told apart from chance, not from malice (keys are hashed already). */
struct mixer {
    uint64_t a, b;
};

static void mix(struct mixer *m, uint64_t v)
{
    m->a = wr_mix64(m->a ^ v);
    m->b = wr_mix64(m->b + v * UINT64_C(0x9e3779b97f4a7c15)) ^ m->a;
}

static uint64_t mix_tape(struct mixer *m, struct wr_feature_state *state, const struct wr_row *row,
                         int64_t horizon)
{
    struct wr_tape tape = wr_state_tape(state, row);
    struct wr_cursor cursor;
    struct wr_record record = {0};
    uint64_t n = 0;
    wr_tape_seek(&tape, horizon, &cursor);
    while (wr_tape_next(&tape, &cursor, &record)) {
        mix(m, (uint64_t)record.tick);
        mix(m, record.bits);
        for (uint32_t c = 0; c < tape.class->n_columns; c++) {
            uint32_t field = tape.class->columns[c].field;
            const struct wr_dictionary *d =
                field < WR_LIMIT_SCHEMA_FIELDS ? state->dictionaries[field] : NULL;
            uint64_t kept = record.columns[c];
            mix(m, d != NULL && kept != 0 ? wr_dictionary_hash(d, kept) : kept);
        }
        n++;
    }
    return n;
}

static void add_u64(struct wr_sha256 *sha, uint64_t v)
{
    uint8_t bytes[8];
    wr_put64(bytes, v);
    wr_sha256_add(sha, bytes, sizeof bytes);
}

static void add_list(struct wr_sha256 *sha, struct wr_feature_state *state,
                     const struct wr_row_list *list)
{
    for (uint32_t at = list->oldest; at != WR_ROW_NONE;) {
        const struct wr_row *row = wr_entity_row(&state->entities, at);
        int64_t horizon = wr_state_horizon(state, row->entity);
        bool lost = wr_row_lost(row) > horizon;
        struct mixer m = {row->hash, row->check};
        mix(&m, row->entity);
        mix(&m, lost ? (uint64_t)wr_row_lost(row) : UINT64_MAX);
        uint64_t n = mix_tape(&m, state, row, horizon);
        if (n != 0 || lost) {
            add_u64(sha, m.a);
            add_u64(sha, m.b);
        }
        at = row->after;
    }
    add_u64(sha, 0);
}

void wr_feature_digest(const struct wr_feature_state *state, uint8_t digest[32])
{
    struct wr_sha256 sha;
    /* Tapes are only read; their type wants a store it could write to. */
    struct wr_feature_state *readable = (struct wr_feature_state *)(uintptr_t)state;
    wr_sha256_init(&sha);
    add_u64(&sha, (uint64_t)state->newest_tick);
    add_u64(&sha, (uint64_t)state->kept_since_tick);
    for (uint32_t i = 0; i < state->plan->schema->n_entities; i++) {
        int64_t horizon = wr_state_horizon(state, i);
        add_u64(&sha, (uint64_t)WR_MAX(horizon, state->forgotten[i]));
    }
    add_list(&sha, readable, &state->entities.live);
    add_list(&sha, readable, &state->entities.lost);
    wr_sha256_end(&sha, digest);
}

/* ── figures ────────────────────────────────────────────────────────────────────────────────── */
static uint64_t records_of(struct wr_feature_state *state)
{
    uint64_t n = 0;
    for (uint32_t at = state->entities.live.oldest; at != WR_ROW_NONE;) {
        const struct wr_row *row = wr_entity_row(&state->entities, at);
        struct mixer m = {0};
        n += mix_tape(&m, state, row, wr_state_horizon(state, row->entity));
        at = row->after;
    }
    return n;
}

uint64_t wr_feature_records(const struct wr_feature_state *state)
{
    return records_of((struct wr_feature_state *)(uintptr_t)state);
}

struct wr_feature_stats wr_feature_stats(const struct wr_feature_state *state)
{
    bool empty = state->newest_tick == WR_TICK_NONE;
    uint64_t table = wr_entities_taken(&state->entities);
    return (struct wr_feature_stats){
        .entities = state->entities.live.n,
        .bytes_used = state->store.used + table,
        .bytes_taken = wr_store_taken(&state->store) + table + sizeof *state,
        .events = state->n_events,
        .late = state->n_late,
        .labels = state->n_labels,
        .labels_without_effect = state->n_labels_idle,
        .evictions = state->n_evictions,
        .forgotten = state->n_forgotten,
        .sequence = state->sequence,
        .watermark_ms =
            empty ? INT64_MIN
                  : (state->newest_tick - state->lateness_ticks) * state->plan->schema->tick_ms,
    };
}
