/* SPDX-License-Identifier: Apache-2.0 */
/* The explanation section of a program: classes, and trees in preorder with their covers, or a
 * reference row. */
#include "model/explain_plan.h"
#include "model/kernel.h"
#include "model/kernel_number.h"
#include "model/kernel_walk.h"

#define ALIGNED(n, a) (((n) + ((uint64_t)(a)-1)) & ~((uint64_t)(a)-1))

static bool is_leaf(const struct wr_walk_node *node)
{
    return (node->mode & 0xff) == WR_WALK_LEAF;
}

/* ── down every tree ────────────────────────────────────────────────────────────────────────── */
struct level { /* an inner node on the path at hand */
    uint32_t node, sides, up, distinct;
    int32_t column;
    double share; /* product of the shares of the edges down to it */
};

struct descent {
    const struct wr_explain_plan *plan;
    struct level *levels; /* [WR_LIMIT_EXPLAIN_DEPTH + 1] */
    uint32_t depth;       /* levels on the path */
    bool too_deep;
    void *of;
    void (*inner)(struct descent *d, const struct level *level);
    void (*leaf)(struct descent *d, const struct wr_walk_node *leaf, double share);
};

/* The share of its cover that a node sends to the yes side. */
static double yes_share(const struct wr_forest_kept *f, const struct wr_walk_node *node)
{
    if (f->covers == NULL) {
        return 0.5;
    }
    double yes = (double)f->covers[node->yes], no = (double)f->covers[node->no];
    return yes + no > 0 ? yes / (yes + no) : 0.5;
}

static void push(struct descent *d, uint32_t node, double share)
{
    if (d->depth >= WR_LIMIT_EXPLAIN_DEPTH) {
        d->too_deep = true;
        return;
    }
    struct level *level = &d->levels[d->depth++];
    *level = (struct level){.node = node, .share = share};
    level->column = d->plan->columns[d->plan->forest->nodes[node].feature];
    for (uint32_t k = d->depth - 1; k > 0 && level->up == 0; k--) {
        level->up = d->levels[k - 1].column == level->column ? k : 0;
    }
    level->distinct = (d->depth > 1 ? level[-1].distinct : 0) + (level->up == 0);
    d->too_deep = d->too_deep || level->distinct > WR_EXPLAIN_ON_PATH;
    if (d->inner != NULL) {
        d->inner(d, level);
    }
}

static void visit(struct descent *d, uint32_t index, double share)
{
    const struct wr_walk_node *node = &d->plan->forest->nodes[index];
    if (!is_leaf(node)) {
        push(d, index, share);
    } else if (d->leaf != NULL) {
        d->leaf(d, node, share);
    }
}

static void descend(struct descent *d, uint32_t tree)
{
    const struct wr_forest_kept *f = d->plan->forest;
    d->depth = 0;
    visit(d, f->roots[tree], 1);
    while (d->depth > 0 && !d->too_deep) {
        struct level *level = &d->levels[d->depth - 1];
        const struct wr_walk_node *node = &f->nodes[level->node];
        double share = yes_share(f, node);
        switch (level->sides++) {
        case 0:
            visit(d, node->yes, level->share * share);
            break;
        case 1:
            visit(d, node->no, level->share * (1 - share));
            break;
        default:
            d->depth--;
        }
    }
}

static struct level *new_levels(struct wr_graph *g)
{
    struct level *levels = WR_NEW_ARRAY(g->arena, struct level, WR_LIMIT_EXPLAIN_DEPTH + 1);
    if (levels == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to explain trees");
    }
    return levels;
}

static void measure_inner(struct descent *d, const struct level *level)
{
    struct wr_explain_plan *plan = d->of;
    plan->n_nodes++;
    plan->depth = WR_MAX(plan->depth, d->depth);
    plan->blocks = WR_MAX(plan->blocks, (level->distinct + 7) / 8);
}

bool wr_explain_measure(struct wr_graph *g, struct wr_explain_plan *plan)
{
    struct descent d = {.plan = plan, .levels = new_levels(g), .of = plan, .inner = measure_inner};
    plan->blocks = 1;
    for (uint32_t t = 0; d.levels != NULL && t < plan->forest->forest.n_trees && !d.too_deep; t++) {
        descend(&d, t);
    }
    return d.levels != NULL && !d.too_deep;
}

