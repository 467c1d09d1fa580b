/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen rows a vector, four vectors at a time (kernel_wide.h). */
#include "model/kernel_wide.h"

#if WR_WIDE
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
#define INLINE static inline __attribute__((always_inline))

struct lanes {                             /* the tree's tables and the group's keys */
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
AVX512 INLINE void walk_groups(const struct lanes *l, const int32_t *x, size_t group, uint32_t n,
                               int32_t *ends)
{
    __m512i h[4];
    uint32_t heap = l->levels < 4 ? l->levels : 4;
    for (uint32_t g = 0; g < n; g++) {
        h[g] = _mm512_setzero_si512();
    }
    for (uint32_t level = 0; level < heap; level++) {
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
        _mm512_storeu_si512(ends + g * WR_WIDE_LANES, h[g]);
    }
}

AVX512 void wr_wide_walk_avx512(const struct wr_wide_tree *top, const struct wr_tree_node *nodes,
                                uint32_t depth, const int32_t *keys, size_t group,
                                uint32_t n_groups, int32_t *ends)
{
    const struct lanes l = {
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
    for (; g + 4 <= n_groups; g += 4) {
        walk_groups(&l, keys + g * group, group, 4, ends + g * WR_WIDE_LANES);
    }
    for (; g < n_groups; g++) {
        walk_groups(&l, keys + g * group, group, 1, ends + g * WR_WIDE_LANES);
    }
}
#endif
