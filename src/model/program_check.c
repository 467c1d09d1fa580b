/* SPDX-License-Identifier: Apache-2.0 */
/* Follows every offset of a program before the kernel may run it: regions, operands, strides,
 * trees.
 *
 * After this check no row can make the kernel read or write outside the program and its scratch
 * memory, or run for more innermost rounds than its size allows (wr_program_work_limit). */
#include "model/explain.h"
#include "model/model.h"
#include "model/program.h"

#define RANK WR_LIMIT_PROGRAM_RANK

struct operand {
    uint32_t ref, count;
    unsigned type;
    bool constant;
};

struct check {
    struct wr_arena *arena;
    const uint8_t *bytes;
    struct wr_program p;
    struct wr_error *error;
    wr_err code;
    uint64_t work;
    /* of the step at hand */
    uint32_t at, op, n_out, n_in, n_params;
    struct operand operands[256];
    const uint32_t *params;
};

static bool bad(struct check *c, uint32_t at, const char *what)
{
    if (c->code == WR_OK) {
        c->code = wr_fail_at(c->error, WR_E_WASM, at, "model program: %s", what);
    }
    return false;
}

static bool inside(const struct check *c, uint32_t at, uint64_t size, uint32_t align)
{
    return at % align == 0 && at >= sizeof c->p && at <= c->p.size && size <= c->p.size - at;
}

static bool check_header(struct check *c, size_t size)
{
    const struct wr_program *p = &c->p;
    if (size < sizeof *p) {
        return bad(c, 0, "shorter than its header");
    }
    memcpy(&c->p, c->bytes, sizeof c->p);
    if (p->magic != WR_PROGRAM_MAGIC || p->version != WR_PROGRAM_VERSION) {
        return bad(c, 0, "magic or version is unknown");
    }
    if (p->size != size || size > WR_LIMIT_PROGRAM_SIZE || size % WR_PROGRAM_ALIGN != 0) {
        return bad(c, 8, "the size is wrong");
    }
    if (p->n_inputs > WR_LIMIT_MODEL_INPUTS || p->n_outputs > WR_LIMIT_MODEL_OUTPUTS) {
        return bad(c, 12, "a row or an answer has too many numbers");
    }
    uint64_t row = ((uint64_t)p->n_inputs + p->n_outputs) * 8;
    if (!inside(c, p->inputs, 8 * (uint64_t)p->n_input_groups, 4) ||
        !inside(c, p->outputs, 8 * (uint64_t)p->n_output_groups, 4) ||
        !inside(c, p->steps, p->steps_size, 4) || p->steps_size % 4 != 0 ||
        !inside(c, p->meta, p->meta_size, 1) || p->n_tests > WR_LIMIT_PROGRAM_TESTS ||
        !inside(c, p->tests, p->n_tests * row, 8)) {
        return bad(c, 0, "a region lies outside");
    }
    if (p->scratch > 64u * 1024 * 1024 || p->scratch % WR_PROGRAM_ALIGN != 0 ||
        p->n_steps > WR_LIMIT_PROGRAM_STEPS || p->flags != 0 ||
        (p->explain == 0 && p->explain_room != 0)) {
        return bad(c, 0, "scratch memory, steps or flags are beyond the limits");
    }
    return true;
}

static bool read_operand(struct check *c, uint32_t at, struct operand *o)
{
    uint32_t ref = wr_get32(c->bytes + at), meta = wr_get32(c->bytes + at + 4);
    *o = (struct operand){ref & ~WR_PROGRAM_CONST, meta & WR_PROGRAM_COUNT, meta >> 28,
                          (ref & WR_PROGRAM_CONST) != 0};
    if (o->type > WR_I64 || o->count == 0 || o->ref % 8 != 0) {
        return bad(c, at, "an operand has an unknown type, no elements or a crooked place");
    }
    uint64_t size = (uint64_t)o->count * wr_element_size(o->type);
    uint64_t room = o->constant ? c->p.size : c->p.scratch;
    if (o->ref > room || size > room - o->ref) {
        return bad(c, at, "an operand lies outside");
    }
    return true;
}

static bool check_ports(struct check *c, uint32_t at, uint32_t n, uint32_t columns, bool input)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct operand o;
        if (!read_operand(c, at + 8 * i, &o) || (input && o.constant)) {
            return bad(c, at + 8 * i, "an input is constant");
        }
        total += o.count;
    }
    return total == columns || bad(c, at, "the columns do not add up");
}

