/* SPDX-License-Identifier: Apache-2.0 */
/* The policy machine: one loop over instructions, an explicit stack of calls.
 *
 * Every loop of a policy passes through NEXT, a call, a builtin or an accumulator, and each of
 * these takes fuel; straight-line code is bounded by the size of the program. */
#include "rego/vm.h"

#include "base/num.h"
#include "base/pow10.h"

#define BLOCK_REGISTERS 512
#define POLL_MASK       0x3FFu

wr_err wr_vm_fail(struct vm *vm, uint32_t pc, wr_err code, const char *message)
{
    const struct wr_function *f = vm->function;
    wr_fail(vm->error, code, "%s", message);
    if (vm->error != NULL) {
        wr_error_where(vm->error, f->file.n > 0 ? f->file.p : "", f->file.n);
        vm->error->row = pc < f->n_code ? f->places[pc].row : 0;
        vm->error->col = pc < f->n_code ? f->places[pc].col : 0;
    }
    return code;
}

/* An error that a part of the machine returned without words. */
static wr_err fail_with(struct vm *vm, uint32_t pc, wr_err code)
{
    switch (code) {
    case WR_E_EVAL_CONFLICT:
        return wr_vm_fail(vm, pc, code, "object keys must be unique");
    case WR_E_EVAL_CANCEL:
        return wr_vm_fail(vm, pc, code, "caller cancelled query execution: the fuel is used up");
    default:
        return wr_vm_fail(vm, pc, WR_E_MEMORY, "no room left for this evaluation");
    }
}

/* ── fuel ───────────────────────────────────────────────────────────────────────────────────── */

static inline bool burn(struct vm *vm, uint32_t units)
{
    if (WR_UNLIKELY(vm->fuel < units)) {
        vm->fuel = 0;
        return false;
    }
    vm->fuel -= units;
    if (WR_UNLIKELY((vm->fuel & POLL_MASK) == 0) && vm->how->interrupt != NULL) {
        return *vm->how->interrupt == 0;
    }
    return true;
}

/* ── frames ─────────────────────────────────────────────────────────────────────────────────── */

static struct wr_value *take_block(struct vm *vm, uint32_t n)
{
    struct vm_block *block = vm->block;
    while (block != NULL && block->cap - block->used < n) {
        if (block->next == NULL || block->next->cap < n) {
            uint32_t cap = WR_MAX(n, BLOCK_REGISTERS);
            struct vm_block *fresh = WR_NEW(vm->arena, struct vm_block);
            struct wr_value *items = wr_arena_alloc(vm->arena, cap * sizeof(items[0]), 16);
            if (fresh == NULL || items == NULL) {
                return NULL;
            }
            *fresh = (struct vm_block){block->next, items, cap, 0};
            block->next = fresh;
        }
        block = block->next;
        block->used = 0;
    }
    vm->block = block;
    struct wr_value *registers = &block->items[block->used];
    block->used += n;
    return registers;
}

static inline struct wr_value *take_registers(struct vm *vm, uint32_t n)
{
    struct vm_block *block = vm->block;
    if (WR_UNLIKELY(block->cap - block->used < n)) {
        return take_block(vm, n);
    }
    block->used += n;
    return &block->items[block->used - n];
}

bool wr_vm_start(struct vm *vm)
{
    vm->registers = take_registers(vm, vm->function->n_registers);
    return vm->registers != NULL;
}

static bool more_frames(struct vm *vm)
{
    uint32_t cap = vm->cap_frames == 0 ? 16 : vm->cap_frames * 2;
    struct vm_frame *frames =
        wr_arena_alloc(vm->arena, cap * sizeof(frames[0]), alignof(struct vm_frame));
    if (frames == NULL) {
        return false;
    }
    if (vm->n_frames > 0) {
        memcpy(frames, vm->frames, vm->n_frames * sizeof(frames[0]));
    }
    vm->frames = frames;
    vm->cap_frames = cap;
    return true;
}

/* Enters a function; its result goes to `target`, or the caller goes on at `fail`. */
static wr_err enter(struct vm *vm, uint32_t id, uint32_t pc, const struct wr_insn *in,
                    struct wr_value *memory, const struct wr_value *args, uint32_t n_args)
{
    const struct wr_function *f = &vm->unit->functions[id];
    if (vm->n_frames == vm->cap_frames && !more_frames(vm)) {
        return WR_E_MEMORY;
    }
    if (vm->n_frames >= WR_LIMIT_REGO_CALLS) {
        return wr_vm_fail(vm, pc, WR_E_LIMIT, "too many nested calls (WR_LIMIT_REGO_CALLS)");
    }
    vm->frames[vm->n_frames++] = (struct vm_frame){.function = vm->function,
                                                   .pc = pc,
                                                   .registers = vm->registers,
                                                   .context = vm->context,
                                                   .memory = memory,
                                                   .block = vm->block,
                                                   .used = vm->block->used,
                                                   .fail = in->t,
                                                   .target = in->a};
    struct wr_value *registers = take_registers(vm, f->n_registers);
    if (registers == NULL) {
        return WR_E_MEMORY;
    }
    for (uint32_t i = 0; i < n_args; i++) {
        registers[i] = args[i];
    }
    vm->registers = registers;
    vm->function = f;
    if (WR_UNLIKELY(vm->how->trace != NULL) && f->entered) {
        vm->how->trace(vm->how->trace_context, true, f->name, f->file, f->row);
    }
    return WR_OK;
}

