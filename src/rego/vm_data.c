/* SPDX-License-Identifier: Apache-2.0 */
/* Base documents, path slots, and what `with` puts over them. */
#include "rego/vm.h"

#define PATH_MAX_ITEMS (WR_LIMIT_REGO_HEAD * 2)

const struct wr_value *wr_vm_base(const struct wr_value *data, const struct wr_rule_node *node)
{
    const struct wr_rule_node *chain[PATH_MAX_ITEMS];
    uint32_t n = 0;
    for (; node->parent != NULL; node = node->parent) {
        WR_ASSERT(n < PATH_MAX_ITEMS);
        chain[n++] = node;
    }
    const struct wr_value *at = data;
    while (n > 0 && at != NULL) {
        at = wr_value_at(at, &chain[--n]->key);
    }
    return at != NULL && at->type != WR_UNDEFINED ? at : NULL;
}

bool wr_vm_shadowed(const struct vm_context *context, const struct wr_rule_node *node)
{
    for (; node != NULL; node = node->parent) {
        for (const struct vm_shadow *s = context->shadows; s != NULL; s = s->next) {
            if (s->node == node) {
                return true;
            }
        }
    }
    return false;
}

static const struct wr_value *by_text(const struct wr_value *parent, const struct wr_value *number)
{
    char room[64];
    struct wr_buf text = wr_buf_fixed(room, sizeof(room));
    wr_number_write(&text, number);
    return parent->type != WR_OBJECT || text.overflow
               ? NULL
               : wr_object_get_str(parent, wr_buf_view(&text));
}

static const struct wr_value none = {.type = WR_UNDEFINED};

static const struct wr_value *below(const struct wr_unit *unit, const struct wr_path_table *table,
                                    const struct wr_value *parent, uint32_t path)
{
    const struct wr_value *key = &unit->consts[table->items[path].key];
    const struct wr_value *v = parent->type == WR_OBJECT && key->type == WR_STRING
                                   ? wr_vm_find(parent, key)
                               : parent->type == WR_UNDEFINED ? NULL
                                                              : wr_value_at(parent, key);
    if (v == NULL && table == &unit->data && key->type == WR_NUMBER) {
        v = by_text(parent, key);
    }
    return v != NULL ? v : &none;
}

const struct wr_value *wr_vm_slot(const struct wr_unit *unit, const struct wr_path_table *table,
                                  struct wr_value *slots, const struct wr_value *root,
                                  uint32_t path)
{
    const struct wr_value *above = &slots[table->items[path].parent];
    if (path != 0 && above->type != VM_UNKNOWN) {
        slots[path] = *below(unit, table, above, path);
        return &slots[path];
    }
    uint32_t chain[WR_LIMIT_REGO_DEPTH];
    uint32_t n = 0, at = path;
    while (slots[at].type == VM_UNKNOWN && at != 0 && n < WR_COUNTOF(chain)) {
        chain[n++] = at;
        at = table->items[at].parent;
    }
    if (at == 0) {
        slots[0] = *root;
    } else if (slots[at].type == VM_UNKNOWN) { /* longer than the chain: look its start up first */
        wr_vm_slot(unit, table, slots, root, at);
    }
    while (n > 0) {
        uint32_t child = chain[--n];
        slots[child] = *below(unit, table, &slots[table->items[child].parent], child);
    }
    return &slots[path];
}

/* data.system is no part of `data` as a whole. */
static bool is_system(const struct wr_rule_node *node, const struct wr_value *key)
{
    return node->parent == NULL && key->type == WR_STRING &&
           wr_str_eq(wr_text(*key), WR_STR("system"));
}

/* ── keys and documents ─────────────────────────────────────────────────────────────────────── */

static bool node_keys(struct vm *vm, const struct wr_rule_node *node, struct wr_value *out)
{
    const struct wr_value *base = wr_vm_base_of(vm, node);
    uint32_t n_base = base != NULL && base->type >= WR_ARRAY ? base->n : 0, n = 0;
    struct wr_value *keys =
        WR_NEW_ARRAY(vm->arena, struct wr_value, (size_t)n_base + node->n_children);
    if (keys == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < node->n_children; i++) {
        if (node->children[i]->kind != WR_NODE_FUNCTION && !node->children[i]->hidden) {
            keys[n++] = node->children[i]->key;
        }
    }
    for (uint32_t i = 0; i < n_base; i++) {
        if (base->type != WR_OBJECT || !is_system(node, &base->pairs[i].key)) {
            keys[n++] = base->type == WR_OBJECT  ? base->pairs[i].key
                        : base->type == WR_ARRAY ? wr_int(i)
                                                 : base->items[i];
        }
    }
    struct wr_value set = wr_set_from(keys, n);
    *out = wr_array(set.items, set.n);
    return true;
}

bool wr_vm_keys(struct vm *vm, const struct wr_value *of, struct wr_value *out)
{
    if (of->type == VM_NODE) {
        return node_keys(vm, vm->query->program->resolved.tree.nodes[of->n], out);
    }
    if (of->type == WR_SET) {
        *out = wr_array(of->items, of->n);
        return true;
    }
    if (of->type != WR_ARRAY && of->type != WR_OBJECT) {
        return false;
    }
    struct wr_value *keys = WR_NEW_ARRAY(vm->arena, struct wr_value, of->n);
    if (keys == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < of->n; i++) {
        keys[i] = of->type == WR_OBJECT ? of->pairs[i].key : wr_int(i);
    }
    *out = wr_array(keys, of->n);
    return true;
}

