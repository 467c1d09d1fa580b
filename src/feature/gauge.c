/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/gauge.h"

#include "base/hash.h"

/* ── counts ─────────────────────────────────────────────────────────────────────────────────── */
void wr_count_fold(struct wr_count *count, const struct wr_chunk *chunk, unsigned n_bits,
                   uint32_t mask, unsigned from, unsigned to)
{
    if (from == to) {
        return;
    }
    if (mask == 0) {
        count->newest = count->n == 0 ? wr_chunk_tick(chunk, n_bits, to - 1) : count->newest;
        count->n += to - from;
        return;
    }
    unsigned stride = wr_stride(chunk), first = to;
    uint64_t n = 0;
    const uint8_t *p = chunk->bytes + (size_t)to * stride;
    for (unsigned i = to; i-- > from;) { /* bits are the lowest of the head word */
        uint32_t bits;
        p -= stride;
        memcpy(&bits, p, sizeof bits);
        bool hit = (bits & mask) == mask;
        first = hit && n == 0 ? i : first;
        n += hit;
    }
    if (n != 0) {
        count->newest = count->n == 0 ? wr_chunk_tick(chunk, n_bits, first) : count->newest;
        count->n += n;
    }
}

void wr_count_record(struct wr_count *count, uint32_t mask, const struct wr_record *record)
{
    if ((record->bits & mask) == mask) {
        count->newest = count->n == 0 ? record->tick : count->newest;
        count->n++;
    }
}

void wr_count_newer(struct wr_count *count, uint32_t mask, const struct wr_record *record)
{
    if ((record->bits & mask) == mask) {
        count->newest = record->tick;
        count->n++;
    }
}

void wr_count_merge(struct wr_count *count, const struct wr_count *older)
{
    count->newest = count->n == 0 ? older->newest : count->newest;
    count->n += older->n;
}

struct column_view { /* one column of a chunk */
    unsigned stride, at;
    uint64_t keep;
    uint32_t mask;
};

/* ── series ─────────────────────────────────────────────────────────────────────────────────── */
static inline void add_value(struct wr_series *s, const struct wr_series_lane *lane, int64_t v)
{
    if (s->n == 0) {
        s->min = s->max = s->newest = v;
    }
    s->n++;
    s->sum += v;
    s->squares += lane->squares ? (wr_u128)((wr_i128)v * v) : 0;
    s->min = v < s->min ? v : s->min;
    s->max = v > s->max ? v : s->max;
    s->oldest = v;
}

/* The loop of wr_series_fold. Constant flags make three of it, each with its totals in registers.
 * Within one chunk the sum fits 64 bits: 2^9 records below 2^52. */
static inline __attribute__((always_inline)) void fold_values(struct wr_series *series,
                                                              const uint8_t *end, uint64_t n,
                                                              const struct column_view *view,
                                                              bool masked, bool squared)
{
    uint64_t found = 0;
    int64_t sum = 0, min = INT64_MAX, max = INT64_MIN, newest = 0, oldest = 0;
    wr_u128 squares = 0;
    const uint8_t *p = end;
    for (; n > 0; n--) {
        p -= view->stride;
        uint64_t kept = wr_load(p + view->at, view->keep);
        if (masked) {
            uint32_t bits;
            memcpy(&bits, p, sizeof bits);
            kept = (bits & view->mask) == view->mask ? kept : 0;
        }
        if (kept == 0) {
            continue;
        }
        int64_t v = wr_number_kept(kept);
        newest = found == 0 ? v : newest;
        found++;
        sum += v;
        min = v < min ? v : min;
        max = v > max ? v : max;
        oldest = v;
        squares += squared ? (wr_u128)((wr_i128)v * v) : 0;
    }
    if (found == 0) {
        return;
    }
    bool first = series->n == 0;
    series->newest = first ? newest : series->newest;
    series->min = first || min < series->min ? min : series->min;
    series->max = first || max > series->max ? max : series->max;
    series->oldest = oldest;
    series->n += found;
    series->sum += sum;
    series->squares += squares;
}

void wr_series_fold(struct wr_series *series, const struct wr_chunk *chunk,
                    const struct wr_series_lane *lane, unsigned from, unsigned to)
{
    struct column_view view = {
        .stride = wr_stride(chunk),
        .at = wr_column_at(chunk->head, chunk->widths, lane->column),
        .keep = wr_low_bytes(wr_width(chunk->widths, lane->column)),
        .mask = lane->mask,
    };
    const uint8_t *end = chunk->bytes + (size_t)to * view.stride;
    if (lane->mask == 0 && !lane->squares) {
        fold_values(series, end, to - from, &view, false, false);
    } else if (lane->mask == 0) {
        fold_values(series, end, to - from, &view, false, true);
    } else {
        fold_values(series, end, to - from, &view, true, lane->squares);
    }
}

void wr_series_record(struct wr_series *series, const struct wr_series_lane *lane,
                      const struct wr_record *record)
{
    uint64_t kept = record->columns[lane->column];
    if ((record->bits & lane->mask) == lane->mask && kept != 0) {
        add_value(series, lane, wr_number_kept(kept));
    }
}

