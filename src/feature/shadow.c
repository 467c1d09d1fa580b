/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/shadow.h"

static size_t bits_size(uint32_t n_spans)
{
    return WR_MAX(n_spans, 1u) * sizeof(wr_grain_bits);
}

static void set_bits(wr_grain_bits bits, uint32_t n)
{
    bits[0] = n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
    bits[1] = n >= 128 ? UINT64_MAX : n > 64 ? (UINT64_C(1) << (n - 64)) - 1 : 0;
}

bool wr_shadow_bits(const struct wr_store *store, const struct wr_entities *entities,
                    wr_grain_bits **bits)
{
    *bits = store->memory->take(store->memory->context, bits_size(store->n_spans));
    if (*bits == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < store->n_spans; i++) {
        const struct wr_span *span = &store->spans[i];
        uint32_t used = span->live != 0 ? (uint32_t)span->carved * wr_store_sizes[span->size] : 0;
        set_bits((*bits)[i], (used + WR_GRAIN - 1) / WR_GRAIN);
    }
    for (uint32_t i = 0; i < entities->n_pages; i++) {
        set_bits((*bits)[entities->page_spans[i]], WR_SPAN_GRAINS);
    }
    return true;
}

bool wr_shadow_begin(struct wr_shadow *shadow, struct wr_store *store,
                     const struct wr_entities *entities, const struct wr_piece_sink *sink,
                     uint16_t kind)
{
    *shadow = (struct wr_shadow){.sink = sink,
                                 .memory = store->memory,
                                 .store = store,
                                 .n_spans = store->n_spans,
                                 .kind = kind};
    WR_ASSERT(store->shadow == NULL);
    if (!wr_shadow_bits(store, entities, &shadow->pending)) {
        return false;
    }
    store->shadow = shadow;
    return true;
}

void wr_shadow_end(struct wr_shadow *shadow)
{
    if (shadow->pending != NULL) {
        shadow->memory->give(shadow->memory->context, shadow->pending, bits_size(shadow->n_spans));
        shadow->pending = NULL;
        shadow->store->shadow = NULL;
    }
}

/* ── copying ────────────────────────────────────────────────────────────────────────────────── */
static bool is_pending(const struct wr_shadow *shadow, uint32_t span, uint32_t grain)
{
    return (shadow->pending[span][grain / 64] >> (grain % 64) & 1) != 0;
}

/* Copies the run of pending grains from `grain` on, before `end`; returns where it ends. */
static uint32_t save_run(struct wr_shadow *shadow, uint32_t span, uint32_t grain, uint32_t end)
{
    uint32_t last = grain;
    while (last < end && is_pending(shadow, span, last)) {
        shadow->pending[span][last / 64] &= ~(UINT64_C(1) << (last % 64));
        last++;
    }
    uint32_t n = (last - grain) * WR_GRAIN;
    uint64_t at = (uint64_t)span * WR_SPAN_GRAINS + grain;
    uint8_t *out = wr_piece_add(shadow->sink, WR_PIECE_FEATURES, shadow->kind, at, n);
    if (out == NULL) {
        shadow->failed = true;
        return end;
    }
    memcpy(out, shadow->store->spans[span].p + (size_t)grain * WR_GRAIN, n);
    shadow->n_bytes += n;
    return last;
}

void wr_shadow_save(struct wr_shadow *shadow, uint32_t span, uint32_t from, uint32_t n)
{
    uint32_t grain = from / WR_GRAIN, end = (from + n + WR_GRAIN - 1) / WR_GRAIN;
    if (span >= shadow->n_spans || shadow->failed) {
        return;
    }
    while (grain < end) {
        grain = is_pending(shadow, span, grain) ? save_run(shadow, span, grain, end) : grain + 1;
    }
}

bool wr_shadow_step(struct wr_shadow *shadow, size_t *budget)
{
    /* A span in runs of one grain with gaps of one: no more heads than that. */
    const size_t room = WR_SPAN_SIZE + WR_SPAN_GRAINS / 2 * WR_PIECE_HEAD;
    while (shadow->next < shadow->n_spans && !shadow->failed && *budget > 0) {
        const uint64_t *bits = shadow->pending[shadow->next];
        uint64_t before = shadow->n_bytes;
        if ((bits[0] | bits[1]) != 0 && shadow->sink->room(shadow->sink->context) < room) {
            return false;
        }
        wr_shadow_save(shadow, shadow->next, 0, WR_SPAN_SIZE);
        shadow->next++;
        *budget -= (size_t)WR_MIN(*budget, shadow->n_bytes - before);
    }
    return shadow->next == shadow->n_spans || shadow->failed;
}
