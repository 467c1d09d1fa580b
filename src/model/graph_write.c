/* SPDX-License-Identifier: Apache-2.0 */
/* From the workbench to a program: dead steps dropped, scratch memory shared by life span,
 * constants laid out, metadata and test vectors added. */
#include "model/explain_plan.h"
#include "model/graph.h"
#include "model/kernel.h"
#include "model/module.h"
#include "model/packed_write.h"
#include "value/json_write.h"

#define N_TESTS           8u
#define N_TESTS_COSTLY    2u /* for rows of many columns or much work */
#define N_ROUNDING        256u
#define N_ROUNDING_COSTLY 4u
#define WIDE_ROW          1000u  /* columns */
#define COSTLY_ROW        65536u /* bytes of scratch memory */
#define NEVER             UINT32_MAX
#define ALIGNED(n, a)     (((n) + ((uint64_t)(a)-1)) & ~((uint64_t)(a)-1))

struct layout {
    struct wr_graph *g;
    bool *live;       /* by step */
    uint32_t *born;   /* by root tensor: first step (from 1), or NEVER */
    uint32_t *dies;   /* last step */
    uint32_t *place;  /* by root tensor: scratch offset, or offset in the program */
    uint32_t *order;  /* root tensors in scratch, by birth */
    uint32_t n_order; /* of them */
    uint64_t scratch;
    uint32_t n_columns_in, n_columns_out;
    uint32_t n_live_steps;
    uint64_t step_words;
};

void wr_graph_sample(struct wr_graph *g, uint32_t tensor, uint32_t at, double threshold)
{
    uint32_t column = 0, total = 0;
    bool found = false;
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        uint32_t t = g->inputs[i].tensor;
        if (g->tensors[t].root == g->tensors[tensor].root && at < g->tensors[t].count) {
            column = total + at;
            found = true;
        }
        total += g->tensors[t].count;
    }
    if (!found || total > WR_LIMIT_MODEL_INPUTS) {
        return;
    }
    if (g->samples == NULL) {
        g->samples = wr_arena_array(g->arena, (size_t)total * WR_GRAPH_SAMPLES, sizeof(double), 8);
        g->n_samples = wr_arena_array(g->arena, total, 1, 1);
        if (g->samples == NULL || g->n_samples == NULL) {
            g->samples = NULL;
            return;
        }
    }
    if (g->n_samples[column] < WR_GRAPH_SAMPLES) {
        g->samples[(size_t)column * WR_GRAPH_SAMPLES + g->n_samples[column]++] = threshold;
    }
}

/* ── life spans ─────────────────────────────────────────────────────────────────────────────── */
static void use(struct layout *l, uint32_t tensor, uint32_t when)
{
    uint32_t root = l->g->tensors[tensor].root;
    if (l->dies[root] == NEVER || l->dies[root] < when) {
        l->dies[root] = when;
    }
}

static void mark_live(struct layout *l)
{
    struct wr_graph *g = l->g;
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        use(l, g->outputs[i].tensor, g->n_steps + 1);
    }
    for (uint32_t i = g->n_steps; i-- > 0;) {
        const struct wr_graph_step *s = &g->steps[i];
        for (uint32_t k = 0; k < s->n_out; k++) {
            l->live[i] = l->live[i] || l->dies[g->tensors[s->tensors[k]].root] != NEVER;
        }
        if (!l->live[i]) {
            continue;
        }
        l->n_live_steps++;
        l->step_words += 2 + 2 * ((uint64_t)s->n_out + s->n_in) + s->n_params;
        for (uint32_t k = 0; k < (uint32_t)s->n_out + s->n_in; k++) {
            use(l, s->tensors[k], i + 1);
        }
    }
}

static void mark_births(struct layout *l)
{
    struct wr_graph *g = l->g;
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        uint32_t t = g->inputs[i].tensor;
        l->born[t] = 0;
        use(l, t, 0);
        l->order[l->n_order++] = t;
    }
    for (uint32_t i = 0; i < g->n_steps; i++) {
        for (uint32_t k = 0; l->live[i] && k < g->steps[i].n_out; k++) {
            uint32_t t = g->steps[i].tensors[k];
            l->born[t] = i + 1;
            l->order[l->n_order++] = t;
        }
    }
}

