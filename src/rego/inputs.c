/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy may read of its input: read off the code, for all functions a query can reach.
 *
 * Every access to the input is an INPUT instruction with a path of constant keys; what is done with
 * its value is not followed up, so every path counts as open. A path stops at a key that is no
 * string. The set is sorted, and a path below another one is left out. */
#include "rego/code.h"

struct reach {
    const struct wr_rego_program *program;
    const struct wr_unit *unit;
    bool *reached; /* by function */
    uint32_t *todo;
    uint32_t n_todo;
    bool *paths; /* by number of input path */
};

static void reach_function(struct reach *reach, uint32_t id)
{
    if (!reach->reached[id]) {
        reach->reached[id] = true;
        reach->todo[reach->n_todo++] = id;
    }
}

/* A node that is not known to be a rule: anything below it. */
static void reach_below(struct reach *reach, uint32_t id)
{
    const struct wr_rule_tree *tree = &reach->program->resolved.tree;
    const struct wr_rule_node *top = tree->nodes[id];
    for (uint32_t i = 0; i < tree->n_nodes; i++) {
        for (const struct wr_rule_node *up = tree->nodes[i]; up != NULL; up = up->parent) {
            if (up == top) {
                reach_function(reach, i);
                break;
            }
        }
    }
}

static void read_function(struct reach *reach, const struct wr_function *f)
{
    for (uint32_t i = 0; i < f->n_code; i++) {
        const struct wr_insn *in = &f->code[i];
        switch (in->op) {
        case WR_OP_INPUT:
        case WR_OP_INPUT_EQ:
        case WR_OP_INPUT_NEQ:
        case WR_OP_INPUT_LT:
        case WR_OP_INPUT_LTE:
        case WR_OP_INPUT_GT:
        case WR_OP_INPUT_GTE:
        case WR_OP_INPUT_EQ_DATA:
        case WR_OP_INPUT_NEQ_DATA:
        case WR_OP_INPUT_LT_DATA:
        case WR_OP_INPUT_LTE_DATA:
        case WR_OP_INPUT_GT_DATA:
        case WR_OP_INPUT_GTE_DATA:
            reach->paths[in->d] = true;
            break;
        case WR_OP_RULE:
        case WR_OP_CALL:
            reach_function(reach, in->d);
            break;
        case WR_OP_NODE:
            reach_below(reach, in->d);
            break;
        case WR_OP_WITH_CALL:
            if (reach->unit->withs[in->d].by_function != NULL) {
                reach_function(reach, reach->unit->withs[in->d].by_function->id);
            }
            break;
        default:
            break;
        }
    }
}

/* The keys of a path up to the first that is no string. */
static struct wr_value path_keys(struct wr_arena *arena, const struct wr_unit *unit, uint32_t path)
{
    uint32_t depth = unit->input.items[path].depth;
    struct wr_value *keys = WR_NEW_ARRAY(arena, struct wr_value, depth);
    if (keys == NULL) {
        return wr_undefined();
    }
    uint32_t n = depth;
    for (uint32_t at = path; at != 0; at = unit->input.items[at].parent) {
        keys[--depth] = unit->consts[unit->input.items[at].key];
    }
    for (uint32_t i = n; i-- > 0;) {
        n = keys[i].type == WR_STRING ? n : i;
    }
    return wr_array(keys, n);
}

static bool is_prefix(const struct wr_value *a, const struct wr_value *b)
{
    for (uint32_t i = 0; i < a->n; i++) {
        if (i >= b->n || !wr_value_eq(&a->items[i], &b->items[i])) {
            return false;
        }
    }
    return true;
}

/* Paths as values, sorted: one below the last one kept is left out. */
static wr_err write_paths(struct wr_arena *arena, const struct wr_value *set,
                          const struct wr_rego_input_path **out, uint32_t *n)
{
    struct wr_rego_input_path *paths = WR_NEW_ARRAY(arena, struct wr_rego_input_path, set->n);
    const struct wr_value *last = NULL;
    *n = 0;
    if (paths == NULL) {
        return WR_E_MEMORY;
    }
    for (uint32_t i = 0; i < set->n; i++) {
        const struct wr_value *path = &set->items[i];
        if (last != NULL && is_prefix(last, path)) {
            continue;
        }
        struct wr_str *items = WR_NEW_ARRAY(arena, struct wr_str, path->n);
        if (items == NULL) {
            return WR_E_MEMORY;
        }
        for (uint32_t k = 0; k < path->n; k++) {
            items[k] = wr_text(path->items[k]);
        }
        paths[(*n)++] = (struct wr_rego_input_path){items, path->n, true};
        last = path;
    }
    *out = paths;
    return WR_OK;
}

wr_err wr_rego_input_paths(const struct wr_rego_program *program, const struct wr_rego_query *query,
                           struct wr_arena *arena, const struct wr_rego_input_path **paths,
                           uint32_t *n)
{
    const struct wr_unit *unit = query != NULL ? &query->unit : &program->unit;
    struct reach reach = {.program = query != NULL ? query->program : program, .unit = unit};
    reach.reached = WR_NEW_ARRAY(arena, bool, unit->n_functions);
    reach.todo = WR_NEW_ARRAY(arena, uint32_t, unit->n_functions);
    reach.paths = WR_NEW_ARRAY(arena, bool, unit->input.n);
    struct wr_value *found = WR_NEW_ARRAY(arena, struct wr_value, unit->input.n);
    *n = 0;
    if (reach.reached == NULL || reach.todo == NULL || reach.paths == NULL || found == NULL) {
        return WR_E_MEMORY;
    }
    for (uint32_t i = 0; query == NULL && i < unit->n_functions; i++) {
        reach_function(&reach, i);
    }
    if (query != NULL) {
        read_function(&reach, &query->function);
    }
    while (reach.n_todo > 0) {
        read_function(&reach, &unit->functions[reach.todo[--reach.n_todo]]);
    }
    uint32_t n_found = 0;
    for (uint32_t i = 0; i < unit->input.n; i++) {
        if (reach.paths[i]) {
            found[n_found] = path_keys(arena, unit, i);
            if (found[n_found++].type == WR_UNDEFINED) {
                return WR_E_MEMORY;
            }
        }
    }
    struct wr_value set = wr_set_from(found, n_found);
    return write_paths(arena, &set, paths, n);
}

uint32_t wr_rego_input_slot(const struct wr_rego_query *query, const struct wr_str *items,
                            uint32_t n)
{
    const struct wr_unit *unit = &query->unit;
    uint32_t at = 0;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t next = at + 1; /* a parent's number is less */
        for (; next < unit->input.n; next++) {
            const struct wr_key_path *path = &unit->input.items[next];
            const struct wr_value *key = &unit->consts[path->key];
            if (path->parent == at && key->type == WR_STRING &&
                wr_str_eq(wr_text(*key), items[k])) {
                break;
            }
        }
        if (next == unit->input.n) {
            return UINT32_MAX;
        }
        at = next;
    }
    return at;
}

static bool replaces_input(const struct wr_function *f)
{
    for (uint32_t i = 0; i < f->n_code; i++) {
        if (f->code[i].op == WR_OP_WITH_INPUT) {
            return true;
        }
    }
    return false;
}

bool wr_rego_replaces_input(const struct wr_rego_query *query)
{
    bool replaces = replaces_input(&query->function);
    for (uint32_t i = 0; i < query->unit.n_functions && !replaces; i++) {
        replaces = replaces_input(&query->unit.functions[i]);
    }
    return replaces;
}
