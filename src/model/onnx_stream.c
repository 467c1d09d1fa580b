/* SPDX-License-Identifier: Apache-2.0 */
/* Trees one by one from an ONNX node's attributes (onnx_stream.h). */
#include "model/onnx_stream.h"
#include "base/hash.h"

#define LIMIT_NODES (1u << 26)

enum { TREE = 0, NODE, FEATURE, MODE, YES, NO, VALUE, MISSING, N_NODE_LISTS };
enum { V_TREE = N_NODE_LISTS, V_NODE, V_TARGET, V_WEIGHT, N_LISTS };

struct part { /* of one tree, by its place in the file */
    int64_t id;
    uint32_t n_nodes, n_votes;
};

struct stream {
    struct wr_onnx *o;
    const struct wr_onnx_node *node;
    const char *names[N_LISTS];
    struct wr_onnx_cursor lists[N_LISTS];
    bool has_missing;
    struct part *parts;
    uint32_t n_parts, n_nodes, n_votes;
    /* the tree at hand, with room for `room` nodes and `vote_room` votes */
    uint32_t room, vote_room, mask;
    struct wr_walk_node *nodes;
    int64_t *ids, *yes, *no;
    uint8_t *is_child;
    uint32_t *table, *place;
    struct wr_walk_vote *votes, *own;
};

/* ── the first look ─────────────────────────────────────────────────────────────────────────── */
static bool open_lists(struct stream *s)
{
    static const uint32_t fields[N_LISTS] = {8, 8, 8, 9, 8, 8, 7, 8, 8, 8, 8, 7};
    for (unsigned i = 0; i < N_LISTS; i++) {
        bool there = wr_onnx_cursor_open(s->o, s->node, s->names[i], fields[i], &s->lists[i]);
        if (i == MISSING) {
            s->has_missing = there;
        } else if (!there) {
            return false;
        }
    }
    return true;
}

/* Counts nodes by tree; false when ids do not ascend. */
static bool count_nodes(struct stream *s)
{
    uint32_t cap = 0;
    int64_t id;
    while (wr_onnx_cursor_int(&s->lists[TREE], &id)) {
        bool same = s->n_parts > 0 && s->parts[s->n_parts - 1].id == id;
        if (++s->n_nodes > LIMIT_NODES || (s->n_parts > 0 && s->parts[s->n_parts - 1].id > id)) {
            return false;
        }
        if (!same) {
            struct part *parts = wr_graph_grown(s->o->g, s->parts, s->n_parts, &cap, sizeof *parts);
            if (parts == NULL) {
                return false;
            }
            s->parts = parts;
            parts[s->n_parts++] = (struct part){.id = id};
        }
        s->parts[s->n_parts - 1].n_nodes++;
    }
    return s->n_nodes > 0;
}

/* Votes must come in the order of the trees. */
static bool count_votes(struct stream *s, struct wr_onnx_votes *votes)
{
    int64_t id, target;
    double weight;
    uint32_t at = 0;
    *votes = (struct wr_onnx_votes){.same_target = true, .positive = true};
    while (wr_onnx_cursor_int(&s->lists[V_TREE], &id)) {
        while (at < s->n_parts && s->parts[at].id != id) {
            at++;
        }
        if (at == s->n_parts || !wr_onnx_cursor_int(&s->lists[V_TARGET], &target) ||
            !wr_onnx_cursor_float(&s->lists[V_WEIGHT], &weight)) {
            return false;
        }
        s->parts[at].n_votes++;
        votes->first_target = votes->n == 0 ? target : votes->first_target;
        votes->same_target = votes->same_target && target == votes->first_target;
        votes->positive = votes->positive && weight >= 0;
        votes->n++;
    }
    s->n_votes = votes->n;
    return votes->n > 0;
}

/* Has the list n elements? */
static bool is_long(struct stream *s, unsigned list, uint32_t n)
{
    struct wr_onnx_cursor c = s->lists[list];
    uint64_t have = wr_onnx_cursor_count(&c);
    return have == n;
}

static bool lengths_agree(struct stream *s)
{
    for (unsigned i = NODE; i < N_NODE_LISTS; i++) {
        if (!is_long(s, i, i == MISSING && !s->has_missing ? 0 : s->n_nodes)) {
            return false;
        }
    }
    return is_long(s, V_NODE, s->n_votes) && is_long(s, V_TARGET, s->n_votes) &&
           is_long(s, V_WEIGHT, s->n_votes);
}