/* First fit among those alive, which are kept sorted by place. */
static void place_all(struct layout *l)
{
    uint32_t *alive = wr_arena_array(l->g->arena, l->n_order + 1, sizeof *alive, 4), n = 0;
    if (alive == NULL) {
        wr_graph_fail(l->g, WR_E_MEMORY, "no memory to lay out the program");
        return;
    }
    for (uint32_t i = 0; i < l->n_order; i++) {
        uint32_t t = l->order[i], kept = 0, slot = 0;
        uint64_t size = ALIGNED((uint64_t)l->g->tensors[t].count * 8, 64), at = 0;
        for (uint32_t k = 0; k < n; k++) {
            if (l->dies[alive[k]] >= l->born[t]) {
                alive[kept++] = alive[k];
            }
        }
        n = kept;
        for (; slot < n; slot++) {
            if (at + size <= l->place[alive[slot]]) {
                break;
            }
            at =
                l->place[alive[slot]] + ALIGNED((uint64_t)l->g->tensors[alive[slot]].count * 8, 64);
        }
        memmove(alive + slot + 1, alive + slot, (n - slot) * sizeof *alive);
        alive[slot] = t;
        n++;
        l->place[t] = (uint32_t)at;
        l->scratch = WR_MAX(l->scratch, at + size);
        if (l->scratch > WR_LIMIT_MODEL_SCRATCH) {
            wr_graph_fail(l->g, WR_E_LIMIT, "one row needs more than %u bytes of scratch memory",
                          WR_LIMIT_MODEL_SCRATCH);
            return;
        }
    }
}

static bool plan(struct layout *l)
{
    struct wr_graph *g = l->g;
    uint32_t n = g->n_tensors;
    l->live = wr_arena_array(g->arena, g->n_steps + 1, 1, 1);
    l->born = wr_arena_array(g->arena, n, 4, 4);
    l->dies = wr_arena_array(g->arena, n, 4, 4);
    l->place = wr_arena_array(g->arena, n, 4, 4);
    l->order = wr_arena_array(g->arena, n, 4, 4);
    if (l->live == NULL || l->born == NULL || l->dies == NULL || l->place == NULL ||
        l->order == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to lay out the program");
        return false;
    }
    memset(l->born, 0xff, (size_t)n * 4);
    memset(l->dies, 0xff, (size_t)n * 4);
    mark_live(l);
    mark_births(l);
    place_all(l);
    return g->code == WR_OK;
}

/* ── metadata ───────────────────────────────────────────────────────────────────────────────── */
static void put_string(struct wr_graph *g, struct wr_buf *buf, struct wr_str s)
{
    if (wr_utf8_invalid_at(s.p, s.n) != s.n) {
        wr_graph_fail(g, WR_E_MODEL, "a name or category is not UTF-8 text");
    }
    wr_json_write_string(buf, s, WR_JSON_COMPACT);
}

static const char *const kind_names[] = {"number", "integer", "category"};
static const char *const role_names[] = {"label", "probability", "score"};

/* The name of a column: the port's own, with [i] when there are several. */
static void put_column(struct wr_buf *buf, struct wr_graph *g, const struct wr_graph_port *port,
                       uint32_t i, struct wr_str own)
{
    char room[256];
    struct wr_buf name = wr_buf_fixed(room, sizeof room);
    if (g->tensors[port->tensor].count == 1) {
        put_string(g, buf, own.n != 0 ? own : port->name);
        return;
    }
    wr_format(&name, "%.*s[%u]", WR_FMT(wr_str_of(port->name.p, WR_MIN(port->name.n, 200))), i);
    put_string(g, buf, own.n != 0 ? own : wr_buf_view(&name));
}

static void put_inputs(struct wr_buf *buf, struct wr_graph *g, const struct wr_str *names)
{
    uint32_t column = 0;
    for (uint32_t p = 0; p < g->n_inputs; p++) {
        const struct wr_graph_port *port = &g->inputs[p];
        for (uint32_t i = 0; i < g->tensors[port->tensor].count; i++, column++) {
            wr_buf_str(buf, column == 0 ? WR_STR("{\"name\":") : WR_STR(",{\"name\":"));
            put_column(buf, g, port, i, names != NULL ? names[column] : WR_STR(""));
            wr_format(buf, ",\"kind\":\"%s\"}", kind_names[port->kind_role]);
        }
    }
}

