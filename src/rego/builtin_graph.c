/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over nested values and over graphs given as {node: [neighbours]}. */
#include "rego/builtin_family.h"

/* ── walk ───────────────────────────────────────────────────────────────────────────────────── */

struct walk_frame {
    struct wr_value v;
    uint32_t next; /* child to visit */
};

struct walk {
    struct walk_frame frames[WR_LIMIT_BUILTIN_DEPTH + 1];
    struct wr_value path[WR_LIMIT_BUILTIN_DEPTH + 1];
    struct wr_list found;
};

/* Adds [path, v] for the path of `depth` keys. */
static wr_err walk_emit(struct wr_builtin_call *call, struct walk *w, unsigned depth,
                        const struct wr_value *v)
{
    struct wr_value *both, *path;
    WR_TRY(wr_builtin_items(call, 2, &both));
    WR_TRY(wr_builtin_items(call, depth, &path));
    memcpy(path, w->path, depth * sizeof *path);
    both[0] = wr_array(path, depth);
    both[1] = *v;
    return wr_list_add(call, &w->found, wr_array(both, 2));
}

static bool walk_child(struct walk_frame *f, struct wr_value *key, struct wr_value *child)
{
    if (f->v.type < WR_ARRAY || f->next == f->v.n) {
        return false;
    }
    uint32_t i = f->next++;
    if (f->v.type == WR_OBJECT) {
        *key = f->v.pairs[i].key;
        *child = f->v.pairs[i].value;
    } else {
        *child = f->v.items[i];
        *key = f->v.type == WR_ARRAY ? wr_int(i) : *child;
    }
    return true;
}

WR_BUILTIN_FN(wr_b_walk)
{
    struct walk *w = WR_NEW(call->arena, struct walk);
    unsigned depth = 0;
    struct wr_value child;
    (void)n;
    if (w == NULL) {
        return wr_builtin_no_room(call);
    }
    w->frames[0].v = args[0];
    WR_TRY(walk_emit(call, w, 0, &args[0]));
    for (;;) {
        if (!walk_child(&w->frames[depth], &w->path[depth], &child)) {
            if (depth == 0) {
                break;
            }
            depth--;
            continue;
        }
        depth++;
        WR_TRY(wr_builtin_deep(call, depth));
        WR_TRY(walk_emit(call, w, depth, &child));
        w->frames[depth] = (struct walk_frame){child, 0};
    }
    *out = wr_array(w->found.items, w->found.n);
    return WR_OK;
}

/* ── graphs ─────────────────────────────────────────────────────────────────────────────────── */

#define NO_NODE UINT32_MAX

static uint32_t node_of(const struct wr_value *graph, const struct wr_value *key)
{
    const struct wr_value *edges = wr_object_get(graph, key);
    if (edges == NULL) {
        return NO_NODE;
    }
    const char *at = (const char *)edges - offsetof(struct wr_pair, value);
    return (uint32_t)((size_t)(at - (const char *)graph->pairs) / sizeof(struct wr_pair));
}

static uint32_t n_edges(const struct wr_value *edges)
{
    return wr_is_list(*edges) ? edges->n : 0;
}

static wr_err want_graph(struct wr_builtin_call *call, const struct wr_value *args)
{
    WR_TRY(wr_builtin_want(call, args, 0, WR_OBJECT));
    if (!wr_is_list(args[1])) {
        return wr_builtin_operand(call, 1, "must be {array, set} but got %s",
                                  wr_type_name(args[1]));
    }
    return WR_OK;
}

static void reach(const struct wr_value *graph, const struct wr_value *nodes, bool *seen,
                  uint32_t *queue, uint32_t *tail)
{
    for (uint32_t i = 0; i < n_edges(nodes); i++) {
        uint32_t node = node_of(graph, &nodes->items[i]);
        if (node != NO_NODE && !seen[node]) {
            seen[node] = true;
            queue[(*tail)++] = node;
        }
    }
}

