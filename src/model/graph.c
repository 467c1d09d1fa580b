/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors, constants and texts of the workbench, and the general step with folding. */
#include "model/graph.h"
#include "base/hash.h"
#include "model/kernel.h"

void wr_graph_init(struct wr_graph *g, struct wr_arena *arena, struct wr_error *error)
{
    *g = (struct wr_graph){.arena = arena, .error = error, .offset = WR_NO_OFFSET};
}

uint32_t wr_graph_fail(struct wr_graph *g, wr_err code, const char *format, ...)
{
    if (g->code != WR_OK) {
        return WR_NO_TENSOR;
    }
    char text[WR_LIMIT_ERROR_TEXT];
    struct wr_buf buf = wr_buf_fixed(text, sizeof text);
    va_list args;
    va_start(args, format);
    wr_vformat(&buf, format, args);
    va_end(args);
    if (g->place.n != 0) {
        g->code = wr_fail_at(g->error, code, g->offset, "%.*s: %.*s", WR_FMT(g->place),
                             WR_FMT(wr_buf_view(&buf)));
    } else {
        g->code = wr_fail_at(g->error, code, g->offset, "%.*s", WR_FMT(wr_buf_view(&buf)));
    }
    return WR_NO_TENSOR;
}

void wr_graph_warn(struct wr_graph *g, const char *text)
{
    if (g->warnings.p == NULL) {
        g->warnings = wr_buf_in(g->arena, 256);
    }
    if (g->code == WR_OK && g->warnings.n < WR_LIMIT_GRAPH_WARNINGS) {
        wr_format(&g->warnings, "%.*s: %s\n", WR_FMT(g->place), text);
    }
}

void *wr_graph_grown(struct wr_graph *g, void *array, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap) {
        return array;
    }
    uint32_t more = *cap == 0 ? 16 : *cap * 2;
    void *bigger = wr_arena_array(g->arena, more, size, 8);
    if (bigger == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory for %u elements", more);
        return NULL;
    }
    if (n > 0) {
        memcpy(bigger, array, n * size);
    }
    *cap = more;
    return bigger;
}

/* ── tensors ────────────────────────────────────────────────────────────────────────────────── */
uint32_t wr_shape_count(const struct wr_shape *shape)
{
    uint64_t count = 1;
    bool empty = false;
    for (uint32_t i = 0; i < shape->rank; i++) {
        empty = empty || shape->dims[i] == 0;
        count *= WR_MAX(shape->dims[i], 1);
        if (count > WR_LIMIT_TENSOR_COUNT) {
            return WR_NO_COUNT;
        }
    }
    return empty ? 0 : (uint32_t)count;
}

static bool room_for_constant(struct wr_graph *g, uint64_t size)
{
    uint64_t need = g->n_constants + size;
    if (need > WR_LIMIT_PROGRAM_SIZE) {
        wr_graph_fail(g, WR_E_LIMIT, "more than %u bytes of constants", WR_LIMIT_PROGRAM_SIZE);
        return false;
    }
    if (need <= g->constant_cap) {
        return true;
    }
    uint64_t cap = WR_MAX(need + need / 2, 4096);
    uint8_t *bytes = wr_arena_alloc(g->arena, (size_t)cap, WR_PROGRAM_ALIGN);
    if (bytes == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory for %llu bytes of constants",
                      (unsigned long long)cap);
        return false;
    }
    if (g->n_constants > 0) {
        memcpy(bytes, g->constants, g->n_constants);
    }
    g->constants = bytes;
    g->constant_cap = (uint32_t)WR_MIN(cap, UINT32_MAX);
    return true;
}

/* Gives a tensor the next `size` bytes of constants, which are 0. */
static bool take_constant(struct wr_graph *g, struct wr_tensor *t, uint64_t size)
{
    if (!room_for_constant(g, size)) {
        return false;
    }
    t->constant = true;
    t->at = g->n_constants;
    memset(g->constants + t->at, 0, (size_t)size);
    g->n_constants += (uint32_t)size;
    return true;
}

