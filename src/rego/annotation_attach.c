/* SPDX-License-Identifier: Apache-2.0 */
/* Which statement an annotation describes, and whether its scope fits. */
#include "rego/annotation.h"

struct target {
    const char *what; /* "package", "import", "rule"; NULL: nothing follows */
    uint32_t row;
    struct wr_ast_rule *rule;
};

static void consider(struct target *t, const char *what, uint32_t row, struct wr_ast_rule *rule,
                     uint32_t above)
{
    if (row > above && (t->what == NULL || row < t->row)) {
        *t = (struct target){what, row, rule};
    }
}

/* The index of the first of n places below the row; they stand in order of rows. */
static uint32_t first_below(const struct wr_ast_module *m, bool imports, uint32_t row)
{
    uint32_t low = 0, high = imports ? m->n_imports : m->n_rules;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t here = imports ? m->imports[middle].loc.row : m->rules[middle]->loc.row;
        if (here > row) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* The statement that follows the row. */
static struct target find_target(const struct wr_ast_module *m, uint32_t above)
{
    struct target t = {0};
    uint32_t import = first_below(m, true, above), rule = first_below(m, false, above);
    consider(&t, "package", m->package_loc.row, NULL, above);
    if (import < m->n_imports) {
        consider(&t, "import", m->imports[import].loc.row, NULL, above);
    }
    if (rule < m->n_rules) {
        consider(&t, "rule", m->rules[rule]->loc.row, m->rules[rule], above);
    }
    return t;
}

static bool is_scope(const struct wr_annotation *a, const char *scope)
{
    return wr_str_eq(a->scope, wr_str_z(scope));
}

static void check_scope(struct wr_ast_module *module, struct wr_rego_errors *errors,
                        const struct wr_annotation *a, const struct target *t)
{
    bool for_rule = is_scope(a, "rule") || is_scope(a, "document");
    bool for_package = is_scope(a, "package") || is_scope(a, "subpackages");
    const char *want = for_rule ? "rule" : "package";
    if (!for_rule && !for_package) {
        wr_rego_error_add(errors, WR_E_REGO_PARSE, module->file, &a->loc,
                          "invalid annotation scope '%.*s'. Use one of 'rule', 'document', "
                          "'package', or 'subpackages'",
                          WR_FMT(a->scope));
    } else if (t->what == NULL) {
        wr_rego_error_add(errors, WR_E_REGO_PARSE, module->file, &a->loc,
                          "annotation scope '%.*s' must be applied to %s", WR_FMT(a->scope), want);
    } else if (!wr_str_eq(wr_str_z(t->what), wr_str_z(want))) {
        wr_rego_error_add(errors, WR_E_REGO_PARSE, module->file, &a->loc,
                          "annotation scope '%.*s' must be applied to %s (have %s)",
                          WR_FMT(a->scope), want, t->what);
    }
    if (a->entrypoint && !is_scope(a, "rule") && !is_scope(a, "package")) {
        wr_rego_error_add(errors, WR_E_REGO_PARSE, module->file, &a->loc,
                          "annotation entrypoint applied to non-rule or package scope '%.*s'",
                          WR_FMT(a->scope));
    }
}

/* The value with its scope. */
static struct wr_value with_scope(struct wr_arena *arena, struct wr_value value,
                                  struct wr_str scope)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, (size_t)value.n + 1);
    if (pairs == NULL) {
        return wr_undefined();
    }
    if (value.n > 0) {
        memcpy(pairs, value.pairs, value.n * sizeof *pairs);
    }
    pairs[value.n] = (struct wr_pair){wr_string(WR_STR("scope")), wr_string(scope)};
    return wr_object_from(pairs, (size_t)value.n + 1);
}

wr_err wr_rego_annotations_attach(struct wr_arena *arena, struct wr_ast_module *module,
                                  struct wr_rego_errors *errors)
{
    uint32_t before = errors->n;
    uint32_t most = WR_MIN(2 * module->n_annotations, WR_LIMIT_REGO_PARSE_ERRORS);
    errors->limit = WR_MAX(errors->limit, before + most);
    for (uint32_t i = 0; i < module->n_annotations; i++) {
        struct wr_annotation *a = module->annotations[i];
        struct target t = find_target(module, a->loc.row);
        a->rule = t.rule;
        if (a->scope.n == 0 && t.what != NULL) {
            a->scope = wr_str_z(t.what);
        }
        check_scope(module, errors, a, &t);
        a->value = with_scope(arena, a->value, a->scope);
        a->json = with_scope(arena, a->json, a->scope);
    }
    if (wr_arena_failed(arena)) {
        wr_rego_error_add(errors, WR_E_MEMORY, module->file, NULL, "out of memory");
        return WR_E_MEMORY;
    }
    return errors->n > before ? WR_E_REGO_PARSE : WR_OK;
}