/* ── helpers of the step checks ─────────────────────────────────────────────────────────────── */
static bool shape_is(const struct check *c, uint32_t n_out, uint32_t n_in, uint32_t n_params)
{
    return c->n_out == n_out && c->n_in == n_in && c->n_params == n_params;
}

static void spend(struct check *c, uint64_t a, uint64_t b)
{
    uint64_t work = b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
    c->work = work > UINT64_MAX - c->work ? UINT64_MAX : c->work + work;
}

/* Product of dims, 0 when a dim is 0 or the product is over the limit. */
static uint64_t product(const uint32_t *dims, uint32_t rank)
{
    uint64_t n = 1;
    for (uint32_t d = 0; d < rank; d++) {
        n *= dims[d];
        if (n == 0 || n > WR_PROGRAM_COUNT) {
            return 0;
        }
    }
    return n;
}

struct reach {
    int64_t low, high;
};

static void stretch(struct reach *r, uint32_t dim, uint32_t stride)
{
    int64_t far = ((int64_t)dim - 1) * (int32_t)stride;
    *(far < 0 ? &r->low : &r->high) += far;
}

static bool within(const struct reach *r, uint32_t count)
{
    return r->low >= 0 && r->high < count;
}

/* Strides at `at` of the parameters stay inside the operand. */
static bool strides_fit(const struct check *c, uint32_t dims, uint32_t rank, uint32_t at,
                        uint32_t offset, uint32_t count)
{
    struct reach r = {offset, offset};
    for (uint32_t d = 0; d < rank; d++) {
        stretch(&r, c->params[dims + d], c->params[at + d]);
    }
    return within(&r, count);
}

/* rank at `at`, dims, then n stride lists; total of dims = count */
static bool strided(const struct check *c, uint32_t at, uint32_t n, uint32_t count,
                    const struct operand *operands, uint32_t offset)
{
    uint32_t rank = at < c->n_params ? c->params[at] : 0;
    if (rank == 0 || rank > RANK || c->n_params != at + 1 + (1 + n) * rank ||
        product(c->params + at + 1, rank) != count) {
        return false;
    }
    for (uint32_t k = 0; k < n; k++) {
        if (!strides_fit(c, at + 1, rank, at + 1 + (1 + k) * rank, offset, operands[k].count)) {
            return false;
        }
    }
    return true;
}

/* ── by kind ────────────────────────────────────────────────────────────────────────────────── */
static bool check_zip(const struct check *c)
{
    return c->n_out == 1 && c->n_in == 2 && c->op < WR_ZIP_OPS &&
           strided(c, 0, 2, c->operands[0].count, c->operands + 1, 0);
}

static bool check_where(const struct check *c)
{
    const struct operand *o = c->operands;
    return c->n_out == 1 && c->n_in == 3 && o[1].type == WR_I64 && o[2].type == o[0].type &&
           o[3].type == o[0].type && strided(c, 0, 3, o[0].count, o + 1, 0);
}

static bool check_move(const struct check *c)
{
    const struct operand *o = c->operands;
    return c->n_out == 1 && c->n_in == 1 && c->n_params > 1 && o[0].type == o[1].type &&
           c->params[0] < WR_PROGRAM_COUNT && strided(c, 1, 1, o[0].count, o + 1, c->params[0]);
}

static bool check_concat(const struct check *c)
{
    uint64_t total = 0;
    if (c->n_out != 1 || c->n_params != 1 + c->n_in) {
        return false;
    }
    for (uint32_t i = 0; i < c->n_in; i++) {
        const struct operand *o = &c->operands[1 + i];
        if (o->type != c->operands[0].type ||
            (uint64_t)c->params[0] * c->params[1 + i] != o->count) {
            return false;
        }
        total += o->count;
    }
    return total == c->operands[0].count;
}

static bool triple(const struct check *c, uint64_t count)
{
    return product(c->params, 3) == count && count != 0;
}

static bool check_gather(const struct check *c)
{
    const struct operand *o = c->operands;
    uint32_t out[3] = {c->params[0], c->params[3], c->params[2]};
    return shape_is(c, 1, 2, 4) && triple(c, o[1].count) && o[2].type == WR_I64 &&
           o[2].count == c->params[3] && product(out, 3) == o[0].count && o[0].type == o[1].type;
}