static uint32_t new_tensor(struct wr_graph *g, unsigned type, const struct wr_shape *shape)
{
    uint32_t count = shape->rank > WR_LIMIT_PROGRAM_RANK ? WR_NO_COUNT : wr_shape_count(shape);
    if (g->code != WR_OK) {
        return WR_NO_TENSOR;
    }
    if (count == WR_NO_COUNT) {
        return wr_graph_fail(g, WR_E_LIMIT, "a tensor has more than %u elements",
                             WR_LIMIT_TENSOR_COUNT);
    }
    if (g->n_tensors >= WR_LIMIT_GRAPH_TENSORS) {
        return wr_graph_fail(g, WR_E_LIMIT, "more than %u tensors", WR_LIMIT_GRAPH_TENSORS);
    }
    struct wr_tensor *tensors =
        wr_graph_grown(g, g->tensors, g->n_tensors, &g->tensor_cap, sizeof *g->tensors);
    if (tensors == NULL) {
        return WR_NO_TENSOR;
    }
    g->tensors = tensors;
    tensors[g->n_tensors] = (struct wr_tensor){
        .shape = *shape, .count = count, .type = (uint8_t)type, .root = g->n_tensors};
    if (count == 0) {
        take_constant(g, &tensors[g->n_tensors], 8); /* so that it has an address */
    }
    return g->code == WR_OK ? g->n_tensors++ : WR_NO_TENSOR;
}

void wr_graph_release(const struct wr_graph *g, const void *bytes, size_t n)
{
    if (g->release != NULL && n >= WR_MODEL_RELEASE_FROM) {
        g->release(bytes, n);
    }
}

void wr_graph_reserve(struct wr_graph *g, uint64_t size)
{
    size = WR_MIN(size, (uint64_t)WR_LIMIT_PROGRAM_SIZE);
    if (size > g->constant_cap) {
        room_for_constant(g, size / 3 * 2 - g->n_constants); /* it asks for half as much again */
    }
}

uint32_t wr_graph_constant(struct wr_graph *g, unsigned type, const struct wr_shape *shape,
                           void **data)
{
    uint32_t t = new_tensor(g, type, shape);
    if (t == WR_NO_TENSOR) {
        return t;
    }
    struct wr_tensor *tensor = &g->tensors[t];
    uint64_t size = ((uint64_t)tensor->count * wr_element_size(type) + 7) & ~(uint64_t)7;
    if (size > 0 && !take_constant(g, tensor, size)) {
        return WR_NO_TENSOR;
    }
    *data = g->constants + tensor->at;
    return t;
}

uint32_t wr_graph_constant_1d(struct wr_graph *g, unsigned type, uint32_t n, const void *data)
{
    void *to;
    struct wr_shape shape = {.rank = 1, .dims = {n}};
    uint32_t t = wr_graph_constant(g, type, &shape, &to);
    if (t != WR_NO_TENSOR && n > 0) {
        memcpy(to, data, (size_t)n * wr_element_size(type));
    }
    return t;
}

uint32_t wr_graph_scalar(struct wr_graph *g, unsigned type, double value)
{
    float single = (float)value;
    int64_t whole = type == WR_I64 ? (int64_t)value : 0;
    return wr_graph_constant_1d(g, type, 1,
                                type == WR_F32   ? (const void *)&single
                                : type == WR_F64 ? (const void *)&value
                                                 : (const void *)&whole);
}

const void *wr_graph_data(const struct wr_graph *g, uint32_t t)
{
    if (t == WR_NO_TENSOR || !g->tensors[t].constant) {
        return NULL;
    }
    return g->constants + g->tensors[t].at;
}

uint32_t wr_graph_input(struct wr_graph *g, struct wr_str name, unsigned type,
                        enum wr_model_kind kind, const struct wr_shape *shape)
{
    struct wr_graph_port *ports =
        wr_graph_grown(g, g->inputs, g->n_inputs, &g->input_cap, sizeof *ports);
    uint32_t t = new_tensor(g, type, shape);
    if (ports == NULL || t == WR_NO_TENSOR) {
        return WR_NO_TENSOR;
    }
    g->inputs = ports;
    g->tensors[t].text = kind == WR_MODEL_CATEGORY;
    if (g->tensors[t].count == 0) {
        g->empty_input = true;
        return t;
    }
    ports[g->n_inputs++] =
        (struct wr_graph_port){.name = name, .tensor = t, .kind_role = (uint8_t)kind};
    return t;
}

