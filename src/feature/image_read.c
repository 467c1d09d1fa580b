/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an image: see image.h. Pieces may be anything; only wr_image_check looks at what the
 * bytes of the store mean. */
#include "feature/image_in.h"

struct wr_feature_restore {
    struct wr_feature_state *state;
    wr_grain_bits *missing; /* made when spans and pages are there */
    struct wr_image_head head;
    uint32_t n_spans, n_pages, n_words[WR_LIMIT_SCHEMA_FIELDS]; /* that have come */
    bool has_head;
};

struct wr_feature_restore *wr_feature_restore_begin(struct wr_feature_state *state)
{
    struct wr_feature_restore *restore =
        state->memory->take(state->memory->context, sizeof *restore);
    if (restore != NULL) {
        *restore = (struct wr_feature_restore){.state = state};
    }
    return restore;
}

void wr_feature_restore_close(struct wr_feature_restore *restore)
{
    const struct wr_memory *memory = restore->state->memory;
    if (restore->missing != NULL) {
        memory->give(memory->context, restore->missing,
                     WR_MAX(restore->n_spans, 1u) * sizeof(wr_grain_bits));
    }
    memory->give(memory->context, restore, sizeof *restore);
}

static wr_err unfit(struct wr_error *error, const char *what)
{
    return wr_fail(error, WR_E_STATE, "the image of the features: %s", what);
}

/* ── the head ───────────────────────────────────────────────────────────────────────────────── */
static bool fits(const struct wr_image_head *head, const struct wr_image_head *own)
{
    return head->layout == own->layout && head->entities_max == own->entities_max &&
           head->lost_max == own->lost_max && head->spans_max == own->spans_max &&
           head->lateness_ticks == own->lateness_ticks;
}

static bool is_sound(const struct wr_feature_state *state, const struct wr_image_head *head)
{
    const struct wr_entities *entities = &state->entities;
    bool ticks =
        (head->newest_tick == WR_TICK_NONE ||
         (head->newest_tick > 2 * WR_LOST_NONE && head->newest_tick < -2 * WR_LOST_NONE)) &&
        (head->kept_since_tick == WR_TICK_NONE ||
         (head->kept_since_tick > 2 * WR_LOST_NONE && head->kept_since_tick < -2 * WR_LOST_NONE));
    for (int i = 0; i < WR_LIMIT_SCHEMA_ENTITIES; i++) {
        ticks = ticks && head->forgotten[i] >= WR_LOST_NONE && head->forgotten[i] < -WR_LOST_NONE;
    }
    for (int i = 0; i < WR_LIMIT_SCHEMA_FIELDS; i++) {
        ticks =
            ticks && head->n_words[i] <= (state->dictionaries[i] != NULL ? WR_LIMIT_DICTIONARY : 0);
    }
    return ticks && head->n_spans <= head->spans_max && head->n_spans % WR_BLOCK_SPANS == 0 &&
           head->n_pages <= entities->n_pages_max && head->n_rows <= head->n_pages * WR_PAGE_ROWS &&
           head->n_rows + WR_PAGE_ROWS > head->n_pages * WR_PAGE_ROWS &&
           head->n_live <= head->entities_max && head->n_lost <= head->lost_max + 1;
}

static void take_numbers(struct wr_feature_state *state, const struct wr_image_head *head)
{
    state->newest_tick = head->newest_tick;
    state->kept_since_tick = head->kept_since_tick;
    memcpy(state->forgotten, head->forgotten, sizeof state->forgotten);
    state->sequence = head->sequence;
    state->n_events = head->n_events;
    state->n_late = head->n_late;
    state->n_labels = head->n_labels;
    state->n_labels_idle = head->n_labels_idle;
    state->n_evictions = head->n_evictions;
    state->n_forgotten = head->n_forgotten;
    state->store.pool = (uint32_t)head->pool;
    for (unsigned i = 0; i < WR_STORE_SIZES; i++) {
        state->store.roomy[i] = (uint32_t)head->roomy[i];
        state->store.sparse[i] = (uint32_t)head->sparse[i];
    }
    state->store.used = head->used;
    state->entities.n_rows = (uint32_t)head->n_rows;
    state->entities.free_row = (uint32_t)head->free_row;
    state->entities.live = (struct wr_row_list){
        (uint32_t)head->live_oldest, (uint32_t)head->live_newest, (uint32_t)head->n_live};
    state->entities.lost = (struct wr_row_list){
        (uint32_t)head->lost_oldest, (uint32_t)head->lost_newest, (uint32_t)head->n_lost};
}