static bool check_reduce(const struct check *c)
{
    const struct operand *o = c->operands;
    uint32_t rank = c->n_params > 0 ? c->params[0] : 0;
    if (c->n_out != 1 || c->n_in != 1 || c->op >= WR_REDUCE_OPS || rank == 0 || rank > RANK ||
        c->n_params < 2 + 2 * rank) {
        return false;
    }
    uint32_t rest = 1 + 2 * rank, r_rank = c->params[rest];
    if (r_rank == 0 || r_rank > RANK || c->n_params != rest + 1 + 2 * r_rank) {
        return false;
    }
    uint64_t kept = product(c->params + 1, rank), n = product(c->params + rest + 1, r_rank);
    struct reach r = {0, 0};
    for (uint32_t d = 0; d < rank; d++) {
        stretch(&r, c->params[1 + d], c->params[1 + rank + d]);
    }
    for (uint32_t d = 0; d < r_rank; d++) {
        stretch(&r, c->params[rest + 1 + d], c->params[rest + 1 + r_rank + d]);
    }
    return kept == o[0].count && n != 0 && kept * n == o[1].count && within(&r, o[1].count);
}

static bool check_arg(const struct check *c)
{
    return shape_is(c, 1, 1, 4) && c->op < WR_ARG_OPS && triple(c, c->operands[1].count) &&
           (uint64_t)c->params[0] * c->params[2] == c->operands[0].count &&
           c->operands[0].type == WR_I64;
}

static bool check_softmax(const struct check *c)
{
    return shape_is(c, 1, 1, 3) && c->op < WR_SOFTMAX_OPS && triple(c, c->operands[1].count) &&
           c->operands[0].count == c->operands[1].count && c->operands[0].type != WR_I64;
}

static bool check_matmul(struct check *c)
{
    const struct operand *o = c->operands;
    const uint32_t *q = c->params;
    uint32_t rank = c->n_params >= 14 ? q[13] : RANK + 1;
    if (c->n_out != 1 || c->n_in < 2 || c->n_in > 3 || rank > RANK ||
        c->n_params != 14 + 3 * rank || o[0].type == WR_I64) {
        return false;
    }
    uint32_t m = q[0], k = q[1], n = q[2], size[3] = {m, n, (uint32_t)product(q + 14, rank)};
    struct reach r[3] = {{0, 0}, {0, 0}, {0, 0}};
    if (k == 0 || k > WR_PROGRAM_COUNT || product(size, 3) != o[0].count) {
        return false;
    }
    stretch(&r[0], m, q[3]);
    stretch(&r[0], k, q[4]);
    stretch(&r[1], k, q[5]);
    stretch(&r[1], n, q[6]);
    stretch(&r[2], m, q[7]);
    stretch(&r[2], n, q[8]);
    for (uint32_t d = 0; d < rank; d++) {
        stretch(&r[0], q[14 + d], q[14 + rank + d]);
        stretch(&r[1], q[14 + d], q[14 + 2 * rank + d]);
    }
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (o[1 + i].type != o[0].type || !within(&r[i], o[1 + i].count)) {
            return false;
        }
    }
    spend(c, o[0].count, k);
    return true;
}

