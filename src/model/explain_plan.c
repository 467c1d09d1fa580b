/* SPDX-License-Identifier: Apache-2.0 */
/* From each answer back through its link to the margin, and from there to the method. */
#include "model/explain_plan.h"
#include "model/kernel_number.h"

struct back {
    const struct wr_graph *g;
    const uint32_t *maker; /* by root tensor: step + 1 that makes it first, or 0 */
    struct wr_explain_spot s;
    bool linked;
};

static bool follow(struct back *b, uint32_t tensor, uint32_t element)
{
    b->s.tensor = b->g->tensors[tensor].root;
    b->s.element = element;
    return true;
}

/* ── one step back ──────────────────────────────────────────────────────────────────────────── */
/* `even`: 1 - f(x) is f(-x), as a sigmoid has it for the two sides of a binary answer. */
static bool through_link(struct back *b, const char *unit, uint32_t tensor, bool even)
{
    bool mirrored = even && b->s.scale == -1 && b->s.shift == 1;
    if (b->linked || !(mirrored || (b->s.scale == 1 && b->s.shift == 0))) {
        return false;
    }
    b->linked = true;
    b->s.unit = unit;
    b->s.shift = 0;
    return follow(b, tensor, b->s.element);
}

static bool through_map(struct back *b, const struct wr_graph_step *s)
{
    uint32_t in = s->tensors[1];
    bool floats = b->g->tensors[s->tensors[0]].type != WR_I64 && b->g->tensors[in].type != WR_I64;
    switch (floats ? s->op : WR_MAP_OPS) {
    case WR_MAP_COPY:
        return follow(b, in, b->s.element);
    case WR_MAP_NEG:
        b->s.scale = -b->s.scale;
        return follow(b, in, b->s.element);
    case WR_MAP_SIGMOID:
        return through_link(b, "log-odds", in, true);
    case WR_MAP_EXP:
        return through_link(b, "log", in, false);
    default:
        return false;
    }
}

/* The places in n strided inputs of an element of the output. */
static void places(uint32_t element, uint32_t rank, const uint32_t *dims, uint32_t n, uint32_t *at)
{
    for (uint32_t d = rank; d-- > 0;) {
        uint32_t i = element % dims[d];
        element /= dims[d];
        for (uint32_t k = 0; k < n; k++) {
            at[k] += i * dims[(1 + k) * (size_t)rank + d];
        }
    }
}

/* An element plus, minus, times or by a constant. */
static bool through_zip(struct back *b, const struct wr_graph_step *s)
{
    uint32_t at[2] = {0, 0};
    places(b->s.element, s->params[0], s->params + 1, 2, at);
    const struct wr_tensor *left = &b->g->tensors[s->tensors[1]];
    const struct wr_tensor *right = &b->g->tensors[s->tensors[2]];
    if (left->constant == right->constant || left->type == WR_I64) {
        return false;
    }
    const struct wr_tensor *c = left->constant ? left : right;
    double k = wr_number_load(b->g->constants + c->at, c->type, at[left->constant ? 0 : 1]);
    switch (s->op) {
    case WR_ZIP_ADD:
        b->s.shift += b->s.scale * k;
        break;
    case WR_ZIP_SUB:
        b->s.shift += left->constant ? b->s.scale * k : -b->s.scale * k;
        b->s.scale = left->constant ? -b->s.scale : b->s.scale;
        break;
    case WR_ZIP_MUL:
        b->s.scale *= k;
        break;
    case WR_ZIP_DIV:
        if (left->constant) {
            return false;
        }
        b->s.scale /= k;
        break;
    default:
        return false;
    }
    return left->constant ? follow(b, s->tensors[2], at[1]) : follow(b, s->tensors[1], at[0]);
}

static bool through_concat(struct back *b, const struct wr_graph_step *s)
{
    uint32_t total = 0, at, outer;
    for (uint32_t k = 0; k < s->n_in; k++) {
        total += s->params[1 + k];
    }
    outer = b->s.element / total;
    at = b->s.element % total;
    for (uint32_t k = 0; k < s->n_in; k++) {
        uint32_t n = s->params[1 + k];
        if (at < n) {
            return follow(b, s->tensors[1 + k], outer * n + at);
        }
        at -= n;
    }
    return false;
}

static bool through_gather(struct back *b, const struct wr_graph_step *s)
{
    const uint32_t *q = s->params; /* outer, n, inner, n_index */
    const int64_t *index = wr_graph_data(b->g, s->tensors[2]);
    uint32_t inner = b->s.element % q[2], rest = b->s.element / q[2];
    if (index == NULL) {
        return false;
    }
    int64_t k = index[rest % q[3]];
    k = k < 0 ? k + q[1] : k;
    return k >= 0 && k < q[1] &&
           follow(b, s->tensors[1], (rest / q[3] * q[1] + (uint32_t)k) * q[2] + inner);
}

