/* SPDX-License-Identifier: Apache-2.0 */
/* Modules to the tree of rules: packages, heads, clauses; conflicts among them. */
#include "rego/print.h"
#include "rego/resolve.h"

struct wr_rego_error *wr_resolve_error(struct resolver *r, wr_err code,
                                       const struct wr_ast_loc *loc, const char *format, ...)
{
    char room[WR_LIMIT_ERROR_TEXT];
    struct wr_buf buf = wr_buf_fixed(room, sizeof(room));
    va_list args;
    va_start(args, format);
    wr_vformat(&buf, format, args);
    va_end(args);
    return wr_rego_error_add(r->errors, code, r->module->ast->file, loc, "%.*s", (int)buf.n, buf.p);
}

/* ── tree ───────────────────────────────────────────────────────────────────────────────────── */

static bool too_deep(struct resolver *r, uint32_t n, const struct wr_ast_loc *loc)
{
    if (n > WR_LIMIT_REGO_HEAD) {
        wr_resolve_error(r, WR_E_LIMIT, loc, "a path of %u items: WR_LIMIT_REGO_HEAD is %d", n,
                         WR_LIMIT_REGO_HEAD);
        return true;
    }
    return false;
}

/* Keys of the package, and its node. */
static bool add_package(struct resolver *r, struct wr_plan_module *m)
{
    const struct wr_ast_term *package = m->ast->package;
    uint32_t n = package->kind == WR_AST_REF ? package->n_items - 1 : 0;
    struct wr_value *keys = WR_NEW_ARRAY(r->arena, struct wr_value, n);
    r->module = m;
    if (keys == NULL || too_deep(r, n, &m->ast->package_loc)) {
        r->no_room = r->no_room || keys == NULL;
        return false;
    }
    m->package = keys;
    m->n_package = n;
    m->node = r->tree->root;
    for (uint32_t i = 0; i < n && m->node != NULL; i++) {
        keys[i] = package->items[i + 1]->value;
        m->node = wr_tree_add(r->tree, r->arena, m->node, keys[i]);
    }
    if (m->node == NULL) {
        r->no_room = true;
        return false;
    }
    m->node->package = true;
    return true;
}

static enum wr_node_kind node_kind_of(const struct wr_ast_rule *rule)
{
    if (rule->kind == WR_AST_RULE_FUNCTION) {
        return WR_NODE_FUNCTION;
    }
    if (rule->kind == WR_AST_RULE_OBJECT || rule->n_static < rule->ref->n_items) {
        return WR_NODE_PARTIAL;
    }
    return rule->kind == WR_AST_RULE_SET ? WR_NODE_SET : WR_NODE_COMPLETE;
}

/* Joins the kinds of two rules with one path. OPA words all misfits alike. */
static void join_kind(struct resolver *r, struct wr_rule_node *node, enum wr_node_kind kind,
                      const struct wr_ast_rule *rule)
{
    if (node->kind == WR_NODE_INNER || node->kind == kind) {
        node->kind = (uint8_t)kind;
        return;
    }
    struct wr_str path = wr_tree_path(r->arena, node);
    wr_resolve_error(r, WR_E_REGO_TYPE, &rule->loc, "conflicting rules %.*s found", WR_FMT(path));
}

static void add_fallback(struct resolver *r, struct wr_rule_node *node,
                         struct wr_plan_clause *clause)
{
    if (node->fallback != NULL) {
        struct wr_str path = wr_tree_path(r->arena, node);
        wr_resolve_error(r, WR_E_REGO_TYPE, &clause->ast->loc, "multiple default rules %.*s found",
                         WR_FMT(path));
    }
    node->fallback = clause;
}

