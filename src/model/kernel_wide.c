/* SPDX-License-Identifier: Apache-2.0 */
/* A batch through a forest: keys side by side, each tree's upper levels into a table, the walk of
 * the chosen width, then sums in the order of the trees (kernel_wide.h). */
#include "model/kernel_wide.h"

#include "base/cpu.h"

#if WR_WIDE
enum wr_kernel_level wr_kernel_best(void)
{
    unsigned found = wr_cpu();
    if ((found & WR_CPU_AVX2) == 0) {
        return WR_KERNEL_SCALAR;
    }
    return (found & WR_CPU_AVX512_MORE) != 0 ? WR_KERNEL_AVX512 : WR_KERNEL_AVX2;
}
#else
enum wr_kernel_level wr_kernel_best(void)
{
    return WR_KERNEL_SCALAR;
}
#endif

/* Rows of a batch lie apart in scratch memory; a constant stands there once for all of them. */
bool wr_wide_takes(const struct wr_step *s, uint32_t kind)
{
    return WR_WIDE && kind == WR_STEP_TREES && s->level != WR_KERNEL_SCALAR && s->params[0] == 1 &&
           (s->operands[2 * s->n_out] & WR_PROGRAM_CONST) == 0;
}

#if WR_WIDE
/* Keys of one feature for 16 rows lie together; the rows of 16 form a group. */
static size_t group_of(const struct wr_step *s)
{
    return (size_t)(2 * s->params[1] + 1) * WR_WIDE_LANES;
}

size_t wr_wide_room(const struct wr_step *s)
{
    return group_of(s) * (WR_WIDE_ROWS / WR_WIDE_LANES) * sizeof(int32_t) +
           WR_WIDE_ROWS * sizeof(int32_t);
}

static void make_keys(const struct wr_step *s, int32_t *keys)
{
    wr_wide_keys *make = s->level == WR_KERNEL_AVX512 ? wr_wide_keys_avx512 : wr_wide_keys_avx2;
    const float *x = wr_step_in(s, 0);
    uint32_t n = s->params[1];
    size_t stride = s->stride / sizeof *x;
    for (uint32_t row = 0; row < s->rows; row += WR_WIDE_LANES, keys += group_of(s)) {
        uint32_t left = s->rows - row;
        make(x + row * stride, stride, n, left < WR_WIDE_LANES ? left : WR_WIDE_LANES, keys);
        for (uint32_t lane = 0; lane < WR_WIDE_LANES; lane++) {
            keys[(size_t)2 * n * WR_WIDE_LANES + lane] = WR_KEY_LOWEST;
        }
    }
}

static void set_up(struct wr_wide_tree *top, const struct wr_tree_node *nodes, uint32_t depth)
{
    int32_t ids[WR_WIDE_TABLE] = {0};
    top->levels = depth < 6 ? depth : 6;
    for (uint32_t level = 0; level < top->levels; level++) {
        uint32_t n = 1u << level, at = level < 4 ? n - 1 : n;
        bool last = level + 1 == top->levels;
        for (uint32_t i = n; i-- > 0;) {
            const struct wr_tree_node *node = &nodes[ids[i]];
            int32_t left = ids[i] + node->delta;
            top->keys[at + i] = node->key;
            top->slots[at + i] = node->feature * (int32_t)WR_WIDE_LANES;
            top->left[at + i] = left;
            if (!last) {
                ids[2 * i] = left;
                ids[2 * i + 1] = left + (node->delta != 0);
            }
        }
    }
}

static void add_any(const struct wr_step *s, const struct wr_forest_view *f, uint32_t tree,
                    const struct wr_tree_node *nodes, const int32_t *ends)
{
    uint8_t *to = wr_step_out(s, 0);
    for (uint32_t row = 0; row < s->rows; row++, to += s->stride) {
        wr_forest_collect(f, tree, 1, &nodes[ends[row]].key, (float *)(void *)to);
    }
}

/* The start of each row's sums, or their end. `plain` sums lie side by side until the end. */
static void each_sum(const struct wr_step *s, const struct wr_forest_view *f, bool first,
                     float *plain)
{
    uint8_t *to = wr_step_out(s, 0);
    for (uint32_t row = 0; row < s->rows; row++, to += s->stride) {
        float *sums = (float *)(void *)to;
        for (uint32_t k = 0; k < f->targets; k++) {
            float *from = plain != NULL ? &plain[row] : &sums[k];
            if (first) {
                *from = wr_forest_start(f, k);
            } else {
                sums[k] = wr_forest_finish(f, k, *from);
            }
        }
    }
}

void wr_wide_trees(const struct wr_step *s)
{
    struct wr_forest_view f = wr_forest_view_of(s);
    wr_wide_walk *walk = s->level == WR_KERNEL_AVX512 ? wr_wide_walk_avx512 : wr_wide_walk_avx2;
    bool plain = !f.voting && f.targets == 1 && f.aggregate <= WR_AVERAGE;
    int32_t *ends = (int32_t *)(void *)s->room, *keys = ends + WR_WIDE_ROWS;
    struct wr_wide_batch batch = {.keys = keys,
                                  .group = group_of(s),
                                  .n_groups = (s->rows + WR_WIDE_LANES - 1) / WR_WIDE_LANES,
                                  .sums = plain ? (float *)(void *)ends : NULL,
                                  .ends = ends};
    struct wr_wide_tree top;
    make_keys(s, keys);
    each_sum(s, &f, true, batch.sums);
    for (uint32_t t = 0; t < f.n_trees; t++) {
        const struct wr_tree_node *nodes = f.nodes + f.roots[t].node;
        uint32_t depth = f.roots[t].depth_target & 0xff;
        set_up(&top, nodes, depth);
        walk(&top, nodes, depth, &batch);
        if (!plain) {
            add_any(s, &f, t, nodes, ends);
        }
    }
    each_sum(s, &f, false, batch.sums);
}
#else
size_t wr_wide_room(const struct wr_step *s)
{
    (void)s;
    return 0;
}

void wr_wide_trees(const struct wr_step *s)
{
    (void)s;
}
#endif
