/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of rules: nodes by package and head, children sorted by key. */
#include "rego/plan.h"

bool wr_tree_init(struct wr_rule_tree *tree, struct wr_arena *arena)
{
    *tree = (struct wr_rule_tree){0};
    tree->cap_nodes = 16;
    tree->nodes = WR_NEW_ARRAY(arena, struct wr_rule_node *, tree->cap_nodes);
    tree->root = WR_NEW(arena, struct wr_rule_node);
    if (tree->nodes == NULL || tree->root == NULL) {
        return false;
    }
    tree->root->last = &tree->root->clauses;
    tree->nodes[tree->n_nodes++] = tree->root;
    return true;
}

/* Index of the first child whose key is not less. */
static uint32_t lower_bound(const struct wr_rule_node *node, const struct wr_value *key)
{
    uint32_t low = 0, high = node->n_children;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (wr_value_cmp(&node->children[middle]->key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct wr_rule_node *wr_tree_child(const struct wr_rule_node *node, const struct wr_value *key)
{
    uint32_t at = lower_bound(node, key);
    if (at < node->n_children && wr_value_eq(&node->children[at]->key, key)) {
        return node->children[at];
    }
    return NULL;
}

/* A twice as large copy of an array of pointers. */
static void *grow(struct wr_arena *arena, void *old, uint32_t n, uint32_t *cap)
{
    uint32_t want = *cap == 0 ? 4 : *cap * 2;
    void **fresh = wr_arena_array(arena, want, sizeof(void *), alignof(void *));
    if (fresh != NULL) {
        if (n != 0) {
            memcpy(fresh, old, n * sizeof(void *));
        }
        *cap = want;
    }
    return fresh;
}

struct wr_rule_node *wr_tree_add(struct wr_rule_tree *tree, struct wr_arena *arena,
                                 struct wr_rule_node *node, struct wr_value key)
{
    uint32_t at = lower_bound(node, &key);
    if (at < node->n_children && wr_value_eq(&node->children[at]->key, &key)) {
        return node->children[at];
    }
    if (node->n_children == node->cap_children) {
        node->children = grow(arena, node->children, node->n_children, &node->cap_children);
    }
    if (tree->n_nodes == tree->cap_nodes) {
        tree->nodes = grow(arena, tree->nodes, tree->n_nodes, &tree->cap_nodes);
    }
    struct wr_rule_node *child = WR_NEW(arena, struct wr_rule_node);
    if (node->children == NULL || tree->nodes == NULL || child == NULL) {
        return NULL;
    }
    child->key = key;
    child->parent = node;
    child->id = tree->n_nodes;
    child->last = &child->clauses;
    tree->nodes[tree->n_nodes++] = child;
    memmove(&node->children[at + 1], &node->children[at],
            (node->n_children - at) * sizeof(node->children[0]));
    node->children[at] = child;
    node->n_children++;
    return child;
}

static bool is_plain_name(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) {
            return false;
        }
    }
    return s.n != 0;
}

static void write_key(struct wr_buf *buf, const struct wr_value *key)
{
    if (key->type == WR_STRING && is_plain_name(wr_text(*key))) {
        wr_buf_char(buf, '.');
        wr_buf_str(buf, wr_text(*key));
    } else if (key->type == WR_STRING) {
        wr_format(buf, "[\"%.*s\"]", (int)key->n, key->text);
    } else if (key->type == WR_NUMBER) {
        wr_buf_char(buf, '[');
        wr_number_write(buf, key);
        wr_buf_char(buf, ']');
    } else {
        wr_buf_str(buf, WR_STR("[_]"));
    }
}

void wr_tree_write_path(struct wr_buf *buf, const struct wr_rule_node *node)
{
    const struct wr_rule_node *chain[WR_LIMIT_REGO_HEAD * 2];
    uint32_t n = 0;
    for (; node->parent != NULL && n < WR_COUNTOF(chain); node = node->parent) {
        chain[n++] = node;
    }
    wr_buf_str(buf, WR_STR("data"));
    while (n > 0) {
        write_key(buf, &chain[--n]->key);
    }
}

struct wr_str wr_tree_path(struct wr_arena *arena, const struct wr_rule_node *node)
{
    struct wr_buf buf = wr_buf_in(arena, 64);
    wr_tree_write_path(&buf, node);
    return wr_buf_view(&buf);
}

struct wr_rule_node *wr_tree_walk(const struct wr_rule_tree *tree, const struct wr_value *keys,
                                  uint32_t n, uint32_t *used)
{
    struct wr_rule_node *node = tree->root;
    uint32_t i = 0;
    for (; i < n; i++) {
        struct wr_rule_node *child = wr_tree_child(node, &keys[i]);
        if (child == NULL) {
            break;
        }
        node = child;
    }
    *used = i;
    return node;
}