/* Leaves the running function; returns where the caller goes on. */
static uint32_t leave(struct vm *vm, struct wr_value result)
{
    struct vm_frame *frame = &vm->frames[--vm->n_frames];
    if (WR_UNLIKELY(vm->how->trace != NULL) && vm->function->entered) {
        const struct wr_function *f = vm->function;
        vm->how->trace(vm->how->trace_context, false, f->name, f->file, f->row);
    }
    if (frame->memory != NULL) {
        *frame->memory = result;
    }
    vm->function = frame->function;
    vm->registers = frame->registers;
    vm->context = frame->context;
    vm->block = frame->block;
    vm->block->used = frame->used;
    if (result.type == WR_UNDEFINED) {
        return frame->fail;
    }
    vm->registers[frame->target] = result;
    return frame->pc + 1;
}

/* ── comparison and arithmetic ──────────────────────────────────────────────────────────────── */

#define WR_POW10_I64 18 /* the last power of ten in 64 bits with a sign */

/* Decimals of different scales: the one with fewer digits behind the point gets more. */
static bool compare_scaled(const struct wr_value *a, const struct wr_value *b, int *order)
{
    bool more = a->scale < b->scale;
    uint32_t by = more ? (uint32_t)(b->scale - a->scale) : (uint32_t)(a->scale - b->scale);
    int64_t x = a->i, y = b->i;
    if (by > WR_POW10_I64 ||
        __builtin_mul_overflow(more ? x : y, (int64_t)wr_pow10_u64[by], more ? &x : &y)) {
        return false;
    }
    *order = (x > y) - (x < y);
    return true;
}

static inline int compare(const struct wr_value *a, const struct wr_value *b)
{
    int order;
    if (WR_LIKELY(a->type == WR_NUMBER && b->type == WR_NUMBER && a->kind == WR_DEC &&
                  b->kind == WR_DEC)) {
        if (a->scale == b->scale) {
            return (a->i > b->i) - (a->i < b->i);
        }
        if (compare_scaled(a, b, &order)) {
            return order;
        }
    }
    return wr_value_cmp(a, b);
}

static bool compares(const struct wr_value *a, const struct wr_value *b, uint32_t how)
{
    switch (how) {
    case WR_COMPARE_EQ:
        return wr_vm_equal(a, b);
    case WR_COMPARE_NEQ:
        return !wr_vm_equal(a, b);
    case WR_COMPARE_LT:
        return compare(a, b) < 0;
    default:
        return compare(a, b) <= 0;
    }
}

/* A text among the elements of an array, or the values of an object (stride 2, from 1 on). */
static bool has_text(const struct wr_value *items, uint32_t n, uint32_t stride,
                     const struct wr_value *x)
{
    for (uint32_t i = 0; i < n; i++, items += stride) {
        if (items->n == x->n && items->type == WR_STRING &&
            wr_bytes_eq(items->text, x->text, x->n)) {
            return true;
        }
    }
    return false;
}

static bool is_member(struct vm *vm, const struct wr_value *x, const struct wr_value *c)
{
    if (c->type == WR_SET && (x->type != WR_STRING || c->n > 8)) {
        return wr_set_has(c, x);
    }
    if (c->type < WR_ARRAY || c->type > WR_SET) {
        return false;
    }
    uint32_t stride = c->type == WR_OBJECT ? 2 : 1;
    const struct wr_value *items = c->items + (stride - 1);
    burn(vm, c->n / 8);
    if (x->type == WR_STRING) {
        return has_text(items, c->n, stride, x);
    }
    for (uint32_t i = 0; i < c->n; i++) {
        if (wr_vm_equal(x, &items[(size_t)i * stride])) {
            return true;
        }
    }
    return false;
}

/* ── builtins ───────────────────────────────────────────────────────────────────────────────── */