static wr_err take_head(struct wr_feature_restore *restore, const struct wr_piece *piece,
                        struct wr_error *error)
{
    struct wr_feature_state *state = restore->state;
    uint64_t numbers[WR_IMAGE_NUMBERS];
    struct wr_image_head own;
    if (restore->has_head || piece->at != WR_FEATURE_IMAGE_VERSION ||
        piece->bytes.n != sizeof numbers) {
        return unfit(error, "of another version");
    }
    for (size_t i = 0; i < WR_IMAGE_NUMBERS; i++) {
        numbers[i] = wr_get64(piece->bytes.p + 8 * i);
    }
    memcpy(&restore->head, numbers, sizeof numbers);
    wr_image_head_of(state, &own);
    if (!fits(&restore->head, &own) || own.n_events != 0 || own.n_rows != 0) {
        return unfit(error, "made with other features or another cap of the state");
    }
    if (!is_sound(state, &restore->head)) {
        return unfit(error, "damaged numbers");
    }
    while (state->store.n_spans < restore->head.n_spans) {
        if (!wr_store_grow(&state->store)) {
            return wr_fail(error, WR_E_MEMORY, "no room to restore the features");
        }
    }
    take_numbers(state, &restore->head);
    restore->has_head = true;
    return WR_OK;
}

/* ── spans, pages, words, grains ────────────────────────────────────────────────────────────── */
static wr_err take_spans(struct wr_feature_restore *restore, const struct wr_piece *piece,
                         struct wr_error *error)
{
    size_t n = piece->bytes.n / WR_IMAGE_SPAN_SIZE;
    if (piece->at != restore->n_spans || restore->n_spans + n > restore->head.n_spans ||
        piece->bytes.n % WR_IMAGE_SPAN_SIZE != 0) {
        return unfit(error, "spans out of place");
    }
    for (size_t i = 0; i < n; i++) {
        const char *in = piece->bytes.p + i * WR_IMAGE_SPAN_SIZE;
        struct wr_span *span = &restore->state->store.spans[restore->n_spans++];
        *span = (struct wr_span){
            .p = span->p,
            .before = wr_get32(in),
            .after = wr_get32(in + 4),
            .free_granule = wr_get16(in + 8),
            .carved = wr_get16(in + 10),
            .live = wr_get16(in + 12),
            .size = (uint8_t)in[14],
            .listed = (uint8_t)in[15] == 1,
        };
        if (span->size >= WR_STORE_SIZES || (uint8_t)in[15] > 1 ||
            span->carved > wr_store_pieces(span->size) || span->live > span->carved) {
            return unfit(error, "a damaged span");
        }
    }
    return WR_OK;
}

static wr_err take_pages(struct wr_feature_restore *restore, const struct wr_piece *piece,
                         struct wr_error *error)
{
    struct wr_entities *entities = &restore->state->entities;
    size_t n = piece->bytes.n / 4;
    if (piece->at != restore->n_pages || restore->n_pages + n > restore->head.n_pages ||
        restore->n_spans != restore->head.n_spans || piece->bytes.n % 4 != 0) {
        return unfit(error, "pages out of place");
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t span = wr_get32(piece->bytes.p + 4 * i);
        if (span >= restore->n_spans) {
            return unfit(error, "a page without a span");
        }
        entities->page_spans[restore->n_pages] = span;
        entities->pages[restore->n_pages++] =
            (struct wr_row *)(void *)restore->state->store.spans[span].p;
    }
    entities->n_pages = restore->n_pages;
    return WR_OK;
}

