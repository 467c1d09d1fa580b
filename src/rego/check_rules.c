/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of rules, conflicts in it, which rule refers to which, and cycles. */
#include "rego/check_state.h"
#include "rego/print.h"

/* ── the tree ───────────────────────────────────────────────────────────────────────────────── */

static struct check_node *add_path(struct wr_check *c, struct wr_ast_term *const *items, uint32_t n)
{
    struct check_node *node = c->rules.root;
    for (uint32_t i = 1; i < n && !c->stop; i++) {
        node = wr_check_add_child(c, &c->rules, node, items[i]->value);
    }
    return node;
}

void wr_check_rule_tree(struct wr_check *c)
{
    for (uint32_t m = 0; m < c->n_modules && !c->stop; m++) {
        struct check_module *module = &c->modules[m];
        const struct wr_ast_term *package = module->ast->package;
        struct check_node *node = package->kind == WR_AST_REF
                                      ? add_path(c, package->items, package->n_items)
                                      : c->rules.root;
        wr_check_push_in(c, c->keep, &node->modules, module);
        for (uint32_t i = 0; i < module->n_rules && !c->stop; i++) {
            struct check_rule *rule = module->rules[i];
            struct check_node *at = add_path(c, rule->path->items, rule->n_ground);
            wr_check_push_in(c, c->keep, &at->rules, rule);
        }
    }
}

/* The next node in preorder below `root`, or NULL. */
static struct check_node *next_node(const struct check_node *root, struct check_node *node)
{
    if (node->child != NULL) {
        return node->child;
    }
    while (node != root && node->sibling == NULL) {
        node = node->parent;
    }
    return node == root ? NULL : node->sibling;
}

/* ── conflicts ──────────────────────────────────────────────────────────────────────────────── */

static bool is_multi(const struct check_rule *rule)
{
    return rule->source->kind == WR_AST_RULE_SET;
}

static void conflict(struct wr_check *c, const struct check_rule *at, const char *what,
                     struct wr_str name)
{
    c->file = at->module->ast->file;
    wr_check_error(c, WR_E_REGO_TYPE, &at->source->loc, "%s rules %.*s found", what, WR_FMT(name));
}

/* Paths of the rules below a node, sorted, none below another. */
static void report_below(struct wr_check *c, const struct check_node *node,
                         const struct check_rule *at, struct wr_str name)
{
    struct check_list refs = {0};
    for (struct check_node *n = next_node(node, (struct check_node *)(uintptr_t)node);
         n != NULL && !c->stop; n = next_node(node, n)) {
        wr_check_charge(c, 1);
        for (uint32_t i = 0; i < n->rules.n; i++) {
            bool covered = false;
            struct check_rule *rule = n->rules.items[i];
            for (uint32_t k = 0; k < refs.n && !covered; k++) {
                const struct wr_ast_term *have = ((struct check_rule *)refs.items[k])->path;
                covered = have->n_items <= rule->path->n_items;
                for (uint32_t j = 0; j < have->n_items && covered; j++) {
                    covered = wr_ast_term_same(have->items[j], rule->path->items[j]);
                }
                wr_check_charge(c, 1);
            }
            if (!covered) {
                wr_check_push(c, &refs, rule);
            }
        }
    }
    struct wr_buf text = wr_buf_in(c->arena, 64);
    for (uint32_t i = 0; i < refs.n; i++) {
        for (uint32_t k = i; k > 0; k--) {
            struct check_rule *a = refs.items[k - 1], *b = refs.items[k];
            if (wr_ast_term_cmp(a->path, b->path) <= 0) {
                break;
            }
            refs.items[k - 1] = b, refs.items[k] = a;
        }
    }
    for (uint32_t i = 0; i < refs.n && text.n < 4096; i++) {
        const struct check_rule *rule = refs.items[i];
        wr_buf_str(&text, i > 0 ? WR_STR(" ") : WR_STR(""));
        wr_rego_print_ref(&text, rule->path->items, rule->path->n_items);
    }
    c->file = at->module->ast->file;
    wr_check_error(c, WR_E_REGO_TYPE, &at->source->loc, "rule %.*s conflicts with [%.*s]",
                   WR_FMT(name), (int)text.n, text.p);
}

/* The first of a node's rules in the text. */
static const struct check_rule *first_rule(const struct check_node *node)
{
    return node->rules.items[0];
}