static void put_outputs(struct wr_buf *buf, struct wr_graph *g)
{
    for (uint32_t p = 0; p < g->n_outputs; p++) {
        const struct wr_graph_port *port = &g->outputs[p];
        const struct wr_tensor *t = &g->tensors[port->tensor];
        for (uint32_t i = 0; i < t->count; i++) {
            wr_buf_str(buf, p + i == 0 ? WR_STR("{\"name\":") : WR_STR(",{\"name\":"));
            put_column(buf, g, port, i, WR_STR(""));
            wr_format(buf, ",\"role\":\"%s\",\"text\":%s}", role_names[port->kind_role],
                      t->text ? "true" : "false");
        }
    }
}

/* What the compiler was given about the model's quality, and how it can be explained. */
static void put_knowledge(struct wr_buf *buf, struct wr_graph *g,
                          const struct wr_model_options *options,
                          const struct wr_explain_plan *plan)
{
    static const char *const methods[] = {"none", "trees", "linear", "occlusion"};
    wr_format(buf, "],\"explain\":{\"method\":\"%s\",\"unit\":\"%s\"", methods[plan->method],
              plan->unit);
    if (plan->why != NULL) {
        wr_buf_str(buf, WR_STR(",\"why\":"));
        put_string(g, buf, wr_str_z(plan->why));
    }
    wr_buf_char(buf, '}');
    if (options->quality.n != 0) {
        wr_buf_str(buf, WR_STR(",\"quality\":"));
        wr_buf_str(buf, options->quality);
    }
    wr_buf_char(buf, '}');
}

static struct wr_str write_meta(struct layout *l, const struct wr_model_options *options,
                                const struct wr_explain_plan *plan)
{
    struct wr_graph *g = l->g;
    struct wr_buf buf = wr_buf_in(g->arena, 4096);
    const struct wr_str *names = options->n_input_names != 0 ? options->input_names : g->columns;
    bool missing = options->missing == WR_MODEL_MISSING_AUTO
                       ? g->missing
                       : options->missing == WR_MODEL_MISSING_YES;
    wr_buf_str(&buf, WR_STR("{\"name\":"));
    put_string(g, &buf, options->name);
    wr_buf_str(&buf, WR_STR(",\"source\":"));
    put_string(g, &buf, g->source);
    wr_buf_str(&buf, WR_STR(",\"producer\":"));
    put_string(g, &buf, g->producer);
    wr_format(&buf, ",\"missing\":%s,\"trees\":%u,\"tree_nodes\":%u,\"inputs\":[",
              missing ? "true" : "false", g->n_trees, g->n_tree_nodes);
    put_inputs(&buf, g, names);
    wr_buf_str(&buf, WR_STR("],\"outputs\":["));
    put_outputs(&buf, g);
    wr_buf_str(&buf, WR_STR("],\"texts\":["));
    for (uint32_t i = 0; i < g->n_texts; i++) {
        if (i > 0) {
            wr_buf_char(&buf, ',');
        }
        put_string(g, &buf, g->texts[i]);
    }
    put_knowledge(&buf, g, options, plan);
    if (buf.overflow) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory for the metadata");
    }
    return wr_buf_view(&buf);
}

/* ── the program ────────────────────────────────────────────────────────────────────────────── */
/* Where each constant that is used will lie; returns the end. */
static uint64_t place_constants(struct layout *l, uint64_t at)
{
    struct wr_graph *g = l->g;
    for (uint32_t t = 0; t < g->n_tensors; t++) {
        if (!g->tensors[t].constant || g->tensors[t].root != t || l->dies[t] == NEVER) {
            continue;
        }
        uint64_t size = (uint64_t)g->tensors[t].count * wr_element_size(g->tensors[t].type);
        at = ALIGNED(at, size >= 64 ? 64 : 8);
        l->place[t] = (uint32_t)WR_MIN(at, UINT32_MAX);
        at += ALIGNED(size, 8);
    }
    return ALIGNED(at, 64);
}

static void put_operand(const struct layout *l, uint32_t tensor, uint8_t *to)
{
    const struct wr_tensor *t = &l->g->tensors[tensor], *root = &l->g->tensors[t->root];
    wr_put32(to, l->place[t->root] | (root->constant ? WR_PROGRAM_CONST : 0));
    wr_put32(to + 4, t->count | (uint32_t)t->type << 28);
}

