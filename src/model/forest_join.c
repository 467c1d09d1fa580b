/* SPDX-License-Identifier: Apache-2.0 */
/* Single trees whose answers are worked on one by one and then added up, joined into one ensemble.
 *
 * scikit-learn's isolation forest comes out of its exporter so: a regressor for every tree, some
 * twenty operators of one number each that turn the leaf into a path length, and one long sum. What
 * a chain of steps makes of a single tree depends on the leaf alone; the kernel itself computes it
 * here once a leaf, and the leaf then holds the result. The joined trees are added in the order of
 * the sum, from 0, so each score keeps its bits: a finite leaf that is not -0 is what 0 + leaf is.
 *
 * Nothing is joined that another step reads, so the file can only become smaller. */
#include "model/forest.h"
#include "model/kernel.h"
#include "model/kernel_wide.h"

#define LIMIT_JOIN_ROUNDS (1u << 24) /* steps run for leaves */
#define SLOT              8u         /* bytes of an element */

enum mark_kind { OTHER = 0, OF_TREE, SUM };

struct mark { /* what is known of a root tensor */
    uint8_t kind;
    uint32_t step; /* OF_TREE: of the tree; SUM: of the last addition */
    uint32_t uses; /* by live steps and outputs */
};

struct note {                 /* what is known of a step */
    bool live, extended;      /* extended: a sum that goes on */
    uint32_t first, last;     /* of a tree: its chain, by step + 1 */
    uint32_t next;            /* in a chain, by step + 1 */
    uint32_t reads;           /* of a tree's numbers by steps outside its chain */
    uint32_t before, members; /* of a sum: the step + 1 that it goes on from; trees in all */
    uint32_t tensors[2];      /* of a sum: what is added; the first only when `before` is 0 */
};

struct join {
    struct wr_graph *g;
    struct mark *marks; /* by root tensor */
    struct note *notes; /* by step */
    uint32_t *slots;    /* by root tensor: place in the scratch memory of a chain */
    uint64_t rounds;
};

static struct mark *mark_of(const struct join *j, uint32_t tensor)
{
    return &j->marks[j->g->tensors[tensor].root];
}

/* ── what is what ───────────────────────────────────────────────────────────────────────────── */
static void count_uses(struct join *j)
{
    struct wr_graph *g = j->g;
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        mark_of(j, g->outputs[i].tensor)->uses++;
    }
    for (uint32_t i = g->n_steps; i-- > 0;) {
        const struct wr_graph_step *s = &g->steps[i];
        for (uint32_t k = 0; k < s->n_out; k++) {
            j->notes[i].live = j->notes[i].live || mark_of(j, s->tensors[k])->uses > 0;
        }
        for (uint32_t k = 0; j->notes[i].live && k < s->n_in; k++) {
            mark_of(j, s->tensors[s->n_out + k])->uses++;
        }
    }
}

/* One tree, one target, one row, a value in every leaf. */
static bool is_single_tree(const struct wr_graph_step *s)
{
    return s->kind == WR_STEP_TREES && s->params[0] == 1 && s->params[2] == 1 &&
           s->params[3] == 1 && s->params[4] <= WR_AVERAGE && s->params[5] == 0;
}

/* Is it one number made of one tree's and of constants? Then *tree is that tree's step. */
static bool is_chained(const struct join *j, const struct wr_graph_step *s, uint32_t *tree)
{
    const struct wr_graph *g = j->g;
    bool elementwise = s->kind == WR_STEP_MAP || s->kind == WR_STEP_ZIP ||
                       s->kind == WR_STEP_WHERE || s->kind == WR_STEP_LOOKUP;
    *tree = UINT32_MAX;
    if (!elementwise || s->n_out != 1 || g->tensors[s->tensors[0]].count != 1) {
        return false;
    }
    for (uint32_t k = 1; k <= s->n_in; k++) {
        const struct mark *m = mark_of(j, s->tensors[k]);
        if (g->tensors[s->tensors[k]].constant) {
            continue;
        }
        if (m->kind != OF_TREE || (*tree != UINT32_MAX && *tree != m->step)) {
            return false;
        }
        *tree = m->step;
    }
    return *tree != UINT32_MAX;
}

