/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen rows a vector, four vectors at a time (kernel_wide.h). */
#include "model/kernel_wide.h"

#if WR_WIDE
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
#define INLINE static inline __attribute__((always_inline))

struct lanes { /* the tree, and its tables in registers */
    const struct wr_wide_tree *top;
    __m512i keys, slots, left;             /* levels 0 to 3 */
    __m512i keys4, slots4, left4;          /* level 4 */
    __m512i keys5[2], slots5[2], left5[2]; /* level 5 */
    uint32_t levels, depth;
    const int32_t *nodes;
};

AVX512 INLINE __m512i lane_numbers(void)
{
    return _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

/* The lanes' keys at slots, and which of them are at least `key`. */
AVX512 INLINE __mmask16 right(const int32_t *x, __m512i slots, __m512i key)
{
    __m512i own = _mm512_i32gather_epi32(_mm512_add_epi32(slots, lane_numbers()), x, 4);
    return _mm512_cmpge_epi32_mask(own, key);
}

AVX512 INLINE __m512i one_more(__m512i x, __mmask16 where)
{
    return _mm512_mask_add_epi32(x, where, x, _mm512_set1_epi32(1));
}

/* Which lanes' keys are at least that of node `i` of the heap, among the lanes of `of`: their keys
 * lie side by side, for it is one column. */
AVX512 INLINE __mmask16 right_of(const struct lanes *l, const int32_t *x, uint32_t i, __mmask16 of)
{
    __m512i own = _mm512_load_si512(x + l->top->slots[i]);
    return _mm512_mask_cmpge_epi32_mask(of, own, _mm512_set1_epi32(l->top->keys[i]));
}

/* Levels 0 to 2 without gathering: each node of the level is asked for the lanes that are there. */
AVX512 INLINE __m512i upper_levels(const struct lanes *l, const int32_t *x)
{
    __mmask16 a = right_of(l, x, 0, 0xffff);
    __mmask16 b = right_of(l, x, 2, a) | right_of(l, x, 1, (__mmask16)~a);
    __mmask16 c = right_of(l, x, 6, a & b) | right_of(l, x, 5, (__mmask16)(a & ~b)) |
                  right_of(l, x, 4, (__mmask16)(~a & b)) | right_of(l, x, 3, (__mmask16) ~(a | b));
    __m512i h = _mm512_mask_mov_epi32(_mm512_set1_epi32(7), a, _mm512_set1_epi32(11));
    h = _mm512_mask_add_epi32(h, b, h, _mm512_set1_epi32(2));
    return one_more(h, c);
}

/* Level 0 to 3: h counts through a heap; the last level set up gives node numbers. */
AVX512 INLINE __m512i heap_level(const struct lanes *l, const int32_t *x, __m512i h, bool last)
{
    __mmask16 m =
        right(x, _mm512_permutexvar_epi32(h, l->slots), _mm512_permutexvar_epi32(h, l->keys));
    if (last) {
        return one_more(_mm512_permutexvar_epi32(h, l->left), m);
    }
    return one_more(_mm512_add_epi32(_mm512_add_epi32(h, h), _mm512_set1_epi32(1)), m);
}

AVX512 INLINE __m512i level_4(const struct lanes *l, const int32_t *x, __m512i h)
{
    h = _mm512_sub_epi32(h, _mm512_set1_epi32(15));
    __mmask16 m =
        right(x, _mm512_permutexvar_epi32(h, l->slots4), _mm512_permutexvar_epi32(h, l->keys4));
    if (l->levels == 5) {
        return one_more(_mm512_permutexvar_epi32(h, l->left4), m);
    }
    return one_more(_mm512_add_epi32(h, h), m);
}

AVX512 INLINE __m512i level_5(const struct lanes *l, const int32_t *x, __m512i h)
{
    __mmask16 m = right(x, _mm512_permutex2var_epi32(l->slots5[0], h, l->slots5[1]),
                        _mm512_permutex2var_epi32(l->keys5[0], h, l->keys5[1]));
    return one_more(_mm512_permutex2var_epi32(l->left5[0], h, l->left5[1]), m);
}

/* Below the table: h is the number of a node, 8 bytes each. */
AVX512 INLINE __m512i deep_level(const struct lanes *l, const int32_t *x, __m512i h)
{
    __m512i key = _mm512_i32gather_epi32(h, l->nodes, 8);
    __m512i word = _mm512_i32gather_epi32(h, l->nodes + 1, 8);
    __m512i feature = _mm512_and_si512(word, _mm512_set1_epi32(0xffff));
    __mmask16 m = right(x, _mm512_slli_epi32(feature, 4), key);
    return one_more(_mm512_add_epi32(h, _mm512_srli_epi32(word, 16)), m);
}

/* `n` groups at once, 1 or 4: their chains of loads overlap. */
AVX512 INLINE void walk_groups(const struct lanes *l, const struct wr_wide_batch *batch,
                               uint32_t first, uint32_t n)
{
    size_t group = batch->group;
    const int32_t *x = batch->keys + first * group;
    __m512i h[4];
    uint32_t heap = l->levels < 4 ? l->levels : 4, done = l->levels > 3 ? 3 : 0;
    for (uint32_t g = 0; g < n; g++) {
        h[g] = done > 0 ? upper_levels(l, x + g * group) : _mm512_setzero_si512();
    }
    for (uint32_t level = done; level < heap; level++) {
        for (uint32_t g = 0; g < n; g++) {
            h[g] = heap_level(l, x + g * group, h[g], level + 1 == l->levels);
        }
    }
    for (uint32_t g = 0; g < n && l->levels > 4; g++) {
        h[g] = level_4(l, x + g * group, h[g]);
    }
    for (uint32_t g = 0; g < n && l->levels > 5; g++) {
        h[g] = level_5(l, x + g * group, h[g]);
    }
    for (uint32_t level = 6; level < l->depth; level++) {
        for (uint32_t g = 0; g < n; g++) {
            h[g] = deep_level(l, x + g * group, h[g]);
        }
    }
    for (uint32_t g = 0; g < n; g++) {
        size_t at = (size_t)(first + g) * WR_WIDE_LANES;
        if (batch->sums != NULL) {
            __m512 leaf = _mm512_castsi512_ps(_mm512_i32gather_epi32(h[g], l->nodes, 8));
            __m512 sum = _mm512_loadu_ps(batch->sums + at);
            _mm512_storeu_ps(batch->sums + at, _mm512_add_ps(sum, leaf));
        } else {
            _mm512_storeu_si512(batch->ends + at, h[g]);
        }
    }
}

AVX512 void wr_wide_keys_avx512(const float *x, size_t stride, uint32_t n, uint32_t rows,
                                int32_t *keys)
{
    const __m512i step = _mm512_set1_epi32((int32_t)stride),
                  last = _mm512_set1_epi32((int32_t)rows - 1);
    const __m512i at = _mm512_mullo_epi32(_mm512_min_epi32(lane_numbers(), last), step);
    for (uint32_t i = 0; i < n; i++) {
        __m512 own = _mm512_add_ps(_mm512_i32gather_ps(at, x + i, 4), _mm512_setzero_ps());
        __m512i bits = _mm512_castps_si512(own);
        __mmask16 missing = _mm512_cmp_ps_mask(own, own, _CMP_UNORD_Q);
        __m512i key = _mm512_xor_si512(
            bits, _mm512_and_si512(_mm512_srai_epi32(bits, 31), _mm512_set1_epi32(INT32_MAX)));
        _mm512_storeu_si512(keys + (size_t)i * WR_WIDE_LANES,
                            _mm512_mask_mov_epi32(key, missing, _mm512_set1_epi32(WR_KEY_LOWEST)));
        _mm512_storeu_si512(
            keys + (size_t)(n + i) * WR_WIDE_LANES,
            _mm512_mask_mov_epi32(key, missing, _mm512_set1_epi32(WR_KEY_NAN_ABOVE)));
    }
}

AVX512 void wr_wide_walk_avx512(const struct wr_wide_tree *top, const struct wr_tree_node *nodes,
                                uint32_t depth, const struct wr_wide_batch *batch)
{
    const struct lanes l = {
        .top = top,
        .keys = _mm512_load_si512(top->keys),
        .slots = _mm512_load_si512(top->slots),
        .left = _mm512_load_si512(top->left),
        .keys4 = _mm512_load_si512(top->keys + 16),
        .slots4 = _mm512_load_si512(top->slots + 16),
        .left4 = _mm512_load_si512(top->left + 16),
        .keys5 = {_mm512_load_si512(top->keys + 32), _mm512_load_si512(top->keys + 48)},
        .slots5 = {_mm512_load_si512(top->slots + 32), _mm512_load_si512(top->slots + 48)},
        .left5 = {_mm512_load_si512(top->left + 32), _mm512_load_si512(top->left + 48)},
        .levels = top->levels,
        .depth = depth,
        .nodes = (const int32_t *)(const void *)nodes,
    };
    uint32_t g = 0;
    for (; g + 4 <= batch->n_groups; g += 4) {
        walk_groups(&l, batch, g, 4);
    }
    for (; g < batch->n_groups; g++) {
        walk_groups(&l, batch, g, 1);
    }
}

/* Up to 64 columns: as many sums as there are lanes, each over k in order. */
AVX512 INLINE void columns(const float *a, size_t step, const float *b, size_t stride, uint32_t k,
                           const __mmask16 *masks, float *out)
{
    __m512 sums[4];
    for (unsigned v = 0; v < 4; v++) {
        sums[v] = _mm512_setzero_ps();
    }
    for (uint32_t i = 0; i < k; i++) {
        __m512 x = _mm512_set1_ps(a[i * step]);
        for (unsigned v = 0; v < 4; v++) {
            __m512 own = _mm512_maskz_loadu_ps(masks[v], b + i * stride + v * 16);
            sums[v] = _mm512_add_ps(sums[v], _mm512_mul_ps(x, own));
        }
    }
    for (unsigned v = 0; v < 4; v++) {
        _mm512_mask_storeu_ps(out + v * 16, masks[v], sums[v]);
    }
}

AVX512 void wr_wide_row_avx512(const float *a, size_t step, const float *b, size_t stride,
                               uint32_t k, uint32_t n, float *out)
{
    static const __mmask16 all[4] = {0xffff, 0xffff, 0xffff, 0xffff};
    uint32_t j = 0;
    for (; j + 64 <= n; j += 64) {
        columns(a, step, b + j, stride, k, all, out + j);
    }
    if (j < n) {
        uint64_t lanes = (1ull << (n - j)) - 1;
        const __mmask16 some[4] = {(__mmask16)lanes, (__mmask16)(lanes >> 16),
                                   (__mmask16)(lanes >> 32), (__mmask16)(lanes >> 48)};
        columns(a, step, b + j, stride, k, some, out + j);
    }
}
#endif