/* out undefined: no result (or an error that does not count). */
static wr_err call_builtin(struct vm *vm, uint32_t pc, const struct wr_builtin *b,
                           const struct wr_value *args, uint32_t n, struct wr_value *out)
{
    *out = wr_undefined();
    vm->call.self = b;
    if (vm->call.cache == NULL &&
        (b->cost == WR_COST_HEAVY || (b->flags & WR_BUILTIN_NONDET) != 0)) {
        vm->call.cache = wr_builtin_cache_new(vm->arena);
    }
    if (b->fn == NULL) {
        return vm->how->strict_builtin_errors
                   ? wr_vm_fail(vm, pc, WR_E_EVAL_BUILTIN, "there is no network here")
                   : WR_OK;
    }
    wr_err err = b->fn(&vm->call, args, n, out);
    if (WR_LIKELY(err == WR_OK)) {
        return WR_OK;
    }
    *out = wr_undefined();
    bool soft = err == WR_E_EVAL_TYPE || err == WR_E_EVAL_BUILTIN;
    if (soft && !vm->how->strict_builtin_errors) {
        return WR_OK;
    }
    if (vm->error == NULL) {
        return err;
    }
    char text[WR_LIMIT_ERROR_TEXT];
    memcpy(text, vm->error->text, sizeof(text));
    return wr_vm_fail(vm, pc, err, text);
}

static const struct vm_mock *find_mock(const struct vm_context *context,
                                       const struct wr_rule_node *node,
                                       const struct wr_builtin *builtin)
{
    for (const struct vm_mock *m = context->mocks; m != NULL; m = m->next) {
        if (node != NULL ? m->entry->node == node && m->entry->builtin == NULL
                         : m->entry->builtin == builtin) {
            return m;
        }
    }
    return NULL;
}

/* Calls the function that stands in for another one. */
static wr_err enter_mock(struct vm *vm, const struct vm_mock *mock, uint32_t pc,
                         const struct wr_insn *in)
{
    const struct wr_rule_node *by = mock->entry->by_function;
    struct vm_context *context = wr_vm_unmocked(vm);
    if (context == NULL) {
        return WR_E_MEMORY;
    }
    wr_err err = enter(vm, by->id, pc, in, NULL, &vm->registers[in->b], in->c);
    if (err == WR_OK) {
        vm->context = context;
    }
    return err;
}

static struct vm_context *context_of(const struct wr_value *v)
{
    WR_ASSERT(v->type == VM_CONTEXT);
    return (struct vm_context *)(uintptr_t)v->text;
}

enum outcome { HERE, ENTERED, ABSENT, BROKEN };

static enum outcome judged(struct wr_value *target, struct wr_value out, wr_err err)
{
    *target = out;
    return err != WR_OK ? BROKEN : out.type == WR_UNDEFINED ? ABSENT : HERE;
}

/* What a mock puts in the place of a call. */
static enum outcome run_mock(struct vm *vm, const struct vm_mock *mock, uint32_t pc,
                             const struct wr_insn *in, struct wr_value *r, wr_err *err)
{
    struct wr_value out = mock->value;
    *err = WR_OK;
    if (mock->entry->by_function != NULL) {
        *err = enter_mock(vm, mock, pc, in);
        return *err == WR_OK ? ENTERED : BROKEN;
    }
    if (mock->entry->by_builtin != NULL) {
        *err = call_builtin(vm, pc, mock->entry->by_builtin, &r[in->b], in->c, &out);
    }
    return judged(&r[in->a], out, *err);
}

static enum outcome call_function(struct vm *vm, uint32_t pc, const struct wr_insn *in,
                                  struct wr_value *r, wr_err *err)
{
    if (WR_UNLIKELY(vm->context->mocks != NULL)) {
        const struct wr_rule_node *node = vm->query->program->resolved.tree.nodes[in->d];
        const struct vm_mock *mock = find_mock(vm->context, node, NULL);
        if (mock != NULL) {
            return run_mock(vm, mock, pc, in, r, err);
        }
    }
    *err = enter(vm, in->d, pc, in, NULL, &r[in->b], in->c);
    return *err == WR_OK ? ENTERED : BROKEN;
}

/* A builtin while some functions are replaced. */
static enum outcome call_mocked(struct vm *vm, uint32_t pc, const struct wr_insn *in,
                                struct wr_value *r, wr_err *err)
{
    const struct wr_builtin *b = vm->unit->builtins[in->d];
    const struct vm_mock *mock = find_mock(vm->context, NULL, b);
    struct wr_value out;
    if (mock != NULL) {
        return run_mock(vm, mock, pc, in, r, err);
    }
    *err = call_builtin(vm, pc, b, &r[in->b], in->c, &out);
    return judged(&r[in->a], out, *err);
}

/* ── iteration ──────────────────────────────────────────────────────────────────────────────── */

static inline bool next_of(struct wr_value *iter, struct wr_value *key, struct wr_value *value)
{
    const struct wr_value *of = &iter[0];
    int64_t i = iter[1].i;
    if (i >= (int64_t)of->n) {
        return false;
    }
    iter[1].i = i + 1;
    if (of->type == WR_OBJECT) {
        if (key != NULL) {
            *key = of->pairs[i].key;
        }
        if (value != NULL) {
            *value = of->pairs[i].value;
        }
        return true;
    }
    if (key != NULL) {
        *key = of->type == WR_ARRAY ? wr_int(i) : of->items[i];
    }
    if (value != NULL) {
        *value = of->items[i];
    }
    return true;
}

