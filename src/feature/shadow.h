/* SPDX-License-Identifier: Apache-2.0 */
/* An image of a store as it was at one moment, taken while the store goes on changing.
 *
 * Spans are copied in order, a bounded piece at a time. Before anything is written to a grain (512
 * bytes) that has not been copied yet, the grain as it is goes to the image first (wr_store_at,
 * wr_entity_edit): so each grain goes there once, with what it held at the beginning.
 *
 *   pending   1 1 1 1 0 0 1 1 | 1 0 ...     a bit for each grain in use at the beginning
 *             ^ copied in order  ^ written to by an event: saved, then changed */
#ifndef WR_FEATURE_SHADOW_H
#define WR_FEATURE_SHADOW_H

#include "base/piece.h"
#include "feature/entity.h"

#define WR_GRAIN       512u
#define WR_SPAN_GRAINS (WR_SPAN_SIZE / WR_GRAIN) /* 128: two words of bits */

typedef uint64_t wr_grain_bits[2];

struct wr_shadow {
    const struct wr_piece_sink *sink;
    const struct wr_memory *memory;
    struct wr_store *store;
    wr_grain_bits *pending; /* [n_spans] */
    uint32_t n_spans, next; /* spans before `next` are copied */
    uint16_t kind;          /* of its pieces; `at` is span * 128 + first grain */
    bool failed;            /* the sink had no room for what was about to be overwritten */
    uint64_t n_bytes;
};

/* Bits of all grains in use; false when there is no memory. */
WR_NODISCARD bool wr_shadow_bits(const struct wr_store *store, const struct wr_entities *entities,
                                 wr_grain_bits **bits);

/* Begins an image of what the store holds now. False when there is no memory. */
WR_NODISCARD bool wr_shadow_begin(struct wr_shadow *shadow, struct wr_store *store,
                                  const struct wr_entities *entities,
                                  const struct wr_piece_sink *sink, uint16_t kind);
/* Copies up to a budget of bytes, at least a span if the sink has the room; true when all is
 * copied, or it has failed. */
bool wr_shadow_step(struct wr_shadow *shadow, size_t *budget);
/* Ends it, whole or not. */
void wr_shadow_end(struct wr_shadow *shadow);

#endif
