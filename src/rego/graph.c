/* SPDX-License-Identifier: Apache-2.0 */
/* Dependencies among rules, and the check that no rule depends on itself.
 *
 * An edge leads from a rule to each rule that its clauses may read, through references (a key that
 * is not constant may be any), calls and functions named in `with`. Depth-first search with an
 * explicit stack; only when a cycle exists is the shortest way back sought for each rule on one. */
#include "rego/plan.h"

struct edge_list {
    uint32_t *to;
    uint32_t n, cap;
};

struct graph {
    struct wr_arena *arena;
    const struct wr_rule_tree *tree;
    struct edge_list *edges; /* by node id */
    struct edge_list *at;    /* of the node being read */
    uint32_t *last_from;     /* by node id: last node that got an edge to it, plus 1 */
    uint32_t from;
    bool no_room;
};

static void add_edge(struct graph *g, uint32_t to)
{
    if (g->last_from[to] == g->from + 1) {
        return;
    }
    g->last_from[to] = g->from + 1;
    if (g->at->n == g->at->cap) {
        uint32_t cap = g->at->cap == 0 ? 8 : g->at->cap * 2;
        uint32_t *fresh = WR_NEW_ARRAY(g->arena, uint32_t, cap);
        if (fresh == NULL) {
            g->no_room = true;
            return;
        }
        if (g->at->n != 0) {
            memcpy(fresh, g->at->to, g->at->n * sizeof(fresh[0]));
        }
        g->at->to = fresh;
        g->at->cap = cap;
    }
    g->at->to[g->at->n++] = to;
}

/* Rules reached from a node by operands from i on. Depth: that of the tree, bounded by package and
 * head lengths. */
static void add_below(struct graph *g, const struct wr_rule_node *node,
                      const struct wr_plan_term *ref, uint32_t i)
{
    if (node->kind != WR_NODE_INNER) {
        if (node->kind != WR_NODE_FUNCTION && !node->absorbed) {
            add_edge(g, node->id);
        }
        return;
    }
    if (i < ref->n && ref->items[i]->kind == WR_PLAN_CONST) {
        const struct wr_rule_node *child = wr_tree_child(node, &ref->items[i]->value);
        if (child != NULL) {
            add_below(g, child, ref, i + 1);
        }
        return;
    }
    for (uint32_t k = 0; k < node->n_children; k++) {
        if (!node->children[k]->hidden) {
            add_below(g, node->children[k], ref, i < ref->n ? i + 1 : i);
        }
    }
}

static void add_body(struct graph *g, const struct wr_plan_body *body);

static void add_term(struct graph *g, const struct wr_plan_term *t)
{
    if (t == NULL) {
        return;
    }
    if (t->kind == WR_PLAN_DATA) {
        struct wr_plan_term whole = {.n = 0};
        add_below(g, g->tree->root, &whole, 0);
    } else if (t->kind == WR_PLAN_REF && t->items[0]->kind == WR_PLAN_DATA) {
        add_below(g, g->tree->root, t, 1);
        for (uint32_t i = 1; i < t->n; i++) {
            add_term(g, t->items[i]);
        }
        return;
    } else if (t->kind == WR_PLAN_CALL && t->function != NULL) {
        add_edge(g, t->function->id);
    }
    for (uint32_t i = 0; i < t->n; i++) {
        add_term(g, t->items[i]);
    }
    if (t->body != NULL) {
        add_body(g, t->body);
    }
}

static void add_expr(struct graph *g, const struct wr_plan_expr *e)
{
    add_term(g, e->a);
    add_term(g, e->b);
    add_term(g, e->domain);
    if (e->body != NULL) {
        add_body(g, e->body);
    }
    for (uint32_t i = 0; i < e->n_before; i++) {
        add_term(g, e->before[i]->b);
    }
    for (uint32_t i = 0; i < e->n_with; i++) {
        add_term(g, e->with[i].value);
        if (e->with[i].by_function != NULL) {
            add_edge(g, e->with[i].by_function->id);
        }
    }
}

static void add_body(struct graph *g, const struct wr_plan_body *body)
{
    for (uint32_t i = 0; i < body->n; i++) {
        add_expr(g, body->exprs[i]);
    }
}

static void add_clause(struct graph *g, const struct wr_plan_clause *clause)
{
    for (; clause != NULL; clause = clause->otherwise) {
        for (uint32_t i = 0; i < clause->n_args; i++) {
            add_term(g, clause->args[i]);
        }
        for (uint32_t i = 0; i < clause->n_path; i++) {
            add_term(g, clause->path[i]);
        }
        if (clause->body != NULL) {
            add_body(g, clause->body);
        }
        add_term(g, clause->key);
        add_term(g, clause->value);
    }
}

