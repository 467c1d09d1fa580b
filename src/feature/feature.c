/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/feature.h"

#include "feature/instant.h"
#include "feature/large.h"
#include "feature/probe.h"
#include "feature/read.h"
#include "feature/scan.h"
#include "feature/state.h"

#define ENTITIES_DEFAULT (UINT32_C(1) << 21)
#define BYTES_DEFAULT    ((uint64_t)512 << 20)
#define BYTES_MIN        ((uint64_t)4 << 20)
#define BYTES_PER_ENTITY 128 /* no entity needs less, so a byte cap is an entity cap too */
#define PLACE_BITS       16
#define PLACE_MAX        0xfffe /* ties beyond have no place: their labels are without effect */
#define SWEEP_EVERY      16     /* events */

/* ── open and close ─────────────────────────────────────────────────────────────────────────── */
static uint32_t sets_needed(const struct wr_feature_plan *plan)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->schema->n_entities; i++) {
        n = WR_MAX(n, (uint32_t)plan->classes[i].n_sets);
        n = WR_MAX(n, plan->classes[i].uses_sets ? 1u : 0u);
    }
    return n;
}

static bool open_dictionaries(struct wr_feature_state *state)
{
    const struct wr_schema *schema = state->plan->schema;
    for (uint32_t i = 0; i < schema->n_fields; i++) {
        if (schema->fields[i].type != WR_FIELD_KEY) {
            continue;
        }
        struct wr_dictionary *fresh =
            state->memory->take(state->memory->context, sizeof(struct wr_dictionary));
        if (fresh == NULL) {
            return false;
        }
        state->dictionaries[i] = memset(fresh, 0, sizeof *fresh);
    }
    return true;
}

static void close_dictionaries(struct wr_feature_state *state)
{
    for (uint32_t i = 0; i < WR_LIMIT_SCHEMA_FIELDS; i++) {
        if (state->dictionaries[i] != NULL) {
            state->memory->give(state->memory->context, state->dictionaries[i],
                                sizeof(struct wr_dictionary));
        }
    }
}

#define SAMPLE_BYTES (WR_LIMIT_FEATURE_SAMPLE * sizeof(int64_t))

static void close_walk(struct wr_feature_state *state)
{
    const struct wr_memory *memory = state->memory;
    struct wr_walk *walk = &state->walk;
    if (walk->sets != NULL) {
        memory->give(memory->context, walk->sets, state->n_sets * sizeof *walk->sets);
    }
    if (walk->sample != NULL) {
        memory->give(memory->context, walk->sample, SAMPLE_BYTES);
    }
}

static bool open_parts(struct wr_feature_state *state, uint64_t bytes_max)
{
    const struct wr_memory *memory = state->memory;
    uint32_t rows_max = state->entities_max + state->lost_max;
    uint64_t slots = 3 * (uint64_t)rows_max * 16; /* the old and the new while they grow */
    uint64_t spans = (bytes_max - WR_MIN(slots, bytes_max / 2)) / WR_SPAN_SIZE;
    if (!wr_store_init(&state->store, memory, (uint32_t)WR_MIN(spans, UINT32_MAX))) {
        return false;
    }
    if (!wr_entities_init(&state->entities, &state->store, rows_max)) {
        wr_store_deinit(&state->store);
        return false;
    }
    state->n_sets = sets_needed(state->plan);
    if (state->n_sets != 0) {
        state->walk.sets = memory->take(memory->context, state->n_sets * sizeof *state->walk.sets);
    }
    state->walk.sample = memory->take(memory->context, SAMPLE_BYTES);
    if (!open_dictionaries(state) || (state->n_sets != 0 && state->walk.sets == NULL) ||
        state->walk.sample == NULL) {
        close_walk(state);
        close_dictionaries(state);
        wr_entities_deinit(&state->entities);
        wr_store_deinit(&state->store);
        return false;
    }
    return true;
}

