/* SPDX-License-Identifier: Apache-2.0 */
/* Writing an image: see image.h. */
#include "base/hash.h"
#include "feature/image_in.h"

struct wr_feature_image {
    struct wr_feature_state *state;
    const struct wr_piece_sink *sink;
    struct wr_shadow shadow;
    uint32_t n_words[WR_LIMIT_SCHEMA_FIELDS]; /* of each dictionary, at the beginning */
    uint32_t next_field;
};

/* ── the head ───────────────────────────────────────────────────────────────────────────────── */
static uint64_t add(uint64_t hash, uint64_t v)
{
    return wr_mix64(hash ^ v) + v;
}

/* Tells apart plans, and builds, whose tapes are not laid out alike. */
static uint64_t class_layout(const struct wr_feature_class *class, uint64_t hash)
{
    hash = add(hash, class->used);
    hash = add(hash, (uint64_t) class->n_bits << 8 | class->n_columns);
    for (unsigned i = 0; i < class->n_columns; i++) {
        hash = add(hash, (uint64_t) class->columns[i].field << 1 | class->columns[i].key);
    }
    for (unsigned i = 0; i < class->n_counter_lanes; i++) {
        hash = add(hash, class->counter_lanes[i].mask);
    }
    for (unsigned i = 0; i < class->n_series_lanes; i++) {
        const struct wr_series_lane *lane = &class->series_lanes[i];
        hash = add(hash, (uint64_t)lane->mask << 16 | lane->column << 1 | lane->squares);
    }
    for (unsigned i = 0; i < class->n_marks; i++) {
        hash = add(hash, (uint64_t) class->marks[i]);
    }
    for (unsigned i = 0; i < class->n_extremes; i++) {
        const struct wr_extreme_lane *lane = &class->extremes[i];
        hash = add(hash, (uint64_t)lane->kind << 24 | (uint32_t)lane->start << 16 |
                             (uint32_t)lane->end << 8 | lane->lane);
    }
    for (unsigned i = 0; i < class->n_tallies; i++) {
        const struct wr_tally_lane *lane = &class->tallies[i];
        hash = add(hash, (uint64_t)lane->mask << 24 | (uint32_t)lane->column << 16 |
                             (uint32_t)lane->start << 8 | lane->end);
    }
    hash = add(hash, (uint64_t) class->child_size << 32 | (uint32_t) class->fanout << 8);
    hash = add(hash, (uint64_t) class->node_size << 8 | class->large_size);
    hash = add(hash, (uint64_t) class->tallies_at << 16 | class->mark_size);
    return add(hash, (uint64_t) class->retention);
}

static uint64_t layout_of(const struct wr_feature_plan *plan)
{
    uint64_t hash = add(0, plan->schema->n_entities);
    hash = add(hash, (uint64_t)plan->schema->tick_ms);
    for (unsigned i = 0; i < WR_STORE_SIZES; i++) {
        hash = add(hash, wr_store_sizes[i]);
    }
    for (uint32_t i = 0; i < plan->schema->n_entities; i++) {
        hash = class_layout(&plan->classes[i], hash);
    }
    return hash;
}

static void head_of_table(const struct wr_feature_state *state, struct wr_image_head *head)
{
    const struct wr_store *store = &state->store;
    const struct wr_entities *entities = &state->entities;
    head->n_spans = store->n_spans;
    head->pool = store->pool;
    for (unsigned i = 0; i < WR_STORE_SIZES; i++) {
        head->roomy[i] = store->roomy[i];
        head->sparse[i] = store->sparse[i];
    }
    head->used = store->used;
    head->n_pages = entities->n_pages;
    head->n_rows = entities->n_rows;
    head->free_row = entities->free_row;
    head->live_oldest = entities->live.oldest;
    head->live_newest = entities->live.newest;
    head->n_live = entities->live.n;
    head->lost_oldest = entities->lost.oldest;
    head->lost_newest = entities->lost.newest;
    head->n_lost = entities->lost.n;
}

void wr_image_head_of(const struct wr_feature_state *state, struct wr_image_head *head)
{
    *head = (struct wr_image_head){
        .layout = layout_of(state->plan),
        .entities_max = state->entities_max,
        .lost_max = state->lost_max,
        .spans_max = state->store.spans_max,
        .newest_tick = state->newest_tick,
        .lateness_ticks = state->lateness_ticks,
        .kept_since_tick = state->kept_since_tick,
        .sequence = state->sequence,
        .n_events = state->n_events,
        .n_late = state->n_late,
        .n_labels = state->n_labels,
        .n_labels_idle = state->n_labels_idle,
        .n_evictions = state->n_evictions,
        .n_forgotten = state->n_forgotten,
    };
    memcpy(head->forgotten, state->forgotten, sizeof head->forgotten);
    for (int i = 0; i < WR_LIMIT_SCHEMA_FIELDS; i++) {
        head->n_words[i] = state->dictionaries[i] != NULL ? state->dictionaries[i]->n : 0;
    }
    head_of_table(state, head);
}