static void add_rule(struct resolver *r, const struct wr_ast_rule *rule)
{
    if (too_deep(r, rule->ref->n_items, &rule->loc)) {
        return;
    }
    struct wr_value name = wr_string(rule->ref->items[0]->name);
    struct wr_rule_node *node = wr_tree_add(r->tree, r->arena, r->module->node, name);
    for (uint32_t i = 1; i <= rule->n_static && node != NULL; i++) {
        if (i == 1) {
            node->exported = true;
        }
        if (i < rule->n_static) {
            node = wr_tree_add(r->tree, r->arena, node, rule->ref->items[i]->value);
        }
    }
    struct wr_plan_clause *clause = WR_NEW(r->arena, struct wr_plan_clause);
    if (node == NULL || clause == NULL) {
        r->no_room = true;
        return;
    }
    clause->ast = rule;
    clause->module = r->module;
    clause->is_default = rule->is_default;
    bool first = node->kind == WR_NODE_INNER;
    join_kind(r, node, node_kind_of(rule), rule);
    if (node->kind == WR_NODE_FUNCTION && !first && node->arity != rule->n_args) {
        struct wr_str path = wr_tree_path(r->arena, node);
        wr_resolve_error(r, WR_E_REGO_TYPE, &rule->loc, "conflicting rules %.*s found",
                         WR_FMT(path));
    }
    node->arity = first ? rule->n_args : node->arity;
    if (rule->is_default) {
        add_fallback(r, node, clause);
        return;
    }
    *node->last = clause;
    node->last = &clause->next;
}

/* ── what partial rules own ─────────────────────────────────────────────────────────────────── */

/* Prefixes a clause's path with the static keys between owner and its own node. */
static bool prefix_path(struct resolver *r, struct wr_plan_clause *clause,
                        const struct wr_rule_node *from, const struct wr_rule_node *owner)
{
    const struct wr_rule_node *chain[WR_LIMIT_REGO_HEAD * 2];
    uint32_t n = 0;
    for (; from != owner && n < WR_COUNTOF(chain); from = from->parent) {
        chain[n++] = from;
    }
    struct wr_plan_term **path = WR_NEW_ARRAY(r->arena, struct wr_plan_term *, n);
    if (path == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        path[i] = wr_resolve_const(r, chain[n - 1 - i]->key, &clause->ast->head_loc);
    }
    clause->path = path;
    clause->n_path = n;
    return true;
}

static void take_clauses(struct resolver *r, struct wr_rule_node *node, struct wr_rule_node *owner)
{
    node->absorbed = true;
    for (struct wr_plan_clause *c = node->clauses; c != NULL; c = c->next) {
        r->no_room = !prefix_path(r, c, node, owner) || r->no_room;
    }
    if (node->clauses != NULL) {
        *owner->last = node->clauses;
        owner->last = node->last;
        node->clauses = NULL;
        node->last = &node->clauses;
    }
    if (node->fallback != NULL) {
        r->no_room = !prefix_path(r, node->fallback, node, owner) || r->no_room;
        *owner->last = node->fallback;
        owner->last = &node->fallback->next;
        node->fallback = NULL;
    }
}

/* Moves the clauses of all nodes below into `owner`. A path is at most WR_LIMIT_REGO_HEAD deep. */
static void absorb(struct resolver *r, struct wr_rule_node *node, struct wr_rule_node *owner)
{
    for (uint32_t i = 0; i < node->n_children; i++) {
        struct wr_rule_node *child = node->children[i];
        if (child->kind != WR_NODE_FUNCTION) {
            take_clauses(r, child, owner);
        }
        absorb(r, child, owner);
    }
    node->n_children = node == owner ? 0 : node->n_children;
}

static void absorb_all(struct resolver *r)
{
    for (uint32_t i = 0; i < r->tree->n_nodes && !r->no_room; i++) {
        struct wr_rule_node *node = r->tree->nodes[i];
        if (node->kind == WR_NODE_PARTIAL && !node->absorbed && node->n_children > 0) {
            absorb(r, node, node);
        }
    }
}

/* ── clauses ────────────────────────────────────────────────────────────────────────────────── */

static void declare_pattern(struct resolver *r, const struct wr_ast_term *t)
{
    t = wr_as_name(t);
    if (t->kind == WR_AST_VAR) {
        if (!wr_ast_is_wildcard(t)) {
            wr_scope_add(r, t->name);
            wr_scope_activate(r, t->name);
        }
    } else if (t->kind == WR_AST_ARRAY) {
        for (uint32_t i = 0; i < t->n_items; i++) {
            declare_pattern(r, t->items[i]);
        }
    } else if (t->kind == WR_AST_OBJECT) {
        for (uint32_t i = 1; i < t->n_items; i += 2) {
            declare_pattern(r, t->items[i]);
        }
    }
}

