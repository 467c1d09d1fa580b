/* SPDX-License-Identifier: Apache-2.0 */
/* The checks in OPA's order: after the first step that finds errors, nothing more is looked at. */
#include "rego/check.h"

#include "rego/check_state.h"
#include "rego/print.h"

/* ── roots that may not be hidden, imports that may not either (strict mode, version 1) ──────── */

static bool is_root_name(struct wr_str name)
{
    return wr_str_eq(name, WR_STR("input")) || wr_str_eq(name, WR_STR("data"));
}

static void shadows(struct wr_check *c, const struct wr_ast_loc *loc, const char *what,
                    const char *one, struct wr_str name)
{
    wr_check_error(c, WR_E_REGO_COMPILE, loc, "%s must not shadow %.*s (use a different %s name)",
                   what, WR_FMT(name), one);
}

static void assigned_roots(struct wr_check *c, const struct wr_ast_body *body);

static void assigned_roots_in(struct wr_check *c, const struct wr_ast_term *t)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || c->stop) {
        return;
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        assigned_roots_in(c, t->items[i]);
    }
    if (t->body != NULL) {
        assigned_roots(c, t->body);
    }
}

static void assigned_roots(struct wr_check *c, const struct wr_ast_body *body)
{
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        const struct wr_ast_expr *e = body->exprs[i];
        if (wr_check_is_call(e) && wr_check_is_op(e->term, "assign") && e->term->n_items == 3) {
            const struct wr_ast_term *left = e->term->items[1];
            if (left->kind == WR_AST_REF && left->n_items == 1 &&
                is_root_name(left->items[0]->name)) {
                shadows(c, &e->loc, "variables", "variable", left->items[0]->name);
            }
        }
        if (e->kind == WR_AST_EVERY) {
            assigned_roots_in(c, e->domain);
            assigned_roots(c, e->body);
        } else if (e->term != NULL) {
            assigned_roots_in(c, e->term);
        }
    }
}

static void overridden_roots(struct wr_check *c)
{
    for (uint32_t m = 0; m < c->n_modules && !c->stop; m++) {
        const struct wr_ast_module *ast = c->modules[m].ast;
        c->file = ast->file;
        for (uint32_t i = 0; (c->options->strict || ast->v1) && i < ast->n_rules; i++) {
            const struct wr_ast_rule *rule = ast->rules[i];
            struct wr_str name = rule->ref->items[0]->name;
            if (is_root_name(name)) {
                shadows(c, &rule->loc, "rules", "rule", name);
            }
            for (uint32_t k = 0; k < rule->n_args; k++) {
                const struct wr_ast_term *arg = rule->args[k];
                if (arg->kind == WR_AST_REF && arg->n_items == 1) {
                    shadows(c, &arg->loc, "args", "variable", arg->items[0]->name);
                }
            }
        }
        for (uint32_t i = 0; (c->options->strict || ast->v1) && i < ast->n_rules && !c->stop; i++) {
            for (const struct wr_ast_rule *r = ast->rules[i]; r != NULL; r = r->otherwise) {
                if (r->value != NULL) {
                    assigned_roots_in(c, r->value);
                }
                assigned_roots(c, r->body);
            }
        }
    }
}

static struct wr_str import_text(struct wr_check *c, const struct wr_ast_import *import)
{
    struct wr_buf text = wr_buf_in(c->arena, 64);
    wr_rego_print_term(&text, import->path);
    if (import->alias.n > 0) {
        wr_format(&text, " as %.*s", WR_FMT(import->alias));
    }
    return wr_buf_view(&text);
}

/* The name under which an import is known, future keywords included. */
static struct wr_str import_name(const struct wr_ast_import *import)
{
    const struct wr_ast_term *path = import->path;
    if (import->alias.n > 0) {
        return import->alias;
    }
    if (path->kind != WR_AST_REF || path->n_items == 1) {
        return path->kind == WR_AST_REF ? path->items[0]->name : path->name;
    }
    const struct wr_ast_term *last = path->items[path->n_items - 1];
    return wr_ast_is_string(last) ? wr_text(last->value) : (struct wr_str){0};
}

