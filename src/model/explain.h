/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations: what each column of a row did to the margin of an answer.
 *
 * The margin is the number before the link (sigmoid, softmax, exponential): log-odds for a
 * classifier, the score itself where there is no link. A program may end with one explanation
 * section (struct wr_explain at program->explain), made by the compiler, checked by
 * wr_explain_check, run by wr_kernel_explain natively and inside the module with the same bits.
 *
 *   TREES      exact Shapley values of the path-dependent game (explain_trees.c)
 *   LINEAR     the margin is a sum of functions of one column each: f(x) - f(reference), exact
 *   OCCLUSION  the margin less the margin with the column at its reference; no sum is kept
 *
 * docs/models.md has the formulae. */
#ifndef WR_EXPLAIN_H
#define WR_EXPLAIN_H

#include "model/program.h"

#define WR_LIMIT_EXPLAIN_CLASSES 256
#define WR_LIMIT_EXPLAIN_DEPTH   512
#define WR_LIMIT_EXPLAIN_BLOCKS  8u /* of eight different columns on one path */
#define WR_EXPLAIN_LANES         4u /* points of a block */
#define WR_EXPLAIN_ON_PATH       (8u * WR_LIMIT_EXPLAIN_BLOCKS)

enum wr_explain_method {
    WR_EXPLAIN_NONE = 0,
    WR_EXPLAIN_TREES,
    WR_EXPLAIN_LINEAR,
    WR_EXPLAIN_OCCLUSION,
    WR_EXPLAIN_METHODS,
};

/* All offsets are from the program's first byte. */
struct wr_explain {
    uint32_t method, n_classes, classes; /* struct wr_explain_class[], by output */
    uint32_t reference;                  /* LINEAR, OCCLUSION: a row of doubles */
    /* TREES: run n_steps, then x lies at this operand */
    uint32_t n_steps, x_ref, x_meta;
    uint32_t n_trees, trees;          /* struct wr_explain_tree[] */
    uint32_t n_nodes, nodes;          /* struct wr_explain_node[], all trees one behind the other */
    uint32_t n_leaves, leaves, width; /* doubles; `width` a leaf: 1, or one for each target */
    uint32_t n_sets, sets;            /* members of MEMBER nodes */
    uint32_t blocks, points;          /* doubles; see wr_explain_points */
    uint32_t depth;                   /* of the deepest tree */
    uint32_t targets;
};

/* One output that can be explained. Its margin is scale * (sum of leaves, or the element) + shift;
 * base is the margin that is expected before anything is known of the row. */
struct wr_explain_class {
    uint32_t output;           /* column of the answer */
    uint32_t target;           /* of the trees, or the element of the operand */
    uint32_t n_steps;          /* LINEAR, OCCLUSION: run these, then the operand holds the margin */
    uint32_t ref, meta, spare; /* the operand */
    double scale, shift, base;
};

struct wr_explain_tree {
    uint32_t n_nodes;       /* inner ones; a leaf more */
    uint32_t blocks_target; /* blocks | target << 8 */
};

/* An inner node in preorder, the yes side first. Leaves are not stored: they follow one another in
 * the order in which this walk meets them. */
struct wr_explain_node {
    double threshold;
    double share;     /* of the cover: what part of the training data went the yes way, 0 to 1 */
    uint32_t feature; /* element of x */
    uint16_t column;  /* of the row */
    uint16_t flags;
};
#define WR_EXPLAIN_MODE        0x7u /* enum wr_walk_mode */
#define WR_EXPLAIN_MISSING_YES 0x8u
#define WR_EXPLAIN_YES_LEAF    0x10u
#define WR_EXPLAIN_NO_LEAF     0x20u
#define WR_EXPLAIN_UP          6 /* from this bit on: depth of the column's last edge, or 0 */

/* Gauss' rules of 4, 8, ... 4 b points, one behind the other: points in (0, 1), 1 - points,
 * weights. The numbers that b of them take. */
static inline size_t wr_explain_points(uint32_t b)
{
    return 3 * WR_EXPLAIN_LANES * (size_t)b * (b + 1) / 2;
}

/* ── running ────────────────────────────────────────────────────────────────────────────────── */
/* Bytes of working memory beside the program's scratch memory; aligned to 64. */
static inline uint64_t wr_explain_room(const struct wr_program *p, const struct wr_explain *e)
{
    uint64_t lanes = WR_EXPLAIN_LANES * (uint64_t)e->blocks;
    uint64_t row = ((uint64_t)p->n_inputs * 8 + 63) & ~(uint64_t)63;
    uint64_t frame = lanes * 3 * 8 + 64;
    return e->method == WR_EXPLAIN_TREES ? WR_EXPLAIN_LANES * row + ((uint64_t)e->depth + 2) * frame
                                         : row;
}

static inline const struct wr_explain *wr_explain_of(const struct wr_program *p)
{
    return (const void *)((const uint8_t *)p + p->explain);
}

/* In wasm memory, behind the room for answers: contributions, base, margin, working memory. */
static inline uint64_t wr_explain_out(const struct wr_program *p)
{
    uint64_t answers = (uint64_t)wr_program_batch(p) * p->n_outputs * 8;
    return (wr_program_output(p) + answers + 63) & ~(uint64_t)63;
}
static inline uint64_t wr_explain_work(const struct wr_program *p)
{
    return (wr_explain_out(p) + ((uint64_t)p->n_inputs + 2) * 8 + 63) & ~(uint64_t)63;
}
/* Where all that ends. */
static inline uint64_t wr_explain_end(const struct wr_program *p)
{
    return wr_explain_work(p) + p->explain_room;
}

/* The class of an output column of a program that has a section, or NULL. */
const struct wr_explain_class *wr_explain_find(const struct wr_program *p, size_t output);

/* Explains output column `output` of a row: n_inputs contributions, then base and margin, into
 * `out`. `scratch` has program->scratch bytes, `room` wr_explain_room; both aligned to 64.
 * Gives a status of enum wr_kernel_status; WR_KERNEL_NO_EXPLANATION when the program has none of
 * this output. */
int wr_kernel_explain(const uint8_t *program, const double *row, uint32_t output, double *out,
                      uint8_t *scratch, uint8_t *room);
/* Between the kernel's files: contributions of the trees for x; out[n_inputs + 1] gets the sum of
 * the leaves reached. */
void wr_kernel_explain_trees(const uint8_t *program, const struct wr_explain *e, const void *x,
                             uint32_t target, double *out, uint8_t *room);

/* ── checking ───────────────────────────────────────────────────────────────────────────────── */
/* Follows every offset of the section of a program whose other parts were checked.
 * Errors: WR_E_WASM with the offset within the program. */
WR_NODISCARD wr_err wr_explain_check(const uint8_t *program, struct wr_error *error);

#endif