void wr_series_newer(struct wr_series *series, const struct wr_series_lane *lane,
                     const struct wr_record *record)
{
    uint64_t kept = record->columns[lane->column];
    if ((record->bits & lane->mask) == lane->mask && kept != 0) {
        int64_t v = wr_number_kept(kept), oldest = series->oldest;
        bool first = series->n == 0;
        add_value(series, lane, v);
        series->newest = v;
        series->oldest = first ? v : oldest;
    }
}

void wr_series_merge(struct wr_series *series, const struct wr_series *older)
{
    if (older->n == 0) {
        return;
    }
    if (series->n == 0) {
        *series = *older;
        return;
    }
    series->n += older->n;
    series->sum += older->sum;
    series->squares += older->squares;
    series->min = WR_MIN(series->min, older->min);
    series->max = WR_MAX(series->max, older->max);
    series->oldest = older->oldest;
}

/* ── sets ───────────────────────────────────────────────────────────────────────────────────── */
void wr_set_clear(struct wr_set *set, const struct wr_set_lane *lane, const struct wr_record *self)
{
    set->n = set->halvings = set->records = 0;
    set->mask = 127;
    set->values[0] = self->columns[lane->column];
    if (lane->like_now) {
        return;
    }
    memset(set->slots, 0, 128 * sizeof set->slots[0]);
}

/* Keys are keyed hashes already; the mix keeps sampling and slots apart. */
static uint64_t sample_of(uint64_t key)
{
    return wr_mix64(key);
}

static void place(struct wr_set *set, uint64_t key, uint32_t index)
{
    uint32_t at = (uint32_t)key & set->mask;
    while (set->slots[at] != 0) {
        at = (at + 1) & set->mask;
    }
    set->slots[at] = (uint16_t)(index + 1);
}

static void place_all(struct wr_set *set)
{
    memset(set->slots, 0, ((size_t)set->mask + 1) * sizeof set->slots[0]);
    for (uint32_t i = 0; i < set->n; i++) {
        place(set, set->values[i], i);
    }
}

static bool is_sampled(const struct wr_set *set, uint64_t key)
{
    return set->halvings == 0 || sample_of(key) >> (64 - set->halvings) == 0;
}

static void halve(struct wr_set *set)
{
    uint32_t kept = 0;
    set->halvings++;
    for (uint32_t i = 0; i < set->n; i++) {
        if (is_sampled(set, set->values[i])) {
            set->values[kept++] = set->values[i];
        }
    }
    set->n = kept;
    place_all(set);
}

static void add_key(struct wr_set *set, const struct wr_set_lane *lane, uint64_t key)
{
    if (lane->like_now) {
        set->n += key == set->values[0] ? 1 : 0;
        return;
    }
    if (!is_sampled(set, key)) {
        return;
    }
    for (uint32_t at = (uint32_t)key & set->mask; set->slots[at] != 0; at = (at + 1) & set->mask) {
        if (set->values[set->slots[at] - 1] == key) {
            return;
        }
    }
    while (set->n == WR_LIMIT_SET_EXACT) { /* ends: a threshold of 0 bits samples one key */
        if (set->halvings == 63) {
            return;
        }
        halve(set);
    }
    if (!is_sampled(set, key)) {
        return;
    }
    if (set->n * 2 > set->mask && set->mask + 1 < WR_SET_SLOTS) {
        set->mask = set->mask * 4 + 3 < WR_SET_SLOTS ? set->mask * 4 + 3 : WR_SET_SLOTS - 1;
        place_all(set);
    }
    set->values[set->n] = key;
    place(set, key, set->n++);
}

void wr_set_fold(struct wr_set *set, const struct wr_chunk *chunk, const struct wr_set_lane *lane,
                 unsigned from, unsigned to)
{
    if (wr_set_is_full(set)) {
        return;
    }
    /* To the record, so that the value does not depend on how the tape is cut into chunks. */
    unsigned room = WR_LIMIT_SET_RECORDS - set->records;
    set->records += to - from > room ? room + 1 : to - from;
    from = to - from > room ? to - room : from;
    unsigned stride = wr_stride(chunk);
    unsigned at = wr_column_at(chunk->head, chunk->widths, lane->column);
    uint64_t mask = wr_low_bytes(wr_width(chunk->widths, lane->column));
    for (unsigned i = to; i-- > from;) {
        const uint8_t *p = chunk->bytes + (size_t)i * stride;
        uint32_t bits;
        memcpy(&bits, p, sizeof bits);
        uint64_t key = wr_load(p + at, mask);
        if ((bits & lane->mask) == lane->mask && key != 0) {
            add_key(set, lane, key);
        }
    }
}

void wr_set_record(struct wr_set *set, const struct wr_set_lane *lane,
                   const struct wr_record *record)
{
    uint64_t key = record->columns[lane->column];
    if ((record->bits & lane->mask) == lane->mask && key != 0) {
        add_key(set, lane, key);
    }
}

uint64_t wr_set_size(const struct wr_set *set, bool *approximate)
{
    *approximate = set->halvings != 0 || wr_set_is_full(set);
    return (uint64_t)set->n << set->halvings;
}