static void duplicate_imports(struct wr_check *c)
{
    for (uint32_t m = 0; m < c->n_modules && !c->stop; m++) {
        const struct wr_ast_module *ast = c->modules[m].ast;
        struct wr_name_map seen = {0};
        c->file = ast->file;
        for (uint32_t i = 0; (c->options->strict || ast->v1) && i < ast->n_imports; i++) {
            struct wr_str name = import_name(&ast->imports[i]);
            const uint32_t *before = wr_name_map_get(&seen, name);
            if (before != NULL) {
                struct wr_str text = import_text(c, &ast->imports[*before]);
                wr_check_error(c, WR_E_REGO_COMPILE, &ast->imports[i].loc,
                               "import must not shadow import %.*s", WR_FMT(text));
            } else if (!wr_name_map_put(&seen, c->arena, name, i)) {
                wr_check_no_room(c);
            }
        }
    }
}

static void unused_imports(struct wr_check *c, const struct check_module *m)
{
    for (uint32_t i = 0; i < m->ast->n_imports && c->options->strict; i++) {
        const struct wr_ast_import *import = &m->ast->imports[i];
        const uint32_t *known = wr_name_map_get(&m->imports, import_name(import));
        if (known != NULL && !m->import_used[*known]) {
            struct wr_str text = import_text(c, import);
            wr_check_error(c, WR_E_REGO_COMPILE, &import->loc, "import %.*s unused", WR_FMT(text));
        }
    }
}

/* ── modules ────────────────────────────────────────────────────────────────────────────────── */

/* In order of file names, as OPA goes through them. */
static bool take_modules(struct wr_check *c, struct wr_ast_module *const *modules, uint32_t n)
{
    c->modules = WR_NEW_ARRAY(c->keep, struct check_module, n);
    c->packages = WR_NEW_ARRAY(c->keep, struct check_package, n);
    c->rules.root = WR_NEW(c->keep, struct check_node);
    c->typed.root = WR_NEW(c->keep, struct check_node);
    if (c->modules == NULL || c->packages == NULL || c->rules.root == NULL ||
        c->typed.root == NULL) {
        return false;
    }
    c->n_modules = n;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = i;
        for (; at > 0 && wr_str_cmp(c->modules[at - 1].ast->file, modules[i]->file) > 0; at--) {
            c->modules[at] = c->modules[at - 1];
        }
        c->modules[at] = (struct check_module){.ast = modules[i]};
    }
    return true;
}

/* The package of a module, with the names of its rules. */
static void enter_package(struct wr_check *c, struct check_module *m)
{
    struct wr_buf text = wr_buf_in(c->keep, 64);
    wr_rego_print_term(&text, m->ast->package);
    struct wr_str name = wr_buf_view(&text);
    const uint32_t *known = wr_name_map_get(&c->package_ids, name);
    if (known == NULL) {
        if (!wr_name_map_put(&c->package_ids, c->keep, name, c->n_packages)) {
            wr_check_no_room(c);
            return;
        }
        m->package = &c->packages[c->n_packages++];
    } else {
        m->package = &c->packages[*known];
    }
    for (uint32_t i = 0; i < m->ast->n_rules; i++) {
        if (!wr_name_map_put(&m->package->names, c->keep, m->ast->rules[i]->ref->items[0]->name,
                             1)) {
            wr_check_no_room(c);
        }
    }
}

static void resolve_all(struct wr_check *c)
{
    for (uint32_t i = 0; i < c->n_modules; i++) {
        enter_package(c, &c->modules[i]);
    }
    for (uint32_t i = 0; i < c->n_modules && !c->stop; i++) {
        c->module = &c->modules[i];
        c->file = c->module->ast->file;
        wr_check_open_module(c, c->module);
        wr_check_resolve_rules(c, c->module);
        unused_imports(c, c->module);
    }
}

static void head_refs(struct wr_check *c)
{
    for (uint32_t m = 0; m < c->n_modules && !c->stop; m++) {
        c->module = &c->modules[m];
        for (uint32_t i = 0; i < c->module->n_rules && !c->stop; i++) {
            for (struct check_rule *r = c->module->rules[i]; r != NULL; r = r->otherwise) {
                c->vars = r->vars;
                wr_check_head_refs(c, r);
            }
        }
    }
}

static void locals(struct wr_check *c)
{
    for (uint32_t m = 0; m < c->n_modules && !c->stop; m++) {
        c->module = &c->modules[m];
        c->file = c->module->ast->file;
        for (uint32_t i = 0; i < c->module->n_rules && !c->stop; i++) {
            c->vars = c->module->rules[i]->vars;
            wr_check_locals(c, c->module->rules[i]);
        }
    }
}

