/* SPDX-License-Identifier: Apache-2.0 */
/* Is what was read from an image a state? Every piece of the store belongs to exactly one holder,
 * every count is right, every reference leads to a piece of the right kind: whoever walks over the
 * state afterwards stays inside. What the numbers of windows say is not checked: that is what the
 * checksum of the snapshot is for. */
#include "feature/image_in.h"
#include "feature/large.h"
#include "feature/tally.h"

enum { GRANULE = 16, NO_GRANULE = 0xffff, SPAN_WORDS = WR_SPAN_SIZE / GRANULE / 64 };
#define NO_SPAN UINT32_MAX

struct checking {
    struct wr_feature_state *state;
    uint64_t (*taken)[SPAN_WORDS]; /* of each span, a bit for each granule where a piece begins
                                      that is free or has its holder */
    uint64_t n_held;
    struct wr_error *error;
};

static wr_err damaged(const struct checking *c, const char *what)
{
    return wr_fail(c->error, WR_E_STATE, "the image of the features: %s", what);
}

/* Marks the piece that begins at a granule; false when there is none, or it is marked already. */
static bool mark_piece(struct checking *c, uint32_t at, uint32_t granule)
{
    const struct wr_span *span = &c->state->store.spans[at];
    uint32_t stride = wr_store_sizes[span->size] / GRANULE;
    uint64_t bit = UINT64_C(1) << (granule % 64);
    if (granule >= WR_SPAN_SIZE / GRANULE || granule % stride != 0 ||
        granule / stride >= span->carved || (c->taken[at][granule / 64] & bit) != 0) {
        return false;
    }
    c->taken[at][granule / 64] |= bit;
    return true;
}

/* The piece becomes its holder's, who needs it to be of that size or, WR_STORE_SIZES, of any. */
static bool hold(struct checking *c, uint32_t ref, unsigned size)
{
    uint32_t at = (ref - 1) >> 12;
    if (ref == WR_STORE_NO_REF || at >= c->state->store.n_spans ||
        c->state->store.spans[at].live == 0 ||
        (size != WR_STORE_SIZES && c->state->store.spans[at].size != size)) {
        return false;
    }
    c->n_held++;
    return mark_piece(c, at, (ref - 1) & 4095);
}

/* ── the store ──────────────────────────────────────────────────────────────────────────────── */
static bool check_free(struct checking *c, uint32_t at)
{
    const struct wr_span *span = &c->state->store.spans[at];
    uint16_t granule = span->free_granule;
    for (uint32_t left = (uint32_t)span->carved - span->live; left > 0; left--) {
        if (granule == NO_GRANULE || !mark_piece(c, at, granule)) {
            return false;
        }
        memcpy(&granule, span->p + (size_t)granule * GRANULE, sizeof granule);
    }
    return granule == NO_GRANULE;
}

/* The spans with room of one size; each is counted. */
static bool check_roomy(const struct checking *c, unsigned size, uint32_t *n)
{
    const struct wr_store *store = &c->state->store;
    uint32_t before = NO_SPAN;
    for (uint32_t at = store->roomy[size]; at != NO_SPAN; at = store->spans[at].after) {
        if (at >= store->n_spans || store->spans[at].before != before ||
            store->spans[at].size != size || store->spans[at].live == 0 ||
            !store->spans[at].listed || *n == store->n_spans) {
            return false;
        }
        before = at;
        ++*n;
    }
    return true;
}

static bool check_pool(const struct checking *c, uint32_t *n)
{
    const struct wr_store *store = &c->state->store;
    for (uint32_t at = store->pool; at != NO_SPAN; at = store->spans[at].after) {
        if (at >= store->n_spans || store->spans[at].live != 0 || store->spans[at].listed ||
            c->taken[at][0] != 0 || *n == store->n_spans) {
            return false;
        }
        c->taken[at][0] = 1; /* so that it is met once */
        ++*n;
    }
    return true;
}

static wr_err check_store(struct checking *c)
{
    struct wr_store *store = &c->state->store;
    const struct wr_entities *entities = &c->state->entities;
    uint32_t n_listed = 0, n_roomy = 0, n_pool = 0, n_live = 0;
    uint64_t used = 0;
    for (uint32_t i = 0; i < entities->n_pages; i++) {
        uint64_t *taken = c->taken[entities->page_spans[i]];
        if (store->spans[entities->page_spans[i]].live != 0 || taken[0] != 0) {
            return damaged(c, "a page of entities that is not one");
        }
        taken[0] = 1;
        used += WR_SPAN_SIZE;
    }
    if (!check_pool(c, &n_pool)) {
        return damaged(c, "the pool of spans");
    }
    for (uint32_t i = 0; i < store->n_spans; i++) {
        const struct wr_span *span = &store->spans[i];
        bool full = span->free_granule == NO_GRANULE && span->carved == wr_store_pieces(span->size);
        if (span->live == 0 ? span->listed : span->listed == full || !check_free(c, i)) {
            return damaged(c, "free pieces");
        }
        n_live += span->live != 0;
        n_listed += span->listed;
        used += (uint64_t)span->live * wr_store_sizes[span->size];
    }
    for (unsigned size = 0; size < WR_STORE_SIZES; size++) {
        if (!check_roomy(c, size, &n_roomy)) {
            return damaged(c, "spans with room");
        }
    }
    return n_roomy == n_listed && used == store->used &&
                   n_pool + n_live + entities->n_pages == store->n_spans
               ? WR_OK
               : damaged(c, "the counts of spans");
}

