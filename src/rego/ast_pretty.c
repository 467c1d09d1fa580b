/* SPDX-License-Identifier: Apache-2.0 */
#include "rego/ast_pretty.h"

#include "value/json_write.h"

static void line(struct wr_buf *out, uint32_t depth, const char *text)
{
    for (uint32_t i = 0; i < depth; i++) {
        wr_buf_char(out, ' ');
    }
    wr_format(out, "%s\n", text);
}

static void term(struct wr_buf *out, uint32_t depth, const struct wr_ast_term *t);
static void body(struct wr_buf *out, uint32_t depth, const struct wr_ast_body *b);

static void scalar(struct wr_buf *out, uint32_t depth, const struct wr_ast_term *t)
{
    for (uint32_t i = 0; i < depth; i++) {
        wr_buf_char(out, ' ');
    }
    if (t->kind == WR_AST_VAR) {
        wr_buf_str(out, wr_ast_is_wildcard(t) ? WR_STR("_") : t->name);
    } else {
        wr_json_write(out, &t->value, WR_JSON_COMPACT);
    }
    wr_buf_char(out, '\n');
}

static const char *kind_name(const struct wr_ast_term *t)
{
    switch ((enum wr_ast_kind)t->kind) {
    case WR_AST_REF:
        return "ref";
    case WR_AST_ARRAY:
        return "array";
    case WR_AST_OBJECT:
        return "object";
    case WR_AST_SET:
        return "set";
    case WR_AST_ARRAY_COMPREHENSION:
        return "arraycomprehension";
    case WR_AST_SET_COMPREHENSION:
        return "setcomprehension";
    case WR_AST_OBJECT_COMPREHENSION:
        return "objectcomprehension";
    case WR_AST_CALL:
        return "call";
    case WR_AST_SCALAR:
    case WR_AST_VAR:
        break;
    }
    return "";
}

static void term(struct wr_buf *out, uint32_t depth, const struct wr_ast_term *t)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR) {
        scalar(out, depth, t);
        return;
    }
    line(out, depth, kind_name(t));
    for (uint32_t i = 0; i < t->n_items; i++) {
        term(out, depth + 1, t->items[i]);
    }
    if (t->body != NULL) {
        body(out, depth + 1, t->body);
    }
}

static void declaration(struct wr_buf *out, uint32_t depth, const struct wr_ast_expr *e)
{
    line(out, depth, e->kind == WR_AST_SOME ? "somedecl" : "every");
    for (uint32_t i = 0; i < e->n_terms; i++) {
        term(out, depth + 1, e->terms[i]);
    }
    if (e->kind == WR_AST_EVERY) {
        if (e->key != NULL) {
            term(out, depth + 1, e->key);
        }
        term(out, depth + 1, e->value);
        term(out, depth + 1, e->domain);
        body(out, depth + 1, e->body);
    }
}

static void body(struct wr_buf *out, uint32_t depth, const struct wr_ast_body *b)
{
    line(out, depth, "body");
    for (uint32_t i = 0; i < b->n; i++) {
        const struct wr_ast_expr *e = b->exprs[i];
        char room[64];
        struct wr_buf text = wr_buf_fixed(room, sizeof room);
        wr_format(&text, "expr %sindex=%u%c", e->negated ? "negated " : "", e->index, '\0');
        line(out, depth + 1, room);
        if (e->kind != WR_AST_TERM) {
            declaration(out, depth + 2, e);
        } else if (e->term->kind == WR_AST_CALL) {
            for (uint32_t k = 0; k < e->term->n_items; k++) {
                term(out, depth + 2, e->term->items[k]);
            }
        } else {
            term(out, depth + 2, e->term);
        }
        for (uint32_t k = 0; k < e->n_with; k++) {
            line(out, depth + 2, "with");
            term(out, depth + 3, e->with[k].target);
            term(out, depth + 3, e->with[k].value);
        }
    }
}

static void head(struct wr_buf *out, uint32_t depth, const struct wr_ast_rule *rule)
{
    line(out, depth, "head");
    line(out, depth + 1, "ref");
    for (uint32_t i = 0; i < rule->ref->n_items; i++) {
        term(out, depth + 2, rule->ref->items[i]);
    }
    if (rule->n_args > 0) {
        line(out, depth + 1, "args");
        for (uint32_t i = 0; i < rule->n_args; i++) {
            term(out, depth + 2, rule->args[i]);
        }
    }
    if (rule->kind != WR_AST_RULE_SET) { /* OPA shows no keys but in the reference */
        term(out, depth + 1, rule->value);
    }
}

void wr_rego_module_pretty(struct wr_buf *out, const struct wr_ast_module *module)
{
    line(out, 0, "module");
    line(out, 1, "package");
    term(out, 2, module->package);
    for (uint32_t i = 0; i < module->n_imports; i++) {
        line(out, 1, "import");
        term(out, 2, module->imports[i].path);
        if (module->imports[i].alias.n > 0) {
            wr_format(out, "  %.*s\n", WR_FMT(module->imports[i].alias));
        }
    }
    for (uint32_t i = 0; i < module->n_rules; i++) {
        uint32_t depth = 1; /* each else stands within the rule before */
        for (const struct wr_ast_rule *rule = module->rules[i]; rule != NULL;
             rule = rule->otherwise) {
            line(out, depth, "rule");
            head(out, depth + 1, rule);
            body(out, depth + 1, rule->body);
            depth++;
        }
    }
}