static bool check_simple(struct check *c, uint32_t kind)
{
    const struct operand *o = c->operands;
    const uint32_t *q = c->params;
    switch (kind) {
    case WR_STEP_MAP:
        return shape_is(c, 1, 1, 4) && c->op < WR_MAP_OPS && o[0].count == o[1].count;
    case WR_STEP_NORMALIZE:
        return shape_is(c, 1, 1, 2) && c->op < WR_NORMALIZE_OPS && o[0].count == o[1].count &&
               o[0].type != WR_I64 && product(q, 2) == o[0].count;
    case WR_STEP_LOOKUP:
        return shape_is(c, 1, 3, 0) && o[0].count == o[1].count && o[1].type == o[2].type &&
               o[3].type == o[0].type && o[3].count > o[2].count;
    case WR_STEP_ONE_HOT:
        spend(c, o[0].count, 1);
        return shape_is(c, 1, 2, 1) && o[2].type == WR_I64 && o[0].type == WR_F32 &&
               (uint64_t)o[1].count * o[2].count == o[0].count;
    case WR_STEP_TOP: {
        uint32_t out[3] = {q[0], c->n_params == 4 ? q[3] : 0, c->n_params == 4 ? q[2] : 0};
        spend(c, o[0].count, c->n_params == 4 ? q[1] : 0);
        return shape_is(c, 2, 1, 4) && c->op < WR_TOP_OPS && triple(c, o[2].count) &&
               product(out, 3) == o[0].count && o[1].count == o[0].count && q[3] <= q[1] &&
               o[0].type == o[2].type && o[1].type == WR_I64;
    }
    case WR_STEP_COUPLE: {
        uint64_t n = c->n_params == 2 ? q[1] : 0, rows = c->n_params == 2 ? q[0] : 0;
        spend(c, rows, 100 * n * n);
        return shape_is(c, 2, 1, 2) && n >= 2 && n <= 4096 && rows > 0 && o[0].type == WR_F32 &&
               o[1].type == WR_F32 && o[2].type == WR_F32 && o[0].count == rows * n &&
               o[1].count == n * (n + 1) && o[2].count == rows * (n * (n - 1) / 2);
    }
    default: { /* WR_STEP_KERNEL */
        spend(c, o[0].count, c->n_params == 9 ? q[1] : 0);
        return shape_is(c, 1, 2, 9) && c->op < WR_KERNEL_OPS && o[0].type == WR_F32 &&
               o[1].type == WR_F32 && o[2].type == WR_F32 && product(q, 2) == o[1].count &&
               (uint64_t)q[1] * q[2] == o[2].count && (uint64_t)q[0] * q[2] == o[0].count;
    }
    }
}

/* ── trees ──────────────────────────────────────────────────────────────────────────────────── */
static const void *data_of(const struct check *c, uint32_t operand)
{
    return c->bytes + c->operands[operand].ref;
}

/* Every node of [from, end): children further on and inside, features known, leaves in the table.
 */
static bool check_nodes(const struct check *c, const struct wr_tree_node *nodes, uint32_t from,
                        uint32_t end, uint32_t n_rows)
{
    uint32_t n = c->params[1];
    for (uint32_t i = from; i < end; i++) {
        const struct wr_tree_node *node = &nodes[i];
        bool fits = node->delta != 0 ? node->feature < 2 * n && (uint32_t)node->delta + 1 < end - i
                                     : node->feature == 2 * n && node->key != WR_KEY_LOWEST &&
                                           (n_rows == 0 || (uint32_t)node->key < n_rows);
        if (!fits) {
            return false;
        }
    }
    return true;
}

/* The walk of `depth` steps ends in a leaf, whose key is then a row of the table. */
static bool ends_in_leaves(struct check *c, const struct wr_tree_node *nodes, uint32_t from,
                           uint32_t end, uint32_t depth, uint8_t *levels)
{
    memset(levels, 0, end - from);
    for (uint32_t i = from; i < end; i++) {
        uint32_t level = levels[i - from], delta = nodes[i].delta;
        if (delta == 0) {
            continue;
        }
        if (level >= depth) {
            return bad(c, c->at, "a tree is deeper than its walk");
        }
        for (uint32_t k = delta; k <= delta + 1; k++) {
            uint8_t *to = &levels[i - from + k];
            *to = (uint8_t)WR_MAX(*to, level + 1);
        }
    }
    return true;
}

static bool check_forest(struct check *c)
{
    const struct operand *o = c->operands; /* out, keys, x, nodes, trees, table, base */
    const struct wr_tree_node *nodes = data_of(c, 3);
    const struct wr_tree_root *roots = data_of(c, 4);
    uint32_t targets = c->params[2], n_trees = c->params[3], n_nodes = o[3].count;
    bool voting = c->params[5] != 0;
    uint32_t n_rows = voting ? o[5].count / targets : 0;
    struct wr_arena_mark mark = wr_arena_mark(c->arena);
    uint8_t *levels = voting ? wr_arena_alloc(c->arena, n_nodes, 1) : NULL;
    if (voting && (levels == NULL || n_rows == 0)) {
        return bad(c, c->at, "no memory, or an empty table of votes");
    }
    uint64_t depths = 0;
    bool fits = true;
    for (uint32_t t = 0; fits && t < n_trees; t++) {
        uint32_t end = t + 1 < n_trees ? roots[t + 1].node : n_nodes;
        uint32_t depth = roots[t].depth_target & 0xff, lead = t - t % WR_TREE_LANES;
        fits = roots[t].node < end && end <= n_nodes &&
               (roots[lead].depth_target & 0xff) == depth &&
               (roots[t].depth_target >> 8) < targets &&
               check_nodes(c, nodes, roots[t].node, end, n_rows) &&
               (!voting || ends_in_leaves(c, nodes, roots[t].node, end, depth, levels));
        depths += depth + 1;
    }
    spend(c, depths + n_trees * (uint64_t)(voting ? targets : 1), c->params[0]);
    wr_arena_rewind(c->arena, mark);
    return fits;
}