/* ── one tree ───────────────────────────────────────────────────────────────────────────────── */
static bool make_room(struct stream *s)
{
    struct wr_arena *arena = s->o->g->arena;
    uint32_t size = 16;
    for (uint32_t t = 0; t < s->n_parts; t++) {
        s->room = WR_MAX(s->room, s->parts[t].n_nodes);
        s->vote_room = WR_MAX(s->vote_room, s->parts[t].n_votes);
    }
    while (size < 2 * s->room) {
        size *= 2;
    }
    s->mask = size - 1;
    s->nodes = wr_arena_array(arena, s->room, sizeof *s->nodes, 8);
    s->ids = wr_arena_array(arena, s->room, sizeof *s->ids, 8);
    s->yes = wr_arena_array(arena, s->room, sizeof *s->yes, 8);
    s->no = wr_arena_array(arena, s->room, sizeof *s->no, 8);
    s->is_child = wr_arena_array(arena, s->room, 1, 1);
    s->table = wr_arena_array(arena, size, sizeof *s->table, 4);
    s->place = wr_arena_array(arena, (size_t)s->vote_room + 1, sizeof *s->place, 4);
    s->own = wr_arena_array(arena, (size_t)s->vote_room + 1, sizeof *s->own, 8);
    s->votes = wr_arena_array(arena, (size_t)s->vote_room + 1, sizeof *s->votes, 8);
    if (arena->failed) {
        wr_graph_fail(s->o->g, WR_E_MEMORY, "no memory for a tree of %u nodes", s->room);
    }
    return !arena->failed;
}

static bool fail(struct stream *s, uint32_t t, const char *what)
{
    wr_graph_fail(s->o->g, WR_E_MODEL, "tree %lld: %s", (long long)s->parts[t].id, what);
    return false;
}

static uint32_t slot(const struct stream *s, int64_t id)
{
    uint32_t at = (uint32_t)wr_mix64((uint64_t)id) & s->mask;
    while (s->table[at] != 0 && s->ids[s->table[at] - 1] != id) {
        at = (at + 1) & s->mask;
    }
    return at;
}

/* The place of a node in the tree at hand, or UINT32_MAX. */
static uint32_t find(const struct stream *s, int64_t id)
{
    return s->table[slot(s, id)] - 1;
}

static bool mode_of(struct wr_str name, uint32_t *mode)
{
    static const char *const names[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE", "BRANCH_GT",
                                        "BRANCH_EQ",  "BRANCH_NEQ", NULL,         "LEAF"};
    for (uint32_t i = 0; i < WR_COUNTOF(names); i++) {
        if (names[i] != NULL && wr_str_eq(name, wr_str_z(names[i]))) {
            *mode = i;
            return true;
        }
    }
    return false;
}

static bool read_node(struct stream *s, uint32_t t, uint32_t i)
{
    struct wr_walk_node *node = &s->nodes[i];
    struct wr_str mode_name;
    int64_t ignored, feature, missing = 0;
    uint32_t mode;
    double value;
    bool good = wr_onnx_cursor_int(&s->lists[TREE], &ignored) &&
                wr_onnx_cursor_int(&s->lists[NODE], &s->ids[i]) &&
                wr_onnx_cursor_int(&s->lists[FEATURE], &feature) &&
                wr_onnx_cursor_text(&s->lists[MODE], &mode_name) &&
                wr_onnx_cursor_int(&s->lists[YES], &s->yes[i]) &&
                wr_onnx_cursor_int(&s->lists[NO], &s->no[i]) &&
                wr_onnx_cursor_float(&s->lists[VALUE], &value) &&
                (!s->has_missing || wr_onnx_cursor_int(&s->lists[MISSING], &missing));
    if (!good || !mode_of(mode_name, &mode)) {
        return fail(s, t, "a node's mode is unknown, or a list ends too early");
    }
    *node = (struct wr_walk_node){.mode = mode};
    if (mode == WR_WALK_LEAF) {
        return true;
    }
    if (feature < 0 || feature > INT32_MAX) {
        return fail(s, t, "a child or column is unknown");
    }
    node->mode |= missing != 0 ? WR_WALK_MISSING_YES : 0;
    node->threshold = value;
    node->feature = (uint32_t)feature;
    return true;
}

