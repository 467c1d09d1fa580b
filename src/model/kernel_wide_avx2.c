/* SPDX-License-Identifier: Apache-2.0 */
/* Eight rows a vector, four vectors at a time (kernel_wide.h). Three levels of a tree fit into a
 * register, the fourth into another; further down nodes are gathered. */
#include "model/kernel_wide.h"

#if WR_WIDE
#include <immintrin.h>

#define AVX2   __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline))
#define LANES  8u

struct lanes {
    __m256i keys, slots, left;    /* levels 0 to 2 */
    __m256i keys3, slots3, left3; /* level 3 */
    uint32_t levels, depth;
    const int32_t *nodes;
};

/* All ones where the lanes' keys at slots are at least `key`, else zero. */
AVX2 INLINE __m256i right(const int32_t *x, __m256i slots, __m256i key)
{
    __m256i own = _mm256_i32gather_epi32(
        x, _mm256_add_epi32(slots, _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0)), 4);
    return _mm256_xor_si256(_mm256_cmpgt_epi32(key, own), _mm256_set1_epi32(-1));
}

AVX2 INLINE __m256i heap_level(const struct lanes *l, const int32_t *x, __m256i h, bool last)
{
    __m256i m =
        right(x, _mm256_permutevar8x32_epi32(l->slots, h), _mm256_permutevar8x32_epi32(l->keys, h));
    if (last) {
        return _mm256_sub_epi32(_mm256_permutevar8x32_epi32(l->left, h), m);
    }
    h = _mm256_add_epi32(_mm256_add_epi32(h, h), _mm256_set1_epi32(1));
    return _mm256_sub_epi32(h, m);
}

AVX2 INLINE __m256i level_3(const struct lanes *l, const int32_t *x, __m256i h)
{
    h = _mm256_sub_epi32(h, _mm256_set1_epi32(7));
    __m256i m = right(x, _mm256_permutevar8x32_epi32(l->slots3, h),
                      _mm256_permutevar8x32_epi32(l->keys3, h));
    return _mm256_sub_epi32(_mm256_permutevar8x32_epi32(l->left3, h), m);
}

AVX2 INLINE __m256i deep_level(const struct lanes *l, const int32_t *x, __m256i h)
{
    __m256i key = _mm256_i32gather_epi32(l->nodes, h, 8);
    __m256i word = _mm256_i32gather_epi32(l->nodes + 1, h, 8);
    __m256i feature = _mm256_and_si256(word, _mm256_set1_epi32(0xffff));
    __m256i m = right(x, _mm256_slli_epi32(feature, 4), key);
    return _mm256_sub_epi32(_mm256_add_epi32(h, _mm256_srli_epi32(word, 16)), m);
}

/* Two groups of 16 rows at once: four vectors, whose chains of loads overlap; or one group. */
AVX2 INLINE void walk_groups(const struct lanes *l, const int32_t *x, size_t group, uint32_t n,
                             int32_t *ends)
{
    __m256i h[4];
    uint32_t heap = l->levels < 3 ? l->levels : 3;
    for (uint32_t v = 0; v < 2 * n; v++) {
        h[v] = _mm256_setzero_si256();
    }
    for (uint32_t level = 0; level < heap; level++) {
        for (uint32_t v = 0; v < 2 * n; v++) {
            h[v] = heap_level(l, x + v / 2 * group + v % 2 * LANES, h[v], level + 1 == l->levels);
        }
    }
    for (uint32_t v = 0; v < 2 * n && l->levels > 3; v++) {
        h[v] = level_3(l, x + v / 2 * group + v % 2 * LANES, h[v]);
    }
    for (uint32_t level = 4; level < l->depth; level++) {
        for (uint32_t v = 0; v < 2 * n; v++) {
            h[v] = deep_level(l, x + v / 2 * group + v % 2 * LANES, h[v]);
        }
    }
    for (uint32_t v = 0; v < 2 * n; v++) {
        _mm256_storeu_si256((__m256i *)(void *)(ends + v * LANES), h[v]);
    }
}

AVX2 INLINE __m256i load(const int32_t *from)
{
    return _mm256_load_si256((const __m256i *)(const void *)from);
}

/* Level 3 starts at element 7 of the table. */
AVX2 INLINE __m256i load_3(const int32_t *from)
{
    return _mm256_loadu_si256((const __m256i_u *)(const void *)(from + 7));
}

AVX2 void wr_wide_walk_avx2(const struct wr_wide_tree *top, const struct wr_tree_node *nodes,
                            uint32_t depth, const int32_t *keys, size_t group, uint32_t n_groups,
                            int32_t *ends)
{
    const struct lanes l = {
        .keys = load(top->keys),
        .slots = load(top->slots),
        .left = load(top->left),
        .keys3 = load_3(top->keys),
        .slots3 = load_3(top->slots),
        .left3 = load_3(top->left),
        .levels = top->levels < 4 ? top->levels : 4,
        .depth = depth,
        .nodes = (const int32_t *)(const void *)nodes,
    };
    uint32_t g = 0;
    for (; g + 2 <= n_groups; g += 2) {
        walk_groups(&l, keys + g * group, group, 2, ends + g * WR_WIDE_LANES);
    }
    for (; g < n_groups; g++) {
        walk_groups(&l, keys + g * group, group, 1, ends + g * WR_WIDE_LANES);
    }
}
#endif