static void put_steps(const struct layout *l, uint8_t *to)
{
    const struct wr_graph *g = l->g;
    for (uint32_t i = 0; i < g->n_steps; i++) {
        const struct wr_graph_step *s = &g->steps[i];
        if (!l->live[i]) {
            continue;
        }
        uint32_t n = (uint32_t)s->n_out + s->n_in;
        wr_put32(to, s->kind | (uint32_t)s->op << 8 | (uint32_t)s->n_out << 16 |
                         (uint32_t)s->n_in << 24);
        wr_put32(to + 4, 2 + 2 * n + s->n_params);
        to += 8;
        for (uint32_t k = 0; k < n; k++, to += 8) {
            put_operand(l, s->tensors[k], to);
        }
        for (uint32_t k = 0; k < s->n_params; k++, to += 4) {
            wr_put32(to, s->params[k]);
        }
    }
}

static uint32_t put_ports(const struct layout *l, const struct wr_graph_port *ports, uint32_t n,
                          uint8_t *to)
{
    uint32_t columns = 0;
    for (uint32_t i = 0; i < n; i++) {
        put_operand(l, ports[i].tensor, to + (size_t)i * 8);
        columns += l->g->tensors[ports[i].tensor].count;
    }
    return columns;
}

/* A value for a column of a test row: a threshold if one is known, else a small number. */
static double test_value(const struct wr_graph *g, uint32_t kind, uint32_t column, uint32_t row)
{
    uint64_t x = ((uint64_t)column << 20 | row) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 31) * 0xbf58476d1ce4e5b9u;
    x ^= x >> 29;
    if (kind != WR_MODEL_NUMBER) {
        return (double)(x % 3);
    }
    if (g->missing && row % 4 == 3 && x % 3 == 0) {
        const uint64_t bits = 0x7ff8000000000000u;
        double nan;
        memcpy(&nan, &bits, sizeof nan);
        return nan;
    }
    if (g->samples != NULL && g->n_samples[column] > 0) {
        double sample = g->samples[(size_t)column * WR_GRAPH_SAMPLES + x % g->n_samples[column]];
        return row % 2 == 0 ? sample : sample + (double)(int64_t)(x >> 32 & 15) - 7.5;
    }
    return row == 0 ? 0 : (double)(int64_t)(x >> 32 & 1023) / 64 - 4;
}

static void test_row(const struct wr_graph *g, uint32_t row, double *at)
{
    uint32_t column = 0;
    for (uint32_t p = 0; p < g->n_inputs; p++) {
        uint32_t count = g->tensors[g->inputs[p].tensor].count;
        for (uint32_t i = 0; i < count; i++, column++) {
            at[column] = test_value(g, g->inputs[p].kind_role, column, row);
        }
    }
}

/* Scores n rows, made up unless given, into `tests`: those that can be scored. */
static uint32_t run_tests(struct layout *l, uint8_t *program, const double *rows, double *tests,
                          uint32_t n)
{
    struct wr_graph *g = l->g;
    uint8_t *scratch = wr_arena_zalloc(g->arena, (size_t)l->scratch, 64);
    uint32_t kept = 0, width = l->n_columns_in + l->n_columns_out;
    if (scratch == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to run the test vectors");
        return 0;
    }
    for (uint32_t row = 0; row < n; row++) {
        double *at = tests + (size_t)kept * width;
        if (rows != NULL) {
            memcpy(at, rows + (size_t)row * l->n_columns_in, l->n_columns_in * sizeof *rows);
        } else {
            test_row(g, row, at);
        }
        kept += wr_kernel_run(program, at, at + l->n_columns_in, scratch) == WR_KERNEL_OK;
    }
    return kept;
}