static bool read_nodes(struct stream *s, uint32_t t)
{
    uint32_t n = s->parts[t].n_nodes;
    memset(s->table, 0, ((size_t)s->mask + 1) * sizeof *s->table);
    memset(s->is_child, 0, n);
    for (uint32_t i = 0; i < n; i++) {
        if (!read_node(s, t, i)) {
            return false;
        }
        uint32_t at = slot(s, s->ids[i]);
        if (s->table[at] != 0) {
            return fail(s, t, "a node is there twice");
        }
        s->table[at] = i + 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct wr_walk_node *node = &s->nodes[i];
        if (node->mode == WR_WALK_LEAF) {
            continue;
        }
        node->yes = find(s, s->yes[i]);
        node->no = find(s, s->no[i]);
        if (node->yes >= n || node->no >= n) {
            return fail(s, t, "a child or column is unknown");
        }
        s->is_child[node->yes] = s->is_child[node->no] = 1;
    }
    return true;
}

/* Votes by leaf, in the order of the file: count, then place. */
static bool read_votes(struct stream *s, uint32_t t)
{
    uint32_t n = s->parts[t].n_votes, first = 0;
    for (uint32_t v = 0; v < n; v++) {
        int64_t ignored, id, target;
        double weight;
        if (!wr_onnx_cursor_int(&s->lists[V_TREE], &ignored) ||
            !wr_onnx_cursor_int(&s->lists[V_NODE], &id) ||
            !wr_onnx_cursor_int(&s->lists[V_TARGET], &target) ||
            !wr_onnx_cursor_float(&s->lists[V_WEIGHT], &weight)) {
            return fail(s, t, "a list of votes ends too early");
        }
        s->place[v] = find(s, id);
        if (s->place[v] >= s->parts[t].n_nodes || s->nodes[s->place[v]].mode != WR_WALK_LEAF ||
            target < 0 || target > INT32_MAX) {
            return fail(s, t, "a vote is for no leaf");
        }
        s->nodes[s->place[v]].no++;
        s->own[v] = (struct wr_walk_vote){weight, (uint32_t)target, 0};
    }
    for (uint32_t i = 0; i < s->parts[t].n_nodes; i++) {
        if (s->nodes[i].mode == WR_WALK_LEAF) {
            s->nodes[i].yes = first;
            first += s->nodes[i].no;
            s->nodes[i].no = 0;
        }
    }
    for (uint32_t v = 0; v < n; v++) {
        struct wr_walk_node *leaf = &s->nodes[s->place[v]];
        s->votes[leaf->yes + leaf->no++] = s->own[v];
    }
    return true;
}

static bool give_tree(void *context, uint32_t t, struct wr_forest_tree *out)
{
    struct stream *s = context;
    uint32_t n = s->parts[t].n_nodes, root = UINT32_MAX;
    if (t == 0 && !open_lists(s)) {
        return false;
    }
    if (!read_nodes(s, t) || !read_votes(s, t)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (s->is_child[i] == 0) {
            if (root != UINT32_MAX) {
                return fail(s, t, "it has two roots");
            }
            root = i;
        }
    }
    *out = (struct wr_forest_tree){s->nodes, n, root, s->votes, s->parts[t].n_votes};
    return root != UINT32_MAX || fail(s, t, "it has no root");
}

bool wr_onnx_stream(struct wr_onnx *o, const struct wr_onnx_node *node, const char *const names[4],
                    struct wr_forest *f, struct wr_onnx_votes *votes)
{
    static const char *const node_lists[N_NODE_LISTS] = {
        "nodes_treeids",     "nodes_nodeids",
        "nodes_featureids",  "nodes_modes",
        "nodes_truenodeids", "nodes_falsenodeids",
        "nodes_values",      "nodes_missing_value_tracks_true"};
    struct stream *s = WR_NEW(o->g->arena, struct stream);
    if (s == NULL) {
        wr_graph_fail(o->g, WR_E_MEMORY, "no memory to read trees");
        return false;
    }
    *s = (struct stream){.o = o, .node = node};
    for (unsigned i = 0; i < N_LISTS; i++) {
        s->names[i] = i < N_NODE_LISTS ? node_lists[i] : names[i - N_NODE_LISTS];
    }
    if (!open_lists(s) || !count_nodes(s) || !count_votes(s, votes) || !open_lists(s) ||
        !lengths_agree(s) || o->g->code != WR_OK || !make_room(s)) {
        return false;
    }
    *f = (struct wr_forest){.n_nodes = s->n_nodes,
                            .n_votes = s->n_votes,
                            .n_trees = s->n_parts,
                            .tree = give_tree,
                            .context = s};
    return true;
}