static void start_clause(struct resolver *r)
{
    r->scope = NULL;
    wr_name_map_clear(&r->free_vars);
    r->names = NULL;
    r->n_vars = r->cap_vars = 0;
    r->has_with = false;
}

static struct wr_plan_term **resolve_list(struct resolver *r, struct wr_ast_term **items,
                                          uint32_t n)
{
    struct wr_plan_term **out = WR_NEW_ARRAY(r->arena, struct wr_plan_term *, n);
    for (uint32_t i = 0; out != NULL && i < n; i++) {
        out[i] = wr_resolve_term(r, items[i]);
    }
    r->no_room = r->no_room || out == NULL;
    return out;
}

/* Dynamic items of the head, behind what absorb() put in front. */
static void resolve_head_path(struct resolver *r, struct wr_plan_clause *clause)
{
    const struct wr_ast_rule *rule = clause->ast;
    uint32_t more = rule->ref->n_items - rule->n_static;
    if (more == 0) {
        return;
    }
    struct wr_plan_term **path =
        WR_NEW_ARRAY(r->arena, struct wr_plan_term *, clause->n_path + more);
    if (path == NULL) {
        r->no_room = true;
        return;
    }
    if (clause->n_path > 0) {
        memcpy(path, clause->path, clause->n_path * sizeof(path[0]));
    }
    for (uint32_t i = 0; i < more; i++) {
        path[clause->n_path + i] = wr_resolve_term(r, rule->ref->items[rule->n_static + i]);
    }
    clause->path = path;
    clause->n_path += more;
}

/* One link of an else chain: arguments first, then its body and head in one scope. */
static void resolve_clause(struct resolver *r, struct wr_plan_clause *clause)
{
    const struct wr_ast_rule *rule = clause->ast;
    struct scope scope = {0};
    start_clause(r);
    r->module = clause->module;
    r->scope = &scope;
    for (uint32_t i = 0; i < rule->n_args; i++) {
        declare_pattern(r, rule->args[i]);
    }
    clause->args = resolve_list(r, rule->args, rule->n_args);
    clause->n_args = rule->n_args;
    r->scope = NULL;
    wr_scope_enter_body(r, &scope, rule->body);
    clause->body = wr_resolve_body(r, rule->body);
    resolve_head_path(r, clause);
    clause->key = rule->key == NULL ? NULL : wr_resolve_term(r, rule->key);
    clause->value = rule->value == NULL ? NULL : wr_resolve_term(r, rule->value);
    wr_scope_leave(r, &scope);
    clause->names = r->names;
    clause->n_vars = r->n_vars;
    clause->has_with = r->has_with;
}

static void resolve_chain(struct resolver *r, struct wr_plan_clause *clause)
{
    struct wr_plan_clause *head = clause;
    r->rule = head->ast;
    for (;;) {
        resolve_clause(r, clause);
        head->has_with = head->has_with || clause->has_with;
        const struct wr_ast_rule *otherwise = clause->ast->otherwise;
        if (otherwise == NULL || r->no_room) {
            return;
        }
        clause->otherwise = WR_NEW(r->arena, struct wr_plan_clause);
        if (clause->otherwise == NULL) {
            r->no_room = true;
            return;
        }
        clause->otherwise->ast = otherwise;
        clause->otherwise->module = clause->module;
        clause = clause->otherwise;
    }
}

/* ── modules ────────────────────────────────────────────────────────────────────────────────── */

/* The name an import gives, or none for `import future.keywords` and `import rego.v1`. */
static struct wr_str import_alias(const struct wr_ast_import *import)
{
    const struct wr_ast_term *path = import->path;
    const struct wr_ast_term *head = path->kind == WR_AST_REF ? path->items[0] : path;
    bool root = wr_str_eq(head->name, WR_STR("data")) || wr_str_eq(head->name, WR_STR("input"));
    if (!root) {
        return (struct wr_str){0};
    }
    if (import->alias.n > 0) {
        return import->alias;
    }
    if (path->kind != WR_AST_REF) {
        return head->name;
    }
    const struct wr_ast_term *last = path->items[path->n_items - 1];
    return wr_ast_is_string(last) ? wr_text(last->value) : (struct wr_str){0};
}