struct wr_feature_state *wr_feature_state_open(const struct wr_feature_plan *plan,
                                               const struct wr_memory *memory,
                                               const struct wr_feature_caps *caps)
{
    static const struct wr_feature_caps defaults = {.warming_since_ms = INT64_MIN};
    caps = caps != NULL ? caps : &defaults;
    uint64_t bytes_max = caps->bytes_max != 0 ? caps->bytes_max : BYTES_DEFAULT;
    bytes_max = WR_MAX(bytes_max, BYTES_MIN);
    uint32_t entities_max = caps->entities_max != 0 ? caps->entities_max : ENTITIES_DEFAULT;
    struct wr_feature_state *state = memory->take(memory->context, sizeof *state);
    if (state == NULL) {
        return NULL;
    }
    memset(state, 0, offsetof(struct wr_feature_state, scratch)); /* which is the larger part */
    state->plan = plan;
    state->memory = memory;
    state->walk.plan = plan;
    state->entities_max = (uint32_t)WR_MIN((uint64_t)entities_max, bytes_max / BYTES_PER_ENTITY);
    state->lost_max = state->entities_max / 4 + 1;
    state->newest_tick = WR_TICK_NONE;
    for (int i = 0; i < WR_LIMIT_SCHEMA_ENTITIES; i++) {
        state->forgotten[i] = WR_LOST_NONE;
    }
    state->lateness_ticks = plan->lateness_ms / plan->schema->tick_ms;
    state->kept_since_tick = caps->warming_since_ms == INT64_MIN
                                 ? WR_TICK_NONE
                                 : wr_floor_div(caps->warming_since_ms, plan->schema->tick_ms);
    if (!open_parts(state, bytes_max)) {
        memory->give(memory->context, state, sizeof *state);
        return NULL;
    }
    return state;
}

void wr_feature_state_close(struct wr_feature_state *state)
{
    if (state == NULL) {
        return;
    }
    const struct wr_memory *memory = state->memory;
    close_walk(state);
    close_dictionaries(state);
    wr_entities_deinit(&state->entities);
    wr_store_deinit(&state->store);
    memory->give(memory->context, state, sizeof *state);
}

/* ── giving up and sweeping ─────────────────────────────────────────────────────────────────── */
int64_t wr_state_horizon(const struct wr_feature_state *state, uint32_t entity)
{
    return state->newest_tick == WR_TICK_NONE ? WR_TICK_NONE
                                              : state->newest_tick - state->lateness_ticks -
                                                    state->plan->classes[entity].retention;
}

struct wr_tape wr_state_tape(struct wr_feature_state *state, const struct wr_row *row)
{
    struct wr_tape tape = {.store = &state->store,
                           .class = &state->plan->classes[row->entity],
                           .scratch = state->scratch,
                           .ref = row->ref};
    if (row->is_large) {
        tape.large_ref = row->ref;
        tape.large = wr_store_at(&state->store, row->ref);
        tape.ref = tape.large->root;
        tape.height = tape.large->height;
    }
    return tape;
}

static void keep_tape(struct wr_row *row, const struct wr_tape *tape)
{
    row->is_large = tape->large != NULL;
    row->ref = tape->large != NULL ? tape->large_ref : tape->ref;
    if (tape->large != NULL) {
        tape->large->root = tape->ref;
        tape->large->height = (uint8_t)tape->height;
    }
}

static void forget_oldest_lost(struct wr_feature_state *state)
{
    uint32_t at = state->entities.lost.oldest;
    const struct wr_row *row = wr_entity_row(&state->entities, at);
    if (wr_row_lost(row) > wr_state_horizon(state, row->entity)) {
        state->n_forgotten++;
        state->forgotten[row->entity] = WR_MAX(state->forgotten[row->entity], wr_row_lost(row));
    }
    wr_entity_drop(&state->entities, at);
}

/* Frees the tape; true when a window could still have reached into it. */
static bool lose_tape(struct wr_feature_state *state, struct wr_row *row)
{
    struct wr_tape tape = wr_state_tape(state, row);
    int64_t horizon = wr_state_horizon(state, row->entity);
    int64_t newest = tape.ref != WR_STORE_NO_REF ? wr_tape_newest(&tape) : WR_LOST_NONE;
    wr_tape_free(&tape);
    keep_tape(row, &tape);
    if (newest > horizon) {
        wr_row_set_lost(row, newest);
    }
    return wr_row_lost(row) > horizon;
}