/* ── Gauss' rule ────────────────────────────────────────────────────────────────────────────── */
/* Legendre's polynomial n at x; *before is the one below it. */
static double legendre(uint32_t n, double x, double *before)
{
    double p = 1, last = 0;
    for (uint32_t k = 1; k <= n; k++) {
        double next = ((2 * (double)k - 1) * x * p - ((double)k - 1) * last) / (double)k;
        last = p;
        p = next;
    }
    *before = last;
    return p;
}

/* The zero between low and high, by halving until they are neighbours. */
static double zero_between(uint32_t n, double low, double high)
{
    double ignored, at_low = legendre(n, low, &ignored);
    for (;;) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) {
            return middle;
        }
        double at_middle = legendre(n, middle, &ignored);
        if ((at_middle < 0) == (at_low < 0)) {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/* n places in (0, 1) and their weights; the zeros of each polynomial lie between those of the one
 * below. */
static void gauss(uint32_t n, double *places, double *weights)
{
    double zeros[WR_EXPLAIN_LANES * WR_LIMIT_EXPLAIN_BLOCKS + 2] = {-1, 1}, next[WR_COUNTOF(zeros)];
    for (uint32_t k = 1; k <= n; k++) {
        for (uint32_t i = 0; i < k; i++) {
            next[i] = zero_between(k, zeros[i], zeros[i + 1]);
        }
        memcpy(zeros + 1, next, k * sizeof *next);
        zeros[k + 1] = 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        double x = zeros[i + 1], below, p = legendre(n, x, &below);
        double slope = (double)n * (x * p - below) / (x * x - 1);
        places[i] = (1 + x) / 2;
        weights[i] = 1 / ((1 - x * x) * slope * slope);
    }
}

/* ── trees ──────────────────────────────────────────────────────────────────────────────────── */
struct section {
    struct wr_graph *g;
    struct wr_explain_plan *plan;
    uint8_t *bytes; /* in the end at offset `at` of the program */
    uint32_t at;
    struct wr_explain head;
    /* where the trees have come to */
    struct wr_explain_node *node;
    double *leaf;
    double *expected;            /* by target: sum over leaves of value times share */
    uint32_t tree_nodes, blocks; /* of the tree at hand */
};

static void put_inner(struct descent *d, const struct level *level)
{
    struct section *s = d->of;
    const struct wr_forest_kept *f = s->plan->forest;
    const struct wr_walk_node *node = &f->nodes[level->node];
    double yes = (double)f->covers[node->yes], no = (double)f->covers[node->no];
    if (!(yes >= 0 && no >= 0 && yes + no - (yes + no) == 0)) {
        wr_graph_fail(s->g, WR_E_MODEL, "a node's cover is not a number of at least 0");
        return;
    }
    unsigned flags = node->mode & 0xff, up = level->up << WR_EXPLAIN_UP;
    flags |= (node->mode & WR_WALK_MISSING_YES) != 0 ? WR_EXPLAIN_MISSING_YES : 0;
    flags |= is_leaf(&f->nodes[node->yes]) ? WR_EXPLAIN_YES_LEAF : 0;
    flags |= is_leaf(&f->nodes[node->no]) ? WR_EXPLAIN_NO_LEAF : 0;
    *s->node++ = (struct wr_explain_node){.threshold = node->threshold,
                                          .share = yes_share(f, node),
                                          .feature = node->feature,
                                          .column = (uint16_t)level->column,
                                          .flags = (uint16_t)(flags | up)};
    s->tree_nodes++;
    s->blocks = WR_MAX(s->blocks, (level->distinct + 7) / 8);
}

static void put_leaf(struct descent *d, const struct wr_walk_node *leaf, double share)
{
    struct section *s = d->of;
    const struct wr_forest *f = &s->plan->forest->forest;
    for (uint32_t v = leaf->yes; v < leaf->yes + leaf->no; v++) {
        uint32_t target = f->votes[v].target;
        s->leaf[s->head.width > 1 ? target : 0] += f->votes[v].weight;
        s->expected[target] += f->votes[v].weight * share;
    }
    s->leaf += s->head.width;
}

/* The one target of all leaves of a tree, or UINT32_MAX. A tree without votes is target 0's. */
static uint32_t target_of(const struct wr_forest_kept *f, uint32_t tree)
{
    uint32_t target = UINT32_MAX;
    for (uint32_t i = f->roots[tree]; i < f->roots[tree + 1]; i++) {
        const struct wr_walk_node *leaf = &f->nodes[i];
        for (uint32_t v = leaf->yes; is_leaf(leaf) && v < leaf->yes + leaf->no; v++) {
            uint32_t own = f->forest.votes[v].target;
            if (target != UINT32_MAX && own != target) {
                return UINT32_MAX;
            }
            target = own;
        }
    }
    return target == UINT32_MAX ? 0 : target;
}

static uint32_t width_of(const struct wr_forest_kept *f)
{
    for (uint32_t t = 0; t < f->forest.n_trees; t++) {
        if (f->forest.targets > 1 && target_of(f, t) == UINT32_MAX) {
            return f->forest.targets;
        }
    }
    return 1;
}

static void put_trees(struct section *s)
{
    const struct wr_forest_kept *f = s->plan->forest;
    const struct wr_explain *h = &s->head;
    struct descent d = {
        .plan = s->plan, .levels = new_levels(s->g), .of = s, .inner = put_inner, .leaf = put_leaf};
    struct wr_explain_tree *tree = (void *)(s->bytes + (h->trees - s->at));
    double *points = (void *)(s->bytes + (h->points - s->at));
    s->node = (void *)(s->bytes + (h->nodes - s->at));
    s->leaf = (void *)(s->bytes + (h->leaves - s->at));
    for (uint32_t t = 0; t < h->n_trees && s->g->code == WR_OK; t++) {
        s->tree_nodes = 0;
        s->blocks = 1;
        descend(&d, t);
        uint32_t target = h->width > 1 ? 0 : target_of(f, t);
        tree[t] = (struct wr_explain_tree){s->tree_nodes, s->blocks | target << 8};
    }
    if (h->n_sets > 0) {
        memcpy(s->bytes + (h->sets - s->at), f->forest.sets, (size_t)h->n_sets * sizeof(double));
    }
    for (uint32_t b = 1; b <= h->blocks; b++) {
        size_t n = WR_EXPLAIN_LANES * (size_t)b;
        gauss((uint32_t)n, points, points + 2 * n);
        for (size_t i = 0; i < n; i++) {
            points[n + i] = 1 - points[i];
        }
        points += 3 * n;
    }
}

/* ── background ─────────────────────────────────────────────────────────────────────────────── */
struct rows {
    const struct wr_model_options *options;
    const struct wr_explain_site *site;
    uint32_t n_steps, x_ref;
    uint8_t *scratch;
};

/* Sends every row of the background down the trees. What comes to a root is not needed. */
static void count_covers(struct section *s, const struct rows *rows, unsigned type)
{
    struct wr_forest_kept *f = s->plan->forest;
    const struct wr_program *p = (const void *)rows->site->program;
    f->covers = wr_arena_array(s->g->arena, f->roots[f->forest.n_trees], sizeof *f->covers, 4);
    if (f->covers == NULL) {
        wr_graph_fail(s->g, WR_E_MEMORY, "no memory to count covers");
        return;
    }
    for (size_t r = 0; r < rows->options->n_background; r++) {
        const double *row = rows->options->background + r * p->n_inputs;
        if (wr_kernel_run_steps(rows->site->program, row, rows->n_steps, rows->scratch) !=
            WR_KERNEL_OK) {
            wr_graph_fail(s->g, WR_E_MODEL, "row %zu of the background cannot be scored", r + 1);
            return;
        }
        for (uint32_t t = 0; t < f->forest.n_trees; t++) {
            uint32_t i = f->roots[t];
            while (!is_leaf(&f->nodes[i])) {
                const struct wr_walk_node *node = &f->nodes[i];
                double x = wr_number_load(rows->scratch + rows->x_ref, type, node->feature);
                bool yes =
                    wr_walk_goes_yes(node->mode & 0xff, (node->mode & WR_WALK_MISSING_YES) != 0,
                                     node->threshold, x, f->forest.sets);
                i = yes ? node->yes : node->no;
                f->covers[i]++;
            }
        }
    }
}

/* Sinks the root of a heap with the greatest on top; NaN counts as the greatest. */
static void sink(double *a, size_t n, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n) {
            return;
        }
        child += child + 1 < n && (a[child + 1] > a[child] || a[child + 1] != a[child + 1]);
        if (!(a[child] > a[at] || a[child] != a[child])) {
            return;
        }
        double swap = a[at];
        a[at] = a[child];
        a[child] = swap;
        at = child;
    }
}

