/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: is there such a function, does it take so many arguments, has it a value; print. */
#include "rego/check_state.h"
#include "rego/plan.h"
#include "rego/print.h"

/* ── functions ──────────────────────────────────────────────────────────────────────────────── */

static struct wr_str dotted(struct wr_check *c, const struct wr_ast_term *ref)
{
    if (ref->kind != WR_AST_REF || ref->items[0]->kind != WR_AST_VAR) {
        return (struct wr_str){0};
    }
    if (ref->n_items == 1) {
        return ref->items[0]->name;
    }
    struct wr_buf buf = wr_buf_in(c->arena, 32);
    wr_buf_str(&buf, ref->items[0]->name);
    for (uint32_t i = 1; i < ref->n_items; i++) {
        if (!wr_ast_is_string(ref->items[i])) {
            return (struct wr_str){0};
        }
        wr_buf_char(&buf, '.');
        wr_buf_str(&buf, wr_text(ref->items[i]->value));
    }
    return wr_buf_view(&buf);
}

/* The compiler puts constants in their place. */
static const struct wr_builtin metadata[] = {
    {.name = "rego.metadata.chain", .types = "() => chain: array[any]"},
    {.name = "rego.metadata.rule", .types = "() => output: any"},
};

static const struct wr_builtin *find_builtin(struct wr_check *c, const struct wr_ast_term *ref)
{
    struct wr_str name = dotted(c, ref);
    for (size_t i = 0; i < WR_COUNTOF(metadata); i++) {
        if (wr_str_eq(name, wr_str_z(metadata[i].name))) {
            return &metadata[i];
        }
    }
    return name.n > 0 ? wr_rego_builtin(c->options, name) : NULL;
}

#define NO_BUILTIN UINT32_MAX

const struct wr_builtin *wr_check_builtin(struct wr_check *c, struct wr_ast_term *ref)
{
    if (ref->kind != WR_AST_REF || ref->items[0]->tag <= VAR_DATA || ref->tag == NO_BUILTIN) {
        return NULL;
    }
    if (ref->tag > 0) {
        return c->called.items[ref->tag - 1];
    }
    const struct wr_builtin *builtin = find_builtin(c, ref);
    ref->tag = NO_BUILTIN;
    for (uint32_t i = 0; i < c->called.n && builtin != NULL && ref->tag == NO_BUILTIN; i++) {
        ref->tag = c->called.items[i] == builtin ? i + 1 : NO_BUILTIN;
    }
    if (builtin != NULL && ref->tag == NO_BUILTIN) {
        wr_check_push_in(c, c->keep, &c->called, (void *)(uintptr_t)builtin);
        wr_check_push_in(c, c->keep, &c->signatures, NULL);
        ref->tag = c->stop ? NO_BUILTIN : c->called.n;
    }
    return builtin;
}

const struct wr_check_type *wr_check_signature(struct wr_check *c, struct wr_ast_term *ref)
{
    const struct wr_builtin *builtin = wr_check_builtin(c, ref);
    if (builtin == NULL || ref->tag == NO_BUILTIN) {
        return NULL;
    }
    const struct wr_check_type *t = c->signatures.items[ref->tag - 1];
    if (t == NULL) {
        t = wr_type_parse_signature(&c->types, wr_str_z(builtin->types));
        c->signatures.items[ref->tag - 1] = (void *)(uintptr_t)t;
    }
    return t;
}

int wr_check_arity(struct wr_check *c, struct wr_ast_term *ref)
{
    if (wr_check_builtin(c, ref) != NULL) {
        const struct wr_check_type *t = wr_check_signature(c, ref);
        return t != NULL ? (int)t->n : 0;
    }
    const struct check_node *node = wr_check_find(c, &c->rules, ref->items, ref->n_items);
    return node == NULL || node->rules.n == 0
               ? -1
               : (int)((const struct check_rule *)node->rules.items[0])->source->n_args;
}

/* ── walking statements ─────────────────────────────────────────────────────────────────────── */