static void check_node_rules(struct wr_check *c, const struct check_node *node)
{
    bool multi = false, single = false, complete = false, partial = false, arities = false;
    bool below = false;
    uint32_t defaults = 0, n_args = first_rule(node)->source->n_args;
    struct wr_str name = {0};
    for (uint32_t i = 0; i < node->rules.n; i++) {
        const struct check_rule *rule = node->rules.items[i];
        bool ground = rule->n_ground == rule->path->n_items;
        multi |= is_multi(rule);
        single |= !is_multi(rule);
        arities |= rule->source->n_args != n_args;
        defaults += rule->source->is_default;
        complete |= !is_multi(rule) && ground;
        partial |= is_multi(rule) || !ground;
        below |= ground && node->n_children > 0;
        c->vars = rule->vars;
        if (i + 1 == node->rules.n) {
            name = wr_check_ref_text(c, rule->path->items, rule->path->n_items);
        }
    }
    if (below) {
        report_below(c, node, first_rule(node), name);
    } else if ((multi && single) || arities || (complete && partial)) {
        conflict(c, first_rule(node), "conflicting", name);
    } else if (defaults > 1) {
        conflict(c, first_rule(node), "multiple default", name);
    }
}

/* A rule at a place that is the package of another module. */
static void check_packages(struct wr_check *c, const struct check_module *module)
{
    for (uint32_t i = 0; i < module->n_rules && !c->stop; i++) {
        const struct check_rule *rule = module->rules[i];
        if (rule->n_ground < rule->path->n_items) {
            continue;
        }
        struct check_node *node =
            wr_check_find(c, &c->rules, rule->path->items, rule->path->n_items);
        for (uint32_t k = 0; node != NULL && k < node->modules.n; k++) {
            const struct check_module *other = node->modules.items[k];
            struct wr_buf package = wr_buf_in(c->arena, 64), name = wr_buf_in(c->arena, 64);
            const size_t data = strlen("data.");
            wr_rego_print_term(&package, other->ast->package);
            wr_rego_print_ref(&name, rule->ref->items, rule->ref->n_items);
            c->file = module->ast->file;
            wr_check_error(c, WR_E_REGO_TYPE, &module->ast->package_loc,
                           "package %.*s conflicts with rule %.*s defined at %.*s:%u",
                           (int)(package.n - data), package.p + data, (int)name.n, name.p,
                           WR_FMT(c->file), rule->source->loc.row);
        }
    }
}

void wr_check_conflicts(struct wr_check *c)
{
    for (struct check_node *node = c->rules.root; node != NULL && !c->stop;
         node = next_node(c->rules.root, node)) {
        if (node->rules.n > 0) {
            check_node_rules(c, node);
        }
    }
    for (uint32_t m = 0; m < c->n_modules && !c->stop; m++) {
        check_packages(c, &c->modules[m]);
    }
}

/* ── who refers to whom ─────────────────────────────────────────────────────────────────────── */

static void use_rules(struct wr_check *c, struct check_rule *rule, const struct check_node *node)
{
    for (uint32_t i = 0; i < node->rules.n; i++) {
        for (struct check_rule *to = node->rules.items[i]; to != NULL; to = to->otherwise) {
            wr_check_charge(c, 1);
            if (rule->uses.n == 0 || rule->uses.items[rule->uses.n - 1] != to) {
                wr_check_push(c, &rule->uses, to);
            }
        }
    }
}

/* All rules that a reference may mean: those on its way, those below its end, and any child where
 * an item is no constant. */
static void use_path(struct wr_check *c, struct check_rule *rule, const struct check_node *node,
                     const struct wr_ast_term *ref, uint32_t at)
{
    for (; at < ref->n_items && !c->stop; at++) {
        struct wr_value key = wr_check_constant(c, ref->items[at]);
        if (key.type == WR_UNDEFINED) {
            for (const struct check_node *n = node->child; n != NULL && !c->stop; n = n->sibling) {
                use_rules(c, rule, n);
                use_path(c, rule, n, ref, at + 1);
            }
            return;
        }
        node = wr_check_child(&c->rules, node, &key);
        if (node == NULL) {
            return;
        }
        use_rules(c, rule, node);
    }
    for (struct check_node *n = next_node(node, (struct check_node *)(uintptr_t)node);
         n != NULL && !c->stop; n = next_node(node, n)) {
        use_rules(c, rule, n);
    }
}

static void use_term(struct wr_check *c, struct check_rule *rule, const struct wr_ast_term *t);

static void use_body(struct wr_check *c, struct check_rule *rule, const struct wr_ast_body *body)
{
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        const struct wr_ast_expr *e = body->exprs[i];
        if (e->kind == WR_AST_EVERY) {
            use_term(c, rule, e->domain);
            use_body(c, rule, e->body);
        } else if (e->term != NULL) {
            use_term(c, rule, e->term);
        }
        for (uint32_t k = 0; k < e->n_with; k++) {
            use_term(c, rule, e->with[k].target);
            use_term(c, rule, e->with[k].value);
        }
    }
}

static void use_term(struct wr_check *c, struct check_rule *rule, const struct wr_ast_term *t)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || c->stop) {
        return;
    }
    if (t->kind == WR_AST_REF && t->items[0]->kind == WR_AST_VAR && t->items[0]->tag == VAR_DATA) {
        use_path(c, rule, c->rules.root, t, 1);
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        use_term(c, rule, t->items[i]);
    }
    if (t->body != NULL) {
        use_body(c, rule, t->body);
    }
}