static void read_edges(struct graph *g)
{
    for (uint32_t i = 0; i < g->tree->n_nodes; i++) {
        const struct wr_rule_node *node = g->tree->nodes[i];
        g->from = i;
        g->at = &g->edges[i];
        for (const struct wr_plan_clause *c = node->clauses; c != NULL; c = c->next) {
            add_clause(g, c);
        }
        add_clause(g, node->fallback);
    }
}

struct step {
    uint32_t node, next;
};

/* A path from `start` back to itself into `path` (ids, start first); its length, or 0. */
static uint32_t find_cycle(const struct graph *g, uint32_t start, struct step *path, uint8_t *seen)
{
    uint32_t depth = 1;
    memset(seen, 0, g->tree->n_nodes);
    path[0] = (struct step){start, 0};
    while (depth > 0) {
        struct step *top = &path[depth - 1];
        const struct edge_list *list = &g->edges[top->node];
        if (top->next == list->n) {
            depth--;
            continue;
        }
        uint32_t to = list->to[top->next++];
        if (to == start) {
            return depth;
        }
        if (seen[to] == 0) {
            seen[to] = 1;
            path[depth++] = (struct step){to, 0};
        }
    }
    return 0;
}

/* True if any cycle exists: colours white, on the stack, done. */
static bool has_cycle(const struct graph *g, struct step *stack, uint8_t *colour)
{
    memset(colour, 0, g->tree->n_nodes);
    for (uint32_t i = 0; i < g->tree->n_nodes; i++) {
        if (colour[i] != 0) {
            continue;
        }
        uint32_t depth = 1;
        stack[0] = (struct step){i, 0};
        colour[i] = 1;
        while (depth > 0) {
            struct step *top = &stack[depth - 1];
            const struct edge_list *list = &g->edges[top->node];
            if (top->next == list->n) {
                colour[top->node] = 2;
                depth--;
                continue;
            }
            uint32_t to = list->to[top->next++];
            if (colour[to] == 1) {
                return true;
            }
            if (colour[to] == 0) {
                colour[to] = 1;
                stack[depth++] = (struct step){to, 0};
            }
        }
    }
    return false;
}

static void report(struct graph *g, const struct step *path, uint32_t n,
                   struct wr_rego_errors *errors)
{
    const struct wr_rule_node *node = g->tree->nodes[path[0].node];
    const struct wr_plan_clause *c = node->clauses != NULL ? node->clauses : node->fallback;
    struct wr_buf buf = wr_buf_in(g->arena, 128);
    wr_buf_str(&buf, WR_STR("rule "));
    wr_tree_write_path(&buf, node);
    wr_buf_str(&buf, WR_STR(" is recursive: "));
    for (uint32_t i = 0; i < n; i++) {
        wr_tree_write_path(&buf, g->tree->nodes[path[i].node]);
        wr_buf_str(&buf, WR_STR(" -> "));
    }
    wr_tree_write_path(&buf, node);
    wr_rego_error_add(errors, WR_E_REGO_RECURSION, c->module->ast->file, &c->ast->loc, "%.*s",
                      (int)buf.n, buf.p);
}

wr_err wr_resolve_recursion(struct wr_arena *arena, const struct wr_rule_tree *tree,
                            struct wr_rego_errors *errors)
{
    struct graph g = {.arena = arena, .tree = tree};
    g.edges = WR_NEW_ARRAY(arena, struct edge_list, tree->n_nodes);
    g.last_from = WR_NEW_ARRAY(arena, uint32_t, tree->n_nodes);
    struct step *stack = WR_NEW_ARRAY(arena, struct step, tree->n_nodes + 1);
    uint8_t *seen = WR_NEW_ARRAY(arena, uint8_t, tree->n_nodes);
    if (g.edges == NULL || g.last_from == NULL || stack == NULL || seen == NULL) {
        return WR_E_MEMORY;
    }
    read_edges(&g);
    if (g.no_room) {
        return WR_E_MEMORY;
    }
    if (!has_cycle(&g, stack, seen)) {
        return WR_OK;
    }
    for (uint32_t i = 0; i < tree->n_nodes && !errors->full; i++) {
        uint32_t n = find_cycle(&g, i, stack, seen);
        if (n > 0) {
            report(&g, stack, n, errors);
        }
    }
    return WR_E_REGO_RECURSION;
}
