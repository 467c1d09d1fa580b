/* SPDX-License-Identifier: Apache-2.0 */
/* Tree ensembles: the fast walk (TREES) and the general one (WALK).
 *
 * The fast walk goes through sixteen trees at a time, each for a fixed number of steps, without a
 * branch that depends on the row: a processor then overlaps the sixteen chains of loads and never
 * mispredicts. Sums are taken in the order of the trees, in the type of the output (float unless
 * the source asks for double), as ONNX Runtime and XGBoost do for one row. */
#include "model/kernel.h"
#include "model/kernel_walk.h"
#include "model/kernel_wide.h"

/* The integer that sorts as the float does; both zeros are one key. */
int32_t wr_tree_key(float x)
{
    int32_t bits;
    x += 0.0f;
    memcpy(&bits, &x, sizeof bits);
    return bits ^ ((bits >> 31) & INT32_MAX);
}

static void make_keys(const float *x, uint32_t n, int32_t *keys)
{
    for (uint32_t i = 0; i < n; i++) {
        int32_t key = wr_tree_key(x[i]);
        bool missing = x[i] != x[i];
        keys[i] = missing ? WR_KEY_LOWEST : key;
        keys[n + i] = missing ? WR_KEY_NAN_ABOVE : key;
    }
    keys[2 * n] = WR_KEY_LOWEST;
}

static inline const struct wr_tree_node *step_down(const struct wr_tree_node *at,
                                                   const int32_t *keys)
{
    return at + at->delta + (keys[at->feature] >= at->key);
}

/* One walk of `depth` steps through N trees at once, N being what the macro EACH lists: the chains
 * of loads overlap, and no comparison becomes a branch (tools/model_branches.sh looks). */
#define START(i) const struct wr_tree_node *at##i = nodes + roots[i].node;
#define STEP(i)  at##i = step_down(at##i, keys);
#define END(i)   leaves[i] = at##i->key;
#define WALK(EACH)                                                                                 \
    do {                                                                                           \
        EACH(START)                                                                                \
        for (uint32_t left = depth; left > 0; left--) {                                            \
            EACH(STEP)                                                                             \
        }                                                                                          \
        EACH(END)                                                                                  \
    } while (0)
#define EACH_4(X)  X(0) X(1) X(2) X(3)
#define EACH_8(X)  EACH_4(X) X(4) X(5) X(6) X(7)
#define EACH_16(X) EACH_8(X) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

static void walk_sixteen(const struct wr_tree_node *nodes, const struct wr_tree_root *roots,
                         const int32_t *keys, int32_t *leaves)
{
    uint32_t depth = roots[0].depth_target & 0xff;
    WALK(EACH_16);
}

static void walk_eight(const struct wr_tree_node *nodes, const struct wr_tree_root *roots,
                       uint32_t depth, const int32_t *keys, int32_t *leaves)
{
    WALK(EACH_8);
}

static void walk_four(const struct wr_tree_node *nodes, const struct wr_tree_root *roots,
                      uint32_t depth, const int32_t *keys, int32_t *leaves)
{
    WALK(EACH_4);
}

/* The last trees, fewer than sixteen: eight, four, then one by one. */
static void walk_few(const struct wr_tree_node *nodes, const struct wr_tree_root *roots, uint32_t n,
                     const int32_t *keys, int32_t *leaves)
{
    uint32_t depth = roots[0].depth_target & 0xff, t = 0;
    if (n - t >= 8) {
        walk_eight(nodes, roots + t, depth, keys, leaves + t);
        t += 8;
    }
    if (n - t >= 4) {
        walk_four(nodes, roots + t, depth, keys, leaves + t);
        t += 4;
    }
    for (; t < n; t++) {
        const struct wr_tree_node *at = nodes + roots[t].node;
        for (uint32_t left = depth; left > 0; left--) {
            at = step_down(at, keys);
        }
        leaves[t] = at->key;
    }
}