void wr_check_graph(struct wr_check *c, struct check_rule *rule)
{
    for (uint32_t i = 0; i < rule->source->n_args; i++) {
        use_term(c, rule, rule->args[i]);
    }
    if (rule->key != NULL) {
        use_term(c, rule, rule->key);
    }
    if (rule->value != NULL) {
        use_term(c, rule, rule->value);
    }
    use_body(c, rule, rule->body);
}

/* ── cycles ─────────────────────────────────────────────────────────────────────────────────── */

enum { UNKNOWN, LEADS_BACK, CLEAR, SEARCHED }; /* marks of rules */

struct step {
    struct check_rule *rule;
    uint32_t next;
};

/* A way from a rule back to itself, depth first in the order of the text; *n steps. */
static struct step *find_cycle(struct wr_check *c, struct check_rule *from, uint32_t *n)
{
    struct step *stack = NULL;
    uint32_t cap = 0, depth = 0;
    struct check_rule *at = from;
    for (;;) {
        if (at != NULL) {
            if (depth == cap) {
                uint32_t more = cap == 0 ? 16 : cap * 2;
                struct step *grown = WR_NEW_ARRAY(c->arena, struct step, more);
                if (grown == NULL) {
                    wr_check_no_room(c);
                    return NULL;
                }
                if (depth > 0) {
                    memcpy(grown, stack, depth * sizeof(grown[0]));
                }
                stack = grown;
                cap = more;
            }
            stack[depth++] = (struct step){at, 0};
        }
        struct step *top = &stack[depth - 1];
        wr_check_charge(c, 1);
        if (c->stop) {
            return NULL;
        }
        if (top->next == top->rule->uses.n) {
            if (--depth == 0) {
                return NULL;
            }
            at = NULL;
            continue;
        }
        at = top->rule->uses.items[top->next++];
        if (at == from) {
            *n = depth;
            return stack;
        }
        if (at->mark == SEARCHED || at->mark == CLEAR) {
            at = NULL;
        } else {
            at->mark = SEARCHED;
        }
    }
}

/* Depth first, each rule once: finds the rules below which no way leads back, and puts rules behind
 * those that they use. */
static void walk_rule(struct wr_check *c, struct check_rule *rule)
{
    struct check_list stack = {0}, next = {0};
    if (rule->walked) {
        return;
    }
    wr_check_push(c, &stack, rule);
    wr_check_push(c, &next, (void *)0);
    rule->walked = true;
    while (stack.n > 0 && !c->stop) {
        struct check_rule *top = stack.items[stack.n - 1];
        uintptr_t at = (uintptr_t)next.items[next.n - 1];
        wr_check_charge(c, 1);
        if (at < top->uses.n) {
            struct check_rule *to = top->uses.items[at];
            next.items[next.n - 1] = (void *)(at + 1);
            if (!to->walked) {
                to->walked = true;
                wr_check_push(c, &stack, to);
                wr_check_push(c, &next, (void *)0);
            } else if (to->mark != CLEAR) {
                top->mark = LEADS_BACK;
            }
            continue;
        }
        stack.n--, next.n--;
        wr_check_push(c, &c->order, top);
        if (top->mark != LEADS_BACK) {
            top->mark = CLEAR;
        } else if (stack.n > 0) {
            ((struct check_rule *)stack.items[stack.n - 1])->mark = LEADS_BACK;
        }
    }
}

static void forget_search(struct wr_check *c)
{
    wr_check_charge(c, c->order.n);
    for (uint32_t i = 0; i < c->order.n; i++) {
        struct check_rule *rule = c->order.items[i];
        rule->mark = rule->mark == SEARCHED ? LEADS_BACK : rule->mark;
    }
}

static void check_cycle(struct wr_check *c, struct check_rule *rule)
{
    uint32_t n = 0;
    if (rule->mark == CLEAR) {
        return;
    }
    forget_search(c);
    struct step *way = find_cycle(c, rule, &n);
    if (way == NULL) {
        return;
    }
    struct wr_buf text = wr_buf_in(c->arena, 128), name = wr_buf_in(c->arena, 64);
    for (uint32_t i = 0; i <= n && text.n < 4096; i++) {
        const struct wr_ast_term *path = i < n ? way[i].rule->path : rule->path;
        wr_buf_str(&text, i > 0 ? WR_STR(" -> ") : WR_STR(""));
        wr_rego_print_ref(&text, path->items, path->n_items);
    }
    wr_rego_print_ref(&name, rule->path->items, rule->path->n_items);
    wr_check_error(c, WR_E_REGO_RECURSION, &rule->source->loc, "rule %.*s is recursive: %.*s",
                   (int)name.n, name.p, (int)text.n, text.p);
}

void wr_check_recursion(struct wr_check *c)
{
    wr_check_each_rule(c, walk_rule);
    wr_check_each_rule(c, check_cycle);
}