/* Gives up the entity least recently used, but for `except`. False when there is no other. */
static bool evict_one(struct wr_feature_state *state, uint32_t except)
{
    uint32_t at = state->entities.live.oldest;
    if (at == WR_ROW_NONE || at == except) {
        return false;
    }
    if (!lose_tape(state, wr_entity_edit(&state->entities, at))) {
        wr_entity_drop(&state->entities, at);
        return true;
    }
    state->n_evictions++;
    wr_entity_lose(&state->entities, at);
    if (state->entities.lost.n > state->lost_max) {
        forget_oldest_lost(state);
    }
    return true;
}

/* Lets go of the entities least recently used whose history counts no more. At most two an event
 * on average; which ones are gone can never be seen in a vector. */
static void sweep(struct wr_feature_state *state)
{
    struct wr_entities *entities = &state->entities;
    for (int round = 0; round < 2 * SWEEP_EVERY && entities->live.oldest != WR_ROW_NONE; round++) {
        uint32_t at = entities->live.oldest;
        const struct wr_row *row = wr_entity_row(entities, at);
        struct wr_tape tape = wr_state_tape(state, row);
        int64_t horizon = wr_state_horizon(state, row->entity);
        bool counts = wr_row_lost(row) > horizon ||
                      (tape.ref != WR_STORE_NO_REF && wr_tape_newest(&tape) > horizon);
        if (counts) {
            break;
        }
        wr_tape_free(&tape);
        keep_tape(wr_entity_edit(entities, at), &tape);
        wr_entity_drop(entities, at);
    }
    for (int round = 0; round < 2 * SWEEP_EVERY && entities->lost.oldest != WR_ROW_NONE; round++) {
        const struct wr_row *row = wr_entity_row(entities, entities->lost.oldest);
        if (wr_row_lost(row) > wr_state_horizon(state, row->entity)) {
            break;
        }
        wr_entity_drop(entities, entities->lost.oldest);
    }
}

/* ── one event at one entity ────────────────────────────────────────────────────────────────── */
/* `keep`: it will be put on a tape, so its values may get numbers. Field by field into the
 * caller's: a copy would wait for what was just written. Columns the class lacks are left as they
 * are. */
static void record_of(const struct wr_feature_state *state, const struct wr_feature_class *class,
                      const struct wr_event *event, int64_t tick, uint32_t conditions, bool keep,
                      struct wr_record *record)
{
    record->tick = tick;
    record->bits = 0;
    for (uint32_t i = 0; i < state->plan->n_conditions; i++) {
        int8_t bit = class->bit_of[WR_LIMIT_FEATURE_LABELS + i];
        if (bit >= 0 && (conditions >> i & 1) != 0) {
            record->bits |= (uint32_t)1 << bit;
        }
    }
    for (uint32_t c = 0; c < class->n_columns; c++) {
        uint32_t f = class->columns[c].field;
        if (f >= WR_LIMIT_SCHEMA_FIELDS) { /* another entity's key */
            const struct wr_event_key *key = &event->keys[f - WR_LIMIT_SCHEMA_FIELDS];
            record->columns[c] = key->present ? key->hash | UINT64_C(1) << 63 : 0;
            continue;
        }
        const struct wr_event_field *field = &event->fields[f];
        record->columns[c] = !field->present ? 0
                             : class->columns[c].key
                                 ? wr_dictionary_keep(state->dictionaries[f], field->hash, keep)
                                 : wr_number_keep(field->units);
    }
}

