/* SPDX-License-Identifier: Apache-2.0 */
/* The policy machine: one loop over instructions, an explicit stack of calls.
 *
 * Every loop of a policy passes through NEXT, a call, a builtin or an accumulator, and each of
 * these takes fuel; straight-line code is bounded by the size of the program. */
#include "rego/vm.h"

#include "base/num.h"

#define BLOCK_REGISTERS 512
#define POLL_MASK       0x3FFu

wr_err wr_vm_fail(struct vm *vm, uint32_t pc, wr_err code, const char *message)
{
    const struct wr_function *f = vm->function;
    wr_fail(vm->error, code, "%s", message);
    if (vm->error != NULL) {
        wr_error_where(vm->error, f->file.p, f->file.n);
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

static struct wr_value *take_registers(struct vm *vm, uint32_t n)
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

static inline bool is_int(const struct wr_value *v)
{
    return v->type == WR_NUMBER && v->kind == WR_DEC && v->scale == 0;
}

static inline int compare(const struct wr_value *a, const struct wr_value *b)
{
    if (WR_LIKELY(is_int(a) && is_int(b))) {
        return (a->i > b->i) - (a->i < b->i);
    }
    return wr_value_cmp(a, b);
}

static inline bool equal(const struct wr_value *a, const struct wr_value *b)
{
    if (a->type != b->type) {
        return false;
    }
    if (a->type == WR_STRING) {
        return a->n == b->n && (a->text == b->text || memcmp(a->text, b->text, a->n) == 0);
    }
    if (is_int(a) && is_int(b)) {
        return a->i == b->i;
    }
    return wr_value_eq(a, b);
}

static bool compares(const struct wr_value *a, const struct wr_value *b, uint32_t how)
{
    switch (how) {
    case WR_COMPARE_EQ:
        return equal(a, b);
    case WR_COMPARE_NEQ:
        return !equal(a, b);
    case WR_COMPARE_LT:
        return compare(a, b) < 0;
    default:
        return compare(a, b) <= 0;
    }
}

static bool is_member(struct vm *vm, const struct wr_value *x, const struct wr_value *c)
{
    if (c->type == WR_SET) {
        return wr_set_has(c, x);
    }
    if (c->type != WR_ARRAY && c->type != WR_OBJECT) {
        return false;
    }
    burn(vm, c->n);
    for (uint32_t i = 0; i < c->n; i++) {
        if (equal(x, c->type == WR_ARRAY ? &c->items[i] : &c->pairs[i].value)) {
            return true;
        }
    }
    return false;
}

static inline const struct wr_value *element(const struct wr_value *of, const struct wr_value *key)
{
    if (of->type == WR_OBJECT && key->type == WR_STRING) {
        return wr_object_get_str(of, wr_text(*key));
    }
    if (of->type == WR_ARRAY && is_int(key)) {
        return key->i >= 0 && key->i < (int64_t)of->n ? &of->items[key->i] : NULL;
    }
    return of->type >= WR_ARRAY && of->type <= WR_SET ? wr_value_at(of, key) : NULL;
}

/* ── builtins ───────────────────────────────────────────────────────────────────────────────── */

/* out undefined: no result (or an error that does not count). */
static wr_err call_builtin(struct vm *vm, uint32_t pc, const struct wr_builtin *b,
                           const struct wr_value *args, uint32_t n, struct wr_value *out)
{
    *out = wr_undefined();
    vm->call.self = b;
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

enum outcome { HERE, ENTERED, ABSENT, BROKEN };

/* The document of a node: HERE with *out set, ABSENT, or ENTERED its function. */
static enum outcome document(struct vm *vm, uint32_t pc, const struct wr_insn *in, uint32_t id,
                             struct wr_value *out, wr_err *err)
{
    struct wr_value *memory = &vm->context->memory[id];
    if (memory->type == VM_UNKNOWN) {
        const struct wr_rule_node *node = vm->query->program->resolved.tree.nodes[id];
        if (WR_UNLIKELY(vm->context->shadows != NULL) && wr_vm_shadowed(vm->context, node)) {
            const struct wr_value *base = wr_vm_base(vm->context, node);
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

static struct wr_value node_value(struct vm *vm, uint32_t id)
{
    const struct wr_rule_node *node = vm->query->program->resolved.tree.nodes[id];
    if (vm->context->shadows != NULL && wr_vm_shadowed(vm->context, node)) {
        const struct wr_value *base = wr_vm_base(vm->context, node);
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
        at = element(of, key);
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
        const struct wr_value *base = wr_vm_base(vm->context, node);
        at = base != NULL ? element(base, key) : NULL;
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

static bool arithmetic(const struct wr_insn *in, const struct wr_value *a, const struct wr_value *b,
                       struct wr_value *out)
{
    int64_t r;
    if (!is_int(a) || !is_int(b)) {
        return false;
    }
    bool fits = in->op == WR_OP_PLUS    ? wr_add_i64(a->i, b->i, &r)
                : in->op == WR_OP_MINUS ? !__builtin_sub_overflow(a->i, b->i, &r)
                                        : wr_mul_i64(a->i, b->i, &r);
    if (fits) {
        *out = wr_int(r);
    }
    return fits;
}

/* ── the loop ───────────────────────────────────────────────────────────────────────────────── */

#define FAIL_UNLESS(condition)                                                                     \
    if (!(condition)) {                                                                            \
        goto fail;                                                                                 \
    }                                                                                              \
    break
#define BURN(units)                                                                                \
    if (WR_UNLIKELY(!burn(vm, (units)))) {                                                         \
        return fail_with(vm, pc, WR_E_EVAL_CANCEL);                                                \
    }
#define CHECK_ERR(call)                                                                            \
    do {                                                                                           \
        wr_err check_err = (call);                                                                 \
        if (WR_UNLIKELY(check_err != WR_OK)) {                                                     \
            return fail_with(vm, pc, check_err);                                                   \
        }                                                                                          \
    } while (0)

wr_err wr_vm_run(struct vm *vm)
{
    const struct wr_insn *code = vm->function->code;
    const struct wr_value *k = vm->unit->consts;
    struct wr_value *r = vm->registers;
    uint32_t pc = 0;
    wr_err err = WR_OK;
    enum outcome outcome;
    for (;;) {
        const struct wr_insn *in = &code[pc];
        switch ((enum wr_opcode)in->op) {
        case WR_OP_JUMP:
            goto fail;
        case WR_OP_MOVE:
            r[in->a] = r[in->b];
            break;
        case WR_OP_CONST:
            r[in->a] = k[in->d];
            break;
        case WR_OP_UNDEF:
            r[in->a] = wr_undefined();
            break;
        case WR_OP_IF_DEFINED:
            FAIL_UNLESS(r[in->b].type == WR_UNDEFINED);
        case WR_OP_IF_UNDEFINED:
            FAIL_UNLESS(r[in->b].type != WR_UNDEFINED);
        case WR_OP_INPUT: {
            const struct wr_value *slot = &vm->context->input_slots[in->d];
            if (slot->type == VM_UNKNOWN) {
                slot = wr_vm_slot(vm->unit, &vm->unit->input, vm->context->input_slots,
                                  &vm->context->input, in->d);
            }
            r[in->a] = *slot;
            FAIL_UNLESS(slot->type != WR_UNDEFINED);
        }
        case WR_OP_DATA: {
            const struct wr_value *slot = &vm->context->data_slots[in->d];
            if (slot->type == VM_UNKNOWN) {
                slot = wr_vm_slot(vm->unit, &vm->unit->data, vm->context->data_slots,
                                  &vm->context->data, in->d);
            }
            r[in->a] = *slot;
            FAIL_UNLESS(slot->type != WR_UNDEFINED);
        }
        case WR_OP_GET:
        case WR_OP_GET_CONST: {
            const struct wr_value *at =
                element(&r[in->b], in->op == WR_OP_GET ? &r[in->c] : &k[in->d]);
            if (at == NULL) {
                goto fail;
            }
            r[in->a] = *at;
            break;
        }
        case WR_OP_IS_ARRAY:
            FAIL_UNLESS(r[in->b].type == WR_ARRAY && r[in->b].n == in->d);
        case WR_OP_IS_OBJECT:
            FAIL_UNLESS(r[in->b].type == WR_OBJECT && r[in->b].n == in->d);
        case WR_OP_TRUE:
            FAIL_UNLESS(!wr_is_false(r[in->b]));
        case WR_OP_EQ:
            FAIL_UNLESS(equal(&r[in->b], &r[in->c]));
        case WR_OP_NEQ:
            FAIL_UNLESS(!equal(&r[in->b], &r[in->c]));
        case WR_OP_LT:
            FAIL_UNLESS(compare(&r[in->b], &r[in->c]) < 0);
        case WR_OP_LTE:
            FAIL_UNLESS(compare(&r[in->b], &r[in->c]) <= 0);
        case WR_OP_EQ_CONST:
            FAIL_UNLESS(equal(&r[in->b], &k[in->d]));
        case WR_OP_NEQ_CONST:
            FAIL_UNLESS(!equal(&r[in->b], &k[in->d]));
        case WR_OP_LT_CONST:
            FAIL_UNLESS(compare(&r[in->b], &k[in->d]) < 0);
        case WR_OP_LTE_CONST:
            FAIL_UNLESS(compare(&r[in->b], &k[in->d]) <= 0);
        case WR_OP_GT_CONST:
            FAIL_UNLESS(compare(&r[in->b], &k[in->d]) > 0);
        case WR_OP_GTE_CONST:
            FAIL_UNLESS(compare(&r[in->b], &k[in->d]) >= 0);
        case WR_OP_COMPARE:
            r[in->a] = wr_bool(compares(&r[in->b], &r[in->c], in->d));
            break;
        case WR_OP_MEMBER:
            BURN(1);
            FAIL_UNLESS(is_member(vm, &r[in->b], &r[in->c]));
        case WR_OP_PLUS:
        case WR_OP_MINUS:
        case WR_OP_TIMES: {
            struct wr_value out;
            if (!arithmetic(in, &r[in->b], &r[in->c], &out)) {
                struct wr_value args[2] = {r[in->b], r[in->c]};
                BURN(1);
                err = call_builtin(vm, pc, vm->unit->builtins[in->d], args, 2, &out);
                if (err != WR_OK) {
                    return err;
                }
            }
            r[in->a] = out;
            FAIL_UNLESS(out.type != WR_UNDEFINED);
        }
        case WR_OP_ITER:
            BURN(1);
            r[in->a] = r[in->b];
            r[in->a + 1] = wr_int(0);
            FAIL_UNLESS(r[in->b].type >= WR_ARRAY && r[in->b].type <= WR_SET);
        case WR_OP_NEXT:
            BURN(1);
            FAIL_UNLESS(next_of(&r[in->a], in->b == WR_NO_REGISTER ? NULL : &r[in->b],
                                in->c == WR_NO_REGISTER ? NULL : &r[in->c]));
        case WR_OP_NODE:
            r[in->a] = node_value(vm, in->d);
            break;
        case WR_OP_KEYS:
            if (!wr_vm_keys(vm, &r[in->b], &r[in->a])) {
                if (wr_arena_failed(vm->arena)) {
                    return fail_with(vm, pc, WR_E_MEMORY);
                }
                goto fail;
            }
            BURN(1 + r[in->a].n);
            break;
        case WR_OP_STEP:
            BURN(1);
            outcome = step(vm, pc, in, &r[in->b], &r[in->c], &r[in->a], &err);
            goto judge;
        case WR_OP_FORCE:
            BURN(1);
            if (r[in->b].type != VM_NODE) {
                r[in->a] = r[in->b];
                FAIL_UNLESS(r[in->a].type != WR_UNDEFINED);
            }
            outcome = document(vm, pc, in, r[in->b].n, &r[in->a], &err);
            goto judge;
        case WR_OP_RULE:
            BURN(1);
            outcome = document(vm, pc, in, in->d, &r[in->a], &err);
            goto judge;
        case WR_OP_CALL: {
            const struct vm_mock *mock = NULL;
            uint32_t id = in->d;
            BURN(1);
            if (WR_UNLIKELY(vm->context->mocks != NULL)) {
                mock = find_mock(vm->context, vm->query->program->resolved.tree.nodes[id], NULL);
            }
            if (mock != NULL && mock->entry->by_function == NULL) {
                struct wr_value out = mock->value;
                if (mock->entry->by_builtin != NULL) {
                    err = call_builtin(vm, pc, mock->entry->by_builtin, &r[in->b], in->c, &out);
                    if (err != WR_OK) {
                        return err;
                    }
                }
                r[in->a] = out;
                FAIL_UNLESS(out.type != WR_UNDEFINED);
            }
            err = mock != NULL ? enter_mock(vm, mock, pc, in)
                               : enter(vm, id, pc, in, NULL, &r[in->b], in->c);
            outcome = err == WR_OK ? ENTERED : BROKEN;
            goto judge;
        }
        case WR_OP_BUILTIN: {
            struct wr_value out;
            const struct wr_builtin *b = vm->unit->builtins[in->d];
            BURN(1);
            if (WR_UNLIKELY(vm->context->mocks != NULL)) {
                const struct vm_mock *mock = find_mock(vm->context, NULL, b);
                if (mock != NULL && mock->entry->by_function != NULL) {
                    err = enter_mock(vm, mock, pc, in);
                    outcome = err == WR_OK ? ENTERED : BROKEN;
                    goto judge;
                }
                if (mock != NULL && mock->entry->by_builtin == NULL) {
                    r[in->a] = mock->value;
                    break;
                }
                b = mock != NULL ? mock->entry->by_builtin : b;
            }
            err = call_builtin(vm, pc, b, &r[in->b], in->c, &out);
            if (err != WR_OK) {
                return err;
            }
            r[in->a] = out;
            FAIL_UNLESS(out.type != WR_UNDEFINED);
        }
        case WR_OP_ARRAY:
        case WR_OP_SET:
        case WR_OP_OBJECT: {
            struct wr_value out;
            if (!build(vm, in, &r[in->b], &out)) {
                return fail_with(vm, pc, vm->fuel == 0 ? WR_E_EVAL_CANCEL : WR_E_MEMORY);
            }
            r[in->a] = out;
            break;
        }
        case WR_OP_COLLECT:
            if (!wr_vm_collect_new(vm, in->d, &r[in->a])) {
                return fail_with(vm, pc, WR_E_MEMORY);
            }
            break;
        case WR_OP_ADD:
            BURN(1);
            CHECK_ERR(wr_vm_collect_add(vm, &r[in->a], r[in->b]));
            break;
        case WR_OP_PUT:
            BURN(1);
            CHECK_ERR(wr_vm_collect_put(vm, &r[in->a], r[in->b], r[in->c]));
            break;
        case WR_OP_PUT_PATH:
            BURN(1);
            CHECK_ERR(
                wr_vm_collect_path(vm, &r[in->a], &r[in->b], in->c, r[in->b + in->c], in->d != 0));
            break;
        case WR_OP_FINISH: {
            struct wr_value out;
            CHECK_ERR(wr_vm_collect_finish(vm, &r[in->b], &out));
            r[in->a] = out;
            break;
        }
        case WR_OP_MERGE:
            if (r[in->b].type == VM_NODE) {
                r[in->a] =
                    wr_vm_merge(vm, r[in->a], vm->query->program->resolved.tree.nodes[r[in->b].n]);
                if (r[in->a].type == WR_UNDEFINED) {
                    return fail_with(vm, pc, WR_E_MEMORY);
                }
            }
            break;
        case WR_OP_RESULT:
            if (r[in->a].type != WR_UNDEFINED && !equal(&r[in->a], &r[in->b])) {
                return wr_vm_fail(
                    vm, pc, WR_E_EVAL_CONFLICT,
                    in->d != 0 ? "functions must not produce multiple outputs for same inputs"
                               : "complete rules must not produce multiple outputs");
            }
            r[in->a] = r[in->b];
            break;
        case WR_OP_RETURN:
            if (vm->n_frames == 0) {
                return WR_OK;
            }
            pc = leave(vm, r[in->b]);
            code = vm->function->code;
            r = vm->registers;
            continue;
        case WR_OP_CONTEXT:
            r[in->a] = (struct wr_value){.type = VM_CONTEXT, .text = (const char *)vm->context};
            break;
        case WR_OP_ENTER:
            vm->context = (struct vm_context *)(uintptr_t)r[in->a].text;
            break;
        case WR_OP_WITH: {
            struct vm_context *context = wr_vm_new_context(vm, vm->context);
            BURN(8 + vm->unit->n_functions / 16);
            if (context == NULL) {
                return fail_with(vm, pc, WR_E_MEMORY);
            }
            r[in->a] = (struct wr_value){.type = VM_CONTEXT, .text = (const char *)context};
            break;
        }
        case WR_OP_WITH_INPUT:
        case WR_OP_WITH_DATA:
        case WR_OP_WITH_CALL: {
            struct vm_context *context = (struct vm_context *)(uintptr_t)r[in->a].text;
            const struct wr_with_entry *entry = &vm->unit->withs[in->d];
            struct wr_value value =
                entry->by_function != NULL || entry->by_builtin != NULL ? wr_undefined() : r[in->b];
            BURN(1);
            CHECK_ERR(in->op == WR_OP_WITH_INPUT  ? wr_vm_with_input(vm, context, entry, value)
                      : in->op == WR_OP_WITH_DATA ? wr_vm_with_data(vm, context, entry, value)
                                                  : wr_vm_with_call(vm, context, entry, value));
            break;
        }
        case WR_OP_EMIT:
            BURN(1);
            if (!emit(vm, &r[in->b], in->c, in->d)) {
                return fail_with(vm, pc, WR_E_MEMORY);
            }
            break;
        case WR_OPCODES:
        default:
            WR_UNREACHABLE();
        }
        pc++;
        continue;
    judge:
        if (outcome == HERE) {
            pc++;
            continue;
        }
        if (outcome == ENTERED) {
            code = vm->function->code;
            r = vm->registers;
            pc = 0;
            continue;
        }
        if (outcome == BROKEN) {
            return err == WR_E_MEMORY ? fail_with(vm, pc, err) : err;
        }
    fail:
        pc = in->t;
    }
}