static float leaf_value(int32_t leaf)
{
    float value;
    memcpy(&value, &leaf, sizeof value);
    return value;
}

static float join(unsigned aggregate, float sum, float value)
{
    switch (aggregate) {
    case WR_MIN_OF:
        return value < sum ? value : sum;
    case WR_MAX_OF:
        return value > sum ? value : sum;
    default:
        return sum + value;
    }
}

/* Adds the leaves of up to sixteen trees to the sums, in order. */
static inline void collect(const struct wr_forest_view *f, uint32_t first, uint32_t n,
                           const int32_t *leaves, float *sums)
{
    if (f->voting) {
        for (uint32_t t = 0; t < n; t++) {
            const float *votes = f->table + (size_t)(uint32_t)leaves[t] * f->targets;
            for (uint32_t k = 0; k < f->targets; k++) {
                sums[k] = join(f->aggregate, sums[k], votes[k]);
            }
        }
    } else if (f->targets == 1 && f->aggregate <= WR_AVERAGE) {
        float sum = sums[0];
        for (uint32_t t = 0; t < n; t++) {
            sum += leaf_value(leaves[t]);
        }
        sums[0] = sum;
    } else {
        for (uint32_t t = 0; t < n; t++) {
            float *sum = &sums[f->roots[first + t].depth_target >> 8];
            *sum = join(f->aggregate, *sum, leaf_value(leaves[t]));
        }
    }
}

void wr_forest_collect(const struct wr_forest_view *f, uint32_t first, uint32_t n,
                       const int32_t *leaves, float *sums)
{
    collect(f, first, n, leaves, sums);
}

float wr_forest_start(const struct wr_forest_view *f, uint32_t target)
{
    static const uint32_t infinity = 0x7f800000u;
    float value;
    memcpy(&value, &infinity, sizeof value);
    switch (f->aggregate) {
    case WR_MIN_OF:
        return value;
    case WR_MAX_OF:
        return -value;
    default:
        return f->base_first ? f->base[target] : 0.0f;
    }
}

float wr_forest_finish(const struct wr_forest_view *f, uint32_t target, float sum)
{
    if (f->aggregate == WR_AVERAGE) {
        sum /= (float)f->n_trees;
    } else if (f->aggregate >= WR_MIN_OF && sum - sum != 0.0f) { /* infinite: no tree voted */
        sum = 0.0f;
    }
    return f->base_first ? sum : sum + f->base[target];
}

struct wr_forest_view wr_forest_view_of(const struct wr_step *s)
{
    return (struct wr_forest_view){
        .nodes = wr_step_in(s, 1),
        .roots = wr_step_in(s, 2),
        .table = wr_step_in(s, 3),
        .base = wr_step_in(s, 4),
        .targets = s->params[2],
        .n_trees = s->params[3],
        .aggregate = s->params[4],
        .voting = s->params[5] != 0,
        .base_first = s->params[6] != 0,
    };
}

void wr_kernel_trees(const struct wr_step *s)
{
    const float *x = wr_step_in(s, 0);
    struct wr_forest_view f = wr_forest_view_of(s);
    float *sums = wr_step_out(s, 0);
    int32_t *keys = wr_step_out(s, 1);
    uint32_t rows = s->params[0], n = s->params[1];
    for (uint32_t row = 0; row < rows; row++, x += n, sums += f.targets) {
        make_keys(x, n, keys);
        for (uint32_t k = 0; k < f.targets; k++) {
            sums[k] = wr_forest_start(&f, k);
        }
        int32_t leaves[WR_TREE_LANES];
        uint32_t t = 0;
        for (; t + WR_TREE_LANES <= f.n_trees; t += WR_TREE_LANES) {
            walk_sixteen(f.nodes, f.roots + t, keys, leaves);
            collect(&f, t, WR_TREE_LANES, leaves, sums);
        }
        if (t < f.n_trees) {
            walk_few(f.nodes, f.roots + t, f.n_trees - t, keys, leaves);
            collect(&f, t, f.n_trees - t, leaves, sums);
        }
        for (uint32_t k = 0; k < f.targets; k++) {
            sums[k] = wr_forest_finish(&f, k, sums[k]);
        }
    }
}

