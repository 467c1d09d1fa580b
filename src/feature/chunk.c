/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/chunk.h"

const uint64_t wr_low_masks[9] = {
    0,
    0xff,
    0xffff,
    0xffffff,
    0xffffffff,
    UINT64_C(0xffffffffff),
    UINT64_C(0xffffffffffff),
    UINT64_C(0xffffffffffffff),
    UINT64_MAX,
};

static unsigned bytes_for(uint64_t v)
{
    return v == 0 ? 0 : (71 - (unsigned)__builtin_clzll(v)) / 8;
}

/* The n low bytes, by overlapping halves: nothing behind them is touched. */
static inline void store(uint8_t *p, uint64_t v, unsigned n)
{
    if (n >= 4) {
        uint32_t low = (uint32_t)v, high = (uint32_t)(v >> (8 * (n - 4)));
        memcpy(p, &low, sizeof low);
        memcpy(p + n - 4, &high, sizeof high);
    } else if (n >= 2) {
        uint16_t low = (uint16_t)v;
        memcpy(p, &low, sizeof low);
        p[n - 1] = (uint8_t)(v >> (8 * (n - 1)));
    } else if (n == 1) {
        p[0] = (uint8_t)v;
    }
}

unsigned wr_chunk_after(const struct wr_chunk *chunk, unsigned n_bits, int64_t tick)
{
    unsigned stride = wr_stride(chunk), low = 0, high = chunk->n;
    uint64_t mask = wr_low_bytes(chunk->head);
    if (tick < chunk->base || high == 0) {
        return 0;
    }
    uint64_t offset = (uint64_t)tick - (uint64_t)chunk->base; /* tick may be INT64_MAX */
    const uint8_t *last = chunk->bytes + (size_t)(high - 1) * stride;
    if (wr_load(last, mask) >> n_bits <= offset) { /* nearly always: time goes on */
        return high;
    }
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (wr_load(chunk->bytes + (size_t)middle * stride, mask) >> n_bits <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void wr_chunk_get(const struct wr_chunk *chunk, const struct wr_feature_class *class, unsigned i,
                  struct wr_record *out)
{
    WR_ASSERT(i < chunk->n);
    const uint8_t *p = chunk->bytes + (size_t)i * wr_stride(chunk);
    wr_chunk_decode(chunk, class, p, wr_load(p, wr_low_bytes(chunk->head)), out);
}

bool wr_chunk_mark(struct wr_chunk *chunk, unsigned i, uint32_t mask, bool set)
{
    WR_ASSERT(i < chunk->n);
    uint8_t *p = chunk->bytes + (size_t)i * wr_stride(chunk);
    uint64_t head = wr_load(p, wr_low_bytes(chunk->head));
    uint64_t marked = set ? head | mask : head & ~(uint64_t)mask;
    store(p, marked, chunk->head);
    return marked != head;
}

void wr_chunk_drop(struct wr_chunk *chunk, unsigned n)
{
    WR_ASSERT(n <= chunk->n);
    unsigned stride = wr_stride(chunk);
    chunk->n = (uint16_t)(chunk->n - n);
    memmove(chunk->bytes, chunk->bytes + (size_t)n * stride, (size_t)chunk->n * stride);
}

static void write_record(struct wr_chunk *chunk, const struct wr_feature_class *class, uint8_t *p,
                         const struct wr_record *record)
{
    unsigned at = chunk->head;
    store(p, (uint64_t)(record->tick - chunk->base) << class->n_bits | record->bits, chunk->head);
    for (unsigned c = 0; c < class->n_columns; c++) {
        unsigned width = wr_width(chunk->widths, c);
        store(p + at, record->columns[c], width);
        at += width;
    }
}

bool wr_chunk_fits(const struct wr_chunk *chunk, const struct wr_feature_class *class,
                   const struct wr_record *record)
{
    if (record->tick < chunk->base) {
        return false;
    }
    uint64_t offset = (uint64_t)(record->tick - chunk->base);
    uint64_t over = offset >> (64 - class->n_bits - 1) >> 1 != 0
                        ? 1
                        : (offset << class->n_bits | record->bits) & ~wr_low_bytes(chunk->head);
    for (unsigned c = 0; c < class->n_columns; c++) {
        over |= record->columns[c] & ~wr_low_bytes(wr_width(chunk->widths, c));
    }
    return over == 0;
}

bool wr_chunk_try_insert(struct wr_chunk *chunk, const struct wr_feature_class *class, unsigned at,
                         const struct wr_record *record)
{
    WR_ASSERT(at <= chunk->n);
    unsigned stride = wr_stride(chunk);
    size_t end = sizeof *chunk + (size_t)chunk->n * stride;
    if (end + stride > wr_store_sizes[chunk->size] || !wr_chunk_fits(chunk, class, record)) {
        return false;
    }
    uint8_t *p = chunk->bytes + (size_t)at * stride;
    if (at != chunk->n) {
        memmove(p + stride, p, (size_t)(chunk->n - at) * stride);
    }
    write_record(chunk, class, p, record);
    chunk->n++;
    return true;
}

/* ── shapes ─────────────────────────────────────────────────────────────────────────────────── */
void wr_shape_init(struct wr_shape *shape)
{
    memset(shape, 0, sizeof *shape);
}

void wr_shape_add(struct wr_shape *shape, const struct wr_feature_class *class,
                  const struct wr_record *record)
{
    shape->base = shape->n == 0 ? record->tick : shape->base;
    shape->last = record->tick;
    shape->n++;
    for (unsigned c = 0; c < class->n_columns; c++) {
        shape->any[c] |= record->columns[c];
    }
}

static unsigned head_for(const struct wr_shape *shape, const struct wr_feature_class *class)
{
    uint64_t span = (uint64_t)(shape->last - shape->base);
    WR_ASSERT(span >> (63 - class->n_bits) == 0);
    /* Labels come later, so room for all bits is kept at any offset. */
    uint64_t word = span << class->n_bits | ((UINT64_C(1) << class->n_bits) - 1);
    return WR_MAX(bytes_for(word), 1u);
}

static uint32_t widths_for(const struct wr_shape *shape, const struct wr_feature_class *class)
{
    uint32_t widths = 0;
    for (unsigned c = 0; c < class->n_columns; c++) {
        widths |= bytes_for(shape->any[c]) << (4 * c);
    }
    return widths;
}

size_t wr_shape_size(const struct wr_shape *shape, const struct wr_feature_class *class,
                     uint32_t spare_records)
{
    unsigned stride = wr_column_at(head_for(shape, class), widths_for(shape, class), 8);
    return sizeof(struct wr_chunk) + ((size_t)shape->n + spare_records) * stride;
}

void wr_chunk_init(struct wr_chunk *chunk, unsigned size, const struct wr_shape *shape,
                   const struct wr_feature_class *class)
{
    chunk->base = shape->base;
    chunk->widths = widths_for(shape, class);
    chunk->n = 0;
    chunk->head = (uint8_t)head_for(shape, class);
    chunk->size = (uint8_t)size;
}

bool wr_chunk_is_snug(const struct wr_chunk *chunk, const struct wr_feature_class *class,
                      unsigned from, const struct wr_record *record)
{
    struct wr_shape shape = {.base = record->tick, .last = record->tick, .n = 1};
    if (from < chunk->n) {
        int64_t first = wr_chunk_tick(chunk, class->n_bits, from);
        int64_t last = wr_chunk_tick(chunk, class->n_bits, chunk->n - 1u);
        shape.base = WR_MIN(first, record->tick);
        shape.last = WR_MAX(last, record->tick);
    }
    unsigned stride = wr_stride(chunk), at = chunk->head;
    for (unsigned c = 0; c < class->n_columns; c++) {
        unsigned width = wr_width(chunk->widths, c);
        uint64_t any = record->columns[c];
        const uint8_t *p = chunk->bytes + (size_t)from * stride + at;
        for (unsigned i = from; i < chunk->n; i++, p += stride) {
            any |= wr_load(p, wr_low_bytes(width));
        }
        shape.any[c] = any;
        at += width;
    }
    return head_for(&shape, class) == chunk->head && widths_for(&shape, class) == chunk->widths;
}

void wr_chunk_append(struct wr_chunk *chunk, const struct wr_feature_class *class,
                     const struct wr_record *record)
{
    bool done = wr_chunk_try_insert(chunk, class, chunk->n, record);
    WR_ASSERT(done);
}