/* `forward`: the event will be put on the tape, so what large tapes keep may move up to it. */
static void read_class(struct wr_feature_state *state, uint32_t entity, const struct wr_row *row,
                       const struct wr_record *record, bool forward,
                       struct wr_feature_value *values)
{
    struct wr_tape tape = {.store = &state->store, .class = &state->plan->classes[entity]};
    int64_t lost = state->forgotten[entity];
    if (row != NULL) {
        tape = wr_state_tape(state, row);
        lost = wr_row_lost(row);
    }
    int64_t horizon = wr_state_horizon(state, entity);
    struct wr_walk_bounds bounds = {
        .held_since = WR_MAX(horizon, lost) + 1,
        .kept_since = state->kept_since_tick,
    };
    state->walk.class = tape.class;
    if (tape.height == 0) {
        wr_scan_tape(&state->walk, &tape, record, &bounds, values);
    } else if (!forward || !wr_large_read(&state->walk, &tape, record, &bounds, values)) {
        wr_walk_tape(&state->walk, &tape, record, &bounds, values);
    }
    if (tape.class->n_probes != 0) {
        wr_probe_tape(&state->walk, &tape, record, &bounds,
                      state->walk.lists + (size_t)entity * WR_LIMIT_FEATURE_LISTS, values);
    }
}

static void read_absent(const struct wr_feature_state *state, uint32_t entity,
                        struct wr_feature_value *values)
{
    const struct wr_feature_class *class = &state->plan->classes[entity];
    for (uint32_t i = 0; i < class->n_readers + class->n_probes; i++) {
        uint32_t feature = i < class->n_readers
                               ? class->readers[i].feature
                               : class->probes[i - class->n_readers].reader.feature;
        wr_feature_read_missing(&state->plan->features[feature], WR_FEATURE_FIELD_ABSENT,
                                &values[feature]);
    }
}

/* The row of this key, made if need be and now the newest in use. Something else gives way when
 * there is no room; WR_ROW_NONE only when there is nothing else. */
static uint32_t use_row(struct wr_feature_state *state, const struct wr_event_key *key,
                        uint32_t entity)
{
    struct wr_entities *entities = &state->entities;
    uint32_t at = wr_entity_find(entities, key);
    if (at != WR_ROW_NONE) {
        wr_entity_use(entities, at);
        if (entities->live.n > state->entities_max) { /* it came back from the lost */
            evict_one(state, at);
        }
    }
    while (at == WR_ROW_NONE) {
        if (entities->live.n < state->entities_max) {
            at = wr_entity_add(entities, key, entity);
        }
        if (at == WR_ROW_NONE && !evict_one(state, WR_ROW_NONE)) {
            if (entities->lost.n == 0) {
                return WR_ROW_NONE;
            }
            forget_oldest_lost(state);
        }
        if (at != WR_ROW_NONE) {
            wr_row_set_lost(wr_entity_edit(entities, at), state->forgotten[entity]);
        }
    }
    return at;
}

static uint64_t insert(struct wr_feature_state *state, uint32_t at, const struct wr_record *record,
                       bool unread)
{
    struct wr_row *row = wr_entity_edit(&state->entities, at);
    const struct wr_feature_class *class = &state->plan->classes[row->entity];
    struct wr_tape tape = wr_state_tape(state, row);
    if (unread && class->n_tallies != 0 && tape.large != NULL) {
        state->walk.class = class;
        (void)wr_large_move(&state->walk, &tape, record->tick); /* a late event leaves them */
    }
    uint32_t rank = class->label_rank != WR_NONE8 ? wr_tape_ties(&tape, record->tick) : 0;
    while (!wr_tape_insert(&tape, record, wr_state_horizon(state, row->entity))) {
        if (!evict_one(state, at)) {
            if (tape.ref == WR_STORE_NO_REF) {
                wr_row_set_lost(row, record->tick);
                state->n_evictions++;
                break;
            }
            int64_t lost = wr_tape_drop_oldest(&tape);
            if (tape.large != NULL) {
                tape.large->valid = false; /* live records went unseen by the marks */
            }
            wr_row_set_lost(row, WR_MAX(wr_row_lost(row), lost));
            state->n_evictions++;
        }
    }
    keep_tape(row, &tape);
    return rank;
}

