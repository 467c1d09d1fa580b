/* SPDX-License-Identifier: Apache-2.0 */
/* One row through a forest in blocks (kernel_block.h). */
#include "model/kernel_block.h"

#if WR_WIDE
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,bmi2")))
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

/* The keys of all columns. With `wide` false the first two registers hold them all, and the rest of
 * a column's number is passed over. */
struct row {
    __m512i x[4];
};

/* By the answers of the first seven nodes of a block: which node of the fourth level comes. */
static const uint8_t fourth[128] = {
#define BIT(m, i) ((m) >> (i)&1)
#define B(m)      (BIT(m, 0) ? BIT(m, 2) : BIT(m, 1))
#define C(m)      BIT(m, 3 + 2 * BIT(m, 0) + B(m))
#define F1(m)     7 + 4 * BIT(m, 0) + 2 * B(m) + C(m)
#define F4(m)     F1(m), F1(m + 1), F1(m + 2), F1(m + 3)
#define F16(m)    F4(m), F4(m + 4), F4(m + 8), F4(m + 12)
    F16(0), F16(16), F16(32), F16(48), F16(64), F16(80), F16(96), F16(112),
};

AVX512 INLINE __m512i load_keys(const float *x, uint32_t n, __mmask16 *missing)
{
    __mmask16 lanes = n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1);
    __m512 own = _mm512_maskz_loadu_ps(lanes, x);
    __m512i bits = _mm512_castps_si512(_mm512_add_ps(own, _mm512_setzero_ps()));
    *missing = _mm512_cmp_ps_mask(own, own, _CMP_UNORD_Q);
    return _mm512_xor_si512(
        bits, _mm512_and_si512(_mm512_srai_epi32(bits, 31), _mm512_set1_epi32(INT32_MAX)));
}

/* Up to 32 columns: with a NaN the same again with NaN above, in the other two registers. Up to 64:
 * all four, and no NaN. */
enum shape { NARROW, WIDE, NEITHER };
AVX512 INLINE enum shape load_row(const float *x, uint32_t n, struct row *row)
{
    const __m512i lowest = _mm512_set1_epi32(WR_KEY_LOWEST),
                  above = _mm512_set1_epi32(WR_KEY_NAN_ABOVE);
    __mmask16 a, b, c = 0, d = 0;
    row->x[0] = load_keys(x, n, &a);
    row->x[1] = load_keys(x + (n > 16 ? 16 : 0), n > 16 ? n - 16 : 0, &b);
    if (n > 32) {
        row->x[2] = load_keys(x + 32, n - 32, &c);
        row->x[3] = load_keys(x + (n > 48 ? 48 : 0), n > 48 ? n - 48 : 0, &d);
        return (a | b | c | d) == 0 ? WIDE : NEITHER;
    }
    if ((a | b) == 0) {
        return NARROW;
    }
    row->x[2] = _mm512_mask_mov_epi32(row->x[0], a, above);
    row->x[3] = _mm512_mask_mov_epi32(row->x[1], b, above);
    row->x[0] = _mm512_mask_mov_epi32(row->x[0], a, lowest);
    row->x[1] = _mm512_mask_mov_epi32(row->x[1], b, lowest);
    return WIDE;
}

/* The row's keys of sixteen nodes' columns. */
AVX512 INLINE __m512i own_keys(const struct row *row, bool wide, const uint8_t *columns)
{
    __m512i at = _mm512_cvtepu8_epi32(_mm_load_si128((const __m128i *)(const void *)columns));
    __m512i own = _mm512_permutex2var_epi32(row->x[0], at, row->x[1]);
    if (!wide) {
        return own;
    }
    __m512i other = _mm512_permutex2var_epi32(row->x[2], at, row->x[3]);
    return _mm512_mask_mov_epi32(own, _mm512_test_epi32_mask(at, _mm512_set1_epi32(32)), other);
}

/* The levels above: of sixteen trees which of their blocks the row comes to. Of each node only the
 * trees are asked that come to it. */
AVX512 INLINE __m512i upper_levels(const struct row *row, bool wide, const int32_t *keys,
                                   const uint8_t *columns, unsigned top)
{
    __m512i way = _mm512_setzero_si512();
    __mmask16 at[16] = {0xffff}, right[8];
    UNROLLED
    for (unsigned level = 0; level < top; level++) {
        unsigned n = 1u << level;
        __mmask16 all = 0;
        UNROLLED
        for (unsigned i = 0; i < n; i++) {
            size_t line = (size_t)(n - 1 + i) * WR_BLOCK_NODES;
            right[i] = _mm512_mask_cmpge_epi32_mask(at[i], own_keys(row, wide, columns + line),
                                                    _mm512_load_si512(keys + line));
            all |= right[i];
        }
        UNROLLED
        for (unsigned i = n; i-- > 0;) {
            at[2 * i + 1] = right[i];
            at[2 * i] = at[i] & (__mmask16)~right[i];
        }
        way = _mm512_add_epi32(way, way);
        way = _mm512_mask_add_epi32(way, all, way, _mm512_set1_epi32(1));
    }
    return way;
}