static bool check_trees(struct check *c)
{
    const struct operand *o = c->operands;
    const uint32_t *q = c->params;
    if (!shape_is(c, 2, 5, 7)) {
        return false;
    }
    uint32_t rows = q[0], n = q[1], targets = q[2], in[2] = {rows, n}, out[2] = {rows, targets};
    for (uint32_t i = 3; i < 7; i++) {
        if (!o[i].constant || o[i].type != (i < 5 ? WR_I64 : WR_F32)) {
            return false;
        }
    }
    return n > 0 && n <= 32767 && q[3] != 0 && q[3] == o[4].count && q[4] < WR_AGGREGATES &&
           q[5] <= 1 && q[6] <= 1 && product(in, 2) == o[2].count && o[2].type == WR_F32 &&
           product(out, 2) == o[0].count && o[0].type == WR_F32 && o[1].type == WR_F32 &&
           o[1].count == 2 * n + 1 && o[6].count == targets && check_forest(c);
}

static bool check_walk_node(const struct check *c, const struct wr_walk_node *node, uint32_t i,
                            uint32_t end)
{
    const struct operand *o = c->operands; /* out, sums, x, nodes, trees, votes, sets, base */
    uint32_t n_votes = o[5].count / 2, mode = node->mode & 0xff;
    if (mode == WR_WALK_LEAF) {
        return node->no <= n_votes && node->yes <= n_votes - node->no;
    }
    if (mode == WR_WALK_MEMBER) {
        double set = node->threshold;
        if (!(set >= 0 && set < WR_LIMIT_WALK_SETS)) {
            return false;
        }
        uint32_t first = (uint32_t)set;
        double size = (set - first) * 4294967296.0;
        if (!(first + size <= o[6].count)) {
            return false;
        }
    }
    return (node->mode & ~(0xffu | WR_WALK_MISSING_YES)) == 0 && mode < WR_WALK_LEAF &&
           node->feature < c->params[1] && node->yes > i && node->yes < end && node->no > i &&
           node->no < end;
}

static bool check_walk(struct check *c)
{
    const struct operand *o = c->operands;
    const uint32_t *q = c->params;
    if (!shape_is(c, 2, 6, 6)) {
        return false;
    }
    uint32_t in[2] = {q[0], q[1]}, out[2] = {q[0], q[2]}, n_nodes = o[3].count / 3;
    for (uint32_t i = 3; i < 8; i++) {
        if (!o[i].constant || o[i].type != WR_F64) {
            return false;
        }
    }
    if (product(in, 2) != o[2].count || o[2].type == WR_I64 || product(out, 2) != o[0].count ||
        o[0].type == WR_I64 || o[1].type != WR_F64 || o[1].count != q[2] || q[3] == 0 ||
        q[3] != o[4].count || q[4] >= WR_AGGREGATES || o[7].count != q[2]) {
        return false;
    }
    const struct wr_walk_node *nodes = data_of(c, 3);
    const struct wr_walk_vote *votes = data_of(c, 5);
    const uint32_t *roots = data_of(c, 4);
    for (uint32_t t = 0; t < q[3]; t++) {
        uint32_t from = roots[2 * t], end = t + 1 < q[3] ? roots[2 * t + 2] : n_nodes;
        if (from >= end || end > n_nodes) {
            return false;
        }
        for (uint32_t i = from; i < end; i++) {
            if (!check_walk_node(c, &nodes[i], i, end)) {
                return false;
            }
        }
    }
    for (uint32_t v = 0; v < o[5].count / 2; v++) {
        if (votes[v].target >= q[2]) {
            return false;
        }
    }
    spend(c, (uint64_t)n_nodes + o[5].count + o[6].count, q[0]);
    return true;
}