static bool step_back(struct back *b)
{
    uint32_t maker = b->maker[b->s.tensor], at = 0;
    if (maker == 0) {
        return false;
    }
    const struct wr_graph_step *s = &b->g->steps[maker - 1];
    switch (s->kind) {
    case WR_STEP_MAP:
        return through_map(b, s);
    case WR_STEP_ZIP:
        return through_zip(b, s);
    case WR_STEP_CONCAT:
        return through_concat(b, s);
    case WR_STEP_GATHER:
        return through_gather(b, s);
    case WR_STEP_SOFTMAX:
        return s->op == WR_SOFTMAX && through_link(b, "log-odds", s->tensors[1], false);
    case WR_STEP_MOVE:
        at = s->params[0];
        places(b->s.element, s->params[1], s->params + 2, 1, &at);
        return follow(b, s->tensors[1], at);
    default:
        return false;
    }
}

/* ── all answers ────────────────────────────────────────────────────────────────────────────── */
static uint32_t *find_makers(struct wr_graph *g)
{
    uint32_t *maker = WR_NEW_ARRAY(g->arena, uint32_t, g->n_tensors + 1);
    for (uint32_t i = 0; maker != NULL && i < g->n_steps; i++) {
        maker[g->steps[i].tensors[0]] = i + 1;
    }
    return maker;
}

static void find_spots(struct wr_graph *g, const uint32_t *maker, struct wr_explain_plan *plan)
{
    uint32_t column = 0, tried = 0;
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const struct wr_graph_port *port = &g->outputs[i];
        uint32_t n = g->tensors[port->tensor].count;
        for (uint32_t k = 0;
             k < n && port->kind_role != WR_MODEL_LABEL && tried < WR_LIMIT_EXPLAIN_CLASSES;
             k++, tried++) {
            struct back b = {.g = g, .maker = maker, .s = {.scale = 1, .unit = "score"}};
            follow(&b, port->tensor, k);
            while (step_back(&b)) {
            }
            if (!g->tensors[b.s.tensor].constant) {
                plan->classes[plan->n_classes].output = column + k;
                plan->classes[plan->n_classes++].spot = b.s;
                plan->unit = b.s.unit;
            }
        }
        column += n;
    }
}

/* The one ensemble that all answers are read from, or NULL. */
static struct wr_forest_kept *find_forest(struct wr_graph *g, const uint32_t *maker,
                                          struct wr_explain_plan *plan)
{
    struct wr_forest_kept *found = NULL;
    for (uint32_t c = 0; c < plan->n_classes; c++) {
        uint32_t step = maker[plan->classes[c].spot.tensor];
        bool trees = step != 0 && (g->steps[step - 1].kind == WR_STEP_TREES ||
                                   g->steps[step - 1].kind == WR_STEP_WALK);
        struct wr_forest_kept *own = NULL;
        for (uint32_t k = 0; trees && k < g->n_kept; k++) {
            own = g->kept[k].out == plan->classes[c].spot.tensor ? &g->kept[k] : own;
        }
        if (trees && own == NULL) {
            plan->why = "the source holds no node covers: compile with --background rows.csv";
        }
        if (own == NULL || (found != NULL && found != own)) {
            return NULL;
        }
        found = own;
    }
    return found;
}

static bool trees_fit(struct wr_graph *g, const int32_t *const *depends,
                      struct wr_explain_plan *plan)
{
    const struct wr_forest_kept *f = plan->forest;
    const int32_t *columns = depends[g->tensors[f->x].root];
    uint32_t end = f->roots[f->forest.n_trees];
    if (f->rows != 1 || f->forest.aggregate > WR_AVERAGE || columns == NULL) {
        plan->why = "the trees' votes are not added up";
        return false;
    }
    for (uint32_t i = 0; i < end; i++) {
        const struct wr_walk_node *node = &f->nodes[i];
        if ((node->mode & 0xff) != WR_WALK_LEAF && columns[node->feature] < 0) {
            plan->why = "the trees read a number that is made of several columns, or of none";
            return false;
        }
    }
    plan->columns = columns;
    if (!wr_explain_measure(g, plan)) {
        plan->why = "a tree is deeper than 512 or asks for more than 64 columns on one path";
        return false;
    }
    return true;
}

static bool is_additive(const int32_t *const *depends, const struct wr_explain_plan *plan)
{
    bool fine = plan->n_classes > 0;
    for (uint32_t c = 0; c < plan->n_classes; c++) {
        const struct wr_explain_spot *s = &plan->classes[c].spot;
        fine = fine && depends[s->tensor] != NULL && depends[s->tensor][s->element] != WR_ON_MANY;
    }
    return fine;
}

void wr_explain_plan(struct wr_graph *g, const struct wr_model_options *options,
                     struct wr_explain_plan *plan)
{
    *plan = (struct wr_explain_plan){.unit = "score"};
    if (options->no_explain) {
        plan->why = "it was compiled with --no-explain";
        return;
    }
    uint32_t *maker = find_makers(g);
    const int32_t *const *depends = maker != NULL ? wr_explain_depends(g) : NULL;
    if (depends == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to look for explanations");
        return;
    }
    find_spots(g, maker, plan);
    plan->forest = find_forest(g, maker, plan);
    if (plan->forest != NULL && trees_fit(g, depends, plan)) {
        plan->method = WR_EXPLAIN_TREES;
    } else if (is_additive(depends, plan)) {
        plan->method = WR_EXPLAIN_LINEAR;
    } else if (options->n_background > 0 && plan->n_classes > 0) {
        plan->method = WR_EXPLAIN_OCCLUSION;
    } else if (plan->why == NULL) {
        plan->why = "it is a network: compile with --background rows.csv for reference values";
    }
}
