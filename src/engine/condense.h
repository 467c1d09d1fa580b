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
 *                          12  8  tag of the table: by another one it does not expand
 *                          20  .  codes, then the literal bytes
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
#define WR_CONDENSED_HEAD     20
#define WR_CONDENSE_PORTION   128 /* bytes: most of what lies between two phrases is less */
#define WR_CONDENSE_LITERALS  (WR_LIMIT_CUTS * WR_CONDENSE_PORTION) /* before a row's last cut */
#define WR_CONDENSE_SLACK     16
#define WR_CONDENSE_NUMBER    5 /* bytes of a number at most */

struct wr_phrases {
    uint32_t n;
    uint64_t tag;         /* of the table */
    struct wr_str *texts; /* views into the table */
};

/* Tells tables apart, also from those that somebody would make to pass for another: the first eight
 * bytes of its SHA-256. */
uint64_t wr_phrases_tag(struct wr_str table);
/* Reads a table; the texts are views into it, the array is in the arena. An empty table has no
 * phrases. Errors: WR_E_JOURNAL when the bytes are no table, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_phrases_read(struct wr_arena *arena, struct wr_str table,
                                    struct wr_phrases *out, struct wr_error *error);

/* ── condensing, while the plain row is being written ───────────────────────────────────────── */
/* What is cut rises and does not overlap. A cut that finds no room any more is not made: its bytes
 * stay, and the row is longer and no wrong one. */
struct wr_condenser {
    uint64_t tag;    /* of the table whose phrases are meant; set by the owner */
    const char *row; /* WR_CONDENSE_SLACK bytes may be read behind what has been written of it */
    const char *end; /* of the last cut; what comes behind it is not copied yet */
    uint8_t *code;   /* where the next one goes, as `literal` */
    char *literal;
    /* Portions of literal bytes that are left: a cut takes one, or as many as its bytes need, so
     * that this bounds the cuts as well. */
    uint32_t n_left, n_more; /* and how many were taken beyond one a cut */
    uint8_t codes[WR_LIMIT_CUTS * 3 * WR_CONDENSE_NUMBER];
    char literals[WR_CONDENSE_LITERALS + WR_CONDENSE_SLACK];
};

/* `row` is where the plain row is going to lie. */
void wr_condense_begin(struct wr_condenser *c, const char *row);
/* From here on nothing is cut. */
void wr_condense_stop(struct wr_condenser *c);

/* The n bytes of the row at `at` are those of a phrase: they need not be kept. */
void wr_condense_phrase_slowly(struct wr_condenser *c, const char *at, size_t n, uint32_t phrase);
static inline void wr_condense_phrase(struct wr_condenser *c, const char *at, size_t n,
                                      uint32_t phrase)
{
    const char *from = c->end;
    size_t before = (size_t)(at - from);
    uint8_t *code = c->code;
    char *literal = c->literal;
    WR_CHECK_SLOW(at >= from);
    if (WR_UNLIKELY((before | 2 * (size_t)phrase) >= WR_CONDENSE_PORTION || c->n_left == 0)) {
        wr_condense_phrase_slowly(c, at, n, phrase);
        return;
    }
    c->n_left--;
    c->end = at + n;
    c->code = code + 2;
    c->literal = literal + before;
    code[0] = (uint8_t)before;
    code[1] = (uint8_t)(2 * phrase);
    for (size_t i = 0; i < before; i += WR_CONDENSE_SLACK) {
        memcpy(literal + i, from + i, WR_CONDENSE_SLACK);
    }
}

/* The n bytes of the row at `at` stand at `source` too, which ends at or before `at`. */
void wr_condense_again(struct wr_condenser *c, const char *at, size_t n, const char *source);

/* Takes back what was cut since: the row is written anew from some byte behind the last cut on. */
struct wr_condense_mark {
    const char *end;
    uint8_t *code;
    char *literal;
    uint32_t n_left, n_more;
};
static inline struct wr_condense_mark wr_condense_mark(const struct wr_condenser *c)
{
    return (struct wr_condense_mark){c->end, c->code, c->literal, c->n_left, c->n_more};
}
static inline void wr_condense_rewind(struct wr_condenser *c, struct wr_condense_mark mark)
{
    c->end = mark.end;
    c->code = mark.code;
    c->literal = mark.literal;
    c->n_left = mark.n_left;
    c->n_more = mark.n_more;
}

/* Exact bytes of the condensed row; more than those of the plain one when nothing was won. */
size_t wr_condensed_size(const struct wr_condenser *c, size_t row_n);
/* Writes it; `out` has room for that size. The plain row is complete and lies where it was said to.
 */
void wr_condense(const struct wr_condenser *c, size_t row_n, char *out);

/* ── expanding ──────────────────────────────────────────────────────────────────────────────── */
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