/* ── tapes ──────────────────────────────────────────────────────────────────────────────────── */
#define TICK_MAX (-2 * WR_LOST_NONE)

static bool check_chunk(struct checking *c, const struct wr_feature_class *class, uint32_t ref)
{
    if (!hold(c, ref, WR_STORE_SIZES)) {
        return false;
    }
    const struct wr_chunk *chunk = wr_store_look(&c->state->store, ref);
    unsigned size = c->state->store.spans[(ref - 1) >> 12].size;
    uint32_t widths = chunk->widths;
    for (unsigned i = 0; i < class->n_columns; i++) {
        if (wr_width(widths, i) > 8) {
            return false;
        }
    }
    if (size >= WR_STORE_TAPES || chunk->size != size || chunk->n == 0 || chunk->head == 0 ||
        chunk->head > 8 || (class->n_columns < 8 && widths >> (4 * class->n_columns) != 0) ||
        sizeof *chunk + (size_t)chunk->n * wr_stride(chunk) > wr_store_sizes[size] ||
        chunk->base <= -TICK_MAX || chunk->base >= TICK_MAX) {
        return false;
    }
    int64_t before = chunk->base;
    for (unsigned i = 0; i < chunk->n; i++) {
        uint64_t offset = wr_head(chunk, wr_stride(chunk), i) >> class->n_bits;
        if (offset >= (uint64_t)TICK_MAX || chunk->base + (int64_t)offset < before) {
            return false;
        }
        before = chunk->base + (int64_t)offset;
    }
    return true;
}

/* What walking over a tree needs: nodes on the way, and the last chunk met. */
struct climb {
    struct wr_node *nodes[WR_LIMIT_TREE_HEIGHT];
    uint32_t at[WR_LIMIT_TREE_HEIGHT];
    uint32_t depth, last;
};

static bool enter(struct checking *c, const struct wr_feature_class *class, struct climb *climb,
                  uint32_t ref, uint32_t height)
{
    if (climb->depth == height) {
        climb->last = ref;
        return check_chunk(c, class, ref);
    }
    if (!hold(c, ref, class->node_size)) {
        return false;
    }
    struct wr_node *node = wr_store_at(&c->state->store, ref);
    climb->nodes[climb->depth] = node;
    climb->at[climb->depth++] = 0;
    return node->n != 0 && node->n <= class->fanout;
}

static bool check_tree(struct checking *c, const struct wr_feature_class *class,
                       const struct wr_large *large)
{
    struct climb climb = {.depth = 0};
    if (large->height == 0 || large->height >= WR_LIMIT_TREE_HEIGHT ||
        !enter(c, class, &climb, large->root, large->height)) {
        return false;
    }
    while (climb.depth > 0) {
        uint32_t top = climb.depth - 1;
        if (climb.at[top] == climb.nodes[top]->n) {
            climb.depth--;
            continue;
        }
        uint32_t ref = wr_child_at(class, climb.nodes[top], climb.at[top]++)->ref;
        if (!enter(c, class, &climb, ref, large->height)) {
            return false;
        }
    }
    return climb.last == large->last;
}

static bool check_mark(const struct checking *c, const struct wr_feature_class *class,
                       const struct wr_mark *mark)
{
    (void)class;
    uint32_t at = (mark->chunk - 1) >> 12;
    if (mark->chunk == WR_STORE_NO_REF) {
        return true;
    }
    const struct wr_store *store = &c->state->store;
    if (at >= store->n_spans || store->spans[at].live == 0 ||
        ((mark->chunk - 1) & 4095) * GRANULE + sizeof(struct wr_chunk) > WR_SPAN_USABLE) {
        return false;
    }
    const struct wr_chunk *chunk = wr_store_look(store, mark->chunk);
    uint32_t granule = (mark->chunk - 1) & 4095;
    return granule % (wr_store_sizes[store->spans[at].size] / GRANULE) == 0 &&
           chunk->size == store->spans[at].size && chunk->size < WR_STORE_TAPES &&
           mark->i <= chunk->n && mark->at == mark->i * wr_stride(chunk);
}