/* ── steps ──────────────────────────────────────────────────────────────────────────────────── */
static bool check_kind(struct check *c, uint32_t kind)
{
    switch (kind) {
    case WR_STEP_ZIP:
        return check_zip(c);
    case WR_STEP_WHERE:
        return check_where(c);
    case WR_STEP_MOVE:
        return check_move(c);
    case WR_STEP_CONCAT:
        return check_concat(c);
    case WR_STEP_GATHER:
        return check_gather(c);
    case WR_STEP_REDUCE:
        return check_reduce(c);
    case WR_STEP_ARG:
        return check_arg(c);
    case WR_STEP_SOFTMAX:
        return check_softmax(c);
    case WR_STEP_MATMUL:
        return check_matmul(c);
    case WR_STEP_TREES:
        return check_trees(c);
    case WR_STEP_WALK:
        return check_walk(c);
    default:
        return check_simple(c, kind);
    }
}

/* Outputs are scratch memory and touch neither each other nor an input. */
static bool outputs_apart(const struct check *c)
{
    for (uint32_t i = 0; i < c->n_out; i++) {
        const struct operand *a = &c->operands[i];
        uint64_t a_end = a->ref + (uint64_t)a->count * wr_element_size(a->type);
        for (uint32_t k = i + 1; k < c->n_out + c->n_in; k++) {
            const struct operand *b = &c->operands[k];
            uint64_t b_end = b->ref + (uint64_t)b->count * wr_element_size(b->type);
            if (!b->constant && a->ref < b_end && b->ref < a_end) {
                return false;
            }
        }
        if (a->constant) {
            return false;
        }
    }
    return true;
}

uint64_t wr_program_work_limit(uint64_t size)
{
    uint64_t by_size = size * WR_LIMIT_PROGRAM_WORK_BYTE;
    return WR_MIN(WR_MAX(by_size, WR_LIMIT_PROGRAM_WORK_SMALL), WR_LIMIT_PROGRAM_WORK);
}

static bool check_step(struct check *c, uint32_t at, uint32_t left, uint32_t *words)
{
    c->at = at;
    if (left < 8) {
        return bad(c, at, "the steps end too early");
    }
    uint32_t head = wr_get32(c->bytes + at), kind = head & 0xff;
    *words = wr_get32(c->bytes + at + 4);
    c->op = head >> 8 & 0xff;
    c->n_out = head >> 16 & 0xff;
    c->n_in = head >> 24;
    uint32_t n = c->n_out + c->n_in;
    if (kind == 0 || kind >= WR_STEP_KINDS || c->n_out == 0 || c->n_in == 0 ||
        n > WR_COUNTOF(c->operands) || *words > left / 4 || *words < 2 + 2 * n) {
        return bad(c, at, "a step is of unknown kind or size");
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!read_operand(c, at + 8 + 8 * i, &c->operands[i])) {
            return false;
        }
    }
    c->n_params = *words - 2 - 2 * n;
    c->params = (const void *)(c->bytes + at + 8 + 8 * (size_t)n);
    spend(c, c->operands[0].count, 1);
    if (!outputs_apart(c) || !check_kind(c, kind)) {
        return bad(c, at, "a step's operands or parameters do not fit");
    }
    return c->work <= wr_program_work_limit(c->p.size) ||
           bad(c, at, "a row would take too much work");
}

wr_err wr_program_check(struct wr_arena *arena, const uint8_t *program, size_t size, uint64_t *work,
                        struct wr_error *error)
{
    struct check *c = wr_arena_zalloc(arena, sizeof *c, alignof(struct check));
    if (c == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory to check a model");
    }
    c->arena = arena;
    c->bytes = program;
    c->error = error;
    if (!check_header(c, size) ||
        !check_ports(c, c->p.inputs, c->p.n_input_groups, c->p.n_inputs, true) ||
        !check_ports(c, c->p.outputs, c->p.n_output_groups, c->p.n_outputs, false)) {
        return c->code;
    }
    uint32_t at = c->p.steps, end = c->p.steps + c->p.steps_size, words = 0;
    for (uint32_t i = 0; i < c->p.n_steps; i++) {
        if (!check_step(c, at, end - at, &words)) {
            return c->code;
        }
        at += 4 * words;
    }
    if (at != end) {
        bad(c, at, "there are more steps than counted");
    }
    if (work != NULL) {
        *work = c->work;
    }
    return c->code != WR_OK || c->p.explain == 0 ? c->code : wr_explain_check(program, error);
}