void wr_graph_output(struct wr_graph *g, struct wr_str name, uint32_t tensor,
                     enum wr_model_role role)
{
    struct wr_graph_port *ports =
        wr_graph_grown(g, g->outputs, g->n_outputs, &g->output_cap, sizeof *ports);
    if (ports == NULL || tensor == WR_NO_TENSOR) {
        return;
    }
    g->outputs = ports;
    if (g->tensors[tensor].count == 0) {
        g->empty_output = true;
        return;
    }
    ports[g->n_outputs++] =
        (struct wr_graph_port){.name = name, .tensor = tensor, .kind_role = (uint8_t)role};
}

/* ── texts ──────────────────────────────────────────────────────────────────────────────────── */
static uint32_t text_slot(const struct wr_graph *g, struct wr_str text)
{
    static const struct wr_hash_key key = {0x6d6f64656c207465u, 0x7874206b65797321u};
    uint32_t mask = g->text_table_size - 1;
    uint32_t at = (uint32_t)wr_siphash13(key, text.p, text.n) & mask;
    while (g->text_table[at] != 0 && !wr_str_eq(g->texts[g->text_table[at] - 1], text)) {
        at = (at + 1) & mask;
    }
    return at;
}

static bool grow_text_table(struct wr_graph *g)
{
    g->text_table_size = g->text_table_size == 0 ? 64 : g->text_table_size * 2;
    g->text_table = wr_arena_array(g->arena, g->text_table_size, sizeof *g->text_table, 4);
    if (g->text_table == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory for %u texts", g->text_table_size);
        return false;
    }
    for (uint32_t i = 0; i < g->n_texts; i++) {
        g->text_table[text_slot(g, g->texts[i])] = i + 1;
    }
    return true;
}

int64_t wr_graph_text(struct wr_graph *g, struct wr_str text)
{
    if (g->code != WR_OK) {
        return -1;
    }
    if (2 * g->n_texts >= g->text_table_size && !grow_text_table(g)) {
        return -1;
    }
    uint32_t at = text_slot(g, text);
    if (g->text_table[at] != 0) {
        return g->text_table[at] - 1;
    }
    struct wr_str *texts = wr_graph_grown(g, g->texts, g->n_texts, &g->text_cap, sizeof *texts);
    if (texts == NULL || g->n_texts >= WR_LIMIT_GRAPH_TEXTS) {
        wr_graph_fail(g, WR_E_LIMIT, "more than %u texts", WR_LIMIT_GRAPH_TEXTS);
        return -1;
    }
    g->texts = texts;
    g->texts[g->n_texts++] = text;
    g->text_table[at] = g->n_texts;
    return g->n_texts - 1;
}

/* ── the general step ───────────────────────────────────────────────────────────────────────── */
static uint32_t operand_meta(const struct wr_tensor *t)
{
    return t->count | (uint32_t)t->type << 28;
}

static uint64_t constant_size(const struct wr_tensor *t)
{
    return ((uint64_t)t->count * wr_element_size(t->type) + 7) & ~(uint64_t)7;
}

/* Does what comes out take the place of what went in? */
static bool has_place(const struct wr_graph *g, const struct wr_graph_step *step)
{
    if (step->n_out != 1 || step->n_in != 1) {
        return false;
    }
    const struct wr_tensor *out = &g->tensors[step->tensors[0]];
    const struct wr_tensor *in = &g->tensors[step->tensors[1]];
    return in->spare && constant_size(in) == constant_size(out);
}