static void chain(struct join *j, uint32_t tree, uint32_t step)
{
    struct note *t = &j->notes[tree];
    *(t->last == 0 ? &t->first : &j->notes[t->last - 1].next) = step + 1;
    t->last = step + 1;
    *mark_of(j, j->g->steps[step].tensors[0]) =
        (struct mark){OF_TREE, tree, mark_of(j, j->g->steps[step].tensors[0])->uses};
}

/* A float and a float, each of a tree, or one of a tree and a sum that no other step reads. */
static bool is_sum(struct join *j, uint32_t i)
{
    const struct wr_graph_step *s = &j->g->steps[i];
    struct note *n = &j->notes[i];
    if (s->kind != WR_STEP_ZIP || s->op != WR_ZIP_ADD) {
        return false;
    }
    for (uint32_t k = 0; k < 3; k++) {
        const struct wr_tensor *t = &j->g->tensors[s->tensors[k]];
        if (t->type != WR_F32 || t->count != 1 || t->constant) {
            return false;
        }
    }
    const struct mark *a = mark_of(j, s->tensors[1]), *b = mark_of(j, s->tensors[2]);
    bool swapped = b->kind == SUM;
    const struct mark *left = swapped ? b : a, *right = swapped ? a : b;
    if (right->kind != OF_TREE || left->kind == OTHER || (left->kind == SUM && left->uses != 1)) {
        return false;
    }
    n->tensors[0] = s->tensors[swapped ? 2 : 1];
    n->tensors[1] = s->tensors[swapped ? 1 : 2];
    n->members = 2;
    if (left->kind == SUM) {
        n->before = left->step + 1;
        n->members = j->notes[left->step].members + 1;
        j->notes[left->step].extended = true;
    }
    return true;
}

static void classify(struct join *j, uint32_t i)
{
    const struct wr_graph_step *s = &j->g->steps[i];
    struct mark *out = mark_of(j, s->tensors[0]);
    uint32_t tree;
    if (is_chained(j, s, &tree)) {
        chain(j, tree, i);
        return;
    }
    for (uint32_t k = 0; k < s->n_in; k++) {
        const struct mark *m = mark_of(j, s->tensors[s->n_out + k]);
        if (m->kind == OF_TREE) {
            j->notes[m->step].reads++;
        }
    }
    if (is_single_tree(s)) {
        *out = (struct mark){OF_TREE, i, out->uses};
    } else if (is_sum(j, i)) {
        *out = (struct mark){SUM, i, out->uses};
    }
}

/* ── leaves ─────────────────────────────────────────────────────────────────────────────────── */
/* A step of a chain as the kernel takes it, its numbers in slots. */
static uint32_t *encode(const struct join *j, const struct wr_graph_step *s, uint32_t *to)
{
    *to++ = s->kind | (uint32_t)s->op << 8 | (uint32_t)s->n_out << 16 | (uint32_t)s->n_in << 24;
    *to++ = 2 + 2 * ((uint32_t)s->n_out + s->n_in) + s->n_params;
    for (uint32_t k = 0; k < (uint32_t)s->n_out + s->n_in; k++) {
        const struct wr_tensor *t = &j->g->tensors[s->tensors[k]];
        *to++ = t->constant ? t->at | WR_PROGRAM_CONST : j->slots[t->root];
        *to++ = t->count | (uint32_t)t->type << 28;
    }
    memcpy(to, s->params, s->n_params * sizeof *to);
    return to + s->n_params;
}

struct chain_code { /* of one tree */
    uint32_t *words, *end;
    uint8_t *scratch;
    uint32_t n_steps, result; /* slot of what is added up */
};

static bool compile(struct join *j, uint32_t tree, uint32_t member, struct chain_code *c)
{
    struct wr_graph *g = j->g;
    size_t words = 0;
    *c = (struct chain_code){0};
    j->slots[g->steps[tree].tensors[0]] = 0;
    for (uint32_t i = j->notes[tree].first; i != 0; i = j->notes[i - 1].next) {
        const struct wr_graph_step *s = &g->steps[i - 1];
        words += 2 + 2 * ((size_t)s->n_out + s->n_in) + s->n_params;
        j->slots[s->tensors[0]] = ++c->n_steps * SLOT;
    }
    c->words = c->end = wr_arena_array(g->arena, words + 1, sizeof *c->words, 8);
    c->scratch = wr_arena_zalloc(g->arena, ((size_t)c->n_steps + 1) * SLOT, WR_PROGRAM_ALIGN);
    if (c->words == NULL || c->scratch == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to join trees");
        return false;
    }
    for (uint32_t i = j->notes[tree].first; i != 0; i = j->notes[i - 1].next) {
        c->end = encode(j, &g->steps[i - 1], c->end);
    }
    c->result = j->slots[g->tensors[member].root];
    return true;
}