/* ── what goes at once ──────────────────────────────────────────────────────────────────────── */
static bool put_head(const struct wr_feature_image *image)
{
    struct wr_image_head head;
    uint64_t numbers[WR_IMAGE_NUMBERS];
    wr_image_head_of(image->state, &head);
    memcpy(numbers, &head, sizeof numbers);
    uint8_t *out = wr_piece_add(image->sink, WR_PIECE_FEATURES, WR_IMAGE_FIRST,
                                WR_FEATURE_IMAGE_VERSION, sizeof numbers);
    for (size_t i = 0; out != NULL && i < WR_IMAGE_NUMBERS; i++) {
        wr_put64(out + 8 * i, numbers[i]);
    }
    return out != NULL;
}

static void put_span(uint8_t *out, const struct wr_span *span)
{
    wr_put32(out, span->before);
    wr_put32(out + 4, span->after);
    wr_put16(out + 8, span->free_granule);
    wr_put16(out + 10, span->carved);
    wr_put16(out + 12, span->live);
    out[14] = span->size;
    out[15] = span->listed;
}

static bool put_spans(const struct wr_feature_image *image)
{
    const struct wr_store *store = &image->state->store;
    for (uint32_t at = 0; at < store->n_spans;) {
        uint32_t n = WR_MIN(store->n_spans - at, (uint32_t)WR_IMAGE_SPANS_MAX);
        uint8_t *out = wr_piece_add(image->sink, WR_PIECE_FEATURES, WR_IMAGE_SPANS, at,
                                    n * WR_IMAGE_SPAN_SIZE);
        if (out == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < n; i++) {
            put_span(out + (size_t)i * WR_IMAGE_SPAN_SIZE, &store->spans[at + i]);
        }
        at += n;
    }
    return true;
}

static bool put_pages(const struct wr_feature_image *image)
{
    const struct wr_entities *entities = &image->state->entities;
    for (uint32_t at = 0; at < entities->n_pages;) {
        uint32_t n = WR_MIN(entities->n_pages - at, (uint32_t)WR_IMAGE_PAGES_MAX);
        uint8_t *out = wr_piece_add(image->sink, WR_PIECE_FEATURES, WR_IMAGE_PAGES, at, n * 4);
        if (out == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < n; i++) {
            wr_put32(out + 4 * (size_t)i, entities->page_spans[at + i]);
        }
        at += n;
    }
    return true;
}

struct wr_feature_image *wr_feature_image_begin(struct wr_feature_state *state,
                                                const struct wr_piece_sink *sink)
{
    const struct wr_memory *memory = state->memory;
    struct wr_feature_image *image = memory->take(memory->context, sizeof *image);
    if (image == NULL) {
        return NULL;
    }
    *image = (struct wr_feature_image){.state = state, .sink = sink};
    for (int i = 0; i < WR_LIMIT_SCHEMA_FIELDS; i++) {
        image->n_words[i] = state->dictionaries[i] != NULL ? state->dictionaries[i]->n : 0;
    }
    if (!wr_shadow_begin(&image->shadow, &state->store, &state->entities, sink, WR_IMAGE_GRAINS) ||
        !put_head(image) || !put_spans(image) || !put_pages(image)) {
        wr_feature_image_end(image);
        return NULL;
    }
    return image;
}

/* ── what goes step by step ─────────────────────────────────────────────────────────────────── */
/* Dictionaries only grow: what they held at the beginning stands there still. */
static bool put_words(struct wr_feature_image *image, size_t *budget)
{
    for (; image->next_field<WR_LIMIT_SCHEMA_FIELDS && * budget> 0; image->next_field++) {
        uint32_t field = image->next_field, n = image->n_words[field];
        if (n == 0) {
            continue;
        }
        if (image->sink->room(image->sink->context) < WR_PIECE_HEAD + n * 8) {
            return false;
        }
        uint8_t *out = wr_piece_add(image->sink, WR_PIECE_FEATURES, WR_IMAGE_WORDS,
                                    (uint64_t)field * WR_IMAGE_WORDS_EVERY, n * 8);
        if (out == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < n; i++) {
            wr_put64(out + 8 * (size_t)i, image->state->dictionaries[field]->hashes[i]);
        }
        *budget -= WR_MIN(*budget, (size_t)n * 8);
    }
    return image->next_field == WR_LIMIT_SCHEMA_FIELDS;
}

bool wr_feature_image_step(struct wr_feature_image *image, size_t *budget)
{
    return wr_shadow_step(&image->shadow, budget) &&
           (image->shadow.failed || put_words(image, budget));
}

bool wr_feature_image_failed(const struct wr_feature_image *image)
{
    return image->shadow.failed;
}

void wr_feature_image_end(struct wr_feature_image *image)
{
    const struct wr_memory *memory = image->state->memory;
    wr_shadow_end(&image->shadow);
    memory->give(memory->context, image, sizeof *image);
}
