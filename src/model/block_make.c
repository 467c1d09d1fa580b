/* SPDX-License-Identifier: Apache-2.0 */
/* Lays out the forests of an opened model in blocks (kernel_block.h). */
#include "model/kernel_block.h"

struct maker {
    const struct wr_step *s;
    struct wr_forest_view f;
    int32_t *upper_keys, *keys, *leaves;
    uint8_t *upper_columns, *columns;
    struct wr_block_group *groups;
    uint32_t n_groups, n_upper, n_lower;
};

/* A node in a place: what the row's key is compared with. A leaf, and what lies below the depth of
 * the walk, sends every row to itself. */
static bool put_node(const struct maker *m, const struct wr_tree_node *node, bool ends,
                     int32_t *key, uint8_t *column)
{
    uint32_t n = m->s->params[1];
    if (ends || node->delta == 0) {
        *key = INT32_MAX;
        *column = 0;
        return false;
    }
    bool above = node->feature >= n;
    *key = node->key;
    *column = (uint8_t)((above ? node->feature - n : node->feature) | (above && n <= 32 ? 32 : 0));
    return true;
}

/* `levels` levels below the nodes of `ids`, as a heap: node i stands at i * step. Returns the ids
 * of the ways out in `ids`. */
static void put_heap(const struct maker *m, const struct wr_tree_node *nodes, uint32_t levels,
                     uint32_t depth, uint32_t *ids, int32_t *keys, uint8_t *columns, size_t step)
{
    for (uint32_t level = 0; level < levels; level++) {
        for (uint32_t i = 1u << level; i-- > 0;) {
            const struct wr_tree_node *node = &nodes[ids[i]];
            size_t at = ((1u << level) - 1 + i) * step;
            bool goes = put_node(m, node, level >= depth, &keys[at], &columns[at]);
            uint32_t left = ids[i] + (goes ? node->delta : 0);
            ids[2 * i + 1] = left + (goes ? 1 : 0);
            ids[2 * i] = left;
        }
    }
}

static void put_tree(const struct maker *m, const struct wr_block_group *g, uint32_t lane,
                     const struct wr_tree_root *root)
{
    const struct wr_tree_node *nodes = m->f.nodes + root->node;
    uint32_t depth = root->depth_target & 0xff, entries[WR_BLOCK_NODES] = {0};
    put_heap(m, nodes, g->top, depth, entries,
             m->upper_keys + (size_t)g->upper * WR_BLOCK_NODES + lane,
             m->upper_columns + (size_t)g->upper * WR_BLOCK_NODES + lane, WR_BLOCK_NODES);
    for (uint32_t e = 0; e < 1u << g->top; e++) {
        size_t line = ((size_t)g->lower + (lane << g->top) + e) * WR_BLOCK_NODES;
        uint32_t ways[WR_BLOCK_NODES] = {entries[e]};
        put_heap(m, nodes, WR_BLOCK_DEPTH, depth - g->top, ways, m->keys + line, m->columns + line,
                 1);
        for (uint32_t w = 0; w < WR_BLOCK_NODES; w++) {
            m->leaves[line + w] = nodes[ways[w]].key;
        }
    }
}

static size_t bytes_of(const struct maker *m)
{
    return (size_t)m->n_upper * WR_BLOCK_NODES * 5 + (size_t)m->n_lower * WR_BLOCK_NODES * 9 +
           m->n_groups * sizeof *m->groups;
}

/* Counts lines and blocks; false when the forest cannot have them, or not in `most` bytes. */
static bool measure(struct maker *m, size_t most)
{
    uint64_t upper = 0, lower = 0;
    for (uint32_t t = 0; t < m->f.n_trees; t += WR_TREE_LANES) {
        uint32_t depth = m->f.roots[t].depth_target & 0xff;
        uint32_t top = depth > WR_BLOCK_DEPTH ? depth - WR_BLOCK_DEPTH : 0;
        if (top > WR_BLOCK_DEPTH) {
            return false;
        }
        upper += (1u << top) - 1;
        lower += (uint64_t)WR_TREE_LANES << top;
    }
    m->n_groups = (m->f.n_trees + WR_TREE_LANES - 1) / WR_TREE_LANES;
    m->n_upper = (uint32_t)upper;
    m->n_lower = (uint32_t)lower;
    return upper <= UINT32_MAX && lower <= UINT32_MAX && bytes_of(m) <= most;
}

