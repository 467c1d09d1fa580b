/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the tapes: blocks of 2 MiB cut into spans of 64 KiB, each span cut into pieces of one
 * size. A piece is named by a 32-bit reference, so that no state holds an address. A span whose
 * pieces are all free goes back to the pool and may serve another size: what small tapes leave
 * behind, larger ones use. New pieces go to spans that are three quarters full, and whoever comes
 * by a piece in one that is emptier can move it there: emptier ones are a few, not what every size
 * that was ever in demand left behind. Never more than spans_max spans; allocation then gives 0.
 *
 * While an image of the store is made (shadow.h), what a piece held goes to the image before anyone
 * gets a pointer to write through: wr_store_at. Who only looks asks wr_store_look. */
#ifndef WR_FEATURE_STORE_H
#define WR_FEATURE_STORE_H

#include "base/arena.h"

#define WR_SPAN_SIZE    65536
#define WR_SPAN_USABLE  (WR_SPAN_SIZE - 16) /* an 8-byte load at a piece's end stays inside */
#define WR_BLOCK_SPANS  32                  /* 2 MiB: a huge page, where there are any */
#define WR_STORE_SIZES  21
#define WR_STORE_TAPES  13 /* the first sizes: 32 .. 512 bytes */
#define WR_STORE_NO_REF 0

struct wr_shadow;

extern const uint16_t wr_store_sizes[WR_STORE_SIZES];
extern const uint16_t wr_store_counts[WR_STORE_SIZES]; /* pieces in a span */

struct wr_span {
    uint8_t *p;
    uint32_t before, after; /* in the list it is on; or `after` in the pool */
    uint16_t free_granule;  /* head of the list of freed pieces; 0xffff = none */
    uint16_t carved;        /* pieces ever handed out since the span got its size */
    uint16_t live;
    uint8_t size;
    bool listed;
};

struct wr_store {
    const struct wr_memory *memory;
    struct wr_span *spans;
    uint32_t n_spans, spans_max, pool;
    uint32_t roomy[WR_STORE_SIZES];  /* spans of a size with room, not sparse; ... */
    uint32_t sparse[WR_STORE_SIZES]; /* ... and sparse, the first being filled */
    uint64_t used;                   /* bytes of live pieces and whole spans handed out */
    struct wr_shadow *shadow;        /* NULL: no image is being made */
};

/* False when there is no room for the span table. */
WR_NODISCARD bool wr_store_init(struct wr_store *store, const struct wr_memory *memory,
                                uint32_t spans_max);
void wr_store_deinit(struct wr_store *store);

/* Size index that holds n bytes; WR_STORE_SIZES when none does. */
unsigned wr_store_size_for(size_t n);
/* A reference, or WR_STORE_NO_REF. The piece is not cleared. */
uint32_t wr_store_alloc(struct wr_store *store, unsigned size);
void wr_store_free(struct wr_store *store, uint32_t ref);
/* A whole span, not cleared, never given back before deinit, and its number; NULL when there is
 * none. Who writes there saves what the image lacks (wr_shadow_save). */
void *wr_store_span(struct wr_store *store, uint32_t *at);
/* One more block of spans, all of them in the pool. */
bool wr_store_grow(struct wr_store *store);
uint64_t wr_store_taken(const struct wr_store *store);
/* Of a size: pieces in a span. */
static inline unsigned wr_store_pieces(unsigned size)
{
    return wr_store_counts[size];
}

static inline bool wr_span_is_sparse(const struct wr_span *span)
{
    return span->live * 4u < wr_store_pieces(span->size) * 3u;
}
/* True when the piece is one of a sparse span. */
static inline bool wr_store_is_sparse(const struct wr_store *store, uint32_t ref)
{
    return wr_span_is_sparse(&store->spans[(ref - 1) >> 12]);
}
/* Another piece of its size, to move to, elsewhere than in the sparse span it is in;
 * WR_STORE_NO_REF when that one is to be filled itself. */
uint32_t wr_store_alloc_denser(struct wr_store *store, uint32_t ref);

/* Saves what the image still lacks of n bytes of a span. */
void wr_shadow_save(struct wr_shadow *shadow, uint32_t span, uint32_t from, uint32_t n);

static inline const void *wr_store_look(const struct wr_store *store, uint32_t ref)
{
    uint32_t at = ref - 1;
    WR_CHECK_SLOW(ref != WR_STORE_NO_REF && at >> 12 < store->n_spans);
    return store->spans[at >> 12].p + (size_t)(at & 4095) * 16;
}
static inline void *wr_store_at(const struct wr_store *store, uint32_t ref)
{
    uint32_t at = ref - 1;
    WR_CHECK_SLOW(ref != WR_STORE_NO_REF && at >> 12 < store->n_spans);
    struct wr_span *span = &store->spans[at >> 12];
    if (WR_UNLIKELY(store->shadow != NULL)) {
        wr_shadow_save(store->shadow, at >> 12, (at & 4095) * 16, wr_store_sizes[span->size]);
    }
    return span->p + (size_t)(at & 4095) * 16;
}

#endif
