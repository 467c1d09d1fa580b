/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding and packing of a finished program (packed.h has the form). */
#ifndef WR_PACKED_WRITE_H
#define WR_PACKED_WRITE_H

#include "base/bytes.h"
#include "model/packed.h"

/* Rounds in place: leaf values of each forest to 65,536 steps between least and greatest; weights
 * of products and embeddings to multiples -127 .. 127 of a scale per column. True if anything could
 * change. The program is our own (trusted). */
/* Are all leaf values finite, or all of those weights? What is not cannot be rounded. */
bool wr_program_is_finite(const uint8_t *program, bool leaves);
bool wr_program_round_leaves(uint8_t *program);
bool wr_program_round_weights(uint8_t *program);

/* Appends the packed form of a program of our own; false (and nothing appended) when nothing in it
 * can be packed or memory fails. `arena` gives passing memory. */
bool wr_program_pack(struct wr_arena *arena, struct wr_str program, struct wr_buf *out);

#endif