/* Runs a step on constants and replaces its outputs by what comes out. */
static void fold(struct wr_graph *g, const struct wr_graph_step *step)
{
    uint32_t n = step->n_out + step->n_in, words = 2 + 2 * n + step->n_params;
    uint64_t size = 0, kept = 0;
    for (uint32_t i = 0; i < step->n_out; i++) {
        const struct wr_tensor *t = &g->tensors[step->tensors[i]];
        size += ((uint64_t)t->count * 8 + 63) & ~(uint64_t)63;
        kept += has_place(g, step) ? 0 : constant_size(t);
    }
    if (!room_for_constant(g, kept)) {
        return;
    }
    struct wr_arena_mark mark = wr_arena_mark(g->arena);
    uint32_t *code = wr_arena_alloc(g->arena, words * sizeof *code, 8);
    uint8_t *scratch = wr_arena_zalloc(g->arena, (size_t)size, WR_PROGRAM_ALIGN);
    if (code == NULL || scratch == NULL) {
        wr_graph_fail(g, WR_E_MEMORY, "no memory to fold constants");
        return;
    }
    code[0] = step->kind | (uint32_t)step->op << 8 | (uint32_t)step->n_out << 16 |
              (uint32_t)step->n_in << 24;
    code[1] = words;
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct wr_tensor *t = &g->tensors[step->tensors[i]];
        code[2 + 2 * i] = i < step->n_out ? at : (t->at | WR_PROGRAM_CONST);
        code[3 + 2 * i] = operand_meta(t);
        at += i < step->n_out ? (t->count * 8 + 63) & ~63u : 0;
    }
    if (step->n_params > 0) {
        memcpy(code + 2 + 2 * (size_t)n, step->params, step->n_params * sizeof *code);
    }
    if (wr_kernel_step(g->constants, scratch, code) != WR_KERNEL_OK) {
        wr_graph_fail(g, WR_E_MODEL, "an index of a constant lies out of range");
        return;
    }
    for (uint32_t i = 0; i < step->n_out; i++) {
        struct wr_tensor *t = &g->tensors[step->tensors[i]];
        t->constant = true;
        t->at = has_place(g, step) ? g->tensors[step->tensors[1]].at : g->n_constants;
        memcpy(g->constants + t->at, scratch + code[2 + 2 * i],
               (size_t)t->count * wr_element_size(t->type));
        g->n_constants += has_place(g, step) ? 0 : (uint32_t)constant_size(t);
    }
    wr_arena_rewind(g->arena, mark);
}

static void push_step(struct wr_graph *g, const struct wr_graph_step *step)
{
    if (g->n_steps >= WR_LIMIT_PROGRAM_STEPS) {
        wr_graph_fail(g, WR_E_LIMIT, "more than %u steps", WR_LIMIT_PROGRAM_STEPS);
        return;
    }
    struct wr_graph_step *steps =
        wr_graph_grown(g, g->steps, g->n_steps, &g->step_cap, sizeof *steps);
    if (steps != NULL) {
        g->steps = steps;
        steps[g->n_steps++] = *step;
    }
}

uint32_t wr_graph_step(struct wr_graph *g, unsigned kind, unsigned op,
                       const struct wr_graph_out *outs, uint32_t n_out, const uint32_t *ins,
                       uint32_t n_in, const uint32_t *params, uint32_t n_params)
{
    bool constant = true, idle;
    idle = outs[0].shape.rank <= WR_LIMIT_PROGRAM_RANK && wr_shape_count(&outs[0].shape) == 0;
    for (uint32_t i = 0; i < n_in; i++) {
        if (ins[i] == WR_NO_TENSOR) {
            return wr_graph_fail(g, WR_E_MODEL, "an input is missing");
        }
        if (g->tensors[ins[i]].count == 0 && !idle) {
            return wr_graph_fail(g, WR_E_MODEL, "nothing can be made of an input of no elements");
        }
        constant = constant && g->tensors[ins[i]].constant;
    }
    if (n_in + n_out > WR_LIMIT_STEP_OPERANDS) {
        return wr_graph_fail(g, WR_E_LIMIT, "more than %u operands", WR_LIMIT_STEP_OPERANDS);
    }
    uint32_t *tensors = wr_arena_alloc(g->arena, (n_out + n_in) * sizeof *tensors, 4);
    uint32_t *copy = wr_arena_alloc(g->arena, (n_params + 1) * sizeof *copy, 4);
    if (tensors == NULL || copy == NULL) {
        return wr_graph_fail(g, WR_E_MEMORY, "no memory for a step");
    }
    for (uint32_t i = 0; i < n_out; i++) {
        tensors[i] = new_tensor(g, outs[i].type, &outs[i].shape);
        if (tensors[i] == WR_NO_TENSOR) {
            return WR_NO_TENSOR;
        }
    }
    if (idle) {
        return tensors[0];
    }
    memcpy(tensors + n_out, ins, n_in * sizeof *ins);
    if (n_params > 0) {
        memcpy(copy, params, n_params * sizeof *copy);
    }
    struct wr_graph_step step = {
        (uint8_t)kind, (uint8_t)op, (uint8_t)n_out, (uint8_t)n_in, n_params, tensors, copy};
    if (constant) {
        fold(g, &step);
    } else {
        push_step(g, &step);
    }
    return g->code == WR_OK ? tensors[0] : WR_NO_TENSOR;
}

void wr_graph_put_double(uint32_t words[2], double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    words[0] = (uint32_t)bits;
    words[1] = (uint32_t)(bits >> 32);
}
