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
    const struct wr_wide_tree *top;
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

/* All ones where the lanes' keys, side by side for one column, are at least that of node `i`. */
AVX2 INLINE __m256i right_of(const struct lanes *l, const int32_t *x, uint32_t i)
{
    __m256i own = _mm256_load_si256((const __m256i *)(const void *)(x + l->top->slots[i]));
    return _mm256_xor_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(l->top->keys[i]), own),
                            _mm256_set1_epi32(-1));
}

/* Levels 0 to 2 without gathering: all nodes of the level are asked, then chosen from. */
AVX2 INLINE __m256i upper_levels(const struct lanes *l, const int32_t *x)
{
    __m256i a = right_of(l, x, 0);
    __m256i b = _mm256_blendv_epi8(right_of(l, x, 1), right_of(l, x, 2), a);
    __m256i low = _mm256_blendv_epi8(right_of(l, x, 3), right_of(l, x, 4), b);
    __m256i high = _mm256_blendv_epi8(right_of(l, x, 5), right_of(l, x, 6), b);
    __m256i c = _mm256_blendv_epi8(low, high, a);
    __m256i h = _mm256_sub_epi32(_mm256_set1_epi32(7), _mm256_slli_epi32(a, 2));
    return _mm256_sub_epi32(_mm256_sub_epi32(h, _mm256_add_epi32(b, b)), c);
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
AVX2 INLINE void walk_groups(const struct lanes *l, const struct wr_wide_batch *batch,
                             uint32_t first, uint32_t n)
{
    size_t group = batch->group;
    const int32_t *x = batch->keys + first * group;
    __m256i h[4];
    uint32_t heap = l->levels > 3 ? 0 : l->levels;
    for (uint32_t v = 0; v < 2 * n; v++) {
        h[v] = l->levels > 3 ? upper_levels(l, x + v / 2 * group + v % 2 * LANES)
                             : _mm256_setzero_si256();
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
        size_t at = (size_t)first * WR_WIDE_LANES + v * LANES;
        if (batch->sums != NULL) {
            __m256 leaf = _mm256_castsi256_ps(_mm256_i32gather_epi32(l->nodes, h[v], 8));
            __m256 sum = _mm256_loadu_ps(batch->sums + at);
            _mm256_storeu_ps(batch->sums + at, _mm256_add_ps(sum, leaf));
        } else {
            _mm256_storeu_si256((__m256i *)(void *)(batch->ends + at), h[v]);
        }
    }
}

AVX2 INLINE void store(int32_t *to, __m256i keys)
{
    _mm256_storeu_si256((__m256i *)(void *)to, keys);
}

AVX2 void wr_wide_keys_avx2(const float *x, size_t stride, uint32_t n, uint32_t rows, int32_t *keys)
{
    const __m256i step = _mm256_set1_epi32((int32_t)stride),
                  last = _mm256_set1_epi32((int32_t)rows - 1);
    const __m256i lanes = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    for (uint32_t half = 0; half < WR_WIDE_LANES; half += LANES, keys += LANES) {
        __m256i row = _mm256_add_epi32(lanes, _mm256_set1_epi32((int32_t)half));
        __m256i at = _mm256_mullo_epi32(_mm256_min_epi32(row, last), step);
        for (uint32_t i = 0; i < n; i++) {
            __m256 own = _mm256_add_ps(_mm256_i32gather_ps(x + i, at, 4), _mm256_setzero_ps());
            __m256i bits = _mm256_castps_si256(own);
            __m256i missing = _mm256_castps_si256(_mm256_cmp_ps(own, own, _CMP_UNORD_Q));
            __m256i key = _mm256_xor_si256(
                bits, _mm256_and_si256(_mm256_srai_epi32(bits, 31), _mm256_set1_epi32(INT32_MAX)));
            __m256i low = _mm256_set1_epi32(WR_KEY_LOWEST);
            __m256i high = _mm256_set1_epi32(WR_KEY_NAN_ABOVE);
            store(keys + (size_t)i * WR_WIDE_LANES, _mm256_blendv_epi8(key, low, missing));
            store(keys + (size_t)(n + i) * WR_WIDE_LANES, _mm256_blendv_epi8(key, high, missing));
        }
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
                            uint32_t depth, const struct wr_wide_batch *batch)
{
    const struct lanes l = {
        .top = top,
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
    for (; g + 2 <= batch->n_groups; g += 2) {
        walk_groups(&l, batch, g, 2);
    }
    for (; g < batch->n_groups; g++) {
        walk_groups(&l, batch, g, 1);
    }
}

void wr_wide_row_avx2(const float *a, size_t step, const float *b, size_t stride, uint32_t k,
                      uint32_t n, float *out) AVX2;

/* 32 columns at a time, then 8, then the rest: each sum over k in order. */
void wr_wide_row_avx2(const float *a, size_t step, const float *b, size_t stride, uint32_t k,
                      uint32_t n, float *out)
{
    uint32_t j = 0;
    for (; j + 32 <= n; j += 32) {
        __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
        for (uint32_t i = 0; i < k; i++) {
            const __m256 x = _mm256_set1_ps(a[i * step]);
            const float *row = b + i * stride + j;
            s0 = _mm256_add_ps(s0, _mm256_mul_ps(x, _mm256_loadu_ps(row)));
            s1 = _mm256_add_ps(s1, _mm256_mul_ps(x, _mm256_loadu_ps(row + 8)));
            s2 = _mm256_add_ps(s2, _mm256_mul_ps(x, _mm256_loadu_ps(row + 16)));
            s3 = _mm256_add_ps(s3, _mm256_mul_ps(x, _mm256_loadu_ps(row + 24)));
        }
        _mm256_storeu_ps(out + j, s0);
        _mm256_storeu_ps(out + j + 8, s1);
        _mm256_storeu_ps(out + j + 16, s2);
        _mm256_storeu_ps(out + j + 24, s3);
    }
    for (; j + 8 <= n; j += 8) {
        __m256 sum = _mm256_setzero_ps();
        for (uint32_t i = 0; i < k; i++) {
            sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_set1_ps(a[i * step]),
                                                   _mm256_loadu_ps(b + i * stride + j)));
        }
        _mm256_storeu_ps(out + j, sum);
    }
    for (; j < n; j++) {
        float sum = 0;
        for (uint32_t i = 0; i < k; i++) {
            sum += a[i * step] * b[i * stride + j];
        }
        out[j] = sum;
    }
}
#endif