/* Calls f for each statement below, outer ones first; below one for which it says so, for none. */
typedef bool on_expr(struct wr_check *c, struct wr_ast_expr *e);

static void each_expr(struct wr_check *c, const struct wr_ast_body *body, on_expr *f);

static void each_in_term(struct wr_check *c, const struct wr_ast_term *t, on_expr *f)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || c->stop) {
        return;
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        each_in_term(c, t->items[i], f);
    }
    if (t->body != NULL) {
        each_expr(c, t->body, f);
    }
}

static void each_expr(struct wr_check *c, const struct wr_ast_body *body, on_expr *f)
{
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        struct wr_ast_expr *e = body->exprs[i];
        wr_check_charge(c, 1);
        if (f(c, e)) {
            continue;
        }
        if (e->kind == WR_AST_EVERY) {
            each_in_term(c, e->domain, f);
            each_expr(c, e->body, f);
        } else if (e->term != NULL) {
            each_in_term(c, e->term, f);
        }
        for (uint32_t k = 0; k < e->n_with; k++) {
            each_in_term(c, e->with[k].value, f);
        }
    }
}

static void each_of_rule(struct wr_check *c, const struct check_rule *rule, on_expr *f)
{
    for (uint32_t i = 0; i < rule->source->n_args; i++) {
        each_in_term(c, rule->args[i], f);
    }
    if (rule->key != NULL) {
        each_in_term(c, rule->key, f);
    }
    if (rule->value != NULL) {
        each_in_term(c, rule->value, f);
    }
    each_expr(c, rule->body, f);
}

/* ── void calls as values ───────────────────────────────────────────────────────────────────── */

static void void_in_term(struct wr_check *c, const struct wr_ast_term *t, bool is_statement)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || c->stop) {
        return;
    }
    if (t->kind == WR_AST_CALL && !is_statement) {
        const struct wr_builtin *builtin = wr_check_builtin(c, t->items[0]);
        if (builtin != NULL && (builtin->flags & WR_BUILTIN_VOID) != 0) {
            struct wr_buf text = wr_buf_in(c->arena, 64);
            wr_rego_print_term(&text, wr_check_shown(c, (struct wr_ast_term *)(uintptr_t)t));
            wr_check_error(c, WR_E_REGO_TYPE, &t->loc, "%.*s used as value", (int)text.n, text.p);
        }
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        void_in_term(c, t->items[i], false);
    }
    if (t->body != NULL) {
        wr_check_void_calls_of(c, t->body);
    }
}

void wr_check_void_calls_of(struct wr_check *c, const struct wr_ast_body *body)
{
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        const struct wr_ast_expr *e = body->exprs[i];
        if (e->kind == WR_AST_EVERY) {
            void_in_term(c, e->domain, false);
            wr_check_void_calls_of(c, e->body);
        } else if (e->term != NULL) {
            void_in_term(c, e->term, true);
        }
        for (uint32_t k = 0; k < e->n_with; k++) {
            void_in_term(c, e->with[k].value, false);
        }
    }
}

void wr_check_void_calls(struct wr_check *c, struct check_rule *rule)
{
    if (rule->key != NULL) {
        void_in_term(c, rule->key, false);
    }
    if (rule->value != NULL) {
        void_in_term(c, rule->value, false);
    }
    wr_check_void_calls_of(c, rule->body);
}

/* ── print ──────────────────────────────────────────────────────────────────────────────────── */

static bool is_print(const struct wr_ast_expr *e)
{
    return wr_check_is_call(e) && wr_check_is_op(e->term, "print");
}

static bool found_print(const struct wr_ast_body *body);

static bool prints(const struct wr_ast_term *t)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR) {
        return false;
    }
    bool found = t->body != NULL && found_print(t->body);
    for (uint32_t i = 0; i < t->n_items && !found; i++) {
        found = prints(t->items[i]);
    }
    return found;
}

