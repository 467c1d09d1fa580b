/* SPDX-License-Identifier: Apache-2.0 */
/* What the next events need, done before they come. */
#include "feature/chunk.h"
#include "feature/large.h"
#include "feature/state.h"

/* ── towards the cache ──────────────────────────────────────────────────────────────────────── */
static void prefetch_lines(const void *p, unsigned from, unsigned to)
{
    for (unsigned line = from; line < to; line++) {
        __builtin_prefetch((const uint8_t *)p + (size_t)line * 64);
    }
}

/* The row, which is in the cache by now: its neighbours in order of use and what it refers to. */
static void prefetch_row(const struct wr_feature_state *state, const struct wr_row *row)
{
    const struct wr_entities *entities = &state->entities;
    if (row->before != WR_ROW_NONE) {
        __builtin_prefetch(wr_entity_row(entities, row->before), 1);
    }
    if (row->after != WR_ROW_NONE) {
        __builtin_prefetch(wr_entity_row(entities, row->after), 1);
    }
    if (row->ref != WR_STORE_NO_REF) {
        const struct wr_feature_class *class = &state->plan->classes[row->entity];
        unsigned lines = row->is_large ? wr_store_sizes[class->large_size] / 64 : 4;
        prefetch_lines(wr_store_look(&state->store, row->ref), 0, WR_MIN(lines, 10u));
    }
}

/* Of a large tape what the marks will move over; of a small one the rest of it. */
static void prefetch_tape(const struct wr_feature_state *state, const struct wr_row *row,
                          int64_t tick)
{
    if (row->is_large) {
        wr_large_prefetch(&state->plan->classes[row->entity], &state->store,
                          wr_store_look(&state->store, row->ref), tick);
    } else if (row->ref != WR_STORE_NO_REF) {
        const struct wr_chunk *chunk = wr_store_look(&state->store, row->ref);
        prefetch_lines(chunk, 4, (wr_store_sizes[chunk->size] + 63u) / 64);
    }
}

/* Where the next record of a large tape goes. */
static void prefetch_end(const struct wr_feature_state *state, const struct wr_row *row)
{
    if (row->is_large) {
        const struct wr_large *large = wr_store_look(&state->store, row->ref);
        const struct wr_chunk *chunk = wr_store_look(&state->store, large->last);
        __builtin_prefetch(chunk->bytes + (size_t)chunk->n * wr_stride(chunk), 1);
    }
}

struct ahead { /* one key of one event */
    const struct wr_event_key *key;
    const struct wr_row *row; /* NULL: not held */
    int64_t tick;
};

/* One step further each round: slots, rows, tapes, records: each is in the cache when needed. */
static void prefetch_keys(const struct wr_feature_state *state, struct ahead *ahead, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        wr_entity_prefetch(&state->entities, ahead[i].key);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = wr_entity_hint(&state->entities, ahead[i].key);
        ahead[i].row = at != WR_ROW_NONE ? wr_entity_row(&state->entities, at) : NULL;
        __builtin_prefetch(ahead[i].row, 1);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (ahead[i].row != NULL) {
            prefetch_row(state, ahead[i].row);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        if (ahead[i].row != NULL) {
            prefetch_tape(state, ahead[i].row, ahead[i].tick);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        if (ahead[i].row != NULL) {
            prefetch_end(state, ahead[i].row);
        }
    }
}

void wr_feature_prefetch(const struct wr_feature_state *state, const struct wr_event *const *events,
                         size_t n)
{
    const struct wr_feature_plan *plan = state->plan;
    struct ahead ahead[4 * WR_LIMIT_SCHEMA_ENTITIES];
    uint32_t n_ahead = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t tick = wr_state_tick(state, events[i]);
        for (uint32_t entity = 0; entity < plan->schema->n_entities; entity++) {
            const struct wr_event_key *key = &events[i]->keys[entity];
            if (key->present && plan->classes[entity].used) {
                ahead[n_ahead++] = (struct ahead){.key = key, .tick = tick};
            }
        }
        if (n_ahead + plan->schema->n_entities > WR_COUNTOF(ahead) || i + 1 == n) {
            prefetch_keys(state, ahead, n_ahead);
            n_ahead = 0;
        }
    }
}

/* ── marks ──────────────────────────────────────────────────────────────────────────────────── */
bool wr_feature_catch_up(struct wr_feature_state *state, uint32_t *from, uint32_t n)
{
    const struct wr_entities *entities = &state->entities;
    uint32_t end = *from + WR_MIN(n, entities->n_rows - WR_MIN(*from, entities->n_rows));
    for (; *from < end; ++*from) {
        const struct wr_row *row = wr_entity_row(entities, *from);
        if (row->is_large && row->ref != WR_STORE_NO_REF) {
            struct wr_tape tape = wr_state_tape(state, row);
            state->walk.class = tape.class;
            wr_large_catch_up(&state->walk, &tape);
        }
    }
    return end == entities->n_rows;
}