static void enter_module(struct resolver *r, struct wr_plan_module *m)
{
    r->module = m;
    wr_name_map_clear(&r->imports);
    for (uint32_t i = 0; i < m->ast->n_imports; i++) {
        struct wr_str alias = import_alias(&m->ast->imports[i]);
        if (alias.n == 0) {
            continue;
        }
        r->no_room = !wr_name_map_put(&r->imports, r->arena, alias, i) || r->no_room;
    }
}

/* Resolves all clauses, module by module: names depend on the module. */
static void resolve_rules(struct resolver *r, struct wr_resolve_result *out)
{
    struct wr_plan_module *entered = NULL;
    for (uint32_t i = 0; i < out->tree.n_nodes && !r->no_room; i++) {
        struct wr_rule_node *node = out->tree.nodes[i];
        for (struct wr_plan_clause *c = node->clauses; c != NULL && !r->no_room; c = c->next) {
            if (c->module != entered) {
                enter_module(r, c->module);
                entered = c->module;
            }
            resolve_chain(r, c);
        }
        if (node->fallback != NULL && !r->no_room) {
            enter_module(r, node->fallback->module);
            entered = node->fallback->module;
            resolve_chain(r, node->fallback);
        }
    }
}

static wr_err finish(struct resolver *r)
{
    if (r->no_room) {
        wr_rego_error_add(r->errors, WR_E_MEMORY, (struct wr_str){0}, NULL,
                          "no room to compile the policy");
    } else if (r->too_many) {
        wr_rego_error_add(r->errors, WR_E_LIMIT, (struct wr_str){0}, NULL,
                          "a rule has more than %d variables (WR_LIMIT_REGO_VARS)",
                          WR_LIMIT_REGO_VARS);
    }
    return r->errors->n == 0 ? WR_OK : r->errors->items[0].code;
}

/* data.system is no part of what `data` enumerates. */
static void hide_system(struct wr_rule_tree *tree)
{
    struct wr_value key = wr_string(WR_STR("system"));
    struct wr_rule_node *system = wr_tree_child(tree->root, &key);
    if (system != NULL) {
        system->hidden = true;
    }
}

wr_err wr_resolve_modules(struct wr_arena *arena, struct wr_ast_module **modules, uint32_t n,
                          const struct wr_rego_options *options, struct wr_resolve_result *out,
                          struct wr_rego_errors *errors)
{
    struct resolver r = {.arena = arena, .options = options, .errors = errors, .tree = &out->tree};
    out->modules = WR_NEW_ARRAY(arena, struct wr_plan_module, n);
    out->n_modules = n;
    r.modules = out->modules;
    r.n_modules = n;
    if (out->modules == NULL || !wr_tree_init(&out->tree, arena)) {
        r.no_room = true;
        return finish(&r);
    }
    for (uint32_t i = 0; i < n && !r.no_room; i++) {
        out->modules[i].ast = modules[i];
        if (!add_package(&r, &out->modules[i])) {
            continue;
        }
        for (uint32_t k = 0; k < modules[i]->n_rules && !r.no_room; k++) {
            add_rule(&r, modules[i]->rules[k]);
        }
    }
    if (errors->n == 0 && !r.no_room) {
        absorb_all(&r);
        hide_system(&out->tree);
        resolve_rules(&r, out);
    }
    return finish(&r);
}

wr_err wr_resolve_query(struct wr_arena *arena, struct wr_rule_tree *tree,
                        struct wr_plan_module *module, const struct wr_ast_body *body,
                        const struct wr_rego_options *options, struct wr_plan_clause *out,
                        struct wr_rego_errors *errors)
{
    struct resolver r = {.arena = arena, .options = options, .errors = errors, .tree = tree};
    struct scope scope = {0};
    enter_module(&r, module);
    start_clause(&r);
    wr_scope_enter_body(&r, &scope, body);
    out->module = module;
    out->body = wr_resolve_body(&r, body);
    wr_scope_leave(&r, &scope);
    out->names = r.names;
    out->n_vars = r.n_vars;
    out->has_with = r.has_with;
    return finish(&r);
}