/* ── the general walk ───────────────────────────────────────────────────────────────────────── */
struct walk {
    const struct wr_walk_node *nodes;
    const uint32_t *roots;
    const struct wr_walk_vote *votes;
    const double *sets, *base;
    uint32_t targets, n_trees;
    unsigned aggregate;
    bool single; /* sums are floats */
    bool base_first;
};

static double rounded(const struct walk *w, double value)
{
    return w->single ? (double)(float)value : value;
}

static void vote(const struct walk *w, const struct wr_walk_vote *v, double *sums)
{
    double *sum = &sums[v->target];
    switch (w->aggregate) {
    case WR_MIN_OF:
        *sum = v->weight < *sum ? v->weight : *sum;
        break;
    case WR_MAX_OF:
        *sum = v->weight > *sum ? v->weight : *sum;
        break;
    default:
        *sum = rounded(w, *sum + v->weight);
    }
}

static void walk_row(const struct walk *w, const void *x, unsigned type, uint32_t at, double *sums)
{
    const float *singles = x;
    const double *doubles = x;
    for (uint32_t t = 0; t < w->n_trees; t++) {
        const struct wr_walk_node *node = &w->nodes[w->roots[2 * t]];
        while ((node->mode & 0xff) != WR_WALK_LEAF) {
            uint32_t i = at + node->feature;
            double value = type == WR_F32 ? (double)singles[i] : doubles[i];
            bool yes = wr_walk_goes_yes(node->mode & 0xff, (node->mode & WR_WALK_MISSING_YES) != 0,
                                        node->threshold, value, w->sets);
            node = &w->nodes[yes ? node->yes : node->no];
        }
        for (uint32_t v = 0; v < node->no; v++) {
            vote(w, &w->votes[node->yes + v], sums);
        }
    }
}

void wr_kernel_walk(const struct wr_step *s)
{
    const void *x = wr_step_in(s, 0);
    unsigned type = wr_step_type(s, s->n_out);
    struct walk w = {
        .nodes = wr_step_in(s, 1),
        .roots = wr_step_in(s, 2),
        .votes = wr_step_in(s, 3),
        .sets = wr_step_in(s, 4),
        .base = wr_step_in(s, 5),
        .targets = s->params[2],
        .n_trees = s->params[3],
        .aggregate = s->params[4],
        .single = wr_step_type(s, 0) == WR_F32,
        .base_first = s->params[5] != 0,
    };
    const uint64_t infinity_bits = 0x7ff0000000000000u;
    double infinity, *sums = wr_step_out(s, 1);
    float *out = wr_step_out(s, 0);
    double *out_double = wr_step_out(s, 0);
    memcpy(&infinity, &infinity_bits, sizeof infinity);
    for (uint32_t row = 0; row < s->params[0]; row++) {
        for (uint32_t k = 0; k < w.targets; k++) {
            sums[k] = w.aggregate == WR_MIN_OF   ? infinity
                      : w.aggregate == WR_MAX_OF ? -infinity
                      : w.base_first             ? w.base[k]
                                                 : 0.0;
        }
        walk_row(&w, x, type, row * s->params[1], sums);
        for (uint32_t k = 0; k < w.targets; k++) {
            double sum = sums[k];
            if (w.aggregate == WR_AVERAGE) {
                sum = rounded(&w, sum / w.n_trees);
            } else if (w.aggregate >= WR_MIN_OF && sum - sum != 0.0) {
                sum = 0.0;
            }
            sum = w.base_first ? sum : rounded(&w, sum + w.base[k]);
            if (w.single) {
                out[row * w.targets + k] = (float)sum;
            } else {
                out_double[row * w.targets + k] = sum;
            }
        }
    }
}