/* Scores `n` rows before and after rounding; the greatest change of an output. */
static void round_constants(struct layout *l, const struct wr_model_options *options,
                            uint8_t *program, uint32_t n)
{
    struct wr_graph *g = l->g;
    struct wr_model_report *r = options->report;
    uint32_t width = l->n_columns_in + l->n_columns_out;
    if (!options->round_leaves && !options->round_weights) {
        return;
    }
    if ((options->round_leaves && !wr_program_is_finite(program, true)) ||
        (options->round_weights && !wr_program_is_finite(program, false))) {
        wr_graph_fail(g, WR_E_MODEL,
                      "a leaf or weight is NaN or infinite: it cannot be rounded; leave out %s",
                      options->round_weights ? "--int8" : "--round-leaves");
        return;
    }
    bool own = options->n_background > 0; /* rows as they will be scored, else test rows */
    n = own ? (uint32_t)WR_MIN(options->n_background, (size_t)n * 4) : n;
    double *before = wr_arena_array(g->arena, (size_t)n * width, sizeof *before, 8);
    double *after = wr_arena_array(g->arena, (size_t)n * width, sizeof *after, 8);
    if (before == NULL || after == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to measure what rounding changes");
        return;
    }
    const double *background = own ? options->background : NULL;
    uint32_t rows = run_tests(l, program, background, before, n);
    bool any = options->round_leaves && wr_program_round_leaves(program);
    any = (options->round_weights && wr_program_round_weights(program)) || any;
    if (r == NULL || !any || run_tests(l, program, background, after, n) != rows) {
        return;
    }
    r->change_rows = rows;
    for (uint32_t i = 0; i < rows * width; i++) {
        double apart = after[i] - before[i];
        r->change = WR_MAX(r->change, apart < 0 ? -apart : apart);
    }
}

/* Zeros lie between them. With `last` the workbench's own copies are not read again: one by one
 * they are given back, so that a large model is in memory once. */
static void copy_constants(const struct layout *l, uint8_t *program, uint64_t at, uint64_t end,
                           bool last)
{
    const struct wr_graph *g = l->g;
    for (uint32_t t = 0; t < g->n_tensors; t++) {
        const struct wr_tensor *tensor = &g->tensors[t];
        if (!tensor->constant || tensor->root != t || l->dies[t] == NEVER) {
            continue;
        }
        size_t size = (size_t)tensor->count * wr_element_size(tensor->type);
        memset(program + at, 0, (size_t)(l->place[t] - at));
        memcpy(program + l->place[t], g->constants + tensor->at, size);
        at = l->place[t] + size;
        if (last) {
            wr_graph_release(g, g->constants + tensor->at, size);
        }
    }
    memset(program + at, 0, (size_t)(end - at));
}

static bool count_columns(struct layout *l, const struct wr_model_options *options)
{
    struct wr_graph *g = l->g;
    uint64_t in = 0, out = 0;
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        in += g->tensors[g->inputs[i].tensor].count;
    }
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        out += g->tensors[g->outputs[i].tensor].count;
    }
    g->place = WR_STR("");
    g->offset = WR_NO_OFFSET;
    if ((in == 0 && !g->empty_input) || (out == 0 && !g->empty_output) ||
        in > WR_LIMIT_MODEL_INPUTS || out > WR_LIMIT_MODEL_OUTPUTS) {
        wr_graph_fail(g, WR_E_LIMIT,
                      "a row of %llu numbers and an answer of %llu: from 1 to %u and %u are "
                      "possible",
                      (unsigned long long)in, (unsigned long long)out, WR_LIMIT_MODEL_INPUTS,
                      WR_LIMIT_MODEL_OUTPUTS);
        return false;
    }
    if (options->n_input_names != 0 && options->n_input_names != in) {
        wr_graph_fail(g, WR_E_MODEL, "%zu names were given for %llu input columns",
                      options->n_input_names, (unsigned long long)in);
        return false;
    }
    l->n_columns_in = (uint32_t)in;
    l->n_columns_out = (uint32_t)out;
    g->columns = g->n_columns == in ? g->columns : NULL;
    return true;
}

/* Memory for a program, with room ahead that makes it a module (wr_module_wrap). */
static uint8_t *take_program(struct wr_graph *g, uint64_t size)
{
    uint8_t *bytes = wr_arena_alloc(g->arena, (size_t)(WR_MODULE_HEAD + size), WR_PROGRAM_ALIGN);
    if (bytes == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory for a program of %llu bytes",
                      (unsigned long long)size);
        return NULL;
    }
    return bytes + WR_MODULE_HEAD;
}

