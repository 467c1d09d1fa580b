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

/* The spans with room of one size, sparse or not; each is counted. */
static bool check_roomy(const struct checking *c, unsigned size, bool sparse, uint32_t *n)
{
    const struct wr_store *store = &c->state->store;
    uint32_t before = NO_SPAN, at = sparse ? store->sparse[size] : store->roomy[size];
    for (; at != NO_SPAN; at = store->spans[at].after) {
        if (at >= store->n_spans || store->spans[at].before != before ||
            store->spans[at].size != size || store->spans[at].live == 0 ||
            !store->spans[at].listed || wr_span_is_sparse(&store->spans[at]) != sparse ||
            *n == store->n_spans) {
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
        if (!check_roomy(c, size, false, &n_roomy) || !check_roomy(c, size, true, &n_roomy)) {
            return damaged(c, "spans with room");
        }
    }
    return n_roomy == n_listed && used == store->used &&
                   n_pool + n_live + entities->n_pages == store->n_spans
               ? WR_OK
               : damaged(c, "the counts of spans");
}

/* ── tapes ──────────────────────────────────────────────────────────────────────────────────── */
#define TICK_MAX (-WR_LOST_NONE) /* what a row can say was lost */

/* `tick`: of the record before the chunk's first, then of its last. */
static bool check_chunk(struct checking *c, const struct wr_feature_class *class, uint32_t ref,
                        int64_t *tick)
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
    unsigned stride = wr_stride(chunk);
    int64_t before = *tick;
    for (unsigned i = 0; i < chunk->n; i++) {
        uint64_t offset = wr_head(chunk, stride, i) >> class->n_bits;
        if (offset >= (uint64_t)(TICK_MAX - chunk->base) ||
            chunk->base + (int64_t)offset < before) {
            return false;
        }
        before = chunk->base + (int64_t)offset;
    }
    *tick = before;
    return true;
}

/* What walking over a tree needs: nodes on the way, and the last chunk met. */
struct climb {
    struct wr_node *nodes[WR_LIMIT_TREE_HEIGHT];
    uint32_t at[WR_LIMIT_TREE_HEIGHT];
    uint32_t depth, last;
    int64_t tick; /* of the last record met */
};

static bool enter(struct checking *c, const struct wr_feature_class *class, struct climb *climb,
                  uint32_t ref, uint32_t height)
{
    if (climb->depth == height) {
        climb->last = ref;
        return check_chunk(c, class, ref, &climb->tick);
    }
    if (!hold(c, ref, class->node_size)) {
        return false;
    }
    struct wr_node *node = wr_store_at(&c->state->store, ref);
    climb->nodes[climb->depth] = node;
    climb->at[climb->depth++] = 0;
    return node->n != 0 && node->n <= class->fanout;
}

/* Does a child say when its oldest record was? It has been entered. */
static bool begins_at(const struct checking *c, const struct wr_feature_class *class,
                      const struct wr_child *child, bool is_leaf)
{
    const void *below = wr_store_look(&c->state->store, child->ref);
    if (is_leaf) {
        return child->first == wr_chunk_tick(below, class->n_bits, 0);
    }
    struct wr_child first;
    memcpy(&first, (const struct wr_node *)below + 1, sizeof first);
    return child->first == first.first;
}

static bool check_tree(struct checking *c, const struct wr_feature_class *class,
                       const struct wr_large *large)
{
    struct climb climb = {.tick = -TICK_MAX};
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
        const struct wr_child *child = wr_child_at(class, climb.nodes[top], climb.at[top]++);
        if (!enter(c, class, &climb, child->ref, large->height) ||
            !begins_at(c, class, child, climb.depth == large->height && climb.depth == top + 1)) {
            return false;
        }
    }
    return climb.last == large->last && climb.tick <= large->newest &&
           (!large->valid || class->n_tallies == 0 || climb.tick <= large->tick);
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
    struct wr_tape tape = {.store = &c->state->store,
                           .class = class,
                           .scratch = c->state->scratch,
                           .ref = large->root,
                           .height = large->height,
                           .large_ref = ref,
                           .large = large};
    return !large->valid || wr_large_restore(&tape);
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
    int64_t tick = -TICK_MAX;
    bool sound =
        row->is_large ? check_large(c, class, row->ref) : check_chunk(c, class, row->ref, &tick);
    return sound ? WR_OK : damaged(c, "a damaged tape");
}

/* Rows that are free, marked; false when their list is no list. */
static bool mark_free(const struct checking *c, uint64_t *free_rows, uint32_t *n)
{
    const struct wr_entities *entities = &c->state->entities;
    for (uint32_t at = entities->free_row; at != WR_ROW_NONE; ++*n) {
        if (at >= entities->n_rows || (free_rows[at / 64] >> (at % 64) & 1) != 0) {
            return false;
        }
        free_rows[at / 64] |= UINT64_C(1) << (at % 64);
        at = wr_entity_row(entities, at)->after;
    }
    return true;
}