static bool went_wrong(const struct wr_check *c)
{
    return c->errors->n > 0 || c->stop;
}

typedef void on_rule(struct wr_check *, struct check_rule *);

static void run(struct wr_check *c)
{
    static on_rule *const flatten[] = {wr_check_expand, wr_check_graph, wr_check_comprehensions,
                                       wr_check_refs_in_head};
    static on_rule *const checks[] = {wr_check_with, NULL, wr_check_functions, wr_check_safe_heads,
                                      wr_check_safe_bodies};
    void (*const first[])(struct wr_check *) = {
        resolve_all, head_refs, overridden_roots, duplicate_imports, wr_check_rule_tree, locals};
    for (size_t i = 0; i < WR_COUNTOF(first) && !went_wrong(c); i++) {
        first[i](c);
    }
    if (!went_wrong(c)) {
        wr_check_each_rule(c, wr_check_void_calls);
    }
    if (!went_wrong(c)) {
        wr_check_each_rule(c, wr_check_print);
    }
    for (size_t i = 0; i < WR_COUNTOF(flatten) && !went_wrong(c); i++) {
        wr_check_each_rule(c, flatten[i]);
    }
    for (size_t i = 0; i < WR_COUNTOF(checks) && !went_wrong(c); i++) {
        if (checks[i] == NULL) {
            wr_check_conflicts(c);
        } else {
            wr_check_each_rule(c, checks[i]);
        }
    }
    if (!went_wrong(c)) {
        wr_check_each_rule(c, wr_check_equals);
        wr_check_each_rule(c, wr_check_dynamics);
        wr_check_recursion(c);
    }
    if (!went_wrong(c)) {
        wr_check_types(c);
    }
    if (!went_wrong(c)) {
        wr_check_deprecated(c);
    }
}

static uint32_t steps_allowed(const struct wr_check *c)
{
    return c->options->steps != 0 ? c->options->steps : WR_LIMIT_REGO_CHECK;
}

static wr_err outcome(struct wr_check *c)
{
    if (c->no_room || c->types.no_room) {
        wr_rego_error_add(c->errors, WR_E_MEMORY, (struct wr_str){0}, NULL,
                          "no room to check the policy");
    } else if (c->too_long || c->types.steps == 0) {
        wr_rego_error_add(c->errors, WR_E_LIMIT, c->file, NULL,
                          "checking this takes more than %u steps (%s)", steps_allowed(c),
                          c->options->steps != 0 ? "as many as are allowed here"
                                                 : "WR_LIMIT_REGO_CHECK");
    }
    return c->errors->n == 0 ? WR_OK : c->errors->items[0].code;
}

wr_err wr_check_modules(struct wr_arena *arena, struct wr_ast_module *const *modules, uint32_t n,
                        const struct wr_rego_options *options, struct wr_check **check,
                        struct wr_rego_errors *errors)
{
    struct wr_check *c = WR_NEW(arena, struct wr_check);
    *check = c;
    if (c == NULL) {
        wr_rego_error_add(errors, WR_E_MEMORY, (struct wr_str){0}, NULL,
                          "no room to check the policy");
        return WR_E_MEMORY;
    }
    struct wr_arena scratch;
    wr_arena_init(&scratch, arena->memory, arena->cap - arena->taken);
    c->arena = arena->memory != NULL ? &scratch : arena;
    c->keep = c->types.arena = arena;
    c->options = options;
    c->types.steps = steps_allowed(c);
    c->errors = errors;
    c->suffix = "";
    if (!take_modules(c, modules, n)) {
        wr_check_no_room(c);
    } else {
        run(c);
    }
    wr_err err = outcome(c);
    wr_arena_deinit(&scratch);
    c->arena = NULL;
    return err;
}

/* ── queries ────────────────────────────────────────────────────────────────────────────────── */

static bool is_void(struct wr_check *c, const struct wr_ast_term *call)
{
    const struct wr_builtin *builtin = wr_check_builtin(c, call->items[0]);
    return builtin != NULL && (builtin->flags & WR_BUILTIN_VOID) != 0;
}