/* The program with the explanation section behind it. */
static struct wr_str append_section(struct wr_graph *g, struct wr_program p, const uint8_t *bytes,
                                    struct wr_str section)
{
    uint8_t *all = take_program(g, (uint64_t)p.size + section.n);
    if (all == NULL) {
        return WR_STR("");
    }
    for (size_t at = 0, n; at < p.size;
         at += n) { /* in pieces: one after the other is given back */
        n = WR_MIN(p.size - at, (size_t)16 << 20);
        memcpy(all + at, bytes + at, n);
        wr_graph_release(g, bytes + at, n);
    }
    memcpy(all + p.size, section.p, section.n);
    p.explain = p.size;
    p.explain_room = (uint32_t)wr_explain_room(&p, (const void *)section.p);
    p.size += (uint32_t)section.n;
    memcpy(all, &p, sizeof p);
    return wr_str_of((const char *)all, p.size);
}

wr_err wr_graph_write(struct wr_graph *g, const struct wr_model_options *options,
                      struct wr_str *program)
{
    struct layout l = {.g = g};
    if (!g->plain) {
        wr_forest_join(g);
    }
    if (g->code != WR_OK || !count_columns(&l, options) || !plan(&l)) {
        return g->code;
    }
    struct wr_explain_plan *plan = WR_NEW(g->arena, struct wr_explain_plan);
    if (plan == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to look for explanations");
        return g->code;
    }
    wr_explain_plan(g, options, plan);
    struct wr_str meta = write_meta(&l, options, plan);
    bool costly = l.n_columns_in > WIDE_ROW || l.scratch > COSTLY_ROW;
    uint32_t n_tests = costly ? N_TESTS_COSTLY : N_TESTS;
    struct wr_program p = {.magic = WR_PROGRAM_MAGIC,
                           .version = WR_PROGRAM_VERSION,
                           .n_inputs = l.n_columns_in,
                           .n_outputs = l.n_columns_out,
                           .n_input_groups = g->n_inputs,
                           .n_output_groups = g->n_outputs,
                           .n_steps = l.n_live_steps,
                           .scratch = (uint32_t)l.scratch};
    uint64_t test_size = 8 * (uint64_t)n_tests * (l.n_columns_in + l.n_columns_out);
    uint64_t at = ALIGNED(sizeof p, 64);
    p.inputs = (uint32_t)at;
    p.outputs = (uint32_t)(at += 8 * (uint64_t)g->n_inputs);
    p.steps = (uint32_t)(at = ALIGNED(at + 8 * (uint64_t)g->n_outputs, 64));
    p.steps_size = (uint32_t)(l.step_words * 4);
    p.meta = (uint32_t)(at = ALIGNED(at + l.step_words * 4, 64));
    p.meta_size = (uint32_t)meta.n;
    p.tests = (uint32_t)(at = ALIGNED(at + meta.n, 64));
    uint64_t constants = ALIGNED(at + test_size, 64);
    at = place_constants(&l, constants);
    if (at > WR_LIMIT_PROGRAM_SIZE || g->code != WR_OK) {
        wr_graph_fail(g, WR_E_LIMIT, "the program needs %llu bytes; %u are possible",
                      (unsigned long long)at, WR_LIMIT_PROGRAM_SIZE);
        return g->code;
    }
    p.size = (uint32_t)at;
    if (options->report != NULL) {
        options->report->weights = (uint32_t)(at - constants);
    }
    uint8_t *bytes = take_program(g, at);
    if (bytes == NULL) {
        return g->code;
    }
    memset(bytes, 0, (size_t)constants);
    memcpy(bytes, &p, sizeof p);
    put_ports(&l, g->inputs, g->n_inputs, bytes + p.inputs);
    put_ports(&l, g->outputs, g->n_outputs, bytes + p.outputs);
    put_steps(&l, bytes + p.steps);
    memcpy(bytes + p.meta, meta.p, meta.n);
    copy_constants(&l, bytes, constants, at, plan->method == WR_EXPLAIN_NONE);
    round_constants(&l, options, bytes, costly ? N_ROUNDING_COSTLY : N_ROUNDING);
    p.n_tests = run_tests(&l, bytes, NULL, (double *)(void *)(bytes + p.tests), n_tests);
    memcpy(bytes, &p, sizeof p);
    struct wr_explain_site site = {.program = bytes, .live = l.live, .place = l.place};
    struct wr_str section = wr_explain_build(g, options, plan, &site, p.size);
    if (plan->method != WR_EXPLAIN_NONE) {
        wr_graph_release(g, g->constants, g->n_constants);
    }
    *program = section.n == 0 ? wr_str_of((const char *)bytes, p.size)
                              : append_section(g, p, bytes, section);
    return g->code;
}