static bool emit(struct vm *vm, const struct wr_value *from, uint32_t n_names, uint32_t n_values)
{
    if (vm->n_results == vm->cap_results) {
        uint32_t cap = vm->cap_results == 0 ? 4 : vm->cap_results * 2;
        struct wr_rego_result *results =
            wr_arena_alloc(vm->arena, cap * sizeof(results[0]), alignof(struct wr_rego_result));
        if (results == NULL) {
            return false;
        }
        if (vm->n_results > 0) {
            memcpy(results, vm->results, vm->n_results * sizeof(results[0]));
        }
        vm->results = results;
        vm->cap_results = cap;
    }
    struct wr_pair *pairs =
        wr_arena_alloc(vm->arena, n_names * sizeof(pairs[0]), alignof(struct wr_pair));
    struct wr_value *values =
        wr_arena_alloc(vm->arena, n_values * sizeof(values[0]), alignof(struct wr_value));
    if (pairs == NULL || values == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < n_names; i++) {
        pairs[i] = (struct wr_pair){vm->query->names[i], from[i]};
    }
    for (uint32_t i = 0; i < n_values; i++) {
        values[i] = from[n_names + i];
    }
    vm->results[vm->n_results++] = (struct wr_rego_result){
        .bindings = {.type = WR_OBJECT, .n = n_names, .pairs = pairs},
        .values = values,
        .n_values = n_values,
    };
    return true;
}

/* ── documents ──────────────────────────────────────────────────────────────────────────────── */

/* The document of a node: HERE with *out set, ABSENT, or ENTERED its function. */
static enum outcome document(struct vm *vm, uint32_t pc, const struct wr_insn *in, uint32_t id,
                             struct wr_value *out, wr_err *err)
{
    struct wr_value *memory = &vm->context->memory[id];
    if (memory->type == VM_UNKNOWN) {
        const struct wr_rule_node *node = vm->query->program->resolved.tree.nodes[id];
        if (WR_UNLIKELY(vm->context->shadows != NULL) && wr_vm_shadowed(vm->context, node)) {
            const struct wr_value *base = wr_vm_base_of(vm, node);
            *memory = base != NULL ? *base : wr_undefined();
        } else {
            memory->type = VM_RUNNING;
            *err = enter(vm, id, pc, in, memory, NULL, 0);
            return *err == WR_OK ? ENTERED : BROKEN;
        }
    }
    if (WR_UNLIKELY(memory->type == VM_RUNNING)) {
        *err = wr_vm_fail(vm, pc, WR_E_EVAL_INTERNAL, "a rule depends on itself");
        return BROKEN;
    }
    *out = *memory;
    return memory->type == WR_UNDEFINED ? ABSENT : HERE;
}

static inline const struct wr_value *base_document(struct vm *vm, uint32_t path)
{
    const struct wr_value *v = &vm->context->data_slots[path];
    if (WR_LIKELY(v->type != VM_UNKNOWN)) {
        return v;
    }
    return wr_vm_slot(vm->unit, &vm->unit->data, vm->context->data_slots, &vm->context->data, path);
}

/* A list of the program's own data as a set, if it is long enough to have been made one. */
static inline const struct wr_value *long_list(const struct vm *vm, uint32_t path)
{
    const struct wr_rego_program *program = vm->query->program;
    if (vm->context->own_data || path >= program->n_members ||
        program->members[path].type == WR_UNDEFINED) {
        return NULL;
    }
    return &program->members[path];
}

static struct wr_value node_value(struct vm *vm, uint32_t id)
{
    const struct wr_rule_node *node = vm->query->program->resolved.tree.nodes[id];
    if (vm->context->shadows != NULL && wr_vm_shadowed(vm->context, node)) {
        const struct wr_value *base = wr_vm_base_of(vm, node);
        return base != NULL ? *base : wr_undefined();
    }
    return (struct wr_value){.type = VM_NODE, .n = id};
}

/* One step of a reference below a node or a value. */
static enum outcome step(struct vm *vm, uint32_t pc, const struct wr_insn *in,
                         const struct wr_value *of, const struct wr_value *key,
                         struct wr_value *out, wr_err *err)
{
    const struct wr_value *at;
    if (of->type != VM_NODE) {
        at = wr_vm_element(of, key);
    } else {
        const struct wr_rule_node *node = vm->query->program->resolved.tree.nodes[of->n];
        const struct wr_rule_node *child = wr_tree_child(node, key);
        if (child != NULL && child->kind == WR_NODE_INNER) {
            *out = node_value(vm, child->id);
            return out->type == WR_UNDEFINED ? ABSENT : HERE;
        }
        if (child != NULL && child->kind != WR_NODE_FUNCTION) {
            return document(vm, pc, in, child->id, out, err);
        }
        const struct wr_value *base = wr_vm_base_of(vm, node);
        at = base != NULL ? wr_vm_element(base, key) : NULL;
    }
    if (at == NULL) {
        return ABSENT;
    }
    *out = *at;
    return HERE;
}

