/* SPDX-License-Identifier: Apache-2.0 */
/* What `with` may replace, and by what. Values that must be evaluated become variables. */
#include "rego/check_state.h"

static bool has_root(const struct wr_ast_term *t, uint32_t root)
{
    return t->kind == WR_AST_REF && t->items[0]->kind == WR_AST_VAR && t->items[0]->tag == root;
}

/* A builtin's name as a reference or as a variable. */
static const struct wr_builtin *builtin_of(struct wr_check *c, struct wr_ast_term *t)
{
    if (t->kind == WR_AST_REF) {
        return wr_check_builtin(c, t);
    }
    if (t->kind != WR_AST_VAR) {
        return NULL;
    }
    struct wr_ast_term *items[1] = {t}, ref = {.kind = WR_AST_REF, .n_items = 1, .items = items};
    return wr_check_builtin(c, &ref);
}

/* A variable that names a builtin becomes a reference to it. */
static void as_builtin_ref(struct wr_check *c, struct wr_ast_term **t)
{
    if ((*t)->kind == WR_AST_VAR && builtin_of(c, *t) != NULL) {
        struct wr_ast_term *ref = wr_check_new_items(c, WR_AST_REF, &(*t)->loc, 1);
        if (ref != &c->sink) {
            ref->items[0] = *t;
            *t = ref;
        }
    }
}

/* A function, rule or builtin to put in another's place. */
static bool is_function_value(struct wr_check *c, struct wr_ast_term *value)
{
    if (value->kind == WR_AST_REF &&
        wr_check_find(c, &c->rules, value->items, value->n_items) != NULL) {
        return true;
    }
    return builtin_of(c, value) != NULL;
}

static bool refuse(struct wr_check *c, const struct wr_ast_term *target, const char *why)
{
    wr_check_error(c, WR_E_REGO_COMPILE, &target->loc,
                   "with keyword replacing built-in function: %s", why);
    return false;
}

static bool check_builtin(struct wr_check *c, const struct wr_ast_term *target,
                          const struct wr_builtin *builtin)
{
    struct wr_str name = wr_str_z(builtin->name);
    if (wr_str_eq(name, WR_STR("eq")) || wr_str_eq(name, WR_STR("rego.metadata.chain")) ||
        wr_str_eq(name, WR_STR("rego.metadata.rule"))) {
        wr_check_error(c, WR_E_REGO_COMPILE, &target->loc,
                       "with keyword replacing built-in function: replacement of \"%.*s\" invalid",
                       WR_FMT(name));
        return false;
    }
    if (wr_str_starts(name, WR_STR("internal."))) {
        wr_check_error(c, WR_E_REGO_COMPILE, &target->loc,
                       "with keyword replacing built-in function: replacement of internal function "
                       "\"%.*s\" invalid",
                       WR_FMT(name));
        return false;
    }
    if ((builtin->flags & WR_BUILTIN_RELATION) != 0) {
        return refuse(c, target, "target must not be a relation");
    }
    if ((builtin->flags & WR_BUILTIN_VOID) != 0) {
        return refuse(c, target, "target must not be a void function");
    }
    return true;
}

/* False with an error when a rule above the target would be replaced in part. */
static bool check_data(struct wr_check *c, const struct wr_ast_term *target,
                       struct wr_ast_term *value, bool *is_function)
{
    const struct check_node *node = c->rules.root;
    struct wr_value key;
    for (uint32_t i = 1; i + 1 < target->n_items; i++) {
        key = wr_check_constant(c, target->items[i]);
        const struct check_node *child = wr_check_child(&c->rules, node, &key);
        if (child == NULL) {
            break;
        }
        if (child->rules.n > 0) {
            wr_check_error(c, WR_E_REGO_COMPILE, &target->loc,
                           "with keyword cannot partially replace virtual document(s)");
            return false;
        }
        node = child;
    }
    if (target->n_items < 2) {
        return true;
    }
    key = wr_check_constant(c, target->items[target->n_items - 1]);
    const struct check_node *last = wr_check_child(&c->rules, node, &key);
    for (uint32_t i = 0; last != NULL && i < last->rules.n; i++) {
        const struct check_rule *rule = last->rules.items[i];
        *is_function = *is_function || (rule->source->n_args > 0 && is_function_value(c, value));
    }
    return true;
}

/* False with an error. *bind: the value must be evaluated first. */
static bool check_one(struct wr_check *c, struct wr_ast_with *with, bool *bind)
{
    bool is_function = false;
    as_builtin_ref(c, &with->value);
    const struct wr_builtin *builtin = builtin_of(c, with->target);
    if (has_root(with->target, VAR_DATA)) {
        if (!check_data(c, with->target, with->value, &is_function)) {
            return false;
        }
    } else if (!has_root(with->target, VAR_INPUT)) {
        if (builtin == NULL) {
            wr_check_error(
                c, WR_E_REGO_TYPE, &with->target->loc,
                "with keyword target must reference existing input, data, or a function");
            return false;
        }
        as_builtin_ref(c, &with->target);
        if (!check_builtin(c, with->target, builtin)) {
            return false;
        }
        is_function = is_function_value(c, with->value);
    }
    *bind = !is_function && wr_check_requires_eval(with->value);
    return true;
}

static bool with_in_term(struct wr_check *c, struct wr_ast_term *t)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR) {
        return true;
    }
    bool failed = false;
    if (t->body != NULL) {
        t->body = wr_check_with_of(c, t->body, &failed);
    }
    for (uint32_t i = 0; i < t->n_items && !failed && !c->stop; i++) {
        failed = !with_in_term(c, t->items[i]);
    }
    return !failed;
}

static bool with_in_expr(struct wr_check *c, struct wr_ast_expr *e)
{
    bool failed = false;
    if (e->kind == WR_AST_EVERY) {
        failed = !with_in_term(c, e->domain);
        e->body = failed ? e->body : wr_check_with_of(c, e->body, &failed);
    } else if (e->term != NULL) {
        failed = !with_in_term(c, e->term);
    }
    for (uint32_t i = 0; i < e->n_with && !failed; i++) {
        failed = !with_in_term(c, e->with[i].value);
    }
    return !failed;
}

/* The body comes first, then what it holds: of a body that fails nothing more is looked at. */
struct wr_ast_body *wr_check_with_of(struct wr_check *c, struct wr_ast_body *body, bool *failed)
{
    struct check_list out = {0};
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        struct wr_ast_expr *e = body->exprs[i];
        for (uint32_t k = 0; k < e->n_with && !c->stop; k++) {
            bool bind = false;
            if (!check_one(c, &e->with[k], &bind)) {
                *failed = true;
                return body;
            }
            if (bind) {
                struct wr_ast_term *value = e->with[k].value;
                struct wr_ast_term *var = wr_check_var(c, wr_check_generate(c), &value->loc);
                wr_check_push(c, &out, wr_check_equation(c, var, value, &value->loc));
                e->with[k].value = var;
            }
        }
        wr_check_push(c, &out, e);
    }
    for (uint32_t i = 0; i < out.n && !*failed && !c->stop; i++) {
        *failed = !with_in_expr(c, out.items[i]);
    }
    return wr_check_body(c, &out, &body->loc);
}

void wr_check_with(struct wr_check *c, struct check_rule *rule)
{
    bool failed = false;
    rule->body = wr_check_with_of(c, rule->body, &failed);
}
