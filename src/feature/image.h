/* SPDX-License-Identifier: Apache-2.0 */
/* The state of features as pieces (base/piece.h), and from pieces again.
 *
 * An image holds the state as it was when it was begun, bit for bit in all that can ever be seen:
 * also where records lie, since what gives way when there is no more room depends on it. It is
 * copied a bounded piece at a time while events go on being applied (shadow.h). What can be made
 * again is left out: the slots that find a row by its key.
 *
 *   FIRST  version in `at`; all single numbers (image.c)
 *   SPANS  16 bytes for each span of the store, from span `at` on
 *   PAGES  4 bytes for each page of rows: its span; from page `at` on
 *   WORDS  8 bytes for each value of a dictionary; `at` is field * 4096 + first value
 *   GRAINS bytes of the store; `at` is span * 128 + grain of 512 bytes
 *
 * SPANS and PAGES come before all GRAINS. */
#ifndef WR_FEATURE_IMAGE_H
#define WR_FEATURE_IMAGE_H

#include "base/piece.h"
#include "feature/feature.h"

#define WR_FEATURE_IMAGE_VERSION 2

struct wr_feature_image;
/* Begins an image of the state as it is; the state must outlive it. Only one at a time. At once
 * goes to the sink what belongs to no span: 16 bytes for each 64 KiB of state, 4 for each 2,048
 * entities, and the head. NULL when there is no memory, or no room in the sink. */
struct wr_feature_image *wr_feature_image_begin(struct wr_feature_state *state,
                                                const struct wr_piece_sink *sink);
/* Copies up to a budget of bytes (by whole spans of 64 KiB) and lessens it; true when the image is
 * whole, or has failed. */
bool wr_feature_image_step(struct wr_feature_image *image, size_t *budget);
/* What was about to change could not be saved: the image is void. */
bool wr_feature_image_failed(const struct wr_feature_image *image);
void wr_feature_image_end(struct wr_feature_image *image);

struct wr_feature_restore;
/* Takes an image into a state just opened, with the same plan and caps. After an error the state is
 * good for nothing but to be closed. NULL when there is no memory. */
struct wr_feature_restore *wr_feature_restore_begin(struct wr_feature_state *state);
/* Errors: WR_E_STATE naming what does not fit. */
WR_NODISCARD wr_err wr_feature_restore_piece(struct wr_feature_restore *restore,
                                             const struct wr_piece *piece, struct wr_error *error);
/* Checks that the image is whole and that every reference in it leads somewhere; makes what was
 * left out. */
WR_NODISCARD wr_err wr_feature_restore_end(struct wr_feature_restore *restore,
                                           struct wr_error *error);
/* Gives its own memory back, in any case last. */
void wr_feature_restore_close(struct wr_feature_restore *restore);

#endif