/* Where the block of each of sixteen trees begins in the arrays. */
AVX512 INLINE void find_blocks(const struct wr_blocks *b, const struct wr_block_group *g,
                               const struct row *row, bool wide, uint32_t *lines)
{
    const int32_t *keys = b->upper_keys + (size_t)g->upper * WR_BLOCK_NODES;
    const uint8_t *columns = b->upper_columns + (size_t)g->upper * WR_BLOCK_NODES;
    __m512i tree = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), way;
    switch (g->top) {
    case 0:
        way = _mm512_setzero_si512();
        break;
    case 1:
        way = upper_levels(row, wide, keys, columns, 1);
        break;
    case 2:
        way = upper_levels(row, wide, keys, columns, 2);
        break;
    case 3:
        way = upper_levels(row, wide, keys, columns, 3);
        break;
    default:
        way = upper_levels(row, wide, keys, columns, 4);
    }
    way = _mm512_add_epi32(way, _mm512_sll_epi32(tree, _mm_cvtsi32_si128((int)g->top)));
    way = _mm512_add_epi32(way, _mm512_set1_epi32((int32_t)g->lower));
    _mm512_store_si512(lines, _mm512_slli_epi32(way, 4));
}

AVX512 INLINE int32_t leaf_of(const struct wr_blocks *b, const struct row *row, bool wide,
                              size_t line)
{
    uint32_t answers = _mm512_cmpge_epi32_mask(own_keys(row, wide, b->columns + line),
                                               _mm512_load_si512(b->keys + line));
    size_t node = fourth[answers & 127];
    return b->leaves[line + 2 * node + (answers >> node & 1) - 14];
}

/* One sum of all trees stays in a register. */
AVX512 INLINE float add_leaves(float sum, const int32_t *leaves, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        float value;
        memcpy(&value, &leaves[i], sizeof value);
        sum += value;
    }
    return sum;
}

AVX512 INLINE void walk(const struct wr_blocks *blocks, const struct wr_forest_view *f,
                        const struct row *row, bool wide, float *sums)
{
    const struct wr_blocks b = *blocks;
    const uint32_t n_trees = f->n_trees, whole = n_trees - n_trees % WR_TREE_LANES;
    bool plain = !f->voting && f->targets == 1 && f->aggregate <= WR_AVERAGE;
    float sum = sums[0];
    _Alignas(64) uint32_t at[WR_TREE_LANES];
    int32_t leaves[WR_TREE_LANES];
    for (uint32_t t = 0; t < whole; t += WR_TREE_LANES) {
        find_blocks(&b, &b.groups[t / WR_TREE_LANES], row, wide, at);
        UNROLLED
        for (uint32_t i = 0; i < WR_TREE_LANES; i++) {
            leaves[i] = leaf_of(&b, row, wide, at[i]);
        }
        if (plain) {
            sum = add_leaves(sum, leaves, WR_TREE_LANES);
        } else {
            wr_forest_collect(f, t, WR_TREE_LANES, leaves, sums);
        }
    }
    if (plain) {
        sums[0] = sum;
    }
    if (whole < n_trees) {
        find_blocks(&b, &b.groups[whole / WR_TREE_LANES], row, wide, at);
        for (uint32_t i = 0; i < n_trees - whole; i++) {
            leaves[i] = leaf_of(&b, row, wide, at[i]);
        }
        wr_forest_collect(f, whole, n_trees - whole, leaves, sums);
    }
}

AVX512 static void score_row(const struct wr_step *s, const struct wr_forest_view *f)
{
    struct row row;
    float *sums = wr_step_out(s, 0);
    enum shape shape = load_row(wr_step_in(s, 0), s->params[1], &row);
    if (shape == NEITHER) {
        wr_kernel_trees(s);
        return;
    }
    for (uint32_t k = 0; k < f->targets; k++) {
        sums[k] = wr_forest_start(f, k);
    }
    if (shape == NARROW) {
        walk(s->blocks, f, &row, false, sums);
    } else {
        walk(s->blocks, f, &row, true, sums);
    }
    for (uint32_t k = 0; k < f->targets; k++) {
        sums[k] = wr_forest_finish(f, k, sums[k]);
    }
}

void wr_block_trees(const struct wr_step *s)
{
    const struct wr_forest_view f = wr_forest_view_of(s);
    struct wr_step one = *s;
    for (uint32_t row = 0; row < s->rows; row++, one.scratch += s->stride) {
        score_row(&one, &f);
    }
}
#else
void wr_block_trees(const struct wr_step *s)
{
    (void)s; /* there are no blocks */
}
#endif
