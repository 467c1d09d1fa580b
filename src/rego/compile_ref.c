/* SPDX-License-Identifier: Apache-2.0 */
/* References: constant prefixes become paths or rules, variables without a value become loops. */
#include "rego/compile.h"

/* One operand of a reference whose value so far is in `reg`. */
struct steps {
    const struct wr_plan_term *ref;
    uint32_t next; /* operand to come */
    uint32_t reg;
    bool node; /* reg may hold a node of the rule tree */
};

static uint32_t const_prefix(const struct compiler *c, const struct wr_plan_term *t, uint32_t from)
{
    uint32_t i = from;
    while (i < t->n && wr_known(c, t->items[i]) != NULL) {
        i++;
    }
    return i;
}

static uint32_t target(struct compiler *c, uint32_t want, bool last)
{
    return last && want != WR_NO_REGISTER ? want : wr_new_register(c);
}

/* A loop over the elements of s->reg; the operand is matched with each key. */
static void iterate(struct compiler *c, struct steps *s, const struct wr_plan_term *operand,
                    bool last, uint32_t want)
{
    uint32_t iter = wr_new_registers(c, 2);
    uint32_t source = s->reg, key = wr_new_register(c), value = WR_NO_REGISTER;
    if (s->node) {
        uint32_t keys = wr_new_register(c);
        wr_emit(c, WR_OP_KEYS, keys, s->reg, 0, 0, c->fail);
        source = keys;
    }
    wr_emit(c, WR_OP_ITER, iter, source, 0, 0, c->fail);
    uint32_t label = wr_new_label(c), out = c->fail;
    c->labels[label] = c->n_code;
    /* Wildcards, and variables that the resolver made, stand in one place only. */
    bool named = operand->kind != WR_PLAN_VAR ||
                 (c->names[operand->var].n > 0 && c->names[operand->var].p[0] != '$');
    if (s->node) {
        wr_emit(c, WR_OP_NEXT, iter, WR_NO_REGISTER, key, 0, out);
    } else {
        value = target(c, want, last);
        wr_emit(c, WR_OP_NEXT, iter, named ? key : WR_NO_REGISTER, value, 0, out);
    }
    if (c->has_with) {
        wr_emit(c, WR_OP_ENTER, c->context, 0, 0, 0, NO_LABEL);
    }
    c->fail = label;
    if (operand->kind == WR_PLAN_VAR) {
        wr_bind_register(c, operand->var, key);
    } else {
        wr_compile_match(c, operand, key);
    }
    if (s->node) {
        value = target(c, want, last);
        wr_emit(c, WR_OP_STEP, value, s->reg, key, 0, c->fail);
    }
    s->reg = value;
}

static bool is_free(const struct compiler *c, const struct wr_plan_term *t)
{
    return t->kind == WR_PLAN_VAR && !c->bindings.bound[t->var];
}

/* True if the operand is a pattern that binds variables: it must be matched with each key. */
static bool is_pattern(struct compiler *c, const struct wr_plan_term *t)
{
    return (t->kind == WR_PLAN_ARRAY || t->kind == WR_PLAN_OBJECT) &&
           !wr_would_be_ready(&c->bindings, t);
}

static void step(struct compiler *c, struct steps *s, uint32_t want)
{
    const struct wr_plan_term *operand = s->ref->items[s->next++];
    bool last = s->next == s->ref->n;
    wr_set_place(c, operand->loc);
    if (is_free(c, operand) || is_pattern(c, operand)) {
        iterate(c, s, operand, last && !s->node, want);
        return;
    }
    const struct wr_value *known = wr_known(c, operand);
    if (known != NULL && !s->node) {
        uint32_t reg = target(c, want, last);
        wr_emit(c, WR_OP_GET_CONST, reg, s->reg, 0, wr_unit_const(c->unit, *known), c->fail);
        s->reg = reg;
        return;
    }
    uint32_t key = wr_compile_term(c, operand, WR_NO_REGISTER);
    uint32_t reg = target(c, want, last && !s->node);
    wr_emit(c, s->node ? WR_OP_STEP : WR_OP_GET, reg, s->reg, key, 0, c->fail);
    s->reg = reg;
}