/* ── events ─────────────────────────────────────────────────────────────────────────────────── */
static void read_event(struct wr_feature_state *state, const struct wr_event *event, int64_t tick,
                       uint32_t conditions, struct wr_feature_value *values)
{
    const struct wr_feature_plan *plan = state->plan;
    for (uint32_t i = 0; i < plan->schema->n_entities; i++) {
        if (!event->keys[i].present) {
            read_absent(state, i, values);
        } else if (plan->classes[i].used) {
            uint32_t at = wr_entity_find(&state->entities, &event->keys[i]);
            struct wr_record record;
            record_of(state, &plan->classes[i], event, tick, conditions, false, &record);
            read_class(state, i, at != WR_ROW_NONE ? wr_entity_row(&state->entities, at) : NULL,
                       &record, false, values);
        }
    }
}

void wr_feature_peek(struct wr_feature_state *state, const struct wr_event *event,
                     uint32_t conditions, struct wr_feature_vector *vector)
{
    int64_t tick = wr_state_tick(state, event);
    int64_t newest = state->newest_tick;
    vector->place = WR_PLACE_NONE;
    vector->late = newest != WR_TICK_NONE && tick < newest - state->lateness_ticks;
    state->newest_tick = WR_MAX(newest, tick);
    state->walk.others = vector->others;
    read_event(state, event, tick, conditions, vector->values);
    state->newest_tick = newest;
}

/* Inserts the event at one entity; its rank among those of equal time, or PLACE_MAX + 1. */
static uint64_t apply_class(struct wr_feature_state *state, const struct wr_event *event,
                            uint32_t entity, int64_t tick, uint32_t conditions,
                            struct wr_feature_value *values)
{
    const struct wr_feature_class *class = &state->plan->classes[entity];
    struct wr_record record;
    record_of(state, class, event, tick, conditions, true, &record);
    uint32_t at = use_row(state, &event->keys[entity], entity);
    if (values != NULL) {
        const struct wr_row *row = at != WR_ROW_NONE ? wr_entity_row(&state->entities, at) : NULL;
        read_class(state, entity, row, &record, true, values);
    }
    if (at != WR_ROW_NONE) {
        return insert(state, at, &record, values == NULL);
    }
    state->n_evictions++;
    state->forgotten[entity] = WR_MAX(state->forgotten[entity], record.tick);
    return PLACE_MAX + 1;
}

static uint64_t with_rank(uint64_t place, const struct wr_feature_class *class, uint64_t rank)
{
    unsigned shift = PLACE_BITS * class->label_rank;
    place &= ~((uint64_t)0xffff << shift);
    return place | (rank <= PLACE_MAX ? rank : 0xffff) << shift;
}

static bool is_late(struct wr_feature_state *state, int64_t tick)
{
    state->n_events++;
    bool late =
        state->newest_tick != WR_TICK_NONE && tick < state->newest_tick - state->lateness_ticks;
    state->n_late += late ? 1 : 0;
    return late;
}

bool wr_feature_update(struct wr_feature_state *state, const struct wr_event *event,
                       uint32_t conditions, uint64_t sequence, struct wr_feature_vector *vector)
{
    const struct wr_feature_plan *plan = state->plan;
    int64_t tick = wr_state_tick(state, event);
    state->sequence = sequence;
    WR_ASSERT(event->time_ms >= WR_INSTANT_MS_MIN && event->time_ms <= WR_INSTANT_MS_MAX);
    bool late = is_late(state, tick);
    struct wr_feature_value *values = vector != NULL ? vector->values : NULL;
    uint64_t place = WR_PLACE_NONE;
    state->newest_tick = WR_MAX(state->newest_tick, tick);
    state->walk.others = vector != NULL ? vector->others : NULL;
    if (late && values != NULL) {
        read_event(state, event, tick, conditions, values);
    }
    for (uint32_t i = 0; i < plan->schema->n_entities && !late; i++) {
        const struct wr_feature_class *class = &plan->classes[i];
        if (class->used && event->keys[i].present) {
            uint64_t rank = apply_class(state, event, i, tick, conditions, values);
            place = class->label_rank != WR_NONE8 ? with_rank(place, class, rank) : place;
        } else if (class->used && values != NULL) {
            read_absent(state, i, values);
        }
    }
    if (vector != NULL) {
        vector->late = late;
        vector->place = place;
    }
    if (state->n_events % SWEEP_EVERY == 0) {
        sweep(state);
    }
    return !late;
}