static bool take_room(struct maker *m, struct wr_arena *arena)
{
    size_t upper = (size_t)m->n_upper * WR_BLOCK_NODES, lower = (size_t)m->n_lower * WR_BLOCK_NODES;
    m->upper_keys = wr_arena_zalloc(arena, upper * sizeof(int32_t), 64);
    m->keys = wr_arena_zalloc(arena, lower * sizeof(int32_t), 64);
    m->leaves = wr_arena_zalloc(arena, lower * sizeof(int32_t), 64);
    m->upper_columns = wr_arena_zalloc(arena, upper, 64);
    m->columns = wr_arena_zalloc(arena, lower, 64);
    m->groups = WR_NEW_ARRAY(arena, struct wr_block_group, m->n_groups);
    return m->upper_keys != NULL && m->keys != NULL && m->leaves != NULL &&
           m->upper_columns != NULL && m->columns != NULL && m->groups != NULL;
}

static void put_forest(struct maker *m)
{
    uint32_t upper = 0, lower = 0;
    for (uint32_t t = 0; t < m->f.n_trees; t++) {
        uint32_t lane = t % WR_TREE_LANES, depth = m->f.roots[t].depth_target & 0xff;
        struct wr_block_group *g = &m->groups[t / WR_TREE_LANES];
        if (lane == 0) {
            g->top = depth > WR_BLOCK_DEPTH ? depth - WR_BLOCK_DEPTH : 0;
            g->upper = upper;
            g->lower = lower;
            upper += (1u << g->top) - 1;
            lower += WR_TREE_LANES << g->top;
        }
        put_tree(m, g, lane, &m->f.roots[t]);
    }
}

static wr_err make_blocks(const struct wr_step *s, struct wr_arena *arena, size_t most,
                          const struct wr_blocks **out)
{
    struct maker m = {.s = s, .f = wr_forest_view_of(s)};
    if (s->params[1] > WR_BLOCK_COLUMNS || !measure(&m, most)) {
        return WR_OK;
    }
    struct wr_blocks *b = WR_NEW(arena, struct wr_blocks);
    if (b == NULL || !take_room(&m, arena)) {
        return WR_E_MEMORY;
    }
    put_forest(&m);
    *b = (struct wr_blocks){.upper_keys = m.upper_keys,
                            .keys = m.keys,
                            .upper_columns = m.upper_columns,
                            .columns = m.columns,
                            .leaves = m.leaves,
                            .groups = m.groups,
                            .size = bytes_of(&m)};
    *out = b;
    return WR_OK;
}

wr_err wr_blocks_make(struct wr_kernel *k, struct wr_arena *arena, size_t most)
{
    const struct wr_program *p = (const void *)k->program;
    const uint32_t *step = (const void *)(k->program + p->steps);
    if (k->level != WR_KERNEL_AVX512) {
        return WR_OK;
    }
    const struct wr_blocks **blocks = WR_NEW_ARRAY(arena, const struct wr_blocks *, p->n_steps);
    wr_err err = blocks != NULL ? WR_OK : WR_E_MEMORY;
    for (uint32_t i = 0; i < p->n_steps && err == WR_OK; i++, step += step[1]) {
        struct wr_step s = wr_kernel_step_of(k->program, NULL, step);
        s.level = k->level;
        if (wr_wide_takes(&s, step[0] & 0xff)) {
            err = make_blocks(&s, arena, most, &blocks[i]);
            most -= blocks[i] != NULL ? blocks[i]->size : 0;
        }
    }
    k->blocks = blocks;
    return err;
}

size_t wr_blocks_size(const struct wr_kernel *k)
{
    const struct wr_program *p = (const void *)k->program;
    size_t size = 0;
    for (uint32_t i = 0; k->blocks != NULL && i < p->n_steps; i++) {
        size += k->blocks[i] != NULL ? k->blocks[i]->size : 0;
    }
    return size;
}