static void sort(double *a, size_t n)
{
    for (size_t i = n / 2; i-- > 0;) {
        sink(a, n, i);
    }
    for (size_t end = n; end-- > 1;) {
        double swap = a[0];
        a[0] = a[end];
        a[end] = swap;
        sink(a, end, 0);
    }
}

/* The value that half of the numbers do not exceed, of those that are there; for whole numbers and
 * categories the most frequent one, the smallest of equals. */
static double typical(double *sorted, size_t n, bool whole)
{
    while (n > 1 && sorted[n - 1] != sorted[n - 1]) {
        n--;
    }
    if (!whole) {
        return sorted[(n - 1) / 2];
    }
    size_t best = 0, most = 0;
    for (size_t i = 0, run = 0; i < n; i++) {
        run = i > 0 && sorted[i] == sorted[i - 1] ? run + 1 : 1;
        best = run > most ? i : best;
        most = WR_MAX(run, most);
    }
    return sorted[best];
}

/* One typical value a column; without a background 0, and a category that is not known. */
static void put_reference(struct section *s, const struct wr_model_options *options)
{
    struct wr_graph *g = s->g;
    double *reference = (void *)(s->bytes + (s->head.reference - s->at));
    size_t n = options->n_background, column = 0, width = 0;
    double *values = WR_NEW_ARRAY(g->arena, double, n + 1);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        width += g->tensors[g->inputs[i].tensor].count;
    }
    if (values == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory for the background");
        return;
    }
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        uint32_t kind = g->inputs[i].kind_role;
        for (uint32_t k = 0; k < g->tensors[g->inputs[i].tensor].count; k++, column++) {
            for (size_t r = 0; r < n; r++) {
                values[r] = options->background[r * width + column];
            }
            sort(values, n);
            reference[column] = n > 0 ? typical(values, n, kind != WR_MODEL_NUMBER)
                                : kind == WR_MODEL_CATEGORY ? -1.0
                                                            : 0.0;
        }
    }
}