static uint32_t run_steps(struct compiler *c, struct steps *s, uint32_t want)
{
    while (s->next < s->ref->n) {
        step(c, s, want);
    }
    if (s->node) {
        uint32_t reg = want != WR_NO_REGISTER ? want : wr_new_register(c);
        wr_emit(c, WR_OP_FORCE, reg, s->reg, 0, 0, c->fail);
        return reg;
    }
    if (want != WR_NO_REGISTER && s->reg != want) {
        wr_emit(c, WR_OP_MOVE, want, s->reg, 0, 0, NO_LABEL);
        return want;
    }
    return s->reg;
}

static uint32_t base_path(struct compiler *c, struct wr_path_table *table,
                          const struct wr_plan_term *t, uint32_t end)
{
    uint32_t path = 0;
    for (uint32_t i = 1; i < end; i++) {
        path = wr_unit_path(c->unit, table, path, *wr_known(c, t->items[i]));
    }
    return path;
}

uint32_t wr_input_path(struct compiler *c, const struct wr_plan_term *t)
{
    return base_path(c, &c->unit->input, t, t->kind == WR_PLAN_REF ? t->n : 1);
}

static uint32_t input_ref(struct compiler *c, const struct wr_plan_term *t, uint32_t want)
{
    uint32_t end = const_prefix(c, t, 1);
    struct steps s = {.ref = t, .next = end};
    s.reg = target(c, want, end == t->n);
    wr_emit(c, WR_OP_INPUT, s.reg, 0, 0, base_path(c, &c->unit->input, t, end), c->fail);
    return run_steps(c, &s, want);
}

static uint32_t data_ref(struct compiler *c, const struct wr_plan_term *t, uint32_t want)
{
    const struct wr_rule_node *node = c->tree->root;
    struct steps s = {.ref = t, .next = 1};
    while (s.next < t->n && node->kind == WR_NODE_INNER &&
           t->items[s.next]->kind == WR_PLAN_CONST) {
        const struct wr_rule_node *child = wr_tree_child(node, &t->items[s.next]->value);
        if (child == NULL || child->kind == WR_NODE_FUNCTION) { /* no rules this way */
            uint32_t end = const_prefix(c, t, 1);
            s.reg = target(c, want, end == t->n);
            wr_emit(c, WR_OP_DATA, s.reg, 0, 0, base_path(c, &c->unit->data, t, end), c->fail);
            s.next = end;
            return run_steps(c, &s, want);
        }
        node = child;
        s.next++;
    }
    bool last = s.next == t->n;
    if (node->kind != WR_NODE_INNER || last) {
        s.reg = target(c, want, last);
        wr_emit(c, WR_OP_RULE, s.reg, 0, 0, node->id, c->fail);
    } else {
        s.node = true;
        s.reg = wr_new_register(c);
        wr_emit(c, WR_OP_NODE, s.reg, 0, 0, node->id, NO_LABEL);
    }
    return run_steps(c, &s, want);
}

uint32_t wr_compile_ref(struct compiler *c, const struct wr_plan_term *t, uint32_t want)
{
    const struct wr_plan_term *head = t->kind == WR_PLAN_REF ? t->items[0] : t;
    wr_set_place(c, t->loc);
    if (head->kind == WR_PLAN_INPUT) {
        return input_ref(c, t, want);
    }
    if (head->kind == WR_PLAN_DATA) {
        return data_ref(c, t, want);
    }
    struct steps s = {.ref = t, .next = 1};
    s.reg = wr_compile_term(c, head, WR_NO_REGISTER);
    return run_steps(c, &s, want);
}