static struct wr_ast_term *captured_var(struct wr_check *c, uint32_t number,
                                        const struct wr_ast_loc *loc)
{
    struct wr_buf name = wr_buf_in(c->arena, 16);
    wr_format(&name, "$term%u", number);
    return wr_check_var(c, wr_check_new_var(c, wr_buf_view(&name)), loc);
}

/* Each expression that is no equation is bound to a wildcard; where it could be false or there are
 * several, the wildcard stands as one more expression. */
static struct wr_ast_body *capture_values(struct wr_check *c, struct wr_ast_body *body)
{
    struct check_list more = {0};
    bool several = body->n > 1;
    uint32_t n = 0;
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        struct wr_ast_expr *e = body->exprs[i];
        struct wr_ast_term *var = NULL;
        several = several || e->kind != WR_AST_TERM;
        if (e->kind != WR_AST_TERM || e->negated ||
            (wr_check_is_call(e) &&
             (wr_check_is_op(e->term, "eq") || wr_check_is_op(e->term, "assign")))) {
            continue;
        }
        if (!wr_check_is_call(e)) {
            var = captured_var(c, n++, &e->loc);
            e->term = wr_check_equation(c, e->term, var, &e->loc)->term;
        } else if (!is_void(c, e->term) &&
                   wr_check_arity(c, e->term->items[0]) == (int)e->term->n_items - 1) {
            struct wr_ast_term *call =
                wr_check_new_items(c, WR_AST_CALL, &e->term->loc, e->term->n_items + 1);
            var = captured_var(c, n++, &e->loc);
            if (!c->stop) {
                memcpy(call->items, e->term->items, e->term->n_items * sizeof(call->items[0]));
                call->items[e->term->n_items] = var;
                e->term = call;
            }
        }
        if (var != NULL && several) {
            wr_check_push(c, &more, wr_check_new_expr(c, var, &e->loc));
        }
    }
    wr_check_append(c, &body, &more);
    return body;
}

static void check_query(struct wr_check *c, const struct wr_ast_body *source, bool capture)
{
    struct wr_ast_body *body = wr_check_resolve_query(c, source);
    bool failed = false;
    if (capture && !c->stop) {
        body = capture_values(c, body);
    }
    body = wr_check_query_locals(c, body);
    if (!went_wrong(c)) {
        wr_check_void_calls_of(c, body);
    }
    if (!went_wrong(c)) {
        struct check_set safe = {0};
        wr_varset_add(c, &safe, VAR_INPUT);
        wr_varset_add(c, &safe, VAR_DATA);
        body = wr_check_print_of(c, body, &safe);
    }
    if (!went_wrong(c)) {
        body = wr_check_expand_body(c, body);
        wr_check_comprehensions_of(c, body);
        body = wr_check_with_of(c, body, &failed);
    }
    if (!went_wrong(c)) {
        wr_check_functions_of(c, body);
    }
    if (!went_wrong(c)) {
        body = wr_check_safe_query(c, body);
    }
    if (!went_wrong(c)) {
        wr_check_types_of_query(c, wr_check_dynamics_of(c, body));
    }
}

wr_err wr_check_query(const struct wr_check *check, struct wr_arena *arena,
                      const struct wr_ast_module *module, bool in_package,
                      const struct wr_ast_body *body, bool capture, struct wr_rego_errors *errors)
{
    struct wr_check c = *check;
    struct check_module m = {.ast = module};
    struct wr_rego_options relaxed = *c.options; /* strict mode is for modules, as in OPA */
    relaxed.strict = false;
    c.options = &relaxed;
    c.arena = c.keep = c.types.arena = arena;
    c.types.steps = steps_allowed(&c);
    c.errors = errors;
    c.suffix = "q";
    c.next_local = 0;
    c.ids = c.ignored = c.generated = (struct wr_name_map){0};
    c.called = c.signatures = (struct check_list){0};
    c.slots = NULL;
    c.n_slots = 0;
    c.stop = c.no_room = c.too_long = false;
    c.module = &m;
    c.file = module->file;
    wr_check_open_module(&c, &m);
    if (in_package) {
        struct wr_buf text = wr_buf_in(arena, 64);
        wr_rego_print_term(&text, module->package);
        const uint32_t *known = wr_name_map_get(&c.package_ids, wr_buf_view(&text));
        m.package = known != NULL ? &c.packages[*known] : NULL;
    }
    if (!c.stop) {
        check_query(&c, body, capture);
    }
    return outcome(&c);
}
