/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the journal without the texts that all of them repeat.
 *
 * Most of a decision's row is names: of features, of reasons, of the pack. They are the phrases of
 * the pack, a table that a segment of the journal holds once; a row has their numbers instead, and
 * where a text stands twice within the row the second is a reference to the first. Condensing is
 * told by the writer of the row what may be left out (cuts), so it searches nothing. Expanding
 * gives the same bytes again: whoever reads rows sees plain ones.
 *
 * A table, little-endian:   0  4  number of phrases
 *                           4  .  length of each (32 bits), then their bytes
 *
 * A condensed row:          0  2  magic "Wc" (a plain one begins with "WR")
 *                           2  2  number of cuts
 *                           4  4  bytes of the plain row
 *                           8  4  bytes of the codes
 *                          12  .  codes, then the literal bytes
 *
 * Codes, one after the other, numbers as LEB128: how many literal bytes come first, then
 * 2 * phrase for a phrase, or 2 * distance + 1 and a length for bytes that stand `distance` before
 * in the plain row (not more than the distance, so that they are there). Literal bytes that no code
 * took end the row. */
#ifndef WR_ENGINE_CONDENSE_H
#define WR_ENGINE_CONDENSE_H

#include "base/bytes.h"
#include "base/err.h"

#define WR_LIMIT_PHRASES      4096         /* in a table */
#define WR_LIMIT_PHRASE_TABLE (256 * 1024) /* bytes of a table */
#define WR_LIMIT_CUTS         1024         /* in a row */
#define WR_CONDENSED_HEAD     12

struct wr_phrases {
    uint32_t n;
    struct wr_str *texts; /* views into the table */
};

/* Reads a table; the texts are views into it, the array is in the arena. An empty table has no
 * phrases. Errors: WR_E_JOURNAL when the bytes are no table, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_phrases_read(struct wr_arena *arena, struct wr_str table,
                                    struct wr_phrases *out, struct wr_error *error);

/* A stretch of a plain row that need not be written. Cuts of a row rise and do not overlap. */
struct wr_cut {
    uint32_t at, n;  /* bytes of the plain row */
    uint32_t source; /* the phrase; or WR_CUT_BACK | where the same bytes stand before, ending at or
                        before `at` */
};
#define WR_CUT_BACK UINT32_C(0x80000000)

/* Exact size of the condensed row; rows are below 4 MiB, cuts at most WR_LIMIT_CUTS. */
size_t wr_condensed_size(struct wr_str row, const struct wr_cut *cuts, uint32_t n_cuts);
/* Writes it; `out` has room for that size, n as wr_condensed_size has told. */
void wr_condense(char *out, size_t n, struct wr_str row, const struct wr_cut *cuts,
                 uint32_t n_cuts);

static inline bool wr_is_condensed(struct wr_str row)
{
    return row.n >= 2 && row.p[0] == 'W' && row.p[1] == 'c';
}
/* Hostile-safe. Bytes of the plain row as the head tells; 0 when it is no condensed row. At most
 * `max`. */
size_t wr_expanded_size(struct wr_str row, size_t max);
/* Hostile-safe. Writes the plain row, n bytes as wr_expanded_size has told. Errors: WR_E_JOURNAL
 * when codes and bytes do not give exactly that row. */
WR_NODISCARD wr_err wr_expand(const struct wr_phrases *phrases, struct wr_str row, char *out,
                              size_t n, struct wr_error *error);

#endif