/* What becomes of a leaf's value on the way to the sum; false when that cannot be a leaf. */
static bool carry(struct join *j, const struct chain_code *c, float *value)
{
    uint32_t bits;
    memcpy(c->scratch, value, sizeof *value);
    for (const uint32_t *at = c->words; at != c->end; at += at[1]) {
        if (wr_kernel_step(j->g->constants, c->scratch, at) != WR_KERNEL_OK) {
            return false;
        }
    }
    memcpy(value, c->scratch + c->result, sizeof *value);
    memcpy(&bits, value, sizeof bits);
    j->rounds += c->n_steps + 1;
    return *value - *value == 0 && bits != 0x80000000u && j->rounds <= LIMIT_JOIN_ROUNDS;
}

static uint32_t size_of(const struct join *j, uint32_t tree)
{
    return j->g->tensors[j->g->steps[tree].tensors[3]].count;
}

/* Copies a tree behind the others, its leaves carried on. */
static bool copy_tree(struct join *j, uint32_t tree, uint32_t member, struct wr_tree_node *to)
{
    struct wr_graph *g = j->g;
    const struct wr_graph_step *s = &g->steps[tree]; /* sum, keys, x, nodes, trees, table, base */
    struct chain_code c;
    if (!compile(j, tree, member, &c)) {
        return false;
    }
    const struct wr_tree_node *nodes = wr_graph_data(g, s->tensors[3]);
    struct wr_forest_view f = {.base = wr_graph_data(g, s->tensors[6]),
                               .targets = 1,
                               .n_trees = 1,
                               .aggregate = s->params[4],
                               .base_first = s->params[6] != 0};
    for (uint32_t i = 0; i < size_of(j, tree); i++) {
        to[i] = nodes[i];
        if (nodes[i].delta == 0) {
            float value;
            memcpy(&value, &nodes[i].key, sizeof value);
            value = wr_forest_finish(&f, 0, wr_forest_start(&f, 0) + value);
            if (!carry(j, &c, &value)) {
                return false;
            }
            memcpy(&to[i].key, &value, sizeof value);
        }
    }
    return true;
}

/* ── the joined ensemble ────────────────────────────────────────────────────────────────────── */
struct members { /* of one sum, in its order */
    uint32_t *tensors, n;
    uint64_t n_nodes;
};

/* All trees read the same numbers, and nothing else reads what they make. */
static bool gather(struct join *j, uint32_t end, struct members *m)
{
    struct wr_graph *g = j->g;
    *m = (struct members){.n = j->notes[end].members};
    m->tensors = wr_arena_array(g->arena, m->n, sizeof *m->tensors, 4);
    if (m->tensors == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to join trees");
        return false;
    }
    uint32_t at = end, left = m->n;
    for (; j->notes[at].before != 0; at = j->notes[at].before - 1) {
        m->tensors[--left] = j->notes[at].tensors[1];
    }
    m->tensors[1] = j->notes[at].tensors[1];
    m->tensors[0] = j->notes[at].tensors[0];
    const struct wr_graph_step *first = &g->steps[mark_of(j, m->tensors[0])->step];
    for (uint32_t i = 0; i < m->n; i++) {
        uint32_t tree = mark_of(j, m->tensors[i])->step;
        const struct wr_graph_step *s = &g->steps[tree];
        m->n_nodes += size_of(j, tree);
        if (j->notes[tree].reads != 1 || s->params[1] != first->params[1] ||
            g->tensors[s->tensors[2]].root != g->tensors[first->tensors[2]].root) {
            return false;
        }
    }
    return m->n_nodes <= WR_LIMIT_TENSOR_COUNT &&
           g->n_constants + m->n_nodes * 8 <= WR_LIMIT_PROGRAM_SIZE / 2;
}