static bool found_print(const struct wr_ast_body *body)
{
    bool found = false;
    for (uint32_t i = 0; i < body->n && !found; i++) {
        const struct wr_ast_expr *e = body->exprs[i];
        found = e->kind == WR_AST_EVERY ? prints(e->domain) || found_print(e->body)
                                        : is_print(e) || (e->term != NULL && prints(e->term));
    }
    return found;
}

static void print_in_term(struct wr_check *c, struct wr_ast_term *t, const struct check_set *safe)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || c->stop) {
        return;
    }
    if (t->body != NULL) {
        t->body = wr_check_print_of(c, t->body, safe);
        return;
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        print_in_term(c, t->items[i], safe);
    }
}

/* False with errors when an argument has variables that are not known where it stands. */
static bool arguments_known(struct wr_check *c, const struct wr_ast_term *call,
                            const struct check_set *safe)
{
    uint32_t before = c->errors->n;
    for (uint32_t i = 1; i < call->n_items; i++) {
        struct check_set vars = {0};
        wr_check_vars_of_term(c, &vars, call->items[i], CHECK_SAFETY);
        for (uint32_t v = 0; v < c->vars->n && !c->stop; v++) {
            if (wr_varset_has(&vars, v) && !wr_varset_has(safe, v)) {
                struct wr_str name = c->vars->items[v].name;
                wr_check_error(c, WR_E_REGO_COMPILE, &call->items[i]->loc, "var %.*s is undeclared",
                               WR_FMT(name));
            }
        }
    }
    return c->errors->n == before;
}

/* internal.print([{x | x = first}, {y | y = second}, ...]): what is undefined prints as such. */
static struct wr_ast_expr *capture(struct wr_check *c, struct wr_ast_expr *e)
{
    const struct wr_ast_loc *loc = &e->loc;
    uint32_t n = e->term->n_items - 1;
    struct wr_ast_term *list = wr_check_new_items(c, WR_AST_ARRAY, loc, n);
    struct wr_ast_term *call = wr_check_new_items(c, WR_AST_CALL, loc, 2);
    struct wr_ast_term *name = wr_check_new_items(c, WR_AST_REF, loc, 2);
    struct wr_ast_term *word = wr_check_new(c, WR_AST_SCALAR, loc);
    struct wr_ast_term *head = wr_check_new(c, WR_AST_VAR, loc);
    for (uint32_t i = 0; i < n && !c->stop; i++) {
        struct wr_ast_term *t = e->term->items[i + 1];
        struct wr_ast_term *var = wr_check_var(c, wr_check_generate(c), &t->loc);
        struct wr_ast_term *set = wr_check_new_items(c, WR_AST_SET_COMPREHENSION, &t->loc, 1);
        struct check_list exprs = {0};
        wr_check_push(c, &exprs, wr_check_equation(c, var, t, &t->loc));
        if (!c->stop) {
            ((struct wr_ast_expr *)exprs.items[0])->generated = false;
            set->items[0] = var;
            set->body = wr_check_body(c, &exprs, &t->loc);
            list->items[i] = set;
        }
    }
    if (c->stop) {
        return e;
    }
    head->name = WR_STR("internal");
    head->tag = UINT32_MAX;
    word->value = wr_string(WR_STR("print"));
    name->items[0] = head, name->items[1] = word;
    call->items[0] = name, call->items[1] = list;
    return wr_check_new_expr(c, call, loc);
}

static void add_outputs(struct wr_check *c, struct check_set *safe, const struct wr_ast_expr *e)
{
    struct check_set outputs = {0};
    wr_check_outputs(c, &outputs, e, safe);
    wr_varset_join(c, safe, &outputs);
}