/* ── labels ─────────────────────────────────────────────────────────────────────────────────── */
static enum wr_label_effect label_class(struct wr_feature_state *state, uint32_t entity,
                                        const struct wr_event_key *key, int64_t tick, uint64_t rank,
                                        uint32_t mask, bool set)
{
    uint32_t at = rank <= PLACE_MAX ? wr_entity_find(&state->entities, key) : WR_ROW_NONE;
    const struct wr_row *row = at != WR_ROW_NONE ? wr_entity_row(&state->entities, at) : NULL;
    if (row == NULL || tick <= wr_row_lost(row) || tick <= wr_state_horizon(state, entity)) {
        return WR_LABEL_EXPIRED;
    }
    struct wr_tape tape = wr_state_tape(state, row);
    struct wr_cursor cursor, probe;
    struct wr_record record;
    wr_tape_seek_before(&tape, tick, &cursor);
    probe = cursor;
    for (uint64_t i = 0; i <= rank; i++) {
        cursor = probe;
        if (!wr_tape_next(&tape, &probe, &record) || record.tick != tick) {
            return WR_LABEL_EXPIRED;
        }
    }
    return wr_tape_mark(&tape, &cursor, mask, set) ? WR_LABEL_CHANGED : WR_LABEL_SAME;
}

enum wr_label_effect wr_feature_label(struct wr_feature_state *state, const struct wr_event *event,
                                      uint64_t place, uint32_t label, bool set)
{
    const struct wr_feature_plan *plan = state->plan;
    int64_t tick = wr_state_tick(state, event);
    enum wr_label_effect effect = WR_LABEL_EXPIRED;
    WR_ASSERT(label < plan->n_labels);
    state->n_labels++;
    for (uint32_t i = 0; i < plan->schema->n_entities; i++) {
        const struct wr_feature_class *class = &plan->classes[i];
        if (!event->keys[i].present || class->bit_of[label] < 0) {
            continue;
        }
        uint64_t rank = place >> (PLACE_BITS * class->label_rank) & 0xffff;
        enum wr_label_effect here = label_class(state, i, &event->keys[i], tick, rank,
                                                (uint32_t)1 << class->bit_of[label], set);
        effect = WR_MIN(effect, here);
    }
    state->n_labels_idle += effect == WR_LABEL_EXPIRED ? 1 : 0;
    return effect;
}

/* ── what the caller sees ───────────────────────────────────────────────────────────────────── */
const char *wr_feature_presence_name(enum wr_feature_presence presence)
{
    static const char *const names[] = {
        [WR_FEATURE_DEFINED] = "defined", [WR_FEATURE_NO_HISTORY] = "no_history",
        [WR_FEATURE_WARMING] = "warming", [WR_FEATURE_EVICTED] = "evicted",
        [WR_FEATURE_STALE] = "stale",     [WR_FEATURE_FIELD_ABSENT] = "field_absent",
    };
    WR_ASSERT((unsigned)presence < WR_COUNTOF(names));
    return names[presence];
}

static struct wr_value list_of(struct wr_arena *arena, const struct wr_feature_value *value)
{
    struct wr_value items[WR_LIMIT_FEATURE_LIST];
    size_t n = (size_t)value->units;
    WR_ASSERT(n <= WR_COUNTOF(items));
    for (size_t i = 0; i < n; i++) {
        items[i] = wr_decimal(value->list[i], value->scale);
    }
    return wr_value_copy(arena, wr_array(items, n));
}

struct wr_value wr_feature_to_value(struct wr_arena *arena, const struct wr_feature_value *value)
{
    if (value->presence != WR_FEATURE_DEFINED) {
        return wr_undefined();
    }
    switch (value->form) {
    case WR_FORM_INTEGER:
        return wr_int(value->units);
    case WR_FORM_DECIMAL:
        return wr_decimal(value->units, value->scale);
    case WR_FORM_DOUBLE:
        return wr_number_double(arena, value->number);
    case WR_FORM_LIST:
        return list_of(arena, value);
    default:
        return value->value != NULL ? *value->value : wr_undefined();
    }
}