static wr_err take_words(struct wr_feature_restore *restore, const struct wr_piece *piece,
                         struct wr_error *error)
{
    uint64_t field = piece->at / WR_IMAGE_WORDS_EVERY;
    size_t n = piece->bytes.n / 8;
    if (!restore->has_head || field >= WR_LIMIT_SCHEMA_FIELDS ||
        piece->at % WR_IMAGE_WORDS_EVERY != 0 || restore->n_words[field] != 0 || n == 0 ||
        n != restore->head.n_words[field] || piece->bytes.n % 8 != 0) {
        return unfit(error, "a dictionary out of place");
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t hash = wr_get64(piece->bytes.p + 8 * i);
        if (hash == 0 ||
            wr_dictionary_keep(restore->state->dictionaries[field], hash, true) != i + 1) {
            return unfit(error, "a damaged dictionary");
        }
    }
    restore->n_words[field] = (uint32_t)n;
    return WR_OK;
}

static wr_err take_grains(struct wr_feature_restore *restore, const struct wr_piece *piece,
                          struct wr_error *error)
{
    struct wr_feature_state *state = restore->state;
    uint64_t span = piece->at / WR_SPAN_GRAINS, grain = piece->at % WR_SPAN_GRAINS;
    uint64_t n = piece->bytes.n / WR_GRAIN;
    if (!restore->has_head || restore->n_spans != restore->head.n_spans ||
        restore->n_pages != restore->head.n_pages || span >= restore->n_spans ||
        grain + n > WR_SPAN_GRAINS || piece->bytes.n % WR_GRAIN != 0) {
        return unfit(error, "bytes out of place");
    }
    if (restore->missing == NULL &&
        !wr_shadow_bits(&state->store, &state->entities, &restore->missing)) {
        return wr_fail(error, WR_E_MEMORY, "no room to restore the features");
    }
    for (uint64_t i = grain; i < grain + n; i++) {
        uint64_t *word = &restore->missing[span][i / 64], bit = UINT64_C(1) << (i % 64);
        if ((*word & bit) == 0) {
            return unfit(error, "bytes that come twice or belong nowhere");
        }
        *word &= ~bit;
    }
    memcpy(state->store.spans[span].p + grain * WR_GRAIN, piece->bytes.p, piece->bytes.n);
    return WR_OK;
}

wr_err wr_feature_restore_piece(struct wr_feature_restore *restore, const struct wr_piece *piece,
                                struct wr_error *error)
{
    switch (piece->kind) {
    case WR_IMAGE_FIRST:
        return take_head(restore, piece, error);
    case WR_IMAGE_SPANS:
        return take_spans(restore, piece, error);
    case WR_IMAGE_PAGES:
        return take_pages(restore, piece, error);
    case WR_IMAGE_WORDS:
        return take_words(restore, piece, error);
    case WR_IMAGE_GRAINS:
        return take_grains(restore, piece, error);
    default:
        return unfit(error, "a piece of a kind that is not known");
    }
}

wr_err wr_feature_restore_end(struct wr_feature_restore *restore, struct wr_error *error)
{
    struct wr_feature_state *state = restore->state;
    const struct wr_image_head *head = &restore->head;
    if (!restore->has_head || restore->n_spans != head->n_spans ||
        restore->n_pages != head->n_pages) {
        return unfit(error, "not whole");
    }
    for (int i = 0; i < WR_LIMIT_SCHEMA_FIELDS; i++) {
        if (restore->n_words[i] != head->n_words[i]) {
            return unfit(error, "a dictionary is missing");
        }
    }
    if (restore->missing == NULL &&
        !wr_shadow_bits(&state->store, &state->entities, &restore->missing)) {
        return wr_fail(error, WR_E_MEMORY, "no room to restore the features");
    }
    for (uint32_t i = 0; i < restore->n_spans; i++) {
        if ((restore->missing[i][0] | restore->missing[i][1]) != 0) {
            return unfit(error, "bytes are missing");
        }
    }
    return wr_image_check(state, error);
}