struct wr_ast_body *wr_check_print_of(struct wr_check *c, struct wr_ast_body *body,
                                      const struct check_set *globals)
{
    struct check_set safe = wr_varset_copy(c, globals);
    uint32_t before = c->errors->n;
    if (!found_print(body)) {
        return body;
    }
    for (uint32_t i = 0; i < body->n && c->errors->n == before && !c->stop; i++) {
        struct wr_ast_expr *e = body->exprs[i];
        if (e->kind == WR_AST_EVERY) {
            struct check_set inner = wr_varset_copy(c, &safe);
            print_in_term(c, e->domain, &safe);
            wr_check_vars_of_term(c, &inner, e->key, 0);
            wr_check_vars_of_term(c, &inner, e->value, 0);
            e->body = wr_check_print_of(c, e->body, &inner);
        } else if (e->term != NULL) {
            print_in_term(c, e->term, &safe);
        }
        add_outputs(c, &safe, e);
    }
    safe = wr_varset_copy(c, globals);
    for (uint32_t i = 0; i < body->n && c->errors->n == before && !c->stop; i++) {
        if (is_print(body->exprs[i]) && arguments_known(c, body->exprs[i]->term, &safe)) {
            body->exprs[i] = capture(c, body->exprs[i]);
        }
        add_outputs(c, &safe, body->exprs[i]);
    }
    return body;
}

void wr_check_print(struct wr_check *c, struct check_rule *rule)
{
    struct check_set safe = {0};
    wr_varset_add(c, &safe, VAR_INPUT);
    wr_varset_add(c, &safe, VAR_DATA);
    for (uint32_t i = 0; i < rule->source->n_args; i++) {
        wr_check_vars_of_term(c, &safe, rule->args[i], 0);
    }
    if (rule->key != NULL) {
        print_in_term(c, rule->key, &safe);
    }
    if (rule->value != NULL) {
        print_in_term(c, rule->value, &safe);
    }
    rule->body = wr_check_print_of(c, rule->body, &safe);
}

/* ── undefined functions, numbers of arguments ──────────────────────────────────────────────── */

/* What is known of an argument before types are inferred. */
static const struct wr_check_type *known_type(struct wr_check *c, const struct wr_ast_term *t)
{
    const struct wr_check_type **of, *any = &wr_type_any;
    if (t->kind == WR_AST_SCALAR) {
        return wr_type_of(&c->types, &t->value);
    }
    if (t->kind == WR_AST_REF && t->items[0]->kind == WR_AST_VAR && t->items[0]->tag <= VAR_DATA) {
        return any;
    }
    if (t->kind == WR_AST_ARRAY &&
        (of = WR_NEW_ARRAY(c->keep, const struct wr_check_type *, t->n_items)) != NULL) {
        for (uint32_t i = 0; i < t->n_items; i++) {
            of[i] = known_type(c, t->items[i]);
        }
        return wr_type_array(&c->types, of, t->n_items, t->n_items == 0 ? any : NULL);
    }
    if (t->kind == WR_AST_SET) {
        const struct wr_check_type *all = t->n_items == 0 ? any : NULL;
        for (uint32_t i = 0; i < t->n_items; i++) {
            all = wr_type_or(&c->types, all, known_type(c, t->items[i]));
        }
        return wr_type_set(&c->types, all);
    }
    if (t->kind == WR_AST_OBJECT) {
        struct wr_value v = wr_check_constant(c, t);
        return v.type == WR_UNDEFINED || v.n == 0
                   ? wr_type_object(&c->types, NULL, NULL, 0, any, any)
                   : wr_type_of(&c->types, &v);
    }
    return NULL;
}

struct wr_str wr_check_argument_details(struct wr_check *c, struct wr_str name,
                                        const struct wr_check_type *const *have, uint32_t n,
                                        const struct wr_check_type *function, bool result)
{
    struct wr_buf json = wr_buf_in(c->arena, 128);
    /* OPA describes arguments in prose; only what its recorded answers hold is carried here. */
    const char *note = wr_str_eq(name, WR_STR("plus")) ? "the sum of `x` and `y`" : NULL;
    wr_buf_str(&json, WR_STR("{\"have\":["));
    for (uint32_t i = 0; i < n; i++) {
        wr_buf_str(&json, i > 0 ? WR_STR(",") : WR_STR(""));
        wr_type_write_json(&json, have[i]);
    }
    wr_buf_str(&json, WR_STR("],\"want\":"));
    wr_type_write_arguments_json(&json, function, result, note);
    wr_buf_char(&json, '}');
    return wr_buf_view(&json);
}

