/* SPDX-License-Identifier: Apache-2.0 */
/* What writing, reading and checking an image share. */
#ifndef WR_FEATURE_IMAGE_IN_H
#define WR_FEATURE_IMAGE_IN_H

#include "feature/image.h"
#include "feature/shadow.h"
#include "feature/state.h"

enum wr_image_kind {
    WR_IMAGE_FIRST = WR_PIECE_FIRST,
    WR_IMAGE_SPANS = 1,
    WR_IMAGE_PAGES = 2,
    WR_IMAGE_WORDS = 3,
    WR_IMAGE_GRAINS = 4,
};

enum {
    WR_IMAGE_SPAN_SIZE = 16,
    WR_IMAGE_SPANS_MAX = WR_LIMIT_PIECE / WR_IMAGE_SPAN_SIZE,
    WR_IMAGE_PAGES_MAX = WR_LIMIT_PIECE / 4,
    WR_IMAGE_WORDS_EVERY = 4096, /* WR_LIMIT_DICTIONARY, rounded up */
};

/* All single numbers, in the order of the image. */
struct wr_image_head {
    uint64_t layout, entities_max, lost_max, spans_max;
    int64_t newest_tick, lateness_ticks, kept_since_tick, forgotten[WR_LIMIT_SCHEMA_ENTITIES];
    uint64_t sequence, n_events, n_late, n_labels, n_labels_idle, n_evictions, n_forgotten;
    uint64_t n_spans, pool, roomy[WR_STORE_SIZES], sparse[WR_STORE_SIZES], used;
    uint64_t n_pages, n_rows, free_row;
    uint64_t live_oldest, live_newest, n_live, lost_oldest, lost_newest, n_lost;
    uint64_t n_words[WR_LIMIT_SCHEMA_FIELDS];
};
enum { WR_IMAGE_NUMBERS = sizeof(struct wr_image_head) / sizeof(uint64_t) };

void wr_image_head_of(const struct wr_feature_state *state, struct wr_image_head *head);

/* Checks the whole state, whose bytes may be anything but whose counts and references into the
 * span table have been checked, and fills the slots. Errors: WR_E_STATE. */
WR_NODISCARD wr_err wr_image_check(struct wr_feature_state *state, struct wr_error *error);

#endif
