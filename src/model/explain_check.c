/* SPDX-License-Identifier: Apache-2.0 */
/* Follows every offset of an explanation section before it may run. */
#include "model/explain.h"

struct check {
    const uint8_t *bytes;
    const struct wr_program *p;
    const struct wr_explain *e;
    struct wr_error *error;
};

static wr_err bad(const struct check *c, const char *what)
{
    return wr_fail_at(c->error, WR_E_WASM, c->p->explain, "explanation: %s", what);
}

static bool inside(const struct check *c, uint32_t at, uint64_t n, uint64_t size)
{
    return at % 16 == 0 && at >= c->p->explain && at <= c->p->size && n <= (c->p->size - at) / size;
}

static bool operand_fits(const struct check *c, uint32_t ref, uint32_t meta)
{
    uint32_t count = meta & WR_PROGRAM_COUNT;
    uint64_t size = (uint64_t)count * wr_element_size(meta >> 28);
    return meta >> 28 <= WR_I64 && count > 0 && ref % 8 == 0 && ref <= c->p->scratch &&
           size <= c->p->scratch - ref;
}

static bool finite(double x)
{
    return x - x == 0;
}

static bool classes_fit(const struct check *c)
{
    const struct wr_explain *e = c->e;
    const struct wr_explain_class *class = (const void *)(c->bytes + e->classes);
    for (uint32_t i = 0; i < e->n_classes; i++, class ++) {
        bool trees = e->method == WR_EXPLAIN_TREES;
        bool place = trees ? class->target < e->targets
                           : operand_fits(c, class->ref, class->meta) &&
                                 class->target < (class->meta & WR_PROGRAM_COUNT) &&
                                 class->n_steps <= c->p->n_steps;
        if (!place || class->output >= c->p->n_outputs || !finite(class->scale) ||
            !finite(class->shift) || class->base != class->base) {
            return false;
        }
    }
    return true;
}

/* ── trees ──────────────────────────────────────────────────────────────────────────────────── */
static bool node_fits(const struct check *c, const struct wr_explain_node *node, uint32_t depth)
{
    const struct wr_explain *e = c->e;
    unsigned mode = node->flags & WR_EXPLAIN_MODE;
    if (mode == WR_WALK_MEMBER) {
        double set = node->threshold;
        if (!(set >= 0 && set < WR_LIMIT_WALK_SETS)) {
            return false;
        }
        uint32_t first = (uint32_t)set;
        if (!(first + (set - first) * 4294967296.0 <= e->n_sets)) {
            return false;
        }
    }
    return mode < WR_WALK_LEAF && node->feature < (e->x_meta & WR_PROGRAM_COUNT) &&
           node->column < c->p->n_inputs && node->flags >> WR_EXPLAIN_UP <= depth &&
           node->share >= 0 && node->share <= 1;
}

/* Walks the preorder: it must end with the tree's last node, and nowhere be too deep. `sides` has
 * two bits a level: what is still to come. */
static bool tree_fits(const struct check *c, const struct wr_explain_node *node, uint32_t n)
{
    uint8_t sides[WR_LIMIT_EXPLAIN_DEPTH + 1];
    uint32_t depth = 0, next = 0;
    if (n == 0) {
        return true;
    }
    do {
        bool open = depth == 0 && next == 0;
        unsigned bit = 0;
        if (!open) {
            bit = (sides[depth - 1] & 1) != 0 ? 1 : 2;
            sides[depth - 1] = (uint8_t)(sides[depth - 1] & ~bit);
        }
        if (next == n || depth >= c->e->depth || !node_fits(c, &node[next], depth)) {
            return false;
        }
        unsigned flags = node[next++].flags;
        sides[depth++] = (uint8_t)(((flags & WR_EXPLAIN_YES_LEAF) == 0 ? 1 : 0) |
                                   ((flags & WR_EXPLAIN_NO_LEAF) == 0 ? 2 : 0));
        while (depth > 0 && sides[depth - 1] == 0) {
            depth--;
        }
    } while (depth > 0);
    return next == n;
}

static wr_err check_trees(const struct check *c)
{
    const struct wr_explain *e = c->e;
    const struct wr_explain_tree *tree = (const void *)(c->bytes + e->trees);
    const struct wr_explain_node *node = (const void *)(c->bytes + e->nodes);
    if (e->blocks == 0 || e->blocks > WR_LIMIT_EXPLAIN_BLOCKS || e->width == 0 ||
        e->width > e->targets || (e->width > 1 && e->width != e->targets) ||
        e->depth > WR_LIMIT_EXPLAIN_DEPTH || e->n_steps > c->p->n_steps || e->n_trees == 0 ||
        e->x_meta >> 28 > WR_F64 || !operand_fits(c, e->x_ref, e->x_meta)) {
        return bad(c, "a number is out of range");
    }
    if (!inside(c, e->trees, e->n_trees, sizeof *tree) ||
        !inside(c, e->nodes, e->n_nodes, sizeof *node) ||
        e->n_leaves != (uint64_t)e->n_nodes + e->n_trees ||
        !inside(c, e->leaves, (uint64_t)e->n_leaves * e->width, 8) ||
        !inside(c, e->sets, e->n_sets, 8) ||
        !inside(c, e->points, wr_explain_points(e->blocks), 8)) {
        return bad(c, "a part lies outside");
    }
    uint64_t left = e->n_nodes;
    for (uint32_t t = 0; t < e->n_trees; t++) {
        uint32_t n = tree[t].n_nodes, blocks = tree[t].blocks_target & 0xff;
        if (n > left || blocks == 0 || blocks > e->blocks ||
            tree[t].blocks_target >> 8 >= e->targets || !tree_fits(c, node, n)) {
            return bad(c, "a tree does not fit");
        }
        node += n;
        left -= n;
    }
    return left == 0 ? WR_OK : bad(c, "there are more nodes than trees have");
}

wr_err wr_explain_check(const uint8_t *program, struct wr_error *error)
{
    struct check c = {.bytes = program, .p = (const void *)program, .error = error};
    const struct wr_program *p = c.p;
    if (p->explain % 8 != 0 || p->explain < sizeof *p || p->explain > p->size ||
        p->size - p->explain < sizeof *c.e) {
        return wr_fail_at(error, WR_E_WASM, 0, "explanation: it lies outside");
    }
    c.e = wr_explain_of(p);
    if (c.e->method == WR_EXPLAIN_NONE || c.e->method >= WR_EXPLAIN_METHODS ||
        c.e->n_classes > WR_LIMIT_EXPLAIN_CLASSES ||
        !inside(&c, c.e->classes, c.e->n_classes, sizeof(struct wr_explain_class))) {
        return bad(&c, "method or classes are unknown");
    }
    if (c.e->method == WR_EXPLAIN_TREES) {
        wr_err code = check_trees(&c);
        if (code != WR_OK) {
            return code;
        }
    } else if (!inside(&c, c.e->reference, p->n_inputs, 8)) {
        return bad(&c, "the reference row lies outside");
    }
    if (wr_explain_room(p, c.e) != p->explain_room) {
        return bad(&c, "its working memory is of another size");
    }
    return classes_fit(&c) ? WR_OK : bad(&c, "a class does not fit");
}
