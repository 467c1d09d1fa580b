/* SPDX-License-Identifier: Apache-2.0 */
/* rego.metadata.rule() and rego.metadata.chain(): the annotations of the calling rule, and of what
 * it stands in, as constants of the compiled rule. Outside of rules they are {} and []. */
#include "rego/annotation.h"
#include "rego/resolve.h"

#define CHAIN_MAX (WR_LIMIT_REGO_HEAD * 2 + 4)

struct chain {
    struct resolver *r;
    struct wr_value items[CHAIN_MAX];
    uint32_t n;
};

static bool has_scope(const struct wr_annotation *a, const char *scope)
{
    return wr_str_eq(a->scope, wr_str_z(scope));
}

static const struct wr_annotation *of_rule(const struct wr_ast_module *m,
                                           const struct wr_ast_rule *rule)
{
    for (uint32_t i = 0; i < m->n_annotations; i++) {
        if (m->annotations[i]->rule == rule && has_scope(m->annotations[i], "rule")) {
            return m->annotations[i];
        }
    }
    return NULL;
}

static bool same_path(const struct wr_ast_rule *a, const struct wr_ast_rule *b)
{
    if (a->n_static != b->n_static || !wr_str_eq(a->ref->items[0]->name, b->ref->items[0]->name)) {
        return false;
    }
    for (uint32_t i = 1; i < a->n_static; i++) {
        if (!wr_value_eq(&a->ref->items[i]->value, &b->ref->items[i]->value)) {
            return false;
        }
    }
    return true;
}

/* The package of module `m` is the first n keys of the calling rule's package. */
static bool is_package(const struct resolver *r, const struct wr_plan_module *m, uint32_t n)
{
    if (m->n_package != n) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!wr_value_eq(&m->package[i], &r->module->package[i])) {
            return false;
        }
    }
    return true;
}

/* The first annotation of a scope in a package of n keys; for documents, of the rule's own path. */
static const struct wr_annotation *of_package(const struct resolver *r, uint32_t n,
                                              const char *scope)
{
    for (uint32_t i = 0; i < r->n_modules; i++) {
        const struct wr_ast_module *m = r->modules[i].ast;
        if (!is_package(r, &r->modules[i], n)) {
            continue;
        }
        for (uint32_t k = 0; k < m->n_annotations; k++) {
            const struct wr_annotation *a = m->annotations[k];
            if (has_scope(a, scope) && (a->rule == NULL || same_path(a->rule, r->rule))) {
                return a;
            }
        }
    }
    return NULL;
}

/* {"path": [..], "annotations": {..}}: the first n keys of the package, then those of the rule. */
static void add_link(struct chain *chain, uint32_t n, bool rule, const struct wr_annotation *a)
{
    struct resolver *r = chain->r;
    uint32_t more = rule ? r->rule->n_static : 0, n_pairs = a != NULL ? 2 : 1;
    struct wr_value *path = WR_NEW_ARRAY(r->arena, struct wr_value, n + more);
    struct wr_pair *pairs = WR_NEW_ARRAY(r->arena, struct wr_pair, 2);
    if (path == NULL || pairs == NULL || chain->n == CHAIN_MAX) {
        r->no_room = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        path[i] = r->module->package[i];
    }
    for (uint32_t i = 0; i < more; i++) {
        const struct wr_ast_term *item = r->rule->ref->items[i];
        path[n + i] = i == 0 ? wr_string(item->name) : item->value;
    }
    pairs[0] = (struct wr_pair){wr_string(WR_STR("path")), wr_array(path, n + more)};
    if (a != NULL) {
        pairs[1] = (struct wr_pair){wr_string(WR_STR("annotations")), a->value};
    }
    chain->items[chain->n++] = wr_object_from(pairs, n_pairs);
}

static struct wr_value chain_of(struct resolver *r)
{
    struct chain chain = {.r = r};
    uint32_t n = r->module->n_package;
    add_link(&chain, n, true, of_rule(r->module->ast, r->rule));
    const struct wr_annotation *a = of_package(r, n, "document");
    if (a != NULL) {
        add_link(&chain, n, true, a);
    }
    a = of_package(r, n, "package");
    if (a != NULL) {
        add_link(&chain, n, false, a);
    }
    for (uint32_t i = n + 1; i-- > 0;) {
        a = of_package(r, i, "subpackages");
        if (a != NULL) {
            add_link(&chain, i, false, a);
        }
    }
    struct wr_value all = wr_array(chain.items, chain.n);
    return wr_value_copy(r->arena, all);
}

bool wr_resolve_metadata(struct resolver *r, struct wr_str name, struct wr_value *out)
{
    if (wr_str_eq(name, WR_STR("rego.metadata.rule"))) {
        const struct wr_annotation *a = r->rule != NULL ? of_rule(r->module->ast, r->rule) : NULL;
        *out = a != NULL ? a->value : wr_object_from(NULL, 0);
        return true;
    }
    if (wr_str_eq(name, WR_STR("rego.metadata.chain"))) {
        *out = r->rule != NULL ? chain_of(r) : wr_array(NULL, 0);
        return true;
    }
    return false;
}
