/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/store.h"

#define SIZES(X)                                                                                   \
    X(32), X(48), X(64), X(96), X(128), X(160), X(192), X(224), X(256), X(320), X(384), X(448),    \
        X(512), X(768), X(1024), X(1536), X(2048), X(4096), X(8192), X(16384), X(32768)
#define SIZE(n)   n
#define PIECES(n) WR_SPAN_USABLE / n

const uint16_t wr_store_sizes[WR_STORE_SIZES] = {SIZES(SIZE)};
const uint16_t wr_store_counts[WR_STORE_SIZES] = {SIZES(PIECES)};

enum { GRANULE = 16, NO_GRANULE = 0xffff };
#define NO_SPAN UINT32_MAX

bool wr_store_init(struct wr_store *store, const struct wr_memory *memory, uint32_t spans_max)
{
    spans_max = WR_MIN(spans_max, (UINT32_C(1) << 20) - 1);
    *store = (struct wr_store){.memory = memory, .spans_max = spans_max, .pool = NO_SPAN};
    memset(store->roomy, 0xff, sizeof store->roomy);
    memset(store->sparse, 0xff, sizeof store->sparse);
    store->spans = memory->take(memory->context, spans_max * sizeof *store->spans);
    return store->spans != NULL;
}

void wr_store_deinit(struct wr_store *store)
{
    const struct wr_memory *memory = store->memory;
    for (uint32_t i = 0; i < store->n_spans; i += WR_BLOCK_SPANS) {
        memory->give(memory->context, store->spans[i].p, WR_BLOCK_SPANS * WR_SPAN_SIZE);
    }
    memory->give(memory->context, store->spans, store->spans_max * sizeof *store->spans);
    *store = (struct wr_store){0};
}

uint64_t wr_store_taken(const struct wr_store *store)
{
    return (uint64_t)store->n_spans * WR_SPAN_SIZE + store->spans_max * sizeof *store->spans;
}

unsigned wr_store_size_for(size_t n)
{
    unsigned size = 0;
    while (size < WR_STORE_SIZES && wr_store_sizes[size] < n) {
        size++;
    }
    return size;
}

/* ── spans ──────────────────────────────────────────────────────────────────────────────────── */
bool wr_store_grow(struct wr_store *store)
{
    if (store->n_spans + WR_BLOCK_SPANS > store->spans_max) {
        return false;
    }
    uint8_t *p = store->memory->take(store->memory->context, (size_t)WR_BLOCK_SPANS * WR_SPAN_SIZE);
    if (p == NULL) {
        return false;
    }
    for (uint32_t i = WR_BLOCK_SPANS; i-- > 0;) { /* the lowest is used first */
        struct wr_span *span = &store->spans[store->n_spans + i];
        *span = (struct wr_span){.p = p + (size_t)i * WR_SPAN_SIZE, .after = store->pool};
        store->pool = store->n_spans + i;
    }
    store->n_spans += WR_BLOCK_SPANS;
    return true;
}

static uint32_t take_span(struct wr_store *store)
{
    if (store->pool == NO_SPAN) {
        (void)wr_store_grow(store);
    }
    uint32_t at = store->pool;
    if (at != NO_SPAN) {
        store->pool = store->spans[at].after;
    }
    return at;
}

void *wr_store_span(struct wr_store *store, uint32_t *at)
{
    *at = take_span(store);
    if (*at == NO_SPAN) {
        return NULL;
    }
    store->used += WR_SPAN_SIZE;
    return store->spans[*at].p;
}

static uint32_t *list_of(struct wr_store *store, const struct wr_span *span)
{
    return wr_span_is_sparse(span) ? &store->sparse[span->size] : &store->roomy[span->size];
}

/* At the head; of the sparse behind it: the head is being filled, and stays until it is no longer
 * sparse. */
