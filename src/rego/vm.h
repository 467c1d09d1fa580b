/* SPDX-License-Identifier: Apache-2.0 */
/* State of one evaluation. All of it lies in the scratch arena and is forgotten with it.
 *
 * A context is what `with` changes: input, base documents, replaced functions, and everything that
 * was computed under them. Slots and memories are arrays with one value a path or node, whose type
 * is VM_UNKNOWN until it has been looked up or evaluated. */
#ifndef WR_REGO_VM_H
#define WR_REGO_VM_H

#include "rego/code.h"

/* Types that only registers, slots and memories hold. */
enum vm_type {
    VM_UNKNOWN = 0xFF, /* not looked up yet */
    VM_RUNNING = 0xFE, /* being evaluated */
    VM_NODE = 0xFD,    /* n: number of a node of the rule tree */
    VM_COLLECT = 0xFC, /* text: a struct vm_collect */
    VM_CONTEXT = 0xFB, /* text: a struct vm_context */
    VM_CLAUSES = 0xFA, /* text: a struct vm_clauses */
    VM_LEAST = VM_CLAUSES,
};

struct vm_shadow { /* a node of the rule tree that base documents hide */
    const struct wr_rule_node *node;
    const struct vm_shadow *next;
};

struct vm_mock {
    const struct wr_with_entry *entry;
    struct wr_value value; /* undefined when replaced by a function */
    const struct vm_mock *next;
};

struct vm_context {
    struct wr_value input, data;
    struct wr_value *input_slots, *data_slots;
    struct wr_value *memory; /* by node */
    const struct vm_shadow *shadows;
    const struct vm_mock *mocks;
    bool own_data;               /* data is not the program's */
    struct vm_context *unmocked; /* the same without mocks, made when a mock is first called */
};

struct vm_collect {
    uint32_t kind; /* enum wr_collect */
    uint32_t n, cap;
    struct wr_value *items; /* OBJECT: key, value; PATHS: one array [path, element?, leaf] each */
    const struct wr_value *ground; /* GROUND: the set of which ... */
    uint64_t *marks;               /* ... these are elements, a bit each, by rank */
};

struct vm_clauses { /* of a rule, while an index decides about them */
    const struct wr_index *index;
    uint32_t word; /* of candidates, that is being worked off */
    uint64_t *pending, *candidates;
    uint64_t *uncounted; /* candidates as they were before COUNT */
};

struct vm_block { /* of registers */
    struct vm_block *next;
    struct wr_value *items;
    uint32_t cap, used;
};

struct vm_frame { /* what to come back to */
    const struct wr_function *function;
    uint32_t pc;
    struct wr_value *registers;
    struct vm_context *context;
    struct wr_value *memory; /* where the callee's result is remembered, or NULL */
    struct vm_block *block;
    uint32_t used;
    uint32_t fail;
    uint16_t target;
};

#define VM_HINTS 64

struct vm {
    const struct wr_rego_query *query;
    const struct wr_unit *unit;
    const struct wr_rego_context *how;
    struct wr_arena *arena;
    struct wr_error *error;
    struct wr_builtin_call call;
    uint64_t fuel;
    struct vm_context *context;
    const struct wr_function *function;
    struct wr_value *registers;
    struct vm_block *block;
    struct vm_frame *frames;
    uint32_t n_frames, cap_frames;
    struct wr_rego_result *results;
    uint32_t n_results, cap_results;
    uint8_t hints[VM_HINTS]; /* by constant: where a field was found last */
};

static inline bool wr_vm_is_int(const struct wr_value *v)
{
    return v->type == WR_NUMBER && v->kind == WR_DEC && v->scale == 0;
}

/* Equality, texts and whole numbers first. */
static inline bool wr_vm_equal(const struct wr_value *a, const struct wr_value *b)
{
    if (a->type != b->type) {
        return false;
    }
    if (a->type == WR_STRING) {
        return a->n == b->n && wr_bytes_eq(a->text, b->text, a->n);
    }
    if (wr_vm_is_int(a) && wr_vm_is_int(b)) {
        return a->i == b->i;
    }
    return wr_value_eq(a, b);
}

/* The value under a text key of an object, or NULL. */
static inline const struct wr_value *wr_vm_find(const struct wr_value *object,
                                                const struct wr_value *key)
{
    if (object->n > 16) {
        return wr_object_get_str(object, wr_text(*key));
    }
    const struct wr_pair *pair = object->pairs;
    for (uint32_t i = 0; i < object->n; i++, pair++) {
        if (pair->key.n == key->n && pair->key.type == WR_STRING &&
            wr_bytes_eq(pair->key.text, key->text, key->n)) {
            return &pair->value;
        }
    }
    return NULL;
}

static inline const struct wr_value *wr_vm_element(const struct wr_value *of,
                                                   const struct wr_value *key)
{
    if (of->type == WR_OBJECT && key->type == WR_STRING) {
        return wr_vm_find(of, key);
    }
    if (of->type == WR_ARRAY && wr_vm_is_int(key)) {
        return key->i >= 0 && key->i < (int64_t)of->n ? &of->items[key->i] : NULL;
    }
    return of->type >= WR_ARRAY && of->type <= WR_SET ? wr_value_at(of, key) : NULL;
}

/* A field by constant key. Records of one list mostly have one shape: where the key stood last is
 * tried first. */