/* ── building ───────────────────────────────────────────────────────────────────────────────── */

static bool build(struct vm *vm, const struct wr_insn *in, const struct wr_value *from,
                  struct wr_value *out)
{
    uint32_t n = in->op == WR_OP_OBJECT ? in->c * 2u : in->c;
    struct wr_value *items =
        wr_arena_alloc(vm->arena, n * sizeof(items[0]), alignof(struct wr_value));
    if (items == NULL || !burn(vm, n)) {
        return false;
    }
    memcpy(items, from, n * sizeof(items[0]));
    *out = in->op == WR_OP_ARRAY ? wr_array(items, n)
           : in->op == WR_OP_SET ? wr_set_from(items, n)
                                 : wr_object_from((struct wr_pair *)(void *)items, in->c);
    return true;
}

/* ── the loop ───────────────────────────────────────────────────────────────────────────────── */

/* Two dispatchers for one body: a jump table where the compiler has labels as values, else a
 * switch (also with -DWR_VM_SWITCH, so that the tests can run both). */
#if defined(__GNUC__) && !defined(WR_VM_SWITCH)
#define CASE(name) on_##name:
#define GO()       __extension__({ goto *labels[in->op]; })
#define LOOP_BEGIN GO();
#define LOOP_END
#define LABEL(name, operands, jumps, cost, effect) [WR_OP_##name] = __extension__ && on_##name,
#else
#define CASE(name) case WR_OP_##name:
#define GO()       goto dispatch
#define LOOP_BEGIN                                                                                 \
    dispatch:                                                                                      \
    switch (in->op) {
#define LOOP_END                                                                                   \
    default:                                                                                       \
        WR_UNREACHABLE();                                                                          \
        }
#endif

#define NEXT()                                                                                     \
    do {                                                                                           \
        in++;                                                                                      \
        GO();                                                                                      \
    } while (0)
#define FAIL()                                                                                     \
    do {                                                                                           \
        in = code + in->t;                                                                         \
        GO();                                                                                      \
    } while (0)
#define NEXT_IF(condition)                                                                         \
    do {                                                                                           \
        if (condition) {                                                                           \
            NEXT();                                                                                \
        }                                                                                          \
        FAIL();                                                                                    \
    } while (0)
#define PC ((uint32_t)(in - code))
#define BURN(units)                                                                                \
    do {                                                                                           \
        if (WR_UNLIKELY(!burn(vm, (units)))) {                                                     \
            return fail_with(vm, PC, WR_E_EVAL_CANCEL);                                            \
        }                                                                                          \
    } while (0)
#define TRY(call)                                                                                  \
    do {                                                                                           \
        wr_err try_err = (call);                                                                   \
        if (WR_UNLIKELY(try_err != WR_OK)) {                                                       \
            return fail_with(vm, PC, try_err);                                                     \
        }                                                                                          \
    } while (0)
/* Goes on where a document was found, was not, or in the function that makes it. */
#define JUDGE(call)                                                                                \
    do {                                                                                           \
        switch (call) {                                                                            \
        case HERE:                                                                                 \
            NEXT();                                                                                \
        case ABSENT:                                                                               \
            FAIL();                                                                                \
        case ENTERED:                                                                              \
            in = code = vm->function->code;                                                        \
            r = vm->registers;                                                                     \
            GO();                                                                                  \
        case BROKEN:                                                                               \
            return err == WR_E_MEMORY ? fail_with(vm, PC, err) : err;                              \
        }                                                                                          \
        WR_UNREACHABLE();                                                                          \
    } while (0)

