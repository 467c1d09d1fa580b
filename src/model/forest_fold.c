/* SPDX-License-Identifier: Apache-2.0 */
/* Chains of elementwise steps into thresholds (forest_fold.h). */
#include "model/forest_fold.h"
#include "model/kernel_number.h"

/* ── finding the chain ──────────────────────────────────────────────────────────────────────── */
/* The step that makes a tensor, or NULL for an input or constant. */
static const struct wr_graph_step *maker_of(const struct wr_graph *g, uint32_t tensor)
{
    uint32_t root = g->tensors[tensor].root;
    for (uint32_t i = g->n_steps; i-- > 0;) {
        for (uint32_t k = 0; k < g->steps[i].n_out; k++) {
            if (g->steps[i].tensors[k] == root) {
                return &g->steps[i];
            }
        }
    }
    return NULL;
}

/* Constants one a column or one for all, each finite and, for products, not 0. */
static bool good_constants(const struct wr_graph *g, uint32_t tensor, uint32_t n, bool factor,
                           struct wr_fold_step *step)
{
    const struct wr_tensor *t = &g->tensors[tensor];
    if (!t->constant || t->type != WR_F32 || (t->count != 1 && t->count != n)) {
        return false;
    }
    step->values = wr_graph_data(g, tensor);
    step->stride = t->count == 1 ? 0 : 1;
    for (uint32_t i = 0; i < t->count; i++) {
        float v = step->values[i];
        if (v - v != 0 || (factor && v == 0)) {
            return false;
        }
    }
    return true;
}

/* x + c, x - c, c - x, x * c, x / c: monotone in x. */
static bool arithmetic(const struct wr_graph *g, const struct wr_graph_step *s, uint32_t n,
                       struct wr_fold_step *step, uint32_t *from)
{
    bool factor = s->op == WR_ZIP_MUL || s->op == WR_ZIP_DIV;
    if (s->kind != WR_STEP_ZIP || s->op > WR_ZIP_DIV) {
        return false;
    }
    step->op = s->op;
    step->constant_first = g->tensors[s->tensors[1]].constant;
    *from = s->tensors[step->constant_first ? 2 : 1];
    return !(step->constant_first && s->op == WR_ZIP_DIV) &&
           good_constants(g, s->tensors[step->constant_first ? 1 : 2], n, factor, step);
}

/* where(isnan(x), c, x) */
static bool imputation(const struct wr_graph *g, const struct wr_graph_step *s, uint32_t n,
                       struct wr_fold_step *step, uint32_t *from)
{
    if (s->kind != WR_STEP_WHERE) {
        return false;
    }
    const struct wr_graph_step *test = maker_of(g, s->tensors[1]);
    *from = s->tensors[3];
    step->op = WR_ZIP_OPS;
    return test != NULL && test->kind == WR_STEP_MAP && test->op == WR_MAP_ISNAN &&
           g->tensors[test->tensors[1]].root == g->tensors[*from].root &&
           good_constants(g, s->tensors[2], n, false, step);
}

uint32_t wr_fold_find(struct wr_graph *g, uint32_t x, struct wr_fold *fold)
{
    *fold = (struct wr_fold){.n_steps = 0};
    uint32_t n = g->tensors[x].count;
    while (g->tensors[x].type == WR_F32 && !g->plain && fold->n_steps < WR_LIMIT_FOLD_STEPS) {
        const struct wr_graph_step *s = maker_of(g, x);
        struct wr_fold_step step = {0};
        uint32_t from;
        bool good =
            s != NULL && (arithmetic(g, s, n, &step, &from) || imputation(g, s, n, &step, &from));
        if (!good || g->tensors[from].type != WR_F32 || g->tensors[from].count != n) {
            break;
        }
        fold->steps[fold->n_steps++] = step;
        x = from;
    }
    return x;
}

/* ── thresholds ─────────────────────────────────────────────────────────────────────────────── */
static float apply(const struct wr_fold *fold, uint32_t column, float x)
{
    for (uint32_t i = fold->n_steps; i-- > 0;) {
        const struct wr_fold_step *s = &fold->steps[i];
        float c = s->values[(size_t)column * s->stride];
        switch (s->op) {
        case WR_ZIP_ADD:
            x = x + c;
            break;
        case WR_ZIP_SUB:
            x = s->constant_first ? c - x : x - c;
            break;
        case WR_ZIP_MUL:
            x = x * c;
            break;
        case WR_ZIP_DIV:
            x = x / c;
            break;
        default:
            x = x != x ? c : x;
        }
    }
    return x;
}

static bool holds(const struct wr_walk_node *node, double y)
{
    switch (node->mode & 0xff) {
    case WR_WALK_LEQ:
        return y <= node->threshold;
    case WR_WALK_LT:
        return y < node->threshold;
    case WR_WALK_GTE:
        return y >= node->threshold;
    default:
        return y > node->threshold;
    }
}

/* The float of a key that sorts as floats do; the key of -infinity is the lowest used. */
static float float_of(int64_t key)
{
    int32_t bits = (int32_t)key;
    float x;
    bits ^= (bits >> 31) & INT32_MAX;
    memcpy(&x, &bits, sizeof x);
    return x;
}

void wr_fold_node(const struct wr_fold *fold, struct wr_walk_node *node)
{
    const int64_t infinity = 0x7f800000;
    int64_t low = -infinity - 1, high = infinity;
    if (fold->n_steps == 0 || (node->mode & 0xff) > WR_WALK_GT) {
        return;
    }
    uint32_t column = node->feature, missing = node->mode & WR_WALK_MISSING_YES;
    float absent = apply(fold, column, (float)-(wr_number_infinity() - wr_number_infinity()));
    if (absent == absent) {
        missing = holds(node, (double)absent) ? WR_WALK_MISSING_YES : 0;
    }
    bool first = holds(node, (double)apply(fold, column, float_of(low)));
    bool last = holds(node, (double)apply(fold, column, float_of(high)));
    while (first != last && high - low > 1) { /* holds(low) is `first`, holds(high) is not */
        int64_t middle = low + (high - low) / 2;
        bool same = holds(node, (double)apply(fold, column, float_of(middle))) == first;
        *(same ? &low : &high) = middle;
    }
    /* From `high` on the answer is the other one; where there is no such place, all or none hold.
     */
    bool all = first == last;
    node->threshold = all ? -wr_number_infinity() : (double)float_of(high);
    node->mode =
        (all ? (first ? WR_WALK_GTE : WR_WALK_LT) : (first ? WR_WALK_LT : WR_WALK_GTE)) | missing;
}