WR_BUILTIN_FN(wr_b_graph_reachable)
{
    struct wr_value *items;
    uint32_t head = 0, tail = 0, kept = 0;
    (void)n;
    WR_TRY(want_graph(call, args));
    const struct wr_value *graph = &args[0];
    bool *seen = WR_NEW_ARRAY(call->arena, bool, graph->n + 1);
    uint32_t *queue = WR_NEW_ARRAY(call->arena, uint32_t, graph->n + 1);
    if (seen == NULL || queue == NULL) {
        return wr_builtin_no_room(call);
    }
    WR_TRY(wr_builtin_charge(call, args[1].n + 1));
    reach(graph, &args[1], seen, queue, &tail);
    while (head < tail) {
        const struct wr_value *edges = &graph->pairs[queue[head++]].value;
        WR_TRY(wr_builtin_charge(call, n_edges(edges) + 1));
        reach(graph, edges, seen, queue, &tail);
    }
    WR_TRY(wr_builtin_items(call, tail, &items));
    for (uint32_t i = 0; i < graph->n; i++) {
        if (seen[i]) {
            items[kept++] = graph->pairs[i].key;
        }
    }
    *out = (struct wr_value){.type = WR_SET, .n = kept, .items = items};
    return WR_OK;
}

struct paths {
    const struct wr_value *graph;
    bool *reached;         /* by node */
    struct wr_value *path; /* keys */
    uint32_t *node, *next; /* by depth: the node and its edge to follow */
    struct wr_list found;
};

static wr_err paths_commit(struct wr_builtin_call *call, struct paths *p, uint32_t length)
{
    struct wr_value *path;
    WR_TRY(wr_builtin_items(call, length, &path));
    memcpy(path, p->path, length * sizeof *path);
    return wr_list_add(call, &p->found, wr_array(path, length));
}

/* Follows the edges from p->path[0], depth first; a node marks itself when it is left for the first
 * time and is not entered again; a node that is absent or marked ends the path before it. */
static wr_err paths_from(struct wr_builtin_call *call, struct paths *p)
{
    uint32_t depth = 1;
    while (depth > 0) {
        uint32_t node = p->node[depth - 1];
        const struct wr_value *edges = &p->graph->pairs[node].value;
        uint32_t edge = p->next[depth - 1]++;
        WR_TRY(wr_builtin_charge(call, 4));
        if (edge == n_edges(edges)) {
            if (edge == 0) {
                WR_TRY(paths_commit(call, p, depth));
            }
            depth--;
            continue;
        }
        if (depth == 1) { /* each edge of the root starts afresh */
            WR_TRY(wr_builtin_charge(call, p->graph->n / 16));
            memset(p->reached, 0, p->graph->n * sizeof *p->reached);
            p->reached[node] = true;
        }
        uint32_t neighbour = node_of(p->graph, &edges->items[edge]);
        if (neighbour != NO_NODE && p->reached[neighbour]) {
            WR_TRY(paths_commit(call, p, depth));
            continue;
        }
        p->reached[node] = true;
        if (neighbour == NO_NODE) {
            WR_TRY(paths_commit(call, p, depth));
            continue;
        }
        p->path[depth] = edges->items[edge];
        p->node[depth] = neighbour;
        p->next[depth] = 0;
        depth++;
    }
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_graph_reachable_paths)
{
    (void)n;
    WR_TRY(want_graph(call, args));
    uint32_t count = args[0].n;
    struct paths p = {.graph = &args[0]};
    p.reached = WR_NEW_ARRAY(call->arena, bool, count + 1);
    p.path = WR_NEW_ARRAY(call->arena, struct wr_value, count + 2);
    p.node = WR_NEW_ARRAY(call->arena, uint32_t, count + 2);
    p.next = WR_NEW_ARRAY(call->arena, uint32_t, count + 2);
    if (p.reached == NULL || p.path == NULL || p.node == NULL || p.next == NULL) {
        return wr_builtin_no_room(call);
    }
    for (uint32_t i = 0; i < args[1].n; i++) {
        uint32_t node = node_of(&args[0], &args[1].items[i]);
        if (node == NO_NODE) {
            continue;
        }
        p.path[0] = args[1].items[i];
        p.node[0] = node;
        p.next[0] = 0;
        WR_TRY(paths_from(call, &p));
    }
    *out = wr_set_from(p.found.items, p.found.n);
    return WR_OK;
}
