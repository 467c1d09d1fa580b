/* SPDX-License-Identifier: Apache-2.0 */
/* Trees by path, children found by hash: of rules, and of types. */
#include "rego/check_state.h"

static uint64_t slot_hash(const struct check_node *parent, const struct wr_value *key)
{
    return wr_value_hash(key) ^ ((uint64_t)(uintptr_t)parent * 0x9e3779b97f4a7c15u);
}

static struct check_node **slot_of(const struct check_tree *tree, const struct check_node *parent,
                                   const struct wr_value *key)
{
    uint64_t hash = slot_hash(parent, key);
    for (uint32_t at = (uint32_t)(hash >> 20) & (tree->cap - 1);; at = (at + 1) & (tree->cap - 1)) {
        struct check_node *node = tree->slots[at];
        if (node == NULL || (node->parent == parent && wr_value_eq(&node->key, key))) {
            return &tree->slots[at];
        }
    }
}

struct check_node *wr_check_child(const struct check_tree *tree, const struct check_node *node,
                                  const struct wr_value *key)
{
    if (tree->cap == 0 || node == NULL || node->n_children == 0 || key->type == WR_UNDEFINED) {
        return NULL;
    }
    return *slot_of(tree, node, key);
}

static bool make_room(struct wr_check *c, struct check_tree *tree)
{
    if (tree->n * 2 < tree->cap) {
        return true;
    }
    struct check_tree larger = {.root = tree->root, .n = tree->n};
    larger.cap = tree->cap == 0 ? 64 : tree->cap * 2;
    larger.slots = WR_NEW_ARRAY(c->keep, struct check_node *, larger.cap);
    if (larger.slots == NULL) {
        wr_check_no_room(c);
        return false;
    }
    for (uint32_t i = 0; i < tree->cap; i++) {
        struct check_node *node = tree->slots[i];
        if (node != NULL) {
            *slot_of(&larger, node->parent, &node->key) = node;
        }
    }
    *tree = larger;
    return true;
}

struct check_node *wr_check_add_child(struct wr_check *c, struct check_tree *tree,
                                      struct check_node *parent, struct wr_value key)
{
    if (!make_room(c, tree)) {
        return parent;
    }
    struct check_node **slot = slot_of(tree, parent, &key);
    if (*slot != NULL) {
        return *slot;
    }
    struct check_node *node = WR_NEW(c->keep, struct check_node);
    if (node == NULL) {
        wr_check_no_room(c);
        return parent;
    }
    node->key = key;
    node->parent = parent;
    *(parent->last_child != NULL ? &parent->last_child->sibling : &parent->child) = node;
    parent->last_child = node;
    parent->n_children++;
    tree->n++;
    *slot = node;
    return node;
}

struct wr_value wr_check_constant(struct wr_check *c, const struct wr_ast_term *t)
{
    if (t->kind == WR_AST_SCALAR) {
        return t->value;
    }
    return wr_ast_is_ground(t) ? wr_ast_ground_value(c->arena, t) : wr_undefined();
}

struct check_node *wr_check_find(struct wr_check *c, const struct check_tree *tree,
                                 struct wr_ast_term *const *items, uint32_t n)
{
    struct check_node *node = tree->root;
    if (n == 0 || items[0]->kind != WR_AST_VAR || items[0]->tag != VAR_DATA) {
        return NULL;
    }
    for (uint32_t i = 1; i < n && node != NULL; i++) {
        struct wr_value key = wr_check_constant(c, items[i]);
        node = wr_check_child(tree, node, &key);
    }
    return node;
}