#define FIND_INPUT(into) const struct wr_value *into = wr_vm_input(vm, in->d);
#define INPUT_CASE(name, test)                                                                     \
    CASE(INPUT_##name)                                                                             \
    {                                                                                              \
        FIND_INPUT(v);                                                                             \
        const struct wr_value *w = &k[in->b];                                                      \
        NEXT_IF(v->type != WR_UNDEFINED && (test));                                                \
    }
#define DATA_CASE(name, test)                                                                      \
    CASE(name##_DATA)                                                                              \
    {                                                                                              \
        const struct wr_value *v = &r[in->b], *w = base_document(vm, in->d);                       \
        NEXT_IF(w->type != WR_UNDEFINED && (test));                                                \
    }                                                                                              \
    CASE(INPUT_##name##_DATA)                                                                      \
    {                                                                                              \
        FIND_INPUT(v);                                                                             \
        const struct wr_value *w = base_document(vm, in->b);                                       \
        NEXT_IF(v->type != WR_UNDEFINED && w->type != WR_UNDEFINED && (test));                     \
    }
#define GET_CASE(name, test)                                                                       \
    CASE(GET_##name)                                                                               \
    {                                                                                              \
        const struct wr_value *v = wr_vm_field(vm, &r[in->b], &k[in->d], in->d);                   \
        const struct wr_value *w = &k[in->c];                                                      \
        if (v == NULL) {                                                                           \
            FAIL();                                                                                \
        }                                                                                          \
        NEXT_IF(test);                                                                             \
    }
#define ARITHMETIC_CASE(name, overflows)                                                           \
    CASE(name)                                                                                     \
    {                                                                                              \
        const struct wr_value *x = &r[in->b], *y = &r[in->c];                                      \
        int64_t sum;                                                                               \
        if (wr_vm_is_int(x) && wr_vm_is_int(y) && !overflows(x->i, y->i, &sum)) {                  \
            r[in->a] = wr_int(sum);                                                                \
            NEXT();                                                                                \
        }                                                                                          \
        struct wr_value args[2] = {*x, *y};                                                        \
        BURN(1);                                                                                   \
        err = call_builtin(vm, PC, vm->unit->builtins[in->d], args, 2, &out);                      \
        if (err != WR_OK) {                                                                        \
            return err;                                                                            \
        }                                                                                          \
        r[in->a] = out;                                                                            \
        NEXT_IF(out.type != WR_UNDEFINED);                                                         \
    }

wr_err wr_vm_run(struct vm *vm)
{
#ifdef LABEL
    static const void *const labels[WR_OPCODES] = {WR_OPCODE_TABLE(LABEL)};
#endif
    const struct wr_insn *code = vm->function->code, *in = code;
    const struct wr_value *k = vm->unit->consts;
    struct wr_value *r = vm->registers;
    struct wr_value out;
    wr_err err = WR_OK;
    LOOP_BEGIN
    CASE(JUMP)
    FAIL();
    CASE(MOVE)
    r[in->a] = r[in->b];
    NEXT();
    CASE(CONST)
    r[in->a] = k[in->d];
    NEXT();
    CASE(UNDEF)
    r[in->a] = wr_undefined();
    NEXT();
    CASE(IF_DEFINED)
    NEXT_IF(r[in->b].type == WR_UNDEFINED);
    CASE(IF_UNDEFINED)
    NEXT_IF(r[in->b].type != WR_UNDEFINED);
    CASE(INPUT)
    {
        FIND_INPUT(v);
        r[in->a] = *v;
        NEXT_IF(v->type != WR_UNDEFINED);
    }
    CASE(DATA)
    {
        const struct wr_value *v = base_document(vm, in->d);
        r[in->a] = *v;
        NEXT_IF(v->type != WR_UNDEFINED);
    }
    CASE(GET)
    {
        const struct wr_value *v = wr_vm_element(&r[in->b], &r[in->c]);
        if (v == NULL) {
            FAIL();
        }
        r[in->a] = *v;
        NEXT();
    }
    CASE(GET_CONST)
    {
        const struct wr_value *v = wr_vm_field(vm, &r[in->b], &k[in->d], in->d);
        if (v == NULL) {
            FAIL();
        }
        r[in->a] = *v;
        NEXT();
    }
    CASE(IS_ARRAY)
    NEXT_IF(r[in->b].type == WR_ARRAY && r[in->b].n == in->d);
    CASE(IS_OBJECT)
    NEXT_IF(r[in->b].type == WR_OBJECT && r[in->b].n == in->d);
    CASE(TRUE)
    NEXT_IF(!wr_is_false(r[in->b]));
    CASE(EQ)
    NEXT_IF(wr_vm_equal(&r[in->b], &r[in->c]));
    CASE(NEQ)
    NEXT_IF(!wr_vm_equal(&r[in->b], &r[in->c]));
    CASE(LT)
    NEXT_IF(compare(&r[in->b], &r[in->c]) < 0);
    CASE(LTE)
    NEXT_IF(compare(&r[in->b], &r[in->c]) <= 0);
    CASE(EQ_CONST)
    NEXT_IF(wr_vm_equal(&r[in->b], &k[in->d]));
    CASE(NEQ_CONST)
    NEXT_IF(!wr_vm_equal(&r[in->b], &k[in->d]));
    CASE(LT_CONST)
    NEXT_IF(compare(&r[in->b], &k[in->d]) < 0);
    CASE(LTE_CONST)
    NEXT_IF(compare(&r[in->b], &k[in->d]) <= 0);
    CASE(GT_CONST)
    NEXT_IF(compare(&r[in->b], &k[in->d]) > 0);
    CASE(GTE_CONST)
    NEXT_IF(compare(&r[in->b], &k[in->d]) >= 0);
    INPUT_CASE(EQ, wr_vm_equal(v, w))
    INPUT_CASE(NEQ, !wr_vm_equal(v, w))
    INPUT_CASE(LT, compare(v, w) < 0)
    INPUT_CASE(LTE, compare(v, w) <= 0)
    INPUT_CASE(GT, compare(v, w) > 0)
    INPUT_CASE(GTE, compare(v, w) >= 0)
    DATA_CASE(EQ, wr_vm_equal(v, w))
    DATA_CASE(NEQ, !wr_vm_equal(v, w))
    DATA_CASE(LT, compare(v, w) < 0)
    DATA_CASE(LTE, compare(v, w) <= 0)
    DATA_CASE(GT, compare(v, w) > 0)
    DATA_CASE(GTE, compare(v, w) >= 0)
    GET_CASE(EQ, wr_vm_equal(v, w))
    GET_CASE(NEQ, !wr_vm_equal(v, w))
    GET_CASE(LT, compare(v, w) < 0)
    GET_CASE(LTE, compare(v, w) <= 0)
    GET_CASE(GT, compare(v, w) > 0)
    GET_CASE(GTE, compare(v, w) >= 0)
    CASE(COMPARE)
    r[in->a] = wr_bool(compares(&r[in->b], &r[in->c], in->d));
    NEXT();
    CASE(MEMBER)
    BURN(1);
    NEXT_IF(is_member(vm, &r[in->b], &r[in->c]));
    CASE(MEMBER_DATA)
    {
        const struct wr_value *list = long_list(vm, in->d);
        BURN(1);
        if (list != NULL) {
            NEXT_IF(wr_set_has(list, &r[in->b]));
        }
        NEXT_IF(is_member(vm, &r[in->b], base_document(vm, in->d)));
    }
    ARITHMETIC_CASE(PLUS, __builtin_add_overflow)
    ARITHMETIC_CASE(MINUS, __builtin_sub_overflow)
    ARITHMETIC_CASE(TIMES, __builtin_mul_overflow)
    CASE(ITER)
    BURN(1);
    r[in->a] = r[in->b];
    r[in->a + 1] = wr_int(0);
    NEXT_IF(r[in->b].type >= WR_ARRAY && r[in->b].type <= WR_SET);
    CASE(NEXT)
    BURN(1);
    NEXT_IF(next_of(&r[in->a], in->b == WR_NO_REGISTER ? NULL : &r[in->b],
                    in->c == WR_NO_REGISTER ? NULL : &r[in->c]));
    CASE(NODE)
    r[in->a] = node_value(vm, in->d);
    NEXT();
    CASE(KEYS)
    if (!wr_vm_keys(vm, &r[in->b], &r[in->a])) {
        if (wr_arena_failed(vm->arena)) {
            return fail_with(vm, PC, WR_E_MEMORY);
        }
        FAIL();
    }
    BURN(1 + r[in->a].n);
    NEXT();
    CASE(STEP)
    BURN(1);
    JUDGE(step(vm, PC, in, &r[in->b], &r[in->c], &r[in->a], &err));
    CASE(FORCE)
    BURN(1);
    if (r[in->b].type != VM_NODE) {
        r[in->a] = r[in->b];
        NEXT_IF(r[in->a].type != WR_UNDEFINED);
    }
    JUDGE(document(vm, PC, in, r[in->b].n, &r[in->a], &err));
    CASE(RULE)
    BURN(1);
    {
        const struct wr_value *known = &vm->context->memory[in->d];
        if (known->type < VM_LEAST) {
            r[in->a] = *known;
            NEXT_IF(known->type != WR_UNDEFINED);
        }
    }
    JUDGE(document(vm, PC, in, in->d, &r[in->a], &err));
    CASE(CALL)
    BURN(1);
    JUDGE(call_function(vm, PC, in, r, &err));
    CASE(BUILTIN)
    BURN(1);
    if (WR_UNLIKELY(vm->context->mocks != NULL)) {
        JUDGE(call_mocked(vm, PC, in, r, &err));
    }
    err = call_builtin(vm, PC, vm->unit->builtins[in->d], &r[in->b], in->c, &out);
    if (WR_UNLIKELY(err != WR_OK)) {
        return err;
    }
    r[in->a] = out;
    NEXT_IF(out.type != WR_UNDEFINED);
    CASE(ARRAY)
    CASE(SET)
    CASE(OBJECT)
    if (WR_UNLIKELY(!build(vm, in, &r[in->b], &out))) {
        return fail_with(vm, PC, vm->fuel == 0 ? WR_E_EVAL_CANCEL : WR_E_MEMORY);
    }
    r[in->a] = out;
    NEXT();
    CASE(COLLECT)
    if (WR_UNLIKELY(!wr_vm_collect_new(vm, in->d, &r[in->a]))) {
        return fail_with(vm, PC, WR_E_MEMORY);
    }
    NEXT();
    CASE(ADD)
    BURN(1);
    TRY(wr_vm_collect_add(vm, &r[in->a], r[in->b]));
    NEXT();
    CASE(ADD_CONST)
    BURN(1);
    TRY(wr_vm_collect_add(vm, &r[in->a], k[in->d]));
    NEXT();
    CASE(GROUND)
    BURN(1 + vm->unit->grounds[in->d].n / 64);
    if (WR_UNLIKELY(!wr_vm_collect_ground(vm, &vm->unit->grounds[in->d], &r[in->a]))) {
        return fail_with(vm, PC, WR_E_MEMORY);
    }
    NEXT();
    CASE(MARK)
    BURN(1);
    wr_vm_collect_mark(&r[in->a], in->d);
    NEXT();
    CASE(PUT)
    BURN(1);
    TRY(wr_vm_collect_put(vm, &r[in->a], r[in->b], r[in->c]));
    NEXT();
    CASE(PUT_PATH)
    BURN(1);
    TRY(wr_vm_collect_path(vm, &r[in->a], &r[in->b], in->c, r[in->b + in->c], in->d != 0));
    NEXT();
    CASE(CLAUSES)
    {
        const struct wr_index *index = vm->unit->indexes[in->d];
        BURN(1 + index->n_words);
        if (WR_UNLIKELY(!wr_vm_clauses(vm, index, &r[in->a]))) {
            return fail_with(vm, PC, WR_E_MEMORY);
        }
        NEXT();
    }
    CASE(SELECT)
    if (WR_UNLIKELY(r[in->a].type != VM_CLAUSES)) {
        NEXT();
    }
    BURN(wr_vm_select_cost(&r[in->a]));
    NEXT_IF(wr_vm_select(vm, &r[in->a]));
    CASE(NEED)
    NEXT_IF(r[in->a].type == VM_CLAUSES && wr_vm_need(&r[in->a], in->d));
    CASE(NARROW)
    BURN(1);
    wr_vm_narrow(&r[in->a], in->d, &r[in->b]);
    NEXT();
    CASE(CANDIDATE)
    {
        if (WR_UNLIKELY(r[in->a].type != VM_CLAUSES)) {
            NEXT();
        }
        uint32_t at = wr_vm_candidate(&r[in->a]);
        if (at == UINT32_MAX) {
            FAIL();
        }
        in = code + at;
        GO();
    }
    CASE(DONE)
    NEXT_IF(r[in->a].type != VM_CLAUSES || wr_vm_done(&r[in->a], in->d));
    CASE(ZERO)
    BURN(1 + in->d / 4);
    wr_vm_zero(&r[in->a], in->d);
    NEXT();
    CASE(COUNT)
    BURN(1);
    wr_vm_count(&r[in->a], in->d);
    NEXT();
    CASE(INCREMENT)
    BURN(1);
    r[in->a].i++;
    wr_vm_counted(&r[in->b], in->d);
    NEXT();
    CASE(FINISH)
    TRY(wr_vm_collect_finish(vm, &r[in->b], &out));
    r[in->a] = out;
    NEXT();
    CASE(MERGE)
    if (r[in->b].type == VM_NODE) {
        r[in->a] = wr_vm_merge(vm, r[in->a], vm->query->program->resolved.tree.nodes[r[in->b].n]);
        if (WR_UNLIKELY(r[in->a].type == WR_UNDEFINED)) {
            return fail_with(vm, PC, WR_E_MEMORY);
        }
    }
    NEXT();
    CASE(RESULT)
    if (r[in->a].type != WR_UNDEFINED && !wr_vm_equal(&r[in->a], &r[in->b])) {
        return wr_vm_fail(vm, PC, WR_E_EVAL_CONFLICT,
                          in->d != 0 ? "functions must not produce multiple outputs for same inputs"
                                     : "complete rules must not produce multiple outputs");
    }
    r[in->a] = r[in->b];
    NEXT();
    CASE(RETURN)
    {
        if (vm->n_frames == 0) {
            return WR_OK;
        }
        uint32_t pc = leave(vm, r[in->b]);
        code = vm->function->code;
        r = vm->registers;
        in = code + pc;
        GO();
    }
    CASE(CONTEXT)
    r[in->a] = (struct wr_value){.type = VM_CONTEXT, .text = (const char *)vm->context};
    NEXT();
    CASE(ENTER)
    vm->context = context_of(&r[in->a]);
    NEXT();
    CASE(WITH)
    {
        BURN(8 + vm->unit->n_functions / 16);
        struct vm_context *context = wr_vm_new_context(vm, vm->context);
        if (WR_UNLIKELY(context == NULL)) {
            return fail_with(vm, PC, WR_E_MEMORY);
        }
        r[in->a] = (struct wr_value){.type = VM_CONTEXT, .text = (const char *)context};
        NEXT();
    }
    CASE(WITH_INPUT)
    TRY(wr_vm_with_input(vm, context_of(&r[in->a]), &vm->unit->withs[in->d], r[in->b]));
    NEXT();
    CASE(WITH_DATA)
    TRY(wr_vm_with_data(vm, context_of(&r[in->a]), &vm->unit->withs[in->d], r[in->b]));
    NEXT();
    CASE(WITH_CALL)
    TRY(wr_vm_with_call(vm, context_of(&r[in->a]), &vm->unit->withs[in->d], r[in->b]));
    NEXT();
    CASE(EMIT)
    BURN(1);
    if (!emit(vm, &r[in->b], in->c, in->d)) {
        return fail_with(vm, PC, WR_E_MEMORY);
    }
    NEXT();
    LOOP_END
}