struct wr_value wr_vm_merge(struct vm *vm, struct wr_value document,
                            const struct wr_rule_node *node)
{
    const struct wr_value *base = wr_vm_base_of(vm, node);
    if (base == NULL || (base->type != WR_OBJECT && document.n > 0)) {
        return document;
    }
    if (base->type != WR_OBJECT) {
        return *base;
    }
    struct wr_pair *pairs = WR_NEW_ARRAY(vm->arena, struct wr_pair, (size_t)base->n + document.n);
    uint32_t n = 0;
    if (pairs == NULL) {
        return wr_undefined();
    }
    for (uint32_t i = 0; i < base->n; i++) {
        if (!is_system(node, &base->pairs[i].key) &&
            wr_object_get(&document, &base->pairs[i].key) == NULL) {
            pairs[n++] = base->pairs[i];
        }
    }
    if (document.n > 0) {
        memcpy(&pairs[n], document.pairs, document.n * sizeof(pairs[0]));
    }
    return wr_object_from(pairs, n + document.n);
}

/* ── with ───────────────────────────────────────────────────────────────────────────────────── */

static struct wr_value *unknown(struct vm *vm, uint32_t n)
{
    struct wr_value *slots = wr_arena_alloc(vm->arena, n * sizeof(slots[0]), alignof(max_align_t));
    if (slots != NULL) {
        memset(slots, VM_UNKNOWN, n * sizeof(slots[0]));
    }
    return slots;
}

struct vm_context *wr_vm_new_context(struct vm *vm, const struct vm_context *from)
{
    struct vm_context *context = WR_NEW(vm->arena, struct vm_context);
    if (context == NULL) {
        return NULL;
    }
    if (from != NULL) {
        *context = *from;
        context->unmocked = NULL;
    } else {
        context->input_slots = unknown(vm, vm->unit->input.n);
        context->data_slots = unknown(vm, vm->unit->data.n);
    }
    context->memory = unknown(vm, vm->unit->n_functions);
    bool ok =
        context->memory != NULL && context->input_slots != NULL && context->data_slots != NULL;
    return ok ? context : NULL;
}

/* `root` with `value` at a path; what is in the way and no object is replaced. */
static bool put_path(struct vm *vm, struct wr_value root, const struct wr_value *path, uint32_t n,
                     struct wr_value value, struct wr_value *out)
{
    struct wr_value levels[PATH_MAX_ITEMS];
    WR_ASSERT(n <= PATH_MAX_ITEMS);
    for (uint32_t i = 0; i < n; i++) {
        levels[i] = root.type == WR_OBJECT ? root : wr_object_from(NULL, 0);
        const struct wr_value *child = wr_object_get(&levels[i], &path[i]);
        root = child != NULL ? *child : wr_undefined();
    }
    for (uint32_t i = n; i-- > 0;) {
        struct wr_pair *pairs = WR_NEW_ARRAY(vm->arena, struct wr_pair, (size_t)levels[i].n + 1);
        if (pairs == NULL) {
            return false;
        }
        if (levels[i].n > 0) {
            memcpy(pairs, levels[i].pairs, levels[i].n * sizeof(pairs[0]));
        }
        pairs[levels[i].n] = (struct wr_pair){path[i], value};
        value = wr_object_from(pairs, (size_t)levels[i].n + 1);
    }
    *out = value;
    return true;
}

wr_err wr_vm_with_input(struct vm *vm, struct vm_context *context,
                        const struct wr_with_entry *entry, struct wr_value value)
{
    context->input_slots = unknown(vm, vm->unit->input.n);
    if (context->input_slots == NULL ||
        !put_path(vm, context->input, entry->path, entry->n_path, value, &context->input)) {
        return WR_E_MEMORY;
    }
    return WR_OK;
}

wr_err wr_vm_with_data(struct vm *vm, struct vm_context *context, const struct wr_with_entry *entry,
                       struct wr_value value)
{
    context->data_slots = unknown(vm, vm->unit->data.n);
    context->own_data = true;
    if (context->data_slots == NULL ||
        !put_path(vm, context->data, entry->path, entry->n_path, value, &context->data)) {
        return WR_E_MEMORY;
    }
    if (entry->node != NULL) {
        struct vm_shadow *shadow = WR_NEW(vm->arena, struct vm_shadow);
        if (shadow == NULL) {
            return WR_E_MEMORY;
        }
        *shadow = (struct vm_shadow){entry->node, context->shadows};
        context->shadows = shadow;
    }
    return WR_OK;
}

wr_err wr_vm_with_call(struct vm *vm, struct vm_context *context, const struct wr_with_entry *entry,
                       struct wr_value value)
{
    struct vm_mock *mock = WR_NEW(vm->arena, struct vm_mock);
    if (mock == NULL) {
        return WR_E_MEMORY;
    }
    bool called = entry->by_function != NULL || entry->by_builtin != NULL;
    *mock = (struct vm_mock){entry, called ? wr_undefined() : value, context->mocks};
    context->mocks = mock;
    return WR_OK;
}

struct vm_context *wr_vm_unmocked(struct vm *vm)
{
    struct vm_context *context = vm->context;
    if (context->unmocked == NULL) {
        context->unmocked = wr_vm_new_context(vm, context);
        if (context->unmocked != NULL) {
            context->unmocked->mocks = NULL;
        }
    }
    return context->unmocked;
}