/* ── the section ────────────────────────────────────────────────────────────────────────────── */
/* Live steps before step `end` of the graph. */
static uint32_t live_before(const struct wr_explain_site *site, uint32_t end)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < end; i++) {
        n += site->live[i];
    }
    return n;
}

static uint32_t maker_of(const struct wr_graph *g, uint32_t tensor)
{
    for (uint32_t i = 0; i < g->n_steps; i++) {
        if (g->steps[i].tensors[0] == tensor) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* A part of the section, at a multiple of 16 bytes. */
static uint32_t take(uint64_t *end, uint64_t size)
{
    uint64_t at = ALIGNED(*end, 16);
    *end = at + size;
    return (uint32_t)at;
}

/* Sizes and places of all parts; returns the end. */
static uint64_t lay_out(struct section *s, const struct wr_explain_site *site)
{
    struct wr_explain *h = &s->head;
    struct wr_explain_plan *plan = s->plan;
    const struct wr_program *p = (const void *)site->program;
    uint64_t end = s->at + ALIGNED(sizeof *h, 8);
    h->method = plan->method;
    h->n_classes = plan->n_classes;
    h->classes = take(&end, h->n_classes * sizeof(struct wr_explain_class));
    if (plan->method != WR_EXPLAIN_TREES) {
        h->reference = take(&end, (uint64_t)p->n_inputs * 8);
        return end;
    }
    const struct wr_forest_kept *f = plan->forest;
    const struct wr_tensor *x = &s->g->tensors[f->x];
    h->n_steps = live_before(site, maker_of(s->g, f->out));
    h->x_ref = site->place[x->root];
    h->x_meta = x->count | (uint32_t)x->type << 28;
    h->width = width_of(f);
    h->n_trees = f->forest.n_trees;
    h->trees = take(&end, h->n_trees * sizeof(struct wr_explain_tree));
    h->n_nodes = plan->n_nodes;
    h->nodes = take(&end, (uint64_t)h->n_nodes * sizeof(struct wr_explain_node));
    h->n_leaves = h->n_nodes + h->n_trees;
    h->leaves = take(&end, (uint64_t)h->n_leaves * h->width * 8);
    h->n_sets = f->forest.n_sets;
    h->sets = take(&end, (uint64_t)h->n_sets * 8);
    h->blocks = plan->blocks;
    h->points = take(&end, 8 * wr_explain_points(h->blocks));
    h->depth = plan->depth;
    h->targets = f->forest.targets;
    return end;
}

/* The expected margin: of the trees by their covers, else that of the reference row. */
static double base_of(struct section *s, const struct rows *rows, const struct wr_explain_class *c)
{
    const struct wr_explain *h = &s->head;
    const double *reference = (const void *)(s->bytes + (h->reference - s->at));
    if (h->method == WR_EXPLAIN_TREES) {
        return c->scale * s->expected[c->target] + c->shift;
    }
    if (wr_kernel_run_steps(rows->site->program, reference, c->n_steps, rows->scratch) !=
        WR_KERNEL_OK) {
        wr_graph_fail(s->g, WR_E_MODEL,
                      "no explanation: the reference row cannot be scored; compile with "
                      "--background rows.csv, or with --no-explain");
        return 0;
    }
    return c->scale * wr_number_load(rows->scratch + c->ref, c->meta >> 28, c->target) + c->shift;
}

static void put_classes(struct section *s, const struct rows *rows)
{
    const struct wr_graph *g = s->g;
    struct wr_explain_class *to = (void *)(s->bytes + (s->head.classes - s->at));
    for (uint32_t i = 0; i < s->head.n_classes; i++) {
        const struct wr_explain_spot *spot = &s->plan->classes[i].spot;
        const struct wr_tensor *t = &g->tensors[spot->tensor];
        struct wr_explain_class c = {.output = s->plan->classes[i].output,
                                     .target = spot->element,
                                     .ref = rows->site->place[spot->tensor],
                                     .meta = t->count | (uint32_t)t->type << 28,
                                     .scale = spot->scale,
                                     .shift = spot->shift};
        uint32_t maker = maker_of(g, spot->tensor);
        c.n_steps = maker == UINT32_MAX ? 0 : live_before(rows->site, maker + 1);
        if (s->head.method == WR_EXPLAIN_TREES) {
            const struct wr_forest *f = &s->plan->forest->forest;
            c.shift += f->base != NULL ? c.scale * f->base[c.target] : 0;
            c.scale /= f->aggregate == WR_AVERAGE ? f->n_trees : 1;
        }
        c.base = base_of(s, rows, &c);
        if (c.base != c.base || c.shift - c.shift != 0) {
            wr_graph_fail(s->g, WR_E_MODEL,
                          "output %u is NaN for the row that explanations start from: compile with "
                          "--no-explain",
                          i);
        }
        to[i] = c;
    }
}

struct wr_str wr_explain_build(struct wr_graph *g, const struct wr_model_options *options,
                               struct wr_explain_plan *plan, const struct wr_explain_site *site,
                               uint32_t at)
{
    struct section s = {.g = g, .plan = plan, .at = at};
    const struct wr_program *p = (const void *)site->program;
    struct rows rows = {.options = options, .site = site};
    if (plan->method == WR_EXPLAIN_NONE || g->code != WR_OK) {
        return WR_STR("");
    }
    uint64_t end = ALIGNED(lay_out(&s, site), WR_PROGRAM_ALIGN);
    if (end > WR_LIMIT_PROGRAM_SIZE) {
        wr_graph_fail(g, WR_E_LIMIT,
                      "with explanations the program needs %llu bytes: %u are "
                      "possible; compile with --no-explain",
                      (unsigned long long)end, WR_LIMIT_PROGRAM_SIZE);
        return WR_STR("");
    }
    s.bytes = wr_arena_zalloc(g->arena, (size_t)(end - at), WR_PROGRAM_ALIGN);
    s.expected = WR_NEW_ARRAY(g->arena, double, s.head.targets + 1);
    rows.scratch = wr_arena_zalloc(g->arena, p->scratch, 64);
    rows.n_steps = s.head.n_steps;
    rows.x_ref = s.head.x_ref;
    if (s.bytes == NULL || s.expected == NULL || rows.scratch == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory for explanations");
        return WR_STR("");
    }
    if (plan->method == WR_EXPLAIN_TREES) {
        if (plan->forest->covers == NULL) {
            count_covers(&s, &rows, s.head.x_meta >> 28);
        }
        if (g->code == WR_OK) {
            put_trees(&s);
        }
    } else {
        put_reference(&s, options);
    }
    memcpy(s.bytes, &s.head, sizeof s.head);
    if (g->code == WR_OK) {
        put_classes(&s, &rows);
    }
    return wr_str_of((const char *)s.bytes, (size_t)(end - at));
}