static bool fill(struct join *j, const struct members *m, struct wr_tree_node *nodes,
                 struct wr_tree_root *roots)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        uint32_t tree = mark_of(j, m->tensors[i])->step;
        const struct wr_tree_root *own = wr_graph_data(j->g, j->g->steps[tree].tensors[4]);
        if (!copy_tree(j, tree, m->tensors[i], nodes + done)) {
            return false;
        }
        roots[i] = (struct wr_tree_root){done, own->depth_target};
        done += size_of(j, tree);
    }
    for (uint32_t i = 0; i < m->n; i += WR_TREE_LANES) {
        uint32_t end = WR_MIN(i + WR_TREE_LANES, m->n), depth = 0;
        for (uint32_t k = i; k < end; k++) {
            depth = WR_MAX(depth, roots[k].depth_target);
        }
        for (uint32_t k = i; k < end; k++) {
            roots[k].depth_target = depth;
        }
    }
    return true;
}

/* Puts the ensemble in the place of the last addition; what led to it is dead then. */
static void replace(struct join *j, uint32_t end)
{
    struct wr_graph *g = j->g;
    struct members m;
    if (!gather(j, end, &m)) {
        return;
    }
    struct wr_tree_node *nodes = wr_arena_array(g->arena, (size_t)m.n_nodes, sizeof *nodes, 8);
    struct wr_tree_root *roots = wr_arena_array(g->arena, m.n, sizeof *roots, 8);
    if (nodes == NULL || roots == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to join trees");
        return;
    }
    if (!fill(j, &m, nodes, roots)) {
        return;
    }
    const float zero = 0;
    const struct wr_graph_step *first = &g->steps[mark_of(j, m.tensors[0])->step];
    uint32_t n = first->params[1], ins[5] = {first->tensors[2]};
    ins[1] = wr_graph_constant_1d(g, WR_I64, (uint32_t)m.n_nodes, nodes);
    ins[2] = wr_graph_constant_1d(g, WR_I64, m.n, roots);
    ins[3] = wr_graph_constant_1d(g, WR_F32, 1, &zero);
    ins[4] = wr_graph_constant_1d(g, WR_F32, 1, &zero);
    const struct wr_graph_out outs[2] = {{WR_F32, {.rank = 2, .dims = {1, 1}}},
                                         {WR_F32, {.rank = 1, .dims = {2 * n + 1}}}};
    const uint32_t params[7] = {1, n, 1, m.n, WR_SUM, 0, 0};
    uint32_t out = wr_graph_step(g, WR_STEP_TREES, 0, outs, 2, ins, 5, params, 7);
    if (out == WR_NO_TENSOR) {
        return;
    }
    struct wr_graph_step *made = &g->steps[--g->n_steps];
    uint32_t *tensors = wr_arena_array(g->arena, 7, sizeof *tensors, 4);
    if (tensors == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to join trees");
        return;
    }
    memcpy(tensors, made->tensors, 7 * sizeof *tensors);
    tensors[0] = g->steps[end].tensors[0];
    made->tensors = tensors;
    g->steps[end] = *made;
}

void wr_forest_join(struct wr_graph *g)
{
    struct join j = {.g = g};
    uint32_t n_steps = g->n_steps;
    if (g->code != WR_OK) {
        return;
    }
    j.marks = WR_NEW_ARRAY(g->arena, struct mark, g->n_tensors + 1);
    j.notes = WR_NEW_ARRAY(g->arena, struct note, n_steps + 1);
    j.slots = WR_NEW_ARRAY(g->arena, uint32_t, g->n_tensors + 1);
    if (j.marks == NULL || j.notes == NULL || j.slots == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to look for trees that can be joined");
        return;
    }
    count_uses(&j);
    for (uint32_t i = 0; i < n_steps; i++) {
        if (j.notes[i].live) {
            classify(&j, i);
        }
    }
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const struct mark *m = mark_of(&j, g->outputs[i].tensor);
        if (m->kind == OF_TREE) {
            j.notes[m->step].reads++;
        }
    }
    for (uint32_t i = 0; i < n_steps && g->code == WR_OK; i++) {
        if (j.notes[i].members > 0 && !j.notes[i].extended) {
            replace(&j, i);
        }
    }
}
