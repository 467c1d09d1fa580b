/* SPDX-License-Identifier: Apache-2.0 */
/* Variables of the tracing evaluator: bound for a while, then free again. */
#include "rego/trace_in.h"

struct trace_var *wr_trace_var(struct trace_frame *f, struct wr_str name)
{
    struct trace_vars *vars = f->vars;
    for (uint32_t i = 0; i < vars->n; i++) {
        if (wr_str_eq(vars->items[i].name, name)) {
            return &vars->items[i];
        }
    }
    if (vars->n == vars->cap) {
        uint32_t cap = WR_MAX(2 * vars->cap, 16u);
        struct trace_var *items = WR_NEW_ARRAY(f->t->arena, struct trace_var, cap);
        if (items == NULL) {
            return NULL;
        }
        if (vars->n > 0) {
            memcpy(items, vars->items, vars->n * sizeof items[0]);
        }
        vars->items = items;
        vars->cap = cap;
    }
    vars->items[vars->n] = (struct trace_var){name, wr_undefined()};
    return &vars->items[vars->n++];
}

static bool plug_all(struct trace_frame *f, const struct wr_ast_term *term, struct wr_value *items)
{
    for (uint32_t i = 0; i < term->n_items; i++) {
        items[i] = wr_trace_plug(f, term->items[i]);
        if (items[i].type == WR_UNDEFINED) {
            return false;
        }
    }
    return true;
}

struct wr_value wr_trace_plug(struct trace_frame *f, const struct wr_ast_term *term)
{
    if (term->kind == WR_AST_SCALAR) {
        return term->value;
    }
    if (term->kind == WR_AST_VAR) {
        const struct trace_var *var = wr_trace_var(f, term->name);
        return var != NULL ? var->value : wr_undefined();
    }
    if (term->kind == WR_AST_REF && term->n_items == 1) {
        struct wr_str name = term->items[0]->name;
        return wr_str_eq(name, WR_STR("input")) ? f->t->input : wr_undefined();
    }
    bool known =
        term->kind == WR_AST_ARRAY || term->kind == WR_AST_SET || term->kind == WR_AST_OBJECT;
    struct wr_value *items =
        known ? WR_NEW_ARRAY(f->t->arena, struct wr_value, term->n_items + 1) : NULL;
    if (items == NULL || !plug_all(f, term, items)) {
        return wr_undefined();
    }
    if (term->kind == WR_AST_ARRAY) {
        return wr_array(items, term->n_items);
    }
    return term->kind == WR_AST_SET
               ? wr_set_from(items, term->n_items)
               : wr_object_from((struct wr_pair *)(void *)items, term->n_items / 2);
}

static bool bind(struct trace_frame *f, struct trace_var *var, const struct wr_value *v,
                 struct wr_str **bound, uint32_t *n_bound)
{
    if ((*n_bound & (*n_bound - 1)) == 0) { /* grows at powers of two */
        struct wr_str *more = WR_NEW_ARRAY(f->t->arena, struct wr_str, 2 * (*n_bound + 1));
        if (more == NULL) {
            return false;
        }
        if (*n_bound > 0) {
            memcpy(more, *bound, *n_bound * sizeof more[0]);
        }
        *bound = more;
    }
    (*bound)[(*n_bound)++] = var->name;
    var->value = *v;
    return true;
}

static bool match_object(struct trace_frame *f, const struct wr_ast_term *pattern,
                         const struct wr_value *v, struct wr_str **bound, uint32_t *n_bound)
{
    if (v->type != WR_OBJECT || v->n != pattern->n_items / 2) {
        return false;
    }
    for (uint32_t i = 0; i < pattern->n_items; i += 2) {
        struct wr_value key = wr_trace_plug(f, pattern->items[i]);
        const struct wr_value *at = key.type != WR_UNDEFINED ? wr_object_get(v, &key) : NULL;
        if (at == NULL || !wr_trace_match(f, pattern->items[i + 1], at, bound, n_bound)) {
            return false;
        }
    }
    return true;
}

bool wr_trace_match(struct trace_frame *f, const struct wr_ast_term *pattern,
                    const struct wr_value *v, struct wr_str **bound, uint32_t *n_bound)
{
    if (pattern->kind == WR_AST_VAR) {
        struct trace_var *var = wr_trace_var(f, pattern->name);
        if (var == NULL) {
            return false;
        }
        return var->value.type != WR_UNDEFINED ? wr_value_eq(&var->value, v)
                                               : bind(f, var, v, bound, n_bound);
    }
    if (pattern->kind == WR_AST_ARRAY) {
        bool fits = v->type == WR_ARRAY && v->n == pattern->n_items;
        for (uint32_t i = 0; i < pattern->n_items && fits; i++) {
            fits = wr_trace_match(f, pattern->items[i], &v->items[i], bound, n_bound);
        }
        return fits;
    }
    if (pattern->kind == WR_AST_OBJECT) {
        return match_object(f, pattern, v, bound, n_bound);
    }
    struct wr_value own = wr_trace_plug(f, pattern);
    return own.type != WR_UNDEFINED && wr_value_eq(&own, v);
}

void wr_trace_unbind(struct trace_frame *f, const struct wr_str *bound, uint32_t n_bound)
{
    for (uint32_t i = 0; i < n_bound; i++) {
        struct trace_var *var = wr_trace_var(f, bound[i]);
        if (var != NULL) {
            var->value = wr_undefined();
        }
    }
}