static bool check_large(struct checking *c, const struct wr_feature_class *class, uint32_t ref)
{
    if (!hold(c, ref, class->large_size)) {
        return false;
    }
    struct wr_large *large = wr_store_at(&c->state->store, ref);
    uint8_t valid;
    memcpy(&valid, (const uint8_t *)large + offsetof(struct wr_large, valid), 1);
    if (valid > 1 || large->newest <= -TICK_MAX || large->newest >= TICK_MAX ||
        !check_tree(c, class, large)) {
        return false;
    }
    if (large->valid && (large->tick <= -TICK_MAX || large->tick >= TICK_MAX)) {
        return false;
    }
    const uint8_t *mark = (const uint8_t *)(large + 1);
    for (unsigned m = 0; large->valid && m < class->n_marks; m++) {
        struct wr_mark copy;
        mark += class->mark_size;
        memcpy(&copy, mark, sizeof copy);
        if (!check_mark(c, class, &copy)) {
            return false;
        }
    }
    const struct wr_tally *tallies =
        (const struct wr_tally *)(const void *)((const uint8_t *)large + class->tallies_at);
    for (unsigned i = 0; i < class->n_tallies; i++) {
        uint32_t refs[WR_TALLY_PARTS];
        memcpy(refs, tallies[i].parts, sizeof refs);
        if (!wr_tally_is_sound(&c->state->store, &tallies[i])) {
            return false;
        }
        for (unsigned p = 0; p < tallies[i].n_parts; p++) {
            if (!hold(c, refs[p], WR_STORE_SIZES)) {
                return false;
            }
        }
    }
    return true;
}

/* ── entities ───────────────────────────────────────────────────────────────────────────────── */
static wr_err check_row(struct checking *c, const struct wr_row *row)
{
    const struct wr_feature_plan *plan = c->state->plan;
    if (row->entity >= plan->schema->n_entities || !plan->classes[row->entity].used ||
        (row->is_lost && row->ref != WR_STORE_NO_REF) ||
        (row->is_large && row->ref == WR_STORE_NO_REF)) {
        return damaged(c, "a damaged entity");
    }
    if (row->ref == WR_STORE_NO_REF) {
        return WR_OK;
    }
    const struct wr_feature_class *class = &plan->classes[row->entity];
    bool sound = row->is_large ? check_large(c, class, row->ref) : check_chunk(c, class, row->ref);
    return sound ? WR_OK : damaged(c, "a damaged tape");
}

/* Rows of one list, from the least recently used on; each gets its slot. */
static wr_err check_list(struct checking *c, const struct wr_row_list *list, bool lost)
{
    struct wr_entities *entities = &c->state->entities;
    uint32_t before = WR_ROW_NONE, n = 0;
    wr_err err = WR_OK;
    for (uint32_t at = list->oldest; at != WR_ROW_NONE && err == WR_OK; n++) {
        const struct wr_row *row = at < entities->n_rows ? wr_entity_row(entities, at) : NULL;
        if (row == NULL || row->before != before || row->is_lost != lost || n == list->n ||
            !wr_entity_restore(entities, at)) {
            return damaged(c, "entities in order of use");
        }
        if (row->after < entities->n_rows) {
            __builtin_prefetch(wr_entity_row(entities, row->after));
        }
        err = check_row(c, row);
        before = at;
        at = row->after;
    }
    return err != WR_OK                             ? err
           : n == list->n && before == list->newest ? WR_OK
                                                    : damaged(c, "entities in order of use");
}

static wr_err check_rows(struct checking *c)
{
    struct wr_entities *entities = &c->state->entities;
    uint32_t n_free = 0;
    if (!wr_entity_restore_begin(entities)) {
        return wr_fail(c->error, WR_E_MEMORY, "no room to restore the features");
    }
    for (uint32_t at = entities->free_row; at != WR_ROW_NONE; n_free++) {
        if (at >= entities->n_rows || n_free == entities->n_rows) {
            return damaged(c, "free entities");
        }
        at = wr_entity_row(entities, at)->after;
    }
    wr_err err = check_list(c, &entities->live, false);
    err = err != WR_OK ? err : check_list(c, &entities->lost, true);
    if (err == WR_OK &&
        (uint64_t)n_free + entities->live.n + entities->lost.n != entities->n_rows) {
        err = damaged(c, "the count of entities");
    }
    return err;
}

wr_err wr_image_check(struct wr_feature_state *state, struct wr_error *error)
{
    const struct wr_memory *memory = state->memory;
    size_t size = WR_MAX(state->store.n_spans, 1u) * sizeof(uint64_t[SPAN_WORDS]);
    struct checking c = {.state = state, .error = error};
    uint64_t n_live = 0;
    c.taken = memory->take(memory->context, size);
    if (c.taken == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room to restore the features");
    }
    memset(c.taken, 0, size);
    wr_err err = check_store(&c);
    err = err != WR_OK ? err : check_rows(&c);
    for (uint32_t i = 0; i < state->store.n_spans; i++) {
        n_live += state->store.spans[i].live;
    }
    if (err == WR_OK && n_live != c.n_held) {
        err = damaged(&c, "pieces without a holder");
    }
    memory->give(memory->context, c.taken, size);
    return err;
}