/* Is it where its neighbours in the order of use say? Then walking along either list ends. */
static bool is_linked(const struct checking *c, uint32_t at, const struct wr_row *row)
{
    const struct wr_entities *entities = &c->state->entities;
    const struct wr_row_list *list = row->is_lost ? &entities->lost : &entities->live;
    const struct wr_row *before = NULL, *after = NULL;
    if ((row->before != WR_ROW_NONE && row->before >= entities->n_rows) ||
        (row->after != WR_ROW_NONE && row->after >= entities->n_rows)) {
        return false;
    }
    before = row->before != WR_ROW_NONE ? wr_entity_row(entities, row->before) : NULL;
    after = row->after != WR_ROW_NONE ? wr_entity_row(entities, row->after) : NULL;
    return (before != NULL ? before->after == at && before->is_lost == row->is_lost
                           : list->oldest == at) &&
           (after != NULL ? after->before == at && after->is_lost == row->is_lost
                          : list->newest == at);
}

/* What checking a row will touch, on its way to the cache. */
static void prefetch_row(const struct checking *c, uint32_t at)
{
    const struct wr_entities *entities = &c->state->entities;
    const struct wr_store *store = &c->state->store;
    if (at >= entities->n_rows) {
        return;
    }
    const struct wr_row *row = wr_entity_row(entities, at);
    struct wr_event_key key = {.hash = row->hash};
    uint32_t span = (row->ref - 1) >> 12;
    wr_entity_prefetch(entities, &key);
    if (row->before < entities->n_rows) {
        __builtin_prefetch(wr_entity_row(entities, row->before));
    }
    if (row->after < entities->n_rows) {
        __builtin_prefetch(wr_entity_row(entities, row->after));
    }
    if (row->ref != WR_STORE_NO_REF && span < store->n_spans) {
        const uint8_t *p = wr_store_look(store, row->ref);
        for (unsigned line = 0; line < 6; line++) {
            __builtin_prefetch(p + 64 * line);
        }
    }
}

/* All rows in order of their numbers, each with its slot. */
static wr_err check_all(struct checking *c, const uint64_t *free_rows)
{
    enum { AHEAD = 12 };
    struct wr_entities *entities = &c->state->entities;
    uint32_t n_live = 0, n_lost = 0;
    wr_err err = WR_OK;
    for (uint32_t at = 0; at < entities->n_rows && err == WR_OK; at++) {
        prefetch_row(c, at + AHEAD);
        if ((free_rows[at / 64] >> (at % 64) & 1) != 0) {
            continue;
        }
        const struct wr_row *row = wr_entity_row(entities, at);
        n_live += !row->is_lost;
        n_lost += row->is_lost;
        if (!is_linked(c, at, row) || n_live > entities->live.n || n_lost > entities->lost.n ||
            !wr_entity_restore(entities, at)) {
            return damaged(c, "entities in order of use");
        }
        err = check_row(c, row);
    }
    bool ends = (entities->live.n == 0) == (entities->live.oldest == WR_ROW_NONE) &&
                (entities->live.n == 0) == (entities->live.newest == WR_ROW_NONE) &&
                (entities->lost.n == 0) == (entities->lost.oldest == WR_ROW_NONE) &&
                (entities->lost.n == 0) == (entities->lost.newest == WR_ROW_NONE);
    return err != WR_OK ? err
           : ends && n_live == entities->live.n && n_lost == entities->lost.n
               ? WR_OK
               : damaged(c, "the count of entities");
}

static wr_err check_rows(struct checking *c)
{
    const struct wr_memory *memory = c->state->memory;
    struct wr_entities *entities = &c->state->entities;
    size_t size = (entities->n_rows / 64 + 1u) * sizeof(uint64_t);
    uint32_t n_free = 0;
    uint64_t *free_rows = memory->take(memory->context, size);
    if (free_rows == NULL || !wr_entity_restore_begin(entities)) {
        if (free_rows != NULL) {
            memory->give(memory->context, free_rows, size);
        }
        return wr_fail(c->error, WR_E_MEMORY, "no room to restore the features");
    }
    memset(free_rows, 0, size);
    wr_err err =
        mark_free(c, free_rows, &n_free) ? check_all(c, free_rows) : damaged(c, "free entities");
    if (err == WR_OK &&
        (uint64_t)n_free + entities->live.n + entities->lost.n != entities->n_rows) {
        err = damaged(c, "the count of entities");
    }
    memory->give(memory->context, free_rows, size);
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