static inline const struct wr_value *wr_vm_field(struct vm *vm, const struct wr_value *of,
                                                 const struct wr_value *key, uint32_t id)
{
    if (WR_UNLIKELY(of->type != WR_OBJECT || key->type != WR_STRING)) {
        return wr_vm_element(of, key);
    }
    uint8_t *hint = &vm->hints[id % VM_HINTS];
    const struct wr_pair *pairs = of->pairs;
    if (*hint < of->n && pairs[*hint].key.type == WR_STRING && pairs[*hint].key.n == key->n &&
        wr_bytes_eq(pairs[*hint].key.text, key->text, key->n)) {
        return &pairs[*hint].value;
    }
    const struct wr_value *v = wr_vm_find(of, key);
    if (v != NULL) {
        size_t at = (size_t)((const struct wr_pair *)(const void *)(v - 1) - pairs);
        *hint = at < UINT8_MAX ? (uint8_t)at : 0;
    }
    return v;
}

/* vm.c */
wr_err wr_vm_run(struct vm *vm);
/* Registers for vm->function; false without room. */
bool wr_vm_start(struct vm *vm);
/* Sets code, place of instruction pc, and message. */
wr_err wr_vm_fail(struct vm *vm, uint32_t pc, wr_err code, const char *message);

/* vm_data.c */
/* Base document at a node, or NULL: looked up in `data`, or known if no `with` changed it. */
const struct wr_value *wr_vm_base(const struct wr_value *data, const struct wr_rule_node *node);
static inline const struct wr_value *wr_vm_base_of(const struct vm *vm,
                                                   const struct wr_rule_node *node)
{
    return vm->context->own_data ? wr_vm_base(&vm->context->data, node)
                                 : vm->query->bases[node->id];
}
bool wr_vm_shadowed(const struct vm_context *context, const struct wr_rule_node *node);
/* Value of a path slot, looked up at first use; its type is WR_UNDEFINED when there is none. Below
 * data, a number also finds the key of its text, as in OPA's store. */
const struct wr_value *wr_vm_slot(const struct wr_unit *unit, const struct wr_path_table *table,
                                  struct wr_value *slots, const struct wr_value *root,
                                  uint32_t path);
static inline const struct wr_value *wr_vm_input(struct vm *vm, uint32_t path)
{
    const struct wr_value *v = &vm->context->input_slots[path];
    if (WR_LIKELY(v->type != VM_UNKNOWN)) {
        return v;
    }
    return wr_vm_slot(vm->unit, &vm->unit->input, vm->context->input_slots, &vm->context->input,
                      path);
}

/* Keys of a node or value as an array. False: no keys, or (with arena->failed) no room. */
bool wr_vm_keys(struct vm *vm, const struct wr_value *of, struct wr_value *out);
/* `document` with the base document's other keys. */
struct wr_value wr_vm_merge(struct vm *vm, struct wr_value document,
                            const struct wr_rule_node *node);
/* A context like another one with nothing remembered; NULL without room. */
struct vm_context *wr_vm_new_context(struct vm *vm, const struct vm_context *from);
wr_err wr_vm_with_input(struct vm *vm, struct vm_context *context,
                        const struct wr_with_entry *entry, struct wr_value value);
wr_err wr_vm_with_data(struct vm *vm, struct vm_context *context, const struct wr_with_entry *entry,
                       struct wr_value value);
wr_err wr_vm_with_call(struct vm *vm, struct vm_context *context, const struct wr_with_entry *entry,
                       struct wr_value value);

/* The current context without its mocks: a replacement sees the functions themselves. */
struct vm_context *wr_vm_unmocked(struct vm *vm);

/* vm_index.c */
/* False: no room. *out is undefined when clauses are to be tried in turn: functions are replaced,
 * or a prefix is asked of what is no text. */
bool wr_vm_clauses(struct vm *vm, const struct wr_index *index, struct wr_value *out);
/* False: there is no candidate. */
bool wr_vm_select(struct vm *vm, const struct wr_value *clauses);
bool wr_vm_need(const struct wr_value *clauses, uint32_t dimension);
void wr_vm_narrow(const struct wr_value *clauses, uint32_t dimension, const struct wr_value *v);
void wr_vm_zero(struct wr_value *counters, uint32_t n);
/* Before and while comprehensions are counted: clauses that need one to hold are no candidates
 * until one is found. */
void wr_vm_count(const struct wr_value *clauses, uint32_t dimension);
void wr_vm_counted(const struct wr_value *clauses, uint32_t clause);
/* Takes the next candidate away; UINT32_MAX when there is none. */
uint32_t wr_vm_candidate(const struct wr_value *clauses);
/* False: no clause is pending any more. */
bool wr_vm_done(const struct wr_value *clauses, uint32_t clause);
uint32_t wr_vm_select_cost(const struct wr_value *clauses);

/* vm_collect.c */
bool wr_vm_collect_new(struct vm *vm, uint32_t kind, struct wr_value *out);
bool wr_vm_collect_ground(struct vm *vm, const struct wr_value *set, struct wr_value *out);
void wr_vm_collect_mark(const struct wr_value *collect, uint32_t rank);
wr_err wr_vm_collect_add(struct vm *vm, const struct wr_value *collect, struct wr_value v);
wr_err wr_vm_collect_put(struct vm *vm, const struct wr_value *collect, struct wr_value key,
                         struct wr_value value);
wr_err wr_vm_collect_path(struct vm *vm, const struct wr_value *collect,
                          const struct wr_value *path, uint32_t n, struct wr_value leaf,
                          bool element);
/* WR_E_EVAL_CONFLICT when keys disagree. */
wr_err wr_vm_collect_finish(struct vm *vm, const struct wr_value *collect, struct wr_value *out);

#endif