static void list_add(struct wr_store *store, uint32_t at)
{
    struct wr_span *span = &store->spans[at];
    uint32_t *head = list_of(store, span);
    bool second = wr_span_is_sparse(span) && *head != NO_SPAN;
    span->before = second ? *head : NO_SPAN;
    uint32_t *link = second ? &store->spans[*head].after : head;
    span->after = *link;
    *link = at;
    if (span->after != NO_SPAN) {
        store->spans[span->after].before = at;
    }
    span->listed = true;
}

/* From the list that `sparse` says. */
static void list_remove(struct wr_store *store, uint32_t at, bool sparse)
{
    struct wr_span *span = &store->spans[at];
    WR_ASSERT(span->listed);
    if (span->before != NO_SPAN) {
        store->spans[span->before].after = span->after;
    } else {
        *(sparse ? &store->sparse[span->size] : &store->roomy[span->size]) = span->after;
    }
    if (span->after != NO_SPAN) {
        store->spans[span->after].before = span->before;
    }
    span->listed = false;
}

/* ── pieces ─────────────────────────────────────────────────────────────────────────────────── */
/* A span with room of this size, or a fresh one. */
static uint32_t span_for(struct wr_store *store, unsigned size)
{
    uint32_t at = store->roomy[size] != NO_SPAN ? store->roomy[size] : store->sparse[size];
    if (at == NO_SPAN && (at = take_span(store)) != NO_SPAN) {
        struct wr_span *fresh = &store->spans[at];
        *fresh = (struct wr_span){.p = fresh->p, .free_granule = NO_GRANULE, .size = (uint8_t)size};
        list_add(store, at);
    }
    return at;
}

uint32_t wr_store_alloc(struct wr_store *store, unsigned size)
{
    WR_ASSERT(size < WR_STORE_SIZES);
    uint32_t at = span_for(store, size);
    if (at == NO_SPAN) {
        return WR_STORE_NO_REF;
    }
    struct wr_span *span = &store->spans[at];
    bool was_sparse = wr_span_is_sparse(span);
    uint32_t granule;
    if (span->free_granule != NO_GRANULE) {
        granule = span->free_granule;
        memcpy(&span->free_granule, span->p + (size_t)granule * GRANULE, sizeof(uint16_t));
    } else {
        granule = (uint32_t)span->carved++ * wr_store_sizes[size] / GRANULE;
    }
    span->live++;
    bool full = span->free_granule == NO_GRANULE && span->carved == wr_store_pieces(size);
    if (full || was_sparse != wr_span_is_sparse(span)) {
        list_remove(store, at, was_sparse);
        if (!full) {
            list_add(store, at);
        }
    }
    store->used += wr_store_sizes[size];
    return (at << 12 | granule) + 1;
}

void wr_store_free(struct wr_store *store, uint32_t ref)
{
    WR_ASSERT(ref != WR_STORE_NO_REF);
    uint32_t at = (ref - 1) >> 12, granule = (ref - 1) & 4095;
    struct wr_span *span = &store->spans[at];
    WR_ASSERT(at < store->n_spans && span->live > 0);
    memcpy(wr_store_at(store, ref), &span->free_granule, sizeof(uint16_t));
    bool was_sparse = wr_span_is_sparse(span);
    span->free_granule = (uint16_t)granule;
    span->live--;
    store->used -= wr_store_sizes[span->size];
    if (span->listed && (span->live == 0 || was_sparse != wr_span_is_sparse(span))) {
        list_remove(store, at, was_sparse);
    }
    if (span->live == 0) {
        span->after = store->pool;
        store->pool = at;
    } else if (!span->listed) {
        list_add(store, at);
    }
}

uint32_t wr_store_alloc_denser(struct wr_store *store, uint32_t ref)
{
    uint32_t at = (ref - 1) >> 12;
    const struct wr_span *span = &store->spans[at];
    bool only = store->roomy[span->size] == NO_SPAN && store->sparse[span->size] == at;
    return only ? WR_STORE_NO_REF : wr_store_alloc(store, span->size);
}