static void wrong_arity(struct wr_check *c, const struct wr_ast_expr *e, int want, uint32_t got)
{
    struct wr_ast_term *ref = e->term->items[0];
    const struct wr_check_type *signature = wr_check_signature(c, ref);
    struct wr_str name = wr_check_ref_text(c, ref->items, ref->n_items);
    if (signature == NULL) {
        wr_check_error(c, WR_E_REGO_TYPE, &e->loc, "function %.*s has arity %d, got %u argument%s",
                       WR_FMT(name), want, got, got == 1 ? "" : "s");
        return;
    }
    struct wr_rego_error *error =
        wr_check_error(c, WR_E_REGO_TYPE, &e->loc, "%.*s: arity mismatch", WR_FMT(name));
    struct wr_buf have = wr_buf_in(c->arena, 64), text = wr_buf_in(c->arena, 64);
    uint32_t n = e->term->n_items - 1;
    const struct wr_check_type **types = WR_NEW_ARRAY(c->arena, const struct wr_check_type *, n);
    if (types == NULL) {
        wr_check_no_room(c);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        types[i] = known_type(c, e->term->items[i + 1]);
        wr_buf_str(&have, i > 0 ? WR_STR(", ") : WR_STR(""));
        wr_type_write(&have, types[i]);
    }
    wr_rego_error_detail(c->errors, error, "have: (%.*s)", (int)have.n, have.p);
    wr_type_write_arguments(&text, signature, false);
    wr_rego_error_detail(c->errors, error, "want: %.*s", (int)text.n, text.p);
    if (error != NULL) {
        struct wr_str details = wr_check_argument_details(c, name, types, n, signature, false);
        error->details = wr_str_copy(c->errors->arena, details);
    }
}

static bool check_function(struct wr_check *c, struct wr_ast_expr *e)
{
    if (!wr_check_is_call(e)) {
        return false;
    }
    struct wr_ast_term *ref = e->term->items[0];
    uint32_t operands = e->term->n_items - 1;
    int arity = wr_check_arity(c, ref);
    if (arity < 0) {
        struct wr_str name = wr_check_ref_text(c, ref->items, ref->n_items);
        wr_check_error(c, WR_E_REGO_TYPE, &e->loc, "undefined function %.*s", WR_FMT(name));
        return true;
    }
    if (e->generated) { /* with a variable for its result */
        if (wr_check_is_op(e->term, "eq") || operands == (uint32_t)arity + 1) {
            return false;
        }
        wrong_arity(c, e, arity, operands - 1);
        return true;
    }
    if (operands == (uint32_t)arity || operands == (uint32_t)arity + 1) {
        return false;
    }
    wrong_arity(c, e, arity, operands);
    return true;
}

void wr_check_functions(struct wr_check *c, struct check_rule *rule)
{
    each_of_rule(c, rule, check_function);
}

void wr_check_functions_of(struct wr_check *c, const struct wr_ast_body *body)
{
    each_expr(c, body, check_function);
}

/* ── deprecated builtins ────────────────────────────────────────────────────────────────────── */

static bool check_deprecated(struct wr_check *c, struct wr_ast_expr *e)
{
    const struct wr_builtin *builtin =
        wr_check_is_call(e) ? wr_check_builtin(c, e->term->items[0]) : NULL;
    if (builtin != NULL && (builtin->flags & WR_BUILTIN_DEPRECATED) != 0) {
        wr_check_error(c, WR_E_REGO_TYPE, &e->loc,
                       "deprecated built-in function calls in expression: %s", builtin->name);
    }
    return false;
}

static void deprecated_in_rule(struct wr_check *c, struct check_rule *rule)
{
    if (c->options->strict || c->module->ast->v1) {
        each_of_rule(c, rule, check_deprecated);
    }
}

void wr_check_deprecated(struct wr_check *c)
{
    wr_check_each_rule(c, deprecated_in_rule);
}
