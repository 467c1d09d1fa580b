/* SPDX-License-Identifier: Apache-2.0 */
/* A chunk: records of one tape in order of time, all of one width.
 *
 *   base(8) widths(4) n(2) head(1) size(1) | record 0 (oldest) | record 1 | ... record n-1
 *   record: head word: (tick - base) << n_bits | bits | column 0 | column 1 | ...
 *
 * The head word has `head` bytes, column c has nibble c of `widths` bytes: as many as the largest
 * value in the chunk needs. A number v is kept as zigzag(v) + 1, a key as its hash; 0 is absent. A
 * value that does not fit has the chunk rewritten wider. Equal widths make any record and any time
 * reachable without decoding its neighbours, for 1 to 2 bytes more than a byte code would take. */
#ifndef WR_FEATURE_CHUNK_H
#define WR_FEATURE_CHUNK_H

#include "feature/class.h"
#include "feature/store.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records are loaded as little-endian");

struct wr_record {
    int64_t tick;
    uint32_t bits;
    uint64_t columns[WR_LIMIT_FEATURE_COLUMNS]; /* as kept */
};

struct wr_chunk {
    int64_t base;
    uint32_t widths;
    uint16_t n;
    uint8_t head;
    uint8_t size; /* index in wr_store_sizes */
    uint8_t bytes[];
};
_Static_assert(sizeof(struct wr_chunk) == 16, "the header of a chunk is 16 bytes");

#define WR_CHUNK_RECORDS_MAX (512 - 16) /* of the largest chunk: one byte each */

static inline uint64_t wr_number_keep(int64_t v)
{
    return ((uint64_t)v << 1 ^ (uint64_t)(v >> 63)) + 1;
}
static inline int64_t wr_number_kept(uint64_t kept) /* not 0 */
{
    uint64_t z = kept - 1;
    return (int64_t)(z >> 1) ^ -(int64_t)(z & 1);
}

extern const uint64_t wr_low_masks[9];
static inline uint64_t wr_low_bytes(unsigned n)
{
    return wr_low_masks[n];
}
static inline uint64_t wr_load(const uint8_t *p, uint64_t mask)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v & mask;
}

static inline unsigned wr_width(uint32_t widths, unsigned column)
{
    return widths >> (4 * column) & 15;
}
/* Bytes before column c; c = 8 gives the stride. */
static inline unsigned wr_column_at(unsigned head, uint32_t widths, unsigned column)
{
    uint32_t w = column < 8 ? widths & ((UINT32_C(1) << (4 * column)) - 1) : widths;
    uint32_t pairs = (w & 0x0f0f0f0f) + (w >> 4 & 0x0f0f0f0f);
    return head + (pairs * UINT32_C(0x01010101) >> 24);
}
static inline unsigned wr_stride(const struct wr_chunk *chunk)
{
    return wr_column_at(chunk->head, chunk->widths, 8);
}
static inline uint64_t wr_head(const struct wr_chunk *chunk, unsigned stride, unsigned i)
{
    return wr_load(chunk->bytes + (size_t)i * stride, wr_low_bytes(chunk->head));
}
static inline int64_t wr_chunk_tick(const struct wr_chunk *chunk, unsigned n_bits, unsigned i)
{
    return chunk->base + (int64_t)(wr_head(chunk, wr_stride(chunk), i) >> n_bits);
}

/* How many records have tick <= `tick`. */
unsigned wr_chunk_after(const struct wr_chunk *chunk, unsigned n_bits, int64_t tick);

/* The record at p, whose head word is `head`. */
static inline void wr_chunk_decode(const struct wr_chunk *chunk,
                                   const struct wr_feature_class *class, const uint8_t *p,
                                   uint64_t head, struct wr_record *out)
{
    unsigned at = chunk->head;
    out->tick = chunk->base + (int64_t)(head >> class->n_bits);
    out->bits = (uint32_t)(head & ((UINT64_C(1) << class->n_bits) - 1));
    for (unsigned c = 0; c < class->n_columns; c++) {
        unsigned width = wr_width(chunk->widths, c);
        out->columns[c] = wr_load(p + at, wr_low_bytes(width));
        at += width;
    }
}

void wr_chunk_get(const struct wr_chunk *chunk, const struct wr_feature_class *class, unsigned i,
                  struct wr_record *out);

/* Sets or clears one bit; false when it was so already. */
bool wr_chunk_mark(struct wr_chunk *chunk, unsigned i, uint32_t mask, bool set);

/* Drops the n oldest records. */
void wr_chunk_drop(struct wr_chunk *chunk, unsigned n);

/* Puts a record before record `at` if it fits as the chunk is; else changes nothing. */
bool wr_chunk_try_insert(struct wr_chunk *chunk, const struct wr_feature_class *class, unsigned at,
                         const struct wr_record *record);

/* Can the record be written at the chunk's widths? */
bool wr_chunk_fits(const struct wr_chunk *chunk, const struct wr_feature_class *class,
                   const struct wr_record *record);
/* Do records [from, n) and this one need all of the chunk's widths? */
bool wr_chunk_is_snug(const struct wr_chunk *chunk, const struct wr_feature_class *class,
                      unsigned from, const struct wr_record *record);

/* The shape that a list of records needs. */
struct wr_shape {
    int64_t base, last;
    uint64_t any[WR_LIMIT_FEATURE_COLUMNS];
    uint32_t n;
};
void wr_shape_init(struct wr_shape *shape);
void wr_shape_add(struct wr_shape *shape, const struct wr_feature_class *class,
                  const struct wr_record *record);
size_t wr_shape_size(const struct wr_shape *shape, const struct wr_feature_class *class,
                     uint32_t spare_records);

/* An empty chunk of that shape in a piece of the store. */
void wr_chunk_init(struct wr_chunk *chunk, unsigned size, const struct wr_shape *shape,
                   const struct wr_feature_class *class);
/* Appends a record within the shape; there must be room. */
void wr_chunk_append(struct wr_chunk *chunk, const struct wr_feature_class *class,
                     const struct wr_record *record);

#endif
